// SPDX-License-Identifier: GPL-2.0-only
/* connect: blocking, non-blocking, refused, timed out, undone. */
#include "api.h"

TEST_F(api, connect_blocking)
{
	struct sockaddr_in sin;
	socklen_t len = sizeof(sin);

	api_pair(self);
	EXPECT_EQ(TCP_ESTABLISHED, api_state(self->client));
	EXPECT_EQ(0, api_so_error(self->client));
	ASSERT_EQ(0, getsockname(self->client, (struct sockaddr *)&sin, &len));
	EXPECT_EQ(htonl(INADDR_LOOPBACK), sin.sin_addr.s_addr);
	EXPECT_EQ(EISCONN, api_errno(connect(self->client, API_SA(&self->addr))));
}

TEST_F(api, connect_non_blocking)
{
	api_listen(self, 1);
	self->client = api_socket(self->family, SOCK_NONBLOCK);
	EXPECT_EQ(EINPROGRESS, api_errno(connect(self->client, API_SA(&self->addr))));
	EXPECT_EQ(POLLOUT, api_poll(self->client, POLLOUT | POLLIN, 1000));
	EXPECT_EQ(0, api_so_error(self->client));
	/* The second call reports success once. */
	EXPECT_EQ(0, connect(self->client, API_SA(&self->addr)));
	EXPECT_EQ(EISCONN, api_errno(connect(self->client, API_SA(&self->addr))));
}

TEST_F(api, connect_in_progress)
{
	struct sockaddr_in sin;
	socklen_t len = sizeof(sin);
	char c;
	int fd;

	api_black_hole(self);
	fd = api_socket(self->family, SOCK_NONBLOCK);
	ASSERT_EQ(EINPROGRESS, api_errno(connect(fd, API_SA(&self->addr))));
	EXPECT_EQ(TCP_SYN_SENT, api_state(fd));
	EXPECT_EQ(EALREADY, api_errno(connect(fd, API_SA(&self->addr))));
	EXPECT_EQ(0, api_poll(fd, POLLIN | POLLOUT, 50));
	EXPECT_EQ(EAGAIN, api_errno(send(fd, "x", 1, MSG_NOSIGNAL)));
	EXPECT_EQ(EAGAIN, api_errno(recv(fd, &c, 1, 0)));
	EXPECT_EQ(ENOTCONN, api_errno(getpeername(fd, (struct sockaddr *)&sin, &len)));
	EXPECT_GT(api_port(fd), 0);
	EXPECT_EQ(0, shutdown(fd, SHUT_WR));
	EXPECT_EQ(TCP_CLOSE, api_state(fd));
	EXPECT_EQ(POLLOUT | POLLHUP | POLLERR, api_poll(fd, POLLIN | POLLOUT, 0));
	EXPECT_EQ(ECONNRESET, api_so_error(fd));
}

TEST_F(api, connect_arguments)
{
	struct sockaddr_in sin = api_addr("127.0.0.1", 9);
	struct sockaddr_in bad = sin;
	int fd = api_socket(self->family, 0);

	self->no_segments = true;
	EXPECT_EQ(EINVAL, api_errno(connect(fd, (struct sockaddr *)&sin, 8)));
	EXPECT_EQ(EINVAL, api_errno(connect(fd, (struct sockaddr *)&sin, 1)));
	bad.sin_family = AF_INET6;
	EXPECT_EQ(EAFNOSUPPORT, api_errno(connect(fd, API_SA(&bad))));
	EXPECT_EQ(EFAULT, api_errno(connect(fd, (void *)8, sizeof(sin))));
	bad = api_addr("198.51.100.1", 9);
	EXPECT_EQ(ENETUNREACH, api_errno(connect(fd, API_SA(&bad))));
	bad = api_addr("224.0.0.1", 9);
	EXPECT_EQ(ENETUNREACH, api_errno(connect(fd, API_SA(&bad))));
	bad = api_addr("127.255.255.255", 9);
	EXPECT_EQ(ENETUNREACH, api_errno(connect(fd, API_SA(&bad))));
	EXPECT_EQ(TCP_CLOSE, api_state(fd));
	EXPECT_EQ(0, api_port(fd));
}

TEST_F(api, connect_refused)
{
	struct sockaddr_in closed = api_addr("127.0.0.1", 9);
	int fd = api_socket(self->family, 0);

	EXPECT_EQ(ECONNREFUSED, api_errno(connect(fd, API_SA(&closed))));
	EXPECT_EQ(0, api_so_error(fd));
	EXPECT_EQ(TCP_CLOSE, api_state(fd));
	EXPECT_EQ(ECONNREFUSED, api_errno(connect(fd, API_SA(&closed)))) TH_LOG("once more");

	/* The same socket can still have success. */
	api_listen(self, 1);
	EXPECT_EQ(0, connect(fd, API_SA(&self->addr)));
}

TEST_F(api, connect_refused_non_blocking)
{
	struct sockaddr_in closed = api_addr("127.0.0.1", 9);
	int fd = api_socket(self->family, SOCK_NONBLOCK);
	char c;

	ASSERT_EQ(EINPROGRESS, api_errno(connect(fd, API_SA(&closed))));
	EXPECT_EQ(POLLIN | POLLOUT | POLLERR | POLLHUP,
		  api_poll(fd, POLLIN | POLLOUT, 1000));
	EXPECT_EQ(ECONNREFUSED, api_so_error(fd));
	EXPECT_EQ(0, api_so_error(fd)) TH_LOG("reported once");
	EXPECT_EQ(POLLIN | POLLOUT | POLLHUP, api_poll(fd, POLLIN | POLLOUT, 0));
	EXPECT_EQ(0, recv(fd, &c, 1, 0));
	EXPECT_EQ(ECONNABORTED, api_errno(connect(fd, API_SA(&closed))));
	EXPECT_EQ(EINPROGRESS, api_errno(connect(fd, API_SA(&closed))));
}

TEST_F(api, connect_send_timeout)
{
	long start;
	int fd;

	api_black_hole(self);
	fd = api_socket(self->family, 0);
	ASSERT_EQ(0, api_set_time(fd, SO_SNDTIMEO, 300));
	start = api_now_ms();
	EXPECT_EQ(EINPROGRESS, api_errno(connect(fd, API_SA(&self->addr))));
	EXPECT_GE(api_now_ms() - start, 290);
	EXPECT_LT(api_now_ms() - start, 2000);
	/* It waits again for the same attempt. */
	EXPECT_EQ(EALREADY, api_errno(connect(fd, API_SA(&self->addr))));
	EXPECT_GE(api_now_ms() - start, 580);
}

TEST_F(api, connect_interrupted)
{
	int fd;

	api_black_hole(self);
	fd = api_socket(self->family, 0);
	api_alarm(200);
	EXPECT_EQ(EINTR, api_errno(connect(fd, API_SA(&self->addr))));
	api_alarm(0);
	EXPECT_EQ(TCP_SYN_SENT, api_state(fd));
}

/* A SYN and one retransmission, then the attempt is over: 1 s and 2 s. */
TEST_F(api, connect_timed_out)
{
	long start;
	int fd;

	api_black_hole(self);
	fd = api_socket(self->family, 0);
	ASSERT_EQ(0, api_set(fd, SOL_TCP, TCP_SYNCNT, 1));
	start = api_now_ms();
	EXPECT_EQ(ETIMEDOUT, api_errno(connect(fd, API_SA(&self->addr))));
	EXPECT_GE(api_now_ms() - start, 2500);
	EXPECT_LT(api_now_ms() - start, 8000);
	EXPECT_EQ(TCP_CLOSE, api_state(fd));
}

/* The retransmitted SYN finds room in the queue. */
TEST_F(api, connect_second_try)
{
	int fd;

	api_black_hole(self);
	fd = api_socket(self->family, SOCK_NONBLOCK);
	ASSERT_EQ(EINPROGRESS, api_errno(connect(fd, API_SA(&self->addr))));
	EXPECT_EQ(0, api_poll(fd, POLLOUT, 100));
	ASSERT_GE(accept(self->listener, NULL, NULL), 0);
	ASSERT_GE(listen(self->listener, 8), 0);
	EXPECT_EQ(POLLOUT, api_poll(fd, POLLOUT, 8000));
	EXPECT_EQ(0, api_so_error(fd));
}

TEST_F(api, connect_any_is_loopback)
{
	struct sockaddr_in any;

	api_listen(self, 1);
	any = api_addr("0.0.0.0", ntohs(self->addr.sin_port));
	self->client = api_socket(self->family, 0);
	EXPECT_EQ(0, connect(self->client, API_SA(&any)));
}

TEST_F(api, connect_from_bound)
{
	struct sockaddr_in mine = api_addr("127.0.0.5", 0);
	struct sockaddr_in from;
	socklen_t len = sizeof(from);
	int port;

	api_listen(self, 1);
	self->client = api_socket(self->family, 0);
	ASSERT_EQ(0, bind(self->client, API_SA(&mine)));
	port = api_port(self->client);
	ASSERT_EQ(0, connect(self->client, API_SA(&self->addr)));
	EXPECT_EQ(port, api_port(self->client));
	self->server = accept(self->listener, (struct sockaddr *)&from, &len);
	ASSERT_GE(self->server, 0);
	EXPECT_EQ(mine.sin_addr.s_addr, from.sin_addr.s_addr);
	EXPECT_EQ(port, ntohs(from.sin_port));
}

/* The 4-tuple has an owner already. */
TEST_F(api, connect_taken)
{
	struct sockaddr_in mine = api_addr("127.0.0.1", 0);
	int one = api_socket(self->family, 0);
	int two = api_socket(self->family, 0);

	api_listen(self, 4);
	api_set(one, SOL_SOCKET, SO_REUSEADDR, 1);
	api_set(two, SOL_SOCKET, SO_REUSEADDR, 1);
	ASSERT_EQ(0, bind(one, API_SA(&mine)));
	mine.sin_port = htons(api_port(one));
	ASSERT_EQ(0, bind(two, API_SA(&mine)));
	ASSERT_EQ(0, connect(one, API_SA(&self->addr)));
	EXPECT_EQ(EADDRNOTAVAIL, api_errno(connect(two, API_SA(&self->addr))));
}

/* Simultaneous open with oneself (RFC 9293 3.5). */
TEST_F(api, connect_to_self)
{
	struct sockaddr_in mine = api_addr("127.0.0.1", 0);
	int fd = api_socket(self->family, 0);
	char buf[8] = {};

	ASSERT_EQ(0, bind(fd, API_SA(&mine)));
	mine.sin_port = htons(api_port(fd));
	ASSERT_EQ(0, connect(fd, API_SA(&mine))) TH_LOG("%s", strerror(errno));
	EXPECT_EQ(TCP_ESTABLISHED, api_state(fd));
	EXPECT_EQ(4, write(fd, "self", 4));
	EXPECT_EQ(4, read(fd, buf, sizeof(buf)));
	EXPECT_STREQ("self", buf);
	EXPECT_EQ(0, shutdown(fd, SHUT_WR));
	EXPECT_EQ(0, read(fd, buf, sizeof(buf)));
}

static void self_act(int fd, int act)
{
	struct sockaddr_in none = { .sin_family = AF_UNSPEC };

	switch (act) {
	case 0:
		shutdown(fd, SHUT_WR);
		break;
	case 1:
		shutdown(fd, SHUT_RDWR);
		break;
	case 2:
		connect(fd, API_SA(&none));
		break;
	case 3:
		listen(fd, 1);
		break;
	case 4:
		send(fd, "x", 1, MSG_NOSIGNAL | MSG_OOB);
		break;
	case 5:
		api_set(fd, SOL_TCP, TCP_NODELAY, 1);
		break;
	}
}

/* Every call while the SYNs cross; it is enough that nothing breaks. */
TEST_F(api, connect_to_self_and)
{
	struct sockaddr_in mine;
	int act, fd;
	char c;

	for (act = 0; act < 7 * 8; act++) {
		mine = api_addr("127.0.0.1", 0);
		fd = api_socket(self->family, SOCK_NONBLOCK);
		ASSERT_EQ(0, bind(fd, API_SA(&mine)));
		mine.sin_port = htons(api_port(fd));
		connect(fd, API_SA(&mine));
		self_act(fd, act % 7);
		read(fd, &c, 1);
		close(fd);
	}
}

TEST_F(api, connect_unspec_disconnects)
{
	struct sockaddr_in none = { .sin_family = AF_UNSPEC };
	struct sockaddr_in sin;
	socklen_t len = sizeof(sin);
	char c;

	api_pair(self);
	ASSERT_EQ(0, connect(self->client, API_SA(&none)));
	EXPECT_EQ(TCP_CLOSE, api_state(self->client));
	EXPECT_EQ(ECONNRESET, api_so_error(self->client));
	EXPECT_EQ(ENOTCONN, api_errno(getpeername(self->client, (struct sockaddr *)&sin, &len)));
	EXPECT_EQ(POLLOUT | POLLHUP, api_poll(self->client, POLLIN | POLLOUT, 0));
	EXPECT_EQ(ECONNRESET, api_errno(read(self->server, &c, 1)));

	/* As good as new. */
	ASSERT_EQ(0, connect(self->client, API_SA(&self->addr)));
	self->server = accept(self->listener, NULL, NULL);
	ASSERT_EQ(1, write(self->client, "a", 1));
	EXPECT_EQ(1, read(self->server, &c, 1));
	EXPECT_EQ(1, write(self->server, "b", 1));
	EXPECT_EQ(1, read(self->client, &c, 1));
}

/* What the user bound and set stays. */
TEST_F(api, connect_unspec_keeps)
{
	struct sockaddr_in none = { .sin_family = AF_UNSPEC };
	struct sockaddr_in mine = api_addr("127.0.0.1", 0);
	int fd = api_socket(self->family, 0);
	int port;

	api_listen(self, 1);
	ASSERT_EQ(0, bind(fd, API_SA(&mine)));
	ASSERT_EQ(0, api_set(fd, SOL_TCP, TCP_NODELAY, 1));
	ASSERT_EQ(0, api_set(fd, SOL_TCP, TCP_USER_TIMEOUT, 4321));
	port = api_port(fd);
	ASSERT_EQ(0, connect(fd, API_SA(&self->addr)));
	ASSERT_EQ(0, connect(fd, API_SA(&none)));
	EXPECT_EQ(port, api_port(fd));
	EXPECT_EQ(1, api_get(fd, SOL_TCP, TCP_NODELAY));
	EXPECT_EQ(4321, api_get(fd, SOL_TCP, TCP_USER_TIMEOUT));
}

/* The error that nobody fetched ends with the connection it was of. */
TEST_F(api, connect_forgets_error)
{
	struct sockaddr_in none = { .sin_family = AF_UNSPEC };
	int waiting = -1;
	char c;

	api_pair(self);
	ASSERT_EQ(0, connect(self->client, API_SA(&none)));
	EXPECT_EQ(0, ioctl(self->client, TIOCOUTQ, &waiting));
	if (self->family == AF_XTCP)
		EXPECT_EQ(0, waiting);
	ASSERT_EQ(0, connect(self->client, API_SA(&self->addr)));
	EXPECT_EQ(EAGAIN, api_errno(recv(self->client, &c, 1, MSG_DONTWAIT)));
	EXPECT_EQ(POLLOUT, api_poll(self->client, POLLIN | POLLOUT, 0));
	EXPECT_EQ(0, api_so_error(self->client));
}

/* A listener that is disconnected closes; whoever waits in its queue is reset. */
TEST_F(api, connect_unspec_listener)
{
	struct sockaddr_in none = { .sin_family = AF_UNSPEC };
	char c;

	api_listen(self, 2);
	self->client = api_socket(self->family, 0);
	ASSERT_EQ(0, connect(self->client, API_SA(&self->addr)));
	ASSERT_TRUE(api_poll(self->listener, POLLIN, 1000) & POLLIN);
	ASSERT_EQ(0, connect(self->listener, API_SA(&none)));
	EXPECT_EQ(TCP_CLOSE, api_state(self->listener));
	EXPECT_EQ(ECONNRESET, api_errno(read(self->client, &c, 1)));
	EXPECT_EQ(ECONNREFUSED, api_errno(connect(api_socket(self->family, 0),
						  API_SA(&self->addr))));
}

/* Connecting and sending in one call. */
TEST_F(api, connect_fast_open)
{
	int fd = api_socket(self->family, 0);

	/* The client's half is on by default. */
	self->no_segments = true;
	api_listen(self, 1);
	EXPECT_EQ(api_differs(self->family, API_MSG_FASTOPEN),
		  api_errno(sendto(fd, "x", 1, MSG_FASTOPEN, API_SA(&self->addr))));
}

/* One local port serves many destinations, and each connection finds its way. */
TEST_F(api, connect_many)
{
	int clients[32], servers[32], i;
	char c;

	api_listen(self, 32);
	for (i = 0; i < 32; i++) {
		clients[i] = api_socket(self->family, 0);
		ASSERT_EQ(0, connect(clients[i], API_SA(&self->addr)));
		servers[i] = accept(self->listener, NULL, NULL);
		ASSERT_GE(servers[i], 0);
	}
	for (i = 0; i < 32; i++) {
		c = i;
		ASSERT_EQ(1, write(clients[i], &c, 1));
	}
	for (i = 31; i >= 0; i--) {
		ASSERT_EQ(1, read(servers[i], &c, 1));
		EXPECT_EQ(i, c);
	}
}

TEST_HARNESS_MAIN

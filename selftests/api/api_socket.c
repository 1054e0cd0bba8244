// SPDX-License-Identifier: GPL-2.0-only
/* socket, bind, listen, accept4, getsockname, getpeername. */
#include "api.h"

#include <linux/filter.h>

/* IPPROTO_MAX of the oldest kernel we know, and well above. */
#define API_PROTOCOL_TOO_BIG	4000

TEST_F(api, socket_arguments)
{
	int family = self->family;
	int two[2];

	self->no_segments = true;
	EXPECT_GE(socket(family, SOCK_STREAM, 0), 0);
	EXPECT_GE(socket(family, SOCK_STREAM, IPPROTO_TCP), 0);
	EXPECT_EQ(EPROTONOSUPPORT, api_errno(socket(family, SOCK_STREAM, IPPROTO_UDP)));
	EXPECT_EQ(EPROTONOSUPPORT, api_errno(socket(family, SOCK_STREAM, 1)));
	EXPECT_EQ(EINVAL, api_errno(socket(family, SOCK_STREAM, -1)));
	EXPECT_EQ(EINVAL, api_errno(socket(family, SOCK_STREAM, API_PROTOCOL_TOO_BIG)));
	EXPECT_EQ(ESOCKTNOSUPPORT, api_errno(socket(family, SOCK_SEQPACKET, 0)));
	EXPECT_EQ(ESOCKTNOSUPPORT, api_errno(socket(family, SOCK_RDM, 0)));
	EXPECT_EQ(EINVAL, api_errno(socket(family, 99, 0)));
	EXPECT_EQ(EOPNOTSUPP, api_errno(socketpair(family, SOCK_STREAM, 0, two)));
}

TEST_F(api, socket_flags)
{
	int fd = api_socket(self->family, SOCK_NONBLOCK | SOCK_CLOEXEC);

	self->no_segments = true;
	ASSERT_GE(fd, 0);
	EXPECT_TRUE(fcntl(fd, F_GETFL) & O_NONBLOCK);
	EXPECT_TRUE(fcntl(fd, F_GETFD) & FD_CLOEXEC);
}

TEST_F(api, socket_defaults)
{
	int fd = api_socket(self->family, 0);

	self->no_segments = true;
	ASSERT_GE(fd, 0);
	EXPECT_EQ(SOCK_STREAM, api_get(fd, SOL_SOCKET, SO_TYPE));
	EXPECT_EQ(AF_INET, api_get(fd, SOL_SOCKET, SO_DOMAIN));
	EXPECT_EQ(api_differs(self->family, API_SO_PROTOCOL),
		  api_get(fd, SOL_SOCKET, SO_PROTOCOL));
	EXPECT_EQ(0, api_get(fd, SOL_SOCKET, SO_ACCEPTCONN));
	EXPECT_EQ(0, api_get(fd, SOL_SOCKET, SO_ERROR));
	EXPECT_EQ(0, api_get(fd, SOL_SOCKET, SO_REUSEADDR));
	EXPECT_EQ(0, api_get(fd, SOL_SOCKET, SO_KEEPALIVE));
	EXPECT_EQ(1, api_get(fd, SOL_SOCKET, SO_RCVLOWAT));
	EXPECT_EQ(16384, api_get(fd, SOL_SOCKET, SO_SNDBUF));
	EXPECT_EQ(131072, api_get(fd, SOL_SOCKET, SO_RCVBUF));
	EXPECT_EQ(64, api_get(fd, SOL_IP, IP_TTL));
	EXPECT_EQ(TCP_CLOSE, api_state(fd));
}

TEST_F(api, socket_not_connected)
{
	struct sockaddr_in sin;
	socklen_t len = sizeof(sin);
	int fd = api_socket(self->family, 0);
	char c;

	self->no_segments = true;
	EXPECT_EQ(ENOTCONN, api_errno(getpeername(fd, (struct sockaddr *)&sin, &len)));
	EXPECT_EQ(0, getsockname(fd, (struct sockaddr *)&sin, &len));
	EXPECT_EQ(AF_INET, sin.sin_family);
	EXPECT_EQ(0, sin.sin_port);
	EXPECT_EQ(ENOTCONN, api_errno(recv(fd, &c, 1, 0)));
	EXPECT_EQ(EPIPE, api_errno(send(fd, "x", 1, MSG_NOSIGNAL)));
	EXPECT_EQ(ENOTCONN, api_errno(shutdown(fd, SHUT_RDWR)));
	EXPECT_EQ(EINVAL, api_errno(accept(fd, NULL, NULL)));
}

TEST_F(api, bind_addresses)
{
	struct sockaddr_in any = api_addr("0.0.0.0", 0);
	struct sockaddr_in far = api_addr("192.0.2.1", 0);
	struct sockaddr_in v6 = api_addr("127.0.0.1", 0);
	int fd = api_socket(self->family, 0);

	self->no_segments = true;
	v6.sin_family = AF_INET6;
	EXPECT_EQ(EADDRNOTAVAIL, api_errno(bind(fd, API_SA(&far))));
	EXPECT_EQ(EAFNOSUPPORT, api_errno(bind(fd, API_SA(&v6))));
	EXPECT_EQ(EINVAL, api_errno(bind(fd, (struct sockaddr *)&any, 4)));
	EXPECT_EQ(0, api_port(fd));
	EXPECT_EQ(0, bind(fd, API_SA(&any)));
	EXPECT_GT(api_port(fd), 0);
	EXPECT_EQ(EINVAL, api_errno(bind(fd, API_SA(&any))));

	/* For old programs: a zero family stands for AF_INET if the address is any. */
	fd = api_socket(self->family, 0);
	any.sin_family = AF_UNSPEC;
	EXPECT_EQ(0, bind(fd, API_SA(&any)));
}

/* Binds a fresh socket of @family; 0 or the errno. */
static int bind_again(int family, const struct sockaddr_in *sin, bool reuse)
{
	int fd = api_socket(family, 0);
	int err;

	if (reuse)
		api_set(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	err = api_errno(bind(fd, API_SA(sin)));
	close(fd);
	return err;
}

TEST_F(api, bind_conflicts)
{
	struct sockaddr_in sin = api_addr("127.0.0.1", 0);
	struct sockaddr_in other, any;
	int fd = api_socket(self->family, 0);

	self->no_segments = true;
	ASSERT_EQ(0, bind(fd, API_SA(&sin)));
	sin.sin_port = htons(api_port(fd));
	any = api_addr("0.0.0.0", api_port(fd));
	other = api_addr("127.0.0.2", api_port(fd));

	EXPECT_EQ(EADDRINUSE, bind_again(self->family, &sin, false));
	EXPECT_EQ(EADDRINUSE, bind_again(self->family, &any, false));
	EXPECT_EQ(0, bind_again(self->family, &other, false));
	EXPECT_EQ(EADDRINUSE, bind_again(self->family, &sin, true));

	EXPECT_EQ(0, api_set(fd, SOL_SOCKET, SO_REUSEADDR, 1));
	EXPECT_EQ(EADDRINUSE, bind_again(self->family, &sin, false));
	EXPECT_EQ(0, bind_again(self->family, &sin, true));

	ASSERT_EQ(0, listen(fd, 1));
	EXPECT_EQ(EADDRINUSE, bind_again(self->family, &sin, true));
	close(fd);
	EXPECT_EQ(0, bind_again(self->family, &sin, false));
}

/* The other TCP of this machine: a port has one owner among both. */
TEST_F(api, bind_beside_the_other_tcp)
{
	int other = self->family == AF_XTCP ? AF_INET : AF_XTCP;
	struct sockaddr_in sin = api_addr("127.0.0.1", 4711);
	int fd = api_socket(self->family, 0);

	self->no_segments = true;
	if (socket(other, SOCK_STREAM, 0) < 0)
		SKIP(return, "there is only one TCP here");
	ASSERT_EQ(0, bind(fd, API_SA(&sin)));
	EXPECT_EQ(EADDRINUSE, bind_again(other, &sin, false));
	ASSERT_EQ(0, listen(fd, 1));
	EXPECT_EQ(EADDRINUSE, bind_again(other, &sin, true));
	close(fd);
	/* XTCP gives a claim back from a work item. */
	for (int i = 0; i < 100 && bind_again(other, &sin, false); i++)
		usleep(10000);
	EXPECT_EQ(0, bind_again(other, &sin, false));
}

TEST_F(api, bind_privileged_port)
{
	struct sockaddr_in sin = api_addr("127.0.0.1", 80);
	int fd = api_socket(self->family, 0);

	self->no_segments = true;
	ASSERT_EQ(0, seteuid(65534));
	EXPECT_EQ(EACCES, api_errno(bind(fd, API_SA(&sin))));
	ASSERT_EQ(0, seteuid(0));
	EXPECT_EQ(0, bind(fd, API_SA(&sin)));
}

TEST_F(api, listen_states)
{
	struct sockaddr_in sin;
	int fd = api_socket(self->family, 0);
	char c;
	int n;

	self->no_segments = true;
	ASSERT_EQ(0, listen(fd, 5));
	EXPECT_GT(api_port(fd), 0) TH_LOG("listen binds");
	EXPECT_EQ(1, api_get(fd, SOL_SOCKET, SO_ACCEPTCONN));
	EXPECT_EQ(TCP_LISTEN, api_state(fd));
	EXPECT_EQ(0, listen(fd, 1)) TH_LOG("another backlog");
	sin = api_addr("127.0.0.1", api_port(fd));
	EXPECT_EQ(EISCONN, api_errno(connect(fd, API_SA(&sin))));
	EXPECT_EQ(ENOTCONN, api_errno(recv(fd, &c, 1, 0)));
	EXPECT_EQ(EPIPE, api_errno(send(fd, "x", 1, MSG_NOSIGNAL)));
	EXPECT_EQ(EINVAL, api_errno(ioctl(fd, FIONREAD, &n)));
	EXPECT_EQ(EINVAL, api_errno(bind(fd, API_SA(&sin))));

	/* shutdown() ends listening; the socket can listen again. */
	EXPECT_EQ(0, shutdown(fd, SHUT_RD));
	EXPECT_EQ(TCP_CLOSE, api_state(fd));
	EXPECT_EQ(EINVAL, api_errno(accept(fd, NULL, NULL)));
	EXPECT_EQ(0, listen(fd, 1));
}

TEST_F(api, listen_tells_its_queue)
{
	struct tcp_info info;
	socklen_t len = sizeof(info);

	api_listen(self, 7);
	self->client = api_socket(self->family, 0);
	ASSERT_EQ(0, connect(self->client, API_SA(&self->addr)));
	ASSERT_TRUE(api_poll(self->listener, POLLIN, 1000) & POLLIN);
	ASSERT_EQ(0, getsockopt(self->listener, SOL_TCP, TCP_INFO, &info, &len));
	EXPECT_EQ(1, info.tcpi_unacked);
	EXPECT_EQ(7, info.tcpi_sacked);
}

TEST_F(api, listen_connected)
{
	api_pair(self);
	EXPECT_EQ(EINVAL, api_errno(listen(self->client, 1)));
	EXPECT_EQ(EINVAL, api_errno(listen(self->server, 1)));
	EXPECT_EQ(EINVAL, api_errno(accept(self->client, NULL, NULL)));
}

TEST_F(api, listen_two_on_a_port)
{
	struct sockaddr_in sin = api_addr("127.0.0.1", 0);
	int one = api_socket(self->family, 0);
	int two = api_socket(self->family, 0);

	self->no_segments = true;
	api_set(one, SOL_SOCKET, SO_REUSEADDR, 1);
	api_set(two, SOL_SOCKET, SO_REUSEADDR, 1);
	ASSERT_EQ(0, bind(one, API_SA(&sin)));
	sin.sin_port = htons(api_port(one));
	ASSERT_EQ(0, bind(two, API_SA(&sin)));
	EXPECT_EQ(0, listen(one, 1));
	EXPECT_EQ(EADDRINUSE, api_errno(listen(two, 1)));
}

TEST_F(api, accept_names)
{
	struct sockaddr_in from = {}, mine = {}, peer = {};
	socklen_t len = sizeof(from);

	api_listen(self, 1);
	self->client = api_socket(self->family, 0);
	ASSERT_EQ(0, connect(self->client, API_SA(&self->addr)));
	self->server = accept(self->listener, (struct sockaddr *)&from, &len);
	ASSERT_GE(self->server, 0);
	EXPECT_EQ(sizeof(from), len);
	EXPECT_EQ(AF_INET, from.sin_family);
	EXPECT_EQ(htonl(INADDR_LOOPBACK), from.sin_addr.s_addr);
	EXPECT_EQ(api_port(self->client), ntohs(from.sin_port));

	ASSERT_EQ(0, getsockname(self->server, (struct sockaddr *)&mine, &len));
	EXPECT_EQ(0, memcmp(&mine, &self->addr, sizeof(mine)));
	ASSERT_EQ(0, getpeername(self->client, (struct sockaddr *)&peer, &len));
	EXPECT_EQ(0, memcmp(&peer, &self->addr, sizeof(peer)));
	EXPECT_EQ(TCP_ESTABLISHED, api_state(self->server));
	EXPECT_EQ(api_differs(self->family, API_SO_PROTOCOL),
		  api_get(self->server, SOL_SOCKET, SO_PROTOCOL));
}

TEST_F(api, accept_flags)
{
	int fd;

	api_pair(self);
	EXPECT_FALSE(fcntl(self->server, F_GETFL) & O_NONBLOCK);
	EXPECT_EQ(EINVAL, api_errno(accept4(self->listener, NULL, NULL, 0x40000000)));

	fcntl(self->listener, F_SETFL, O_NONBLOCK);
	EXPECT_EQ(EAGAIN, api_errno(accept(self->listener, NULL, NULL)));
	fd = api_socket(self->family, 0);
	ASSERT_EQ(0, connect(fd, API_SA(&self->addr)));
	ASSERT_TRUE(api_poll(self->listener, POLLIN, 1000) & POLLIN);
	fd = accept4(self->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	ASSERT_GE(fd, 0);
	EXPECT_TRUE(fcntl(fd, F_GETFL) & O_NONBLOCK);
	EXPECT_TRUE(fcntl(fd, F_GETFD) & FD_CLOEXEC);
}

TEST_F(api, accept_waits)
{
	long start;

	self->no_segments = true;
	api_listen(self, 1);
	ASSERT_EQ(0, api_set_time(self->listener, SO_RCVTIMEO, 200));
	start = api_now_ms();
	EXPECT_EQ(EAGAIN, api_errno(accept(self->listener, NULL, NULL)));
	EXPECT_GE(api_now_ms() - start, 190);

	ASSERT_EQ(0, api_set_time(self->listener, SO_RCVTIMEO, 0));
	api_alarm(100);
	EXPECT_EQ(EINTR, api_errno(accept(self->listener, NULL, NULL)));
}

/* A child has what its listener had. */
TEST_F(api, accept_inherits)
{
	static const int options[][3] = {
		{ SOL_SOCKET, SO_KEEPALIVE, 1 },
		{ SOL_SOCKET, SO_OOBINLINE, 1 },
		{ SOL_SOCKET, SO_MARK, 77 },
		{ SOL_TCP, TCP_NODELAY, 1 },
		{ SOL_TCP, TCP_KEEPIDLE, 77 },
		{ SOL_TCP, TCP_KEEPINTVL, 11 },
		{ SOL_TCP, TCP_KEEPCNT, 3 },
		{ SOL_TCP, TCP_USER_TIMEOUT, 12345 },
		{ SOL_TCP, TCP_LINGER2, 7 },
		{ SOL_TCP, TCP_SYNCNT, 2 },
		{ SOL_IP, IP_TOS, 16 },
		{ SOL_IP, IP_TTL, 33 },
	};
	size_t i;

	api_listen(self, 1);
	for (i = 0; i < ARRAY_SIZE(options); i++)
		ASSERT_EQ(0, api_set(self->listener, options[i][0], options[i][1], options[i][2]));
	api_pair(self);
	for (i = 0; i < ARRAY_SIZE(options); i++) {
		EXPECT_EQ(options[i][2], api_get(self->server, options[i][0], options[i][1])) {
			TH_LOG("level %d option %d", options[i][0], options[i][1]);
		}
	}
	EXPECT_EQ(0, api_get(self->client, SOL_SOCKET, SO_KEEPALIVE));
}

/* Data that comes before accept() waits in the child. */
TEST_F(api, accept_late)
{
	char buf[8] = {};

	api_listen(self, 1);
	self->client = api_socket(self->family, 0);
	ASSERT_EQ(0, connect(self->client, API_SA(&self->addr)));
	ASSERT_EQ(5, write(self->client, "early", 5));
	close(self->client);
	usleep(10000);
	self->server = accept(self->listener, NULL, NULL);
	ASSERT_GE(self->server, 0);
	EXPECT_EQ(5, read(self->server, buf, sizeof(buf)));
	EXPECT_STREQ("early", buf);
	EXPECT_EQ(0, read(self->server, buf, sizeof(buf)));
}

TEST_F(api, accept_many)
{
	int clients[64], i;

	api_listen(self, 64);
	for (i = 0; i < 64; i++) {
		clients[i] = api_socket(self->family, 0);
		ASSERT_EQ(0, connect(clients[i], API_SA(&self->addr)));
	}
	for (i = 0; i < 64; i++) {
		struct sockaddr_in from;
		socklen_t len = sizeof(from);

		ASSERT_GE(accept(self->listener, (struct sockaddr *)&from, &len), 0);
		EXPECT_EQ(api_port(clients[i]), ntohs(from.sin_port)) TH_LOG("oldest first");
	}
}

/* 0 or the errno of a filter that lets @bytes of a segment pass. */
static int attach_filter(int fd, int opt, unsigned int bytes)
{
	struct sock_filter code = BPF_STMT(BPF_RET | BPF_K, bytes);
	struct sock_fprog prog = { .len = 1, .filter = &code };

	return api_errno(setsockopt(fd, SOL_SOCKET, opt, &prog, sizeof(prog)));
}

/* What a filter drops is not acknowledged, and comes again when the filter has gone. */
TEST_F(api, attach_filter)
{
	char buf[8];

	api_pair(self);
	if (self->family == AF_XTCP && api_old_kernel()) {
		EXPECT_EQ(api_differs(self->family, API_ATTACH_FILTER),
			  attach_filter(self->server, SO_ATTACH_FILTER, 0));
		return;
	}
	ASSERT_EQ(0, attach_filter(self->server, SO_ATTACH_FILTER, 0));
	ASSERT_EQ(3, write(self->client, "abc", 3));
	EXPECT_EQ(0, api_poll(self->server, POLLIN, 100));
	ASSERT_EQ(0, api_set(self->server, SOL_SOCKET, SO_DETACH_FILTER, 0));
	ASSERT_EQ(POLLIN, api_poll(self->server, POLLIN, 60000));
	EXPECT_EQ(3, read(self->server, buf, sizeof(buf)));
	ASSERT_EQ(0, attach_filter(self->server, SO_ATTACH_FILTER, 0xffffffff));
	ASSERT_EQ(3, write(self->client, "def", 3));
	EXPECT_EQ(3, read(self->server, buf, sizeof(buf)));
	ASSERT_EQ(0, api_set(self->server, SOL_SOCKET, SO_LOCK_FILTER, 1));
	EXPECT_EQ(EPERM, api_set(self->server, SOL_SOCKET, SO_DETACH_FILTER, 0));
}

/* Who of a group gets a connection is no program's choice, and nobody shall believe it. */
TEST_F(api, attach_group_program)
{
	int fd = api_socket(self->family, 0);

	self->no_segments = true;
	ASSERT_EQ(0, api_set(fd, SOL_SOCKET, SO_REUSEPORT, 1));
	EXPECT_EQ(self->family == AF_XTCP && api_old_kernel() ? EPERM :
		  api_differs(self->family, API_REUSEPORT_CBPF),
		  attach_filter(fd, SO_ATTACH_REUSEPORT_CBPF, 0));
}

/* A filter of a user's could cut segments that the kernel counts on. */
TEST_F(api, attach_filter_needs_admin)
{
	int fd = api_socket(self->family, 0);
	int status;

	self->no_segments = true;
	if (!fork())
		_exit(setresuid(65534, 65534, 65534) ? 255 :
		      attach_filter(fd, SO_ATTACH_FILTER, 0xffffffff));
	wait(&status);
	EXPECT_EQ(EPERM, WEXITSTATUS(status));
}

TEST_HARNESS_MAIN

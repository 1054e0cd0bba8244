// SPDX-License-Identifier: GPL-2.0-only
/* shutdown in every direction, close with and without SO_LINGER, and resets. */
#include "api.h"

TEST_F(api, close_half)
{
	char buf[16];

	api_pair(self);
	ASSERT_EQ(0, shutdown(self->client, SHUT_WR));
	EXPECT_EQ(0, read(self->server, buf, 16));
	EXPECT_EQ(TCP_CLOSE_WAIT, api_state(self->server));
	EXPECT_EQ(0, api_wait_state(self->client, TCP_FIN_WAIT2));
	/* The other direction lives on. */
	ASSERT_EQ(5, write(self->server, "still", 5));
	EXPECT_EQ(5, read(self->client, buf, 16));
	ASSERT_EQ(0, shutdown(self->server, SHUT_WR));
	EXPECT_EQ(0, read(self->client, buf, 16));
	EXPECT_EQ(0, api_wait_state(self->client, TCP_CLOSE));
	EXPECT_EQ(0, api_wait_state(self->server, TCP_CLOSE));
	EXPECT_EQ(0, api_so_error(self->client));
	EXPECT_EQ(0, api_so_error(self->server));
}

TEST_F(api, close_half_by_server)
{
	char buf[16];

	api_pair(self);
	ASSERT_EQ(0, shutdown(self->server, SHUT_WR));
	EXPECT_EQ(0, read(self->client, buf, 16));
	ASSERT_EQ(5, write(self->client, "still", 5));
	EXPECT_EQ(5, read(self->server, buf, 16));
	EXPECT_EQ(EPIPE, api_errno(send(self->server, "x", 1, MSG_NOSIGNAL)));
	EXPECT_EQ(0, shutdown(self->server, SHUT_WR)) TH_LOG("again");
}

TEST_F(api, close_reading)
{
	char c;

	api_pair(self);
	ASSERT_EQ(0, shutdown(self->client, SHUT_RD));
	EXPECT_EQ(0, read(self->client, &c, 1));
	EXPECT_EQ(TCP_ESTABLISHED, api_state(self->client)) TH_LOG("no segment says so");
	/* What comes all the same can be read. */
	ASSERT_EQ(1, write(self->server, "x", 1));
	usleep(10000);
	EXPECT_EQ(1, read(self->client, &c, 1));
	EXPECT_EQ(0, read(self->client, &c, 1));
	EXPECT_EQ(1, write(self->client, "y", 1));
	EXPECT_EQ(1, read(self->server, &c, 1));
}

TEST_F(api, close_both_directions)
{
	char c;

	api_pair(self);
	ASSERT_EQ(0, shutdown(self->client, SHUT_RDWR));
	EXPECT_EQ(0, read(self->client, &c, 1));
	EXPECT_EQ(EPIPE, api_errno(send(self->client, "x", 1, MSG_NOSIGNAL)));
	EXPECT_EQ(0, read(self->server, &c, 1));
	EXPECT_EQ(EINVAL, api_errno(shutdown(self->server, 3)));
	EXPECT_EQ(EINVAL, api_errno(shutdown(self->server, -1)));
	ASSERT_EQ(0, shutdown(self->server, SHUT_RDWR));
	EXPECT_EQ(0, api_wait_state(self->server, TCP_CLOSE));
	EXPECT_EQ(ENOTCONN, api_errno(shutdown(self->server, SHUT_RDWR)));
}

/* Both at the same moment; whoever is first, all ends well. */
TEST_F(api, close_simultaneous)
{
	char c;
	int i;

	for (i = 0; i < 20; i++) {
		api_pair(self);
		ASSERT_EQ(0, shutdown(self->client, SHUT_WR));
		ASSERT_EQ(0, shutdown(self->server, SHUT_WR));
		EXPECT_EQ(0, read(self->client, &c, 1));
		EXPECT_EQ(0, read(self->server, &c, 1));
		EXPECT_EQ(0, api_wait_state(self->client, TCP_CLOSE));
		EXPECT_EQ(0, api_wait_state(self->server, TCP_CLOSE));
		close(self->client);
		close(self->server);
	}
}

/* Data on the way is delivered before the end. */
TEST_F(api, close_after_data)
{
	static char want[300000], got[300000];
	char c;

	api_pair(self);
	api_fill(want, sizeof(want), 6);
	if (!fork()) {
		ssize_t n = send(self->client, want, sizeof(want), 0);

		close(self->client);
		_exit(n != sizeof(want));
	}
	close(self->client);
	EXPECT_EQ(0, api_read_all(self->server, got, sizeof(got)));
	EXPECT_EQ(0, memcmp(want, got, sizeof(got)));
	EXPECT_EQ(0, read(self->server, &c, 1));
}

/* The peer must learn that its data was thrown away (RFC 2525 2.17). */
TEST_F(api, close_unread)
{
	char c;

	api_pair(self);
	ASSERT_EQ(1, write(self->client, "x", 1));
	ASSERT_TRUE(api_poll(self->server, POLLIN, 1000) & POLLIN);
	close(self->server);
	EXPECT_EQ(ECONNRESET, api_errno(read(self->client, &c, 1)));
	EXPECT_EQ(0, read(self->client, &c, 1)) TH_LOG("the error is told once");
	EXPECT_EQ(EPIPE, api_errno(send(self->client, "x", 1, MSG_NOSIGNAL)));
	EXPECT_EQ(TCP_CLOSE, api_state(self->client));
}

TEST_F(api, close_reset_is_pending)
{
	char c;

	api_pair(self);
	ASSERT_EQ(1, write(self->server, "x", 1));
	ASSERT_TRUE(api_poll(self->client, POLLIN, 1000) & POLLIN);
	ASSERT_EQ(1, write(self->client, "x", 1));
	ASSERT_TRUE(api_poll(self->server, POLLIN, 1000) & POLLIN);
	close(self->server);
	ASSERT_EQ(0, api_wait_state(self->client, TCP_CLOSE));
	/* What came before the reset can still be read; then the error. */
	EXPECT_EQ(1, read(self->client, &c, 1));
	EXPECT_EQ(ECONNRESET, api_errno(send(self->client, "x", 1, MSG_NOSIGNAL)));
	EXPECT_EQ(0, api_so_error(self->client));
}

TEST_F(api, close_write_after)
{
	api_pair(self);
	close(self->server);
	ASSERT_EQ(0, api_wait_state(self->client, TCP_CLOSE_WAIT));
	/* Half-closed, for all we know. */
	EXPECT_EQ(1, send(self->client, "x", 1, MSG_NOSIGNAL));
	ASSERT_EQ(0, api_wait_state(self->client, TCP_CLOSE));
	EXPECT_EQ(EPIPE, api_errno(send(self->client, "x", 1, MSG_NOSIGNAL)));
}

static int set_linger(int fd, int on, int seconds)
{
	struct linger l = { on, seconds };

	return setsockopt(fd, SOL_SOCKET, SO_LINGER, &l, sizeof(l));
}

TEST_F(api, close_linger_zero)
{
	char c;

	api_pair(self);
	ASSERT_EQ(0, set_linger(self->server, 1, 0));
	close(self->server);
	EXPECT_EQ(ECONNRESET, api_errno(read(self->client, &c, 1)));
	EXPECT_EQ(TCP_CLOSE, api_state(self->client));
}

/* The peer acknowledges at once: nothing to wait for. */
TEST_F(api, close_linger_quick)
{
	long start;
	char c;

	api_pair(self);
	ASSERT_EQ(0, set_linger(self->client, 1, 10));
	ASSERT_EQ(1, write(self->client, "x", 1));
	start = api_now_ms();
	close(self->client);
	EXPECT_LT(api_now_ms() - start, 2000);
	EXPECT_EQ(1, read(self->server, &c, 1));
	EXPECT_EQ(0, read(self->server, &c, 1));
}

/* The peer's window is shut: close waits as long as it was told. */
TEST_F(api, close_linger_slow)
{
	static char buf[65536];
	long start;
	int i;

	api_pair(self);
	for (i = 0; i < 3; i++) {
		while (send(self->client, buf, sizeof(buf), MSG_DONTWAIT) > 0)
			;
		usleep(50000);
	}
	ASSERT_EQ(0, set_linger(self->client, 1, 1));
	start = api_now_ms();
	close(self->client);
	EXPECT_GE(api_now_ms() - start, 950);
	EXPECT_LT(api_now_ms() - start, 3000);
}

TEST_F(api, close_linger_option)
{
	struct linger l = {};
	socklen_t len = sizeof(l);
	int fd = api_socket(self->family, 0);

	self->no_segments = true;
	ASSERT_EQ(0, getsockopt(fd, SOL_SOCKET, SO_LINGER, &l, &len));
	EXPECT_EQ(0, l.l_onoff);
	ASSERT_EQ(0, set_linger(fd, 1, 7));
	ASSERT_EQ(0, getsockopt(fd, SOL_SOCKET, SO_LINGER, &l, &len));
	EXPECT_EQ(1, l.l_onoff);
	EXPECT_EQ(7, l.l_linger);
	EXPECT_EQ(EINVAL, api_errno(setsockopt(fd, SOL_SOCKET, SO_LINGER, &l, 4)));
}

/* TCP_LINGER2 < 0: no orphan in FIN_WAIT_2. */
TEST_F(api, close_no_fin_wait_2)
{
	char c;

	api_pair(self);
	ASSERT_EQ(0, api_set(self->client, SOL_TCP, TCP_LINGER2, -1));
	ASSERT_EQ(0, shutdown(self->client, SHUT_WR));
	ASSERT_EQ(0, api_wait_state(self->client, TCP_FIN_WAIT2));
	close(self->client);
	ASSERT_EQ(0, api_wait_state(self->server, TCP_CLOSE));
	EXPECT_EQ(0, api_errno(read(self->server, &c, 1)));
	EXPECT_EQ(EPIPE, api_so_error(self->server));
}

/* An orphan in FIN_WAIT_2 answers data with a reset: nobody will read it. */
TEST_F(api, close_data_to_orphan)
{
	char c;

	api_pair(self);
	ASSERT_EQ(0, shutdown(self->client, SHUT_WR));
	ASSERT_EQ(0, api_wait_state(self->client, TCP_FIN_WAIT2));
	close(self->client);
	EXPECT_EQ(0, read(self->server, &c, 1));
	ASSERT_EQ(1, send(self->server, "x", 1, MSG_NOSIGNAL));
	EXPECT_EQ(0, api_wait_state(self->server, TCP_CLOSE));
}

TEST_F(api, close_listener)
{
	char c;

	api_listen(self, 2);
	self->client = api_socket(self->family, 0);
	ASSERT_EQ(0, connect(self->client, API_SA(&self->addr)));
	ASSERT_TRUE(api_poll(self->listener, POLLIN, 1000) & POLLIN);
	close(self->listener);
	EXPECT_EQ(ECONNRESET, api_errno(read(self->client, &c, 1))) TH_LOG("nobody accepted it");
	EXPECT_EQ(ECONNREFUSED, api_errno(connect(api_socket(self->family, 0),
						  API_SA(&self->addr))));
}

/* An accepted connection outlives its listener. */
TEST_F(api, close_listener_keeps_children)
{
	char c;

	api_pair(self);
	close(self->listener);
	ASSERT_EQ(1, write(self->client, "x", 1));
	EXPECT_EQ(1, read(self->server, &c, 1));
}

/* close() is not close while the file has another owner; shutdown() is. */
TEST_F(api, close_shared_file)
{
	char c;
	int fd;

	api_pair(self);
	fd = dup(self->client);
	close(self->client);
	EXPECT_EQ(EAGAIN, api_errno(recv(self->server, &c, 1, MSG_DONTWAIT)));
	EXPECT_EQ(1, write(fd, "x", 1));
	EXPECT_EQ(1, read(self->server, &c, 1));
	shutdown(fd, SHUT_WR);
	EXPECT_EQ(0, read(self->server, &c, 1));
}

TEST_F(api, close_by_exit)
{
	char c;

	api_pair(self);
	if (!fork()) {
		close(self->server);
		_exit(write(self->client, "x", 1) != 1);
	}
	close(self->client);
	EXPECT_EQ(1, read(self->server, &c, 1));
	EXPECT_EQ(0, read(self->server, &c, 1));
}

/* A reader asleep in another process wakes at shutdown(). */
TEST_F(api, close_wakes_reader)
{
	int status = -1;
	char c;

	api_pair(self);
	if (!fork())
		_exit(read(self->client, &c, 1) != 0);
	usleep(100000);
	ASSERT_EQ(0, shutdown(self->client, SHUT_RD));
	wait(&status);
	EXPECT_EQ(0, status);
}

TEST_F(api, close_wakes_acceptor)
{
	int status = -1;

	self->no_segments = true;
	api_listen(self, 1);
	if (!fork())
		_exit(api_errno(accept(self->listener, NULL, NULL)) != EINVAL);
	usleep(100000);
	ASSERT_EQ(0, shutdown(self->listener, SHUT_RDWR));
	wait(&status);
	EXPECT_EQ(0, status);
}

/* Whoever closes first keeps the port for 2 MSL, unless SO_REUSEADDR. */
TEST_F(api, close_time_wait)
{
	int fd;
	char c;

	api_listen(self, 1);
	ASSERT_EQ(0, api_set(self->listener, SOL_SOCKET, SO_REUSEADDR, 1));
	api_pair(self);
	shutdown(self->server, SHUT_WR);
	EXPECT_EQ(0, read(self->client, &c, 1));
	close(self->client);
	ASSERT_EQ(0, api_wait_state(self->server, TCP_CLOSE));
	close(self->server);
	close(self->listener);

	fd = api_socket(self->family, 0);
	EXPECT_EQ(EADDRINUSE, api_errno(bind(fd, API_SA(&self->addr))));
	ASSERT_EQ(0, api_set(fd, SOL_SOCKET, SO_REUSEADDR, 1));
	ASSERT_EQ(0, bind(fd, API_SA(&self->addr)));
	ASSERT_EQ(0, listen(fd, 1));
	EXPECT_EQ(0, connect(api_socket(self->family, 0), API_SA(&self->addr)));
}

TEST_HARNESS_MAIN

// SPDX-License-Identifier: GPL-2.0-only
/* poll, select, epoll level and edge. */
#include "api.h"

#include <sys/epoll.h>
#include <sys/select.h>

#define API_ALL		(POLLIN | POLLPRI | POLLOUT | POLLRDHUP)

TEST_F(api, poll_fresh)
{
	int fd = api_socket(self->family, 0);

	self->no_segments = true;
	EXPECT_EQ(POLLOUT | POLLHUP, api_poll(fd, API_ALL, 0));
	EXPECT_EQ(POLLHUP, api_poll(fd, 0, 0));
}

TEST_F(api, poll_listener)
{
	api_listen(self, 2);
	EXPECT_EQ(0, api_poll(self->listener, API_ALL, 0));
	self->client = api_socket(self->family, 0);
	ASSERT_EQ(0, connect(self->client, API_SA(&self->addr)));
	EXPECT_EQ(POLLIN, api_poll(self->listener, API_ALL, 1000));
	EXPECT_EQ(POLLIN, api_poll(self->listener, API_ALL, 0)) TH_LOG("level");
	ASSERT_GE(accept(self->listener, NULL, NULL), 0);
	EXPECT_EQ(0, api_poll(self->listener, API_ALL, 0));
}

TEST_F(api, poll_connection)
{
	char c;

	api_pair(self);
	EXPECT_EQ(POLLOUT, api_poll(self->server, API_ALL, 0));
	ASSERT_EQ(1, write(self->client, "x", 1));
	EXPECT_EQ(POLLIN | POLLRDNORM, api_poll(self->server, POLLIN | POLLRDNORM, 1000));
	EXPECT_EQ(POLLIN | POLLOUT, api_poll(self->server, API_ALL, 0));
	ASSERT_EQ(1, read(self->server, &c, 1));
	EXPECT_EQ(POLLOUT, api_poll(self->server, API_ALL, 0));
}

TEST_F(api, poll_half_closed)
{
	api_pair(self);
	shutdown(self->client, SHUT_WR);
	EXPECT_EQ(POLLIN | POLLRDHUP, api_poll(self->server, POLLIN | POLLRDHUP, 1000));
	EXPECT_EQ(POLLIN | POLLOUT | POLLRDHUP, api_poll(self->server, API_ALL, 0));
	EXPECT_EQ(POLLOUT, api_poll(self->client, API_ALL, 0));
	shutdown(self->server, SHUT_WR);
	EXPECT_EQ(0, api_wait_state(self->client, TCP_CLOSE));
	EXPECT_EQ(POLLIN | POLLOUT | POLLRDHUP | POLLHUP, api_poll(self->client, API_ALL, 0));
	EXPECT_EQ(POLLIN | POLLOUT | POLLRDHUP | POLLHUP, api_poll(self->server, API_ALL, 0));
}

TEST_F(api, poll_shut_reading)
{
	api_pair(self);
	shutdown(self->client, SHUT_RD);
	EXPECT_EQ(POLLIN | POLLOUT | POLLRDHUP, api_poll(self->client, API_ALL, 0));
}

TEST_F(api, poll_reset)
{
	struct linger l = { 1, 0 };

	api_pair(self);
	ASSERT_EQ(0, setsockopt(self->server, SOL_SOCKET, SO_LINGER, &l, sizeof(l)));
	close(self->server);
	EXPECT_EQ(POLLERR | POLLHUP, api_poll(self->client, 0, 1000));
	EXPECT_EQ(POLLIN | POLLOUT | POLLRDHUP | POLLERR | POLLHUP,
		  api_poll(self->client, API_ALL, 0));
	EXPECT_EQ(ECONNRESET, api_so_error(self->client));
	EXPECT_EQ(POLLIN | POLLOUT | POLLRDHUP | POLLHUP, api_poll(self->client, API_ALL, 0));
}

/* What a child process does 100 ms later ends the parent's poll. */
static void later(void (*act)(int), int fd)
{
	if (fork())
		return;
	usleep(100000);
	act(fd);
	_exit(0);
}

static void act_write(int fd)
{
	if (write(fd, "x", 1) != 1)
		_exit(1);
}

static void act_shutdown(int fd)
{
	shutdown(fd, SHUT_WR);
}

static void act_read(int fd)
{
	static char buf[1 << 20];
	int i;

	for (i = 0; i < 64 && recv(fd, buf, sizeof(buf), MSG_DONTWAIT) > 0; i++)
		usleep(10000);
}

TEST_F(api, poll_wakes)
{
	char c;

	api_pair(self);
	later(act_write, self->client);
	EXPECT_EQ(POLLIN, api_poll(self->server, POLLIN, 3000));
	ASSERT_EQ(1, read(self->server, &c, 1));
	later(act_shutdown, self->client);
	EXPECT_EQ(POLLRDHUP, api_poll(self->server, POLLRDHUP, 3000));
}

static void fill_up(int fd)
{
	static char buf[65536];

	while (send(fd, buf, sizeof(buf), MSG_DONTWAIT) > 0)
		;
}

TEST_F(api, poll_wakes_writer)
{
	api_pair(self);
	fill_up(self->client);
	EXPECT_EQ(0, api_poll(self->client, POLLOUT, 20));
	later(act_read, self->server);
	EXPECT_EQ(POLLOUT, api_poll(self->client, POLLOUT, 5000));
}

TEST_F(api, poll_select)
{
	struct timeval tv = { 1, 0 };
	fd_set in, out;

	api_pair(self);
	FD_ZERO(&in);
	FD_ZERO(&out);
	FD_SET(self->server, &in);
	FD_SET(self->server, &out);
	EXPECT_EQ(1, select(self->server + 1, &in, &out, NULL, &tv));
	EXPECT_FALSE(FD_ISSET(self->server, &in));
	EXPECT_TRUE(FD_ISSET(self->server, &out));
	ASSERT_EQ(1, write(self->client, "x", 1));
	FD_ZERO(&in);
	FD_SET(self->server, &in);
	EXPECT_EQ(1, select(self->server + 1, &in, NULL, NULL, &tv));
	EXPECT_TRUE(FD_ISSET(self->server, &in));
}

static int epoll_add(int fd, uint32_t events)
{
	struct epoll_event ev = { .events = events };
	int ep = epoll_create1(0);

	return epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev) ? -1 : ep;
}

/* Events that @ep reports within @ms, 0: none. */
static uint32_t epoll_one(int ep, int ms)
{
	struct epoll_event ev = {};

	return epoll_wait(ep, &ev, 1, ms) == 1 ? ev.events : 0;
}

TEST_F(api, poll_epoll_level)
{
	char c;
	int ep;

	api_pair(self);
	ep = epoll_add(self->server, EPOLLIN);
	ASSERT_GE(ep, 0);
	EXPECT_EQ(0, epoll_one(ep, 0));
	ASSERT_EQ(2, write(self->client, "xy", 2));
	EXPECT_EQ(EPOLLIN, epoll_one(ep, 1000));
	EXPECT_EQ(EPOLLIN, epoll_one(ep, 0));
	ASSERT_EQ(1, read(self->server, &c, 1));
	EXPECT_EQ(EPOLLIN, epoll_one(ep, 0)) TH_LOG("one byte is left");
	ASSERT_EQ(1, read(self->server, &c, 1));
	EXPECT_EQ(0, epoll_one(ep, 0));
}

TEST_F(api, poll_epoll_edge)
{
	char c;
	int ep;

	api_pair(self);
	ep = epoll_add(self->server, EPOLLIN | EPOLLRDHUP | EPOLLET);
	ASSERT_GE(ep, 0);
	ASSERT_EQ(1, write(self->client, "x", 1));
	EXPECT_EQ(EPOLLIN, epoll_one(ep, 1000));
	EXPECT_EQ(0, epoll_one(ep, 50)) TH_LOG("told once");
	ASSERT_EQ(1, write(self->client, "y", 1));
	EXPECT_EQ(EPOLLIN, epoll_one(ep, 1000)) TH_LOG("new data, new edge");
	ASSERT_EQ(1, read(self->server, &c, 1));
	EXPECT_EQ(0, epoll_one(ep, 50));
	shutdown(self->client, SHUT_WR);
	EXPECT_EQ(EPOLLIN | EPOLLRDHUP, epoll_one(ep, 1000));
}

/* EAGAIN promises an edge when there is space again. */
TEST_F(api, poll_epoll_edge_writer)
{
	int ep, i;

	api_pair(self);
	ep = epoll_add(self->client, EPOLLOUT | EPOLLET);
	ASSERT_GE(ep, 0);
	EXPECT_EQ(EPOLLOUT, epoll_one(ep, 1000));
	for (i = 0; i < 3; i++) {
		fill_up(self->client);
		while (epoll_one(ep, 50) & EPOLLOUT)
			fill_up(self->client);
		later(act_read, self->server);
		EXPECT_EQ(EPOLLOUT, epoll_one(ep, 5000));
		wait(NULL);
	}
}

TEST_F(api, poll_epoll_one_shot)
{
	struct epoll_event ev = { .events = EPOLLIN | EPOLLONESHOT };
	int ep;

	api_pair(self);
	ep = epoll_add(self->server, EPOLLIN | EPOLLONESHOT);
	ASSERT_GE(ep, 0);
	ASSERT_EQ(1, write(self->client, "x", 1));
	EXPECT_EQ(EPOLLIN, epoll_one(ep, 1000));
	EXPECT_EQ(0, epoll_one(ep, 20));
	ASSERT_EQ(0, epoll_ctl(ep, EPOLL_CTL_MOD, self->server, &ev));
	EXPECT_EQ(EPOLLIN, epoll_one(ep, 20));
}

TEST_F(api, poll_epoll_connect)
{
	int ep;

	api_listen(self, 1);
	self->client = api_socket(self->family, SOCK_NONBLOCK);
	ASSERT_EQ(EINPROGRESS, api_errno(connect(self->client, API_SA(&self->addr))));
	ep = epoll_add(self->client, EPOLLIN | EPOLLOUT | EPOLLET);
	ASSERT_GE(ep, 0);
	EXPECT_EQ(EPOLLOUT, epoll_one(ep, 1000));
	EXPECT_EQ(0, api_so_error(self->client));
}

TEST_F(api, poll_epoll_refused)
{
	struct sockaddr_in closed = api_addr("127.0.0.1", 9);
	int ep;

	self->client = api_socket(self->family, SOCK_NONBLOCK);
	ASSERT_EQ(EINPROGRESS, api_errno(connect(self->client, API_SA(&closed))));
	ep = epoll_add(self->client, EPOLLOUT | EPOLLET);
	ASSERT_GE(ep, 0);
	EXPECT_EQ(EPOLLOUT | EPOLLERR | EPOLLHUP, epoll_one(ep, 1000));
}

/* One epoll watches many; each event is told to one of its waiters. */
TEST_F(api, poll_epoll_listener)
{
	int ep, i;

	api_listen(self, 8);
	ep = epoll_add(self->listener, EPOLLIN | EPOLLET);
	ASSERT_GE(ep, 0);
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, connect(api_socket(self->family, 0), API_SA(&self->addr)));
		EXPECT_EQ(EPOLLIN, epoll_one(ep, 1000));
	}
	EXPECT_EQ(0, epoll_one(ep, 20));
}

TEST_F(api, poll_not_sent)
{
	long total = 0;
	ssize_t n;
	char buf[4096] = {};

	api_pair(self);
	ASSERT_EQ(0, api_set(self->client, SOL_TCP, TCP_NOTSENT_LOWAT, 16384));
	EXPECT_EQ(16384, api_get(self->client, SOL_TCP, TCP_NOTSENT_LOWAT));
	ASSERT_EQ(0, api_set(self->server, SOL_SOCKET, SO_RCVBUF, 4096));
	while ((n = send(self->client, buf, sizeof(buf), MSG_DONTWAIT)) > 0)
		total += n;
	EXPECT_EQ(EAGAIN, errno);
	EXPECT_EQ(0, api_poll(self->client, POLLOUT, 20));
	EXPECT_GT(total, 16384);
}

TEST_HARNESS_MAIN

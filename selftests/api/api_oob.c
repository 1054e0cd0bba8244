// SPDX-License-Identifier: GPL-2.0-only
/* The urgent byte: MSG_OOB, SO_OOBINLINE, SIOCATMARK, SIGURG, POLLPRI (RFC 6093). */
#include "api.h"

#include <linux/sockios.h>

static int at_mark(int fd)
{
	int n = -1;

	return ioctl(fd, SIOCATMARK, &n) ? -errno : n;
}

TEST_F(api, oob_out_of_line)
{
	char buf[16] = {};

	api_pair(self);
	EXPECT_EQ(EINVAL, api_errno(recv(self->server, buf, 1, MSG_OOB))) TH_LOG("there is none");
	EXPECT_EQ(0, at_mark(self->server));
	ASSERT_EQ(3, send(self->client, "abc", 3, 0));
	ASSERT_EQ(2, send(self->client, "d!", 2, MSG_OOB));
	ASSERT_EQ(2, send(self->client, "ef", 2, 0));
	EXPECT_EQ(POLLPRI, api_poll(self->server, POLLPRI, 1000));
	usleep(20000);

	EXPECT_EQ(1, recv(self->server, buf, 16, MSG_OOB | MSG_PEEK));
	EXPECT_EQ('!', buf[0]);
	EXPECT_EQ(0, at_mark(self->server));
	EXPECT_EQ(4, recv(self->server, buf, 16, 0)) TH_LOG("a read stops at the mark");
	EXPECT_EQ(0, memcmp(buf, "abcd", 4));
	EXPECT_EQ(1, at_mark(self->server));
	EXPECT_EQ(1, recv(self->server, buf, 16, MSG_OOB));
	EXPECT_EQ('!', buf[0]);
	EXPECT_EQ(EINVAL, api_errno(recv(self->server, buf, 1, MSG_OOB))) TH_LOG("once");
	EXPECT_EQ(2, recv(self->server, buf, 16, 0));
	EXPECT_EQ(0, memcmp(buf, "ef", 2));
	EXPECT_EQ(0, at_mark(self->server));
}

/* Not read in time, it is gone. */
TEST_F(api, oob_skipped)
{
	char buf[16] = {};
	int n = -1;

	api_pair(self);
	ASSERT_EQ(2, send(self->client, "a!", 2, MSG_OOB));
	ASSERT_EQ(2, send(self->client, "bc", 2, 0));
	usleep(20000);
	EXPECT_EQ(0, ioctl(self->server, FIONREAD, &n));
	EXPECT_EQ(1, n);
	EXPECT_EQ(1, recv(self->server, buf, 16, 0));
	EXPECT_EQ(1, at_mark(self->server));
	EXPECT_EQ(2, recv(self->server, buf, 16, 0));
	EXPECT_EQ(0, memcmp(buf, "bc", 2));
	EXPECT_EQ(EINVAL, api_errno(recv(self->server, buf, 1, MSG_OOB)));
}

TEST_F(api, oob_in_line)
{
	char buf[16] = {};

	api_pair(self);
	ASSERT_EQ(0, api_set(self->server, SOL_SOCKET, SO_OOBINLINE, 1));
	ASSERT_EQ(2, send(self->client, "a!", 2, MSG_OOB));
	ASSERT_EQ(1, send(self->client, "b", 1, 0));
	usleep(20000);
	EXPECT_EQ(EINVAL, api_errno(recv(self->server, buf, 1, MSG_OOB)));
	EXPECT_EQ(1, recv(self->server, buf, 16, 0));
	EXPECT_EQ(1, at_mark(self->server));
	EXPECT_EQ(2, recv(self->server, buf, 16, 0));
	EXPECT_EQ(0, memcmp(buf, "!b", 2));
}

/* The urgent byte alone does not make the socket readable. */
TEST_F(api, oob_alone)
{
	char c;

	api_pair(self);
	ASSERT_EQ(1, send(self->client, "!", 1, MSG_OOB));
	EXPECT_EQ(POLLPRI, api_poll(self->server, POLLPRI | POLLIN, 1000));
	EXPECT_EQ(1, recv(self->server, &c, 1, MSG_OOB));
	EXPECT_EQ('!', c);
	EXPECT_EQ(EAGAIN, api_errno(recv(self->server, &c, 1, MSG_DONTWAIT)));
}

static volatile sig_atomic_t urgents;

static void on_urgent(int sig)
{
	urgents++;
}

TEST_F(api, oob_signal)
{
	int i;

	api_pair(self);
	signal(SIGURG, on_urgent);
	ASSERT_EQ(0, fcntl(self->server, F_SETOWN, getpid()));
	ASSERT_EQ(1, send(self->client, "!", 1, MSG_OOB));
	for (i = 0; i < 100 && !urgents; i++)
		usleep(10000);
	EXPECT_EQ(1, urgents);
}

TEST_HARNESS_MAIN

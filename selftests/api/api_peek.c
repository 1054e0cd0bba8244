// SPDX-License-Identifier: GPL-2.0-only
/* SO_PEEK_OFF: MSG_PEEK goes on where it stopped. The kernel's TCP has it from 6.9 on. */
#include "api.h"

#ifndef SO_PEEK_OFF
#define SO_PEEK_OFF	42
#endif

static bool peek_built(int family, int fd)
{
	int off = api_get(fd, SOL_SOCKET, SO_PEEK_OFF);

	return off == -1 && (family == AF_XTCP || !api_old_kernel());
}

/* Without a peek offset of its own the kernel's TCP of 6.1 refuses; then there is no oracle. */
#define PEEK_OR_RETURN(self, fd) do {							\
	if (!peek_built((self)->family, fd)) {						\
		EXPECT_EQ(AF_INET, (self)->family);					\
		EXPECT_EQ(EOPNOTSUPP, api_set(fd, SOL_SOCKET, SO_PEEK_OFF, 0));		\
		return;									\
	}										\
} while (0)

/* The offset that the kernel keeps, or -errno. */
static int peek_off(int fd)
{
	return api_get(fd, SOL_SOCKET, SO_PEEK_OFF);
}

TEST_F(api, peek_goes_on)
{
	char buf[16] = {};

	api_pair(self);
	PEEK_OR_RETURN(self, self->server);
	ASSERT_EQ(6, write(self->client, "abcdef", 6));
	ASSERT_TRUE(api_poll(self->server, POLLIN, 1000) & POLLIN);
	ASSERT_EQ(0, api_set(self->server, SOL_SOCKET, SO_PEEK_OFF, 0));
	EXPECT_EQ(2, recv(self->server, buf, 2, MSG_PEEK));
	EXPECT_EQ(2, recv(self->server, buf + 2, 2, MSG_PEEK));
	EXPECT_STREQ("abcd", buf);
	EXPECT_EQ(4, peek_off(self->server));
	EXPECT_EQ(2, recv(self->server, buf + 4, 10, MSG_PEEK));
	EXPECT_STREQ("abcdef", buf);
	EXPECT_EQ(EAGAIN, api_errno(recv(self->server, buf, 1, MSG_PEEK | MSG_DONTWAIT)));
	ASSERT_EQ(2, write(self->client, "gh", 2));
	ASSERT_EQ(0, api_set_time(self->server, SO_RCVTIMEO, 5000));
	EXPECT_EQ(2, recv(self->server, buf + 6, 10, MSG_PEEK));
	EXPECT_STREQ("abcdefgh", buf);
}

/* A read comes closer to the offset, down to 0. */
TEST_F(api, peek_after_read)
{
	char buf[16] = {};

	api_pair(self);
	PEEK_OR_RETURN(self, self->server);
	ASSERT_EQ(6, write(self->client, "abcdef", 6));
	ASSERT_TRUE(api_poll(self->server, POLLIN, 1000) & POLLIN);
	ASSERT_EQ(0, api_set(self->server, SOL_SOCKET, SO_PEEK_OFF, 3));
	EXPECT_EQ(1, recv(self->server, buf, 1, 0));
	EXPECT_EQ(2, peek_off(self->server));
	EXPECT_EQ(1, recv(self->server, buf, 1, MSG_PEEK));
	EXPECT_EQ('d', buf[0]);
	EXPECT_EQ(4, recv(self->server, buf, 4, 0));
	EXPECT_EQ(0, peek_off(self->server));
	EXPECT_EQ(1, recv(self->server, buf, 16, MSG_PEEK));
	EXPECT_EQ('f', buf[0]);
}

TEST_F(api, peek_end)
{
	struct sockaddr_in none = { .sin_family = AF_UNSPEC };
	char buf[16];

	api_pair(self);
	PEEK_OR_RETURN(self, self->server);
	ASSERT_EQ(3, write(self->client, "abc", 3));
	shutdown(self->client, SHUT_WR);
	ASSERT_EQ(0, api_wait_state(self->server, TCP_CLOSE_WAIT));
	ASSERT_EQ(0, api_set(self->server, SOL_SOCKET, SO_PEEK_OFF, 1));
	EXPECT_EQ(2, recv(self->server, buf, 16, MSG_PEEK));
	EXPECT_EQ(0, recv(self->server, buf, 16, MSG_PEEK));
	EXPECT_EQ(3, peek_off(self->server));
	EXPECT_EQ(3, recv(self->server, buf, 16, 0));
	ASSERT_EQ(0, connect(self->server, API_SA(&none)));
	EXPECT_EQ(-1, peek_off(self->server)) TH_LOG("forgotten with the connection");
}

TEST_HARNESS_MAIN

// SPDX-License-Identifier: GPL-2.0-only
/* getsockopt and setsockopt: bounds, errnos and effects. */
#include "api.h"

struct option {
	const char *name;
	int level;
	int opt;
	int val;
	int err;	/* of setting @val */
	int get;	/* what is read then, if @err is 0 */
};

#define OPT(level, opt, val, err, get)	{ #opt, level, opt, val, err, get }

static const struct option options[] = {
	OPT(SOL_TCP, TCP_NODELAY, 1, 0, 1),
	OPT(SOL_TCP, TCP_NODELAY, 0, 0, 0),
	OPT(SOL_TCP, TCP_NODELAY, 77, 0, 1),
	OPT(SOL_TCP, TCP_CORK, 1, 0, 1),
	OPT(SOL_TCP, TCP_CORK, 0, 0, 0),
	OPT(SOL_TCP, TCP_MAXSEG, 87, EINVAL, 0),
	OPT(SOL_TCP, TCP_MAXSEG, 88, 0, 88),
	OPT(SOL_TCP, TCP_MAXSEG, 32767, 0, 32767),
	OPT(SOL_TCP, TCP_MAXSEG, 32768, EINVAL, 0),
	OPT(SOL_TCP, TCP_MAXSEG, -1, EINVAL, 0),
	OPT(SOL_TCP, TCP_MAXSEG, 0, 0, 536),
	OPT(SOL_TCP, TCP_KEEPIDLE, 0, EINVAL, 0),
	OPT(SOL_TCP, TCP_KEEPIDLE, 1, 0, 1),
	OPT(SOL_TCP, TCP_KEEPIDLE, 32767, 0, 32767),
	OPT(SOL_TCP, TCP_KEEPIDLE, 32768, EINVAL, 0),
	OPT(SOL_TCP, TCP_KEEPINTVL, 0, EINVAL, 0),
	OPT(SOL_TCP, TCP_KEEPINTVL, 32767, 0, 32767),
	OPT(SOL_TCP, TCP_KEEPINTVL, 32768, EINVAL, 0),
	OPT(SOL_TCP, TCP_KEEPCNT, 0, EINVAL, 0),
	OPT(SOL_TCP, TCP_KEEPCNT, 127, 0, 127),
	OPT(SOL_TCP, TCP_KEEPCNT, 128, EINVAL, 0),
	OPT(SOL_TCP, TCP_SYNCNT, 0, EINVAL, 0),
	OPT(SOL_TCP, TCP_SYNCNT, 127, 0, 127),
	OPT(SOL_TCP, TCP_SYNCNT, 128, EINVAL, 0),
	OPT(SOL_TCP, TCP_LINGER2, 30, 0, 30),
	OPT(SOL_TCP, TCP_LINGER2, 121, 0, 120),
	OPT(SOL_TCP, TCP_LINGER2, -7, 0, -1),
	OPT(SOL_TCP, TCP_LINGER2, 0, 0, 60),
	OPT(SOL_TCP, TCP_DEFER_ACCEPT, 0, 0, 0),
	OPT(SOL_TCP, TCP_DEFER_ACCEPT, -1, 0, 0),
	OPT(SOL_TCP, TCP_DEFER_ACCEPT, 1, 0, 1),
	OPT(SOL_TCP, TCP_DEFER_ACCEPT, 2, 0, 3),
	OPT(SOL_TCP, TCP_DEFER_ACCEPT, 60, 0, 63),
	OPT(SOL_TCP, TCP_DEFER_ACCEPT, 300, 0, 367),
	OPT(SOL_TCP, TCP_USER_TIMEOUT, 0, 0, 0),
	OPT(SOL_TCP, TCP_USER_TIMEOUT, 12345, 0, 12345),
	OPT(SOL_TCP, TCP_USER_TIMEOUT, -1, EINVAL, 0),
	OPT(SOL_TCP, TCP_QUICKACK, 0, 0, 0),
	OPT(SOL_TCP, TCP_QUICKACK, 1, 0, 1),
	OPT(SOL_TCP, TCP_INQ, 1, 0, 1),
	OPT(SOL_TCP, TCP_INQ, 2, EINVAL, 0),
	OPT(SOL_TCP, TCP_WINDOW_CLAMP, 100000, 0, 100000),
	OPT(SOL_TCP, TCP_WINDOW_CLAMP, 0, 0, 0),
	OPT(SOL_TCP, TCP_WINDOW_CLAMP, 1, 0, 1152),
	OPT(SOL_TCP, TCP_NOTSENT_LOWAT, 5000, 0, 5000),
	OPT(SOL_TCP, 199, 1, ENOPROTOOPT, 0),
	OPT(SOL_SOCKET, SO_KEEPALIVE, 1, 0, 1),
	OPT(SOL_SOCKET, SO_KEEPALIVE, 0, 0, 0),
	OPT(SOL_SOCKET, SO_REUSEADDR, 1, 0, 1),
	OPT(SOL_SOCKET, SO_REUSEPORT, 1, 0, 1),
	OPT(SOL_SOCKET, SO_OOBINLINE, 1, 0, 1),
	OPT(SOL_SOCKET, SO_PRIORITY, 5, 0, 5),
	OPT(SOL_SOCKET, SO_MARK, 42, 0, 42),
	OPT(SOL_SOCKET, SO_SNDBUF, 20000, 0, 40000),
	OPT(SOL_SOCKET, SO_RCVBUF, 20000, 0, 40000),
	OPT(SOL_SOCKET, SO_SNDBUF, 1, 0, 4608),
	OPT(SOL_SOCKET, SO_RCVBUF, 1, 0, 2304),
	OPT(SOL_SOCKET, SO_RCVLOWAT, 100, 0, 100),
	OPT(SOL_SOCKET, SO_RCVLOWAT, 0, 0, 1),
	OPT(SOL_SOCKET, SO_SNDLOWAT, 1, ENOPROTOOPT, 0),
	OPT(SOL_SOCKET, SO_TYPE, 1, ENOPROTOOPT, 0),
	OPT(SOL_SOCKET, SO_ACCEPTCONN, 1, ENOPROTOOPT, 0),
	OPT(SOL_SOCKET, SO_ERROR, 1, ENOPROTOOPT, 0),
	OPT(SOL_IP, IP_TTL, 5, 0, 5),
	OPT(SOL_IP, IP_TTL, 256, EINVAL, 0),
	OPT(SOL_IP, IP_TOS, 0x13, 0, 0x10),
	OPT(SOL_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DO, 0, IP_PMTUDISC_DO),
	OPT(SOL_IP, IP_MULTICAST_TTL, 3, EINVAL, 0),
	OPT(SOL_IP, 250, 1, ENOPROTOOPT, 0),
	OPT(77, 1, 1, ENOPROTOOPT, 0),
};

TEST_F(api, sockopt_values)
{
	int fd = api_socket(self->family, 0);
	size_t i;

	self->no_segments = true;
	for (i = 0; i < ARRAY_SIZE(options); i++) {
		const struct option *o = &options[i];

		EXPECT_EQ(o->err, api_set(fd, o->level, o->opt, o->val)) {
			TH_LOG("set %s to %d", o->name, o->val);
		}
		if (o->err)
			continue;
		EXPECT_EQ(o->get, api_get(fd, o->level, o->opt)) {
			TH_LOG("get %s after %d", o->name, o->val);
		}
	}
}

TEST_F(api, sockopt_defaults)
{
	int fd = api_socket(self->family, 0);

	self->no_segments = true;
	EXPECT_EQ(0, api_get(fd, SOL_TCP, TCP_NODELAY));
	EXPECT_EQ(0, api_get(fd, SOL_TCP, TCP_CORK));
	EXPECT_EQ(536, api_get(fd, SOL_TCP, TCP_MAXSEG));
	EXPECT_EQ(7200, api_get(fd, SOL_TCP, TCP_KEEPIDLE));
	EXPECT_EQ(75, api_get(fd, SOL_TCP, TCP_KEEPINTVL));
	EXPECT_EQ(9, api_get(fd, SOL_TCP, TCP_KEEPCNT));
	EXPECT_EQ(api_differs(self->family, API_TCP_SYNCNT), api_get(fd, SOL_TCP, TCP_SYNCNT));
	EXPECT_EQ(60, api_get(fd, SOL_TCP, TCP_LINGER2));
	EXPECT_EQ(0, api_get(fd, SOL_TCP, TCP_DEFER_ACCEPT));
	EXPECT_EQ(0, api_get(fd, SOL_TCP, TCP_USER_TIMEOUT));
	EXPECT_EQ(1, api_get(fd, SOL_TCP, TCP_QUICKACK));
	EXPECT_EQ(0, api_get(fd, SOL_TCP, TCP_INQ));
}

TEST_F(api, sockopt_lengths)
{
	static const int opts[] = { TCP_NODELAY, TCP_MAXSEG, TCP_KEEPIDLE, TCP_INFO };
	int fd = api_socket(self->family, 0);
	unsigned char val[8];
	socklen_t len;
	size_t i;

	self->no_segments = true;
	for (i = 0; i < 3; i++) {
		EXPECT_EQ(EINVAL, api_errno(setsockopt(fd, SOL_TCP, opts[i], val, 3)));
		EXPECT_EQ(EFAULT, api_errno(setsockopt(fd, SOL_TCP, opts[i], (void *)8, 4)));
	}
	for (i = 0; i < 4; i++) {
		len = -1;
		EXPECT_EQ(EINVAL, api_errno(getsockopt(fd, SOL_TCP, opts[i], val, &len)));
		len = 4;
		EXPECT_EQ(EFAULT, api_errno(getsockopt(fd, SOL_TCP, opts[i], (void *)8, &len)));
		EXPECT_EQ(EFAULT, api_errno(getsockopt(fd, SOL_TCP, opts[i], val, (void *)8)));
	}
	ASSERT_EQ(0, api_set(fd, SOL_TCP, TCP_MAXSEG, 0x0123));
	memset(val, 0xee, sizeof(val));
	len = 1;
	EXPECT_EQ(0, getsockopt(fd, SOL_TCP, TCP_MAXSEG, val, &len));
	EXPECT_EQ(1, len);
	EXPECT_EQ(0x23, val[0]);
	EXPECT_EQ(0xee, val[1]);
	len = 8;
	EXPECT_EQ(0, getsockopt(fd, SOL_TCP, TCP_MAXSEG, val, &len));
	EXPECT_EQ(4, len);
	EXPECT_EQ(ENOPROTOOPT, -api_get(fd, SOL_TCP, 199));
}

TEST_F(api, sockopt_not_built)
{
	int fd = api_socket(self->family, 0);

	self->no_segments = true;
	EXPECT_EQ(api_old_kernel() ? api_differs(self->family, API_ZEROCOPY) : 0,
		  api_set(fd, SOL_SOCKET, SO_ZEROCOPY, 1));
	EXPECT_EQ(api_differs(self->family, API_TCP_FASTOPEN),
		  api_set(fd, SOL_TCP, TCP_FASTOPEN, 5));
	EXPECT_EQ(api_differs(self->family, API_TCP_SAVE_SYN),
		  api_set(fd, SOL_TCP, TCP_SAVE_SYN, 1));
	EXPECT_EQ(api_differs(self->family, API_TCP_REPAIR),
		  api_set(fd, SOL_TCP, TCP_REPAIR, 1));
	EXPECT_EQ(api_differs(self->family, API_TCP_ULP),
		  api_errno(setsockopt(fd, SOL_TCP, TCP_ULP, "none-such", 9)));
}

TEST_F(api, sockopt_membership)
{
	struct ip_mreq mreq = {
		.imr_multiaddr.s_addr = htonl(0xe0000001),
		.imr_interface.s_addr = htonl(INADDR_LOOPBACK),
	};
	int fd = api_socket(self->family, 0);

	self->no_segments = true;
	EXPECT_EQ(EPROTO,
		  api_errno(setsockopt(fd, SOL_IP, IP_ADD_MEMBERSHIP, &mreq, sizeof(mreq))));
}

TEST_F(api, sockopt_congestion)
{
	int fd = api_socket(self->family, 0);
	char name[32] = {}, again[32] = {};
	socklen_t len = sizeof(name);

	self->no_segments = true;
	ASSERT_EQ(0, getsockopt(fd, SOL_TCP, TCP_CONGESTION, name, &len));
	EXPECT_EQ(16, len);
	EXPECT_GT(strlen(name), 0);
	EXPECT_EQ(ENOENT, api_errno(setsockopt(fd, SOL_TCP, TCP_CONGESTION, "no-such", 7)));
	EXPECT_EQ(EINVAL, api_errno(setsockopt(fd, SOL_TCP, TCP_CONGESTION, "", 0)));
	EXPECT_EQ(0, setsockopt(fd, SOL_TCP, TCP_CONGESTION, name, strlen(name)));
	len = sizeof(again);
	EXPECT_EQ(0, getsockopt(fd, SOL_TCP, TCP_CONGESTION, again, &len));
	EXPECT_STREQ(name, again);
	len = 3;
	memset(again, 0, sizeof(again));
	EXPECT_EQ(0, getsockopt(fd, SOL_TCP, TCP_CONGESTION, again, &len));
	EXPECT_EQ(3, len);
	EXPECT_EQ(0, memcmp(name, again, 3));
	EXPECT_EQ(0, again[3]);
}

TEST_F(api, sockopt_max_segment)
{
	struct tcp_info info;
	socklen_t len = sizeof(info);

	api_listen(self, 1);
	ASSERT_EQ(0, api_set(self->listener, SOL_TCP, TCP_MAXSEG, 1000));
	api_pair(self);
	/* The timestamp option takes 12 bytes of each segment. */
	EXPECT_EQ(988, api_get(self->client, SOL_TCP, TCP_MAXSEG));
	EXPECT_EQ(988, api_get(self->server, SOL_TCP, TCP_MAXSEG));
	ASSERT_EQ(0, getsockopt(self->client, SOL_TCP, TCP_INFO, &info, &len));
	EXPECT_EQ(988, info.tcpi_snd_mss);
}

TEST_F(api, sockopt_info)
{
	struct tcp_info info = {};
	socklen_t len = sizeof(info);
	char buf[3000] = {};

	api_pair(self);
	ASSERT_EQ(sizeof(buf), send(self->client, buf, sizeof(buf), 0));
	ASSERT_EQ(sizeof(buf), recv(self->server, buf, sizeof(buf), MSG_WAITALL));
	ASSERT_EQ(1, send(self->server, "x", 1, 0));
	ASSERT_EQ(1, recv(self->client, buf, 1, 0));
	ASSERT_EQ(0, getsockopt(self->client, SOL_TCP, TCP_INFO, &info, &len));
	EXPECT_EQ(TCP_ESTABLISHED, info.tcpi_state);
	EXPECT_EQ(0, info.tcpi_ca_state);
	EXPECT_EQ(TCPI_OPT_TIMESTAMPS | TCPI_OPT_SACK | TCPI_OPT_WSCALE, info.tcpi_options);
	EXPECT_GT(info.tcpi_rcv_wscale + 0, 0);
	EXPECT_EQ(info.tcpi_rcv_wscale + 0, info.tcpi_snd_wscale + 0);
	EXPECT_GE(info.tcpi_rto, 200000);
	EXPECT_LE(info.tcpi_rto, 2000000);
	EXPECT_EQ(0, info.tcpi_retransmits);
	EXPECT_EQ(0, info.tcpi_total_retrans);
	EXPECT_EQ(0, info.tcpi_unacked);
	EXPECT_GT(info.tcpi_snd_mss, 30000);
	EXPECT_EQ(65483, info.tcpi_advmss);
	EXPECT_EQ(65535, info.tcpi_pmtu);
	EXPECT_GT(info.tcpi_rtt, 0);
	EXPECT_GE(info.tcpi_snd_cwnd, 10);
	EXPECT_EQ(3001, info.tcpi_bytes_acked) TH_LOG("the SYN counts");
	EXPECT_EQ(3000, info.tcpi_bytes_sent);
	EXPECT_EQ(1, info.tcpi_bytes_received);
	EXPECT_EQ(1, info.tcpi_data_segs_out);
	EXPECT_EQ(1, info.tcpi_data_segs_in);
	EXPECT_GE(info.tcpi_segs_out, 3);
	EXPECT_GE(info.tcpi_segs_in, 2);
	EXPECT_EQ(0, info.tcpi_notsent_bytes);
	EXPECT_GT(info.tcpi_snd_wnd, 0);
	EXPECT_EQ(2, info.tcpi_delivered) TH_LOG("SYN and data");
}

TEST_F(api, sockopt_info_truncated)
{
	unsigned char buf[16];
	socklen_t len = 3;

	api_pair(self);
	memset(buf, 0xee, sizeof(buf));
	ASSERT_EQ(0, getsockopt(self->client, SOL_TCP, TCP_INFO, buf, &len));
	EXPECT_EQ(3, len);
	EXPECT_EQ(TCP_ESTABLISHED, buf[0]);
	EXPECT_EQ(0xee, buf[3]);
	len = 0;
	EXPECT_EQ(0, getsockopt(self->client, SOL_TCP, TCP_INFO, buf, &len));
}

/* A listener that defers sees a connection when its first data comes. */
TEST_F(api, sockopt_defer_accept)
{
	char c;

	api_listen(self, 2);
	ASSERT_EQ(0, api_set(self->listener, SOL_TCP, TCP_DEFER_ACCEPT, 5));
	self->client = api_socket(self->family, 0);
	ASSERT_EQ(0, connect(self->client, API_SA(&self->addr)));
	EXPECT_EQ(0, api_poll(self->listener, POLLIN, 200));
	ASSERT_EQ(1, write(self->client, "x", 1));
	EXPECT_EQ(POLLIN, api_poll(self->listener, POLLIN, 3000));
	self->server = accept(self->listener, NULL, NULL);
	ASSERT_GE(self->server, 0);
	EXPECT_EQ(1, recv(self->server, &c, 1, MSG_DONTWAIT));
}

TEST_F(api, sockopt_bind_to_device)
{
	char name[IFNAMSIZ] = {};
	socklen_t len = sizeof(name);
	int fd = api_socket(self->family, 0);

	EXPECT_EQ(ENODEV, api_errno(setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "none0", 6)));
	ASSERT_EQ(0, setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "lo", 3));
	ASSERT_EQ(0, getsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, name, &len));
	EXPECT_STREQ("lo", name);
	api_listen(self, 1);
	EXPECT_EQ(0, connect(fd, API_SA(&self->addr)));
}

TEST_F(api, sockopt_times)
{
	struct timeval tv = { 1, 500000 };
	socklen_t len = sizeof(tv);
	int fd = api_socket(self->family, 0);

	self->no_segments = true;
	ASSERT_EQ(0, setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)));
	memset(&tv, 0, sizeof(tv));
	ASSERT_EQ(0, getsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, &len));
	EXPECT_EQ(1, tv.tv_sec);
	EXPECT_EQ(500000, tv.tv_usec);
	tv.tv_usec = 1000000;
	EXPECT_EQ(EDOM, api_errno(setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv))));
}

/* Keepalive and user timeout on a live connection hurt nobody. */
TEST_F(api, sockopt_while_connected)
{
	char c;

	api_pair(self);
	EXPECT_EQ(0, api_set(self->client, SOL_TCP, TCP_KEEPIDLE, 1));
	EXPECT_EQ(0, api_set(self->client, SOL_TCP, TCP_KEEPINTVL, 1));
	EXPECT_EQ(0, api_set(self->client, SOL_SOCKET, SO_KEEPALIVE, 1));
	EXPECT_EQ(0, api_set(self->client, SOL_TCP, TCP_USER_TIMEOUT, 1000));
	EXPECT_EQ(EINVAL, api_set(self->client, SOL_TCP, TCP_WINDOW_CLAMP, 0));
	EXPECT_EQ(0, api_set(self->client, SOL_TCP, TCP_QUICKACK, 1));
	EXPECT_EQ(0, api_set(self->client, SOL_SOCKET, SO_SNDBUF, 100000));
	sleep(3);
	EXPECT_EQ(TCP_ESTABLISHED, api_state(self->client));
	ASSERT_EQ(1, write(self->client, "x", 1));
	EXPECT_EQ(1, read(self->server, &c, 1));
	EXPECT_EQ(0, api_set(self->client, SOL_SOCKET, SO_KEEPALIVE, 0));
	EXPECT_GT(api_get(self->client, SOL_IP, IP_MTU), 0);
}

/* Set before connect() it bounds the window that the SYN opens, too. */
TEST_F(api, sockopt_window_clamp)
{
	struct tcp_info info = {};
	socklen_t len = sizeof(info);

	api_listen(self, 1);
	self->client = api_socket(self->family, 0);
	ASSERT_GE(self->client, 0);
	ASSERT_EQ(0, api_set(self->client, SOL_TCP, TCP_WINDOW_CLAMP, 20000));
	ASSERT_EQ(0, connect(self->client, API_SA(&self->addr)));
	EXPECT_EQ(20000, api_get(self->client, SOL_TCP, TCP_WINDOW_CLAMP));
	ASSERT_EQ(0, getsockopt(self->client, SOL_TCP, TCP_INFO, &info, &len));
	EXPECT_LE(info.tcpi_rcv_ssthresh, 20000);
}

TEST_HARNESS_MAIN

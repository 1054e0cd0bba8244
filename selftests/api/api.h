/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The tests of the socket interface: each runs twice, over the kernel's own TCP
 * (AF_INET), which is the oracle, and over XTCP (AF_XTCP). What may differ is in
 * the table below and in Documentation/socket.rst, and nowhere else.
 *
 * Every test has a network namespace of its own, with nothing but loopback. At
 * its end the counter of segments that XTCP took must have moved for AF_XTCP,
 * and stood still for AF_INET.
 */
#ifndef API_H
#define API_H

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/tcp.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "xtcp_test.h"

/* Seconds: where time travels, whatever comes from the host's files (modprobe) takes minutes. */
#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT	3600

/* <netinet/tcp.h> has these, and an older struct tcp_info. */
#ifndef SOL_TCP
#define SOL_TCP	IPPROTO_TCP
#endif

enum {
	TCP_ESTABLISHED = 1,
	TCP_SYN_SENT,
	TCP_SYN_RECV,
	TCP_FIN_WAIT1,
	TCP_FIN_WAIT2,
	TCP_TIME_WAIT,
	TCP_CLOSE,
	TCP_CLOSE_WAIT,
	TCP_LAST_ACK,
	TCP_LISTEN,
	TCP_CLOSING,
};

/* What differs, with the reason. 0 is success, a positive number an errno or a value. */
struct api_difference {
	const char *what;
	int inet;
	int xtcp;
	const char *why;
};

enum api_diff {
	API_SO_PROTOCOL,
	API_ATTACH_FILTER,
	API_REUSEPORT_CBPF,
	API_ZEROCOPY,
	API_TCP_FASTOPEN,
	API_TCP_SAVE_SYN,
	API_TCP_REPAIR,
	API_TCP_ULP,
	API_TCP_SYNCNT,
	API_MSG_FASTOPEN,
};

static const struct api_difference api_differences[] = {
	[API_SO_PROTOCOL] = { "SO_PROTOCOL", IPPROTO_TCP, IPPROTO_XTCP,
		"the kernel takes every socket of protocol 6 for its own TCP's" },
	[API_ATTACH_FILTER] = { "SO_ATTACH_FILTER before 6.7", 0, EPERM,
		"the kernel's CAP_NET_ADMIN test does not know our sockets; since then we test" },
	[API_REUSEPORT_CBPF] = { "SO_ATTACH_REUSEPORT_CBPF", 0, ENOPROTOOPT,
		"not built" },
	[API_ZEROCOPY] = { "SO_ZEROCOPY before 6.7", 0, EOPNOTSUPP,
		"the kernel asks for protocol 6; since 6.7 it asks the socket" },
	[API_TCP_FASTOPEN] = { "TCP_FASTOPEN", 0, ENOPROTOOPT,
		"not built" },
	[API_TCP_SAVE_SYN] = { "TCP_SAVE_SYN", 0, ENOPROTOOPT,
		"not built" },
	[API_TCP_REPAIR] = { "TCP_REPAIR", 0, ENOPROTOOPT,
		"checkpointing is not built" },
	[API_TCP_ULP] = { "TCP_ULP", ENOENT, ENOPROTOOPT,
		"in-kernel TLS casts to the kernel's TCP socket" },
	[API_TCP_SYNCNT] = { "TCP_SYNCNT", 6, 7,
		"RFC 9293 MUST-23: a SYN is tried for three minutes at least" },
	[API_MSG_FASTOPEN] = { "MSG_FASTOPEN", 0, EOPNOTSUPP,
		"not built" },
};

/* The value that @what has over @family. */
static inline int api_differs(int family, enum api_diff what)
{
	return family == AF_INET ? api_differences[what].inet : api_differences[what].xtcp;
}

/* Before 6.7. */
static inline bool api_old_kernel(void)
{
	struct utsname name;
	int major, minor;

	return !uname(&name) && sscanf(name.release, "%d.%d", &major, &minor) == 2 &&
	       (major < 6 || (major == 6 && minor < 7));
}

/* The number of elements of an array. */
#ifndef ARRAY_SIZE
#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))
#endif

FIXTURE(api)
{
	int family;
	bool no_segments;	/* the test needs none: it says so */
	long long segments;	/* that XTCP had taken before */
	struct sockaddr_in addr;	/* of the last listener */
	int listener;
	int client;
	int server;
};

FIXTURE_VARIANT(api)
{
	int family;
};

FIXTURE_VARIANT_ADD(api, inet)
{
	.family = AF_INET,
};

FIXTURE_VARIANT_ADD(api, xtcp)
{
	.family = AF_XTCP,
};

static inline void api_loopback_up(struct __test_metadata *_metadata)
{
	struct ifreq ifr = { .ifr_name = "lo" };
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	ASSERT_GE(fd, 0);
	ASSERT_EQ(0, ioctl(fd, SIOCGIFFLAGS, &ifr));
	ifr.ifr_flags |= IFF_UP;
	ASSERT_EQ(0, ioctl(fd, SIOCSIFFLAGS, &ifr));
	close(fd);
}

/* The debug kernel takes seconds to make a namespace: there a program's tests share one. */
static bool api_shared;

static void __attribute__((constructor)) api_share(void)
{
	struct ifreq ifr = { .ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING };
	int fd;

	if (!xt_scale(0, 1, 0) || unshare(CLONE_NEWNET))
		return;
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	api_shared = !ioctl(fd, SIOCSIFFLAGS, &ifr);
	close(fd);
}

static inline long long api_segments(void)
{
	return xt_counter_in("/proc/self/net/xtcp_netstat", "XTcp", "SegmentsTaken");
}

FIXTURE_SETUP(api)
{
	self->family = variant->family;
	self->listener = -1;
	self->client = -1;
	self->server = -1;
	if (self->family == AF_XTCP && xt_native())
		SKIP(return, "XTCP_FAMILY=inet: the oracle only");
	if (!api_shared) {
		ASSERT_EQ(0, unshare(CLONE_NEWNET)) TH_LOG("must be root");
		api_loopback_up(_metadata);
	}
	if (self->family == AF_XTCP)
		ASSERT_EQ(0, access("/proc/self/net/xtcp_netstat", R_OK)) {
			TH_LOG("xtcp is not loaded");
		}
	self->segments = api_segments();
}

FIXTURE_TEARDOWN(api)
{
	if (self->family == AF_XTCP) {
		if (!self->no_segments)
			EXPECT_GT(api_segments(), self->segments) TH_LOG("no segment went through XTCP");
	} else {
		EXPECT_LE(api_segments(), self->segments) TH_LOG("AF_INET went through XTCP");
	}
}

static inline struct sockaddr_in api_addr(const char *ip, int port)
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_port = htons(port) };

	inet_pton(AF_INET, ip, &sin.sin_addr);
	return sin;
}

#define API_SA(sin)	((struct sockaddr *)(sin)), sizeof(*(sin))

static inline int api_port(int fd)
{
	struct sockaddr_in sin = {};
	socklen_t len = sizeof(sin);

	return getsockname(fd, (struct sockaddr *)&sin, &len) ? -1 : ntohs(sin.sin_port);
}

/* 0, or the errno of a call that returned -1. */
static inline int api_errno(long ret)
{
	return ret < 0 ? errno : 0;
}

static inline int api_socket(int family, int flags)
{
	return socket(family, SOCK_STREAM | flags, 0);
}

static inline int api_get(int fd, int level, int opt)
{
	socklen_t len = sizeof(int);
	int val = 0;

	return getsockopt(fd, level, opt, &val, &len) ? -errno : val;
}

static inline int api_set(int fd, int level, int opt, int val)
{
	return setsockopt(fd, level, opt, &val, sizeof(val)) ? errno : 0;
}

static inline int api_so_error(int fd)
{
	return api_get(fd, SOL_SOCKET, SO_ERROR);
}

static inline int api_state(int fd)
{
	struct tcp_info info = {};
	socklen_t len = sizeof(info);

	return getsockopt(fd, SOL_TCP, TCP_INFO, &info, &len) ? -errno : info.tcpi_state;
}

static inline int api_set_time(int fd, int opt, int ms)
{
	struct timeval tv = { .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000 };

	return setsockopt(fd, SOL_SOCKET, opt, &tv, sizeof(tv)) ? errno : 0;
}

static inline long api_now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* Events of @fd within @ms, of those asked for and of HUP and ERR. */
static inline int api_poll(int fd, int events, int ms)
{
	struct pollfd p = { .fd = fd, .events = events };

	return poll(&p, 1, ms) < 0 ? -errno : p.revents;
}

/* Until the socket has that state; 0, or the state it has instead after 5 s. */
static inline int api_wait_state(int fd, int state)
{
	long end = api_now_ms() + 5000;

	while (api_state(fd) != state) {
		if (api_now_ms() > end)
			return api_state(fd) ? api_state(fd) : -1;
		usleep(1000);
	}
	return 0;
}

/* self->listener on 127.0.0.1, at a port of its choice in self->addr. */
#define api_listen(self, backlog) __api_listen(_metadata, self, backlog)
static inline void __api_listen(struct __test_metadata *_metadata, struct _test_data_api *self,
				int backlog)
{
	self->addr = api_addr("127.0.0.1", 0);
	self->listener = api_socket(self->family, 0);
	ASSERT_GE(self->listener, 0);
	ASSERT_EQ(0, bind(self->listener, API_SA(&self->addr)));
	ASSERT_EQ(0, listen(self->listener, backlog));
	self->addr.sin_port = htons(api_port(self->listener));
	ASSERT_NE(0, self->addr.sin_port);
}

/* self->client and self->server, connected. */
#define api_pair(self) __api_pair(_metadata, self)
static inline void __api_pair(struct __test_metadata *_metadata, struct _test_data_api *self)
{
	if (self->listener < 0)
		__api_listen(_metadata, self, 8);
	self->client = api_socket(self->family, 0);
	ASSERT_GE(self->client, 0);
	ASSERT_EQ(0, connect(self->client, API_SA(&self->addr))) {
		TH_LOG("connect: %s", strerror(errno));
	}
	self->server = accept(self->listener, NULL, NULL);
	ASSERT_GE(self->server, 0);
}

/* Fills the accept queue: whoever connects from now on stays in SYN_SENT. */
#define api_black_hole(self) __api_black_hole(_metadata, self)
static inline void __api_black_hole(struct __test_metadata *_metadata, struct _test_data_api *self)
{
	int fd, i;

	__api_listen(_metadata, self, 0);
	for (i = 0; i < 4; i++) {
		fd = api_socket(self->family, SOCK_NONBLOCK);
		ASSERT_GE(fd, 0);
		connect(fd, API_SA(&self->addr));
		if (!(api_poll(fd, POLLOUT, 100) & POLLOUT))
			return;
		/* The ACK that makes it a child may be held back for what we write. */
		usleep(10000);
	}
	ASSERT_TRUE(false) TH_LOG("the accept queue does not fill");
}

static inline void api_fill(void *buf, size_t len, unsigned int seed)
{
	unsigned char *p = buf;
	size_t i;

	for (i = 0; i < len; i++)
		p[i] = (seed + i) * 2654435761u >> 13;
}

/* Reads exactly @len bytes; 0, or how many are missing. */
static inline size_t api_read_all(int fd, void *buf, size_t len)
{
	size_t done = 0;
	ssize_t n;

	while (done < len) {
		n = read(fd, (char *)buf + done, len - done);
		if (n <= 0)
			break;
		done += n;
	}
	return len - done;
}

static inline void api_on_signal(int sig)
{
}

/* @sig interrupts system calls from now on. */
static inline void api_catch(int sig)
{
	struct sigaction sa = { .sa_handler = api_on_signal };

	sigaction(sig, &sa, NULL);
}

/* SIGALRM in @ms, again and again. */
static inline void api_alarm(int ms)
{
	struct itimerval it = {
		.it_value = { .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000 },
		.it_interval = { .tv_sec = 0, .tv_usec = 100000 },
	};

	if (!ms)
		memset(&it, 0, sizeof(it));
	api_catch(SIGALRM);
	setitimer(ITIMER_REAL, &it, NULL);
}

#endif

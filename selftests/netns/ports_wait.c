// SPDX-License-Identifier: GPL-2.0-only
/*
 * XTCP_CONNECT_WAIT: connect() that waits for a port when its destination has all of them.
 */
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <time.h>

#include "ports_test.h"

#define FIRST		20000
#define MOST		100
#define TW_REUSE	"/proc/sys/net/xtcp/tw_reuse"
#define PORTS_FILE	"/proc/thread-self/net/xtcp_ports"
/* Two clocks' difference; and how late something may be, since at times the host is slow. */
#define TICK_MS		10
#define LATE_MS		1000

/* Those who have all ports of the range, by port. */
static int holder[MOST], ports;

static bool set_up(int n)
{
	struct rlimit files = { .rlim_cur = 4096, .rlim_max = 4096 };
	char range[32];

	setrlimit(RLIMIT_NOFILE, &files);
	snprintf(range, sizeof(range), "%d %d", FIRST, FIRST + n - 1);
	ports = n;
	return !put(RANGE, range);
}

/* The listener, which accepts nobody, all ports towards it taken; or -1. */
static int full(int n)
{
	int l = tcp(AF_XTCP), x, i;

	if (!set_up(n) || bind_to(l, "127.0.0.1", 2000) || listen(l, 4096))
		return -1;
	for (i = 0; i < n; i++) {
		x = tcp(AF_XTCP);
		if (connect_to(x, "127.0.0.1", 2000))
			return -1;
		holder[local_port(x) - FIRST] = x;
	}
	x = tcp(AF_XTCP);
	if (connect_to(x, "127.0.0.1", 2000) != EADDRNOTAVAIL)
		return -1;
	close(x);
	return l;
}

static long long now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000LL + ts.tv_nsec / 1000000;
}

/* One that waits by now, or -1. */
static int waiter(int ms)
{
	int fd = patient(SOCK_NONBLOCK, ms);

	if (connect_to(fd, "127.0.0.1", 2000) == EINPROGRESS)
		return fd;
	close(fd);
	return -1;
}

static int events(int fd, int ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN | POLLOUT };

	return poll(&p, 1, ms) < 0 ? -1 : p.revents;
}

static int so_error(int fd)
{
	socklen_t len = sizeof(int);
	int err = -1;

	getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &len);
	return err;
}

static int state(int fd)
{
	struct tcp_info info = {};
	socklen_t len = sizeof(info);

	getsockopt(fd, SOL_TCP, TCP_INFO, &info, &len);
	return info.tcpi_state;
}

/* How many wait towards the listener, the last column of xtcp_ports; -1: no such line. */
static int waiting(void)
{
	FILE *f = fopen(PORTS_FILE, "r");
	char line[256];
	int n = -1, i;

	while (f && n < 0 && fgets(line, sizeof(line), f))
		if (sscanf(line, "127.0.0.1 127.0.0.1:2000 %d %d %d %d", &i, &i, &i, &n) != 4)
			n = -1;
	if (f)
		fclose(f);
	return n;
}

/* Whoever waits has its port some time after one became free. */
static bool connected(int fd)
{
	return events(fd, 30000) == POLLOUT && !so_error(fd) && state(fd) == TCP_ESTABLISHED &&
	       local_port(fd) >= FIRST && local_port(fd) < FIRST + ports;
}

/* Its time is over, which the error may tell a moment before the state. */
static bool in_vain(int fd, int ms)
{
	return events(fd, ms) & POLLERR && so_error(fd) == EADDRNOTAVAIL &&
	       state(fd) == TCP_CLOSE && events(fd, 0) == (POLLIN | POLLOUT | POLLHUP);
}

static long long waits(void)
{
	return xt_counter("XTcp", "PortWaits");
}

static long long timeouts(void)
{
	return xt_counter("XTcp", "PortWaitTimeouts");
}

static void *drop_later(void *fd)
{
	usleep(2000000);
	drop(*(int *)fd);
	return NULL;
}

TEST_F_TIMEOUT(ports, an_option_of_its_own, 200)
{
	int x = tcp(AF_XTCP), n = tcp(AF_INET), l, val;
	socklen_t len = sizeof(val);

	EXPECT_EQ(getsockopt(x, SOL_TCP, XTCP_CONNECT_WAIT, &val, &len), 0);
	EXPECT_EQ(val, 0);
	val = 0x7fffffff;
	EXPECT_EQ(setsockopt(x, SOL_TCP, XTCP_CONNECT_WAIT, &val, sizeof(val)), 0);
	val = -1;
	EXPECT_EQ(setsockopt(x, SOL_TCP, XTCP_CONNECT_WAIT, &val, sizeof(val)), -1);
	EXPECT_EQ(errno, EINVAL);
	EXPECT_EQ(setsockopt(x, SOL_TCP, XTCP_CONNECT_WAIT, &val, 2), -1);
	EXPECT_EQ(errno, EINVAL);
	EXPECT_EQ(getsockopt(x, SOL_TCP, XTCP_CONNECT_WAIT, &val, &len), 0);
	EXPECT_EQ(val, 0x7fffffff);
	val = 0;
	EXPECT_EQ(setsockopt(x, SOL_TCP, XTCP_CONNECT_WAIT, &val, sizeof(val)), 0);
	EXPECT_EQ(getsockopt(x, SOL_TCP, XTCP_CONNECT_WAIT, &val, &len), 0);
	EXPECT_EQ(val, 0);
	EXPECT_EQ(setsockopt(n, SOL_TCP, XTCP_CONNECT_WAIT, &val, sizeof(val)), -1);
	EXPECT_EQ(errno, ENOPROTOOPT);

	/* A child has not what its listener has. */
	l = listener(AF_XTCP, "127.0.0.1", 2000);
	val = 7;
	EXPECT_EQ(setsockopt(l, SOL_TCP, XTCP_CONNECT_WAIT, &val, sizeof(val)), 0);
	EXPECT_EQ(connect_to(x, "127.0.0.1", 2000), 0);
	EXPECT_EQ(getsockopt(accept(l, NULL, NULL), SOL_TCP, XTCP_CONNECT_WAIT, &val, &len), 0);
	EXPECT_EQ(val, 0);
}

TEST_F_TIMEOUT(ports, a_blocking_connect_waits, 200)
{
	long long before = waits(), start;
	pthread_t t;
	int x;

	ASSERT_GE(full(5), 0);
	x = patient(0, 60000);
	ASSERT_EQ(pthread_create(&t, NULL, drop_later, &holder[3]), 0);
	start = now_ms();
	EXPECT_EQ(connect_to(x, "127.0.0.1", 2000), 0);
	EXPECT_GE(now_ms() - start, 2000 - TICK_MS);
	EXPECT_LE(now_ms() - start, 2000 + LATE_MS);
	EXPECT_EQ(local_port(x), FIRST + 3);
	EXPECT_EQ(waits(), before + 1);
	EXPECT_EQ(timeouts(), 0);
	pthread_join(t, NULL);
}

TEST_F_TIMEOUT(ports, a_wait_has_an_end, 200)
{
	long long exhausted, start;
	int x;

	ASSERT_GE(full(5), 0);
	exhausted = xt_counter("XTcp", "PortExhausted");
	x = patient(0, 3000);
	start = now_ms();
	EXPECT_EQ(connect_to(x, "127.0.0.1", 2000), EADDRNOTAVAIL);
	EXPECT_GE(now_ms() - start, 3000);
	EXPECT_LE(now_ms() - start, 3000 + LATE_MS);
	EXPECT_EQ(timeouts(), 1);
	EXPECT_EQ(waiting(), 0);
	/* It looked many times, but was one call. */
	EXPECT_EQ(xt_counter("XTcp", "PortExhausted"), exhausted + 1);
	/* The socket is as new. */
	start = now_ms();
	EXPECT_EQ(connect_to(x, "127.0.0.1", 2000), EADDRNOTAVAIL);
	EXPECT_GE(now_ms() - start, 3000);
	drop(holder[0]);
	EXPECT_EQ(connect_to(x, "127.0.0.1", 2000), 0);
	/* And without the option all is as ever. */
	start = now_ms();
	EXPECT_EQ(connect_to(tcp(AF_XTCP), "127.0.0.1", 2000), EADDRNOTAVAIL);
	EXPECT_LE(now_ms() - start, LATE_MS);
}

TEST_F_TIMEOUT(ports, sndtimeo_bounds_the_call_and_not_the_wait, 200)
{
	struct timeval tv = { .tv_sec = 1 };
	long long start;
	int x;

	ASSERT_GE(full(5), 0);
	x = patient(0, 60000);
	ASSERT_EQ(setsockopt(x, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv)), 0);
	start = now_ms();
	EXPECT_EQ(connect_to(x, "127.0.0.1", 2000), EINPROGRESS);
	EXPECT_GE(now_ms() - start, 1000 - TICK_MS);
	EXPECT_LE(now_ms() - start, 1000 + LATE_MS);
	EXPECT_EQ(connect_to(x, "127.0.0.1", 2000), EALREADY);
	drop(holder[0]);
	EXPECT_TRUE(connected(x));
}

TEST_F_TIMEOUT(ports, poll_tells_the_end, 200)
{
	int x, y;

	ASSERT_GE(full(5), 0);
	x = waiter(60000);
	y = waiter(2000);
	ASSERT_GE(x, 0);
	ASSERT_GE(y, 0);
	EXPECT_EQ(waiting(), 2);
	EXPECT_EQ(connect_to(x, "127.0.0.1", 2000), EALREADY);
	EXPECT_EQ(events(x, 1000), 0);
	EXPECT_EQ(so_error(x), 0);
	EXPECT_EQ(state(x), TCP_SYN_SENT);
	EXPECT_EQ(local_port(x), 0);
	EXPECT_EQ(send(x, "x", 1, MSG_DONTWAIT), -1);
	EXPECT_EQ(errno, EAGAIN);

	EXPECT_TRUE(in_vain(y, 10000));
	EXPECT_EQ(waiting(), 1);

	drop(holder[2]);
	EXPECT_TRUE(connected(x));
	EXPECT_EQ(local_port(x), FIRST + 2);
	EXPECT_EQ(send(x, "x", 1, 0), 1);
	EXPECT_EQ(waiting(), 0);
	EXPECT_EQ(timeouts(), 1);
}

static void on_alarm(int sig)
{
}

/* The call ends, and as ever the connect() itself goes on until the socket closes. */
TEST_F_TIMEOUT(ports, a_signal_interrupts, 200)
{
	struct sigaction sa = { .sa_handler = on_alarm };
	struct itimerval it = { .it_value.tv_sec = 1 };
	long long start;
	int x;

	ASSERT_GE(full(5), 0);
	x = patient(0, 60000);
	ASSERT_EQ(sigaction(SIGALRM, &sa, NULL), 0);
	start = now_ms();
	setitimer(ITIMER_REAL, &it, NULL);
	EXPECT_EQ(connect_to(x, "127.0.0.1", 2000), EINTR);
	EXPECT_LE(now_ms() - start, 1000 + LATE_MS);
	EXPECT_EQ(waiting(), 1);
	close(x);
	EXPECT_EQ(waiting(), 0);
	EXPECT_EQ(timeouts(), 0);
	/* The port that it would have had is anybody's. */
	drop(holder[0]);
	EXPECT_EQ(connect_to(tcp(AF_XTCP), "127.0.0.1", 2000), 0);
}

static int disconnect(int fd)
{
	struct sockaddr sa = { .sa_family = AF_UNSPEC };

	return connect(fd, &sa, sizeof(sa)) ? errno : 0;
}

TEST_F_TIMEOUT(ports, who_goes_is_forgotten, 200)
{
	int x[4], i;

	ASSERT_GE(full(5), 0);
	for (i = 0; i < 4; i++) {
		x[i] = waiter(60000);
		ASSERT_GE(x[i], 0);
	}
	EXPECT_EQ(waiting(), 4);
	close(x[0]);
	EXPECT_EQ(waiting(), 3);
	EXPECT_EQ(disconnect(x[1]), 0);
	EXPECT_EQ(waiting(), 2);
	EXPECT_EQ(so_error(x[1]), ECONNRESET);
	EXPECT_EQ(state(x[1]), TCP_CLOSE);
	EXPECT_EQ(shutdown(x[2], SHUT_WR), 0);
	EXPECT_EQ(so_error(x[2]), ECONNRESET);
	EXPECT_EQ(waiting(), 1);
	/* It is the first now. */
	drop(holder[0]);
	EXPECT_TRUE(connected(x[3]));
	EXPECT_EQ(waiting(), 0);
	EXPECT_EQ(timeouts(), 0);
	/* The sockets are as new. */
	drop(holder[1]);
	EXPECT_EQ(connect_to(x[1], "127.0.0.1", 2000), EINPROGRESS);
	EXPECT_TRUE(connected(x[1]));
	EXPECT_EQ(connect_to(x[2], "127.0.0.1", 2000), EINPROGRESS);
	EXPECT_EQ(waiting(), 1);
	drop(holder[2]);
	EXPECT_TRUE(connected(x[2]));
}

/* All waiters go, all ports too: nothing is left of the destination. */
TEST_F_TIMEOUT(ports, nothing_stays_behind, 200)
{
	int x[8], l, i, early;

	for (early = 0; early < 2; early++) {
		l = full(5);
		ASSERT_GE(l, 0);
		for (i = 0; i < 8; i++)
			x[i] = waiter(60000);
		EXPECT_EQ(waiting(), 8);
		/* The second time, ports that have just been offered to them. */
		for (i = 0; early && i < ports; i++)
			drop(holder[i]);
		for (i = 0; i < 8; i++)
			drop(x[i]);
		for (i = 0; !early && i < ports; i++)
			drop(holder[i]);
		EXPECT_EQ(waiting(), -1);
		close(l);
	}
}

/* Who waits looks four times a second, 100 ms after the last time it is too early for that. */
TEST_F_TIMEOUT(ports, a_free_port_is_told, 200)
{
	long long start, took = LATE_MS;
	int x, i;

	ASSERT_GE(full(5), 0);
	for (i = 0; i < 5; i++) {
		x = waiter(60000);
		usleep(100000);
		start = now_ms();
		drop(holder[i]);
		EXPECT_TRUE(connected(x));
		if (now_ms() - start < took)
			took = now_ms() - start;
	}
	EXPECT_LE(took, 50);
}

TEST_F_TIMEOUT(ports, first_come_first_served, 200)
{
	int x[3], i, j;

	ASSERT_GE(full(5), 0);
	for (i = 0; i < 3; i++)
		x[i] = waiter(60000);
	for (i = 0; i < 3; i++) {
		EXPECT_EQ(waiting(), 3 - i);
		drop(holder[i]);
		EXPECT_TRUE(connected(x[i]));
		for (j = i + 1; j < 3; j++)
			EXPECT_EQ(state(x[j]), TCP_SYN_SENT);
	}
}

/* Who comes when a port has just become free does not have it before those who wait. */
TEST_F_TIMEOUT(ports, nobody_pushes_in, 200)
{
	int b = tcp(AF_XTCP), l, x, y;

	ASSERT_TRUE(set_up(1));
	l = listener(AF_XTCP, "127.0.0.1", 2000);
	ASSERT_GE(l, 0);
	ASSERT_EQ(bind_to(b, "127.0.0.1", FIRST), 0);
	x = waiter(60000);
	ASSERT_EQ(events(x, 10), 0);
	/* Of this nobody tells, so that it takes a while until the first looks. */
	close(b);
	y = waiter(60000);
	EXPECT_TRUE(connected(x));
	EXPECT_EQ(state(y), TCP_SYN_SENT);
	drop(x);
	EXPECT_TRUE(connected(y));
}

TEST_F_TIMEOUT(ports, a_hundred_wait, 200)
{
	int x[2 * MOST], i, n = 0;

	ASSERT_GE(full(MOST), 0);
	for (i = 0; i < 2 * MOST; i++) {
		x[i] = waiter(60000);
		ASSERT_GE(x[i], 0);
	}
	EXPECT_EQ(waiting(), 2 * MOST);
	for (i = 0; i < MOST; i++)
		drop(holder[i]);
	for (i = 0; i < MOST; i++)
		EXPECT_TRUE(connected(x[i]));
	for (i = MOST; i < 2 * MOST; i++)
		n += state(x[i]) == TCP_SYN_SENT;
	EXPECT_EQ(n, MOST);
	EXPECT_EQ(waiting(), MOST);
	EXPECT_EQ(waits(), 2 * MOST);
	EXPECT_EQ(timeouts(), 0);
}

/* A port is offered to who may use it: ranges of sockets, IP_LOCAL_PORT_RANGE. */
TEST_F_TIMEOUT(ports, ranges_do_not_block_each_other, 200)
{
	unsigned int low = FIRST | (FIRST + 1) << 16, high = (FIRST + 3) | (FIRST + 4) << 16;
	int x = patient(SOCK_NONBLOCK, 60000), y = patient(SOCK_NONBLOCK, 60000);

	ASSERT_GE(full(5), 0);
	ASSERT_EQ(setsockopt(x, SOL_IP, 51, &low, sizeof(low)), 0);
	ASSERT_EQ(setsockopt(y, SOL_IP, 51, &high, sizeof(high)), 0);
	EXPECT_EQ(connect_to(x, "127.0.0.1", 2000), EINPROGRESS);
	EXPECT_EQ(connect_to(y, "127.0.0.1", 2000), EINPROGRESS);
	drop(holder[3]);
	EXPECT_TRUE(connected(y));
	EXPECT_EQ(local_port(y), FIRST + 3);
	EXPECT_EQ(state(x), TCP_SYN_SENT);
	drop(holder[1]);
	EXPECT_TRUE(connected(x));
	EXPECT_EQ(local_port(x), FIRST + 1);
}

/* Of these nobody tells. */
TEST_F_TIMEOUT(ports, the_first_looks_by_itself, 200)
{
	int b = tcp(AF_XTCP), l, x, y, z;

	ASSERT_TRUE(set_up(2));
	l = listener(AF_XTCP, "127.0.0.1", 2000);
	ASSERT_GE(l, 0);
	ASSERT_EQ(put(TW_REUSE, "1"), 0);
	ASSERT_EQ(bind_to(b, "127.0.0.1", FIRST), 0);
	x = tcp(AF_XTCP);
	ASSERT_EQ(connect_to(x, "127.0.0.1", 2000), 0);
	y = waiter(60000);
	z = waiter(60000);
	ASSERT_GE(z, 0);
	EXPECT_EQ(events(y, 1000), 0);
	/* One that somebody had bound, */
	close(b);
	EXPECT_TRUE(connected(y));
	/* and a TIME_WAIT that has become old enough to be used again. */
	close(x);
	close(accept(l, NULL, NULL));
	EXPECT_EQ(events(z, 500), 0);
	EXPECT_TRUE(connected(z));
	EXPECT_EQ(local_port(z), FIRST + 1);
	EXPECT_EQ(xt_counter("TcpExt", "TWRecycled"), 1);
}

/* The end of a TIME_WAIT is told. */
TEST_F_TIMEOUT(ports, time_wait_ends, 200)
{
	int l, x, y;

	ASSERT_TRUE(set_up(1));
	ASSERT_EQ(put(TW_REUSE, "0"), 0);
	l = listener(AF_XTCP, "127.0.0.1", 2000);
	x = tcp(AF_XTCP);
	ASSERT_EQ(connect_to(x, "127.0.0.1", 2000), 0);
	close(x);
	close(accept(l, NULL, NULL));
	y = waiter(50000);
	EXPECT_TRUE(in_vain(y, 70000));
	close(y);
	y = waiter(50000);
	EXPECT_TRUE(connected(y));
	EXPECT_EQ(timeouts(), 1);
}

/* bind() to port 0 is no obstacle, and getsockname() chooses none for who waits. */
TEST_F_TIMEOUT(ports, bound_to_an_address, 200)
{
	int x = patient(SOCK_NONBLOCK, 60000);

	ASSERT_GE(full(5), 0);
	ASSERT_EQ(bind_to(x, "127.0.0.1", 0), 0);
	EXPECT_EQ(connect_to(x, "127.0.0.1", 2000), EINPROGRESS);
	EXPECT_EQ(local_port(x), 0);
	EXPECT_EQ(waiting(), 1);
	drop(holder[0]);
	EXPECT_TRUE(connected(x));
	EXPECT_EQ(local_port(x), FIRST);
}

/* The namespace goes with the processes in it, and so do those who wait in it. */
TEST_F_TIMEOUT(ports, a_namespace_ends, 200)
{
	int x;

	ASSERT_GE(full(5), 0);
	for (x = 0; x < 10; x++)
		ASSERT_GE(waiter(60000), 0);
	/* The module's exit at the end of the run finds whatever is left. */
}

TEST_HARNESS_MAIN

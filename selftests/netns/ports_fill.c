// SPDX-License-Identifier: GPL-2.0-only
/*
 * A destination that has very many of the ephemeral ports: each of them is found, none
 * twice, whatever else there is in the range, and when there is none left.
 */
#include <sys/klog.h>
#include <sys/resource.h>

#include "ports_test.h"

#define FIRST		20000
#define LAST		20299
#define PORTS		(LAST - FIRST + 1)
#define TW_REUSE	"/proc/sys/net/xtcp/tw_reuse"
#define TW_DELAY	"/proc/sys/net/xtcp/tw_reuse_delay"

/* The socket that has a port of the range, or -1, and its peer. */
static int holder[65536], peer[65536];
static int last;	/* the one that was filled last */

/* 0 or the errno. */
static int fill_one(int l, int port)
{
	int x = tcp(AF_XTCP), err = connect_to(x, "127.0.0.1", port), local;

	if (err) {
		close(x);
		return err;
	}
	local = local_port(x);
	if (local < FIRST || local > LAST || holder[local] >= 0)
		return EEXIST;
	holder[local] = x;
	peer[local] = accept(l, NULL, NULL);
	last = local;
	return 0;
}

/* How many connects succeed until one finds no port; -1: one failed for another reason. */
static int fill(int l, int port)
{
	int n = 0, err;

	while (!(err = fill_one(l, port)))
		n++;
	return err == EADDRNOTAVAIL ? n : -err;
}

static bool set_up(void)
{
	struct rlimit files = { .rlim_cur = 4096, .rlim_max = 4096 };
	char range[32];

	setrlimit(RLIMIT_NOFILE, &files);
	memset(holder, 0xff, sizeof(holder));
	snprintf(range, sizeof(range), "%d %d", FIRST, LAST);
	return !put(RANGE, range);
}

static void let_go(int port)
{
	drop(holder[port]);
	close(peer[port]);
	holder[port] = -1;
}

/* By way of FIN_WAIT_2, which the peer ends. */
static void end_well(int port)
{
	close(holder[port]);
	close(peer[port]);
	holder[port] = -1;
}

TEST_F_TIMEOUT(ports, a_range_is_given_out_whole, 200)
{
	int l = listener(AF_XTCP, "127.0.0.1", 2000), m = listener(AF_XTCP, "127.0.0.1", 2001), i;

	ASSERT_TRUE(set_up());
	ASSERT_EQ(fill(l, 2000), PORTS);
	EXPECT_EQ(fill(l, 2000), 0);
	for (i = FIRST; i <= LAST; i += 3)
		let_go(i);
	/* Exactly those: a port that is somebody's would fail in fill_one(). */
	EXPECT_EQ(fill(l, 2000), PORTS / 3);
	for (i = FIRST; i <= LAST; i++)
		let_go(i);
	/* Nothing is left of all that, for this destination and for another. */
	EXPECT_EQ(fill(m, 2001), PORTS);
	for (i = FIRST; i <= LAST; i++)
		let_go(i);
	EXPECT_EQ(fill(l, 2000), PORTS);
}

TEST_F_TIMEOUT(ports, what_others_have_is_left_out, 200)
{
	int l = listener(AF_INET, "127.0.0.1", 2000), n = tcp(AF_INET), b = tcp(AF_XTCP);
	long long before = xt_counter("XTcp", "GuardConflict");

	ASSERT_TRUE(set_up());
	ASSERT_EQ(put(RESERVED, "20010-20019"), 0);
	ASSERT_EQ(bind_to(n, "127.0.0.1", 20007), 0);
	ASSERT_EQ(connect_to(n, "127.0.0.1", 2000), 0);
	close(accept(l, NULL, NULL));
	ASSERT_EQ(bind_to(b, "127.0.0.1", 20005), 0);
	EXPECT_EQ(fill(l, 2000), PORTS - 12);
	/* It was asked for once, and not by each connect(). */
	EXPECT_GE(xt_counter("XTcp", "GuardConflict"), before + 1);
	EXPECT_LE(xt_counter("XTcp", "GuardConflict"), before + 10);

	ASSERT_EQ(put(RESERVED, "\n"), 0);
	EXPECT_EQ(fill(l, 2000), 10);
	close(b);
	EXPECT_EQ(fill(l, 2000), 1);
	/* Of native connections nobody tells: they are looked for again after a second. */
	drop(n);
	sleep(2);
	EXPECT_EQ(fill(l, 2000), 1);
}

/* The range is moved: what the map knew holds, what it did not know is looked up. */
TEST_F_TIMEOUT(ports, a_range_may_move, 200)
{
	int l = listener(AF_XTCP, "127.0.0.1", 2000);

	ASSERT_TRUE(set_up());
	ASSERT_EQ(put(RANGE, "20100 20299"), 0);
	EXPECT_EQ(fill(l, 2000), 200);
	ASSERT_EQ(put(RANGE, "20000 20149"), 0);
	EXPECT_EQ(fill(l, 2000), 100);
	ASSERT_EQ(put(RANGE, "20000 20299"), 0);
	EXPECT_EQ(fill(l, 2000), 0);
	ASSERT_EQ(put(RANGE, "24570 24585"), 0);
	EXPECT_EQ(fill_one(l, 2000), EEXIST);	/* not of the range that holder[] is of */
}

/* Ports in TIME_WAIT come back after tw_reuse_delay, all of them, and not before. */
TEST_F_TIMEOUT(ports, a_range_in_time_wait_comes_back, 1000)
{
	int l = listener(AF_XTCP, "127.0.0.1", 2000), i, round;
	long long reused = xt_counter("TcpExt", "TWRecycled");

	ASSERT_TRUE(set_up());
	ASSERT_EQ(put(TW_REUSE, "1"), 0);
	/* Longer than it takes to fill the range. */
	ASSERT_EQ(put(TW_DELAY, "20000"), 0);
	for (round = 0; round < 3; round++) {
		EXPECT_EQ(fill(l, 2000), PORTS);
		for (i = FIRST; i <= LAST; i++)
			end_well(i);
		EXPECT_EQ(fill(l, 2000), 0);
		sleep(43);
	}
	EXPECT_EQ(xt_counter("TcpExt", "TWRecycled"), reused + 2 * PORTS);
	sleep(63);
	EXPECT_EQ(fill(l, 2000), PORTS);
	EXPECT_EQ(xt_counter("TcpExt", "TWRecycled"), reused + 2 * PORTS);
}

/* Those of a small range are older than the map that a destination gets. */
TEST_F_TIMEOUT(ports, a_small_range_in_time_wait_comes_back, 200)
{
	int l = listener(AF_XTCP, "127.0.0.1", 2000), i;

	ASSERT_TRUE(set_up());
	ASSERT_EQ(put(TW_REUSE, "1"), 0);
	ASSERT_EQ(put(RANGE, "20000 20099"), 0);
	for (i = 0; i < 100; i++) {
		ASSERT_EQ(fill_one(l, 2000), 0);
		end_well(last);
	}
	sleep(3);
	EXPECT_EQ(fill(l, 2000), 100);
}

#define EVENT	"/sys/kernel/tracing/events/xtcp/xtcp_port_watermark/enable"
#define TRACE	"/sys/kernel/tracing/trace"

/* The line of a file that has @word; NULL: none. */
static const char *line_of(const char *file, const char *word)
{
	static char line[512];
	FILE *f = fopen(file, "r");
	bool found = false;

	while (f && !found && fgets(line, sizeof(line), f))
		found = strstr(line, word);
	if (f)
		fclose(f);
	return found ? line : NULL;
}

/* "local remote used timewait free", the columns of /proc/net/xtcp_ports. */
static bool ports_are(const char *remote, int used, int timewait, int free)
{
	const char *line = line_of("/proc/self/net/xtcp_ports", remote);
	int got[3];

	if (!line || sscanf(line, "127.0.0.1 %*s %d %d %d", &got[0], &got[1], &got[2]) != 3)
		return false;
	return got[0] == used && got[1] == timewait && got[2] == free;
}

static bool logged(const char *text)
{
	static char log[1 << 20];
	int n = klogctl(3, log, sizeof(log) - 1);	/* SYSLOG_ACTION_READ_ALL */

	log[n < 0 ? 0 : n] = 0;
	return strstr(log, text);
}

/* Before the ports run out somebody hears of it, once. */
TEST_F_TIMEOUT(ports, a_watermark_is_passed, 200)
{
	int l = listener(AF_XTCP, "127.0.0.1", 2000), i, x = tcp(AF_XTCP), n = tcp(AF_XTCP);
	long long before = xt_counter("XTcp", "PortWatermark");
	uint32_t range = 20019u << 16 | 20000;

	ASSERT_TRUE(set_up());
	ASSERT_EQ(put(EVENT, "1"), 0);
	ASSERT_EQ(put(TRACE, "\n"), 0);
	ASSERT_EQ(bind_to(x, "127.0.0.1", 20000), 0);
	ASSERT_EQ(put(RESERVED, "20010-20019"), 0);
	EXPECT_FALSE(ports_are("127.0.0.1:2000", 0, 0, 0));
	for (i = 0; i < 20; i++)
		ASSERT_EQ(fill_one(l, 2000), 0);
	/* A range of the socket's own is no reason. */
	setsockopt(n, SOL_IP, IP_LOCAL_PORT_RANGE, &range, sizeof(range));
	ASSERT_EQ(connect_to(n, "127.0.0.1", 2000), 0);
	holder[local_port(n)] = n;
	peer[local_port(n)] = accept(l, NULL, NULL);
	for (i = 0; i < 218; i++)
		ASSERT_EQ(fill_one(l, 2000), 0);
	EXPECT_EQ(xt_counter("XTcp", "PortWatermark"), before);
	EXPECT_TRUE(ports_are("127.0.0.1:2000", 239, 0, PORTS - 11 - 239));
	EXPECT_EQ(line_of(TRACE, "xtcp_port_watermark: "), NULL);
	for (i = 0; i < 30; i++)
		ASSERT_EQ(fill_one(l, 2000), 0);
	EXPECT_EQ(xt_counter("XTcp", "PortWatermark"), before + 1);
	EXPECT_NE(line_of(TRACE, "xtcp_port_watermark: local=127.0.0.1:0 remote=127.0.0.1:2000 "
			  "used=240 timewait=0 range=300"), NULL);
	EXPECT_TRUE(logged("127.0.0.1 has 240 of 300 ports in use to 127.0.0.1:2000, 0 of them"));
	for (i = FIRST; i <= LAST; i++)
		if (holder[i] >= 0)
			end_well(i);
	usleep(100000);
	EXPECT_TRUE(ports_are("127.0.0.1:2000", 269, 269, PORTS - 11 - 269));
	ASSERT_EQ(put(EVENT, "0"), 0);
	sleep(63);
	EXPECT_EQ(line_of("/proc/self/net/xtcp_ports", "127.0.0.1:2000"), NULL);
	/* And again, as nothing is left of the first time. */
	EXPECT_EQ(fill(l, 2000), PORTS - 11);
	EXPECT_EQ(xt_counter("XTcp", "PortWatermark"), before + 2);
}

TEST_HARNESS_MAIN

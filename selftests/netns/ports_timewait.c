// SPDX-License-Identifier: GPL-2.0-only
/*
 * What TIME_WAIT does to local ports, for the 60 seconds that it lasts (the kernel's
 * timers of that length come up to 2 seconds late). Runs where idle time costs nothing.
 */
#include "ports_test.h"

#define TW_REUSE "/proc/sys/net/xtcp/tw_reuse"

/* A connection that the client, or the server, closed first; its local port, or -1. */
static int closed_connection(int l, int port, bool by_client)
{
	int c = tcp(AF_XTCP), child, local;

	if (connect_to(c, "127.0.0.1", port)) {
		close(c);
		return -1;
	}
	child = accept(l, NULL, NULL);
	local = local_port(c);
	close(by_client ? c : child);
	close(by_client ? child : c);
	usleep(20000);
	return local;
}

TEST_F_TIMEOUT(ports, client_port_comes_back_after_time_wait, 10000)
{
	int l = listener(AF_XTCP, "127.0.0.1", 2000), first;

	ASSERT_GE(l, 0);
	ASSERT_EQ(put(RANGE, "20000 20001"), 0);
	ASSERT_EQ(put(TW_REUSE, "0"), 0);
	first = closed_connection(l, 2000, true);
	ASSERT_GE(first, 20000);
	sleep(30);
	EXPECT_EQ(closed_connection(l, 2000, true), 40001 - first);
	EXPECT_EQ(closed_connection(l, 2000, true), -1);
	sleep(29);
	EXPECT_EQ(closed_connection(l, 2000, true), -1);
	sleep(4);
	EXPECT_EQ(closed_connection(l, 2000, true), first);
	EXPECT_EQ(closed_connection(l, 2000, true), -1);
	sleep(63);
	/* Nothing is left of it. */
	EXPECT_EQ(bind_to(tcp(AF_XTCP), "0.0.0.0", 20000), 0);
	EXPECT_EQ(bind_to(tcp(AF_XTCP), "0.0.0.0", 20001), 0);
}

TEST_F_TIMEOUT(ports, tw_reuse_takes_the_port_over, 10000)
{
	long long reused = xt_counter("TcpExt", "TWRecycled");
	int l = listener(AF_XTCP, "127.0.0.1", 2000), i;

	ASSERT_GE(l, 0);
	ASSERT_EQ(put(RANGE, "20000 20000"), 0);
	ASSERT_EQ(put(TW_REUSE, "1"), 0);
	for (i = 0; i < 10; i++) {
		EXPECT_EQ(closed_connection(l, 2000, true), 20000);
		sleep(3);
	}
	EXPECT_EQ(xt_counter("TcpExt", "TWRecycled"), reused + 9);
	/* One holder is left, not ten. */
	sleep(63);
	EXPECT_EQ(bind_to(tcp(AF_XTCP), "0.0.0.0", 20000), 0);
}

TEST_F_TIMEOUT(ports, server_port_comes_back_after_time_wait, 10000)
{
	int l = tcp(AF_XTCP), x = tcp(AF_XTCP);

	ASSERT_EQ(bind_to(l, "127.0.0.1", 2000), 0);
	ASSERT_EQ(listen_on(l), 0);
	ASSERT_GE(closed_connection(l, 2000, false), 10000);
	close(l);
	EXPECT_EQ(bind_to(x, "127.0.0.1", 2000), EADDRINUSE);
	EXPECT_EQ(bind_to(tcp(AF_XTCP), "127.0.0.2", 2000), 0);
	sleep(59);
	EXPECT_EQ(bind_to(x, "127.0.0.1", 2000), EADDRINUSE);
	sleep(4);
	EXPECT_EQ(bind_to(x, "127.0.0.1", 2000), 0);
}

TEST_HARNESS_MAIN

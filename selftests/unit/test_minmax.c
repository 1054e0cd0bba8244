// SPDX-License-Identifier: GPL-2.0-only
/* module/core/minmax.c */
#include <xtcp/minmax.h>

#include "tap.h"

TEST(minmax_reset__forgets)
{
	struct xtcp_minmax m;

	memset(&m, 0xee, sizeof(m));
	EXPECT_EQ(xtcp_minmax_reset(&m, 5, 77), 77);
	EXPECT_EQ(xtcp_minmax_get(&m), 77);
	EXPECT_EQ(m.s[2].t, 5);
	EXPECT_EQ(m.s[2].v, 77);
}

TEST(minmax_min__takes_lower_and_equal_at_once)
{
	struct xtcp_minmax m;

	xtcp_minmax_reset(&m, 0, 50);
	EXPECT_EQ(xtcp_minmax_min(&m, 100, 1, 60), 50);
	EXPECT_EQ(xtcp_minmax_min(&m, 100, 2, 40), 40);
	EXPECT_EQ(xtcp_minmax_min(&m, 100, 90, 40), 40);
	EXPECT_EQ(m.s[0].t, 90);
}

TEST(minmax_min__expires_to_the_runner_up)
{
	struct xtcp_minmax m;

	xtcp_minmax_reset(&m, 0, 10);
	xtcp_minmax_min(&m, 100, 30, 20); /* a quarter of the window on: second */
	xtcp_minmax_min(&m, 100, 60, 30); /* half of it on: third */
	EXPECT_EQ(xtcp_minmax_min(&m, 100, 100, 40), 10);
	EXPECT_EQ(xtcp_minmax_min(&m, 100, 101, 40), 20);
	EXPECT_EQ(xtcp_minmax_min(&m, 100, 131, 50), 30);
}

TEST(minmax_min__expires_past_two)
{
	struct xtcp_minmax m;

	xtcp_minmax_reset(&m, 0, 10);
	xtcp_minmax_min(&m, 100, 26, 20);
	xtcp_minmax_min(&m, 100, 90, 30);
	EXPECT_EQ(xtcp_minmax_min(&m, 100, 127, 40), 30);
	EXPECT_EQ(m.s[1].v, 40);
	EXPECT_EQ(m.s[2].v, 40);
}

TEST(minmax_min__silence_longer_than_the_window_starts_anew)
{
	struct xtcp_minmax m;

	xtcp_minmax_reset(&m, 0, 10);
	EXPECT_EQ(xtcp_minmax_min(&m, 100, 101, 99), 99);
	EXPECT_EQ(m.s[0].t, 101);
}

TEST(minmax_min__better_runner_up_replaces_worse)
{
	struct xtcp_minmax m;

	xtcp_minmax_reset(&m, 0, 10);
	xtcp_minmax_min(&m, 100, 30, 30);
	xtcp_minmax_min(&m, 100, 60, 40);
	xtcp_minmax_min(&m, 100, 70, 35); /* better than the third only */
	EXPECT_EQ(m.s[1].v, 30);
	EXPECT_EQ(m.s[2].v, 35);
	EXPECT_EQ(m.s[2].t, 70);
	xtcp_minmax_min(&m, 100, 80, 20); /* better than both */
	EXPECT_EQ(m.s[1].v, 20);
	EXPECT_EQ(m.s[2].v, 20);
}

/* Not before a quarter and a half: runners-up come from later parts of the window. */
TEST(minmax_min__runners_up_are_spread)
{
	struct xtcp_minmax m;

	xtcp_minmax_reset(&m, 0, 10);
	xtcp_minmax_min(&m, 100, 25, 20);
	EXPECT_EQ(m.s[1].v, 10);
	xtcp_minmax_min(&m, 100, 26, 20);
	EXPECT_EQ(m.s[1].v, 20);
	xtcp_minmax_min(&m, 100, 50, 30);
	EXPECT_EQ(m.s[2].v, 20);
	xtcp_minmax_min(&m, 100, 51, 30);
	EXPECT_EQ(m.s[2].v, 30);
}

TEST(minmax_min__time_wraps)
{
	struct xtcp_minmax m;

	xtcp_minmax_reset(&m, 0xfffffff0, 10);
	EXPECT_EQ(xtcp_minmax_min(&m, 100, 5, 20), 10);
	EXPECT_EQ(xtcp_minmax_min(&m, 100, 0x55, 20), 20);
}

TEST(minmax_max__mirrors_min)
{
	struct xtcp_minmax m;

	xtcp_minmax_reset(&m, 0, 90);
	EXPECT_EQ(xtcp_minmax_max(&m, 100, 30, 80), 90);
	EXPECT_EQ(xtcp_minmax_max(&m, 100, 60, 70), 90);
	EXPECT_EQ(xtcp_minmax_max(&m, 100, 101, 60), 80);
	EXPECT_EQ(xtcp_minmax_max(&m, 100, 102, 95), 95);
}

/* Against the exact answer: never better, and right whenever the best is still inside. */
TEST(minmax_max__never_above_the_true_maximum)
{
	static u32 v[2000];
	struct xtcp_minmax m;
	u64 rnd = 0x5eed0002;
	u32 i, j, best, got;

	for (i = 0; i < ARRAY_SIZE(v); i++) {
		v[i] = tap_rnd(&rnd) % 1000;
		got = i ? xtcp_minmax_max(&m, 50, i, v[i]) : xtcp_minmax_reset(&m, 0, v[0]);
		best = 0;
		for (j = i < 50 ? 0 : i - 50; j <= i; j++)
			best = xtcp_max_u32(best, v[j]);
		EXPECT_LE(got, best);
		EXPECT_GE(got, v[i]);
	}
}

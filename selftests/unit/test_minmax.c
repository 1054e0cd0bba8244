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
	xtcp_minmax_min(&m, 100, 50, 88);
	xtcp_minmax_min(&m, 100, 60, 99);
	EXPECT_EQ(xtcp_minmax_get(&m), 77);
	EXPECT_EQ(m.s[1].v, 88);
	EXPECT_EQ(m.s[2].v, 99);
	EXPECT_EQ(xtcp_minmax_reset(&m, 70, 111), 111);
	EXPECT_EQ(m.s[0].t, 70);
	EXPECT_EQ(m.s[2].t, 70);
	EXPECT_EQ(m.s[2].v, 111);
}

#define T 1000000U /* any time but 0 */

TEST(minmax_min__takes_lower_and_equal_at_once)
{
	struct xtcp_minmax m;

	xtcp_minmax_reset(&m, T + 0, 50);
	EXPECT_EQ(xtcp_minmax_min(&m, 100, T + 1, 60), 50);
	EXPECT_EQ(xtcp_minmax_min(&m, 100, T + 2, 40), 40);
	EXPECT_EQ(xtcp_minmax_min(&m, 100, T + 90, 40), 40);
	EXPECT_EQ(m.s[0].t, T + 90);
}

TEST(minmax_min__expires_to_the_runner_up)
{
	struct xtcp_minmax m;

	xtcp_minmax_reset(&m, T + 0, 10);
	xtcp_minmax_min(&m, 100, T + 30, 20); /* a quarter of the window on: second */
	xtcp_minmax_min(&m, 100, T + 60, 30); /* half of it on: third */
	EXPECT_EQ(xtcp_minmax_min(&m, 100, T + 100, 40), 10);
	EXPECT_EQ(xtcp_minmax_min(&m, 100, T + 101, 40), 20);
	EXPECT_EQ(xtcp_minmax_min(&m, 100, T + 131, 50), 30);
}

TEST(minmax_min__expires_past_two)
{
	struct xtcp_minmax m;

	xtcp_minmax_reset(&m, T + 0, 10);
	xtcp_minmax_min(&m, 100, T + 26, 20);
	xtcp_minmax_min(&m, 100, T + 90, 30);
	EXPECT_EQ(xtcp_minmax_min(&m, 100, T + 127, 40), 30);
	EXPECT_EQ(m.s[1].v, 40);
	EXPECT_EQ(m.s[2].v, 40);
}

TEST(minmax_min__silence_longer_than_the_window_starts_anew)
{
	struct xtcp_minmax m;

	xtcp_minmax_reset(&m, T + 0, 10);
	EXPECT_EQ(xtcp_minmax_min(&m, 100, T + 101, 99), 99);
	EXPECT_EQ(m.s[0].t, T + 101);
}

TEST(minmax_min__better_runner_up_replaces_worse)
{
	struct xtcp_minmax m;

	xtcp_minmax_reset(&m, T + 0, 10);
	xtcp_minmax_min(&m, 100, T + 30, 30);
	xtcp_minmax_min(&m, 100, T + 60, 40);
	xtcp_minmax_min(&m, 100, T + 70, 35); /* better than the third only */
	EXPECT_EQ(m.s[1].v, 30);
	EXPECT_EQ(m.s[2].v, 35);
	EXPECT_EQ(m.s[2].t, T + 70);
	xtcp_minmax_min(&m, 100, T + 80, 20); /* better than both */
	EXPECT_EQ(m.s[1].v, 20);
	EXPECT_EQ(m.s[2].v, 20);
}

/* Not before a quarter and a half: runners-up come from later parts of the window. */
TEST(minmax_min__runners_up_are_spread)
{
	struct xtcp_minmax m;

	xtcp_minmax_reset(&m, T + 0, 10);
	xtcp_minmax_min(&m, 100, T + 25, 20);
	EXPECT_EQ(m.s[1].v, 10);
	xtcp_minmax_min(&m, 100, T + 26, 20);
	EXPECT_EQ(m.s[1].v, 20);
	xtcp_minmax_min(&m, 100, T + 50, 30);
	EXPECT_EQ(m.s[2].v, 20);
	xtcp_minmax_min(&m, 100, T + 51, 30);
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

/*
 * Against the exact answer over a window of 50: never better, never worse than the
 * newest, and exact as long as the best sample of all is inside.
 */
static void test_against_exact(bool max, u32 values)
{
	static u32 v[3000];
	u32 i, j, best, best_at = 0, got, base = 0xfffff000;
	struct xtcp_minmax m;
	u64 rnd = 0x5eed0002 + values;

	for (i = 0; i < ARRAY_SIZE(v); i++) {
		v[i] = tap_rnd(&rnd) % values;
		if (!i)
			got = xtcp_minmax_reset(&m, base, v[0]);
		else if (max)
			got = xtcp_minmax_max(&m, 50, base + i, v[i]);
		else
			got = xtcp_minmax_min(&m, 50, base + i, v[i]);
		best = v[i];
		for (j = i < 50 ? 0 : i - 50; j <= i; j++)
			best = max ? xtcp_max_u32(best, v[j]) : xtcp_min_u32(best, v[j]);
		EXPECT_TRUE(max ? got <= best && got >= v[i] : got >= best && got <= v[i]);
		if (v[i] == (max ? values - 1 : 0))
			best_at = i + 1;
		if (best_at && i + 1 - best_at <= 50)
			EXPECT_EQ(got, best);
	}
}

TEST(minmax_max__against_the_exact_maximum)
{
	test_against_exact(true, 1000);
	test_against_exact(true, 60);
	test_against_exact(true, 4);
}

TEST(minmax_min__against_the_exact_minimum)
{
	test_against_exact(false, 1000);
	test_against_exact(false, 60);
	test_against_exact(false, 4);
}

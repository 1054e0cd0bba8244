// SPDX-License-Identifier: GPL-2.0-only
/* module/core/rtt.c */
#include <xtcp/rtt.h>

#include "tap.h"

#define MS XTCP_USEC_PER_MSEC
#define RTO_MIN XTCP_RTO_MIN_US

TEST(rtt_init__one_second)
{
	struct xtcp_rtt r;

	memset(&r, 0xee, sizeof(r));
	xtcp_rtt_init(&r);
	EXPECT_EQ(xtcp_rtt_rto_us(&r), 1000 * MS);
	EXPECT_EQ(r.srtt_us, 0);
	EXPECT_EQ(xtcp_rtt_min_us(&r), U32_MAX);
}

/* RFC 6298 (2.2): SRTT = R, RTTVAR = R/2 (times 4 in the RTO), floor on the variance. */
TEST(rtt_sample__first)
{
	struct xtcp_rtt r;

	xtcp_rtt_init(&r);
	xtcp_rtt_sample(&r, 300 * MS, 10, 20, RTO_MIN);
	EXPECT_EQ(r.srtt_us, 300 * MS << 3);
	EXPECT_EQ(r.mdev_us, 600 * MS);
	EXPECT_EQ(r.rttvar_us, 600 * MS);
	EXPECT_EQ(r.mdev_max_us, 600 * MS);
	EXPECT_EQ(r.rtt_seq, 20);
	EXPECT_EQ(xtcp_rtt_rto_us(&r), 900 * MS);
}

TEST(rtt_sample__first_small_has_the_floor)
{
	struct xtcp_rtt r;

	xtcp_rtt_init(&r);
	xtcp_rtt_sample(&r, 10 * MS, 10, 20, RTO_MIN);
	EXPECT_EQ(xtcp_rtt_rto_us(&r), 210 * MS);
	EXPECT_EQ(r.mdev_us, 20 * MS);
}

/* RFC 6298 (2.3): gains 1/8 and 1/4. */
TEST(rtt_sample__slower)
{
	struct xtcp_rtt r;

	xtcp_rtt_init(&r);
	xtcp_rtt_sample(&r, 400 * MS, 10, 20, RTO_MIN);
	xtcp_rtt_sample(&r, 800 * MS, 11, 30, RTO_MIN);
	EXPECT_EQ(r.srtt_us >> 3, 450 * MS); /* 7/8 * 400 + 1/8 * 800 */
	EXPECT_EQ(r.mdev_us, (3 * 200 + 400) * MS); /* 4 * (3/4 * 200 + 1/4 * 400) */
	EXPECT_EQ(r.rttvar_us, 1000 * MS);
	EXPECT_EQ(r.rtt_seq, 20);
	EXPECT_EQ(xtcp_rtt_rto_us(&r), 1450 * MS);
}

TEST(rtt_sample__faster_hardly_widens)
{
	struct xtcp_rtt r;

	xtcp_rtt_init(&r);
	xtcp_rtt_sample(&r, 400 * MS, 10, 20, RTO_MIN);
	r.mdev_us = 80 * MS; /* a mean deviation of 20 ms */
	xtcp_rtt_sample(&r, 200 * MS, 11, 30, RTO_MIN);
	EXPECT_EQ(r.srtt_us >> 3, 375 * MS);
	/* 4 * 20 + (200 - 20) / 8 instead of 4 * 20 + 200 - 20 */
	EXPECT_EQ(r.mdev_us, 80 * MS + 180 * MS / 8);
}

TEST(rtt_sample__steady_decays_mdev)
{
	struct xtcp_rtt r;

	xtcp_rtt_init(&r);
	xtcp_rtt_sample(&r, 400 * MS, 10, 20, RTO_MIN);
	xtcp_rtt_sample(&r, 400 * MS, 11, 30, RTO_MIN);
	EXPECT_EQ(r.srtt_us >> 3, 400 * MS);
	EXPECT_EQ(r.mdev_us, 600 * MS);
}

/* rttvar falls by a quarter per round trip, not per sample. */
TEST(rtt_sample__variance_decays_once_a_round_trip)
{
	struct xtcp_rtt r;

	xtcp_rtt_init(&r);
	xtcp_rtt_sample(&r, 400 * MS, 10, 20, RTO_MIN);
	r.mdev_us = 0;
	r.mdev_max_us = 400 * MS;
	xtcp_rtt_sample(&r, 400 * MS, 20, 30, RTO_MIN);
	EXPECT_EQ(r.rttvar_us, 800 * MS);
	xtcp_rtt_sample(&r, 400 * MS, 21, 40, RTO_MIN);
	EXPECT_EQ(r.rttvar_us, 700 * MS); /* 800 - (800 - 400) / 4 */
	EXPECT_EQ(r.rtt_seq, 40);
	EXPECT_EQ(r.mdev_max_us, RTO_MIN);
	xtcp_rtt_sample(&r, 400 * MS, 40, 50, RTO_MIN);
	EXPECT_EQ(r.rttvar_us, 700 * MS);
}

TEST(rtt_sample__rtt_seq_wraps)
{
	struct xtcp_rtt r;

	xtcp_rtt_init(&r);
	xtcp_rtt_sample(&r, 400 * MS, 0xffffff00, 0xfffffff0, RTO_MIN);
	xtcp_rtt_sample(&r, 400 * MS, 5, 90, RTO_MIN);
	EXPECT_EQ(r.rtt_seq, 90);
}

TEST(rtt_sample__steady_settles_at_rtt_plus_rto_min)
{
	struct xtcp_rtt r;
	u32 i;

	xtcp_rtt_init(&r);
	for (i = 0; i < 200; i++)
		xtcp_rtt_sample(&r, 30 * MS, i * 10 + 11, i * 10 + 20, RTO_MIN);
	EXPECT_EQ(xtcp_rtt_rto_us(&r), 230 * MS);
}

TEST(rtt_sample__bounds)
{
	struct xtcp_rtt r;
	u32 i;

	xtcp_rtt_init(&r);
	for (i = 0; i < 100; i++) {
		xtcp_rtt_sample(&r, i % 2 ? U32_MAX : 0, i * 10 + 11, i * 10 + 20, RTO_MIN);
		EXPECT_LE(xtcp_rtt_rto_us(&r), XTCP_RTO_MAX_US);
		EXPECT_GE(xtcp_rtt_rto_us(&r), RTO_MIN);
		EXPECT_GT(r.srtt_us, 0);
	}
	xtcp_rtt_init(&r);
	xtcp_rtt_sample(&r, U32_MAX, 10, 20, RTO_MIN);
	EXPECT_EQ(xtcp_rtt_rto_us(&r), XTCP_RTO_MAX_US);
	EXPECT_EQ(r.srtt_us >> 3, XTCP_RTO_MAX_US);
}

TEST(rtt_sample__srtt_stays_known)
{
	struct xtcp_rtt r;
	u32 i;

	xtcp_rtt_init(&r);
	for (i = 0; i < 100; i++)
		xtcp_rtt_sample(&r, 0, i, i + 1, RTO_MIN);
	EXPECT_GE(r.srtt_us, 1);
}

TEST(rtt_min_update__window)
{
	struct xtcp_rtt r;

	xtcp_rtt_init(&r);
	xtcp_rtt_min_update(&r, 5000, 1000000, 300000);
	EXPECT_EQ(xtcp_rtt_min_us(&r), 5000);
	xtcp_rtt_min_update(&r, 4000, 1000001, 300000);
	EXPECT_EQ(xtcp_rtt_min_us(&r), 4000);
	xtcp_rtt_min_update(&r, 9000, 1200000, 300000);
	EXPECT_EQ(xtcp_rtt_min_us(&r), 4000);
	xtcp_rtt_min_update(&r, 9500, 1300002, 300000);
	EXPECT_EQ(xtcp_rtt_min_us(&r), 9000);
}

TEST(rtt_backoff__doubles_up_to_the_bound)
{
	EXPECT_EQ(xtcp_rtt_backoff(200 * MS, 0, XTCP_RTO_MAX_US), 200 * MS);
	EXPECT_EQ(xtcp_rtt_backoff(200 * MS, 3, XTCP_RTO_MAX_US), 1600 * MS);
	EXPECT_EQ(xtcp_rtt_backoff(200 * MS, 9, XTCP_RTO_MAX_US), 102400 * MS);
	EXPECT_EQ(xtcp_rtt_backoff(200 * MS, 10, XTCP_RTO_MAX_US), XTCP_RTO_MAX_US);
	EXPECT_EQ(xtcp_rtt_backoff(200 * MS, 0, 100 * MS), 100 * MS);
}

TEST(rtt_backoff__never_overflows)
{
	u32 n;

	for (n = 10; n < 300; n++)
		EXPECT_EQ(xtcp_rtt_backoff(200 * MS, n, XTCP_RTO_MAX_US), XTCP_RTO_MAX_US);
	EXPECT_EQ(xtcp_rtt_backoff(U32_MAX, 31, U32_MAX), U32_MAX);
	EXPECT_EQ(xtcp_rtt_backoff(1, 31, U32_MAX), 0x80000000U);
	EXPECT_EQ(xtcp_rtt_backoff(1, 32, U32_MAX), U32_MAX);
	EXPECT_EQ(xtcp_rtt_backoff(1, U32_MAX, 77), 77);
	EXPECT_EQ(xtcp_rtt_backoff(0, 40, 77), 0);
}

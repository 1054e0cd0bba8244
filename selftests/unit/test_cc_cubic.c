// SPDX-License-Identifier: GPL-2.0-only
/* module/core/cc_cubic.c */
#include <xtcp/cc.h>

#include "tap.h"

#define MS 1000ULL

static struct xtcp_cc_ack ack;

static struct xtcp_cc test_cc(u32 cwnd, u32 ssthresh)
{
	struct xtcp_cc cc;

	xtcp_cc_init(&cc, &xtcp_cc_cubic, NULL, 1);
	cc.cwnd = cwnd;
	cc.ssthresh = ssthresh;
	ack = (struct xtcp_cc_ack){
		.now_us = 1000 * MS,
		.rtt_us = U32_MAX,
		.min_rtt_us = 100 * MS,
		.is_cwnd_limited = true,
	};
	return cc;
}

/* As the engine reduces: remember, then ask. */
static void test_loss(struct xtcp_cc *cc)
{
	cc->prior_cwnd = cc->cwnd;
	cc->ssthresh = cc->ops->ssthresh(cc);
	cc->cwnd = cc->ssthresh;
}

/* One round trip of @rtt_us in which everything in the window is acknowledged, two by two. */
static void test_round(struct xtcp_cc *cc, u64 rtt_us)
{
	u32 i, n = cc->cwnd / 2;
	u64 start = ack.now_us;

	ack.acked = 2;
	for (i = 1; i <= n; i++) {
		ack.now_us = start + rtt_us * i / n;
		cc->ops->cong_avoid(cc, &ack);
	}
}

static double test_cube_root(double x)
{
	double r = x > 1 ? x : 1;
	int i;

	for (i = 0; i < 200; i++)
		r -= (r * r * r - x) / (3 * r * r);
	return r;
}

/* W_cubic of RFC 9438 4.2 in floating point. */
static double test_formula(double w_max, double cwnd_epoch, double t)
{
	double k = test_cube_root((w_max - cwnd_epoch) / 0.4);

	return 0.4 * (t - k) * (t - k) * (t - k) + w_max;
}

TEST(cubic_ssthresh__beta)
{
	struct xtcp_cc cc = test_cc(1000, 100);

	EXPECT_EQ(cc.ops->ssthresh(&cc), 700);
	cc.cwnd = 2;
	EXPECT_EQ(cc.ops->ssthresh(&cc), 2);
	cc.cwnd = XTCP_CC_CWND_MAX;
	EXPECT_EQ(cc.ops->ssthresh(&cc), XTCP_CC_CWND_MAX * 7ULL / 10);
}

/* Concave, plateau, convex: within 1 % of the formula for 20 s, RTT 100 ms. */
TEST(cubic_cong_avoid__follows_the_formula)
{
	struct xtcp_cc cc = test_cc(2000, 100);
	u64 start;
	double t, want;

	test_loss(&cc);
	EXPECT_EQ(cc.cwnd, 1400);
	start = ack.now_us;
	while (ack.now_us < start + 20000 * MS) {
		test_round(&cc, 100 * MS);
		t = (double)(ack.now_us - start) / 1e6;
		want = test_formula(2000, 1400, t);
		EXPECT_GT(cc.cwnd, want * 0.99 - 1);
		EXPECT_LT(cc.cwnd, want * 1.01 + 1);
	}
	EXPECT_GT(cc.cwnd, 2000);
}

/* The plateau is reached after K = cbrt(0.3 * W_max / 0.4) seconds, not before. */
TEST(cubic_cong_avoid__plateau_at_k)
{
	struct xtcp_cc cc = test_cc(1000, 100);
	u64 start = ack.now_us;

	test_loss(&cc);
	while (cc.cwnd < 995)
		test_round(&cc, 20 * MS);
	/* K = 9.09 s, and 5 segments below the plateau 2.3 s before it */
	EXPECT_GT(ack.now_us - start, 6500 * MS);
	EXPECT_LT(ack.now_us - start, 7100 * MS);
}

TEST(cubic_cong_avoid__fast_convergence)
{
	struct xtcp_cc cc = test_cc(1000, 100);
	u32 i;

	test_loss(&cc);
	test_loss(&cc); /* at 700, below 1000: the plateau goes to 595 */
	EXPECT_EQ(cc.cwnd, 490);
	for (i = 0; i < 60; i++)
		test_round(&cc, 100 * MS);
	EXPECT_GT(cc.cwnd, test_formula(595, 490, 6.0) * 0.98);
	EXPECT_LT(cc.cwnd, test_formula(595, 490, 6.0) * 1.02);
}

/* Where the cube of the time would wrap to 0 in 64 bits. */
TEST(cubic_cong_avoid__cube_does_not_wrap)
{
	u32 bit;

	for (bit = 20; bit < 32; bit++) {
		struct xtcp_cc cc = test_cc(1000, 100);

		ack.min_rtt_us = 0;
		test_loss(&cc);
		test_round(&cc, 0);
		ack.now_us += ((1ULL << bit) + 9085) * MS; /* K is 9085 ms */
		test_round(&cc, 0);
		EXPECT_GT(cc.cwnd, 1000);
	}
}

/* A stage of half a year, whose clock has 32 bits. */
TEST(cubic_cong_avoid__time_does_not_wrap)
{
	struct xtcp_cc cc = test_cc(1000, 100);
	u32 i, before;

	ack.min_rtt_us = 0;
	test_loss(&cc);
	test_round(&cc, 0);
	for (i = 0; i < 8; i++) {
		before = cc.cwnd;
		ack.now_us += (1ULL << 31) * MS;
		test_round(&cc, 0);
		EXPECT_GT(cc.cwnd, before);
	}
}

/* The formula at the end of the coming round trip is the aim, in one round trip. */
TEST(cubic_cong_avoid__looks_one_rtt_ahead)
{
	struct xtcp_cc cc = test_cc(2000, 100);

	ack.min_rtt_us = 5000 * MS;
	test_loss(&cc);
	test_round(&cc, 0);
	EXPECT_GT(cc.cwnd, 1400 + (test_formula(2000, 1400, 5.0) - 1400) * 0.6);
	EXPECT_LT(cc.cwnd, test_formula(2000, 1400, 5.0) + 1);

	cc = test_cc(2000, 100);
	ack.min_rtt_us = U32_MAX;
	test_loss(&cc);
	test_round(&cc, 0);
	EXPECT_LE(cc.cwnd, 1401);
}

/*
 * Where the cubic function stands still, at a time that does not pass, Reno's
 * estimate leads: 9/17 segments a round trip up to the window before the loss,
 * then 1. In floating point from the real window; cwnd is hardly behind.
 */
TEST(cubic_cong_avoid__reno_friendly)
{
	struct xtcp_cc cc = test_cc(200, 5);
	double est = 140;
	u32 i, acked;

	ack.min_rtt_us = 0;
	test_loss(&cc);
	for (i = 0; i < 200; i++) {
		for (acked = cc.cwnd; acked >= 2; acked -= 2) {
			est += (est < 200 ? 9.0 / 17 : 1) * 2 / cc.cwnd;
			ack.acked = 2;
			cc.ops->cong_avoid(&cc, &ack);
		}
		EXPECT_GE(cc.cwnd, est - 3);
		EXPECT_LE(cc.cwnd, est + 0.1);
	}
	EXPECT_GT(cc.cwnd, 280);
}

/* Hours, days and years after the plateau the aim is far away, never wrapped around. */
TEST(cubic_cong_avoid__any_time_after_the_plateau)
{
	u64 t;

	for (t = 100000 * MS; t < 1ULL << 50; t += t / 7) {
		struct xtcp_cc cc = test_cc(1000, 100);

		test_loss(&cc);
		test_round(&cc, 0);
		ack.now_us += t;
		test_round(&cc, 0);
		EXPECT_GT(cc.cwnd, 1000);
		EXPECT_LE(cc.cwnd, 1065);
	}
}

TEST(cubic_cong_avoid__grows_by_half_a_round_trip_at_most)
{
	struct xtcp_cc cc = test_cc(100, 50);
	u32 before;

	test_round(&cc, 100 * MS);
	ack.now_us += 500000 * MS; /* the cubic function is far ahead */
	before = cc.cwnd;
	test_round(&cc, 100 * MS);
	EXPECT_LE(cc.cwnd, before + before / 2 + 1);
	EXPECT_GT(cc.cwnd, before + before / 3);
}

TEST(cubic_cong_avoid__without_a_loss_the_plateau_is_here)
{
	struct xtcp_cc cc = test_cc(100, 100);
	u32 i;

	for (i = 0; i < 30; i++)
		test_round(&cc, 100 * MS);
	EXPECT_GT(cc.cwnd, 100 + 0.4 * 27 * 0.95); /* 0.4 * 3^3 or Reno's 30 */
	EXPECT_LT(cc.cwnd, 132);
}

TEST(cubic_cong_avoid__not_when_the_window_was_not_full)
{
	struct xtcp_cc cc = test_cc(100, 50);

	ack.is_cwnd_limited = false;
	test_round(&cc, 100 * MS);
	EXPECT_EQ(cc.cwnd, 100);
}

/* RFC 9438 5.8: ten idle seconds, by ACKs that found the window not full or by silence. */
TEST(cubic_cong_avoid__unused_time_does_not_count)
{
	struct xtcp_cc used = test_cc(1000, 100), gap, unlimited;
	u32 i;

	test_loss(&used);
	for (i = 0; i < 10; i++)
		test_round(&used, 100 * MS);
	gap = used;
	unlimited = used;

	for (i = 0; i < 10; i++)
		test_round(&used, 100 * MS);

	ack.now_us -= 1000 * MS;
	ack.now_us += 10000 * MS;
	gap.ops->tx_start(&gap, ack.now_us);
	for (i = 0; i < 10; i++)
		test_round(&gap, 100 * MS);
	EXPECT_EQ(gap.cwnd, used.cwnd);

	ack.now_us -= 1000 * MS;
	ack.is_cwnd_limited = false;
	ack.acked = 1;
	unlimited.ops->cong_avoid(&unlimited, &ack);
	ack.is_cwnd_limited = true;
	for (i = 0; i < 10; i++)
		test_round(&unlimited, 100 * MS);
	EXPECT_EQ(unlimited.cwnd, used.cwnd);
}

TEST(cubic_event__tx_start_before_any_ack)
{
	struct xtcp_cc cc = test_cc(10, XTCP_CC_SSTHRESH_INF);

	cc.ops->tx_start(&cc, 5);
	cc.ops->event(&cc, XTCP_CC_EV_OPEN);
	test_round(&cc, 100 * MS);
	EXPECT_EQ(cc.cwnd, 20);
}

/* 1390 s to the plateau: as far away as it can be, nothing grows towards it yet. */
TEST(cubic_cong_avoid__the_farthest_plateau)
{
	struct xtcp_cc cc = test_cc(XTCP_CC_CWND_MAX, 100);
	u32 w;

	test_loss(&cc);
	w = cc.cwnd;
	cc.cwnd = 1;
	cc.ssthresh = 1;
	ack.acked = 1;
	cc.ops->cong_avoid(&cc, &ack);
	cc.cwnd = w;
	ack.acked = 1000;
	cc.ops->cong_avoid(&cc, &ack);
	EXPECT_EQ(cc.cwnd, w);
}

/* RFC 9438 4.8: after a timeout the window at the end of slow start is the plateau. */
TEST(cubic_event__loss_forgets_the_plateau)
{
	struct xtcp_cc cc = test_cc(1000, 100);
	u32 i;

	test_loss(&cc);
	cc.ops->event(&cc, XTCP_CC_EV_LOSS);
	cc.cwnd = 1;
	cc.ssthresh = 64;
	ack.acked = 1;
	for (i = 0; i < 63; i++)
		cc.ops->cong_avoid(&cc, &ack);
	EXPECT_EQ(cc.cwnd, 64);
	for (i = 0; i < 30; i++)
		test_round(&cc, 100 * MS);
	EXPECT_GT(cc.cwnd, 64 + 10);
	EXPECT_LT(cc.cwnd, 64 + 33);
}

TEST(cubic_event__restart_begins_anew)
{
	struct xtcp_cc cc = test_cc(1000, 100);
	u32 i;

	test_loss(&cc);
	for (i = 0; i < 20; i++)
		test_round(&cc, 100 * MS);
	cc.ops->event(&cc, XTCP_CC_EV_CWND_RESTART);
	cc.cwnd = 700;
	for (i = 0; i < 20; i++)
		test_round(&cc, 100 * MS);
	EXPECT_GT(cc.cwnd, test_formula(1000, 700, 2.0) * 0.98);
	EXPECT_LT(cc.cwnd, test_formula(1000, 700, 2.0) * 1.02);
}

/* RFC 9438 4.9: an undone event leaves no trace. */
TEST(cubic_undo_cwnd__restores_the_curve)
{
	struct xtcp_cc cc = test_cc(1000, 100), copy;
	u32 i;

	test_loss(&cc);
	for (i = 0; i < 20; i++)
		test_round(&cc, 100 * MS);
	copy = cc;
	test_loss(&copy);
	copy.cwnd = copy.ops->undo_cwnd(&copy);
	EXPECT_EQ(copy.cwnd, cc.cwnd);
	for (i = 0; i < 10; i++)
		test_round(&cc, 100 * MS);
	ack.now_us -= 1000 * MS;
	for (i = 0; i < 10; i++)
		test_round(&copy, 100 * MS);
	EXPECT_EQ(copy.cwnd, cc.cwnd);
	copy.prior_cwnd = 1;
	EXPECT_EQ(copy.ops->undo_cwnd(&copy), copy.cwnd);
}

/* A round of @n ACKs of one segment with RTTs of @rtt_us; the window doubles or not. */
static void test_hystart_round(struct xtcp_cc *cc, u32 n, u32 rtt_us)
{
	ack.acked = 1;
	ack.rtt_us = rtt_us;
	ack.snd_nxt = ack.snd_una + n;
	while (n--) {
		ack.snd_una++;
		cc->ops->cong_avoid(cc, &ack);
	}
}

TEST(hystart__steady_rtt_doubles)
{
	struct xtcp_cc cc = test_cc(10, XTCP_CC_SSTHRESH_INF);
	u32 i;

	ack.snd_una = 0xffffff00; /* wraps on the way */
	for (i = 0; i < 6; i++)
		test_hystart_round(&cc, cc.cwnd, 20 * MS);
	EXPECT_EQ(cc.cwnd, 640);
	EXPECT_EQ(cc.ssthresh, XTCP_CC_SSTHRESH_INF);
}

/* 40 ms: an eighth is 5 ms. Slightly less is jitter, so much is a queue. */
TEST(hystart__queue_slows_growth)
{
	struct xtcp_cc cc = test_cc(100, XTCP_CC_SSTHRESH_INF);
	struct xtcp_cc less;

	test_hystart_round(&cc, 100, 40 * MS);
	EXPECT_EQ(cc.cwnd, 200);
	less = cc;
	test_hystart_round(&less, 200, 45 * MS - 1);
	EXPECT_EQ(less.cwnd, 400);
	ack.snd_una -= 200;
	test_hystart_round(&cc, 200, 45 * MS);
	/* the first ACK ends the old round, eight samples later a quarter each */
	EXPECT_GE(cc.cwnd, 200 + 8 + 192 / 4 - 2);
	EXPECT_LE(cc.cwnd, 200 + 10 + 192 / 4);
}

TEST(hystart__threshold_is_4_to_16_ms)
{
	static const struct { u32 base, quiet, queue; } rows[] = {
		{ 1 * MS, 5 * MS - 1, 5 * MS },
		{ 32 * MS, 36 * MS - 1, 36 * MS },
		{ 400 * MS, 416 * MS - 1, 416 * MS },
	};
	u32 i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		struct xtcp_cc a = test_cc(100, XTCP_CC_SSTHRESH_INF);
		struct xtcp_cc b = test_cc(100, XTCP_CC_SSTHRESH_INF);

		test_hystart_round(&a, 100, rows[i].base);
		test_hystart_round(&a, 200, rows[i].quiet);
		EXPECT_EQ(a.cwnd, 400);
		ack.snd_una = 0;
		test_hystart_round(&b, 100, rows[i].base);
		test_hystart_round(&b, 200, rows[i].queue);
		EXPECT_LT(b.cwnd, 270);
	}
}

/* Seven samples are too few to tell. */
TEST(hystart__needs_eight_samples)
{
	struct xtcp_cc cc = test_cc(7, XTCP_CC_SSTHRESH_INF);

	test_hystart_round(&cc, 7, 40 * MS);
	test_hystart_round(&cc, 7, 90 * MS);
	test_hystart_round(&cc, 7, 190 * MS);
	EXPECT_EQ(cc.cwnd, 28);
}

TEST(hystart__five_rounds_end_slow_start)
{
	struct xtcp_cc cc = test_cc(100, XTCP_CC_SSTHRESH_INF);
	u32 i;

	test_hystart_round(&cc, 100, 40 * MS);
	for (i = 0; i < 5; i++) {
		test_hystart_round(&cc, 100, 60 * MS);
		EXPECT_EQ(cc.ssthresh, XTCP_CC_SSTHRESH_INF);
	}
	test_hystart_round(&cc, 100, 60 * MS);
	EXPECT_LT(cc.ssthresh, 400);
	EXPECT_FALSE(xtcp_cc_in_slow_start(&cc));
}

TEST(hystart__jitter_resumes)
{
	struct xtcp_cc cc = test_cc(100, XTCP_CC_SSTHRESH_INF);
	u32 before;

	test_hystart_round(&cc, 100, 40 * MS);
	test_hystart_round(&cc, 200, 60 * MS);
	test_hystart_round(&cc, 200, 59 * MS);
	before = cc.cwnd;
	test_hystart_round(&cc, 200, 59 * MS);
	EXPECT_EQ(cc.cwnd, before + 200);
	EXPECT_EQ(cc.ssthresh, XTCP_CC_SSTHRESH_INF);
}

/* Conservative slow start begun again counts its rounds anew. */
TEST(hystart__second_time)
{
	struct xtcp_cc cc = test_cc(100, XTCP_CC_SSTHRESH_INF);
	u32 i;

	test_hystart_round(&cc, 100, 40 * MS);
	for (i = 0; i < 4; i++)
		test_hystart_round(&cc, 100, 60 * MS);
	test_hystart_round(&cc, 100, 40 * MS);
	for (i = 0; i < 5; i++) {
		test_hystart_round(&cc, 100, 60 * MS);
		EXPECT_EQ(cc.ssthresh, XTCP_CC_SSTHRESH_INF);
	}
	test_hystart_round(&cc, 100, 60 * MS);
	EXPECT_NE(cc.ssthresh, XTCP_CC_SSTHRESH_INF);
}

/* Later slow starts, after idleness or a timeout, double again. */
TEST(hystart__leaves_nothing_behind)
{
	struct xtcp_cc cc = test_cc(100, XTCP_CC_SSTHRESH_INF);
	u32 i;

	test_hystart_round(&cc, 100, 40 * MS);
	for (i = 0; i < 6; i++)
		test_hystart_round(&cc, 100, 60 * MS);
	EXPECT_NE(cc.ssthresh, XTCP_CC_SSTHRESH_INF);
	cc.cwnd = 10;
	test_hystart_round(&cc, 10, 60 * MS);
	EXPECT_EQ(cc.cwnd, 20);

	cc = test_cc(100, XTCP_CC_SSTHRESH_INF);
	test_hystart_round(&cc, 100, 40 * MS);
	test_hystart_round(&cc, 200, 60 * MS);
	test_loss(&cc);
	cc.cwnd = 10;
	test_hystart_round(&cc, 10, 60 * MS);
	EXPECT_EQ(cc.cwnd, 20);
}

TEST(hystart__only_the_first_slow_start)
{
	struct xtcp_cc cc = test_cc(100, 5000);

	test_hystart_round(&cc, 100, 40 * MS);
	test_hystart_round(&cc, 200, 90 * MS);
	EXPECT_EQ(cc.cwnd, 400);
}

TEST(hystart__ack_without_sample)
{
	struct xtcp_cc cc = test_cc(100, XTCP_CC_SSTHRESH_INF);

	test_hystart_round(&cc, 100, 40 * MS);
	test_hystart_round(&cc, 100, U32_MAX);
	test_hystart_round(&cc, 100, U32_MAX);
	EXPECT_EQ(cc.cwnd, 400);
}

// SPDX-License-Identifier: GPL-2.0-only
/* module/core/cc_newreno.c */
#include <xtcp/cc.h>

#include "tap.h"

static int inits, restarts;

static void test_init(struct xtcp_cc *cc, u32 rnd)
{
	inits++;
	cc->priv[0] = rnd;
}

static void test_event(struct xtcp_cc *cc, enum xtcp_cc_event ev)
{
	restarts += ev == XTCP_CC_EV_CWND_RESTART && cc->cwnd == 100;
}

static const struct xtcp_cc_ops test_ops = {
	.name = "test",
	.init = test_init,
	.event = test_event,
};

static struct xtcp_cc test_cc(u32 cwnd, u32 ssthresh)
{
	struct xtcp_cc cc;

	xtcp_cc_init(&cc, &xtcp_cc_newreno, NULL, 1);
	cc.cwnd = cwnd;
	cc.ssthresh = ssthresh;
	return cc;
}

static void test_ack(struct xtcp_cc *cc, u32 acked, bool limited)
{
	struct xtcp_cc_ack a = { .acked = acked, .is_cwnd_limited = limited };

	cc->ops->cong_avoid(cc, &a);
}

TEST(cc_init__initial_window)
{
	struct xtcp_cc cc;

	memset(&cc, 0xee, sizeof(cc));
	inits = 0;
	xtcp_cc_init(&cc, &test_ops, NULL, 77);
	EXPECT_EQ(cc.cwnd, 10);
	EXPECT_EQ(cc.ssthresh, XTCP_CC_SSTHRESH_INF);
	EXPECT_EQ(cc.cwnd_cnt, 0);
	EXPECT_EQ(cc.pacing_rate, 0);
	EXPECT_EQ(cc.state, XTCP_CA_OPEN);
	EXPECT_EQ(cc.prior_cwnd, 0);
	EXPECT_EQ(cc.priv[0], 77);
	EXPECT_EQ(cc.priv[XTCP_CC_PRIV_WORDS - 1], 0);
	EXPECT_EQ(inits, 1);
	EXPECT_TRUE(xtcp_cc_in_slow_start(&cc));
}

TEST(cc_switch__keeps_windows_clears_the_rest)
{
	struct xtcp_cc cc = test_cc(33, 44);

	cc.pacing_rate = 5;
	cc.cwnd_cnt = 6;
	cc.priv[3] = 7;
	inits = 0;
	xtcp_cc_switch(&cc, &test_ops, NULL, 78);
	EXPECT_EQ(cc.cwnd, 33);
	EXPECT_EQ(cc.ssthresh, 44);
	EXPECT_EQ(cc.pacing_rate, 0);
	EXPECT_EQ(cc.cwnd_cnt, 0);
	EXPECT_EQ(cc.priv[0], 78);
	EXPECT_EQ(cc.priv[3], 0);
	EXPECT_EQ(inits, 1);
	EXPECT_TRUE(cc.ops == &test_ops);
}

TEST(cc_slow_start__stops_at_ssthresh)
{
	struct xtcp_cc cc = test_cc(10, 15);

	EXPECT_EQ(xtcp_cc_slow_start(&cc, 3), 0);
	EXPECT_EQ(cc.cwnd, 13);
	EXPECT_EQ(xtcp_cc_slow_start(&cc, 5), 3);
	EXPECT_EQ(cc.cwnd, 15);
	EXPECT_FALSE(xtcp_cc_in_slow_start(&cc));
	EXPECT_EQ(xtcp_cc_slow_start(&cc, 5), 5);
	EXPECT_EQ(cc.cwnd, 15);
	cc.ssthresh = 3;
	EXPECT_EQ(xtcp_cc_slow_start(&cc, 5), 5);
	EXPECT_EQ(cc.cwnd, 15);
}

TEST(cc_slow_start__clamp)
{
	struct xtcp_cc cc = test_cc(XTCP_CC_CWND_MAX - 2, XTCP_CC_SSTHRESH_INF);

	EXPECT_EQ(xtcp_cc_slow_start(&cc, 50), 0);
	EXPECT_EQ(cc.cwnd, XTCP_CC_CWND_MAX);
}

TEST(cc_additive_increase__one_per_window)
{
	struct xtcp_cc cc = test_cc(10, 5);

	xtcp_cc_additive_increase(&cc, 10, 9);
	EXPECT_EQ(cc.cwnd, 10);
	xtcp_cc_additive_increase(&cc, 10, 1);
	EXPECT_EQ(cc.cwnd, 11);
	EXPECT_EQ(cc.cwnd_cnt, 0);
	xtcp_cc_additive_increase(&cc, 10, 25);
	EXPECT_EQ(cc.cwnd, 13);
	EXPECT_EQ(cc.cwnd_cnt, 5);
}

TEST(cc_additive_increase__old_credit_is_worth_one)
{
	struct xtcp_cc cc = test_cc(10, 5);

	cc.cwnd_cnt = 90;
	xtcp_cc_additive_increase(&cc, 10, 1);
	EXPECT_EQ(cc.cwnd, 11);
	EXPECT_EQ(cc.cwnd_cnt, 1);
	cc.cwnd_cnt = 10;
	xtcp_cc_additive_increase(&cc, 10, 10);
	EXPECT_EQ(cc.cwnd, 13);
}

TEST(cc_additive_increase__clamp)
{
	struct xtcp_cc cc = test_cc(XTCP_CC_CWND_MAX - 1, 5);

	xtcp_cc_additive_increase(&cc, 1, 50);
	EXPECT_EQ(cc.cwnd, XTCP_CC_CWND_MAX);
}

TEST(cc_restart_idle__halves_per_rto)
{
	struct xtcp_cc cc = test_cc(100, 20);

	xtcp_cc_restart_idle(&cc, 2500, 1000);
	EXPECT_EQ(cc.cwnd, 25);
	EXPECT_EQ(cc.ssthresh, 75);
	cc = test_cc(100, 90);
	xtcp_cc_restart_idle(&cc, 1000, 1000);
	EXPECT_EQ(cc.cwnd, 100);
	EXPECT_EQ(cc.ssthresh, 90);
	xtcp_cc_restart_idle(&cc, 1001, 1000);
	EXPECT_EQ(cc.cwnd, 50);
}

TEST(cc_restart_idle__not_below_the_initial_window)
{
	struct xtcp_cc cc = test_cc(100, 20);

	xtcp_cc_restart_idle(&cc, U32_MAX, 1);
	EXPECT_EQ(cc.cwnd, 10);
	cc = test_cc(4, 20);
	xtcp_cc_restart_idle(&cc, U32_MAX, 200000);
	EXPECT_EQ(cc.cwnd, 4);
}

TEST(cc_restart_idle__tells_the_algorithm_first)
{
	struct xtcp_cc cc = test_cc(100, 20);

	cc.ops = &test_ops;
	restarts = 0;
	xtcp_cc_restart_idle(&cc, 5000, 1000);
	EXPECT_EQ(restarts, 1);
}

static void test_large_init(struct xtcp_cc *cc, u32 rnd)
{
	u32 *mem = cc->mem;

	mem[0] += rnd;
}

TEST(cc_switch__memory_of_its_own_is_zeroed_and_used)
{
	static const struct xtcp_cc_ops large = {
		.name = "large",
		.mem_size = 2 * sizeof(u32),
		.init = test_large_init,
	};
	struct xtcp_cc cc = test_cc(33, 44);
	u32 mem[3] = { 5, 6, 7 };

	EXPECT_TRUE(!xtcp_cc_mem(&cc));
	xtcp_cc_switch(&cc, &large, mem, 1);
	EXPECT_TRUE(xtcp_cc_mem(&cc) == mem);
	EXPECT_EQ(mem[0], 1);
	EXPECT_EQ(mem[1], 0);
	EXPECT_EQ(mem[2], 7);
	xtcp_cc_switch(&cc, &xtcp_cc_newreno, NULL, 1);
	EXPECT_TRUE(!xtcp_cc_mem(&cc));
	EXPECT_EQ(cc.cwnd, 33);
}

static void test_control(struct xtcp_cc *cc, const struct xtcp_cc_ack *a)
{
	(void)a;
	cc->cwnd = 1;
}

TEST(cc_restart_idle__and_app_limited_leave_a_model_alone)
{
	static const struct xtcp_cc_ops ops = { .name = "model", .cong_control = test_control };
	struct xtcp_cc cc = test_cc(100, 20);

	cc.ops = &ops;
	xtcp_cc_restart_idle(&cc, 5000, 1000);
	xtcp_cc_app_limited(&cc, 10);
	EXPECT_EQ(cc.cwnd, 100);
	EXPECT_EQ(cc.ssthresh, 20);
}

TEST(cc_app_limited__decays_half_way)
{
	struct xtcp_cc cc = test_cc(100, 20);

	xtcp_cc_app_limited(&cc, 40);
	EXPECT_EQ(cc.cwnd, 70);
	EXPECT_EQ(cc.ssthresh, 75);
	cc = test_cc(100, 20);
	xtcp_cc_app_limited(&cc, 0);
	EXPECT_EQ(cc.cwnd, 55);
}

TEST(cc_app_limited__only_when_open_and_unused)
{
	struct xtcp_cc cc = test_cc(100, 20);

	xtcp_cc_app_limited(&cc, 100);
	EXPECT_EQ(cc.cwnd, 100);
	EXPECT_EQ(cc.ssthresh, 20);
	cc.state = XTCP_CA_RECOVERY;
	xtcp_cc_app_limited(&cc, 50);
	EXPECT_EQ(cc.cwnd, 100);
}

TEST(newreno_ssthresh__half_but_two)
{
	struct xtcp_cc cc = test_cc(31, 100);

	EXPECT_EQ(cc.ops->ssthresh(&cc), 15);
	cc.cwnd = 5;
	EXPECT_EQ(cc.ops->ssthresh(&cc), 2);
	cc.cwnd = 1;
	EXPECT_EQ(cc.ops->ssthresh(&cc), 2);
}

TEST(newreno_cong_avoid__doubles_then_adds)
{
	struct xtcp_cc cc = test_cc(10, 40);
	u32 rounds;

	test_ack(&cc, 10, true);
	EXPECT_EQ(cc.cwnd, 20);
	test_ack(&cc, 20, true);
	EXPECT_EQ(cc.cwnd, 40);
	for (rounds = 0; rounds < 5; rounds++)
		test_ack(&cc, cc.cwnd, true);
	EXPECT_EQ(cc.cwnd, 45);
}

/* An ACK across ssthresh spends in slow start what fits there, the rest beyond. */
TEST(newreno_cong_avoid__crosses_ssthresh)
{
	struct xtcp_cc cc = test_cc(10, 12);

	test_ack(&cc, 10, true);
	EXPECT_EQ(cc.cwnd, 12);
	EXPECT_EQ(cc.cwnd_cnt, 8);
	test_ack(&cc, 4, true);
	EXPECT_EQ(cc.cwnd, 13);
}

TEST(newreno_cong_avoid__not_when_the_window_was_not_full)
{
	struct xtcp_cc cc = test_cc(10, 40);

	test_ack(&cc, 10, false);
	EXPECT_EQ(cc.cwnd, 10);
}

/* RFC 3465, threat 16: ACKs of no whole segment earn nothing. */
TEST(newreno_cong_avoid__ack_division)
{
	struct xtcp_cc cc = test_cc(10, 40);
	u32 i;

	for (i = 0; i < 1000; i++)
		test_ack(&cc, 0, true);
	EXPECT_EQ(cc.cwnd, 10);
	EXPECT_EQ(cc.cwnd_cnt, 0);
}

TEST(newreno_undo_cwnd__returns)
{
	struct xtcp_cc cc = test_cc(5, 5);

	cc.prior_cwnd = 20;
	EXPECT_EQ(cc.ops->undo_cwnd(&cc), 20);
	cc.cwnd = 30;
	EXPECT_EQ(cc.ops->undo_cwnd(&cc), 30);
}

// SPDX-License-Identifier: GPL-2.0-only
/* module/core/frto.c: by hand, and over a link that stalls. */
#include <xtcp/frto.h>

#include "sim/sim.h"
#include "tap.h"

static struct xtcp_frto test_frto(void)
{
	struct xtcp_frto f;

	memset(&f, 0xee, sizeof(f));
	xtcp_frto_begin(&f, 100);
	return f;
}

TEST(frto_ack__off_means_nothing)
{
	struct xtcp_frto f = { 0 };
	struct xtcp_frto_ack a = { .advanced = true, .original = true, .can_send = true };

	EXPECT_FALSE(xtcp_frto_counts(&f, 0));
	EXPECT_EQ(xtcp_frto_ack(&f, &a), XTCP_FRTO_RESEND);
}

TEST(frto_counts__up_to_what_was_sent)
{
	struct xtcp_frto f = test_frto();

	EXPECT_TRUE(xtcp_frto_counts(&f, 100));
	EXPECT_TRUE(xtcp_frto_counts(&f, 0xfffffff0));
	EXPECT_FALSE(xtcp_frto_counts(&f, 101));
}

/* Steps 2b and 3b: new data, then an ACK of what was never sent again. */
TEST(frto_ack__spurious)
{
	struct xtcp_frto f = test_frto();
	struct xtcp_frto_ack a = { .snd_una = 20, .advanced = true, .can_send = true };

	EXPECT_EQ(xtcp_frto_ack(&f, &a), XTCP_FRTO_SEND_NEW);
	a = (struct xtcp_frto_ack){ .snd_una = 40, .advanced = true, .original = true };
	EXPECT_EQ(xtcp_frto_ack(&f, &a), XTCP_FRTO_SPURIOUS);
	EXPECT_EQ(xtcp_frto_ack(&f, &a), XTCP_FRTO_RESEND);
}

TEST(frto_ack__spurious_at_once)
{
	struct xtcp_frto f = test_frto();
	struct xtcp_frto_ack a = { .snd_una = 40, .advanced = true, .original = true };

	EXPECT_EQ(xtcp_frto_ack(&f, &a), XTCP_FRTO_SPURIOUS);
}

/* Step 2a and 3a: a duplicate is a loss, before the new data or after it. */
TEST(frto_ack__loss)
{
	struct xtcp_frto f = test_frto();
	struct xtcp_frto_ack first = { .snd_una = 20, .advanced = true, .can_send = true };
	struct xtcp_frto_ack dup = { .snd_una = 20, .duplicate = true, .can_send = true };
	struct xtcp_frto_ack orig = { .snd_una = 40, .advanced = true, .original = true };

	EXPECT_EQ(xtcp_frto_ack(&f, &dup), XTCP_FRTO_RESEND);
	EXPECT_EQ(xtcp_frto_ack(&f, &orig), XTCP_FRTO_RESEND);
	f = test_frto();
	EXPECT_EQ(xtcp_frto_ack(&f, &first), XTCP_FRTO_SEND_NEW);
	EXPECT_EQ(xtcp_frto_ack(&f, &dup), XTCP_FRTO_RESEND);
	EXPECT_EQ(xtcp_frto_ack(&f, &orig), XTCP_FRTO_RESEND);
}

TEST(frto_ack__all_acknowledged_or_nothing_to_send)
{
	struct xtcp_frto f = test_frto();
	struct xtcp_frto_ack a = { .snd_una = 100, .advanced = true, .can_send = true };

	EXPECT_EQ(xtcp_frto_ack(&f, &a), XTCP_FRTO_RESEND);
	EXPECT_EQ(f.phase, XTCP_FRTO_OFF);
	f = test_frto();
	a = (struct xtcp_frto_ack){ .snd_una = 20, .advanced = true };
	EXPECT_EQ(xtcp_frto_ack(&f, &a), XTCP_FRTO_RESEND);
	EXPECT_EQ(f.phase, XTCP_FRTO_OFF);
}

/* A window update, an old ACK: still waiting. A second partial ACK: new data goes once. */
TEST(frto_ack__waits)
{
	struct xtcp_frto f = test_frto();
	struct xtcp_frto_ack a = { .snd_una = 10, .can_send = true };

	EXPECT_EQ(xtcp_frto_ack(&f, &a), XTCP_FRTO_RESEND);
	EXPECT_EQ(f.phase, XTCP_FRTO_FIRST);
	a.advanced = true;
	EXPECT_EQ(xtcp_frto_ack(&f, &a), XTCP_FRTO_SEND_NEW);
	EXPECT_EQ(xtcp_frto_ack(&f, &a), XTCP_FRTO_RESEND);
	EXPECT_EQ(f.phase, XTCP_FRTO_NEW);
}

/* A link that stalls for 600 ms: timeouts, but one segment each goes again. */
TEST(frto_sim__a_stall_costs_one_segment)
{
	static const struct sim_path path = { .mbit = 20, .rtt_us = 40000, .buffer = 4000,
					      .stall_us = 600000 };
	struct sim *s = sim_new(&path, 3);

	sim_add(s, &xtcp_cc_newreno, 0);
	sim_run(s, 12000000);
	EXPECT_GE(s->flow[0]->rtos, 1);
	EXPECT_EQ(s->flow[0]->undos, s->flow[0]->frtos);
	EXPECT_GE(s->flow[0]->frtos, 1);
	EXPECT_LE(s->flow[0]->resent, s->dropped + 3 * (s->flow[0]->rtos + s->flow[0]->tlps));
	sim_free(s);
}

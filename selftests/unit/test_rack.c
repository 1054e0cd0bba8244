// SPDX-License-Identifier: GPL-2.0-only
/* module/core/rack.c */
#include <xtcp/rack.h>

#include "tap.h"

static struct xtcp_rack test_rack(void)
{
	struct xtcp_rack r;

	memset(&r, 0xee, sizeof(r));
	xtcp_rack_init(&r, 1000);
	return r;
}

TEST(rack_sent_after__time_then_sequence)
{
	EXPECT_TRUE(xtcp_rack_sent_after(2, 5, 1, 9, 2));
	EXPECT_FALSE(xtcp_rack_sent_after(1, 9, 2, 5, 2));
	EXPECT_TRUE(xtcp_rack_sent_after(2, 9, 2, 5, 2));
	EXPECT_FALSE(xtcp_rack_sent_after(2, 5, 2, 5, 2));
	EXPECT_TRUE(xtcp_rack_sent_after(2, 5, 2, 0xfffffff0, 2));
	/* the clock wraps between; one of them is more than half a turn old */
	EXPECT_TRUE(xtcp_rack_sent_after(2, 5, 0xfffffff0, 9, 2));
	EXPECT_FALSE(xtcp_rack_sent_after(0xfffffff0, 9, 2, 5, 2));
	EXPECT_TRUE(xtcp_rack_sent_after(0x90000010, 5, 0x20, 9, 0x90000010));
	EXPECT_FALSE(xtcp_rack_sent_after(0x20, 9, 0x90000010, 5, 0x90000010));
}

TEST(rack_init__nothing_is_late)
{
	struct xtcp_rack r = test_rack();

	EXPECT_EQ(r.fack, 1000);
	EXPECT_EQ(r.reo_wnd_mult, 1);
	EXPECT_FALSE(r.reordering_seen);
	EXPECT_EQ(xtcp_rack_remaining(&r, 5, 1100, 1000000, 0), XTCP_RACK_NOT_YET);
	xtcp_rack_init(&r, 0xf0000000);
	EXPECT_EQ(xtcp_rack_remaining(&r, 0, 0xf0000001, 1000000, 0), XTCP_RACK_NOT_YET);
}

TEST(rack_delivered__keeps_the_latest_transmission)
{
	struct xtcp_rack r = test_rack();

	xtcp_rack_delivered(&r, 500, 1200, false, false, 800, 100);
	EXPECT_EQ(r.xmit_us, 500);
	EXPECT_EQ(r.end_seq, 1200);
	EXPECT_EQ(r.rtt_us, 300);
	xtcp_rack_delivered(&r, 400, 1100, false, false, 900, 100);
	EXPECT_EQ(r.xmit_us, 500);
	EXPECT_EQ(r.end_seq, 1200);
	EXPECT_EQ(r.rtt_us, 500);
	xtcp_rack_delivered(&r, 500, 1300, false, false, 900, 100);
	EXPECT_EQ(r.end_seq, 1300);
}

TEST(rack_delivered__answer_to_an_earlier_transmission)
{
	struct xtcp_rack r = test_rack();

	xtcp_rack_delivered(&r, 500, 1200, false, false, 800, 100);
	xtcp_rack_delivered(&r, 900, 1100, true, true, 1200, 100);
	EXPECT_EQ(r.xmit_us, 500);
	EXPECT_EQ(r.rtt_us, 300);
	xtcp_rack_delivered(&r, 900, 1100, true, false, 999, 100);
	EXPECT_EQ(r.xmit_us, 500);
	xtcp_rack_delivered(&r, 900, 1100, true, false, 1000, 100);
	EXPECT_EQ(r.xmit_us, 900);
	EXPECT_EQ(r.rtt_us, 100);
	/* what was sent once has no earlier transmission */
	xtcp_rack_delivered(&r, 950, 1300, false, true, 960, 100);
	EXPECT_EQ(r.xmit_us, 950);
	EXPECT_EQ(r.rtt_us, 10);
}

TEST(rack_delivered__reordering)
{
	struct xtcp_rack r = test_rack();

	xtcp_rack_delivered(&r, 500, 1200, false, false, 800, 100);
	EXPECT_EQ(r.fack, 1200);
	xtcp_rack_delivered(&r, 500, 1100, true, false, 800, 100);
	EXPECT_FALSE(r.reordering_seen);
	xtcp_rack_delivered(&r, 500, 1200, false, false, 800, 100);
	EXPECT_FALSE(r.reordering_seen);
	EXPECT_EQ(r.fack, 1200);
	xtcp_rack_delivered(&r, 500, 1100, false, false, 800, 100);
	EXPECT_TRUE(r.reordering_seen);
	EXPECT_EQ(r.fack, 1200);
}

/* An hour of silence: by its 32 bits what was delivered before it would be the latest. */
TEST(rack_restart__what_was_before_is_the_earliest)
{
	struct xtcp_rack r = test_rack();

	xtcp_rack_delivered(&r, 500000, 1200, false, false, 501000, 100);
	EXPECT_EQ(xtcp_rack_remaining(&r, 499000, 1300, 502000, 0), 0);
	xtcp_rack_restart(&r, 1200, true, 499000);
	EXPECT_EQ(xtcp_rack_remaining(&r, 499000, 1300, 502000, 0), XTCP_RACK_NOT_YET);
	EXPECT_EQ(xtcp_rack_remaining(&r, 499001, 1201, 502000, 0), XTCP_RACK_NOT_YET);
	xtcp_rack_delivered(&r, 499000, 1300, false, false, 502000, 100);
	EXPECT_EQ(r.xmit_us, 499000);
	EXPECT_EQ(r.end_seq, 1300);
}

/* Timeouts for an hour, then it shows that the first was spurious: what was lost is in flight. */
TEST(rack_restart__what_is_lost_may_come_back)
{
	struct xtcp_rack r = test_rack();

	xtcp_rack_restart(&r, 1000, true, 1000);
	xtcp_rack_delivered(&r, 1000, 1100, false, false, 1500, 100);
	xtcp_rack_restart(&r, 1100, false, 0x80000300);
	EXPECT_EQ(r.xmit_us, 1000);
	EXPECT_EQ(xtcp_rack_remaining(&r, 2000, 1200, 0x80000300, 0), XTCP_RACK_NOT_YET);
	xtcp_rack_restart(&r, 1100, false, 0xc0000000);
	EXPECT_EQ(r.xmit_us, 0x40000001);
	EXPECT_EQ(r.end_seq, 1100);
	xtcp_rack_restart(&r, 1100, false, 0x10000000);
	EXPECT_EQ(r.xmit_us, 0x90000001);
	EXPECT_EQ(xtcp_rack_remaining(&r, 0x10000000, 1200, 0x10000100, 0), XTCP_RACK_NOT_YET);
}

TEST(rack__the_clock_wraps)
{
	struct xtcp_rack r = test_rack();

	xtcp_rack_restart(&r, 1000, true, 0xffffff00);
	xtcp_rack_delivered(&r, 0xfffffff0, 1200, false, false, 0x310, 100);
	EXPECT_EQ(r.rtt_us, 0x320);
	EXPECT_EQ(xtcp_rack_remaining(&r, 0xffffff80, 1100, 0x280, 0), 0x20);
	EXPECT_EQ(xtcp_rack_remaining(&r, 0xffffff80, 1100, 0x2a0, 0), 0);
	EXPECT_EQ(xtcp_rack_remaining(&r, 5, 1100, 0x310, 0), XTCP_RACK_NOT_YET);
	EXPECT_EQ(xtcp_rack_wait(&r, 0x300, 0), 0x10);
}

TEST(rack_ack__dsack_widens_once_a_round_trip)
{
	struct xtcp_rack r = test_rack();

	xtcp_rack_ack(&r, 1000, 2000, false);
	EXPECT_EQ(r.reo_wnd_mult, 1);
	EXPECT_FALSE(r.reordering_seen);
	xtcp_rack_ack(&r, 1000, 2000, true);
	EXPECT_EQ(r.reo_wnd_mult, 2);
	EXPECT_TRUE(r.reordering_seen);
	xtcp_rack_ack(&r, 1999, 2500, true);
	EXPECT_EQ(r.reo_wnd_mult, 2);
	xtcp_rack_ack(&r, 2000, 3000, true);
	EXPECT_EQ(r.reo_wnd_mult, 3);
	xtcp_rack_ack(&r, 2999, 3000, true);
	EXPECT_EQ(r.reo_wnd_mult, 3);
	xtcp_rack_ack(&r, 3000, 3000, false);
	xtcp_rack_ack(&r, 3000, 3500, true);
	EXPECT_EQ(r.reo_wnd_mult, 4);
}

TEST(rack_ack__does_not_wrap)
{
	struct xtcp_rack r = test_rack();
	u32 i;

	for (i = 0; i < 300; i++)
		xtcp_rack_ack(&r, 1000 + i, 1000 + i + 1, true);
	EXPECT_EQ(r.reo_wnd_mult, 255);
}

TEST(rack_recovered__sixteen_recoveries)
{
	struct xtcp_rack r = test_rack();
	u32 i;

	xtcp_rack_recovered(&r);
	EXPECT_EQ(r.reo_wnd_mult, 1);
	xtcp_rack_ack(&r, 1000, 2000, true);
	for (i = 0; i < 15; i++)
		xtcp_rack_recovered(&r);
	EXPECT_EQ(r.reo_wnd_mult, 2);
	xtcp_rack_recovered(&r);
	EXPECT_EQ(r.reo_wnd_mult, 1);
}

TEST(rack_reo_wnd__quarter_of_min_rtt_up_to_srtt)
{
	struct xtcp_rack r = test_rack();

	EXPECT_EQ(xtcp_rack_reo_wnd(&r, 400, 900, 0, false), 100);
	r.reo_wnd_mult = 8;
	EXPECT_EQ(xtcp_rack_reo_wnd(&r, 400, 900, 0, false), 800);
	r.reo_wnd_mult = 255;
	EXPECT_EQ(xtcp_rack_reo_wnd(&r, 400, 900, 0, false), 900);
	EXPECT_EQ(xtcp_rack_reo_wnd(&r, U32_MAX, 900, 0, false), 900);
}

/* What reordering took, and a quarter; of segments sent once; forgotten by eighths. */
TEST(rack_reo_wnd__as_late_as_seen)
{
	struct xtcp_rack r = test_rack();

	xtcp_rack_delivered(&r, 5000, 1200, false, false, 5400, 400);
	xtcp_rack_delivered(&r, 4000, 1100, true, false, 5400, 400);
	EXPECT_EQ(r.late_us, 0);
	xtcp_rack_delivered(&r, 5000, 1200, false, false, 5400, 400);
	xtcp_rack_delivered(&r, 4600, 1110, false, false, 5400, 400);
	EXPECT_EQ(r.late_us, 400);
	EXPECT_EQ(xtcp_rack_reo_wnd(&r, 400, 900, 9, true), 500);
	EXPECT_EQ(xtcp_rack_reo_wnd(&r, 400, 900, 9, true), 500);
	/* not beyond two round trips from sending */
	r.late_us = 4000000000U;
	r.rtt_us = 100;
	EXPECT_EQ(xtcp_rack_reo_wnd(&r, 400, 900, 9, true), 1700);
	r.rtt_us = 5000;
	EXPECT_EQ(xtcp_rack_reo_wnd(&r, 400, 900, 9, true), 900);
	r.late_us = 16;
	xtcp_rack_recovered(&r);
	EXPECT_EQ(r.late_us, 14);
	r.late_us = 1;
	xtcp_rack_recovered(&r);
	EXPECT_EQ(r.late_us, 0);
	xtcp_rack_recovered(&r);
	EXPECT_EQ(r.late_us, 0);
}

/* A segment that came in time after all tells no more than that there is reordering. */
TEST(rack_delivered__reordered_but_not_late)
{
	struct xtcp_rack r = test_rack();

	xtcp_rack_delivered(&r, 5000, 1200, false, false, 5400, 400);
	xtcp_rack_delivered(&r, 5100, 1100, false, false, 5400, 400);
	EXPECT_TRUE(r.reordering_seen);
	EXPECT_EQ(r.late_us, 0);
}

TEST(rack_reo_wnd__zero_without_reordering)
{
	struct xtcp_rack r = test_rack();

	EXPECT_EQ(xtcp_rack_reo_wnd(&r, 400, 900, 2, false), 100);
	EXPECT_EQ(xtcp_rack_reo_wnd(&r, 400, 900, 3, false), 0);
	EXPECT_EQ(xtcp_rack_reo_wnd(&r, 400, 900, 0, true), 0);
	r.reordering_seen = true;
	EXPECT_EQ(xtcp_rack_reo_wnd(&r, 400, 900, 3, false), 100);
	EXPECT_EQ(xtcp_rack_reo_wnd(&r, 400, 900, 3, true), 100);
}

TEST(rack_remaining__lost_late_or_not_yet)
{
	struct xtcp_rack r = test_rack();

	xtcp_rack_delivered(&r, 5000, 1200, false, false, 6000, 100);
	/* sent before the delivered one; lost at 4900 + 1000 + 250 */
	EXPECT_EQ(xtcp_rack_remaining(&r, 4900, 1100, 6000, 250), 150);
	EXPECT_EQ(xtcp_rack_remaining(&r, 4900, 1100, 6149, 250), 1);
	EXPECT_EQ(xtcp_rack_remaining(&r, 4900, 1100, 6150, 250), 0);
	EXPECT_EQ(xtcp_rack_remaining(&r, 4900, 1100, 9999, 0), 0);
	/* the same burst, by sequence number */
	EXPECT_EQ(xtcp_rack_remaining(&r, 5000, 1100, 6000, 0), 0);
	EXPECT_EQ(xtcp_rack_remaining(&r, 5000, 1300, 9999, 0), XTCP_RACK_NOT_YET);
	EXPECT_EQ(xtcp_rack_remaining(&r, 5001, 1100, 9999, 0), XTCP_RACK_NOT_YET);
	r.rtt_us = U32_MAX;
	EXPECT_EQ(xtcp_rack_remaining(&r, 4900, 1100, 5000, U32_MAX), XTCP_RACK_NOT_YET - 1);
}

/* Of one burst, what was sent behind the segment that gave the RTT has a moment more. */
TEST(rack_remaining__behind_the_one_that_came)
{
	struct xtcp_rack r = test_rack();

	xtcp_rack_delivered(&r, 5000, 1100, true, false, 6000, 100);
	xtcp_rack_delivered(&r, 4000, 1400, false, false, 6000, 100);
	EXPECT_EQ(xtcp_rack_remaining(&r, 4000, 1300, 6000, 0), 0);
	EXPECT_EQ(xtcp_rack_remaining(&r, 4000, 1500, 6000, 0), 1);
	EXPECT_EQ(xtcp_rack_remaining(&r, 4000, 1500, 6001, 0), 0);
}

TEST(rack_wait__no_deadline_is_later)
{
	struct xtcp_rack r = test_rack();

	xtcp_rack_delivered(&r, 5000, 1200, false, false, 5400, 400);
	EXPECT_EQ(xtcp_rack_wait(&r, 5400, 100), 100);
	EXPECT_EQ(xtcp_rack_wait(&r, 5450, 100), 50);
	EXPECT_GE(xtcp_rack_wait(&r, 5420, 100), xtcp_rack_remaining(&r, 4990, 1100, 5420, 100));
	EXPECT_EQ(xtcp_rack_wait(&r, 5500, 100), 1);
	EXPECT_EQ(xtcp_rack_wait(&r, 9000, 100), 1);
	EXPECT_EQ(xtcp_rack_wait(&r, 5000, U32_MAX), 400U + (XTCP_RACK_NOT_YET - 401U));
}

TEST(rack_pto__two_rtt)
{
	EXPECT_EQ(xtcp_rack_pto(50000, 2, 200000, 900000), 100000);
	EXPECT_EQ(xtcp_rack_pto(50000, 1, 200000, 900000), 300000);
	EXPECT_EQ(xtcp_rack_pto(50000, 1, 200000, 290000), 290000);
	EXPECT_EQ(xtcp_rack_pto(0, 1, 200000, 3000000), 1000000);
	EXPECT_EQ(xtcp_rack_pto(0xc0000000, 2, 0, U32_MAX), U32_MAX);
}

static bool test_tlp(bool is_retrans, u32 ack, bool dsack, bool dupack, bool *active)
{
	struct xtcp_rack_tlp t = { 2000, true, is_retrans };
	bool repaired = xtcp_rack_tlp_ack(&t, ack, dsack, dupack);

	*active = t.active;
	return repaired;
}

TEST(rack_tlp_ack__table)
{
	static const struct {
		bool is_retrans, dsack, dupack;
		u32 ack;
		bool repaired, active;
	} rows[] = {
		{ true, false, false, 1999, false, true },
		{ true, true, true, 1999, false, true },
		{ false, false, false, 2000, false, false },
		{ false, false, false, 2001, false, false },
		{ true, true, false, 2000, false, false }, /* the original arrived too */
		{ true, true, false, 2001, false, false },
		{ true, false, false, 2000, false, true }, /* one of the two arrived */
		{ true, false, true, 2000, false, false }, /* both did, no SACK */
		{ true, false, false, 2001, true, false }, /* the probe repaired a loss */
		{ true, false, true, 2001, true, false },
	};
	bool active;
	u32 i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		EXPECT_EQ(test_tlp(rows[i].is_retrans, rows[i].ack, rows[i].dsack, rows[i].dupack,
				   &active), rows[i].repaired);
		EXPECT_EQ(active, rows[i].active);
	}
}

TEST(rack_tlp_ack__without_a_probe)
{
	struct xtcp_rack_tlp t = { 2000, false, true };

	EXPECT_FALSE(xtcp_rack_tlp_ack(&t, 3000, false, false));
	EXPECT_FALSE(t.active);
}

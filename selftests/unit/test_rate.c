// SPDX-License-Identifier: GPL-2.0-only
/* module/core/rate.c */
#include <xtcp/rate.h>

#include "tap.h"

static struct xtcp_cc_ack test_finish(struct xtcp_rate *r, const struct xtcp_rate_sample *rs,
				      u32 min_rtt_us)
{
	struct xtcp_cc_ack a;

	memset(&a, 0xee, sizeof(a));
	xtcp_rate_finish(r, rs, min_rtt_us, &a);
	return a;
}

TEST(rate_sent__snapshot)
{
	struct xtcp_rate r = { .delivered = 7, .lost = 3, .delivered_us = 100,
			       .first_sent_us = 90 };
	struct xtcp_rate_tx tx;

	xtcp_rate_sent(&r, &tx, 10, 2, 500);
	EXPECT_EQ(tx.delivered, 7);
	EXPECT_EQ(tx.lost, 3);
	EXPECT_EQ(tx.delivered_us, 100);
	EXPECT_EQ(tx.first_sent_us, 90);
	EXPECT_EQ(tx.in_flight, 12);
	EXPECT_EQ(tx.app_limited, 0);
}

TEST(rate_sent__nothing_in_flight_starts_the_clock)
{
	struct xtcp_rate r = { .delivered_us = 100, .first_sent_us = 90, .app_limited = 1 };
	struct xtcp_rate_tx tx;

	xtcp_rate_sent(&r, &tx, 0, 1, 500);
	EXPECT_EQ(tx.delivered_us, 500);
	EXPECT_EQ(tx.first_sent_us, 500);
	EXPECT_EQ(tx.in_flight, 1);
	EXPECT_EQ(tx.app_limited, 1);
}

/* Ten segments, one per 1000 us from 0 on, RTT 20000 us: each ACK one segment. */
TEST(rate_finish__steady_flow)
{
	struct xtcp_rate r = { 0 };
	struct xtcp_rate_tx tx[10];
	struct xtcp_rate_sample rs;
	struct xtcp_cc_ack a;
	u32 i, t0 = 0xffffff00; /* wraps on the way */

	for (i = 0; i < 10; i++)
		xtcp_rate_sent(&r, &tx[i], i, 1, t0 + i * 1000);
	for (i = 0; i < 10; i++) {
		memset(&rs, 0, sizeof(rs));
		xtcp_rate_delivered(&r, &rs, &tx[i], 1, t0 + i * 1000, i + 1,
				    t0 + 20000 + i * 1000);
		a = test_finish(&r, &rs, 20000);
		EXPECT_EQ(a.delivered, i + 1);
		EXPECT_EQ(a.prior_delivered, 0);
		EXPECT_EQ(a.rs_delivered, i + 1);
		EXPECT_EQ(a.interval_us, 20000 + i * 1000);
		EXPECT_EQ(a.tx_in_flight, i + 1);
		EXPECT_EQ(a.rs_lost, 0);
		EXPECT_FALSE(a.rs_app_limited);
	}
	EXPECT_EQ(r.first_sent_us, t0 + 9000);
	/* the next flight: from the last delivery to its own */
	xtcp_rate_sent(&r, &tx[0], 1, 1, t0 + 30000);
	memset(&rs, 0, sizeof(rs));
	xtcp_rate_delivered(&r, &rs, &tx[0], 1, t0 + 30000, 11, t0 + 50000);
	a = test_finish(&r, &rs, 20000);
	EXPECT_EQ(a.rs_delivered, 1);
	EXPECT_EQ(a.prior_delivered, 10);
	EXPECT_EQ(a.interval_us, 21000);
}

TEST(rate_finish__not_faster_than_sent)
{
	struct xtcp_rate r = { 0 };
	struct xtcp_rate_tx a_tx, b_tx;
	struct xtcp_rate_sample rs = { .valid = false };
	struct xtcp_cc_ack a;

	xtcp_rate_sent(&r, &a_tx, 0, 1, 0);
	xtcp_rate_sent(&r, &b_tx, 1, 1, 50000);
	xtcp_rate_delivered(&r, &rs, &a_tx, 1, 0, 1, 40000);
	test_finish(&r, &rs, 100);
	memset(&rs, 0, sizeof(rs));
	b_tx.delivered_us = 40000;
	xtcp_rate_delivered(&r, &rs, &b_tx, 1, 50000, 2, 60000);
	a = test_finish(&r, &rs, 100);
	EXPECT_EQ(a.interval_us, 50000);
}

TEST(rate_delivered__newest_segment_counts)
{
	struct xtcp_rate r = { 0 };
	struct xtcp_rate_tx old = { .in_flight = 1 }, new = { .in_flight = 2 };
	struct xtcp_rate_sample rs = { .valid = false };

	xtcp_rate_delivered(&r, &rs, &new, 3, 0xfffffff0, 10, 7);
	xtcp_rate_delivered(&r, &rs, &old, 2, 0xffffffe0, 20, 8);
	EXPECT_EQ(rs.tx.in_flight, 2);
	EXPECT_EQ(r.delivered, 5);
	EXPECT_EQ(r.delivered_us, 8);
	xtcp_rate_delivered(&r, &rs, &old, 1, 0xfffffff0, 9, 8);
	EXPECT_EQ(rs.tx.in_flight, 2);
	xtcp_rate_delivered(&r, &rs, &old, 1, 0xfffffff0, 10, 8);
	EXPECT_EQ(rs.tx.in_flight, 2);
	xtcp_rate_delivered(&r, &rs, &old, 1, 0xfffffff0, 11, 8);
	EXPECT_EQ(rs.tx.in_flight, 1);
	EXPECT_EQ(rs.end_seq, 11);
	xtcp_rate_delivered(&r, &rs, &new, 1, 5, 3, 8);
	EXPECT_EQ(rs.tx.in_flight, 2);
	EXPECT_EQ(rs.sent_us, 5);
}

TEST(rate_finish__shorter_than_the_minimum_rtt)
{
	struct xtcp_rate r = { .delivered = 9, .delivered_us = 1000 };
	struct xtcp_rate_sample rs = { .valid = true, .tx = { .delivered = 4, .delivered_us = 1 } };
	struct xtcp_cc_ack a = test_finish(&r, &rs, 1000);

	EXPECT_EQ(a.interval_us, 0);
	EXPECT_EQ(a.rs_delivered, 5);
	EXPECT_EQ(test_finish(&r, &rs, 999).interval_us, 999);
	EXPECT_EQ(test_finish(&r, &rs, U32_MAX).interval_us, 999);
}

TEST(rate_finish__nothing_delivered)
{
	struct xtcp_rate r = { .delivered = 9 };
	struct xtcp_rate_sample rs = { .valid = false };
	struct xtcp_cc_ack a = test_finish(&r, &rs, 1000);

	EXPECT_EQ(a.interval_us, 0);
	EXPECT_EQ(a.delivered, 9);
}

TEST(rate_idle__until_what_is_in_flight_is_delivered)
{
	struct xtcp_rate r = { .delivered = 100 };
	struct xtcp_rate_sample rs = { .valid = false };
	struct xtcp_rate_tx tx;

	xtcp_rate_idle(&r, 5);
	xtcp_rate_sent(&r, &tx, 5, 1, 0);
	EXPECT_EQ(tx.app_limited, 1);
	r.delivered = 105;
	test_finish(&r, &rs, 0);
	EXPECT_EQ(r.app_limited, 105);
	xtcp_rate_delivered(&r, &rs, &tx, 1, 0, 1, 1);
	EXPECT_TRUE(test_finish(&r, &rs, 0).rs_app_limited);
	EXPECT_EQ(r.app_limited, 0);
	r.delivered = 0;
	xtcp_rate_idle(&r, 0);
	EXPECT_EQ(r.app_limited, 1);
}

TEST(rate_idle__where_the_count_wraps)
{
	struct xtcp_rate r = { .delivered = U32_MAX - 2 };
	struct xtcp_rate_sample rs = { .valid = false };

	xtcp_rate_idle(&r, 5);
	EXPECT_EQ(r.app_limited, 2);
	test_finish(&r, &rs, 0);
	EXPECT_EQ(r.app_limited, 2);
	r.delivered += 6;
	test_finish(&r, &rs, 0);
	EXPECT_EQ(r.app_limited, 0);
}

TEST(rate_lost__since_it_was_sent)
{
	struct xtcp_rate r = { .delivered = 50, .lost = U32_MAX };
	struct xtcp_rate_sample rs = { .valid = true };
	struct xtcp_cc_lost l;
	struct xtcp_rate_tx tx;

	xtcp_rate_sent(&r, &tx, 20, 2, 0);
	rs.tx = tx;
	xtcp_rate_lost(&r, &tx, 2, &l);
	xtcp_rate_lost(&r, &tx, 2, &l);
	EXPECT_EQ(l.lost, 4);
	EXPECT_EQ(l.delivered, 50);
	EXPECT_EQ(l.tx_in_flight, 22);
	EXPECT_EQ(l.segs, 2);
	EXPECT_FALSE(l.app_limited);
	EXPECT_EQ(r.lost, 3);
	EXPECT_EQ(test_finish(&r, &rs, 0).rs_lost, 4);
}

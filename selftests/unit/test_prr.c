// SPDX-License-Identifier: GPL-2.0-only
/* module/core/prr.c */
#include <xtcp/prr.h>

#include "tap.h"

TEST(prr_begin__clears)
{
	struct xtcp_prr p = { 7, 8, 9 };

	xtcp_prr_begin(&p, 20);
	EXPECT_EQ(p.recover_fs, 20);
	EXPECT_EQ(p.delivered, 0);
	EXPECT_EQ(p.out, 0);
	xtcp_prr_begin(&p, 0);
	EXPECT_EQ(p.recover_fs, 1);
}

TEST(prr_sndcnt__first_retransmission_always)
{
	struct xtcp_prr p;

	xtcp_prr_begin(&p, 100);
	EXPECT_EQ(xtcp_prr_sndcnt(&p, 50, 99, 0, false), 1);
	p.out = 1;
	EXPECT_EQ(xtcp_prr_sndcnt(&p, 50, 99, 0, false), 0);
}

/* RFC 6937 3.1: 20 in flight, 1 lost, ssthresh 10: one out for two delivered, 10 in the end. */
TEST(prr_sndcnt__proportional)
{
	struct xtcp_prr p;
	u32 flight = 19, n, i, sent = 0;

	xtcp_prr_begin(&p, 20);
	for (i = 0; i < 18; i++) {
		flight--;
		n = xtcp_prr_sndcnt(&p, 10, flight, 1, false);
		EXPECT_LE(n, 1);
		p.out += n;
		flight += n;
		sent += n;
	}
	EXPECT_GE(flight, 10);
	EXPECT_LE(flight, 11);
	EXPECT_GE(sent, 9);
	EXPECT_LE(sent, 10);
}

TEST(prr_sndcnt__proportion_is_rounded_up)
{
	struct xtcp_prr p;

	xtcp_prr_begin(&p, 20);
	p.out = 1;
	EXPECT_EQ(xtcp_prr_sndcnt(&p, 10, 15, 2, false), 0);
	EXPECT_EQ(xtcp_prr_sndcnt(&p, 10, 15, 1, false), 1);
	p.out = 50;
	EXPECT_EQ(xtcp_prr_sndcnt(&p, 10, 15, 1, false), 0);
}

/* Heavy loss: as many as were delivered, one more when recovery makes progress. */
TEST(prr_sndcnt__below_ssthresh)
{
	struct xtcp_prr p;

	xtcp_prr_begin(&p, 100);
	EXPECT_EQ(xtcp_prr_sndcnt(&p, 50, 4, 1, false), 1);
	p.out = 1;
	EXPECT_EQ(xtcp_prr_sndcnt(&p, 50, 4, 2, true), 3);
	p.out += 3;
	EXPECT_EQ(xtcp_prr_sndcnt(&p, 50, 4, 2, false), 2);
	/* what was not used before may be used now */
	EXPECT_EQ(xtcp_prr_sndcnt(&p, 50, 4, 1, false), 2);
	EXPECT_EQ(xtcp_prr_sndcnt(&p, 50, 4, 0, true), 3);
}

TEST(prr_sndcnt__rounds_exactly)
{
	struct xtcp_prr p;

	xtcp_prr_begin(&p, 10);
	p.out = 1;
	/* 3 * 7 / 10 is 2.1: 3 due; 10 * 7 / 10 is 7 */
	EXPECT_EQ(xtcp_prr_sndcnt(&p, 7, 9, 3, false), 2);
	EXPECT_EQ(xtcp_prr_sndcnt(&p, 7, 9, 7, false), 6);
}

TEST(prr_sndcnt__ahead_of_what_was_delivered)
{
	struct xtcp_prr p;

	xtcp_prr_begin(&p, 100);
	p.out = 9;
	EXPECT_EQ(xtcp_prr_sndcnt(&p, 50, 4, 0, false), 0);
	EXPECT_EQ(xtcp_prr_sndcnt(&p, 50, 4, 0, true), 1);
	EXPECT_EQ(xtcp_prr_sndcnt(&p, 50, 4, 2, false), 2);
}

TEST(prr_sndcnt__below_ssthresh_never_beyond_it)
{
	struct xtcp_prr p;

	xtcp_prr_begin(&p, 100);
	p.out = 1;
	EXPECT_EQ(xtcp_prr_sndcnt(&p, 50, 47, 20, true), 3);
	EXPECT_EQ(xtcp_prr_sndcnt(&p, 50, 50, 20, true), 0);
	p.out = 0;
	EXPECT_EQ(xtcp_prr_sndcnt(&p, 50, 50, 0, false), 1);
}

TEST(prr_sndcnt__large_windows_do_not_overflow)
{
	struct xtcp_prr p;

	xtcp_prr_begin(&p, 0x3fffffff);
	p.out = 1;
	EXPECT_EQ(xtcp_prr_sndcnt(&p, 0x1fffffff, 0x3ffffffe, 0x20000000, false), 0x0fffffff);
}

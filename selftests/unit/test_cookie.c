// SPDX-License-Identifier: GPL-2.0-only
/* module/core/cookie.c */
#include <xtcp/cookie.h>

#include "tap.h"

static u32 test_h2(const void *arg, u32 count)
{
	return (*(const u32 *)arg ^ count) * 0x9e3779b1U + 0x7f4a7c15U;
}

static const u32 secret = 0xdecafbad;

static u32 test_make(u32 h1, u32 isn, u32 count, u8 mssind)
{
	return xtcp_cookie_make(h1, test_h2(&secret, count), isn, count, mssind);
}

TEST(cookie_make__rises_with_the_client_and_the_period)
{
	EXPECT_EQ(xtcp_cookie_make(0, 0, 77, 0, 0), 77);
	EXPECT_EQ(xtcp_cookie_make(5, 0, 77, 0, 0), 82);
	EXPECT_EQ(xtcp_cookie_make(0, 0, 0, 3, 0), 3 << 24);
	EXPECT_EQ(xtcp_cookie_make(0, 0xff000010, 0, 0, 7), 0x17);
	EXPECT_EQ(xtcp_cookie_make(0, 0x00ffffff, 0, 0, 1), 0);
}

TEST(cookie_check__round_trip)
{
	u64 rnd = 0x5eed0003;
	u32 i;

	for (i = 0; i < 100000; i++) {
		u32 h1 = tap_rnd(&rnd), isn = tap_rnd(&rnd), count = tap_rnd(&rnd);
		u8 ind = (u8)(i % 8);
		u32 age = i / 8 % 2;
		u32 cookie = test_make(h1, isn, count, ind);

		EXPECT_EQ(xtcp_cookie_check(cookie, h1, test_h2, &secret, isn, count + age, 2),
			  ind);
	}
}

TEST(cookie_check__expires)
{
	u32 cookie = test_make(111, 222, 0xffffffff, 3);

	EXPECT_EQ(xtcp_cookie_check(cookie, 111, test_h2, &secret, 222, 0xffffffff, 2), 3);
	EXPECT_EQ(xtcp_cookie_check(cookie, 111, test_h2, &secret, 222, 0, 2), 3);
	EXPECT_EQ(xtcp_cookie_check(cookie, 111, test_h2, &secret, 222, 1, 2), -1);
	EXPECT_EQ(xtcp_cookie_check(cookie, 111, test_h2, &secret, 222, 0xfffffffe, 2), -1);
	EXPECT_EQ(xtcp_cookie_check(cookie, 111, test_h2, &secret, 222, 0xffffffff, 0), -1);
}

TEST(cookie_check__index_past_the_table_is_forged)
{
	u32 h2 = test_h2(&secret, 9);

	EXPECT_EQ(xtcp_cookie_check(xtcp_cookie_make(1, h2, 2, 9, 7), 1, test_h2, &secret, 2, 9, 2),
		  7);
	EXPECT_EQ(xtcp_cookie_check(xtcp_cookie_make(1, h2, 2, 9, 8), 1, test_h2, &secret, 2, 9, 2),
		  -1);
}

TEST(cookie_check__other_tuple_or_isn)
{
	u32 cookie = test_make(111, 222, 9, 3);

	EXPECT_EQ(xtcp_cookie_check(cookie, 112 + (1 << 20), test_h2, &secret, 222, 9, 2), -1);
	EXPECT_EQ(xtcp_cookie_check(cookie, 111, test_h2, &secret, 222 - (1 << 20), 9, 2), -1);
}

/* 2 of 256 periods, 8 of 2^24 values: 10 M forged ACKs expect 0.04 hits. */
TEST(cookie_check__brute_force)
{
	u64 rnd = 0x5eed0004;
	u32 i, hits = 0;

	for (i = 0; i < 10000000; i++)
		hits += xtcp_cookie_check(tap_rnd(&rnd), 111, test_h2, &secret, 222, 9, 2) >= 0;
	EXPECT_LE(hits, 1);
}

TEST(cookie_mss_index__largest_step_not_above)
{
	u32 mss;
	u8 i;

	for (i = 0; i < XTCP_COOKIE_MSS_STEPS; i++) {
		EXPECT_EQ(xtcp_cookie_mss_index(xtcp_cookie_mss(i)), i);
		EXPECT_EQ(xtcp_cookie_mss_index((u16)(xtcp_cookie_mss(i) - 1)), i ? i - 1 : 0);
		if (i)
			EXPECT_GT(xtcp_cookie_mss(i), xtcp_cookie_mss((u8)(i - 1)));
	}
	for (mss = 216; mss <= 65535; mss++)
		EXPECT_LE(xtcp_cookie_mss(xtcp_cookie_mss_index((u16)mss)), mss);
	EXPECT_EQ(xtcp_cookie_mss_index(0), 0);
	EXPECT_EQ(xtcp_cookie_mss_index(65535), 7);
}

TEST(cookie_mss__common_paths_are_exact)
{
	static const u16 common[] = { 536, 1220, 1340, 1380, 1440, 1460, 8940 };
	u32 i;

	for (i = 0; i < ARRAY_SIZE(common); i++)
		EXPECT_EQ(xtcp_cookie_mss(xtcp_cookie_mss_index(common[i])), common[i]);
	EXPECT_EQ(xtcp_cookie_mss(8), xtcp_cookie_mss(0));
	EXPECT_EQ(xtcp_cookie_mss(255), xtcp_cookie_mss(0));
}

TEST(cookie_ts_encode__never_later_and_less_than_64_earlier)
{
	u32 ts, c;

	for (ts = 0xffffff80; ts != 0x80; ts++) {
		for (c = 0; c < 64; c++) {
			u32 coded = xtcp_cookie_ts_encode(ts, (int)(c & 15) - 1, c & 16, c & 32);

			EXPECT_LT(ts - coded, 64);
		}
	}
}

TEST(cookie_ts_decode__round_trip)
{
	struct xtcp_cookie_opts o;
	int wscale;
	u32 c;

	for (c = 0; c < 64; c++) {
		wscale = (int)(c & 15) - 1;
		xtcp_cookie_ts_decode(xtcp_cookie_ts_encode(12345 + c, wscale, c & 16, c & 32), &o);
		EXPECT_EQ(o.wscale_ok, wscale >= 0);
		EXPECT_EQ(o.wscale, wscale < 0 ? 0 : wscale);
		EXPECT_EQ(o.sack_ok, !!(c & 16));
		EXPECT_EQ(o.ecn_ok, !!(c & 32));
	}
}

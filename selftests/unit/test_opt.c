// SPDX-License-Identifier: GPL-2.0-only
/* module/core/opt.c */
#include <xtcp/opt.h>

#include "tap.h"

/* Parse a copy that ends with its allocation: ASan sees every byte too far. */
static struct xtcp_opts test_parse(const u8 *p, u32 len, bool syn)
{
	struct xtcp_opts o;
	u8 *copy = malloc(len);

	memcpy(copy, p, len);
	memset(&o, 0xee, sizeof(o));
	xtcp_opt_parse(&o, copy, len, syn);
	free(copy);
	return o;
}

#define PARSE(syn, ...) \
	test_parse((const u8[]){ __VA_ARGS__ }, sizeof((const u8[]){ __VA_ARGS__ }), syn)

TEST(opt_parse__empty)
{
	struct xtcp_opts o;

	memset(&o, 0xee, sizeof(o));
	xtcp_opt_parse(&o, NULL, 0, true);
	EXPECT_EQ(o.has, 0);
	EXPECT_EQ(o.mss, 0);
	EXPECT_EQ(o.wscale, 0);
	EXPECT_EQ(o.tsval, 0);
	EXPECT_EQ(o.tsecr, 0);
	EXPECT_EQ(o.num_sacks, 0);
}

TEST(opt_parse__linux_syn)
{
	struct xtcp_opts o = PARSE(true, 2, 4, 0x05, 0xb4, 4, 2, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8, 1,
				   3, 3, 7);

	EXPECT_EQ(o.has, XTCP_OPT_MSS | XTCP_OPT_SACK_PERM | XTCP_OPT_TS | XTCP_OPT_WSCALE);
	EXPECT_EQ(o.mss, 1460);
	EXPECT_EQ(o.tsval, 0x01020304);
	EXPECT_EQ(o.tsecr, 0x05060708);
	EXPECT_EQ(o.wscale, 7);
}

/* The aligned layout has a way of its own through the parser. */
TEST(opt_parse__aligned_timestamp_as_any_other)
{
	int syn;

	for (syn = 0; syn < 2; syn++) {
		struct xtcp_opts a = PARSE(syn, 1, 1, 8, 10, 0xfe, 2, 3, 4, 5, 6, 7, 0x88);
		struct xtcp_opts b = PARSE(syn, 8, 10, 0xfe, 2, 3, 4, 5, 6, 7, 0x88, 1, 1);

		EXPECT_EQ(memcmp(&a, &b, sizeof(a)), 0);
		EXPECT_EQ(a.has, XTCP_OPT_TS);
		EXPECT_EQ(a.tsval, 0xfe020304);
		EXPECT_EQ(a.tsecr, 0x05060788);
	}
}

/* So has Linux's SYN: what it says must not depend on it. */
TEST(opt_parse__usual_syn_as_any_other)
{
	static const u8 usual[20] = {
		2, 4, 0x05, 0xb4, 4, 2, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8, 1, 3, 3, 7,
	};
	struct xtcp_opts a, b;
	u8 padded[24] = { 1, 1, 1, 1 }, *area = padded + 4;
	u32 i, v;

	for (i = 0; i < sizeof(usual); i++) {
		memcpy(area, usual, sizeof(usual));
		for (v = 0; v < 256; v++) {
			area[i] = (u8)v;
			a = test_parse(area, 20, true);
			b = test_parse(padded, 24, true);
			EXPECT_EQ(memcmp(&a, &b, sizeof(a)), 0);
		}
	}
	area[2] = 0;
	area[3] = 0;
	EXPECT_FALSE(test_parse(area, 20, true).has & XTCP_OPT_MSS);
}

TEST(opt_parse__handshake_options_only_on_syn)
{
	struct xtcp_opts o = PARSE(false, 2, 4, 0x05, 0xb4, 4, 2, 3, 3, 7, 1, 1, 1, 8, 10, 1, 2, 3,
				   4, 5, 6, 7, 8);

	EXPECT_EQ(o.has, XTCP_OPT_TS);
	EXPECT_EQ(o.mss, 0);
	EXPECT_EQ(o.wscale, 0);
	EXPECT_EQ(o.tsval, 0x01020304);
}

TEST(opt_parse__ends_at_eol)
{
	struct xtcp_opts o = PARSE(true, 1, 0, 2, 4, 0x05, 0xb4);

	EXPECT_EQ(o.has, 0);
}

TEST(opt_parse__unknown_is_skipped)
{
	struct xtcp_opts o = PARSE(true, 253, 4, 2, 4, 30, 2, 3, 3, 2);

	EXPECT_EQ(o.has, XTCP_OPT_WSCALE);
	EXPECT_EQ(o.wscale, 2);
}

TEST(opt_parse__length_0_or_1_ends)
{
	u8 bad;

	for (bad = 0; bad < 2; bad++) {
		struct xtcp_opts o = PARSE(true, 3, 3, 2, 99, bad, 2, 4, 0x05, 0xb4);

		EXPECT_EQ(o.has, XTCP_OPT_WSCALE | XTCP_OPT_BAD);
	}
}

TEST(opt_parse__overrun_ends)
{
	struct xtcp_opts o = PARSE(true, 3, 3, 2, 2, 4, 5);

	EXPECT_EQ(o.has, XTCP_OPT_WSCALE | XTCP_OPT_BAD);
	EXPECT_EQ(o.mss, 0);
	o = PARSE(true, 2, 4, 5, 6);
	EXPECT_EQ(o.has, XTCP_OPT_MSS);
}

TEST(opt_parse__kind_without_length_ends)
{
	struct xtcp_opts o = PARSE(true, 1, 1, 2);

	EXPECT_EQ(o.has, XTCP_OPT_BAD);
}

TEST(opt_parse__length_that_does_not_fit_the_kind_is_skipped)
{
	struct xtcp_opts o = PARSE(true, 2, 3, 9, 3, 4, 9, 9, 4, 3, 9, 8, 4, 9, 9, 5, 3, 9, 5, 2,
				   2, 4, 0x02, 0x18);

	EXPECT_EQ(o.has, XTCP_OPT_MSS);
	EXPECT_EQ(o.mss, 536);
	o = PARSE(true, 2, 5, 9, 9, 9, 3, 2, 4, 4, 9, 9, 8, 11, 9, 9, 9, 9, 9, 9, 9, 9, 9);
	EXPECT_EQ(o.has, 0);
}

TEST(opt_parse__mss_zero_is_absent)
{
	struct xtcp_opts o = PARSE(true, 2, 4, 0, 0);

	EXPECT_EQ(o.has, 0);
	EXPECT_EQ(o.mss, 0);
}

TEST(opt_parse__mss_one_is_as_received)
{
	struct xtcp_opts o = PARSE(true, 2, 4, 0, 1);

	EXPECT_EQ(o.mss, 1);
}

TEST(opt_parse__wscale_is_at_most_14)
{
	struct xtcp_opts o = PARSE(true, 3, 3, 14);

	EXPECT_EQ(o.wscale, 14);
	o = PARSE(true, 3, 3, 15);
	EXPECT_EQ(o.wscale, 14);
	o = PARSE(true, 3, 3, 255);
	EXPECT_EQ(o.wscale, 14);
	o = PARSE(true, 3, 3, 13);
	EXPECT_EQ(o.wscale, 13);
}

TEST(opt_parse__later_of_two_wins)
{
	struct xtcp_opts o = PARSE(true, 2, 4, 5, 0xb4, 2, 4, 2, 0x18, 3, 3, 4, 3, 3, 9);

	EXPECT_EQ(o.mss, 536);
	EXPECT_EQ(o.wscale, 9);
}

TEST(opt_parse__sack_blocks)
{
	struct xtcp_opts o = PARSE(false, 1, 1, 5, 18, 0, 0, 0, 1, 0, 0, 0, 2, 0xff, 0, 0, 3, 0, 0,
				   0, 4);

	EXPECT_EQ(o.has, XTCP_OPT_SACK);
	EXPECT_EQ(o.num_sacks, 2);
	EXPECT_EQ(o.sacks[0].start, 1);
	EXPECT_EQ(o.sacks[0].end, 2);
	EXPECT_EQ(o.sacks[1].start, 0xff000003);
	EXPECT_EQ(o.sacks[1].end, 4);
}

TEST(opt_parse__sack_of_a_broken_length_is_skipped)
{
	struct xtcp_opts o = PARSE(false, 5, 11, 0, 0, 0, 1, 0, 0, 0, 2, 9, 1, 5, 9, 0, 0, 0, 1, 0,
				   0, 0);

	EXPECT_EQ(o.has, 0);
	EXPECT_EQ(o.num_sacks, 0);
}

TEST(opt_parse__more_blocks_than_an_area_holds)
{
	u8 area[2 + 5 * 8] = { 5, sizeof(area) };
	struct xtcp_opts o = test_parse(area, sizeof(area), false);

	EXPECT_EQ(o.num_sacks, 4);
	EXPECT_EQ(o.sacks[3].end, 0);
}

TEST(opt_parse_fast_ts__takes_the_aligned_layout)
{
	static const u8 area[12] = { 1, 1, 8, 10, 0xa1, 2, 3, 4, 5, 6, 7, 0xb8 };
	u8 bad[13] = { 0 };
	u32 tsval = 0, tsecr = 0, i;

	EXPECT_TRUE(xtcp_opt_parse_fast_ts(area, 12, &tsval, &tsecr));
	EXPECT_EQ(tsval, 0xa1020304);
	EXPECT_EQ(tsecr, 0x050607b8);
	for (i = 0; i < 4; i++) {
		memcpy(bad, area, 12);
		bad[i]++;
		EXPECT_FALSE(xtcp_opt_parse_fast_ts(bad, 12, &tsval, &tsecr));
	}
	memcpy(bad, area, 12);
	EXPECT_FALSE(xtcp_opt_parse_fast_ts(bad, 13, &tsval, &tsecr));
	EXPECT_FALSE(xtcp_opt_parse_fast_ts(bad, 11, &tsval, &tsecr));
	EXPECT_FALSE(xtcp_opt_parse_fast_ts(NULL, 0, &tsval, &tsecr));
}

TEST(opt_write_syn__linux_order)
{
	static const u8 want[20] = { 2, 4, 0x05, 0xb4, 4, 2, 8, 10, 0xa1, 2, 3, 4, 5, 6, 7, 0xb8,
				     1, 3, 3, 7 };
	u8 got[20];

	EXPECT_EQ(xtcp_opt_write_syn(got, 1460, true, 0xa1020304, 0x050607b8, true, 7), 20);
	EXPECT_EQ(memcmp(got, want, 20), 0);
}

TEST(opt_write_syn__timestamp_without_sack)
{
	static const u8 want[16] = { 2, 4, 0xff, 0xfe, 1, 1, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8 };
	u8 got[16];

	EXPECT_EQ(xtcp_opt_write_syn(got, 65534, true, 0x01020304, 0x05060708, false, -1), 16);
	EXPECT_EQ(memcmp(got, want, 16), 0);
}

TEST(opt_write_syn__sack_without_timestamp)
{
	static const u8 want[12] = { 2, 4, 0x05, 0xb4, 1, 1, 4, 2, 1, 3, 3, 0 };
	u8 got[12];

	EXPECT_EQ(xtcp_opt_size_syn(1460, false, true, 0), 12);
	EXPECT_EQ(xtcp_opt_write_syn(got, 1460, false, 1, 1, true, 0), 12);
	EXPECT_EQ(memcmp(got, want, 12), 0);
}

/* Every combination: the size agrees, the parser reads back what was written. */
TEST(opt_write_syn__round_trip)
{
	u32 c;

	for (c = 0; c < 16; c++) {
		u16 mss = c & 1 ? 1220 : 0;
		bool ts = c & 2, sack = c & 4;
		int wscale = c & 8 ? 14 : -1;
		u32 n = xtcp_opt_size_syn(mss, ts, sack, wscale);
		u8 *area = malloc(n);
		struct xtcp_opts o;

		EXPECT_EQ(xtcp_opt_write_syn(area, mss, ts, 7, 9, sack, wscale), n);
		EXPECT_EQ(n % 4, 0);
		o = test_parse(area, n, true);
		EXPECT_EQ(o.has, (mss ? XTCP_OPT_MSS : 0) | (ts ? XTCP_OPT_TS : 0) |
				 (sack ? XTCP_OPT_SACK_PERM : 0) |
				 (wscale < 0 ? 0 : XTCP_OPT_WSCALE));
		EXPECT_EQ(o.mss, mss);
		EXPECT_EQ(o.tsval, ts ? 7 : 0);
		EXPECT_EQ(o.tsecr, ts ? 9 : 0);
		EXPECT_EQ(o.wscale, wscale < 0 ? 0 : 14);
		free(area);
	}
}

static const struct xtcp_sack_block test_blocks[5] = {
	{ 0xf1000001, 0xf1000002 }, { 3, 4 }, { 5, 6 }, { 7, 0xffffffff }, { 9, 10 },
};

TEST(opt_write__aligned)
{
	static const u8 want[32] = { 1, 1, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8, 1, 1, 5, 18, 0xf1, 0, 0,
				     1, 0xf1, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4 };
	u8 got[32];

	EXPECT_EQ(xtcp_opt_write(got, true, 0x01020304, 0x05060708, test_blocks, 2), 32);
	EXPECT_EQ(memcmp(got, want, 32), 0);
}

TEST(opt_write__timestamp_takes_the_fast_path_of_the_parser)
{
	u8 got[12];
	u32 tsval, tsecr;

	EXPECT_EQ(xtcp_opt_write(got, true, 11, 22, NULL, 0), 12);
	EXPECT_TRUE(xtcp_opt_parse_fast_ts(got, 12, &tsval, &tsecr));
	EXPECT_EQ(tsval, 11);
	EXPECT_EQ(tsecr, 22);
}

/* Every number of blocks: never above 40 bytes, the rest is left out. */
TEST(opt_write__round_trip)
{
	u32 c, i;

	for (c = 0; c < 12; c++) {
		bool ts = c & 1;
		u8 nsack = (u8)(c / 2);
		u32 fit = xtcp_min_u32(nsack, ts ? 3 : 4);
		u32 n = xtcp_opt_size(ts, nsack);
		u8 *area = malloc(n);
		struct xtcp_opts o;

		EXPECT_LE(n, XTCP_OPT_AREA_MAX);
		EXPECT_EQ(n, (ts ? 12 : 0) + (fit ? 4 + fit * 8 : 0));
		EXPECT_EQ(xtcp_opt_write(area, ts, 7, 9, test_blocks, nsack), n);
		o = test_parse(area, n, false);
		EXPECT_EQ(o.has, (ts ? XTCP_OPT_TS : 0) | (fit ? XTCP_OPT_SACK : 0));
		EXPECT_EQ(o.num_sacks, fit);
		for (i = 0; i < fit; i++) {
			EXPECT_EQ(o.sacks[i].start, test_blocks[i].start);
			EXPECT_EQ(o.sacks[i].end, test_blocks[i].end);
		}
		free(area);
	}
}

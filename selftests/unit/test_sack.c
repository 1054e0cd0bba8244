// SPDX-License-Identifier: GPL-2.0-only
/* module/core/sack.c */
#include <xtcp/sack.h>

#include "tap.h"

static void test_expect(const struct xtcp_sack_block *b, u8 n, const u32 *want, u32 words)
{
	u32 i;

	EXPECT_EQ(n, words / 2);
	for (i = 0; i < n && i < words / 2; i++) {
		EXPECT_EQ(b[i].start, want[2 * i]);
		EXPECT_EQ(b[i].end, want[2 * i + 1]);
	}
}

#define EXPECT_BLOCKS(b, n, ...) \
	test_expect(b, n, (const u32[]){ __VA_ARGS__ }, \
		    sizeof((const u32[]){ __VA_ARGS__ }) / sizeof(u32))

static struct xtcp_sack_rcv test_rcv(void)
{
	struct xtcp_sack_rcv r;

	memset(&r, 0xee, sizeof(r));
	xtcp_sack_rcv_init(&r);
	return r;
}

TEST(sack_rcv_init__empty)
{
	struct xtcp_sack_rcv r = test_rcv();
	struct xtcp_sack_block out[4];

	EXPECT_EQ(r.num, 0);
	EXPECT_EQ(xtcp_sack_rcv_report(&r, out, 4), 0);
}

TEST(sack_rcv_add__most_recent_first)
{
	struct xtcp_sack_rcv r = test_rcv();

	xtcp_sack_rcv_add(&r, 100, 200);
	xtcp_sack_rcv_add(&r, 300, 400);
	xtcp_sack_rcv_add(&r, 500, 600);
	EXPECT_BLOCKS(r.blocks, r.num, 500, 600, 300, 400, 100, 200);
}

TEST(sack_rcv_add__merges_what_touches)
{
	struct xtcp_sack_rcv r = test_rcv();

	xtcp_sack_rcv_add(&r, 100, 200);
	xtcp_sack_rcv_add(&r, 200, 300);
	EXPECT_BLOCKS(r.blocks, r.num, 100, 300);
	xtcp_sack_rcv_add(&r, 50, 100);
	EXPECT_BLOCKS(r.blocks, r.num, 50, 300);
	xtcp_sack_rcv_add(&r, 301, 400);
	EXPECT_BLOCKS(r.blocks, r.num, 301, 400, 50, 300);
	xtcp_sack_rcv_add(&r, 300, 301);
	EXPECT_BLOCKS(r.blocks, r.num, 50, 400);
	xtcp_sack_rcv_add(&r, 10, 1000);
	EXPECT_BLOCKS(r.blocks, r.num, 10, 1000);
	xtcp_sack_rcv_add(&r, 20, 30);
	EXPECT_BLOCKS(r.blocks, r.num, 10, 1000);
}

/* RFC 2018 4: a segment into an old block brings that block to the front. */
TEST(sack_rcv_add__touched_block_comes_first)
{
	struct xtcp_sack_rcv r = test_rcv();

	xtcp_sack_rcv_add(&r, 100, 200);
	xtcp_sack_rcv_add(&r, 300, 400);
	xtcp_sack_rcv_add(&r, 200, 250);
	EXPECT_BLOCKS(r.blocks, r.num, 100, 250, 300, 400);
}

TEST(sack_rcv_add__fifth_drops_the_oldest)
{
	struct xtcp_sack_rcv r = test_rcv();
	u32 i;

	for (i = 1; i <= 5; i++)
		xtcp_sack_rcv_add(&r, i * 100, i * 100 + 10);
	EXPECT_BLOCKS(r.blocks, r.num, 500, 510, 400, 410, 300, 310, 200, 210);
	xtcp_sack_rcv_add(&r, 210, 220);
	EXPECT_BLOCKS(r.blocks, r.num, 200, 220, 500, 510, 400, 410, 300, 310);
}

TEST(sack_rcv_add__wraps)
{
	struct xtcp_sack_rcv r = test_rcv();

	xtcp_sack_rcv_add(&r, 0xfffffff0, 0x10);
	xtcp_sack_rcv_add(&r, 0x10, 0x20);
	EXPECT_BLOCKS(r.blocks, r.num, 0xfffffff0, 0x20);
}

TEST(sack_rcv_advance__drops_covered)
{
	struct xtcp_sack_rcv r = test_rcv();

	xtcp_sack_rcv_add(&r, 300, 400);
	xtcp_sack_rcv_add(&r, 100, 200);
	xtcp_sack_rcv_add(&r, 0xffffff00, 0xffffff10);
	xtcp_sack_rcv_advance(&r, 0xffffff10);
	EXPECT_BLOCKS(r.blocks, r.num, 100, 200, 300, 400);
	xtcp_sack_rcv_advance(&r, 99);
	EXPECT_EQ(r.num, 2);
	xtcp_sack_rcv_advance(&r, 200);
	EXPECT_BLOCKS(r.blocks, r.num, 300, 400);
	xtcp_sack_rcv_advance(&r, 300);
	EXPECT_EQ(r.num, 0);
}

TEST(sack_rcv_dsack__first_and_once)
{
	struct xtcp_sack_rcv r = test_rcv();
	struct xtcp_sack_block out[4];

	xtcp_sack_rcv_add(&r, 100, 200);
	xtcp_sack_rcv_dsack(&r, 10, 20);
	EXPECT_BLOCKS(out, xtcp_sack_rcv_report(&r, out, 4), 10, 20, 100, 200);
	EXPECT_BLOCKS(out, xtcp_sack_rcv_report(&r, out, 4), 100, 200);
}

TEST(sack_rcv_dsack__extends_or_keeps)
{
	struct xtcp_sack_rcv r = test_rcv();
	struct xtcp_sack_block out[4];

	xtcp_sack_rcv_dsack(&r, 10, 20);
	xtcp_sack_rcv_dsack(&r, 20, 30);
	EXPECT_BLOCKS(out, xtcp_sack_rcv_report(&r, out, 4), 10, 30);
	xtcp_sack_rcv_dsack(&r, 10, 20);
	xtcp_sack_rcv_dsack(&r, 21, 30);
	EXPECT_BLOCKS(out, xtcp_sack_rcv_report(&r, out, 4), 10, 20);
	/* an empty one is none, and does not grow into the next */
	xtcp_sack_rcv_dsack(&r, 30, 40);
	EXPECT_BLOCKS(out, xtcp_sack_rcv_report(&r, out, 4), 30, 40);
}

TEST(sack_rcv_report__as_many_as_fit)
{
	struct xtcp_sack_rcv r = test_rcv();
	struct xtcp_sack_block out[4];
	u32 i;

	for (i = 1; i <= 4; i++)
		xtcp_sack_rcv_add(&r, i * 100, i * 100 + 10);
	xtcp_sack_rcv_dsack(&r, 10, 20);
	EXPECT_EQ(xtcp_sack_rcv_report(&r, out, 0), 0);
	EXPECT_BLOCKS(out, xtcp_sack_rcv_report(&r, out, 3), 10, 20, 400, 410, 300, 310);
	EXPECT_BLOCKS(out, xtcp_sack_rcv_report(&r, out, 1), 400, 410);
	EXPECT_EQ(xtcp_sack_rcv_report(&r, out, 4), 4);
}

/* Against a bitmap of what is held: every block is true, the newest range is in the first. */
TEST(sack_rcv_add__random_walk)
{
	static u8 held[2048];
	u64 rnd = 0x5eed0009;
	u32 round, i, j, k, base;

	for (round = 0; round < 300; round++) {
		struct xtcp_sack_rcv r = test_rcv();

		base = tap_rnd(&rnd);
		memset(held, 0, sizeof(held));
		for (i = 0; i < 60; i++) {
			u32 s = 1 + tap_rnd(&rnd) % 2000, e = s + 1 + tap_rnd(&rnd) % 40;

			memset(held + s, 1, e - s);
			xtcp_sack_rcv_add(&r, base + s, base + e);
			EXPECT_TRUE(xtcp_seq_between(base + s, r.blocks[0].start, r.blocks[0].end));
			EXPECT_TRUE(xtcp_seq_between(base + e, r.blocks[0].start, r.blocks[0].end));
			for (j = 0; j < r.num; j++) {
				u32 from = r.blocks[j].start - base, to = r.blocks[j].end - base;

				EXPECT_LT(from, to);
				EXPECT_TRUE(!memchr(held + from, 0, to - from));
				for (k = 0; k < j; k++)
					EXPECT_TRUE(xtcp_seq_after(r.blocks[k].start,
								   r.blocks[j].end) ||
						    xtcp_seq_before(r.blocks[k].end,
								    r.blocks[j].start));
			}
		}
	}
}

#define UNA 0xfffffff0U
#define NXT 0x00001000U
#define HALF 0x80000000U

static bool test_valid(u32 start, u32 end)
{
	return xtcp_sack_block_valid(UNA, NXT, 0, 65535, start, end, false);
}

TEST(sack_block_valid__within_what_was_sent)
{
	EXPECT_TRUE(test_valid(UNA + 1, UNA + 2));
	EXPECT_TRUE(test_valid(UNA + 1, NXT));
	EXPECT_TRUE(test_valid(0, 1));
	EXPECT_FALSE(test_valid(UNA, UNA + 2));
	EXPECT_FALSE(test_valid(UNA + 1, NXT + 1));
	EXPECT_FALSE(test_valid(NXT, NXT + 1));
	EXPECT_FALSE(test_valid(NXT + 1, NXT + 2));
}

TEST(sack_block_valid__empty_or_inverted)
{
	EXPECT_FALSE(test_valid(5, 5));
	EXPECT_FALSE(test_valid(6, 5));
	EXPECT_FALSE(test_valid(NXT, UNA + 1));
}

/* Threat 7: edges 2^31 away are before and after at once by sign. */
TEST(sack_block_valid__half_the_space_away)
{
	static const u32 edges[] = { UNA, UNA + 1, UNA - 1, UNA + HALF, UNA + HALF + 1,
				     UNA + HALF - 1, NXT + HALF, NXT + HALF + 1, NXT + HALF - 1 };
	u32 i, j;

	for (i = 0; i < ARRAY_SIZE(edges); i++) {
		for (j = 3; j < ARRAY_SIZE(edges); j++) {
			EXPECT_FALSE(test_valid(edges[i], edges[j]));
			EXPECT_FALSE(test_valid(edges[j], edges[i]));
			EXPECT_FALSE(xtcp_sack_block_valid(UNA, NXT, UNA - 100, 65535, edges[i],
							   edges[j], true));
			EXPECT_FALSE(xtcp_sack_block_valid(UNA, NXT, UNA - 100, 65535, edges[j],
							   edges[i], true));
		}
	}
}

/* Exhaustive on a small circle: 2^32 shrunk to steps of 2^28. */
TEST(sack_block_valid__agrees_with_the_definition)
{
	u32 nxt, s, e, n = 16, step = 1U << 28;

	for (nxt = 0; nxt < n; nxt++)
		for (s = 0; s < n; s++)
			for (e = 0; e < n; e++)
				EXPECT_EQ(xtcp_sack_block_valid(0, nxt * step, 0, 0, s * step,
								e * step, false),
					  s > 0 && s < e && e <= nxt);
}

static bool test_dsack(u32 start, u32 end)
{
	return xtcp_sack_block_valid(10000, 20000, 8000, 500, start, end, true);
}

TEST(sack_block_valid__dsack_below_una)
{
	EXPECT_TRUE(test_dsack(9000, 9500));
	EXPECT_TRUE(test_dsack(8000, 10000));
	EXPECT_TRUE(test_dsack(12000, 13000));
	EXPECT_FALSE(test_dsack(9500, 9500));
	EXPECT_FALSE(test_dsack(9500, 9000));
	EXPECT_FALSE(test_dsack(9999, 10001));
	EXPECT_FALSE(test_dsack(10000, 10001));
	EXPECT_FALSE(xtcp_sack_block_valid(10000, 20000, 8000, 500, 9000, 9500, false));
	EXPECT_FALSE(xtcp_sack_block_valid(10000, 20000, 0, 500, 9000, 9500, true));
}

TEST(sack_block_valid__dsack_across_the_marker)
{
	EXPECT_TRUE(test_dsack(7999, 8400));
	EXPECT_TRUE(test_dsack(7900, 8400));
	EXPECT_FALSE(test_dsack(7899, 8400));
	EXPECT_TRUE(test_dsack(7501, 8001));
	EXPECT_FALSE(test_dsack(7500, 8000));
	EXPECT_FALSE(test_dsack(7000, 7100));
}

static bool test_is_dsack(u8 n, u32 ack, u32 s0, u32 e0, u32 s1, u32 e1)
{
	struct xtcp_sack_block b[2] = { { s0, e0 }, { s1, e1 } };

	return xtcp_sack_is_dsack(b, n, ack);
}

TEST(sack_is_dsack__below_ack_or_inside_the_second)
{
	EXPECT_TRUE(test_is_dsack(1, 1000, 500, 600, 0, 0));
	EXPECT_TRUE(test_is_dsack(1, 1000, 999, 1000, 0, 0));
	EXPECT_FALSE(test_is_dsack(1, 1000, 1000, 1100, 0, 0));
	EXPECT_FALSE(test_is_dsack(0, 1000, 500, 600, 0, 0));
	EXPECT_TRUE(test_is_dsack(2, 1000, 2000, 2100, 1500, 2500));
	EXPECT_TRUE(test_is_dsack(2, 1000, 1500, 2500, 1500, 2500));
	EXPECT_FALSE(test_is_dsack(1, 1000, 2000, 2100, 1500, 2500));
	EXPECT_FALSE(test_is_dsack(2, 1000, 2000, 2501, 1500, 2500));
	EXPECT_FALSE(test_is_dsack(2, 1000, 1499, 2000, 1500, 2500));
	EXPECT_FALSE(test_is_dsack(2, 1000, 2600, 2700, 1500, 2500));
	EXPECT_FALSE(test_is_dsack(2, 1000, 2000, 1900, 1500, 2500));
	EXPECT_TRUE(test_is_dsack(1, 5, 0xfffffff0, 3, 0, 0));
}

TEST(sack_sort__orders_and_merges)
{
	struct xtcp_sack_block b[4] = { { 300, 400 }, { 100, 150 }, { 500, 600 }, { 200, 250 } };
	struct xtcp_sack_block c[4] = { { 300, 400 }, { 100, 300 }, { 401, 600 }, { 150, 160 } };
	struct xtcp_sack_block d[2] = { { 7, 9 }, { 7, 9 } };

	EXPECT_BLOCKS(b, xtcp_sack_sort(b, 4, 50), 100, 150, 200, 250, 300, 400, 500, 600);
	EXPECT_BLOCKS(c, xtcp_sack_sort(c, 4, 50), 100, 400, 401, 600);
	EXPECT_BLOCKS(d, xtcp_sack_sort(d, 2, 5), 7, 9);
	EXPECT_EQ(xtcp_sack_sort(d, 0, 5), 0);
	EXPECT_BLOCKS(d, xtcp_sack_sort(d, 1, 5), 7, 9);
}

TEST(sack_sort__wraps)
{
	struct xtcp_sack_block b[3] = { { 5, 9 }, { 0xfffffff8, 0xfffffffa }, { 1, 3 } };

	EXPECT_BLOCKS(b, xtcp_sack_sort(b, 3, 0xfffffff0), 0xfffffff8, 0xfffffffa, 1, 3, 5, 9);
}

static void seen_add(struct xtcp_sack_seen *s, u32 start, u32 end, u32 una)
{
	struct xtcp_sack_block b = { start, end };

	xtcp_sack_seen_add(s, &b, una);
}

TEST(sack_seen__gaps)
{
	struct xtcp_sack_seen s = { .num = 0 };
	struct xtcp_sack_block gap = { 0, 0 };

	EXPECT_TRUE(xtcp_sack_seen_gap(&s, 10, 50, &gap));
	EXPECT_TRUE(gap.start == 10 && gap.end == 50);
	seen_add(&s, 20, 30, 1);
	seen_add(&s, 25, 40, 1);
	EXPECT_TRUE(xtcp_sack_seen_gap(&s, 10, 50, &gap));
	EXPECT_TRUE(gap.start == 10 && gap.end == 20);
	EXPECT_TRUE(xtcp_sack_seen_gap(&s, 20, 50, &gap));
	EXPECT_TRUE(gap.start == 40 && gap.end == 50);
	EXPECT_FALSE(xtcp_sack_seen_gap(&s, 22, 40, &gap));
	EXPECT_FALSE(xtcp_sack_seen_gap(&s, 40, 40, &gap));
}

TEST(sack_seen__a_range_within_others_adds_nothing)
{
	struct xtcp_sack_seen s = { .num = 0 };

	seen_add(&s, 20, 30, 1);
	seen_add(&s, 30, 40, 1);
	EXPECT_EQ(s.num, 2);
	seen_add(&s, 22, 38, 1);
	EXPECT_EQ(s.num, 2);
	seen_add(&s, 10, 50, 1);
	EXPECT_EQ(s.num, 1);
	EXPECT_TRUE(s.r[0].start == 10 && s.r[0].end == 50);
}

/* Around the end of the sequence space, and what is acknowledged goes. */
TEST(sack_seen__wraps_and_forgets)
{
	struct xtcp_sack_seen s = { .num = 0 };
	struct xtcp_sack_block gap = { 0, 0 };

	seen_add(&s, 0xfffffff0, 0x10, 0xffffff00);
	EXPECT_FALSE(xtcp_sack_seen_gap(&s, 0xfffffff8, 8, &gap));
	EXPECT_TRUE(xtcp_sack_seen_gap(&s, 0xfffffff8, 0x20, &gap));
	EXPECT_TRUE(gap.start == 0x10 && gap.end == 0x20);
	seen_add(&s, 0x30, 0x40, 0x10);
	EXPECT_EQ(s.num, 1);
	EXPECT_EQ(s.r[0].start, 0x30);
}

/* A peer that tells large ranges in turn can't have them looked at again for each ACK. */
TEST(sack_seen__keeps_the_longest)
{
	struct xtcp_sack_seen s = { .num = 0 };
	struct xtcp_sack_block gap = { 0, 0 };
	u32 i, again = 0;

	for (i = 0; i < 1000; i++) {
		u32 at = 10000 * (1 + i % 20), len = i % 20 < 7 ? 9000 : 10;

		if (xtcp_sack_seen_gap(&s, at, at + len, &gap) && i >= 20)
			again += gap.end - gap.start;
		seen_add(&s, at, at + len, 1);
	}
	EXPECT_EQ(s.num, XTCP_SACK_SEEN);
	EXPECT_LE(again, 980 * 10);
}

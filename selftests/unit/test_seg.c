// SPDX-License-Identifier: GPL-2.0-only
/* module/core/seg.c */
#include <xtcp/seg.h>

#include "tap.h"

/* A header of @doff_words words at the end of an allocation: ASan sees every byte too far. */
static u8 *test_hdr(u32 bytes, u8 doff_words, u8 flags)
{
	static const u8 fixed[20] = {
		0x12, 0x34, 0xab, 0xcd, /* ports */
		0xfe, 0xdc, 0xba, 0x98, /* sequence number */
		0x81, 0x72, 0x63, 0x54, /* acknowledgment number */
		0, 0, 0xc0, 0x01, /* window */
		0x55, 0x66, 0x80, 0x02, /* checksum, urgent pointer */
	};
	u8 *p = malloc(bytes);

	memset(p, 0, bytes);
	memcpy(p, fixed, bytes < 20 ? bytes : 20);
	if (bytes > 12)
		p[12] = (u8)(doff_words << 4);
	if (bytes > 13)
		p[13] = flags;
	return p;
}

static enum xtcp_seg_error test_parse(struct xtcp_seg *seg, u32 avail, u32 total, u8 doff_words,
				      u8 flags)
{
	u8 *p = test_hdr(avail, doff_words, flags);
	enum xtcp_seg_error err = xtcp_seg_parse(seg, p, avail, total);

	free(p);
	return err;
}

TEST(seg_parse__reads_every_field)
{
	struct xtcp_seg seg;

	EXPECT_EQ(test_parse(&seg, 20, 120, 5, XTCP_ACK | XTCP_PSH), XTCP_SEG_OK);
	EXPECT_EQ(seg.sport, 0x1234);
	EXPECT_EQ(seg.dport, 0xabcd);
	EXPECT_EQ(seg.seq, 0xfedcba98);
	EXPECT_EQ(seg.ack, 0x81726354);
	EXPECT_EQ(seg.doff, 20);
	EXPECT_EQ(seg.ns_ae, 0);
	EXPECT_EQ(seg.flags, XTCP_ACK | XTCP_PSH);
	EXPECT_EQ(seg.window, 0xc001);
	EXPECT_EQ(seg.urg_ptr, 0x8002);
	EXPECT_EQ(seg.len, 100);
	EXPECT_EQ(seg.end_seq, 0xfedcba98 + 100);
}

TEST(seg_parse__options_are_no_payload)
{
	struct xtcp_seg seg;

	EXPECT_EQ(test_parse(&seg, 60, 61, 15, 0), XTCP_SEG_OK);
	EXPECT_EQ(seg.doff, 60);
	EXPECT_EQ(seg.len, 1);
}

TEST(seg_parse__reserved_bits_and_ae)
{
	struct xtcp_seg seg;
	u8 *p = test_hdr(20, 5, 0xff);

	p[12] |= 0x0b;
	EXPECT_EQ(xtcp_seg_parse(&seg, p, 20, 20), XTCP_SEG_OK);
	EXPECT_EQ(seg.ns_ae, 0x0b);
	EXPECT_EQ(seg.doff, 20);
	EXPECT_EQ(seg.flags, 0xff);
	free(p);
}

TEST(seg_parse__syn_and_fin_occupy_a_number)
{
	struct xtcp_seg seg;

	EXPECT_EQ(test_parse(&seg, 20, 20, 5, XTCP_SYN), XTCP_SEG_OK);
	EXPECT_EQ(seg.end_seq - seg.seq, 1);
	EXPECT_EQ(test_parse(&seg, 20, 20, 5, XTCP_FIN), XTCP_SEG_OK);
	EXPECT_EQ(seg.end_seq - seg.seq, 1);
	EXPECT_EQ(test_parse(&seg, 20, 30, 5, XTCP_SYN | XTCP_FIN), XTCP_SEG_OK);
	EXPECT_EQ(seg.end_seq - seg.seq, 12);
	EXPECT_EQ(test_parse(&seg, 20, 20, 5, 0xff & ~(XTCP_SYN | XTCP_FIN)), XTCP_SEG_OK);
	EXPECT_EQ(seg.end_seq - seg.seq, 0);
}

TEST(seg_parse__short)
{
	struct xtcp_seg seg;
	u32 n;

	for (n = 0; n < 20; n++) {
		EXPECT_EQ(test_parse(&seg, n, 100, 5, 0), XTCP_SEG_SHORT);
		EXPECT_EQ(seg.doff, 0);
		EXPECT_EQ(test_parse(&seg, 20, n, 5, 0), XTCP_SEG_SHORT);
	}
}

TEST(seg_parse__short_options_tell_how_much_to_pull)
{
	struct xtcp_seg seg;

	EXPECT_EQ(test_parse(&seg, 20, 100, 8, 0), XTCP_SEG_SHORT);
	EXPECT_EQ(seg.doff, 32);
	EXPECT_EQ(test_parse(&seg, 31, 100, 8, 0), XTCP_SEG_SHORT);
	EXPECT_EQ(test_parse(&seg, 32, 100, 8, 0), XTCP_SEG_OK);
}

TEST(seg_parse__doff_small)
{
	struct xtcp_seg seg;
	u8 words;

	for (words = 0; words < 5; words++)
		EXPECT_EQ(test_parse(&seg, 40, 40, words, 0), XTCP_SEG_DOFF_SMALL);
}

TEST(seg_parse__doff_long)
{
	struct xtcp_seg seg;

	EXPECT_EQ(test_parse(&seg, 60, 31, 8, 0), XTCP_SEG_DOFF_LONG);
	EXPECT_EQ(test_parse(&seg, 20, 31, 8, 0), XTCP_SEG_DOFF_LONG);
	EXPECT_EQ(test_parse(&seg, 60, 32, 8, 0), XTCP_SEG_OK);
	EXPECT_EQ(seg.len, 0);
}

/* RFC 9293 3.10.7.4: the four cases, window 1000 to 1500, nothing unheard of. */
TEST(seg_in_window__four_cases)
{
	/* no payload, no window */
	EXPECT_TRUE(xtcp_seg_in_window(1000, 1000, 1000, 1000, 0));
	EXPECT_FALSE(xtcp_seg_in_window(999, 999, 1000, 1000, 0));
	EXPECT_FALSE(xtcp_seg_in_window(1001, 1001, 1000, 1000, 0));
	/* no payload, a window */
	EXPECT_TRUE(xtcp_seg_in_window(1000, 1000, 1000, 1000, 500));
	EXPECT_TRUE(xtcp_seg_in_window(1500, 1500, 1000, 1000, 500));
	EXPECT_FALSE(xtcp_seg_in_window(1501, 1501, 1000, 1000, 500));
	/* payload, no window: beyond the edge by all of it */
	EXPECT_FALSE(xtcp_seg_in_window(1001, 1101, 1000, 1000, 0));
	/* payload, a window: first or last byte inside */
	EXPECT_TRUE(xtcp_seg_in_window(900, 1001, 1000, 1000, 500));
	EXPECT_TRUE(xtcp_seg_in_window(1499, 1700, 1000, 1000, 500));
	EXPECT_FALSE(xtcp_seg_in_window(900, 999, 1000, 1000, 500));
	EXPECT_FALSE(xtcp_seg_in_window(1501, 1700, 1000, 1000, 500));
}

TEST(seg_in_window__left_edge_is_what_the_peer_heard)
{
	EXPECT_TRUE(xtcp_seg_in_window(800, 900, 900, 1000, 500));
	EXPECT_FALSE(xtcp_seg_in_window(800, 899, 900, 1000, 500));
}

TEST(seg_in_window__wraps)
{
	EXPECT_TRUE(xtcp_seg_in_window(3, 4, 0xfffffff0, 0xfffffff0, 0x20));
	EXPECT_TRUE(xtcp_seg_in_window(0x10, 0x10, 0xfffffff0, 0xfffffff0, 0x20));
	EXPECT_FALSE(xtcp_seg_in_window(0x11, 0x11, 0xfffffff0, 0xfffffff0, 0x20));
	EXPECT_FALSE(xtcp_seg_in_window(0xffffffee, 0xffffffef, 0xfffffff0, 0xfffffff0, 0x20));
}

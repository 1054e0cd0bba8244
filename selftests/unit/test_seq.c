// SPDX-License-Identifier: GPL-2.0-only
/* include/xtcp/seq.h and types.h */
#include <xtcp/seq.h>

#include "tap.h"

TEST(seq_before__orders_neighbours)
{
	EXPECT_TRUE(xtcp_seq_before(1, 2));
	EXPECT_FALSE(xtcp_seq_before(2, 2));
	EXPECT_FALSE(xtcp_seq_before(3, 2));
}

TEST(seq_before__wraps)
{
	EXPECT_TRUE(xtcp_seq_before(0xffffffff, 0));
	EXPECT_FALSE(xtcp_seq_before(0, 0xffffffff));
	EXPECT_TRUE(xtcp_seq_before(0x80000001, 0));
	EXPECT_TRUE(xtcp_seq_before(5, 0x80000004));
}

TEST(seq_after__mirrors_before)
{
	EXPECT_TRUE(xtcp_seq_after(0, 0xffffffff));
	EXPECT_FALSE(xtcp_seq_after(7, 7));
	EXPECT_FALSE(xtcp_seq_after(6, 7));
}

TEST(seq_leq__includes_equal)
{
	EXPECT_TRUE(xtcp_seq_leq(7, 7));
	EXPECT_TRUE(xtcp_seq_leq(0xfffffff0, 3));
	EXPECT_FALSE(xtcp_seq_leq(8, 7));
}

TEST(seq_geq__includes_equal)
{
	EXPECT_TRUE(xtcp_seq_geq(7, 7));
	EXPECT_TRUE(xtcp_seq_geq(3, 0xfffffff0));
	EXPECT_FALSE(xtcp_seq_geq(6, 7));
}

TEST(seq_between__includes_both_ends)
{
	EXPECT_TRUE(xtcp_seq_between(10, 10, 20));
	EXPECT_TRUE(xtcp_seq_between(20, 10, 20));
	EXPECT_FALSE(xtcp_seq_between(9, 10, 20));
	EXPECT_FALSE(xtcp_seq_between(21, 10, 20));
}

TEST(seq_between__half_the_space_away_is_outside)
{
	EXPECT_FALSE(xtcp_seq_between(10 + 0x80000000, 10, 20));
	EXPECT_FALSE(xtcp_seq_between(20 + 0x80000000, 10, 20));
	EXPECT_TRUE(xtcp_seq_between(0, 0xfffffff0, 0x10));
	EXPECT_FALSE(xtcp_seq_between(0x11, 0xfffffff0, 0x10));
}

TEST(seq_max__and_min_wrap)
{
	EXPECT_EQ(xtcp_seq_max(0xfffffff0, 5), 5);
	EXPECT_EQ(xtcp_seq_max(5, 0xfffffff0), 5);
	EXPECT_EQ(xtcp_seq_min(0xfffffff0, 5), 0xfffffff0);
	EXPECT_EQ(xtcp_seq_min(5, 0xfffffff0), 0xfffffff0);
	EXPECT_EQ(xtcp_seq_max(9, 9), 9);
}

TEST(types__unaligned_big_endian)
{
	u8 b[7] = { 0 };

	xtcp_put_be32(b + 1, 0x01020304);
	xtcp_put_be16(b + 5, 0xa1b2);
	EXPECT_EQ(b[1], 1);
	EXPECT_EQ(b[4], 4);
	EXPECT_EQ(xtcp_get_be32(b + 1), 0x01020304);
	EXPECT_EQ(xtcp_get_be16(b + 5), 0xa1b2);
	xtcp_put_be32(b + 1, 0xfefdfcfb);
	EXPECT_EQ(xtcp_get_be32(b + 1), 0xfefdfcfb);
}

TEST(types__arithmetic)
{
	EXPECT_EQ(xtcp_min_u32(3, 4), 3);
	EXPECT_EQ(xtcp_max_u32(3, 4), 4);
	EXPECT_EQ(xtcp_min_u64(1ULL << 40, 4), 4);
	EXPECT_EQ(xtcp_max_u64(1ULL << 40, 4), 1LL << 40);
	EXPECT_EQ(xtcp_clamp_u32(1, 2, 5), 2);
	EXPECT_EQ(xtcp_clamp_u32(3, 2, 5), 3);
	EXPECT_EQ(xtcp_clamp_u32(9, 2, 5), 5);
	EXPECT_EQ(xtcp_div_u64(1ULL << 40, 1ULL << 36), 16);
	EXPECT_EQ(xtcp_ilog2(1), 0);
	EXPECT_EQ(xtcp_ilog2(0xffff), 15);
	EXPECT_EQ(xtcp_ilog2(0x80000000), 31);
}

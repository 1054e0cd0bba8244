// SPDX-License-Identifier: GPL-2.0-only
/* module/core/win.c */
#include <xtcp/win.h>

#include "tap.h"

struct initial {
	u32 rcv_wnd;
	u32 clamp;
	u8 scale;
};

static struct initial test_initial(u32 space, u32 max_space, u32 mss, bool ws, u32 clamp)
{
	struct initial r = { .clamp = clamp };

	xtcp_win_select_initial(space, max_space, mss, ws, &r.rcv_wnd, &r.clamp, &r.scale);
	return r;
}

/* Native Linux with tcp_rmem 4096 131072 6291456 on Ethernet: win 64240, wscale 7. */
TEST(win_select_initial__linux_default)
{
	struct initial r = test_initial(65536, 6291456, 1460, true, 0);

	EXPECT_EQ(r.rcv_wnd, 64240);
	EXPECT_EQ(r.scale, 7);
	EXPECT_EQ(r.clamp, 65535 << 7);
}

TEST(win_select_initial__without_scaling)
{
	struct initial r = test_initial(1 << 20, 6291456, 1460, false, 0);

	EXPECT_EQ(r.rcv_wnd, 65535);
	EXPECT_EQ(r.scale, 0);
	EXPECT_EQ(r.clamp, 65535);
}

TEST(win_select_initial__scale_follows_the_largest_buffer)
{
	u32 shift;

	for (shift = 0; shift <= 14; shift++) {
		u32 most = 65535U << shift;

		EXPECT_EQ(test_initial(4096, most, 536, true, 0).scale, shift);
		if (shift < 14)
			EXPECT_EQ(test_initial(4096, (65536U << shift), 536, true, 0).scale,
				  shift + 1);
	}
	EXPECT_EQ(test_initial(4096, U32_MAX, 536, true, 0).scale, 14);
	EXPECT_EQ(test_initial(1 << 20, 0, 536, true, 0).scale, 5);
}

TEST(win_select_initial__clamp_bounds_window_and_scale)
{
	struct initial r = test_initial(65536, 6291456, 1460, true, 30000);

	EXPECT_EQ(r.rcv_wnd, 30000 - 30000 % 1460);
	EXPECT_EQ(r.scale, 0);
	EXPECT_EQ(r.clamp, 30000);
}

TEST(win_select_initial__tiny_and_zero)
{
	EXPECT_EQ(test_initial(0, 0, 1460, true, 0).rcv_wnd, 0);
	EXPECT_EQ(test_initial(0, 0, 1460, true, 0).scale, 0);
	EXPECT_EQ(test_initial(1000, 0, 1460, true, 0).rcv_wnd, 1000);
	EXPECT_EQ(test_initial(1000, 0, 0, true, 0).rcv_wnd, 1000);
	EXPECT_EQ(test_initial(1460, 0, 1460, true, 0).rcv_wnd, 1460);
}

/* free_space, full_space, mss, cur_win, wscale, limit */
TEST(win_select__scaled_offers_the_free_space)
{
	EXPECT_EQ(xtcp_win_select(65536, 65536, 1460, 0, 7, U32_MAX), 65536);
	EXPECT_EQ(xtcp_win_select(50001, 65536, 1460, 0, 7, U32_MAX), 50048);
	EXPECT_EQ(xtcp_win_select(65536, 65536, 1460, 0, 7, 20000), 20096);
}

TEST(win_select__closes_when_little_is_left)
{
	/* less than a segment, more than half full */
	EXPECT_EQ(xtcp_win_select(1459, 10000, 1460, 0, 2, U32_MAX), 0);
	EXPECT_EQ(xtcp_win_select(1460, 10000, 1460, 0, 2, U32_MAX), 1460);
	/* less than a sixteenth */
	EXPECT_EQ(xtcp_win_select(4095, 65536, 1000, 0, 2, U32_MAX), 0);
	EXPECT_EQ(xtcp_win_select(4096, 65536, 1000, 0, 2, U32_MAX), 4096);
	EXPECT_EQ(xtcp_win_select(0, 65536, 1000, 0, 2, U32_MAX), 0);
}

/* A limit below a sixteenth of the buffer is no full buffer. */
TEST(win_select__limit_does_not_close)
{
	EXPECT_EQ(xtcp_win_select(6000000, 6291456, 1460, 0, 7, 5840), 5888);
	EXPECT_EQ(xtcp_win_select(6000000, 6291456, 1460, 0, 0, 5840), 5840);
}

TEST(win_select__half_empty_small_buffer_stays_open)
{
	EXPECT_EQ(xtcp_win_select(1000, 2000, 1460, 0, 2, U32_MAX), 1000);
	EXPECT_EQ(xtcp_win_select(999, 2000, 1460, 0, 2, U32_MAX), 0);
	EXPECT_EQ(xtcp_win_select(0, 0, 1460, 0, 2, U32_MAX), 0);
	EXPECT_EQ(xtcp_win_select(100, 100, 0, 0, 2, U32_MAX), 0);
}

TEST(win_select__never_shrinks)
{
	EXPECT_EQ(xtcp_win_select(0, 65536, 1460, 3000, 7, U32_MAX), 3072);
	EXPECT_EQ(xtcp_win_select(20000, 65536, 1460, 30001, 7, U32_MAX), 30080);
	EXPECT_EQ(xtcp_win_select(20000, 65536, 1460, 30001, 0, U32_MAX), 30001);
	EXPECT_EQ(xtcp_win_select(65536, 65536, 1460, 40000, 7, 2000), 40064);
}

/* Rounding up to the shift keeps the edge: raw << scale is never below cur_win. */
TEST(win_select__never_shrinks_for_any_input)
{
	u64 rnd = 0x5eed0001;
	u32 i;

	for (i = 0; i < 200000; i++) {
		u8 scale = (u8)(tap_rnd(&rnd) % 15);
		u32 cur = tap_rnd(&rnd) % ((65535U << scale) + 1);
		u32 full = tap_rnd(&rnd) >> (tap_rnd(&rnd) % 32);
		u32 win = xtcp_win_select(tap_rnd(&rnd) % (full + 1ULL), full,
					  tap_rnd(&rnd) >> (16 + tap_rnd(&rnd) % 16), cur, scale,
					  tap_rnd(&rnd) >> (tap_rnd(&rnd) % 32));

		if (xtcp_win_raw(win, scale) << scale < cur || win > 65535U << scale ||
		    xtcp_win_raw(win, scale) != win >> scale) {
			EXPECT_EQ(win, cur);
			break;
		}
	}
}

TEST(win_select__unscaled_moves_by_segments)
{
	/* opens by whole segments */
	EXPECT_EQ(xtcp_win_select(10000, 10000, 1000, 0, 0, U32_MAX), 10000);
	EXPECT_EQ(xtcp_win_select(9999, 10000, 1000, 0, 0, U32_MAX), 9000);
	/* less than a segment of news: the edge stays */
	EXPECT_EQ(xtcp_win_select(6999, 10000, 1000, 6000, 0, U32_MAX), 6000);
	EXPECT_EQ(xtcp_win_select(7000, 10000, 1000, 6000, 0, U32_MAX), 7000);
	EXPECT_EQ(xtcp_win_select(6000, 10000, 1000, 6000, 0, U32_MAX), 6000);
}

TEST(win_select__unscaled_buffer_of_one_segment)
{
	/* MSS above the buffer: news of more than half of it count */
	EXPECT_EQ(xtcp_win_select(1600, 2000, 9000, 600, 0, U32_MAX), 600);
	EXPECT_EQ(xtcp_win_select(1601, 2000, 9000, 600, 0, U32_MAX), 1601);
	EXPECT_EQ(xtcp_win_select(1601, 2001, 2000, 600, 0, U32_MAX), 600);
}

TEST(win_select__unscaled_is_16_bits)
{
	EXPECT_EQ(xtcp_win_select(1 << 20, 1 << 20, 1, 0, 0, U32_MAX), 65535);
	EXPECT_EQ(xtcp_win_select(1 << 30, 1 << 30, 1460, 0, 7, U32_MAX), 65535 << 7);
}

/* snd_una, snd_wl1, ack, ack_seq, snd_wnd, nwin */
TEST(win_may_update__newer_ack_or_segment)
{
	EXPECT_TRUE(xtcp_win_may_update(100, 50, 101, 50, 500, 10));
	EXPECT_TRUE(xtcp_win_may_update(100, 50, 100, 51, 500, 10));
	EXPECT_FALSE(xtcp_win_may_update(100, 50, 100, 49, 500, 1000));
	EXPECT_TRUE(xtcp_win_may_update(0xfffffff0, 50, 5, 50, 500, 10));
}

TEST(win_may_update__same_segment_grows_or_closes)
{
	EXPECT_TRUE(xtcp_win_may_update(100, 50, 100, 50, 500, 501));
	EXPECT_FALSE(xtcp_win_may_update(100, 50, 100, 50, 500, 500));
	EXPECT_FALSE(xtcp_win_may_update(100, 50, 100, 50, 500, 499));
	EXPECT_TRUE(xtcp_win_may_update(100, 50, 100, 50, 500, 0));
}

/* nodelay, fin, packets_out, cork, len, mss */
TEST(win_nagle_ok__table)
{
	EXPECT_TRUE(xtcp_win_nagle_ok(false, false, 5, true, 1460, 1460));
	EXPECT_TRUE(xtcp_win_nagle_ok(false, false, 5, true, 3000, 1460));
	EXPECT_TRUE(xtcp_win_nagle_ok(false, true, 5, true, 1, 1460));
	EXPECT_FALSE(xtcp_win_nagle_ok(false, false, 0, true, 1459, 1460));
	EXPECT_FALSE(xtcp_win_nagle_ok(true, false, 0, true, 1459, 1460));
	EXPECT_TRUE(xtcp_win_nagle_ok(true, false, 5, false, 1, 1460));
	EXPECT_TRUE(xtcp_win_nagle_ok(false, false, 0, false, 1, 1460));
	EXPECT_FALSE(xtcp_win_nagle_ok(false, false, 1, false, 1459, 1460));
}

TEST(win_raw__scales_and_saturates)
{
	EXPECT_EQ(xtcp_win_raw(65535, 0), 65535);
	EXPECT_EQ(xtcp_win_raw(65536, 0), 65535);
	EXPECT_EQ(xtcp_win_raw(127, 7), 0);
	EXPECT_EQ(xtcp_win_raw(128, 7), 1);
	EXPECT_EQ(xtcp_win_raw(U32_MAX, 14), 65535);
}

TEST(win_small_out__until_acknowledged)
{
	EXPECT_TRUE(xtcp_win_small_out(150, 100, 200));
	EXPECT_TRUE(xtcp_win_small_out(200, 100, 200));
	EXPECT_FALSE(xtcp_win_small_out(100, 100, 200));
	EXPECT_FALSE(xtcp_win_small_out(99, 100, 200));
	EXPECT_FALSE(xtcp_win_small_out(201, 100, 200));
	EXPECT_FALSE(xtcp_win_small_out(100, 100, 100));
}

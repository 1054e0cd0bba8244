/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Windows: what the receiver offers, whether the sender believes an offer, and
 * silly-window avoidance on both sides (RFC 9293 3.8.6, RFC 1122 4.2.3.3/4).
 */
#ifndef _XTCP_WIN_H
#define _XTCP_WIN_H

#include <xtcp/seq.h>
#include <xtcp/types.h>

#define XTCP_WIN_WSCALE_MAX 14U

void xtcp_win_select_initial(u32 space, u32 max_space, u32 mss, bool wscale_ok,
			     u32 *rcv_wnd, u32 *window_clamp, u8 *rcv_wscale);
u32 xtcp_win_select(u32 free_space, u32 full_space, u32 mss, u32 cur_win, u8 wscale,
		    u32 limit);
bool xtcp_win_may_update(u32 snd_una, u32 snd_wl1, u32 ack, u32 ack_seq, u32 snd_wnd,
			 u32 nwin);
bool xtcp_win_nagle_ok(bool nodelay, bool fin, u32 packets_out, bool cork, u32 len, u32 mss);

/* The window field for @window bytes: scaled down, never above 16 bits. */
static inline u32 xtcp_win_raw(u32 window, u8 scale)
{
	return xtcp_min_u32(window >> scale, U16_MAX);
}

/*
 * Is the last segment sent below MSS, which ended at @snd_sml, still unacknowledged?
 * Its answer is the packets_out of xtcp_win_nagle_ok() (Minshall's variant of Nagle).
 */
static inline bool xtcp_win_small_out(u32 snd_sml, u32 snd_una, u32 snd_nxt)
{
	return snd_sml != snd_una && xtcp_seq_between(snd_sml, snd_una, snd_nxt);
}

#endif /* _XTCP_WIN_H */

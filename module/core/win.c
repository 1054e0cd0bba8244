// SPDX-License-Identifier: GPL-2.0-only
/* Windows: choice of the offered one, belief in the peer's, Nagle. No state, no lock. */
#include <xtcp/win.h>

static u32 win_round_up(u32 v, u8 scale)
{
	u32 unit = 1U << scale;

	return (v + unit - 1) & ~(unit - 1);
}

/**
 * xtcp_win_select_initial - the window and the shift of a new connection
 * @space: receive-buffer bytes for payload now
 * @max_space: what the buffer may grow to; the shift is chosen for it
 * @mss: maximum segment size
 * @wscale_ok: window scaling may be offered (RFC 7323 2.2)
 * @rcv_wnd: result: the window of the SYN, at most 65535
 * @window_clamp: in: upper bound or 0; result: also what the shift can express
 * @rcv_wscale: result: the shift, 0 to 14
 */
void xtcp_win_select_initial(u32 space, u32 max_space, u32 mss, bool wscale_ok,
			     u32 *rcv_wnd, u32 *window_clamp, u8 *rcv_wscale)
{
	u32 scale = 0;

	if (!*window_clamp)
		*window_clamp = (u32)U16_MAX << XTCP_WIN_WSCALE_MAX;
	space = xtcp_min_u32(space, *window_clamp);
	max_space = xtcp_min_u32(xtcp_max_u32(space, max_space), *window_clamp);

	if (wscale_ok && max_space > U16_MAX)
		scale = xtcp_min_u32(xtcp_ilog2(max_space) - 15, XTCP_WIN_WSCALE_MAX);
	*rcv_wscale = (u8)scale;

	if (mss && space > mss)
		space -= space % mss;
	*rcv_wnd = xtcp_min_u32(space, U16_MAX);
	*window_clamp = xtcp_min_u32((u32)U16_MAX << scale, *window_clamp);
}

/* Without scaling: whole segments, and an edge that moves by whole segments. */
static u32 win_offer_unscaled(u32 free_space, u32 full_space, u32 mss, u32 cur_win)
{
	if (cur_win > free_space || free_space - cur_win >= mss)
		return free_space - free_space % mss;
	/* The buffer holds less than two segments: half of it is worth telling. */
	if (mss == full_space && free_space - cur_win > full_space / 2)
		return free_space;
	return cur_win;
}

/**
 * xtcp_win_select - the window to offer in the next segment
 * @free_space: unused receive-buffer bytes
 * @full_space: receive-buffer bytes in all
 * @mss: estimate of the peer's segment size
 * @cur_win: what is left of the window offered last (RCV.WUP + RCV.WND - RCV.NXT)
 * @wscale: our shift
 * @limit: upper bound that does not count as a full buffer (rcv_ssthresh, clamp)
 *
 * Silly-window avoidance of the receiver (RFC 9293 3.8.6.2.2, MUST-39): a buffer
 * more than half full with room for less than a segment, or for less than a
 * sixteenth, offers nothing new. The right edge never moves to the left (SHLD-14);
 * bytes that the shift would cut off are rounded up, else a small window would
 * become zero and a kept one would shrink.
 *
 * Return: the window in bytes; xtcp_win_raw() of it fits the header.
 */
u32 xtcp_win_select(u32 free_space, u32 full_space, u32 mss, u32 cur_win, u8 wscale,
		    u32 limit)
{
	u32 win;

	mss = xtcp_min_u32(mss, full_space);
	if (!mss || (free_space < full_space / 2 &&
		     (free_space < mss || free_space < full_space / 16)))
		win = 0;
	else if (wscale)
		win = win_round_up(xtcp_min_u32(free_space, limit), wscale);
	else
		win = win_offer_unscaled(xtcp_min_u32(free_space, limit), full_space, mss,
					 cur_win);

	if (win < cur_win)
		win = win_round_up(cur_win, wscale);
	return xtcp_min_u32(win, (u32)U16_MAX << wscale);
}

/**
 * xtcp_win_may_update - does an acceptable ACK carry news of the send window?
 * @snd_una: SND.UNA before this ACK
 * @snd_wl1: sequence number of the segment that last changed the window
 * @ack: SEG.ACK
 * @ack_seq: SEG.SEQ
 * @snd_wnd: SND.WND in bytes
 * @nwin: SEG.WND in bytes
 *
 * RFC 9293 3.10.7.4 compares (SEG.SEQ, SEG.ACK) with (SND.WL1, SND.WL2) so that
 * an old segment can't undo a newer window. As in Linux SND.UNA stands for
 * SND.WL2, and of two segments equal in both only a larger window counts, or a
 * closed one: RFC 9293 leaves that case to the order of arrival, and data sent
 * into a window that may be closed is lost.
 *
 * Return: true if @nwin is to be taken.
 */
bool xtcp_win_may_update(u32 snd_una, u32 snd_wl1, u32 ack, u32 ack_seq, u32 snd_wnd,
			 u32 nwin)
{
	return xtcp_seq_after(ack, snd_una) || xtcp_seq_after(ack_seq, snd_wl1) ||
	       (ack_seq == snd_wl1 && (nwin > snd_wnd || !nwin));
}

/**
 * xtcp_win_nagle_ok - may the segment at the head of the send queue go now?
 * @nodelay: TCP_NODELAY, or the application pushes
 * @fin: the segment carries FIN: nothing can be appended
 * @packets_out: not 0 if data below MSS is unacknowledged, see xtcp_win_small_out()
 * @cork: TCP_CORK or MSG_MORE
 * @len: payload bytes
 * @mss: effective send MSS
 *
 * Silly-window avoidance of the sender (RFC 9293 3.7.4, 3.8.6.2.1).
 *
 * Return: true if it may go.
 */
bool xtcp_win_nagle_ok(bool nodelay, bool fin, u32 packets_out, bool cork, u32 len, u32 mss)
{
	if (len >= mss || fin)
		return true;
	if (cork)
		return false;
	return nodelay || !packets_out;
}

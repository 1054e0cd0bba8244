/* SPDX-License-Identifier: GPL-2.0-only */
/* effects.h: one segment on its way through a state, and what the state wants done. */
#ifndef _XTCP_EFFECTS_H
#define _XTCP_EFFECTS_H

#include <linux/skbuff.h>
#include <xtcp/opt.h>
#include <xtcp/seg.h>

/**
 * struct xtcp_ctx - one segment on its way through a state
 * @skb: the segment; data points behind the TCP header from step text on
 * @seg: its header, @opts: its options
 * @now_us: the clock, read once
 */
struct xtcp_ctx {
	struct sk_buff *skb;
	struct xtcp_seg seg;
	struct xtcp_opts opts;
	u64 now_us;
};

/**
 * struct xtcp_effects - what a state wants done, carried out by input.c at the end
 * @ack_now: a pure ACK, unless data carries it
 * @ack_dup: an ACK for an unacceptable segment, rate-limited
 * @ack_challenge: RFC 5961, rate-limited
 * @push: there may be something to send
 * @queued: the skb is in a queue of the socket now
 * @data: in-order data came: wake the reader
 * @full: data came for which there is no memory: wake the reader
 * @done: close without an error
 * @time_wait: to a TIME_WAIT bucket
 * @fin_wait2: an orphan's wait for the peer's FIN is a bucket's affair
 * @established: the handshake is complete
 * @fin: the peer's FIN is in order now
 * @wake_write: SND.UNA moved
 * @rst: a RST made from the segment, and why: XTCP_RST_*; 0: none
 * @abort_err: the connection is gone with this errno (0: no)
 * @reason: enum skb_drop_reason, why the skb ends if not queued
 */
struct xtcp_effects {
	u8 ack_now:1,
	   ack_dup:1,
	   ack_challenge:1,
	   push:1,
	   queued:1,
	   data:1,
	   full:1,
	   done:1,
	   time_wait:1,
	   fin_wait2:1,
	   established:1,
	   fin:1,
	   wake_write:1;
	u8 rst;
	int abort_err;
	u32 reason;
};

#endif /* _XTCP_EFFECTS_H */

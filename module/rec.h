/* SPDX-License-Identifier: GPL-2.0-only */
/* rec.h: the recovery part of struct xtcp_sock. Socket lock. */
#ifndef _XTCP_REC_H
#define _XTCP_REC_H

#include <linux/list.h>
#include <linux/types.h>
#include <xtcp/frto.h>
#include <xtcp/opt.h>
#include <xtcp/prr.h>
#include <xtcp/rack.h>
#include <xtcp/rate.h>

/**
 * struct xtcp_rec - loss detection and recovery; recovery.c, loss.c, scoreboard.c
 * @ca_state: enum xtcp_cc_state
 * @retransmits: RTOs in a row for SND.UNA
 * @backoff: exponent of the next RTO or probe
 * @probes_out: zero-window probes unanswered
 * @syn_retries: TCP_SYNCNT, 0: the knob
 * @reordering: duplicate ACKs that mean a loss (without SACK), or how far out of order, in
 *	segments, something arrived (with SACK); @reord_seen: ACKs that showed such
 * @dupacks: consecutive duplicate ACKs (without SACK)
 * @undo_marker: SND.UNA when the reduction began, 0: nothing to undo
 * @cut_stays: an ECE confirmed the reduction, whatever else was in error
 * @undo_retrans: retransmissions since, less those that a D-SACK showed needless
 * @retrans_ts: TSval clock at the first retransmission of this episode, 0: none
 * @retrans_stamp: the same clock when the segment retransmitted first in this
 *	episode, or that could not be, had been sent, or SND.UNA moved after that;
 *	0: no episode
 * @una_us: when SND.UNA moved last, low 32 bits of xtcp_now_us()
 * @probes_stamp: jiffies of the first unanswered probe, 0: none
 * @sent: in flight, oldest transmission first, by skb->tcp_tsorted_anchor
 * @lost: lost and waiting to go again, by the same link
 * @prr: the window during recovery (RFC 6937)
 * @rack: RACK's view of the latest delivery (RFC 8985)
 * @tlp: the tail-loss probe under way
 * @frto: is the timeout spurious? (RFC 5682)
 * @rate: delivery rate sampler
 */
struct xtcp_rec {
	u8 ca_state;
	u8 retransmits;
	u8 backoff;
	u8 probes_out;
	u8 syn_retries;
	bool cut_stays;
	u16 reordering;
	u32 dupacks;
	u32 reord_seen;
	u32 undo_marker;
	int undo_retrans;
	u32 retrans_ts;
	u32 retrans_stamp;
	u32 una_us;
	u32 probes_stamp;
	struct list_head sent;
	struct list_head lost;
	struct xtcp_prr prr;
	struct xtcp_rack rack;
	struct xtcp_rack_tlp tlp;
	struct xtcp_frto frto;
	struct xtcp_rate rate;
};

#endif /* _XTCP_REC_H */

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * RACK-TLP: loss detection by time (RFC 8985). The scoreboard is the engine's; here
 * is what is known of the latest delivery, and the verdict on a single segment.
 *
 * Times are the low 32 bits of microseconds: what is compared lies in the last 71 minutes.
 */
#ifndef _XTCP_RACK_H
#define _XTCP_RACK_H

#include <xtcp/seq.h>
#include <xtcp/types.h>

#define XTCP_RACK_DUPTHRESH 3U
#define XTCP_RACK_NOT_YET U32_MAX

/**
 * struct xtcp_rack - the most recently sent segment known to be delivered
 * @xmit_us: when it was sent last; xtcp_rack_restart()
 * @end_seq: the number after its last one
 * @rtt_us: RTT of the segment that was delivered last
 * @rtt_end_seq: the number after that one's last
 * @fack: highest number acknowledged or SACKed
 * @dsack_round: SND.NXT when a D-SACK last widened the window, with @in_dsack_round
 * @late_us: the most by which an original came later than RACK allows for without a window
 * @reo_wnd_mult: quarters of the minimum RTT that reordering may take
 * @reo_wnd_persist: recoveries for which @reo_wnd_mult is kept
 * @reordering_seen: a segment never retransmitted arrived below @fack
 * @in_dsack_round: D-SACKs of this round trip are counted already
 */
struct xtcp_rack {
	u32 xmit_us;
	u32 end_seq;
	u32 rtt_us;
	u32 rtt_end_seq;
	u32 fack;
	u32 dsack_round;
	u32 late_us;
	u8 reo_wnd_mult;
	u8 reo_wnd_persist;
	bool reordering_seen;
	bool in_dsack_round;
};

static_assert(sizeof(struct xtcp_rack) == 32);

/**
 * struct xtcp_rack_tlp - a tail-loss probe on its way
 * @end_seq: SND.NXT after it was sent
 * @active: there is one
 * @is_retrans: it repeats the last segment, no new data was at hand
 */
struct xtcp_rack_tlp {
	u32 end_seq;
	bool active;
	bool is_retrans;
};

static inline bool xtcp_rack_sent_after(u32 a_us, u32 a_seq, u32 b_us, u32 b_seq, u32 now_us)
{
	u32 a_age = now_us - a_us, b_age = now_us - b_us;

	return a_age < b_age || (a_age == b_age && xtcp_seq_after(a_seq, b_seq));
}

void xtcp_rack_init(struct xtcp_rack *r, u32 snd_una);
void xtcp_rack_restart(struct xtcp_rack *r, u32 snd_una, bool all_acked, u32 now_us);
void xtcp_rack_delivered(struct xtcp_rack *r, u32 xmit_us, u32 end_seq, bool retransmitted,
			 bool ts_older, u32 now_us, u32 min_rtt_us);
void xtcp_rack_ack(struct xtcp_rack *r, u32 snd_una, u32 snd_nxt, bool dsack);
void xtcp_rack_recovered(struct xtcp_rack *r);
u32 xtcp_rack_reo_wnd(const struct xtcp_rack *r, u32 min_rtt_us, u32 srtt_us, u32 sacked,
		      bool in_recovery);
u32 xtcp_rack_remaining(const struct xtcp_rack *r, u32 xmit_us, u32 end_seq, u32 now_us,
			u32 reo_wnd_us);
u32 xtcp_rack_wait(const struct xtcp_rack *r, u32 now_us, u32 reo_wnd_us);
u32 xtcp_rack_pto(u32 srtt_us, u32 flight, u32 max_ack_delay_us, u32 rto_left_us);
bool xtcp_rack_tlp_ack(struct xtcp_rack_tlp *t, u32 ack, bool dsack, bool dupack);

#endif /* _XTCP_RACK_H */

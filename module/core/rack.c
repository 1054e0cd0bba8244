// SPDX-License-Identifier: GPL-2.0-only
/*
 * RACK-TLP. struct xtcp_rack and struct xtcp_rack_tlp belong to one connection, under
 * its socket lock.
 *
 * For each ACK, in this order (RFC 8985 6.2): xtcp_rack_delivered() for every
 * segment newly acknowledged or SACKed, xtcp_rack_ack(), xtcp_rack_reo_wnd(), then
 * xtcp_rack_remaining() for the segments outstanding, oldest transmission first.
 */
#include <xtcp/rack.h>

#define RACK_REO_WND_PERSIST 16U
#define RACK_REO_WND_MULT_MAX 255U
#define RACK_LATE_DECAY 8U
#define RACK_PTO_NO_RTT_US (1U * XTCP_USEC_PER_SEC)

/**
 * xtcp_rack_init - nothing delivered yet
 * @r: the state
 * @snd_una: SND.UNA
 */
void xtcp_rack_init(struct xtcp_rack *r, u32 snd_una)
{
	memset(r, 0, sizeof(*r));
	r->end_seq = snd_una;
	r->fack = snd_una;
	r->reo_wnd_mult = 1;
}

/**
 * xtcp_rack_restart - a segment leaves, and nothing else is in flight
 * @r: the state
 * @snd_una: SND.UNA
 * @all_acked: nor is anything else unacknowledged
 * @now_us: time
 *
 * Keeps the time in @r from outliving its 32 bits. With all acknowledged what was delivered
 * before, however long ago, was sent before all there is to judge from now on, and is as good
 * as sent now. Else what is taken for lost may yet be in flight again; then it matters what
 * was sent first, but not how long ago beyond half a turn of the clock.
 */
void xtcp_rack_restart(struct xtcp_rack *r, u32 snd_una, bool all_acked, u32 now_us)
{
	if (all_acked) {
		r->xmit_us = now_us;
		r->end_seq = snd_una;
	} else if (now_us - r->xmit_us > S32_MAX) {
		r->xmit_us = now_us - S32_MAX;
	}
}

/* An original arrived after what was sent later: how late would have been too late? */
static void rack_reordered(struct xtcp_rack *r, u32 rtt_us)
{
	r->reordering_seen = true;
	if (rtt_us > r->rtt_us)
		r->late_us = xtcp_max_u32(r->late_us, rtt_us - r->rtt_us);
}

/**
 * xtcp_rack_delivered - a segment was acknowledged or SACKed for the first time
 * @r: the state
 * @xmit_us: when it was sent last
 * @end_seq: the number after its last one
 * @retransmitted: it was sent more than once
 * @ts_older: the ACK acknowledges it and echoes a timestamp older than @xmit_us
 * @now_us: time
 * @min_rtt_us: minimum RTT
 *
 * Steps 2 and 3 of RFC 8985 6.2. An ACK that can't be the answer to the last
 * transmission of the segment, by its timestamp or because it came too soon,
 * answers an earlier one and says nothing of what was sent between.
 */
void xtcp_rack_delivered(struct xtcp_rack *r, u32 xmit_us, u32 end_seq, bool retransmitted,
			 bool ts_older, u32 now_us, u32 min_rtt_us)
{
	u32 rtt_us = now_us - xmit_us;

	if (xtcp_seq_after(end_seq, r->fack))
		r->fack = end_seq;
	else if (end_seq != r->fack && !retransmitted)
		rack_reordered(r, rtt_us);

	if (retransmitted && (ts_older || rtt_us < min_rtt_us))
		return;
	r->rtt_us = rtt_us;
	r->rtt_end_seq = end_seq;
	if (xtcp_rack_sent_after(xmit_us, end_seq, r->xmit_us, r->end_seq, now_us)) {
		r->xmit_us = xmit_us;
		r->end_seq = end_seq;
	}
}

/**
 * xtcp_rack_ack - D-SACKs widen the reordering window, once per round trip
 * @r: the state
 * @snd_una: SND.UNA
 * @snd_nxt: SND.NXT
 * @dsack: the ACK carried a valid D-SACK of a fast retransmission
 *
 * Beyond RFC 8985 a D-SACK counts as reordering seen. A path that reorders so
 * much that each late segment is sent again before it arrives would otherwise
 * never show any: what was sent again is no evidence, and the window that
 * D-SACKs widen would not be used.
 */
void xtcp_rack_ack(struct xtcp_rack *r, u32 snd_una, u32 snd_nxt, bool dsack)
{
	if (r->in_dsack_round && xtcp_seq_geq(snd_una, r->dsack_round))
		r->in_dsack_round = false;
	if (!dsack || r->in_dsack_round)
		return;
	r->reordering_seen = true;
	r->in_dsack_round = true;
	r->dsack_round = snd_nxt;
	r->reo_wnd_persist = RACK_REO_WND_PERSIST;
	if (r->reo_wnd_mult < RACK_REO_WND_MULT_MAX)
		r->reo_wnd_mult++;
}

/**
 * xtcp_rack_recovered - a recovery is over: one step towards forgetting D-SACKs and lateness
 * @r: the state
 */
void xtcp_rack_recovered(struct xtcp_rack *r)
{
	r->late_us -= (r->late_us + RACK_LATE_DECAY - 1) / RACK_LATE_DECAY;
	if (r->reo_wnd_persist)
		r->reo_wnd_persist--;
	if (!r->reo_wnd_persist)
		r->reo_wnd_mult = 1;
}

/**
 * xtcp_rack_reo_wnd - how long a segment may be late without being lost
 * @r: the state
 * @min_rtt_us: minimum RTT
 * @srtt_us: smoothed RTT
 * @sacked: segments SACKed
 * @in_recovery: fast or RTO recovery
 *
 * RFC 8985 6.2 step 4. Beyond it the window grows to what reordering was seen to take
 * and a quarter, so that a path whose reordering exceeds min_rtt / 4 need not teach
 * us by D-SACKs. Its bound, the smoothed RTT, is understood as one on the time from
 * sending: two of them, of which RACK's own RTT, short when a segment overtook
 * others, is a part.
 *
 * Return: microseconds.
 */
u32 xtcp_rack_reo_wnd(const struct xtcp_rack *r, u32 min_rtt_us, u32 srtt_us, u32 sacked,
		      bool in_recovery)
{
	u64 window, seen;

	if (!r->reordering_seen && (in_recovery || sacked >= XTCP_RACK_DUPTHRESH))
		return 0;
	seen = (u64)r->late_us + r->late_us / 4;
	seen = xtcp_min_u64(seen, 2ULL * srtt_us - xtcp_min_u32(r->rtt_us, srtt_us));
	window = xtcp_min_u64((u64)r->reo_wnd_mult * min_rtt_us / 4, srtt_us);
	return (u32)xtcp_max_u64(window, seen);
}

/**
 * xtcp_rack_remaining - is a segment lost?
 * @r: the state
 * @xmit_us: when it was sent last
 * @end_seq: the number after its last one
 * @now_us: time
 * @reo_wnd_us: xtcp_rack_reo_wnd()
 *
 * RFC 8985 6.2 step 5. Of segments sent in one burst, at the same time, those behind the one
 * whose RTT this is had no more time than it took, and get a moment more.
 *
 * Return: 0 if so; XTCP_RACK_NOT_YET if nothing sent after it was delivered;
 * otherwise the microseconds to wait for it.
 */
u32 xtcp_rack_remaining(const struct xtcp_rack *r, u32 xmit_us, u32 end_seq, u32 now_us,
			u32 reo_wnd_us)
{
	u64 allowed = (u64)r->rtt_us + reo_wnd_us;
	u32 age = now_us - xmit_us;

	if (!xtcp_rack_sent_after(r->xmit_us, r->end_seq, xmit_us, end_seq, now_us))
		return XTCP_RACK_NOT_YET;
	if (allowed == age && xtcp_seq_after(end_seq, r->rtt_end_seq))
		return 1;
	if (allowed <= age)
		return 0;
	return (u32)xtcp_min_u64(allowed - age, XTCP_RACK_NOT_YET - 1);
}

/**
 * xtcp_rack_wait - some segment must be waited for: when will the last of them be lost?
 * @r: the state
 * @now_us: time
 * @reo_wnd_us: xtcp_rack_reo_wnd()
 *
 * RFC 8985 6.2 step 5 looks for the latest deadline among the segments. None is later than
 * that of one sent with the latest that was delivered, and this takes no search.
 *
 * Return: microseconds, at least 1
 */
u32 xtcp_rack_wait(const struct xtcp_rack *r, u32 now_us, u32 reo_wnd_us)
{
	u64 allowed = (u64)r->rtt_us + reo_wnd_us;
	u32 age = now_us - r->xmit_us;

	return allowed > age ? (u32)xtcp_min_u64(allowed - age, XTCP_RACK_NOT_YET - 1) : 1;
}

/**
 * xtcp_rack_pto - when to send a tail-loss probe (RFC 8985 7.2)
 * @srtt_us: smoothed RTT, 0 if unknown
 * @flight: segments in flight
 * @max_ack_delay_us: longest time the peer may hold back the ACK of a single segment
 * @rto_left_us: time until the retransmission timer fires
 *
 * Return: microseconds from now, at most @rto_left_us.
 */
u32 xtcp_rack_pto(u32 srtt_us, u32 flight, u32 max_ack_delay_us, u32 rto_left_us)
{
	u64 pto = RACK_PTO_NO_RTT_US;

	if (srtt_us)
		pto = 2ULL * srtt_us + (flight == 1 ? max_ack_delay_us : 0);
	return (u32)xtcp_min_u64(pto, rto_left_us);
}

/**
 * xtcp_rack_tlp_ack - what an ACK tells of the probe (RFC 8985 7.4.2)
 * @t: the probe
 * @ack: SEG.ACK
 * @dsack: the ACK carries a D-SACK of the probe
 * @dupack: the ACK is a duplicate without SACK blocks
 *
 * Return: true if the probe repaired a loss, for which congestion control must
 * answer as for any other.
 */
bool xtcp_rack_tlp_ack(struct xtcp_rack_tlp *t, u32 ack, bool dsack, bool dupack)
{
	if (!t->active || xtcp_seq_before(ack, t->end_seq))
		return false;
	if (!t->is_retrans || dsack) {
		t->active = false;
		return false;
	}
	if (xtcp_seq_after(ack, t->end_seq)) {
		t->active = false;
		return true;
	}
	if (dupack)
		t->active = false;
	return false;
}

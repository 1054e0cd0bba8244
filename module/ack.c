// SPDX-License-Identifier: GPL-2.0-only
/*
 * ack.c owns SND.UNA and what an ACK means for the send side: the window, the
 * retransmission queue, the RTT sample, the retransmission timer. Socket lock.
 */
#include <net/dst.h>
#include <xtcp/win.h>

#include "af.h"
#include "busy.h"
#include "compat.h"
#include "engine.h"
#include "timer.h"

/**
 * xtcp_ack_rto - the retransmission timeout with its back-off (RFC 6298)
 * @sk: locked
 *
 * Return: jiffies, at least 1
 */
u32 xtcp_ack_rto(const struct sock *sk)
{
	const struct xtcp_sock *xs = xtcp_sk(sk);
	u32 us = xtcp_rtt_backoff(xtcp_rtt_rto_us(&xs->rtt), xs->rec.backoff, XTCP_RTO_MAX_US);

	return max_t(u32, xtcp_us_to_jiffies(us), 1);
}

/**
 * xtcp_ack_rearm_rto - RFC 6298 5.2, 5.3: off when all is acknowledged, else anew
 * @sk: locked
 */
void xtcp_ack_rearm_rto(struct sock *sk)
{
	if (!xtcp_sk(sk)->snd.packets_out)
		xtcp_timer_cancel(sk, XTCP_T_RTO);
	else
		xtcp_timer_arm(sk, XTCP_T_RTO, xtcp_ack_rto(sk));
}

/* RFC 9293 3.10.7.4: SND.WND, SND.WL1. True when the window changed. */
static bool ack_update_window(struct sock *sk, const struct xtcp_seg *seg)
{
	struct xtcp_sock *xs = xtcp_sk(sk);
	u32 nwin = seg->window;

	if (!(seg->flags & XTCP_SYN))
		nwin <<= xs->snd.wscale;
	if (!xtcp_win_may_update(xs->snd.una, xs->snd.wl1, seg->ack, seg->seq, xs->snd.wnd, nwin))
		return false;
	xs->snd.wl1 = seg->seq;
	if (xs->snd.wnd == nwin)
		return false;
	xs->snd.wnd = nwin;
	if (nwin > xs->snd.max_wnd) {
		xs->snd.max_wnd = nwin;
		xtcp_mss_sync(sk, xs->snd.pmtu);
	}
	return true;
}

static void ack_advance_una(struct xtcp_sock *xs, u32 ack)
{
	xs->snd.bytes_acked += ack - xs->snd.una;
	xs->snd.una = ack;
	if (xs->snd.urg_mode && !xtcp_seq_before(ack, xs->snd.up))
		xs->snd.urg_mode = 0;
}

/* Takes a segment's share out of the counts; the segment itself goes or is trimmed. */
static void ack_uncount(struct xtcp_sock *xs, const struct xtcp_skb_cb *cb)
{
	xs->snd.packets_out -= cb->segs;
	if (cb->sacked & XTCP_SACKED_ACKED)
		xs->snd.sacked_out -= cb->segs;
	if (cb->sacked & XTCP_SACKED_LOST)
		xs->snd.lost_out -= cb->segs;
	if (cb->sacked & XTCP_SACKED_RETRANS)
		xs->snd.retrans_out -= cb->segs;
}

/* The front part of a segment is acknowledged: cut it off when whole segments are. */
static void ack_trim(struct sock *sk, struct sk_buff *skb, struct xtcp_ack_info *ai)
{
	struct xtcp_skb_cb *cb = XTCP_CB(skb);
	struct xtcp_sock *xs = xtcp_sk(sk);
	u32 before = cb->segs;

	if (before == 1 || !xtcp_seq_after(xs->snd.una, cb->seq))
		return;
	if (xtcp_rtxq_trim_head(sk, skb, xs->snd.una - cb->seq))
		return;
	ai->acked_segs += before - cb->segs;
	if (before != cb->segs && !(cb->sacked & XTCP_SACKED_ACKED))
		xtcp_scoreboard_delivered(sk, skb, before - cb->segs, xs->snd.una, ai);
}

/* Frees what is acknowledged in full; *@sent_us: when the first such segment had been sent. */
static bool ack_clean_queue(struct sock *sk, struct xtcp_ack_info *ai, u32 *sent_us)
{
	struct xtcp_sock *xs = xtcp_sk(sk);
	bool sample = false;
	struct sk_buff *skb;

	while ((skb = xtcp_rtxq_head(sk))) {
		struct xtcp_skb_cb *cb = XTCP_CB(skb);

		if (xtcp_seq_after(cb->end_seq, xs->snd.una)) {
			ack_trim(sk, skb, ai);
			break;
		}
		if (cb->sacked & XTCP_SACKED_EVER) {
			ai->retrans_acked = true;
		} else if (!sample && !(cb->sacked & XTCP_SACKED_ACKED)) {
			sample = true;
			*sent_us = cb->sent_us;
		}
		if (!(cb->sacked & XTCP_SACKED_ACKED))
			xtcp_scoreboard_delivered(sk, skb, cb->segs, cb->end_seq, ai);
		if (!(cb->flags & XTCP_SYN))
			ai->acked_segs += cb->segs;
		ack_uncount(xs, cb);
		xtcp_rtxq_unlink_free(sk, skb);
	}
	return sample;
}

/* Karn: never from a retransmitted segment, unless the echoed timestamp tells which copy. */
static u32 ack_rtt_us(const struct xtcp_ack_info *ai, bool sample, u32 sent_us)
{
	u32 ms;

	if (sample && !ai->retrans_acked)
		return max((u32)ai->now_us - sent_us, 1U);
	if (!ai->has_echo)
		return U32_MAX;
	ms = xtcp_now_ts() - ai->echo;
	return ms < XTCP_RTO_MAX_US / USEC_PER_MSEC ? max(ms, 1U) * USEC_PER_MSEC : U32_MAX;
}

static void ack_sample_rtt(struct sock *sk, u32 rtt_us, u64 now_us)
{
	struct xtcp_sock *xs = xtcp_sk(sk);

	xtcp_rtt_sample(&xs->rtt, rtt_us, xs->snd.una, xs->snd.nxt,
			xtcp_sk_knob(sk, rto_min));
	xtcp_rtt_min_update(&xs->rtt, rtt_us, (u32)div_u64(now_us, USEC_PER_MSEC),
			    xtcp_sk_knob(sk, min_rtt_wlen) * MSEC_PER_SEC);
	xs->rec.backoff = 0;
}

/* The peer saw marks of congestion among @segs that this ACK is for. */
static void ack_note_ece(struct sock *sk, u32 segs)
{
	struct xtcp_disorder *d = xtcp_sock_disorder(sk);

	XTCP_SK_ADD(sk, DELIVEREDCE, segs);
	if (d)
		d->delivered_ce += segs;
}

/* Nothing is out: an ACK that opens the window ends probing, another keeps it going. */
static void ack_probe(struct sock *sk)
{
	struct sk_buff *skb = skb_peek(&sk->sk_write_queue);
	struct xtcp_sock *xs = xtcp_sk(sk);

	if (!skb)
		return;
	if (!xtcp_seq_after(XTCP_CB(skb)->end_seq, xtcp_wnd_end(xs))) {
		xs->rec.backoff = 0;
		xs->rec.probes_stamp = 0;
		xtcp_timer_cancel(sk, XTCP_T_PROBE);
	} else {
		xtcp_timer_arm(sk, XTCP_T_PROBE, xtcp_output_probe_when(sk));
	}
}

/* RFC 9293 3.10.7.4 with RFC 5961 5: is this a number the peer may acknowledge? */
static bool ack_acceptable(struct sock *sk, const struct xtcp_seg *seg, struct xtcp_effects *fx)
{
	struct xtcp_sock *xs = xtcp_sk(sk);
	u32 window = min_t(u64, xs->snd.max_wnd, xs->snd.bytes_acked);

	if (xtcp_seq_before(seg->ack, xs->snd.una - window)) {
		XTCP_SK_INC(sk, ACKTOOOLD);
		fx->ack_challenge = 1;
		fx->reason = SKB_DROP_REASON_TCP_TOO_OLD_ACK;
		return false;
	}
	if (xtcp_seq_after(seg->ack, xs->snd.nxt)) {
		XTCP_SK_INC(sk, ACKUNSENT);
		fx->ack_challenge = 1;
		fx->reason = SKB_DROP_REASON_TCP_ACK_UNSENT_DATA;
		return false;
	}
	return true;
}

static void ack_new_data(struct sock *sk, struct xtcp_ctx *c, struct xtcp_ack_info *ai)
{
	struct xtcp_sock *xs = xtcp_sk(sk);
	u32 sent_us = 0;
	bool sample;

	ai->acked_bytes = c->seg.ack - xs->snd.una;
	ack_advance_una(xs, c->seg.ack);
	xs->rec.una_us = (u32)ai->now_us;
	sample = ack_clean_queue(sk, ai, &sent_us);
	xtcp_mtup_ack(sk);
	ai->rtt_us = ack_rtt_us(ai, sample, sent_us);
	if (ai->rtt_us != U32_MAX)
		ack_sample_rtt(sk, ai->rtt_us, ai->now_us);
	xs->rec.retransmits = 0;
	sk_dst_confirm(sk);
}

/* A duplicate ACK as RFC 5681 2 means it. */
static bool ack_is_dup(const struct xtcp_sock *xs, const struct xtcp_seg *seg,
		       const struct xtcp_ack_info *ai)
{
	return !ai->advanced && !ai->win_update && !seg->len && xs->snd.packets_out &&
	       !(seg->flags & (XTCP_SYN | XTCP_FIN));
}

/* What was out is affected: scoreboard, losses, window, timers, in this order. */
static void ack_recover(struct sock *sk, struct xtcp_ctx *c, struct xtcp_ack_info *ai)
{
	if (xtcp_sk(sk)->neg.sack_ok && (c->opts.has & XTCP_OPT_SACK))
		xtcp_scoreboard_sack(sk, c, ai);
	xtcp_recovery_on_ack(sk, ai);
	xtcp_cc_on_ack(sk, ai);
	if (ai->advanced) {
		xtcp_ack_rearm_rto(sk);
		xtcp_loss_arm_tlp(sk);
	}
	if (!ai->send_new)
		xtcp_recovery_retransmit(sk);
}

/* An ACK that was overtaken: of all it says, what the peer holds may still be news. */
static void ack_old(struct sock *sk, struct xtcp_ctx *c, struct xtcp_ack_info *ai,
		    struct xtcp_effects *fx)
{
	const struct xtcp_sock *xs = xtcp_sk(sk);

	if (!xs->neg.sack_ok || !(c->opts.has & XTCP_OPT_SACK) || !xs->snd.packets_out)
		return;
	xtcp_scoreboard_sack(sk, c, ai);
	if (!ai->sacked && !ai->dsack)
		return;
	ai->ece = false;
	xtcp_recovery_on_ack(sk, ai);
	xtcp_recovery_retransmit(sk);
	XTCP_SK_ADD(sk, DELIVERED, ai->delivered);
	fx->push = 1;
}

/**
 * xtcp_ack_process - an ACK for the send side (RFC 9293 3.10.7.4, fifth)
 * @sk: locked, synchronized
 * @c: the segment, ACK bit set
 * @fx: gets the push, or the challenge
 *
 * Return: false when the segment must go no further
 */
bool xtcp_ack_process(struct sock *sk, struct xtcp_ctx *c, struct xtcp_effects *fx)
{
	struct xtcp_sock *xs = xtcp_sk(sk);
	struct xtcp_ack_info ai = {
		.prior_in_flight = xtcp_packets_in_flight(xs),
		.rtt_us = U32_MAX,
		.now_us = c->now_us,
		.has_echo = xs->neg.ts_ok && (c->opts.has & XTCP_OPT_TS) && c->opts.tsecr,
		.echo = c->opts.tsecr - xs->neg.ts_offset,
		.advanced = xtcp_seq_after(c->seg.ack, xs->snd.una),
		.ece = xtcp_ecn_echoed(sk, &c->seg),
	};
	bool had_out = xs->snd.packets_out;

	if (!ack_acceptable(sk, &c->seg, fx))
		return false;
	if (xtcp_seq_before(c->seg.ack, xs->snd.una)) {
		ack_old(sk, c, &ai, fx);
		return true;
	}
	if (!c->seg.len)
		XTCP_SK_INC(sk, PUREACKS);
	xs->rcv.rcv_tstamp = (u32)jiffies;
	xs->ka.probes = 0;
	ai.win_update = ack_update_window(sk, &c->seg);
	WRITE_ONCE(sk->sk_err_soft, 0);
	xs->rec.probes_out = 0;
	if (ai.advanced)
		ack_new_data(sk, c, &ai);
	ai.dup = ack_is_dup(xs, &c->seg, &ai);
	if (had_out)
		ack_recover(sk, c, &ai);
	else
		ack_probe(sk);
	XTCP_SK_ADD(sk, DELIVERED, ai.delivered);
	if (ai.ece)
		ack_note_ece(sk, ai.delivered);
	if (ai.advanced)
		xtcp_busy_acked(sk, ai.now_us);
	fx->push = 1;
	fx->wake_write |= ai.advanced;
	return true;
}

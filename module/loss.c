// SPDX-License-Identifier: GPL-2.0-only
/*
 * loss.c owns the verdict "lost": RACK by time and the tail-loss probe (RFC 8985)
 * with SACK. Segments move from rec.sent to rec.lost here. Socket lock.
 */
#include "af.h"
#include "compat.h"
#include "engine.h"
#include "timer.h"

#define LOSS_MAX_ACK_DELAY_US	(200U * USEC_PER_MSEC)
#define LOSS_MIN_TIMER		1

/**
 * xtcp_loss_mark - a segment, or its retransmission, is taken for lost
 * @sk: locked
 * @skb: in the retransmission queue
 *
 * Return: true if that is news
 */
bool xtcp_loss_mark(struct sock *sk, struct sk_buff *skb)
{
	struct xtcp_skb_cb *cb = XTCP_CB(skb);
	struct xtcp_sock *xs = xtcp_sk(sk);
	struct xtcp_cc_lost lost;

	if (cb->sacked & XTCP_SACKED_ACKED)
		return false;
	if ((cb->sacked & XTCP_SACKED_LOST) && !(cb->sacked & XTCP_SACKED_RETRANS))
		return false;
	if (cb->sacked & XTCP_SACKED_RETRANS) {
		cb->sacked &= ~XTCP_SACKED_RETRANS;
		xs->snd.retrans_out -= cb->segs;
		XTCP_SK_ADD(sk, LOSTRETRANSMIT, cb->segs);
	}
	if (!(cb->sacked & XTCP_SACKED_LOST)) {
		cb->sacked |= XTCP_SACKED_LOST;
		xs->snd.lost_out += cb->segs;
	}
	xtcp_rate_lost(&xs->rec.rate, &cb->rate, cb->segs, &lost);
	if (xs->cc.ops->lost) {
		lost.now_us = xtcp_sk_now_us(xs);
		xs->cc.ops->lost(&xs->cc, &lost);
	}
	list_move_tail(&skb->tcp_tsorted_anchor, &xs->rec.lost);
	return true;
}

/*
 * RFC 8985 6.2 step 5. Returns the microseconds until the next verdict, 0: none is due. The
 * first that must wait ends it, for those sent later must, too: an ACK costs no more than
 * what it finds lost.
 */
static u32 loss_detect_rack(struct sock *sk, struct xtcp_ack_info *ai)
{
	struct xtcp_sock *xs = xtcp_sk(sk);
	u32 now_us = (u32)ai->now_us;
	u32 left, window;
	struct sk_buff *skb, *n;

	window = xtcp_rack_reo_wnd(&xs->rec.rack, xtcp_rtt_min_us(&xs->rtt), xs->rtt.srtt_us >> 3,
				   xs->snd.sacked_out, xs->rec.ca_state >= XTCP_CA_RECOVERY);
	list_for_each_entry_safe(skb, n, &xs->rec.sent, tcp_tsorted_anchor) {
		left = xtcp_rack_remaining(&xs->rec.rack, XTCP_CB(skb)->sent_us,
					   XTCP_CB(skb)->end_seq, now_us, window);
		if (left == XTCP_RACK_NOT_YET)
			break;
		if (left)
			return xtcp_rack_wait(&xs->rec.rack, now_us, window);
		if (xtcp_loss_mark(sk, skb))
			ai->newly_lost += XTCP_CB(skb)->segs;
	}
	return 0;
}

/* How far out of order, in segments: what TCP_INFO tells, and what buffers allow for. */
static void loss_note_reordering(struct sock *sk, const struct xtcp_ack_info *ai)
{
	struct xtcp_sock *xs = xtcp_sk(sk);
	u32 segs;

	if (likely(!ai->late))
		return;
	segs = DIV_ROUND_UP(ai->late, max_t(u32, xs->snd.mss, 1));
	segs = min_t(u32, segs, xtcp_sk_knob(sk, max_reordering));
	xs->rec.reordering = max_t(u32, xs->rec.reordering, segs);
	xs->rec.reord_seen++;
}

/**
 * xtcp_loss_detect - which segments does an ACK show to be lost?
 * @sk: locked, SACK negotiated
 * @ai: the ACK; newly lost segments are added
 */
void xtcp_loss_detect(struct sock *sk, struct xtcp_ack_info *ai)
{
	struct xtcp_sock *xs = xtcp_sk(sk);
	u32 wait_us;

	loss_note_reordering(sk, ai);
	xtcp_rack_ack(&xs->rec.rack, xs->snd.una, xs->snd.nxt, ai->dsack);
	wait_us = loss_detect_rack(sk, ai);
	if (wait_us)
		xtcp_timer_arm(sk, XTCP_T_REO,
			       max_t(u32, xtcp_us_to_jiffies(wait_us), LOSS_MIN_TIMER));
	else
		xtcp_timer_cancel(sk, XTCP_T_REO);
}

/**
 * xtcp_loss_reo_timeout - the reordering window of some segments is over
 * @sk: locked
 */
void xtcp_loss_reo_timeout(struct sock *sk)
{
	struct xtcp_ack_info ai = {
		.prior_in_flight = xtcp_packets_in_flight(xtcp_sk(sk)),
		.rtt_us = U32_MAX,
		.now_us = xtcp_now_us(),
	};

	if (!xtcp_sk(sk)->snd.packets_out)
		return;
	xtcp_recovery_on_ack(sk, &ai);
	xtcp_recovery_retransmit(sk);
}

/* Nothing lost or SACKed that recovery would see to. */
static bool loss_may_probe(const struct xtcp_sock *xs)
{
	return xs->rec.ca_state == XTCP_CA_OPEN || xs->rec.ca_state == XTCP_CA_CWR;
}

/**
 * xtcp_loss_arm_tlp - data is out: when to probe the tail (RFC 8985 7.2)
 * @sk: locked
 */
void xtcp_loss_arm_tlp(struct sock *sk)
{
	struct xtcp_sock *xs = xtcp_sk(sk);
	u32 rto, pto;

	if (!xs->neg.sack_ok || xtcp_sk_knob(sk, early_retrans) < 3 || !loss_may_probe(xs) ||
	    xs->rec.tlp.active || !xs->snd.packets_out || xs->snd.sacked_out || !xs->rtt.srtt_us ||
	    sk->sk_state == TCP_SYN_SENT) {
		xtcp_timer_cancel(sk, XTCP_T_TLP);
		return;
	}
	rto = xtcp_ack_rto(sk);
	pto = xtcp_rack_pto(xs->rtt.srtt_us >> 3, xs->snd.packets_out, LOSS_MAX_ACK_DELAY_US,
			    jiffies_to_usecs(rto));
	/* In one tick with the retransmission timer it would come too late. */
	pto = min_t(u32, xtcp_us_to_jiffies(pto), rto - 1);
	xtcp_timer_arm(sk, XTCP_T_TLP, max(pto, 2U));
}

/* New data if the window has room, else the last segment once more. */
static bool loss_send_probe(struct sock *sk)
{
	struct sk_buff *skb = skb_peek(&sk->sk_write_queue);
	struct xtcp_sock *xs = xtcp_sk(sk);
	u32 out = xs->snd.packets_out;
	u32 mss = xtcp_mss_current(sk);

	if (skb) {
		xtcp_output_push_one(sk);
		if (xs->snd.packets_out > out) {
			xs->rec.tlp.is_retrans = false;
			return true;
		}
	}
	skb = xtcp_rtxq_tail(sk);
	if (!skb || (XTCP_CB(skb)->sacked & (XTCP_SACKED_ACKED | XTCP_SACKED_LOST)))
		return false;
	if (XTCP_CB(skb)->segs > 1 && skb->len > mss) {
		if (xtcp_rtxq_split(sk, skb, (skb->len - 1) / mss * mss, true))
			return false;
		skb = xtcp_rtxq_next(skb);
	}
	xs->rec.tlp.is_retrans = true;
	return !xtcp_rtxq_retransmit(sk, skb, 1);
}

/**
 * xtcp_loss_tlp_timeout - no ACK came for two round trips: make the peer say what it has
 * @sk: locked
 */
void xtcp_loss_tlp_timeout(struct sock *sk)
{
	struct xtcp_sock *xs = xtcp_sk(sk);

	if (!xs->snd.packets_out || xs->rec.tlp.active || !loss_may_probe(xs))
		return;
	if (loss_send_probe(sk)) {
		XTCP_SK_INC(sk, LOSSPROBES);
		xs->rec.tlp.active = true;
		xs->rec.tlp.end_seq = xs->snd.nxt;
	}
	xtcp_ack_rearm_rto(sk);
}

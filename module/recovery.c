// SPDX-License-Identifier: GPL-2.0-only
/*
 * recovery.c owns what is done about losses: the phases of recovery, the window
 * meanwhile, what goes again, and the way back when it was all a mistake.
 * Socket lock.
 *
 * Without SACK (NewReno, RFC 6582) each duplicate ACK stands for one segment
 * that left the network and is counted in snd.sacked_out.
 */
#include "compat.h"
#include "engine.h"
#include "timer.h"

/**
 * xtcp_recovery_init - a connection without losses; sequence numbers are set
 * @sk: nothing sent yet
 */
void xtcp_recovery_init(struct sock *sk)
{
	struct xtcp_sock *xs = xtcp_sk(sk);

	xs->rec = (struct xtcp_rec) {
		.ca_state = XTCP_CA_OPEN,
		.reordering = xtcp_sk_knob(sk, reordering),
		.syn_retries = xs->rec.syn_retries,
		.undo_retrans = -1,
	};
	xs->snd.high_seq = xs->snd.una - 1;
	INIT_LIST_HEAD(&xs->rec.sent);
	INIT_LIST_HEAD(&xs->rec.lost);
	xtcp_rack_init(&xs->rec.rack, xs->snd.una);
}

static void recovery_event(struct xtcp_sock *xs, enum xtcp_cc_event ev)
{
	if (xs->cc.ops->event)
		xs->cc.ops->event(&xs->cc, ev);
}

/* Without SACK a duplicate ACK can't stand for more than what is out behind the hole. */
static void recovery_limit_reno(struct xtcp_sock *xs)
{
	u32 holes = max(xs->snd.lost_out, 1U);

	if (xs->snd.sacked_out + holes > xs->snd.packets_out)
		xs->snd.sacked_out = xs->snd.packets_out > holes ?
				     xs->snd.packets_out - holes : 0;
}

/* Keeps the count of duplicate ACKs that stands for SACKed segments. */
static void recovery_count_reno(struct xtcp_sock *xs, struct xtcp_ack_info *ai)
{
	u32 counted;

	if (ai->dup) {
		xs->rec.dupacks++;
		xs->snd.sacked_out++;
		xs->snd.delivered++;
		ai->delivered++;
	} else if (ai->advanced) {
		/* One of the acknowledged filled the hole, the others were counted before. */
		counted = min(xs->snd.sacked_out, ai->acked_segs ? ai->acked_segs - 1 : 0);
		xs->rec.dupacks = 0;
		xs->snd.sacked_out -= counted;
		xs->snd.delivered -= counted;
		ai->delivered -= min(ai->delivered, counted);
		if (xs->rec.ca_state <= XTCP_CA_DISORDER)
			xs->snd.sacked_out = 0;
	}
	recovery_limit_reno(xs);
}

/* RFC 6582 3.2: the third duplicate ACK, or a partial ACK, makes the head lost. */
static void recovery_detect_reno(struct sock *sk, struct xtcp_ack_info *ai)
{
	struct sk_buff *head = xtcp_rtxq_head(sk);
	struct xtcp_sock *xs = xtcp_sk(sk);
	bool third, partial;

	if (!head)
		return;
	third = xs->rec.ca_state <= XTCP_CA_CWR && xs->rec.dupacks >= xs->rec.reordering &&
		xtcp_seq_after(xs->snd.una, xs->snd.high_seq);
	partial = xs->rec.ca_state == XTCP_CA_RECOVERY && ai->advanced &&
		  xtcp_seq_before(xs->snd.una, xs->snd.high_seq);
	if (!third && !partial)
		return;
	if (head->len > xtcp_mss_current(sk) && !xtcp_mtup_is_probe(xs, head) &&
	    xtcp_rtxq_split(sk, head, xtcp_mss_current(sk), true))
		return;
	if (!(XTCP_CB(head)->sacked & XTCP_SACKED_RETRANS) && xtcp_loss_mark(sk, head))
		ai->newly_lost += XTCP_CB(head)->segs;
}

/* A reduction begins: remember the way back. */
static void recovery_reduce(struct xtcp_sock *xs)
{
	xs->cc.prior_cwnd = xs->cc.cwnd;
	xs->cc.prior_ssthresh = xs->cc.ssthresh;
	xs->cc.ssthresh = xs->cc.ops->ssthresh(&xs->cc);
	xs->cc.cwnd_cnt = 0;
	xs->snd.high_seq = xs->snd.nxt;
	xs->rec.undo_marker = xs->snd.una;
	xs->rec.undo_retrans = -1;
	xs->rec.retrans_ts = 0;
	xs->rec.retrans_stamp = 0;
	xs->rec.cut_stays = false;
	xs->rec.tlp.active = false;
	xs->neg.ecn.cwr = xs->neg.ecn_ok;
}

/* Congestion without a loss: the window shrinks over a round trip (RFC 3168 6.1.2). */
static void recovery_enter_cwr(struct xtcp_sock *xs, u32 flight)
{
	recovery_reduce(xs);
	xs->rec.undo_marker = 0;
	xs->rec.ca_state = XTCP_CA_CWR;
	xtcp_prr_begin(&xs->rec.prr, flight);
	recovery_event(xs, XTCP_CC_EV_ECE);
}

static void recovery_enter(struct sock *sk, const struct xtcp_ack_info *ai)
{
	struct xtcp_sock *xs = xtcp_sk(sk);

	if (xs->neg.sack_ok)
		XTCP_SK_INC(sk, SACKRECOVERY);
	else
		XTCP_SK_INC(sk, RENORECOVERY);
	/* A reduction under way answers for this loss, too: once a round trip. */
	if (xs->rec.ca_state != XTCP_CA_CWR)
		recovery_reduce(xs);
	xs->rec.ca_state = XTCP_CA_RECOVERY;
	xtcp_prr_begin(&xs->rec.prr, ai->prior_in_flight);
	recovery_event(xs, XTCP_CC_EV_RECOVERY);
}

static void recovery_leave(struct xtcp_sock *xs)
{
	xs->rec.ca_state = xs->snd.sacked_out ? XTCP_CA_DISORDER : XTCP_CA_OPEN;
	xs->rec.dupacks = 0;
	xs->rec.retrans_stamp = 0;
	xs->rec.frto.phase = XTCP_FRTO_OFF;
	xs->rec.retrans_ts = 0;
	xtcp_rack_recovered(&xs->rec.rack);
	recovery_event(xs, XTCP_CC_EV_OPEN);
}

/* What was taken for lost is only late: back into flight. */
static void recovery_unmark_lost(struct xtcp_sock *xs)
{
	struct sk_buff *skb;

	list_for_each_entry(skb, &xs->rec.lost, tcp_tsorted_anchor) {
		XTCP_CB(skb)->sacked &= ~XTCP_SACKED_LOST;
		xs->snd.lost_out -= XTCP_CB(skb)->segs;
	}
	list_splice_init(&xs->rec.lost, &xs->rec.sent);
}

/* The ACK of an original shows a retransmission needless (RFC 3522), or D-SACKs did for all. */
static bool recovery_was_needless(const struct xtcp_sock *xs, const struct xtcp_ack_info *ai)
{
	if (!xs->rec.undo_marker)
		return false;
	if (!xs->rec.undo_retrans)
		return true;
	return ai->advanced && xs->rec.retrans_ts && ai->has_echo &&
	       xtcp_seq_before(ai->echo, xs->rec.retrans_ts);
}

static void recovery_undo(struct sock *sk, bool frto)
{
	struct xtcp_sock *xs = xtcp_sk(sk);

	if (xs->rec.ca_state == XTCP_CA_LOSS) {
		XTCP_SK_INC(sk, LOSSUNDO);
		if (frto)
			XTCP_SK_INC(sk, SPURIOUSRTOS);
	} else if (!xs->rec.undo_retrans) {
		XTCP_SK_INC(sk, DSACKUNDO);
	} else {
		XTCP_SK_INC(sk, FULLUNDO);
	}
	if (!xs->rec.cut_stays) {
		xs->cc.cwnd = max(xs->cc.cwnd, xs->cc.ops->undo_cwnd(&xs->cc));
		xs->cc.ssthresh = max(xs->cc.ssthresh, xs->cc.prior_ssthresh);
		xs->neg.ecn.cwr = 0;
	}
	xs->rec.undo_marker = 0;
	recovery_unmark_lost(xs);
	recovery_leave(xs);
}

/* Fast recovery and CWR: PRR decides how much may leave for this ACK. */
static void recovery_fast(struct xtcp_sock *xs, const struct xtcp_ack_info *ai)
{
	u32 in_flight = xtcp_packets_in_flight(xs);

	if (!xtcp_seq_before(xs->snd.una, xs->snd.high_seq)) {
		/* No threshold: an algorithm without one began it, and was changed meanwhile. */
		if (!xs->cc.ops->cong_control && xs->cc.ssthresh < XTCP_CC_SSTHRESH_INF)
			xs->cc.cwnd = max(xs->cc.ssthresh, 1U);
		recovery_leave(xs);
		return;
	}
	if (!xs->cc.ops->cong_control)
		xs->cc.cwnd = max(in_flight + xtcp_prr_sndcnt(&xs->rec.prr, xs->cc.ssthresh,
							      in_flight, ai->delivered,
							      ai->advanced && !ai->newly_lost),
				  1U);
}

/*
 * What does not fit the path is lost, without congestion: it goes again in smaller pieces,
 * the window stays. False when there is nothing such.
 */
static bool recovery_resize(struct sock *sk)
{
	struct xtcp_sock *xs = xtcp_sk(sk);
	struct sk_buff *skb;

	for (skb = xtcp_rtxq_head(sk); skb; skb = xtcp_rtxq_next(skb))
		if (skb->len > XTCP_CB(skb)->segs * xs->snd.mss)
			xtcp_loss_mark(sk, skb);
	if (!xs->snd.lost_out)
		return false;
	if (!xs->neg.sack_ok)
		recovery_limit_reno(xs);
	if (xs->rec.ca_state != XTCP_CA_LOSS) {
		xs->snd.high_seq = xs->snd.nxt;
		xs->rec.undo_marker = 0;
		xs->rec.ca_state = XTCP_CA_LOSS;
	}
	return true;
}

/* Only a probe of the path MTU is lost: it was too big (RFC 4821 7.6.2). */
static bool recovery_probe_lost(struct sock *sk)
{
	struct xtcp_sock *xs = xtcp_sk(sk);
	struct sk_buff *head = xtcp_rtxq_head(sk);

	if (!head || xs->rec.ca_state == XTCP_CA_CWR || xs->snd.lost_out > 1 ||
	    !(XTCP_CB(head)->sacked & XTCP_SACKED_LOST) || !xtcp_mtup_is_probe(xs, head))
		return false;
	xtcp_mtup_failed(sk);
	return recovery_resize(sk);
}

/* After a timeout: is it over, was it spurious, or what goes next? */
static void recovery_loss(struct sock *sk, struct xtcp_ack_info *ai)
{
	struct xtcp_sock *xs = xtcp_sk(sk);
	struct xtcp_frto_ack a = {
		.snd_una = xs->snd.una,
		.advanced = ai->advanced,
		/* Without SACK what was sent again may have filled a hole before the rest. */
		.original = ai->original && (xs->neg.sack_ok || !ai->retrans_acked),
		.duplicate = ai->dup || ai->sacked,
		.can_send = !skb_queue_empty(&sk->sk_write_queue) &&
			    xtcp_seq_after(xtcp_wnd_end(xs), xs->snd.nxt),
	};
	enum xtcp_frto_verdict verdict = xtcp_frto_ack(&xs->rec.frto, &a);

	if (verdict == XTCP_FRTO_SPURIOUS)
		recovery_undo(sk, true);
	else if (!xtcp_seq_before(xs->snd.una, xs->snd.high_seq))
		recovery_leave(xs);
	ai->send_new = verdict == XTCP_FRTO_SEND_NEW;
}

static void recovery_step(struct sock *sk, struct xtcp_ack_info *ai)
{
	struct xtcp_sock *xs = xtcp_sk(sk);

	switch (xs->rec.ca_state) {
	case XTCP_CA_RECOVERY:
	case XTCP_CA_CWR:
		recovery_fast(xs, ai);
		break;
	case XTCP_CA_LOSS:
		recovery_loss(sk, ai);
		break;
	default:
		xs->rec.ca_state = xs->snd.sacked_out ? XTCP_CA_DISORDER : XTCP_CA_OPEN;
		if (ai->advanced && !xs->rec.tlp.active)
			xs->rec.retrans_stamp = 0;
	}
	if (xs->rec.ca_state <= XTCP_CA_CWR && xs->snd.lost_out && !recovery_probe_lost(sk)) {
		recovery_enter(sk, ai);
		recovery_fast(xs, ai);
	} else if (ai->ece && xs->rec.ca_state < XTCP_CA_CWR) {
		XTCP_SK_INC(sk, CWNDCUTS);
		recovery_enter_cwr(xs, ai->prior_in_flight);
		recovery_fast(xs, ai);
	}
}

/* The probe itself repaired a loss (RFC 8985 7.4.2): nothing is in flight that could shrink. */
static void recovery_tlp_loss(struct sock *sk)
{
	struct xtcp_sock *xs = xtcp_sk(sk);

	XTCP_SK_INC(sk, LOSSPROBERECOVERY);
	if (xs->rec.ca_state > XTCP_CA_DISORDER)
		return;
	recovery_reduce(xs);
	xs->rec.undo_marker = 0;
	if (!xs->cc.ops->cong_control)
		xs->cc.cwnd = max(xs->cc.ssthresh, 1U);
	recovery_event(xs, XTCP_CC_EV_OPEN);
}

/**
 * xtcp_recovery_on_ack - what an ACK says of losses, and what follows
 * @sk: locked
 * @ai: its account; newly lost segments are added
 */
void xtcp_recovery_on_ack(struct sock *sk, struct xtcp_ack_info *ai)
{
	struct xtcp_sock *xs = xtcp_sk(sk);

	ai->orderly = xs->rec.ca_state <= XTCP_CA_DISORDER;
	if (xs->neg.sack_ok) {
		xtcp_loss_detect(sk, ai);
	} else {
		recovery_count_reno(xs, ai);
		recovery_detect_reno(sk, ai);
	}
	xs->rec.cut_stays |= ai->ece;
	if (recovery_was_needless(xs, ai))
		recovery_undo(sk, false);
	else
		recovery_step(sk, ai);
	if (xtcp_rack_tlp_ack(&xs->rec.tlp, xs->snd.una, ai->dsack, ai->dup))
		recovery_tlp_loss(sk);
}

/**
 * xtcp_recovery_on_local_drop - the queue below us is full: that is congestion, too
 * @sk: locked
 */
void xtcp_recovery_on_local_drop(struct sock *sk)
{
	struct xtcp_sock *xs = xtcp_sk(sk);

	XTCP_SK_INC(sk, LOCALCONGESTION);
	if (xs->rec.ca_state < XTCP_CA_CWR)
		recovery_enter_cwr(xs, xtcp_packets_in_flight(xs));
}

/**
 * xtcp_recovery_on_rto - the retransmission timer fired (RFC 5681 3.1, RFC 6298 5.5)
 * @sk: locked
 */
void xtcp_recovery_on_rto(struct sock *sk)
{
	struct xtcp_sock *xs = xtcp_sk(sk);
	u32 stamp = xs->rec.retrans_stamp;
	struct sk_buff *skb = xtcp_rtxq_head(sk);

	/* Else each try at this size would end like that (without SACK it may). */
	if (skb && xtcp_mtup_is_probe(xs, skb))
		xtcp_mtup_failed(sk);
	/* So many behind the hole, and no verdict: reordering was overestimated. */
	if (xs->rec.ca_state <= XTCP_CA_DISORDER &&
	    xs->snd.sacked_out >= xtcp_sk_knob(sk, reordering))
		xs->rec.reordering = min_t(u32, xs->rec.reordering, xtcp_sk_knob(sk, reordering));
	xs->rec.frto.phase = XTCP_FRTO_OFF;
	if (xtcp_sk_knob(sk, frto) &&
	    (xs->rec.ca_state < XTCP_CA_RECOVERY || xs->rec.retransmits))
		xtcp_frto_begin(&xs->rec.frto, xs->snd.nxt);
	if (xs->rec.ca_state != XTCP_CA_LOSS || !xs->rec.retransmits)
		recovery_reduce(xs);
	if (xs->rec.retransmits)
		xs->rec.retrans_stamp = stamp;
	xs->rec.ca_state = XTCP_CA_LOSS;
	xs->rec.dupacks = 0;
	xs->rec.tlp.active = false;
	if (!xs->neg.sack_ok)
		xs->snd.sacked_out = 0;
	xtcp_scoreboard_forget(sk);
	for (skb = xtcp_rtxq_head(sk); skb; skb = xtcp_rtxq_next(skb)) {
		xtcp_loss_mark(sk, skb);
		if (!(XTCP_CB(skb)->sacked & XTCP_SACKED_ACKED))
			list_move_tail(&skb->tcp_tsorted_anchor, &xs->rec.lost);
	}
	xs->cc.cwnd = 1;
	xtcp_timer_cancel(sk, XTCP_T_REO);
	xtcp_timer_cancel(sk, XTCP_T_TLP);
	recovery_event(xs, XTCP_CC_EV_LOSS);
}

/**
 * xtcp_recovery_path_shrank - the path takes less: what was too big is lost, without congestion
 * @sk: locked, snd.mss new
 */
void xtcp_recovery_path_shrank(struct sock *sk)
{
	if (recovery_resize(sk))
		xtcp_recovery_retransmit(sk);
}

/**
 * xtcp_recovery_handshake_done - a lost SYN says little of the path (RFC 6298 5.7, RFC 6928)
 * @sk: locked, just established
 *
 * One loss is forgiven, more begin with a window of one segment.
 */
void xtcp_recovery_handshake_done(struct sock *sk)
{
	struct xtcp_sock *xs = xtcp_sk(sk);

	/* A timeout makes the window small, even if nothing could be sent again. */
	if (!xs->snd.total_retrans && xs->cc.cwnd >= XTCP_CC_INIT_CWND)
		return;
	xtcp_recovery_init(sk);
	xs->cc.cwnd = xs->snd.total_retrans > 1 ? 1 : XTCP_CC_INIT_CWND;
	xs->cc.ssthresh = XTCP_CC_SSTHRESH_INF;
}

/**
 * xtcp_recovery_retransmit - send lost segments again as far as the window admits
 * @sk: locked
 */
void xtcp_recovery_retransmit(struct sock *sk)
{
	struct xtcp_sock *xs = xtcp_sk(sk);
	struct sk_buff *skb;
	u32 in_flight;

	while ((skb = list_first_entry_or_null(&xs->rec.lost, struct sk_buff,
					       tcp_tsorted_anchor))) {
		in_flight = xtcp_packets_in_flight(xs);
		if (in_flight >= xs->cc.cwnd || xtcp_pace_wait(sk) ||
		    xtcp_rtxq_retransmit(sk, skb, min(xs->cc.cwnd - in_flight,
						      xtcp_pace_segs(sk, xs->snd.mss))))
			break;
		xtcp_pace_sent(sk, skb->len);
		if (xs->rec.ca_state == XTCP_CA_LOSS)
			XTCP_SK_ADD(sk, SLOWSTARTRETRANS, XTCP_CB(skb)->segs);
		else
			XTCP_SK_ADD(sk, FASTRETRANS, XTCP_CB(skb)->segs);
		if (!xtcp_timer_armed(xs, XTCP_T_RTO))
			xtcp_ack_rearm_rto(sk);
	}
}

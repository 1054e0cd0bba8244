// SPDX-License-Identifier: GPL-2.0-only
/*
 * recovery.c owns loss detection and recovery: which segments are taken for
 * lost, when they go again, and the window meanwhile. Socket lock.
 *
 * NewReno (RFC 6582): without SACK each duplicate ACK stands for one segment
 * that left the network and is counted in snd.sacked_out.
 */
#include "compat.h"
#include "engine.h"
#include "timer.h"

#define RECOVERY_DUPTHRESH	3

/**
 * xtcp_recovery_init - a connection without losses
 * @sk: new
 */
void xtcp_recovery_init(struct sock *sk)
{
	struct xtcp_sock *xs = xtcp_sk(sk);
	u8 syn_retries = xs->rec.syn_retries;
	u32 user_timeout = xs->rec.user_timeout;

	memset(&xs->rec, 0, sizeof(xs->rec));
	xs->rec.ca_state = XTCP_CA_OPEN;
	xs->rec.reordering = RECOVERY_DUPTHRESH;
	xs->rec.syn_retries = syn_retries;
	xs->rec.user_timeout = user_timeout;
}

static void recovery_event(struct xtcp_sock *xs, enum xtcp_cc_event ev)
{
	if (xs->cc.ops->event)
		xs->cc.ops->event(&xs->cc, ev);
}

static void recovery_mark_lost(struct xtcp_sock *xs, struct sk_buff *skb)
{
	struct xtcp_skb_cb *cb = XTCP_CB(skb);

	if (cb->sacked & XTCP_SACKED_RETRANS) {
		cb->sacked &= ~XTCP_SACKED_RETRANS;
		xs->snd.retrans_out -= cb->segs;
	}
	if (cb->sacked & (XTCP_SACKED_LOST | XTCP_SACKED_ACKED))
		return;
	cb->sacked |= XTCP_SACKED_LOST;
	xs->snd.lost_out += cb->segs;
}

/* Without SACK a duplicate ACK can't stand for more than what is out behind the hole. */
static void recovery_limit_reno(struct xtcp_sock *xs)
{
	u32 holes = max(xs->snd.lost_out, 1U);

	if (xs->snd.sacked_out + holes > xs->snd.packets_out)
		xs->snd.sacked_out = xs->snd.packets_out > holes ?
				     xs->snd.packets_out - holes : 0;
}

static void recovery_add_reno(struct xtcp_sock *xs)
{
	xs->snd.sacked_out++;
	xs->snd.delivered++;
	recovery_limit_reno(xs);
}

/* A cumulative ACK took @acked segments: one filled the hole, the others were counted. */
static void recovery_remove_reno(struct xtcp_sock *xs, u32 acked)
{
	if (acked > 1)
		xs->snd.sacked_out -= min(xs->snd.sacked_out, acked - 1);
	recovery_limit_reno(xs);
}

static void recovery_save_prior(struct xtcp_sock *xs)
{
	xs->cc.prior_cwnd = xs->cc.cwnd;
	xs->cc.prior_ssthresh = xs->cc.ssthresh;
	xs->cc.now_us = xtcp_now_us();
	xs->cc.ssthresh = xs->cc.ops->ssthresh(&xs->cc);
	xs->cc.cwnd_cnt = 0;
	xs->snd.high_seq = xs->snd.nxt;
}

/* RFC 6582 3.2 step 2: one segment is lost, the rest of the window stays in flight. */
static void recovery_enter(struct sock *sk, struct xtcp_ack_info *ai)
{
	struct xtcp_sock *xs = xtcp_sk(sk);
	struct sk_buff *head = xtcp_rtxq_head(sk);

	XTCP_INC(sock_net(sk), RENORECOVERY);
	recovery_save_prior(xs);
	xs->cc.cwnd = xs->cc.ssthresh;
	xs->rec.ca_state = XTCP_CA_RECOVERY;
	xs->rec.retrans_stamp = 0;
	if (head->len > xs->snd.mss)
		xtcp_rtxq_split(sk, head, xtcp_mss_current(sk), true);
	recovery_mark_lost(xs, head);
	ai->newly_lost += XTCP_CB(head)->segs;
	recovery_event(xs, XTCP_CC_EV_RECOVERY);
}

static void recovery_leave(struct xtcp_sock *xs)
{
	xs->rec.ca_state = XTCP_CA_OPEN;
	xs->rec.dupacks = 0;
	xs->rec.retrans_stamp = 0;
	xs->snd.sacked_out = 0;
	xs->cc.cwnd = max(min(xs->cc.cwnd, xs->cc.ssthresh), 1U);
	recovery_event(xs, XTCP_CC_EV_OPEN);
}

/* RFC 6582 3.2 step 3: a partial ACK uncovers the next hole. */
static void recovery_partial(struct sock *sk, struct xtcp_ack_info *ai)
{
	struct sk_buff *head = xtcp_rtxq_head(sk);
	struct xtcp_sock *xs = xtcp_sk(sk);

	recovery_remove_reno(xs, ai->acked_segs);
	if (!head || (XTCP_CB(head)->sacked & XTCP_SACKED_LOST))
		return;
	if (head->len > xs->snd.mss)
		xtcp_rtxq_split(sk, head, xtcp_mss_current(sk), true);
	recovery_mark_lost(xs, head);
	ai->newly_lost += XTCP_CB(head)->segs;
}

static void recovery_open_on_ack(struct sock *sk, struct xtcp_ack_info *ai)
{
	struct xtcp_sock *xs = xtcp_sk(sk);

	if (ai->advanced) {
		xs->rec.dupacks = 0;
		xs->snd.sacked_out = 0;
		xs->rec.ca_state = XTCP_CA_OPEN;
		xs->rec.retrans_stamp = 0;
		return;
	}
	if (!ai->dup)
		return;
	xs->rec.dupacks++;
	xs->rec.ca_state = XTCP_CA_DISORDER;
	recovery_add_reno(xs);
	/* RFC 6582 3.2 step 1: not again for losses of the episode that just ended. */
	if (xs->rec.dupacks == xs->rec.reordering &&
	    xtcp_seq_after(xs->snd.una, xs->snd.high_seq - 1))
		recovery_enter(sk, ai);
}

static void recovery_fast_on_ack(struct sock *sk, struct xtcp_ack_info *ai)
{
	struct xtcp_sock *xs = xtcp_sk(sk);

	if (!ai->advanced) {
		if (ai->dup)
			recovery_add_reno(xs);
	} else if (!xtcp_seq_before(xs->snd.una, xs->snd.high_seq)) {
		recovery_leave(xs);
		xs->cc.cwnd = max(xs->cc.ssthresh, 1U);
	} else {
		recovery_partial(sk, ai);
	}
}

static void recovery_loss_on_ack(struct sock *sk, struct xtcp_ack_info *ai)
{
	struct xtcp_sock *xs = xtcp_sk(sk);

	if (ai->advanced && !xtcp_seq_before(xs->snd.una, xs->snd.high_seq)) {
		u32 cwnd = xs->cc.cwnd;

		recovery_leave(xs);
		xs->cc.cwnd = cwnd;
	}
}

/**
 * xtcp_recovery_on_ack - what an ACK says of losses
 * @sk: locked
 * @c: its segment
 * @ai: its account; newly lost segments are added
 */
void xtcp_recovery_on_ack(struct sock *sk, const struct xtcp_ctx *c, struct xtcp_ack_info *ai)
{
	struct xtcp_sock *xs = xtcp_sk(sk);

	if (!xs->snd.packets_out)
		xs->snd.sacked_out = 0;
	switch (xs->rec.ca_state) {
	case XTCP_CA_RECOVERY:
		recovery_fast_on_ack(sk, ai);
		break;
	case XTCP_CA_LOSS:
		recovery_loss_on_ack(sk, ai);
		break;
	default:
		recovery_open_on_ack(sk, ai);
	}
}

/**
 * xtcp_recovery_on_rto - the retransmission timer fired (RFC 5681 3.1, RFC 6298 5.5)
 * @sk: locked
 */
void xtcp_recovery_on_rto(struct sock *sk)
{
	struct xtcp_sock *xs = xtcp_sk(sk);
	struct sk_buff *skb;

	if (xs->rec.ca_state != XTCP_CA_LOSS || !xs->rec.retransmits)
		recovery_save_prior(xs);
	xs->rec.ca_state = XTCP_CA_LOSS;
	xs->rec.dupacks = 0;
	xs->snd.sacked_out = 0;
	for (skb = xtcp_rtxq_head(sk); skb; skb = xtcp_rtxq_next(skb)) {
		XTCP_CB(skb)->sacked &= ~XTCP_SACKED_ACKED;
		recovery_mark_lost(xs, skb);
	}
	xs->cc.cwnd = 1;
	recovery_event(xs, XTCP_CC_EV_LOSS);
}

/**
 * xtcp_recovery_retransmit - send lost segments again as far as the window admits
 * @sk: locked
 */
void xtcp_recovery_retransmit(struct sock *sk)
{
	struct xtcp_sock *xs = xtcp_sk(sk);
	struct sk_buff *skb, *next;

	if (!xs->snd.lost_out)
		return;
	for (skb = xtcp_rtxq_head(sk); skb; skb = next) {
		u8 sacked = XTCP_CB(skb)->sacked;

		next = xtcp_rtxq_next(skb);
		if (!(sacked & XTCP_SACKED_LOST))
			break;
		if (sacked & XTCP_SACKED_RETRANS)
			continue;
		if (xtcp_packets_in_flight(xs) >= xs->cc.cwnd)
			break;
		if (xtcp_rtxq_retransmit(sk, skb))
			break;
		if (xs->rec.ca_state == XTCP_CA_LOSS)
			XTCP_INC(sock_net(sk), SLOWSTARTRETRANS);
		else
			XTCP_INC(sock_net(sk), FASTRETRANS);
		next = xtcp_rtxq_next(skb);
	}
}

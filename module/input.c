// SPDX-License-Identifier: GPL-2.0-only
/*
 * input.c owns a segment between the look-up and the queues: socket free or
 * owned, the handler of the state, and then its effects, in one place.
 */
#include <linux/tcp.h>
#include <trace/events/xtcp.h>

#include "af.h"
#include "busy.h"
#include "compat.h"
#include "engine.h"
#include "patience.h"
#include "state.h"
#include "timer.h"
#include "tw.h"

/**
 * xtcp_input_parse - header and options into @c and the skb's cb
 * @c: filled
 * @skb: data at a TCP header that is linear in full
 *
 * Return: false when it is malformed
 */
bool xtcp_input_parse(struct xtcp_ctx *c, struct sk_buff *skb)
{
	struct xtcp_skb_cb *cb = XTCP_CB(skb);
	struct xtcp_seg *seg = &c->seg;

	c->skb = skb;
	c->now_us = xtcp_now_us();
	if (xtcp_seg_parse(seg, skb->data, skb_headlen(skb), skb->len))
		return false;
	xtcp_opt_parse(&c->opts, skb->data + XTCP_SEG_HDR_MIN, seg->doff - XTCP_SEG_HDR_MIN,
		       seg->flags & XTCP_SYN);
	cb->seq = seg->seq;
	cb->end_seq = seg->end_seq;
	cb->ack = seg->ack;
	cb->window = seg->window;
	cb->urg_ptr = seg->urg_ptr;
	cb->flags = seg->flags;
	cb->doff = seg->doff;
	return true;
}

/* RFC 5961 7: challenge ACKs are few, per socket and per namespace. */
static void input_challenge(struct sock *sk, const struct xtcp_ctx *c)
{
	struct xtcp_net *xn = xtcp_net(sock_net(sk));
	struct xtcp_sock *xs = xtcp_sk(sk);
	u32 now = (u32)jiffies;

	if (xs->rcv.oow_stamp && now - xs->rcv.oow_stamp < READ_ONCE(xn->knobs.invalid_ratelimit)) {
		XTCP_SK_INC(sk, ACKSKIPPEDCHALLENGE);
		return;
	}
	xs->rcv.oow_stamp = now ? : 1;
	if (!xtcp_reply_challenge_ok(xn))
		return;
	XTCP_SK_INC(sk, CHALLENGEACK);
	xtcp_xmit_ack(sk);
}

static void input_dup_ack(struct sock *sk, const struct xtcp_ctx *c, u32 reason)
{
	if (xtcp_delack_oow_ok(sk, c))
		xtcp_data_dup_ack(sk, &c->seg);
	else if (reason == SKB_DROP_REASON_TCP_RFC7323_PAWS)
		XTCP_SK_INC(sk, ACKSKIPPEDPAWS);
	else
		XTCP_SK_INC(sk, ACKSKIPPEDSEQ);
}

/* The handshake is done: buffers, keepalive, and whoever waits in connect() or poll(). */
static void input_established(struct sock *sk)
{
	xtcp_sk(sk)->rcv.lrcvtime = (u32)jiffies;
	xtcp_recovery_handshake_done(sk);
	xtcp_buf_init(sk);
	if (sock_flag(sk, SOCK_KEEPOPEN))
		xtcp_timer_arm(sk, XTCP_T_KEEP, xtcp_keepidle(sk));
	if (sock_flag(sk, SOCK_DEAD))
		return;
	sk->sk_state_change(sk);
	sk_wake_async(sk, SOCK_WAKE_IO, POLL_OUT);
}

static void input_acknowledge(struct sock *sk, struct xtcp_ctx *c, const struct xtcp_effects *fx)
{
	struct xtcp_sock *xs = xtcp_sk(sk);

	if (fx->ack_challenge)
		input_challenge(sk, c);
	else if (fx->ack_dup)
		input_dup_ack(sk, c, fx->reason);
	else if (fx->ack_now && fx->established)
		xtcp_delack_handshake(sk);
	else if (fx->ack_now && (fx->fin || !fx->data))
		xtcp_xmit_ack(sk);
	else
		xtcp_delack_policy(sk, xtcp_disorder_waits(xs->disorder));
}

/* The peer's end: readers see it, and so does a poll for hang-up. */
static void input_wake_fin(struct sock *sk)
{
	if (sock_flag(sk, SOCK_DEAD))
		return;
	sk->sk_state_change(sk);
	sk_wake_async(sk, SOCK_WAKE_WAITD,
		      sk->sk_shutdown == SHUTDOWN_MASK || sk->sk_state == TCP_CLOSE ?
		      POLL_HUP : POLL_IN);
}

/* SO_RCVLOWAT: not for less, unless more finds no room, or @full: found none. */
static void input_wake_reader(struct sock *sk, bool full)
{
	const struct xtcp_sock *xs = xtcp_sk(sk);
	u32 ready = xs->rcv.nxt - xs->rcv.copied_seq;

	if (sock_flag(sk, SOCK_DEAD))
		return;
	if (ready < (u32)READ_ONCE(sk->sk_rcvlowat) && !sock_flag(sk, SOCK_DONE) && !full &&
	    !xtcp_buf_short(sk))
		return;
	sk->sk_data_ready(sk);
}

/* SND.UNA moved: a writer may have been waiting for the room. */
static void input_wake_writer(struct sock *sk)
{
	if (!sk->sk_socket || !test_bit(SOCK_NOSPACE, &sk->sk_socket->flags))
		return;
	if (xtcp_packets_in_flight(xtcp_sk(sk)) < xtcp_sk(sk)->cc.cwnd)
		xtcp_buf_expand_snd(sk);
	sk->sk_write_space(sk);
	if (sk->sk_socket && !test_bit(SOCK_NOSPACE, &sk->sk_socket->flags))
		xtcp_busy_room(sk);
}

/* What the handler wanted, in the order the peer and the application should see it. */
static void input_effects(struct sock *sk, struct xtcp_ctx *c, struct xtcp_effects *fx)
{
	if (fx->rst)
		xtcp_reply_rst_sk(sk, c->skb, &c->seg, fx->rst);
	if (fx->abort_err) {
		xtcp_state_abort(sk, fx->abort_err);
		return;
	}
	if (fx->established)
		input_established(sk);
	if (fx->data || fx->full)
		input_wake_reader(sk, fx->full);
	if (fx->fin)
		input_wake_fin(sk);
	if (fx->push)
		xtcp_output_push(sk);
	if (!fx->rst)
		input_acknowledge(sk, c, fx);
	if (fx->wake_write)
		input_wake_writer(sk);
	if (fx->time_wait)
		xtcp_state_time_wait(sk, TCP_TIME_WAIT, XTCP_TIMEWAIT_LEN);
	else if (fx->fin_wait2)
		xtcp_state_time_wait(sk, TCP_FIN_WAIT2, xtcp_fin_wait(sk));
	else if (fx->done)
		xtcp_state_done(sk);
}

static void input_drop(struct sock *sk, struct sk_buff *skb, u32 reason)
{
	trace_xtcp_drop(sk, skb, reason);
	sk_skb_reason_drop(sk, skb, reason);
}

static void input_free(struct sock *sk, struct sk_buff *skb, u32 reason)
{
	if (reason == SKB_NOT_DROPPED_YET)
		consume_skb(skb);
	else
		input_drop(sk, skb, reason);
}

/**
 * xtcp_input_rcv - a segment for a socket nobody else works on
 * @sk: locked
 * @skb: data at the TCP header; consumed
 */
void xtcp_input_rcv(struct sock *sk, struct sk_buff *skb)
{
	struct xtcp_effects fx = { .reason = SKB_NOT_DROPPED_YET };
	struct xtcp_sock *xs = xtcp_sk(sk);
	struct xtcp_ctx c;

	if (!xtcp_input_parse(&c, skb)) {
		XTCP_SK_INC(sk, MALFORMED);
		input_drop(sk, skb, SKB_DROP_REASON_PKT_TOO_SMALL);
		return;
	}
	xs->rcv.segs_in += max_t(u16, 1, skb_shinfo(skb)->gso_segs);
	if (c.seg.len)
		xs->rcv.data_segs_in += max_t(u16, 1, skb_shinfo(skb)->gso_segs);
	xs->now_us = c.now_us;
	xtcp_states[sk->sk_state](sk, &c, &fx);
	input_effects(sk, &c, &fx);
	xs->now_us = 0;
	sk_mem_reclaim(sk);
	if (!fx.queued)
		input_free(sk, skb, fx.reason);
}

/**
 * xtcp_input_backlog_rcv - struct proto.backlog_rcv: the owner works its backlog off
 * @sk: locked
 * @skb: consumed
 *
 * Return: 0
 */
int xtcp_input_backlog_rcv(struct sock *sk, struct sk_buff *skb)
{
	xtcp_input_rcv(sk, skb);
	return 0;
}

/* The owner is at work: leave it the segment, within what its buffers allow. */
static void input_to_backlog(struct sock *sk, struct sk_buff *skb)
{
	u64 limit = (u64)READ_ONCE(sk->sk_rcvbuf) + (READ_ONCE(sk->sk_sndbuf) >> 1) + 64 * 1024;

	limit = min_t(u64, limit, UINT_MAX);
	if (likely(!sk_add_backlog(sk, skb, limit)))
		return;
	XTCP_SK_INC(sk, BACKLOGDROP);
	input_drop(sk, skb, SKB_DROP_REASON_SOCKET_BACKLOG);
}

/**
 * xtcp_input_deliver - a segment for a connection that a look-up found
 * @sk: referenced; the reference ends here
 * @skb: consumed
 *
 * Context: bottom halves off.
 */
void xtcp_input_deliver(struct sock *sk, struct sk_buff *skb)
{
	bh_lock_sock_nested(sk);
	if (!sock_owned_by_user(sk))
		xtcp_input_rcv(sk, skb);
	else
		input_to_backlog(sk, skb);
	bh_unlock_sock(sk);
	sock_put(sk);
}

/**
 * xtcp_input_child - the segment that made a child goes through it; its listener wakes
 * @listener: RCU
 * @child: locked and referenced; both end here
 * @skb: consumed
 */
void xtcp_input_child(struct sock *listener, struct sock *child, struct sk_buff *skb)
{
	int state = child->sk_state;

	if (!sock_owned_by_user(child))
		xtcp_input_rcv(child, skb);
	else
		input_to_backlog(child, skb);
	if (state == TCP_SYN_RECV && child->sk_state != state)
		listener->sk_data_ready(listener);
	__acquire(child->sk_lock.slock);	/* sk_clone_lock() does not tell sparse */
	bh_unlock_sock(child);
	sock_put(child);
}

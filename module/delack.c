// SPDX-License-Identifier: GPL-2.0-only
/*
 * delack.c owns when the receiver acknowledges: at once, after a delay, with
 * data, or not again so soon (RFC 9293 3.8.6.3, RFC 5961 5). Socket lock.
 */
#include "compat.h"
#include "engine.h"
#include "fineq.h"
#include "timer.h"

#define DELACK_QUICK_MAX	16
#define DELACK_MIN		(HZ / 25)
#define DELACK_DUP_ACKS		3	/* sent at once: a loss is believed then (RFC 5681 3.2) */

/**
 * xtcp_delack_quick - acknowledge the next segments at once
 * @sk: locked
 * @max: at most so many
 */
void xtcp_delack_quick(struct sock *sk, u32 max)
{
	struct xtcp_sock *xs = xtcp_sk(sk);
	u32 n = xs->rcv.mss ? xs->rcv.wnd / (2 * xs->rcv.mss) : 0;

	n = clamp(n, 2U, max);
	xs->rcv.quick = max_t(u32, xs->rcv.quick, n);
	xs->rcv.pingpong = 0;
	xs->rcv.ato = XTCP_ATO_MIN;
}

/* The size of full segments as the peer makes them. */
static void delack_measure_mss(struct xtcp_sock *xs, const struct sk_buff *skb)
{
	u32 len = skb_shinfo(skb)->gso_size ? : skb->len;

	if (len >= xs->rcv.mss) {
		xs->rcv.mss = min_t(u32, len, xs->snd.advmss);
		return;
	}
	if (XTCP_CB(skb)->flags & XTCP_PSH)
		xs->rcv.ack_pending |= XTCP_ACK_PUSHED;
}

/* The delay follows the pace at which data comes. */
static void delack_update_ato(struct sock *sk)
{
	struct xtcp_sock *xs = xtcp_sk(sk);
	u32 gap = (u32)jiffies - xs->rcv.lrcvtime;

	if (!xs->rcv.bytes_received) {
		xtcp_delack_quick(sk, DELACK_QUICK_MAX);
		return;
	}
	if (gap <= XTCP_ATO_MIN / 2)
		xs->rcv.ato = xs->rcv.ato / 2 + XTCP_ATO_MIN / 2;
	else if (gap < xs->rcv.ato)
		xs->rcv.ato = min3(xs->rcv.ato / 2 + gap, xtcp_ack_rto(sk), (u32)U16_MAX);
	else if (gap > xtcp_ack_rto(sk))
		xtcp_delack_quick(sk, DELACK_QUICK_MAX);
}

/* The peer said little and is done: if the application answers, the ACK rides along. */
static void delack_note_turn(struct xtcp_sock *xs, const struct sk_buff *skb)
{
	const struct xtcp_skb_cb *cb = XTCP_CB(skb);

	if ((cb->flags & XTCP_PSH) && cb->end_seq - xs->rcv.turn <= xs->snd.advmss)
		xs->rcv.ack_pending |= XTCP_ACK_TURN;
}

/**
 * xtcp_delack_data_came - in-order data arrived: an ACK is owed
 * @sk: locked
 * @skb: the segment
 */
void xtcp_delack_data_came(struct sock *sk, const struct sk_buff *skb)
{
	struct xtcp_sock *xs = xtcp_sk(sk);

	xs->rcv.ack_pending |= XTCP_ACK_SCHED;
	delack_note_turn(xs, skb);
	delack_measure_mss(xs, skb);
	xtcp_buf_measure_rtt(sk);
	delack_update_ato(sk);
	xs->rcv.lrcvtime = (u32)jiffies;
	xs->rcv.came_us = (u32)xtcp_sk_now_us(xs);
	if (skb->len >= 128)
		xtcp_buf_grow_window(sk, skb);
}

/* Below 500 ms in any case (RFC 9293 MUST-40). */
static u32 delack_delay(struct sock *sk)
{
	const struct xtcp_sock *xs = xtcp_sk(sk);
	u32 max_ato = HZ / 2;

	/* A FIN, and no data before it: what may carry the ACK is there by the next tick. */
	if (sock_flag(sk, SOCK_DONE) && xs->rcv.bytes_received == 1)
		return 0;
	if (xs->rcv.ato <= DELACK_MIN)
		return DELACK_MIN;
	if (xs->rcv.pingpong || (xs->rcv.ack_pending & XTCP_ACK_PUSHED))
		max_ato = XTCP_DELACK_MAX;
	if (xs->rtt.srtt_us)
		max_ato = min_t(u32, max_ato,
				max_t(u32, xtcp_us_to_jiffies(xs->rtt.srtt_us >> 3), DELACK_MIN));
	return min3((u32)xs->rcv.ato, max_ato, (u32)XTCP_DELACK_MAX);
}

static void delack_later(struct sock *sk)
{
	struct xtcp_sock *xs = xtcp_sk(sk);
	s32 delay = delack_delay(sk);

	if (xs->rcv.ack_pending & XTCP_ACK_TIMER) {
		s32 left = xtcp_timer_left(&xs->timers, XTCP_T_DELACK);

		if (left <= (s32)(xs->rcv.ato >> 2)) {
			xtcp_xmit_ack(sk);
			return;
		}
		if (delay >= left)
			return;
	}
	xs->rcv.ack_pending |= XTCP_ACK_SCHED | XTCP_ACK_TIMER;
	xtcp_timer_arm(sk, XTCP_T_DELACK, delay);
}

/* More than a full segment waits, and the reader keeps up (RFC 9293 SHLD-19). */
static bool delack_second_segment(struct sock *sk)
{
	const struct xtcp_sock *xs = xtcp_sk(sk);

	if (xs->rcv.nxt - xs->rcv.wup <= xs->rcv.mss)
		return false;
	return xs->rcv.nxt - xs->rcv.copied_seq < READ_ONCE(sk->sk_rcvlowat) ||
	       xtcp_xmit_next_window(sk) >= xs->rcv.wnd;
}

/* Puts an ACK off for the answer that may carry it. False: none is likely, or forbidden. */
static bool delack_hold(struct sock *sk)
{
	u32 us = xtcp_sk_knob(sk, ack_hold_us);
	struct xtcp_sock *xs = xtcp_sk(sk);

	if (!us || xs->rcv.no_hold || (xs->rcv.ack_pending & XTCP_ACK_HELD) ||
	    sock_flag(sk, SOCK_DEAD))
		return false;
	XTCP_SK_INC(sk, ACKHELD);
	WRITE_ONCE(xs->rcv.ack_pending, xs->rcv.ack_pending | XTCP_ACK_SCHED | XTCP_ACK_HELD);
	xs->timers.ack_ns = ktime_get_ns() + (u64)us * NSEC_PER_USEC;
	xtcp_fineq_add(sk, xs->timers.ack_ns, 0);
	return true;
}

/* A twentieth of the round trip, as the less of what both directions believe it to be. */
static u64 delack_packed_delay(const struct sock *sk)
{
	const struct xtcp_sock *xs = xtcp_sk(sk);
	u32 rtt = xs->rtt.srtt_us >> 3;

	if (xs->rcv.rtt_us && (!rtt || xs->rcv.rtt_us < rtt))
		rtt = xs->rcv.rtt_us;
	return min_t(u64, xtcp_sk_knob(sk, comp_sack_delay),
		     (u64)rtt * (NSEC_PER_USEC / 20));
}

/*
 * Data out of order: the peer needs three duplicate ACKs to know, of the rest only the SACK
 * blocks. As long as those have room, one ACK does for many.
 */
static void delack_duplicate(struct sock *sk)
{
	struct xtcp_sock *xs = xtcp_sk(sk);
	struct xtcp_disorder *d = xs->disorder;

	if (d->packed_nxt != xs->rcv.nxt) {
		d->packed_nxt = xs->rcv.nxt;
		d->dup_acks = 0;
	}
	if (!xs->neg.sack_ok || d->told.num == XTCP_SACK_BLOCKS ||
	    d->told.dsack.start != d->told.dsack.end ||
	    d->dup_acks < DELACK_DUP_ACKS ||
	    d->packed >= xtcp_sk_knob(sk, comp_sack_nr)) {
		d->dup_acks = min(d->dup_acks + 1, DELACK_DUP_ACKS);
		xtcp_xmit_ack(sk);
		return;
	}
	d->packed++;
	if (xs->rcv.ack_pending & XTCP_ACK_PACKED)
		return;
	xs->rcv.ack_pending |= XTCP_ACK_PACKED;
	xs->timers.ack_ns = ktime_get_ns() + delack_packed_delay(sk);
	xtcp_fineq_add(sk, xs->timers.ack_ns, xtcp_sk_knob(sk, comp_sack_slack));
}

/**
 * xtcp_delack_hold_over - a fine queue woke it: if the time of an answer, or of more to say,
 *	is over, the ACK goes
 * @sk: locked
 */
void xtcp_delack_hold_over(struct sock *sk)
{
	struct xtcp_sock *xs = xtcp_sk(sk);

	if (!(xs->rcv.ack_pending & (XTCP_ACK_HELD | XTCP_ACK_PACKED)))
		return;
	if (ktime_get_ns() < xs->timers.ack_ns) {
		xtcp_fineq_add(sk, xs->timers.ack_ns, 0);
		return;
	}
	if (xs->rcv.ack_pending & XTCP_ACK_HELD)
		XTCP_SK_INC(sk, ACKHELDTIMEOUT);
	/* This one is not saved. */
	if (xs->disorder && xs->disorder->packed)
		xs->disorder->packed--;
	xtcp_xmit_ack(sk);
}

/**
 * xtcp_delack_turn - the application waits for the peer instead of answering it
 * @sk: locked
 */
void xtcp_delack_turn(struct sock *sk)
{
	if (!(xtcp_sk(sk)->rcv.ack_pending & XTCP_ACK_HELD))
		return;
	XTCP_SK_INC(sk, ACKHELDTURN);
	xtcp_xmit_ack(sk);
}

/**
 * xtcp_delack_handshake - the ACK that completes an active open
 * @sk: locked, just ESTABLISHED, connect() already awake
 *
 * The application's first data carry it, if they come at once.
 */
void xtcp_delack_handshake(struct sock *sk)
{
	struct xtcp_sock *xs = xtcp_sk(sk);

	if (xs->rcv.pingpong) {
		/* TCP_QUICKACK of 0 before connect(): as long as it takes. */
		xs->rcv.ack_pending |= XTCP_ACK_SCHED | XTCP_ACK_TIMER;
		xtcp_timer_arm(sk, XTCP_T_DELACK, XTCP_DELACK_MAX);
	} else if (!delack_hold(sk)) {
		xtcp_xmit_ack(sk);
	}
}

/**
 * xtcp_delack_policy - an ACK is owed: now or later
 * @sk: locked
 * @ooo: there is data out of order, the peer should know at once (RFC 5681 4.2)
 */
void xtcp_delack_policy(struct sock *sk, bool ooo)
{
	struct xtcp_sock *xs = xtcp_sk(sk);
	bool now, quick;

	if (!(xs->rcv.ack_pending & (XTCP_ACK_SCHED | XTCP_ACK_NOW)))
		return;
	now = (xs->rcv.ack_pending & XTCP_ACK_NOW) || delack_second_segment(sk);
	/* Not where that found the buffer half full: an ACK now would take window back. */
	quick = xs->rcv.quick && !xs->rcv.pingpong;
	if (now || (ooo && quick))
		xtcp_xmit_ack(sk);
	else if (ooo)
		delack_duplicate(sk);
	else if (!quick)
		delack_later(sk);
	else if (!(xs->rcv.ack_pending & XTCP_ACK_TURN) || !delack_hold(sk))
		xtcp_xmit_ack(sk);
}

/* Has the window grown enough with what was read to be worth a segment? */
static bool delack_window_opened(struct sock *sk)
{
	const struct xtcp_sock *xs = xtcp_sk(sk);
	u32 now = xtcp_receive_window(xs);
	u32 next;

	if (2 * now > xs->rcv.window_clamp)
		return false;
	next = xtcp_xmit_next_window(sk);
	return next && next >= 2 * now;
}

/**
 * xtcp_delack_cleanup_rbuf - the reader took @copied bytes: ACK or window update?
 * @sk: locked
 * @copied: bytes
 */
void xtcp_delack_cleanup_rbuf(struct sock *sk, int copied)
{
	struct xtcp_sock *xs = xtcp_sk(sk);
	bool now = false;

	if ((xs->rcv.ack_pending & (XTCP_ACK_SCHED | XTCP_ACK_HELD)) == XTCP_ACK_SCHED)
		now = xs->rcv.nxt - xs->rcv.wup > xs->rcv.mss ||
		      (copied > 0 && (xs->rcv.ack_pending & XTCP_ACK_PUSHED) &&
		       !xs->rcv.pingpong && !atomic_read(&sk->sk_rmem_alloc));
	if (!now && copied > 0 && !(sk->sk_shutdown & RCV_SHUTDOWN))
		now = delack_window_opened(sk);
	if (now)
		xtcp_xmit_ack(sk);
}

/**
 * xtcp_delack_oow_ok - may this out-of-window segment be answered with an ACK?
 * @sk: locked
 * @c: the segment
 *
 * Data and SYN always are; pure ACKs once in invalid_ratelimit, lest two stacks with
 * different views acknowledge each other for ever.
 */
bool xtcp_delack_oow_ok(struct sock *sk, const struct xtcp_ctx *c)
{
	struct xtcp_sock *xs = xtcp_sk(sk);
	u32 now = (u32)jiffies;

	if (c->seg.len && !(c->seg.flags & XTCP_SYN))
		return true;
	if (xs->rcv.oow_stamp &&
	    now - xs->rcv.oow_stamp < xtcp_sk_knob(sk, invalid_ratelimit))
		return false;
	xs->rcv.oow_stamp = now ? : 1;
	return true;
}

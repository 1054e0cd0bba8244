// SPDX-License-Identifier: GPL-2.0-only
/*
 * tw.c owns the TIME_WAIT buckets (tw.h) and answers for closed connections
 * (RFC 9293 3.10.7.4 TIME-WAIT and FIN-WAIT-2, RFC 1337, RFC 6191). No lock of its
 * own: whoever takes a bucket out of the connection table ends it.
 */
#include <linux/in.h>

#include "af.h"
#include "compat.h"
#include "demux.h"
#include "ports.h"
#include "synq.h"
#include "tw.h"
#include "twq.h"

/* RFC 7323 5.5: TS.Recent of a connection idle for 24 days says nothing. */
#define TW_PAWS_24DAYS		(60 * 60 * 24 * 24)
#define TW_PAWS_MSL		60

static struct xtcp_twq *tw_queue(const struct net *net)
{
	return &xtcp_net(net)->tw;
}

static struct net *tw_queue_net(struct xtcp_twq *q)
{
	return container_of(q, struct xtcp_net, tw)->net;
}

/* For the one who took it out of the table: the share in the port, the table's reference. */
static void tw_unhashed(struct net *net, struct xtcp_tw *tw)
{
	xtcp_ports_tw_drop(net, tw);
	xtcp_tw_put(tw);
}

/* Out of the table and of the queue, if it still is in either; the caller has a reference. */
static void tw_kill(struct net *net, struct xtcp_tw *tw)
{
	if (xtcp_demux_remove_tw(net, tw))
		tw_unhashed(net, tw);
	if (xtcp_twq_del(tw_queue(net), tw))
		xtcp_tw_put(tw);
}

/* End of a lifetime, or of the namespace; the queue's reference is ours. */
static void tw_drop(struct xtcp_twq *q, struct xtcp_tw *tw)
{
	struct net *net = tw_queue_net(q);

	if (xtcp_demux_remove_tw(net, tw))
		tw_unhashed(net, tw);
	xtcp_tw_put(tw);
}

static void tw_expire(struct xtcp_twq *q, struct xtcp_tw *tw)
{
	if (xtcp_tw_flags(tw) & XTCP_TW_FIN_WAIT2)
		XTCP_INC(tw_queue_net(q), FINWAIT2EXPIRED);
	tw_drop(q, tw);
}

static u32 tw_initial_flags(const struct sock *sk, int substate)
{
	const struct xtcp_sock *xs = xtcp_sk(sk);
	u32 priority = READ_ONCE(sk->sk_priority);

	return (substate == TCP_FIN_WAIT2 ? XTCP_TW_FIN_WAIT2 : 0) |
	       (xs->neg.ts_ok ? XTCP_TW_TS : 0) |
	       (xs->neg.ts_offset ? XTCP_TW_TS_OFFSET : 0) |
	       (u32)xs->rcv.wscale << XTCP_TW_WSCALE_SHIFT |
	       (priority < 16 ? priority << XTCP_TW_PRIO_SHIFT : 0);
}

/* All but flags, references and links. */
static void tw_fill(struct xtcp_tw *tw, const struct sock *sk)
{
	const struct xtcp_sock *xs = xtcp_sk(sk);

	tw->netid = xtcp_net(sock_net(sk))->id;
	tw->laddr = sk->sk_rcv_saddr;
	tw->raddr = sk->sk_daddr;
	tw->lport = sk->sk_num;
	tw->rport = sk->sk_dport;
	tw->bound_dev_if = sk->sk_bound_dev_if;
	tw->rcv_nxt = xs->rcv.nxt;
	tw->snd_nxt = xs->snd.nxt;
	tw->ts_recent = xs->rcv.ts_recent;
	tw->oow_stamp = 0;
	tw->mark = READ_ONCE(sk->sk_mark);
	tw->window = min_t(u32, xtcp_receive_window(xs) >> xs->rcv.wscale, U16_MAX);
	tw->tos = xs->inet.tos;
	tw->class = XTCP_TW_UNQUEUED;
}

/* The one with the least time left gives way, of the same shard if it has one. */
static bool tw_drop_oldest(struct net *net, u32 shard)
{
	struct xtcp_tw *tw = xtcp_twq_take_oldest(tw_queue(net), shard);

	if (!tw)
		return false;
	XTCP_INC(net, TIMEWAITOVERFLOW);
	tw_drop(tw_queue(net), tw);
	return true;
}

static struct xtcp_tw *tw_alloc(const struct sock *sk)
{
	u32 shard = xtcp_twq_spread(sk->sk_rcv_saddr, sk->sk_daddr, sk->sk_num, sk->sk_dport);
	struct net *net = sock_net(sk);
	u32 max = xtcp_knob(net, max_tw_buckets);
	struct xtcp_tw *tw = NULL;

	if (max && (xtcp_twq_count(tw_queue(net)) < max || tw_drop_oldest(net, shard)))
		tw = xtcp_twmem_alloc();
	if (!tw)
		XTCP_INC(net, TIMEWAITOVERFLOW);
	return tw;
}

/* Queued last, since it may be found and killed as soon as it is in the table. */
static void tw_enqueue(struct net *net, struct xtcp_tw *tw, unsigned long lifetime)
{
	xtcp_twq_add(tw_queue(net), tw, xtcp_twq_class(lifetime));
	if (!xtcp_tw_hashed(tw) && xtcp_twq_del(tw_queue(net), tw))
		xtcp_tw_put(tw);
}

/* An RTO holds the round trip and its variance: what was sent before 3.5 of them is gone. */
static unsigned long tw_lifetime(const struct sock *sk, int substate, unsigned long lifetime)
{
	unsigned long rto = usecs_to_jiffies(xtcp_rtt_rto_us(&xtcp_sk(sk)->rtt));

	if (substate != TCP_TIME_WAIT)
		return max(lifetime, rto * 7 / 2);
	if (!xtcp_knob(sock_net(sk), tw_recycle))
		return XTCP_TIMEWAIT_LEN;
	XTCP_INC(sock_net(sk), TIMEWAITKILLED);
	return clamp_t(unsigned long, rto * 7 / 2, HZ, XTCP_TIMEWAIT_LEN);
}

/**
 * xtcp_tw_replace - a bucket takes a socket's place in the connection table
 * @sk: locked; closes next
 * @substate: TCP_TIME_WAIT or TCP_FIN_WAIT2
 * @lifetime: jiffies in FIN_WAIT2, at least 3.5 RTO are given; TIME_WAIT lasts 60 s, or with
 *	tw_recycle 3.5 RTO
 *
 * Above max_tw_buckets the one with the least time left gives way.
 *
 * Return: false without memory (counted) or when @sk was in no table: there is no bucket then
 */
bool xtcp_tw_replace(struct sock *sk, int substate, unsigned long lifetime)
{
	struct net *net = sock_net(sk);
	struct xtcp_tw *tw;

	sock_owned_by_me(sk);
	tw = tw_alloc(sk);
	if (!tw)
		return false;
	tw_fill(tw, sk);
	/* Whole before a stale reader of this memory can take one of table's, queue's, ours. */
	atomic_set_release(&tw->life, (int)(tw_initial_flags(sk, substate) + 3));
	xtcp_ports_tw_hold(tw, sk);
	if (!xtcp_demux_replace_sock(sk, tw)) {
		/* A stale reader may have one too: give all three back as they are. */
		xtcp_tw_put(tw);
		xtcp_tw_put(tw);
		tw_unhashed(net, tw);
		return false;
	}
	XTCP_INC(net, TIMEWAITED);
	tw_enqueue(net, tw, tw_lifetime(sk, substate, lifetime));
	xtcp_tw_put(tw);
	return true;
}

/**
 * xtcp_tw_paws_reject - is a timestamp too old? (RFC 7323 5.2)
 * @ts_recent: TS.Recent
 * @stamp: ktime_get_seconds() when it was set
 * @tsval: the segment's
 * @rst: the segment is a RST, which may end what a rebooted peer forgot
 *
 * A TS.Recent of 0 is no timestamp: some hosts send zeroes in their SYN.
 */
bool xtcp_tw_paws_reject(u32 ts_recent, u32 stamp, u32 tsval, bool rst)
{
	u32 age = (u32)ktime_get_seconds() - stamp;

	if (!xtcp_seq_before(tsval, ts_recent) || !ts_recent || age >= TW_PAWS_24DAYS)
		return false;
	return !rst || age < TW_PAWS_MSL;
}

/**
 * xtcp_tw_in_window - is a segment acceptable to what keeps no text? (RFC 9293 3.10.7.4)
 * @seg: the segment
 * @nxt: RCV.NXT
 * @wnd: RCV.WND
 *
 * Stricter than xtcp_seg_in_window(): what ends at RCV.NXT is old here, since no ACK
 * of ours can have been lost that it could answer.
 */
bool xtcp_tw_in_window(const struct xtcp_seg *seg, u32 nxt, u32 wnd)
{
	if (seg->seq == nxt)
		return true;
	if (seg->seq == seg->end_seq)
		return xtcp_seq_between(seg->seq, nxt, nxt + wnd);
	return xtcp_seq_after(seg->end_seq, nxt) && xtcp_seq_before(seg->seq, nxt + wnd);
}

/**
 * xtcp_tw_oow_limited - was the last ACK for an out-of-window segment too recent?
 * @net: namespace whose invalid_ratelimit holds
 * @seg: the segment; one with data is no ACK's echo, and never limited
 * @last: jiffies of that ACK, 0: none yet; moved on when the answer is no
 *
 * Two hosts that each take the other's ACK for invalid would else answer for ever.
 */
bool xtcp_tw_oow_limited(struct net *net, const struct xtcp_seg *seg, u32 *last)
{
	u32 now = (u32)jiffies, then = READ_ONCE(*last);

	if (seg->seq != seg->end_seq && !(seg->flags & XTCP_SYN))
		return false;
	if (then && now - then < (u32)xtcp_knob(net, invalid_ratelimit))
		return true;
	WRITE_ONCE(*last, now ? : 1);
	return false;
}

/*
 * TS.Recent is no older than the lifetime that it began, which ends within a minute of
 * PAWS' own limits: all that is before it is old, a RST too.
 */
static bool tw_paws_reject(const struct xtcp_tw *tw, const struct xtcp_seg *seg,
			   const struct xtcp_opts *opts)
{
	return (xtcp_tw_flags(tw) & XTCP_TW_TS) && (opts->has & XTCP_OPT_TS) &&
	       xtcp_tw_paws_reject(READ_ONCE(tw->ts_recent), (u32)ktime_get_seconds(),
				   opts->tsval, seg->flags & XTCP_RST);
}

static void tw_take_ts(struct xtcp_tw *tw, const struct xtcp_opts *opts)
{
	if ((xtcp_tw_flags(tw) & XTCP_TW_TS) && (opts->has & XTCP_OPT_TS))
		WRITE_ONCE(tw->ts_recent, opts->tsval);
}

/* The wait starts over and lasts as long as it first did. */
static void tw_restart(struct net *net, struct xtcp_tw *tw)
{
	xtcp_twq_rearm(tw_queue(net), tw, XTCP_TW_UNQUEUED);
}

static u32 tw_rcv_wnd(const struct xtcp_tw *tw)
{
	return (u32)tw->window << xtcp_tw_wscale(tw);
}

/* The RTO is forgotten, but FIN_WAIT2 was to last 3.5 of them at least. */
static u8 tw_class_after_fin(struct net *net, const struct xtcp_tw *tw)
{
	u8 class = xtcp_twq_class(XTCP_TIMEWAIT_LEN), now = READ_ONCE(tw->class);

	if (!xtcp_knob(net, tw_recycle) || now >= class)
		return class;
	XTCP_INC(net, TIMEWAITKILLED);
	return now;
}

/* The FIN of a connection in FIN_WAIT2: now it is in TIME_WAIT. */
static enum xtcp_tw_verdict tw_take_fin(struct net *net, struct xtcp_tw *tw,
					const struct xtcp_seg *seg, const struct xtcp_opts *opts)
{
	WRITE_ONCE(tw->rcv_nxt, seg->end_seq);
	tw_take_ts(tw, opts);
	xtcp_twq_rearm(tw_queue(net), tw, tw_class_after_fin(net, tw));
	xtcp_tw_clear_flag(tw, XTCP_TW_FIN_WAIT2);
	xtcp_ports_tw_wait(net, tw);
	return XTCP_TW_ACK;
}

/*
 * FIN-WAIT-2 without an owner (RFC 9293 3.10.7.4). As RFC 5961 wants, only an exact
 * RST ends it and no SYN does; data that nobody will ever read is answered by a RST
 * (RFC 9293 3.6.1, SHLD-3).
 */
static enum xtcp_tw_verdict tw_rcv_fin_wait2(struct net *net, struct xtcp_tw *tw,
					     const struct xtcp_seg *seg,
					     const struct xtcp_opts *opts)
{
	u32 rcv_nxt = READ_ONCE(tw->rcv_nxt);

	/* First, sequence number; second, RST; fourth, SYN; fifth, an ACK of what we never sent */
	if ((seg->flags & XTCP_RST) && seg->seq == rcv_nxt) {
		tw_kill(net, tw);
		return XTCP_TW_DROP;
	}
	if (tw_paws_reject(tw, seg, opts) || (seg->flags & (XTCP_SYN | XTCP_RST)) ||
	    !xtcp_tw_in_window(seg, rcv_nxt, tw_rcv_wnd(tw)) ||
	    ((seg->flags & XTCP_ACK) && xtcp_seq_after(seg->ack, tw->snd_nxt))) {
		if (!xtcp_tw_oow_limited(net, seg, &tw->oow_stamp))
			return XTCP_TW_ACK;
		XTCP_INC(net, ACKSKIPPEDFINWAIT2);
		return XTCP_TW_DROP;
	}
	if (!(seg->flags & XTCP_ACK) || !xtcp_seq_after(seg->end_seq, rcv_nxt) ||
	    seg->end_seq == seg->seq)
		return XTCP_TW_DROP;
	/* Seventh, text: nobody reads it. Eighth, FIN. */
	if ((seg->flags & XTCP_FIN) && seg->end_seq == rcv_nxt + 1)
		return tw_take_fin(net, tw, seg, opts);
	tw_kill(net, tw);
	return XTCP_TW_RST;
}

/*
 * A segment at RCV.NXT without text. Only it may end TIME_WAIT by a RST, and not even
 * it with rfc1337 on: an old duplicate RST could cut the wait short (RFC 1337 F1).
 */
static enum xtcp_tw_verdict tw_rcv_at_edge(struct net *net, struct xtcp_tw *tw,
					   const struct xtcp_seg *seg,
					   const struct xtcp_opts *opts)
{
	if (seg->flags & XTCP_RST) {
		if (xtcp_knob(net, rfc1337))
			XTCP_INC(net, TWRST1337);
		else
			tw_kill(net, tw);
		return XTCP_TW_DROP;
	}
	tw_restart(net, tw);
	tw_take_ts(tw, opts);
	return XTCP_TW_DROP;
}

/* A SYN that can't be an old duplicate: its timestamp or its ISN is newer (RFC 6191 2). */
static bool tw_syn_is_new(const struct xtcp_tw *tw, const struct xtcp_seg *seg,
			  const struct xtcp_opts *opts)
{
	const u8 flags = XTCP_SYN | XTCP_RST | XTCP_ACK | XTCP_FIN;

	if ((seg->flags & flags) != XTCP_SYN)
		return false;
	if (xtcp_seq_after(seg->seq, READ_ONCE(tw->rcv_nxt)))
		return true;
	return (xtcp_tw_flags(tw) & XTCP_TW_TS) && (opts->has & XTCP_OPT_TS) &&
	       xtcp_seq_after(opts->tsval, READ_ONCE(tw->ts_recent));
}

/* RFC 9293 3.10.7.4: all a peer in TIME_WAIT hears is the ACK of its FIN. */
static enum xtcp_tw_verdict tw_rcv_elsewhere(struct net *net, struct xtcp_tw *tw,
					     const struct xtcp_seg *seg, bool paws)
{
	if (paws)
		XTCP_INC(net, PAWSESTAB);
	if (seg->flags & XTCP_RST)
		return XTCP_TW_DROP;
	/* A bare SYN may be a new connection's: it must not prolong the old one's wait. */
	if (paws || (seg->flags & XTCP_ACK))
		tw_restart(net, tw);
	if (!xtcp_tw_oow_limited(net, seg, &tw->oow_stamp))
		return XTCP_TW_ACK;
	XTCP_INC(net, ACKSKIPPEDTIMEWAIT);
	return XTCP_TW_DROP;
}

/**
 * xtcp_tw_rcv - a segment for a bucket
 * @net: its namespace
 * @tw: the bucket; the caller's reference stays the caller's
 * @seg: its header
 * @opts: its options
 * @listener: somebody listens for it: an acceptable SYN may open a new connection
 * @isn: on XTCP_TW_SYN the ISN the new connection must use, never 0
 *
 * Context: RCU, bottom halves off.
 */
enum xtcp_tw_verdict xtcp_tw_rcv(struct net *net, struct xtcp_tw *tw, const struct xtcp_seg *seg,
				 const struct xtcp_opts *opts, bool listener, u32 *isn)
{
	bool paws;

	if (xtcp_tw_flags(tw) & XTCP_TW_FIN_WAIT2)
		return tw_rcv_fin_wait2(net, tw, seg, opts);

	paws = tw_paws_reject(tw, seg, opts);
	if (!paws && seg->seq == READ_ONCE(tw->rcv_nxt) &&
	    (seg->end_seq == seg->seq || (seg->flags & XTCP_RST)))
		return tw_rcv_at_edge(net, tw, seg, opts);
	if (!paws && listener && tw_syn_is_new(tw, seg, opts)) {
		*isn = tw->snd_nxt + XTCP_TW_ISN_GAP ? : 1;
		XTCP_INC(net, TWSYNREUSE);
		tw_kill(net, tw);
		return XTCP_TW_SYN;
	}
	return tw_rcv_elsewhere(net, tw, seg, paws);
}

/* @sk is about to take the bucket's place: the addresses are the same. */
static bool tw_is_loopback(const struct xtcp_tw *tw, const struct sock *sk)
{
	return tw->bound_dev_if == LOOPBACK_IFINDEX || xtcp_sk_af(sk)->is_loopback(sk);
}

/* Is it in TIME_WAIT, with timestamps to tell its segments from its successor's? */
static bool tw_has_paws(const struct xtcp_tw *tw)
{
	return (xtcp_tw_flags(tw) & (XTCP_TW_FIN_WAIT2 | XTCP_TW_TS)) == XTCP_TW_TS;
}

/* The socket continues the old numbers: its SYN is above the old window. */
static void tw_continue(struct sock *sk, const struct xtcp_tw *tw)
{
	struct xtcp_sock *xs = xtcp_sk(sk);

	WRITE_ONCE(xs->snd.write_seq, tw->snd_nxt + XTCP_TW_ISN_GAP ? : 1);
	xs->rcv.ts_recent = READ_ONCE(tw->ts_recent);
	xs->rcv.ts_recent_stamp = (u32)ktime_get_seconds();
}

/**
 * xtcp_tw_may_end - may connect() of a bound socket take this bucket's 4-tuple?
 * @sk: locked, about to send its SYN
 * @tw: the bucket; its demux bucket's lock is held
 *
 * The application named the port and knows what it does: timestamps are all that is asked.
 *
 * Return: true if so; @sk's write_seq and TS.Recent are set
 */
bool xtcp_tw_may_end(struct sock *sk, struct xtcp_tw *tw)
{
	if (!tw_has_paws(tw))
		return false;
	tw_continue(sk, tw);
	return true;
}

/* Since the lifetime began; TS.Recent was set no later. */
static u32 tw_age_ms(const struct xtcp_tw *tw)
{
	u8 class = READ_ONCE(tw->class);
	s32 age;

	if (class == XTCP_TW_UNQUEUED)
		return 0;
	age = (u32)jiffies - READ_ONCE(tw->expires) + (u32)xtcp_twq_lifetime(class);
	return jiffies_to_msecs(max(age, 0));	/* the two may be of different lifetimes */
}

/**
 * xtcp_tw_reuses - may connect() of this socket cut a TIME_WAIT short at all? (tw_reuse)
 * @sk: locked, its addresses set
 */
bool xtcp_tw_reuses(const struct sock *sk)
{
	int reuse = xtcp_knob(sock_net(sk), tw_reuse);

	return reuse == 1 || (reuse == 2 && (sk->sk_bound_dev_if == LOOPBACK_IFINDEX ||
					     xtcp_sk_af(sk)->is_loopback(sk)));
}

/**
 * xtcp_tw_may_reuse - may connect() take this bucket's 4-tuple? (tw_reuse)
 * @sk: locked, about to send its SYN
 * @tw: the bucket; its demux bucket's lock is held
 *
 * Safe when the clock of the timestamps has moved since the last segment, which takes
 * tw_reuse_delay: PAWS then keeps old duplicates out on both sides. Our numbers begin
 * above the old ones besides.
 *
 * Return: true if so; @sk's write_seq and TS.Recent are set
 */
bool xtcp_tw_may_reuse(struct sock *sk, struct xtcp_tw *tw)
{
	int reuse = xtcp_knob(sock_net(sk), tw_reuse);

	if (!reuse || (reuse == 2 && !tw_is_loopback(tw, sk)) || !tw_has_paws(tw) ||
	    tw_age_ms(tw) < xtcp_knob(sock_net(sk), tw_reuse_delay))
		return false;
	tw_continue(sk, tw);
	return true;
}

/**
 * xtcp_tw_release - end a bucket that xtcp_demux_insert_sock() took out of the table
 * @net: its namespace
 * @tw: the bucket, with the table's reference; the lock of its port is not held
 */
void xtcp_tw_release(struct net *net, struct xtcp_tw *tw)
{
	XTCP_INC(net, TIMEWAITRECYCLED);
	if (xtcp_twq_del(tw_queue(net), tw))
		xtcp_tw_put(tw);
	tw_unhashed(net, tw);
}

/**
 * xtcp_tw_ts_offset - what to add to the clock in the bucket's TSval
 * @tw: the bucket
 * @key: its 4-tuple
 */
u32 xtcp_tw_ts_offset(const struct xtcp_tw *tw, const struct xtcp_key *key)
{
	return xtcp_tw_flags(tw) & XTCP_TW_TS_OFFSET ? xtcp_synq_ts_secret(key) : 0;
}

int xtcp_tw_net_init(struct xtcp_net *xn)
{
	return xtcp_twq_init(&xn->tw, tw_expire);
}

void xtcp_tw_net_exit(struct xtcp_net *xn)
{
	xtcp_twq_destroy(&xn->tw, tw_drop);
}

int xtcp_tw_init(void)
{
	return xtcp_twmem_init();
}

void xtcp_tw_exit(void)
{
	xtcp_twmem_exit();
}

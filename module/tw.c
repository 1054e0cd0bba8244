// SPDX-License-Identifier: GPL-2.0-only
/*
 * tw.c owns the TIME_WAIT buckets (tw.h) and answers for closed connections
 * (RFC 9293 3.10.7.4 TIME-WAIT and FIN-WAIT-2, RFC 1337, RFC 6191). No lock of its
 * own: whoever takes a bucket out of the connection table ends it.
 */
#include <linux/in.h>
#include <linux/slab.h>

#include "af.h"
#include "compat.h"
#include "demux.h"
#include "expq.h"
#include "ports.h"
#include "tw.h"

/* Classes of the expiry queue: one lifetime for all, and what fin_timeout and TCP_LINGER2 say. */
#define TW_CLASS_TIMEWAIT	0
#define TW_CLASS_FINWAIT2	1

/* RFC 7323 5.5: TS.Recent of a connection idle for 24 days says nothing. */
#define TW_PAWS_24DAYS		(60 * 60 * 24 * 24)
#define TW_PAWS_MSL		60

static struct kmem_cache *tw_slab __ro_after_init;

static struct xtcp_net *tw_xn(const struct xtcp_tw *tw)
{
	return xtcp_net(read_pnet(&tw->mini.net));
}

/* Once, when a page comes to the slab: the memory is type-stable. */
static void tw_ctor(void *obj)
{
	struct xtcp_tw *tw = obj;

	memset(tw, 0, sizeof(*tw));
	tw->mini.kind = XTCP_KIND_TW;
}

static void tw_free(struct xtcp_mini *mini)
{
	kmem_cache_free(tw_slab, xtcp_tw(mini));
}

static const struct xtcp_mini_ops tw_ops = {
	.free = tw_free,
};

/* For the one who took it out of the table: the share in the port, the table's reference. */
static void tw_unhashed(struct xtcp_tw *tw)
{
	xtcp_ports_tw_drop(tw);
	xtcp_mini_put(&tw->mini);
}

/* Out of the table and of the queue, if it still is in either; the caller has a reference. */
static void tw_kill(struct xtcp_tw *tw)
{
	if (xtcp_demux_remove_mini(&tw->mini))
		tw_unhashed(tw);
	if (xtcp_expq_del(&tw_xn(tw)->tw, &tw->mini.exp))
		xtcp_mini_put(&tw->mini);
}

/* End of a lifetime, or of the namespace; the queue's reference is ours. */
static void tw_drop(struct xtcp_expent *e)
{
	struct xtcp_tw *tw = container_of(e, struct xtcp_tw, mini.exp);

	if (xtcp_demux_remove_mini(&tw->mini))
		tw_unhashed(tw);
	xtcp_mini_put(&tw->mini);
}

static void tw_expire(struct xtcp_expent *e)
{
	const struct xtcp_tw *tw = container_of(e, struct xtcp_tw, mini.exp);

	if (READ_ONCE(tw->substate) == TCP_FIN_WAIT2)
		XTCP_INC(read_pnet(&tw->mini.net), FINWAIT2EXPIRED);
	tw_drop(e);
}

/* All but references and links. */
static void tw_fill(struct xtcp_tw *tw, const struct sock *sk, int substate)
{
	const struct xtcp_sock *xs = xtcp_sk(sk);
	struct xtcp_key key;

	xtcp_demux_key_of_sock(&key, sk);
	xtcp_mini_init(&tw->mini, &key, sk->sk_bound_dev_if);
	xtcp_expent_init(&tw->mini.exp, tw->mini.hash);
	tw->rcv_nxt = xs->rcv.nxt;
	tw->snd_nxt = xs->snd.nxt;
	tw->rcv_wnd = xtcp_receive_window(xs);
	tw->ts_recent = xs->rcv.ts_recent;
	tw->ts_recent_stamp = xs->neg.ts_ok ? xs->rcv.ts_recent_stamp : 0;
	tw->ts_offset = xs->neg.ts_offset;
	tw->oow_stamp = 0;
	tw->mark = READ_ONCE(sk->sk_mark);
	tw->priority = READ_ONCE(sk->sk_priority);
	tw->txhash = sk->sk_txhash;
	tw->substate = substate;
	tw->rcv_wscale = xs->rcv.wscale;
	tw->tos = xs->inet.tos;
	tw->ts_ok = xs->neg.ts_ok;
	tw->reuse_addr = sk->sk_reuse;
	tw->port = NULL;
}

static struct xtcp_tw *tw_alloc(struct xtcp_net *xn)
{
	struct xtcp_tw *tw = NULL;

	if (xtcp_tw_count(xn) < (unsigned int)READ_ONCE(xn->knobs.max_tw_buckets))
		tw = kmem_cache_alloc(tw_slab, GFP_ATOMIC | __GFP_NOWARN);
	if (!tw)
		XTCP_INC(xn->net, TIMEWAITOVERFLOW);
	return tw;
}

/* Queued last, since it may be found and killed as soon as it is in the table. */
static void tw_enqueue(struct xtcp_tw *tw, int substate, unsigned long lifetime)
{
	struct xtcp_expq *q = &tw_xn(tw)->tw;

	if (substate == TCP_TIME_WAIT)
		xtcp_expq_add(q, &tw->mini.exp, TW_CLASS_TIMEWAIT, XTCP_TIMEWAIT_LEN);
	else
		xtcp_expq_add(q, &tw->mini.exp, TW_CLASS_FINWAIT2, lifetime);
	if (!xtcp_mini_hashed(&tw->mini) && xtcp_expq_del(q, &tw->mini.exp))
		xtcp_mini_put(&tw->mini);
}

/**
 * xtcp_tw_replace - a bucket takes a socket's place in the connection table
 * @sk: locked; closes next
 * @substate: TCP_TIME_WAIT or TCP_FIN_WAIT2
 * @lifetime: jiffies in FIN_WAIT2, at least 3.5 RTO are given; TIME_WAIT always lasts 60 s
 *
 * Return: false without memory, above max_tw_buckets (both counted) or when @sk was in
 * no table: there is no bucket then
 */
bool xtcp_tw_replace(struct sock *sk, int substate, unsigned long lifetime)
{
	unsigned long rto = usecs_to_jiffies(xtcp_rtt_rto_us(&xtcp_sk(sk)->rtt));
	struct net *net = sock_net(sk);
	struct xtcp_tw *tw;

	sock_owned_by_me(sk);
	tw = tw_alloc(xtcp_net(net));
	if (!tw)
		return false;
	tw_fill(tw, sk, substate);
	xtcp_ports_tw_hold(tw, sk);
	smp_wmb();	/* whole before a stale reader of this memory can take a reference */
	refcount_set(&tw->mini.ref, 3);	/* table, queue, us */
	if (!xtcp_demux_replace_sock(sk, &tw->mini)) {
		/* A stale reader may have one too: give all three back as they are. */
		xtcp_mini_put(&tw->mini);
		xtcp_mini_put(&tw->mini);
		tw_unhashed(tw);
		return false;
	}
	XTCP_INC(net, TIMEWAITED);
	tw_enqueue(tw, substate, max(lifetime, rto * 7 / 2));
	xtcp_mini_put(&tw->mini);
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

static bool tw_paws_reject(const struct xtcp_tw *tw, const struct xtcp_seg *seg,
			   const struct xtcp_opts *opts)
{
	u32 stamp = READ_ONCE(tw->ts_recent_stamp);

	return stamp && (opts->has & XTCP_OPT_TS) &&
	       xtcp_tw_paws_reject(READ_ONCE(tw->ts_recent), stamp, opts->tsval,
				   seg->flags & XTCP_RST);
}

static void tw_take_ts(struct xtcp_tw *tw, const struct xtcp_opts *opts)
{
	if (!READ_ONCE(tw->ts_recent_stamp) || !(opts->has & XTCP_OPT_TS))
		return;
	WRITE_ONCE(tw->ts_recent, opts->tsval);
	WRITE_ONCE(tw->ts_recent_stamp, (u32)ktime_get_seconds());
}

static void tw_restart(struct xtcp_tw *tw)
{
	xtcp_expq_rearm(&tw_xn(tw)->tw, &tw->mini.exp, TW_CLASS_TIMEWAIT, XTCP_TIMEWAIT_LEN);
}

/* The FIN of a connection in FIN_WAIT2: now it is in TIME_WAIT. */
static enum xtcp_tw_verdict tw_take_fin(struct xtcp_tw *tw, const struct xtcp_seg *seg,
					const struct xtcp_opts *opts)
{
	WRITE_ONCE(tw->rcv_nxt, seg->end_seq);
	WRITE_ONCE(tw->substate, TCP_TIME_WAIT);
	tw_take_ts(tw, opts);
	tw_restart(tw);
	return XTCP_TW_ACK;
}

/*
 * FIN-WAIT-2 without an owner (RFC 9293 3.10.7.4). As RFC 5961 wants, only an exact
 * RST ends it and no SYN does; data that nobody will ever read is answered by a RST
 * (RFC 9293 3.6.1, SHLD-3).
 */
static enum xtcp_tw_verdict tw_rcv_fin_wait2(struct xtcp_tw *tw, const struct xtcp_seg *seg,
					     const struct xtcp_opts *opts)
{
	struct net *net = read_pnet(&tw->mini.net);
	u32 rcv_nxt = READ_ONCE(tw->rcv_nxt);

	/* First, sequence number; second, RST; fourth, SYN; fifth, an ACK of what we never sent */
	if ((seg->flags & XTCP_RST) && seg->seq == rcv_nxt) {
		tw_kill(tw);
		return XTCP_TW_DROP;
	}
	if (tw_paws_reject(tw, seg, opts) || (seg->flags & (XTCP_SYN | XTCP_RST)) ||
	    !xtcp_tw_in_window(seg, rcv_nxt, tw->rcv_wnd) ||
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
		return tw_take_fin(tw, seg, opts);
	tw_kill(tw);
	return XTCP_TW_RST;
}

/*
 * A segment at RCV.NXT without text. Only it may end TIME_WAIT by a RST, and not even
 * it with rfc1337 on: an old duplicate RST could cut the wait short (RFC 1337 F1).
 */
static enum xtcp_tw_verdict tw_rcv_at_edge(struct xtcp_tw *tw, const struct xtcp_seg *seg,
					   const struct xtcp_opts *opts)
{
	struct net *net = read_pnet(&tw->mini.net);

	if (seg->flags & XTCP_RST) {
		if (xtcp_knob(net, rfc1337))
			XTCP_INC(net, TWRST1337);
		else
			tw_kill(tw);
		return XTCP_TW_DROP;
	}
	tw_restart(tw);
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
	return READ_ONCE(tw->ts_recent_stamp) && (opts->has & XTCP_OPT_TS) &&
	       xtcp_seq_after(opts->tsval, READ_ONCE(tw->ts_recent));
}

/* RFC 9293 3.10.7.4: all a peer in TIME_WAIT hears is the ACK of its FIN. */
static enum xtcp_tw_verdict tw_rcv_elsewhere(struct xtcp_tw *tw, const struct xtcp_seg *seg,
					     bool paws)
{
	struct net *net = read_pnet(&tw->mini.net);

	if (paws)
		XTCP_INC(net, PAWSESTAB);
	if (seg->flags & XTCP_RST)
		return XTCP_TW_DROP;
	/* A bare SYN may be a new connection's: it must not prolong the old one's wait. */
	if (paws || (seg->flags & XTCP_ACK))
		tw_restart(tw);
	if (!xtcp_tw_oow_limited(net, seg, &tw->oow_stamp))
		return XTCP_TW_ACK;
	XTCP_INC(net, ACKSKIPPEDTIMEWAIT);
	return XTCP_TW_DROP;
}

/**
 * xtcp_tw_rcv - a segment for a bucket
 * @tw: the bucket; the caller's reference stays the caller's
 * @seg: its header
 * @opts: its options
 * @listener: somebody listens for it: an acceptable SYN may open a new connection
 * @isn: on XTCP_TW_SYN the ISN the new connection must use, never 0
 *
 * Context: RCU, bottom halves off.
 */
enum xtcp_tw_verdict xtcp_tw_rcv(struct xtcp_tw *tw, const struct xtcp_seg *seg,
				 const struct xtcp_opts *opts, bool listener, u32 *isn)
{
	bool paws;

	if (READ_ONCE(tw->substate) == TCP_FIN_WAIT2)
		return tw_rcv_fin_wait2(tw, seg, opts);

	paws = tw_paws_reject(tw, seg, opts);
	if (!paws && seg->seq == READ_ONCE(tw->rcv_nxt) &&
	    (seg->end_seq == seg->seq || (seg->flags & XTCP_RST)))
		return tw_rcv_at_edge(tw, seg, opts);
	if (!paws && listener && tw_syn_is_new(tw, seg, opts)) {
		*isn = tw->snd_nxt + XTCP_TW_ISN_GAP ? : 1;
		XTCP_INC(read_pnet(&tw->mini.net), TWSYNREUSE);
		tw_kill(tw);
		return XTCP_TW_SYN;
	}
	return tw_rcv_elsewhere(tw, seg, paws);
}

/* @sk is about to take the bucket's place: the addresses are the same. */
static bool tw_is_loopback(const struct xtcp_tw *tw, const struct sock *sk)
{
	return tw->mini.bound_dev_if == LOOPBACK_IFINDEX || xtcp_sk(sk)->af->is_loopback(sk);
}

/* The socket continues the old numbers: its SYN is above the old window. */
static void tw_continue(struct sock *sk, const struct xtcp_tw *tw)
{
	struct xtcp_sock *xs = xtcp_sk(sk);

	WRITE_ONCE(xs->snd.write_seq, tw->snd_nxt + XTCP_TW_ISN_GAP ? : 1);
	xs->rcv.ts_recent = READ_ONCE(tw->ts_recent);
	xs->rcv.ts_recent_stamp = READ_ONCE(tw->ts_recent_stamp);
}

/**
 * xtcp_tw_may_end - may connect() of a bound socket take this bucket's 4-tuple?
 * @sk: locked, about to send its SYN
 * @mini: the bucket; its demux bucket's lock is held
 *
 * The application named the port and knows what it does: timestamps are all that is asked.
 *
 * Return: true if so; @sk's write_seq and TS.Recent are set
 */
bool xtcp_tw_may_end(struct sock *sk, struct xtcp_mini *mini)
{
	const struct xtcp_tw *tw = xtcp_tw(mini);

	if (READ_ONCE(tw->substate) == TCP_FIN_WAIT2 || !READ_ONCE(tw->ts_recent_stamp))
		return false;
	tw_continue(sk, tw);
	return true;
}

/**
 * xtcp_tw_may_reuse - may connect() take this bucket's 4-tuple? (tw_reuse)
 * @sk: locked, about to send its SYN
 * @mini: the bucket; its demux bucket's lock is held
 *
 * Safe when the clock of the timestamps has moved since the last segment: PAWS then
 * keeps old duplicates out.
 *
 * Return: true if so; @sk's write_seq and TS.Recent are set
 */
bool xtcp_tw_may_reuse(struct sock *sk, struct xtcp_mini *mini)
{
	const struct xtcp_tw *tw = xtcp_tw(mini);
	int reuse = xtcp_knob(sock_net(sk), tw_reuse);
	u32 stamp = READ_ONCE(tw->ts_recent_stamp);

	if (!reuse || (reuse == 2 && !tw_is_loopback(tw, sk)) ||
	    READ_ONCE(tw->substate) == TCP_FIN_WAIT2)
		return false;
	if (!stamp || !xtcp_seq_after((u32)ktime_get_seconds(), stamp))
		return false;
	tw_continue(sk, tw);
	return true;
}

/**
 * xtcp_tw_release - end a bucket that xtcp_demux_insert_sock() took out of the table
 * @mini: the bucket, with the table's reference; the lock of its port is not held
 */
void xtcp_tw_release(struct xtcp_mini *mini)
{
	struct xtcp_tw *tw = xtcp_tw(mini);

	XTCP_INC(read_pnet(&mini->net), TIMEWAITRECYCLED);
	if (xtcp_expq_del(&tw_xn(tw)->tw, &mini->exp))
		xtcp_mini_put(mini);
	tw_unhashed(tw);
}

/**
 * xtcp_tw_count - buckets of a namespace
 * @xn: the namespace
 */
unsigned int xtcp_tw_count(const struct xtcp_net *xn)
{
	return xtcp_expq_count(&xn->tw);
}

int xtcp_tw_net_init(struct xtcp_net *xn)
{
	return xtcp_expq_init(&xn->tw, tw_expire);
}

void xtcp_tw_net_exit(struct xtcp_net *xn)
{
	xtcp_expq_destroy(&xn->tw, tw_drop);
}

int xtcp_tw_init(void)
{
	tw_slab = kmem_cache_create("xtcp_tw", sizeof(struct xtcp_tw), 0,
				    SLAB_TYPESAFE_BY_RCU | SLAB_HWCACHE_ALIGN, tw_ctor);
	if (!tw_slab)
		return -ENOMEM;
	xtcp_demux_register(XTCP_KIND_TW, &tw_ops);
	return 0;
}

void xtcp_tw_exit(void)
{
	kmem_cache_destroy(tw_slab);
}

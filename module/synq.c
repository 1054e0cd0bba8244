// SPDX-License-Identifier: GPL-2.0-only
/*
 * synq.c owns half-open requests (synq.h): their birth from a SYN, the repetition
 * of the SYN-ACK, and RFC 9293 3.10.7.4 in SYN-RECEIVED. No lock of its own, and
 * never the listener's: what is read of a listener is read once.
 */
#include <linux/security.h>
#include <linux/slab.h>
#include <net/dst.h>
#include <net/inet_sock.h>
#include <net/request_sock.h>
#include <xtcp/win.h>

#include "af.h"
#include "compat.h"
#include "engine.h"
#include "expq.h"
#include "synq.h"
#include "tw.h"

static struct kmem_cache *synq_slab __ro_after_init;

static struct xtcp_net *synq_xn(const struct xtcp_req *req)
{
	return xtcp_net(read_pnet(&req->mini.net));
}

/* Once, when a page comes to the slab: the memory is type-stable. */
static void synq_ctor(void *obj)
{
	struct xtcp_req *req = obj;

	memset(req, 0, sizeof(*req));
	req->mini.kind = XTCP_KIND_REQ;
}

static void synq_free(struct xtcp_mini *mini)
{
	struct xtcp_req *req = xtcp_req(mini);

	sock_put(req->listener);
	kmem_cache_free(synq_slab, req);
}

static const struct xtcp_mini_ops synq_ops = {
	.free = synq_free,
};

static void synq_age(struct xtcp_req *req)
{
	if (xchg(&req->young, 0))
		atomic_dec(&xtcp_sk(req->listener)->acceptq.young);
}

/* For the one who took it out of the table: the listener's counts, the table's reference. */
static void synq_unhashed(struct xtcp_req *req)
{
	synq_age(req);
	atomic_dec(&xtcp_sk(req->listener)->acceptq.syn_len);
	xtcp_mini_put(&req->mini);
}

static void synq_unqueue(struct xtcp_req *req)
{
	if (xtcp_expq_del(&synq_xn(req)->synq, &req->mini.exp))
		xtcp_mini_put(&req->mini);
}

static bool synq_kill(struct xtcp_req *req)
{
	bool mine = xtcp_demux_remove_mini(&req->mini);

	if (mine)
		synq_unhashed(req);
	synq_unqueue(req);
	return mine;
}

/**
 * xtcp_synq_drop - a request dies
 * @req: referenced
 */
void xtcp_synq_drop(struct xtcp_req *req)
{
	if (synq_kill(req))
		XTCP_INC(read_pnet(&req->mini.net), REQSDROPPED);
}

/**
 * xtcp_synq_became_child - the child takes the request's place
 * @req: referenced
 * @child: whole, locked
 *
 * Return: false when the request was gone already
 */
bool xtcp_synq_became_child(struct xtcp_req *req, struct sock *child)
{
	if (!xtcp_demux_replace_req(&req->mini, child))
		return false;
	synq_unhashed(req);
	synq_unqueue(req);
	return true;
}

/* Names of the 4-tuple as one word less than siphash_3u32() takes. */
static u32 synq_ports(const struct xtcp_key *key)
{
	return (u32)key->lport << 16 | (__force u16)key->rport;
}

/**
 * xtcp_synq_isn - initial sequence number (RFC 6528, RFC 9293 MUST-8, 9, SHLD-1)
 * @key: the 4-tuple
 *
 * A secret place per 4-tuple, moving by one each 64 ns as native TCP's.
 */
u32 xtcp_synq_isn(const struct xtcp_key *key)
{
	u64 h = siphash_3u32((__force u32)key->laddr, (__force u32)key->raddr, synq_ports(key),
			     &xtcp_net(key->net)->isn_key);

	return (u32)h + (u32)(ktime_get_real_ns() >> 6);
}

/**
 * xtcp_synq_ts_offset - what to add to the clock in TSval (RFC 7323 7.1)
 * @key: the 4-tuple
 *
 * Secret per 4-tuple, so that neither uptime nor the hosts behind one address show.
 */
u32 xtcp_synq_ts_offset(const struct xtcp_key *key)
{
	if (xtcp_knob(key->net, timestamps) != 1)
		return 0;
	return (u32)siphash_3u32((__force u32)key->laddr, (__force u32)key->raddr,
				 synq_ports(key), &xtcp_net(key->net)->ts_key);
}

/* 1, 2, 4 ... s; one class of the expiry queue each. */
static u8 synq_class(const struct xtcp_req *req)
{
	return min_t(u8, READ_ONCE(req->num_timeout), XTCP_EXPQ_CLASSES - 1);
}

static unsigned long synq_lifetime(const struct xtcp_req *req)
{
	return min_t(unsigned long, HZ << synq_class(req), XTCP_RTO_MAX);
}

static bool synq_listening(const struct sock *listener)
{
	return inet_sk_state_load(listener) == TCP_LISTEN;
}

/*
 * The queue's reference goes with it. Between table and queue, or while the timer had
 * it out, the request may have been killed or its listener closed by somebody who did
 * not find it here: look again, so that nothing dead stays queued.
 */
static void synq_enqueue(struct xtcp_req *req)
{
	xtcp_expq_add(&synq_xn(req)->synq, &req->mini.exp, synq_class(req), synq_lifetime(req));
	if (!synq_listening(req->listener))
		xtcp_synq_drop(req);
	else if (!xtcp_mini_hashed(&req->mini))
		synq_unqueue(req);
}

static bool synq_resend(struct xtcp_req *req)
{
	struct net *net = read_pnet(&req->mini.net);

	if (xtcp_reply_synack(req->listener, req))
		return false;
	if (req->num_retrans < U8_MAX)
		WRITE_ONCE(req->num_retrans, req->num_retrans + 1);
	XTCP_INC(net, RETRANSSEGS);
	XTCP_INC(net, SYNRETRANS);
	return true;
}

/*
 * Half of the queue is for the young, which a live peer makes children within a
 * second: the fuller it is of old requests, the earlier they give up.
 */
static int synq_max_retries(const struct sock *listener)
{
	const struct xtcp_sock *xs = xtcp_sk(listener);
	int retries = READ_ONCE(xs->rec.syn_retries);
	int len = atomic_read(&xs->acceptq.syn_len);
	int young = atomic_read(&xs->acceptq.young) * 2;

	if (!retries)
		retries = xtcp_knob(sock_net(listener), synack_retries);
	if (len * 2 <= max_t(int, 8, READ_ONCE(xs->acceptq.max)))
		return retries;
	for (; retries > 2 && len >= young; young *= 2)
		retries--;
	return retries;
}

/* Timer: is the request at its end? If not, *@resend: repeat the SYN-ACK. */
static bool synq_gives_up(const struct xtcp_req *req, bool *resend)
{
	u32 defer = READ_ONCE(xtcp_sk(req->listener)->defer_accept);
	bool tired = req->num_timeout >= synq_max_retries(req->listener);
	bool acked = READ_ONCE(req->acked);

	/* With TCP_DEFER_ACCEPT silence is right once acknowledged, but for a last reminder. */
	*resend = !defer || !acked || req->num_timeout + 1U >= defer;
	return tired && (!defer || !acked || req->num_timeout >= defer);
}

/* The queue's reference is ours. Softirq. */
static void synq_expire(struct xtcp_expent *e)
{
	struct xtcp_req *req = container_of(e, struct xtcp_req, mini.exp);
	struct net *net = read_pnet(&req->mini.net);
	bool resend = false;

	rcu_read_lock();
	if (!synq_listening(req->listener) || !xtcp_mini_hashed(&req->mini))
		goto kill;
	XTCP_INC(net, TIMEOUTS);
	if (synq_gives_up(req, &resend)) {
		XTCP_INC(net, SYNQEXPIRED);
		goto kill;
	}
	if (resend && !synq_resend(req) && !READ_ONCE(req->acked))
		goto kill;
	synq_age(req);
	if (req->num_timeout < U8_MAX)
		WRITE_ONCE(req->num_timeout, req->num_timeout + 1);
	xtcp_mini_hold_not_zero(&req->mini);
	synq_enqueue(req);
	goto out;
kill:
	xtcp_synq_drop(req);
out:
	rcu_read_unlock();
	xtcp_mini_put(&req->mini);
}

/* What a LSM wants to see is native TCP's request: make it one for the time of the call. */
bool xtcp_synq_permitted(struct sock *listener, struct sk_buff *skb, struct xtcp_req *req)
{
#ifdef CONFIG_SECURITY_NETWORK
	struct request_sock_ops ops = { .family = req->mini.family };
	struct inet_request_sock ireq = {};

	ireq.req.rsk_ops = &ops;
	ireq.ireq_family = req->mini.family;
	write_pnet(&ireq.ireq_net, sock_net(listener));
	ireq.ir_loc_addr = req->mini.laddr;
	ireq.ir_rmt_addr = req->mini.raddr;
	ireq.ir_num = req->mini.lport;
	ireq.ir_rmt_port = req->mini.rport;
	ireq.ir_iif = req->iif;
	ireq.ir_mark = req->mark;
	return !security_inet_conn_request(listener, skb, &ireq.req);
#else
	return true;
#endif
}

/**
 * xtcp_synq_fill - all that a request has from its listener and its 4-tuple
 * @req: a new request, or a cookie's on the stack
 * @listener: not locked
 * @skb: the segment
 * @key: its 4-tuple
 *
 * No reference is taken or set.
 */
void xtcp_synq_fill(struct xtcp_req *req, struct sock *listener, const struct sk_buff *skb,
		    const struct xtcp_key *key)
{
	req->iif = inet_request_bound_dev_if(listener, (struct sk_buff *)skb);
	xtcp_mini_init(&req->mini, key, req->iif);
	req->mini.kind = XTCP_KIND_REQ;
	xtcp_expent_init(&req->mini.exp, req->mini.hash);
	req->listener = listener;
	req->ts_recent = 0;
	req->ts_offset = xtcp_synq_ts_offset(key);
	req->sent_us = 0;
	req->txhash = net_tx_rndhash();
	req->mark = inet_request_mark(listener, (struct sk_buff *)skb);
	req->oow_stamp = 0;
	req->num_timeout = 0;
	req->num_retrans = 0;
	req->snd_wscale = 0;
	req->tos = READ_ONCE(inet_sk(listener)->tos);
	req->young = 0;
	req->acked = 0;
	req->ts_ok = 0;
	req->sack_ok = 0;
	req->wscale_ok = 0;
	req->ecn_ok = 0;
	req->cookie = 0;
}

/* Options both sides want (RFC 9293 3.7.1, RFC 7323, RFC 2018). */
static void synq_negotiate(struct xtcp_req *req, const struct xtcp_opts *opts, bool cookie)
{
	u16 user_mss = READ_ONCE(xtcp_sk(req->listener)->snd.user_mss);
	const struct net *net = read_pnet(&req->mini.net);
	bool room;

	req->cookie = cookie;
	req->ts_ok = (opts->has & XTCP_OPT_TS) && xtcp_knob(net, timestamps);
	if (req->ts_ok)
		req->ts_recent = opts->tsval;
	/* A cookie has room for the rest in its timestamp only. */
	room = !cookie || req->ts_ok;
	req->sack_ok = room && (opts->has & XTCP_OPT_SACK_PERM) && xtcp_knob(net, sack);
	req->wscale_ok = room && (opts->has & XTCP_OPT_WSCALE) && xtcp_knob(net, window_scaling);
	if (req->wscale_ok)
		req->snd_wscale = opts->wscale;
	req->mss = XTCP_DEFAULT_MSS;
	if (opts->mss)
		req->mss = user_mss && user_mss < opts->mss ? user_mss : opts->mss;
}

static u32 synq_advmss(const struct sock *listener, const struct dst_entry *dst)
{
	u16 user_mss = READ_ONCE(xtcp_sk(listener)->snd.user_mss);
	u32 mss = dst_metric_advmss(dst);

	return user_mss && user_mss < mss ? user_mss : mss;
}

static void synq_set_window(const struct sock *listener, struct xtcp_req *req,
			    const struct dst_entry *dst)
{
	u32 space = max(xtcp_full_space(listener), 0);
	u32 mss = synq_advmss(listener, dst) - (req->ts_ok ? XTCP_OPT_TS_ALIGNED : 0);
	u32 most = max_t(u32, READ_ONCE(xtcp_net(sock_net(listener))->knobs.rmem[2]),
			 READ_ONCE(sysctl_rmem_max));
	u32 segs = dst_metric(dst, RTAX_INITRWND);

	req->window_clamp = READ_ONCE(xtcp_sk(listener)->rcv.window_clamp) ? :
			    dst_metric(dst, RTAX_WINDOW);
	if ((listener->sk_userlocks & SOCK_RCVBUF_LOCK) &&
	    (!req->window_clamp || req->window_clamp > space))
		req->window_clamp = space;
	xtcp_win_select_initial(space, most, mss, req->wscale_ok, &req->rcv_wnd,
				&req->window_clamp, &req->rcv_wscale);
	if (segs)
		req->rcv_wnd = min(req->rcv_wnd, segs * mss);
}

/**
 * xtcp_synq_choose_window - window and shift of the SYN-ACK, by the listener's buffer
 * @listener: not locked
 * @req: options negotiated
 * @skb: the segment it answers
 *
 * Return: false when no route leads back
 */
bool xtcp_synq_choose_window(struct sock *listener, struct xtcp_req *req,
			     const struct sk_buff *skb)
{
	struct dst_entry *dst;
	struct xtcp_reply r;
	struct xtcp_key key;

	xtcp_req_key(&key, req);
	r = (struct xtcp_reply) {
		.key = &key,
		.sk = listener,
		.in = skb,
		.oif = req->iif,
		.tos = req->tos,
		.mark = req->mark,
	};
	dst = xtcp_af(key.family)->route_reply(&r);
	if (!dst)
		return false;
	synq_set_window(listener, req, dst);
	dst_release(dst);
	return true;
}

/* Table first, queue then: see synq_enqueue(). Our reference ends here. */
static enum skb_drop_reason synq_publish(struct xtcp_req *req)
{
	struct xtcp_acceptq *q = &xtcp_sk(req->listener)->acceptq;

	req->young = 1;
	req->sent_us = (u32)xtcp_now_us() ? : 1;
	atomic_inc(&q->syn_len);
	atomic_inc(&q->young);
	smp_wmb();	/* whole before a stale reader of this memory can take a reference */
	refcount_set(&req->mini.ref, 3);	/* table, queue, us */
	if (xtcp_demux_insert_mini(&req->mini)) {
		/* Another CPU was faster with the same SYN: its SYN-ACK will do. */
		xtcp_mini_put(&req->mini);
		synq_unhashed(req);
		xtcp_mini_put(&req->mini);
		return SKB_DROP_REASON_NOT_SPECIFIED;
	}
	synq_enqueue(req);
	xtcp_reply_synack(req->listener, req);
	xtcp_mini_put(&req->mini);
	return SKB_NOT_DROPPED_YET;
}

static struct xtcp_req *synq_alloc(struct sock *listener)
{
	struct xtcp_req *req = kmem_cache_alloc(synq_slab, GFP_ATOMIC | __GFP_NOWARN);

	if (req && !refcount_inc_not_zero(&listener->sk_refcnt)) {
		kmem_cache_free(synq_slab, req);
		return NULL;
	}
	return req;
}

/* A request that nobody has seen. */
static void synq_discard(struct xtcp_req *req)
{
	synq_free(&req->mini);
}

static enum skb_drop_reason synq_remember(struct sock *listener, struct sk_buff *skb,
					  const struct xtcp_key *key, const struct xtcp_seg *seg,
					  const struct xtcp_opts *opts, u32 isn)
{
	enum skb_drop_reason reason = SKB_DROP_REASON_IP_OUTNOROUTES;
	struct xtcp_req *req = synq_alloc(listener);

	if (!req)
		return SKB_DROP_REASON_NOMEM;
	xtcp_synq_fill(req, listener, skb, key);
	synq_negotiate(req, opts, false);
	req->irs = seg->seq;
	req->isn = isn ? : xtcp_synq_isn(key);
	if (!xtcp_synq_choose_window(listener, req, skb))
		goto discard;
	reason = SKB_DROP_REASON_NOT_SPECIFIED;
	if (!xtcp_synq_permitted(listener, skb, req))
		goto discard;
	return synq_publish(req);
discard:
	synq_discard(req);
	return reason;
}

static enum skb_drop_reason synq_send_cookie(struct sock *listener, struct sk_buff *skb,
					     const struct xtcp_key *key,
					     const struct xtcp_seg *seg,
					     const struct xtcp_opts *opts)
{
	struct xtcp_req req = {};

	xtcp_synq_fill(&req, listener, skb, key);
	synq_negotiate(&req, opts, true);
	req.irs = seg->seq;
	if (!xtcp_synq_choose_window(listener, &req, skb))
		return SKB_DROP_REASON_IP_OUTNOROUTES;
	if (!xtcp_synq_permitted(listener, skb, &req))
		return SKB_DROP_REASON_NOT_SPECIFIED;
	xtcp_syncookie_note_overflow(listener);
	req.isn = xtcp_syncookie_make(key, seg, &req.mss);
	xtcp_reply_synack(listener, &req);
	return SKB_NOT_DROPPED_YET;
}

enum synq_room { SYNQ_ROOM, SYNQ_COOKIE, SYNQ_FULL };

/* May this SYN be remembered, or is there only a cookie for it, or not even that? */
static enum synq_room synq_room(const struct sock *listener)
{
	const struct xtcp_acceptq *q = &xtcp_sk(listener)->acceptq;
	const struct net *net = sock_net(listener);
	int cookies = xtcp_knob(net, syncookies);
	int len = atomic_read(&q->syn_len);
	int most = xtcp_knob(net, max_syn_backlog);

	if (cookies == 2 || len >= (int)READ_ONCE(q->max)) {
		if (cookies) {
			XTCP_INC(net, REQQFULLDOCOOKIES);
			return SYNQ_COOKIE;
		}
		XTCP_INC(net, REQQFULLDROP);
		return SYNQ_FULL;
	}
	/* As native TCP: the last quarter is for peers known to live, and we know none. */
	if (!cookies && most - len < most >> 2)
		return SYNQ_FULL;
	return SYNQ_ROOM;
}

/**
 * xtcp_synq_rcv_syn - a SYN for a listener (RFC 9293 3.10.7.2)
 * @listener: not locked, not referenced
 * @skb: the segment; stays the caller's
 * @key: its 4-tuple
 * @seg: its header
 * @opts: its options
 * @isn: the ISN that a TIME_WAIT bucket demands, 0: choose
 *
 * Makes a request and answers with a SYN-ACK, or with a cookie, or drops.
 *
 * Context: RCU, bottom halves off.
 * Return: SKB_NOT_DROPPED_YET if answered, else why not
 */
enum skb_drop_reason xtcp_synq_rcv_syn(struct sock *listener, struct sk_buff *skb,
				       const struct xtcp_key *key, const struct xtcp_seg *seg,
				       const struct xtcp_opts *opts, u32 isn)
{
	enum skb_drop_reason reason = SKB_DROP_REASON_NOT_SPECIFIED;
	enum synq_room room = isn ? SYNQ_ROOM : synq_room(listener);

	if (room == SYNQ_FULL)
		goto out;
	if (xtcp_listen_queue_full(listener)) {
		XTCP_INC(key->net, LISTENOVERFLOWS);
		goto out;
	}
	if (room == SYNQ_COOKIE)
		reason = synq_send_cookie(listener, skb, key, seg, opts);
	else
		reason = synq_remember(listener, skb, key, seg, opts, isn);
out:
	if (reason)
		XTCP_INC(key->net, LISTENDROPS);
	return reason;
}

static bool synq_paws_reject(const struct xtcp_req *req, const struct xtcp_seg *seg,
			     const struct xtcp_opts *opts)
{
	/* A request is too young for its TS.Recent to be outdated. */
	return req->ts_ok && (opts->has & XTCP_OPT_TS) &&
	       xtcp_tw_paws_reject(req->ts_recent, (u32)ktime_get_seconds(), opts->tsval,
				   seg->flags & XTCP_RST);
}

static bool synq_limited(struct xtcp_req *req, const struct xtcp_seg *seg)
{
	struct net *net = read_pnet(&req->mini.net);

	if (!xtcp_tw_oow_limited(net, seg, &req->oow_stamp))
		return false;
	XTCP_INC(net, ACKSKIPPEDSYNRECV);
	return true;
}

static void synq_send_ack(struct xtcp_req *req, struct sk_buff *skb)
{
	struct xtcp_key key;

	xtcp_req_key(&key, req);
	xtcp_reply_ack(key.net, skb, &key, req->isn + 1, req->irs + 1,
		       xtcp_win_raw(req->rcv_wnd, req->rcv_wscale),
		       xtcp_now_ts() + req->ts_offset, req->ts_recent, req->ts_ok, req->tos,
		       req->txhash);
}

/* The peer did not get our SYN-ACK: again, and the timer starts over. */
static void synq_repeat(struct xtcp_req *req, const struct xtcp_seg *seg)
{
	if (!synq_limited(req, seg) && synq_resend(req))
		xtcp_expq_rearm(&synq_xn(req)->synq, &req->mini.exp, synq_class(req),
				synq_lifetime(req));
}

/* RFC 5961 3 and 4: what could be forged is answered by the truth, at most so often. */
static void synq_challenge(struct xtcp_req *req, struct sk_buff *skb, const struct xtcp_seg *seg)
{
	struct net *net = read_pnet(&req->mini.net);

	if (synq_limited(req, seg))
		return;
	if (!xtcp_reply_challenge_ok(xtcp_net(net))) {
		XTCP_INC(net, ACKSKIPPEDCHALLENGE);
		return;
	}
	if (seg->flags & XTCP_SYN)
		XTCP_INC(net, SYNCHALLENGE);
	XTCP_INC(net, CHALLENGEACK);
	synq_send_ack(req, skb);
}

static void synq_send_rst(const struct xtcp_req *req, struct sk_buff *skb,
			  const struct xtcp_seg *seg)
{
	struct xtcp_key key;

	xtcp_req_key(&key, req);
	xtcp_reply_rst(key.net, skb, &key, seg);
}

static void synq_reset(struct xtcp_req *req)
{
	struct net *net = read_pnet(&req->mini.net);

	if (!synq_kill(req))
		return;
	XTCP_INC(net, ATTEMPTFAILS);
	XTCP_INC(net, EMBRYONICRSTS);
}

/*
 * RFC 9293 3.10.7.4 in SYN-RECEIVED, up to the ACK. The ACK is looked at first, as in
 * all unsynchronized states: one of what we never sent (crossed SYNs, forgery) gets a
 * RST and changes nothing.
 *
 * Return: SKB_NOT_DROPPED_YET when the segment is the ACK we wait for
 */
static enum skb_drop_reason synq_check(struct xtcp_req *req, struct sk_buff *skb,
				       const struct xtcp_seg *seg, bool paws)
{
	struct net *net = read_pnet(&req->mini.net);
	u32 rcv_nxt = req->irs + 1;

	if ((seg->flags & (XTCP_ACK | XTCP_RST)) == XTCP_ACK && seg->ack != req->isn + 1) {
		XTCP_INC(net, ACKUNSENT);
		synq_send_rst(req, skb, seg);
		return SKB_DROP_REASON_TCP_ACK_UNSENT_DATA;
	}

	/* First, sequence number */
	if (paws || !xtcp_tw_in_window(seg, rcv_nxt, req->rcv_wnd)) {
		if (!(seg->flags & XTCP_RST) && !synq_limited(req, seg))
			synq_send_ack(req, skb);
		XTCP_INC(net, OUTOFWINDOW);
		if (!paws)
			return SKB_DROP_REASON_TCP_INVALID_SEQUENCE;
		XTCP_INC(net, PAWSESTAB);
		return SKB_DROP_REASON_TCP_RFC7323_PAWS;
	}

	/* Second, RST: only the exact one is believed (RFC 5961 3.2) */
	if (seg->flags & XTCP_RST) {
		if (seg->seq == rcv_nxt) {
			synq_reset(req);
		} else {
			XTCP_INC(net, RSTINEXACT);
			synq_challenge(req, skb, seg);
		}
		return SKB_DROP_REASON_TCP_RESET;
	}

	/* Fourth, SYN (RFC 5961 4.2): no reason to give up what a live peer may have begun */
	if (seg->flags & XTCP_SYN) {
		synq_challenge(req, skb, seg);
		return SKB_DROP_REASON_TCP_INVALID_SYN;
	}

	/* Fifth, ACK */
	if (seg->flags & XTCP_ACK)
		return SKB_NOT_DROPPED_YET;
	XTCP_INC(net, NOACKFLAG);
	return SKB_DROP_REASON_TCP_FLAGS;
}

/* TCP_DEFER_ACCEPT: no child before its first data, for so many SYN-ACKs. */
static bool synq_deferred(struct xtcp_req *req, const struct xtcp_seg *seg)
{
	if (READ_ONCE(req->num_timeout) >= READ_ONCE(xtcp_sk(req->listener)->defer_accept) ||
	    seg->end_seq != req->irs + 1)
		return false;
	WRITE_ONCE(req->acked, 1);
	XTCP_INC(read_pnet(&req->mini.net), DEFERACCEPTDROP);
	return true;
}

/* No child: the peer believes itself connected, so wait for room, or tell it. */
static void synq_overflow(struct xtcp_req *req, struct sk_buff *skb, const struct xtcp_seg *seg)
{
	if (!xtcp_knob(read_pnet(&req->mini.net), abort_on_overflow)) {
		WRITE_ONCE(req->acked, 1);
		return;
	}
	synq_send_rst(req, skb, seg);
	if (synq_kill(req))
		XTCP_INC(read_pnet(&req->mini.net), EMBRYONICRSTS);
}

static struct sock *synq_complete(struct xtcp_req *req, struct sk_buff *skb,
				  const struct xtcp_seg *seg, const struct xtcp_opts *opts,
				  enum skb_drop_reason *reason)
{
	struct sock *child = xtcp_listen_make_child(req->listener, req, skb, reason);

	if (!child) {
		if (xtcp_mini_hashed(&req->mini))
			synq_overflow(req, skb, seg);
		return NULL;
	}
	if (req->ts_ok && (opts->has & XTCP_OPT_TS) && xtcp_seq_leq(seg->seq, req->irs + 1))
		xtcp_sk(child)->rcv.ts_recent = opts->tsval;
	return child;
}

/**
 * xtcp_synq_rcv - a segment for a request (RFC 9293 3.10.7.4 SYN-RECEIVED)
 * @req: referenced; the reference stays the caller's and keeps req->listener alive
 * @skb: the segment; stays the caller's
 * @seg: its header
 * @opts: its options
 * @reason: with NULL, why the skb ends: SKB_NOT_DROPPED_YET: it did its work
 *
 * Context: RCU, bottom halves off.
 * Return: the child, locked (bh_lock_sock) and with a reference, that must now process the
 *	segment itself; NULL: the segment is done with, or, if @req is no more hashed,
 *	may be for the child that another CPU made
 */
struct sock *xtcp_synq_rcv(struct xtcp_req *req, struct sk_buff *skb, const struct xtcp_seg *seg,
			   const struct xtcp_opts *opts, enum skb_drop_reason *reason)
{
	const u8 flags = XTCP_SYN | XTCP_RST | XTCP_ACK;
	bool paws = synq_paws_reject(req, seg, opts);

	*reason = SKB_DROP_REASON_NO_SOCKET;
	if (!xtcp_mini_hashed(&req->mini))
		return NULL;
	if (!synq_listening(req->listener)) {
		xtcp_synq_drop(req);
		synq_send_rst(req, skb, seg);
		return NULL;
	}
	*reason = SKB_NOT_DROPPED_YET;
	if ((seg->flags & flags) == XTCP_SYN && seg->seq == req->irs && !paws) {
		synq_repeat(req, seg);
		return NULL;
	}
	*reason = synq_check(req, skb, seg, paws);
	if (*reason || synq_deferred(req, seg))
		return NULL;
	return synq_complete(req, skb, seg, opts, reason);
}

static bool synq_match_listener(struct xtcp_expent *e, void *listener)
{
	return container_of(e, struct xtcp_req, mini.exp)->listener == listener;
}

/* The queue's reference is ours. */
static void synq_drop_ent(struct xtcp_expent *e)
{
	struct xtcp_req *req = container_of(e, struct xtcp_req, mini.exp);

	xtcp_synq_drop(req);
	xtcp_mini_put(&req->mini);
}

/**
 * xtcp_synq_drop_listener - all requests of a listener that closed
 * @listener: no more in LISTEN
 */
void xtcp_synq_drop_listener(struct sock *listener)
{
	xtcp_expq_drop_matching(&xtcp_net(sock_net(listener))->synq, synq_match_listener,
				listener, synq_drop_ent);
}

/**
 * xtcp_synq_count - requests of a namespace
 * @xn: the namespace
 */
unsigned int xtcp_synq_count(const struct xtcp_net *xn)
{
	return xtcp_expq_count(&xn->synq);
}

int xtcp_synq_net_init(struct xtcp_net *xn)
{
	return xtcp_expq_init(&xn->synq, synq_expire);
}

void xtcp_synq_net_exit(struct xtcp_net *xn)
{
	xtcp_expq_destroy(&xn->synq, synq_drop_ent);
}

int xtcp_synq_init(void)
{
	synq_slab = kmem_cache_create("xtcp_req", sizeof(struct xtcp_req), 0,
				      SLAB_TYPESAFE_BY_RCU | SLAB_HWCACHE_ALIGN, synq_ctor);
	if (!synq_slab)
		return -ENOMEM;
	xtcp_demux_register(XTCP_KIND_REQ, &synq_ops);
	return 0;
}

void xtcp_synq_exit(void)
{
	kmem_cache_destroy(synq_slab);
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * passive.c is what segments do on the way to a connection that we did not ask for:
 * a SYN for a listener, and RFC 9293 3.10.7.4 in SYN-RECEIVED. It owns nothing and
 * takes no lock; requests are synq.c's, children listen.c's.
 */
#include <linux/security.h>
#include <net/dst.h>
#include <net/inet_sock.h>
#include <net/request_sock.h>
#include <xtcp/win.h>

#include "af.h"
#include "compat.h"
#include "engine.h"
#include "synq.h"
#include "tw.h"

/* The route of the first SYN-ACK may be gone by the time of the second. */
static int passive_repeat_synack(struct sock *listener, struct xtcp_req *req)
{
	return xtcp_reply_synack(listener, req, NULL, NULL);
}

const struct xtcp_synq_ops xtcp_passive_ops = {
	.synack = passive_repeat_synack,
};

#ifdef CONFIG_SECURITY_NETWORK

/* What an LSM wants to see is native TCP's request: one lent for the time of the call. */
static DEFINE_PER_CPU(struct inet_request_sock, passive_lsm_req);
static struct request_sock_ops passive_lsm_ops = { .family = AF_INET };

static void passive_lend(struct inet_request_sock *ireq, const struct xtcp_req *req,
			 const struct sock *listener)
{
	ireq->req.rsk_ops = &passive_lsm_ops;
	ireq->ireq_family = AF_INET;
	write_pnet(&ireq->ireq_net, sock_net(listener));
	ireq->ir_loc_addr = req->mini.laddr;
	ireq->ir_rmt_addr = req->mini.raddr;
	ireq->ir_num = req->mini.lport;
	ireq->ir_rmt_port = req->mini.rport;
	ireq->ir_iif = req->mini.bound_dev_if;
	ireq->ir_mark = req->mark;
}

/* Labels: the next one shall not find them, and our SYN-ACK has no IP options. */
static void passive_take_back(struct inet_request_sock *ireq)
{
	kfree(rcu_access_pointer(ireq->ireq_opt));
	RCU_INIT_POINTER(ireq->ireq_opt, NULL);
	ireq->req.secid = 0;
	ireq->req.peer_secid = 0;
}

#endif

/**
 * xtcp_passive_permitted - does the LSM allow this connection?
 * @listener: not locked
 * @skb: the SYN, or the ACK of a cookie
 * @req: filled
 *
 * Context: RCU, bottom halves off.
 */
bool xtcp_passive_permitted(struct sock *listener, struct sk_buff *skb, struct xtcp_req *req)
{
#ifdef CONFIG_SECURITY_NETWORK
	struct inet_request_sock *ireq = this_cpu_ptr(&passive_lsm_req);
	int err;

	passive_lend(ireq, req, listener);
	err = security_inet_conn_request(listener, skb, &ireq->req);
	passive_take_back(ireq);
	return !err;
#else
	return true;
#endif
}

/* Options both sides want (RFC 9293 3.7.1, RFC 7323, RFC 2018). */
static void passive_negotiate(struct xtcp_req *req, const struct sk_buff *skb,
			      const struct xtcp_seg *seg, const struct xtcp_opts *opts, bool cookie)
{
	u16 user_mss = READ_ONCE(xtcp_sk(req->listener)->snd.user_mss);
	const struct xtcp_knobs *knobs = &xtcp_net(xtcp_req_net(req))->knobs;
	bool room;

	req->cookie = cookie;
	req->ts_ok = (opts->has & XTCP_OPT_TS) && READ_ONCE(knobs->timestamps);
	if (req->ts_ok)
		req->ts_recent = opts->tsval;
	/* A cookie has room for the rest in its timestamp only. */
	room = !cookie || req->ts_ok;
	req->sack_ok = room && (opts->has & XTCP_OPT_SACK_PERM) && READ_ONCE(knobs->sack);
	req->wscale_ok = room && (opts->has & XTCP_OPT_WSCALE) && READ_ONCE(knobs->window_scaling);
	if (req->wscale_ok)
		req->snd_wscale = opts->wscale;
	req->ecn_ok = room && xtcp_ecn_asked(seg, XTCP_CB(skb)->tos);
	req->mss = XTCP_DEFAULT_MSS;
	if (opts->mss)
		req->mss = user_mss && user_mss < opts->mss ? user_mss : opts->mss;
}

static void passive_set_window(const struct sock *listener, struct xtcp_req *req,
			       const struct xtcp_path *path)
{
	u32 mss = path->mss - (req->ts_ok ? XTCP_OPT_TS_ALIGNED : 0);
	u32 space = max(xtcp_full_space(listener), 0);
	const struct dst_entry *dst = path->dst;
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
 * xtcp_passive_choose_window - window and shift of the SYN-ACK, by the listener's buffer;
 *	and is ECN granted on this route?
 * @listener: not locked
 * @skb: the segment; a route in its cb is the request's from here on
 * @req: options negotiated
 * @path: the way of the SYN-ACK
 *
 * Return: whether any route leads back; if so @path has a reference
 */
bool xtcp_passive_choose_window(struct sock *listener, struct sk_buff *skb, struct xtcp_req *req,
				struct xtcp_path *path)
{
	struct dst_entry *dst = XTCP_CB(skb)->answer;

	XTCP_CB(skb)->answer = NULL;
	if (!dst)
		dst = xtcp_reply_route_synack(listener, req);
	if (!dst)
		return false;
	path->dst = dst;
	path->mss = xtcp_mss_offer(dst, READ_ONCE(xtcp_sk(listener)->snd.user_mss));
	passive_set_window(listener, req, path);
	req->ecn_ok = req->ecn_ok && xtcp_ecn_accepted(sock_net(listener), dst);
	return true;
}

/* The SYN-ACK, if possible in the SYN's own buffer. */
static enum skb_drop_reason passive_answer(struct sock *listener, struct sk_buff *skb,
					   struct xtcp_req *req, const struct xtcp_path *path)
{
	bool reused = xtcp_reply_reuse(skb, path->dst);

	if (reused)
		XTCP_INC(sock_net(listener), SYNSREUSED);
	xtcp_reply_synack(listener, req, path, reused ? skb : NULL);
	return reused ? SKB_CONSUMED : SKB_NOT_DROPPED_YET;
}

static enum skb_drop_reason passive_remember(struct sock *listener, struct sk_buff *skb,
					     const struct xtcp_key *key, const struct xtcp_seg *seg,
					     const struct xtcp_opts *opts, u32 isn)
{
	enum skb_drop_reason reason = SKB_DROP_REASON_IP_OUTNOROUTES;
	struct xtcp_req *req = xtcp_synq_alloc(listener);
	struct xtcp_path path;

	if (!req)
		return SKB_DROP_REASON_NOMEM;
	xtcp_synq_fill(req, listener, skb, key);
	req->txhash = net_tx_rndhash();
	passive_negotiate(req, skb, seg, opts, false);
	req->irs = seg->seq;
	req->isn = isn ? : xtcp_synq_isn(key);
	if (!xtcp_passive_choose_window(listener, skb, req, &path))
		goto discard;
	reason = SKB_DROP_REASON_NOT_SPECIFIED;
	if (!xtcp_passive_permitted(listener, skb, req))
		goto release;
	if (!xtcp_synq_publish(req)) {
		dst_release(path.dst);
		return reason;
	}
	reason = passive_answer(listener, skb, req, &path);
	xtcp_mini_put(&req->mini);
	return reason;
release:
	dst_release(path.dst);
discard:
	xtcp_synq_discard(req);
	return reason;
}

static enum skb_drop_reason passive_send_cookie(struct sock *listener, struct sk_buff *skb,
						const struct xtcp_key *key,
						const struct xtcp_seg *seg,
						const struct xtcp_opts *opts)
{
	struct xtcp_req req = {};
	struct xtcp_path path;

	xtcp_synq_fill(&req, listener, skb, key);
	passive_negotiate(&req, skb, seg, opts, true);
	req.irs = seg->seq;
	if (!xtcp_passive_choose_window(listener, skb, &req, &path))
		return SKB_DROP_REASON_IP_OUTNOROUTES;
	if (!xtcp_passive_permitted(listener, skb, &req)) {
		dst_release(path.dst);
		return SKB_DROP_REASON_NOT_SPECIFIED;
	}
	xtcp_syncookie_note_overflow(listener);
	XTCP_LISTEN_INC(listener, COOKIES_SENT);
	req.isn = xtcp_syncookie_make(key, seg, &req.mss);
	req.txhash = req.isn ? : 1;	/* as random as any, and the one answer's only */
	return passive_answer(listener, skb, &req, &path);
}

enum passive_room { PASSIVE_ROOM, PASSIVE_COOKIE, PASSIVE_FULL };

/* May this SYN be remembered, or is there only a cookie for it, or not even that? */
static enum passive_room passive_room(const struct sock *listener, const struct xtcp_key *key)
{
	const struct net *net = sock_net(listener);
	const struct xtcp_net *xn = xtcp_net(net);
	int len = atomic_read(&xtcp_sk(listener)->acceptq->syn_len);
	bool full = len > (int)READ_ONCE(listener->sk_max_ack_backlog);
	int cookies = READ_ONCE(xn->knobs.syncookies);
	int most = READ_ONCE(xn->knobs.max_syn_backlog);

	if (full)
		XTCP_LISTEN_INC(listener, SYN_FULL);
	if (full || cookies == 2) {
		if (cookies) {
			XTCP_INC(net, REQQFULLDOCOOKIES);
			return PASSIVE_COOKIE;
		}
		XTCP_INC(net, REQQFULLDROP);
		return PASSIVE_FULL;
	}
	/* As native TCP: the last quarter is for peers known to live, and we know none. */
	if (!cookies && most - len < most >> 2) {
		XTCP_LISTEN_INC(listener, SYN_FULL);
		return PASSIVE_FULL;
	}
	if (xtcp_synq_share_full(listener, key)) {
		XTCP_INC(net, SYNSHAREFULL);
		XTCP_LISTEN_INC(listener, SHARE_FULL);
		return cookies ? PASSIVE_COOKIE : PASSIVE_FULL;
	}
	return PASSIVE_ROOM;
}

/**
 * xtcp_passive_rcv_syn - a SYN for a listener (RFC 9293 3.10.7.2)
 * @listener: not locked, not referenced
 * @skb: the segment; stays the caller's, unless SKB_CONSUMED is returned
 * @key: its 4-tuple
 * @seg: its header
 * @opts: its options
 * @isn: the ISN that a TIME_WAIT bucket demands, 0: choose
 *
 * Makes a request and answers with a SYN-ACK, or with a cookie, or drops.
 *
 * Context: RCU, bottom halves off.
 * Return: SKB_NOT_DROPPED_YET if answered, SKB_CONSUMED if @skb itself became the answer, else
 *	why not
 */
enum skb_drop_reason xtcp_passive_rcv_syn(struct sock *listener, struct sk_buff *skb,
					  const struct xtcp_key *key, const struct xtcp_seg *seg,
					  const struct xtcp_opts *opts, u32 isn)
{
	enum skb_drop_reason reason = SKB_DROP_REASON_NOT_SPECIFIED;
	enum passive_room room = isn ? PASSIVE_ROOM : passive_room(listener, key);

	if (room == PASSIVE_FULL)
		goto out;
	if (sk_acceptq_is_full(listener)) {
		XTCP_INC(key->net, LISTENOVERFLOWS);
		XTCP_LISTEN_INC(listener, ACCEPT_FULL);
		goto out;
	}
	if (room == PASSIVE_COOKIE)
		reason = passive_send_cookie(listener, skb, key, seg, opts);
	else
		reason = passive_remember(listener, skb, key, seg, opts, isn);
out:
	if (reason && reason != SKB_CONSUMED)
		XTCP_INC(key->net, LISTENDROPS);
	return reason;
}

static bool passive_paws_reject(const struct xtcp_req *req, const struct xtcp_seg *seg,
				const struct xtcp_opts *opts)
{
	/* A request is too young for its TS.Recent to be outdated. */
	return req->ts_ok && (opts->has & XTCP_OPT_TS) &&
	       xtcp_tw_paws_reject(req->ts_recent, (u32)ktime_get_seconds(), opts->tsval,
				   seg->flags & XTCP_RST);
}

static bool passive_limited(struct xtcp_req *req, const struct xtcp_seg *seg)
{
	struct net *net = xtcp_req_net(req);

	if (!xtcp_tw_oow_limited(net, seg, &req->oow_stamp))
		return false;
	XTCP_INC(net, ACKSKIPPEDSYNRECV);
	return true;
}

static void passive_send_ack(struct xtcp_req *req, struct sk_buff *skb)
{
	struct xtcp_key key;

	xtcp_req_key(&key, req);
	xtcp_reply_ack(key.net, skb, &key, req->isn + 1, req->irs + 1,
		       xtcp_win_raw(req->rcv_wnd, req->rcv_wscale),
		       xtcp_now_ts() + xtcp_synq_req_ts_offset(req), req->ts_recent, req->ts_ok,
		       req->tos, req->txhash);
}

/* RFC 5961 3 and 4: what could be forged is answered by the truth, at most so often. */
static void passive_challenge(struct xtcp_req *req, struct sk_buff *skb, const struct xtcp_seg *seg)
{
	struct net *net = xtcp_req_net(req);

	if (passive_limited(req, seg))
		return;
	if (!xtcp_reply_challenge_ok(xtcp_net(net))) {
		XTCP_INC(net, ACKSKIPPEDCHALLENGE);
		return;
	}
	if (seg->flags & XTCP_SYN)
		XTCP_INC(net, SYNCHALLENGE);
	XTCP_INC(net, CHALLENGEACK);
	passive_send_ack(req, skb);
}

static void passive_send_rst(const struct xtcp_req *req, struct sk_buff *skb,
			     const struct xtcp_seg *seg, enum xtcp_rst_reason reason)
{
	struct xtcp_key key;

	xtcp_req_key(&key, req);
	xtcp_reply_rst(key.net, skb, &key, seg, reason);
}

static void passive_reset(struct xtcp_req *req)
{
	struct net *net = xtcp_req_net(req);

	if (!xtcp_synq_kill(req))
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
static enum skb_drop_reason passive_check(struct xtcp_req *req, struct sk_buff *skb,
					  const struct xtcp_seg *seg, bool paws)
{
	struct net *net = xtcp_req_net(req);
	u32 rcv_nxt = req->irs + 1;

	if ((seg->flags & (XTCP_ACK | XTCP_RST)) == XTCP_ACK && seg->ack != req->isn + 1) {
		XTCP_INC(net, ACKUNSENT);
		passive_send_rst(req, skb, seg, XTCP_RST_STATE);
		return SKB_DROP_REASON_TCP_ACK_UNSENT_DATA;
	}

	/* First, sequence number */
	if (paws || !xtcp_tw_in_window(seg, rcv_nxt, req->rcv_wnd)) {
		if (!(seg->flags & XTCP_RST) && !passive_limited(req, seg))
			passive_send_ack(req, skb);
		XTCP_INC(net, OUTOFWINDOW);
		if (!paws)
			return SKB_DROP_REASON_TCP_INVALID_SEQUENCE;
		XTCP_INC(net, PAWSESTAB);
		return SKB_DROP_REASON_TCP_RFC7323_PAWS;
	}

	/* Second, RST: only the exact one is believed (RFC 5961 3.2) */
	if (seg->flags & XTCP_RST) {
		if (seg->seq == rcv_nxt) {
			passive_reset(req);
		} else {
			XTCP_INC(net, RSTINEXACT);
			passive_challenge(req, skb, seg);
		}
		return SKB_DROP_REASON_TCP_RESET;
	}

	/* Fourth, SYN (RFC 5961 4.2): no reason to give up what a live peer may have begun */
	if (seg->flags & XTCP_SYN) {
		passive_challenge(req, skb, seg);
		return SKB_DROP_REASON_TCP_INVALID_SYN;
	}

	/* Fifth, ACK */
	if (seg->flags & XTCP_ACK)
		return SKB_NOT_DROPPED_YET;
	XTCP_INC(net, NOACKFLAG);
	return SKB_DROP_REASON_TCP_FLAGS;
}

/* TCP_DEFER_ACCEPT: no child before its first data, for so many SYN-ACKs. */
static bool passive_deferred(struct xtcp_req *req, const struct xtcp_seg *seg)
{
	if (READ_ONCE(req->num_timeout) >= READ_ONCE(xtcp_sk(req->listener)->defer_accept) ||
	    seg->end_seq != req->irs + 1)
		return false;
	WRITE_ONCE(req->acked, 1);
	XTCP_INC(xtcp_req_net(req), DEFERACCEPTDROP);
	return true;
}

/* No child: the peer believes itself connected, so wait for room, or tell it. */
static void passive_overflow(struct xtcp_req *req, struct sk_buff *skb, const struct xtcp_seg *seg)
{
	if (!xtcp_knob(xtcp_req_net(req), abort_on_overflow)) {
		WRITE_ONCE(req->acked, 1);
		return;
	}
	passive_send_rst(req, skb, seg, XTCP_RST_OVERFLOW);
	if (xtcp_synq_kill(req))
		XTCP_INC(xtcp_req_net(req), EMBRYONICRSTS);
}

static struct sock *passive_complete(struct xtcp_req *req, struct sk_buff *skb,
				     const struct xtcp_seg *seg, const struct xtcp_opts *opts,
				     enum skb_drop_reason *reason)
{
	struct sock *child = xtcp_listen_make_child(req->listener, req, skb, reason);

	if (!child) {
		if (!xtcp_mini_hashed(&req->mini))
			return ERR_PTR(-EAGAIN);
		passive_overflow(req, skb, seg);
		return NULL;
	}
	if (req->ts_ok && (opts->has & XTCP_OPT_TS) && xtcp_seq_leq(seg->seq, req->irs + 1))
		xtcp_sk(child)->rcv.ts_recent = opts->tsval;
	return child;
}

/**
 * xtcp_passive_rcv - a segment for a request (RFC 9293 3.10.7.4 SYN-RECEIVED)
 * @req: referenced; the reference stays the caller's and keeps req->listener alive
 * @skb: the segment; stays the caller's
 * @seg: its header
 * @opts: its options
 * @reason: with NULL, why the skb ends: SKB_NOT_DROPPED_YET: it did its work
 *
 * Context: RCU, bottom halves off.
 * Return: the child, locked (bh_lock_sock) and with a reference, that must now process the
 *	segment itself; NULL: the segment is done with; ERR_PTR(-EAGAIN): the request is
 *	gone, look for the segment's owner once more
 */
struct sock *xtcp_passive_rcv(struct xtcp_req *req, struct sk_buff *skb, const struct xtcp_seg *seg,
			      const struct xtcp_opts *opts, enum skb_drop_reason *reason)
{
	const u8 flags = XTCP_SYN | XTCP_RST | XTCP_ACK;
	bool paws = passive_paws_reject(req, seg, opts);

	if (!xtcp_synq_listening(req))
		xtcp_synq_orphaned(req);
	if (!xtcp_mini_hashed(&req->mini))
		return ERR_PTR(-EAGAIN);
	*reason = SKB_NOT_DROPPED_YET;
	if ((seg->flags & flags) == XTCP_SYN && seg->seq == req->irs && !paws) {
		if (!passive_limited(req, seg))
			xtcp_synq_repeat(req);
		return NULL;
	}
	*reason = passive_check(req, skb, seg, paws);
	if (*reason || passive_deferred(req, seg))
		return NULL;
	return passive_complete(req, skb, seg, opts, reason);
}

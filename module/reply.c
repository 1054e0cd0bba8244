// SPDX-License-Identifier: GPL-2.0-only
/*
 * Segments that no full socket sends: RST, ACKs of TIME_WAIT and of half-open
 * requests, SYN-ACK; and the rate limit of challenge ACKs.
 *
 * Softirq or bottom halves off, inside RCU. No lock.
 */
#include <linux/tcp.h>
#include <net/inet_ecn.h>
#include <net/l3mdev.h>
#include <trace/events/xtcp.h>
#include <xtcp/opt.h>

#include "af.h"
#include "compat.h"
#include "engine.h"
#include "mib.h"
#include "synq.h"
#include "tw.h"

/* What a SYN-ACK is at most, with IP's header. */
#define REPLY_SYNACK_MAX	(sizeof(struct iphdr) + 60)

/**
 * xtcp_reply_reuse - a SYN's buffer for its answer, if nobody else has to do with it
 * @skb: the SYN
 * @dst: the answer's route
 *
 * Return: whether it is as good as a new one now, all of it head room; else untouched
 */
bool xtcp_reply_reuse(struct sk_buff *skb, const struct dst_entry *dst)
{
	const bool head_frag = skb->head_frag, pp_recycle = skb->pp_recycle;
	u32 room = skb_end_offset(skb);

	if (skb_shared(skb) || skb->cloned || skb->fclone != SKB_FCLONE_UNAVAILABLE ||
	    skb_is_nonlinear(skb) || skb->sk || skb->destructor || skb->pfmemalloc ||
	    skb_zcopy(skb) ||
	    room < LL_RESERVED_SPACE(dst->dev) + dst->header_len + REPLY_SYNACK_MAX)
		return false;
	skb_dst_drop(skb);
	nf_reset_ct(skb);
	skb_ext_reset(skb);
	memset(skb, 0, offsetof(struct sk_buff, tail));
	memset(skb_shinfo(skb), 0, offsetof(struct skb_shared_info, dataref));
	skb->head_frag = head_frag;
	skb->pp_recycle = pp_recycle;
	skb->mac_header = (typeof(skb->mac_header))~0U;
	skb->data = skb->head;
	skb_reset_tail_pointer(skb);
	skb_reserve(skb, min_t(u32, room, XTCP_MAX_HEADER));
	return true;
}

static struct sk_buff *reply_new(void)
{
	struct sk_buff *skb = alloc_skb(XTCP_MAX_HEADER, GFP_ATOMIC);

	if (skb)
		skb_reserve(skb, XTCP_MAX_HEADER);
	return skb;
}

/* A header of @hlen bytes, ports filled, rest 0, in @skb, which has room for all below TCP. */
static struct sk_buff *reply_header(struct sk_buff *skb, const struct xtcp_key *key, u32 hlen)
{
	struct tcphdr *th;

	if (!skb)
		return NULL;
	th = skb_push(skb, hlen);
	skb_reset_transport_header(skb);
	memset(th, 0, sizeof(*th));
	th->source = htons(key->lport);
	th->dest = key->rport;
	th->doff = hlen / 4;
	return skb;
}

/* In a VRF the answer leaves by the domain in which the question came. */
static int reply_oif(struct net *net, const struct sk_buff *skb, int bound)
{
	if (!bound && netif_index_is_l3_master(net, skb->skb_iif))
		return skb->skb_iif;
	return bound;
}

/*
 * Completes @r for an answer to @skb: device and mark of the question where our own
 * say nothing, its DSCP without ECN.
 */
static int reply_send(struct xtcp_reply *r, const struct sk_buff *skb)
{
	struct net *net = r->key->net;

	r->in = skb;
	r->oif = reply_oif(net, skb, r->oif);
	if (READ_ONCE(net->ipv4.sysctl_fwmark_reflect) && skb->mark)
		r->mark = skb->mark;
	r->tos &= ~INET_ECN_MASK;
	XTCP_INC(net, OUTSEGS);
	return xtcp_af(r->key->family)->reply(r);
}

/*
 * RFC 9293 3.10.7.1: the number that the peer expects if it told, else an ACK of all
 * it sent. Never for a RST.
 */
static void reply_rst_as(struct xtcp_reply *r, const struct sock *sk, const struct sk_buff *skb,
			 const struct xtcp_seg *seg, enum xtcp_rst_reason reason)
{
	struct tcphdr *th;

	if (seg->flags & XTCP_RST)
		return;
	r->skb = reply_header(reply_new(), r->key, sizeof(*th));
	if (!r->skb)
		return;
	th = tcp_hdr(r->skb);
	th->rst = 1;
	if (seg->flags & XTCP_ACK) {
		th->seq = htonl(seg->ack);
	} else {
		th->ack = 1;
		th->ack_seq = htonl(seg->end_seq);
	}
	r->tos = XTCP_CB(skb)->tos;
	XTCP_INC(r->key->net, OUTRSTS);
	trace_xtcp_send_reset(sk, skb, reason);
	reply_send(r, skb);
}

/**
 * xtcp_reply_rst - resets a connection that does not exist
 * @net: namespace
 * @skb: the segment that believes in it, its cb filled by rx.c
 * @key: its 4-tuple, of unicast addresses
 * @seg: its header
 * @reason: for the tracepoint
 */
void xtcp_reply_rst(struct net *net, struct sk_buff *skb, const struct xtcp_key *key,
		    const struct xtcp_seg *seg, enum xtcp_rst_reason reason)
{
	struct xtcp_reply r = { .key = key };

	reply_rst_as(&r, NULL, skb, seg, reason);
}

/**
 * xtcp_reply_rst_sk - resets a connection in answer to a segment its socket refuses
 * @sk: full socket, addresses set
 * @skb: the segment
 * @seg: its header
 * @reason: for the tracepoint
 */
void xtcp_reply_rst_sk(const struct sock *sk, struct sk_buff *skb, const struct xtcp_seg *seg,
		       enum xtcp_rst_reason reason)
{
	struct xtcp_key key;
	struct xtcp_reply r = {
		.key = &key,
		.oif = READ_ONCE(sk->sk_bound_dev_if),
		.mark = READ_ONCE(sk->sk_mark),
		.priority = READ_ONCE(sk->sk_priority),
		.txhash = READ_ONCE(sk->sk_txhash),
	};

	xtcp_demux_key_of_sock(&key, sk);
	reply_rst_as(&r, sk, skb, seg, reason);
}

static void reply_ack_as(struct xtcp_reply *r, const struct sk_buff *skb, const struct xtcp_seg *a,
			 bool ts, u32 tsval, u32 tsecr)
{
	struct tcphdr *th;

	r->skb = reply_header(reply_new(), r->key, sizeof(*th) + xtcp_opt_size(ts, 0));
	if (!r->skb)
		return;
	th = tcp_hdr(r->skb);
	th->ack = 1;
	th->seq = htonl(a->seq);
	th->ack_seq = htonl(a->ack);
	th->window = htons(a->window);
	xtcp_opt_write((u8 *)(th + 1), ts, tsval, tsecr, NULL, 0);
	reply_send(r, skb);
}

/**
 * xtcp_reply_ack - an ACK in the name of a half-open request
 * @net: namespace
 * @skb: the segment that gave cause
 * @key: its 4-tuple
 * @seq: our sequence number
 * @ack: what we acknowledge
 * @win: window field, scaled already
 * @tsval: timestamp with its offset, if @ts
 * @tsecr: timestamp echoed, if @ts
 * @ts: timestamps are in use
 * @tos: IP's TOS
 * @txhash: flow hash
 */
void xtcp_reply_ack(struct net *net, struct sk_buff *skb, const struct xtcp_key *key, u32 seq,
		    u32 ack, u32 win, u32 tsval, u32 tsecr, bool ts, u8 tos, u32 txhash)
{
	struct xtcp_reply r = { .key = key, .tos = tos, .txhash = txhash };
	struct xtcp_seg a = { .seq = seq, .ack = ack, .window = min(win, (u32)U16_MAX) };

	reply_ack_as(&r, skb, &a, ts, tsval, tsecr);
}

static struct xtcp_reply reply_from_tw(const struct xtcp_tw *tw, const struct xtcp_key *key)
{
	return (struct xtcp_reply) {
		.key = key,
		.oif = tw->bound_dev_if,
		.tos = tw->tos,
		.mark = tw->mark,
		.priority = xtcp_tw_priority(tw),
	};
}

/**
 * xtcp_reply_tw_ack - the last ACK again (RFC 9293 3.10.7.4 TIME-WAIT)
 * @tw: the bucket
 * @skb: the segment that asked for it
 * @key: its 4-tuple
 */
void xtcp_reply_tw_ack(const struct xtcp_tw *tw, struct sk_buff *skb, const struct xtcp_key *key)
{
	struct xtcp_reply r = reply_from_tw(tw, key);
	struct xtcp_seg a = {
		.seq = tw->snd_nxt,
		.ack = READ_ONCE(tw->rcv_nxt),
		.window = tw->window,
	};

	reply_ack_as(&r, skb, &a, xtcp_tw_flags(tw) & XTCP_TW_TS,
		     xtcp_now_ts() + xtcp_tw_ts_offset(tw, key), READ_ONCE(tw->ts_recent));
}

/**
 * xtcp_reply_tw_rst - resets what a TIME_WAIT bucket cannot accept
 * @tw: the bucket
 * @skb: the segment
 * @key: its 4-tuple
 * @seg: its header
 */
void xtcp_reply_tw_rst(const struct xtcp_tw *tw, struct sk_buff *skb, const struct xtcp_key *key,
		       const struct xtcp_seg *seg)
{
	struct xtcp_reply r = reply_from_tw(tw, key);

	reply_rst_as(&r, NULL, skb, seg, XTCP_RST_TIME_WAIT);
}

static u32 reply_synack_tsval(const struct xtcp_key *key, const struct xtcp_req *req)
{
	u32 ts = xtcp_now_ts();

	if (req->cookie)
		ts = xtcp_syncookie_ts(req, ts);
	return ts + (req->ts_offset ? xtcp_synq_ts_secret(key) : 0);
}

static struct sk_buff *reply_build_synack(struct sk_buff *skb, const struct xtcp_key *key,
					  const struct xtcp_req *req, u16 mss)
{
	int wscale = req->wscale_ok ? req->rcv_wscale : -1;
	u32 optlen = xtcp_opt_size_syn(mss, req->ts_ok, req->sack_ok, wscale);
	struct tcphdr *th;

	skb = reply_header(skb ? : reply_new(), key, sizeof(struct tcphdr) + optlen);
	if (!skb)
		return NULL;
	th = tcp_hdr(skb);
	th->syn = 1;
	th->ack = 1;
	th->ece = req->ecn_ok;
	th->seq = htonl(req->isn);
	th->ack_seq = htonl(req->irs + 1);
	/* RFC 7323 2.2: never scaled in a SYN. */
	th->window = htons(min(req->rcv_wnd, (u32)U16_MAX));
	xtcp_opt_write_syn((u8 *)(th + 1), mss, req->ts_ok, reply_synack_tsval(key, req),
			   req->ts_recent, req->sack_ok, wscale);
	return skb;
}

static struct xtcp_reply reply_from_req(struct xtcp_key *key, struct sock *listener,
					const struct xtcp_req *req)
{
	xtcp_req_key(key, req);
	return (struct xtcp_reply) {
		.key = key,
		.sk = listener,
		.oif = req->mini.bound_dev_if,
		.tos = req->tos,
		.mark = req->mark,
		.priority = READ_ONCE(listener->sk_priority),
		.txhash = req->txhash,
	};
}

/**
 * xtcp_reply_route_synack - the route that the SYN-ACK of a request takes
 * @listener: where the SYN came in
 * @req: the request
 *
 * Return: the route with a reference, or NULL.
 */
struct dst_entry *xtcp_reply_route_synack(struct sock *listener, const struct xtcp_req *req)
{
	struct xtcp_key key;
	struct xtcp_reply r = reply_from_req(&key, listener, req);

	return xtcp_af(key.family)->route_reply(&r);
}

/**
 * xtcp_reply_synack - the SYN-ACK of a request, first or repeated
 * @listener: where the SYN came in
 * @req: the request; on the caller's stack for a cookie
 * @path: its way, the reference of whose route ends here, or NULL: look it up
 * @skb: from xtcp_reply_reuse() for that route, consumed, or NULL
 *
 * Return: 0 or a negative errno.
 */
int xtcp_reply_synack(struct sock *listener, struct xtcp_req *req, const struct xtcp_path *path,
		      struct sk_buff *skb)
{
	struct xtcp_key key;
	struct xtcp_reply r = reply_from_req(&key, listener, req);
	u16 mss;

	r.dst = path ? path->dst : xtcp_reply_route_synack(listener, req);
	if (!r.dst)
		return -EHOSTUNREACH;
	mss = path ? path->mss :
		     xtcp_mss_offer(r.dst, READ_ONCE(xtcp_sk(listener)->snd.user_mss));
	r.skb = reply_build_synack(skb, &key, req, mss);
	if (!r.skb) {
		dst_release(r.dst);
		return -ENOMEM;
	}
	/* Cgroup programs see by the owner whose it is; a cookie's listener may be going. */
	if (!req->cookie)
		skb_set_owner_w(r.skb, listener);
	XTCP_INC(key.net, OUTSEGS);
	return xtcp_af(key.family)->reply(&r);
}

/**
 * xtcp_reply_challenge_ok - may one more challenge ACK leave in this second? (RFC 5961 7)
 * @xn: namespace
 *
 * A fixed quota that all connections share tells an attacker by his own challenges
 * whether others drew some (CVE-2016-5696): each second's is drawn anew, and by
 * default there is none.
 */
bool xtcp_reply_challenge_ok(struct xtcp_net *xn)
{
	u32 limit = READ_ONCE(xn->knobs.challenge_ack_limit);
	u32 second = (u32)(jiffies / HZ);
	int left;

	if (limit == INT_MAX)
		return true;
	if (READ_ONCE(xn->challenge_stamp) != second) {
		WRITE_ONCE(xn->challenge_stamp, second);
		WRITE_ONCE(xn->challenge_count,
			   min_t(u64, INT_MAX, (limit + 1ULL) / 2 +
				 reciprocal_scale(get_random_u32(), limit)));
	}
	left = READ_ONCE(xn->challenge_count);
	if (left <= 0)
		return false;
	WRITE_ONCE(xn->challenge_count, left - 1);
	return true;
}

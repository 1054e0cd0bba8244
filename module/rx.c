// SPDX-License-Identifier: GPL-2.0-only
/*
 * The way of a segment from the hook to its owner: pull, checksum, IPsec
 * policy, cgroup and LSM filters, core parse, dispatch.
 *
 * Softirq, or process context with bottom halves off; inside RCU. No lock.
 */
#include <linux/filter.h>
#include <linux/tcp.h>
#include <net/busy_poll.h>
#include <net/xfrm.h>
#include <trace/events/xtcp.h>

#include "acceptq.h"
#include "af.h"
#include "compat.h"
#include "engine.h"
#include "guard.h"
#include "mib.h"
#include "synq.h"
#include "tw.h"

/**
 * xtcp_rx_find - the owner of a segment
 * @key: its 4-tuple
 * @skb: the segment
 * @f: the owner with a reference, unless a listener; XTCP_KIND_NONE if there is none
 *
 * Inside RCU. Return: whether it has one; else the segment is the kernel's TCP's.
 */
bool xtcp_rx_find(const struct xtcp_key *key, struct sk_buff *skb, struct xtcp_found *f)
{
	xtcp_demux_lookup(key, f);
	if (f->kind != XTCP_KIND_NONE)
		return true;
	f->sk = xtcp_listeners_find(key, skb);
	/* Where both stacks listen on a port, a connection of the kernel's TCP stays its. */
	if (!f->sk || xtcp_guard_native_has(key))
		return false;
	f->kind = XTCP_KIND_LISTENER;
	f->answer = NULL;
	return true;
}

static void rx_drop(struct sock *sk, struct sk_buff *skb, enum skb_drop_reason reason)
{
	if (reason == SKB_NOT_DROPPED_YET) {
		consume_skb(skb);
		return;
	}
	trace_xtcp_drop(sk, skb, reason);
	sk_skb_reason_drop(sk, skb, reason);
}

/* Data goes to the TCP header, which is whole and linear behind this. */
static enum skb_drop_reason rx_pull(struct net *net, struct sk_buff *skb)
{
	const struct tcphdr *th;

	__skb_pull(skb, skb_network_header_len(skb));
	skb_reset_transport_header(skb);
	if (!pskb_may_pull(skb, sizeof(*th)))
		goto short_header;
	th = (const struct tcphdr *)skb->data;
	if (th->doff < sizeof(*th) / 4) {
		XTCP_INC(net, INERRS);
		goto short_header;
	}
	if (pskb_may_pull(skb, th->doff * 4))
		return SKB_NOT_DROPPED_YET;
short_header:
	XTCP_INC(net, MALFORMED);
	return SKB_DROP_REASON_PKT_TOO_SMALL;
}

static enum skb_drop_reason rx_validate(const struct xtcp_af_ops *af, struct net *net,
					struct sk_buff *skb)
{
	enum skb_drop_reason reason;

	if (skb->pkt_type != PACKET_HOST) {
		XTCP_INC(net, NOTUNICAST);
		return SKB_DROP_REASON_OTHERHOST;
	}
	skb_clear_delivery_time(skb);
	reason = rx_pull(net, skb);
	if (reason)
		return reason;
	if (!af->csum_ok(skb)) {
		XTCP_INC(net, INCSUMERRORS);
		XTCP_INC(net, INERRS);
		return SKB_DROP_REASON_TCP_CSUM;
	}
	return SKB_NOT_DROPPED_YET;
}

static bool rx_policy_ok(const struct xtcp_key *key, struct sock *sk, struct sk_buff *skb)
{
	if (xfrm_policy_check(sk, XFRM_POLICY_IN, skb, key->family))
		return true;
	XTCP_INC(key->net, POLICYDROP);
	return false;
}

/* May @sk have the segment? The policy of NATed traffic needs conntrack, still attached. */
static enum skb_drop_reason rx_admit(const struct xtcp_key *key, struct sock *sk,
				     struct sk_buff *skb)
{
	if (!xtcp_af(key->family)->ttl_ok(sk, skb)) {
		XTCP_INC(key->net, MINTTLDROP);
		return XTCP_DROP_REASON_MINTTL;
	}
	if (!rx_policy_ok(key, sk, skb))
		return SKB_DROP_REASON_XFRM_POLICY;
	if (sk_filter_trim_cap(sk, skb, tcp_hdr(skb)->doff * 4)) {
		XTCP_INC(key->net, FILTERDROP);
		return SKB_DROP_REASON_SOCKET_FILTER;
	}
	return SKB_NOT_DROPPED_YET;
}

static void rx_keep_dst(const struct xtcp_key *key, struct sock *sk, struct sk_buff *skb)
{
	struct dst_entry *dst = skb_dst(skb), *old;
	struct xtcp_sock *xs = xtcp_sk(sk);

	if (likely(dst == rcu_access_pointer(sk->sk_rx_dst)) &&
	    READ_ONCE(sk->sk_rx_dst_ifindex) == key->dif &&
	    READ_ONCE(xs->rcv.dst_sdif) == key->sdif)
		return;
	if (!dst || !xtcp_sk_af(sk)->rx_dst_keeps(skb) || !dst_hold_safe(dst))
		return;
	/* Nothing but a route that the connection's own segments got by these devices. */
	WRITE_ONCE(sk->sk_rx_dst_ifindex, key->dif);
	WRITE_ONCE(xs->rcv.dst_sdif, key->sdif);
	old = unrcu_pointer(xchg(&sk->sk_rx_dst, RCU_INITIALIZER(dst)));
	dst_release(old);
}

/* For the SYNs to come; a VRF's have theirs looked up each. */
static void rx_keep_listener_dst(const struct xtcp_key *key, const struct sock *sk,
				 const struct sk_buff *skb)
{
	struct dst_entry *dst = skb_dst(skb);

	if (dst && !key->sdif && xtcp_af(key->family)->rx_dst_keeps(skb))
		xtcp_acceptq_keep_rx_dst(sk, dst, key->laddr, key->dif);
}

/* What a segment must not carry into a queue. */
static void rx_strip(struct sk_buff *skb)
{
	nf_reset_ct(skb);
	skb_dst_drop(skb);
	secpath_reset(skb);
	skb->dev = NULL;
}

static void rx_sock(const struct xtcp_key *key, struct sock *sk, struct sk_buff *skb)
{
	enum skb_drop_reason reason = rx_admit(key, sk, skb);

	if (reason) {
		sk_drops_add(sk, skb);
		rx_drop(sk, skb, reason);
		sock_put(sk);
		return;
	}
	rx_keep_dst(key, sk, skb);
	rx_strip(skb);
	sk_incoming_cpu_update(sk);
	sk_mark_napi_id(sk, skb);
	sock_rps_save_rxhash(sk, skb);
	xtcp_input_deliver(sk, skb);
}

/*
 * The listener, whose options and filters rule, lives as long as the request.
 * Return: false when the request was gone, and the segment may have an owner elsewhere.
 */
static bool rx_req(const struct xtcp_key *key, struct xtcp_mini *mini, struct sk_buff *skb)
{
	struct sock *listener = xtcp_req(mini)->listener;
	enum skb_drop_reason reason;
	struct sock *child = NULL;
	struct xtcp_ctx c;

	reason = rx_admit(key, listener, skb);
	if (!reason && !xtcp_input_parse(&c, skb))
		reason = SKB_DROP_REASON_PKT_TOO_SMALL;
	if (!reason)
		child = xtcp_passive_rcv(xtcp_req(mini), skb, &c.seg, &c.opts, &reason);
	if (!child) {
		if (reason)
			sk_drops_add(listener, skb);
		rx_drop(listener, skb, reason);
	} else if (!IS_ERR(child)) {
		rx_keep_dst(key, child, skb);
		rx_strip(skb);
		xtcp_input_child(listener, child, skb);
	}
	xtcp_mini_put(mini);
	return !IS_ERR(child);
}

/* A peer that cannot be one (RFC 9293 MUST-57, MUST-63); itself among them (LAND). */
static bool rx_impossible_peer(const struct xtcp_key *key, const struct sk_buff *skb)
{
	return xtcp_af(key->family)->not_unicast(skb) ||
	       (key->laddr == key->raddr && htons(key->lport) == key->rport);
}

/*
 * @isn: what a TIME_WAIT bucket demands of its successor, or 0. The cb's answer ends here.
 */
static void rx_listener(const struct xtcp_key *key, struct sock *sk, struct sk_buff *skb, u32 isn)
{
	enum skb_drop_reason reason = SKB_DROP_REASON_NOT_SPECIFIED;
	struct sock *child = NULL;
	struct xtcp_ctx c;

	if (rx_impossible_peer(key, skb)) {
		XTCP_INC(key->net, NOTUNICAST);
		goto drop;
	}
	if (!XTCP_CB(skb)->answer)
		rx_keep_listener_dst(key, sk, skb);
	reason = rx_admit(key, sk, skb);
	if (!reason && !xtcp_input_parse(&c, skb))
		reason = SKB_DROP_REASON_PKT_TOO_SMALL;
	if (!reason)
		child = xtcp_listen_rcv(sk, skb, key, &c.seg, &c.opts, isn, &reason);
	if (child) {
		rx_keep_dst(key, child, skb);
		rx_strip(skb);
		xtcp_input_child(sk, child, skb);
		return;
	}
	if (reason == SKB_CONSUMED)
		return;
drop:
	dst_release(XTCP_CB(skb)->answer);
	if (reason)
		sk_drops_add(sk, skb);
	rx_drop(sk, skb, reason);
}

/* Its owner went while we looked: the peer hears the truth. */
static void rx_nobody(const struct xtcp_key *key, struct sk_buff *skb)
{
	struct xtcp_ctx c;

	if (xtcp_input_parse(&c, skb))
		xtcp_reply_rst(key->net, skb, key, &c.seg, XTCP_RST_NO_SOCKET);
	rx_drop(NULL, skb, SKB_DROP_REASON_NO_SOCKET);
}

/* A bucket has given way to a SYN: it is its listener's, if that still stands. */
static void rx_tw_syn(const struct xtcp_key *key, struct sk_buff *skb, u32 isn)
{
	struct sock *sk = xtcp_listeners_find(key, skb);

	if (sk)
		rx_listener(key, sk, skb, isn);
	else
		rx_nobody(key, skb);
}

/* Return: whether @skb was handed on. */
static bool rx_tw_verdict(const struct xtcp_key *key, struct xtcp_tw *tw, struct sk_buff *skb,
			  const struct xtcp_ctx *c)
{
	bool listener = (c->seg.flags & XTCP_SYN) && xtcp_listeners_find(key, skb);
	u32 isn = 0;

	switch (xtcp_tw_rcv(key->net, tw, &c->seg, &c->opts, listener, &isn)) {
	case XTCP_TW_SYN:
		rx_tw_syn(key, skb, isn);
		return true;
	case XTCP_TW_ACK:
		xtcp_reply_tw_ack(tw, skb, key);
		break;
	case XTCP_TW_RST:
		xtcp_reply_tw_rst(tw, skb, key, &c->seg);
		break;
	case XTCP_TW_DROP:
		break;
	}
	return false;
}

/* Conntrack and route stay: a SYN may go on to a listener, with all checks. */
static void rx_tw(const struct xtcp_key *key, struct xtcp_tw *tw, struct sk_buff *skb)
{
	enum skb_drop_reason reason = SKB_NOT_DROPPED_YET;
	struct xtcp_ctx c;

	if (!rx_policy_ok(key, NULL, skb))
		reason = SKB_DROP_REASON_XFRM_POLICY;
	else if (!xtcp_input_parse(&c, skb))
		reason = SKB_DROP_REASON_PKT_TOO_SMALL;
	else if (rx_tw_verdict(key, tw, skb, &c))
		goto out;
	rx_drop(NULL, skb, reason);
out:
	xtcp_tw_put(tw);
}

/* Return: false when the owner was gone and @skb is still to be delivered. */
static bool rx_dispatch(const struct xtcp_key *key, const struct xtcp_found *f,
			struct sk_buff *skb)
{
	switch (f->kind) {
	case XTCP_KIND_SOCK:
		rx_sock(key, f->sk, skb);
		break;
	case XTCP_KIND_REQ:
		return rx_req(key, f->mini, skb);
	case XTCP_KIND_TW:
		rx_tw(key, f->tw, skb);
		break;
	case XTCP_KIND_LISTENER:
		XTCP_CB(skb)->answer = f->answer;
		rx_listener(key, f->sk, skb, 0);
		break;
	case XTCP_KIND_NONE:
		rx_nobody(key, skb);
		break;
	}
	return true;
}

static void rx_one(const struct xtcp_key *key, struct xtcp_found *f, struct sk_buff *skb)
{
	const struct xtcp_af_ops *af = xtcp_af(key->family);
	const struct xtcp_net *xn = xtcp_net(key->net);
	enum skb_drop_reason reason;

	XTCP_XN_ADD(xn, SEGMENTSTAKEN, 1);
	XTCP_XN_ADD(xn, INSEGS, 1);
	reason = rx_validate(af, key->net, skb);
	if (reason) {
		rx_drop(NULL, skb, reason);
		xtcp_demux_put(f);
		return;
	}
	memset(XTCP_CB(skb), 0, sizeof(struct xtcp_skb_cb));
	XTCP_CB(skb)->iif = key->dif;
	XTCP_CB(skb)->sdif = key->sdif;
	af->fill_cb(skb);
	while (!rx_dispatch(key, f, skb))
		xtcp_rx_find(key, skb, f);
}

/* A GRO packet that is a list of whole packets: one by one, each to whom it belongs by then. */
static void rx_list(const struct xtcp_key *key, struct xtcp_found *f, struct sk_buff *skb)
{
	struct sk_buff *segs, *seg, *next;

	__skb_push(skb, -skb_mac_offset(skb));
	segs = __skb_gso_segment(skb, NETIF_F_SG, false);
	if (IS_ERR_OR_NULL(segs)) {
		xtcp_demux_put(f);
		rx_drop(NULL, skb, SKB_DROP_REASON_NOMEM);
		return;
	}
	consume_skb(skb);
	skb_list_walk_safe(segs, seg, next) {
		skb_mark_not_on_list(seg);
		__skb_pull(seg, skb_network_offset(seg));
		rx_one(key, f, seg);
		if (next)
			xtcp_rx_find(key, next, f);
	}
}

/**
 * xtcp_rx - takes a segment that is ours to its owner
 * @key: its 4-tuple and devices
 * @f: its owner; the reference ends here
 * @skb: the segment, data at the IP header, route and conntrack attached; consumed
 *
 * Inside RCU, bottom halves off.
 */
void xtcp_rx(const struct xtcp_key *key, struct xtcp_found *f, struct sk_buff *skb)
{
	if (skb_is_gso(skb) && (skb_shinfo(skb)->gso_type & SKB_GSO_FRAGLIST))
		rx_list(key, f, skb);
	else
		rx_one(key, f, skb);
}

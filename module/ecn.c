// SPDX-License-Identifier: GPL-2.0-only
/*
 * ecn.c owns struct xtcp_ecn: explicit congestion notification (RFC 3168), from the
 * bits of the handshake to ECE and CWR. What an echo does to the window is
 * recovery.c's. Socket lock.
 */
#include <net/dst.h>
#include <net/inet_ecn.h>

#include "compat.h"
#include "engine.h"

#define ECN_SETUP	(XTCP_ECE | XTCP_CWR)

/**
 * xtcp_ecn_offer - an active open: do we want it?
 * @sk: locked, routed
 *
 * Return: the flags of the SYN that ask for it (RFC 3168 6.1.1), or 0
 */
u8 xtcp_ecn_offer(struct sock *sk)
{
	struct xtcp_sock *xs = xtcp_sk(sk);

	xs->neg.ecn = (struct xtcp_ecn) {};
	INET_ECN_dontxmit(sk);
	xs->neg.ecn_ok = xtcp_sk_knob(sk, ecn) == 1 ||
			 dst_feature(__sk_dst_get(sk), RTAX_FEATURE_ECN);
	return xs->neg.ecn_ok ? ECN_SETUP : 0;
}

/**
 * xtcp_ecn_fallback - a SYN goes again: perhaps the path drops those that ask (6.1.1.1)
 * @sk: locked, SYN_SENT
 * @cb: the SYN's
 *
 * Once a SYN without it has left, no segment of ours may be marked ECT, even when the
 * peer answers the first. What it marks is echoed then as ever.
 */
void xtcp_ecn_fallback(struct sock *sk, struct xtcp_skb_cb *cb)
{
	if ((cb->flags & (XTCP_ACK | ECN_SETUP)) != ECN_SETUP ||
	    !xtcp_sk_knob(sk, ecn_fallback))
		return;
	cb->flags &= ~ECN_SETUP;
	xtcp_sk(sk)->neg.ecn.silent = 1;
	XTCP_SK_INC(sk, ECNFALLBACK);
}

/**
 * xtcp_ecn_peer_syn - the peer's SYN or SYN-ACK: does it want it too?
 * @sk: locked, SYN_SENT
 * @seg: its header
 */
void xtcp_ecn_peer_syn(struct sock *sk, const struct xtcp_seg *seg)
{
	if ((seg->flags & ECN_SETUP) != (seg->flags & XTCP_ACK ? XTCP_ECE : ECN_SETUP))
		xtcp_sk(sk)->neg.ecn_ok = 0;
}

/**
 * xtcp_ecn_asked - does a SYN ask a listener for it?
 * @seg: its header
 * @tos: IP's TOS
 *
 * A SYN that is itself marked ECT, with no bit of a newer scheme, comes from a path or a
 * peer that sets bits at random.
 */
bool xtcp_ecn_asked(const struct xtcp_seg *seg, u8 tos)
{
	return (seg->flags & ECN_SETUP) == ECN_SETUP &&
	       (INET_ECN_is_not_ect(tos) || seg->ns_ae);
}

/**
 * xtcp_ecn_accepted - may a listener grant it?
 * @net: namespace
 * @dst: route back
 */
bool xtcp_ecn_accepted(const struct net *net, const struct dst_entry *dst)
{
	return xtcp_knob(net, ecn) || dst_feature(dst, RTAX_FEATURE_ECN);
}

/**
 * xtcp_ecn_xmit - marks a segment that is about to leave
 * @sk: locked
 * @cb: its numbers and flags
 * @len: bytes of payload
 *
 * ECT on new data alone: a lost mark on anything else would go unseen (6.1.4 to 6.1.6).
 *
 * Return: ECE and CWR, as far as they are due
 */
u8 xtcp_ecn_xmit(struct sock *sk, const struct xtcp_skb_cb *cb, u32 len)
{
	struct xtcp_sock *xs = xtcp_sk(sk);
	u8 flags = 0;

	if (!xs->neg.ecn_ok || (cb->flags & XTCP_SYN))
		return 0;
	if (len && !xs->neg.ecn.silent && !xtcp_seq_before(cb->seq, xs->snd.nxt)) {
		INET_ECN_xmit(sk);
		if (xs->neg.ecn.cwr)
			flags = XTCP_CWR;
		xs->neg.ecn.cwr = 0;
	} else {
		INET_ECN_dontxmit(sk);
	}
	return xs->neg.ecn.echo ? flags | XTCP_ECE : flags;
}

/**
 * xtcp_ecn_data - new data came: CWR ends the echo, CE begins it (6.1.3)
 * @sk: locked
 * @c: the segment
 *
 * ACKs are quick for a while: a peer that was marked may have a window of one segment.
 */
void xtcp_ecn_data(struct sock *sk, const struct xtcp_ctx *c)
{
	struct xtcp_sock *xs = xtcp_sk(sk);
	u8 mark = XTCP_CB(c->skb)->tos & INET_ECN_MASK;

	if (!xs->neg.ecn_ok)
		return;
	if (c->seg.flags & XTCP_CWR) {
		xs->neg.ecn.echo = 0;
		xs->rcv.ack_pending |= XTCP_ACK_SCHED | XTCP_ACK_NOW;
	}
	if (mark == INET_ECN_CE) {
		XTCP_SK_INC(sk, ECNCEDATA);
		if (!xs->neg.ecn.echo)
			xtcp_delack_quick(sk, 2);
		xs->neg.ecn.echo = 1;
	} else if (mark == INET_ECN_NOT_ECT && xs->neg.ecn.seen) {
		/* Probably sent again: the peer is in trouble. */
		xtcp_delack_quick(sk, 2);
	}
	xs->neg.ecn.seen |= mark != INET_ECN_NOT_ECT;
}

/**
 * xtcp_ecn_echoed - does an ACK say that our data met congestion?
 * @sk: locked
 * @seg: its header
 */
bool xtcp_ecn_echoed(const struct sock *sk, const struct xtcp_seg *seg)
{
	return xtcp_sk(sk)->neg.ecn_ok && (seg->flags & (XTCP_ECE | XTCP_SYN)) == XTCP_ECE;
}

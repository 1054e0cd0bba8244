// SPDX-License-Identifier: GPL-2.0-only
/*
 * mss.c owns snd.mss: from the path MTU, the peer's option and our own options
 * to the bytes a segment carries (RFC 9293 3.7.1, RFC 6691). Socket lock.
 */
#include <net/dst.h>

#include "af.h"
#include "compat.h"
#include "engine.h"

/* Half of the largest window the peer ever offered: leave it room to acknowledge. */
static u32 mss_bound_to_half_window(const struct xtcp_sock *xs, u32 size)
{
	u32 half = xs->snd.max_wnd > XTCP_DEFAULT_MSS ? xs->snd.max_wnd >> 1 : xs->snd.max_wnd;

	if (half && size > half)
		return max(half, 68U - 20U);
	return size;
}

/* Option bytes every segment bears. */
static u32 mss_fixed_options(const struct xtcp_sock *xs)
{
	return xtcp_opt_size(xs->neg.ts_ok, 0);
}

/**
 * xtcp_mss_sync - the path takes @pmtu: set snd.mss (RFC 9293 MUST-16)
 * @sk: locked
 * @pmtu: bytes of the largest IP packet
 *
 * Return: the new snd.mss, never 0
 */
u32 xtcp_mss_sync(struct sock *sk, u32 pmtu)
{
	struct xtcp_sock *xs = xtcp_sk(sk);
	u32 headers = xs->af->net_header_len + XTCP_SEG_HDR_MIN;
	u32 mss = pmtu > headers ? pmtu - headers : 0;

	mss = min_t(u32, mss, xs->snd.mss_clamp);
	mss -= min_t(u32, mss, xs->snd.ext_hdr_len);
	mss = max_t(u32, mss, xtcp_knob(sock_net(sk), min_snd_mss));
	mss -= min_t(u32, mss - 1, mss_fixed_options(xs));
	mss = mss_bound_to_half_window(xs, mss);
	xs->snd.pmtu = pmtu;
	xs->snd.mss = mss;
	return mss;
}

/**
 * xtcp_mss_current - bytes the next segment may carry, its SACK blocks deducted
 * @sk: locked
 */
u32 xtcp_mss_current(struct sock *sk)
{
	const struct dst_entry *dst = __sk_dst_get(sk);
	struct xtcp_sock *xs = xtcp_sk(sk);
	u32 mss = xs->snd.mss;
	u32 extra;

	if (dst && dst_mtu(dst) != xs->snd.pmtu)
		mss = xtcp_mss_sync(sk, dst_mtu(dst));
	extra = xtcp_xmit_options_len(sk) - mss_fixed_options(xs);
	return extra < mss ? mss - extra : 1;
}

/**
 * xtcp_mss_size_goal - bytes one skb of new data should collect
 * @sk: locked
 * @large: more than one segment is welcome (no urgent data)
 *
 * Return: a multiple of the current MSS
 */
u32 xtcp_mss_size_goal(struct sock *sk, bool large)
{
	u32 mss = xtcp_mss_current(sk);
	u32 goal;

	if (!large || !sk_can_gso(sk))
		return mss;
	goal = mss_bound_to_half_window(xtcp_sk(sk), sk->sk_gso_max_size - 1 - XTCP_MAX_HEADER);
	goal = min_t(u32, goal / mss, sk->sk_gso_max_segs) * mss;
	return max(goal, mss);
}

/**
 * xtcp_mss_announce - the MSS option of our SYN (RFC 9293 MUST-14, 67; RFC 6691)
 * @sk: routed
 */
u16 xtcp_mss_announce(struct sock *sk)
{
	const struct dst_entry *dst = __sk_dst_get(sk);
	u32 mss = dst ? dst_metric_advmss(dst) : XTCP_DEFAULT_MSS;
	u16 user = READ_ONCE(xtcp_sk(sk)->snd.user_mss);

	if (user && user < mss)
		mss = user;
	return clamp_t(u32, mss, 48, 65535);
}

/**
 * xtcp_mss_init_rcv - first guess at the size of the peer's segments
 * @sk: locked
 */
void xtcp_mss_init_rcv(struct sock *sk)
{
	struct xtcp_sock *xs = xtcp_sk(sk);
	u32 hint = min_t(u32, xs->snd.advmss, xs->snd.mss);

	hint = min(hint, xs->rcv.wnd / 2);
	xs->rcv.mss = clamp(hint, XTCP_MIN_MSS, XTCP_DEFAULT_MSS);
}

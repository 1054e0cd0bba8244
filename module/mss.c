// SPDX-License-Identifier: GPL-2.0-only
/*
 * mss.c owns snd.mss: from the path MTU, the peer's option and our own options
 * to the bytes a segment carries (RFC 9293 3.7.1, RFC 6691). Socket lock.
 *
 * Two floors: what we send is not cut below min_snd_mss, what we announce and
 * min_snd_mss itself are XTCP_LEAST_MSS at least. TCP_MAXSEG asks for XTCP_MIN_MSS.
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

/**
 * xtcp_mss_fixed_options - option bytes that every segment bears
 * @sk: locked
 */
u32 xtcp_mss_fixed_options(const struct sock *sk)
{
	return xtcp_opt_size(xtcp_sk(sk)->neg.ts_ok, 0);
}

/**
 * xtcp_mss_of_packet - bytes of the stream that an IP packet carries
 * @sk: locked
 * @size: of the packet
 *
 * Never fewer than min_snd_mss less the options leaves, whatever peer and path say.
 *
 * Return: bytes, never 0
 */
u32 xtcp_mss_of_packet(const struct sock *sk, u32 size)
{
	const struct xtcp_sock *xs = xtcp_sk(sk);
	u32 headers = xtcp_sk_af(sk)->net_header_len + XTCP_SEG_HDR_MIN;
	u32 mss = size > headers ? size - headers : 0;

	mss = min_t(u32, mss, xs->snd.mss_clamp);
	mss -= min_t(u32, mss, xs->snd.ext_hdr_len);
	mss = max_t(u32, mss, xtcp_sk_knob(sk, min_snd_mss));
	return mss - min_t(u32, mss - 1, xtcp_mss_fixed_options(sk));
}

/**
 * xtcp_mss_to_packet - the IP packet that carries so many bytes of the stream
 * @sk: locked
 * @mss: bytes
 */
u32 xtcp_mss_to_packet(const struct sock *sk, u32 mss)
{
	const struct xtcp_sock *xs = xtcp_sk(sk);

	return mss + xtcp_mss_fixed_options(sk) + xs->snd.ext_hdr_len + XTCP_SEG_HDR_MIN +
	       xtcp_sk_af(sk)->net_header_len;
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
	u32 mss = xtcp_mss_of_packet(sk, xtcp_mtup_bound(sk, pmtu));

	mss = mss_bound_to_half_window(xs, mss);
	xs->snd.pmtu = pmtu;
	xs->snd.mss = mss;
	return mss;
}

static u32 mss_less_sacks(const struct sock *sk)
{
	const struct xtcp_sock *xs = xtcp_sk(sk);
	u32 mss = xs->snd.mss;
	u32 extra;

	if (likely(!xtcp_disorder_ranges(xs->disorder)))
		return mss;
	extra = xtcp_xmit_options_len(sk) - xtcp_mss_fixed_options(sk);
	return extra < mss ? mss - extra : 1;
}

/**
 * xtcp_mss_current - bytes the next segment may carry, its SACK blocks deducted
 * @sk: locked
 */
u32 xtcp_mss_current(struct sock *sk)
{
	const struct dst_entry *dst = __sk_dst_get(sk);
	u32 mtu;

	if (dst) {
		mtu = dst_mtu(dst);
		if (mtu != xtcp_sk(sk)->snd.pmtu)
			xtcp_mss_sync(sk, mtu);
	}
	return mss_less_sacks(sk);
}

/**
 * xtcp_mss_size_goal - bytes one skb of new data should collect
 * @sk: locked
 * @large: more than one segment is welcome (no urgent data)
 *
 * Output, which cuts what is too large, asks the route whether the path still takes that.
 *
 * Return: a multiple of the last MSS
 */
u32 xtcp_mss_size_goal(struct sock *sk, bool large)
{
	u32 mss = mss_less_sacks(sk);
	u32 goal;

	if (!large || !sk_can_gso(sk))
		return mss;
	/* Headers are deducted already, by sk_setup_caps(). */
	goal = mss_bound_to_half_window(xtcp_sk(sk), sk->sk_gso_max_size);
	goal = min_t(u32, goal / mss, sk->sk_gso_max_segs) * mss;
	return max(goal, mss);
}

/**
 * xtcp_mss_offer - the MSS option of a SYN of ours (RFC 9293 MUST-14, 67; RFC 6691)
 * @dst: the route, or NULL
 * @user: TCP_MAXSEG of the socket, 0 if unset
 *
 * Return: bytes; XTCP_LEAST_MSS at least, so that options leave some, whatever the route says
 */
u16 xtcp_mss_offer(const struct dst_entry *dst, u16 user)
{
	u32 mss = dst ? dst_metric_advmss(dst) : XTCP_DEFAULT_MSS;

	if (user && user < mss)
		mss = user;
	return clamp_t(u32, mss, XTCP_LEAST_MSS, U16_MAX);
}

/**
 * xtcp_mss_announce - xtcp_mss_offer() of a socket
 * @sk: routed
 */
u16 xtcp_mss_announce(struct sock *sk)
{
	return xtcp_mss_offer(__sk_dst_get(sk), READ_ONCE(xtcp_sk(sk)->snd.user_mss));
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

// SPDX-License-Identifier: GPL-2.0-only
/*
 * mtup.c owns the search for the path MTU where no ICMP tells it (RFC 4821): the range
 * in which it lies, and the probe under way. Socket lock.
 */
#include "af.h"
#include "compat.h"
#include "engine.h"

/* A probe lost must be found by duplicate ACKs: the window has to hold what makes them. */
#define MTUP_MIN_CWND		11U

/* The most that the peer and its path may take. */
static u32 mtup_ceiling(const struct sock *sk)
{
	const struct xtcp_sock *xs = xtcp_sk(sk);

	return xs->snd.mss_clamp + XTCP_SEG_HDR_MIN + xtcp_sk_af(sk)->net_header_len;
}

/* No packet is larger than its header can say. */
static u16 mtup_size(u32 size)
{
	return min_t(u32, size, U16_MAX);
}

/* What is sent while nothing larger is known to arrive. */
static u16 mtup_base(const struct sock *sk)
{
	return mtup_size(xtcp_mss_to_packet(sk, xtcp_sk_knob(sk, base_mss)));
}

/**
 * xtcp_mtup_init - the range of a connection whose peer told its MSS; xtcp_mss_sync() follows
 * @sk: locked
 */
void xtcp_mtup_init(struct sock *sk)
{
	xtcp_sk(sk)->mtup = (struct xtcp_mtup) {
		.low = xtcp_sk_knob(sk, mtu_probing) > 1 ? mtup_base(sk) : 0,
		.high = mtup_size(mtup_ceiling(sk)),
		.stamp = (u32)jiffies,
	};
}

/**
 * xtcp_mtup_forget - what becomes of the probe under way says nothing (RFC 4821 7.6.4)
 * @sk: locked
 */
void xtcp_mtup_forget(struct sock *sk)
{
	xtcp_sk(sk)->mtup.probe = 0;
}

/**
 * xtcp_mtup_failed - the probe was lost, and nothing before or, as far as we know, behind it
 *	(RFC 4821 7.6.2)
 * @sk: locked
 */
void xtcp_mtup_failed(struct sock *sk)
{
	struct xtcp_mtup *mp = &xtcp_sk(sk)->mtup;

	XTCP_INC(sock_net(sk), MTUPFAIL);
	mp->high = mp->probe - 1;
	mp->probe = 0;
}

/**
 * xtcp_mtup_bound - the route says how much the path takes
 * @sk: locked
 * @pmtu: bytes of the largest IP packet
 *
 * Return: bytes of the largest that is believed to arrive
 */
u32 xtcp_mtup_bound(struct sock *sk, u32 pmtu)
{
	struct xtcp_mtup *mp = &xtcp_sk(sk)->mtup;

	if (mp->probe > pmtu)
		xtcp_mtup_failed(sk);
	mp->high = min(mp->high, pmtu);
	return mp->low ? min(mp->low, pmtu) : pmtu;
}

/* The window counts segments, which are larger now: as many bytes as before. */
static void mtup_scale_window(struct xtcp_sock *xs, u32 from, u32 to)
{
	if (xs->cc.ops->cong_control)
		return;
	xs->cc.cwnd = max_t(u32, div_u64((u64)xs->cc.cwnd * from, to), 1);
	xs->cc.cwnd_cnt = 0;
}

/**
 * xtcp_mtup_ack - SND.UNA moved: did the probe arrive (RFC 4821 7.6.1)?
 * @sk: locked
 */
void xtcp_mtup_ack(struct sock *sk)
{
	struct xtcp_sock *xs = xtcp_sk(sk);
	u32 before = xs->snd.mss;

	if (!xs->mtup.probe || xtcp_seq_after(xs->mtup.start + xs->mtup.len, xs->snd.una))
		return;
	XTCP_INC(sock_net(sk), MTUPSUCCESS);
	xs->mtup.low = xs->mtup.probe;
	xs->mtup.probe = 0;
	mtup_scale_window(xs, before, xtcp_mss_sync(sk, xs->snd.pmtu));
}

/**
 * xtcp_mtup_black_hole - the path swallows what we send: perhaps only what is large
 *	(RFC 4821 7.7)
 * @sk: locked; retransmissions went unanswered for the time of retries1
 *
 * The first time a path is suspected it falls to base_mss, then to half each time.
 */
void xtcp_mtup_black_hole(struct sock *sk)
{
	struct net *net = sock_net(sk);
	struct xtcp_sock *xs = xtcp_sk(sk);
	u32 mss;

	if (!xtcp_knob(net, mtu_probing))
		return;
	if (xs->mtup.low) {
		mss = min_t(u32, xtcp_mss_of_packet(sk, xs->mtup.low) >> 1,
			    xtcp_knob(net, base_mss));
		mss = max3(mss, (u32)xtcp_knob(net, mtu_probe_floor),
			   (u32)xtcp_knob(net, min_snd_mss));
		xs->mtup.low = mtup_size(xtcp_mss_to_packet(sk, mss));
	} else {
		xs->mtup.low = mtup_base(sk);
		xs->mtup.stamp = (u32)jiffies;
	}
	xtcp_mss_sync(sk, xs->snd.pmtu);
}

/* The path may take more by now: search upward again. */
static void mtup_restart(struct sock *sk)
{
	struct xtcp_sock *xs = xtcp_sk(sk);

	if ((u32)jiffies - xs->mtup.stamp < xtcp_knob(sock_net(sk), probe_interval))
		return;
	xs->mtup.low = mtup_size(xtcp_mss_to_packet(sk, xs->snd.mss));
	xs->mtup.high = mtup_size(min(mtup_ceiling(sk), xs->snd.pmtu));
	xs->mtup.stamp = (u32)jiffies;
}

/* Is this a moment at which the loss of a probe would tell something? */
static bool mtup_may_probe(const struct sock *sk)
{
	const struct xtcp_sock *xs = xtcp_sk(sk);

	return xs->mtup.low && !xs->mtup.probe && xs->rec.ca_state == XTCP_CA_OPEN &&
	       xs->cc.cwnd >= MTUP_MIN_CWND && !xs->snd.urg_mode &&
	       xtcp_xmit_options_len(sk) == xtcp_mss_fixed_options(sk);
}

/**
 * xtcp_mtup_want - the size of a probe to be sent now
 * @sk: locked
 *
 * A probe needs more data behind it, and a window for all of that.
 *
 * Return: bytes of payload; 0: none; negative: soon, so let nothing else leave before
 */
int xtcp_mtup_want(struct sock *sk)
{
	struct xtcp_sock *xs = xtcp_sk(sk);
	u32 size, needed;

	if (likely(!mtup_may_probe(sk)))
		return 0;
	size = xtcp_mss_of_packet(sk, (xs->mtup.high + xs->mtup.low) >> 1);
	if (xs->mtup.high < xs->mtup.low + max(xtcp_knob(sock_net(sk), probe_threshold), 1) ||
	    size <= xs->snd.mss) {
		mtup_restart(sk);
		return 0;
	}
	needed = size + (xs->rec.reordering + 1U) * xs->snd.mss;
	if (xs->snd.write_seq - xs->snd.nxt < needed || xs->snd.wnd < needed)
		return 0;
	if (xtcp_seq_after(xs->snd.nxt + needed, xtcp_wnd_end(xs)) ||
	    xtcp_packets_in_flight(xs) + 2 > xs->cc.cwnd)
		return xs->snd.packets_out ? -EAGAIN : 0;
	return size;
}

/* What the successor of @skb in the send queue holds becomes @skb's, up to @len bytes. */
static bool mtup_absorb(struct sock *sk, struct sk_buff *skb, u32 len)
{
	struct skb_shared_info *to = skb_shinfo(skb), *from;
	struct sk_buff *next;

	if (skb_queue_is_last(&sk->sk_write_queue, skb))
		return false;
	next = skb_queue_next(&sk->sk_write_queue, skb);
	from = skb_shinfo(next);
	if (XTCP_CB(skb)->eor || !next->len || skb_zcopy(skb) || skb_zcopy(next) ||
	    (to->tx_flags | from->tx_flags) & SKBTX_ANY_TSTAMP || XTCP_CB(skb)->stamp_ack ||
	    XTCP_CB(next)->stamp_ack ||
	    (next->len > len && xtcp_rtxq_split(sk, next, len, false)) ||
	    to->nr_frags + from->nr_frags > MAX_SKB_FRAGS)
		return false;
	memcpy(to->frags + to->nr_frags, from->frags, from->nr_frags * sizeof(*from->frags));
	to->nr_frags += from->nr_frags;
	to->flags |= from->flags & SKBFL_SHARED_FRAG;
	skb->len += next->len;
	skb->data_len += next->len;
	skb->truesize += next->len;
	XTCP_CB(skb)->end_seq = XTCP_CB(next)->end_seq;
	XTCP_CB(skb)->flags |= XTCP_CB(next)->flags;
	XTCP_CB(skb)->eor = XTCP_CB(next)->eor;
	next->truesize -= next->len;
	next->len = 0;
	next->data_len = 0;
	from->nr_frags = 0;
	__skb_unlink(next, &sk->sk_write_queue);
	xtcp_sock_wfree_skb(sk, next);
	return true;
}

/**
 * xtcp_mtup_cut - make the head of the send queue a probe
 * @sk: locked
 * @len: from xtcp_mtup_want()
 *
 * Return: the head, which counts as one segment; NULL when it could not be made so long
 */
struct sk_buff *xtcp_mtup_cut(struct sock *sk, u32 len)
{
	struct sk_buff *skb = skb_peek(&sk->sk_write_queue);
	struct xtcp_sock *xs = xtcp_sk(sk);

	while (skb->len < len)
		if (!mtup_absorb(sk, skb, len - skb->len))
			return NULL;
	if (skb->len > len && xtcp_rtxq_split(sk, skb, len, false))
		return NULL;
	XTCP_CB(skb)->segs = 1;
	xs->mtup.probe = xtcp_mss_to_packet(sk, len);
	xs->mtup.start = XTCP_CB(skb)->seq;
	xs->mtup.len = len;
	return skb;
}

/**
 * xtcp_mtup_is_probe - is this the probe under way?
 * @xs: locked
 * @skb: egress
 */
bool xtcp_mtup_is_probe(const struct xtcp_sock *xs, const struct sk_buff *skb)
{
	return unlikely(xs->mtup.probe) && XTCP_CB(skb)->seq == xs->mtup.start &&
	       XTCP_CB(skb)->end_seq == xs->mtup.start + xs->mtup.len;
}

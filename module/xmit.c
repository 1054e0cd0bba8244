// SPDX-License-Identifier: GPL-2.0-only
/*
 * xmit.c owns how a segment of a socket leaves: header, options, window,
 * checksum offload. Whether it leaves is output.c's. Socket lock.
 */
#include <linux/tcp.h>
#include <net/ip.h>
#include <net/sock.h>
#include <xtcp/win.h>

#include "af.h"
#include "compat.h"
#include "engine.h"
#include "timer.h"

#include <trace/events/xtcp.h>

/* SACK blocks that fit beside the timestamp, D-SACK included. */
static u8 xmit_sack_blocks(const struct xtcp_sock *xs)
{
	if (!xs->neg.sack_ok)
		return 0;
	return min_t(u8, xtcp_disorder_ranges(xs->disorder), xs->neg.ts_ok ? 3 : 4);
}

/**
 * xtcp_xmit_options_len - option bytes of the next segment without SYN
 * @sk: locked
 */
u32 xtcp_xmit_options_len(const struct sock *sk)
{
	const struct xtcp_sock *xs = xtcp_sk(sk);

	return xtcp_opt_size(xs->neg.ts_ok, xmit_sack_blocks(xs));
}

static u32 xmit_write_options(struct sock *sk, u8 *p, u32 tsval)
{
	struct xtcp_sack_block blocks[XTCP_SACK_BLOCKS];
	struct xtcp_sock *xs = xtcp_sk(sk);
	u8 n = xmit_sack_blocks(xs);

	if (n)
		n = xtcp_sack_rcv_report(&xs->disorder->told, blocks, n);
	return xtcp_opt_write(p, xs->neg.ts_ok, tsval, xs->rcv.ts_recent, blocks, n);
}

/* SYN of an active open offers what the knobs allow; a SYN-ACK (simultaneous open) answers. */
static u32 xmit_write_syn_options(struct sock *sk, u8 *p, bool ack, u32 tsval)
{
	struct net *net = sock_net(sk);
	struct xtcp_sock *xs = xtcp_sk(sk);
	bool ts = ack ? xs->neg.ts_ok : !!xtcp_knob(net, timestamps);
	bool sack = ack ? xs->neg.sack_ok : !!xtcp_knob(net, sack);
	bool scale = ack ? xs->neg.wscale_ok : !!xtcp_knob(net, window_scaling);

	return xtcp_opt_write_syn(p, xs->snd.advmss, ts, tsval,
				  ack ? xs->rcv.ts_recent : 0, sack,
				  scale ? xs->rcv.wscale : -1);
}

static void xmit_count_zero_window(struct sock *sk, u32 old, u32 new)
{
	if (!new && old)
		XTCP_SK_INC(sk, TOZEROWINDOWADV);
	else if (new && !old)
		XTCP_SK_INC(sk, FROMZEROWINDOWADV);
}

/* What xtcp_xmit_select_window() would announce, bytes. */
u32 xtcp_xmit_next_window(struct sock *sk)
{
	struct xtcp_sock *xs = xtcp_sk(sk);
	u32 full = min_t(u32, xs->rcv.window_clamp, max(xtcp_full_space(sk), 0));
	u32 space = max(xtcp_space(sk), 0);

	if (space < full / 2) {
		xs->rcv.quick = 0;
		if (sk_under_memory_pressure(sk))
			xs->rcv.ssthresh = min(xs->rcv.ssthresh, 4U * xs->snd.advmss);
	}
	return xtcp_win_select(space, full, xs->rcv.mss, xtcp_receive_window(xs),
			       xs->rcv.wscale, xs->rcv.ssthresh);
}

/**
 * xtcp_xmit_select_window - announce a window (RFC 9293 3.8.6)
 * @sk: locked
 *
 * Return: the header's field
 */
u16 xtcp_xmit_select_window(struct sock *sk)
{
	struct xtcp_sock *xs = xtcp_sk(sk);
	u32 old = xs->rcv.wnd;

	xs->rcv.wnd = xtcp_xmit_next_window(sk);
	xs->rcv.wup = xs->rcv.nxt;
	xmit_count_zero_window(sk, old, xs->rcv.wnd);
	return xtcp_win_raw(xs->rcv.wnd, xs->rcv.wscale);
}

static u16 xmit_window(struct sock *sk, u8 flags)
{
	if (flags & XTCP_SYN)
		return min(xtcp_sk(sk)->rcv.wnd, 65535U);
	return xtcp_xmit_select_window(sk);
}

/* RFC 9293 3.8.5: the pointer reaches 65535 bytes; beyond, as far as it can. */
static void xmit_urgent(const struct xtcp_sock *xs, const struct xtcp_skb_cb *cb,
			struct tcphdr *th)
{
	if (!xs->snd.urg_mode || !xtcp_seq_before(cb->seq, xs->snd.up))
		return;
	if (xtcp_seq_before(xs->snd.up, cb->seq + 0x10000)) {
		th->urg_ptr = htons(xs->snd.up - cb->seq);
		th->urg = 1;
	} else if (xtcp_seq_after(cb->seq + 0xffff, xs->snd.nxt)) {
		th->urg_ptr = htons(0xffff);
		th->urg = 1;
	}
}

static void xmit_build_header(struct sock *sk, struct sk_buff *skb, u64 now_us)
{
	const struct inet_sock *inet = inet_sk(sk);
	const struct xtcp_skb_cb *cb = XTCP_CB(skb);
	struct xtcp_sock *xs = xtcp_sk(sk);
	u32 tsval = (u32)div_u64(now_us, USEC_PER_MSEC) + xs->neg.ts_offset;
	u8 opts[XTCP_OPT_AREA_MAX];
	struct tcphdr *th;
	u32 optlen;

	if (cb->flags & XTCP_SYN)
		optlen = xmit_write_syn_options(sk, opts, cb->flags & XTCP_ACK, tsval);
	else
		optlen = xmit_write_options(sk, opts, tsval);
	th = skb_push(skb, sizeof(*th) + optlen);
	skb_reset_transport_header(skb);
	memcpy(th + 1, opts, optlen);
	th->source = inet->inet_sport;
	th->dest = inet->inet_dport;
	th->seq = htonl(cb->seq);
	th->ack_seq = htonl(cb->flags & XTCP_ACK ? xs->rcv.nxt : 0);
	((__be16 *)th)[6] = htons(((sizeof(*th) + optlen) >> 2) << 12 | cb->flags);
	th->window = htons(xmit_window(sk, cb->flags));
	th->check = 0;
	th->urg_ptr = 0;
	xmit_urgent(xs, cb, th);
	skb->csum_offset = offsetof(struct tcphdr, check);
}

/* An ACK left: what was owed is paid. */
static void xmit_ack_sent(struct sock *sk)
{
	struct xtcp_sock *xs = xtcp_sk(sk);

	if (xs->rcv.quick)
		xs->rcv.quick--;
	WRITE_ONCE(xs->rcv.ack_pending, 0);
	if (unlikely(xs->disorder) && xs->disorder->packed) {
		XTCP_SK_ADD(sk, ACKCOMPRESSED, xs->disorder->packed);
		xs->disorder->packed = 0;
	}
	xtcp_timer_cancel(sk, XTCP_T_DELACK);
}

/* Data left: when it answers data that just came, the connection is interactive. */
static void xmit_data_sent(struct sock *sk, u32 segs, u32 bytes)
{
	struct xtcp_sock *xs = xtcp_sk(sk);

	xs->rcv.turn = xs->rcv.nxt;
	xs->snd.lsndtime = (u32)jiffies;
	if (xs->snd.lsndtime - xs->rcv.lrcvtime < xs->rcv.ato && xs->rcv.bytes_received)
		xs->rcv.pingpong = 1;
	xs->snd.data_segs_out += segs;
	xs->snd.bytes_sent += bytes;
}

/* What IP transmits: our own if we keep nothing of it, else a clone. */
static struct sk_buff *xmit_take(struct sk_buff *skb, bool clone, gfp_t gfp)
{
	struct list_head link;
	struct sk_buff *copy;

	if (!clone)
		return skb;
	/* The list link stands where the copy has its route and destructor. */
	link = skb->tcp_tsorted_anchor;
	skb->_skb_refdst = 0;
	skb->destructor = NULL;
	copy = unlikely(skb_cloned(skb)) ? pskb_copy(skb, gfp) : skb_clone(skb, gfp);
	skb->tcp_tsorted_anchor = link;
	return copy;
}

/* As skb_set_owner_w(), of a full socket and for what nobody owns. */
static void xmit_own(struct sock *sk, struct sk_buff *skb)
{
	skb->sk = sk;
	skb->destructor = sock_wfree;
	refcount_add(skb->truesize, &sk->sk_wmem_alloc);
	skb_set_hash_from_sk(skb, sk);
	skb_set_dst_pending_confirm(skb, READ_ONCE(sk->sk_dst_pending_confirm));
}

/* Cut where the SACK blocks of this header still fit the path: snd.mss knows nothing of them. */
static void xmit_set_gso(struct sock *sk, struct sk_buff *skb, u32 segs)
{
	struct skb_shared_info *si = skb_shinfo(skb);
	bool gso = false;
	u32 mss;

	/* So small that it fits beside any options. */
	if (skb->len + XTCP_OPT_AREA_MAX > xtcp_sk(sk)->snd.mss) {
		mss = xtcp_mss_current(sk);
		gso = skb->len > mss && !xtcp_mtup_is_probe(xtcp_sk(sk), skb);
	}
	si->gso_segs = segs;
	si->gso_size = gso ? mss : 0;
	si->gso_type = gso ? sk->sk_gso_type : 0;
	/* CWR on the first segment of many only. */
	if (gso && (XTCP_CB(skb)->flags & XTCP_CWR))
		si->gso_type |= SKB_GSO_TCP_ECN;
}

/**
 * xtcp_xmit_skb - build the header and hand a segment to IP
 * @sk: locked
 * @skb: payload, with its cb's egress part set
 * @clone: the socket keeps @skb (in a queue), IP gets a clone
 *
 * Return: 0, a negative errno, or NET_XMIT_* above 0 when the path is congested
 */
int xtcp_xmit_skb(struct sock *sk, struct sk_buff *skb, bool clone)
{
	struct xtcp_sock *xs = xtcp_sk(sk);
	u32 segs = clone ? XTCP_CB(skb)->segs : 1;
	u64 now_us = xtcp_sk_now_us(xs);
	u32 bytes = skb->len;
	u8 flags;
	int err;

	if (clone)
		XTCP_CB(skb)->sent_us = (u32)now_us;
	skb = xmit_take(skb, clone, GFP_ATOMIC);
	if (unlikely(!skb))
		return -ENOBUFS;
	skb->dev = NULL;	/* shares its place with the retransmission queue's rbnode */
	/* The receiver's GRO need not wait for more of it. A part that goes again is no burst. */
	if (segs > 1)
		XTCP_CB(skb)->flags |= XTCP_PSH;
	XTCP_CB(skb)->flags |= xtcp_ecn_xmit(sk, XTCP_CB(skb), bytes);
	flags = XTCP_CB(skb)->flags;
	xmit_set_gso(sk, skb, segs);
	xmit_build_header(sk, skb, now_us);
	xmit_own(sk, skb);
	xtcp_sk_af(sk)->send_check(sk, skb);
	if (flags & XTCP_ACK)
		xmit_ack_sent(sk);
	if (bytes)
		xmit_data_sent(sk, segs, bytes);
	xs->snd.segs_out += segs;
	if (!(XTCP_CB(skb)->sacked & XTCP_SACKED_EVER))
		XTCP_SK_ADD(sk, OUTSEGS, segs);
	memset(skb->cb, 0, sizeof(struct inet_skb_parm));
	err = xtcp_sk_af(sk)->queue_xmit(sk, skb);
	if (unlikely(err > 0) && bytes)
		xtcp_recovery_on_local_drop(sk);
	return unlikely(err > 0) ? net_xmit_eval(err) : err;
}

/* The number an empty segment bears: within the peer's window, should it have shrunk. */
static u32 xmit_acceptable_seq(const struct xtcp_sock *xs)
{
	u32 end = xtcp_wnd_end(xs);

	if (!xtcp_seq_before(end, xs->snd.nxt) ||
	    (xs->neg.wscale_ok && xs->snd.nxt - end < 1U << xs->snd.wscale))
		return xs->snd.nxt;
	return end;
}

static struct sk_buff *xmit_alloc_bare(u32 seq, u8 flags, gfp_t gfp)
{
	struct sk_buff *skb = alloc_skb(XTCP_MAX_HEADER, gfp | __GFP_NOWARN);

	if (!skb)
		return NULL;
	skb_reserve(skb, XTCP_MAX_HEADER);
	skb->ip_summed = CHECKSUM_PARTIAL;
	XTCP_CB(skb)->seq = seq;
	XTCP_CB(skb)->end_seq = seq;
	XTCP_CB(skb)->flags = flags;
	return skb;
}

/**
 * xtcp_xmit_ack - send a pure ACK now; without memory, soon
 * @sk: locked
 */
void xtcp_xmit_ack(struct sock *sk)
{
	struct xtcp_sock *xs = xtcp_sk(sk);
	struct sk_buff *skb;

	if (sk->sk_state == TCP_CLOSE)
		return;
	skb = xmit_alloc_bare(xmit_acceptable_seq(xs), XTCP_ACK, GFP_ATOMIC);
	if (unlikely(!skb)) {
		xs->rcv.ack_pending |= XTCP_ACK_SCHED | XTCP_ACK_TIMER;
		xs->rcv.ato = XTCP_ATO_MIN;
		xtcp_timer_arm(sk, XTCP_T_DELACK, XTCP_DELACK_MAX);
		return;
	}
	xtcp_xmit_skb(sk, skb, false);
}

/**
 * xtcp_xmit_rst - tell the peer that the connection is gone (RFC 9293 3.10.5)
 * @sk: locked, in a synchronized state
 * @gfp: for the segment
 * @reason: for the tracepoint
 */
void xtcp_xmit_rst(struct sock *sk, gfp_t gfp, enum xtcp_rst_reason reason)
{
	struct sk_buff *skb;

	/* The peer's application shall hear of a connection that was, before it is reset. */
	xtcp_delack_turn(sk);
	XTCP_SK_INC(sk, OUTRSTS);
	trace_xtcp_send_reset(sk, NULL, reason);
	skb = xmit_alloc_bare(xmit_acceptable_seq(xtcp_sk(sk)), XTCP_ACK | XTCP_RST, gfp);
	if (!skb || xtcp_xmit_skb(sk, skb, false))
		XTCP_SK_INC(sk, ABORTFAILED);
}

/**
 * xtcp_xmit_probe - an empty segment that makes the peer answer
 * @sk: locked
 * @urgent: at SND.UNA, to tell of urgent data at a zero window; else one byte before
 *
 * Return: as xtcp_xmit_skb()
 */
int xtcp_xmit_probe(struct sock *sk, bool urgent)
{
	struct sk_buff *skb = xmit_alloc_bare(xtcp_sk(sk)->snd.una - !urgent, XTCP_ACK, GFP_ATOMIC);

	return skb ? xtcp_xmit_skb(sk, skb, false) : -ENOBUFS;
}

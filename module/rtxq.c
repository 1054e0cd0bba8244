// SPDX-License-Identifier: GPL-2.0-only
/*
 * rtxq.c owns the retransmission queue: what was sent and is not acknowledged,
 * by sequence number, in sk->tcp_rtx_queue, and the surgery on its segments. Socket lock.
 */
#include <linux/errqueue.h>
#include <net/inet_ecn.h>

#include "af.h"
#include "compat.h"
#include "engine.h"
#include "timer.h"

#include <trace/events/xtcp.h>

struct sk_buff *xtcp_rtxq_head(const struct sock *sk)
{
	return rb_to_skb(rb_first(&sk->tcp_rtx_queue));
}

struct sk_buff *xtcp_rtxq_tail(const struct sock *sk)
{
	return rb_to_skb(rb_last(&sk->tcp_rtx_queue));
}

struct sk_buff *xtcp_rtxq_next(const struct sk_buff *skb)
{
	return rb_to_skb(rb_next(&skb->rbnode));
}

/**
 * xtcp_rtxq_find - the segment that holds a number, or the first beyond it
 * @sk: locked
 * @seq: sequence number
 */
struct sk_buff *xtcp_rtxq_find(const struct sock *sk, u32 seq)
{
	struct rb_node *p = sk->tcp_rtx_queue.rb_node;
	struct sk_buff *best = NULL;

	while (p) {
		struct sk_buff *skb = rb_to_skb(p);

		if (xtcp_seq_after(XTCP_CB(skb)->end_seq, seq)) {
			best = skb;
			p = p->rb_left;
		} else {
			p = p->rb_right;
		}
	}
	return best;
}

static void rtxq_insert_after(struct rb_root *root, struct sk_buff *prev, struct sk_buff *skb)
{
	struct rb_node **p = &root->rb_node;
	struct rb_node *parent = NULL;

	if (prev) {
		parent = &prev->rbnode;
		p = &parent->rb_right;
		while (*p) {
			parent = *p;
			p = &parent->rb_left;
		}
	}
	rb_link_node(&skb->rbnode, parent, p);
	rb_insert_color(&skb->rbnode, root);
}

/**
 * xtcp_rtxq_append - a segment was sent for the first time
 * @sk: locked
 * @skb: in no queue; its numbers follow all of the queue's
 */
void xtcp_rtxq_append(struct sock *sk, struct sk_buff *skb)
{
	struct xtcp_sock *xs = xtcp_sk(sk);

	rtxq_insert_after(&sk->tcp_rtx_queue, xtcp_rtxq_tail(sk), skb);
	list_add_tail(&skb->tcp_tsorted_anchor, &xs->rec.sent);
	xs->snd.packets_out += XTCP_CB(skb)->segs;
}

/* SOF_TIMESTAMPING_TX_ACK. What is told may be a copy, which would take the links for its own. */
static void rtxq_tell_acked(struct sock *sk, struct sk_buff *skb)
{
	skb->_skb_refdst = 0;
	skb->destructor = NULL;
	skb->dev = NULL;
	__skb_tstamp_tx(skb, NULL, NULL, sk, SCM_TSTAMP_ACK);
}

/**
 * xtcp_rtxq_unlink_free - a segment is acknowledged; the counts are the caller's
 * @sk: locked
 * @skb: in the queue
 */
void xtcp_rtxq_unlink_free(struct sock *sk, struct sk_buff *skb)
{
	list_del(&skb->tcp_tsorted_anchor);
	rb_erase(&skb->rbnode, &sk->tcp_rtx_queue);
	if (unlikely(XTCP_CB(skb)->stamp_ack))
		rtxq_tell_acked(sk, skb);
	xtcp_sock_wfree_skb(sk, skb);
}

/**
 * xtcp_rtxq_set_segs - how many segments @skb counts as
 * @skb: egress
 * @mss: bytes per segment
 */
void xtcp_rtxq_set_segs(struct sk_buff *skb, u32 mss)
{
	XTCP_CB(skb)->segs = skb->len <= mss ? 1 : DIV_ROUND_UP(skb->len, mss);
}

/* The counts of a sent segment change by @delta (negative: fewer). */
static void rtxq_adjust(struct xtcp_sock *xs, const struct sk_buff *skb, int delta)
{
	u8 sacked = XTCP_CB(skb)->sacked;

	xs->snd.packets_out += delta;
	if (sacked & XTCP_SACKED_ACKED)
		xs->snd.sacked_out += delta;
	if (sacked & XTCP_SACKED_RETRANS)
		xs->snd.retrans_out += delta;
	if (sacked & XTCP_SACKED_LOST)
		xs->snd.lost_out += delta;
}

/*
 * Peers that make us split and split again don't get more memory for it (CVE-2019-11478). At
 * the ends of the queue they can't, and a buffer that shrank must not stop what goes next.
 */
static bool rtxq_too_fragmented(const struct sock *sk, const struct sk_buff *skb)
{
	u32 limit = READ_ONCE(sk->sk_sndbuf) + 2 * GSO_LEGACY_MAX_SIZE;

	return sk->sk_wmem_queued >> 1 > limit && skb != xtcp_rtxq_head(sk) &&
	       skb != xtcp_rtxq_tail(sk);
}

static struct sk_buff *rtxq_new_half(struct sock *sk, struct sk_buff *skb, u32 len)
{
	u32 rest = skb->len - len;
	struct sk_buff *half;

	half = alloc_skb_fclone(XTCP_MAX_HEADER, GFP_ATOMIC | __GFP_NOWARN);
	if (!half)
		return NULL;
	skb_reserve(half, XTCP_MAX_HEADER);
	half->ip_summed = CHECKSUM_PARTIAL;
	xtcp_buf_charge(sk, half);
	half->truesize += rest;
	skb->truesize -= rest;
	memcpy(half->cb, skb->cb, sizeof(half->cb));
	return half;
}

static void rtxq_split_cb(struct sk_buff *skb, struct sk_buff *half, u32 len)
{
	struct xtcp_skb_cb *a = XTCP_CB(skb);
	struct xtcp_skb_cb *b = XTCP_CB(half);

	b->seq = a->seq + len;
	b->end_seq = a->end_seq;
	a->end_seq = b->seq;
	a->flags &= ~(XTCP_FIN | XTCP_PSH);
	a->eor = 0;
}

/* The marks of SO_TIMESTAMPING go with the byte they are for, here to @half or not. */
static void rtxq_split_stamp(const struct sock *sk, struct sk_buff *skb, struct sk_buff *half)
{
	struct skb_shared_info *from = skb_shinfo(skb), *to = skb_shinfo(half);
	u32 seq = from->tskey + atomic_read(&sk->sk_tskey);

	if (likely(!(from->tx_flags & SKBTX_ANY_TSTAMP) && !XTCP_CB(skb)->stamp_ack))
		return;
	if (xtcp_seq_before(seq, XTCP_CB(half)->seq)) {
		XTCP_CB(half)->stamp_ack = 0;
		return;
	}
	XTCP_CB(skb)->stamp_ack = 0;
	to->tskey = from->tskey;
	to->tx_flags |= from->tx_flags & SKBTX_ANY_TSTAMP;
	from->tx_flags &= ~SKBTX_ANY_TSTAMP;
}

/**
 * xtcp_rtxq_split - cut a segment in two, in either queue
 * @sk: locked
 * @skb: keeps the first @len bytes; what follows becomes its successor
 * @len: less than its length
 * @sent: in the retransmission queue (else in sk_write_queue)
 *
 * Return: 0 or -ENOMEM, with nothing changed
 */
int xtcp_rtxq_split(struct sock *sk, struct sk_buff *skb, u32 len, bool sent)
{
	struct xtcp_sock *xs = xtcp_sk(sk);
	u32 mss = xtcp_mss_current(sk);
	struct sk_buff *half;
	int old_segs;

	if ((sent && rtxq_too_fragmented(sk, skb)) || skb_unclone(skb, GFP_ATOMIC))
		return -ENOMEM;
	half = rtxq_new_half(sk, skb, len);
	if (!half)
		return -ENOMEM;
	rtxq_split_cb(skb, half, len);
	rtxq_split_stamp(sk, skb, half);
	skb_split(skb, half, len);
	old_segs = XTCP_CB(skb)->segs;
	xtcp_rtxq_set_segs(skb, mss);
	xtcp_rtxq_set_segs(half, mss);
	if (!sent) {
		__skb_queue_after(&sk->sk_write_queue, skb, half);
		return 0;
	}
	rtxq_adjust(xs, skb, (int)(XTCP_CB(skb)->segs + XTCP_CB(half)->segs) - old_segs);
	rtxq_insert_after(&sk->tcp_rtx_queue, skb, half);
	if (list_empty(&skb->tcp_tsorted_anchor))
		INIT_LIST_HEAD(&half->tcp_tsorted_anchor);	/* SACKed: in no list */
	else
		list_add(&half->tcp_tsorted_anchor, &skb->tcp_tsorted_anchor);
	return 0;
}

/* Drops the first @len bytes of paged data. */
static void rtxq_eat_frags(struct sk_buff *skb, u32 len)
{
	struct skb_shared_info *si = skb_shinfo(skb);
	u32 eat = len;
	int i, k = 0;

	for (i = 0; i < si->nr_frags; i++) {
		u32 size = skb_frag_size(&si->frags[i]);

		if (size <= eat) {
			skb_frag_unref(skb, i);
			eat -= size;
			continue;
		}
		si->frags[k] = si->frags[i];
		if (eat) {
			skb_frag_off_add(&si->frags[k], eat);
			skb_frag_size_sub(&si->frags[k], eat);
			eat = 0;
		}
		k++;
	}
	si->nr_frags = k;
	skb->data_len -= len;
	skb->len -= len;
}

/**
 * xtcp_rtxq_trim_head - the peer acknowledged the first @len bytes of a sent segment
 * @sk: locked
 * @skb: in the queue, longer than @len
 * @len: bytes
 *
 * Return: 0 or -ENOMEM (a clone is still below us), with nothing changed
 */
int xtcp_rtxq_trim_head(struct sock *sk, struct sk_buff *skb, u32 len)
{
	struct xtcp_skb_cb *cb = XTCP_CB(skb);
	u32 delta = min_t(u32, len, skb->truesize - 1);
	int old_segs = cb->segs;

	if (skb_unclone(skb, GFP_ATOMIC))
		return -ENOMEM;
	rtxq_eat_frags(skb, len);
	cb->seq += len;
	skb->truesize -= delta;
	sk_wmem_queued_add(sk, -delta);
	sk_mem_uncharge(sk, delta);
	xtcp_rtxq_set_segs(skb, xtcp_mss_current(sk));
	if ((int)cb->segs > old_segs)
		cb->segs = old_segs;
	rtxq_adjust(xtcp_sk(sk), skb, (int)cb->segs - old_segs);
	return 0;
}

/* How much of @skb may go again, bytes; negative errno when nothing may. */
static int rtxq_retransmit_len(struct sock *sk, struct sk_buff *skb, u32 segs)
{
	struct xtcp_sock *xs = xtcp_sk(sk);
	const struct xtcp_skb_cb *cb = XTCP_CB(skb);
	u32 mss = xtcp_mss_current(sk);
	s32 window = xtcp_wnd_end(xs) - cb->seq;

	/* Past a shrunken edge only the head goes, as a probe (RFC 9293 SHLD-16, 17). */
	if (window <= 0 && cb->seq != xs->snd.una)
		return -EAGAIN;
	segs = sk_can_gso(sk) ? min_t(u32, segs, sk->sk_gso_max_segs) : 1;
	mss *= max(segs, 1U);
	if (window > 0 && (u32)window < mss)
		mss = window;
	return min_t(u32, skb->len, mss);
}

/*
 * Since when the peer has been silent about @skb, on the clock of timestamps: what waits its
 * turn behind other losses has no part in their time.
 */
static u32 rtxq_silent_since(const struct xtcp_sock *xs, const struct sk_buff *skb)
{
	u32 now_us = (u32)xtcp_sk_now_us(xs);
	u32 us = min(now_us - XTCP_CB(skb)->first_us, now_us - xs->rec.una_us);

	return xtcp_now_ts() - us / USEC_PER_MSEC;
}

/**
 * xtcp_rtxq_note_sent - a segment was sent: RACK, PRR and the rate sampler hear of it
 * @xs: locked; its counts don't know of it yet
 * @skb: the segment, for the first time or again
 */
void xtcp_rtxq_note_sent(struct xtcp_sock *xs, struct sk_buff *skb)
{
	u32 in_flight = xtcp_packets_in_flight(xs);
	struct xtcp_skb_cb *cb = XTCP_CB(skb);

	if (!in_flight)
		xtcp_rack_restart(&xs->rec.rack, xs->snd.una, !xs->snd.packets_out, cb->sent_us);
	xtcp_rate_sent(&xs->rec.rate, &cb->rate, in_flight, cb->segs, cb->sent_us);
	xs->rec.prr.out += cb->segs;
}

/* By the time that the header says: later, the ACK of this copy would pass for the original's. */
static void rtxq_count_retransmit(struct sock *sk, struct sk_buff *skb)
{
	struct xtcp_skb_cb *cb = XTCP_CB(skb);
	struct xtcp_sock *xs = xtcp_sk(sk);

	XTCP_SK_ADD(sk, RETRANSSEGS, cb->segs);
	if (cb->flags & XTCP_SYN)
		XTCP_SK_INC(sk, SYNRETRANS);
	xs->snd.total_retrans += cb->segs;
	xs->snd.bytes_retrans += skb->len;
	xtcp_rtxq_note_sent(xs, skb);
	if (!(cb->sacked & XTCP_SACKED_RETRANS))
		xs->snd.retrans_out += cb->segs;
	cb->sacked |= XTCP_SACKED_RETRANS;
	list_move_tail(&skb->tcp_tsorted_anchor, &xs->rec.sent);
	xs->rec.undo_retrans = max(xs->rec.undo_retrans, 0) + (int)cb->segs;
	if (!xs->rec.retrans_ts)
		xs->rec.retrans_ts = (u32)div_u64(xs->now_us, USEC_PER_MSEC) ? : U32_MAX;
	trace_xtcp_retransmit_skb(sk, skb);
}

/* What fails leaves the segment as it was, but for Karn's doubt: a part may have left. */
static int rtxq_transmit(struct sock *sk, struct sk_buff *skb)
{
	struct xtcp_skb_cb *cb = XTCP_CB(skb);
	struct xtcp_sock *xs = xtcp_sk(sk);
	u64 before = xs->now_us;
	u32 sent_us = cb->sent_us;
	int err;

	xs->now_us = xtcp_sk_now_us(xs);
	cb->sacked |= XTCP_SACKED_EVER;
	err = xtcp_xmit_skb(sk, skb, true);
	if (!err) {
		rtxq_count_retransmit(sk, skb);
	} else {
		cb->sent_us = sent_us;
		XTCP_SK_ADD(sk, RETRANSFAIL, cb->segs);
	}
	xs->now_us = before;
	return err;
}

/**
 * xtcp_rtxq_retransmit - send a segment again, or the front part of it
 * @sk: locked
 * @skb: in the queue; what exceeds @segs MSS is split off first
 * @segs: MSS-sized segments that may go
 *
 * Return: 0; a negative errno (no route, window, memory, a firewall's verdict, -EBUSY: the
 *	last copy is still below us); or positive: a queue below us is full
 */
int xtcp_rtxq_retransmit(struct sock *sk, struct sk_buff *skb, u32 segs)
{
	struct xtcp_sock *xs = xtcp_sk(sk);
	int len, old;

	xtcp_mtup_forget(sk);
	/* The time of silence is that of tries, whether they leave or not. */
	if (!xs->rec.retrans_stamp)
		xs->rec.retrans_stamp = rtxq_silent_since(xs, skb) ? : 1;
	if (xtcp_smallq_holds(sk, skb))
		return -EBUSY;
	if (xtcp_seq_before(XTCP_CB(skb)->seq, xs->snd.una) &&
	    xtcp_rtxq_trim_head(sk, skb, xs->snd.una - XTCP_CB(skb)->seq))
		return -ENOMEM;
	if (xtcp_sk_af(sk)->route(sk))
		return -EHOSTUNREACH;
	if (XTCP_CB(skb)->flags & XTCP_SYN)
		xtcp_ecn_fallback(sk, XTCP_CB(skb));
	len = rtxq_retransmit_len(sk, skb, segs);
	if (len < 0)
		return len;
	if (skb->len > len && xtcp_rtxq_split(sk, skb, len, true))
		return -ENOMEM;
	old = XTCP_CB(skb)->segs;
	xtcp_rtxq_set_segs(skb, xtcp_mss_current(sk));
	rtxq_adjust(xs, skb, (int)XTCP_CB(skb)->segs - old);
	return rtxq_transmit(sk, skb);
}

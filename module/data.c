// SPDX-License-Identifier: GPL-2.0-only
/*
 * data.c owns the peer's bytes from the segment to the reader: the in-order
 * queue, the out-of-order tree, SACK blocks, urgent data. Socket lock.
 */
#include <net/sock.h>

#include "compat.h"
#include "engine.h"

static void data_dsack(struct sock *sk, u32 start, u32 end, bool old)
{
	struct xtcp_disorder *d;

	if (!xtcp_sk(sk)->neg.sack_ok || !xtcp_sk_knob(sk, dsack))
		return;
	d = xtcp_sock_disorder(sk);
	if (!d)
		return;
	if (old)
		XTCP_SK_INC(sk, DSACKOLDSENT);
	else
		XTCP_SK_INC(sk, DSACKOFOSENT);
	d->dsack_dups++;
	xtcp_sack_rcv_dsack(&d->told, start, end);
}

/**
 * xtcp_data_dup_ack - an unacceptable segment: say again what we expect
 * @sk: locked
 * @seg: the segment; bytes we have already are reported as D-SACK (RFC 2883)
 */
void xtcp_data_dup_ack(struct sock *sk, const struct xtcp_seg *seg)
{
	struct xtcp_sock *xs = xtcp_sk(sk);

	if (seg->end_seq != seg->seq && xtcp_seq_before(seg->seq, xs->rcv.nxt)) {
		XTCP_SK_INC(sk, DELAYEDACKLOST);
		xtcp_delack_quick(sk, 16);
		data_dsack(sk, seg->seq, xtcp_seq_min(seg->end_seq, xs->rcv.nxt), true);
	}
	xtcp_xmit_ack(sk);
}

/* Merges @from into @to when they touch; its memory is accounted to the socket. */
static bool data_coalesce(struct sock *sk, struct sk_buff *to, struct sk_buff *from)
{
	bool stolen;
	int delta;

	if (!to || XTCP_CB(to)->end_seq != XTCP_CB(from)->seq ||
	    (XTCP_CB(to)->flags & XTCP_FIN) || to->pfmemalloc != from->pfmemalloc ||
	    !skb_try_coalesce(to, from, &stolen, &delta))
		return false;
	atomic_add(delta, &sk->sk_rmem_alloc);
	sk_mem_charge(sk, delta);
	XTCP_CB(to)->end_seq = XTCP_CB(from)->end_seq;
	XTCP_CB(to)->flags |= XTCP_CB(from)->flags;
	xtcp_skb_take_stamps(to, from);
	if (from->destructor)
		skb_orphan(from);
	kfree_skb_partial(from, stolen);
	return true;
}

/* Memory for @skb, at the cost of what is there if need be. */
static bool data_charge_ok(struct sock *sk, struct sk_buff *skb)
{
	if (atomic_read(&sk->sk_rmem_alloc) <= sk->sk_rcvbuf &&
	    sk_rmem_schedule(sk, skb, skb->truesize))
		return true;
	return xtcp_prune_make_room(sk, skb);
}

/*
 * What gets its memory, however full we are: the peer's FIN, alone and in order, which comes
 * once; and what comes in order for a reader who has read all, for others' unread data must
 * not stop him.
 */
static bool data_charge_forced(struct sock *sk, const struct sk_buff *skb)
{
	if (skb->len && !skb_queue_empty(&sk->sk_receive_queue))
		return false;
	xtcp_buf_grant(sk, skb->truesize, true);
	return true;
}

static void data_advance(struct xtcp_sock *xs, u32 nxt)
{
	xs->rcv.bytes_received += nxt - xs->rcv.nxt;
	WRITE_ONCE(xs->rcv.nxt, nxt);
}

static void data_append(struct sock *sk, struct sk_buff *skb)
{
	u32 end = XTCP_CB(skb)->end_seq;

	if (data_coalesce(sk, skb_peek_tail(&sk->sk_receive_queue), skb)) {
		XTCP_SK_INC(sk, RCVCOALESCE);
	} else {
		if (!skb->destructor)
			skb_set_owner_r(skb, sk);
		__skb_queue_tail(&sk->sk_receive_queue, skb);
	}
	data_advance(xtcp_sk(sk), end);
}

/* What waited out of order and is in order now. */
static void data_drain_ooo(struct sock *sk, struct xtcp_effects *fx)
{
	struct xtcp_sock *xs = xtcp_sk(sk);
	struct rb_root *root = &xs->disorder->ooo;
	struct rb_node *p;

	while ((p = rb_first(root))) {
		struct sk_buff *skb = rb_to_skb(p);
		u8 flags = XTCP_CB(skb)->flags;

		if (xtcp_seq_after(XTCP_CB(skb)->seq, xs->rcv.nxt))
			break;
		rb_erase(p, root);
		if (!xtcp_seq_after(XTCP_CB(skb)->end_seq, xs->rcv.nxt)) {
			data_dsack(sk, XTCP_CB(skb)->seq, XTCP_CB(skb)->end_seq, false);
			sk_skb_reason_drop(sk, skb, SKB_DROP_REASON_TCP_OFO_DROP);
			continue;
		}
		data_append(sk, skb);
		if (flags & XTCP_FIN) {
			fx->fin = 1;
			break;
		}
	}
}

/* RCV.NXT moved: what waited behind it, and what the peer hears of that. */
static void data_advance_disorder(struct sock *sk, struct xtcp_disorder *d,
				  struct xtcp_effects *fx)
{
	struct xtcp_sock *xs = xtcp_sk(sk);

	if (!fx->fin && xtcp_disorder_waits(d)) {
		data_drain_ooo(sk, fx);
		/* RFC 5681 4.2: a hole was filled, wholly or in part. */
		if (!xtcp_disorder_waits(d))
			xs->rcv.ack_pending |= XTCP_ACK_NOW;
	}
	xtcp_sack_rcv_advance(&d->told, xs->rcv.nxt);
}

/* Bytes at RCV.NXT. The skb is ours afterwards, or fx->reason says why not. */
static void data_in_order(struct sock *sk, struct xtcp_ctx *c, struct xtcp_effects *fx)
{
	struct xtcp_sock *xs = xtcp_sk(sk);
	struct sk_buff *skb = c->skb;

	if (!xtcp_receive_window(xs) && c->seg.len) {
		XTCP_SK_INC(sk, ZEROWINDOWDROP);
		fx->reason = SKB_DROP_REASON_TCP_ZEROWINDOW;
		xs->rcv.ack_pending |= XTCP_ACK_SCHED | XTCP_ACK_NOW;
		return;
	}
	if (!data_charge_ok(sk, skb) && !data_charge_forced(sk, skb)) {
		XTCP_SK_INC(sk, RCVQDROP);
		fx->reason = SKB_DROP_REASON_PROTO_MEM;
		fx->full = 1;
		xs->rcv.ack_pending |= XTCP_ACK_SCHED | XTCP_ACK_NOW;
		return;
	}
	fx->queued = 1;
	fx->data = 1;
	fx->fin = !!(c->seg.flags & XTCP_FIN);
	xtcp_ecn_data(sk, c);
	xtcp_delack_data_came(sk, skb);
	data_append(sk, skb);
	if (unlikely(xs->disorder))
		data_advance_disorder(sk, xs->disorder, fx);
}

/**
 * struct data_place - where a segment belongs in the out-of-order tree
 * @link: the empty child it becomes
 * @parent: the node above
 * @prev: the segment before it, or NULL
 */
struct data_place {
	struct rb_node **link;
	struct rb_node *parent;
	struct sk_buff *prev;
};

/* False when its bytes are there already. */
static bool data_find_place(struct rb_root *ooo, const struct xtcp_seg *seg, struct data_place *at)
{
	struct rb_node **p = &ooo->rb_node;

	at->parent = NULL;
	at->prev = NULL;
	while (*p) {
		const struct xtcp_skb_cb *other = XTCP_CB(rb_to_skb(*p));

		if (!xtcp_seq_before(seg->seq, other->seq) &&
		    !xtcp_seq_after(seg->end_seq, other->end_seq))
			return false;
		at->parent = *p;
		if (xtcp_seq_before(seg->seq, other->seq)) {
			p = &(*p)->rb_left;
		} else {
			at->prev = rb_to_skb(*p);
			p = &(*p)->rb_right;
		}
	}
	at->link = p;
	return true;
}

/* Into the tree, or into the segment it continues. Returns what now holds its bytes. */
static struct sk_buff *data_insert_ooo(struct sock *sk, struct sk_buff *skb,
				       const struct data_place *at)
{
	if (data_coalesce(sk, at->prev, skb))
		return at->prev;
	rb_link_node(&skb->rbnode, at->parent, at->link);
	rb_insert_color(&skb->rbnode, &xtcp_sk(sk)->disorder->ooo);
	skb_set_owner_r(skb, sk);
	return skb;
}

/* Successors that @skb covers whole are of no more use. */
static void data_drop_covered(struct sock *sk, struct sk_buff *skb)
{
	struct rb_node *p;

	while ((p = rb_next(&skb->rbnode))) {
		struct sk_buff *next = rb_to_skb(p);

		if (!xtcp_seq_after(XTCP_CB(skb)->end_seq, XTCP_CB(next)->seq))
			break;
		if (xtcp_seq_before(XTCP_CB(skb)->end_seq, XTCP_CB(next)->end_seq)) {
			data_dsack(sk, XTCP_CB(next)->seq, XTCP_CB(skb)->end_seq, false);
			break;
		}
		rb_erase(p, &xtcp_sk(sk)->disorder->ooo);
		data_dsack(sk, XTCP_CB(next)->seq, XTCP_CB(next)->end_seq, false);
		XTCP_SK_INC(sk, OFOMERGE);
		sk_skb_reason_drop(sk, next, SKB_DROP_REASON_TCP_OFOMERGE);
	}
}

/* Bytes beyond RCV.NXT wait in the tree (RFC 9293 SHLD-31). */
static void data_out_of_order(struct sock *sk, struct xtcp_ctx *c, struct xtcp_effects *fx)
{
	struct xtcp_disorder *d = xtcp_sock_disorder(sk);
	struct xtcp_sock *xs = xtcp_sk(sk);
	struct data_place at;

	xs->rcv.ack_pending |= XTCP_ACK_SCHED;
	if (!d || !data_charge_ok(sk, c->skb)) {
		xs->rcv.ack_pending |= XTCP_ACK_NOW;
		XTCP_SK_INC(sk, OFODROP);
		fx->reason = SKB_DROP_REASON_PROTO_MEM;
		fx->full = 1;
		return;
	}
	XTCP_SK_INC(sk, OFOQUEUE);
	d->ooopack += max_t(u16, skb_shinfo(c->skb)->gso_segs, 1);
	if (!data_find_place(&d->ooo, &c->seg, &at)) {
		XTCP_SK_INC(sk, OFOMERGE);
		data_dsack(sk, c->seg.seq, c->seg.end_seq, false);
		fx->reason = SKB_DROP_REASON_TCP_OFOMERGE;
		return;
	}
	fx->queued = 1;
	xtcp_ecn_data(sk, c);
	data_drop_covered(sk, data_insert_ooo(sk, c->skb, &at));
	if (xs->neg.sack_ok)
		xtcp_sack_rcv_add(&d->told, c->seg.seq, c->seg.end_seq);
}

/**
 * xtcp_data_queue - the segment text (RFC 9293 3.10.7.4, seventh)
 * @sk: locked, in a state that takes data
 * @c: an acceptable segment; its header is pulled here
 * @fx: says whether the skb was queued, and whether a FIN is in order
 */
void xtcp_data_queue(struct sock *sk, struct xtcp_ctx *c, struct xtcp_effects *fx)
{
	struct xtcp_sock *xs = xtcp_sk(sk);
	const struct xtcp_seg *seg = &c->seg;

	if (seg->seq == seg->end_seq)
		return;
	__skb_pull(c->skb, seg->doff);
	if (!xtcp_seq_after(seg->end_seq, xs->rcv.nxt)) {
		XTCP_SK_INC(sk, DELAYEDACKLOST);
		data_dsack(sk, seg->seq, seg->end_seq, true);
		fx->reason = SKB_DROP_REASON_TCP_OLD_DATA;
		xtcp_delack_quick(sk, 16);
		xs->rcv.ack_pending |= XTCP_ACK_SCHED | XTCP_ACK_NOW;
	} else if (!xtcp_seq_before(seg->seq, xs->rcv.nxt + xtcp_receive_window(xs)) && seg->len) {
		XTCP_SK_INC(sk, ZEROWINDOWDROP);
		fx->reason = SKB_DROP_REASON_TCP_OVERWINDOW;
		xs->rcv.ack_pending |= XTCP_ACK_SCHED | XTCP_ACK_NOW;
	} else if (xtcp_seq_after(seg->seq, xs->rcv.nxt)) {
		data_out_of_order(sk, c, fx);
	} else {
		if (xtcp_seq_before(seg->seq, xs->rcv.nxt))
			data_dsack(sk, seg->seq, xs->rcv.nxt, true);
		data_in_order(sk, c, fx);
	}
}

/* The urgent pointer of a segment, as a sequence number of its last urgent byte + 1 or not. */
static u32 data_urgent_seq(struct sock *sk, const struct xtcp_seg *seg)
{
	u32 ptr = seg->urg_ptr;

	/* It points behind the urgent byte (RFC 9293 MUST-62); at it in RFC 1122 (knob stdurg). */
	if (ptr && !xtcp_sk_knob(sk, stdurg))
		ptr--;
	return seg->seq + ptr;
}

/* A new urgent pointer: signal the application, forget an urgent byte it did not read. */
static void data_urgent_new(struct sock *sk, u32 seq)
{
	struct xtcp_sock *xs = xtcp_sk(sk);

	if (xtcp_seq_after(xs->rcv.copied_seq, seq) || xtcp_seq_before(seq, xs->rcv.nxt))
		return;
	if (xs->rcv.urg_data && !xtcp_seq_after(seq, xs->rcv.urg_seq))
		return;
	sk_send_sigurg(sk);
	/* The unread urgent byte becomes ordinary data, as if OOBINLINE, unless it is next. */
	if (xs->rcv.urg_seq == xs->rcv.copied_seq && xs->rcv.urg_data &&
	    !sock_flag(sk, SOCK_URGINLINE) && xs->rcv.copied_seq != xs->rcv.nxt) {
		struct sk_buff *skb = skb_peek(&sk->sk_receive_queue);

		WRITE_ONCE(xs->rcv.copied_seq, xs->rcv.copied_seq + 1);
		if (skb && !xtcp_seq_before(xs->rcv.copied_seq, XTCP_CB(skb)->end_seq)) {
			__skb_unlink(skb, &sk->sk_receive_queue);
			consume_skb(skb);
		}
	}
	WRITE_ONCE(xs->rcv.urg_data, XTCP_URG_NOTYET);
	WRITE_ONCE(xs->rcv.urg_seq, seq);
}

/**
 * xtcp_data_urgent - the URG bit (RFC 9293 3.10.7.4, sixth)
 * @sk: locked
 * @c: an acceptable segment, its header not yet pulled
 */
void xtcp_data_urgent(struct sock *sk, struct xtcp_ctx *c)
{
	struct xtcp_sock *xs = xtcp_sk(sk);
	u32 offset;
	u8 byte;

	if (c->seg.flags & XTCP_URG)
		data_urgent_new(sk, data_urgent_seq(sk, &c->seg));
	if (xs->rcv.urg_data != XTCP_URG_NOTYET)
		return;
	offset = xs->rcv.urg_seq - c->seg.seq;
	if (offset >= c->seg.len || skb_copy_bits(c->skb, c->seg.doff + offset, &byte, 1))
		return;
	WRITE_ONCE(xs->rcv.urg_data, XTCP_URG_VALID | byte);
	if (!sock_flag(sk, SOCK_DEAD))
		sk->sk_data_ready(sk);
}

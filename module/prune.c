// SPDX-License-Identifier: GPL-2.0-only
/*
 * prune.c owns what a receiver gives up when its memory is short: first what small
 * segments waste, by a copy, then what is out of order, from its far end. Socket lock.
 */
#include "compat.h"
#include "engine.h"

/* A packed segment has a page at most, so that memory in pieces suffices. */
#define PRUNE_PACK_MAX	((int)SKB_MAX_ORDER(0, 0))

/**
 * struct prune_run - neighbours without a gap between them, small enough to be packed
 * @first: the one of the lowest sequence number
 * @seq: of the first byte that is still wanted
 * @end: behind the last byte, FIN aside
 * @n: how many
 * @bytes: wanted of them
 * @truesize: memory they take
 */
struct prune_run {
	struct sk_buff *first;
	u32 seq;
	u32 end;
	u32 n;
	int bytes;
	u32 truesize;
};

static bool prune_over(const struct sock *sk)
{
	return atomic_read(&sk->sk_rmem_alloc) > READ_ONCE(sk->sk_rcvbuf);
}

static struct sk_buff *prune_next(struct sock *sk, struct sk_buff *skb, bool ooo)
{
	struct rb_node *node;

	if (!ooo)
		return skb_queue_is_last(&sk->sk_receive_queue, skb) ?
		       NULL : skb_queue_next(&sk->sk_receive_queue, skb);
	node = rb_next(&skb->rbnode);
	return node ? rb_to_skb(node) : NULL;
}

/* Fills @run, whose first is known. Returns the segment behind it, or NULL. */
static struct sk_buff *prune_gather(struct sock *sk, struct prune_run *run, bool ooo)
{
	struct sk_buff *skb = run->first;
	u32 copied = xtcp_sk(sk)->rcv.copied_seq;
	bool fin = false;	/* nothing comes behind it but what contradicts it */

	run->seq = XTCP_CB(skb)->seq;
	if (!ooo && xtcp_seq_after(copied, run->seq))
		run->seq = copied;
	run->end = run->seq;
	while (skb && !fin && !xtcp_seq_after(XTCP_CB(skb)->seq, run->end)) {
		int bytes = XTCP_CB(skb)->seq + skb->len - run->end;

		if (bytes <= 0 || run->bytes + bytes > PRUNE_PACK_MAX)
			break;
		run->n++;
		run->bytes += bytes;
		run->truesize += skb->truesize;
		run->end += bytes;
		fin = XTCP_CB(skb)->flags & XTCP_FIN;
		skb = prune_next(sk, skb, ooo);
	}
	return run->n ? skb : prune_next(sk, run->first, ooo);
}

static bool prune_copy(struct sock *sk, struct sk_buff *to, const struct prune_run *run, bool ooo)
{
	struct sk_buff *skb = run->first;
	u32 seq = run->seq, i;

	for (i = 0; i < run->n; i++, skb = prune_next(sk, skb, ooo)) {
		u32 offset = seq - XTCP_CB(skb)->seq;
		u32 len = skb->len - offset;

		if (skb_copy_bits(skb, offset, skb_put(to, len), len))
			return false;
		seq += len;
		XTCP_CB(to)->end_seq = XTCP_CB(skb)->end_seq;
		XTCP_CB(to)->flags |= XTCP_CB(skb)->flags;
		xtcp_skb_take_stamps(to, skb);
	}
	return true;
}

/* @to takes the place of the run in its queue. */
static void prune_replace(struct sock *sk, struct sk_buff *to, const struct prune_run *run,
			  bool ooo)
{
	struct rb_root *root = &xtcp_sk(sk)->disorder->ooo;
	struct sk_buff *skb = run->first, *next;
	u32 i;

	for (i = 0; i < run->n; i++, skb = next) {
		next = prune_next(sk, skb, ooo);
		if (i) {
			if (ooo)
				rb_erase(&skb->rbnode, root);
			else
				__skb_unlink(skb, &sk->sk_receive_queue);
		} else if (ooo) {
			rb_replace_node(&skb->rbnode, &to->rbnode, root);
		} else {
			__skb_queue_before(&sk->sk_receive_queue, skb, to);
			__skb_unlink(skb, &sk->sk_receive_queue);
		}
		consume_skb(skb);
		XTCP_INC(sock_net(sk), RCVCOLLAPSED);
	}
	skb_set_owner_r(to, sk);
}

static void prune_pack_run(struct sock *sk, const struct prune_run *run, bool ooo)
{
	struct sk_buff *to;

	/* Worth a copy when it halves the memory, no sooner: a hostile peer chooses the sizes. */
	if (run->truesize < 2 * SKB_TRUESIZE(run->bytes))
		return;
	to = alloc_skb(run->bytes, GFP_ATOMIC | __GFP_NOWARN);
	if (!to)
		return;
	memset(XTCP_CB(to), 0, sizeof(struct xtcp_skb_cb));
	XTCP_CB(to)->seq = run->seq;
	if (prune_copy(sk, to, run, ooo))
		prune_replace(sk, to, run, ooo);
	else
		consume_skb(to);
}

static void prune_pack(struct sock *sk, bool ooo)
{
	struct rb_node *node = rb_first(&xtcp_sk(sk)->disorder->ooo);
	struct sk_buff *skb;

	if (ooo)
		skb = node ? rb_to_skb(node) : NULL;
	else
		skb = skb_peek(&sk->sk_receive_queue);
	while (skb) {
		struct prune_run run = { .first = skb };

		skb = prune_gather(sk, &run, ooo);
		if (run.n)
			prune_pack_run(sk, &run, ooo);
	}
}

/* Both queues; a walk that did not help is not repeated within the jiffy. */
static void prune_pack_all(struct sock *sk)
{
	struct xtcp_disorder *d = xtcp_sock_disorder(sk);

	if (!d || d->pack_stamp == (u32)jiffies)
		return;
	prune_pack(sk, true);
	prune_pack(sk, false);
	if (prune_over(sk))
		d->pack_stamp = (u32)jiffies;
}

/*
 * The highest segments out of order go first: they cost the peer least to send again. An
 * eighth of the buffer at least, so that not each segment comes here; but nothing for the
 * sake of a segment that is still farther away. False if nothing went.
 */
static bool prune_ooo(struct sock *sk, const struct sk_buff *in)
{
	struct xtcp_disorder *d = xtcp_sk(sk)->disorder;
	int goal = READ_ONCE(sk->sk_rcvbuf) >> 3;
	struct rb_node *last;
	int freed = 0;

	while (d && (last = rb_last(&d->ooo)) &&
	       (freed < goal || prune_over(sk) || sk_under_memory_pressure(sk))) {
		struct sk_buff *skb = rb_to_skb(last);

		if (xtcp_seq_after(XTCP_CB(in)->seq, XTCP_CB(skb)->seq))
			break;
		freed += skb->truesize;
		rb_erase(last, &d->ooo);
		sk_skb_reason_drop(sk, skb, SKB_DROP_REASON_TCP_OFO_QUEUE_PRUNE);
	}
	if (!freed)
		return false;
	/* Reneging is the receiver's right (RFC 2018 8), but say no more of it. */
	xtcp_disorder_untell(d);
	XTCP_INC(sock_net(sk), OFOPRUNED);
	return true;
}

/**
 * xtcp_prune_make_room - memory for one more segment, at the cost of what we have
 * @sk: locked; its buffer is full or the protocol's memory is
 * @skb: the segment, data behind its header
 *
 * Return: true if it is charged for and may be queued
 */
bool xtcp_prune_make_room(struct sock *sk, struct sk_buff *skb)
{
	XTCP_INC(sock_net(sk), PRUNECALLED);
	xtcp_buf_clamp(sk);
	if (prune_over(sk))
		prune_pack_all(sk);
	if (prune_over(sk))
		prune_ooo(sk, skb);
	if (prune_over(sk)) {
		XTCP_INC(sock_net(sk), RCVPRUNED);
		return false;
	}
	while (!sk_rmem_schedule(sk, skb, skb->truesize))
		if (!prune_ooo(sk, skb))
			return false;
	return true;
}

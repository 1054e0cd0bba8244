// SPDX-License-Identifier: GPL-2.0-only
/*
 * sock.c owns the memory in a socket's queues and gives it back. Socket lock.
 */
#include <linux/slab.h>
#include <net/inet_common.h>

#include "acceptq.h"
#include "compat.h"
#include "sock.h"

static struct lock_class_key sock_slock_key;
static struct lock_class_key sock_lock_key;

/**
 * xtcp_sock_init_lock - the socket lock, in a lockdep class of its own
 * @sk: unlocked, nobody else knows it
 *
 * Under it a guard, a socket of AF_INET, is locked; AF_INET's class would look like a
 * deadlock.
 */
void xtcp_sock_init_lock(struct sock *sk)
{
	sock_lock_init_class_and_name(sk, "slock-AF_XTCP", &sock_slock_key,
				      "sk_lock-AF_XTCP", &sock_lock_key);
}

/**
 * xtcp_sock_destruct - the last reference is gone
 * @sk: unreachable
 */
void xtcp_sock_destruct(struct sock *sk)
{
	xtcp_acceptq_free(sk);
	kfree(xtcp_cc_mem(&xtcp_sk(sk)->cc));
	inet_sock_destruct(sk);
}

/**
 * xtcp_sock_wfree_skb - take a segment of the write side off the account and free it
 * @sk: locked
 * @skb: in no queue any more
 *
 * What an ACK frees stays with the socket until its segment's data have taken what they
 * need: else the one would give back to all sockets what the other takes from them.
 */
void xtcp_sock_wfree_skb(struct sock *sk, struct sk_buff *skb)
{
	sk_wmem_queued_add(sk, -skb->truesize);
	sk_forward_alloc_add(sk, skb->truesize);
	if (!xtcp_sk(sk)->now_us)
		sk_mem_reclaim(sk);
	/* Where others keep route and destructor, a queued segment has its list link. */
	skb->_skb_refdst = 0;
	skb->destructor = NULL;
	xtcp_spare_put(skb);
}

static void sock_purge_tree(struct sock *sk, struct rb_root *root, bool write)
{
	struct rb_node *p = rb_first(root);

	while (p) {
		struct sk_buff *skb = rb_to_skb(p);

		p = rb_next(p);
		rb_erase(&skb->rbnode, root);
		if (write)
			xtcp_sock_wfree_skb(sk, skb);
		else
			kfree_skb_reason(skb, SKB_DROP_REASON_SOCKET_CLOSE);
	}
}

/**
 * xtcp_sock_purge_write - drop all that was sent or waits to be
 * @sk: locked
 */
void xtcp_sock_purge_write(struct sock *sk)
{
	struct xtcp_sock *xs = xtcp_sk(sk);
	struct sk_buff *skb;

	while ((skb = __skb_dequeue(&sk->sk_write_queue)))
		xtcp_sock_wfree_skb(sk, skb);
	sock_purge_tree(sk, &sk->tcp_rtx_queue, true);
	INIT_LIST_HEAD(&xs->rec.sent);
	INIT_LIST_HEAD(&xs->rec.lost);
	xs->snd.packets_out = 0;
	xs->snd.sacked_out = 0;
	xs->snd.lost_out = 0;
	xs->snd.retrans_out = 0;
	xs->rec.backoff = 0;
}

/**
 * xtcp_sock_purge_ooo - drop what arrived out of order
 * @sk: locked
 */
void xtcp_sock_purge_ooo(struct sock *sk)
{
	if (xtcp_sk(sk)->disorder)
		sock_purge_tree(sk, &xtcp_sk(sk)->disorder->ooo, false);
}

/**
 * xtcp_sock_purge_disorder - and what is known of it, and of what was lost
 * @sk: locked
 */
void xtcp_sock_purge_disorder(struct sock *sk)
{
	xtcp_sock_purge_ooo(sk);
	kfree(xtcp_sk(sk)->disorder);
	xtcp_sk(sk)->disorder = NULL;
}

/**
 * xtcp_sock_disorder - where to note what is lost or out of order
 * @sk: locked
 *
 * Return: NULL when there is no memory
 */
struct xtcp_disorder *xtcp_sock_disorder(struct sock *sk)
{
	struct xtcp_sock *xs = xtcp_sk(sk);

	if (!xs->disorder)
		xs->disorder = kzalloc(sizeof(*xs->disorder), GFP_ATOMIC | __GFP_NOWARN);
	return xs->disorder;
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * acceptq.c owns accept queues: children that wait for accept(), and the counters of
 * their listener. Under the queue's lock, a leaf; the counters are per CPU.
 *
 * A child in a queue is held by the reference it was born with; taking it out takes
 * that over.
 */
#include <linux/slab.h>

#include "acceptq.h"
#include "compat.h"

#define ACCEPTQ_LABEL(name, label)	label,
const char *const xtcp_listen_labels[] = {
	XTCP_LISTEN_STATS(ACCEPTQ_LABEL)
};

static struct xtcp_acceptq *acceptq_alloc(void)
{
	struct xtcp_acceptq *q = kzalloc(sizeof(*q), GFP_KERNEL_ACCOUNT);

	if (!q)
		return NULL;
	q->pcpu = alloc_percpu_gfp(struct xtcp_listen_cpu, GFP_KERNEL_ACCOUNT);
	if (!q->pcpu) {
		kfree(q);
		return NULL;
	}
	spin_lock_init(&q->lock);
	return q;
}

/**
 * xtcp_acceptq_open - children may come
 * @sk: locked, not yet in LISTEN; again after xtcp_acceptq_close(), what it has counted
 *	stays
 *
 * Return: 0 or -ENOMEM
 */
int xtcp_acceptq_open(struct sock *sk)
{
	struct xtcp_sock *xs = xtcp_sk(sk);

	if (!xs->acceptq)
		xs->acceptq = acceptq_alloc();
	if (!xs->acceptq)
		return -ENOMEM;
	spin_lock_bh(&xs->acceptq->lock);
	xs->acceptq->closed = false;
	spin_unlock_bh(&xs->acceptq->lock);
	return 0;
}

/**
 * xtcp_acceptq_close - no child is added any more; those in it stay
 * @sk: locked, out of LISTEN
 */
void xtcp_acceptq_close(struct sock *sk)
{
	struct xtcp_acceptq *q = xtcp_sk(sk)->acceptq;

	spin_lock_bh(&q->lock);
	q->closed = true;
	spin_unlock_bh(&q->lock);
}

/**
 * xtcp_acceptq_free - with its socket
 * @sk: nobody finds it any more, not even in RCU; may never have been a listener
 */
void xtcp_acceptq_free(struct sock *sk)
{
	struct xtcp_acceptq *q = xtcp_sk(sk)->acceptq;
	int cpu;

	if (!q)
		return;
	for_each_possible_cpu(cpu)
		dst_release(per_cpu_ptr(q->pcpu, cpu)->rx_dst);
	free_percpu(q->pcpu);
	kfree(q);
}

/* sk_ack_backlog is what ss shows. */
static void __acceptq_count(struct sock *sk, int n)
{
	lockdep_assert_held(&xtcp_sk(sk)->acceptq->lock);
	WRITE_ONCE(sk->sk_ack_backlog, sk->sk_ack_backlog + n);
}

static void __acceptq_append(struct xtcp_acceptq *q, struct xtcp_sock *xs)
{
	lockdep_assert_held(&q->lock);
	xs->accept_next = NULL;
	xs->accept_stamp = xtcp_now_ts();
	if (q->first)
		q->last->accept_next = xs;
	else
		q->first = xs;
	q->last = xs;
}

/* What the child waited by is what any socket has there again. */
static struct xtcp_sock *__acceptq_shift(struct xtcp_acceptq *q)
{
	struct xtcp_sock *xs = q->first;

	lockdep_assert_held(&q->lock);
	if (!xs)
		return NULL;
	q->first = xs->accept_next;
	xs->acceptq = NULL;
	xs->connect_wait = 0;
	return xs;
}

/**
 * xtcp_acceptq_add - one more waits
 * @sk: listener, not locked
 * @child: whole
 *
 * Return: false when the queue is closed
 */
bool xtcp_acceptq_add(struct sock *sk, struct sock *child)
{
	struct xtcp_acceptq *q = xtcp_sk(sk)->acceptq;
	bool open;

	spin_lock_bh(&q->lock);
	open = !q->closed;
	if (open) {
		__acceptq_append(q, xtcp_sk(child));
		__acceptq_count(sk, 1);
	}
	spin_unlock_bh(&q->lock);
	return open;
}

static u32 __acceptq_oldest_wait(struct xtcp_acceptq *q)
{
	const struct xtcp_sock *xs = q->first;

	lockdep_assert_held(&q->lock);
	return xs ? max(q->longest, xtcp_now_ts() - xs->accept_stamp) : q->longest;
}

/**
 * xtcp_acceptq_take - the oldest leaves
 * @sk: a socket that is or was a listener
 *
 * Return: the child with its birth reference, or NULL when none waits
 */
struct sock *xtcp_acceptq_take(struct sock *sk)
{
	struct xtcp_acceptq *q = xtcp_sk(sk)->acceptq;
	struct xtcp_sock *xs;

	spin_lock_bh(&q->lock);
	q->longest = __acceptq_oldest_wait(q);
	xs = __acceptq_shift(q);
	if (xs)
		__acceptq_count(sk, -1);
	spin_unlock_bh(&q->lock);
	return (struct sock *)xs;
}

/**
 * xtcp_acceptq_longest - how long did a child have to wait for accept()?
 * @sk: listener, not locked
 *
 * Return: milliseconds, of those that wait now too
 */
u32 xtcp_acceptq_longest(struct sock *sk)
{
	struct xtcp_acceptq *q = xtcp_sk(sk)->acceptq;
	u32 longest;

	spin_lock_bh(&q->lock);
	longest = __acceptq_oldest_wait(q);
	spin_unlock_bh(&q->lock);
	return longest;
}

/**
 * xtcp_acceptq_rx_dst - the route that another SYN came by
 * @sk: listener, not locked
 * @laddr: for the same address
 * @dif: and by the same device
 *
 * Context: RCU, bottom halves off.
 * Return: the route, perhaps outdated, without a reference; or NULL
 */
struct dst_entry *xtcp_acceptq_rx_dst(const struct sock *sk, __be32 laddr, int dif)
{
	const struct xtcp_listen_cpu *l = this_cpu_ptr(xtcp_sk(sk)->acceptq->pcpu);

	return l->rx_laddr == laddr && l->rx_dif == dif ? l->rx_dst : NULL;
}

/**
 * xtcp_acceptq_keep_rx_dst - a SYN had its route looked up; others may have the same
 * @sk: listener, not locked
 * @dst: the route
 * @laddr: what it led to
 * @dif: the device that the SYN came by
 *
 * Context: RCU, bottom halves off.
 */
void xtcp_acceptq_keep_rx_dst(const struct sock *sk, struct dst_entry *dst, __be32 laddr, int dif)
{
	struct xtcp_listen_cpu *l = this_cpu_ptr(xtcp_sk(sk)->acceptq->pcpu);

	if (l->rx_dst == dst && l->rx_laddr == laddr && l->rx_dif == dif)
		return;
	if (!dst_hold_safe(dst))
		return;
	dst_release(l->rx_dst);
	l->rx_dst = dst;
	l->rx_laddr = laddr;
	l->rx_dif = dif;
}

/**
 * xtcp_acceptq_stat - a counter's sum over the CPUs
 * @sk: listener, not locked
 * @id: which
 */
unsigned long xtcp_acceptq_stat(const struct sock *sk, enum xtcp_listen_stat id)
{
	unsigned long sum = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		sum += per_cpu_ptr(xtcp_sk(sk)->acceptq->pcpu, cpu)->c[id];
	return sum;
}

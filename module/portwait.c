// SPDX-License-Identifier: GPL-2.0-only
/*
 * portwait.c owns the waiters: sockets whose connect() found no port, and who rather wait
 * than fail (portwait.h).
 *
 * A port that becomes free is offered to the first who may use it and has no other offer,
 * and only he is woken. Of some ports nobody tells: when a TIME_WAIT is old enough, or who
 * bound a port closes. For those, the first of each range looks again, a few times a second.
 *
 * Locks: a queue, and a waiter's place, range and lead, by its destination's lock, which is
 * taken inside of the socket's. Of the socket, xtcp_sock.portwait. A waiter takes its turn
 * in a work item, since the socket must be locked for it, and whoever frees a port has
 * locked his own.
 */
#include <linux/refcount.h>
#include <linux/slab.h>
#include <linux/workqueue.h>

#include "dest.h"
#include "portwait.h"

#define PORTWAIT_LOOK		(HZ / 4)

/**
 * struct xtcp_portwait - a socket's wait for a port
 * @node: in its destination's queue
 * @ref: the socket's, until the wait is over, and the work item's while it is queued or runs
 * @sk: who waits, referenced
 * @dest: for a port to where
 * @deadline: jiffies, when it gives up
 * @low: first port of its range
 * @high: last one
 * @offer: a port that became free and is not looked for yet, or 0
 * @leads: nobody before it has the same range: it looks by itself, too
 * @work: its turn
 */
struct xtcp_portwait {
	struct list_head node;
	refcount_t ref;
	struct sock *sk;
	struct xtcp_dest *dest;
	unsigned long deadline;
	u16 low;
	u16 high;
	u32 offer;
	bool leads;
	struct delayed_work work;
};

static struct workqueue_struct *portwait_wq;
static const struct xtcp_portwait_ops *portwait_ops __ro_after_init;

static void portwait_put(struct xtcp_portwait *w)
{
	if (!refcount_dec_and_test(&w->ref))
		return;
	sock_put(w->sk);
	kfree(w);
}

/* The next turn comes in @delay jiffies, whatever was planned. The caller has a reference. */
static void portwait_turn_in(struct xtcp_portwait *w, unsigned long delay)
{
	refcount_inc(&w->ref);
	if (mod_delayed_work(portwait_wq, &w->work, delay))
		refcount_dec(&w->ref);
}

static unsigned long portwait_left(const struct xtcp_portwait *w)
{
	long left = w->deadline - jiffies;

	return max(left, 0L);
}

/* The queue. Destination's lock held. */

static struct xtcp_portwait *portwait_first(const struct xtcp_portwait_queue *q, u32 low, u32 high)
{
	struct xtcp_portwait *w;

	list_for_each_entry(w, &q->list, node)
		if (w->low == low && w->high == high)
			return w;
	return NULL;
}

/**
 * xtcp_portwait_has - does somebody wait for a port of this very range?
 * @q: a destination's queue
 * @e: the range
 */
bool xtcp_portwait_has(const struct xtcp_portwait_queue *q, const struct xtcp_ephemeral *e)
{
	return portwait_first(q, e->low, e->low + e->count - 1);
}

/**
 * xtcp_portwait_offer - a port is free again
 * @q: a destination's queue
 * @port: host order
 */
void xtcp_portwait_offer(struct xtcp_portwait_queue *q, u16 port)
{
	struct xtcp_portwait *w;

	list_for_each_entry(w, &q->list, node) {
		if (READ_ONCE(w->offer) || port < w->low || port > w->high)
			continue;
		WRITE_ONCE(w->offer, port);
		portwait_turn_in(w, 0);
		return;
	}
}

/**
 * xtcp_portwait_enter - to the end of the queue
 * @q: a destination's queue
 * @w: the waiter
 *
 * The first of a range has its turn now: what became free since it looked was told to nobody.
 */
void xtcp_portwait_enter(struct xtcp_portwait_queue *q, struct xtcp_portwait *w)
{
	w->leads = !portwait_first(q, w->low, w->high);
	list_add_tail(&w->node, &q->list);
	q->count++;
	portwait_turn_in(w, w->leads ? 0 : portwait_left(w));
}

/**
 * xtcp_portwait_leave - out of the queue; what was for it is the next one's
 * @q: a destination's queue
 * @w: the waiter
 *
 * A lead has its turn at once: where one port was found without an offer there may be more.
 */
void xtcp_portwait_leave(struct xtcp_portwait_queue *q, struct xtcp_portwait *w)
{
	struct xtcp_portwait *next;

	list_del(&w->node);
	q->count--;
	if (w->offer)
		xtcp_portwait_offer(q, w->offer);
	next = w->leads ? portwait_first(q, w->low, w->high) : NULL;
	if (!next)
		return;
	WRITE_ONCE(next->leads, true);
	portwait_turn_in(next, 0);
}

/* A turn. Socket locked. */

static void portwait_sleep_again(struct xtcp_portwait *w, unsigned long left)
{
	if (READ_ONCE(w->leads))
		left = min_t(unsigned long, left, PORTWAIT_LOOK);
	/* Not if an offer has come meanwhile: the next turn is due already. */
	refcount_inc(&w->ref);
	if (!queue_delayed_work(portwait_wq, &w->work, left))
		refcount_dec(&w->ref);
}

static void portwait_turn(struct xtcp_portwait *w)
{
	struct sock *sk = w->sk;
	unsigned long left;

	/* Before the search, so that an offer after it is another turn's. */
	xchg(&w->offer, 0);
	if (portwait_ops->resume(sk) != -EADDRNOTAVAIL) {
		xtcp_portwait_end(sk);
		return;
	}
	left = portwait_left(w);
	if (left) {
		portwait_sleep_again(w, left);
	} else {
		XTCP_INC(sock_net(sk), PORTWAITTIMEOUTS);
		portwait_ops->give_up(sk);
	}
}

static void portwait_work_fn(struct work_struct *work)
{
	struct xtcp_portwait *w = container_of(to_delayed_work(work), struct xtcp_portwait, work);
	struct sock *sk = w->sk;

	lock_sock(sk);
	if (xtcp_sk(sk)->portwait == w)
		portwait_turn(w);
	release_sock(sk);
	portwait_put(w);
}

/* Sockets */

/**
 * xtcp_portwait_begin - the socket waits for a port, if it has not set its time to 0
 * @sk: locked, SYN_SENT, without a port, addresses and peer's port set
 * @d: its destination, in which the caller has a share
 * @e: the range that has none
 *
 * The turn that finds one goes on with the connect(); close() and its like end the wait
 * by the edge to CLOSE.
 *
 * Return: -EINPROGRESS, it waits; -EADDRNOTAVAIL, it doesn't want to; -ENOMEM
 */
int xtcp_portwait_begin(struct sock *sk, struct xtcp_dest *d, const struct xtcp_ephemeral *e)
{
	u32 ms = READ_ONCE(xtcp_sk(sk)->connect_wait);
	struct xtcp_portwait *w;

	if (!ms)
		return -EADDRNOTAVAIL;
	w = kzalloc(sizeof(*w), GFP_KERNEL_ACCOUNT);
	if (!w)
		return -ENOMEM;
	refcount_set(&w->ref, 1);
	sock_hold(sk);
	w->sk = sk;
	w->dest = d;
	w->low = e->low;
	w->high = e->low + e->count - 1;
	w->deadline = jiffies + msecs_to_jiffies(ms) + 1;
	INIT_DELAYED_WORK(&w->work, portwait_work_fn);
	xtcp_sk(sk)->portwait = w;
	XTCP_INC(e->net, PORTWAITS);
	xtcp_dest_await(d, w);
	return -EINPROGRESS;
}

/**
 * xtcp_portwait_end - it has a port, or wants none any more
 * @sk: locked; need not be waiting
 *
 * Context: any but hard interrupt.
 */
void xtcp_portwait_end(struct sock *sk)
{
	struct xtcp_portwait *w = xtcp_sk(sk)->portwait;

	sock_owned_by_me(sk);
	if (!w)
		return;
	xtcp_sk(sk)->portwait = NULL;
	xtcp_dest_forgo(w->dest, w);
	/* A turn that waits for the socket's lock finds that it is not its any more. */
	if (cancel_delayed_work(&w->work))
		portwait_put(w);
	portwait_put(w);
}

/**
 * xtcp_portwait_init - whose turn it is, workers see to
 * @ops: lives as long as the module
 *
 * Return: 0 or -ENOMEM
 */
int __init xtcp_portwait_init(const struct xtcp_portwait_ops *ops)
{
	portwait_ops = ops;
	portwait_wq = alloc_workqueue("xtcp_portwait", WQ_UNBOUND, 0);
	return portwait_wq ? 0 : -ENOMEM;
}

/**
 * xtcp_portwait_exit - the last turn is over
 *
 * No socket lives any more, but the worker that freed it may still be on its way out.
 */
void xtcp_portwait_exit(void)
{
	destroy_workqueue(portwait_wq);
}

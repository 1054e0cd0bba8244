// SPDX-License-Identifier: GPL-2.0-only
/*
 * fineq.c owns the fine queues: of each CPU, the sockets that wait for a time finer than
 * a jiffy, by that time, and the one hrtimer that wakes them.
 *
 * A queue has a lock, a leaf inside of the socket lock. A socket is queued under its own
 * lock, in the queue of the CPU that does it, and has a reference while it is there. The
 * timer takes it out without the socket lock, so who finds a socket queued looks again
 * under the queue's lock.
 */
#include <linux/hrtimer.h>

#include "compat.h"
#include "fineq.h"

/**
 * struct fineq - one CPU's queue
 * @lock: of all that follows; bottom halves off
 * @socks: by xtcp_timers.fine_ns
 * @timer: runs at @wakes_ns or before
 * @wakes_ns: U64_MAX: not at all, 0: it runs now, and sees to the next time itself
 */
struct fineq {
	spinlock_t lock;
	struct rb_root_cached socks;
	struct hrtimer timer;
	u64 wakes_ns;
};

static DEFINE_PER_CPU(struct fineq, fineqs);
static void (*fineq_wake)(struct sock *sk) __read_mostly;

static struct xtcp_timers *fineq_timers(const struct rb_node *node)
{
	return rb_entry(node, struct xtcp_timers, fine_node);
}

static bool fineq_sooner(struct rb_node *a, const struct rb_node *b)
{
	return fineq_timers(a)->fine_ns < fineq_timers(b)->fine_ns;
}

static void fineq_unlink(struct fineq *q, struct xtcp_timers *tm)
{
	rb_erase_cached(&tm->fine_node, &q->socks);
	WRITE_ONCE(tm->fine_cpu, XTCP_FINEQ_NONE);
}

/**
 * xtcp_fineq_del - take a socket out of the queue it is in
 * @sk: locked
 *
 * Return: true: it was in one, whose reference is the caller's now; false: it was in none,
 * or the timer took it and waits for the socket lock
 */
bool xtcp_fineq_del(struct sock *sk)
{
	struct xtcp_timers *tm = &xtcp_sk(sk)->timers;
	u16 cpu = READ_ONCE(tm->fine_cpu);
	struct fineq *q;
	bool queued;

	if (cpu == XTCP_FINEQ_NONE)
		return false;
	q = per_cpu_ptr(&fineqs, cpu);
	spin_lock_bh(&q->lock);
	queued = xtcp_fineq_queued(tm);
	if (queued)
		fineq_unlink(q, tm);
	spin_unlock_bh(&q->lock);
	return queued;
}

/**
 * xtcp_fineq_add - wake a socket, in bottom halves and not locked
 * @sk: locked
 * @when_ns: ktime_get_ns() then
 * @slack_ns: it may be so much later
 *
 * One that is woken sooner stays where it is: whom it wakes looks at the time.
 */
void xtcp_fineq_add(struct sock *sk, u64 when_ns, u64 slack_ns)
{
	struct xtcp_timers *tm = &xtcp_sk(sk)->timers;
	struct fineq *q;

	sock_owned_by_me(sk);
	if (xtcp_fineq_queued(tm) && tm->fine_ns <= when_ns)
		return;
	if (!xtcp_fineq_del(sk))
		sock_hold(sk);
	local_bh_disable();
	q = this_cpu_ptr(&fineqs);
	spin_lock(&q->lock);
	tm->fine_ns = when_ns;
	WRITE_ONCE(tm->fine_cpu, smp_processor_id());
	rb_add_cached(&tm->fine_node, &q->socks, fineq_sooner);
	if (when_ns + slack_ns < q->wakes_ns) {
		q->wakes_ns = when_ns + slack_ns;
		hrtimer_start_range_ns(&q->timer, ns_to_ktime(when_ns), slack_ns,
				       HRTIMER_MODE_ABS_PINNED_SOFT);
	}
	spin_unlock(&q->lock);
	local_bh_enable();
}

/* The next whose time has come, with the queue's reference. */
static struct sock *fineq_pop(struct fineq *q, u64 now_ns)
{
	struct xtcp_timers *tm = NULL;
	struct rb_node *first;

	spin_lock(&q->lock);
	q->wakes_ns = 0;
	first = rb_first_cached(&q->socks);
	if (first && fineq_timers(first)->fine_ns <= now_ns) {
		tm = fineq_timers(first);
		fineq_unlink(q, tm);
	}
	spin_unlock(&q->lock);
	return tm ? &container_of(tm, struct xtcp_sock, timers)->inet.sk : NULL;
}

static enum hrtimer_restart fineq_sleep(struct fineq *q)
{
	struct rb_node *first;

	spin_lock(&q->lock);
	first = rb_first_cached(&q->socks);
	q->wakes_ns = first ? fineq_timers(first)->fine_ns : U64_MAX;
	if (first)
		hrtimer_set_expires(&q->timer, ns_to_ktime(q->wakes_ns));
	spin_unlock(&q->lock);
	return first ? HRTIMER_RESTART : HRTIMER_NORESTART;
}

/* Whoever is queued again meanwhile waits for a time after @now_ns, so this ends. */
static enum hrtimer_restart fineq_run(struct hrtimer *timer)
{
	struct fineq *q = container_of(timer, struct fineq, timer);
	u64 now_ns = ktime_get_ns();
	struct sock *sk;

	while ((sk = fineq_pop(q, now_ns)))
		fineq_wake(sk);
	return fineq_sleep(q);
}

/**
 * xtcp_fineq_init - a queue for each CPU
 * @wake: what to do with a socket whose time has come; it puts the queue's reference.
 *	Context: softirq
 */
void __init xtcp_fineq_init(void (*wake)(struct sock *sk))
{
	int cpu;

	fineq_wake = wake;
	for_each_possible_cpu(cpu) {
		struct fineq *q = per_cpu_ptr(&fineqs, cpu);

		spin_lock_init(&q->lock);
		q->socks = RB_ROOT_CACHED;
		q->wakes_ns = U64_MAX;
		hrtimer_init(&q->timer, CLOCK_MONOTONIC, HRTIMER_MODE_ABS_PINNED_SOFT);
		q->timer.function = fineq_run;
	}
}

/**
 * xtcp_fineq_exit - no socket is left to wake, but a timer may still wake for nothing
 */
void xtcp_fineq_exit(void)
{
	int cpu;

	for_each_possible_cpu(cpu)
		hrtimer_cancel(&per_cpu_ptr(&fineqs, cpu)->timer);
}

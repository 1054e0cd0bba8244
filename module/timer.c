// SPDX-License-Identifier: GPL-2.0-only
/*
 * timer.c owns the socket's kernel timer, sk_timer. Deadlines live in xs->timers
 * under the socket lock; the timer wakes at or before the earliest and, finding it
 * moved, sleeps again. For what jiffies are too coarse for there are the fine queues; who
 * waits in one looks at the time himself. A pending timer holds a reference on its socket.
 */
#include "compat.h"
#include "fineq.h"
#include "timer.h"

static const struct xtcp_timer_ops *timer_ops __read_mostly;

static void timer_wake_at(struct sock *sk, unsigned long when)
{
	struct timer_list *t = &sk->sk_timer;

	if (!timer_pending(t) || time_before(when, t->expires))
		sk_reset_timer(sk, t, when);
}

static void timer_sleep_again(struct sock *sk)
{
	struct xtcp_timers *tm = &xtcp_sk(sk)->timers;
	s32 left = S32_MAX;
	int id;

	for (id = 0; id < XTCP_T_NR; id++) {
		if (tm->armed & BIT(id))
			left = min(left, xtcp_timer_left(tm, id));
	}
	if (tm->armed)
		timer_wake_at(sk, jiffies + left);
}

static void timer_run(struct sock *sk)
{
	struct xtcp_timers *tm = &xtcp_sk(sk)->timers;
	int id;

	for (id = 0; id < XTCP_T_NR && sk->sk_state != TCP_CLOSE; id++) {
		if (!(tm->armed & BIT(id)) || xtcp_timer_left(tm, id) > 0)
			continue;
		tm->armed &= ~BIT(id);
		timer_ops->expire[id](sk);
	}
	if (sk->sk_state != TCP_CLOSE)
		timer_sleep_again(sk);
}

/* The socket is owned: its owner does it on release. */
static void timer_defer(struct sock *sk)
{
	struct xtcp_sock *xs = xtcp_sk(sk);

	if (xtcp_timer_armed(xs, XTCP_T_DELACK) &&
	    xtcp_timer_left(&xs->timers, XTCP_T_DELACK) <= 0)
		XTCP_INC(sock_net(sk), DELAYEDACKLOCKED);
	if (!test_and_set_bit(XTCP_DEFER_TIMER, &sk->sk_tsq_flags))
		sock_hold(sk);
}

static void timer_fire(struct timer_list *t)
{
	struct sock *sk = from_timer(sk, t, sk_timer);

	bh_lock_sock(sk);
	if (!sock_owned_by_user(sk))
		timer_run(sk);
	else
		timer_defer(sk);
	bh_unlock_sock(sk);
	sock_put(sk);
}

static void timer_fine_run(struct sock *sk)
{
	if (sk->sk_state != TCP_CLOSE)
		timer_ops->fine(sk);
}

/* The time of a fine queue has come; its reference is ours. */
static void timer_fine_fire(struct sock *sk)
{
	bh_lock_sock(sk);
	if (!sock_owned_by_user(sk))
		timer_fine_run(sk);
	else if (!test_and_set_bit(XTCP_DEFER_FINE, &sk->sk_tsq_flags))
		sock_hold(sk);
	bh_unlock_sock(sk);
	sock_put(sk);
}

/**
 * xtcp_timer_init - prepare the timers of a new socket
 * @sk: socket nobody else knows yet, or the clone of a listener
 */
void xtcp_timer_init(struct sock *sk)
{
	struct xtcp_timers *tm = &xtcp_sk(sk)->timers;

	timer_setup(&sk->sk_timer, timer_fire, 0);
	tm->fine_cpu = XTCP_FINEQ_NONE;
	tm->send_ns = 0;
	tm->armed = 0;
	tm->send_waits = false;
}

/**
 * xtcp_timer_arm - set or move a deadline
 * @sk: locked
 * @id: which
 * @delta: from now, jiffies, less than 2^31
 */
void xtcp_timer_arm(struct sock *sk, enum xtcp_timer_id id, unsigned long delta)
{
	struct xtcp_timers *tm = &xtcp_sk(sk)->timers;

	sock_owned_by_me(sk);
	tm->deadline[id] = (u32)(jiffies + delta);
	tm->armed |= BIT(id);
	timer_wake_at(sk, jiffies + delta);
}

/**
 * xtcp_timer_cancel - take a deadline off; the kernel timer may still wake, for nothing
 * @sk: locked
 * @id: which
 */
void xtcp_timer_cancel(struct sock *sk, enum xtcp_timer_id id)
{
	sock_owned_by_me(sk);
	xtcp_sk(sk)->timers.armed &= ~BIT(id);
}

/**
 * xtcp_timer_clear - the socket is done: no deadline, no timer, no reference
 * @sk: locked
 */
void xtcp_timer_clear(struct sock *sk)
{
	struct xtcp_timers *tm = &xtcp_sk(sk)->timers;

	tm->armed = 0;
	tm->send_ns = 0;
	tm->send_waits = false;
	sk_stop_timer(sk, &sk->sk_timer);
	if (xtcp_fineq_del(sk))
		__sock_put(sk);
}

/**
 * xtcp_timer_run_deferred - what timer_fire() left to the socket's owner
 * @sk: locked by release_sock()
 */
void xtcp_timer_run_deferred(struct sock *sk)
{
	timer_run(sk);
	__sock_put(sk);
}

/**
 * xtcp_timer_run_fine_deferred - what timer_fine_fire() left to the socket's owner
 * @sk: locked by release_sock()
 */
void xtcp_timer_run_fine_deferred(struct sock *sk)
{
	timer_fine_run(sk);
	__sock_put(sk);
}

/**
 * xtcp_timer_register - who handles the deadlines
 * @ops: lives as long as the module
 */
void __init xtcp_timer_register(const struct xtcp_timer_ops *ops)
{
	timer_ops = ops;
	xtcp_fineq_init(timer_fine_fire);
}

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * timer.c: a socket's one kernel timer and its lazily moved deadlines; what is finer waits
 * in a fine queue (fineq.h).
 *
 * All under the socket lock. A later deadline does not touch the timer wheel.
 */
#ifndef _XTCP_TIMER_H
#define _XTCP_TIMER_H

#include "sock.h"

void xtcp_timer_init(struct sock *sk);
/* Arms (or moves) @id to expire in @delta jiffies. */
void xtcp_timer_arm(struct sock *sk, enum xtcp_timer_id id, unsigned long delta);
void xtcp_timer_cancel(struct sock *sk, enum xtcp_timer_id id);
/* All deadlines off and the timers stopped; their references go. */
void xtcp_timer_clear(struct sock *sk);
/* What a softirq that found the socket owned left to its owner (release_cb). */
void xtcp_timer_run_deferred(struct sock *sk);
void xtcp_timer_run_fine_deferred(struct sock *sk);

static inline bool xtcp_timer_armed(const struct xtcp_sock *xs, enum xtcp_timer_id id)
{
	return xs->timers.armed & BIT(id);
}

/* Jiffies until an armed deadline, not above 0 when it is over. */
static inline s32 xtcp_timer_left(const struct xtcp_timers *tm, enum xtcp_timer_id id)
{
	return READ_ONCE(tm->deadline[id]) - (u32)jiffies;
}

/* What to do at each deadline, by enum xtcp_timer_id, and when a fine queue woke it. Locked. */
struct xtcp_timer_ops {
	void (*expire[XTCP_T_NR])(struct sock *sk);
	void (*fine)(struct sock *sk);
};

/* Once, before the first socket. */
void xtcp_timer_register(const struct xtcp_timer_ops *ops);

#endif /* _XTCP_TIMER_H */

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Fine queues: sockets that wait for a time finer than a jiffy, a queue and an hrtimer per CPU.
 *
 * An ACK is held back for a millisecond, and mostly leaves with the answer long before. An hrtimer
 * of each socket's own would be programmed into the clock device and taken out of it again for
 * each; here it is an entry in a tree, and the CPU's timer, once set, serves whoever waits then.
 */
#ifndef _XTCP_FINEQ_H
#define _XTCP_FINEQ_H

#include "sock.h"

#define XTCP_FINEQ_NONE		U16_MAX

/* Wakes @sk at @when_ns (ktime_get_ns()), or @slack_ns later; often before, too. */
void xtcp_fineq_add(struct sock *sk, u64 when_ns, u64 slack_ns);
/* True: it was in a queue, and its reference is the caller's. */
bool xtcp_fineq_del(struct sock *sk);

void xtcp_fineq_init(void (*wake)(struct sock *sk));
void xtcp_fineq_exit(void);

static inline bool xtcp_fineq_queued(const struct xtcp_timers *tm)
{
	return READ_ONCE(tm->fine_cpu) != XTCP_FINEQ_NONE;
}

#endif /* _XTCP_FINEQ_H */

/* SPDX-License-Identifier: GPL-2.0-only */
/* timers.h: the times struct xtcp_sock waits for. Socket lock. */
#ifndef _XTCP_TIMERS_H
#define _XTCP_TIMERS_H

#include <linux/hrtimer.h>
#include <linux/types.h>

enum xtcp_timer_id {
	XTCP_T_RTO,		/* retransmission, SYN included */
	XTCP_T_REO,		/* RACK: reordering window over */
	XTCP_T_TLP,		/* tail-loss probe */
	XTCP_T_PROBE,		/* zero window */
	XTCP_T_DELACK,
	XTCP_T_KEEP,		/* keepalive */
	XTCP_T_FINWAIT2,
	XTCP_T_NR,
};

/**
 * struct xtcp_timers - lazily moved deadlines; timer.c
 * @deadline: jiffies per id, low 32 bits, meaningful if its bit is set in @armed
 * @armed: bits of enum xtcp_timer_id
 *
 * sk->sk_timer wakes at or before the earliest of them.
 */
struct xtcp_timers {
	u32 deadline[XTCP_T_NR];
	u8 armed;
};

/**
 * struct xtcp_pace - the pace of sending; pace.c
 * @timer: runs while data waits for @next_ns, and holds a reference then
 * @next_ns: no segment leaves before, ktime_get_ns(); 0: at once
 */
struct xtcp_pace {
	struct hrtimer timer;
	u64 next_ns;
};

/**
 * struct xtcp_hold - an ACK held back for the application's answer or for more to say; delack.c
 * @timer: fires at or before @due_ns, and holds a reference while it is queued
 * @due_ns: the ACK goes then, ktime_get_ns()
 */
struct xtcp_hold {
	struct hrtimer timer;
	u64 due_ns;
};

#endif /* _XTCP_TIMERS_H */

/* SPDX-License-Identifier: GPL-2.0-only */
/* timers.h: the times struct xtcp_sock waits for. Socket lock. */
#ifndef _XTCP_TIMERS_H
#define _XTCP_TIMERS_H

#include <linux/rbtree.h>
#include <linux/types.h>

enum xtcp_timer_id {
	XTCP_T_TLP,		/* tail-loss probe; puts off the retransmission timer */
	XTCP_T_RTO,		/* retransmission, SYN included */
	XTCP_T_REO,		/* RACK: reordering window over */
	XTCP_T_PROBE,		/* zero window */
	XTCP_T_DELACK,
	XTCP_T_KEEP,		/* keepalive */
	XTCP_T_FINWAIT2,
	XTCP_T_NR,
};

/**
 * struct xtcp_timers - what is waited for; timer.c
 * @fine_node: in the fine queue (fineq.c) of @fine_cpu, which wakes at @fine_ns: at or before
 *	the earliest of @send_ns and @ack_ns that are waited for
 * @send_ns: no segment leaves before, ktime_get_ns(); 0: at once (pace.c)
 * @ack_ns: an ACK held back for the application's answer, or for more to say, goes then (delack.c)
 * @deadline: jiffies per id, low 32 bits, meaningful if its bit is set in @armed; lazily moved
 * @armed: bits of enum xtcp_timer_id
 * @send_waits: there is something to send at @send_ns
 * @fine_cpu: XTCP_FINEQ_NONE: in no queue; leaves one under that queue's lock
 *
 * sk->sk_timer wakes at or before the earliest of @deadline.
 */
struct xtcp_timers {
	struct rb_node fine_node;
	u64 fine_ns;
	u64 send_ns;
	u64 ack_ns;
	u32 deadline[XTCP_T_NR];
	u8 armed;
	bool send_waits;
	u16 fine_cpu;
};

#endif /* _XTCP_TIMERS_H */

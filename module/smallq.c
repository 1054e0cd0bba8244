// SPDX-License-Identifier: GPL-2.0-only
/*
 * smallq.c owns the small-queues limit: how much of a socket may wait below IP, in
 * qdisc and device, and who goes on when some of it has left.
 *
 * Output stops under the socket lock and leaves a bit; sock_wfree() of a segment that
 * left finds it by way of sk_write_space, in any context but hard interrupt, and puts
 * the socket on its CPU's list, with a reference. A tasklet per CPU goes through that.
 */
#include <linux/interrupt.h>

#include "compat.h"
#include "engine.h"

/**
 * struct smallq_cpu - sockets whose output goes on
 * @tasklet: runs while @socks is not empty
 * @socks: by xtcp_sock.smallq_node, the last first
 */
struct smallq_cpu {
	struct tasklet_struct tasklet;
	struct llist_head socks;
};

static DEFINE_PER_CPU(struct smallq_cpu, smallq_cpu);

/* What the rate sends in a millisecond, and two segments whatever the rate. */
static unsigned long smallq_limit(const struct sock *sk, const struct sk_buff *skb)
{
	unsigned long limit = max_t(unsigned long, 2 * skb->truesize,
				    READ_ONCE(sk->sk_pacing_rate) >>
				    READ_ONCE(sk->sk_pacing_shift));

	/* Who paces has no queue beyond that. */
	if (READ_ONCE(sk->sk_pacing_status) == SK_PACING_NONE)
		limit = min_t(unsigned long, limit,
			      xtcp_sk_knob(sk, limit_output_bytes));
	return limit;
}

/*
 * Sets the bit before the caller's second look: either that sees what has left meanwhile,
 * or xtcp_smallq_freed() sees the bit, and its barrier pairs with this one.
 */
static void smallq_throttle(struct sock *sk)
{
	set_bit(XTCP_SMALLQ_THROTTLED, &sk->sk_tsq_flags);
	smp_mb__after_atomic();	/* pairs with xtcp_smallq_freed() */
}

/**
 * xtcp_smallq_full - is there so much below IP that new data must wait?
 * @sk: locked
 * @skb: the next segment
 *
 * If so, output goes on by itself when some of it has left.
 */
bool xtcp_smallq_full(struct sock *sk, const struct sk_buff *skb)
{
	unsigned long limit = smallq_limit(sk, skb);

	if (refcount_read(&sk->sk_wmem_alloc) <= limit)
		return false;
	/* With nothing else to be acknowledged a late completion would be all that wakes us. */
	if (!xtcp_sk(sk)->snd.packets_out)
		return false;
	smallq_throttle(sk);
	if (refcount_read(&sk->sk_wmem_alloc) <= limit)
		return false;
	XTCP_SK_INC(sk, SMALLQTHROTTLED);
	return true;
}

/**
 * xtcp_smallq_holds - does the last copy of @skb still wait below IP?
 * @sk: locked
 * @skb: in the retransmission queue
 *
 * It cannot be lost before it was sent. If so, output goes on when it has left.
 */
bool xtcp_smallq_holds(struct sock *sk, const struct sk_buff *skb)
{
	if (likely(!skb_fclone_busy(sk, skb)))
		return false;
	smallq_throttle(sk);
	if (!skb_fclone_busy(sk, skb))
		return false;
	XTCP_SK_INC(sk, SPURIOUSRTXHOSTQUEUES);
	return true;
}

/**
 * xtcp_smallq_freed - a segment has left, or sk_write_space was called for another reason
 * @sk: held by the caller, by a reference or by what is left of sk_wmem_alloc
 *
 * Context: any but hard interrupt.
 */
void xtcp_smallq_freed(struct sock *sk)
{
	struct smallq_cpu *cpu;

	/* After sock_wfree() took it out of sk_wmem_alloc; pairs with smallq_throttle(). */
	smp_mb__after_atomic();
	if (likely(!test_bit(XTCP_SMALLQ_THROTTLED, &sk->sk_tsq_flags)) ||
	    !test_and_clear_bit(XTCP_SMALLQ_THROTTLED, &sk->sk_tsq_flags) ||
	    test_and_set_bit(XTCP_SMALLQ_QUEUED, &sk->sk_tsq_flags))
		return;
	/* Segments outlive the socket's last user. */
	if (!refcount_inc_not_zero(&sk->sk_refcnt)) {
		clear_bit(XTCP_SMALLQ_QUEUED, &sk->sk_tsq_flags);
		return;
	}
	cpu = get_cpu_ptr(&smallq_cpu);
	if (llist_add(&xtcp_sk(sk)->smallq_node, &cpu->socks))
		tasklet_schedule(&cpu->tasklet);
	put_cpu_ptr(&smallq_cpu);
}

static void smallq_run(struct tasklet_struct *t)
{
	struct smallq_cpu *cpu = from_tasklet(cpu, t, tasklet);
	struct llist_node *socks = llist_reverse_order(llist_del_all(&cpu->socks));
	struct xtcp_sock *xs, *next;

	llist_for_each_entry_safe(xs, next, socks, smallq_node) {
		struct sock *sk = &xs->inet.sk;

		/* Off the list before it may go on again; what leaves from here on does that. */
		smp_mb__before_atomic();
		clear_bit(XTCP_SMALLQ_QUEUED, &sk->sk_tsq_flags);
		smp_mb__after_atomic();	/* before the send queue is looked at */
		xtcp_pace_kick(sk);
		sock_put(sk);
	}
}

/**
 * xtcp_smallq_init - the tasklets
 */
void __init xtcp_smallq_init(void)
{
	int i;

	for_each_possible_cpu(i) {
		struct smallq_cpu *cpu = per_cpu_ptr(&smallq_cpu, i);

		init_llist_head(&cpu->socks);
		tasklet_setup(&cpu->tasklet, smallq_run);
	}
}

/**
 * xtcp_smallq_exit - no tasklet runs or will
 *
 * No socket lives any more, but a tasklet may be about to return from the last one's end.
 */
void xtcp_smallq_exit(void)
{
	int i;

	for_each_possible_cpu(i)
		tasklet_kill(&per_cpu_ptr(&smallq_cpu, i)->tasklet);
}

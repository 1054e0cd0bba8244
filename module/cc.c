// SPDX-License-Identifier: GPL-2.0-only
/*
 * cc.c owns the registry of congestion control algorithms and hands a
 * connection's ACKs to its own. The algorithms are in core/. Socket lock.
 */
#include <linux/slab.h>
#include <linux/string.h>
#include <xtcp/cc.h>

#include "compat.h"
#include "engine.h"

/* The first is the default. */
static const struct xtcp_cc_ops *const cc_list[] = {
	&xtcp_cc_cubic,
	&xtcp_cc_newreno,
	&xtcp_cc_bbr,
};

/**
 * xtcp_cc_find - an algorithm by name
 * @name: NUL-terminated
 *
 * Return: NULL when there is none
 */
const struct xtcp_cc_ops *xtcp_cc_find(const char *name)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cc_list); i++)
		if (!strcmp(cc_list[i]->name, name))
			return cc_list[i];
	return NULL;
}

/**
 * xtcp_cc_bit - an algorithm in a set of them
 * @ops: one of the registry
 */
unsigned long xtcp_cc_bit(const struct xtcp_cc_ops *ops)
{
	unsigned int i;

	for (i = 0; cc_list[i] != ops; i++)
		;
	return BIT(i);
}

/**
 * xtcp_cc_names - a set of algorithms as names with a space between
 * @set: bits of xtcp_cc_bit(), XTCP_CC_ALL for all
 * @buf: result, NUL-terminated
 * @len: its size
 */
void xtcp_cc_names(unsigned long set, char *buf, size_t len)
{
	unsigned int i;
	size_t n = 0;

	buf[0] = '\0';
	for (i = 0; i < ARRAY_SIZE(cc_list); i++)
		if (set & BIT(i))
			n += scnprintf(buf + n, len - n, "%s%s", n ? " " : "", cc_list[i]->name);
}

/**
 * xtcp_cc_parse - the set that names stand for
 * @names: with spaces between, taken apart
 * @set: result
 *
 * Return: 0, or -ENOENT for a name that there is not; then @set is as it was
 */
int xtcp_cc_parse(char *names, unsigned long *set)
{
	const struct xtcp_cc_ops *ops;
	unsigned long bits = 0;
	char *name;

	while ((name = strsep(&names, " \t\n"))) {
		if (!*name)
			continue;
		ops = xtcp_cc_find(name);
		if (!ops)
			return -ENOENT;
		bits |= xtcp_cc_bit(ops);
	}
	*set = bits;
	return 0;
}

/**
 * xtcp_cc_default - what a namespace starts with
 */
const struct xtcp_cc_ops *xtcp_cc_default(void)
{
	return cc_list[0];
}

/**
 * xtcp_cc_begin - congestion control of a new socket
 * @sk: new, or the clone of a listener; nothing to free in its struct xtcp_cc
 * @ops: the algorithm
 * @gfp: for what it needs besides
 *
 * Return: 0, or -ENOMEM; then the socket has the default, for the rest of its life
 */
int xtcp_cc_begin(struct sock *sk, const struct xtcp_cc_ops *ops, gfp_t gfp)
{
	void *mem = ops->mem_size ? kmalloc(ops->mem_size, gfp) : NULL;
	bool ok = mem || !ops->mem_size;

	xtcp_cc_init(&xtcp_sk(sk)->cc, ok ? ops : xtcp_cc_default(), mem, get_random_u32());
	return ok ? 0 : -ENOMEM;
}

/**
 * xtcp_cc_restart - the socket will be another connection
 * @sk: locked
 */
void xtcp_cc_restart(struct sock *sk)
{
	struct xtcp_cc *cc = &xtcp_sk(sk)->cc;

	xtcp_cc_init(cc, cc->ops, xtcp_cc_mem(cc), get_random_u32());
}

/**
 * xtcp_cc_change - another algorithm, with the windows of the one before
 * @sk: locked
 * @ops: not the one it has
 *
 * Context: may sleep.
 * Return: 0 or -ENOMEM
 */
int xtcp_cc_change(struct sock *sk, const struct xtcp_cc_ops *ops)
{
	struct xtcp_cc *cc = &xtcp_sk(sk)->cc;
	void *mem = NULL, *old = xtcp_cc_mem(cc);

	if (ops->mem_size) {
		mem = kmalloc(ops->mem_size, GFP_KERNEL_ACCOUNT);
		if (!mem)
			return -ENOMEM;
	}
	xtcp_cc_switch(cc, ops, mem, get_random_u32());
	kfree(old);
	return 0;
}

/*
 * May an ACK grow the window in this state? Not while a reduction is under way, and SACKs
 * alone only on a path that is known to reorder, where SND.UNA often stands still.
 */
static bool cc_may_raise(struct sock *sk, const struct xtcp_ack_info *ai)
{
	const struct xtcp_sock *xs = xtcp_sk(sk);

	if (xs->rec.ca_state == XTCP_CA_RECOVERY || xs->rec.ca_state == XTCP_CA_CWR)
		return false;
	return ai->acked_segs ||
	       (ai->delivered && xs->rec.reordering > xtcp_sk_knob(sk, reordering));
}

/*
 * Segments an ACK is worth to the window: what it newly delivers, not what SACKs or duplicate
 * ACKs told of before. The one that ends a recovery stands for all that went on meanwhile.
 */
static u32 cc_credit(const struct xtcp_ack_info *ai)
{
	return ai->orderly ? ai->delivered : ai->acked_segs;
}

/* RFC 7661: growth needs a window that was used. */
static bool cc_window_used(const struct xtcp_sock *xs)
{
	if (xs->snd.cwnd_limited)
		return true;
	return xtcp_cc_in_slow_start(&xs->cc) && xs->cc.cwnd < 2 * xs->snd.max_packets_out;
}

/**
 * xtcp_cc_on_ack - the congestion window's share of an ACK
 * @sk: locked
 * @ai: the ACK, after recovery had its say
 */
void xtcp_cc_on_ack(struct sock *sk, const struct xtcp_ack_info *ai)
{
	struct xtcp_sock *xs = xtcp_sk(sk);
	struct xtcp_cc_ack a = {
		.now_us = ai->now_us,
		.delivered = xs->snd.delivered,
		.acked = cc_credit(ai),
		.acked_sacked = ai->delivered,
		.acked_bytes = ai->acked_bytes,
		.losses = ai->newly_lost,
		.in_flight = xtcp_packets_in_flight(xs),
		.prior_in_flight = ai->prior_in_flight,
		.rtt_us = ai->rtt_us,
		.min_rtt_us = xtcp_rtt_min_us(&xs->rtt),
		.srtt_us = xs->rtt.srtt_us >> 3,
		.snd_una = xs->snd.una,
		.snd_nxt = xs->snd.nxt,
		.mss = xs->snd.mss,
		.is_cwnd_limited = cc_window_used(xs),
		.ece = ai->ece,
	};

	xtcp_rate_finish(&xs->rec.rate, &ai->rs, xtcp_rtt_min_us(&xs->rtt), &a);
	xs->cc.state = xs->rec.ca_state;
	if (xs->cc.ops->cong_control) {
		xs->cc.ops->cong_control(&xs->cc, &a);
		xtcp_pace_update(sk);
		return;
	}
	if (cc_may_raise(sk, ai))
		xs->cc.ops->cong_avoid(&xs->cc, &a);
	xtcp_pace_update(sk);
}

/* So many RTOs that no window is left to halve, and no more than 32 bits of microseconds hold. */
#define CC_IDLE_MAX	(3600 * HZ)

/* The path's state is stale after an idle RTO (RFC 5681 4.1). */
static void cc_idle_restart(struct sock *sk)
{
	struct xtcp_sock *xs = xtcp_sk(sk);
	u32 idle = (u32)jiffies - xs->snd.lsndtime;

	if (!idle || !xs->snd.lsndtime || !xtcp_sk_knob(sk, slow_start_after_idle) ||
	    idle <= xtcp_ack_rto(sk) || xs->cc.ops->cong_control)
		return;
	xtcp_cc_restart_idle(&xs->cc, jiffies_to_usecs(min_t(u32, idle, CC_IDLE_MAX)),
			     xtcp_rtt_rto_us(&xs->rtt));
	xs->snd.cwnd_usage_seq = xs->snd.nxt;
	xs->snd.cwnd_limited = 0;
}

/**
 * xtcp_cc_tx_start - the network was empty and now is not
 * @sk: locked, nothing in flight
 */
void xtcp_cc_tx_start(struct sock *sk)
{
	struct xtcp_sock *xs = xtcp_sk(sk);

	cc_idle_restart(sk);
	if (xs->cc.ops->tx_start)
		xs->cc.ops->tx_start(&xs->cc, xtcp_sk_now_us(xs));
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * NewReno (RFC 5681), and what all algorithms share. struct xtcp_cc belongs to one
 * connection, under its socket lock.
 *
 * Growth counts acknowledged segments, not ACKs (RFC 3465): an ACK that covers
 * many grows the window as many ACKs would, and a split ACK gains nothing.
 */
#include <xtcp/cc.h>

/**
 * xtcp_cc_init - congestion control of a new connection
 * @cc: the state
 * @ops: the algorithm
 * @mem: memory of @ops->mem_size bytes, if that is not 0
 * @rnd: a random word
 */
void xtcp_cc_init(struct xtcp_cc *cc, const struct xtcp_cc_ops *ops, void *mem, u32 rnd)
{
	memset(cc, 0, sizeof(*cc));
	cc->cwnd = XTCP_CC_INIT_CWND;
	cc->ssthresh = XTCP_CC_SSTHRESH_INF;
	xtcp_cc_switch(cc, ops, mem, rnd);
}

/**
 * xtcp_cc_switch - change the algorithm, keep the windows
 * @cc: the state
 * @ops: the new algorithm
 * @mem: memory of @ops->mem_size bytes, if that is not 0; the old one's is the caller's
 * @rnd: a random word
 */
void xtcp_cc_switch(struct xtcp_cc *cc, const struct xtcp_cc_ops *ops, void *mem, u32 rnd)
{
	cc->ops = ops;
	cc->pacing_rate = 0;
	cc->cwnd_cnt = 0;
	memset(cc->priv, 0, sizeof(cc->priv));
	if (ops->mem_size) {
		memset(mem, 0, ops->mem_size);
		cc->mem = mem;
	}
	if (ops->init)
		ops->init(cc, rnd);
}

/**
 * xtcp_cc_slow_start - grow by one segment per acknowledged segment
 * @cc: the state, cwnd below ssthresh
 * @acked: segments acknowledged
 *
 * Return: acknowledged segments left once ssthresh is reached.
 */
u32 xtcp_cc_slow_start(struct xtcp_cc *cc, u32 acked)
{
	u32 room = cc->ssthresh - xtcp_min_u32(cc->cwnd, cc->ssthresh);
	u32 used = xtcp_min_u32(acked, room);

	cc->cwnd = xtcp_min_u32(cc->cwnd + used, XTCP_CC_CWND_MAX);
	return acked - used;
}

/**
 * xtcp_cc_additive_increase - grow by one segment per @w acknowledged segments
 * @cc: the state
 * @w: acknowledged segments that earn one, not 0
 * @acked: segments acknowledged
 */
void xtcp_cc_additive_increase(struct xtcp_cc *cc, u32 w, u32 acked)
{
	u32 grow;

	/* Credit earned at a larger @w is worth one segment, not several. */
	if (cc->cwnd_cnt >= w) {
		cc->cwnd_cnt = 0;
		cc->cwnd++;
	}
	cc->cwnd_cnt += acked;
	grow = cc->cwnd_cnt / w;
	cc->cwnd_cnt -= grow * w;
	cc->cwnd = xtcp_min_u32(cc->cwnd + grow, XTCP_CC_CWND_MAX);
}

/* What is known of the path although the window shrinks for want of data (RFC 2861). */
static void cc_keep_ssthresh(struct xtcp_cc *cc)
{
	cc->ssthresh = xtcp_max_u32(cc->ssthresh, cc->cwnd / 2 + cc->cwnd / 4);
}

/**
 * xtcp_cc_restart_idle - halve the window for each RTO without sending
 * @cc: the state
 * @idle_us: time since the last segment was sent, nothing in flight
 * @rto_us: base RTO
 *
 * Not below the initial window, which any new connection may send (RFC 5681 4.1,
 * RFC 2861 3). Not for an algorithm that paces by a model of the path.
 */
void xtcp_cc_restart_idle(struct xtcp_cc *cc, u32 idle_us, u32 rto_us)
{
	u32 floor = xtcp_min_u32(cc->cwnd, XTCP_CC_INIT_CWND);

	if (cc->ops->cong_control)
		return;
	if (cc->ops->event)
		cc->ops->event(cc, XTCP_CC_EV_CWND_RESTART);
	cc_keep_ssthresh(cc);
	for (; idle_us > rto_us && cc->cwnd > floor; idle_us -= rto_us)
		cc->cwnd >>= 1;
	cc->cwnd = xtcp_max_u32(cc->cwnd, floor);
}

/**
 * xtcp_cc_app_limited - the application left the window unused for an RTO
 * @cc: the state
 * @used: segments that were in flight at most
 *
 * Decay half-way to what was proved (RFC 2861 3).
 */
void xtcp_cc_app_limited(struct xtcp_cc *cc, u32 used)
{
	used = xtcp_max_u32(used, XTCP_CC_INIT_CWND);
	if (cc->ops->cong_control || cc->state != XTCP_CA_OPEN || used >= cc->cwnd)
		return;
	cc_keep_ssthresh(cc);
	cc->cwnd = (cc->cwnd + used) / 2;
}

static u32 newreno_ssthresh(struct xtcp_cc *cc)
{
	return xtcp_max_u32(cc->cwnd / 2, 2);
}

static void newreno_cong_avoid(struct xtcp_cc *cc, const struct xtcp_cc_ack *a)
{
	u32 acked = a->acked;

	if (!a->is_cwnd_limited)
		return;
	if (xtcp_cc_in_slow_start(cc))
		acked = xtcp_cc_slow_start(cc, acked);
	if (acked)
		xtcp_cc_additive_increase(cc, cc->cwnd, acked);
}

static u32 newreno_undo_cwnd(struct xtcp_cc *cc)
{
	return xtcp_max_u32(cc->cwnd, cc->prior_cwnd);
}

const struct xtcp_cc_ops xtcp_cc_newreno = {
	.name = "reno",
	.ssthresh = newreno_ssthresh,
	.cong_avoid = newreno_cong_avoid,
	.undo_cwnd = newreno_undo_cwnd,
};

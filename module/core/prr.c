// SPDX-License-Identifier: GPL-2.0-only
/*
 * Proportional rate reduction. struct xtcp_prr belongs to one connection, under its
 * socket lock.
 */
#include <xtcp/prr.h>

/**
 * xtcp_prr_begin - fast recovery begins
 * @p: the recovery
 * @flight: segments sent and not acknowledged, SACKed ones included
 */
void xtcp_prr_begin(struct xtcp_prr *p, u32 flight)
{
	p->recover_fs = xtcp_max_u32(flight, 1);
	p->delivered = 0;
	p->out = 0;
}

/**
 * xtcp_prr_sndcnt - segments that may be sent for an ACK
 * @p: the recovery
 * @ssthresh: the window to arrive at
 * @in_flight: segments in flight after this ACK
 * @delivered: segments this ACK acknowledged or SACKed
 * @safe_ack: it moved SND.UNA and marked nothing lost
 *
 * Above ssthresh in proportion: ssthresh / recover_fs segments out for each one
 * delivered. Below it, after heavy loss, one for one, and one more while
 * recovery makes progress (slow-start reduction bound). cwnd is then in_flight
 * plus the result. RFC 9937 6.
 *
 * Return: segments; at least 1 until the first one is out, the fast retransmission.
 */
u32 xtcp_prr_sndcnt(struct xtcp_prr *p, u32 ssthresh, u32 in_flight, u32 delivered,
		    bool safe_ack)
{
	u64 due;
	u32 sndcnt;

	p->delivered += delivered;
	if (in_flight > ssthresh) {
		due = xtcp_div_u64((u64)p->delivered * ssthresh + p->recover_fs - 1,
				   p->recover_fs);
		sndcnt = due > p->out ? (u32)(due - p->out) : 0;
	} else {
		sndcnt = p->delivered > p->out ? p->delivered - p->out : 0;
		sndcnt = xtcp_max_u32(sndcnt, delivered) + safe_ack;
		sndcnt = xtcp_min_u32(sndcnt, ssthresh - in_flight);
	}
	return p->out ? sndcnt : xtcp_max_u32(sndcnt, 1);
}

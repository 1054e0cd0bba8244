// SPDX-License-Identifier: GPL-2.0-only
/*
 * Delivery rate samples. struct xtcp_rate belongs to one connection, under its socket
 * lock; the others live on the stack or beside a segment in the retransmit queue.
 *
 * A sample spans from the delivery before its segment was sent to the delivery of
 * the segment, or from the first to the last transmission of that flight if this
 * took longer: nothing is delivered faster than it was sent.
 */
#include <xtcp/rate.h>
#include <xtcp/seq.h>

/**
 * xtcp_rate_sent - a segment is sent, or sent again
 * @r: the sampler
 * @tx: the segment's snapshot
 * @in_flight: segments in flight without it
 * @segs: segments it consists of
 * @now_us: time
 */
void xtcp_rate_sent(struct xtcp_rate *r, struct xtcp_rate_tx *tx, u32 in_flight, u32 segs,
		    u32 now_us)
{
	/* Nothing to wait for: the time since the last ACK was idle. */
	if (!in_flight) {
		r->first_sent_us = now_us;
		r->delivered_us = now_us;
	}
	tx->delivered = r->delivered;
	tx->lost = r->lost;
	tx->delivered_us = r->delivered_us;
	tx->first_sent_us = r->first_sent_us;
	tx->in_flight = (in_flight + segs) & S32_MAX;
	tx->app_limited = r->app_limited != 0;
}

/**
 * xtcp_rate_delivered - a segment is acknowledged or SACKed for the first time
 * @r: the sampler
 * @rs: the ACK's sample, all zero at the ACK's first segment
 * @tx: the segment's snapshot
 * @segs: segments it consists of
 * @sent_us: when it was sent last
 * @end_seq: the number after its last one
 * @now_us: time
 */
void xtcp_rate_delivered(struct xtcp_rate *r, struct xtcp_rate_sample *rs,
			 const struct xtcp_rate_tx *tx, u32 segs, u32 sent_us, u32 end_seq,
			 u32 now_us)
{
	r->delivered += segs;
	r->delivered_us = now_us;
	if (rs->valid && (xtcp_seq_before(sent_us, rs->sent_us) ||
			  (sent_us == rs->sent_us && !xtcp_seq_after(end_seq, rs->end_seq))))
		return;
	rs->valid = true;
	rs->tx = *tx;
	rs->sent_us = sent_us;
	rs->end_seq = end_seq;
}

/**
 * xtcp_rate_lost - a segment is marked lost
 * @r: the sampler
 * @tx: the segment's snapshot
 * @segs: segments it consists of
 * @l: result, for the lost() of an algorithm
 */
void xtcp_rate_lost(struct xtcp_rate *r, const struct xtcp_rate_tx *tx, u32 segs,
		    struct xtcp_cc_lost *l)
{
	r->lost += segs;
	l->delivered = r->delivered;
	l->lost = r->lost - tx->lost;
	l->tx_in_flight = tx->in_flight;
	l->segs = segs;
	l->app_limited = tx->app_limited;
}

/**
 * xtcp_rate_idle - the window has room and there is nothing to send
 * @r: the sampler
 * @in_flight: segments in flight
 *
 * Samples are marked until what is in flight now has been delivered.
 */
void xtcp_rate_idle(struct xtcp_rate *r, u32 in_flight)
{
	r->app_limited = xtcp_max_u32(r->delivered + in_flight, 1);
}

/**
 * xtcp_rate_finish - all segments of an ACK are accounted for
 * @r: the sampler
 * @rs: the ACK's sample
 * @min_rtt_us: minimum RTT, U32_MAX if unknown
 * @a: result: delivered, prior_delivered, interval_us and the rs_* fields
 *
 * A sample shorter than the minimum RTT stems from an ACK of an earlier
 * transmission: interval_us is 0 then, as without any delivery.
 */
void xtcp_rate_finish(struct xtcp_rate *r, const struct xtcp_rate_sample *rs, u32 min_rtt_us,
		      struct xtcp_cc_ack *a)
{
	u32 send_us, ack_us;

	if (r->app_limited && xtcp_seq_after(r->delivered, r->app_limited))
		r->app_limited = 0;
	a->delivered = r->delivered;
	a->interval_us = 0;
	if (!rs->valid)
		return;

	a->rs_delivered = r->delivered - rs->tx.delivered;
	a->prior_delivered = r->delivered - a->rs_delivered;
	a->rs_lost = r->lost - rs->tx.lost;
	a->rs_app_limited = rs->tx.app_limited;
	a->tx_in_flight = rs->tx.in_flight;
	send_us = rs->sent_us - rs->tx.first_sent_us;
	ack_us = r->delivered_us - rs->tx.delivered_us;
	r->first_sent_us = rs->sent_us;
	if (xtcp_max_u32(send_us, ack_us) >= min_rtt_us || min_rtt_us == U32_MAX)
		a->interval_us = xtcp_max_u32(send_us, ack_us);
}

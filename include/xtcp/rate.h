/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Delivery rate: how fast the network delivered the flight that ends with the newest
 * segment an ACK covers (draft-ietf-ccwg-bbr 4.1). Input of rate-based algorithms.
 */
#ifndef _XTCP_RATE_H
#define _XTCP_RATE_H

#include <xtcp/cc.h>
#include <xtcp/types.h>

/**
 * struct xtcp_rate - the sampler of one connection, in segments, all modulo 2^32
 * @delivered: delivered so far
 * @app_limited: samples are application-limited until @delivered exceeds it; 0: they are not
 * @lost: marked lost so far
 * @delivered_us: time of the last delivery
 * @first_sent_us: sending time of the segment delivered last
 */
struct xtcp_rate {
	u32 delivered;
	u32 app_limited;
	u32 lost;
	u32 delivered_us;
	u32 first_sent_us;
};

/**
 * struct xtcp_rate_tx - what was known when a segment was sent; lives beside the segment
 * @delivered: xtcp_rate.delivered
 * @lost: xtcp_rate.lost
 * @delivered_us: xtcp_rate.delivered_us
 * @first_sent_us: xtcp_rate.first_sent_us
 * @in_flight: segments in flight, itself included
 * @app_limited: there was not enough data to send
 */
struct xtcp_rate_tx {
	u32 delivered;
	u32 lost;
	u32 delivered_us;
	u32 first_sent_us;
	u32 in_flight : 31;
	u32 app_limited : 1;
};

static_assert(sizeof(struct xtcp_rate_tx) == 20);

/**
 * struct xtcp_rate_sample - the newest segment that the ACK at hand delivered
 * @tx: what was known when it was sent
 * @sent_us: when that was, modulo 2^32
 * @end_seq: the number after its last one
 * @valid: there is one
 */
struct xtcp_rate_sample {
	struct xtcp_rate_tx tx;
	u32 sent_us;
	u32 end_seq;
	bool valid;
};

void xtcp_rate_sent(struct xtcp_rate *r, struct xtcp_rate_tx *tx, u32 in_flight, u32 segs,
		    u32 now_us);
void xtcp_rate_delivered(struct xtcp_rate *r, struct xtcp_rate_sample *rs,
			 const struct xtcp_rate_tx *tx, u32 segs, u32 sent_us, u32 end_seq,
			 u32 now_us);
void xtcp_rate_lost(struct xtcp_rate *r, const struct xtcp_rate_tx *tx, u32 segs,
		    struct xtcp_cc_lost *l);
void xtcp_rate_idle(struct xtcp_rate *r, u32 in_flight);
void xtcp_rate_finish(struct xtcp_rate *r, const struct xtcp_rate_sample *rs, u32 min_rtt_us,
		      struct xtcp_cc_ack *a);

#endif /* _XTCP_RATE_H */

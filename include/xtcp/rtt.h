/* SPDX-License-Identifier: GPL-2.0-only */
/* Round-trip time: smoothed estimate, variance, minimum and the RTO (RFC 6298). */
#ifndef _XTCP_RTT_H
#define _XTCP_RTT_H

#include <xtcp/minmax.h>
#include <xtcp/types.h>

#define XTCP_RTO_INIT_US (1U * XTCP_USEC_PER_SEC) /* RFC 6298 (2.1) */
#define XTCP_RTO_MIN_US (200U * XTCP_USEC_PER_MSEC)
#define XTCP_RTO_MAX_US (120U * XTCP_USEC_PER_SEC)

/**
 * struct xtcp_rtt - the estimator of one connection, microseconds
 * @srtt_us: smoothed RTT << 3; 0 until the first sample
 * @mdev_us: medium deviation << 2
 * @mdev_max_us: largest @mdev_us in the current round trip
 * @rttvar_us: smoothed @mdev_max_us, at least rto_min
 * @rtt_seq: SND.NXT at the start of the round trip that @mdev_max_us covers
 * @min: filter of the windowed minimum, time in milliseconds
 */
struct xtcp_rtt {
	u32 srtt_us;
	u32 mdev_us;
	u32 mdev_max_us;
	u32 rttvar_us;
	u32 rtt_seq;
	struct xtcp_minmax min;
};

static_assert(sizeof(struct xtcp_rtt) == 44);

void xtcp_rtt_init(struct xtcp_rtt *r);
void xtcp_rtt_sample(struct xtcp_rtt *r, u32 rtt_us, u32 snd_una, u32 snd_nxt, u32 rto_min_us);
void xtcp_rtt_min_update(struct xtcp_rtt *r, u32 rtt_us, u32 now_ms, u32 window_ms);
u32 xtcp_rtt_backoff(u32 rto_us, u32 n, u32 max_us);

/* The base RTO, without back-off (RFC 6298 (2.2) to (2.5)). */
static inline u32 xtcp_rtt_rto_us(const struct xtcp_rtt *r)
{
	if (!r->srtt_us)
		return XTCP_RTO_INIT_US;
	return xtcp_min_u32((r->srtt_us >> 3) + r->rttvar_us, XTCP_RTO_MAX_US);
}

/* The windowed minimum, U32_MAX until the first sample. */
static inline u32 xtcp_rtt_min_us(const struct xtcp_rtt *r)
{
	return xtcp_minmax_get(&r->min);
}

#endif /* _XTCP_RTT_H */

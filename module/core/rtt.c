// SPDX-License-Identifier: GPL-2.0-only
/*
 * Round-trip time: struct xtcp_rtt belongs to one connection, under its socket lock.
 *
 * RFC 6298 with Linux's three refinements: the variance is the largest mean
 * deviation of a round trip and decays once per round trip, since a window full
 * of samples would otherwise forget it within one; its floor is rto_min, so that
 * the RTO is RTT plus at least rto_min rather than at least rto_min; and a
 * sample far below the mean hardly widens the deviation.
 */
#include <xtcp/rtt.h>
#include <xtcp/seq.h>

/**
 * xtcp_rtt_init - an estimator without samples
 * @r: the estimator
 */
void xtcp_rtt_init(struct xtcp_rtt *r)
{
	memset(r, 0, sizeof(*r));
	xtcp_minmax_reset(&r->min, 0, U32_MAX);
}

static void rtt_first(struct xtcp_rtt *r, u32 rtt_us, u32 snd_nxt, u32 rto_min_us)
{
	r->srtt_us = rtt_us << 3;
	r->mdev_us = rtt_us << 1;
	r->rttvar_us = xtcp_max_u32(r->mdev_us, rto_min_us);
	r->mdev_max_us = r->rttvar_us;
	r->rtt_seq = snd_nxt;
}

/* Move srtt by 1/8 of the error and mdev by 1/4 of what the error differs from it. */
static void rtt_smooth(struct xtcp_rtt *r, u32 rtt_us)
{
	s32 err = (s32)(rtt_us - (r->srtt_us >> 3));
	s32 dev = (err < 0 ? -err : err) - (s32)(r->mdev_us >> 2);

	/* A faster path is no reason to wait longer. */
	if (err < 0 && dev > 0)
		dev >>= 3;
	r->srtt_us = xtcp_max_u32(r->srtt_us + (u32)err, 1);
	r->mdev_us += (u32)dev;
}

/* Rise at once, fall by a quarter per round trip. */
static void rtt_track_var(struct xtcp_rtt *r, u32 snd_una, u32 snd_nxt, u32 rto_min_us)
{
	r->mdev_max_us = xtcp_max_u32(r->mdev_max_us, r->mdev_us);
	r->rttvar_us = xtcp_max_u32(r->rttvar_us, r->mdev_max_us);
	if (!xtcp_seq_after(snd_una, r->rtt_seq))
		return;
	r->rttvar_us -= (r->rttvar_us - r->mdev_max_us) >> 2;
	r->rtt_seq = snd_nxt;
	r->mdev_max_us = rto_min_us;
}

/**
 * xtcp_rtt_sample - take an RTT measurement
 * @r: the estimator
 * @rtt_us: the sample; never of a retransmitted segment without timestamps (MUST-18)
 * @snd_una: SND.UNA after the ACK that gave the sample
 * @snd_nxt: SND.NXT
 * @rto_min_us: floor of the variance
 */
void xtcp_rtt_sample(struct xtcp_rtt *r, u32 rtt_us, u32 snd_una, u32 snd_nxt, u32 rto_min_us)
{
	rtt_us = xtcp_clamp_u32(rtt_us, 1, XTCP_RTO_MAX_US);
	if (!r->srtt_us) {
		rtt_first(r, rtt_us, snd_nxt, rto_min_us);
	} else {
		rtt_smooth(r, rtt_us);
		rtt_track_var(r, snd_una, snd_nxt, rto_min_us);
	}
}

/**
 * xtcp_rtt_min_update - feed the windowed minimum
 * @r: the estimator
 * @rtt_us: the sample
 * @now_ms: time in milliseconds
 * @window_ms: length of the window
 */
void xtcp_rtt_min_update(struct xtcp_rtt *r, u32 rtt_us, u32 now_ms, u32 window_ms)
{
	xtcp_minmax_min(&r->min, window_ms, now_ms, rtt_us);
}

/**
 * xtcp_rtt_backoff - the timeout after @n expiries (RFC 6298 (5.5))
 * @rto_us: base RTO
 * @n: expiries in a row
 * @max_us: upper bound
 *
 * Return: @rto_us doubled @n times, at most @max_us.
 */
u32 xtcp_rtt_backoff(u32 rto_us, u32 n, u32 max_us)
{
	/* Below 32 doublings 64 bits hold it; from there on any RTO is past the bound. */
	if (n > 31)
		return rto_us ? max_us : 0;
	return (u32)xtcp_min_u64((u64)rto_us << n, max_us);
}

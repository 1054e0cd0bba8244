/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Sequence numbers: comparison modulo 2^32 (RFC 9293 3.4).
 *
 * before/after are a total order only among numbers less than 2^31 apart; two
 * numbers exactly 2^31 apart are each before the other. Where a peer chooses
 * both numbers use xtcp_seq_between(), which has no such edge.
 */
#ifndef _XTCP_SEQ_H
#define _XTCP_SEQ_H

#include <xtcp/types.h>

static inline bool xtcp_seq_before(u32 a, u32 b)
{
	return (s32)(a - b) < 0;
}

static inline bool xtcp_seq_after(u32 a, u32 b)
{
	return xtcp_seq_before(b, a);
}

static inline bool xtcp_seq_leq(u32 a, u32 b)
{
	return !xtcp_seq_after(a, b);
}

static inline bool xtcp_seq_geq(u32 a, u32 b)
{
	return !xtcp_seq_before(a, b);
}

/* lo <= s <= hi, walking upwards from @lo; exact for intervals of any length. */
static inline bool xtcp_seq_between(u32 s, u32 lo, u32 hi)
{
	return s - lo <= hi - lo;
}

static inline u32 xtcp_seq_max(u32 a, u32 b)
{
	return xtcp_seq_after(a, b) ? a : b;
}

static inline u32 xtcp_seq_min(u32 a, u32 b)
{
	return xtcp_seq_before(a, b) ? a : b;
}

#endif /* _XTCP_SEQ_H */

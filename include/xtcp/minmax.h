/* SPDX-License-Identifier: GPL-2.0-only */
/* Windowed minimum and maximum of a series, in constant space. */
#ifndef _XTCP_MINMAX_H
#define _XTCP_MINMAX_H

#include <xtcp/types.h>

/**
 * struct xtcp_minmax - best, second and third best value of the last window
 * @s: samples, best first, each newer than the one before it
 * @s.t: time of the sample, in any unit, modulo 2^32
 * @s.v: the value
 *
 * The runners-up are taken from later thirds of the window, so that when the
 * best one grows too old the next is at hand.
 */
struct xtcp_minmax {
	struct {
		u32 t;
		u32 v;
	} s[3];
};

static inline u32 xtcp_minmax_get(const struct xtcp_minmax *m)
{
	return m->s[0].v;
}

u32 xtcp_minmax_reset(struct xtcp_minmax *m, u32 t, u32 v);
u32 xtcp_minmax_min(struct xtcp_minmax *m, u32 win, u32 t, u32 v);
u32 xtcp_minmax_max(struct xtcp_minmax *m, u32 win, u32 t, u32 v);

#endif /* _XTCP_MINMAX_H */

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * destmap.c: which ephemeral ports a destination has in use, one bit each.
 *
 * A hint: the 4-tuple decides (demux.c), and a port that the map takes for free and that is
 * not costs a vain attempt, after which the map knows it. What is asked of NULL, or of a part
 * that there was no memory for, is answered as if nothing was in use, and what it is told
 * is forgotten.
 *
 * A map that a destination has is guarded by that one's lock (dest.c).
 */
#ifndef _XTCP_DESTMAP_H
#define _XTCP_DESTMAP_H

#include "ephemeral.h"

struct xtcp_destmap;

int xtcp_destmap_init(void);
void xtcp_destmap_exit(void);

/* A map of a whole range, sleeps; and what of it another one has not, the rest comes back. */
struct xtcp_destmap *xtcp_destmap_create(const struct xtcp_ephemeral *e);
struct xtcp_destmap *xtcp_destmap_merge(struct xtcp_destmap **map, struct xtcp_destmap *more);
void xtcp_destmap_free(struct xtcp_destmap *map);
bool xtcp_destmap_covers(const struct xtcp_destmap *map, const struct xtcp_ephemeral *e);

/*
 * A port is in use; was so before there was a map; its use is TIME_WAIT now; is over; or nobody
 * will tell when it is.
 */
void xtcp_destmap_busy(struct xtcp_destmap *map, u16 port);
void xtcp_destmap_learn(struct xtcp_destmap *map, u16 port);
void xtcp_destmap_wait(struct xtcp_destmap *map, u16 port);
void xtcp_destmap_clear(struct xtcp_destmap *map, u16 port);
void xtcp_destmap_refuse(struct xtcp_destmap *map, u16 port);
/* Time passes. */
void xtcp_destmap_age(struct xtcp_destmap *map, u32 reuse_delay_ms);

/* A port that nothing is known against, or whose TIME_WAIT is ripe; 0: none of the range. */
bool xtcp_destmap_is_free(const struct xtcp_destmap *map, u16 port);
u16 xtcp_destmap_next_free(struct xtcp_destmap *map, const struct xtcp_ephemeral *e, u32 first,
			   u32 last);
u16 xtcp_destmap_next_reusable(struct xtcp_destmap *map, const struct xtcp_ephemeral *e,
			       u32 first, u32 last);

#endif /* _XTCP_DESTMAP_H */

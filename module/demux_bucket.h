/* SPDX-License-Identifier: GPL-2.0-only */
/* The connection table itself (demux.h): for demux.c, and chains.c that looks at it. */
#ifndef _XTCP_DEMUX_BUCKET_H
#define _XTCP_DEMUX_BUCKET_H

#include <linux/list_nulls.h>
#include <linux/seqlock.h>
#include <linux/spinlock.h>

/**
 * struct xtcp_demux_bucket - who has a 4-tuple of one hash
 * @lock: all chains
 * @seq: moves when an entry comes or goes
 * @socks: connections
 * @minis: half-open requests
 * @tws: TIME_WAIT buckets: index of the first, or the end of this chain (cells.h)
 */
struct xtcp_demux_bucket {
	spinlock_t lock;
	seqcount_spinlock_t seq;
	struct hlist_nulls_head socks;
	struct hlist_nulls_head minis;
	u32 tws;
};

extern struct xtcp_demux_bucket *xtcp_demux_table;
extern unsigned int xtcp_demux_mask;	/* buckets, less one */

#endif /* _XTCP_DEMUX_BUCKET_H */

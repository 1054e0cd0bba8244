/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * twq.c: when TIME_WAIT buckets end. A queue per class of lifetimes (xtcp/lifetime.h),
 * first in, first out, so that coming, going and expiring cost the same however many
 * there are. Sharded by 4-tuple; a shard has one lock (a leaf) and one timer.
 */
#ifndef _XTCP_TWQ_H
#define _XTCP_TWQ_H

#include <linux/bitmap.h>
#include <linux/hash.h>
#include <linux/jiffies.h>
#include <linux/math.h>
#include <linux/spinlock.h>
#include <linux/timer.h>
#include <xtcp/cells.h>
#include <xtcp/lifetime.h>

#include "twmem.h"

#define XTCP_TWQ_SHARD_LOG	3
#define XTCP_TWQ_SHARDS		BIT(XTCP_TWQ_SHARD_LOG)

struct xtcp_twq;

/**
 * struct xtcp_twq_shard - one lock, one timer, a queue per class
 * @lock: a leaf
 * @count: buckets; READ_ONCE without the lock
 * @dead: nothing is added or armed any more
 * @q: whose shard
 * @timer: fires for the earliest head, or earlier
 * @busy: classes that are not empty
 * @class: oldest first
 */
struct xtcp_twq_shard {
	spinlock_t lock;	/* guards all of it */
	unsigned int count;
	bool dead;
	struct xtcp_twq *q;
	struct timer_list timer;
	DECLARE_BITMAP(busy, XTCP_LIFETIME_CLASSES);
	struct xtcp_fifo class[XTCP_LIFETIME_CLASSES];
} ____cacheline_aligned_in_smp;

/**
 * struct xtcp_twq - expiry queues of one namespace's buckets
 * @shard: locks, queues and timers
 * @expire: called for each expired bucket, already taken out, with no lock held, in
 *	softirq; takes over the queue's reference
 */
struct xtcp_twq {
	struct xtcp_twq_shard *shard;
	void (*expire)(struct xtcp_twq *q, struct xtcp_tw *tw);
};

/* Which shard a 4-tuple belongs to, of XTCP_TWQ_SHARDS. */
static inline u32 xtcp_twq_spread(__be32 laddr, __be32 raddr, u16 lport, __be16 rport)
{
	u32 ports = (u32)lport << 16 | (__force u16)rport;

	return hash_32((__force u32)laddr ^ (__force u32)raddr ^ ports, XTCP_TWQ_SHARD_LOG);
}

static inline u8 xtcp_twq_class(unsigned long lifetime)
{
	return xtcp_lifetime_class(DIV_ROUND_UP(lifetime * XTCP_LIFETIME_UNITS_PER_SEC, HZ));
}

static inline unsigned long xtcp_twq_lifetime(u8 class)
{
	return DIV_ROUND_UP(xtcp_lifetime_units(class) * HZ, XTCP_LIFETIME_UNITS_PER_SEC);
}

int xtcp_twq_init(struct xtcp_twq *q, void (*expire)(struct xtcp_twq *q, struct xtcp_tw *tw));
void xtcp_twq_destroy(struct xtcp_twq *q, void (*drop)(struct xtcp_twq *q, struct xtcp_tw *tw));
void xtcp_twq_add(struct xtcp_twq *q, struct xtcp_tw *tw, u8 class);
bool xtcp_twq_rearm(struct xtcp_twq *q, struct xtcp_tw *tw, u8 class);
bool xtcp_twq_del(struct xtcp_twq *q, struct xtcp_tw *tw);
struct xtcp_tw *xtcp_twq_take_oldest(struct xtcp_twq *q, u32 first);
unsigned int xtcp_twq_count(const struct xtcp_twq *q);

#endif /* _XTCP_TWQ_H */

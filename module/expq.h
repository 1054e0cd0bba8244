/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Expiry queues: things that all live equally long, oldest first.
 *
 * A half-open request waits 1, 2, 4 ... seconds: few lifetimes, so a list per
 * lifetime class, appended at the tail and expired from the head, costs O(1)
 * where a timer each would cost a timer each (TIME_WAIT buckets have twq.h).
 * Sharded by hash; a shard has one lock (a leaf, taken inside a demux bucket's or
 * alone, bottom halves off) and one timer.
 *
 * Lifetimes within a class should be equal or rising; a shorter one finds its
 * place by walking back from the tail.
 */
#ifndef _XTCP_EXPQ_H
#define _XTCP_EXPQ_H

#include <linux/list.h>
#include <linux/spinlock.h>
#include <linux/timer.h>

#define XTCP_EXPQ_CLASSES	8
#define XTCP_EXPQ_SHARDS	8

struct xtcp_expq;

/**
 * struct xtcp_expent - membership, embedded in the thing that expires
 * @link: in its class; empty: in no queue. Under the shard's lock
 * @expires: jiffies, low 32 bits. Under the shard's lock, read without it for /proc
 * @shard: constant from xtcp_expent_init() on
 * @class: lifetime class; XTCP_EXPQ_NONE while it is in no queue
 */
struct xtcp_expent {
	struct list_head link;
	u32 expires;
	u8 shard;
	u8 class;
};

#define XTCP_EXPQ_NONE		0xff

/**
 * struct xtcp_expq_shard - one lock, one timer, a list per class
 * @lock: a leaf
 * @class: entries by lifetime, soonest first
 * @timer: fires for the earliest head, or earlier
 * @dead: nothing is added or armed any more
 * @q: whose shard
 */
struct xtcp_expq_shard {
	spinlock_t lock;	/* guards all of it */
	struct list_head class[XTCP_EXPQ_CLASSES];
	struct timer_list timer;
	bool dead;
	struct xtcp_expq *q;
} ____cacheline_aligned_in_smp;

/**
 * struct xtcp_expq - sharded expiry queues of one namespace
 * @shard: locks, lists and timers
 * @expire: called for each expired entry, already unlinked, with no lock held,
 *	in softirq; takes over the queue's reference
 */
struct xtcp_expq {
	struct xtcp_expq_shard *shard;
	void (*expire)(struct xtcp_expent *e);
};

/* Before anybody else knows it; @hash chooses the shard. */
static inline void xtcp_expent_init(struct xtcp_expent *e, u32 hash)
{
	INIT_LIST_HEAD(&e->link);
	e->shard = hash % XTCP_EXPQ_SHARDS;
	e->class = XTCP_EXPQ_NONE;
}

int xtcp_expq_init(struct xtcp_expq *q, void (*expire)(struct xtcp_expent *e));
void xtcp_expq_destroy(struct xtcp_expq *q, void (*drop)(struct xtcp_expent *e));
void xtcp_expq_add(struct xtcp_expq *q, struct xtcp_expent *e, u8 class,
		   unsigned long lifetime);
bool xtcp_expq_rearm(struct xtcp_expq *q, struct xtcp_expent *e, u8 class,
		     unsigned long lifetime);
bool xtcp_expq_del(struct xtcp_expq *q, struct xtcp_expent *e);
void xtcp_expq_drop_matching(struct xtcp_expq *q, bool (*match)(struct xtcp_expent *e, void *arg),
			     void *arg, void (*drop)(struct xtcp_expent *e));

#endif /* _XTCP_EXPQ_H */

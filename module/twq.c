// SPDX-License-Identifier: GPL-2.0-only
/*
 * twq.c owns the expiry queues of TIME_WAIT buckets (twq.h). Each shard is guarded by
 * its lock, a leaf; callbacks run without it.
 *
 * Whoever takes a bucket out of its queue, the timer or one of the functions below, gets
 * the queue's reference, and nobody else does.
 */
#include <linux/slab.h>

#include "compat.h"
#include "twq.h"

/* Buckets taken out under one hold of the lock, and such rounds in one run of the timer. */
#define TWQ_BATCH	64
#define TWQ_ROUNDS	16

static struct xtcp_cell_links *twq_links(u32 idx)
{
	return &xtcp_twmem_at(idx)->queue;
}

static struct xtcp_twq_shard *twq_shard(const struct xtcp_twq *q, const struct xtcp_tw *tw)
{
	return &q->shard[xtcp_twq_spread(tw->laddr, tw->raddr, tw->lport, tw->rport)];
}

static bool twq_before(u32 a, u32 b)
{
	return (s32)(a - b) < 0;
}

/* The 32 bits of a bucket as the jiffies a timer takes. */
static unsigned long twq_when(u32 expires)
{
	unsigned long now = jiffies;

	return now + (s32)(expires - (u32)now);
}

static void twq_wake_at(struct xtcp_twq_shard *s, u32 expires)
{
	unsigned long when = twq_when(expires);

	if (!timer_pending(&s->timer) || time_before(when, s->timer.expires))
		mod_timer(&s->timer, when);
}

static void twq_link(struct xtcp_twq_shard *s, struct xtcp_tw *tw, u8 class)
{
	lockdep_assert_held(&s->lock);
	DEBUG_NET_WARN_ON_ONCE(s->dead);
	WRITE_ONCE(tw->expires, (u32)(jiffies + xtcp_twq_lifetime(class)));
	tw->class = class;
	xtcp_fifo_add(&s->class[class], xtcp_twmem_index(tw), twq_links);
	WRITE_ONCE(s->count, s->count + 1);
	if (!__test_and_set_bit(class, s->busy) && !s->dead)
		twq_wake_at(s, tw->expires);
}

static void twq_unlink(struct xtcp_twq_shard *s, struct xtcp_tw *tw)
{
	struct xtcp_fifo *f = &s->class[tw->class];

	lockdep_assert_held(&s->lock);
	xtcp_fifo_del(f, xtcp_twmem_index(tw), twq_links);
	if (xtcp_fifo_empty(f))
		__clear_bit(tw->class, s->busy);
	tw->class = XTCP_TW_UNQUEUED;
	WRITE_ONCE(s->count, s->count - 1);
}

/* The one with the least time left, or NULL. */
static struct xtcp_tw *twq_oldest(const struct xtcp_twq_shard *s)
{
	struct xtcp_tw *tw, *oldest = NULL;
	unsigned int c;

	lockdep_assert_held(&s->lock);
	for_each_set_bit(c, s->busy, XTCP_LIFETIME_CLASSES) {
		tw = xtcp_twmem_at(s->class[c].head);
		if (!oldest || twq_before(tw->expires, oldest->expires))
			oldest = tw;
	}
	return oldest;
}

/* Moves up to TWQ_BATCH expired buckets to @batch, which is ours alone; returns how many. */
static unsigned int twq_take_expired(struct xtcp_twq_shard *s, struct xtcp_fifo *batch)
{
	u32 now = (u32)jiffies;
	unsigned int n = 0, c;

	spin_lock(&s->lock);
	for_each_set_bit(c, s->busy, XTCP_LIFETIME_CLASSES) {
		while (!xtcp_fifo_empty(&s->class[c]) && n < TWQ_BATCH) {
			struct xtcp_tw *tw = xtcp_twmem_at(s->class[c].head);

			if (twq_before(now, tw->expires))
				break;
			twq_unlink(s, tw);
			xtcp_fifo_add(batch, xtcp_twmem_index(tw), twq_links);
			n++;
		}
	}
	spin_unlock(&s->lock);
	return n;
}

static void twq_drain(struct xtcp_twq *q, struct xtcp_fifo *batch,
		      void (*fn)(struct xtcp_twq *q, struct xtcp_tw *tw))
{
	while (!xtcp_fifo_empty(batch)) {
		struct xtcp_tw *tw = xtcp_twmem_at(batch->head);

		xtcp_fifo_del(batch, batch->head, twq_links);
		fn(q, tw);
	}
}

static void twq_fire(struct timer_list *t)
{
	struct xtcp_twq_shard *s = from_timer(s, t, timer);
	unsigned int round, n = TWQ_BATCH;
	const struct xtcp_tw *tw;
	struct xtcp_fifo batch;

	xtcp_fifo_init(&batch);
	for (round = 0; round < TWQ_ROUNDS && n == TWQ_BATCH; round++) {
		n = twq_take_expired(s, &batch);
		twq_drain(s->q, &batch, s->q->expire);
	}
	spin_lock(&s->lock);
	tw = twq_oldest(s);
	if (tw && !s->dead)
		twq_wake_at(s, tw->expires);
	spin_unlock(&s->lock);
}

/**
 * xtcp_twq_init - queues of a new namespace
 * @q: the queues
 * @expire: what happens at the end of a lifetime (struct xtcp_twq)
 *
 * Return: 0 or -ENOMEM
 */
int xtcp_twq_init(struct xtcp_twq *q, void (*expire)(struct xtcp_twq *q, struct xtcp_tw *tw))
{
	unsigned int i, c;

	q->expire = expire;
	q->shard = kcalloc(XTCP_TWQ_SHARDS, sizeof(*q->shard), GFP_KERNEL_ACCOUNT);
	if (!q->shard)
		return -ENOMEM;
	for (i = 0; i < XTCP_TWQ_SHARDS; i++) {
		struct xtcp_twq_shard *s = &q->shard[i];

		spin_lock_init(&s->lock);
		for (c = 0; c < XTCP_LIFETIME_CLASSES; c++)
			xtcp_fifo_init(&s->class[c]);
		timer_setup(&s->timer, twq_fire, 0);
		s->q = q;
	}
	return 0;
}

/**
 * xtcp_twq_destroy - no timer runs and no bucket is left
 * @q: the queues; nothing may be added any more
 * @drop: takes over each bucket's reference; no lock held
 *
 * Context: process.
 */
void xtcp_twq_destroy(struct xtcp_twq *q, void (*drop)(struct xtcp_twq *q, struct xtcp_tw *tw))
{
	struct xtcp_tw *tw;
	unsigned int i;

	for (i = 0; i < XTCP_TWQ_SHARDS; i++) {
		spin_lock_bh(&q->shard[i].lock);
		q->shard[i].dead = true;
		spin_unlock_bh(&q->shard[i].lock);
		timer_shutdown_sync(&q->shard[i].timer);
	}
	while ((tw = xtcp_twq_take_oldest(q, 0))) {
		drop(q, tw);
		cond_resched();
	}
	kfree(q->shard);
	q->shard = NULL;
}

/**
 * xtcp_twq_add - begin a lifetime
 * @q: the queues
 * @tw: in no queue; the caller hands a reference over
 * @class: of its lifetime
 */
void xtcp_twq_add(struct xtcp_twq *q, struct xtcp_tw *tw, u8 class)
{
	struct xtcp_twq_shard *s = twq_shard(q, tw);

	spin_lock_bh(&s->lock);
	twq_link(s, tw, class);
	spin_unlock_bh(&s->lock);
}

/**
 * xtcp_twq_rearm - begin the lifetime anew
 * @q: the queues
 * @tw: a bucket, referenced
 * @class: its new class, or XTCP_TW_UNQUEUED: the old one
 *
 * Return: false when it was in no queue; it still isn't
 */
bool xtcp_twq_rearm(struct xtcp_twq *q, struct xtcp_tw *tw, u8 class)
{
	struct xtcp_twq_shard *s = twq_shard(q, tw);
	bool queued;

	spin_lock_bh(&s->lock);
	queued = tw->class != XTCP_TW_UNQUEUED;
	if (queued) {
		if (class == XTCP_TW_UNQUEUED)
			class = tw->class;
		twq_unlink(s, tw);
		twq_link(s, tw, class);
	}
	spin_unlock_bh(&s->lock);
	return queued;
}

/**
 * xtcp_twq_del - end a lifetime early
 * @q: the queues
 * @tw: a bucket, referenced
 *
 * Return: true when @tw was queued and now is not: the caller owns the queue's reference
 */
bool xtcp_twq_del(struct xtcp_twq *q, struct xtcp_tw *tw)
{
	struct xtcp_twq_shard *s = twq_shard(q, tw);
	bool queued;

	spin_lock_bh(&s->lock);
	queued = tw->class != XTCP_TW_UNQUEUED;
	if (queued)
		twq_unlink(s, tw);
	spin_unlock_bh(&s->lock);
	return queued;
}

/**
 * xtcp_twq_take_oldest - the bucket with the least time left in its shard
 * @q: the queues
 * @first: the shard to look in first (xtcp_twq_spread())
 *
 * Return: the bucket, taken out, with the queue's reference, or NULL if there is none
 */
struct xtcp_tw *xtcp_twq_take_oldest(struct xtcp_twq *q, u32 first)
{
	struct xtcp_tw *tw = NULL;
	unsigned int i;

	for (i = 0; i < XTCP_TWQ_SHARDS && !tw; i++) {
		struct xtcp_twq_shard *s = &q->shard[(first + i) % XTCP_TWQ_SHARDS];

		if (!READ_ONCE(s->count))
			continue;
		spin_lock_bh(&s->lock);
		tw = twq_oldest(s);
		if (tw)
			twq_unlink(s, tw);
		spin_unlock_bh(&s->lock);
	}
	return tw;
}

/**
 * xtcp_twq_count - buckets in all shards, about
 * @q: the queues
 */
unsigned int xtcp_twq_count(const struct xtcp_twq *q)
{
	unsigned int i, n = 0;

	for (i = 0; i < XTCP_TWQ_SHARDS; i++)
		n += READ_ONCE(q->shard[i].count);
	return n;
}

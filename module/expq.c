// SPDX-License-Identifier: GPL-2.0-only
/*
 * expq.c owns the expiry queues (expq.h). Each shard is guarded by its lock, a
 * leaf; callbacks run without it.
 *
 * Whoever takes an entry out of its queue, the timer or xtcp_expq_del(), gets the
 * queue's reference, and nobody else does.
 */
#include <linux/jiffies.h>
#include <linux/slab.h>

#include "compat.h"
#include "expq.h"

/* Entries taken out under one hold of the lock, and such rounds in one run of the timer. */
#define EXPQ_BATCH	64
#define EXPQ_ROUNDS	16

static bool expq_before(u32 a, u32 b)
{
	return (s32)(a - b) < 0;
}

/* The 32 bits of an entry as the jiffies a timer takes. */
static unsigned long expq_when(const struct xtcp_expent *e)
{
	unsigned long now = jiffies;

	return now + (s32)(e->expires - (u32)now);
}

static void __expq_unlink(struct xtcp_expq_shard *s, struct xtcp_expent *e)
{
	lockdep_assert_held(&s->lock);
	list_del_init(&e->link);
	e->class = XTCP_EXPQ_NONE;
}

static void __expq_wake_at(struct xtcp_expq_shard *s, unsigned long when)
{
	if (!timer_pending(&s->timer) || time_before(when, s->timer.expires))
		mod_timer(&s->timer, when);
}

/* Soonest first: behind the last that expires no later. */
static void __expq_link(struct xtcp_expq_shard *s, struct xtcp_expent *e, u8 class,
			unsigned long lifetime)
{
	struct list_head *pos = s->class[class].prev;

	lockdep_assert_held(&s->lock);
	DEBUG_NET_WARN_ON_ONCE(s->dead);
	WRITE_ONCE(e->expires, (u32)(jiffies + lifetime));
	while (pos != &s->class[class] &&
	       expq_before(e->expires, list_entry(pos, struct xtcp_expent, link)->expires))
		pos = pos->prev;
	list_add(&e->link, pos);
	e->class = class;
	if (pos == &s->class[class] && !s->dead)
		__expq_wake_at(s, expq_when(e));
}

/* Takes up to EXPQ_BATCH expired entries out; returns how many. */
static unsigned int expq_take_expired(struct xtcp_expq_shard *s, struct list_head *batch)
{
	u32 now = (u32)jiffies;
	unsigned int n = 0, c;

	spin_lock(&s->lock);
	for (c = 0; c < XTCP_EXPQ_CLASSES; c++) {
		struct xtcp_expent *e, *next;

		list_for_each_entry_safe(e, next, &s->class[c], link) {
			if (expq_before(now, e->expires) || n == EXPQ_BATCH)
				break;
			__expq_unlink(s, e);
			list_add_tail(&e->link, batch);
			n++;
		}
	}
	spin_unlock(&s->lock);
	return n;
}

static void expq_sleep_again(struct xtcp_expq_shard *s)
{
	unsigned int c;

	spin_lock(&s->lock);
	for (c = 0; c < XTCP_EXPQ_CLASSES && !s->dead; c++) {
		struct xtcp_expent *e = list_first_entry_or_null(&s->class[c], struct xtcp_expent,
								 link);

		if (e)
			__expq_wake_at(s, expq_when(e));
	}
	spin_unlock(&s->lock);
}

static void expq_drain(struct list_head *batch, void (*fn)(struct xtcp_expent *e))
{
	while (!list_empty(batch)) {
		struct xtcp_expent *e = list_first_entry(batch, struct xtcp_expent, link);

		list_del_init(&e->link);
		fn(e);
	}
}

static void expq_fire(struct timer_list *t)
{
	struct xtcp_expq_shard *s = from_timer(s, t, timer);
	unsigned int round, n = EXPQ_BATCH;
	LIST_HEAD(batch);

	for (round = 0; round < EXPQ_ROUNDS && n == EXPQ_BATCH; round++) {
		n = expq_take_expired(s, &batch);
		expq_drain(&batch, s->q->expire);
	}
	expq_sleep_again(s);
}

/**
 * xtcp_expq_init - queues of a new namespace
 * @q: the queues
 * @expire: what happens at the end of a lifetime (struct xtcp_expq)
 *
 * Return: 0 or -ENOMEM
 */
int xtcp_expq_init(struct xtcp_expq *q, void (*expire)(struct xtcp_expent *e))
{
	unsigned int i, c;

	q->expire = expire;
	q->shard = kcalloc(XTCP_EXPQ_SHARDS, sizeof(*q->shard), GFP_KERNEL);
	if (!q->shard)
		return -ENOMEM;
	for (i = 0; i < XTCP_EXPQ_SHARDS; i++) {
		struct xtcp_expq_shard *s = &q->shard[i];

		spin_lock_init(&s->lock);
		for (c = 0; c < XTCP_EXPQ_CLASSES; c++)
			INIT_LIST_HEAD(&s->class[c]);
		timer_setup(&s->timer, expq_fire, 0);
		s->q = q;
	}
	return 0;
}

static bool expq_match_any(struct xtcp_expent *e, void *arg)
{
	return true;
}

/**
 * xtcp_expq_destroy - no timer runs and no entry is left
 * @q: the queues; nothing may be added any more
 * @drop: takes over each entry's reference; no lock held
 *
 * Context: process.
 */
void xtcp_expq_destroy(struct xtcp_expq *q, void (*drop)(struct xtcp_expent *e))
{
	unsigned int i;

	for (i = 0; i < XTCP_EXPQ_SHARDS; i++) {
		spin_lock_bh(&q->shard[i].lock);
		q->shard[i].dead = true;
		spin_unlock_bh(&q->shard[i].lock);
		timer_shutdown_sync(&q->shard[i].timer);
	}
	xtcp_expq_drop_matching(q, expq_match_any, NULL, drop);
	kfree(q->shard);
	q->shard = NULL;
}

/**
 * xtcp_expq_add - begin a lifetime
 * @q: the queues
 * @e: in no queue; the caller hands a reference over
 * @class: below XTCP_EXPQ_CLASSES
 * @lifetime: jiffies
 */
void xtcp_expq_add(struct xtcp_expq *q, struct xtcp_expent *e, u8 class,
		   unsigned long lifetime)
{
	struct xtcp_expq_shard *s = &q->shard[e->shard];

	spin_lock_bh(&s->lock);
	__expq_link(s, e, class, lifetime);
	spin_unlock_bh(&s->lock);
}

/**
 * xtcp_expq_rearm - begin the lifetime anew
 * @q: the queues
 * @e: an entry, referenced
 * @class: its new class
 * @lifetime: jiffies
 *
 * Return: false when it was in no queue; it still isn't
 */
bool xtcp_expq_rearm(struct xtcp_expq *q, struct xtcp_expent *e, u8 class,
		     unsigned long lifetime)
{
	struct xtcp_expq_shard *s = &q->shard[e->shard];
	bool queued;

	spin_lock_bh(&s->lock);
	queued = e->class != XTCP_EXPQ_NONE;
	if (queued) {
		__expq_unlink(s, e);
		__expq_link(s, e, class, lifetime);
	}
	spin_unlock_bh(&s->lock);
	return queued;
}

/**
 * xtcp_expq_del - end a lifetime early
 * @q: the queues
 * @e: an entry, referenced
 *
 * Return: true when @e was queued and now is not: the caller owns the queue's reference
 */
bool xtcp_expq_del(struct xtcp_expq *q, struct xtcp_expent *e)
{
	struct xtcp_expq_shard *s = &q->shard[e->shard];
	bool queued;

	spin_lock_bh(&s->lock);
	queued = e->class != XTCP_EXPQ_NONE;
	if (queued)
		__expq_unlink(s, e);
	spin_unlock_bh(&s->lock);
	return queued;
}

/**
 * xtcp_expq_drop_matching - end the lives of some
 * @q: the queues
 * @match: called with the shard's lock held
 * @arg: for @match
 * @drop: takes over the reference of each that matched; no lock held
 */
void xtcp_expq_drop_matching(struct xtcp_expq *q, bool (*match)(struct xtcp_expent *e, void *arg),
			     void *arg, void (*drop)(struct xtcp_expent *e))
{
	struct xtcp_expent *e, *next;
	unsigned int i, c;
	LIST_HEAD(batch);

	for (i = 0; i < XTCP_EXPQ_SHARDS; i++) {
		struct xtcp_expq_shard *s = &q->shard[i];

		spin_lock_bh(&s->lock);
		for (c = 0; c < XTCP_EXPQ_CLASSES; c++) {
			list_for_each_entry_safe(e, next, &s->class[c], link) {
				if (!match(e, arg))
					continue;
				__expq_unlink(s, e);
				list_add_tail(&e->link, &batch);
			}
		}
		spin_unlock_bh(&s->lock);
		expq_drain(&batch, drop);
	}
}

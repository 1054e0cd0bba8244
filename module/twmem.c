// SPDX-License-Identifier: GPL-2.0-only
/*
 * twmem.c owns the memory of TIME_WAIT buckets (twmem.h).
 *
 * Pages belong to shards, by the CPU that asked for them. A shard's lock, a leaf,
 * guards the list of its pages with free cells and, in page->private, the map of
 * these. Readers come by index through a directory of two levels, in RCU.
 */
#include <linux/idr.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

#include "compat.h"
#include "twmem.h"

/* Cells of a page, a bit of page->private each. */
#define TWMEM_CELLS	BITS_PER_LONG
#define TWMEM_CELL_LOG	ilog2(TWMEM_CELLS)

/* The directory: pages of a leaf, leaves. */
#define TWMEM_LEAF	(PAGE_SIZE / sizeof(struct xtcp_tw *))
#define TWMEM_LEAVES	4096UL
#define TWMEM_PAGES	min_t(unsigned long, TWMEM_LEAF * TWMEM_LEAVES,		\
			      XTCP_CELL_MAX / TWMEM_CELLS)

#define TWMEM_SHARD_LOG	4
#define TWMEM_SHARDS	BIT(TWMEM_SHARD_LOG)

/* Unused pages a shard keeps, against giving one back and taking it again. */
#define TWMEM_SPARE	4U

/**
 * struct twmem_shard - pages of some CPUs
 * @lock: a leaf; guards all of it
 * @partial: pages with a free cell, by page->lru, those without a used one last
 * @spare: pages without a used cell
 */
struct twmem_shard {
	spinlock_t lock;	/* guards all of it */
	struct list_head partial;
	unsigned int spare;
} ____cacheline_aligned_in_smp;

static struct twmem_shard twmem_shards[TWMEM_SHARDS];
static struct xtcp_tw __rcu **twmem_dir[TWMEM_LEAVES];
static DEFINE_IDA(twmem_ida);

static_assert(TWMEM_CELLS * sizeof(struct xtcp_tw) <= PAGE_SIZE);

/* The page's place in the directory. */
static unsigned long twmem_number(const struct page *page)
{
	return page->index >> TWMEM_SHARD_LOG;
}

static struct twmem_shard *twmem_shard(const struct page *page)
{
	return &twmem_shards[page->index & (TWMEM_SHARDS - 1)];
}

static struct xtcp_tw __rcu **twmem_slot(unsigned long number)
{
	return &READ_ONCE(twmem_dir[number / TWMEM_LEAF])[number % TWMEM_LEAF];
}

/**
 * xtcp_twmem_at - the cell of an index
 * @idx: read from a chain or a queue
 *
 * Context: RCU, or somebody holds that cell.
 * Return: the cell, or NULL when its page has gone: whoever named it did so long ago
 */
struct xtcp_tw *xtcp_twmem_at(u32 idx)
{
	struct xtcp_tw *page = rcu_dereference_raw(*twmem_slot(idx >> TWMEM_CELL_LOG));

	return likely(page) ? page + idx % TWMEM_CELLS : NULL;
}

/**
 * xtcp_twmem_index - the index of a cell
 * @tw: the cell
 */
u32 xtcp_twmem_index(const struct xtcp_tw *tw)
{
	return (u32)(twmem_number(virt_to_page(tw)) << TWMEM_CELL_LOG) +
	       offset_in_page(tw) / sizeof(*tw);
}

static void twmem_free_rcu(struct rcu_head *head)
{
	__free_page(container_of(head, struct page, rcu_head));
}

/* Shard lock held; the page has no used cell. */
static void twmem_give_back(struct page *page)
{
	lockdep_assert_held(&twmem_shard(page)->lock);
	list_del(&page->lru);
	RCU_INIT_POINTER(*twmem_slot(twmem_number(page)), NULL);
	ida_free(&twmem_ida, twmem_number(page));
	set_page_private(page, 0);
	call_rcu(&page->rcu_head, twmem_free_rcu);
}

/* A leaf lives as long as the module. Two that need the same one at once: the first wins. */
static bool twmem_has_leaf(unsigned long number)
{
	struct xtcp_tw __rcu ***leaf = &twmem_dir[number / TWMEM_LEAF];
	struct xtcp_tw __rcu **new;

	if (READ_ONCE(*leaf))
		return true;
	new = (struct xtcp_tw __rcu **)get_zeroed_page(GFP_ATOMIC | __GFP_NOWARN);
	if (new && cmpxchg(leaf, NULL, new))
		free_page((unsigned long)new);
	return new;
}

static int twmem_take_number(void)
{
	int number = ida_alloc_max(&twmem_ida, TWMEM_PAGES - 1, GFP_ATOMIC | __GFP_NOWARN);

	if (number >= 0 && !twmem_has_leaf(number)) {
		ida_free(&twmem_ida, number);
		return -ENOMEM;
	}
	return number;
}

/* A page of cells, none of them used; in the directory, in no shard's list. */
static struct page *twmem_new_page(unsigned long shard)
{
	struct page *page = alloc_page(GFP_ATOMIC | __GFP_NOWARN | __GFP_ZERO);
	struct xtcp_tw *cell;
	int number, i;

	if (!page)
		return NULL;
	number = twmem_take_number();
	if (number < 0) {
		__free_page(page);
		return NULL;
	}
	cell = page_address(page);
	for (i = 0; i < TWMEM_CELLS; i++)
		cell[i].chain = XTCP_CELL_NONE;
	page->index = (unsigned long)number << TWMEM_SHARD_LOG | shard;
	set_page_private(page, ~0UL);
	rcu_assign_pointer(*twmem_slot(number), cell);
	return page;
}

/* Shard lock held. */
static struct page *twmem_grow(struct twmem_shard *s)
{
	struct page *page = twmem_new_page(s - twmem_shards);

	if (page) {
		list_add(&page->lru, &s->partial);
		s->spare++;
	}
	return page;
}

/* Shard lock held; a cell of @page. */
static struct xtcp_tw *twmem_take(struct twmem_shard *s, struct page *page)
{
	unsigned long map = page_private(page);
	unsigned long cell = __ffs(map);

	if (map == ~0UL)
		s->spare--;
	set_page_private(page, map & ~BIT(cell));
	if (!page_private(page))
		list_del_init(&page->lru);
	return (struct xtcp_tw *)page_address(page) + cell;
}

/**
 * xtcp_twmem_alloc - memory for a bucket
 *
 * As whoever had it before left it, but with no reference and no flag: of @chain,
 * nothing must be written until the bucket enters the table.
 *
 * Context: any but hard interrupt.
 * Return: the bucket or NULL
 */
struct xtcp_tw *xtcp_twmem_alloc(void)
{
	struct twmem_shard *s = &twmem_shards[raw_smp_processor_id() % TWMEM_SHARDS];
	struct xtcp_tw *tw = NULL;
	struct page *page;

	spin_lock_bh(&s->lock);
	page = list_first_entry_or_null(&s->partial, struct page, lru) ?: twmem_grow(s);
	if (page)
		tw = twmem_take(s, page);
	spin_unlock_bh(&s->lock);
	return tw;
}

static void twmem_free(struct xtcp_tw *tw)
{
	struct page *page = virt_to_page(tw);
	struct twmem_shard *s = twmem_shard(page);
	unsigned long map;

	spin_lock_bh(&s->lock);
	map = page_private(page) | BIT(offset_in_page(tw) / sizeof(*tw));
	if (!page_private(page))
		list_add(&page->lru, &s->partial);
	set_page_private(page, map);
	if (map == ~0UL && s->spare >= TWMEM_SPARE) {
		twmem_give_back(page);
	} else if (map == ~0UL) {
		s->spare++;
		list_move_tail(&page->lru, &s->partial);
	}
	spin_unlock_bh(&s->lock);
}

/**
 * xtcp_tw_hold_not_zero - take a reference, if the bucket lives
 * @tw: its memory is type-stable: compare its key afterwards
 */
bool xtcp_tw_hold_not_zero(struct xtcp_tw *tw)
{
	int old = atomic_read(&tw->life);

	do {
		if (!(old & XTCP_TW_REFS) || (old & XTCP_TW_REFS) == XTCP_TW_REFS)
			return false;
	} while (!atomic_try_cmpxchg(&tw->life, &old, old + 1));
	return true;
}

/**
 * xtcp_tw_put - give up a reference; the last one frees
 * @tw: the bucket
 */
void xtcp_tw_put(struct xtcp_tw *tw)
{
	int old = atomic_fetch_dec(&tw->life);

	DEBUG_NET_WARN_ON_ONCE(!(old & XTCP_TW_REFS));
	if ((old & XTCP_TW_REFS) == 1)
		twmem_free(tw);
}

/**
 * xtcp_twmem_init - no page yet
 *
 * Return: 0
 */
int xtcp_twmem_init(void)
{
	unsigned long i;

	for (i = 0; i < TWMEM_SHARDS; i++) {
		spin_lock_init(&twmem_shards[i].lock);
		INIT_LIST_HEAD(&twmem_shards[i].partial);
	}
	return 0;
}

/**
 * xtcp_twmem_exit - give all pages back
 *
 * No bucket lives, nobody reads; the caller does rcu_barrier() before.
 */
void xtcp_twmem_exit(void)
{
	struct page *page, *next;
	unsigned long i;

	for (i = 0; i < TWMEM_SHARDS; i++) {
		list_for_each_entry_safe(page, next, &twmem_shards[i].partial, lru) {
			DEBUG_NET_WARN_ON_ONCE(page_private(page) != ~0UL);
			ida_free(&twmem_ida, twmem_number(page));
			set_page_private(page, 0);
			__free_page(page);
		}
	}
	for (i = 0; i < TWMEM_LEAVES; i++)
		free_page((unsigned long)twmem_dir[i]);
	WARN_ON_ONCE(!ida_is_empty(&twmem_ida));	/* a bucket that nobody put */
	ida_destroy(&twmem_ida);
}

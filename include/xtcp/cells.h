/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Cells that are named by 32-bit indices instead of pointers: how an index is made of
 * page and cell, how a chain of them ends, and queues of them, doubly linked, first in,
 * first out. The caller's lock.
 */
#ifndef _XTCP_CELLS_H
#define _XTCP_CELLS_H

#include <xtcp/types.h>

/*
 * An index with this bit is none, but the end of a chain. The rest of it says of which:
 * who walks without a lock and comes to another's end has been led astray by a cell
 * that moved. Bit 30 is free, for cells of another size.
 */
#define XTCP_CELL_END		0x80000000U
#define XTCP_CELL_NONE		U32_MAX
#define XTCP_CELL_MAX		0x40000000U

static inline bool xtcp_cell_is_end(u32 idx)
{
	return idx & XTCP_CELL_END;
}

static inline u32 xtcp_cell_end(u32 chain)
{
	return chain | XTCP_CELL_END;
}

/**
 * struct xtcp_cell_links - a cell's place in a queue
 * @next: the one behind it, or XTCP_CELL_NONE
 * @prev: the one before it, or XTCP_CELL_NONE
 */
struct xtcp_cell_links {
	u32 next;
	u32 prev;
};

/**
 * struct xtcp_fifo - a queue of cells
 * @head: the oldest, or XTCP_CELL_NONE
 * @tail: the youngest, or XTCP_CELL_NONE
 */
struct xtcp_fifo {
	u32 head;
	u32 tail;
};

/* Where a cell's links are; constant at each call, so that the compiler inlines it. */
typedef struct xtcp_cell_links *(*xtcp_cell_links_fn)(u32 idx);

static inline void xtcp_fifo_init(struct xtcp_fifo *q)
{
	q->head = XTCP_CELL_NONE;
	q->tail = XTCP_CELL_NONE;
}

static inline bool xtcp_fifo_empty(const struct xtcp_fifo *q)
{
	return q->head == XTCP_CELL_NONE;
}

/* Appends @idx, which is in no queue. */
static __always_inline void
xtcp_fifo_add(struct xtcp_fifo *q, u32 idx, xtcp_cell_links_fn links)
{
	struct xtcp_cell_links *l = links(idx);

	l->next = XTCP_CELL_NONE;
	l->prev = q->tail;
	if (q->tail == XTCP_CELL_NONE)
		q->head = idx;
	else
		links(q->tail)->next = idx;
	q->tail = idx;
}

/* Takes @idx out, wherever in @q it is. */
static __always_inline void
xtcp_fifo_del(struct xtcp_fifo *q, u32 idx, xtcp_cell_links_fn links)
{
	const struct xtcp_cell_links *l = links(idx);

	if (l->prev == XTCP_CELL_NONE)
		q->head = l->next;
	else
		links(l->prev)->next = l->next;
	if (l->next == XTCP_CELL_NONE)
		q->tail = l->prev;
	else
		links(l->next)->prev = l->prev;
}

#endif /* _XTCP_CELLS_H */

// SPDX-License-Identifier: GPL-2.0-only
/* include/xtcp/cells.h */
#include <xtcp/cells.h>

#include "tap.h"

#define CELLS 100U
#define QUEUES 3U

static struct xtcp_cell_links cells[CELLS];

static struct xtcp_cell_links *links(u32 idx)
{
	return &cells[idx];
}

/* Forwards and backwards the same cells, as many as there should be. */
static bool whole(const struct xtcp_fifo *q, u32 count)
{
	u32 idx, prev = XTCP_CELL_NONE, n = 0;

	for (idx = q->head; idx != XTCP_CELL_NONE && n <= CELLS; idx = links(idx)->next, n++) {
		if (links(idx)->prev != prev)
			return false;
		prev = idx;
	}
	return n == count && q->tail == prev && xtcp_fifo_empty(q) == !count;
}

TEST(fifo_add__in_order_of_arrival)
{
	struct xtcp_fifo q;
	u32 i;

	xtcp_fifo_init(&q);
	EXPECT_TRUE(whole(&q, 0));
	for (i = 0; i < CELLS; i++) {
		xtcp_fifo_add(&q, i, links);
		EXPECT_TRUE(whole(&q, i + 1));
	}
	for (i = 0; i < CELLS; i++) {
		EXPECT_EQ(q.head, i);
		xtcp_fifo_del(&q, i, links);
		EXPECT_TRUE(whole(&q, CELLS - i - 1));
	}
}

TEST(fifo_del__head_middle_tail)
{
	struct xtcp_fifo q;
	u32 i;

	xtcp_fifo_init(&q);
	for (i = 0; i < 4; i++)
		xtcp_fifo_add(&q, i, links);
	xtcp_fifo_del(&q, 1, links);
	EXPECT_TRUE(whole(&q, 3));
	xtcp_fifo_del(&q, 3, links);
	EXPECT_TRUE(whole(&q, 2));
	xtcp_fifo_del(&q, 0, links);
	EXPECT_TRUE(whole(&q, 1));
	EXPECT_EQ(q.head, 2);
	EXPECT_EQ(q.tail, 2);
	xtcp_fifo_del(&q, 2, links);
	EXPECT_TRUE(whole(&q, 0));
}

/* Cells wander among queues; those that have waited in one stay in order of arrival. */
TEST(fifo__random_moves_against_a_model)
{
	u32 in[CELLS], since[CELLS], count[QUEUES] = { 0 }, now = 0, i, k, to;
	struct xtcp_fifo q[QUEUES];
	u64 rnd = 0x5eed0009;

	for (k = 0; k < QUEUES; k++)
		xtcp_fifo_init(&q[k]);
	memset(in, 0xff, sizeof(in));
	while (now++ < 20000) {
		i = tap_rnd(&rnd) % CELLS;
		to = tap_rnd(&rnd) % (QUEUES + 1);
		if (in[i] < QUEUES) {
			xtcp_fifo_del(&q[in[i]], i, links);
			count[in[i]]--;
		}
		in[i] = to;
		since[i] = now;
		if (to < QUEUES) {
			xtcp_fifo_add(&q[to], i, links);
			count[to]++;
		}
		k = now % QUEUES;
		EXPECT_TRUE(whole(&q[k], count[k]));
		for (i = q[k].head; i != XTCP_CELL_NONE; i = links(i)->next)
			if (in[i] != k || (links(i)->next != XTCP_CELL_NONE &&
					   since[links(i)->next] < since[i]))
				break;
		EXPECT_EQ(i, XTCP_CELL_NONE);
	}
}

TEST(cell_end__tells_chains_apart)
{
	EXPECT_TRUE(xtcp_cell_is_end(xtcp_cell_end(0)));
	EXPECT_TRUE(xtcp_cell_is_end(XTCP_CELL_NONE));
	EXPECT_FALSE(xtcp_cell_is_end(0));
	EXPECT_FALSE(xtcp_cell_is_end(XTCP_CELL_MAX - 1));
	EXPECT_NE(xtcp_cell_end(0), xtcp_cell_end(1));
	EXPECT_NE(xtcp_cell_end((1U << 20) - 1), XTCP_CELL_NONE);
}

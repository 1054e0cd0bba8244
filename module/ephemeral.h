/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ephemeral.c: which ports XTCP may give out by itself, and in which order it
 * tries them.
 */
#ifndef _XTCP_EPHEMERAL_H
#define _XTCP_EPHEMERAL_H

#include "demux.h"
#include "net.h"

/**
 * struct xtcp_ephemeral - the ephemeral ports of a namespace, read once per call
 * @net: the namespace
 * @low: first port
 * @count: how many, at least 1
 * @native_low: first port that native TCP gives out, never ours
 * @native_high: last one
 */
struct xtcp_ephemeral {
	struct net *net;
	u32 low;
	u32 count;
	int native_low;
	int native_high;
};

/**
 * struct xtcp_ephemeral_order - the order in which the ports are tried
 * @key: of the permutation
 * @start: place in it to begin at
 * @count: ports in it
 * @cell: where to leave the place for the next connect(), or NULL
 */
struct xtcp_ephemeral_order {
	u32 key[4];
	u32 start;
	u32 count;
	u32 *cell;
};

int xtcp_ephemeral_init(void);
void xtcp_ephemeral_exit(void);

void xtcp_ephemeral_read(struct xtcp_ephemeral *e, struct net *net);
bool xtcp_ephemeral_skips(const struct xtcp_ephemeral *e, u16 port);
void xtcp_ephemeral_exhausted(const struct xtcp_ephemeral *e);

/* bind(): an order for this one call. */
void xtcp_ephemeral_order_random(struct xtcp_ephemeral_order *o, const struct xtcp_ephemeral *e);
/* connect(): the destination's own; @key without a local port. */
void xtcp_ephemeral_order_dest(struct xtcp_ephemeral_order *o, const struct xtcp_ephemeral *e,
			       const struct xtcp_key *key);
u16 xtcp_ephemeral_nth(const struct xtcp_ephemeral *e, const struct xtcp_ephemeral_order *o, u32 i);
/* The @i-th was taken. */
void xtcp_ephemeral_took(const struct xtcp_ephemeral_order *o, u32 i);

#endif /* _XTCP_EPHEMERAL_H */

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ephemeral.c: which ports XTCP may give out by itself, and in which order it
 * tries them; connect()'s way through them.
 */
#ifndef _XTCP_EPHEMERAL_H
#define _XTCP_EPHEMERAL_H

#include "demux.h"
#include "net.h"

/**
 * struct xtcp_ephemeral - the ephemeral ports of a namespace, read once per call
 * @net: the namespace
 * @pinned: ports that bind() or listen() has, one bit each, or NULL
 * @low: first port
 * @count: how many, at least 1
 * @whole: how many the namespace has, whatever part of them is a socket's
 * @unprivileged: first port that is not the privileged's (ip_unprivileged_port_start)
 * @native_low: first port that native TCP gives out, never ours
 * @native_high: last one
 */
struct xtcp_ephemeral {
	struct net *net;
	const unsigned long *pinned;
	u32 low;
	u32 count;
	u32 whole;
	u32 unprivileged;
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

void xtcp_ephemeral_read(struct xtcp_ephemeral *e, const struct sock *sk);
void xtcp_ephemeral_read_net(struct xtcp_ephemeral *e, struct net *net);
u32 xtcp_ephemeral_usable(const struct xtcp_ephemeral *e);
bool xtcp_ephemeral_skips(const struct xtcp_ephemeral *e, u16 port);
unsigned long xtcp_ephemeral_word(const struct xtcp_ephemeral *e, u32 word);
unsigned long xtcp_ephemeral_mask(u32 word, u32 first, u32 last);
void xtcp_ephemeral_exhausted(const struct xtcp_ephemeral *e);

/* bind(): an order for this one call, and the @i-th port in it. */
void xtcp_ephemeral_order_random(struct xtcp_ephemeral_order *o, const struct xtcp_ephemeral *e);
u16 xtcp_ephemeral_nth(const struct xtcp_ephemeral *e, const struct xtcp_ephemeral_order *o, u32 i);

int xtcp_ephemeral_check_range(struct net *net, int low, int high);
int xtcp_ephemeral_connect(struct sock *sk);

#endif /* _XTCP_EPHEMERAL_H */

// SPDX-License-Identifier: GPL-2.0-only
/*
 * porttw.c owns the counts of TIME_WAIT buckets that hold a local port (porttw.h).
 * Lock: none of its own; they are guarded by the port's bucket (ports.c).
 */
#include <linux/slab.h>

#include "ports.h"
#include "porttw.h"

/**
 * struct porttw_group - TIME_WAIT buckets of a port that look alike to bind()
 * @node: in xtcp_porttw.groups
 * @addr: local address
 * @dev: device, or 0
 * @count: buckets by XTCP_PORTTW_*
 */
struct porttw_group {
	struct hlist_node node;
	__be32 addr;
	int dev;
	u32 count[XTCP_PORTTW_SHARES];
};

static struct kmem_cache *porttw_slab;

static u32 porttw_share(const struct xtcp_tw *tw)
{
	u32 flags = xtcp_tw_flags(tw);

	return (flags & XTCP_TW_REUSEADDR ? XTCP_PORTTW_REUSEADDR : 0) |
	       (flags & XTCP_TW_REUSEPORT ? XTCP_PORTTW_REUSEPORT : 0) |
	       (flags & XTCP_TW_PINNED ? XTCP_PORTTW_PINNED : 0);
}

/**
 * xtcp_porttw_flags - how the bucket that follows a socket holds its port
 * @sk: locked, with a port
 *
 * Return: of XTCP_TW_*
 */
u32 xtcp_porttw_flags(const struct sock *sk)
{
	return XTCP_TW_PORT | (sk->sk_reuse ? XTCP_TW_REUSEADDR : 0) |
	       (sk->sk_reuseport ? XTCP_TW_REUSEPORT : 0) |
	       (xtcp_sk(sk)->port_pinned ? XTCP_TW_PINNED : 0);
}

static struct porttw_group *porttw_find(const struct xtcp_porttw *pt, const struct xtcp_tw *tw)
{
	struct porttw_group *g;

	hlist_for_each_entry(g, &pt->groups, node)
		if (g->addr == tw->laddr && g->dev == tw->bound_dev_if)
			return g;
	return NULL;
}

static struct porttw_group *porttw_create(struct xtcp_porttw *pt, const struct xtcp_tw *tw)
{
	struct porttw_group *g = kmem_cache_zalloc(porttw_slab, GFP_ATOMIC);

	if (!g)
		return NULL;
	g->addr = tw->laddr;
	g->dev = tw->bound_dev_if;
	hlist_add_head(&g->node, &pt->groups);
	return g;
}

/**
 * xtcp_porttw_add - a bucket takes a share in a port
 * @pt: the port's
 * @tw: key and flags are set
 */
void xtcp_porttw_add(struct xtcp_porttw *pt, const struct xtcp_tw *tw)
{
	struct porttw_group *g = porttw_find(pt, tw) ?: porttw_create(pt, tw);

	(g ? g->count : pt->any)[porttw_share(tw)]++;
}

/**
 * xtcp_porttw_remove - a bucket gives its share back
 * @pt: the port's
 * @tw: the bucket
 *
 * Return: false when none like it is counted in a group here
 */
bool xtcp_porttw_remove(struct xtcp_porttw *pt, const struct xtcp_tw *tw)
{
	struct porttw_group *g = porttw_find(pt, tw);
	u32 share = porttw_share(tw);

	if (!g || !g->count[share])
		return false;
	g->count[share]--;
	if (!memchr_inv(g->count, 0, sizeof(g->count))) {
		hlist_del(&g->node);
		kmem_cache_free(porttw_slab, g);
	}
	return true;
}

/**
 * xtcp_porttw_remove_any - the same for one of those without a group
 * @pt: the port's
 * @tw: the bucket
 *
 * Return: false when there is none
 */
bool xtcp_porttw_remove_any(struct xtcp_porttw *pt, const struct xtcp_tw *tw)
{
	u32 *count = &pt->any[porttw_share(tw)];

	if (!*count)
		return false;
	--*count;
	return true;
}

static bool porttw_counts_conflict(const struct sock *sk, const u32 count[], bool exact)
{
	u32 i;

	for (i = 0; i < XTCP_PORTTW_SHARES; i++)
		if (count[i] && (exact || !xtcp_ports_may_share(sk, i & XTCP_PORTTW_REUSEADDR,
								i & XTCP_PORTTW_REUSEPORT)))
			return true;
	return false;
}

/**
 * xtcp_porttw_conflict - does a bucket keep a socket from the port?
 * @pt: the port's
 * @sk: locked, its address set
 * @exact: the port shall be the socket's alone as far as it overlaps
 */
bool xtcp_porttw_conflict(const struct xtcp_porttw *pt, const struct sock *sk, bool exact)
{
	const struct porttw_group *g;

	hlist_for_each_entry(g, &pt->groups, node) {
		if (!xtcp_ports_dev_overlap(sk, g->dev) ||
		    (g->addr && sk->sk_rcv_saddr && g->addr != sk->sk_rcv_saddr))
			continue;
		if (porttw_counts_conflict(sk, g->count, exact))
			return true;
	}
	return porttw_counts_conflict(sk, pt->any, exact);
}

/**
 * xtcp_porttw_init - memory for the groups
 *
 * Return: 0 or -ENOMEM
 */
int xtcp_porttw_init(void)
{
	porttw_slab = kmem_cache_create("xtcp_porttw", sizeof(struct porttw_group), 0, 0, NULL);
	return porttw_slab ? 0 : -ENOMEM;
}

/**
 * xtcp_porttw_exit - the last group is gone
 */
void xtcp_porttw_exit(void)
{
	kmem_cache_destroy(porttw_slab);
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * dest.c owns the destinations (dest.h).
 *
 * Lock: a bucket's, bottom halves off, guards the entries in its chain and all that they
 * hold. It is a leaf, taken inside of a port's lock or of none.
 */
#include <linux/mm.h>
#include <linux/siphash.h>
#include <linux/slab.h>

#include "compat.h"
#include "dest.h"
#include "destmap.h"
#include "net.h"
#include "portwait.h"

#include <trace/events/xtcp.h>

/* Shares above which there is a map, and below which there is none any more. */
#define DEST_HOT		64U
#define DEST_COOL		32U

/**
 * struct xtcp_dest - a destination of connections from ports that connect() chose
 * @node: in its bucket's chain
 * @map: of its ports, while there are many
 * @netid: xtcp_net.id of its namespace
 * @laddr: local address
 * @raddr: remote address
 * @rport: remote port
 * @bucket: index of its bucket
 * @shares: connections, TIME_WAIT buckets, and connect() calls under way. Devices are not
 *	told apart: what one has, the other finds busy, and tries elsewhere
 * @waits: TIME_WAIT buckets among them
 * @waiters: who waits for one of the ports
 * @marked: shares when the watermark was passed, until many of them are gone; or 0
 */
struct xtcp_dest {
	struct hlist_node node;
	struct xtcp_destmap *map;
	u32 netid;
	__be32 laddr;
	__be32 raddr;
	__be16 rport;
	u16 bucket;
	u32 shares;
	u32 waits;
	u32 marked;
	struct xtcp_portwait_queue waiters;
};

static_assert(ilog2(XTCP_DEST_BUCKETS) <= 16);

struct dest_bucket {
	spinlock_t lock;	/* its entries and their maps */
	struct hlist_head chain;
};

static struct dest_bucket *dest_table __read_mostly;
static hsiphash_key_t dest_key __read_mostly;
static struct kmem_cache *dest_slab;

static struct dest_bucket *dest_bucket(u32 netid, __be32 laddr, __be32 raddr, __be16 rport)
{
	u32 hash = hsiphash_4u32((__force u32)laddr, (__force u32)raddr, (__force u16)rport, netid,
				 &dest_key);

	return &dest_table[hash & (XTCP_DEST_BUCKETS - 1)];
}

static struct dest_bucket *dest_bucket_of(const struct xtcp_dest *d)
{
	return &dest_table[d->bucket];
}

static struct xtcp_dest *dest_find(struct dest_bucket *b, u32 netid, __be32 laddr, __be32 raddr,
				   __be16 rport)
{
	struct xtcp_dest *d;

	lockdep_assert_held(&b->lock);
	hlist_for_each_entry(d, &b->chain, node)
		if (d->raddr == raddr && d->rport == rport && d->laddr == laddr &&
		    d->netid == netid)
			return d;
	return NULL;
}

static struct xtcp_dest *dest_create(const struct dest_bucket *b, const struct xtcp_key *key)
{
	struct xtcp_dest *d = kmem_cache_zalloc(dest_slab, GFP_KERNEL);

	if (!d)
		return NULL;
	d->netid = xtcp_net(key->net)->id;
	d->laddr = key->laddr;
	d->raddr = key->raddr;
	d->rport = key->rport;
	d->bucket = b - dest_table;
	xtcp_portwait_queue_init(&d->waiters);
	return d;
}

/* Without memory the search is slower, not wrong. */
static void dest_heat(struct dest_bucket *b, struct xtcp_dest *d, const struct xtcp_ephemeral *e)
{
	struct xtcp_destmap *map = xtcp_destmap_create(e);

	if (!map)
		return;
	spin_lock_bh(&b->lock);
	map = xtcp_destmap_merge(&d->map, map);
	spin_unlock_bh(&b->lock);
	xtcp_destmap_free(map);
}

/**
 * xtcp_dest_get - a share in a destination
 * @key: addresses and the peer's port
 * @e: the range in which a port will be looked for
 *
 * Context: process, sleeps.
 * Return: the destination, or NULL without memory
 */
struct xtcp_dest *xtcp_dest_get(const struct xtcp_key *key, const struct xtcp_ephemeral *e)
{
	struct dest_bucket *b = dest_bucket(xtcp_net(key->net)->id, key->laddr, key->raddr,
					    key->rport);
	struct xtcp_dest *d, *fresh = NULL;
	bool heat;

again:
	spin_lock_bh(&b->lock);
	d = dest_find(b, xtcp_net(key->net)->id, key->laddr, key->raddr, key->rport);
	if (!d && fresh) {
		hlist_add_head(&fresh->node, &b->chain);
		d = fresh;
		fresh = NULL;
	}
	heat = d && ++d->shares > DEST_HOT && !xtcp_destmap_covers(d->map, e);
	if (d)
		xtcp_destmap_age(d->map, xtcp_knob(key->net, tw_reuse_delay));
	spin_unlock_bh(&b->lock);
	if (!d) {
		fresh = dest_create(b, key);
		if (!fresh)
			return NULL;
		goto again;
	}
	if (fresh)
		kmem_cache_free(dest_slab, fresh);
	if (heat)
		dest_heat(b, d, e);
	return d;
}

static void dest_drop_unused(struct dest_bucket *b, struct xtcp_dest *d)
{
	lockdep_assert_held(&b->lock);
	if (d->shares || d->waiters.count)
		return;
	hlist_del(&d->node);
	kmem_cache_free(dest_slab, d);
}

/* One share less, and perhaps no map, or no entry, any more. */
static void dest_unshare(struct dest_bucket *b, struct xtcp_dest *d)
{
	lockdep_assert_held(&b->lock);
	d->shares--;
	if (d->shares < d->marked - d->marked / 8)
		d->marked = 0;
	if (d->shares >= DEST_COOL)
		return;
	xtcp_destmap_free(d->map);
	d->map = NULL;
	dest_drop_unused(b, d);
}

/**
 * xtcp_dest_put - give a share back
 * @d: the destination; the share has no port
 */
void xtcp_dest_put(struct xtcp_dest *d)
{
	struct dest_bucket *b = dest_bucket_of(d);

	spin_lock_bh(&b->lock);
	dest_unshare(b, d);
	spin_unlock_bh(&b->lock);
}

/* A port has no connection and no TIME_WAIT bucket any more. */
static void dest_free_port(struct dest_bucket *b, struct xtcp_dest *d, u16 port)
{
	xtcp_destmap_clear(d->map, port);
	xtcp_portwait_offer(&d->waiters, port);
	dest_unshare(b, d);
}

/**
 * xtcp_dest_take - the share's connection has this port
 * @d: the destination
 * @port: host order; the 4-tuple is in the table, a bucket that had it before is released
 */
void xtcp_dest_take(struct xtcp_dest *d, u16 port)
{
	struct dest_bucket *b = dest_bucket_of(d);

	spin_lock_bh(&b->lock);
	xtcp_destmap_busy(d->map, port);
	spin_unlock_bh(&b->lock);
}

/**
 * xtcp_dest_release - the share's connection is over, and no TIME_WAIT bucket follows
 * @d: the destination
 * @port: host order; the 4-tuple is out of the table
 *
 * Context: any but hard interrupt; the port's lock held.
 */
void xtcp_dest_release(struct xtcp_dest *d, u16 port)
{
	struct dest_bucket *b = dest_bucket_of(d);

	spin_lock_bh(&b->lock);
	dest_free_port(b, d, port);
	spin_unlock_bh(&b->lock);
}

/* FIN_WAIT_2 is not over yet, and without timestamps nothing tells old from new. */
static bool dest_tw_ages(const struct xtcp_tw *tw)
{
	return (xtcp_tw_flags(tw) & (XTCP_TW_FIN_WAIT2 | XTCP_TW_TS)) == XTCP_TW_TS;
}

static void dest_tw_enter(struct xtcp_dest *d, const struct xtcp_tw *tw)
{
	if (dest_tw_ages(tw))
		xtcp_destmap_wait(d->map, tw->lport);
}

/**
 * xtcp_dest_hand_over - a TIME_WAIT bucket takes over its connection's share
 * @d: the destination
 * @tw: the bucket, its flags set
 */
void xtcp_dest_hand_over(struct xtcp_dest *d, const struct xtcp_tw *tw)
{
	struct dest_bucket *b = dest_bucket_of(d);

	spin_lock_bh(&b->lock);
	d->waits++;
	dest_tw_enter(d, tw);
	spin_unlock_bh(&b->lock);
}

/**
 * xtcp_dest_tw_wait - a bucket went from FIN_WAIT_2 to TIME_WAIT
 * @net: namespace
 * @tw: the bucket, in the table when this began; it has a share
 */
void xtcp_dest_tw_wait(struct net *net, const struct xtcp_tw *tw)
{
	u32 netid = xtcp_net(net)->id;
	struct dest_bucket *b = dest_bucket(netid, tw->laddr, tw->raddr, tw->rport);
	struct xtcp_dest *d;

	spin_lock_bh(&b->lock);
	d = dest_find(b, netid, tw->laddr, tw->raddr, tw->rport);
	/* Its end may have come first: then the port is not to be marked. */
	if (d && xtcp_tw_hashed(tw))
		dest_tw_enter(d, tw);
	spin_unlock_bh(&b->lock);
}

/**
 * xtcp_dest_tw_release - TIME_WAIT is over
 * @net: namespace
 * @tw: the bucket, out of the table; it had a share
 *
 * Context: any but hard interrupt; the port's lock held.
 */
void xtcp_dest_tw_release(struct net *net, const struct xtcp_tw *tw)
{
	u32 netid = xtcp_net(net)->id;
	struct dest_bucket *b = dest_bucket(netid, tw->laddr, tw->raddr, tw->rport);
	struct xtcp_dest *d;

	spin_lock_bh(&b->lock);
	d = dest_find(b, netid, tw->laddr, tw->raddr, tw->rport);
	DEBUG_NET_WARN_ON_ONCE(!d);
	if (d) {
		d->waits--;
		dest_free_port(b, d, tw->lport);
	}
	spin_unlock_bh(&b->lock);
}

/**
 * xtcp_dest_learn - a port is in use, by a connection that has a share or its TIME_WAIT
 * @d: the destination
 * @port: host order
 *
 * For one that the map did not know, since it is older than the map, the port's lock is
 * held from the vain attempt on: its end comes after, and finds the mark.
 */
void xtcp_dest_learn(struct xtcp_dest *d, u16 port)
{
	struct dest_bucket *b = dest_bucket_of(d);

	spin_lock_bh(&b->lock);
	xtcp_destmap_learn(d->map, port);
	spin_unlock_bh(&b->lock);
}

/**
 * xtcp_dest_refuse - a port can't be had, and nobody will tell when it can
 * @d: the destination
 * @port: host order
 */
void xtcp_dest_refuse(struct xtcp_dest *d, u16 port)
{
	struct dest_bucket *b = dest_bucket_of(d);

	spin_lock_bh(&b->lock);
	xtcp_destmap_refuse(d->map, port);
	spin_unlock_bh(&b->lock);
}

/* Waiters. */

/**
 * xtcp_dest_await - somebody waits for a port
 * @d: the destination, in which he has a share
 * @w: who
 */
void xtcp_dest_await(struct xtcp_dest *d, struct xtcp_portwait *w)
{
	struct dest_bucket *b = dest_bucket_of(d);

	spin_lock_bh(&b->lock);
	xtcp_portwait_enter(&d->waiters, w);
	spin_unlock_bh(&b->lock);
}

/**
 * xtcp_dest_forgo - he does not any more
 * @d: the destination
 * @w: who
 */
void xtcp_dest_forgo(struct xtcp_dest *d, struct xtcp_portwait *w)
{
	struct dest_bucket *b = dest_bucket_of(d);

	spin_lock_bh(&b->lock);
	xtcp_portwait_leave(&d->waiters, w);
	dest_drop_unused(b, d);
	spin_unlock_bh(&b->lock);
}

/**
 * xtcp_dest_is_awaited - must who wants a port queue behind others?
 * @d: the destination
 * @e: his range; who waits with another one may find ports where he can't, and vice versa
 */
bool xtcp_dest_is_awaited(struct xtcp_dest *d, const struct xtcp_ephemeral *e)
{
	struct dest_bucket *b = dest_bucket_of(d);
	bool awaited;

	spin_lock_bh(&b->lock);
	awaited = xtcp_portwait_has(&d->waiters, e);
	spin_unlock_bh(&b->lock);
	return awaited;
}

/* The search. */

/**
 * xtcp_dest_is_free - may a port be tried?
 * @d: the destination
 * @port: host order
 *
 * Return: false if it is known to be in use, or was refused a moment ago
 */
bool xtcp_dest_is_free(struct xtcp_dest *d, u16 port)
{
	struct dest_bucket *b = dest_bucket_of(d);
	bool is_free;

	spin_lock_bh(&b->lock);
	is_free = xtcp_destmap_is_free(d->map, port);
	spin_unlock_bh(&b->lock);
	return is_free;
}

typedef u16 (*dest_next_fn)(struct xtcp_destmap *map, const struct xtcp_ephemeral *e, u32 first,
			    u32 last);

static u16 dest_next(struct xtcp_dest *d, const struct xtcp_ephemeral *e, u32 first, u32 last,
		     dest_next_fn next)
{
	struct dest_bucket *b = dest_bucket_of(d);
	u16 port;

	spin_lock_bh(&b->lock);
	port = next(d->map, e, first, last);
	spin_unlock_bh(&b->lock);
	return port;
}

/**
 * xtcp_dest_next_free - the first port that nothing is known against
 * @d: the destination
 * @e: the range
 * @first: where to begin
 * @last: and to end
 *
 * Return: a port, host order, or 0
 */
u16 xtcp_dest_next_free(struct xtcp_dest *d, const struct xtcp_ephemeral *e, u32 first, u32 last)
{
	return dest_next(d, e, first, last, xtcp_destmap_next_free);
}

/**
 * xtcp_dest_next_reusable - the first port whose TIME_WAIT is older than tw_reuse_delay
 * @d: the destination
 * @e: the range
 * @first: where to begin
 * @last: and to end
 *
 * Return: a port, host order, or 0
 */
u16 xtcp_dest_next_reusable(struct xtcp_dest *d, const struct xtcp_ephemeral *e, u32 first,
			    u32 last)
{
	return dest_next(d, e, first, last, xtcp_destmap_next_reusable);
}

/* The watermark, and what there is to see. */

static void dest_info(struct xtcp_dest_info *info, const struct xtcp_dest *d)
{
	info->laddr = d->laddr;
	info->raddr = d->raddr;
	info->rport = d->rport;
	info->used = d->shares;
	info->waits = d->waits;
	info->waiting = d->waiters.count;
}

static bool dest_mark(struct xtcp_dest *d, struct xtcp_dest_info *info)
{
	struct dest_bucket *b = dest_bucket_of(d);
	bool first;

	spin_lock_bh(&b->lock);
	first = !d->marked;
	d->marked = d->shares;
	dest_info(info, d);
	spin_unlock_bh(&b->lock);
	return first;
}

/**
 * xtcp_dest_watch - says so when a destination has more ports than port_watermark allows
 * @d: the destination; a share was added
 * @e: the range
 *
 * Once, until an eighth of them is gone again. A socket that looked in a part of the range
 * alone (IP_LOCAL_PORT_RANGE) changes nothing about how many there are.
 */
void xtcp_dest_watch(struct xtcp_dest *d, const struct xtcp_ephemeral *e)
{
	u32 percent = xtcp_knob(e->net, port_watermark);
	struct xtcp_dest_info info;

	if (!percent || READ_ONCE(d->shares) * 100 < percent * e->whole || READ_ONCE(d->marked) ||
	    !dest_mark(d, &info))
		return;
	XTCP_INC(e->net, PORTWATERMARK);
	trace_xtcp_port_watermark(info.laddr, info.raddr, info.rport, info.used, info.waits,
				  e->whole);
	pr_warn_ratelimited("xtcp: %pI4 has %u of %u ports in use to %pI4:%u, %u of them in TIME_WAIT\n",
			    &info.laddr, info.used, e->whole, &info.raddr, ntohs(info.rport),
			    info.waits);
}

/**
 * xtcp_dest_visit - visit the destinations in a bucket
 * @net: only this namespace's
 * @bucket: below XTCP_DEST_BUCKETS
 * @fn: called under the bucket's lock
 * @arg: for @fn
 */
void xtcp_dest_visit(const struct net *net, u32 bucket,
		     void (*fn)(const struct xtcp_dest_info *info, void *arg), void *arg)
{
	u32 netid = xtcp_net(net)->id;
	struct xtcp_dest_info info;
	struct dest_bucket *b;
	struct xtcp_dest *d;

	b = &dest_table[bucket];
	if (hlist_empty(&b->chain))
		return;
	spin_lock_bh(&b->lock);
	hlist_for_each_entry(d, &b->chain, node) {
		if (d->netid != netid)
			continue;
		dest_info(&info, d);
		fn(&info, arg);
	}
	spin_unlock_bh(&b->lock);
}

/* Coming and going */

/**
 * xtcp_dest_init - the table of destinations
 *
 * Return: 0 or -ENOMEM
 */
int xtcp_dest_init(void)
{
	u32 i;

	get_random_bytes(&dest_key, sizeof(dest_key));
	dest_slab = KMEM_CACHE(xtcp_dest, SLAB_ACCOUNT);
	dest_table = kvcalloc(XTCP_DEST_BUCKETS, sizeof(*dest_table), GFP_KERNEL);
	if (xtcp_destmap_init() || !dest_slab || !dest_table) {
		xtcp_dest_exit();
		return -ENOMEM;
	}
	for (i = 0; i < XTCP_DEST_BUCKETS; i++)
		spin_lock_init(&dest_table[i].lock);
	return 0;
}

/**
 * xtcp_dest_exit - free the table, empty by now
 */
void xtcp_dest_exit(void)
{
	kvfree(dest_table);
	xtcp_destmap_exit();
	kmem_cache_destroy(dest_slab);
}

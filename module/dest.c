// SPDX-License-Identifier: GPL-2.0-only
/*
 * dest.c owns the destinations (dest.h) and their maps of ephemeral ports.
 *
 * Lock: a bucket's, bottom halves off, guards the entries in its chain and all that they
 * hold. It is a leaf, taken inside of a port's lock or of none.
 */
#include <linux/bitmap.h>
#include <linux/mm.h>
#include <linux/siphash.h>
#include <linux/slab.h>

#include "compat.h"
#include "dest.h"
#include "net.h"
#include "portwait.h"

#include <trace/events/xtcp.h>

/* Shares above which there is a map, and below which there is none any more. */
#define DEST_HOT		64U
#define DEST_COOL		32U
/* How long a port that was refused is left alone. */
#define DEST_REFUSED		HZ

#define DEST_CHUNK_PORTS	4096U
#define DEST_CHUNKS		(65536U / DEST_CHUNK_PORTS)
#define DEST_WORDS		(DEST_CHUNK_PORTS / BITS_PER_LONG)

/* TIME_WAIT's ports by age: a time of tw_reuse_delay lies between first and last. */
enum { DEST_NEW, DEST_AGING, DEST_RIPE, DEST_AGES };

/**
 * struct dest_chunk - the ports from a multiple of DEST_CHUNK_PORTS
 * @full: summary: words of @busy without a bit to spare
 * @some: summary: words of @tw[DEST_RIPE] with a bit set
 * @busy: has a connection or a TIME_WAIT bucket
 * @refused: was tried in vain, see struct dest_map
 * @tw: in TIME_WAIT with timestamps, so that it may be used again when it is ripe
 */
struct dest_chunk {
	DECLARE_BITMAP(full, DEST_WORDS);
	DECLARE_BITMAP(some, DEST_WORDS);
	unsigned long busy[DEST_WORDS];
	unsigned long refused[DEST_WORDS];
	unsigned long tw[DEST_AGES][DEST_WORDS];
};

/**
 * struct dest_map - the ports of a destination with many of them
 * @turned: jiffies when the ages last moved on
 * @refused_at: jiffies of the first refusal that @refused of the chunks remembers
 * @refused: there is one
 * @chunk: those that were needed, the others NULL
 */
struct dest_map {
	unsigned long turned;
	unsigned long refused_at;
	bool refused;
	struct dest_chunk *chunk[DEST_CHUNKS];
};

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
	struct dest_map *map;
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
static struct kmem_cache *dest_chunk_slab;

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

/* Maps. Bucket lock held, but where one is made or freed. */

static void dest_map_free(struct dest_map *map)
{
	u32 i;

	for (i = 0; map && i < DEST_CHUNKS; i++)
		if (map->chunk[i])
			kmem_cache_free(dest_chunk_slab, map->chunk[i]);
	kfree(map);
}

static struct dest_chunk *dest_chunk(const struct xtcp_dest *d, u16 port)
{
	return d->map ? d->map->chunk[port / DEST_CHUNK_PORTS] : NULL;
}

/* If its TIME_WAIT seemed ripe it is not: it started over. */
static void dest_set_busy(struct dest_chunk *c, u32 bit)
{
	u32 word = bit / BITS_PER_LONG;

	__set_bit(bit, c->busy);
	if (c->busy[word] == ~0UL)
		__set_bit(word, c->full);
	if (__test_and_clear_bit(bit, c->tw[DEST_RIPE]))
		__set_bit(bit, c->tw[DEST_NEW]);
}

static void dest_clear(struct dest_chunk *c, u32 bit)
{
	u32 age;

	__clear_bit(bit, c->busy);
	__clear_bit(bit / BITS_PER_LONG, c->full);
	for (age = 0; age < DEST_AGES; age++)
		__clear_bit(bit, c->tw[age]);
}

/* Two turns at once, or more, when nobody connected meanwhile. */
static void dest_chunk_turn(struct dest_chunk *c, bool twice)
{
	u32 word;

	for (word = 0; word < DEST_WORDS; word++) {
		c->tw[DEST_RIPE][word] |= c->tw[DEST_AGING][word];
		c->tw[DEST_AGING][word] = c->tw[DEST_NEW][word];
		c->tw[DEST_NEW][word] = 0;
		if (twice) {
			c->tw[DEST_RIPE][word] |= c->tw[DEST_AGING][word];
			c->tw[DEST_AGING][word] = 0;
		}
		if (c->tw[DEST_RIPE][word])
			__set_bit(word, c->some);
	}
}

/* Once per tw_reuse_delay, so it costs a connect() next to nothing. */
static void dest_map_turn(struct dest_map *map, u32 delay_ms)
{
	unsigned long delay = msecs_to_jiffies(delay_ms) + 1, gone = jiffies - map->turned;
	u32 i;

	if (gone < delay)
		return;
	for (i = 0; i < DEST_CHUNKS; i++)
		if (map->chunk[i])
			dest_chunk_turn(map->chunk[i], gone >= 2 * delay);
	map->turned = jiffies;
}

static void dest_map_forgive(struct dest_map *map)
{
	u32 i;

	if (!map->refused || time_before(jiffies, map->refused_at + DEST_REFUSED))
		return;
	for (i = 0; i < DEST_CHUNKS; i++)
		if (map->chunk[i])
			memset(map->chunk[i]->refused, 0, sizeof(map->chunk[i]->refused));
	map->refused = false;
}

static bool dest_map_covers(const struct dest_map *map, const struct xtcp_ephemeral *e)
{
	u32 i, last = (e->low + e->count - 1) / DEST_CHUNK_PORTS;

	for (i = e->low / DEST_CHUNK_PORTS; i <= last; i++)
		if (!map || !map->chunk[i])
			return false;
	return true;
}

/* For the whole range; what can't be had stays NULL. */
static struct dest_map *dest_map_create(const struct xtcp_ephemeral *e)
{
	struct dest_map *map = kzalloc(sizeof(*map), GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
	u32 i, last = (e->low + e->count - 1) / DEST_CHUNK_PORTS;

	for (i = e->low / DEST_CHUNK_PORTS; map && i <= last; i++)
		map->chunk[i] = kmem_cache_zalloc(dest_chunk_slab, GFP_KERNEL | __GFP_NOWARN);
	if (map)
		map->turned = jiffies;
	return map;
}

/* The destination takes of @map what it has not; the rest stays the caller's. */
static struct dest_map *dest_map_merge(struct xtcp_dest *d, struct dest_map *map)
{
	u32 i;

	if (!d->map) {
		d->map = map;
		return NULL;
	}
	for (i = 0; i < DEST_CHUNKS; i++)
		if (!d->map->chunk[i])
			swap(d->map->chunk[i], map->chunk[i]);
	return map;
}

/* Without memory the search is slower, not wrong. */
static void dest_heat(struct dest_bucket *b, struct xtcp_dest *d, const struct xtcp_ephemeral *e)
{
	struct dest_map *map = dest_map_create(e);

	if (!map)
		return;
	spin_lock_bh(&b->lock);
	map = dest_map_merge(d, map);
	spin_unlock_bh(&b->lock);
	dest_map_free(map);
}

/* Entries */

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
	heat = d && ++d->shares > DEST_HOT && !dest_map_covers(d->map, e);
	if (d && d->map) {
		dest_map_turn(d->map, xtcp_knob(key->net, tw_reuse_delay));
		dest_map_forgive(d->map);
	}
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
	dest_map_free(d->map);
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
	struct dest_chunk *c = dest_chunk(d, port);

	if (c)
		dest_clear(c, port % DEST_CHUNK_PORTS);
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
	xtcp_dest_learn(d, port);
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
	struct dest_chunk *c = dest_chunk(d, tw->lport);

	if (c && dest_tw_ages(tw))
		__set_bit(tw->lport % DEST_CHUNK_PORTS, c->tw[DEST_NEW]);
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
	struct dest_chunk *c;

	spin_lock_bh(&b->lock);
	c = dest_chunk(d, port);
	if (c)
		dest_set_busy(c, port % DEST_CHUNK_PORTS);
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
	u32 bit = port % DEST_CHUNK_PORTS;
	struct dest_chunk *c;

	spin_lock_bh(&b->lock);
	c = dest_chunk(d, port);
	if (c) {
		__set_bit(bit, c->refused);
		if (!d->map->refused)
			d->map->refused_at = jiffies;
		d->map->refused = true;
	}
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
	u32 bit = port % DEST_CHUNK_PORTS;
	struct dest_chunk *c;
	bool is_free;

	spin_lock_bh(&b->lock);
	c = dest_chunk(d, port);
	is_free = !c || (!test_bit(bit, c->busy) && !test_bit(bit, c->refused));
	spin_unlock_bh(&b->lock);
	return is_free;
}

/* The next word from @word on that may have a port; whole words in use are not looked at. */
static u32 dest_skip_full(const struct xtcp_dest *d, u32 word)
{
	const struct dest_chunk *c = dest_chunk(d, word * BITS_PER_LONG);
	u32 base = round_down(word, DEST_WORDS);

	return c ? base + find_next_zero_bit(c->full, DEST_WORDS, word - base) : word;
}

static unsigned long dest_free_word(const struct xtcp_dest *d, u32 word)
{
	const struct dest_chunk *c = dest_chunk(d, word * BITS_PER_LONG);
	u32 at = word % DEST_WORDS;

	return c ? ~(c->busy[at] | c->refused[at]) : ~0UL;
}

/* As above, of those whose TIME_WAIT is ripe. */
static u32 dest_skip_unripe(const struct xtcp_dest *d, u32 word)
{
	const struct dest_chunk *c = dest_chunk(d, word * BITS_PER_LONG);
	u32 base = round_down(word, DEST_WORDS);

	return base + (c ? find_next_bit(c->some, DEST_WORDS, word - base) : DEST_WORDS);
}

static unsigned long dest_ripe_word(const struct xtcp_dest *d, u32 word)
{
	struct dest_chunk *c = dest_chunk(d, word * BITS_PER_LONG);
	u32 at = word % DEST_WORDS;

	if (!c)
		return 0;
	if (!c->tw[DEST_RIPE][at])
		__clear_bit(at, c->some);
	return c->tw[DEST_RIPE][at] & ~c->refused[at];
}

struct dest_search {
	u32 (*skip)(const struct xtcp_dest *d, u32 word);
	unsigned long (*word)(const struct xtcp_dest *d, u32 word);
};

/* At most one look at each word of the range, and at its summary. */
static u16 dest_search(struct xtcp_dest *d, const struct xtcp_ephemeral *e, u32 first, u32 last,
		       const struct dest_search *s)
{
	struct dest_bucket *b = dest_bucket_of(d);
	u32 word = first / BITS_PER_LONG;
	unsigned long found = 0;

	spin_lock_bh(&b->lock);
	while (word * BITS_PER_LONG <= last) {
		u32 next = s->skip(d, word);

		if (next != word) {
			word = next;
			continue;
		}
		found = s->word(d, word) & xtcp_ephemeral_word(e, word) &
			xtcp_ephemeral_mask(word, first, last);
		if (found)
			break;
		word++;
	}
	spin_unlock_bh(&b->lock);
	return found ? word * BITS_PER_LONG + __ffs(found) : 0;
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
	static const struct dest_search search = { dest_skip_full, dest_free_word };

	return dest_search(d, e, first, last, &search);
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
	static const struct dest_search search = { dest_skip_unripe, dest_ripe_word };

	return dest_search(d, e, first, last, &search);
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
 * Once, until an eighth of them is gone again.
 */
void xtcp_dest_watch(struct xtcp_dest *d, const struct xtcp_ephemeral *e)
{
	u32 percent = xtcp_knob(e->net, port_watermark);
	struct xtcp_dest_info info;

	if (!percent || READ_ONCE(d->shares) * 100 < percent * e->count || READ_ONCE(d->marked) ||
	    !dest_mark(d, &info))
		return;
	XTCP_INC(e->net, PORTWATERMARK);
	trace_xtcp_port_watermark(info.laddr, info.raddr, info.rport, info.used, info.waits,
				  e->count);
	pr_warn_ratelimited("xtcp: %pI4 has %u of %u ports in use to %pI4:%u, %u of them in TIME_WAIT\n",
			    &info.laddr, info.used, e->count, &info.raddr, ntohs(info.rport),
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
	dest_chunk_slab = kmem_cache_create("xtcp_dest_chunk", sizeof(struct dest_chunk), 0,
					    SLAB_ACCOUNT, NULL);
	dest_table = kvcalloc(XTCP_DEST_BUCKETS, sizeof(*dest_table), GFP_KERNEL);
	if (!dest_slab || !dest_chunk_slab || !dest_table) {
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
	kmem_cache_destroy(dest_chunk_slab);
	kmem_cache_destroy(dest_slab);
}

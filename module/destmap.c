// SPDX-License-Identifier: GPL-2.0-only
/*
 * destmap.c owns the maps of the ephemeral ports that a destination has in use
 * (destmap.h). Lock: none of its own; a map is guarded by its destination's.
 */
#include <linux/bitmap.h>
#include <linux/jiffies.h>
#include <linux/slab.h>

#include "destmap.h"

/* How long a port that was refused is left alone. */
#define DESTMAP_REFUSED		HZ

#define DESTMAP_CHUNK_PORTS	4096U
#define DESTMAP_CHUNKS		(65536U / DESTMAP_CHUNK_PORTS)
#define DESTMAP_WORDS		(DESTMAP_CHUNK_PORTS / BITS_PER_LONG)

/* TIME_WAIT's ports by age: a time of tw_reuse_delay lies between first and last. */
enum { DESTMAP_NEW, DESTMAP_AGING, DESTMAP_RIPE, DESTMAP_AGES };

/**
 * struct destmap_chunk - the ports from a multiple of DESTMAP_CHUNK_PORTS
 * @full: summary: words of @busy without a bit to spare
 * @some: summary: words of @tw[DESTMAP_RIPE] with a bit set
 * @busy: has a connection or a TIME_WAIT bucket
 * @refused: was tried in vain, see struct xtcp_destmap
 * @tw: in TIME_WAIT with timestamps, so that it may be used again when it is ripe
 */
struct destmap_chunk {
	DECLARE_BITMAP(full, DESTMAP_WORDS);
	DECLARE_BITMAP(some, DESTMAP_WORDS);
	unsigned long busy[DESTMAP_WORDS];
	unsigned long refused[DESTMAP_WORDS];
	unsigned long tw[DESTMAP_AGES][DESTMAP_WORDS];
};

/**
 * struct xtcp_destmap - the ports of a destination with many of them
 * @turned: jiffies when the ages last moved on
 * @refused_at: jiffies of the first refusal that @refused of the chunks remembers
 * @refused: there is one
 * @chunk: those that were needed, the others NULL
 */
struct xtcp_destmap {
	unsigned long turned;
	unsigned long refused_at;
	bool refused;
	struct destmap_chunk *chunk[DESTMAP_CHUNKS];
};

static struct kmem_cache *destmap_slab;

/* Making and freeing. */

/**
 * xtcp_destmap_free - free a map
 * @map: nobody's any more, or NULL
 */
void xtcp_destmap_free(struct xtcp_destmap *map)
{
	u32 i;

	for (i = 0; map && i < DESTMAP_CHUNKS; i++)
		if (map->chunk[i])
			kmem_cache_free(destmap_slab, map->chunk[i]);
	kfree(map);
}

/**
 * xtcp_destmap_covers - has a map a place for each port of a range?
 * @map: the map, or NULL
 * @e: the range
 */
bool xtcp_destmap_covers(const struct xtcp_destmap *map, const struct xtcp_ephemeral *e)
{
	u32 i, last = (e->low + e->count - 1) / DESTMAP_CHUNK_PORTS;

	for (i = e->low / DESTMAP_CHUNK_PORTS; i <= last; i++)
		if (!map || !map->chunk[i])
			return false;
	return true;
}

/**
 * xtcp_destmap_create - a map without a mark
 * @e: the range; parts of it for which there is no memory are left out
 *
 * Context: process, sleeps.
 * Return: the map, the caller's, or NULL without memory
 */
struct xtcp_destmap *xtcp_destmap_create(const struct xtcp_ephemeral *e)
{
	struct xtcp_destmap *map = kzalloc(sizeof(*map), GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
	u32 i, last = (e->low + e->count - 1) / DESTMAP_CHUNK_PORTS;

	for (i = e->low / DESTMAP_CHUNK_PORTS; map && i <= last; i++)
		map->chunk[i] = kmem_cache_zalloc(destmap_slab, GFP_KERNEL | __GFP_NOWARN);
	if (map)
		map->turned = jiffies;
	return map;
}

/**
 * xtcp_destmap_merge - a map takes of another what it has not
 * @map: the map, or NULL
 * @more: the other, without a mark
 *
 * Return: what is left of @more, the caller's, or NULL
 */
struct xtcp_destmap *xtcp_destmap_merge(struct xtcp_destmap **map, struct xtcp_destmap *more)
{
	u32 i;

	if (!*map) {
		*map = more;
		return NULL;
	}
	for (i = 0; i < DESTMAP_CHUNKS; i++)
		if (!(*map)->chunk[i])
			swap((*map)->chunk[i], more->chunk[i]);
	return more;
}

/* Marks. */

static struct destmap_chunk *destmap_chunk(const struct xtcp_destmap *map, u16 port)
{
	return map ? map->chunk[port / DESTMAP_CHUNK_PORTS] : NULL;
}

/**
 * xtcp_destmap_busy - a port has a connection, or a TIME_WAIT bucket
 * @map: the map, or NULL
 * @port: host order
 *
 * If its TIME_WAIT seemed ripe it is not: it started over.
 */
void xtcp_destmap_busy(struct xtcp_destmap *map, u16 port)
{
	struct destmap_chunk *c = destmap_chunk(map, port);
	u32 bit = port % DESTMAP_CHUNK_PORTS, word = bit / BITS_PER_LONG;

	if (!c)
		return;
	__set_bit(bit, c->busy);
	if (c->busy[word] == ~0UL)
		__set_bit(word, c->full);
	if (__test_and_clear_bit(bit, c->tw[DESTMAP_RIPE]))
		__set_bit(bit, c->tw[DESTMAP_NEW]);
}

/**
 * xtcp_destmap_wait - what a port is busy with is a TIME_WAIT that can be cut short
 * @map: the map, or NULL
 * @port: host order
 */
void xtcp_destmap_wait(struct xtcp_destmap *map, u16 port)
{
	struct destmap_chunk *c = destmap_chunk(map, port);

	if (c)
		__set_bit(port % DESTMAP_CHUNK_PORTS, c->tw[DESTMAP_NEW]);
}

/**
 * xtcp_destmap_learn - a port turned out to be in use
 * @map: the map, or NULL
 * @port: host order
 *
 * By a connection or by TIME_WAIT, the map does not know: when the latter would be ripe
 * the port is worth an attempt, which is in vain, once in tw_reuse_delay, if it is the
 * former.
 */
void xtcp_destmap_learn(struct xtcp_destmap *map, u16 port)
{
	xtcp_destmap_busy(map, port);
	xtcp_destmap_wait(map, port);
}

/**
 * xtcp_destmap_clear - a port has neither a connection nor a TIME_WAIT bucket any more
 * @map: the map, or NULL
 * @port: host order
 */
void xtcp_destmap_clear(struct xtcp_destmap *map, u16 port)
{
	struct destmap_chunk *c = destmap_chunk(map, port);
	u32 bit = port % DESTMAP_CHUNK_PORTS, age;

	if (!c)
		return;
	__clear_bit(bit, c->busy);
	__clear_bit(bit / BITS_PER_LONG, c->full);
	for (age = 0; age < DESTMAP_AGES; age++)
		__clear_bit(bit, c->tw[age]);
}

/**
 * xtcp_destmap_refuse - a port is to be left alone for a while
 * @map: the map, or NULL
 * @port: host order
 */
void xtcp_destmap_refuse(struct xtcp_destmap *map, u16 port)
{
	struct destmap_chunk *c = destmap_chunk(map, port);

	if (!c)
		return;
	__set_bit(port % DESTMAP_CHUNK_PORTS, c->refused);
	if (!map->refused)
		map->refused_at = jiffies;
	map->refused = true;
}

/* Ages. */

/* Two turns at once, or more, when nobody connected meanwhile. */
static void destmap_turn_chunk(struct destmap_chunk *c, bool twice)
{
	u32 word;

	for (word = 0; word < DESTMAP_WORDS; word++) {
		c->tw[DESTMAP_RIPE][word] |= c->tw[DESTMAP_AGING][word];
		c->tw[DESTMAP_AGING][word] = c->tw[DESTMAP_NEW][word];
		c->tw[DESTMAP_NEW][word] = 0;
		if (twice) {
			c->tw[DESTMAP_RIPE][word] |= c->tw[DESTMAP_AGING][word];
			c->tw[DESTMAP_AGING][word] = 0;
		}
		if (c->tw[DESTMAP_RIPE][word])
			__set_bit(word, c->some);
	}
}

/* Once per tw_reuse_delay, so it costs a connect() next to nothing. */
static void destmap_turn(struct xtcp_destmap *map, u32 delay_ms)
{
	unsigned long delay = msecs_to_jiffies(delay_ms) + 1, gone = jiffies - map->turned;
	u32 i;

	if (gone < delay)
		return;
	for (i = 0; i < DESTMAP_CHUNKS; i++)
		if (map->chunk[i])
			destmap_turn_chunk(map->chunk[i], gone >= 2 * delay);
	map->turned = jiffies;
}

static void destmap_forgive(struct xtcp_destmap *map)
{
	u32 i;

	if (!map->refused || time_before(jiffies, map->refused_at + DESTMAP_REFUSED))
		return;
	for (i = 0; i < DESTMAP_CHUNKS; i++)
		if (map->chunk[i])
			memset(map->chunk[i]->refused, 0, sizeof(map->chunk[i]->refused));
	map->refused = false;
}

/**
 * xtcp_destmap_age - refusals are forgotten, and TIME_WAIT ripens
 * @map: the map, or NULL
 * @reuse_delay_ms: how old a TIME_WAIT must be for it to be cut short
 */
void xtcp_destmap_age(struct xtcp_destmap *map, u32 reuse_delay_ms)
{
	if (!map)
		return;
	destmap_turn(map, reuse_delay_ms);
	destmap_forgive(map);
}

/* The search. */

/**
 * xtcp_destmap_is_free - may a port be tried?
 * @map: the map, or NULL
 * @port: host order
 *
 * Return: false if it is known to be in use, or was refused a moment ago
 */
bool xtcp_destmap_is_free(const struct xtcp_destmap *map, u16 port)
{
	const struct destmap_chunk *c = destmap_chunk(map, port);
	u32 bit = port % DESTMAP_CHUNK_PORTS;

	return !c || (!test_bit(bit, c->busy) && !test_bit(bit, c->refused));
}

/* The next word from @word on that may have a port; whole words in use are not looked at. */
static u32 destmap_skip_full(const struct xtcp_destmap *map, u32 word)
{
	const struct destmap_chunk *c = destmap_chunk(map, word * BITS_PER_LONG);
	u32 base = round_down(word, DESTMAP_WORDS);

	return c ? base + find_next_zero_bit(c->full, DESTMAP_WORDS, word - base) : word;
}

static unsigned long destmap_free_word(struct xtcp_destmap *map, u32 word)
{
	const struct destmap_chunk *c = destmap_chunk(map, word * BITS_PER_LONG);
	u32 at = word % DESTMAP_WORDS;

	return c ? ~(c->busy[at] | c->refused[at]) : ~0UL;
}

/* As above, of those whose TIME_WAIT is ripe. */
static u32 destmap_skip_unripe(const struct xtcp_destmap *map, u32 word)
{
	const struct destmap_chunk *c = destmap_chunk(map, word * BITS_PER_LONG);
	u32 base = round_down(word, DESTMAP_WORDS);

	return base + (c ? find_next_bit(c->some, DESTMAP_WORDS, word - base) : DESTMAP_WORDS);
}

static unsigned long destmap_ripe_word(struct xtcp_destmap *map, u32 word)
{
	struct destmap_chunk *c = destmap_chunk(map, word * BITS_PER_LONG);
	u32 at = word % DESTMAP_WORDS;

	if (!c)
		return 0;
	if (!c->tw[DESTMAP_RIPE][at])
		__clear_bit(at, c->some);
	return c->tw[DESTMAP_RIPE][at] & ~c->refused[at];
}

struct destmap_search {
	u32 (*skip)(const struct xtcp_destmap *map, u32 word);
	unsigned long (*word)(struct xtcp_destmap *map, u32 word);
};

/* At most one look at each word of the range, and at its summary. */
static u16 destmap_search(struct xtcp_destmap *map, const struct xtcp_ephemeral *e, u32 first,
			  u32 last, const struct destmap_search *s)
{
	u32 word = first / BITS_PER_LONG;

	while (word * BITS_PER_LONG <= last) {
		u32 next = s->skip(map, word);
		unsigned long found;

		if (next != word) {
			word = next;
			continue;
		}
		found = s->word(map, word) & xtcp_ephemeral_word(e, word) &
			xtcp_ephemeral_mask(word, first, last);
		if (found)
			return word * BITS_PER_LONG + __ffs(found);
		word++;
	}
	return 0;
}

/**
 * xtcp_destmap_next_free - the first port that nothing is known against
 * @map: the map, or NULL
 * @e: the range
 * @first: where to begin
 * @last: and to end
 *
 * Return: a port, host order, or 0
 */
u16 xtcp_destmap_next_free(struct xtcp_destmap *map, const struct xtcp_ephemeral *e, u32 first,
			   u32 last)
{
	static const struct destmap_search search = { destmap_skip_full, destmap_free_word };

	return destmap_search(map, e, first, last, &search);
}

/**
 * xtcp_destmap_next_reusable - the first port whose TIME_WAIT is older than tw_reuse_delay
 * @map: the map, or NULL
 * @e: the range
 * @first: where to begin
 * @last: and to end
 *
 * Return: a port, host order, or 0
 */
u16 xtcp_destmap_next_reusable(struct xtcp_destmap *map, const struct xtcp_ephemeral *e,
			       u32 first, u32 last)
{
	static const struct destmap_search search = { destmap_skip_unripe, destmap_ripe_word };

	return destmap_search(map, e, first, last, &search);
}

/* Coming and going */

/**
 * xtcp_destmap_init - memory for the maps
 *
 * Return: 0 or -ENOMEM
 */
int xtcp_destmap_init(void)
{
	destmap_slab = kmem_cache_create("xtcp_destmap", sizeof(struct destmap_chunk), 0,
					 SLAB_ACCOUNT, NULL);
	return destmap_slab ? 0 : -ENOMEM;
}

/**
 * xtcp_destmap_exit - the last map is gone
 */
void xtcp_destmap_exit(void)
{
	kmem_cache_destroy(destmap_slab);
}

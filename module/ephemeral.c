// SPDX-License-Identifier: GPL-2.0-only
/*
 * ephemeral.c owns the choice among ports that XTCP may give out by itself: the
 * range, and per destination the order of trying (RFC 6056). No lock: two that take
 * one cell's place at once meet again at the 4-tuple, where the table decides.
 */
#include <linux/mm.h>
#include <linux/random.h>
#include <linux/siphash.h>
#include <net/ip.h>
#include <xtcp/portperm.h>

#include "compat.h"
#include "ephemeral.h"

/* RFC 6056 3.3.4 calls it TABLE_LENGTH. */
#define EPHEMERAL_CELLS		65536U

/* Which of a destination's secrets. */
enum { EPHEMERAL_SECRET_CELL, EPHEMERAL_SECRET_KEY0, EPHEMERAL_SECRET_KEY1 };

/* How far the orders have been walked since boot, by destination; see _order_dest(). */
static u32 *ephemeral_cells __read_mostly;

/**
 * xtcp_ephemeral_read - the ranges as the knobs have them now
 * @e: filled
 * @net: namespace
 */
void xtcp_ephemeral_read(struct xtcp_ephemeral *e, struct net *net)
{
	const struct xtcp_net *xn = xtcp_net(net);
	int low = READ_ONCE(xn->knobs.local_port_range[0]);
	int high = READ_ONCE(xn->knobs.local_port_range[1]);

	/* The two are written one after the other. */
	if (high < low)
		swap(low, high);
	e->net = net;
	e->low = low;
	e->count = high - low + 1;
	inet_get_local_port_range(net, &e->native_low, &e->native_high);
}

/**
 * xtcp_ephemeral_skips - is this port of the range not to be given out?
 * @e: the range
 * @port: host order
 *
 * The administrator's reserved ports are not, nor is what native TCP's range has
 * come to cover since ours was set: two allocators must never give out one 4-tuple.
 */
bool xtcp_ephemeral_skips(const struct xtcp_ephemeral *e, u16 port)
{
	return (port >= e->native_low && port <= e->native_high) ||
	       inet_is_local_reserved_port(e->net, port);
}

/**
 * xtcp_ephemeral_exhausted - none of the range was free: count it, and say why if it is
 * the administrator's doing
 * @e: the range
 */
void xtcp_ephemeral_exhausted(const struct xtcp_ephemeral *e)
{
	int low = e->low, high = e->low + e->count - 1;

	XTCP_INC(e->net, PORTEXHAUSTED);
	if (e->native_low <= high && low <= e->native_high)
		pr_warn_ratelimited("xtcp: no port left of net.xtcp.local_port_range %d %d: net.ipv4.ip_local_port_range %d %d has come to overlap it and has precedence; move one of them\n",
				    low, high, e->native_low, e->native_high);
}

/**
 * xtcp_ephemeral_order_random - an order that was never used and never will be
 * @o: filled
 * @e: the range
 */
void xtcp_ephemeral_order_random(struct xtcp_ephemeral_order *o, const struct xtcp_ephemeral *e)
{
	get_random_bytes(o->key, sizeof(o->key));
	o->start = 0;
	o->count = e->count;
	o->cell = NULL;
}

static u64 ephemeral_secret(const struct xtcp_key *key, u16 which, u32 extra)
{
	return siphash_4u32((__force u32)key->laddr, (__force u32)key->raddr,
			    (u32)(__force u16)key->rport << 16 | which, extra,
			    &xtcp_net(key->net)->port_key);
}

/**
 * xtcp_ephemeral_order_dest - the order for a destination (RFC 6056 3.3.4, threats 11)
 * @o: filled
 * @e: the range
 * @key: addresses and the peer's port
 *
 * Where the RFC walks upwards from a secret start, here the order itself is secret: a
 * permutation of the range. It goes on where the last connect() to this destination
 * stopped, so a port comes back as late as can be, and it is drawn anew when it has been
 * walked through, so nobody who watches one destination learns it. Destinations share
 * cells by chance; a port does not tell its place in the order, so that shows nowhere and
 * identifies no device.
 */
void xtcp_ephemeral_order_dest(struct xtcp_ephemeral_order *o, const struct xtcp_ephemeral *e,
			       const struct xtcp_key *key)
{
	u64 secret = ephemeral_secret(key, EPHEMERAL_SECRET_CELL, 0);
	u32 pos, round;

	o->cell = &ephemeral_cells[secret & (EPHEMERAL_CELLS - 1)];
	pos = READ_ONCE(*o->cell);
	round = pos / e->count;
	o->start = pos % e->count;
	o->count = e->count;
	secret = ephemeral_secret(key, EPHEMERAL_SECRET_KEY0, round);
	o->key[0] = (u32)secret;
	o->key[1] = secret >> 32;
	secret = ephemeral_secret(key, EPHEMERAL_SECRET_KEY1, round);
	o->key[2] = (u32)secret;
	o->key[3] = secret >> 32;
}

/**
 * xtcp_ephemeral_nth - the @i-th port to try
 * @e: the range
 * @o: its order
 * @i: below the range's count
 *
 * Return: a port, host order, another one for each @i
 */
u16 xtcp_ephemeral_nth(const struct xtcp_ephemeral *e, const struct xtcp_ephemeral_order *o, u32 i)
{
	return e->low + xtcp_portperm_nth(o->key, o->count, (o->start + i) % o->count);
}

/**
 * xtcp_ephemeral_took - the next connect() to this destination starts behind
 * @o: of the destination
 * @i: the place of the port taken
 */
void xtcp_ephemeral_took(const struct xtcp_ephemeral_order *o, u32 i)
{
	WRITE_ONCE(*o->cell, READ_ONCE(*o->cell) + i + 1);
}

/**
 * xtcp_ephemeral_init - the cells, at random places
 *
 * Return: 0 or -ENOMEM
 */
int xtcp_ephemeral_init(void)
{
	ephemeral_cells = kvmalloc_array(EPHEMERAL_CELLS, sizeof(*ephemeral_cells), GFP_KERNEL);
	if (!ephemeral_cells)
		return -ENOMEM;
	get_random_bytes(ephemeral_cells, EPHEMERAL_CELLS * sizeof(*ephemeral_cells));
	return 0;
}

/**
 * xtcp_ephemeral_exit - free the cells
 */
void xtcp_ephemeral_exit(void)
{
	kvfree(ephemeral_cells);
}

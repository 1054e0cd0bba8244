// SPDX-License-Identifier: GPL-2.0-only
/*
 * ephemeral.c owns the choice among ports that XTCP may give out by itself: the
 * range, and per destination the order of trying (RFC 6056; what a destination has in
 * use is dest.c's). No lock: two that take one cell's place at once meet again at the
 * 4-tuple, where the table decides.
 */
#include <linux/mm.h>
#include <linux/random.h>
#include <linux/siphash.h>
#include <net/ip.h>
#include <xtcp/portperm.h>

#include "compat.h"
#include "dest.h"
#include "ephemeral.h"
#include "guard.h"
#include "net.h"
#include "ports.h"
#include "portwait.h"
#include "tw.h"

/* RFC 6056 3.3.4 calls it TABLE_LENGTH. */
#define EPHEMERAL_CELLS		65536U

/* An order lasts no longer, so that who watches it learns nothing that lasts. */
#define EPHEMERAL_PERIOD	(10 * HZ)

/* Places of the order that connect() looks at before it searches for any free port. */
#define EPHEMERAL_WALK		4U

/* Which of a destination's secrets. */
enum { EPHEMERAL_SECRET_CELL, EPHEMERAL_SECRET_KEY0, EPHEMERAL_SECRET_KEY1 };

/* How far the orders have been walked since boot, by destination; see ephemeral_order_dest(). */
static u32 *ephemeral_cells __read_mostly;

/**
 * xtcp_ephemeral_read_net - the ranges of a namespace as the knobs have them now
 * @e: filled
 * @net: the namespace
 */
void xtcp_ephemeral_read_net(struct xtcp_ephemeral *e, struct net *net)
{
	const struct xtcp_net *xn = xtcp_net(net);
	int low = READ_ONCE(xn->knobs.local_port_range[0]);
	int high = READ_ONCE(xn->knobs.local_port_range[1]);

	/* The two are written one after the other. */
	if (high < low)
		swap(low, high);
	e->net = net;
	e->pinned = xn->pin_map;
	e->low = low;
	e->count = high - low + 1;
	e->whole = e->count;
	e->unprivileged = READ_ONCE(net->ipv4.sysctl_ip_prot_sock);
	inet_get_local_port_range(net, &e->native_low, &e->native_high);
}

/* IP_LOCAL_PORT_RANGE: either end counts if it lies in the namespace's range. */
static void ephemeral_narrow(struct xtcp_ephemeral *e, u32 low, u32 high)
{
	u32 first = e->low, last = e->low + e->count - 1;

	if (low >= first && low <= last)
		e->low = low;
	if (high >= first && high <= last)
		e->count = high - e->low + 1;
	else
		e->count = last - e->low + 1;
}

/**
 * xtcp_ephemeral_read - the ranges as they are now for one socket
 * @e: filled
 * @sk: locked; the socket that is to have a port
 *
 * A VRF has ports of its own, which the namespace's map of pinned ones does not know.
 */
void xtcp_ephemeral_read(struct xtcp_ephemeral *e, const struct sock *sk)
{
	xtcp_ephemeral_read_net(e, sock_net(sk));
	if (inet_sk_bound_l3mdev(sk))
		e->pinned = NULL;
	ephemeral_narrow(e, xtcp_compat_port_range_low(sk), xtcp_compat_port_range_high(sk));
}

/**
 * xtcp_ephemeral_usable - how many ports of the range may connect() choose?
 * @e: the range
 */
u32 xtcp_ephemeral_usable(const struct xtcp_ephemeral *e)
{
	u32 last = e->low + e->count - 1, word, n = 0;

	for (word = e->low / BITS_PER_LONG; word <= last / BITS_PER_LONG; word++)
		n += hweight_long(xtcp_ephemeral_word(e, word) &
				  xtcp_ephemeral_mask(word, e->low, last));
	return n;
}

/**
 * xtcp_ephemeral_check_range - may this be the range of ephemeral ports?
 * @net: namespace
 * @low: first port
 * @high: last port
 *
 * Two allocators must never give out one 4-tuple: the range may not overlap native's. And
 * what bind() asks a capability for is not given out to all.
 *
 * Return: 0 or -EINVAL
 */
int xtcp_ephemeral_check_range(struct net *net, int low, int high)
{
	int native_low, native_high;

	if (low < max(READ_ONCE(net->ipv4.sysctl_ip_prot_sock), 1) || high > U16_MAX || high < low)
		return -EINVAL;
	inet_get_local_port_range(net, &native_low, &native_high);
	if (high < native_low || low > native_high)
		return 0;
	pr_warn_ratelimited("xtcp: net.xtcp.local_port_range %d %d overlaps net.ipv4.ip_local_port_range %d %d: move net.ipv4.ip_local_port_range first\n",
			    low, high, native_low, native_high);
	return -EINVAL;
}

/**
 * xtcp_ephemeral_skips - is this port of the range not to be given out?
 * @e: the range
 * @port: host order
 *
 * The administrator's reserved ports are not, nor is what native TCP's range, or the
 * privileged ports, have come to cover since ours was set.
 */
bool xtcp_ephemeral_skips(const struct xtcp_ephemeral *e, u16 port)
{
	return (port >= e->native_low && port <= e->native_high) || port < e->unprivileged ||
	       inet_is_local_reserved_port(e->net, port);
}

/**
 * xtcp_ephemeral_mask - the ports of a range in one word of a map of ports
 * @word: its index
 * @first: first port of the range
 * @last: last one
 */
unsigned long xtcp_ephemeral_mask(u32 word, u32 first, u32 last)
{
	u32 base = word * BITS_PER_LONG, end = base + BITS_PER_LONG - 1;

	if (last < base || first > end || last < first)
		return 0;
	return GENMASK(min(last, end) - base, max(first, base) - base);
}

/**
 * xtcp_ephemeral_word - which ports of a word connect() may choose, wherever it goes to
 * @e: the range
 * @word: index into a map of ports
 *
 * As xtcp_ephemeral_skips(), and without those that somebody bound.
 */
unsigned long xtcp_ephemeral_word(const struct xtcp_ephemeral *e, u32 word)
{
	const unsigned long *reserved = e->net->ipv4.sysctl_local_reserved_ports;
	unsigned long no = xtcp_ephemeral_mask(word, e->native_low, e->native_high);

	if (e->unprivileged)
		no |= xtcp_ephemeral_mask(word, 0, e->unprivileged - 1);
	if (reserved)
		no |= READ_ONCE(reserved[word]);
	if (e->pinned)
		no |= READ_ONCE(e->pinned[word]);
	return ~no;
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

static u64 ephemeral_secret(const struct xtcp_key *key, u16 which, u32 round, u32 period)
{
	return siphash_3u64((__force u64)key->laddr << 32 | (__force u32)key->raddr,
			    (u64)(__force u16)key->rport << 16 | which,
			    (u64)period << 32 | round, &xtcp_net(key->net)->port_key);
}

/*
 * The order for a destination (RFC 6056 3.3.4). Where the RFC walks upwards from a secret
 * start, here the order itself is secret: a permutation of the range. It goes on where
 * the last connect() to this destination stopped, so a port comes back as late as can be,
 * and it is drawn anew when it has been walked through, so nobody who watches one
 * destination learns it. Destinations share cells by chance; a port does not tell its
 * place in the order, so that shows nowhere and identifies no device. Nor does it that of
 * two visits the second lacks the ports of the first: an order ends with its period.
 */
static void ephemeral_order_dest(struct xtcp_ephemeral_order *o, const struct xtcp_ephemeral *e,
				 const struct xtcp_key *key)
{
	u64 secret = ephemeral_secret(key, EPHEMERAL_SECRET_CELL, 0, 0);
	u32 period = div_u64(get_jiffies_64(), EPHEMERAL_PERIOD);
	u32 pos, round;

	o->cell = &ephemeral_cells[secret & (EPHEMERAL_CELLS - 1)];
	pos = READ_ONCE(*o->cell);
	round = pos / e->count;
	o->start = pos % e->count;
	o->count = e->count;
	secret = ephemeral_secret(key, EPHEMERAL_SECRET_KEY0, round, period);
	o->key[0] = (u32)secret;
	o->key[1] = secret >> 32;
	secret = ephemeral_secret(key, EPHEMERAL_SECRET_KEY1, round, period);
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

/* How connect() goes about it: each leg ends where nothing is left. */
enum ephemeral_leg {
	EPHEMERAL_LEG_WALK,		/* the first few in the secret order */
	EPHEMERAL_LEG_UP,		/* free ones from there up */
	EPHEMERAL_LEG_REST,		/* free ones below */
	EPHEMERAL_LEG_REUSE_UP,		/* those in TIME_WAIT long enough */
	EPHEMERAL_LEG_REUSE_REST,
	EPHEMERAL_LEG_DONE,
};

/**
 * struct ephemeral_choice - one connect() that looks for a port
 * @e: the range
 * @order: of the destination
 * @dest: the destination
 * @reuse: may TIME_WAIT be cut short, and for whom; or NULL (tw_reuse)
 * @leg: how far it is
 * @walked: places of @order it has been to
 * @from: the port at which the search for free ones begins
 * @next: the one at which it goes on
 *
 * A few places of the secret order come first: while the range is half empty, one of
 * them will do, and the next port is anybody's guess. Then any free one will do, from there
 * upwards; last those in TIME_WAIT. However full the range is, this ends soon.
 */
struct ephemeral_choice {
	struct xtcp_ephemeral e;
	struct xtcp_ephemeral_order order;
	struct xtcp_dest *dest;
	xtcp_tw_reuse_fn reuse;
	enum ephemeral_leg leg;
	u32 walked;
	u32 from;
	u32 next;
};

static u16 ephemeral_walk(struct ephemeral_choice *c)
{
	u32 most = min(EPHEMERAL_WALK, c->e.count);
	u16 port;

	while (c->walked < most) {
		port = xtcp_ephemeral_nth(&c->e, &c->order, c->walked++);
		c->from = port;
		if (xtcp_ephemeral_word(&c->e, port / BITS_PER_LONG) & BIT(port % BITS_PER_LONG) &&
		    xtcp_dest_is_free(c->dest, port))
			return port;
	}
	return 0;
}

/* The next on this leg, which ends at @last. */
static u16 ephemeral_search(struct ephemeral_choice *c, u32 last)
{
	u16 port;

	if (c->next > last)
		return 0;
	if (c->leg < EPHEMERAL_LEG_REUSE_UP)
		port = xtcp_dest_next_free(c->dest, &c->e, c->next, last);
	else
		port = xtcp_dest_next_reusable(c->dest, &c->e, c->next, last);
	c->next = port + 1;
	return port;
}

static void ephemeral_next_leg(struct ephemeral_choice *c)
{
	c->leg++;
	if (c->leg == EPHEMERAL_LEG_UP && c->walked == c->e.count)
		c->leg = EPHEMERAL_LEG_REUSE_UP;	/* been to all of them */
	if (c->leg == EPHEMERAL_LEG_REUSE_UP && !c->reuse)
		c->leg = EPHEMERAL_LEG_DONE;
	if (c->leg == EPHEMERAL_LEG_UP || c->leg == EPHEMERAL_LEG_REUSE_UP)
		c->next = c->from;
	else
		c->next = c->e.low;
}

/* The next port to try, or 0 when there is none left. */
static u16 ephemeral_next(struct ephemeral_choice *c)
{
	u32 high = c->e.low + c->e.count - 1;
	u16 port = 0;

	for (; c->leg < EPHEMERAL_LEG_DONE; ephemeral_next_leg(c)) {
		if (c->leg == EPHEMERAL_LEG_WALK)
			port = ephemeral_walk(c);
		else if (c->leg == EPHEMERAL_LEG_UP || c->leg == EPHEMERAL_LEG_REUSE_UP)
			port = ephemeral_search(c, high);
		else
			port = ephemeral_search(c, c->from - 1);
		if (port)
			break;
	}
	return port;
}

/* The next connect() to this destination starts behind. */
static void ephemeral_took(const struct ephemeral_choice *c)
{
	u32 *cell = c->order.cell;

	WRITE_ONCE(*cell, READ_ONCE(*cell) + c->walked);
}

static int ephemeral_try(struct sock *sk, struct ephemeral_choice *c, struct xtcp_key *key)
{
	int err;

	while ((key->lport = ephemeral_next(c))) {
		if (xtcp_guard_conflict(key)) {
			xtcp_dest_refuse(c->dest, key->lport);
			continue;
		}
		err = xtcp_ports_connect_via(sk, c->dest, key->lport, c->reuse);
		if (!err) {
			ephemeral_took(c);
			xtcp_dest_watch(c->dest, &c->e);
		}
		if (err != -EADDRINUSE)
			return err;
		cond_resched();
	}
	return -EADDRNOTAVAIL;
}

/* Who would wait for a port lets those have it who wait for one. */
static bool ephemeral_must_queue(const struct sock *sk, const struct ephemeral_choice *c)
{
	return READ_ONCE(xtcp_sk(sk)->connect_wait) && !xtcp_sk(sk)->portwait &&
	       xtcp_dest_is_awaited(c->dest, &c->e);
}

/* All ports have a connection to this peer. */
static int ephemeral_none(struct sock *sk, const struct ephemeral_choice *c)
{
	if (xtcp_sk(sk)->portwait)
		return -EADDRNOTAVAIL;	/* counted already */
	xtcp_ephemeral_exhausted(&c->e);
	return xtcp_portwait_begin(sk, c->dest, &c->e);
}

/**
 * xtcp_ephemeral_connect - a port for an active open
 * @sk: locked, SYN_SENT, without a port, addresses and peer's port set
 *
 * On success the socket is in the connection table.
 *
 * Return: 0; when every port has a connection to this peer, -EINPROGRESS if the socket
 * waits for one from now on, else -EADDRNOTAVAIL; -ENOMEM
 */
int xtcp_ephemeral_connect(struct sock *sk)
{
	struct ephemeral_choice c = {
		.reuse = xtcp_tw_reuses(sk) ? xtcp_tw_may_reuse : NULL,
	};
	struct xtcp_key key;
	int err;

	xtcp_demux_key_of_sock(&key, sk);
	xtcp_ephemeral_read(&c.e, sk);
	c.dest = xtcp_dest_get(&key, &c.e);
	if (!c.dest)
		return -ENOMEM;
	ephemeral_order_dest(&c.order, &c.e, &key);
	err = ephemeral_must_queue(sk, &c) ? -EADDRNOTAVAIL : ephemeral_try(sk, &c, &key);
	if (err == -EADDRNOTAVAIL)
		err = ephemeral_none(sk, &c);
	if (err)
		xtcp_dest_put(c.dest);
	return err;
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

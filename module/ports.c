// SPDX-License-Identifier: GPL-2.0-only
/*
 * ports.c owns the local ports: who has which, what may be shared, and the choice
 * of ephemeral ones.
 *
 * Locks: an owner entry, its lists, xtcp_sock.port, port_pinned and sk_bind_node are
 * written under the lock of its hash bucket (bottom halves off), which is taken
 * inside a socket's lock and outside of a demux bucket's; never two at a time.
 * Guards (guard.c) sleep: they are claimed and released outside of it.
 */
#include <linux/bitmap.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <net/addrconf.h>
#include <net/inet_hashtables.h>
#include <net/ip.h>

#include "compat.h"
#include "demux.h"
#include "dest.h"
#include "ephemeral.h"
#include "guard.h"
#include "ports.h"
#include "porttw.h"
#include "tw.h"

#define PORTS_BUCKETS		8192U
#define PORTS_LISTEN_TRIES	16

/**
 * struct xtcp_port - a local port with at least one holder
 * @node: in its bucket's chain
 * @net: namespace; its exit comes after the last holder's
 * @l3mdev: VRF, whose ports are its own; or 0
 * @num: the port, host order
 * @holders: sockets and TIME_WAIT buckets
 * @pins: those of them that bind() or listen() brought here; connect() stays away then
 * @owners: sockets, by sk_bind_node
 * @tws: TIME_WAIT buckets, counted
 * @uid: whose socket was the first here
 */
struct xtcp_port {
	struct hlist_node node;
	struct net *net;
	int l3mdev;
	u16 num;
	u32 holders;
	u32 pins;
	struct hlist_head owners;
	struct xtcp_porttw tws;
	kuid_t uid;
};

struct ports_bucket {
	spinlock_t lock;	/* its entries and their lists */
	struct hlist_head chain;
};

static struct ports_bucket *ports_table __read_mostly;
static struct kmem_cache *ports_slab;

static struct ports_bucket *ports_bucket(const struct net *net, u16 num)
{
	return &ports_table[(net_hash_mix(net) + num) & (PORTS_BUCKETS - 1)];
}

/* Entries. Bucket lock held. */

static struct xtcp_port *ports_find(struct ports_bucket *b, const struct net *net, u16 num,
				    int l3mdev)
{
	struct xtcp_port *p;

	lockdep_assert_held(&b->lock);
	hlist_for_each_entry(p, &b->chain, node)
		if (p->num == num && p->l3mdev == l3mdev && net_eq(p->net, net))
			return p;
	return NULL;
}

static struct xtcp_port *ports_create(struct ports_bucket *b, struct net *net, u16 num,
				      int l3mdev, kuid_t uid)
{
	struct xtcp_port *p = kmem_cache_zalloc(ports_slab, GFP_ATOMIC);

	lockdep_assert_held(&b->lock);
	if (!p)
		return NULL;
	p->net = net;
	p->num = num;
	p->l3mdev = l3mdev;
	p->uid = uid;
	hlist_add_head(&p->node, &b->chain);
	set_bit(num, xtcp_net(net)->port_map);
	return p;
}

/* The bit of the map stands for the port in every VRF, and these share a bucket. */
static void ports_destroy(struct ports_bucket *b, struct xtcp_port *p)
{
	struct xtcp_port *other;

	DEBUG_NET_WARN_ON_ONCE(p->pins || !hlist_empty(&p->owners) || !hlist_empty(&p->tws.groups));
	hlist_del(&p->node);
	hlist_for_each_entry(other, &b->chain, node)
		if (other->num == p->num && net_eq(other->net, p->net))
			goto out;
	clear_bit(p->num, xtcp_net(p->net)->port_map);
out:
	kmem_cache_free(ports_slab, p);
}

/* What connect() need not try. */
static void ports_map_pins(const struct xtcp_port *p)
{
	if (!p->l3mdev)
		assign_bit(p->num, xtcp_net(p->net)->pin_map, p->pins);
}

static void ports_hold(struct xtcp_port *p, bool pinned)
{
	p->holders++;
	p->pins += pinned;
	if (pinned && p->pins == 1)
		ports_map_pins(p);
}

static void ports_drop(struct ports_bucket *b, struct xtcp_port *p, bool pinned)
{
	lockdep_assert_held(&b->lock);
	p->pins -= pinned;
	if (pinned && !p->pins)
		ports_map_pins(p);
	if (!--p->holders)
		ports_destroy(b, p);
}

static void ports_own(struct xtcp_port *p, struct sock *sk, bool pinned)
{
	struct xtcp_sock *xs = xtcp_sk(sk);

	ports_hold(p, pinned);
	WRITE_ONCE(xs->port, p);	/* xtcp_ports_inherit() */
	xs->port_pinned = pinned;
	WRITE_ONCE(xs->port_lazy, false);
	sk_add_bind_node(sk, &p->owners);
	inet_sk(sk)->inet_num = p->num;
	inet_sk(sk)->inet_sport = htons(p->num);
}

/* A port that connect() chose: the socket's share in the destination, or NULL. */
static struct xtcp_dest *ports_dest(const struct xtcp_sock *xs)
{
	return xs->port_pinned ? NULL : xs->dest;
}

static void ports_disown(struct ports_bucket *b, struct sock *sk)
{
	struct xtcp_sock *xs = xtcp_sk(sk);
	struct xtcp_port *p = xs->port;

	hlist_del_init(&sk->sk_bind_node);
	WRITE_ONCE(xs->port, NULL);
	inet_sk(sk)->inet_num = 0;
	if (ports_dest(xs))
		xtcp_dest_release(xs->dest, p->num);
	xs->dest = NULL;
	ports_drop(b, p, xs->port_pinned);
	xs->port_pinned = false;
}

/* Conflicts. Bucket lock held. */

/* A connection has the port from its listener, whoever accepted it. */
static kuid_t ports_owner_uid(const struct xtcp_port *p, const struct sock *other)
{
	return (1 << READ_ONCE(other->sk_state)) & (TCPF_CLOSE | TCPF_LISTEN) ? other->sk_uid :
									       p->uid;
}

/* @exact: the port shall be the socket's alone as far as it overlaps (bind to port 0). */
static bool ports_owner_conflict(const struct xtcp_port *p, struct sock *sk, struct sock *other,
				 bool exact)
{
	bool reuseaddr, reuseport;

	if (!xtcp_ports_dev_overlap(sk, READ_ONCE(other->sk_bound_dev_if)) ||
	    !inet_rcv_saddr_equal(sk, other, true))
		return false;
	reuseaddr = other->sk_reuse && READ_ONCE(other->sk_state) != TCP_LISTEN;
	reuseport = sk->sk_reuseport && other->sk_reuseport &&
		    uid_eq(sk->sk_uid, ports_owner_uid(p, other));
	return exact || !xtcp_ports_may_share(sk, reuseaddr, reuseport);
}

static bool ports_conflict(const struct xtcp_port *p, struct sock *sk, bool exact)
{
	struct sock *other;

	sk_for_each_bound(other, &p->owners)
		if (other != sk && ports_owner_conflict(p, sk, other, exact))
			return true;
	return xtcp_porttw_conflict(&p->tws, sk, exact);
}

static int ports_claim(struct sock *sk, u16 num, bool exact)
{
	struct ports_bucket *b = ports_bucket(sock_net(sk), num);
	int l3mdev = inet_sk_bound_l3mdev(sk);
	struct xtcp_port *p;
	int err = 0;

	spin_lock_bh(&b->lock);
	p = ports_find(b, sock_net(sk), num, l3mdev);
	if (p && ports_conflict(p, sk, exact)) {
		err = -EADDRINUSE;
		goto out;
	}
	if (!p)
		p = ports_create(b, sock_net(sk), num, l3mdev, sk->sk_uid);
	if (p)
		ports_own(p, sk, true);
	else
		err = -ENOMEM;
out:
	spin_unlock_bh(&b->lock);
	return err;
}

/* Any port that nobody else has, in an order drawn for this call alone. */
static int ports_claim_any(struct sock *sk)
{
	struct xtcp_ephemeral_order order;
	struct xtcp_ephemeral e;
	u16 num;
	int err;
	u32 i;

	xtcp_ephemeral_read(&e, sk);
	xtcp_ephemeral_order_random(&order, &e);
	for (i = 0; i < e.count; i++) {
		num = xtcp_ephemeral_nth(&e, &order, i);
		if (xtcp_ephemeral_skips(&e, num))
			continue;
		err = ports_claim(sk, num, true);
		if (err != -EADDRINUSE)
			return err;
		cond_resched();
	}
	xtcp_ephemeral_exhausted(&e);
	return -EADDRINUSE;
}

/* Native TCP must respect what the user chose; address and device may have changed since. */
static int ports_guard(struct sock *sk)
{
	struct xtcp_sock *xs = xtcp_sk(sk);
	struct xtcp_guard *old = xs->guard;
	struct xtcp_guard *g;

	DEBUG_NET_WARN_ON_ONCE(!xs->port_pinned);
	g = xtcp_guard_claim(sk, inet_sk(sk)->inet_num);
	if (IS_ERR(g)) {
		if (PTR_ERR(g) == -EADDRINUSE)
			XTCP_INC(sock_net(sk), GUARDCONFLICT);
		return PTR_ERR(g);
	}
	xs->guard = g;
	if (old)
		xtcp_guard_release(old);
	return 0;
}

/**
 * xtcp_ports_get_port - struct proto.get_port: bind()
 * @sk: locked, its address set
 * @snum: the port, or 0 for any
 *
 * A port that the user named is claimed in native TCP, too. Any port means none for now:
 * connect() can then choose one that others have to other destinations. One that we
 * choose lies in a range that native TCP does not give out, and is claimed there only when
 * it listens.
 *
 * Return: 0, -EADDRINUSE, -EACCES or -ENOMEM
 */
int xtcp_ports_get_port(struct sock *sk, unsigned short snum)
{
	int err;

	sock_owned_by_me(sk);
	if (!snum) {
		WRITE_ONCE(xtcp_sk(sk)->port_lazy, true);
		return 0;
	}
	err = ports_claim(sk, snum, false);
	if (err)
		return err;
	err = ports_guard(sk);
	if (err)
		xtcp_ports_put_port(sk);
	return err;
}

/**
 * xtcp_ports_settle - getsockname() wants to know the port that bind() put off
 * @sk: not locked
 *
 * Return: 0, -EADDRINUSE when there is none, -ENOMEM
 */
int xtcp_ports_settle(struct sock *sk)
{
	int err = 0;

	if (!READ_ONCE(xtcp_sk(sk)->port_lazy))
		return 0;
	lock_sock(sk);
	if (xtcp_sk(sk)->port_lazy && !xtcp_sk(sk)->portwait)
		err = ports_claim_any(sk);
	release_sock(sk);
	return err;
}

/**
 * xtcp_ports_put_port - struct proto.put_port: gives the port up, if there is one
 * @sk: locked
 *
 * Context: any but hard interrupt.
 */
void xtcp_ports_put_port(struct sock *sk)
{
	struct xtcp_sock *xs = xtcp_sk(sk);
	struct ports_bucket *b;

	WRITE_ONCE(xs->port_lazy, false);
	if (!xs->port)
		return;
	if (xtcp_ports_guarded(sk))
		xtcp_guard_release(xs->guard);
	b = ports_bucket(xs->port->net, xs->port->num);
	spin_lock_bh(&b->lock);
	ports_disown(b, sk);
	spin_unlock_bh(&b->lock);
}

/* A listener that never was bound: a native socket on one port of ours is no obstacle. */
static int ports_listen_any(struct sock *sk)
{
	int tries, err;

	for (tries = 0; tries < PORTS_LISTEN_TRIES; tries++) {
		err = ports_claim_any(sk);
		if (err)
			return err;
		err = ports_guard(sk);
		if (!err)
			return 0;
		xtcp_ports_put_port(sk);
		if (err != -EADDRINUSE)
			return err;
	}
	return err;
}

/**
 * xtcp_ports_listen_ok - may the socket listen beside the other owners of its port?
 * @sk: locked, LISTEN, not yet in the listener table
 *
 * Asked again although bind() said yes: SO_REUSEADDR lets many bind, but only one listen.
 *
 * Return: 0, -EADDRINUSE, -EACCES or -ENOMEM
 */
int xtcp_ports_listen_ok(struct sock *sk)
{
	struct xtcp_port *p = xtcp_sk(sk)->port;
	struct ports_bucket *b;
	bool conflict;

	sock_owned_by_me(sk);
	if (!p)
		return ports_listen_any(sk);
	b = ports_bucket(p->net, p->num);
	spin_lock_bh(&b->lock);
	conflict = ports_conflict(p, sk, false);
	spin_unlock_bh(&b->lock);
	return conflict ? -EADDRINUSE : ports_guard(sk);
}

/* connect() */

/* Has bind() or listen() this port in any VRF? */
static bool ports_pinned(const struct ports_bucket *b, const struct net *net, u16 num)
{
	const struct xtcp_port *p;

	lockdep_assert_held(&b->lock);
	hlist_for_each_entry(p, &b->chain, node)
		if (p->num == num && p->pins && net_eq(p->net, net))
			return true;
	return false;
}

/* A 4-tuple that nobody bound has a share in the destination, and its end will be told. */
static void ports_note_taken(const struct ports_bucket *b, struct xtcp_dest *d,
			     const struct net *net, u16 num)
{
	if (ports_pinned(b, net, num))
		xtcp_dest_refuse(d, num);
	else
		xtcp_dest_learn(d, num);
}

/**
 * xtcp_ports_connect_via - connect() by a port that xtcp_ephemeral_connect() chose
 * @sk: locked, SYN_SENT, without a port, addresses and peer's port set
 * @d: its destination, with a share, which is the socket's on success
 * @num: the port, host order
 * @reuse: as in xtcp_demux_insert_sock()
 *
 * A port that somebody bound is left alone; one that connect() chose serves many.
 *
 * Return: 0, -EADDRINUSE or -ENOMEM
 */
int xtcp_ports_connect_via(struct sock *sk, struct xtcp_dest *d, u16 num, xtcp_tw_reuse_fn reuse)
{
	struct ports_bucket *b = ports_bucket(sock_net(sk), num);
	int l3mdev = inet_sk_bound_l3mdev(sk);
	struct xtcp_tw *old = NULL;
	struct xtcp_port *p;
	int err = -EADDRINUSE;

	spin_lock_bh(&b->lock);
	p = ports_find(b, sock_net(sk), num, l3mdev);
	if (p && p->pins) {
		xtcp_dest_refuse(d, num);
		goto out;
	}
	if (!p)
		p = ports_create(b, sock_net(sk), num, l3mdev, sk->sk_uid);
	if (!p) {
		err = -ENOMEM;
		goto out;
	}
	ports_own(p, sk, false);
	err = xtcp_demux_insert_sock(sk, reuse, &old);
	if (err) {
		ports_note_taken(b, d, sock_net(sk), num);
		ports_disown(b, sk);
		inet_sk(sk)->inet_sport = 0;
	}
out:
	spin_unlock_bh(&b->lock);
	if (old)
		xtcp_tw_release(sock_net(sk), old);	/* takes the lock of its port */
	if (err)
		return err;
	xtcp_sk(sk)->dest = d;
	xtcp_dest_take(d, num);
	return 0;
}

/* Who insists on a port may end its TIME_WAIT whatever tw_reuse says, as in native TCP. */
static int ports_connect_bound(struct sock *sk)
{
	struct xtcp_tw *old = NULL;
	struct xtcp_key key;
	int err;

	xtcp_demux_key_of_sock(&key, sk);
	if (xtcp_guard_conflict(&key))
		return -EADDRNOTAVAIL;
	err = xtcp_demux_insert_sock(sk, xtcp_tw_may_end, &old);
	if (old)
		xtcp_tw_release(sock_net(sk), old);
	return err == -EADDRINUSE ? -EADDRNOTAVAIL : err;
}

/**
 * xtcp_ports_connect - the local port of an active open
 * @sk: locked, SYN_SENT, addresses and peer's port set
 *
 * On success the socket is in the connection table.
 *
 * Return: 0, -EADDRNOTAVAIL when every port has a connection to this peer (or the bound
 * one has), -EINPROGRESS when it waits for one (portwait.c), -ENOMEM
 */
int xtcp_ports_connect(struct sock *sk)
{
	sock_owned_by_me(sk);
	if (xtcp_sk(sk)->port)
		return ports_connect_bound(sk);
	return xtcp_ephemeral_connect(sk);
}

/* Children and TIME_WAIT buckets */

/**
 * xtcp_ports_inherit - a child takes a share in its listener's port
 * @child: locked, xtcp_ports_init_clone() done, inet_num set, not hashed
 * @listener: referenced, not locked
 *
 * The listener may be closing: only what the bucket's chain says is true.
 *
 * Context: softirq.
 * Return: false when the listener has no such port any more
 */
bool xtcp_ports_inherit(struct sock *child, const struct sock *listener)
{
	u16 num = inet_sk(child)->inet_num;
	struct ports_bucket *b = ports_bucket(sock_net(child), num);
	struct xtcp_port *p;

	spin_lock_bh(&b->lock);
	hlist_for_each_entry(p, &b->chain, node)
		if (p == READ_ONCE(xtcp_sk(listener)->port) && p->num == num)
			break;
	if (p)
		ports_own(p, child, true);
	spin_unlock_bh(&b->lock);
	return p;
}

/**
 * xtcp_ports_tw_hold - TIME_WAIT keeps the port
 * @tw: its key is filled, and nobody knows it
 * @sk: locked, the connection it stands for
 */
void xtcp_ports_tw_hold(struct xtcp_tw *tw, struct sock *sk)
{
	struct xtcp_port *p = xtcp_sk(sk)->port;
	struct ports_bucket *b;

	if (!p)
		return;
	xtcp_tw_set_flag(tw, xtcp_porttw_flags(sk));
	b = ports_bucket(p->net, p->num);
	spin_lock_bh(&b->lock);
	ports_hold(p, xtcp_sk(sk)->port_pinned);
	xtcp_porttw_add(&p->tws, tw);
	if (ports_dest(xtcp_sk(sk))) {
		xtcp_dest_hand_over(xtcp_sk(sk)->dest, tw);
		xtcp_sk(sk)->dest = NULL;
	}
	spin_unlock_bh(&b->lock);
}

/*
 * The entry that a bucket holds. A VRF has its own entry for a number, and a bucket does
 * not say of which VRF it was, but buckets that look alike are interchangeable: which of
 * them held which entry, or once had no group, does not matter, the sums are right.
 */
static struct xtcp_port *ports_tw_take(struct ports_bucket *b, const struct net *net,
				       const struct xtcp_tw *tw)
{
	struct xtcp_port *p;

	lockdep_assert_held(&b->lock);
	hlist_for_each_entry(p, &b->chain, node)
		if (p->num == tw->lport && net_eq(p->net, net) && xtcp_porttw_remove(&p->tws, tw))
			return p;
	hlist_for_each_entry(p, &b->chain, node)
		if (p->num == tw->lport && net_eq(p->net, net) &&
		    xtcp_porttw_remove_any(&p->tws, tw))
			return p;
	return NULL;
}

/**
 * xtcp_ports_tw_drop - TIME_WAIT is over
 * @net: namespace
 * @tw: out of the table
 *
 * Context: any but hard interrupt; no port or demux lock held.
 */
void xtcp_ports_tw_drop(struct net *net, struct xtcp_tw *tw)
{
	struct ports_bucket *b = ports_bucket(net, tw->lport);
	u32 flags = xtcp_tw_flags(tw);
	struct xtcp_port *p;

	if (!(flags & XTCP_TW_PORT))
		return;
	spin_lock_bh(&b->lock);
	p = ports_tw_take(b, net, tw);
	DEBUG_NET_WARN_ON_ONCE(!p);
	if (p)
		ports_drop(b, p, flags & XTCP_TW_PINNED);
	if (!(flags & XTCP_TW_PINNED))
		xtcp_dest_tw_release(net, tw);
	spin_unlock_bh(&b->lock);
	xtcp_tw_clear_flag(tw, XTCP_TW_PORT);
}

/**
 * xtcp_ports_tw_wait - a bucket went from FIN_WAIT_2 to TIME_WAIT
 * @net: namespace
 * @tw: the bucket, referenced
 */
void xtcp_ports_tw_wait(struct net *net, const struct xtcp_tw *tw)
{
	if ((xtcp_tw_flags(tw) & (XTCP_TW_PORT | XTCP_TW_PINNED)) == XTCP_TW_PORT)
		xtcp_dest_tw_wait(net, tw);
}

/* Coming and going */

/**
 * xtcp_ports_net_init - the maps of ports
 * @xn: new namespace
 *
 * Return: 0 or -ENOMEM
 */
int xtcp_ports_net_init(struct xtcp_net *xn)
{
	xn->port_map = bitmap_zalloc(U16_MAX + 1, GFP_KERNEL_ACCOUNT);
	xn->pin_map = bitmap_zalloc(U16_MAX + 1, GFP_KERNEL_ACCOUNT);
	if (xn->port_map && xn->pin_map)
		return 0;
	bitmap_free(xn->port_map);
	bitmap_free(xn->pin_map);
	return -ENOMEM;
}

/**
 * xtcp_ports_net_exit - free the maps
 * @xn: its sockets, TIME_WAIT buckets and hooks are gone
 */
void xtcp_ports_net_exit(struct xtcp_net *xn)
{
	DEBUG_NET_WARN_ON_ONCE(!bitmap_empty(xn->port_map, U16_MAX + 1));
	DEBUG_NET_WARN_ON_ONCE(!bitmap_empty(xn->pin_map, U16_MAX + 1));
	bitmap_free(xn->port_map);
	bitmap_free(xn->pin_map);
	xn->port_map = NULL;
}

static void ports_exit_table(void)
{
	kvfree(ports_table);
	xtcp_porttw_exit();
	kmem_cache_destroy(ports_slab);
}

static int ports_init_table(void)
{
	unsigned int i;

	ports_slab = KMEM_CACHE(xtcp_port, 0);
	ports_table = kvcalloc(PORTS_BUCKETS, sizeof(*ports_table), GFP_KERNEL);
	if (xtcp_porttw_init() || !ports_slab || !ports_table) {
		ports_exit_table();
		return -ENOMEM;
	}
	for (i = 0; i < PORTS_BUCKETS; i++)
		spin_lock_init(&ports_table[i].lock);
	return 0;
}

/**
 * xtcp_ports_init - the table of ports
 *
 * Return: 0 or -ENOMEM
 */
int xtcp_ports_init(void)
{
	int err;

	err = ports_init_table();
	if (err)
		return err;
	err = xtcp_dest_init();
	if (err)
		goto err_table;
	err = xtcp_ephemeral_init();
	if (err)
		goto err_dest;
	return 0;

err_dest:
	xtcp_dest_exit();
err_table:
	ports_exit_table();
	return err;
}

/**
 * xtcp_ports_exit - free the table, empty by now
 */
void xtcp_ports_exit(void)
{
	xtcp_ephemeral_exit();
	xtcp_dest_exit();
	ports_exit_table();
}

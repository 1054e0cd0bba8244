// SPDX-License-Identifier: GPL-2.0-only
/*
 * guard.c owns the guards: claims on ports that native TCP honours too.
 *
 * guard_mutex: a guard is found, made and destroyed under it; taken inside a
 * socket's lock. guard_lock: a leaf, its users and the list of those that lost
 * the last one; taken in any context, since the last owner of a port may go in
 * softirq. Such a guard is destroyed by the work item, unless somebody claims
 * the same port before.
 */
#include <linux/fs.h>
#include <linux/hashtable.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/workqueue.h>
#include <net/inet_hashtables.h>
#include <net/tcp.h>

#include "compat.h"
#include "demux.h"
#include "guard.h"

/**
 * struct xtcp_guard - a native socket that holds (address, port, device)
 * @node: in guard_table; guard_mutex
 * @idle: in guard_idle when nobody uses it; guard_lock
 * @net: namespace, not held: its exit flushes us
 * @addr: local address or 0
 * @dev: device or 0
 * @port: host order
 * @users: XTCP sockets that share it; guard_lock
 * @sock: bound, never listening; does not hold its namespace
 */
struct xtcp_guard {
	struct hlist_node node;
	struct list_head idle;
	struct net *net;
	__be32 addr;
	int dev;
	u16 port;
	unsigned int users;
	struct socket *sock;
};

static DEFINE_HASHTABLE(guard_table, 8);
static DEFINE_MUTEX(guard_mutex);
static DEFINE_SPINLOCK(guard_lock);
static LIST_HEAD(guard_idle);
static struct kmem_cache *guard_slab;

static void guard_work_fn(struct work_struct *work);
static DECLARE_WORK(guard_work, guard_work_fn);

static u32 guard_hash(const struct net *net, u16 port)
{
	return net_hash_mix(net) + port;
}

/* *@sibling: another guard has this port, by another address or device. */
static struct xtcp_guard *guard_find(const struct sock *sk, u16 port, bool *sibling)
{
	const struct net *net = sock_net(sk);
	struct xtcp_guard *g;

	lockdep_assert_held(&guard_mutex);
	*sibling = false;
	hash_for_each_possible(guard_table, g, node, guard_hash(net, port)) {
		if (g->port != port || !net_eq(g->net, net))
			continue;
		if (g->addr == sk->sk_rcv_saddr && g->dev == sk->sk_bound_dev_if)
			return g;
		*sibling = true;
	}
	return NULL;
}

static void guard_hold(struct xtcp_guard *g)
{
	spin_lock_bh(&guard_lock);
	if (!g->users++)
		list_del_init(&g->idle);
	spin_unlock_bh(&guard_lock);
}

/*
 * Guards of one port must not exclude each other: whether their owners may share it
 * is for ports.c to say. They do so as a SO_REUSEPORT group of a user that nobody
 * can be, so that no native socket is ever let in.
 */
static void guard_set_owner(struct socket *sock)
{
	SOCK_INODE(sock)->i_uid = INVALID_UID;
	sock->sk->sk_uid = INVALID_UID;
}

/*
 * kernel_bind() would ask the cgroup's programs a second time. A guard bound with
 * SO_REUSEADDR makes its port one that native TCP gives to every other socket with
 * it unseen, hence it is tried without first; and with it set afterwards native could
 * even listen beside us.
 */
static int guard_bind(struct xtcp_guard *g, bool reuse, bool sibling)
{
	struct sock *nsk = g->sock->sk;
	struct inet_sock *inet = inet_sk(nsk);
	int err;

	lock_sock(nsk);
	inet->inet_rcv_saddr = g->addr;
	inet->inet_saddr = g->addr;
	nsk->sk_bound_dev_if = g->dev;
	nsk->sk_reuseport = sibling;
	err = nsk->sk_prot->get_port(nsk, g->port);
	if (err && reuse) {
		nsk->sk_reuse = SK_CAN_REUSE;
		err = nsk->sk_prot->get_port(nsk, g->port);
		nsk->sk_reuse = SK_NO_REUSE;
	}
	nsk->sk_reuseport = 1;
	if (!err) {
		inet->inet_sport = htons(g->port);
		nsk->sk_userlocks |= SOCK_BINDADDR_LOCK | SOCK_BINDPORT_LOCK;
	}
	release_sock(nsk);
	return err > 0 ? -EADDRINUSE : err;
}

static struct xtcp_guard *guard_create(const struct sock *sk, u16 port, bool sibling)
{
	struct xtcp_guard *g;
	int err;

	lockdep_assert_held(&guard_mutex);
	g = kmem_cache_zalloc(guard_slab, GFP_KERNEL);
	if (!g)
		return ERR_PTR(-ENOMEM);
	INIT_LIST_HEAD(&g->idle);
	g->net = sock_net(sk);
	g->addr = sk->sk_rcv_saddr;
	g->dev = sk->sk_bound_dev_if;
	g->port = port;
	g->users = 1;
	err = sock_create_kern(g->net, AF_INET, SOCK_STREAM, IPPROTO_TCP, &g->sock);
	if (err)
		goto err_free;
	guard_set_owner(g->sock);
	err = guard_bind(g, sk->sk_reuse, sibling);
	if (err)
		goto err_sock;
	hash_add(guard_table, &g->node, guard_hash(g->net, port));
	return g;

err_sock:
	sock_release(g->sock);
err_free:
	kmem_cache_free(guard_slab, g);
	return ERR_PTR(err);
}

/**
 * xtcp_guard_claim - claim a port in native TCP
 * @sk: locked; its address, device, SO_REUSEADDR and namespace count
 * @port: host order
 *
 * Owners of the same address, port and device share one guard. SO_REUSEADDR lets the
 * guard in beside native sockets that have it too and do not listen (old connections
 * of a server that was restarted); none of them can listen afterwards.
 *
 * Context: process, sleeps.
 * Return: a guard to release, or ERR_PTR: -EADDRINUSE, -EACCES, -ENOMEM
 */
struct xtcp_guard *xtcp_guard_claim(const struct sock *sk, u16 port)
{
	struct xtcp_guard *g;
	bool sibling;

	sock_owned_by_me(sk);
	mutex_lock(&guard_mutex);
	g = guard_find(sk, port, &sibling);
	if (g)
		guard_hold(g);
	else
		g = guard_create(sk, port, sibling);
	mutex_unlock(&guard_mutex);
	return g;
}

/**
 * xtcp_guard_release - give up a share in a guard
 * @g: claimed before
 *
 * Native TCP gets the port back a moment later, or at xtcp_guard_flush().
 * Context: any but hard interrupt.
 */
void xtcp_guard_release(struct xtcp_guard *g)
{
	spin_lock_bh(&guard_lock);
	if (!--g->users) {
		list_add_tail(&g->idle, &guard_idle);
		schedule_work(&guard_work);
	}
	spin_unlock_bh(&guard_lock);
}

/* Destroys what nobody uses. No claim can come between: it needs the mutex. */
static void guard_reap(void)
{
	struct xtcp_guard *g, *next;
	LIST_HEAD(dead);

	mutex_lock(&guard_mutex);
	spin_lock_bh(&guard_lock);
	list_splice_init(&guard_idle, &dead);
	spin_unlock_bh(&guard_lock);
	list_for_each_entry_safe(g, next, &dead, idle) {
		hash_del(&g->node);
		sock_release(g->sock);
		kmem_cache_free(guard_slab, g);
	}
	mutex_unlock(&guard_mutex);
}

static void guard_work_fn(struct work_struct *work)
{
	guard_reap();
}

/**
 * xtcp_guard_flush - every guard released so far is gone on return
 *
 * For the exit of a namespace, which guards do not hold. Not by waiting for the work
 * item: the worker of namespaces may not wait for one of an ordinary queue.
 * Context: process, sleeps.
 */
void xtcp_guard_flush(void)
{
	guard_reap();
}

/* Of any device: what comes by the one that a native socket is bound to goes there. */
static bool guard_native_has_anywhere(const struct xtcp_key *key)
{
	const struct inet_hashinfo *info = key->net->ipv4.tcp_death_row.hashinfo;
	u32 hash = inet_ehashfn(key->net, key->laddr, key->lport, key->raddr, key->rport);
	u32 slot = hash & info->ehash_mask;
	const struct hlist_nulls_node *node;
	struct sock *nsk;

again:
	sk_nulls_for_each_rcu(nsk, node, &info->ehash[slot].chain)
		if (nsk->sk_hash == hash && net_eq(sock_net(nsk), key->net) &&
		    nsk->sk_rcv_saddr == key->laddr && nsk->sk_daddr == key->raddr &&
		    nsk->sk_num == key->lport && nsk->sk_dport == key->rport)
			return true;
	if (get_nulls_value(node) != slot)
		goto again;
	return false;
}

static bool guard_native_has_by(const struct xtcp_key *key)
{
	struct sock *nsk;

	nsk = __inet_lookup_established(key->net, key->net->ipv4.tcp_death_row.hashinfo,
					key->raddr, key->rport, key->laddr, key->lport,
					key->dif, key->sdif);
	if (nsk)
		sock_gen_put(nsk);
	return nsk;
}

/**
 * xtcp_guard_native_has - does native TCP have a connection with this 4-tuple?
 * @key: the 4-tuple; TIME_WAIT and half-open ones count
 *
 * Without a device in @key those count that are bound to one.
 *
 * Context: RCU, not in hard interrupt.
 */
bool xtcp_guard_native_has(const struct xtcp_key *key)
{
	return key->dif ? guard_native_has_by(key) : guard_native_has_anywhere(key);
}

/**
 * xtcp_guard_conflict - the same for connect(), which must stay away then: counted
 * @key: the 4-tuple
 */
bool xtcp_guard_conflict(const struct xtcp_key *key)
{
	bool has;

	rcu_read_lock();
	has = xtcp_guard_native_has(key);
	rcu_read_unlock();
	if (!has)
		return false;
	XTCP_INC(key->net, GUARDCONFLICT);
	return true;
}

/**
 * xtcp_guard_init - the slab of guards
 *
 * Return: 0 or -ENOMEM
 */
int xtcp_guard_init(void)
{
	guard_slab = KMEM_CACHE(xtcp_guard, SLAB_ACCOUNT);
	return guard_slab ? 0 : -ENOMEM;
}

/**
 * xtcp_guard_exit - no guard is left behind
 *
 * No socket lives any more, so all have been released.
 */
void xtcp_guard_exit(void)
{
	cancel_work_sync(&guard_work);
	guard_reap();
	DEBUG_NET_WARN_ON_ONCE(!hash_empty(guard_table));
	kmem_cache_destroy(guard_slab);
}

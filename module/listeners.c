// SPDX-License-Identifier: GPL-2.0-only
/*
 * listeners.c owns the listener table: by local port, under a bucket's lock, a leaf.
 * Listeners are freed after a grace period, so a reader in RCU needs no reference.
 */
#include <linux/prandom.h>

#include "compat.h"
#include "demux.h"
#include "sock.h"

#define LISTENERS_BUCKETS	1024U

/* @cookie_stamp: jiffies when a listener of it last sent a cookie, 0: never */
struct listeners_bucket {
	spinlock_t lock;
	u32 cookie_stamp;
	struct hlist_nulls_head head;
};

static struct listeners_bucket listeners_table[LISTENERS_BUCKETS];

static struct listeners_bucket *listeners_bucket(const struct net *net, u16 port)
{
	return &listeners_table[(port + net_hash_mix(net)) & (LISTENERS_BUCKETS - 1)];
}

/* -1: not for this key; else the more specific, the higher. */
static int listeners_score(const struct sock *sk, const struct xtcp_key *key)
{
	__be32 addr = READ_ONCE(sk->sk_rcv_saddr);
	int bound = READ_ONCE(sk->sk_bound_dev_if);

	if (sk->sk_num != key->lport || !net_eq(sock_net(sk), key->net) ||
	    (addr && addr != key->laddr) || !xtcp_key_dev_match(key, bound) ||
	    READ_ONCE(sk->sk_state) != TCP_LISTEN)
		return -1;
	return (addr ? 4 : 0) + (bound ? 2 : 0) +
	       (READ_ONCE(sk->sk_incoming_cpu) == raw_smp_processor_id());
}

/*
 * Does the @n-th of equal listeners take the 4-tuple from those before it? One in @n does,
 * so that all get the same share; the 4-tuple's hash decides, so always the same one gets
 * it while the group is the same.
 */
static bool listeners_group_takes(const struct xtcp_key *key, u32 n, u32 *state)
{
	*state = n == 2 ? xtcp_demux_hash(key) : next_pseudo_random32(*state);
	return !reciprocal_scale(*state, n);
}

/**
 * xtcp_listeners_find - the most specific listener for a segment; among equals of a
 *	SO_REUSEPORT group those whose SO_INCOMING_CPU is this one, and of them the
 *	4-tuple's hash chooses
 * @key: the segment's 4-tuple
 * @skb: the segment, for the choice within a group
 *
 * Context: RCU read side, which alone keeps the result alive.
 * Return: the listener without a reference, or NULL
 */
struct sock *xtcp_listeners_find(const struct xtcp_key *key, struct sk_buff *skb)
{
	struct listeners_bucket *b = listeners_bucket(key->net, key->lport);
	const struct hlist_nulls_node *node;
	u32 group, state = 0;
	struct sock *sk, *best;
	int score, best_score;

again:
	best = NULL;
	best_score = -1;
	group = 0;
	sk_nulls_for_each_rcu(sk, node, &b->head) {
		score = listeners_score(sk, key);
		if (score < 0 || score < best_score)
			continue;
		group = score > best_score ? 1 : group + 1;
		best_score = score;
		if (group == 1 || listeners_group_takes(key, group, &state))
			best = sk;
	}
	if (get_nulls_value(node) != (unsigned long)(b - listeners_table))
		goto again;
	return best;
}

/**
 * xtcp_listeners_heir - who takes over what waits with a listener that closed
 * @sk: it was one, and is in the table no more
 * @key: 4-tuple of the request or child
 *
 * Context: RCU read side, which alone keeps the result alive.
 * Return: a listener of the same SO_REUSEPORT group, or NULL; with migrate_req 0 always
 */
struct sock *xtcp_listeners_heir(const struct sock *sk, const struct xtcp_key *key)
{
	struct sock *to;

	if (!sk->sk_reuseport || !xtcp_knob(key->net, migrate_req))
		return NULL;
	to = xtcp_listeners_find(key, NULL);
	if (to && to->sk_reuseport && uid_eq(to->sk_uid, sk->sk_uid) &&
	    to->sk_rcv_saddr == sk->sk_rcv_saddr && to->sk_bound_dev_if == sk->sk_bound_dev_if)
		return to;
	XTCP_INC(key->net, MIGRATEREQFAILURE);
	return NULL;
}

/**
 * xtcp_listeners_cookie_stamp - when was a cookie sent for a port?
 * @sk: a listener on it, not locked
 *
 * A cookie's ACK may find another of its SO_REUSEPORT group, or the server's next
 * instance, so the port remembers (with the few that share its bucket), not the listener.
 *
 * Return: jiffies, low 32 bits, 0 for never; by READ_ONCE and WRITE_ONCE
 */
u32 *xtcp_listeners_cookie_stamp(const struct sock *sk)
{
	return &listeners_bucket(sock_net(sk), sk->sk_num)->cookie_stamp;
}

/**
 * xtcp_listeners_insert - make a listener findable
 * @sk: locked, SOCK_RCU_FREE
 */
void xtcp_listeners_insert(struct sock *sk)
{
	struct listeners_bucket *b = listeners_bucket(sock_net(sk), sk->sk_num);

	sock_owned_by_me(sk);
	spin_lock_bh(&b->lock);
	__sk_nulls_add_node_rcu(sk, &b->head);
	sock_prot_inuse_add(sock_net(sk), sk->sk_prot, 1);
	spin_unlock_bh(&b->lock);
}

/**
 * xtcp_listeners_remove - new segments find it no more
 * @sk: locked
 */
void xtcp_listeners_remove(struct sock *sk)
{
	struct listeners_bucket *b = listeners_bucket(sock_net(sk), sk->sk_num);

	spin_lock_bh(&b->lock);
	if (__sk_nulls_del_node_init_rcu(sk))
		sock_prot_inuse_add(sock_net(sk), sk->sk_prot, -1);
	spin_unlock_bh(&b->lock);
}

/**
 * xtcp_listeners_walk - visit the listener table (demux.h)
 * @it: cursor
 * @fn: called with the bucket's lock held; must not sleep
 * @arg: for @fn
 */
int xtcp_listeners_walk(struct xtcp_demux_iter *it,
			int (*fn)(struct sock *sk, void *arg), void *arg)
{
	struct hlist_nulls_node *node;
	struct sock *sk;
	unsigned int n;
	int ret = 0;

	for (; it->bucket < LISTENERS_BUCKETS; it->bucket++, it->offset = 0) {
		struct listeners_bucket *b = &listeners_table[it->bucket];

		n = 0;
		spin_lock_bh(&b->lock);
		sk_nulls_for_each(sk, node, &b->head) {
			if (!net_eq(sock_net(sk), it->net) || n++ < it->offset)
				continue;
			ret = fn(sk, arg);
			if (ret)
				break;
			it->offset++;
		}
		spin_unlock_bh(&b->lock);
		if (ret)
			return ret;
	}
	return 0;
}

/**
 * xtcp_listeners_init - the table, empty
 */
void xtcp_listeners_init(void)
{
	unsigned int i;

	for (i = 0; i < LISTENERS_BUCKETS; i++) {
		spin_lock_init(&listeners_table[i].lock);
		INIT_HLIST_NULLS_HEAD(&listeners_table[i].head, i);
	}
}

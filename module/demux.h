/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The tables in which a segment finds its owner.
 *
 * Connection table: one bucket per hash with three chains, full sockets, minis
 * (half-open requests) and TIME_WAIT buckets, under one lock and one seqcount. A
 * reader walks the chains in RCU and, when it found nothing, looks again if the
 * seqcount moved, so that it cannot miss a 4-tuple while its owner changes kind. All
 * memory is type-stable: take a reference with *_not_zero, then compare key and
 * namespace again.
 *
 * Listener table: by local port, sockets freed after a grace period, so a
 * reader in RCU needs no reference.
 *
 * Lock order: socket -> port -> bucket -> leaves. Buckets are taken with
 * bottom halves off.
 */
#ifndef _XTCP_DEMUX_H
#define _XTCP_DEMUX_H

#include <linux/list_nulls.h>
#include <linux/refcount.h>
#include <linux/seqlock.h>
#include <net/inet_sock.h>

#include "expq.h"
#include "twmem.h"

/**
 * struct xtcp_key - a 4-tuple as the local side sees it, with its namespace and device
 * @net: namespace
 * @laddr: local address, @raddr: remote address (IPv4)
 * @lport: local port, host order
 * @rport: remote port, network order
 * @family: AF_INET
 * @dif: device the segment came in by (master's index when enslaved to a VRF), 0: any
 * @sdif: the enslaved device, or 0
 */
struct xtcp_key {
	struct net *net;
	__be32 laddr;
	__be32 raddr;
	u16 lport;
	__be16 rport;
	u16 family;
	int dif;
	int sdif;
};

/* Does a segment that came in by the key's devices belong to what is bound to @bound? */
static inline bool xtcp_key_dev_match(const struct xtcp_key *key, int bound)
{
	if (!key->dif)
		return true;
	return inet_sk_bound_dev_eq(key->net, bound, key->dif, key->sdif);
}

enum xtcp_kind {
	XTCP_KIND_NONE,
	XTCP_KIND_SOCK,
	XTCP_KIND_REQ,
	XTCP_KIND_TW,
	XTCP_KIND_LISTENER,
};

/**
 * struct xtcp_mini - what the tables know of a half-open request
 * @node: link in the bucket's mini chain; first, and never cleared on
 *	allocation: the memory is type-stable
 * @netid: xtcp_net.id of its namespace
 * @ref: one for the table, one for the expiry queue, one per finder
 * @lport: local port, host order
 * @rport: remote port
 * @laddr: local address
 * @raddr: remote address
 * @bound_dev_if: device this 4-tuple is bound to, or 0
 * @exp: membership in its expiry queue
 */
struct xtcp_mini {
	struct hlist_nulls_node node;
	u32 netid;
	refcount_t ref;
	int bound_dev_if;
	__be32 laddr;
	__be32 raddr;
	u16 lport;
	__be16 rport;
	struct xtcp_expent exp;
};

/**
 * struct xtcp_found - the owner of a segment
 * @kind: what it is
 * @answer: of a SYN that a listener has, the route of the SYN-ACK with a reference, if it is
 *	known already, else NULL
 *
 * Holds a reference on the owner, except on a listener (RCU).
 */
struct xtcp_found {
	enum xtcp_kind kind;
	union {
		struct sock *sk;
		struct xtcp_mini *mini;
		struct xtcp_tw *tw;
	};
	struct dst_entry *answer;
};

/* Frees what a mini holds and its memory; called with the last reference. */
struct xtcp_mini_ops {
	void (*free)(struct xtcp_mini *mini);
};

int xtcp_demux_init(void);
void xtcp_demux_exit(void);
void xtcp_demux_register(const struct xtcp_mini_ops *ops);

u32 xtcp_demux_hash(const struct xtcp_key *key);
void xtcp_demux_key_of_sock(struct xtcp_key *key, const struct sock *sk);

/* RCU read side, bottom halves off; the connection table only. */
void xtcp_demux_lookup(const struct xtcp_key *key, struct xtcp_found *f);
void xtcp_demux_put(const struct xtcp_found *f);
/* The same, full sockets only; referenced, or NULL. */
struct sock *xtcp_demux_sock(const struct xtcp_key *key);
/* RCU read side; best listener for the key or NULL, no reference taken. */
struct sock *xtcp_listeners_find(const struct xtcp_key *key, struct sk_buff *skb);

/* Is the 4-tuple free? Called by ports.c while choosing; only a hint, insert decides. */
bool xtcp_demux_is_free(const struct xtcp_key *key);

/* May connect() of this socket end this TIME_WAIT bucket? Its demux bucket's lock is held. */
typedef bool (*xtcp_tw_reuse_fn)(struct sock *sk, struct xtcp_tw *tw);

/**
 * xtcp_demux_insert_sock - enter a connecting socket (its addresses and ports set)
 * @reuse_tw: asked, under the bucket lock, when a TIME_WAIT bucket has the 4-tuple:
 *	true lets the socket replace it (the bucket is unhashed and handed to *@old,
 *	the table's reference with it); NULL: never
 *
 * 0, or -EADDRINUSE when the 4-tuple has an owner.
 */
int xtcp_demux_insert_sock(struct sock *sk, xtcp_tw_reuse_fn reuse_tw, struct xtcp_tw **old);
/* Enters a mini (key fields set, ref counted by the caller); -EADDRINUSE if taken. */
int xtcp_demux_insert_mini(struct net *net, struct xtcp_mini *mini);
/* A copy takes a request's place; false when @old was already unhashed by another. */
bool xtcp_demux_replace_mini(struct net *net, struct xtcp_mini *old, struct xtcp_mini *mini);
/* Child takes its request's place; false when the request was already unhashed by another. */
bool xtcp_demux_replace_req(struct xtcp_mini *req, struct sock *child);
/* TIME_WAIT bucket takes its socket's place; false when @sk was not hashed. */
bool xtcp_demux_replace_sock(struct sock *sk, struct xtcp_tw *tw);
void xtcp_demux_remove_sock(struct sock *sk);
/* True for the one caller that unhashed it: it owns the table's reference. */
bool xtcp_demux_remove_mini(struct net *net, struct xtcp_mini *mini);
bool xtcp_demux_remove_tw(struct net *net, struct xtcp_tw *tw);

/* Listener table (listeners.c); socket lock held. */
void xtcp_listeners_init(void);
void xtcp_listeners_insert(struct sock *sk);
void xtcp_listeners_remove(struct sock *sk);
struct sock *xtcp_listeners_heir(const struct sock *sk, const struct xtcp_key *key);
u32 *xtcp_listeners_cookie_stamp(const struct sock *sk);

void xtcp_mini_put(struct xtcp_mini *mini);
static inline bool xtcp_mini_hold_not_zero(struct xtcp_mini *mini)
{
	return refcount_inc_not_zero(&mini->ref);
}

/* The key under which a mini is found. */
static inline void xtcp_mini_key(struct xtcp_key *key, struct net *net,
				 const struct xtcp_mini *mini)
{
	*key = (struct xtcp_key) {
		.net = net,
		.laddr = mini->laddr,
		.raddr = mini->raddr,
		.lport = mini->lport,
		.rport = mini->rport,
		.family = AF_INET,
		.dif = mini->bound_dev_if,
	};
}

/* The key under which a TIME_WAIT bucket is found. */
static inline void xtcp_tw_key(struct xtcp_key *key, struct net *net, const struct xtcp_tw *tw)
{
	*key = (struct xtcp_key) {
		.net = net,
		.laddr = tw->laddr,
		.raddr = tw->raddr,
		.lport = tw->lport,
		.rport = tw->rport,
		.family = AF_INET,
		.dif = tw->bound_dev_if,
	};
}

static inline bool xtcp_mini_hashed(const struct xtcp_mini *mini)
{
	return !hlist_nulls_unhashed_lockless(&mini->node);
}

/**
 * struct xtcp_demux_iter - cursor over a table for /proc
 * @net: only this namespace's entries
 * @bucket: the next to visit
 * @offset: entries of it already visited
 */
struct xtcp_demux_iter {
	struct net *net;
	unsigned int bucket;
	unsigned int offset;
};

/**
 * struct xtcp_chains - how many entries the chains of a bucket have
 * @socks: connections
 * @minis: half-open requests
 * @tws: TIME_WAIT buckets
 * @all: these together, what a look-up that finds nothing walks
 */
struct xtcp_chains {
	unsigned int socks;
	unsigned int minis;
	unsigned int tws;
	unsigned int all;
};

/* chains.c */
bool xtcp_chains_count(unsigned int bucket, struct xtcp_chains *c);
/*
 * Calls @fn for each connection, request and bucket of @it->net from the cursor on, a
 * reference held during the call, until it returns non-zero, which is returned; the
 * cursor then stands on that entry. 0 at the end.
 */
int xtcp_chains_walk(struct xtcp_demux_iter *it,
		     int (*fn)(const struct xtcp_found *f, void *arg), void *arg);
/* The same over the listener table; the listener is not referenced, RCU is held. */
int xtcp_listeners_walk(struct xtcp_demux_iter *it,
			int (*fn)(struct sock *sk, void *arg), void *arg);

#endif /* _XTCP_DEMUX_H */

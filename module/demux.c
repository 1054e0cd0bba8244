// SPDX-License-Identifier: GPL-2.0-only
/*
 * demux.c owns the connection table: where a segment finds its owner. See demux.h for
 * the locks and the rules of look-up.
 */
#include <linux/hash.h>
#include <linux/mm.h>
#include <linux/moduleparam.h>
#include <linux/rculist_nulls.h>
#include <linux/siphash.h>
#include <net/inet_hashtables.h>

#include "compat.h"
#include "demux.h"
#include "demux_bucket.h"
#include "net.h"
#include "sock.h"

struct xtcp_demux_bucket *xtcp_demux_table __read_mostly;
unsigned int xtcp_demux_mask __read_mostly;
static hsiphash_key_t demux_key __read_mostly;
static const struct xtcp_mini_ops *demux_mini_ops __ro_after_init;

static struct xtcp_demux_bucket *demux_bucket(u32 hash)
{
	return &xtcp_demux_table[hash & xtcp_demux_mask];
}

/**
 * xtcp_demux_hash - keyed hash of a 4-tuple in its namespace
 * @key: the 4-tuple
 *
 * Keyed, so that nobody outside can aim at one chain.
 */
u32 xtcp_demux_hash(const struct xtcp_key *key)
{
	return hsiphash_4u32((__force u32)key->laddr, (__force u32)key->raddr,
			     (u32)key->lport << 16 | (__force u32)key->rport,
			     net_hash_mix(key->net), &demux_key);
}

#define DEMUX_RECENT_BITS	6

/**
 * struct demux_recent - a hash computed on a CPU of late; bottom halves off
 * @laddr: local address that it is of
 * @raddr: remote address
 * @ports: both ports
 * @mix: of the namespace
 * @hash: the hash
 */
struct demux_recent {
	__be32 laddr;
	__be32 raddr;
	u32 ports;
	u32 mix;
	u32 hash;
};

static DEFINE_PER_CPU(struct demux_recent[1 << DEMUX_RECENT_BITS], demux_recent);

/*
 * LOCAL_IN asks for what PRE_ROUTING asked for just before, and a connection's next segment
 * for what the last one did. Who aims at one of these places only makes us compute.
 */
static u32 demux_hash_again(const struct xtcp_key *key)
{
	u32 ports = (u32)key->lport << 16 | (__force u32)key->rport;
	u32 at = hash_32(ports ^ (__force u32)key->raddr, DEMUX_RECENT_BITS);
	struct demux_recent *r = this_cpu_ptr(&demux_recent[at]);
	u32 mix = net_hash_mix(key->net);

	if (r->laddr != key->laddr || r->raddr != key->raddr || r->ports != ports ||
	    r->mix != mix)
		*r = (struct demux_recent) {
			.laddr = key->laddr,
			.raddr = key->raddr,
			.ports = ports,
			.mix = mix,
			.hash = xtcp_demux_hash(key),
		};
	return r->hash;
}

/**
 * xtcp_demux_key_of_sock - the key under which a connection is found
 * @key: filled
 * @sk: its addresses and ports are set
 */
void xtcp_demux_key_of_sock(struct xtcp_key *key, const struct sock *sk)
{
	*key = (struct xtcp_key) {
		.net = sock_net(sk),
		.laddr = sk->sk_rcv_saddr,
		.raddr = sk->sk_daddr,
		.lport = sk->sk_num,
		.rport = sk->sk_dport,
		.family = sk->sk_family,
		.dif = READ_ONCE(sk->sk_bound_dev_if),
	};
}

static bool demux_sock_match(const struct sock *sk, const struct xtcp_key *key)
{
	return sk->sk_rcv_saddr == key->laddr && sk->sk_daddr == key->raddr &&
	       sk->sk_num == key->lport && sk->sk_dport == key->rport &&
	       net_eq(sock_net(sk), key->net) &&
	       xtcp_key_dev_match(key, READ_ONCE(sk->sk_bound_dev_if));
}

static bool demux_mini_match(const struct xtcp_mini *mini, const struct xtcp_key *key)
{
	return mini->laddr == key->laddr && mini->raddr == key->raddr &&
	       mini->lport == key->lport && mini->rport == key->rport &&
	       mini->netid == xtcp_net(key->net)->id &&
	       xtcp_key_dev_match(key, mini->bound_dev_if);
}

static bool demux_tw_match(const struct xtcp_tw *tw, const struct xtcp_key *key)
{
	return tw->laddr == key->laddr && tw->raddr == key->raddr &&
	       tw->lport == key->lport && tw->rport == key->rport &&
	       tw->netid == xtcp_net(key->net)->id &&
	       xtcp_key_dev_match(key, tw->bound_dev_if);
}

/*
 * Memory is type-stable, not still: what we look at may be freed and live again
 * elsewhere. Hence compare once more with a reference in hand, and start over when
 * the walk ended in another bucket's chain.
 */
static struct sock *demux_find_sock(struct xtcp_demux_bucket *b, const struct xtcp_key *key,
				    u32 hash)
{
	const struct hlist_nulls_node *node;
	struct sock *sk;

again:
	sk_nulls_for_each_rcu(sk, node, &b->socks) {
		if (sk->sk_hash != hash || !demux_sock_match(sk, key))
			continue;
		if (unlikely(!refcount_inc_not_zero(&sk->sk_refcnt)))
			continue;
		if (likely(demux_sock_match(sk, key)))
			return sk;
		sock_put(sk);
		goto again;
	}
	if (get_nulls_value(node) != (hash & xtcp_demux_mask))
		goto again;
	return NULL;
}

static struct xtcp_mini *demux_find_mini(struct xtcp_demux_bucket *b, const struct xtcp_key *key,
					 u32 hash)
{
	struct hlist_nulls_node *node;
	struct xtcp_mini *mini;

again:
	hlist_nulls_for_each_entry_rcu(mini, node, &b->minis, node) {
		if (!demux_mini_match(mini, key))
			continue;
		if (unlikely(!xtcp_mini_hold_not_zero(mini)))
			continue;
		if (likely(demux_mini_match(mini, key)))
			return mini;
		xtcp_mini_put(mini);
		goto again;
	}
	if (get_nulls_value(node) != (hash & xtcp_demux_mask))
		goto again;
	return NULL;
}

static struct xtcp_tw *demux_find_tw(struct xtcp_demux_bucket *b, const struct xtcp_key *key,
				     u32 hash)
{
	struct xtcp_tw *tw;
	u32 idx;

again:
	/* Acquire: whoever is in the chain is whole. */
	for (idx = smp_load_acquire(&b->tws); !xtcp_cell_is_end(idx);
	     idx = smp_load_acquire(&tw->chain)) {	/* the next, too */
		tw = xtcp_twmem_at(idx);
		if (unlikely(!tw))
			goto again;
		if (!demux_tw_match(tw, key))
			continue;
		if (unlikely(!xtcp_tw_hold_not_zero(tw)))
			continue;
		if (likely(demux_tw_match(tw, key)))
			return tw;
		xtcp_tw_put(tw);
		goto again;
	}
	if (idx != xtcp_cell_end(hash & xtcp_demux_mask))
		goto again;
	return NULL;
}

static bool demux_lookup_once(struct xtcp_demux_bucket *b, const struct xtcp_key *key, u32 hash,
			      struct xtcp_found *f)
{
	f->sk = demux_find_sock(b, key, hash);
	if (f->sk) {
		f->kind = XTCP_KIND_SOCK;
		return true;
	}
	f->mini = demux_find_mini(b, key, hash);
	if (f->mini) {
		f->kind = XTCP_KIND_REQ;
		return true;
	}
	f->tw = demux_find_tw(b, key, hash);
	f->kind = f->tw ? XTCP_KIND_TW : XTCP_KIND_NONE;
	return f->tw;
}

static void demux_lookup(const struct xtcp_key *key, u32 hash, struct xtcp_found *f)
{
	struct xtcp_demux_bucket *b = demux_bucket(hash);
	unsigned int seq;

	do {
		seq = read_seqcount_begin(&b->seq);
		if (demux_lookup_once(b, key, hash, f))
			return;
	} while (read_seqcount_retry(&b->seq, seq));
}

/**
 * xtcp_demux_lookup - the owner of a 4-tuple
 * @key: the 4-tuple
 * @f: the owner with a reference, or XTCP_KIND_NONE
 *
 * Context: RCU read side, bottom halves off.
 */
void xtcp_demux_lookup(const struct xtcp_key *key, struct xtcp_found *f)
{
	demux_lookup(key, demux_hash_again(key), f);
}

/**
 * xtcp_demux_sock - the connection of a 4-tuple, requests and TIME_WAIT aside
 * @key: the 4-tuple
 *
 * Context: RCU read side, bottom halves off.
 * Return: the socket with a reference, or NULL: xtcp_demux_lookup() then knows more
 */
struct sock *xtcp_demux_sock(const struct xtcp_key *key)
{
	u32 hash = demux_hash_again(key);

	return demux_find_sock(demux_bucket(hash), key, hash);
}

/**
 * xtcp_demux_put - give up what was found
 * @f: the owner, if there is one; of a listener there is no reference
 */
void xtcp_demux_put(const struct xtcp_found *f)
{
	switch (f->kind) {
	case XTCP_KIND_SOCK:
		sock_put(f->sk);
		break;
	case XTCP_KIND_REQ:
		xtcp_mini_put(f->mini);
		break;
	case XTCP_KIND_TW:
		xtcp_tw_put(f->tw);
		break;
	case XTCP_KIND_LISTENER:
		dst_release(f->answer);
		break;
	case XTCP_KIND_NONE:
		break;
	}
}

/**
 * xtcp_demux_is_free - has the 4-tuple no owner?
 * @key: the 4-tuple
 *
 * Only a hint: xtcp_demux_insert_sock() decides. Context: any.
 */
bool xtcp_demux_is_free(const struct xtcp_key *key)
{
	struct xtcp_found f;

	rcu_read_lock();
	demux_lookup(key, xtcp_demux_hash(key), &f);
	rcu_read_unlock();
	xtcp_demux_put(&f);
	return f.kind == XTCP_KIND_NONE;
}

/* Bucket lock held: the mini with this key that is still hashed. */
static struct xtcp_mini *demux_locked_mini(struct xtcp_demux_bucket *b, const struct xtcp_key *key)
{
	struct hlist_nulls_node *node;
	struct xtcp_mini *mini;

	lockdep_assert_held(&b->lock);
	hlist_nulls_for_each_entry(mini, node, &b->minis, node)
		if (demux_mini_match(mini, key))
			return mini;
	return NULL;
}

static bool demux_locked_has_sock(struct xtcp_demux_bucket *b, const struct xtcp_key *key, u32 hash)
{
	const struct hlist_nulls_node *node;
	struct sock *sk;

	lockdep_assert_held(&b->lock);
	sk_nulls_for_each(sk, node, &b->socks)
		if (sk->sk_hash == hash && demux_sock_match(sk, key))
			return true;
	return false;
}

/* Bucket lock held: the TIME_WAIT bucket with this key. */
static struct xtcp_tw *demux_locked_tw(struct xtcp_demux_bucket *b, const struct xtcp_key *key)
{
	struct xtcp_tw *tw;
	u32 idx;

	lockdep_assert_held(&b->lock);
	for (idx = b->tws; !xtcp_cell_is_end(idx); idx = tw->chain) {
		tw = xtcp_twmem_at(idx);
		if (demux_tw_match(tw, key))
			return tw;
	}
	return NULL;
}

static bool demux_locked_is_free(struct xtcp_demux_bucket *b, const struct xtcp_key *key, u32 hash)
{
	return !demux_locked_has_sock(b, key, hash) && !demux_locked_mini(b, key) &&
	       !demux_locked_tw(b, key);
}

/* Bucket lock held. Whoever finds the bucket finds it whole. */
static void demux_add_tw(struct xtcp_demux_bucket *b, struct xtcp_tw *tw)
{
	xtcp_tw_set_flag(tw, XTCP_TW_HASHED);
	WRITE_ONCE(tw->chain, b->tws);
	smp_store_release(&b->tws, xtcp_twmem_index(tw));	/* whole */
}

/* Bucket lock held. Its own link stays, for readers that stand on it. */
static bool demux_del_tw(struct xtcp_demux_bucket *b, struct xtcp_tw *tw)
{
	u32 idx = xtcp_twmem_index(tw);
	u32 *link = &b->tws;

	lockdep_assert_held(&b->lock);
	if (!xtcp_tw_hashed(tw))
		return false;
	while (*link != idx)
		link = &xtcp_twmem_at(*link)->chain;
	smp_store_release(link, tw->chain);	/* the next was whole, too */
	xtcp_tw_clear_flag(tw, XTCP_TW_HASHED);
	return true;
}

static void demux_add_sock(struct xtcp_demux_bucket *b, struct sock *sk)
{
	__sk_nulls_add_node_rcu(sk, &b->socks);
	sock_prot_inuse_add(sock_net(sk), sk->sk_prot, 1);
}

static bool demux_del_sock(struct sock *sk)
{
	if (!__sk_nulls_del_node_init_rcu(sk))
		return false;
	sock_prot_inuse_add(sock_net(sk), sk->sk_prot, -1);
	return true;
}

/**
 * xtcp_demux_insert_sock - enter a connecting socket (demux.h)
 * @sk: locked, addresses and ports set
 * @reuse_tw: may a TIME_WAIT bucket of this 4-tuple be replaced?
 * @old: the replaced bucket, with the table's reference
 *
 * Return: 0, or -EADDRINUSE when the 4-tuple has an owner
 */
int xtcp_demux_insert_sock(struct sock *sk, xtcp_tw_reuse_fn reuse_tw, struct xtcp_tw **old)
{
	struct xtcp_demux_bucket *b;
	struct xtcp_tw *tw;
	struct xtcp_key key;
	int err = -EADDRINUSE;
	u32 hash;

	*old = NULL;
	xtcp_demux_key_of_sock(&key, sk);
	hash = xtcp_demux_hash(&key);
	b = demux_bucket(hash);
	spin_lock_bh(&b->lock);
	if (demux_locked_has_sock(b, &key, hash) || demux_locked_mini(b, &key))
		goto out;
	tw = demux_locked_tw(b, &key);
	if (tw && (!reuse_tw || !reuse_tw(sk, tw)))
		goto out;
	sk->sk_hash = hash;
	write_seqcount_begin(&b->seq);
	if (tw)
		demux_del_tw(b, tw);
	demux_add_sock(b, sk);
	write_seqcount_end(&b->seq);
	*old = tw;
	err = 0;
out:
	spin_unlock_bh(&b->lock);
	return err;
}

/**
 * xtcp_demux_insert_mini - enter a half-open request
 * @net: its namespace
 * @mini: whole; references set by the caller before, so that it is published last
 *
 * Context: bottom halves off.
 * Return: 0, or -EADDRINUSE when the 4-tuple has an owner
 */
int xtcp_demux_insert_mini(struct net *net, struct xtcp_mini *mini)
{
	struct xtcp_demux_bucket *b;
	struct xtcp_key key;
	int err = -EADDRINUSE;
	u32 hash;

	xtcp_mini_key(&key, net, mini);
	hash = demux_hash_again(&key);
	b = demux_bucket(hash);
	spin_lock_bh(&b->lock);
	if (demux_locked_is_free(b, &key, hash)) {
		write_seqcount_begin(&b->seq);
		hlist_nulls_add_head_rcu(&mini->node, &b->minis);
		write_seqcount_end(&b->seq);
		err = 0;
	}
	spin_unlock_bh(&b->lock);
	return err;
}

static struct xtcp_demux_bucket *demux_bucket_of_mini(struct net *net, const struct xtcp_mini *mini)
{
	struct xtcp_key key;

	xtcp_mini_key(&key, net, mini);
	return demux_bucket(xtcp_demux_hash(&key));
}

/**
 * xtcp_demux_replace_mini - a copy takes a request's place
 * @net: their namespace
 * @old: referenced
 * @mini: of the same 4-tuple, whole, its references set
 *
 * Return: false when @old is gone
 */
bool xtcp_demux_replace_mini(struct net *net, struct xtcp_mini *old, struct xtcp_mini *mini)
{
	struct xtcp_demux_bucket *b = demux_bucket_of_mini(net, old);
	bool ok;

	spin_lock_bh(&b->lock);
	ok = !hlist_nulls_unhashed(&old->node);
	if (ok) {
		write_seqcount_begin(&b->seq);
		hlist_nulls_del_init_rcu(&old->node);
		hlist_nulls_add_head_rcu(&mini->node, &b->minis);
		write_seqcount_end(&b->seq);
	}
	spin_unlock_bh(&b->lock);
	return ok;
}

/**
 * xtcp_demux_replace_req - the child takes its request's place
 * @req: the request, NULL for a cookie's child
 * @child: addresses and ports set, fully initialised
 *
 * Return: false when the request is gone (or, without one, the 4-tuple is taken)
 */
bool xtcp_demux_replace_req(struct xtcp_mini *req, struct sock *child)
{
	struct xtcp_demux_bucket *b;
	struct xtcp_key key;
	bool ok;

	xtcp_demux_key_of_sock(&key, child);
	child->sk_hash = xtcp_demux_hash(&key);
	b = demux_bucket(child->sk_hash);
	spin_lock_bh(&b->lock);
	if (req)
		ok = !hlist_nulls_unhashed(&req->node);
	else
		ok = demux_locked_is_free(b, &key, child->sk_hash);
	if (ok) {
		write_seqcount_begin(&b->seq);
		if (req)
			hlist_nulls_del_init_rcu(&req->node);
		demux_add_sock(b, child);
		write_seqcount_end(&b->seq);
	}
	spin_unlock_bh(&b->lock);
	return ok;
}

/**
 * xtcp_demux_replace_sock - the TIME_WAIT bucket takes its socket's place
 * @sk: locked
 * @tw: whole, references set
 *
 * Return: false when @sk was not in the table
 */
bool xtcp_demux_replace_sock(struct sock *sk, struct xtcp_tw *tw)
{
	struct xtcp_demux_bucket *b = demux_bucket(sk->sk_hash);
	bool ok;

	spin_lock_bh(&b->lock);
	write_seqcount_begin(&b->seq);
	ok = demux_del_sock(sk);
	if (ok)
		demux_add_tw(b, tw);
	write_seqcount_end(&b->seq);
	spin_unlock_bh(&b->lock);
	return ok;
}

/**
 * xtcp_demux_remove_sock - take a connection out of the table, if it is in
 * @sk: locked, not a listener
 */
void xtcp_demux_remove_sock(struct sock *sk)
{
	struct xtcp_demux_bucket *b = demux_bucket(sk->sk_hash);

	if (sk_unhashed(sk))
		return;
	spin_lock_bh(&b->lock);
	write_seqcount_begin(&b->seq);
	demux_del_sock(sk);
	write_seqcount_end(&b->seq);
	spin_unlock_bh(&b->lock);
}

/**
 * xtcp_demux_remove_mini - take a mini out of the table
 * @net: its namespace
 * @mini: referenced
 *
 * Return: true for the one caller that did it and now owns the table's reference
 */
bool xtcp_demux_remove_mini(struct net *net, struct xtcp_mini *mini)
{
	struct xtcp_demux_bucket *b = demux_bucket_of_mini(net, mini);
	bool mine;

	spin_lock_bh(&b->lock);
	mine = !hlist_nulls_unhashed(&mini->node);
	if (mine) {
		write_seqcount_begin(&b->seq);
		hlist_nulls_del_init_rcu(&mini->node);
		write_seqcount_end(&b->seq);
	}
	spin_unlock_bh(&b->lock);
	return mine;
}

/**
 * xtcp_demux_remove_tw - take a TIME_WAIT bucket out of the table
 * @net: its namespace
 * @tw: referenced
 *
 * Return: true for the one caller that did it and now owns the table's reference
 */
bool xtcp_demux_remove_tw(struct net *net, struct xtcp_tw *tw)
{
	struct xtcp_demux_bucket *b;
	struct xtcp_key key;
	bool mine;

	xtcp_tw_key(&key, net, tw);
	b = demux_bucket(xtcp_demux_hash(&key));
	spin_lock_bh(&b->lock);
	write_seqcount_begin(&b->seq);
	mine = demux_del_tw(b, tw);
	write_seqcount_end(&b->seq);
	spin_unlock_bh(&b->lock);
	return mine;
}

/**
 * xtcp_mini_put - give up a reference; the last frees by kind
 * @mini: the mini
 */
void xtcp_mini_put(struct xtcp_mini *mini)
{
	if (refcount_dec_and_test(&mini->ref))
		demux_mini_ops->free(mini);
}

/**
 * xtcp_demux_register - how minis are freed
 * @ops: lives as long as the module
 */
void xtcp_demux_register(const struct xtcp_mini_ops *ops)
{
	demux_mini_ops = ops;
}

static unsigned int demux_thash_entries;
module_param_named(thash_entries, demux_thash_entries, uint, 0444);
MODULE_PARM_DESC(thash_entries, "buckets of the connection table, 256 to 16777216; default: by memory");

/* One bucket for 16 KiB of memory: chains stay short with a million TIME_WAITs in 1 GiB. */
static unsigned int demux_by_memory(void)
{
	unsigned long n = totalram_pages() >> (14 - min(PAGE_SHIFT, 14));

	return clamp(n, 1UL << 12, 1UL << 20);
}

/**
 * xtcp_demux_init - allocate the tables
 *
 * Return: 0, -ENOMEM, or -EINVAL for a thash_entries out of range
 */
int xtcp_demux_init(void)
{
	unsigned int i, n = demux_thash_entries;

	if (n && (n < 1U << 8 || n > 1U << 24)) {
		pr_err("xtcp: thash_entries=%u: 256 to 16777216, or 0 to choose by memory\n", n);
		return -EINVAL;
	}
	n = roundup_pow_of_two(n ? : demux_by_memory());
	demux_thash_entries = n;
	get_random_bytes(&demux_key, sizeof(demux_key));
	xtcp_demux_table = kvcalloc(n, sizeof(*xtcp_demux_table), GFP_KERNEL);
	if (!xtcp_demux_table)
		return -ENOMEM;
	xtcp_demux_mask = n - 1;
	for (i = 0; i < n; i++) {
		spin_lock_init(&xtcp_demux_table[i].lock);
		seqcount_spinlock_init(&xtcp_demux_table[i].seq, &xtcp_demux_table[i].lock);
		INIT_HLIST_NULLS_HEAD(&xtcp_demux_table[i].socks, i);
		INIT_HLIST_NULLS_HEAD(&xtcp_demux_table[i].minis, i);
		xtcp_demux_table[i].tws = xtcp_cell_end(i);
	}
	xtcp_listeners_init();
	return 0;
}

/**
 * xtcp_demux_exit - free the tables, empty by now
 */
void xtcp_demux_exit(void)
{
	kvfree(xtcp_demux_table);
}

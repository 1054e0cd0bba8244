// SPDX-License-Identifier: GPL-2.0-only
/*
 * chains.c owns the views of the connection table: its entries one by one, and how long
 * its chains are. Nothing on the way of a segment; one bucket's lock at a time.
 */
#include <net/sock.h>

#include "demux.h"
#include "demux_bucket.h"
#include "net.h"

/* The entries of one bucket, by kind; each passes over those before @pos and counts them off. */

static bool chains_nth_sock(struct xtcp_demux_bucket *b, const struct net *net, unsigned int *pos,
			    struct xtcp_found *f)
{
	struct hlist_nulls_node *node;
	struct sock *sk;

	sk_nulls_for_each(sk, node, &b->socks) {
		if (!net_eq(sock_net(sk), net) || (*pos && (*pos)--))
			continue;
		if (refcount_inc_not_zero(&sk->sk_refcnt)) {
			f->kind = XTCP_KIND_SOCK;
			f->sk = sk;
			return true;
		}
	}
	return false;
}

static bool chains_nth_mini(struct xtcp_demux_bucket *b, const struct net *net, unsigned int *pos,
			    struct xtcp_found *f)
{
	u32 id = xtcp_net(net)->id;
	struct hlist_nulls_node *node;
	struct xtcp_mini *mini;

	hlist_nulls_for_each_entry(mini, node, &b->minis, node) {
		if (mini->netid != id || (*pos && (*pos)--))
			continue;
		if (xtcp_mini_hold_not_zero(mini)) {
			f->kind = XTCP_KIND_REQ;
			f->mini = mini;
			return true;
		}
	}
	return false;
}

static bool chains_nth_tw(struct xtcp_demux_bucket *b, const struct net *net, unsigned int *pos,
			  struct xtcp_found *f)
{
	u32 idx, id = xtcp_net(net)->id;
	struct xtcp_tw *tw;

	for (idx = b->tws; !xtcp_cell_is_end(idx); idx = tw->chain) {
		tw = xtcp_twmem_at(idx);
		if (tw->netid != id || (*pos && (*pos)--))
			continue;
		if (xtcp_tw_hold_not_zero(tw)) {
			f->kind = XTCP_KIND_TW;
			f->tw = tw;
			return true;
		}
	}
	return false;
}

/* The entry of one bucket at @pos or behind, with a reference. */
static bool chains_nth(struct xtcp_demux_bucket *b, const struct net *net, unsigned int pos,
		       struct xtcp_found *f)
{
	bool found;

	spin_lock_bh(&b->lock);
	found = chains_nth_sock(b, net, &pos, f) || chains_nth_mini(b, net, &pos, f) ||
		chains_nth_tw(b, net, &pos, f);
	spin_unlock_bh(&b->lock);
	return found;
}

/**
 * xtcp_chains_walk - visit the connection table (demux.h)
 * @it: cursor
 * @fn: called in process context with a reference on the entry, no lock held
 * @arg: for @fn
 */
int xtcp_chains_walk(struct xtcp_demux_iter *it,
		     int (*fn)(const struct xtcp_found *f, void *arg), void *arg)
{
	struct xtcp_found f;
	int ret;

	for (; it->bucket <= xtcp_demux_mask; it->bucket++, it->offset = 0) {
		struct xtcp_demux_bucket *b = &xtcp_demux_table[it->bucket];

		if (hlist_nulls_empty(&b->socks) && hlist_nulls_empty(&b->minis) &&
		    xtcp_cell_is_end(READ_ONCE(b->tws)))
			continue;
		for (; chains_nth(b, it->net, it->offset, &f); it->offset++) {
			ret = fn(&f, arg);
			xtcp_demux_put(&f);
			if (ret)
				return ret;
		}
		cond_resched();
	}
	return 0;
}

static unsigned int chains_length(const struct hlist_nulls_head *head)
{
	const struct hlist_nulls_node *node = head->first;
	unsigned int n = 0;

	for (; !is_a_nulls(node); node = node->next)
		n++;
	return n;
}

/**
 * xtcp_chains_count - the lengths of a bucket's chains, of all namespaces
 * @bucket: its index
 * @c: filled
 *
 * Context: any. Return: false when there is no such bucket
 */
bool xtcp_chains_count(unsigned int bucket, struct xtcp_chains *c)
{
	struct xtcp_demux_bucket *b = &xtcp_demux_table[bucket];
	u32 idx;

	*c = (struct xtcp_chains) {};
	if (bucket > xtcp_demux_mask)
		return false;
	spin_lock_bh(&b->lock);
	c->socks = chains_length(&b->socks);
	c->minis = chains_length(&b->minis);
	for (idx = b->tws; !xtcp_cell_is_end(idx); idx = xtcp_twmem_at(idx)->chain)
		c->tws++;
	spin_unlock_bh(&b->lock);
	c->all = c->socks + c->minis + c->tws;
	return true;
}

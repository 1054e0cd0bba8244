// SPDX-License-Identifier: GPL-2.0-only
/*
 * spare.c owns each CPU's spare segment: one that was sent and acknowledged, and that the
 * next to send takes as it is. Who says a little and waits for the answer needs no other.
 *
 * Exchanges of one pointer of the CPU; no lock, any context but hard interrupt.
 */
#include <linux/skbuff.h>

#include "compat.h"
#include "sock.h"

static DEFINE_PER_CPU(struct sk_buff *, spare_skb);

/* As it was allocated, less what spare_clean() sees to? A clone's owner may still read it. */
static bool spare_fits(struct sk_buff *skb)
{
	return skb->fclone == SKB_FCLONE_ORIG && !skb_cloned(skb) && !skb->pfmemalloc &&
	       !skb_has_frag_list(skb) && !skb_zcopy(skb) && skb_headroom(skb) == XTCP_MAX_HEADER &&
	       !skb_headlen(skb);
}

/* The header was IP's clone's; of ours the payload goes, and what both shared is as new. */
static void spare_clean(struct sk_buff *skb)
{
	struct skb_shared_info *si = skb_shinfo(skb);
	int i;

	for (i = 0; i < si->nr_frags; i++)
		skb_frag_unref(skb, i);
	memset(si, 0, offsetof(struct skb_shared_info, dataref));
	skb->len = 0;
	skb->data_len = 0;
	skb->truesize = SKB_TRUESIZE(skb_end_offset(skb));
	skb->cloned = 0;
}

/**
 * xtcp_spare_put - an acknowledged segment is this CPU's spare one, or goes
 * @skb: of the write side, in no queue and on no account any more
 */
void xtcp_spare_put(struct sk_buff *skb)
{
	if (!this_cpu_read(spare_skb) && spare_fits(skb)) {
		spare_clean(skb);
		if (likely(!this_cpu_cmpxchg(spare_skb, NULL, skb)))
			return;
	}
	__kfree_skb(skb);
}

/**
 * xtcp_spare_take - the spare segment of this CPU
 *
 * Return: an empty segment with room for all headers, its cb as it was left, or NULL
 */
struct sk_buff *xtcp_spare_take(void)
{
	return this_cpu_read(spare_skb) ? this_cpu_xchg(spare_skb, NULL) : NULL;
}

/**
 * xtcp_spare_exit - no socket is left that would put or take
 */
void xtcp_spare_exit(void)
{
	int cpu;

	for_each_possible_cpu(cpu)
		kfree_skb(per_cpu(spare_skb, cpu));
}

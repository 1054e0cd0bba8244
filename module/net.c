// SPDX-License-Identifier: GPL-2.0-only
/*
 * net.c owns the memory of struct xtcp_net: where it is found, its keys and its
 * counters. No lock: it is written before anybody else knows the namespace.
 */
#include <linux/random.h>

#include "net.h"

unsigned int xtcp_net_id __read_mostly;

/* Names a namespace in 32 bits; it comes round after 4 billion, none of which lives so long. */
static atomic_t net_last_id;

/**
 * xtcp_net_setup - keys and counters of a new namespace
 * @xn: cleared, but for its defaults
 *
 * Return: 0 or -ENOMEM
 */
int xtcp_net_setup(struct xtcp_net *xn)
{
	xn->id = atomic_inc_return(&net_last_id);
	get_random_bytes(&xn->isn_key, sizeof(xn->isn_key));
	get_random_bytes(&xn->ts_key, sizeof(xn->ts_key));
	get_random_bytes(&xn->port_key, sizeof(xn->port_key));
	xn->mib = alloc_percpu(struct xtcp_mib);
	return xn->mib ? 0 : -ENOMEM;
}

/**
 * xtcp_net_teardown - undo xtcp_net_setup()
 * @xn: nothing counts in it any more
 */
void xtcp_net_teardown(struct xtcp_net *xn)
{
	free_percpu(xn->mib);
}

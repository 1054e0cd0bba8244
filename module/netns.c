// SPDX-License-Identifier: GPL-2.0-only
/*
 * netns.c owns the life of a namespace's XTCP: what is made when a namespace comes
 * (or the module, for those that are there), and its mirror image when it goes.
 *
 * Sockets hold their namespace, requests their listener. So at exit only TIME_WAIT
 * buckets and guards are left, and no segment arrives any more: the hooks went in
 * pre_exit, and a grace period lies between.
 */
#include "compat.h"
#include "engine.h"
#include "guard.h"
#include "net.h"
#include "ports.h"
#include "synq.h"
#include "tw.h"

static int netns_init_queues(struct xtcp_net *xn)
{
	int err;

	err = xtcp_ports_net_init(xn);
	if (err)
		return err;
	err = xtcp_synq_net_init(xn);
	if (err)
		goto err_ports;
	err = xtcp_tw_net_init(xn);
	if (err)
		goto err_synq;
	return 0;

err_synq:
	xtcp_synq_net_exit(xn);
err_ports:
	xtcp_ports_net_exit(xn);
	return err;
}

/* The guards of the last ports go by a work item that still needs the namespace. */
static void netns_exit_queues(struct xtcp_net *xn)
{
	xtcp_tw_net_exit(xn);
	xtcp_synq_net_exit(xn);
	xtcp_guard_flush();
	xtcp_ports_net_exit(xn);
}

static int netns_init_windows(struct xtcp_net *xn)
{
	int err;

	err = xtcp_sysctl_net_init(xn);
	if (err)
		return err;
	err = xtcp_proc_net_init(xn->net);
	if (err)
		xtcp_sysctl_net_exit(xn);
	return err;
}

static int __net_init netns_init_one(struct net *net)
{
	struct xtcp_net *xn = xtcp_net(net);
	int err;

	xn->net = net;
	xtcp_sysctl_defaults(xn);
	err = xtcp_net_setup(xn);
	if (err)
		return err;
	err = netns_init_queues(xn);
	if (err)
		goto err_setup;
	err = netns_init_windows(xn);
	if (err)
		goto err_queues;
	return 0;

err_queues:
	netns_exit_queues(xn);
err_setup:
	xtcp_net_teardown(xn);
	return err;
}

static void __net_exit netns_pre_exit(struct net *net)
{
	xtcp_hook_net_put(net);
}

static void __net_exit netns_exit_one(struct net *net)
{
	struct xtcp_net *xn = xtcp_net(net);

	xtcp_proc_net_exit(net);
	xtcp_sysctl_net_exit(xn);
	netns_exit_queues(xn);
	xtcp_net_teardown(xn);
}

static struct pernet_operations netns_ops = {
	.init = netns_init_one,
	.pre_exit = netns_pre_exit,
	.exit = netns_exit_one,
	.id = &xtcp_net_id,
	.size = sizeof(struct xtcp_net),
};

/**
 * xtcp_net_init - set up every namespace, those to come too
 *
 * The tables and slabs (demux, ports, synq, tw, guard) are there already.
 *
 * Return: 0 or a negative errno
 */
int xtcp_net_init(void)
{
	return register_pernet_subsys(&netns_ops);
}

/**
 * xtcp_net_exit - undo xtcp_net_init() in every namespace
 *
 * No socket lives any more.
 */
void xtcp_net_exit(void)
{
	unregister_pernet_subsys(&netns_ops);
}

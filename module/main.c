// SPDX-License-Identifier: GPL-2.0-only
/* Loading and unloading: the order of init, and its mirror image. */
#include <linux/module.h>
#include <uapi/linux/xtcp.h>

#include "demux.h"
#include "door.h"
#include "engine.h"
#include "fineq.h"
#include "guard.h"
#include "net.h"
#include "ports.h"
#include "portwait.h"
#include "sock.h"
#include "synq.h"
#include "timer.h"
#include "tw.h"

int xtcp_family = AF_XTCP;
module_param_named(family, xtcp_family, int, 0444);
MODULE_PARM_DESC(family, "address family number: 22 (default), 13, 18 or 25");

static int __init xtcp_init_tables(void)
{
	int err;

	xtcp_timer_register(&xtcp_timeout_ops);
	xtcp_smallq_init();
	err = xtcp_demux_init();
	if (err)
		return err;
	err = xtcp_guard_init();
	if (err)
		goto err_demux;
	err = xtcp_ports_init();
	if (err)
		goto err_guard;
	err = xtcp_portwait_init(&xtcp_connect_ops);
	if (err)
		goto err_ports;
	err = xtcp_synq_init(&xtcp_passive_ops);
	if (err)
		goto err_portwait;
	err = xtcp_tw_init();
	if (err)
		goto err_synq;
	xtcp_syncookie_init();
	return 0;

err_synq:
	xtcp_synq_exit();
err_portwait:
	xtcp_portwait_exit();
err_ports:
	xtcp_ports_exit();
err_guard:
	xtcp_guard_exit();
err_demux:
	xtcp_demux_exit();
	return err;
}

static void xtcp_exit_tables(void)
{
	xtcp_syncookie_exit();
	xtcp_tw_exit();
	xtcp_synq_exit();
	xtcp_portwait_exit();
	xtcp_ports_exit();
	xtcp_guard_exit();
	xtcp_demux_exit();
}

static int __init xtcp_init(void)
{
	int err;

	err = xtcp_init_tables();
	if (err)
		return err;
	err = xtcp_proto_register();
	if (err)
		goto err_tables;
	err = xtcp_net_init();
	if (err)
		goto err_sock;
	xtcp_proto_use_knobs();
	err = xtcp_family_init();
	if (err)
		goto err_net;
	return 0;

err_net:
	xtcp_net_exit();
err_sock:
	rcu_barrier();
	xtcp_proto_unregister();
err_tables:
	xtcp_exit_tables();
	return err;
}

/* No socket is left, or we would not be unloaded: requests, buckets and guards are. */
static void __exit xtcp_exit(void)
{
	xtcp_family_exit();
	xtcp_smallq_exit();
	xtcp_fineq_exit();
	xtcp_net_exit();
	rcu_barrier();
	xtcp_spare_exit();
	xtcp_proto_unregister();
	xtcp_exit_tables();
}

module_init(xtcp_init);
module_exit(xtcp_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("XTCP: a second, complete TCP for Linux");

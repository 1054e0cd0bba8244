/* SPDX-License-Identifier: GPL-2.0-only */
/* compat.h: every difference between the kernels we build for, and nothing else. */
#ifndef _XTCP_COMPAT_H
#define _XTCP_COMPAT_H

#include <linux/random.h>
#include <linux/skbuff.h>
#include <linux/sysctl.h>
#include <linux/timer.h>
#include <linux/version.h>
#include <net/inet_sock.h>
#include <net/sock.h>

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 12, 0)

/* The reason goes with the socket that dropped since 6.11. */
#define sk_skb_reason_drop(sk, skb, reason)	kfree_skb_reason(skb, reason)

#endif

/* A handler gets its table const since 6.11; tables are counted, not terminated, since 6.6. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 12, 0)
#define xtcp_ctl_table					struct ctl_table
#define xtcp_register_sysctl(net, path, table, n)	register_net_sysctl(net, path, table)
#else
#define xtcp_ctl_table					const struct ctl_table
#define xtcp_register_sysctl(net, path, table, n)	register_net_sysctl_sz(net, path, table, n)
#endif

#endif /* _XTCP_COMPAT_H */

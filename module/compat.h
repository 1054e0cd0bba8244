/* SPDX-License-Identifier: GPL-2.0-only */
/* compat.h: every difference between the kernels we build for, and nothing else. */
#ifndef _XTCP_COMPAT_H
#define _XTCP_COMPAT_H

#include <linux/random.h>
#include <linux/skbuff.h>
#include <linux/timer.h>
#include <linux/version.h>
#include <net/inet_sock.h>
#include <net/sock.h>

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 12, 0)

/* The reason goes with the socket that dropped since 6.11. */
#define sk_skb_reason_drop(sk, skb, reason)	kfree_skb_reason(skb, reason)

#endif

#endif /* _XTCP_COMPAT_H */

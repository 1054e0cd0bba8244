/* SPDX-License-Identifier: GPL-2.0-only */
/* compat.h: every difference between the kernels we build for, and nothing else. */
#ifndef _XTCP_COMPAT_H
#define _XTCP_COMPAT_H

#include <linux/version.h>
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 12, 0) && LINUX_VERSION_CODE >> 8 != 0x0601
#error XTCP is for Linux 6.1 and 6.12: what lies between has the interfaces of neither
#endif

#include <linux/bvec.h>
#include <linux/netfilter_bridge.h>
#include <linux/random.h>
#include <linux/skbuff.h>
#include <linux/sysctl.h>
#include <linux/timer.h>
#include <linux/uaccess.h>
#include <linux/uio.h>
#include <net/inet_common.h>
#include <net/inet_sock.h>
#include <net/sock.h>
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 12, 0)
#include <linux/skbuff_ref.h>
#include <net/gso.h>
#include <net/proto_memory.h>
#endif

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 12, 0)

/* The reason goes with the socket that dropped since 6.11. */
#define sk_skb_reason_drop(sk, skb, reason)	kfree_skb_reason(skb, reason)

/* Reasons that came later, by the nearest there was. */
#define SKB_DROP_REASON_SOCKET_CLOSE		SKB_DROP_REASON_TCP_CLOSE
#define SKB_DROP_REASON_TCP_ABORT_ON_DATA	SKB_DROP_REASON_TCP_CLOSE
#define SKB_DROP_REASON_TCP_OLD_SEQUENCE	SKB_DROP_REASON_TCP_INVALID_SEQUENCE
#define SKB_CONSUMED				SKB_DROP_REASON_MAX

#endif

/* A handler gets its table const since 6.11; tables are counted, not terminated, since 6.6. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 12, 0)
#define xtcp_ctl_table					struct ctl_table
#define xtcp_register_sysctl(net, path, table, n)	register_net_sysctl(net, path, table)
#else
#define xtcp_ctl_table					const struct ctl_table
#define xtcp_register_sysctl(net, path, table, n)	register_net_sysctl_sz(net, path, table, n)
#endif

/* sendpage() became MSG_SPLICE_PAGES in 6.5; struct proto.ioctl() returns its answer since then. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 12, 0)
#define XTCP_COMPAT_SENDPAGE
#define XTCP_COMPAT_OPS_SENDPAGE	.sendpage = inet_sendpage,
#define XTCP_COMPAT_PROTO_SENDPAGE	.sendpage = xtcp_sendpage,
#define XTCP_COMPAT_MSG_SPLICE(msg)	false

/* The iterator of sendpage() is one page. */
static inline ssize_t skb_splice_from_iter(struct sk_buff *skb, struct iov_iter *iter, ssize_t max,
					   gfp_t gfp)
{
	const struct bio_vec *bv = iter->bvec;
	size_t off = bv->bv_offset + iter->iov_offset;
	size_t len = min_t(size_t, max, iov_iter_count(iter));
	int i = skb_shinfo(skb)->nr_frags;

	if (skb_can_coalesce(skb, i, bv->bv_page, off)) {
		skb_frag_size_add(&skb_shinfo(skb)->frags[i - 1], len);
	} else if (i < MAX_SKB_FRAGS) {
		get_page(bv->bv_page);
		skb_fill_page_desc_noacc(skb, i, bv->bv_page, off, len);
	} else {
		return -EMSGSIZE;
	}
	skb->len += len;
	skb->data_len += len;
	skb->truesize += len;
	iov_iter_advance(iter, len);
	return len;
}

typedef unsigned long xtcp_ioctl_arg;

static inline int xtcp_ioctl_put(xtcp_ioctl_arg arg, int answer)
{
	return put_user(answer, (int __user *)arg);
}
#else
#define XTCP_COMPAT_OPS_SENDPAGE
#define XTCP_COMPAT_PROTO_SENDPAGE
#define XTCP_COMPAT_MSG_SPLICE(msg)	((msg)->msg_flags & MSG_SPLICE_PAGES)

typedef int *xtcp_ioctl_arg;

static inline int xtcp_ioctl_put(xtcp_ioctl_arg arg, int answer)
{
	*arg = answer;
	return 0;
}
#endif

/* struct proto.accept() takes one argument with all in it since 6.10. */
struct sock *xtcp_listen_accept(struct sock *sk, int flags, int *err);

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 12, 0)
static inline struct sock *xtcp_compat_accept(struct sock *sk, int flags, int *err, bool kern)
{
	return xtcp_listen_accept(sk, flags, err);
}
#else
static inline struct sock *xtcp_compat_accept(struct sock *sk, struct proto_accept_arg *arg)
{
	return xtcp_listen_accept(sk, arg->flags, &arg->err);
}
#endif

/* What inet_create() sets; single bits before 6.7, bits of one word since. */
static inline void xtcp_compat_inet_flags(struct sock *sk)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 12, 0)
	inet_sk(sk)->mc_loop = 1;
	inet_sk(sk)->mc_all = 1;
#else
	inet_set_bit(MC_LOOP, sk);
	inet_set_bit(MC_ALL, sk);
#endif
}

/* The announced window is part of struct tcp_info since 6.2. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 12, 0)
#define XTCP_COMPAT_INFO_RCV_WND(info, wnd)	do { } while (0)
#else
#define XTCP_COMPAT_INFO_RCV_WND(info, wnd)	((info)->tcpi_rcv_wnd = (wnd))
#endif

/* Names of stamps that begin at what is written, not at what is acknowledged, since 6.2. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 12, 0)
#define XTCP_COMPAT_OPT_ID_TCP		0
#else
#define XTCP_COMPAT_OPT_ID_TCP		SOF_TIMESTAMPING_OPT_ID_TCP
#endif

/*
 * The kernel knows by protocol 6 who may have SO_ZEROCOPY, and who needs CAP_NET_ADMIN for
 * SO_ATTACH_FILTER; a socket may see to it since 6.7.
 */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 12, 0)
static inline void xtcp_compat_own_sockopt(struct socket *sock) { }

/* A filter sees every segment: only CAP_NET_ADMIN may have one, and nobody would ask for it. */
static inline void xtcp_compat_lock_filter(struct sock *sk)
{
	sock_set_flag(sk, SOCK_FILTER_LOCKED);
}

static inline int xtcp_compat_accept_into(struct socket *sock, struct socket *newsock, int flags,
					  bool kern)
{
	return inet_accept(sock, newsock, flags, kern);
}
#else
static inline void xtcp_compat_own_sockopt(struct socket *sock)
{
	set_bit(SOCK_CUSTOM_SOCKOPT, &sock->flags);
}

static inline void xtcp_compat_lock_filter(struct sock *sk) { }

static inline int xtcp_compat_accept_into(struct socket *sock, struct socket *newsock,
					  struct proto_accept_arg *arg)
{
	xtcp_compat_own_sockopt(newsock);
	return inet_accept(sock, newsock, arg);
}
#endif

/* A route's TOS: SO_DONTROUTE was a bit of it until 6.11, and DSCP fewer bits. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 12, 0)
#define xtcp_compat_rt_tos(sk)		RT_CONN_FLAGS(sk)
#define xtcp_compat_tos_to_rt(tos)	RT_TOS(tos)
#else
#define xtcp_compat_rt_tos(sk)		ip_sock_rt_tos(sk)
#define xtcp_compat_tos_to_rt(tos)	((tos) & INET_DSCP_MASK)
#endif

/* A cgroup's connect program may change the length of the address since 6.7. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 12, 0)
#define xtcp_compat_run_inet4_connect(sk, addr, len)	BPF_CGROUP_RUN_PROG_INET4_CONNECT(sk, addr)
#else
#define xtcp_compat_run_inet4_connect(sk, addr, len)	\
	BPF_CGROUP_RUN_PROG_INET4_CONNECT(sk, addr, len)
#endif

/* IP_RECVERR, as above a bit of a word since 6.7; a drop for its TTL has its reason since 6.8. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 12, 0)
#define xtcp_compat_recverr(sk)		(inet_sk(sk)->recverr)
#define XTCP_DROP_REASON_MINTTL		SKB_DROP_REASON_NOT_SPECIFIED
#else
#define xtcp_compat_recverr(sk)		inet_test_bit(RECVERR, sk)
#define XTCP_DROP_REASON_MINTTL		SKB_DROP_REASON_TCP_MINTTL
#endif

/* A route's realm, if the kernel accounts by realms. */
static inline u32 xtcp_compat_realm(const struct dst_entry *dst)
{
#ifdef CONFIG_IP_ROUTE_CLASSID
	return dst->tclassid;
#else
	return 0;
#endif
}

/* Does the packet come from below a bridge, to see the hooks of IP as well? */
static inline bool xtcp_compat_bridged(const struct sk_buff *skb)
{
#if IS_ENABLED(CONFIG_BRIDGE_NETFILTER)
	return nf_bridge_info_exists(skb);
#else
	return false;
#endif
}

/* IP_LOCAL_PORT_RANGE, of 6.3 and backported: two fields at first, one word later. 0: not set. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 12, 0)
#define xtcp_compat_port_range_low(sk)	READ_ONCE(inet_sk(sk)->local_port_range.lo)
#define xtcp_compat_port_range_high(sk)	READ_ONCE(inet_sk(sk)->local_port_range.hi)
#else
#define xtcp_compat_port_range_low(sk)	(READ_ONCE(inet_sk(sk)->local_port_range) & 0xffff)
#define xtcp_compat_port_range_high(sk)	(READ_ONCE(inet_sk(sk)->local_port_range) >> 16)
#endif

#endif /* _XTCP_COMPAT_H */

// SPDX-License-Identifier: GPL-2.0-only
/*
 * The family: what socket(AF_XTCP, ...) makes, and the calls of its sockets.
 *
 * Owns net_proto_family and proto_ops. Where the kernel's inet_*() is a door to
 * struct proto and looks at nothing that only struct tcp_sock or
 * inet_connection_sock has, it is used as it is: none of them tests more than
 * sk_protocol == IPPROTO_TCP, which ours never is (IPPROTO_XTCP).
 */
#include <linux/bpf-cgroup.h>
#include <linux/module.h>
#include <linux/printk.h>
#include <net/inet_common.h>
#include <uapi/linux/xtcp.h>

#include "door.h"
#include "engine.h"
#include "ports.h"
#include "synq.h"

/* The kernel knows by its port that a socket is bound; one that bind() put off counts too. */
static int family_bind(struct socket *sock, struct sockaddr *addr, int len)
{
	if (READ_ONCE(xtcp_sk(sock->sk)->port_lazy))
		return -EINVAL;
	return inet_bind(sock, addr, len);
}

static int family_getname(struct socket *sock, struct sockaddr *addr, int peer)
{
	int err = peer ? 0 : xtcp_ports_settle(sock->sk);

	return err ? err : inet_getname(sock, addr, peer);
}

static const struct proto_ops family_stream_ops = {
	.family		= PF_INET,
	.owner		= THIS_MODULE,
	.release	= inet_release,
	.bind		= family_bind,
	.connect	= inet_stream_connect,
	.socketpair	= sock_no_socketpair,
	.accept		= xtcp_compat_accept_into,
	.getname	= family_getname,
	.poll		= xtcp_poll,
	.ioctl		= inet_ioctl,
	.gettstamp	= sock_gettstamp,
	.listen		= xtcp_listen,
	.shutdown	= inet_shutdown,
	.setsockopt	= sock_common_setsockopt,
	.getsockopt	= sock_common_getsockopt,
	.sendmsg	= inet_sendmsg,
	.recvmsg	= inet_recvmsg,
	.mmap		= sock_no_mmap,
	.splice_eof	= inet_splice_eof,
	.splice_read	= xtcp_splice_read,
	.set_peek_off	= sk_set_peek_off,
	.set_rcvlowat	= xtcp_set_rcvlowat,
	XTCP_COMPAT_OPS_SENDPAGE
};

static void family_init_inet(struct net *net, struct sock *sk)
{
	struct inet_sock *inet = inet_sk(sk);

	inet->pmtudisc = READ_ONCE(net->ipv4.sysctl_ip_no_pmtu_disc) ? IP_PMTUDISC_DONT :
								       IP_PMTUDISC_WANT;
	atomic_set(&inet->inet_id, 0);
	inet->uc_ttl = -1;
	inet->mc_ttl = 1;
	inet->mc_index = 0;
	inet->mc_list = NULL;
	inet->rcv_tos = 0;
	xtcp_compat_inet_flags(sk);
}

static void family_init_sock(struct net *net, struct socket *sock, struct sock *sk)
{
	family_init_inet(net, sk);
	sock_init_data(sock, sk);
	xtcp_sock_init_lock(sk);
	sk->sk_protocol = IPPROTO_XTCP;
	sk->sk_destruct = xtcp_sock_destruct;
	sk->sk_backlog_rcv = sk->sk_prot->backlog_rcv;
	sk->sk_txrehash = READ_ONCE(net->core.sysctl_txrehash);
	xtcp_compat_lock_filter(sk);
}

static int family_check(struct net *net, const struct socket *sock, int protocol)
{
	if (protocol < 0 || protocol >= IPPROTO_MAX)
		return -EINVAL;
	if (sock->type != SOCK_STREAM)
		return -ESOCKTNOSUPPORT;
	if (protocol != XTCPPROTO_IPV4 && protocol != IPPROTO_TCP)
		return -EPROTONOSUPPORT;
	if (!xtcp_knob(net, enabled)) {
		XTCP_INC(net, DISABLED);
		return -EAFNOSUPPORT;
	}
	return 0;
}

static int family_create(struct net *net, struct socket *sock, int protocol, int kern)
{
	struct sock *sk;
	int err;

	err = family_check(net, sock, protocol);
	if (err)
		return err;
	err = xtcp_hook_net_get(net);
	if (err)
		return err;

	sock->state = SS_UNCONNECTED;
	sock->ops = &family_stream_ops;
	set_bit(SOCK_SUPPORT_ZC, &sock->flags);	/* io_uring may hand its pages over */
	xtcp_compat_own_sockopt(sock);
	sk = sk_alloc(net, AF_INET, GFP_KERNEL, &xtcp_prot, kern);
	if (!sk)
		return -ENOMEM;
	family_init_sock(net, sock, sk);

	err = sk->sk_prot->init(sk);
	if (!err && !kern)
		err = BPF_CGROUP_RUN_PROG_INET_SOCK(sk);
	if (err) {
		xtcp_close(sk, 0);
		sock->sk = NULL;
	}
	return err;
}

static struct net_proto_family family_ops = {
	.create	= family_create,
	.owner	= THIS_MODULE,
};

/* Families that Linux names but has never implemented, or no longer does. */
static bool family_is_dead(int family)
{
	return family == AF_SNA || family == AF_NETBEUI || family == AF_ASH ||
	       family == AF_WANPIPE;
}

/**
 * xtcp_family_init - from now on socket(xtcp_family, ...) works
 *
 * The last step of init: everything a socket needs is there. The number is the
 * module parameter "family".
 *
 * Return: 0, -EINVAL for a family that is not free for us, -EEXIST if another
 * module has it.
 */
int __init xtcp_family_init(void)
{
	int err;

	if (!family_is_dead(xtcp_family)) {
		pr_err("xtcp: family=%d is none of 22, 13, 18, 25\n", xtcp_family);
		return -EINVAL;
	}
	family_ops.family = xtcp_family;
	err = sock_register(&family_ops);
	if (err)
		pr_err("xtcp: family %d is taken by another module\n", xtcp_family);
	return err;
}

/**
 * xtcp_family_exit - no new socket from here on
 *
 * The first step of exit; returns after an RCU grace period.
 */
void xtcp_family_exit(void)
{
	sock_unregister(family_ops.family);
}

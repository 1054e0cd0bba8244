// SPDX-License-Identifier: GPL-2.0-only
/*
 * origdst.c answers SO_ORIGINAL_DST: where the peer meant to connect to before NAT led it
 * to us, as transparent proxies ask. Conntrack knows; it is asked as long as it is loaded,
 * and we do not keep it.
 */
#include <linux/in.h>
#include <linux/module.h>
#include <net/netfilter/nf_conntrack.h>
#include <net/netfilter/nf_conntrack_core.h>
#include <net/netfilter/nf_conntrack_zones.h>

#include "door.h"

#if IS_ENABLED(CONFIG_NF_CONNTRACK)

/* The connection as its segments look that come in. */
static void origdst_tuple(struct sock *sk, struct nf_conntrack_tuple *tuple)
{
	const struct inet_sock *inet = inet_sk(sk);

	lock_sock(sk);
	*tuple = (struct nf_conntrack_tuple){
		.src.u3.ip = inet->inet_rcv_saddr,
		.src.u.tcp.port = inet->inet_sport,
		.src.l3num = AF_INET,
		.dst.u3.ip = inet->inet_daddr,
		.dst.u.tcp.port = inet->inet_dport,
		.dst.protonum = IPPROTO_TCP,
	};
	release_sock(sk);
}

static int origdst_find(struct sock *sk, struct sockaddr_in *sin)
{
	const struct nf_conntrack_zone zone = {
		.id = NF_CT_DEFAULT_ZONE_ID,
		.dir = NF_CT_DEFAULT_ZONE_DIR,
	};
	typeof(nf_conntrack_find_get) *find = symbol_get(nf_conntrack_find_get);
	const struct nf_conntrack_tuple *original;
	struct nf_conntrack_tuple tuple;
	struct nf_conntrack_tuple_hash *h;
	struct nf_conn *ct;

	if (!find)
		return -ENOPROTOOPT;
	origdst_tuple(sk, &tuple);
	h = find(sock_net(sk), &zone, &tuple);
	if (h) {
		ct = nf_ct_tuplehash_to_ctrack(h);
		original = &ct->tuplehash[IP_CT_DIR_ORIGINAL].tuple;
		sin->sin_family = AF_INET;
		sin->sin_port = original->dst.u.tcp.port;
		sin->sin_addr.s_addr = original->dst.u3.ip;
		nf_conntrack_put(&ct->ct_general);
	}
	symbol_put(nf_conntrack_find_get);
	return h ? 0 : -ENOENT;
}

#else

static int origdst_find(struct sock *sk, struct sockaddr_in *sin)
{
	return -ENOPROTOOPT;
}

#endif

/**
 * xtcp_origdst_get - getsockopt(SOL_IP, SO_ORIGINAL_DST)
 * @sk: socket, not locked
 * @optval: where a struct sockaddr_in goes
 * @optlen: room there; becomes the bytes written
 *
 * Return: 0; -EINVAL: no room; -ENOENT: conntrack has no such connection; -ENOPROTOOPT: it
 * is not loaded; -EFAULT.
 */
int xtcp_origdst_get(struct sock *sk, char __user *optval, int __user *optlen)
{
	struct sockaddr_in sin = {};
	int err, len;

	if (get_user(len, optlen))
		return -EFAULT;
	if (len < (int)sizeof(sin))
		return -EINVAL;
	err = origdst_find(sk, &sin);
	if (err)
		return err;
	if (put_user(sizeof(sin), optlen) || copy_to_user(optval, &sin, sizeof(sin)))
		return -EFAULT;
	return 0;
}

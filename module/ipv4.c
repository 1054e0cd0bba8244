// SPDX-License-Identifier: GPL-2.0-only
/*
 * IPv4: routes, addresses, checksums, and the IP header of segments without a
 * socket. All that is not true for IPv6 too.
 *
 * Socket lock held where a socket is given, unless a function says otherwise.
 */
#include <linux/bpf-cgroup.h>
#include <linux/inetdevice.h>
#include <linux/tcp.h>
#include <net/inet_dscp.h>
#include <net/inet_ecn.h>
#include <net/ip.h>
#include <net/ip_fib.h>
#include <net/l3mdev.h>
#include <net/route.h>
#include <net/xfrm.h>

#include "af.h"
#include "compat.h"
#include "engine.h"
#include "mib.h"
#include "synq.h"

/*
 * The kernel gives forced GSO, checksums and scatter-gather only to sockets of its
 * own TCP: a device without them gets segments cut in software, as it does there.
 */
static void ipv4_setup_caps(struct sock *sk, struct dst_entry *dst)
{
	sk->sk_gso_type = SKB_GSO_TCPV4;
	sk_setup_caps(sk, dst);
	if (sk_can_gso(sk) || sk->sk_gso_disabled ||
	    (dst->header_len && !xfrm_dst_offload_ok(dst)))
		return;
	sk->sk_route_caps |= NETIF_F_GSO | NETIF_F_GSO_SOFTWARE | NETIF_F_SG | NETIF_F_HW_CSUM;
	sk->sk_gso_max_size = GSO_LEGACY_MAX_SIZE - (XTCP_MAX_HEADER + 1);
	sk->sk_gso_max_segs = max_t(u32, READ_ONCE(dst->dev->gso_max_segs), 1);
}

/* With a source route the first hop is what is routed to. */
static __be32 ipv4_nexthop(const struct sock *sk, __be32 daddr)
{
	const struct ip_options_rcu *opt = rcu_dereference_protected(inet_sk(sk)->inet_opt,
								     lockdep_sock_is_held(sk));

	return opt && opt->opt.srr ? opt->opt.faddr : daddr;
}

static int ipv4_reroute(struct sock *sk)
{
	struct inet_sock *inet = inet_sk(sk);
	struct flowi4 fl4;
	struct rtable *rt;

	rt = ip_route_output_ports(sock_net(sk), &fl4, sk,
				   ipv4_nexthop(sk, inet->inet_daddr), inet->inet_saddr,
				   inet->inet_dport, inet->inet_sport, IPPROTO_TCP,
				   xtcp_compat_rt_tos(sk), sk->sk_bound_dev_if);
	if (IS_ERR(rt)) {
		sk->sk_route_caps = 0;
		WRITE_ONCE(sk->sk_err_soft, -PTR_ERR(rt));
		return PTR_ERR(rt);
	}
	xtcp_sk(sk)->port_routed = true;
	ipv4_setup_caps(sk, &rt->dst);
	return 0;
}

static int ipv4_route(struct sock *sk)
{
	struct dst_entry *dst = __sk_dst_get(sk);

	if (likely(dst && xtcp_ipv4_dst_valid(sock_net(sk), dst) && xtcp_sk(sk)->port_routed))
		return 0;
	__sk_dst_check(sk, 0);
	return ipv4_reroute(sk);
}

/* Room that IP options take from each segment (RFC 9293 MUST-16); IP_OPTIONS may change it. */
static bool ipv4_count_options(struct sock *sk)
{
	struct xtcp_sock *xs = xtcp_sk(sk);
	const struct ip_options_rcu *opt;
	u16 before = xs->snd.ext_hdr_len;

	opt = rcu_dereference_protected(inet_sk(sk)->inet_opt, lockdep_sock_is_held(sk));
	xs->snd.ext_hdr_len = opt ? opt->opt.optlen : 0;
	return xs->snd.ext_hdr_len != before;
}

/* ip_queue_xmit() would route too, but leave us without GSO. */
static int ipv4_queue_xmit(struct sock *sk, struct sk_buff *skb)
{
	const struct inet_sock *inet = inet_sk(sk);
	int err = ipv4_route(sk);
	struct flowi fl;

	if (ipv4_count_options(sk))
		xtcp_mss_sync(sk, xtcp_sk(sk)->snd.pmtu);
	if (err) {
		IP_INC_STATS(sock_net(sk), IPSTATS_MIB_OUTNOROUTES);
		kfree_skb_reason(skb, SKB_DROP_REASON_IP_OUTNOROUTES);
		return -EHOSTUNREACH;
	}
	/* All that it wants to know of a flow which has a route. */
	fl.u.ip4.saddr = inet->inet_saddr;
	fl.u.ip4.daddr = ipv4_nexthop(sk, inet->inet_daddr);
	return ip_queue_xmit(sk, skb, &fl);
}

static void ipv4_partial_csum(struct sk_buff *skb, __be32 saddr, __be32 daddr)
{
	tcp_hdr(skb)->check = ~csum_tcpudp_magic(saddr, daddr, skb->len, IPPROTO_TCP, 0);
	skb->ip_summed = CHECKSUM_PARTIAL;
	skb->csum_start = skb_transport_header(skb) - skb->head;
	skb->csum_offset = offsetof(struct tcphdr, check);
}

static void ipv4_send_check(struct sock *sk, struct sk_buff *skb)
{
	ipv4_partial_csum(skb, inet_sk(sk)->inet_saddr, inet_sk(sk)->inet_daddr);
}

/**
 * xtcp_ipv4_pre_connect - asks the cgroup's connect program, which may rewrite the address
 * @sk: socket, locked
 * @addr: where to
 * @len: its size
 *
 * Return: 0 or a negative errno of the program's.
 */
int xtcp_ipv4_pre_connect(struct sock *sk, struct sockaddr *addr, int len)
{
	sock_owned_by_me(sk);
	if (len < (int)sizeof(struct sockaddr_in))
		return -EINVAL;
	return xtcp_compat_run_inet4_connect(sk, addr, &len);
}

/* The route to where connect(2) wants; @fl4 then holds the addresses of both ends. */
static struct rtable *ipv4_connect_route(struct sock *sk, struct flowi4 *fl4,
					 const struct sockaddr_in *sin)
{
	struct inet_sock *inet = inet_sk(sk);
	struct rtable *rt;

	rt = ip_route_connect(fl4, ipv4_nexthop(sk, sin->sin_addr.s_addr),
			      inet->inet_saddr, sk->sk_bound_dev_if, IPPROTO_TCP,
			      inet->inet_sport, sin->sin_port, sk);
	if (IS_ERR(rt)) {
		if (PTR_ERR(rt) == -ENETUNREACH)
			IP_INC_STATS(sock_net(sk), IPSTATS_MIB_OUTNOROUTES);
		return rt;
	}
	/* RFC 9293 MUST-46 */
	if (rt->rt_flags & (RTCF_MULTICAST | RTCF_BROADCAST)) {
		ip_rt_put(rt);
		return ERR_PTR(-ENETUNREACH);
	}
	return rt;
}

static int ipv4_connect(struct sock *sk, struct sockaddr *addr, int len)
{
	const struct sockaddr_in *sin = (const struct sockaddr_in *)addr;
	struct inet_sock *inet = inet_sk(sk);
	const struct ip_options_rcu *opt;
	struct flowi4 fl4;
	struct rtable *rt;
	bool srr;

	if (len < (int)sizeof(*sin))
		return -EINVAL;
	if (sin->sin_family != AF_INET)
		return -EAFNOSUPPORT;
	opt = rcu_dereference_protected(inet->inet_opt, lockdep_sock_is_held(sk));
	srr = opt && opt->opt.srr;
	if (srr && !sin->sin_addr.s_addr)
		return -EINVAL;

	rt = ipv4_connect_route(sk, &fl4, sin);
	if (IS_ERR(rt))
		return PTR_ERR(rt);
	if (!inet->inet_saddr)
		inet->inet_saddr = fl4.saddr;
	sk->sk_rcv_saddr = inet->inet_saddr;
	/* An unspecified peer is ourselves. */
	sk->sk_daddr = srr ? sin->sin_addr.s_addr : fl4.daddr;
	inet->inet_dport = sin->sin_port;
	/* Policies and multipath select by port: if it is not known yet, route once more. */
	xtcp_sk(sk)->port_routed = inet->inet_num != 0;
	ipv4_count_options(sk);
	ipv4_setup_caps(sk, &rt->dst);
	return 0;
}

static void ipv4_key_of_skb(struct xtcp_key *key, struct net *net, const struct sk_buff *skb,
			    const struct tcphdr *ports)
{
	const struct iphdr *iph = ip_hdr(skb);

	*key = (struct xtcp_key) {
		.net = net,
		.laddr = iph->daddr,
		.raddr = iph->saddr,
		.lport = ntohs(ports->dest),
		.rport = ports->source,
		.family = AF_INET,
		.dif = inet_iif(skb),
		.sdif = inet_sdif(skb),
	};
}

/*
 * The child is a clone of its listener, locked and not yet findable. IP options of the
 * SYN are not echoed (MUST-51 to 53 declined), nor are the listener's inherited.
 */
static int ipv4_init_child(struct sock *child, struct sk_buff *skb)
{
	struct inet_sock *inet = inet_sk(child);
	const struct tcphdr *th = tcp_hdr(skb);
	const struct iphdr *iph = ip_hdr(skb);

	RCU_INIT_POINTER(inet->inet_opt, NULL);
	child->sk_daddr = iph->saddr;
	child->sk_rcv_saddr = iph->daddr;
	inet->inet_saddr = iph->daddr;
	inet->inet_dport = th->source;
	inet->inet_sport = th->dest;
	inet->inet_num = ntohs(th->dest);
	inet->mc_index = XTCP_CB(skb)->iif;
	inet->mc_ttl = iph->ttl;
	inet->rcv_tos = iph->tos;
	/* Nobody else's packets share the counter, so it tells nothing of them. */
	atomic_set(&inet->inet_id, get_random_u32() & U16_MAX);
	return ipv4_reroute(child);
}

/* Without a policy xfrm_lookup() would find that IPsec has no say. */
static bool ipv4_ipsec_idle(const struct net *net, const struct sock *sk)
{
#ifdef CONFIG_XFRM
	return !READ_ONCE(net->xfrm.policy_count[XFRM_POLICY_OUT]) &&
	       READ_ONCE(net->xfrm.policy_default[XFRM_POLICY_OUT]) != XFRM_USERPOLICY_BLOCK &&
	       !(sk && rcu_access_pointer(sk->sk_policy[XFRM_POLICY_OUT]));
#else
	return true;
#endif
}

static struct dst_entry *ipv4_find_reply_route(const struct xtcp_reply *r)
{
	const struct xtcp_key *key = r->key;
	struct flowi4 fl4;
	struct rtable *rt;

	flowi4_init_output(&fl4, r->oif, r->mark, xtcp_compat_tos_to_rt(r->tos),
			   r->sk ? ip_sock_rt_scope(r->sk) : RT_SCOPE_UNIVERSE, IPPROTO_TCP,
			   r->sk ? inet_sk_flowi_flags(r->sk) : 0, key->raddr, key->laddr,
			   key->rport, htons(key->lport), sock_net_uid(key->net, r->sk));
	if (r->sk)
		security_sk_classify_flow(r->sk, flowi4_to_flowi_common(&fl4));
	else if (r->in)
		security_skb_classify_flow((struct sk_buff *)r->in, flowi4_to_flowi_common(&fl4));
	if (ipv4_ipsec_idle(key->net, r->sk))
		rt = __ip_route_output_key(key->net, &fl4);
	else
		rt = ip_route_output_flow(key->net, &fl4, r->sk);
	return IS_ERR(rt) ? NULL : &rt->dst;
}

static struct dst_entry *ipv4_route_reply(const struct xtcp_reply *r)
{
	struct dst_entry *dst = ipv4_find_reply_route(r);

	if (!dst)
		IP_INC_STATS(r->key->net, IPSTATS_MIB_OUTNOROUTES);
	return dst;
}

/*
 * May the route back tell as much of a SYN's source as the look-up of the SYN's own? Not
 * where rules, realms or marks have a say in that, nor with a route that a rule of the
 * socket narrows, nor of addresses that are no host's.
 */
static bool ipv4_source_plain(const struct xtcp_key *key, const struct sock *listener,
			      const struct sk_buff *skb)
{
	struct net *net = key->net;

	return !fib4_has_custom_rules(net) && !net->ipv4.fib_has_custom_local_routes &&
	       !fib_num_tclassid_users(net) && !secpath_exists(skb) &&
	       !READ_ONCE(listener->sk_bound_dev_if) && !sock_flag(listener, SOCK_LOCALROUTE) &&
	       !ipv4_is_multicast(key->raddr) && !ipv4_is_lbcast(key->raddr) &&
	       !ipv4_is_zeronet(key->raddr) && !ipv4_is_loopback(key->raddr);
}

/*
 * What the kernel asks of the source: that it is no address of ours, and by rp_filter, that
 * the way back is by the device it came from. Loose or not: another device has it looked up.
 */
static bool ipv4_source_proved(const struct xtcp_reply *r, const struct sk_buff *skb,
			       const struct rtable *rt)
{
	struct in_device *in = __in_dev_get_rcu(skb->dev);

	if (!in || dst_xfrm(&rt->dst) ||
	    (rt->rt_flags & (RTCF_LOCAL | RTCF_BROADCAST | RTCF_MULTICAST)))
		return false;
	return !IN_DEV_RPFILTER(in) ||
	       (rt->dst.dev == skb->dev && !((ip_hdr(skb)->tos ^ r->tos) & INET_DSCP_MASK));
}

/**
 * xtcp_ipv4_answer_route - the route of the SYN-ACK, if it makes the SYN's own needless
 * @key: the SYN's 4-tuple and devices
 * @listener: whose it is
 * @skb: the SYN, not routed; its local address is known to be one
 *
 * Context: RCU, bottom halves off.
 * Return: the route with a reference, or NULL: look up the SYN's
 */
struct dst_entry *xtcp_ipv4_answer_route(const struct xtcp_key *key, struct sock *listener,
					 const struct sk_buff *skb)
{
	const struct xtcp_reply r = {
		.key = key,
		.sk = listener,
		.tos = xtcp_synq_tos(listener, skb),
		.mark = inet_request_mark(listener, (struct sk_buff *)skb),
	};
	struct dst_entry *dst;

	if (!ipv4_source_plain(key, listener, skb))
		return NULL;
	dst = ipv4_find_reply_route(&r);
	if (!dst || ipv4_source_proved(&r, skb, container_of(dst, struct rtable, dst)))
		return dst;
	dst_release(dst);
	return NULL;
}

/*
 * Never fragmented and therefore without an identity (RFC 6864): a counter shared
 * between peers would tell the one of the other's traffic (CVE-2020-36516).
 */
static void ipv4_reply_header(const struct xtcp_reply *r, struct dst_entry *dst)
{
	int ttl = r->sk ? READ_ONCE(inet_sk(r->sk)->uc_ttl) : -1;
	struct iphdr *iph;

	iph = skb_push(r->skb, sizeof(*iph));
	skb_reset_network_header(r->skb);
	*iph = (struct iphdr) {
		.version = 4,
		.ihl = 5,
		.tos = r->tos,
		.frag_off = htons(IP_DF),
		.ttl = ttl < 0 ? ip4_dst_hoplimit(dst) : ttl,
		.protocol = IPPROTO_TCP,
		.saddr = r->key->laddr,
		.daddr = r->key->raddr,
	};
}

static int ipv4_reply(const struct xtcp_reply *r)
{
	struct dst_entry *dst = r->dst ? r->dst : ipv4_route_reply(r);
	struct sk_buff *skb = r->skb;
	int err;

	if (!dst) {
		kfree_skb_reason(skb, SKB_DROP_REASON_IP_OUTNOROUTES);
		return -EHOSTUNREACH;
	}
	ipv4_partial_csum(skb, r->key->laddr, r->key->raddr);
	ipv4_reply_header(r, dst);
	skb_dst_set(skb, dst);
	skb->protocol = htons(ETH_P_IP);
	skb->priority = r->priority;
	skb->mark = r->mark;
	if (r->txhash)
		skb_set_hash(skb, r->txhash, PKT_HASH_TYPE_L4);
	err = ip_local_out(r->key->net, skb->sk, skb);
	return net_xmit_eval(err);	/* a macro that evaluates twice */
}

/*
 * The route learns the MTU (bounded below by min_pmtu, RFC 5927) and is looked up
 * again, since what was learned sits in an exception of its own.
 */
static struct dst_entry *ipv4_update_route_mtu(struct sock *sk, u32 mtu)
{
	struct dst_entry *dst;

	if (ipv4_route(sk))
		return NULL;
	dst = __sk_dst_get(sk);
	dst->ops->update_pmtu(dst, sk, NULL, mtu, true);
	if (ipv4_route(sk))
		return NULL;
	return __sk_dst_get(sk);
}

static void ipv4_mtu_reduced(struct sock *sk, u32 mtu)
{
	struct xtcp_sock *xs = xtcp_sk(sk);
	struct dst_entry *dst;
	u32 dmtu;

	if ((1 << sk->sk_state) & (TCPF_LISTEN | TCPF_CLOSE))
		return;
	dst = ipv4_update_route_mtu(sk, mtu);
	if (!dst)
		return;
	dmtu = dst_mtu(dst);
	if (mtu < dmtu && ip_dont_fragment(sk, dst))
		WRITE_ONCE(sk->sk_err_soft, EMSGSIZE);
	if (READ_ONCE(inet_sk(sk)->pmtudisc) == IP_PMTUDISC_DONT || !ip_sk_accept_pmtu(sk) ||
	    xs->snd.pmtu <= dmtu)
		return;
	XTCP_INC(sock_net(sk), PMTUREDUCED);
	xtcp_mss_sync(sk, dmtu);
	xtcp_recovery_path_shrank(sk);
}

static bool ipv4_csum_ok(struct sk_buff *skb)
{
	return !skb_checksum_init(skb, IPPROTO_TCP, inet_compute_pseudo) &&
	       !skb_checksum_complete(skb);
}

static void ipv4_fill_cb(struct sk_buff *skb)
{
	XTCP_CB(skb)->tos = ip_hdr(skb)->tos;
	XTCP_CB(skb)->ttl = ip_hdr(skb)->ttl;
}

static bool ipv4_ttl_ok(const struct sock *sk, const struct sk_buff *skb)
{
	return XTCP_CB(skb)->ttl >= READ_ONCE(inet_sk(sk)->min_ttl);
}

static bool ipv4_sk_is_loopback(const struct sock *sk)
{
	return ipv4_is_loopback(sk->sk_rcv_saddr) || ipv4_is_loopback(sk->sk_daddr);
}

/* The loopback device brings segments with the route they left by. */
static bool ipv4_rx_dst_keeps(const struct sk_buff *skb)
{
	const struct rtable *rt = skb_rtable(skb);

	return rt_is_input_route(rt) && rt->rt_type == RTN_LOCAL;
}

static bool ipv4_not_unicast(const struct sk_buff *skb)
{
	const struct iphdr *iph = ip_hdr(skb);

	if (ipv4_is_multicast(iph->saddr) || ipv4_is_lbcast(iph->saddr) ||
	    ipv4_is_zeronet(iph->saddr) || ipv4_is_multicast(iph->daddr) ||
	    ipv4_is_lbcast(iph->daddr))
		return true;
	return skb_rtable(skb)->rt_flags & (RTCF_BROADCAST | RTCF_MULTICAST);
}

const struct xtcp_af_ops xtcp_ipv4_ops = {
	.family		= AF_INET,
	.net_header_len	= sizeof(struct iphdr),
	.sockaddr_len	= sizeof(struct sockaddr_in),
	.queue_xmit	= ipv4_queue_xmit,
	.send_check	= ipv4_send_check,
	.route		= ipv4_route,
	.connect	= ipv4_connect,
	.key_of_skb	= ipv4_key_of_skb,
	.init_child	= ipv4_init_child,
	.route_reply	= ipv4_route_reply,
	.reply		= ipv4_reply,
	.mtu_reduced	= ipv4_mtu_reduced,
	.csum_ok	= ipv4_csum_ok,
	.fill_cb	= ipv4_fill_cb,
	.ttl_ok		= ipv4_ttl_ok,
	.is_loopback	= ipv4_sk_is_loopback,
	.rx_dst_keeps	= ipv4_rx_dst_keeps,
	.not_unicast	= ipv4_not_unicast,
};

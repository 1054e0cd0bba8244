// SPDX-License-Identifier: GPL-2.0-only
/*
 * The netfilter hook, through which every segment comes to us: is it ours?
 *
 * The last place of NF_INET_LOCAL_IN: the packet is reassembled, GRO has merged
 * it and the host's firewall has had its say. Before, the last place of
 * NF_INET_PRE_ROUTING gives segments of a known connection their route, and takes them
 * where nothing stands between. A namespace gets its hooks with its first XTCP socket;
 * hook_mutex serializes that.
 */
#include <linux/ip.h>
#include <linux/netfilter.h>
#include <linux/netfilter_ipv4.h>
#include <linux/tcp.h>
#include <net/ip.h>
#include <net/netfilter/nf_conntrack.h>

#include "acceptq.h"
#include "af.h"
#include "compat.h"
#include "engine.h"
#include "mib.h"
#include "net.h"
#include "ports.h"

static DEFINE_MUTEX(hook_mutex);

/*
 * Conntrack confirms at the same priority, behind or before us by order of
 * registration. An entry that nobody confirms dies with its packet, and the
 * reply would then be the first of a new one.
 */
static unsigned int hook_confirm(struct sk_buff *skb)
{
	const struct nf_ct_hook *ct_hook;
	enum ip_conntrack_info ctinfo;
	struct nf_conn *ct;

	ct = nf_ct_get(skb, &ctinfo);
	if (!ct || nf_ct_is_confirmed(ct) || nf_ct_is_template(ct))
		return NF_ACCEPT;
	ct_hook = rcu_dereference(nf_ct_hook);
	return ct_hook ? ct_hook->confirm(skb) : NF_ACCEPT;
}

/* Bottom halves are off; @ports of the TCP header. */
static unsigned int hook_take(struct net *net, struct sk_buff *skb, const struct tcphdr *ports)
{
	struct xtcp_found found;
	struct xtcp_key key;
	unsigned int verdict;

	xtcp_ipv4_ops.key_of_skb(&key, net, skb, ports);
	if (!xtcp_rx_find(&key, skb, &found))
		return NF_ACCEPT;
	verdict = hook_confirm(skb);
	if (verdict != NF_ACCEPT) {
		xtcp_demux_put(&found);
		return verdict;
	}
	xtcp_rx(&key, &found, skb);
	return NF_STOLEN;
}

/* The ports, if the local one is perhaps ours, else NULL. */
static const struct tcphdr *hook_maybe_ours(const struct xtcp_net *xn, const struct sk_buff *skb,
					    struct tcphdr *buf)
{
	const struct tcphdr *th;

	th = skb_header_pointer(skb, skb_network_offset(skb) + ip_hdrlen(skb),
				offsetof(struct tcphdr, seq), buf);
	return th && xtcp_ports_maybe_ours(xn, ntohs(th->dest)) ? th : NULL;
}

/* A reinjected packet (NFQUEUE) comes in process context with bottom halves on. */
static unsigned int hook_tcp_in(struct net *net, struct sk_buff *skb)
{
	const struct tcphdr *ports;
	unsigned int verdict;
	struct tcphdr buf;

	ports = skb->sk ? NULL : hook_maybe_ours(xtcp_net(net), skb, &buf);
	if (!ports)
		return NF_ACCEPT;
	if (likely(in_softirq()))
		return hook_take(net, skb, ports);
	local_bh_disable();
	verdict = hook_take(net, skb, ports);
	local_bh_enable();
	return verdict;
}

static unsigned int hook_ipv4_in(void *priv, struct sk_buff *skb,
				 const struct nf_hook_state *state)
{
	switch (ip_hdr(skb)->protocol) {
	case IPPROTO_TCP:
		return hook_tcp_in(state->net, skb);
	case IPPROTO_ICMP:
		local_bh_disable();
		xtcp_icmp_rcv(state->net, skb);
		local_bh_enable();
		break;
	}
	return NF_ACCEPT;
}

/*
 * Only what the next steps of IP would do with this packet may be left out: it has no
 * route nor owner yet, is whole, and no IP option wants to see it. One that comes in
 * process context (NFQUEUE) may take the long way.
 */
static bool hook_wants_route(const struct sk_buff *skb)
{
	const struct iphdr *iph = ip_hdr(skb);

	return iph->protocol == IPPROTO_TCP && !skb->sk && !skb_dst(skb) && iph->ihl == 5 &&
	       !ip_is_fragment(iph) && skb->pkt_type == PACKET_HOST && in_softirq();
}

static unsigned int hook_ipv4_early(void *priv, struct sk_buff *skb,
				    const struct nf_hook_state *state);

/*
 * Does nothing stand between this hook and the one at LOCAL_IN but IP, which has nothing left
 * to do? A firewall has a hook there, as conntrack has; a VRF takes the packet for its own
 * device and through these hooks again; below a bridge it may be another's.
 */
static bool hook_nothing_between(const struct net *net, const struct sk_buff *skb)
{
	const struct nf_hook_entries *pre, *in;

	pre = rcu_dereference(net->nf.hooks_ipv4[NF_INET_PRE_ROUTING]);
	in = rcu_dereference(net->nf.hooks_ipv4[NF_INET_LOCAL_IN]);
	return pre && pre->hooks[pre->num_hook_entries - 1].hook == hook_ipv4_early &&
	       in && in->num_hook_entries == 1 && in->hooks[0].hook == hook_ipv4_in &&
	       !netif_is_l3_slave(skb->dev) && !netif_is_l3_master(skb->dev) &&
	       !netif_has_l3_rx_handler(skb->dev) && !xtcp_compat_bridged(skb);
}

/* A route with a tunnel or a realm has its own input or accounts. */
static bool hook_route_plain(const struct dst_entry *dst)
{
	return !dst->lwtstate && !xtcp_compat_realm(dst);
}

/* The route of the connection's last segment, if it still holds and came by the same devices. */
static struct dst_entry *hook_rx_dst(const struct xtcp_key *key, const struct sock *sk)
{
	struct dst_entry *dst;

	if (READ_ONCE(sk->sk_rx_dst_ifindex) != key->dif ||
	    READ_ONCE(xtcp_sk(sk)->rcv.dst_sdif) != key->sdif)
		return NULL;
	dst = rcu_dereference(sk->sk_rx_dst);
	return dst && xtcp_ipv4_dst_valid(key->net, dst) ? dst : NULL;
}

/* @sk's reference ends here. */
static unsigned int hook_known(const struct xtcp_key *key, struct sock *sk, struct sk_buff *skb)
{
	struct xtcp_found found = { .kind = XTCP_KIND_SOCK, .sk = sk };
	struct dst_entry *dst = hook_rx_dst(key, sk);

	if (!dst)
		goto accept;
	XTCP_SK_INC(sk, EARLYDEMUX);
	skb_dst_set_noref(skb, dst);
	if (!hook_route_plain(dst) || !hook_nothing_between(key->net, skb))
		goto accept;
	XTCP_SK_INC(sk, EARLYTAKEN);
	xtcp_rx(key, &found, skb);
	return NF_STOLEN;
accept:
	sock_put(sk);
	return NF_ACCEPT;
}

/* Does a SYN begin here, whose answer is all that it has to bring about? */
static bool hook_is_syn(const struct sk_buff *skb)
{
	const int off = skb_network_offset(skb) + sizeof(struct iphdr);
	const struct tcphdr *th = (const struct tcphdr *)(skb->data + off);

	return skb_headlen(skb) >= off + sizeof(*th) && th->syn && !th->ack && !th->rst &&
	       !skb_is_gso(skb);
}

/* The route of a listener's SYN from elsewhere to the same address, if it still holds. */
static struct dst_entry *hook_listener_dst(const struct xtcp_key *key, const struct sock *sk)
{
	struct dst_entry *dst = xtcp_acceptq_rx_dst(sk, key->laddr, key->dif);

	return dst && xtcp_ipv4_dst_valid(key->net, dst) && hook_route_plain(dst) ? dst : NULL;
}

/*
 * The way to the listener is that of the SYN before; that the source may be one, the route
 * back tells, which its answer needs in any case. So one look-up does instead of two.
 */
static bool hook_route_syn(const struct xtcp_key *key, struct xtcp_found *found,
			   struct sk_buff *skb)
{
	struct dst_entry *dst = hook_listener_dst(key, found->sk);

	if (!dst)
		return false;
	found->answer = xtcp_ipv4_answer_route(key, found->sk, skb);
	if (!found->answer)
		return false;
	skb_dst_set_noref(skb, dst);
	return true;
}

/* A SYN for a listener, where nothing stands between. */
static unsigned int hook_syn(const struct xtcp_key *key, struct sk_buff *skb)
{
	struct xtcp_found found;

	if (!xtcp_rx_find(key, skb, &found))
		return NF_ACCEPT;
	if (found.kind == XTCP_KIND_SOCK)
		return hook_known(key, found.sk, skb);
	if (found.kind != XTCP_KIND_LISTENER || !hook_route_syn(key, &found, skb)) {
		xtcp_demux_put(&found);
		return NF_ACCEPT;
	}
	XTCP_INC(key->net, EARLYSYNS);
	xtcp_rx(key, &found, skb);
	return NF_STOLEN;
}

/*
 * A known connection's segment takes the route of the one before, and neither the kernel's
 * look-up of the route nor its TCP's of the owner is made. If it goes on from here, then with
 * the route only: who sees an owner in skb->sk takes it for one of the kernel's TCP.
 */
static unsigned int hook_ipv4_early(void *priv, struct sk_buff *skb,
				    const struct nf_hook_state *state)
{
	const struct tcphdr *ports;
	const struct xtcp_net *xn;
	struct xtcp_key key;
	struct tcphdr buf;
	struct sock *sk;

	if (!hook_wants_route(skb))
		return NF_ACCEPT;
	xn = xtcp_net(state->net);
	ports = hook_maybe_ours(xn, skb, &buf);
	if (!ports || !READ_ONCE(xn->knobs.early_demux))
		return NF_ACCEPT;
	xtcp_ipv4_ops.key_of_skb(&key, state->net, skb, ports);
	if (hook_is_syn(skb) && hook_nothing_between(state->net, skb))
		return hook_syn(&key, skb);
	sk = xtcp_demux_sock(&key);
	return sk ? hook_known(&key, sk, skb) : NF_ACCEPT;
}

static const struct nf_hook_ops hook_ops[] = {
	{
		.hook		= hook_ipv4_early,
		.pf		= NFPROTO_IPV4,
		.hooknum	= NF_INET_PRE_ROUTING,
		.priority	= NF_IP_PRI_LAST,
	},
	{
		.hook		= hook_ipv4_in,
		.pf		= NFPROTO_IPV4,
		.hooknum	= NF_INET_LOCAL_IN,
		.priority	= NF_IP_PRI_LAST,
	},
};

/**
 * xtcp_hook_net_get - see to it that a namespace's segments reach us
 * @net: namespace, alive
 *
 * Process context, no socket locked. Return: 0 or a negative errno.
 */
int xtcp_hook_net_get(struct net *net)
{
	struct xtcp_net *xn = xtcp_net(net);
	int err = 0;

	/* Hooked means registered: pairs with smp_store_release() below. */
	if (likely(smp_load_acquire(&xn->hooked)))
		return 0;

	mutex_lock(&hook_mutex);
	if (!xn->hooked) {
		err = nf_register_net_hooks(net, hook_ops, ARRAY_SIZE(hook_ops));
		if (!err)	/* pairs with smp_load_acquire() above */
			smp_store_release(&xn->hooked, 1);	/* registered */
	}
	mutex_unlock(&hook_mutex);
	return err;
}

/**
 * xtcp_hook_net_put - a namespace ends, or the module does
 * @net: namespace without XTCP sockets
 *
 * A segment may still be in the hook until a grace period has passed.
 */
void xtcp_hook_net_put(struct net *net)
{
	struct xtcp_net *xn = xtcp_net(net);

	mutex_lock(&hook_mutex);
	if (xn->hooked) {
		nf_unregister_net_hooks(net, hook_ops, ARRAY_SIZE(hook_ops));
		WRITE_ONCE(xn->hooked, 0);
	}
	mutex_unlock(&hook_mutex);
}

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Everything that differs between IPv4 and IPv6, as one table of calls.
 */
#ifndef _XTCP_AF_H
#define _XTCP_AF_H

#include <net/route.h>
#include <net/sock.h>

struct tcphdr;
struct xtcp_key;
struct xtcp_reply;

/**
 * struct xtcp_af_ops - what an address family does for the rest
 * @family: AF_INET
 * @net_header_len: bytes of the IP header without options
 * @sockaddr_len: size of its sockaddr
 * @queue_xmit: routes and sends a segment with its TCP header complete; consumes the skb
 * @send_check: fills th->check for hardware or GSO (CHECKSUM_PARTIAL)
 * @route: the socket's route, looked up again when it went stale or the ports changed
 *	since; sets capabilities (process context or softirq); 0 or -EHOSTUNREACH ...
 * @connect: name and route: sets the socket's addresses and peer port from a sockaddr;
 *	errors as connect(2). The local port may still be unknown: call @route after it is
 * @key_of_skb: the 4-tuple and devices of a segment as the hook gets it, the cb still IP's;
 *	of its TCP header the ports
 * @init_child: addresses, ports, route of a child from the skb that completed it; the
 *	caller has set its mark and device
 * @route_reply: the route of a segment without a socket, with a reference, or NULL
 * @reply: sends such a segment; consumes its skb and route
 * @mtu_reduced: an ICMP error said the path takes less: update the route and the MSS
 * @csum_ok: verifies a received segment's checksum; data at the TCP header
 * @fill_cb: TOS and TTL of a received segment into the cb of XTCP
 * @ttl_ok: is the TTL in the cb at least what the socket demands (RFC 5082)?
 * @is_loopback: is either end of the socket a loopback address?
 * @rx_dst_keeps: may other segments of the connection use this one's route? Only if it
 *	was looked up for a segment that came in, and is to a local unicast address
 * @not_unicast: peer or local address of a received segment, or the frame that carried
 *	it, is no unicast one (RFC 9293 MUST-46, 57, 63); the route still attached
 */
struct xtcp_af_ops {
	u16 family;
	u16 net_header_len;
	u16 sockaddr_len;
	int (*queue_xmit)(struct sock *sk, struct sk_buff *skb);
	void (*send_check)(struct sock *sk, struct sk_buff *skb);
	int (*route)(struct sock *sk);
	int (*connect)(struct sock *sk, struct sockaddr *addr, int len);
	void (*key_of_skb)(struct xtcp_key *key, struct net *net, const struct sk_buff *skb,
			   const struct tcphdr *ports);
	int (*init_child)(struct sock *child, struct sk_buff *skb);
	struct dst_entry *(*route_reply)(const struct xtcp_reply *r);
	int (*reply)(const struct xtcp_reply *r);
	void (*mtu_reduced)(struct sock *sk, u32 mtu);
	bool (*csum_ok)(struct sk_buff *skb);
	void (*fill_cb)(struct sk_buff *skb);
	bool (*ttl_ok)(const struct sock *sk, const struct sk_buff *skb);
	bool (*is_loopback)(const struct sock *sk);
	bool (*rx_dst_keeps)(const struct sk_buff *skb);
	bool (*not_unicast)(const struct sk_buff *skb);
};

extern const struct xtcp_af_ops xtcp_ipv4_ops;

/* The table of a key's family. */
static inline const struct xtcp_af_ops *xtcp_af(u16 family)
{
	DEBUG_NET_WARN_ON_ONCE(family != AF_INET);
	return &xtcp_ipv4_ops;
}

/* A socket's, told by its family: by a pointer in it each call would be an indirect one. */
static inline const struct xtcp_af_ops *xtcp_sk_af(const struct sock *sk)
{
	return xtcp_af(sk->sk_family);
}

/*
 * Does dst_check() hold? No call for what nearly every route is: without IPsec, and none
 * was changed since it was looked up.
 */
static inline bool xtcp_ipv4_dst_valid(const struct net *net, struct dst_entry *dst)
{
	if (likely(!dst_xfrm(dst) && READ_ONCE(dst->obsolete) == DST_OBSOLETE_FORCE_CHK &&
		   container_of(dst, struct rtable, dst)->rt_genid == rt_genid_ipv4(net)))
		return true;
	return dst_check(dst, 0);
}

int xtcp_ipv4_pre_connect(struct sock *sk, struct sockaddr *addr, int len);
struct dst_entry *xtcp_ipv4_answer_route(const struct xtcp_key *key, struct sock *listener,
					 const struct sk_buff *skb);

/**
 * struct xtcp_reply - a segment built and sent without a full socket; reply.c builds, af sends
 * @key: its connection; addresses and ports as our side sees them
 * @sk: listener whose options it takes and which owns the skb, or NULL
 * @in: the segment it answers (flow classification), or NULL
 * @oif: device to leave by, or 0
 * @tos: IP's TOS
 * @mark: fwmark
 * @priority: of the skb
 * @txhash: flow hash, 0 for none
 * @skb: TCP header and payload complete but for the checksum
 * @dst: a route already looked up (a reference the call consumes), or NULL
 */
struct xtcp_reply {
	const struct xtcp_key *key;
	struct sock *sk;
	const struct sk_buff *in;
	int oif;
	u8 tos;
	u32 mark;
	u32 priority;
	u32 txhash;
	struct sk_buff *skb;
	struct dst_entry *dst;
};

#endif /* _XTCP_AF_H */

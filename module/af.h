/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Everything that differs between IPv4 and IPv6, as one table of calls.
 */
#ifndef _XTCP_AF_H
#define _XTCP_AF_H

#include <net/sock.h>

#include "demux.h"

struct xtcp_reply;

/**
 * struct xtcp_af_ops - what an address family does for the rest
 * @family: AF_INET
 * @net_header_len: bytes of the IP header without options
 * @sockaddr_len: size of its sockaddr
 * @queue_xmit: routes and sends a segment with its TCP header complete
 * @send_check: fills th->check for hardware or GSO (CHECKSUM_PARTIAL)
 * @route: the socket's route, looked up again when it went stale; sets capabilities
 *	(process context or softirq); 0 or -EHOSTUNREACH ...
 * @connect: name and route: sets the socket's addresses from a sockaddr; errors as connect(2)
 * @key_of_skb: the 4-tuple of a received segment
 * @init_child: addresses, route, IP options of a child from the skb that completed it
 * @reply: sends a segment without a socket of its own
 * @mtu_reduced: an ICMP error said the path takes less: update the route and the MSS
 * @local_or_remote_multicast: peer or local address is no unicast one (RFC 9293 MUST-46, 57)
 */
struct xtcp_af_ops {
	u16 family;
	u16 net_header_len;
	u16 sockaddr_len;
	int (*queue_xmit)(struct sock *sk, struct sk_buff *skb);
	void (*send_check)(struct sock *sk, struct sk_buff *skb);
	int (*route)(struct sock *sk);
	int (*connect)(struct sock *sk, struct sockaddr *addr, int len);
	void (*key_of_skb)(struct xtcp_key *key, struct net *net, const struct sk_buff *skb);
	int (*init_child)(struct sock *child, struct sk_buff *skb);
	int (*reply)(const struct xtcp_reply *r);
	void (*mtu_reduced)(struct sock *sk, u32 mtu);
	bool (*not_unicast)(const struct sk_buff *skb);
	u32 (*isn)(const struct xtcp_key *key);
};

extern const struct xtcp_af_ops xtcp_ipv4_ops;

int xtcp_ipv4_init(void);
void xtcp_ipv4_exit(void);

/**
 * struct xtcp_reply - a segment built and sent without a full socket; reply.c builds, af sends
 * @net: namespace
 * @sk: listener whose options, mark and owner it takes, or NULL
 * @laddr, @raddr: addresses, ours first
 * @lport: ours, host order; @rport: network order
 * @oif: device to leave by, or 0
 * @tos: IP's TOS
 * @ttl: 0 for the route's default
 * @mark: fwmark
 * @txhash: flow hash, never 0 in SYN-ACKs
 * @skb: TCP header and payload complete but for the checksum
 * @dst: a route already looked up (a reference the call consumes), or NULL
 */
struct xtcp_reply {
	struct net *net;
	struct sock *sk;
	__be32 laddr;
	__be32 raddr;
	u16 lport;
	__be16 rport;
	int oif;
	u8 tos;
	u8 ttl;
	u32 mark;
	u32 priority;
	u32 txhash;
	struct sk_buff *skb;
	struct dst_entry *dst;
};

#endif /* _XTCP_AF_H */

// SPDX-License-Identifier: GPL-2.0-only
/*
 * trace.c owns the tracepoints' bodies. A tracepoint that is off costs its caller
 * one jump; see include/trace/events/xtcp.h for what each one tells.
 */
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/tcp.h>
#include <net/inet_sock.h>

#include "sock.h"

static void trace_fill_addr(__u8 *to, __be32 addr, __be16 port)
{
	struct sockaddr_in sin = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = addr,
		.sin_port = port,
	};

	memset(to, 0, sizeof(struct sockaddr_in6));
	memcpy(to, &sin, sizeof(sin));
}

static void trace_fill_sock(const struct sock *sk, __u8 *local, __u8 *remote)
{
	trace_fill_addr(local, sk->sk_rcv_saddr, htons(sk->sk_num));
	trace_fill_addr(remote, sk->sk_daddr, sk->sk_dport);
}

/* A received segment: its destination is our side. The headers stay in place to the end. */
static void trace_fill_skb(const struct sk_buff *skb, __u8 *local, __u8 *remote)
{
	const struct tcphdr *th;
	const struct iphdr *iph;

	if (!skb) {
		trace_fill_addr(local, 0, 0);
		trace_fill_addr(remote, 0, 0);
		return;
	}
	iph = ip_hdr(skb);
	th = (const struct tcphdr *)((const u8 *)iph + iph->ihl * 4);
	trace_fill_addr(local, iph->daddr, th->dest);
	trace_fill_addr(remote, iph->saddr, th->source);
}

#define CREATE_TRACE_POINTS
#include <trace/events/xtcp.h>

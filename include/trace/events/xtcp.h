/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tracepoints of XTCP, /sys/kernel/tracing/events/xtcp; Documentation/tracepoints.rst.
 *
 * Addresses and ports are kept as sockaddrs, so that one event serves both families.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM xtcp

#if !defined(_TRACE_XTCP_H) || defined(TRACE_HEADER_MULTI_READ)
#define _TRACE_XTCP_H

#include <linux/in6.h>
#include <linux/skbuff.h>
#include <linux/tracepoint.h>
#include <net/sock.h>
#include <net/tcp_states.h>
#include <xtcp/rst.h>

#define XTCP_TRACE_STATES						\
	{ TCP_ESTABLISHED, "ESTABLISHED" },				\
	{ TCP_SYN_SENT, "SYN_SENT" },					\
	{ TCP_SYN_RECV, "SYN_RECV" },					\
	{ TCP_FIN_WAIT1, "FIN_WAIT1" },					\
	{ TCP_FIN_WAIT2, "FIN_WAIT2" },					\
	{ TCP_TIME_WAIT, "TIME_WAIT" },					\
	{ TCP_CLOSE, "CLOSE" },						\
	{ TCP_CLOSE_WAIT, "CLOSE_WAIT" },				\
	{ TCP_LAST_ACK, "LAST_ACK" },					\
	{ TCP_LISTEN, "LISTEN" },					\
	{ TCP_CLOSING, "CLOSING" }

#define xtcp_trace_state(state)	__print_symbolic(state, XTCP_TRACE_STATES)

#define XTCP_RST_DEFINE(name)	TRACE_DEFINE_ENUM(XTCP_RST_##name);
#define XTCP_RST_SYMBOL(name)	{ XTCP_RST_##name, #name },
XTCP_RST_REASONS(XTCP_RST_DEFINE)

DECLARE_EVENT_CLASS(xtcp_edge,
	TP_PROTO(const struct sock *sk, int oldstate, int newstate),
	TP_ARGS(sk, oldstate, newstate),
	TP_STRUCT__entry(
		__field(const void *, skaddr)
		__field(int, oldstate)
		__field(int, newstate)
		__array(__u8, local, sizeof(struct sockaddr_in6))
		__array(__u8, remote, sizeof(struct sockaddr_in6))
	),
	TP_fast_assign(
		__entry->skaddr = sk;
		__entry->oldstate = oldstate;
		__entry->newstate = newstate;
		trace_fill_sock(sk, __entry->local, __entry->remote);
	),
	TP_printk("skaddr=%p local=%pISpc remote=%pISpc oldstate=%s newstate=%s",
		  __entry->skaddr, __entry->local, __entry->remote,
		  xtcp_trace_state(__entry->oldstate), xtcp_trace_state(__entry->newstate))
);

/* A socket moved along an edge of the state machine. */
DEFINE_EVENT(xtcp_edge, xtcp_state,
	TP_PROTO(const struct sock *sk, int oldstate, int newstate),
	TP_ARGS(sk, oldstate, newstate)
);

/* It was to move along an edge that is not there, and stayed: a bug. */
DEFINE_EVENT(xtcp_edge, xtcp_illegal_edge,
	TP_PROTO(const struct sock *sk, int oldstate, int newstate),
	TP_ARGS(sk, oldstate, newstate)
);

TRACE_EVENT(xtcp_retransmit_skb,
	TP_PROTO(const struct sock *sk, const struct sk_buff *skb),
	TP_ARGS(sk, skb),
	TP_STRUCT__entry(
		__field(const void *, skbaddr)
		__field(const void *, skaddr)
		__field(int, state)
		__field(u32, seq)
		__field(u32, end_seq)
		__array(__u8, local, sizeof(struct sockaddr_in6))
		__array(__u8, remote, sizeof(struct sockaddr_in6))
	),
	TP_fast_assign(
		__entry->skbaddr = skb;
		__entry->skaddr = sk;
		__entry->state = sk->sk_state;
		__entry->seq = XTCP_CB(skb)->seq;
		__entry->end_seq = XTCP_CB(skb)->end_seq;
		trace_fill_sock(sk, __entry->local, __entry->remote);
	),
	TP_printk("skbaddr=%p skaddr=%p local=%pISpc remote=%pISpc state=%s seq=%u end_seq=%u",
		  __entry->skbaddr, __entry->skaddr, __entry->local, __entry->remote,
		  xtcp_trace_state(__entry->state), __entry->seq, __entry->end_seq)
);

/* @sk is NULL when no full socket sends it, @skb when no segment provoked it. */
TRACE_EVENT(xtcp_send_reset,
	TP_PROTO(const struct sock *sk, const struct sk_buff *skb, enum xtcp_rst_reason reason),
	TP_ARGS(sk, skb, reason),
	TP_STRUCT__entry(
		__field(const void *, skbaddr)
		__field(const void *, skaddr)
		__field(int, state)
		__field(int, reason)
		__array(__u8, local, sizeof(struct sockaddr_in6))
		__array(__u8, remote, sizeof(struct sockaddr_in6))
	),
	TP_fast_assign(
		__entry->skbaddr = skb;
		__entry->skaddr = sk;
		__entry->state = sk ? sk->sk_state : TCP_CLOSE;
		__entry->reason = reason;
		if (sk && sk->sk_state != TCP_LISTEN)
			trace_fill_sock(sk, __entry->local, __entry->remote);
		else
			trace_fill_skb(skb, __entry->local, __entry->remote);
	),
	TP_printk("skbaddr=%p skaddr=%p local=%pISpc remote=%pISpc state=%s reason=%s",
		  __entry->skbaddr, __entry->skaddr, __entry->local, __entry->remote,
		  xtcp_trace_state(__entry->state),
		  __print_symbolic(__entry->reason, XTCP_RST_REASONS(XTCP_RST_SYMBOL)
				   { XTCP_RST_NR, "?" }))
);

/* An acceptable RST arrived; @state is the one the connection had. */
TRACE_EVENT(xtcp_receive_reset,
	TP_PROTO(const struct sock *sk),
	TP_ARGS(sk),
	TP_STRUCT__entry(
		__field(const void *, skaddr)
		__field(int, state)
		__array(__u8, local, sizeof(struct sockaddr_in6))
		__array(__u8, remote, sizeof(struct sockaddr_in6))
	),
	TP_fast_assign(
		__entry->skaddr = sk;
		__entry->state = sk->sk_state;
		trace_fill_sock(sk, __entry->local, __entry->remote);
	),
	TP_printk("skaddr=%p local=%pISpc remote=%pISpc state=%s", __entry->skaddr,
		  __entry->local, __entry->remote, xtcp_trace_state(__entry->state))
);

#undef FN
#undef FNe
#define FN(reason)	{ SKB_DROP_REASON_##reason, #reason },
#define FNe(reason)	{ SKB_DROP_REASON_##reason, #reason }

/* XTCP took a segment and gave it up; @sk is NULL when it found no socket. */
TRACE_EVENT(xtcp_drop,
	TP_PROTO(const struct sock *sk, const struct sk_buff *skb, enum skb_drop_reason reason),
	TP_ARGS(sk, skb, reason),
	TP_STRUCT__entry(
		__field(const void *, skbaddr)
		__field(const void *, skaddr)
		__field(int, reason)
		__array(__u8, local, sizeof(struct sockaddr_in6))
		__array(__u8, remote, sizeof(struct sockaddr_in6))
	),
	TP_fast_assign(
		__entry->skbaddr = skb;
		__entry->skaddr = sk;
		__entry->reason = reason;
		trace_fill_skb(skb, __entry->local, __entry->remote);
	),
	TP_printk("skbaddr=%p skaddr=%p local=%pISpc remote=%pISpc reason=%s",
		  __entry->skbaddr, __entry->skaddr, __entry->local, __entry->remote,
		  __print_symbolic(__entry->reason, DEFINE_DROP_REASON(FN, FNe)))
);

#undef FN
#undef FNe

/* A destination has come to use more than port_watermark percent of the ephemeral ports. */
TRACE_EVENT(xtcp_port_watermark,
	TP_PROTO(__be32 laddr, __be32 raddr, __be16 rport, u32 used, u32 timewait, u32 range),
	TP_ARGS(laddr, raddr, rport, used, timewait, range),
	TP_STRUCT__entry(
		__field(u32, used)
		__field(u32, timewait)
		__field(u32, range)
		__array(__u8, local, sizeof(struct sockaddr_in6))
		__array(__u8, remote, sizeof(struct sockaddr_in6))
	),
	TP_fast_assign(
		__entry->used = used;
		__entry->timewait = timewait;
		__entry->range = range;
		trace_fill_addr(__entry->local, laddr, 0);
		trace_fill_addr(__entry->remote, raddr, rport);
	),
	TP_printk("local=%pISpc remote=%pISpc used=%u timewait=%u range=%u", __entry->local,
		  __entry->remote, __entry->used, __entry->timewait, __entry->range)
);

#endif /* _TRACE_XTCP_H */

#include <trace/define_trace.h>

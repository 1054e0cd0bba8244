/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * struct xtcp_sock: one endpoint, made of parts that each belong to one file.
 *
 * The socket lock guards all of it, unless a field says otherwise. Fields
 * that /proc, poll or look-ups read without the lock are written with
 * WRITE_ONCE() and read with READ_ONCE().
 *
 * A sock lives by its file, its place in a table and its armed timer.
 */
#ifndef _XTCP_SOCK_H
#define _XTCP_SOCK_H

#include <linux/llist.h>
#include <linux/skbuff.h>
#include <net/inet_sock.h>
#include <xtcp/cc.h>
#include <xtcp/fsm.h>
#include <xtcp/opt.h>
#include <xtcp/prr.h>
#include <xtcp/rack.h>
#include <xtcp/rate.h>
#include <xtcp/rtt.h>
#include <xtcp/sack.h>
#include <xtcp/seg.h>
#include <xtcp/seq.h>

#include "mib.h"
#include "net.h"
#include "rcv.h"
#include "rec.h"
#include "skb.h"
#include "snd.h"
#include "timers.h"

struct xtcp_acceptq;
struct xtcp_dest;
struct xtcp_guard;
struct xtcp_port;
struct xtcp_portwait;

#define XTCP_MAX_HEADER		L1_CACHE_ALIGN(128 + MAX_HEADER)
#define XTCP_LEAST_MSS		48U	/* full options and 8 bytes */
#define XTCP_MIN_MSS		88U	/* TCP_MAXSEG's, and the least guess at the peer's */
#define XTCP_MAX_WINDOW		32767U
#define XTCP_DEFAULT_MSS	536U

/**
 * struct xtcp_ecn - explicit congestion notification, with neg.ecn_ok; ecn.c
 * @silent: a SYN of ours did not ask for it: mark nothing, but echo (RFC 3168 6.1.1)
 * @seen: data came marked, so the peer uses it
 * @echo: CE came: ECE on each segment until CWR comes
 * @cwr: the window was cut: CWR on the next new data
 */
struct xtcp_ecn {
	u8 silent:1,
	   seen:1,
	   echo:1,
	   cwr:1;
};

/* Options both sides agreed on; ack.c and reply.c read them, handshake code writes them. */
struct xtcp_neg {
	u8 ts_ok:1,
	   sack_ok:1,
	   wscale_ok:1,
	   ecn_ok:1,
	   cookie:1;		/* by a SYN cookie, which is good for a while longer */
	struct xtcp_ecn ecn;
	u32 ts_offset;		/* added to the clock in TSval */
};

/* Keepalive settings of the socket, seconds; 0: the knob. timeout.c */
struct xtcp_ka {
	u16 idle;
	u16 intvl;
	u8 cnt;
	u8 probes;		/* sent and unanswered */
};

/**
 * struct xtcp_sock - one endpoint
 * @inet: must be first (ip_queue_xmit and the socket layer cast to it)
 *
 * struct sock has places that it leaves to the protocol: sk_timer (timer.c), sk_tsq_flags
 * (XTCP_DEFER_*, XTCP_SMALLQ_*), tcp_rtx_queue (rtxq.c), sk_bind_node (ports.c).
 *
 * In the last 144 bytes of struct inet_sock protocols of datagrams collect what MSG_MORE
 * holds back, and TCP and DCCP keep their flow. Only their own functions touch it
 * (ip_append_data(), ip4_datagram_connect(), inet_sk_rebuild_header() and such, which take
 * a socket of their kind); of ours nobody does. So members of ours live there.
 *
 * A child that waits for accept() has no file: nobody made it listen or gave it options, and
 * what is for those only is what it waits by, under its queue's lock (acceptq.c).
 */
struct xtcp_sock {
	union {
		struct inet_sock inet;
		struct {
			u8 inet_before_cork[offsetof(struct inet_sock, cork)];
			struct xtcp_net *xn;		/* of sock_net() */
			struct xtcp_snd snd;
		};
	};
	u64 now_us;			/* the clock of what is under way, 0: nothing is */
	struct xtcp_neg neg;
	struct xtcp_rcv rcv;
	struct xtcp_disorder *disorder;	/* NULL until needed */
	struct xtcp_cc cc;
	struct xtcp_rtt rtt;
	struct xtcp_mtup mtup;
	u32 user_timeout;		/* TCP_USER_TIMEOUT, ms; 0: none */
	struct xtcp_rec rec;
	struct xtcp_timers timers;
	struct llist_node smallq_node;	/* smallq.c: in the list of a CPU, with a reference */
	struct xtcp_busy busy;
	union {
		struct xtcp_acceptq *acceptq;	/* of whoever ever listened, else NULL */
		struct xtcp_sock *accept_next;	/* acceptq.c: child that waits: who is next */
	};
	struct xtcp_port *port;		/* ports.c: the owner entry of inet_num */
	union {				/* ports.c; by port_pinned which one, NULL without a port */
		struct xtcp_dest *dest;		/* false: share in it, or NULL */
		struct xtcp_guard *guard;	/* true: claim in native TCP, or NULL */
	};
	struct xtcp_portwait *portwait;	/* portwait.c: in SYN_SENT without a port, or NULL */
	union {
		u32 connect_wait;	/* XTCP_CONNECT_WAIT: ms for a port, 0: none */
		u32 accept_stamp;	/* acceptq.c: child that waits: since when, ms */
	};
	u16 mtu_info;			/* icmp.c: MTU waiting for XTCP_DEFER_MTU */
	struct xtcp_ka ka;
	s8 linger2;			/* TCP_LINGER2 seconds, 0: knob, <0: none */
	u8 port_pinned : 1,		/* ports.c: by bind() or listen(), or inherited */
	   port_routed : 1,		/* ipv4.c: the route was chosen knowing both ports */
	   busy_with : 2;		/* busy.c: enum xtcp_busy_with */
	bool port_lazy;			/* ports.c: bind() to port 0; chosen when needed */
	u8 defer_accept;		/* TCP_DEFER_ACCEPT: SYN-ACK transmissions to wait */
};

static_assert(offsetof(struct xtcp_sock, xn) == offsetof(struct inet_sock, cork));
static_assert(offsetofend(struct xtcp_sock, snd) <= offsetofend(struct inet_sock, cork));
static_assert(sizeof(struct xtcp_sock) - sizeof(struct inet_sock) <= 592); /* no more */

/* Bit numbers of sk_tsq_flags, atomic; first what a softirq left to the owner of the lock. */
#define XTCP_DEFER_TIMER	0
#define XTCP_DEFER_MTU		1
#define XTCP_DEFER_SEND		2
#define XTCP_DEFER_FINE		3
#define XTCP_DEFER_MASK		GENMASK(XTCP_DEFER_FINE, 0)
#define XTCP_SMALLQ_THROTTLED	4	/* output waits for a completion */
#define XTCP_SMALLQ_QUEUED	5	/* in a CPU's list */

static inline struct xtcp_sock *xtcp_sk(const struct sock *sk)
{
	return (struct xtcp_sock *)sk;
}

/* XTCP_INC() and others in the socket's namespace, which it knows without a look-up. */
#define XTCP_SK_INC(sk, name)		XTCP_XN_ADD(xtcp_sk(sk)->xn, name, 1)
#define XTCP_SK_ADD(sk, name, n)	XTCP_XN_ADD(xtcp_sk(sk)->xn, name, n)
#define xtcp_sk_knob(sk, name)		READ_ONCE(xtcp_sk(sk)->xn->knobs.name)

extern struct proto xtcp_prot;
extern long xtcp_sysctl_mem[3];		/* pages: low, pressure, high; of the whole machine */

/* The clock of RTT, RTO and timestamps, microseconds since boot. */
static inline u64 xtcp_now_us(void)
{
	return div_u64(ktime_get_ns(), NSEC_PER_USEC);
}

/* The same, read once for all that one segment or one walk along the send queue needs. */
static inline u64 xtcp_sk_now_us(const struct xtcp_sock *xs)
{
	return xs->now_us ? : xtcp_now_us();
}

/* usecs_to_jiffies(), without its call. */
static inline u32 xtcp_us_to_jiffies(u32 us)
{
	return div_u64((u64)us * HZ + USEC_PER_SEC - 1, USEC_PER_SEC);
}

/* The clock of TSval before the socket's offset: milliseconds (RFC 7323 5.4). */
static inline u32 xtcp_now_ts(void)
{
	return (u32)div_u64(ktime_get_ns(), NSEC_PER_MSEC);
}

/* Bytes the receive buffer can still take as window. */
static inline int xtcp_win_from_space(const struct sock *sk, int space)
{
	int scale = xtcp_sk_knob(sk, adv_win_scale);

	return scale <= 0 ? space >> (-scale) : space - (space >> scale);
}

static inline int xtcp_space(const struct sock *sk)
{
	return xtcp_win_from_space(sk, READ_ONCE(sk->sk_rcvbuf) -
				   READ_ONCE(sk->sk_backlog.len) -
				   atomic_read(&sk->sk_rmem_alloc));
}

static inline int xtcp_full_space(const struct sock *sk)
{
	return xtcp_win_from_space(sk, READ_ONCE(sk->sk_rcvbuf));
}

/* Window still open to the peer: the right edge we announced, less what came. */
static inline u32 xtcp_receive_window(const struct xtcp_sock *xs)
{
	s32 win = xs->rcv.wup + xs->rcv.wnd - xs->rcv.nxt;

	return win < 0 ? 0 : win;
}

/* First number the peer does not let us send. */
static inline u32 xtcp_wnd_end(const struct xtcp_sock *xs)
{
	return xs->snd.una + xs->snd.wnd;
}

static inline u32 xtcp_packets_in_flight(const struct xtcp_sock *xs)
{
	return xs->snd.packets_out - xs->snd.sacked_out - xs->snd.lost_out + xs->snd.retrans_out;
}

#define XTCP_ATO_MIN		(HZ / 25)
#define XTCP_DELACK_MAX		(HZ / 5)
#define XTCP_RTO_MAX		(120 * HZ)
#define XTCP_RESOURCE_PROBE	(HZ / 2)	/* try again when memory was short */

void xtcp_sock_purge_write(struct sock *sk);
void xtcp_sock_purge_ooo(struct sock *sk);
void xtcp_sock_purge_disorder(struct sock *sk);
struct xtcp_disorder *xtcp_sock_disorder(struct sock *sk);	/* NULL: no memory */
void xtcp_sock_wfree_skb(struct sock *sk, struct sk_buff *skb);
void xtcp_sock_destruct(struct sock *sk);
void xtcp_sock_init_lock(struct sock *sk);

/* spare.c */
void xtcp_spare_put(struct sk_buff *skb);
struct sk_buff *xtcp_spare_take(void);
void xtcp_spare_exit(void);

#endif /* _XTCP_SOCK_H */

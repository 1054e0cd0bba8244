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

#include <linux/rbtree.h>
#include <linux/skbuff.h>
#include <linux/timer.h>
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

#include "net.h"

struct xtcp_af_ops;
struct xtcp_guard;
struct xtcp_port;

#define XTCP_MAX_HEADER		L1_CACHE_ALIGN(128 + MAX_HEADER)
#define XTCP_MIN_MSS		88U
#define XTCP_MAX_WINDOW		32767U
#define XTCP_DEFAULT_MSS	536U

/**
 * struct xtcp_skb_cb - skb->cb of a segment in a queue of XTCP
 * @seq: sequence number of the first byte (or SYN, FIN)
 * @end_seq: the one after the last
 * @flags: XTCP_FIN ..., byte 13 of the header
 * @doff: header bytes (ingress)
 * @sacked: XTCP_SACKED_* (egress)
 * @eor: MSG_EOR, nothing may be merged behind it (egress)
 * @ack: acknowledgement number (ingress)
 * @window: window field, unscaled (ingress)
 * @urg_ptr: urgent pointer (ingress)
 * @iif: device it came in by (ingress)
 * @sdif: enslaved device (ingress)
 * @tos: IP's TOS (ingress)
 * @ttl: IP's TTL (ingress)
 * @sent_us: when it was last sent, low 32 bits of xtcp_now_us() (egress)
 * @first_us: when it was first sent (egress)
 * @segs: segments it counts as (egress)
 * @rate: the connection's delivery when it was sent last (egress)
 */
struct xtcp_skb_cb {
	u32 seq;
	u32 end_seq;
	u8 flags;
	u8 doff;
	u8 sacked;
	u8 eor;
	union {
		struct {
			u32 ack;
			u16 window;
			u16 urg_ptr;
			int iif;
			int sdif;
			u8 tos;
			u8 ttl;
		};
		struct {
			u32 sent_us;
			u32 first_us;
			u32 segs;
			struct xtcp_rate_tx rate;
		};
	};
};

static_assert(sizeof(struct xtcp_skb_cb) <= sizeof_field(struct sk_buff, cb));

#define XTCP_CB(skb)		((struct xtcp_skb_cb *)&((skb)->cb[0]))

#define XTCP_SACKED_ACKED	0x01	/* the peer holds it (SACK) */
#define XTCP_SACKED_RETRANS	0x02	/* retransmitted, the copy is in flight */
#define XTCP_SACKED_LOST	0x04	/* taken for lost */
#define XTCP_SACKED_EVER	0x80	/* retransmitted at least once */

/**
 * struct xtcp_snd - send sequence space (RFC 9293 3.3.1); output.c, ack.c
 * @una, @nxt, @wnd, @wl1, @up, @isn: SND.UNA ... ISS; @wnd in bytes, scaled
 * @max_wnd: largest window the peer ever offered
 * @write_seq: the number the next byte of the application gets
 * @pushed_seq: last number at which PSH was set
 * @sml: end of the last sent segment below MSS (Nagle, Minshall)
 * @high_seq: SND.NXT when loss recovery began
 * @rtxq: sent and unacknowledged, by sequence number
 * @packets_out: segments in @rtxq
 * @sacked_out: of these, SACKed (or, without SACK, one per duplicate ACK)
 * @lost_out: of these, taken for lost
 * @retrans_out: of these, retransmitted and still in flight
 * @lsndtime: jiffies of the last data segment
 * @mss: bytes a full segment carries now, options deducted; never 0
 * @mss_clamp: the peer's MSS option (or the default)
 * @user_mss: TCP_MAXSEG, 0 if unset
 * @advmss: what we announce
 * @pmtu: path MTU that @mss stands for
 * @wscale: shift of the windows we receive
 * @nonagle: XTCP_NAGLE_*
 * @fin_queued: the application's end is in the stream; nothing follows
 */
struct xtcp_snd {
	u32 una;
	u32 nxt;
	u32 wnd;
	u32 wl1;
	u32 write_seq;
	u32 packets_out;
	u32 sacked_out;
	u32 lost_out;
	u32 retrans_out;
	u32 max_wnd;
	u32 sml;
	u32 pushed_seq;
	u32 up;
	u32 isn;
	u32 high_seq;
	u32 lsndtime;
	u32 pmtu;
	u32 notsent_lowat;	/* TCP_NOTSENT_LOWAT, 0: no limit; READ_ONCE/WRITE_ONCE */
	u16 mss;
	u16 mss_clamp;
	u16 user_mss;
	u16 advmss;
	u16 ext_hdr_len;	/* IP options */
	u8 wscale;
	u8 nonagle;
	u8 fin_queued;
	u8 urg_mode;
	u8 cwnd_limited;	/* cwnd, not the application, held data back this round */
	u32 cwnd_usage_seq;	/* the round ends when this is acknowledged */
	u32 max_packets_out;	/* of the round */
	struct rb_root rtxq;
	u64 bytes_sent;
	u64 bytes_acked;
	u64 bytes_retrans;
	u32 segs_out;
	u32 data_segs_out;
	u32 total_retrans;
	u32 delivered;
};

#define XTCP_NAGLE_OFF		0x01	/* TCP_NODELAY */
#define XTCP_NAGLE_CORK		0x02	/* TCP_CORK */
#define XTCP_NAGLE_PUSH		0x04	/* one push past Nagle: option just changed */

/* xtcp_rcv.ack_pending */
#define XTCP_ACK_SCHED		0x01	/* an ACK is owed */
#define XTCP_ACK_TIMER		0x02	/* its timer runs */
#define XTCP_ACK_PUSHED		0x04	/* the reader emptied the queue: send it soon */
#define XTCP_ACK_NOW		0x08	/* at once */

/**
 * struct xtcp_rcv - receive sequence space; data.c
 * @nxt, @wnd, @up, @irs: RCV.NXT ... IRS; @wnd as last announced
 * @wup: RCV.NXT when @wnd was announced
 * @copied_seq: first byte the application has not read; written under the
 *	socket lock, poll reads it without
 * @window_clamp: never announce more
 * @ssthresh: announce at most this now (grows as data arrives)
 * @mss: estimate of the peer's segment size, for delayed ACKs
 * @wscale: shift of the windows we announce
 * @ooo: segments beyond @nxt, by sequence number; disjoint
 * @sack: ranges of @ooo as the peer shall hear them
 * @urg_seq: where the urgent byte is, @urg_data: XTCP_URG_* | the byte
 * @ts_recent: TS.Recent (RFC 7323), @ts_recent_stamp: seconds when set, 0: never
 * @last_ack_sent: for TS.Recent's update rule
 * @ack_pending: XTCP_ACK_*
 * @ato: delayed-ACK time, jiffies
 * @lrcvtime: jiffies of the last data received
 * @pingpong: interactive; ACKs may wait for a reply
 * @quick: ACKs still to send at once (start of a connection)
 * @inq_cmsg: TCP_INQ
 * @last_seg: size of the last data segment, @oow_stamp: jiffies of the last
 *	ACK for an out-of-window segment (0: none)
 */
struct xtcp_rcv {
	u32 nxt;
	u32 copied_seq;
	u32 wup;
	u32 wnd;
	u32 window_clamp;
	u32 ssthresh;
	u32 irs;
	u32 urg_seq;
	u32 ts_recent;
	u32 ts_recent_stamp;
	u32 last_ack_sent;
	u32 lrcvtime;
	u32 rcv_tstamp;		/* jiffies of the last segment of any kind (keepalive) */
	u32 oow_stamp;
	u32 space;		/* bytes read in the last round trip (buf.c) */
	u32 space_seq;		/* copied_seq when the current one began */
	u32 space_us;		/* time of that, low 32 bits */
	u32 rtt_us;		/* as the receiver sees it, 0: unknown (buf.c) */
	u32 rtt_seq;
	u32 rtt_start_us;
	u32 ato;
	u16 mss;
	u16 last_seg;
	u16 urg_data;
	u8 wscale;
	u8 ack_pending;
	u8 pingpong;
	u8 quick;
	u8 inq_cmsg;
	struct rb_root ooo;
	struct xtcp_sack_rcv sack;
	u64 bytes_received;
	u32 segs_in;
	u32 data_segs_in;
	u32 dsack_dups;
};

#define XTCP_URG_VALID		0x0100
#define XTCP_URG_NOTYET		0x0200
#define XTCP_URG_READ		0x0400

/* Options both sides agreed on; ack.c and reply.c read them, handshake code writes them. */
struct xtcp_neg {
	u8 ts_ok:1,
	   sack_ok:1,
	   wscale_ok:1,
	   ecn_ok:1;
	u32 ts_offset;		/* added to the clock in TSval */
};

/**
 * struct xtcp_rec - loss detection and recovery; recovery.c, loss.c, scoreboard.c
 * @ca_state: enum xtcp_cc_state
 * @retransmits: RTOs in a row for SND.UNA
 * @backoff: exponent of the next RTO or probe
 * @probes_out: zero-window probes unanswered
 * @syn_retries: TCP_SYNCNT, 0: the knob
 * @reordering: duplicate ACKs that mean a loss (without SACK)
 * @num_cached: used entries of @cached
 * @dupacks: consecutive duplicate ACKs (without SACK)
 * @undo_marker: SND.UNA when the reduction began, 0: nothing to undo
 * @undo_retrans: retransmissions since, less those that a D-SACK showed needless
 * @retrans_ts: TSval clock at the first retransmission of this episode, 0: none
 * @retrans_stamp: the same clock when the segment retransmitted first in this
 *	episode had been sent; 0: no episode
 * @probes_stamp: jiffies of the first unanswered probe, 0: none
 * @user_timeout: TCP_USER_TIMEOUT, ms
 * @sent: in flight, oldest transmission first, by skb->tcp_tsorted_anchor
 * @lost: lost and waiting to go again, by the same link
 * @rack: RACK's view of the latest delivery (RFC 8985)
 * @tlp: the tail-loss probe under way
 * @prr: the window during recovery (RFC 6937)
 * @rate: delivery rate sampler
 * @cached: SACK blocks of the ACK before, in order: what they cover is marked
 */
struct xtcp_rec {
	u8 ca_state;
	u8 retransmits;
	u8 backoff;
	u8 probes_out;
	u8 syn_retries;
	u8 reordering;
	u8 num_cached;
	u32 dupacks;
	u32 undo_marker;
	int undo_retrans;
	u32 retrans_ts;
	u32 retrans_stamp;
	u32 probes_stamp;
	u32 user_timeout;
	struct list_head sent;
	struct list_head lost;
	struct xtcp_rack rack;
	struct xtcp_rack_tlp tlp;
	struct xtcp_prr prr;
	struct xtcp_rate rate;
	struct xtcp_sack_block cached[XTCP_SACK_BLOCKS];
};

/* Keepalive settings of the socket, jiffies; 0: the knob. timeout.c */
struct xtcp_ka {
	u32 idle;
	u32 intvl;
	u8 cnt;
	u8 probes;		/* sent and unanswered */
};

enum xtcp_timer_id {
	XTCP_T_RTO,		/* retransmission, SYN included */
	XTCP_T_REO,		/* RACK: reordering window over */
	XTCP_T_TLP,		/* tail-loss probe */
	XTCP_T_PROBE,		/* zero window */
	XTCP_T_DELACK,
	XTCP_T_KEEP,		/* keepalive */
	XTCP_T_FINWAIT2,
	XTCP_T_NR,
};

/**
 * struct xtcp_timers - the socket's one timer and its lazily moved deadlines; timer.c
 * @timer: wakes at or before the earliest armed deadline
 * @deadline: jiffies per id, meaningful if its bit is set in @armed
 * @armed: bits of enum xtcp_timer_id
 */
struct xtcp_timers {
	struct timer_list timer;
	unsigned long deadline[XTCP_T_NR];
	u8 armed;
};

/**
 * struct xtcp_acceptq - children that wait for accept(); listen.c
 * @lock: leaf; guards the list, @len and @closed
 * @head: struct xtcp_sock.accept_node, oldest first
 * @len: children waiting
 * @max: min(backlog, somaxconn)
 * @syn_len: half-open requests of this listener
 * @young: of these, SYN-ACK not yet repeated
 * @closed: no child may be added any more
 */
struct xtcp_acceptq {
	spinlock_t lock;
	struct list_head head;
	u32 len;
	u32 max;
	atomic_t syn_len;
	atomic_t young;
	u32 cookie_stamp;	/* jiffies of the last overflow, READ_ONCE/WRITE_ONCE */
	bool closed;
};

/**
 * struct xtcp_sock - one endpoint
 * @inet: must be first (ip_queue_xmit and the socket layer cast to it)
 */
struct xtcp_sock {
	struct inet_sock inet;
	const struct xtcp_af_ops *af;
	struct xtcp_neg neg;
	struct xtcp_rcv rcv;
	struct xtcp_snd snd;
	struct xtcp_rtt rtt;
	struct xtcp_cc cc;
	struct xtcp_rec rec;
	struct xtcp_ka ka;
	struct xtcp_timers timers;
	struct xtcp_acceptq acceptq;	/* listener */
	struct list_head accept_node;	/* child: acceptq.head */
	struct xtcp_port *port;		/* ports.c: the owner entry of inet_num */
	struct hlist_node port_node;	/* ports.c: among the port's owners */
	struct xtcp_guard *guard;	/* ports.c: claim in native TCP, or NULL */
	bool port_pinned;		/* ports.c: by bind() or listen(), or inherited */
	u32 defer_accept;		/* TCP_DEFER_ACCEPT: SYN-ACK transmissions to wait */
	int linger2;			/* TCP_LINGER2 jiffies, 0: knob, <0: none */
	unsigned long deferred;		/* XTCP_DEFER_* bit numbers, for release_cb; atomic bit operations */
	u32 mtu_info;			/* icmp.c: MTU waiting for XTCP_DEFER_MTU */
};

/* Bit numbers of xtcp_sock.deferred: what a softirq left to the owner of the lock. */
#define XTCP_DEFER_TIMER	0
#define XTCP_DEFER_MTU		1
#define XTCP_DEFER_WRITE	2

static inline struct xtcp_sock *xtcp_sk(const struct sock *sk)
{
	return (struct xtcp_sock *)sk;
}

extern struct proto xtcp_prot;
extern long xtcp_sysctl_mem[3];		/* pages: low, pressure, high; of the whole machine */

/* The clock of RTT, RTO and timestamps, microseconds since boot. */
static inline u64 xtcp_now_us(void)
{
	return div_u64(ktime_get_ns(), NSEC_PER_USEC);
}

/* The clock of TSval before the socket's offset: milliseconds (RFC 7323 5.4). */
static inline u32 xtcp_now_ts(void)
{
	return (u32)div_u64(ktime_get_ns(), NSEC_PER_MSEC);
}

/* Bytes the receive buffer can still take as window. */
static inline int xtcp_win_from_space(const struct sock *sk, int space)
{
	int scale = xtcp_knob(sock_net(sk), adv_win_scale);

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

int xtcp_sock_init(struct sock *sk);
void xtcp_sock_purge_write(struct sock *sk);
void xtcp_sock_purge_ooo(struct sock *sk);
void xtcp_sock_wfree_skb(struct sock *sk, struct sk_buff *skb);
void xtcp_sock_destruct(struct sock *sk);
int xtcp_sock_register(void);
void xtcp_sock_unregister(void);

#endif /* _XTCP_SOCK_H */

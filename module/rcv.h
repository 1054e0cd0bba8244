/* SPDX-License-Identifier: GPL-2.0-only */
/* rcv.h: the receive part of struct xtcp_sock. Socket lock. */
#ifndef _XTCP_RCV_H
#define _XTCP_RCV_H

#include <linux/rbtree.h>
#include <linux/types.h>
#include <xtcp/sack.h>

/* xtcp_rcv.ack_pending */
#define XTCP_ACK_SCHED		0x01	/* an ACK is owed */
#define XTCP_ACK_TIMER		0x02	/* its timer runs */
#define XTCP_ACK_PUSHED		0x04	/* the reader emptied the queue: send it soon */
#define XTCP_ACK_NOW		0x08	/* at once */
#define XTCP_ACK_TURN		0x10	/* the peer said little and is done */
#define XTCP_ACK_HELD		0x20	/* held back for the answer (xtcp_timers.ack_ns) */
#define XTCP_ACK_PACKED		0x40	/* will stand for several, timer as above */

/**
 * struct xtcp_rcv - receive sequence space; data.c
 * @nxt, @wnd: RCV.NXT, RCV.WND as last announced
 * @wup: RCV.NXT when @wnd was announced
 * @copied_seq: first byte the application has not read; written under the
 *	socket lock, poll reads it without
 * @window_clamp: never announce more
 * @ssthresh: announce at most this now (grows as data arrives)
 * @mss: estimate of the peer's segment size, for delayed ACKs
 * @wscale: shift of the windows we announce
 * @urg_seq: where the urgent byte is, @urg_data: XTCP_URG_* | the byte
 * @ts_recent: TS.Recent (RFC 7323), @ts_recent_stamp: seconds when set, 0: never
 * @turn: RCV.NXT when data of ours left last: what the peer said since is its turn
 * @ack_pending: XTCP_ACK_*; written with WRITE_ONCE() where XTCP_ACK_HELD changes, poll reads
 *	it without the lock
 * @no_hold: TCP_QUICKACK: no ACK is held back
 * @ato: delayed-ACK time, jiffies, as many as it holds
 * @lrcvtime: jiffies of the last data received; before any: when the handshake was done
 * @pingpong: interactive; ACKs may wait for a reply
 * @quick: ACKs still to send at once (start of a connection)
 * @inq_cmsg: TCP_INQ
 * @oow_stamp: jiffies of the last ACK for an out-of-window segment (0: none)
 * @dst_sdif: enslaved device sk_rx_dst came by, or 0 (rx.c); WRITE_ONCE()
 */
struct xtcp_rcv {
	u32 nxt;
	u32 copied_seq;
	u32 wup;
	u32 wnd;
	u32 window_clamp;
	u32 ssthresh;
	u32 urg_seq;
	u32 ts_recent;
	u32 ts_recent_stamp;
	u32 lrcvtime;
	u32 rcv_tstamp;		/* jiffies of the last segment of any kind (keepalive) */
	u32 oow_stamp;
	u32 space;		/* bytes read in the last round trip (buf.c) */
	u32 space_seq;		/* copied_seq when the current one began */
	u32 space_us;		/* time of that, low 32 bits */
	u32 came_us;		/* when data came last, low 32 bits */
	u32 rtt_us;		/* as the receiver sees it, 0: unknown (buf.c) */
	u32 rtt_seq;
	u32 rtt_start_us;
	u32 turn;
	int dst_sdif;
	u16 ato;
	u16 mss;
	u16 urg_data;
	u8 wscale;
	u8 ack_pending;
	u8 pingpong;
	u8 quick;
	u8 inq_cmsg;
	u8 no_hold;
	u64 bytes_received;
	u32 segs_in;
	u32 data_segs_in;
};

static_assert(sizeof(struct xtcp_rcv) == 112);

/**
 * struct xtcp_disorder - what only those need who saw segments lost, marked or out of order
 * @ooo: segments beyond RCV.NXT, by sequence number; disjoint (data.c)
 * @told: ranges of @ooo as the peer shall hear them (data.c)
 * @ooopack: segments that came out of order
 * @dsack_dups: D-SACKs sent
 * @pack_stamp: jiffies of a walk in vain through the queues (prune.c)
 * @packed_nxt: RCV.NXT of the duplicate ACKs counted in @dup_acks, those sent at once
 *	(delack.c)
 * @packed: ACKs that the next one stands for (compressed ACKs)
 * @delivered_ce: segments delivered by ACKs with ECE (ack.c)
 * @seen: what the peer's SACK blocks of late covered is marked (scoreboard.c)
 *
 * Made at first need. Without memory a segment out of order is dropped, as it is when its own
 * does not fit; nothing is copied to save memory; the peer's blocks are walked whole; and
 * TCP_INFO knows of fewer marks.
 */
struct xtcp_disorder {
	struct rb_root ooo;
	struct xtcp_sack_rcv told;
	u32 ooopack;
	u32 dsack_dups;
	u32 pack_stamp;
	u32 packed_nxt;
	u8 dup_acks;
	u8 packed;
	u32 delivered_ce;
	struct xtcp_sack_seen seen;
};

/* Is there a hole, and data behind it? */
static inline bool xtcp_disorder_waits(const struct xtcp_disorder *d)
{
	return unlikely(d) && !RB_EMPTY_ROOT(&d->ooo);
}

/* Ranges to tell the peer of, the one that came twice included. */
static inline u8 xtcp_disorder_ranges(const struct xtcp_disorder *d)
{
	return likely(!d) ? 0 : d->told.num + (d->told.dsack.start != d->told.dsack.end);
}

/* The peer shall hear of none. */
static inline void xtcp_disorder_untell(struct xtcp_disorder *d)
{
	if (d)
		xtcp_sack_rcv_init(&d->told);
}

#define XTCP_URG_VALID		0x0100
#define XTCP_URG_NOTYET		0x0200
#define XTCP_URG_READ		0x0400

#endif /* _XTCP_RCV_H */

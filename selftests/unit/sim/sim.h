/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A deterministic network of several bulk flows and one bottleneck, in virtual time.
 *
 * Sender and receiver are made of the core's own parts: RTT, RACK-TLP, PRR, SACK
 * blocks, delivery rate, congestion control. Sequence numbers count segments.
 * Integer arithmetic only, so every run on every machine gives the same figures.
 */
#ifndef _XTCP_SELFTESTS_SIM_H
#define _XTCP_SELFTESTS_SIM_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xtcp/cc.h>
#include <xtcp/frto.h>
#include <xtcp/prr.h>
#include <xtcp/rack.h>
#include <xtcp/rate.h>
#include <xtcp/rtt.h>
#include <xtcp/sack.h>
#include <xtcp/types.h>

#define SIM_FLOWS_MAX 8
#define SIM_MSS 1500U
#define SIM_RING 32768U /* segments outstanding at most: the peer's window */
#define SIM_NEVER U64_MAX
#define SIM_CC_WORDS 16

/* The path: one queue, then a wire; ACKs return over the wire alone. */
struct sim_path {
	u32 mbit;
	u32 rtt_us;
	u32 buffer; /* segments */
	u32 mark; /* queue from which on segments are marked CE, 0: no ECN */
	u32 loss_ppm; /* after the queue, at random */
	u32 burst; /* segments lost at a stretch, 0 counts as 1 */
	u32 ack_loss_ppm;
	u32 reorder_ppm;
	u32 reorder_us; /* by which a reordered segment is late */
	bool early; /* or rather early: it overtakes */
	u32 jitter_us; /* every segment is late by up to so much */
	u32 duplicate_ppm;
	u32 stall_us; /* the link stands still for so long, every 5 s */
};

enum sim_event_type {
	SIM_EV_DATA,
	SIM_EV_ACK,
	SIM_EV_SEND,
	SIM_EV_TIMER,
	SIM_EV_DELACK,
	SIM_EV_START,
};

struct sim_ack {
	u32 ack;
	u32 ts; /* what it echoes; of a segment with data its own (RFC 7323) */
	u8 num;
	u8 bits; /* SIM_ECE; of a segment with data the others */
	struct xtcp_sack_block blocks[3];
};

struct sim_event {
	u64 at_ns;
	u64 order; /* equal times: first come, first served */
	enum sim_event_type type;
	u32 flow;
	u32 seq;
	struct sim_ack ack;
};

struct sim_seg {
	u64 sent_us;
	struct xtcp_rate_tx tx;
	u32 seq, next, prev; /* slots by time of sending, while in flight */
	bool sacked, lost, resent, in_flight;
};

/* What a segment bears; congestion without a loss (RFC 3168). */
#define SIM_ECT 0x01
#define SIM_CE 0x02
#define SIM_CWR 0x04
#define SIM_ECE 0x08

struct sim_rcv {
	struct xtcp_sack_rcv sack;
	u8 held[SIM_RING];
	u32 nxt;
	u32 unacked;
	u32 acked, ts_recent; /* Last.ACK.sent, TS.Recent */
	bool delack_armed, echo;
};

struct sim_flow {
	/* sender */
	struct xtcp_cc cc;
	u64 cc_mem[SIM_CC_WORDS]; /* xtcp_cc_ops.mem_size */
	struct xtcp_rtt rtt;
	struct xtcp_rack rack;
	struct xtcp_rack_tlp tlp;
	struct xtcp_frto frto;
	struct xtcp_prr prr;
	struct xtcp_rate rate;
	struct sim_seg seg[SIM_RING];
	u32 una, nxt, high_seq, undo_marker, undo_retrans, resend_hint;
	u32 in_flight, sacked_out, lost_out; /* lost and not resent */
	u32 backoff, first, last; /* slots first and last in flight, by time */
	u64 rto_at_us, pto_at_us, reo_at_us, timer_at_ns, pace_ns;
	bool send_armed, started, cwnd_limited, cwr;
	struct sim_rcv rcv;
	/* figures */
	u64 start_us;
	u32 first_seq, resent, spurious, rtos, tlps, undos, cuts, frtos;
};

struct sim {
	struct sim_path path;
	struct sim_flow *flow[SIM_FLOWS_MAX];
	u32 flows;
	u64 now_ns, link_free_ns, order, rnd;
	u32 burst_left;
	struct sim_event *heap;
	u32 heap_len, heap_room;
	u32 *delay_us; /* queueing delay of every segment that was queued */
	u32 delays, delays_room;
	u32 dropped;
};

/* sim_net.c */
struct sim *sim_new(const struct sim_path *path, u64 seed);
void sim_add(struct sim *s, const struct xtcp_cc_ops *ops, u64 start_us);
void sim_run(struct sim *s, u64 until_us);
void sim_free(struct sim *s);
void sim_at(struct sim *s, u64 at_ns, enum sim_event_type type, u32 flow, u32 seq,
	    const struct sim_ack *ack);
void sim_transmit(struct sim *s, u32 flow, u32 seq, u8 bits);
u32 sim_queue_p95_us(struct sim *s);

static inline u64 sim_now_us(const struct sim *s)
{
	return s->now_ns / 1000;
}

/* TSval of what was or is sent then, milliseconds as the module's. */
static inline u32 sim_ts(u64 us)
{
	return (u32)(us / 1000);
}

static inline struct sim_seg *sim_seg(struct sim_flow *f, u32 seq)
{
	return &f->seg[seq % SIM_RING];
}

/* sim_snd.c */
void sim_snd_start(struct sim *s, u32 flow);
void sim_snd_send(struct sim *s, u32 flow);
void sim_snd_ack(struct sim *s, u32 flow, const struct sim_ack *a);
void sim_snd_timer(struct sim *s, u32 flow);

#endif /* _XTCP_SELFTESTS_SIM_H */

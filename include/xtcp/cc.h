/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Congestion control: the state an algorithm owns and the calls it answers.
 *
 * Windows count segments. The engine calls ssthresh() once per reduction and, if
 * there is no cong_control(), cong_avoid() for ACKs that may grow the window.
 */
#ifndef _XTCP_CC_H
#define _XTCP_CC_H

#include <xtcp/types.h>

#define XTCP_CC_INIT_CWND 10U /* RFC 6928 */
#define XTCP_CC_SSTHRESH_INF 0x7fffffffU
#define XTCP_CC_CWND_MAX 0x3fffffffU /* twice the largest fits into an u32 */
#define XTCP_CC_PRIV_WORDS 6

/* Bits of xtcp_cc_ops.flags */
#define XTCP_CC_NEEDS_PACING 0x01
#define XTCP_CC_NEEDS_ECN 0x02

/* Phases of loss recovery; values equal the kernel's TCP_CA_*. */
enum xtcp_cc_state {
	XTCP_CA_OPEN = 0,
	XTCP_CA_DISORDER = 1,
	XTCP_CA_CWR = 2,
	XTCP_CA_RECOVERY = 3,
	XTCP_CA_LOSS = 4,
};

/**
 * enum xtcp_cc_event - what the engine tells an algorithm
 * @XTCP_CC_EV_CWND_RESTART: the window restarts after idleness (RFC 5681 4.1)
 * @XTCP_CC_EV_CWR_DONE: a reduction is complete
 * @XTCP_CC_EV_RECOVERY: fast recovery begins, after ssthresh()
 * @XTCP_CC_EV_LOSS: the retransmission timer fired, after ssthresh()
 * @XTCP_CC_EV_ECE: congestion without a loss, after ssthresh(): ECE, or a full queue below us
 * @XTCP_CC_EV_OPEN: recovery is over
 */
enum xtcp_cc_event {
	XTCP_CC_EV_CWND_RESTART,
	XTCP_CC_EV_CWR_DONE,
	XTCP_CC_EV_RECOVERY,
	XTCP_CC_EV_LOSS,
	XTCP_CC_EV_ECE,
	XTCP_CC_EV_OPEN,
};

/**
 * struct xtcp_cc_ack - one ACK as an algorithm sees it
 * @now_us: time
 * @delivered: segments delivered on this connection so far, modulo 2^32
 * @prior_delivered: @delivered when the segment of the rate sample was sent
 * @interval_us: length of the rate sample, 0 if there is none
 * @rs_delivered: segments delivered within the rate sample
 * @rs_lost: segments marked lost within the rate sample
 * @tx_in_flight: segments in flight when the segment of the rate sample was sent
 * @acked: segments by which this ACK may grow the window
 * @acked_sacked: segments newly acknowledged or SACKed
 * @acked_bytes: bytes newly acknowledged, cumulatively
 * @losses: segments newly marked lost
 * @in_flight: segments in flight after this ACK
 * @prior_in_flight: segments in flight before this ACK
 * @rtt_us: RTT sample, U32_MAX if there is none
 * @min_rtt_us: windowed minimum
 * @srtt_us: smoothed RTT, not shifted; 0 before the first sample
 * @snd_una: SND.UNA after this ACK
 * @snd_nxt: SND.NXT
 * @mss: bytes per segment
 * @is_cwnd_limited: the window, not the application, limited sending
 * @rs_app_limited: the rate sample covers a time without enough data to send
 * @ece: the ACK carried ECE
 */
struct xtcp_cc_ack {
	u64 now_us;
	u64 interval_us;
	u32 delivered;
	u32 prior_delivered;
	u32 rs_delivered;
	u32 rs_lost;
	u32 tx_in_flight;
	u32 acked;
	u32 acked_sacked;
	u32 acked_bytes;
	u32 losses;
	u32 in_flight;
	u32 prior_in_flight;
	u32 rtt_us;
	u32 min_rtt_us;
	u32 srtt_us;
	u32 snd_una;
	u32 snd_nxt;
	u32 mss;
	bool is_cwnd_limited;
	bool rs_app_limited;
	bool ece;
};

/**
 * struct xtcp_cc_lost - one segment marked lost
 * @now_us: time
 * @delivered: segments delivered on this connection so far, modulo 2^32
 * @lost: segments marked lost since it was sent, itself included
 * @tx_in_flight: segments in flight when it was sent, itself included
 * @segs: segments it consists of
 * @app_limited: it was sent when there was not enough data to send
 */
struct xtcp_cc_lost {
	u64 now_us;
	u32 delivered;
	u32 lost;
	u32 tx_in_flight;
	u32 segs;
	bool app_limited;
};

struct xtcp_cc_ops;

/**
 * struct xtcp_cc - congestion control of one connection
 * @ops: the algorithm
 * @pacing_rate: bytes per second, 0 if the algorithm leaves it to the engine
 * @cwnd: congestion window, segments, from 1 to XTCP_CC_CWND_MAX
 * @ssthresh: slow-start threshold, segments
 * @cwnd_cnt: credit towards the next increase in congestion avoidance
 * @prior_cwnd: @cwnd before the last reduction
 * @prior_ssthresh: @ssthresh before the last reduction
 * @state: enum xtcp_cc_state
 * @priv: the algorithm's own
 * @mem: in place of @priv, memory of the engine's with xtcp_cc_ops.mem_size
 */
struct xtcp_cc {
	const struct xtcp_cc_ops *ops;
	u64 pacing_rate;
	u32 cwnd;
	u32 ssthresh;
	u32 cwnd_cnt;
	u32 prior_cwnd;
	u32 prior_ssthresh;
	u8 state;
	union {
		u64 priv[XTCP_CC_PRIV_WORDS];
		void *mem;
	};
};

static_assert(sizeof(struct xtcp_cc) == 88);

/**
 * struct xtcp_cc_ops - one algorithm; ssthresh, undo_cwnd and one of cong_* are mandatory
 * @name: at most 15 characters
 * @flags: XTCP_CC_NEEDS_*
 * @mem_size: bytes of private state, if it is too large for @priv; 0: it is not
 * @init: prepare @priv or @mem, all zero, with a random word; the windows are the engine's and
 *	set already
 * @ssthresh: the threshold after a loss, from @cwnd
 * @cong_avoid: grow @cwnd for an ACK
 * @undo_cwnd: the window to return to when a reduction was in error
 * @event: enum xtcp_cc_event
 * @tx_start: a segment leaves now, and the network was empty
 * @cong_control: decides @cwnd and @pacing_rate alone, for every ACK in every state
 * @lost: a segment was marked lost, before the cong_control() of that ACK
 */
struct xtcp_cc_ops {
	const char *name;
	u32 flags;
	u32 mem_size;
	void (*init)(struct xtcp_cc *cc, u32 rnd);
	u32 (*ssthresh)(struct xtcp_cc *cc);
	void (*cong_avoid)(struct xtcp_cc *cc, const struct xtcp_cc_ack *a);
	u32 (*undo_cwnd)(struct xtcp_cc *cc);
	void (*event)(struct xtcp_cc *cc, enum xtcp_cc_event ev);
	void (*tx_start)(struct xtcp_cc *cc, u64 now_us);
	void (*cong_control)(struct xtcp_cc *cc, const struct xtcp_cc_ack *a);
	void (*lost)(struct xtcp_cc *cc, const struct xtcp_cc_lost *l);
};

extern const struct xtcp_cc_ops xtcp_cc_newreno;
extern const struct xtcp_cc_ops xtcp_cc_cubic;
extern const struct xtcp_cc_ops xtcp_cc_bbr;

static inline bool xtcp_cc_in_slow_start(const struct xtcp_cc *cc)
{
	return cc->cwnd < cc->ssthresh;
}

/* The memory that belongs to the algorithm, NULL if it needs none. */
static inline void *xtcp_cc_mem(const struct xtcp_cc *cc)
{
	return cc->ops->mem_size ? cc->mem : (void *)0;
}

void xtcp_cc_init(struct xtcp_cc *cc, const struct xtcp_cc_ops *ops, void *mem, u32 rnd);
void xtcp_cc_switch(struct xtcp_cc *cc, const struct xtcp_cc_ops *ops, void *mem, u32 rnd);
u32 xtcp_cc_slow_start(struct xtcp_cc *cc, u32 acked);
void xtcp_cc_additive_increase(struct xtcp_cc *cc, u32 w, u32 acked);
void xtcp_cc_restart_idle(struct xtcp_cc *cc, u32 idle_us, u32 rto_us);
void xtcp_cc_app_limited(struct xtcp_cc *cc, u32 used);

#endif /* _XTCP_CC_H */

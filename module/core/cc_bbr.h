/* SPDX-License-Identifier: GPL-2.0-only */
/* BBR's private state and constants; included by cc_bbr.c alone. */
#ifndef _XTCP_CORE_CC_BBR_H
#define _XTCP_CORE_CC_BBR_H

#include <xtcp/cc.h>

#define BBR_INF U32_MAX
#define BBR_BW_SHIFT 24
#define BBR_UNIT 256U
#define BBR_MIN_PIPE_CWND 4U
#define BBR_MIN_RTT_FILTER_MS 10000U
#define BBR_PROBE_RTT_MS 200U
#define BBR_FULL_BW_ROUNDS 3U
#define BBR_STARTUP_FULL_LOSSES 6U
#define BBR_DRAIN_ROUNDS 3U
#define BBR_RENO_ROUNDS 63U
#define BBR_LOSS_THRESH_INV 50U /* 2 % */
#define BBR_EXTRA_ACKED_ROUNDS 5U /* in each of two slots */
#define BBR_QUANTUM_BYTES 65536U

enum bbr_state {
	BBR_STARTUP,
	BBR_DRAIN,
	BBR_PROBE_RTT,
	BBR_DOWN, /* this one and the following are ProbeBW */
	BBR_CRUISE,
	BBR_REFILL,
	BBR_UP,
};

enum bbr_ack_phase {
	BBR_ACKS_INIT,
	BBR_ACKS_REFILLING,
	BBR_ACKS_PROBE_STARTING,
	BBR_ACKS_PROBE_FEEDBACK,
	BBR_ACKS_PROBE_STOPPING,
};

/**
 * struct bbr - private state, in xtcp_cc.mem
 * @extra_acked_start_us: start of the interval in which ACKs are compared with the model
 * @max_bw: highest bandwidth of this and of the last ProbeBW cycle
 * @bw_latest: highest bandwidth of the round
 * @bw_shortterm: bound learnt from loss since the last probe
 * @full_bw: bandwidth that a round must exceed by a quarter to count as growth
 * @min_rtt_us: lowest RTT
 * @min_rtt_ms: when that was
 * @probe_rtt_done_ms: when ProbeRTT may end
 * @probe_rtt_cwnd: window during ProbeRTT
 * @limited_until: delivered count up to which ProbeRTT spoils samples
 * @inflight_latest: most that was delivered in a round
 * @inflight_shortterm: bound learnt from loss since the last probe
 * @inflight_longterm: bound learnt from probing
 * @undo_bw_shortterm: value before a loss that may prove spurious
 * @undo_inflight_shortterm: the same
 * @undo_inflight_longterm: the same
 * @next_round_delivered: the round ends when a segment sent at this count is delivered
 * @loss_round_delivered: the same for the round in which losses are counted
 * @extra_acked_delivered: delivered since @extra_acked_start_us
 * @up_acked_per_inc: segments delivered in UP that raise @inflight_longterm by one
 * @up_acked: segments delivered towards the next raise
 * @cycle_ms: when DOWN began
 * @rnd: the random word behind @probe_wait_ms
 * @probe_wait_ms: from there to the next probe at most
 * @extra_acked: most that came beyond the model, in two slots of rounds
 * @mss: bytes per segment
 * @state: enum bbr_state
 * @undo_state: state to return to if the losses prove spurious
 * @ack_phase: enum bbr_ack_phase
 * @full_bw_count: rounds without growth
 * @losses_in_round: ACKs of the round that reported losses
 * @up_rounds: rounds in UP
 * @rounds_since_probe_up: rounds since DOWN began
 * @extra_acked_rounds: rounds in the current slot
 * @drain_rounds: rounds in Drain
 * @started: fields not zero at the start are set
 * @round_start: this ACK begins a round
 * @loss_round_start: this ACK begins a round of loss counting
 * @is_loss_in_round: the round saw a loss
 * @full_bw_now: this acceleration found the bandwidth
 * @full_bw_reached: so did any
 * @is_bw_probe_sample: samples stem from an acceleration
 * @prev_probe_too_high: the last one lost too much
 * @prev_probe_precautionary: the last one stopped at @inflight_longterm
 * @idle_restart: sending began after silence
 * @min_rtt_expired: @min_rtt_us is stale
 * @probe_rtt_waiting: ProbeRTT has its low volume, @probe_rtt_done_ms counts
 * @probe_rtt_round_done: and it had it for a round
 * @limited: @limited_until counts
 * @has_undo: @undo_state counts
 * @congested: there was congestion without a loss: the next ACK counts one
 * @restore: return to the window before the loss at the next ACK
 */
struct bbr {
	u64 extra_acked_start_us;
	u32 max_bw[2];
	u32 bw_latest;
	u32 bw_shortterm;
	u32 full_bw;
	u32 min_rtt_us;
	u32 min_rtt_ms;
	u32 probe_rtt_done_ms;
	u32 probe_rtt_cwnd;
	u32 limited_until;
	u32 inflight_latest;
	u32 inflight_shortterm;
	u32 inflight_longterm;
	u32 undo_bw_shortterm;
	u32 undo_inflight_shortterm;
	u32 undo_inflight_longterm;
	u32 next_round_delivered;
	u32 loss_round_delivered;
	u32 extra_acked_delivered;
	u32 up_acked_per_inc;
	u32 up_acked;
	u32 cycle_ms;
	u32 rnd;
	u16 probe_wait_ms;
	u16 extra_acked[2];
	u16 mss;
	u8 state : 3;
	u8 undo_state : 3;
	u8 full_bw_count : 2;
	u8 ack_phase : 3;
	u8 losses_in_round : 3;
	u8 drain_rounds : 2;
	u8 up_rounds : 5;
	u8 extra_acked_rounds : 3;
	u8 rounds_since_probe_up;
	u16 started : 1;
	u16 round_start : 1;
	u16 loss_round_start : 1;
	u16 is_loss_in_round : 1;
	u16 full_bw_now : 1;
	u16 full_bw_reached : 1;
	u16 is_bw_probe_sample : 1;
	u16 prev_probe_too_high : 1;
	u16 prev_probe_precautionary : 1;
	u16 idle_restart : 1;
	u16 min_rtt_expired : 1;
	u16 probe_rtt_waiting : 1;
	u16 probe_rtt_round_done : 1;
	u16 limited : 1;
	u16 has_undo : 1;
	u16 restore : 1;
	u8 congested : 1;
};

/**
 * struct bbr_sample - what the model wants to know of an ACK
 * @a: the ACK
 * @now_ms: time
 * @bw: bandwidth of the rate sample, 0 if there is none
 * @delivered: segments delivered so far
 * @prior_delivered: and when the segment of the rate sample was sent
 * @app_limited: the sample tells of the application, not of the path
 */
struct bbr_sample {
	const struct xtcp_cc_ack *a;
	u32 now_ms;
	u32 bw;
	u32 delivered;
	u32 prior_delivered;
	bool app_limited;
};

#endif /* _XTCP_CORE_CC_BBR_H */

// SPDX-License-Identifier: GPL-2.0-only
/*
 * BBR version 3 (draft-ietf-ccwg-bbr). struct xtcp_cc belongs to one connection,
 * under its socket lock.
 *
 * A model of the path, the highest bandwidth and the lowest RTT of late, decides how
 * fast to send and how much may be in flight; loss bounds the model in two terms: a
 * long one, what an upward probe proved to be too much, and a short one, what the
 * path delivered since the last probe. Names follow the draft.
 *
 * Bandwidths count segments per microsecond << 24, gains are fractions of 256,
 * volumes segments; U32_MAX is infinite. Counts of delivered segments and times in
 * milliseconds are kept modulo 2^32.
 */
#include <xtcp/cc.h>
#include <xtcp/seq.h>

#include "cc_bbr.h"

static const struct {
	u16 pacing;
	u16 cwnd;
} bbr_gains[] = {
	[BBR_STARTUP] = { 709, 512 }, /* 2.77: the rate doubles each round */
	[BBR_DRAIN] = { 128, 512 },
	[BBR_PROBE_RTT] = { 256, 128 },
	[BBR_DOWN] = { 230, 512 },
	[BBR_CRUISE] = { 256, 512 },
	[BBR_REFILL] = { 256, 512 },
	[BBR_UP] = { 320, 576 },
};

static struct bbr *bbr_priv(struct xtcp_cc *cc)
{
	return cc->mem;
}

static u32 bbr_ms(u64 us)
{
	return (u32)xtcp_div_u64(us, XTCP_USEC_PER_MSEC);
}

static bool bbr_in_probe_bw(const struct bbr *b)
{
	return b->state >= BBR_DOWN;
}

static u32 bbr_max_bw(const struct bbr *b)
{
	return xtcp_max_u32(b->max_bw[0], b->max_bw[1]);
}

static u32 bbr_bw(const struct bbr *b)
{
	return xtcp_min_u32(bbr_max_bw(b), b->bw_shortterm);
}

/* Segments that fill the path at @bw, times @gain, rounded up (BDPMultiple). */
static u32 bbr_bdp(const struct bbr *b, u32 bw, u32 gain)
{
	u64 bdp;

	if (b->min_rtt_us == BBR_INF)
		return XTCP_CC_INIT_CWND;
	bdp = ((u64)bw * b->min_rtt_us >> 8) * gain;
	return (u32)xtcp_min_u64((bdp >> (BBR_BW_SHIFT - 8) >> 8) + 1, XTCP_CC_CWND_MAX);
}

/* Three aggregates: one queued, one being cut, one being acknowledged. */
static u32 bbr_offload_budget(const struct xtcp_cc *cc, const struct bbr *b)
{
	u64 quantum = xtcp_min_u64(xtcp_div_u64(cc->pacing_rate, 1000), BBR_QUANTUM_BYTES);

	return 3 * xtcp_max_u32((u32)quantum / b->mss, 2);
}

static u32 bbr_quantize(const struct xtcp_cc *cc, const struct bbr *b, u32 inflight)
{
	inflight = xtcp_max_u32(inflight, bbr_offload_budget(cc, b));
	inflight = xtcp_max_u32(inflight, BBR_MIN_PIPE_CWND);
	return b->state == BBR_UP ? inflight + 2 : inflight;
}

static u32 bbr_target_inflight(const struct xtcp_cc *cc, const struct bbr *b)
{
	return xtcp_min_u32(bbr_bdp(b, bbr_bw(b), BBR_UNIT), cc->cwnd);
}

static u32 bbr_inflight_with_headroom(const struct bbr *b)
{
	u32 headroom;

	if (b->inflight_longterm == BBR_INF)
		return BBR_INF;
	headroom = xtcp_max_u32((u32)((u64)b->inflight_longterm * 15 / 100), 1);
	return xtcp_max_u32(b->inflight_longterm - xtcp_min_u32(headroom, b->inflight_longterm),
			    BBR_MIN_PIPE_CWND);
}

static void bbr_save_cwnd(struct xtcp_cc *cc)
{
	if (cc->state < XTCP_CA_RECOVERY && bbr_priv(cc)->state != BBR_PROBE_RTT)
		cc->prior_cwnd = cc->cwnd;
	else
		cc->prior_cwnd = xtcp_max_u32(cc->prior_cwnd, cc->cwnd);
}

static void bbr_reset_full_bw(struct bbr *b)
{
	b->full_bw = 0;
	b->full_bw_count = 0;
	b->full_bw_now = false;
}

static void bbr_reset_short_term(struct bbr *b)
{
	b->bw_shortterm = BBR_INF;
	b->inflight_shortterm = BBR_INF;
}

static void bbr_reset_congestion(struct bbr *b)
{
	b->is_loss_in_round = false;
	b->bw_latest = 0;
	b->inflight_latest = 0;
}

static void bbr_start_round(struct bbr *b, u32 delivered)
{
	b->next_round_delivered = delivered;
}

static void bbr_start_down(struct bbr *b, u32 delivered, u32 now_ms)
{
	bbr_reset_congestion(b);
	b->up_acked_per_inc = BBR_INF;
	/* Random waits keep flows from probing in step. */
	b->rnd = b->rnd * 1664525U + 1013904223U;
	b->rounds_since_probe_up = (u8)(b->rnd >> 31);
	b->probe_wait_ms = (u16)(2000 + (b->rnd >> 8) % 1000);
	b->cycle_ms = now_ms;
	b->ack_phase = BBR_ACKS_PROBE_STOPPING;
	bbr_start_round(b, delivered);
	b->state = BBR_DOWN;
}

static void bbr_start_refill(struct bbr *b, u32 delivered)
{
	bbr_reset_short_term(b);
	b->up_rounds = 0;
	b->up_acked = 0;
	b->prev_probe_precautionary = false;
	b->ack_phase = BBR_ACKS_REFILLING;
	bbr_start_round(b, delivered);
	b->state = BBR_REFILL;
}

static void bbr_raise_slope(const struct xtcp_cc *cc, struct bbr *b)
{
	b->up_acked_per_inc = xtcp_max_u32(cc->cwnd >> b->up_rounds, 1);
	if (b->up_rounds < 30)
		b->up_rounds++;
}

static void bbr_start_up(const struct xtcp_cc *cc, struct bbr *b, const struct bbr_sample *s)
{
	b->ack_phase = BBR_ACKS_PROBE_STARTING;
	bbr_start_round(b, s->delivered);
	bbr_reset_full_bw(b);
	b->full_bw = s->bw;
	b->state = BBR_UP;
	bbr_raise_slope(cc, b);
}

static void bbr_update_round(struct bbr *b, const struct bbr_sample *s)
{
	b->round_start = xtcp_seq_geq(s->prior_delivered, b->next_round_delivered);
	if (!b->round_start)
		return;
	bbr_start_round(b, s->delivered);
	if (b->rounds_since_probe_up < BBR_RENO_ROUNDS)
		b->rounds_since_probe_up++;
	if (b->drain_rounds < BBR_DRAIN_ROUNDS)
		b->drain_rounds++;
}

/* Delivery signals of the round, and the end of a round of loss counting. */
static void bbr_update_latest(struct bbr *b, const struct bbr_sample *s)
{
	b->bw_latest = xtcp_max_u32(b->bw_latest, s->bw);
	b->inflight_latest = xtcp_max_u32(b->inflight_latest, s->a->rs_delivered);
	b->loss_round_start = xtcp_seq_geq(s->prior_delivered, b->loss_round_delivered);
	if (b->loss_round_start)
		b->loss_round_delivered = s->delivered;
}

static u32 bbr_beta(u32 v)
{
	return (u32)((u64)v * 7 / 10);
}

/* Once per round, when not probing: slow down towards what is delivered. */
static void bbr_adapt_lower_bounds(const struct xtcp_cc *cc, struct bbr *b)
{
	if (b->state == BBR_STARTUP || b->state == BBR_REFILL || b->state == BBR_UP ||
	    !b->is_loss_in_round)
		return;
	if (b->bw_shortterm == BBR_INF)
		b->bw_shortterm = bbr_max_bw(b);
	if (b->inflight_shortterm == BBR_INF)
		b->inflight_shortterm = cc->cwnd;
	b->bw_shortterm = xtcp_max_u32(b->bw_latest, bbr_beta(b->bw_shortterm));
	b->inflight_shortterm = xtcp_max_u32(b->inflight_latest, bbr_beta(b->inflight_shortterm));
}

static void bbr_update_congestion(const struct xtcp_cc *cc, struct bbr *b,
				  const struct bbr_sample *s)
{
	bbr_update_round(b, s);
	if (s->bw && (s->bw >= bbr_max_bw(b) || !s->app_limited))
		b->max_bw[1] = xtcp_max_u32(b->max_bw[1], s->bw);
	if (!b->loss_round_start)
		return;
	bbr_adapt_lower_bounds(cc, b);
	b->is_loss_in_round = false;
}

/* How far ACKs run ahead of the model: receivers and links that gather them. */
static void bbr_update_aggregation(const struct xtcp_cc *cc, struct bbr *b,
				   const struct bbr_sample *s)
{
	u64 interval = xtcp_min_u64(s->a->now_us - b->extra_acked_start_us, U32_MAX);
	u64 expected = (u64)bbr_bw(b) * interval >> BBR_BW_SHIFT;
	u32 extra, rounds = b->full_bw_reached ? BBR_EXTRA_ACKED_ROUNDS : 1;

	if (b->round_start && ++b->extra_acked_rounds >= rounds) {
		b->extra_acked_rounds = 0;
		b->extra_acked[0] = b->extra_acked[1];
		b->extra_acked[1] = 0;
	}
	if (b->extra_acked_delivered <= expected) {
		b->extra_acked_delivered = 0;
		b->extra_acked_start_us = s->a->now_us;
		expected = 0;
	}
	b->extra_acked_delivered += s->a->acked_sacked;
	extra = b->extra_acked_delivered - (u32)expected;
	extra = xtcp_min_u32(xtcp_min_u32(extra, cc->cwnd), U16_MAX);
	if (extra > b->extra_acked[1])
		b->extra_acked[1] = (u16)extra;
}

static void bbr_check_full_bw(struct bbr *b, const struct bbr_sample *s)
{
	if (b->full_bw_now || !b->round_start || s->app_limited)
		return;
	if (s->bw >= b->full_bw + (u64)b->full_bw / 4) {
		bbr_reset_full_bw(b);
		b->full_bw = s->bw;
		return;
	}
	if (++b->full_bw_count < BBR_FULL_BW_ROUNDS)
		return;
	b->full_bw_now = true;
	b->full_bw_reached = true;
}

static bool bbr_too_high(u32 lost, u32 tx_in_flight)
{
	return (u64)lost * BBR_LOSS_THRESH_INV > tx_in_flight;
}

/* Startup also ends after a round of recovery with much loss in many places. */
static void bbr_check_startup_loss(const struct xtcp_cc *cc, struct bbr *b,
				   const struct bbr_sample *s)
{
	if (s->a->losses && b->losses_in_round < BBR_STARTUP_FULL_LOSSES)
		b->losses_in_round++;
	if (!b->loss_round_start)
		return;
	if (cc->state == XTCP_CA_RECOVERY && b->losses_in_round >= BBR_STARTUP_FULL_LOSSES &&
	    bbr_too_high(s->a->rs_lost, s->a->tx_in_flight)) {
		b->undo_state = BBR_STARTUP;
		b->has_undo = true;
		b->full_bw_reached = true;
		b->inflight_longterm = xtcp_max_u32(bbr_bdp(b, bbr_bw(b), BBR_UNIT),
						    b->inflight_latest);
	}
	b->losses_in_round = 0;
}

static void bbr_check_startup(const struct xtcp_cc *cc, struct bbr *b,
			      const struct bbr_sample *s)
{
	bbr_check_full_bw(b, s);
	if (b->state != BBR_STARTUP)
		return;
	bbr_check_startup_loss(cc, b, s);
	if (b->full_bw_reached) {
		b->state = BBR_DRAIN;
		b->drain_rounds = 0;
	}
}

static void bbr_check_drain(struct xtcp_cc *cc, struct bbr *b, const struct bbr_sample *s)
{
	u32 bdp;

	if (b->state != BBR_DRAIN)
		return;
	bdp = bbr_quantize(cc, b, bbr_bdp(b, bbr_bw(b), BBR_UNIT));
	if (s->a->in_flight <= bdp || b->drain_rounds >= BBR_DRAIN_ROUNDS)
		bbr_start_down(b, s->delivered, s->now_ms);
}

/* Full use of the long-term bound without much loss: raise it, ever faster. */
static void bbr_probe_longterm_upward(const struct xtcp_cc *cc, struct bbr *b,
				      const struct bbr_sample *s)
{
	if (!s->a->is_cwnd_limited || cc->cwnd < b->inflight_longterm)
		return;
	b->up_acked += s->a->acked_sacked;
	if (b->up_acked >= b->up_acked_per_inc) {
		b->inflight_longterm += b->up_acked / b->up_acked_per_inc;
		b->up_acked %= b->up_acked_per_inc;
	}
	if (b->round_start)
		bbr_raise_slope(cc, b);
}

/* The ACKs of a probe are all in: a new slot of the maximum filter. */
static bool bbr_probe_stopped(struct bbr *b, const struct bbr_sample *s)
{
	b->is_bw_probe_sample = false;
	b->ack_phase = BBR_ACKS_INIT;
	if (!bbr_in_probe_bw(b))
		return false;
	if (!s->app_limited && b->max_bw[1]) {
		b->max_bw[0] = b->max_bw[1];
		b->max_bw[1] = 0;
	}
	if (!b->prev_probe_precautionary || b->prev_probe_too_high)
		return false;
	bbr_start_refill(b, s->delivered);
	return true;
}

/* Returns true if it decided on a state (AdaptLongTermModel). */
static bool bbr_adapt_long_term(const struct xtcp_cc *cc, struct bbr *b,
				const struct bbr_sample *s)
{
	if (b->ack_phase == BBR_ACKS_PROBE_STARTING && b->round_start)
		b->ack_phase = BBR_ACKS_PROBE_FEEDBACK;
	if (b->ack_phase == BBR_ACKS_PROBE_STOPPING && b->round_start &&
	    bbr_probe_stopped(b, s))
		return true;
	if (b->inflight_longterm == BBR_INF ||
	    bbr_too_high(s->a->rs_lost, s->a->tx_in_flight))
		return false;
	b->inflight_longterm = xtcp_max_u32(b->inflight_longterm, s->a->tx_in_flight);
	if (b->state == BBR_UP)
		bbr_probe_longterm_upward(cc, b, s);
	return false;
}

static bool bbr_time_to_probe(const struct xtcp_cc *cc, const struct bbr *b, u32 now_ms)
{
	u32 rounds = xtcp_min_u32(bbr_target_inflight(cc, b), BBR_RENO_ROUNDS);

	return now_ms - b->cycle_ms > b->probe_wait_ms || b->rounds_since_probe_up >= rounds;
}

static bool bbr_time_to_cruise(const struct xtcp_cc *cc, const struct bbr *b, u32 in_flight)
{
	return in_flight <= bbr_inflight_with_headroom(b) &&
	       in_flight <= bbr_quantize(cc, b, bbr_bdp(b, bbr_max_bw(b), BBR_UNIT));
}

static bool bbr_time_to_go_down(const struct xtcp_cc *cc, struct bbr *b,
				const struct bbr_sample *s)
{
	if (b->prev_probe_too_high && s->a->in_flight >= b->inflight_longterm) {
		b->prev_probe_precautionary = true;
		return true;
	}
	if (s->a->is_cwnd_limited && cc->cwnd >= b->inflight_longterm) {
		bbr_reset_full_bw(b);
		b->full_bw = s->bw;
		return false;
	}
	return b->full_bw_now;
}

static void bbr_update_cycle(struct xtcp_cc *cc, struct bbr *b, const struct bbr_sample *s)
{
	if (!b->full_bw_reached || bbr_adapt_long_term(cc, b, s))
		return;
	switch (b->state) {
	case BBR_DOWN:
		if (bbr_time_to_probe(cc, b, s->now_ms))
			bbr_start_refill(b, s->delivered);
		else if (bbr_time_to_cruise(cc, b, s->a->in_flight))
			b->state = BBR_CRUISE;
		break;
	case BBR_CRUISE:
		if (bbr_time_to_probe(cc, b, s->now_ms))
			bbr_start_refill(b, s->delivered);
		break;
	case BBR_REFILL:
		if (b->round_start) {
			b->is_bw_probe_sample = true;
			bbr_start_up(cc, b, s);
		}
		break;
	case BBR_UP:
		if (bbr_time_to_go_down(cc, b, s)) {
			b->prev_probe_too_high = false;
			bbr_start_down(b, s->delivered, s->now_ms);
		}
		break;
	default:
		break;
	}
}

static void bbr_update_min_rtt(struct bbr *b, const struct bbr_sample *s)
{
	b->min_rtt_expired = s->now_ms - b->min_rtt_ms > BBR_MIN_RTT_FILTER_MS;
	/* From the estimate before a sample that a queue may have inflated replaces it. */
	if (b->min_rtt_expired && b->state != BBR_PROBE_RTT)
		b->probe_rtt_cwnd = xtcp_max_u32(bbr_bdp(b, bbr_bw(b),
							 bbr_gains[BBR_PROBE_RTT].cwnd),
						 BBR_MIN_PIPE_CWND);
	if (s->a->rtt_us != U32_MAX && (s->a->rtt_us < b->min_rtt_us || b->min_rtt_expired)) {
		b->min_rtt_us = s->a->rtt_us;
		b->min_rtt_ms = s->now_ms;
	}
}

static void bbr_exit_probe_rtt(struct xtcp_cc *cc, struct bbr *b, u32 delivered, u32 now_ms)
{
	b->min_rtt_ms = now_ms;
	cc->cwnd = xtcp_max_u32(cc->cwnd, cc->prior_cwnd);
	bbr_reset_short_term(b);
	if (!b->full_bw_reached) {
		b->state = BBR_STARTUP;
		return;
	}
	bbr_start_down(b, delivered, now_ms);
	b->state = BBR_CRUISE;
}

static bool bbr_probe_rtt_done(const struct bbr *b, u32 now_ms)
{
	return b->probe_rtt_waiting && (s32)(now_ms - b->probe_rtt_done_ms) > 0;
}

static void bbr_handle_probe_rtt(struct xtcp_cc *cc, struct bbr *b, const struct bbr_sample *s)
{
	/* What is sent now is sent slowly: no measure of the path. */
	b->limited = true;
	b->limited_until = s->delivered + s->a->in_flight;
	if (!b->probe_rtt_waiting) {
		if (s->a->in_flight > b->probe_rtt_cwnd)
			return;
		b->probe_rtt_waiting = true;
		b->probe_rtt_done_ms = s->now_ms + BBR_PROBE_RTT_MS;
		b->probe_rtt_round_done = false;
		bbr_start_round(b, s->delivered);
		return;
	}
	if (b->round_start)
		b->probe_rtt_round_done = true;
	if (b->probe_rtt_round_done && bbr_probe_rtt_done(b, s->now_ms))
		bbr_exit_probe_rtt(cc, b, s->delivered, s->now_ms);
}

static void bbr_check_probe_rtt(struct xtcp_cc *cc, struct bbr *b, const struct bbr_sample *s)
{
	if (b->state != BBR_PROBE_RTT && b->min_rtt_expired && !b->idle_restart) {
		bbr_save_cwnd(cc);
		b->state = BBR_PROBE_RTT;
		b->probe_rtt_waiting = false;
		b->ack_phase = BBR_ACKS_PROBE_STOPPING;
		bbr_start_round(b, s->delivered);
	}
	if (b->state == BBR_PROBE_RTT)
		bbr_handle_probe_rtt(cc, b, s);
	b->idle_restart = false;
}

static void bbr_update_model(struct xtcp_cc *cc, struct bbr *b, const struct bbr_sample *s)
{
	bbr_update_latest(b, s);
	bbr_update_congestion(cc, b, s);
	bbr_update_aggregation(cc, b, s);
	bbr_check_startup(cc, b, s);
	bbr_check_drain(cc, b, s);
	bbr_update_cycle(cc, b, s);
	bbr_update_min_rtt(b, s);
	bbr_check_probe_rtt(cc, b, s);
	if (b->loss_round_start) {
		b->bw_latest = s->bw;
		b->inflight_latest = s->a->rs_delivered;
	}
}

/* Bytes per second for @bw, one per cent less so that a queue drains. */
static u64 bbr_rate(const struct bbr *b, u32 bw, u32 gain)
{
	u64 rate = ((u64)bw * b->mss >> 4) * gain >> 8;

	return (rate >> 4) * (XTCP_USEC_PER_SEC / 100 * 99) >> (BBR_BW_SHIFT - 8);
}

static void bbr_set_pacing_rate(struct xtcp_cc *cc, const struct bbr *b, u32 gain)
{
	u64 rate = bbr_rate(b, bbr_bw(b), gain);

	if (b->full_bw_reached || rate > cc->pacing_rate)
		cc->pacing_rate = xtcp_max_u64(rate, b->mss);
}

static void bbr_bound_cwnd(struct xtcp_cc *cc, const struct bbr *b)
{
	u32 cap = BBR_INF;

	if (b->state == BBR_PROBE_RTT || b->state == BBR_CRUISE)
		cap = bbr_inflight_with_headroom(b);
	else if (bbr_in_probe_bw(b))
		cap = b->inflight_longterm;
	cap = xtcp_min_u32(cap, b->inflight_shortterm);
	cc->cwnd = xtcp_min_u32(cc->cwnd, xtcp_max_u32(cap, BBR_MIN_PIPE_CWND));
	if (b->state == BBR_PROBE_RTT)
		cc->cwnd = xtcp_min_u32(cc->cwnd, b->probe_rtt_cwnd);
}

static void bbr_set_cwnd(struct xtcp_cc *cc, struct bbr *b, const struct bbr_sample *s)
{
	u32 max_inflight = bbr_bdp(b, bbr_bw(b), bbr_gains[b->state].cwnd);
	u32 more = cc->cwnd + s->a->acked_sacked;

	max_inflight += xtcp_max_u32(b->extra_acked[0], b->extra_acked[1]);
	max_inflight = bbr_quantize(cc, b, max_inflight);
	if (b->restore)
		more = xtcp_max_u32(more, cc->prior_cwnd);
	b->restore = false;
	if (b->full_bw_reached)
		cc->cwnd = xtcp_min_u32(more, max_inflight);
	else if (cc->cwnd < max_inflight || s->a->delivered < XTCP_CC_INIT_CWND)
		cc->cwnd = more;
	cc->cwnd = xtcp_clamp_u32(cc->cwnd, BBR_MIN_PIPE_CWND, XTCP_CC_CWND_MAX);
	bbr_bound_cwnd(cc, b);
}

static void bbr_start(struct xtcp_cc *cc, struct bbr *b, const struct xtcp_cc_ack *a)
{
	u32 rtt_us = a->srtt_us ? a->srtt_us : XTCP_USEC_PER_MSEC;
	u32 bw = (u32)xtcp_min_u64(((u64)XTCP_CC_INIT_CWND << BBR_BW_SHIFT) / rtt_us, U32_MAX);

	b->started = true;
	b->extra_acked_start_us = a->now_us;
	b->min_rtt_ms = bbr_ms(a->now_us);
	b->next_round_delivered = a->delivered;
	b->loss_round_delivered = a->delivered;
	cc->pacing_rate = xtcp_max_u64(bbr_rate(b, bw, bbr_gains[BBR_STARTUP].pacing), a->mss);
}

static bool bbr_sample_limited(struct bbr *b, const struct xtcp_cc_ack *a)
{
	if (b->limited && xtcp_seq_geq(a->prior_delivered, b->limited_until))
		b->limited = false;
	return b->limited || a->rs_app_limited;
}

static void bbr_save_state(struct xtcp_cc *cc, struct bbr *b)
{
	bbr_save_cwnd(cc);
	b->has_undo = false;
	b->undo_bw_shortterm = b->bw_shortterm;
	b->undo_inflight_shortterm = b->inflight_shortterm;
	b->undo_inflight_longterm = b->inflight_longterm;
}

/* The round saw congestion; what it will be cut from is kept, to undo it. */
static void bbr_note_loss(struct xtcp_cc *cc, struct bbr *b, u32 delivered)
{
	if (!b->is_loss_in_round) {
		b->loss_round_delivered = delivered;
		bbr_save_state(cc, b);
	}
	b->is_loss_in_round = true;
}

static void bbr_cong_control(struct xtcp_cc *cc, const struct xtcp_cc_ack *a)
{
	struct bbr *b = bbr_priv(cc);
	struct bbr_sample s = {
		.a = a,
		.now_ms = bbr_ms(a->now_us),
		.delivered = a->delivered,
		.prior_delivered = a->prior_delivered,
	};

	if (!a->acked_sacked)
		return;
	b->mss = (u16)xtcp_clamp_u32(a->mss, 1, U16_MAX);
	if (!b->started)
		bbr_start(cc, b, a);
	/* A mark counts as one loss would (RFC 3168 5). */
	if (b->congested)
		bbr_note_loss(cc, b, s.delivered);
	b->congested = false;
	s.app_limited = bbr_sample_limited(b, a);
	if (a->interval_us)
		s.bw = (u32)xtcp_min_u64(xtcp_div_u64((u64)a->rs_delivered << BBR_BW_SHIFT,
						      a->interval_us), U32_MAX);
	bbr_update_model(cc, b, &s);
	bbr_set_pacing_rate(cc, b, bbr_gains[b->state].pacing);
	bbr_set_cwnd(cc, b, &s);
}

/* The volume in flight at which losses passed the threshold, within a burst perhaps. */
static u32 bbr_inflight_at_loss(const struct xtcp_cc_lost *l)
{
	u32 inflight_prev = l->tx_in_flight - xtcp_min_u32(l->segs, l->tx_in_flight);
	u32 lost_prev = l->lost - xtcp_min_u32(l->segs, l->lost);
	u64 spent = (u64)lost_prev * BBR_LOSS_THRESH_INV;

	if (inflight_prev <= spent)
		return inflight_prev;
	return inflight_prev + (inflight_prev - (u32)spent) / (BBR_LOSS_THRESH_INV - 1);
}

static void bbr_handle_too_high(struct xtcp_cc *cc, struct bbr *b, const struct xtcp_cc_lost *l)
{
	b->prev_probe_too_high = true;
	b->is_bw_probe_sample = false;
	if (!l->app_limited)
		b->inflight_longterm = xtcp_max_u32(bbr_inflight_at_loss(l),
						    bbr_beta(bbr_target_inflight(cc, b)));
	if (b->state != BBR_UP)
		return;
	b->undo_state = BBR_UP;
	b->has_undo = true;
	bbr_start_down(b, l->delivered, bbr_ms(l->now_us));
}

static void bbr_lost(struct xtcp_cc *cc, const struct xtcp_cc_lost *l)
{
	struct bbr *b = bbr_priv(cc);

	bbr_note_loss(cc, b, l->delivered);
	if (b->is_bw_probe_sample && bbr_too_high(l->lost, l->tx_in_flight))
		bbr_handle_too_high(cc, b, l);
}

static void bbr_init(struct xtcp_cc *cc, u32 rnd)
{
	struct bbr *b = bbr_priv(cc);

	b->rnd = rnd;
	b->min_rtt_us = BBR_INF;
	b->inflight_longterm = BBR_INF;
	b->up_acked_per_inc = BBR_INF;
	bbr_reset_short_term(b);
	b->mss = 1;
	b->state = BBR_STARTUP;
}

/* No threshold: the model alone decides. Called when recovery begins. */
static u32 bbr_ssthresh(struct xtcp_cc *cc)
{
	bbr_save_state(cc, bbr_priv(cc));
	return cc->ssthresh;
}

/* The losses were none (HandleSpuriousLossDetection). */
static u32 bbr_undo_cwnd(struct xtcp_cc *cc)
{
	struct bbr *b = bbr_priv(cc);

	b->is_loss_in_round = false;
	bbr_reset_full_bw(b);
	b->bw_shortterm = xtcp_max_u32(b->bw_shortterm, b->undo_bw_shortterm);
	b->inflight_shortterm = xtcp_max_u32(b->inflight_shortterm, b->undo_inflight_shortterm);
	b->inflight_longterm = xtcp_max_u32(b->inflight_longterm, b->undo_inflight_longterm);
	if (b->has_undo && b->undo_state == BBR_STARTUP) {
		b->full_bw_reached = false;
		if (b->state != BBR_PROBE_RTT)
			b->state = BBR_STARTUP;
	} else if (b->has_undo && b->state != BBR_UP && b->state != BBR_PROBE_RTT) {
		bbr_start_refill(b, b->next_round_delivered);
	}
	b->has_undo = false;
	return xtcp_max_u32(cc->cwnd, cc->prior_cwnd);
}

/* RFC 9293 has the window at hand again after silence; BBR paces it (RestartFromIdle). */
static void bbr_tx_start(struct xtcp_cc *cc, u64 now_us)
{
	struct bbr *b = bbr_priv(cc);

	if (!b->started)
		return;
	b->idle_restart = true;
	b->extra_acked_start_us = now_us;
	b->extra_acked_delivered = 0;
	if (bbr_in_probe_bw(b))
		bbr_set_pacing_rate(cc, b, BBR_UNIT);
	else if (b->state == BBR_PROBE_RTT && bbr_probe_rtt_done(b, bbr_ms(now_us)))
		bbr_exit_probe_rtt(cc, b, b->next_round_delivered, bbr_ms(now_us));
}

static void bbr_event(struct xtcp_cc *cc, enum xtcp_cc_event ev)
{
	struct bbr *b = bbr_priv(cc);

	if (ev == XTCP_CC_EV_OPEN)
		b->restore = true;
	else if (ev == XTCP_CC_EV_ECE)
		b->congested = true;
}

const struct xtcp_cc_ops xtcp_cc_bbr = {
	.name = "bbr",
	.flags = XTCP_CC_NEEDS_PACING,
	.mem_size = sizeof(struct bbr),
	.init = bbr_init,
	.ssthresh = bbr_ssthresh,
	.undo_cwnd = bbr_undo_cwnd,
	.event = bbr_event,
	.tx_start = bbr_tx_start,
	.cong_control = bbr_cong_control,
	.lost = bbr_lost,
};

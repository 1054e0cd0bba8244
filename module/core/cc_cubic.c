// SPDX-License-Identifier: GPL-2.0-only
/*
 * CUBIC (RFC 9438) with HyStart++ (RFC 9406). struct xtcp_cc belongs to one
 * connection, under its socket lock.
 *
 * C = 0.4 segments/s^3 and beta = 0.7; time in milliseconds, windows in segments,
 * no floating point. Time in which the window did not limit the sender does not
 * count: the cubic function would otherwise promise a window nobody has tried.
 */
#include <xtcp/cc.h>
#include <xtcp/seq.h>

/* 0.4 * 10^-9 segments/ms^3 as 880 / 2^41, applied in two steps to stay in 64 bits. */
#define CUBIC_C_MUL 880U
#define CUBIC_C_SHIFT_FIRST 10
#define CUBIC_C_SHIFT_THEN 31
#define CUBIC_INV_C_MS3 2500000000ULL
#define CUBIC_T_MAX_MS 1000000U
#define CUBIC_T_END_MS (4 * CUBIC_T_MAX_MS) /* K is below 1.4 * CUBIC_T_MAX_MS */

/* RFC 9406 4.3 */
#define HYSTART_MIN_THRESH_US 4000U
#define HYSTART_MAX_THRESH_US 16000U
#define HYSTART_RTT_DIVISOR 8U
#define HYSTART_SAMPLES 8U
#define HYSTART_CSS_DIVISOR 4U
#define HYSTART_CSS_ROUNDS 5U

/* Where the plateau is expected. */
enum cubic_plateau {
	CUBIC_UNKNOWN,
	CUBIC_AT_PRIOR,
	CUBIC_BELOW_PRIOR, /* RFC 9438 4.7: make room for new flows */
};

/**
 * struct cubic_curve - what the last congestion event left behind
 * @epoch_ms: start of this stage of congestion avoidance, if it has begun
 * @origin: the plateau of this stage
 * @w_est: window that Reno would have by now
 * @w_prior: window at the last congestion event
 * @k_ms: time from @epoch_ms to the plateau, below 1.4 * CUBIC_T_MAX_MS
 * @plateau: enum cubic_plateau, for the stage to come
 * @running: the stage has begun
 */
struct cubic_curve {
	u32 epoch_ms;
	u32 origin;
	u32 w_est;
	u32 w_prior;
	u32 k_ms : 24;
	u32 plateau : 2;
	u32 running : 1;
};

/**
 * struct cubic_hystart - the first slow start
 * @round_end: SND.NXT at the start of the round
 * @round_min_us: lowest RTT of the round
 * @last_min_us: lowest RTT of the round before it
 * @css_base_us: RTT at which conservative slow start began
 * @samples: RTT samples in the round, as many as matter
 * @css_rounds: rounds of conservative slow start that are over
 * @css_credit: acknowledged segments not yet counted there
 */
struct cubic_hystart {
	u32 round_end;
	u32 round_min_us;
	u32 last_min_us;
	u32 css_base_us;
	u8 samples;
	u8 css_rounds;
	u8 css_credit;
};

/**
 * struct cubic - private state; time is the low half of the clock in milliseconds
 * @now: the curve in use
 * @before: the curve before the last congestion event, to undo it
 * @hystart: until the first such event, when there is no curve before
 * @last_ms: time of the last ACK
 * @est_credit: acknowledged segments not yet counted in w_est, times 17; exact for windows up
 *	to 63 million segments, which is more than there are in 2^30 bytes
 * @css: conservative slow start
 * @started: @hystart holds a round
 */
struct cubic {
	struct cubic_curve now;
	union {
		struct cubic_curve before;
		struct cubic_hystart hystart;
	};
	u32 last_ms;
	u32 est_credit : 30;
	u32 css : 1;
	u32 started : 1;
};

static_assert(sizeof(struct cubic) <= XTCP_CC_PRIV_WORDS * sizeof(u64));

static struct cubic *cubic_priv(struct xtcp_cc *cc)
{
	return (struct cubic *)cc->priv;
}

/* Largest integer whose cube is not above @x, bit by bit. */
static u32 cubic_root(u64 x)
{
	u64 bit, root = 0;
	int shift;

	for (shift = 63; shift >= 0; shift -= 3) {
		root <<= 1;
		bit = 3 * root * (root + 1) + 1;
		if (x >> shift >= bit) {
			x -= bit << shift;
			root++;
		}
	}
	return (u32)root;
}

static u32 cubic_ms(u64 us)
{
	return (u32)xtcp_div_u64(us, XTCP_USEC_PER_MSEC);
}

/* The window at which the plateau is expected, 0 if unknown. */
static u32 cubic_w_max(const struct cubic_curve *v)
{
	switch (v->plateau) {
	case CUBIC_AT_PRIOR:
		return v->w_prior;
	case CUBIC_BELOW_PRIOR:
		return (u32)(v->w_prior * 17ULL / 20);
	default:
		return 0;
	}
}

/* Start a stage of congestion avoidance (RFC 9438 4.2, figure 2). */
static void cubic_begin(struct xtcp_cc *cc, struct cubic *c)
{
	struct cubic_curve *v = &c->now;

	v->running = true;
	v->epoch_ms = c->last_ms;
	v->w_est = cc->cwnd;
	v->origin = xtcp_max_u32(cubic_w_max(v), cc->cwnd);
	v->k_ms = cubic_root((v->origin - cc->cwnd) * CUBIC_INV_C_MS3);
	c->est_credit = 0;
	cc->cwnd_cnt = 0;
}

/* W_cubic at @t_ms after the start of the stage, bounded as in RFC 9438 4.2. */
static u32 cubic_target(const struct cubic_curve *v, u32 t_ms, u32 cwnd)
{
	u64 d = t_ms < v->k_ms ? v->k_ms - t_ms : t_ms - v->k_ms;
	u64 off, w;

	d = xtcp_min_u64(d, CUBIC_T_MAX_MS);
	off = (d * d * d >> CUBIC_C_SHIFT_FIRST) * CUBIC_C_MUL >> CUBIC_C_SHIFT_THEN;
	if (t_ms < v->k_ms)
		w = off < v->origin ? v->origin - off : 0;
	else
		w = v->origin + off;
	return (u32)xtcp_max_u64(xtcp_min_u64(w, cwnd + cwnd / 2), cwnd);
}

/* RFC 9438 4.3: alpha is 9/17 until the window before the event is reached, then 1. */
static void cubic_estimate_reno(struct cubic *c, u32 cwnd, u32 acked)
{
	u64 credit = c->est_credit + (u64)acked * (c->now.w_est < c->now.w_prior ? 9 : 17);
	u64 whole = 17ULL * cwnd;

	if (credit >= whole) {
		c->now.w_est += (u32)xtcp_div_u64(credit, whole);
		credit -= xtcp_div_u64(credit, whole) * whole;
	}
	c->est_credit = (u32)credit;
}

/* Acknowledged segments that earn one more to get from @cwnd to @target in a round trip. */
static u32 cubic_pace(u32 cwnd, u32 target)
{
	if (target <= cwnd)
		return U32_MAX;
	return xtcp_max_u32(cwnd / (target - cwnd), 2);
}

static void cubic_grow(struct xtcp_cc *cc, struct cubic *c, const struct xtcp_cc_ack *a,
		       u32 acked)
{
	u32 t_ms, w;

	if (!c->now.running)
		cubic_begin(cc, c);
	t_ms = c->last_ms - c->now.epoch_ms;
	/* The curve is as steep as it will be; the clock would wrap. */
	if (t_ms > CUBIC_T_END_MS)
		c->now.epoch_ms = c->last_ms - CUBIC_T_END_MS;
	if (a->min_rtt_us != U32_MAX)
		t_ms += a->min_rtt_us / XTCP_USEC_PER_MSEC;
	w = cubic_pace(cc->cwnd, cubic_target(&c->now, t_ms, cc->cwnd));
	cubic_estimate_reno(c, cc->cwnd, acked);
	w = xtcp_min_u32(w, cubic_pace(cc->cwnd, c->now.w_est));
	xtcp_cc_additive_increase(cc, w, acked);
}

/* Samples of this round trip and the one before it (RFC 9406 4.2). */
static void hystart_sample(struct cubic *c, const struct xtcp_cc_ack *a)
{
	struct cubic_hystart *h = &c->hystart;

	if (!c->started || xtcp_seq_after(a->snd_una, h->round_end)) {
		h->last_min_us = c->started ? h->round_min_us : U32_MAX;
		h->round_min_us = U32_MAX;
		h->samples = 0;
		h->round_end = a->snd_nxt;
		h->css_rounds += c->css;
		c->started = true;
	}
	if (a->rtt_us == U32_MAX)
		return;
	h->round_min_us = xtcp_min_u32(h->round_min_us, a->rtt_us);
	if (h->samples < HYSTART_SAMPLES)
		h->samples++;
}

/*
 * A queue builds up: grow more slowly. It was jitter: as before. It stays: the
 * window is found. Only in the first slow start, whose threshold is a guess.
 */
static void hystart_update(struct xtcp_cc *cc, struct cubic *c, const struct xtcp_cc_ack *a)
{
	struct cubic_hystart *h = &c->hystart;
	u32 thresh;

	hystart_sample(c, a);
	if (c->css && h->css_rounds >= HYSTART_CSS_ROUNDS) {
		cc->ssthresh = cc->cwnd;
		c->css = false;
		return;
	}
	if (h->samples < HYSTART_SAMPLES)
		return;
	if (c->css) {
		c->css = h->round_min_us >= h->css_base_us;
		return;
	}
	thresh = xtcp_clamp_u32(h->last_min_us / HYSTART_RTT_DIVISOR, HYSTART_MIN_THRESH_US,
				HYSTART_MAX_THRESH_US);
	if (h->last_min_us == U32_MAX || h->round_min_us < h->last_min_us + thresh)
		return;
	c->css = true;
	h->css_base_us = h->round_min_us;
	h->css_rounds = 0;
	h->css_credit = 0;
}

/* Returns the acknowledged segments left for congestion avoidance. */
static u32 cubic_slow_start(struct xtcp_cc *cc, struct cubic *c, u32 acked)
{
	if (!c->css)
		return xtcp_cc_slow_start(cc, acked);
	acked += c->hystart.css_credit;
	c->hystart.css_credit = (u8)(acked % HYSTART_CSS_DIVISOR);
	xtcp_cc_slow_start(cc, acked / HYSTART_CSS_DIVISOR);
	return 0;
}

static void cubic_cong_avoid(struct xtcp_cc *cc, const struct xtcp_cc_ack *a)
{
	struct cubic *c = cubic_priv(cc);
	u32 now_ms = cubic_ms(a->now_us);
	u32 acked = a->acked;

	if (!a->is_cwnd_limited)
		c->now.epoch_ms += now_ms - c->last_ms;
	c->last_ms = now_ms;
	if (cc->ssthresh == XTCP_CC_SSTHRESH_INF)
		hystart_update(cc, c, a);
	if (!a->is_cwnd_limited)
		return;
	if (xtcp_cc_in_slow_start(cc))
		acked = cubic_slow_start(cc, c, acked);
	if (acked)
		cubic_grow(cc, c, a, acked);
}

/* RFC 9438 4.6 and 4.7. */
static u32 cubic_ssthresh(struct xtcp_cc *cc)
{
	struct cubic *c = cubic_priv(cc);
	bool below = cc->cwnd < cubic_w_max(&c->now);

	c->before = c->now;
	c->now.running = false;
	c->now.w_prior = cc->cwnd;
	c->now.plateau = below ? CUBIC_BELOW_PRIOR : CUBIC_AT_PRIOR;
	c->css = false;
	c->started = false;
	return xtcp_max_u32((u32)(cc->cwnd * 7ULL / 10), 2);
}

/* RFC 9438 4.9: the event was none; its curve goes too. */
static u32 cubic_undo_cwnd(struct xtcp_cc *cc)
{
	struct cubic *c = cubic_priv(cc);

	c->now = c->before;
	return xtcp_max_u32(cc->cwnd, cc->prior_cwnd);
}

static void cubic_event(struct xtcp_cc *cc, enum xtcp_cc_event ev)
{
	struct cubic *c = cubic_priv(cc);

	switch (ev) {
	case XTCP_CC_EV_LOSS: /* RFC 9438 4.8: the old plateau means nothing any more */
		c->now.plateau = CUBIC_UNKNOWN;
		c->now.running = false;
		break;
	case XTCP_CC_EV_CWND_RESTART:
		c->now.running = false;
		break;
	default:
		break;
	}
}

/* RFC 9438 5.8: idle time does not count. */
static void cubic_tx_start(struct xtcp_cc *cc, u64 now_us)
{
	struct cubic *c = cubic_priv(cc);
	u32 now_ms = cubic_ms(now_us);

	if (!c->now.running)
		return;
	c->now.epoch_ms += now_ms - c->last_ms;
	c->last_ms = now_ms;
}

const struct xtcp_cc_ops xtcp_cc_cubic = {
	.name = "cubic",
	.ssthresh = cubic_ssthresh,
	.cong_avoid = cubic_cong_avoid,
	.undo_cwnd = cubic_undo_cwnd,
	.event = cubic_event,
	.tx_start = cubic_tx_start,
};

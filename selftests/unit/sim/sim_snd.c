// SPDX-License-Identifier: GPL-2.0-only
/*
 * A bulk sender: scoreboard, recovery and pacing around the core, in the order in
 * which the module does it: deliver, detect, recover, control, send.
 */
#include "sim.h"

#define NONE U32_MAX

/* What one ACK did. */
struct sim_news {
	struct xtcp_rate_sample rs;
	u32 acked, delivered, lost, prior_in_flight, rtt_us, ack, ts;
	bool advanced, dsack, ece, original, sacked;
};

/* The list of what is in flight links slots of the ring; NONE is no slot. */
static void snd_unlink(struct sim_flow *f, u32 seq)
{
	struct sim_seg *g = sim_seg(f, seq);

	if (!g->in_flight)
		return;
	g->in_flight = false;
	f->in_flight--;
	if (g->prev == NONE)
		f->first = g->next;
	else
		f->seg[g->prev].next = g->next;
	if (g->next == NONE)
		f->last = g->prev;
	else
		f->seg[g->next].prev = g->prev;
}

static void snd_link(struct sim_flow *f, u32 seq)
{
	struct sim_seg *g = sim_seg(f, seq);

	g->prev = f->last;
	g->next = NONE;
	if (f->last == NONE)
		f->first = seq % SIM_RING;
	else
		f->seg[f->last].next = seq % SIM_RING;
	f->last = seq % SIM_RING;
	g->in_flight = true;
	f->in_flight++;
}

static void snd_xmit(struct sim *s, u32 flow, u32 seq)
{
	struct sim_flow *f = s->flow[flow];
	struct sim_seg *g = sim_seg(f, seq);
	u64 now_us = sim_now_us(s);
	u8 bits = 0;

	if (seq == f->nxt) {
		memset(g, 0, sizeof(*g));
		g->seq = seq;
		f->nxt++;
		bits = SIM_ECT | (f->cwr ? SIM_CWR : 0);
		f->cwr = false;
	} else {
		if (g->lost)
			f->lost_out--;
		g->lost = false;
		g->resent = true;
		f->resent++;
		f->undo_retrans++;
		snd_unlink(f, seq); /* a probe repeats what is in flight */
	}
	if (!f->in_flight) {
		if (f->cc.ops->tx_start)
			f->cc.ops->tx_start(&f->cc, now_us);
		xtcp_rack_restart(&f->rack, f->una, seq == f->una && !g->resent, (u32)now_us);
	}
	xtcp_rate_sent(&f->rate, &g->tx, f->in_flight, 1, (u32)now_us);
	g->sent_us = now_us;
	snd_link(f, seq);
	f->prr.out++;
	sim_transmit(s, flow, seq, bits);
}

static u64 snd_rto_us(const struct sim_flow *f)
{
	return xtcp_rtt_backoff(xtcp_rtt_rto_us(&f->rtt), f->backoff, XTCP_RTO_MAX_US);
}

static bool snd_recovering(const struct sim_flow *f)
{
	return f->cc.state == XTCP_CA_RECOVERY || f->cc.state == XTCP_CA_LOSS;
}

/* The earliest deadline counts; an event that comes too early looks again. */
static void snd_arm(struct sim *s, u32 flow)
{
	struct sim_flow *f = s->flow[flow];
	u64 at = xtcp_min_u64(f->rto_at_us, xtcp_min_u64(f->pto_at_us, f->reo_at_us));

	if (at == SIM_NEVER || (f->timer_at_ns > s->now_ns && f->timer_at_ns <= at * 1000))
		return;
	f->timer_at_ns = xtcp_max_u64(at * 1000, s->now_ns + 1);
	sim_at(s, f->timer_at_ns, SIM_EV_TIMER, flow, 0, NULL);
}

static void snd_rearm(struct sim *s, u32 flow)
{
	struct sim_flow *f = s->flow[flow];
	u64 now_us = sim_now_us(s);

	f->rto_at_us = f->nxt == f->una ? SIM_NEVER : now_us + snd_rto_us(f);
	f->pto_at_us = SIM_NEVER;
	if (f->nxt != f->una && !snd_recovering(f) && !f->tlp.active)
		f->pto_at_us = now_us + xtcp_rack_pto(f->rtt.srtt_us >> 3, f->in_flight, 200000,
						      (u32)snd_rto_us(f));
	snd_arm(s, flow);
}

/* The first lost segment, SND.NXT if there is none. */
static u32 snd_next(struct sim_flow *f)
{
	if (!f->lost_out)
		return f->nxt;
	f->resend_hint = xtcp_seq_max(f->resend_hint, f->una);
	while (f->resend_hint != f->nxt && !sim_seg(f, f->resend_hint)->lost)
		f->resend_hint++;
	return f->resend_hint;
}

static bool snd_paced(struct sim *s, u32 flow)
{
	struct sim_flow *f = s->flow[flow];

	if (!f->cc.pacing_rate)
		return false;
	if (f->pace_ns > s->now_ns) {
		if (!f->send_armed)
			sim_at(s, f->pace_ns, SIM_EV_SEND, flow, 0, NULL);
		f->send_armed = true;
		return true;
	}
	f->pace_ns = s->now_ns + SIM_MSS * 1000000000ULL / f->cc.pacing_rate;
	return false;
}

static void snd_send(struct sim *s, u32 flow, bool only_new)
{
	struct sim_flow *f = s->flow[flow];

	f->cwnd_limited = false;
	while (f->nxt - f->una < SIM_RING / 2) {
		if (f->in_flight >= f->cc.cwnd) {
			f->cwnd_limited = true;
			break;
		}
		if (snd_paced(s, flow))
			break;
		snd_xmit(s, flow, only_new ? f->nxt : snd_next(f));
		if (f->rto_at_us == SIM_NEVER)
			snd_rearm(s, flow);
	}
}

void sim_snd_send(struct sim *s, u32 flow)
{
	snd_send(s, flow, false);
}

void sim_snd_start(struct sim *s, u32 flow)
{
	struct sim_flow *f = s->flow[flow];

	/* near the end of the sequence space: every run wraps */
	f->first_seq = U32_MAX - 5000;
	f->una = f->first_seq;
	f->nxt = f->first_seq;
	f->rcv.nxt = f->first_seq;
	f->rcv.acked = f->first_seq;
	f->rcv.ts_recent = sim_ts(sim_now_us(s));
	f->resend_hint = f->first_seq;
	f->high_seq = f->una;
	f->first = NONE;
	f->last = NONE;
	f->rto_at_us = SIM_NEVER;
	f->pto_at_us = SIM_NEVER;
	f->reo_at_us = SIM_NEVER;
	f->started = true;
	xtcp_rtt_init(&f->rtt);
	/* the handshake's sample */
	xtcp_rtt_sample(&f->rtt, s->path.rtt_us, f->una, f->nxt, XTCP_RTO_MIN_US);
	xtcp_rtt_min_update(&f->rtt, s->path.rtt_us, (u32)(sim_now_us(s) / 1000), 300000);
	xtcp_rack_init(&f->rack, f->una);
	sim_snd_send(s, flow);
}

static void snd_deliver(struct sim *s, struct sim_flow *f, u32 seq, struct sim_news *n)
{
	struct sim_seg *g = sim_seg(f, seq);
	u64 now_us = sim_now_us(s);
	/* of what is SACKed the echo tells nothing */
	bool older = xtcp_seq_before(seq, n->ack) &&
		     xtcp_seq_before(n->ts, sim_ts(g->sent_us));

	n->delivered++;
	xtcp_rate_delivered(&f->rate, &n->rs, &g->tx, 1, (u32)g->sent_us, seq + 1, (u32)now_us);
	xtcp_rack_delivered(&f->rack, g->sent_us, seq + 1, g->resent, older, now_us,
			    xtcp_rtt_min_us(&f->rtt));
	n->original |= !g->resent && xtcp_frto_counts(&f->frto, seq + 1);
	if (!g->resent)
		n->rtt_us = (u32)(now_us - g->sent_us);
	if (g->lost)
		f->lost_out--;
	g->lost = false;
	snd_unlink(f, seq);
}

/* More duplicates than were sent again are the network's, and tell nothing. */
static void snd_take_dsack(struct sim_flow *f, const struct xtcp_sack_block *b,
			   struct sim_news *n)
{
	if (f->spurious >= f->resent)
		return;
	f->spurious++;
	n->dsack = true;
	if (f->undo_retrans && xtcp_sack_block_valid(f->una, f->nxt, f->undo_marker, SIM_RING,
						     b->start, b->end, true))
		f->undo_retrans--;
}

static void snd_take_blocks(struct sim *s, struct sim_flow *f, const struct sim_ack *a,
			    struct sim_news *n)
{
	u32 i, seq, first = 0;

	if (xtcp_sack_is_dsack(a->blocks, a->num, a->ack)) {
		first = 1;
		snd_take_dsack(f, &a->blocks[0], n);
	}
	for (i = first; i < a->num; i++) {
		if (!xtcp_sack_block_valid(f->una, f->nxt, f->undo_marker, SIM_RING,
					   a->blocks[i].start, a->blocks[i].end, false))
			continue;
		for (seq = a->blocks[i].start; seq != a->blocks[i].end; seq++) {
			if (sim_seg(f, seq)->sacked)
				continue;
			snd_deliver(s, f, seq, n);
			sim_seg(f, seq)->sacked = true;
			n->sacked = true;
			f->sacked_out++;
		}
	}
}

static void snd_take_ack(struct sim *s, struct sim_flow *f, const struct sim_ack *a,
			 struct sim_news *n)
{
	for (; xtcp_seq_before(f->una, a->ack); f->una++) {
		if (sim_seg(f, f->una)->sacked)
			f->sacked_out--;
		else
			snd_deliver(s, f, f->una, n);
		n->acked++;
		n->advanced = true;
	}
	snd_take_blocks(s, f, a, n);
}

static void snd_mark_lost(struct sim *s, struct sim_flow *f, u32 seq)
{
	struct sim_seg *g = sim_seg(f, seq);
	struct xtcp_cc_lost l;

	snd_unlink(f, seq);
	xtcp_rate_lost(&f->rate, &g->tx, 1, &l);
	l.now_us = sim_now_us(s);
	if (f->cc.ops->lost)
		f->cc.ops->lost(&f->cc, &l);
	g->lost = true;
	f->lost_out++;
	f->resend_hint = xtcp_seq_min(f->resend_hint, seq);
}

/* RFC 8985 6.2 step 5: by time of sending, up to the first one that nothing has overtaken. */
static u32 snd_detect(struct sim *s, struct sim_flow *f)
{
	u32 reo = xtcp_rack_reo_wnd(&f->rack, xtcp_rtt_min_us(&f->rtt), f->rtt.srtt_us >> 3,
				    f->sacked_out, snd_recovering(f));
	u32 slot, next, left, wait = 0, lost = 0;
	struct sim_seg *g;

	for (slot = f->first; slot != NONE; slot = next) {
		g = &f->seg[slot];
		next = g->next;
		left = xtcp_rack_remaining(&f->rack, g->sent_us, g->seq + 1, sim_now_us(s), reo);
		if (left == XTCP_RACK_NOT_YET)
			break;
		if (left) {
			wait = xtcp_rack_wait(&f->rack, sim_now_us(s), reo);
			break;
		}
		snd_mark_lost(s, f, g->seq);
		lost++;
	}
	f->reo_at_us = wait ? sim_now_us(s) + wait : SIM_NEVER;
	return lost;
}

static void snd_tell(struct sim_flow *f, enum xtcp_cc_event ev)
{
	if (f->cc.ops->event)
		f->cc.ops->event(&f->cc, ev);
}

static void snd_reduce(struct sim_flow *f, u8 state)
{
	f->cc.prior_cwnd = f->cc.cwnd;
	f->cc.prior_ssthresh = f->cc.ssthresh;
	f->cc.ssthresh = f->cc.ops->ssthresh(&f->cc);
	f->cc.state = state;
	f->cc.cwnd_cnt = 0;
	f->high_seq = f->nxt;
	f->undo_marker = f->una;
	f->undo_retrans = 0;
	f->cwr = true;
}

static void snd_undo(struct sim_flow *f)
{
	f->cc.cwnd = f->cc.ops->undo_cwnd(&f->cc);
	f->cc.ssthresh = xtcp_max_u32(f->cc.ssthresh, f->cc.prior_ssthresh);
	f->cc.state = XTCP_CA_OPEN;
	f->undo_marker = 0;
	f->undos++;
	snd_tell(f, XTCP_CC_EV_OPEN);
}

/* Is the window on its way down, by proportional rate reduction? */
static bool snd_reducing(const struct sim_flow *f)
{
	return f->cc.state == XTCP_CA_RECOVERY || f->cc.state == XTCP_CA_CWR;
}

static void snd_cut(struct sim_flow *f, const struct sim_news *n)
{
	f->cuts++;
	snd_reduce(f, XTCP_CA_CWR);
	f->undo_marker = 0;
	xtcp_prr_begin(&f->prr, n->prior_in_flight);
	snd_tell(f, XTCP_CC_EV_ECE);
}

/* What was lost is only late. */
static void snd_unmark_lost(struct sim_flow *f)
{
	u32 seq;

	for (seq = f->una; seq != f->nxt; seq++) {
		if (!sim_seg(f, seq)->lost)
			continue;
		sim_seg(f, seq)->lost = false;
		f->lost_out--;
		snd_link(f, seq);
	}
}

/* Returns whether new data must go, and nothing again. */
static bool snd_frto(struct sim_flow *f, const struct sim_news *n)
{
	struct xtcp_frto_ack a = {
		.snd_una = f->una,
		.advanced = n->advanced,
		.original = n->original,
		.duplicate = n->sacked,
		.can_send = true,
	};
	enum xtcp_frto_verdict verdict = XTCP_FRTO_RESEND;

	if (f->cc.state == XTCP_CA_LOSS)
		verdict = xtcp_frto_ack(&f->frto, &a);
	if (verdict == XTCP_FRTO_SPURIOUS) {
		f->frtos++;
		snd_unmark_lost(f);
		snd_undo(f);
	}
	return verdict == XTCP_FRTO_SEND_NEW;
}

static void snd_recover(struct sim_flow *f, const struct sim_news *n)
{
	bool was_recovering = snd_recovering(f);

	if (n->dsack && f->undo_marker && !f->undo_retrans)
		snd_undo(f);
	if (f->cc.state != XTCP_CA_OPEN && xtcp_seq_geq(f->una, f->high_seq)) {
		if (snd_reducing(f) && !f->cc.ops->cong_control)
			f->cc.cwnd = f->cc.ssthresh;
		f->cc.state = XTCP_CA_OPEN;
		snd_tell(f, XTCP_CC_EV_OPEN);
	}
	if (was_recovering && !snd_recovering(f))
		xtcp_rack_recovered(&f->rack);
	if (n->lost && !snd_recovering(f)) {
		if (f->cc.state != XTCP_CA_CWR)
			snd_reduce(f, XTCP_CA_RECOVERY);
		f->cc.state = XTCP_CA_RECOVERY;
		xtcp_prr_begin(&f->prr, f->nxt - f->una);
		snd_tell(f, XTCP_CC_EV_RECOVERY);
	} else if (n->ece && f->cc.state == XTCP_CA_OPEN) {
		snd_cut(f, n);
	}
}

static void snd_control(struct sim *s, struct sim_flow *f, const struct sim_news *n)
{
	struct xtcp_cc_ack a = {
		.now_us = sim_now_us(s),
		.acked = n->acked,
		.acked_sacked = n->delivered,
		.acked_bytes = n->acked * SIM_MSS,
		.losses = n->lost,
		.in_flight = f->in_flight,
		.prior_in_flight = n->prior_in_flight,
		.rtt_us = n->rtt_us,
		.min_rtt_us = xtcp_rtt_min_us(&f->rtt),
		.srtt_us = f->rtt.srtt_us >> 3,
		.snd_una = f->una,
		.snd_nxt = f->nxt,
		.mss = SIM_MSS,
		.is_cwnd_limited = f->cwnd_limited || (xtcp_cc_in_slow_start(&f->cc) &&
						       f->cc.cwnd < 2 * n->prior_in_flight),
	};

	xtcp_rate_finish(&f->rate, &n->rs, xtcp_rtt_min_us(&f->rtt), &a);
	if (f->cc.ops->cong_control)
		f->cc.ops->cong_control(&f->cc, &a);
	else if (snd_reducing(f))
		f->cc.cwnd = f->in_flight + xtcp_prr_sndcnt(&f->prr, f->cc.ssthresh, f->in_flight,
							    n->delivered,
							    n->advanced && !n->lost);
	else if (n->acked)
		f->cc.ops->cong_avoid(&f->cc, &a);
}

void sim_snd_ack(struct sim *s, u32 flow, const struct sim_ack *ack)
{
	struct sim_flow *f = s->flow[flow];
	struct sim_news n = { .prior_in_flight = f->in_flight, .rtt_us = U32_MAX,
			      .ack = ack->ack, .ts = ack->ts, .ece = ack->bits & SIM_ECE };
	bool only_new;

	if (xtcp_seq_before(ack->ack, f->una) || xtcp_seq_after(ack->ack, f->nxt))
		return;
	snd_take_ack(s, f, ack, &n);
	if (n.rtt_us != U32_MAX) {
		xtcp_rtt_sample(&f->rtt, n.rtt_us, f->una, f->nxt, XTCP_RTO_MIN_US);
		xtcp_rtt_min_update(&f->rtt, n.rtt_us, (u32)(sim_now_us(s) / 1000), 300000);
	}
	if (n.advanced)
		f->backoff = 0;
	xtcp_rack_ack(&f->rack, f->una, f->nxt, n.dsack);
	n.lost = snd_detect(s, f);
	if (xtcp_rack_tlp_ack(&f->tlp, ack->ack, n.dsack, !n.delivered && !ack->num))
		n.lost++;
	only_new = snd_frto(f, &n);
	snd_recover(f, &n);
	snd_control(s, f, &n);
	if (n.advanced)
		snd_rearm(s, flow);
	snd_send(s, flow, only_new);
	snd_arm(s, flow);
}

static void snd_probe(struct sim *s, u32 flow)
{
	struct sim_flow *f = s->flow[flow];

	f->tlps++;
	f->tlp.is_retrans = f->nxt - f->una >= SIM_RING / 2;
	snd_xmit(s, flow, f->tlp.is_retrans ? f->nxt - 1 : f->nxt);
	f->tlp.end_seq = f->nxt;
	f->tlp.active = true;
	f->pto_at_us = SIM_NEVER;
	f->rto_at_us = sim_now_us(s) + snd_rto_us(f);
}

/* RFC 6298 (5.4) to (5.7): everything not SACKed is lost. */
static void snd_timeout(struct sim *s, u32 flow)
{
	struct sim_flow *f = s->flow[flow];
	u32 seq;

	f->rtos++;
	if (!snd_recovering(f) || f->backoff)
		xtcp_frto_begin(&f->frto, f->nxt);
	else
		f->frto.phase = XTCP_FRTO_OFF;
	if (f->cc.state != XTCP_CA_LOSS)
		snd_reduce(f, XTCP_CA_LOSS);
	for (seq = f->una; seq != f->nxt; seq++)
		if (sim_seg(f, seq)->in_flight)
			snd_mark_lost(s, f, seq);
	f->backoff++;
	f->tlp.active = false;
	snd_tell(f, XTCP_CC_EV_LOSS);
	f->cc.cwnd = 1;
	f->pace_ns = 0;
	snd_rearm(s, flow);
}

void sim_snd_timer(struct sim *s, u32 flow)
{
	struct sim_flow *f = s->flow[flow];
	struct sim_news n = { .prior_in_flight = f->in_flight, .rtt_us = U32_MAX };
	u64 now_us = sim_now_us(s);

	if (f->reo_at_us <= now_us) {
		n.lost = snd_detect(s, f);
		snd_recover(f, &n);
		if (n.lost && !f->cc.ops->cong_control)
			f->cc.cwnd = f->in_flight + xtcp_prr_sndcnt(&f->prr, f->cc.ssthresh,
								    f->in_flight, 0, false);
	} else if (f->rto_at_us <= now_us) {
		snd_timeout(s, flow);
	} else if (f->pto_at_us <= now_us) {
		snd_probe(s, flow);
	}
	sim_snd_send(s, flow);
	snd_arm(s, flow);
}

// SPDX-License-Identifier: GPL-2.0-only
/* The network: events in order of time, the bottleneck's queue, the receivers. */
#include "sim.h"

#define SIM_DELACK_NS (40ULL * 1000 * 1000)

static u32 sim_rnd(struct sim *s)
{
	s->rnd ^= s->rnd >> 12;
	s->rnd ^= s->rnd << 25;
	s->rnd ^= s->rnd >> 27;
	return (u32)((s->rnd * 0x2545f4914f6cdd1dULL) >> 32);
}

static bool sim_chance(struct sim *s, u32 ppm)
{
	return ppm && sim_rnd(s) % 1000000 < ppm;
}

static bool sim_earlier(const struct sim_event *a, const struct sim_event *b)
{
	return a->at_ns < b->at_ns || (a->at_ns == b->at_ns && a->order < b->order);
}

static void sim_swap(struct sim_event *a, struct sim_event *b)
{
	struct sim_event t = *a;

	*a = *b;
	*b = t;
}

void sim_at(struct sim *s, u64 at_ns, enum sim_event_type type, u32 flow, u32 seq,
	    const struct sim_ack *ack)
{
	u32 i = s->heap_len++;

	if (s->heap_len > s->heap_room) {
		s->heap_room = s->heap_room * 2 + 64;
		s->heap = realloc(s->heap, s->heap_room * sizeof(*s->heap));
	}
	memset(&s->heap[i], 0, sizeof(s->heap[i]));
	s->heap[i].at_ns = xtcp_max_u64(at_ns, s->now_ns);
	s->heap[i].order = s->order++;
	s->heap[i].type = type;
	s->heap[i].flow = flow;
	s->heap[i].seq = seq;
	if (ack)
		s->heap[i].ack = *ack;
	for (; i && sim_earlier(&s->heap[i], &s->heap[(i - 1) / 2]); i = (i - 1) / 2)
		sim_swap(&s->heap[i], &s->heap[(i - 1) / 2]);
}

static struct sim_event sim_pop(struct sim *s)
{
	struct sim_event top = s->heap[0];
	u32 i = 0, child;

	s->heap[0] = s->heap[--s->heap_len];
	while ((child = 2 * i + 1) < s->heap_len) {
		if (child + 1 < s->heap_len && sim_earlier(&s->heap[child + 1], &s->heap[child]))
			child++;
		if (!sim_earlier(&s->heap[child], &s->heap[i]))
			break;
		sim_swap(&s->heap[child], &s->heap[i]);
		i = child;
	}
	return top;
}

static u64 sim_tx_ns(const struct sim *s)
{
	return SIM_MSS * 8 * 1000ULL / s->path.mbit;
}

static void sim_note_delay(struct sim *s, u64 delay_ns)
{
	if (s->delays == s->delays_room) {
		s->delays_room = s->delays_room * 2 + 4096;
		s->delay_us = realloc(s->delay_us, s->delays_room * sizeof(*s->delay_us));
	}
	s->delay_us[s->delays++] = (u32)(delay_ns / 1000);
}

static bool sim_lost(struct sim *s)
{
	if (!s->burst_left && sim_chance(s, s->path.loss_ppm))
		s->burst_left = xtcp_max_u32(s->path.burst, 1);
	if (!s->burst_left)
		return false;
	s->burst_left--;
	return true;
}

/* Into the queue, through the link, over half of the way. */
void sim_transmit(struct sim *s, u32 flow, u32 seq, u8 bits)
{
	u64 phase = s->now_ns % (5ULL * 1000 * 1000 * 1000);
	struct sim_ack data = { .bits = bits, .ts = sim_ts(sim_now_us(s)) };
	u64 at, wait;

	if (phase < s->path.stall_us * 1000ULL)
		s->link_free_ns = xtcp_max_u64(s->link_free_ns,
					       s->now_ns - phase + s->path.stall_us * 1000ULL);
	wait = s->link_free_ns > s->now_ns ? s->link_free_ns - s->now_ns : 0;
	if (wait / sim_tx_ns(s) >= s->path.buffer) {
		s->dropped++;
		return;
	}
	if (s->path.mark && (bits & SIM_ECT) && wait / sim_tx_ns(s) >= s->path.mark)
		data.bits |= SIM_CE;
	sim_note_delay(s, wait);
	s->link_free_ns = s->now_ns + wait + sim_tx_ns(s);
	if (sim_lost(s))
		return;
	at = s->link_free_ns + s->path.rtt_us * 500ULL;
	if (sim_chance(s, s->path.reorder_ppm))
		at += (s->path.early ? -1ULL : 1ULL) * s->path.reorder_us * 1000;
	if (s->path.jitter_us)
		at += sim_rnd(s) % s->path.jitter_us * 1000ULL;
	sim_at(s, at, SIM_EV_DATA, flow, seq, &data);
	if (sim_chance(s, s->path.duplicate_ppm))
		sim_at(s, at + 1000, SIM_EV_DATA, flow, seq, &data);
}

static void sim_rcv_ack(struct sim *s, u32 flow)
{
	struct sim_rcv *r = &s->flow[flow]->rcv;
	struct sim_ack a = { .ack = r->nxt, .ts = r->ts_recent,
			     .bits = r->echo ? SIM_ECE : 0 };

	a.num = xtcp_sack_rcv_report(&r->sack, a.blocks, ARRAY_SIZE(a.blocks));
	r->unacked = 0;
	r->acked = r->nxt;
	if (!sim_chance(s, s->path.ack_loss_ppm))
		sim_at(s, s->now_ns + s->path.rtt_us * 500ULL, SIM_EV_ACK, flow, 0, &a);
}

/* RFC 9293 and 5681: at once when out of order or filling a gap, else every second. */
static void sim_rcv_data(struct sim *s, u32 flow, u32 seq, const struct sim_ack *data)
{
	struct sim_rcv *r = &s->flow[flow]->rcv;
	bool gap = r->sack.num;

	/* RFC 7323 4.3 */
	if (!xtcp_seq_after(seq, r->acked) && !xtcp_seq_before(data->ts, r->ts_recent))
		r->ts_recent = data->ts;
	if (xtcp_seq_before(seq, r->nxt) || r->held[seq % SIM_RING]) {
		xtcp_sack_rcv_dsack(&r->sack, seq, seq + 1);
		if (!xtcp_seq_before(seq, r->nxt))
			xtcp_sack_rcv_add(&r->sack, seq, seq + 1);
		sim_rcv_ack(s, flow);
		return;
	}
	r->echo = (r->echo && !(data->bits & SIM_CWR)) || (data->bits & SIM_CE);
	r->held[seq % SIM_RING] = 1;
	if (seq != r->nxt) {
		xtcp_sack_rcv_add(&r->sack, seq, seq + 1);
		sim_rcv_ack(s, flow);
		return;
	}
	for (; r->held[r->nxt % SIM_RING]; r->nxt++)
		r->held[r->nxt % SIM_RING] = 0;
	xtcp_sack_rcv_advance(&r->sack, r->nxt);
	if (++r->unacked >= 2 || gap) {
		sim_rcv_ack(s, flow);
	} else if (!r->delack_armed) {
		r->delack_armed = true;
		sim_at(s, s->now_ns + SIM_DELACK_NS, SIM_EV_DELACK, flow, r->nxt, NULL);
	}
}

static void sim_rcv_delack(struct sim *s, u32 flow)
{
	s->flow[flow]->rcv.delack_armed = false;
	if (s->flow[flow]->rcv.unacked)
		sim_rcv_ack(s, flow);
}

struct sim *sim_new(const struct sim_path *path, u64 seed)
{
	struct sim *s = calloc(1, sizeof(*s));

	s->path = *path;
	s->rnd = seed * 0x9e3779b97f4a7c15ULL + 1;
	return s;
}

void sim_add(struct sim *s, const struct xtcp_cc_ops *ops, u64 start_us)
{
	struct sim_flow *f = calloc(1, sizeof(*f));

	if (ops->mem_size > sizeof(f->cc_mem))
		abort();
	xtcp_cc_init(&f->cc, ops, f->cc_mem, sim_rnd(s));
	f->start_us = start_us;
	sim_at(s, start_us * 1000, SIM_EV_START, s->flows, 0, NULL);
	s->flow[s->flows++] = f;
}

static void sim_dispatch(struct sim *s, struct sim_event *e)
{
	switch (e->type) {
	case SIM_EV_DATA:
		return sim_rcv_data(s, e->flow, e->seq, &e->ack);
	case SIM_EV_ACK:
		return sim_snd_ack(s, e->flow, &e->ack);
	case SIM_EV_SEND:
		s->flow[e->flow]->send_armed = false;
		return sim_snd_send(s, e->flow);
	case SIM_EV_TIMER:
		return sim_snd_timer(s, e->flow);
	case SIM_EV_DELACK:
		return sim_rcv_delack(s, e->flow);
	case SIM_EV_START:
		return sim_snd_start(s, e->flow);
	}
}

void sim_run(struct sim *s, u64 until_us)
{
	struct sim_event e;

	while (s->heap_len && s->heap[0].at_ns <= until_us * 1000) {
		e = sim_pop(s);
		s->now_ns = e.at_ns;
		sim_dispatch(s, &e);
	}
	s->now_ns = until_us * 1000;
}

static int sim_compare(const void *a, const void *b)
{
	u32 x = *(const u32 *)a, y = *(const u32 *)b;

	return (x > y) - (x < y);
}

u32 sim_queue_p95_us(struct sim *s)
{
	if (!s->delays)
		return 0;
	qsort(s->delay_us, s->delays, sizeof(*s->delay_us), sim_compare);
	return s->delay_us[(u64)s->delays * 95 / 100];
}

void sim_free(struct sim *s)
{
	u32 i;

	for (i = 0; i < s->flows; i++)
		free(s->flow[i]);
	free(s->heap);
	free(s->delay_us);
	free(s);
}

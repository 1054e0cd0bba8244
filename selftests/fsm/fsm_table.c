// SPDX-License-Identifier: GPL-2.0-only
/*
 * State x segment kind: one test for each cell, without and with timestamps.
 *
 * The expectation is written from RFC 9293 3.10.7 and RFC 5961; the run over
 * AF_INET proves that the kernel's TCP agrees. A cell reads
 *	"ANSWERS STATE READ"
 * ANSWERS: "none", or segments joined by '/': name, then "+n" when its ack
 * exceeds RCV.NXT by n, "@n" when its seq is not SND.NXT. RST(ack) is a RST that
 * takes its seq from the ack, RST(0) the RST+ACK with seq 0 (RFC 9293 3.10.7.1).
 * STATE: afterwards. READ: what recv() gives then (conn_read()).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "fsm.h"
#include "fsm_cells.h"
#include "xtcp_test.h"

/* Segment kinds: seq relative to RCV.NXT (+ window if wnd), ack relative to what base says. */
enum ack_base { NO_ACK, OF_NXT, OF_UNA };

static const struct kind {
	const char *name;
	uint16_t flags;
	int32_t seq;
	bool wnd, first;	/* seq counts from the window's end; from our ISS */
	enum ack_base base;
	int32_t ack;
	uint16_t len;
} kinds[KINDS] = {
	[K_SYN] = { "syn", SYN, .first = true },
	[K_SYN_BEFORE] = { "syn before window", SYN, .seq = -1 },
	[K_SYN_EXACT] = { "syn at rcv.nxt", SYN },
	[K_SYN_WINDOW] = { "syn in window", SYN, .seq = 1 },
	[K_SYN_EDGE] = { "syn at last byte of window", SYN, .wnd = true, .seq = -1 },
	[K_SYN_AFTER] = { "syn after window", SYN, .wnd = true },
	[K_SYNACK] = { "syn+ack", SYN | ACK, .first = true, .base = OF_NXT },
	[K_ACK] = { "ack", ACK, .base = OF_NXT },
	[K_ACK_DUP] = { "duplicate ack", ACK, .base = OF_UNA },
	[K_ACK_UNSENT] = { "ack of unsent data", ACK, .base = OF_NXT, .ack = 1000 },
	[K_ACK_OLD] = { "ack too old", ACK, .base = OF_UNA, .ack = -100000 },
	[K_ACK_AFTER] = { "ack after window", ACK, .wnd = true, .seq = 100, .base = OF_NXT },
	[K_DATA] = { "data", ACK | PSH, .base = OF_UNA, .len = 10 },
	[K_DATA_ACK] = { "data with ack of all", ACK | PSH, .base = OF_NXT, .len = 10 },
	[K_DATA_AHEAD] = { "data out of order", ACK | PSH, .seq = 10, .base = OF_UNA, .len = 10 },
	[K_DATA_AFTER] = { "data after window", ACK | PSH, .wnd = true, .seq = 100, .base = OF_UNA,
			   .len = 10 },
	[K_DATA_BEFORE] = { "data before window", ACK | PSH, .seq = -10, .base = OF_UNA,
			    .len = 10 },
	[K_DATA_UNSENT] = { "data with ack of unsent data", ACK | PSH, .base = OF_NXT, .ack = 1000,
			    .len = 10 },
	[K_DATA_NOACK] = { "data without ack", PSH, .len = 10 },
	[K_FIN] = { "fin", FIN | ACK, .base = OF_UNA },
	[K_FIN_ACK] = { "fin with ack of fin", FIN | ACK, .base = OF_NXT },
	[K_FIN_DATA] = { "fin with data", FIN | ACK | PSH, .base = OF_UNA, .len = 10 },
	[K_FIN_NOACK] = { "fin without ack", FIN },
	[K_RST] = { "rst", RST },
	[K_RST_ACK] = { "rst+ack", RST | ACK, .base = OF_NXT },
	[K_RST_BEFORE] = { "rst before window", RST, .seq = -1 },
	[K_RST_INEXACT] = { "rst in window", RST, .seq = 1 },
	[K_RST_EDGE] = { "rst at last byte of window", RST, .wnd = true, .seq = -1 },
	[K_RST_AFTER] = { "rst after window", RST, .wnd = true },
	[K_NULL] = { "null", 0 },
	[K_XMAS] = { "xmas", FIN | PSH | URG },
	[K_XMAS_ALL] = { "all flags", 0xff, .base = OF_NXT },
};

static uint32_t table_seq(const struct conn *c, const struct kind *k)
{
	if (k->first)
		return c->iss;
	return c->snd_nxt + (k->wnd ? c->wnd : 0) + k->seq;
}

static uint32_t table_ack(const struct conn *c, const struct kind *k)
{
	return (k->base == OF_NXT ? c->rcv_nxt : c->una) + k->ack;
}

static bool table_cell(enum fsm_place place, enum segment_kind kind, bool opts, bool due, char *got,
		       size_t size)
{
	const struct kind *k = &kinds[kind];
	static struct seg in;
	char answers[128], text[64];
	const char *state;
	struct conn c;

	conn_init(&c, fsm_family, opts);
	if (!conn_into(&c, place)) {
		snprintf(got, size, "not reached");
		conn_kill(&c);
		return false;
	}
	c.tsval++;
	conn_seg(&c, &in, k->flags, table_seq(&c, k), table_ack(&c, k));
	conn_fill(&in, in.seq - c.iss - 1, k->len);
	tun_send(&in);
	say_answers(&c, &in, due, answers, sizeof(answers));
	state = say_state(&c);
	snprintf(got, size, "%s %s %s", answers, state, conn_read(&c, text, sizeof(text)));
	conn_kill(&c);
	return true;
}

static const struct cell_variant *table_variant(const struct cell_variant *v, enum fsm_place place,
						enum segment_kind kind)
{
	while (v->expect && (v->place != place || v->kind != kind))
		v++;
	return v->expect ? v : NULL;
}

static void table_test(enum fsm_place place, enum segment_kind kind, bool opts)
{
	const struct cell_variant *ts = table_variant(cells_timestamps, place, kind);
	const struct cell_variant *native = table_variant(cells_native, place, kind);
	const char *want = opts && ts ? ts->expect : cells[place][kind] ?: "?";
	char got[256] = "";
	bool ok, due;

	if (fsm_family != AF_INET)
		native = NULL;
	due = strncmp(want, "none", 4) || (native && strncmp(native->expect, "none", 4));
	table_cell(place, kind, opts, due, got, sizeof(got));
	ok = !strcmp(got, want) || (native && !strcmp(got, native->expect));
	tap_ok(ok, "%s: %s%s", place_name(place), kinds[kind].name, opts ? ", timestamps" : "");
	if (!ok)
		tap_note("expected: %s; got: %s", want, got);
	else if (native && strcmp(got, want))
		tap_note("%s; declared: %s", got, native->why);
}

/* "fsm_table PLACE KIND" shows one cell's segments. */
int main(int argc, char **argv)
{
	unsigned int every = xt_scale(1, 4, 1);	/* the slow kernel: some, by the seed */
	unsigned int turn = getenv("XTCP_SEED") ? strtoul(getenv("XTCP_SEED"), NULL, 0) : 0;
	int place, kind, opts;

	tun_open();
	if (argc == 3) {
		fsm_trace = true;
		tap_plan(1);
		table_test(atoi(argv[1]), atoi(argv[2]), false);
		return tap_done();
	}
	tap_plan(2 * P_PLACES * KINDS / every);
	for (opts = 0; opts < 2; opts++)
		for (place = 0; place < P_PLACES; place++)
			for (kind = 0; kind < KINDS; kind++)
				if ((turn + place + kind + 2 * opts) % every == 0)
					table_test(place, kind, opts);
	return tap_done();
}

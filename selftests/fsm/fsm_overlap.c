// SPDX-License-Identifier: GPL-2.0-only
/*
 * Segments that contradict each other about the same bytes: what has been
 * acknowledged never changes any more, and every byte delivered is one that was
 * sent for its place. Random starts, lengths and orders, from a printed seed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "fsm.h"
#include "xtcp_test.h"

#define STREAM	8000
#define VERSIONS 8

static uint64_t overlap_state;
static uint8_t overlap_sent[STREAM];	/* bit per version that was sent of a byte */
static uint8_t overlap_seen[STREAM];	/* what MSG_PEEK showed */

static uint32_t overlap_rnd(uint32_t below)
{
	overlap_state ^= overlap_state >> 12;
	overlap_state ^= overlap_state << 25;
	overlap_state ^= overlap_state >> 27;
	return (overlap_state * 0x2545f4914f6cdd1dull >> 33) % below;
}

static uint8_t overlap_byte(uint32_t at, int version)
{
	return (at * 31 + (at >> 8)) << 3 | version;
}

static void overlap_send(struct conn *c, uint32_t at, uint32_t len, int version)
{
	static struct seg seg;
	uint32_t i;

	c->tsval++;
	conn_seg(c, &seg, ACK | PSH, c->iss + 1 + at, c->rcv_nxt);
	seg.len = len;
	for (i = 0; i < len; i++) {
		seg.data[i] = overlap_byte(at + i, version);
		overlap_sent[at + i] |= 1 << version;
	}
	tun_send(&seg);
}

/* Looks at all that has arrived; -1: something changed or was never sent. */
static int overlap_look(struct conn *c, int before, int flags)
{
	static uint8_t buf[STREAM];
	int n = recv(c->fd, buf, sizeof(buf), flags | MSG_DONTWAIT), i;

	if (n < before)
		return n < 0 && !before ? 0 : -1;
	for (i = 0; i < n; i++) {
		if (i < before && buf[i] != overlap_seen[i])
			return -1;
		if ((buf[i] & 0xf8) != (overlap_byte(i, 0) & 0xf8) ||
		    !(overlap_sent[i] & 1 << (buf[i] & 7)))
			return -1;
		overlap_seen[i] = buf[i];
	}
	return n;
}

/* The next hole: so that the stream comes to an end. */
static void overlap_advance(struct conn *c, int have)
{
	uint32_t len = 1 + overlap_rnd(400);

	if (len > STREAM - (uint32_t)have)
		len = STREAM - have;
	overlap_send(c, have, len, overlap_rnd(VERSIONS));
}

static bool overlap_stream(uint64_t seed, bool opts)
{
	static struct seg seg;
	uint32_t at, len;
	int have = 0, i;
	struct conn c;

	overlap_state = seed;
	memset(overlap_sent, 0, sizeof(overlap_sent));
	conn_init(&c, fsm_family, opts);
	if (!conn_passive(&c))
		return false;
	for (i = 0; have >= 0 && have < STREAM && i < 5000; i++) {
		at = overlap_rnd(STREAM - 1);
		if (i & 1)	/* close to what is expected next */
			at = have + overlap_rnd(600) > 300 ? have + overlap_rnd(600) - 300 : have;
		at = at < STREAM ? at : STREAM - 1;
		len = 1 + overlap_rnd(1000);
		if (at + len > STREAM)
			len = STREAM - at;
		overlap_send(&c, at, len, overlap_rnd(VERSIONS));
		if (i % 4 == 3)
			overlap_advance(&c, have);
		tun_barrier();
		while (tun_recv_barrier(&seg))
			;
		have = overlap_look(&c, have, MSG_PEEK);
	}
	have = have == STREAM ? overlap_look(&c, have, 0) : have;
	if (have != STREAM)
		tap_note("after %d segments: %d of %d bytes", i, have, STREAM);
	conn_kill(&c);
	return have == STREAM;
}

int main(void)
{
	int streams = xt_scale(20, 10, 1000), i;
	uint64_t seed = 1;

	tun_open();
	if (getenv("FSM_SEED"))
		seed = strtoull(getenv("FSM_SEED"), NULL, 0);
	tap_plan(streams);
	for (i = 0; i < streams; i++, seed++)
		tap_ok(overlap_stream(seed * 0x9e3779b97f4a7c15ull, seed & 1),
		       "overlaps that contradict each other, seed %llu",
		       (unsigned long long)seed);
	return tap_done();
}

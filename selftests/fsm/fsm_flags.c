// SPDX-License-Identifier: GPL-2.0-only
/*
 * Combinations of the nine flags at RCV.NXT, in every state (all 512 in soak). The kernel's
 * TCP gets the same segment beside XTCP; what both answer and become must be
 * the same. Over native TCP alone: one answer at most, none to a RST.
 */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "fsm.h"
#include "xtcp_test.h"

/* One of the two TCPs; its connection serves again as long as nothing happened to it. */
struct side {
	struct conn c;
	bool ready;
	char said[256];
};

static bool flags_ready(struct side *s, int family, enum fsm_place place)
{
	if (s->ready)
		return true;
	conn_init(&s->c, family, false);
	s->ready = conn_into(&s->c, place);
	return s->ready;
}

static void flags_run(struct side *s, int family, enum fsm_place place, uint16_t flags, bool due)
{
	static struct seg in;
	char answers[128], text[64];
	struct conn *c = &s->c;
	bool same;

	if (!flags_ready(s, family, place)) {
		snprintf(s->said, sizeof(s->said), "not reached");
		return;
	}
	conn_seg(c, &in, flags, c->snd_nxt, c->rcv_nxt);
	tun_send(&in);
	say_answers(c, &in, due, answers, sizeof(answers));
	same = conn_state(c) == place_state(place) &&
	       (!strcmp(answers, "none") || !strcmp(answers, "ACK"));
	snprintf(s->said, sizeof(s->said), "%s %s %s", answers, say_state(c),
		 conn_read(c, text, sizeof(text)));
	if (!same) {
		conn_kill(c);
		s->ready = false;
	}
}

static void flags_drop(struct side *s)
{
	if (s->ready)
		conn_kill(&s->c);
	s->ready = false;
}

/*
 * The declared differences, as in fsm_cells.c: native gives up a half-open
 * connection and an orphan in FIN_WAIT_2 for any SYN in the window.
 */
static bool flags_declared(enum fsm_place place, uint16_t flags, const char *said)
{
	if (!(flags & SYN) || flags & RST)
		return false;
	if (place == P_SYN_RECV)
		return !strcmp(said, "ACK SYN_RECV -");
	return place == P_FIN_WAIT2_ORPHAN && !strcmp(said, "ACK FIN_WAIT2 -");
}

static bool flags_alike(enum fsm_place place, uint16_t flags)
{
	static struct side native, ours;
	static enum fsm_place last = P_PLACES;
	int try;

	if (place != last) {
		flags_drop(&native);
		flags_drop(&ours);
		last = place;
	}
	/* The second time with patience for delayed ACKs, on new connections. */
	for (try = 0; try < 2; try++) {
		flags_run(&native, AF_INET, place, flags, try);
		if (fsm_family == AF_INET)
			return !strchr(native.said, '/') &&
			       (!(flags & RST) || !strncmp(native.said, "none", 4));
		flags_run(&ours, fsm_family, place, flags, try);
		if (!strcmp(native.said, ours.said) || flags_declared(place, flags, ours.said))
			return true;
		flags_drop(&native);
		flags_drop(&ours);
	}
	tap_note("%03x: native: %s; xtcp: %s", flags, native.said, ours.said);
	return false;
}

/* The six classic flags in full; the upper three in full only when there is time. */
static uint16_t flags_pick(int i, int all)
{
	return all == 512 || i < 64 ? i : (i & 63) | ((i & 63) % 7 + 1) << 6;
}

int main(void)
{
	int i, all = xt_scale(128, 32, 512), place;
	bool ok;

	tun_open();
	fsm_sysctl("net/ipv4/tcp_invalid_ratelimit", "0");
	if (fsm_family == AF_XTCP)
		fsm_sysctl("net/xtcp/invalid_ratelimit", "0");
	tap_plan(P_PLACES);
	for (place = 0; place < P_PLACES; place++) {
		ok = true;
		for (i = 0; i < all; i++)
			ok &= flags_alike(place, flags_pick(i, all));
		tap_ok(ok, "%s: %d combinations of flags", place_name(place), all);
	}
	return tap_done();
}

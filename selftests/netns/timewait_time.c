// SPDX-License-Identifier: GPL-2.0-only
/* TIME_WAIT and FIN_WAIT_2 against the clock, where idle time costs nothing; over both TCPs. */
#include "passive_test.h"

static struct seg seg;

/* A long timer of the kernel may be late by an eighth of the time it was @armed for. */
static bool lasts_until(struct conn *c, enum fsm_state state, int secs, int armed)
{
	enum fsm_state before, then;

	nap_ms(1000 * secs - 1000);
	before = conn_state(c);
	nap_ms(1200 + 130 * armed);
	then = conn_state(c);
	if (before == state && then == S_CLOSED)
		return true;
	tap_note("%s a second before, %s after", state_name(before), state_name(then));
	return false;
}

static void test_sixty_seconds(void)
{
	struct conn c;
	bool ok;

	conn_init(&c, fsm_family, true);
	ok = conn_into(&c, P_TIME_WAIT);
	tap_ok(ok && lasts_until(&c, S_TIME_WAIT, 60, 60), "TIME_WAIT lasts 60 s");
	conn_kill(&c);

	conn_init(&c, fsm_family, true);
	ok = conn_into(&c, P_TIME_WAIT);
	nap_ms(50000);
	conn_send(&c, FIN | ACK, c.snd_nxt - 1, c.rcv_nxt, 0);
	ok &= answered(&c, ACK);
	tap_ok(ok && lasts_until(&c, S_TIME_WAIT, 60, 60), "and 60 s more from a FIN on");
	conn_kill(&c);

	conn_init(&c, fsm_family, true);
	ok = conn_into(&c, P_TIME_WAIT);
	nap_ms(50000);
	c.tsval -= 100;
	conn_send(&c, SYN, c.iss, 0, 0);
	c.tsval += 100;
	ok &= answer(&c, &seg);
	tap_ok(ok && lasts_until(&c, S_TIME_WAIT, 60, 60),
	       "or from a SYN with an old timestamp on");
	conn_kill(&c);

	conn_init(&c, fsm_family, false);
	ok = conn_into(&c, P_TIME_WAIT);
	nap_ms(50000);
	conn_send(&c, SYN, c.iss, 0, 0);
	ok &= answered(&c, ACK);
	tap_ok(ok && lasts_until(&c, S_TIME_WAIT, 10, 60), "but not from another old SYN");
	conn_kill(&c);
}

/* The orphan is gone at its time, whatever the others' is. */
static void test_fin_wait2(void)
{
	struct conn c, longer, shorter;
	int secs;
	bool ok;

	fsm_tcp_knob("fin_timeout", "20");
	conn_init(&c, fsm_family, true);
	ok = conn_into(&c, P_FIN_WAIT2_ORPHAN);
	tap_ok(ok && lasts_until(&c, S_FIN_WAIT2, 20, 20),
	       "an orphan in FIN_WAIT_2 lasts fin_timeout");
	conn_kill(&c);
	fsm_tcp_knob("fin_timeout", "60");

	conn_init(&longer, fsm_family, true);
	conn_init(&shorter, fsm_family, true);
	ok = conn_into(&longer, P_FIN_WAIT2) && conn_into(&shorter, P_FIN_WAIT2);
	secs = 40;
	setsockopt(longer.fd, IPPROTO_TCP, TCP_LINGER2, &secs, sizeof(secs));
	close(longer.fd);
	longer.fd = -1;
	secs = 10;
	setsockopt(shorter.fd, IPPROTO_TCP, TCP_LINGER2, &secs, sizeof(secs));
	close(shorter.fd);
	shorter.fd = -1;
	tap_ok(ok && lasts_until(&shorter, S_FIN_WAIT2, 10, 10), "TCP_LINGER2 10: 10 s");
	tap_ok(lasts_until(&longer, S_FIN_WAIT2, 40 - 12, 40), "one of 40 s beside it: 40 s");
	conn_kill(&shorter);
	conn_kill(&longer);

	conn_init(&c, fsm_family, true);
	ok = conn_into(&c, P_FIN_WAIT2_ORPHAN);
	nap_ms(50000);
	conn_send(&c, FIN | ACK, c.snd_nxt, c.rcv_nxt, 0);
	c.snd_nxt++;
	ok &= answered(&c, ACK) && conn_state(&c) == S_TIME_WAIT;
	tap_ok(ok && lasts_until(&c, S_TIME_WAIT, 60, 60), "its FIN begins 60 s of TIME_WAIT");
	conn_kill(&c);
}

int main(void)
{
	tun_open();
	tap_plan(8);
	test_sixty_seconds();
	test_fin_wait2();
	return tap_done();
}

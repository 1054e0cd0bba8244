// SPDX-License-Identifier: GPL-2.0-only
/* Passive open against the clock, where idle time costs nothing; over both TCPs. */
#include "passive_test.h"

static struct seg seg;

/*
 * SYN-ACKs come at these seconds after the first, then no more; and the request is
 * gone. A long timer of the kernel may be late by an eighth.
 */
static bool synacks_at(struct conn *c, const int *secs, int n, int gone)
{
	uint64_t start = fsm_now_ms();
	bool ok = true;
	int i, at;

	for (i = 0; i < n; i++) {
		if (!conn_answer(c, &seg, 1200 * secs[i] + 500) || seg.flags != (SYN | ACK)) {
			tap_note("no SYN-ACK for %d s", secs[i]);
			return false;
		}
		at = fsm_now_ms() - start;
		if (at < 1000 * secs[i] - 100 || at > 1130 * secs[i] + 100) {
			tap_note("SYN-ACK %d after %d ms, not %d s", i + 1, at, secs[i]);
			ok = false;
		}
	}
	nap_ms(1000 * gone - 500 - (fsm_now_ms() - start));
	ok &= conn_state(c) == S_SYN_RECV;
	nap_ms(500 + 130 * gone);
	return silent(c) && ok && conn_state(c) == S_LISTEN;
}

static void test_retries(void)
{
	static const int five[] = { 1, 3, 7, 15, 31 };
	long repeated = fsm_counter("Tcp", "RetransSegs");
	long timeouts = fsm_counter("TcpExt", "TCPTimeouts");
	struct conn c;
	int one = 1;

	conn_init(&c, fsm_family, true);
	conn_listen(&c, 8);
	tap_ok(syn_answered(&c) && synacks_at(&c, five, 5, 63),
	       "SYN-ACK after 1, 3, 7, 15, 31 s, the end after 63 s");
	tap_ok(counted("Tcp", "RetransSegs", repeated, 5) &&
	       counted("TcpExt", "TCPTimeouts", timeouts, 6), "counted");
	conn_kill(&c);

	fsm_tcp_knob("synack_retries", "2");
	conn_init(&c, fsm_family, true);
	conn_listen(&c, 8);
	tap_ok(syn_answered(&c) && synacks_at(&c, five, 2, 7),
	       "synack_retries 2: the end after 7 s");
	conn_kill(&c);
	fsm_tcp_knob("synack_retries", "5");

	conn_init(&c, fsm_family, true);
	conn_listen(&c, 8);
	setsockopt(c.lfd, IPPROTO_TCP, TCP_SYNCNT, &one, sizeof(one));
	tap_ok(syn_answered(&c) && synacks_at(&c, five, 1, 3),
	       "TCP_SYNCNT 1 of the listener: the end after 3 s");
	conn_kill(&c);
}

/* 5 s are three SYN-ACKs: silence until the third is due, then a last reminder. */
static void test_defer_accept(void)
{
	static const int reminder[] = { 7 };
	struct conn c;
	int secs = 5;
	bool ok;

	conn_init(&c, fsm_family, true);
	conn_listen(&c, 8);
	setsockopt(c.lfd, IPPROTO_TCP, TCP_DEFER_ACCEPT, &secs, sizeof(secs));
	ok = syn_answered(&c);
	send_ack(&c);
	ok &= conn_answer(&c, &seg, 1200 * reminder[0]) && seg.flags == (SYN | ACK);
	tap_ok(ok, "TCP_DEFER_ACCEPT: a SYN-ACK again when the time is over");
	send_ack(&c);
	tap_ok(conn_accept(&c), "whose ACK makes a child without data");
	conn_kill(&c);
}

/*
 * The peer believes itself connected and waits for us to speak. Native TCP forgets it after
 * 63 s.
 */
static void test_waits_for_room(void)
{
	long expired = fsm_counter("XTcp", "SynQueueExpired");
	struct conn l, c;
	uint64_t start;
	bool ok;

	conn_init(&l, fsm_family, true);
	conn_listen(&l, 0);
	client(&c, &l);
	ok = syn_answered(&c) && syn_answered(&l);
	send_ack(&l);
	send_ack(&c);
	start = fsm_now_ms();
	while (fsm_now_ms() - start < 200000)
		ok &= conn_answer(&c, &seg, 6000) && seg.flags == (SYN | ACK);
	ok &= conn_state(&c) == S_SYN_RECV && counted("XTcp", "SynQueueExpired", expired, 0);
	tap_ok(ok, "accept queue full for 200 s: its client is kept and asked every few seconds");
	drop(accept(l.lfd, NULL, NULL));
	ok = conn_answer(&c, &seg, 6000) && seg.flags == (SYN | ACK);
	send_ack(&c);
	tap_ok(ok && conn_state(&c) == S_ESTABLISHED && conn_accept(&l), "and served in the end");
	conn_kill(&c);

	client(&c, &l);
	ok = syn_answered(&c);
	expired = fsm_counter("XTcp", "SynQueueExpired");
	nap_ms(75000);
	tap_ok(ok && conn_state(&c) != S_SYN_RECV &&
	       counted("XTcp", "SynQueueExpired", expired, 1),
	       "one that never sent its ACK is not");
	conn_kill(&l);
}

static void test_cookie_age(void)
{
	struct conn young, old, again;
	long failed;
	bool ok;

	fsm_tcp_knob("syncookies", "2");
	conn_init(&old, fsm_family, true);
	conn_listen(&old, 8);
	client(&young, &old);
	client(&again, &old);
	ok = syn_answered(&old) && syn_answered(&young);
	nap_ms(58000);
	send_ack(&young);
	tap_ok(ok && silent(&young) && conn_state(&young) == S_ESTABLISHED,
	       "a cookie of 58 s is good");
	nap_ms(70000);
	ok = syn_answered(&again);
	failed = fsm_counter("TcpExt", "SyncookiesFailed");
	send_ack(&old);
	tap_ok(ok && answered(&old, RST) && counted("TcpExt", "SyncookiesFailed", failed, 1),
	       "one of 128 s is not");
	nap_ms(130000);
	send_ack(&again);
	tap_ok(answered(&again, RST) && counted("TcpExt", "SyncookiesFailed", failed, 1),
	       "and long after the last none is looked for");
	conn_kill(&old);
	fsm_tcp_knob("syncookies", "1");
}

/* The secrets change each minute: the cookies of every period live to the end of the next. */
static void test_cookie_secrets(void)
{
	struct conn c[5];
	bool ok = true;
	int i;

	fsm_tcp_knob("syncookies", "2");
	conn_init(&c[0], fsm_family, true);
	conn_listen(&c[0], 8);
	for (i = 1; i < 5; i++)
		client(&c[i], &c[0]);
	for (i = 0; i < 5; i++) {
		ok &= syn_answered(&c[i]);
		nap_ms(50000);
		send_ack(&c[i]);
		ok &= silent(&c[i]) && conn_state(&c[i]) == S_ESTABLISHED;
	}
	tap_ok(ok, "cookies over four changes of the secrets");
	conn_kill(&c[0]);
	fsm_tcp_knob("syncookies", "1");
}

int main(void)
{
	tun_open();
	tap_plan(fsm_family == AF_XTCP ? 13 : 10);
	test_retries();
	test_defer_accept();
	if (fsm_family == AF_XTCP)
		test_waits_for_room();
	test_cookie_age();
	test_cookie_secrets();
	return tap_done();
}

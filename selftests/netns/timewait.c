// SPDX-License-Identifier: GPL-2.0-only
/* TIME_WAIT: RFC 1337, RFC 6191, old duplicates. Hand-made segments; over both TCPs. */
#include "passive_test.h"

#define ISN_GAP (65535 + 2)

static struct seg seg;

static bool time_wait(struct conn *c, bool opts)
{
	conn_init(c, fsm_family, opts);
	return conn_into(c, P_TIME_WAIT);
}

/* RFC 1337 F1: an old RST must not end the wait, if the administrator says so. */
static void test_rst(void)
{
	struct conn c;
	bool ok;

	fsm_tcp_knob("rfc1337", "1");
	ok = time_wait(&c, true);
	conn_send(&c, RST, c.snd_nxt, 0, 0);
	tap_ok(ok && silent(&c) && conn_state(&c) == S_TIME_WAIT,
	       "rfc1337: the exact RST is ignored");
	fsm_tcp_knob("rfc1337", "0");
	conn_send(&c, RST, c.snd_nxt + 1, 0, 0);
	tap_ok(silent(&c) && conn_state(&c) == S_TIME_WAIT, "an inexact RST is always");
	c.tsval -= 1000000;
	conn_send(&c, RST, c.snd_nxt, 0, 0);
	tap_ok(silent(&c) && conn_state(&c) == S_TIME_WAIT, "one with an old timestamp, too");
	c.tsval += 1000000;
	conn_send(&c, RST, c.snd_nxt, 0, 0);
	tap_ok(silent(&c) && conn_state(&c) == S_CLOSED, "the exact one ends the wait");
	conn_kill(&c);
}

static void test_old_duplicates(void)
{
	long skipped = fsm_counter("TcpExt", "TCPACKSkippedTimeWait");
	long paws = fsm_counter("TcpExt", "PAWSEstab");
	struct conn c;
	bool ok;

	ok = time_wait(&c, true);
	conn_send(&c, FIN | ACK, c.snd_nxt - 1, c.rcv_nxt, 0);
	tap_ok(ok && answered(&c, ACK), "FIN again: ACK again");
	conn_send(&c, ACK, c.snd_nxt - 5, c.rcv_nxt, 0);
	ok = answered(&c, ACK);
	conn_send(&c, ACK, c.snd_nxt - 5, c.rcv_nxt, 0);
	tap_ok(ok && silent(&c) && counted("TcpExt", "TCPACKSkippedTimeWait", skipped, 1),
	       "ACKs from outside of the window: not at any rate");
	c.tsval -= 1000000;
	conn_send(&c, ACK | PSH, c.snd_nxt - 11, c.rcv_nxt, 10);
	tap_ok(answered(&c, ACK) && counted("TcpExt", "PAWSEstab", paws, 1),
	       "old data with an old timestamp: ACK");
	tap_ok(conn_state(&c) == S_TIME_WAIT, "the wait goes on");
	conn_kill(&c);
}

/*
 * RFC 9293 MAY-2: the new ISN is above what the old connection used. The oracle's 6.1
 * takes one by the clock, which says so only by and large.
 */
static bool isn_is_above(const struct conn *c, uint32_t old_nxt)
{
	return fsm_family == AF_INET || c->irs - old_nxt == ISN_GAP;
}

/* RFC 9293 MAY-2, RFC 6191: a SYN that can't be an old duplicate opens a new connection. */
static void test_syn_by_number(void)
{
	struct conn c;
	uint32_t old_nxt;
	bool ok;

	ok = time_wait(&c, false);
	conn_send(&c, SYN, c.snd_nxt - 100, 0, 0);
	tap_ok(ok && answered(&c, ACK) && conn_state(&c) == S_TIME_WAIT, "SYN below RCV.NXT: old");
	old_nxt = c.rcv_nxt;
	c.iss = c.snd_nxt + 1;
	ok = syn_answered(&c);
	tap_ok(ok && isn_is_above(&c, old_nxt), "SYN above: SYN-ACK, far above the old numbers");
	send_ack(&c);
	c.accepted = false;
	drop(c.fd);
	tap_ok(silent(&c) && conn_accept(&c) && conn_state(&c) == S_ESTABLISHED,
	       "a new connection");
	conn_kill(&c);
}

static void test_syn_by_timestamp(void)
{
	struct conn c;
	uint32_t old_nxt;
	bool ok;

	ok = time_wait(&c, true);
	old_nxt = c.rcv_nxt;
	c.tsval -= 1000000;
	c.iss = c.snd_nxt + 1000;
	conn_send(&c, SYN, c.iss, 0, 0);
	tap_ok(ok && answered(&c, ACK) && conn_state(&c) == S_TIME_WAIT,
	       "SYN with an old timestamp: old");
	c.tsval += 1000000;
	c.iss = c.snd_nxt - 100000;
	ok = syn_answered(&c);
	tap_ok(ok && isn_is_above(&c, old_nxt), "with a new one, number below: SYN-ACK");
	conn_send(&c, ACK | PSH, c.snd_nxt, c.rcv_nxt, 10);
	c.accepted = false;
	drop(c.fd);
	tap_ok(answered(&c, ACK) && conn_accept(&c) && conn_state(&c) == S_ESTABLISHED,
	       "a new connection");
	conn_kill(&c);
}

static void test_syn_without_listener(void)
{
	struct conn c;
	bool ok;

	ok = time_wait(&c, true);
	close(c.lfd);
	c.lfd = -1;
	ok &= !send_syn(&c, &seg) && seg.flags == ACK;
	conn_send(&c, SYN, c.snd_nxt + 1000, 0, 0);
	tap_ok(ok && conn_state(&c) == S_TIME_WAIT, "no listener: a new SYN gets the ACK");
	conn_kill(&c);
}

static void test_limit(void)
{
	long over = fsm_counter("TcpExt", "TCPTimeWaitOverflow");
	struct conn c;
	bool ok;

	fsm_tcp_knob("max_tw_buckets", "0");
	conn_init(&c, fsm_family, true);
	ok = conn_into(&c, P_FIN_WAIT2);
	conn_send(&c, FIN | ACK, c.snd_nxt, c.rcv_nxt, 0);
	ok &= conn_state(&c) == S_CLOSED;
	tap_ok(ok && counted("TcpExt", "TCPTimeWaitOverflow", over, 1), "max_tw_buckets: no wait");
	fsm_tcp_knob("max_tw_buckets", "4096");
	conn_kill(&c);
}

/* The oldest gives way; native TCP's newest does, and both say so. */
static void test_oldest_first(void)
{
	long over = fsm_counter("TcpExt", "TCPTimeWaitOverflow");
	struct conn old, new;
	bool ours = fsm_family != AF_INET, ok;

	fsm_tcp_knob("max_tw_buckets", "1");
	ok = time_wait(&old, true) && conn_state(&old) == S_TIME_WAIT;
	ok &= counted("TcpExt", "TCPTimeWaitOverflow", over, 0);
	conn_init(&new, fsm_family, true);
	ok &= conn_into(&new, P_FIN_WAIT2);
	conn_send(&new, FIN | ACK, new.snd_nxt, new.rcv_nxt, 0);
	tap_ok(ok && conn_state(&old) == (ours ? S_CLOSED : S_TIME_WAIT) &&
	       conn_state(&new) == (ours ? S_TIME_WAIT : S_CLOSED) &&
	       counted("TcpExt", "TCPTimeWaitOverflow", over, 1),
	       "max_tw_buckets 1: the oldest gives way");
	fsm_tcp_knob("max_tw_buckets", "4096");
	conn_kill(&old);
	conn_kill(&new);
}

int main(void)
{
	long waited;

	tun_open();
	tap_plan(18);
	test_oldest_first();
	waited = fsm_counter("TcpExt", "TW");
	test_rst();
	test_old_duplicates();
	test_syn_by_number();
	test_syn_by_timestamp();
	test_syn_without_listener();
	tap_ok(counted("TcpExt", "TW", waited, 5), "five waits were counted");
	test_limit();
	return tap_done();
}

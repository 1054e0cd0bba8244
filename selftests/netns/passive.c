// SPDX-License-Identifier: GPL-2.0-only
/*
 * Passive open: SYN, SYN-ACK, half-open requests, cookies, accept queue. Hand-made
 * segments; over both TCPs.
 */
#include "passive_test.h"

static struct seg seg;

static bool same_synack(const struct seg *a, const struct seg *b)
{
	if (a->mss == b->mss && a->win == b->win && a->ts == b->ts && a->sackok == b->sackok &&
	    !(a->wscale > 0) == !(b->wscale > 0))
		return true;
	tap_note("mss %u %u win %u %u ts %d %d sack %d %d wscale %d %d", a->mss, b->mss, a->win,
		 b->win, a->ts, b->ts, a->sackok, b->sackok, a->wscale, b->wscale);
	return false;
}

static void synack_of(int family, bool opts, struct seg *out)
{
	struct conn c;

	conn_init(&c, family, opts);
	conn_listen(&c, 8);
	memset(out, 0, sizeof(*out));
	send_syn(&c, out);
	conn_kill(&c);
}

static void test_synack(void)
{
	static struct seg native;
	struct conn c;

	synack_of(AF_INET, true, &native);
	synack_of(fsm_family, true, &seg);
	tap_ok(seg.flags == (SYN | ACK) && same_synack(&seg, &native) && seg.mss == 1460 && seg.ts,
	       "SYN-ACK with options is native's");
	synack_of(AF_INET, false, &native);
	synack_of(fsm_family, false, &seg);
	tap_ok(seg.flags == (SYN | ACK) && same_synack(&seg, &native) && !seg.ts && !seg.sackok,
	       "SYN-ACK without options is native's");

	fsm_tcp_knob("timestamps", "0");
	fsm_tcp_knob("sack", "0");
	fsm_tcp_knob("window_scaling", "0");
	synack_of(fsm_family, true, &seg);
	tap_ok(seg.flags == (SYN | ACK) && !seg.ts && !seg.sackok && seg.wscale < 0,
	       "knobs off: nothing is granted");
	fsm_tcp_knob("timestamps", "1");
	fsm_tcp_knob("sack", "1");
	fsm_tcp_knob("window_scaling", "1");

	conn_init(&c, fsm_family, true);
	conn_listen(&c, 8);
	send_syn(&c, &seg);
	tap_ok(seg.tsecr == c.tsval, "SYN-ACK echoes the SYN's timestamp");
	conn_kill(&c);
}

static void test_mss(void)
{
	char data[2000] = { };
	struct conn c;

	conn_init(&c, fsm_family, false);
	c.mss = 0;
	if (!conn_passive(&c) || send(c.fd, data, sizeof(data), 0) < 0 || !answer(&c, &seg))
		seg.len = 0;
	tap_ok(seg.len == 536, "no MSS option: 536 bytes a segment");
	conn_kill(&c);

	conn_init(&c, fsm_family, false);
	c.mss = 1000;
	if (!conn_passive(&c) || send(c.fd, data, sizeof(data), 0) < 0 || !answer(&c, &seg))
		seg.len = 0;
	tap_ok(seg.len == 1000, "MSS option of 1000 is obeyed");
	conn_kill(&c);
}

/* The first repeated SYN is answered, the next within half a second is not. */
static void test_repeated_syn(void)
{
	long skipped = fsm_counter("TcpExt", "TCPACKSkippedSynRecv");
	struct conn c;
	uint32_t isn;
	bool ok;

	conn_init(&c, fsm_family, true);
	conn_listen(&c, 8);
	ok = syn_answered(&c);
	isn = c.irs;
	ok &= syn_answered(&c) && c.irs == isn;
	tap_ok(ok, "a repeated SYN gets the same SYN-ACK");
	tap_ok(!send_syn(&c, &seg) && counted("TcpExt", "TCPACKSkippedSynRecv", skipped, 1),
	       "but not at any rate");
	conn_kill(&c);
}

/* RFC 6528: secret per 4-tuple, rising for one 4-tuple; RFC 7323 7.1 the same for timestamps. */
static void test_isn(void)
{
	struct conn a, b;
	uint32_t isn, ts;
	bool ok;

	conn_init(&a, fsm_family, true);
	conn_listen(&a, 8);
	client(&b, &a);
	ok = syn_answered(&a) && syn_answered(&b);
	tap_ok(ok && a.irs - b.irs + 10000000u > 20000000u, "ISNs of two 4-tuples are far apart");
	tap_ok(ok && a.tsecr - b.tsecr + 10000u > 20000u, "their timestamps, too");
	isn = a.irs;
	ts = a.tsecr;
	conn_send(&a, RST, a.snd_nxt, 0, 0);
	nap_ms(20);
	ok &= syn_answered(&a);
	tap_ok(ok && a.irs - isn < 1u << 28 && a.tsecr - ts < 10000,
	       "one 4-tuple's rise with the clock");
	conn_kill(&b);
	conn_kill(&a);
}

static void test_rst(void)
{
	long killed = fsm_counter("TcpExt", "EmbryonicRsts");
	struct conn c;
	bool ok;

	conn_init(&c, fsm_family, true);
	conn_listen(&c, 8);
	syn_answered(&c);
	conn_send(&c, RST, c.snd_nxt + 1, 0, 0);
	ok = answered(&c, ACK) && conn_state(&c) == S_SYN_RECV;
	tap_ok(ok && counted("TcpExt", "EmbryonicRsts", killed, 0), "inexact RST: challenge");
	conn_send(&c, RST, c.snd_nxt, 0, 0);
	ok = silent(&c) && conn_state(&c) == S_LISTEN;
	tap_ok(ok && counted("TcpExt", "EmbryonicRsts", killed, 1), "exact RST: the end");
	conn_kill(&c);
}

static void test_paws(void)
{
	long before = fsm_counter("TcpExt", "PAWSEstab");
	struct conn c;
	bool ok;

	conn_init(&c, fsm_family, true);
	conn_listen(&c, 8);
	syn_answered(&c);
	c.tsval -= 1000;
	send_ack(&c);
	ok = answered(&c, ACK) && conn_state(&c) == S_SYN_RECV;
	tap_ok(ok && counted("TcpExt", "PAWSEstab", before, 1),
	       "ACK with an old timestamp: no child");
	conn_kill(&c);
}

/* Backlog 1 lets two children wait; then SYNs are dropped, and ACKs have to wait. */
static void test_accept_queue(void)
{
	struct conn l, c[4];
	long overflows, drops;
	bool ok = true;
	int i;

	conn_init(&l, fsm_family, true);
	conn_listen(&l, 1);
	for (i = 0; i < 4; i++)
		client(&c[i], &l);
	ok &= syn_answered(&c[0]);
	send_ack(&c[0]);
	ok &= syn_answered(&c[2]);
	ok &= syn_answered(&c[1]);
	send_ack(&c[1]);
	ok &= conn_state(&c[0]) == S_ESTABLISHED && conn_state(&c[1]) == S_ESTABLISHED;
	overflows = fsm_counter("TcpExt", "ListenOverflows");
	drops = fsm_counter("TcpExt", "ListenDrops");
	tap_ok(ok && !syn_answered(&c[3]), "accept queue full: the SYN is dropped");
	tap_ok(counted("TcpExt", "ListenOverflows", overflows, 1) &&
	       counted("TcpExt", "ListenDrops", drops, 1), "and counted");
	send_ack(&c[2]);
	tap_ok(silent(&c[2]) && conn_state(&c[2]) == S_SYN_RECV,
	       "its ACK leaves a request half-open");

	drop(accept(l.lfd, NULL, NULL));
	tap_ok(conn_expect(&c[2], SYN | ACK, NULL), "which asks again when its timer fires");
	send_ack(&c[2]);
	tap_ok(conn_state(&c[2]) == S_ESTABLISHED, "and is established once there is room");

	fsm_tcp_knob("abort_on_overflow", "1");
	drop(accept(l.lfd, NULL, NULL));
	ok = syn_answered(&c[3]);
	client(&c[0], &l);
	ok &= syn_answered(&c[0]);
	send_ack(&c[0]);
	send_ack(&c[3]);
	tap_ok(ok && answered(&c[3], RST), "abort_on_overflow: RST");
	fsm_tcp_knob("abort_on_overflow", "0");
	conn_kill(&l);
}

static void test_syn_queue(void)
{
	struct conn l, c[3];
	long dropped;
	bool ok;
	int i;

	fsm_tcp_knob("syncookies", "0");
	dropped = fsm_counter("TcpExt", "TCPReqQFullDrop");
	conn_init(&l, fsm_family, true);
	conn_listen(&l, 1);
	for (i = 0; i < 3; i++)
		client(&c[i], &l);
	ok = syn_answered(&c[0]) && syn_answered(&c[1]);
	tap_ok(ok && !syn_answered(&c[2]), "SYN queue full, no cookies: the SYN is dropped");
	tap_ok(counted("TcpExt", "TCPReqQFullDrop", dropped, 1), "and counted");
	conn_send(&c[0], RST, c[0].snd_nxt, 0, 0);
	tap_ok(syn_answered(&c[2]), "an ended request leaves room");
	conn_kill(&l);
	fsm_tcp_knob("syncookies", "1");
}

/* What the child knows of the SYN that only a cookie remembered. */
static bool child_options(const struct conn *l, int options, int wscale)
{
	const int all = TCPI_OPT_TIMESTAMPS | TCPI_OPT_SACK | TCPI_OPT_WSCALE;
	struct tcp_info info = { };
	socklen_t len = sizeof(info);
	int fd = accept(l->lfd, NULL, NULL);
	bool ok;

	if (fd < 0)
		return false;
	getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len);
	ok = (info.tcpi_options & all) == options && info.tcpi_snd_wscale == wscale;
	if (!ok)
		tap_note("options %x, shift %u", info.tcpi_options, info.tcpi_snd_wscale);
	drop(fd);
	return ok;
}

static void test_cookies(bool opts)
{
	const int options = opts ? TCPI_OPT_TIMESTAMPS | TCPI_OPT_SACK | TCPI_OPT_WSCALE : 0;
	const char *how = opts ? "with timestamps" : "without options";
	long sent, received, failed;
	struct conn l, c, other;
	bool ok;

	conn_init(&l, fsm_family, opts);
	conn_listen(&l, 0);
	client(&other, &l);
	client(&c, &l);
	ok = syn_answered(&other);
	sent = fsm_counter("TcpExt", "SyncookiesSent");
	received = fsm_counter("TcpExt", "SyncookiesRecv");
	failed = fsm_counter("TcpExt", "SyncookiesFailed");
	ok &= syn_answered(&c) && conn_state(&c) != S_SYN_RECV;
	tap_ok(ok && counted("TcpExt", "SyncookiesSent", sent, 1),
	       "SYN queue full: a cookie, %s", how);
	c.rcv_nxt += 77;
	send_ack(&c);
	tap_ok(answered(&c, RST) && counted("TcpExt", "SyncookiesFailed", failed, 1),
	       "an ACK of anything else fails");
	c.rcv_nxt = c.irs + 1;
	conn_send(&c, ACK | PSH, c.snd_nxt, c.rcv_nxt, 10);
	ok = answered(&c, ACK) && conn_state(&c) == S_ESTABLISHED;
	tap_ok(ok && counted("TcpExt", "SyncookiesRecv", received, 1), "its ACK makes a child");
	tap_ok(child_options(&l, options, 0), "which knows what the SYN said");
	conn_kill(&l);
}

static void test_cookie_always(void)
{
	long failed;
	struct conn c;
	bool ok;

	fsm_tcp_knob("syncookies", "2");
	conn_init(&c, fsm_family, true);
	conn_listen(&c, 8);
	failed = fsm_counter("TcpExt", "SyncookiesFailed");
	c.irs = 12345;
	c.rcv_nxt = 12346;
	c.snd_nxt = c.iss + 1;
	send_ack(&c);
	tap_ok(answered(&c, RST) && counted("TcpExt", "SyncookiesFailed", failed, 0),
	       "a listener that sent no cookie looks for none");
	ok = syn_answered(&c) && conn_state(&c) == S_LISTEN;
	tap_ok(ok, "syncookies 2: no request is remembered");
	send_ack(&c);
	tap_ok(silent(&c) && conn_accept(&c), "and yet a child is made");
	fsm_tcp_knob("syncookies", "1");
	conn_kill(&c);
}

/* Native TCP takes the offset of the moment for that of its SYN-ACK. */
static void test_cookie_offset(void)
{
	uint32_t tsval;
	struct conn c;
	bool ok;

	fsm_tcp_knob("syncookies", "2");
	conn_init(&c, fsm_family, true);
	conn_listen(&c, 8);
	ok = syn_answered(&c);
	tsval = c.tsecr;
	fsm_tcp_knob("timestamps", "2");
	conn_send(&c, ACK | PSH, c.snd_nxt, c.rcv_nxt, 10);
	ok &= answered(&c, ACK) && c.tsecr - tsval < 60 * 1000;
	tap_ok(ok, "a cookie's child keeps its timestamp offset when the knob turns");
	fsm_tcp_knob("timestamps", "1");
	fsm_tcp_knob("syncookies", "1");
	conn_kill(&c);
}

static void test_defer_accept(void)
{
	long dropped = fsm_counter("TcpExt", "TCPDeferAcceptDrop");
	struct conn c;
	int secs = 5;
	bool ok;

	conn_init(&c, fsm_family, true);
	conn_listen(&c, 8);
	setsockopt(c.lfd, IPPROTO_TCP, TCP_DEFER_ACCEPT, &secs, sizeof(secs));
	syn_answered(&c);
	send_ack(&c);
	ok = silent(&c) && conn_state(&c) == S_SYN_RECV;
	tap_ok(ok && counted("TcpExt", "TCPDeferAcceptDrop", dropped, 1),
	       "TCP_DEFER_ACCEPT: a bare ACK makes no child");
	conn_send(&c, ACK | PSH, c.snd_nxt, c.rcv_nxt, 10);
	tap_ok(answered(&c, ACK) && conn_accept(&c), "data do");
	conn_kill(&c);
}

static void test_listener_closes(void)
{
	struct conn l, half, whole;
	bool ok;

	conn_init(&l, fsm_family, true);
	conn_listen(&l, 8);
	client(&half, &l);
	client(&whole, &l);
	ok = syn_answered(&half) && syn_answered(&whole);
	send_ack(&whole);
	close(l.lfd);
	l.lfd = -1;
	tap_ok(ok && answered(&whole, RST | ACK),
	       "close() of a listener resets who waits in its queue");
	send_ack(&half);
	tap_ok(answered(&half, RST) && conn_state(&half) == S_CLOSED, "and the half-open are gone");
}

static void test_relisten(void)
{
	struct conn l, c;
	bool ok;

	conn_init(&l, fsm_family, true);
	conn_listen(&l, 8);
	client(&c, &l);
	ok = syn_answered(&c);
	shutdown(l.lfd, SHUT_RD);
	ok &= accept(l.lfd, NULL, NULL) < 0 && errno == EINVAL;
	tap_ok(ok, "shutdown() ends listening");
	ok = !listen(l.lfd, 8);
	client(&c, &l);
	ok &= syn_answered(&c);
	send_ack(&c);
	c.lfd = l.lfd;
	tap_ok(ok && conn_accept(&c), "and listen() begins anew");
	conn_kill(&c);
}

int main(void)
{
	bool native;

	tun_open();
	native = fsm_family == AF_INET;
	tap_plan(native ? 40 : 41);
	test_synack();
	test_mss();
	test_repeated_syn();
	test_isn();
	test_rst();
	test_paws();
	test_accept_queue();
	test_syn_queue();
	test_cookies(true);
	test_cookies(false);
	test_cookie_always();
	if (!native)
		test_cookie_offset();
	test_defer_accept();
	test_listener_closes();
	test_relisten();
	return tap_done();
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * Floods: SYNs that nobody follows up (RFC 4987), forged cookies. Memory stays
 * bounded, and an honest client in between is served. Over both TCPs.
 */
#include <stdlib.h>

#include "passive_test.h"
#include "xtcp_test.h"

#define BACKLOG 64
#define HONEST_EVERY 500

static struct seg seg;

/* A 4-tuple of its own; the harness's network has 250 addresses. */
static void stranger(struct conn *c, const struct conn *l)
{
	client(c, l);
	c->raddr = (FSM_PEER & ~0xffu) + 3 + random() % 250;
	c->rport = 1024 + random() % 64000;
	c->iss = random();
	c->snd_nxt = c->iss + 1;
}

/* Requests that the listener has. */
static int half_open(const struct conn *l)
{
	FILE *f = fopen(fsm_family == AF_XTCP ? "/proc/self/net/xtcp" : "/proc/self/net/tcp", "r");
	unsigned int port, st;
	char line[256];
	int n = 0;

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "%*d: %*8X:%4X %*8X:%*4X %2X", &port, &st) == 2 &&
		    port == l->lport && st == S_SYN_RECV)
			n++;
	if (f)
		fclose(f);
	return n;
}

/* Handshake, ten bytes, accept(). */
static bool honest(const struct conn *l)
{
	static struct conn c;
	char data[16];
	int fd, n;

	client(&c, l);
	if (!syn_answered(&c))
		return false;
	conn_send(&c, ACK | PSH, c.snd_nxt, c.rcv_nxt, 10);
	if (!answered(&c, ACK))
		return false;
	fd = accept(l->lfd, NULL, NULL);
	n = recv(fd, data, sizeof(data), MSG_DONTWAIT);
	drop(fd);
	return n == 10;
}

static void test_syns(const char *cookies, int n)
{
	static struct conn l, c;
	int i, served = 0, asked = 0, most;

	fsm_tcp_knob("syncookies", cookies);
	conn_init(&l, fsm_family, true);
	conn_listen(&l, BACKLOG);
	for (i = 0; i < n; i++) {
		stranger(&c, &l);
		conn_send(&c, SYN, c.iss, 0, 0);
		if (i % 32 == 0)
			answer(&c, &seg);
		if (i % HONEST_EVERY == HONEST_EVERY - 1) {
			asked++;
			served += honest(&l);
		}
	}
	most = half_open(&l);
	tap_ok(most > BACKLOG / 2 && most <= BACKLOG + 1,
	       "%d SYNs, syncookies %s: %d are remembered", n, cookies, most);
	tap_ok(*cookies == '0' ? !served : served == asked, "%d of %d honest clients are served",
	       served, asked);
	conn_kill(&l);
	/* Native TCP's go one by one as their timers fire. */
	tap_ok(fsm_family == AF_INET || !half_open(&l), "they go with their listener");
}

static void test_forged(int n)
{
	static struct conn l, c;
	long received, failed;
	int i;

	fsm_tcp_knob("syncookies", "2");
	conn_init(&l, fsm_family, true);
	conn_listen(&l, BACKLOG);
	tap_ok(honest(&l), "an honest cookie");
	received = fsm_counter("TcpExt", "SyncookiesRecv");
	failed = fsm_counter("TcpExt", "SyncookiesFailed");
	for (i = 0; i < n; i++) {
		stranger(&c, &l);
		conn_send(&c, ACK, c.snd_nxt, random() * 2 + random(), 0);
		if (i % 32 == 0)
			answer(&c, &seg);
	}
	tap_ok(counted("TcpExt", "SyncookiesRecv", received, 0) &&
	       counted("TcpExt", "SyncookiesFailed", failed, n),
	       "%d forged ones: none is taken", n);
	conn_kill(&l);
	fsm_tcp_knob("syncookies", "1");
}

int main(void)
{
	tun_open();
	srandom(1);
	fsm_tcp_knob("invalid_ratelimit", "0");
	tap_plan(8);
	test_syns("1", xt_scale(10000, 2000, 1000000));
	test_syns("0", xt_scale(2000, 1000, 100000));
	test_forged(xt_scale(10000, 2000, 10000000));
	return tap_done();
}

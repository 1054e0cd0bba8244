// SPDX-License-Identifier: GPL-2.0-only
/*
 * Many: SYNs from everywhere, forged cookies, out-of-order bytes one by one,
 * connections that the peer never ends. Cost and memory stay bounded and honest
 * clients are served.
 */
#define _GNU_SOURCE
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <linux/xtcp.h>
#include "fsm.h"
#include "xtcp_test.h"

#define FLOOD_PORT	30990

static struct seg seg;

static uint32_t flood_rnd(void)
{
	static uint64_t state = 88172645463325252ull;

	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state >> 16;
}

static void flood_drain(void)
{
	tun_barrier();
	while (tun_recv_barrier(&seg))
		;
}

static void flood_knob(const char *name, const char *value)
{
	char path[64];

	snprintf(path, sizeof(path), "%s%s", fsm_family == AF_XTCP ? "net/xtcp/" : "net/ipv4/tcp_",
		 name);
	fsm_sysctl(path, value);
}

static int flood_listen(void)
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_port = htons(FLOOD_PORT) };
	int s = socket(fsm_family, SOCK_STREAM | SOCK_NONBLOCK, 0);

	if (s < 0 || bind(s, (struct sockaddr *)&sin, sizeof(sin)) || listen(s, 64))
		die("listen");
	return s;
}

/* Lines of /proc/net/xtcp or tcp in this state, of this local port. */
static int flood_count(enum fsm_state want, uint16_t lport)
{
	unsigned int port, st;
	char line[256];
	int n = 0;
	FILE *f = fopen(fsm_family == AF_XTCP ? "/proc/self/net/xtcp" : "/proc/self/net/tcp", "r");

	while (f && fgets(line, sizeof(line), f))
		n += sscanf(line, "%*d: %*8X:%4X %*8X:%*4X %2X", &port, &st) == 2 && st == want &&
		     port == lport;
	if (f)
		fclose(f);
	return n;
}

static void flood_syn(void)
{
	struct conn c = { .raddr = FSM_PEER + 1 + flood_rnd() % 250, .lport = FLOOD_PORT,
			  .rport = 1024 + flood_rnd() % 64000, .my_win = 20000, .mss = 1460,
			  .want_opts = true };

	conn_send(&c, SYN, flood_rnd(), 0, 0);
}

/* An honest client of the same listener, amid the flood. */
static bool flood_client(int listener, uint16_t port)
{
	struct conn c;
	char text[64];
	bool ok;

	conn_init(&c, fsm_family, true);
	c.lfd = listener;
	c.lport = FLOOD_PORT;
	c.rport = port;
	conn_send(&c, SYN, c.iss, 0, 0);
	c.snd_nxt++;
	ok = conn_expect(&c, SYN | ACK, NULL);
	conn_send(&c, ACK, c.snd_nxt, c.rcv_nxt, 0);
	ok = ok && conn_accept(&c);
	conn_send(&c, ACK | PSH, c.snd_nxt, c.rcv_nxt, 100);
	c.snd_nxt += 100;
	ok = ok && conn_expect(&c, ACK, NULL) && !strcmp(conn_read(&c, text, sizeof(text)), "100");
	c.lfd = -1;
	conn_kill(&c);
	flood_drain();
	return ok;
}

/* Row 13. */
static void flood_syns(void)
{
	long count = xt_scale(50000, 10000, 100000), i, half = 0;
	int listener = flood_listen(), clients = 0, served = 0;

	for (i = 0; i < count; i++) {
		flood_syn();
		if (i % 50 == 49)
			flood_drain();
		if (i % 1000 == 999) {
			clients++;
			served += flood_client(listener, 600 + i / 1000);
		}
		if (i == count / 2)
			half = flood_count(S_SYN_RECV, FLOOD_PORT);
	}
	tap_ok(served == clients, "%ld SYNs: every honest client is served", count);
	if (served != clients)
		tap_note("%d of %d", served, clients);
	i = flood_count(S_SYN_RECV, FLOOD_PORT);
	tap_ok(half <= 128 && i <= 128, "half-open connections stay below the backlog");
	tap_note("%ld halfway, %ld at the end", half, i);
	tap_ok(fsm_counter("TcpExt", "SyncookiesSent") > count / 2, "cookies were sent");
	close(listener);
}

/* Row 14: an ACK must carry a cookie we made; 24 bits of it are hard to guess. */
static void flood_cookies(void)
{
	long count = xt_scale(100000, 20000, 10000000), i, failed;
	int listener = flood_listen(), got = 0, fd;

	for (i = 0; i < 300; i++)	/* so that cookies are believed at all */
		flood_syn();
	flood_drain();
	failed = fsm_counter("TcpExt", "SyncookiesFailed");
	for (i = 0; i < count; i++) {
		struct conn c = { .raddr = FSM_PEER + 1 + i % 250, .lport = FLOOD_PORT,
				  .rport = 1024 + flood_rnd() % 64000, .my_win = 20000 };

		conn_send(&c, ACK, flood_rnd(), flood_rnd(), 0);
		if (i % 50 == 49)
			flood_drain();
	}
	while ((fd = accept(listener, NULL, NULL)) >= 0) {
		got++;
		close(fd);
	}
	failed = fsm_counter("TcpExt", "SyncookiesFailed") - failed;
	tap_ok(got <= 1 + count / 500000, "%ld forged cookies: none is taken", count);
	tap_note("%d taken", got);
	tap_ok(failed > count * 9 / 10, "each was counted");
	close(listener);
}

static uint64_t flood_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

/* The least time, of several, for 100 segments of one byte with holes between them. */
static uint64_t flood_bytes(struct conn *c, uint32_t from, uint32_t to)
{
	uint64_t best = UINT64_MAX, start;
	uint32_t i = from;

	while (i + 100 <= to) {
		start = flood_ns();
		do {
			conn_send(c, ACK, c->snd_nxt + 2 + 2 * i, c->rcv_nxt, 1);
		} while (++i % 100);
		if (flood_ns() - start < best)
			best = flood_ns() - start;
		flood_drain();
	}
	return best;
}

/* Row 8: the ten thousandth byte out of order costs what the hundredth does. */
static void flood_out_of_order(void)
{
	uint64_t first, last;
	int size = 32 << 20;
	struct conn c;
	bool ok;

	conn_init(&c, fsm_family, true);
	conn_listen(&c, 8);
	setsockopt(c.lfd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	conn_send(&c, SYN, c.iss, 0, 0);
	c.snd_nxt++;
	ok = conn_expect(&c, SYN | ACK, NULL);
	conn_send(&c, ACK, c.snd_nxt, c.rcv_nxt, 0);
	ok = ok && conn_accept(&c);
	first = flood_bytes(&c, 0, 1000);
	flood_bytes(&c, 1000, 9000);
	last = flood_bytes(&c, 9000, 10000);
	tap_ok(ok && last <= 3 * first && conn_state(&c) == S_ESTABLISHED,
	       "10,000 bytes out of order: the last cost what the first did");
	tap_note("%llu and %llu ns for 100", (unsigned long long)first, (unsigned long long)last);
	conn_kill(&c);
}

/* Row 21: peers that never send their FIN. */
static void flood_fin_wait2(void)
{
	int count = xt_scale(2000, 300, 20000), i, reached = 0, left = count;
	uint64_t end;
	struct conn c;

	flood_knob("fin_timeout", "3");
	for (i = 0; i < count; i++) {
		conn_init(&c, fsm_family, false);
		c.lport = FLOOD_PORT + 1 + i % 5;	/* the count of sockets, not of ports */
		reached += conn_into(&c, P_FIN_WAIT2_ORPHAN);
		close(c.lfd);
	}
	end = fsm_now_ms() + 15000;
	while (left && fsm_now_ms() < end) {
		poll(NULL, 0, 200);
		flood_drain();
		for (left = 0, i = 0; i < 5; i++)
			left += flood_count(S_FIN_WAIT2, FLOOD_PORT + 1 + i);
	}
	tap_ok(reached == count && !left, "%d orphans in FIN_WAIT2 are gone by fin_timeout", count);
	if (left)
		tap_note("%d left", left);
}

int main(void)
{
	tun_open();
	tap_plan(7);
	flood_syns();
	flood_cookies();
	flood_out_of_order();
	flood_fin_wait2();
	return tap_done();
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * The ends that only time brings, each at the moment its knobs promise. Runs where
 * idle time costs nothing (scripts/vm -i): two hours pass in seconds.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/xtcp.h>
#include "fsm.h"

static struct seg seg;
static uint64_t time_start;

static double time_passed(void)
{
	return (fsm_now_ms() - time_start) / 1000.0;
}

static void time_knob(const char *name, const char *value)
{
	char path[64];

	snprintf(path, sizeof(path), "%s%s", fsm_family == AF_XTCP ? "net/xtcp/" : "net/ipv4/tcp_",
		 name);
	fsm_sysctl(path, value);
}

/* The tun device's queue must not run over meanwhile. */
static void time_sleep(int ms)
{
	poll(NULL, 0, ms);
	while (tun_recv(&seg, 0))
		;
}

static void time_verdict(const char *what, bool ok, double from, double to)
{
	double passed = time_passed();

	tap_ok(ok && passed >= from && passed <= to, "%s", what);
	tap_note("after %.1f s, promised %.0f to %.0f s", passed, from, to);
}

/* Until the state is left, looking every step_ms. */
static void time_in_state(struct conn *c, enum fsm_state state, int step_ms, double limit)
{
	while (conn_state(c) == state && time_passed() < limit)
		time_sleep(step_ms);
}

static void time_time_wait(enum fsm_place place)
{
	struct conn c;
	bool ok;

	conn_init(&c, fsm_family, true);
	ok = conn_into(&c, place);
	time_start = fsm_now_ms();
	time_in_state(&c, S_TIME_WAIT, 500, 200);
	time_verdict("TIME_WAIT", ok && conn_state(&c) == S_CLOSED, 59, 63);
	conn_kill(&c);
}

/* Native waits twice for what exceeds TIME_WAIT's 60 s. */
static double time_fin_promise(double timeout)
{
	return fsm_family == AF_INET && timeout > 60 ? 2 * (timeout - 60) : timeout;
}

static void time_fin_wait2(const char *timeout)
{
	double promised = time_fin_promise(atoi(timeout));
	struct conn c;
	bool ok;

	time_knob("fin_timeout", timeout);
	conn_init(&c, fsm_family, true);
	ok = conn_into(&c, P_FIN_WAIT2_ORPHAN);
	time_start = fsm_now_ms();
	time_in_state(&c, S_FIN_WAIT2, 500, 10 * promised);
	time_verdict("FIN_WAIT2 of an orphan", ok && conn_state(&c) == S_CLOSED, promised - 1,
		     promised * 1.08 + 2);
	conn_kill(&c);
}

/* With its owner FIN_WAIT2 has no end (RFC 9293 3.6: half-closed for as long as one likes). */
static void time_fin_wait2_owned(void)
{
	struct conn c;
	bool ok;

	time_knob("fin_timeout", "5");
	conn_init(&c, fsm_family, true);
	ok = conn_into(&c, P_FIN_WAIT2);
	time_start = fsm_now_ms();
	time_in_state(&c, S_FIN_WAIT2, 5000, 300);
	time_verdict("FIN_WAIT2 with an owner stays", ok && conn_state(&c) == S_FIN_WAIT2, 299,
		     400);
	conn_kill(&c);
}

/* Waits for the socket's error. */
static int time_error(struct conn *c, int limit_s)
{
	uint64_t end = fsm_now_ms() + limit_s * 1000ull;
	struct pollfd pfd = { .fd = c->fd, .events = 0 };
	int error = 0;
	socklen_t len = sizeof(error);

	while (fsm_now_ms() < end && poll(&pfd, 1, 250) == 0)
		while (tun_recv(&seg, 0))
			;
	getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &len);
	return error;
}

/* The timer wheel rounds two hours up by as much as 131 s. */
static void time_keepalive(void)
{
	struct conn c;
	int on = 1;
	bool ok;

	conn_init(&c, fsm_family, true);
	ok = conn_into(&c, P_ESTABLISHED);
	setsockopt(c.fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	time_start = fsm_now_ms();
	ok = ok && time_error(&c, 10000) == ETIMEDOUT;
	time_verdict("keepalive: two hours, then 9 probes 75 s apart", ok, 7200 + 9 * 75 - 5,
		     7200 + 131 + 9 * 76);
	conn_kill(&c);
}

static void time_retries2(void)
{
	struct conn c;
	bool ok;

	conn_init(&c, fsm_family, true);
	ok = conn_into(&c, P_ESTABLISHED) && send(c.fd, "x", 1, 0) == 1;
	time_start = fsm_now_ms();
	ok = ok && time_error(&c, 3000) == ETIMEDOUT;
	time_verdict("retries2 = 15: data that nobody acknowledges", ok, 900, 1100);
	conn_kill(&c);
}

static void time_user_timeout(void)
{
	unsigned int ms = 30000;
	struct conn c;
	bool ok;

	conn_init(&c, fsm_family, true);
	ok = conn_into(&c, P_ESTABLISHED);
	setsockopt(c.fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &ms, sizeof(ms));
	ok = ok && send(c.fd, "x", 1, 0) == 1;
	time_start = fsm_now_ms();
	ok = ok && time_error(&c, 300) == ETIMEDOUT;
	time_verdict("TCP_USER_TIMEOUT of 30 s", ok, 29, 33);
	conn_kill(&c);
}

/* The same before a window that is shut, with a peer that is gone. */
static void time_user_timeout_probe(void)
{
	unsigned int ms = 30000;
	struct conn c;
	bool ok;

	conn_init(&c, fsm_family, true);
	ok = conn_into(&c, P_ESTABLISHED);
	setsockopt(c.fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &ms, sizeof(ms));
	c.my_win = 0;
	conn_send(&c, ACK | PSH, c.snd_nxt, c.rcv_nxt, 10);
	c.snd_nxt += 10;
	ok = ok && conn_expect(&c, ACK, NULL) && send(c.fd, "x", 1, 0) == 1;
	time_start = fsm_now_ms();
	ok = ok && time_error(&c, 300) == ETIMEDOUT;
	time_verdict("TCP_USER_TIMEOUT of 30 s at a zero window", ok, 29, 33);
	conn_kill(&c);
}

/* The same where nothing gets past our own queue: tried twice a second, but not beyond the end. */
static void time_user_timeout_local(void)
{
	unsigned int ms = 3300;
	struct conn c;
	bool ok;

	conn_init(&c, fsm_family, true);
	ok = conn_into(&c, P_ESTABLISHED);
	setsockopt(c.fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &ms, sizeof(ms));
	ok = ok && !system("tc qdisc replace dev tun0 root pfifo limit 0");
	ok = ok && send(c.fd, "x", 1, 0) == 1;
	time_start = fsm_now_ms();
	ok = ok && time_error(&c, 30) == ETIMEDOUT;
	time_verdict("TCP_USER_TIMEOUT of 3.3 s before a full queue", ok, 3.3, 3.65);
	if (system("tc qdisc del dev tun0 root"))
		die("tc");
	conn_kill(&c);
}

static void time_syn_retries(void)
{
	struct conn c;
	bool ok;

	time_knob("syn_retries", "6");
	conn_init(&c, fsm_family, true);
	ok = conn_into(&c, P_SYN_SENT);
	time_start = fsm_now_ms();
	ok = ok && time_error(&c, 600) == ETIMEDOUT;
	time_verdict("syn_retries = 6: a SYN that nobody answers", ok, 120, 135);
	conn_kill(&c);
}

static void time_synack_retries(void)
{
	struct conn c;
	bool ok;

	time_knob("synack_retries", "5");
	conn_init(&c, fsm_family, true);
	ok = conn_into(&c, P_SYN_RECV);
	time_start = fsm_now_ms();
	time_in_state(&c, S_SYN_RECV, 500, 300);
	time_verdict("synack_retries = 5: a handshake that nobody ends",
		     ok && conn_state(&c) == S_LISTEN, 60, 68);
	conn_kill(&c);
}

/* orphan_retries = 0 means 8: 0.2 s doubled. */
static void time_orphan(enum fsm_place place)
{
	enum fsm_state state = place_state(place);
	struct conn c;
	bool ok;

	conn_init(&c, fsm_family, true);
	ok = conn_into(&c, place);
	time_start = fsm_now_ms();
	time_in_state(&c, state, 500, 600);
	tap_note("%s", place_name(place));
	time_verdict("an orphan's FIN that nobody acknowledges", ok && conn_state(&c) == S_CLOSED,
		     90, 115);
	conn_kill(&c);
}

/*
 * RFC 6429: a peer that acknowledges every probe and never opens its window. Who has
 * an owner may wait for ever (RFC 9293 3.8.6.1); an orphan must not.
 */
static void time_zero_window(void)
{
	struct conn c;
	bool ok;

	conn_init(&c, fsm_family, true);
	ok = conn_into(&c, P_ESTABLISHED);
	c.my_win = 0;
	conn_send(&c, ACK | PSH, c.snd_nxt, c.rcv_nxt, 10);
	c.snd_nxt += 10;
	ok = ok && conn_expect(&c, ACK, NULL) && recv(c.fd, &seg, 10, 0) == 10 &&
	     send(c.fd, "x", 1, 0) == 1;
	close(c.fd);
	c.fd = -1;
	time_start = fsm_now_ms();
	while (ok && time_passed() < 1500 && conn_state(&c) != S_CLOSED)
		if (conn_answer(&c, &seg, 1000) && !(seg.flags & RST))
			conn_send(&c, ACK, c.snd_nxt, c.una, 0);
	time_verdict("an orphan before a window that stays shut",
		     ok && conn_state(&c) == S_CLOSED, 50, 900);
	conn_kill(&c);
}

int main(void)
{
	tun_open();
	tap_plan(15);
	time_time_wait(P_TIME_WAIT);
	time_time_wait(P_TIME_WAIT_CROSSED);
	time_fin_wait2("60");
	time_fin_wait2("20");
	time_fin_wait2("200");
	time_fin_wait2_owned();
	time_keepalive();
	time_retries2();
	time_user_timeout();
	time_user_timeout_probe();
	time_user_timeout_local();
	time_syn_retries();
	time_synack_retries();
	time_orphan(P_FIN_WAIT1_ORPHAN);
	time_zero_window();
	return tap_done();
}

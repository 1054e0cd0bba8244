// SPDX-License-Identifier: GPL-2.0-only
/*
 * What somebody who cannot see the connection may try: bursts of RST and SYN
 * (RFC 5961 3, 4), data with guessed acks (RFC 5961 5), old segments against
 * TIME_WAIT (RFC 1337), a SYN from an address to itself, and a guess at the next ISN.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fsm.h"
#include "xtcp_test.h"

#define BURST	50

/* How many segments of the connection came since the last call. */
static int blind_answers(struct conn *c)
{
	static struct seg seg;
	int n = 0;

	tun_barrier();
	while (tun_recv_barrier(&seg))
		n += conn_ours(c, &seg) && !(seg.flags & (FIN | SYN));
	return n;
}

/*
 * A burst of inexact RSTs or SYNs: the state stays, and within the half second of
 * invalid_ratelimit there is one challenge at most.
 */
static void blind_burst(enum fsm_place place, uint16_t flags, const char *name)
{
	struct conn c;
	int i, n = 0;
	bool ok;

	conn_init(&c, fsm_family, true);
	ok = conn_into(&c, place);
	blind_answers(&c);
	for (i = 0; ok && i < BURST; i++) {
		conn_send(&c, flags, c.snd_nxt + 1 + i * (c.wnd / BURST), c.rcv_nxt, 0);
		n += blind_answers(&c);
	}
	ok = ok && conn_state(&c) == place_state(place);
	tap_ok(ok && n <= 1, "%s: %d inexact %s: at most one answer", place_name(place), BURST,
	       name);
	if (!ok || n > 1)
		tap_note("%d answers, state %s", n, state_name(conn_state(&c)));
	conn_kill(&c);
}

/* Data whose ack is in none of RFC 5961 5.2's range; on a young connection that is short. */
static void blind_data(void)
{
	uint32_t points = xt_scale(65536, 8192, 65536), step = UINT32_MAX / points + 1, i, ack;
	const int32_t edges[] = { -1, -2, -19999, -20000, -20001, -65535, -65536, -65537,
				  INT32_MIN, INT32_MIN + 1, INT32_MAX };
	char text[64];
	struct conn c;
	bool ok;

	conn_init(&c, fsm_family, true);
	ok = conn_passive(&c);
	for (i = 0; i < points; i++) {
		ack = c.rcv_nxt + 1 + i * step;
		if (ack != c.rcv_nxt)
			conn_send(&c, ACK | PSH, c.snd_nxt, ack, 10);
	}
	for (i = 0; i < ARRAY_SIZE(edges); i++) {
		conn_send(&c, ACK | PSH, c.snd_nxt, c.una + edges[i], 10);
		conn_send(&c, ACK | PSH, c.snd_nxt, c.rcv_nxt - edges[i], 10);
	}
	blind_answers(&c);
	ok = ok && !strcmp(conn_read(&c, text, sizeof(text)), "0") &&
	     conn_state(&c) == S_ESTABLISHED;
	tap_ok(ok, "ESTABLISHED: no byte is taken with an ack that was guessed");
	if (!ok)
		tap_note("read: %s", text);
	conn_send(&c, ACK | PSH, c.snd_nxt, c.rcv_nxt, 10);
	tun_barrier();
	blind_answers(&c);
	tap_ok(!strcmp(conn_read(&c, text, sizeof(text)), "10"),
	       "ESTABLISHED: the right ack is taken afterwards");
	conn_kill(&c);
}

/* RFC 1337: an old duplicate, its timestamp older or newer, must not end TIME_WAIT. */
static void blind_time_wait(const char *name, uint16_t flags, int32_t seq, int32_t ts, uint16_t len,
			    enum fsm_state want)
{
	static struct seg seg;
	enum fsm_state got;
	struct conn c;
	bool ok;

	conn_init(&c, fsm_family, true);
	ok = conn_into(&c, P_TIME_WAIT);
	conn_seg(&c, &seg, flags, c.snd_nxt + seq, c.rcv_nxt);
	seg.tsval += ts;
	conn_fill(&seg, 0, len);
	tun_send(&seg);
	blind_answers(&c);
	got = conn_state(&c);
	tap_ok(ok && got == want, "TIME_WAIT with rfc1337: %s, timestamp %s", name,
	       ts < 0 ? "older" : "newer");
	if (got != want)
		tap_note("state %s", state_name(got));
	conn_kill(&c);
}

static void blind_rfc1337(void)
{
	static const int32_t ages[] = { -1000, 1000 };
	unsigned int i;

	fsm_sysctl(fsm_family == AF_INET ? "net/ipv4/tcp_rfc1337" : "net/xtcp/rfc1337", "1");
	for (i = 0; i < 2; i++) {
		blind_time_wait("rst", RST, 0, ages[i], 0, S_TIME_WAIT);
		blind_time_wait("rst+ack", RST | ACK, 0, ages[i], 0, S_TIME_WAIT);
		blind_time_wait("old rst", RST, -10, ages[i], 0, S_TIME_WAIT);
		blind_time_wait("old data", ACK | PSH, -10, ages[i], 10, S_TIME_WAIT);
		blind_time_wait("new data", ACK | PSH, 0, ages[i], 10, S_TIME_WAIT);
		blind_time_wait("old syn", SYN, -21, ages[i], 0,
				ages[i] < 0 ? S_TIME_WAIT : S_SYN_RECV);
		blind_time_wait("new syn", SYN, 1000, ages[i], 0,
				ages[i] < 0 ? S_TIME_WAIT : S_SYN_RECV);
		blind_time_wait("syn+ack", SYN | ACK, 1000, ages[i], 0, S_TIME_WAIT);
	}
	fsm_sysctl(fsm_family == AF_INET ? "net/ipv4/tcp_rfc1337" : "net/xtcp/rfc1337", "0");
}

static uint16_t land_csum(const uint8_t *p, int len, uint32_t sum)
{
	int i;

	for (i = 0; i < len; i += 2)
		sum += p[i] << 8 | p[i + 1];
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return ~sum;
}

/* A SYN from 127.0.0.1:port to itself; a raw socket, so that it has a route. */
static void land_send(uint16_t port)
{
	struct sockaddr_in sin = { .sin_family = AF_INET,
				   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int s = socket(AF_INET, SOCK_RAW, IPPROTO_RAW);
	uint8_t p[40] = { 0x45, 0, 0, 40, 0, 0, 0x40, 0, 64, 6, 0, 0, 127, 0, 0, 1, 127, 0, 0, 1,
			  port >> 8, port, port >> 8, port, 1, 2, 3, 4, 0, 0, 0, 0, 0x50, SYN,
			  0x40, 0 };
	uint16_t sum = land_csum(p + 20, 20, 2 * (0x7f00 + 1) + IPPROTO_TCP + 20);

	p[36] = sum >> 8;
	p[37] = sum;
	if (sendto(s, p, sizeof(p), 0, (struct sockaddr *)&sin, sizeof(sin)) != sizeof(p))
		die("raw socket");
	close(s);
}

/* A listener on the port; how many segments does one LAND packet make in 300 ms? */
static int land_count(int s, uint16_t port)
{
	uint64_t end = fsm_now_ms() + 300;
	struct pollfd pfd = { .fd = s, .events = POLLIN };
	struct sockaddr_ll from;
	socklen_t len = sizeof(from);
	uint8_t p[256];
	int n = 0;

	land_send(port);
	while (fsm_now_ms() < end && poll(&pfd, 1, end - fsm_now_ms()) > 0)
		if (recvfrom(s, p, sizeof(p), 0, (struct sockaddr *)&from, &len) >= 40 &&
		    from.sll_pkttype == PACKET_HOST && p[9] == IPPROTO_TCP)
			n++;
	return n - 1;
}

static void blind_land(void)
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_port = htons(30077) };
	int s = socket(AF_PACKET, SOCK_DGRAM, htons(ETH_P_IP));
	int lfd = socket(fsm_family, SOCK_STREAM, 0), n;

	if (s < 0 || lfd < 0 || bind(lfd, (struct sockaddr *)&sin, sizeof(sin)) || listen(lfd, 8))
		die("LAND");
	n = land_count(s, 30077);
	tap_ok(n >= 0 && n <= 2, "LAND: the SYN to itself dies out");
	if (n < 0 || n > 2)
		tap_note("%d segments", n);
	close(lfd);
	close(s);
}

/* The ISN of the next connection of a socket, if that is its first segment but for a RST. */
static bool blind_next_isn(struct conn *c, uint32_t *isn)
{
	struct sockaddr_in none = { .sin_family = AF_UNSPEC };
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_port = htons(c->rport),
				   .sin_addr.s_addr = htonl(c->raddr) };
	static struct seg seg;

	STEP(!connect(c->fd, (struct sockaddr *)&none, sizeof(none)));
	STEP(connect(c->fd, (struct sockaddr *)&sin, sizeof(sin)) && errno == EINPROGRESS);
	do
		STEP(conn_answer(c, &seg, 1000));
	while (seg.flags & RST);
	*isn = seg.seq;
	return seg.flags == SYN;
}

/* The kernel's TCP begins at 2. */
static bool blind_isn_fresh(struct conn *c)
{
	uint32_t isn = 0;

	conn_open(c);
	STEP(blind_next_isn(c, &isn));
	return fsm_family == AF_INET || isn > 1000;
}

/* Its former peer knows all the numbers that there were; the kernel's TCP goes on from them. */
static bool blind_isn_elsewhere(struct conn *c)
{
	uint32_t old, isn = 0;

	conn_connect(c);
	STEP(conn_expect(c, SYN, NULL));
	old = c->irs;
	conn_send(c, RST | ACK, 0, c->rcv_nxt, 0);
	blind_answers(c);
	c->rport++;
	STEP(blind_next_isn(c, &isn));
	return fsm_family == AF_INET || isn - old + 10000 > 20000;
}

/* Above all that the peer of this 4-tuple may still expect, and the clock is not there yet. */
static bool blind_isn_onwards(struct conn *c)
{
	uint32_t end, isn = 0;

	c->my_win = 65535;
	conn_connect(c);
	STEP(conn_expect(c, SYN, NULL));
	conn_send(c, SYN | ACK, c->iss, c->rcv_nxt, 0);
	c->snd_nxt = c->iss + 1;
	STEP(conn_expect(c, ACK, NULL));
	end = c->rcv_nxt + c->my_win;
	STEP(blind_next_isn(c, &isn));
	return (int32_t)(isn - end) > 0;
}

static const struct conn_flow isns[] = {
	{ "the ISN of a socket that never was connected is secret", blind_isn_fresh },
	{ "the next ISN of a socket is a secret from its former peer", blind_isn_elsewhere },
	{ "the next ISN of a 4-tuple lies above its window", blind_isn_onwards },
};

int main(void)
{
	static const enum fsm_place places[] = {
		P_ESTABLISHED, P_FIN_WAIT1, P_FIN_WAIT1_ORPHAN, P_FIN_WAIT2, P_CLOSE_WAIT,
		P_CLOSING, P_LAST_ACK, P_LAST_ACK_ORPHAN, P_SYN_RECV_CROSSED,
	};
	unsigned int i, n = ARRAY_SIZE(places);
	struct conn c;

	tun_open();
	tap_plan(2 * n + 2 + 16 + 1 + ARRAY_SIZE(isns));
	for (i = 0; i < n; i++) {
		blind_burst(places[i], RST, "RST");
		blind_burst(places[i], SYN, "SYN");
	}
	blind_data();
	blind_rfc1337();
	blind_land();
	for (i = 0; i < ARRAY_SIZE(isns); i++) {
		conn_init(&c, fsm_family, false);
		tap_ok(isns[i].run(&c), "%s", isns[i].name);
		conn_kill(&c);
	}
	return tap_done();
}

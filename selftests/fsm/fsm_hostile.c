// SPDX-License-Identifier: GPL-2.0-only
/*
 * A peer that means harm: SACK blocks with impossible edges, tiny segments, windows
 * taken back, urgent pointers anywhere. The connection works on, or costs no more
 * than it must.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "fsm.h"

static struct seg seg;	/* the last one received */
static uint8_t payload[30000];

static void hostile_ack(struct conn *c, uint32_t ack)
{
	conn_send(c, ACK, c->snd_nxt, ack, 0);
	c->una = ack;
}

static int hostile_drain(struct conn *c)
{
	int n = 0;

	tun_barrier();
	while (tun_recv_barrier(&seg))
		if (conn_ours(c, &seg)) {
			conn_note(c, &seg);
			n++;
		}
	return n;
}

/* A connection that has sent what its first window holds of the payload. */
static bool hostile_start(struct conn *c, bool opts, uint16_t mss, int len)
{
	conn_init(c, fsm_family, opts);
	c->mss = mss;
	c->my_win = 65535;
	return conn_passive(c) && send(c->fd, payload, len, MSG_DONTWAIT) == len &&
	       hostile_drain(c) > 0;
}

/* Acknowledges what comes in order until all of len has come; bytes sent again are welcome. */
static bool hostile_finish(struct conn *c, uint32_t start, uint32_t len)
{
	uint32_t got = c->una - start;
	uint64_t end = fsm_now_ms() + 8000;

	while (got < len && fsm_now_ms() < end) {
		if (!conn_answer(c, &seg, 2000))
			continue;
		if (seg.seq - start <= got && seg.seq + seg.len - start > got) {
			got = seg.seq + seg.len - start;
			conn_send(c, ACK, c->snd_nxt, start + got, 0);
			c->una = start + got;
		}
	}
	if (got < len)
		tap_note("%u of %u bytes came", got, len);
	return got == len;
}

static void hostile_sack(struct conn *c, uint32_t left, uint32_t right)
{
	static struct seg ack;
	uint32_t be[2] = { htonl(left), htonl(right) };

	c->tsval++;
	conn_seg(c, &ack, ACK, c->snd_nxt, c->una);
	memcpy(ack.opt, "\1\1\5\12", 4);
	memcpy(ack.opt + 4, be, 8);
	ack.optlen = 12;
	tun_send(&ack);
}

/* Row 7: edges half the sequence space away satisfy every comparison at once. */
static void hostile_sack_edges(uint16_t mss)
{
	const uint32_t far = 1u << 31;
	const uint32_t edges[] = { 0, 1, -1, far, far + 1, far - 1, mss, 2 * mss + 1, 20000 };
	struct conn c;
	uint32_t start, i, j;
	bool ok;

	ok = hostile_start(&c, true, mss, 6000);
	start = c.una;
	for (i = 0; ok && i < ARRAY_SIZE(edges); i++)
		for (j = 0; j < ARRAY_SIZE(edges); j++) {
			hostile_sack(&c, start + edges[i], start + edges[j]);
			hostile_drain(&c);
		}
	ok = ok && conn_state(&c) == S_ESTABLISHED;
	tap_ok(ok && hostile_finish(&c, start, 6000),
	       "SACK edges half the space away, MSS %u: all bytes come", mss);
	conn_kill(&c);
}

/* Row 6: segments need not be smaller than min_snd_mss (48 with options). */
static void hostile_mss(uint16_t mss)
{
	uint32_t start, least = 65535;
	struct conn c;
	bool ok;

	ok = hostile_start(&c, true, mss, 1000);
	start = c.irs + 1;
	least = seg.len;
	tap_ok(ok && least >= 36 && least <= 88 && hostile_finish(&c, start, 1000),
	       "MSS of %u: segments of %u", mss, least);
	conn_kill(&c);
}

/* Row 20: the window is taken back under data in flight; probes keep their distance. */
static void hostile_retract(void)
{
	unsigned int timeout = 3000;
	uint64_t end;
	struct conn c;
	int probes = 0;
	bool ok;

	ok = hostile_start(&c, true, 1000, 5000);
	setsockopt(c.fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout, sizeof(timeout));
	c.my_win = 0;
	hostile_ack(&c, c.una + 988);
	hostile_drain(&c);
	end = fsm_now_ms() + 2000;
	while (fsm_now_ms() < end && conn_answer(&c, &seg, end - fsm_now_ms())) {
		probes++;
		hostile_ack(&c, c.una);
	}
	tap_ok(ok && probes <= 8, "a window taken back: few probes in 2 s");
	tap_note("%d probes", probes);
	conn_kill(&c);
}

/* Row 3: what one connection is sent does not change what another answers. */
static void hostile_challenge(void)
{
	struct conn victim, own;
	bool ok;
	int i;

	conn_init(&victim, fsm_family, true);
	conn_init(&own, fsm_family, true);
	ok = conn_into(&victim, P_ESTABLISHED) && conn_into(&own, P_ESTABLISHED);
	for (i = 0; i < 500; i++) {
		conn_send(&victim, RST, victim.snd_nxt + 1 + i, 0, 0);
		if (i % 20 == 0)
			hostile_drain(&victim);
	}
	hostile_drain(&victim);
	conn_send(&own, RST, own.snd_nxt + 1, 0, 0);
	tap_ok(ok && hostile_drain(&own) == 1, "one connection's challenge ACKs are not another's");
	conn_kill(&victim);
	conn_kill(&own);
}

/* What recv() and MSG_OOB give after data with an urgent pointer, as text. */
static void hostile_urgent_run(int family, uint16_t flags, uint16_t urg, bool inlined, char *said,
			       size_t size)
{
	static struct seg in;
	char text[64], oob;
	struct conn c;
	int on = inlined, n;

	conn_init(&c, family, false);
	if (!conn_into(&c, P_ESTABLISHED)) {
		snprintf(said, size, "not reached");
		return;
	}
	setsockopt(c.fd, SOL_SOCKET, SO_OOBINLINE, &on, sizeof(on));
	conn_seg(&c, &in, flags | URG | ACK, c.snd_nxt, c.rcv_nxt);
	conn_fill(&in, c.snd_nxt - c.iss - 1, 100);
	in.urg = urg;
	tun_send(&in);
	conn_send(&c, ACK | PSH, c.snd_nxt + 100, c.rcv_nxt, flags & FIN ? 0 : 50);
	hostile_drain(&c);
	n = recv(c.fd, &oob, 1, MSG_OOB | MSG_DONTWAIT);
	n = snprintf(said, size, "oob %d/%s ", n, n < 0 ? strerrorname_np(errno) : "");
	/* The mark ends a read: three are enough for both sides of it. */
	for (on = 0; on < 3; on++) {
		int got = recv(c.fd, text, sizeof(text), MSG_DONTWAIT);

		n += snprintf(said + n, size - n, "%d ", got < 0 ? -errno : got);
	}
	snprintf(said + n, size - n, "%s", state_name(conn_state(&c)));
	conn_kill(&c);
}

/* Row 27: as native TCP does it, byte for byte. */
static void hostile_urgent(void)
{
	static const uint16_t urgs[] = { 0, 1, 2, 50, 99, 100, 101, 102, 150, 151, 65535 };
	static const uint16_t flags[] = { 0, PSH, FIN };
	char native[128], ours[128];
	unsigned int i, j, inlined;
	bool ok;

	for (i = 0; i < ARRAY_SIZE(urgs); i++) {
		ok = true;
		for (j = 0; j < ARRAY_SIZE(flags); j++)
			for (inlined = 0; inlined < 2; inlined++) {
				hostile_urgent_run(AF_INET, flags[j], urgs[i], inlined, native,
						   sizeof(native));
				hostile_urgent_run(fsm_family, flags[j], urgs[i], inlined, ours,
						   sizeof(ours));
				if (strcmp(native, ours) || strstr(ours, "not reached"))
					tap_note("flags %x%s: native %s; here %s", flags[j],
						 inlined ? ", inline" : "", native, ours);
				ok &= !strcmp(native, ours);
			}
		tap_ok(ok, "urgent pointer %u of 100 bytes", urgs[i]);
	}
}

int main(void)
{
	static const uint16_t mss[] = { 1, 8, 40, 48, 88 };
	unsigned int i;

	tun_open();
	tap_plan(2 + ARRAY_SIZE(mss) + 2 + 11);
	hostile_sack_edges(1460);
	hostile_sack_edges(100);
	for (i = 0; i < ARRAY_SIZE(mss); i++)
		hostile_mss(mss[i]);
	hostile_retract();
	hostile_challenge();
	hostile_urgent();
	return tap_done();
}

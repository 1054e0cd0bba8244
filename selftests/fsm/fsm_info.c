// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a sender marks and what TCP_INFO tells, where other programs go by it: the
 * kernel's TCP says the same.
 */
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include <linux/tcp.h>
#include "fsm_tcp_info.h"

#define MSS	1000u

static struct seg seg;	/* the last one received */
static uint8_t payload[65536];

/* Bytes that came at once; @seg is the last segment of them. */
static uint32_t info_burst(struct conn *c)
{
	static struct seg next;
	uint32_t before = c->rcv_nxt;

	tun_barrier();
	while (tun_recv_barrier(&next)) {
		if (!conn_ours(c, &next) || !next.len)
			continue;
		conn_note(c, &next);
		seg = next;
	}
	return c->rcv_nxt - before;
}

static bool info_start(struct conn *c, uint32_t bytes)
{
	int size = 1 << 20;

	c->mss = MSS;
	c->my_win = 65535;
	STEP(conn_passive(c));
	setsockopt(c->fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	return send(c->fd, payload, bytes, MSG_DONTWAIT) == (ssize_t)bytes;
}

/* A burst ends with PSH, though more waits: the receiver need not wait for it. */
static bool info_push(struct conn *c)
{
	STEP(info_start(c, 30000));
	STEP(info_burst(c) < 30000);
	return seg.flags & PSH;
}

/* But its last segment alone does not, when it goes again. */
static bool info_push_again(struct conn *c)
{
	uint32_t mss = c->want_opts ? MSS - 12 : MSS;
	int i;

	STEP(info_start(c, 30000));
	STEP(info_burst(c) == 10 * mss);
	conn_sack(c, c->una + 9 * mss, 0, 0);
	STEP(info_burst(c) >= 4 * mss);
	for (i = 2; i <= 4; i++)
		conn_sack(c, c->una, c->una + mss, c->want_opts ? c->una + i * mss : 0);
	tun_barrier();
	while (tun_recv_barrier(&seg))
		if (conn_ours(c, &seg) && seg.len && seg.seq == c->una)
			return !(seg.flags & PSH);
	return false;
}

/* Before any data has come, the time since the handshake. */
static bool info_last_data(struct conn *c)
{
	STEP(conn_passive(c));
	usleep(300000);
	STEP(conn_info(c).tcpi_last_data_recv >= 280 && conn_info(c).tcpi_last_data_recv < 2000);
	conn_send(c, ACK | PSH, c->snd_nxt, c->rcv_nxt, 10);
	c->snd_nxt += 10;
	tun_barrier();
	return conn_info(c).tcpi_last_data_recv < 200;
}

/* The rate that sizes bursts is known before the first ACK, by the handshake's round trip. */
static bool info_rate(struct conn *c)
{
	STEP(conn_passive(c));
	return conn_info(c).tcpi_pacing_rate && conn_info(c).tcpi_pacing_rate != ~0ULL;
}

/* How long there was something to send, and how long the peer's window was in the way. */
static bool info_busy(struct conn *c)
{
	struct tcp_info info;

	STEP(conn_into(c, P_ESTABLISHED));
	STEP(!conn_info(c).tcpi_busy_time && !conn_info(c).tcpi_rwnd_limited);
	c->my_win = 0;
	conn_send(c, ACK | PSH, c->snd_nxt, c->rcv_nxt, 10);
	c->snd_nxt += 10;
	tun_barrier();
	STEP(send(c->fd, payload, 100, 0) == 100);
	usleep(100000);
	info = conn_info(c);
	STEP(info.tcpi_rwnd_limited >= 90000 && info.tcpi_rwnd_limited == info.tcpi_busy_time);
	c->my_win = 20000;
	conn_sack(c, c->una, 0, 0);
	STEP(info_burst(c) == 100);
	usleep(50000);
	info = conn_info(c);
	STEP(info.tcpi_busy_time >= info.tcpi_rwnd_limited + 40000);
	conn_sack(c, c->rcv_nxt, 0, 0);
	tun_barrier();
	info = conn_info(c);
	usleep(100000);
	STEP(conn_info(c).tcpi_busy_time == info.tcpi_busy_time);
	return !info.tcpi_sndbuf_limited;
}

static uint64_t info_now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000ULL + now.tv_nsec / 1000;
}

/* Moments too short for the clock they are counted by; their sum is not. */
static bool info_busy_short(struct conn *c)
{
	uint64_t busy, sum = 0;
	int i;

	STEP(conn_into(c, P_ESTABLISHED));
	for (i = 0; i < 400; i++) {
		sum -= info_now_us();
		STEP(send(c->fd, payload, 10, 0) == 10);
		STEP(info_burst(c) == 10);
		usleep(300);
		conn_sack(c, c->rcv_nxt, 0, 0);
		tun_barrier();
		sum += info_now_us();
		usleep(500);
	}
	busy = conn_info(c).tcpi_busy_time;
	if (busy < sum / 2 || busy > sum + sum / 2)
		printf("# busy %lu us, counted %lu\n", sum, busy);
	return busy >= sum / 2 && busy <= sum + sum / 2;
}

/* What the reader took in a round trip; before any, the peer's first window. */
static bool info_rcv_space(struct conn *c)
{
	struct tcp_info info;

	STEP(conn_passive(c));
	info = conn_info(c);
	return info.tcpi_rcv_space > 0 && info.tcpi_rcv_space <= 10 * 1460;
}

/* What arrives behind later segments, though it was sent once, tells how far paths reorder. */
static bool info_reordering(struct conn *c)
{
	uint32_t mss = c->want_opts ? MSS - 12 : MSS;

	if (!c->want_opts)
		return true;
	STEP(info_start(c, 10 * mss));
	STEP(info_burst(c) == 10 * mss);
	conn_sack(c, c->una, c->una + 9 * mss, c->una + 10 * mss);
	tun_barrier();
	STEP(conn_info(c).tcpi_reordering == 3 && !conn_info(c).tcpi_reord_seen);
	conn_sack(c, c->una + 10 * mss, 0, 0);
	tun_barrier();
	STEP(conn_info(c).tcpi_ca_state == 0);
	return conn_info(c).tcpi_reordering == 10 && conn_info(c).tcpi_reord_seen == 1;
}

/* RFC 2883 4: of what one segment brought twice, the first is told; and it came out of order. */
static bool info_twice(struct conn *c)
{
	uint32_t at;

	STEP(conn_passive(c));
	at = c->snd_nxt;
	conn_send(c, ACK | PSH, at + 100, c->rcv_nxt, 100);
	STEP(conn_answer(c, &seg, 1000));
	conn_send(c, ACK | PSH, at + 300, c->rcv_nxt, 100);
	STEP(conn_answer(c, &seg, 1000));
	STEP(conn_info(c).tcpi_rcv_ooopack == 2);
	conn_send(c, ACK | PSH, at, c->rcv_nxt, 500);
	STEP(conn_answer(c, &seg, 1000) && seg.ack == at + 500);
	if (!c->want_opts)
		return !seg.nsack;
	return seg.nsack == 1 && seg.sack[0][0] == at + 100 && seg.sack[0][1] == at + 200;
}

/* A FIN needs no room, and ends what there is to SACK. */
static bool info_fin(struct conn *c)
{
	STEP(conn_passive(c));
	conn_send(c, ACK | PSH, c->snd_nxt, c->rcv_nxt, 100);
	STEP(conn_answer(c, &seg, 1000));
	conn_send(c, ACK | FIN, c->snd_nxt, c->rcv_nxt, 100);
	STEP(conn_answer(c, &seg, 1000));
	return seg.ack == c->snd_nxt + 101 && !seg.nsack;
}

static bool info_old_native(void)
{
	struct utsname name;

	uname(&name);
	return fsm_family == AF_INET && !strncmp(name.release, "6.1.", 4);
}

/*
 * A FIN that comes when the buffer is full is taken: else the peer would send it for ever.
 * Native learned it after 6.1.
 */
static bool info_fin_full(struct conn *c)
{
	uint32_t got = 0;
	int size = 4000;

	if (info_old_native())
		return true;
	STEP(conn_passive(c));
	STEP(!setsockopt(c->fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)));
	do {
		conn_send(c, ACK | PSH, c->snd_nxt + got, c->rcv_nxt, 1400);
		STEP(conn_answer(c, &seg, 1000));
		if (seg.ack == c->snd_nxt + got)
			break;
		got = seg.ack - c->snd_nxt;
	} while (got < 100000);
	STEP(got < 100000);
	conn_send(c, ACK | FIN, c->snd_nxt + got, c->rcv_nxt, 0);
	STEP(conn_answer(c, &seg, 1000));
	return seg.ack == c->snd_nxt + got + 1 && conn_state(c) == S_CLOSE_WAIT;
}

static const struct conn_flow flows[] = {
	{ "PSH ends a burst", info_push },
	{ "PSH of what goes again", info_push_again },
	{ "time since data came", info_last_data },
	{ "rate of the first burst", info_rate },
	{ "busy, and limited by the peer's window", info_busy },
	{ "busy for many short moments", info_busy_short },
	{ "room for what the reader takes", info_rcv_space },
	{ "reordering", info_reordering },
	{ "what came twice", info_twice },
	{ "FIN with data that came before", info_fin },
	{ "FIN into a full buffer", info_fin_full },
};

int main(void)
{
	return conn_flows(flows, sizeof(flows) / sizeof(*flows), ", timestamps and SACK");
}

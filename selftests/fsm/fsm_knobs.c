// SPDX-License-Identifier: GPL-2.0-only
/*
 * What knobs do to a connection that no other test has an eye on. Runs where idle
 * time costs nothing (scripts/vm -i).
 */
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include <linux/tcp.h>
#include <linux/xtcp.h>
#include "fsm_tcp_info.h"

#define MSS	1000u

static struct seg seg;	/* the last one received */
static uint8_t payload[65536];

/* All that is under way is seen. */
static void knobs_settle(struct conn *c)
{
	tun_barrier();
	while (tun_recv_barrier(&seg))
		if (conn_ours(c, &seg))
			conn_note(c, &seg);
}

/* SACK blocks in the answer to what came twice. */
static int knobs_dsacks(struct conn *c, const char *value)
{
	fsm_tcp_knob("dsack", value);
	conn_send(c, ACK | PSH, c->snd_nxt - 100, c->rcv_nxt, 100);
	return conn_answer(c, &seg, 1000) && seg.ack == c->snd_nxt ? seg.nsack : -1;
}

static bool knobs_dsack(struct conn *c)
{
	STEP(conn_passive(c));
	conn_send(c, ACK | PSH, c->snd_nxt, c->rcv_nxt, 100);
	c->snd_nxt += 100;
	STEP(conn_answer(c, &seg, 1000));
	STEP(knobs_dsacks(c, "0") == 0);
	return knobs_dsacks(c, "1") == (c->want_opts ? 1 : 0);
}

/* Three segments of which nobody hears: what is sent again first? */
static bool knobs_first_again(struct conn *c)
{
	c->mss = MSS;
	STEP(conn_passive(c));
	STEP(send(c->fd, payload, 2 * MSS + 500, 0) > 0);
	knobs_settle(c);
	return conn_answer(c, &seg, 3000) && seg.len;
}

static bool knobs_no_probe(struct conn *c)
{
	fsm_tcp_knob("early_retrans", "0");
	STEP(knobs_first_again(c));
	fsm_tcp_knob("early_retrans", "3");
	return seg.seq == c->una;
}

static bool knobs_probe(struct conn *c)
{
	STEP(knobs_first_again(c));
	return (seg.seq != c->una) == c->want_opts;
}

/* The SYN's TOS comes back, and stays the connection's. */
static bool knobs_tos(struct conn *c, uint8_t want)
{
	static struct seg syn;

	conn_listen(c, 8);
	conn_seg(c, &syn, SYN, c->iss, 0);
	syn.tos = 0x48;
	tun_send(&syn);
	c->snd_nxt = c->iss + 1;
	STEP(conn_expect(c, SYN | ACK, &seg) && seg.tos == want);
	conn_send(c, ACK, c->snd_nxt, c->rcv_nxt, 0);
	STEP(conn_accept(c));
	STEP(send(c->fd, payload, 100, 0) == 100);
	return conn_expect(c, ACK, &seg) && seg.tos == want;
}

static bool knobs_reflect_tos(struct conn *c)
{
	fsm_tcp_knob("reflect_tos", "1");
	STEP(knobs_tos(c, 0x48));
	fsm_tcp_knob("reflect_tos", "0");
	return true;
}

static bool knobs_own_tos(struct conn *c)
{
	return knobs_tos(c, 0);
}

static bool knobs_writable(const struct conn *c)
{
	struct pollfd pfd = { .fd = c->fd, .events = POLLOUT };

	return poll(&pfd, 1, 0) == 1;
}

/* TCP_NOTSENT_LOWAT of those who have none. */
static bool knobs_notsent_lowat(struct conn *c)
{
	int own = 30000;

	c->my_win = 1000;
	STEP(conn_passive(c));
	STEP(send(c->fd, payload, 9000, 0) == 9000);
	STEP(knobs_writable(c));
	fsm_tcp_knob("notsent_lowat", "8000");
	STEP(!knobs_writable(c));
	fsm_tcp_knob("notsent_lowat", "20000");
	STEP(knobs_writable(c));
	fsm_tcp_knob("notsent_lowat", "8000");
	STEP(!setsockopt(c->fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &own, sizeof(own)));
	STEP(knobs_writable(c));
	fsm_tcp_knob("notsent_lowat", "2147483647");
	return true;
}

/* What arrives behind nine later ones tells of no more reordering than the knob believes. */
static bool knobs_max_reordering(struct conn *c)
{
	c->mss = MSS;
	c->my_win = 65535;
	STEP(conn_passive(c));
	fsm_tcp_knob("max_reordering", "5");
	STEP(send(c->fd, payload, 9000, 0) == 9000);
	knobs_settle(c);
	if (c->want_opts)
		conn_sack(c, c->una, c->una + 8000, c->rcv_nxt);
	tun_barrier();
	conn_sack(c, c->rcv_nxt, 0, 0);
	tun_barrier();
	fsm_tcp_knob("max_reordering", "300");
	return conn_info(c).tcpi_reordering == (c->want_opts ? 5 : 3);
}

/* Segments that are acknowledged after so many milliseconds; one alone might be a delayed ACK. */
static bool knobs_round_trip(struct conn *c, long ms)
{
	struct timespec ts = { .tv_nsec = ms * 1000000 };

	STEP(send(c->fd, payload, 2 * MSS, 0) == 2 * MSS);
	knobs_settle(c);
	nanosleep(&ts, NULL);
	conn_sack(c, c->rcv_nxt, 0, 0);
	tun_barrier();
	return true;
}

/* The least round trip is forgotten after its time. */
static bool knobs_min_rtt(struct conn *c)
{
	int i;

	c->mss = MSS;
	STEP(conn_passive(c));
	STEP(knobs_round_trip(c, 10));
	for (i = 0; i < 20; i++)
		STEP(knobs_round_trip(c, 100));
	STEP(conn_info(c).tcpi_min_rtt < 90000);
	fsm_tcp_knob("min_rtt_wlen", "1");
	for (i = 0; i < 20; i++)
		STEP(knobs_round_trip(c, 100));
	fsm_tcp_knob("min_rtt_wlen", "300");
	return conn_info(c).tcpi_min_rtt >= 90000;
}

/* How much the receive buffer grew for a reader that takes all, a window a round trip. */
static int knobs_growth(struct conn *c)
{
	struct timespec ts = { .tv_nsec = 20000000 };
	int before, after, i, j;
	socklen_t len = sizeof(int);
	char text[64];

	if (!conn_passive(c))
		return -1;
	getsockopt(c->fd, SOL_SOCKET, SO_RCVBUF, &before, &len);
	for (i = 0; i < 10; i++) {
		for (j = 0; j < 40; j++) {
			conn_send(c, ACK | PSH, c->snd_nxt, c->rcv_nxt, 1400);
			c->snd_nxt += 1400;
		}
		nanosleep(&ts, NULL);
		knobs_settle(c);
		conn_read(c, text, sizeof(text));
	}
	getsockopt(c->fd, SOL_SOCKET, SO_RCVBUF, &after, &len);
	return after - before;
}

/* With timestamps native TCP measures the round trip by other segments than come here. */
static bool knobs_moderate(struct conn *c)
{
	return knobs_growth(c) > 0 || (fsm_family == AF_INET && c->want_opts);
}

static bool knobs_immoderate(struct conn *c)
{
	bool ok;

	fsm_tcp_knob("moderate_rcvbuf", "0");
	ok = knobs_growth(c) == 0;
	fsm_tcp_knob("moderate_rcvbuf", "1");
	return ok;
}

static const struct conn_flow flows[] = {
	{ "dsack", knobs_dsack },
	{ "early_retrans 0: no probe", knobs_no_probe },
	{ "early_retrans 3: a probe", knobs_probe },
	{ "reflect_tos 1", knobs_reflect_tos },
	{ "reflect_tos 0", knobs_own_tos },
	{ "notsent_lowat", knobs_notsent_lowat },
	{ "max_reordering", knobs_max_reordering },
	{ "min_rtt_wlen", knobs_min_rtt },
	{ "moderate_rcvbuf 1", knobs_moderate },
	{ "moderate_rcvbuf 0", knobs_immoderate },
};

int main(void)
{
	return conn_flows(flows, ARRAY_SIZE(flows), ", timestamps and SACK");
}

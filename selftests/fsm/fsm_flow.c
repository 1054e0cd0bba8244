// SPDX-License-Identifier: GPL-2.0-only
/*
 * Data: what is sent when, acknowledged when and sent again when, seen from the
 * wire; and what options say. Names give the requirement of RFC 9293 appendix B.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include <xtcp_test.h>

#include "fsm.h"

static struct seg seg;	/* the last one received */
static uint8_t payload[65536];

/* Bytes the socket sends at once, SND.NXT moves; nothing is acknowledged. */
static uint32_t flow_burst(struct conn *c)
{
	uint32_t before = c->rcv_nxt;

	tun_barrier();
	while (tun_recv_barrier(&seg))
		if (conn_ours(c, &seg))
			conn_note(c, &seg);
	return c->rcv_nxt - before;
}

static void flow_ack(struct conn *c, uint32_t ack)
{
	conn_send(c, ACK, c->snd_nxt, ack, 0);
	c->una = ack;
}

static bool flow_start(struct conn *c)
{
	STEP(conn_passive(c));
	return true;
}

/* A connection with more to send than its first window holds. */
static bool flow_full(struct conn *c, uint16_t mss)
{
	int size = 1 << 20;

	c->mss = mss;
	c->my_win = 65535;
	STEP(conn_passive(c));
	setsockopt(c->fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	STEP(send(c->fd, payload, sizeof(payload), MSG_DONTWAIT) > 30000);
	return true;
}

/* RFC 3465, 5681: a segment acknowledged byte by byte opens the window by no more than itself. */
static bool flow_ack_division(struct conn *c)
{
	uint32_t una, sent, more = 0, i;

	STEP(flow_full(c, 536));
	una = c->una;
	sent = flow_burst(c);
	STEP(sent > 0 && sent <= 10 * 536);
	for (i = 1; i <= 500; i++) {
		flow_ack(c, una + i);
		more += flow_burst(c);
	}
	if (more > 3 * 536)
		tap_note("500 bytes acknowledged one by one let %u more out", more);
	return more <= 3 * 536;
}

/* Acks beyond SND.NXT change nothing; those within open by what they cover, at most twice. */
static bool flow_optimistic_ack(struct conn *c)
{
	uint32_t sent, last = 0, i;

	STEP(flow_full(c, 536));
	sent = flow_burst(c);
	for (i = 1; i < 20; i++)
		conn_send(c, ACK, c->snd_nxt, c->rcv_nxt + i * 536, 0);
	STEP(flow_burst(c) == 0);
	for (i = 0; i < 3; i++) {
		last = sent;
		flow_ack(c, c->rcv_nxt);
		sent = flow_burst(c);
		STEP(sent <= 2 * last + 536);
	}
	return true;
}

/* S5, M65, M15: options in the SYN-ACK only when offered; MSS always; 536 when not told. */
static bool flow_syn_options(struct conn *c)
{
	c->mss = c->want_opts ? 1000 : 0;
	conn_listen(c, 8);
	conn_send(c, SYN, c->iss, 0, 0);
	c->snd_nxt = c->iss + 1;
	STEP(conn_expect(c, SYN | ACK, &seg));
	STEP(seg.mss == 1460 && seg.ts == c->want_opts && seg.sackok == c->want_opts);
	STEP((seg.wscale >= 0) == c->want_opts);
	STEP(!c->want_opts || seg.tsecr == c->tsval);
	flow_ack(c, c->rcv_nxt);
	STEP(conn_accept(c));
	STEP(send(c->fd, payload, 5000, 0) == 5000 && conn_answer(c, &seg, 1000));
	return seg.len == (c->want_opts ? 1000 - 12 : 536);
}

/* S18, M40: an ACK may wait, but less than half a second. */
static bool flow_delayed_ack(struct conn *c)
{
	uint64_t start;
	int i;

	STEP(flow_start(c));
	for (i = 0; i < 40; i++) {	/* until the socket is no longer eager */
		conn_send(c, ACK | PSH, c->snd_nxt, c->rcv_nxt, 10);
		c->snd_nxt += 10;
		start = fsm_now_ms();
		STEP(conn_answer(c, &seg, 600) && seg.ack == c->snd_nxt);
		STEP(fsm_now_ms() - start < 500);
	}
	return true;
}

/* A FIN before any data: the socket has learnt of no pace to wait for. */
static bool flow_fin_first(struct conn *c)
{
	uint64_t start;

	STEP(flow_start(c));
	start = fsm_now_ms();
	conn_send(c, ACK | FIN, c->snd_nxt++, c->rcv_nxt, 0);
	STEP(conn_answer(c, &seg, 600) && seg.ack == c->snd_nxt);
	return fsm_now_ms() - start < 30;
}

/* S18: what takes half the buffer must not be told of at once, the reader may be about to. */
static bool flow_half_full(struct conn *c)
{
	uint64_t start;
	int size = 2304;

	STEP(flow_start(c));
	setsockopt(c->fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	start = fsm_now_ms();
	conn_send(c, ACK | PSH, c->snd_nxt, c->rcv_nxt, FSM_PAYLOAD);
	c->snd_nxt += FSM_PAYLOAD;
	STEP(conn_answer(c, &seg, 600) && seg.ack == c->snd_nxt);
	return fsm_now_ms() - start >= 30;
}

/* S19: an ACK at least every second full-sized segment, without waiting. */
static bool flow_ack_every_second(struct conn *c)
{
	uint32_t acks = 0;
	char text[64];
	int i;

	STEP(flow_start(c));
	for (i = 0; i < 20; i++) {
		conn_send(c, ACK | PSH, c->snd_nxt, c->rcv_nxt, 1400);
		c->snd_nxt += 1400;
		tun_barrier();
		while (tun_recv_barrier(&seg))
			acks += conn_ours(c, &seg);
		conn_read(c, text, sizeof(text));
	}
	if (acks < 9)
		tap_note("%u ACKs of 20 segments", acks);
	return acks >= 9;
}

/* A request and its answer, acknowledged; all of it in the peer's next expected words. */
static bool flow_exchange(struct conn *c)
{
	char text[64];

	conn_send(c, ACK | PSH, c->snd_nxt, c->rcv_nxt, 10);
	c->snd_nxt += 10;
	conn_read(c, text, sizeof(text));
	STEP(send(c->fd, payload, 10, 0) == 10);
	STEP(flow_burst(c) == 10);
	flow_ack(c, c->rcv_nxt);
	tun_barrier();
	while (tun_recv_barrier(&seg))
		;
	return true;
}

/* The segment all expect takes the short way and counts; another does not. */
static bool flow_expected(struct conn *c)
{
	long hits, acks;
	int i;

	STEP(flow_start(c));
	STEP(flow_exchange(c));
	hits = fsm_counter("TcpExt", "TCPHPHits");
	acks = fsm_counter("TcpExt", "TCPHPAcks");
	for (i = 0; i < 3; i++)
		STEP(flow_exchange(c));
	/* Native TCP's short way is for segments whose memory it has at hand. */
	if (fsm_family == AF_XTCP)
		STEP(fsm_counter("TcpExt", "TCPHPHits") == hits + 3);
	STEP(fsm_counter("TcpExt", "TCPHPAcks") == acks + 3);
	hits = fsm_counter("TcpExt", "TCPHPHits");
	conn_send(c, ACK | PSH, c->snd_nxt + 10, c->rcv_nxt, 10);
	conn_send(c, ACK | PSH | URG, c->snd_nxt, c->rcv_nxt, 5);
	conn_send(c, ACK, c->snd_nxt + 5, c->rcv_nxt - 1, 0);
	flow_burst(c);
	STEP(fsm_counter("TcpExt", "TCPHPHits") == hits);
	STEP(fsm_counter("TcpExt", "TCPHPAcks") == acks + 3);
	return true;
}

/* S7: a small segment waits while another is in flight; M17: not with TCP_NODELAY. */
static bool flow_nagle(struct conn *c)
{
	int on = 1;

	STEP(flow_start(c));
	STEP(send(c->fd, payload, 10, 0) == 10 && flow_burst(c) == 10);
	STEP(send(c->fd, payload, 10, 0) == 10 && flow_burst(c) == 0);
	STEP(send(c->fd, payload, 10, 0) == 10 && flow_burst(c) == 0);
	flow_ack(c, c->rcv_nxt);
	STEP(flow_burst(c) == 20);
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	STEP(send(c->fd, payload, 10, 0) == 10 && flow_burst(c) == 10);
	STEP(send(c->fd, payload, 10, 0) == 10 && flow_burst(c) == 10);
	return true;
}

static bool flow_old_native(void)
{
	struct utsname name;

	uname(&name);
	return fsm_family == AF_INET && !strncmp(name.release, "6.1.", 4);
}

/* M35 to M37, S29: no data into a zero window, a probe after the RTO, data when it opens. */
static bool flow_zero_window(struct conn *c)
{
	uint64_t start;

	STEP(conn_into(c, P_ESTABLISHED));
	c->my_win = 0;
	conn_send(c, ACK | PSH, c->snd_nxt, c->rcv_nxt, 10);
	c->snd_nxt += 10;
	STEP(conn_answer(c, &seg, 1000));
	STEP(send(c->fd, payload, 100, 0) == 100 && flow_burst(c) == 0);
	start = fsm_now_ms();
	STEP(conn_answer(c, &seg, 2500));
	STEP(fsm_now_ms() - start >= 150 && !(seg.flags & RST));
	STEP((seg.seq == c->una - 1 && !seg.len) || (seg.seq == c->una && seg.len == 1));
	STEP(conn_answer(c, &seg, 2500));
	c->my_win = 20000;
	flow_ack(c, c->una);
	return conn_answer(c, &seg, 1000) && c->rcv_nxt == c->una + 100;
}

/* RFC 9293 3.10.7.4: equal in SEQ and ACK, yet news of the window. Native learned it in 6.5. */
static bool flow_closing_ack(struct conn *c)
{
	STEP(flow_start(c));
	c->my_win = 0;
	flow_ack(c, c->rcv_nxt);
	STEP(send(c->fd, payload, 100, 0) == 100);
	return flow_burst(c) == (flow_old_native() ? 100 : 0);
}

/* RFC 6298: after the RTO, the same bytes again; the gaps double. */
static bool flow_rto(struct conn *c)
{
	uint64_t at, first, second;
	uint32_t seq;

	STEP(flow_start(c));
	STEP(send(c->fd, payload, 100, 0) == 100 && conn_answer(c, &seg, 1000));
	seq = seg.seq;
	do	/* a tail loss probe is no timeout */
		STEP(conn_answer(c, &seg, 3000) && seg.seq == seq && seg.len == 100);
	while (fsm_counter("TcpExt", "TCPTimeouts") == 0);
	at = fsm_now_ms();
	STEP(conn_answer(c, &seg, 4000) && seg.seq == seq && seg.len == 100);
	first = fsm_now_ms() - at;
	at = fsm_now_ms();
	STEP(conn_answer(c, &seg, 6000) && seg.seq == seq && seg.len == 100);
	second = fsm_now_ms() - at;
	if (second * 10 < first * 15 || second > first * 3)
		tap_note("gaps %llu and %llu ms", (unsigned long long)first,
			 (unsigned long long)second);
	return second * 10 >= first * 15 && second <= first * 3;
}

/* RFC 5681 3.2: the third duplicate ACK repairs the hole before any timeout. */
static bool flow_fast_retransmit(struct conn *c)
{
	uint64_t start;
	uint32_t una;
	int i;

	STEP(flow_full(c, 1000));
	STEP(flow_burst(c) >= 5000);
	una = c->una;
	start = fsm_now_ms();
	for (i = 1; i <= 4; i++) {
		static struct seg dup;
		uint16_t mss = c->ts ? 988 : 1000;
		uint32_t left = una + mss, right = una + mss * (i + 1);

		c->tsval++;
		conn_seg(c, &dup, ACK, c->snd_nxt, una);
		if (c->want_opts) {
			uint32_t be[2] = { __builtin_bswap32(left), __builtin_bswap32(right) };

			memcpy(dup.opt, "\1\1\5\12", 4);
			memcpy(dup.opt + 4, be, 8);
			dup.optlen = 12;
		}
		tun_send(&dup);
	}
	while (conn_answer(c, &seg, 150))
		if (seg.seq == una && seg.len)
			return fsm_now_ms() - start < 150;
	return false;
}

/* RFC 2018, 2883: what is above the hole is told, and what came twice. */
static bool flow_sack(struct conn *c)
{
	STEP(flow_start(c));
	conn_send(c, ACK | PSH, c->snd_nxt + 100, c->rcv_nxt, 100);
	STEP(conn_answer(c, &seg, 1000) && seg.ack == c->snd_nxt);
	STEP(seg.nsack == (c->want_opts ? 1 : 0));
	STEP(!seg.nsack || (seg.sack[0][0] == c->snd_nxt + 100 &&
			    seg.sack[0][1] == c->snd_nxt + 200));
	conn_send(c, ACK | PSH, c->snd_nxt, c->rcv_nxt, 100);
	STEP(conn_answer(c, &seg, 1000) && seg.ack == c->snd_nxt + 200 && !seg.nsack);
	conn_send(c, ACK | PSH, c->snd_nxt, c->rcv_nxt, 100);
	STEP(conn_answer(c, &seg, 1000) && seg.ack == c->snd_nxt + 200);
	STEP(seg.nsack == (c->want_opts ? 1 : 0));
	return !seg.nsack || (seg.sack[0][0] == c->snd_nxt && seg.sack[0][1] == c->snd_nxt + 100);
}

/* RFC 7323 5: data with an older timestamp is not taken; the ACK tells where we are. */
static bool flow_paws(struct conn *c)
{
	static struct seg old;
	char text[64];

	STEP(conn_into(c, P_ESTABLISHED));
	conn_seg(c, &old, ACK | PSH, c->snd_nxt, c->rcv_nxt);
	old.tsval -= 100000;
	conn_fill(&old, c->snd_nxt - c->iss - 1, 10);
	tun_send(&old);
	STEP(conn_answer(c, &seg, 1000));
	conn_read(c, text, sizeof(text));
	return c->want_opts ? seg.ack == c->snd_nxt && !strcmp(text, "0") :
			      seg.ack == c->snd_nxt + 10;
}

/* Some peers' clock shows in their SYN-ACK not yet: 0 says nothing of what comes later. */
static bool flow_paws_zero(struct conn *c)
{
	char text[64];

	conn_connect(c);
	STEP(conn_expect(c, SYN, &seg));
	c->tsecr = seg.tsval;
	c->tsval = -1;
	conn_send(c, SYN | ACK, c->iss, c->rcv_nxt, 0);
	c->snd_nxt = c->iss + 1;
	STEP(conn_expect(c, ACK, NULL));
	c->tsval = 0x90000000u;
	conn_send(c, ACK | PSH, c->snd_nxt, c->rcv_nxt, 10);
	STEP(conn_answer(c, &seg, 1000) && seg.ack == c->snd_nxt + 10);
	STEP(!c->want_opts || seg.tsecr == c->tsval);
	return !strcmp(conn_read(c, text, sizeof(text)), "10");
}

/* The same the other way; what comes first behind the SYN is not next to it. */
static bool flow_paws_zero_passive(struct conn *c)
{
	char text[64];

	conn_listen(c, 8);
	c->tsval = -1;
	conn_send(c, SYN, c->iss, 0, 0);
	c->snd_nxt = c->iss + 1;
	STEP(conn_expect(c, SYN | ACK, NULL));
	c->tsval = 0x90000000u;
	conn_send(c, ACK | PSH, c->snd_nxt + 10, c->rcv_nxt, 10);
	STEP(conn_accept(c));
	conn_send(c, ACK | PSH, c->snd_nxt, c->rcv_nxt, 10);
	return !strcmp(conn_read(c, text, sizeof(text)), "20");
}

/* M25 to M27: off by default; when on, a probe of no data after the idle time. */
static bool flow_keepalive(struct conn *c)
{
	int on = 1, idle = 1;

	STEP(flow_start(c));
	STEP(!conn_answer(c, &seg, 1200));
	STEP(!setsockopt(c->fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof(idle)));
	STEP(!setsockopt(c->fd, IPPROTO_TCP, TCP_KEEPINTVL, &idle, sizeof(idle)));
	STEP(!setsockopt(c->fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on)));
	STEP(conn_answer(c, &seg, 2500) && seg.seq == c->una - 1 && !seg.len);
	flow_ack(c, c->rcv_nxt);
	STEP(conn_answer(c, &seg, 2500) && seg.seq == c->una - 1);
	return conn_state(c) == S_ESTABLISHED;
}

/* M34: the peer takes back the window it gave; the connection survives and goes on. */
static bool flow_shrink(struct conn *c)
{
	STEP(flow_full(c, 1000));
	STEP(flow_burst(c) > 3000);
	c->my_win = 500;
	flow_ack(c, c->una + (c->ts ? 988 : 1000));
	flow_burst(c);
	c->my_win = 60000;
	flow_ack(c, c->rcv_nxt);
	STEP(flow_burst(c) > 0);
	return conn_state(c) == S_ESTABLISHED;
}

/* Data waits before a window that is shut, and the peer answers probes for @ms. */
static bool flow_probed(struct conn *c, int ms)
{
	uint64_t end;

	c->my_win = 65535;
	STEP(flow_start(c));
	c->my_win = 0;
	conn_send(c, ACK | PSH, c->snd_nxt, c->rcv_nxt, 10);
	c->snd_nxt += 10;
	STEP(conn_expect(c, ACK, NULL));
	STEP(send(c->fd, payload, sizeof(payload), MSG_DONTWAIT) > 30000);
	end = fsm_now_ms() + ms;
	while (fsm_now_ms() < end)
		if (conn_answer(c, &seg, end - fsm_now_ms()))
			flow_ack(c, c->rcv_nxt);
	return true;
}

/* What a window admits that opens by a part of what waits has no share in the probes' back-off. */
static bool flow_after_probes(struct conn *c)
{
	uint64_t start;

	STEP(flow_probed(c, 60000));
	c->my_win = 8000;
	conn_send(c, ACK, c->snd_nxt, c->una, 0);
	STEP(flow_burst(c) >= 4000);
	start = fsm_now_ms();
	do
		STEP(conn_answer(c, &seg, 10000));
	while (seg.seq != c->una);
	return fsm_now_ms() - start < 3000;
}

/* Nor does the time count that a window was shut before, which native TCP forgets. */
static bool flow_user_timeout_anew(struct conn *c)
{
	unsigned int ms = 5000;
	int error = 0;
	socklen_t len = sizeof(error);

	STEP(flow_probed(c, 0));
	setsockopt(c->fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &ms, sizeof(ms));
	poll(NULL, 0, 4000);
	c->my_win = 8000;
	conn_send(c, ACK, c->snd_nxt, c->una, 0);
	STEP(flow_burst(c) >= 4000);
	c->my_win = 0;
	conn_send(c, ACK | PSH, c->snd_nxt, c->rcv_nxt, 10);
	c->snd_nxt += 10;
	poll(NULL, 0, 3000);
	getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &len);
	return fsm_family == AF_INET || !error;
}

/* Acknowledges each segment until @n have come. */
static bool flow_take(struct conn *c, int n)
{
	for (; n; n -= seg.len > 0) {
		STEP(conn_answer(c, &seg, 5000));
		flow_ack(c, c->rcv_nxt);
	}
	return true;
}

/* SO_MAX_PACING_RATE, where a segment takes longer than the timers of an empty path. */
static bool flow_paced(struct conn *c)
{
	unsigned int rate = 2000;	/* bytes a second */
	uint64_t start, passed;
	uint32_t from;

	c->mss = 1000;
	c->my_win = 65535;
	STEP(conn_passive(c));
	STEP(!setsockopt(c->fd, SOL_SOCKET, SO_MAX_PACING_RATE, &rate, sizeof(rate)));
	STEP(send(c->fd, payload, 40000, MSG_DONTWAIT) == 40000);
	STEP(flow_take(c, 14));		/* native's first ten are free */
	start = fsm_now_ms();
	from = c->rcv_nxt;
	STEP(flow_take(c, 10));
	passed = fsm_now_ms() - start;
	if (passed < 4000 || passed > 7000)
		tap_note("%u bytes in %llu ms", c->rcv_nxt - from, (unsigned long long)passed);
	return passed >= 4000 && passed <= 7000;
}

#define FLOW_WRAP_MS	4294967u	/* of a clock of microseconds in 32 bits */

/* RFC 5681 4.1: after a silence, be it as long as some clock goes round, a window is as new. */
static bool flow_idle_restart(struct conn *c)
{
	struct timespec nap = { .tv_sec = FLOW_WRAP_MS / 1000 };
	uint32_t sent, most = 0;
	uint64_t last = 0;

	STEP(flow_full(c, 1000));
	while ((sent = flow_burst(c))) {
		last = fsm_now_ms();
		most = sent > most ? sent : most;
		flow_ack(c, c->rcv_nxt);
	}
	STEP(most >= 15000);
	STEP(fsm_now_ms() - last < 500);
	nanosleep(&nap, NULL);
	usleep((last + FLOW_WRAP_MS + 80 - fsm_now_ms()) * 1000);
	STEP(fsm_now_ms() - last < FLOW_WRAP_MS + 180);
	STEP(send(c->fd, payload, sizeof(payload), MSG_DONTWAIT) > 30000);
	return flow_burst(c) <= 10000;
}

static const struct conn_flow flows[] = {
	{ "acks of single bytes", flow_ack_division },
	{ "optimistic acks", flow_optimistic_ack },
	{ "options of the SYN-ACK, default MSS (S5, M15)", flow_syn_options },
	{ "delayed ACK below 500 ms (M40)", flow_delayed_ack },
	{ "a FIN before any data is not put off", flow_fin_first },
	{ "delayed ACK of what half fills the buffer (S18)", flow_half_full },
	{ "ACK of every second segment (S19)", flow_ack_every_second },
	{ "expected segments take the short way", flow_expected },
	{ "Nagle and TCP_NODELAY (S7, M17)", flow_nagle },
	{ "zero window: probe, then data (M36, S29)", flow_zero_window },
	{ "a pure ACK closes the window", flow_closing_ack },
	{ "a window opens in part: no back-off stays", flow_after_probes },
	{ "a window opens in part: TCP_USER_TIMEOUT begins anew", flow_user_timeout_anew },
	{ "retransmission timeout doubles (M19)", flow_rto },
	{ "fast retransmit", flow_fast_retransmit },
	{ "SACK and D-SACK", flow_sack },
	{ "PAWS", flow_paws },
	{ "PAWS: SYN-ACK at time 0", flow_paws_zero },
	{ "PAWS: SYN at time 0", flow_paws_zero_passive },
	{ "keepalive (M25, M26)", flow_keepalive },
	{ "shrinking window (M34)", flow_shrink },
	{ "pacing slower than the timeouts", flow_paced },
	{ "a window after 71.6 minutes", flow_idle_restart },
};

int main(void)
{
	return conn_flows(flows, ARRAY_SIZE(flows), ", timestamps and SACK");
}

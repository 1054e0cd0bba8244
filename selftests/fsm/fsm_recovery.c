// SPDX-License-Identifier: GPL-2.0-only
/*
 * Loss recovery on the wire: what goes again, after a timeout or before any, and what a
 * hostile receiver makes of SACKs. Runs where idle time costs nothing (scripts/vm -i).
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <linux/sock_diag.h>
#include <linux/xtcp.h>
#include "fsm_tcp_info.h"

#define MSS	1000u

static struct seg seg;	/* the last one received */
static uint8_t payload[65536];
static uint32_t mss;	/* bytes a segment carries */

static bool rec_open(struct conn *c)
{
	int size = 1 << 20;

	c->mss = MSS;
	c->my_win = 65535;
	STEP(conn_passive(c));
	mss = c->ts ? MSS - 12 : MSS;
	setsockopt(c->fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	return true;
}

/* A connection with more to send than its first window holds. */
static bool rec_full(struct conn *c)
{
	STEP(rec_open(c));
	STEP(send(c->fd, payload, sizeof(payload), MSG_DONTWAIT) > 30000);
	return true;
}

/* @n segments are out, and there are no more. */
static bool rec_send(struct conn *c, uint32_t n)
{
	uint32_t end = c->rcv_nxt + n * mss;

	STEP(send(c->fd, payload, n * mss, MSG_DONTWAIT) == (ssize_t)(n * mss));
	while (c->rcv_nxt != end)
		STEP(conn_answer(c, &seg, 2000));
	return true;
}

/**
 * struct burst - the segments that came at once
 * @fresh: never seen before, @again: seen before; @head: at SND.UNA
 */
struct burst {
	int fresh, again, head;
};

static struct burst rec_burst(struct conn *c)
{
	struct burst b = { };

	tun_barrier();
	while (tun_recv_barrier(&seg)) {
		if (!conn_ours(c, &seg) || !seg.len)
			continue;
		if (seg.seq == c->rcv_nxt)
			b.fresh++;
		else
			b.again++;
		b.head += seg.seq == c->una;
		conn_note(c, &seg);
	}
	return b;
}

/* Ten segments out and no answer, until the timer sent the first again. */
static bool rec_timeout(struct conn *c)
{
	STEP(rec_full(c));
	STEP(rec_burst(c).fresh >= 10);
	do	/* a tail loss probe is no timeout */
		STEP(conn_answer(c, &seg, 3000));
	while (seg.seq != c->una);
	return true;
}

/* RFC 5682: new data for the first ACK; and what was never sent again arrives. */
static bool rec_frto_spurious(struct conn *c)
{
	long before = fsm_counter("TcpExt", "TCPSpuriousRTOs");
	struct burst b;

	STEP(rec_timeout(c));
	conn_sack(c, c->una + mss, 0, 0);
	b = rec_burst(c);
	STEP(b.fresh >= 1 && b.fresh <= 2 && !b.again);
	conn_sack(c, c->una + mss, 0, 0);
	b = rec_burst(c);
	STEP(!b.again);
	STEP(fsm_counter("TcpExt", "TCPSpuriousRTOs") == before + 1);
	return conn_info(c).tcpi_snd_cwnd >= 10 && conn_info(c).tcpi_ca_state == 0;
}

/* The new data arrives, the hole stays: all goes again. */
static bool rec_frto_loss(struct conn *c)
{
	long before = fsm_counter("TcpExt", "TCPSpuriousRTOs");
	uint32_t nxt;
	struct burst b;

	STEP(rec_timeout(c));
	nxt = c->rcv_nxt;
	conn_sack(c, c->una + mss, 0, 0);
	b = rec_burst(c);
	STEP(b.fresh >= 1 && !b.again);
	conn_sack(c, c->una, nxt, c->want_opts ? nxt + mss : 0);
	b = rec_burst(c);
	STEP(b.head == 1 && !b.fresh);
	return fsm_counter("TcpExt", "TCPSpuriousRTOs") == before;
}

static bool rec_frto_off(struct conn *c)
{
	struct burst b;

	fsm_tcp_knob("frto", "0");
	STEP(rec_timeout(c));
	fsm_tcp_knob("frto", "2");
	conn_sack(c, c->una + mss, 0, 0);
	b = rec_burst(c);
	return b.head == 1 && !b.fresh;
}

/* The window grows by what an ACK newly delivers: what was told by SACK or duplicate ACK is not. */
static bool rec_growth(struct conn *c)
{
	STEP(rec_full(c));
	STEP(rec_burst(c).fresh == 10);
	if (c->want_opts) {
		conn_sack(c, c->una + mss, c->una + 2 * mss, c->una + 3 * mss);
		return conn_info(c).tcpi_snd_cwnd == 12;
	}
	conn_sack(c, c->una, 0, 0);
	conn_sack(c, c->una, 0, 0);
	STEP(conn_info(c).tcpi_snd_cwnd == 10);
	conn_sack(c, c->una + 3 * mss, 0, 0);
	return conn_info(c).tcpi_snd_cwnd == 11;
}

/* An ACK that was overtaken still tells what the peer holds. */
static bool rec_old_ack(struct conn *c)
{
	uint32_t una;

	if (!c->want_opts)
		return true;
	STEP(rec_full(c));
	STEP(rec_burst(c).fresh == 10);
	una = c->una + 2 * mss;
	conn_sack(c, una, 0, 0);
	conn_sack(c, una - mss, una + mss, una + 2 * mss);
	c->una = una;
	return conn_info(c).tcpi_sacked == 1;
}

#define RECOVERY	3	/* tcpi_ca_state */

/* What came out of order is answered with the timestamp of the last in order (RFC 7323 4.3). */
static void rec_sack_behind(struct conn *c, uint32_t left, uint32_t right, uint32_t echo)
{
	usleep(10000);		/* no sooner than a round trip takes */
	c->tsecr = echo;
	conn_sack(c, c->una, left, right);
}

/* RFC 8985 7: what the probe overtook is lost, and no timeout has to say so. */
static bool rec_tail_probe(struct conn *c)
{
	struct burst b;
	uint32_t echo;

	if (!c->want_opts)
		return true;
	STEP(rec_open(c) && rec_send(c, 10));
	echo = c->tsecr;
	conn_sack(c, c->una + 7 * mss, 0, 0);
	STEP(conn_answer(c, &seg, 1000) && seg.seq == c->rcv_nxt - mss);
	rec_sack_behind(c, seg.seq, c->rcv_nxt, echo);
	b = rec_burst(c);
	STEP(b.again == 1 && b.head == 1 && !b.fresh);
	STEP(conn_info(c).tcpi_ca_state == RECOVERY);
	conn_sack(c, c->una + mss, 0, 0);
	b = rec_burst(c);
	return b.again == 1 && b.head == 1;
}

/* What went again is lost again if what went again later arrives. */
static bool rec_lost_again(struct conn *c)
{
	struct burst b;
	uint32_t echo;

	if (!c->want_opts)
		return true;
	STEP(rec_open(c) && rec_send(c, 10));
	echo = c->tsecr;
	rec_sack_behind(c, c->una + 5 * mss, c->rcv_nxt, echo);
	b = rec_burst(c);
	STEP(b.again > 1 && b.head == 1);
	rec_sack_behind(c, c->una + mss, c->una + 2 * mss, echo);
	return rec_burst(c).head == 1;
}

/* Dup ACKs or SACKs of the upper half: the lower is lost. */
static void rec_lose(struct conn *c)
{
	uint32_t left = c->want_opts ? c->una + 5 * mss : 0;
	int i;

	for (i = 0; i < 3; i++)
		conn_sack(c, c->una, left, left ? c->rcv_nxt : 0);
}

/* BBR leaves no threshold behind: who ends its recovery for it has no window to set. */
static bool rec_change_cc(struct conn *c)
{
	STEP(rec_open(c));
	if (setsockopt(c->fd, IPPROTO_TCP, TCP_CONGESTION, "bbr", 3))
		return fsm_family == AF_INET;
	STEP(rec_send(c, 10));
	rec_lose(c);
	tun_barrier();
	STEP(conn_info(c).tcpi_ca_state == RECOVERY);
	STEP(!setsockopt(c->fd, IPPROTO_TCP, TCP_CONGESTION, "cubic", 5));
	rec_burst(c);
	conn_sack(c, c->rcv_nxt, 0, 0);
	STEP(rec_send(c, 2));
	conn_sack(c, c->rcv_nxt, 0, 0);
	rec_burst(c);
	STEP(conn_info(c).tcpi_ca_state == 0);
	if (conn_info(c).tcpi_snd_cwnd > 100)
		tap_note("cwnd %u", conn_info(c).tcpi_snd_cwnd);
	return conn_info(c).tcpi_snd_cwnd >= 2 && conn_info(c).tcpi_snd_cwnd <= 100;
}

/* What a router between says of a segment that begins at @seq. */
static void rec_frag_needed(const struct conn *c, uint32_t seq, uint16_t mtu)
{
	uint8_t quote[28] = { 0x45 };
	uint32_t be32[] = { htonl(FSM_LOCAL), htonl(c->raddr), htonl(seq) };
	uint16_t be16[] = { htons(c->lport), htons(c->rport) };

	quote[2] = MSS >> 8;	/* the length of a packet that it could be */
	quote[6] = 0x40;	/* DF */
	quote[9] = IPPROTO_TCP;
	memcpy(quote + 12, be32, 8);
	memcpy(quote + 20, be16, 4);
	memcpy(quote + 24, be32 + 2, 4);
	tun_icmp(3, 4, mtu, quote, sizeof(quote));
}

/* RFC 1191: what is too big goes again at once, whatever duplicate ACKs have stood for. */
static bool rec_path_shrinks(struct conn *c)
{
	struct burst b;

	c->raddr += 10 + c->want_opts;	/* no other connection's path */
	STEP(rec_full(c));
	STEP(rec_burst(c).fresh >= 10);
	conn_sack(c, c->una, 0, 0);
	conn_sack(c, c->una, 0, 0);
	rec_burst(c);
	rec_frag_needed(c, c->una, 800);
	b = rec_burst(c);
	return b.head == 1 && b.again > 1 && seg.len < mss;
}

/* The probe comes before the timeout, and puts it off, however coarse a clock the kernel has. */
static bool rec_probe_first(struct conn *c)
{
	long probes = 0, timeouts = 0;
	int i;

	if (!c->want_opts)
		return true;
	STEP(conn_passive(c));
	for (i = 0; i < 18; i++) {
		if (i == 12) {
			probes = fsm_counter("TcpExt", "TCPLossProbes");
			timeouts = fsm_counter("TcpExt", "TCPTimeouts");
		}
		STEP(send(c->fd, payload, 100, 0) == 100);
		STEP(rec_burst(c).fresh == 1);
		if (i < 12 || i % 2)	/* else the probe before was not judged yet */
			usleep(100000);
		else
			STEP(conn_answer(c, &seg, 1000) && seg.seq == c->una);
		conn_sack(c, c->rcv_nxt, 0, 0);
	}
	STEP(fsm_counter("TcpExt", "TCPTimeouts") == timeouts);
	return fsm_counter("TcpExt", "TCPLossProbes") == probes + 3;
}

#define TINY	100u	/* MSS */

/* Many small segments in flight, not more than the device's queue holds. */
static bool rec_tiny(struct conn *c, int sndbuf)
{
	int i;

	c->mss = TINY;
	c->my_win = 65535;
	STEP(conn_passive(c));
	mss = c->ts ? TINY - 12 : TINY;
	setsockopt(c->fd, SOL_SOCKET, SO_SNDBUF, &sndbuf, sizeof(sndbuf));
	for (i = 0; i < 5; i++) {
		while (send(c->fd, payload, sizeof(payload), MSG_DONTWAIT) > 0)
			;
		rec_burst(c);
		conn_sack(c, c->rcv_nxt, 0, 0);
	}
	rec_burst(c);
	return true;
}

static uint64_t rec_now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

/* Nanoseconds of guest time, instructions here, for an ACK with one of @n blocks in turn. */
static uint64_t rec_cost(struct conn *c, unsigned int n, uint32_t segs)
{
	uint64_t start, sum = 0;
	unsigned int i;

	for (i = 0; i < 200 + n; i++) {
		uint32_t left = c->una + mss * (1 + i % n * (segs + 1));

		start = rec_now_ns();
		conn_sack(c, c->una, left, left + mss * segs);
		if (i >= n)
			sum += rec_now_ns() - start;
		if (i % 50 == 0)
			rec_burst(c);
	}
	return sum / 200;
}

/* What a peer says it holds is looked at once, even if it says it in turns. */
static bool rec_sack_cost(struct conn *c)
{
	uint64_t same, two, many;

	if (!c->want_opts)
		return true;
	STEP(rec_tiny(c, 1 << 20));
	STEP((c->rcv_nxt - c->una) / mss > 200);
	same = rec_cost(c, 1, 80);
	two = rec_cost(c, 2, 80);
	many = rec_cost(c, 20, 8);
	tap_note("an ACK costs %llu, two blocks in turn %llu, twenty %llu ns",
		 (unsigned long long)same, (unsigned long long)two, (unsigned long long)many);
	return two < 3 * same && many < 4 * same;
}

/* CVE-2019-11478: a queue cut to pieces takes no more memory than its buffer allows for. */
static bool rec_sack_memory(struct conn *c)
{
	uint32_t mem[SK_MEMINFO_VARS], most = 0, limit, at, end;
	socklen_t len = sizeof(mem);

	if (!c->want_opts)
		return true;
	STEP(rec_tiny(c, 20000));
	end = c->rcv_nxt;
	for (at = c->una + mss; (int32_t)(end - at) > (int32_t)mss; at += 2 * mss) {
		conn_sack(c, c->una, at, at + mss);
		STEP(!getsockopt(c->fd, SOL_SOCKET, SO_MEMINFO, mem, &len));
		if (mem[SK_MEMINFO_WMEM_QUEUED] > most)
			most = mem[SK_MEMINFO_WMEM_QUEUED];
	}
	rec_burst(c);
	limit = 2 * (mem[SK_MEMINFO_SNDBUF] + 2 * 65536) + 65536;
	tap_note("%u bytes of %u", most, limit);
	return most > 0 && most < limit;
}

static long rec_undos(void)
{
	return fsm_counter("TcpExt", "TCPFullUndo") + fsm_counter("TcpExt", "TCPLossUndo") +
	       fsm_counter("TcpExt", "TCPDSACKUndo");
}

/* The first of six segments is lost; the retransmission leaves @us before a millisecond ends. */
static bool rec_lose_one(struct conn *c, unsigned int us)
{
	long undos = rec_undos();
	struct burst b;

	c->mss = MSS;
	c->my_win = 65535;
	STEP(conn_passive(c));
	mss = MSS - 12;
	STEP(send(c->fd, payload, 6 * mss, 0) == (ssize_t)(6 * mss));
	STEP(rec_burst(c).fresh == 6);
	while (rec_now_ns() % 1000000 < 1000000 - 1000 * us)
		;
	conn_sack(c, c->una, c->una + mss, c->rcv_nxt);
	b = rec_burst(c);
	STEP(b.head == 1 && b.again == 1);
	conn_sack(c, c->rcv_nxt, 0, 0);
	STEP(rec_undos() == undos);
	return conn_info(c).tcpi_snd_cwnd < 10;
}

/* The ACK of a retransmission is never taken for the original's, whenever its clock ticks. */
static bool rec_real_loss(struct conn *c)
{
	unsigned int us;
	struct conn one;
	bool ok = true;

	if (!c->want_opts)
		return true;
	for (us = 1; ok && us < 400; us += 2) {
		conn_init(&one, fsm_family, true);
		ok = rec_lose_one(&one, us);
		if (!ok)
			tap_note("%u us before the tick", us);
		conn_kill(&one);
	}
	return ok;
}

/* A buffer that shrinks under what is queued: it still goes out, and what is lost again. */
static bool rec_small_buffer(struct conn *c)
{
	int size = 1 << 20, least = 1;
	uint32_t end;
	ssize_t n;

	c->mss = MSS;
	c->my_win = 65535;
	STEP(conn_passive(c));
	STEP(!setsockopt(c->fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)));
	end = c->rcv_nxt;
	while ((n = send(c->fd, payload, sizeof(payload), MSG_DONTWAIT)) > 0)
		end += n;
	STEP(end - c->rcv_nxt > 1 << 19);
	STEP(!setsockopt(c->fd, SOL_SOCKET, SO_SNDBUF, &least, sizeof(least)));
	STEP(rec_burst(c).fresh >= 10);
	do
		STEP(conn_answer(c, &seg, 3000));
	while (seg.seq != c->una);
	do {
		conn_sack(c, c->rcv_nxt, 0, 0);
		STEP(rec_burst(c).fresh || conn_answer(c, &seg, 3000));
	} while (c->rcv_nxt != end);
	return true;
}

static const struct conn_flow flows[] = {
	{ "F-RTO: a spurious timeout", rec_frto_spurious },
	{ "F-RTO: a loss", rec_frto_loss },
	{ "F-RTO: off", rec_frto_off },
	{ "the window grows by what is newly delivered", rec_growth },
	{ "SACKs of an ACK that was overtaken", rec_old_ack },
	{ "a loss is never undone", rec_real_loss },
	{ "a send buffer that shrinks", rec_small_buffer },
	{ "the tail-loss probe shows what else is lost", rec_tail_probe },
	{ "a retransmission is lost", rec_lost_again },
	{ "from BBR to CUBIC amid a recovery", rec_change_cc },
	{ "segments too big for the path", rec_path_shrinks },
	{ "a probe of the tail before the timeout", rec_probe_first },
	{ "SACKs in turn", rec_sack_cost },
	{ "SACKs that cut the queue to pieces", rec_sack_memory },
};

int main(void)
{
	return conn_flows(flows, ARRAY_SIZE(flows), ", timestamps and SACK");
}

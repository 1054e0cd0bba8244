// SPDX-License-Identifier: GPL-2.0-only
/*
 * ECN on the wire (RFC 3168): who asks and who grants, what is marked, echoed and
 * answered. Numbers in names are the RFC's sections.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/xtcp.h>
#include "fsm_tcp_info.h"

#define ECN_MASK	3
#define ECN_ECT1	1
#define ECN_ECT0	2
#define ECN_CE		3
#define ECN_SETUP	(ECE | CWR)

static struct seg seg;	/* the last one received */
static uint8_t payload[65536];

/* A SYN with these flags and TOS; the answer is in seg. */
static bool ecn_syn(struct conn *c, uint16_t flags, uint8_t tos)
{
	static struct seg syn;

	conn_listen(c, 8);
	conn_seg(c, &syn, SYN | flags, c->iss, 0);
	syn.tos = tos;
	tun_send(&syn);
	c->snd_nxt = c->iss + 1;
	return conn_answer(c, &seg, 1000) && (seg.flags & SYN) && !(seg.tos & ECN_MASK);
}

static void ecn_ack(struct conn *c, uint16_t flags, uint32_t ack)
{
	conn_send(c, ACK | flags, c->snd_nxt, ack, 0);
	c->una = ack;
}

static bool ecn_accept(struct conn *c)
{
	int size = 1 << 20;

	ecn_ack(c, 0, c->rcv_nxt);
	STEP(conn_accept(c));
	setsockopt(c->fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	return true;
}

/* A connection with ECN, the socket passive. */
static bool ecn_start(struct conn *c)
{
	c->mss = 1000;
	c->my_win = 65535;
	STEP(ecn_syn(c, ECN_SETUP, 0) && (seg.flags & ECN_SETUP) == ECE);
	return ecn_accept(c);
}

/* Data of the harness, with a mark; the answer is in seg. */
static bool ecn_data(struct conn *c, uint16_t flags, uint8_t tos)
{
	static struct seg data;

	c->tsval++;
	conn_seg(c, &data, ACK | PSH | flags, c->snd_nxt, c->rcv_nxt);
	conn_fill(&data, c->snd_nxt - c->iss - 1, 10);
	data.tos = tos;
	tun_send(&data);
	c->snd_nxt += 10;
	return conn_answer(c, &seg, 1000) && seg.ack == c->snd_nxt;
}

/**
 * struct burst - the segments that came at once
 * @data, @ect: with data, of these marked ECT(0)
 * @cwr, @first_cwr: with CWR; the first one has it
 */
struct burst {
	int data, ect, cwr;
	bool first_cwr;
};

static struct burst ecn_burst(struct conn *c)
{
	struct burst b = { };

	tun_barrier();
	while (tun_recv_barrier(&seg)) {
		if (!conn_ours(c, &seg) || !seg.len)
			continue;
		conn_note(c, &seg);
		b.first_cwr |= !b.data && (seg.flags & CWR);
		b.cwr += !!(seg.flags & CWR);
		b.ect += (seg.tos & ECN_MASK) == ECN_ECT0;
		b.data++;
	}
	return b;
}

static bool ecn_granted(struct conn *c)
{
	STEP(ecn_start(c));
	STEP(conn_info(c).tcpi_options & TCPI_OPT_ECN);
	STEP(!(conn_info(c).tcpi_options & TCPI_OPT_ECN_SEEN));
	STEP(ecn_data(c, 0, ECN_ECT0));
	return conn_info(c).tcpi_options & TCPI_OPT_ECN_SEEN;
}

static bool ecn_refused(struct conn *c)
{
	static const struct {
		uint16_t flags;
		uint8_t tos;
	} syn[] = { { 0, 0 }, { ECE, 0 }, { CWR, 0 }, { ECN_SETUP, ECN_ECT0 },
		    { ECN_SETUP, ECN_CE } };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(syn); i++) {
		STEP(ecn_syn(c, syn[i].flags, syn[i].tos));
		if (seg.flags & ECN_SETUP)
			tap_note("SYN %u was granted", i);
		STEP(!(seg.flags & ECN_SETUP));
		conn_kill(c);
		conn_init(c, fsm_family, c->want_opts);
	}
	fsm_tcp_knob("ecn", "0");
	STEP(ecn_syn(c, ECN_SETUP, 0));
	fsm_tcp_knob("ecn", "2");
	return !(seg.flags & ECN_SETUP);
}

/* 2: not asked for; 1: asked for, and granted by a SYN-ACK with ECE alone. */
static bool ecn_asked(struct conn *c)
{
	conn_connect(c);
	STEP(conn_answer(c, &seg, 1000) && !(seg.flags & ECN_SETUP));
	conn_kill(c);
	conn_init(c, fsm_family, c->want_opts);
	fsm_tcp_knob("ecn", "1");
	conn_connect(c);
	fsm_tcp_knob("ecn", "2");
	STEP(conn_answer(c, &seg, 1000) && (seg.flags & ECN_SETUP) == ECN_SETUP && !seg.tos);
	conn_send(c, SYN | ACK | ECE, c->iss, c->rcv_nxt, 0);
	c->snd_nxt = c->iss + 1;
	STEP(conn_answer(c, &seg, 1000) && !seg.len && !seg.tos && !(seg.flags & ECN_SETUP));
	STEP(conn_info(c).tcpi_options & TCPI_OPT_ECN);
	STEP(send(c->fd, payload, 500, 0) == 500 && conn_answer(c, &seg, 1000));
	return seg.tos == ECN_ECT0;
}

static bool ecn_denied(struct conn *c)
{
	static const uint16_t answer[] = { 0, CWR, ECN_SETUP };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(answer); i++) {
		fsm_tcp_knob("ecn", "1");
		conn_connect(c);
		fsm_tcp_knob("ecn", "2");
		STEP(conn_answer(c, &seg, 1000) && (seg.flags & ECN_SETUP) == ECN_SETUP);
		conn_send(c, SYN | ACK | answer[i], c->iss, c->rcv_nxt, 0);
		c->snd_nxt = c->iss + 1;
		STEP(conn_answer(c, &seg, 1000) && !(conn_info(c).tcpi_options & TCPI_OPT_ECN));
		STEP(send(c->fd, payload, 500, 0) == 500 && conn_answer(c, &seg, 1000));
		STEP(seg.len == 500 && !seg.tos);
		conn_kill(c);
		conn_init(c, fsm_family, c->want_opts);
	}
	return true;
}

/*
 * 6.1.1.1: the SYN goes again without; then a host must not mark (6.1.1), which native
 * TCP does if the answer is to the first one.
 */
static bool ecn_fallback(struct conn *c)
{
	long before = fsm_counter("XTcp", "EcnFallback");

	fsm_tcp_knob("ecn", "1");
	conn_connect(c);
	STEP(conn_answer(c, &seg, 1000) && (seg.flags & ECN_SETUP) == ECN_SETUP);
	STEP(conn_answer(c, &seg, 3000) && (seg.flags & SYN) && !(seg.flags & ECN_SETUP));
	fsm_tcp_knob("ecn", "2");
	conn_send(c, SYN | ACK | ECE, c->iss, c->rcv_nxt, 0);
	c->snd_nxt = c->iss + 1;
	STEP(conn_answer(c, &seg, 1000));
	STEP(send(c->fd, payload, 500, 0) == 500 && conn_answer(c, &seg, 1000) && seg.len == 500);
	STEP(seg.tos == (fsm_family == AF_XTCP ? 0 : ECN_ECT0));
	STEP(fsm_family != AF_XTCP || fsm_counter("XTcp", "EcnFallback") == before + 1);
	ecn_ack(c, 0, c->rcv_nxt);
	STEP(ecn_data(c, 0, ECN_CE));
	return seg.flags & ECE;
}

static bool ecn_no_fallback(struct conn *c)
{
	fsm_tcp_knob("ecn", "1");
	fsm_tcp_knob("ecn_fallback", "0");
	conn_connect(c);
	STEP(conn_answer(c, &seg, 1000) && (seg.flags & ECN_SETUP) == ECN_SETUP);
	STEP(conn_answer(c, &seg, 3000) && (seg.flags & ECN_SETUP) == ECN_SETUP);
	fsm_tcp_knob("ecn", "2");
	fsm_tcp_knob("ecn_fallback", "1");
	return true;
}

static bool ecn_crossed(struct conn *c)
{
	fsm_tcp_knob("ecn", "1");
	conn_connect(c);
	fsm_tcp_knob("ecn", "2");
	STEP(conn_answer(c, &seg, 1000) && (seg.flags & ECN_SETUP) == ECN_SETUP);
	conn_send(c, SYN | ECN_SETUP, c->iss, 0, 0);
	c->snd_nxt = c->iss + 1;
	STEP(conn_answer(c, &seg, 1000) && (seg.flags & SYN) && (seg.flags & ECN_SETUP) == ECE);
	ecn_ack(c, 0, c->rcv_nxt);
	return conn_info(c).tcpi_options & TCPI_OPT_ECN;
}

/* New data is marked, all else is not: ACKs, retransmissions (6.1.4, 6.1.5). */
static bool ecn_marks(struct conn *c)
{
	struct burst b;
	uint32_t una;

	STEP(ecn_start(c));
	STEP(ecn_data(c, 0, ECN_ECT0) && !(seg.tos & ECN_MASK));
	STEP(send(c->fd, payload, 5000, 0) == 5000);
	b = ecn_burst(c);
	STEP(b.data >= 5 && b.ect == b.data && !b.cwr);
	una = c->una;
	do	/* a probe, a timeout */
		STEP(conn_answer(c, &seg, 3000) && !(seg.tos & ECN_MASK));
	while (seg.seq != una);
	return true;
}

/* 6.1.3: ECE from CE until CWR; CE in the segment with CWR begins anew. */
static bool ecn_echo(struct conn *c)
{
	STEP(ecn_start(c));
	STEP(ecn_data(c, 0, ECN_ECT0) && !(seg.flags & ECE));
	STEP(ecn_data(c, 0, ECN_CE) && (seg.flags & ECE));
	STEP(ecn_data(c, 0, ECN_ECT0) && (seg.flags & ECE));
	STEP(send(c->fd, payload, 500, 0) == 500 && conn_answer(c, &seg, 1000));
	STEP(seg.len && (seg.flags & ECE));
	ecn_ack(c, 0, c->rcv_nxt);
	STEP(ecn_data(c, CWR, ECN_ECT1) && !(seg.flags & ECE));
	STEP(ecn_data(c, 0, ECN_ECT0) && !(seg.flags & ECE));
	STEP(ecn_data(c, 0, ECN_CE) && (seg.flags & ECE));
	STEP(ecn_data(c, CWR, ECN_CE) && (seg.flags & ECE));
	STEP(ecn_data(c, CWR, ECN_ECT0) && !(seg.flags & ECE));
	return fsm_family != AF_XTCP || fsm_counter("XTcp", "EcnCEData") >= 3;
}

static bool ecn_echo_quick(struct conn *c)
{
	uint64_t start;
	int i;

	STEP(ecn_start(c));
	for (i = 0; i < 30; i++)	/* until ACKs wait */
		STEP(ecn_data(c, 0, ECN_ECT0));
	start = fsm_now_ms();
	STEP(ecn_data(c, 0, ECN_CE) && (seg.flags & ECE));
	return fsm_now_ms() - start < 30;
}

/* 6.1.2: one cut for a window, whatever ECE come; CWR on the next new segment, once. */
static bool ecn_cut(struct conn *c)
{
	long before = fsm_counter("TcpExt", "TCPDeliveredCE");
	struct burst b, all = { };
	uint32_t ssthresh;
	int i;

	STEP(ecn_start(c));
	STEP(send(c->fd, payload, sizeof(payload), MSG_DONTWAIT) > 30000);
	b = ecn_burst(c);
	STEP(b.data >= 9 && !b.cwr);
	ecn_ack(c, ECE, c->una + 2 * (c->ts ? 988 : 1000));
	all = ecn_burst(c);
	ssthresh = conn_info(c).tcpi_snd_ssthresh;
	STEP(ssthresh >= 5 && ssthresh <= 7);
	STEP(fsm_counter("TcpExt", "TCPDeliveredCE") == before + 2);
	for (i = 0; i < 3; i++) {
		ecn_ack(c, ECE, c->una + 2 * (c->ts ? 988 : 1000));
		b = ecn_burst(c);
		all.first_cwr |= !all.data && b.first_cwr;
		all.data += b.data;
		all.cwr += b.cwr;
		all.ect += b.ect;
	}
	STEP(conn_info(c).tcpi_snd_ssthresh == ssthresh && conn_info(c).tcpi_snd_cwnd <= 8);
	STEP(all.data > 0 && all.first_cwr && all.cwr == 1 && all.ect == all.data);
	STEP(fsm_family != AF_XTCP || fsm_counter("XTcp", "EcnWindowCuts") > 0);
	/* The next window again. */
	ecn_ack(c, 0, c->rcv_nxt);
	b = ecn_burst(c);
	STEP(b.data > 0 && !b.cwr);
	ecn_ack(c, ECE, c->rcv_nxt);
	b = ecn_burst(c);
	return b.first_cwr && b.cwr == 1 && conn_info(c).tcpi_snd_ssthresh < ssthresh;
}

/* ECE from a peer that did not agree means nothing. */
static bool ecn_bogus(struct conn *c)
{
	struct burst b;
	uint32_t cwnd;

	c->mss = 1000;
	c->my_win = 65535;
	STEP(ecn_syn(c, 0, 0) && ecn_accept(c));
	STEP(send(c->fd, payload, sizeof(payload), MSG_DONTWAIT) > 20000);
	b = ecn_burst(c);
	STEP(b.data >= 9 && !b.ect);
	cwnd = conn_info(c).tcpi_snd_cwnd;
	ecn_ack(c, ECE, c->rcv_nxt);
	b = ecn_burst(c);
	STEP(b.data > 0 && !b.cwr && !b.ect && conn_info(c).tcpi_snd_cwnd >= cwnd);
	STEP(ecn_data(c, CWR, ECN_CE));
	return !(seg.flags & ECE);
}

/* A cookie remembers it in the timestamp, and only there. */
static bool ecn_cookie(struct conn *c)
{
	const char *knob = fsm_family == AF_XTCP ? "net/xtcp/syncookies" :
						   "net/ipv4/tcp_syncookies";
	bool ok;

	fsm_sysctl(knob, "2");
	c->mss = 1000;
	ok = ecn_syn(c, ECN_SETUP, 0) && !!(seg.flags & ECE) == c->want_opts && ecn_accept(c);
	fsm_sysctl(knob, "1");
	STEP(ok);
	STEP(!!(conn_info(c).tcpi_options & TCPI_OPT_ECN) == c->want_opts);
	STEP(send(c->fd, payload, 500, 0) == 500 && conn_answer(c, &seg, 1000));
	return (seg.tos & ECN_MASK) == (c->want_opts ? ECN_ECT0 : 0);
}

/* IP_TOS sets DSCP alone. */
static bool ecn_tos(struct conn *c)
{
	int tos = 0x10 | ECN_CE;

	STEP(ecn_start(c));
	STEP(!setsockopt(c->fd, IPPROTO_IP, IP_TOS, &tos, sizeof(tos)));
	STEP(send(c->fd, payload, 500, 0) == 500 && conn_answer(c, &seg, 1000));
	STEP(seg.tos == (0x10 | ECN_ECT0));
	ecn_ack(c, 0, c->rcv_nxt);
	STEP(ecn_data(c, 0, 0));
	return seg.tos == 0x10;
}

static const struct conn_flow flows[] = {
	{ "granted when asked (6.1.1)", ecn_granted },
	{ "refused when not, half or strangely asked", ecn_refused },
	{ "asked for by knob", ecn_asked },
	{ "denied by the SYN-ACK", ecn_denied },
	{ "asked no more in the second SYN (6.1.1.1)", ecn_fallback },
	{ "asked again without ecn_fallback", ecn_no_fallback },
	{ "crossed SYNs", ecn_crossed },
	{ "ECT on new data only (6.1.4, 6.1.5)", ecn_marks },
	{ "CE is echoed until CWR (6.1.3)", ecn_echo },
	{ "CE is echoed at once", ecn_echo_quick },
	{ "ECE cuts once a window, CWR once (6.1.2)", ecn_cut },
	{ "ECE and CE without agreement", ecn_bogus },
	{ "SYN cookies", ecn_cookie },
	{ "IP_TOS leaves the bits alone", ecn_tos },
};

int main(void)
{
	return conn_flows(flows, ARRAY_SIZE(flows), ", timestamps and SACK");
}

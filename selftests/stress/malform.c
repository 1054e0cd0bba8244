// SPDX-License-Identifier: GPL-2.0-only
/*
 * Malformed input. First each kind of bad segment against the counter that must say
 * why it was dropped; then random and mutated segments by the hundred thousand,
 * while a transfer beside them must keep every byte and a listener must go on
 * serving. FSM_SEED repeats a run.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <libgen.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fsm.h"
#include "xtcp_test.h"

#define EACH	20

static uint64_t malform_state = 1;

static uint32_t malform_rnd(uint32_t below)
{
	malform_state ^= malform_state >> 12;
	malform_state ^= malform_state << 25;
	malform_state ^= malform_state >> 27;
	return (malform_state * 0x2545f4914f6cdd1dull >> 32) % below;
}

static uint32_t malform_rnd32(void)
{
	return malform_rnd(1 << 16) << 16 | malform_rnd(1 << 16);
}

/* Bad in one way; the rest of the segment is in order. */
enum fault {
	F_CHECKSUM, F_OFFSET_SHORT, F_OFFSET_LONG, F_AFTER, F_ACK_UNSENT, F_ACK_OLD, F_NO_ACK,
	F_RST_INEXACT, F_SYN, F_OLD_TIMESTAMP, F_TEXT_AFTER_FIN, FAULTS
};

static const struct {
	const char *name, *group, *counter;
	bool native;	/* the kernel's TCP has that counter too */
} faults[FAULTS] = {
	[F_CHECKSUM] = { "wrong checksum", "Tcp", "InCsumErrors", true },
	[F_OFFSET_SHORT] = { "data offset of 4 words", "XTcp", "Malformed" },
	[F_OFFSET_LONG] = { "data offset beyond the end", "XTcp", "Malformed" },
	[F_AFTER] = { "data after the window", "XTcp", "OutOfWindow" },
	[F_ACK_UNSENT] = { "ack of unsent data", "XTcp", "AckUnsent" },
	[F_ACK_OLD] = { "ack too old", "XTcp", "AckTooOld" },
	[F_NO_ACK] = { "data without ack", "XTcp", "NoAckFlag" },
	[F_RST_INEXACT] = { "inexact RST", "XTcp", "RstInexact" },
	[F_SYN] = { "SYN in the window", "TcpExt", "TCPSYNChallenge", true },
	[F_OLD_TIMESTAMP] = { "older timestamp", "TcpExt", "PAWSEstab", true },
	[F_TEXT_AFTER_FIN] = { "text after the FIN", "XTcp", "DataAfterClose" },
};

/* A packet of our own with a checksum over whatever the TCP header says. */
static void malform_raw(const struct conn *c, const uint8_t *tcp, size_t len)
{
	uint8_t p[20 + 1600] = { 0x45, 0, (20 + len) >> 8, 20 + len, 0, 0, 0x40, 0, 64,
				 IPPROTO_TCP };
	uint32_t addr[2] = { htonl(c->raddr), htonl(FSM_LOCAL) }, sum = 0;
	size_t i;

	memcpy(p + 12, addr, 8);
	for (i = 0; i < 20; i += 2)
		sum += p[i] << 8 | p[i + 1];
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	p[10] = ~sum >> 8;
	p[11] = ~sum;
	memcpy(p + 20, tcp, len);
	tun_send_raw(p, 20 + len);
}

static void malform_checksum(const struct conn *c, uint8_t *tcp, size_t len)
{
	uint32_t sum = (c->raddr >> 16) + (c->raddr & 0xffff) + (FSM_LOCAL >> 16) +
		       (FSM_LOCAL & 0xffff) + IPPROTO_TCP + len;
	size_t i;

	tcp[16] = 0;
	tcp[17] = 0;
	for (i = 0; i < len; i++)
		sum += i & 1 ? tcp[i] : tcp[i] << 8;
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	tcp[16] = ~sum >> 8;
	tcp[17] = ~sum;
}

static void malform_put32(uint8_t *p, uint32_t v)
{
	v = htonl(v);
	memcpy(p, &v, 4);
}

/* A header of 20 bytes and len of payload, in order by the connection's variables. */
static void malform_header(const struct conn *c, uint8_t *tcp, uint16_t flags)
{
	memset(tcp, 0, 20);
	tcp[0] = c->rport >> 8;
	tcp[1] = c->rport;
	tcp[2] = c->lport >> 8;
	tcp[3] = c->lport;
	malform_put32(tcp + 4, c->snd_nxt);
	malform_put32(tcp + 8, c->rcv_nxt);
	tcp[12] = 0x50 | flags >> 8;
	tcp[13] = flags;
	tcp[14] = 0x20;
}

static void malform_offset(const struct conn *c, uint8_t offset)
{
	uint8_t tcp[30];

	memset(tcp, 0, sizeof(tcp));
	malform_header(c, tcp, ACK | PSH);
	tcp[12] = offset;
	malform_checksum(c, tcp, sizeof(tcp));
	malform_raw(c, tcp, sizeof(tcp));
}

static void malform_fault(struct conn *c, enum fault fault)
{
	static struct seg seg;

	conn_seg(c, &seg, ACK | PSH, c->snd_nxt, c->rcv_nxt);
	conn_fill(&seg, 0, 10);
	if (fault == F_CHECKSUM)
		seg.bad_csum = true;
	if (fault == F_OFFSET_SHORT || fault == F_OFFSET_LONG) {
		malform_offset(c, fault == F_OFFSET_SHORT ? 0x40 : 0xf0);
		return;
	}
	if (fault == F_AFTER)
		seg.seq += c->wnd + 1000;
	if (fault == F_ACK_UNSENT)
		seg.ack += 1000;
	if (fault == F_ACK_OLD)
		seg.ack -= 200000;
	if (fault == F_NO_ACK)
		seg.flags = PSH;
	if (fault == F_RST_INEXACT)
		seg.flags = RST, seg.seq++, seg.len = 0;
	if (fault == F_SYN)
		seg.flags = SYN, seg.len = 0;
	if (fault == F_OLD_TIMESTAMP)
		seg.tsval -= 100000;
	tun_send(&seg);
}

static void malform_counted(enum fault fault)
{
	static struct seg seg;
	struct conn c;
	long before, after;
	bool ok, has = fsm_family != AF_INET || faults[fault].native;
	int i;

	conn_init(&c, fsm_family, true);
	ok = conn_into(&c, fault == F_TEXT_AFTER_FIN ? P_CLOSE_WAIT : P_ESTABLISHED);
	before = fsm_counter(faults[fault].group, faults[fault].counter);
	for (i = 0; i < EACH; i++)
		malform_fault(&c, fault);
	tun_barrier();
	while (tun_recv_barrier(&seg))
		;
	after = fsm_counter(faults[fault].group, faults[fault].counter);
	ok = ok && (!has || after - before == EACH) &&
	     conn_state(&c) == (fault == F_TEXT_AFTER_FIN ? S_CLOSE_WAIT : S_ESTABLISHED);
	tap_ok(ok, "%s: %s", has ? "counted" : "changes nothing", faults[fault].name);
	if (!ok)
		tap_note("%s %s: %ld to %ld, state %s", faults[fault].group, faults[fault].counter,
			 before, after, state_name(conn_state(&c)));
	conn_kill(&c);
}

/* The transfer beside it, on the other CPU if there is one. */
static pid_t malform_stream(const char *self)
{
	char path[512], *copy = strdup(self), bytes[32];
	pid_t pid = fork();
	cpu_set_t all;

	if (pid)
		return pid;
	memset(&all, 0xff, sizeof(all));
	sched_setaffinity(0, sizeof(all), &all);
	snprintf(path, sizeof(path), "%s/stream", dirname(copy));
	snprintf(bytes, sizeof(bytes), "%ld", xt_scale(20000000, 2000000, 100000000));
	if (fsm_family == AF_INET)
		setenv("XTCP_FAMILY", "inet", 1);
	dup2(2, 1);
	execl(path, "stream", bytes, NULL);
	_exit(127);
}

/* Nothing but noise, with the right ports and perhaps the right checksum. */
static void malform_noise(const struct conn *c)
{
	uint8_t tcp[200];
	size_t len = malform_rnd(sizeof(tcp)), i;

	for (i = 0; i < len; i++)
		tcp[i] = malform_rnd(256);
	if (len >= 4 && malform_rnd(4)) {
		tcp[0] = c->rport >> 8;
		tcp[1] = c->rport;
		tcp[2] = c->lport >> 8;
		tcp[3] = c->lport;
	}
	if (len >= 20 && malform_rnd(8))
		malform_checksum(c, tcp, len);
	malform_raw(c, tcp, len);
}

/* A good segment with some bytes changed, half of the time in the options. */
static void malform_mutant(const struct conn *c)
{
	uint8_t tcp[160];
	size_t options = malform_rnd(11) * 4, len = 20 + options + malform_rnd(100), i, n;

	for (i = 20; i < len; i++)
		tcp[i] = malform_rnd(3) ? malform_rnd(256) : malform_rnd(12);
	malform_header(c, tcp, malform_rnd(4) ? ACK | PSH : malform_rnd(512));
	tcp[12] = (20 + options) / 4 << 4 | (tcp[12] & 1);
	malform_put32(tcp + 4, c->snd_nxt + malform_rnd(3000) - 1500);
	for (n = malform_rnd(4); n > 0; n--)
		tcp[4 + malform_rnd(len - 4)] = malform_rnd(256);
	if (malform_rnd(16))
		malform_checksum(c, tcp, len);
	malform_raw(c, tcp, len);
}

/* Into the request queue and at the listener. */
static void malform_syn(struct conn *c)
{
	static struct seg seg;
	size_t i;

	conn_seg(c, &seg, malform_rnd(4) ? SYN : malform_rnd(512), malform_rnd32(),
		 malform_rnd32());
	seg.sport = 1024 + malform_rnd(60000);
	seg.optlen = malform_rnd(6) * 4;
	for (i = 0; i < seg.optlen; i++)
		seg.opt[i] = malform_rnd(3) ? malform_rnd(9) : malform_rnd(256);
	seg.len = malform_rnd(3) ? 0 : malform_rnd(500);
	tun_send(&seg);
}

static void malform_drain(void)
{
	static struct seg seg;

	tun_barrier();
	while (tun_recv_barrier(&seg))
		;
}

/* A listener with connections in many states as targets; new ones now and then. */
static void malform_storm(long count)
{
	static const enum fsm_place places[] = {
		P_ESTABLISHED, P_SYN_RECV, P_FIN_WAIT1, P_FIN_WAIT2, P_CLOSE_WAIT, P_CLOSING,
		P_LAST_ACK_ORPHAN, P_TIME_WAIT, P_SYN_SENT, P_SYN_RECV_CROSSED, P_LISTEN,
	};
	struct conn c;
	long i, reached = 0;

	for (i = 0; i < count; i++) {
		if (i % 500 == 0) {
			if (i)
				conn_kill(&c);
			conn_init(&c, fsm_family, i % 1000);
			reached += conn_into(&c, places[i / 500 % ARRAY_SIZE(places)]);
		}
		if (i % 3 == 0)
			malform_noise(&c);
		else if (i % 30 == 1)
			malform_syn(&c);
		else
			malform_mutant(&c);
		if (i % 50 == 49)
			malform_drain();
		if (i % 100000 == 99999)
			tap_note("%ld segments", i + 1);
	}
	conn_kill(&c);
	tap_ok(reached == (count + 499) / 500, "%ld random and mutated segments", count);
}

int main(int argc, char **argv)
{
	long count = xt_scale(100000, 20000, 1000000), taken;
	char text[64];
	struct conn c;
	int fault, status = -1;
	pid_t pid;

	if (getenv("FSM_SEED"))
		malform_state = strtoull(getenv("FSM_SEED"), NULL, 0);
	tun_open();
	tap_plan(FAULTS + 4);
	for (fault = 0; fault < FAULTS; fault++)
		malform_counted(fault);
	taken = fsm_counter("Tcp", "InSegs");
	pid = malform_stream(argv[0]);
	malform_storm(count);
	waitpid(pid, &status, 0);
	tap_ok(!status, "the transfer beside them kept every byte");
	taken = fsm_counter("Tcp", "InSegs") - taken;
	tap_ok(taken > count / 2, "they were counted");
	tap_note("InSegs: %ld", taken);
	conn_init(&c, fsm_family, true);
	tap_ok(conn_into(&c, P_ESTABLISHED) && !strcmp(conn_read(&c, text, sizeof(text)), "0"),
	       "a new connection opens afterwards");
	conn_kill(&c);
	return tap_done();
}

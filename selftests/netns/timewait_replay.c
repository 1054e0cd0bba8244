// SPDX-License-Identifier: GPL-2.0-only
/*
 * A 4-tuple lives again, and what the network kept of its first life comes late: data,
 * FIN, RST and SYN of the old connection, replayed into the new one. The peer's new
 * numbers are the worst there are, so that the old ones lie in the new window. Over
 * both TCPs.
 */
#include <stdlib.h>

#include "passive_test.h"
#include "xtcp_test.h"

#define PORT		29999	/* the only ephemeral one, XTCP's */
#define NATIVE_PORT	41000
#define OLD_BYTES	20

/* What the peer sent in the first life. */
struct old {
	uint32_t seq, end, ack, tsval;
};

static struct seg seg;
static unsigned int random_state = 1;
static long replayed;

static uint32_t random_below(uint32_t n)
{
	random_state = random_state * 1103515245u + 12345u;
	return (random_state >> 8) % n;
}

static void set_range(void)
{
	if (fsm_family == AF_XTCP)
		fsm_sysctl("net/xtcp/local_port_range", "29999 29999");
	else
		fsm_sysctl("net/ipv4/ip_local_port_range", "41000 41000");
}

/* connect() with no port of its own: there is but one to have. 0, or the errno. */
static int dial(struct conn *c, uint16_t rport)
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_port = htons(rport),
				   .sin_addr.s_addr = htonl(FSM_PEER) };

	c->fd = socket(c->family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (c->fd < 0)
		die("socket");
	c->rport = rport;
	c->lport = fsm_family == AF_XTCP ? PORT : NATIVE_PORT;
	if (!connect(c->fd, (struct sockaddr *)&sin, sizeof(sin)) || errno == EINPROGRESS)
		return conn_expect(c, SYN, NULL) ? 0 : ETIMEDOUT;
	close(c->fd);
	c->fd = -1;
	return errno;
}

static bool establish(struct conn *c)
{
	conn_send(c, SYN | ACK, c->iss, c->rcv_nxt, 0);
	c->snd_nxt = c->iss + 1;
	return conn_expect(c, ACK, NULL) && conn_state(c) == S_ESTABLISHED;
}

/* The first life: some bytes to the socket, which closes first. */
static bool live(struct conn *c, uint16_t rport, bool opts, struct old *old)
{
	char text[64];

	conn_init(c, fsm_family, opts);
	if (dial(c, rport) || !establish(c))
		return false;
	conn_send(c, ACK | PSH, c->snd_nxt, c->rcv_nxt, OLD_BYTES);
	c->snd_nxt += OLD_BYTES;
	if (!conn_expect(c, ACK, NULL) || strcmp(conn_read(c, text, sizeof(text)), "20"))
		return false;
	close(c->fd);
	c->fd = -1;
	if (!conn_expect(c, FIN | ACK, NULL))
		return false;
	*old = (struct old) { .seq = c->snd_nxt - OLD_BYTES, .end = c->snd_nxt + 1,
			      .ack = c->rcv_nxt, .tsval = c->tsval };
	conn_send(c, FIN | ACK, c->snd_nxt, c->rcv_nxt, 0);
	c->snd_nxt++;
	return conn_expect(c, ACK, NULL) && conn_state(c) == S_TIME_WAIT;
}

static void replay(const struct conn *c, const struct old *old, uint16_t flags, uint32_t seq,
		   uint16_t len)
{
	conn_seg(c, &seg, flags, seq, old->ack);
	if (seg.ts)
		seg.tsval = old->tsval - random_below(3);
	memset(seg.data, 0xff, len);
	seg.len = len;
	tun_send(&seg);
}

/*
 * Everything the old connection's segments could have been. A RST at the one exact number
 * is not among them: only an attacker or 1 in 4 billion hits it.
 */
static void replay_any(const struct conn *c, const struct old *old, bool syn)
{
	static const uint16_t kinds[] = { ACK, ACK | PSH, FIN | ACK, FIN | ACK | PSH, RST,
					  RST | ACK, SYN | ACK, SYN };
	uint16_t flags = kinds[random_below(syn ? 8 : 7)];
	uint32_t seq = old->seq + random_below(old->end - old->seq);
	bool text = !(flags & (RST | SYN)) && (flags & PSH);

	if ((flags & RST) && seq == c->snd_nxt)
		return;
	replayed++;
	replay(c, old, flags, seq, text ? 1 + random_below(OLD_BYTES) : 0);
}

/* What the socket answers is of no interest here. Six storms of a soak run are a million. */
static void storm(const struct conn *c, const struct old *old, bool syn)
{
	int n = xt_scale(500, 500, 170000);

	while (n-- > 0) {
		replay_any(c, old, syn);
		if (n % 32 == 0) {
			tun_barrier();
			while (tun_recv_barrier(&seg))
				;
		}
	}
}

/*
 * The second life, with numbers just before the old ones, and all that is late. Only what
 * took a bucket's place knows in SYN_SENT that a SYN is old: to others it is the peer's.
 */
static void second_life(struct conn *c, const struct old *old, const char *how, bool reuse)
{
	uint32_t tsval = c->tsval + 1000;
	char text[64];
	bool ok;

	conn_init(c, fsm_family, true);
	c->iss = old->seq - 10;
	c->tsval = tsval;
	ok = !dial(c, 2000);
	tap_ok(ok && (int32_t)(c->irs - old->ack) > 0, "%s: a SYN above the old numbers", how);
	storm(c, old, reuse);
	tap_ok(conn_state(c) == S_SYN_SENT, "%s: SYN_SENT stands whatever comes late", how);
	ok = establish(c);
	storm(c, old, true);
	tap_ok(ok && conn_state(c) == S_ESTABLISHED &&
	       !strcmp(conn_read(c, text, sizeof(text)), "0"),
	       "%s: so does ESTABLISHED, and none of it is delivered", how);
	conn_send(c, ACK | PSH, c->snd_nxt, c->rcv_nxt, 50);
	c->snd_nxt += 50;
	storm(c, old, true);
	tap_ok(!strcmp(conn_read(c, text, sizeof(text)), "50") &&
	       conn_state(c) == S_ESTABLISHED, "%s: its own bytes are, unmixed", how);
	conn_kill(c);
}

/* The knob came to native TCP with 6.13. */
static bool has_delay(void)
{
	return fsm_family == AF_XTCP || fsm_knob("net/ipv4/tcp_tw_reuse_delay", "1000");
}

static void test_reuse(void)
{
	long reused = fsm_counter("TcpExt", "TWRecycled");
	struct old old = { 0 };
	struct conn c, d;
	bool ok;

	fsm_tcp_knob("tw_reuse", "1");
	ok = live(&c, 2000, true, &old);
	if (has_delay()) {
		conn_init(&d, fsm_family, true);
		tap_ok(ok && dial(&d, 2000) == EADDRNOTAVAIL, "tw_reuse: not at once");
		conn_kill(&d);
	} else {
		tap_ok(ok, "tw_reuse: not at once # SKIP no such knob");
	}
	nap_ms(2100);
	second_life(&c, &old, "tw_reuse", true);
	tap_ok(counted("TcpExt", "TWRecycled", reused, 1),
	       "tw_reuse: in the bucket's place");

	if (has_delay()) {
		fsm_tcp_knob("tw_reuse_delay", "1");
		ok = live(&c, 2000, true, &old);
		nap_ms(20);
		conn_init(&d, fsm_family, true);
		tap_ok(ok && !dial(&d, 2000), "tw_reuse_delay 1: almost at once");
		conn_kill(&d);
		fsm_tcp_knob("tw_reuse_delay", "1000");
	} else {
		tap_ok(true, "tw_reuse_delay 1: almost at once # SKIP no such knob");
	}
}

/* Without timestamps nothing would tell old from new. */
static void test_no_timestamps(void)
{
	struct old old = { 0 };
	struct conn c, d;
	bool ok;

	ok = live(&c, 2001, false, &old);
	nap_ms(2100);
	conn_init(&d, fsm_family, true);
	tap_ok(ok && dial(&d, 2001) == EADDRNOTAVAIL, "tw_reuse: not without timestamps");
	conn_kill(&d);
	conn_kill(&c);

	fsm_tcp_knob("tw_reuse", "2");
	ok = live(&c, 2002, true, &old);
	nap_ms(2100);
	conn_init(&d, fsm_family, true);
	tap_ok(ok && dial(&d, 2002) == EADDRNOTAVAIL, "tw_reuse 2: on loopback only");
	conn_kill(&d);
	conn_kill(&c);
	fsm_tcp_knob("tw_reuse", "0");
	ok = live(&c, 2003, true, &old);
	nap_ms(2100);
	conn_init(&d, fsm_family, true);
	tap_ok(ok && dial(&d, 2003) == EADDRNOTAVAIL, "tw_reuse 0: never");
	conn_kill(&d);
	conn_kill(&c);
}

/* The wait is over after a few round trips; then it is the clocks that keep old from new. */
static void test_recycle(void)
{
	long killed = fsm_counter("TcpExt", "TWKilled");
	struct old old = { 0 };
	struct conn c;
	bool ok;

	if (fsm_family != AF_XTCP) {
		tap_ok(true, "tw_recycle: 1 s # SKIP native TCP has it no more");
		return;
	}
	fsm_tcp_knob("tw_recycle", "1");
	ok = live(&c, 2000, true, &old) && counted("TcpExt", "TWKilled", killed, 1);
	nap_ms(700);
	ok &= conn_state(&c) == S_TIME_WAIT;
	conn_send(&c, FIN | ACK, c.snd_nxt - 1, c.rcv_nxt, 0);
	ok &= answered(&c, ACK);
	nap_ms(700);
	ok &= conn_state(&c) == S_TIME_WAIT;
	nap_ms(800);
	tap_ok(ok && conn_state(&c) == S_CLOSED, "tw_recycle: 1 s, and 1 s more from a FIN on");
	second_life(&c, &old, "tw_recycle", false);
	fsm_tcp_knob("tw_recycle", "0");
}

int main(void)
{
	tun_open();
	set_range();
	tap_plan(fsm_family == AF_XTCP ? 15 : 11);
	test_reuse();
	test_no_timestamps();
	test_recycle();
	tap_note("%ld old segments were replayed", replayed);
	return tap_done();
}

// SPDX-License-Identifier: GPL-2.0-only
/* Drives a socket into each state, and tells what it has become. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/xtcp.h>
#include "fsm.h"

#define DRIVE_WAIT_MS	20000

static const char *const drive_states[S_STATES] = {
	[S_ESTABLISHED] = "ESTABLISHED", [S_SYN_SENT] = "SYN_SENT", [S_SYN_RECV] = "SYN_RECV",
	[S_FIN_WAIT1] = "FIN_WAIT1", [S_FIN_WAIT2] = "FIN_WAIT2", [S_TIME_WAIT] = "TIME_WAIT",
	[S_CLOSED] = "CLOSED", [S_CLOSE_WAIT] = "CLOSE_WAIT", [S_LAST_ACK] = "LAST_ACK",
	[S_LISTEN] = "LISTEN", [S_CLOSING] = "CLOSING",
};

static const struct {
	const char *name;
	enum fsm_state state;
} drive_places[P_PLACES] = {
	[P_CLOSED] = { "CLOSED", S_CLOSED },
	[P_LISTEN] = { "LISTEN", S_LISTEN },
	[P_SYN_SENT] = { "SYN_SENT", S_SYN_SENT },
	[P_SYN_RECV] = { "SYN_RECV", S_SYN_RECV },
	[P_SYN_RECV_CROSSED] = { "SYN_RECV(crossed)", S_SYN_RECV },
	[P_ESTABLISHED] = { "ESTABLISHED", S_ESTABLISHED },
	[P_FIN_WAIT1] = { "FIN_WAIT1", S_FIN_WAIT1 },
	[P_FIN_WAIT1_ORPHAN] = { "FIN_WAIT1(orphan)", S_FIN_WAIT1 },
	[P_FIN_WAIT2] = { "FIN_WAIT2", S_FIN_WAIT2 },
	[P_FIN_WAIT2_ORPHAN] = { "FIN_WAIT2(orphan)", S_FIN_WAIT2 },
	[P_CLOSE_WAIT] = { "CLOSE_WAIT", S_CLOSE_WAIT },
	[P_CLOSING] = { "CLOSING", S_CLOSING },
	[P_LAST_ACK] = { "LAST_ACK", S_LAST_ACK },
	[P_LAST_ACK_ORPHAN] = { "LAST_ACK(orphan)", S_LAST_ACK },
	[P_TIME_WAIT] = { "TIME_WAIT", S_TIME_WAIT },
	[P_TIME_WAIT_CROSSED] = { "TIME_WAIT(crossed)", S_TIME_WAIT },
};

const char *state_name(enum fsm_state state)
{
	return state < S_STATES && drive_states[state] ? drive_states[state] : "?";
}

const char *place_name(enum fsm_place place)
{
	return drive_places[place].name;
}

enum fsm_state place_state(enum fsm_place place)
{
	return drive_places[place].state;
}

/* A fresh 4-tuple; want_opts: timestamps, SACK and window scale are offered. */
void conn_init(struct conn *c, int family, bool opts)
{
	static unsigned int n;

	n++;
	*c = (struct conn) {
		.family = family, .fd = -1, .lfd = -1,
		.raddr = FSM_PEER, .rport = 2000 + n % 60000, .lport = 30100 + n % 2000,
		.iss = 0x7ffffff0u + n * 64021u, .my_win = 20000, .mss = 1460,
		.want_opts = opts, .tsval = 0x7fff0000u,
	};
	c->snd_nxt = c->iss;
}

static void conn_bind(const struct conn *c, int fd)
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_port = htons(c->lport),
				   .sin_addr.s_addr = htonl(FSM_LOCAL) };
	int on = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)&sin, sizeof(sin)))
		die("bind to port %u", c->lport);
}

void conn_listen(struct conn *c, int backlog)
{
	c->lfd = socket(c->family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (c->lfd < 0)
		die("socket");
	conn_bind(c, c->lfd);
	if (listen(c->lfd, backlog))
		die("listen");
}

/* A socket, bound, no more. */
void conn_open(struct conn *c)
{
	c->fd = socket(c->family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (c->fd < 0)
		die("socket");
	conn_bind(c, c->fd);
}

void conn_connect(struct conn *c)
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_port = htons(c->rport),
				   .sin_addr.s_addr = htonl(c->raddr) };

	conn_open(c);
	if (!connect(c->fd, (struct sockaddr *)&sin, sizeof(sin)) || errno != EINPROGRESS)
		die("connect");
}

bool conn_ours(const struct conn *c, const struct seg *seg)
{
	return seg->sport == c->lport && seg->dport == c->rport && seg->daddr == c->raddr;
}

/* Stream bytes: each tells its own offset, modulo 251. */
void conn_fill(struct seg *seg, uint32_t from, uint16_t len)
{
	int i;

	seg->len = len;
	for (i = 0; i < len; i++)
		seg->data[i] = (from + i) % 251;
}

void conn_seg(const struct conn *c, struct seg *seg, uint16_t flags, uint32_t seq, uint32_t ack)
{
	memset(seg, 0, offsetof(struct seg, data));
	seg->saddr = c->raddr;
	seg->daddr = FSM_LOCAL;
	seg->sport = c->rport;
	seg->dport = c->lport;
	seg->flags = flags;
	seg->seq = seq;
	seg->ack = flags & ACK ? ack : 0;
	seg->win = c->my_win;
	seg->wscale = -1;
	if (flags & SYN) {
		seg->mss = c->mss;
		seg->sackok = c->want_opts;
		seg->wscale = c->want_opts ? 0 : -1;
	}
	seg->ts = c->ts || (flags & SYN && c->want_opts);
	seg->tsval = seg->ts ? c->tsval : 0;
	seg->tsecr = seg->ts && flags & ACK ? c->tsecr : 0;
}

/* Sends len bytes of the stream at seq; the harness's own variables stay as they are. */
void conn_send(struct conn *c, uint16_t flags, uint32_t seq, uint32_t ack, uint16_t len)
{
	static struct seg seg;

	c->tsval++;
	conn_seg(c, &seg, flags, seq, ack);
	conn_fill(&seg, seq - c->iss - 1, len);
	tun_send(&seg);
}

/* An ACK, with one SACK block if @right. */
void conn_sack(struct conn *c, uint32_t ack, uint32_t left, uint32_t right)
{
	uint32_t be[2] = { __builtin_bswap32(left), __builtin_bswap32(right) };
	static struct seg out;

	c->tsval++;
	conn_seg(c, &out, ACK, c->snd_nxt, ack);
	if (right) {
		memcpy(out.opt, "\1\1\5\12", 4);
		memcpy(out.opt + 4, be, 8);
		out.optlen = 12;
	}
	tun_send(&out);
	c->una = ack;
}

static bool after(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) > 0;
}

/* What a segment tells of the socket's variables. */
void conn_note(struct conn *c, const struct seg *seg)
{
	uint32_t end = seg->seq + seg->len + !!(seg->flags & SYN) + !!(seg->flags & FIN);

	if (seg->flags & RST)
		return;
	if (seg->flags & SYN) {
		c->irs = seg->seq;
		c->rcv_nxt = end;
		c->una = seg->seq;
		c->ts = c->want_opts && seg->ts;
		c->wscale = c->want_opts && seg->wscale > 0 ? seg->wscale : 0;
	}
	if (after(end, c->rcv_nxt))
		c->rcv_nxt = end;
	if (seg->ts)
		c->tsecr = seg->tsval;
	c->wnd = (uint32_t)seg->win << (seg->flags & SYN ? 0 : c->wscale);
}

/* The next segment of this connection. */
bool conn_answer(struct conn *c, struct seg *seg, int timeout_ms)
{
	uint64_t end = fsm_now_ms() + timeout_ms;
	int left = timeout_ms;

	while (left >= 0 && tun_recv(seg, left)) {
		if (conn_ours(c, seg)) {
			conn_note(c, seg);
			return true;
		}
		left = end - fsm_now_ms();
	}
	return false;
}

/* Waits for a segment with exactly these flags, PSH aside. */
bool conn_expect(struct conn *c, uint16_t flags, struct seg *seg)
{
	static struct seg dummy;
	uint64_t end = fsm_now_ms() + DRIVE_WAIT_MS;
	char want[16], got[16];

	seg = seg ?: &dummy;
	while (fsm_now_ms() < end && conn_answer(c, seg, end - fsm_now_ms())) {
		if ((seg->flags & ~PSH) == flags)
			return true;
		tap_note("waiting for %s, got %s", seg_flags(flags, want),
			 seg_flags(seg->flags, got));
	}
	tap_note("no %s came", seg_flags(flags, want));
	return false;
}

static bool conn_syn(struct conn *c)
{
	conn_send(c, SYN, c->iss, 0, 0);
	c->snd_nxt = c->iss + 1;
	return conn_expect(c, SYN | ACK, NULL);
}

/* Up to the SYN-ACK. */
static bool conn_half_open(struct conn *c)
{
	conn_listen(c, 8);
	return conn_syn(c);
}

static void conn_ack(struct conn *c)
{
	conn_send(c, ACK, c->snd_nxt, c->rcv_nxt, 0);
	c->una = c->rcv_nxt;
}

bool conn_accept(struct conn *c)
{
	struct pollfd pfd = { .fd = c->lfd, .events = POLLIN };

	poll(&pfd, 1, DRIVE_WAIT_MS);
	c->fd = accept4(c->lfd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	c->accepted = c->fd >= 0;
	return c->accepted;
}

/* Established with a listener that is there; the accept queue is empty again. */
bool conn_handshake(struct conn *c)
{
	if (!conn_syn(c))
		return false;
	conn_ack(c);
	return conn_accept(c);
}

/* Established by a passive open. */
bool conn_passive(struct conn *c)
{
	conn_listen(c, 8);
	return conn_handshake(c);
}

/* 20 bytes, so that "before the window" is something the peer has really sent. */
static bool conn_established(struct conn *c)
{
	char text[64];

	if (!conn_passive(c))
		return false;
	conn_send(c, ACK | PSH, c->snd_nxt, c->rcv_nxt, 20);
	c->snd_nxt += 20;
	return conn_expect(c, ACK, NULL) && !strcmp(conn_read(c, text, sizeof(text)), "20");
}

static bool conn_crossed_syn(struct conn *c)
{
	conn_connect(c);
	if (!conn_expect(c, SYN, NULL))
		return false;
	conn_send(c, SYN, c->iss, 0, 0);
	c->snd_nxt = c->iss + 1;
	return conn_expect(c, SYN | ACK, NULL);
}

/* Our FIN; the socket acknowledges it. */
static bool conn_peer_fin(struct conn *c)
{
	conn_send(c, FIN | ACK, c->snd_nxt, c->una, 0);
	c->snd_nxt++;
	return conn_expect(c, ACK, NULL);
}

static bool conn_shut(struct conn *c, bool orphan)
{
	if (orphan) {
		close(c->fd);
		c->fd = -1;
	} else if (shutdown(c->fd, SHUT_WR)) {
		die("shutdown");
	}
	return conn_expect(c, FIN | ACK, NULL);
}

static bool conn_fin_wait2(struct conn *c, bool orphan)
{
	if (!conn_established(c) || !conn_shut(c, orphan))
		return false;
	conn_ack(c);
	return true;
}

static bool conn_time_wait_crossed(struct conn *c)
{
	if (!conn_into(c, P_CLOSING))
		return false;
	conn_ack(c);
	return true;
}

static bool conn_drive(struct conn *c, enum fsm_place place)
{
	switch (place) {
	case P_CLOSED:
		return true;
	case P_LISTEN:
		conn_listen(c, 8);
		return true;
	case P_SYN_SENT:
		conn_connect(c);
		return conn_expect(c, SYN, NULL);
	case P_SYN_RECV:
		return conn_half_open(c);
	case P_SYN_RECV_CROSSED:
		return conn_crossed_syn(c);
	case P_ESTABLISHED:
		return conn_established(c);
	case P_FIN_WAIT1:
	case P_FIN_WAIT1_ORPHAN:
		return conn_established(c) && conn_shut(c, place == P_FIN_WAIT1_ORPHAN);
	case P_FIN_WAIT2:
	case P_FIN_WAIT2_ORPHAN:
		return conn_fin_wait2(c, place == P_FIN_WAIT2_ORPHAN);
	case P_CLOSE_WAIT:
		return conn_established(c) && conn_peer_fin(c);
	case P_CLOSING:
		return conn_established(c) && conn_shut(c, false) && conn_peer_fin(c);
	case P_LAST_ACK:
	case P_LAST_ACK_ORPHAN:
		return conn_into(c, P_CLOSE_WAIT) && conn_shut(c, place == P_LAST_ACK_ORPHAN);
	case P_TIME_WAIT:
		return conn_fin_wait2(c, false) && conn_peer_fin(c);
	case P_TIME_WAIT_CROSSED:
		return conn_time_wait_crossed(c);
	case P_PLACES:
		break;
	}
	return false;
}

/* Into a state; false if the socket did not get there. */
bool conn_into(struct conn *c, enum fsm_place place)
{
	enum fsm_state state;

	if (!conn_drive(c, place))
		return false;
	state = conn_state(c);
	if (state == place_state(place))
		return true;
	tap_note("%s: the state is %s", place_name(place), state_name(state));
	return false;
}

/* The line of /proc/net/tcp or /proc/net/xtcp; the listener's if there is no other. */
enum fsm_state conn_state(const struct conn *c)
{
	unsigned int laddr, lport, raddr, rport, st;
	enum fsm_state state = S_CLOSED;
	char line[256];
	FILE *f;

	f = fopen(c->family == AF_XTCP ? "/proc/self/net/xtcp" : "/proc/self/net/tcp", "r");
	if (!f)
		die("/proc/net/%s", c->family == AF_XTCP ? "xtcp" : "tcp");
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%*d: %8X:%4X %8X:%4X %2X", &laddr, &lport, &raddr, &rport,
			   &st) != 5 || lport != c->lport)
			continue;
		if (rport == c->rport && ntohl(raddr) == c->raddr) {
			state = st;
			break;
		}
		if (st == S_LISTEN && c->lfd >= 0 && !c->accepted)
			state = S_LISTEN;
	}
	fclose(f);
	return state;
}

static void conn_verify(struct conn *c, const uint8_t *data, int len)
{
	int i;

	for (i = 0; i < len; i++)
		if (data[i] != (c->read + i) % 251)
			break;
	if (i < len)
		tap_note("byte %u of the stream is wrong: %u", c->read + i, data[i]);
	c->read += len;
}

/* What the application can read now: "10", "0,eof", "0,ECONNRESET", "-" without a socket. */
const char *conn_read(struct conn *c, char *buf, size_t size)
{
	uint8_t data[4096];
	uint32_t before = c->read;
	int n;

	if (c->fd < 0 && c->lfd >= 0 && !c->accepted) {
		c->fd = accept4(c->lfd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		c->accepted = c->fd >= 0;
	}
	if (c->fd < 0)
		return strcpy(buf, "-");
	while ((n = recv(c->fd, data, sizeof(data), MSG_DONTWAIT)) > 0)
		conn_verify(c, data, n);
	if (n == 0)
		snprintf(buf, size, "%u,eof", c->read - before);
	else if (errno == EAGAIN)
		snprintf(buf, size, "%u", c->read - before);
	else
		snprintf(buf, size, "%u,%s", c->read - before, strerrorname_np(errno));
	return buf;
}

/*
 * Nothing of the connection remains: a RST ends orphans and TIME_WAIT as well. The
 * last segment may have been taken, then the exact RST is one for its length:
 * a FIN, 10 bytes, or both.
 */
void conn_kill(struct conn *c)
{
	static const uint8_t taken[] = { 0, 1, 10, 11 };
	struct linger linger = { .l_onoff = 1 };
	enum fsm_state state = conn_state(c);
	unsigned int i;

	if (c->fd >= 0) {
		setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
		close(c->fd);
	}
	if (state == S_TIME_WAIT || (c->fd < 0 && state != S_CLOSED && state != S_LISTEN))
		for (i = 0; i < ARRAY_SIZE(taken); i++)
			conn_send(c, RST, c->snd_nxt + taken[i], 0, 0);
	if (c->lfd >= 0)
		close(c->lfd);
	c->fd = -1;
	c->lfd = -1;
}

/* A whole test program: each flow without and with options, @with says which in its name. */
int conn_flows(const struct conn_flow *flows, unsigned int n, const char *with)
{
	unsigned int i, opts;
	struct conn c;

	tun_open();
	tap_plan(2 * n);
	for (opts = 0; opts < 2; opts++)
		for (i = 0; i < n; i++) {
			conn_init(&c, fsm_family, opts);
			tap_ok(flows[i].run(&c), "%s%s", flows[i].name, opts ? with : "");
			conn_kill(&c);
		}
	return tap_done();
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * State x call: what each system call returns in each state, what it sends, and
 * what state it leads to (RFC 9293 3.10.1 to 3.10.5). A cell reads
 *	"RESULT SEGMENTS STATE"
 * RESULT: the value or the errno. SEGMENTS as in fsm_table.c, ":n" for n bytes.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fsm.h"

enum call {
	C_CLOSE, C_ABORT, C_SHUT_RD, C_SHUT_WR, C_SHUT_RDWR, C_DISCONNECT, C_CONNECT, C_LISTEN,
	C_ACCEPT, C_SEND, C_RECV, CALLS
};

static const char *const calls[CALLS] = {
	[C_CLOSE] = "close", [C_ABORT] = "close with linger 0", [C_SHUT_RD] = "shutdown(RD)",
	[C_SHUT_WR] = "shutdown(WR)", [C_SHUT_RDWR] = "shutdown(RDWR)",
	[C_DISCONNECT] = "connect(AF_UNSPEC)", [C_CONNECT] = "connect", [C_LISTEN] = "listen",
	[C_ACCEPT] = "accept", [C_SEND] = "send", [C_RECV] = "recv",
};

static const char *const cells[P_PLACES][CALLS] = {
	[P_CLOSED] = {
		[C_CLOSE ... C_ABORT] = "0 none CLOSED",
		[C_SHUT_RD ... C_SHUT_RDWR] = "ENOTCONN none CLOSED",
		[C_DISCONNECT] = "0 none CLOSED",
		[C_CONNECT] = "EINPROGRESS S SYN_SENT",
		[C_LISTEN] = "0 none LISTEN",
		[C_ACCEPT] = "EINVAL none CLOSED",
		[C_SEND] = "EPIPE none CLOSED",
		[C_RECV] = "ENOTCONN none CLOSED",
	},
	[P_LISTEN] = {
		[C_CLOSE ... C_SHUT_RD] = "0 none CLOSED",
		[C_SHUT_WR] = "0 none LISTEN",
		[C_SHUT_RDWR ... C_DISCONNECT] = "0 none CLOSED",
		[C_CONNECT] = "EISCONN none LISTEN",
		[C_LISTEN] = "0 none LISTEN",
		[C_ACCEPT] = "EAGAIN none LISTEN",
		[C_SEND] = "EPIPE none LISTEN",
		[C_RECV] = "ENOTCONN none LISTEN",
	},
	[P_SYN_SENT] = {
		[C_CLOSE ... C_DISCONNECT] = "0 none CLOSED",
		[C_CONNECT] = "EALREADY none SYN_SENT",
		[C_LISTEN ... C_ACCEPT] = "EINVAL none SYN_SENT",
		[C_SEND ... C_RECV] = "EAGAIN none SYN_SENT",
	},
	[P_SYN_RECV_CROSSED] = {
		[C_CLOSE] = "0 FA FIN_WAIT1",
		[C_ABORT] = "0 RST+ACK(+0,+0) CLOSED",
		[C_SHUT_RD] = "0 none SYN_RECV",
		[C_SHUT_WR ... C_SHUT_RDWR] = "0 FA FIN_WAIT1",
		[C_DISCONNECT] = "0 RST+ACK(+0,+0) CLOSED",
		[C_CONNECT] = "EALREADY none SYN_RECV",
		[C_LISTEN ... C_ACCEPT] = "EINVAL none SYN_RECV",
		[C_SEND ... C_RECV] = "EAGAIN none SYN_RECV",
	},
	[P_ESTABLISHED] = {
		[C_CLOSE] = "0 FA FIN_WAIT1",
		[C_ABORT] = "0 RST+ACK(+0,+0) CLOSED",
		[C_SHUT_RD] = "0 none ESTABLISHED",
		[C_SHUT_WR ... C_SHUT_RDWR] = "0 FA FIN_WAIT1",
		[C_DISCONNECT] = "0 RST+ACK(+0,+0) CLOSED",
		[C_CONNECT] = "EISCONN none ESTABLISHED",
		[C_LISTEN ... C_ACCEPT] = "EINVAL none ESTABLISHED",
		[C_SEND] = "10 PA:10 ESTABLISHED",
		[C_RECV] = "EAGAIN none ESTABLISHED",
	},
	[P_FIN_WAIT1] = {
		[C_CLOSE] = "0 none FIN_WAIT1",
		[C_ABORT] = "0 RST+ACK(+0,+0) CLOSED",
		[C_SHUT_RD ... C_SHUT_RDWR] = "0 none FIN_WAIT1",
		[C_DISCONNECT] = "0 RST+ACK(+0,+0) CLOSED",
		[C_CONNECT] = "EISCONN none FIN_WAIT1",
		[C_LISTEN ... C_ACCEPT] = "EINVAL none FIN_WAIT1",
		[C_SEND] = "EPIPE none FIN_WAIT1",
		[C_RECV] = "EAGAIN none FIN_WAIT1",
	},
	[P_FIN_WAIT2] = {
		[C_CLOSE] = "0 none FIN_WAIT2",
		[C_ABORT] = "0 RST+ACK(+0,+0) CLOSED",
		[C_SHUT_RD ... C_SHUT_RDWR] = "0 none FIN_WAIT2",
		[C_DISCONNECT] = "0 RST+ACK(+0,+0) CLOSED",
		[C_CONNECT] = "EISCONN none FIN_WAIT2",
		[C_LISTEN ... C_ACCEPT] = "EINVAL none FIN_WAIT2",
		[C_SEND] = "EPIPE none FIN_WAIT2",
		[C_RECV] = "EAGAIN none FIN_WAIT2",
	},
	[P_CLOSE_WAIT] = {
		[C_CLOSE] = "0 FA LAST_ACK",
		[C_ABORT] = "0 RST+ACK(+0,+0) CLOSED",
		[C_SHUT_RD] = "0 none CLOSE_WAIT",
		[C_SHUT_WR ... C_SHUT_RDWR] = "0 FA LAST_ACK",
		[C_DISCONNECT] = "0 RST+ACK(+0,+0) CLOSED",
		[C_CONNECT] = "EISCONN none CLOSE_WAIT",
		[C_LISTEN ... C_ACCEPT] = "EINVAL none CLOSE_WAIT",
		[C_SEND] = "10 PA:10 CLOSE_WAIT",
		[C_RECV] = "0 none CLOSE_WAIT",
	},
	[P_CLOSING] = {
		[C_CLOSE] = "0 none CLOSING",
		[C_ABORT] = "0 none CLOSED",
		[C_SHUT_RD ... C_SHUT_RDWR] = "0 none CLOSING",
		[C_DISCONNECT] = "0 none CLOSED",
		[C_CONNECT] = "EISCONN none CLOSING",
		[C_LISTEN ... C_ACCEPT] = "EINVAL none CLOSING",
		[C_SEND] = "EPIPE none CLOSING",
		[C_RECV] = "0 none CLOSING",
	},
	[P_LAST_ACK] = {
		[C_CLOSE] = "0 none LAST_ACK",
		[C_ABORT] = "0 none CLOSED",
		[C_SHUT_RD ... C_SHUT_RDWR] = "0 none LAST_ACK",
		[C_DISCONNECT] = "0 none CLOSED",
		[C_CONNECT] = "EISCONN none LAST_ACK",
		[C_LISTEN ... C_ACCEPT] = "EINVAL none LAST_ACK",
		[C_SEND] = "EPIPE none LAST_ACK",
		[C_RECV] = "0 none LAST_ACK",
	},
	[P_TIME_WAIT] = {
		[C_CLOSE ... C_ABORT] = "0 none TIME_WAIT",
		[C_SHUT_RD ... C_SHUT_RDWR] = "ENOTCONN none TIME_WAIT",
		[C_DISCONNECT] = "0 none TIME_WAIT",
		[C_CONNECT] = "EISCONN none TIME_WAIT",
		[C_LISTEN ... C_ACCEPT] = "EINVAL none TIME_WAIT",
		[C_SEND] = "EPIPE none TIME_WAIT",
		[C_RECV] = "0 none TIME_WAIT",
	},
};

static int calls_connect(struct conn *c, int fd)
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_port = htons(c->rport),
				   .sin_addr.s_addr = htonl(c->raddr) };

	return connect(fd, (struct sockaddr *)&sin, sizeof(sin));
}

static int calls_close(struct conn *c, int fd, bool linger)
{
	struct linger l = { .l_onoff = linger };

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &l, sizeof(l));
	if (fd == c->lfd)
		c->lfd = -1;
	else
		c->fd = -1;
	return close(fd);
}

static int calls_do(struct conn *c, enum call call)
{
	int fd = c->fd >= 0 ? c->fd : c->lfd;
	struct sockaddr nowhere = { .sa_family = AF_UNSPEC };
	char buf[16] = "0123456789";

	switch (call) {
	case C_CLOSE:
	case C_ABORT:
		return calls_close(c, fd, call == C_ABORT);
	case C_SHUT_RD:
		return shutdown(fd, SHUT_RD);
	case C_SHUT_WR:
		return shutdown(fd, SHUT_WR);
	case C_SHUT_RDWR:
		return shutdown(fd, SHUT_RDWR);
	case C_DISCONNECT:
		return connect(fd, &nowhere, sizeof(nowhere));
	case C_CONNECT:
		return calls_connect(c, fd);
	case C_LISTEN:
		return listen(fd, 8);
	case C_ACCEPT:
		return accept(fd, NULL, NULL);
	case C_SEND:
		return send(fd, buf, 10, MSG_NOSIGNAL);
	case C_RECV:
		return recv(fd, buf, 10, 0);
	case CALLS:
		break;
	}
	return -1;
}

static void calls_cell(enum fsm_place place, enum call call, bool due, char *got, size_t size)
{
	char segments[128], result[32];
	struct conn c;
	int ret;

	conn_init(&c, fsm_family, false);
	if (!conn_into(&c, place)) {
		snprintf(got, size, "not reached");
		conn_kill(&c);
		return;
	}
	if (place == P_CLOSED)
		conn_open(&c);
	ret = calls_do(&c, call);
	if (ret >= 0)
		snprintf(result, sizeof(result), "%d", ret);
	else
		snprintf(result, sizeof(result), "%s", strerrorname_np(errno));
	if (call == C_LISTEN && !ret && place == P_CLOSED) {
		c.lfd = c.fd;
		c.fd = -1;
	}
	say_answers(&c, NULL, due, segments, sizeof(segments));
	snprintf(got, size, "%s %s %s", result, segments, say_state(&c));
	conn_kill(&c);
}

/* Native sends that FIN only when the SYN is acknowledged; RFC 9293 3.10.4 at once. */
static const char *calls_expect(enum fsm_place place, enum call call)
{
	if (fsm_family == AF_INET && place == P_SYN_RECV_CROSSED &&
	    (call == C_SHUT_WR || call == C_SHUT_RDWR))
		return "0 none SYN_RECV";
	return cells[place][call];
}

static void calls_test(enum fsm_place place, enum call call)
{
	const char *want = calls_expect(place, call);
	bool due = want && !strstr(want, " none ");
	char got[256];
	int try;

	for (try = 0; try < 2; try++) {
		calls_cell(place, call, due, got, sizeof(got));
		if (want && !strcmp(got, want))
			break;
	}
	tap_ok(try < 2, "%s: %s", place_name(place), calls[call]);
	if (try == 2)
		tap_note("expected: %s; got: %s", want ?: "?", got);
}

/* States with a socket that calls can be made on. */
static const enum fsm_place places[] = {
	P_CLOSED, P_LISTEN, P_SYN_SENT, P_SYN_RECV_CROSSED, P_ESTABLISHED, P_FIN_WAIT1, P_FIN_WAIT2,
	P_CLOSE_WAIT, P_CLOSING, P_LAST_ACK, P_TIME_WAIT,
};

int main(void)
{
	unsigned int i;
	int call;

	tun_open();
	tap_plan(ARRAY_SIZE(places) * CALLS);
	for (i = 0; i < ARRAY_SIZE(places); i++)
		for (call = 0; call < CALLS; call++)
			calls_test(places[i], call);
	return tap_done();
}

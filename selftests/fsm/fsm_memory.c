// SPDX-License-Identifier: GPL-2.0-only
/*
 * A receiver short of memory: small segments are copied together, what is far out of
 * order goes first, what has no room is dropped and taken when it comes again; and no
 * byte is lost. Each counter moves.
 */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "fsm.h"

static struct seg seg;

static void memory_answers(struct conn *c)
{
	tun_barrier();
	while (tun_recv_barrier(&seg))
		if (conn_ours(c, &seg))
			conn_note(c, &seg);
}

/* Established with a receive buffer of @bytes; the socket layer doubles them. */
static bool memory_start(struct conn *c, int bytes)
{
	conn_listen(c, 8);
	if (bytes)
		setsockopt(c->lfd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
	return conn_handshake(c);
}

static long memory_counter(const char *name)
{
	return fsm_counter("TcpExt", name);
}

/* All @bytes of the stream in order, the application reading along: nothing is amiss. */
static bool memory_all_comes(struct conn *c, uint32_t bytes)
{
	uint32_t done = 0;
	char text[64];

	while (done < bytes) {
		uint16_t len = bytes - done < 100 ? bytes - done : 100;

		conn_read(c, text, sizeof(text));
		conn_send(c, ACK | PSH, c->snd_nxt + done, c->rcv_nxt, len);
		done += len;
	}
	memory_answers(c);
	conn_read(c, text, sizeof(text));
	if (c->read != bytes)
		tap_note("%u bytes came of %u", c->read, bytes);
	return c->read == bytes;
}

/* Small segments in order that nobody reads: their overhead is given back, none is dropped. */
static bool memory_small(struct conn *c)
{
	long called = memory_counter("PruneCalled"), packed = memory_counter("TCPRcvCollapsed");
	uint32_t done = 0;
	char text[64], want[16];

	STEP(memory_start(c, 8192));
	while (done + 60 <= 5000) {
		conn_send(c, ACK | PSH, c->snd_nxt + done, c->rcv_nxt, 60);
		done += 60;
	}
	memory_answers(c);
	STEP(memory_counter("PruneCalled") > called);
	STEP(memory_counter("TCPRcvCollapsed") > packed);
	snprintf(want, sizeof(want), "%u", done);
	return !strcmp(conn_read(c, text, sizeof(text)), want);
}

/* With holes there is nothing to copy together: the farthest go. */
static bool memory_holes(struct conn *c)
{
	long pruned = memory_counter("OfoPruned");
	uint32_t at;

	STEP(memory_start(c, 8192));
	for (at = 4000; at >= 100; at -= 100)
		conn_send(c, ACK | PSH, c->snd_nxt + at, c->rcv_nxt, 50);
	memory_answers(c);
	STEP(memory_counter("OfoPruned") > pruned);
	return memory_all_comes(c, 4050);
}

/* What lies beyond all that is there is not worth anything that is there. */
static bool memory_farther(struct conn *c)
{
	long pruned = memory_counter("OfoPruned"), dropped = memory_counter("TCPOFODrop");
	bool native;
	uint32_t at;

	STEP(memory_start(c, 8192));
	for (at = 100; at <= 4000; at += 100)
		conn_send(c, ACK | PSH, c->snd_nxt + at, c->rcv_nxt, 50);
	memory_answers(c);
	/* Native TCP of 6.1 gives what it has for it. */
	native = fsm_family == AF_INET && memory_counter("OfoPruned") > pruned;
	STEP(native || memory_counter("OfoPruned") == pruned);
	STEP(native || memory_counter("TCPOFODrop") > dropped);
	return memory_all_comes(c, 4050);
}

/* Packed together are neither a FIN and what contradicts it, nor what comes behind. */
static bool memory_fin(struct conn *c)
{
	long packed = memory_counter("TCPRcvCollapsed");
	char text[64];
	uint32_t at;

	STEP(memory_start(c, 8192));
	conn_send(c, ACK | PSH | FIN, c->snd_nxt + 10, c->rcv_nxt, 10);
	conn_send(c, ACK | PSH, c->snd_nxt + 20, c->rcv_nxt, 20);
	for (at = 4000; at >= 100; at -= 50)
		conn_send(c, ACK | PSH, c->snd_nxt + at, c->rcv_nxt, 50);
	memory_answers(c);
	STEP(memory_counter("TCPRcvCollapsed") > packed);
	conn_send(c, ACK | PSH, c->snd_nxt, c->rcv_nxt, 10);
	STEP(!strcmp(conn_read(c, text, sizeof(text)), "20,eof"));
	return conn_state(c) == S_CLOSE_WAIT;
}

/* The buffer shrinks under a window that is open: what finds no room comes again. */
static bool memory_full(struct conn *c)
{
	long pruned = memory_counter("RcvPruned"), dropped = memory_counter("TCPRcvQDrop");
	int least = 1;
	uint32_t at;

	STEP(memory_start(c, 0));
	setsockopt(c->fd, SOL_SOCKET, SO_RCVBUF, &least, sizeof(least));
	for (at = 0; at < 8 * 1400; at += 1400)
		conn_send(c, ACK | PSH, c->snd_nxt + at, c->rcv_nxt, 1400);
	memory_answers(c);
	STEP(memory_counter("RcvPruned") > pruned);
	STEP(memory_counter("TCPRcvQDrop") > dropped);
	return memory_all_comes(c, at);
}

static const struct conn_flow cases[] = {
	{ "small segments that nobody reads", memory_small },
	{ "out of order with holes: the farthest go", memory_holes },
	{ "out of order and farther than all: dropped", memory_farther },
	{ "a FIN that data contradicts", memory_fin },
	{ "no room left: dropped, and taken later", memory_full },
};

int main(void)
{
	return conn_flows(cases, ARRAY_SIZE(cases), ", timestamps and SACK");
}

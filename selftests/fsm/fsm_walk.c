// SPDX-License-Identifier: GPL-2.0-only
/* Whole lives of a connection, from the first SYN to the last ACK, by every road. */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fsm.h"

static struct seg seg;	/* the last one received */

static bool walk_state(const struct conn *c, enum fsm_state want)
{
	enum fsm_state got = conn_state(c);

	if (got != want)
		tap_note("state %s instead of %s", state_name(got), state_name(want));
	return got == want;
}

static bool walk_reads(struct conn *c, const char *want)
{
	char text[64];

	conn_read(c, text, sizeof(text));
	if (strcmp(text, want))
		tap_note("read %s instead of %s", text, want);
	return !strcmp(text, want);
}

/* Peer's data or FIN, acknowledged. */
static bool walk_peer(struct conn *c, uint16_t flags, uint16_t len)
{
	conn_send(c, flags | ACK, c->snd_nxt, c->rcv_nxt, len);
	c->snd_nxt += len + !!(flags & FIN);
	while (conn_answer(c, &seg, 1000))
		if (seg.ack == c->snd_nxt)
			return true;
	return false;
}

static void walk_ack(struct conn *c)
{
	conn_send(c, ACK, c->snd_nxt, c->rcv_nxt, 0);
	c->una = c->rcv_nxt;
	tun_barrier();
	while (tun_recv_barrier(&seg))
		if (conn_ours(c, &seg))
			conn_note(c, &seg);
}

/* The application sends; all of it must come, in order, and is acknowledged. */
static bool walk_sends(struct conn *c, uint32_t len)
{
	static uint8_t buf[65536];
	uint32_t end = c->rcv_nxt + len;

	STEP(send(c->fd, buf, len, MSG_NOSIGNAL) == (ssize_t)len);
	while (c->rcv_nxt != end || c->una != end) {
		if (c->una == c->rcv_nxt)
			STEP(conn_answer(c, &seg, 1000));
		walk_ack(c);
	}
	return true;
}

static bool walk_active_close_first(struct conn *c)
{
	conn_connect(c);
	STEP(conn_expect(c, SYN, &seg));
	conn_send(c, SYN | ACK, c->iss, c->rcv_nxt, 0);
	c->snd_nxt++;
	STEP(conn_expect(c, ACK, &seg));
	STEP(walk_state(c, S_ESTABLISHED));
	STEP(walk_sends(c, 5000) && walk_peer(c, PSH, 500) && walk_reads(c, "500"));
	STEP(!shutdown(c->fd, SHUT_WR) && conn_expect(c, FIN | ACK, &seg));
	STEP(walk_state(c, S_FIN_WAIT1));
	walk_ack(c);
	STEP(walk_state(c, S_FIN_WAIT2));
	STEP(walk_peer(c, FIN, 0) && walk_state(c, S_TIME_WAIT));
	return walk_reads(c, "0,eof");
}

static bool walk_passive_close_last(struct conn *c)
{
	STEP(conn_into(c, P_ESTABLISHED));
	STEP(walk_peer(c, PSH, 700) && walk_sends(c, 7000));
	STEP(walk_peer(c, FIN, 0) && walk_state(c, S_CLOSE_WAIT));
	STEP(walk_reads(c, "700,eof"));
	close(c->fd);
	c->fd = -1;
	STEP(conn_expect(c, FIN | ACK, &seg) && walk_state(c, S_LAST_ACK));
	walk_ack(c);
	return walk_state(c, S_CLOSED);
}

static bool walk_half_close_peer(struct conn *c)
{
	STEP(conn_into(c, P_CLOSE_WAIT));
	STEP(walk_sends(c, 9000) && walk_state(c, S_CLOSE_WAIT));
	STEP(!shutdown(c->fd, SHUT_WR) && conn_expect(c, FIN | ACK, &seg));
	walk_ack(c);
	return walk_state(c, S_CLOSED);
}

static bool walk_half_close_own(struct conn *c)
{
	int i;

	STEP(conn_into(c, P_FIN_WAIT2));
	for (i = 0; i < 5; i++)
		STEP(walk_peer(c, PSH, 1000) && walk_reads(c, "1000"));
	return walk_peer(c, FIN, 0) && walk_state(c, S_TIME_WAIT) && walk_reads(c, "0,eof");
}

static bool walk_crossed_open(struct conn *c)
{
	struct pollfd pfd = { .events = POLLOUT };
	int error = -1;
	socklen_t len = sizeof(error);

	STEP(conn_into(c, P_SYN_RECV_CROSSED));
	conn_send(c, SYN | ACK, c->iss, c->rcv_nxt, 0);
	tun_barrier();
	while (tun_recv_barrier(&seg))
		;
	STEP(walk_state(c, S_ESTABLISHED));
	pfd.fd = c->fd;
	STEP(poll(&pfd, 1, 1000) == 1 && pfd.revents == POLLOUT);
	STEP(!getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &len) && !error);
	STEP(walk_peer(c, PSH, 300) && walk_reads(c, "300") && walk_sends(c, 3000));
	return true;
}

static bool walk_crossed_close(struct conn *c)
{
	STEP(conn_into(c, P_ESTABLISHED));
	STEP(send(c->fd, "0123456789", 10, 0) == 10 && conn_expect(c, ACK, &seg));
	STEP(!shutdown(c->fd, SHUT_WR) && conn_expect(c, FIN | ACK, &seg));
	/* The peer's last bytes and FIN were under way and know of neither. */
	conn_send(c, FIN | ACK | PSH, c->snd_nxt, c->una, 100);
	c->snd_nxt += 101;
	STEP(conn_expect(c, ACK, &seg) && seg.ack == c->snd_nxt);
	STEP(walk_state(c, S_CLOSING));
	walk_ack(c);
	return walk_state(c, S_TIME_WAIT) && walk_reads(c, "100,eof");
}

/* FIN, ACK of our FIN and data in one segment: FIN_WAIT1 straight to TIME_WAIT. */
static bool walk_fin_wait1_to_time_wait(struct conn *c)
{
	STEP(conn_into(c, P_FIN_WAIT1));
	STEP(walk_peer(c, FIN | PSH, 400) && walk_state(c, S_TIME_WAIT));
	return walk_reads(c, "400,eof");
}

/* The peer's FIN again, as if our ACK was lost: TIME_WAIT answers each. */
static bool walk_time_wait_answers(struct conn *c)
{
	STEP(conn_into(c, P_TIME_WAIT));
	conn_send(c, FIN | ACK, c->snd_nxt - 1, c->rcv_nxt, 0);
	STEP(conn_expect(c, ACK, &seg) && seg.ack == c->snd_nxt && seg.seq == c->rcv_nxt);
	return walk_state(c, S_TIME_WAIT);
}

/* A new connection over the 4-tuple in TIME_WAIT, all the way (RFC 6191). */
static bool walk_time_wait_again(struct conn *c)
{
	STEP(conn_into(c, P_TIME_WAIT));
	close(c->fd);
	c->fd = -1;
	c->accepted = false;
	c->read = 0;
	c->iss = c->snd_nxt + 100000;
	conn_send(c, SYN, c->iss, 0, 0);
	c->snd_nxt = c->iss + 1;
	STEP(conn_expect(c, SYN | ACK, &seg) && seg.ack == c->snd_nxt);
	walk_ack(c);
	STEP(conn_accept(c) && walk_state(c, S_ESTABLISHED));
	return walk_peer(c, PSH, 300) && walk_reads(c, "300") && walk_sends(c, 3000);
}

/* Without a TFO cookie data in a SYN is not taken; it comes again. */
static bool walk_data_in_syn(struct conn *c)
{
	conn_listen(c, 8);
	conn_send(c, SYN, c->iss, 0, 100);
	c->snd_nxt = c->iss + 1;
	STEP(conn_expect(c, SYN | ACK, &seg) && seg.ack == c->snd_nxt);
	walk_ack(c);
	STEP(conn_accept(c));
	return walk_peer(c, PSH, 100) && walk_reads(c, "100");
}

/* The handshake's last ACK was lost, data comes instead. */
static bool walk_data_for_ack(struct conn *c)
{
	STEP(conn_into(c, P_SYN_RECV));
	STEP(walk_peer(c, PSH, 100));
	STEP(conn_accept(c));
	return walk_reads(c, "100") && walk_sends(c, 3000);
}

static bool walk_syn_again(struct conn *c)
{
	uint64_t start = fsm_now_ms();
	uint32_t seq;

	conn_connect(c);
	STEP(conn_expect(c, SYN, &seg));
	seq = seg.seq;
	STEP(conn_expect(c, SYN, &seg) && seg.seq == seq);
	STEP(fsm_now_ms() - start >= 950 && fsm_now_ms() - start < 2500);
	conn_send(c, SYN | ACK, c->iss, c->rcv_nxt, 0);
	c->snd_nxt++;
	STEP(conn_expect(c, ACK, &seg));
	return walk_sends(c, 3000);
}

static bool walk_synack_again(struct conn *c)
{
	uint64_t start = fsm_now_ms();
	uint32_t seq;

	STEP(conn_into(c, P_SYN_RECV));
	seq = c->irs;
	STEP(conn_expect(c, SYN | ACK, &seg) && seg.seq == seq);
	STEP(fsm_now_ms() - start >= 900 && fsm_now_ms() - start < 2500);
	walk_ack(c);
	STEP(conn_accept(c));
	return walk_sends(c, 3000);
}

static bool walk_fin_again(struct conn *c)
{
	uint32_t seq;

	STEP(conn_into(c, P_FIN_WAIT1));
	seq = c->rcv_nxt - 1;
	STEP(conn_expect(c, FIN | ACK, &seg) && seg.seq == seq);
	STEP(conn_expect(c, FIN | ACK, &seg) && seg.seq == seq);
	walk_ack(c);
	return walk_state(c, S_FIN_WAIT2);
}

/* RFC 9293 SHLD-3: data nobody has read when the socket closes is lost, and the peer told. */
static bool walk_close_unread(struct conn *c)
{
	STEP(conn_into(c, P_ESTABLISHED));
	STEP(walk_peer(c, PSH, 100));
	close(c->fd);
	c->fd = -1;
	STEP(conn_answer(c, &seg, 1000) && seg.flags & RST);
	return walk_state(c, S_CLOSED);
}

static bool walk_listener_closes(struct conn *c)
{
	STEP(conn_into(c, P_SYN_RECV));
	close(c->lfd);
	c->lfd = -1;
	conn_send(c, ACK, c->snd_nxt, c->rcv_nxt, 0);
	STEP(conn_answer(c, &seg, 1000) && seg.flags & RST);
	return walk_state(c, S_CLOSED);
}

/* Established but not yet accepted when the listener closes: reset. */
static bool walk_listener_closes_queue(struct conn *c)
{
	STEP(conn_into(c, P_SYN_RECV));
	walk_ack(c);
	STEP(walk_state(c, S_ESTABLISHED));
	close(c->lfd);
	c->lfd = -1;
	STEP(conn_answer(c, &seg, 1000) && seg.flags & RST);
	return walk_state(c, S_CLOSED);
}

static bool walk_fin_timeout(struct conn *c)
{
	int linger2 = 1, i;

	STEP(conn_into(c, P_ESTABLISHED));
	STEP(!setsockopt(c->fd, IPPROTO_TCP, TCP_LINGER2, &linger2, sizeof(linger2)));
	close(c->fd);
	c->fd = -1;
	STEP(conn_expect(c, FIN | ACK, &seg));
	walk_ack(c);
	STEP(walk_state(c, S_FIN_WAIT2));
	for (i = 0; i < 40 && conn_state(c) != S_CLOSED; i++)
		poll(NULL, 0, 100);
	return walk_state(c, S_CLOSED);
}

static const struct conn_flow walks[] = {
	{ "connect, both ways, close first", walk_active_close_first },
	{ "accept, both ways, close last", walk_passive_close_last },
	{ "the peer's half-close: we go on sending", walk_half_close_peer },
	{ "our half-close: we go on receiving", walk_half_close_own },
	{ "simultaneous open, then data", walk_crossed_open },
	{ "simultaneous close, data on its way", walk_crossed_close },
	{ "FIN_WAIT1 to TIME_WAIT in one segment", walk_fin_wait1_to_time_wait },
	{ "TIME_WAIT answers the repeated FIN", walk_time_wait_answers },
	{ "a new connection over TIME_WAIT", walk_time_wait_again },
	{ "data in the SYN", walk_data_in_syn },
	{ "data instead of the handshake's ACK", walk_data_for_ack },
	{ "the SYN again after 1 s", walk_syn_again },
	{ "the SYN-ACK again after 1 s", walk_synack_again },
	{ "the FIN again", walk_fin_again },
	{ "close with unread data resets", walk_close_unread },
	{ "the listener closes on a half-open connection", walk_listener_closes },
	{ "the listener closes on its accept queue", walk_listener_closes_queue },
	{ "TCP_LINGER2: FIN_WAIT2 ends after 1 s", walk_fin_timeout },
};

int main(void)
{
	return conn_flows(walks, ARRAY_SIZE(walks), ", timestamps");
}

// SPDX-License-Identifier: GPL-2.0-only
/* Puts in words what a socket answers and what it has become (fsm_table.c tells how). */
#define _GNU_SOURCE
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "fsm_tcp_info.h"

#define SAY_ANSWER_MS	400

/* A FIN or SYN-ACK that the socket's timer sends again is no answer. */
static bool say_by_timer(const struct conn *c, const struct seg *in, const struct seg *seg)
{
	if (seg->flags & FIN && seg->seq + 1 == c->rcv_nxt)
		return true;
	return seg->flags & SYN && !(in->flags & SYN) && seg->seq + 1 == c->rcv_nxt;
}

static void say_rst(const struct conn *c, const struct seg *in, const struct seg *out, char *buf,
		    size_t size)
{
	uint32_t in_end = in->seq + in->len + !!(in->flags & SYN) + !!(in->flags & FIN);

	if (out->flags == RST && in->flags & ACK && out->seq == in->ack)
		snprintf(buf, size, "RST(ack)");
	else if (out->flags == (RST | ACK) && !out->seq && out->ack == in_end)
		snprintf(buf, size, "RST(0)");
	else if (out->flags == (RST | ACK))
		snprintf(buf, size, "RST+ACK(%+d,%+d)", out->seq - c->rcv_nxt,
			 out->ack - c->snd_nxt);
	else
		snprintf(buf, size, "RST(%+d)", out->seq - c->rcv_nxt);
}

static void say_describe(const struct conn *c, const struct seg *in, const struct seg *out,
			 char *buf, size_t size)
{
	uint32_t in_end = in->seq + in->len + !!(in->flags & SYN) + !!(in->flags & FIN);
	char flags[16];
	int n;

	if (out->flags & RST) {
		say_rst(c, in, out, buf, size);
		return;
	}
	if (out->flags & SYN && out->flags & ACK)
		n = snprintf(buf, size, "SYNACK");
	else if (out->flags == ACK && !out->len)
		n = snprintf(buf, size, "ACK");
	else
		n = snprintf(buf, size, "%s", seg_flags(out->flags, flags));
	if (out->len)
		n += snprintf(buf + n, size - n, ":%u", out->len);
	if (out->seq != c->rcv_nxt && !(out->flags & SYN))
		n += snprintf(buf + n, size - n, "@%d", out->seq - c->rcv_nxt);
	/* What a SYN-ACK to a new SYN says is all new. */
	if (out->flags & SYN && in->flags & SYN && out->ack == in_end)
		return;
	if (out->flags & ACK && out->ack != c->snd_nxt)
		snprintf(buf + n, size - n, "%+d", out->ack - c->snd_nxt);
}

static bool say_collect(struct conn *c, const struct seg *in, char *buf, size_t size)
{
	static struct seg out;
	bool any = false;

	tun_barrier();
	while (tun_recv_barrier(&out)) {
		if (!conn_ours(c, &out) || say_by_timer(c, in, &out))
			continue;
		if (any)
			strncat(buf, "/", size - strlen(buf) - 1);
		say_describe(c, in, &out, buf + strlen(buf), size - strlen(buf));
		any = true;
	}
	return any;
}

/* Answers; a delayed ACK gets its time, but only where one is due. */
void say_answers(struct conn *c, const struct seg *in, bool due, char *buf, size_t size)
{
	static const struct seg nothing;
	uint64_t end = fsm_now_ms() + SAY_ANSWER_MS;
	struct timespec nap = { .tv_nsec = 5000000 };

	buf[0] = 0;
	while (!say_collect(c, in ?: &nothing, buf, size) && due && fsm_now_ms() < end)
		nanosleep(&nap, NULL);
	if (!buf[0])
		snprintf(buf, size, "none");
}

/* TCP_INFO and /proc must agree: a bucket's socket is closed. */
const char *say_state(const struct conn *c)
{
	enum fsm_state state = conn_state(c), want = state;
	static char buf[64];
	struct tcp_info info;

	if (c->fd < 0)
		return state_name(state);
	if (state == S_TIME_WAIT || (state == S_SYN_RECV && c->accepted))
		want = S_CLOSED;
	info = conn_info(c);
	if (info.tcpi_state == want)
		return state_name(state);
	snprintf(buf, sizeof(buf), "%s(TCP_INFO:%s)", state_name(state),
		 state_name(info.tcpi_state));
	return buf;
}

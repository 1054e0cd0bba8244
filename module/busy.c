// SPDX-License-Identifier: GPL-2.0-only
/*
 * busy.c owns the account of a sender's time: how long it had something to send or on the
 * way, and what of that it was held up by the peer's window or by its own buffer
 * (tcpi_busy_time, tcpi_rwnd_limited, tcpi_sndbuf_limited). Socket lock.
 */
#include <net/sock.h>

#include "busy.h"

#define BUSY_TICK_SHIFT		10

/*
 * A time is as long as the ticks that fall into it are many: a short one may have none or one
 * too many, but nothing is rounded, so that of many short ones the sum is right.
 */
static u32 busy_tick(u64 now_us)
{
	return now_us >> BUSY_TICK_SHIFT;
}

static void busy_set(struct xtcp_sock *xs, enum xtcp_busy_with with, u64 now_us)
{
	struct xtcp_busy *busy = &xs->busy;
	u32 now = busy_tick(now_us);

	if (likely(xs->busy_with == with))
		return;
	if (xs->busy_with != XTCP_BUSY_IDLE)
		busy->ticks[xs->busy_with - 1] += now - busy->since;
	busy->since = now;
	xs->busy_with = with;
}

/**
 * xtcp_busy_init - a connection begins, with nothing to send
 * @sk: locked, or known to nobody yet
 */
void xtcp_busy_init(struct sock *sk)
{
	xtcp_sk(sk)->busy = (struct xtcp_busy) { };
	xtcp_sk(sk)->busy_with = XTCP_BUSY_IDLE;
}

/* All there was is sent, the window would take more, and a writer waits for room. */
static bool busy_sndbuf(const struct sock *sk)
{
	return skb_queue_empty(&sk->sk_write_queue) && sk->sk_socket &&
	       test_bit(SOCK_NOSPACE, &sk->sk_socket->flags) &&
	       (1 << sk->sk_state) & (TCPF_ESTABLISHED | TCPF_CLOSE_WAIT);
}

/**
 * xtcp_busy_sent - the sender had a look at its send queue
 * @sk: locked; there was something in it, xs->now_us is set
 * @rwnd: the peer's window let it send no more
 * @cwnd: the congestion window did
 */
void xtcp_busy_sent(struct sock *sk, bool rwnd, bool cwnd)
{
	struct xtcp_sock *xs = xtcp_sk(sk);
	enum xtcp_busy_with with = XTCP_BUSY_SENDING;

	if (rwnd)
		with = XTCP_BUSY_RWND;
	else if (!cwnd && busy_sndbuf(sk))
		with = XTCP_BUSY_SNDBUF;
	busy_set(xs, with, xs->now_us);
}

/**
 * xtcp_busy_acked - SND.UNA moved
 * @sk: locked
 * @now_us: the clock
 */
void xtcp_busy_acked(struct sock *sk, u64 now_us)
{
	struct xtcp_sock *xs = xtcp_sk(sk);

	if (!xs->snd.packets_out && skb_queue_empty(&sk->sk_write_queue))
		busy_set(xs, XTCP_BUSY_IDLE, now_us);
}

/**
 * xtcp_busy_room - the writer who waited for room was woken
 * @sk: locked
 */
void xtcp_busy_room(struct sock *sk)
{
	struct xtcp_sock *xs = xtcp_sk(sk);

	if (xs->busy_with == XTCP_BUSY_SNDBUF)
		busy_set(xs, XTCP_BUSY_SENDING, xtcp_sk_now_us(xs));
}

/**
 * xtcp_busy_us - the time spent with something so far
 * @sk: locked
 * @with: what, not XTCP_BUSY_IDLE
 *
 * Return: microseconds
 */
u64 xtcp_busy_us(const struct sock *sk, enum xtcp_busy_with with)
{
	const struct xtcp_sock *xs = xtcp_sk(sk);
	u32 ticks = xs->busy.ticks[with - 1];

	if (xs->busy_with == with)
		ticks += busy_tick(xtcp_sk_now_us(xs)) - xs->busy.since;
	return (u64)ticks << BUSY_TICK_SHIFT;
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * Readiness: poll, select, epoll, and the wake-ups of writers.
 *
 * Without the socket lock: a state that changes meanwhile wakes the waiter again.
 */
#include <linux/poll.h>

#include "door.h"
#include "engine.h"

static __poll_t poll_listener(const struct sock *sk)
{
	return READ_ONCE(sk->sk_ack_backlog) ? EPOLLIN | EPOLLRDNORM : 0;
}

/* Bytes a read would find; without the lock, so a moment's value. */
static int poll_avail(const struct xtcp_sock *xs)
{
	return READ_ONCE(xs->rcv.nxt) - READ_ONCE(xs->rcv.copied_seq);
}

static bool poll_readable(struct sock *sk)
{
	const struct xtcp_sock *xs = xtcp_sk(sk);
	int target = sock_rcvlowat(sk, 0, INT_MAX);
	int avail = poll_avail(xs);

	/* The urgent byte at the front is read by MSG_OOB only. */
	if (READ_ONCE(xs->rcv.urg_data) && !sock_flag(sk, SOCK_URGINLINE) &&
	    READ_ONCE(xs->rcv.urg_seq) == READ_ONCE(xs->rcv.copied_seq))
		target++;
	if (avail <= 0)
		return false;
	return avail >= target || xtcp_buf_short(sk);
}

static bool poll_writable(struct sock *sk)
{
	if (READ_ONCE(sk->sk_shutdown) & SEND_SHUTDOWN)
		return true;
	if (__sk_stream_is_writeable(sk, 1))
		return true;
	sk_set_bit(SOCKWQ_ASYNC_NOSPACE, sk);
	set_bit(SOCK_NOSPACE, &sk->sk_socket->flags);
	/*
	 * Space that came after the first test and before the flag woke nobody.
	 * Pairs with the barrier between freeing space and testing the flag.
	 */
	smp_mb__after_atomic();
	return __sk_stream_is_writeable(sk, 1);
}

static __poll_t poll_connected(struct sock *sk)
{
	__poll_t mask = 0;

	if (poll_readable(sk))
		mask |= EPOLLIN | EPOLLRDNORM;
	if (poll_writable(sk))
		mask |= EPOLLOUT | EPOLLWRNORM;
	if (READ_ONCE(xtcp_sk(sk)->rcv.urg_data) & XTCP_URG_VALID)
		mask |= EPOLLPRI;
	return mask;
}

/*
 * The application is about to wait and has not answered: the ACK that was held back for the
 * answer goes. An owner of the lock is left alone: if he doesn't answer, the time is short.
 */
static void poll_turn(struct sock *sk)
{
	if (!(READ_ONCE(xtcp_sk(sk)->rcv.ack_pending) & XTCP_ACK_HELD))
		return;
	local_bh_disable();
	bh_lock_sock(sk);
	if (!sock_owned_by_user(sk))
		xtcp_delack_turn(sk);
	bh_unlock_sock(sk);
	local_bh_enable();
}

/**
 * xtcp_poll - proto_ops.poll
 * @file: the socket's
 * @sock: socket
 * @wait: the waiter, to be woken by sk_wq
 *
 * HUP means both directions over; a half-closed connection is RDHUP.
 *
 * Return: EPOLL* that hold now.
 */
__poll_t xtcp_poll(struct file *file, struct socket *sock, struct poll_table_struct *wait)
{
	struct sock *sk = sock->sk;
	__poll_t mask = 0;
	int state, shutdown;

	sock_poll_wait(file, sock, wait);
	state = inet_sk_state_load(sk);
	if (state == TCP_LISTEN)
		return poll_listener(sk);

	shutdown = READ_ONCE(sk->sk_shutdown);
	if (shutdown == SHUTDOWN_MASK || state == TCP_CLOSE)
		mask |= EPOLLHUP;
	if (shutdown & RCV_SHUTDOWN)
		mask |= EPOLLIN | EPOLLRDNORM | EPOLLRDHUP;
	if (state != TCP_SYN_SENT && state != TCP_SYN_RECV)
		mask |= poll_connected(sk);

	/* Pairs with the write barrier between sk_err and the state's change. */
	smp_rmb();
	if (READ_ONCE(sk->sk_err) || !skb_queue_empty_lockless(&sk->sk_error_queue))
		mask |= EPOLLERR;
	if (!(mask & poll_requested_events(wait)))
		poll_turn(sk);
	return mask;
}

/**
 * xtcp_stream_memory_free - struct proto.stream_memory_free: TCP_NOTSENT_LOWAT
 * @sk: socket
 * @wake: 1 when asked for a wake-up: only when less than half remains
 *
 * Return: true if the application may add to what is not sent yet.
 */
bool xtcp_stream_memory_free(const struct sock *sk, int wake)
{
	const struct xtcp_snd *snd = &xtcp_sk(sk)->snd;
	u32 lowat = READ_ONCE(snd->notsent_lowat);
	u32 notsent = READ_ONCE(snd->write_seq) - READ_ONCE(snd->nxt);

	if (!lowat)
		lowat = xtcp_sk_knob(sk, notsent_lowat);
	return (u64)notsent << wake < lowat;
}

/* Room means a third of the send buffer, so that a writer does not wake for every segment. */
static void poll_wake_writers(struct sock *sk)
{
	struct socket *sock;
	struct socket_wq *wq;

	rcu_read_lock();
	sock = READ_ONCE(sk->sk_socket);
	wq = rcu_dereference(sk->sk_wq);
	if (sock && wq && test_bit(SOCK_NOSPACE, &sock->flags) &&
	    __sk_stream_is_writeable(sk, 1)) {
		clear_bit(SOCK_NOSPACE, &sock->flags);
		if (skwq_has_sleeper(wq))
			wake_up_interruptible_poll(&wq->wait, EPOLLOUT | EPOLLWRNORM |
						   EPOLLWRBAND);
		if (wq->fasync_list && !(READ_ONCE(sk->sk_shutdown) & SEND_SHUTDOWN))
			sock_wake_async(wq, SOCK_WAKE_SPACE, POLL_OUT);
	}
	rcu_read_unlock();
}

/**
 * xtcp_write_space - sk_write_space: wakes who waits for room
 * @sk: socket; its lock is not needed, any context but hard interrupt
 *
 * That is output, when a segment left the host: sock_wfree() calls this. And writers who
 * found no room (SOCK_NOSPACE), so edge-triggered ones hear of it once per EAGAIN.
 */
void xtcp_write_space(struct sock *sk)
{
	const struct socket *sock;
	bool wanted;

	xtcp_smallq_freed(sk);
	/* For each segment that leaves: a reader of RCU that costs next to nothing. */
	preempt_disable();
	sock = READ_ONCE(sk->sk_socket);
	wanted = sock && test_bit(SOCK_NOSPACE, &sock->flags);
	preempt_enable();
	if (wanted)
		poll_wake_writers(sk);
}

/**
 * xtcp_set_rcvlowat - proto_ops.set_rcvlowat: SO_RCVLOWAT
 * @sk: socket, locked
 * @val: bytes; more than half the receive buffer could never be there
 *
 * Return: 0.
 */
int xtcp_set_rcvlowat(struct sock *sk, int val)
{
	int cap = READ_ONCE(sk->sk_rcvbuf) >> 1;

	if (!(sk->sk_userlocks & SOCK_RCVBUF_LOCK))
		cap = xtcp_knob(sock_net(sk), rmem[2]) >> 1;
	val = min(val, cap);
	WRITE_ONCE(sk->sk_rcvlowat, val ? val : 1);

	xtcp_buf_reserve(sk, val);
	if (poll_readable(sk))
		sk->sk_data_ready(sk);
	return 0;
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * state.c owns the state of a socket: the only writer of sk_state, and the
 * table, port, timer and counter work that belongs to an edge. Socket lock.
 */
#include <net/inet_common.h>
#include <net/tcp_states.h>
#include <net/xfrm.h>
#include <xtcp/fsm.h>

#include "compat.h"
#include "demux.h"
#include "ports.h"
#include "portwait.h"
#include "state.h"
#include "timer.h"
#include "tw.h"

#include <trace/events/xtcp.h>

static_assert((int)XTCP_ESTABLISHED == (int)TCP_ESTABLISHED);
static_assert((int)XTCP_SYN_SENT == (int)TCP_SYN_SENT);
static_assert((int)XTCP_SYN_RECV == (int)TCP_SYN_RECV);
static_assert((int)XTCP_FIN_WAIT1 == (int)TCP_FIN_WAIT1);
static_assert((int)XTCP_FIN_WAIT2 == (int)TCP_FIN_WAIT2);
static_assert((int)XTCP_TIME_WAIT == (int)TCP_TIME_WAIT);
static_assert((int)XTCP_CLOSE == (int)TCP_CLOSE);
static_assert((int)XTCP_CLOSE_WAIT == (int)TCP_CLOSE_WAIT);
static_assert((int)XTCP_LAST_ACK == (int)TCP_LAST_ACK);
static_assert((int)XTCP_LISTEN == (int)TCP_LISTEN);
static_assert((int)XTCP_CLOSING == (int)TCP_CLOSING);

/* RFC 4022: ESTABLISHED and CLOSE-WAIT count as current. */
static bool state_is_current(int state)
{
	return state == TCP_ESTABLISHED || state == TCP_CLOSE_WAIT;
}

static void state_count(const struct sock *sk, int from, int to)
{
	struct net *net = sock_net(sk);

	if (state_is_current(to) && !state_is_current(from))
		XTCP_INC(net, CURRESTAB);
	else if (state_is_current(from) && !state_is_current(to))
		XTCP_DEC(net, CURRESTAB);
	if (to != TCP_CLOSE)
		return;
	if (state_is_current(from))
		XTCP_INC(net, ESTABRESETS);
	else if (from == TCP_SYN_SENT || from == TCP_SYN_RECV)
		XTCP_INC(net, ATTEMPTFAILS);
}

/* Out of the tables, the timers off, the port back unless the user bound it. */
static void state_leave_tables(struct sock *sk, int from)
{
	if (from == TCP_LISTEN)
		xtcp_listeners_remove(sk);
	else
		xtcp_demux_remove_sock(sk);
	xtcp_timer_clear(sk);
	xtcp_portwait_end(sk);
	if (!(sk->sk_userlocks & SOCK_BINDPORT_LOCK))
		xtcp_ports_put_port(sk);
}

void xtcp_set_state(struct sock *sk, int to)
{
	int from = sk->sk_state;

	sock_owned_by_me(sk);
	if (from == to)
		return;
	if (!xtcp_fsm_edge_legal(from, to)) {
		XTCP_INC(sock_net(sk), ILLEGALEDGE);
		trace_xtcp_illegal_edge(sk, from, to);
		return;
	}
	state_count(sk, from, to);
	trace_xtcp_state(sk, from, to);
	if (to == TCP_CLOSE)
		state_leave_tables(sk, from);
	inet_sk_set_state(sk, to);
}

void xtcp_state_init_child(struct sock *sk)
{
	inet_sk_set_state(sk, TCP_SYN_RECV);
}

void xtcp_state_destroy(struct sock *sk)
{
	DEBUG_NET_WARN_ON_ONCE(sk->sk_state != TCP_CLOSE);
	DEBUG_NET_WARN_ON_ONCE(!sock_flag(sk, SOCK_DEAD));
	DEBUG_NET_WARN_ON_ONCE(!sk_unhashed(sk));

	xtcp_ports_put_port(sk);
	sk->sk_prot->destroy(sk);
	sk_stream_kill_queues(sk);
	xfrm_sk_free_policy(sk);
	atomic_dec(&xtcp_net(sock_net(sk))->orphans);
	sock_put(sk);
}

void xtcp_state_done(struct sock *sk)
{
	xtcp_set_state(sk, TCP_CLOSE);
	WRITE_ONCE(sk->sk_shutdown, SHUTDOWN_MASK);
	if (!sock_flag(sk, SOCK_DEAD))
		sk->sk_state_change(sk);
	else
		xtcp_state_destroy(sk);
}

void xtcp_state_abort(struct sock *sk, int err)
{
	if (sk->sk_state == TCP_CLOSE)
		return;
	WRITE_ONCE(sk->sk_err, err);
	smp_wmb();	/* poll sees the error no later than the state */
	xtcp_sock_purge_write(sk);
	if (!sock_flag(sk, SOCK_DEAD))
		sk_error_report(sk);
	xtcp_state_done(sk);
}

void xtcp_state_time_wait(struct sock *sk, int substate, unsigned long lifetime)
{
	xtcp_tw_replace(sk, substate, lifetime);
	xtcp_state_done(sk);
}

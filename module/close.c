// SPDX-License-Identifier: GPL-2.0-only
/*
 * The end as the application orders it: close(2) and shutdown(2).
 *
 * Owns the step from a socket with a file to an orphan. Process context; takes
 * the socket lock itself for close, has it for shutdown.
 */
#include "door.h"
#include "engine.h"
#include "guard.h"
#include "patience.h"
#include "ports.h"
#include "state.h"
#include "synq.h"
#include "timer.h"
#include "tw.h"

/* Moves along the edge of CLOSE (RFC 9293 3.10.4) and sends the FIN if it demands one. */
static void close_send_fin(struct sock *sk)
{
	int to = xtcp_fsm_next(sk->sk_state, XTCP_EV_APP_CLOSE);

	if (to < 0 || to == sk->sk_state)
		return;
	xtcp_set_state(sk, to);
	if (to == TCP_FIN_WAIT1 || to == TCP_LAST_ACK)
		xtcp_output_fin(sk);
}

/**
 * xtcp_shutdown - struct proto.shutdown: our direction ends, if @how says so
 * @sk: socket, locked
 * @how: RCV_SHUTDOWN, SEND_SHUTDOWN or both; sk_shutdown has it already
 */
void xtcp_shutdown(struct sock *sk, int how)
{
	sock_owned_by_me(sk);
	if (!(how & SEND_SHUTDOWN))
		return;
	if ((1 << sk->sk_state) &
	    (TCPF_ESTABLISHED | TCPF_SYN_SENT | TCPF_SYN_RECV | TCPF_CLOSE_WAIT))
		close_send_fin(sk);
}

/* Empties the receive queue; true if there were bytes in it that nobody read. */
static bool close_drop_unread(struct sock *sk)
{
	struct xtcp_sock *xs = xtcp_sk(sk);
	struct sk_buff *skb;
	bool unread = false;

	while ((skb = __skb_dequeue(&sk->sk_receive_queue))) {
		u32 end = XTCP_CB(skb)->end_seq;

		if (XTCP_CB(skb)->flags & XTCP_FIN)
			end--;
		if (xtcp_seq_after(end, xs->rcv.copied_seq))
			unread = true;
		__kfree_skb(skb);
	}
	return unread;
}

static void close_reset(struct sock *sk, enum xtcp_rst_reason reason)
{
	xtcp_xmit_rst(sk, gfp_any(), reason);
	xtcp_set_state(sk, TCP_CLOSE);
}

/* How the connection ends: by RST when data was lost or the user wants that, else by FIN. */
static void close_connection(struct sock *sk)
{
	struct net *net = sock_net(sk);
	bool unread = close_drop_unread(sk);

	if (sk->sk_state == TCP_CLOSE)
		return;

	if (unread) {
		/* The peer must not believe that its data arrived (RFC 2525 2.17). */
		XTCP_INC(net, ABORTONCLOSE);
		close_reset(sk, XTCP_RST_UNREAD_DATA);
	} else if (sock_flag(sk, SOCK_LINGER) && !sk->sk_lingertime) {
		xtcp_connect_abandon(sk, XTCP_RST_LINGER);
		XTCP_INC(net, ABORTONDATA);
	} else {
		close_send_fin(sk);
	}
}

/* FIN_WAIT_2 must outlive retransmissions that are on their way: 3.5 RTO at least. */
static long close_fin_time(const struct sock *sk)
{
	u32 rto = xtcp_ack_rto(sk);

	return max_t(long, xtcp_fin_wait(sk), (rto << 2) - (rto >> 1));
}

/*
 * No process waits for the peer's FIN any more: FIN_WAIT_2 lasts a limited time.
 * True if a TIME_WAIT bucket has taken over and the socket is gone.
 */
static bool close_fin_wait2(struct sock *sk)
{
	long tmo;

	if (sk->sk_state != TCP_FIN_WAIT2)
		return false;

	if (xtcp_fin_wait(sk) < 0) {
		close_reset(sk, XTCP_RST_LINGER);
		XTCP_INC(sock_net(sk), ABORTONLINGER);
		return false;
	}

	tmo = close_fin_time(sk);
	if (tmo > XTCP_TIMEWAIT_LEN) {
		xtcp_timer_arm(sk, XTCP_T_FINWAIT2, tmo - XTCP_TIMEWAIT_LEN);
		return false;
	}
	xtcp_state_time_wait(sk, TCP_FIN_WAIT2, tmo);
	return true;
}

/* Orphans are memory that no process answers for. */
static bool close_too_many_orphans(const struct sock *sk)
{
	struct net *net = sock_net(sk);

	if (atomic_read(&xtcp_net(net)->orphans) > xtcp_knob(net, max_orphans)) {
		XTCP_INC(net, ORPHANLIMIT);
		return true;
	}
	return sk->sk_wmem_queued > SOCK_MIN_SNDBUF &&
	       sk_memory_allocated(sk) > sk_prot_mem_limits(sk, 2);
}

static void close_limit_orphan(struct sock *sk)
{
	if (sk->sk_state == TCP_CLOSE)
		return;
	if (close_too_many_orphans(sk)) {
		close_reset(sk, XTCP_RST_MEMORY);
		XTCP_INC(sock_net(sk), ABORTONMEMORY);
	} else if (!check_net(sock_net(sk))) {
		/* The namespace is on its way out: there is no route for a RST. */
		xtcp_set_state(sk, TCP_CLOSE);
	}
}

/*
 * The socket loses its file. What arrived meanwhile waits in the backlog and may
 * end the connection; new segments queue there too until the lock goes.
 */
static void close_orphan(struct sock *sk)
{
	int state = sk->sk_state;

	sock_orphan(sk);
	atomic_inc(&xtcp_net(sock_net(sk))->orphans);
	__sk_flush_backlog(sk);

	/* An orphan that reaches CLOSE is destroyed on the spot. */
	if (state != TCP_CLOSE && sk->sk_state == TCP_CLOSE)
		return;

	local_bh_disable();
	if (!close_fin_wait2(sk)) {
		close_limit_orphan(sk);
		if (sk->sk_state == TCP_CLOSE)
			xtcp_state_destroy(sk);
	}
	local_bh_enable();
}

/**
 * xtcp_close - struct proto.close: the file is gone
 * @sk: socket; the file's hold on it ends here
 * @timeout: SO_LINGER, jiffies to wait for the peer's ACK of our FIN
 *
 * RFC 9293 3.10.4. Unread data or SO_LINGER with 0 make it a RST. May sleep.
 */
void xtcp_close(struct sock *sk, long timeout)
{
	bool guarded;

	lock_sock(sk);
	sock_hold(sk);
	guarded = xtcp_ports_guarded(sk);
	WRITE_ONCE(sk->sk_shutdown, SHUTDOWN_MASK);

	if (sk->sk_state == TCP_LISTEN) {
		xtcp_set_state(sk, TCP_CLOSE);
		xtcp_listen_stop(sk);
	} else {
		close_connection(sk);
		sk_stream_wait_close(sk, timeout);
	}

	close_orphan(sk);
	release_sock(sk);
	sock_put(sk);
	/* Who closes a server may start a native one on its port the next moment. */
	if (guarded)
		xtcp_guard_flush();
}

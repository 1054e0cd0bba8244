// SPDX-License-Identifier: GPL-2.0-only
/*
 * Active open and its undoing: connect(2), and the way back to a fresh socket.
 *
 * Process context, socket locked by inet_stream_connect() or inet_shutdown().
 */
#include <net/ip.h>

#include "af.h"
#include "demux.h"
#include "door.h"
#include "engine.h"
#include "ports.h"
#include "state.h"
#include "synq.h"
#include "timer.h"

/* States in which the peer holds a connection and hears of its end (RFC 9293 3.10.5). */
#define CONNECT_NEED_RESET	(TCPF_ESTABLISHED | TCPF_CLOSE_WAIT | TCPF_FIN_WAIT1 | \
				 TCPF_FIN_WAIT2 | TCPF_SYN_RECV)

/*
 * A TIME_WAIT bucket that gave its 4-tuple has set write_seq (RFC 6191): keep it. @isn is how
 * far a former connection was ahead of the clock (connect_ahead()).
 */
static void connect_choose_isn(struct sock *sk)
{
	struct xtcp_sock *xs = xtcp_sk(sk);
	struct xtcp_key key;

	xtcp_demux_key_of_sock(&key, sk);
	if (!xs->snd.write_seq)
		WRITE_ONCE(xs->snd.write_seq, xtcp_synq_isn(&key) + xs->snd.isn ? : 1);
	xs->neg.ts_offset = xtcp_synq_ts_offset(&key);
}

/* Nothing of the attempt may colour the next one, perhaps to another address. */
static void connect_undo(struct sock *sk)
{
	struct xtcp_sock *xs = xtcp_sk(sk);

	xtcp_set_state(sk, TCP_CLOSE);
	xtcp_sock_purge_write(sk);	/* a SYN that was refused on the spot */
	if (!(sk->sk_userlocks & SOCK_BINDADDR_LOCK))
		inet_reset_saddr(sk);
	sk_dst_reset(sk);
	sk->sk_route_caps = 0;
	inet_sk(sk)->inet_dport = 0;
	WRITE_ONCE(xs->snd.write_seq, 0);
	xs->snd.isn = 0;
	xs->rcv.ts_recent = 0;
	xs->rcv.ts_recent_stamp = 0;
}

/* The 4-tuple is the socket's. */
static int connect_send_syn(struct sock *sk)
{
	int err;

	sk_set_txhash(sk);
	/* Again: policies select by port, which is known only now. */
	err = xtcp_sk_af(sk)->route(sk);
	if (err)
		return err;
	connect_choose_isn(sk);
	atomic_set(&inet_sk(sk)->inet_id, get_random_u32() & U16_MAX);
	return xtcp_output_connect(sk);
}

/**
 * xtcp_connect - struct proto.connect: names the peer, takes a port, sends the SYN
 * @sk: socket, locked, CLOSE
 * @addr: peer
 * @len: size of @addr
 *
 * RFC 9293 3.10.1 OPEN, active. Does not wait. Without a port the SYN may leave later, by
 * connect_resume().
 *
 * Return: 0 with the socket in SYN_SENT, or a negative errno as connect(2) and the
 * socket CLOSE again.
 */
int xtcp_connect(struct sock *sk, struct sockaddr *addr, int len)
{
	struct xtcp_sock *xs = xtcp_sk(sk);
	int err;

	sock_owned_by_me(sk);
	if (len < (int)xtcp_sk_af(sk)->sockaddr_len)
		return -EINVAL;

	err = xtcp_sk_af(sk)->connect(sk, addr, len);
	if (err)
		return err;

	/* What a former connection died of is not this one's. */
	WRITE_ONCE(sk->sk_err, 0);
	xs->snd.mss_clamp = XTCP_DEFAULT_MSS;
	xtcp_set_state(sk, TCP_SYN_SENT);
	err = xtcp_ports_connect(sk);
	if (err == -EINPROGRESS)
		return 0;
	if (!err)
		err = connect_send_syn(sk);
	if (err)
		connect_undo(sk);
	return err;
}

/* Who waited for a port: nobody is there to hear of an error but by SO_ERROR. */
static int connect_resume(struct sock *sk)
{
	int err = xtcp_ports_connect(sk);

	if (err == -EADDRNOTAVAIL)
		return err;
	if (!err)
		err = connect_send_syn(sk);
	if (err)
		xtcp_state_abort(sk, -err);
	return 0;
}

static void connect_give_up(struct sock *sk)
{
	xtcp_state_abort(sk, EADDRNOTAVAIL);
}

const struct xtcp_portwait_ops xtcp_connect_ops = {
	.resume		= connect_resume,
	.give_up	= connect_give_up,
};

/* What the peer is told, and the application: ABORT of RFC 9293 3.10.5. */
static void connect_abort(struct sock *sk, int state, enum xtcp_rst_reason reason)
{
	struct xtcp_sock *xs = xtcp_sk(sk);

	if ((1 << state) & CONNECT_NEED_RESET ||
	    ((1 << state) & (TCPF_CLOSING | TCPF_LAST_ACK) &&
	     xs->snd.nxt != xs->snd.write_seq)) {
		xtcp_xmit_rst(sk, gfp_any(), reason);
		WRITE_ONCE(sk->sk_err, ECONNRESET);
	} else if (state == TCP_SYN_SENT) {
		WRITE_ONCE(sk->sk_err, ECONNRESET);
	}
}

static void connect_reset_rcv(struct xtcp_rcv *rcv)
{
	/* The application's view of the stream ends where the stream did. */
	u32 nxt = rcv->nxt;
	u8 inq_cmsg = rcv->inq_cmsg;

	memset(rcv, 0, sizeof(*rcv));
	rcv->inq_cmsg = inq_cmsg;
	rcv->nxt = nxt;
	WRITE_ONCE(rcv->copied_seq, nxt);
	rcv->mss = XTCP_MIN_MSS;
	rcv->ato = XTCP_ATO_MIN;
}

/*
 * How far all that the peer may still expect lies above the ISN that the 4-tuple would have
 * now. The next connection's numbers start above it by as much; what they are is secret all
 * the same, since another 4-tuple counts from another place (RFC 6528).
 */
static u32 connect_ahead(const struct sock *sk)
{
	const struct xtcp_snd *snd = &xtcp_sk(sk)->snd;
	struct xtcp_key key;
	s32 ahead;

	if (!snd->write_seq)
		return snd->isn;
	xtcp_demux_key_of_sock(&key, sk);
	ahead = snd->write_seq + snd->max_wnd + 2 - xtcp_synq_isn(&key);
	return max(ahead, 0);
}

static void connect_reset_snd(struct xtcp_snd *snd, u32 ahead)
{
	const struct xtcp_snd old = *snd;

	memset(snd, 0, sizeof(*snd));
	snd->isn = ahead;
	snd->user_mss = old.user_mss;
	snd->nonagle = old.nonagle;
	snd->notsent_lowat = old.notsent_lowat;
	snd->mss = XTCP_DEFAULT_MSS;
	snd->mss_clamp = XTCP_DEFAULT_MSS;
}

/* The connection's state goes, what the user set stays. */
static void connect_reset(struct sock *sk, u32 ahead)
{
	struct xtcp_sock *xs = xtcp_sk(sk);

	connect_reset_rcv(&xs->rcv);
	connect_reset_snd(&xs->snd, ahead);
	xtcp_recovery_init(sk);
	memset(&xs->neg, 0, sizeof(xs->neg));
	xtcp_rtt_init(&xs->rtt);
	xtcp_cc_restart(sk);
	xs->ka.probes = 0;
}

static void connect_release_frag(struct sock *sk)
{
	if (!sk->sk_frag.page)
		return;
	put_page(sk->sk_frag.page);
	sk->sk_frag.page = NULL;
	sk->sk_frag.offset = 0;
}

/**
 * xtcp_connect_abandon - back to a fresh socket, at once
 * @sk: socket, locked
 * @reason: of the RST
 *
 * The peer of a connection hears a RST; SO_ERROR is ECONNRESET then. Options that the user
 * set stay, and so do address and port that he bound.
 */
void xtcp_connect_abandon(struct sock *sk, enum xtcp_rst_reason reason)
{
	u32 ahead = connect_ahead(sk);
	int state = sk->sk_state;

	sock_owned_by_me(sk);
	connect_abort(sk, state, reason);
	if (state != TCP_CLOSE)
		xtcp_set_state(sk, TCP_CLOSE);
	if (state == TCP_LISTEN)
		xtcp_listen_stop(sk);

	xtcp_timer_clear(sk);
	__skb_queue_purge(&sk->sk_receive_queue);
	xtcp_sock_purge_disorder(sk);
	xtcp_sock_purge_write(sk);

	inet_sk(sk)->inet_dport = 0;
	if (!(sk->sk_userlocks & SOCK_BINDADDR_LOCK))
		inet_reset_saddr(sk);
	WRITE_ONCE(sk->sk_shutdown, 0);
	sock_reset_flag(sk, SOCK_DONE);
	sk_set_peek_off(sk, -1);
	sk_dst_reset(sk);
	dst_release(unrcu_pointer(xchg(&sk->sk_rx_dst, NULL)));
	connect_reset(sk, ahead);
	connect_release_frag(sk);
	sk_error_report(sk);
}

/**
 * xtcp_disconnect - struct proto.disconnect: connect(AF_UNSPEC), shutdown() of a listener or
 * of SYN_SENT
 * @sk: socket, locked
 * @flags: unused
 *
 * Return: 0.
 */
int xtcp_disconnect(struct sock *sk, int flags)
{
	xtcp_connect_abandon(sk, XTCP_RST_DISCONNECT);
	return 0;
}

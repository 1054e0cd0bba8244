// SPDX-License-Identifier: GPL-2.0-only
/*
 * listen.c owns listeners: listen(2) and accept(2), the birth of children from requests
 * and cookies, and their end with the listener. Where they wait is acceptq.c's.
 *
 * What softirqs read of a listener they read without its socket lock, by READ_ONCE.
 */
#include <linux/memcontrol.h>
#include <linux/security.h>
#include <net/dst.h>
#include <net/inet_sock.h>
#include <net/tcp_states.h>

#include "af.h"
#include "busy.h"
#include "compat.h"
#include "engine.h"
#include "patience.h"
#include "ports.h"
#include "state.h"
#include "synq.h"
#include "timer.h"

/* listen() and accept() */

static void listen_set_backlog(struct sock *sk, int backlog)
{
	u32 max = min_t(u32, backlog, xtcp_knob(sock_net(sk), somaxconn));

	WRITE_ONCE(sk->sk_max_ack_backlog, max);
}

static int listen_start(struct sock *sk)
{
	int err = xtcp_acceptq_open(sk);

	if (err)
		return err;
	/* Found in RCU without a reference from now on. */
	sock_set_flag(sk, SOCK_RCU_FREE);
	xtcp_set_state(sk, TCP_LISTEN);
	err = xtcp_ports_listen_ok(sk);
	if (err) {
		/* Again a listener: who had found the first one may have added a child. */
		xtcp_set_state(sk, TCP_CLOSE);
		xtcp_listen_stop(sk);
		return err;
	}
	inet_sk(sk)->inet_sport = htons(inet_sk(sk)->inet_num);
	sk_dst_reset(sk);
	xtcp_listeners_insert(sk);
	return 0;
}

/**
 * xtcp_listen - proto_ops.listen (RFC 9293 3.10.1, passive OPEN)
 * @sock: the socket
 * @backlog: children that may wait for accept(); again on a listener: its new backlog
 *
 * Return: 0; -EINVAL in any state but CLOSE and LISTEN; -EADDRINUSE
 */
int xtcp_listen(struct socket *sock, int backlog)
{
	struct sock *sk = sock->sk;
	int err = -EINVAL;

	lock_sock(sk);
	if (sock->state != SS_UNCONNECTED || sock->type != SOCK_STREAM ||
	    !((1 << sk->sk_state) & (TCPF_CLOSE | TCPF_LISTEN)))
		goto out;
	listen_set_backlog(sk, backlog);
	err = sk->sk_state == TCP_LISTEN ? 0 : listen_start(sk);
out:
	release_sock(sk);
	return err;
}

/* Socket locked, released while it sleeps. One sleeper wakes per child. */
static int listen_wait(struct sock *sk, long timeo)
{
	DEFINE_WAIT(wait);
	int err;

	for (;;) {
		prepare_to_wait_exclusive(sk_sleep(sk), &wait, TASK_INTERRUPTIBLE);
		release_sock(sk);
		if (!READ_ONCE(sk->sk_ack_backlog))
			timeo = schedule_timeout(timeo);
		sched_annotate_sleep();
		lock_sock(sk);
		err = 0;
		if (READ_ONCE(sk->sk_ack_backlog))
			break;
		err = -EINVAL;
		if (sk->sk_state != TCP_LISTEN)
			break;
		err = sock_intr_errno(timeo);
		if (signal_pending(current))
			break;
		err = -EAGAIN;
		if (!timeo)
			break;
	}
	finish_wait(sk_sleep(sk), &wait);
	return err;
}

/**
 * xtcp_listen_accept - the oldest child that waits
 * @sk: listener, not locked
 * @flags: O_NONBLOCK: don't wait; else SO_RCVTIMEO bounds it
 * @err: with NULL: -EINVAL (no listener), -EAGAIN, -EINTR or -ERESTARTSYS
 *
 * Return: the child; its life is the caller's now
 */
struct sock *xtcp_listen_accept(struct sock *sk, int flags, int *err)
{
	struct sock *child = NULL;
	long timeo;

	lock_sock(sk);
	*err = -EINVAL;
	if (sk->sk_state != TCP_LISTEN)
		goto out;
	*err = 0;
	if (!READ_ONCE(sk->sk_ack_backlog)) {
		timeo = sock_rcvtimeo(sk, flags & O_NONBLOCK);
		*err = timeo ? listen_wait(sk, timeo) : -EAGAIN;
	}
	if (!*err)
		child = xtcp_acceptq_take(sk);
out:
	release_sock(sk);
	return child;
}

/* Children */

/* A child that no accept() will ever see. Child locked; the birth reference ends here. */
static void listen_forget(struct sock *child)
{
	sock_orphan(child);
	atomic_inc(&xtcp_net(sock_net(child))->orphans);
	xtcp_state_done(child);
}

/*
 * mem_cgroup_sk_alloc() is not for modules, so a child can't join the cgroup of whoever
 * accepts it. It joins its listener's, before it has memory to charge.
 */
static void listen_share_memcg(struct sock *child, const struct sock *listener)
{
#ifdef CONFIG_MEMCG
	if (!listener->sk_memcg)
		return;
	css_get(&listener->sk_memcg->css);
	child->sk_memcg = listener->sk_memcg;
#endif
}

/* What a clone has of its listener and must not: first of all, for the undoing needs it. */
static void listen_disinherit(struct sock *child)
{
	struct xtcp_sock *xs = xtcp_sk(child);

	xtcp_state_init_child(child);
	xtcp_timer_init(child);
	xtcp_ports_init_clone(child);
	RCU_INIT_POINTER(xs->inet.inet_opt, NULL);
	RCU_INIT_POINTER(child->sk_rx_dst, NULL);
	xs->inet.mc_list = NULL;
	/* Only listeners are found without a reference. */
	sock_reset_flag(child, SOCK_RCU_FREE);
	atomic64_set(&child->sk_cookie, 0);
	child->sk_ack_backlog = 0;

	xs->acceptq = NULL;
	xs->cc.mem = NULL;
	sk_node_init(&child->sk_bind_node);
	xs->disorder = NULL;
	xtcp_busy_init(child);
	child->sk_tsq_flags = 0;
	xs->mtu_info = 0;
	xs->defer_accept = 0;
	xs->ka.probes = 0;
}

static void listen_init_rcv(struct xtcp_rcv *rcv, const struct xtcp_req *req)
{
	u8 inq_cmsg = rcv->inq_cmsg;
	u32 nxt = req->irs + 1;

	*rcv = (struct xtcp_rcv) {
		.nxt = nxt,
		.copied_seq = nxt,
		.turn = nxt,
		.wup = nxt,
		.wnd = req->rcv_wnd,
		.window_clamp = req->window_clamp,
		.ssthresh = req->rcv_wnd,
		.ts_recent = req->ts_recent,
		.ts_recent_stamp = req->ts_ok ? (u32)ktime_get_seconds() : 0,
		.rcv_tstamp = (u32)jiffies,
		.ato = XTCP_ATO_MIN,
		.wscale = req->wscale_ok ? req->rcv_wscale : 0,
		.inq_cmsg = inq_cmsg,
	};
}

static void listen_init_snd(struct xtcp_snd *snd, const struct xtcp_req *req, u16 window)
{
	u8 wscale = req->wscale_ok ? req->snd_wscale : 0;
	u32 nxt = req->isn + 1;

	*snd = (struct xtcp_snd) {
		.una = nxt,
		.nxt = nxt,
		.wnd = (u32)window << wscale,
		.max_wnd = (u32)window << wscale,
		.wl1 = req->irs,
		.write_seq = nxt,
		.sml = nxt,
		.pushed_seq = nxt,
		.up = nxt,
		.isn = req->isn,
		.lsndtime = (u32)jiffies,
		.notsent_lowat = snd->notsent_lowat,
		.mss = XTCP_DEFAULT_MSS,
		.mss_clamp = req->mss,
		.user_mss = snd->user_mss,
		.wscale = wscale,
		.nonagle = snd->nonagle,
		.total_retrans = req->num_retrans,
	};
}

/* Numbers, windows and options of the handshake. */
static void listen_init_from_req(struct sock *child, const struct xtcp_req *req, u16 window)
{
	struct xtcp_sock *xs = xtcp_sk(child);

	xs->neg = (struct xtcp_neg) {
		.ts_ok = req->ts_ok,
		.sack_ok = req->sack_ok,
		.wscale_ok = req->wscale_ok,
		.ecn_ok = req->ecn_ok,
		.cookie = req->cookie,
		.ts_offset = xtcp_synq_req_ts_offset(req),
	};
	listen_init_rcv(&xs->rcv, req);
	listen_init_snd(&xs->snd, req, window);
	xs->inet.inet_num = req->mini.lport;
	xs->inet.inet_sport = htons(req->mini.lport);
	xs->inet.inet_dport = req->mini.rport;
	if (xtcp_sk_knob(child, reflect_tos))
		xs->inet.tos = req->tos & ~INET_ECN_MASK;
	child->sk_bound_dev_if = req->mini.bound_dev_if;
	child->sk_mark = req->mark;
	child->sk_txhash = req->txhash;
}

/* The time from SYN-ACK to ACK, unless it is not known which SYN-ACK it was (MUST-18). */
static void listen_init_rtt(struct sock *child, const struct xtcp_req *req)
{
	struct xtcp_rtt *rtt = &xtcp_sk(child)->rtt;
	u64 now_us = xtcp_now_us();
	u32 rtt_us = (u32)now_us - req->sent_us;

	xtcp_rtt_init(rtt);
	if (!req->sent_us || READ_ONCE(req->num_retrans))
		return;
	xtcp_rtt_sample(rtt, rtt_us, req->isn + 1, req->isn + 1,
			xtcp_knob(sock_net(child), rto_min));
	xtcp_rtt_min_update(rtt, rtt_us, (u32)div_u64(now_us, USEC_PER_MSEC),
			    xtcp_sk_knob(child, min_rtt_wlen) * MSEC_PER_SEC);
}

/* Routed already. RFC 5681 3.1: one segment only if our SYN-ACK was lost twice. */
static void listen_init_transfer(struct sock *child, const struct xtcp_req *req)
{
	const struct dst_entry *dst = __sk_dst_get(child);
	struct xtcp_sock *xs = xtcp_sk(child);

	xs->snd.advmss = xtcp_mss_announce(child);
	xtcp_mtup_init(child);
	xtcp_mss_sync(child, dst ? dst_mtu(dst) : xs->snd.mss_clamp);
	xtcp_mss_init_rcv(child);
	xtcp_recovery_init(child);
	if (READ_ONCE(req->num_timeout) && READ_ONCE(req->num_retrans) > 1)
		xs->cc.cwnd = 1;
	xtcp_buf_init(child);
	xtcp_pace_update(child);
	if (sock_flag(child, SOCK_KEEPOPEN))
		xtcp_timer_arm(child, XTCP_T_KEEP, xtcp_keepidle(child));
}

/* A child that its listener can't keep: one of the same group takes it. RCU. */
static bool listen_move(const struct sock *sk, struct sock *child)
{
	struct xtcp_key key;
	struct sock *to;

	xtcp_demux_key_of_sock(&key, child);
	to = xtcp_listeners_heir(sk, &key);
	if (!to || !xtcp_acceptq_add(to, child))
		return false;
	XTCP_INC(key.net, MIGRATEREQSUCCESS);
	to->sk_data_ready(to);
	return true;
}

/* Published last, whole: in the table, where segments find it, then in the queue. */
static bool listen_publish(struct sock *listener, struct xtcp_req *req, struct sock *child)
{
	if (!xtcp_ports_inherit(child, listener))
		return false;
	if (req->cookie ? !xtcp_demux_replace_req(NULL, child) :
			  !xtcp_synq_became_child(req, child))
		return false;
	if (xtcp_acceptq_add(listener, child) || listen_move(listener, child))
		return true;
	xtcp_xmit_rst(child, GFP_ATOMIC, XTCP_RST_LISTENER_CLOSED);
	return false;
}

/**
 * xtcp_listen_make_child - a request, hashed or a cookie's, becomes a connection
 * @listener: not locked, alive by the request or RCU
 * @req: referenced; without a child it lives on, unless somebody else ended it
 * @skb: the segment that completes the handshake, its cb filled
 * @reason: with NULL, why
 *
 * Context: RCU, bottom halves off.
 * Return: the child, locked (bh_lock_sock) and held, in SYN_RECV: @skb must move it on;
 *	NULL when memory, table or accept queue say no
 */
struct sock *xtcp_listen_make_child(struct sock *listener, struct xtcp_req *req,
				    struct sk_buff *skb, enum skb_drop_reason *reason)
{
	struct net *net = sock_net(listener);
	struct sock *child;

	*reason = SKB_DROP_REASON_NOT_SPECIFIED;
	if (sk_acceptq_is_full(listener)) {
		XTCP_INC(net, LISTENOVERFLOWS);
		XTCP_LISTEN_INC(listener, ACCEPT_FULL);
		goto drop;
	}
	child = sk_clone_lock(listener, GFP_ATOMIC);
	if (!child) {
		*reason = SKB_DROP_REASON_NOMEM;
		goto drop;
	}
	/* A clone has AF_INET's lock class, which is that of guards. Nobody knows it yet. */
	bh_unlock_sock(child);
	xtcp_sock_init_lock(child);
	bh_lock_sock(child);
	listen_disinherit(child);
	listen_share_memcg(child, listener);
	listen_init_from_req(child, req, XTCP_CB(skb)->window);
	if (xtcp_cc_begin(child, xtcp_sk(child)->cc.ops, GFP_ATOMIC)) {
		*reason = SKB_DROP_REASON_NOMEM;
		goto forget;
	}
	if (xtcp_sk_af(child)->init_child(child, skb)) {
		*reason = SKB_DROP_REASON_IP_OUTNOROUTES;
		goto forget;
	}
	listen_init_rtt(child, req);
	listen_init_transfer(child, req);
	security_inet_conn_established(child, skb);
	if (!listen_publish(listener, req, child))
		goto forget;
	XTCP_INC(net, PASSIVEOPENS);
	return child;

forget:
	listen_forget(child);
	__acquire(child->sk_lock.slock);	/* sk_clone_lock() does not tell sparse */
	bh_unlock_sock(child);
	sock_put(child);
drop:
	XTCP_INC(net, LISTENDROPS);
	return NULL;
}

static bool listen_inherited(const struct sock *sk, struct sock *child)
{
	bool moved;

	rcu_read_lock();
	moved = listen_move(sk, child);
	rcu_read_unlock();
	return moved;
}

static bool listen_needs_rst(int state)
{
	return (1 << state) & (TCPF_ESTABLISHED | TCPF_SYN_RECV | TCPF_FIN_WAIT1 |
			       TCPF_FIN_WAIT2 | TCPF_CLOSE_WAIT);
}

/**
 * xtcp_listen_stop - the listener is none any more
 * @sk: locked, out of LISTEN
 *
 * Those who wait go to another listener of the group, with migrate_req. If not, those who
 * believe themselves connected hear a RST, half-open requests just end.
 */
void xtcp_listen_stop(struct sock *sk)
{
	struct sock *child;

	sock_owned_by_me(sk);
	xtcp_acceptq_close(sk);
	xtcp_synq_drop_listener(sk);

	while ((child = xtcp_acceptq_take(sk))) {
		if (listen_inherited(sk, child))
			continue;
		local_bh_disable();
		bh_lock_sock(child);
		DEBUG_NET_WARN_ON_ONCE(sock_owned_by_user(child));
		sock_hold(child);
		if (listen_needs_rst(child->sk_state))
			xtcp_xmit_rst(child, GFP_ATOMIC, XTCP_RST_LISTENER_CLOSED);
		listen_forget(child);
		bh_unlock_sock(child);
		local_bh_enable();
		sock_put(child);
		cond_resched();
	}
}

/* Segments */

static struct sock *listen_rcv_ack(struct sock *sk, struct sk_buff *skb,
				   const struct xtcp_key *key, const struct xtcp_seg *seg,
				   const struct xtcp_opts *opts, enum skb_drop_reason *reason)
{
	struct xtcp_path path;
	struct xtcp_req req;

	if (!xtcp_syncookie_check(sk, skb, key, seg, opts, &req)) {
		xtcp_reply_rst(key->net, skb, key, seg, XTCP_RST_STATE);
		*reason = SKB_DROP_REASON_TCP_FLAGS;
		return NULL;
	}
	*reason = SKB_DROP_REASON_NOT_SPECIFIED;
	if (!xtcp_passive_permitted(sk, skb, &req))
		return NULL;
	if (!xtcp_passive_choose_window(sk, skb, &req, &path))
		return NULL;
	dst_release(path.dst);
	return xtcp_listen_make_child(sk, &req, skb, reason);
}

/**
 * xtcp_listen_rcv - a segment for a listener (RFC 9293 3.10.7.2)
 * @sk: listener, not locked, alive by RCU
 * @skb: the segment; stays the caller's, unless @reason is SKB_CONSUMED
 * @key: its 4-tuple
 * @seg: its header
 * @opts: its options
 * @isn: the ISN that a TIME_WAIT bucket demands for it, or 0
 * @reason: with NULL, why the skb ends; SKB_NOT_DROPPED_YET: it did its work
 *
 * Context: RCU, bottom halves off.
 * Return: a cookie's child as from xtcp_listen_make_child(), or NULL
 */
struct sock *xtcp_listen_rcv(struct sock *sk, struct sk_buff *skb, const struct xtcp_key *key,
			     const struct xtcp_seg *seg, const struct xtcp_opts *opts, u32 isn,
			     enum skb_drop_reason *reason)
{
	/* First, RST; second, ACK; third, SYN */
	if (seg->flags & XTCP_RST) {
		*reason = SKB_DROP_REASON_TCP_RESET;
		return NULL;
	}
	if (seg->flags & XTCP_ACK)
		return listen_rcv_ack(sk, skb, key, seg, opts, reason);
	if ((seg->flags & (XTCP_SYN | XTCP_FIN)) == XTCP_SYN) {
		*reason = xtcp_passive_rcv_syn(sk, skb, key, seg, opts, isn);
		return NULL;
	}
	XTCP_INC(key->net, BADSTATESEG);
	*reason = SKB_DROP_REASON_TCP_FLAGS;
	return NULL;
}

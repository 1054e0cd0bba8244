// SPDX-License-Identifier: GPL-2.0-only
/*
 * timeout.c owns what happens when time is up: one small function per expiry.
 * Called by timer.c with the socket locked and not owned by a process, or by
 * its owner on release.
 */
#include <net/dst.h>

#include "compat.h"
#include "engine.h"
#include "patience.h"
#include "state.h"
#include "timer.h"
#include "tw.h"

/* The connection is given up: the soft error explains it better than ETIMEDOUT. */
static void timeout_give_up(struct sock *sk)
{
	int err = READ_ONCE(sk->sk_err_soft);

	XTCP_INC(sock_net(sk), ABORTONTIMEOUT);
	xtcp_state_abort(sk, err ? : ETIMEDOUT);
}

/*
 * The time that @boundary back-offs from @base_ms on last (RFC 9293 3.8.3: R1 and R2 are
 * counted in retransmissions but mean time).
 */
static u32 timeout_model_ms(unsigned int boundary, u32 base_ms)
{
	u32 max_ms = jiffies_to_msecs(XTCP_RTO_MAX);
	unsigned int doublings = ilog2(max_ms / base_ms);

	if (boundary <= doublings)
		return ((2U << boundary) - 1) * base_ms;
	return ((2U << doublings) - 1) * base_ms + (boundary - doublings) * max_ms;
}

/* Has the oldest outstanding byte waited for as long as @boundary retransmissions take? */
static bool timeout_retransmits_over(struct sock *sk, unsigned int boundary, u32 limit_ms)
{
	const struct xtcp_sock *xs = xtcp_sk(sk);
	u32 base_ms = XTCP_RTO_MIN_US / USEC_PER_MSEC;

	/* An undo may have ended the episode while SND.UNA stands. */
	if (!xs->rec.retransmits || !xs->rec.retrans_stamp)
		return false;
	if (!limit_ms)
		limit_ms = timeout_model_ms(boundary, base_ms);
	return (s32)(xtcp_now_ts() - xs->rec.retrans_stamp - limit_ms) >= 0;
}

/* Retransmissions an orphan gets: 0 stands for 8, and none when the path is known dead. */
static int timeout_orphan_retries(const struct sock *sk, bool alive)
{
	int retries = xtcp_knob(sock_net(sk), orphan_retries);

	if (READ_ONCE(sk->sk_err_soft) && !alive)
		return 0;
	if (!retries && alive)
		return 8;
	return retries;
}

/* Too many orphans, or memory is short: this one goes, with a RST if the peer may listen. */
static bool timeout_out_of_resources(struct sock *sk, bool do_reset)
{
	struct xtcp_net *xn = xtcp_net(sock_net(sk));

	if (atomic_read(&xn->orphans) <= READ_ONCE(xn->knobs.max_orphans) &&
	    !sk_under_memory_pressure(sk))
		return false;
	if (do_reset)
		xtcp_xmit_rst(sk, GFP_ATOMIC, XTCP_RST_MEMORY);
	XTCP_INC(sock_net(sk), ABORTONMEMORY);
	xtcp_state_done(sk);
	return true;
}

/* SYN and SYN-ACK: counted, not timed. */
static bool timeout_handshake_over(struct sock *sk)
{
	const struct xtcp_sock *xs = xtcp_sk(sk);
	int limit = xs->rec.syn_retries ? : xtcp_knob(sock_net(sk), syn_retries);

	if (xs->user_timeout)
		return timeout_retransmits_over(sk, 0, xs->user_timeout) ||
		       xs->rec.retransmits >= limit;
	return xs->rec.retransmits >= limit;
}

/* R1 is over: another route, or smaller packets, might reach the peer (RFC 9293 3.8.3). */
static void timeout_doubt_path(struct sock *sk)
{
	xtcp_mtup_black_hole(sk);
	dst_negative_advice(sk);
}

/* R1 and R2 (RFC 9293 3.8.3, MUST-20). True when the connection ended. */
static bool timeout_limits(struct sock *sk)
{
	struct xtcp_sock *xs = xtcp_sk(sk);
	unsigned int limit = xtcp_knob(sock_net(sk), retries2);
	bool alive, over;

	if ((1 << sk->sk_state) & (TCPF_SYN_SENT | TCPF_SYN_RECV)) {
		over = timeout_handshake_over(sk);
	} else {
		if (timeout_retransmits_over(sk, xtcp_knob(sock_net(sk), retries1), 0))
			timeout_doubt_path(sk);
		if (sock_flag(sk, SOCK_DEAD)) {
			alive = xtcp_ack_rto(sk) < XTCP_RTO_MAX;
			limit = timeout_orphan_retries(sk, alive);
			over = timeout_retransmits_over(sk, limit, 0);
			if (timeout_out_of_resources(sk, alive || !over))
				return true;
		}
		over = timeout_retransmits_over(sk, limit, xs->user_timeout);
	}
	if (over)
		timeout_give_up(sk);
	return over;
}

/* Time until the next try, no later than the user timeout. */
static unsigned long timeout_clamp_user(const struct sock *sk, unsigned long delta)
{
	const struct xtcp_sock *xs = xtcp_sk(sk);
	s32 left;

	if (!xs->user_timeout || !xs->rec.retrans_stamp)
		return delta;
	left = xs->user_timeout - (xtcp_now_ts() - xs->rec.retrans_stamp);
	return left <= 0 ? 1 : min(delta, msecs_to_jiffies(left));
}

/*
 * The peer shrank its window to nothing while data was on the way: retransmit as a
 * probe and never give up while it answers (RFC 9293 MUST-37).
 */
static bool timeout_zero_window(struct sock *sk)
{
	const struct xtcp_sock *xs = xtcp_sk(sk);

	/* Past it timeout_clamp_user() would have us retransmit each jiffy (CVE-2024-41007). */
	if (xs->user_timeout && timeout_retransmits_over(sk, 0, xs->user_timeout))
		return false;
	return !xs->snd.wnd && !sock_flag(sk, SOCK_DEAD) &&
	       !((1 << sk->sk_state) & (TCPF_SYN_SENT | TCPF_SYN_RECV)) &&
	       (u32)jiffies - xs->rcv.rcv_tstamp < XTCP_RTO_MAX;
}

static void timeout_rto(struct sock *sk)
{
	struct xtcp_sock *xs = xtcp_sk(sk);
	struct sk_buff *head = xtcp_rtxq_head(sk);
	unsigned long rto;

	if (!head)
		return;
	if (!timeout_zero_window(sk) && timeout_limits(sk))
		return;
	XTCP_INC(sock_net(sk), TIMEOUTS);
	xtcp_recovery_on_rto(sk);
	/* It counts whether it leaves or not: else what never leaves would be tried for ever. */
	if (xs->rec.retransmits < U8_MAX)
		xs->rec.retransmits++;
	if (xtcp_rtxq_retransmit(sk, head, 1) > 0) {
		/* A queue below us is full: that says nothing of the path, to back off for. */
		rto = XTCP_RESOURCE_PROBE;
	} else {
		if (xs->rec.backoff < U8_MAX)
			xs->rec.backoff++;
		rto = xtcp_ack_rto(sk);
	}
	xtcp_timer_arm(sk, XTCP_T_RTO, timeout_clamp_user(sk, rto));
}

/* How often a zero window is probed before the connection is given up. */
static bool timeout_probes_over(struct sock *sk, bool *ended)
{
	const struct xtcp_sock *xs = xtcp_sk(sk);
	int limit = xtcp_knob(sock_net(sk), retries2);
	bool alive;

	*ended = false;
	if (xs->user_timeout && xs->rec.probes_stamp &&
	    jiffies_to_msecs((u32)jiffies - xs->rec.probes_stamp) >= xs->user_timeout)
		return true;
	if (sock_flag(sk, SOCK_DEAD)) {
		alive = xtcp_ack_rto(sk) < XTCP_RTO_MAX;
		limit = timeout_orphan_retries(sk, alive);
		if (!alive && xs->rec.backoff >= limit)
			return true;
		if (timeout_out_of_resources(sk, true)) {
			*ended = true;
			return true;
		}
	}
	return xs->rec.probes_out >= limit;
}

static void timeout_probe(struct sock *sk)
{
	struct xtcp_sock *xs = xtcp_sk(sk);
	bool ended;

	if (xs->snd.packets_out || skb_queue_empty(&sk->sk_write_queue)) {
		xs->rec.probes_out = 0;
		xs->rec.probes_stamp = 0;
		return;
	}
	/* Then it goes on by itself. */
	if (xtcp_pace_wait(sk))
		return;
	if (!xs->rec.probes_stamp)
		xs->rec.probes_stamp = (u32)jiffies ? : 1;
	if (!timeout_probes_over(sk, &ended))
		xtcp_output_probe(sk);
	else if (!ended)
		timeout_give_up(sk);
}

static void timeout_delack(struct sock *sk)
{
	struct xtcp_sock *xs = xtcp_sk(sk);

	if (!(xs->rcv.ack_pending & XTCP_ACK_TIMER))
		return;
	xs->rcv.ack_pending &= ~XTCP_ACK_TIMER;
	if (!(xs->rcv.ack_pending & XTCP_ACK_SCHED))
		return;
	if (xs->rcv.pingpong) {
		/* It waited for a reply that did not come: no longer interactive. */
		xs->rcv.pingpong = 0;
		xs->rcv.ato = XTCP_ATO_MIN;
	} else {
		xs->rcv.ato = min3(xs->rcv.ato * 2U, xtcp_ack_rto(sk), (u32)U16_MAX);
	}
	XTCP_INC(sock_net(sk), DELAYEDACKS);
	xtcp_xmit_ack(sk);
}

static u32 timeout_keep(u32 own, int knob)
{
	return own ? own : knob;
}

/* Time since anything came from the peer. */
static u32 timeout_keep_idle(const struct xtcp_sock *xs)
{
	return min((u32)jiffies - xs->rcv.lrcvtime, (u32)jiffies - xs->rcv.rcv_tstamp);
}

static bool timeout_keep_over(const struct sock *sk, u32 idle)
{
	const struct xtcp_sock *xs = xtcp_sk(sk);
	u32 user = msecs_to_jiffies(xs->user_timeout);

	if (user)
		return idle >= user && xs->ka.probes > 0;
	return xs->ka.probes >= timeout_keep(xs->ka.cnt,
					     xtcp_knob(sock_net(sk), keepalive_probes));
}

/* RFC 9293 3.8.4 */
static void timeout_keepalive(struct sock *sk)
{
	struct xtcp_sock *xs = xtcp_sk(sk);
	u32 time = xtcp_keepidle(sk);
	u32 idle;

	if (!sock_flag(sk, SOCK_KEEPOPEN) || sk->sk_state == TCP_SYN_SENT)
		return;
	/* Data is on the way: retransmission will find out (MUST-26). */
	if (xs->snd.packets_out || !skb_queue_empty(&sk->sk_write_queue)) {
		xtcp_timer_arm(sk, XTCP_T_KEEP, time);
		return;
	}
	idle = timeout_keep_idle(xs);
	if (idle < time) {
		xtcp_timer_arm(sk, XTCP_T_KEEP, time - idle);
		return;
	}
	if (timeout_keep_over(sk, idle)) {
		XTCP_INC(sock_net(sk), KEEPALIVEDEATHS);
		xtcp_xmit_rst(sk, GFP_ATOMIC, XTCP_RST_TIMEOUT);
		timeout_give_up(sk);
		return;
	}
	XTCP_INC(sock_net(sk), KEEPALIVE);
	xtcp_output_wakeup_probe(sk);
	xs->ka.probes++;
	xtcp_timer_arm(sk, XTCP_T_KEEP,
		       timeout_keep(xs->ka.intvl * HZ, xtcp_knob(sock_net(sk), keepalive_intvl)));
}

/*
 * An orphan waited for the peer's FIN. What fin_timeout exceeds TIME_WAIT's length by was
 * spent here, a small bucket waits for the rest.
 */
static void timeout_finwait2(struct sock *sk)
{
	int fin_time = xtcp_fin_wait(sk);

	if (sk->sk_state != TCP_FIN_WAIT2 || !sock_flag(sk, SOCK_DEAD))
		return;
	if (fin_time > XTCP_TIMEWAIT_LEN) {
		xtcp_state_time_wait(sk, TCP_FIN_WAIT2, XTCP_TIMEWAIT_LEN);
		return;
	}
	XTCP_INC(sock_net(sk), FINWAIT2EXPIRED);
	xtcp_xmit_rst(sk, GFP_ATOMIC, XTCP_RST_TIMEOUT);
	xtcp_state_done(sk);
}

/* What may be sent goes first: it takes the ACK along. */
static void timeout_fine(struct sock *sk)
{
	xtcp_pace_over(sk);
	xtcp_delack_hold_over(sk);
}

const struct xtcp_timer_ops xtcp_timeout_ops = {
	.fine = timeout_fine,
	.expire = {
		[XTCP_T_TLP]		= xtcp_loss_tlp_timeout,
		[XTCP_T_RTO]		= timeout_rto,
		[XTCP_T_REO]		= xtcp_loss_reo_timeout,
		[XTCP_T_PROBE]		= timeout_probe,
		[XTCP_T_DELACK]		= timeout_delack,
		[XTCP_T_KEEP]		= timeout_keepalive,
		[XTCP_T_FINWAIT2]	= timeout_finwait2,
	},
};

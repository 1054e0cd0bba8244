// SPDX-License-Identifier: GPL-2.0-only
/*
 * states.c owns what a segment means in each state: RFC 9293 3.10.7, step by
 * step, the steps in the RFC's order. Steps answer "go on?" and write what
 * they want done into struct xtcp_effects; input.c does it. Socket lock.
 */
#include <linux/poll.h>
#include <linux/ktime.h>
#include <net/tcp_states.h>

#include "af.h"
#include "compat.h"
#include "engine.h"
#include "patience.h"
#include "state.h"
#include "timer.h"
#include "tw.h"

#include <trace/events/xtcp.h>

#define STATES_PAWS_WRAP	(60 * 60 * 24 * 24)	/* seconds; RFC 7323 5.5 */

/* Is TS.Recent too old to say anything? 0 is what some say in a SYN, before their clock runs. */
static bool states_ts_stale(const struct xtcp_sock *xs)
{
	return !xs->rcv.ts_recent_stamp || !xs->rcv.ts_recent ||
	       (u32)ktime_get_seconds() - xs->rcv.ts_recent_stamp > STATES_PAWS_WRAP;
}

/* An old pure ACK that a path reordered: harmless, and not worth a duplicate ACK. */
static bool states_is_disordered_ack(const struct sock *sk, const struct xtcp_ctx *c)
{
	const struct xtcp_sock *xs = xtcp_sk(sk);

	return (c->seg.flags & XTCP_ACK) && c->seg.seq == c->seg.end_seq &&
	       c->seg.seq == xs->rcv.nxt && c->seg.ack == xs->snd.una &&
	       (u32)c->seg.window << xs->snd.wscale == xs->snd.wnd &&
	       xs->rcv.ts_recent - c->opts.tsval <= jiffies_to_msecs(xtcp_ack_rto(sk));
}

/* RFC 7323 5.3 R1: an old duplicate from before the sequence numbers wrapped. */
static bool states_paws_rejects(const struct sock *sk, const struct xtcp_ctx *c)
{
	const struct xtcp_sock *xs = xtcp_sk(sk);

	return xs->neg.ts_ok && (c->opts.has & XTCP_OPT_TS) &&
	       (s32)(xs->rcv.ts_recent - c->opts.tsval) > 1 && !states_ts_stale(xs) &&
	       !states_is_disordered_ack(sk, c);
}

/* RFC 7323 4.3: TS.Recent moves with segments at the left edge only. */
static void states_update_ts_recent(struct sock *sk, const struct xtcp_ctx *c)
{
	struct xtcp_sock *xs = xtcp_sk(sk);

	if (!xs->neg.ts_ok || !(c->opts.has & XTCP_OPT_TS) ||
	    xtcp_seq_after(c->seg.seq, xs->rcv.wup))
		return;
	if ((s32)(c->opts.tsval - xs->rcv.ts_recent) < 0 && !states_ts_stale(xs))
		return;
	xs->rcv.ts_recent = c->opts.tsval;
	xs->rcv.ts_recent_stamp = (u32)ktime_get_seconds();
}

/*
 * A RST with the number of the FIN that came: some peers that die send both, and answer the
 * challenge that RFC 5961 3.2 wants only now and then. It is as hard to guess as the exact one.
 */
static bool states_rst_of_fin(const struct sock *sk, const struct xtcp_seg *seg)
{
	return (seg->flags & XTCP_RST) && seg->seq == xtcp_sk(sk)->rcv.nxt - 1 &&
	       (1 << sk->sk_state) & (TCPF_CLOSE_WAIT | TCPF_CLOSING | TCPF_LAST_ACK);
}

static bool states_drop(struct xtcp_effects *fx, u32 reason)
{
	fx->reason = reason;
	return false;
}

/* "First, check sequence number" (3.10.7.4), PAWS before it (RFC 7323 5.3). */
static bool step_sequence(struct sock *sk, struct xtcp_ctx *c, struct xtcp_effects *fx)
{
	struct xtcp_sock *xs = xtcp_sk(sk);
	const struct xtcp_seg *seg = &c->seg;

	if (states_paws_rejects(sk, c) && !(seg->flags & XTCP_RST)) {
		XTCP_SK_INC(sk, PAWSESTAB);
		fx->ack_dup = 1;
		return states_drop(fx, SKB_DROP_REASON_TCP_RFC7323_PAWS);
	}
	if (xtcp_seg_in_window(seg->seq, seg->end_seq, xs->rcv.wup, xs->rcv.nxt,
			       xtcp_receive_window(xs)) || states_rst_of_fin(sk, seg))
		return true;
	XTCP_SK_INC(sk, OUTOFWINDOW);
	if (seg->flags & XTCP_RST)
		;	/* "unless the RST bit is set, if so drop the segment" */
	else if (seg->flags & XTCP_SYN)
		fx->ack_challenge = 1;
	else
		fx->ack_dup = 1;
	return states_drop(fx, xtcp_seq_before(seg->end_seq, xs->rcv.wup) ?
			   SKB_DROP_REASON_TCP_OLD_SEQUENCE :
			   SKB_DROP_REASON_TCP_INVALID_SEQUENCE);
}

/* What the application hears of a reset. */
static int states_reset_errno(const struct sock *sk)
{
	switch (sk->sk_state) {
	case TCP_SYN_SENT:
		return ECONNREFUSED;
	case TCP_CLOSE_WAIT:
		return EPIPE;
	default:
		return ECONNRESET;
	}
}

/* "Second, check the RST bit": exact, or for the FIN, or a challenge (RFC 5961 3.2). */
static bool step_rst(struct sock *sk, struct xtcp_ctx *c, struct xtcp_effects *fx)
{
	if (!(c->seg.flags & XTCP_RST))
		return true;
	if (c->seg.seq != xtcp_sk(sk)->rcv.nxt && !states_rst_of_fin(sk, &c->seg)) {
		XTCP_SK_INC(sk, RSTINEXACT);
		fx->ack_challenge = 1;
		return states_drop(fx, SKB_DROP_REASON_TCP_RESET);
	}
	trace_xtcp_receive_reset(sk);
	fx->abort_err = states_reset_errno(sk);
	return states_drop(fx, SKB_DROP_REASON_TCP_RESET);
}

/* "Fourth, check the SYN bit": in a synchronized state a challenge (RFC 5961 4.2). */
static bool step_syn(struct sock *sk, struct xtcp_ctx *c, struct xtcp_effects *fx)
{
	if (!(c->seg.flags & XTCP_SYN))
		return true;
	/* Crossed SYNs: the peer's SYN-ACK repeats a SYN we know already. */
	if (sk->sk_state == TCP_SYN_RECV && (c->seg.flags & XTCP_ACK) &&
	    c->seg.end_seq == c->seg.seq + 1 && c->seg.end_seq == xtcp_sk(sk)->rcv.nxt &&
	    c->seg.ack == xtcp_sk(sk)->snd.nxt)
		return true;
	XTCP_SK_INC(sk, SYNCHALLENGE);
	fx->ack_challenge = 1;
	return states_drop(fx, SKB_DROP_REASON_TCP_INVALID_SYN);
}

/* "Fifth, check the ACK field": without the bit there is nothing to do. */
static bool step_ack_bit(struct sock *sk, struct xtcp_ctx *c, struct xtcp_effects *fx)
{
	if (c->seg.flags & XTCP_ACK)
		return true;
	XTCP_SK_INC(sk, NOACKFLAG);
	return states_drop(fx, SKB_DROP_REASON_TCP_FLAGS);
}

/* The steps all synchronized states begin with. */
static bool steps_validate(struct sock *sk, struct xtcp_ctx *c, struct xtcp_effects *fx)
{
	return step_sequence(sk, c, fx) && step_rst(sk, c, fx) && step_syn(sk, c, fx) &&
	       step_ack_bit(sk, c, fx);
}

/* ... and the ACK itself, with TS.Recent, which may only move with an acceptable segment. */
static bool step_ack(struct sock *sk, struct xtcp_ctx *c, struct xtcp_effects *fx)
{
	if (!xtcp_ack_process(sk, c, fx))
		return false;
	states_update_ts_recent(sk, c);
	return true;
}

static bool states_fin_acked(const struct xtcp_sock *xs)
{
	return xs->snd.fin_queued && xs->snd.una == xs->snd.write_seq;
}

/* "Sixth, check the URG bit" and "Seventh, process the segment text". */
static void step_text(struct sock *sk, struct xtcp_ctx *c, struct xtcp_effects *fx)
{
	if ((c->seg.flags & XTCP_URG) || xtcp_sk(sk)->rcv.urg_data == XTCP_URG_NOTYET)
		xtcp_data_urgent(sk, c);
	xtcp_data_queue(sk, c, fx);
}

/* "Eighth, check the FIN bit", once it is in order. */
static void step_fin(struct sock *sk, struct xtcp_effects *fx)
{
	struct xtcp_sock *xs = xtcp_sk(sk);

	if (!fx->fin)
		return;
	xs->rcv.ack_pending |= XTCP_ACK_SCHED;
	/* The peer has all through: what it sent twice is nothing to it. */
	xtcp_disorder_untell(xs->disorder);
	WRITE_ONCE(sk->sk_shutdown, sk->sk_shutdown | RCV_SHUTDOWN);
	sock_set_flag(sk, SOCK_DONE);
	switch (sk->sk_state) {
	case TCP_SYN_RECV:
	case TCP_ESTABLISHED:
		xtcp_set_state(sk, TCP_CLOSE_WAIT);
		xs->rcv.pingpong = 1;
		break;
	case TCP_FIN_WAIT1:
		fx->ack_now = 1;
		xtcp_set_state(sk, TCP_CLOSING);
		break;
	case TCP_FIN_WAIT2:
		fx->ack_now = 1;
		fx->time_wait = 1;
		break;
	}
	xtcp_sock_purge_ooo(sk);
}

/* Everybody is gone and data comes: nobody will ever read it (RFC 9293 3.6.1, SHLD-3). */
static bool states_data_after_close(struct sock *sk, struct xtcp_ctx *c, struct xtcp_effects *fx)
{
	u32 fin = !!(c->seg.flags & XTCP_FIN);

	if (!(sk->sk_shutdown & RCV_SHUTDOWN) || c->seg.seq == c->seg.end_seq ||
	    !xtcp_seq_after(c->seg.end_seq - fin, xtcp_sk(sk)->rcv.nxt))
		return false;
	XTCP_SK_INC(sk, ABORTONDATA);
	fx->rst = XTCP_RST_DATA_AFTER_CLOSE;
	fx->abort_err = ECONNRESET;
	fx->reason = SKB_DROP_REASON_TCP_ABORT_ON_DATA;
	return true;
}

/*
 * The segment that all expect: the next in sequence, nothing but ACK and PSH, timestamps
 * as agreed and not going back. Such a one passes all that steps_validate() asks.
 */
static bool states_expected(struct sock *sk, const struct xtcp_ctx *c)
{
	const struct xtcp_sock *xs = xtcp_sk(sk);

	if ((c->seg.flags & ~XTCP_PSH) != XTCP_ACK || c->seg.seq != xs->rcv.nxt ||
	    c->opts.has != (xs->neg.ts_ok ? XTCP_OPT_TS : 0) ||
	    (s32)(c->opts.tsval - xs->rcv.ts_recent) < 0)
		return false;
	if (c->seg.len)
		XTCP_SK_INC(sk, HPHITS);
	else if (xtcp_seq_after(c->seg.ack, xs->snd.una))
		XTCP_SK_INC(sk, HPACKS);
	return true;
}

static void xtcp_rcv_established(struct sock *sk, struct xtcp_ctx *c, struct xtcp_effects *fx)
{
	if (!states_expected(sk, c) && !steps_validate(sk, c, fx))
		return;
	if (!step_ack(sk, c, fx))
		return;
	step_text(sk, c, fx);
	step_fin(sk, fx);
}

/* Our FIN is acknowledged; an orphan's wait for the peer's is limited (fin_timeout). */
static bool states_enter_fin_wait2(struct sock *sk, struct xtcp_ctx *c, struct xtcp_effects *fx)
{
	int tmo = xtcp_fin_wait(sk);

	xtcp_set_state(sk, TCP_FIN_WAIT2);
	WRITE_ONCE(sk->sk_shutdown, sk->sk_shutdown | SEND_SHUTDOWN);
	sk_dst_confirm(sk);
	if (!sock_flag(sk, SOCK_DEAD)) {
		sk->sk_state_change(sk);	/* a lingering close() waits for this */
		return true;
	}
	if (tmo < 0) {
		XTCP_SK_INC(sk, ABORTONDATA);
		fx->rst = XTCP_RST_LINGER;
		fx->done = 1;
		return states_drop(fx, SKB_DROP_REASON_TCP_ABORT_ON_DATA);
	}
	if (states_data_after_close(sk, c, fx))
		return false;
	if (tmo > XTCP_TIMEWAIT_LEN)
		xtcp_timer_arm(sk, XTCP_T_FINWAIT2, tmo - XTCP_TIMEWAIT_LEN);
	else if (c->seg.flags & XTCP_FIN)
		xtcp_timer_arm(sk, XTCP_T_FINWAIT2, max(tmo, 1));
	else
		fx->fin_wait2 = 1;
	return true;
}

static void xtcp_rcv_fin_wait1(struct sock *sk, struct xtcp_ctx *c, struct xtcp_effects *fx)
{
	if (!steps_validate(sk, c, fx) || !step_ack(sk, c, fx))
		return;
	if (states_fin_acked(xtcp_sk(sk)) && !states_enter_fin_wait2(sk, c, fx))
		return;
	if (states_data_after_close(sk, c, fx))
		return;
	step_text(sk, c, fx);
	step_fin(sk, fx);
}

static void xtcp_rcv_fin_wait2(struct sock *sk, struct xtcp_ctx *c, struct xtcp_effects *fx)
{
	if (!steps_validate(sk, c, fx) || !step_ack(sk, c, fx))
		return;
	if (states_data_after_close(sk, c, fx))
		return;
	step_text(sk, c, fx);
	step_fin(sk, fx);
}

/*
 * The peer sent its FIN. What comes below it is a retransmission whose ACK was lost; what
 * comes above "should not occur" and is ignored (3.10.7.4, seventh and eighth).
 */
static void states_after_fin(struct sock *sk, struct xtcp_ctx *c, struct xtcp_effects *fx)
{
	if (c->seg.seq == c->seg.end_seq)
		return;
	XTCP_SK_INC(sk, AFTERCLOSE);
	fx->ack_now = xtcp_seq_before(c->seg.seq, xtcp_sk(sk)->rcv.nxt);
	fx->reason = SKB_DROP_REASON_TCP_OLD_DATA;
}

static void xtcp_rcv_close_wait(struct sock *sk, struct xtcp_ctx *c, struct xtcp_effects *fx)
{
	if (steps_validate(sk, c, fx) && step_ack(sk, c, fx))
		states_after_fin(sk, c, fx);
}

static void xtcp_rcv_closing(struct sock *sk, struct xtcp_ctx *c, struct xtcp_effects *fx)
{
	if (!steps_validate(sk, c, fx) || !step_ack(sk, c, fx))
		return;
	states_after_fin(sk, c, fx);
	if (states_fin_acked(xtcp_sk(sk)))
		fx->time_wait = 1;
}

static void xtcp_rcv_last_ack(struct sock *sk, struct xtcp_ctx *c, struct xtcp_effects *fx)
{
	if (!steps_validate(sk, c, fx) || !step_ack(sk, c, fx))
		return;
	states_after_fin(sk, c, fx);
	if (!states_fin_acked(xtcp_sk(sk)))
		return;
	/* A duplicate of the segment that brought the cookie would open the connection anew. */
	if (xtcp_sk(sk)->neg.cookie)
		fx->time_wait = 1;
	else
		fx->done = 1;
}

/* Options of the peer's SYN: what both sides want, holds (RFC 7323 2.2, 3.2; RFC 2018 2). */
static void states_negotiate(struct sock *sk, const struct xtcp_opts *o)
{
	struct net *net = sock_net(sk);
	struct xtcp_sock *xs = xtcp_sk(sk);
	u16 mss = (o->has & XTCP_OPT_MSS) && o->mss ? o->mss : XTCP_DEFAULT_MSS;

	if (xs->snd.user_mss && xs->snd.user_mss < mss)
		mss = xs->snd.user_mss;
	xs->snd.mss_clamp = mss;
	xs->neg.ts_ok = xtcp_knob(net, timestamps) && (o->has & XTCP_OPT_TS);
	xs->neg.sack_ok = xtcp_knob(net, sack) && (o->has & XTCP_OPT_SACK_PERM);
	xs->neg.wscale_ok = xtcp_knob(net, window_scaling) && (o->has & XTCP_OPT_WSCALE);
	xs->snd.wscale = xs->neg.wscale_ok ? o->wscale : 0;
	if (!xs->neg.wscale_ok) {
		xs->rcv.wscale = 0;
		xs->rcv.window_clamp = min(xs->rcv.window_clamp, 65535U);
	}
	if (xs->neg.ts_ok) {
		xs->rcv.ts_recent = o->tsval;
		xs->rcv.ts_recent_stamp = (u32)ktime_get_seconds();
	}
}

/* The peer's SYN: IRS and what follows from it (3.10.7.3). */
static void states_take_syn(struct sock *sk, struct xtcp_ctx *c)
{
	struct xtcp_sock *xs = xtcp_sk(sk);

	states_negotiate(sk, &c->opts);
	xtcp_ecn_peer_syn(sk, &c->seg);
	WRITE_ONCE(xs->rcv.nxt, c->seg.seq + 1);
	xs->rcv.wup = c->seg.seq + 1;
	WRITE_ONCE(xs->rcv.copied_seq, xs->rcv.nxt);
	xs->rcv.turn = xs->rcv.nxt;
	xs->snd.wnd = c->seg.window;
	xs->snd.wl1 = c->seg.seq;
	xs->snd.max_wnd = xs->snd.wnd;
	xtcp_mtup_init(sk);
	xtcp_mss_sync(sk, xs->snd.pmtu);
	xtcp_mss_init_rcv(sk);
}

/* The ACK of a SYN-SENT segment must be for our SYN; its echo from after we sent it. */
static bool states_synsent_ack_ok(struct sock *sk, const struct xtcp_ctx *c,
				  struct xtcp_effects *fx)
{
	struct xtcp_sock *xs = xtcp_sk(sk);
	const struct sk_buff *syn = xtcp_rtxq_head(sk);
	u32 first_ms, echo;

	if (!xtcp_seq_after(c->seg.ack, xs->snd.una) ||
	    xtcp_seq_after(c->seg.ack, xs->snd.nxt)) {
		fx->rst = c->seg.flags & XTCP_RST ? 0 : XTCP_RST_STATE;
		return states_drop(fx, SKB_DROP_REASON_TCP_INVALID_SEQUENCE);
	}
	if (!(c->opts.has & XTCP_OPT_TS) || !c->opts.tsecr || !syn)
		return true;
	first_ms = xtcp_now_ts() - ((u32)c->now_us - XTCP_CB(syn)->first_us) / USEC_PER_MSEC - 1;
	echo = c->opts.tsecr - xs->neg.ts_offset;
	if (xtcp_seq_between(echo, first_ms, xtcp_now_ts()))
		return true;
	XTCP_SK_INC(sk, PAWSACTIVE);
	fx->rst = c->seg.flags & XTCP_RST ? 0 : XTCP_RST_STATE;
	return states_drop(fx, SKB_DROP_REASON_TCP_RFC7323_PAWS);
}

/* Simultaneous open (3.5, figure 8; MUST-10). */
static void states_crossed_syn(struct sock *sk, struct xtcp_ctx *c, struct xtcp_effects *fx)
{
	states_take_syn(sk, c);
	xtcp_set_state(sk, TCP_SYN_RECV);
	xtcp_output_synack(sk);
	fx->reason = SKB_DROP_REASON_NOT_SPECIFIED;
}

/* The SYN of a connection that had the 4-tuple before us (RFC 7323 5.3, by its TIME_WAIT). */
static bool states_syn_is_old(const struct sock *sk, const struct xtcp_ctx *c)
{
	const struct xtcp_sock *xs = xtcp_sk(sk);

	if (!(c->opts.has & XTCP_OPT_TS) || states_ts_stale(xs) ||
	    !xtcp_seq_before(c->opts.tsval, xs->rcv.ts_recent))
		return false;
	XTCP_SK_INC(sk, PAWSACTIVE);
	return true;
}

/* 3.10.7.3 */
static void xtcp_rcv_syn_sent(struct sock *sk, struct xtcp_ctx *c, struct xtcp_effects *fx)
{
	bool ack = c->seg.flags & XTCP_ACK;

	if (ack && !states_synsent_ack_ok(sk, c, fx))
		return;
	if (c->seg.flags & XTCP_RST) {
		if (ack) {
			trace_xtcp_receive_reset(sk);
			fx->abort_err = ECONNREFUSED;
		}
		fx->reason = SKB_DROP_REASON_TCP_RESET;
		return;
	}
	if (!(c->seg.flags & XTCP_SYN)) {
		fx->reason = SKB_DROP_REASON_TCP_FLAGS;
		return;
	}
	if (!ack) {
		if (states_syn_is_old(sk, c))
			fx->reason = SKB_DROP_REASON_TCP_RFC7323_PAWS;
		else
			states_crossed_syn(sk, c, fx);
		return;
	}
	states_take_syn(sk, c);
	xtcp_ack_process(sk, c, fx);
	xtcp_set_state(sk, TCP_ESTABLISHED);
	fx->established = 1;
	fx->ack_now = 1;
}

/*
 * 3.10.7.4, SYN-RECEIVED: the child of a request, whose ACK brought it to life, or our end
 * of a simultaneous open.
 */
static void xtcp_rcv_syn_recv(struct sock *sk, struct xtcp_ctx *c, struct xtcp_effects *fx)
{
	struct xtcp_sock *xs = xtcp_sk(sk);
	u32 window = c->seg.window;

	if (!steps_validate(sk, c, fx))
		return;
	if (xtcp_seq_after(c->seg.ack, xs->snd.nxt) ||
	    xtcp_seq_before(c->seg.ack, xs->snd.una) ||
	    (c->seg.ack == xs->snd.una && xs->snd.packets_out)) {
		fx->rst = XTCP_RST_STATE;
		fx->reason = SKB_DROP_REASON_TCP_INVALID_SEQUENCE;
		return;
	}
	xtcp_set_state(sk, TCP_ESTABLISHED);
	if (!(c->seg.flags & XTCP_SYN))
		window <<= xs->snd.wscale;
	xs->snd.wnd = window;
	xs->snd.wl1 = c->seg.seq;
	xs->snd.max_wnd = max(xs->snd.max_wnd, window);
	if (!step_ack(sk, c, fx))
		return;
	xtcp_mss_sync(sk, xs->snd.pmtu);
	fx->established = 1;
	if (c->seg.flags & XTCP_SYN)
		return;
	step_text(sk, c, fx);
	step_fin(sk, fx);
}

/* CLOSE: the last of a backlog behind the end. */
static void xtcp_rcv_closed(struct sock *sk, struct xtcp_ctx *c, struct xtcp_effects *fx)
{
	XTCP_SK_INC(sk, BADSTATESEG);
	fx->reason = SKB_DROP_REASON_TCP_CLOSE;
}

const xtcp_state_fn xtcp_states[] = {
	[TCP_ESTABLISHED]	= xtcp_rcv_established,
	[TCP_SYN_SENT]		= xtcp_rcv_syn_sent,
	[TCP_SYN_RECV]		= xtcp_rcv_syn_recv,
	[TCP_FIN_WAIT1]		= xtcp_rcv_fin_wait1,
	[TCP_FIN_WAIT2]		= xtcp_rcv_fin_wait2,
	[TCP_TIME_WAIT]		= xtcp_rcv_closed,
	[TCP_CLOSE]		= xtcp_rcv_closed,
	[TCP_CLOSE_WAIT]	= xtcp_rcv_close_wait,
	[TCP_LAST_ACK]		= xtcp_rcv_last_ack,
	[TCP_LISTEN]		= xtcp_rcv_closed,
	[TCP_CLOSING]		= xtcp_rcv_closing,
};

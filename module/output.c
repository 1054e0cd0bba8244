// SPDX-License-Identifier: GPL-2.0-only
/*
 * output.c owns the decision to send: Nagle, windows, congestion, probes, and
 * the segments that open and close a connection. Socket lock.
 */
#include <net/dst.h>
#include <xtcp/win.h>

#include "af.h"
#include "busy.h"
#include "compat.h"
#include "engine.h"
#include "timer.h"

/* More than this goes without waiting for the next ACK, where no share of the window says. */
#define OUTPUT_DEFER_SEGS	3

/* An empty segment with room for all headers; the cb is the caller's to fill. */
static struct sk_buff *output_new_skb(gfp_t gfp)
{
	struct sk_buff *skb = xtcp_spare_take();

	if (skb)
		return skb;
	skb = alloc_skb_fclone(XTCP_MAX_HEADER, gfp);
	if (unlikely(!skb))
		return NULL;
	skb_reserve(skb, XTCP_MAX_HEADER);
	skb->ip_summed = CHECKSUM_PARTIAL;
	return skb;
}

/**
 * xtcp_output_alloc_skb - an empty segment for data in page fragments
 * @sk: locked
 * @gfp: process context may sleep
 * @force: the socket has no other, so that nothing could wake it
 *
 * Return: the skb, not yet charged to the socket; NULL under memory pressure
 */
struct sk_buff *xtcp_output_alloc_skb(struct sock *sk, gfp_t gfp, bool force)
{
	struct sk_buff *skb = output_new_skb(gfp);

	if (likely(skb)) {
		if (likely(xtcp_buf_grant(sk, skb->truesize, force) >= (int)skb->truesize))
			return skb;
		__kfree_skb(skb);
	} else {
		sk->sk_prot->enter_memory_pressure(sk);
	}
	sk_stream_moderate_sndbuf(sk);
	return NULL;
}

static void output_init_cb(struct sk_buff *skb, u32 seq, u8 flags)
{
	struct xtcp_skb_cb *cb = XTCP_CB(skb);

	memset(cb, 0, sizeof(*cb));
	cb->seq = seq;
	cb->end_seq = seq + !!(flags & XTCP_SYN) + !!(flags & XTCP_FIN);
	cb->flags = flags;
	cb->segs = 1;
}

/**
 * xtcp_output_queue_tail - an empty segment becomes the end of the stream
 * @sk: locked
 * @skb: from xtcp_output_alloc_skb()
 */
void xtcp_output_queue_tail(struct sock *sk, struct sk_buff *skb)
{
	struct xtcp_sock *xs = xtcp_sk(sk);

	output_init_cb(skb, xs->snd.write_seq, XTCP_ACK);
	__skb_queue_tail(&sk->sk_write_queue, skb);
	xtcp_buf_charge(sk, skb);
	xs->snd.nonagle &= ~XTCP_NAGLE_PUSH;
}

/* The window has opened: the RTO of what leaves, and the next probes, begin as if none had been. */
static void output_probes_over(struct xtcp_sock *xs)
{
	xs->rec.backoff = 0;
	xs->rec.probes_out = 0;
	xs->rec.probes_stamp = 0;
}

/* First transmission done: from the send queue to the retransmission queue. */
static void output_sent(struct sock *sk, struct sk_buff *skb)
{
	struct xtcp_sock *xs = xtcp_sk(sk);
	u32 prior = xs->snd.packets_out;

	xs->snd.nxt = XTCP_CB(skb)->end_seq;
	XTCP_CB(skb)->first_us = XTCP_CB(skb)->sent_us;
	__skb_unlink(skb, &sk->sk_write_queue);
	xtcp_rtxq_note_sent(xs, skb);
	xtcp_rtxq_append(sk, skb);
	XTCP_SK_ADD(sk, ORIGDATASENT, XTCP_CB(skb)->segs);
	if (unlikely(xs->rec.probes_stamp))
		output_probes_over(xs);
	if (!prior || !xtcp_timer_armed(xs, XTCP_T_RTO))
		xtcp_timer_arm(sk, XTCP_T_RTO, xtcp_ack_rto(sk));
	xtcp_timer_cancel(sk, XTCP_T_PROBE);
}

/* RFC 9293 3.7.4, Minshall's variant, for the segment at the head of the send queue. */
static bool output_nagle_ok(const struct xtcp_sock *xs, const struct sk_buff *skb, u32 len,
			    u32 mss, u8 nonagle)
{
	if ((nonagle & XTCP_NAGLE_PUSH) || xs->snd.urg_mode)
		return true;
	return xtcp_win_nagle_ok(nonagle & XTCP_NAGLE_OFF,
				 XTCP_CB(skb)->flags & XTCP_FIN,
				 xs->snd.packets_out &&
				 xtcp_win_small_out(xs->snd.sml, xs->snd.una, xs->snd.nxt),
				 nonagle & XTCP_NAGLE_CORK, len, mss);
}

/* Segments the congestion window still admits; half of it at once, to keep the ACK clock. */
static u32 output_cwnd_quota(struct sock *sk, const struct sk_buff *skb)
{
	const struct xtcp_sock *xs = xtcp_sk(sk);
	u32 in_flight = xtcp_packets_in_flight(xs);

	/* A lone FIN would only wait for nothing. */
	if ((XTCP_CB(skb)->flags & XTCP_FIN) && !skb->len)
		return 1;
	if (in_flight >= xs->cc.cwnd)
		return 0;
	return min(max(xs->cc.cwnd >> 1, 1U), xs->cc.cwnd - in_flight);
}

/**
 * struct output_pass - one walk along the send queue
 * @sk: socket
 * @mss: bytes per segment
 * @max_segs: segments per burst
 * @nonagle: XTCP_NAGLE_*, of the last segment in the queue
 * @limited: the congestion window ended it
 * @rwnd: the peer's window did
 */
struct output_pass {
	struct sock *sk;
	u32 mss;
	u32 max_segs;
	u8 nonagle;
	bool limited;
	bool rwnd;
};

/* Bytes of @skb that window and MSS admit in one go; 0: wait. */
static u32 output_limit(const struct output_pass *p, struct sk_buff *skb, u32 quota, u8 nonagle)
{
	const struct xtcp_sock *xs = xtcp_sk(p->sk);
	u32 window = xtcp_wnd_end(xs) - XTCP_CB(skb)->seq;
	u32 max_segs = xs->snd.urg_mode ? 1 : min(quota, p->max_segs);
	u32 len = min3(skb->len, window, max_segs * p->mss);

	if (len < p->mss || len % p->mss == 0)
		return len;
	/* Whole segments go; the odd rest only if it ends the data and Nagle lets it. */
	if (len == skb->len && output_nagle_ok(xs, skb, len % p->mss, p->mss, nonagle))
		return len;
	return len - len % p->mss;
}

/* An ACK is on its way, if the oldest in flight is half a round trip old; no pause before it. */
static bool output_ack_soon(const struct xtcp_sock *xs)
{
	u32 now = (u32)xtcp_sk_now_us(xs);
	const struct sk_buff *first, *last;

	if (list_empty(&xs->rec.sent))
		return false;
	first = list_first_entry(&xs->rec.sent, struct sk_buff, tcp_tsorted_anchor);
	last = list_last_entry(&xs->rec.sent, struct sk_buff, tcp_tsorted_anchor);
	return now - XTCP_CB(last)->sent_us <= USEC_PER_MSEC &&
	       now - XTCP_CB(first)->sent_us >= xs->rtt.srtt_us >> 4;
}

/*
 * Would the next ACK make a larger burst of @skb, so that it is worth waiting for? Sending
 * what each single ACK admits would cut a window into ever smaller pieces.
 */
static bool output_defer(struct output_pass *p, const struct sk_buff *skb, u32 quota, bool tail)
{
	const struct xtcp_sock *xs = xtcp_sk(p->sk);
	u32 send_win = xtcp_wnd_end(xs) - XTCP_CB(skb)->seq;
	u32 cong_win = quota * p->mss;
	u32 limit = min(send_win, cong_win);
	u32 divisor = xtcp_knob(sock_net(p->sk), tso_win_divisor);
	u32 chunk = OUTPUT_DEFER_SEGS * p->mss + 1;

	if (xs->rec.ca_state >= XTCP_CA_RECOVERY || limit >= p->max_segs * p->mss)
		return false;
	if (!tail && limit >= skb->len)
		return false;
	if (divisor)
		chunk = min(xs->snd.wnd, xs->cc.cwnd * p->mss) / divisor;
	if (limit >= chunk || !output_ack_soon(xs))
		return false;
	if (cong_win < send_win && cong_win <= skb->len) {
		p->limited = true;
		return true;
	}
	if (send_win < cong_win && send_win <= skb->len) {
		p->rwnd = true;
		return true;
	}
	/* Nothing will be appended to it. */
	return !(XTCP_CB(skb)->flags & XTCP_FIN) && !XTCP_CB(skb)->eor;
}

/* Sender's silly-window avoidance: a whole segment, or all there is, must fit the window. */
static bool output_window_ok(const struct xtcp_sock *xs, const struct sk_buff *skb, u32 mss)
{
	u32 end = XTCP_CB(skb)->end_seq;

	if (skb->len > mss)
		end = XTCP_CB(skb)->seq + mss;
	return !xtcp_seq_after(end, xtcp_wnd_end(xs));
}

/* RFC 7661: was the window really what held us back in this round? */
static void output_validate_cwnd(struct sock *sk, bool limited)
{
	struct xtcp_sock *xs = xtcp_sk(sk);

	if (!xtcp_seq_before(xs->snd.una, xs->snd.cwnd_usage_seq) || limited ||
	    (!xs->snd.cwnd_limited && xs->snd.packets_out > xs->snd.max_packets_out)) {
		xs->snd.cwnd_limited = limited;
		xs->snd.max_packets_out = xs->snd.packets_out;
		xs->snd.cwnd_usage_seq = xs->snd.nxt;
	}
}

/* Sends the head of the send queue, or the part that may go. */
static bool output_send_head(const struct output_pass *p, struct sk_buff *skb, u32 quota,
			     u8 nonagle)
{
	u32 len = output_limit(p, skb, quota, nonagle);
	struct sock *sk = p->sk;

	if (skb->len > len && xtcp_rtxq_split(sk, skb, len, false))
		return false;
	xtcp_rtxq_set_segs(skb, p->mss);
	if (xtcp_xmit_skb(sk, skb, true))
		return false;
	xtcp_pace_sent(sk, skb->len);
	output_sent(sk, skb);
	if (skb->len < XTCP_CB(skb)->segs * p->mss)
		xtcp_sk(sk)->snd.sml = XTCP_CB(skb)->end_seq;
	return true;
}

/* RFC 4821: a probe ahead of what may go. False when the rest has to wait for room for one. */
static bool output_mtu_probe(struct sock *sk, bool *sent)
{
	struct sk_buff *skb;
	int len = xtcp_mtup_want(sk);

	if (len <= 0)
		return !len;
	skb = xtcp_pace_wait(sk) ? NULL : xtcp_mtup_cut(sk, len);
	if (!skb)
		return true;
	if (xtcp_xmit_skb(sk, skb, true)) {
		xtcp_mtup_forget(sk);
		return true;
	}
	xtcp_pace_sent(sk, skb->len);
	output_sent(sk, skb);
	*sent = true;
	return true;
}

/* Sends the head of the send queue if all agree. @one: it will not be asked to wait for more. */
static bool output_step(struct output_pass *p, struct sk_buff *skb, bool one)
{
	bool tail = skb_queue_is_last(&p->sk->sk_write_queue, skb);
	u8 nonagle = tail ? p->nonagle : XTCP_NAGLE_PUSH;
	const struct xtcp_sock *xs = xtcp_sk(p->sk);
	u32 quota;

	if (xtcp_pace_wait(p->sk))
		return false;
	quota = output_cwnd_quota(p->sk, skb);
	if (!quota) {
		p->limited = true;
		return false;
	}
	p->rwnd = !output_window_ok(xs, skb, p->mss);
	if (p->rwnd || !output_nagle_ok(xs, skb, skb->len, p->mss, nonagle))
		return false;
	if (skb->len > p->mss && !one && output_defer(p, skb, quota, tail))
		return false;
	return !xtcp_smallq_full(p->sk, skb) && output_send_head(p, skb, quota, nonagle);
}

/* The queue is empty, and so is the path: rates measured from here on are the application's. */
static void output_note_idle(struct sock *sk)
{
	struct xtcp_sock *xs = xtcp_sk(sk);
	u32 in_flight = xtcp_packets_in_flight(xs);

	if (in_flight < xs->cc.cwnd && refcount_read(&sk->sk_wmem_alloc) < SKB_TRUESIZE(1))
		xtcp_rate_idle(&xs->rec.rate, in_flight);
}

/* Sends while something may go; @one: the head at most. True when data stays with nothing out. */
static bool output_walk(struct sock *sk, u8 nonagle, bool one)
{
	struct output_pass p = { .sk = sk, .mss = xtcp_mss_current(sk), .nonagle = nonagle };
	struct xtcp_sock *xs = xtcp_sk(sk);
	struct sk_buff *skb;
	bool sent = false;

	p.max_segs = sk_can_gso(sk) ? min_t(u32, xtcp_pace_segs(sk, p.mss),
					    sk->sk_gso_max_segs) : 1;
	if (!xs->snd.packets_out)
		xtcp_cc_tx_start(sk);
	if (!one && !output_mtu_probe(sk, &sent))
		return false;
	while ((skb = skb_peek(&sk->sk_write_queue)) && output_step(&p, skb, one)) {
		sent = true;
		if (one)
			break;
	}
	if (sent)
		xtcp_loss_arm_tlp(sk);
	p.limited |= sent && xtcp_packets_in_flight(xs) >= xs->cc.cwnd;
	if (sent || p.limited)
		output_validate_cwnd(sk, p.limited);
	xtcp_busy_sent(sk, p.rwnd, p.limited);
	if (!skb)
		output_note_idle(sk);
	return !xs->snd.packets_out && skb_peek(&sk->sk_write_queue);
}

/* The same by one reading of the clock, its caller's if that has one. */
static bool output_write(struct sock *sk, u8 nonagle, bool one)
{
	struct xtcp_sock *xs = xtcp_sk(sk);
	u64 before = xs->now_us;
	bool idle;

	xs->now_us = xtcp_sk_now_us(xs);
	idle = output_walk(sk, nonagle, one);
	xs->now_us = before;
	return idle;
}

/* Not past the end that TCP_USER_TIMEOUT sets. */
static unsigned long output_clamp_user(const struct xtcp_sock *xs, u32 when)
{
	s32 left;

	if (!xs->user_timeout || !xs->rec.probes_stamp)
		return when;
	left = msecs_to_jiffies(xs->user_timeout) - ((u32)jiffies - xs->rec.probes_stamp);
	return left <= 0 ? 1 : min(when, (u32)left);
}

/**
 * xtcp_output_probe_when - delay of the next zero-window probe (RFC 9293 SHLD-29, 30)
 * @sk: locked
 *
 * Return: jiffies, not past the end that TCP_USER_TIMEOUT sets
 */
unsigned long xtcp_output_probe_when(const struct sock *sk)
{
	u32 when = max_t(u32, xtcp_ack_rto(sk), xtcp_us_to_jiffies(XTCP_RTO_MIN_US));

	return output_clamp_user(xtcp_sk(sk), when);
}

/**
 * xtcp_output_check_probe_timer - data waits and nothing is out: somebody must probe
 * @sk: locked
 */
void xtcp_output_check_probe_timer(struct sock *sk)
{
	struct xtcp_sock *xs = xtcp_sk(sk);

	/* What paces us goes on by itself. */
	if (!xs->snd.packets_out && !xs->timers.send_waits && !xtcp_timer_armed(xs, XTCP_T_PROBE))
		xtcp_timer_arm(sk, XTCP_T_PROBE, xtcp_output_probe_when(sk));
}

/**
 * xtcp_output_push_nagle - send what may go, by a given Nagle setting
 * @sk: locked
 * @nonagle: XTCP_NAGLE_*
 */
void xtcp_output_push_nagle(struct sock *sk, u8 nonagle)
{
	if (sk->sk_state == TCP_CLOSE || !skb_peek(&sk->sk_write_queue))
		return;
	if (output_write(sk, nonagle, false))
		xtcp_output_check_probe_timer(sk);
}

/**
 * xtcp_output_push - send what Nagle, the windows and congestion control admit
 * @sk: locked
 */
void xtcp_output_push(struct sock *sk)
{
	xtcp_output_push_nagle(sk, xtcp_sk(sk)->snd.nonagle);
}

/**
 * xtcp_output_push_one - send the head of the send queue now if it may go at all
 * @sk: locked
 */
void xtcp_output_push_one(struct sock *sk)
{
	if (output_write(sk, XTCP_NAGLE_PUSH, true))
		xtcp_output_check_probe_timer(sk);
}

/* Sequence and window variables of an active open (RFC 9293 3.10.1). */
static void output_init_connect(struct sock *sk)
{
	struct net *net = sock_net(sk);
	struct xtcp_sock *xs = xtcp_sk(sk);
	bool scale = xtcp_knob(net, window_scaling);
	u32 full = max(xtcp_full_space(sk), 0);
	u32 clamp = xs->rcv.window_clamp ? : dst_metric(__sk_dst_get(sk), RTAX_WINDOW);

	if (xs->snd.user_mss)
		xs->snd.mss_clamp = xs->snd.user_mss;
	xs->snd.max_wnd = 0;
	xtcp_busy_init(sk);
	xtcp_mtup_init(sk);
	xtcp_mss_sync(sk, dst_mtu(__sk_dst_get(sk)));
	xs->snd.advmss = xtcp_mss_announce(sk);
	if ((sk->sk_userlocks & SOCK_RCVBUF_LOCK) && (!clamp || clamp > full))
		clamp = full;
	xtcp_win_select_initial(full, xtcp_knob(net, rmem[2]),
				xs->snd.advmss - (xtcp_knob(net, timestamps) ?
						  XTCP_OPT_TS_ALIGNED : 0),
				scale, &xs->rcv.wnd, &clamp, &xs->rcv.wscale);
	xs->rcv.window_clamp = clamp;
	xs->rcv.ssthresh = xs->rcv.wnd;
	xtcp_mss_init_rcv(sk);
	xs->snd.wnd = 0;
	xs->snd.wl1 = 0;
	xs->snd.isn = xs->snd.write_seq;
	xs->snd.una = xs->snd.isn;
	xs->snd.nxt = xs->snd.isn;
	xs->snd.sml = xs->snd.isn;
	xs->snd.up = xs->snd.isn;
	xtcp_recovery_init(sk);
	xs->rcv.nxt = 0;
	xs->rcv.wup = 0;
	xs->rcv.copied_seq = 0;
}

/* SYN, alone or with an ACK: it lives in the retransmission queue like data. */
static int output_send_syn(struct sock *sk, u8 flags)
{
	struct xtcp_sock *xs = xtcp_sk(sk);
	struct sk_buff *skb = output_new_skb(sk->sk_allocation);
	int err;

	if (unlikely(!skb))
		return -ENOBUFS;
	output_init_cb(skb, xs->snd.isn, flags);
	xtcp_buf_charge(sk, skb);
	xtcp_rtxq_append(sk, skb);
	err = xtcp_xmit_skb(sk, skb, true);
	XTCP_CB(skb)->first_us = XTCP_CB(skb)->sent_us;
	xs->snd.write_seq = xs->snd.isn + 1;
	xs->snd.nxt = xs->snd.write_seq;
	xs->snd.pushed_seq = xs->snd.write_seq;
	xtcp_timer_arm(sk, XTCP_T_RTO, xtcp_ack_rto(sk));
	return err == -ECONNREFUSED ? err : 0;
}

/**
 * xtcp_output_connect - send the SYN of an active open
 * @sk: locked, SYN_SENT, routed, in the table; snd.write_seq holds the ISN
 *
 * Return: 0; -ENOBUFS; -EHOSTUNREACH; -ECONNREFUSED from an ICMP error on the spot
 */
int xtcp_output_connect(struct sock *sk)
{
	if (xtcp_sk_af(sk)->route(sk))
		return -EHOSTUNREACH;
	output_init_connect(sk);
	XTCP_SK_INC(sk, ACTIVEOPENS);
	return output_send_syn(sk, XTCP_SYN | xtcp_ecn_offer(sk));
}

/**
 * xtcp_output_synack - simultaneous open: our SYN once more, with an ACK (RFC 9293 3.5)
 * @sk: locked, SYN_RECV
 *
 * Return: as xtcp_output_connect()
 */
int xtcp_output_synack(struct sock *sk)
{
	struct sk_buff *syn = xtcp_rtxq_head(sk);
	int err;

	if (!syn || !(XTCP_CB(syn)->flags & XTCP_SYN))
		return -EINVAL;
	XTCP_CB(syn)->flags = XTCP_SYN | XTCP_ACK | (xtcp_sk(sk)->neg.ecn_ok ? XTCP_ECE : 0);
	err = xtcp_xmit_skb(sk, syn, true);
	return err > 0 ? 0 : err;
}

/**
 * xtcp_output_fin - end the stream: FIN on the last unsent segment or on its own
 * @sk: locked, state already moved
 */
void xtcp_output_fin(struct sock *sk)
{
	struct sk_buff *skb = skb_peek_tail(&sk->sk_write_queue);
	struct xtcp_sock *xs = xtcp_sk(sk);

	if (!skb) {
		skb = output_new_skb(sk->sk_allocation | __GFP_NOFAIL);
		xtcp_output_queue_tail(sk, skb);
	}
	XTCP_CB(skb)->flags |= XTCP_FIN;
	XTCP_CB(skb)->end_seq++;
	xs->snd.write_seq++;
	xs->snd.fin_queued = 1;
	xtcp_output_push_nagle(sk, XTCP_NAGLE_OFF);
}

/* What the window admits of the head of the send queue, however little. */
static int output_probe_with_data(struct sock *sk, struct sk_buff *skb)
{
	struct xtcp_sock *xs = xtcp_sk(sk);
	u32 mss = xtcp_mss_current(sk);
	u32 len = min3(xtcp_wnd_end(xs) - XTCP_CB(skb)->seq, mss, skb->len);
	int err;

	if (xtcp_seq_before(xs->snd.pushed_seq, XTCP_CB(skb)->end_seq))
		xs->snd.pushed_seq = XTCP_CB(skb)->end_seq;
	if (len < skb->len && xtcp_rtxq_split(sk, skb, len, false))
		return -ENOMEM;
	XTCP_CB(skb)->flags |= XTCP_PSH;
	xtcp_rtxq_set_segs(skb, mss);
	err = xtcp_xmit_skb(sk, skb, true);
	if (!err) {
		xtcp_pace_sent(sk, skb->len);
		output_sent(sk, skb);
		xtcp_loss_arm_tlp(sk);
	}
	return err;
}

/**
 * xtcp_output_wakeup_probe - make the peer answer: data if the window admits any, else an
 *	old empty segment (RFC 9293 3.8.6.1, 3.8.4)
 * @sk: locked
 *
 * Return: as xtcp_xmit_skb()
 */
int xtcp_output_wakeup_probe(struct sock *sk)
{
	struct sk_buff *skb = skb_peek(&sk->sk_write_queue);
	struct xtcp_sock *xs = xtcp_sk(sk);

	if (sk->sk_state == TCP_CLOSE)
		return -ENOTCONN;
	if (skb && xtcp_seq_before(XTCP_CB(skb)->seq, xtcp_wnd_end(xs)))
		return output_probe_with_data(sk, skb);
	XTCP_SK_INC(sk, WINPROBE);
	if (xs->snd.urg_mode && xtcp_seq_between(xs->snd.up, xs->snd.una + 1,
						 xs->snd.una + 0xffff))
		xtcp_xmit_probe(sk, true);
	return xtcp_xmit_probe(sk, false);
}

/**
 * xtcp_output_probe - zero-window probe, and the deadline of the next
 * @sk: locked
 */
void xtcp_output_probe(struct sock *sk)
{
	struct xtcp_sock *xs = xtcp_sk(sk);
	int err = xtcp_output_wakeup_probe(sk);

	if (xs->snd.packets_out)
		return;
	xs->rec.probes_out++;
	if (err > 0) {
		xtcp_timer_arm(sk, XTCP_T_PROBE, output_clamp_user(xs, XTCP_RESOURCE_PROBE));
		return;
	}
	if (xs->rec.backoff < xtcp_sk_knob(sk, retries2))
		xs->rec.backoff++;
	xtcp_timer_arm(sk, XTCP_T_PROBE, xtcp_output_probe_when(sk));
}

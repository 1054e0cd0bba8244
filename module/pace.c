// SPDX-License-Identifier: GPL-2.0-only
/*
 * pace.c owns when the next segment may leave: a rate from congestion control or
 * SO_MAX_PACING_RATE, kept by a fine queue unless fq below us keeps it. Socket lock.
 */
#include "compat.h"
#include "engine.h"
#include "fineq.h"

/* Beyond this shift the bonus of a near peer is nothing. */
#define PACE_NEAR_MAX		31

/* Bytes per second that the timer keeps; 0: as fast as the windows admit. */
static u64 pace_rate(const struct sock *sk)
{
	u64 rate = xtcp_sk(sk)->cc.pacing_rate;
	u64 limit = READ_ONCE(sk->sk_max_pacing_rate);

	if (limit == ~0UL)
		return rate;
	return rate ? min(rate, limit) : limit;
}

/* fq asks the socket; nobody else does. */
static bool pace_below(const struct sock *sk)
{
	return READ_ONCE(sk->sk_pacing_status) == SK_PACING_FQ;
}

/* Bytes per second of a window each round trip, and some more: else it could not grow. */
static u64 pace_window_rate(const struct sock *sk)
{
	const struct xtcp_sock *xs = xtcp_sk(sk);
	u64 rate;

	if (!xs->rtt.srtt_us)
		return ~0UL;
	rate = xs->cc.cwnd < xs->cc.ssthresh / 2 ? xtcp_sk_knob(sk, pacing_ss_ratio) :
						   xtcp_sk_knob(sk, pacing_ca_ratio);
	rate *= (u64)xs->snd.mss * (USEC_PER_SEC / 100) << 3;
	rate *= max(xs->cc.cwnd, xs->snd.packets_out);
	return div_u64(rate, xs->rtt.srtt_us);
}

/**
 * xtcp_pace_update - congestion control or the user changed the rate
 * @sk: locked
 *
 * sk_pacing_rate is what fq keeps, what bursts and queues below IP are sized by, and what
 * TCP_INFO tells. Without fq an algorithm that goes by its window is not held to it.
 */
void xtcp_pace_update(struct sock *sk)
{
	u64 rate = xtcp_sk(sk)->cc.pacing_rate ? : pace_window_rate(sk);

	WRITE_ONCE(sk->sk_pacing_rate, min_t(u64, rate, READ_ONCE(sk->sk_max_pacing_rate)));
}

/**
 * xtcp_pace_segs - segments one burst may have
 * @sk: locked
 * @mss: bytes per segment
 *
 * What the rate sends in a millisecond; more to a near peer, for whom many small bursts
 * cost more than they smooth; and never less than min_tso_segs.
 */
u32 xtcp_pace_segs(const struct sock *sk, u32 mss)
{
	unsigned long bytes = READ_ONCE(sk->sk_pacing_rate) >> READ_ONCE(sk->sk_pacing_shift);
	u32 near = xtcp_rtt_min_us(&xtcp_sk(sk)->rtt) >> xtcp_sk_knob(sk, tso_rtt_log);

	if (near <= PACE_NEAR_MAX)
		bytes += sk->sk_gso_max_size >> near;
	bytes = min_t(unsigned long, bytes, sk->sk_gso_max_size);
	return max_t(u32, (u32)bytes / mss, xtcp_sk_knob(sk, min_tso_segs));
}

/**
 * xtcp_pace_wait - must the next segment wait? If so the timer will push it
 * @sk: locked
 */
bool xtcp_pace_wait(struct sock *sk)
{
	struct xtcp_timers *tm = &xtcp_sk(sk)->timers;

	if (!tm->send_ns || tm->send_ns <= ktime_get_ns() || pace_below(sk))
		return false;
	if (!tm->send_waits) {
		tm->send_waits = true;
		xtcp_fineq_add(sk, tm->send_ns, 0);
	}
	return true;
}

/**
 * xtcp_pace_sent - @bytes left: the next may leave when the rate has carried them
 * @sk: locked
 * @bytes: of payload
 */
void xtcp_pace_sent(struct sock *sk, u32 bytes)
{
	struct xtcp_timers *tm = &xtcp_sk(sk)->timers;
	u64 rate = pace_rate(sk);

	if (!rate)
		return;
	tm->send_ns = max(tm->send_ns, ktime_get_ns()) +
		      div64_u64((u64)bytes * NSEC_PER_SEC, rate);
}

/**
 * xtcp_pace_resume - send what may go
 * @sk: locked
 */
void xtcp_pace_resume(struct sock *sk)
{
	if (sk->sk_state == TCP_CLOSE)
		return;
	xtcp_recovery_retransmit(sk);
	xtcp_output_push(sk);
}

/**
 * xtcp_pace_over - a fine queue woke it: is the wait over?
 * @sk: locked
 */
void xtcp_pace_over(struct sock *sk)
{
	struct xtcp_timers *tm = &xtcp_sk(sk)->timers;

	if (!tm->send_waits)
		return;
	if (ktime_get_ns() < tm->send_ns) {
		xtcp_fineq_add(sk, tm->send_ns, 0);
		return;
	}
	tm->send_waits = false;
	xtcp_pace_resume(sk);
}

/**
 * xtcp_pace_kick - xtcp_pace_resume() for who has no lock; an owner does it on release
 * @sk: referenced
 *
 * Context: softirq.
 */
void xtcp_pace_kick(struct sock *sk)
{
	bh_lock_sock(sk);
	if (!sock_owned_by_user(sk))
		xtcp_pace_resume(sk);
	else if (!test_and_set_bit(XTCP_DEFER_SEND, &sk->sk_tsq_flags))
		sock_hold(sk);
	bh_unlock_sock(sk);
}

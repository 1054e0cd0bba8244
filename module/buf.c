// SPDX-License-Identifier: GPL-2.0-only
/*
 * buf.c owns the size of a socket's buffers: how far the receive window may
 * grow with the reader and the send buffer with the window. Socket lock.
 */
#include "compat.h"
#include "engine.h"

#define BUF_SKB_OVERHEAD	(SKB_DATA_ALIGN(sizeof(struct skb_shared_info)) + \
				 SKB_TRUESIZE(XTCP_MAX_HEADER))

/**
 * xtcp_buf_init - the connection is established: buffers for its MSS
 * @sk: locked
 */
void xtcp_buf_init(struct sock *sk)
{
	struct xtcp_sock *xs = xtcp_sk(sk);
	u32 full = max(xtcp_full_space(sk), 0);

	xtcp_buf_expand_snd(sk);
	xs->rcv.window_clamp = min(xs->rcv.window_clamp, full);
	xs->rcv.ssthresh = min(xs->rcv.ssthresh, xs->rcv.window_clamp);
	xs->rcv.space = min3(xs->rcv.wnd, full, XTCP_CC_INIT_CWND * xs->snd.advmss);
	xs->rcv.space_seq = xs->rcv.copied_seq;
	xs->rcv.space_us = (u32)xtcp_now_us();
	xs->rcv.rtt_seq = xs->rcv.nxt + xs->rcv.wnd;
	xs->rcv.rtt_start_us = xs->rcv.space_us;
	xs->snd.lsndtime = (u32)jiffies;
}

/**
 * xtcp_buf_expand_snd - room for two windows of segments, within wmem
 * @sk: locked
 */
void xtcp_buf_expand_snd(struct sock *sk)
{
	const struct xtcp_sock *xs = xtcp_sk(sk);
	u32 per_mss, segs;
	u64 want;

	if (sk->sk_userlocks & SOCK_SNDBUF_LOCK)
		return;
	per_mss = roundup_pow_of_two(max_t(u32, xs->snd.mss, xs->snd.mss_clamp) +
				     XTCP_MAX_HEADER) + BUF_SKB_OVERHEAD;
	segs = max3(XTCP_CC_INIT_CWND, xs->cc.cwnd, xs->rec.reordering + 1U);
	want = min_t(u64, 2ULL * segs * per_mss, xtcp_sk_knob(sk, wmem[2]));
	if (want > sk->sk_sndbuf)
		WRITE_ONCE(sk->sk_sndbuf, want);
}

/* Memory for what must go on in any case, whatever the limits say: @size bytes are there then. */
static void buf_force(struct sock *sk, int size)
{
	int want = size - sk->sk_forward_alloc;

	if (want <= 0)
		return;
	if (!mem_cgroup_sockets_enabled || !sk->sk_memcg) {
		sk_forward_alloc_add(sk, sk_mem_pages(want) << PAGE_SHIFT);
		/* Not through the CPU's share: 6.1 does not let modules have it. */
		atomic_long_add(sk_mem_pages(want), sk->sk_prot->memory_allocated);
		return;
	}
	/* Its cgroup is charged by the kernel only, which grants a socket what fills its buffer. */
	__sk_mem_schedule(sk, max(want, sk->sk_sndbuf - sk->sk_wmem_queued), SK_MEM_SEND);
	if (sk->sk_forward_alloc - size >= PAGE_SIZE)
		__sk_mem_reclaim(sk, sk->sk_forward_alloc - size);
}

/**
 * xtcp_buf_charge - @skb is in a queue of the write side now: account for it
 * @sk: locked
 * @skb: what it holds was granted before, or must be: SYN, FIN, the half of a segment
 */
void xtcp_buf_charge(struct sock *sk, const struct sk_buff *skb)
{
	buf_force(sk, skb->truesize);
	sk_wmem_queued_add(sk, skb->truesize);
	sk_mem_charge(sk, skb->truesize);
}

/**
 * xtcp_buf_grant - may the write side have more memory?
 * @sk: locked
 * @size: bytes
 * @force: it has none at all: else it could never go on, since no ACK would come
 *
 * Return: bytes of these that it may have, 0 under pressure
 */
int xtcp_buf_grant(struct sock *sk, int size, bool force)
{
	if (force) {
		buf_force(sk, size);
		return size;
	}
	if (likely(sk_wmem_schedule(sk, size)))
		return size;
	buf_force(sk, min(size, xtcp_sk_knob(sk, wmem[0]) - sk->sk_wmem_queued));
	return clamp(sk->sk_forward_alloc, 0, size);
}

/**
 * xtcp_buf_measure_rtt - the time in which the peer filled one window
 * @sk: locked, RCV.NXT moved
 */
void xtcp_buf_measure_rtt(struct sock *sk)
{
	struct xtcp_sock *xs = xtcp_sk(sk);
	u32 now, sample;

	if (xtcp_seq_before(xs->rcv.nxt, xs->rcv.rtt_seq))
		return;
	now = (u32)xtcp_sk_now_us(xs);
	sample = max(now - xs->rcv.rtt_start_us, 1U);
	/* A slow application makes samples long, never short: the least counts. */
	if (!xs->rcv.rtt_us || sample < xs->rcv.rtt_us)
		xs->rcv.rtt_us = sample;
	else
		xs->rcv.rtt_us += xs->rcv.rtt_us >> 7;
	xs->rcv.rtt_seq = xs->rcv.nxt + xs->rcv.wnd;
	xs->rcv.rtt_start_us = now;
}

/* A receive buffer in which @win bytes have room with their overhead. */
static u64 buf_space_for(const struct sock *sk, u64 win)
{
	int scale = xtcp_sk_knob(sk, adv_win_scale);

	return scale <= 0 ? win << -scale : win + div_u64(win, (1U << scale) - 1);
}

/* The receive buffer grows, and with it what may be announced. */
static void buf_set_rcv(struct sock *sk, u64 space)
{
	struct xtcp_sock *xs = xtcp_sk(sk);

	space = min_t(u64, space, xtcp_sk_knob(sk, rmem[2]));
	if (space <= sk->sk_rcvbuf)
		return;
	WRITE_ONCE(sk->sk_rcvbuf, space);
	/* Without a peer it is what TCP_WINDOW_CLAMP says. */
	if ((1 << sk->sk_state) & (TCPF_CLOSE | TCPF_LISTEN))
		return;
	WRITE_ONCE(xs->rcv.window_clamp,
		   min_t(u32, xtcp_win_from_space(sk, space), 65535U << xs->rcv.wscale));
}

/**
 * xtcp_buf_reserve - SO_RCVLOWAT: so many bytes must find room before they are read
 * @sk: locked
 * @bytes: of data
 */
void xtcp_buf_reserve(struct sock *sk, u32 bytes)
{
	if (!(sk->sk_userlocks & SOCK_RCVBUF_LOCK))
		buf_set_rcv(sk, buf_space_for(sk, bytes));
}

/* A reader that took @copied bytes in a round trip may be sent twice that in the next. */
static void buf_grow_rcv(struct sock *sk, u32 copied)
{
	struct xtcp_sock *xs = xtcp_sk(sk);
	u64 win;

	if (sk->sk_userlocks & SOCK_RCVBUF_LOCK || !xtcp_sk_knob(sk, moderate_rcvbuf))
		return;
	win = ((u64)copied << 1) + 16 * xs->snd.advmss;
	win += div_u64(win * (copied - xs->rcv.space), max(xs->rcv.space, 1U)) << 1;
	buf_set_rcv(sk, buf_space_for(sk, win));
}

/**
 * xtcp_buf_adjust_rcv - dynamic right-sizing: once a round trip, look what was read
 * @sk: locked, the reader just took bytes
 *
 * Round trips go by the clock of what comes: a reader has no need of its own.
 */
void xtcp_buf_adjust_rcv(struct sock *sk)
{
	struct xtcp_sock *xs = xtcp_sk(sk);
	u32 now = xs->rcv.came_us;
	u32 copied;

	if (!xs->rcv.rtt_us || now - xs->rcv.space_us < xs->rcv.rtt_us)
		return;
	copied = xs->rcv.copied_seq - xs->rcv.space_seq;
	if (copied > xs->rcv.space) {
		buf_grow_rcv(sk, copied);
		xs->rcv.space = copied;
	}
	xs->rcv.space_seq = xs->rcv.copied_seq;
	xs->rcv.space_us = now;
}

/**
 * xtcp_buf_grow_window - data of good shape came: announce more of the buffer
 * @sk: locked
 * @skb: the segment, or what GRO made of many
 *
 * Small segments in large buffers cost more memory than they fill of the window. For others
 * it grows by two bytes for one: slow start doubles what is sent, and must find it open.
 */
void xtcp_buf_grow_window(struct sock *sk, const struct sk_buff *skb)
{
	struct xtcp_sock *xs = xtcp_sk(sk);
	s32 room = min_t(s32, xs->rcv.window_clamp, xtcp_space(sk)) - (s32)xs->rcv.ssthresh;

	if (room <= 0 || sk_under_memory_pressure(sk))
		return;
	if (xtcp_win_from_space(sk, skb->truesize) <= (int)skb->len)
		xs->rcv.ssthresh += min_t(s32, room, 2 * max_t(u32, xs->snd.advmss, skb->len));
	else if (skb->len >= 128)
		xs->rcv.ssthresh += min_t(s32, room, skb->len);
	else
		return;
	xs->rcv.quick = max_t(u8, xs->rcv.quick, 2);
}

/**
 * xtcp_buf_short - may what comes next find no room?
 * @sk: poll asks without the lock
 *
 * Then a reader waits in vain for more than there is (SO_RCVLOWAT). The window alone does not
 * tell: small segments fill the buffer before it is shut.
 */
bool xtcp_buf_short(const struct sock *sk)
{
	const struct xtcp_sock *xs = xtcp_sk(sk);
	int rcvbuf = READ_ONCE(sk->sk_rcvbuf);

	return xtcp_receive_window(xs) <= READ_ONCE(xs->rcv.mss) ||
	       atomic_read(&sk->sk_rmem_alloc) > rcvbuf - (rcvbuf >> 3) ||
	       sk_under_memory_pressure(sk);
}

/**
 * xtcp_buf_clamp - the receive buffer is full, or memory is short
 * @sk: locked
 *
 * The buffer takes in what is there already, if the user left its size to us and there is
 * memory; otherwise no more window is announced than the least that keeps the peer going. What
 * was announced stays announced (RFC 9293 3.8.6).
 */
void xtcp_buf_clamp(struct sock *sk)
{
	int limit = min(atomic_read(&sk->sk_rmem_alloc), xtcp_sk_knob(sk, rmem[2]));
	struct xtcp_sock *xs = xtcp_sk(sk);

	xs->rcv.quick = 0;
	if (sk_under_memory_pressure(sk))
		xs->rcv.ssthresh = min(xs->rcv.ssthresh, 4U * xs->snd.advmss);
	else if (!(sk->sk_userlocks & SOCK_RCVBUF_LOCK) && limit > sk->sk_rcvbuf &&
		 sk_memory_allocated(sk) < sk_prot_mem_limits(sk, 0))
		WRITE_ONCE(sk->sk_rcvbuf, limit);
	if (atomic_read(&sk->sk_rmem_alloc) > sk->sk_rcvbuf)
		xs->rcv.ssthresh = min(xs->rcv.window_clamp, 2U * xs->snd.advmss);
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * From the application to the send queue: sendmsg(2), sendfile and splice.
 *
 * User bytes are copied once, into page fragments of the last segment of the
 * send queue, which grows up to what one transmission may carry. Socket locked;
 * waiting for space gives the lock up.
 */
#include <linux/bvec.h>
#include <linux/uio.h>

#include "door.h"
#include "engine.h"

/* Segments made before the backlog gets its turn. */
#define SENDMSG_BACKLOG_EVERY	16

/**
 * struct sendmsg_job - one call
 * @sk: socket
 * @msg: what remains is in its iterator
 * @copied: bytes in the send queue
 * @timeo: jiffies that the call may still wait
 * @flags: MSG_*
 * @goal: bytes of a full skb
 * @fresh: skbs since the backlog was processed
 * @splice: pages of the iterator may be taken over instead of copied
 * @pinned: MSG_ZEROCOPY: the user's pages are sent as they are; who is told when they are free
 * @tsflags: SOF_TIMESTAMPING_* for the last byte
 */
struct sendmsg_job {
	struct sock *sk;
	struct msghdr *msg;
	size_t copied;
	long timeo;
	int flags;
	u32 goal;
	u32 fresh;
	bool splice;
	struct ubuf_info *pinned;
	u32 tsflags;
};

static void sendmsg_mark_push(struct xtcp_sock *xs, struct sk_buff *skb)
{
	XTCP_CB(skb)->flags |= XTCP_PSH;
	xs->snd.pushed_seq = xs->snd.write_seq;
}

/* More than half of the peer's largest window goes without PSH only once. */
static bool sendmsg_forced_push(const struct xtcp_sock *xs)
{
	return xtcp_seq_after(xs->snd.write_seq, xs->snd.pushed_seq + (xs->snd.max_wnd >> 1));
}

/* Sends what may go; MSG_MORE corks for this once. */
static void sendmsg_push(struct sock *sk, int flags, u8 nagle)
{
	struct xtcp_sock *xs = xtcp_sk(sk);
	struct sk_buff *skb = skb_peek_tail(&sk->sk_write_queue);

	if (!skb)
		return;
	if (!(flags & MSG_MORE) || sendmsg_forced_push(xs))
		sendmsg_mark_push(xs, skb);
	if (flags & MSG_OOB) {
		/* RFC 6093: the byte before SND.UP is the urgent one. */
		xs->snd.up = xs->snd.write_seq;
		xs->snd.urg_mode = 1;
	}
	xtcp_output_push_nagle(sk, flags & MSG_MORE ? XTCP_NAGLE_CORK : nagle);
}

/* A segment that got no byte must not stay: nobody could send or acknowledge it. */
static void sendmsg_drop_empty(struct sock *sk)
{
	struct sk_buff *skb = skb_peek_tail(&sk->sk_write_queue);

	if (!skb || XTCP_CB(skb)->seq != XTCP_CB(skb)->end_seq)
		return;
	__skb_unlink(skb, &sk->sk_write_queue);
	xtcp_sock_wfree_skb(sk, skb);
}

static bool sendmsg_nothing_queued(const struct sock *sk)
{
	return RB_EMPTY_ROOT(&sk->tcp_rtx_queue) && skb_queue_empty(&sk->sk_write_queue);
}

/* A new skb at the tail, -ENOBUFS when there must be space first, -EAGAIN after the backlog. */
static int sendmsg_new_skb(struct sendmsg_job *job, struct sk_buff **skb)
{
	struct sock *sk = job->sk;

	if (!sk_stream_memory_free(sk))
		return -ENOBUFS;
	if (job->fresh++ >= SENDMSG_BACKLOG_EVERY) {
		job->fresh = 0;
		if (sk_flush_backlog(sk))
			return -EAGAIN;
	}
	*skb = xtcp_output_alloc_skb(sk, sk->sk_allocation, sendmsg_nothing_queued(sk));
	if (!*skb)
		return -ENOBUFS;
	xtcp_output_queue_tail(sk, *skb);
	return 0;
}

static int sendmsg_tail(struct sendmsg_job *job, struct sk_buff **skb)
{
	*skb = skb_peek_tail(&job->sk->sk_write_queue);
	if (*skb && (*skb)->len < job->goal && !XTCP_CB(*skb)->eor)
		return 0;
	return sendmsg_new_skb(job, skb);
}

/* Bytes copied, -EMSGSIZE when @skb has no fragment left, -ENOBUFS, -EFAULT. */
static int sendmsg_copy(struct sendmsg_job *job, struct sk_buff *skb, int want)
{
	struct sock *sk = job->sk;
	struct page_frag *pfrag = sk_page_frag(sk);
	int i = skb_shinfo(skb)->nr_frags;
	bool merge;
	int err;

	if (!sk_page_frag_refill(sk, pfrag))
		return -ENOBUFS;
	merge = skb_can_coalesce(skb, i, pfrag->page, pfrag->offset);
	if (!merge && i >= MAX_SKB_FRAGS)
		return -EMSGSIZE;

	want = xtcp_buf_grant(sk, min_t(int, want, pfrag->size - pfrag->offset), false);
	if (want <= 0)
		return -ENOBUFS;
	err = skb_copy_to_page_nocache(sk, &job->msg->msg_iter, skb, pfrag->page,
				       pfrag->offset, want);
	if (err)
		return err;

	if (merge) {
		skb_frag_size_add(&skb_shinfo(skb)->frags[i - 1], want);
	} else {
		skb_fill_page_desc(skb, i, pfrag->page, pfrag->offset, want);
		page_ref_inc(pfrag->page);
	}
	pfrag->offset += want;
	return want;
}

/* As sendmsg_copy(), but the pages themselves become fragments. */
static int sendmsg_splice(struct sendmsg_job *job, struct sk_buff *skb, int want)
{
	struct sock *sk = job->sk;
	int taken;

	want = xtcp_buf_grant(sk, want, false);
	if (want <= 0)
		return -ENOBUFS;
	taken = skb_splice_from_iter(skb, &job->msg->msg_iter, want, sk->sk_allocation);
	if (taken <= 0)
		return taken ? taken : -EMSGSIZE;
	/* Their owner may write to them until they are sent: checksum from hardware or a copy. */
	skb_shinfo(skb)->flags |= SKBFL_SHARED_FRAG;
	sk_wmem_queued_add(sk, taken);
	sk_mem_charge(sk, taken);
	return taken;
}

/* As sendmsg_copy(), but of pages that stay the user's, until he is told (MSG_ZEROCOPY). */
static int sendmsg_pin(struct sendmsg_job *job, struct sk_buff *skb, int want)
{
	struct sock *sk = job->sk;
	int err;

	want = xtcp_buf_grant(sk, want, false);
	if (want <= 0)
		return -ENOBUFS;
	err = skb_zerocopy_iter_stream(sk, skb, job->msg, want, job->pinned);
	/* Fragments of two calls in one skb would be told as one. */
	return err == -EEXIST ? -EMSGSIZE : err;
}

/* io_uring holds all pages of an skb at once: a page that is not its needs holds for each. */
static int sendmsg_fill(struct sendmsg_job *job, struct sk_buff *skb, int want)
{
	if (job->pinned && (job->sk->sk_route_caps & NETIF_F_SG))
		return sendmsg_pin(job, skb, want);
	skb_zcopy_downgrade_managed(skb);
	if (job->splice)
		return sendmsg_splice(job, skb, want);
	return sendmsg_copy(job, skb, want);
}

/* The skb is full: may it go before the rest is copied? */
static void sendmsg_push_full(struct sendmsg_job *job, struct sk_buff *skb)
{
	struct sock *sk = job->sk;
	struct xtcp_sock *xs = xtcp_sk(sk);

	if (skb->len < job->goal || (job->flags & MSG_OOB))
		return;
	if (sendmsg_forced_push(xs)) {
		sendmsg_mark_push(xs, skb);
		xtcp_output_push_nagle(sk, XTCP_NAGLE_PUSH);
	} else if (skb == skb_peek(&sk->sk_write_queue)) {
		xtcp_output_push_one(sk);
	}
}

static void sendmsg_account(struct sendmsg_job *job, struct sk_buff *skb, int bytes)
{
	struct xtcp_sock *xs = xtcp_sk(job->sk);

	if (!job->copied)
		XTCP_CB(skb)->flags &= ~XTCP_PSH;
	WRITE_ONCE(xs->snd.write_seq, xs->snd.write_seq + bytes);
	XTCP_CB(skb)->end_seq += bytes;
	job->copied += bytes;
}

/* Moves bytes into one skb. 0, -ENOBUFS: wait, -EAGAIN: look at the socket again, or an error. */
static int sendmsg_step(struct sendmsg_job *job)
{
	struct sk_buff *skb;
	int done, want;

	done = sendmsg_tail(job, &skb);
	while (!done) {
		want = min_t(size_t, job->goal - min(job->goal, skb->len),
			     msg_data_left(job->msg));
		done = sendmsg_fill(job, skb, want);
		if (done != -EMSGSIZE)
			break;
		sendmsg_mark_push(xtcp_sk(job->sk), skb);
		done = sendmsg_new_skb(job, &skb);
	}
	if (done < 0)
		return done;

	sendmsg_account(job, skb, done);
	if (msg_data_left(job->msg))
		sendmsg_push_full(job, skb);
	else if (job->flags & MSG_EOR)
		XTCP_CB(skb)->eor = 1;
	return 0;
}

static int sendmsg_wait_space(struct sendmsg_job *job)
{
	struct sock *sk = job->sk;

	set_bit(SOCK_NOSPACE, &sk->sk_socket->flags);
	sendmsg_drop_empty(sk);
	if (job->copied)
		sendmsg_push(sk, job->flags & ~MSG_MORE, XTCP_NAGLE_PUSH);
	return sk_stream_wait_memory(sk, &job->timeo);
}

/* The state and the MSS may have changed whenever the lock was given up. */
static int sendmsg_begin(struct sendmsg_job *job)
{
	struct sock *sk = job->sk;

	if (sk->sk_err || (sk->sk_shutdown & SEND_SHUTDOWN))
		return -EPIPE;
	job->goal = xtcp_mss_size_goal(sk, !(job->flags & MSG_OOB));
	return 0;
}

static int sendmsg_loop(struct sendmsg_job *job)
{
	int err = sendmsg_begin(job);

	while (!err && msg_data_left(job->msg)) {
		err = sendmsg_step(job);
		if (err == -ENOBUFS)
			err = sendmsg_wait_space(job);
		else if (err == -EAGAIN)
			err = 0;
		else
			continue;
		if (!err)
			err = sendmsg_begin(job);
	}
	return err;
}

static int sendmsg_prepare(struct sendmsg_job *job)
{
	struct sock *sk = job->sk;
	struct sockcm_cookie sockc;
	int err;

	if (job->flags & MSG_FASTOPEN)
		return -EOPNOTSUPP;
	if ((1 << sk->sk_state) & ~(TCPF_ESTABLISHED | TCPF_CLOSE_WAIT)) {
		err = sk_stream_wait_connect(sk, &job->timeo);
		if (err)
			return err;
	}
	if (job->msg->msg_controllen) {
		sockcm_init(&sockc, sk);
		if (sock_cmsg_send(sk, job->msg, &sockc))
			return -EINVAL;
		job->tsflags = sockc.tsflags;
	}
	sk_clear_bit(SOCKWQ_ASYNC_NOSPACE, sk);
	return 0;
}

/* MSG_ZEROCOPY. Without scatter-gather it is copied, and the user is told that, too. */
static int sendmsg_pin_begin(struct sendmsg_job *job)
{
	struct sock *sk = job->sk;
	struct sk_buff *tail = skb_peek_tail(&sk->sk_write_queue);
	size_t size = msg_data_left(job->msg);

	if (!(job->flags & MSG_ZEROCOPY) || !size || job->splice)
		return 0;
	/* io_uring brings its own: it holds it, and needs no SO_ZEROCOPY. */
	job->pinned = job->msg->msg_ubuf;
	if (job->pinned || !sock_flag(sk, SOCK_ZEROCOPY))
		return 0;
	job->pinned = msg_zerocopy_realloc(sk, size, tail ? skb_zcopy(tail) : NULL);
	if (!job->pinned)
		return -ENOBUFS;
	if (!(sk->sk_route_caps & NETIF_F_SG))
		uarg_to_msgzc(job->pinned)->zerocopy = 0;
	return 0;
}

static void sendmsg_pin_end(struct sendmsg_job *job)
{
	if (job->msg->msg_ubuf)
		return;
	if (job->copied)
		net_zcopy_put(job->pinned);
	else
		net_zcopy_put_abort(job->pinned, true);
}

/*
 * Stamps are named by the place of their byte in the stream, from where it was when the user
 * asked for names: the kernel set sk_tskey to 0 then, for it does not know our numbers.
 */
static u32 sendmsg_stamp_key(const struct sendmsg_job *job)
{
	const struct xtcp_snd *snd = &xtcp_sk(job->sk)->snd;
	u32 base = atomic_read(&job->sk->sk_tskey);

	if (!base && (job->tsflags & SOF_TIMESTAMPING_OPT_ID)) {
		base = job->tsflags & XTCP_COMPAT_OPT_ID_TCP ? snd->write_seq - (u32)job->copied :
							       snd->una;
		atomic_set(&job->sk->sk_tskey, base);
	}
	return snd->write_seq - 1 - base;
}

/* SO_TIMESTAMPING: the way of the last byte of the call is told. */
static void sendmsg_stamp(const struct sendmsg_job *job)
{
	struct sk_buff *skb = skb_peek_tail(&job->sk->sk_write_queue);
	struct skb_shared_info *si;

	if (likely(!(job->tsflags & SOF_TIMESTAMPING_TX_RECORD_MASK)) || !skb)
		return;
	si = skb_shinfo(skb);
	sock_tx_timestamp(job->sk, job->tsflags, &si->tx_flags);
	si->tskey = sendmsg_stamp_key(job);
	XTCP_CB(skb)->stamp_ack = !!(job->tsflags & SOF_TIMESTAMPING_TX_ACK);
}

static int sendmsg_locked(struct sock *sk, struct msghdr *msg, bool splice)
{
	struct sendmsg_job job = {
		.sk = sk,
		.msg = msg,
		.flags = msg->msg_flags,
		.timeo = sock_sndtimeo(sk, msg->msg_flags & MSG_DONTWAIT),
		/* Without scatter-gather a driver would read the pages after their checksum. */
		.splice = splice && (sk->sk_route_caps & NETIF_F_SG),
		.tsflags = READ_ONCE(sk->sk_tsflags),
	};
	int err;

	/* What is copied is returned as an int. */
	iov_iter_truncate(&msg->msg_iter, INT_MAX);

	err = sendmsg_prepare(&job);
	if (!err)
		err = sendmsg_pin_begin(&job);
	if (!err)
		err = sendmsg_loop(&job);
	if (err)
		sendmsg_drop_empty(sk);
	if (job.copied) {
		sendmsg_stamp(&job);
		sendmsg_push(sk, job.flags, xtcp_sk(sk)->snd.nonagle);
	}
	if (unlikely(job.pinned))
		sendmsg_pin_end(&job);
	if (job.copied || !err)
		return job.copied;

	err = sk_stream_error(sk, job.flags, err);
	/* An edge-triggered waiter that saw no space would never hear of it again. */
	if (err == -EAGAIN && sendmsg_nothing_queued(sk))
		sk->sk_write_space(sk);
	return err;
}

/**
 * xtcp_sendmsg - struct proto.sendmsg
 * @sk: socket, not locked
 * @msg: data, flags and control messages
 * @size: bytes in @msg
 *
 * RFC 9293 3.10.2 SEND. Waits for a connection and for space, unless told not to.
 *
 * Return: bytes taken over, or a negative errno if none were: -EPIPE (with SIGPIPE,
 * unless MSG_NOSIGNAL), -EAGAIN, -ECONNRESET ...
 */
int xtcp_sendmsg(struct sock *sk, struct msghdr *msg, size_t size)
{
	int ret;

	lock_sock(sk);
	ret = sendmsg_locked(sk, msg, XTCP_COMPAT_MSG_SPLICE(msg));
	release_sock(sk);
	return ret;
}

#ifdef XTCP_COMPAT_SENDPAGE
/**
 * xtcp_sendpage - struct proto.sendpage: one page of sendfile(2)
 * @sk: socket, not locked
 * @page: the page
 * @offset: of the first byte
 * @size: bytes
 * @flags: MSG_*
 *
 * Return: as xtcp_sendmsg().
 */
int xtcp_sendpage(struct sock *sk, struct page *page, int offset, size_t size, int flags)
{
	struct bio_vec bvec = { .bv_page = page, .bv_offset = offset, .bv_len = size };
	struct msghdr msg = { .msg_flags = flags };
	int ret;

	if (flags & MSG_SENDPAGE_NOTLAST)
		msg.msg_flags |= MSG_MORE;
	iov_iter_bvec(&msg.msg_iter, ITER_SOURCE, &bvec, 1, size);

	lock_sock(sk);
	ret = sendmsg_locked(sk, &msg, true);
	release_sock(sk);
	return ret;
}
#endif

/**
 * xtcp_splice_eof - a splice ended early: what it left behind MSG_MORE goes now
 * @sock: socket, not locked
 */
void xtcp_splice_eof(struct socket *sock)
{
	struct sock *sk = sock->sk;

	if (skb_queue_empty_lockless(&sk->sk_write_queue))
		return;
	lock_sock(sk);
	sendmsg_push(sk, 0, xtcp_sk(sk)->snd.nonagle);
	release_sock(sk);
}

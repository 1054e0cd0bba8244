// SPDX-License-Identifier: GPL-2.0-only
/*
 * From the receive queue to the application: recvmsg(2), splice, and how much waits.
 *
 * The socket lock guards queue and copied_seq; waiting for data gives it up.
 */
#include <linux/mutex.h>
#include <linux/wait.h>
#include <linux/pipe_fs_i.h>
#include <net/busy_poll.h>
#include <net/inet_common.h>

#include "door.h"
#include "engine.h"

/**
 * struct recvmsg_job - one call
 * @sk: socket
 * @msg: where to
 * @left: room in @msg
 * @copied: bytes delivered
 * @target: bytes to wait for (SO_RCVLOWAT, MSG_WAITALL)
 * @timeo: jiffies that the call may still wait
 * @flags: MSG_*
 * @peek_seq: next byte to deliver with MSG_PEEK
 * @peek_off: bytes that it began behind copied_seq (SO_PEEK_OFF)
 * @urg_hole: 1 after the urgent byte was left out
 * @last: last skb read from, with a reference, if the user wants its time. It may be the last
 *	one, and be charged to @sk: only under the socket lock
 * @want_stamp: he does
 */
struct recvmsg_job {
	struct sock *sk;
	struct msghdr *msg;
	size_t left;
	int copied;
	int target;
	long timeo;
	int flags;
	u32 peek_seq;
	u32 peek_off;
	u32 urg_hole;
	struct sk_buff *last;
	bool want_stamp;
};

static u32 *recvmsg_seq(struct recvmsg_job *job)
{
	return job->flags & MSG_PEEK ? &job->peek_seq : &xtcp_sk(job->sk)->rcv.copied_seq;
}

static bool recvmsg_at_urgent(struct recvmsg_job *job)
{
	const struct xtcp_rcv *rcv = &xtcp_sk(job->sk)->rcv;

	return rcv->urg_data && rcv->urg_seq == *recvmsg_seq(job);
}

/* The skb that holds byte @seq, or the FIN there, and the byte's place in it. */
static struct sk_buff *recvmsg_find(struct sock *sk, u32 seq, u32 *offset)
{
	struct sk_buff *skb;

	skb_queue_walk(&sk->sk_receive_queue, skb) {
		*offset = seq - XTCP_CB(skb)->seq;
		if (*offset < skb->len)
			return skb;
		if (*offset == skb->len && (XTCP_CB(skb)->flags & XTCP_FIN))
			return skb;
	}
	return NULL;
}

/*
 * Reading without a byte at hand: what ends the call before it waits?
 * 0: nothing; 1: the call returns 0; or a negative errno.
 */
static int recvmsg_end(struct sock *sk, long timeo)
{
	if (sock_flag(sk, SOCK_DONE))
		return 1;
	if (sk->sk_err)
		return sock_error(sk);
	if (sk->sk_shutdown & RCV_SHUTDOWN)
		return 1;
	if (sk->sk_state == TCP_CLOSE)
		return -ENOTCONN;
	if (!timeo)
		return -EAGAIN;
	if (signal_pending(current))
		return sock_intr_errno(timeo);
	return 0;
}

/* With some bytes delivered: is it time to return them? */
static bool recvmsg_enough(const struct recvmsg_job *job)
{
	const struct sock *sk = job->sk;

	return !job->timeo || sk->sk_err || sk->sk_state == TCP_CLOSE ||
	       (sk->sk_shutdown & RCV_SHUTDOWN) || signal_pending(current);
}

/* Another thread read what we only looked at: go on where it stopped. */
static void recvmsg_fix_peek(struct recvmsg_job *job)
{
	u32 copied_seq = xtcp_sk(job->sk)->rcv.copied_seq;

	if ((job->flags & MSG_PEEK) &&
	    job->peek_seq - job->peek_off - job->copied - job->urg_hole != copied_seq)
		job->peek_seq = copied_seq + job->peek_off;
}

/* SO_PEEK_OFF: a look moves its place in the stream on, a read comes closer to it. */
static void recvmsg_move_peek(const struct recvmsg_job *job, size_t used)
{
	if (job->flags & MSG_PEEK)
		sk_peek_offset_fwd(job->sk, used);
	else
		sk_peek_offset_bwd(job->sk, used);
}

/* Waits for more, or has the backlog processed. True to go on; else the call ends. */
static bool recvmsg_wait(struct recvmsg_job *job)
{
	struct sock *sk = job->sk;
	int end;

	if (job->copied >= job->target && !READ_ONCE(sk->sk_backlog.tail))
		return false;
	if (job->copied) {
		if (recvmsg_enough(job))
			return false;
	} else {
		end = recvmsg_end(sk, job->timeo);
		if (end) {
			job->copied = min(end, 0);
			return false;
		}
	}

	if (job->copied >= job->target) {
		__sk_flush_backlog(sk);
	} else {
		xtcp_delack_cleanup_rbuf(sk, job->copied);
		xtcp_delack_turn(sk);
		end = sk_wait_data(sk, &job->timeo, skb_peek_tail(&sk->sk_receive_queue));
		if (end < 0) {
			if (!job->copied)
				job->copied = end;
			return false;
		}
	}
	recvmsg_fix_peek(job);
	return true;
}

/*
 * Urgent data within the next @used bytes: stop before it, and leave it out when
 * it is its turn (unless SO_OOBINLINE). Returns the bytes to deliver.
 */
static size_t recvmsg_skip_urgent(struct recvmsg_job *job, u32 *offset, size_t used)
{
	const struct xtcp_rcv *rcv = &xtcp_sk(job->sk)->rcv;
	u32 *seq = recvmsg_seq(job);
	u32 ahead = rcv->urg_seq - *seq;

	if (!rcv->urg_data || ahead >= used)
		return used;
	if (ahead)
		return ahead;
	if (sock_flag(job->sk, SOCK_URGINLINE))
		return used;
	WRITE_ONCE(*seq, *seq + 1);
	job->urg_hole++;
	(*offset)++;
	return used - 1;
}

static void recvmsg_note_stamp(struct recvmsg_job *job, struct sk_buff *skb)
{
	if (!job->want_stamp || job->last == skb)
		return;
	consume_skb(job->last);
	job->last = skb_get(skb);
}

static void recvmsg_put_stamp(struct recvmsg_job *job)
{
	if (!job->last)
		return;
	if (job->copied >= 0)
		sock_recv_timestamp(job->msg, job->sk, job->last);
	consume_skb(job->last);
}

static void recvmsg_eat(struct sock *sk, struct sk_buff *skb)
{
	__skb_unlink(skb, &sk->sk_receive_queue);
	consume_skb(skb);
}

/* Past the urgent byte there is no urgent byte. */
static void recvmsg_clear_urgent(struct sock *sk)
{
	struct xtcp_rcv *rcv = &xtcp_sk(sk)->rcv;

	if (rcv->urg_data && xtcp_seq_after(rcv->copied_seq, rcv->urg_seq))
		WRITE_ONCE(rcv->urg_data, 0);
}

/* The skb is read to its end, FIN included. Returns true if that was the FIN. */
static bool recvmsg_finish_skb(struct recvmsg_job *job, struct sk_buff *skb)
{
	bool fin = XTCP_CB(skb)->flags & XTCP_FIN;
	u32 *seq = recvmsg_seq(job);

	if (fin)
		WRITE_ONCE(*seq, *seq + 1);
	if (!(job->flags & MSG_PEEK))
		recvmsg_eat(job->sk, skb);
	return fin;
}

/* Delivers from @skb; false when the call ends. */
static bool recvmsg_take(struct recvmsg_job *job, struct sk_buff *skb, u32 offset)
{
	u32 *seq = recvmsg_seq(job);
	size_t used;

	if (offset == skb->len)
		return !recvmsg_finish_skb(job, skb);

	used = min_t(size_t, skb->len - offset, job->left);
	used = recvmsg_skip_urgent(job, &offset, used);
	if (used && !(job->flags & MSG_TRUNC) &&
	    skb_copy_datagram_msg(skb, offset, job->msg, used)) {
		if (!job->copied)
			job->copied = -EFAULT;
		return false;
	}
	WRITE_ONCE(*seq, *seq + used);
	recvmsg_move_peek(job, used);
	job->copied += used;
	job->left -= used;
	recvmsg_note_stamp(job, skb);
	recvmsg_clear_urgent(job->sk);

	if (offset + used < skb->len)
		return true;
	return !recvmsg_finish_skb(job, skb);
}

/* At the urgent mark a read ends, so that the application notices it. */
static bool recvmsg_stop_at_mark(struct recvmsg_job *job)
{
	if (!recvmsg_at_urgent(job))
		return false;
	if (job->copied)
		return true;
	if (!signal_pending(current))
		return false;
	job->copied = job->timeo ? sock_intr_errno(job->timeo) : -EAGAIN;
	return true;
}

static void recvmsg_loop(struct recvmsg_job *job)
{
	struct sk_buff *skb;
	u32 offset;

	do {
		if (recvmsg_stop_at_mark(job))
			break;
		skb = recvmsg_find(job->sk, *recvmsg_seq(job), &offset);
		if (skb ? !recvmsg_take(job, skb, offset) : !recvmsg_wait(job))
			break;
	} while (job->left > 0);
}

/* The urgent byte alone (MSG_OOB); never blocks. RFC 6093, and BSD's errors. */
static int recvmsg_urgent(struct sock *sk, struct msghdr *msg, size_t len, int flags)
{
	struct xtcp_rcv *rcv = &xtcp_sk(sk)->rcv;
	char c = rcv->urg_data;

	if (sock_flag(sk, SOCK_URGINLINE) || !rcv->urg_data || rcv->urg_data == XTCP_URG_READ)
		return -EINVAL;
	if (sk->sk_state == TCP_CLOSE && !sock_flag(sk, SOCK_DONE))
		return -ENOTCONN;
	if (!(rcv->urg_data & XTCP_URG_VALID)) {
		if (sk->sk_state == TCP_CLOSE || (sk->sk_shutdown & RCV_SHUTDOWN))
			return 0;
		return -EAGAIN;
	}

	if (!(flags & MSG_PEEK))
		WRITE_ONCE(rcv->urg_data, XTCP_URG_READ);
	msg->msg_flags |= MSG_OOB;
	if (!len) {
		msg->msg_flags |= MSG_TRUNC;
		return 0;
	}
	if (!(flags & MSG_TRUNC) && memcpy_to_msg(msg, &c, 1))
		return -EFAULT;
	return 1;
}

static bool recvmsg_wants_stamp(const struct sock *sk)
{
	return sock_flag(sk, SOCK_RCVTSTAMP) ||
	       (READ_ONCE(sk->sk_tsflags) & (SOF_TIMESTAMPING_SOFTWARE |
					     SOF_TIMESTAMPING_RAW_HARDWARE));
}

static int recvmsg_locked(struct recvmsg_job *job)
{
	struct sock *sk = job->sk;

	if (sk->sk_state == TCP_LISTEN)
		return -ENOTCONN;
	job->timeo = sock_rcvtimeo(sk, job->flags & MSG_DONTWAIT);
	if (job->flags & MSG_OOB)
		return recvmsg_urgent(sk, job->msg, job->left, job->flags);

	job->peek_off = max(sk_peek_offset(sk, job->flags), 0);
	job->peek_seq = xtcp_sk(sk)->rcv.copied_seq + job->peek_off;
	job->target = sock_rcvlowat(sk, job->flags & MSG_WAITALL, job->left);
	job->want_stamp = recvmsg_wants_stamp(sk);
	recvmsg_loop(job);
	recvmsg_put_stamp(job);
	if (job->copied)
		xtcp_buf_adjust_rcv(sk);
	xtcp_delack_cleanup_rbuf(sk, job->copied);
	if (job->copied <= 0)
		xtcp_delack_turn(sk);
	return job->copied;
}

/* Bytes waiting, as TCP_INQ reports them: 1 at the end of the stream, so that it is read. */
static int recvmsg_inq_hint(struct sock *sk)
{
	int inq;

	lock_sock(sk);
	inq = xtcp_sk(sk)->rcv.nxt - xtcp_sk(sk)->rcv.copied_seq;
	if (!inq && sock_flag(sk, SOCK_DONE))
		inq = 1;
	release_sock(sk);
	return inq;
}

static void recvmsg_put_inq(struct sock *sk, struct msghdr *msg)
{
	bool cmsg = READ_ONCE(xtcp_sk(sk)->rcv.inq_cmsg);

	if (!cmsg && !msg->msg_get_inq)
		return;
	msg->msg_inq = recvmsg_inq_hint(sk);
	if (cmsg)
		put_cmsg(msg, SOL_TCP, TCP_CM_INQ, sizeof(msg->msg_inq), &msg->msg_inq);
}

/* SO_BUSY_POLL: who would wait looks first whether the device has something for him. */
static void recvmsg_busy_poll(struct sock *sk, int flags)
{
	if (skb_queue_empty_lockless(&sk->sk_receive_queue) &&
	    inet_sk_state_load(sk) == TCP_ESTABLISHED)
		sk_busy_loop(sk, flags & MSG_DONTWAIT);
}

/**
 * xtcp_recvmsg - struct proto.recvmsg
 * @sk: socket, not locked
 * @msg: where to
 * @len: room in @msg
 * @flags: MSG_*
 * @addr_len: left alone: a stream has no address per read
 *
 * RFC 9293 3.10.3 RECEIVE. MSG_TRUNC throws the bytes away.
 *
 * Return: bytes delivered, 0 at the end of the stream, or a negative errno.
 */
int xtcp_recvmsg(struct sock *sk, struct msghdr *msg, size_t len, int flags, int *addr_len)
{
	struct recvmsg_job job = {
		.sk = sk,
		.msg = msg,
		.left = min_t(size_t, len, INT_MAX),
		.flags = flags,
	};
	int ret;

	if (flags & MSG_ERRQUEUE)
		return inet_recv_error(sk, msg, len, addr_len);

	if (sk_can_busy_loop(sk))
		recvmsg_busy_poll(sk, flags);
	lock_sock(sk);
	ret = recvmsg_locked(&job);
	release_sock(sk);

	if (ret >= 0 && !(flags & MSG_OOB))
		recvmsg_put_inq(sk, msg);
	return ret;
}

/**
 * struct recvmsg_pipe - one splice(2) from a socket
 * @pipe: where to
 * @len: bytes still wanted
 * @flags: SPLICE_F_*
 */
struct recvmsg_pipe {
	struct pipe_inode_info *pipe;
	size_t len;
	unsigned int flags;
};

/* Bytes of @skb from @offset that come before the urgent byte. */
static size_t recvmsg_before_urgent(struct sock *sk, u32 seq, size_t len)
{
	const struct xtcp_rcv *rcv = &xtcp_sk(sk)->rcv;

	return rcv->urg_data ? min_t(size_t, len, rcv->urg_seq - seq) : len;
}

/*
 * Moves what the queue has into the pipe. skb_splice_bits() gives the socket lock
 * up for a while: copied_seq and the queue are looked at afresh after it.
 */
static int recvmsg_splice_queue(struct sock *sk, struct recvmsg_pipe *p)
{
	u32 *seq = &xtcp_sk(sk)->rcv.copied_seq;
	struct sk_buff *skb;
	int copied = 0;
	u32 offset;

	while (p->len && (skb = recvmsg_find(sk, *seq, &offset))) {
		size_t len = recvmsg_before_urgent(sk, *seq, skb->len - offset);
		int used = 0;

		if (len) {
			used = skb_splice_bits(skb, sk, offset, p->pipe, min(len, p->len),
					       p->flags);
			if (used <= 0) {
				copied = copied ? copied : used;
				break;
			}
			WRITE_ONCE(*seq, *seq + used);
			copied += used;
			p->len -= used;
		} else if (offset < skb->len) {
			break;
		}
		skb = skb_peek(&sk->sk_receive_queue);
		while (skb && xtcp_seq_leq(XTCP_CB(skb)->seq + skb->len, *seq)) {
			if (XTCP_CB(skb)->flags & XTCP_FIN)
				WRITE_ONCE(*seq, *seq + 1);
			recvmsg_eat(sk, skb);
			skb = skb_peek(&sk->sk_receive_queue);
		}
	}
	if (copied > 0) {
		xtcp_buf_adjust_rcv(sk);
		xtcp_delack_cleanup_rbuf(sk, copied);
	}
	return copied;
}

/* Nothing to splice now. 0: look again; 1: the call returns what it has; or an errno. */
static int recvmsg_splice_wait(struct sock *sk, long *timeo)
{
	int end = recvmsg_end(sk, *timeo);

	xtcp_delack_turn(sk);
	if (end)
		return end;
	/* Only the urgent byte is there: no waiting for it to go away. */
	if (!skb_queue_empty(&sk->sk_receive_queue))
		return 1;
	end = sk_wait_data(sk, timeo, NULL);
	if (end < 0)
		return end;
	return signal_pending(current) ? sock_intr_errno(*timeo) : 0;
}

/**
 * xtcp_splice_read - proto_ops.splice_read
 * @sock: socket
 * @ppos: must point to 0
 * @pipe: where to
 * @len: bytes at most
 * @flags: SPLICE_F_*
 *
 * Return: bytes moved, 0 at the end of the stream, or a negative errno.
 */
ssize_t xtcp_splice_read(struct socket *sock, loff_t *ppos, struct pipe_inode_info *pipe,
			 size_t len, unsigned int flags)
{
	struct recvmsg_pipe p = { .pipe = pipe, .len = len, .flags = flags };
	struct sock *sk = sock->sk;
	ssize_t spliced = 0;
	int ret = 0;
	long timeo;

	if (*ppos)
		return -ESPIPE;

	lock_sock(sk);
	timeo = sock_rcvtimeo(sk, sock->file->f_flags & O_NONBLOCK);
	if (sk->sk_state == TCP_LISTEN)
		ret = -ENOTCONN;
	while (!ret && p.len) {
		ret = recvmsg_splice_queue(sk, &p);
		if (ret > 0) {
			spliced = len - p.len;
			break;
		}
		if (!ret)
			ret = recvmsg_splice_wait(sk, &timeo);
	}
	release_sock(sk);
	return spliced ? spliced : min(ret, 0);
}

/**
 * xtcp_inq - bytes that a read would return now (FIONREAD)
 * @sk: socket, locked
 *
 * Stops at the urgent byte, as a read does.
 */
int xtcp_inq(struct sock *sk)
{
	const struct xtcp_rcv *rcv = &xtcp_sk(sk)->rcv;
	int inq;

	sock_owned_by_me(sk);
	if ((1 << sk->sk_state) & (TCPF_SYN_SENT | TCPF_SYN_RECV))
		return 0;
	if (!sock_flag(sk, SOCK_URGINLINE) && rcv->urg_data &&
	    xtcp_seq_between(rcv->urg_seq, rcv->copied_seq, rcv->nxt - 1) &&
	    rcv->copied_seq != rcv->nxt)
		return rcv->urg_seq - rcv->copied_seq;

	inq = rcv->nxt - rcv->copied_seq;
	/* The FIN has a number but is no byte. */
	if (inq && sock_flag(sk, SOCK_DONE))
		inq--;
	return inq;
}

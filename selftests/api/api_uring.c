// SPDX-License-Identifier: GPL-2.0-only
/*
 * io_uring: the calls of a socket by a ring, and pages it hands over without a copy
 * (IORING_OP_SEND_ZC), one by one or registered before.
 */
#include "api.h"

#include <linux/io_uring.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#define RING_ENTRIES	8

struct ring {
	int fd;
	struct io_uring_params p;
	char *sq;
	char *cq;
	struct io_uring_sqe *sqes;
};

static unsigned int *ring_word(char *base, unsigned int offset)
{
	return (unsigned int *)(base + offset);
}

static bool ring_open(struct ring *r)
{
	size_t sq, cq;

	memset(r, 0, sizeof(*r));
	r->fd = syscall(__NR_io_uring_setup, RING_ENTRIES, &r->p);
	if (r->fd < 0)
		return false;
	sq = r->p.sq_off.array + r->p.sq_entries * sizeof(unsigned int);
	cq = r->p.cq_off.cqes + r->p.cq_entries * sizeof(struct io_uring_cqe);
	r->sq = mmap(NULL, sq, PROT_READ | PROT_WRITE, MAP_SHARED, r->fd, IORING_OFF_SQ_RING);
	r->cq = mmap(NULL, cq, PROT_READ | PROT_WRITE, MAP_SHARED, r->fd, IORING_OFF_CQ_RING);
	r->sqes = mmap(NULL, r->p.sq_entries * sizeof(*r->sqes), PROT_READ | PROT_WRITE,
		       MAP_SHARED, r->fd, IORING_OFF_SQES);
	return r->sq != MAP_FAILED && r->cq != MAP_FAILED && r->sqes != MAP_FAILED;
}

/* Hands one order over; 1 if the kernel took it. */
static int ring_submit(struct ring *r, const struct io_uring_sqe *sqe)
{
	unsigned int *tail = ring_word(r->sq, r->p.sq_off.tail);
	unsigned int i = *tail & *ring_word(r->sq, r->p.sq_off.ring_mask);

	r->sqes[i] = *sqe;
	ring_word(r->sq, r->p.sq_off.array)[i] = i;
	__atomic_store_n(tail, *tail + 1, __ATOMIC_RELEASE);
	return syscall(__NR_io_uring_enter, r->fd, 1, 0, 0, NULL, 0);
}

/* What the kernel answers to an order: its value, and IORING_CQE_F_*. */
struct ring_answer {
	int res;
	unsigned int flags;
};

/* Waits for the next answer. */
static struct ring_answer ring_answer(struct ring *r)
{
	unsigned int *head = ring_word(r->cq, r->p.cq_off.head);
	unsigned int *tail = ring_word(r->cq, r->p.cq_off.tail);
	struct io_uring_cqe *cqes = (struct io_uring_cqe *)(r->cq + r->p.cq_off.cqes);
	const struct io_uring_cqe *cqe;
	struct ring_answer answer = { .res = -ETIME };

	while (*head == __atomic_load_n(tail, __ATOMIC_ACQUIRE))
		if (syscall(__NR_io_uring_enter, r->fd, 0, 1, IORING_ENTER_GETEVENTS, NULL, 0) < 0)
			return answer;
	cqe = &cqes[*head & *ring_word(r->cq, r->p.cq_off.ring_mask)];
	answer = (struct ring_answer){ .res = cqe->res, .flags = cqe->flags };
	__atomic_store_n(head, *head + 1, __ATOMIC_RELEASE);
	return answer;
}

static struct io_uring_sqe ring_order(int op, int fd, const void *addr, unsigned int len)
{
	struct io_uring_sqe sqe = { .opcode = op, .fd = fd, .len = len };

	sqe.addr = (unsigned long)addr;
	return sqe;
}

static int ring_do(struct ring *r, int op, int fd, const void *addr, unsigned int len)
{
	struct io_uring_sqe sqe = ring_order(op, fd, addr, len);

	return ring_submit(r, &sqe) == 1 ? ring_answer(r).res : -errno;
}

TEST_F(api, uring_calls)
{
	struct io_uring_sqe sqe;
	struct ring r;
	char buf[8] = {};

	ASSERT_TRUE(ring_open(&r));
	api_listen(self, 8);
	self->client = api_socket(self->family, 0);
	sqe = ring_order(IORING_OP_CONNECT, self->client, &self->addr, 0);
	sqe.off = sizeof(self->addr);
	ASSERT_EQ(1, ring_submit(&r, &sqe));
	EXPECT_EQ(0, ring_answer(&r).res);
	self->server = ring_do(&r, IORING_OP_ACCEPT, self->listener, NULL, 0);
	ASSERT_GE(self->server, 0);
	EXPECT_EQ(3, ring_do(&r, IORING_OP_SEND, self->client, "abc", 3));
	EXPECT_EQ(3, ring_do(&r, IORING_OP_RECV, self->server, buf, sizeof(buf)));
	EXPECT_STREQ("abc", buf);

	/* An order that has to wait. */
	sqe = ring_order(IORING_OP_RECV, self->server, buf, sizeof(buf));
	ASSERT_EQ(1, ring_submit(&r, &sqe));
	ASSERT_EQ(2, write(self->client, "de", 2));
	EXPECT_EQ(2, ring_answer(&r).res);

	sqe = ring_order(IORING_OP_SHUTDOWN, self->client, NULL, SHUT_WR);
	ASSERT_EQ(1, ring_submit(&r, &sqe));
	EXPECT_EQ(0, ring_answer(&r).res);
	EXPECT_EQ(0, ring_do(&r, IORING_OP_RECV, self->server, buf, sizeof(buf)));
	EXPECT_EQ(0, ring_do(&r, IORING_OP_CLOSE, self->client, NULL, 0));
}

/*
 * SEND_ZC: told twice, that it was queued, and that its pages are free. Copied bytes before
 * and behind share a segment with it.
 */
static void uring_zerocopy(struct __test_metadata *_metadata, struct _test_data_api *self,
			   bool fixed)
{
	static unsigned char data[3 * 65536], got[sizeof(data)];
	struct iovec iov = { .iov_base = data, .iov_len = sizeof(data) };
	struct ring_answer queued, freed;
	struct io_uring_sqe sqe;
	size_t at = 100;
	struct ring r;

	ASSERT_TRUE(ring_open(&r));
	api_pair(self);
	api_fill(data, sizeof(data), 7);
	if (fixed)
		ASSERT_EQ(0, syscall(__NR_io_uring_register, r.fd, IORING_REGISTER_BUFFERS,
				     &iov, 1));
	ASSERT_EQ(0, api_set(self->client, SOL_TCP, TCP_CORK, 1));
	ASSERT_EQ(100, write(self->client, data, 100));
	sqe = ring_order(IORING_OP_SEND_ZC, self->client, data + at, 65536);
	sqe.ioprio = fixed ? IORING_RECVSEND_FIXED_BUF : 0;
	ASSERT_EQ(1, ring_submit(&r, &sqe));
	queued = ring_answer(&r);
	ASSERT_GT(queued.res, 0) TH_LOG("%s", strerror(-queued.res));
	EXPECT_TRUE(queued.flags & IORING_CQE_F_MORE);
	at += queued.res;
	ASSERT_EQ(1000, write(self->client, data + at, 1000));
	at += 1000;
	ASSERT_EQ(0, api_set(self->client, SOL_TCP, TCP_CORK, 0));
	EXPECT_EQ(0, api_read_all(self->server, got, at));
	EXPECT_EQ(0, memcmp(data, got, at));
	freed = ring_answer(&r);
	EXPECT_TRUE(freed.flags & IORING_CQE_F_NOTIF);
}

TEST_F(api, uring_send_zerocopy)
{
	uring_zerocopy(_metadata, self, false);
}

TEST_F(api, uring_send_zerocopy_registered)
{
	uring_zerocopy(_metadata, self, true);
}

/* Who gave its pages away and closes: the ring is told all the same. */
TEST_F(api, uring_send_zerocopy_closed)
{
	static unsigned char data[65536];
	struct ring_answer queued, freed;
	struct io_uring_sqe sqe;
	struct ring r;

	ASSERT_TRUE(ring_open(&r));
	api_pair(self);
	sqe = ring_order(IORING_OP_SEND_ZC, self->client, data, sizeof(data));
	ASSERT_EQ(1, ring_submit(&r, &sqe));
	queued = ring_answer(&r);
	ASSERT_GT(queued.res, 0) TH_LOG("%s", strerror(-queued.res));
	close(self->server);
	close(self->client);
	freed = ring_answer(&r);
	EXPECT_TRUE(freed.flags & IORING_CQE_F_NOTIF);
}

TEST_HARNESS_MAIN

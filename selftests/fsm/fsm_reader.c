// SPDX-License-Identifier: GPL-2.0-only
/*
 * When a reader hears of data and what else it is told, where memory is short or
 * segments became one.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "fsm.h"
#include "xtcp_test.h"

static struct seg seg;
static uint32_t reader_edge;	/* of the window: what the last ACK allows */

static void reader_answers(struct conn *c)
{
	tun_barrier();
	while (tun_recv_barrier(&seg))
		if (conn_ours(c, &seg)) {
			conn_note(c, &seg);
			reader_edge = seg.ack + c->wnd;
		}
}

static long reader_counter(const char *name)
{
	return fsm_counter("TcpExt", name);
}

static void reader_send(struct conn *c, uint16_t len)
{
	conn_send(c, ACK | PSH, c->snd_nxt, c->rcv_nxt, len);
	c->snd_nxt += len;
	reader_answers(c);
}

/* Reads all there is. The time of it in milliseconds, 0: there is none. */
static uint64_t reader_stamp(struct conn *c, ssize_t want)
{
	char data[64], control[64];
	struct iovec iov = { data, sizeof(data) };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1,
			      .msg_control = control, .msg_controllen = sizeof(control) };
	struct timeval tv;

	if (recvmsg(c->fd, &msg, 0) != want || !CMSG_FIRSTHDR(&msg) ||
	    CMSG_FIRSTHDR(&msg)->cmsg_type != SO_TIMESTAMP)
		return 0;
	memcpy(&tv, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(tv));
	return tv.tv_sec * 1000ull + tv.tv_usec / 1000;
}

static uint64_t reader_now(void)
{
	struct timeval tv;

	gettimeofday(&tv, NULL);
	return tv.tv_sec * 1000ull + tv.tv_usec / 1000;
}

/* SO_TIMESTAMP: when the last of the bytes came, also if they lie in one segment by now. */
static bool reader_coalesced(struct conn *c)
{
	long coalesced = reader_counter("TCPRcvCoalesce");
	uint64_t later, stamp;
	int on = 1, i;

	STEP(conn_passive(c));
	STEP(!setsockopt(c->fd, SOL_SOCKET, SO_TIMESTAMP, &on, sizeof(on)));
	/* The kernel switches its stamps on by and by. */
	for (i = 0, stamp = 0; i < 100 && !stamp; i++) {
		usleep(10000);
		reader_send(c, 10);
		stamp = reader_stamp(c, 10);
	}
	STEP(stamp);
	reader_send(c, 10);
	usleep(200000);
	later = reader_now();
	reader_send(c, 10);
	STEP(reader_counter("TCPRcvCoalesce") == coalesced + 1);
	stamp = reader_stamp(c, 20);
	tap_note("stamp %lld ms after the second segment was sent", (long long)(stamp - later));
	return stamp >= later && stamp <= reader_now();
}

/* The protocol's memory is the machine's: opened where the machine's knobs are. */
static int reader_mem;

static void reader_open_mem(const char *program)
{
	bool native = strstr(program, "_native") || xt_native();

	reader_mem = open(native ? "/proc/sys/net/ipv4/tcp_mem" : "/proc/sys/net/xtcp/mem",
			  O_RDWR | O_CLOEXEC);
	if (reader_mem < 0)
		die("the protocol's memory");
}

static bool reader_set_mem(const char *value)
{
	ssize_t len = strlen(value);

	return pwrite(reader_mem, value, len, 0) == len;
}

/* More than what each CPU may have uncounted, and nobody reads it. */
static bool reader_hoard(struct conn *c)
{
	int size = 2 << 20;

	conn_init(c, fsm_family, true);
	conn_listen(c, 8);
	STEP(!setsockopt(c->lfd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)));
	STEP(conn_handshake(c));
	while (c->snd_nxt - c->iss < 1500000)
		reader_send(c, 1400);
	return true;
}

/* Others have taken all memory: who reads what he gets is not denied the next. */
static bool reader_others(struct conn *c)
{
	char before[64] = "", text[64];
	struct conn hoard;
	int i, n;

	STEP(pread(reader_mem, before, sizeof(before) - 1, 0) > 0);
	STEP(reader_hoard(&hoard));
	STEP(conn_passive(c));
	STEP(reader_set_mem("1 1 1"));
	for (i = 0, n = 0; i < 10; i++) {
		reader_send(c, 1000);
		n += !strcmp(conn_read(c, text, sizeof(text)), "1000");
	}
	STEP(reader_set_mem(before));
	conn_kill(&hoard);
	tap_note("%d of %d segments", n, i);
	return n == i;
}

/*
 * SO_RCVLOWAT above what the buffer takes in, or not: the reader hears of it before the peer
 * may send no more.
 */
static bool reader_lowat(struct conn *c)
{
	int size = 32768, pair = epoll_create1(EPOLL_CLOEXEC), i;
	struct epoll_event event = { .events = EPOLLIN | EPOLLET };
	long dropped = reader_counter("TCPRcvQDrop");
	bool woken = false;

	conn_listen(c, 8);
	STEP(!setsockopt(c->lfd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)));
	STEP(conn_handshake(c));
	STEP(!setsockopt(c->fd, SOL_SOCKET, SO_RCVLOWAT, &size, sizeof(size)));
	STEP(!epoll_ctl(pair, EPOLL_CTL_ADD, c->fd, &event));
	STEP(!epoll_wait(pair, &event, 1, 0));
	reader_edge = c->snd_nxt + c->wnd;
	for (i = 0; !woken && (int32_t)(reader_edge - c->snd_nxt) >= 1000; i++) {
		reader_send(c, 1000);
		woken = epoll_wait(pair, &event, 1, 0) == 1 && event.events == EPOLLIN;
	}
	tap_note("%d segments, %ld dropped, window %u", i,
		 reader_counter("TCPRcvQDrop") - dropped, c->wnd);
	close(pair);
	return woken;
}

static const struct conn_flow flows[] = {
	{ "the time of what was merged is the last one's", reader_coalesced },
	{ "memory that others hoard", reader_others },
	{ "SO_RCVLOWAT above what finds room", reader_lowat },
};

int main(int argc, char **argv)
{
	reader_open_mem(argv[0]);
	return conn_flows(flows, ARRAY_SIZE(flows), ", timestamps and SACK");
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * The peer of the benchmark: one process with epoll, as servers are built. It
 * listens once for each family, at its port (bench_port()).
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>
#include "bench.h"

struct conn {
	int fd;
	bool listens;
	int flow;		/* -1: the first byte is not there yet */
	int got;		/* bytes of the message so far */
};

static enum bench_peer what;
static char buffer[BENCH_CHUNK * 2];
static int epfd;

static void watch(int fd, bool listens, uint32_t events)
{
	struct conn *conn = calloc(1, sizeof(*conn));
	struct epoll_event ev = { .events = events, .data.ptr = conn };

	conn->fd = fd;
	conn->listens = listens;
	conn->flow = -1;
	if (epoll_ctl(epfd, EPOLL_CTL_ADD, fd, &ev))
		bench_die("epoll_ctl");
}

static void end(struct conn *conn)
{
	close(conn->fd);
	free(conn);
}

/* Returns false when the connection is over. */
static bool take(struct conn *conn)
{
	const char *from = buffer;
	ssize_t n = read(conn->fd, buffer, what == BENCH_ECHO ? BENCH_MESSAGE : sizeof(buffer));

	if (n < 0 && errno == EAGAIN)
		return true;
	if (n <= 0)
		return false;
	if (what == BENCH_ECHO) {
		conn->got += n;
		if (conn->got < BENCH_MESSAGE)
			return true;
		conn->got = 0;
		return write(conn->fd, buffer, BENCH_MESSAGE) == BENCH_MESSAGE;
	}
	if (conn->flow < 0) {
		conn->flow = *from % BENCH_FLOWS;
		n--;
	}
	bench_shared->received[conn->flow] += n;
	return true;
}

static bool give(struct conn *conn)
{
	return write(conn->fd, buffer, BENCH_CHUNK) > 0 || errno == EAGAIN;
}

static void accept_one(struct conn *conn)
{
	int fd = accept4(conn->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd >= 0)
		watch(fd, false, what == BENCH_BOTH ? EPOLLIN | EPOLLOUT : EPOLLIN);
	else if (errno != EAGAIN)
		bench_die("accept");
}

static void serve(struct epoll_event *ev)
{
	struct conn *conn = ev->data.ptr;

	if (conn->listens)
		accept_one(conn);
	else if (((ev->events & ~EPOLLOUT) && !take(conn)) ||
		 ((ev->events & EPOLLOUT) && !give(conn)))
		end(conn);
}

/*
 * Never returns. @ready: where to write a byte when clients may come.
 */
void bench_peer_run(const struct bench_run *run, enum bench_peer peer, int ready)
{
	struct epoll_event events[64];
	int i, n, fd;

	what = peer;
	epfd = epoll_create1(EPOLL_CLOEXEC);
	for (i = 0; i < run->nr_families; i++) {
		fd = bench_socket(&run->families[i]);
		bench_bind(fd, &run->families[i], bench_port(run, &run->families[i]));
		watch(fd, true, EPOLLIN);
	}
	if (write(ready, "", 1) != 1)
		_exit(1);
	for (;;) {
		n = epoll_wait(epfd, events, 64, -1);
		for (i = 0; i < n; i++)
			serve(&events[i]);
	}
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * The client's side of each case of the benchmark.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "bench.h"

static char buffer[BENCH_CHUNK];

static int open_flow(const struct bench_run *run, const struct bench_family *family, char number)
{
	int fd = bench_connect(family, bench_port(run, family));

	if (write(fd, &number, 1) != 1)
		bench_die("write");
	if (fcntl(fd, F_SETFL, O_NONBLOCK))
		bench_die("fcntl");
	return fd;
}

/* ---- bulk ------------------------------------------------------------------------- */
static uint64_t received(int flows)
{
	uint64_t sum = 0;
	int i;

	for (i = 0; i < flows; i++)
		sum += bench_shared->received[i];
	return sum;
}

/* Moves what can be moved on each flow that is ready; returns bytes taken from the peer. */
static uint64_t move(struct pollfd *fds, int flows)
{
	uint64_t taken = 0;
	ssize_t n;
	int i;

	for (i = 0; i < flows; i++) {
		if (fds[i].revents & POLLIN) {
			n = read(fds[i].fd, buffer, sizeof(buffer));
			taken += n > 0 ? n : 0;
		}
		if ((fds[i].revents & POLLOUT) && write(fds[i].fd, buffer, sizeof(buffer)) < 0 &&
		    errno != EAGAIN)
			bench_die("write");
		if (fds[i].revents & (POLLERR | POLLHUP)) {
			errno = ECONNRESET;
			bench_die("flow %d", i);
		}
	}
	return taken;
}

/*
 * Until so much has arrived, or the time is up; returns the bytes that arrived
 * at either end. A tail that neither reads nor writes is left to the clock.
 */
static uint64_t pump(struct pollfd *fds, int flows, uint64_t bytes, double until)
{
	uint64_t taken = 0;
	double now = bench_now();

	while ((!bytes || received(flows) + taken < bytes) && (!until || now < until)) {
		if (poll(fds, flows, until ? (until - now) * 1000 + 1 : -1) < 0)
			bench_die("poll");
		taken += move(fds, flows);
		now = until ? bench_now() : 0;
	}
	return received(flows) + taken;
}

static double jain(const uint64_t *before, int flows)
{
	double sum = 0, squares = 0, x;
	int i;

	for (i = 0; i < flows; i++) {
		x = bench_shared->received[i] - before[i];
		sum += x;
		squares += x * x;
	}
	return squares ? sum * sum / (flows * squares) : 0;
}

/* Through which family goes flow i? */
static const struct bench_family *through(const struct bench_run *run, int i)
{
	return run->mixed ? &run->families[i % run->nr_families] : run->flow;
}

static void stream(struct bench_run *run, short events, int flows)
{
	const char *name = run->mixed ? "mixed" : run->flow->name;
	uint64_t before[BENCH_FLOWS] = {}, skipped = 0, bytes;
	struct pollfd fds[BENCH_FLOWS];
	double start, end;
	int i;

	for (i = 0; i < flows; i++) {
		fds[i].fd = open_flow(run, through(run, i), i);
		fds[i].events = events;
	}
	if (run->skip) {
		skipped = pump(fds, flows, 0, bench_now() + run->skip);
		memcpy(before, (void *)bench_shared->received, sizeof(before));
	}
	bench_mark(true);
	start = bench_now();
	end = run->seconds ? start + run->seconds : 0;
	bytes = pump(fds, flows, run->bytes, end) - skipped;
	bench_result(run, name, "mbit", bytes * 0.000008 / (bench_now() - start));
	bench_mark(false);
	if (flows > 1)
		bench_result(run, name, "jain", jain(before, flows));
	for (i = 0; run->mixed && i < flows; i++)
		bench_result(run, through(run, i)->name, "share",
			     (bench_shared->received[i] - before[i]) / (double)bytes);
	for (i = 0; i < flows; i++)
		close(fds[i].fd);
}

static void bulk(struct bench_run *run)
{
	stream(run, POLLOUT, 1);
}

static void both(struct bench_run *run)
{
	stream(run, POLLOUT | POLLIN, 1);
}

static void flows(struct bench_run *run)
{
	stream(run, POLLOUT, run->count);
}

/* ---- messages ----------------------------------------------------------------------- */
static void exchange(int fd)
{
	ssize_t n, got = 0;

	if (write(fd, buffer, BENCH_MESSAGE) != BENCH_MESSAGE)
		bench_die("write");
	while (got < BENCH_MESSAGE) {
		n = read(fd, buffer, BENCH_MESSAGE);
		if (n <= 0)
			bench_die("read");
		got += n;
	}
}

static void rr(struct bench_run *run)
{
	int fd = bench_connect(run->flow, bench_port(run, run->flow)), i;
	double start;

	for (i = 0; i < 20; i++)
		exchange(fd);
	bench_mark(true);
	start = bench_now();
	for (i = 0; i < run->count; i++)
		exchange(fd);
	bench_result(run, run->flow->name, "ops", run->count / (bench_now() - start));
	bench_mark(false);
	close(fd);
}

static void crr(struct bench_run *run)
{
	double start;
	int i, fd;

	bench_mark(true);
	start = bench_now();
	for (i = 0; i < run->count; i++) {
		fd = bench_connect(run->flow, bench_port(run, run->flow));
		exchange(fd);
		close(fd);
	}
	bench_result(run, run->flow->name, "ops", run->count / (bench_now() - start));
	bench_mark(false);
}

const struct bench_case bench_cases[] = {
	{ "bulk", BENCH_SINK, bulk },
	{ "both", BENCH_BOTH, both },
	{ "flows", BENCH_SINK, flows },
	{ "rr", BENCH_ECHO, rr },
	{ "crr", BENCH_ECHO, crr },
	{}
};

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
/* Is the message answered? */
bool bench_exchange(int fd)
{
	ssize_t n, got = 0;

	if (write(fd, buffer, BENCH_MESSAGE) != BENCH_MESSAGE)
		return false;
	while (got < BENCH_MESSAGE) {
		n = read(fd, buffer, BENCH_MESSAGE);
		if (n <= 0)
			return false;
		got += n;
	}
	return true;
}

static void exchange(int fd)
{
	if (!bench_exchange(fd))
		bench_die("exchange");
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

/* ---- ports -------------------------------------------------------------------------- */
#define FAILURES	20

/* Ends without TIME_WAIT. */
void bench_drop(int fd)
{
	const struct linger linger = { .l_onoff = 1 };

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
	close(fd);
}

static double mean(const double *values, int n)
{
	double sum = 0;
	int i;

	for (i = 0; i < n; i++)
		sum += values[i];
	return n ? sum / n : 0;
}

/* What connect() costs by tenths of the range, from the first port to the last. */
static void fill_result(const struct bench_run *run, const double *cost, int ports)
{
	double first = mean(cost, ports / 10), tenth;
	char metric[16];
	int i;

	for (i = 0; i < 10; i++) {
		tenth = mean(cost + i * (ports / 10), ports / 10);
		snprintf(metric, sizeof(metric), "us_%d", i + 1);
		bench_result(run, run->flow->name, metric, tenth * 1000000);
	}
	bench_result(run, run->flow->name, "last_first", tenth / first);
}

/* Connects until no port is left, and then some times in vain. */
static void fill(struct bench_run *run)
{
	int port = bench_port(run, run->flow), ports = 0, i, fd;
	static double cost[65536], vain[FAILURES];
	static int fds[65536];

	while ((fd = bench_try_connect(run->flow, port, &cost[ports])) >= 0)
		fds[ports++] = fd;
	for (i = 0; i < FAILURES; i++)
		if (bench_try_connect(run->flow, port, &vain[i]) >= 0 || errno != EADDRNOTAVAIL)
			bench_die("connect to a destination without a port");
	fill_result(run, cost, ports);
	bench_result(run, run->flow->name, "ports", ports);
	bench_result(run, run->flow->name, "fail_us", mean(vain, FAILURES) * 1000000);
	bench_result(run, run->flow->name, "fail_first",
		     mean(vain, FAILURES) / mean(cost, ports / 10));
	for (i = 0; i < ports; i++)
		bench_drop(fds[i]);
	run->count = ports;
}

/* A tenth of all; how many a second. */
static double many_tenth(struct bench_run *run, int *failures)
{
	double start = bench_now(), seconds;
	int i, fd;

	for (i = 0; i < run->count / 10; i++) {
		fd = bench_try_connect(run->flow, bench_port(run, run->flow), &seconds);
		if (fd < 0) {
			++*failures;
			continue;
		}
		exchange(fd);
		close(fd);
	}
	return run->count / 10 / (bench_now() - start);
}

/* Connections in a row, each with one exchange, however many ports are in TIME_WAIT. */
static void many(struct bench_run *run)
{
	double first = 0, last = 0;
	int failures = 0, i;

	for (i = 0; i < 10; i++) {
		last = many_tenth(run, &failures);
		if (!i)
			first = last;
	}
	bench_result(run, run->flow->name, "failures", failures);
	bench_result(run, run->flow->name, "ops_first", first);
	bench_result(run, run->flow->name, "ops_last", last);
	bench_result(run, run->flow->name, "last_first", last / first);
}

const struct bench_case bench_cases[] = {
	{ "bulk", BENCH_SINK, bulk },
	{ "both", BENCH_BOTH, both },
	{ "flows", BENCH_SINK, flows },
	{ "rr", BENCH_ECHO, rr },
	{ "crr", BENCH_ECHO, crr },
	{ "fill", BENCH_ECHO, fill },
	{ "many", BENCH_ECHO, many },
	{ "flood", BENCH_ECHO, bench_flood },
	{ "table", BENCH_ECHO, bench_table },
	{}
};

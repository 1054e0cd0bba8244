// SPDX-License-Identifier: GPL-2.0-only
/*
 * A flood of SYNs from 65,536 addresses (10.16.0.0/16), by a packet socket, at a
 * listener that also has honest clients.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include "bench.h"
#include "frames.h"

#define HONEST	51		/* clients, of which the median counts */
#define PACE	20		/* SYNs a millisecond, while honest clients are measured */

static struct frame frames[FRAMES_BURST];
static uint32_t syns;		/* sent so far */

/* The next stranger: all addresses come once, then again from other ports. */
static void stranger(struct frame *f)
{
	f->ip.saddr = htonl(FRAMES_NET + (syns * 40503u & 0xffff));
	f->tcp.source = htons(1024 + syns / 65536 * 7 % 60000);
	f->tcp.seq = htonl(syns * 2654435761u);
	frames_sum(f);
	syns++;
}

/* @n SYNs, at most FRAMES_BURST, in one call. */
static void burst(int fd, int n)
{
	int i;

	for (i = 0; i < n; i++)
		stranger(&frames[i]);
	frames_send(fd, frames, n);
}

static int open_flood(int port, bool foreign)
{
	int i;

	frames_template(&frames[0], port, foreign);
	for (i = 1; i < FRAMES_BURST; i++)
		frames[i] = frames[0];
	return frames_open(0);
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Median microseconds of connect() by honest clients; @served: how many had an answer. */
static double honest(const struct bench_run *run, int *served)
{
	double took[HONEST], start;
	int i, fd;

	*served = 0;
	for (i = 0; i < HONEST; i++) {
		start = bench_now();
		fd = bench_connect(run->flow, bench_port(run, run->flow));
		took[i] = (bench_now() - start) * 1000000;
		*served += bench_exchange(fd);
		close(fd);
		usleep(1000);
	}
	qsort(took, HONEST, sizeof(*took), compare);
	return took[HONEST / 2];
}

/* A process of its own, until it is killed. */
static pid_t keep_flooding(int fd)
{
	pid_t pid = fork();

	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;) {
		burst(fd, PACE);
		usleep(1000);
	}
}

/* Seconds that so many take. */
static double flood(int fd, int n)
{
	double start = bench_now();
	int i;

	for (i = 0; i < n; i += FRAMES_BURST)
		burst(fd, FRAMES_BURST);
	return bench_now() - start;
}

/* What it takes to make them and to throw them away at the host's door. */
static double sender(int port, int n)
{
	int fd = open_flood(port, true);
	double took = flood(fd, n);

	close(fd);
	return took;
}

/*
 * How fast are SYNs worked off, the queue full and cookies on, IP's part and the answer's
 * included, but not the sender? Then: what honest clients notice.
 */
void bench_flood(struct bench_run *run)
{
	int port = bench_port(run, run->flow), n = run->count, served, fd;
	const char *who = run->flow->name;
	double quiet, loud, took;
	pid_t pid;

	n += -n & (FRAMES_BURST - 1);
	syns = 0;
	took = -sender(port, n);
	fd = open_flood(port, false);
	quiet = honest(run, &served);
	flood(fd, 2048);	/* fills the queue */
	bench_mark(true);
	took += flood(fd, n);
	bench_result(run, who, "syns", n / took);
	bench_mark(false);
	pid = keep_flooding(fd);
	loud = honest(run, &served);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	bench_result(run, who, "served", served * 100.0 / HONEST);
	bench_result(run, who, "connect_us", loud);
	bench_result(run, who, "slower", loud / quiet);
	close(fd);
}

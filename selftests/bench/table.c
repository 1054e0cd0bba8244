// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a table that is full of TIME_WAIT buckets and idle connections costs those that are
 * busy. All have their server on the right; their clients are hand-made.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "bench.h"
#include "frames.h"

#define PORT		7100
#define IDLE_SHARE	20	/* a connection for so many buckets */
#define BUSY		64	/* connections whose exchanges are measured: each has its chain */
#define EXCHANGES	1024
#define CONNECTS	256
#define INSTRUCTIONS	500e6	/* a second, where they are time */
#define FRESH		40	/* seconds after which a bucket is told to begin anew */
#define ISS		1000u

static int net_fd, listen_fd;
static struct frame frames[FRAMES_BURST];
static uint32_t answers[FRAMES_BURST];		/* their SYN-ACKs' sequence numbers */
static int idle[BENCH_IDLE], nr_idle;

/* Buckets in bursts, in the order in which they would end. */
static struct ring {
	int burst;
	double born;
} *ring;
static int ring_first, ring_used, ring_size;

/* ---- what is measured ---------------------------------------------------------------- */
/* Instructions of an exchange, both ends. */
static double exchanges(const int *fds)
{
	double start = bench_now();
	int i;

	for (i = 0; i < EXCHANGES; i++)
		if (!bench_exchange(fds[i % BUSY]))
			bench_die("exchange");
	return (bench_now() - start) * INSTRUCTIONS / EXCHANGES;
}

/* Of a connection with one exchange. */
static double connects(const struct bench_run *run)
{
	double start = bench_now();
	int i, fd;

	for (i = 0; i < CONNECTS; i++) {
		fd = bench_connect(run->flow, bench_port(run, run->flow));
		if (!bench_exchange(fd))
			bench_die("exchange");
		close(fd);
	}
	return (bench_now() - start) * INSTRUCTIONS / CONNECTS;
}

/* ---- segments of clients that are not there ------------------------------------------- */
/* Only SYN-ACKs to FRAMES_NET. */
static void hear_synacks(int fd)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 14 + 16),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, FRAMES_NET >> 16, 0, 4),
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 14 + 20 + 13),
		BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0x12),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0x12, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, sizeof(struct frame)),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	struct sock_fprog filter = { sizeof(code) / sizeof(*code), code };

	if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof(filter)))
		bench_die("SO_ATTACH_FILTER");
}

/* A burst of all clients of one number: @ack beyond their SYN-ACKs' numbers. */
static void say(int burst, int flags, uint32_t seq, uint32_t ack)
{
	int i, n;

	for (i = 0; i < FRAMES_BURST; i++) {
		n = burst * FRAMES_BURST + i;
		frames[i].ip.saddr = htonl(FRAMES_NET + (n & 0xffff));
		frames[i].tcp.source = htons(1024 + (n >> 16));
		frames[i].tcp.seq = htonl(seq);
		frames[i].tcp.ack_seq = htonl(answers[i] + ack);
		frames[i].tcp.syn = !!(flags & 2);
		frames[i].tcp.fin = flags & 1;
		frames[i].tcp.ack = !!(flags & 16);
		frames_sum(&frames[i]);
	}
	frames_send(net_fd, frames, FRAMES_BURST);
}

static void hear(int burst)
{
	struct frame f;
	int i, n;

	for (i = 0; i < FRAMES_BURST; i++) {
		if (recv(net_fd, &f, sizeof(f), 0) < (int)offsetof(struct frame, opt))
			bench_die("SYN-ACK");
		n = ntohl(f.ip.daddr) - FRAMES_NET + ((ntohs(f.tcp.dest) - 1024) << 16);
		if (n / FRAMES_BURST != burst) {
			errno = EPROTO;
			bench_die("SYN-ACK for %d", n);
		}
		answers[n % FRAMES_BURST] = ntohl(f.tcp.seq);
	}
}

/* A burst of connections; the server ends them first, or keeps them. */
static void live(int burst, bool stay)
{
	int i, fd;

	say(burst, 2, ISS, 0);
	hear(burst);
	say(burst, 16, ISS + 1, 1);
	for (i = 0; i < FRAMES_BURST; i++) {
		fd = accept(listen_fd, NULL, NULL);
		if (fd < 0)
			bench_die("accept");
		if (stay)
			idle[nr_idle++] = fd;
		else
			close(fd);
	}
	if (!stay)
		say(burst, 17, ISS + 1, 2);
}

static void keep(int burst)
{
	struct ring *r = &ring[(ring_first + ring_used++) % ring_size];

	r->burst = burst;
	r->born = bench_now();
}

/* An ACK at RCV.NXT begins the wait anew and is not answered. */
static void refresh(void)
{
	int burst;

	while (ring_used && bench_now() - ring[ring_first].born > FRESH) {
		burst = ring[ring_first].burst;
		ring_first = (ring_first + 1) % ring_size;
		ring_used--;
		say(burst, 16, ISS + 2, 2);
		keep(burst);
	}
}

static void fill_table(int buckets, int connections)
{
	int burst, all;

	ring_size = buckets / FRAMES_BURST + 1;
	all = ring_size + connections / FRAMES_BURST;
	ring = calloc(ring_size, sizeof(*ring));
	ring_first = 0;
	ring_used = 0;
	nr_idle = 0;
	for (burst = 0; burst < all; burst++) {
		live(burst, burst >= ring_size);
		if (burst < ring_size)
			keep(burst);
		refresh();
	}
}

static void open_mass(const struct bench_run *run)
{
	int i;

	frames_template(&frames[0], PORT, false);
	frames[0].tcp.doff = 5;
	for (i = 1; i < FRAMES_BURST; i++)
		frames[i] = frames[0];
	net_fd = frames_open(htons(ETH_P_IP));
	hear_synacks(net_fd);
	bench_enter("right");
	listen_fd = bench_socket(run->flow);
	bench_bind(listen_fd, run->flow, PORT);
	bench_enter("left");
}

/* ---- how long are the chains? ---------------------------------------------------------- */
/* /proc/net/xtcp_table of the first namespace. */
static void chains(const struct bench_run *run)
{
	double entries, longest, longest_socks, tws;
	FILE *f = fopen("/proc/1/net/xtcp_table", "r");

	if (!f || fscanf(f, "buckets %*u connections requests timewait all "
			 "entries %*u %*u %lf %lf longest %lf %*u %*u %lf",
			 &tws, &entries, &longest_socks, &longest) != 4)
		bench_die("xtcp_table");
	fclose(f);
	bench_result(run, run->flow->name, "timewait", tws);
	bench_result(run, run->flow->name, "entries", entries);
	bench_result(run, run->flow->name, "longest", longest);
	bench_result(run, run->flow->name, "longest_connections", longest_socks);
}

static void result(const struct bench_run *run, const char *what, double empty, double full)
{
	char metric[32];

	snprintf(metric, sizeof(metric), "%s_empty", what);
	bench_result(run, run->flow->name, metric, empty);
	snprintf(metric, sizeof(metric), "%s_full", what);
	bench_result(run, run->flow->name, metric, full);
	snprintf(metric, sizeof(metric), "%s_ratio", what);
	bench_result(run, run->flow->name, metric, full / empty);
}

void bench_table(struct bench_run *run)
{
	double rr, crr;
	int fds[BUSY], i;

	open_mass(run);
	for (i = 0; i < BUSY; i++)
		fds[i] = bench_connect(run->flow, bench_port(run, run->flow));
	exchanges(fds);
	connects(run);
	rr = exchanges(fds);
	crr = connects(run);
	fill_table(run->count, run->count / IDLE_SHARE);
	exchanges(fds);
	result(run, "rr", rr, exchanges(fds));
	result(run, "crr", crr, connects(run));
	if (run->flow->family != AF_INET)
		chains(run);
	for (i = 0; i < nr_idle; i++)
		bench_drop(idle[i]);
	for (i = 0; i < BUSY; i++)
		close(fds[i]);
	close(listen_fd);
	close(net_fd);
	free(ring);
}

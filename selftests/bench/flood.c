// SPDX-License-Identifier: GPL-2.0-only
/*
 * A flood of SYNs from 65,536 addresses (10.16.0.0/16), by a packet socket, at a
 * listener that also has honest clients.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <netpacket/packet.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <linux/if_ether.h>
#include "bench.h"

#define BURST	64
#define HONEST	51		/* clients, of which the median counts */
#define PACE	20		/* SYNs a millisecond, while honest clients are measured */

#ifndef PACKET_QDISC_BYPASS
#define PACKET_QDISC_BYPASS 20
#endif

/* As Linux sends it: MSS, SACK, timestamps, window scale. */
struct frame {
	struct ethhdr eth;
	struct iphdr ip;
	struct tcphdr tcp;
	uint8_t opt[20];
} __attribute__((packed));

static const uint8_t options[20] = {
	2, 4, 1460 >> 8, 1460 & 255, 4, 2, 8, 10, 1, 2, 3, 4, 0, 0, 0, 0, 1, 3, 3, 7,
};

static struct frame frames[BURST];
static struct mmsghdr messages[BURST];
static struct iovec pieces[BURST];
static uint32_t syns;		/* sent so far */

static void mac(const char *netns, uint8_t *to)
{
	struct ifreq ifr = { .ifr_name = "eth0" };
	int fd;

	bench_enter(netns);
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	if (fd < 0 || ioctl(fd, SIOCGIFHWADDR, &ifr))
		bench_die("address of eth0");
	close(fd);
	memcpy(to, ifr.ifr_hwaddr.sa_data, ETH_ALEN);
}

static uint32_t sum(const void *p, size_t bytes, uint32_t s)
{
	uint16_t word;

	for (; bytes > 1; bytes -= 2, p += 2) {
		memcpy(&word, p, 2);
		s += word;
	}
	return s;
}

static uint16_t fold(uint32_t s)
{
	s = (s & 0xffff) + (s >> 16);
	return ~(s + (s >> 16));
}

/* For the host on the right, or, with a foreign address, for its IP to throw away. */
static void template(struct frame *f, int port, bool foreign)
{
	memset(f, 0, sizeof(*f));
	mac("right", f->eth.h_dest);
	f->eth.h_dest[5] ^= foreign;
	mac("left", f->eth.h_source);
	f->eth.h_proto = htons(ETH_P_IP);
	f->ip.version = 4;
	f->ip.ihl = 5;
	f->ip.tot_len = htons(sizeof(*f) - sizeof(f->eth));
	f->ip.ttl = 64;
	f->ip.protocol = IPPROTO_TCP;
	f->ip.daddr = inet_addr("10.9.0.2");
	f->tcp.dest = htons(port);
	f->tcp.doff = (sizeof(f->tcp) + sizeof(f->opt)) / 4;
	f->tcp.syn = 1;
	f->tcp.window = htons(64240);
	memcpy(f->opt, options, sizeof(options));
}

/* The next stranger: all addresses come once, then again from other ports. */
static void stranger(struct frame *f)
{
	const uint32_t pseudo = htonl((IPPROTO_TCP << 16) + sizeof(f->tcp) + sizeof(f->opt));

	f->ip.saddr = htonl(0x0a100000u + (syns * 40503u & 0xffff));
	f->tcp.source = htons(1024 + syns / 65536 * 7 % 60000);
	f->tcp.seq = htonl(syns * 2654435761u);
	f->ip.check = 0;
	f->ip.check = fold(sum(&f->ip, sizeof(f->ip), 0));
	f->tcp.check = 0;
	f->tcp.check = fold(sum(&f->tcp, sizeof(f->tcp) + sizeof(f->opt),
				sum(&f->ip.saddr, 8, sum(&pseudo, sizeof(pseudo), 0))));
	syns++;
}

/* @n SYNs, at most BURST, in one call. */
static void burst(int fd, int n)
{
	int i;

	for (i = 0; i < n; i++)
		stranger(&frames[i]);
	for (i = 0; i < n;) {
		int sent = sendmmsg(fd, messages + i, n - i, 0);

		if (sent <= 0)
			bench_die("sendmmsg");
		i += sent;
	}
}

static int open_flood(int port, bool foreign)
{
	struct sockaddr_ll to = { .sll_family = AF_PACKET };
	int fd, i, one = 1;

	template(&frames[0], port, foreign);
	for (i = 0; i < BURST; i++) {
		frames[i] = frames[0];
		pieces[i] = (struct iovec) { &frames[i], sizeof(frames[i]) };
		messages[i].msg_hdr = (struct msghdr) { .msg_iov = &pieces[i], .msg_iovlen = 1 };
	}
	to.sll_ifindex = if_nametoindex("eth0");
	fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&to, sizeof(to)))
		bench_die("packet socket");
	setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &one, sizeof(one));
	return fd;
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

	for (i = 0; i < n; i += BURST)
		burst(fd, BURST);
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

	n += -n & (BURST - 1);
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

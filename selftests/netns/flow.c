// SPDX-License-Identifier: GPL-2.0-only
/*
 * One bulk flow, and what can be seen of its output: over either TCP.
 *
 *	flow [-f inet|xtcp] [-n BYTES] [-w BYTES] [-r BYTES-PER-SECOND] ADDRESS PORT
 *
 * Sends -n bytes in writes of -w with SO_MAX_PACING_RATE -r. Prints "ms=" from the first
 * write until all is acknowledged, "skb=" and "skbs=", the largest frame that left eth0
 * with data and how many did, "pacing=" and "retrans=" of TCP_INFO.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <linux/sockios.h>
#include <linux/tcp.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "xtcp_test.h"

#define FLOW_HEADERS	(14 + 20 + 60)	/* no frame without data is longer */

static int tap;
static long largest, frames;
static volatile int over;

static void fail(const char *what)
{
	fprintf(stderr, "flow: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* Looks at what leaves, before the device cuts it. */
static void *watch(void *arg)
{
	struct sockaddr_ll from;
	socklen_t len;
	char c;
	long n;

	while (!over) {
		len = sizeof(from);
		n = recvfrom(tap, &c, 1, MSG_TRUNC, (struct sockaddr *)&from, &len);
		if (n <= FLOW_HEADERS || from.sll_pkttype != PACKET_OUTGOING)
			continue;
		if (n > largest)
			largest = n;
		frames++;
	}
	return NULL;
}

static void watch_start(pthread_t *thread)
{
	struct sockaddr_ll on = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL),
				  .sll_ifindex = if_nametoindex("eth0") };
	struct timeval tick = { .tv_usec = 20000 };
	int room = 64 << 20;

	tap = socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL));
	if (tap < 0 || bind(tap, (struct sockaddr *)&on, sizeof(on)))
		fail("packet socket");
	setsockopt(tap, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room));
	setsockopt(tap, SOL_SOCKET, SO_RCVTIMEO, &tick, sizeof(tick));
	if (pthread_create(thread, NULL, watch, NULL))
		fail("thread");
}

static long now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static int open_flow(int family, unsigned int rate, const char *address, const char *port)
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_port = htons(atoi(port)) };
	int fd = socket(family, SOCK_STREAM, 0);

	if (fd < 0)
		fail("socket");
	if (rate && setsockopt(fd, SOL_SOCKET, SO_MAX_PACING_RATE, &rate, sizeof(rate)))
		fail("SO_MAX_PACING_RATE");
	inet_pton(AF_INET, address, &sin.sin_addr);
	if (connect(fd, (struct sockaddr *)&sin, sizeof(sin)))
		fail("connect");
	return fd;
}

static void send_all(int fd, long bytes, size_t size)
{
	char *buf = calloc(1, size);
	ssize_t n;

	while (bytes > 0) {
		n = write(fd, buf, (size_t)bytes < size ? (size_t)bytes : size);
		if (n < 0)
			fail("write");
		bytes -= n;
	}
	free(buf);
}

static void wait_acknowledged(int fd)
{
	int left;

	while (!ioctl(fd, SIOCOUTQ, &left) && left)
		usleep(500);
}

int main(int argc, char **argv)
{
	struct tcp_info info = {};
	socklen_t len = sizeof(info);
	int family = xt_family(), opt, fd;
	unsigned int rate = 0;
	long bytes = 1 << 20, size = 65536, start;
	pthread_t watcher;

	while ((opt = getopt(argc, argv, "f:n:w:r:")) != -1) {
		if (opt == 'f')
			family = strcmp(optarg, "inet") ? AF_XTCP : AF_INET;
		else if (opt == 'n')
			bytes = atol(optarg);
		else if (opt == 'w')
			size = atol(optarg);
		else if (opt == 'r')
			rate = strtoul(optarg, NULL, 0);
		else
			return 2;
	}
	if (argc - optind != 2)
		return 2;
	watch_start(&watcher);
	fd = open_flow(family, rate, argv[optind], argv[optind + 1]);
	start = now_ms();
	send_all(fd, bytes, size);
	wait_acknowledged(fd);
	printf("ms=%ld ", now_ms() - start);
	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len))
		fail("TCP_INFO");
	over = 1;
	pthread_join(watcher, NULL);
	printf("skb=%ld skbs=%ld pacing=%llu retrans=%u\n", largest, frames,
	       (unsigned long long)info.tcpi_pacing_rate, info.tcpi_total_retrans);
	return 0;
}

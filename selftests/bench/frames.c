// SPDX-License-Identifier: GPL-2.0-only
/* Hand-made segments (frames.h): what is the same in all of them, sums, bursts. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <net/if.h>
#include <netpacket/packet.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>
#include "bench.h"
#include "frames.h"

#ifndef PACKET_QDISC_BYPASS
#define PACKET_QDISC_BYPASS 20
#endif

/* MSS, SACK, timestamps, window scale. */
static const uint8_t options[20] = {
	2, 4, 1460 >> 8, 1460 & 255, 4, 2, 8, 10, 1, 2, 3, 4, 0, 0, 0, 0, 1, 3, 3, 7,
};

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
void frames_template(struct frame *f, int port, bool foreign)
{
	memset(f, 0, sizeof(*f));
	mac("right", f->eth.h_dest);
	f->eth.h_dest[5] ^= foreign;
	mac("left", f->eth.h_source);
	f->eth.h_proto = htons(ETH_P_IP);
	f->ip.version = 4;
	f->ip.ihl = 5;
	f->ip.ttl = 64;
	f->ip.protocol = IPPROTO_TCP;
	f->ip.daddr = inet_addr("10.9.0.2");
	f->tcp.dest = htons(port);
	f->tcp.doff = (sizeof(f->tcp) + sizeof(f->opt)) / 4;
	f->tcp.syn = 1;
	f->tcp.window = htons(64240);
	memcpy(f->opt, options, sizeof(options));
}

/* Lengths and sums, when all else is there. */
void frames_sum(struct frame *f)
{
	const uint32_t length = f->tcp.doff * 4;
	const uint32_t pseudo = htonl((IPPROTO_TCP << 16) + length);
	uint32_t addresses = sum(&f->ip.saddr, 8, sum(&pseudo, sizeof(pseudo), 0));

	f->ip.tot_len = htons(sizeof(f->ip) + length);
	f->ip.check = 0;
	f->ip.check = fold(sum(&f->ip, sizeof(f->ip), 0));
	f->tcp.check = 0;
	f->tcp.check = fold(sum(&f->tcp, length, addresses));
}

/* On the left's device; it hears @protocol (network order), 0: nothing. */
int frames_open(int protocol)
{
	struct sockaddr_ll to = { .sll_family = AF_PACKET, .sll_protocol = protocol };
	int fd, one = 1;

	to.sll_ifindex = if_nametoindex("eth0");
	fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&to, sizeof(to)))
		bench_die("packet socket");
	setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &one, sizeof(one));
	return fd;
}

/* @n of them, at most FRAMES_BURST. */
void frames_send(int fd, struct frame *frames, int n)
{
	struct mmsghdr messages[FRAMES_BURST] = {};
	struct iovec pieces[FRAMES_BURST];
	int i, sent;

	for (i = 0; i < n; i++) {
		pieces[i].iov_base = &frames[i];
		pieces[i].iov_len = sizeof(frames[i].eth) + ntohs(frames[i].ip.tot_len);
		messages[i].msg_hdr = (struct msghdr) { .msg_iov = &pieces[i], .msg_iovlen = 1 };
	}
	for (i = 0; i < n; i += sent) {
		sent = sendmmsg(fd, messages + i, n - i, 0);
		if (sent <= 0)
			bench_die("sendmmsg");
	}
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * The tun device in a namespace of its own: segments in and out.
 *
 * A segment written to a tun device is processed before write() returns; a ping
 * written after it is answered after the answers to the segment. So "there was
 * no answer" needs no waiting (tun_barrier()).
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/ip.h>
#include <net/if.h>
#include <net/route.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#include "fsm.h"
#include "xtcp_test.h"

int fsm_family = AF_INET;
bool fsm_trace;

static int tun_fd;
static uint16_t tun_ping_id;

uint64_t fsm_now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000ull + ts.tv_nsec / 1000000;
}

static uint32_t csum_add(uint32_t sum, const void *data, size_t len)
{
	const uint8_t *p = data;

	for (; len > 1; len -= 2, p += 2)
		sum += p[0] << 8 | p[1];
	if (len)
		sum += p[0] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

static uint16_t csum_tcp(uint32_t saddr, uint32_t daddr, const void *tcp, size_t len)
{
	uint32_t sum = (saddr >> 16) + (saddr & 0xffff) + (daddr >> 16) + (daddr & 0xffff);

	return ~csum_add(sum + IPPROTO_TCP + len, tcp, len);
}

static void put16(uint8_t *p, uint16_t v)
{
	p[0] = v >> 8;
	p[1] = v;
}

static void put32(uint8_t *p, uint32_t v)
{
	put16(p, v >> 16);
	put16(p + 2, v);
}

static uint16_t get16(const uint8_t *p)
{
	return p[0] << 8 | p[1];
}

static uint32_t get32(const uint8_t *p)
{
	return (uint32_t)get16(p) << 16 | get16(p + 2);
}

void fsm_sysctl(const char *name, const char *value)
{
	if (!fsm_knob(name, value))
		die("/proc/sys/%s", name);
}

bool fsm_knob(const char *name, const char *value)
{
	char path[128];
	int fd, n = strlen(value);
	bool ok;

	snprintf(path, sizeof(path), "/proc/sys/%s", name);
	fd = open(path, O_WRONLY);
	if (fd < 0)
		return false;
	ok = write(fd, value, n) == n;
	close(fd);
	return ok;
}

/* A knob of the TCP under test. */
void fsm_tcp_knob(const char *name, const char *value)
{
	const char *format = fsm_family == AF_XTCP ? "net/xtcp/%s" : "net/ipv4/tcp_%s";
	char path[64];

	snprintf(path, sizeof(path), format, name);
	fsm_sysctl(path, value);
}

/* A counter of this namespace by the TCP under test; -1: there is none. */
long fsm_counter(const char *group, const char *name)
{
	const char *path = "/proc/self/net/netstat";

	if (fsm_family == AF_XTCP)
		path = "/proc/self/net/xtcp_netstat";
	else if (!strcmp(group, "Tcp"))
		path = "/proc/self/net/snmp";
	return xt_counter_in(path, group, name);
}

static void tun_address(const char *name, uint32_t address)
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(address) };
	struct ifreq ifr = { };
	int s = socket(AF_INET, SOCK_DGRAM, 0);

	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", name);
	if (address) {
		memcpy(&ifr.ifr_addr, &sin, sizeof(sin));
		if (ioctl(s, SIOCSIFADDR, &ifr))
			die("address of %s", name);
		sin.sin_addr.s_addr = htonl(0xffffff00);
		memcpy(&ifr.ifr_netmask, &sin, sizeof(sin));
		if (ioctl(s, SIOCSIFNETMASK, &ifr))
			die("netmask of %s", name);
	}
	ifr.ifr_flags = IFF_UP | IFF_RUNNING;
	if (ioctl(s, SIOCSIFFLAGS, &ifr))
		die("%s up", name);
	close(s);
}

static void tun_device(void)
{
	struct ifreq ifr = { .ifr_name = "tun0", .ifr_flags = IFF_TUN | IFF_NO_PI };

	tun_fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (tun_fd < 0) {
		if (system("modprobe -q tun") == 0 && access("/dev/net/tun", F_OK)) {
			mkdir("/dev/net", 0755);
			mknod("/dev/net/tun", S_IFCHR | 0666, makedev(10, 200));
		}
		tun_fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	}
	if (tun_fd < 0 || ioctl(tun_fd, TUNSETIFF, &ifr))
		die("tun device");
}

/* All on one CPU: then nothing overtakes anything. */
static void tun_pin(void)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(0, &set);
	sched_setaffinity(0, sizeof(set), &set);
}

void tun_open(void)
{
	const char *suffix = strstr(program_invocation_short_name, "_native");
	int s;

	fsm_family = suffix ? AF_INET : xt_family();
	fsm_trace = getenv("FSM_TRACE");
	tun_pin();
	if (unshare(CLONE_NEWNET))
		die("network namespace");
	fsm_knob("net/ipv6/conf/default/disable_ipv6", "1");
	tun_device();
	tun_address("lo", 0);
	tun_address("tun0", FSM_LOCAL);
	s = socket(fsm_family, SOCK_STREAM, 0);
	if (s < 0)
		die("socket of family %d: is the module loaded?", fsm_family);
	close(s);
}

/* Every address is behind the tun device. */
void tun_route_all(void)
{
	struct rtentry rt = { .rt_flags = RTF_UP, .rt_dev = "tun0" };
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	rt.rt_dst.sa_family = AF_INET;
	rt.rt_genmask.sa_family = AF_INET;
	if (fd < 0 || ioctl(fd, SIOCADDRT, &rt))
		die("route");
	close(fd);
}

void tun_send_raw(const void *packet, size_t len)
{
	while (write(tun_fd, packet, len) < 0)
		if (errno != EAGAIN && errno != EINTR && errno != EINVAL)
			die("tun: write of %zu bytes", len);
		else if (errno == EINVAL)
			return;
}

static size_t ip_header(uint8_t *p, uint32_t saddr, uint32_t daddr, uint8_t proto, size_t len)
{
	memset(p, 0, 20);
	p[0] = 0x45;
	put16(p + 2, 20 + len);
	p[6] = 0x40;
	p[8] = 64;
	p[9] = proto;
	put32(p + 12, saddr);
	put32(p + 16, daddr);
	put16(p + 10, ~csum_add(0, p, 20));
	return 20 + len;
}

static void seg_print(const char *dir, const struct seg *seg)
{
	char buf[16];

	tap_note("%s %u>%u %s seq %u ack %u win %u len %u ts %u %u tos %#x", dir, seg->sport,
		 seg->dport, seg_flags(seg->flags, buf), seg->seq, seg->ack, seg->win, seg->len,
		 seg->tsval, seg->tsecr, seg->tos);
}

static size_t seg_options(const struct seg *seg, uint8_t *o)
{
	size_t n = seg->optlen;

	memcpy(o, seg->opt, n);
	if (seg->mss) {
		o[n] = 2;
		o[n + 1] = 4;
		put16(o + n + 2, seg->mss);
		n += 4;
	}
	if (seg->sackok) {
		memcpy(o + n, "\1\1\4\2", 4);
		n += 4;
	}
	if (seg->wscale >= 0 && seg->flags & SYN && seg->sackok) {
		memcpy(o + n, "\1\3\3", 3);
		o[n + 3] = seg->wscale;
		n += 4;
	}
	if (seg->ts) {
		memcpy(o + n, "\1\1\10\12", 4);
		put32(o + n + 4, seg->tsval);
		put32(o + n + 8, seg->tsecr);
		n += 12;
	}
	while (n & 3)
		o[n++] = 0;
	return n;
}

void tun_send(const struct seg *seg)
{
	static uint8_t p[65536];
	uint8_t *t = p + 20;
	size_t hlen;

	if (fsm_trace)
		seg_print(">", seg);
	memset(t, 0, 20);
	put16(t, seg->sport);
	put16(t + 2, seg->dport);
	put32(t + 4, seg->seq);
	put32(t + 8, seg->ack);
	hlen = 20 + seg_options(seg, t + 20);
	put16(t + 12, (hlen / 4) << 12 | (seg->flags & 0x1ff));
	put16(t + 14, seg->win);
	put16(t + 18, seg->urg);
	memcpy(t + hlen, seg->data, seg->len);
	put16(t + 16, csum_tcp(seg->saddr, seg->daddr, t, hlen + seg->len) ^ seg->bad_csum);
	hlen = ip_header(p, seg->saddr, seg->daddr, IPPROTO_TCP, hlen + seg->len);
	if (seg->tos) {
		p[1] = seg->tos;
		put16(p + 10, 0);
		put16(p + 10, ~csum_add(0, p, 20));
	}
	tun_send_raw(p, hlen);
}

/* An ICMP message from the peer that quotes the given packet. */
void tun_icmp(uint8_t type, uint8_t code, uint32_t rest, const void *quote, size_t len)
{
	uint8_t p[1500];

	p[20] = type;
	p[21] = code;
	put16(p + 22, 0);
	put32(p + 24, rest);
	memcpy(p + 28, quote, len);
	put16(p + 22, ~csum_add(0, p + 20, 8 + len));
	tun_send_raw(p, ip_header(p, FSM_PEER, FSM_LOCAL, IPPROTO_ICMP, 8 + len));
}

static void seg_parse_options(struct seg *seg, const uint8_t *o, size_t len)
{
	size_t i = 0, n;
	int b;

	while (i < len && o[i]) {
		if (o[i] == 1) {
			i++;
			continue;
		}
		n = i + 1 < len ? o[i + 1] : 0;
		if (n < 2 || i + n > len)
			return;
		if (o[i] == 2 && n == 4)
			seg->mss = get16(o + i + 2);
		if (o[i] == 3 && n == 3)
			seg->wscale = o[i + 2];
		if (o[i] == 4 && n == 2)
			seg->sackok = true;
		if (o[i] == 5)
			for (b = 0; b < 4 && 2 + 8 * (b + 1) <= (int)n; b++, seg->nsack++) {
				seg->sack[b][0] = get32(o + i + 2 + 8 * b);
				seg->sack[b][1] = get32(o + i + 6 + 8 * b);
			}
		if (o[i] == 8 && n == 10) {
			seg->ts = true;
			seg->tsval = get32(o + i + 2);
			seg->tsecr = get32(o + i + 6);
		}
		i += n;
	}
}

static bool seg_parse(struct seg *seg, const uint8_t *p, size_t len)
{
	const uint8_t *t = p + (p[0] & 15) * 4;
	size_t tlen = get16(p + 2) - (p[0] & 15) * 4, hlen;

	if (len < 40 || p[0] >> 4 != 4 || p[9] != IPPROTO_TCP)
		return false;
	hlen = (t[12] >> 4) * 4;
	memset(seg, 0, offsetof(struct seg, data));
	seg->wscale = -1;
	seg->saddr = get32(p + 12);
	seg->daddr = get32(p + 16);
	seg->sport = get16(t);
	seg->dport = get16(t + 2);
	seg->seq = get32(t + 4);
	seg->ack = get32(t + 8);
	seg->flags = get16(t + 12) & 0x1ff;
	seg->tos = p[1];
	seg->win = get16(t + 14);
	seg->urg = get16(t + 18);
	seg->len = tlen - hlen;
	memcpy(seg->data, t + hlen, seg->len < FSM_PAYLOAD ? seg->len : FSM_PAYLOAD);
	seg->bad_csum = csum_tcp(seg->saddr, seg->daddr, t, tlen);
	seg_parse_options(seg, t + 20, hlen - 20);
	if (fsm_trace)
		seg_print("<", seg);
	return true;
}

static int tun_read(uint8_t *p, size_t size, int timeout_ms)
{
	struct pollfd pfd = { .fd = tun_fd, .events = POLLIN };
	int n = read(tun_fd, p, size);

	if (n < 0 && timeout_ms > 0 && poll(&pfd, 1, timeout_ms) > 0)
		n = read(tun_fd, p, size);
	return n;
}

/* The next TCP segment of whatever connection. */
bool tun_recv(struct seg *seg, int timeout_ms)
{
	static uint8_t p[65536];
	uint64_t end = fsm_now_ms() + timeout_ms;
	int n, left = timeout_ms;

	do {
		n = tun_read(p, sizeof(p), left);
		if (n > 0 && seg_parse(seg, p, n))
			return true;
		left = end - fsm_now_ms();
	} while (n > 0 || left > 0);
	return false;
}

void tun_barrier(void)
{
	uint8_t p[28] = { };

	p[20] = 8;
	put16(p + 24, ++tun_ping_id);
	put16(p + 22, ~csum_add(0, p + 20, 8));
	tun_send_raw(p, ip_header(p, FSM_PEER, FSM_LOCAL, IPPROTO_ICMP, 8));
}

/* The next segment that was sent before the last barrier's answer; false: there is none. */
bool tun_recv_barrier(struct seg *seg)
{
	static uint8_t p[65536];
	int n;

	while ((n = tun_read(p, sizeof(p), 60000)) > 0) {
		if (seg_parse(seg, p, n))
			return true;
		if (n == 28 && p[9] == IPPROTO_ICMP && p[20] == 0 && get16(p + 24) == tun_ping_id)
			return false;
	}
	die("tun: no answer to the ping");
}

const char *seg_flags(uint16_t flags, char *buf)
{
	static const char names[] = "FSRPAUECN";
	char *p = buf;
	int i;

	for (i = 0; i < 9; i++)
		if (flags & 1 << i)
			*p++ = names[i];
	if (p == buf)
		*p++ = '0';
	*p = 0;
	return buf;
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * What does not leave this host: a firewall, a full queue, a slow one or a lost route
 * is in its way. The ends come when the knobs promise, though nothing was on the wire,
 * and nothing is learnt of a path that was not tried. Runs where idle time costs nothing
 * (scripts/vm -i).
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/xtcp.h>
#include "fsm.h"

static struct seg seg;	/* the last one received */
static uint8_t payload[65536];
static uint64_t local_start;
static long local_fails, local_retrans;

/* The firewall drops what a socket sends while it has the mark. */
static void local_firewall(struct conn *c, int mark)
{
	static bool there;

	if (!there && (system("nft add table ip f") ||
		       system("nft 'add chain ip f o { type filter hook output priority 0; }'") ||
		       system("nft add rule ip f o meta mark 1 drop")))
		die("nft");
	there = true;
	if (c && setsockopt(c->fd, SOL_SOCKET, SO_MARK, &mark, sizeof(mark)))
		die("mark");
}

static void local_netlink(struct nlmsghdr *n)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	struct {
		struct nlmsghdr n;
		struct nlmsgerr err;
		char further[256];
	} answer;

	if (fd < 0 || send(fd, n, n->nlmsg_len, 0) < 0 ||
	    recv(fd, &answer, sizeof(answer), 0) < 0 ||
	    answer.n.nlmsg_type != NLMSG_ERROR || answer.err.error)
		die("netlink: %s", strerror(-answer.err.error));
	close(fd);
}

/* Returns the place behind it. */
static struct rtattr *local_attr(struct rtattr *a, int type, const void *data, size_t len)
{
	a->rta_type = type;
	a->rta_len = RTA_LENGTH(len);
	memcpy(RTA_DATA(a), data, len);
	return (struct rtattr *)((char *)a + RTA_ALIGN(a->rta_len));
}

/* The device's queue becomes one of @kind, or is changed; NULL: as it was at first. */
static void local_queue(const char *kind, uint32_t handle, const void *opt, size_t len)
{
	struct {
		struct nlmsghdr n;
		struct tcmsg t;
		char attrs[64];
	} m = {
		.n.nlmsg_type = kind ? RTM_NEWQDISC : RTM_DELQDISC,
		.n.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK |
				 (kind ? NLM_F_CREATE | NLM_F_REPLACE : 0),
		.t = { .tcm_ifindex = if_nametoindex("tun0"), .tcm_parent = TC_H_ROOT,
		       .tcm_handle = handle },
	};
	struct rtattr *a = (struct rtattr *)m.attrs;

	if (kind) {
		a = local_attr(a, TCA_KIND, kind, strlen(kind) + 1);
		a = local_attr(a, TCA_OPTIONS, opt, len);
	}
	m.n.nlmsg_len = (char *)a - (char *)&m;
	local_netlink(&m.n);
}

/* A queue that holds what it gets, or not. */
static void local_plug(int action)
{
	struct tc_plug_qopt opt = { .action = action, .limit = 1 << 20 };

	local_queue("plug", 0x10000, &opt, sizeof(opt));
}

/* A queue that refuses all. */
static void local_refuse(void)
{
	struct tc_fifo_qopt opt = { .limit = 0 };

	local_queue("pfifo", 0x20000, &opt, sizeof(opt));
}

static void local_link(bool up)
{
	struct ifreq ifr = { .ifr_name = "tun0", .ifr_flags = up ? IFF_UP | IFF_RUNNING : 0 };
	int s = socket(AF_INET, SOCK_DGRAM, 0);

	if (s < 0 || ioctl(s, SIOCSIFFLAGS, &ifr))
		die("link");
	close(s);
}

static void local_syn_retries(const char *value)
{
	fsm_sysctl(fsm_family == AF_XTCP ? "net/xtcp/syn_retries" : "net/ipv4/tcp_syn_retries",
		   value);
}

/* From now on nothing leaves. */
static void local_shut(struct conn *c)
{
	local_fails = fsm_counter("TcpExt", "TCPRetransFail");
	local_retrans = fsm_counter("Tcp", "RetransSegs");
	local_start = fsm_now_ms();
	local_firewall(c, 1);
}

static long local_tries(void)
{
	return fsm_counter("TcpExt", "TCPRetransFail") - local_fails;
}

/* Was the end in time, and nothing counted as sent? Native counts what failed, too. */
static bool local_ended(const char *what, bool ok, double from, double to)
{
	double passed = (fsm_now_ms() - local_start) / 1000.0;

	tap_note("%s: %ld tries, %.1f s, promised %.0f to %.0f s", what, local_tries(), passed,
		 from, to);
	return ok && passed >= from && passed <= to &&
	       (fsm_family != AF_XTCP || fsm_counter("Tcp", "RetransSegs") == local_retrans);
}

/* Waits for the socket's error. */
static int local_error(struct conn *c, int limit_s)
{
	struct pollfd pfd = { .fd = c->fd, .events = 0 };
	int error = 0;
	socklen_t len = sizeof(error);

	poll(&pfd, 1, limit_s * 1000);
	getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &len);
	return error;
}

static void local_user_timeout(struct conn *c, unsigned int ms)
{
	setsockopt(c->fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &ms, sizeof(ms));
}

/* A byte is out and not acknowledged, after a round trip of @rtt_ms. */
static bool local_out(struct conn *c, int rtt_ms)
{
	local_firewall(NULL, 0);
	conn_listen(c, 8);
	conn_send(c, SYN, c->iss, 0, 0);
	c->snd_nxt = c->iss + 1;
	STEP(conn_expect(c, SYN | ACK, &seg));
	poll(NULL, 0, rtt_ms);
	conn_send(c, ACK, c->snd_nxt, c->rcv_nxt, 0);
	c->una = c->rcv_nxt;
	STEP(conn_accept(c) && send(c->fd, "x", 1, 0) == 1);
	return conn_expect(c, ACK, &seg) && seg.len == 1;
}

static bool local_syn(struct conn *c)
{
	int error;

	local_firewall(NULL, 0);
	local_syn_retries("6");
	STEP(conn_into(c, P_SYN_SENT));
	local_shut(c);
	error = local_error(c, 600);
	return local_ended("connect()", error == ETIMEDOUT, 120, 140) && local_tries() >= 6;
}

static bool local_crossed(struct conn *c)
{
	int error;

	local_firewall(NULL, 0);
	local_syn_retries("6");
	STEP(conn_into(c, P_SYN_RECV_CROSSED));
	local_shut(c);
	error = local_error(c, 600);
	return local_ended("crossed connect()", error == ETIMEDOUT, 120, 140);
}

static bool local_data(struct conn *c)
{
	int error;

	STEP(local_out(c, 0));
	local_shut(c);
	error = local_error(c, 3000);
	return local_ended("retries2", error == ETIMEDOUT, 900, 1100) && local_tries() >= 14 &&
	       local_tries() <= 20;
}

static bool local_user(struct conn *c)
{
	int error;

	STEP(local_out(c, 0));
	local_user_timeout(c, 30000);
	local_shut(c);
	error = local_error(c, 300);
	return local_ended("TCP_USER_TIMEOUT", error == ETIMEDOUT, 29, 33);
}

static bool local_orphan(struct conn *c)
{
	STEP(local_out(c, 0));
	local_shut(c);
	close(c->fd);
	c->fd = -1;
	while (conn_state(c) != S_CLOSED && fsm_now_ms() - local_start < 300000)
		poll(NULL, 0, 500);
	return local_ended("an orphan", conn_state(c) == S_CLOSED, 90, 115);
}

/* The queue says nothing of the path: twice a second, but not for ever. */
static bool local_full_queue(struct conn *c)
{
	long tries;
	int error;

	STEP(local_out(c, 0));
	local_user_timeout(c, 30000);
	local_shut(c);
	local_firewall(c, 0);
	local_refuse();
	error = local_error(c, 300);
	tries = local_tries();
	local_queue(NULL, 0, NULL, 0);
	return local_ended("a full queue", error == ETIMEDOUT, 29, 33) && tries >= 50 &&
	       tries <= 70;
}

static bool local_no_route(struct conn *c)
{
	int error;

	STEP(local_out(c, 0));
	local_shut(c);
	local_link(false);
	error = local_error(c, 3000);
	local_link(true);
	tap_note("%s", strerror(error));
	return local_ended("no route", error, 900, 1100);
}

static bool local_plugged(struct conn *c)
{
	struct tcp_info info;
	socklen_t len = sizeof(info);
	uint32_t again = 0;

	c->mss = 1000;
	c->my_win = 65535;
	STEP(conn_passive(c));
	local_plug(TCQ_PLUG_BUFFER);
	STEP(send(c->fd, payload, sizeof(payload), MSG_DONTWAIT) > 30000);
	poll(NULL, 0, 2000);
	STEP(!tun_recv(&seg, 0));
	local_plug(TCQ_PLUG_RELEASE_INDEFINITE);
	tun_barrier();
	while (tun_recv_barrier(&seg)) {
		if (!conn_ours(c, &seg))
			continue;
		again += seg.seq != c->rcv_nxt;
		conn_note(c, &seg);
	}
	conn_sack(c, c->rcv_nxt, 0, 0);
	STEP(!getsockopt(c->fd, IPPROTO_TCP, TCP_INFO, &info, &len));
	tap_note("%u again, cwnd %u, ssthresh %u, state %u", again, info.tcpi_snd_cwnd,
		 info.tcpi_snd_ssthresh, info.tcpi_ca_state);
	STEP(again <= 3 && info.tcpi_snd_ssthresh >= 5);
	return !c->ts || (info.tcpi_snd_cwnd >= 10 && info.tcpi_snd_ssthresh > 100 &&
			  !info.tcpi_ca_state);
}

/*
 * What waits in a queue of ours is not lost. Timeouts meanwhile are one reduction, which
 * timestamps show to be needless; without them it stays.
 */
static bool local_slow_queue(struct conn *c)
{
	bool ok;

	local_plug(TCQ_PLUG_BUFFER);	/* made, which is all that happens */
	local_plug(TCQ_PLUG_RELEASE_INDEFINITE);
	ok = local_plugged(c);
	local_queue(NULL, 0, NULL, 0);
	return ok;
}

/* The ACK of what left is no answer to a try that did not, just before. */
static bool local_round_trip(struct conn *c)
{
	struct tcp_info before, after;
	socklen_t len = sizeof(before);

	STEP(local_out(c, 100));
	STEP(!getsockopt(c->fd, IPPROTO_TCP, TCP_INFO, &before, &len));
	local_shut(c);
	while (!local_tries() && fsm_now_ms() - local_start < 10000)
		poll(NULL, 0, 1);
	conn_sack(c, c->rcv_nxt, 0, 0);
	STEP(!getsockopt(c->fd, IPPROTO_TCP, TCP_INFO, &after, &len));
	tap_note("RTT %u, then %u us", before.tcpi_rtt, after.tcpi_rtt);
	return after.tcpi_unacked == 0 && before.tcpi_rtt > 95000 &&
	       after.tcpi_rtt >= before.tcpi_rtt - 2000;
}

/* A handshake that was late begins with the first window, as if nothing had been tried. */
static bool local_first_window(struct conn *c)
{
	struct tcp_info info;
	socklen_t len = sizeof(info);

	local_firewall(NULL, 0);
	STEP(conn_into(c, P_SYN_SENT));
	local_shut(c);
	while (!local_tries() && fsm_now_ms() - local_start < 10000)
		poll(NULL, 0, 10);
	local_firewall(c, 0);
	conn_send(c, SYN | ACK, c->iss, c->rcv_nxt, 0);
	c->snd_nxt = c->iss + 1;
	STEP(conn_expect(c, ACK, &seg));
	STEP(!getsockopt(c->fd, IPPROTO_TCP, TCP_INFO, &info, &len));
	tap_note("cwnd %u", info.tcpi_snd_cwnd);
	return info.tcpi_snd_cwnd >= 10;
}

static const struct conn_flow flows[] = {
	{ "a firewall before connect()'s SYN", local_syn },
	{ "a firewall before a SYN-ACK of crossed SYNs", local_crossed },
	{ "a firewall before data", local_data },
	{ "a firewall before data, with TCP_USER_TIMEOUT", local_user },
	{ "a firewall before an orphan's data", local_orphan },
	{ "a full queue before data, with TCP_USER_TIMEOUT", local_full_queue },
	{ "a lost route", local_no_route },
	{ "a slow queue is no loss", local_slow_queue },
	{ "a failed try takes no round trip's time", local_round_trip },
	{ "a failed try leaves the first window", local_first_window },
};

int main(void)
{
	return conn_flows(flows, ARRAY_SIZE(flows), ", timestamps and SACK");
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a cookie remembers of the SYN: MSS in steps, and by its timestamp window scale,
 * SACK and ECN. Over both TCPs, whose steps differ.
 */
#include <net/if.h>
#include <sys/ioctl.h>

#include "passive_test.h"

static struct seg seg;

/* What the SYN offers. */
struct offer {
	const char *name;
	bool ts, sack, ecn;
	int8_t wscale;
};

static const struct offer offers[] = {
	{ "all, shift 7", true, true, true, 7 },
	{ "shift 14", true, false, false, 14 },
	{ "shift 0", true, false, false, 0 },
	{ "SACK", true, true, false, -1 },
	{ "ECN", true, false, true, -1 },
	{ "timestamps only", true, false, false, -1 },
	{ "all but timestamps", false, true, true, 7 },
};

static void set_mtu(int mtu)
{
	struct ifreq ifr = { .ifr_name = "tun0", .ifr_mtu = mtu };
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	if (fd < 0 || ioctl(fd, SIOCSIFMTU, &ifr))
		die("MTU");
	close(fd);
}

static bool syn(struct conn *c, const struct offer *o)
{
	conn_seg(c, &seg, SYN | (o->ecn ? ECE | CWR : 0), c->iss, 0);
	seg.ts = o->ts;
	seg.tsval = c->tsval;
	seg.sackok = o->sack;
	seg.wscale = -1;
	if (o->wscale >= 0) {
		memcpy(seg.opt, (uint8_t []) { 1, 3, 3, o->wscale }, 4);
		seg.optlen = 4;
	}
	tun_send(&seg);
	c->snd_nxt = c->iss + 1;
	return answer(c, &seg) && (seg.flags & ~ECE) == (SYN | ACK);
}

/* The child that the ACK makes. */
static struct tcp_info child(struct conn *c)
{
	struct tcp_info info = { };
	socklen_t len = sizeof(info);
	int fd;

	send_ack(c);
	fd = accept(c->lfd, NULL, NULL);
	if (fd >= 0)
		getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len);
	drop(fd);
	return info;
}

static void test_options(const struct offer *o)
{
	const int all = TCPI_OPT_TIMESTAMPS | TCPI_OPT_SACK | TCPI_OPT_WSCALE | TCPI_OPT_ECN;
	int want = 0, shift = 0;
	struct tcp_info info;
	struct conn c;
	bool ok;

	if (o->ts) {
		want = TCPI_OPT_TIMESTAMPS | (o->sack ? TCPI_OPT_SACK : 0) |
		       (o->ecn ? TCPI_OPT_ECN : 0) | (o->wscale >= 0 ? TCPI_OPT_WSCALE : 0);
		shift = o->wscale >= 0 ? o->wscale : 0;
	}
	conn_init(&c, fsm_family, true);
	conn_listen(&c, 8);
	ok = syn(&c, o) && seg.ts == o->ts && seg.sackok == (o->ts && o->sack) &&
	     (seg.wscale >= 0) == (o->ts && o->wscale >= 0) &&
	     !(seg.flags & ECE) == !(o->ts && o->ecn);
	info = child(&c);
	if ((info.tcpi_options & all) != want || info.tcpi_snd_wscale != shift)
		tap_note("options %x shift %u", info.tcpi_options, info.tcpi_snd_wscale);
	tap_ok(ok && (info.tcpi_options & all) == want && info.tcpi_snd_wscale == shift,
	       "%s: granted and remembered, or neither", o->name);
	conn_kill(&c);
}

/* The largest step that is not above. */
static int step(int mss)
{
	static const int ours[] = { 216, 536, 1220, 1340, 1380, 1440, 1460, 8940 };
	static const int natives[] = { 536, 1300, 1440, 1460 };
	const int *steps = fsm_family == AF_XTCP ? ours : natives;
	int i = fsm_family == AF_XTCP ? 7 : 3;

	while (i && steps[i] > mss)
		i--;
	return steps[i];
}

static void test_mss(void)
{
	static const int announced[] = {
		216, 535, 536, 1219, 1220, 1339, 1340, 1379, 1380, 1439, 1440, 1459, 1460, 8939,
		8940, 65535,
	};
	const struct offer none = { .wscale = -1 };
	struct tcp_info info;
	struct conn c;
	bool ok = true;
	unsigned int i;

	set_mtu(9000);
	for (i = 0; i < sizeof(announced) / sizeof(*announced); i++) {
		conn_init(&c, fsm_family, false);
		c.mss = announced[i];
		conn_listen(&c, 8);
		ok &= syn(&c, &none);
		info = child(&c);
		if (info.tcpi_snd_mss != step(announced[i])) {
			tap_note("%d announced, %u kept", announced[i], info.tcpi_snd_mss);
			ok = false;
		}
		conn_kill(&c);
	}
	set_mtu(1500);
	tap_ok(ok, "the MSS, rounded down to a step");
}

/* Both sides have said as much, both have said goodbye, and the server is without state. */
static void talk_and_close(struct conn *c, uint16_t len)
{
	char buf[256];

	c->fd = accept(c->lfd, NULL, NULL);
	if (c->fd < 0)
		die("accept");
	if (len) {
		conn_send(c, ACK | PSH, c->snd_nxt, c->rcv_nxt, len);
		c->snd_nxt += len;
		if (recv(c->fd, buf, len, MSG_WAITALL) != len || send(c->fd, buf, len, 0) != len)
			die("talk");
		answer(c, &seg);
		send_ack(c);
	}
	conn_send(c, ACK | FIN, c->snd_nxt, c->rcv_nxt, 0);
	c->snd_nxt++;
	answer(c, &seg);
	close(c->fd);
	c->fd = -1;
	answer(c, &seg);
	send_ack(c);
	tun_barrier();
}

static bool nobody_waits(struct conn *c)
{
	struct pollfd p = { .fd = c->lfd, .events = POLLIN };

	return poll(&p, 1, 0) == 0;
}

static bool over(struct conn *c, uint16_t len)
{
	const struct offer all = { .ts = true, .sack = true, .wscale = 7 };
	bool ok;

	conn_init(c, fsm_family, true);
	conn_listen(c, 8);
	ok = syn(c, &all);
	send_ack(c);
	talk_and_close(c, len);
	return ok;
}

/*
 * A segment of the connection comes once more when it is over and forgotten. Both numbers
 * have moved by the same since the handshake, so what codes only their distance would be right
 * again (native TCP's cookies are): a connection that never was, which may be told old data.
 */
static void test_late(const char *name, uint16_t len)
{
	long before, failed;
	struct conn c;
	bool ok;

	fsm_tcp_knob("max_tw_buckets", "0");
	ok = over(&c, len);
	fsm_tcp_knob("max_tw_buckets", "16384");
	before = fsm_counter("TcpExt", "SyncookiesRecv");
	failed = fsm_counter("TcpExt", "SyncookiesFailed");
	conn_send(&c, ACK, c.snd_nxt, c.rcv_nxt, len);
	ok &= answered(&c, RST) & nobody_waits(&c);
	tap_ok(ok && counted("TcpExt", "SyncookiesRecv", before, 0) &&
	       counted("TcpExt", "SyncookiesFailed", failed, 1), "late: %s is no cookie", name);
	conn_kill(&c);
}

/* The segment that brought the cookie comes once more: TIME_WAIT keeps it from the listener. */
static void test_first(void)
{
	const uint16_t len = 64;
	struct conn c;
	long before;
	bool ok;

	ok = over(&c, len);
	before = fsm_counter("TcpExt", "SyncookiesRecv");
	conn_send(&c, ACK | PSH, c.iss + 1, c.rcv_nxt - 1 - len, len);
	ok &= answered(&c, ACK) & nobody_waits(&c);
	tap_ok(ok && counted("TcpExt", "SyncookiesRecv", before, 0),
	       "late: the first data meet TIME_WAIT, though the peer closed first");
	conn_kill(&c);
}

int main(void)
{
	unsigned int i;
	bool xtcp;

	tun_open();
	xtcp = fsm_family == AF_XTCP;
	tap_plan(sizeof(offers) / sizeof(*offers) + 1 + (xtcp ? 3 : 0));
	fsm_tcp_knob("syncookies", "2");
	for (i = 0; i < sizeof(offers) / sizeof(*offers); i++)
		test_options(&offers[i]);
	test_mss();
	if (xtcp) {
		test_late("the last ACK", 0);
		test_late("data", 64);
		test_first();
	}
	fsm_tcp_knob("syncookies", "1");
	return tap_done();
}

// SPDX-License-Identifier: GPL-2.0-only
/* A flood of SYNs from few prefixes leaves room in the SYN queue for others. */
#include <net/if.h>

#include "passive_test.h"

#define BACKLOG		64
#define SYNS		300
#define OTHERS		8	/* prefixes; one in 256 shares its cell with a flood */
#define LUCKY		6

static struct seg seg;
static struct conn flood[SYNS];

static void from(struct conn *c, const struct conn *l, unsigned int prefix, unsigned int host)
{
	client(c, l);
	c->raddr = 0x0a000000u + (prefix << 8) + host;
}

/* SYNs by turns from so many prefixes; how many of them are remembered? */
static int flood_from(const struct conn *l, unsigned int prefixes)
{
	int i, n = 0;

	for (i = 0; i < SYNS; i++) {
		from(&flood[i], l, i % prefixes, 1 + i / prefixes % 250);
		syn_answered(&flood[i]);
	}
	for (i = 0; i < SYNS; i++)
		n += conn_state(&flood[i]) == S_SYN_RECV;
	tap_note("%u prefixes: %d remembered", prefixes, n);
	return n;
}

/* Of clients from as many prefixes, how many are remembered; @half: the last one. */
static int others(const struct conn *l, unsigned int first, struct conn *half)
{
	int i, n = 0;

	for (i = 0; i < OTHERS; i++) {
		from(half, l, first + i, 1);
		n += syn_answered(half) && conn_state(half) == S_SYN_RECV;
	}
	return n;
}

static void start(struct conn *l)
{
	conn_init(l, fsm_family, true);
	conn_listen(l, BACKLOG);
}

static void test_one_prefix(void)
{
	long full = fsm_counter("XTcp", "SynShareFull");
	long cookies = fsm_counter("TcpExt", "SyncookiesSent");
	struct conn l, c;
	int n, i;

	start(&l);
	n = flood_from(&l, 1);
	tap_ok(n == (BACKLOG + 2) / 2, "a prefix gets half of the queue");
	tap_ok(counted("XTcp", "SynShareFull", full, SYNS - n) &&
	       counted("TcpExt", "SyncookiesSent", cookies, SYNS - n), "for the rest a cookie each");
	tap_ok(others(&l, 100, &c) >= LUCKY, "and others are remembered");
	for (i = 0; i < SYNS; i++)
		conn_send(&flood[i], RST, flood[i].snd_nxt, 0, 0);
	from(&c, &l, 0, 251);
	tap_ok(syn_answered(&c) && conn_state(&c) == S_SYN_RECV,
	       "the share is given back with the requests");
	conn_kill(&l);
}

static void test_few_prefixes(void)
{
	struct conn l, c;
	int n;

	start(&l);
	n = flood_from(&l, 4);
	tap_ok(n >= 48 && n <= 56, "four prefixes get a fifth each");
	tap_ok(others(&l, 100, &c) >= LUCKY, "and others are remembered");
	conn_kill(&l);
}

static void test_without_cookies(void)
{
	struct conn l, c;
	int n;

	fsm_tcp_knob("syncookies", "0");
	start(&l);
	n = flood_from(&l, 1);
	from(&c, &l, 0, 251);
	tap_ok(n == (BACKLOG + 2) / 2 && !send_syn(&c, &seg),
	       "without cookies a prefix that has its share is not answered");
	n = others(&l, 100, &c);
	send_ack(&c);
	tap_ok(n >= LUCKY, "and others are served");
	conn_kill(&l);
	fsm_tcp_knob("syncookies", "1");
}

static void test_off(void)
{
	struct conn l, c;

	fsm_tcp_knob("syn_prefix_share", "0");
	start(&l);
	tap_ok(flood_from(&l, 1) == BACKLOG + 1 && !others(&l, 100, &c),
	       "syn_prefix_share 0: a prefix may have it all");
	conn_kill(&l);
	fsm_tcp_knob("syn_prefix_share", "50");
	start(&l);
	tap_ok(flood_from(&l, 1) == 22, "syn_prefix_share 50: a third");
	conn_kill(&l);
	fsm_tcp_knob("syn_prefix_share", "100");
}

/* Three quarters of max_syn_backlog, whatever listen() asked for. */
static void test_max_syn_backlog(void)
{
	struct conn l;

	fsm_tcp_knob("syncookies", "0");
	fsm_tcp_knob("max_syn_backlog", "16");
	start(&l);
	tap_ok(flood_from(&l, 250) == 13, "max_syn_backlog limits where there are no cookies");
	conn_kill(&l);
	fsm_tcp_knob("syncookies", "1");
	start(&l);
	tap_ok(flood_from(&l, 250) > 16, "and only there");
	conn_kill(&l);
	fsm_tcp_knob("max_syn_backlog", "4096");
}

int main(void)
{
	tun_open();
	tun_route_all();
	fsm_tcp_knob("max_syn_backlog", "4096");
	tap_plan(12);
	test_one_prefix();
	test_few_prefixes();
	test_without_cookies();
	test_off();
	test_max_syn_backlog();
	return tap_done();
}

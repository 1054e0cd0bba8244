// SPDX-License-Identifier: GPL-2.0-only
/* SO_REUSEPORT: who of the group gets a connection, and who inherits it. */
#include <arpa/inet.h>

#include "passive_test.h"

#define CLIENTS	64

static struct conn c[CLIENTS];
static struct conn a, b;	/* the group; lfd of the one, and of the other */

static int group_listen(uint16_t port)
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_port = htons(port),
				   .sin_addr.s_addr = htonl(FSM_LOCAL) };
	int fd = socket(fsm_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), on = 1;

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) ||
	    bind(fd, (struct sockaddr *)&sin, sizeof(sin)) || listen(fd, CLIENTS))
		die("listen");
	return fd;
}

static void start(void)
{
	conn_init(&a, fsm_family, true);
	b = a;
	a.lfd = group_listen(a.lport);
	b.lfd = group_listen(a.lport);
}

static void stop(struct conn *l)
{
	if (l->lfd >= 0)
		close(l->lfd);
	l->lfd = -1;
}

static void set_cpu(const struct conn *l, int cpu)
{
	if (setsockopt(l->lfd, SOL_SOCKET, SO_INCOMING_CPU, &cpu, sizeof(cpu)))
		die("SO_INCOMING_CPU");
}

static int accepted(const struct conn *l)
{
	int n = 0, fd;

	while ((fd = accept(l->lfd, NULL, NULL)) >= 0) {
		drop(fd);
		n++;
	}
	return n;
}

static bool readable(const struct conn *l)
{
	struct pollfd pfd = { .fd = l->lfd, .events = POLLIN };

	return poll(&pfd, 1, 0) == 1;
}

/* So many clients connect; which share of them has @a? -1: not all were served. */
static int share(void)
{
	int i, n, m;

	for (i = 0; i < CLIENTS; i++) {
		client(&c[i], &a);
		if (syn_answered(&c[i]))
			send_ack(&c[i]);
	}
	tun_barrier();
	n = accepted(&a);
	m = accepted(&b);
	tap_note("%d and %d", n, m);
	return n + m == CLIENTS ? n : -1;
}

static void test_choice(void)
{
	int n;

	start();
	n = share();
	tap_ok(n >= CLIENTS / 4 && n <= CLIENTS * 3 / 4, "both have their share");
	set_cpu(&a, 0);
	set_cpu(&b, 1);
	tap_ok(share() == CLIENTS, "SO_INCOMING_CPU: the one of this CPU has all");
	set_cpu(&a, 1);
	set_cpu(&b, 0);
	tap_ok(share() == 0, "and when they swap, the other");
	set_cpu(&b, 1);
	n = share();
	tap_ok(n >= CLIENTS / 4 && n <= CLIENTS * 3 / 4, "without one of this CPU, both again");
	stop(&a);
	stop(&b);
}

static void test_cookie(void)
{
	fsm_tcp_knob("syncookies", "2");
	start();
	set_cpu(&a, 0);
	client(&c[0], &a);
	tap_ok(syn_answered(&c[0]), "a cookie");
	stop(&a);
	send_ack(&c[0]);
	tap_ok(silent(&c[0]) && accepted(&b) == 1, "is good with the other of the group");
	stop(&b);
	fsm_tcp_knob("syncookies", "1");
}

/* Three with @a: half-open, connected, connected with data. */
static bool wait_three(void)
{
	bool ok;
	int i;

	start();
	set_cpu(&a, 0);
	for (i = 0; i < 3; i++)
		client(&c[i], &a);
	ok = syn_answered(&c[0]) && syn_answered(&c[1]) && syn_answered(&c[2]);
	send_ack(&c[1]);
	conn_send(&c[2], ACK | PSH, c[2].snd_nxt, c[2].rcv_nxt, 10);
	return ok && answered(&c[2], ACK) && readable(&a) && !readable(&b);
}

static void test_without(void)
{
	bool ok = wait_three();

	stop(&a);
	tap_ok(ok && answered(&c[1], RST | ACK), "migrate_req 0: who waited hears a RST");
	send_ack(&c[0]);
	tap_ok(answered(&c[0], RST) && !readable(&b), "the half-open is gone");
	stop(&b);
}

static void test_with(void)
{
	long success = fsm_counter("TcpExt", "TCPMigrateReqSuccess");
	char data[16];
	bool ok;
	int fd;

	fsm_tcp_knob("migrate_req", "1");
	ok = wait_three();
	stop(&a);
	tap_ok(ok && silent(&c[1]) && readable(&b),
	       "migrate_req 1: who waited for accept() waits with the other, and wakes it");
	tap_ok(counted("TcpExt", "TCPMigrateReqSuccess", success, 3), "counted");
	drop(accept(b.lfd, NULL, NULL));
	fd = accept(b.lfd, NULL, NULL);
	tap_ok(recv(fd, data, sizeof(data), MSG_DONTWAIT) == 10, "its data came along");
	drop(fd);
	ok = conn_state(&c[0]) == S_SYN_RECV && !readable(&b);
	send_ack(&c[0]);
	tap_ok(ok && silent(&c[0]) && accepted(&b) == 1, "the half-open becomes the other's child");
	stop(&b);
}

/* The heir's copy is whole: timer, table. */
static void test_timer(void)
{
	struct seg seg;
	long killed;
	bool ok;

	start();
	set_cpu(&a, 0);
	client(&c[0], &a);
	ok = syn_answered(&c[0]);
	stop(&a);
	tap_ok(ok && conn_expect(&c[0], SYN | ACK, &seg), "whose SYN-ACK is repeated");
	killed = fsm_counter("TcpExt", "EmbryonicRsts");
	conn_send(&c[0], RST, c[0].snd_nxt, 0, 0);
	ok = silent(&c[0]) && conn_state(&c[0]) == S_CLOSED;
	tap_ok(ok && counted("TcpExt", "EmbryonicRsts", killed, 1), "and which a RST ends");
	stop(&b);
}

static void test_last(void)
{
	long failure = fsm_counter("TcpExt", "TCPMigrateReqFailure");
	bool ok = wait_three();

	stop(&b);
	stop(&a);
	ok &= answered(&c[1], RST | ACK) && counted("TcpExt", "TCPMigrateReqFailure", failure, 3);
	tap_ok(ok, "nobody is left: a RST, counted");
	fsm_tcp_knob("migrate_req", "0");
}

int main(void)
{
	tun_open();
	tap_plan(15);
	test_choice();
	test_cookie();
	test_without();
	test_with();
	test_timer();
	test_last();
	return tap_done();
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * Two processors with segments, and system calls, for one 4-tuple at the same time:
 * a request becomes one child or none, a TIME_WAIT bucket gives way once, and nothing
 * is left behind. Over both TCPs.
 */
#define _GNU_SOURCE
#include <sched.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "passive_test.h"
#include "xtcp_test.h"

struct shared {
	atomic_int go, done;	/* number of the round */
	struct conn c;
};

static struct shared *sh;
static struct seg seg;

/* What the other processor sends, or the first when the other has its part. */
enum act {
	A_ACK, A_DATA, A_FIN, A_RST, A_SYN, A_NEW_SYN, A_OLD_FIN, A_SHUT_LISTENER, A_ACCEPT, ACTS
};

static void act(struct conn *c, enum act what)
{
	switch (what) {
	case A_ACK:
		conn_send(c, ACK, c->snd_nxt, c->rcv_nxt, 0);
		break;
	case A_DATA:
		conn_send(c, ACK | PSH, c->snd_nxt, c->rcv_nxt, 10);
		break;
	case A_FIN:
		conn_send(c, FIN | ACK, c->snd_nxt, c->rcv_nxt, 0);
		break;
	case A_RST:
		conn_send(c, RST, c->snd_nxt, 0, 0);
		break;
	case A_SYN:
		conn_send(c, SYN, c->iss, 0, 0);
		break;
	case A_NEW_SYN:
		conn_send(c, SYN, c->snd_nxt + 1000, 0, 0);
		break;
	case A_OLD_FIN:
		conn_send(c, FIN | ACK, c->snd_nxt - 1, c->rcv_nxt, 0);
		break;
	case A_SHUT_LISTENER:
		shutdown(c->lfd, SHUT_RD);
		break;
	case A_ACCEPT:
		drop(accept(c->lfd, NULL, NULL));
		break;
	case ACTS:
		break;
	}
}

static const struct race {
	const char *name;
	enum fsm_place place;
	enum act here, there;
} races[] = {
	{ "ACK, ACK", P_SYN_RECV, A_ACK, A_ACK },
	{ "ACK, data", P_SYN_RECV, A_ACK, A_DATA },
	{ "data, FIN", P_SYN_RECV, A_DATA, A_FIN },
	{ "ACK, RST", P_SYN_RECV, A_ACK, A_RST },
	{ "ACK, SYN again", P_SYN_RECV, A_ACK, A_SYN },
	{ "ACK, the listener ends", P_SYN_RECV, A_SHUT_LISTENER, A_ACK },
	{ "data, the listener ends", P_SYN_RECV, A_SHUT_LISTENER, A_DATA },
	{ "SYN, SYN", P_LISTEN, A_SYN, A_SYN },
	{ "SYN, the listener ends", P_LISTEN, A_SHUT_LISTENER, A_SYN },
	{ "accept(), RST", P_SYN_RECV, A_ACCEPT, A_RST },
	{ "accept(), data", P_SYN_RECV, A_ACCEPT, A_DATA },
	{ "into TIME_WAIT, new SYN", P_CLOSING, A_ACK, A_NEW_SYN },
	{ "TIME_WAIT: new SYN, new SYN", P_TIME_WAIT, A_NEW_SYN, A_NEW_SYN },
	{ "TIME_WAIT: new SYN, RST", P_TIME_WAIT, A_NEW_SYN, A_RST },
	{ "TIME_WAIT: new SYN, FIN again", P_TIME_WAIT, A_NEW_SYN, A_OLD_FIN },
};

static const unsigned int n_races = sizeof(races) / sizeof(*races);

static void pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	sched_setaffinity(0, sizeof(set), &set);
}

/* Segments only: the sockets are the parent's. */
static void other(const struct race *r, int rounds)
{
	static struct conn c;
	int i;

	pin(1);
	for (i = 1; i <= rounds; i++) {
		while (atomic_load(&sh->go) < i)
			sched_yield();
		c = sh->c;
		act(&c, r->there);
		atomic_store(&sh->done, i);
	}
	_exit(0);
}

/* Everything on its way is processed; nothing is read. */
static void settle(void)
{
	tun_barrier();
	while (tun_recv_barrier(&seg))
		;
}

static bool one_round(const struct race *r, int i)
{
	static struct conn c;
	bool ok;

	conn_init(&c, fsm_family, true);
	ok = conn_into(&c, r->place);
	sh->c = c;
	atomic_store(&sh->go, i);
	act(&c, r->here);
	while (atomic_load(&sh->done) < i)
		sched_yield();
	settle();
	while (c.lfd >= 0 && (c.fd < 0 || c.accepted)) {
		int fd = accept4(c.lfd, NULL, NULL, SOCK_NONBLOCK);

		if (fd < 0)
			break;
		drop(fd);
	}
	drop(c.fd);
	close(c.lfd);
	settle();
	return ok;
}

/* Sockets and half-open requests of the namespace, TIME_WAIT aside. */
static int left_over(void)
{
	FILE *f = fopen(fsm_family == AF_XTCP ? "/proc/self/net/xtcp" : "/proc/self/net/tcp", "r");
	unsigned int st;
	char line[256];
	int n = 0;

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "%*d: %*8X:%*4X %*8X:%*4X %2X", &st) == 1 && st != S_TIME_WAIT)
			n++;
	if (f)
		fclose(f);
	return n;
}

static bool nothing_left(void)
{
	uint64_t end = fsm_now_ms() + 60000;

	while (left_over() && fsm_now_ms() < end)
		nap_ms(100);
	if (!left_over())
		return true;
	tap_note("%d sockets are left", left_over());
	return false;
}

static void race(const struct race *r, int rounds)
{
	bool ok = true;
	pid_t pid;
	int i;

	atomic_store(&sh->go, 0);
	atomic_store(&sh->done, 0);
	pid = fork();
	if (!pid)
		other(r, rounds);
	for (i = 1; i <= rounds; i++)
		ok &= one_round(r, i);
	waitpid(pid, NULL, 0);
	ok &= nothing_left();
	tap_ok(ok && fsm_counter("Tcp", "CurrEstab") == 0, "%s: %d times", r->name, rounds);
}

int main(void)
{
	unsigned int i;

	tun_open();
	sh = mmap(NULL, sizeof(*sh), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	tap_plan(n_races);
	for (i = 0; i < n_races; i++)
		race(&races[i], xt_scale(100, 30, 100000));
	return tap_done();
}

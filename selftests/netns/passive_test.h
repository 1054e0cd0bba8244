/* SPDX-License-Identifier: GPL-2.0-only */
/* What the tests of passive opens and of TIME_WAIT share, on top of ../fsm's harness. */
#ifndef _XTCP_SELFTESTS_PASSIVE_TEST_H
#define _XTCP_SELFTESTS_PASSIVE_TEST_H

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <linux/xtcp.h>
#include "fsm.h"

/* A knob of the TCP under test by XTCP's name. */
static inline void nap_ms(long ms)
{
	struct timespec ts = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };

	nanosleep(&ts, NULL);
}

/* The first answer to what was sent last, if there is one; needs no waiting. */
static inline bool answer(struct conn *c, struct seg *seg)
{
	static struct seg next;
	bool got = false;

	tun_barrier();
	while (tun_recv_barrier(&next)) {
		if (!conn_ours(c, &next) || got)
			continue;
		conn_note(c, &next);
		*seg = next;
		got = true;
	}
	return got;
}

static inline bool silent(struct conn *c)
{
	static struct seg seg;
	char flags[16];

	if (!answer(c, &seg))
		return true;
	tap_note("answered by %s", seg_flags(seg.flags, flags));
	return false;
}

/* An ACK may wait a millisecond for data that could carry it. */
static inline bool answered(struct conn *c, uint16_t flags)
{
	struct seg seg = { };
	char buf[16];
	bool got;

	got = answer(c, &seg);
	if (!got) {
		nap_ms(5);
		got = answer(c, &seg);
	}
	if (got && seg.flags == flags)
		return true;
	tap_note("answered by %s", got ? seg_flags(seg.flags, buf) : "nothing");
	return false;
}

/* One more client of @of's listener. */
static inline void client(struct conn *c, const struct conn *of)
{
	conn_init(c, fsm_family, of->want_opts);
	c->lport = of->lport;
}

static inline bool send_syn(struct conn *c, struct seg *seg)
{
	conn_send(c, SYN, c->iss, 0, 0);
	c->snd_nxt = c->iss + 1;
	return answer(c, seg) && seg->flags == (SYN | ACK);
}

static inline bool syn_answered(struct conn *c)
{
	static struct seg seg;

	return send_syn(c, &seg);
}

static inline void send_ack(struct conn *c)
{
	conn_send(c, ACK, c->snd_nxt, c->rcv_nxt, 0);
}

/* Has the kernel counted @n more since @before? */
static inline bool counted(const char *group, const char *name, long before, long n)
{
	long now = fsm_counter(group, name);

	if (now - before == n)
		return true;
	tap_note("%s: %ld more, not %ld", name, now - before, n);
	return false;
}

/* Closes without an orphan that would outlive the test. */
static inline void drop(int fd)
{
	struct linger linger = { .l_onoff = 1 };

	if (fd < 0)
		return;
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
	close(fd);
}

#endif /* _XTCP_SELFTESTS_PASSIVE_TEST_H */

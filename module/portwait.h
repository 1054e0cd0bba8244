/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * portwait.c: connect() that waits until its destination has a port to spare
 * (XTCP_CONNECT_WAIT).
 *
 * A waiter is in SYN_SENT without a port, in no table, and in the queue of its
 * destination (dest.c), whose lock guards the queue.
 */
#ifndef _XTCP_PORTWAIT_H
#define _XTCP_PORTWAIT_H

#include "ephemeral.h"
#include "sock.h"

struct xtcp_dest;

/**
 * struct xtcp_portwait_ops - what only the door can do; socket locked, process context
 * @resume: go on with the connect(); -EADDRNOTAVAIL: still no port, else it has gone on or failed
 * @give_up: the time is over
 */
struct xtcp_portwait_ops {
	int (*resume)(struct sock *sk);
	void (*give_up)(struct sock *sk);
};

int xtcp_portwait_init(const struct xtcp_portwait_ops *ops);
void xtcp_portwait_exit(void);

/* The socket waits, and does no longer; socket locked. */
int xtcp_portwait_begin(struct sock *sk, struct xtcp_dest *d, const struct xtcp_ephemeral *e);
void xtcp_portwait_end(struct sock *sk);

/**
 * struct xtcp_portwait_queue - who waits for a port of a destination; its lock
 * @list: waiters, the first to come first
 * @count: how many
 */
struct xtcp_portwait_queue {
	struct list_head list;
	u32 count;
};

static inline void xtcp_portwait_queue_init(struct xtcp_portwait_queue *q)
{
	INIT_LIST_HEAD(&q->list);
	q->count = 0;
}

/* All with the destination's lock held. */
void xtcp_portwait_enter(struct xtcp_portwait_queue *q, struct xtcp_portwait *w);
void xtcp_portwait_leave(struct xtcp_portwait_queue *q, struct xtcp_portwait *w);
void xtcp_portwait_offer(struct xtcp_portwait_queue *q, u16 port);
bool xtcp_portwait_has(const struct xtcp_portwait_queue *q, const struct xtcp_ephemeral *e);

#endif /* _XTCP_PORTWAIT_H */

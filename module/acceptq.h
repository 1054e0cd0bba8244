/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * acceptq.c: what a listener has beyond a socket: the children that wait for accept(),
 * how many half-open requests are its, and what became of those who came.
 *
 * Made by the first listen() and freed with the socket, so most sockets have none.
 */
#ifndef _XTCP_ACCEPTQ_H
#define _XTCP_ACCEPTQ_H

#include <linux/percpu.h>

#include "sock.h"

/* Counters of a listener, with their names in /proc/net/xtcp_listeners. */
#define XTCP_LISTEN_STATS(X)						\
	X(SYN_FULL, "syn_full")						\
	X(SHARE_FULL, "share_full")					\
	X(ACCEPT_FULL, "accept_full")					\
	X(COOKIES_SENT, "cookies_sent")					\
	X(COOKIES_VALID, "cookies_valid")				\
	X(COOKIES_INVALID, "cookies_invalid")

#define XTCP_LISTEN_ENUM(name, label)	XTCP_LISTEN_##name,
enum xtcp_listen_stat {
	XTCP_LISTEN_STATS(XTCP_LISTEN_ENUM)
	XTCP_LISTEN_NR,
};
#undef XTCP_LISTEN_ENUM

/* Prefixes of sources are told apart by so many cells. */
#define XTCP_ACCEPTQ_CELLS	256

/**
 * struct xtcp_listen_cpu - what each CPU keeps for a listener
 * @c: counters
 * @rx_dst: the route that the last SYN came by which had one looked up, with a reference,
 *	or NULL
 * @rx_laddr: the address that it was for
 * @rx_dif: the device that it came by, of no VRF
 */
struct xtcp_listen_cpu {
	unsigned long c[XTCP_LISTEN_NR];
	struct dst_entry *rx_dst;
	__be32 rx_laddr;
	int rx_dif;
};

/**
 * struct xtcp_acceptq - a listener's queue; its length and limit are sk_ack_backlog and
 *	sk_max_ack_backlog, where ss looks for them
 * @lock: leaf; guards the queue, sk_ack_backlog, @closed and @longest
 * @first: the child that waits longest, or NULL; the next by its accept_next
 * @last: the one that came last, if there is a @first
 * @longest: milliseconds that a child waited at most
 * @syn_len: half-open requests of this listener
 * @young: of these, SYN-ACK not yet repeated
 * @cell: half-open requests by their source's prefix (synq.c)
 * @closed: no child may be added any more
 * @pcpu: counters and a route, per CPU
 */
struct xtcp_acceptq {
	spinlock_t lock;
	struct xtcp_sock *first;
	struct xtcp_sock *last;
	u32 longest;
	atomic_t syn_len;
	atomic_t young;
	atomic_t cell[XTCP_ACCEPTQ_CELLS];
	bool closed;
	struct xtcp_listen_cpu __percpu *pcpu;
};

/* Any context. */
#define XTCP_LISTEN_INC(sk, name)					\
	this_cpu_inc(xtcp_sk(sk)->acceptq->pcpu->c[XTCP_LISTEN_##name])

extern const char *const xtcp_listen_labels[XTCP_LISTEN_NR];

int xtcp_acceptq_open(struct sock *sk);
void xtcp_acceptq_close(struct sock *sk);
void xtcp_acceptq_free(struct sock *sk);
bool xtcp_acceptq_add(struct sock *sk, struct sock *child);
struct sock *xtcp_acceptq_take(struct sock *sk);
u32 xtcp_acceptq_longest(struct sock *sk);
struct dst_entry *xtcp_acceptq_rx_dst(const struct sock *sk, __be32 laddr, int dif);
void xtcp_acceptq_keep_rx_dst(const struct sock *sk, struct dst_entry *dst, __be32 laddr, int dif);
unsigned long xtcp_acceptq_stat(const struct sock *sk, enum xtcp_listen_stat id);

#endif /* _XTCP_ACCEPTQ_H */

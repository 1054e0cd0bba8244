/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * porttw.c: what TIME_WAIT buckets hold of a local port.
 *
 * A port does not list its buckets: it counts them, those apart that bind() tells apart. All
 * is guarded by the lock of the port (ports.c).
 */
#ifndef _XTCP_PORTTW_H
#define _XTCP_PORTTW_H

#include "twmem.h"

/* How a bucket holds its port, and with whom it shares it: index of counters. */
#define XTCP_PORTTW_REUSEADDR	1U
#define XTCP_PORTTW_REUSEPORT	2U
#define XTCP_PORTTW_PINNED	4U
#define XTCP_PORTTW_SHARES	8U

/**
 * struct xtcp_porttw - the TIME_WAIT buckets of a port
 * @groups: those that look alike, counted
 * @any: those for which there was no memory for a group; they count as bound to any
 *	address
 */
struct xtcp_porttw {
	struct hlist_head groups;
	u32 any[XTCP_PORTTW_SHARES];
};

int xtcp_porttw_init(void);
void xtcp_porttw_exit(void);

/* How a socket holds its port: XTCP_TW_*. Socket locked. */
u32 xtcp_porttw_flags(const struct sock *sk);
/* A bucket more or less; false: it is not counted in a group, or not among the others. */
void xtcp_porttw_add(struct xtcp_porttw *pt, const struct xtcp_tw *tw);
bool xtcp_porttw_remove(struct xtcp_porttw *pt, const struct xtcp_tw *tw);
bool xtcp_porttw_remove_any(struct xtcp_porttw *pt, const struct xtcp_tw *tw);
/* Does one of them keep the socket from the port? @exact: as in ports.c. */
bool xtcp_porttw_conflict(const struct xtcp_porttw *pt, const struct sock *sk, bool exact);

#endif /* _XTCP_PORTTW_H */

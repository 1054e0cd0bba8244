/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * guard.c: claims on ports against native TCP.
 *
 * A guard is an in-kernel native TCP socket, bound and never listening, to the
 * address and port that an XTCP socket bound, so that EADDRINUSE works in
 * both directions. Made in process context; released from a work item, since
 * the last owner of a port may go in softirq.
 */
#ifndef _XTCP_GUARD_H
#define _XTCP_GUARD_H

#include "sock.h"

struct xtcp_guard;
struct xtcp_key;

int xtcp_guard_init(void);
void xtcp_guard_exit(void);		/* waits for all releases */
void xtcp_guard_flush(void);		/* namespace exit */
/* Claims sk's (address, @port, device) in native TCP; ERR_PTR(-EADDRINUSE ...). Sleeps. */
struct xtcp_guard *xtcp_guard_claim(const struct sock *sk, u16 port);
/* Any context. */
void xtcp_guard_release(struct xtcp_guard *g);
/* Does native TCP have a connection with this 4-tuple? RCU/BH. */
bool xtcp_guard_native_has(const struct xtcp_key *key);
bool xtcp_guard_conflict(const struct xtcp_key *key);

#endif /* _XTCP_GUARD_H */

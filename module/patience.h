/* SPDX-License-Identifier: GPL-2.0-only */
/* patience.h: how long a connection waits for its peer: what the user set, else the knob. */
#ifndef _XTCP_PATIENCE_H
#define _XTCP_PATIENCE_H

#include "sock.h"

/* How long a connection is silent before it is probed, jiffies. */
static inline u32 xtcp_keepidle(const struct sock *sk)
{
	u32 idle = READ_ONCE(xtcp_sk(sk)->ka.idle);

	return idle ? idle * HZ : xtcp_sk_knob(sk, keepalive_time);
}

/* How long an orphan waits for the peer's FIN in FIN_WAIT_2, jiffies; below 0: not at all. */
static inline int xtcp_fin_wait(const struct sock *sk)
{
	int linger2 = READ_ONCE(xtcp_sk(sk)->linger2);

	return linger2 ? linger2 * HZ : xtcp_sk_knob(sk, fin_timeout);
}

#endif /* _XTCP_PATIENCE_H */

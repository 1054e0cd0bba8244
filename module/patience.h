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

#endif /* _XTCP_PATIENCE_H */

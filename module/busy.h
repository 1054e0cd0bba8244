/* SPDX-License-Identifier: GPL-2.0-only */
/* busy.h: what the sender's time goes by with (busy.c). Socket lock. */
#ifndef _XTCP_BUSY_H
#define _XTCP_BUSY_H

#include "sock.h"

void xtcp_busy_init(struct sock *sk);
void xtcp_busy_sent(struct sock *sk, bool rwnd, bool cwnd);
void xtcp_busy_acked(struct sock *sk, u64 now_us);
void xtcp_busy_room(struct sock *sk);
u64 xtcp_busy_us(const struct sock *sk, enum xtcp_busy_with with);

#endif /* _XTCP_BUSY_H */

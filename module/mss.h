/* SPDX-License-Identifier: GPL-2.0-only */
/* mss.h: the size of segments. Socket lock. */
#ifndef _XTCP_MSS_H
#define _XTCP_MSS_H

#include "sock.h"

struct dst_entry;

/* mss.c: from path MTU to segment size */
u32 xtcp_mss_sync(struct sock *sk, u32 pmtu);
u32 xtcp_mss_current(struct sock *sk);
u32 xtcp_mss_size_goal(struct sock *sk, bool large);
u16 xtcp_mss_offer(const struct dst_entry *dst, u16 user);
u16 xtcp_mss_announce(struct sock *sk);
u32 xtcp_mss_fixed_options(const struct sock *sk);
u32 xtcp_mss_of_packet(const struct sock *sk, u32 size);
u32 xtcp_mss_to_packet(const struct sock *sk, u32 mss);
void xtcp_mss_init_rcv(struct sock *sk);

/* mtup.c: the search for the path MTU */
void xtcp_mtup_init(struct sock *sk);
u32 xtcp_mtup_bound(struct sock *sk, u32 pmtu);
int xtcp_mtup_want(struct sock *sk);
struct sk_buff *xtcp_mtup_cut(struct sock *sk, u32 len);
bool xtcp_mtup_is_probe(const struct xtcp_sock *xs, const struct sk_buff *skb);
void xtcp_mtup_ack(struct sock *sk);
void xtcp_mtup_failed(struct sock *sk);
void xtcp_mtup_forget(struct sock *sk);
void xtcp_mtup_black_hole(struct sock *sk);

#endif /* _XTCP_MSS_H */

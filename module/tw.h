/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * tw.c: TIME_WAIT buckets, what remains of a connection for 60 s.
 *
 * A bucket (twmem.h) is written before it is published. Afterwards segments change
 * rcv_nxt, ts_recent, oow_stamp and XTCP_TW_FIN_WAIT2 without a lock, each by a single
 * store: two segments at once may mix their values, which harms no more than if one of
 * them had been lost. A bucket owns a share in its local port.
 */
#ifndef _XTCP_TW_H
#define _XTCP_TW_H

#include "demux.h"
#include "sock.h"
#include "twmem.h"

#define XTCP_TIMEWAIT_LEN	(60 * HZ)

/* How far above the old SND.NXT a reused 4-tuple begins: out of any old window. */
#define XTCP_TW_ISN_GAP		(65535 + 2)

static inline int xtcp_tw_substate(const struct xtcp_tw *tw)
{
	return xtcp_tw_flags(tw) & XTCP_TW_FIN_WAIT2 ? TCP_FIN_WAIT2 : TCP_TIME_WAIT;
}

static inline u8 xtcp_tw_wscale(const struct xtcp_tw *tw)
{
	return xtcp_tw_flags(tw) >> XTCP_TW_WSCALE_SHIFT & 0xf;
}

static inline u32 xtcp_tw_priority(const struct xtcp_tw *tw)
{
	return xtcp_tw_flags(tw) >> XTCP_TW_PRIO_SHIFT;
}

/* What becomes of a segment for a bucket; the skb stays the caller's. */
enum xtcp_tw_verdict {
	XTCP_TW_DROP,		/* done with */
	XTCP_TW_ACK,		/* answer with the bucket's ACK */
	XTCP_TW_RST,		/* answer with a RST; the bucket is gone */
	XTCP_TW_SYN,		/* an acceptable SYN: the bucket is gone, try the listener */
};

int xtcp_tw_init(void);
void xtcp_tw_exit(void);
int xtcp_tw_net_init(struct xtcp_net *xn);
void xtcp_tw_net_exit(struct xtcp_net *xn);
bool xtcp_tw_replace(struct sock *sk, int substate, unsigned long lifetime);
enum xtcp_tw_verdict xtcp_tw_rcv(struct net *net, struct xtcp_tw *tw, const struct xtcp_seg *seg,
				 const struct xtcp_opts *opts, bool listener, u32 *isn);
bool xtcp_tw_reuses(const struct sock *sk);
bool xtcp_tw_may_reuse(struct sock *sk, struct xtcp_tw *tw);
bool xtcp_tw_may_end(struct sock *sk, struct xtcp_tw *tw);
void xtcp_tw_release(struct net *net, struct xtcp_tw *tw);
u32 xtcp_tw_ts_offset(const struct xtcp_tw *tw, const struct xtcp_key *key);

/* Shared with half-open requests. */
bool xtcp_tw_paws_reject(u32 ts_recent, u32 stamp, u32 tsval, bool rst);
bool xtcp_tw_in_window(const struct xtcp_seg *seg, u32 nxt, u32 wnd);
bool xtcp_tw_oow_limited(struct net *net, const struct xtcp_seg *seg, u32 *last);

#endif /* _XTCP_TW_H */

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * tw.c: TIME_WAIT buckets, what remains of a connection for 60 s.
 *
 * A bucket is written before it is published. Afterwards segments change rcv_nxt,
 * ts_recent, ts_recent_stamp, substate and oow_stamp without a lock, each by
 * WRITE_ONCE: two segments at once may mix their values, which harms no more than
 * if one of them had been lost. A bucket owns a share in its local port.
 */
#ifndef _XTCP_TW_H
#define _XTCP_TW_H

#include "demux.h"
#include "sock.h"

#define XTCP_TIMEWAIT_LEN	(60 * HZ)

/* How far above the old SND.NXT a reused 4-tuple begins: out of any old window. */
#define XTCP_TW_ISN_GAP		(65535 + 2)

/**
 * struct xtcp_tw - a connection in TIME_WAIT, or in FIN_WAIT_2 without an owner
 * @mini: key, table, expiry
 * @rcv_nxt, @snd_nxt, @rcv_wnd: as the connection left them, @rcv_wnd in bytes
 * @ts_recent, @ts_recent_stamp, @ts_offset: its timestamps; stamp in seconds
 * @oow_stamp: jiffies of the last ACK to an out-of-window segment, 0: none
 * @mark, @priority, @txhash, @tos: of its ACKs
 * @substate: TCP_TIME_WAIT or TCP_FIN_WAIT2
 * @rcv_wscale: shift of the window field in its ACKs
 * @ts_ok: timestamps were negotiated
 * @reuse_addr: the socket had SO_REUSEADDR
 * @reuse_port: ports.c: the socket had SO_REUSEPORT
 * @port_pinned: ports.c: bind() or listen() brought the socket to its port
 * @port: ports.c: the owner entry it shares
 */
struct xtcp_tw {
	struct xtcp_mini mini;
	u32 rcv_nxt;
	u32 snd_nxt;
	u32 rcv_wnd;
	u32 ts_recent;
	u32 ts_recent_stamp;
	u32 ts_offset;
	u32 oow_stamp;
	u32 mark;
	u32 priority;
	u32 txhash;
	u8 substate;
	u8 rcv_wscale;
	u8 tos;
	u8 ts_ok:1,
	   reuse_addr:1,
	   reuse_port:1,
	   port_pinned:1;
	struct xtcp_port *port;
};

static inline struct xtcp_tw *xtcp_tw(struct xtcp_mini *mini)
{
	return container_of(mini, struct xtcp_tw, mini);
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
enum xtcp_tw_verdict xtcp_tw_rcv(struct xtcp_tw *tw, const struct xtcp_seg *seg,
				 const struct xtcp_opts *opts, bool listener, u32 *isn);
bool xtcp_tw_may_reuse(struct sock *sk, struct xtcp_mini *mini);
bool xtcp_tw_may_end(struct sock *sk, struct xtcp_mini *mini);
void xtcp_tw_release(struct xtcp_mini *mini);
unsigned int xtcp_tw_count(const struct xtcp_net *xn);

/* Shared with half-open requests. */
bool xtcp_tw_paws_reject(u32 ts_recent, u32 stamp, u32 tsval, bool rst);
bool xtcp_tw_in_window(const struct xtcp_seg *seg, u32 nxt, u32 wnd);
bool xtcp_tw_oow_limited(struct net *net, const struct xtcp_seg *seg, u32 *last);

#endif /* _XTCP_TW_H */

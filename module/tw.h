/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * tw.c: TIME_WAIT buckets, what remains of a connection for 60 s.
 *
 * A bucket is written before it is published and afterwards only under its
 * own lock-free rules (tw.c). It owns a hold on its local port.
 */
#ifndef _XTCP_TW_H
#define _XTCP_TW_H

#include "demux.h"
#include "sock.h"

#define XTCP_TIMEWAIT_LEN	(60 * HZ)

/**
 * struct xtcp_tw - a connection in TIME_WAIT, or in FIN_WAIT_2 without an owner
 * @mini: key, table, expiry
 * @rcv_nxt, @snd_nxt, @rcv_wnd: as the connection left them
 * @ts_recent, @ts_recent_stamp, @ts_offset: its timestamps, @ts_ok
 * @oow_stamp: jiffies of the last ACK to an out-of-window segment
 * @substate: TCP_TIME_WAIT or TCP_FIN_WAIT2
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
	   reuse_addr:1;
	struct xtcp_port *port;
};

static inline struct xtcp_tw *xtcp_tw(struct xtcp_mini *mini)
{
	return container_of(mini, struct xtcp_tw, mini);
}

enum xtcp_tw_verdict {
	XTCP_TW_DROP,		/* done with, skb not freed */
	XTCP_TW_ACK,		/* answer with the bucket's ACK */
	XTCP_TW_RST,		/* answer with a RST */
	XTCP_TW_SYN,		/* an acceptable SYN: the bucket is gone, try the listener */
};

int xtcp_tw_init(void);
void xtcp_tw_exit(void);
int xtcp_tw_net_init(struct xtcp_net *xn);
void xtcp_tw_net_exit(struct xtcp_net *xn);
/*
 * Puts a bucket in @sk's place; socket locked. False without memory or above
 * max_tw_buckets (counted): the caller then simply closes.
 */
bool xtcp_tw_replace(struct sock *sk, int substate, unsigned long lifetime);
/*
 * A segment for a bucket (RFC 9293 3.10.7.4 TIME-WAIT, RFC 6191, RFC 1337).
 * RCU; @seg and @opts parsed. On XTCP_TW_SYN *@isn is the ISN the new
 * connection must use (above the old sequence space).
 */
enum xtcp_tw_verdict xtcp_tw_rcv(struct xtcp_tw *tw, const struct xtcp_seg *seg,
				 const struct xtcp_opts *opts, bool listener, u32 *isn);
/*
 * May @sk's connect() take this bucket's 4-tuple (tw_reuse)? If so the socket's
 * write_seq and ts_recent continue the old ones. Under the bucket lock.
 */
bool xtcp_tw_may_reuse(struct sock *sk, struct xtcp_mini *mini);
/* Ends a bucket taken out of the table by xtcp_demux_insert_sock() or so. */
void xtcp_tw_release(struct xtcp_mini *mini);
unsigned int xtcp_tw_count(const struct xtcp_net *xn);

#endif /* _XTCP_TW_H */

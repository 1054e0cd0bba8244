/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files of the engine and the states offer each other, by file.
 * Socket lock held in all of it, unless a line says otherwise.
 */
#ifndef _XTCP_ENGINE_H
#define _XTCP_ENGINE_H

#include "demux.h"
#include "sock.h"

/**
 * struct xtcp_ctx - one segment on its way through a state
 * @skb: the segment; data points behind the TCP header from step text on
 * @seg: its header, @opts: its options
 * @now_us: the clock, read once
 */
struct xtcp_ctx {
	struct sk_buff *skb;
	struct xtcp_seg seg;
	struct xtcp_opts opts;
	u64 now_us;
};

/**
 * struct xtcp_effects - what a state wants done, carried out by input.c at the end
 * @verdict: of the steps, XTCP_GO on
 * @ack: XTCP_ACK_* wish
 * @rst: answer with a RST made from the segment
 * @abort_err: the connection is gone with this errno (0: no)
 * @done: close without an error
 * @push: there may be something to send
 * @queued: the skb is in a queue of the socket now
 * @reason: why the skb ends if not queued
 */
struct xtcp_effects {
	u8 ack_now:1,
	   ack_dup:1,		/* duplicate ACK, rate-limited (out of window) */
	   ack_challenge:1,	/* RFC 5961 */
	   rst:1,
	   push:1,
	   queued:1,
	   data:1,		/* in-order data arrived: ACK policy, wake the reader */
	   done:1,
	   time_wait:1,
	   established:1,	/* active open completed */
	   wake_write:1;
	int abort_err;
	u32 reason;		/* enum skb_drop_reason */
};

/* recovery.c: counts duplicate ACKs, fast retransmit, NewReno; undo */
struct xtcp_ack_info {
	u32 prior_una;
	u32 prior_in_flight;
	u32 acked_segs;
	u32 acked_bytes;
	u32 rtt_us;		/* U32_MAX: no sample */
	u32 newly_lost;
	bool dup;
	bool ece;
	bool advanced;		/* SND.UNA moved */
	bool retrans_acked;	/* something retransmitted was acknowledged */
	bool win_update;
};
void xtcp_recovery_init(struct sock *sk);
void xtcp_recovery_on_ack(struct sock *sk, const struct xtcp_ctx *c, struct xtcp_ack_info *ai);
void xtcp_recovery_on_rto(struct sock *sk);
void xtcp_recovery_retransmit(struct sock *sk);

/* cc.c */
void xtcp_cc_register_all(void);
const struct xtcp_cc_ops *xtcp_cc_find(const char *name);
void xtcp_cc_names(char *buf, size_t len);
void xtcp_cc_assign(struct sock *sk);
void xtcp_cc_on_ack(struct sock *sk, const struct xtcp_ack_info *ai, u64 now_us);
void xtcp_cc_idle_restart(struct sock *sk);

/* ack.c */
bool xtcp_ack_process(struct sock *sk, struct xtcp_ctx *c, struct xtcp_effects *fx);
void xtcp_ack_rearm_rto(struct sock *sk);
u32 xtcp_ack_rto(const struct sock *sk);	/* jiffies, with back-off */

/* data.c */
void xtcp_data_queue(struct sock *sk, struct xtcp_ctx *c, struct xtcp_effects *fx);
void xtcp_data_urgent(struct sock *sk, struct xtcp_ctx *c);
void xtcp_data_fin(struct sock *sk, struct xtcp_effects *fx);
void xtcp_data_ack_policy(struct sock *sk, struct xtcp_effects *fx);
void xtcp_data_init_buffers(struct sock *sk);
/* The reader took @copied bytes: announce a window that grew (recvmsg.c). */
void xtcp_data_cleanup_rbuf(struct sock *sk, int copied);
bool xtcp_data_oow_ratelimited(struct net *net, const struct sk_buff *skb, u32 *last);

/* output.c: whether to send */
void xtcp_output_push(struct sock *sk);			/* what Nagle and windows allow */
void xtcp_output_push_nagle(struct sock *sk, u8 nonagle);	/* the same with XTCP_NAGLE_* given */
void xtcp_output_push_one(struct sock *sk);
void xtcp_output_queue_tail(struct sock *sk, struct sk_buff *skb);
int xtcp_output_connect(struct sock *sk);		/* builds and sends the SYN */
void xtcp_output_fin(struct sock *sk);			/* appends FIN and pushes */
void xtcp_output_probe(struct sock *sk);		/* zero-window probe or keepalive */
void xtcp_output_wakeup_probe(struct sock *sk, bool keepalive);
int xtcp_output_retransmit(struct sock *sk, struct sk_buff *skb);
u32 xtcp_output_size_goal(struct sock *sk, bool large);
u32 xtcp_output_current_mss(struct sock *sk);
u32 xtcp_output_sync_mss(struct sock *sk, u32 pmtu);
struct sk_buff *xtcp_output_alloc_skb(struct sock *sk, gfp_t gfp);
struct sk_buff *xtcp_output_rtx_head(const struct sock *sk);
int xtcp_output_split(struct sock *sk, struct sk_buff *skb, u32 len, bool in_rtxq);
u32 xtcp_output_segs(const struct sk_buff *skb);	/* MSS-sized segments it counts as */

/* xmit.c: how */
int xtcp_xmit_skb(struct sock *sk, struct sk_buff *skb, bool clone);
void xtcp_xmit_ack(struct sock *sk);			/* a pure ACK, now */
void xtcp_xmit_rst(struct sock *sk, gfp_t gfp);		/* active reset */
int xtcp_xmit_probe(struct sock *sk, bool urgent, bool keepalive);
u16 xtcp_xmit_select_window(struct sock *sk);
u32 xtcp_xmit_options_len(const struct sock *sk);	/* of an established segment */
u32 xtcp_xmit_syn_window(struct sock *sk, u32 mss, bool wscale, u32 *wnd, u8 *scale);

/* reply.c: segments without a socket; no lock, BH */
void xtcp_reply_rst(struct net *net, struct sk_buff *skb, const struct xtcp_key *key,
		    const struct xtcp_seg *seg);
void xtcp_reply_ack(struct net *net, struct sk_buff *skb, const struct xtcp_key *key, u32 seq,
		    u32 ack, u32 win, u32 tsval, u32 tsecr, bool ts, u8 tos, u32 txhash);
struct xtcp_req;
/* SYN-ACK of a request, first or repeated; 0 or a negative errno. */
int xtcp_reply_synack(struct sock *listener, struct xtcp_req *req);
/* Challenge ACK allowed now? RFC 5961 7, per namespace. */
bool xtcp_reply_challenge_ok(struct xtcp_net *xn);

/* states.c */
typedef void (*xtcp_state_fn)(struct sock *sk, struct xtcp_ctx *c, struct xtcp_effects *fx);
extern const xtcp_state_fn xtcp_states[];

/* input.c */
int xtcp_input_backlog_rcv(struct sock *sk, struct sk_buff *skb);	/* proto.backlog_rcv */
void xtcp_input_rcv(struct sock *sk, struct sk_buff *skb);
/* A found socket (reference consumed): owned or not, backlog or now. */
void xtcp_input_deliver(struct sock *sk, struct sk_buff *skb);
/* Header and options at skb->data into *@c and the skb's cb; false: malformed (counted). */
bool xtcp_input_parse(struct xtcp_ctx *c, struct sk_buff *skb);
/*
 * The segment that made a child goes through the child; then its listener is woken.
 * @child is locked (bh) and held, both end here; consumes @skb.
 */
void xtcp_input_child(struct sock *listener, struct sock *child, struct sk_buff *skb);

/* rx.c: @skb is ours now (stolen); RCU, BH */
void xtcp_rx(const struct xtcp_key *key, struct xtcp_found *f, struct sk_buff *skb);

/* icmp.c: returns nothing; the skb stays the caller's */
void xtcp_icmp_rcv(struct net *net, struct sk_buff *skb);
void xtcp_icmp_mtu_deferred(struct sock *sk);

/* hook.c */
int xtcp_hook_net_get(struct net *net);		/* first socket of a namespace registers */
void xtcp_hook_net_put(struct net *net);	/* namespace exit */

#endif /* _XTCP_ENGINE_H */

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files of the engine and the states offer each other, by file.
 * Socket lock held in all of it, unless a line says otherwise.
 */
#ifndef _XTCP_ENGINE_H
#define _XTCP_ENGINE_H

#include <trace/events/xtcp.h>
#include <xtcp/rst.h>

#include "demux.h"
#include "effects.h"
#include "mss.h"
#include "sock.h"
#include "timer.h"

/**
 * struct xtcp_ack_info - what an ACK did, from ack.c through scoreboard, loss and recovery
 * @prior_in_flight: segments in flight before it
 * @acked_segs: segments acknowledged in sequence
 * @acked_bytes: bytes acknowledged in sequence
 * @delivered: segments delivered, in sequence or SACKed
 * @newly_lost: segments newly taken for lost
 * @rtt_us: RTT sample, U32_MAX: none
 * @now_us: the clock
 * @echo: TSecr as our clock, if @has_echo
 * @late: bytes that something sent once came behind what had been delivered, 0: in order
 * @rs: the newest segment it delivered
 * @advanced: SND.UNA moved
 * @dup: a duplicate ACK (RFC 5681 2), without SACK
 * @dsack: it carries a D-SACK
 * @win_update: it changed SND.WND
 * @retrans_acked: something retransmitted was acknowledged in sequence
 * @original: it covers data of before the timeout, for the first time, sent only once
 * @sacked: it SACKs something new
 * @send_new: F-RTO: new data now, and nothing again
 * @ece: it carries ECE
 * @orderly: no loss and no reduction was being dealt with before it
 */
struct xtcp_ack_info {
	u32 prior_in_flight;
	u32 acked_segs;
	u32 acked_bytes;
	u32 delivered;
	u32 newly_lost;
	u32 rtt_us;
	u64 now_us;
	u32 echo;
	u32 late;
	struct xtcp_rate_sample rs;
	bool has_echo;
	bool advanced;
	bool dup;
	bool dsack;
	bool win_update;
	bool retrans_acked;
	bool original;
	bool sacked;
	bool send_new;
	bool ece;
	bool orderly;
};

/* scoreboard.c: what the peer holds */
void xtcp_scoreboard_sack(struct sock *sk, struct xtcp_ctx *c, struct xtcp_ack_info *ai);
void xtcp_scoreboard_delivered(struct sock *sk, const struct sk_buff *skb, u32 segs, u32 end_seq,
			       struct xtcp_ack_info *ai);
void xtcp_scoreboard_forget(struct sock *sk);	/* the peer may have dropped what it SACKed */

/* loss.c: what is lost: RACK-TLP */
bool xtcp_loss_mark(struct sock *sk, struct sk_buff *skb);
void xtcp_loss_detect(struct sock *sk, struct xtcp_ack_info *ai);
void xtcp_loss_reo_timeout(struct sock *sk);
void xtcp_loss_tlp_timeout(struct sock *sk);
void xtcp_loss_arm_tlp(struct sock *sk);

/* recovery.c: what is done about it */
void xtcp_recovery_init(struct sock *sk);
void xtcp_recovery_on_ack(struct sock *sk, struct xtcp_ack_info *ai);
void xtcp_recovery_on_rto(struct sock *sk);
void xtcp_recovery_on_local_drop(struct sock *sk);
void xtcp_recovery_retransmit(struct sock *sk);
void xtcp_recovery_path_shrank(struct sock *sk);
void xtcp_recovery_handshake_done(struct sock *sk);

/* cc.c */
const struct xtcp_cc_ops *xtcp_cc_default(void);	/* of a new namespace: net.c */
const struct xtcp_cc_ops *xtcp_cc_find(const char *name);
#define XTCP_CC_ALL	(~0ul)
unsigned long xtcp_cc_bit(const struct xtcp_cc_ops *ops);
void xtcp_cc_names(unsigned long set, char *buf, size_t len);
int xtcp_cc_parse(char *names, unsigned long *set);
int xtcp_cc_begin(struct sock *sk, const struct xtcp_cc_ops *ops, gfp_t gfp);
void xtcp_cc_restart(struct sock *sk);
int xtcp_cc_change(struct sock *sk, const struct xtcp_cc_ops *ops);
void xtcp_cc_on_ack(struct sock *sk, const struct xtcp_ack_info *ai);
void xtcp_cc_tx_start(struct sock *sk);

/* ack.c */
bool xtcp_ack_process(struct sock *sk, struct xtcp_ctx *c, struct xtcp_effects *fx);
void xtcp_ack_rearm_rto(struct sock *sk);
u32 xtcp_ack_rto(const struct sock *sk);	/* jiffies, with back-off */

/* data.c: what the peer sends */
void xtcp_data_queue(struct sock *sk, struct xtcp_ctx *c, struct xtcp_effects *fx);
void xtcp_data_urgent(struct sock *sk, struct xtcp_ctx *c);
void xtcp_data_dup_ack(struct sock *sk, const struct xtcp_seg *seg);	/* ACK now, with D-SACK */

/* delack.c: when to acknowledge */
void xtcp_delack_data_came(struct sock *sk, const struct sk_buff *skb);
void xtcp_delack_policy(struct sock *sk, bool ooo);
void xtcp_delack_handshake(struct sock *sk);	/* the ACK of the peer's SYN-ACK is due */
void xtcp_delack_turn(struct sock *sk);		/* the application waits: no answer will come */
void xtcp_delack_hold_over(struct sock *sk);	/* the fine timer woke */
void xtcp_delack_quick(struct sock *sk, u32 max);
void xtcp_delack_cleanup_rbuf(struct sock *sk, int copied);	/* the reader took bytes */
bool xtcp_delack_oow_ok(struct sock *sk, const struct xtcp_ctx *c);	/* not rate-limited */

/* ecn.c: explicit congestion notification */
u8 xtcp_ecn_offer(struct sock *sk);
void xtcp_ecn_fallback(struct sock *sk, struct xtcp_skb_cb *cb);
void xtcp_ecn_peer_syn(struct sock *sk, const struct xtcp_seg *seg);
bool xtcp_ecn_asked(const struct xtcp_seg *seg, u8 tos);
bool xtcp_ecn_accepted(const struct net *net, const struct dst_entry *dst);
u8 xtcp_ecn_xmit(struct sock *sk, const struct xtcp_skb_cb *cb, u32 len);
void xtcp_ecn_data(struct sock *sk, const struct xtcp_ctx *c);
bool xtcp_ecn_echoed(const struct sock *sk, const struct xtcp_seg *seg);

/* buf.c: how large the socket's buffers are */
void xtcp_buf_init(struct sock *sk);
void xtcp_buf_expand_snd(struct sock *sk);
void xtcp_buf_charge(struct sock *sk, const struct sk_buff *skb);	/* write side */
int xtcp_buf_grant(struct sock *sk, int size, bool force);
void xtcp_buf_measure_rtt(struct sock *sk);	/* data came in order */
void xtcp_buf_adjust_rcv(struct sock *sk);	/* the reader took bytes */
void xtcp_buf_grow_window(struct sock *sk, const struct sk_buff *skb);
void xtcp_buf_reserve(struct sock *sk, u32 bytes);	/* SO_RCVLOWAT */
bool xtcp_buf_short(const struct sock *sk);
void xtcp_buf_clamp(struct sock *sk);		/* memory is short */

/* prune.c: what is given up for want of memory */
bool xtcp_prune_make_room(struct sock *sk, struct sk_buff *skb);

/* pace.c: when the next segment may leave */
void xtcp_pace_update(struct sock *sk);
u32 xtcp_pace_segs(const struct sock *sk, u32 mss);
bool xtcp_pace_wait(struct sock *sk);
void xtcp_pace_sent(struct sock *sk, u32 bytes);
void xtcp_pace_resume(struct sock *sk);
void xtcp_pace_over(struct sock *sk);	/* the fine timer woke */
void xtcp_pace_kick(struct sock *sk);	/* the same without the lock, from a softirq */

/* smallq.c: how much may wait below IP */
bool xtcp_smallq_full(struct sock *sk, const struct sk_buff *skb);
bool xtcp_smallq_holds(struct sock *sk, const struct sk_buff *skb);
void xtcp_smallq_freed(struct sock *sk);	/* no lock */
void xtcp_smallq_init(void);
void xtcp_smallq_exit(void);

/* rtxq.c: what was sent and is not acknowledged */
struct sk_buff *xtcp_rtxq_head(const struct sock *sk);
struct sk_buff *xtcp_rtxq_tail(const struct sock *sk);
struct sk_buff *xtcp_rtxq_next(const struct sk_buff *skb);
struct sk_buff *xtcp_rtxq_find(const struct sock *sk, u32 seq);	/* holds @seq, or the next */
void xtcp_rtxq_note_sent(struct xtcp_sock *xs, struct sk_buff *skb);
void xtcp_rtxq_append(struct sock *sk, struct sk_buff *skb);
void xtcp_rtxq_unlink_free(struct sock *sk, struct sk_buff *skb);
int xtcp_rtxq_split(struct sock *sk, struct sk_buff *skb, u32 len, bool sent);
int xtcp_rtxq_trim_head(struct sock *sk, struct sk_buff *skb, u32 len);
void xtcp_rtxq_set_segs(struct sk_buff *skb, u32 mss);
int xtcp_rtxq_retransmit(struct sock *sk, struct sk_buff *skb, u32 segs);

/* output.c: whether to send */
void xtcp_output_push(struct sock *sk);			/* what may go now */
void xtcp_output_push_nagle(struct sock *sk, u8 nonagle);	/* with XTCP_NAGLE_* given */
void xtcp_output_push_one(struct sock *sk);
struct sk_buff *xtcp_output_alloc_skb(struct sock *sk, gfp_t gfp, bool force);
void xtcp_output_queue_tail(struct sock *sk, struct sk_buff *skb);	/* the stream's new end */
int xtcp_output_connect(struct sock *sk);		/* builds and sends the SYN */
int xtcp_output_synack(struct sock *sk);		/* our SYN, with an ACK */
void xtcp_output_fin(struct sock *sk);			/* appends FIN and pushes */
void xtcp_output_probe(struct sock *sk);		/* zero-window probe, and its timer */
int xtcp_output_wakeup_probe(struct sock *sk);		/* data, or an empty probe */
void xtcp_output_check_probe_timer(struct sock *sk);
unsigned long xtcp_output_probe_when(const struct sock *sk);

/* xmit.c: how */
int xtcp_xmit_skb(struct sock *sk, struct sk_buff *skb, bool clone);
void xtcp_xmit_ack(struct sock *sk);			/* a pure ACK, now */
void xtcp_xmit_rst(struct sock *sk, gfp_t gfp, enum xtcp_rst_reason reason);	/* active */
int xtcp_xmit_probe(struct sock *sk, bool urgent);
u16 xtcp_xmit_select_window(struct sock *sk);
u32 xtcp_xmit_next_window(struct sock *sk);	/* bytes it would announce */
u32 xtcp_xmit_options_len(const struct sock *sk);	/* of an established segment */

/* reply.c: segments without a socket; no lock, BH and RCU; @skb is answered, not consumed */
void xtcp_reply_rst(struct net *net, struct sk_buff *skb, const struct xtcp_key *key,
		    const struct xtcp_seg *seg, enum xtcp_rst_reason reason);
void xtcp_reply_ack(struct net *net, struct sk_buff *skb, const struct xtcp_key *key, u32 seq,
		    u32 ack, u32 win, u32 tsval, u32 tsecr, bool ts, u8 tos, u32 txhash);
/* A RST for a segment that reached a full socket: by its device, mark and priority. */
void xtcp_reply_rst_sk(const struct sock *sk, struct sk_buff *skb, const struct xtcp_seg *seg,
		       enum xtcp_rst_reason reason);
struct xtcp_tw;
/* What a TIME_WAIT bucket says last: ACK of all it knows, or RST. */
void xtcp_reply_tw_ack(const struct xtcp_tw *tw, struct sk_buff *skb, const struct xtcp_key *key);
void xtcp_reply_tw_rst(const struct xtcp_tw *tw, struct sk_buff *skb, const struct xtcp_key *key,
		       const struct xtcp_seg *seg);
/* Challenge ACK allowed now? RFC 5961 7, per namespace. */
bool xtcp_reply_challenge_ok(struct xtcp_net *xn);

/* timeout.c */
extern const struct xtcp_timer_ops xtcp_timeout_ops;

/* states.c */
typedef void (*xtcp_state_fn)(struct sock *sk, struct xtcp_ctx *c, struct xtcp_effects *fx);
extern const xtcp_state_fn xtcp_states[];

/* input.c */
int xtcp_input_backlog_rcv(struct sock *sk, struct sk_buff *skb);	/* proto.backlog_rcv */
void xtcp_input_rcv(struct sock *sk, struct sk_buff *skb);
/* A found socket (reference consumed): owned or not, backlog or now. */
void xtcp_input_deliver(struct sock *sk, struct sk_buff *skb);
/* Header and options at skb->data into *@c and the skb's cb; false: malformed. */
bool xtcp_input_parse(struct xtcp_ctx *c, struct sk_buff *skb);
/*
 * The segment that made a child goes through the child; then its listener is woken.
 * @child is locked (bh) and held, both end here; consumes @skb.
 */
void xtcp_input_child(struct sock *listener, struct sock *child, struct sk_buff *skb);

/* rx.c; RCU, BH */
/* Is a segment ours? Connection table first, then the listeners; *@f with its reference. */
bool xtcp_rx_find(const struct xtcp_key *key, struct sk_buff *skb, struct xtcp_found *f);
/* @skb is ours now (stolen), data at its IP header; consumes it and *@f's reference. */
void xtcp_rx(const struct xtcp_key *key, struct xtcp_found *f, struct sk_buff *skb);

/* icmp.c: an ICMP message, data at its IP header; the skb stays the caller's; RCU, BH */
void xtcp_icmp_rcv(struct net *net, struct sk_buff *skb);
/* release_cb: the MTU that came while the socket was owned; socket locked */
void xtcp_icmp_mtu_deferred(struct sock *sk);

/* hook.c */
int xtcp_hook_net_get(struct net *net);		/* first socket of a namespace registers */
void xtcp_hook_net_put(struct net *net);	/* namespace exit */

#endif /* _XTCP_ENGINE_H */

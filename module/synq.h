/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Passive open: half-open requests (synq.c) and their segments (passive.c), cookies in
 * their place (syncookie.c), listeners and their children (listen.c).
 *
 * A request is one small entry per SYN that waits for its ACK, in the connection
 * table's mini chains and in the namespace's expiry queue. No socket, and the
 * listener's lock is never taken for one. A request becomes a child or dies, never
 * both: whoever takes it out of the table decides.
 */
#ifndef _XTCP_SYNQ_H
#define _XTCP_SYNQ_H

#include <net/inet_ecn.h>

#include "acceptq.h"
#include "demux.h"
#include "sock.h"

struct dst_entry;

/**
 * struct xtcp_req - a half-open connection
 * @mini: key, table, expiry (its class counts SYN-ACK transmissions)
 * @listener: where it came in, with a reference (a cookie's: without)
 * @irs: the SYN's sequence number, @isn: ours
 * @ts_recent: the SYN's TSval
 * @sent_us: low 32 bits of xtcp_now_us() at the first SYN-ACK, 0: unknown
 * @rcv_wnd: window of the SYN-ACK, bytes
 * @window_clamp: largest window that may ever be announced
 * @txhash: flow hash of the replies, @mark: their fwmark
 * @oow_stamp: jiffies of the last ACK for an invalid segment, 0: none
 * @mss: the peer's MSS option (or the default), at most TCP_MAXSEG
 * @num_timeout: expiries so far
 * @num_retrans: SYN-ACKs repeated at all
 * @rcv_wscale: shift of our windows, @snd_wscale: of the peer's
 * @tos: IP's TOS of the replies
 * @cell: acceptq->cell in which it counts
 * @young: counted in acceptq->young; whoever swaps it to 0 counts it off
 * @acked: the ACK came, but the child had to wait (queue full, deferred accept)
 * @cookie: on the stack only: never hashed, never queued
 * @ts_offset: our TSval has the 4-tuple's offset (xtcp_synq_req_ts_offset())
 *
 * Constant once published, but for @oow_stamp, @num_*, @young and @acked, which are
 * single stores of whoever has a segment or the timer for it.
 */
struct xtcp_req {
	struct xtcp_mini mini;
	struct sock *listener;
	u32 irs;
	u32 isn;
	u32 ts_recent;
	u32 sent_us;
	u32 rcv_wnd;
	u32 window_clamp;
	u32 txhash;
	u32 mark;
	u32 oow_stamp;
	u16 mss;
	u8 num_timeout;
	u8 num_retrans;
	u8 rcv_wscale;
	u8 snd_wscale;
	u8 tos;
	u8 cell;
	u8 young;
	u8 acked;
	u8 ts_ok:1,
	   sack_ok:1,
	   wscale_ok:1,
	   ecn_ok:1,
	   cookie:1,
	   ts_offset:1;
};

/* The slab adds 8 for its free pointer, which may not lie in type-stable memory. */
static_assert(sizeof(struct xtcp_req) <= 120);

static inline struct xtcp_req *xtcp_req(struct xtcp_mini *mini)
{
	return container_of(mini, struct xtcp_req, mini);
}

/* The listener, or else RCU, holds it. */
static inline struct net *xtcp_req_net(const struct xtcp_req *req)
{
	return sock_net(req->listener);
}

/* The 4-tuple of a request. */
static inline void xtcp_req_key(struct xtcp_key *key, const struct xtcp_req *req)
{
	xtcp_mini_key(key, xtcp_req_net(req), &req->mini);
}

/* Upwards: how to send what the timer wants sent; 0 or a negative errno. */
struct xtcp_synq_ops {
	int (*synack)(struct sock *listener, struct xtcp_req *req);
};

static inline bool xtcp_synq_listening(const struct xtcp_req *req)
{
	return inet_sk_state_load(req->listener) == TCP_LISTEN;
}

/* synq.c */
int xtcp_synq_init(const struct xtcp_synq_ops *ops);
void xtcp_synq_exit(void);
int xtcp_synq_net_init(struct xtcp_net *xn);
void xtcp_synq_net_exit(struct xtcp_net *xn);
u32 xtcp_synq_isn(const struct xtcp_key *key);
u32 xtcp_synq_ts_secret(const struct xtcp_key *key);
u32 xtcp_synq_ts_offset(const struct xtcp_key *key);
u32 xtcp_synq_req_ts_offset(const struct xtcp_req *req);
struct xtcp_req *xtcp_synq_alloc(struct sock *listener);
void xtcp_synq_fill(struct xtcp_req *req, struct sock *listener, const struct sk_buff *skb,
		    const struct xtcp_key *key);
void xtcp_synq_discard(struct xtcp_req *req);
bool xtcp_synq_share_full(const struct sock *listener, const struct xtcp_key *key);
bool xtcp_synq_publish(struct xtcp_req *req);
void xtcp_synq_repeat(struct xtcp_req *req);
bool xtcp_synq_became_child(struct xtcp_req *req, struct sock *child);
bool xtcp_synq_kill(struct xtcp_req *req);
void xtcp_synq_drop(struct xtcp_req *req);
void xtcp_synq_orphaned(struct xtcp_req *req);
void xtcp_synq_drop_listener(struct sock *listener);

/* TOS of the answers to a segment: the listener's, or with reflect_tos the segment's. */
static inline u8 xtcp_synq_tos(const struct sock *listener, const struct sk_buff *skb)
{
	u8 tos = READ_ONCE(inet_sk(listener)->tos);

	if (!xtcp_sk_knob(listener, reflect_tos))
		return tos;
	return (XTCP_CB(skb)->tos & ~INET_ECN_MASK) | (tos & INET_ECN_MASK);
}

/**
 * struct xtcp_path - the way of a SYN-ACK
 * @dst: its route, with a reference
 * @mss: the MSS that it offers
 */
struct xtcp_path {
	struct dst_entry *dst;
	u16 mss;
};

/* reply.c */
bool xtcp_reply_reuse(struct sk_buff *skb, const struct dst_entry *dst);
int xtcp_reply_synack(struct sock *listener, struct xtcp_req *req, const struct xtcp_path *path,
		      struct sk_buff *skb);
struct dst_entry *xtcp_reply_route_synack(struct sock *listener, const struct xtcp_req *req);

/* passive.c */
extern const struct xtcp_synq_ops xtcp_passive_ops;

enum skb_drop_reason xtcp_passive_rcv_syn(struct sock *listener, struct sk_buff *skb,
					  const struct xtcp_key *key, const struct xtcp_seg *seg,
					  const struct xtcp_opts *opts, u32 isn);
struct sock *xtcp_passive_rcv(struct xtcp_req *req, struct sk_buff *skb,
			      const struct xtcp_seg *seg, const struct xtcp_opts *opts,
			      enum skb_drop_reason *reason);
bool xtcp_passive_permitted(struct sock *listener, struct sk_buff *skb, struct xtcp_req *req);
bool xtcp_passive_choose_window(struct sock *listener, struct sk_buff *skb, struct xtcp_req *req,
				struct xtcp_path *path);

/* syncookie.c */
void xtcp_syncookie_init(void);
void xtcp_syncookie_exit(void);
u32 xtcp_syncookie_make(const struct xtcp_key *key, const struct xtcp_seg *seg, u16 *mss);
u32 xtcp_syncookie_ts(const struct xtcp_req *req, u32 tsval);
void xtcp_syncookie_note_overflow(struct sock *listener);
bool xtcp_syncookie_check(struct sock *listener, struct sk_buff *skb, const struct xtcp_key *key,
			  const struct xtcp_seg *seg, const struct xtcp_opts *opts,
			  struct xtcp_req *req);

/* listen.c */
int xtcp_listen(struct socket *sock, int backlog);
void xtcp_listen_stop(struct sock *sk);
struct sock *xtcp_listen_accept(struct sock *sk, int flags, int *err);
struct sock *xtcp_listen_make_child(struct sock *listener, struct xtcp_req *req,
				    struct sk_buff *skb, enum skb_drop_reason *reason);
struct sock *xtcp_listen_rcv(struct sock *sk, struct sk_buff *skb, const struct xtcp_key *key,
			     const struct xtcp_seg *seg, const struct xtcp_opts *opts, u32 isn,
			     enum skb_drop_reason *reason);

#endif /* _XTCP_SYNQ_H */

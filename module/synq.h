/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * synq.c: half-open requests, one small entry per SYN that waits for its ACK.
 *
 * Requests sit in the connection table's mini chains and in the namespace's
 * expiry queue. No socket, and the listener's lock is never taken for one. A
 * request becomes a child or dies, never both: whoever unhashes it decides.
 */
#ifndef _XTCP_SYNQ_H
#define _XTCP_SYNQ_H

#include "demux.h"
#include "sock.h"

/**
 * struct xtcp_req - a half-open connection
 * @mini: key, table, expiry (its class counts SYN-ACK transmissions)
 * @listener: where it came in, with a reference
 * @irs: the SYN's sequence number, @isn: ours
 * @ts_recent: the SYN's TSval, @ts_offset: of our TSval
 * @sent_us: when the first SYN-ACK went (RTT sample), 0 after a retransmission
 * @rcv_wnd: window of the SYN-ACK, bytes
 * @snd_wnd: window field of the SYN
 * @mss: the peer's MSS option (or the default)
 * @num_timeout: SYN-ACKs repeated by the timer
 * @num_retrans: SYN-ACKs repeated at all
 * @acked: the ACK came, but the child had to wait (queue full, deferred accept)
 */
struct xtcp_req {
	struct xtcp_mini mini;
	struct sock *listener;
	u32 irs;
	u32 isn;
	u32 ts_recent;
	u32 ts_offset;
	u32 sent_us;
	u32 rcv_wnd;
	u32 txhash;
	u32 mark;
	u16 snd_wnd;
	u16 mss;
	int iif;
	u8 num_timeout;
	u8 num_retrans;
	u8 rcv_wscale;
	u8 snd_wscale;
	u8 tos;
	u8 ts_ok:1,
	   sack_ok:1,
	   wscale_ok:1,
	   ecn_ok:1,
	   acked:1,
	   cookie:1;		/* on the stack only: never hashed, never queued */
};

static inline struct xtcp_req *xtcp_req(struct xtcp_mini *mini)
{
	return container_of(mini, struct xtcp_req, mini);
}

int xtcp_synq_init(void);
void xtcp_synq_exit(void);
int xtcp_synq_net_init(struct xtcp_net *xn);
void xtcp_synq_net_exit(struct xtcp_net *xn);
/*
 * A SYN for @listener (RCU, no lock held; skb not consumed). @isn: the ISN that a
 * TIME_WAIT bucket demands, 0: choose. Creates a request and answers with a SYN-ACK,
 * or a cookie, or drops; returns the reason.
 */
enum skb_drop_reason xtcp_synq_rcv_syn(struct sock *listener, struct sk_buff *skb,
				       const struct xtcp_key *key, const struct xtcp_seg *seg,
				       const struct xtcp_opts *opts, u32 isn);
/*
 * A segment for a request (RFC 9293 3.10.7.4 SYN-RECEIVED). RCU; skb not consumed.
 * Returns a child, locked (bh_lock_sock_nested) and with a reference, that must now
 * process the segment itself; or NULL with *@reason why the skb ends.
 */
struct sock *xtcp_synq_rcv(struct xtcp_req *req, struct sk_buff *skb, const struct xtcp_seg *seg,
			   const struct xtcp_opts *opts, enum skb_drop_reason *reason);
/* Kills all requests of a listener that closes. */
void xtcp_synq_drop_listener(struct sock *listener);
unsigned int xtcp_synq_count(const struct xtcp_net *xn);
/* Kills a request on behalf of an ICMP error or such. */
void xtcp_synq_drop(struct xtcp_req *req);

/* syncookie.c */
int xtcp_syncookie_init(void);
/* ISN that codes the SYN; false when cookies cannot be used. *@tsval gets options coded in. */
u32 xtcp_syncookie_make(const struct xtcp_key *key, const struct xtcp_seg *seg, u16 *mss);
u32 xtcp_syncookie_ts(const struct xtcp_req *req, u32 tsval);
/*
 * An ACK for a listener without a request: when it carries a valid cookie of a
 * recent overflow, *@req (on the caller's stack) is filled and true returned.
 */
bool xtcp_syncookie_check(struct sock *listener, struct sk_buff *skb, const struct xtcp_key *key,
			  const struct xtcp_seg *seg, const struct xtcp_opts *opts,
			  struct xtcp_req *req);

/* listen.c */
int xtcp_listen(struct socket *sock, int backlog);	/* proto_ops.listen */
void xtcp_listen_stop(struct sock *sk);			/* socket locked; children reset */
struct sock *xtcp_listen_accept(struct sock *sk, int flags, int *err);
bool xtcp_listen_queue_full(const struct sock *sk);
/*
 * Makes the child of a request (hashed or a cookie's): cloned, set up from @req, hashed in
 * the request's place, queued for accept. RCU. NULL (with *@reason) when memory, table or
 * accept queue say no; the request then lives on. The child comes back locked and held.
 */
struct sock *xtcp_listen_make_child(struct sock *listener, struct xtcp_req *req,
				    struct sk_buff *skb, enum skb_drop_reason *reason);
/* A segment for a listener; RCU; consumes nothing. */
struct sock *xtcp_listen_rcv(struct sock *sk, struct sk_buff *skb, const struct xtcp_key *key,
			     const struct xtcp_seg *seg, const struct xtcp_opts *opts, u32 isn,
			     enum skb_drop_reason *reason);

#endif /* _XTCP_SYNQ_H */

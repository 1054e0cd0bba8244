/* SPDX-License-Identifier: GPL-2.0-only */
/* skb.h: what XTCP notes in skb->cb of a segment while it owns it. */
#ifndef _XTCP_SKB_H
#define _XTCP_SKB_H

#include <linux/skbuff.h>
#include <xtcp/rate.h>

/**
 * struct xtcp_skb_cb - skb->cb of a segment in a queue of XTCP
 * @seq: sequence number of the first byte (or SYN, FIN)
 * @end_seq: the one after the last
 * @flags: XTCP_FIN ..., byte 13 of the header
 * @doff: header bytes (ingress)
 * @sacked: XTCP_SACKED_* (egress)
 * @eor: MSG_EOR, nothing may be merged behind it (egress)
 * @stamp_ack: somebody wants to know when its stamped byte is acknowledged (egress)
 * @ack: acknowledgment number (ingress)
 * @window: window field, unscaled (ingress)
 * @urg_ptr: urgent pointer (ingress)
 * @iif: device it came in by (ingress)
 * @sdif: enslaved device (ingress)
 * @tos: IP's TOS (ingress)
 * @ttl: IP's TTL (ingress)
 * @answer: the SYN-ACK's route, as of struct xtcp_found (ingress of a SYN, else NULL)
 * @sent_us: when it was last sent, low 32 bits of xtcp_now_us() (egress)
 * @first_us: when it was first sent (egress)
 * @segs: segments it counts as (egress)
 * @rate: the connection's delivery when it was sent last (egress)
 */
struct xtcp_skb_cb {
	u32 seq;
	u32 end_seq;
	u8 flags;
	u8 doff;
	u8 sacked;
	u8 eor:1,
	   stamp_ack:1;
	union {
		struct {
			u32 ack;
			u16 window;
			u16 urg_ptr;
			int iif;
			int sdif;
			u8 tos;
			u8 ttl;
			struct dst_entry *answer;
		};
		struct {
			u32 sent_us;
			u32 first_us;
			u32 segs;
			struct xtcp_rate_tx rate;
		};
	};
};

static_assert(sizeof(struct xtcp_skb_cb) <= sizeof_field(struct sk_buff, cb));

#define XTCP_CB(skb)		((struct xtcp_skb_cb *)&((skb)->cb[0]))

#define XTCP_SACKED_ACKED	0x01	/* the peer holds it (SACK) */
#define XTCP_SACKED_RETRANS	0x02	/* retransmitted, the copy is in flight */
#define XTCP_SACKED_LOST	0x04	/* taken for lost */
#define XTCP_SACKED_EVER	0x80	/* retransmitted at least once, or nearly */

/* @from became part of @to and was the later to come: a read of both tells its time. */
static inline void xtcp_skb_take_stamps(struct sk_buff *to, struct sk_buff *from)
{
	const struct skb_shared_hwtstamps *hw = skb_hwtstamps(from);

	if (!from->tstamp && !hw->hwtstamp)
		return;
	to->tstamp = from->tstamp;
	*skb_hwtstamps(to) = *hw;
}

#endif /* _XTCP_SKB_H */

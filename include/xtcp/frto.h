/* SPDX-License-Identifier: GPL-2.0-only */
/* F-RTO: was a retransmission timeout spurious? Told by what the next ACKs cover (RFC 5682). */
#ifndef _XTCP_FRTO_H
#define _XTCP_FRTO_H

#include <xtcp/seq.h>
#include <xtcp/types.h>

enum xtcp_frto_phase {
	XTCP_FRTO_OFF,
	XTCP_FRTO_FIRST, /* the first unacknowledged segment went again, nothing else */
	XTCP_FRTO_NEW, /* and then new data */
};

enum xtcp_frto_verdict {
	XTCP_FRTO_RESEND, /* go on as after any timeout */
	XTCP_FRTO_SEND_NEW, /* send new data now, and again nothing */
	XTCP_FRTO_SPURIOUS,
};

/**
 * struct xtcp_frto - one timeout
 * @recover: SND.NXT when it expired
 * @phase: enum xtcp_frto_phase
 */
struct xtcp_frto {
	u32 recover;
	u8 phase;
};

/**
 * struct xtcp_frto_ack - what an ACK after the timeout did
 * @snd_una: SND.UNA after it
 * @advanced: it moved SND.UNA
 * @original: it covers data sent before the timeout, for the first time, and once only
 * @duplicate: it is a duplicate ACK, or it SACKs something new
 * @can_send: there is new data, and the peer's window has room for it
 */
struct xtcp_frto_ack {
	u32 snd_una;
	bool advanced;
	bool original;
	bool duplicate;
	bool can_send;
};

/* May data up to @end_seq count as original? */
static inline bool xtcp_frto_counts(const struct xtcp_frto *f, u32 end_seq)
{
	return f->phase != XTCP_FRTO_OFF && !xtcp_seq_after(end_seq, f->recover);
}

void xtcp_frto_begin(struct xtcp_frto *f, u32 snd_nxt);
enum xtcp_frto_verdict xtcp_frto_ack(struct xtcp_frto *f, const struct xtcp_frto_ack *a);

#endif /* _XTCP_FRTO_H */

// SPDX-License-Identifier: GPL-2.0-only
/*
 * F-RTO. struct xtcp_frto belongs to one connection, under its socket lock.
 *
 * A timeout is spurious if data that was sent before it and never again arrives. To
 * learn this nothing but the first segment is sent again until the second ACK has come.
 */
#include <xtcp/frto.h>

/**
 * xtcp_frto_begin - the timer expired, the first segment goes again
 * @f: the timeout
 * @snd_nxt: SND.NXT
 */
void xtcp_frto_begin(struct xtcp_frto *f, u32 snd_nxt)
{
	f->recover = snd_nxt;
	f->phase = XTCP_FRTO_FIRST;
}

/**
 * xtcp_frto_ack - an ACK came
 * @f: the timeout
 * @a: the ACK
 *
 * RFC 5682 2.1 and, with SACK, 3.1: steps 2 and 3. As one ACK may cover several
 * segments, the first may tell already what the RFC waits for the second to tell.
 *
 * Return: the verdict; after XTCP_FRTO_SPURIOUS it is over
 */
enum xtcp_frto_verdict xtcp_frto_ack(struct xtcp_frto *f, const struct xtcp_frto_ack *a)
{
	if (f->phase == XTCP_FRTO_OFF)
		return XTCP_FRTO_RESEND;
	if (a->original) {
		f->phase = XTCP_FRTO_OFF;
		return XTCP_FRTO_SPURIOUS;
	}
	if (a->duplicate || !xtcp_seq_before(a->snd_una, f->recover)) {
		f->phase = XTCP_FRTO_OFF;
		return XTCP_FRTO_RESEND;
	}
	if (f->phase == XTCP_FRTO_NEW || !a->advanced)
		return XTCP_FRTO_RESEND;
	f->phase = a->can_send ? XTCP_FRTO_NEW : XTCP_FRTO_OFF;
	return a->can_send ? XTCP_FRTO_SEND_NEW : XTCP_FRTO_RESEND;
}

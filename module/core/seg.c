// SPDX-License-Identifier: GPL-2.0-only
/* Segments: parse the fixed header, place it in the receive window. No state, no lock. */
#include <xtcp/seg.h>

/**
 * xtcp_seg_parse - read the fixed header of a segment
 * @seg: result; on XTCP_SEG_SHORT with 20 bytes at hand only doff is valid
 * @hdr: start of the TCP header
 * @hdr_avail: readable bytes at @hdr
 * @seg_total_len: header plus payload bytes, as the IP header says
 *
 * The checksum is the caller's. After success the options, doff - 20 bytes
 * behind the fixed header, are readable too. RFC 9293 3.1.
 *
 * Return: 0 or the reason to drop; XTCP_SEG_SHORT may be tried again with
 * doff bytes at hand if @seg_total_len is not below it.
 */
enum xtcp_seg_error xtcp_seg_parse(struct xtcp_seg *seg, const u8 *hdr, u32 hdr_avail,
				   u32 seg_total_len)
{
	seg->doff = 0;
	if (hdr_avail < XTCP_SEG_HDR_MIN || seg_total_len < XTCP_SEG_HDR_MIN)
		return XTCP_SEG_SHORT;
	seg->doff = (u8)((hdr[12] >> 4) * 4);
	if (seg->doff < XTCP_SEG_HDR_MIN)
		return XTCP_SEG_DOFF_SMALL;
	if (seg->doff > seg_total_len)
		return XTCP_SEG_DOFF_LONG;
	if (seg->doff > hdr_avail)
		return XTCP_SEG_SHORT;

	seg->sport = xtcp_get_be16(hdr);
	seg->dport = xtcp_get_be16(hdr + 2);
	seg->seq = xtcp_get_be32(hdr + 4);
	seg->ack = xtcp_get_be32(hdr + 8);
	seg->ns_ae = hdr[12] & 0x0f;
	seg->flags = hdr[13];
	seg->window = xtcp_get_be16(hdr + 14);
	seg->urg_ptr = xtcp_get_be16(hdr + 18);
	seg->len = seg_total_len - seg->doff;
	seg->end_seq = seg->seq + seg->len + !!(seg->flags & XTCP_SYN) +
		       !!(seg->flags & XTCP_FIN);
	return XTCP_SEG_OK;
}

/**
 * xtcp_seg_in_window - is a segment acceptable? (RFC 9293 3.10.7.4, first check)
 * @seq: first sequence number of the segment
 * @end_seq: the number after its last one
 * @rcv_wup: RCV.NXT when the window was last advertised
 * @rcv_nxt: RCV.NXT
 * @wnd: RCV.WND, counted from @rcv_nxt
 *
 * The four cases of the RFC in one, as wide as Linux makes it: the left edge is
 * the last one the peer heard of, so that a retransmission answered by a lost
 * ACK is judged by what the peer knew, and an empty segment may sit on the right
 * edge, so that the ACKs and RSTs of a peer that filled the window get through.
 *
 * Return: true if acceptable.
 */
bool xtcp_seg_in_window(u32 seq, u32 end_seq, u32 rcv_wup, u32 rcv_nxt, u32 wnd)
{
	return xtcp_seq_geq(end_seq, rcv_wup) && xtcp_seq_leq(seq, rcv_nxt + wnd);
}

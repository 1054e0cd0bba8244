/* SPDX-License-Identifier: GPL-2.0-only */
/* A segment: the TCP header in host order, and its place in the receive window. */
#ifndef _XTCP_SEG_H
#define _XTCP_SEG_H

#include <xtcp/seq.h>
#include <xtcp/types.h>

/* Byte 13 of the header as on the wire (RFC 9293 3.1, RFC 3168). */
#define XTCP_FIN 0x01
#define XTCP_SYN 0x02
#define XTCP_RST 0x04
#define XTCP_PSH 0x08
#define XTCP_ACK 0x10
#define XTCP_URG 0x20
#define XTCP_ECE 0x40
#define XTCP_CWR 0x80

#define XTCP_SEG_HDR_MIN 20U
#define XTCP_SEG_HDR_MAX 60U

/**
 * struct xtcp_seg - one parsed segment, host byte order
 * @seq: first sequence number
 * @ack: number acknowledged; meaningless without XTCP_ACK
 * @end_seq: @seq + @len + SYN + FIN: the number after the last one occupied
 * @len: payload bytes
 * @window: window field, not yet scaled
 * @urg_ptr: urgent pointer; meaningless without XTCP_URG
 * @sport: source port
 * @dport: destination port
 * @doff: header bytes, options included
 * @flags: XTCP_FIN ... XTCP_CWR
 * @ns_ae: low four bits of byte 12: three reserved bits and AE (once NS)
 */
struct xtcp_seg {
	u32 seq;
	u32 ack;
	u32 end_seq;
	u32 len;
	u16 window;
	u16 urg_ptr;
	u16 sport;
	u16 dport;
	u8 doff;
	u8 flags;
	u8 ns_ae;
};

static_assert(sizeof(struct xtcp_seg) == 28);

/**
 * enum xtcp_seg_error - why a header can't be parsed
 * @XTCP_SEG_OK: it can
 * @XTCP_SEG_SHORT: fewer bytes than the header claims are at hand
 * @XTCP_SEG_DOFF_SMALL: data offset below 20 bytes
 * @XTCP_SEG_DOFF_LONG: data offset past the end of the segment
 */
enum xtcp_seg_error {
	XTCP_SEG_OK = 0,
	XTCP_SEG_SHORT,
	XTCP_SEG_DOFF_SMALL,
	XTCP_SEG_DOFF_LONG,
};

enum xtcp_seg_error xtcp_seg_parse(struct xtcp_seg *seg, const u8 *hdr, u32 hdr_avail,
				   u32 seg_total_len);
bool xtcp_seg_in_window(u32 seq, u32 end_seq, u32 rcv_wup, u32 rcv_nxt, u32 wnd);

#endif /* _XTCP_SEG_H */

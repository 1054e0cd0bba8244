/* SPDX-License-Identifier: GPL-2.0-only */
/* SACK: the blocks a receiver reports and the checks of a sender (RFC 2018, 2883). */
#ifndef _XTCP_SACK_H
#define _XTCP_SACK_H

#include <xtcp/opt.h>
#include <xtcp/seq.h>
#include <xtcp/types.h>

#define XTCP_SACK_BLOCKS 4
#define XTCP_SACK_SEEN 8

/**
 * struct xtcp_sack_rcv - out-of-order ranges held by the receiver
 * @blocks: disjoint and not touching, most recently changed first
 * @dsack: range received twice, reported once; empty if start equals end
 * @num: used entries of @blocks
 */
struct xtcp_sack_rcv {
	struct xtcp_sack_block blocks[XTCP_SACK_BLOCKS];
	struct xtcp_sack_block dsack;
	u8 num;
};

/**
 * struct xtcp_sack_seen - ranges whose segments the sender has marked already
 * @r: in no order; none within another
 * @num: used entries
 */
struct xtcp_sack_seen {
	struct xtcp_sack_block r[XTCP_SACK_SEEN];
	u8 num;
};

void xtcp_sack_rcv_init(struct xtcp_sack_rcv *r);
void xtcp_sack_rcv_add(struct xtcp_sack_rcv *r, u32 start, u32 end);
void xtcp_sack_rcv_advance(struct xtcp_sack_rcv *r, u32 rcv_nxt);
void xtcp_sack_rcv_dsack(struct xtcp_sack_rcv *r, u32 start, u32 end);
u8 xtcp_sack_rcv_report(struct xtcp_sack_rcv *r, struct xtcp_sack_block *out, u8 max);

bool xtcp_sack_block_valid(u32 snd_una, u32 snd_nxt, u32 undo_marker, u32 max_window,
			   u32 start, u32 end, bool dsack);
bool xtcp_sack_is_dsack(const struct xtcp_sack_block *b, u8 n, u32 ack);
u8 xtcp_sack_sort(struct xtcp_sack_block *b, u8 n, u32 snd_una);
bool xtcp_sack_seen_gap(const struct xtcp_sack_seen *s, u32 from, u32 end,
			struct xtcp_sack_block *gap);
void xtcp_sack_seen_add(struct xtcp_sack_seen *s, const struct xtcp_sack_block *b, u32 snd_una);

#endif /* _XTCP_SACK_H */

/* SPDX-License-Identifier: GPL-2.0-only */
/* TCP options: read from and written to the wire (RFC 9293 3.1, 7323, 2018). */
#ifndef _XTCP_OPT_H
#define _XTCP_OPT_H

#include <xtcp/types.h>

/* Bits of xtcp_opts.has */
#define XTCP_OPT_MSS 0x01
#define XTCP_OPT_WSCALE 0x02
#define XTCP_OPT_SACK_PERM 0x04
#define XTCP_OPT_TS 0x08
#define XTCP_OPT_SACK 0x10
#define XTCP_OPT_BAD 0x80 /* a length of 0, 1 or past the end; what stood before it counts */

#define XTCP_OPT_AREA_MAX 40U
#define XTCP_OPT_TS_ALIGNED 12U /* NOP NOP TS */
#define XTCP_OPT_SACKS_MAX 4
#define XTCP_OPT_WSCALE_MAX 14

/* [start, end): the bytes of one SACK block, host byte order. */
struct xtcp_sack_block {
	u32 start;
	u32 end;
};

/**
 * struct xtcp_opts - options of one segment, host byte order
 * @tsval: timestamp value, with XTCP_OPT_TS
 * @tsecr: timestamp echo reply, with XTCP_OPT_TS
 * @mss: maximum segment size as received, 0 if absent
 * @wscale: window shift, at most 14, with XTCP_OPT_WSCALE
 * @has: XTCP_OPT_* bits
 * @num_sacks: used entries of @sacks
 * @sacks: SACK blocks in wire order, not validated
 */
struct xtcp_opts {
	u32 tsval;
	u32 tsecr;
	u16 mss;
	u8 wscale;
	u8 has;
	u8 num_sacks;
	struct xtcp_sack_block sacks[XTCP_OPT_SACKS_MAX];
};

static_assert(sizeof(struct xtcp_opts) == 48);

void xtcp_opt_parse(struct xtcp_opts *o, const u8 *p, u32 len, bool syn);
bool xtcp_opt_parse_fast_ts(const u8 *p, u32 len, u32 *tsval, u32 *tsecr);
u32 xtcp_opt_size_syn(u16 mss, bool ts, bool sack_perm, int wscale);
u32 xtcp_opt_write_syn(u8 *p, u16 mss, bool ts, u32 tsval, u32 tsecr, bool sack_perm,
		       int wscale);
u32 xtcp_opt_size(bool ts, u8 nsack);
u32 xtcp_opt_write(u8 *p, bool ts, u32 tsval, u32 tsecr, const struct xtcp_sack_block *sb,
		   u8 nsack);

#endif /* _XTCP_OPT_H */

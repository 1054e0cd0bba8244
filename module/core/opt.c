// SPDX-License-Identifier: GPL-2.0-only
/*
 * TCP options: parser and writers. No state, no lock.
 *
 * The parser obeys Linux's habits: an option whose length does not fit its kind
 * is skipped, one whose length is 0, 1 or past the end ends the parse and what
 * stood before it counts (RFC 9293 MUST-6, MUST-7), options of the handshake
 * count on a SYN only, and of two equal options the later one wins.
 */
#include <xtcp/opt.h>

enum {
	OPT_EOL = 0,
	OPT_NOP = 1,
	OPT_MSS = 2,
	OPT_WSCALE = 3,
	OPT_SACK_PERM = 4,
	OPT_SACK = 5,
	OPT_TS = 8,
};

enum {
	OPT_MSS_LEN = 4,
	OPT_WSCALE_LEN = 3,
	OPT_SACK_PERM_LEN = 2,
	OPT_SACK_BASE = 2,
	OPT_SACK_BLOCK = 8,
	OPT_TS_LEN = 10,
};

/* MSS, window scale and SACK-permitted; @p is behind the length byte. */
static void opt_take_syn(struct xtcp_opts *o, u8 kind, const u8 *p, u32 size)
{
	if (kind == OPT_MSS && size == OPT_MSS_LEN && xtcp_get_be16(p)) {
		o->mss = xtcp_get_be16(p);
		o->has |= XTCP_OPT_MSS;
	} else if (kind == OPT_WSCALE && size == OPT_WSCALE_LEN) {
		/* RFC 7323 2.3: use 14 for a greater shift */
		o->wscale = p[0] > XTCP_OPT_WSCALE_MAX ? XTCP_OPT_WSCALE_MAX : p[0];
		o->has |= XTCP_OPT_WSCALE;
	} else if (kind == OPT_SACK_PERM && size == OPT_SACK_PERM_LEN) {
		o->has |= XTCP_OPT_SACK_PERM;
	}
}

static void opt_take_sack(struct xtcp_opts *o, const u8 *p, u32 size)
{
	u32 i, n = (size - OPT_SACK_BASE) / OPT_SACK_BLOCK;

	if (!n || (size - OPT_SACK_BASE) % OPT_SACK_BLOCK)
		return;
	n = xtcp_min_u32(n, XTCP_OPT_SACKS_MAX);
	for (i = 0; i < n; i++) {
		o->sacks[i].start = xtcp_get_be32(p + i * OPT_SACK_BLOCK);
		o->sacks[i].end = xtcp_get_be32(p + i * OPT_SACK_BLOCK + 4);
	}
	o->num_sacks = (u8)n;
	o->has |= XTCP_OPT_SACK;
}

/* One option of @size bytes, @size within the area; @p is behind the length byte. */
static void opt_take(struct xtcp_opts *o, u8 kind, const u8 *p, u32 size, bool syn)
{
	if (kind == OPT_TS) {
		if (size != OPT_TS_LEN)
			return;
		o->tsval = xtcp_get_be32(p);
		o->tsecr = xtcp_get_be32(p + 4);
		o->has |= XTCP_OPT_TS;
	} else if (kind == OPT_SACK) {
		opt_take_sack(o, p, size);
	} else if (syn) {
		opt_take_syn(o, kind, p, size);
	}
}

/**
 * xtcp_opt_parse_fast_ts - read the option area of nearly every data segment
 * @p: the bytes behind the fixed header
 * @len: their number
 * @tsval: timestamp value, written on success
 * @tsecr: timestamp echo reply, written on success
 *
 * Return: true if the area is exactly NOP, NOP, timestamp (RFC 7323 appendix A).
 */
bool xtcp_opt_parse_fast_ts(const u8 *p, u32 len, u32 *tsval, u32 *tsecr)
{
	if (len != XTCP_OPT_TS_ALIGNED || p[0] != OPT_NOP || p[1] != OPT_NOP ||
	    p[2] != OPT_TS || p[3] != OPT_TS_LEN)
		return false;
	*tsval = xtcp_get_be32(p + 4);
	*tsecr = xtcp_get_be32(p + 8);
	return true;
}

/* MSS, SACK-permitted, timestamps, NOP, window scale: how Linux begins a connection. */
static bool opt_parse_usual_syn(struct xtcp_opts *o, const u8 *p, u32 len)
{
	if (len != 20 || xtcp_get_be16(p) != (OPT_MSS << 8 | OPT_MSS_LEN) ||
	    !xtcp_get_be16(p + 2) ||
	    xtcp_get_be16(p + 4) != (OPT_SACK_PERM << 8 | OPT_SACK_PERM_LEN) ||
	    xtcp_get_be16(p + 6) != (OPT_TS << 8 | OPT_TS_LEN) || p[16] != OPT_NOP ||
	    xtcp_get_be16(p + 17) != (OPT_WSCALE << 8 | OPT_WSCALE_LEN) ||
	    p[19] > XTCP_OPT_WSCALE_MAX)
		return false;
	o->mss = xtcp_get_be16(p + 2);
	o->tsval = xtcp_get_be32(p + 8);
	o->tsecr = xtcp_get_be32(p + 12);
	o->wscale = p[19];
	o->has = XTCP_OPT_MSS | XTCP_OPT_SACK_PERM | XTCP_OPT_TS | XTCP_OPT_WSCALE;
	return true;
}

/**
 * xtcp_opt_parse - read an option area
 * @o: result; only the blocks below num_sacks of its sacks are written
 * @p: the bytes behind the fixed header
 * @len: their number, any
 * @syn: the segment is a SYN: options of the handshake count
 *
 * Reads nothing outside of @p to @p + @len. RFC 9293 3.1, 7323, 2018.
 */
void xtcp_opt_parse(struct xtcp_opts *o, const u8 *p, u32 len, bool syn)
{
	u32 size;

	o->tsval = 0;
	o->tsecr = 0;
	o->mss = 0;
	o->wscale = 0;
	o->has = 0;
	o->num_sacks = 0;

	if (xtcp_opt_parse_fast_ts(p, len, &o->tsval, &o->tsecr)) {
		o->has = XTCP_OPT_TS;
		return;
	}
	if (syn && opt_parse_usual_syn(o, p, len))
		return;
	while (len && p[0] != OPT_EOL) {
		if (p[0] == OPT_NOP) {
			p++;
			len--;
			continue;
		}
		size = len < 2 ? 0 : p[1];
		if (size < 2 || size > len) {
			o->has |= XTCP_OPT_BAD;
			return;
		}
		opt_take(o, p[0], p + 2, size, syn);
		p += size;
		len -= size;
	}
}

/* Four bytes: kind and length behind two bytes that fill up to the word. */
static u8 *opt_put_head(u8 *p, u8 fill0, u8 fill1, u8 kind, u8 size)
{
	p[0] = fill0;
	p[1] = fill1;
	p[2] = kind;
	p[3] = size;
	return p + 4;
}

static u8 *opt_put_words(u8 *p, u32 a, u32 b)
{
	xtcp_put_be32(p, a);
	xtcp_put_be32(p + 4, b);
	return p + 8;
}

/**
 * xtcp_opt_size_syn - bytes that xtcp_opt_write_syn() writes
 * @mss: maximum segment size, 0 for no option
 * @ts: with timestamps
 * @sack_perm: with SACK-permitted
 * @wscale: window shift, -1 for no option
 *
 * Return: a multiple of 4, at most 20.
 */
u32 xtcp_opt_size_syn(u16 mss, bool ts, bool sack_perm, int wscale)
{
	u32 n = mss ? 4 : 0;

	if (ts)
		n += XTCP_OPT_TS_ALIGNED;
	else if (sack_perm)
		n += 4;
	return n + (wscale >= 0 ? 4 : 0);
}

/**
 * xtcp_opt_write_syn - write the options of a SYN or SYN-ACK in Linux's order
 * @p: room for xtcp_opt_size_syn() bytes
 * @mss: maximum segment size, 0 for no option
 * @ts: with timestamps
 * @tsval: timestamp value
 * @tsecr: timestamp echo reply
 * @sack_perm: with SACK-permitted, in the place of the timestamp's padding
 * @wscale: window shift, -1 for no option
 *
 * Return: bytes written.
 */
u32 xtcp_opt_write_syn(u8 *p, u16 mss, bool ts, u32 tsval, u32 tsecr, bool sack_perm,
		       int wscale)
{
	u8 *start = p;

	if (mss)
		p = opt_put_head(p, OPT_MSS, OPT_MSS_LEN, (u8)(mss >> 8), (u8)mss);
	if (ts) {
		if (sack_perm)
			p = opt_put_head(p, OPT_SACK_PERM, OPT_SACK_PERM_LEN, OPT_TS, OPT_TS_LEN);
		else
			p = opt_put_head(p, OPT_NOP, OPT_NOP, OPT_TS, OPT_TS_LEN);
		p = opt_put_words(p, tsval, tsecr);
	} else if (sack_perm) {
		p = opt_put_head(p, OPT_NOP, OPT_NOP, OPT_SACK_PERM, OPT_SACK_PERM_LEN);
	}
	if (wscale >= 0)
		p = opt_put_head(p, OPT_NOP, OPT_WSCALE, OPT_WSCALE_LEN, (u8)wscale);
	return (u32)(p - start);
}

/* As many of @nsack blocks as 40 bytes hold: 3 beside timestamps, otherwise 4. */
static u32 opt_fit_sacks(bool ts, u8 nsack)
{
	return xtcp_min_u32(nsack, ts ? XTCP_OPT_SACKS_MAX - 1 : XTCP_OPT_SACKS_MAX);
}

/**
 * xtcp_opt_size - bytes that xtcp_opt_write() writes
 * @ts: with timestamps
 * @nsack: SACK blocks wanted
 *
 * Return: a multiple of 4, at most 40.
 */
u32 xtcp_opt_size(bool ts, u8 nsack)
{
	u32 blocks = opt_fit_sacks(ts, nsack);

	return (ts ? XTCP_OPT_TS_ALIGNED : 0) + (blocks ? 4 + blocks * OPT_SACK_BLOCK : 0);
}

/**
 * xtcp_opt_write - write the options of a segment without SYN
 * @p: room for xtcp_opt_size() bytes
 * @ts: with timestamps
 * @tsval: timestamp value
 * @tsecr: timestamp echo reply
 * @sb: SACK blocks, most recent first
 * @nsack: their number; those that do not fit are left out
 *
 * Return: bytes written.
 */
u32 xtcp_opt_write(u8 *p, bool ts, u32 tsval, u32 tsecr, const struct xtcp_sack_block *sb,
		   u8 nsack)
{
	u32 i, blocks = opt_fit_sacks(ts, nsack);
	u8 *start = p;

	if (ts) {
		p = opt_put_head(p, OPT_NOP, OPT_NOP, OPT_TS, OPT_TS_LEN);
		p = opt_put_words(p, tsval, tsecr);
	}
	if (blocks)
		p = opt_put_head(p, OPT_NOP, OPT_NOP, OPT_SACK,
				 (u8)(OPT_SACK_BASE + blocks * OPT_SACK_BLOCK));
	for (i = 0; i < blocks; i++)
		p = opt_put_words(p, sb[i].start, sb[i].end);
	return (u32)(p - start);
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * Segments: half random, half mutations of good ones, through the header and the
 * option parser. Threat 28; every read outside of the segment is a report of ASan.
 */
#include <xtcp/opt.h>
#include <xtcp/seg.h>

#include "fuzz.h"

#define AREA 128

static u64 area_words[AREA / sizeof(u64)];
static u8 *const area = (u8 *)area_words;
static u64 errors[4], seen_bad, seen_fast, seen[6];

/* Option areas as real stacks write them. */
static const struct {
	u8 len;
	u8 bytes[40];
} seeds[] = {
	{ 20, { 2, 4, 5, 180, 4, 2, 8, 10, 1, 2, 3, 4, 0, 0, 0, 0, 1, 3, 3, 7 } }, /* Linux SYN */
	{ 12, { 2, 4, 5, 180, 1, 3, 3, 8, 1, 1, 4, 2 } }, /* Windows SYN */
	{ 24, { 2, 4, 5, 180, 1, 3, 3, 6, 1, 1, 8, 10, 9, 9, 9, 9, 0, 0, 0, 0, 4, 2, 0, 0 } },
	{ 12, { 1, 1, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8 } },
	{ 24, { 1, 1, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8, 1, 1, 5, 10, 0, 0, 1, 0, 0, 0, 2, 0 } },
	{ 36, { 1, 1, 5, 34, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4, 0, 0, 0, 5, 0, 0, 0, 6,
		0, 0, 0, 7, 0, 0, 0, 8, 0 } },
	{ 40, { 1, 1, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8, 1, 1, 5, 26, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3,
		0, 0, 0, 4, 0, 0, 0, 5, 0, 0, 0, 6, 0 } },
	{ 20, { 1, 1, 19, 18, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16 } }, /* MD5 */
	{ 12, { 34, 10, 1, 2, 3, 4, 5, 6, 7, 8, 1, 0 } }, /* Fast Open */
	{ 4, { 30, 4, 0, 1 } }, /* MPTCP */
};

static void fuzz_fill(u8 *p, u32 n)
{
	while (n--)
		*p++ = (u8)fuzz_rnd();
}

/* Kinds and lengths that mean something, in any order, cut off anywhere. */
static u32 fuzz_options_any(u8 *p, u32 room)
{
	static const u8 sizes[] = { 0, 1, 2, 3, 4, 10, 18, 26, 34, 255 };
	u32 n = 0;

	while (n + 2 <= room && fuzz_below(8)) {
		p[n] = (u8)fuzz_below(10);
		p[n + 1] = fuzz_below(4) ? sizes[fuzz_below(sizeof(sizes))] : (u8)fuzz_rnd();
		n += p[n] < 2 ? 1 : xtcp_max_u32(p[n + 1], 2);
	}
	return xtcp_min_u32(n, room);
}

static u32 fuzz_options_seeded(u8 *p)
{
	u32 i = fuzz_below(ARRAY_SIZE(seeds)), flips = fuzz_below(4);

	memcpy(p, seeds[i].bytes, seeds[i].len);
	while (flips--)
		p[fuzz_below(seeds[i].len)] = fuzz_rnd() & 1 ? (u8)fuzz_rnd() : (u8)fuzz_edge();
	return seeds[i].len;
}

/* One segment into area[]; returns the bytes at hand, the total may differ. */
static u32 fuzz_segment(u32 *total)
{
	u32 avail, opts;

	fuzz_fill(area, 64);
	if (fuzz_below(8)) {
		opts = fuzz_rnd() & 1 ? fuzz_options_seeded(area + 20) :
					fuzz_options_any(area + 20, 40);
		area[12] = (u8)((20 + opts + 3) / 4 << 4 | fuzz_below(16));
	}
	if (!fuzz_below(16))
		area[12] = (u8)fuzz_rnd();
	avail = fuzz_below(8) ? 60 : fuzz_below(64);
	*total = fuzz_below(8) ? avail + fuzz_below(1500) : fuzz_below(80);
	return avail;
}

static void fuzz_check_opts(const struct xtcp_opts *o, bool syn)
{
	u8 handshake = XTCP_OPT_MSS | XTCP_OPT_WSCALE | XTCP_OPT_SACK_PERM;
	u32 bit;

	FUZZ_ASSERT(o->num_sacks <= XTCP_OPT_SACKS_MAX);
	FUZZ_ASSERT(!!o->num_sacks == !!(o->has & XTCP_OPT_SACK));
	FUZZ_ASSERT(o->wscale <= XTCP_OPT_WSCALE_MAX);
	FUZZ_ASSERT(!!o->mss == !!(o->has & XTCP_OPT_MSS));
	FUZZ_ASSERT(syn || !(o->has & handshake));
	seen_bad += !!(o->has & XTCP_OPT_BAD);
	for (bit = 0; bit < 5; bit++)
		seen[bit] += o->has >> bit & 1;
}

/* What was parsed, written and parsed again, is the same. */
static void fuzz_rewrite_syn(const struct xtcp_opts *o)
{
	int wscale = o->has & XTCP_OPT_WSCALE ? o->wscale : -1;
	bool ts = o->has & XTCP_OPT_TS, sack = o->has & XTCP_OPT_SACK_PERM;
	struct xtcp_opts again;
	u8 out[20];
	u32 n = xtcp_opt_write_syn(out, o->mss, ts, o->tsval, o->tsecr, sack, wscale);

	FUZZ_ASSERT(n <= sizeof(out) && n == xtcp_opt_size_syn(o->mss, ts, sack, wscale));
	xtcp_opt_parse(&again, out, n, true);
	FUZZ_ASSERT(again.has == (o->has & ~(XTCP_OPT_BAD | XTCP_OPT_SACK)));
	FUZZ_ASSERT(again.mss == o->mss && again.wscale == o->wscale);
	FUZZ_ASSERT(again.tsval == o->tsval && again.tsecr == o->tsecr);
}

static void fuzz_rewrite(const struct xtcp_opts *o)
{
	bool ts = o->has & XTCP_OPT_TS;
	struct xtcp_opts again;
	u8 out[40];
	u32 n = xtcp_opt_write(out, ts, o->tsval, o->tsecr, o->sacks, o->num_sacks);

	FUZZ_ASSERT(n <= sizeof(out) && n == xtcp_opt_size(ts, o->num_sacks));
	xtcp_opt_parse(&again, out, n, false);
	FUZZ_ASSERT(again.has == (o->has & (XTCP_OPT_TS | XTCP_OPT_SACK)));
	FUZZ_ASSERT(again.num_sacks == xtcp_min_u32(o->num_sacks, ts ? 3 : 4));
	FUZZ_ASSERT(!memcmp(again.sacks, o->sacks, again.num_sacks * sizeof(o->sacks[0])));
}

static void fuzz_options(const u8 *p, u32 len)
{
	struct xtcp_opts o;
	u32 tsval, tsecr;

	xtcp_opt_parse(&o, p, len, true);
	fuzz_check_opts(&o, true);
	fuzz_rewrite_syn(&o);
	xtcp_opt_parse(&o, p, len, false);
	fuzz_check_opts(&o, false);
	fuzz_rewrite(&o);
	if (xtcp_opt_parse_fast_ts(p, len, &tsval, &tsecr)) {
		FUZZ_ASSERT(o.has == XTCP_OPT_TS && o.tsval == tsval && o.tsecr == tsecr);
		seen_fast++;
	}
}

static void fuzz_one(void)
{
	struct xtcp_seg seg;
	u32 total, avail = fuzz_segment(&total);
	enum xtcp_seg_error err;

	ASAN_POISON_MEMORY_REGION(area + avail, AREA - avail);
	err = xtcp_seg_parse(&seg, area, avail, total);
	errors[err]++;
	if (err == XTCP_SEG_OK) {
		FUZZ_ASSERT(seg.doff >= 20 && seg.doff <= 60 && seg.doff <= avail);
		FUZZ_ASSERT(seg.len + seg.doff == total);
		FUZZ_ASSERT(seg.end_seq - seg.seq - seg.len <= 2);
		ASAN_POISON_MEMORY_REGION(area + seg.doff, AREA - seg.doff);
		fuzz_options(area + 20, seg.doff - 20U);
	}
	ASAN_UNPOISON_MEMORY_REGION(area, AREA);

	/* the area alone, of any length */
	avail = 20 + fuzz_below(45);
	ASAN_POISON_MEMORY_REGION(area + avail, AREA - avail);
	fuzz_options(area + 20, avail - 20);
	ASAN_UNPOISON_MEMORY_REGION(area, AREA);
}

int main(void)
{
	fuzz_start(10000000);
	for (fuzz_done = 0; fuzz_done < fuzz_count; fuzz_done++)
		fuzz_one();
	fuzz_reached("headers parsed", errors[XTCP_SEG_OK]);
	fuzz_reached("headers short", errors[XTCP_SEG_SHORT]);
	fuzz_reached("data offsets too small", errors[XTCP_SEG_DOFF_SMALL]);
	fuzz_reached("data offsets too long", errors[XTCP_SEG_DOFF_LONG]);
	fuzz_reached("broken option areas", seen_bad);
	fuzz_reached("with MSS", seen[0]);
	fuzz_reached("with window scale", seen[1]);
	fuzz_reached("with SACK permitted", seen[2]);
	fuzz_reached("with timestamps", seen[3]);
	fuzz_reached("with SACK blocks", seen[4]);
	fuzz_reached("on the fast path", seen_fast);
	printf("ok 1 segments\n");
	return EXIT_SUCCESS;
}

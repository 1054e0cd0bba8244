// SPDX-License-Identifier: GPL-2.0-only
/*
 * SACK: blocks with edges where arithmetic breaks against the sender's checks, and
 * random arrivals against the receiver's list. Threat 7.
 */
#include <xtcp/sack.h>

#include "fuzz.h"

static u64 valid, dsacks, straddled, reported, sorted;

/* A word at a small distance from one of the window's landmarks, or half a circle off. */
static u32 fuzz_near(const u32 *marks, u32 n)
{
	u32 v = marks[fuzz_below(n)];

	if (fuzz_below(4))
		v += fuzz_below(7) - 3;
	else
		v += fuzz_edge();
	return fuzz_below(8) ? v : v + 0x80000000U;
}

/* The definition in 64 bits: positions counted from SND.UNA as signed distances. */
static bool fuzz_definition(u32 una, u32 nxt, u32 start, u32 end)
{
	s64 s = (s64)(u32)(start - una), e = (s64)(u32)(end - una);

	return s > 0 && s < e && e <= (s64)(u32)(nxt - una);
}

static void fuzz_sender(void)
{
	u32 una = fuzz_edge(), nxt = una + fuzz_below(1 << 24);
	u32 marker = una - fuzz_below(1 << 16), window = fuzz_below(1 << 24);
	u32 marks[] = { una, nxt, marker, una + (nxt - una) / 2, una - window };
	struct xtcp_sack_block b[4];
	u32 i, n = 0;
	u64 before = 0;

	for (i = 0; i < 4; i++) {
		u32 start = fuzz_near(marks, 5), end = fuzz_near(marks, 5);
		bool plain = xtcp_sack_block_valid(una, nxt, marker, window, start, end, false);

		FUZZ_ASSERT(plain == fuzz_definition(una, nxt, start, end));
		if (xtcp_sack_block_valid(una, nxt, marker, window, start, end, true) && !plain) {
			dsacks++;
			straddled += una - start > una - marker;
			FUZZ_ASSERT(end - start <= xtcp_max_u32(window, una - marker));
			FUZZ_ASSERT(una - start <= (una - marker) + window);
			FUZZ_ASSERT(una - end < una - start);
		}
		if (plain) {
			valid++;
			b[n].start = start;
			b[n++].end = end;
			before += end - start;
		}
	}
	n = xtcp_sack_sort(b, (u8)n, una);
	for (i = 0; i < n; i++) {
		FUZZ_ASSERT(fuzz_definition(una, nxt, b[i].start, b[i].end));
		FUZZ_ASSERT(!i || b[i].start - una > b[i - 1].end - una);
		FUZZ_ASSERT(b[i].end - b[i].start <= before);
		sorted += !!i;
	}
}

static void fuzz_receiver(void)
{
	struct xtcp_sack_rcv r;
	struct xtcp_sack_block out[4];
	u32 nxt = fuzz_edge(), steps = fuzz_below(12);
	u8 i, j, n;

	xtcp_sack_rcv_init(&r);
	while (steps--) {
		u32 start = nxt + 1 + fuzz_below(200), end = start + 1 + fuzz_below(50);

		if (fuzz_below(4))
			xtcp_sack_rcv_add(&r, start, end);
		else if (fuzz_below(2))
			xtcp_sack_rcv_dsack(&r, nxt - fuzz_below(50) - 1, nxt);
		else
			xtcp_sack_rcv_advance(&r, nxt += fuzz_below(60));
		FUZZ_ASSERT(r.num <= XTCP_SACK_BLOCKS);
		for (i = 0; i < r.num; i++) {
			FUZZ_ASSERT(xtcp_seq_after(r.blocks[i].start, nxt));
			FUZZ_ASSERT(xtcp_seq_before(r.blocks[i].start, r.blocks[i].end));
			for (j = 0; j < i; j++)
				FUZZ_ASSERT(xtcp_seq_after(r.blocks[i].start, r.blocks[j].end) ||
					    xtcp_seq_before(r.blocks[i].end, r.blocks[j].start));
		}
	}
	n = xtcp_sack_rcv_report(&r, out, (u8)fuzz_below(5));
	FUZZ_ASSERT(n <= 4);
	reported += n;
}

int main(void)
{
	fuzz_start(10000000);
	for (fuzz_done = 0; fuzz_done < fuzz_count; fuzz_done++) {
		fuzz_sender();
		fuzz_receiver();
	}
	fuzz_reached("valid blocks", valid);
	fuzz_reached("valid D-SACKs", dsacks);
	fuzz_reached("of these across the marker", straddled);
	fuzz_reached("blocks sorted behind another", sorted);
	fuzz_reached("blocks reported", reported);
	printf("ok 1 SACK blocks\n");
	return EXIT_SUCCESS;
}

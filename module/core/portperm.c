// SPDX-License-Identifier: GPL-2.0-only
/*
 * Order of ephemeral ports: a Feistel network over the range's bits. No state, no lock.
 *
 * RFC 6056 algorithm 3 gives a random start and then walks upwards: whoever sees
 * one port of a destination knows the next. Here the whole order is keyed, and
 * each number of the range still comes exactly once.
 */
#include <xtcp/portperm.h>

#define PORTPERM_ROUNDS 8

static u32 portperm_mix(u32 v, u32 key)
{
	v = (v ^ key) * 0x9e3779b1U;
	v ^= v >> 15;
	v = (v + key) * 0x85ebca77U;
	return v ^ v >> 13;
}

/* Permute [0, 2^bits): each round alters one half by a function of the other. */
static u32 portperm_feistel(const u32 key[4], u32 bits, u32 x)
{
	u32 lo_bits = bits / 2;
	u32 lo_mask = (1U << lo_bits) - 1;
	u32 hi_mask = (1U << (bits - lo_bits)) - 1;
	u32 hi = x >> lo_bits;
	u32 lo = x & lo_mask;
	u32 r, k;

	for (r = 0; r < PORTPERM_ROUNDS; r++) {
		k = key[r % 4] + r;
		if (r % 2)
			lo ^= portperm_mix(hi, k) & lo_mask;
		else
			hi ^= portperm_mix(lo, k) & hi_mask;
	}
	return hi << lo_bits | lo;
}

/**
 * xtcp_portperm_nth - the @i-th number of a keyed permutation
 * @key: secret words, of the destination's own
 * @range: size of the range, 1 to XTCP_PORTPERM_RANGE_MAX
 * @i: place in the order, below @range
 *
 * Numbers of the power of two around @range that lie outside of it are walked
 * through until one lies inside: fewer than two steps on average.
 *
 * Return: a number below @range, another one for each @i.
 */
u32 xtcp_portperm_nth(const u32 key[4], u32 range, u32 i)
{
	u32 bits;

	if (range < 2)
		return 0;
	bits = xtcp_ilog2(range - 1) + 1;
	do {
		i = portperm_feistel(key, bits, i);
	} while (i >= range);
	return i;
}

// SPDX-License-Identifier: GPL-2.0-only
/* module/core/portperm.c */
#include <xtcp/portperm.h>

#include "tap.h"

static void test_key(u32 key[4], u64 *rnd)
{
	int i;

	for (i = 0; i < 4; i++)
		key[i] = tap_rnd(rnd);
}

static bool test_is_permutation(const u32 key[4], u32 range)
{
	static u8 seen[XTCP_PORTPERM_RANGE_MAX];
	u32 i, n;

	memset(seen, 0, sizeof(seen));
	for (i = 0; i < range; i++) {
		n = xtcp_portperm_nth(key, range, i);
		if (n >= range || seen[n])
			return false;
		seen[n] = 1;
	}
	return true;
}

TEST(portperm_nth__each_port_once)
{
	static const u32 ranges[] = { 1, 2, 3, 4, 5, 7, 8, 9, 100, 255, 256, 257, 1000, 16383,
				      16384, 16385, 20000, 28232, 65535, 65536 };
	u64 rnd = 0x5eed0005;
	u32 i, k, key[4];

	for (i = 0; i < ARRAY_SIZE(ranges); i++) {
		for (k = 0; k < 5; k++) {
			test_key(key, &rnd);
			EXPECT_TRUE(test_is_permutation(key, ranges[i]));
		}
	}
	for (i = 1; i < 600; i++) {
		test_key(key, &rnd);
		EXPECT_TRUE(test_is_permutation(key, i));
	}
}

TEST(portperm_nth__empty_range)
{
	static const u32 key[4] = { 1, 2, 3, 4 };

	EXPECT_EQ(xtcp_portperm_nth(key, 0, 0), 0);
	EXPECT_EQ(xtcp_portperm_nth(key, 1, 0), 0);
}

/* Over random keys the i-th port is uniform: chi-square of 100 cells, 99 degrees of freedom. */
TEST(portperm_nth__uniform)
{
	u64 rnd = 0x5eed0006;
	u32 place, i, key[4];

	for (place = 0; place < 20000; place += 6666) {
		u32 cell[100] = { 0 };
		u64 chi = 0;

		for (i = 0; i < 100000; i++) {
			test_key(key, &rnd);
			cell[xtcp_portperm_nth(key, 20000, place) / 200]++;
		}
		for (i = 0; i < 100; i++)
			chi += (u64)(cell[i] - 1000LL) * (u64)(cell[i] - 1000LL);
		EXPECT_LT(chi / 1000, 160); /* p below 0.0001 */
		EXPECT_GT(chi / 1000, 50);
	}
}

/* Who sees a port can't tell the next: differences of neighbours are uniform as well. */
TEST(portperm_nth__neighbours_are_unrelated)
{
	u64 rnd = 0x5eed0007, chi = 0;
	u32 cell[100] = { 0 };
	u32 i, a, b, key[4];

	for (i = 0; i < 100000; i++) {
		test_key(key, &rnd);
		a = xtcp_portperm_nth(key, 20000, i % 19999);
		b = xtcp_portperm_nth(key, 20000, i % 19999 + 1);
		cell[(a + 20000 - b) % 20000 / 200]++;
	}
	for (i = 0; i < 100; i++)
		chi += (u64)(cell[i] - 1000LL) * (u64)(cell[i] - 1000LL);
	EXPECT_LT(chi / 1000, 160);
}

/*
 * CVE-2022-32296: how far a destination's order went on between two connections says how many
 * others share its counter, which identifies the device. Here the two ports don't tell: whether
 * 1 or 7 places lie between, each step is as likely as any other.
 */
TEST(portperm_nth__steps_look_alike)
{
	u32 places, i, step, key[4];
	u64 rnd = 0x5eed0009;

	for (places = 1; places < 8; places++) {
		u32 cell[100] = { 0 }, near = 0;
		u64 chi = 0;

		test_key(key, &rnd);
		for (i = 0; i < 100000; i++) {
			if (!(i % 100))	/* another destination */
				test_key(key, &rnd);
			step = (20000 + xtcp_portperm_nth(key, 20000, i % 100 + places) -
				xtcp_portperm_nth(key, 20000, i % 100)) % 20000;
			cell[step / 200]++;
			near += step <= 10 || step >= 20000 - 10;
		}
		for (i = 0; i < 100; i++)
			chi += (u64)(cell[i] - 1000LL) * (u64)(cell[i] - 1000LL);
		EXPECT_LT(chi / 1000, 165);
		EXPECT_LT(near, 150);	/* 100 by chance */
	}
}

/* Every key word counts: one flipped bit gives another order nearly everywhere. */
TEST(portperm_nth__every_key_bit_counts)
{
	u64 rnd = 0x5eed0008;
	u32 bit, i, same, key[4], other[4];

	test_key(key, &rnd);
	for (bit = 0; bit < 128; bit++) {
		memcpy(other, key, sizeof(key));
		other[bit / 32] ^= 1U << (bit % 32);
		same = 0;
		for (i = 0; i < 1000; i++)
			same += xtcp_portperm_nth(key, 20000, i) ==
				xtcp_portperm_nth(other, 20000, i);
		EXPECT_LT(same, 20);
	}
}

// SPDX-License-Identifier: GPL-2.0-only
/* module/core/lifetime.c */
#include <xtcp/lifetime.h>

#include "tap.h"

#define LONGEST 1920U

TEST(lifetime_class__never_shorter_and_an_eighth_longer_at_most)
{
	u32 units, got;

	for (units = 0; units <= LONGEST; units++) {
		got = xtcp_lifetime_units(xtcp_lifetime_class(units));
		EXPECT_GE(got, units);
		EXPECT_LE(got - units, units / 8);
	}
}

TEST(lifetime_class__the_usual_ones_are_exact)
{
	static const u32 seconds[] = { 0, 1, 2, 3, 5, 10, 15, 20, 30, 40, 60, 120, 240 };
	u32 i, units;

	for (i = 0; i < ARRAY_SIZE(seconds); i++) {
		units = seconds[i] * XTCP_LIFETIME_UNITS_PER_SEC;
		EXPECT_EQ(xtcp_lifetime_units(xtcp_lifetime_class(units)), units);
	}
}

TEST(lifetime_class__in_order_and_within_bounds)
{
	u32 units, class, last = 0;

	for (units = 0; units < 3 * LONGEST; units++) {
		class = xtcp_lifetime_class(units);
		EXPECT_GE(class, last);
		EXPECT_LT(class, XTCP_LIFETIME_CLASSES);
		last = class;
	}
	EXPECT_EQ(xtcp_lifetime_class(LONGEST), XTCP_LIFETIME_CLASSES - 1);
	EXPECT_EQ(xtcp_lifetime_class(U32_MAX), XTCP_LIFETIME_CLASSES - 1);
}

TEST(lifetime_units__each_class_is_its_own)
{
	u32 class;

	for (class = 0; class < XTCP_LIFETIME_CLASSES; class++)
		EXPECT_EQ(xtcp_lifetime_class(xtcp_lifetime_units(class)), class);
	EXPECT_EQ(xtcp_lifetime_units(XTCP_LIFETIME_CLASSES - 1), LONGEST);
}

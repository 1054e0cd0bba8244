// SPDX-License-Identifier: GPL-2.0-only
/* lifetime.c owns the classes of lifetimes (lifetime.h). */
#include <xtcp/lifetime.h>

/* A class is 8 steps to the power of two: 1 ... 7, then 8 ... 15, 16, 18 ... 30, 32, 36 ... */
#define LIFETIME_STEPS	8U
#define LIFETIME_LOG	3U

/**
 * xtcp_lifetime_class - the class of those that live no shorter
 * @units: wanted, in 1/XTCP_LIFETIME_UNITS_PER_SEC s
 *
 * Return: the first class that lasts @units, or the last there is
 */
u8 xtcp_lifetime_class(u32 units)
{
	u32 shift, steps, class;

	if (units < LIFETIME_STEPS)
		return (u8)units;
	if (units > xtcp_lifetime_units(XTCP_LIFETIME_CLASSES - 1))
		return XTCP_LIFETIME_CLASSES - 1;
	shift = xtcp_ilog2(units) - LIFETIME_LOG;
	steps = (units + (1U << shift) - 1) >> shift;
	/* Rounded up to the next power of two, it is the first class of that. */
	class = (shift << LIFETIME_LOG) + steps;
	return (u8)class;
}

/**
 * xtcp_lifetime_units - how long a class lives
 * @class: below XTCP_LIFETIME_CLASSES
 */
u32 xtcp_lifetime_units(u8 class)
{
	if (class < LIFETIME_STEPS)
		return class;
	return (LIFETIME_STEPS + class % LIFETIME_STEPS) << (class / LIFETIME_STEPS - 1);
}

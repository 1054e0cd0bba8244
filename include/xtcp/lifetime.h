/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Classes of lifetimes: all that live equally long stand in one queue, which then needs
 * no order but that of arrival. Any lifetime belongs to one of few classes, rounded up
 * by an eighth at most, as the kernel's own timers are.
 */
#ifndef _XTCP_LIFETIME_H
#define _XTCP_LIFETIME_H

#include <xtcp/types.h>

#define XTCP_LIFETIME_UNITS_PER_SEC	4U
#define XTCP_LIFETIME_CLASSES		72U	/* 0 to 480 s */

u8 xtcp_lifetime_class(u32 units);
u32 xtcp_lifetime_units(u8 class);

#endif /* _XTCP_LIFETIME_H */

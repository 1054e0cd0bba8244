/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The order in which ephemeral ports are tried (RFC 6056): a keyed permutation,
 * so that a walk of the range visits each port exactly once, in an order that
 * nobody without the key can tell.
 */
#ifndef _XTCP_PORTPERM_H
#define _XTCP_PORTPERM_H

#include <xtcp/types.h>

#define XTCP_PORTPERM_RANGE_MAX 65536U

u32 xtcp_portperm_nth(const u32 key[4], u32 range, u32 i);

#endif /* _XTCP_PORTPERM_H */

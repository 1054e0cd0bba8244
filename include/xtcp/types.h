/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Types and small arithmetic of the pure core, in the kernel and in user space.
 *
 * The core takes time and random words as arguments and owns no lock: every
 * function works on memory of the caller, under the caller's lock.
 */
#ifndef _XTCP_TYPES_H
#define _XTCP_TYPES_H

#ifdef __KERNEL__

#include <linux/build_bug.h>
#include <linux/kernel.h>
#include <linux/math64.h>
#include <linux/string.h>
#include <linux/types.h>

#else

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef int s32;
typedef long long s64;

#define U16_MAX USHRT_MAX
#define U32_MAX UINT_MAX
#define U64_MAX ULLONG_MAX
#define S32_MAX INT_MAX

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

#undef static_assert
#define static_assert(expr) _Static_assert(expr, #expr)

#endif /* __KERNEL__ */

#define XTCP_USEC_PER_MSEC 1000U
#define XTCP_USEC_PER_SEC 1000000U

static inline u32 xtcp_min_u32(u32 a, u32 b)
{
	return a < b ? a : b;
}

static inline u32 xtcp_max_u32(u32 a, u32 b)
{
	return a > b ? a : b;
}

static inline u64 xtcp_min_u64(u64 a, u64 b)
{
	return a < b ? a : b;
}

static inline u64 xtcp_max_u64(u64 a, u64 b)
{
	return a > b ? a : b;
}

static inline u32 xtcp_clamp_u32(u32 v, u32 lo, u32 hi)
{
	return xtcp_min_u32(xtcp_max_u32(v, lo), hi);
}

/* 64-bit division that also links on a 32-bit kernel; @d must not be 0. */
static inline u64 xtcp_div_u64(u64 n, u64 d)
{
#ifdef __KERNEL__
	return div64_u64(n, d);
#else
	return n / d;
#endif
}

/* Index of the highest bit set; @v must not be 0. */
static inline u32 xtcp_ilog2(u32 v)
{
	return 31U - (u32)__builtin_clz(v);
}

static inline u16 xtcp_get_be16(const u8 *p)
{
	return (u16)((u32)p[0] << 8 | p[1]);
}

static inline u32 xtcp_get_be32(const u8 *p)
{
	return (u32)p[0] << 24 | (u32)p[1] << 16 | (u32)p[2] << 8 | p[3];
}

static inline void xtcp_put_be16(u8 *p, u16 v)
{
	p[0] = (u8)(v >> 8);
	p[1] = (u8)v;
}

static inline void xtcp_put_be32(u8 *p, u32 v)
{
	xtcp_put_be16(p, (u16)(v >> 16));
	xtcp_put_be16(p + 2, (u16)v);
}

#endif /* _XTCP_TYPES_H */

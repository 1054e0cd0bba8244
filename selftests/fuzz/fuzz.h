/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the fuzzers share: a count and a seed from the environment, repeatable
 * random words, and a buffer whose unused part ASan guards.
 *
 *   XTCP_FUZZ_COUNT   inputs to try
 *   XTCP_FUZZ_SEED    first state of the generator, printed at the start
 */
#ifndef _XTCP_SELFTESTS_FUZZ_H
#define _XTCP_SELFTESTS_FUZZ_H

#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xtcp/types.h>

static u64 fuzz_seed, fuzz_count, fuzz_done, fuzz_state;

static inline u32 fuzz_rnd(void)
{
	fuzz_state ^= fuzz_state >> 12;
	fuzz_state ^= fuzz_state << 25;
	fuzz_state ^= fuzz_state >> 27;
	return (u32)((fuzz_state * 0x2545f4914f6cdd1dULL) >> 32);
}

static inline u32 fuzz_below(u32 n)
{
	return (u32)(((u64)fuzz_rnd() * n) >> 32);
}

/* A word near where arithmetic breaks, or any. */
static inline u32 fuzz_edge(void)
{
	static const u32 edges[] = { 0, 1, 0x7fff, 0x8000, 0xffff, 0x10000, 0x7fffffff,
				     0x80000000, 0xfffffffe, 0xffffffff };

	if (fuzz_rnd() & 1)
		return fuzz_rnd();
	return edges[fuzz_below(ARRAY_SIZE(edges))] + fuzz_below(5) - 2;
}

static inline u64 fuzz_env(const char *name, u64 otherwise)
{
	const char *value = getenv(name);

	return value && *value ? strtoull(value, NULL, 0) : otherwise;
}

static void fuzz_death(void)
{
	printf("not ok 1 - input %llu of XTCP_FUZZ_SEED=0x%llx\n", fuzz_done, fuzz_seed);
	fflush(stdout);
}

static inline void fuzz_start(u64 count)
{
	fuzz_count = fuzz_env("XTCP_FUZZ_COUNT", count);
	fuzz_seed = fuzz_env("XTCP_FUZZ_SEED", 0x9e3779b97f4a7c15ULL);
	fuzz_state = fuzz_seed ? fuzz_seed : 1;
	__sanitizer_set_death_callback(fuzz_death);
	printf("TAP version 13\n1..1\n# XTCP_FUZZ_COUNT=%llu XTCP_FUZZ_SEED=0x%llx\n", fuzz_count,
	       fuzz_seed);
}

#define FUZZ_ASSERT(cond)							\
	do {									\
		if (!(cond)) {							\
			printf("# %s:%d: %s\n", __FILE__, __LINE__, #cond);	\
			fuzz_death();						\
			exit(EXIT_FAILURE);					\
		}								\
	} while (0)

/* A result that never came means that the inputs were no good. */
static inline void fuzz_reached(const char *what, u64 times)
{
	printf("# %12llu %s\n", times, what);
	if (fuzz_count >= 100000)
		FUZZ_ASSERT(times);
}

#endif /* _XTCP_SELFTESTS_FUZZ_H */

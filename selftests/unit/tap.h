/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tests of the pure core in user space: kselftest's macros, TAP on stdout.
 *
 * A TEST() runs in the order of the file and is named after the function it
 * tests: function__case. A failed EXPECT prints where and why and the test goes
 * on; a sanitizer report ends the program, which breaks the plan.
 */
#ifndef _XTCP_SELFTESTS_TAP_H
#define _XTCP_SELFTESTS_TAP_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xtcp/types.h>

struct tap_test {
	const char *name;
	void (*fn)(void);
	struct tap_test *next;
};

static struct tap_test *tap_first, **tap_tail = &tap_first;
static unsigned int tap_count, tap_errors;

static inline void tap_register(struct tap_test *t)
{
	*tap_tail = t;
	tap_tail = &t->next;
	tap_count++;
}

#define TEST(test_name)								\
	static void test_name(void);						\
	static struct tap_test tap_##test_name = { #test_name, test_name, NULL };	\
	static void __attribute__((constructor)) tap_add_##test_name(void)	\
	{									\
		tap_register(&tap_##test_name);					\
	}									\
	static void test_name(void)

#define TAP_EXPECT(a, op, b)							\
	do {									\
		long long tap_a = (long long)(a), tap_b = (long long)(b);	\
		if (!(tap_a op tap_b)) {					\
			printf("# %s:%d: %s %s %s: %lld, %lld\n", __FILE__,	\
			       __LINE__, #a, #op, #b, tap_a, tap_b);		\
			tap_errors++;						\
		}								\
	} while (0)

#define EXPECT_EQ(a, b) TAP_EXPECT(a, ==, b)
#define EXPECT_NE(a, b) TAP_EXPECT(a, !=, b)
#define EXPECT_LT(a, b) TAP_EXPECT(a, <, b)
#define EXPECT_LE(a, b) TAP_EXPECT(a, <=, b)
#define EXPECT_GT(a, b) TAP_EXPECT(a, >, b)
#define EXPECT_GE(a, b) TAP_EXPECT(a, >=, b)
#define EXPECT_TRUE(a) TAP_EXPECT(!!(a), ==, 1)
#define EXPECT_FALSE(a) TAP_EXPECT(!!(a), ==, 0)
#define EXPECT_STREQ(a, b) TAP_EXPECT(strcmp(a, b), ==, 0)

/* Deterministic random words (xorshift64*); a test that uses them is repeatable. */
static inline u32 tap_rnd(u64 *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return (u32)((*state * 0x2545f4914f6cdd1dULL) >> 32);
}

int main(void)
{
	unsigned int n = 0, failed = 0;
	struct tap_test *t;

	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("TAP version 13\n1..%u\n", tap_count);
	for (t = tap_first; t; t = t->next) {
		tap_errors = 0;
		t->fn();
		failed += !!tap_errors;
		printf("%sok %u %s\n", tap_errors ? "not " : "", ++n, t->name);
	}
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

#endif /* _XTCP_SELFTESTS_TAP_H */

// SPDX-License-Identifier: GPL-2.0-only
/* TAP on stdout. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fsm.h"

static int tap_planned, tap_number, tap_failed;

void tap_plan(int tests)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("TAP version 13\n1..%d\n", tests);
	tap_planned = tests;
}

void tap_ok(bool ok, const char *name, ...)
{
	va_list ap;

	printf("%sok %d ", ok ? "" : "not ", ++tap_number);
	va_start(ap, name);
	vprintf(name, ap);
	va_end(ap);
	printf("\n");
	tap_failed += !ok;
}

void tap_note(const char *fmt, ...)
{
	va_list ap;

	printf("# ");
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf("\n");
}

void die(const char *fmt, ...)
{
	int error = errno;
	va_list ap;

	printf("Bail out! ");
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf(": %s\n", strerror(error));
	exit(1);
}

int tap_done(void)
{
	printf("# Totals: pass:%d fail:%d xfail:0 xpass:0 skip:0 error:0\n",
	       tap_number - tap_failed, tap_failed);
	return tap_failed || tap_number != tap_planned;
}

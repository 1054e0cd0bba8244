/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Helpers of the C tests: which TCP is under test, how much to do, and the
 * counters that prove through which TCP the segments went.
 */
#ifndef XTCP_TEST_H
#define XTCP_TEST_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <linux/xtcp.h>

/*
 * Where time travels (scripts/vm -i), a page that must come from the host's file takes
 * minutes: have all of them before the test starts.
 */
static void __attribute__((constructor)) xt_fetch_pages(void)
{
	mlockall(MCL_CURRENT);
	munlockall();
}

/* Is the kernel's own TCP, the oracle, under test (XTCP_FAMILY=inet)? */
static inline bool xt_native(void)
{
	const char *family = getenv("XTCP_FAMILY");

	return family && !strcmp(family, "inet");
}

/* The family to hand to socket(); addresses are AF_INET either way. */
static inline int xt_family(void)
{
	return xt_native() ? AF_INET : AF_XTCP;
}

/* A TCP socket for IPv4 of the TCP under test; @flags as SOCK_NONBLOCK. */
static inline int xt_socket(int flags)
{
	return socket(xt_family(), SOCK_STREAM | flags, 0);
}

/* How much to do, after XTCP_MODE: check, debug (the slow kernel: less), soak. */
static inline long xt_scale(long check, long debug, long soak)
{
	const char *mode = getenv("XTCP_MODE");

	if (mode && !strcmp(mode, "debug"))
		return debug;
	if (mode && !strcmp(mode, "soak"))
		return soak;
	return check;
}

/* The value in the numbers' line under the word of the names' line, or -1. */
static inline long long xt_column(char *names, char *values, const char *name)
{
	char *n, *v, *next_n, *next_v;

	n = strtok_r(names, " \n", &next_n);
	v = strtok_r(values, " \n", &next_v);
	while (n && v) {
		if (!strcmp(n, name))
			return strtoll(v, NULL, 10);
		n = strtok_r(NULL, " \n", &next_n);
		v = strtok_r(NULL, " \n", &next_v);
	}
	return -1;
}

/*
 * A counter of this network namespace, as "TcpExt" "TCPTimeouts", from @file in
 * the format of /proc/net/netstat; -1 if there is none of that name.
 */
static inline long long xt_counter_in(const char *file, const char *group, const char *name)
{
	static char names[16384], values[16384];
	size_t length = strlen(group);
	long long value = -1;
	FILE *f = fopen(file, "r");

	if (!f)
		return -1;
	while (value < 0 && fgets(names, sizeof(names), f) && fgets(values, sizeof(values), f))
		if (!strncmp(names, group, length) && names[length] == ':')
			value = xt_column(names, values, name);
	fclose(f);
	return value;
}

static inline long long xt_counter(const char *group, const char *name)
{
	return xt_counter_in("/proc/net/xtcp_netstat", group, name);
}

#endif

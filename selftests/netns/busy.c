// SPDX-License-Identifier: GPL-2.0-only
/*
 * Busy polling: a reader who finds nothing polls the device himself before he sleeps
 * (SO_BUSY_POLL), as long as he was told. The device is one end of a veth pair with
 * GRO, which has what it takes; behind the other end is native TCP. Runs where an
 * instruction is a unit of time.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "kselftest.h"
#include "xtcp_test.h"

#define BUSY_PORT	30503
#define BUSY_US		50000

static int busy_family;

static void busy_run(const char *command)
{
	if (system(command))
		ksft_exit_fail_msg("%s\n", command);
}

/* Two namespaces and a cable; we stay in the first. Returns the second. */
static int busy_cable(void)
{
	int first, second;
	char link[96];

	if (unshare(CLONE_NEWNET))
		ksft_exit_fail_msg("no namespace\n");
	second = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	if (unshare(CLONE_NEWNET))
		ksft_exit_fail_msg("no namespace\n");
	first = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	if (setns(second, CLONE_NEWNET))
		ksft_exit_fail_msg("no way back\n");
	snprintf(link, sizeof(link), "ip link add v1 type veth peer name v0 netns /proc/%d/fd/%d",
		 getpid(), first);
	busy_run(link);
	busy_run("ip address add 192.0.2.2/24 dev v1 && ip link set v1 up &&"
		 /* What may be merged goes through the other end's NAPI context. */
		 "ethtool -K v1 tso off");
	if (setns(first, CLONE_NEWNET))
		ksft_exit_fail_msg("no way back\n");
	busy_run("ip link set lo up && ip address add 192.0.2.1/24 dev v0 && ip link set v0 up &&"
		 "ethtool -K v0 gro on");
	return second;
}

/* A connection across it, native TCP's end in @peer, which lies in namespace @second. */
static int busy_connection(int second, int *peer)
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_port = htons(BUSY_PORT),
				   .sin_addr.s_addr = htonl(0xc0000201) };
	int listener = socket(busy_family, SOCK_STREAM, 0), first, fd;

	first = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	if (listener < 0 || bind(listener, (struct sockaddr *)&sin, sizeof(sin)) ||
	    listen(listener, 8) || setns(second, CLONE_NEWNET))
		ksft_exit_fail_msg("listen\n");
	*peer = socket(AF_INET, SOCK_STREAM, 0);
	if (connect(*peer, (struct sockaddr *)&sin, sizeof(sin)) || setns(first, CLONE_NEWNET))
		ksft_exit_fail_msg("connect\n");
	close(first);
	fd = accept(listener, NULL, NULL);
	close(listener);
	return fd;
}

static uint64_t busy_now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000ull + ts.tv_nsec / 1000;
}

/* How long a read takes that finds nothing. */
static uint64_t busy_read(int fd, int flags)
{
	uint64_t start = busy_now_us(), took;
	char byte;

	if (recv(fd, &byte, 1, flags) >= 0 || errno != EAGAIN)
		ksft_exit_fail_msg("a read found something\n");
	took = busy_now_us() - start;
	ksft_print_msg("took %llu us\n", (unsigned long long)took);
	return took;
}

int main(int argc, char **argv)
{
	struct timeval timeout = { .tv_usec = 1000 };
	int second, peer, fd, us = BUSY_US;
	char byte;

	ksft_print_header();
	busy_family = strstr(argv[0], "_native") ? AF_INET : xt_family();
	second = busy_cable();
	fd = busy_connection(second, &peer);
	if (fd < 0 || write(peer, "x", 1) != 1 || read(fd, &byte, 1) != 1 ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout)))
		ksft_exit_fail_msg("no byte came\n");
	ksft_set_plan(3);
	ksft_test_result(busy_read(fd, 0) < BUSY_US, "without it a read sleeps\n");
	if (setsockopt(fd, SOL_SOCKET, SO_BUSY_POLL, &us, sizeof(us)))
		ksft_exit_fail_msg("SO_BUSY_POLL\n");
	ksft_test_result(busy_read(fd, 0) >= BUSY_US, "with it a read polls\n");
	ksft_test_result(busy_read(fd, MSG_DONTWAIT) < BUSY_US, "one that may not wait does not\n");
	ksft_finished();
}

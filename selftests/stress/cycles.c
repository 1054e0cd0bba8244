// SPDX-License-Identifier: GPL-2.0-only
/*
 * Namespaces and the module come and go, idle or under traffic, as fast as one
 * process can do it: to start programs takes the debug kernel longer than all else.
 *
 *	cycles spaces COUNT		used, then left with what is in them
 *	cycles spaces-busy COUNT	left in the midst of traffic
 *	cycles modules COUNT FILE [PARAMETERS]
 *					rmmod and insmod, a used namespace standing by
 *	cycles modules-busy COUNT FILE [PARAMETERS]
 *					the same under traffic: refused until it is killed
 */
#define _GNU_SOURCE
#include <err.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#include "churn.h"

#define CYCLES_AT_ONCE	8
/* Connections that a namespace is used for, and segments that are traffic. */
#define CYCLES_USE	5
#define CYCLES_TRAFFIC	200
/* Seconds after which what still has not happened never will. */
#define CYCLES_PATIENCE	300

static char *cycles_self;
static const char *cycles_parameters = "";

static void cycles_enter(void)
{
	struct ifreq ifr = { .ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING };
	int s;

	if (unshare(CLONE_NEWNET))
		err(1, "unshare");
	s = socket(AF_INET, SOCK_DGRAM, 0);
	if (s < 0 || ioctl(s, SIOCSIFFLAGS, &ifr))
		err(1, "lo up");
	close(s);
}

static pid_t cycles_fork(void)
{
	pid_t pid = fork();

	if (pid < 0)
		err(1, "fork");
	return pid;
}

static void cycles_wait_one(void)
{
	int status;

	if (wait(&status) > 0 && status)
		errx(1, "a namespace's process ended with status %#x", status);
}

static void cycles_spaces(long count)
{
	long i;

	for (i = 0; i < count; i++) {
		if (i >= CYCLES_AT_ONCE)
			cycles_wait_one();
		if (cycles_fork())
			continue;
		cycles_enter();
		churn_run(CYCLES_USE);
		_exit(0);
	}
	for (i = 0; i < count && i < CYCLES_AT_ONCE; i++)
		cycles_wait_one();
}

/* Connections that come and go beside one that is full both ways, in a new namespace. */
static pid_t cycles_traffic(void)
{
	char path[PATH_MAX];
	pid_t pid = cycles_fork();

	if (pid)
		return pid;
	setpgid(0, 0);
	cycles_enter();
	if (!cycles_fork())
		churn_run(LONG_MAX);
	snprintf(path, sizeof(path), "%s/stream", dirname(cycles_self));
	execl(path, "stream", NULL);
	err(1, "%s", path);
}

static void cycles_flows(pid_t pid)
{
	time_t end = time(NULL) + CYCLES_PATIENCE;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/net/xtcp_netstat", pid);
	while (xt_counter_in(path, "XTcp", "SegmentsTaken") < CYCLES_TRAFFIC) {
		if (time(NULL) > end)
			errx(1, "no traffic");
		usleep(10000);
	}
}

/* Whatever the group was doing; the grandchildren are ours too (PR_SET_CHILD_SUBREAPER). */
static void cycles_kill(pid_t pid)
{
	kill(-pid, SIGKILL);
	while (wait(NULL) > 0)
		;
}

static void cycles_spaces_busy(long count)
{
	while (count--) {
		pid_t pid = cycles_traffic();

		cycles_flows(pid);
		cycles_kill(pid);
	}
}

static bool cycles_rmmod(void)
{
	return !syscall(SYS_delete_module, "xtcp", O_NONBLOCK);
}

/* What was closed may hold the module a moment longer. */
static void cycles_reload(const char *file)
{
	time_t end = time(NULL) + CYCLES_PATIENCE;
	int fd;

	while (!cycles_rmmod()) {
		if (time(NULL) > end)
			err(1, "rmmod");
		usleep(10000);
	}
	fd = open(file, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || syscall(SYS_finit_module, fd, cycles_parameters, 0))
		err(1, "insmod %s", file);
	close(fd);
}

static void cycles_modules(long count, const char *file)
{
	cycles_enter();
	while (count--) {
		churn_run(CYCLES_USE);
		cycles_reload(file);
	}
}

static void cycles_modules_busy(long count, const char *file)
{
	while (count--) {
		pid_t pid = cycles_traffic();

		cycles_flows(pid);
		if (cycles_rmmod())
			errx(1, "rmmod took the module from live sockets");
		cycles_kill(pid);
		cycles_reload(file);
	}
}

int main(int argc, char **argv)
{
	long count = argc > 2 ? atol(argv[2]) : 0;

	cycles_self = argv[0];
	if (argc == 5)
		cycles_parameters = argv[4];
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	if (argc == 3 && !strcmp(argv[1], "spaces"))
		cycles_spaces(count);
	else if (argc == 3 && !strcmp(argv[1], "spaces-busy"))
		cycles_spaces_busy(count);
	else if (argc >= 4 && !strcmp(argv[1], "modules"))
		cycles_modules(count, argv[3]);
	else if (argc >= 4 && !strcmp(argv[1], "modules-busy"))
		cycles_modules_busy(count, argv[3]);
	else
		return 2;
	return 0;
}

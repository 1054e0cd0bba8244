// SPDX-License-Identifier: GPL-2.0-only
/*
 * One case of the benchmark, over the families by turns, as lines of
 * "case family run metric value", separated by tabs.
 *
 *	bench [-l label] [-n runs] [-w] [-f inet,xtcp/bbr,unix] [-b bytes] [-t seconds]
 *	      [-s seconds to skip] [-c count] [-p pause] [-o offset of ports] CASE
 *
 * The client is in the network namespace "left", its peer in "right". Where the
 * machine counts instructions as time, 500 of them are one microsecond.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "bench.h"
#include "xtcp_test.h"

#define LEFT		"/proc/self/net/"
#define BENCH_FILES	70000	/* a connection from each port, and some more */

struct bench_shared *bench_shared;
pid_t bench_peer_pid;

static struct bench_family families[8];
static int runs = 5, first = 1, port_offset;
static double pause_between;

void bench_die(const char *format, ...)
{
	int error = errno;
	va_list ap;

	va_start(ap, format);
	fprintf(stderr, "bench: ");
	vfprintf(stderr, format, ap);
	va_end(ap);
	fprintf(stderr, ": %s\n", strerror(error));
	exit(1);
}

double bench_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1000000000.0;
}

/* Instructions without effect, which scripts/bench-plugin.c knows: what is between them counts. */
void bench_mark(bool start)
{
	if (start)
		asm volatile(".byte 0x0f, 0x1f, 0x80; .long 0x42544331" : : : "memory");
	else
		asm volatile(".byte 0x0f, 0x1f, 0x80; .long 0x42544332" : : : "memory");
}

/* Where the peer listens for the family. */
int bench_port(const struct bench_run *run, const struct bench_family *family)
{
	return BENCH_PORT + port_offset + (int)(family - run->families);
}

int bench_socket(const struct bench_family *family)
{
	int fd = socket(family->family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	const char *cc = family->cc;

	if (fd < 0)
		bench_die("socket %s", family->name);
	if (cc && setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, cc, strlen(cc)))
		bench_die("TCP_CONGESTION %s", cc);
	return fd;
}

static socklen_t address(const struct bench_family *family, int port, struct sockaddr_storage *to)
{
	struct sockaddr_in *in = (void *)to;
	struct sockaddr_un *un = (void *)to;

	memset(to, 0, sizeof(*to));
	if (family->family == AF_UNIX) {
		un->sun_family = AF_UNIX;
		snprintf(un->sun_path, sizeof(un->sun_path), "/tmp/bench.%d", port);
		return sizeof(*un);
	}
	in->sin_family = AF_INET;
	in->sin_port = htons(port);
	in->sin_addr.s_addr = inet_addr("10.9.0.2");
	return sizeof(*in);
}

void bench_bind(int fd, const struct bench_family *family, int port)
{
	struct sockaddr_storage to;
	socklen_t length = address(family, port, &to);
	int one = 1;

	if (family->family == AF_UNIX)
		unlink(((struct sockaddr_un *)&to)->sun_path);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, (struct sockaddr *)&to, length) || listen(fd, 1000))
		bench_die("bind %s", family->name);
}

int bench_connect(const struct bench_family *family, int port)
{
	struct sockaddr_storage to;
	socklen_t length = address(family, port, &to);
	int fd = bench_socket(family);

	if (connect(fd, (struct sockaddr *)&to, length))
		bench_die("connect %s", family->name);
	return fd;
}

/* -1 and errno when there is no connection; how long connect() itself took. */
int bench_try_connect(const struct bench_family *family, int port, double *seconds)
{
	struct sockaddr_storage to;
	socklen_t length = address(family, port, &to);
	int fd = bench_socket(family), status, error;
	double start = bench_now();

	status = connect(fd, (struct sockaddr *)&to, length);
	error = errno;
	*seconds = bench_now() - start;
	if (!status)
		return fd;
	close(fd);
	errno = error;
	return -1;
}

void bench_result(const struct bench_run *run, const char *who, const char *metric,
		  double value)
{
	if (run->run <= 0)
		return;
	printf("%s\t%s\t%d\t%s\t%.6g\n", run->name, who, run->run, metric, value);
	fflush(stdout);
}

/* ---- counters, of both namespaces ---------------------------------------------- */
struct counters {
	long long packets;	/* sent on eth0, both sides */
	long long retrans;	/* segments sent again, by the TCP in question */
	long long taken;	/* segments that XTCP took */
};

/* Packets sent on eth0: the tenth number of its line. */
static long long packets(const char *dir)
{
	char path[64], line[512];
	long long sent = 0;
	FILE *f;

	snprintf(path, sizeof(path), "%sdev", dir);
	f = fopen(path, "r");
	while (f && fgets(line, sizeof(line), f))
		sscanf(line, " eth0: %*s %*s %*s %*s %*s %*s %*s %*s %*s %lld", &sent);
	if (f)
		fclose(f);
	return sent;
}

static long long counter(const char *dir, const char *file, const char *group, const char *name)
{
	char path[64];
	long long value;

	snprintf(path, sizeof(path), "%s%s", dir, file);
	value = xt_counter_in(path, group, name);
	return value > 0 ? value : 0;
}

static void count(struct counters *c, const struct bench_family *family, int sign)
{
	const char *file = family->family == AF_XTCP ? "xtcp_netstat" : "snmp";
	char right[32];
	const char *dirs[2] = { LEFT, right };
	int i;

	snprintf(right, sizeof(right), "/proc/%d/net/", bench_peer_pid);
	for (i = 0; i < 2; i++) {
		c->packets += sign * packets(dirs[i]);
		c->retrans += sign * counter(dirs[i], file, "Tcp", "RetransSegs");
		c->taken += sign * counter(dirs[i], "xtcp_netstat", "XTcp", "SegmentsTaken");
	}
}

/* ---- one run --------------------------------------------------------------------- */
void bench_enter(const char *netns)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/run/netns/%s", netns);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || setns(fd, CLONE_NEWNET))
		bench_die("%s", path);
	close(fd);
}

static void start_peer(const struct bench_run *run, enum bench_peer what)
{
	int ready[2];
	char byte;

	if (pipe(ready))
		bench_die("pipe");
	memset(bench_shared, 0, sizeof(*bench_shared));
	bench_peer_pid = fork();
	if (!bench_peer_pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		bench_enter("right");
		bench_peer_run(run, what, ready[1]);
	}
	close(ready[1]);
	if (bench_peer_pid < 0 || read(ready[0], &byte, 1) != 1)
		bench_die("peer");
	close(ready[0]);
}

static void one(const struct bench_case *test, struct bench_run *run)
{
	const char *who = run->flow->name;
	struct counters c = {};

	start_peer(run, test->peer);
	count(&c, run->flow, -1);
	test->client(run);
	count(&c, run->flow, 1);
	kill(bench_peer_pid, SIGKILL);
	waitpid(bench_peer_pid, NULL, 0);
	if (run->flow->family != AF_UNIX) {
		if (test->peer == BENCH_ECHO)
			bench_result(run, who, "segments", (double)c.packets / run->count);
		bench_result(run, who, "retrans", c.retrans);
		bench_result(run, who, "taken", c.taken);
	}
	if (pause_between)
		usleep(pause_between * 1000000);
}

/* "xtcp/bbr" */
static void parse_family(struct bench_family *family, char *word)
{
	char *cc = strchr(word, '/');

	snprintf(family->name, sizeof(family->name), "%s", word);
	if (cc) {
		*cc = 0;
		family->cc = cc + 1;
	}
	if (!strcmp(word, "inet"))
		family->family = AF_INET;
	else if (!strcmp(word, "xtcp"))
		family->family = AF_XTCP;
	else if (!strcmp(word, "unix"))
		family->family = AF_UNIX;
	else
		errx(2, "which family is %s?", word);
}

static int parse_families(char *list)
{
	char *word;
	int n = 0;

	for (word = strtok(list, ","); word && n < 8; word = strtok(NULL, ","))
		parse_family(&families[n++], word);
	return n;
}

static const struct bench_case *options(int argc, char **argv, struct bench_run *run)
{
	char standard[] = "inet,xtcp", *list = standard;
	const struct bench_case *test;
	int opt;

	while ((opt = getopt(argc, argv, "l:n:wf:b:t:s:c:p:o:m")) != -1) {
		if (opt == 'l')
			run->name = optarg;
		else if (opt == 'n')
			runs = atoi(optarg);
		else if (opt == 'w')
			first = 0;
		else if (opt == 'f')
			list = optarg;
		else if (opt == 'b')
			run->bytes = strtoull(optarg, NULL, 10);
		else if (opt == 't')
			run->seconds = strtod(optarg, NULL);
		else if (opt == 's')
			run->skip = strtod(optarg, NULL);
		else if (opt == 'c')
			run->count = atoi(optarg);
		else if (opt == 'p')
			pause_between = strtod(optarg, NULL);
		else if (opt == 'o')
			port_offset = atoi(optarg);
		else if (opt == 'm')
			run->mixed = true;
		else
			exit(2);
	}
	run->families = families;
	run->nr_families = parse_families(list);
	for (test = bench_cases; test->name && optind < argc; test++)
		if (!strcmp(test->name, argv[optind]))
			return test;
	errx(2, "which case?");
}

int main(int argc, char **argv)
{
	const struct rlimit files = { BENCH_FILES, BENCH_FILES };
	struct bench_run run = { .count = 1 };
	const struct bench_case *test = options(argc, argv, &run);
	int i;

	if (!run.name)
		run.name = test->name;
	signal(SIGPIPE, SIG_IGN);
	if (setrlimit(RLIMIT_NOFILE, &files))
		bench_die("RLIMIT_NOFILE");
	bench_shared = mmap(NULL, sizeof(*bench_shared), PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (bench_shared == MAP_FAILED)
		bench_die("mmap");
	bench_enter("left");
	for (run.run = first; run.run <= runs; run.run++)
		for (i = 0; i < (run.mixed ? 1 : run.nr_families); i++) {
			run.flow = &families[i];
			one(test, &run);
		}
	return 0;
}

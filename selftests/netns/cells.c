// SPDX-License-Identifier: GPL-2.0-only
/*
 * One transfer between the namespaces "left" and "right", both ways at once, in each
 * pairing of the two TCPs at once:
 *
 *	cells BYTES PAIRING...		a pairing is xtcp-inet: the client is XTCP, at the left
 *
 * Every byte is compared with what was sent (each end can make the other's bytes again).
 * Status 0 if all was as it should be; what was not, on standard output.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <linux/sockios.h>

#include "xtcp_test.h"

#define CELLS_BUF	16384
/* Seconds for 64 KiB: of 3 in 10 lost an RTO doubles to 120 s now and then, in either TCP. */
#define CELLS_PATIENCE	10000
#define CELLS_PORT	30500

static long long bytes;
static const char *pairing, *whose, *doing;

static void fail(const char *what)
{
	printf("# %s, %s: %s: %s\n", pairing, whose, what, strerror(errno));
	fflush(stdout);
	_exit(1);
}

static void late(int sig)
{
	errno = ETIME;
	fail(doing);
}

/* From now on there is an end to it. */
static void patience(const char *what)
{
	doing = what;
	signal(SIGALRM, late);
	alarm(CELLS_PATIENCE * (1 + bytes / 65536));
}

static void enter(const char *name)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/run/netns/%s", name);
	fd = open(path, O_RDONLY);
	if (fd < 0 || setns(fd, CLONE_NEWNET))
		fail(path);
	close(fd);
}

/* The stream of one end: xorshift64*, whose state is all there is to know. */
static void fill(uint64_t *state, uint64_t *buf, size_t words)
{
	while (words--) {
		*state ^= *state >> 12;
		*state ^= *state << 25;
		*state ^= *state >> 27;
		*buf++ = *state * 0x2545f4914f6cdd1dull;
	}
}

static void send_all(int fd, uint64_t seed)
{
	static uint64_t buf[CELLS_BUF / 8];
	long long left;
	ssize_t n, at;

	for (left = bytes; left > 0; left -= CELLS_BUF) {
		fill(&seed, buf, CELLS_BUF / 8);
		for (at = 0; at < CELLS_BUF; at += n) {
			n = send(fd, (char *)buf + at, CELLS_BUF - at, MSG_NOSIGNAL);
			if (n <= 0)
				fail("send");
		}
	}
	if (shutdown(fd, SHUT_WR))
		fail("shutdown");
}

static void receive_all(int fd, uint64_t seed)
{
	static uint64_t want[CELLS_BUF / 8];
	static char got[CELLS_BUF];
	long long left;
	ssize_t n;

	for (left = bytes; left > 0; left -= CELLS_BUF) {
		fill(&seed, want, CELLS_BUF / 8);
		n = recv(fd, got, CELLS_BUF, MSG_WAITALL);
		if (n < 0)
			fail("recv");
		if (n != CELLS_BUF || memcmp(got, want, CELLS_BUF)) {
			errno = EBADMSG;
			fail("what came is not what was sent");
		}
	}
	if (recv(fd, got, 1, 0))
		fail("no end");
}

static bool finished(pid_t pid)
{
	int status;

	return waitpid(pid, &status, 0) == pid && !status;
}

/*
 * Whoever closes before leaves it to an orphan, which may give up when much is lost. The last
 * ACK may be lost until the peer's TIME_WAIT is over, and the peer answers with a RST: what a
 * closed socket has left nobody will acknowledge.
 */
static void wait_until_acknowledged(int fd)
{
	struct pollfd p = { .fd = fd };
	socklen_t len = sizeof(errno);
	int left = 1;

	while (!ioctl(fd, SIOCOUTQ, &left) && left && !(p.revents & POLLERR)) {
		usleep(10000);
		poll(&p, 1, 0);
	}
	if (!getsockopt(fd, SOL_SOCKET, SO_ERROR, &errno, &len) && errno == ETIMEDOUT)
		fail("given up");
}

/* Sends and receives at once; does not return. */
static void exchange(int fd, uint64_t mine, uint64_t theirs)
{
	pid_t writer = fork();

	if (!writer) {
		patience("sending");
		send_all(fd, mine);
		_exit(0);
	}
	patience("receiving");
	receive_all(fd, theirs);
	patience("waiting for the last ACK");
	if (!finished(writer))
		_exit(1);
	wait_until_acknowledged(fd);
	_exit(0);
}

/* Under loss a handshake may fail honestly. */
static int reach(int family, const struct sockaddr_in *sin)
{
	int fd, tries;

	for (tries = 0; tries < 5; tries++) {
		fd = socket(family, SOCK_STREAM, 0);
		if (!connect(fd, (const struct sockaddr *)sin, sizeof(*sin)))
			return fd;
		if (errno != ETIMEDOUT)
			break;
		close(fd);
	}
	fail("connect");
	return -1;
}

/* The counter that no segment of native TCP moves; -1 where there is no XTCP. */
static long long taken(void)
{
	return xt_counter("XTcp", "SegmentsTaken");
}

static int end(bool client, int family, int port)
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_port = htons(port) };
	int fd, listener, on = 1;

	whose = client ? "the client" : "the server";
	patience("connecting");
	enter(client ? "left" : "right");
	inet_pton(AF_INET, "10.9.0.2", &sin.sin_addr);
	if (client) {
		fd = reach(family, &sin);
		exchange(fd, 2 * port, 2 * port + 1);
	}
	listener = socket(family, SOCK_STREAM, 0);
	/* The cell before left its connections in TIME_WAIT. */
	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(listener, (struct sockaddr *)&sin, sizeof(sin)) || listen(listener, 8))
		fail("listen");
	fd = accept(listener, NULL, NULL);
	if (fd < 0)
		fail("accept");
	exchange(fd, 2 * port + 1, 2 * port);
	return 1;
}

static int family_of(const char *name)
{
	return strncmp(name, "xtcp", 4) ? AF_INET : AF_XTCP;
}

/* Gives the server ten seconds; the client will say what else is wrong. */
static void listening(int family, int port)
{
	char line[256], want[32];
	bool found = false;
	FILE *f;
	int i;

	snprintf(want, sizeof(want), ":%04X 00000000:0000 0A", port);
	for (i = 0; !found && i < 500; i++) {
		usleep(20000);
		f = fopen(family == AF_INET ? "/proc/net/tcp" : "/proc/net/xtcp", "r");
		while (!found && fgets(line, sizeof(line), f))
			found = strstr(line, want);
		fclose(f);
	}
}

int main(int argc, char **argv)
{
	long long before[2] = {};
	static const char *const side[] = { "left", "right" };
	pid_t pid[2 * 8];
	int i, n = argc - 2, bad = 0;
	bool xtcp[2] = {};

	if (n < 1 || n > 8)
		return 2;
	bytes = atoll(argv[1]) / CELLS_BUF * CELLS_BUF;
	whose = "all";
	for (i = 0; i < 2; i++) {
		pairing = side[i];
		enter(side[i]);
		before[i] = taken();
	}
	for (i = 0; i < n; i++) {
		pairing = argv[i + 2];
		xtcp[0] |= family_of(pairing) == AF_XTCP;
		xtcp[1] |= family_of(strchr(pairing, '-') + 1) == AF_XTCP;
		fflush(stdout);
		pid[2 * i] = fork();
		if (!pid[2 * i])
			return end(false, family_of(strchr(pairing, '-') + 1), CELLS_PORT + i);
		listening(family_of(strchr(pairing, '-') + 1), CELLS_PORT + i);
		pid[2 * i + 1] = fork();
		if (!pid[2 * i + 1])
			return end(true, family_of(pairing), CELLS_PORT + i);
	}
	for (i = 0; i < 2 * n; i++)
		bad += !finished(pid[i]);
	for (i = 0; i < 2; i++) {
		enter(side[i]);
		if (xtcp[i] && taken() - before[i] < 10) {
			printf("# %s: only %lld segments went through XTCP\n", side[i],
			       taken() - before[i]);
			bad++;
		}
	}
	return bad ? 1 : 0;
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * How many segments a connection of one request and one response takes: 7, where the
 * kernel's own TCP takes up to 10; 8 where a client that has read the response waits for
 * the server's end, since its wait makes it acknowledge. Client and server in the styles
 * in which they are written, each with the other; counted by the counter of segments
 * sent, both ends being in one namespace.
 */
#include <sched.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/wait.h>

#include "passive_test.h"

#define SEGMENTS	7
#define BYTES		64
#define COUNT_PORT	30800

enum style {
	BLOCKING,	/* calls that wait */
	POLL,		/* non-blocking, poll() before each */
	EPOLL,		/* the same with epoll, level-triggered */
	EDGE,		/* edge-triggered */
	STYLES
};

static const char *const styles[] = { "blocking", "poll", "epoll", "edge-triggered" };

static int fail(const char *what)
{
	tap_note("%s: %s", what, strerror(errno));
	return 1;
}

/* Until @events; @ep: the style's epoll descriptor, which lives as long as @fd. */
static void wait_for(enum style style, int *ep, int fd, int events)
{
	struct pollfd pfd = { .fd = fd, .events = events };
	struct epoll_event ev = { .events = events | (style == EDGE ? EPOLLET : 0) };

	if (style == POLL)
		poll(&pfd, 1, -1);
	if (style != EPOLL && style != EDGE)
		return;
	if (*ep < 0) {
		*ep = epoll_create1(EPOLL_CLOEXEC);
		epoll_ctl(*ep, EPOLL_CTL_ADD, fd, &ev);
	} else {
		epoll_ctl(*ep, EPOLL_CTL_MOD, fd, &ev);
	}
	epoll_wait(*ep, &ev, 1, -1);
}

static int open_socket(bool six, int flags)
{
	if (fsm_family == AF_XTCP)
		return socket(AF_XTCP, SOCK_STREAM | flags, six);
	return socket(six ? AF_INET6 : AF_INET, SOCK_STREAM | flags, 0);
}

static socklen_t loopback(bool six, struct sockaddr_storage *to)
{
	struct sockaddr_in6 *sin6 = (struct sockaddr_in6 *)to;
	struct sockaddr_in *sin = (struct sockaddr_in *)to;

	memset(to, 0, sizeof(*to));
	to->ss_family = six ? AF_INET6 : AF_INET;
	sin->sin_port = htons(COUNT_PORT);
	if (!six) {
		sin->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		return sizeof(*sin);
	}
	sin6->sin6_addr = in6addr_loopback;
	return sizeof(*sin6);
}

static int serve(int listener, enum style style, bool first_to_close)
{
	int fd = accept4(listener, NULL, NULL, style == BLOCKING ? 0 : SOCK_NONBLOCK), ep = -1;
	char buf[BYTES];

	wait_for(style, &ep, fd, POLLIN);
	if (recv(fd, buf, sizeof(buf), 0) != sizeof(buf))
		return fail("request");
	if (send(fd, buf, sizeof(buf), 0) != sizeof(buf))
		return fail("response");
	if (!first_to_close) {
		wait_for(style, &ep, fd, POLLIN);
		if (recv(fd, buf, sizeof(buf), 0))
			return fail("end of the client");
	}
	close(fd);
	return 0;
}

static int ask(bool six, enum style style, bool first_to_close)
{
	int fd = open_socket(six, style == BLOCKING ? 0 : SOCK_NONBLOCK), ep = -1;
	struct sockaddr_storage to;
	socklen_t len = loopback(six, &to);
	char buf[BYTES] = { };

	if (connect(fd, (struct sockaddr *)&to, len) && errno != EINPROGRESS)
		return fail("connect");
	wait_for(style, &ep, fd, POLLOUT);
	if (send(fd, buf, sizeof(buf), 0) != sizeof(buf))
		return fail("send");
	wait_for(style, &ep, fd, POLLIN);
	if (recv(fd, buf, sizeof(buf), 0) != sizeof(buf))
		return fail("recv");
	if (!first_to_close) {
		wait_for(style, &ep, fd, POLLIN);
		if (recv(fd, buf, sizeof(buf), 0))
			return fail("end of the server");
	}
	close(fd);
	return 0;
}

/* Segments one connection takes, both ways; -1: it did not work. */
static long segments(bool six, enum style client, enum style server, bool client_closes)
{
	int listener = open_socket(six, SOCK_CLOEXEC), status, on = 1;
	long before = fsm_counter("Tcp", "OutSegs");
	struct sockaddr_storage to;
	socklen_t len = loopback(six, &to);
	pid_t pid;

	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(listener, (struct sockaddr *)&to, len) || listen(listener, 8))
		die("listen");
	pid = fork();
	if (!pid)
		_exit(serve(listener, server, !client_closes));
	/* The server waits in accept() by then. */
	nap_ms(50);
	status = ask(six, client, client_closes);
	if (status)
		kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	nap_ms(300);
	close(listener);
	return status ? -1 : fsm_counter("Tcp", "OutSegs") - before;
}

static void count(bool six, enum style client, enum style server, bool client_closes)
{
	long n = segments(six, client, server, client_closes);

	tap_ok(n >= SEGMENTS && n <= (fsm_family == AF_XTCP ? SEGMENTS + !client_closes : 10),
	       "IPv%d: client %s, server %s, the %s closes first: %ld segments", six ? 6 : 4,
	       styles[client], styles[server], client_closes ? "client" : "server", n);
}

/* The ACK of a SYN cookie's SYN-ACK may as well be data. */
static void count_cookie(void)
{
	long before = fsm_counter("TcpExt", "SyncookiesRecv");

	fsm_tcp_knob("syncookies", "2");
	count(false, BLOCKING, BLOCKING, true);
	tap_ok(counted("TcpExt", "SyncookiesRecv", before, 1), "the same by a SYN cookie");
	fsm_tcp_knob("syncookies", "1");
}

int main(void)
{
	int client, server, six, closes, versions;

	tun_open();
	fsm_knob("net/ipv6/conf/lo/disable_ipv6", "0");
	/* XTCP has no IPv6 yet. */
	versions = fsm_family == AF_XTCP ? 1 : 2;
	tap_plan(versions * 2 * STYLES * STYLES + 2);
	count_cookie();
	for (six = 0; six < versions; six++)
		for (client = 0; client < STYLES; client++)
			for (server = 0; server < STYLES; server++)
				for (closes = 0; closes < 2; closes++)
					count(six, client, server, closes);
	return tap_done();
}

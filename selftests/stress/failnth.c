// SPDX-License-Identifier: GPL-2.0-only
/*
 * Each call of a connection's life with its first allocation failing, then its second,
 * and so on until none is left to fail: the call says so with an errno that fits, or
 * did without; repeated it succeeds, and what was sent arrives.
 *
 * /proc/self/fail-nth counts what may fail in the context of the task (allocations,
 * copies from and to it), so softirq is alloc.sh's affair. Loopback must be up.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <unistd.h>

#include <linux/xtcp.h>
#include "xtcp_test.h"

#ifndef IP_LOCAL_PORT_RANGE
#define IP_LOCAL_PORT_RANGE	51
#endif

#define FAILNTH_PORT	30700
#define FAILNTH_MOST	2000	/* more sites than any call has */
#define FAILNTH_BYTES	40000

static int failnth_fd, listener;
static const char *failnth_call;
static unsigned int failnth_n;
static bool failnth_bad;

static void arm(unsigned int n)
{
	char text[16];

	if (pwrite(failnth_fd, text, sprintf(text, "%u", n), 0) < 0) {
		printf("Bail out! fail-nth: %s\n", strerror(errno));
		exit(1);
	}
}

/* Was there an n-th that could fail? Nothing fails from now on. */
static bool disarm(void)
{
	char text[16] = {};
	bool hit;
	int err = errno;

	/* Both calls may be what fails; after that one they do not. */
	while (pread(failnth_fd, text, sizeof(text) - 1, 0) < 0)
		;
	hit = !atoi(text);
	while (pwrite(failnth_fd, "0", 1, 0) < 0)
		;
	errno = err;
	return hit;
}

static void complain(const char *what)
{
	printf("# %s, failure %u: %s: %s\n", failnth_call, failnth_n, what, strerror(errno));
	failnth_bad = true;
}

static struct sockaddr_in addr(int port)
{
	struct sockaddr_in sin = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		.sin_port = htons(port),
	};

	return sin;
}

/* What a call may say that lacked memory, or whose copy failed. */
static bool errno_fits(void)
{
	return errno == ENOMEM || errno == ENOBUFS || errno == EFAULT || errno == EAGAIN ||
	       errno == EADDRINUSE || errno == EADDRNOTAVAIL || errno == ENFILE;
}

static bool readable(int fd)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };

	return poll(&pfd, 1, 20000) == 1;
}

/* A connection to the listener, both its ends. */
static void pair(int *client, int *server)
{
	struct sockaddr_in sin = addr(FAILNTH_PORT);

	*client = xt_socket(0);
	if (connect(*client, (struct sockaddr *)&sin, sizeof(sin)))
		complain("pair: connect");
	*server = readable(listener) ? accept(listener, NULL, NULL) : -1;
	if (*server < 0)
		complain("pair: accept");
}

/* Each tries its call once with the n-th failing; true if there was an n-th. */

static bool try_socket(unsigned int n)
{
	bool hit;
	int fd;

	arm(n);
	fd = xt_socket(0);
	hit = disarm();
	if (fd < 0 && !errno_fits())
		complain("errno");
	if (fd >= 0)
		close(fd);
	return hit;
}

static bool try_bind(unsigned int n)
{
	struct sockaddr_in sin = addr(FAILNTH_PORT + 1);
	int fd = xt_socket(0), err;
	bool hit;

	arm(n);
	err = bind(fd, (struct sockaddr *)&sin, sizeof(sin));
	hit = disarm();
	if (err && !errno_fits())
		complain("errno");
	if (err && bind(fd, (struct sockaddr *)&sin, sizeof(sin)))
		complain("the second time");
	close(fd);
	return hit;
}

static bool try_listen(unsigned int n)
{
	int fd = xt_socket(0), err;
	bool hit;

	arm(n);
	err = listen(fd, 8);
	hit = disarm();
	if (err && !errno_fits())
		complain("errno");
	if (err && listen(fd, 8))
		complain("the second time");
	close(fd);
	return hit;
}

/* One that needs memory of its own, and back. */
static bool try_congestion(unsigned int n)
{
	int fd = xt_socket(0), err;
	bool hit;

	if (setsockopt(fd, SOL_TCP, TCP_CONGESTION, "cubic", 5))
		complain("cubic");
	arm(n);
	err = setsockopt(fd, SOL_TCP, TCP_CONGESTION, "bbr", 3);
	hit = disarm();
	if (err && !errno_fits())
		complain("errno");
	if (err && setsockopt(fd, SOL_TCP, TCP_CONGESTION, "bbr", 3))
		complain("the second time");
	close(fd);
	return hit;
}

static bool try_connect(unsigned int n)
{
	struct sockaddr_in sin = addr(FAILNTH_PORT);
	int fd = xt_socket(0), err, peer;
	bool hit;

	arm(n);
	err = connect(fd, (struct sockaddr *)&sin, sizeof(sin));
	hit = disarm();
	if (err && !errno_fits())
		complain("errno");
	if (err && connect(fd, (struct sockaddr *)&sin, sizeof(sin)))
		complain("the second time");
	peer = readable(listener) ? accept(listener, NULL, NULL) : -1;
	if (peer < 0)
		complain("no child");
	close(fd);
	close(peer);
	return hit;
}

/* A socket that has one port to choose from, and does not mind to wait for it. */
static int patient(void)
{
	unsigned int range = (FAILNTH_PORT + 2) << 16 | (FAILNTH_PORT + 2), ms = 60000;
	int fd = xt_socket(SOCK_NONBLOCK);

	if (setsockopt(fd, IPPROTO_IP, IP_LOCAL_PORT_RANGE, &range, sizeof(range)) ||
	    setsockopt(fd, IPPROTO_TCP, XTCP_CONNECT_WAIT, &ms, sizeof(ms)))
		complain("setsockopt");
	return fd;
}

static bool connects(int fd)
{
	struct pollfd pfd = { .fd = fd, .events = POLLOUT };

	return poll(&pfd, 1, 20000) == 1 && pfd.revents == POLLOUT;
}

/* Another has the port; it goes, and who waits comes. */
static bool try_wait(unsigned int n)
{
	const struct linger abort = { .l_onoff = 1 };
	struct sockaddr_in sin = addr(FAILNTH_PORT);
	int has = patient(), fd = patient(), err, i;
	bool hit;

	if ((connect(has, (struct sockaddr *)&sin, sizeof(sin)) && errno != EINPROGRESS) ||
	    !connects(has))
		complain("who has the port");
	arm(n);
	err = connect(fd, (struct sockaddr *)&sin, sizeof(sin)) ? errno : 0;
	hit = disarm();
	if (err != EINPROGRESS && !errno_fits())
		complain("errno");
	if (err != EINPROGRESS && (!connect(fd, (struct sockaddr *)&sin, sizeof(sin)) ||
				   errno != EINPROGRESS))
		complain("the second time");
	if (setsockopt(has, SOL_SOCKET, SO_LINGER, &abort, sizeof(abort)) || close(has) ||
	    !connects(fd))
		complain("no port for who waited");
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &abort, sizeof(abort));
	close(fd);
	for (i = 0; i < 2; i++)
		close(readable(listener) ? accept(listener, NULL, NULL) : -1);
	return hit;
}

static bool try_accept(unsigned int n)
{
	struct sockaddr_in sin = addr(FAILNTH_PORT);
	int fd = xt_socket(0), peer;
	char byte = 0;
	bool hit;

	if (connect(fd, (struct sockaddr *)&sin, sizeof(sin)) || !readable(listener))
		complain("connect");
	arm(n);
	peer = accept(listener, NULL, NULL);
	hit = disarm();
	if (peer < 0 && !errno_fits())
		complain("errno");
	/* The child that could not be handed over is reset, or still there. */
	if (peer < 0 && fcntl(listener, F_SETFL, O_NONBLOCK) == 0) {
		peer = accept(listener, NULL, NULL);
		fcntl(listener, F_SETFL, 0);
	}
	if (peer >= 0)
		close(peer);
	if (recv(fd, &byte, 1, 0) > 0)
		complain("data from nowhere");
	close(fd);
	return hit;
}

static void pattern(unsigned char *buf, size_t from, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		buf[i] = (from + i) * 167 >> 3;
}

/* What sends said they took, and no other byte, reaches the peer. */
static bool try_send(unsigned int n)
{
	static unsigned char out[FAILNTH_BYTES], in[FAILNTH_BYTES];
	int c, s, tries;
	size_t at = 0;
	ssize_t got;
	bool hit;

	pair(&c, &s);
	pattern(out, 0, sizeof(out));
	arm(n);
	got = send(c, out, sizeof(out), MSG_NOSIGNAL);
	hit = disarm();
	if (got < 0 && !errno_fits())
		complain("errno");
	for (tries = 0; tries < 100 && at < sizeof(out); tries++) {
		at += got > 0 ? got : 0;
		if (at < sizeof(out))
			got = send(c, out + at, sizeof(out) - at, MSG_NOSIGNAL);
	}
	if (shutdown(c, SHUT_WR))
		complain("shutdown");
	got = readable(s) ? recv(s, in, sizeof(in), MSG_WAITALL) : -1;
	if (got != sizeof(out) || memcmp(in, out, sizeof(out)) || recv(s, in, 1, 0))
		complain("what arrived");
	close(c);
	close(s);
	return hit;
}

static bool try_recv(unsigned int n)
{
	static unsigned char out[FAILNTH_BYTES], in[FAILNTH_BYTES];
	int c, s;
	size_t at = 0;
	ssize_t got;
	bool hit;

	pair(&c, &s);
	pattern(out, 0, sizeof(out));
	if (send(c, out, sizeof(out), MSG_NOSIGNAL) != sizeof(out) || !readable(s))
		complain("send");
	arm(n);
	got = recv(s, in, sizeof(in), 0);
	hit = disarm();
	if (got < 0 && !errno_fits())
		complain("errno");
	while (at < sizeof(out)) {
		at += got > 0 ? got : 0;
		if (at < sizeof(out))
			got = recv(s, in + at, sizeof(in) - at, 0);
		if (got <= 0)
			break;
	}
	if (at != sizeof(out) || memcmp(in, out, sizeof(out)))
		complain("what arrived");
	close(c);
	close(s);
	return hit;
}

/* However it goes, the peer hears of the end. */
static bool try_close(unsigned int n)
{
	bool hit;
	char byte;
	int c, s;

	pair(&c, &s);
	arm(n);
	close(c);
	hit = disarm();
	if (!readable(s) || recv(s, &byte, 1, 0))
		complain("the peer");
	close(s);
	return hit;
}

static void sweep(const char *call, bool (*try)(unsigned int n))
{
	static int number;

	failnth_call = call;
	failnth_bad = false;
	failnth_n = 1;
	while (failnth_n < FAILNTH_MOST && try(failnth_n))
		failnth_n++;
	printf("%sok %d %s: %u times something failed\n",
	       failnth_bad || failnth_n == FAILNTH_MOST || failnth_n == 1 ? "not " : "",
	       ++number, call, failnth_n - 1);
	fflush(stdout);
}

int main(void)
{
	struct sockaddr_in sin = addr(FAILNTH_PORT);

	failnth_fd = open("/proc/self/fail-nth", O_RDWR);
	listener = xt_socket(0);
	if (failnth_fd < 0 || bind(listener, (struct sockaddr *)&sin, sizeof(sin)) ||
	    listen(listener, 64)) {
		printf("Bail out! %s\n", strerror(errno));
		return 1;
	}
	printf("TAP version 13\n1..10\n");
	sweep("socket()", try_socket);
	sweep("bind()", try_bind);
	sweep("listen()", try_listen);
	sweep("setsockopt(TCP_CONGESTION)", try_congestion);
	sweep("connect()", try_connect);
	sweep("connect() that waits", try_wait);
	sweep("accept()", try_accept);
	sweep("send()", try_send);
	sweep("recv()", try_recv);
	sweep("close()", try_close);
	close(listener);
	return 0;
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * Standard input into a TCP connection and out of it to standard output, both at
 * once, over either TCP; and a generator of bytes that can be made again.
 *
 *	xfer [-f inet|xtcp] [-t SECONDS] -l PORT
 *	xfer [-f inet|xtcp] [-t SECONDS] -c ADDRESS PORT
 *	xfer -g SEED BYTES
 *
 * The end of the input is a half-close; the program ends when both directions
 * have, with status 0, or 1 on any error. -t limits the time without progress.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdint.h>
#include <unistd.h>

#include "xtcp_test.h"

#define XFER_BUF	65536

/* One direction: bytes read and not yet written. */
struct pipe {
	int from, to;
	bool eof;
	size_t start, end;
	unsigned long long total;
	char buf[XFER_BUF];
};

static void fail(const char *what)
{
	fprintf(stderr, "xfer: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* xorshift64*, as selftests/unit's. */
static int generate(uint64_t state, unsigned long long left)
{
	uint64_t word[1024];
	size_t i, n;

	state = state * 0x9e3779b97f4a7c15ull + 1;
	while (left) {
		for (i = 0; i < 1024; i++) {
			state ^= state >> 12;
			state ^= state << 25;
			state ^= state >> 27;
			word[i] = state * 0x2545f4914f6cdd1dull;
		}
		n = left < sizeof(word) ? left : sizeof(word);
		if (fwrite(word, 1, n, stdout) != n)
			fail("standard output");
		left -= n;
	}
	return fflush(stdout) ? 1 : 0;
}

static int open_server(int family, int port)
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_port = htons(port) };
	int s = socket(family, SOCK_STREAM, 0), fd, on = 1;

	if (s < 0)
		fail("socket");
	setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(s, (struct sockaddr *)&sin, sizeof(sin)) || listen(s, 8))
		fail("listen");
	fd = accept(s, NULL, NULL);
	if (fd < 0)
		fail("accept");
	close(s);
	return fd;
}

static int open_client(int family, const char *address, int port)
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_port = htons(port) };
	int fd = socket(family, SOCK_STREAM, 0);

	if (fd < 0)
		fail("socket");
	inet_pton(AF_INET, address, &sin.sin_addr);
	if (connect(fd, (struct sockaddr *)&sin, sizeof(sin)))
		fail("connect");
	return fd;
}

static void pipe_fill(struct pipe *p)
{
	ssize_t n = read(p->from, p->buf, XFER_BUF);

	if (n < 0 && errno != EAGAIN && errno != EINTR)
		fail("read");
	if (n < 0)
		return;
	p->eof = n == 0;
	p->start = 0;
	p->end = n;
	p->total += n;
}

static void pipe_drain(struct pipe *p, bool socket)
{
	ssize_t n;

	if (socket)
		n = send(p->to, p->buf + p->start, p->end - p->start, MSG_DONTWAIT | MSG_NOSIGNAL);
	else
		n = write(p->to, p->buf + p->start, p->end - p->start);
	if (n < 0 && errno != EAGAIN && errno != EINTR)
		fail("write");
	if (n > 0)
		p->start += n;
}

static void pump(int fd, int seconds)
{
	static struct pipe out, in;
	struct pollfd pfd[3];
	bool shut = false;

	out = (struct pipe) { .from = 0, .to = fd };
	in = (struct pipe) { .from = fd, .to = 1 };
	while (!shut || !in.eof) {
		bool sending = out.start < out.end;

		pfd[0] = (struct pollfd) { .fd = sending || out.eof ? -1 : 0, .events = POLLIN };
		pfd[1] = (struct pollfd) { .fd = fd, .events = (sending ? POLLOUT : 0) |
								(in.eof ? 0 : POLLIN) };
		if (poll(pfd, 2, seconds * 1000) <= 0) {
			errno = ETIMEDOUT;
			fail("no progress");
		}
		if (pfd[0].revents)
			pipe_fill(&out);
		if (pfd[1].revents && out.start < out.end)
			pipe_drain(&out, true);
		if (pfd[1].revents & (POLLIN | POLLHUP | POLLERR) && !in.eof)
			pipe_fill(&in);
		while (in.start < in.end)
			pipe_drain(&in, false);
		if (out.eof && !shut && shutdown(fd, SHUT_WR))
			fail("shutdown");
		shut = out.eof;
	}
	fprintf(stderr, "# xfer: %llu out, %llu in\n", out.total, in.total);
}

int main(int argc, char **argv)
{
	const char *listen_port = NULL, *address = NULL;
	int family = xt_family(), opt, fd, seconds = 300;

	while ((opt = getopt(argc, argv, "f:t:l:c:g:")) != -1) {
		if (opt == 'f')
			family = strcmp(optarg, "inet") ? AF_XTCP : AF_INET;
		else if (opt == 't')
			seconds = atoi(optarg);
		else if (opt == 'l')
			listen_port = optarg;
		else if (opt == 'c')
			address = optarg;
		else if (opt == 'g' && optind < argc)
			return generate(strtoull(optarg, NULL, 0), strtoull(argv[optind], NULL, 0));
		else
			return 2;
	}
	if (listen_port)
		fd = open_server(family, atoi(listen_port));
	else if (address && optind < argc)
		fd = open_client(family, address, atoi(argv[optind]));
	else
		return 2;
	pump(fd, seconds);
	return close(fd) ? 1 : 0;
}

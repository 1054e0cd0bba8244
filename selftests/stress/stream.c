// SPDX-License-Identifier: GPL-2.0-only
/*
 * One connection over the loopback device, full in both directions, whose bytes are
 * verified. Without an argument for ever; with one for so many bytes each way.
 * Prints "# BYTES whole" at the end. Run in an own namespace.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include "xtcp_test.h"

#define STREAM_PORT	30501
#define STREAM_CHUNK	16384

/* One end: how far it has sent and received. */
struct end {
	int fd;
	unsigned long long sent, got;
};

static void stream_fail(const char *what)
{
	fprintf(stderr, "stream: %s: %s\n", what, strerror(errno));
	exit(1);
}

static unsigned char stream_byte(unsigned long long at)
{
	return at * 2654435761u >> 13;
}

static void stream_send(struct end *e, unsigned long long limit)
{
	unsigned char buf[STREAM_CHUNK];
	unsigned long long left = limit - e->sent;
	ssize_t n, i, size = left < STREAM_CHUNK ? left : STREAM_CHUNK;

	for (i = 0; i < size; i++)
		buf[i] = stream_byte(e->sent + i);
	n = send(e->fd, buf, size, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n < 0 && errno != EAGAIN)
		stream_fail("send");
	if (n > 0)
		e->sent += n;
}

static void stream_receive(struct end *e)
{
	unsigned char buf[STREAM_CHUNK];
	ssize_t n = recv(e->fd, buf, sizeof(buf), MSG_DONTWAIT), i;

	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0)
		stream_fail("recv");
	for (i = 0; i < n; i++)
		if (buf[i] != stream_byte(e->got + i))
			stream_fail("a byte is wrong");
	e->got += n;
}

/* Where allocations fail at random (alloc.sh) a call may say so, and is asked again. */
static bool stream_again(void)
{
	static int tries = 100;

	return (errno == ENOMEM || errno == ENOBUFS) && --tries > 0;
}

static int stream_connect(int fd, const struct sockaddr_in *sin)
{
	while (connect(fd, (const struct sockaddr *)sin, sizeof(*sin)))
		if (!stream_again())
			return -1;
	return 0;
}

static int stream_listen(int fd, const struct sockaddr_in *sin)
{
	while (bind(fd, (const struct sockaddr *)sin, sizeof(*sin)))
		if (!stream_again())
			return -1;
	while (listen(fd, 1))
		if (!stream_again())
			return -1;
	return 0;
}

static void stream_open(struct end *end)
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_port = htons(STREAM_PORT),
				   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int s = xt_socket(0), on = 1;

	setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (s < 0 || stream_listen(s, &sin))
		stream_fail("listen");
	end[0].fd = xt_socket(0);
	if (end[0].fd < 0 || stream_connect(end[0].fd, &sin))
		stream_fail("connect");
	end[1].fd = accept(s, NULL, NULL);
	if (end[1].fd < 0)
		stream_fail("accept");
	close(s);
}

int main(int argc, char **argv)
{
	unsigned long long limit = argc > 1 ? strtoull(argv[1], NULL, 0) : 1ull << 60;
	struct end end[2] = { };
	struct pollfd pfd[2];
	int i;

	stream_open(end);
	while (end[0].got < limit || end[1].got < limit) {
		for (i = 0; i < 2; i++)
			pfd[i] = (struct pollfd) {
				.fd = end[i].fd,
				.events = POLLIN | (end[i].sent < limit ? POLLOUT : 0),
			};
		if (poll(pfd, 2, 300000) <= 0)
			stream_fail("no progress");
		for (i = 0; i < 2; i++) {
			if (pfd[i].revents & POLLOUT)
				stream_send(&end[i], limit);
			if (pfd[i].revents & (POLLIN | POLLHUP | POLLERR))
				stream_receive(&end[i]);
		}
	}
	printf("# %llu bytes whole\n", limit);
	return 0;
}

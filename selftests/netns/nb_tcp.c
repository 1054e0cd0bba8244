// SPDX-License-Identifier: GPL-2.0-only
/*
 * One TCP connection for neighbours.sh, over XTCP or the kernel's own TCP.
 *
 *	nb_tcp [-d DEVICE] [-o FILE] listen ADDRESS PORT
 *	nb_tcp [-d DEVICE] [-p PORT] [-t MS] [-s MS] connect ADDRESS PORT
 *
 * listen echoes for ever, one peer after the other, and tells FILE where each meant to go
 * before NAT, or the name of an errno.
 * connect waits at most -t MS, stays connected for -s MS, and prints "ok LOCALPORT"
 * after a line went there and back, or the name of the errno that came instead.
 */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <linux/netfilter_ipv4.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>
#include <xtcp_test.h>

static struct sockaddr_in address(const char *host, const char *port)
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_port = htons(atoi(port)) };

	if (inet_pton(AF_INET, host, &sin.sin_addr) != 1)
		errx(2, "%s is no IPv4 address", host);
	return sin;
}

static int tcp_socket(const char *device)
{
	int one = 1, fd = xt_socket(0);

	if (fd < 0)
		err(2, "socket");
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)))
		err(2, "SO_REUSEADDR");
	if (device && setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, device, strlen(device)))
		err(2, "SO_BINDTODEVICE %s", device);
	return fd;
}

static void tell_original(int fd, const char *path)
{
	struct sockaddr_in sin = {};
	socklen_t len = sizeof(sin);
	FILE *out = fopen(path, "w");

	if (!out)
		err(2, "%s", path);
	if (getsockopt(fd, SOL_IP, SO_ORIGINAL_DST, &sin, &len))
		fprintf(out, "%s\n", strerrorname_np(errno));
	else
		fprintf(out, "%s:%d\n", inet_ntoa(sin.sin_addr), ntohs(sin.sin_port));
	fclose(out);
}

static void echo(int fd)
{
	char buf[4096];
	ssize_t n;

	while ((n = read(fd, buf, sizeof(buf))) > 0)
		if (write(fd, buf, n) != n)
			break;
	close(fd);
}

static int serve(const char *device, const struct sockaddr_in *sin, const char *original)
{
	int fd = tcp_socket(device);

	if (bind(fd, (const void *)sin, sizeof(*sin)) || listen(fd, 8))
		err(2, "listen");
	for (;;) {
		int peer = accept(fd, NULL, NULL);

		if (peer < 0)
			continue;
		if (original)
			tell_original(peer, original);
		echo(peer);
	}
}

static int failed(void)
{
	puts(strerrorname_np(errno));
	return 1;
}

static int visit(int fd, const struct sockaddr_in *sin, int stay_ms)
{
	struct sockaddr_in self;
	socklen_t len = sizeof(self);
	char buf[8] = "";

	if (connect(fd, (const void *)sin, sizeof(*sin)) || write(fd, "ping\n", 5) != 5)
		return failed();
	if (recv(fd, buf, 5, MSG_WAITALL) != 5)
		return failed();
	if (memcmp(buf, "ping\n", 5) || getsockname(fd, (void *)&self, &len))
		return failed();
	printf("ok %d\n", ntohs(self.sin_port));
	usleep(stay_ms * 1000);
	return 0;
}

int main(int argc, char **argv)
{
	struct sockaddr_in sin, self = { .sin_family = AF_INET };
	struct timeval tv = { .tv_sec = 5 };
	const char *device = NULL, *original = NULL;
	int opt, fd, stay_ms = 0;

	while ((opt = getopt(argc, argv, "d:o:p:s:t:")) != -1) {
		if (opt == 'd')
			device = optarg;
		else if (opt == 'o')
			original = optarg;
		else if (opt == 'p')
			self.sin_port = htons(atoi(optarg));
		else if (opt == 's')
			stay_ms = atoi(optarg);
		else if (opt == 't')
			tv = (struct timeval){ atoi(optarg) / 1000, atoi(optarg) % 1000 * 1000 };
		else
			return 2;
	}
	if (argc - optind != 3)
		errx(2, "usage: nb_tcp [option...] listen|connect ADDRESS PORT");
	sin = address(argv[optind + 1], argv[optind + 2]);
	if (!strcmp(argv[optind], "listen"))
		return serve(device, &sin, original);
	fd = tcp_socket(device);
	if (self.sin_port && bind(fd, (void *)&self, sizeof(self)))
		err(2, "bind");
	if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv)) ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)))
		err(2, "SO_SNDTIMEO");
	return visit(fd, &sin, stay_ms);
}

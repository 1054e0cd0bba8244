/* SPDX-License-Identifier: GPL-2.0-only */
/* What the tests of local ports share: short calls that give the errno, and their fixture. */
#ifndef PORTS_TEST_H
#define PORTS_TEST_H

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "xtcp_test.h"

#ifndef IP_LOCAL_PORT_RANGE
#define IP_LOCAL_PORT_RANGE 51
#endif

#define RANGE "/proc/sys/net/xtcp/local_port_range"
#define NATIVE_RANGE "/proc/sys/net/ipv4/ip_local_port_range"
#define RESERVED "/proc/sys/net/ipv4/ip_local_reserved_ports"

/* 0 or the errno of the write. */
static inline int put(const char *file, const char *value)
{
	int fd = open(file, O_WRONLY), err = 0;

	if (fd < 0 || write(fd, value, strlen(value)) < 0)
		err = errno;
	close(fd);
	return err;
}

static inline struct sockaddr_in sin_of(const char *host, int port)
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_port = htons(port) };

	inet_pton(AF_INET, host, &sin.sin_addr);
	return sin;
}

static inline int bind_to(int fd, const char *host, int port)
{
	struct sockaddr_in sin = sin_of(host, port);

	return bind(fd, (struct sockaddr *)&sin, sizeof(sin)) ? errno : 0;
}

static inline int connect_to(int fd, const char *host, int port)
{
	struct sockaddr_in sin = sin_of(host, port);

	return connect(fd, (struct sockaddr *)&sin, sizeof(sin)) ? errno : 0;
}

static inline int listen_on(int fd)
{
	return listen(fd, 64) ? errno : 0;
}

static inline int local_port(int fd)
{
	struct sockaddr_in sin;
	socklen_t len = sizeof(sin);

	return getsockname(fd, (struct sockaddr *)&sin, &len) ? -1 : ntohs(sin.sin_port);
}

static inline int set_flag(int fd, int option)
{
	int one = 1;

	return setsockopt(fd, SOL_SOCKET, option, &one, sizeof(one));
}

/* The peer hears a RST; nothing stays behind. */
static inline void drop(int fd)
{
	struct linger linger = { .l_onoff = 1 };

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
	close(fd);
}

static inline int tcp(int family)
{
	return socket(family, SOCK_STREAM, 0);
}

/* One that waits so long for a port. */
static inline int patient(int flags, int ms)
{
	int fd = socket(AF_XTCP, SOCK_STREAM | flags, 0);

	if (setsockopt(fd, SOL_TCP, XTCP_CONNECT_WAIT, &ms, sizeof(ms))) {
		close(fd);
		return -1;
	}
	return fd;
}

static inline int listener(int family, const char *host, int port)
{
	int fd = tcp(family);

	set_flag(fd, SO_REUSEADDR);
	if (bind_to(fd, host, port) || listen_on(fd)) {
		close(fd);
		return -1;
	}
	return fd;
}

/* Into a namespace with loopback, which the test leaves with its sockets open. */
static inline bool own_namespace(void)
{
	struct ifreq ifr = { .ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING };
	bool ok;
	int fd;

	if (unshare(CLONE_NEWNET))
		return false;
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	ok = !ioctl(fd, SIOCSIFFLAGS, &ifr);
	close(fd);
	return ok;
}

FIXTURE(ports) {
	int unused;
};

FIXTURE_SETUP(ports)
{
	int fd;

	ASSERT_TRUE(own_namespace());
	fd = tcp(AF_XTCP);
	ASSERT_GE(fd, 0) TH_LOG("socket(AF_XTCP): %s", strerror(errno));
	close(fd);
}

FIXTURE_TEARDOWN(ports)
{
}

#endif

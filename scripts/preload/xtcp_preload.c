// SPDX-License-Identifier: GPL-2.0-only
/*
 * Preloaded by xtcp-run: a program's TCP sockets become AF_XTCP sockets, and to
 * the program they look like what it asked for.  Owns no state but one flag that
 * says the missing module was mentioned.
 */
#include <dlfcn.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <linux/xtcp.h>

static atomic_flag preload_warned = ATOMIC_FLAG_INIT;

typedef int socket_fn(int family, int type, int protocol);
typedef int getsockopt_fn(int fd, int level, int name, void *value, socklen_t *length);

/* Once for the process and, by the environment, for the programs it starts. */
static void preload_warn(void)
{
	int error = errno;

	if (!atomic_flag_test_and_set(&preload_warned) && !getenv("XTCP_QUIET")) {
		fprintf(stderr, "xtcp-run: no AF_XTCP here (%s), using the kernel's TCP\n",
			strerror(error));
		setenv("XTCP_QUIET", "1", 1);
	}
	errno = error;
}

/* Does the program ask for a TCP socket that XTCP can be? */
static bool preload_wants(int family, int type, int protocol)
{
	if ((type & ~(SOCK_NONBLOCK | SOCK_CLOEXEC)) != SOCK_STREAM)
		return false;
	if (protocol != 0 && protocol != IPPROTO_TCP)
		return false;
	return family == AF_INET || (family == AF_INET6 && getenv("XTCP_IPV6"));
}

int socket(int family, int type, int protocol)
{
	socket_fn *next = (socket_fn *)dlsym(RTLD_NEXT, "socket");
	int fd, error = errno;

	if (!preload_wants(family, type, protocol))
		return next(family, type, protocol);
	fd = next(AF_XTCP, type, family == AF_INET6 ? XTCPPROTO_IPV6 : XTCPPROTO_IPV4);
	if (fd >= 0)
		return fd;
	/* What is wrong with the process (EMFILE, ENOBUFS ...) is for it to know. */
	if (errno != EAFNOSUPPORT && errno != EPROTONOSUPPORT && errno != EPERM)
		return fd;
	preload_warn();
	errno = error;
	return next(family, type, protocol);
}

/* The family behind an AF_XTCP socket, from its own address. */
static int preload_family(int fd)
{
	struct sockaddr_storage address = { .ss_family = AF_INET };
	socklen_t length = sizeof(address);

	if (getsockname(fd, (struct sockaddr *)&address, &length))
		return AF_INET;
	return address.ss_family;
}

int getsockopt(int fd, int level, int name, void *value, socklen_t *length)
{
	getsockopt_fn *next = (getsockopt_fn *)dlsym(RTLD_NEXT, "getsockopt");
	int ret = next(fd, level, name, value, length);
	int *number = value;

	if (ret || level != SOL_SOCKET || *length != sizeof(*number))
		return ret;
	if (name == SO_DOMAIN && *number == AF_XTCP)
		*number = preload_family(fd);
	else if (name == SO_PROTOCOL && *number == IPPROTO_XTCP)
		*number = IPPROTO_TCP;
	return ret;
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * proc_hold.c brings sockets into every state that /proc/net/xtcp shows, with
 * ports that are the same each time, says "ready" and holds them until its
 * standard input ends.
 *
 *	proc_hold		one of each; SYN-ACKs from port 8003 must get lost
 *	proc_hold many N	N connections to port 8001, both ends held
 *	proc_hold reset		connections that end by RST, for the reasons there are
 */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <linux/sockios.h>
#include <unistd.h>

#include "xtcp_test.h"

#define SERVER		8001
#define UNANSWERED	8003
#define CLIENTS		21000

static struct sockaddr_in hold_addr(int port)
{
	struct sockaddr_in sin = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		.sin_port = htons(port),
	};

	return sin;
}

static int hold_bound(int port, int flags)
{
	struct sockaddr_in sin = hold_addr(port);
	int fd = xt_socket(flags);

	if (fd < 0 || bind(fd, (struct sockaddr *)&sin, sizeof(sin)))
		err(1, "port %d", port);
	return fd;
}

static int hold_listen(int port, int backlog)
{
	int fd = hold_bound(port, 0);

	if (listen(fd, backlog))
		err(1, "listen on %d", port);
	return fd;
}

static int hold_connect(int from, int to, int flags)
{
	struct sockaddr_in sin = hold_addr(to);
	int fd = hold_bound(from, flags);

	if (connect(fd, (struct sockaddr *)&sin, sizeof(sin)) && errno != EINPROGRESS)
		err(1, "connect from %d", from);
	return fd;
}

static int hold_accept(int listener)
{
	int fd = accept(listener, NULL, NULL);

	if (fd < 0)
		err(1, "accept");
	return fd;
}

static struct tcp_info hold_info(int fd)
{
	struct tcp_info info = { };
	socklen_t len = sizeof(info);

	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len))
		err(1, "TCP_INFO");
	return info;
}

/* Until the peer's window is closed, stays so, and has acknowledged what it holds. */
static void hold_fill(int fd)
{
	static char zeros[65536];
	int idle = 0;

	fcntl(fd, F_SETFL, O_NONBLOCK);
	while (idle < 5) {
		if (write(fd, zeros, sizeof(zeros)) > 0 || hold_info(fd).tcpi_unacked) {
			idle = 0;
			continue;
		}
		usleep(100000);
		idle++;
	}
}

static void hold_await(int fd, int events)
{
	struct pollfd pfd = { .fd = fd, .events = events };

	if (poll(&pfd, 1, -1) != 1)
		err(1, "poll");
}

/* Until all that was sent is acknowledged and the state is that. */
static void hold_settle(int fd, int state)
{
	int queued = 0;

	while (hold_info(fd).tcpi_state != state || ioctl(fd, SIOCOUTQ, &queued) || queued)
		usleep(10000);
}

/* Sockets of that state in this namespace. */
static int hold_listed(unsigned int state)
{
	FILE *f = fopen(xt_native() ? "/proc/self/net/tcp" : "/proc/self/net/xtcp", "r");
	unsigned int st;
	char line[256];
	int n = 0;

	if (!f)
		err(1, "/proc");
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "%*d: %*8X:%*4X %*8X:%*4X %2X", &st) == 1 && st == state)
			n++;
	fclose(f);
	return n;
}

static void hold_until(unsigned int state, int listed)
{
	while (hold_listed(state) != listed)
		usleep(10000);
}

/* The client closes and the server, who acknowledges it, does not. */
static void hold_half_closed(int client, int server)
{
	close(client);
	hold_await(server, POLLIN);
	hold_until(TCP_FIN_WAIT1, 0);
}

static void hold_each(void)
{
	int listener = hold_listen(SERVER, 16);
	int one = 1, client, server;

	/* Data unread. */
	client = hold_connect(CLIENTS + 1, SERVER, 0);
	server = hold_accept(listener);
	if (write(client, "0123456789", 10) != 10)
		err(1, "write");
	hold_settle(client, TCP_ESTABLISHED);
	/* Keepalive. */
	client = hold_connect(CLIENTS + 2, SERVER, 0);
	hold_accept(listener);
	if (setsockopt(client, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof(one)))
		err(1, "SO_KEEPALIVE");
	/* FIN_WAIT_2 without an owner, CLOSE_WAIT. */
	client = hold_connect(CLIENTS + 4, SERVER, 0);
	hold_half_closed(client, hold_accept(listener));
	/* TIME_WAIT. */
	client = hold_connect(CLIENTS + 5, SERVER, 0);
	server = hold_accept(listener);
	hold_half_closed(client, server);
	close(server);
	hold_until(TCP_LAST_ACK, 0);
	/* FIN_WAIT_2 with an owner, CLOSE_WAIT. */
	client = hold_connect(CLIENTS + 6, SERVER, 0);
	hold_accept(listener);
	shutdown(client, SHUT_WR);
	hold_settle(client, TCP_FIN_WAIT2);
	/* A closed window. */
	client = hold_connect(CLIENTS + 8, SERVER, 0);
	hold_accept(listener);
	hold_fill(client);
	/* Waiting for accept(). */
	hold_connect(CLIENTS + 3, SERVER, 0);
	hold_await(listener, POLLIN);
	/* Half-open on both sides. */
	hold_listen(UNANSWERED, 5);
	hold_connect(CLIENTS + 7, UNANSWERED, SOCK_NONBLOCK);
	hold_until(TCP_SYN_RECV, 1);
}

static void hold_many(int n)
{
	int listener = hold_listen(SERVER, 16);
	int i;

	for (i = 0; i < n; i++) {
		hold_connect(CLIENTS + i, SERVER, 0);
		hold_accept(listener);
	}
}

/* SO_LINGER with a time of 0. */
static void hold_linger(int listener, int port)
{
	struct linger linger = { .l_onoff = 1 };
	int client = hold_connect(port, SERVER, 0);
	int server = hold_accept(listener);

	setsockopt(client, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
	close(client);
	hold_await(server, 0);
}

/* Data for a socket that is closed. */
static void hold_unread(int listener, int port)
{
	int client = hold_connect(port, SERVER, 0);
	char byte = 0;

	close(hold_accept(listener));
	hold_await(client, POLLIN);
	if (write(client, &byte, 1) != 1)
		err(1, "write");
	hold_await(client, 0);
}

/*
 * A request that finds the accept queue full, where abort_on_overflow is set: its ACK is held
 * for a while (ack_hold_us), those of others are not.
 */
static void hold_overflow(int to, int port)
{
	struct sockaddr_in sin = hold_addr(to);
	int client, other, on = 1, i;

	hold_listen(to, 1);
	client = hold_connect(port, to, 0);
	for (i = 1; i < 3; i++) {
		other = hold_bound(port + i, 0);
		setsockopt(other, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof(on));
		if (connect(other, (struct sockaddr *)&sin, sizeof(sin)))
			err(1, "connect");
	}
	hold_await(client, 0);
}

static void hold_reset(void)
{
	int listener = hold_listen(SERVER, 16);
	int client = hold_connect(CLIENTS + 1, SERVER, 0);
	int server = hold_accept(listener);
	char byte = 0;

	if (write(client, &byte, 1) != 1)
		err(1, "write");
	hold_await(server, POLLIN);
	close(server);
	hold_await(client, 0);
	hold_linger(listener, CLIENTS + 2);
	hold_unread(listener, CLIENTS + 3);
	hold_overflow(SERVER + 1, CLIENTS + 4);
}

int main(int argc, char **argv)
{
	char c;

	if (argc == 3 && !strcmp(argv[1], "many"))
		hold_many(atoi(argv[2]));
	else if (argc == 2 && !strcmp(argv[1], "reset"))
		hold_reset();
	else
		hold_each();
	puts("ready");
	fflush(stdout);
	while (read(STDIN_FILENO, &c, 1) > 0)
		;
	return 0;
}

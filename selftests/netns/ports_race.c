// SPDX-License-Identifier: GPL-2.0-only
/*
 * Many want the few ports of a destination, wait for them (XTCP_CONNECT_WAIT) and change their
 * minds, on all processors at once: who gets a port keeps it, and nothing is left in the end.
 */
#include <poll.h>
#include <pthread.h>
#include <time.h>

#include "ports_test.h"

#define CLIENTS		12

static time_t end;
static int got, failed, odd;

static void *serve(void *listener)
{
	int fd;

	while ((fd = accept(*(int *)listener, NULL, NULL)) >= 0)
		drop(fd);
	return NULL;
}

/* The outcome of a connect() that was not given up. */
static void count(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLOUT };
	socklen_t len = sizeof(int);
	int err = -1;

	poll(&p, 1, 60000);
	getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &len);
	/* The server may have sent its RST by now. */
	if (!err || err == ECONNRESET || err == EPIPE)
		__atomic_add_fetch(&got, 1, __ATOMIC_RELAXED);
	else if (err == EADDRNOTAVAIL)
		__atomic_add_fetch(&failed, 1, __ATOMIC_RELAXED);
	else
		__atomic_add_fetch(&odd, 1, __ATOMIC_RELAXED);
}

static void try_once(unsigned int *seed)
{
	int ms = rand_r(seed) % 20, fd = patient(SOCK_NONBLOCK, ms);
	struct sockaddr unspec = { .sa_family = AF_UNSPEC };

	connect_to(fd, "127.0.0.1", 2000);
	switch (rand_r(seed) % 4) {
	case 0:
		usleep(rand_r(seed) % 2000);
		break;
	case 1:
		usleep(rand_r(seed) % 2000);
		shutdown(fd, SHUT_RDWR);
		break;
	case 2:
		usleep(rand_r(seed) % 2000);
		connect(fd, &unspec, sizeof(unspec));
		break;
	default:
		if (ms)
			count(fd);
	}
	drop(fd);
}

static void *want(void *number)
{
	unsigned int seed = (long)number;

	while (time(NULL) < end)
		try_once(&seed);
	return NULL;
}

/* Lines of xtcp_ports below its heading. */
static int destinations(void)
{
	FILE *f = fopen("/proc/self/net/xtcp_ports", "r");
	int lines = -1, c;

	while (f && (c = getc(f)) != EOF)
		lines += c == '\n';
	if (f)
		fclose(f);
	return lines;
}

TEST_F_TIMEOUT(ports, few_ports_for_many, 900)
{
	int l = listener(AF_XTCP, "127.0.0.1", 2000), tries;
	pthread_t server, t[CLIENTS];
	long i;

	ASSERT_GE(l, 0);
	ASSERT_EQ(put(RANGE, "20000 20003"), 0);
	end = time(NULL) + xt_scale(4, 20, 300);
	ASSERT_EQ(pthread_create(&server, NULL, serve, &l), 0);
	for (i = 0; i < CLIENTS; i++)
		ASSERT_EQ(pthread_create(&t[i], NULL, want, (void *)i), 0);
	for (i = 0; i < CLIENTS; i++)
		pthread_join(t[i], NULL);
	shutdown(l, SHUT_RDWR);
	pthread_join(server, NULL);
	close(l);
	TH_LOG("%d got a port, %d waited in vain, %lld waited", got, failed,
	       xt_counter("XTcp", "PortWaits"));
	EXPECT_EQ(odd, 0);
	EXPECT_GT(got, 0);
	EXPECT_GT(xt_counter("XTcp", "PortWaits"), 0);
	EXPECT_GE(xt_counter("XTcp", "PortWaitTimeouts"), failed);
	/* All ended by a RST, so soon. */
	for (tries = 0; tries < 600 && destinations(); tries++)
		usleep(100000);
	EXPECT_EQ(destinations(), 0);
}

TEST_HARNESS_MAIN

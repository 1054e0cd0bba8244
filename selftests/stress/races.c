// SPDX-License-Identifier: GPL-2.0-only
/*
 * Everything at once: listeners that come and go with children and half-open
 * requests in their queues, clients that leave in every way and state, two
 * threads on one socket, readers of /proc and knobs that turn. What it did does
 * not matter, only that the kernel stays whole: run it on two CPUs of the debug
 * kernel. Usage: races SECONDS; in an own namespace, loopback up.
 */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <time.h>
#include <unistd.h>
#include <netinet/tcp.h>

#include "xtcp_test.h"

#define RACES_PORTS	3
#define RACES_BASE	30600
#define RACES_SOCKETS	16
#define RACES_THREADS	10

static volatile bool races_over;
static unsigned long races_connected;

static unsigned int races_random(unsigned int *seed, unsigned int below)
{
	return rand_r(seed) % below;
}

static struct sockaddr_in races_addr(unsigned int *seed)
{
	struct sockaddr_in sin = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK + races_random(seed, 4)),
		.sin_port = htons(RACES_BASE + races_random(seed, RACES_PORTS)),
	};

	return sin;
}

static void races_end(int fd, unsigned int *seed)
{
	struct linger linger = { .l_onoff = 1, .l_linger = races_random(seed, 2) };
	struct sockaddr none = { .sa_family = AF_UNSPEC };

	switch (races_random(seed, 6)) {
	case 0:
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
		break;
	case 1:
		shutdown(fd, SHUT_WR);
		break;
	case 2:
		shutdown(fd, SHUT_RDWR);
		break;
	case 3:
		connect(fd, &none, sizeof(none));
		break;
	}
	close(fd);
}

static void races_talk(int fd, unsigned int *seed)
{
	static char data[65536];
	struct tcp_info info;
	socklen_t len = sizeof(info);

	if (races_random(seed, 2))
		send(fd, data, 1 + races_random(seed, sizeof(data)), MSG_DONTWAIT | MSG_NOSIGNAL);
	if (races_random(seed, 2))
		recv(fd, data, 1 + races_random(seed, sizeof(data)), MSG_DONTWAIT);
	if (!races_random(seed, 8))
		getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len);
}

/* Accepts for a while, never all there is, then goes: the queue's rest is reset. */
static void *races_server(void *arg)
{
	unsigned int seed = (unsigned long)arg, i;
	int one = 1, fd[RACES_SOCKETS], n, s;

	while (!races_over) {
		struct sockaddr_in sin = races_addr(&seed);

		if (races_random(&seed, 2))
			sin.sin_addr.s_addr = 0;
		s = xt_socket(SOCK_NONBLOCK);
		if (s < 0)
			continue;
		setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
		if (bind(s, (struct sockaddr *)&sin, sizeof(sin)) ||
		    listen(s, races_random(&seed, 8))) {
			close(s);
			usleep(1000);
			continue;
		}
		for (i = 0, n = 0; i < 20 && n < RACES_SOCKETS && !races_over; i++) {
			fd[n] = accept(s, NULL, NULL);
			if (fd[n] >= 0)
				races_talk(fd[n++], &seed);
			else
				usleep(2000);
		}
		if (races_random(&seed, 3) == 0)
			shutdown(s, SHUT_RDWR);
		close(s);
		while (n > 0)
			races_end(fd[--n], &seed);
	}
	return NULL;
}

static void *races_client(void *arg)
{
	unsigned int seed = (unsigned long)arg;
	int fd[RACES_SOCKETS], n = 0, i;

	while (!races_over) {
		struct sockaddr_in sin = races_addr(&seed);
		struct pollfd p = { .events = POLLOUT };

		fd[n] = xt_socket(SOCK_NONBLOCK);
		if (fd[n] < 0)
			continue;
		p.fd = fd[n];
		connect(fd[n], (struct sockaddr *)&sin, sizeof(sin));
		if (poll(&p, 1, races_random(&seed, 10)) == 1 && p.revents == POLLOUT)
			__atomic_add_fetch(&races_connected, 1, __ATOMIC_RELAXED);
		n++;
		for (i = 0; i < n; i++)
			races_talk(fd[i], &seed);
		if (n == RACES_SOCKETS)
			while (n > 0)
				races_end(fd[--n], &seed);
	}
	while (n > 0)
		races_end(fd[--n], &seed);
	return NULL;
}

static void *races_blocked(void *arg)
{
	char byte;

	while (recv(*(int *)arg, &byte, 1, 0) > 0)
		;
	return NULL;
}

/* One thread sleeps in connect() or recv(), the other takes the connection away. */
static void *races_pair(void *arg)
{
	unsigned int seed = (unsigned long)arg;
	pthread_t sleeper;
	int fd;

	while (!races_over) {
		struct timeval soon = { .tv_usec = 50000 };
		struct sockaddr_in sin = races_addr(&seed);

		fd = xt_socket(0);
		if (fd < 0)
			continue;
		setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &soon, sizeof(soon));
		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &soon, sizeof(soon));
		if (!connect(fd, (struct sockaddr *)&sin, sizeof(sin)) &&
		    !pthread_create(&sleeper, NULL, races_blocked, &fd)) {
			races_talk(fd, &seed);
			shutdown(fd, races_random(&seed, 3));
			pthread_join(sleeper, NULL);
		}
		races_end(fd, &seed);
	}
	return NULL;
}

static void races_read(const char *name)
{
	static char text[65536];
	int fd = open(name, O_RDONLY);

	while (read(fd, text, sizeof(text)) > 0)
		;
	close(fd);
}

static void races_turn(const char *knob, int value)
{
	char name[64];
	FILE *f;

	snprintf(name, sizeof(name), "/proc/sys/net/xtcp/%s", knob);
	f = fopen(name, "w");
	if (!f)
		err(1, "%s", name);
	fprintf(f, "%d\n", value);
	fclose(f);
}

static void *races_admin(void *arg)
{
	unsigned int seed = (unsigned long)arg;

	while (!races_over) {
		races_read("/proc/net/xtcp");
		races_read("/proc/net/xtcp_netstat");
		races_turn("syncookies", races_random(&seed, 3));
		races_turn("tw_reuse", races_random(&seed, 3));
		races_turn("max_tw_buckets", races_random(&seed, 3) * 50);
		races_turn("abort_on_overflow", races_random(&seed, 2));
		races_turn("timestamps", races_random(&seed, 3));
		races_turn("fin_timeout", races_random(&seed, 3));
		usleep(5000);
	}
	return NULL;
}

int main(int argc, char **argv)
{
	void *(*const role[RACES_THREADS])(void *) = {
		races_server, races_server, races_server, races_server, races_client, races_client,
		races_client, races_pair, races_pair, races_admin,
	};
	pthread_t thread[RACES_THREADS];
	unsigned long i;

	for (i = 0; i < RACES_THREADS; i++)
		if (pthread_create(&thread[i], NULL, role[i], (void *)(time(NULL) + i)))
			err(1, "pthread_create");
	sleep(argc > 1 ? atoi(argv[1]) : 10);
	races_over = true;
	for (i = 0; i < RACES_THREADS; i++)
		pthread_join(thread[i], NULL);
	printf("# %lu connected\n", races_connected);
	return races_connected < 10;
}

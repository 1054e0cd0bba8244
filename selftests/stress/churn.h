/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Connections over the loopback device, opened and closed one after the other in
 * each of several ways: client first, server first, both at once, RST, with data
 * left over.
 */
#ifndef _XTCP_SELFTESTS_CHURN_H
#define _XTCP_SELFTESTS_CHURN_H

#include <arpa/inet.h>
#include <errno.h>
#include <unistd.h>

#include "xtcp_test.h"

#define CHURN_PORT	30500
/* One destination has only so many ephemeral ports. */
#define CHURN_HOSTS	200

static inline void churn_fail(const char *what, long i)
{
	fprintf(stderr, "churn: %s, connection %ld: %s\n", what, i, strerror(errno));
	exit(1);
}

static inline int churn_listen(void)
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_port = htons(CHURN_PORT) };
	int s = xt_socket(0);

	if (s < 0 || bind(s, (struct sockaddr *)&sin, sizeof(sin)) || listen(s, 64))
		churn_fail("listen", 0);
	return s;
}

static inline int churn_connect(long i)
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_port = htons(CHURN_PORT),
				   .sin_addr.s_addr = htonl(INADDR_LOOPBACK + i % CHURN_HOSTS) };
	int s = xt_socket(0);

	if (s < 0 || connect(s, (struct sockaddr *)&sin, sizeof(sin)))
		churn_fail("connect", i);
	return s;
}

static inline void churn_close(int client, int server, long way)
{
	struct linger linger = { .l_onoff = 1 };
	char byte;

	switch (way) {
	case 0:
		close(client);
		if (recv(server, &byte, 1, 0))
			churn_fail("end of file at the server", way);
		break;
	case 1:
		close(server);
		server = -1;
		if (recv(client, &byte, 1, 0))
			churn_fail("end of file at the client", way);
		break;
	case 2:
		shutdown(client, SHUT_WR);
		shutdown(server, SHUT_WR);
		break;
	case 3:
		setsockopt(client, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
		break;
	case 4:	/* data that nobody reads: the close resets */
		send(client, "x", 1, MSG_NOSIGNAL);
		break;
	}
	if (way)
		close(client);
	if (server >= 0)
		close(server);
}

/* Needs a namespace with loopback up; ends the program on an error. */
static inline void churn_run(long count)
{
	int listener = churn_listen(), client, server;
	char byte = 'x';
	long i;

	for (i = 0; i < count; i++) {
		client = churn_connect(i);
		server = accept(listener, NULL, NULL);
		if (server < 0)
			churn_fail("accept", i);
		if (send(client, &byte, 1, 0) != 1 || recv(server, &byte, 1, 0) != 1)
			churn_fail("data", i);
		churn_close(client, server, i % 5);
	}
	close(listener);
}

#endif /* _XTCP_SELFTESTS_CHURN_H */

// SPDX-License-Identifier: GPL-2.0-only
/*
 * Opens and closes connections by the thousand over the loopback device, each in
 * one of several ways: client first, server first, both at once, RST, with and
 * without data left over. Usage: churn COUNT; run in an own namespace.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <unistd.h>

#include "xtcp_test.h"

#define CHURN_PORT	30500
/* One destination has only so many ephemeral ports. */
#define CHURN_HOSTS	200

static void churn_fail(const char *what, long i)
{
	fprintf(stderr, "churn: %s, connection %ld: %s\n", what, i, strerror(errno));
	exit(1);
}

static int churn_listen(void)
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_port = htons(CHURN_PORT) };
	int s = xt_socket(0);

	if (s < 0 || bind(s, (struct sockaddr *)&sin, sizeof(sin)) || listen(s, 64))
		churn_fail("listen", 0);
	return s;
}

static int churn_connect(long i)
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_port = htons(CHURN_PORT),
				   .sin_addr.s_addr = htonl(INADDR_LOOPBACK + i % CHURN_HOSTS) };
	int s = xt_socket(0);

	if (s < 0 || connect(s, (struct sockaddr *)&sin, sizeof(sin)))
		churn_fail("connect", i);
	return s;
}

static void churn_close(int client, int server, long way)
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

int main(int argc, char **argv)
{
	long count = argc > 1 ? atol(argv[1]) : 1000, i;
	int listener = churn_listen(), client, server;
	char byte = 'x';

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
	return 0;
}

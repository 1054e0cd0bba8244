// SPDX-License-Identifier: GPL-2.0-only
/*
 * RFC 6056, and what came after it (CVE-2022-32296): who chooses the destinations of a
 * host's connections, loopback's as well, and sees their ports, knows neither the
 * next one, nor which destinations have to do with each other, nor the host when it comes back.
 */
#include "ports_test.h"

#define LOW		10000
#define PORTS		20000
#define CELLS		20
#define MOST		50000		/* destinations */

/* So many ports, destinations, and connections to each, where a host is to be known again. */
#define FEW		500
#define HOSTS		10
#define VISITS		100

/* 127.1.0.0 and on: all of them are here, and one listener hears them. */
static const char *name(int i)
{
	static char text[20];

	snprintf(text, sizeof(text), "127.%d.%d.%d", 1 + (i >> 16), i >> 8 & 255, i & 255);
	return text;
}

/* The port that a connection to destination @i came from, or -1. */
static int port_to(int l, int i)
{
	int x = tcp(AF_XTCP), port = -1;

	if (!connect_to(x, name(i), 2000)) {
		port = local_port(x);
		drop(accept(l, NULL, NULL));
	}
	close(x);
	return port;
}

/* How far from even: chi-square with CELLS - 1 degrees of freedom. */
static double unevenness(const unsigned int *cells, int n)
{
	double chi = 0, mean = (double)n / CELLS;
	int i;

	for (i = 0; i < CELLS; i++)
		chi += (cells[i] - mean) * (cells[i] - mean) / mean;
	return chi;
}

/*
 * Each destination twice, all others in between: where a shared counter takes the ports on,
 * the step says how many of the others share it, and that a host keeps for life.
 */
TEST_F_TIMEOUT(ports, a_step_tells_nothing, 10000)
{
	int n = xt_scale(2000, 400, MOST), l = listener(AF_XTCP, "0.0.0.0", 2000);
	unsigned int cells[CELLS] = { 0 };
	int i, step, near = 0;
	static int first[MOST];

	for (i = 0; i < n; i++) {
		first[i] = port_to(l, i);
		ASSERT_GE(first[i], LOW);
	}
	for (i = 0; i < n; i++) {
		step = (port_to(l, i) - first[i] + PORTS) % PORTS;
		ASSERT_GE(step, 0);
		cells[step * CELLS / PORTS]++;
		near += step <= 10 || step >= PORTS - 10;
	}
	TH_LOG("%d destinations: chi-square %.1f, near %d", n, unevenness(cells, n), near);
	EXPECT_LT(unevenness(cells, n), 57);	/* p below 0.00001 */
	EXPECT_LE(near, 8 + n / 500);		/* by chance n / 1000 */
}

/* Which of the ports a host came from, by destination. */
struct visit {
	bool seen[HOSTS][FEW];
	int ports[HOSTS];
};

static bool visit(struct visit *v, int l)
{
	int i, k, port;

	memset(v, 0, sizeof(*v));
	for (i = 0; i < HOSTS; i++) {
		for (k = 0; k < VISITS; k++) {
			port = port_to(l, i) - LOW;
			if (port < 0 || port >= FEW)
				return false;
			v->ports[i] += !v->seen[i][port];
			v->seen[i][port] = true;
		}
	}
	return true;
}

/* Ports of both visits, in multiples of what two hosts have in common by chance. */
static double in_common(const struct visit *a, const struct visit *b)
{
	double expected = 0;
	int i, k, n = 0;

	for (i = 0; i < HOSTS; i++) {
		expected += (double)a->ports[i] * b->ports[i] / FEW;
		for (k = 0; k < FEW; k++)
			n += a->seen[i][k] && b->seen[i][k];
	}
	return n / expected;
}

/* An order that is walked to its end gives none of its ports twice: then it is the same host. */
TEST_F_TIMEOUT(ports, who_comes_back_is_not_known, 10000)
{
	int l = listener(AF_XTCP, "0.0.0.0", 2000);
	static struct visit once, again, other;
	double same, strange;

	ASSERT_EQ(put(RANGE, "10000 10499"), 0);
	ASSERT_TRUE(visit(&once, l));
	sleep(30);
	ASSERT_TRUE(visit(&again, l));
	ASSERT_TRUE(own_namespace());	/* as good as another host */
	ASSERT_EQ(put(RANGE, "10000 10499"), 0);
	ASSERT_TRUE(visit(&other, listener(AF_XTCP, "0.0.0.0", 2000)));
	same = in_common(&once, &again);
	strange = in_common(&once, &other);
	TH_LOG("in common: the same host %.2f, another %.2f", same, strange);
	/* Five standard deviations. */
	EXPECT_LT(same, 1.28);
	EXPECT_GT(same, 0.72);
	EXPECT_LT(strange, 1.28);
	EXPECT_GT(strange, 0.72);
}

TEST_HARNESS_MAIN

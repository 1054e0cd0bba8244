// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who knows all of XTCP but its key chooses 4-tuples so that they meet in one chain of the
 * connection table, as they would with the hashes that came to mind. The longest chain is
 * no longer than chance makes it. And what /proc/net/xtcp_table says, and to whom.
 */
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "passive_test.h"
#include "xtcp_test.h"

#define TABLE		"/proc/net/xtcp_table"
#define PORT		30998
#define TRIALS		100	/* of chance, of which mean and deviation are taken */
#define ROUNDS		3	/* chance alone exceeds the bar in 1 of 100 */
#define NOBODY		65534

/* A line of the table. */
struct line {
	unsigned int connections, requests, timewait, all;
};

struct table {
	unsigned int buckets;
	struct line entries, longest;
};

struct attack {
	const char *name;
	void (*tuple)(struct conn *c, unsigned int i);
};

static int table_fd;	/* of the host's namespace */
static unsigned int secret;

static uint32_t rnd(void)
{
	static uint64_t state = 0x9e3779b97f4a7c15ull;

	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state >> 16;
}

static struct table read_table(void)
{
	struct table t = { 0 };
	char text[512];
	ssize_t n = pread(table_fd, text, sizeof(text) - 1, 0);

	text[n > 0 ? n : 0] = 0;
	if (sscanf(text, "buckets %u connections requests timewait all "
			 "entries %u %u %u %u longest %u %u %u %u", &t.buckets,
		   &t.entries.connections, &t.entries.requests, &t.entries.timewait,
		   &t.entries.all, &t.longest.connections, &t.longest.requests,
		   &t.longest.timewait, &t.longest.all) != 9)
		die(TABLE ": %s", text);
	return t;
}

/* ---- what the file says ------------------------------------------------------------ */
static bool refused(int uid)
{
	int status;
	pid_t pid = fork();

	if (!pid)
		_exit(setuid(uid) || open(TABLE, O_RDONLY) >= 0 || errno != EACCES);
	return waitpid(pid, &status, 0) == pid && !status;
}

static bool root_only(void)
{
	struct stat st;

	return !fstat(table_fd, &st) && (st.st_mode & 0777) == 0400 && !st.st_uid;
}

/* Is it in the table, in a chain, and gone when it is over? */
static bool counts(enum fsm_place place)
{
	struct table before = read_table(), now;
	struct conn c;
	bool ok;

	conn_init(&c, fsm_family, true);
	ok = conn_into(&c, place);
	now = read_table();
	ok &= now.entries.all == before.entries.all + 1 && now.longest.all >= 1;
	if (place == P_ESTABLISHED)
		ok &= now.entries.connections == before.entries.connections + 1 &&
		      now.longest.connections >= 1;
	else if (place == P_SYN_RECV)
		ok &= now.entries.requests == before.entries.requests + 1 &&
		      now.longest.requests >= 1;
	else
		ok &= now.entries.timewait == before.entries.timewait + 1 &&
		      now.longest.timewait >= 1;
	conn_kill(&c);
	return ok;
}

/* ---- tuples ------------------------------------------------------------------------- */
/* Where a network's number lies in a word of this machine: what a hash is given. */
static uint32_t word(const struct conn *c)
{
	return (uint32_t)c->lport << 16 | htons(c->rport);
}

static void any(struct conn *c, unsigned int i)
{
	(void)i;
	c->raddr = (1 + rnd() % 126) << 24 | (rnd() & 0xffffff);
	c->rport = 1024 + rnd() % 64000;
}

/* Addresses of which none is like another, the low half of a hash's word first. */
static void spread(struct conn *c, unsigned int i)
{
	c->raddr = (1 + i % 126) << 24 | (i / 126 & 255) << 16 | i / 126 / 256;
}

static void equal_xor(struct conn *c, unsigned int i)
{
	spread(c, i);
	c->rport = ntohs((htonl(c->raddr) ^ secret) & 0xffff);
}

static void equal_sum(struct conn *c, unsigned int i)
{
	spread(c, i);
	c->rport = ntohs((secret - htonl(c->raddr)) & 0xffff);
}

/* The low half of all words is the same, and of the ports nearly all. */
static void equal_low_bits(struct conn *c, unsigned int i)
{
	c->raddr = 0x0b000000 | (secret & 0xff) << 16 | (i & 0xffff);
	c->rport = ntohs(0x1234 + (i >> 16));
}

static uint32_t rotl(uint32_t v, int n)
{
	return v << n | v >> (32 - n);
}

/* The last step of Jenkins' lookup3 over the words in the order of the kernel's TCP, key 0. */
static uint32_t jenkins(uint32_t a, uint32_t b, uint32_t c)
{
	static const int turns[] = { 14, 11, 25, 16, 4, 14, 24 };
	uint32_t v[3] = { a + 0xdeadbeef + 12, b + 0xdeadbeef + 12, c + 0xdeadbeef + 12 };
	int i, to = 2, from = 1;

	for (i = 0; i < 7; i++) {
		v[to] = (v[to] ^ v[from]) - rotl(v[from], turns[i]);
		from = to;
		to = (to + 1) % 3;
	}
	return v[2];
}

/* Eight bits of it are soon found, and would make chains 256 times as long. */
static void equal_jenkins(struct conn *c, unsigned int i)
{
	do {
		any(c, i);
	} while ((jenkins(htonl(FSM_LOCAL), htonl(c->raddr), word(c)) ^ secret) & 0xff);
}

static const struct attack attacks[] = {
	{ "random", any },
	{ "of one XOR", equal_xor },
	{ "of one sum", equal_sum },
	{ "of equal low bits", equal_low_bits },
	{ "of one Jenkins hash with key 0", equal_jenkins },
};

/* ---- chains -------------------------------------------------------------------------- */
/* The longest of chains by chance, once. */
static unsigned int longest_by_chance(uint16_t *chains, unsigned int buckets, unsigned int n)
{
	unsigned int longest = 0, i, b;

	memset(chains, 0, buckets * sizeof(*chains));
	for (i = 0; i < n; i++) {
		b = rnd() & (buckets - 1);
		if (++chains[b] > longest)
			longest = chains[b];
	}
	return longest;
}

/* What chance makes of @n in @buckets: mean and three standard deviations. */
static double by_chance(unsigned int buckets, unsigned int n)
{
	uint16_t *chains = malloc(buckets * sizeof(*chains));
	double sum = 0, squares = 0, longest, mean, sigma;
	int i;

	for (i = 0; i < TRIALS; i++) {
		longest = longest_by_chance(chains, buckets, n);
		sum += longest;
		squares += longest * longest;
	}
	free(chains);
	mean = sum / TRIALS;
	sigma = sqrt(squares / TRIALS - mean * mean);
	tap_note("by chance %u in %u buckets: longest %.2f, sigma %.2f", n, buckets, mean, sigma);
	return mean + 3 * sigma;
}

/* The SYN-ACKs are of no interest. No ping: thousands of them at once could displace its answer. */
static void drain(void)
{
	static struct seg seg;

	while (tun_recv(&seg, 0))
		;
}

/* As many half-open connections, one to a tuple: the table with them in it. */
static struct table attack(const struct attack *a, unsigned int n)
{
	struct table t;
	struct conn c;
	unsigned int i;

	secret = rnd();
	conn_init(&c, fsm_family, false);
	c.lport = PORT;
	conn_listen(&c, 1 << 20);
	for (i = 0; i < n; i++) {
		a->tuple(&c, i);
		conn_send(&c, SYN, rnd(), 0, 0);
		if (i % 64 == 63)
			drain();
	}
	t = read_table();
	close(c.lfd);
	drain();
	return t;
}

static void test_attack(const struct attack *a, unsigned int n, double bar)
{
	unsigned int rounds = 0;
	struct table t;
	bool all = true;

	do {
		t = attack(a, n);
		all &= t.entries.requests >= n - n / 100;	/* some at random are twins */
		tap_note("%u entries, longest chain %u", t.entries.requests, t.longest.requests);
	} while (t.longest.requests > bar && ++rounds < ROUNDS);
	tap_ok(all && t.longest.requests <= bar,
	       "%u tuples %s: the longest chain is one of chance", n, a->name);
}

int main(void)
{
	unsigned int n = xt_scale(8000, 2000, 100000), i;
	double bar;

	table_fd = open(TABLE, O_RDONLY);
	if (table_fd < 0)
		die(TABLE);
	tap_plan(6 + (int)(sizeof(attacks) / sizeof(*attacks)));
	tap_ok(root_only() && refused(NOBODY), "root alone reads " TABLE);
	tun_open();
	tap_ok(access(TABLE, F_OK) && errno == ENOENT, "no other namespace has it");
	tap_ok(counts(P_ESTABLISHED), "a connection is counted");
	tap_ok(counts(P_SYN_RECV), "so is a request");
	tap_ok(counts(P_TIME_WAIT), "so is TIME_WAIT");
	tun_route_all();
	fsm_sysctl("net/core/somaxconn", "1048576");
	fsm_sysctl("net/xtcp/somaxconn", "1048576");
	fsm_sysctl("net/xtcp/syn_prefix_share", "0");
	bar = by_chance(read_table().buckets, n);
	for (i = 0; i < sizeof(attacks) / sizeof(*attacks); i++)
		test_attack(&attacks[i], n, bar);
	tap_ok(!read_table().entries.requests, "no request is left");
	return tap_done();
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * Local ports: who may bind what beside whom, within XTCP, against native TCP in both
 * directions, and which ports connect() and bind(0) choose.
 */
#include "ports_test.h"

/* A released guard goes by a work item: the native port is free a moment later. */
static int native_bind_soon(const char *host, int port)
{
	int fd = tcp(AF_INET), tries, err = 0;

	for (tries = 0; tries < 200; tries++) {
		err = bind_to(fd, host, port);
		if (!err)
			break;
		usleep(10000);
	}
	close(fd);
	return err;
}

static int native_bind(const char *host, int port)
{
	int fd = tcp(AF_INET), err;

	set_flag(fd, SO_REUSEADDR);
	err = bind_to(fd, host, port);
	close(fd);
	return err;
}

/*
 * Two sockets, every combination of address, device, SO_REUSEADDR, SO_REUSEPORT and of
 * who listens when: the same errnos as native TCP gives.
 */
struct side {
	const char *host;
	bool reuseaddr, reuseport, lo;
};

static int open_side(int family, const struct side *s)
{
	int fd = tcp(family);

	if (s->reuseaddr)
		set_flag(fd, SO_REUSEADDR);
	if (s->reuseport)
		set_flag(fd, SO_REUSEPORT);
	if (s->lo)
		setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "lo", 3);
	return fd;
}

/* bind a, [listen a,] bind b, listen b, listen a: the errnos, as one number. */
static long long play(int family_a, const struct side *a, bool early,
		      int family_b, const struct side *b, int port)
{
	int fa = open_side(family_a, a), fb = open_side(family_b, b);
	long long result;

	result = bind_to(fa, a->host, port);
	if (early)
		result = result * 256 + listen_on(fa);
	result = result * 256 + bind_to(fb, b->host, port);
	if (local_port(fb)) {
		result = result * 256 + listen_on(fb);
		result = result * 256 + (early ? 0 : listen_on(fa));
	}
	close(fa);
	close(fb);
	return result;
}

static void nth_side(struct side *s, unsigned int n)
{
	static const char *const hosts[] = { "0.0.0.0", "127.0.0.1", "127.0.0.2" };

	s->reuseaddr = n & 1;
	s->reuseport = n & 2;
	s->lo = n & 4;
	s->host = hosts[n / 8];
}

#define SIDES 24U

/* All pairs; on the slow kernel some of each kind. */
static bool skipped(unsigned int i, unsigned int j)
{
	return (i * SIDES + j) % xt_scale(1, 19, 1);
}

TEST_F_TIMEOUT(ports, bind_matrix_within_xtcp_like_native, 200)
{
	unsigned int i, j, early, bad = 0;
	struct side a, b;
	long long native, ours;
	int port = 2000;

	for (i = 0; i < SIDES; i++)
		for (j = 0; j < SIDES; j++)
			for (early = skipped(i, j) ? 2 : 0; early < 2; early++) {
				nth_side(&a, i);
				nth_side(&b, j);
				native = play(AF_INET, &a, early, AF_INET, &b, port++);
				ours = play(AF_XTCP, &a, early, AF_XTCP, &b, port++);
				if (native == ours)
					continue;
				TH_LOG("a %u b %u early %u: native %#llx, xtcp %#llx", i, j, early,
				       native, ours);
				bad++;
			}
	EXPECT_EQ(bad, 0);
}

/*
 * A connection of a server with @old's options in TIME_WAIT (or, without @gone, still
 * there), the server gone: may one with @new's options take its place?
 */
static int bind_after(int family, const struct side *old, const struct side *new, bool gone,
		      int port)
{
	int l = open_side(family, old), c = tcp(family), child, err;

	if (bind_to(l, old->host, port) || listen_on(l) || connect_to(c, "127.0.0.1", port))
		return -1;
	child = accept(l, NULL, NULL);
	close(l);
	if (gone) {
		close(child);
		close(c);
		usleep(2000);
	}
	l = open_side(family, new);
	err = bind_to(l, new->host, port);
	if (!err)
		err = listen_on(l);
	close(l);
	if (!gone) {
		drop(c);
		drop(child);
	}
	return err;
}

TEST_F_TIMEOUT(ports, bind_after_a_server_like_native, 200)
{
	unsigned int i, j, gone, bad = 0;
	int native, ours, port = 2000;
	struct side old, new;

	for (i = 0; i < 2 * 8; i++)
		for (j = 0; j < SIDES; j++)
			for (gone = skipped(i, j) ? 2 : 0; gone < 2; gone++) {
				nth_side(&old, i);
				nth_side(&new, j);
				native = bind_after(AF_INET, &old, &new, gone, port++);
				ours = bind_after(AF_XTCP, &old, &new, gone, port++);
				if (native == ours && native >= 0)
					continue;
				TH_LOG("old %u new %u gone %u: native %d, xtcp %d", i, j, gone,
				       native, ours);
				bad++;
			}
	EXPECT_EQ(bad, 0);
}

static bool become(int uid)
{
	return !seteuid(0) && !seteuid(uid);
}

/* User 1000 beside @owner's server, whose connection @by accepted, or nobody did yet (-1). */
static int bind_beside(int family, int owner, int by, int port)
{
	struct side s = { .host = "0.0.0.0", .reuseport = true };
	int l, c, child = -1, x, err;

	if (!become(owner))
		return -1;
	l = open_side(family, &s);
	c = tcp(family);
	if (bind_to(l, s.host, port) || listen_on(l) || connect_to(c, "127.0.0.1", port))
		return -1;
	if (by >= 0 && become(by))
		child = accept(l, NULL, NULL);
	if (!become(1000))
		return -1;
	x = open_side(family, &s);
	err = bind_to(x, s.host, port);
	close(x);
	close(child);
	close(c);
	close(l);
	return err;
}

/* SO_REUSEPORT is among the sockets of one user, whoever accepted their connections. */
TEST_F(ports, a_user_shares_his_port)
{
	int by, port = 3000;

	for (by = -1; by < 3; by++) {
		EXPECT_EQ(bind_beside(AF_INET, 1000, by, port++), 0);
		EXPECT_EQ(bind_beside(AF_XTCP, 1000, by, port++), 0);
		EXPECT_EQ(bind_beside(AF_INET, 2000, by, port++), EADDRINUSE);
		EXPECT_EQ(bind_beside(AF_XTCP, 2000, by, port++), EADDRINUSE);
	}
	ASSERT_EQ(seteuid(0), 0);
}

static bool overlap(const struct side *a, const struct side *b)
{
	return !strcmp(a->host, b->host) || !strcmp(a->host, "0.0.0.0") ||
	       !strcmp(b->host, "0.0.0.0");
}

TEST_F_TIMEOUT(ports, bind_matrix_native_after_xtcp, 200)
{
	unsigned int i, j, early, bad = 0;
	struct side a, b;
	int result, port = 2000, fa, fb, err;

	for (i = 0; i < SIDES; i++)
		for (j = 0; j < SIDES; j++)
			for (early = skipped(i, j) ? 2 : 0; early < 2; early++, port++) {
				nth_side(&a, i);
				nth_side(&b, j);
				fa = open_side(AF_XTCP, &a);
				fb = open_side(AF_INET, &b);
				result = bind_to(fa, a.host, port);
				if (early)
					result |= listen_on(fa);
				err = bind_to(fb, b.host, port);
				close(fa);
				close(fb);
				if (!result && err == (overlap(&a, &b) ? EADDRINUSE : 0))
					continue;
				TH_LOG("a %u b %u early %u: %d, bind %d", i, j, early, result, err);
				bad++;
			}
	EXPECT_EQ(bad, 0);
}

/* SO_REUSEADDR on both sides lets XTCP in beside native sockets that do not listen. */
TEST_F_TIMEOUT(ports, bind_matrix_xtcp_after_native, 200)
{
	unsigned int i, j, early, bad = 0;
	int port = 2000, fa, fb, err, want, late;
	struct side a, b;

	for (i = 0; i < SIDES; i++)
		for (j = 0; j < SIDES; j++)
			for (early = skipped(i, j) ? 2 : 0; early < 2; early++, port++) {
				nth_side(&a, i);
				nth_side(&b, j);
				fa = open_side(AF_INET, &a);
				fb = open_side(AF_XTCP, &b);
				err = bind_to(fa, a.host, port);
				if (early)
					err |= listen_on(fa);
				want = !overlap(&a, &b) || (a.reuseaddr && b.reuseaddr && !early) ?
				       0 : EADDRINUSE;
				late = 0;
				err |= bind_to(fb, b.host, port) ^ want;
				if (!want && overlap(&a, &b)) {
					err |= listen_on(fb);
					late = listen_on(fa) ^ EADDRINUSE;
				}
				close(fa);
				close(fb);
				if (!err && !late)
					continue;
				TH_LOG("a %u b %u early %u: %d %d", i, j, early, err, late);
				bad++;
			}
	EXPECT_EQ(bad, 0);
}

/* Several XTCP sockets on one port share what holds it: the last to go gives it back. */
TEST_F(ports, guard_goes_with_the_last_owner)
{
	long long conflicts = xt_counter("XTcp", "GuardConflict");
	int a = tcp(AF_XTCP), b = tcp(AF_XTCP), c = tcp(AF_XTCP), n = tcp(AF_INET);

	set_flag(a, SO_REUSEADDR);
	set_flag(b, SO_REUSEADDR);
	set_flag(c, SO_REUSEADDR);
	ASSERT_EQ(bind_to(a, "127.0.0.1", 2000), 0);
	ASSERT_EQ(bind_to(b, "127.0.0.1", 2000), 0);
	ASSERT_EQ(bind_to(c, "0.0.0.0", 2000), 0);
	EXPECT_EQ(native_bind("127.0.0.1", 2000), EADDRINUSE);
	close(c);
	EXPECT_EQ(native_bind_soon("127.0.0.2", 2000), 0);
	EXPECT_EQ(native_bind("127.0.0.1", 2000), EADDRINUSE);
	close(a);
	usleep(100000);
	EXPECT_EQ(native_bind("127.0.0.1", 2000), EADDRINUSE);
	close(b);
	EXPECT_EQ(native_bind_soon("127.0.0.1", 2000), 0);

	/* A guard about to go serves the next owner at once. */
	for (a = 0; a < 100; a++) {
		b = tcp(AF_XTCP);
		ASSERT_EQ(bind_to(b, "127.0.0.1", 2001), 0);
		close(b);
	}
	ASSERT_EQ(bind_to(n, "127.0.0.1", 2002), 0);
	b = tcp(AF_XTCP);
	EXPECT_EQ(bind_to(b, "0.0.0.0", 2002), EADDRINUSE);
	EXPECT_EQ(xt_counter("XTcp", "GuardConflict"), conflicts + 1);
}

/* Owners that come and go at once: the guard changes hands, none of them ever sees it. */
TEST_F_TIMEOUT(ports, guard_changes_hands_in_a_race, 200)
{
	int i, j, x, status, rounds = xt_scale(500, 100, 5000);
	pid_t pid[4];

	for (i = 0; i < 4; i++) {
		pid[i] = fork();
		if (pid[i])
			continue;
		for (j = 0; j < rounds; j++) {
			x = tcp(AF_XTCP);
			set_flag(x, SO_REUSEADDR);
			if (bind_to(x, i & 1 ? "127.0.0.1" : "0.0.0.0", 2000))
				_exit(1);
			close(x);
		}
		_exit(0);
	}
	for (i = 0; i < 4; i++) {
		ASSERT_EQ(waitpid(pid[i], &status, 0), pid[i]);
		EXPECT_EQ(status, 0);
	}
	EXPECT_EQ(native_bind_soon("0.0.0.0", 2000), 0);
}

/* A listener of a group that shares one port. */
static int member(int family, int port)
{
	int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK, 0);

	set_flag(fd, SO_REUSEPORT);
	if (bind_to(fd, "127.0.0.1", port) || listen_on(fd)) {
		close(fd);
		return -1;
	}
	return fd;
}

/* @n connections to the port; how many each member of the group got. False: one failed. */
static bool share_out(int family, int port, int n, const int *fd, int *got, int members)
{
	int i, c, s;

	while (n--) {
		c = tcp(family);
		if (connect_to(c, "127.0.0.1", port))
			return false;
		/* A child is there a moment after its connect(). */
		for (i = 0, s = -1; s < 0 && i < 1000 * members; i++) {
			s = accept(fd[i % members], NULL, NULL);
			if (s >= 0)
				got[i % members]++;
			else if (i % members == members - 1)
				usleep(i > 10 * members ? 1000 : 0);
		}
		drop(c);
		close(s);
		if (s < 0)
			return false;
	}
	return true;
}

/* SO_REUSEPORT: to each the same share, and who is gone gets nothing more. */
TEST_F_TIMEOUT(ports, reuseport_shares_out_like_native, 200)
{
	int family[] = { AF_INET, AF_XTCP }, f, i, fd[4], got[4], n = xt_scale(160, 80, 4000);

	for (f = 0; f < 2; f++) {
		memset(got, 0, sizeof(got));
		for (i = 0; i < 4; i++) {
			fd[i] = member(family[f], 2000 + f);
			ASSERT_GE(fd[i], 0);
		}
		ASSERT_TRUE(share_out(family[f], 2000 + f, n, fd, got, 4));
		TH_LOG("%s: %d %d %d %d", f ? "xtcp" : "native", got[0], got[1], got[2], got[3]);
		/* The standard deviation is sqrt(n * 3 / 16): five of them for n >= 80. */
		for (i = 0; i < 4; i++) {
			EXPECT_GT(got[i], n / 4 - n / 4 * 4 / 5);
			EXPECT_LT(got[i], n / 4 + n / 4 * 4 / 5 + 4);
		}
		close(fd[3]);
		ASSERT_TRUE(share_out(family[f], 2000 + f, n / 4, fd, got, 3));
		EXPECT_EQ(got[0] + got[1] + got[2] + got[3], n + n / 4);
		for (i = 0; i < 3; i++)
			close(fd[i]);
	}
}

TEST_F(ports, guard_holds_against_native_ipv6_wildcard)
{
	struct sockaddr_in6 sin6 = { .sin6_family = AF_INET6, .sin6_port = htons(2000) };
	int x = listener(AF_XTCP, "0.0.0.0", 2000), n = socket(AF_INET6, SOCK_STREAM, 0);

	ASSERT_GE(x, 0);
	if (n < 0)
		SKIP(return, "no IPv6");
	EXPECT_EQ(bind(n, (struct sockaddr *)&sin6, sizeof(sin6)), -1);
	EXPECT_EQ(errno, EADDRINUSE);
}

/* The guard is the listener's; its connections keep the port within XTCP. */
TEST_F(ports, children_keep_the_port)
{
	int l = listener(AF_XTCP, "127.0.0.1", 2000), c = tcp(AF_XTCP), child, x;

	ASSERT_EQ(connect_to(c, "127.0.0.1", 2000), 0);
	child = accept(l, NULL, NULL);
	ASSERT_GE(child, 0);
	close(l);
	EXPECT_EQ(native_bind_soon("127.0.0.1", 2000), 0);
	x = tcp(AF_XTCP);
	EXPECT_EQ(bind_to(x, "127.0.0.1", 2000), EADDRINUSE);
	EXPECT_EQ(bind_to(x, "127.0.0.2", 2000), 0);
	x = tcp(AF_XTCP);
	set_flag(x, SO_REUSEADDR);
	EXPECT_EQ(bind_to(x, "127.0.0.1", 2000), 0);
	EXPECT_EQ(listen_on(x), 0);
	close(x);
	drop(c);
	drop(child);
	x = tcp(AF_XTCP);
	EXPECT_EQ(bind_to(x, "127.0.0.1", 2000), 0);
}

TEST_F(ports, bind_0_chooses_from_the_own_range)
{
	int fd[4], x, i, j;

	ASSERT_EQ(put(RANGE, "20000 20003"), 0);
	for (i = 0; i < 4; i++) {
		fd[i] = tcp(AF_XTCP);
		ASSERT_EQ(bind_to(fd[i], "0.0.0.0", 0), 0);
		EXPECT_GE(local_port(fd[i]), 20000);
		EXPECT_LE(local_port(fd[i]), 20003);
		for (j = 0; j < i; j++)
			EXPECT_NE(local_port(fd[i]), local_port(fd[j]));
	}
	x = tcp(AF_XTCP);
	EXPECT_EQ(bind_to(x, "0.0.0.0", 0), 0);
	EXPECT_EQ(local_port(x), -1);
	EXPECT_EQ(errno, EADDRINUSE);
	/* Bound ports are nobody else's, whatever the destination. */
	EXPECT_EQ(connect_to(x, "127.0.0.1", 2000), EADDRNOTAVAIL);
	j = local_port(fd[1]);
	close(fd[1]);
	EXPECT_EQ(bind_to(x, "0.0.0.0", 0), 0);
	EXPECT_EQ(bind_to(x, "0.0.0.0", 0), EINVAL);
	EXPECT_EQ(local_port(x), j);
	EXPECT_EQ(bind_to(x, "0.0.0.0", 0), EINVAL);
}

/* Until somebody asks for the port there is none, and connect() chooses as if unbound. */
TEST_F(ports, bind_0_pins_no_port)
{
	int a = tcp(AF_XTCP), b = tcp(AF_XTCP), c = tcp(AF_XTCP), d = tcp(AF_XTCP);

	ASSERT_EQ(put(RANGE, "20000 20000"), 0);
	ASSERT_GE(listener(AF_XTCP, "127.0.0.1", 2000), 0);
	ASSERT_GE(listener(AF_XTCP, "127.0.0.1", 2001), 0);
	ASSERT_EQ(bind_to(a, "127.0.0.1", 0), 0);
	ASSERT_EQ(bind_to(b, "127.0.0.1", 0), 0);
	ASSERT_EQ(bind_to(c, "127.0.0.1", 0), 0);
	ASSERT_EQ(bind_to(d, "127.0.0.1", 0), 0);
	EXPECT_EQ(connect_to(a, "127.0.0.1", 2000), 0);
	EXPECT_EQ(connect_to(b, "127.0.0.1", 2001), 0);
	EXPECT_EQ(local_port(a), 20000);
	EXPECT_EQ(local_port(b), 20000);
	EXPECT_EQ(connect_to(c, "127.0.0.1", 2000), EADDRNOTAVAIL);
	EXPECT_EQ(listen_on(d), EADDRINUSE);
	drop(a);
	drop(b);
	EXPECT_EQ(listen_on(d), 0);
	EXPECT_EQ(local_port(d), 20000);
}

/* Who bound a port badly has it for himself, and nothing of it stays when he goes. */
TEST_F(ports, a_bad_bind_leaves_nothing_behind)
{
	int a = tcp(AF_XTCP), x = tcp(AF_XTCP);

	ASSERT_EQ(put(RANGE, "20000 20000"), 0);
	ASSERT_GE(listener(AF_XTCP, "127.0.0.1", 2000), 0);
	ASSERT_EQ(bind_to(a, "0.0.0.0", 20000), 0);
	EXPECT_EQ(connect_to(x, "127.0.0.1", 2000), EADDRNOTAVAIL);
	close(a);
	ASSERT_EQ(connect_to(x, "127.0.0.1", 2000), 0);
	drop(x);
	a = tcp(AF_XTCP);
	set_flag(a, SO_REUSEADDR);
	ASSERT_EQ(bind_to(a, "0.0.0.0", 20000), 0);
	close(a);
	x = tcp(AF_XTCP);
	EXPECT_EQ(connect_to(x, "127.0.0.1", 2000), 0);
}

static int ranged(unsigned int low, unsigned int high)
{
	unsigned int range = high << 16 | low;
	int fd = tcp(AF_XTCP);

	if (setsockopt(fd, SOL_IP, IP_LOCAL_PORT_RANGE, &range, sizeof(range)))
		return -1;
	return fd;
}

/* As Linux 6.3 has it: within the namespace's range, either end by itself. */
TEST_F(ports, a_socket_may_have_its_own_range)
{
	int x, i;

	ASSERT_EQ(put(RANGE, "20000 20099"), 0);
	ASSERT_GE(listener(AF_XTCP, "127.0.0.1", 2000), 0);
	for (i = 0; i < 4; i++) {
		x = ranged(20010, 20013);
		ASSERT_GE(x, 0);
		ASSERT_EQ(connect_to(x, "127.0.0.1", 2000), 0);
		EXPECT_GE(local_port(x), 20010);
		EXPECT_LE(local_port(x), 20013);
	}
	EXPECT_EQ(connect_to(ranged(20010, 20013), "127.0.0.1", 2000), EADDRNOTAVAIL);
	x = ranged(20098, 0);
	ASSERT_EQ(connect_to(x, "127.0.0.1", 2000), 0);
	EXPECT_GE(local_port(x), 20098);
	x = ranged(0, 20001);
	ASSERT_EQ(connect_to(x, "127.0.0.1", 2000), 0);
	EXPECT_LE(local_port(x), 20001);
	x = ranged(20050, 20050);
	ASSERT_EQ(bind_to(x, "0.0.0.0", 0), 0);
	EXPECT_EQ(local_port(x), 20050);
	/* What the namespace does not have nobody gets. */
	x = ranged(100, 200);
	ASSERT_EQ(connect_to(x, "127.0.0.1", 2000), 0);
	EXPECT_GE(local_port(x), 20000);
	EXPECT_LE(local_port(x), 20099);
}

/* It is claimed in native TCP only when it listens. */
TEST_F(ports, listen_claims_a_chosen_port)
{
	int a = tcp(AF_XTCP), b = tcp(AF_XTCP), c = tcp(AF_XTCP), n = tcp(AF_INET);

	ASSERT_EQ(bind_to(a, "0.0.0.0", 0), 0);
	EXPECT_EQ(listen_on(a), 0);
	EXPECT_EQ(native_bind("127.0.0.1", local_port(a)), EADDRINUSE);

	ASSERT_EQ(bind_to(b, "0.0.0.0", 0), 0);
	EXPECT_EQ(bind_to(n, "127.0.0.1", local_port(b)), 0);
	EXPECT_EQ(listen_on(b), EADDRINUSE);

	EXPECT_EQ(listen_on(c), 0);
	EXPECT_GE(local_port(c), 10000);
	EXPECT_LE(local_port(c), 29999);
	EXPECT_EQ(native_bind("127.0.0.1", local_port(c)), EADDRINUSE);
}

TEST_F(ports, reserved_ports_are_not_chosen)
{
	int x, i;

	ASSERT_EQ(put(RANGE, "20000 20003"), 0);
	ASSERT_EQ(put(RESERVED, "20000-20001,20003"), 0);
	ASSERT_GE(listener(AF_XTCP, "127.0.0.1", 2000), 0);
	for (i = 0; i < 4; i++) {
		x = tcp(AF_XTCP);
		ASSERT_EQ(bind_to(x, "0.0.0.0", 0), 0);
		EXPECT_EQ(local_port(x), 20002);
		close(x);
		x = tcp(AF_XTCP);
		ASSERT_EQ(connect_to(x, "127.0.0.1", 2000), 0);
		EXPECT_EQ(local_port(x), 20002);
		drop(x);
	}
	/* But who asks for one gets it. */
	x = tcp(AF_XTCP);
	EXPECT_EQ(bind_to(x, "0.0.0.0", 20003), 0);
}

TEST_F(ports, one_local_port_serves_many_destinations)
{
	int i, x, one = 1;

	ASSERT_EQ(put(RANGE, "20000 20000"), 0);
	for (i = 0; i < 50; i++) {
		ASSERT_GE(listener(i & 1 ? AF_XTCP : AF_INET, "127.0.0.1", 2000 + i), 0);
		x = tcp(AF_XTCP);
		ASSERT_EQ(connect_to(x, "127.0.0.1", 2000 + i), 0);
		EXPECT_EQ(local_port(x), 20000);
	}
	x = tcp(AF_XTCP);
	EXPECT_EQ(connect_to(x, "127.0.0.1", 2000), EADDRNOTAVAIL);
	EXPECT_EQ(connect_to(x, "127.0.0.1", 2001), EADDRNOTAVAIL);
	EXPECT_EQ(connect_to(x, "127.0.0.1", 2050), ECONNREFUSED);
	/* Another address of ours is another 4-tuple. */
	EXPECT_EQ(setsockopt(x, SOL_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof(one)), 0);
	ASSERT_EQ(bind_to(x, "127.0.0.2", 0), 0);
	EXPECT_EQ(connect_to(x, "127.0.0.1", 2000), 0);
	EXPECT_EQ(local_port(x), 20000);
	/* Nobody binds where strangers connect from. */
	x = tcp(AF_XTCP);
	set_flag(x, SO_REUSEADDR);
	EXPECT_EQ(bind_to(x, "127.0.0.1", 20000), EADDRINUSE);
}

TEST_F(ports, exhaustion_is_per_destination)
{
	long long before = xt_counter("XTcp", "PortExhausted");
	int fd[4], x, i, j, gone;

	ASSERT_EQ(put(RANGE, "20000 20003"), 0);
	ASSERT_GE(listener(AF_XTCP, "127.0.0.1", 2000), 0);
	ASSERT_GE(listener(AF_INET, "127.0.0.1", 2001), 0);
	for (i = 0; i < 4; i++) {
		fd[i] = tcp(AF_XTCP);
		ASSERT_EQ(connect_to(fd[i], "127.0.0.1", 2000), 0);
		for (j = 0; j < i; j++)
			EXPECT_NE(local_port(fd[i]), local_port(fd[j]));
	}
	x = tcp(AF_XTCP);
	EXPECT_EQ(connect_to(x, "127.0.0.1", 2000), EADDRNOTAVAIL);
	EXPECT_EQ(xt_counter("XTcp", "PortExhausted"), before + 1);
	EXPECT_EQ(connect_to(x, "127.0.0.1", 2001), 0);
	drop(x);
	gone = local_port(fd[2]);
	drop(fd[2]);
	x = tcp(AF_XTCP);
	EXPECT_EQ(connect_to(x, "127.0.0.1", 2000), 0);
	EXPECT_EQ(local_port(x), gone);
}

static int chosen(int l, int port)
{
	int x = tcp(AF_XTCP), chosen = -1;

	if (!connect_to(x, "127.0.0.1", port)) {
		chosen = local_port(x);
		drop(accept(l, NULL, NULL));
	}
	close(x);
	return chosen;
}

#define CHOICES 300

/* RFC 6056: from one choice, or from those for another destination, nobody tells the next. */
TEST_F_TIMEOUT(ports, order_is_not_predictable, 200)
{
	int port[2][CHOICES], near = 0, again = 0, alike = 0;
	int i, j, step, l[2], choices = xt_scale(CHOICES, CHOICES / 6, CHOICES);

	l[0] = listener(AF_XTCP, "127.0.0.1", 2000);
	l[1] = listener(AF_XTCP, "127.0.0.1", 2001);
	for (i = 0; i < choices; i++) {
		port[0][i] = chosen(l[0], 2000);
		port[1][i] = chosen(l[1], 2001);
		ASSERT_GE(port[0][i], 10000);
		ASSERT_LE(port[0][i], 29999);
		for (j = 0; j < i; j++)
			again += port[0][i] == port[0][j];
		if (!i)
			continue;
		step = port[0][i] - port[0][i - 1];
		near += abs(step) < 20;
		alike += step == port[1][i] - port[1][i - 1];
	}
	/* By chance: 0.6 near, 0.01 alike; a port comes again only where an order ends. */
	EXPECT_LE(near, 8);
	EXPECT_LE(alike, 3);
	EXPECT_LE(again, 8);
}

TEST_F(ports, range_must_not_overlap_native)
{
	int x = tcp(AF_XTCP);

	EXPECT_EQ(put(RANGE, "30000 32768"), EINVAL);
	EXPECT_EQ(put(RANGE, "60999 61000"), EINVAL);
	EXPECT_EQ(put(RANGE, "1 65535"), EINVAL);
	EXPECT_EQ(put(RANGE, "61000 61001"), 0);
	ASSERT_EQ(bind_to(x, "0.0.0.0", 0), 0);
	EXPECT_GE(local_port(x), 61000);
	EXPECT_LE(local_port(x), 61001);
}

/* Native's range was moved over ours afterwards: what both have is native's. */
TEST_F(ports, native_range_has_precedence)
{
	int x = tcp(AF_XTCP);

	ASSERT_GE(listener(AF_XTCP, "127.0.0.1", 2000), 0);
	ASSERT_EQ(put(RANGE, "20000 20003"), 0);
	ASSERT_EQ(put(NATIVE_RANGE, "20000 60999"), 0);
	EXPECT_EQ(bind_to(x, "0.0.0.0", 0), 0);
	EXPECT_EQ(local_port(x), -1);
	EXPECT_EQ(errno, EADDRINUSE);
	EXPECT_EQ(connect_to(x, "127.0.0.1", 2000), EADDRNOTAVAIL);
	ASSERT_EQ(put(NATIVE_RANGE, "20002 60999"), 0);
	EXPECT_EQ(connect_to(x, "127.0.0.1", 2000), 0);
	EXPECT_LE(local_port(x), 20001);
}

/* A native socket bound into our range, against the administrator's advice. */
TEST_F(ports, native_connections_are_respected)
{
	long long before = xt_counter("XTcp", "GuardConflict");
	int n = tcp(AF_INET), x = tcp(AF_XTCP);

	ASSERT_EQ(put(RANGE, "20000 20000"), 0);
	ASSERT_GE(listener(AF_INET, "127.0.0.1", 2000), 0);
	ASSERT_GE(listener(AF_INET, "127.0.0.1", 2001), 0);
	ASSERT_EQ(bind_to(n, "127.0.0.1", 20000), 0);
	ASSERT_EQ(connect_to(n, "127.0.0.1", 2000), 0);
	EXPECT_EQ(connect_to(x, "127.0.0.1", 2000), EADDRNOTAVAIL);
	EXPECT_EQ(xt_counter("XTcp", "GuardConflict"), before + 1);
	EXPECT_EQ(connect_to(x, "127.0.0.1", 2001), 0);
}

/* Bound to a device or not: what comes by it would be the native socket's. */
TEST_F(ports, native_connections_of_a_device_are_respected)
{
	long long before = xt_counter("XTcp", "GuardConflict");
	int n = tcp(AF_INET), x = tcp(AF_XTCP);

	ASSERT_EQ(put(RANGE, "20000 20000"), 0);
	ASSERT_GE(listener(AF_INET, "127.0.0.1", 2000), 0);
	ASSERT_EQ(setsockopt(n, SOL_SOCKET, SO_BINDTODEVICE, "lo", 2), 0);
	ASSERT_EQ(bind_to(n, "127.0.0.1", 20000), 0);
	ASSERT_EQ(connect_to(n, "127.0.0.1", 2000), 0);
	EXPECT_EQ(connect_to(x, "127.0.0.1", 2000), EADDRNOTAVAIL);
	EXPECT_EQ(xt_counter("XTcp", "GuardConflict"), before + 1);
}

/* A bound socket keeps its port over connect() and its failure; the 4-tuple decides. */
TEST_F(ports, bound_sockets_connect_from_their_port)
{
	int a = tcp(AF_XTCP), b = tcp(AF_XTCP);

	ASSERT_GE(listener(AF_XTCP, "127.0.0.1", 2000), 0);
	ASSERT_GE(listener(AF_XTCP, "127.0.0.1", 2001), 0);
	set_flag(a, SO_REUSEADDR);
	set_flag(b, SO_REUSEADDR);
	ASSERT_EQ(bind_to(a, "127.0.0.1", 3000), 0);
	ASSERT_EQ(bind_to(b, "127.0.0.1", 3000), 0);
	EXPECT_EQ(connect_to(a, "127.0.0.1", 2000), 0);
	EXPECT_EQ(connect_to(b, "127.0.0.1", 2000), EADDRNOTAVAIL);
	EXPECT_EQ(local_port(b), 3000);
	EXPECT_EQ(connect_to(b, "127.0.0.1", 2002), ECONNREFUSED);
	EXPECT_EQ(connect_to(b, "127.0.0.1", 2001), 0);
	EXPECT_EQ(local_port(b), 3000);
}

/* Connects from port 3000, twice; whoever closes first is in TIME_WAIT when it comes again. */
static int reconnect(int family, bool client_first, int port)
{
	int l = listener(family, "127.0.0.1", port), err = 0, child, c, i;

	for (i = 0; i < 5 && !err; i++) {
		c = tcp(family);
		set_flag(c, SO_REUSEADDR);
		err = bind_to(c, "127.0.0.1", 3000) ? : connect_to(c, "127.0.0.1", port);
		child = err ? -1 : accept(l, NULL, NULL);
		close(client_first ? c : child);
		close(client_first ? child : c);
		usleep(20000);
	}
	close(l);
	return err * 10 + i;
}

TEST_F(ports, bound_sockets_connect_over_time_wait_like_native)
{
	ASSERT_EQ(put("/proc/sys/net/xtcp/tw_reuse", "0"), 0);
	EXPECT_EQ(reconnect(AF_XTCP, true, 2000), reconnect(AF_INET, true, 2001));
	EXPECT_EQ(reconnect(AF_XTCP, false, 2002), reconnect(AF_INET, false, 2003));
}

TEST_F(ports, bind_address_no_port_waits_for_connect)
{
	int x = tcp(AF_XTCP), one = 1;

	ASSERT_GE(listener(AF_XTCP, "127.0.0.1", 2000), 0);
	ASSERT_EQ(setsockopt(x, SOL_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof(one)), 0);
	ASSERT_EQ(bind_to(x, "127.0.0.2", 0), 0);
	EXPECT_EQ(local_port(x), 0);
	EXPECT_EQ(connect_to(x, "127.0.0.1", 2000), 0);
	EXPECT_GE(local_port(x), 10000);
}

/* A failed connect() gives its port back. */
TEST_F(ports, refused_connects_leave_no_port)
{
	int i, x;

	ASSERT_EQ(put(RANGE, "20000 20000"), 0);
	for (i = 0; i < 20; i++) {
		x = tcp(AF_XTCP);
		EXPECT_EQ(connect_to(x, "127.0.0.1", 2000), ECONNREFUSED);
		if (i & 1)
			close(x);
	}
	x = tcp(AF_XTCP);
	EXPECT_EQ(bind_to(x, "0.0.0.0", 20000), 0);
}

TEST_HARNESS_MAIN

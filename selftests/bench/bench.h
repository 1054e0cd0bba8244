/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The benchmark program: a client (cases.c, flood.c, table.c) and its peer
 * (peer.c), a process of its own, in another network namespace.
 */
#ifndef BENCH_H
#define BENCH_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define BENCH_FLOWS	128
#define BENCH_CHUNK	65536
#define BENCH_MESSAGE	64
#define BENCH_IDLE	60000	/* connections that a case may keep */
#define BENCH_PORT	7000	/* of the first family; the next has the next; -o adds to it */

/* Whom a flow goes through: a family, and for TCP perhaps a congestion control. */
struct bench_family {
	char name[32];		/* as given: "xtcp/bbr" */
	int family;		/* AF_INET, AF_XTCP, AF_UNIX */
	const char *cc;		/* or NULL */
};

/* What the peer does with a connection. */
enum bench_peer {
	BENCH_SINK,		/* the first byte is the flow's number; counts the rest */
	BENCH_BOTH,		/* the same, and sends as well */
	BENCH_ECHO,		/* sends each message of BENCH_MESSAGE bytes back */
};

/* One run of one case. */
struct bench_run {
	const char *name;
	struct bench_family *families;
	int nr_families;
	struct bench_family *flow;
	bool mixed;		/* flow i goes through family i % nr_families */
	int run;
	int count;		/* exchanges, or flows */
	uint64_t bytes;		/* 0: no limit */
	double seconds;		/* 0: no limit */
	double skip;		/* seconds at the start that do not count */
};

/* What both processes see; the peer writes. */
struct bench_shared {
	volatile uint64_t received[BENCH_FLOWS];
};

extern struct bench_shared *bench_shared;
extern pid_t bench_peer_pid;

struct bench_case {
	const char *name;
	enum bench_peer peer;
	void (*client)(struct bench_run *run);
};

extern const struct bench_case bench_cases[];

/* bench.c */
__attribute__((noreturn, format(printf, 1, 2))) void bench_die(const char *format, ...);
double bench_now(void);
void bench_mark(bool start);
void bench_enter(const char *netns);
int bench_port(const struct bench_run *run, const struct bench_family *family);
int bench_socket(const struct bench_family *family);
int bench_connect(const struct bench_family *family, int port);
int bench_try_connect(const struct bench_family *family, int port, double *seconds);
void bench_bind(int fd, const struct bench_family *family, int port);
void bench_result(const struct bench_run *run, const char *who, const char *metric,
		  double value);

/* cases.c */
bool bench_exchange(int fd);
void bench_drop(int fd);

/* flood.c */
void bench_flood(struct bench_run *run);

/* table.c */
void bench_table(struct bench_run *run);

/* peer.c */
void bench_peer_run(const struct bench_run *run, enum bench_peer what, int ready);

#endif

// SPDX-License-Identifier: GPL-2.0-only
/*
 * The grid: every algorithm over every path, compared with the snapshot line by line.
 *
 *   test_sim                 TAP: each line equal to grid.txt's?
 *   test_sim -p              print the lines: a new grid.txt after a wanted change
 *
 * Columns: algorithms, path, per mille of the link used in the second half, Jain's
 * fairness index per mille, segments sent again, of these needlessly, timeouts,
 * 95th percentile of the queueing delay in microseconds, segments the queue dropped.
 */
#include "sim.h"

struct grid_mix {
	const char *name;
	const struct xtcp_cc_ops *ops[4];
};

static const struct grid_mix mixes[] = {
	{ "reno", { &xtcp_cc_newreno } },
	{ "cubic", { &xtcp_cc_cubic } },
	{ "bbr", { &xtcp_cc_bbr } },
	{ "2 cubic", { &xtcp_cc_cubic, &xtcp_cc_cubic } },
	{ "4 cubic", { &xtcp_cc_cubic, &xtcp_cc_cubic, &xtcp_cc_cubic, &xtcp_cc_cubic } },
	{ "4 bbr", { &xtcp_cc_bbr, &xtcp_cc_bbr, &xtcp_cc_bbr, &xtcp_cc_bbr } },
	{ "2 bbr 2 cubic", { &xtcp_cc_bbr, &xtcp_cc_bbr, &xtcp_cc_cubic, &xtcp_cc_cubic } },
	{ "2 reno 2 cubic", { &xtcp_cc_newreno, &xtcp_cc_newreno, &xtcp_cc_cubic,
			      &xtcp_cc_cubic } },
};

static const struct {
	const char *name;
	struct sim_path path;
} paths[] = {
	{ "20M 40ms", { .mbit = 20, .rtt_us = 40000, .buffer = 67 } },
	{ "20M 40ms shallow", { .mbit = 20, .rtt_us = 40000, .buffer = 10 } },
	{ "20M 40ms deep", { .mbit = 20, .rtt_us = 40000, .buffer = 400 } },
	{ "100M 10ms", { .mbit = 100, .rtt_us = 10000, .buffer = 83 } },
	{ "100M 100ms", { .mbit = 100, .rtt_us = 100000, .buffer = 833 } },
	{ "100M 1ms", { .mbit = 100, .rtt_us = 1000, .buffer = 40 } },
	{ "1M 100ms", { .mbit = 1, .rtt_us = 100000, .buffer = 20 } },
	{ "20M 40ms loss 0.1%", { .mbit = 20, .rtt_us = 40000, .buffer = 67,
				  .loss_ppm = 1000 } },
	{ "20M 40ms loss 1%", { .mbit = 20, .rtt_us = 40000, .buffer = 67, .loss_ppm = 10000 } },
	{ "20M 100ms loss 3%", { .mbit = 20, .rtt_us = 100000, .buffer = 167,
				 .loss_ppm = 30000 } },
	{ "20M 40ms loss 10%", { .mbit = 20, .rtt_us = 40000, .buffer = 67,
				 .loss_ppm = 100000 } },
	{ "20M 40ms bursts", { .mbit = 20, .rtt_us = 40000, .buffer = 67, .loss_ppm = 1000,
			       .burst = 10 } },
	{ "20M 40ms reorder 1%", { .mbit = 20, .rtt_us = 40000, .buffer = 67,
				   .reorder_ppm = 10000, .reorder_us = 5000 } },
	{ "20M 40ms reorder 10%", { .mbit = 20, .rtt_us = 40000, .buffer = 67,
				    .reorder_ppm = 100000, .reorder_us = 10000 } },
	{ "20M 40ms overtake 10%", { .mbit = 20, .rtt_us = 40000, .buffer = 67,
				     .reorder_ppm = 100000, .reorder_us = 19000, .early = true } },
	{ "20M 40ms late 50%", { .mbit = 20, .rtt_us = 40000, .buffer = 67,
				 .reorder_ppm = 500000, .reorder_us = 20000 } },
	{ "20M 40ms jitter", { .mbit = 20, .rtt_us = 40000, .buffer = 67, .jitter_us = 30000 } },
	{ "20M 40ms jitter loss 1%", { .mbit = 20, .rtt_us = 40000, .buffer = 67,
				       .jitter_us = 10000, .loss_ppm = 10000 } },
	{ "20M 40ms duplicates", { .mbit = 20, .rtt_us = 40000, .buffer = 67,
				   .duplicate_ppm = 10000 } },
	{ "20M 40ms ACKs lost 20%", { .mbit = 20, .rtt_us = 40000, .buffer = 67,
				      .ack_loss_ppm = 200000 } },
	{ "20M 40ms marks", { .mbit = 20, .rtt_us = 40000, .buffer = 400, .mark = 20 } },
	{ "100M 10ms marks", { .mbit = 100, .rtt_us = 10000, .buffer = 830, .mark = 25 } },
	{ "20M 40ms stalls", { .mbit = 20, .rtt_us = 40000, .buffer = 2000, .stall_us = 600000 } },
};

#define GRID_SECONDS 20
#define GRID_LINES (ARRAY_SIZE(mixes) * ARRAY_SIZE(paths))

static u64 grid_jain(const u64 *x, u32 n)
{
	u64 sum = 0, squares = 0;
	u32 i;

	for (i = 0; i < n; i++) {
		sum += x[i];
		squares += x[i] * x[i];
	}
	return squares ? sum * sum * 1000 / (n * squares) : 0;
}

static void grid_line(char *out, size_t room, u32 line)
{
	const struct grid_mix *mix = &mixes[line / ARRAY_SIZE(paths)];
	u32 path = line % ARRAY_SIZE(paths);
	struct sim *s = sim_new(&paths[path].path, path + 1);
	u64 half[4], got[4], sum = 0;
	u32 i, resent = 0, spurious = 0, rtos = 0;

	for (i = 0; i < 4 && mix->ops[i]; i++)
		sim_add(s, mix->ops[i], i * 250000);
	sim_run(s, GRID_SECONDS * 500000ULL);
	for (i = 0; i < s->flows; i++)
		half[i] = s->flow[i]->una - s->flow[i]->first_seq;
	sim_run(s, GRID_SECONDS * 1000000ULL);
	for (i = 0; i < s->flows; i++) {
		got[i] = s->flow[i]->una - s->flow[i]->first_seq - half[i];
		sum += got[i];
		resent += s->flow[i]->resent;
		spurious += s->flow[i]->spurious;
		rtos += s->flow[i]->rtos;
	}
	snprintf(out, room, "%-14s | %-23s | %4llu | %4llu | %5u | %4u | %3u | %6u | %5u",
		 mix->name, paths[path].name,
		 sum * SIM_MSS * 8 / (GRID_SECONDS / 2 * 1000ULL * paths[path].path.mbit),
		 grid_jain(got, s->flows), resent, spurious, rtos, sim_queue_p95_us(s),
		 s->dropped);
	sim_free(s);
}

/* A line of the snapshot without its newline; empty if there is none. */
static void grid_expected(FILE *file, char *out, int room)
{
	out[0] = 0;
	if (fgets(out, room, file))
		out[strcspn(out, "\n")] = 0;
}

static int grid_print(void)
{
	char line[256];
	u32 n;

	for (n = 0; n < GRID_LINES; n++) {
		grid_line(line, sizeof(line), n);
		puts(line);
	}
	return EXIT_SUCCESS;
}

static int grid_compare(FILE *file)
{
	char line[256], want[256];
	u32 n, failed = 0;

	printf("TAP version 13\n1..%zu\n", GRID_LINES);
	for (n = 0; n < GRID_LINES; n++) {
		grid_line(line, sizeof(line), n);
		grid_expected(file, want, sizeof(want));
		if (strcmp(line, want)) {
			printf("# now  %s\n# file %s\n", line, want);
			failed++;
		}
		printf("%sok %u %.41s\n", strcmp(line, want) ? "not " : "", n + 1, line);
	}
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	FILE *file;
	int status;

	if (argc > 1 && !strcmp(argv[1], "-p"))
		return grid_print();
	file = fopen(GRID_FILE, "r");
	if (!file) {
		perror(GRID_FILE);
		return EXIT_FAILURE;
	}
	status = grid_compare(file);
	fclose(file);
	return status;
}

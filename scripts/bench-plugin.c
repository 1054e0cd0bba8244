// SPDX-License-Identifier: GPL-2.0-only
/*
 * A plugin for QEMU that counts executed instructions by address, between two
 * marks that the benchmark program executes (bench_mark() in
 * selftests/bench/bench.c). At the second mark the counts go to a file, as lines of
 * "address instructions"; the first is called what out= says and ".1".
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "bench-plugin.h"

int qemu_plugin_version = 1;

/* Counters by address, in an open hash table that never moves: code keeps pointers to them. */
#define SLOTS	8388608		/* 2^23 */

static struct slot {
	uint64_t address;
	uint64_t count;
} *slots;

static const char *out;

static struct slot *find(uint64_t address)
{
	uint64_t at = (address * 0x9e3779b97f4a7c15ULL) >> 41;

	while (slots[at].address && slots[at].address != address)
		at = (at + 1) % SLOTS;
	slots[at].address = address;
	return &slots[at];
}

static void start(unsigned int cpu, void *data)
{
	size_t i;

	for (i = 0; i < SLOTS; i++)
		slots[i].count = 0;
}

static void stop(unsigned int cpu, void *data)
{
	static int windows;
	char name[4096];
	size_t i;
	FILE *f;

	snprintf(name, sizeof(name), "%s.%d", out, ++windows);
	f = fopen(name, "w");
	if (!f)
		return;
	for (i = 0; i < SLOTS; i++)
		if (slots[i].count)
			fprintf(f, "%" PRIx64 " %" PRIu64 "\n", slots[i].address, slots[i].count);
	fclose(f);
}

/* Which of the two marks is it? 0: none. */
static int mark(struct qemu_plugin_insn *insn)
{
	static const unsigned char head[] = { 0x0f, 0x1f, 0x80 }, tail[] = { 0x43, 0x54, 0x42 };
	const unsigned char *data = qemu_plugin_insn_data(insn);

	if (qemu_plugin_insn_size(insn) != 7 || memcmp(data, head, 3) || memcmp(data + 4, tail, 3))
		return 0;
	return data[3] - '0';
}

static void translate(plugin_id id, struct qemu_plugin_tb *tb)
{
	size_t n = qemu_plugin_tb_n_insns(tb), i;
	struct qemu_plugin_insn *insn;
	struct slot *slot;

	for (i = 0; i < n; i++) {
		insn = qemu_plugin_tb_get_insn(tb, i);
		slot = find(qemu_plugin_insn_vaddr(insn));
		qemu_plugin_register_vcpu_insn_exec_inline(insn, ADD_U64, &slot->count, 1);
		switch (mark(insn)) {
		case 1:
			qemu_plugin_register_vcpu_insn_exec_cb(insn, start, NO_REGS, NULL);
			break;
		case 2:
			qemu_plugin_register_vcpu_insn_exec_cb(insn, stop, NO_REGS, NULL);
			break;
		}
	}
}

int qemu_plugin_install(plugin_id id, const struct qemu_info_t *info, int argc, char **argv)
{
	if (argc != 1 || strncmp(argv[0], "out=", 4))
		return 1;
	out = strdup(argv[0] + 4);
	slots = calloc(SLOTS, sizeof(*slots));
	if (!out || !slots)
		return 1;
	qemu_plugin_register_vcpu_tb_trans_cb(id, translate);
	return 0;
}

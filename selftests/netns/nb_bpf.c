// SPDX-License-Identifier: GPL-2.0-only
/*
 * A cgroup's packet program for neighbours.sh, hand-assembled:
 *
 *	nb_bpf CGROUP ingress|egress source|dest PORT pass|drop COMMAND...
 *
 * While the command runs, TCP segments of the cgroup's sockets with that port are
 * counted and passed or dropped. The last line is "seen COUNT"; the status is the
 * command's.
 */
#include <arpa/inet.h>
#include <err.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* An IPv4 header without options. */
#define OFF_SOURCE	20
#define OFF_DEST	22

#define INSN(c, d, s, o, i)	\
	{ .code = (c), .dst_reg = (d), .src_reg = (s), .off = (o), .imm = (i) }
#define MOV(d, i)		INSN(BPF_ALU64 | BPF_MOV | BPF_K, d, 0, 0, i)
#define MOVR(d, s)		INSN(BPF_ALU64 | BPF_MOV | BPF_X, d, s, 0, 0)
#define ADD(d, i)		INSN(BPF_ALU64 | BPF_ADD | BPF_K, d, 0, 0, i)
#define CALL(f)			INSN(BPF_JMP | BPF_CALL, 0, 0, 0, f)
#define JNE(d, i, o)		INSN(BPF_JMP | BPF_JNE | BPF_K, d, 0, o, i)
#define JEQ(d, i, o)		INSN(BPF_JMP | BPF_JEQ | BPF_K, d, 0, o, i)
#define EXIT			INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0)

#define ARRAY_SIZE(a)		(sizeof(a) / sizeof((a)[0]))

static int bpf(int cmd, union bpf_attr *attr)
{
	return syscall(__NR_bpf, cmd, attr, sizeof(*attr));
}

static int counter_map(void)
{
	union bpf_attr attr = {
		.map_type = BPF_MAP_TYPE_ARRAY,
		.key_size = 4,
		.value_size = 8,
		.max_entries = 1,
	};
	int fd = bpf(BPF_MAP_CREATE, &attr);

	if (fd < 0)
		err(3, "BPF_MAP_CREATE");
	return fd;
}

static unsigned long long counter_read(int map)
{
	unsigned long long value = 0;
	int key = 0;
	union bpf_attr attr = {
		.map_fd = map,
		.key = (unsigned long)&key,
		.value = (unsigned long)&value,
	};

	if (bpf(BPF_MAP_LOOKUP_ELEM, &attr))
		err(3, "BPF_MAP_LOOKUP_ELEM");
	return value;
}

static int program(int map, int offset, int port, int verdict, int type)
{
	static char log[65536];
	struct bpf_insn insns[] = {
		/* port = load 2 bytes at offset */
		MOV(2, offset),
		MOVR(3, 10), ADD(3, -8),
		MOV(4, 2),
		CALL(BPF_FUNC_skb_load_bytes),
		JNE(0, 0, 14),
		INSN(BPF_LDX | BPF_MEM | BPF_H, 1, 10, -8, 0),
		JNE(1, htons(port), 12),
		/* map[0]++ */
		INSN(BPF_ST | BPF_MEM | BPF_W, 10, 0, -16, 0),
		INSN(BPF_LD | BPF_DW | BPF_IMM, 1, BPF_PSEUDO_MAP_FD, 0, map),
		INSN(0, 0, 0, 0, 0),
		MOVR(2, 10), ADD(2, -16),
		CALL(BPF_FUNC_map_lookup_elem),
		JEQ(0, 0, 3),
		MOV(1, 1),
		INSN(BPF_STX | BPF_ATOMIC | BPF_DW, 0, 1, 0, BPF_ADD),
		MOV(1, 0),
		MOV(0, verdict),
		EXIT,
		MOV(0, 1),
		EXIT,
	};
	union bpf_attr attr = {
		.prog_type = BPF_PROG_TYPE_CGROUP_SKB,
		.expected_attach_type = type,
		.insns = (unsigned long)insns,
		.insn_cnt = ARRAY_SIZE(insns),
		.license = (unsigned long)"GPL",
		.log_buf = (unsigned long)log,
		.log_size = sizeof(log),
		.log_level = 1,
	};
	int fd = bpf(BPF_PROG_LOAD, &attr);

	if (fd < 0)
		err(3, "BPF_PROG_LOAD: %s", log);
	return fd;
}

static void attach(int cmd, int cgroup, int prog, int type)
{
	union bpf_attr attr = {
		.target_fd = cgroup,
		.attach_bpf_fd = prog,
		.attach_type = type,
	};

	if (bpf(cmd, &attr))
		err(3, "attach");
}

static int run(char **argv)
{
	pid_t pid = fork();
	int status;

	if (!pid) {
		execvp(argv[0], argv);
		err(127, "%s", argv[0]);
	}
	if (waitpid(pid, &status, 0) < 0)
		err(3, "waitpid");
	return WIFEXITED(status) ? WEXITSTATUS(status) : 3;
}

int main(int argc, char **argv)
{
	int cgroup, map, prog, type, status;

	if (argc < 7)
		errx(3, "too few arguments");
	cgroup = open(argv[1], O_RDONLY | O_DIRECTORY);
	if (cgroup < 0)
		err(3, "%s", argv[1]);
	type = strcmp(argv[2], "ingress") ? BPF_CGROUP_INET_EGRESS : BPF_CGROUP_INET_INGRESS;
	map = counter_map();
	prog = program(map, strcmp(argv[3], "source") ? OFF_DEST : OFF_SOURCE, atoi(argv[4]),
		       !strcmp(argv[5], "pass"), type);
	attach(BPF_PROG_ATTACH, cgroup, prog, type);
	status = run(argv + 6);
	attach(BPF_PROG_DETACH, cgroup, prog, type);
	printf("seen %llu\n", counter_read(map));
	return status;
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * mib.c owns the names of the counters and their sum over CPUs. The counters
 * themselves are per CPU and need no lock.
 */
#include <linux/cpumask.h>
#include <linux/percpu.h>

#include "mib.h"

#define MIB_LABEL(name, label)	[XTCP_MIB_##name] = label,
#define MIB_COUNT(name, label)	+ 1

enum {
	MIB_END_TCP = 0 XTCP_MIB_TCP(MIB_COUNT),
	MIB_END_TCPEXT = MIB_END_TCP XTCP_MIB_TCPEXT(MIB_COUNT),
};

const char *const xtcp_mib_labels[XTCP_MIB_NR] = {
	XTCP_MIB_TCP(MIB_LABEL)
	XTCP_MIB_TCPEXT(MIB_LABEL)
	XTCP_MIB_XTCP(MIB_LABEL)
};

const struct xtcp_mib_group xtcp_mib_groups[XTCP_MIB_GROUPS] = {
	{ "Tcp", 0, MIB_END_TCP },
	{ "TcpExt", MIB_END_TCP, MIB_END_TCPEXT },
	{ "XTcp", MIB_END_TCPEXT, XTCP_MIB_NR },
};

/**
 * xtcp_mib_read - one counter, summed over all CPUs
 * @mib: the namespace's counters
 * @id: which
 *
 * A CPU that went away keeps its share, so all possible CPUs count.
 * Context: any; the sum is not a snapshot.
 */
unsigned long xtcp_mib_read(const struct xtcp_mib __percpu *mib, enum xtcp_mib_id id)
{
	unsigned long sum = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		sum += READ_ONCE(per_cpu_ptr(mib, cpu)->c[id]);
	return sum;
}

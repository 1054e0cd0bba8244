// SPDX-License-Identifier: GPL-2.0-only
/*
 * sysctl.c owns /proc/sys/net/xtcp: names, units, bounds and defaults of the knobs
 * of struct xtcp_knobs. Documentation/sysctl.rst says what each one means.
 *
 * sysctl_mutex serialises writers, so that a vector stays ordered. Readers use
 * READ_ONCE() and may see a vector half written.
 */
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/sysctl.h>

#include "compat.h"
#include "engine.h"
#include "ephemeral.h"
#include "net.h"

#define SYSCTL_MAX_VALUES	3
#define SYSCTL_MAX_MS		86400000	/* a day */
#define SYSCTL_MAX_SECONDS	2147483		/* fits into an int as jiffies with any HZ */

enum sysctl_unit {
	SYSCTL_PLAIN,
	SYSCTL_SECONDS,		/* in the file; jiffies in memory */
	SYSCTL_MS,		/* the same */
	SYSCTL_ORDERED,		/* a vector that does not decrease */
	SYSCTL_PORTS,		/* the range of ephemeral ports */
	SYSCTL_MEM,		/* xtcp_sysctl_mem, for the whole machine */
};

/**
 * struct sysctl_knob - one file
 * @name: of the file
 * @offset: into struct xtcp_knobs
 * @unit: enum sysctl_unit
 * @n: values in the file
 * @global: read-only outside the first namespace
 * @lo: least value, in the file's unit
 * @hi: greatest value, the same
 * @def: defaults, in the file's unit
 */
struct sysctl_knob {
	const char *name;
	u16 offset;
	u8 unit;
	u8 n;
	bool global;
	int lo;
	int hi;
	int def[SYSCTL_MAX_VALUES];
};

#define KNOB_AT(member)		offsetof(struct xtcp_knobs, member)
#define KNOB(member, low, high, value)						\
	{ .name = #member, .offset = KNOB_AT(member), .n = 1,			\
	  .lo = low, .hi = high, .def = { value } }
#define KNOB_TIME(member, kind, low, high, value)				\
	{ .name = #member, .offset = KNOB_AT(member), .unit = kind, .n = 1,	\
	  .lo = low, .hi = high, .def = { value } }

static const struct sysctl_knob sysctl_knobs[] = {
	KNOB(abort_on_overflow, 0, 1, 0),
	KNOB(ack_hold_us, 0, 200000, 1000),
	KNOB(adv_win_scale, -31, 31, 1),
	KNOB(base_mss, XTCP_LEAST_MSS, 65535, 1024),
	KNOB(challenge_ack_limit, 0, INT_MAX, INT_MAX),
	{ .name = "comp_sack_delay_ns", .offset = KNOB_AT(comp_sack_delay), .n = 1,
	  .hi = NSEC_PER_SEC, .def = { NSEC_PER_MSEC } },
	KNOB(comp_sack_nr, 0, U8_MAX, 44),
	{ .name = "comp_sack_slack_ns", .offset = KNOB_AT(comp_sack_slack), .n = 1,
	  .hi = NSEC_PER_SEC, .def = { 100 * NSEC_PER_USEC } },
	KNOB(dsack, 0, 1, 1),
	KNOB(early_demux, 0, 1, 1),
	KNOB(early_retrans, 0, 4, 3),
	KNOB(ecn, 0, 2, 2),
	KNOB(ecn_fallback, 0, 1, 1),
	KNOB(enabled, 0, 1, 0),
	KNOB_TIME(fin_timeout, SYSCTL_SECONDS, 0, SYSCTL_MAX_SECONDS, 60),
	KNOB(frto, 0, 2, 2),
	KNOB_TIME(invalid_ratelimit, SYSCTL_MS, 0, SYSCTL_MAX_MS, 500),
	KNOB_TIME(keepalive_intvl, SYSCTL_SECONDS, 1, SYSCTL_MAX_SECONDS, 75),
	KNOB(keepalive_probes, 0, 127, 9),
	KNOB_TIME(keepalive_time, SYSCTL_SECONDS, 1, SYSCTL_MAX_SECONDS, 7200),
	KNOB(limit_output_bytes, 0, INT_MAX, 1 << 20),
	{ .name = "local_port_range", .offset = KNOB_AT(local_port_range), .unit = SYSCTL_PORTS,
	  .n = 2, .lo = 1, .hi = 65535, .def = { 10000, 29999 } },
	{ .name = "max_orphans", .offset = KNOB_AT(max_orphans), .n = 1, .global = true,
	  .hi = INT_MAX },
	KNOB(max_reordering, 1, U16_MAX, 300),
	KNOB(max_syn_backlog, 1, INT_MAX, 0),
	KNOB(max_tw_buckets, 0, INT_MAX, 0),
	{ .name = "mem", .unit = SYSCTL_MEM, .n = 3, .global = true, .lo = 1, .hi = INT_MAX },
	KNOB(migrate_req, 0, 1, 0),
	KNOB(min_rtt_wlen, 0, 86400, 300),
	KNOB(min_snd_mss, XTCP_LEAST_MSS, 65535, XTCP_LEAST_MSS),
	KNOB(min_tso_segs, 1, 255, 2),
	KNOB(moderate_rcvbuf, 0, 1, 1),
	KNOB(mtu_probe_floor, XTCP_LEAST_MSS, 65535, XTCP_LEAST_MSS),
	KNOB(mtu_probing, 0, 2, 0),
	KNOB(notsent_lowat, 0, INT_MAX, INT_MAX),
	KNOB(orphan_retries, 0, 255, 0),
	KNOB(pacing_ca_ratio, 0, 1000, 120),
	KNOB(pacing_ss_ratio, 0, 1000, 200),
	KNOB(port_watermark, 0, 100, 80),
	KNOB_TIME(probe_interval, SYSCTL_SECONDS, 0, SYSCTL_MAX_SECONDS, 600),
	KNOB(probe_threshold, 0, 65535, 8),
	KNOB(reflect_tos, 0, 1, 0),
	KNOB(reordering, 1, U8_MAX, 3),
	KNOB(retries1, 0, 255, 3),
	KNOB(retries2, 0, 255, 15),
	KNOB(rfc1337, 0, 1, 0),
	{ .name = "rmem", .offset = KNOB_AT(rmem), .unit = SYSCTL_ORDERED, .n = 3,
	  .lo = SOCK_MIN_RCVBUF, .hi = INT_MAX, .def = { PAGE_SIZE, 131072, 6 << 20 } },
	{ .name = "rto_min_us", .offset = KNOB_AT(rto_min), .n = 1,
	  .lo = 1, .hi = XTCP_RTO_MAX_US, .def = { XTCP_RTO_MIN_US } },
	KNOB(sack, 0, 1, 1),
	KNOB(slow_start_after_idle, 0, 1, 1),
	KNOB(somaxconn, 0, INT_MAX, SOMAXCONN),
	KNOB(stdurg, 0, 1, 0),
	KNOB(syn_prefix_share, 0, 10000, 100),
	KNOB(syn_retries, 1, 127, 7),
	KNOB(synack_retries, 0, 255, 5),
	KNOB(syncookies, 0, 2, 1),
	KNOB(timestamps, 0, 2, 1),
	KNOB(tso_rtt_log, 0, 31, 9),
	KNOB(tso_win_divisor, 0, 255, 3),
	KNOB(tw_recycle, 0, 1, 0),
	KNOB(tw_reuse, 0, 2, 1),
	KNOB(tw_reuse_delay, 1, 60000, 1000),
	KNOB(window_scaling, 0, 1, 1),
	{ .name = "wmem", .offset = KNOB_AT(wmem), .unit = SYSCTL_ORDERED, .n = 3,
	  .lo = 1, .hi = INT_MAX, .def = { PAGE_SIZE, 16384, 4 << 20 } },
};

#define SYSCTL_STRINGS		3	/* those about congestion control */
#define SYSCTL_CC_LEN		128
#define SYSCTL_FILES		(ARRAY_SIZE(sysctl_knobs) + SYSCTL_STRINGS)

static DEFINE_MUTEX(sysctl_mutex);

static int *sysctl_data(struct xtcp_net *xn, const struct sysctl_knob *k)
{
	return (int *)((char *)&xn->knobs + k->offset);
}

static int sysctl_to_file(const struct sysctl_knob *k, int v)
{
	switch (k->unit) {
	case SYSCTL_SECONDS:
		return v / HZ;
	case SYSCTL_MS:
		return jiffies_to_msecs(v);
	default:
		return v;
	}
}

static int sysctl_from_file(const struct sysctl_knob *k, int v)
{
	switch (k->unit) {
	case SYSCTL_SECONDS:
		return v * HZ;
	case SYSCTL_MS:
		return msecs_to_jiffies(v);
	default:
		return v;
	}
}

static void sysctl_load(struct xtcp_net *xn, const struct sysctl_knob *k, int *val)
{
	int i;

	for (i = 0; i < k->n; i++) {
		if (k->unit == SYSCTL_MEM)
			val[i] = min_t(long, READ_ONCE(xtcp_sysctl_mem[i]), INT_MAX);
		else
			val[i] = sysctl_to_file(k, READ_ONCE(sysctl_data(xn, k)[i]));
	}
}

static void sysctl_store(struct xtcp_net *xn, const struct sysctl_knob *k, const int *val)
{
	int i;

	for (i = 0; i < k->n; i++) {
		if (k->unit == SYSCTL_MEM)
			WRITE_ONCE(xtcp_sysctl_mem[i], val[i]);
		else
			WRITE_ONCE(sysctl_data(xn, k)[i], sysctl_from_file(k, val[i]));
	}
}

/* Each value is in its bounds; do they go together? */
static int sysctl_check(struct xtcp_net *xn, const struct sysctl_knob *k, const int *val)
{
	int i;

	if (k->unit == SYSCTL_PORTS)
		return xtcp_ephemeral_check_range(xn->net, val[0], val[1]);
	for (i = 1; i < k->n; i++)
		if (val[i] < val[i - 1])
			return -EINVAL;
	return 0;
}

/*
 * Reads and writes go by way of a copy, so that a write that fails in its last
 * value has changed nothing. More values than the file has are an error too.
 */
static int sysctl_knob_handler(xtcp_ctl_table *table, int write, void *buffer, size_t *lenp,
			       loff_t *ppos)
{
	const struct sysctl_knob *k = table->extra1;
	struct xtcp_net *xn = table->extra2;
	int val[SYSCTL_MAX_VALUES];
	struct ctl_table copy = {
		.data = val,
		.maxlen = k->n * sizeof(*val),
		.mode = table->mode,
		.extra1 = (void *)&k->lo,
		.extra2 = (void *)&k->hi,
	};
	size_t len = *lenp;
	int err;

	mutex_lock(&sysctl_mutex);
	sysctl_load(xn, k, val);
	err = proc_dointvec_minmax(&copy, write, buffer, lenp, ppos);
	if (!err && write && *lenp != len)
		err = -EINVAL;
	if (!err && write)
		err = sysctl_check(xn, k, val);
	if (!err && write)
		sysctl_store(xn, k, val);
	mutex_unlock(&sysctl_mutex);
	return err;
}

static int sysctl_cc_handler(xtcp_ctl_table *table, int write, void *buffer, size_t *lenp,
			     loff_t *ppos)
{
	struct xtcp_net *xn = table->extra2;
	const struct xtcp_cc_ops *cc;
	char name[16];
	struct ctl_table copy = { .data = name, .maxlen = sizeof(name), .mode = table->mode };
	int err;

	strscpy(name, READ_ONCE(xn->cc)->name, sizeof(name));
	err = proc_dostring(&copy, write, buffer, lenp, ppos);
	if (err || !write)
		return err;
	cc = xtcp_cc_find(strim(name));
	if (!cc)
		return -ENOENT;
	mutex_lock(&sysctl_mutex);
	WRITE_ONCE(xn->cc_allowed, xn->cc_allowed | xtcp_cc_bit(cc));
	WRITE_ONCE(xn->cc, cc);
	mutex_unlock(&sysctl_mutex);
	return 0;
}

static int sysctl_cc_allowed_handler(xtcp_ctl_table *table, int write, void *buffer,
				     size_t *lenp, loff_t *ppos)
{
	struct xtcp_net *xn = table->extra2;
	char names[SYSCTL_CC_LEN];
	struct ctl_table copy = { .data = names, .maxlen = sizeof(names), .mode = table->mode };
	unsigned long set;
	int err;

	xtcp_cc_names(READ_ONCE(xn->cc_allowed), names, sizeof(names));
	err = proc_dostring(&copy, write, buffer, lenp, ppos);
	if (err || !write)
		return err;
	err = xtcp_cc_parse(names, &set);
	if (err)
		return err;
	mutex_lock(&sysctl_mutex);
	WRITE_ONCE(xn->cc_allowed, set);
	mutex_unlock(&sysctl_mutex);
	return 0;
}

static int sysctl_cc_names_handler(xtcp_ctl_table *table, int write, void *buffer,
				   size_t *lenp, loff_t *ppos)
{
	char names[SYSCTL_CC_LEN];
	struct ctl_table copy = { .data = names, .maxlen = sizeof(names), .mode = table->mode };

	xtcp_cc_names(XTCP_CC_ALL, names, sizeof(names));
	return proc_dostring(&copy, write, buffer, lenp, ppos);
}

/* One for each 128 KiB, as many as native TCP has buckets in its table of connections. */
static int sysctl_machine_size(void)
{
	unsigned long n = totalram_pages() >> (17 - PAGE_SHIFT);

	return roundup_pow_of_two(clamp(n, 256UL, 512UL * 1024));
}

/* Bytes a socket's buffer may grow to: 1/128 of memory, at most what the default says. */
static int sysctl_buffer_limit(int most)
{
	return min_t(u64, most, (u64)nr_free_buffer_pages() << (PAGE_SHIFT - 7));
}

static void sysctl_scale(struct xtcp_knobs *knobs)
{
	int size = sysctl_machine_size();

	knobs->max_orphans = size / 2;
	knobs->max_tw_buckets = size / 2;
	knobs->max_syn_backlog = max(128, size / 128);
	knobs->wmem[2] = max(64 << 10, sysctl_buffer_limit(knobs->wmem[2]));
	knobs->rmem[2] = max(128 << 10, sysctl_buffer_limit(knobs->rmem[2]));
}

/* What a namespace takes from the first one, as it does with native TCP. */
static void sysctl_inherit(struct xtcp_net *xn, const struct xtcp_net *first)
{
	memcpy(xn->knobs.rmem, first->knobs.rmem, sizeof(xn->knobs.rmem));
	memcpy(xn->knobs.wmem, first->knobs.wmem, sizeof(xn->knobs.wmem));
	xn->knobs.max_orphans = READ_ONCE(first->knobs.max_orphans);
	xn->cc = READ_ONCE(first->cc);
	xn->cc_allowed = READ_ONCE(first->cc_allowed);
}

/**
 * xtcp_sysctl_defaults - the knobs of a new namespace
 * @xn: the namespace, not yet visible
 */
void xtcp_sysctl_defaults(struct xtcp_net *xn)
{
	const struct sysctl_knob *k;

	for (k = sysctl_knobs; k < sysctl_knobs + ARRAY_SIZE(sysctl_knobs); k++)
		if (k->unit != SYSCTL_MEM)
			sysctl_store(xn, k, k->def);
	sysctl_scale(&xn->knobs);
	xn->knobs.enabled = xn->net->user_ns == &init_user_ns;
	xn->cc = xtcp_cc_default();
	xn->cc_allowed = XTCP_CC_ALL;
	if (!net_eq(xn->net, &init_net))
		sysctl_inherit(xn, xtcp_net(&init_net));
}

static void sysctl_fill_strings(struct ctl_table *table, struct xtcp_net *xn)
{
	table[0] = (struct ctl_table) {
		.procname = "congestion_control",
		.maxlen = 16,
		.mode = 0644,
		.proc_handler = sysctl_cc_handler,
		.extra2 = xn,
	};
	table[1] = (struct ctl_table) {
		.procname = "available_congestion_control",
		.maxlen = SYSCTL_CC_LEN,
		.mode = 0444,
		.proc_handler = sysctl_cc_names_handler,
	};
	table[2] = (struct ctl_table) {
		.procname = "allowed_congestion_control",
		.maxlen = SYSCTL_CC_LEN,
		.mode = 0644,
		.proc_handler = sysctl_cc_allowed_handler,
		.extra2 = xn,
	};
}

static void sysctl_fill(struct ctl_table *table, struct xtcp_net *xn)
{
	const struct sysctl_knob *k;

	for (k = sysctl_knobs; k < sysctl_knobs + ARRAY_SIZE(sysctl_knobs); k++)
		*table++ = (struct ctl_table) {
			.procname = k->name,
			.maxlen = k->n * sizeof(int),
			.mode = k->global && !net_eq(xn->net, &init_net) ? 0444 : 0644,
			.proc_handler = sysctl_knob_handler,
			.extra1 = (void *)k,
			.extra2 = xn,
		};
	sysctl_fill_strings(table, xn);
}

/**
 * xtcp_sysctl_net_init - /proc/sys/net/xtcp of a namespace
 * @xn: the namespace, its defaults set
 *
 * Return: 0 or -ENOMEM
 */
int xtcp_sysctl_net_init(struct xtcp_net *xn)
{
	struct ctl_table *table;

	/* One more, empty, for kernels that look for the end. */
	table = kcalloc(SYSCTL_FILES + 1, sizeof(*table), GFP_KERNEL);
	if (!table)
		return -ENOMEM;
	sysctl_fill(table, xn);
	xn->sysctl_table = table;
	xn->sysctl = xtcp_register_sysctl(xn->net, "net/xtcp", table, SYSCTL_FILES);
	if (xn->sysctl)
		return 0;
	kfree(table);
	return -ENOMEM;
}

/**
 * xtcp_sysctl_net_exit - waits for those in a handler, then the files are gone
 * @xn: the namespace
 */
void xtcp_sysctl_net_exit(struct xtcp_net *xn)
{
	unregister_net_sysctl_table(xn->sysctl);
	kfree(xn->sysctl_table);
}

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * struct xtcp_net: everything XTCP keeps for one network namespace.
 *
 * Knobs are plain ints written by sysctl.c and read with READ_ONCE(); the
 * counters are per CPU; each queue has its own lock (see its file).
 */
#ifndef _XTCP_NET_H
#define _XTCP_NET_H

#include <linux/atomic.h>
#include <linux/siphash.h>
#include <net/inet_timewait_sock.h>
#include <net/net_namespace.h>
#include <net/netns/generic.h>

#include "expq.h"
#include "mib.h"
#include "twq.h"

struct ctl_table;
/* The kernel's name for a field of its own buckets hides a knob's; nothing of ours uses it. */
#undef tw_reuse

struct ctl_table_header;
struct xtcp_cc_ops;

/**
 * struct xtcp_knobs - /proc/sys/net/xtcp of one namespace, all units as native TCP's
 *
 * Names are the native ones less tcp_ or ip_. Read with READ_ONCE().
 */
struct xtcp_knobs {
	int comp_sack_delay;		/* nanoseconds */
	int comp_sack_nr;
	int comp_sack_slack;		/* nanoseconds */
	int enabled;			/* socket() is allowed in this namespace */
	int abort_on_overflow;
	int ack_hold_us;		/* an ACK waits so long for an answer, 0: not at all */
	int adv_win_scale;
	int base_mss;
	int challenge_ack_limit;	/* per second and namespace, INT_MAX: none */
	int dsack;
	int early_demux;
	int early_retrans;		/* tail-loss probes: 3 and 4 */
	int ecn;			/* 0, 1 asked for, 2 granted when asked */
	int ecn_fallback;		/* a SYN that goes again asks no more */
	int fin_timeout;		/* jiffies */
	int frto;			/* a timeout may prove spurious (RFC 5682) */
	int invalid_ratelimit;		/* jiffies */
	int keepalive_intvl;		/* jiffies */
	int keepalive_probes;
	int keepalive_time;		/* jiffies */
	int limit_output_bytes;
	int local_port_range[2];
	int max_orphans;
	int max_reordering;
	int max_syn_backlog;
	int max_tw_buckets;
	int migrate_req;		/* a SO_REUSEPORT group keeps who waits */
	int min_rtt_wlen;		/* seconds */
	int min_snd_mss;
	int min_tso_segs;
	int moderate_rcvbuf;
	int mtu_probe_floor;
	int mtu_probing;		/* 0, 1 after a black hole, 2 always */
	int notsent_lowat;
	int orphan_retries;
	int pacing_ca_ratio;		/* percent of a window per round trip */
	int pacing_ss_ratio;		/* the same in slow start */
	int port_watermark;		/* percent of the range, 0: none */
	int probe_interval;		/* jiffies */
	int probe_threshold;
	int reflect_tos;		/* replies have the SYN's */
	int reordering;
	int retries1;
	int retries2;
	int rfc1337;
	int rmem[3];
	int rto_min;			/* microseconds */
	int sack;
	int slow_start_after_idle;
	int somaxconn;
	int stdurg;
	int syn_prefix_share;		/* percent of the places left, 0: no limit */
	int syn_retries;
	int synack_retries;
	int syncookies;			/* 0, 1 when the queue is full, 2 always */
	int timestamps;			/* 0, 1 with per-tuple offset, 2 without */
	int tso_rtt_log;
	int tso_win_divisor;
	int tw_recycle;			/* TIME_WAIT lasts 3.5 RTO, at least 1 s */
	int tw_reuse;			/* 0, 1, 2 loopback only */
	int tw_reuse_delay;		/* ms */
	int window_scaling;
	int wmem[3];
};

/**
 * struct xtcp_net - one namespace's XTCP
 * @net: the namespace
 * @id: its number, never another's
 * @knobs: administrators' settings
 * @mib: per-CPU counters (mib.h)
 * @port_map: one bit per local port with an owner; the hook's first test.
 *	Written under the port's bucket lock, read without
 * @pin_map: the same, of ports that bind() or listen() has, VRFs' not among them
 * @isn_key: siphash key of initial sequence numbers (RFC 6528)
 * @ts_key: siphash key of per-tuple timestamp offsets
 * @port_key: siphash key of ephemeral port order (RFC 6056)
 * @synq: expiry queues of half-open requests, a class per SYN-ACK transmission
 * @tw: expiry queues of TIME_WAIT buckets
 * @hooked: 1 once this namespace has its netfilter hooks
 * @challenge_stamp: second in which @challenge_count counts
 * @challenge_count: challenge ACKs left in that second
 * @sysctl: registered table of knobs, @sysctl_table: its memory
 * @cc: congestion control of new sockets; READ_ONCE
 * @cc_allowed: what a socket may choose without CAP_NET_ADMIN (xtcp_cc_bit()); READ_ONCE
 * @orphans: sockets without a file that still speak; apart from what each segment reads
 */
struct xtcp_net {
	struct net *net;
	u32 id;
	struct xtcp_knobs knobs;
	struct xtcp_mib __percpu *mib;
	unsigned long *port_map;
	unsigned long *pin_map;
	siphash_key_t isn_key;
	siphash_key_t ts_key;
	siphash_key_t port_key;
	struct xtcp_expq synq;
	struct xtcp_twq tw;
	int hooked;
	u32 challenge_stamp;
	int challenge_count;
	struct ctl_table_header *sysctl;
	struct ctl_table *sysctl_table;
	const struct xtcp_cc_ops *cc;
	unsigned long cc_allowed;
	atomic_t orphans ____cacheline_aligned_in_smp;
};

extern unsigned int xtcp_net_id;

/* net_generic(), less two calls into RCU, which each counter and each knob would pay. */
static inline struct xtcp_net *xtcp_net(const struct net *net)
{
	struct xtcp_net *xn;

	preempt_disable();
	xn = rcu_dereference_sched(net->gen)->ptr[xtcp_net_id];
	preempt_enable();
	return xn;
}

#define xtcp_knob(net, name)	READ_ONCE(xtcp_net(net)->knobs.name)

/* net.c */
int xtcp_net_setup(struct xtcp_net *xn);
void xtcp_net_teardown(struct xtcp_net *xn);

/* netns.c: every namespace, those to come too */
int xtcp_net_init(void);
void xtcp_net_exit(void);

/* sysctl.c */
void xtcp_sysctl_defaults(struct xtcp_net *xn);
int xtcp_sysctl_net_init(struct xtcp_net *xn);
void xtcp_sysctl_net_exit(struct xtcp_net *xn);

/* proc.c */
int xtcp_proc_net_init(struct net *net);
void xtcp_proc_net_exit(struct net *net);

#endif /* _XTCP_NET_H */

// SPDX-License-Identifier: GPL-2.0-only
/*
 * proc.c owns /proc/net/xtcp, xtcp6 and xtcp_netstat: windows in the formats of
 * /proc/net/tcp, tcp6 and netstat, so that ss and nstat read them unmodified; and
 * xtcp_listeners, a line per listener with what it counts, xtcp_ports, what
 * destinations have of the ephemeral ports, and xtcp_table, how full the connection
 * table is.
 *
 * No lock of a socket is taken: a line is what the fields said as it was written.
 */
#include <linux/proc_fs.h>
#include <linux/seq_file.h>
#include <net/tcp_states.h>

#include "acceptq.h"
#include "compat.h"
#include "demux.h"
#include "dest.h"
#include "mib.h"
#include "net.h"
#include "sock.h"
#include "synq.h"
#include "timer.h"
#include "tw.h"

#define PROC_LINE_WIDTH		149

/* The "tr" column, as ss knows it. */
enum proc_timer {
	PROC_TIMER_OFF,
	PROC_TIMER_ON,
	PROC_TIMER_KEEPALIVE,
	PROC_TIMER_TIMEWAIT,
	PROC_TIMER_PERSIST,
};

enum proc_stage {
	PROC_LISTENERS,
	PROC_CONNECTIONS,
	PROC_END,
};

struct proc_cursor {
	struct xtcp_demux_iter it;
	enum proc_stage stage;
};

/**
 * struct proc_iter - an open /proc/net/xtcp
 * @p: must be first
 * @cur: the entry of the line to write
 * @next: the one behind, known once the line is written
 */
struct proc_iter {
	struct seq_net_private p;
	struct proc_cursor cur;
	struct proc_cursor next;
};

/* Argument of a walk that writes the first entry and stops at the second. */
struct proc_line {
	struct seq_file *seq;
	bool written;
};

static void proc_tuple(struct seq_file *seq, __be32 laddr, u16 lport, __be32 raddr, __be16 rport)
{
	seq_printf(seq, "%4lld: %08X:%04X %08X:%04X", seq->index - 1, (__force u32)laddr, lport,
		   (__force u32)raddr, ntohs(rport));
}

/* Which timer runs, and in how many jiffies it expires. */
static u8 proc_sock_timer(const struct xtcp_sock *xs, s32 *left)
{
	static const struct {
		u8 id;
		u8 shown;
	} order[] = {
		{ XTCP_T_REO, PROC_TIMER_ON },
		{ XTCP_T_TLP, PROC_TIMER_ON },
		{ XTCP_T_RTO, PROC_TIMER_ON },
		{ XTCP_T_PROBE, PROC_TIMER_PERSIST },
		{ XTCP_T_FINWAIT2, PROC_TIMER_KEEPALIVE },
		{ XTCP_T_KEEP, PROC_TIMER_KEEPALIVE },
	};
	u8 armed = READ_ONCE(xs->timers.armed);
	int i;

	for (i = 0; i < ARRAY_SIZE(order); i++) {
		if (!(armed & BIT(order[i].id)))
			continue;
		*left = xtcp_timer_left(&xs->timers, order[i].id);
		return order[i].shown;
	}
	*left = 0;
	return PROC_TIMER_OFF;
}

static u32 proc_sock_rx_queue(const struct sock *sk, int state)
{
	const struct xtcp_sock *xs = xtcp_sk(sk);
	s32 bytes;

	if (state == TCP_LISTEN)
		return READ_ONCE(sk->sk_ack_backlog);
	bytes = READ_ONCE(xs->rcv.nxt) - READ_ONCE(xs->rcv.copied_seq);
	return max(bytes, 0);
}

/* The fields without a heading in /proc/net/tcp. */
static void proc_sock_tail(struct seq_file *seq, const struct xtcp_sock *xs, int state)
{
	u32 cwnd = READ_ONCE(xs->cc.cwnd), ssthresh = READ_ONCE(xs->cc.ssthresh);
	int last = ssthresh >= XTCP_CC_SSTHRESH_INF ? -1 : (int)ssthresh;

	if (state == TCP_LISTEN)
		last = 0;
	seq_printf(seq, " %lu %lu %u %u %d",
		   jiffies_to_clock_t(usecs_to_jiffies(xtcp_rtt_rto_us(&xs->rtt))),
		   jiffies_to_clock_t(READ_ONCE(xs->rcv.ato)),
		   READ_ONCE(xs->rcv.quick) * 2 + !!READ_ONCE(xs->rcv.pingpong), cwnd, last);
}

static void proc_sock(struct seq_file *seq, struct sock *sk)
{
	const struct xtcp_sock *xs = xtcp_sk(sk);
	int state = inet_sk_state_load(sk);
	s32 left;
	u8 timer = proc_sock_timer(xs, &left);

	proc_tuple(seq, sk->sk_rcv_saddr, sk->sk_num, sk->sk_daddr, sk->sk_dport);
	seq_printf(seq, " %02X %08X:%08X %02X:%08lX %08X %5u %8d %lu %d %pK", state,
		   READ_ONCE(xs->snd.write_seq) - READ_ONCE(xs->snd.una),
		   proc_sock_rx_queue(sk, state), timer,
		   jiffies_delta_to_clock_t(left), READ_ONCE(xs->rec.retransmits),
		   from_kuid_munged(seq_user_ns(seq), sock_i_uid(sk)),
		   READ_ONCE(xs->rec.probes_out), sock_i_ino(sk),
		   refcount_read(&sk->sk_refcnt), sk);
	proc_sock_tail(seq, xs, state);
}

/* What a small one has of a socket's fields: times, retransmissions, whose, references. */
static void proc_small(struct seq_file *seq, int state, u8 timer, u32 expires, u32 retrans,
		       uid_t uid, unsigned int refs, const void *at)
{
	s32 left = expires - (u32)jiffies;

	seq_printf(seq, " %02X %08X:%08X %02X:%08lX %08X %5u %8d %d %d %pK", state, 0, 0, timer,
		   jiffies_delta_to_clock_t(left), retrans, uid, 0, 0, refs, at);
}

static void proc_req(struct seq_file *seq, const struct xtcp_req *req)
{
	uid_t uid = from_kuid_munged(seq_user_ns(seq), sock_i_uid(req->listener));
	const struct xtcp_mini *mini = &req->mini;

	proc_tuple(seq, mini->laddr, mini->lport, mini->raddr, mini->rport);
	proc_small(seq, TCP_SYN_RECV, PROC_TIMER_ON, READ_ONCE(mini->exp.expires),
		   READ_ONCE(req->num_timeout), uid, refcount_read(&mini->ref), mini);
}

static void proc_tw(struct seq_file *seq, const struct xtcp_tw *tw)
{
	proc_tuple(seq, tw->laddr, tw->lport, tw->raddr, tw->rport);
	proc_small(seq, xtcp_tw_substate(tw), PROC_TIMER_TIMEWAIT, READ_ONCE(tw->expires), 0, 0,
		   xtcp_tw_flags(tw) & XTCP_TW_REFS, tw);
}

static int proc_show_listener(struct sock *sk, void *arg)
{
	struct proc_line *line = arg;

	if (line->written)
		return 1;
	line->written = true;
	proc_sock(line->seq, sk);
	return 0;
}

static int proc_show_entry(const struct xtcp_found *f, void *arg)
{
	struct proc_line *line = arg;

	if (line->written)
		return 1;
	line->written = true;
	switch (f->kind) {
	case XTCP_KIND_SOCK:
		proc_sock(line->seq, f->sk);
		break;
	case XTCP_KIND_REQ:
		proc_req(line->seq, xtcp_req(f->mini));
		break;
	default:
		proc_tw(line->seq, f->tw);
		break;
	}
	return 0;
}

/* Writes the entry at the cursor, if there is one, and moves the cursor to the next. */
static void proc_write_line(struct proc_cursor *c, struct proc_line *line)
{
	if (c->stage == PROC_LISTENERS) {
		if (xtcp_listeners_walk(&c->it, proc_show_listener, line))
			return;
		c->stage = PROC_CONNECTIONS;
		c->it.bucket = 0;
		c->it.offset = 0;
	}
	if (c->stage == PROC_CONNECTIONS && !xtcp_chains_walk(&c->it, proc_show_entry, line))
		c->stage = PROC_END;
}

/* A read goes on where the last one stopped; every other starts at 0. */
static void *proc_seq_start(struct seq_file *seq, loff_t *pos)
{
	struct proc_iter *iter = seq->private;

	if (*pos)
		return iter->cur.stage == PROC_END ? NULL : iter;
	iter->cur = (struct proc_cursor) { .it.net = seq_file_net(seq) };
	return SEQ_START_TOKEN;
}

static void *proc_seq_next(struct seq_file *seq, void *v, loff_t *pos)
{
	struct proc_iter *iter = seq->private;

	++*pos;
	if (v != SEQ_START_TOKEN)
		iter->cur = iter->next;
	return iter->cur.stage == PROC_END ? NULL : iter;
}

static void proc_seq_stop(struct seq_file *seq, void *v)
{
}

/* May run twice for one line, when the buffer was too small: moves only @next. */
static int proc_seq_show(struct seq_file *seq, void *v)
{
	struct proc_iter *iter = seq->private;
	struct proc_line line = { .seq = seq };

	seq_setwidth(seq, PROC_LINE_WIDTH);
	if (v == SEQ_START_TOKEN) {
		seq_puts(seq, "  sl  local_address rem_address   st tx_queue rx_queue "
			      "tr tm->when retrnsmt   uid  timeout inode");
		seq_pad(seq, '\n');
		return 0;
	}
	iter->next = iter->cur;
	proc_write_line(&iter->next, &line);
	if (line.written)
		seq_pad(seq, '\n');
	return 0;
}

static const struct seq_operations proc_seq_ops = {
	.start = proc_seq_start,
	.next = proc_seq_next,
	.stop = proc_seq_stop,
	.show = proc_seq_show,
};

static int proc_show_ipv6(struct seq_file *seq, void *v)
{
	seq_puts(seq, "  sl  local_address                         "
		      "remote_address                        st tx_queue rx_queue "
		      "tr tm->when retrnsmt   uid  timeout inode\n");
	return 0;
}

/* Listener bucket lock held. */
static int proc_show_queues(struct sock *sk, void *arg)
{
	const struct xtcp_acceptq *q = xtcp_sk(sk)->acceptq;
	struct seq_file *seq = arg;
	unsigned int i;

	seq_printf(seq, "%pI4:%u %u %u %d %u", &sk->sk_rcv_saddr, sk->sk_num,
		   READ_ONCE(sk->sk_max_ack_backlog), READ_ONCE(sk->sk_ack_backlog),
		   atomic_read(&q->syn_len), xtcp_acceptq_longest(sk));
	for (i = 0; i < XTCP_LISTEN_NR; i++)
		seq_printf(seq, " %lu", xtcp_acceptq_stat(sk, i));
	seq_printf(seq, " %lu\n", sock_i_ino(sk));
	return seq_has_overflowed(seq);
}

static int proc_show_listeners(struct seq_file *seq, void *v)
{
	struct xtcp_demux_iter it = { .net = seq_file_single_net(seq) };
	unsigned int i;

	seq_puts(seq, "local backlog waiting half_open longest_ms");
	for (i = 0; i < XTCP_LISTEN_NR; i++)
		seq_printf(seq, " %s", xtcp_listen_labels[i]);
	seq_puts(seq, " inode\n");
	xtcp_listeners_walk(&it, proc_show_queues, seq);
	return 0;
}

static void proc_show_group(struct seq_file *seq, const struct xtcp_net *xn,
			    const struct xtcp_mib_group *g)
{
	unsigned int i;

	seq_printf(seq, "%s:", g->name);
	for (i = g->first; i < g->end; i++)
		seq_printf(seq, " %s", xtcp_mib_labels[i]);
	seq_printf(seq, "\n%s:", g->name);
	for (i = g->first; i < g->end; i++)
		seq_printf(seq, " %lu", xtcp_mib_read(xn->mib, i));
	seq_putc(seq, '\n');
}

static int proc_show_netstat(struct seq_file *seq, void *v)
{
	const struct xtcp_net *xn = xtcp_net(seq_file_single_net(seq));
	int i;

	for (i = 0; i < XTCP_MIB_GROUPS; i++)
		proc_show_group(seq, xn, &xtcp_mib_groups[i]);
	return 0;
}

/* A line per destination of connect(); a step of the file is a bucket of them. */
struct proc_ports {
	struct seq_net_private p;
	u32 usable;
};

static void proc_show_dest(const struct xtcp_dest_info *info, void *arg)
{
	struct seq_file *seq = arg;
	const struct proc_ports *ports = seq->private;
	u32 free = ports->usable > info->used ? ports->usable - info->used : 0;
	char remote[sizeof("255.255.255.255:65535")];

	snprintf(remote, sizeof(remote), "%pI4:%u", &info->raddr, ntohs(info->rport));
	seq_printf(seq, "%-15pI4 %-21s %8u %8u %8u %8u\n", &info->laddr, remote, info->used,
		   info->waits, free, info->waiting);
}

static void *proc_ports_start(struct seq_file *seq, loff_t *pos)
{
	struct proc_ports *ports = seq->private;
	struct xtcp_ephemeral e;

	xtcp_ephemeral_read_net(&e, seq_file_net(seq));
	ports->usable = xtcp_ephemeral_usable(&e);
	return *pos > XTCP_DEST_BUCKETS ? NULL : pos;
}

static void *proc_ports_next(struct seq_file *seq, void *v, loff_t *pos)
{
	cond_resched();
	return ++*pos > XTCP_DEST_BUCKETS ? NULL : pos;
}

static int proc_ports_show(struct seq_file *seq, void *v)
{
	u32 step = *(loff_t *)v;

	if (!step)
		seq_puts(seq, "local           remote                    used timewait     free  waiting\n");
	else
		xtcp_dest_visit(seq_file_net(seq), step - 1, proc_show_dest, seq);
	return 0;
}

static const struct seq_operations proc_ports_ops = {
	.start = proc_ports_start,
	.next = proc_ports_next,
	.stop = proc_seq_stop,
	.show = proc_ports_show,
};

static void proc_show_chains(struct seq_file *seq, const char *kind,
			     const struct xtcp_chains *c)
{
	seq_printf(seq, "%-8s %11u %9u %9u %8u\n", kind, c->socks, c->minis, c->tws, c->all);
}

static void proc_add_chains(struct xtcp_chains *sum, struct xtcp_chains *longest,
			    const struct xtcp_chains *c)
{
	sum->socks += c->socks;
	sum->minis += c->minis;
	sum->tws += c->tws;
	sum->all += c->all;
	longest->socks = max(longest->socks, c->socks);
	longest->minis = max(longest->minis, c->minis);
	longest->tws = max(longest->tws, c->tws);
	longest->all = max(longest->all, c->all);
}

/*
 * Sums and maxima, never which chain: the hash's key must not show. Even so, who may read
 * this can look for tuples that share a chain by adding them one by one; hence only
 * root may, and only where it is the host's.
 */
static int proc_show_table(struct seq_file *seq, void *v)
{
	struct xtcp_chains c, sum = {}, longest = {};
	unsigned int i;

	for (i = 0; xtcp_chains_count(i, &c); i++) {
		proc_add_chains(&sum, &longest, &c);
		cond_resched();
	}
	seq_printf(seq, "buckets  %11u\n", i);
	seq_puts(seq, "         connections  requests  timewait      all\n");
	proc_show_chains(seq, "entries", &sum);
	proc_show_chains(seq, "longest", &longest);
	return 0;
}

/**
 * xtcp_proc_net_init - the files of a namespace
 * @net: the namespace, its counters allocated
 *
 * Return: 0 or -ENOMEM
 */
int xtcp_proc_net_init(struct net *net)
{
	if (!proc_create_net("xtcp", 0444, net->proc_net, &proc_seq_ops,
			     sizeof(struct proc_iter)))
		return -ENOMEM;
	if (!proc_create_net_single("xtcp6", 0444, net->proc_net, proc_show_ipv6, NULL))
		goto err_xtcp;
	if (!proc_create_net_single("xtcp_netstat", 0444, net->proc_net, proc_show_netstat, NULL))
		goto err_xtcp6;
	if (!proc_create_net_single("xtcp_listeners", 0444, net->proc_net, proc_show_listeners,
				    NULL))
		goto err_netstat;
	if (!proc_create_net("xtcp_ports", 0444, net->proc_net, &proc_ports_ops,
			     sizeof(struct proc_ports)))
		goto err_listeners;
	if (net_eq(net, &init_net) &&
	    !proc_create_net_single("xtcp_table", 0400, net->proc_net, proc_show_table, NULL))
		goto err_ports;
	return 0;

err_ports:
	remove_proc_entry("xtcp_ports", net->proc_net);
err_listeners:
	remove_proc_entry("xtcp_listeners", net->proc_net);
err_netstat:
	remove_proc_entry("xtcp_netstat", net->proc_net);
err_xtcp6:
	remove_proc_entry("xtcp6", net->proc_net);
err_xtcp:
	remove_proc_entry("xtcp", net->proc_net);
	return -ENOMEM;
}

/**
 * xtcp_proc_net_exit - waits for those that read, then the files are gone
 * @net: the namespace
 */
void xtcp_proc_net_exit(struct net *net)
{
	if (net_eq(net, &init_net))
		remove_proc_entry("xtcp_table", net->proc_net);
	remove_proc_entry("xtcp_ports", net->proc_net);
	remove_proc_entry("xtcp_listeners", net->proc_net);
	remove_proc_entry("xtcp_netstat", net->proc_net);
	remove_proc_entry("xtcp6", net->proc_net);
	remove_proc_entry("xtcp", net->proc_net);
}

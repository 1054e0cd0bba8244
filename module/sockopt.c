// SPDX-License-Identifier: GPL-2.0-only
/*
 * Socket options of level SOL_TCP, with native TCP's names, bounds and errnos, and our own;
 * ioctls and SO_KEEPALIVE.
 *
 * The socket lock guards what an option changes, unless the field is read with
 * READ_ONCE() everywhere. What is not here is ENOPROTOOPT; SOL_IP is the kernel's.
 */
#include <linux/netfilter_ipv4.h>
#include <linux/sockios.h>
#include <linux/termios.h>
#include <linux/tcp.h>
#include <net/ip.h>
#include <uapi/linux/xtcp.h>

#include "af.h"
#include "busy.h"
#include "door.h"
#include "engine.h"
#include "patience.h"
#include "timer.h"

#define SOCKOPT_MAX_KEEPIDLE	32767
#define SOCKOPT_MAX_KEEPINTVL	32767
#define SOCKOPT_MAX_KEEPCNT	127
#define SOCKOPT_MAX_SYNCNT	127
#define SOCKOPT_MAX_LINGER2	120	/* seconds */
#define SOCKOPT_CC_NAME		16	/* TCP_CA_NAME_MAX of user space */

#define SOCKOPT_RTO_INIT	(XTCP_RTO_INIT_US / XTCP_USEC_PER_SEC)
#define SOCKOPT_RTO_MAX		(XTCP_RTO_MAX_US / XTCP_USEC_PER_SEC)

/* TCP_DEFER_ACCEPT counts seconds outside and SYN-ACK transmissions inside. */
static u8 sockopt_secs_to_retrans(int seconds)
{
	u32 timeout = SOCKOPT_RTO_INIT;
	u32 period = timeout;
	u8 n = 1;

	if (seconds <= 0)
		return 0;
	while (period < (u32)seconds && n < U8_MAX) {
		timeout = min(timeout << 1, SOCKOPT_RTO_MAX);
		period += timeout;
		n++;
	}
	return n;
}

static int sockopt_retrans_to_secs(u32 retrans)
{
	u32 timeout = SOCKOPT_RTO_INIT;
	u32 period = 0;

	for (; retrans; retrans--) {
		period += timeout;
		timeout = min(timeout << 1, SOCKOPT_RTO_MAX);
	}
	return period;
}

/**
 * xtcp_keepalive - struct proto.keepalive: SO_KEEPALIVE is about to change
 * @sk: socket, locked; the flag has its old value
 * @val: on or off
 */
void xtcp_keepalive(struct sock *sk, int val)
{
	if ((1 << sk->sk_state) & (TCPF_CLOSE | TCPF_LISTEN))
		return;
	if (val && !sock_flag(sk, SOCK_KEEPOPEN))
		xtcp_timer_arm(sk, XTCP_T_KEEP, xtcp_keepidle(sk));
	else if (!val)
		xtcp_timer_cancel(sk, XTCP_T_KEEP);
}

static int sockopt_set_keepidle(struct sock *sk, int val)
{
	struct xtcp_sock *xs = xtcp_sk(sk);
	u32 idle, gone;

	if (val < 1 || val > SOCKOPT_MAX_KEEPIDLE)
		return -EINVAL;
	idle = val * HZ;
	WRITE_ONCE(xs->ka.idle, val);
	if (!sock_flag(sk, SOCK_KEEPOPEN) ||
	    (1 << sk->sk_state) & (TCPF_CLOSE | TCPF_LISTEN))
		return 0;
	/* What has passed already counts. */
	gone = min((u32)jiffies - xs->rcv.lrcvtime, (u32)jiffies - xs->rcv.rcv_tstamp);
	xtcp_timer_arm(sk, XTCP_T_KEEP, idle > gone ? idle - gone : 0);
	return 0;
}

static void sockopt_push(struct sock *sk)
{
	if (!skb_queue_empty(&sk->sk_write_queue))
		xtcp_output_push(sk);
}

/* TCP_NODELAY also pushes what waits, past TCP_CORK, which else is stronger. */
static void sockopt_set_nodelay(struct sock *sk, bool on)
{
	struct xtcp_snd *snd = &xtcp_sk(sk)->snd;

	if (!on) {
		snd->nonagle &= ~XTCP_NAGLE_OFF;
		return;
	}
	snd->nonagle |= XTCP_NAGLE_OFF | XTCP_NAGLE_PUSH;
	sockopt_push(sk);
}

static void sockopt_set_cork(struct sock *sk, bool on)
{
	struct xtcp_snd *snd = &xtcp_sk(sk)->snd;

	if (on) {
		snd->nonagle |= XTCP_NAGLE_CORK;
		return;
	}
	snd->nonagle &= ~XTCP_NAGLE_CORK;
	if (snd->nonagle & XTCP_NAGLE_OFF)
		snd->nonagle |= XTCP_NAGLE_PUSH;
	sockopt_push(sk);
}

/* Leaves interactive mode; an even value only for the ACK that is owed now. */
static void sockopt_set_quickack(struct sock *sk, int val)
{
	struct xtcp_rcv *rcv = &xtcp_sk(sk)->rcv;

	rcv->pingpong = !val;
	rcv->no_hold = !!val;
	if (val)
		xtcp_delack_turn(sk);
	if (!val || !((1 << sk->sk_state) & (TCPF_ESTABLISHED | TCPF_CLOSE_WAIT)) ||
	    !(rcv->ack_pending & XTCP_ACK_SCHED))
		return;
	rcv->ack_pending |= XTCP_ACK_PUSHED;
	xtcp_delack_cleanup_rbuf(sk, 1);
	if (!(val & 1))
		rcv->pingpong = 1;
}

static int sockopt_set_window_clamp(struct sock *sk, int val)
{
	struct xtcp_rcv *rcv = &xtcp_sk(sk)->rcv;

	if (!val) {
		if (sk->sk_state != TCP_CLOSE)
			return -EINVAL;
		rcv->window_clamp = 0;
		return 0;
	}
	rcv->window_clamp = max_t(u32, val, SOCK_MIN_RCVBUF / 2);
	rcv->ssthresh = min(max(rcv->ssthresh, rcv->wnd), rcv->window_clamp);
	return 0;
}

static int sockopt_set_maxseg(struct sock *sk, int val)
{
	if (val && (val < (int)XTCP_MIN_MSS || val > (int)XTCP_MAX_WINDOW))
		return -EINVAL;
	xtcp_sk(sk)->snd.user_mss = val;
	return 0;
}

static void sockopt_set_notsent_lowat(struct sock *sk, int val)
{
	WRITE_ONCE(xtcp_sk(sk)->snd.notsent_lowat, val);
	sk->sk_write_space(sk);
}

static int sockopt_set_inq(struct sock *sk, int val)
{
	if (val < 0 || val > 1)
		return -EINVAL;
	WRITE_ONCE(xtcp_sk(sk)->rcv.inq_cmsg, val);
	return 0;
}

/* Options whose fields are read without the lock. -ENOIOCTLCMD: none of them. */
static int sockopt_set_unlocked(struct sock *sk, int optname, int val)
{
	struct xtcp_sock *xs = xtcp_sk(sk);

	switch (optname) {
	case TCP_SYNCNT:
		if (val < 1 || val > SOCKOPT_MAX_SYNCNT)
			return -EINVAL;
		WRITE_ONCE(xs->rec.syn_retries, val);
		return 0;
	case TCP_USER_TIMEOUT:
		if (val < 0)
			return -EINVAL;
		WRITE_ONCE(xs->user_timeout, val);
		return 0;
	case XTCP_CONNECT_WAIT:
		if (val < 0)
			return -EINVAL;
		WRITE_ONCE(xs->connect_wait, val);
		return 0;
	case TCP_KEEPINTVL:
		if (val < 1 || val > SOCKOPT_MAX_KEEPINTVL)
			return -EINVAL;
		WRITE_ONCE(xs->ka.intvl, val);
		return 0;
	case TCP_KEEPCNT:
		if (val < 1 || val > SOCKOPT_MAX_KEEPCNT)
			return -EINVAL;
		WRITE_ONCE(xs->ka.cnt, val);
		return 0;
	case TCP_LINGER2:
		WRITE_ONCE(xs->linger2, val < 0 ? -1 : min(val, SOCKOPT_MAX_LINGER2));
		return 0;
	case TCP_DEFER_ACCEPT:
		WRITE_ONCE(xs->defer_accept, sockopt_secs_to_retrans(val));
		return 0;
	default:
		return -ENOIOCTLCMD;
	}
}

static int sockopt_set_locked(struct sock *sk, int optname, int val)
{
	switch (optname) {
	case TCP_MAXSEG:
		return sockopt_set_maxseg(sk, val);
	case TCP_NODELAY:
		sockopt_set_nodelay(sk, val);
		return 0;
	case TCP_CORK:
		sockopt_set_cork(sk, val);
		return 0;
	case TCP_KEEPIDLE:
		return sockopt_set_keepidle(sk, val);
	case TCP_WINDOW_CLAMP:
		return sockopt_set_window_clamp(sk, val);
	case TCP_QUICKACK:
		sockopt_set_quickack(sk, val);
		return 0;
	case TCP_NOTSENT_LOWAT:
		sockopt_set_notsent_lowat(sk, val);
		return 0;
	case TCP_INQ:
		return sockopt_set_inq(sk, val);
	default:
		return -ENOPROTOOPT;
	}
}

static bool sockopt_may_choose(const struct sock *sk, const struct xtcp_cc_ops *ops)
{
	struct net *net = sock_net(sk);

	return READ_ONCE(xtcp_net(net)->cc_allowed) & xtcp_cc_bit(ops) ||
	       ns_capable(net->user_ns, CAP_NET_ADMIN);
}

static int sockopt_set_congestion(struct sock *sk, sockptr_t optval, unsigned int optlen)
{
	const struct xtcp_cc_ops *ops;
	char name[SOCKOPT_CC_NAME];
	int len, err = 0;

	if (optlen < 1)
		return -EINVAL;
	len = strncpy_from_sockptr(name, optval, min_t(long, sizeof(name) - 1, optlen));
	if (len < 0)
		return -EFAULT;
	name[len] = 0;

	ops = xtcp_cc_find(name);
	if (!ops)
		return -ENOENT;
	lock_sock(sk);
	if (xtcp_sk(sk)->cc.ops != ops) {
		if (sockopt_may_choose(sk, ops))
			err = xtcp_cc_change(sk, ops);
		else
			err = -EPERM;
	}
	release_sock(sk);
	return err;
}

static int sockopt_set_tcp(struct sock *sk, int optname, sockptr_t optval, unsigned int optlen)
{
	int err, val;

	if (optname == TCP_CONGESTION)
		return sockopt_set_congestion(sk, optval, optlen);
	if (optlen < sizeof(int))
		return -EINVAL;
	if (copy_from_sockptr(&val, optval, sizeof(val)))
		return -EFAULT;

	err = sockopt_set_unlocked(sk, optname, val);
	if (err != -ENOIOCTLCMD)
		return err;
	lock_sock(sk);
	err = sockopt_set_locked(sk, optname, val);
	release_sock(sk);
	return err;
}

static int sockopt_set_zerocopy(struct sock *sk, sockptr_t optval, unsigned int optlen)
{
	int val;

	if (optlen < sizeof(int))
		return -EINVAL;
	if (copy_from_sockptr(&val, optval, sizeof(val)))
		return -EFAULT;
	if (val < 0 || val > 1)
		return -EINVAL;
	lock_sock(sk);
	sock_valbool_flag(sk, SOCK_ZEROCOPY, val);
	release_sock(sk);
	return 0;
}

/* What the kernel judges by the protocol number; all else of SOL_SOCKET is its own. */
static int sockopt_set_socket(struct sock *sk, int optname, sockptr_t optval, unsigned int optlen)
{
	switch (optname) {
	case SO_ZEROCOPY:
		return sockopt_set_zerocopy(sk, optval, optlen);
	case SO_ATTACH_REUSEPORT_CBPF:
	case SO_ATTACH_REUSEPORT_EBPF:
		/* Nobody would run the program: our groups are not the kernel's. */
		return -ENOPROTOOPT;
	case SO_ATTACH_FILTER:
		if (!ns_capable(sock_net(sk)->user_ns, CAP_NET_ADMIN))
			return -EPERM;
		break;
	}
	return sock_setsockopt(sk->sk_socket, SOL_SOCKET, optname, optval, optlen);
}

/**
 * xtcp_setsockopt - struct proto.setsockopt
 * @sk: socket, not locked
 * @level: SOL_TCP, the address family's, or SOL_SOCKET where the kernel lets us see to it
 * @optname: TCP_*, IP_* or SO_*
 * @optval: value
 * @optlen: its size
 *
 * Return: 0 or a negative errno, native TCP's in the same situation.
 */
int xtcp_setsockopt(struct sock *sk, int level, int optname, sockptr_t optval,
		    unsigned int optlen)
{
	if (level == SOL_TCP)
		return sockopt_set_tcp(sk, optname, optval, optlen);
	if (level == SOL_SOCKET)
		return sockopt_set_socket(sk, optname, optval, optlen);
	/* The kernel refuses these by a flag of its own TCP's sockets. */
	if (level == SOL_IP && (optname == IP_ADD_MEMBERSHIP || optname == IP_DROP_MEMBERSHIP))
		return -EPROTO;
	return ip_setsockopt(sk, level, optname, optval, optlen);
}

static u64 sockopt_rate(unsigned long rate)
{
	return rate == ~0UL ? ~0ULL : rate;
}

static void sockopt_info_options(const struct xtcp_sock *xs, struct tcp_info *info)
{
	if (xs->neg.ts_ok)
		info->tcpi_options |= TCPI_OPT_TIMESTAMPS;
	if (xs->neg.sack_ok)
		info->tcpi_options |= TCPI_OPT_SACK;
	if (xs->neg.ecn_ok)
		info->tcpi_options |= TCPI_OPT_ECN;
	if (xs->neg.ecn.seen)
		info->tcpi_options |= TCPI_OPT_ECN_SEEN;
	if (xs->neg.wscale_ok) {
		info->tcpi_options |= TCPI_OPT_WSCALE;
		info->tcpi_snd_wscale = xs->snd.wscale;
		info->tcpi_rcv_wscale = xs->rcv.wscale;
	}
}

static void sockopt_info_recovery(const struct xtcp_sock *xs, struct tcp_info *info)
{
	info->tcpi_ca_state = xs->rec.ca_state;
	info->tcpi_retransmits = xs->rec.retransmits;
	info->tcpi_probes = xs->rec.probes_out;
	info->tcpi_backoff = xs->rec.backoff;
	info->tcpi_unacked = xs->snd.packets_out;
	info->tcpi_sacked = xs->snd.sacked_out;
	info->tcpi_lost = xs->snd.lost_out;
	info->tcpi_retrans = xs->snd.retrans_out;
	info->tcpi_total_retrans = xs->snd.total_retrans;
	info->tcpi_snd_ssthresh = xs->cc.ssthresh;
	info->tcpi_reord_seen = xs->rec.reord_seen;
	if (!xs->disorder)
		return;
	info->tcpi_dsack_dups = xs->disorder->dsack_dups;
	info->tcpi_rcv_ooopack = xs->disorder->ooopack;
	info->tcpi_delivered_ce = xs->disorder->delivered_ce;
}

static void sockopt_info_time(const struct sock *sk, struct tcp_info *info)
{
	const struct xtcp_sock *xs = xtcp_sk(sk);
	u32 now = jiffies;

	info->tcpi_rto = jiffies_to_usecs(xtcp_ack_rto(sk));
	info->tcpi_ato = jiffies_to_usecs(xs->rcv.ato);
	info->tcpi_rtt = xs->rtt.srtt_us >> 3;
	info->tcpi_rttvar = xs->rtt.mdev_us >> 2;
	info->tcpi_min_rtt = xtcp_rtt_min_us(&xs->rtt);
	info->tcpi_rcv_rtt = xs->rcv.rtt_us;
	info->tcpi_last_data_sent = jiffies_to_msecs(now - xs->snd.lsndtime);
	info->tcpi_last_data_recv = jiffies_to_msecs(now - xs->rcv.lrcvtime);
	info->tcpi_last_ack_recv = jiffies_to_msecs(now - xs->rcv.rcv_tstamp);
}

static void sockopt_info_busy(const struct sock *sk, struct tcp_info *info)
{
	info->tcpi_rwnd_limited = xtcp_busy_us(sk, XTCP_BUSY_RWND);
	info->tcpi_sndbuf_limited = xtcp_busy_us(sk, XTCP_BUSY_SNDBUF);
	info->tcpi_busy_time = info->tcpi_rwnd_limited + info->tcpi_sndbuf_limited +
			       xtcp_busy_us(sk, XTCP_BUSY_SENDING);
}

static void sockopt_info_sizes(const struct xtcp_sock *xs, struct tcp_info *info)
{
	info->tcpi_snd_mss = xs->snd.mss;
	info->tcpi_rcv_mss = xs->rcv.mss;
	/* Native TCP reports what is left for data. */
	info->tcpi_advmss = xs->snd.advmss - xtcp_opt_size(xs->neg.ts_ok, 0);
	info->tcpi_pmtu = xs->snd.pmtu;
	info->tcpi_rcv_ssthresh = xs->rcv.ssthresh;
	info->tcpi_rcv_space = xs->rcv.space;
	info->tcpi_snd_wnd = xs->snd.wnd;
	XTCP_COMPAT_INFO_RCV_WND(info, xs->rcv.wnd);
}

static void sockopt_info_counts(const struct xtcp_sock *xs, struct tcp_info *info)
{
	info->tcpi_bytes_acked = xs->snd.bytes_acked;
	info->tcpi_bytes_sent = xs->snd.bytes_sent;
	info->tcpi_bytes_retrans = xs->snd.bytes_retrans;
	info->tcpi_bytes_received = xs->rcv.bytes_received;
	info->tcpi_notsent_bytes = max_t(int, 0, xs->snd.write_seq - xs->snd.nxt);
	info->tcpi_segs_out = xs->snd.segs_out;
	info->tcpi_segs_in = xs->rcv.segs_in;
	info->tcpi_data_segs_out = xs->snd.data_segs_out;
	info->tcpi_data_segs_in = xs->rcv.data_segs_in;
	info->tcpi_delivered = xs->snd.delivered;
}

/* A listener says how many children wait, and how many may. */
static void sockopt_info_listener(const struct sock *sk, struct tcp_info *info)
{
	info->tcpi_unacked = READ_ONCE(sk->sk_ack_backlog);
	info->tcpi_sacked = READ_ONCE(sk->sk_max_ack_backlog);
}

/* As native TCP fills it; 0 where XTCP has nothing to tell. */
static void sockopt_info(struct sock *sk, struct tcp_info *info)
{
	const struct xtcp_sock *xs = xtcp_sk(sk);

	memset(info, 0, sizeof(*info));
	lock_sock(sk);
	info->tcpi_state = sk->sk_state;
	info->tcpi_pacing_rate = sockopt_rate(READ_ONCE(sk->sk_pacing_rate));
	info->tcpi_max_pacing_rate = sockopt_rate(READ_ONCE(sk->sk_max_pacing_rate));
	info->tcpi_reordering = xs->rec.reordering;
	info->tcpi_snd_cwnd = xs->cc.cwnd;
	if (info->tcpi_state == TCP_LISTEN) {
		sockopt_info_listener(sk, info);
	} else {
		sockopt_info_options(xs, info);
		sockopt_info_recovery(xs, info);
		sockopt_info_time(sk, info);
		sockopt_info_busy(sk, info);
		sockopt_info_sizes(xs, info);
		sockopt_info_counts(xs, info);
	}
	release_sock(sk);
}

static int sockopt_get_maxseg(const struct sock *sk)
{
	const struct xtcp_snd *snd = &xtcp_sk(sk)->snd;

	if (snd->user_mss && (1 << sk->sk_state) & (TCPF_CLOSE | TCPF_LISTEN))
		return snd->user_mss;
	return snd->mss;
}

/* An option whose value is set here, or else the namespace's knob. */
static int sockopt_get_or_knob(const struct sock *sk, int optname)
{
	const struct xtcp_sock *xs = xtcp_sk(sk);
	struct net *net = sock_net(sk);
	u32 val;

	switch (optname) {
	case TCP_KEEPINTVL:
		val = READ_ONCE(xs->ka.intvl);
		return val ? val : xtcp_knob(net, keepalive_intvl) / HZ;
	case TCP_KEEPCNT:
		val = READ_ONCE(xs->ka.cnt);
		return val ? val : xtcp_knob(net, keepalive_probes);
	default: /* TCP_SYNCNT */
		val = READ_ONCE(xs->rec.syn_retries);
		return val ? val : xtcp_knob(net, syn_retries);
	}
}

/* The value of an option that is an int; -ENOPROTOOPT. */
static int sockopt_get_int(const struct sock *sk, int optname, int *val)
{
	const struct xtcp_sock *xs = xtcp_sk(sk);

	switch (optname) {
	case TCP_MAXSEG:
		*val = sockopt_get_maxseg(sk);
		break;
	case TCP_NODELAY:
		*val = !!(xs->snd.nonagle & XTCP_NAGLE_OFF);
		break;
	case TCP_CORK:
		*val = !!(xs->snd.nonagle & XTCP_NAGLE_CORK);
		break;
	case TCP_KEEPIDLE:
		*val = xtcp_keepidle(sk) / HZ;
		break;
	case TCP_KEEPINTVL:
	case TCP_KEEPCNT:
	case TCP_SYNCNT:
		*val = sockopt_get_or_knob(sk, optname);
		break;
	case TCP_LINGER2:
		*val = xtcp_fin_wait(sk) / HZ;
		break;
	case TCP_DEFER_ACCEPT:
		*val = sockopt_retrans_to_secs(READ_ONCE(xs->defer_accept));
		break;
	case TCP_WINDOW_CLAMP:
		*val = READ_ONCE(xs->rcv.window_clamp);
		break;
	case TCP_QUICKACK:
		*val = !READ_ONCE(xs->rcv.pingpong);
		break;
	case TCP_USER_TIMEOUT:
		*val = READ_ONCE(xs->user_timeout);
		break;
	case XTCP_CONNECT_WAIT:
		*val = READ_ONCE(xs->connect_wait);
		break;
	case TCP_NOTSENT_LOWAT:
		*val = READ_ONCE(xs->snd.notsent_lowat);
		break;
	case TCP_INQ:
		*val = READ_ONCE(xs->rcv.inq_cmsg);
		break;
	default:
		return -ENOPROTOOPT;
	}
	return 0;
}

static int sockopt_put(char __user *optval, int __user *optlen, const void *src, int len)
{
	if (put_user(len, optlen) || copy_to_user(optval, src, len))
		return -EFAULT;
	return 0;
}

static int sockopt_get_info(struct sock *sk, char __user *optval, int __user *optlen, int len)
{
	struct tcp_info info;

	sockopt_info(sk, &info);
	return sockopt_put(optval, optlen, &info, min_t(unsigned int, len, sizeof(info)));
}

static int sockopt_get_congestion(const struct sock *sk, char __user *optval,
				  int __user *optlen, int len)
{
	char name[SOCKOPT_CC_NAME] = {};

	strscpy(name, READ_ONCE(xtcp_sk(sk)->cc.ops)->name, sizeof(name));
	return sockopt_put(optval, optlen, name, min_t(unsigned int, len, sizeof(name)));
}

/**
 * xtcp_getsockopt - struct proto.getsockopt
 * @sk: socket, not locked
 * @level: SOL_TCP, or the address family's
 * @optname: TCP_* or IP_*
 * @optval: where the value goes
 * @optlen: room there; becomes the bytes written
 *
 * Return: 0 or a negative errno, native TCP's in the same situation.
 */
int xtcp_getsockopt(struct sock *sk, int level, int optname, char __user *optval,
		    int __user *optlen)
{
	int err, len, val;

	/* The kernel answers it for protocol 6 alone. */
	if (level == SOL_IP && optname == SO_ORIGINAL_DST)
		return xtcp_origdst_get(sk, optval, optlen);
	if (level != SOL_TCP)
		return ip_getsockopt(sk, level, optname, optval, optlen);
	if (get_user(len, optlen))
		return -EFAULT;
	if (len < 0)
		return -EINVAL;
	if (optname == TCP_INFO)
		return sockopt_get_info(sk, optval, optlen, len);
	if (optname == TCP_CONGESTION)
		return sockopt_get_congestion(sk, optval, optlen, len);

	err = sockopt_get_int(sk, optname, &val);
	if (err)
		return err;
	return sockopt_put(optval, optlen, &val, min_t(unsigned int, len, sizeof(int)));
}

static int sockopt_outq(const struct sock *sk, u32 from)
{
	if ((1 << sk->sk_state) & (TCPF_SYN_SENT | TCPF_SYN_RECV))
		return 0;
	return READ_ONCE(xtcp_sk(sk)->snd.write_seq) - from;
}

/**
 * xtcp_ioctl - struct proto.ioctl: how much waits, and where the urgent mark is
 * @sk: socket, not locked
 * @cmd: SIOCINQ (FIONREAD), SIOCOUTQ, SIOCOUTQNSD, SIOCATMARK
 * @arg: where the answer goes
 *
 * Return: 0, -EINVAL for a listener, -ENOIOCTLCMD.
 */
int xtcp_ioctl(struct sock *sk, int cmd, xtcp_ioctl_arg arg)
{
	const struct xtcp_sock *xs = xtcp_sk(sk);
	int answer;

	if (cmd != SIOCATMARK && sk->sk_state == TCP_LISTEN &&
	    (cmd == SIOCINQ || cmd == SIOCOUTQ || cmd == SIOCOUTQNSD))
		return -EINVAL;

	switch (cmd) {
	case SIOCINQ:
		lock_sock(sk);
		answer = xtcp_inq(sk);
		release_sock(sk);
		break;
	case SIOCATMARK:
		answer = READ_ONCE(xs->rcv.urg_data) &&
			 READ_ONCE(xs->rcv.urg_seq) == READ_ONCE(xs->rcv.copied_seq);
		break;
	case SIOCOUTQ:
		answer = sockopt_outq(sk, READ_ONCE(xs->snd.una));
		break;
	case SIOCOUTQNSD:
		answer = sockopt_outq(sk, READ_ONCE(xs->snd.nxt));
		break;
	default:
		return -ENOIOCTLCMD;
	}
	return xtcp_ioctl_put(arg, answer);
}

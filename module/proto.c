// SPDX-License-Identifier: GPL-2.0-only
/*
 * proto.c owns struct proto: what the socket layer calls by it, the birth and the
 * death of a struct xtcp_sock, and the memory all of them share.
 */
#include <linux/module.h>
#include <net/inet_common.h>
#include <net/ip.h>

#include "af.h"
#include "compat.h"
#include "door.h"
#include "engine.h"
#include "ports.h"
#include "sock.h"
#include "synq.h"
#include "timer.h"

long xtcp_sysctl_mem[3] __read_mostly;
static atomic_long_t proto_mem_allocated ____cacheline_aligned_in_smp;
static DEFINE_PER_CPU(int, proto_mem_fw_alloc);
static unsigned long proto_mem_pressure __read_mostly;
static struct percpu_counter proto_sockets_allocated;

static void proto_enter_memory_pressure(struct sock *sk)
{
	if (READ_ONCE(proto_mem_pressure))
		return;
	WRITE_ONCE(proto_mem_pressure, jiffies ? : 1);
	XTCP_INC(sock_net(sk), MEMORYPRESSURES);
}

static void proto_leave_memory_pressure(struct sock *sk)
{
	if (READ_ONCE(proto_mem_pressure))
		WRITE_ONCE(proto_mem_pressure, 0);
}

/*
 * A new endpoint in CLOSE, before anybody else knows it; sock_init_data() is done. On error
 * it is whole enough to be closed.
 */
static int proto_init(struct sock *sk)
{
	struct xtcp_net *xn = xtcp_net(sock_net(sk));
	struct xtcp_sock *xs = xtcp_sk(sk);

	xs->xn = xn;
	xs->snd.mss = XTCP_DEFAULT_MSS;
	xs->snd.mss_clamp = XTCP_DEFAULT_MSS;
	xs->rcv.ato = XTCP_ATO_MIN;
	xtcp_timer_init(sk);
	xtcp_rtt_init(&xs->rtt);
	xtcp_recovery_init(sk);

	sk->sk_destruct = xtcp_sock_destruct;
	sk->sk_write_space = xtcp_write_space;
	WRITE_ONCE(sk->sk_sndbuf, READ_ONCE(xn->knobs.wmem[1]));
	WRITE_ONCE(sk->sk_rcvbuf, READ_ONCE(xn->knobs.rmem[1]));
	sk_sockets_allocated_inc(sk);
	return xtcp_cc_begin(sk, READ_ONCE(xn->cc), GFP_KERNEL_ACCOUNT);
}

/* struct proto.destroy: everything the socket holds but itself. Locked, CLOSE. */
static void proto_destroy(struct sock *sk)
{
	xtcp_timer_clear(sk);
	xtcp_sock_purge_write(sk);
	xtcp_sock_purge_disorder(sk);
	sk_sockets_allocated_dec(sk);
}

/* release_sock(): what softirqs left to us. */
static void proto_release_cb(struct sock *sk)
{
	if (!(READ_ONCE(sk->sk_tsq_flags) & XTCP_DEFER_MASK))
		return;
	if (test_and_clear_bit(XTCP_DEFER_TIMER, &sk->sk_tsq_flags))
		xtcp_timer_run_deferred(sk);
	if (test_and_clear_bit(XTCP_DEFER_SEND, &sk->sk_tsq_flags)) {
		xtcp_pace_resume(sk);
		__sock_put(sk);
	}
	if (test_and_clear_bit(XTCP_DEFER_FINE, &sk->sk_tsq_flags))
		xtcp_timer_run_fine_deferred(sk);
	if (test_and_clear_bit(XTCP_DEFER_MTU, &sk->sk_tsq_flags)) {
		xtcp_icmp_mtu_deferred(sk);
		__sock_put(sk);
	}
}

struct proto xtcp_prot = {
	.name			= "XTCP",
	.owner			= THIS_MODULE,
	.init			= proto_init,
	.destroy		= proto_destroy,
	.close			= xtcp_close,
	.pre_connect		= xtcp_ipv4_pre_connect,
	.connect		= xtcp_connect,
	.disconnect		= xtcp_disconnect,
	.accept			= xtcp_compat_accept,
	.shutdown		= xtcp_shutdown,
	.ioctl			= xtcp_ioctl,
	.setsockopt		= xtcp_setsockopt,
	.getsockopt		= xtcp_getsockopt,
	.keepalive		= xtcp_keepalive,
	.sendmsg		= xtcp_sendmsg,
	XTCP_COMPAT_PROTO_SENDPAGE
	.splice_eof		= xtcp_splice_eof,
	.stream_memory_free	= xtcp_stream_memory_free,
	.recvmsg		= xtcp_recvmsg,
	.backlog_rcv		= xtcp_input_backlog_rcv,
	.release_cb		= proto_release_cb,
	.get_port		= xtcp_ports_get_port,
	.put_port		= xtcp_ports_put_port,
	.enter_memory_pressure	= proto_enter_memory_pressure,
	.leave_memory_pressure	= proto_leave_memory_pressure,
	.sockets_allocated	= &proto_sockets_allocated,
	.memory_allocated	= &proto_mem_allocated,
	.per_cpu_fw_alloc	= &proto_mem_fw_alloc,
	.memory_pressure	= &proto_mem_pressure,
	.sysctl_mem		= xtcp_sysctl_mem,
	.max_header		= XTCP_MAX_HEADER,
	.obj_size		= sizeof(struct xtcp_sock),
	.slab_flags		= SLAB_TYPESAFE_BY_RCU,
	.no_autobind		= true,
};

/**
 * xtcp_proto_register - struct proto and what it counts in
 *
 * Return: 0 or a negative errno
 */
int xtcp_proto_register(void)
{
	unsigned long limit = max(nr_free_buffer_pages() / 16, 128UL);
	int err;

	xtcp_sysctl_mem[0] = limit / 4 * 3;
	xtcp_sysctl_mem[1] = limit;
	xtcp_sysctl_mem[2] = xtcp_sysctl_mem[0] * 2;
	err = percpu_counter_init(&proto_sockets_allocated, 0, GFP_KERNEL);
	if (err)
		return err;
	err = proto_register(&xtcp_prot, 1);
	if (err)
		percpu_counter_destroy(&proto_sockets_allocated);
	return err;
}

/**
 * xtcp_proto_use_knobs - before the first socket: how much each may have under pressure
 *
 * struct proto has one place for all namespaces: wmem and rmem of the first one count.
 */
void xtcp_proto_use_knobs(void)
{
	struct xtcp_knobs *knobs = &xtcp_net(&init_net)->knobs;

	xtcp_prot.sysctl_wmem = knobs->wmem;
	xtcp_prot.sysctl_rmem = knobs->rmem;
}

/**
 * xtcp_proto_unregister - after the last socket and its RCU callbacks
 */
void xtcp_proto_unregister(void)
{
	proto_unregister(&xtcp_prot);
	percpu_counter_destroy(&proto_sockets_allocated);
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * sock.c owns struct proto: the life of a struct xtcp_sock from allocation to
 * destruction, its memory accounting and its write-side queues' memory.
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
static atomic_long_t sock_memory_allocated ____cacheline_aligned_in_smp;
static DEFINE_PER_CPU(int, sock_memory_fw_alloc);
static unsigned long sock_memory_pressure __read_mostly;
static struct percpu_counter sock_sockets_allocated;
/* Where struct proto has no per-namespace place: the first namespace's wmem and rmem. */
static int sock_sysctl_wmem[3] = { PAGE_SIZE, 16 * 1024, 4 * 1024 * 1024 };
static int sock_sysctl_rmem[3] = { PAGE_SIZE, 131072, 6 * 1024 * 1024 };

static void sock_enter_memory_pressure(struct sock *sk)
{
	if (READ_ONCE(sock_memory_pressure))
		return;
	WRITE_ONCE(sock_memory_pressure, jiffies ? : 1);
	XTCP_INC(sock_net(sk), MEMORYPRESSURES);
}

static void sock_leave_memory_pressure(struct sock *sk)
{
	if (READ_ONCE(sock_memory_pressure))
		WRITE_ONCE(sock_memory_pressure, 0);
}

/**
 * xtcp_sock_init - a new endpoint in CLOSE, before anybody else knows it
 * @sk: from sk_alloc(), sock_init_data() done
 *
 * Return: 0
 */
int xtcp_sock_init(struct sock *sk)
{
	struct xtcp_net *xn = xtcp_net(sock_net(sk));
	struct xtcp_sock *xs = xtcp_sk(sk);

	xs->af = &xtcp_ipv4_ops;
	xs->snd.rtxq = RB_ROOT;
	xs->rcv.ooo = RB_ROOT;
	xs->snd.mss = XTCP_DEFAULT_MSS;
	xs->snd.mss_clamp = XTCP_DEFAULT_MSS;
	xs->rcv.ato = XTCP_ATO_MIN;
	xtcp_timer_init(sk);
	xtcp_rtt_init(&xs->rtt);
	xtcp_cc_assign(sk);
	xtcp_recovery_init(sk);
	spin_lock_init(&xs->acceptq.lock);
	INIT_LIST_HEAD(&xs->acceptq.head);
	INIT_LIST_HEAD(&xs->accept_node);

	sk->sk_destruct = xtcp_sock_destruct;
	sk->sk_write_space = xtcp_write_space;
	sock_set_flag(sk, SOCK_USE_WRITE_QUEUE);
	WRITE_ONCE(sk->sk_sndbuf, READ_ONCE(xn->knobs.wmem[1]));
	WRITE_ONCE(sk->sk_rcvbuf, READ_ONCE(xn->knobs.rmem[1]));
	sk_sockets_allocated_inc(sk);
	atomic_inc(&xn->sockets);
	return 0;
}

/* struct proto.destroy: everything the socket holds but itself. Locked, CLOSE. */
static void sock_destroy(struct sock *sk)
{
	xtcp_timer_clear(sk);
	xtcp_sock_purge_write(sk);
	xtcp_sock_purge_ooo(sk);
	sk_sockets_allocated_dec(sk);
}

/**
 * xtcp_sock_destruct - the last reference is gone
 * @sk: unreachable
 */
void xtcp_sock_destruct(struct sock *sk)
{
	atomic_dec(&xtcp_net(sock_net(sk))->sockets);
	inet_sock_destruct(sk);
}

/* Undoes the accounting of a segment on the write side and frees it. */
void xtcp_sock_wfree_skb(struct sock *sk, struct sk_buff *skb)
{
	sk_wmem_queued_add(sk, -skb->truesize);
	sk_mem_uncharge(sk, skb->truesize);
	/* Where others keep route and destructor, a queued segment has its list link. */
	skb->_skb_refdst = 0;
	skb->destructor = NULL;
	__kfree_skb(skb);
}

static void sock_purge_tree(struct sock *sk, struct rb_root *root, bool write)
{
	struct rb_node *p = rb_first(root);

	while (p) {
		struct sk_buff *skb = rb_to_skb(p);

		p = rb_next(p);
		rb_erase(&skb->rbnode, root);
		if (write)
			xtcp_sock_wfree_skb(sk, skb);
		else
			kfree_skb_reason(skb, SKB_DROP_REASON_SOCKET_CLOSE);
	}
}

/**
 * xtcp_sock_purge_write - drop all that was sent or waits to be
 * @sk: locked
 */
void xtcp_sock_purge_write(struct sock *sk)
{
	struct xtcp_sock *xs = xtcp_sk(sk);
	struct sk_buff *skb;

	while ((skb = __skb_dequeue(&sk->sk_write_queue)))
		xtcp_sock_wfree_skb(sk, skb);
	sock_purge_tree(sk, &xs->snd.rtxq, true);
	INIT_LIST_HEAD(&xs->rec.sent);
	INIT_LIST_HEAD(&xs->rec.lost);
	xs->snd.packets_out = 0;
	xs->snd.sacked_out = 0;
	xs->snd.lost_out = 0;
	xs->snd.retrans_out = 0;
	xs->rec.backoff = 0;
}

/**
 * xtcp_sock_purge_ooo - drop what arrived out of order
 * @sk: locked
 */
void xtcp_sock_purge_ooo(struct sock *sk)
{
	sock_purge_tree(sk, &xtcp_sk(sk)->rcv.ooo, false);
	xtcp_sk(sk)->rcv.sack.num = 0;
}

/* release_sock(): what softirqs left to us. */
static void sock_release_cb(struct sock *sk)
{
	struct xtcp_sock *xs = xtcp_sk(sk);

	if (!READ_ONCE(xs->deferred))
		return;
	if (test_and_clear_bit(XTCP_DEFER_TIMER, &xs->deferred))
		xtcp_timer_run_deferred(sk);
	if (test_and_clear_bit(XTCP_DEFER_MTU, &xs->deferred)) {
		xtcp_icmp_mtu_deferred(sk);
		__sock_put(sk);
	}
}

struct proto xtcp_prot = {
	.name			= "XTCP",
	.owner			= THIS_MODULE,
	.init			= xtcp_sock_init,
	.destroy		= sock_destroy,
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
	.release_cb		= sock_release_cb,
	.get_port		= xtcp_ports_get_port,
	.put_port		= xtcp_ports_put_port,
	.enter_memory_pressure	= sock_enter_memory_pressure,
	.leave_memory_pressure	= sock_leave_memory_pressure,
	.sockets_allocated	= &sock_sockets_allocated,
	.memory_allocated	= &sock_memory_allocated,
	.per_cpu_fw_alloc	= &sock_memory_fw_alloc,
	.memory_pressure	= &sock_memory_pressure,
	.sysctl_mem		= xtcp_sysctl_mem,
	.sysctl_wmem		= sock_sysctl_wmem,
	.sysctl_rmem		= sock_sysctl_rmem,
	.max_header		= XTCP_MAX_HEADER,
	.obj_size		= sizeof(struct xtcp_sock),
	.slab_flags		= SLAB_TYPESAFE_BY_RCU,
	.no_autobind		= true,
};

/**
 * xtcp_sock_register - struct proto and what it counts in
 *
 * Return: 0 or a negative errno
 */
int xtcp_sock_register(void)
{
	unsigned long limit = max(nr_free_buffer_pages() / 16, 128UL);
	int err;

	xtcp_sysctl_mem[0] = limit / 4 * 3;
	xtcp_sysctl_mem[1] = limit;
	xtcp_sysctl_mem[2] = xtcp_sysctl_mem[0] * 2;
	err = percpu_counter_init(&sock_sockets_allocated, 0, GFP_KERNEL);
	if (err)
		return err;
	err = proto_register(&xtcp_prot, 1);
	if (err)
		percpu_counter_destroy(&sock_sockets_allocated);
	return err;
}

/**
 * xtcp_sock_unregister - after the last socket and its RCU callbacks
 */
void xtcp_sock_unregister(void)
{
	proto_unregister(&xtcp_prot);
	percpu_counter_destroy(&sock_sockets_allocated);
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * ICMP errors about segments we sent (RFC 1122 4.2.3.9, RFC 5927), path MTU
 * among them (RFC 1191).
 *
 * We see a message before the kernel's ICMP does, hence verify all of it, and
 * leave it to the kernel in any case. Inside RCU, bottom halves off; a socket
 * is locked by bh_lock_sock(), and what cannot wait while a process owns it is
 * left to that one (XTCP_DEFER_MTU).
 */
#include <linux/errqueue.h>
#include <linux/icmp.h>
#include <linux/tcp.h>
#include <net/icmp.h>
#include <net/ip.h>
#include <net/xfrm.h>

#include "af.h"
#include "compat.h"
#include "engine.h"
#include "mib.h"
#include "ports.h"
#include "state.h"
#include "synq.h"
#include "timer.h"

/* The part of a TCP header that an error must quote (RFC 792). */
#define ICMP_QUOTED_TCP		8U

/**
 * struct icmp_msg - an ICMP message and the segment it quotes
 * @skb: the message, data at its IP header
 * @type: of the message
 * @code: of the message
 * @info: MTU, pointer or gateway
 * @quote: offset of the quoted IP header in @skb
 * @seq: sequence number quoted
 * @ttl: TTL left, as quoted
 * @key: connection the quoted segment belongs to
 */
struct icmp_msg {
	struct sk_buff *skb;
	u8 type;
	u8 code;
	u8 ttl;
	u32 info;
	unsigned int quote;
	u32 seq;
	struct xtcp_key key;
};

static bool icmp_type_wanted(u8 type)
{
	return type == ICMP_DEST_UNREACH || type == ICMP_TIME_EXCEEDED ||
	       type == ICMP_PARAMETERPROB || type == ICMP_REDIRECT;
}

/* The message's header into @e; RFC 9293 MUST-55: source quench is none of the types. */
static bool icmp_parse_message(struct net *net, struct icmp_msg *e)
{
	unsigned int off = skb_network_offset(e->skb) + ip_hdrlen(e->skb);
	const struct icmphdr *ih;
	struct icmphdr buf;
	u8 no_pmtu_disc;

	ih = skb_header_pointer(e->skb, off, sizeof(buf), &buf);
	if (!ih || !icmp_type_wanted(ih->type))
		return false;
	e->type = ih->type;
	e->code = ih->code;
	e->quote = off + sizeof(*ih);
	e->info = 0;
	if (e->type == ICMP_PARAMETERPROB)
		e->info = ntohl(ih->un.gateway) >> 24;
	else if (e->type == ICMP_TIME_EXCEEDED)
		return e->code != ICMP_EXC_FRAGTIME;
	if (e->type != ICMP_DEST_UNREACH)
		return true;
	if (e->code > NR_ICMP_UNREACH)
		return false;
	if (e->code != ICMP_FRAG_NEEDED)
		return true;
	/* ip-sysctl.rst: 1 believes no MTU (the minimum is used), 2 ignores the message. */
	no_pmtu_disc = READ_ONCE(net->ipv4.sysctl_ip_no_pmtu_disc);
	if (no_pmtu_disc == 0 || no_pmtu_disc == 3)
		e->info = ntohs(ih->un.frag.mtu);
	return no_pmtu_disc != 2;
}

/* The quoted segment: ours went from its source to its destination. */
static bool icmp_parse_quote(struct net *net, struct icmp_msg *e)
{
	struct tcphdr tbuf, *th;
	struct iphdr ibuf, *iph;

	iph = skb_header_pointer(e->skb, e->quote, sizeof(ibuf), &ibuf);
	if (!iph || iph->version != 4 || iph->ihl < 5 || iph->protocol != IPPROTO_TCP ||
	    (iph->frag_off & htons(IP_OFFSET)))
		return false;
	th = skb_header_pointer(e->skb, e->quote + iph->ihl * 4, ICMP_QUOTED_TCP, &tbuf);
	if (!th || !xtcp_ports_maybe_ours(xtcp_net(net), ntohs(th->source)))
		return false;
	e->seq = ntohl(th->seq);
	e->ttl = iph->ttl;
	e->key = (struct xtcp_key) {
		.net = net,
		.laddr = iph->saddr,
		.raddr = iph->daddr,
		.lport = ntohs(th->source),
		.rport = th->dest,
		.family = AF_INET,
		.dif = inet_iif(e->skb),
		.sdif = inet_sdif(e->skb),
	};
	return true;
}

static bool icmp_csum_ok(struct sk_buff *skb)
{
	unsigned int off = skb_network_offset(skb) + ip_hdrlen(skb);

	return skb->ip_summed == CHECKSUM_PARTIAL ||
	       !csum_fold(skb_checksum(skb, off, skb->len - off, 0));
}

/* A clone whose data begins at the quoted IP header, as error handlers expect it, or NULL. */
static struct sk_buff *icmp_clone_quote(const struct icmp_msg *e)
{
	struct sk_buff *skb = skb_clone(e->skb, GFP_ATOMIC);

	if (!skb)
		return NULL;
	if (!pskb_may_pull(skb, e->quote + sizeof(struct iphdr)) ||
	    !pskb_may_pull(skb, e->quote + ((struct iphdr *)(skb->data + e->quote))->ihl * 4 +
			   ICMP_QUOTED_TCP)) {
		kfree_skb(skb);
		return NULL;
	}
	__skb_pull(skb, e->quote);
	return skb;
}

/* The message itself for recvmsg(MSG_ERRQUEUE). */
static void icmp_queue_error(struct sock *sk, const struct icmp_msg *e, int err)
{
	struct sk_buff *skb = icmp_clone_quote(e);
	struct sock_exterr_skb *serr;
	const struct iphdr *iph;

	if (!skb)
		return;
	iph = (const struct iphdr *)skb->data;
	serr = SKB_EXT_ERR(skb);
	memset(serr, 0, sizeof(*serr));
	serr->ee.ee_errno = err;
	serr->ee.ee_origin = SO_EE_ORIGIN_ICMP;
	serr->ee.ee_type = e->type;
	serr->ee.ee_code = e->code;
	serr->ee.ee_info = e->info;
	serr->addr_offset = (u8 *)&iph->daddr - skb_network_header(skb);
	serr->port = e->key.rport;
	__skb_pull(skb, iph->ihl * 4);
	skb_reset_transport_header(skb);
	if (sock_queue_err_skb(sk, skb))
		kfree_skb(skb);
}

static void icmp_redirect(struct sock *sk, const struct icmp_msg *e)
{
	struct dst_entry *dst = __sk_dst_check(sk, 0);
	struct sk_buff *skb;

	if (!dst)
		return;
	skb = icmp_clone_quote(e);
	if (!skb)
		return;
	dst->ops->redirect(dst, sk, skb);
	consume_skb(skb);
}

static void icmp_frag_needed(struct sock *sk, const struct icmp_msg *e)
{
	struct xtcp_sock *xs = xtcp_sk(sk);

	WRITE_ONCE(xs->mtu_info, e->info);
	if (!sock_owned_by_user(sk))
		xtcp_sk_af(sk)->mtu_reduced(sk, e->info);
	else if (!test_and_set_bit(XTCP_DEFER_MTU, &sk->sk_tsq_flags))
		sock_hold(sk);
}

/* The errno of an error, or 0 for what is no error to us. */
static int icmp_errno(const struct icmp_msg *e)
{
	switch (e->type) {
	case ICMP_PARAMETERPROB:
		return EPROTO;
	case ICMP_TIME_EXCEEDED:
		return EHOSTUNREACH;
	case ICMP_DEST_UNREACH:
		return icmp_err_convert[e->code].errno;
	}
	return 0;
}

/*
 * Before a connection stands any error ends the attempt. Afterwards none does, be it
 * "hard" or not: who is on the path can forge them all (RFC 5927 5.2; SHLD-26 declined).
 */
static void icmp_report(struct sock *sk, const struct icmp_msg *e, int err)
{
	struct net *net = sock_net(sk);
	bool owned = sock_owned_by_user(sk);

	if ((1 << sk->sk_state) & (TCPF_SYN_SENT | TCPF_SYN_RECV)) {
		icmp_queue_error(sk, e, err);
		if (!owned) {
			XTCP_INC(net, ICMPHARD);
			xtcp_state_abort(sk, err);
			return;
		}
	} else if (!owned && xtcp_compat_recverr(sk)) {
		WRITE_ONCE(sk->sk_err, err);
		sk_error_report(sk);
		return;
	}
	XTCP_INC(net, ICMPSOFT);
	WRITE_ONCE(sk->sk_err_soft, err);
}

/*
 * RFC 6069: a router that answers our retransmission says that it got that far, so
 * the network is broken, not congested. One step of the back-off was in error.
 */
static void icmp_revert_backoff(struct sock *sk, const struct icmp_msg *e)
{
	struct xtcp_sock *xs = xtcp_sk(sk);
	struct sk_buff *head = xtcp_rtxq_head(sk);
	u32 elapsed, rto;

	if (!head || e->seq != xs->snd.una || !xs->rec.retransmits || !xs->rec.backoff)
		return;
	xs->rec.backoff--;
	elapsed = usecs_to_jiffies((u32)xtcp_now_us() - XTCP_CB(head)->sent_us);
	rto = xtcp_ack_rto(sk);
	xtcp_timer_arm(sk, XTCP_T_RTO, elapsed < rto ? rto - elapsed : 1);
}

static bool icmp_says_unreachable(const struct icmp_msg *e)
{
	return e->type == ICMP_DEST_UNREACH &&
	       (e->code == ICMP_NET_UNREACH || e->code == ICMP_HOST_UNREACH);
}

static bool icmp_is_frag_needed(const struct icmp_msg *e)
{
	return e->type == ICMP_DEST_UNREACH && e->code == ICMP_FRAG_NEEDED;
}

/* Locked by bh_lock_sock(). */
static void icmp_sock_locked(struct sock *sk, const struct icmp_msg *e)
{
	struct xtcp_sock *xs = xtcp_sk(sk);
	struct net *net = sock_net(sk);
	int err;

	if (sk->sk_state == TCP_CLOSE)
		return;
	if (e->ttl < READ_ONCE(inet_sk(sk)->min_ttl)) {
		XTCP_INC(net, MINTTLDROP);
		return;
	}
	/* RFC 5927 4.1: only who sees our segments can quote what is in flight. */
	if (!xtcp_seq_between(e->seq, xs->snd.una, xs->snd.nxt)) {
		XTCP_INC(net, OUTOFWINDOWICMPS);
		return;
	}
	if (icmp_is_frag_needed(e)) {
		icmp_frag_needed(sk, e);
		return;
	}
	if (e->type == ICMP_REDIRECT) {
		if (!sock_owned_by_user(sk))
			icmp_redirect(sk, e);
		return;
	}
	if (icmp_says_unreachable(e) && !sock_owned_by_user(sk))
		icmp_revert_backoff(sk, e);
	err = icmp_errno(e);
	if (err)
		icmp_report(sk, e, err);
}

static void icmp_sock(struct sock *sk, const struct icmp_msg *e)
{
	bh_lock_sock(sk);
	if (sock_owned_by_user(sk) && !icmp_is_frag_needed(e))
		XTCP_INC(sock_net(sk), LOCKDROPPEDICMPS);
	icmp_sock_locked(sk, e);
	bh_unlock_sock(sk);
	sock_put(sk);
}

/* Only what says that the peer cannot be reached ends a half-open connection. */
static bool icmp_ends_request(const struct icmp_msg *e)
{
	return e->type == ICMP_PARAMETERPROB || e->type == ICMP_TIME_EXCEEDED ||
	       icmp_says_unreachable(e);
}

static void icmp_req(struct xtcp_mini *mini, const struct icmp_msg *e)
{
	struct xtcp_req *req = xtcp_req(mini);

	if (e->seq != req->isn) {
		XTCP_INC(e->key.net, OUTOFWINDOWICMPS);
	} else if (icmp_ends_request(e)) {
		XTCP_INC(e->key.net, LISTENDROPS);
		xtcp_synq_drop(req);
	}
	xtcp_mini_put(mini);
}

/**
 * xtcp_icmp_rcv - looks at an ICMP message on its way to the kernel's ICMP
 * @net: namespace
 * @skb: the message, data at its IP header; stays the caller's
 *
 * Inside RCU, bottom halves off.
 */
void xtcp_icmp_rcv(struct net *net, struct sk_buff *skb)
{
	struct icmp_msg e = { .skb = skb };
	struct xtcp_found f;

	if (!icmp_parse_message(net, &e) || !icmp_parse_quote(net, &e))
		return;
	if (!icmp_csum_ok(skb) || !xfrm4_policy_check(NULL, XFRM_POLICY_IN, skb))
		return;
	xtcp_demux_lookup(&e.key, &f);
	switch (f.kind) {
	case XTCP_KIND_SOCK:
		icmp_sock(f.sk, &e);
		break;
	case XTCP_KIND_REQ:
		icmp_req(f.mini, &e);
		break;
	default:
		xtcp_demux_put(&f);
		break;
	}
}

/**
 * xtcp_icmp_mtu_deferred - the path MTU that came while the socket was owned
 * @sk: locked by release_sock()
 */
void xtcp_icmp_mtu_deferred(struct sock *sk)
{
	struct xtcp_sock *xs = xtcp_sk(sk);

	xtcp_sk_af(sk)->mtu_reduced(sk, READ_ONCE(xs->mtu_info));
}

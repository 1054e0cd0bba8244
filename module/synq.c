// SPDX-License-Identifier: GPL-2.0-only
/*
 * synq.c owns half-open requests (synq.h): memory, table, counts, and the timer that
 * repeats their SYN-ACK. What segments do to them is passive.c's. No lock of its own,
 * and never the listener's: what is read of a listener is read once.
 */
#include <linux/inetdevice.h>
#include <linux/random.h>
#include <linux/siphash.h>
#include <linux/slab.h>
#include <net/inet_sock.h>

#include "compat.h"
#include "demux.h"
#include "expq.h"
#include "synq.h"

#define SYNQ_WAIT_CLASS		2	/* 4 s */
#define SYNQ_PREFIX		24	/* bits of an address that neighbours have in common */
#define SYNQ_FREE_FOR_ALL	8	/* a prefix may have so many in any case */

static struct kmem_cache *synq_slab __ro_after_init;
static const struct xtcp_synq_ops *synq_reply __ro_after_init;
static hsiphash_key_t synq_key __ro_after_init;

static struct xtcp_net *synq_xn(const struct xtcp_req *req)
{
	return xtcp_net(xtcp_req_net(req));
}

/* Once, when a page comes to the slab: the memory is type-stable. */
static void synq_ctor(void *obj)
{
	struct xtcp_req *req = obj;

	memset(req, 0, sizeof(*req));
}

static void synq_free(struct xtcp_mini *mini)
{
	struct xtcp_req *req = xtcp_req(mini);

	sock_put(req->listener);
	kmem_cache_free(synq_slab, req);
}

static const struct xtcp_mini_ops synq_ops = {
	.free = synq_free,
};

/* All but node.next: a reader may still stand on the memory. */
static void synq_init_mini(struct xtcp_mini *mini, const struct xtcp_key *key, int bound_dev_if)
{
	mini->node.pprev = NULL;
	mini->netid = xtcp_net(key->net)->id;
	mini->lport = key->lport;
	mini->rport = key->rport;
	mini->laddr = key->laddr;
	mini->raddr = key->raddr;
	mini->bound_dev_if = bound_dev_if;
	INIT_LIST_HEAD(&mini->exp.link);
	refcount_set(&mini->ref, 0);
}

/* Keyed, so that nobody can aim at the cell of another's prefix. */
static u8 synq_cell(__be32 raddr)
{
	return hsiphash_1u32((__force u32)(raddr & inet_make_mask(SYNQ_PREFIX)), &synq_key) %
	       XTCP_ACCEPTQ_CELLS;
}

/**
 * xtcp_synq_share_full - have the neighbours of a source taken their share of the SYN queue?
 * @listener: not locked, its queue not full
 * @key: the SYN's 4-tuple
 *
 * A prefix may have as many requests as there are places left (times syn_prefix_share
 * percent): alone half of the queue, n of them 1/(n + 1) each, and some is always left for
 * those who come next.
 */
bool xtcp_synq_share_full(const struct sock *listener, const struct xtcp_key *key)
{
	const struct xtcp_acceptq *q = xtcp_sk(listener)->acceptq;
	u32 percent = xtcp_knob(key->net, syn_prefix_share);
	u32 len = atomic_read(&q->syn_len), left, held;

	if (!percent || len < SYNQ_FREE_FOR_ALL)
		return false;
	left = max_t(int, READ_ONCE(listener->sk_max_ack_backlog) + 1 - len, 0);
	held = atomic_read(&q->cell[synq_cell(key->raddr)]);
	return held >= SYNQ_FREE_FOR_ALL && held >= div_u64((u64)left * percent, 100);
}

static void synq_age(struct xtcp_req *req)
{
	if (xchg(&req->young, 0))
		atomic_dec(&xtcp_sk(req->listener)->acceptq->young);
}

/* For the one who took it out of the table: the listener's counts, the table's reference. */
static void synq_unhashed(struct xtcp_req *req)
{
	struct xtcp_acceptq *q = xtcp_sk(req->listener)->acceptq;

	synq_age(req);
	atomic_dec(&q->syn_len);
	atomic_dec(&q->cell[req->cell]);
	xtcp_mini_put(&req->mini);
}

/* The listener counts a whole request, and whoever finds it from now on may hold it. */
static void synq_count(struct xtcp_req *req)
{
	struct xtcp_acceptq *q = xtcp_sk(req->listener)->acceptq;

	atomic_inc(&q->syn_len);
	if (req->young)
		atomic_inc(&q->young);
	atomic_inc(&q->cell[req->cell]);
	/*
	 * Whole before a stale reader of this memory can take a reference; and counted before
	 * synq_enqueue() looks whether the listener closed, see xtcp_synq_drop_listener().
	 */
	smp_mb__after_atomic();
	refcount_set(&req->mini.ref, 3);	/* table, queue, us */
}

/* Not in the table after all. A stale reader may hold it too: all three go as they came. */
static void synq_unpublish(struct xtcp_req *req)
{
	xtcp_mini_put(&req->mini);
	synq_unhashed(req);
	xtcp_mini_put(&req->mini);
}

static void synq_unqueue(struct xtcp_req *req)
{
	if (xtcp_expq_del(&synq_xn(req)->synq, &req->mini.exp))
		xtcp_mini_put(&req->mini);
}

/**
 * xtcp_synq_kill - a request dies, the caller counts why
 * @req: referenced
 *
 * Return: true if it is us who ended it
 */
bool xtcp_synq_kill(struct xtcp_req *req)
{
	bool mine = xtcp_demux_remove_mini(xtcp_req_net(req), &req->mini);

	if (mine)
		synq_unhashed(req);
	synq_unqueue(req);
	return mine;
}

/**
 * xtcp_synq_drop - a request dies
 * @req: referenced
 */
void xtcp_synq_drop(struct xtcp_req *req)
{
	if (xtcp_synq_kill(req))
		XTCP_INC(xtcp_req_net(req), REQSDROPPED);
}

/**
 * xtcp_synq_became_child - the child takes the request's place
 * @req: referenced
 * @child: whole, locked
 *
 * Return: false when the request was gone already
 */
bool xtcp_synq_became_child(struct xtcp_req *req, struct sock *child)
{
	if (!xtcp_demux_replace_req(&req->mini, child))
		return false;
	synq_unhashed(req);
	synq_unqueue(req);
	return true;
}

/* Names of the 4-tuple as one word less than siphash_3u32() takes. */
static u32 synq_ports(const struct xtcp_key *key)
{
	return (u32)key->lport << 16 | (__force u16)key->rport;
}

/**
 * xtcp_synq_isn - initial sequence number (RFC 6528, RFC 9293 MUST-8, 9, SHLD-1)
 * @key: the 4-tuple
 *
 * A secret place per 4-tuple, moving by one each 64 ns as native TCP's.
 */
u32 xtcp_synq_isn(const struct xtcp_key *key)
{
	u64 h = siphash_3u32((__force u32)key->laddr, (__force u32)key->raddr, synq_ports(key),
			     &xtcp_net(key->net)->isn_key);

	return (u32)h + (u32)(ktime_get_real_ns() >> 6);
}

/**
 * xtcp_synq_ts_secret - the timestamp offset of a 4-tuple (RFC 7323 7.1)
 * @key: the 4-tuple
 *
 * Secret, so that neither uptime nor the hosts behind one address show.
 */
u32 xtcp_synq_ts_secret(const struct xtcp_key *key)
{
	return (u32)siphash_3u32((__force u32)key->laddr, (__force u32)key->raddr,
				 synq_ports(key), &xtcp_net(key->net)->ts_key);
}

/**
 * xtcp_synq_ts_offset - what to add to the clock in TSval
 * @key: the 4-tuple
 *
 * Return: its secret offset, or 0 where the knob says so
 */
u32 xtcp_synq_ts_offset(const struct xtcp_key *key)
{
	return xtcp_knob(key->net, timestamps) == 1 ? xtcp_synq_ts_secret(key) : 0;
}

/**
 * xtcp_synq_req_ts_offset - what to add to the clock in a request's TSval
 * @req: the request
 */
u32 xtcp_synq_req_ts_offset(const struct xtcp_req *req)
{
	struct xtcp_key key;

	if (!req->ts_offset)
		return 0;
	xtcp_req_key(&key, req);
	return xtcp_synq_ts_secret(&key);
}

/* 1, 2, 4 ... s; one class of the expiry queue each. */
static u8 synq_class(const struct xtcp_req *req)
{
	return min_t(u8, READ_ONCE(req->num_timeout), XTCP_EXPQ_CLASSES - 1);
}

static unsigned long synq_lifetime(const struct xtcp_req *req)
{
	return min_t(unsigned long, HZ << synq_class(req), XTCP_RTO_MAX);
}

/*
 * What an heir needs to go on; not the place in the table, where readers may stand on the
 * memory, nor references.
 */
static struct xtcp_req *synq_copy(const struct xtcp_req *old, const struct xtcp_key *key,
				  struct sock *to)
{
	const size_t from = offsetof(struct xtcp_req, irs);
	struct xtcp_req *req = xtcp_synq_alloc(to);

	if (!req)
		return NULL;
	synq_init_mini(&req->mini, key, old->mini.bound_dev_if);
	xtcp_expent_init(&req->mini.exp, old->mini.exp.shard);
	req->listener = to;
	memcpy((void *)req + from, (const void *)old + from, sizeof(*req) - from);
	return req;
}

/*
 * The queue's reference goes with it. Between table and queue, or while the timer had
 * it out, the request may have been killed or its listener closed by somebody who did
 * not find it here: look again, so that nothing dead stays queued.
 */
static void synq_enqueue(struct xtcp_req *req)
{
	xtcp_expq_add(&synq_xn(req)->synq, &req->mini.exp, synq_class(req), synq_lifetime(req));
	if (!xtcp_synq_listening(req))
		xtcp_synq_drop(req);
	else if (!xtcp_mini_hashed(&req->mini))
		synq_unqueue(req);
}

/* The request goes on with another listener, as a copy. RCU. */
static bool synq_move(struct xtcp_req *old)
{
	struct xtcp_req *req = NULL;
	struct xtcp_key key;
	struct sock *to;

	xtcp_req_key(&key, old);
	to = xtcp_listeners_heir(old->listener, &key);
	if (to)
		req = synq_copy(old, &key, to);
	if (!req)
		return false;
	synq_count(req);
	if (!xtcp_demux_replace_mini(key.net, &old->mini, &req->mini)) {
		synq_unpublish(req);
		return false;
	}
	synq_unhashed(old);
	synq_unqueue(old);
	synq_enqueue(req);
	xtcp_mini_put(&req->mini);
	XTCP_INC(key.net, MIGRATEREQSUCCESS);
	return true;
}

/**
 * xtcp_synq_orphaned - its listener closed: a request goes to another of the group, or dies
 * @req: referenced; either way it is gone
 *
 * Context: RCU read side.
 */
void xtcp_synq_orphaned(struct xtcp_req *req)
{
	if (!xtcp_mini_hashed(&req->mini) || !synq_move(req))
		xtcp_synq_drop(req);
}

static bool synq_resend(struct xtcp_req *req)
{
	struct net *net = xtcp_req_net(req);

	if (synq_reply->synack(req->listener, req))
		return false;
	if (req->num_retrans < U8_MAX)
		WRITE_ONCE(req->num_retrans, req->num_retrans + 1);
	XTCP_INC(net, RETRANSSEGS);
	XTCP_INC(net, SYNRETRANS);
	return true;
}

/*
 * Half of the queue is for the young, which a live peer makes children within a
 * second: the fuller it is of old requests, the earlier they give up.
 */
static int synq_max_retries(const struct sock *listener)
{
	const struct xtcp_sock *xs = xtcp_sk(listener);
	int retries = READ_ONCE(xs->rec.syn_retries);
	int len = atomic_read(&xs->acceptq->syn_len);
	int young = atomic_read(&xs->acceptq->young) * 2;

	if (!retries)
		retries = xtcp_knob(sock_net(listener), synack_retries);
	if (len * 2 <= max_t(int, 8, READ_ONCE(listener->sk_max_ack_backlog)))
		return retries;
	for (; retries > 2 && len >= young; young *= 2)
		retries--;
	return retries;
}

/*
 * Its ACK came, so the peer believes itself connected, but the accept queue was full and
 * still is: the request has all the time that accept() takes.
 */
static bool synq_waits_for_room(const struct xtcp_req *req)
{
	return READ_ONCE(req->acked) && !READ_ONCE(xtcp_sk(req->listener)->defer_accept) &&
	       sk_acceptq_is_full(req->listener);
}

/* Timer: is the request at its end? If not, *@resend: repeat the SYN-ACK. */
static bool synq_gives_up(const struct xtcp_req *req, bool *resend)
{
	u32 defer = READ_ONCE(xtcp_sk(req->listener)->defer_accept);
	bool tired = req->num_timeout >= synq_max_retries(req->listener);
	bool acked = READ_ONCE(req->acked);

	/* With TCP_DEFER_ACCEPT silence is right once acknowledged, but for a last reminder. */
	*resend = !defer || !acked || req->num_timeout + 1U >= defer;
	if (synq_waits_for_room(req))
		return false;
	return tired && (!defer || !acked || req->num_timeout >= defer);
}

/* One more expiry. While it waits for room it asks again every few seconds. */
static void synq_count_timeout(struct xtcp_req *req)
{
	u8 most = synq_waits_for_room(req) ? SYNQ_WAIT_CLASS : U8_MAX;

	if (req->num_timeout < most)
		WRITE_ONCE(req->num_timeout, req->num_timeout + 1);
}

/* The queue's reference is ours. Softirq. */
static void synq_expire(struct xtcp_expent *e)
{
	struct xtcp_req *req = container_of(e, struct xtcp_req, mini.exp);
	struct net *net = xtcp_req_net(req);
	bool resend = false;

	rcu_read_lock();
	if (!xtcp_synq_listening(req)) {
		xtcp_synq_orphaned(req);
		goto out;
	}
	if (!xtcp_mini_hashed(&req->mini))
		goto kill;
	XTCP_INC(net, TIMEOUTS);
	if (synq_gives_up(req, &resend)) {
		XTCP_INC(net, SYNQEXPIRED);
		goto kill;
	}
	if (resend && !synq_resend(req) && !READ_ONCE(req->acked))
		goto kill;
	synq_age(req);
	synq_count_timeout(req);
	xtcp_mini_hold_not_zero(&req->mini);
	synq_enqueue(req);
	goto out;
kill:
	xtcp_synq_drop(req);
out:
	rcu_read_unlock();
	xtcp_mini_put(&req->mini);
}

/**
 * xtcp_synq_fill - all that a request has from its listener and its 4-tuple
 * @req: a new request, or a cookie's on the stack
 * @listener: not locked
 * @skb: the segment
 * @key: its 4-tuple
 *
 * No reference is taken or set; @req->txhash is the caller's to set.
 */
void xtcp_synq_fill(struct xtcp_req *req, struct sock *listener, const struct sk_buff *skb,
		    const struct xtcp_key *key)
{
	synq_init_mini(&req->mini, key, inet_request_bound_dev_if(listener, (struct sk_buff *)skb));
	req->listener = listener;
	req->ts_recent = 0;
	req->ts_offset = xtcp_knob(key->net, timestamps) == 1;
	req->sent_us = 0;
	req->mark = inet_request_mark(listener, (struct sk_buff *)skb);
	req->oow_stamp = 0;
	req->num_timeout = 0;
	req->num_retrans = 0;
	req->snd_wscale = 0;
	req->tos = xtcp_synq_tos(listener, skb);
	req->young = 0;
	req->acked = 0;
	req->ts_ok = 0;
	req->sack_ok = 0;
	req->wscale_ok = 0;
	req->ecn_ok = 0;
	req->cookie = 0;
}

/**
 * xtcp_synq_publish - a request enters table and queue
 * @req: from xtcp_synq_alloc(), whole
 *
 * Return: true: the caller has a reference; false: another CPU was faster with the same
 *	SYN, whose SYN-ACK will do, and @req is gone
 */
bool xtcp_synq_publish(struct xtcp_req *req)
{
	req->young = 1;
	req->cell = synq_cell(req->mini.raddr);
	xtcp_expent_init(&req->mini.exp, req->txhash);
	req->sent_us = (u32)xtcp_now_us() ? : 1;
	synq_count(req);
	if (xtcp_demux_insert_mini(xtcp_req_net(req), &req->mini)) {
		synq_unpublish(req);
		return false;
	}
	synq_enqueue(req);
	return true;
}

/**
 * xtcp_synq_alloc - memory for a request
 * @listener: alive by RCU; a reference is taken
 *
 * Return: the request, for xtcp_synq_fill(), or NULL
 */
struct xtcp_req *xtcp_synq_alloc(struct sock *listener)
{
	struct xtcp_req *req = kmem_cache_alloc(synq_slab, GFP_ATOMIC | __GFP_NOWARN);

	if (req && !refcount_inc_not_zero(&listener->sk_refcnt)) {
		kmem_cache_free(synq_slab, req);
		return NULL;
	}
	return req;
}

/**
 * xtcp_synq_discard - the end of a request that nobody has seen
 * @req: filled, not published
 */
void xtcp_synq_discard(struct xtcp_req *req)
{
	synq_free(&req->mini);
}

/**
 * xtcp_synq_repeat - the peer did not get our SYN-ACK: again, and the timer starts over
 * @req: referenced
 */
void xtcp_synq_repeat(struct xtcp_req *req)
{
	if (synq_resend(req))
		xtcp_expq_rearm(&synq_xn(req)->synq, &req->mini.exp, synq_class(req),
				synq_lifetime(req));
}

static bool synq_match_listener(struct xtcp_expent *e, void *listener)
{
	return container_of(e, struct xtcp_req, mini.exp)->listener == listener;
}

/* The queue's reference is ours. */
static void synq_drop_ent(struct xtcp_expent *e)
{
	struct xtcp_req *req = container_of(e, struct xtcp_req, mini.exp);

	xtcp_synq_drop(req);
	xtcp_mini_put(&req->mini);
}

/* The same. */
static void synq_orphan_ent(struct xtcp_expent *e)
{
	struct xtcp_req *req = container_of(e, struct xtcp_req, mini.exp);

	rcu_read_lock();
	xtcp_synq_orphaned(req);
	rcu_read_unlock();
	xtcp_mini_put(&req->mini);
}

/**
 * xtcp_synq_drop_listener - all requests of a listener that closed
 * @listener: no more in LISTEN
 *
 * Who has none does not look through the namespace's: whoever counts one from now on sees
 * the state, and drops it himself.
 */
void xtcp_synq_drop_listener(struct sock *listener)
{
	smp_mb();	/* state before count; synq_count() has it the other way round */
	if (!atomic_read(&xtcp_sk(listener)->acceptq->syn_len))
		return;
	xtcp_expq_drop_matching(&xtcp_net(sock_net(listener))->synq, synq_match_listener,
				listener, synq_orphan_ent);
}

int xtcp_synq_net_init(struct xtcp_net *xn)
{
	return xtcp_expq_init(&xn->synq, synq_expire);
}

void xtcp_synq_net_exit(struct xtcp_net *xn)
{
	xtcp_expq_destroy(&xn->synq, synq_drop_ent);
}

/**
 * xtcp_synq_init - the slab of requests
 * @ops: how to send what the timer wants sent
 *
 * Return: 0 or -ENOMEM
 */
int xtcp_synq_init(const struct xtcp_synq_ops *ops)
{
	synq_reply = ops;
	get_random_bytes(&synq_key, sizeof(synq_key));
	synq_slab = kmem_cache_create("xtcp_req", sizeof(struct xtcp_req), 0,
				      SLAB_TYPESAFE_BY_RCU, synq_ctor);
	if (!synq_slab)
		return -ENOMEM;
	xtcp_demux_register(&synq_ops);
	return 0;
}

void xtcp_synq_exit(void)
{
	kmem_cache_destroy(synq_slab);
}

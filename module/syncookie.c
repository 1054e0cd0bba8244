// SPDX-License-Identifier: GPL-2.0-only
/*
 * syncookie.c owns the secrets of SYN cookies (RFC 4987 3.6) and decides when one
 * may be believed. The coding is core/cookie.c's.
 *
 * No lock: each period has secrets of its own, made by a work item while the period
 * before lasts. Of the SYNCOOKIE_SLOTS two are in use then and nobody looks at the others.
 */
#include <linux/hash.h>
#include <linux/random.h>
#include <linux/siphash.h>
#include <linux/workqueue.h>
#include <xtcp/cookie.h>

#include "compat.h"
#include "engine.h"
#include "synq.h"

#define SYNCOOKIE_PERIOD	(60 * HZ)
#define SYNCOOKIE_MAX_AGE	2U	/* periods */
/* Its timestamp is as old, and was set back to make room for the options. */
#define SYNCOOKIE_MAX_TS_AGE	(SYNCOOKIE_MAX_AGE * (SYNCOOKIE_PERIOD / HZ) * MSEC_PER_SEC + 64)
#define SYNCOOKIE_SLOTS		4U

static siphash_key_t syncookie_secrets[SYNCOOKIE_SLOTS];

static void syncookie_rotate(struct work_struct *work);
static DECLARE_DELAYED_WORK(syncookie_work, syncookie_rotate);

static u32 syncookie_now(void)
{
	return (u32)div_u64(get_jiffies_64(), SYNCOOKIE_PERIOD);
}

/* Runs in the middle of each period. */
static void syncookie_rotate(struct work_struct *work)
{
	u64 now = get_jiffies_64();
	u32 next = syncookie_now() + 1;
	u32 past;

	get_random_bytes(&syncookie_secrets[next % SYNCOOKIE_SLOTS], sizeof(*syncookie_secrets));
	div_u64_rem(now, SYNCOOKIE_PERIOD, &past);
	schedule_delayed_work(&syncookie_work, SYNCOOKIE_PERIOD + SYNCOOKIE_PERIOD / 2 - past);
}

/**
 * struct syncookie_proof - what only we can tell of a cookie
 * @hash: of the 4-tuple and the period; the low half is h1
 * @client_isn: goes into h2
 */
struct syncookie_proof {
	u64 hash;
	u32 client_isn;
};

/*
 * The namespace counts: one that made itself our addresses must not learn our cookies.
 */
static u64 syncookie_hash(const struct xtcp_key *key, u32 count)
{
	return siphash_3u64((__force u64)key->laddr << 32 | (__force u32)key->raddr,
			    (u64)key->lport << 48 | (u64)(__force u16)key->rport << 32 | count,
			    key->net->net_cookie, &syncookie_secrets[count % SYNCOOKIE_SLOTS]);
}

static u32 syncookie_h1(const struct syncookie_proof *proof)
{
	return (u32)proof->hash;
}

/*
 * Of the one period that is asked for: the other half, with the ISN that it is to prove. Who
 * does not know that half, which only one host at most has seen anything of, can guess no
 * better than by chance, so this needs to spread it and no more.
 */
static u32 syncookie_h2(const void *arg, u32 count)
{
	const struct syncookie_proof *proof = arg;
	u64 half = (proof->hash >> 32) ^ proof->client_isn;

	return (u32)(half * GOLDEN_RATIO_64 >> 32);
}

/* The index of the MSS if @cookie is one of this period or the one before, else -1. */
static int syncookie_find(const struct xtcp_key *key, u32 cookie, u32 client_isn)
{
	struct syncookie_proof proof = { .client_isn = client_isn };
	u32 count = syncookie_now(), age;
	int mssind = -1;

	for (age = 0; age < SYNCOOKIE_MAX_AGE && mssind < 0; age++) {
		proof.hash = syncookie_hash(key, count - age);
		mssind = xtcp_cookie_check(cookie, syncookie_h1(&proof), syncookie_h2, &proof,
					   client_isn, count - age, 1);
	}
	return mssind;
}

/**
 * xtcp_syncookie_make - the ISN that codes a SYN
 * @key: its 4-tuple
 * @seg: the SYN
 * @mss: the peer's MSS; rounded down to what a cookie can remember
 */
u32 xtcp_syncookie_make(const struct xtcp_key *key, const struct xtcp_seg *seg, u16 *mss)
{
	u32 count = syncookie_now();
	u8 mssind = xtcp_cookie_mss_index(*mss);
	const struct syncookie_proof proof = {
		.hash = syncookie_hash(key, count),
		.client_isn = seg->seq,
	};

	*mss = xtcp_cookie_mss(mssind);
	XTCP_INC(key->net, SYNCOOKIESSENT);
	return xtcp_cookie_make(syncookie_h1(&proof), syncookie_h2(&proof, count), seg->seq,
				count, mssind);
}

/**
 * xtcp_syncookie_ts - the timestamp that codes a request's options
 * @req: what was negotiated
 * @tsval: xtcp_now_ts(), ts_offset not yet added
 *
 * Return: a timestamp not after @tsval; ts_offset not yet added
 */
u32 xtcp_syncookie_ts(const struct xtcp_req *req, u32 tsval)
{
	return xtcp_cookie_ts_encode(tsval, req->wscale_ok ? req->snd_wscale : -1, req->sack_ok,
				     req->ecn_ok);
}

/**
 * xtcp_syncookie_note_overflow - cookies of this port may come back from now on
 * @listener: not locked
 */
void xtcp_syncookie_note_overflow(struct sock *listener)
{
	u32 *stamp = xtcp_listeners_cookie_stamp(listener);
	u32 now = (u32)jiffies ? : 1;

	/* Under a flood one write a second to a line that every CPU reads. */
	if (!READ_ONCE(*stamp) || now - READ_ONCE(*stamp) > HZ)
		WRITE_ONCE(*stamp, now);
}

/* Where no cookie was sent none is believed: else any port could be probed for one. */
static bool syncookie_overflowed(const struct sock *listener)
{
	u32 stamp = READ_ONCE(*xtcp_listeners_cookie_stamp(listener));

	/* Another CPU may have stamped after we read the clock. */
	return stamp && (u32)jiffies - stamp + HZ <= SYNCOOKIE_MAX_AGE * SYNCOOKIE_PERIOD + HZ;
}

static bool syncookie_ts_is_ours(const struct xtcp_req *req, u32 tsecr)
{
	u32 tsval = xtcp_now_ts() + xtcp_synq_req_ts_offset(req);

	return tsval - tsecr <= SYNCOOKIE_MAX_TS_AGE;
}

/*
 * The offset that our SYN-ACK's timestamp had; the knob may have turned since. With
 * another one the options would be misread, and the peer's PAWS drop all that we send.
 */
static bool syncookie_find_ts_offset(struct xtcp_req *req, u32 tsecr)
{
	if (syncookie_ts_is_ours(req, tsecr))
		return true;
	req->ts_offset = !req->ts_offset;
	return syncookie_ts_is_ours(req, tsecr);
}

/*
 * The options of the SYN as our timestamp remembers them, echoed. False when it
 * is none of ours, or claims what we would not have granted.
 */
static bool syncookie_take_options(struct xtcp_req *req, const struct xtcp_key *key,
				   const struct xtcp_opts *opts)
{
	const struct net *net = key->net;
	struct xtcp_cookie_opts o;

	if (!(opts->has & XTCP_OPT_TS))
		return true;
	if (!xtcp_knob(net, timestamps) || !syncookie_find_ts_offset(req, opts->tsecr))
		return false;
	req->ts_ok = 1;
	req->ts_recent = opts->tsval;
	xtcp_cookie_ts_decode(opts->tsecr - xtcp_synq_req_ts_offset(req), &o);
	req->sack_ok = o.sack_ok;
	req->ecn_ok = o.ecn_ok;
	req->wscale_ok = o.wscale_ok;
	req->snd_wscale = o.wscale;
	return (!o.sack_ok || xtcp_knob(net, sack)) &&
	       (!o.wscale_ok || (xtcp_knob(net, window_scaling) &&
				 o.wscale <= XTCP_OPT_WSCALE_MAX));
}

/**
 * xtcp_syncookie_check - does an ACK that has no request carry a cookie of ours?
 * @listener: for its port
 * @skb: the segment
 * @key: its 4-tuple
 * @seg: its header
 * @opts: its options
 * @req: on the caller's stack; the request that the cookie stands for
 *
 * Context: RCU, bottom halves off.
 * Return: true if @req is whole and a child may be made of it
 */
bool xtcp_syncookie_check(struct sock *listener, struct sk_buff *skb, const struct xtcp_key *key,
			  const struct xtcp_seg *seg, const struct xtcp_opts *opts,
			  struct xtcp_req *req)
{
	const u8 flags = XTCP_ACK | XTCP_RST | XTCP_SYN;
	struct net *net = key->net;
	int mssind;

	if (!xtcp_knob(net, syncookies) || (seg->flags & flags) != XTCP_ACK ||
	    !syncookie_overflowed(listener))
		return false;
	mssind = syncookie_find(key, seg->ack - 1, seg->seq - 1);
	if (mssind < 0) {
		XTCP_INC(net, SYNCOOKIESFAILED);
		XTCP_LISTEN_INC(listener, COOKIES_INVALID);
		return false;
	}
	XTCP_INC(net, SYNCOOKIESRECV);
	XTCP_LISTEN_INC(listener, COOKIES_VALID);

	xtcp_synq_fill(req, listener, skb, key);
	req->txhash = net_tx_rndhash();
	req->cookie = 1;
	req->irs = seg->seq - 1;
	req->isn = seg->ack - 1;
	req->mss = xtcp_cookie_mss(mssind);
	return syncookie_take_options(req, key, opts);
}

void xtcp_syncookie_init(void)
{
	get_random_bytes(syncookie_secrets, sizeof(syncookie_secrets));
	schedule_delayed_work(&syncookie_work, SYNCOOKIE_PERIOD / 2);
}

void xtcp_syncookie_exit(void)
{
	cancel_delayed_work_sync(&syncookie_work);
}

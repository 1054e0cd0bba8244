// SPDX-License-Identifier: GPL-2.0-only
/*
 * scoreboard.c owns the marks on sent segments that say what the peer holds:
 * SACK blocks in, XTCP_SACKED_ACKED out (RFC 2018, 2883, 6675). Socket lock.
 *
 * The work per ACK is bounded whatever the blocks say: each is checked, sorted, and
 * only what the blocks of late did not cover is walked.
 */
#include "compat.h"
#include "engine.h"

/*
 * Does the ACK echo an earlier transmission than the last? Only of what it acknowledges it can
 * tell: it echoes what was last in order, not what is SACKed (RFC 7323 4.3).
 */
static bool scoreboard_older(const struct xtcp_sock *xs, u32 sent_us, u32 end_seq,
			     const struct xtcp_ack_info *ai)
{
	u64 at_us = ai->now_us - ((u32)ai->now_us - sent_us);

	return ai->has_echo && !xtcp_seq_after(end_seq, xs->snd.una) &&
	       xtcp_seq_before(ai->echo, (u32)div_u64(at_us, USEC_PER_MSEC));
}

/**
 * xtcp_scoreboard_delivered - bytes reached the peer: RACK and the rate sampler hear of it
 * @sk: locked
 * @skb: acknowledged or SACKed for the first time, in whole or its front part
 * @segs: segments that this is
 * @end_seq: the number after their last
 * @ai: gets the count
 */
void xtcp_scoreboard_delivered(struct sock *sk, const struct sk_buff *skb, u32 segs, u32 end_seq,
			       struct xtcp_ack_info *ai)
{
	const struct xtcp_skb_cb *cb = XTCP_CB(skb);
	struct xtcp_sock *xs = xtcp_sk(sk);
	u32 now_us = (u32)ai->now_us;
	bool once = !(cb->sacked & XTCP_SACKED_EVER);
	bool older = !once && scoreboard_older(xs, cb->sent_us, end_seq, ai);

	ai->delivered += segs;
	ai->original |= once && xtcp_frto_counts(&xs->rec.frto, end_seq);
	if (once && xtcp_seq_before(end_seq, xs->rec.rack.fack))
		ai->late = max(ai->late, xs->rec.rack.fack - cb->seq);
	xs->snd.delivered += segs;
	xtcp_rack_delivered(&xs->rec.rack, cb->sent_us, end_seq, !once, older, now_us,
			    xtcp_rtt_min_us(&xs->rtt));
	xtcp_rate_delivered(&xs->rec.rate, &ai->rs, &cb->rate, segs, cb->sent_us, end_seq, now_us);
}

/* The peer holds all of @skb. */
static void scoreboard_mark(struct sock *sk, struct sk_buff *skb, struct xtcp_ack_info *ai)
{
	struct xtcp_skb_cb *cb = XTCP_CB(skb);
	struct xtcp_sock *xs = xtcp_sk(sk);

	xtcp_scoreboard_delivered(sk, skb, cb->segs, cb->end_seq, ai);
	ai->sacked = true;
	if (cb->sacked & XTCP_SACKED_LOST) {
		cb->sacked &= ~XTCP_SACKED_LOST;
		xs->snd.lost_out -= cb->segs;
	}
	if (cb->sacked & XTCP_SACKED_RETRANS) {
		cb->sacked &= ~XTCP_SACKED_RETRANS;
		xs->snd.retrans_out -= cb->segs;
	}
	cb->sacked |= XTCP_SACKED_ACKED;
	xs->snd.sacked_out += cb->segs;
	list_del_init(&skb->tcp_tsorted_anchor);
}

/*
 * Cuts @skb so that it lies within the block or outside, at whole segments: what the block
 * covers of a segment in part says nothing. NULL when no whole segment of it is covered.
 */
static struct sk_buff *scoreboard_cut(struct sock *sk, struct sk_buff *skb,
				      const struct xtcp_sack_block *b)
{
	struct xtcp_skb_cb *cb = XTCP_CB(skb);
	u32 mss = xtcp_mss_current(sk);
	u32 skip;

	if (xtcp_seq_before(cb->seq, b->start)) {
		skip = roundup(b->start - cb->seq, mss);
		if (skip >= skb->len || xtcp_rtxq_split(sk, skb, skip, true))
			return NULL;
		skb = xtcp_rtxq_next(skb);
		cb = XTCP_CB(skb);
	}
	if (xtcp_seq_after(cb->end_seq, b->end)) {
		skip = xtcp_seq_after(b->end, cb->seq) ? rounddown(b->end - cb->seq, mss) : 0;
		if (!skip || skip >= skb->len || xtcp_rtxq_split(sk, skb, skip, true))
			return NULL;
	}
	return skb;
}

/* Marks what @b covers, beginning with the segment that holds @from and before @to. */
static void scoreboard_walk(struct sock *sk, const struct xtcp_sack_block *b, u32 from, u32 to,
			    struct xtcp_ack_info *ai)
{
	struct sk_buff *skb = xtcp_rtxq_find(sk, from);

	while (skb && xtcp_seq_before(XTCP_CB(skb)->seq, to)) {
		struct sk_buff *covered = skb;

		if (!(XTCP_CB(skb)->sacked & XTCP_SACKED_ACKED)) {
			covered = scoreboard_cut(sk, skb, b);
			if (covered)
				scoreboard_mark(sk, covered, ai);
		}
		skb = xtcp_rtxq_next(covered ? : skb);
	}
}

/* A block, less what earlier ones covered already. */
static void scoreboard_block(struct sock *sk, const struct xtcp_sack_block *b,
			     struct xtcp_ack_info *ai)
{
	struct xtcp_disorder *d = xtcp_sock_disorder(sk);
	struct xtcp_sack_block gap = { .end = b->start };

	if (!d) {
		scoreboard_walk(sk, b, b->start, b->end, ai);
		return;
	}
	while (xtcp_sack_seen_gap(&d->seen, gap.end, b->end, &gap))
		scoreboard_walk(sk, b, gap.start, gap.end, ai);
	xtcp_sack_seen_add(&d->seen, b, xtcp_sk(sk)->snd.una);
}

/* A retransmission was needless: the peer got the segment twice (RFC 3708, RFC 2883). */
static void scoreboard_dsack(struct sock *sk, const struct xtcp_sack_block *b,
			     struct xtcp_ack_info *ai)
{
	struct xtcp_sock *xs = xtcp_sk(sk);
	u32 segs;

	ai->dsack = true;
	XTCP_SK_INC(sk, DSACKRECV);
	if (!xs->rec.undo_marker || xs->rec.undo_retrans <= 0 ||
	    !xtcp_seq_after(b->end, xs->rec.undo_marker))
		return;
	segs = DIV_ROUND_UP(b->end - b->start, max_t(u32, xs->snd.mss, 1));
	xs->rec.undo_retrans = max(xs->rec.undo_retrans - (int)segs, 0);
}

/* Blocks that may be true, in order and merged; the D-SACK is dealt with and left out. */
static u8 scoreboard_blocks(struct sock *sk, struct xtcp_ctx *c, struct xtcp_ack_info *ai,
			    struct xtcp_sack_block *out)
{
	struct xtcp_sock *xs = xtcp_sk(sk);
	const struct xtcp_opts *o = &c->opts;
	bool dsack = xtcp_sack_is_dsack(o->sacks, o->num_sacks, c->seg.ack);
	u8 i, n = 0;

	for (i = 0; i < o->num_sacks; i++) {
		const struct xtcp_sack_block *b = &o->sacks[i];
		bool first_dup = dsack && !i;

		if (!xtcp_sack_block_valid(xs->snd.una, xs->snd.nxt, xs->rec.undo_marker,
					   xs->snd.max_wnd, b->start, b->end, first_dup)) {
			XTCP_SK_INC(sk, SACKDISCARD);
			continue;
		}
		if (first_dup)
			scoreboard_dsack(sk, b, ai);
		if (xtcp_seq_after(b->start, xs->snd.una))
			out[n++] = *b;
	}
	return xtcp_sack_sort(out, n, xs->snd.una);
}

/**
 * xtcp_scoreboard_sack - the SACK option of an ACK
 * @sk: locked, SND.UNA moved already
 * @c: the segment
 * @ai: gets what was delivered
 */
void xtcp_scoreboard_sack(struct sock *sk, struct xtcp_ctx *c, struct xtcp_ack_info *ai)
{
	struct xtcp_sack_block blocks[XTCP_SACK_BLOCKS];
	struct xtcp_sock *xs = xtcp_sk(sk);
	u8 i, n;

	if (!xs->snd.sacked_out && xs->disorder)
		xs->disorder->seen.num = 0;
	n = scoreboard_blocks(sk, c, ai, blocks);
	for (i = 0; i < n; i++)
		scoreboard_block(sk, &blocks[i], ai);
}

/**
 * xtcp_scoreboard_forget - a timeout: trust SACKs no more if the peer reneged (RFC 2018 8)
 * @sk: locked
 */
void xtcp_scoreboard_forget(struct sock *sk)
{
	struct sk_buff *skb = xtcp_rtxq_head(sk);
	struct xtcp_sock *xs = xtcp_sk(sk);

	if (!skb || !(XTCP_CB(skb)->sacked & XTCP_SACKED_ACKED))
		return;
	XTCP_SK_INC(sk, SACKRENEGING);
	for (; skb; skb = xtcp_rtxq_next(skb)) {
		struct xtcp_skb_cb *cb = XTCP_CB(skb);

		if (!(cb->sacked & XTCP_SACKED_ACKED))
			continue;
		cb->sacked &= ~XTCP_SACKED_ACKED;
		xs->snd.sacked_out -= cb->segs;
		list_add_tail(&skb->tcp_tsorted_anchor, &xs->rec.sent);
	}
	if (xs->disorder)
		xs->disorder->seen.num = 0;
}

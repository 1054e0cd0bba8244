// SPDX-License-Identifier: GPL-2.0-only
/*
 * SACK, both sides. struct xtcp_sack_rcv belongs to one connection, under its socket lock.
 *
 * The sender's checks measure every edge as a distance from SND.UNA, in unsigned
 * arithmetic: comparisons by sign are contradictory for edges 2^31 apart, and a
 * peer chooses its edges.
 */
#include <xtcp/sack.h>

/**
 * xtcp_sack_rcv_init - nothing out of order
 * @r: the receiver's blocks
 */
void xtcp_sack_rcv_init(struct xtcp_sack_rcv *r)
{
	memset(r, 0, sizeof(*r));
}

static bool sack_touches(const struct xtcp_sack_block *a, const struct xtcp_sack_block *b)
{
	return xtcp_seq_leq(a->start, b->end) && xtcp_seq_leq(b->start, a->end);
}

static void sack_unite(struct xtcp_sack_block *a, const struct xtcp_sack_block *b)
{
	a->start = xtcp_seq_min(a->start, b->start);
	a->end = xtcp_seq_max(a->end, b->end);
}

/**
 * xtcp_sack_rcv_add - a range arrived out of order
 * @r: the receiver's blocks
 * @start: its first sequence number, within the receive window
 * @end: the number after its last one
 *
 * The block that holds the range comes first (RFC 2018 4); blocks it touches
 * become part of it; of more than four the one longest unchanged is forgotten.
 * For a range that was held already, this moves its block to the front.
 */
void xtcp_sack_rcv_add(struct xtcp_sack_rcv *r, u32 start, u32 end)
{
	struct xtcp_sack_block all = { start, end };
	u32 i, kept = 0;

	for (i = 0; i < r->num; i++) {
		if (sack_touches(&all, &r->blocks[i]))
			sack_unite(&all, &r->blocks[i]);
		else
			r->blocks[kept++] = r->blocks[i];
	}
	kept = xtcp_min_u32(kept, XTCP_SACK_BLOCKS - 1);
	memmove(&r->blocks[1], &r->blocks[0], kept * sizeof(r->blocks[0]));
	r->blocks[0] = all;
	r->num = (u8)(kept + 1);
}

/**
 * xtcp_sack_rcv_advance - RCV.NXT moved: forget what is below it
 * @r: the receiver's blocks
 * @rcv_nxt: RCV.NXT
 */
void xtcp_sack_rcv_advance(struct xtcp_sack_rcv *r, u32 rcv_nxt)
{
	u32 i, kept = 0;

	for (i = 0; i < r->num; i++)
		if (xtcp_seq_after(r->blocks[i].start, rcv_nxt))
			r->blocks[kept++] = r->blocks[i];
	r->num = (u8)kept;
}

/**
 * xtcp_sack_rcv_dsack - a range arrived twice (RFC 2883)
 * @r: the receiver's blocks
 * @start: its first sequence number
 * @end: the number after its last one
 *
 * Reported by the next ACK only; of two ranges that do not touch, the earlier: of what one
 * segment brought twice, that is the first (RFC 2883 4).
 */
void xtcp_sack_rcv_dsack(struct xtcp_sack_rcv *r, u32 start, u32 end)
{
	struct xtcp_sack_block twice = { start, end };

	if (r->dsack.start == r->dsack.end)
		r->dsack = twice;
	else if (sack_touches(&r->dsack, &twice))
		sack_unite(&r->dsack, &twice);
}

/**
 * xtcp_sack_rcv_report - the blocks for the next ACK
 * @r: the receiver's blocks; its D-SACK is reported and forgotten
 * @out: room for @max blocks
 * @max: as many as fit beside the other options
 *
 * Return: blocks written, the D-SACK first.
 */
u8 xtcp_sack_rcv_report(struct xtcp_sack_rcv *r, struct xtcp_sack_block *out, u8 max)
{
	u8 i, n = 0;

	if (max && r->dsack.start != r->dsack.end) {
		out[n++] = r->dsack;
		r->dsack.end = r->dsack.start;
	}
	for (i = 0; i < r->num && n < max; i++)
		out[n++] = r->blocks[i];
	return n;
}

/**
 * xtcp_sack_block_valid - may a block from the wire touch the scoreboard?
 * @snd_una: SND.UNA
 * @snd_nxt: SND.NXT
 * @undo_marker: SND.UNA when the current recovery began, 0 if there is none
 * @max_window: largest window the peer ever offered
 * @start: the block's first sequence number
 * @end: the number after its last one
 * @dsack: the block is a D-SACK
 *
 * Above SND.UNA a block must lie within what was sent, and not at SND.UNA
 * itself, which a peer that holds it would have acknowledged. Below it only a
 * D-SACK makes sense, of something retransmitted since @undo_marker; one that
 * begins before the marker may reach across it by no more than a window.
 *
 * Return: true if so.
 */
bool xtcp_sack_block_valid(u32 snd_una, u32 snd_nxt, u32 undo_marker, u32 max_window,
			   u32 start, u32 end, bool dsack)
{
	u32 ahead = start - snd_una, behind = snd_una - start;
	u32 behind_end = snd_una - end, marker = snd_una - undo_marker;

	if (ahead && ahead < end - snd_una && end - snd_una <= snd_nxt - snd_una)
		return true;
	if (!dsack || !undo_marker || behind_end >= behind)
		return false;
	return behind <= marker || (behind_end < marker && behind - behind_end <= max_window);
}

/**
 * xtcp_sack_is_dsack - does the first block report a duplicate? (RFC 2883 4)
 * @b: blocks in wire order
 * @n: their number
 * @ack: SEG.ACK
 *
 * Return: true if it begins below @ack or lies within the second block.
 */
bool xtcp_sack_is_dsack(const struct xtcp_sack_block *b, u8 n, u32 ack)
{
	if (!n)
		return false;
	if (xtcp_seq_before(b[0].start, ack))
		return true;
	return n > 1 && xtcp_seq_between(b[0].start, b[1].start, b[1].end) &&
	       xtcp_seq_between(b[0].end, b[0].start, b[1].end);
}

/**
 * xtcp_sack_sort - bring valid blocks into order
 * @b: blocks above @snd_una, each valid
 * @n: their number
 * @snd_una: SND.UNA
 *
 * Return: the number left after blocks that overlap or touch became one, so that
 * a walk of the scoreboard passes each segment at most once.
 */
u8 xtcp_sack_sort(struct xtcp_sack_block *b, u8 n, u32 snd_una)
{
	struct xtcp_sack_block cur;
	u8 i, j, out = 0;

	for (i = 1; i < n; i++) {
		cur = b[i];
		for (j = i; j && b[j - 1].start - snd_una > cur.start - snd_una; j--)
			b[j] = b[j - 1];
		b[j] = cur;
	}
	for (i = 1; i < n; i++) {
		if (b[i].start - snd_una > b[out].end - snd_una)
			b[++out] = b[i];
		else if (b[i].end - snd_una > b[out].end - snd_una)
			b[out].end = b[i].end;
	}
	return n ? (u8)(out + 1) : 0;
}

/**
 * xtcp_sack_seen_gap - the first part of a range that was not yet seen
 * @s: what was
 * @from: where the range begins, above SND.UNA
 * @end: where it ends
 * @gap: result
 *
 * Return: false if there is none
 */
bool xtcp_sack_seen_gap(const struct xtcp_sack_seen *s, u32 from, u32 end,
			struct xtcp_sack_block *gap)
{
	u8 i = 0;

	while (i < s->num) {
		if (xtcp_seq_after(s->r[i].start, from) || !xtcp_seq_after(s->r[i].end, from)) {
			i++;
			continue;
		}
		from = s->r[i].end;
		i = 0;
	}
	if (!xtcp_seq_before(from, end))
		return false;
	for (i = 0; i < s->num; i++)
		if (xtcp_seq_after(s->r[i].start, from))
			end = xtcp_seq_min(end, s->r[i].start);
	*gap = (struct xtcp_sack_block){ from, end };
	return true;
}

static u8 sack_seen_shortest(const struct xtcp_sack_seen *s)
{
	u8 i, best = 0;

	for (i = 1; i < s->num; i++)
		if (s->r[i].end - s->r[i].start < s->r[best].end - s->r[best].start)
			best = i;
	return best;
}

/**
 * xtcp_sack_seen_add - a range was seen
 * @s: what was seen
 * @b: the range, above @snd_una
 * @snd_una: SND.UNA
 *
 * The shortest goes when there is no room: whatever ranges a peer tells us in turn, what
 * must be looked at again is a small part of the queue.
 */
void xtcp_sack_seen_add(struct xtcp_sack_seen *s, const struct xtcp_sack_block *b, u32 snd_una)
{
	struct xtcp_sack_block gap, r;
	u8 i, kept = 0;

	if (!xtcp_sack_seen_gap(s, b->start, b->end, &gap))
		return;
	for (i = 0; i < s->num; i++) {
		r = s->r[i];
		if (xtcp_seq_after(r.end, snd_una) &&
		    (xtcp_seq_before(r.start, b->start) || xtcp_seq_after(r.end, b->end)))
			s->r[kept++] = r;
	}
	s->num = kept;
	if (kept == XTCP_SACK_SEEN)
		s->r[sack_seen_shortest(s)] = *b;
	else
		s->r[s->num++] = *b;
}

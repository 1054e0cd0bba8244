// SPDX-License-Identifier: GPL-2.0-only
/*
 * Windowed extremes: struct xtcp_minmax belongs to the caller, who holds its lock.
 *
 * Kathleen Nichols's three-sample filter: the extreme of a sliding window is
 * exact as long as it lasts, and replaced by the best of the newer part of the
 * window when it has grown too old.
 */
#include <xtcp/minmax.h>

static void minmax_fill(struct xtcp_minmax *m, u32 from, u32 t, u32 v)
{
	u32 i;

	for (i = from; i < ARRAY_SIZE(m->s); i++) {
		m->s[i].t = t;
		m->s[i].v = v;
	}
}

/* Drop what has left the window; spread runners-up over its newer part. */
static void minmax_age(struct xtcp_minmax *m, u32 win, u32 t, u32 v)
{
	u32 age = t - m->s[0].t;

	if (age > win) {
		while (t - m->s[0].t > win) {
			m->s[0] = m->s[1];
			m->s[1] = m->s[2];
			minmax_fill(m, 2, t, v);
		}
	} else if (m->s[1].t == m->s[0].t && age > win / 4) {
		minmax_fill(m, 1, t, v);
	} else if (m->s[2].t == m->s[1].t && age > win / 2) {
		minmax_fill(m, 2, t, v);
	}
}

/* @flip turns a maximum into a minimum: 0 or all ones. */
static u32 minmax_run(struct xtcp_minmax *m, u32 win, u32 t, u32 v, u32 flip)
{
	u32 key = v ^ flip;

	if (key <= (m->s[0].v ^ flip) || t - m->s[2].t > win)
		return xtcp_minmax_reset(m, t, v);
	if (key <= (m->s[1].v ^ flip))
		minmax_fill(m, 1, t, v);
	else if (key <= (m->s[2].v ^ flip))
		minmax_fill(m, 2, t, v);
	minmax_age(m, win, t, v);
	return m->s[0].v;
}

/**
 * xtcp_minmax_reset - forget all samples but one
 * @m: the filter
 * @t: time
 * @v: value
 *
 * Return: @v.
 */
u32 xtcp_minmax_reset(struct xtcp_minmax *m, u32 t, u32 v)
{
	minmax_fill(m, 0, t, v);
	return v;
}

/**
 * xtcp_minmax_min - take a sample
 * @m: the filter, reset once before
 * @win: length of the window in units of @t
 * @t: time
 * @v: value
 *
 * Return: the minimum of the window.
 */
u32 xtcp_minmax_min(struct xtcp_minmax *m, u32 win, u32 t, u32 v)
{
	return minmax_run(m, win, t, v, 0);
}

/**
 * xtcp_minmax_max - take a sample
 * @m: the filter, reset once before
 * @win: length of the window in units of @t
 * @t: time
 * @v: value
 *
 * Return: the maximum of the window.
 */
u32 xtcp_minmax_max(struct xtcp_minmax *m, u32 win, u32 t, u32 v)
{
	return minmax_run(m, win, t, v, U32_MAX);
}

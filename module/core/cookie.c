// SPDX-License-Identifier: GPL-2.0-only
/*
 * SYN cookies: layout of the ISN and of the timestamp. No state, no lock.
 *
 * ISN = h1 + client ISN + count * 2^24 + (h2(count) + mssind) mod 2^24
 *
 * The sum with the client's ISN keeps our ISN rising with the client's clock. The
 * top byte tells the period, so that one h2 is computed per check; its 24 bits
 * are the proof, of which mssind, below 8, costs 3. The client's ISN is in h2 too: of
 * the sum alone a later segment is as good, when both sides have sent as many bytes.
 */
#include <xtcp/cookie.h>

#define COOKIE_DATA_BITS 24
#define COOKIE_DATA_MASK ((1U << COOKIE_DATA_BITS) - 1)

#define COOKIE_TS_SACK 0x10U
#define COOKIE_TS_ECN 0x20U
#define COOKIE_TS_MASK ((1U << XTCP_COOKIE_TS_BITS) - 1)

/*
 * Each value is the largest not above what common paths announce: 9000-byte
 * Ethernet over IPv6, Ethernet over IPv4 and IPv6, 1420-byte (WireGuard) and
 * 1380-byte tunnels, the IPv6 and the IPv4 default, the smallest sane one.
 */
static const u16 cookie_mss_table[XTCP_COOKIE_MSS_STEPS] = {
	216, 536, 1220, 1340, 1380, 1440, 1460, 8940,
};

/**
 * xtcp_cookie_make - our ISN for a client we keep no state of
 * @h1: keyed hash of the 4-tuple
 * @h2: keyed hash of the 4-tuple, @client_isn and @count
 * @client_isn: the client's ISN
 * @count: number of the current period
 * @mssind: xtcp_cookie_mss_index()
 *
 * Return: the ISN.
 */
u32 xtcp_cookie_make(u32 h1, u32 h2, u32 client_isn, u32 count, u8 mssind)
{
	return h1 + client_isn + (count << COOKIE_DATA_BITS) +
	       ((h2 + mssind) & COOKIE_DATA_MASK);
}

/**
 * xtcp_cookie_check - is an ACK the answer to a cookie of ours?
 * @cookie: SEG.ACK - 1
 * @h1: keyed hash of the 4-tuple
 * @h2fn: gives h2 for a period
 * @h2arg: its first argument
 * @client_isn: SEG.SEQ - 1
 * @count: number of the current period
 * @max_age: periods a cookie lives, at most 128
 *
 * Return: the MSS index, or -1 if the cookie is forged or too old.
 */
int xtcp_cookie_check(u32 cookie, u32 h1, xtcp_cookie_h2_fn h2fn, const void *h2arg,
		      u32 client_isn, u32 count, u32 max_age)
{
	u32 sum = cookie - h1 - client_isn;
	u32 age = (count - (sum >> COOKIE_DATA_BITS)) & 0xff;
	u32 mssind;

	if (age >= max_age)
		return -1;
	mssind = (sum - h2fn(h2arg, count - age)) & COOKIE_DATA_MASK;
	return mssind < XTCP_COOKIE_MSS_STEPS ? (int)mssind : -1;
}

/**
 * xtcp_cookie_mss_index - code an MSS
 * @mss: the client's MSS
 *
 * Return: index of the largest step not above @mss, 0 if all are above.
 */
u8 xtcp_cookie_mss_index(u16 mss)
{
	u8 i = XTCP_COOKIE_MSS_STEPS - 1;

	while (i && cookie_mss_table[i] > mss)
		i--;
	return i;
}

/**
 * xtcp_cookie_mss - decode an MSS
 * @mssind: index from xtcp_cookie_check()
 *
 * Return: the MSS; the smallest for an index past the table.
 */
u16 xtcp_cookie_mss(u8 mssind)
{
	return cookie_mss_table[mssind < XTCP_COOKIE_MSS_STEPS ? mssind : 0];
}

/**
 * xtcp_cookie_ts_encode - put options of a SYN into our timestamp
 * @ts: the timestamp due
 * @wscale: the client's window shift, -1 for none
 * @sack: SACK is permitted
 * @ecn: ECN was negotiated
 *
 * Return: the latest timestamp not after @ts that carries them: one after it
 * would make the client's PAWS drop our next segment (RFC 7323 5).
 */
u32 xtcp_cookie_ts_encode(u32 ts, int wscale, bool sack, bool ecn)
{
	u32 bits = wscale < 0 ? XTCP_COOKIE_WSCALE_NONE : (u32)wscale & 0x0f;
	u32 coded;

	if (sack)
		bits |= COOKIE_TS_SACK;
	if (ecn)
		bits |= COOKIE_TS_ECN;
	coded = (ts & ~COOKIE_TS_MASK) | bits;
	return bits > (ts & COOKIE_TS_MASK) ? coded - COOKIE_TS_MASK - 1 : coded;
}

/**
 * xtcp_cookie_ts_decode - read them back
 * @tsecr: the timestamp the client echoes, our offset subtracted
 * @o: result
 */
void xtcp_cookie_ts_decode(u32 tsecr, struct xtcp_cookie_opts *o)
{
	u32 wscale = tsecr & XTCP_COOKIE_WSCALE_NONE;

	o->wscale_ok = wscale != XTCP_COOKIE_WSCALE_NONE;
	o->wscale = o->wscale_ok ? (u8)wscale : 0;
	o->sack_ok = tsecr & COOKIE_TS_SACK;
	o->ecn_ok = tsecr & COOKIE_TS_ECN;
}

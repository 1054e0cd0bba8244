/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * SYN cookies (RFC 4987 3.6): a half-open connection coded into our ISN and the
 * low bits of our timestamp. Hash words come from the caller: h1 hashes the
 * 4-tuple, h2 the 4-tuple, the client's ISN and a count of periods.
 */
#ifndef _XTCP_COOKIE_H
#define _XTCP_COOKIE_H

#include <xtcp/types.h>

#define XTCP_COOKIE_MSS_STEPS 8U
#define XTCP_COOKIE_TS_BITS 6U
#define XTCP_COOKIE_WSCALE_NONE 0x0fU

/**
 * struct xtcp_cookie_opts - options of a SYN as its cookie remembers them
 * @wscale: the peer's window shift, with @wscale_ok
 * @wscale_ok: both sides scale windows
 * @sack_ok: SACK is permitted
 * @ecn_ok: ECN was negotiated
 */
struct xtcp_cookie_opts {
	u8 wscale;
	bool wscale_ok;
	bool sack_ok;
	bool ecn_ok;
};

typedef u32 (*xtcp_cookie_h2_fn)(const void *arg, u32 count);

u32 xtcp_cookie_make(u32 h1, u32 h2, u32 client_isn, u32 count, u8 mssind);
int xtcp_cookie_check(u32 cookie, u32 h1, xtcp_cookie_h2_fn h2fn, const void *h2arg,
		      u32 client_isn, u32 count, u32 max_age);
u8 xtcp_cookie_mss_index(u16 mss);
u16 xtcp_cookie_mss(u8 mssind);
u32 xtcp_cookie_ts_encode(u32 ts, int wscale, bool sack, bool ecn);
void xtcp_cookie_ts_decode(u32 tsecr, struct xtcp_cookie_opts *o);

#endif /* _XTCP_COOKIE_H */

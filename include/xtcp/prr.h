/* SPDX-License-Identifier: GPL-2.0-only */
/* Proportional rate reduction: what may be sent during fast recovery (RFC 6937, 9937). */
#ifndef _XTCP_PRR_H
#define _XTCP_PRR_H

#include <xtcp/types.h>

/**
 * struct xtcp_prr - one recovery, in segments
 * @recover_fs: segments in flight when it began
 * @delivered: segments delivered since
 * @out: segments sent since; the engine adds to it
 */
struct xtcp_prr {
	u32 recover_fs;
	u32 delivered;
	u32 out;
};

void xtcp_prr_begin(struct xtcp_prr *p, u32 flight);
u32 xtcp_prr_sndcnt(struct xtcp_prr *p, u32 ssthresh, u32 in_flight, u32 delivered,
		    bool safe_ack);

#endif /* _XTCP_PRR_H */

/* SPDX-License-Identifier: GPL-2.0-only */
/* The table itself (fsm_table.c tells how to read a cell). */
#ifndef _XTCP_SELFTESTS_FSM_CELLS_H
#define _XTCP_SELFTESTS_FSM_CELLS_H

#include "fsm.h"

enum segment_kind {
	K_SYN, K_SYN_BEFORE, K_SYN_EXACT, K_SYN_WINDOW, K_SYN_EDGE, K_SYN_AFTER,
	K_SYNACK, K_ACK, K_ACK_DUP, K_ACK_UNSENT, K_ACK_OLD, K_ACK_AFTER,
	K_DATA, K_DATA_ACK, K_DATA_AHEAD, K_DATA_AFTER, K_DATA_BEFORE, K_DATA_UNSENT, K_DATA_NOACK,
	K_FIN, K_FIN_ACK, K_FIN_DATA, K_FIN_NOACK,
	K_RST, K_RST_ACK, K_RST_BEFORE, K_RST_INEXACT, K_RST_EDGE, K_RST_AFTER,
	K_NULL, K_XMAS, K_XMAS_ALL, KINDS
};

/**
 * struct cell_variant - a cell that differs
 * @expect: what is expected there
 * @why: the reason, for a difference between the kernel's TCP and XTCP
 */
struct cell_variant {
	enum fsm_place place;
	enum segment_kind kind;
	const char *expect;
	const char *why;
};

extern const char *const cells[P_PLACES][KINDS];
extern const struct cell_variant cells_timestamps[];
extern const struct cell_variant cells_native[];

#endif /* _XTCP_SELFTESTS_FSM_CELLS_H */

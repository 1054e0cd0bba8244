/* SPDX-License-Identifier: GPL-2.0-only */
/* Why a RST was sent, for the tracepoint xtcp_send_reset. */
#ifndef _XTCP_RST_H
#define _XTCP_RST_H

#define XTCP_RST_REASONS(X)						\
	X(NO_SOCKET)		/* nobody owns the 4-tuple */		\
	X(STATE)		/* the segment does not fit the state */ \
	X(TIME_WAIT)		/* nor the TIME_WAIT bucket */		\
	X(OVERFLOW)		/* abort_on_overflow */			\
	X(UNREAD_DATA)		/* closed with data unread */		\
	X(DATA_AFTER_CLOSE)	/* data came when nobody reads */	\
	X(LINGER)		/* SO_LINGER 0, or TCP_LINGER2 < 0 */	\
	X(DISCONNECT)		/* connect() with AF_UNSPEC */		\
	X(TIMEOUT)		/* keepalive, FIN_WAIT_2 without an owner */ \
	X(MEMORY)		/* too many orphans, out of memory */	\
	X(LISTENER_CLOSED)	/* nobody accepted the connection */

#define XTCP_RST_ENUM(name)	XTCP_RST_##name,
enum xtcp_rst_reason {
	XTCP_RST_REASONS(XTCP_RST_ENUM)
	XTCP_RST_NR,
};

#undef XTCP_RST_ENUM

#endif /* _XTCP_RST_H */

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The state machine of RFC 9293 3.3.2 (figure 5) as a const table.
 *
 * A half-open request is not a state of a socket: its child starts in CLOSE and
 * enters SYN_RECV by ACCEPT_CHILD. TIME_WAIT is the state of a bucket: the
 * socket it replaces goes to CLOSE.
 */
#ifndef _XTCP_FSM_H
#define _XTCP_FSM_H

#include <xtcp/types.h>

/* Values equal the kernel's TCP_* (include/net/tcp_states.h). */
enum xtcp_state {
	XTCP_ESTABLISHED = 1,
	XTCP_SYN_SENT = 2,
	XTCP_SYN_RECV = 3,
	XTCP_FIN_WAIT1 = 4,
	XTCP_FIN_WAIT2 = 5,
	XTCP_TIME_WAIT = 6,
	XTCP_CLOSE = 7,
	XTCP_CLOSE_WAIT = 8,
	XTCP_LAST_ACK = 9,
	XTCP_LISTEN = 10,
	XTCP_CLOSING = 11,
	XTCP_STATE_MAX
};

/**
 * enum xtcp_event - what moves a connection from state to state
 * @XTCP_EV_OPEN_PASSIVE: listen()
 * @XTCP_EV_OPEN_ACTIVE: connect()
 * @XTCP_EV_ACCEPT_CHILD: a request became a child socket
 * @XTCP_EV_RCV_SYN: SYN without ACK: simultaneous open
 * @XTCP_EV_RCV_SYNACK: SYN that acknowledges our SYN
 * @XTCP_EV_RCV_ACK_OF_SYN: our SYN is acknowledged
 * @XTCP_EV_RCV_FIN: the peer's FIN, our own FIN not acknowledged by it
 * @XTCP_EV_RCV_ACK_OF_FIN: our FIN is acknowledged
 * @XTCP_EV_RCV_FIN_ACK_OF_FIN: the peer's FIN and the ACK of ours in one segment
 * @XTCP_EV_RCV_RST: an acceptable RST
 * @XTCP_EV_APP_CLOSE: close() or shutdown(SHUT_WR): a FIN, if the state sends one
 * @XTCP_EV_ABORT: disconnect, linger 0, close with unread data, administrator
 * @XTCP_EV_TIMEOUT: retries, keepalive, user timeout, FIN_WAIT2 or TIME_WAIT ran out
 * @XTCP_EV_MAX: number of events
 */
enum xtcp_event {
	XTCP_EV_OPEN_PASSIVE,
	XTCP_EV_OPEN_ACTIVE,
	XTCP_EV_ACCEPT_CHILD,
	XTCP_EV_RCV_SYN,
	XTCP_EV_RCV_SYNACK,
	XTCP_EV_RCV_ACK_OF_SYN,
	XTCP_EV_RCV_FIN,
	XTCP_EV_RCV_ACK_OF_FIN,
	XTCP_EV_RCV_FIN_ACK_OF_FIN,
	XTCP_EV_RCV_RST,
	XTCP_EV_APP_CLOSE,
	XTCP_EV_ABORT,
	XTCP_EV_TIMEOUT,
	XTCP_EV_MAX
};

int xtcp_fsm_next(int state, int event);
bool xtcp_fsm_edge_legal(int from, int to);
const char *xtcp_fsm_state_name(int state);
const char *xtcp_fsm_event_name(int event);

#endif /* _XTCP_FSM_H */

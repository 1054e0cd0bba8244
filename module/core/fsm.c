// SPDX-License-Identifier: GPL-2.0-only
/* The state machine: (state, event) to state (RFC 9293 3.3.2). Const, no lock. */
#include <xtcp/fsm.h>

/* 0 is no state: the event can't happen there. */
static const u8 fsm_table[XTCP_STATE_MAX][XTCP_EV_MAX] = {
	[XTCP_CLOSE] = {
		[XTCP_EV_OPEN_PASSIVE] = XTCP_LISTEN,
		[XTCP_EV_OPEN_ACTIVE] = XTCP_SYN_SENT,
		[XTCP_EV_ACCEPT_CHILD] = XTCP_SYN_RECV,
		[XTCP_EV_APP_CLOSE] = XTCP_CLOSE,
		[XTCP_EV_ABORT] = XTCP_CLOSE,
	},
	[XTCP_LISTEN] = {
		[XTCP_EV_OPEN_PASSIVE] = XTCP_LISTEN, /* listen() again: a new backlog */
		[XTCP_EV_APP_CLOSE] = XTCP_CLOSE,
		[XTCP_EV_ABORT] = XTCP_CLOSE,
	},
	[XTCP_SYN_SENT] = {
		[XTCP_EV_RCV_SYN] = XTCP_SYN_RECV, /* MUST-10 */
		[XTCP_EV_RCV_SYNACK] = XTCP_ESTABLISHED,
		[XTCP_EV_RCV_RST] = XTCP_CLOSE,
		[XTCP_EV_APP_CLOSE] = XTCP_CLOSE,
		[XTCP_EV_ABORT] = XTCP_CLOSE,
		[XTCP_EV_TIMEOUT] = XTCP_CLOSE,
	},
	[XTCP_SYN_RECV] = {
		[XTCP_EV_RCV_ACK_OF_SYN] = XTCP_ESTABLISHED,
		[XTCP_EV_RCV_FIN] = XTCP_CLOSE_WAIT,
		[XTCP_EV_RCV_RST] = XTCP_CLOSE,
		[XTCP_EV_APP_CLOSE] = XTCP_FIN_WAIT1,
		[XTCP_EV_ABORT] = XTCP_CLOSE,
		[XTCP_EV_TIMEOUT] = XTCP_CLOSE,
	},
	[XTCP_ESTABLISHED] = {
		[XTCP_EV_RCV_FIN] = XTCP_CLOSE_WAIT,
		[XTCP_EV_RCV_RST] = XTCP_CLOSE,
		[XTCP_EV_APP_CLOSE] = XTCP_FIN_WAIT1,
		[XTCP_EV_ABORT] = XTCP_CLOSE,
		[XTCP_EV_TIMEOUT] = XTCP_CLOSE,
	},
	[XTCP_FIN_WAIT1] = {
		[XTCP_EV_RCV_FIN] = XTCP_CLOSING,
		[XTCP_EV_RCV_ACK_OF_FIN] = XTCP_FIN_WAIT2,
		[XTCP_EV_RCV_FIN_ACK_OF_FIN] = XTCP_TIME_WAIT,
		[XTCP_EV_RCV_RST] = XTCP_CLOSE,
		[XTCP_EV_APP_CLOSE] = XTCP_FIN_WAIT1, /* close() after shutdown() */
		[XTCP_EV_ABORT] = XTCP_CLOSE,
		[XTCP_EV_TIMEOUT] = XTCP_CLOSE,
	},
	[XTCP_FIN_WAIT2] = {
		[XTCP_EV_RCV_FIN] = XTCP_TIME_WAIT,
		[XTCP_EV_RCV_RST] = XTCP_CLOSE,
		[XTCP_EV_APP_CLOSE] = XTCP_FIN_WAIT2,
		[XTCP_EV_ABORT] = XTCP_CLOSE,
		[XTCP_EV_TIMEOUT] = XTCP_CLOSE,
	},
	/* From here on the peer's FIN is in: another one is a retransmission. */
	[XTCP_CLOSE_WAIT] = {
		[XTCP_EV_RCV_FIN] = XTCP_CLOSE_WAIT,
		[XTCP_EV_RCV_RST] = XTCP_CLOSE,
		[XTCP_EV_APP_CLOSE] = XTCP_LAST_ACK,
		[XTCP_EV_ABORT] = XTCP_CLOSE,
		[XTCP_EV_TIMEOUT] = XTCP_CLOSE,
	},
	[XTCP_CLOSING] = {
		[XTCP_EV_RCV_FIN] = XTCP_CLOSING,
		[XTCP_EV_RCV_ACK_OF_FIN] = XTCP_TIME_WAIT,
		[XTCP_EV_RCV_FIN_ACK_OF_FIN] = XTCP_TIME_WAIT,
		[XTCP_EV_RCV_RST] = XTCP_CLOSE,
		[XTCP_EV_APP_CLOSE] = XTCP_CLOSING,
		[XTCP_EV_ABORT] = XTCP_CLOSE,
		[XTCP_EV_TIMEOUT] = XTCP_CLOSE,
	},
	[XTCP_LAST_ACK] = {
		[XTCP_EV_RCV_FIN] = XTCP_LAST_ACK,
		[XTCP_EV_RCV_ACK_OF_FIN] = XTCP_CLOSE,
		[XTCP_EV_RCV_FIN_ACK_OF_FIN] = XTCP_CLOSE,
		[XTCP_EV_RCV_RST] = XTCP_CLOSE,
		[XTCP_EV_APP_CLOSE] = XTCP_LAST_ACK,
		[XTCP_EV_ABORT] = XTCP_CLOSE,
		[XTCP_EV_TIMEOUT] = XTCP_CLOSE,
	},
	[XTCP_TIME_WAIT] = {
		[XTCP_EV_RCV_FIN] = XTCP_TIME_WAIT, /* restarts the 2 MSL */
		[XTCP_EV_RCV_RST] = XTCP_CLOSE, /* unless RFC 1337 protection is on */
		[XTCP_EV_ABORT] = XTCP_CLOSE,
		[XTCP_EV_TIMEOUT] = XTCP_CLOSE,
	},
};

static const char *const fsm_state_names[XTCP_STATE_MAX] = {
	[XTCP_ESTABLISHED] = "ESTABLISHED",
	[XTCP_SYN_SENT] = "SYN_SENT",
	[XTCP_SYN_RECV] = "SYN_RECV",
	[XTCP_FIN_WAIT1] = "FIN_WAIT1",
	[XTCP_FIN_WAIT2] = "FIN_WAIT2",
	[XTCP_TIME_WAIT] = "TIME_WAIT",
	[XTCP_CLOSE] = "CLOSE",
	[XTCP_CLOSE_WAIT] = "CLOSE_WAIT",
	[XTCP_LAST_ACK] = "LAST_ACK",
	[XTCP_LISTEN] = "LISTEN",
	[XTCP_CLOSING] = "CLOSING",
};

static const char *const fsm_event_names[XTCP_EV_MAX] = {
	[XTCP_EV_OPEN_PASSIVE] = "OPEN_PASSIVE",
	[XTCP_EV_OPEN_ACTIVE] = "OPEN_ACTIVE",
	[XTCP_EV_ACCEPT_CHILD] = "ACCEPT_CHILD",
	[XTCP_EV_RCV_SYN] = "RCV_SYN",
	[XTCP_EV_RCV_SYNACK] = "RCV_SYNACK",
	[XTCP_EV_RCV_ACK_OF_SYN] = "RCV_ACK_OF_SYN",
	[XTCP_EV_RCV_FIN] = "RCV_FIN",
	[XTCP_EV_RCV_ACK_OF_FIN] = "RCV_ACK_OF_FIN",
	[XTCP_EV_RCV_FIN_ACK_OF_FIN] = "RCV_FIN_ACK_OF_FIN",
	[XTCP_EV_RCV_RST] = "RCV_RST",
	[XTCP_EV_APP_CLOSE] = "APP_CLOSE",
	[XTCP_EV_ABORT] = "ABORT",
	[XTCP_EV_TIMEOUT] = "TIMEOUT",
};

static bool fsm_is_state(int state)
{
	return state > 0 && state < XTCP_STATE_MAX;
}

/**
 * xtcp_fsm_next - where an event leads
 * @state: enum xtcp_state
 * @event: enum xtcp_event
 *
 * Return: the next state, perhaps the same, or -1 if the event is illegal there.
 */
int xtcp_fsm_next(int state, int event)
{
	if (!fsm_is_state(state) || event < 0 || event >= XTCP_EV_MAX ||
	    !fsm_table[state][event])
		return -1;
	return fsm_table[state][event];
}

/**
 * xtcp_fsm_edge_legal - does any event lead from one state to the other?
 * @from: enum xtcp_state
 * @to: enum xtcp_state
 *
 * Return: true if so.
 */
bool xtcp_fsm_edge_legal(int from, int to)
{
	int event;

	for (event = 0; event < XTCP_EV_MAX; event++)
		if (xtcp_fsm_next(from, event) == to)
			return fsm_is_state(to);
	return false;
}

/**
 * xtcp_fsm_state_name - a state's name for traces and messages
 * @state: enum xtcp_state
 *
 * Return: the name, "?" for what is no state.
 */
const char *xtcp_fsm_state_name(int state)
{
	return fsm_is_state(state) ? fsm_state_names[state] : "?";
}

/**
 * xtcp_fsm_event_name - an event's name for traces and messages
 * @event: enum xtcp_event
 *
 * Return: the name, "?" for what is no event.
 */
const char *xtcp_fsm_event_name(int event)
{
	return event >= 0 && event < XTCP_EV_MAX ? fsm_event_names[event] : "?";
}

/* SPDX-License-Identifier: GPL-2.0-only */
/* state.c: the only writer of sk_state. */
#ifndef _XTCP_STATE_H
#define _XTCP_STATE_H

#include "sock.h"

/**
 * xtcp_set_state - move a socket along an edge of the state machine
 * @sk: socket, locked
 * @to: TCP_*
 *
 * An edge the table of core/fsm.c does not have is counted, traced and refused.
 * CLOSE takes the socket out of the tables, gives up its port (unless the user
 * bound it) and cancels its timers.
 */
void xtcp_set_state(struct sock *sk, int to);
/* First state of a fresh child: CLOSE -> SYN_RECV without table work. */
void xtcp_state_init_child(struct sock *sk);
/* Reports @err to the application and closes: the connection is gone (RFC 9293 3.10.7 "reset"). */
void xtcp_state_abort(struct sock *sk, int err);
/* Ends a socket that is CLOSE and no process owns: releases it for good. */
void xtcp_state_destroy(struct sock *sk);
/* The connection is over: CLOSE, wake everybody, and destroy when orphaned. */
void xtcp_state_done(struct sock *sk);
/* FIN_WAIT_2, CLOSING, FIN_WAIT1 -> a TIME_WAIT bucket; the sock goes to CLOSE. */
void xtcp_state_time_wait(struct sock *sk, int substate, unsigned long lifetime);

#endif /* _XTCP_STATE_H */

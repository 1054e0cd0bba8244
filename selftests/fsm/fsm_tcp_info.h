/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * TCP_INFO of a connection. Two headers define its struct, netinet/tcp.h and the longer
 * linux/tcp.h: one of them comes before this.
 */
#ifndef _XTCP_SELFTESTS_FSM_TCP_INFO_H
#define _XTCP_SELFTESTS_FSM_TCP_INFO_H

#include <netinet/in.h>
#include <sys/socket.h>

#include "fsm.h"

static inline struct tcp_info conn_info(const struct conn *c)
{
	struct tcp_info info = { };
	socklen_t len = sizeof(info);

	getsockopt(c->fd, IPPROTO_TCP, TCP_INFO, &info, &len);
	return info;
}

#endif /* _XTCP_SELFTESTS_FSM_TCP_INFO_H */

/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * The user-visible constants of XTCP: the family, the protocol argument of
 * socket() and the socket options that native TCP does not have.
 */
#ifndef _UAPI_LINUX_XTCP_H
#define _UAPI_LINUX_XTCP_H

/* Family 22 is AF_SNA, which Linux never implemented; module parameter "family". */
#define AF_XTCP			22
#define PF_XTCP			AF_XTCP

/* Third argument of socket(AF_XTCP, SOCK_STREAM, ...). */
#define XTCPPROTO_IPV4		0	/* IPPROTO_TCP (6) means the same */
#define XTCPPROTO_IPV6		1

/* What SO_PROTOCOL reports: IPPROTO_TCP | 0x200. On the wire it is IPPROTO_TCP. */
#define IPPROTO_XTCP		518

/*
 * Level SOL_TCP, beyond all TCP_* of Linux. connect() that finds all ephemeral ports in use
 * waits so long for one, milliseconds; 0, the default: EADDRNOTAVAIL at once.
 */
#define XTCP_CONNECT_WAIT	256

#endif /* _UAPI_LINUX_XTCP_H */

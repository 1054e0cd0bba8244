/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ports.c: who owns which local port, and the choice of ephemeral ones.
 *
 * An owner entry per (namespace, port, VRF) in a hash of its own, under its
 * bucket's lock: socket -> port -> demux bucket. It is held by each socket with
 * that inet_num and by each TIME_WAIT bucket, and goes with the last.
 */
#ifndef _XTCP_PORTS_H
#define _XTCP_PORTS_H

#include "demux.h"
#include "sock.h"

struct xtcp_dest;
struct xtcp_tw;

int xtcp_ports_init(void);
void xtcp_ports_exit(void);
int xtcp_ports_net_init(struct xtcp_net *xn);	/* port_map */
void xtcp_ports_net_exit(struct xtcp_net *xn);

/*
 * struct proto.get_port: 0 or -EADDRINUSE ...; @snum 0: one is chosen when somebody asks
 * for it, by listen(), connect() or xtcp_ports_settle(). Socket locked; sleeps.
 */
int xtcp_ports_get_port(struct sock *sk, unsigned short snum);
/* getsockname(): what bind() to port 0 put off. Socket not locked; sleeps. */
int xtcp_ports_settle(struct sock *sk);
/* Gives the socket's port up (struct proto.put_port); socket locked. */
void xtcp_ports_put_port(struct sock *sk);
/*
 * listen(): may this socket listen beside the other owners? 0, -EADDRINUSE ... A socket
 * without a port gets one. The state is LISTEN already, so that of two that try at
 * once one sees the other; the listener table comes after. Socket locked; sleeps.
 */
int xtcp_ports_listen_ok(struct sock *sk);
/*
 * connect(): picks an ephemeral port unless bound, and enters the socket into the
 * connection table. Addresses are set, state is SYN_SENT. 0, -EADDRNOTAVAIL (no
 * port left, or the bound 4-tuple is taken), -EINPROGRESS (it waits for one), -ENOMEM.
 */
int xtcp_ports_connect(struct sock *sk);
int xtcp_ports_connect_via(struct sock *sk, struct xtcp_dest *d, u16 num, xtcp_tw_reuse_fn reuse);
/*
 * A child takes a share in its listener's port, once its own inet_num is set and before
 * it is hashed. False: the listener has given its port up, the child has none.
 */
bool xtcp_ports_inherit(struct sock *child, const struct sock *listener);
/* Does native TCP know of the socket's port? Socket locked. */
static inline bool xtcp_ports_guarded(const struct sock *sk)
{
	return xtcp_sk(sk)->port_pinned && xtcp_sk(sk)->guard;
}

/* A clone still has what its listener had: forget it, first thing. */
static inline void xtcp_ports_init_clone(struct sock *child)
{
	xtcp_sk(child)->port = NULL;
	xtcp_sk(child)->guard = NULL;
	xtcp_sk(child)->port_pinned = false;
	xtcp_sk(child)->port_lazy = false;
	xtcp_sk(child)->connect_wait = 0;
}

/* TIME_WAIT (its key filled) takes a share in the socket's port, and gives it back. */
void xtcp_ports_tw_hold(struct xtcp_tw *tw, struct sock *sk);
void xtcp_ports_tw_drop(struct net *net, struct xtcp_tw *tw);
/* It went from FIN_WAIT_2 to TIME_WAIT. */
void xtcp_ports_tw_wait(struct net *net, const struct xtcp_tw *tw);

/* Both options need the other side's, too: nobody listens there, or one user has both. */
static inline bool xtcp_ports_may_share(const struct sock *sk, bool reuseaddr, bool reuseport)
{
	return (sk->sk_reuse && reuseaddr) || (sk->sk_reuseport && reuseport);
}

static inline bool xtcp_ports_dev_overlap(const struct sock *sk, int dev)
{
	return !sk->sk_bound_dev_if || !dev || sk->sk_bound_dev_if == dev;
}

/* First test of a segment: may @port (host order) be one of XTCP's? */
static inline bool xtcp_ports_maybe_ours(const struct xtcp_net *xn, u16 port)
{
	return test_bit(port, xn->port_map);
}

#endif /* _XTCP_PORTS_H */

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * dest.c: destinations, and which ephemeral ports each has in use.
 *
 * A destination is a local address, a peer's address and its port. There is an entry for
 * each that has connections from ports that connect() chose, or TIME_WAIT buckets of them:
 * each is a share, and the entry goes with the last, and the last that waits for a port.
 * Above DEST_HOT shares it gets a map of its ports (destmap.c), so that a free one, or that
 * there is none, is found in a time that does not depend on how many are in use.
 */
#ifndef _XTCP_DEST_H
#define _XTCP_DEST_H

#include "demux.h"
#include "ephemeral.h"
#include "twmem.h"

#define XTCP_DEST_BUCKETS	16384U

struct xtcp_dest;
struct xtcp_portwait;

int xtcp_dest_init(void);
void xtcp_dest_exit(void);

/* A share in the entry for the key's addresses and peer's port. Process context. */
struct xtcp_dest *xtcp_dest_get(const struct xtcp_key *key, const struct xtcp_ephemeral *e);
/* The share back; it has no port. */
void xtcp_dest_put(struct xtcp_dest *d);
/* A share's connection came to have a port, and ended. */
void xtcp_dest_take(struct xtcp_dest *d, u16 port);
void xtcp_dest_release(struct xtcp_dest *d, u16 port);
/* TIME_WAIT takes over a connection's share, begins, and ends. */
void xtcp_dest_hand_over(struct xtcp_dest *d, const struct xtcp_tw *tw);
void xtcp_dest_tw_wait(struct net *net, const struct xtcp_tw *tw);
void xtcp_dest_tw_release(struct net *net, const struct xtcp_tw *tw);

/* The port is another connection's with this destination; or may not be tried for a while. */
void xtcp_dest_learn(struct xtcp_dest *d, u16 port);
void xtcp_dest_refuse(struct xtcp_dest *d, u16 port);

/* Who waits for a port (portwait.c) comes, and goes; is there one of the same range? */
void xtcp_dest_await(struct xtcp_dest *d, struct xtcp_portwait *w);
void xtcp_dest_forgo(struct xtcp_dest *d, struct xtcp_portwait *w);
bool xtcp_dest_is_awaited(struct xtcp_dest *d, const struct xtcp_ephemeral *e);

/* As far as the map knows; 0: none from @first to @last. */
bool xtcp_dest_is_free(struct xtcp_dest *d, u16 port);
u16 xtcp_dest_next_free(struct xtcp_dest *d, const struct xtcp_ephemeral *e, u32 first, u32 last);
u16 xtcp_dest_next_reusable(struct xtcp_dest *d, const struct xtcp_ephemeral *e, u32 first,
			    u32 last);

/**
 * struct xtcp_dest_info - what a destination has of the ports
 * @laddr: local address
 * @raddr: remote address
 * @rport: remote port
 * @used: ports
 * @waits: of these, in TIME_WAIT, or in FIN_WAIT_2 without an owner
 * @waiting: connect() calls that wait for one
 */
struct xtcp_dest_info {
	__be32 laddr;
	__be32 raddr;
	__be16 rport;
	u32 used;
	u32 waits;
	u32 waiting;
};

void xtcp_dest_watch(struct xtcp_dest *d, const struct xtcp_ephemeral *e);
void xtcp_dest_visit(const struct net *net, u32 bucket,
		     void (*fn)(const struct xtcp_dest_info *info, void *arg), void *arg);

#endif /* _XTCP_DEST_H */

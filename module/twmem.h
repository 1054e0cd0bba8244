/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * twmem.c: the memory of TIME_WAIT buckets, 64 bytes each for IPv4, in pages that hold
 * nothing else, named by 32-bit indices.
 *
 * The memory is type-stable: a bucket may end and live again as another while a reader
 * in RCU looks at it. Hence take a reference first and compare the key afterwards, as
 * with a slab of SLAB_TYPESAFE_BY_RCU, which would add 8 bytes for its free pointer and
 * make 128 of them. A page that is wholly unused goes back to the kernel after a grace
 * period, and its index may soon name another.
 */
#ifndef _XTCP_TWMEM_H
#define _XTCP_TWMEM_H

#include <linux/atomic.h>
#include <linux/cache.h>
#include <linux/types.h>
#include <xtcp/cells.h>

/**
 * struct xtcp_tw - a connection in TIME_WAIT, or in FIN_WAIT_2 without an owner
 * @chain: index of the next in its demux bucket, or that bucket's end; stays as it is
 *	when the bucket is taken out, for readers that stand on it
 * @queue: place in its expiry queue. Under the lock of the queue's shard
 * @netid: xtcp_net.id of its namespace
 * @laddr: local address
 * @raddr: remote address
 * @lport: local port, host order
 * @rport: remote port
 * @bound_dev_if: device this 4-tuple is bound to, or 0
 * @rcv_nxt: RCV.NXT
 * @snd_nxt: SND.NXT, constant
 * @ts_recent: TS.Recent
 * @expires: jiffies, low 32 bits. As @queue, read without the lock
 * @oow_stamp: jiffies of the last ACK to an out-of-window segment, 0: none
 * @mark: fwmark of its ACKs
 * @life: references, in the low 16 bits, and XTCP_TW_*
 * @window: window field of its ACKs, shifted already
 * @tos: of its ACKs
 * @class: of its lifetime (xtcp/lifetime.h), or XTCP_TW_UNQUEUED. As @queue
 *
 * What is neither constant nor under a lock is single stores (tw.h). Not kept, since it
 * can be had otherwise: the hash, the offset of timestamps (both by the 4-tuple), when
 * TS.Recent was set (no later than the lifetime began), the port's entry (ports.c finds
 * it by number). Not kept at all: a priority of IP above 15, the flow hash.
 */
struct xtcp_tw {
	u32 chain;
	struct xtcp_cell_links queue;
	u32 netid;
	__be32 laddr;
	__be32 raddr;
	u16 lport;
	__be16 rport;
	int bound_dev_if;
	u32 rcv_nxt;
	u32 snd_nxt;
	u32 ts_recent;
	u32 expires;
	u32 oow_stamp;
	u32 mark;
	atomic_t life;
	u16 window;
	u8 tos;
	u8 class;
};

static_assert(sizeof(struct xtcp_tw) == 64);

#define XTCP_TW_REFS		0x0000ffffU	/* table, expiry queue, finders */
#define XTCP_TW_HASHED		0x00010000U	/* written under the demux bucket's lock */
#define XTCP_TW_FIN_WAIT2	0x00020000U	/* not yet in TIME_WAIT */
#define XTCP_TW_TS		0x00040000U	/* timestamps were negotiated */
#define XTCP_TW_TS_OFFSET	0x00080000U	/* ours had an offset (xtcp_synq_ts_secret()) */
#define XTCP_TW_PORT		0x00100000U	/* ports.c: has a share in its port */
#define XTCP_TW_REUSEADDR	0x00200000U	/* ports.c: the socket had SO_REUSEADDR */
#define XTCP_TW_REUSEPORT	0x00400000U	/* ports.c: the socket had SO_REUSEPORT */
#define XTCP_TW_PINNED		0x00800000U	/* ports.c: bind() or listen() had the port */
#define XTCP_TW_WSCALE_SHIFT	24		/* 4 bits: of our windows */
#define XTCP_TW_PRIO_SHIFT	28		/* 4 bits: SO_PRIORITY */

#define XTCP_TW_UNQUEUED	0xff

static inline u32 xtcp_tw_flags(const struct xtcp_tw *tw)
{
	return (u32)atomic_read(&tw->life);
}

static inline void xtcp_tw_set_flag(struct xtcp_tw *tw, u32 flag)
{
	atomic_or((int)flag, &tw->life);
}

static inline void xtcp_tw_clear_flag(struct xtcp_tw *tw, u32 flag)
{
	atomic_andnot((int)flag, &tw->life);
}

static inline bool xtcp_tw_hashed(const struct xtcp_tw *tw)
{
	return xtcp_tw_flags(tw) & XTCP_TW_HASHED;
}

int xtcp_twmem_init(void);
void xtcp_twmem_exit(void);
struct xtcp_tw *xtcp_twmem_alloc(void);
struct xtcp_tw *xtcp_twmem_at(u32 idx);
u32 xtcp_twmem_index(const struct xtcp_tw *tw);
bool xtcp_tw_hold_not_zero(struct xtcp_tw *tw);
void xtcp_tw_put(struct xtcp_tw *tw);

#endif /* _XTCP_TWMEM_H */

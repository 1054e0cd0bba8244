/* SPDX-License-Identifier: GPL-2.0-only */
/* snd.h: the send part of struct xtcp_sock. Socket lock. */
#ifndef _XTCP_SND_H
#define _XTCP_SND_H

#include <linux/types.h>

/* What a sender's time goes by with: struct xtcp_busy. */
enum xtcp_busy_with {
	XTCP_BUSY_IDLE,		/* nothing to send, all acknowledged: not counted */
	XTCP_BUSY_SENDING,
	XTCP_BUSY_RWND,		/* held up by the peer's window */
	XTCP_BUSY_SNDBUF,	/* held up by the send buffer */
	XTCP_BUSY_KINDS
};

/**
 * struct xtcp_busy - the account of that, in ticks of 1024 microseconds; busy.c
 * @ticks: of each but XTCP_BUSY_IDLE, up to @since; they wrap after 50 days, as those of the
 *	kernel's TCP do with HZ=1000
 * @since: since when it has been what xtcp_sock.busy_with says
 */
struct xtcp_busy {
	u32 ticks[XTCP_BUSY_KINDS - 1];
	u32 since;
};

/**
 * struct xtcp_snd - send sequence space (RFC 9293 3.3.1); output.c, ack.c
 * @una, @nxt, @wnd, @wl1, @up, @isn: SND.UNA ... ISS; @wnd in bytes, scaled
 * @max_wnd: largest window the peer ever offered
 * @write_seq: the number the next byte of the application gets
 * @pushed_seq: last number at which PSH was set
 * @sml: end of the last sent segment below MSS (Nagle, Minshall)
 * @high_seq: SND.NXT when loss recovery began
 * @packets_out: segments sent and unacknowledged (rtxq.c)
 * @sacked_out: of these, SACKed (or, without SACK, one per duplicate ACK)
 * @lost_out: of these, taken for lost
 * @retrans_out: of these, retransmitted and still in flight
 * @lsndtime: jiffies of the last data segment
 * @mss: bytes a full segment carries now, options deducted; never 0
 * @mss_clamp: the peer's MSS option (or the default)
 * @user_mss: TCP_MAXSEG, 0 if unset
 * @advmss: what we announce
 * @pmtu: path MTU that @mss stands for
 * @wscale: shift of the windows we receive
 * @nonagle: XTCP_NAGLE_*
 * @fin_queued: the application's end is in the stream; nothing follows
 */
struct xtcp_snd {
	u32 una;
	u32 nxt;
	u32 wnd;
	u32 wl1;
	u32 write_seq;
	u32 packets_out;
	u32 sacked_out;
	u32 lost_out;
	u32 retrans_out;
	u32 max_wnd;
	u32 sml;
	u32 pushed_seq;
	u32 up;
	u32 isn;
	u32 high_seq;
	u32 lsndtime;
	u32 pmtu;
	u32 notsent_lowat;	/* TCP_NOTSENT_LOWAT, 0: the knob says; READ_ONCE/WRITE_ONCE */
	u16 mss;
	u16 mss_clamp;
	u16 user_mss;
	u16 advmss;
	u16 ext_hdr_len;	/* IP options */
	u8 wscale;
	u8 nonagle;
	u8 fin_queued;
	u8 urg_mode;
	u8 cwnd_limited;	/* cwnd, not the application, held data back this round */
	u32 cwnd_usage_seq;	/* the round ends when this is acknowledged */
	u32 max_packets_out;	/* of the round */
	u64 bytes_sent;
	u64 bytes_acked;
	u64 bytes_retrans;
	u32 segs_out;
	u32 data_segs_out;
	u32 total_retrans;
	u32 delivered;
};

#define XTCP_NAGLE_OFF		0x01	/* TCP_NODELAY */
#define XTCP_NAGLE_CORK		0x02	/* TCP_CORK */
#define XTCP_NAGLE_PUSH		0x04	/* one push past Nagle: option just changed */

/**
 * struct xtcp_mtup - the search for the path MTU; mtup.c. Sizes are those of IP packets
 * @low: what is believed to arrive; nothing larger is sent until it did. 0: no search
 * @high: what may
 * @probe: size of the probe under way, 0: none
 * @len: bytes of the stream that it carries
 * @start: their first number
 * @stamp: jiffies when the range was last opened
 */
struct xtcp_mtup {
	u16 low;
	u16 high;
	u16 probe;
	u16 len;
	u32 start;
	u32 stamp;
};

#endif /* _XTCP_SND_H */

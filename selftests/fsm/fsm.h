/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Hand-made segments against one socket at a time, through a tun device in an
 * own network namespace. The harness plays the peer. Each program runs twice: as
 * itself over $XTCP_FAMILY, and by the name of NAME_native over the kernel's own
 * TCP, the oracle.
 *
 * fsm_tun.c: device, segments, barrier. fsm_drive.c: into a state, and what a
 * socket has become. fsm_tap.c: results.
 */
#ifndef _XTCP_SELFTESTS_FSM_H
#define _XTCP_SELFTESTS_FSM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kselftest.h"

/* Addresses of the namespace: the socket's, the peer's, one routed nowhere. */
#define FSM_LOCAL	0xc0000201u	/* 192.0.2.1 */
#define FSM_PEER	0xc0000202u	/* 192.0.2.2 */

#define FIN	0x001
#define SYN	0x002
#define RST	0x004
#define PSH	0x008
#define ACK	0x010
#define URG	0x020
#define ECE	0x040
#define CWR	0x080
#define AE	0x100

#define FSM_PAYLOAD	2048

/**
 * struct seg - one TCP segment, host byte order
 * @tos: of the IP header
 * @opt, @optlen: the options, padded to four bytes by the sender
 * @ts, @tsval, @tsecr: parsed timestamps, or to be sent if @ts
 * @nsack: SACK blocks found, @sack their edges
 * @bad_csum: send with a wrong checksum; on reception: it was wrong
 */
struct seg {
	uint32_t saddr, daddr;
	uint16_t sport, dport;
	uint32_t seq, ack;
	uint16_t flags, win, urg, mss;
	uint8_t tos;
	uint8_t opt[40];
	uint8_t optlen;
	int8_t wscale;
	bool ts, sackok, bad_csum;
	uint32_t tsval, tsecr;
	uint32_t sack[4][2];
	int nsack;
	uint16_t len;
	uint8_t data[FSM_PAYLOAD];
};

/* fsm_tun.c */
extern int fsm_family;
extern bool fsm_trace;

void tun_open(void);
void tun_route_all(void);
void tun_send(const struct seg *seg);
void tun_send_raw(const void *packet, size_t len);
void tun_icmp(uint8_t type, uint8_t code, uint32_t rest, const void *quote, size_t len);
bool tun_recv(struct seg *seg, int timeout_ms);
void tun_barrier(void);
bool tun_recv_barrier(struct seg *seg);
void fsm_sysctl(const char *name, const char *value);
bool fsm_knob(const char *name, const char *value);
void fsm_tcp_knob(const char *name, const char *value);
long fsm_counter(const char *group, const char *name);
const char *seg_flags(uint16_t flags, char *buf);
uint64_t fsm_now_ms(void);

/* States as the kernel numbers them; 7 also when nothing is to be found. */
enum fsm_state {
	S_ESTABLISHED = 1,
	S_SYN_SENT,
	S_SYN_RECV,
	S_FIN_WAIT1,
	S_FIN_WAIT2,
	S_TIME_WAIT,
	S_CLOSED,
	S_CLOSE_WAIT,
	S_LAST_ACK,
	S_LISTEN,
	S_CLOSING,
	S_STATES
};

/* Where a connection can be put: states, some of them by two ways. */
enum fsm_place {
	P_CLOSED,
	P_LISTEN,
	P_SYN_SENT,
	P_SYN_RECV,
	P_SYN_RECV_CROSSED,	/* simultaneous open */
	P_ESTABLISHED,
	P_FIN_WAIT1,
	P_FIN_WAIT1_ORPHAN,
	P_FIN_WAIT2,
	P_FIN_WAIT2_ORPHAN,
	P_CLOSE_WAIT,
	P_CLOSING,
	P_LAST_ACK,
	P_LAST_ACK_ORPHAN,
	P_TIME_WAIT,
	P_TIME_WAIT_CROSSED,	/* simultaneous close */
	P_PLACES
};

/**
 * struct conn - one connection, as its peer (the harness) sees it
 * @family: of the socket under test
 * @fd: the socket, -1 when there is none (half-open, orphan, closed)
 * @lfd: its listener, or -1
 * @raddr, @rport: the harness's end; @lport: the socket's
 * @iss: the harness's initial sequence number, @irs: the socket's
 * @snd_nxt: next sequence number of the harness, the socket's RCV.NXT
 * @rcv_nxt: the socket's SND.NXT
 * @una: the socket's SND.UNA, what the harness has acknowledged
 * @wnd: the window the socket offered last, in bytes
 * @wscale: its shift; @my_win: what the harness offers (unscaled, it offers no shift)
 * @ts: timestamps are on; @tsval: the harness's clock; @tsecr: the last TSval of the socket
 * @mss: MSS option of the harness's SYN, 0 for none
 * @accepted: the listener gave out @fd
 * @read: bytes the application has read, each compared with conn_fill()'s pattern
 */
struct conn {
	int family;
	int fd, lfd;
	uint32_t raddr;
	uint16_t rport, lport;
	uint32_t iss, irs, snd_nxt, rcv_nxt, una, wnd;
	uint8_t wscale;
	uint16_t my_win, mss;
	bool want_opts, ts, accepted;
	uint32_t tsval, tsecr, read;
};

/* A test point: what a fresh connection goes through, true if all was as it should be. */
struct conn_flow {
	const char *name;
	bool (*run)(struct conn *c);
};

/* In what returns whether all was as it should be: the step that was not is named. */
#define STEP(cond)								\
	do {									\
		if (!(cond)) {							\
			tap_note("%s:%d: %s", __func__, __LINE__, #cond);	\
			return false;						\
		}								\
	} while (0)

/* fsm_drive.c */
void conn_init(struct conn *c, int family, bool opts);
void conn_listen(struct conn *c, int backlog);
void conn_open(struct conn *c);
void conn_connect(struct conn *c);
bool conn_into(struct conn *c, enum fsm_place place);
bool conn_handshake(struct conn *c);
bool conn_passive(struct conn *c);
bool conn_accept(struct conn *c);
bool conn_expect(struct conn *c, uint16_t flags, struct seg *seg);
bool conn_answer(struct conn *c, struct seg *seg, int timeout_ms);
void conn_kill(struct conn *c);
void conn_note(struct conn *c, const struct seg *seg);
void conn_seg(const struct conn *c, struct seg *seg, uint16_t flags, uint32_t seq, uint32_t ack);
void conn_send(struct conn *c, uint16_t flags, uint32_t seq, uint32_t ack, uint16_t len);
void conn_sack(struct conn *c, uint32_t ack, uint32_t left, uint32_t right);
void conn_fill(struct seg *seg, uint32_t from, uint16_t len);
bool conn_ours(const struct conn *c, const struct seg *seg);
enum fsm_state conn_state(const struct conn *c);
const char *conn_read(struct conn *c, char *buf, size_t size);
int conn_flows(const struct conn_flow *flows, unsigned int n, const char *with);
const char *state_name(enum fsm_state state);
const char *place_name(enum fsm_place place);
enum fsm_state place_state(enum fsm_place place);

/* fsm_say.c */
void say_answers(struct conn *c, const struct seg *in, bool due, char *buf, size_t size);
const char *say_state(const struct conn *c);

/* fsm_tap.c */
void tap_plan(int tests);
void tap_ok(bool ok, const char *name, ...) __attribute__((format(printf, 2, 3)));
void tap_note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void die(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));
int tap_done(void);

#endif /* _XTCP_SELFTESTS_FSM_H */

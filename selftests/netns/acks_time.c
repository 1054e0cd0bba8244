// SPDX-License-Identifier: GPL-2.0-only
/*
 * When an ACK leaves, to the microsecond: alone at once, alone when its time is
 * over, or with the application's answer. Over both TCPs: native holds none back.
 */
#include <sys/epoll.h>
#include <sys/mman.h>

#include "passive_test.h"

#define HOLD_US		1000
/* Whatever else the machine does meanwhile; a delayed ACK waits ten times as long. */
#define SLACK_US	4000

static struct seg seg;

static uint64_t now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000ull + ts.tv_nsec / 1000;
}

static bool holds(void)
{
	return fsm_family == AF_XTCP;
}

static bool bare(const struct conn *c)
{
	return seg.flags == ACK && !seg.len && seg.ack == c->snd_nxt;
}

/* A bare ACK of all, without waiting. */
static bool at_once(struct conn *c)
{
	return answer(c, &seg) && bare(c);
}

/* A bare ACK of all after @us; native's came at once. */
static bool after_us(struct conn *c, uint64_t us)
{
	uint64_t start = now_us(), took;

	if (!holds())
		return at_once(c);
	if (!conn_answer(c, &seg, 1000) || !bare(c))
		return false;
	took = now_us() - start;
	if (took + 100 < us || took > us + SLACK_US)
		tap_note("an ACK after %llu us, not %llu", (unsigned long long)took,
			 (unsigned long long)us);
	return took + 100 >= us && took <= us + SLACK_US;
}

/* The application writes: one segment that acknowledges all. Native has said so before. */
static bool rides(struct conn *c)
{
	if (!holds() && !at_once(c))
		return false;
	if (send(c->fd, "0123456789", 10, 0) != 10)
		return false;
	if (!answer(c, &seg) || seg.len != 10 || seg.ack != c->snd_nxt)
		return false;
	return !conn_answer(c, &seg, 3);
}

/* connect() under way; the SYN-ACK is on its way in. */
static bool opened(struct conn *c)
{
	conn_connect(c);
	if (!conn_expect(c, SYN, &seg))
		return false;
	conn_send(c, SYN | ACK, c->iss, c->rcv_nxt, 0);
	c->snd_nxt = c->iss + 1;
	c->una = c->rcv_nxt;
	return true;
}

static bool turn_reads(struct conn *c)
{
	char byte;

	return recv(c->fd, &byte, 1, MSG_DONTWAIT) < 0 && errno == EAGAIN;
}

static bool turn_polls(struct conn *c, int events, int want)
{
	struct pollfd pfd = { .fd = c->fd, .events = events };

	return poll(&pfd, 1, 0) == !!want && pfd.revents == want;
}

static bool turn_epolls(struct conn *c)
{
	struct epoll_event ev = { .events = EPOLLIN };
	int fd = epoll_create1(EPOLL_CLOEXEC);
	bool ok = !epoll_ctl(fd, EPOLL_CTL_ADD, c->fd, &ev) && !epoll_wait(fd, &ev, 1, 0);

	close(fd);
	return ok;
}

static bool hs_timeout(struct conn *c)
{
	return opened(c) && after_us(c, HOLD_US);
}

static bool hs_rides(struct conn *c)
{
	return opened(c) && turn_polls(c, POLLIN | POLLOUT, POLLOUT) && rides(c);
}

static bool hs_read(struct conn *c)
{
	return opened(c) && turn_reads(c) && at_once(c);
}

static bool hs_poll(struct conn *c)
{
	return opened(c) && turn_polls(c, POLLIN, 0) && at_once(c);
}

static bool hs_epoll(struct conn *c)
{
	return opened(c) && turn_epolls(c) && at_once(c);
}

static bool hs_server_speaks(struct conn *c)
{
	if (!opened(c))
		return false;
	if (!holds() && !at_once(c))
		return false;
	conn_send(c, ACK | PSH, c->snd_nxt, c->rcv_nxt, 100);
	c->snd_nxt += 100;
	return at_once(c);
}

static bool hs_close(struct conn *c)
{
	if (!opened(c) || (!holds() && !at_once(c)))
		return false;
	shutdown(c->fd, SHUT_WR);
	return answer(c, &seg) && seg.flags == (FIN | ACK) && seg.ack == c->snd_nxt;
}

/* The peer's application hears of the connection before it is reset. */
static bool hs_reset(struct conn *c)
{
	bool ok = opened(c);

	drop(c->fd);
	c->fd = -1;
	return ok && conn_answer(c, &seg, 0) && bare(c) && conn_answer(c, &seg, 0) &&
	       seg.flags & RST;
}

/* The segment that should have carried the ACK is lost: its repetition carries it as well. */
static bool hs_lost(struct conn *c)
{
	uint64_t start;

	if (!opened(c) || !rides(c))
		return false;
	start = fsm_now_ms();
	return conn_answer(c, &seg, 1000) && seg.len == 10 && seg.ack == c->snd_nxt &&
	       fsm_now_ms() - start <= 250;
}

static bool set_before(struct conn *c, int quickack)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(c->rport),
				  .sin_addr.s_addr = htonl(c->raddr) };

	conn_open(c);
	setsockopt(c->fd, IPPROTO_TCP, TCP_QUICKACK, &quickack, sizeof(quickack));
	if (!connect(c->fd, (struct sockaddr *)&to, sizeof(to)) || errno != EINPROGRESS ||
	    !conn_expect(c, SYN, &seg))
		return false;
	conn_send(c, SYN | ACK, c->iss, c->rcv_nxt, 0);
	c->snd_nxt = c->iss + 1;
	return true;
}

static bool hs_quickack(struct conn *c)
{
	return set_before(c, 1) && at_once(c);
}

static bool hs_no_quickack(struct conn *c)
{
	uint64_t start = fsm_now_ms();

	return set_before(c, 0) && silent(c) && conn_answer(c, &seg, 1000) && bare(c) &&
	       fsm_now_ms() - start >= 190 && fsm_now_ms() - start <= 230;
}

static bool hs_knob_off(struct conn *c)
{
	bool ok;

	if (holds())
		fsm_tcp_knob("ack_hold_us", "0");
	ok = opened(c) && at_once(c);
	if (holds())
		fsm_tcp_knob("ack_hold_us", "1000");
	return ok;
}

/* A request of the peer, and what the application does then. */
static bool asked(struct conn *c, uint16_t len)
{
	if (!conn_passive(c))
		return false;
	conn_send(c, ACK | PSH, c->snd_nxt, c->rcv_nxt, len);
	c->snd_nxt += len;
	return true;
}

static bool reads(struct conn *c, int len)
{
	uint8_t data[2048];

	return recv(c->fd, data, sizeof(data), MSG_DONTWAIT) == len;
}

static bool rq_timeout(struct conn *c)
{
	return asked(c, 100) && after_us(c, HOLD_US);
}

static bool rq_think(struct conn *c)
{
	bool ok = asked(c, 100) && reads(c, 100) && after_us(c, HOLD_US);

	nap_ms(20);
	return ok && send(c->fd, "0123456789", 10, 0) == 10 && answer(c, &seg) && seg.len == 10;
}

static bool rq_rides(struct conn *c)
{
	return asked(c, 100) && turn_polls(c, POLLIN, POLLIN) && reads(c, 100) && rides(c);
}

static bool rq_large_rides(struct conn *c)
{
	return asked(c, 1400) && reads(c, 1400) && rides(c);
}

static bool rq_read_again(struct conn *c)
{
	return asked(c, 100) && reads(c, 100) && turn_reads(c) && at_once(c);
}

static bool rq_poll(struct conn *c)
{
	return asked(c, 100) && reads(c, 100) && turn_polls(c, POLLIN, 0) && at_once(c);
}

static bool rq_two(struct conn *c)
{
	if (!asked(c, 100) || (!holds() && !at_once(c)))
		return false;
	conn_send(c, ACK | PSH, c->snd_nxt, c->rcv_nxt, 100);
	c->snd_nxt += 100;
	return at_once(c);
}

static bool rq_no_push(struct conn *c)
{
	if (!conn_passive(c))
		return false;
	conn_send(c, ACK, c->snd_nxt, c->rcv_nxt, 1400);
	c->snd_nxt += 1400;
	return at_once(c);
}

static bool rq_second_full(struct conn *c)
{
	if (!rq_no_push(c))
		return false;
	conn_send(c, ACK | PSH, c->snd_nxt, c->rcv_nxt, 1400);
	c->snd_nxt += 1400;
	return at_once(c);
}

static bool rq_hole(struct conn *c)
{
	if (!conn_passive(c))
		return false;
	conn_send(c, ACK | PSH, c->snd_nxt + 100, c->rcv_nxt, 100);
	if (!answer(c, &seg) || seg.ack != c->snd_nxt)
		return false;
	conn_send(c, ACK | PSH, c->snd_nxt, c->rcv_nxt, 100);
	c->snd_nxt += 200;
	return at_once(c);
}

static bool rq_again(struct conn *c)
{
	if (!asked(c, 100) || (!holds() && !at_once(c)))
		return false;
	conn_send(c, ACK | PSH, c->snd_nxt - 100, c->rcv_nxt, 100);
	return at_once(c);
}

static bool rq_quickack(struct conn *c)
{
	int on = 1;

	if (!conn_passive(c))
		return false;
	setsockopt(c->fd, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof(on));
	conn_send(c, ACK | PSH, c->snd_nxt, c->rcv_nxt, 100);
	c->snd_nxt += 100;
	return at_once(c);
}

/* Request, response, and the client's FIN carries the response's ACK. */
static bool rq_fin_rides(struct conn *c)
{
	if (!hs_rides(c))
		return false;
	conn_send(c, ACK | PSH, c->snd_nxt, c->rcv_nxt, 100);
	c->snd_nxt += 100;
	c->una = c->rcv_nxt;
	if (!reads(c, 100) || !(holds() ? silent(c) : at_once(c)))
		return false;
	shutdown(c->fd, SHUT_WR);
	return answer(c, &seg) && seg.flags == (FIN | ACK) && seg.ack == c->snd_nxt;
}

/* A round trip of 200 ms, and the first, eager ACKs are over. */
static bool settled(struct conn *c)
{
	int i;

	conn_listen(c, 8);
	if (!syn_answered(c))
		return false;
	nap_ms(200);
	send_ack(c);
	if (!conn_accept(c))
		return false;
	for (i = 0; i < 40; i++) {
		conn_send(c, ACK, c->snd_nxt, c->rcv_nxt, 100);
		c->snd_nxt += 100;
	}
	while (conn_answer(c, &seg, 250))
		;
	return seg.ack == c->snd_nxt && reads(c, 2048);
}

/* Ten segments behind a hole; the ACKs that come without waiting. */
static int burst(struct conn *c)
{
	uint32_t i;
	int n = 0;

	for (i = 1; i <= 10; i++)
		conn_send(c, ACK, c->snd_nxt + 100 * i, c->rcv_nxt, 100);
	tun_barrier();
	while (tun_recv_barrier(&seg))
		n += conn_ours(c, &seg) && seg.flags == ACK && seg.ack == c->snd_nxt;
	return n;
}

/* Three at once and one for the other seven, with all that is there. */
static bool ooo_burst(struct conn *c)
{
	long before = fsm_counter("TcpExt", "TCPAckCompressed");
	bool ok;

	fsm_tcp_knob("comp_sack_delay_ns", "8000000");
	ok = settled(c);
	if (!c->want_opts) {
		ok &= burst(c) == 10;
	} else {
		ok &= burst(c) == 3 && conn_answer(c, &seg, 9) && seg.nsack == 1 &&
		      seg.sack[0][0] == c->snd_nxt + 100 && seg.sack[0][1] == c->snd_nxt + 1100;
		ok &= counted("TcpExt", "TCPAckCompressed", before, 6);
	}
	ok &= !conn_answer(c, &seg, 20);
	conn_send(c, ACK, c->snd_nxt, c->rcv_nxt, 100);
	c->snd_nxt += 1100;
	ok &= at_once(c);
	fsm_tcp_knob("comp_sack_delay_ns", "1000000");
	return ok;
}

static bool ooo_burst_nr(struct conn *c)
{
	long before = fsm_counter("TcpExt", "TCPAckCompressed");
	bool ok;

	fsm_tcp_knob("comp_sack_nr", "0");
	ok = settled(c) && burst(c) == 10 && counted("TcpExt", "TCPAckCompressed", before, 0);
	fsm_tcp_knob("comp_sack_nr", "44");
	return ok;
}

static const struct {
	const char *name;
	bool (*run)(struct conn *c);
	const char *counter;	/* of the group XTcp, moves by one */
} cases[] = {
	{ "SYN-ACK: its ACK waits 1 ms, no more", hs_timeout, "AckHeldTimeout" },
	{ "SYN-ACK, poll for space, write: the data carry the ACK", hs_rides, "AckHeld" },
	{ "SYN-ACK, read: ACK at once", hs_read, "AckHeldTurn" },
	{ "SYN-ACK, poll: ACK at once", hs_poll, "AckHeldTurn" },
	{ "SYN-ACK, epoll: ACK at once", hs_epoll, "AckHeldTurn" },
	{ "SYN-ACK, the server speaks first: ACK at once", hs_server_speaks, "AckHeld" },
	{ "SYN-ACK, shutdown: the FIN carries the ACK", hs_close, "AckHeld" },
	{ "SYN-ACK, reset: the ACK before it", hs_reset, "AckHeldTurn" },
	{ "SYN-ACK, write, lost: sent again with the ACK", hs_lost, "AckHeld" },
	{ "SYN-ACK, TCP_QUICKACK: ACK at once", hs_quickack },
	{ "SYN-ACK, TCP_QUICKACK 0: ACK after 200 ms", hs_no_quickack },
	{ "SYN-ACK, ack_hold_us 0: ACK at once", hs_knob_off },
	{ "request: its ACK waits 1 ms, no more", rq_timeout, "AckHeldTimeout" },
	{ "request, 20 ms to think: ACK after 1 ms", rq_think, "AckHeldTimeout" },
	{ "request, poll, read, write: the response carries the ACK", rq_rides, "AckHeld" },
	{ "request of a full segment: the same", rq_large_rides, "AckHeld" },
	{ "request, read, read: ACK at once", rq_read_again, "AckHeldTurn" },
	{ "request, read, poll: ACK at once", rq_poll, "AckHeldTurn" },
	{ "request in two segments: ACK at once", rq_two, "AckHeld" },
	{ "segment without PSH: ACK at once", rq_no_push },
	{ "second full segment: ACK at once", rq_second_full },
	{ "hole, and its end: ACK at once", rq_hole },
	{ "request twice: ACK at once", rq_again, "AckHeld" },
	{ "request, TCP_QUICKACK: ACK at once", rq_quickack },
	{ "response, read, shutdown: the FIN carries the ACK", rq_fin_rides },
	{ "burst out of order: three ACKs, and one for the rest", ooo_burst },
	{ "the same, comp_sack_nr 0: an ACK for each", ooo_burst_nr },
};

static bool run(unsigned int i, bool opts)
{
	const char *counter = cases[i].counter ?: "AckHeld";
	long before = fsm_counter("XTcp", counter);
	struct conn c;
	bool ok;

	conn_init(&c, fsm_family, opts);
	ok = cases[i].run(&c);
	if (holds() && cases[i].counter)
		ok &= counted("XTcp", counter, before, 1);
	conn_kill(&c);
	return ok;
}

int main(void)
{
	unsigned int i, opts;

	/* A page of libc that must first be read would take its time. */
	mlockall(MCL_CURRENT | MCL_FUTURE);
	tun_open();
	tap_plan(2 * ARRAY_SIZE(cases));
	for (opts = 0; opts < 2; opts++)
		for (i = 0; i < ARRAY_SIZE(cases); i++) {
			const char *how = opts ? ", timestamps and SACK" : "";

			/* Again, should the machine have had other work in that millisecond. */
			tap_ok(run(i, opts) || run(i, opts), "%s%s", cases[i].name, how);
		}
	return tap_done();
}

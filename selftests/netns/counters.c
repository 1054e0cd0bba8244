// SPDX-License-Identifier: GPL-2.0-only
/*
 * Counters that move: what each counts is done once, and it is one more; natively too,
 * where native TCP has a counter of that name. Waiting costs nothing here.
 */
#include "passive_test.h"

#define AT_LEAST	(-1)

static struct seg seg;

static void take_answers(struct conn *c)
{
	tun_barrier();
	while (tun_recv_barrier(&seg))
		if (conn_ours(c, &seg))
			conn_note(c, &seg);
}

static bool data(struct conn *c, uint32_t at, uint16_t len)
{
	conn_send(c, ACK | PSH, c->snd_nxt + at, c->rcv_nxt, len);
	take_answers(c);
	return true;
}

/* An ACK with one SACK block, from and to as seen from SND.NXT of the socket. */
static void sack(struct conn *c, int from, int to)
{
	uint32_t edge[2] = { htonl(c->rcv_nxt + from), htonl(c->rcv_nxt + to) };

	c->tsval++;
	conn_seg(c, &seg, ACK, c->snd_nxt, c->rcv_nxt);
	memcpy(seg.opt, "\1\1\5\12", 4);
	memcpy(seg.opt + 4, edge, 8);
	seg.optlen = 12;
	tun_send(&seg);
}

static void option(int fd, int level, int name, int value)
{
	if (setsockopt(fd, level, name, &value, sizeof(value)))
		die("setsockopt %d %d", level, name);
}

static bool established(struct conn *c)
{
	return conn_into(c, P_ESTABLISHED);
}

static bool reset(struct conn *c)
{
	if (!established(c))
		return false;
	conn_send(c, RST, c->snd_nxt, 0, 0);
	return true;
}

static bool refused(struct conn *c)
{
	if (!conn_into(c, P_SYN_SENT))
		return false;
	conn_send(c, RST | ACK, 0, c->rcv_nxt, 0);
	return true;
}

static bool closed_unread(struct conn *c)
{
	bool ok = established(c) && data(c, 0, 10);

	close(c->fd);
	c->fd = -1;
	return ok;
}

static bool data_for_orphan(struct conn *c)
{
	return conn_into(c, P_FIN_WAIT1_ORPHAN) && data(c, 0, 10);
}

static bool no_linger2(struct conn *c)
{
	if (!conn_into(c, P_FIN_WAIT2))
		return false;
	option(c->fd, IPPROTO_TCP, TCP_LINGER2, -1);
	close(c->fd);
	c->fd = -1;
	return true;
}

static bool bad_checksum(struct conn *c)
{
	if (!established(c))
		return false;
	conn_seg(c, &seg, ACK | PSH, c->snd_nxt, c->rcv_nxt);
	conn_fill(&seg, 20, 10);
	seg.bad_csum = true;
	tun_send(&seg);
	return true;
}

static bool one_segment(struct conn *c)
{
	return established(c) && send(c->fd, "0123456789", 10, 0) == 10;
}

static bool one_repeated(struct conn *c)
{
	if (!one_segment(c))
		return false;
	nap_ms(1500);
	return true;
}

static bool one_acknowledged(struct conn *c)
{
	if (!established(c) || send(c->fd, "0123456789", 10, 0) != 10 || !answer(c, &seg))
		return false;
	send_ack(c);
	return true;
}

static bool window_ack(struct conn *c)
{
	if (!one_segment(c) || !answer(c, &seg))
		return false;
	c->my_win += 1000;
	send_ack(c);
	return true;
}

static bool sack_beyond(struct conn *c)
{
	if (!one_segment(c) || !answer(c, &seg))
		return false;
	sack(c, 1000, 2000);
	return true;
}

static bool old_data(struct conn *c)
{
	return established(c) && data(c, -20, 20);
}

static bool gap(struct conn *c)
{
	return established(c) && data(c, 100, 10);
}

static bool gap_twice(struct conn *c)
{
	return gap(c) && data(c, 100, 10);
}

static bool two_in_order(struct conn *c)
{
	return established(c) && data(c, 0, 10) && data(c, 10, 10);
}

static bool syn_inside(struct conn *c)
{
	if (!established(c))
		return false;
	conn_send(c, SYN, c->snd_nxt, 0, 0);
	return true;
}

static bool syns_inside(struct conn *c)
{
	if (!syn_inside(c))
		return false;
	conn_send(c, SYN, c->snd_nxt, 0, 0);
	return true;
}

static bool old_timestamps(struct conn *c)
{
	if (!established(c))
		return false;
	c->tsval -= 100000;
	send_ack(c);
	send_ack(c);
	return true;
}

static bool old_acks(struct conn *c)
{
	if (!established(c))
		return false;
	conn_send(c, ACK, c->snd_nxt - 100000, c->rcv_nxt, 0);
	conn_send(c, ACK, c->snd_nxt - 100000, c->rcv_nxt, 0);
	return true;
}

static bool old_acks_fin_wait2(struct conn *c)
{
	if (!conn_into(c, P_FIN_WAIT2_ORPHAN))
		return false;
	conn_send(c, ACK, c->snd_nxt - 100000, c->rcv_nxt, 0);
	conn_send(c, ACK, c->snd_nxt - 100000, c->rcv_nxt, 0);
	return true;
}

static bool closed_window(struct conn *c)
{
	if (!established(c))
		return false;
	c->my_win = 0;
	send_ack(c);
	tun_barrier();
	if (send(c->fd, "0123456789", 10, 0) != 10)
		return false;
	nap_ms(500);
	return true;
}

static bool min_ttl(struct conn *c)
{
	if (!established(c))
		return false;
	option(c->fd, IPPROTO_IP, IP_MINTTL, 255);
	return data(c, 0, 10);
}

static bool echo_from_the_future(struct conn *c)
{
	if (!conn_into(c, P_SYN_SENT))
		return false;
	c->tsecr += 1000000;
	conn_send(c, SYN | ACK, c->iss, c->rcv_nxt, 0);
	return true;
}

static bool reset_in_time_wait(struct conn *c)
{
	bool ok = conn_into(c, P_TIME_WAIT);

	fsm_tcp_knob("rfc1337", "1");
	conn_send(c, RST, c->snd_nxt, 0, 0);
	tun_barrier();
	fsm_tcp_knob("rfc1337", "0");
	return ok;
}

static bool syn_in_time_wait(struct conn *c)
{
	if (!conn_into(c, P_TIME_WAIT))
		return false;
	conn_send(c, SYN, c->snd_nxt + 100000, 0, 0);
	return true;
}

static bool queue_of_one(struct conn *c)
{
	struct conn other[4];
	int i;

	conn_listen(c, 1);
	for (i = 0; i < 4; i++) {
		client(&other[i], c);
		conn_send(&other[i], SYN, other[i].iss, 0, 0);
	}
	tun_barrier();
	return true;
}

static bool syn_fin(struct conn *c)
{
	conn_listen(c, 8);
	conn_send(c, SYN | FIN, c->iss, 0, 0);
	return true;
}

static bool listener_leaves(struct conn *c)
{
	if (!conn_into(c, P_SYN_RECV))
		return false;
	close(c->lfd);
	c->lfd = -1;
	return true;
}

static bool syn_ack_without_ack(struct conn *c)
{
	bool ok;

	fsm_tcp_knob("synack_retries", "1");
	ok = conn_into(c, P_SYN_RECV);
	nap_ms(8000);
	fsm_tcp_knob("synack_retries", "5");
	return ok;
}

static bool syn_without_answer(struct conn *c)
{
	conn_connect(c);
	nap_ms(1500);
	return true;
}

static bool delayed_ack(struct conn *c)
{
	if (!established(c))
		return false;
	option(c->fd, IPPROTO_TCP, TCP_QUICKACK, 0);
	data(c, 0, 10);
	nap_ms(400);
	return true;
}

/* What was sent twice, came twice. */
static bool dsack(struct conn *c)
{
	if (!one_segment(c))
		return false;
	nap_ms(1500);
	answer(c, &seg);
	sack(c, -10, 0);
	return true;
}

static bool keepalive(struct conn *c)
{
	if (!established(c))
		return false;
	option(c->fd, IPPROTO_TCP, TCP_KEEPIDLE, 1);
	option(c->fd, IPPROTO_TCP, TCP_KEEPINTVL, 1);
	option(c->fd, IPPROTO_TCP, TCP_KEEPCNT, 1);
	option(c->fd, SOL_SOCKET, SO_KEEPALIVE, 1);
	nap_ms(3500);
	return true;
}

static bool user_timeout(struct conn *c)
{
	if (!established(c))
		return false;
	option(c->fd, IPPROTO_TCP, TCP_USER_TIMEOUT, 1000);
	if (send(c->fd, "0123456789", 10, 0) != 10)
		return false;
	nap_ms(4000);
	return true;
}

static bool fin_wait2_over(struct conn *c)
{
	if (!conn_into(c, P_FIN_WAIT2))
		return false;
	option(c->fd, IPPROTO_TCP, TCP_LINGER2, 2);
	close(c->fd);
	c->fd = -1;
	nap_ms(4000);
	return true;
}

static const struct counter {
	const char *group, *name;
	bool (*run)(struct conn *c);
	bool opts;	/* offers timestamps, SACK and window scale */
	long n;
} counters[] = {
	{ "Tcp", "EstabResets", reset, false, 1 },
	{ "Tcp", "AttemptFails", refused, false, 1 },
	{ "Tcp", "OutRsts", closed_unread, false, 1 },
	{ "Tcp", "OutSegs", one_repeated, false, 3 },
	{ "Tcp", "RetransSegs", one_repeated, false, AT_LEAST },
	{ "Tcp", "InErrs", bad_checksum, false, 1 },
	{ "TcpExt", "TCPAbortOnClose", closed_unread, false, 1 },
	{ "TcpExt", "TCPAbortOnData", data_for_orphan, false, 1 },
	{ "TcpExt", "TCPAbortOnLinger", no_linger2, false, 1 },
	{ "TcpExt", "TCPAbortOnTimeout", user_timeout, false, 1 },
	{ "TcpExt", "TCPOrigDataSent", one_segment, false, 1 },
	{ "TcpExt", "TCPDelivered", one_acknowledged, false, 1 },
	{ "TcpExt", "TCPPureAcks", window_ack, false, AT_LEAST },
	{ "TcpExt", "TCPSACKDiscard", sack_beyond, true, 1 },
	{ "TcpExt", "TCPDSACKOldSent", old_data, true, 1 },
	{ "TcpExt", "DelayedACKLost", old_data, true, 1 },
	{ "TcpExt", "TCPOFOQueue", gap, true, 1 },
	{ "TcpExt", "TCPOFOMerge", gap_twice, true, 1 },
	{ "TcpExt", "TCPDSACKOfoSent", gap_twice, true, 1 },
	{ "TcpExt", "TCPRcvCoalesce", two_in_order, false, 1 },
	{ "TcpExt", "TCPChallengeACK", syn_inside, false, 1 },
	{ "TcpExt", "TCPACKSkippedChallenge", syns_inside, false, 1 },
	{ "TcpExt", "TCPACKSkippedPAWS", old_timestamps, true, 1 },
	{ "TcpExt", "TCPACKSkippedSeq", old_acks, false, 1 },
	{ "TcpExt", "TCPACKSkippedFinWait2", old_acks_fin_wait2, false, 1 },
	{ "TcpExt", "TCPWinProbe", closed_window, false, AT_LEAST },
	{ "TcpExt", "TCPMinTTLDrop", min_ttl, false, 1 },
	{ "TcpExt", "PAWSActive", echo_from_the_future, true, 1 },
	{ "TcpExt", "TCPReqQFullDoCookies", queue_of_one, false, AT_LEAST },
	{ "TcpExt", "TCPSynRetrans", syn_without_answer, false, 1 },
	{ "TcpExt", "DelayedACKs", delayed_ack, false, 1 },
	{ "TcpExt", "TCPDSACKRecv", dsack, true, 1 },
	{ "TcpExt", "TCPKeepAlive", keepalive, false, 1 },
	{ "XTcp", "BadStateSegment", syn_fin, false, 1 },
	{ "XTcp", "KeepaliveDeaths", keepalive, false, 1 },
	{ "XTcp", "FinWait2Expired", fin_wait2_over, false, 1 },
	{ "XTcp", "TWRstIgnored", reset_in_time_wait, false, 1 },
	{ "XTcp", "TWSynReuse", syn_in_time_wait, true, 1 },
	{ "XTcp", "RequestsDropped", listener_leaves, false, 1 },
	{ "XTcp", "SynQueueExpired", syn_ack_without_ack, false, 1 },
};

static bool moves(const struct counter *m)
{
	struct conn c;
	long before;
	bool ok;

	conn_init(&c, fsm_family, m->opts);
	before = fsm_counter(m->group, m->name);
	ok = m->run(&c);
	tun_barrier();
	if (!ok)
		tap_note("it could not be done");
	else if (m->n == AT_LEAST)
		ok = fsm_counter(m->group, m->name) > before;
	else
		ok = counted(m->group, m->name, before, m->n);
	conn_kill(&c);
	return ok;
}

/* A counter of our own has no oracle. */
static bool has(const struct counter *m)
{
	return fsm_family == AF_XTCP || strcmp(m->group, "XTcp");
}

int main(void)
{
	const struct counter *m, *end = counters + sizeof(counters) / sizeof(*counters);
	int n = 0;

	tun_open();
	for (m = counters; m < end; m++)
		n += has(m);
	tap_plan(n);
	for (m = counters; m < end; m++)
		if (has(m))
			tap_ok(moves(m), "%s", m->name);
	return tap_done();
}

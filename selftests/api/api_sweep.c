// SPDX-License-Identifier: GPL-2.0-only
/*
 * Every call in every state, and every option: what the one TCP answers, the other answers
 * too, bit by bit of errno, events and values. The list of differences is at its table; the
 * inet variant compares the oracle with itself, so that an answer by chance is found out.
 */
#include "api.h"

#include <sys/epoll.h>

#ifndef SIOCOUTQNSD
#define SIOCOUTQNSD	0x894B
#endif

#define SWEEP_EVENTS	0x7fff
#define SWEEP_TEXT	256
#define SWEEP_OPTIONS	128

/* One TCP and the socket that is asked. */
struct sweep {
	int family;
	int listener;
	struct sockaddr_in addr;
	struct sockaddr_in hole;	/* whoever connects there waits */
	int fd;
	int peer;	/* its other end, or -1 */
};

/* ---- states, and what waits in them ---------------------------------------------- */

static void sweep_non_blocking(int fd)
{
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
}

static int sweep_listen(struct sweep *s, struct sockaddr_in *addr, int backlog)
{
	int fd = api_socket(s->family, 0);

	*addr = api_addr("127.0.0.1", 0);
	bind(fd, API_SA(addr));
	listen(fd, backlog);
	addr->sin_port = htons(api_port(fd));
	sweep_non_blocking(fd);
	return fd;
}

static void make_fresh(struct sweep *s)
{
	s->fd = api_socket(s->family, 0);
}

static void make_bound(struct sweep *s)
{
	struct sockaddr_in mine = api_addr("127.0.0.1", 7777);

	make_fresh(s);
	api_set(s->fd, SOL_SOCKET, SO_REUSEADDR, 1);
	bind(s->fd, API_SA(&mine));
}

static void make_listen(struct sweep *s)
{
	struct sockaddr_in mine;

	s->fd = sweep_listen(s, &mine, 3);
}

static void make_listen_asked(struct sweep *s)
{
	struct sockaddr_in mine;

	s->fd = sweep_listen(s, &mine, 3);
	s->peer = api_socket(s->family, 0);
	connect(s->peer, API_SA(&mine));
	api_poll(s->fd, POLLIN, 5000);
}

static void make_syn_sent(struct sweep *s)
{
	make_fresh(s);
	sweep_non_blocking(s->fd);
	connect(s->fd, API_SA(&s->hole));
}

static void make_client(struct sweep *s)
{
	make_fresh(s);
	connect(s->fd, API_SA(&s->addr));
	api_poll(s->listener, POLLIN, 5000);
	s->peer = accept(s->listener, NULL, NULL);
}

static void make_server(struct sweep *s)
{
	int fd;

	make_client(s);
	fd = s->fd;
	s->fd = s->peer;
	s->peer = fd;
}

static void peer_writes(struct sweep *s)
{
	if (write(s->peer, "hello", 5) == 5)
		api_poll(s->fd, POLLIN, 5000);
}

static void make_data(struct sweep *s)
{
	make_client(s);
	peer_writes(s);
}

static void make_shut_read(struct sweep *s)
{
	make_client(s);
	shutdown(s->fd, SHUT_RD);
}

static void make_fin_wait(struct sweep *s)
{
	make_client(s);
	shutdown(s->fd, SHUT_WR);
	api_wait_state(s->fd, TCP_FIN_WAIT2);
}

static void make_fin_wait_data(struct sweep *s)
{
	make_fin_wait(s);
	peer_writes(s);
}

static void make_close_wait(struct sweep *s)
{
	make_client(s);
	shutdown(s->peer, SHUT_WR);
	api_wait_state(s->fd, TCP_CLOSE_WAIT);
}

static void make_close_wait_data(struct sweep *s)
{
	make_data(s);
	shutdown(s->peer, SHUT_WR);
	api_wait_state(s->fd, TCP_CLOSE_WAIT);
}

static void make_closed_first(struct sweep *s)
{
	make_fin_wait(s);
	shutdown(s->peer, SHUT_WR);
	api_wait_state(s->fd, TCP_CLOSE);
}

static void make_closed_first_data(struct sweep *s)
{
	make_fin_wait_data(s);
	shutdown(s->peer, SHUT_WR);
	api_wait_state(s->fd, TCP_CLOSE);
}

static void make_closed_last(struct sweep *s)
{
	make_close_wait(s);
	shutdown(s->fd, SHUT_WR);
	api_wait_state(s->fd, TCP_CLOSE);
}

static void make_shut_both(struct sweep *s)
{
	make_client(s);
	shutdown(s->fd, SHUT_RDWR);
	api_wait_state(s->fd, TCP_FIN_WAIT2);
}

static void peer_resets(struct sweep *s)
{
	struct linger l = { 1, 0 };

	setsockopt(s->peer, SOL_SOCKET, SO_LINGER, &l, sizeof(l));
	close(s->peer);
	s->peer = -1;
	api_wait_state(s->fd, TCP_CLOSE);
}

static void make_reset(struct sweep *s)
{
	make_client(s);
	peer_resets(s);
}

static void make_reset_told(struct sweep *s)
{
	make_reset(s);
	api_so_error(s->fd);
}

static void make_reset_data(struct sweep *s)
{
	make_data(s);
	peer_resets(s);
}

static void make_reset_half(struct sweep *s)
{
	make_close_wait(s);
	peer_resets(s);
}

static void make_reset_fin_wait(struct sweep *s)
{
	make_fin_wait(s);
	peer_resets(s);
}

static void make_peer_gone(struct sweep *s)
{
	make_client(s);
	close(s->peer);
	s->peer = -1;
	api_wait_state(s->fd, TCP_CLOSE_WAIT);
}

static void make_broken_pipe(struct sweep *s)
{
	make_peer_gone(s);
	if (write(s->fd, "x", 1) == 1)
		api_wait_state(s->fd, TCP_CLOSE);
}

static void make_disconnected(struct sweep *s)
{
	struct sockaddr_in none = { .sin_family = AF_UNSPEC };

	make_client(s);
	connect(s->fd, API_SA(&none));
}

static void make_refused(struct sweep *s)
{
	struct sockaddr_in closed = api_addr("127.0.0.1", 9);

	make_fresh(s);
	sweep_non_blocking(s->fd);
	connect(s->fd, API_SA(&closed));
	api_wait_state(s->fd, TCP_CLOSE);
}

static void make_refused_told(struct sweep *s)
{
	make_refused(s);
	api_so_error(s->fd);
}

static void make_urgent(struct sweep *s)
{
	make_client(s);
	send(s->peer, "abU", 3, MSG_OOB);
	send(s->peer, "cd", 2, 0);
	api_poll(s->fd, POLLPRI, 5000);
	usleep(100000);
}

static void make_urgent_read(struct sweep *s)
{
	char c;

	make_urgent(s);
	recv(s->fd, &c, 1, MSG_OOB);
}

#define PLACE(name)	{ #name, make_##name }

static const struct sweep_place {
	const char *name;
	void (*make)(struct sweep *s);
} places[] = {
	PLACE(fresh), PLACE(bound), PLACE(listen), PLACE(listen_asked), PLACE(syn_sent),
	PLACE(client), PLACE(server), PLACE(data), PLACE(shut_read), PLACE(fin_wait),
	PLACE(fin_wait_data), PLACE(close_wait), PLACE(close_wait_data), PLACE(closed_first),
	PLACE(closed_first_data), PLACE(closed_last), PLACE(shut_both), PLACE(reset),
	PLACE(reset_told), PLACE(reset_data), PLACE(reset_half), PLACE(reset_fin_wait),
	PLACE(peer_gone), PLACE(broken_pipe), PLACE(disconnected), PLACE(refused),
	PLACE(refused_told), PLACE(urgent), PLACE(urgent_read),
};

static void sweep_make(struct sweep *s, const struct sweep_place *place)
{
	s->fd = -1;
	s->peer = -1;
	place->make(s);
	sweep_non_blocking(s->fd);
}

static void sweep_drop(struct sweep *s)
{
	int fd;

	close(s->fd);
	if (s->peer >= 0)
		close(s->peer);
	/* Who the call has connected. */
	while ((fd = accept(s->listener, NULL, NULL)) >= 0)
		close(fd);
}

/* ---- calls ------------------------------------------------------------------------ */

static char answer[SWEEP_TEXT];	/* what a call says beside its value */

static long do_nothing(struct sweep *s, int arg)
{
	return 0;
}

static long do_read(struct sweep *s, int len)
{
	char buf[128];

	return read(s->fd, buf, len);
}

static long do_recv(struct sweep *s, int flags)
{
	char buf[4] = "...", control[256];
	struct iovec iov = { .iov_base = buf, .iov_len = 3 };
	struct sockaddr_storage from;
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_name = &from,
		.msg_namelen = sizeof(from), .msg_control = control,
		.msg_controllen = sizeof(control),
	};
	long ret = recvmsg(s->fd, &msg, flags | MSG_DONTWAIT);

	if (ret >= 0)
		snprintf(answer, sizeof(answer), "%s flags %x control %zu name %u", buf,
			 msg.msg_flags, msg.msg_controllen, msg.msg_namelen);
	return ret;
}

static long do_send(struct sweep *s, int flags)
{
	return send(s->fd, "ab", 2, flags | MSG_DONTWAIT | MSG_NOSIGNAL);
}

static long do_send_nothing(struct sweep *s, int flags)
{
	return send(s->fd, "ab", 0, flags | MSG_DONTWAIT | MSG_NOSIGNAL);
}

static long do_send_to(struct sweep *s, int len)
{
	return sendto(s->fd, "ab", 2, MSG_DONTWAIT | MSG_NOSIGNAL, (void *)&s->addr, len);
}

static long do_shutdown(struct sweep *s, int how)
{
	return shutdown(s->fd, how);
}

static long do_shutdown_twice(struct sweep *s, int how)
{
	shutdown(s->fd, how);
	return shutdown(s->fd, how);
}

static long do_listen(struct sweep *s, int backlog)
{
	return listen(s->fd, backlog);
}

static long do_accept(struct sweep *s, int flags)
{
	int fd = accept4(s->fd, NULL, NULL, flags);

	if (fd >= 0)
		close(fd);
	return fd < 0 ? fd : 0;
}

static long do_connect(struct sweep *s, int len)
{
	return connect(s->fd, (void *)&s->addr, len);
}

static long do_connect_twice(struct sweep *s, int len)
{
	connect(s->fd, (void *)&s->addr, len);
	return connect(s->fd, (void *)&s->addr, len);
}

static long do_connect_family(struct sweep *s, int family)
{
	struct sockaddr_in to = s->addr;

	to.sin_family = family;
	return connect(s->fd, API_SA(&to));
}

static long do_connect_to(struct sweep *s, int ip)
{
	struct sockaddr_in to = s->addr;

	to.sin_addr.s_addr = htonl(ip);
	return connect(s->fd, API_SA(&to));
}

static long do_bind(struct sweep *s, int ip)
{
	struct sockaddr_in mine = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(ip) };

	return bind(s->fd, API_SA(&mine));
}

static long do_bind_length(struct sweep *s, int len)
{
	struct sockaddr_in mine = { .sin_family = AF_INET };

	return bind(s->fd, (void *)&mine, len);
}

static long do_bind_family(struct sweep *s, int family)
{
	struct sockaddr_in mine = { .sin_family = family };

	return bind(s->fd, API_SA(&mine));
}

static long do_bind_taken(struct sweep *s, int arg)
{
	return bind(s->fd, API_SA(&s->addr));
}

static long tell_name(long ret, const struct sockaddr_in *name, socklen_t len)
{
	if (!ret)
		snprintf(answer, sizeof(answer), "length %u family %d port %d address %x", len,
			 name->sin_family, name->sin_port != 0, name->sin_addr.s_addr);
	return ret;
}

static long do_getsockname(struct sweep *s, int room)
{
	struct sockaddr_in name = {};
	socklen_t len = room;
	long ret = getsockname(s->fd, (struct sockaddr *)&name, &len);

	return tell_name(ret, &name, len);
}

static long do_getpeername(struct sweep *s, int room)
{
	struct sockaddr_in name = {};
	socklen_t len = room;
	long ret = getpeername(s->fd, (struct sockaddr *)&name, &len);

	return tell_name(ret, &name, len);
}

static long do_ioctl(struct sweep *s, int cmd)
{
	int val = 0;
	long ret = ioctl(s->fd, cmd, &val);

	snprintf(answer, sizeof(answer), "%d", val);
	return ret;
}

static long do_epoll(struct sweep *s, int events)
{
	struct epoll_event ev = { .events = SWEEP_EVENTS | events }, got = {};
	int ep = epoll_create1(0);
	long ret = epoll_ctl(ep, EPOLL_CTL_ADD, s->fd, &ev);
	int n = epoll_wait(ep, &got, 1, 0);

	snprintf(answer, sizeof(answer), "%d of %x", n, got.events);
	close(ep);
	return ret;
}

static long do_splice_in(struct sweep *s, int flags)
{
	int p[2], err;
	long ret;

	if (pipe(p))
		return -1;
	ret = splice(s->fd, NULL, p[1], NULL, 10, flags);
	err = errno;
	close(p[0]);
	close(p[1]);
	errno = err;
	return ret;
}

static long do_splice_out(struct sweep *s, int flags)
{
	int p[2], err;
	long ret;

	if (pipe(p) || write(p[1], "abc", 3) != 3)
		return -1;
	ret = splice(p[0], NULL, s->fd, NULL, 10, flags);
	err = errno;
	close(p[0]);
	close(p[1]);
	errno = err;
	return ret;
}

#define CALL(name, arg)	{ #name "(" #arg ")", do_##name, arg }

static const struct sweep_call {
	const char *name;
	long (*call)(struct sweep *s, int arg);
	int arg;
} calls[] = {
	CALL(nothing, 0), CALL(read, 0), CALL(read, 1), CALL(read, 100),
	CALL(recv, 0), CALL(recv, MSG_PEEK), CALL(recv, MSG_OOB), CALL(recv, MSG_WAITALL),
	CALL(recv, MSG_TRUNC), CALL(recv, MSG_OOB | MSG_PEEK), CALL(recv, MSG_ERRQUEUE),
	CALL(recv, MSG_CTRUNC), CALL(recv, MSG_EOR), CALL(recv, MSG_CMSG_CLOEXEC),
	CALL(send, 0), CALL(send, MSG_OOB), CALL(send, MSG_MORE), CALL(send, MSG_EOR),
	CALL(send, MSG_DONTROUTE), CALL(send, MSG_CONFIRM), CALL(send, MSG_ZEROCOPY),
	CALL(send_nothing, 0), CALL(send_nothing, MSG_OOB), CALL(send_to, 16),
	CALL(send_to, 3), CALL(shutdown, SHUT_RD), CALL(shutdown, SHUT_WR),
	CALL(shutdown, SHUT_RDWR), CALL(shutdown, 3), CALL(shutdown, -1),
	CALL(shutdown_twice, SHUT_RD), CALL(shutdown_twice, SHUT_RDWR), CALL(listen, 0),
	CALL(listen, -1), CALL(accept, 0), CALL(accept, SOCK_CLOEXEC), CALL(accept, 1 << 30),
	CALL(connect, 16), CALL(connect, 0), CALL(connect, 1), CALL(connect, 2),
	CALL(connect, 15), CALL(connect, 17), CALL(connect_twice, 16),
	CALL(connect_family, AF_UNSPEC), CALL(connect_family, AF_INET6),
	CALL(connect_family, AF_UNIX), CALL(connect_to, INADDR_ANY),
	CALL(connect_to, INADDR_BROADCAST), CALL(connect_to, 0xe0000001),
	CALL(bind, INADDR_ANY), CALL(bind, INADDR_LOOPBACK), CALL(bind, 0x0a000001),
	CALL(bind, 0xe0000001), CALL(bind, INADDR_BROADCAST), CALL(bind_length, 0),
	CALL(bind_length, 2), CALL(bind_length, 15), CALL(bind_length, 17),
	CALL(bind_family, AF_UNSPEC), CALL(bind_family, AF_INET6), CALL(bind_taken, 0),
	CALL(getsockname, 16), CALL(getsockname, 0), CALL(getsockname, 4),
	CALL(getsockname, -1), CALL(getpeername, 16), CALL(getpeername, 0),
	CALL(getpeername, -1), CALL(ioctl, FIONREAD), CALL(ioctl, TIOCOUTQ),
	CALL(ioctl, SIOCATMARK), CALL(ioctl, FIONBIO), CALL(ioctl, FIOASYNC),
	CALL(ioctl, FIOGETOWN), CALL(ioctl, SIOCGPGRP), CALL(ioctl, SIOCOUTQNSD),
	CALL(ioctl, 0x5460), CALL(ioctl, 0x89f5), CALL(epoll, 0), CALL(epoll, EPOLLET),
	CALL(epoll, EPOLLONESHOT), CALL(splice_in, 0), CALL(splice_in, SPLICE_F_MORE),
	CALL(splice_out, 0), CALL(splice_out, SPLICE_F_MORE),
};

/* Whether a FIN is acknowledged yet is a matter of the moment. */
static int sweep_state(int fd)
{
	int state = api_state(fd);

	return state == TCP_FIN_WAIT1 ? TCP_FIN_WAIT2 : state;
}

/* Makes the state, calls, and writes down the answer and what the socket is like then. */
static void sweep_cell(struct sweep *s, const struct sweep_place *place,
		       const struct sweep_call *call, char *text)
{
	long ret;
	int n;

	sweep_make(s, place);
	answer[0] = '\0';
	ret = call->call(s, call->arg);
	n = snprintf(text, SWEEP_TEXT, "%ld %s %s", ret, ret < 0 ? strerror(errno) : "", answer);
	snprintf(text + n, SWEEP_TEXT - n, " events %x state %d error %d then %x",
		 api_poll(s->fd, SWEEP_EVENTS, 0), sweep_state(s->fd), api_so_error(s->fd),
		 api_poll(s->fd, SWEEP_EVENTS, 0));
	sweep_drop(s);
}

/* A listener whose queue is full, so that s->hole answers nobody. */
static void sweep_black_hole(struct sweep *s)
{
	int fd, i;

	sweep_listen(s, &s->hole, 0);
	for (i = 0; i < 4; i++) {
		fd = api_socket(s->family, SOCK_NONBLOCK);
		connect(fd, API_SA(&s->hole));
		if (!(api_poll(fd, POLLOUT, 100) & POLLOUT))
			return;
		usleep(10000);
	}
}

/* Where the kernel's TCP counts from numbers of the connection that was, we say 0. */
static bool sweep_excused(const struct sweep_place *place, const struct sweep_call *call)
{
	return place->make == make_disconnected && call->call == do_ioctl &&
	       (call->arg == TIOCOUTQ || call->arg == SIOCOUTQNSD);
}

static void sweep_start(struct sweep *s, int family)
{
	signal(SIGPIPE, SIG_IGN);
	s->family = family;
	s->listener = sweep_listen(s, &s->addr, 64);
	sweep_black_hole(s);
}

TEST_F(api, sweep_calls)
{
	char inet[SWEEP_TEXT], xtcp[SWEEP_TEXT];
	struct sweep oracle, ours;
	size_t p, c;

	sweep_start(&oracle, AF_INET);
	sweep_start(&ours, self->family);
	for (p = 0; p < ARRAY_SIZE(places); p += xt_scale(1, 4, 1))
		for (c = 0; c < ARRAY_SIZE(calls); c++) {
			if (sweep_excused(&places[p], &calls[c]))
				continue;
			sweep_cell(&oracle, &places[p], &calls[c], inet);
			sweep_cell(&ours, &places[p], &calls[c], xtcp);
			EXPECT_STREQ(inet, xtcp) {
				TH_LOG("%s in %s", calls[c].name, places[p].name);
			}
		}
}

/* ---- options ---------------------------------------------------------------------- */

static const struct sweep_level {
	int level;
	const char *name;
} levels[] = {
	{ SOL_SOCKET, "SOL_SOCKET" }, { SOL_TCP, "SOL_TCP" }, { SOL_IP, "SOL_IP" },
	{ IPPROTO_IPV6, "SOL_IPV6" }, { 255, "SOL_RAW" }, { 999, "no level" },
};

/* Options whose answers differ: by Documentation/socket.rst, by chance or by what is free. */
static const struct sweep_option {
	int level;
	int first;
	int last;
	const char *why;
} different[] = {
	{ SOL_SOCKET, SO_ERROR, SO_ERROR, "reading takes it" },
	{ SOL_SOCKET, SO_SNDBUF, SO_SNDBUF, "grows with the window" },
	{ SOL_SOCKET, SO_RCVBUF, SO_RCVBUF, "grows with the window" },
	{ SOL_SOCKET, SO_ATTACH_FILTER, SO_ATTACH_FILTER, "locked before 6.7" },
	{ SOL_SOCKET, SO_PEERNAME, SO_PEERNAME, "the number of the port" },
	{ SOL_SOCKET, SO_DETACH_FILTER, SO_DETACH_FILTER, "locked before 6.7" },
	{ SOL_SOCKET, 37, 37, "SO_TIMESTAMPING_OLD: OPT_ID before connect()" },
	{ SOL_SOCKET, SO_PROTOCOL, SO_PROTOCOL, "518" },
	{ SOL_SOCKET, 42, 42, "SO_PEEK_OFF, the kernel's from 6.9 on" },
	{ SOL_SOCKET, SO_LOCK_FILTER, SO_LOCK_FILTER, "locked before 6.7" },
	{ SOL_SOCKET, 49, 49, "SO_INCOMING_CPU: the CPU of the moment" },
	{ SOL_SOCKET, SO_ATTACH_BPF, SO_ATTACH_BPF, "locked before 6.7" },
	{ SOL_SOCKET, 51, 52, "SO_ATTACH_REUSEPORT_CBPF and _EBPF" },
	{ SOL_SOCKET, 55, 55, "SO_MEMINFO: the memory of the moment" },
	{ SOL_SOCKET, 57, 57, "SO_COOKIE" },
	{ SOL_SOCKET, SO_ZEROCOPY, SO_ZEROCOPY, "the kernel's own before 6.7" },
	{ SOL_SOCKET, 65, 65, "SO_TIMESTAMPING_NEW: OPT_ID before connect()" },
	{ SOL_SOCKET, 73, 73, "SO_RESERVE_MEM: the kernel's own, in a memory cgroup" },
	{ SOL_SOCKET, 80, 80, "SO_DEVMEM_DONTNEED" },
	{ SOL_TCP, TCP_MAXSEG, TCP_MAXSEG, "known when the peer has said it" },
	{ SOL_TCP, TCP_SYNCNT, TCP_SYNCNT, "RFC 9293 MUST-23" },
	{ SOL_TCP, TCP_INFO, TCP_INFO, "fsm_info compares it" },
	{ SOL_TCP, TCP_QUICKACK, TCP_QUICKACK, "the mode of the moment" },
	{ SOL_TCP, TCP_CONGESTION, TCP_CONGESTION, "names, not numbers" },
	{ SOL_TCP, TCP_MD5SIG, TCP_MD5SIG, "not built" },
	{ SOL_TCP, TCP_THIN_LINEAR_TIMEOUTS, TCP_THIN_DUPACK, "not built" },
	{ SOL_TCP, TCP_REPAIR, TCP_TIMESTAMP, "not built: _QUEUE, _SEQ, _OPTIONS, TCP_FASTOPEN" },
	{ SOL_TCP, TCP_CC_INFO, TCP_ZEROCOPY_RECEIVE, "not built: SAVE_SYN, ULP, FASTOPEN_KEY" },
	{ SOL_TCP, TCP_TX_DELAY, 43, "not built: TCP_AO_*, TCP_IS_MPTCP" },
	{ SOL_IP, 52, 52, "IP_PROTOCOL: the number of the port" },
};

static bool sweep_compares(int level, int opt)
{
	size_t i;

	/* iptables' and arptables' would have modules loaded. */
	if (level == SOL_IP && ((opt >= 64 && opt < 84) || (opt >= 96 && opt < 100)))
		return false;
	for (i = 0; i < ARRAY_SIZE(different); i++)
		if (different[i].level == level && opt >= different[i].first &&
		    opt <= different[i].last)
			return false;
	return true;
}

/* What an option says: errno of setting and of reading it, length, and all that was written. */
struct sweep_value {
	int set;
	int get;
	int len;
	unsigned char val[48];
};

static void sweep_get(int fd, int level, int opt, int room, struct sweep_value *v)
{
	socklen_t len = room;

	memset(v->val, 0xa5, sizeof(v->val));
	v->get = api_errno(getsockopt(fd, level, opt, v->val, &len));
	v->len = len;
}

static void sweep_set(int fd, int level, int opt, int val, int len, struct sweep_value *v)
{
	unsigned char buf[64] = {};

	memcpy(buf, &val, sizeof(val));
	v->set = api_errno(setsockopt(fd, level, opt, buf, len));
	sweep_get(fd, level, opt, 32, v);
}

static const char *sweep_tell(const struct sweep_value *v, char *text)
{
	int i, n;

	n = sprintf(text, "set %d get %d length %d ", v->set, v->get, v->len);
	for (i = 0; i < (int)sizeof(v->val); i++)
		n += sprintf(text + n, "%02x", v->val[i]);
	return text;
}

/* One TCP beside the other. */
struct sweep_two {
	struct sweep oracle;
	struct sweep ours;
	struct sweep_value inet;
	struct sweep_value xtcp;
};

#define sweep_same(two, level, opt, val, len, place) \
	__sweep_same(_metadata, two, level, opt, val, len, place)
static void __sweep_same(struct __test_metadata *_metadata, const struct sweep_two *t,
			 const struct sweep_level *level, int opt, int val, int len,
			 const char *place)
{
	char inet[SWEEP_TEXT], xtcp[SWEEP_TEXT];

	EXPECT_EQ(0, memcmp(&t->inet, &t->xtcp, sizeof(t->inet))) {
		TH_LOG("%s %d, value %d, length %d, in %s: %s, not %s", level->name, opt, val, len,
		       place, sweep_tell(&t->xtcp, xtcp), sweep_tell(&t->inet, inet));
	}
}

#define sweep_read_option(two, level, opt, place) \
	__sweep_read_option(_metadata, two, level, opt, place)
static void __sweep_read_option(struct __test_metadata *_metadata, struct sweep_two *t,
				const struct sweep_level *level, int opt, const char *place)
{
	static const int rooms[] = { 32, 0, 1, 2, 3, 4, 5, 7, 8, 16, -1 };
	size_t r;

	for (r = 0; r < ARRAY_SIZE(rooms); r++) {
		sweep_get(t->oracle.fd, level->level, opt, rooms[r], &t->inet);
		sweep_get(t->ours.fd, level->level, opt, rooms[r], &t->xtcp);
		sweep_same(t, level, opt, 0, rooms[r], place);
	}
}

TEST_F(api, sweep_options_read)
{
	struct sweep_two t = {};
	size_t p, l;
	int opt;

	sweep_start(&t.oracle, AF_INET);
	sweep_start(&t.ours, self->family);
	for (p = 0; p < ARRAY_SIZE(places); p += xt_scale(1, 4, 1)) {
		sweep_make(&t.oracle, &places[p]);
		sweep_make(&t.ours, &places[p]);
		for (l = 0; l < ARRAY_SIZE(levels); l++)
			for (opt = 0; opt < SWEEP_OPTIONS; opt++)
				if (sweep_compares(levels[l].level, opt))
					sweep_read_option(&t, &levels[l], opt, places[p].name);
		sweep_drop(&t.oracle);
		sweep_drop(&t.ours);
	}
}

#define sweep_write_option(two, level, opt, val, len) \
	__sweep_write_option(_metadata, two, level, opt, val, len)
static void __sweep_write_option(struct __test_metadata *_metadata, struct sweep_two *t,
				 const struct sweep_level *level, int opt, int val, int len)
{
	make_fresh(&t->oracle);
	make_fresh(&t->ours);
	sweep_set(t->oracle.fd, level->level, opt, val, len, &t->inet);
	sweep_set(t->ours.fd, level->level, opt, val, len, &t->xtcp);
	sweep_same(t, level, opt, val, len, "fresh");
	close(t->oracle.fd);
	close(t->ours.fd);
}

TEST_F(api, sweep_options_write)
{
	static const int vals[] = { 0, 1, -1, 2, 7, 255, 256, 70000, INT32_MAX, INT32_MIN };
	static const int lens[] = { 0, 1, 2, 3, 5, 8, 16, 64, -1 };
	struct sweep_two t = {};
	size_t l, v, n;
	int opt;

	self->no_segments = true;
	t.oracle.family = AF_INET;
	t.ours.family = self->family;
	for (l = 0; l < ARRAY_SIZE(levels); l++)
		for (opt = 0; opt < SWEEP_OPTIONS; opt++) {
			if (!sweep_compares(levels[l].level, opt))
				continue;
			for (v = 0; v < ARRAY_SIZE(vals); v++)
				sweep_write_option(&t, &levels[l], opt, vals[v], 4);
			for (n = 0; n < ARRAY_SIZE(lens); n++)
				sweep_write_option(&t, &levels[l], opt, 1, lens[n]);
		}
}

TEST_HARNESS_MAIN

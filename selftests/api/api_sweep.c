// SPDX-License-Identifier: GPL-2.0-only
/*
 * Every call in every state: what the one TCP answers, the other answers too, bit by bit of
 * errno, events and values.
 */
#include "api_states.h"

#include <sys/epoll.h>

#ifndef SIOCOUTQNSD
#define SIOCOUTQNSD	0x894B
#endif

#define SWEEP_EVENTS	0x7fff

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

/* Where the kernel's TCP counts from numbers of the connection that was, we say 0. */
static bool sweep_excused(const struct sweep_place *place, const struct sweep_call *call)
{
	return place->make == make_disconnected && call->call == do_ioctl &&
	       (call->arg == TIOCOUTQ || call->arg == SIOCOUTQNSD);
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

TEST_HARNESS_MAIN

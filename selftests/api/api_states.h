/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The states of a socket, and what may wait in them, for tests that ask the same of each:
 * every call (api_sweep.c), every option (api_options.c). One TCP is asked beside the other;
 * the inet variant compares the oracle with itself, so that an answer by chance is found out.
 */
#ifndef API_STATES_H
#define API_STATES_H

#include "api.h"

#define SWEEP_TEXT	256

/* One TCP and the socket that is asked. */
struct sweep {
	int family;
	int listener;
	struct sockaddr_in addr;
	struct sockaddr_in hole;	/* whoever connects there waits */
	int fd;
	int peer;	/* its other end, or -1 */
};

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

static void sweep_start(struct sweep *s, int family)
{
	signal(SIGPIPE, SIG_IGN);
	s->family = family;
	s->listener = sweep_listen(s, &s->addr, 64);
	sweep_black_hole(s);
}

#endif

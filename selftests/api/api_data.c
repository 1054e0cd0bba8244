// SPDX-License-Identifier: GPL-2.0-only
/* send and recv in all their forms, and how much waits. */
#include "api.h"

#include <linux/errqueue.h>
#include <linux/net_tstamp.h>
#include <linux/sockios.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/uio.h>

#define API_BULK	(4 << 20)

TEST_F(api, data_both_ways)
{
	char buf[32] = {};

	api_pair(self);
	EXPECT_EQ(5, send(self->client, "hello", 5, 0));
	EXPECT_EQ(5, recv(self->server, buf, sizeof(buf), 0));
	EXPECT_STREQ("hello", buf);
	EXPECT_EQ(6, write(self->server, "world!", 6));
	EXPECT_EQ(3, read(self->client, buf, 3));
	EXPECT_EQ(3, read(self->client, buf + 3, sizeof(buf) - 3));
	EXPECT_STREQ("world!", buf);
}

TEST_F(api, data_vectors)
{
	char a[3] = {}, b[16] = {};
	struct iovec out[] = { { "one", 3 }, { "", 0 }, { "two", 3 }, { "three", 5 } };
	struct iovec in[] = { { a, 3 }, { b, 16 } };
	struct msghdr msg = { .msg_iov = out, .msg_iovlen = 4 };

	api_pair(self);
	EXPECT_EQ(11, writev(self->client, out, 4));
	EXPECT_EQ(11, readv(self->server, in, 2));
	EXPECT_EQ(0, memcmp(a, "one", 3));
	EXPECT_STREQ("twothree", b);

	EXPECT_EQ(11, sendmsg(self->server, &msg, 0));
	memset(b, 0, sizeof(b));
	msg = (struct msghdr){ .msg_iov = in, .msg_iovlen = 2 };
	EXPECT_EQ(11, recvmsg(self->client, &msg, 0));
	EXPECT_EQ(0, msg.msg_flags);
	EXPECT_STREQ("twothree", b);
}

/* A stream has no address per message. */
TEST_F(api, data_with_address)
{
	struct sockaddr_in sin = api_addr("127.0.0.1", 9);
	socklen_t len = sizeof(sin);
	char c;

	api_pair(self);
	EXPECT_EQ(1, sendto(self->client, "x", 1, 0, API_SA(&sin)));
	EXPECT_EQ(1, recvfrom(self->server, &c, 1, 0, (struct sockaddr *)&sin, &len));
	EXPECT_EQ(0, len);
}

struct bulk {
	int fd;
	unsigned int seed;
	ssize_t ret;
};

static void *bulk_write(void *arg)
{
	struct bulk *b = arg;
	char *buf = malloc(API_BULK);

	api_fill(buf, API_BULK, b->seed);
	b->ret = send(b->fd, buf, API_BULK, 0);
	shutdown(b->fd, SHUT_WR);
	free(buf);
	return NULL;
}

/* Reads to the end in odd pieces: 0 when it is what bulk_write() sent. */
static int bulk_read(int fd, unsigned int seed)
{
	char *want = malloc(API_BULK), *got = malloc(API_BULK + 1);
	size_t done = 0;
	ssize_t n;
	int ret;

	api_fill(want, API_BULK, seed);
	while ((n = recv(fd, got + done, (done % 9973) + 1 < API_BULK + 1 - done ?
			 (done % 9973) + 1 : API_BULK + 1 - done, 0)) > 0)
		done += n;
	ret = n < 0 || done != API_BULK || memcmp(want, got, API_BULK);
	free(want);
	free(got);
	return ret;
}

/* A blocking send takes all of it, in both directions at once. */
TEST_F(api, data_bulk)
{
	struct bulk up, down;
	pthread_t writer[2];

	api_pair(self);
	up = (struct bulk){ self->client, 1, 0 };
	down = (struct bulk){ self->server, 2, 0 };
	ASSERT_EQ(0, pthread_create(&writer[0], NULL, bulk_write, &up));
	ASSERT_EQ(0, pthread_create(&writer[1], NULL, bulk_write, &down));
	if (!fork())
		_exit(bulk_read(self->client, 2));
	EXPECT_EQ(0, bulk_read(self->server, 1));
	pthread_join(writer[0], NULL);
	pthread_join(writer[1], NULL);
	EXPECT_EQ(API_BULK, up.ret);
	EXPECT_EQ(API_BULK, down.ret);
	int status = -1;

	wait(&status);
	EXPECT_EQ(0, status);
}

TEST_F(api, data_peek)
{
	char buf[16] = {};

	api_pair(self);
	ASSERT_EQ(3, write(self->client, "abc", 3));
	ASSERT_TRUE(api_poll(self->server, POLLIN, 1000) & POLLIN);
	EXPECT_EQ(1, recv(self->server, buf, 1, MSG_PEEK));
	EXPECT_EQ(3, recv(self->server, buf, 16, MSG_PEEK));
	ASSERT_EQ(3, write(self->client, "def", 3));
	EXPECT_EQ(6, recv(self->server, buf, 6, MSG_PEEK | MSG_WAITALL));
	EXPECT_STREQ("abcdef", buf);
	memset(buf, 0, sizeof(buf));
	EXPECT_EQ(2, recv(self->server, buf, 2, 0));
	EXPECT_EQ(4, recv(self->server, buf + 2, 14, MSG_PEEK));
	EXPECT_STREQ("abcdef", buf);
	EXPECT_EQ(4, recv(self->server, buf, 16, 0));
	EXPECT_EQ(EAGAIN, api_errno(recv(self->server, buf, 16, MSG_PEEK | MSG_DONTWAIT)));
	shutdown(self->client, SHUT_WR);
	EXPECT_EQ(0, recv(self->server, buf, 16, MSG_PEEK));
	EXPECT_EQ(0, recv(self->server, buf, 16, 0));
}

/* Writes "cd" 100 ms after a fork, then ends its direction. */
static void late_writer(int fd)
{
	if (fork())
		return;
	usleep(100000);
	_exit(write(fd, "cd", 2) != 2 || shutdown(fd, SHUT_WR));
}

TEST_F(api, data_wait_all)
{
	char buf[16] = {};

	api_pair(self);
	ASSERT_EQ(2, write(self->client, "ab", 2));
	late_writer(self->client);
	EXPECT_EQ(3, recv(self->server, buf, 3, MSG_WAITALL));
	EXPECT_STREQ("abc", buf);
	EXPECT_EQ(1, recv(self->server, buf, 16, MSG_WAITALL)) TH_LOG("the end comes first");
	EXPECT_EQ(0, recv(self->server, buf, 16, MSG_WAITALL));
}

TEST_F(api, data_wait_all_signal)
{
	char buf[16];

	api_pair(self);
	ASSERT_EQ(2, write(self->client, "ab", 2));
	ASSERT_TRUE(api_poll(self->server, POLLIN, 1000) & POLLIN);
	api_alarm(100);
	EXPECT_EQ(2, recv(self->server, buf, 16, MSG_WAITALL));
	EXPECT_EQ(EINTR, api_errno(recv(self->server, buf, 16, MSG_WAITALL)));
}

TEST_F(api, data_do_not_wait)
{
	char c;

	api_pair(self);
	EXPECT_EQ(EAGAIN, api_errno(recv(self->server, &c, 1, MSG_DONTWAIT)));
	fcntl(self->server, F_SETFL, O_NONBLOCK);
	EXPECT_EQ(EAGAIN, api_errno(recv(self->server, &c, 1, 0)));
	EXPECT_EQ(EAGAIN, api_errno(recv(self->server, &c, 1, MSG_WAITALL)));
	EXPECT_EQ(EAGAIN, api_errno(recv(self->server, &c, 0, 0)));
	ASSERT_EQ(1, write(self->client, "x", 1));
	ASSERT_TRUE(api_poll(self->server, POLLIN, 1000) & POLLIN);
	EXPECT_EQ(0, recv(self->server, &c, 0, 0));
	EXPECT_EQ(1, recv(self->server, &c, 1, 0));
}

TEST_F(api, data_receive_timeout)
{
	long start;
	char c;

	api_pair(self);
	ASSERT_EQ(0, api_set_time(self->server, SO_RCVTIMEO, 200));
	start = api_now_ms();
	EXPECT_EQ(EAGAIN, api_errno(recv(self->server, &c, 1, 0)));
	EXPECT_GE(api_now_ms() - start, 190);
	EXPECT_LT(api_now_ms() - start, 2000);
}

TEST_F(api, data_truncate)
{
	char buf[16] = "untouched";

	api_pair(self);
	ASSERT_EQ(6, write(self->client, "abcdef", 6));
	ASSERT_TRUE(api_poll(self->server, POLLIN, 1000) & POLLIN);
	EXPECT_EQ(4, recv(self->server, buf, 4, MSG_TRUNC));
	EXPECT_STREQ("untouched", buf);
	EXPECT_EQ(2, recv(self->server, buf, 16, 0));
	EXPECT_EQ(0, memcmp(buf, "ef", 2));
	ASSERT_EQ(6, write(self->client, "abcdef", 6));
	EXPECT_EQ(6, recv(self->server, NULL, 1000, MSG_TRUNC));
}

TEST_F(api, data_low_water)
{
	char buf[16];

	api_pair(self);
	ASSERT_EQ(0, api_set(self->server, SOL_SOCKET, SO_RCVLOWAT, 4));
	EXPECT_EQ(4, api_get(self->server, SOL_SOCKET, SO_RCVLOWAT));
	ASSERT_EQ(2, write(self->client, "ab", 2));
	EXPECT_EQ(0, api_poll(self->server, POLLIN, 100));
	EXPECT_EQ(2, recv(self->server, buf, 16, MSG_DONTWAIT)) TH_LOG("what is there");
	ASSERT_EQ(2, write(self->client, "ab", 2));
	late_writer(self->client);
	EXPECT_EQ(4, recv(self->server, buf, 16, 0)) TH_LOG("waits for four");
	ASSERT_EQ(0, api_set(self->server, SOL_SOCKET, SO_RCVLOWAT, 0));
	EXPECT_EQ(1, api_get(self->server, SOL_SOCKET, SO_RCVLOWAT));
}

/* More than the buffer held when the mark was set: it grows, and its window with it. */
TEST_F(api, data_low_water_large)
{
	static char buf[65536];
	int mark = 500000, left;
	ssize_t n;

	api_pair(self);
	ASSERT_EQ(0, api_set(self->server, SOL_SOCKET, SO_RCVLOWAT, mark));
	ASSERT_EQ(mark, api_get(self->server, SOL_SOCKET, SO_RCVLOWAT));
	EXPECT_GE(api_get(self->server, SOL_SOCKET, SO_RCVBUF), mark);
	for (left = mark - 1; left; left -= n) {
		n = send(self->client, buf, left < sizeof(buf) ? left : sizeof(buf), 0);
		ASSERT_GT(n, 0);
	}
	EXPECT_EQ(0, api_poll(self->server, POLLIN, 300)) TH_LOG("one byte is missing");
	ASSERT_EQ(1, send(self->client, buf, 1, 0));
	EXPECT_EQ(POLLIN, api_poll(self->server, POLLIN, 3000)) TH_LOG("all is there");
}

/* Writes until EAGAIN; bytes written. */
static long fill_up(int fd)
{
	static char buf[65536];
	long total = 0;
	ssize_t n;

	while ((n = send(fd, buf, sizeof(buf), MSG_DONTWAIT)) > 0)
		total += n;
	return errno == EAGAIN ? total : -errno;
}

/* Reads @total bytes and then no more; 0 when there were as many. */
static long drain(int fd, long total)
{
	static char buf[65536];
	ssize_t n;

	while (total > 0 && (n = recv(fd, buf, sizeof(buf), 0)) > 0)
		total -= n;
	return total;
}

TEST_F(api, data_full)
{
	long total;

	api_pair(self);
	total = fill_up(self->client);
	ASSERT_GT(total, 0) TH_LOG("%s", strerror(-total));
	EXPECT_EQ(EAGAIN, api_errno(send(self->client, "x", 1, MSG_DONTWAIT)));
	EXPECT_EQ(0, api_poll(self->client, POLLOUT, 50));
	EXPECT_EQ(0, drain(self->server, total));
	EXPECT_EQ(POLLOUT, api_poll(self->client, POLLOUT, 1000));
	EXPECT_EQ(1, send(self->client, "x", 1, MSG_DONTWAIT));
}

/* A window of zero opens again, also when its update is the only sign. */
TEST_F(api, data_zero_window)
{
	static char want[200000], got[200000];
	size_t done;

	api_listen(self, 1);
	ASSERT_EQ(0, api_set(self->listener, SOL_SOCKET, SO_RCVBUF, 8192));
	ASSERT_EQ(0, api_set(self->listener, SOL_TCP, TCP_MAXSEG, 1000));
	api_pair(self);
	api_fill(want, sizeof(want), 5);
	if (!fork())
		_exit(send(self->client, want, sizeof(want), 0) != sizeof(want));
	usleep(300000);
	for (done = 0; done < sizeof(got); done += 20000)
		ASSERT_EQ(0, api_read_all(self->server, got + done, 20000));
	EXPECT_EQ(0, memcmp(want, got, sizeof(got)));
}

/* Writes until there is no space and none comes either. */
static void fill_to_the_brim(int fd)
{
	while (fill_up(fd) > 0)
		usleep(50000);
}

TEST_F(api, data_send_timeout)
{
	static char big[8 << 20];
	long start;
	ssize_t n;

	api_pair(self);
	ASSERT_EQ(0, api_set_time(self->client, SO_SNDTIMEO, 200));
	n = send(self->client, big, sizeof(big), 0);
	EXPECT_GT(n, 0);
	EXPECT_LT(n, sizeof(big));
	fill_to_the_brim(self->client);
	start = api_now_ms();
	EXPECT_EQ(EAGAIN, api_errno(send(self->client, big, sizeof(big), 0)));
	EXPECT_GE(api_now_ms() - start, 190);
	EXPECT_LT(api_now_ms() - start, 2000);
}

TEST_F(api, data_send_interrupted)
{
	static char big[8 << 20];
	ssize_t n;

	api_pair(self);
	api_alarm(200);
	n = send(self->client, big, sizeof(big), 0);
	EXPECT_GT(n, 0);
	EXPECT_LT(n, sizeof(big));
	fill_to_the_brim(self->client);
	EXPECT_EQ(EINTR, api_errno(send(self->client, big, sizeof(big), 0)));
}

static volatile sig_atomic_t broken_pipes;

static void on_broken_pipe(int sig)
{
	broken_pipes++;
}

TEST_F(api, data_broken_pipe)
{
	struct iovec iov = { "x", 1 };

	api_pair(self);
	signal(SIGPIPE, on_broken_pipe);
	ASSERT_EQ(0, shutdown(self->client, SHUT_WR));
	EXPECT_EQ(EPIPE, api_errno(send(self->client, "x", 1, MSG_NOSIGNAL)));
	EXPECT_EQ(0, broken_pipes);
	EXPECT_EQ(EPIPE, api_errno(send(self->client, "x", 1, 0)));
	EXPECT_EQ(1, broken_pipes);
	EXPECT_EQ(EPIPE, api_errno(write(self->client, "x", 1)));
	EXPECT_EQ(EPIPE, api_errno(writev(self->client, &iov, 1)));
	EXPECT_EQ(3, broken_pipes);
}

/* Held back until there is more to say: MSG_MORE and TCP_CORK. */
TEST_F(api, data_more)
{
	char buf[16] = {};

	api_pair(self);
	ASSERT_EQ(3, send(self->client, "abc", 3, MSG_MORE));
	EXPECT_EQ(0, api_poll(self->server, POLLIN, 50));
	ASSERT_EQ(3, send(self->client, "def", 3, 0));
	EXPECT_EQ(6, recv(self->server, buf, 6, MSG_WAITALL));
	EXPECT_STREQ("abcdef", buf);

	ASSERT_EQ(0, api_set(self->client, SOL_TCP, TCP_CORK, 1));
	ASSERT_EQ(3, send(self->client, "ghi", 3, 0));
	EXPECT_EQ(0, api_poll(self->server, POLLIN, 50));
	ASSERT_EQ(0, api_set(self->client, SOL_TCP, TCP_CORK, 0));
	EXPECT_EQ(POLLIN, api_poll(self->server, POLLIN, 50));
	EXPECT_EQ(3, recv(self->server, buf, 16, 0));

	/* TCP_NODELAY pushes past the cork, once. */
	ASSERT_EQ(0, api_set(self->client, SOL_TCP, TCP_CORK, 1));
	ASSERT_EQ(3, send(self->client, "jkl", 3, 0));
	EXPECT_EQ(0, api_poll(self->server, POLLIN, 50));
	ASSERT_EQ(0, api_set(self->client, SOL_TCP, TCP_NODELAY, 1));
	EXPECT_EQ(POLLIN, api_poll(self->server, POLLIN, 50));
}

/* Nothing is held back for long: 200 ms, as the kernel's TCP does. */
TEST_F(api, data_more_limit)
{
	char buf[16];
	long start;

	api_pair(self);
	ASSERT_EQ(0, api_set(self->client, SOL_TCP, TCP_CORK, 1));
	start = api_now_ms();
	ASSERT_EQ(3, send(self->client, "abc", 3, 0));
	EXPECT_EQ(POLLIN, api_poll(self->server, POLLIN, 3000));
	EXPECT_GE(api_now_ms() - start, 100);
	EXPECT_LT(api_now_ms() - start, 2000);
	EXPECT_EQ(3, recv(self->server, buf, 16, 0));

	ASSERT_EQ(0, api_set(self->client, SOL_TCP, TCP_CORK, 0));
	/* An ACK sends what Nagle had held back: let that of the first bytes come before. */
	usleep(250000);
	start = api_now_ms();
	ASSERT_EQ(3, send(self->client, "def", 3, MSG_MORE));
	EXPECT_EQ(POLLIN, api_poll(self->server, POLLIN, 3000));
	EXPECT_GE(api_now_ms() - start, 100);
	EXPECT_EQ(3, recv(self->server, buf, 16, 0));
}

/* TCP_NOTSENT_LOWAT: what the window does not take stays with the application. */
TEST_F(api, data_not_sent)
{
	int before, after;
	long total;

	api_listen(self, 1);
	ASSERT_EQ(0, api_set(self->listener, SOL_SOCKET, SO_RCVBUF, 8192));
	api_pair(self);
	total = fill_up(self->client);
	ASSERT_GT(total, 0);
	ASSERT_EQ(0, ioctl(self->client, SIOCOUTQNSD, &before));
	EXPECT_GT(before, 100000);
	EXPECT_EQ(0, drain(self->server, total));

	ASSERT_EQ(0, api_set(self->client, SOL_TCP, TCP_NOTSENT_LOWAT, 10000));
	EXPECT_EQ(POLLOUT, api_poll(self->client, POLLOUT, 1000));
	total = fill_up(self->client);
	ASSERT_GT(total, 0);
	ASSERT_EQ(0, ioctl(self->client, SIOCOUTQNSD, &after));
	EXPECT_GE(after, 5000);
	EXPECT_LT(after, 100000);
	EXPECT_EQ(0, api_poll(self->client, POLLOUT, 50));
	EXPECT_EQ(0, drain(self->server, total));
	EXPECT_EQ(POLLOUT, api_poll(self->client, POLLOUT, 1000));
}

/* MSG_ZEROCOPY without SO_ZEROCOPY copies, and nobody is told. */
TEST_F(api, data_zerocopy_unasked)
{
	char buf[16] = {};

	api_pair(self);
	EXPECT_EQ(5, send(self->client, "hello", 5, MSG_ZEROCOPY));
	EXPECT_EQ(5, recv(self->server, buf, sizeof(buf), 0));
	EXPECT_STREQ("hello", buf);
	EXPECT_EQ(EAGAIN, api_errno(recv(self->client, buf, 1, MSG_ERRQUEUE)));
}

/* The end of what MSG_ERRQUEUE tells, without the time; -1: nothing. */
static int told(int fd, struct sock_extended_err *ee)
{
	char control[256], data[256];
	struct iovec iov = { data, sizeof(data) };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	struct cmsghdr *cm;

	if (recvmsg(fd, &msg, MSG_ERRQUEUE) < 0)
		return -1;
	for (cm = CMSG_FIRSTHDR(&msg); cm; cm = CMSG_NXTHDR(&msg, cm))
		if (cm->cmsg_level == SOL_IP && cm->cmsg_type == IP_RECVERR)
			memcpy(ee, CMSG_DATA(cm), sizeof(*ee));
	return 0;
}

/* Each call has a number; several answers are told as one range. Loopback copies, and says so. */
TEST_F(api, data_zerocopy)
{
	struct sock_extended_err ee = {};
	static char buf[40000], in[40000];
	int i;

	api_pair(self);
	if (api_set(self->client, SOL_SOCKET, SO_ZEROCOPY, 1))
		SKIP(return, "the kernel refuses SO_ZEROCOPY: api_differences");
	for (i = 0; i < 2; i++) {
		memset(buf, 'a' + i, sizeof(buf));
		ASSERT_EQ(sizeof(buf), send(self->client, buf, sizeof(buf), MSG_ZEROCOPY));
		ASSERT_EQ(sizeof(in), recv(self->server, in, sizeof(in), MSG_WAITALL));
		EXPECT_EQ('a' + i, in[0]);
		EXPECT_EQ('a' + i, in[sizeof(in) - 1]);
		EXPECT_TRUE(api_poll(self->client, POLLERR, 1000) & POLLERR);
	}
	usleep(100000);
	ASSERT_EQ(0, told(self->client, &ee));
	EXPECT_EQ(SO_EE_ORIGIN_ZEROCOPY, ee.ee_origin);
	EXPECT_EQ(SO_EE_CODE_ZEROCOPY_COPIED, ee.ee_code);
	EXPECT_EQ(0, ee.ee_info);
	EXPECT_EQ(1, ee.ee_data);
	EXPECT_EQ(-1, told(self->client, &ee));
}

/* A call that took nothing has no number, and what accept() gave may have it, too. */
TEST_F(api, data_zerocopy_refused)
{
	struct sock_extended_err ee = { .ee_data = 7 };
	int fd = api_socket(self->family, 0);

	self->no_segments = api_set(fd, SOL_SOCKET, SO_ZEROCOPY, 1);
	if (self->no_segments)
		SKIP(return, "the kernel refuses SO_ZEROCOPY: api_differences");
	EXPECT_EQ(EPIPE, api_errno(send(fd, "x", 1, MSG_ZEROCOPY | MSG_NOSIGNAL)));
	EXPECT_EQ(EINVAL, api_set(fd, SOL_SOCKET, SO_ZEROCOPY, 2));
	EXPECT_EQ(1, api_get(fd, SOL_SOCKET, SO_ZEROCOPY));
	close(fd);

	api_pair(self);
	ASSERT_EQ(0, api_set(self->server, SOL_SOCKET, SO_ZEROCOPY, 1));
	EXPECT_EQ(EFAULT, api_errno(send(self->server, (void *)8, 5, MSG_ZEROCOPY)));
	EXPECT_EQ(-1, told(self->server, &ee));
	ASSERT_EQ(5, send(self->server, "hello", 5, MSG_ZEROCOPY));
	ASSERT_EQ(0, drain(self->client, 5));
	EXPECT_TRUE(api_poll(self->server, POLLERR, 1000) & POLLERR);
	ASSERT_EQ(0, told(self->server, &ee));
	EXPECT_EQ(0, ee.ee_data);
}

/* When the last byte of each call was queued, sent and acknowledged; its place is its name. */
TEST_F(api, data_stamps)
{
	const int how = SOF_TIMESTAMPING_TX_SCHED | SOF_TIMESTAMPING_TX_SOFTWARE |
			SOF_TIMESTAMPING_TX_ACK | SOF_TIMESTAMPING_SOFTWARE |
			SOF_TIMESTAMPING_OPT_ID;
	const unsigned int types[] = { SCM_TSTAMP_SCHED, SCM_TSTAMP_SND, SCM_TSTAMP_ACK };
	struct sock_extended_err ee = {};
	static char buf[3000];
	unsigned int i, n;

	api_pair(self);
	ASSERT_EQ(10, send(self->client, buf, 10, 0));
	ASSERT_EQ(0, drain(self->server, 10));
	for (i = 1; i && i < 100; usleep(1000))
		ASSERT_EQ(0, ioctl(self->client, SIOCOUTQ, &i));
	ASSERT_EQ(0, api_set(self->client, SOL_SOCKET, SO_TIMESTAMPING, how));
	for (n = 1; n <= 3; n++) {
		ASSERT_EQ(1000, send(self->client, buf, 1000, n == 2 ? MSG_EOR : 0));
		ASSERT_EQ(0, drain(self->server, 1000));
		for (i = 0; i < 3; i++) {
			EXPECT_TRUE(api_poll(self->client, POLLERR, 1000) & POLLERR);
			ASSERT_EQ(0, told(self->client, &ee));
			EXPECT_EQ(SO_EE_ORIGIN_TIMESTAMPING, ee.ee_origin);
			EXPECT_EQ(ENOMSG, ee.ee_errno);
			EXPECT_EQ(types[i], ee.ee_info);
			EXPECT_EQ(n * 1000 - 1, ee.ee_data);
		}
		EXPECT_EQ(-1, told(self->client, &ee));
	}
	ASSERT_EQ(0, api_set(self->client, SOL_SOCKET, SO_TIMESTAMPING, 0));
	ASSERT_EQ(10, send(self->client, buf, 10, 0));
	ASSERT_EQ(0, drain(self->server, 10));
	usleep(100000);
	EXPECT_EQ(-1, told(self->client, &ee));
}

/* The end of a record does not change the bytes. */
TEST_F(api, data_end_of_record)
{
	char buf[16] = {};

	api_pair(self);
	ASSERT_EQ(0, api_set(self->client, SOL_TCP, TCP_CORK, 1));
	ASSERT_EQ(3, send(self->client, "abc", 3, MSG_EOR));
	ASSERT_EQ(3, send(self->client, "def", 3, MSG_EOR));
	ASSERT_EQ(0, api_set(self->client, SOL_TCP, TCP_CORK, 0));
	EXPECT_EQ(6, recv(self->server, buf, 6, MSG_WAITALL));
	EXPECT_STREQ("abcdef", buf);
}

TEST_F(api, data_queue_sizes)
{
	int i, n = -1;
	long total;

	api_pair(self);
	ASSERT_EQ(5, write(self->client, "hello", 5));
	ASSERT_TRUE(api_poll(self->server, POLLIN, 1000) & POLLIN);
	EXPECT_EQ(0, ioctl(self->server, FIONREAD, &n));
	EXPECT_EQ(5, n);
	for (i = 0; i < 100 && !ioctl(self->client, SIOCOUTQ, &n) && n; i++)
		usleep(10000);
	EXPECT_EQ(0, n);
	shutdown(self->client, SHUT_WR);
	usleep(10000);
	EXPECT_EQ(0, ioctl(self->server, SIOCINQ, &n));
	EXPECT_EQ(5, n) TH_LOG("the end is no byte");

	total = fill_up(self->server);
	ASSERT_GT(total, 0);
	EXPECT_EQ(0, ioctl(self->server, SIOCOUTQ, &n));
	EXPECT_GT(n, 0);
	EXPECT_LT(n, total);
	EXPECT_EQ(0, ioctl(self->server, SIOCOUTQNSD, &n));
	EXPECT_GT(n, 0);
	EXPECT_EQ(0, ioctl(self->client, FIONREAD, &n));
	EXPECT_GT(n, 0);
	EXPECT_EQ(EFAULT, api_errno(ioctl(self->client, FIONREAD, (void *)8)));
	EXPECT_EQ(ENOTTY, api_errno(ioctl(self->client, 0x5499, &n)));
}

TEST_F(api, data_bad_pointers)
{
	char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct iovec iov[] = { { page, 4 }, { (void *)8, 4 } };

	api_pair(self);
	EXPECT_EQ(EFAULT, api_errno(send(self->client, (void *)8, 4, 0)));
	EXPECT_EQ(EFAULT, api_errno(writev(self->client, iov, 2)));
	EXPECT_EQ(EAGAIN, api_errno(recv(self->server, page, 4, MSG_DONTWAIT)));
	EXPECT_EQ(4, writev(self->client, iov, 1));
	ASSERT_TRUE(api_poll(self->server, POLLIN, 1000) & POLLIN);
	EXPECT_EQ(EFAULT, api_errno(recv(self->server, (void *)8, 4, 0)));
	EXPECT_EQ(4, recv(self->server, page, 4, 0)) TH_LOG("not lost by the fault");
}

TEST_F(api, data_control_messages)
{
	union {
		struct cmsghdr hdr;
		char room[64];
	} control = { .hdr = { CMSG_LEN(4), SOL_SOCKET, 9999 } };
	struct iovec iov = { "x", 1 };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = &control, .msg_controllen = CMSG_SPACE(4),
	};
	char c;
	int i;

	api_pair(self);
	EXPECT_EQ(EINVAL, api_errno(sendmsg(self->client, &msg, 0)));

	/* When it came; the kernel switches its stamps on by and by. */
	ASSERT_EQ(0, api_set(self->server, SOL_SOCKET, SO_TIMESTAMP, 1));
	iov.iov_base = &c;
	for (i = 0; i < 100; i++) {
		usleep(10000);
		ASSERT_EQ(1, write(self->client, "x", 1));
		msg.msg_controllen = sizeof(control);
		ASSERT_EQ(1, recvmsg(self->server, &msg, 0));
		if (CMSG_FIRSTHDR(&msg))
			break;
	}
	ASSERT_NE(NULL, CMSG_FIRSTHDR(&msg));
	EXPECT_EQ(SO_TIMESTAMP, CMSG_FIRSTHDR(&msg)->cmsg_type);

	/* What still waits. */
	ASSERT_EQ(0, api_set(self->server, SOL_SOCKET, SO_TIMESTAMP, 0));
	ASSERT_EQ(0, api_set(self->server, SOL_TCP, TCP_INQ, 1));
	ASSERT_EQ(5, write(self->client, "abcde", 5));
	ASSERT_TRUE(api_poll(self->server, POLLIN, 1000) & POLLIN);
	msg.msg_controllen = sizeof(control);
	ASSERT_EQ(1, recvmsg(self->server, &msg, 0));
	ASSERT_NE(NULL, CMSG_FIRSTHDR(&msg));
	EXPECT_EQ(TCP_CM_INQ, CMSG_FIRSTHDR(&msg)->cmsg_type);
	EXPECT_EQ(4, *(int *)CMSG_DATA(CMSG_FIRSTHDR(&msg)));
	EXPECT_EQ(EAGAIN, api_errno(recv(self->server, &c, 1, MSG_ERRQUEUE)));
}

TEST_F(api, data_sendfile)
{
	int file = memfd_create("api", 0);
	static char want[300000], got[300000];
	off_t offset = 0;

	api_pair(self);
	api_fill(want, sizeof(want), 3);
	ASSERT_EQ(sizeof(want), write(file, want, sizeof(want)));
	if (!fork()) {
		while (offset < sizeof(want))
			if (sendfile(self->client, file, &offset, sizeof(want) - offset) <= 0)
				_exit(1);
		_exit(0);
	}
	EXPECT_EQ(0, api_read_all(self->server, got, sizeof(got)));
	EXPECT_EQ(0, memcmp(want, got, sizeof(got)));
}

TEST_F(api, data_splice)
{
	static char want[200000], got[200000];
	size_t done = 0;
	ssize_t n;
	int p[2];

	api_pair(self);
	ASSERT_EQ(0, pipe(p));
	api_fill(want, sizeof(want), 4);
	if (!fork()) {
		n = send(self->client, want, sizeof(want), 0);
		_exit(n != sizeof(want) || shutdown(self->client, SHUT_WR));
	}
	while ((n = splice(self->server, NULL, p[1], NULL, 30000, SPLICE_F_MOVE)) > 0) {
		ASSERT_EQ(0, api_read_all(p[0], got + done, n));
		done += n;
	}
	EXPECT_EQ(0, n);
	EXPECT_EQ(sizeof(want), done);
	EXPECT_EQ(0, memcmp(want, got, sizeof(got)));

	/* And into a socket. */
	ASSERT_EQ(5, write(p[1], "pipes", 5));
	EXPECT_EQ(5, splice(p[0], NULL, self->server, NULL, 5, 0));
	EXPECT_EQ(0, api_read_all(self->client, got, 5));
	EXPECT_EQ(0, memcmp(got, "pipes", 5));
	fcntl(self->client, F_SETFL, O_NONBLOCK);
	EXPECT_EQ(EAGAIN, api_errno(splice(self->client, NULL, p[1], NULL, 5, 0)));
}

#define SPLICE_ROUNDS	20
#define SPLICE_HEAD	100
#define SPLICE_BODY	40000

/* A header that is copied, then pages of a file through a pipe, again and again. */
static int splice_out(int fd, int file, const char *head)
{
	off_t offset = 0;
	ssize_t n, m;
	int i, p[2];

	if (pipe(p))
		return 1;
	for (i = 0; i < SPLICE_ROUNDS; i++) {
		if (send(fd, head, SPLICE_HEAD, MSG_MORE) != SPLICE_HEAD)
			return 2;
		while (offset < (i + 1) * SPLICE_BODY) {
			n = splice(file, &offset, p[1], NULL, (i + 1) * SPLICE_BODY - offset, 0);
			if (n <= 0)
				return 3;
			for (; n > 0; n -= m) {
				m = splice(p[0], NULL, fd, NULL, n, SPLICE_F_MORE);
				if (m <= 0)
					return 4;
			}
		}
	}
	return shutdown(fd, SHUT_WR) ? 5 : 0;
}

TEST_F(api, data_splice_mixed)
{
	static char want[SPLICE_ROUNDS * SPLICE_BODY], got[SPLICE_HEAD + SPLICE_BODY];
	int file = memfd_create("api", 0), i, status = -1;
	char head[SPLICE_HEAD];

	api_pair(self);
	api_fill(head, sizeof(head), 6);
	api_fill(want, sizeof(want), 7);
	ASSERT_EQ(sizeof(want), write(file, want, sizeof(want)));
	if (!fork())
		_exit(splice_out(self->client, file, head));
	for (i = 0; i < SPLICE_ROUNDS; i++) {
		ASSERT_EQ(0, api_read_all(self->server, got, sizeof(got)));
		ASSERT_EQ(0, memcmp(head, got, SPLICE_HEAD));
		ASSERT_EQ(0, memcmp(want + i * SPLICE_BODY, got + SPLICE_HEAD, SPLICE_BODY));
	}
	EXPECT_EQ(0, read(self->server, got, 1));
	wait(&status);
	EXPECT_EQ(0, status);
}

/* Many small writes without Nagle arrive in order and complete. */
TEST_F(api, data_small_writes)
{
	char buf[1000];
	int i;

	api_pair(self);
	ASSERT_EQ(0, api_set(self->client, SOL_TCP, TCP_NODELAY, 1));
	for (i = 0; i < 1000; i++)
		ASSERT_EQ(1, write(self->client, &(char){ i }, 1));
	ASSERT_EQ(0, api_read_all(self->server, buf, sizeof(buf)));
	for (i = 0; i < 1000; i++)
		ASSERT_EQ((char)i, buf[i]);
}

TEST_HARNESS_MAIN

// SPDX-License-Identifier: GPL-2.0-only
/*
 * Every option in every state, and set to many values of many lengths: what the one TCP
 * answers, the other answers too. Those that differ have a table.
 */
#include "api_states.h"

#define SWEEP_OPTIONS	128

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

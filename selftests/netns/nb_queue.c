// SPDX-License-Identifier: GPL-2.0-only
/*
 * NFQUEUE's other end for neighbours.sh: gives every packet of a queue one verdict,
 * from process context, until it is killed; on SIGTERM it prints "seen COUNT".
 *
 *	nb_queue QUEUE accept|drop
 */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_queue.h>
#include <linux/netlink.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static volatile sig_atomic_t stop;

struct message {
	struct nlmsghdr nlh;
	struct nfgenmsg nfg;
	char attrs[64];
};

static void on_term(int sig)
{
	stop = 1;
}

static void begin(struct message *m, int type, int queue)
{
	memset(m, 0, sizeof(*m));
	m->nlh.nlmsg_len = NLMSG_LENGTH(sizeof(m->nfg));
	m->nlh.nlmsg_type = NFNL_SUBSYS_QUEUE << 8 | type;
	m->nlh.nlmsg_flags = NLM_F_REQUEST;
	m->nfg.version = NFNETLINK_V0;
	m->nfg.res_id = htons(queue);
}

static void attribute(struct message *m, int type, const void *data, int len)
{
	struct nlattr *a = (void *)((char *)m + NLMSG_ALIGN(m->nlh.nlmsg_len));

	a->nla_type = type;
	a->nla_len = NLA_HDRLEN + len;
	memcpy((char *)a + NLA_HDRLEN, data, len);
	m->nlh.nlmsg_len = NLMSG_ALIGN(m->nlh.nlmsg_len) + NLA_ALIGN(a->nla_len);
}

static void transmit(int fd, const struct message *m)
{
	if (send(fd, m, m->nlh.nlmsg_len, 0) < 0)
		err(3, "send");
}

static void bind_queue(int fd, int queue)
{
	struct nfqnl_msg_config_cmd cmd = { .command = NFQNL_CFG_CMD_BIND, .pf = htons(AF_INET) };
	struct nfqnl_msg_config_params params = {
		.copy_range = htonl(64),
		.copy_mode = NFQNL_COPY_PACKET,
	};
	struct message m;

	begin(&m, NFQNL_MSG_CONFIG, queue);
	attribute(&m, NFQA_CFG_CMD, &cmd, sizeof(cmd));
	transmit(fd, &m);
	begin(&m, NFQNL_MSG_CONFIG, queue);
	attribute(&m, NFQA_CFG_PARAMS, &params, sizeof(params));
	transmit(fd, &m);
}

/* The packet's id in its first attribute of that kind, network order; 0: none. */
static unsigned int packet_id(const struct nlmsghdr *nlh)
{
	const char *p = (const char *)NLMSG_DATA(nlh) + NLMSG_ALIGN(sizeof(struct nfgenmsg));
	const char *end = (const char *)nlh + nlh->nlmsg_len;
	const struct nfqnl_msg_packet_hdr *hdr;

	while (p + NLA_HDRLEN <= end) {
		const struct nlattr *a = (const void *)p;

		if ((a->nla_type & NLA_TYPE_MASK) == NFQA_PACKET_HDR) {
			hdr = (const void *)(p + NLA_HDRLEN);
			return hdr->packet_id;
		}
		p += NLA_ALIGN(a->nla_len);
	}
	return 0;
}

static unsigned long serve(int fd, int queue, int verdict)
{
	unsigned long seen = 0;
	char buf[65536];

	for (;;) {
		ssize_t len = recv(fd, buf, sizeof(buf), stop ? MSG_DONTWAIT : 0);
		struct nlmsghdr *nlh = (void *)buf;

		for (; len > 0 && NLMSG_OK(nlh, len); nlh = NLMSG_NEXT(nlh, len)) {
			struct nfqnl_msg_verdict_hdr v = { .verdict = htonl(verdict) };
			struct message m;

			if ((nlh->nlmsg_type & 0xff) != NFQNL_MSG_PACKET)
				continue;
			v.id = packet_id(nlh);
			begin(&m, NFQNL_MSG_VERDICT, queue);
			attribute(&m, NFQA_VERDICT_HDR, &v, sizeof(v));
			transmit(fd, &m);
			seen++;
		}
		if (stop && len < 0)
			break;
	}
	return seen;
}

int main(int argc, char **argv)
{
	struct sigaction sa = { .sa_handler = on_term };
	struct timeval tv = { .tv_sec = 1 };	/* how late a SIGTERM may be noticed */
	int fd, verdict;

	if (argc != 3)
		errx(3, "usage: nb_queue QUEUE accept|drop");
	sigaction(SIGTERM, &sa, NULL);
	fd = socket(AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER);
	if (fd < 0)
		err(3, "socket");
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	bind_queue(fd, atoi(argv[1]));
	verdict = strcmp(argv[2], "drop") ? NF_ACCEPT : NF_DROP;
	printf("seen %lu\n", serve(fd, atoi(argv[1]), verdict));
	return 0;
}

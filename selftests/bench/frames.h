/* SPDX-License-Identifier: GPL-2.0-only */
/* Hand-made segments from a packet socket on the left to a listener on the right. */
#ifndef BENCH_FRAMES_H
#define BENCH_FRAMES_H

#include <linux/if_ether.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define FRAMES_BURST	64	/* in one call at most */
#define FRAMES_NET	0x0a100000u	/* 10.16.0.0/16, where they come from */

/* The options of a SYN as Linux sends it; of other segments none. */
struct frame {
	struct ethhdr eth;
	struct iphdr ip;
	struct tcphdr tcp;
	uint8_t opt[20];
} __attribute__((packed));

/* frames.c */
void frames_template(struct frame *f, int port, bool foreign);
void frames_sum(struct frame *f);
int frames_open(int protocol);
void frames_send(int fd, struct frame *frames, int n);

#endif

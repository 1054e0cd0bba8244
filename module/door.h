/* SPDX-License-Identifier: GPL-2.0-only */
/* The door: what system calls enter by, by file. */
#ifndef _XTCP_DOOR_H
#define _XTCP_DOOR_H

#include <linux/net.h>
#include "compat.h"
#include "sock.h"

/* family.c: socket(2); proto_ops; guards the namespace's switch */
int xtcp_family_init(void);
void xtcp_family_exit(void);

/* connect.c: struct proto .connect .disconnect; process context, socket locked */
int xtcp_connect(struct sock *sk, struct sockaddr *addr, int len);
int xtcp_disconnect(struct sock *sk, int flags);

/* close.c: .close .shutdown */
void xtcp_close(struct sock *sk, long timeout);
void xtcp_shutdown(struct sock *sk, int how);

/* sendmsg.c, recvmsg.c */
int xtcp_sendmsg(struct sock *sk, struct msghdr *msg, size_t size);
void xtcp_splice_eof(struct socket *sock);
int xtcp_recvmsg(struct sock *sk, struct msghdr *msg, size_t len, int flags,
		 int *addr_len);
ssize_t xtcp_splice_read(struct socket *sock, loff_t *ppos, struct pipe_inode_info *pipe,
			 size_t len, unsigned int flags);
int xtcp_inq(struct sock *sk);		/* bytes readable (FIONREAD) */

/* sockopt.c */
int xtcp_setsockopt(struct sock *sk, int level, int optname, sockptr_t optval,
		    unsigned int optlen);
int xtcp_getsockopt(struct sock *sk, int level, int optname, char __user *optval,
		    int __user *optlen);

/* poll.c: poll, and the wake-ups */
__poll_t xtcp_poll(struct file *file, struct socket *sock, struct poll_table_struct *wait);
void xtcp_write_space(struct sock *sk);

#endif /* _XTCP_DOOR_H */

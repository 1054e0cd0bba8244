/* SPDX-License-Identifier: GPL-2.0-only */
/* The door: what system calls enter by, by file. */
#ifndef _XTCP_DOOR_H
#define _XTCP_DOOR_H

#include <linux/net.h>
#include <linux/tcp.h>
#include <xtcp/rst.h>

#include "compat.h"
#include "portwait.h"
#include "sock.h"

/* family.c: socket(2); proto_ops; guards the namespace's switch */
int xtcp_family_init(void);
void xtcp_family_exit(void);
extern int xtcp_family;			/* main.c: module parameter */

/* proto.c */
extern struct proto xtcp_prot;
extern long xtcp_sysctl_mem[3];		/* pages, as native's tcp_mem */
int xtcp_proto_register(void);
void xtcp_proto_unregister(void);
void xtcp_proto_use_knobs(void);

/* connect.c: struct proto .connect .disconnect; process context, socket locked */
int xtcp_connect(struct sock *sk, struct sockaddr *addr, int len);
int xtcp_disconnect(struct sock *sk, int flags);
void xtcp_connect_abandon(struct sock *sk, enum xtcp_rst_reason reason);
extern const struct xtcp_portwait_ops xtcp_connect_ops;

/* close.c: .close .shutdown */
void xtcp_close(struct sock *sk, long timeout);
void xtcp_shutdown(struct sock *sk, int how);

/* sendmsg.c, recvmsg.c */
int xtcp_sendmsg(struct sock *sk, struct msghdr *msg, size_t size);
#ifdef XTCP_COMPAT_SENDPAGE
int xtcp_sendpage(struct sock *sk, struct page *page, int offset, size_t size, int flags);
#endif
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
int xtcp_ioctl(struct sock *sk, int cmd, xtcp_ioctl_arg arg);
void xtcp_keepalive(struct sock *sk, int val);

/* origdst.c: SO_ORIGINAL_DST */
int xtcp_origdst_get(struct sock *sk, char __user *optval, int __user *optlen);

/* poll.c: poll, and the wake-ups */
__poll_t xtcp_poll(struct file *file, struct socket *sock, struct poll_table_struct *wait);
bool xtcp_stream_memory_free(const struct sock *sk, int wake);
void xtcp_write_space(struct sock *sk);
int xtcp_set_rcvlowat(struct sock *sk, int val);

/* The loader calls them: the compiler, which has the whole module, shall keep their names. */
int __visible init_module(void);
void __visible cleanup_module(void);

#endif /* _XTCP_DOOR_H */

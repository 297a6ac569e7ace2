/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * rtnl.h - just enough rtnetlink for iface.c and hook_tc.c: ask a question, read
 * the answer, take messages apart without trusting their lengths.
 */
#ifndef TI_RTNL_H
#define TI_RTNL_H

#include <stddef.h>
#include <stdint.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>

/* Gets each message; negative ends the reading and is returned by it. */
typedef int (*ti_rtnl_fn)(void *arg, const struct nlmsghdr *h);

/* A non-blocking socket that hears RTMGRP_* groups; or -errno. */
int ti_rtnl_listen(unsigned groups);

/* Read one datagram of a socket. 0; -EAGAIN: nothing there; -ENOBUFS: messages
 * were lost; or -errno. */
int ti_rtnl_receive(int fd, ti_rtnl_fn fn, void *arg);
/* Throw away what is queued on a socket, and its overflow. */
void ti_rtnl_discard(int fd);

/*
 * Send a request (nlmsg_len and nlmsg_type set, nlmsg_flags NLM_F_DUMP or
 * NLM_F_ACK) on a socket of its own and call fn for each message of the answer.
 * 0; -EINTR: the kernel's list changed while it was read, so that it may be
 * incomplete; or -errno, the kernel's or fn's.
 */
int ti_rtnl_ask(struct nlmsghdr *request, ti_rtnl_fn fn, void *arg);

/* The fixed header of a message, `size` bytes, and its attributes by type in
 * tb[0..max] (NULL where absent). NULL: the message is too short. */
const void *ti_rtnl_parse(const struct nlmsghdr *h, size_t size, const struct rtattr **tb,
			  unsigned max);
void ti_rtnl_nested(const struct rtattr *a, const struct rtattr **tb, unsigned max);

/* Values of attributes; a may be NULL: 0, "". Strings are cut to fit. */
uint32_t ti_rtnl_u32(const struct rtattr *a);
void ti_rtnl_str(const struct rtattr *a, char *out, size_t size);

#endif

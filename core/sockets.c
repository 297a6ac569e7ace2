/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sockets.c - TCP sockets as the kernel lists them, by sock_diag(7): one dump for
 * IPv4 and one for IPv6, each over a socket of its own, so that one that is not read
 * to its end leaves nothing behind for the next.
 */
#include "sockets.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>
#include "log.h"

#define ANSWER_WAIT_S 1

static ti_addr addr_of(int family, const __be32 *at)
{
	ti_addr a = {0};

	if (family == AF_INET6)
		memcpy(&a, at, sizeof(a));
	else if (at[0])
		a.lo = htonl(0xffff) | (uint64_t)at[0] << 32;
	return a;
}

static void read_attributes(struct ti_socket *s, const struct nlmsghdr *n)
{
	const struct inet_diag_msg *m = NLMSG_DATA(n);
	int len = n->nlmsg_len - NLMSG_LENGTH(sizeof(*m));

	for (const struct rtattr *a = (const void *)(m + 1); RTA_OK(a, len); a = RTA_NEXT(a, len)) {
		if (a->rta_type == INET_DIAG_SKV6ONLY && RTA_PAYLOAD(a) >= 1)
			s->v6only = *(const uint8_t *)RTA_DATA(a);
		if (a->rta_type == INET_DIAG_SKMEMINFO &&
		    RTA_PAYLOAD(a) >= (SK_MEMINFO_DROPS + 1) * sizeof(uint32_t))
			s->drops = ((const uint32_t *)RTA_DATA(a))[SK_MEMINFO_DROPS];
	}
}

static int report(const struct nlmsghdr *n, int (*fn)(void *arg, const struct ti_socket *s), void *arg)
{
	const struct inet_diag_msg *m = NLMSG_DATA(n);
	struct ti_socket s;

	if (n->nlmsg_len < NLMSG_LENGTH(sizeof(*m)))
		return -EPROTO;
	s = (struct ti_socket){
		.local = addr_of(m->idiag_family, m->id.idiag_src),
		.peer = addr_of(m->idiag_family, m->id.idiag_dst),
		.local_port = ntohs(m->id.idiag_sport),
		.peer_port = ntohs(m->id.idiag_dport),
		.family = m->idiag_family == AF_INET6 ? 6 : 4,
		.state = m->idiag_state,
		.retransmits = m->idiag_retrans,
		.ifindex = m->id.idiag_if,
		.cookie = m->id.idiag_cookie[0] | (uint64_t)m->id.idiag_cookie[1] << 32,
		.uid = m->idiag_uid,
		.inode = m->idiag_inode,
		.rqueue = m->idiag_rqueue,
		.wqueue = m->idiag_wqueue,
	};
	read_attributes(&s, n);
	return fn(arg, &s);
}

/* 1: that was the end of the dump. */
static int read_messages(const struct nlmsghdr *n, unsigned len,
			 int (*fn)(void *arg, const struct ti_socket *s), void *arg, int *result)
{
	for (; NLMSG_OK(n, len); n = NLMSG_NEXT(n, len)) {
		if (n->nlmsg_type == NLMSG_DONE)
			return 1;
		if (n->nlmsg_type == NLMSG_ERROR)
			*result = n->nlmsg_len < NLMSG_LENGTH(sizeof(struct nlmsgerr)) ?
					  -EPROTO :
					  ((const struct nlmsgerr *)NLMSG_DATA(n))->error;
		else
			*result = report(n, fn, arg);
		if (*result || n->nlmsg_type == NLMSG_ERROR)
			return 1;
	}
	return 0;
}

static int ask(int fd, int family, uint32_t states)
{
	struct {
		struct nlmsghdr n;
		struct inet_diag_req_v2 r;
	} request = {
		.n = {.nlmsg_len = sizeof(request), .nlmsg_type = SOCK_DIAG_BY_FAMILY,
		      .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
		.r = {.sdiag_family = family, .sdiag_protocol = IPPROTO_TCP, .idiag_states = states,
		      .idiag_ext = 1 << (INET_DIAG_SKMEMINFO - 1)},
	};
	struct timeval wait = {.tv_sec = ANSWER_WAIT_S};

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
	return send(fd, &request, sizeof(request), 0) < 0 ? -errno : 0;
}

static int dump(int family, uint32_t states, int (*fn)(void *arg, const struct ti_socket *s), void *arg)
{
	char answer[32768] __attribute__((aligned(NLMSG_ALIGNTO)));
	ti_cleanup(ti_closep) int fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
	int r = fd < 0 ? -errno : ask(fd, family, states), end = r < 0;

	while (!end) {
		ssize_t got = recv(fd, answer, sizeof(answer), 0);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return got ? -errno : -EIO;
		end = read_messages((void *)answer, got, fn, arg, &r);
	}
	return r;
}

int ti_sockets_each(uint32_t states, int (*fn)(void *arg, const struct ti_socket *s), void *arg)
{
	int r = dump(AF_INET, states, fn, arg);

	return r ? r : dump(AF_INET6, states, fn, arg);
}

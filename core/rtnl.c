/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "rtnl.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>
#include "log.h"

/* Dumps come in at most 32 KiB, a link's notification in a few. */
#define DATAGRAM_MAX  65536
#define ANSWER_WAIT_S 5
#define LISTEN_BUFFER (1 << 20)

static int rtnl_open(unsigned groups, int flags)
{
	struct sockaddr_nl local = {.nl_family = AF_NETLINK, .nl_groups = groups};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | flags, NETLINK_ROUTE);

	if (fd < 0)
		return -errno;
	if (bind(fd, (struct sockaddr *)&local, sizeof(local)) < 0) {
		int r = -errno;

		close(fd);
		return r;
	}
	return fd;
}

int ti_rtnl_listen(unsigned groups)
{
	int size = LISTEN_BUFFER;
	int fd = rtnl_open(groups, SOCK_NONBLOCK);

	/* Refused without CAP_NET_ADMIN: then the smaller one overflows sooner. */
	if (fd >= 0)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	return fd;
}

int ti_rtnl_receive(int fd, ti_rtnl_fn fn, void *arg)
{
	char data[DATAGRAM_MAX] __attribute__((aligned(NLMSG_ALIGNTO)));
	struct sockaddr_nl from = {0};
	struct iovec iov = {.iov_base = data, .iov_len = sizeof(data)};
	struct msghdr msg = {
		.msg_name = &from, .msg_namelen = sizeof(from), .msg_iov = &iov, .msg_iovlen = 1};
	ssize_t n;

	do
		n = recvmsg(fd, &msg, 0);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	if (msg.msg_flags & MSG_TRUNC)
		return -ENOBUFS;
	if (from.nl_pid != 0) /* not from the kernel */
		return 0;

	int len = n;

	for (struct nlmsghdr *h = (void *)data; NLMSG_OK(h, len); h = NLMSG_NEXT(h, len)) {
		int r = fn(arg, h);

		if (r < 0)
			return r;
	}
	return 0;
}

void ti_rtnl_discard(int fd)
{
	char c;

	/* Bounded: whoever fills it faster than this gets another overflow. */
	for (int i = 0; i < 100000; i++)
		if (recv(fd, &c, 1, MSG_DONTWAIT) < 0 && errno != ENOBUFS && errno != EINTR)
			return;
}

struct answer {
	ti_rtnl_fn fn;
	void *arg;
	bool done, interrupted;
};

static int answer_message(void *arg, const struct nlmsghdr *h)
{
	struct answer *a = arg;
	int error = 0;

	if (h->nlmsg_flags & NLM_F_DUMP_INTR)
		a->interrupted = true;
	if (h->nlmsg_type != NLMSG_DONE && h->nlmsg_type != NLMSG_ERROR)
		return a->fn(a->arg, h);
	a->done = true;
	if (h->nlmsg_len >= NLMSG_LENGTH(sizeof(error)))
		memcpy(&error, NLMSG_DATA(h), sizeof(error));
	return error;
}

int ti_rtnl_ask(struct nlmsghdr *request, ti_rtnl_fn fn, void *arg)
{
	struct timeval wait = {.tv_sec = ANSWER_WAIT_S};
	struct answer a = {.fn = fn, .arg = arg};
	ti_cleanup(ti_closep) int fd = rtnl_open(0, 0);

	if (fd < 0)
		return fd;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
	request->nlmsg_flags |= NLM_F_REQUEST;
	if (send(fd, request, request->nlmsg_len, 0) < 0)
		return -errno;
	while (!a.done) {
		int r = ti_rtnl_receive(fd, answer_message, &a);

		if (r < 0)
			return r == -EAGAIN ? -ETIMEDOUT : r;
	}
	return a.interrupted ? -EINTR : 0;
}

static void attributes(const struct rtattr *a, int len, const struct rtattr **tb, unsigned max)
{
	memset(tb, 0, (max + 1) * sizeof(*tb));
	for (; RTA_OK(a, len); a = RTA_NEXT(a, len)) {
		unsigned type = a->rta_type & NLA_TYPE_MASK;

		if (type <= max)
			tb[type] = a;
	}
}

const void *ti_rtnl_parse(const struct nlmsghdr *h, size_t size, const struct rtattr **tb,
			  unsigned max)
{
	const char *data = NLMSG_DATA(h);

	if (h->nlmsg_len < NLMSG_LENGTH(size))
		return NULL;
	attributes((const void *)(data + NLMSG_ALIGN(size)),
		   (int)h->nlmsg_len - (int)NLMSG_SPACE(size), tb, max);
	return data;
}

void ti_rtnl_nested(const struct rtattr *a, const struct rtattr **tb, unsigned max)
{
	attributes(a ? RTA_DATA(a) : NULL, a ? (int)RTA_PAYLOAD(a) : 0, tb, max);
}

uint32_t ti_rtnl_u32(const struct rtattr *a)
{
	uint32_t v = 0;

	if (a && RTA_PAYLOAD(a) >= sizeof(v))
		memcpy(&v, RTA_DATA(a), sizeof(v));
	return v;
}

void ti_rtnl_str(const struct rtattr *a, char *out, size_t size)
{
	size_t n = a ? strnlen(RTA_DATA(a), RTA_PAYLOAD(a)) : 0;

	if (n >= size)
		n = size - 1;
	if (n)
		memcpy(out, RTA_DATA(a), n);
	out[n] = '\0';
}

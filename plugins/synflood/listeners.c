/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * listeners.c - one dump of sock_diag(7) is the truth: LISTEN transitions only
 * say when to take it. Slots stay with their listener from dump to dump.
 */
#include "listeners.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define LISTEN 10 /* TCP_LISTEN; <netinet/tcp.h> and <linux/tcp.h> don't mix */

int listeners_init(struct listeners *l, const struct ti_host *host, struct ti_handle *h)
{
	size_t size;

	l->host = host;
	l->h = h;
	l->ports = host->memory(h, "ports", &size);
	l->map = host->map(h, "listeners");
	if (!l->ports || l->map < 0) {
		host->log(h, TI_LOG_ERROR, "its BPF object lacks the tables of listeners");
		return -ENOENT;
	}
	return listeners_scan(l);
}

static ti_addr addr_of(const struct inet_diag_msg *m)
{
	ti_addr a;

	if (m->idiag_family == AF_INET6) {
		memcpy(&a, m->id.idiag_src, sizeof(a));
		return a;
	}
	a.hi = 0;
	a.lo = m->id.idiag_src[0] ? htonl(0xffff) | (uint64_t)m->id.idiag_src[0] << 32 : 0;
	return a;
}

static bool v6only(const struct nlmsghdr *n, const struct inet_diag_msg *m)
{
	int len = n->nlmsg_len - NLMSG_LENGTH(sizeof(*m));

	for (struct rtattr *a = (struct rtattr *)(m + 1); RTA_OK(a, len); a = RTA_NEXT(a, len))
		if (a->rta_type == INET_DIAG_SKV6ONLY)
			return *(unsigned char *)RTA_DATA(a);
	return false;
}

static uint32_t find(const struct listeners *l, const struct listener *x)
{
	for (uint32_t i = 1; i < SLOTS; i++) {
		const struct listener *y = &l->slot[i];

		if (y->used && y->port == x->port && y->addr.lo == x->addr.lo &&
		    y->addr.hi == x->addr.hi && y->v4 == x->v4 && y->v6 == x->v6)
			return i;
	}
	return 0;
}

static uint32_t free_slot(struct listeners *l)
{
	for (uint32_t i = 1; i < SLOTS; i++)
		if (!l->slot[i].used)
			return i;
	if (!l->full)
		l->host->log(l->h, TI_LOG_WARNING,
			     "more than %d listening sockets: SYNs to the others count as for no listener", SLOTS - 1);
	l->full = true;
	return 0;
}

static void set_any(struct listeners *l, ti_port port, uint32_t slot, bool v4, bool v6)
{
	struct port_slots *p = &l->ports[port];

	if (v4)
		p->any4 = (p->any4 & SLOT_EXACT) | slot;
	if (v6)
		p->any6 = slot;
}

static void add(struct listeners *l, const struct listener *x)
{
	struct listener_key key = { .addr = x->addr, .port = x->port };
	uint32_t slot = free_slot(l);

	if (!slot)
		return;
	l->slot[slot] = *x;
	l->slot[slot].used = l->slot[slot].seen = true;
	if (!x->addr.hi && !x->addr.lo) {
		set_any(l, x->port, slot, x->v4, x->v6);
		return;
	}
	l->host->map_set(l->h, l->map, &key, &slot);
	l->ports[x->port].any4 |= SLOT_EXACT;
}

/* Is another listener on a single address of this port left? */
static bool exact_left(const struct listeners *l, ti_port port)
{
	for (uint32_t i = 1; i < SLOTS; i++)
		if (l->slot[i].used && l->slot[i].port == port && (l->slot[i].addr.hi || l->slot[i].addr.lo))
			return true;
	return false;
}

static void drop(struct listeners *l, uint32_t slot)
{
	struct listener x = l->slot[slot];
	struct listener_key key = { .addr = x.addr, .port = x.port };

	l->slot[slot] = (struct listener){ 0 };
	l->full = false;
	if (!x.addr.hi && !x.addr.lo) {
		if ((l->ports[x.port].any4 & ~SLOT_EXACT) == slot)
			set_any(l, x.port, 0, true, false);
		if (l->ports[x.port].any6 == slot)
			set_any(l, x.port, 0, false, true);
		return;
	}
	l->host->map_delete(l->h, l->map, &key);
	if (!exact_left(l, x.port))
		l->ports[x.port].any4 &= ~SLOT_EXACT;
}

static void saw(struct listeners *l, const struct nlmsghdr *n)
{
	const struct inet_diag_msg *m = NLMSG_DATA(n);
	struct listener x = { 0 };
	uint32_t slot;

	if (n->nlmsg_len < NLMSG_LENGTH(sizeof(*m)))
		return;
	x.addr = addr_of(m);
	x.port = ntohs(m->id.idiag_sport);
	if (!x.addr.hi && !x.addr.lo) {
		x.v6 = m->idiag_family == AF_INET6;
		x.v4 = !x.v6 || !v6only(n, m);
	}
	slot = find(l, &x);
	if (!slot) {
		add(l, &x);
		slot = find(l, &x);
	}
	if (!slot)
		return;
	l->slot[slot].seen = true;
	/* Of a listener: connections that wait for accept, and how many may. */
	l->slot[slot].queue_full |= m->idiag_rqueue > m->idiag_wqueue;
}

static int dump(struct listeners *l, int fd, int family)
{
	struct {
		struct nlmsghdr n;
		struct inet_diag_req_v2 r;
	} request = {
		.n = { .nlmsg_len = sizeof(request), .nlmsg_type = SOCK_DIAG_BY_FAMILY,
		       .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP },
		.r = { .sdiag_family = family, .sdiag_protocol = IPPROTO_TCP, .idiag_states = 1 << LISTEN },
	};
	char answer[32768] __attribute__((aligned(NLMSG_ALIGNTO)));

	if (send(fd, &request, sizeof(request), 0) < 0)
		return -errno;
	for (;;) {
		ssize_t got = recv(fd, answer, sizeof(answer), 0);
		unsigned len = got;

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return got ? -errno : -EIO;
		for (struct nlmsghdr *n = (void *)answer; NLMSG_OK(n, len); n = NLMSG_NEXT(n, len)) {
			if (n->nlmsg_type == NLMSG_DONE)
				return 0;
			if (n->nlmsg_type == NLMSG_ERROR)
				return ((struct nlmsgerr *)NLMSG_DATA(n))->error;
			saw(l, n);
		}
	}
}

int listeners_scan(struct listeners *l)
{
	int fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
	int r = fd < 0 ? -errno : 0;

	for (uint32_t i = 1; r == 0 && i < SLOTS; i++)
		l->slot[i].seen = l->slot[i].queue_full = false;
	if (r == 0)
		r = dump(l, fd, AF_INET);
	if (r == 0)
		r = dump(l, fd, AF_INET6);
	if (fd >= 0)
		close(fd);
	if (r < 0) {
		if (!l->blind)
			l->host->log(l->h, TI_LOG_ERROR, "cannot list the listening sockets: %s; tried again each second",
				     strerror(-r));
		l->blind = true;
		return r;
	}
	l->blind = false;
	for (uint32_t i = 1; i < SLOTS; i++)
		if (l->slot[i].used && !l->slot[i].seen)
			drop(l, i);
	return 0;
}

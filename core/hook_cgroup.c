/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Programs at the root cgroup, and so at every socket of the host: sock_ops and
 * cgroup_skb. Held by links, which the kernel attaches beside whatever else is
 * there (BPF_F_ALLOW_MULTI) and which die with the process. Such a program takes
 * part in decisions: what ours return and leave alone, see sdk's cgroup.h.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "cgroup.h"
#include "hook.h"
#include "log.h"

#define MAX_PROGRAMS 64 /* that a cgroup takes of a type: BPF_CGROUP_MAX_PROGS */

/* By what follows the hook's name in the section; also bpftool's name for it. */
static const struct point {
	const char *target, *bpftool;
	enum bpf_attach_type type;
} points[] = {
	{"", "sock_ops", BPF_CGROUP_SOCK_OPS},
	{"ingress", "ingress", BPF_CGROUP_INET_INGRESS},
	{"egress", "egress", BPF_CGROUP_INET_EGRESS},
};

static const struct point *point_of(const char *target)
{
	for (size_t i = 0; i < TI_ARRAY_SIZE(points); i++)
		if (!strcmp(points[i].target, target))
			return &points[i];
	return NULL;
}

/* Whoever attached without "multi" is alone there. */
static int look(const struct point *p, const char *path, int fd, char *why, size_t why_size)
{
	__u32 ids[MAX_PROGRAMS], n = MAX_PROGRAMS, flags = 0;
	int r = bpf_prog_query(fd, p->type, 0, &flags, ids, &n) < 0 ? -errno : 0;

	if (r == -EINVAL)
		return ti_hook_why(why, why_size, r,
				   "this kernel runs no BPF programs at cgroups; boot one built "
				   "with CONFIG_CGROUP_BPF");
	if (r < 0) /* not for us to ask; attaching will tell */
		return 0;
	if (n == MAX_PROGRAMS)
		return ti_hook_why(why, why_size, -E2BIG,
				   "%s has as many %s programs as it takes, %u", path, p->bpftool,
				   MAX_PROGRAMS);
	if (n && !(flags & BPF_F_ALLOW_MULTI))
		return ti_hook_why(why, why_size, -EBUSY,
				   "a %s program that tolerates no other is at %s; attach it with "
				   "'multi', or: bpftool cgroup detach %s %s id %u",
				   p->bpftool, path, path, p->bpftool, ids[0]);
	return 0;
}

/* The root cgroup as a file descriptor, or -errno with the reason. */
static int open_root(char path[PATH_MAX], bool *whole, char *why, size_t why_size)
{
	int fd = -1;

	if (ti_cgroup2(path, PATH_MAX, whole) < 0)
		return ti_hook_why(why, why_size, -ENOENT, "no cgroup2 is mounted: %s",
				   TI_CGROUP2_CURE);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0) {
		int r = -errno;

		return ti_hook_why(why, why_size, r, "%s: %s", path, strerror(-r));
	}
	return fd;
}

static int cgroup_available(const char *target, char *why, size_t why_size)
{
	const struct point *p = point_of(target);
	ti_cleanup(ti_closep) int fd = -1;
	char path[PATH_MAX];
	bool whole;

	if (!p)
		return ti_hook_why(why, why_size, -EINVAL,
				   "'%s' is no direction: write cgroup_skb/ingress or "
				   "cgroup_skb/egress",
				   target);
	fd = open_root(path, &whole, why, why_size);
	return fd < 0 ? fd : look(p, path, fd, why, why_size);
}

static int cgroup_attach(struct ti_attachment *a)
{
	ti_cleanup(ti_closep) int fd = -1;
	char path[PATH_MAX];
	int r, known;
	bool whole;

	fd = open_root(path, &whole, a->why, sizeof(a->why));
	if (fd < 0)
		return fd;
	a->link = bpf_program__attach_cgroup(a->prog, fd);
	if (a->link) {
		snprintf(a->mode, sizeof(a->mode), "%s", whole ? "" : "container's");
		return 0;
	}
	r = -errno;
	known = look(point_of(a->target), path, fd, a->why, sizeof(a->why));
	if (known < 0)
		return known;
	return ti_hook_why(a->why, sizeof(a->why), r, "%s: %s", path, ti_hook_strerror(r));
}

const struct ti_hook ti_hook_sock_ops = {
	.name = "sock_ops",
	.section = "sockops",
	.place = "the root cgroup",
	.sees_text = "what happens to each TCP socket of the host: connections, RTT, "
		     "retransmissions, states",
	.sees = TI_SEES_SOCKET,
	.available = cgroup_available,
	.attach = cgroup_attach,
};

const struct ti_hook ti_hook_cgroup_skb = {
	.name = "cgroup_skb",
	.section = "cgroup_skb/",
	.place = "the root cgroup",
	.sees_text = "packets that reach a socket here, on all interfaces, behind the firewall, "
		     "merged by GRO",
	.sees_out = "packets that a socket here sends, on all interfaces, behind the firewall, "
		    "before they are cut to size (GSO)",
	.sees = TI_SEES_INGRESS | TI_SEES_EGRESS | TI_SEES_MERGED | TI_SEES_SOCKET,
	.available = cgroup_available,
	.attach = cgroup_attach,
};

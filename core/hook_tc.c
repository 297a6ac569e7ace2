/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tc: every packet that an interface takes in (or, with egress, sends), as an skb.
 * On Linux 6.6 and later a tcx link, first in its chain, which dies with the
 * process; before that a filter (hook_tc_clsact.c), which doesn't.
 *
 * As long as a plugin is at an interface its process holds a lock, an abstract
 * unix socket of the network namespace, which the kernel frees with the process.
 * It keeps a second tcpinspect from reporting everything twice, and tells a
 * living process's filter from a dead one's.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include "hook.h"
#include "hook_tc.h"
#include "log.h"

/* linux/bpf.h since 6.6. */
#define TCX_INGRESS 46
#define TCX_EGRESS  47
#define TCX_FIRST   (1u << 3) /* BPF_F_BEFORE, without saying before whom */

/* --- the lock ------------------------------------------------------------ */

/* Does a process of root's, or of ours, listen at a name? Any user may take an
 * abstract name, and shall not keep us out by it. *pid is 0 when it is of another
 * PID namespace. */
static bool is_held(const struct sockaddr_un *un, socklen_t len, pid_t *pid)
{
	ti_cleanup(ti_closep) int fd =
		socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct ucred who;
	socklen_t size = sizeof(who);

	if (fd < 0 || connect(fd, (const struct sockaddr *)un, len) < 0)
		return false;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &size) < 0)
		return false;
	*pid = who.pid;
	return who.uid == 0 || who.uid == geteuid();
}

/* A socket that holds it; -EADDRINUSE: a living process does, *holder. */
static int lock(const char *plugin, unsigned ifindex, bool egress, pid_t *holder)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int n = snprintf(un.sun_path + 1, sizeof(un.sun_path) - 1, "tcpinspect/tc/%u/%s%s", ifindex,
			 plugin, egress ? "/egress" : "");
	socklen_t len = offsetof(struct sockaddr_un, sun_path) + 1 + n;
	int r = fd < 0 ? -errno : 0;

	if (r == 0 && bind(fd, (struct sockaddr *)&un, len) < 0)
		r = -errno;
	if (r == 0 && listen(fd, 4096) < 0) /* nobody accepts: so many may ask */
		r = -errno;
	if (r == -EADDRINUSE && !is_held(&un, len, holder)) {
		ti_warn("%s: somebody who is not root holds the name of its lock for tc; going on "
			"without",
			plugin);
		return fd;
	}
	if (r < 0 && fd >= 0)
		close(fd);
	return r < 0 ? r : fd;
}

/* --- the hook ------------------------------------------------------------ */

static int tc_available(const char *target, char *why, size_t why_size)
{
	(void)target;
	(void)why;
	(void)why_size;
	return 0;
}

/* First, since whoever decides on a packet ends the chain. -EINVAL: this kernel
 * has no tcx. */
static int tcx_attach(struct ti_attachment *a)
{
	LIBBPF_OPTS(bpf_link_create_opts, opts, .flags = TCX_FIRST);
	int r = bpf_link_create(bpf_program__fd(a->prog), a->ifindex,
				a->egress ? TCX_EGRESS : TCX_INGRESS, &opts);

	if (r < 0)
		return ti_hook_why(a->why, sizeof(a->why), r, "%s: tcx: %s", a->ifname,
				   ti_hook_strerror(r));
	a->fd = r;
	return 0;
}

static int tc_attach(struct ti_attachment *a)
{
	pid_t holder = 0;
	int r = lock(a->plugin, a->ifindex, a->egress, &holder);

	if (r == -EADDRINUSE)
		return ti_hook_why(a->why, sizeof(a->why), -EALREADY,
				   "the tcpinspect of process %d runs this plugin there; stop that "
				   "one first",
				   holder);
	if (r < 0)
		return ti_hook_why(a->why, sizeof(a->why), r, "%s: cannot lock its tc: %s",
				   a->ifname, ti_hook_strerror(r));
	a->lock_fd = r;
	snprintf(a->mode, sizeof(a->mode), "tcx");
	r = tcx_attach(a);
	if (r != -EINVAL)
		return r;
	a->why[0] = 0;
	snprintf(a->mode, sizeof(a->mode), "clsact");
	return ti_clsact_attach(a);
}

static void tc_detach(struct ti_attachment *a)
{
	if (!strcmp(a->mode, "clsact"))
		ti_clsact_detach(a);
	a->mode[0] = 0;
}

/* Also where links are made: an older tcpinspect may have left filters. */
static int tc_sweep(const char *plugin, unsigned ifindex)
{
	int n = 0;

	for (int egress = 0; egress < 2; egress++) {
		pid_t holder = 0;
		ti_cleanup(ti_closep) int fd = lock(plugin, ifindex, egress, &holder);
		int r = fd < 0 ? fd : ti_clsact_sweep(plugin, ifindex, egress);

		if (r < 0 && r != -EADDRINUSE)
			return r;
		n += r > 0 ? r : 0;
	}
	return n;
}

const struct ti_hook ti_hook_tc = {
	.name = "tc",
	.section = "tc",
	.sees_text = "incoming packets, before the firewall, merged by GRO",
	.sees_out = "outgoing packets, behind the firewall, before they are cut to size (GSO)",
	.prog_type = BPF_PROG_TYPE_SCHED_CLS,
	.sees = TI_SEES_INGRESS | TI_SEES_EGRESS | TI_SEES_DROPPED | TI_SEES_MERGED,
	.per_interface = true,
	.feedable = true,
	.available = tc_available,
	.attach = tc_attach,
	.detach = tc_detach,
	.sweep = tc_sweep,
};

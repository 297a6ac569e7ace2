/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * XDP: ingress, before the kernel has made an skb of the packet. In the driver
 * where that can, else generic. Held by a link that is nowhere pinned, so the
 * kernel detaches it when the process ends, however it ends. Our own programs at
 * one interface form a chain (xdp_chain.c), in the mode that the first has got. A
 * program of somebody else's is never replaced: the kernel refuses a link beside it,
 * too.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/if_link.h>
#include <stdio.h>
#include "hook.h"
#include "log.h"
#include "xdp_chain.h"

static int xdp_available(const char *target, char *why, size_t why_size)
{
	(void)target;
	(void)why;
	(void)why_size;
	return 0;
}

/* Its name, or "" when the kernel doesn't tell (CAP_SYS_ADMIN). */
static void program_name(__u32 id, char *name, size_t size)
{
	ti_cleanup(ti_closep) int fd = bpf_prog_get_fd_by_id(id);
	struct bpf_prog_info info = {0};
	__u32 len = sizeof(info);

	name[0] = '\0';
	if (fd >= 0 && bpf_obj_get_info_by_fd(fd, &info, &len) == 0)
		snprintf(name, size, " '%s'", info.name);
}

static int refuse_foreign(struct ti_attachment *a)
{
	LIBBPF_OPTS(bpf_xdp_query_opts, q);
	char name[32];
	__u32 id;
	int r;

	r = bpf_xdp_query(a->ifindex, 0, &q);
	if (r < 0)
		return ti_hook_why(a->why, sizeof(a->why), r,
				   "%s: cannot ask for its XDP program: %s", a->ifname,
				   ti_hook_strerror(r));
	/* prog_id is 0 when there are several. */
	id = q.prog_id ?: q.drv_prog_id ?: q.skb_prog_id ?: q.hw_prog_id;
	if (!id)
		return 0;
	program_name(id, name, sizeof(name));
	return ti_hook_why(a->why, sizeof(a->why), -EBUSY,
			   "%s has XDP program%s (id %u) already; detach it or use hook = tc",
			   a->ifname, name, id);
}

static int xdp_attach(struct ti_attachment *a)
{
	static const struct {
		__u32 flag;
		const char *name;
	} modes[] = {{XDP_FLAGS_DRV_MODE, "native"}, {XDP_FLAGS_SKB_MODE, "generic"}};
	char ifname[IFNAMSIZ];
	int r = ti_xdp_chain_join(a);

	if (r == 1)
		r = refuse_foreign(a) ?: 1;
	if (r <= 0)
		return r;
	for (size_t m = 0; m < TI_ARRAY_SIZE(modes); m++) {
		LIBBPF_OPTS(bpf_link_create_opts, opts, .flags = modes[m].flag);

		r = bpf_link_create(bpf_program__fd(a->prog), a->ifindex, BPF_XDP, &opts);
		if (r >= 0) {
			a->fd = r;
			snprintf(a->mode, sizeof(a->mode), "%s", modes[m].name);
			return ti_xdp_chain_new(a);
		}
		if (r == -EINVAL && !if_indextoname(a->ifindex, ifname))
			r = -ENODEV;
		ti_hook_why(a->why, sizeof(a->why), r, "%s: %s XDP: %s", a->ifname, modes[m].name,
			    ti_hook_strerror(r));
		if (r == -EPERM || r == -ENODEV)
			return r;
		/* Since the query, or at a device above this one. */
		if (r == -EBUSY || r == -EEXIST)
			return ti_hook_why(a->why, sizeof(a->why), -EBUSY,
					   "%s, or a device above it, has an XDP program already; "
					   "detach it or use hook = tc",
					   a->ifname);
	}
	return r;
}

const struct ti_hook ti_hook_xdp = {
	.name = "xdp",
	.section = "xdp",
	.sees_text = "incoming packets, before the firewall, without VLAN tags that the device strips",
	.sees = TI_SEES_INGRESS | TI_SEES_DROPPED | TI_CAN_DROP,
	.per_interface = true,
	.feedable = true,
	.available = xdp_available,
	.attach = xdp_attach,
	.detach = ti_xdp_chain_leave,
};

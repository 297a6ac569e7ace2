/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An AF_PACKET socket whose filter is the program. It returns 0 for every
 * packet, so nothing is ever queued; closing the socket detaches it.
 */
#include <arpa/inet.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <sys/socket.h>
#include <unistd.h>
#include "hook.h"
#include "log.h"

#ifndef PACKET_IGNORE_OUTGOING
#define PACKET_IGNORE_OUTGOING 23
#endif

static int socket_available(const char *target, char *why, size_t why_size)
{
	/* With protocol 0 it hears nothing. */
	ti_cleanup(ti_closep) int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	int r = fd < 0 ? -errno : 0;

	(void)target;
	if (r == -EAFNOSUPPORT)
		return ti_hook_why(why, why_size, r,
				   "this kernel has no packet sockets (modprobe af_packet)");
	if (r < 0)
		return ti_hook_why(why, why_size, r, "packet socket: %s", ti_hook_strerror(r));
	return 0;
}

/* The filter comes before the bind and the bind names the protocol, so that no
 * packet is queued in between. */
static int open_socket(const struct ti_attachment *a)
{
	struct sockaddr_ll where = {.sll_family = AF_PACKET,
				    .sll_protocol = htons(ETH_P_ALL),
				    .sll_ifindex = a->ifindex};
	int prog = bpf_program__fd(a->prog), least = 0, ingress_only = !a->egress;
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_BPF, &prog, sizeof(prog)) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &least, sizeof(least)) < 0 ||
	    setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &ingress_only,
		       sizeof(ingress_only)) < 0 ||
	    bind(fd, (struct sockaddr *)&where, sizeof(where)) < 0) {
		int r = -errno;

		close(fd);
		return r;
	}
	return fd;
}

static int socket_attach(struct ti_attachment *a)
{
	int r = open_socket(a);

	if (r < 0)
		return ti_hook_why(a->why, sizeof(a->why), r, "%s: packet socket: %s", a->ifname,
				   ti_hook_strerror(r));
	a->fd = r;
	return 0;
}

const struct ti_hook ti_hook_socket = {
	.name = "socket",
	.section = "socket",
	.sees_text = "incoming packets, before the firewall, merged by GRO",
	.sees_out = "outgoing packets, behind the firewall, before they are cut to size (GSO)",
	.prog_type = BPF_PROG_TYPE_SOCKET_FILTER,
	.sees = TI_SEES_INGRESS | TI_SEES_EGRESS | TI_SEES_DROPPED | TI_SEES_MERGED,
	.per_interface = true,
	.feedable = true,
	.available = socket_available,
	.attach = socket_attach,
};

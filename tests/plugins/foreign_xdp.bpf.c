/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An XDP program of somebody else's, which `ip link set ... xdp obj` loads. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

SEC("xdp")
int foreign(struct xdp_md *ctx)
{
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the SDK of ABI 1.0 made of a probe, written out: with the counters of its
 * day, and an XDP program that nothing can follow.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#define TI_TAG(text) __attribute__((btf_decl_tag("ti:" text)))

struct ti_counters {
	__u64 n[8];
};
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	struct ti_counters *value;
} ti_counters SEC(".maps") TI_TAG("cpus");

const volatile __u32 ti_netns;
const volatile __u32 ti_cpus;
const volatile __u64 ti_seed;

struct seen {
	__u64 packets;
};
TI_TAG("event") TI_TAG("severity:INFO") TI_TAG("help:never sent") struct seen *const volatile ti_event_seen = 0;

TI_TAG("hook:packets:0") SEC("xdp")
int packets_xdp(struct xdp_md *ctx)
{
	__u32 cpu = bpf_get_smp_processor_id();
	struct ti_counters *c = bpf_map_lookup_elem(&ti_counters, &cpu);

	if (c)
		c->n[0]++;
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A BPF object as bpf.h of ABI 1.0 made it, written out: eight counters, no clock, no
 * filters, no XDP chain, and nothing else that came later. Frozen, like old.h.
 */
#include <linux/bpf.h>
#include <linux/types.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include <tcpinspect/types.h>

#define TAG(text) __attribute__((btf_decl_tag("ti:" text)))

const volatile __u32 ti_netns;
const volatile __u32 ti_cpus;
const volatile __u64 ti_seed;

struct old_counters {
	__u64 n[8];
};
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	struct old_counters *value;
} ti_counters SEC(".maps") TAG("cpus");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 20);
} ti_ring SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16);
	__type(key, __u32);
	__type(value, __u32);
} seen SEC(".maps");

struct knock {
	ti_port dst_port TAG("help:where to");
	__u32 value;
};
TAG("event") TAG("severity:NOTICE") TAG("help:a packet to the port") struct knock *const volatile ti_event_knock = 0;
TAG("option") TAG("min:1") TAG("max:65535") TAG("help:the port") const volatile __u32 port = 9;

char ti_license[] SEC("license") = "GPL";

TAG("hook:packets:0") SEC("tc")
int packets_tc(struct __sk_buff *skb)
{
	__u32 cpu = bpf_get_smp_processor_id(), key = 1, one = 1;
	struct old_counters *c;
	struct record {
		struct ti_record rec;
		struct knock e;
	} *r;
	__be16 to;

	if (cpu >= ti_cpus)
		cpu = 0;
	c = bpf_map_lookup_elem(&ti_counters, &cpu);
	if (!c)
		return -1;
	c->n[0]++;
	if (bpf_skb_load_bytes(skb, 14 + 20 + 2, &to, sizeof(to)) || bpf_ntohs(to) != port)
		return -1;
	bpf_map_update_elem(&seen, &key, &one, BPF_ANY);
	__sync_fetch_and_add(&c->n[6], 1);
	r = bpf_ringbuf_reserve(&ti_ring, sizeof(*r), 0);
	if (!r) {
		__sync_fetch_and_add(&c->n[7], 1);
		return -1;
	}
	__builtin_memset(r, 0, sizeof(*r));
	r->rec.event = (__u16)(__u64)ti_event_knock;
	r->rec.len = sizeof(r->e);
	r->rec.cpu = bpf_get_smp_processor_id();
	r->rec.boot_ns = bpf_ktime_get_boot_ns();
	r->e.dst_port = bpf_ntohs(to);
	r->e.value = 1;
	bpf_ringbuf_submit(r, 0);
	return -1;
}

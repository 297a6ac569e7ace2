/* SPDX-License-Identifier: BSD-2-Clause OR LGPL-2.1 */
/*
 * tcpinspect/metrics.h - counters, gauges and histograms of a plugin, which the daemon
 * reads and prints (`tcpinspect run --stats`). Part of bpf.h; user space includes it
 * for TI_OBSERVE.
 *
 *	struct totals {
 *		ti_counter syns TI_HELP("SYNs");
 *		ti_histogram(6, 64) length_bytes TI_HELP("of a packet");
 *	};
 *	TI_METRICS(totals);
 *
 *	struct by_port { ti_port port; };
 *	struct ports { ti_counter port_syns TI_HELP("SYNs"); };
 *	TI_METRICS_BY(ports, by_port, 256);
 *
 *	TI_PACKET(packets, TC, XDP)
 *	{
 *		if (!ti_is_syn(pkt))
 *			return TI_PASS;
 *		TI_METRICS_OF(totals, m) {
 *			m->syns++;
 *			TI_OBSERVE(m->length_bytes, pkt->len);
 *		}
 *		TI_METRICS_OF(ports, m, { .port = pkt->dst_port })
 *			m->port_syns++;
 *		return TI_PASS;
 *	}
 *
 * A metric is printed as PLUGIN_FIELD: synmss_port_syns_total{port="80"}. A field's name
 * says its unit: what ends in _ns, _us or _ms is a duration and printed in _seconds; what
 * is in bytes should end in _bytes; anything else has none. A field's name may stand in
 * one struct of a plugin only.
 *
 * Adding. Values are kept by CPU and summed when they are read, so they are added to and
 * never stored to; that holds for gauges, too, which may go up on one CPU and down on
 * another. (One that is set is for TI_METRICS_USER.) `m->syns++` is exact in programs that
 * nothing with the same metric interrupts: at xdp, tc, socket filters. What runs for a
 * system call, tracepoints, kprobes, cgroups, is interrupted by packets: TI_ADD(m->syns, 1),
 * some ns dearer, where the same is counted from both. TI_OBSERVE is like that anyway.
 *
 * User space counts in structs of its own (TI_METRICS_USER), one value each, which it may
 * add to or set. Remove there what has ended, a listener or a connection: its counters are
 * gone then, and begin at 0 if it comes back, as Prometheus expects of what restarts.
 *
 * Labels are a struct of fields as in events: integers, enums, ti_bool, ti_addr, ti_prefix,
 * ti_port, ti_vlan, ti_ifindex, ti_str. What is absent from an event isn't printed here
 * either. It may have no holes: order the members by size, or write one `_pad`, which is
 * left out. Who counts by what strangers choose (addresses, ports) has them choose what
 * is counted: at most as many label sets as TI_METRICS_BY says are kept, the first that
 * come, for as long as the plugin runs. All others are counted together, printed as
 * {overflow="true"}, so that sums are right.
 *
 * Memory, for C possible CPUs (/sys/devices/system/cpu/possible) and a struct of S bytes:
 * TI_METRICS C * S, and TI_METRICS_BY (N + 1) * C * S + N * (56 + C * 8 + labels), all of it
 * taken at load; TI_METRICS_USER_BY N * (S + labels + 9), as it is used. A counter and a gauge
 * have 8 bytes, a histogram 8 + 8 * N.
 */
#ifndef TCPINSPECT_METRICS_H
#define TCPINSPECT_METRICS_H

#include <tcpinspect/types.h>

/* Count `value` in a ti_histogram, TI_OBSERVE(m->rtt_ns, ns): in the first bucket whose
 * bound is not below it. */
#define TI_OBSERVE(histogram, value)                                           \
	ti_observe(&(histogram).sum, (histogram).bucket,                       \
		   sizeof((histogram).bucket) / sizeof(__u64),                 \
		   sizeof((histogram).first[0]), (value))

static inline __attribute__((always_inline)) void
ti_observe(__u64 *sum, __u64 *bucket, __u64 n, __u64 first, __u64 value)
{
	__u64 bits = value / first + (value % first != 0);

	bits -= bits != 0;
	/* How many bits: without branches, each of which the verifier would follow. */
	bits |= bits >> 1;
	bits |= bits >> 2;
	bits |= bits >> 4;
	bits |= bits >> 8;
	bits |= bits >> 16;
	bits |= bits >> 32;
	bits = __builtin_popcountll(bits);
	__asm__ volatile("" : "+r"(bits)); /* else compared before it is what it will be */
	if (bits > n - 1)
		bits = n - 1;
#ifdef __bpf__ /* whatever interrupts */
	__sync_fetch_and_add(sum, value);
	__sync_fetch_and_add(&bucket[bits], 1);
#else
	*sum += value;
	bucket[bits]++;
#endif
}

#ifdef __bpf__

/* Add to a counter or a gauge, whatever interrupts. */
#define TI_ADD(metric, n) ((void)__sync_fetch_and_add(&(metric), (n)))

/* One `struct name` of metrics, without labels. */
#define TI_METRICS(name)                                                       \
	TI_METRICS_MAP_(name, PERCPU_ARRAY, __u32, name, 1, "metrics:cpu");    \
	static __always_inline struct name *ti_metrics_of_##name(__u32 *key)   \
	{                                                                      \
		return bpf_map_lookup_elem(&name, key);                        \
	}

/* A `struct name` for each set of labels, a `struct labels`; at most `most` of them. */
#define TI_METRICS_BY(name, labels, most)                                      \
	TI_METRICS_MAP_(name, PERCPU_HASH, struct labels, name, most, "metrics:cpu");\
	TI_METRICS_MAP_(name##_overflow, PERCPU_ARRAY, __u32, name, 1, "overflow:" #name);\
	static const struct name ti_zero_##name;                               \
	static __u32 ti_full_##name;                                           \
	static __always_inline struct name *ti_metrics_of_##name(struct labels *key)\
	{                                                                      \
		return ti_metrics_of(&name, &name##_overflow, key, &ti_zero_##name,\
				     &ti_full_##name);                         \
	}

/* The same for what callbacks count, or set: ti_host.metrics(h, "name", NULL). */
#define TI_METRICS_USER(name)                                                  \
	TI_METRICS_MAP_(name, ARRAY, __u32, name, 1, "metrics:user")
/* With labels: ti_host.metrics(h, "name", &labels). */
#define TI_METRICS_USER_BY(name, labels, most)                                 \
	TI_METRICS_MAP_(name, HASH, struct labels, name, most, "metrics:user")

/*
 * The block that follows adds to *var, this CPU's values of TI_METRICS, or of TI_METRICS_BY
 * for a set of labels, an initializer or a struct that has them: see above. A look-up in
 * an array, or in a hash; a set's first use in each run also an insertion. `continue` and
 * `break` leave the block.
 */
#define TI_METRICS_OF(name, var, labels...)                                    \
	for (struct name *var = ({                                             \
		     __typeof__(*name.key) key_[1] = { labels };               \
		     ti_metrics_of_##name(key_);                               \
	     });                                                               \
	     var; var = 0)

#define TI_METRICS_MAP_(name, kind, K, V, most, tag)                           \
	struct {                                                               \
		__uint(type, BPF_MAP_TYPE_##kind);                             \
		__uint(max_entries, most);                                     \
		__type(key, K);                                                \
		__type(value, struct V);                                       \
	} name SEC(".maps") TI_TAG(tag)

static __always_inline void *ti_metrics_of(void *map, void *overflow, const void *key,
					   const void *zero, volatile __u32 *full)
{
	void *values = bpf_map_lookup_elem(map, key);
	__u32 first = 0;
	long r;

	/* Nothing ever leaves the map, and to be refused is dear. */
	if (!values && !*full) {
		r = bpf_map_update_elem(map, key, zero, BPF_NOEXIST);
		if (r == -7) /* E2BIG */
			*full = 1;
		values = bpf_map_lookup_elem(map, key); /* or another CPU was quicker */
	}
	if (values)
		return values;
	ti_count(TI_COUNT_CROWDED);
	return bpf_map_lookup_elem(overflow, &first);
}

#endif
#endif

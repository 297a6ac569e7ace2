/* SPDX-License-Identifier: BSD-2-Clause OR LGPL-2.1 */
/*
 * tcpinspect/bpf.h - what a probe's BPF program is written with.
 *
 *	struct synmss { ti_addr src_ip; ti_port dst_port; __u16 mss; };
 *	TI_EVENT(synmss, NOTICE, "a SYN offering an MSS below the limit");
 *	TI_OPTION(__u32, below, 1220, 536, 65535, "report SYNs that offer less");
 *
 *	TI_PACKET(packets, TC, XDP, SOCKET)
 *	{
 *		if (!ti_is_syn(pkt))
 *			return TI_PASS;
 *		TI_EMIT(synmss, e) {
 *			e->src_ip = pkt->src;
 *			...
 *		}
 *		return TI_PASS;
 *	}
 *
 * One translation unit a BPF object. The daemon finds events, options and hooks
 * in the object's BTF by the decl tags planted here ("ti:..."), so objects must
 * be built with -g (llvm-strip -g afterwards keeps .BTF).
 */
#ifndef TCPINSPECT_BPF_H
#define TCPINSPECT_BPF_H

#include <linux/bpf.h>
#include <linux/types.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include <tcpinspect/kernel.h>
#include <tcpinspect/packet.h>
#include <tcpinspect/types.h>

#define TI_TAG(text) __attribute__((btf_decl_tag("ti:" text)))

/* The helpers that most probes need are GPL-only; ours is a dual licence. */
#define TI_LICENSE(text) char ti_license[] SEC("license") = text

/* --- options ----------------------------------------------------------- */

/*
 * An option of the ini file that the program reads like a variable:
 *	TI_OPTION(__u32, below, 1220, 536, 65535, "report SYNs that offer less");
 * type: __u8, __u16, __u32, __u64, ti_bool, ti_ns (written as a duration, limits
 * in ns) or an enum (written by its names; limits are not used). The key is the
 * variable's name. Constant while the program is loaded, so branches on it are
 * removed by the verifier.
 */
#define TI_OPTION(type, name, def, min, max, help)                             \
	TI_TAG("option") TI_TAG("min:" #min) TI_TAG("max:" #max)               \
	TI_TAG("help:" help)                                                   \
	const volatile type name = (def)

/*
 * For a map: as many entries as an option of type __u32 says, whatever its
 * max_entries:
 *	TI_OPTION(__u32, connections, 4096, 1, 1000000, "connections followed at once");
 *	struct { ... } conns SEC(".maps") TI_SIZED_BY(connections);
 */
#define TI_SIZED_BY(option) TI_TAG("sized:" #option)

/* Filled by the daemon before load. */
const volatile __u32 ti_netns; /* inode number of the daemon's network namespace */
const volatile __u32 ti_cpus;  /* values in a TI_CPU_ARRAY */
const volatile __u64 ti_seed;  /* random: what is hashed with it can't be foreseen */

/* --- time -------------------------------------------------------------- */

/* 1: packets come from a capture or a test. They have no interface and no socket here. */
const volatile __u32 ti_offline;

/* Of the packet that is fed then; written by who feeds it. */
struct {
	__u64 boot_ns;
	__u32 len;      /* bytes of the frame; more than that may not have been captured */
	__u32 captured; /* bytes that are there */
} ti_fed SEC(".data.ti_fed");

/* CLOCK_BOOTTIME in ns, of the capture where packets come from one: the only clock for
 * what a replay should repeat. */
#define TI_NOW() (ti_offline ? *(volatile __u64 *)&ti_fed.boot_ns : bpf_ktime_get_boot_ns())

/* --- memory by CPU ----------------------------------------------------- */

/*
 * An array with one T a CPU that user space sees as live memory
 * (ti_host.memory): sized by the daemon, zero at start.
 *	TI_CPU_ARRAY(struct stats, stats);
 *	struct stats *s = TI_CPU(stats);   // this CPU's, or NULL (never, but say so)
 */
#define TI_CPU_ARRAY(T, name)                                                  \
	struct {                                                               \
		__uint(type, BPF_MAP_TYPE_ARRAY);                              \
		__uint(map_flags, BPF_F_MMAPABLE);                             \
		__uint(max_entries, 1);                                        \
		__type(key, __u32);                                            \
		__typeof__(T) *value;                                          \
	} name SEC(".maps") TI_TAG("cpus")

#define TI_CPU(name)                                                           \
	({                                                                     \
		__u32 cpu_ = bpf_get_smp_processor_id();                       \
		if (cpu_ >= ti_cpus) /* plugged in after the start: shares */  \
			cpu_ = 0;                                              \
		(__typeof__(name.value))bpf_map_lookup_elem(&name, &cpu_);     \
	})

/* The counters every probe has; see enum ti_count. In cache lines of their CPU's own. */
struct ti_counters {
	__u64 n[TI_COUNT_MAX];
} __attribute__((aligned(64)));
TI_CPU_ARRAY(struct ti_counters, ti_counters);

static __always_inline void ti_count(enum ti_count which)
{
	struct ti_counters *c = TI_CPU(ti_counters);

	if (c)
		c->n[which]++;
}

/* Asks ti_count(), and is asked by what follows. */
#include <tcpinspect/filter.h>

/* Mix two words under ti_seed; all bits of the result may be used. */
static __always_inline __u64 ti_hash(__u64 a, __u64 b)
{
	__u64 h = (a ^ ti_seed) * 0x9e3779b97f4a7c15;

	h ^= (h >> 32) ^ b;
	h = (h ^ (h >> 32)) * 0xff51afd7ed558ccd; /* b's upper half counts, too */
	h = (h ^ (h >> 32)) * 0xc4ceb9fe1a85ec53;
	return h ^ (h >> 32);
}

/* --- events ------------------------------------------------------------ */

/*
 * Bytes of the ring, a power of two, unless the operator says otherwise (ring_size).
 * Defined before this file is included by a probe that reports in bursts: the daemon
 * may be a quarter of a second late.
 */
#ifndef TI_RING_SIZE
#define TI_RING_SIZE (1 << 20)
#endif

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, TI_RING_SIZE);
} ti_ring SEC(".maps");

/*
 * Make `struct name` an event type. severity: INFO NOTICE WARNING ERROR CRITICAL.
 * Members are fields in their order; one whose name begins with '_' is padding.
 * The pointer carries the struct into BTF and, as its value, the number that the
 * daemon gives the type at load.
 */
#define TI_EVENT(name, severity, help)                                         \
	TI_STATIC_ASSERT(sizeof(struct name) <= 16384, #name " is over 16 KiB");\
	TI_TAG("event") TI_TAG("severity:" #severity) TI_TAG("help:" help)     \
	struct name *const volatile ti_event_##name = 0

#ifdef __bpf__ /* elsewhere they are nothing: types.h */
/* For a field: absent from the output when it is 0. */
#define TI_OPTIONAL TI_TAG("optional")
/* For a field: one sentence for `list -v` and the man page. */
#define TI_HELP(text) TI_TAG("help:" text)
#endif

/* Submitted without flags: the kernel wakes the daemon for the first record after
 * it has caught up, and for no other; while data flows the daemon polls, every
 * 10 ms. (A wake-up costs some 60 times the record.) */
static __always_inline void *ti_reserve(__u16 event, __u32 len)
{
	struct ti_counters *c = TI_CPU(ti_counters);
	struct ti_record *rec;

	if (!c)
		return 0;
	__sync_fetch_and_add(&c->n[TI_COUNT_EMITTED], 1);
	rec = bpf_ringbuf_reserve(&ti_ring, sizeof(*rec) + len, 0);
	if (!rec) {
		__sync_fetch_and_add(&c->n[TI_COUNT_LOST], 1);
		return 0;
	}
	__builtin_memset(rec, 0, sizeof(*rec) + len);
	rec->event = event;
	rec->len = len;
	rec->cpu = bpf_get_smp_processor_id();
	rec->boot_ns = TI_NOW();
	return rec + 1;
}

/*
 * Report an event: the block that follows fills *var, a zeroed struct in the
 * ring; at its end the event is submitted. The block is skipped, and the event
 * counted lost, when the ring is full. No return, break or goto out of it (the
 * verifier refuses: "Unreleased reference").
 *	TI_EMIT(synmss, e) {
 *		e->src_ip = pkt->src;
 *	}
 */
#define TI_EMIT(name, var)                                                     \
	for (struct name *var = ti_reserve((__u16)(__u64)ti_event_##name,      \
					   sizeof(struct name));               \
	     var; bpf_ringbuf_submit((struct ti_record *)var - 1, 0), var = 0)

/* Submit an event, or take it back as if it had never been asked for. */
static __always_inline void ti_submit_if(void *event, int wanted)
{
	struct ti_record *rec = (struct ti_record *)event - 1;
	struct ti_counters *c;

	if (wanted) {
		bpf_ringbuf_submit(rec, 0);
		return;
	}
	bpf_ringbuf_discard(rec, 0);
	c = TI_CPU(ti_counters);
	if (c)
		__sync_fetch_and_add(&c->n[TI_COUNT_EMITTED], -1);
}

/*
 * As TI_EMIT, where `condition`, which is evaluated after the block, says whether
 * there is anything to report. Its place in the ring is taken before: what another
 * CPU reports because of what `condition` did comes later.
 */
#define TI_EMIT_IF(name, var, condition)                                       \
	for (struct name *var = ti_reserve((__u16)(__u64)ti_event_##name,      \
					   sizeof(struct name));               \
	     var; ti_submit_if(var, condition), var = 0)

/*
 * A record that is no event but the probe's own business: it goes to the plugin's
 * event() and nowhere else, no operator sees its name, and it is counted only when
 * the ring is full, as an event lost. `struct name` may have any members. The number
 * in its ti_record is what ti_host.event() gives for the name.
 */
#define TI_INTERNAL(name)                                                      \
	TI_TAG("internal") struct name *const volatile ti_event_##name = 0

/*
 * Reserve one, of `len` bytes (a constant), which may be fewer than the struct has.
 * They are not zeroed: fill all of them. NULL: the ring is full, and that is counted.
 * Ends in TI_INTERNAL_SUBMIT.
 */
#define TI_INTERNAL_RESERVE(name, len)                                         \
	((struct name *)ti_reserve_internal((__u16)(__u64)ti_event_##name, len))
#define TI_INTERNAL_SUBMIT(var)  bpf_ringbuf_submit((struct ti_record *)(var) - 1, 0)
#define TI_INTERNAL_DISCARD(var) bpf_ringbuf_discard((struct ti_record *)(var) - 1, 0)

static __always_inline void *ti_reserve_internal(__u16 event, __u32 len)
{
	struct ti_record *rec = bpf_ringbuf_reserve(&ti_ring, sizeof(*rec) + len, 0);
	struct ti_counters *c;

	if (!rec) {
		c = TI_CPU(ti_counters);
		if (c) {
			__sync_fetch_and_add(&c->n[TI_COUNT_EMITTED], 1);
			__sync_fetch_and_add(&c->n[TI_COUNT_LOST], 1);
		}
		return 0;
	}
	rec->event = event;
	rec->len = len;
	rec->cpu = bpf_get_smp_processor_id();
	rec->boot_ns = TI_NOW();
	return rec + 1;
}

/* For structs, ti_counters: TI_METRICS and so on. */
#include <tcpinspect/metrics.h>

/* Asks ti_count() and TI_TAG(), and is asked by what follows. */
#include <tcpinspect/hooks.h>
#include <tcpinspect/function.h>
/* TI_SOCKOPS, and the hook CGROUP of TI_PACKET. */
#include <tcpinspect/cgroup.h>

#endif

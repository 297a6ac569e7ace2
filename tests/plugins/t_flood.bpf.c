/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An event for every system call of the processes called ti_flood: as many as a
 * script wants, with nothing of the network in between. Their numbers tell, by
 * CPU, whether one was lost, came twice or out of turn.
 */
#include <tcpinspect/bpf.h>

struct call {
	__u64 seq TI_HELP("1, 2, 3, ... by CPU, whether the ring took it or not");
	__u32 on_cpu;
	__u32 pid;
};
TI_EVENT(call, INFO, "a system call of ti_flood");
TI_LICENSE("Dual BSD/GPL");

struct calls {
	__u64 seq;
};
TI_CPU_ARRAY(struct calls, calls);

static __always_inline int is_ti_flood(void)
{
	static const char name[] = "ti_flood";
	char comm[16];

	if (bpf_get_current_comm(comm, sizeof(comm)) < 0)
		return 0;
#pragma unroll
	for (int i = 0; i < (int)sizeof(name); i++)
		if (comm[i] != name[i])
			return 0;
	return 1;
}

TI_HOOK(calls_in, 0) SEC("raw_tp/sys_enter")
int calls_raw_tp(void *ctx)
{
	struct calls *c = TI_CPU(calls);
	__u64 seq;

	if (!c || !is_ti_flood())
		return 0;
	seq = ++c->seq;
	TI_EMIT(call, e) {
		e->seq = seq;
		e->on_cpu = bpf_get_smp_processor_id();
		e->pid = bpf_get_current_pid_tgid() >> 32;
	}
	return 0;
}

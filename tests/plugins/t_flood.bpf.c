/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An event for every system call of the processes called ti_flood: as many as a
 * script wants, with nothing of the network in between. Their numbers tell, by
 * CPU, whether one was lost, came twice or out of turn.
 */
#include <tcpinspect/bpf.h>
#include "named.h"

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

TI_HOOK(calls_in, 0) SEC("raw_tp/sys_enter")
int calls_raw_tp(void *ctx)
{
	struct calls *c = TI_CPU(calls);
	__u64 seq;

	if (!c || !IS_NAMED("ti_flood"))
		return 0;
	seq = ++c->seq;
	TI_EMIT(call, e) {
		e->seq = seq;
		e->on_cpu = bpf_get_smp_processor_id();
		e->pid = bpf_get_current_pid_tgid() >> 32;
	}
	return 0;
}

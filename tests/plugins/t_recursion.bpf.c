/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A program that makes the event that it waits for: it faults at the tracepoint of
 * page faults, once for every system call of the processes called ti_recursion.
 */
#include <tcpinspect/bpf.h>
#include "named.h"

struct fault {
	__u32 pid;
};
TI_EVENT(fault, INFO, "a page fault of a program of ours");
TI_LICENSE("Dual BSD/GPL");

struct depth {
	__u64 n;
};
TI_CPU_ARRAY(struct depth, depth);

/* Where the kernel doesn't, this ends the recursion. */
static __always_inline void fault(void)
{
	struct depth *d = TI_CPU(depth);
	char c;

	if (!d || d->n >= 2)
		return;
	d->n++;
	bpf_probe_read_user(&c, sizeof(c), (void *)8);
	d->n--;
}

TI_HOOK(calls, 0) SEC("raw_tp/sys_enter")
int calls_raw_tp(void *ctx)
{
	if (IS_NAMED("ti_recursion"))
		fault();
	return 0;
}

TI_HOOK(faults, 0) SEC("raw_tp/page_fault_kernel")
int faults_raw_tp(void *ctx)
{
	struct depth *d = TI_CPU(depth);

	if (!d || !d->n || !IS_NAMED("ti_recursion"))
		return 0;
	TI_EMIT(fault, e) {
		e->pid = bpf_get_current_pid_tgid() >> 32;
	}
	fault();
	return 0;
}

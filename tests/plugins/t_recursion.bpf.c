/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A program that makes the event that it waits for: it faults at the tracepoint of
 * page faults, once for every system call of the processes called ti_recursion.
 */
#include <tcpinspect/bpf.h>

struct fault {
	__u32 pid;
};
TI_EVENT(fault, INFO, "a page fault of a program of ours");
TI_LICENSE("Dual BSD/GPL");

struct depth {
	__u64 n;
};
TI_CPU_ARRAY(struct depth, depth);

static __always_inline int is_ti_recursion(void)
{
	static const char name[] = "ti_recursion";
	char comm[16];

	if (bpf_get_current_comm(comm, sizeof(comm)) < 0)
		return 0;
#pragma unroll
	for (int i = 0; i < (int)sizeof(name); i++)
		if (comm[i] != name[i])
			return 0;
	return 1;
}

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
	if (is_ti_recursion())
		fault();
	return 0;
}

TI_HOOK(faults, 0) SEC("raw_tp/page_fault_kernel")
int faults_raw_tp(void *ctx)
{
	struct depth *d = TI_CPU(depth);

	if (!d || !d->n || !is_ti_recursion())
		return 0;
	TI_EMIT(fault, e) {
		e->pid = bpf_get_current_pid_tgid() >> 32;
	}
	fault();
	return 0;
}

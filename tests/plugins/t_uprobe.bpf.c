/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Calls of a function of libc that hardly anybody calls: compilers know it. */
#include <tcpinspect/bpf.h>

struct called {
	__u32 pid;
	__s32 number;
};
TI_EVENT(called, INFO, "labs was called");
TI_LICENSE("Dual BSD/GPL");

TI_UENTRY(calls, 0, "libc.so.6:labs", long number)
{
	TI_EMIT(called, e) {
		e->pid = bpf_get_current_pid_tgid() >> 32;
		e->number = number;
	}
}

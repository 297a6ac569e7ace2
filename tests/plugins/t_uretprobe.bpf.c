/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Returns from the function of t_uprobe. */
#include <tcpinspect/bpf.h>

struct returned {
	__u32 pid;
	__s32 number;
};
TI_EVENT(returned, INFO, "labs has returned");
TI_LICENSE("Dual BSD/GPL");

TI_URETURN(returns, 0, "libc.so.6:labs", long number)
{
	TI_EMIT(returned, e) {
		e->pid = bpf_get_current_pid_tgid() >> 32;
		e->number = number;
	}
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A program that no verifier takes: it reads from where the clock says. */
#include <tcpinspect/bpf.h>

struct read_at {
	__u64 value;
};
TI_EVENT(read_at, INFO, "never seen");
TI_LICENSE("Dual BSD/GPL");

TI_PACKET(packets, TC, XDP)
{
	__u64 value = *(volatile __u64 *)bpf_ktime_get_ns();

	TI_EMIT(read_at, e) {
		e->value = value;
	}
	return TI_PASS;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* At a tracepoint that no kernel has. */
#include <tcpinspect/bpf.h>

struct nothing {
	__u32 at_all;
};
TI_EVENT(nothing, INFO, "never seen");
TI_LICENSE("Dual BSD/GPL");

TI_HOOK(missing, 0) SEC("raw_tp/ti_no_such_tracepoint")
int missing_raw_tp(void *ctx)
{
	TI_EMIT(nothing, e) {
		e->at_all = 0;
	}
	return 0;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What options add and take away: `out` a group of its own, `no_tc` the first of two
 * alternatives. */
#include <tcpinspect/bpf.h>

TI_OPTION(ti_bool, out, 0, 0, 1, "outgoing packets, too");
TI_OPTION(ti_bool, no_tc, 0, 0, 1, "not at tc");
TI_UNLESS(no_tc) int packets_tc(struct __sk_buff *ctx);
TI_ONLY_IF(out) int sent_tc_out(struct __sk_buff *ctx);

#define HOOK	 TC, XDP
#define HOOK_OUT TC_OUT
#include "packets.h"

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The memory that hook-fixture.bpf.c and the tests share: the object's .bss. */
#ifndef HOOK_COUNTS_H
#define HOOK_COUNTS_H

#include <linux/types.h>

#define TEST_ETHERTYPE 0x88b5 /* for local experiments */

struct counts {
	__u64 xdp, tc, socket, outgoing, tracepoint, called, returned;
	__u64 tgid; /* set by the test: whose sockets the tracepoints count */
};

#endif

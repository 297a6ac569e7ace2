/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The memory that test-xdp-chain.bpf.c and test-xdp-chain.c share: the object's .bss. */
#ifndef TEST_XDP_CHAIN_H
#define TEST_XDP_CHAIN_H

#include <linux/types.h>

#define TEST_ETHERTYPE 0x88b5 /* for local experiments */

struct control {
	__u64 seen;    /* frames of TEST_ETHERTYPE */
	__u32 drop;    /* set by the test: them, too */
	__u32 dwell;   /* set by the test: not 0: stay in the program for some 10 us */
};

#endif

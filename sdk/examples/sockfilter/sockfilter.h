/* SPDX-License-Identifier: BSD-2-Clause OR LGPL-2.1 */
/* sockfilter.h - what the BPF program and user space share. */
#ifndef SOCKFILTER_H
#define SOCKFILTER_H

#include <tcpinspect/types.h>

#ifndef TI_HELP /* the BPF side's; here it says nothing */
#define TI_HELP(text)
#endif

#define MAX_CONNECTIONS 1024

/* Of a socket since it was attached, by its cookie. */
struct counts {
	__u64 bytes, segments;
};

struct received {
	ti_addr src_ip, dst_ip; /* the peer, the process */
	ti_port src_port, dst_port;
	__u32 pid;
	__u32 fd;
	__u64 bytes TI_HELP("of payload; what came twice counts twice");
	__u64 segments TI_HELP("with payload, as on the wire");
	ti_ns window TI_HELP("the time in which they came");
};

#endif

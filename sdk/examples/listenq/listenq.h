/* SPDX-License-Identifier: BSD-2-Clause OR LGPL-2.1 */
/* listenq.h - the event, which the BPF program begins and user space completes. */
#ifndef LISTENQ_H
#define LISTENQ_H

#include <tcpinspect/types.h>

#ifndef TI_HELP /* bpf.h has them; for user space they mean nothing */
#define TI_HELP(text)
#define TI_OPTIONAL
#endif

struct overflow {
	ti_addr src_ip, dst_ip;
	ti_port src_port, dst_port;
	ti_str(16) comm TI_HELP("of a process that has the listener");
	__u32 pid TI_OPTIONAL TI_HELP("its number; absent: none was found");
	__u32 queue TI_HELP("connections that wait to be accepted");
	__u32 backlog TI_HELP("so many may wait, and one");
	__u64 inode TI_HELP("of the listener, as ss -e shows it");
	__u64 overflows TI_HELP("packets turned away at this listener so far");
};

#endif

/* SPDX-License-Identifier: BSD-2-Clause OR LGPL-2.1 */
/* synmss.c: what the daemon is told of synmss.bpf.o, which this carries; no code. */
#include <tcpinspect/plugin.h>

TI_BPF_OBJECT(synmss_bpf, "synmss.bpf.o");
TI_PLUGIN(synmss, .version = "1.0", .summary = "SYNs with a small MSS",
	  TI_PLUGIN_BPF(synmss_bpf));

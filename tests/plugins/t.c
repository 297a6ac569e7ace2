/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The descriptor of every plugin here: -DNAME=t_xdp carries t_xdp.bpf.o. */
#include <tcpinspect/plugin.h>

#define STRING_(text) #text
#define STRING(text)  STRING_(text)

TI_BPF_OBJECT(test_bpf, STRING(NAME) ".bpf.o");
TI_PLUGIN(NAME, .version = "1.0", .summary = "sees what it can at one hook",
	  TI_PLUGIN_BPF(test_bpf));

/* @name@.c - the plugin: data for the daemon. Callbacks, if it needs any, go here. */
#include <tcpinspect/plugin.h>

TI_BPF_OBJECT(@name@_bpf, "@name@.bpf.o");
TI_PLUGIN(@name@, .version = "1.0", .summary = "@summary@",
	  TI_PLUGIN_BPF(@name@_bpf));

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * plugin.c - what test-module makes its plugins of. -DNAME=x names it, and each
 * other -D leaves something out or breaks it. It leaves a mark when any of its
 * code runs.
 */
#include <stdlib.h>
#include <tcpinspect/plugin.h>

#ifndef VERSION
#define VERSION "1.2"
#endif
#ifndef SUMMARY
#define SUMMARY "a plugin under test"
#endif

/* Not looked at by the module stage. */
const char ti_test_object[8];

#ifdef WITHOUT_BPF
#define OBJECT .bpf = NULL
#else
#define OBJECT .bpf = ti_test_object, .bpf_end = ti_test_object + sizeof(ti_test_object)
#endif

#ifdef UNDEFINED
int defined_nowhere(void **self, const struct ti_host *host, struct ti_handle *h,
		    const void *config);
#define START .start = defined_nowhere
#else
#define START .start = NULL
#endif

__attribute__((constructor)) static void leave_mark(void)
{
	setenv("TI_TEST_MODULE_RAN", "1", 1);
}

#ifdef ONLY_NOTE
TI_NOTE(NAME, TI_MODULE_PLUGIN, struct ti_plugin);
#elif defined(LONGER)
struct longer {
	struct ti_plugin known;
	char more[64];
};
TI_NOTE(NAME, TI_MODULE_PLUGIN, struct longer);
#define PREFIX_OF(name) TI_PREFIX(name, TI_MODULE_PLUGIN, struct longer)
extern __attribute__((visibility("default"))) const struct longer longer __asm__("ti_plugin");
const struct longer longer = {
	.known = { .prefix = PREFIX_OF(NAME), .version = VERSION, .summary = SUMMARY, OBJECT, START },
};
#else
TI_PLUGIN(NAME, .version = VERSION, .summary = SUMMARY, OBJECT, START, .tick_ms = 250);
#endif

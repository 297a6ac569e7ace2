/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hook_tc.h - the older half of the hook tc: filters, for kernels before 6.6. The
 * caller holds the lock of (plugin, interface, direction).
 */
#ifndef TI_HOOK_TC_H
#define TI_HOOK_TC_H

#include <stdbool.h>

struct ti_attachment;

/* Add the filter, and the clsact qdisc where there is none. What a dead process
 * left at its place goes. -errno with a->why. */
int ti_clsact_attach(struct ti_attachment *a);
/* Also after a ti_clsact_attach that failed; the interface may be gone. */
void ti_clsact_detach(struct ti_attachment *a);
/* Remove a plugin's filter of one direction: how many, or -errno. */
int ti_clsact_sweep(const char *plugin, unsigned ifindex, bool egress);

#endif

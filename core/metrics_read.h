/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * metrics_read.h - the values of a probe's metrics at one moment, out of its maps
 * and what its callbacks have counted.
 */
#ifndef TI_METRICS_READ_H
#define TI_METRICS_READ_H

#include <stddef.h>
#include <stdint.h>

struct ti_metric_table;
struct ti_probe;

/* Those of one ti_bpf_metrics. */
struct ti_metric_sets {
	size_t n;       /* label sets; 1 where there are no labels */
	char *labels;   /* their structs, in the order of their fields' values */
	char *values;   /* theirs, summed over CPUs */
	char *overflow; /* what found no room, a struct; NULL: nothing of that kind */
};

/*
 * One for each of p->schema->metrics; NULL: out of memory. A map that can't be read is
 * logged and has no sets. `tables` has one for each, too, of what user space counts;
 * NULL: nothing yet.
 */
struct ti_metric_sets *ti_metric_sets_read(struct ti_probe *p, struct ti_metric_table *const *tables);
void ti_metric_sets_free(struct ti_metric_sets *sets, size_t n); /* NULL is fine */

#endif

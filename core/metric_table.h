/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * metric_table.h - metrics that a plugin's callbacks count: a struct of values for each
 * set of labels, at most so many, at addresses that stay.
 */
#ifndef TI_METRIC_TABLE_H
#define TI_METRIC_TABLE_H

#include <stddef.h>
#include <stdint.h>

struct ti_metric_table;

/* Room for `most` sets of labels_size and size bytes; NULL: out of memory. */
struct ti_metric_table *ti_metric_table_new(uint32_t labels_size, uint32_t size, uint32_t most);
void ti_metric_table_free(struct ti_metric_table *t); /* NULL is fine */

/* The values of a set, zeroed when it is new; those that all share for which there is no
 * room, which is counted. */
void *ti_metric_table_get(struct ti_metric_table *t, const void *labels);
/* -ENOENT: it isn't there. */
int ti_metric_table_remove(struct ti_metric_table *t, const void *labels);

/* Each set there is, in no order; ends early when fn returns other than 0, with that. */
int ti_metric_table_each(const struct ti_metric_table *t,
			 int (*fn)(void *arg, const void *labels, const void *values), void *arg);
/* What shares, and how often it was got. */
const void *ti_metric_table_overflow(const struct ti_metric_table *t, uint64_t *times);

#endif

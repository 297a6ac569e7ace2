/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * plugin_metrics.c - a plugin's metrics: tables of what its callbacks count, made when they
 * first ask, and what all of them were when they were last read.
 */
#include <stdlib.h>
#include <string.h>
#include "metric_table.h"
#include "plugin_run.h"

struct ti_metric_table *ti_plugin_table(struct ti_plugin_run *p, const char *name, const void **labels)
{
	static const uint32_t only;
	const struct ti_schema *s = p->probe->schema;
	size_t i = 0;

	while (i < s->n_metrics && (s->metrics[i].by_cpu || strcmp(s->metrics[i].name, name)))
		i++;
	if (i == s->n_metrics || !*labels != !s->metrics[i].n_labels)
		return NULL;
	if (!*labels)
		*labels = &only;
	if (!p->tables)
		p->tables = calloc(s->n_metrics, sizeof(*p->tables));
	if (p->tables && !p->tables[i])
		p->tables[i] = ti_metric_table_new(s->metrics[i].labels_size, s->metrics[i].size, s->metrics[i].most);
	return p->tables ? p->tables[i] : NULL;
}

void ti_plugin_read_metrics(struct ti_plugin_run *p)
{
	ti_metric_sets_free(p->metrics, p->probe->schema->n_metrics);
	p->metrics = ti_metric_sets_read(p->probe, p->tables);
}

const struct ti_metric_sets *ti_plugin_metrics(struct ti_plugin_run *p)
{
	if (p->running)
		ti_plugin_read_metrics(p);
	return p->metrics;
}

uint64_t ti_plugin_crowded(const struct ti_plugin_run *p)
{
	uint64_t sum = 0, n;

	for (size_t i = 0; p->tables && i < p->probe->schema->n_metrics; i++)
		if (p->tables[i]) {
			ti_metric_table_overflow(p->tables[i], &n);
			sum += n;
		}
	return sum;
}

void ti_plugin_free_metrics(struct ti_plugin_run *p)
{
	size_t n = p->probe ? p->probe->schema->n_metrics : 0;

	ti_metric_sets_free(p->metrics, n);
	for (size_t i = 0; p->tables && i < n; i++)
		ti_metric_table_free(p->tables[i]);
	free(p->tables);
	p->metrics = NULL;
	p->tables = NULL;
}

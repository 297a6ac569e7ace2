/* SPDX-License-Identifier: GPL-2.0-or-later */
/* metric.c - metrics of the plugin under test, as they would be printed. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "metrics.h"
#include "metrics_read.h"
#include "plugin_run.h"
#include "test.h"

/* --- without kernel -------------------------------------------------------- */

static const struct ti_bpf_metrics *set_by_hand(const struct ti_schema *s, const char *name)
{
	for (size_t i = 0; i < s->n_metrics; i++)
		if (!s->metrics[i].by_cpu && !strcmp(s->metrics[i].name, name))
			return &s->metrics[i];
	return NULL;
}

/* As ti_host.metrics. */
int test_metrics(struct ti_handle *h, const char *name, const void *labels, const void *values)
{
	static const uint32_t only;
	const struct ti_bpf_metrics *m = set_by_hand(ti_plugin_probe(test_of(h)->plugin)->schema, name);
	int map = m ? test_map(h, name) : -ENOENT;

	if (map < 0)
		return map;
	if (m->n_labels ? !labels : labels || !values)
		return -EINVAL;
	return values ? test_map_set(h, map, m->n_labels ? labels : &only, values) :
			test_map_delete(h, map, labels);
}

struct reading {
	const struct ti_bpf_metrics *says;
	struct ti_metric_sets sets;
};

static int read_set(void *arg, const void *labels, const void *values)
{
	struct reading *r = arg;
	size_t n = r->sets.n++, l = r->says->labels_size, v = r->says->size;

	r->sets.labels = realloc(r->sets.labels, (n + 1) * l + 1);
	r->sets.values = realloc(r->sets.values, (n + 1) * v + 1);
	if (!r->sets.labels || !r->sets.values)
		abort();
	memcpy(r->sets.labels + n * l, labels, l);
	memcpy(r->sets.values + n * v, values, v);
	return 0;
}

static void print_set_by_hand(struct ti_test *t, const struct ti_bpf_metrics *m, const struct ti_metrics_out *out)
{
	struct ti_handle *h = (struct ti_handle *)t->plugin;
	struct reading r = { .says = m };

	if (m->by_cpu)
		return;
	test_map_each(h, test_map(h, m->name), read_set, &r);
	ti_metrics_struct(m, &r.sets, &t->format, out);
	free(r.sets.labels);
	free(r.sets.values);
}

/* --------------------------------------------------------------------------- */

/* All lines; the caller frees them. */
static char *print(struct ti_test *t)
{
	const struct ti_schema *s = ti_plugin_probe(t->plugin)->schema;
	const struct ti_metric_sets *sets = t->whole ? ti_plugin_metrics(t->plugin) : NULL;
	struct ti_metrics_text text = { 0 };
	struct ti_metrics_out out;
	char *lines = NULL;
	size_t size;

	text.f = open_memstream(&lines, &size);
	if (!text.f)
		abort();
	out = ti_metrics_text_out(&text);
	for (size_t i = 0; i < s->n_metrics; i++)
		if (sets)
			ti_metrics_struct(&s->metrics[i], &sets[i], &t->format, &out);
		else if (!t->whole)
			print_set_by_hand(t, &s->metrics[i], &out);
	fclose(text.f);
	return lines;
}

const char *ti_test_metric(struct ti_test *t, const char *metric)
{
	size_t len = strlen(metric);
	const char *value = NULL;
	char *lines;

	test_enter(t);
	lines = print(t);
	for (char *at = lines; !value && *at; at += strcspn(at, "\n"), at += *at == '\n')
		if (!strncmp(at, metric, len) && at[len] == ' ')
			value = test_keep(t, strndup(at + len + 1, strcspn(at + len + 1, "\n")));
	free(lines);
	return value;
}

void ti_test_expect_metric_at(struct ti_test *t, const char *metric, const char *value, const char *file, int line)
{
	const char *is = ti_test_metric(t, metric);
	char *lines;

	if (!strcmp(is ? is : "", value))
		return;
	lines = print(t);
	test_fail(file, line, "metric %s is %s, expected %s\n%s", metric, is ? is : "absent", value,
		  test_keep(t, lines));
}

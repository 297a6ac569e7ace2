/* SPDX-License-Identifier: GPL-2.0-or-later */
/* metric.c - metrics of the plugin under test, as they would be printed. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "metrics.h"
#include "test.h"

/* All lines; the caller frees them. */
static char *print(struct ti_test *t)
{
	const struct ti_schema *s = ti_plugin_probe(t->plugin)->schema;
	const struct ti_metric_sets *sets = ti_plugin_metrics(t->plugin);
	struct ti_metrics_text text = { 0 };
	struct ti_metrics_out out;
	char *lines = NULL;
	size_t size;

	text.f = open_memstream(&lines, &size);
	if (!text.f)
		abort();
	out = ti_metrics_text_out(&text);
	for (size_t i = 0; sets && i < s->n_metrics; i++)
		ti_metrics_struct(&s->metrics[i], &sets[i], &t->format, &out);
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

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * metrics_text.c - metrics as Prometheus reads them: "text format", version 0.0.4.
 * https://prometheus.io/docs/instrumenting/exposition_formats/
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "log.h"
#include "metrics.h"

static void escaped(FILE *f, const char *text, bool quoted)
{
	for (; *text; text++)
		if (*text == '\n')
			fputs("\\n", f);
		else if (*text == '\\' || (quoted && *text == '"'))
			fprintf(f, "\\%c", *text);
		else
			putc(*text, f);
}

/* v / 10^digits, exactly. */
static void number(FILE *f, uint64_t v, unsigned digits)
{
	uint64_t unit = 1, rest;

	for (unsigned i = 0; i < digits; i++)
		unit *= 10;
	fprintf(f, "%" PRIu64, v / unit);
	rest = v % unit;
	for (; rest && rest % 10 == 0; digits--)
		rest /= 10;
	if (rest)
		fprintf(f, ".%0*" PRIu64, (int)digits, rest);
}

/* name{labels,le="..."}, without the blank. */
static void head(FILE *f, const char *name, const char *suffix, const struct ti_sample *s)
{
	const char *comma = "";

	fprintf(f, "%s%s", name, suffix);
	if (!s->n_labels)
		return;
	putc('{', f);
	for (size_t i = 0; i < s->n_labels; i++, comma = ",") {
		fprintf(f, "%s%s=\"", comma, s->labels[i].name);
		escaped(f, s->labels[i].value, true);
		putc('"', f);
	}
}

static void value(FILE *f, const struct ti_metric *m, const char *suffix, const struct ti_sample *s, uint64_t v,
		  unsigned digits)
{
	bool negative = m->kind == TI_METRIC_GAUGE && (int64_t)v < 0;

	head(f, m->name, suffix, s);
	fprintf(f, "%s %s", s->n_labels ? "}" : "", negative ? "-" : "");
	number(f, negative ? -v : v, digits);
	putc('\n', f);
}

static void histogram(FILE *f, const struct ti_metric *m, const struct ti_sample *s)
{
	uint64_t count = 0;

	for (uint32_t i = 0; i < m->n_buckets; i++) {
		count += s->buckets[i];
		head(f, m->name, "_bucket", s);
		fputs(s->n_labels ? ",le=\"" : "{le=\"", f);
		if (i + 1 < m->n_buckets)
			number(f, m->first << i, m->digits);
		else
			fputs("+Inf", f);
		fprintf(f, "\"} %" PRIu64 "\n", count);
	}
	value(f, m, "_sum", s, s->value, m->digits);
	value(f, m, "_count", s, count, 0);
}

static void begin(FILE *f, const struct ti_metric *m)
{
	if (m->help[0]) {
		fprintf(f, "# HELP %s ", m->name);
		escaped(f, m->help, false);
		putc('\n', f);
	}
	fprintf(f, "# TYPE %s %s\n", m->name, ti_metric_kind_name(m->kind));
}

static void on_metric(void *arg, const struct ti_metric *m)
{
	struct ti_metrics_text *t = arg;

	(void)m;
	t->begun = false;
}

static void on_sample(void *arg, const struct ti_metric *m, const struct ti_sample *s)
{
	struct ti_metrics_text *t = arg;

	if (!t->begun)
		begin(t->f, m);
	t->begun = true;
	if (m->kind == TI_METRIC_HISTOGRAM)
		histogram(t->f, m, s);
	else
		value(t->f, m, "", s, s->value, m->digits);
}

struct ti_metrics_out ti_metrics_text_out(struct ti_metrics_text *t)
{
	return (struct ti_metrics_out){ on_metric, on_sample, t };
}

/* One write, so that no line of the log comes between. */
void ti_metrics_print(const struct ti_setup *s)
{
	ti_cleanup(ti_freep) char *text = NULL;
	struct ti_metrics_out out;
	size_t size = 0;
	FILE *f = open_memstream(&text, &size);

	if (!f)
		return;
	fputs("# tcpinspect metrics\n", f);
	out = ti_metrics_text_out(&(struct ti_metrics_text){ .f = f });
	ti_metrics_each(s, &out);
	fputs("# EOF\n", f);
	if (fclose(f) == 0)
		fwrite(text, 1, size, stderr);
}

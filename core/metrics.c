/* SPDX-License-Identifier: GPL-2.0-or-later */
/* metrics.c - metrics of plugins, with their labels as text. */
#include "metrics.h"

#include <stdlib.h>
#include <string.h>
#include "format_plan.h"
#include "log.h"
#include "metrics_read.h"
#include "put.h"

/* A struct of metrics that is being told. */
struct telling {
	const struct ti_bpf_metrics *says;
	const struct ti_metric_sets *sets;
	const struct ti_format_env *env;
	const struct ti_metrics_out *out;
	struct ti_label *labels; /* room for one set */
	char *text;              /* of their values */
};

/* --- labels --------------------------------------------------------------- */

/* What is no UTF-8, and NUL, which would end the text, as U+FFFD. */
static char *put_str(char *o, const unsigned char *s, size_t n)
{
	uint32_t code;

	while (n) {
		size_t len = *s ? ti_utf8(s, n, &code) : 0;

		o = len ? mempcpy(o, s, len) : mempcpy(o, "\xef\xbf\xbd", 3);
		len = len ? len : 1;
		s += len;
		n -= len;
	}
	return o;
}

static char *put_enum(char *o, const struct ti_field *f, uint64_t v, int64_t is)
{
	for (uint32_t i = 0; i < f->n_names; i++)
		if (f->names[i].value == (int64_t)v || f->names[i].value == is)
			return stpcpy(o, f->names[i].name);
	return ti_put_uint(o, v);
}

/* A field's text at o, which has text_max() bytes; the new end, o itself: absent. */
static char *put_label(const struct telling *t, char *o, const struct ti_field *f, const unsigned char *p)
{
	uint64_t v = f->size <= sizeof(v) ? ti_load_uint(p, f->size) : 0;
	const char *ifname;
	size_t len;

	switch (f->kind) {
	case TI_FIELD_ADDR:
	case TI_FIELD_PREFIX:
		if (!(ti_load_uint(p, 8) | ti_load_uint(p + 8, 8)))
			return o;
		return f->kind == TI_FIELD_ADDR ? ti_put_addr(o, p) : ti_put_prefix(o, p, ti_load_uint(p + 16, 8));
	case TI_FIELD_STR:
		len = ti_load_uint(p, 2);
		return put_str(o, p + 2, len < f->capacity ? len : f->capacity);
	case TI_FIELD_IFINDEX:
		ifname = v && t->env->ifname ? t->env->ifname(t->env->arg, v) : NULL;
		if (ifname)
			return put_str(o, (const unsigned char *)ifname, strnlen(ifname, TI_IFNAME_ROOM));
		return v ? ti_put_uint(stpcpy(o, "if"), v) : o;
	case TI_FIELD_PORT:
	case TI_FIELD_VLAN:
		return v ? ti_put_uint(o, v) : o;
	case TI_FIELD_BOOL:
		return ti_put_bool(o, v);
	case TI_FIELD_ENUM:
		return put_enum(o, f, v, ti_load_int(p, f->size));
	case TI_FIELD_INT:
		return ti_put_int(o, ti_load_int(p, f->size));
	default:
		return f->optional && !v ? o : ti_put_uint(o, v);
	}
}

/* Bytes that a field's text may take, with the NUL. */
static size_t text_max(const struct ti_field *f)
{
	size_t max = 3 * TI_IFNAME_ROOM + TI_PUT_PREFIX_MAX + 3 * f->capacity + 1;

	for (uint32_t i = 0; i < f->n_names; i++)
		if (strlen(f->names[i].name) >= max)
			max = strlen(f->names[i].name) + 1;
	return max;
}

static size_t label_set(const struct telling *t, const char *set)
{
	char *o = t->text, *end;
	size_t n = 0;

	for (uint32_t i = 0; i < t->says->n_labels; i++) {
		end = put_label(t, o, &t->says->labels[i], (const unsigned char *)set + t->says->labels[i].offset);
		if (end == o)
			continue;
		*end = 0;
		t->labels[n++] = (struct ti_label){ t->says->labels[i].name, o };
		o = end + 1;
	}
	return n;
}

/* --- plugins -------------------------------------------------------------- */

static void sample(const struct telling *t, const struct ti_metric *metric, const struct ti_bpf_metric *m,
		   const char *values, const struct ti_label *labels, size_t n)
{
	uint64_t at[1 + 64]; /* buckets; schema_metric.c has no more */
	struct ti_sample s = { .labels = labels, .n_labels = n, .buckets = at + 1 };

	memcpy(at, values + m->offset, sizeof(at[0]) * (1 + m->n_buckets));
	s.value = at[0];
	t->out->sample(t->out->arg, metric, &s);
}

static bool any(const char *bytes, size_t size)
{
	for (size_t i = 0; bytes && i < size; i++)
		if (bytes[i])
			return true;
	return false;
}

static void tell(const struct telling *t, const struct ti_bpf_metric *m)
{
	static const struct ti_label crowd = { "overflow", "true" };
	struct ti_metric metric = { .name = m->printed, .help = m->help, .kind = m->kind, .digits = m->digits,
				    .n_buckets = m->n_buckets, .first = m->first };

	t->out->metric(t->out->arg, &metric);
	for (size_t i = 0; i < t->sets->n; i++)
		sample(t, &metric, m, t->sets->values + i * t->says->size, t->labels,
		       label_set(t, t->sets->labels + i * t->says->labels_size));
	/* A gauge that several have set is nobody's. */
	if ((t->says->by_cpu || m->kind != TI_METRIC_GAUGE) && any(t->sets->overflow, t->says->size))
		sample(t, &metric, m, t->sets->overflow, &crowd, 1);
}

void ti_metrics_struct(const struct ti_bpf_metrics *says, const struct ti_metric_sets *sets,
		       const struct ti_format_env *env, const struct ti_metrics_out *out)
{
	struct telling t = { .says = says, .sets = sets, .env = env, .out = out };
	size_t room = 1;

	for (uint32_t i = 0; i < says->n_labels; i++)
		room += text_max(&says->labels[i]);
	t.labels = calloc(says->n_labels + 1, sizeof(*t.labels));
	t.text = malloc(room);
	for (size_t i = 0; t.labels && t.text && i < says->n_metrics; i++)
		tell(&t, &says->metrics[i]);
	free(t.labels);
	free(t.text);
}

void ti_metrics_each(const struct ti_setup *s, const struct ti_metrics_out *out)
{
	ti_metrics_own(s, out);
	for (size_t i = 0; i < s->n_plugins; i++) {
		const struct ti_schema *schema = ti_plugin_probe(s->plugins[i])->schema;
		const struct ti_metric_sets *sets = ti_plugin_metrics(s->plugins[i]);

		for (size_t k = 0; sets && k < schema->n_metrics; k++)
			ti_metrics_struct(&schema->metrics[k], &sets[k], &s->env, out);
	}
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* schema_metric.c - structs of metrics, out of the maps that have them (metrics.h). */
#include <bpf/btf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "log.h"
#include "schema_read.h"

/* Labels that metrics have whatever their author says. */
static const char *const taken[] = { "le", "overflow" };

const char *ti_metric_kind_name(enum ti_metric_kind kind)
{
	static const char *const names[] = { [TI_METRIC_COUNTER] = "counter", [TI_METRIC_GAUGE] = "gauge",
					     [TI_METRIC_HISTOGRAM] = "histogram" };

	return names[kind];
}

/* --- metrics -------------------------------------------------------------- */

/* The typedef that a member is written with. */
static const char *typedef_of(const struct ti_schema *s, uint32_t id)
{
	const struct btf_type *t = btf__type_by_id(s->btf, id);

	while (btf_is_mod(t))
		t = btf__type_by_id(s->btf, t->type);
	return btf_is_typedef(t) ? btf__name_by_offset(s->btf, t->name_off) : "";
}

/* ti_histogram: sum, bucket[N], first[0][FIRST]. */
static bool read_histogram(const struct ti_schema *s, uint32_t id, struct ti_bpf_metric *m)
{
	static const char *const names[] = { "sum", "bucket", "first" };
	int known;
	const struct btf_type *t = btf__type_by_id(s->btf, ti_schema_resolve(s, id, &known)), *array[3];

	if (!btf_is_struct(t) || btf_vlen(t) != TI_ARRAY_SIZE(names))
		return false;
	for (size_t i = 0; i < TI_ARRAY_SIZE(names); i++) {
		array[i] = btf__type_by_id(s->btf, btf_members(t)[i].type);
		if (strcmp(btf__name_by_offset(s->btf, btf_members(t)[i].name_off), names[i]) ||
		    (i && !btf_is_array(array[i])))
			return false;
	}
	array[0] = btf__type_by_id(s->btf, btf_array(array[2])->type);
	if (!btf_is_array(array[0]))
		return false;
	m->kind = TI_METRIC_HISTOGRAM;
	m->n_buckets = btf_array(array[1])->nelems;
	m->first = btf_array(array[0])->nelems;
	return t->size == sizeof(uint64_t) * (1 + m->n_buckets);
}

static bool has_bounds(const struct ti_bpf_metric *m)
{
	unsigned doublings = m->n_buckets - 2;

	return m->n_buckets >= 2 && m->n_buckets <= 64 && m->first && m->first << doublings >> doublings == m->first;
}

static bool ends_in(const char *name, size_t len, const char *end)
{
	size_t n = strlen(end);

	return len > n && !strncmp(name + len - n, end, n);
}

/* What its name says of its unit, and its kind of its end. */
static int print_name(struct ti_schema *s, const char *plugin, struct ti_bpf_metric *m)
{
	static const struct {
		const char *end;
		unsigned digits;
	} units[] = { { "_ns", 9 }, { "_us", 6 }, { "_ms", 3 } };
	size_t len = strlen(m->name);
	char text[256];
	int n;

	if (ends_in(m->name, len, "_total"))
		len -= strlen("_total");
	for (size_t i = 0; !m->digits && i < TI_ARRAY_SIZE(units); i++)
		if (ends_in(m->name, len, units[i].end)) {
			m->digits = units[i].digits;
			len -= strlen(units[i].end);
		}
	n = snprintf(text, sizeof(text), "%s_%.*s%s%s", plugin, (int)len, m->name, m->digits ? "_seconds" : "",
		     m->kind == TI_METRIC_COUNTER ? "_total" : "");
	m->printed = n < (int)sizeof(text) ? ti_schema_keep(s, text) : NULL;
	return m->printed ? 0 : -ENOMEM;
}

static bool is_printed(const struct ti_schema *s, const char *name)
{
	for (size_t i = 0; i < s->n_metrics; i++)
		for (size_t k = 0; k < s->metrics[i].n_metrics; k++)
			if (s->metrics[i].metrics[k].printed && !strcmp(s->metrics[i].metrics[k].printed, name))
				return true;
	return false;
}

static int read_metric(struct ti_schema *s, struct place *at, uint32_t id, uint32_t member,
		       struct ti_bpf_metric *m)
{
	const struct btf_type *t = btf__type_by_id(s->btf, id);
	const struct btf_member *b = btf_members(t) + member;
	const char *help = ti_schema_tag(s, id, member, "help:"), *type = typedef_of(s, b->type);
	struct ti_bpf_metric read = { .name = at->field, .help = help ? help : "",
				      .offset = btf_member_bit_offset(t, member) / 8 };

	if (!strcmp(type, "ti_gauge"))
		read.kind = TI_METRIC_GAUGE;
	else if (!strcmp(type, "ti_counter"))
		read.kind = TI_METRIC_COUNTER;
	else if (!read_histogram(s, b->type, &read))
		return ti_schema_refuse(at, "is no metric; make it a ti_counter, ti_gauge or ti_histogram(N), or call it _something to have it left out");
	if (read.offset % sizeof(uint64_t))
		return ti_schema_refuse(at, "is not at a multiple of 8 bytes; the struct must not be packed");
	if (read.kind == TI_METRIC_HISTOGRAM && !has_bounds(&read))
		return ti_schema_refuse(at, "has no bounds; a ti_histogram has 2 to 64 buckets, their bounds 1 or more and below 2^64");
	if (print_name(s, at->plugin, &read) < 0)
		return -ENOMEM;
	if (is_printed(s, read.printed))
		return ti_schema_refuse(at, "is in another struct of metrics, too; their names must differ, since they are printed as PLUGIN_FIELD");
	*m = read;
	return 0;
}

static int read_struct(struct ti_schema *s, struct place *at, uint32_t id, struct ti_bpf_metrics *m)
{
	const struct btf_type *t = btf__type_by_id(s->btf, id);
	int r = 0;

	m->metrics = calloc(btf_vlen(t) + 1, sizeof(*m->metrics));
	if (!m->metrics)
		return -ENOMEM;
	m->size = t->size;
	for (uint32_t i = 0; r >= 0 && i < btf_vlen(t); i++) {
		at->field = btf__name_by_offset(s->btf, btf_members(t)[i].name_off);
		if (at->field[0] == '_')
			continue;
		r = read_metric(s, at, id, i, &m->metrics[m->n_metrics]);
		m->n_metrics += r >= 0;
	}
	at->field = NULL;
	if (r >= 0 && !m->n_metrics)
		return ti_schema_refuse(at, "has no metric; give its struct a ti_counter, ti_gauge or ti_histogram(N)");
	return r;
}

/* --- labels --------------------------------------------------------------- */

/* A hash compares all bytes of its keys, and initializers leave holes as they are. */
static int check_holes(struct ti_schema *s, struct place *at, uint32_t id)
{
	const struct btf_type *t = btf__type_by_id(s->btf, id);
	uint32_t end = 0;
	int known, r = 0;

	for (uint32_t i = 0; r >= 0 && i <= btf_vlen(t); i++) {
		uint32_t begin = i < btf_vlen(t) ? btf_member_bit_offset(t, i) / 8 : t->size;
		uint32_t member;

		if (begin != end)
			return ti_schema_refuse(at, "is a struct of labels with a hole; order its members by size, or fill it with a member `_pad`");
		if (i == btf_vlen(t))
			break;
		member = ti_schema_resolve(s, btf_members(t)[i].type, &known);
		end = begin + btf__resolve_size(s->btf, member);
		if (known < 0 && btf_is_struct(btf__type_by_id(s->btf, member)))
			r = check_holes(s, at, member);
	}
	return r;
}

static int read_labels(struct ti_schema *s, struct place *at, uint32_t id, struct ti_bpf_metrics *m)
{
	int r = ti_schema_fields(s, at, id, false, &m->labels, &m->n_labels);

	m->labels_size = btf__type_by_id(s->btf, id)->size;
	for (uint32_t i = 0; r >= 0 && i < m->n_labels; i++) {
		at->field = m->labels[i].name;
		if (m->labels[i].kind == TI_FIELD_LIST)
			return ti_schema_refuse(at, "is a list, which can't be a label");
		for (size_t k = 0; k < TI_ARRAY_SIZE(taken); k++)
			if (!strcmp(at->field, taken[k]))
				return ti_schema_refuse(at, "is a label that metrics have already; choose another");
	}
	at->field = NULL;
	return r < 0 ? r : check_holes(s, at, id);
}

/* --- maps ----------------------------------------------------------------- */

/* What a member of a map's definition points to, 0: it has none. (__uint(x, 9) is a pointer
 * to an array of 9.) */
static uint32_t of_map(const struct ti_schema *s, uint32_t var, const char *member)
{
	int known;
	const struct btf_type *map =
		btf__type_by_id(s->btf, ti_schema_resolve(s, btf__type_by_id(s->btf, var)->type, &known));

	for (uint32_t i = 0; btf_is_struct(map) && i < btf_vlen(map); i++) {
		const struct btf_type *t = btf__type_by_id(s->btf, btf_members(map)[i].type);

		if (!strcmp(btf__name_by_offset(s->btf, btf_members(map)[i].name_off), member) && btf_is_ptr(t))
			return ti_schema_resolve(s, t->type, &known);
	}
	return 0;
}

static int add_overflow(struct ti_schema *s, struct place *at, const char *of)
{
	for (size_t i = 0; i < s->n_metrics; i++)
		if (!strcmp(s->metrics[i].name, of)) {
			s->metrics[i].overflow = at->thing;
			return 0;
		}
	return ti_schema_refuse(at, "is tagged as an overflow but not made by TI_METRICS_BY");
}

int ti_schema_add_metrics(struct ti_schema *s, const char *plugin, uint32_t var)
{
	struct place at = { plugin, ti_schema_name(s, var), NULL };
	const char *tag = ti_schema_tag(s, var, -1, "metrics:"), *of = ti_schema_tag(s, var, -1, "overflow:");
	uint32_t key = of_map(s, var, "key"), value = of_map(s, var, "value");
	const struct btf_type *most = btf__type_by_id(s->btf, of_map(s, var, "max_entries"));
	struct ti_bpf_metrics *m;
	int r = 0;

	if (of)
		return add_overflow(s, &at, of);
	if (!tag)
		return 0;
	if (!key || !value || !btf_is_array(most) || !btf_is_struct(btf__type_by_id(s->btf, value)))
		return ti_schema_refuse(&at, "is tagged as metrics but not made by TI_METRICS; define its struct before");
	m = ti_schema_grow(&s->metrics, &s->n_metrics, sizeof(*m));
	if (!m)
		return -ENOMEM;
	m->name = at.thing;
	m->by_cpu = !strcmp(tag, "cpu");
	m->most = btf_array(most)->nelems;
	if (btf_is_struct(btf__type_by_id(s->btf, key)))
		r = read_labels(s, &at, key, m);
	else
		m->labels_size = sizeof(uint32_t);
	return r < 0 ? r : read_struct(s, &at, value, m);
}

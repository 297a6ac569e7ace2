/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * metrics_read.c - see metrics_read.h. The kernel copies values word by word while
 * programs add to them, so each number is right, though not all of one moment.
 */
#include "metrics_read.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/param.h>
#include "log.h"
#include "map.h"
#include "metric_table.h"
#include "probe.h"

struct reading {
	const struct ti_bpf_metrics *says;
	int values; /* in each entry */
	size_t n, room;
	char *entries; /* labels, then values, of each */
};

/* All members are 64 bits, or not looked at. */
static void add(char *sum, const char *value, uint32_t size)
{
	for (uint32_t i = 0; i + sizeof(uint64_t) <= size; i += sizeof(uint64_t)) {
		uint64_t a, b;

		memcpy(&a, sum + i, sizeof(a));
		memcpy(&b, value + i, sizeof(b));
		a += b;
		memcpy(sum + i, &a, sizeof(a));
	}
}

static size_t entry_size(const struct ti_bpf_metrics *m)
{
	return m->labels_size + m->size;
}

static int read_entry(void *arg, const void *labels, const void *values)
{
	struct reading *r = arg;
	size_t stride = roundup(r->says->size, sizeof(uint64_t));
	char *entry;

	if (r->n == r->room) {
		size_t room = r->room ? 2 * r->room : 16;
		char *grown = reallocarray(r->entries, room, entry_size(r->says));

		if (!grown)
			return -ENOMEM;
		r->entries = grown;
		r->room = room;
	}
	entry = r->entries + r->n++ * entry_size(r->says);
	memcpy(entry, labels, r->says->labels_size);
	memset(entry + r->says->labels_size, 0, r->says->size);
	for (int i = 0; i < r->values; i++)
		add(entry + r->says->labels_size, (const char *)values + i * stride, r->says->size);
	return 0;
}

/* --- order ---------------------------------------------------------------- */

static uint64_t number(const struct ti_field *f, const unsigned char *p)
{
	uint64_t v = 0;

	memcpy(&v, p, f->size); /* little-endian */
	if (f->kind == TI_FIELD_INT) /* -1 before 0 */
		v ^= 1ull << (8 * f->size - 1);
	return v;
}

static int compare_field(const struct ti_field *f, const unsigned char *a, const unsigned char *b)
{
	if (f->size <= sizeof(uint64_t) && f->kind != TI_FIELD_STR) {
		uint64_t x = number(f, a), y = number(f, b);

		return (x > y) - (x < y);
	}
	if (f->kind == TI_FIELD_STR) /* the text before its length */
		return memcmp(a + 2, b + 2, f->size - 2) ?: memcmp(a, b, 2);
	return memcmp(a, b, f->size);
}

static int compare(const void *a, const void *b, void *arg)
{
	const struct ti_bpf_metrics *m = arg;
	int r = 0;

	for (uint32_t i = 0; !r && i < m->n_labels; i++)
		r = compare_field(&m->labels[i], (const unsigned char *)a + m->labels[i].offset,
				  (const unsigned char *)b + m->labels[i].offset);
	return r;
}

/* -------------------------------------------------------------------------- */

static int read_map(struct ti_probe *p, const char *map, struct reading *r)
{
	int fd = ti_probe_map(p, map);

	return fd < 0 ? fd : ti_map_each_cpus(fd, read_entry, r);
}

static int read_overflow(struct ti_probe *p, const struct ti_bpf_metrics *m, struct ti_metric_sets *out)
{
	struct ti_bpf_metrics only = { .labels_size = sizeof(uint32_t), .size = m->size };
	struct reading read = { .says = &only, .values = libbpf_num_possible_cpus() };
	int r = read_map(p, m->overflow, &read);

	if (r >= 0)
		out->overflow = calloc(1, m->size);
	if (out->overflow && read.n)
		memcpy(out->overflow, read.entries + only.labels_size, m->size);
	free(read.entries);
	return r;
}

static int take_overflow(const struct ti_metric_table *t, const struct ti_bpf_metrics *m, struct ti_metric_sets *out)
{
	uint64_t times;

	out->overflow = malloc(m->size);
	if (!out->overflow)
		return -ENOMEM;
	memcpy(out->overflow, ti_metric_table_overflow(t, &times), m->size);
	return 0;
}

static int read_sets(struct ti_probe *p, const struct ti_metric_table *t, const struct ti_bpf_metrics *m,
		     struct ti_metric_sets *out)
{
	struct reading read = { .says = m, .values = m->by_cpu ? libbpf_num_possible_cpus() : 1 };
	int r = m->by_cpu ? read_map(p, m->name, &read) : t ? ti_metric_table_each(t, read_entry, &read) : 0;

	out->labels = calloc(read.n + 1, m->labels_size);
	out->values = calloc(read.n + 1, m->size);
	if (r < 0 || !out->labels || !out->values) {
		free(read.entries);
		return r < 0 ? r : -ENOMEM;
	}
	if (read.n)
		qsort_r(read.entries, read.n, entry_size(m), compare, (void *)m);
	for (size_t i = 0; i < read.n; i++) {
		const char *entry = read.entries + i * entry_size(m);

		memcpy(out->labels + i * m->labels_size, entry, m->labels_size);
		memcpy(out->values + i * m->size, entry + m->labels_size, m->size);
	}
	out->n = read.n;
	free(read.entries);
	if (t)
		return take_overflow(t, m, out);
	return m->overflow ? read_overflow(p, m, out) : 0;
}

struct ti_metric_sets *ti_metric_sets_read(struct ti_probe *p, struct ti_metric_table *const *tables)
{
	const struct ti_schema *s = p->schema;
	struct ti_metric_sets *sets = calloc(s->n_metrics + 1, sizeof(*sets));

	for (size_t i = 0; sets && p->obj && i < s->n_metrics; i++) {
		struct ti_metric_table *t = tables ? tables[i] : NULL;
		int r = p->emulated && !t ? 0 : read_sets(p, t, &s->metrics[i], &sets[i]);

		if (r < 0)
			ti_warn("%s: its metrics %s can't be read: %s", p->plugin, s->metrics[i].name, strerror(-r));
	}
	return sets;
}

void ti_metric_sets_free(struct ti_metric_sets *sets, size_t n)
{
	for (size_t i = 0; sets && i < n; i++) {
		free(sets[i].labels);
		free(sets[i].values);
		free(sets[i].overflow);
	}
	free(sets);
}

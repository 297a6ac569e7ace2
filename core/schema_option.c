/* SPDX-License-Identifier: GPL-2.0-or-later */
/* schema_option.c - options that a BPF program declares with TI_OPTION. */
#include <bpf/btf.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "log.h"
#include "schema_read.h"

/* --- options ------------------------------------------------------------ */

static int limit_of(struct place *at, const char *text, int64_t *out)
{
	char *end;

	if (!text)
		return ti_schema_refuse(at, "is tagged as an option but not made by TI_OPTION");
	errno = 0;
	*out = strtoll(text, &end, 10);
	end += strspn(end, "uUlL");
	if (errno || end == text || *end)
		return ti_schema_refuse(at, "has a limit that is no plain number; write it in digits");
	return 0;
}

/* Its key is one that the ini can have. */
static int check_key(const struct place *at)
{
	if (!islower((unsigned char)at->thing[0]) ||
	    at->thing[strspn(at->thing, "abcdefghijklmnopqrstuvwxyz0123456789_")])
		return ti_schema_refuse(at, "is an option's name that the ini can't have; use a to z, 0 to 9 and _");
	return 0;
}

/* Limits that its variable has room for, and a default between them. */
static int check_limits(const struct place *at, const struct ti_bpf_option *o, uint64_t def)
{
	const struct ti_option *row = &o->row;
	char text[160];

	if (row->type == TI_OPT_ENUM || row->type == TI_OPT_BOOL || (!row->min && !row->max))
		return 0;
	if (row->min < 0 || row->max < row->min) {
		snprintf(text, sizeof(text), "is an option from %lld to %lld; the lower limit comes first, and none is below 0",
			 (long long)row->min, (long long)row->max);
		return ti_schema_refuse(at, text);
	}
	if (o->width < 8 && (uint64_t)row->max >> 8 * o->width) {
		snprintf(text, sizeof(text), "is an option of up to %lld, for which a variable of %u bits has no room; use a wider type",
			 (long long)row->max, 8 * o->width);
		return ti_schema_refuse(at, text);
	}
	if (def < (uint64_t)row->min || def > (uint64_t)row->max) {
		snprintf(text, sizeof(text), "is an option from %lld to %lld with the default %llu; choose one in between",
			 (long long)row->min, (long long)row->max, (unsigned long long)def);
		return ti_schema_refuse(at, text);
	}
	return 0;
}

static uint64_t load_uint(const void *at, uint32_t width)
{
	uint64_t v = 0;

	memcpy(&v, at, width <= sizeof(v) ? width : sizeof(v)); /* little-endian, as bpfel is */
	return v;
}

/* A default as it would be written in the ini. */
static const char *default_text(struct ti_schema *s, const struct ti_option *o, uint64_t v)
{
	static const struct {
		uint64_t ns;
		const char *unit;
	} units[] = { { 3600000000000, "h" }, { 60000000000, "m" }, { 1000000000, "s" },
		      { 1000000, "ms" },      { 1000, "us" },	    { 1, "ns" } };
	char text[32];
	size_t u = 0;

	if (o->type == TI_OPT_BOOL)
		return v ? "yes" : "no";
	if (o->type == TI_OPT_DURATION && v) {
		while (v % units[u].ns)
			u++;
		snprintf(text, sizeof(text), "%llu%s", (unsigned long long)(v / units[u].ns), units[u].unit);
	} else {
		snprintf(text, sizeof(text), "%llu", (unsigned long long)v);
	}
	return ti_schema_keep(s, text);
}

static int enum_option(struct ti_schema *s, struct place *at, uint32_t id, struct ti_option *o,
		       uint64_t def)
{
	const struct ti_enum_name *names;
	const char **choices;
	uint32_t n;
	int r = ti_schema_enum_names(s, id, &names, &n);

	if (r < 0)
		return r;
	choices = ti_schema_own(s, calloc(n + 1, sizeof(*choices)));
	if (!choices)
		return -ENOMEM;
	for (uint32_t i = 0; i < n; i++) {
		if (names[i].value != i)
			return ti_schema_refuse(at, "is an enum whose values are not 0, 1, 2, ...");
		choices[i] = names[i].name;
	}
	if (def >= n)
		return ti_schema_refuse(at, "has a default that is none of its enum's values");
	o->type = TI_OPT_ENUM;
	o->choices = choices;
	o->def = choices[def];
	return 0;
}

static int option_type(struct ti_schema *s, struct place *at, uint32_t var_type,
		       struct ti_bpf_option *o, uint64_t def)
{
	int known;
	uint32_t id = ti_schema_resolve(s, var_type, &known);
	const struct btf_type *t = btf__type_by_id(s->btf, id);

	if (btf_is_any_enum(t))
		return enum_option(s, at, id, &o->row, def);
	if (!btf_is_int(t) || o->width > 8 || (btf_int_encoding(t) & BTF_INT_SIGNED))
		return ti_schema_refuse(at, "is an option of a type that can't be one; use __u8 to __u64, ti_bool, ti_ns or an enum");
	if (known >= 0 && ti_known_types[known].kind == TI_FIELD_NS)
		o->row.type = TI_OPT_DURATION;
	else if ((known >= 0 && ti_known_types[known].kind == TI_FIELD_BOOL) ||
		 (btf_int_encoding(t) & BTF_INT_BOOL))
		o->row.type = TI_OPT_BOOL;
	else
		o->row.type = o->width == 8 ? TI_OPT_U64 : TI_OPT_U32;
	o->row.def = default_text(s, &o->row, def);
	return o->row.def ? 0 : -ENOMEM;
}

int ti_schema_add_option(struct ti_schema *s, const char *plugin, const struct btf_var_secinfo *si,
		      const void *rodata)
{
	const struct btf_type *v = btf__type_by_id(s->btf, si->type);
	struct place at = { plugin, ti_schema_name(s, si->type), NULL };
	struct ti_bpf_option *slot, o = {
		.row = { .key = at.thing, .offset = si->offset,
			 .help = ti_schema_tag(s, si->type, -1, "help:") },
		.width = si->size,
	};
	uint64_t def = load_uint((const char *)rodata + si->offset, si->size);
	int r;

	if (check_key(&at) < 0)
		return -EINVAL;
	if (limit_of(&at, ti_schema_tag(s, si->type, -1, "min:"), &o.row.min) < 0 ||
	    limit_of(&at, ti_schema_tag(s, si->type, -1, "max:"), &o.row.max) < 0)
		return -EINVAL;
	r = option_type(s, &at, v->type, &o, def);
	if (r >= 0)
		r = check_limits(&at, &o, def);
	if (r < 0)
		return r;
	slot = ti_schema_grow(&s->options, &s->n_options, sizeof(*slot));
	if (!slot)
		return -ENOMEM;
	*slot = o;
	return 0;
}


/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * schema.c - event types, options and hook groups out of a BPF object's BTF.
 *
 * bpf.h plants them: a global pointer to an event's struct, a constant variable
 * for an option, a function for a hook, each with "ti:..." decl tags. An object
 * that says something which events can't carry is refused here, by name.
 */
#include <bpf/btf.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "log.h"
#include "schema_read.h"

/* Typedefs of types.h and what they mean; sizes are checked. */
const struct ti_known_type ti_known_types[] = {
	{ "ti_addr", TI_FIELD_ADDR, sizeof(ti_addr) },
	{ "ti_prefix", TI_FIELD_PREFIX, sizeof(ti_prefix) },
	{ "ti_port", TI_FIELD_PORT, sizeof(ti_port) },
	{ "ti_vlan", TI_FIELD_VLAN, sizeof(ti_vlan) },
	{ "ti_ifindex", TI_FIELD_IFINDEX, sizeof(ti_ifindex) },
	{ "ti_ns", TI_FIELD_NS, sizeof(ti_ns) },
	{ "ti_bool", TI_FIELD_BOOL, sizeof(ti_bool) },
};

static const char *const severities[] = {
	[TI_INFO] = "INFO", [TI_NOTICE] = "NOTICE",	[TI_WARNING] = "WARNING",
	[TI_ERROR] = "ERROR", [TI_CRITICAL] = "CRITICAL",
};

int ti_schema_refuse(const struct place *at, const char *what)
{
	bool type = at->field && at->type;

	return ti_err(-EINVAL, "%s: %s%s%s %s%s%s%s", at->plugin, at->thing, at->field ? "." : "",
		      at->field ? at->field : "", what, type ? " (its type is " : "", type ? at->type : "",
		      type ? ")" : "");
}

/* --- BTF ---------------------------------------------------------------- */

const char *ti_schema_name(const struct ti_schema *s, uint32_t id)
{
	const struct btf_type *t = btf__type_by_id(s->btf, id);

	return t ? btf__name_by_offset(s->btf, t->name_off) : "";
}

const char *ti_schema_tag(const struct ti_schema *s, uint32_t id, int member, const char *prefix)
{
	size_t len = strlen(prefix);

	for (uint32_t i = 1; i < btf__type_cnt(s->btf); i++) {
		const struct btf_type *t = btf__type_by_id(s->btf, i);
		const char *text;

		if (!btf_is_decl_tag(t) || t->type != id ||
		    btf_decl_tag(t)->component_idx != member)
			continue;
		text = btf__name_by_offset(s->btf, t->name_off);
		if (!strncmp(text, "ti:", 3) && !strncmp(text + 3, prefix, len))
			return text + 3 + len;
	}
	return NULL;
}

const struct btf_type *ti_schema_section(const struct ti_schema *s, const char *name)
{
	int id = btf__find_by_name_kind(s->btf, name, BTF_KIND_DATASEC);

	return id < 0 ? NULL : btf__type_by_id(s->btf, id);
}

uint32_t ti_schema_resolve(const struct ti_schema *s, uint32_t id, int *known)
{
	*known = -1;
	for (int depth = 0; depth < 32; depth++) {
		const struct btf_type *t = btf__type_by_id(s->btf, id);

		if (!t || !(btf_is_mod(t) || btf_is_typedef(t)))
			break;
		for (size_t i = 0; *known < 0 && btf_is_typedef(t) && i < TI_ARRAY_SIZE(ti_known_types); i++)
			if (!strcmp(btf__name_by_offset(s->btf, t->name_off), ti_known_types[i].name))
				*known = i;
		id = t->type;
	}
	return id;
}

void *ti_schema_own(struct ti_schema *s, void *memory)
{
	void **grown = memory ? realloc(s->owned, (s->n_owned + 1) * sizeof(*grown)) : NULL;

	if (!grown) {
		free(memory);
		return NULL;
	}
	s->owned = grown;
	s->owned[s->n_owned++] = memory;
	return memory;
}

const char *ti_schema_keep(struct ti_schema *s, const char *text)
{
	return ti_schema_own(s, strdup(text));
}

/* Grow an array of the schema by one zeroed item and return it. */
void *ti_schema_grow(void *array, size_t *n, size_t size)
{
	char *grown = realloc(*(void **)array, (*n + 1) * size);

	if (!grown)
		return NULL;
	*(void **)array = grown;
	return memset(grown + (*n)++ * size, 0, size);
}

/* --- events ------------------------------------------------------------- */

static int severity_of(const char *text, enum ti_severity *out)
{
	for (size_t i = 0; text && i < TI_ARRAY_SIZE(severities); i++)
		if (!strcmp(text, severities[i])) {
			*out = i;
			return 0;
		}
	return -EINVAL;
}

/* The struct that the pointer of TI_EVENT or TI_INTERNAL is to; NULL: refused. */
static const struct btf_type *struct_of(const struct ti_schema *s, const struct place *at, uint32_t var,
					uint32_t *id)
{
	const struct btf_type *t = btf__type_by_id(s->btf, var);
	int known;

	*id = ti_schema_resolve(s, t->type, &known);
	t = btf__type_by_id(s->btf, *id);
	if (!btf_is_ptr(t)) {
		ti_schema_refuse(at, "is tagged as an event but not made by TI_EVENT");
		return NULL;
	}
	*id = ti_schema_resolve(s, t->type, &known);
	t = btf__type_by_id(s->btf, *id);
	if (!btf_is_struct(t) || !btf_vlen(t)) {
		ti_schema_refuse(at, "has no struct with fields; define it before TI_EVENT");
		return NULL;
	}
	return t;
}

static int add_internal(struct ti_schema *s, const char *plugin, uint32_t var, uint32_t offset)
{
	struct place at = { plugin, ti_schema_name(s, var), NULL };
	struct ti_bpf_internal *i;
	uint32_t id;
	const struct btf_type *t = struct_of(s, &at, var, &id);

	if (!t)
		return -EINVAL;
	i = ti_schema_grow(&s->internals, &s->n_internals, sizeof(*i));
	if (!i)
		return -ENOMEM;
	*i = (struct ti_bpf_internal){ ti_schema_name(s, id), t->size, offset };
	return 0;
}

static int add_event(struct ti_schema *s, const char *plugin, uint32_t var, uint32_t offset)
{
	struct place at = { plugin, ti_schema_name(s, var), NULL };
	struct ti_event_type type = { .plugin = plugin, .number = s->n_types };
	const struct btf_type *t;
	size_t n = s->n_types;
	uint32_t id, *offsets;

	t = struct_of(s, &at, var, &id);
	if (!t)
		return -EINVAL;
	at.thing = type.name = ti_schema_name(s, id);
	type.size = t->size;
	type.help = ti_schema_tag(s, var, -1, "help:");
	if (severity_of(ti_schema_tag(s, var, -1, "severity:"), &type.severity) < 0)
		return ti_schema_refuse(&at, "has an unknown severity; INFO, NOTICE, WARNING, ERROR or CRITICAL");
	if (t->size > TI_EVENT_MAX)
		return ti_schema_refuse(&at, "is larger than 16 KiB, the most that an event can have; make its strings and lists shorter");
	for (size_t i = 0; i < n; i++)
		if (!strcmp(s->types[i].name, type.name))
			return ti_schema_refuse(&at, "is an event twice; one TI_EVENT makes one");
	if (ti_schema_fields(s, &at, id, false, &type.fields, &type.n_fields) < 0)
		return -EINVAL;
	offsets = realloc(s->type_vars, (n + 1) * sizeof(*offsets));
	if (!offsets)
		return -ENOMEM;
	s->type_vars = offsets;
	s->type_vars[n] = offset;
	if (!ti_schema_grow(&s->types, &s->n_types, sizeof(*s->types)))
		return -ENOMEM;
	s->types[n] = type;
	return 0;
}

static int add_params(struct ti_schema *s, const char *plugin, const struct btf_var_secinfo *si,
		      const char *function)
{
	struct place at = { plugin, ti_schema_name(s, si->type), NULL };
	struct ti_bpf_params *p;

	if (si->size != sizeof(uint32_t) || !function[0])
		return ti_schema_refuse(&at, "is tagged for a function's parameters but not made by TI_RETURN");
	p = ti_schema_grow(&s->params, &s->n_params, sizeof(*p));
	if (!p)
		return -ENOMEM;
	*p = (struct ti_bpf_params){ .function = function, .offset = si->offset };
	return 0;
}

static int read_rodata(struct ti_schema *s, const char *plugin, const void *rodata, size_t size)
{
	const struct btf_type *sec = ti_schema_section(s, ".rodata");
	int r = 0;

	for (uint32_t i = 0; sec && r >= 0 && i < btf_vlen(sec); i++) {
		const struct btf_var_secinfo *si = btf_var_secinfos(sec) + i;
		const char *function = ti_schema_tag(s, si->type, -1, "params:");

		if (si->offset > size || si->size > size - si->offset)
			return ti_err(-EINVAL, "%s: BTF and .rodata differ; build the object again", plugin);
		if (ti_schema_tag(s, si->type, -1, "event"))
			r = add_event(s, plugin, si->type, si->offset);
		else if (ti_schema_tag(s, si->type, -1, "internal"))
			r = add_internal(s, plugin, si->type, si->offset);
		else if (ti_schema_tag(s, si->type, -1, "option"))
			r = ti_schema_add_option(s, plugin, si, rodata);
		else if (function)
			r = add_params(s, plugin, si, function);
	}
	return r;
}

/* --- hooks and maps ----------------------------------------------------- */

/* Bit 1 << i of enum ti_knows each. */
static unsigned knows_of(const struct ti_schema *s, uint32_t func)
{
	static const char *const tags[] = { "knows:flow", "knows:sock", "knows:pid" };
	unsigned knows = 0;

	for (size_t i = 0; i < TI_ARRAY_SIZE(tags); i++)
		knows |= ti_schema_tag(s, func, -1, tags[i]) ? 1u << i : 0;
	return knows;
}

/* *option is the one that a tag names, or NULL. */
static int option_of(const struct ti_schema *s, const char *plugin, uint32_t func, const char *tag,
		     const struct ti_bpf_option **option)
{
	struct place at = { plugin, ti_schema_name(s, func), NULL };
	const char *key = ti_schema_tag(s, func, -1, tag);

	*option = NULL;
	if (!key)
		return 0;
	for (size_t i = 0; i < s->n_options; i++)
		if (!strcmp(s->options[i].row.key, key))
			*option = &s->options[i];
	if (!*option)
		return ti_schema_refuse(&at, "is tagged with an option that is no TI_OPTION of this object");
	return 0;
}

/* Group and order out of a hook tag (NULL: it has none). */
static int read_group(struct ti_schema *s, const struct place *at, const char *tag, struct ti_bpf_hook *h)
{
	const char *colon = tag ? strrchr(tag, ':') : NULL;
	char group[64];

	h->group = h->prog;
	if (h->by_hand)
		return tag ? ti_schema_refuse(at, "is TI_BY_HAND and has a hook; leave one out") : 0;
	if (!colon || colon == tag || colon - tag >= (int)sizeof(group) || !isdigit((unsigned char)colon[1]))
		return ti_schema_refuse(at, "has a hook tag that is none of bpf.h's");
	snprintf(group, sizeof(group), "%.*s", (int)(colon - tag), tag);
	h->order = atoi(colon + 1);
	h->group = ti_schema_keep(s, group);
	return h->group ? 0 : -ENOMEM;
}

static int add_hook(struct ti_schema *s, const char *plugin, uint32_t func, const char *tag)
{
	struct place at = { plugin, ti_schema_name(s, func), NULL };
	struct ti_bpf_hook *h = ti_schema_grow(&s->hooks, &s->n_hooks, sizeof(*h));
	int r;

	if (!h)
		return -ENOMEM;
	h->prog = at.thing;
	h->by_hand = ti_schema_tag(s, func, -1, "by_hand") != NULL;
	r = read_group(s, &at, tag, h);
	if (r < 0)
		return r;
	h->knows = knows_of(s, func);
	h->twin = ti_schema_tag(s, func, -1, "twin") != NULL;
	h->optional = ti_schema_tag(s, func, -1, "optional") != NULL;
	if (option_of(s, plugin, func, "only_if:", &h->only_if) < 0)
		return -EINVAL;
	return option_of(s, plugin, func, "unless:", &h->unless);
}

static int by_group(const void *a, const void *b)
{
	const struct ti_bpf_hook *x = a, *y = b;
	int r = strcmp(x->group, y->group);

	if (!r)
		r = (int)x->order - (int)y->order;
	return r ? r : strcmp(x->prog, y->prog);
}

static void share_optional(struct ti_schema *s)
{
	for (size_t i = 0; i < s->n_hooks; i++)
		for (size_t j = 0; j < s->n_hooks; j++)
			if (!strcmp(s->hooks[i].group, s->hooks[j].group))
				s->hooks[i].optional |= s->hooks[j].optional;
}

/* A program by hand shares its group with none. */
static int check_by_hand(const struct ti_schema *s, const char *plugin)
{
	for (size_t i = 1; i < s->n_hooks; i++) {
		const struct ti_bpf_hook *h = &s->hooks[i];
		struct place at = { plugin, h->group, NULL };

		if ((h->by_hand || h[-1].by_hand) && !strcmp(h->group, h[-1].group))
			return ti_schema_refuse(&at, "is the name of a hook group and of a program by hand; rename one");
	}
	return 0;
}

static int read_hooks(struct ti_schema *s, const char *plugin)
{
	for (uint32_t i = 1; i < btf__type_cnt(s->btf); i++) {
		const char *tag;

		if (!btf_is_func(btf__type_by_id(s->btf, i)))
			continue;
		tag = ti_schema_tag(s, i, -1, "hook:");
		if ((tag || ti_schema_tag(s, i, -1, "by_hand")) && add_hook(s, plugin, i, tag) < 0)
			return -EINVAL;
	}
	if (!s->n_hooks)
		return ti_err(-EINVAL, "%s: its BPF object has no hook; use TI_PACKET or TI_HOOK", plugin);
	qsort(s->hooks, s->n_hooks, sizeof(*s->hooks), by_group);
	share_optional(s);
	return check_by_hand(s, plugin);
}

static int read_map(struct ti_schema *s, const char *plugin, uint32_t var)
{
	struct place at = { plugin, ti_schema_name(s, var), NULL };
	struct ti_bpf_map m = { .name = at.thing, .cpus = ti_schema_tag(s, var, -1, "cpus") != NULL };
	struct ti_bpf_map *slot;

	if (option_of(s, plugin, var, "only_if:", &m.only_if) < 0 ||
	    option_of(s, plugin, var, "sized:", &m.sized_by) < 0)
		return -EINVAL;
	if (m.sized_by && (m.sized_by->width != sizeof(uint32_t) || m.sized_by->row.min < 1))
		return ti_schema_refuse(&at, "has its size from an option that isn't a __u32 of at least 1");
	if (!m.cpus && !m.only_if && !m.sized_by)
		return 0;
	slot = ti_schema_grow(&s->maps, &s->n_maps, sizeof(*slot));
	if (!slot)
		return -ENOMEM;
	*slot = m;
	return 0;
}

static int read_maps(struct ti_schema *s, const char *plugin)
{
	const struct btf_type *sec = ti_schema_section(s, ".maps");
	int r = 0;

	for (uint32_t i = 0; sec && r == 0 && i < btf_vlen(sec); i++) {
		r = read_map(s, plugin, btf_var_secinfos(sec)[i].type);
		if (r == 0)
			r = ti_schema_add_metrics(s, plugin, btf_var_secinfos(sec)[i].type);
	}
	return r;
}

/* ------------------------------------------------------------------------ */

/* Tags of this SDK. With a colon, a text follows. */
static const char *const tags[] = {
	"event", "internal", "severity:", "help:", "optional", "option", "min:", "max:", "params:", "hook:",
	"by_hand", "only_if:", "unless:", "knows:", "twin", "cpus", "sized:", "metrics:", "overflow:",
};

static bool is_tag(const char *text)
{
	for (size_t i = 0; i < TI_ARRAY_SIZE(tags); i++) {
		size_t n = strlen(tags[i]);

		if (tags[i][n - 1] == ':' ? !strncmp(text, tags[i], n) : !strcmp(text, tags[i]))
			return true;
	}
	return false;
}

/* Of a newer SDK, or misspelt by hand. */
static void warn_of_tags(const struct ti_schema *s, const char *plugin)
{
	for (uint32_t i = 1; i < btf__type_cnt(s->btf); i++) {
		const struct btf_type *t = btf__type_by_id(s->btf, i);
		const char *text = btf_is_decl_tag(t) ? btf__name_by_offset(s->btf, t->name_off) : "";

		if (!strncmp(text, "ti:", 3) && !is_tag(text + 3))
			ti_warn("%s: %s has a tag '%s' that this tcpinspect doesn't know: it does nothing; is the SDK a newer one?",
				plugin, ti_schema_name(s, t->type), text);
	}
}

int ti_schema_new(struct ti_schema **out, const char *plugin, const struct btf *btf,
		  const void *rodata, size_t rodata_size)
{
	ti_cleanup(ti_schema_freep) struct ti_schema *s = calloc(1, sizeof(*s));
	const void *raw;
	uint32_t size;
	int r;

	if (!s)
		return -ENOMEM;
	raw = btf ? btf__raw_data(btf, &size) : NULL;
	if (!raw)
		return ti_err(-EINVAL, "%s: its BPF object has no BTF; build it with -g and strip it with llvm-strip -g", plugin);
	s->btf = btf__new(raw, size);
	if (!s->btf)
		return ti_err(-EINVAL, "%s: its BTF can't be read", plugin);
	warn_of_tags(s, plugin);
	r = read_rodata(s, plugin, rodata, rodata_size);
	if (r >= 0)
		r = read_hooks(s, plugin);
	if (r >= 0)
		r = read_maps(s, plugin);
	if (r < 0)
		return r;
	*out = TI_TAKE(s);
	return 0;
}

void ti_schema_free(struct ti_schema *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->n_owned; i++)
		free(s->owned[i]);
	free(s->owned);
	free(s->types);
	free(s->internals);
	free(s->type_vars);
	free(s->options);
	free(s->hooks);
	free(s->params);
	free(s->maps);
	for (size_t i = 0; i < s->n_metrics; i++)
		free(s->metrics[i].metrics);
	free(s->metrics);
	btf__free(s->btf);
	free(s);
}

void ti_schema_freep(struct ti_schema **s)
{
	ti_schema_free(*s);
}

int64_t ti_schema_var(const struct ti_schema *s, const char *sec_name, const char *name, size_t *size)
{
	const struct btf_type *sec = ti_schema_section(s, sec_name);

	for (uint32_t i = 0; sec && i < btf_vlen(sec); i++) {
		const struct btf_var_secinfo *si = btf_var_secinfos(sec) + i;

		if (strcmp(ti_schema_name(s, si->type), name))
			continue;
		*size = si->size;
		return si->offset;
	}
	return -ENOENT;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * schema.c - event types, options and hook groups out of a BPF object's BTF.
 *
 * bpf.h plants them: a global pointer to an event's struct, a constant variable
 * for an option, a function for a hook, each with "ti:..." decl tags. An object
 * that says something which events can't carry is refused here, by name.
 */
#include "schema.h"

#include <bpf/btf.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "log.h"

static const char *const envelope[] = { "time", "host", "plugin", "event", "severity" };

/* Typedefs of types.h and what they mean; sizes are checked. */
static const struct {
	const char *name;
	enum ti_field_kind kind;
	uint32_t size;
} known_types[] = {
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

/* Where we are, for messages: "synflood: flood_start.class". */
struct place {
	const char *plugin, *thing, *field;
};

static int refuse(const struct place *at, const char *what)
{
	return ti_err(-EINVAL, "%s: %s%s%s %s", at->plugin, at->thing, at->field ? "." : "",
		      at->field ? at->field : "", what);
}

/* --- BTF ---------------------------------------------------------------- */

static const char *name_of(const struct ti_schema *s, uint32_t id)
{
	const struct btf_type *t = btf__type_by_id(s->btf, id);

	return t ? btf__name_by_offset(s->btf, t->name_off) : "";
}

/* The rest of the tag "ti:PREFIX..." on a type or one of its members (-1: on
 * the type itself), NULL when there is none. */
static const char *tag_of(const struct ti_schema *s, uint32_t id, int member, const char *prefix)
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

static const struct btf_type *section(const struct ti_schema *s, const char *name)
{
	int id = btf__find_by_name_kind(s->btf, name, BTF_KIND_DATASEC);

	return id < 0 ? NULL : btf__type_by_id(s->btf, id);
}

/* Skip const, volatile and typedefs; *known is the typedef of ours met first. */
static uint32_t resolve(const struct ti_schema *s, uint32_t id, int *known)
{
	*known = -1;
	for (int depth = 0; depth < 32; depth++) {
		const struct btf_type *t = btf__type_by_id(s->btf, id);

		if (!t || !(btf_is_mod(t) || btf_is_typedef(t)))
			break;
		for (size_t i = 0; *known < 0 && btf_is_typedef(t) && i < TI_ARRAY_SIZE(known_types); i++)
			if (!strcmp(btf__name_by_offset(s->btf, t->name_off), known_types[i].name))
				*known = i;
		id = t->type;
	}
	return id;
}

/* Hand memory to the schema, which frees it at its end; NULL: out of memory. */
static void *own(struct ti_schema *s, void *memory)
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

static const char *keep(struct ti_schema *s, const char *text)
{
	return own(s, strdup(text));
}

/* Grow an array of the schema by one zeroed item and return it. */
static void *grow(void *array, size_t *n, size_t size)
{
	char *grown = realloc(*(void **)array, (*n + 1) * size);

	if (!grown)
		return NULL;
	*(void **)array = grown;
	return memset(grown + (*n)++ * size, 0, size);
}

/* --- enums -------------------------------------------------------------- */

/* FLOOD_CLASS_SINGLE of enum flood_class is printed as "single". */
static const char *enum_name(struct ti_schema *s, const char *enum_tag, const char *name)
{
	size_t n = strlen(enum_tag);
	char text[128];
	size_t i;

	if (n && !strncasecmp(name, enum_tag, n) && name[n] == '_' && name[n + 1])
		name += n + 1;
	for (i = 0; name[i] && i < sizeof(text) - 1; i++)
		text[i] = tolower((unsigned char)name[i]);
	text[i] = 0;
	return keep(s, text);
}

static int enum_names(struct ti_schema *s, uint32_t id, const struct ti_enum_name **out,
		      uint32_t *n_out)
{
	const struct btf_type *t = btf__type_by_id(s->btf, id);
	uint32_t n = btf_vlen(t);
	struct ti_enum_name *names = own(s, calloc(n + 1, sizeof(*names)));

	if (!names)
		return -ENOMEM;
	for (uint32_t i = 0; i < n; i++) {
		const struct btf_enum *e = btf_enum(t) + i;
		bool wide = btf_is_enum64(t);

		names[i].value = wide ? (int64_t)btf_enum64_value(btf_enum64(t) + i) : e->val;
		names[i].name = enum_name(s, btf__name_by_offset(s->btf, t->name_off),
					  btf__name_by_offset(s->btf, wide ?
						btf_enum64(t)[i].name_off : e->name_off));
		if (!names[i].name)
			return -ENOMEM;
	}
	*out = names;
	*n_out = n;
	return 0;
}

/* --- fields ------------------------------------------------------------- */

static int fields_of(struct ti_schema *s, struct place *at, uint32_t id, bool in_list,
		     const struct ti_field **out, uint32_t *n_out);

/* struct { len; array NAME; }, the shape of ti_str and ti_list: `width` bytes of
 * len and the array right behind it. */
static const struct btf_array *counted(const struct ti_schema *s, const struct btf_type *t,
				       uint32_t width, const char *name)
{
	const struct btf_member *m = btf_members(t);
	const struct btf_type *a;

	if (!btf_is_struct(t) || btf_vlen(t) != 2 ||
	    strcmp(btf__name_by_offset(s->btf, m[0].name_off), "len") ||
	    strcmp(btf__name_by_offset(s->btf, m[1].name_off), name) ||
	    btf__resolve_size(s->btf, m[0].type) != width || btf_member_bit_offset(t, 0) ||
	    btf_member_bit_offset(t, 1) != 8 * width)
		return NULL;
	a = btf__type_by_id(s->btf, m[1].type);
	return a && btf_is_array(a) ? btf_array(a) : NULL;
}

static const struct btf_array *string_of(const struct ti_schema *s, const struct btf_type *t)
{
	const struct btf_array *a = counted(s, t, sizeof(__u16), "str");

	return a && btf__resolve_size(s->btf, a->type) == 1 ? a : NULL;
}

static const struct btf_array *list_of(const struct ti_schema *s, const struct btf_type *t)
{
	return counted(s, t, sizeof(__u64), "item");
}

static int field_type(struct ti_schema *s, struct place *at, uint32_t id, bool in_list,
		      struct ti_field *f);

static int list_field(struct ti_schema *s, struct place *at, const struct btf_array *a,
		      struct ti_field *f)
{
	int known, r;
	uint32_t id = resolve(s, a->type, &known);
	const struct btf_type *t = btf__type_by_id(s->btf, id);
	int64_t size = btf__resolve_size(s->btf, a->type);

	if (size <= 0)
		return refuse(at, "is a list of a type without a size");
	f->kind = TI_FIELD_LIST;
	f->capacity = a->nelems;
	if (known < 0 && btf_is_struct(t) && !string_of(s, t) && !list_of(s, t)) {
		r = fields_of(s, at, id, true, &f->items, &f->n_items);
	} else {
		struct ti_field *item = own(s, calloc(1, sizeof(*item)));

		if (!item)
			return -ENOMEM;
		item->name = item->help = "";
		r = field_type(s, at, a->type, true, item);
		f->items = item;
		f->n_items = 1;
	}
	f->size = size;
	return r;
}

static int struct_field(struct ti_schema *s, struct place *at, const struct btf_type *t,
			bool in_list, struct ti_field *f)
{
	const struct btf_array *a = string_of(s, t);

	if (a) {
		f->kind = TI_FIELD_STR;
		f->capacity = a->nelems;
		return 0;
	}
	a = list_of(s, t);
	if (a && !in_list)
		return list_field(s, at, a, f);
	return refuse(at, a ? "is a list in a list; make it a field of the event" :
			      "is a struct; write its members as fields, or use ti_list");
}

static int int_field(struct place *at, const struct btf_type *t, struct ti_field *f)
{
	if (t->size > 8)
		return refuse(at, "is wider than 64 bits; use ti_addr or two fields");
	if (btf_int_encoding(t) & BTF_INT_BOOL)
		f->kind = TI_FIELD_BOOL;
	else if (btf_int_encoding(t) & BTF_INT_SIGNED)
		f->kind = TI_FIELD_INT;
	else
		f->kind = TI_FIELD_UINT;
	return 0;
}

static int field_type(struct ti_schema *s, struct place *at, uint32_t id, bool in_list,
		      struct ti_field *f)
{
	int known;
	const struct btf_type *t = btf__type_by_id(s->btf, resolve(s, id, &known));

	f->size = t->size;
	if (known >= 0) {
		if (btf__resolve_size(s->btf, id) != known_types[known].size)
			return refuse(at, "has a type of that name but of another size; include <tcpinspect/types.h>");
		f->kind = known_types[known].kind;
		f->size = known_types[known].size;
		return 0;
	}
	if (btf_is_int(t))
		return int_field(at, t, f);
	if (btf_is_any_enum(t)) {
		f->kind = TI_FIELD_ENUM;
		return enum_names(s, resolve(s, id, &known), &f->names, &f->n_names);
	}
	if (btf_is_struct(t))
		return struct_field(s, at, t, in_list, f);
	if (btf_is_ptr(t))
		return refuse(at, "is a pointer, which means nothing outside the kernel; copy what it points to");
	if (btf_is_array(t))
		return refuse(at, "is an array; use ti_str(N) for text or ti_list(T, N)");
	if (btf_is_union(t))
		return refuse(at, "is a union; use one field for each of its members");
	return refuse(at, "has a type that events can't carry");
}

static int check_name(struct place *at, bool in_list)
{
	if (!at->field[0])
		return refuse(at, "has a member without a name; name it");
	for (size_t i = 0; !in_list && i < TI_ARRAY_SIZE(envelope); i++)
		if (!strcmp(at->field, envelope[i]))
			return refuse(at, "is a name that every event has already; choose another");
	return 0;
}

static int fields_of(struct ti_schema *s, struct place *at, uint32_t id, bool in_list,
		     const struct ti_field **out, uint32_t *n_out)
{
	const struct btf_type *t = btf__type_by_id(s->btf, id);
	struct ti_field *fields = own(s, calloc(btf_vlen(t) + 1, sizeof(*fields)));
	int r;

	if (!fields)
		return -ENOMEM;
	*n_out = 0;
	for (uint32_t i = 0; i < btf_vlen(t); i++) {
		const struct btf_member *m = btf_members(t) + i;
		const char *help = tag_of(s, id, i, "help:");
		struct ti_field *f = &fields[*n_out];

		f->name = at->field = btf__name_by_offset(s->btf, m->name_off);
		if (f->name[0] == '_')
			continue;
		++*n_out;
		r = check_name(at, in_list);
		if (r < 0)
			return r;
		if (btf_member_bitfield_size(t, i))
			return refuse(at, "is a bitfield; use a whole integer");
		f->offset = btf_member_bit_offset(t, i) / 8;
		f->optional = tag_of(s, id, i, "optional") != NULL;
		f->help = help ? help : "";
		r = field_type(s, at, m->type, in_list, f);
		if (r < 0)
			return r;
	}
	at->field = NULL;
	*out = fields;
	return 0;
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

static int add_event(struct ti_schema *s, const char *plugin, uint32_t var, uint32_t offset)
{
	const struct btf_type *v = btf__type_by_id(s->btf, var);
	struct place at = { plugin, name_of(s, var), NULL };
	struct ti_event_type type = { .plugin = plugin, .number = s->n_types };
	const struct btf_type *t;
	size_t n = s->n_types;
	uint32_t id, *offsets;
	int known;

	id = resolve(s, v->type, &known);
	t = btf__type_by_id(s->btf, id);
	if (!btf_is_ptr(t))
		return refuse(&at, "is tagged as an event but not made by TI_EVENT");
	id = resolve(s, t->type, &known);
	t = btf__type_by_id(s->btf, id);
	if (!btf_is_struct(t) || !btf_vlen(t))
		return refuse(&at, "has no struct with fields; define it before TI_EVENT");
	at.thing = type.name = name_of(s, id);
	type.size = t->size;
	type.help = tag_of(s, var, -1, "help:");
	if (severity_of(tag_of(s, var, -1, "severity:"), &type.severity) < 0)
		return refuse(&at, "has an unknown severity; INFO, NOTICE, WARNING, ERROR or CRITICAL");
	if (fields_of(s, &at, id, false, &type.fields, &type.n_fields) < 0)
		return -EINVAL;
	offsets = realloc(s->type_vars, (n + 1) * sizeof(*offsets));
	if (!offsets)
		return -ENOMEM;
	s->type_vars = offsets;
	s->type_vars[n] = offset;
	if (!grow(&s->types, &s->n_types, sizeof(*s->types)))
		return -ENOMEM;
	s->types[n] = type;
	return 0;
}

/* --- options ------------------------------------------------------------ */

static int limit_of(struct place *at, const char *text, int64_t *out)
{
	char *end;

	if (!text)
		return refuse(at, "is tagged as an option but not made by TI_OPTION");
	errno = 0;
	*out = strtoll(text, &end, 10);
	end += strspn(end, "uUlL");
	if (errno || end == text || *end)
		return refuse(at, "has a limit that is no plain number; write it in digits");
	return 0;
}

static uint64_t load_uint(const void *at, uint32_t width)
{
	uint64_t v = 0;

	memcpy(&v, at, width <= sizeof(v) ? width : sizeof(v)); /* little-endian, as bpfel is */
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	v >>= 64 - 8 * width;
#endif
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
	return keep(s, text);
}

static int enum_option(struct ti_schema *s, struct place *at, uint32_t id, struct ti_option *o,
		       uint64_t def)
{
	const struct ti_enum_name *names;
	const char **choices;
	uint32_t n;
	int r = enum_names(s, id, &names, &n);

	if (r < 0)
		return r;
	choices = own(s, calloc(n + 1, sizeof(*choices)));
	if (!choices)
		return -ENOMEM;
	for (uint32_t i = 0; i < n; i++) {
		if (names[i].value != i)
			return refuse(at, "is an enum whose values are not 0, 1, 2, ...");
		choices[i] = names[i].name;
	}
	if (def >= n)
		return refuse(at, "has a default that is none of its enum's values");
	o->type = TI_OPT_ENUM;
	o->choices = choices;
	o->def = choices[def];
	return 0;
}

static int option_type(struct ti_schema *s, struct place *at, uint32_t var_type,
		       struct ti_bpf_option *o, uint64_t def)
{
	int known;
	uint32_t id = resolve(s, var_type, &known);
	const struct btf_type *t = btf__type_by_id(s->btf, id);

	if (btf_is_any_enum(t))
		return enum_option(s, at, id, &o->row, def);
	if (!btf_is_int(t) || o->width > 8 || (btf_int_encoding(t) & BTF_INT_SIGNED))
		return refuse(at, "is an option of a type that can't be one; use __u8 to __u64, ti_bool, ti_ns or an enum");
	if (known >= 0 && known_types[known].kind == TI_FIELD_NS)
		o->row.type = TI_OPT_DURATION;
	else if ((known >= 0 && known_types[known].kind == TI_FIELD_BOOL) ||
		 (btf_int_encoding(t) & BTF_INT_BOOL))
		o->row.type = TI_OPT_BOOL;
	else
		o->row.type = o->width == 8 ? TI_OPT_U64 : TI_OPT_U32;
	o->row.def = default_text(s, &o->row, def);
	return o->row.def ? 0 : -ENOMEM;
}

static int add_option(struct ti_schema *s, const char *plugin, const struct btf_var_secinfo *si,
		      const void *rodata)
{
	const struct btf_type *v = btf__type_by_id(s->btf, si->type);
	struct place at = { plugin, name_of(s, si->type), NULL };
	struct ti_bpf_option *slot, o = {
		.row = { .key = at.thing, .offset = si->offset,
			 .help = tag_of(s, si->type, -1, "help:") },
		.width = si->size,
	};
	int r;

	if (limit_of(&at, tag_of(s, si->type, -1, "min:"), &o.row.min) < 0 ||
	    limit_of(&at, tag_of(s, si->type, -1, "max:"), &o.row.max) < 0)
		return -EINVAL;
	r = option_type(s, &at, v->type, &o,
			load_uint((const char *)rodata + si->offset, si->size));
	if (r < 0)
		return r;
	slot = grow(&s->options, &s->n_options, sizeof(*slot));
	if (!slot)
		return -ENOMEM;
	*slot = o;
	return 0;
}

static int read_rodata(struct ti_schema *s, const char *plugin, const void *rodata, size_t size)
{
	const struct btf_type *sec = section(s, ".rodata");
	int r = 0;

	for (uint32_t i = 0; sec && r >= 0 && i < btf_vlen(sec); i++) {
		const struct btf_var_secinfo *si = btf_var_secinfos(sec) + i;

		if (si->offset > size || si->size > size - si->offset)
			return ti_err(-EINVAL, "%s: BTF and .rodata differ; build the object again", plugin);
		if (tag_of(s, si->type, -1, "event"))
			r = add_event(s, plugin, si->type, si->offset);
		else if (tag_of(s, si->type, -1, "option"))
			r = add_option(s, plugin, si, rodata);
	}
	return r;
}

/* --- hooks and maps ----------------------------------------------------- */

static int add_hook(struct ti_schema *s, const char *plugin, uint32_t func, const char *tag)
{
	struct place at = { plugin, name_of(s, func), NULL };
	const char *colon = strrchr(tag, ':');
	struct ti_bpf_hook *h;
	char group[64];

	if (!colon || colon == tag || colon - tag >= (int)sizeof(group) || !isdigit((unsigned char)colon[1]))
		return refuse(&at, "has a hook tag that is none of bpf.h's");
	snprintf(group, sizeof(group), "%.*s", (int)(colon - tag), tag);
	h = grow(&s->hooks, &s->n_hooks, sizeof(*h));
	if (!h)
		return -ENOMEM;
	h->prog = at.thing;
	h->order = atoi(colon + 1);
	h->optional = tag_of(s, func, -1, "optional") != NULL;
	h->group = keep(s, group);
	return h->group ? 0 : -ENOMEM;
}

static int by_group(const void *a, const void *b)
{
	const struct ti_bpf_hook *x = a, *y = b;
	int r = strcmp(x->group, y->group);

	return r ? r : (int)x->order - (int)y->order;
}

static int read_hooks(struct ti_schema *s, const char *plugin)
{
	for (uint32_t i = 1; i < btf__type_cnt(s->btf); i++) {
		const char *tag;

		if (!btf_is_func(btf__type_by_id(s->btf, i)))
			continue;
		tag = tag_of(s, i, -1, "hook:");
		if (tag && add_hook(s, plugin, i, tag) < 0)
			return -EINVAL;
	}
	if (!s->n_hooks)
		return ti_err(-EINVAL, "%s: its BPF object has no hook; use TI_PACKET or TI_HOOK", plugin);
	qsort(s->hooks, s->n_hooks, sizeof(*s->hooks), by_group);
	return 0;
}

static int read_maps(struct ti_schema *s)
{
	const struct btf_type *sec = section(s, ".maps");

	for (uint32_t i = 0; sec && i < btf_vlen(sec); i++) {
		uint32_t var = btf_var_secinfos(sec)[i].type;
		const char **slot;

		if (!tag_of(s, var, -1, "cpus"))
			continue;
		slot = grow(&s->cpu_maps, &s->n_cpu_maps, sizeof(*slot));
		if (!slot)
			return -ENOMEM;
		*slot = name_of(s, var);
	}
	return 0;
}

/* ------------------------------------------------------------------------ */

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
	r = read_rodata(s, plugin, rodata, rodata_size);
	if (r >= 0)
		r = read_hooks(s, plugin);
	if (r >= 0)
		r = read_maps(s);
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
	free(s->type_vars);
	free(s->options);
	free(s->hooks);
	free(s->cpu_maps);
	btf__free(s->btf);
	free(s);
}

void ti_schema_freep(struct ti_schema **s)
{
	ti_schema_free(*s);
}

int64_t ti_schema_var(const struct ti_schema *s, const char *sec_name, const char *name, size_t *size)
{
	const struct btf_type *sec = section(s, sec_name);

	for (uint32_t i = 0; sec && i < btf_vlen(sec); i++) {
		const struct btf_var_secinfo *si = btf_var_secinfos(sec) + i;

		if (strcmp(name_of(s, si->type), name))
			continue;
		*size = si->size;
		return si->offset;
	}
	return -ENOENT;
}

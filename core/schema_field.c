/* SPDX-License-Identifier: GPL-2.0-or-later */
/* schema_field.c - fields of an event's struct, and the names of enums. */
#include <bpf/btf.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "log.h"
#include "schema_read.h"

static const char *const envelope[] = { "time", "host", "plugin", "event", "severity" };

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
	return ti_schema_keep(s, text);
}

int ti_schema_enum_names(struct ti_schema *s, uint32_t id, const struct ti_enum_name **out,
		      uint32_t *n_out)
{
	const struct btf_type *t = btf__type_by_id(s->btf, id);
	uint32_t n = btf_vlen(t);
	struct ti_enum_name *names = ti_schema_own(s, calloc(n + 1, sizeof(*names)));

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

/* --- types --------------------------------------------------------------- */

const char *ti_field_type_name(const struct ti_field *f, char *out, size_t size)
{
	static const char *const names[] = {
		[TI_FIELD_BOOL] = "bool", [TI_FIELD_ENUM] = "enum", [TI_FIELD_ADDR] = "address",
		[TI_FIELD_PREFIX] = "prefix", [TI_FIELD_PORT] = "port", [TI_FIELD_VLAN] = "vlan",
		[TI_FIELD_IFINDEX] = "interface", [TI_FIELD_NS] = "ns", [TI_FIELD_STR] = "string",
		[TI_FIELD_LIST] = "list",
	};

	if (f->kind == TI_FIELD_UINT || f->kind == TI_FIELD_INT)
		snprintf(out, size, "%s%u", f->kind == TI_FIELD_UINT ? "u" : "s", f->size * 8);
	else
		snprintf(out, size, "%s", names[f->kind]);
	return out;
}

/* A type as it stands in C, for messages; of what is anonymous the keyword only. */
static void c_type(const struct ti_schema *s, uint32_t id, unsigned depth, char *out, size_t size)
{
	const struct btf_type *t = btf__type_by_id(s->btf, id);
	const char *name = t ? btf__name_by_offset(s->btf, t->name_off) : "";
	size_t len;

	if (!t || !id || depth > 32) {
		snprintf(out, size, "void");
	} else if (btf_is_mod(t) || btf_is_type_tag(t)) {
		c_type(s, t->type, depth + 1, out, size);
	} else if (btf_is_ptr(t) || btf_is_func_proto(t)) {
		c_type(s, t->type, depth + 1, out, size);
		len = strlen(out);
		snprintf(out + len, size - len, "%s", btf_is_ptr(t) ? " *" : " ()");
	} else if (btf_is_array(t)) {
		const struct btf_type *of = t;

		for (; of && btf_is_array(of); of = btf__type_by_id(s->btf, id))
			id = btf_array(of)->type;
		c_type(s, id, depth + 1, out, size);
		for (; btf_is_array(t); t = btf__type_by_id(s->btf, btf_array(t)->type)) {
			len = strlen(out);
			snprintf(out + len, size - len, "[%u]", btf_array(t)->nelems);
		}
	} else {
		const char *kind = btf_is_struct(t) || (btf_is_fwd(t) && !btf_kflag(t)) ? "struct" :
				   btf_is_union(t) || btf_is_fwd(t) ? "union" : btf_is_any_enum(t) ? "enum" : "";

		snprintf(out, size, "%s%s%s", kind, kind[0] && name[0] ? " " : "", name);
	}
}

/* --- fields ------------------------------------------------------------- */

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
	uint32_t id = ti_schema_resolve(s, a->type, &known);
	const struct btf_type *t = btf__type_by_id(s->btf, id);
	int64_t size = btf__resolve_size(s->btf, a->type);

	if (size <= 0)
		return ti_schema_refuse(at, "is a list of a type without a size");
	f->kind = TI_FIELD_LIST;
	f->capacity = a->nelems;
	if (known < 0 && btf_is_struct(t) && !string_of(s, t) && !list_of(s, t)) {
		r = ti_schema_fields(s, at, id, true, &f->items, &f->n_items);
	} else {
		struct ti_field *item = ti_schema_own(s, calloc(1, sizeof(*item)));

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
	return ti_schema_refuse(at, a ? "is a list in a list; make it a field of the event" :
			      "is a struct; write its members as fields, or use ti_list");
}

static int int_field(struct place *at, const struct btf_type *t, struct ti_field *f)
{
	if (t->size > 8)
		return ti_schema_refuse(at, "is wider than 64 bits; use ti_addr or two fields");
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
	const struct btf_type *t = btf__type_by_id(s->btf, ti_schema_resolve(s, id, &known));

	f->size = t->size;
	if (known >= 0) {
		if (btf__resolve_size(s->btf, id) != ti_known_types[known].size)
			return ti_schema_refuse(at, "has a type of that name but of another size; include <tcpinspect/types.h>");
		f->kind = ti_known_types[known].kind;
		f->size = ti_known_types[known].size;
		return 0;
	}
	if (btf_is_int(t))
		return int_field(at, t, f);
	if (btf_is_any_enum(t)) {
		f->kind = TI_FIELD_ENUM;
		return ti_schema_enum_names(s, ti_schema_resolve(s, id, &known), &f->names, &f->n_names);
	}
	if (btf_is_struct(t))
		return struct_field(s, at, t, in_list, f);
	if (btf_is_ptr(t))
		return ti_schema_refuse(at, "is a pointer, which means nothing outside the kernel; copy what it points to");
	if (btf_is_array(t))
		return ti_schema_refuse(at, "is an array; use ti_str(N) for text or ti_list(T, N)");
	if (btf_is_union(t))
		return ti_schema_refuse(at, "is a union; use one field for each of its members");
	if (btf_is_float(t))
		return ti_schema_refuse(at, "is a float; use an integer, of thousandths if need be");
	return ti_schema_refuse(at, "has a type that events can't carry");
}

static int check_name(struct place *at, bool in_list)
{
	if (!at->field[0])
		return ti_schema_refuse(at, "has a member without a name; name it");
	for (size_t i = 0; !in_list && i < TI_ARRAY_SIZE(envelope); i++)
		if (!strcmp(at->field, envelope[i]))
			return ti_schema_refuse(at, "is a name that every event has already; choose another");
	return 0;
}

int ti_schema_fields(struct ti_schema *s, struct place *at, uint32_t id, bool in_list,
		     const struct ti_field **out, uint32_t *n_out)
{
	const struct btf_type *t = btf__type_by_id(s->btf, id);
	struct ti_field *fields = ti_schema_own(s, calloc(btf_vlen(t) + 1, sizeof(*fields)));
	char type[128];
	int r;

	if (!fields)
		return -ENOMEM;
	*n_out = 0;
	for (uint32_t i = 0; i < btf_vlen(t); i++) {
		const struct btf_member *m = btf_members(t) + i;
		const char *help = ti_schema_tag(s, id, i, "help:");
		struct ti_field *f = &fields[*n_out];

		f->name = at->field = btf__name_by_offset(s->btf, m->name_off);
		c_type(s, m->type, 0, type, sizeof(type));
		at->type = type;
		if (f->name[0] == '_')
			continue;
		++*n_out;
		r = check_name(at, in_list);
		if (r < 0)
			return r;
		if (btf_member_bitfield_size(t, i))
			return ti_schema_refuse(at, "is a bitfield; use a whole integer");
		f->offset = btf_member_bit_offset(t, i) / 8;
		f->optional = ti_schema_tag(s, id, i, "optional") != NULL;
		f->help = help ? help : "";
		r = field_type(s, at, m->type, in_list, f);
		if (r < 0)
			return r;
	}
	at->field = at->type = NULL;
	*out = fields;
	return 0;
}


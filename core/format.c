/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * format.c - plans: event types compiled for a format. What the formats look
 * like is in format_json.c and format_text.c.
 *
 * Each field, and each item of a list, is written with the separator in front of
 * it, so absent ones need no thought; where it comes first, the bracket that
 * opens the object or list then replaces the separator.
 */
#include "format_plan.h"
#include "log.h"

#define NS_PER_S 1000000000ull

static const struct ti_style *const styles[] = {
	[TI_FORMAT_JSON] = &ti_style_json,
	[TI_FORMAT_TEXT] = &ti_style_text,
};

const char *ti_severity_name(enum ti_severity severity)
{
	static const char *const names[] = {
		[TI_INFO] = "info",   [TI_NOTICE] = "notice",	  [TI_WARNING] = "warning",
		[TI_ERROR] = "error", [TI_CRITICAL] = "critical",
	};

	return (size_t)severity < TI_ARRAY_SIZE(names) ? names[severity] : "info";
}

/* Memory of a plan */

struct ti_block {
	struct ti_block *next;
	_Alignas(max_align_t) char data[];
};

void *ti_plan_alloc(struct ti_plan *plan, size_t size)
{
	struct ti_block *b = calloc(1, sizeof(*b) + size);

	if (!b)
		return NULL;
	b->next = plan->blocks;
	plan->blocks = b;
	return b->data;
}

char *ti_plan_alloc_text(struct ti_plan *plan, size_t len)
{
	return ti_plan_alloc(plan, len + TI_TEXT_SLACK);
}

const char *ti_plan_ifname(const struct ti_plan *plan, uint32_t ifindex, char buf[TI_IFNAME_ROOM],
			   size_t *len)
{
	const char *name = plan->env->ifname ? plan->env->ifname(plan->env->arg, ifindex) : NULL;

	if (name && *name) {
		*len = strnlen(name, TI_IFNAME_ROOM);
		return name;
	}
	memcpy(buf, "if", 2);
	*len = (size_t)(ti_put_uint(buf + 2, ifindex) - buf);
	return buf;
}

/* Values that both styles write alike */

static const struct ti_text *find_name(const struct ti_op *op, int64_t value)
{
	/* Most enums count from 0. */
	if ((uint64_t)value < op->n_names && op->names[value].value == value)
		return &op->names[value].text;
	for (uint32_t i = 0; i < op->n_names; i++) {
		if (op->names[i].value == value)
			return &op->names[i].text;
	}
	return NULL;
}

char *ti_put_enum(char *o, const struct ti_op *op, const unsigned char *p)
{
	int64_t v = op->is_signed ? ti_load_int(p, op->size) : (int64_t)ti_load_uint(p, op->size);
	const struct ti_text *name = find_name(op, v);

	if (name)
		return ti_put_text(o, name);
	return op->is_signed ? ti_put_int(o, v) : ti_put_uint(o, (uint64_t)v);
}

char *ti_put_bool(char *o, uint64_t v)
{
	return v ? mempcpy(o, "true", 4) : mempcpy(o, "false", 5);
}

char *ti_put_list(const struct ti_plan *plan, char *o, const struct ti_op *op,
		  const unsigned char *p, int colour)
{
	ti_fields_fn *fields = plan->style->fields;
	uint64_t len = ti_load_uint(p, 8);
	const unsigned char *item = p + 8;
	char *start = o, *open;

	if (len > op->capacity)
		len = op->capacity;
	for (; len; len--, item += op->size) {
		if (op->is_scalar) {
			o = fields(plan, o, op->items, 1, item, colour);
			continue;
		}
		*o++ = ',';
		open = o;
		o = fields(plan, o, op->items, op->n_items, item, colour);
		if (o == open)
			o++;
		*open = '{';
		*o++ = '}';
	}
	if (o == start)
		o++;
	*start = '[';
	*o++ = ']';
	return o;
}

char *ti_put_clock(char *o, const struct tm *tm)
{
	o = ti_put_pair(o, (unsigned)tm->tm_hour);
	*o++ = ':';
	o = ti_put_pair(o, (unsigned)tm->tm_min);
	*o++ = ':';
	return ti_put_pair(o, (unsigned)tm->tm_sec % 60);
}

/* Compiling */

static bool compile_names(struct ti_plan *plan, struct ti_op *op, const struct ti_field *f,
			  size_t *most)
{
	const struct ti_style *style = plan->style;
	struct ti_op_name *names = ti_plan_alloc(plan, f->n_names * sizeof(*names));

	for (uint32_t i = 0; names && i < f->n_names; i++) {
		size_t len = strlen(f->names[i].name);
		char *s = ti_plan_alloc_text(plan, style->str_factor * len + 2);

		if (!s)
			return false;
		names[i].value = f->names[i].value;
		names[i].text.s = s;
		names[i].text.len = (size_t)(style->str(s, f->names[i].name, len) - s);
		op->is_signed |= f->names[i].value < 0;
		if (names[i].text.len > *most)
			*most = names[i].text.len;
	}
	op->names = names;
	op->n_names = f->n_names;
	return names != NULL;
}

/* The most that a value may take; of enums and lists, what doesn't depend on
 * their names and items. */
static size_t value_max(const struct ti_plan *plan, const struct ti_field *f)
{
	switch (f->kind) {
	case TI_FIELD_ADDR:
		return TI_PUT_ADDR_MAX + 2;
	case TI_FIELD_PREFIX:
		return TI_PUT_PREFIX_MAX + 2;
	case TI_FIELD_STR:
		return plan->style->str_factor * f->capacity + 2;
	case TI_FIELD_IFINDEX:
		return plan->style->str_factor * TI_IFNAME_ROOM + 2;
	default:
		return TI_PUT_NUMBER_MAX;
	}
}

static enum ti_absent when_absent(const struct ti_field *f)
{
	switch (f->kind) {
	case TI_FIELD_ADDR:
	case TI_FIELD_PREFIX:
		return TI_ABSENT_ADDR;
	case TI_FIELD_STR:
		return TI_ABSENT_STR;
	case TI_FIELD_PORT:
	case TI_FIELD_VLAN:
	case TI_FIELD_IFINDEX:
		return TI_ABSENT_ZERO;
	default:
		return f->optional ? TI_ABSENT_ZERO : TI_ABSENT_NEVER;
	}
}

/* *max grows by the most that the fields may take; NULL: out of memory. */
static const struct ti_op *compile(struct ti_plan *plan, const struct ti_field *f, uint32_t n,
				   size_t *max)
{
	struct ti_op *ops = ti_plan_alloc(plan, n * sizeof(*ops)), *op = ops;

	for (; ops && n; n--, f++, op++) {
		size_t most = value_max(plan, f), item_max = 0;

		op->kind = f->kind;
		op->offset = f->offset;
		op->size = f->size;
		op->capacity = f->capacity;
		op->absent = when_absent(f);
		if (!plan->style->key(plan, op, f->name))
			return NULL;
		if (f->kind == TI_FIELD_ENUM && !compile_names(plan, op, f, &most))
			return NULL;
		if (f->kind == TI_FIELD_LIST) {
			op->is_scalar = f->n_items == 1 && !*f->items[0].name;
			op->n_items = f->n_items;
			op->items = compile(plan, f->items, f->n_items, &item_max);
			if (!op->items)
				return NULL;
			op->absent = TI_ABSENT_LIST;
			most = strlen("[]") + f->capacity * (item_max + strlen(",{}"));
		}
		*max += op->key[1].len + most;
	}
	return ops;
}

struct ti_plan *ti_plan_new(const struct ti_event_type *type, enum ti_format format,
			    const struct ti_format_env *env)
{
	ti_cleanup(ti_plan_freep) struct ti_plan *plan = calloc(1, sizeof(*plan));

	if (!plan)
		return NULL;
	plan->style = styles[format];
	plan->env = env;
	if (!plan->style->head(plan, type))
		return NULL;
	plan->n_ops = type->n_fields;
	plan->ops = compile(plan, type->fields, type->n_fields, &plan->max);
	if (!plan->ops)
		return NULL;
	plan->max += plan->head_len[1] + plan->style->end_len + TI_TEXT_SLACK;
	tzset();
	plan->style->second(plan, 0);
	return TI_TAKE(plan);
}

void ti_plan_free(struct ti_plan *plan)
{
	struct ti_block *b, *next;

	if (!plan)
		return;
	for (b = plan->blocks; b; b = next) {
		next = b->next;
		free(b);
	}
	free(plan);
}

void ti_plan_freep(struct ti_plan **plan)
{
	ti_plan_free(*plan);
}

size_t ti_plan_max(const struct ti_plan *plan)
{
	return plan->max;
}

/* Makes the heads show the second of an event; returns its nanoseconds. */
static uint32_t set_second(struct ti_plan *plan, uint64_t boot_ns)
{
	uint64_t utc = boot_ns + plan->env->utc_offset;

	if (utc - plan->second >= NS_PER_S) {
		plan->second = utc - utc % NS_PER_S;
		plan->style->second(plan, (time_t)(utc / NS_PER_S));
	}
	return (uint32_t)(utc - plan->second);
}

size_t ti_plan_format(struct ti_plan *plan, const struct ti_record *rec, const void *data,
		      char *out, int colour)
{
	const struct ti_style *style = plan->style;
	int c = colour != 0;
	uint32_t ns = set_second(plan, rec->boot_ns);
	char *o = mempcpy(out, plan->head[c], plan->head_len[c]);

	style->fraction(out + plan->clock_at[c], ns);
	o = style->fields(plan, o, plan->ops, plan->n_ops, data, c);
	memcpy(o, style->end, sizeof(style->end));
	return (size_t)(o - out) + style->end_len;
}

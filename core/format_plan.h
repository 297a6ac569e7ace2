/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * format_plan.h - what format.c (plans), format_json.c and format_text.c share,
 * and nobody else sees.
 *
 * A plan is the event type with everything that is the same for each event
 * already written out: the line's head, each field's key with its punctuation,
 * each enum name as it is printed.
 */
#ifndef TI_FORMAT_PLAN_H
#define TI_FORMAT_PLAN_H

#include <stdbool.h>
#include <time.h>
#include "format.h"
#include "put.h"

/* Text of any length in at least 32 readable bytes: most are copied in one go. */
struct ti_text {
	const char *s;
	size_t len;
};

/* Writes up to this much beyond the text's end. */
#define TI_TEXT_SLACK 32

static inline char *ti_put_text(char *o, const struct ti_text *t)
{
	memcpy(o, t->s, 32);
	if (__builtin_expect(t->len > 32, 0))
		memcpy(o + 32, t->s + 32, t->len - 32);
	return o + t->len;
}

struct ti_op_name {
	int64_t value;
	struct ti_text text;
};

/* When a field is left out of the line: when it is a zero of `size` bytes, a zero
 * address, an empty string, an empty list. */
enum ti_absent {
	TI_ABSENT_NEVER,
	TI_ABSENT_ZERO,
	TI_ABSENT_ADDR,
	TI_ABSENT_STR,
	TI_ABSENT_LIST,
};

/* How one field is printed. */
struct ti_op {
	enum ti_field_kind kind;
	uint32_t offset;
	uint32_t size;         /* as ti_field.size */
	uint32_t capacity;
	enum ti_absent absent;
	bool is_signed;        /* enums */
	bool is_scalar;        /* lists: items are no structs */
	struct ti_text key[2]; /* plain, coloured; with the separator before it */
	const struct ti_op_name *names;
	uint32_t n_names;
	const struct ti_op *items;
	uint32_t n_items;
};

struct ti_block;
struct ti_style;

struct ti_plan {
	const struct ti_style *style;
	const struct ti_format_env *env;
	char *head[2];           /* plain, coloured */
	size_t head_len[2];
	size_t clock_at[2];      /* where the time stands in it */
	uint64_t second;         /* UTC in ns of the second that the heads show */
	const struct ti_op *ops;
	uint32_t n_ops;
	size_t max;
	struct ti_block *blocks; /* all memory of the plan */
};

/* Fields of one event, or of one item of a list: each that is present as its key
 * and its value. */
typedef char *ti_fields_fn(const struct ti_plan *plan, char *o, const struct ti_op *op, size_t n,
			   const unsigned char *data, int colour);

/* What makes a format. */
struct ti_style {
	/* Fill head, head_len, clock_at. false, here and below: out of memory. */
	bool (*head)(struct ti_plan *plan, const struct ti_event_type *type);
	bool (*key)(struct ti_plan *plan, struct ti_op *op, const char *name);
	/* Text as a value, in quotes if they are needed: at most str_factor * n + 2 bytes. */
	char *(*str)(char *o, const char *s, size_t n);
	size_t str_factor;
	ti_fields_fn *fields;
	/* Write a second to the heads; the fraction of one to a copy of their clock. */
	void (*second)(struct ti_plan *plan, time_t second);
	void (*fraction)(char *clock, uint32_t ns);
	char end[2]; /* of the line */
	size_t end_len;
};

extern const struct ti_style ti_style_json, ti_style_text;

/* Zeroed, freed with the plan; NULL: out of memory. */
void *ti_plan_alloc(struct ti_plan *plan, size_t size);
/* For a text of at most `len` bytes. */
char *ti_plan_alloc_text(struct ti_plan *plan, size_t len);

/* For styles. Values as they stand in an event at p: */

static inline uint64_t ti_load_uint(const unsigned char *p, uint32_t size)
{
	uint64_t v8;
	uint32_t v4;
	uint16_t v2;

	switch (size) {
	case 1:
		return *p;
	case 2:
		memcpy(&v2, p, 2);
		return v2;
	case 4:
		memcpy(&v4, p, 4);
		return v4;
	default:
		memcpy(&v8, p, 8);
		return v8;
	}
}

static inline int64_t ti_load_int(const unsigned char *p, uint32_t size)
{
	unsigned unused = size < 8 ? 64 - 8 * size : 0;

	return (int64_t)(ti_load_uint(p, size) << unused) >> unused;
}

/* Bytes of a string, which stand at p + 2; clamped. */
static inline size_t ti_op_str_len(const struct ti_op *op, const unsigned char *p)
{
	size_t len = ti_load_uint(p, 2);

	return len < op->capacity ? len : op->capacity;
}

/* Is the field left out of the line? */
static inline bool ti_op_absent(const struct ti_op *op, const unsigned char *p)
{
	switch (op->absent) {
	case TI_ABSENT_NEVER:
		return false;
	case TI_ABSENT_ADDR:
		return (ti_load_uint(p, 8) | ti_load_uint(p + 8, 8)) == 0;
	case TI_ABSENT_STR:
		return ti_op_str_len(op, p) == 0;
	case TI_ABSENT_LIST:
		return ti_load_uint(p, 8) == 0;
	case TI_ABSENT_ZERO:
		break;
	}
	return ti_load_uint(p, op->size) == 0;
}

/* Name of an interface, or "if7" in buf[], when it has none; and its length. */
#define TI_IFNAME_ROOM 16
const char *ti_plan_ifname(const struct ti_plan *plan, uint32_t ifindex,
			   char buf[TI_IFNAME_ROOM], size_t *len);

/* Values that both styles write alike. */
char *ti_put_enum(char *o, const struct ti_op *op, const unsigned char *p);
char *ti_put_bool(char *o, uint64_t v);
char *ti_put_list(const struct ti_plan *plan, char *o, const struct ti_op *op,
		  const unsigned char *p, int colour);
char *ti_put_clock(char *o, const struct tm *tm); /* 23:59:59 */

#endif

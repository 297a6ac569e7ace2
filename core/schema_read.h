/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * schema_read.h - what the files of the schema stage share: schema.c (the whole,
 * events, hooks), schema_field.c (fields of events), schema_metric.c (metrics),
 * schema_option.c (options).
 */
#ifndef TI_SCHEMA_READ_H
#define TI_SCHEMA_READ_H

#include "schema.h"

struct btf_type;
struct btf_var_secinfo;

/* Where we are, for messages: "synflood: flood_start.class". */
struct place {
	const char *plugin, *thing, *field;
	const char *type; /* of the field, in C; NULL: not to be said */
};
/* Log it: -EINVAL. */
int ti_schema_refuse(const struct place *at, const char *what);

const char *ti_schema_name(const struct ti_schema *s, uint32_t id);
/* The rest of the tag "ti:PREFIX..." on a type or one of its members (-1: on
 * the type itself), NULL when there is none. */
const char *ti_schema_tag(const struct ti_schema *s, uint32_t id, int member, const char *prefix);
const struct btf_type *ti_schema_section(const struct ti_schema *s, const char *name);
/* Typedefs of types.h and what they mean. */
struct ti_known_type {
	const char *name;
	enum ti_field_kind kind;
	uint32_t size;
};
extern const struct ti_known_type ti_known_types[];

/* Skip const, volatile and typedefs. *known is the first typedef of types.h that
 * was met, as an index of ti_known_types; -1: none was. */
uint32_t ti_schema_resolve(const struct ti_schema *s, uint32_t id, int *known);

/* Hand memory to the schema, which frees it at its end; NULL: out of memory. */
void *ti_schema_own(struct ti_schema *s, void *memory);
const char *ti_schema_keep(struct ti_schema *s, const char *text);
/* Grow an array of the schema by one zeroed item and return it. */
void *ti_schema_grow(void *array, size_t *n, size_t size);

/* Names of an enum as they are printed. */
int ti_schema_enum_names(struct ti_schema *s, uint32_t id, const struct ti_enum_name **out, uint32_t *n_out);
/* Fields of a struct, in_list: of a list's item. */
int ti_schema_fields(struct ti_schema *s, struct place *at, uint32_t id, bool in_list,
		     const struct ti_field **out, uint32_t *n_out);
/* A variable of .rodata that is tagged as an option. */
int ti_schema_add_option(struct ti_schema *s, const char *plugin, const struct btf_var_secinfo *si,
			 const void *rodata);

/* A variable of .maps that is tagged as metrics, or as their overflow. */
int ti_schema_add_metrics(struct ti_schema *s, const char *plugin, uint32_t var);

#endif

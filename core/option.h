/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * option.h - values of options: parse one by its row, print its default,
 * suggest the nearest name for a wrong one.
 */
#ifndef TI_CORE_OPTION_H
#define TI_CORE_OPTION_H

#include <stdbool.h>
#include <stdio.h>
#include <tcpinspect/option.h>

/*
 * Parse `text` as the row says and store it at base + o->offset. A string or
 * list replaces (and frees) what stood there. Returns 0, or -EINVAL, -ERANGE, -ENOMEM
 * with what is wrong, and what would be right, in why[] ("'abc' is not a number
 * from 1 to 65535").
 */
int ti_option_parse(const struct ti_option *o, const char *text, void *base,
		    char *why, size_t why_size);

/* The same for a value of `width` bytes stored at `to` (options of BPF
 * programs: the variable's own width, 1, 2, 4 or 8). Not for strings, lists. */
int ti_option_parse_at(const struct ti_option *o, const char *text, void *to,
		       size_t width, char *why, size_t why_size);

/* Store all defaults of a table. The defaults must parse: -EINVAL names the
 * first that doesn't in why[]. */
int ti_option_defaults(const struct ti_option *table, size_t n, void *base,
		       char *why, size_t why_size);

/* Free the strings and lists a table has stored. Safe on a zeroed struct. */
void ti_option_free(const struct ti_option *table, size_t n, void *base);

/* Bytes that a value takes where it is stored; 0: no such type. */
size_t ti_option_size(enum ti_option_type type);

/* Type as people name it ("duration"), and the allowed range as text in out[]
 * ("1 to 65535", "off, limit", "" when anything goes). Returns out. */
const char *ti_option_type_name(enum ti_option_type type);
const char *ti_option_range(const struct ti_option *o, char *out, size_t size);

/* Split a list's stored form: calls fn for each item. */
void ti_list_each(const char *list, void (*fn)(void *arg, const char *item), void *arg);
/* Does the list hold this very item? NULL is an empty list. */
bool ti_list_has(const char *list, const char *item);

/* "30s" -> ns. -EINVAL: no duration, no unit (but for 0), or too long. */
int ti_duration_parse(const char *text, uint64_t *ns);

#endif

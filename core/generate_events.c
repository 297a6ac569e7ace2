/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * generate_events.c - see generate_events.h. Events often share fields, so these
 * are compared: what is the same is written once.
 */
#include "generate_events.h"

#include <stdio.h>
#include <string.h>
#include "format.h"

void ti_roff(const char *text)
{
	if (*text == '.' || *text == '\'')
		fputs("\\&", stdout);
	for (; *text; text++)
		if (*text == '\\')
			fputs("\\e", stdout);
		else if (*text == '-')
			fputs("\\-", stdout);
		else
			putchar(*text);
}

void ti_markdown(const char *text)
{
	for (; *text; text++) {
		if (strchr("|<*", *text))
			putchar('\\');
		putchar(*text);
	}
}

/* --- the same ------------------------------------------------------------ */

static bool same_fields(const struct ti_field *a, uint32_t n, const struct ti_field *b, uint32_t m);

static bool same_field(const struct ti_field *a, const struct ti_field *b)
{
	bool same = !strcmp(a->name, b->name) && a->kind == b->kind && a->size == b->size &&
		    a->optional == b->optional && !strcmp(a->help, b->help) && a->n_names == b->n_names;

	for (uint32_t i = 0; same && i < a->n_names; i++)
		same = !strcmp(a->names[i].name, b->names[i].name);
	return same && same_fields(a->items, a->n_items, b->items, b->n_items);
}

static bool same_fields(const struct ti_field *a, uint32_t n, const struct ti_field *b, uint32_t m)
{
	bool same = n == m;

	for (uint32_t i = 0; same && i < n; i++)
		same = same_field(&a[i], &b[i]);
	return same;
}

/* The first event type with the same fields, or itself. */
static const struct ti_event_type *first_like(const struct ti_schema *s, const struct ti_event_type *t)
{
	const struct ti_event_type *like = s->types;

	while (!same_fields(like->fields, like->n_fields, t->fields, t->n_fields))
		like++;
	return like;
}

/* Has the event this very field? */
static bool has_field(const struct ti_event_type *t, const struct ti_field *f)
{
	for (uint32_t i = 0; i < t->n_fields; i++)
		if (same_field(&t->fields[i], f))
			return true;
	return false;
}

static const struct ti_field *field_named(const struct ti_event_type *t, const char *name)
{
	for (uint32_t i = 0; i < t->n_fields; i++)
		if (!strcmp(t->fields[i].name, name))
			return &t->fields[i];
	return NULL;
}

/* --- man ----------------------------------------------------------------- */

static void help_and_names(const struct ti_field *f, void (*text)(const char *))
{
	text(f->help);
	for (uint32_t i = 0; i < f->n_names; i++) {
		text(i ? ", " : f->help[0] ? ": " : "");
		text(f->names[i].name);
	}
}

static void field_man(const struct ti_field *f, const char *list)
{
	char type[32];

	printf(".TP\n\\fB%s%s%s\\fR %s%s\n", list, list[0] ? "[]." : "", f->name,
	       ti_field_type_name(f, type, sizeof(type)), f->optional ? ", optional" : "");
	help_and_names(f, ti_roff);
	printf("%s\n", f->help[0] || f->n_names ? "" : "\\&");
	for (uint32_t i = 0; i < f->n_items && f->items[i].name[0]; i++)
		field_man(&f->items[i], f->name);
}

static void heading_man(const struct ti_schema *s, const struct ti_event_type *of)
{
	const char *comma = "";

	printf(".SS \"");
	for (size_t i = 0; i < s->n_types; i++)
		if (first_like(s, &s->types[i]) == of) {
			printf("%s%s (%s)", comma, s->types[i].name, ti_severity_name(s->types[i].severity));
			comma = ", ";
		}
	printf("\"\n");
	for (size_t i = 0; i < s->n_types; i++)
		if (first_like(s, &s->types[i]) == of) {
			printf(".BR %s :\n", s->types[i].name);
			ti_roff(s->types[i].help);
			printf(".\n");
		}
}

void ti_events_man(const struct ti_schema *s)
{
	for (size_t i = 0; i < s->n_types; i++) {
		const struct ti_event_type *t = &s->types[i];

		if (first_like(s, t) != t)
			continue;
		heading_man(s, t);
		for (uint32_t k = 0; k < t->n_fields; k++)
			field_man(&t->fields[k], "");
	}
}

/* --- README.md ----------------------------------------------------------- */

static void event_readme(const struct ti_schema *s, const struct ti_event_type *t)
{
	const struct ti_event_type *like = first_like(s, t);

	printf("| `%s` | %s | ", t->name, ti_severity_name(t->severity));
	ti_markdown(t->help);
	printf(" |");
	for (uint32_t i = 0; like == t && i < t->n_fields; i++)
		printf(" `%s`", t->fields[i].name);
	if (like != t)
		printf(" as `%s`", like->name);
	printf(" |\n");
}

/* Where a name means different things: in which events this. */
static void where_readme(const struct ti_schema *s, const struct ti_field *f)
{
	const char *join = " of";
	bool other = false;

	for (size_t i = 0; i < s->n_types; i++) {
		const struct ti_field *g = field_named(&s->types[i], f->name);

		other |= g && !same_field(f, g);
	}
	for (size_t i = 0; other && i < s->n_types; i++)
		if (first_like(s, &s->types[i]) == &s->types[i] && has_field(&s->types[i], f)) {
			printf("%s `%s`", join, s->types[i].name);
			join = ",";
		}
}

/* One screen: what the name tells is not said again; tcpinspect-events(7) has all. */
static void field_readme(const struct ti_schema *s, const struct ti_field *f)
{
	char type[32];

	if (!f->help[0] && !f->n_names)
		return;
	printf("| `%s`", f->name);
	where_readme(s, f);
	printf(" | %s%s | ", ti_field_type_name(f, type, sizeof(type)), f->optional ? ", optional" : "");
	help_and_names(f, ti_markdown);
	for (uint32_t i = 0; i < f->n_items && f->items[i].name[0]; i++)
		printf("%s`%s`", i ? " " : "; each ", f->items[i].name);
	printf(" |\n");
}

static bool said_before(const struct ti_schema *s, size_t type, const struct ti_field *f)
{
	for (size_t i = 0; i < type; i++)
		if (has_field(&s->types[i], f))
			return true;
	return false;
}

void ti_events_readme(const struct ti_schema *s)
{
	printf("## Events\n\n| event | severity | | fields |\n|---|---|---|---|\n");
	for (size_t i = 0; i < s->n_types; i++)
		event_readme(s, &s->types[i]);
	printf("\n| field (all: tcpinspect-events(7)) | type | |\n|---|---|---|\n");
	for (size_t i = 0; i < s->n_types; i++)
		for (uint32_t k = 0; k < s->types[i].n_fields; k++)
			if (!said_before(s, i, &s->types[i].fields[k]))
				field_readme(s, &s->types[i].fields[k]);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* event.c - events that the plugin under test has reported, as a test looks at them. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "log.h"
#include "nearest.h"
#include "option.h"
#include "test.h"

void test_seen(void *arg, const struct ti_event_type *type, const struct ti_record *rec,
	       const void *data)
{
	struct ti_test *t = arg;
	struct ti_test_event *e = calloc(1, sizeof(*e) + type->size);

	if (!e)
		abort();
	*e = (struct ti_test_event){ .t = t, .type = type, .rec = *rec, .data = e + 1 };
	memcpy(e->data, data, type->size);
	*LIST_ADD(t->events) = e;
}

void test_events_free(struct ti_test *t)
{
	for (size_t i = 0; i < t->events.n; i++) {
		free(t->events.at[i]->json);
		free(t->events.at[i]);
	}
	free(t->events.at);
}

/* --- to take them ---------------------------------------------------------- */

const struct ti_test_event *ti_test_next(struct ti_test *t)
{
	return t->taken < t->events.n ? t->events.at[t->taken++] : NULL;
}

const struct ti_test_event *ti_test_find(struct ti_test *t, const char *name)
{
	for (size_t i = t->taken; i < t->events.n; i++)
		if (!strcmp(t->events.at[i]->type->name, name)) {
			t->taken = i + 1;
			return t->events.at[i];
		}
	return NULL;
}

/* --- to look at them ------------------------------------------------------- */

const char *ti_test_name(const struct ti_test_event *e)
{
	return e->type->name;
}

const void *ti_test_struct(const struct ti_test_event *e, size_t *size)
{
	if (size)
		*size = e->type->size;
	return e->data;
}

const char *ti_test_json(const struct ti_test_event *e)
{
	struct ti_test_event *of = (struct ti_test_event *)e;
	ti_cleanup(ti_plan_freep) struct ti_plan *plan = NULL;

	if (e->json)
		return e->json;
	plan = ti_plan_new(e->type, TI_FORMAT_JSON, &e->t->format);
	of->json = plan ? calloc(1, ti_plan_max(plan) + 1) : NULL;
	if (!of->json)
		abort();
	of->json[ti_plan_format(plan, &e->rec, e->data, of->json, 0) - 1] = '\0';
	return e->json;
}

const char *ti_test_field(const struct ti_test_event *e, const char *field)
{
	char *text = test_json_value(ti_test_json(e), field);

	return text ? test_keep(e->t, text) : NULL;
}

int64_t ti_test_number(const struct ti_test_event *e, const char *field)
{
	const char *text = ti_test_field(e, field);

	if (!text)
		return 0;
	if (!strcmp(text, "true"))
		return 1;
	return *text == '-' ? strtoll(text, NULL, 10) : (int64_t)strtoull(text, NULL, 10);
}

/* --- to expect them -------------------------------------------------------- */

/* Of fields, or of those of a list's items: what is wrong with a path, to why[]. */
static bool is_field(const struct ti_field *fields, size_t n, const char *path, char *why, size_t size)
{
	size_t len = strcspn(path, ".[");
	const char *names[n + 1], *near;
	char name[len + 1];

	memcpy(name, path, len);
	name[len] = '\0';
	for (size_t i = 0; i < n; i++) {
		const char *rest = strchr(path, '.');

		names[i] = fields[i].name;
		if (!strcmp(name, names[i]))
			return !rest || is_field(fields[i].items, fields[i].n_items, rest + 1, why, size);
	}
	near = ti_nearest(name, names, n, sizeof(*names));
	snprintf(why, size, "no field '%s'%s%s%s", name, near ? "; did you mean '" : "", near ? near : "",
		 near ? "'?" : "");
	return false;
}

static bool is_envelope(const char *field)
{
	return !strcmp(field, "time") || !strcmp(field, "plugin") || !strcmp(field, "event") ||
	       !strcmp(field, "severity");
}

/* What is not as it should be, a line each: to out[]. */
static size_t compare(const struct ti_test_event *e, va_list ap, char *out, size_t size)
{
	const char *field, *want, *is;
	size_t len = 0;
	char why[256];

	out[0] = '\0';
	while ((field = va_arg(ap, const char *)) && len < size) {
		want = va_arg(ap, const char *);
		is = ti_test_field(e, field);
		if (!is_envelope(field) &&
		    !is_field(e->type->fields, e->type->n_fields, field, why, sizeof(why)))
			len += snprintf(out + len, size - len, "\n  it has %s", why);
		else if (!want)
			len += snprintf(out + len, size - len, "\n  %s has no text beside it in the test", field);
		else if (strcmp(is ? is : "", want))
			len += snprintf(out + len, size - len, "\n  %s: expected %s%s%s, is %s%s%s", field,
					*want ? "\"" : "", *want ? want : "absent", *want ? "\"" : "",
					is ? "\"" : "", is ? is : "absent", is ? "\"" : "");
		if (!want)
			break;
	}
	return len;
}

void ti_test_check_at(const struct ti_test_event *e, const char *file, int line, ...)
{
	static char wrong[4096];
	va_list ap;
	size_t n;

	if (!e) {
		test_fail(file, line, "there is no event to check");
		return;
	}
	va_start(ap, line);
	n = compare(e, ap, wrong, sizeof(wrong));
	va_end(ap);
	if (n)
		test_fail(file, line, "event %s is not as expected%s\n  in %s", e->type->name, wrong,
			  ti_test_json(e));
}

const struct ti_test_event *ti_test_expect_at(struct ti_test *t, const char *file, int line,
					      const char *name, ...)
{
	const struct ti_test_event *e = ti_test_next(t);
	static char wrong[4096];
	va_list ap;
	size_t n;

	if (!e) {
		test_fail(file, line, "expected event %s, there is none", name);
		return NULL;
	}
	if (strcmp(e->type->name, name)) {
		test_fail(file, line, "expected event %s, got %s\n  %s", name, e->type->name, ti_test_json(e));
		return NULL;
	}
	va_start(ap, name);
	n = compare(e, ap, wrong, sizeof(wrong));
	va_end(ap);
	if (!n)
		return e;
	test_fail(file, line, "event %s is not as expected%s\n  in %s", name, wrong, ti_test_json(e));
	return NULL;
}

void ti_test_expect_none_at(struct ti_test *t, const char *file, int line)
{
	if (t->taken < t->events.n)
		test_fail(file, line, "expected no event, got %s\n  %s%s", t->events.at[t->taken]->type->name,
			  ti_test_json(t->events.at[t->taken]),
			  t->events.n - t->taken > 1 ? "\n  and others behind it" : "");
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* failure.c - what is not as a test expects, and the log, whose lines are a test's. */
#include "test.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "log.h"

static ti_test_failure_fn failed;
static unsigned failures;

void ti_test_on_failure(ti_test_failure_fn fn)
{
	failed = fn;
}

unsigned ti_test_failures(void)
{
	return failures;
}

/* The handler may not return: nothing may be held here. */
void test_fail(const char *file, int line, const char *fmt, ...)
{
	static char text[16384];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	failures++;
	if (failed) {
		failed(file, line, text);
		return;
	}
	fprintf(stderr, "%s:%d: %s\n", file, line, text);
	abort();
}

/* --- the log --------------------------------------------------------------- */

static void on_line(void *arg, enum ti_log_level level, const char *text)
{
	static const char *const names[] = { "error: ", "warning: ", "", "debug: " };
	struct ti_test *t = arg;
	const char *wanted = getenv("TI_TEST_LOG");

	if (wanted && !strcmp(wanted, "1"))
		fprintf(stderr, "%s%s\n", names[level], text);
	*LIST_ADD(t->lines) = (struct line){ level, strdup(text) };
}

void test_enter(struct ti_test *t)
{
	ti_log_to(on_line, t);
}

void test_errors(const struct ti_test *t, char *out, size_t size)
{
	size_t len = 0;

	out[0] = '\0';
	for (size_t i = 0; i < t->lines.n && len < size; i++)
		if (t->lines.at[i].level == TI_LOG_ERROR)
			len += snprintf(out + len, size - len, "%s%s", len ? "\n" : "",
					t->lines.at[i].text);
}

const char *ti_test_log(const struct ti_test *t, size_t n)
{
	return n < t->lines.n ? t->lines.at[n].text : NULL;
}

/* Lines that weren't taken yet, for a message. */
static const char *untaken(const struct ti_test *t)
{
	static char text[8192];
	size_t len = 0;

	text[0] = '\0';
	for (size_t i = t->lines_taken; i < t->lines.n && len < sizeof(text); i++)
		if (t->lines.at[i].level < TI_LOG_DEBUG)
			len += snprintf(text + len, sizeof(text) - len, "\n  %s", t->lines.at[i].text);
	return text[0] ? text : "\n  (nothing)";
}

void ti_test_expect_log_at(struct ti_test *t, enum ti_log_level level, const char *text,
			   const char *file, int line)
{
	for (size_t i = t->lines_taken; i < t->lines.n; i++)
		if (t->lines.at[i].level == level && strstr(t->lines.at[i].text, text)) {
			t->lines_taken = i + 1;
			return;
		}
	test_fail(file, line, "the log has no such line with '%s'; it has%s", text, untaken(t));
}

void ti_test_expect_quiet_at(struct ti_test *t, const char *file, int line)
{
	for (size_t i = t->lines_taken; i < t->lines.n; i++)
		if (t->lines.at[i].level <= TI_LOG_WARNING) {
			test_fail(file, line, "the log should have no warning; it has%s", untaken(t));
			return;
		}
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * verdict.c - the verifier's log. It shows the instructions as they were followed,
 * each with what was known of the registers, and ends in the reason. Its wording
 * differs between kernels: what isn't understood is passed on as it is.
 */
#include "verdict.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "log.h"
#include "source.h"
#include "verdict_hints.h"

#define REASONS_MAX 4

struct line {
	const char *text;
	size_t len;
};

struct reading {
	struct line *lines;
	size_t n;
	const struct ti_source *source;
	struct line reasons[REASONS_MAX];
	size_t n_reasons;
	char said[1024]; /* the reasons, in one */
	size_t last;     /* line of the instruction that it ended at; n: none */
	long insn;       /* its number, or what the reason names; -1: not known */
};

static void add(char *out, size_t size, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
static void add(char *out, size_t size, const char *fmt, ...)
{
	size_t len = strlen(out);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(out + len, size - len, fmt, ap);
	va_end(ap);
}

/* --- lines ---------------------------------------------------------------- */

static bool begins(const struct line *l, const char *with)
{
	size_t n = strlen(with);

	return l->len >= n && !strncmp(l->text, with, n);
}

/* "12: (79) r1 = *(u64 *)(r0 +0)": its number, or -1. */
static long insn_of(const struct line *l)
{
	char *end;
	long n;

	if (!l->len || !isdigit((unsigned char)l->text[0]))
		return -1;
	n = strtol(l->text, &end, 10);
	return !strncmp(end, ": (", 3) || !strncmp(end, ": <", 3) ? n : -1;
}

/* What stands between the instructions, and tells how the verifier went on. */
static bool is_state(const struct line *l)
{
	static const char *const heads[] = {
		";", "R10=", "from ", "frame", "cur state", "old state", "caller", "callee", "func#", "Func#",
		"propagating", "mark_precise", "last_idx", "regs=", "parent ", "processed ",
		"verification time", "stack depth", "Validating ", "--", "libbpf", "returning from", " ",
		"to caller", "(", "...",
	};
	const char *colon = memchr(l->text, ':', l->len);

	for (size_t i = 0; i < TI_ARRAY_SIZE(heads); i++)
		if (begins(l, heads[i]))
			return true;
	/* "12: R0=..." and "12: safe" */
	return !l->len || (isdigit((unsigned char)l->text[0]) && colon && strspn(l->text, "0123456789") ==
			   (size_t)(colon - l->text));
}

static int split(struct reading *r, const char *log)
{
	size_t room = 0;

	while (*log) {
		size_t len = strcspn(log, "\n");

		if (r->n == room) {
			struct line *grown = realloc(r->lines, (room = room ? 2 * room : 1024) * sizeof(*grown));

			if (!grown)
				return -1;
			r->lines = grown;
		}
		r->lines[r->n++] = (struct line){ log, len };
		log += len + (log[len] == '\n');
	}
	return 0;
}

/* --- why -------------------------------------------------------------------- */

/* "infinite loop detected at insn 7", "back-edge from insn 10 to 5" */
static long insn_named(const char *text)
{
	static const char *const before[] = { "at insn ", "from insn ", "unreachable insn " };

	for (size_t i = 0; i < TI_ARRAY_SIZE(before); i++) {
		const char *at = strstr(text, before[i]);

		if (at && isdigit((unsigned char)at[strlen(before[i])]))
			return strtol(at + strlen(before[i]), NULL, 10);
	}
	return -1;
}

static void find_reason(struct reading *r)
{
	size_t i;

	for (r->last = r->n; r->last-- > 0 && insn_of(&r->lines[r->last]) < 0;)
		;
	if (r->last > r->n)
		r->last = r->n;
	for (i = r->last < r->n ? r->last + 1 : 0; i < r->n && r->n_reasons < REASONS_MAX; i++)
		if (!is_state(&r->lines[i]))
			r->reasons[r->n_reasons++] = r->lines[i];
	for (i = 0; i < r->n_reasons; i++)
		add(r->said, sizeof(r->said), "%s%.*s", i ? "; " : "", (int)r->reasons[i].len, r->reasons[i].text);
	r->insn = insn_named(r->said);
	if (r->insn < 0 && r->last < r->n)
		r->insn = insn_of(&r->lines[r->last]);
}

/* What was last known of register `reg` before line `at`, as "R0=scalar()"; NULL. */
static const char *state_of(const struct reading *r, size_t at, char reg, int *len)
{
	for (size_t i = at + 1; i-- > 0;) {
		const struct line *l = &r->lines[i];

		for (const char *p = l->text; p + 2 < l->text + l->len; p++) {
			int depth = 0;
			const char *q = p + 2;

			if (p[0] != 'R' || p[1] != reg || (p > l->text && p[-1] != ' '))
				continue;
			q += *q == '_' ? 1 + strspn(q + 1, "rwP") : 0;
			if (*q != '=')
				continue;
			for (; q < l->text + l->len && (*q != ' ' || depth); q++)
				depth += *q == '(' ? 1 : *q == ')' ? -1 : 0;
			*len = q - p;
			return p;
		}
	}
	return NULL;
}

/* --- where ------------------------------------------------------------------ */

/* Below the current folder as it is named from there. */
static const char *short_path(const char *file)
{
	char here[4096];
	size_t n = getcwd(here, sizeof(here)) ? strlen(here) : 0;

	if (n && !strncmp(file, here, n) && file[n] == '/')
		file += n + 1;
	return file + (strncmp(file, "./", 2) ? 0 : 2);
}

/*
 * The author's own line that led to line `at` of the log: the last on the way there.
 * "from 12 to 20:" says that the way came from instruction 12, which was seen before.
 */
static bool way_there(const struct reading *r, size_t at, struct ti_line *out)
{
	long wanted = -1;

	for (size_t i = at + 1; i-- > 0;) {
		const struct line *l = &r->lines[i];
		long insn = insn_of(l);

		if (begins(l, "from ") && isdigit((unsigned char)l->text[5]) && wanted < 0)
			wanted = strtol(l->text + 5, NULL, 10);
		if (insn < 0 || (wanted >= 0 && insn != wanted))
			continue;
		wanted = -1;
		if (ti_source_at(r->source, insn, out) == 0 && ti_line_is_own(out))
			return true;
	}
	return false;
}

/* The one line of the author's that names a field which the kernel doesn't have: the
 * compiler may have moved the instruction that needs it away from there. */
static bool names_field(const struct reading *r, struct ti_line *out)
{
	const char *dot = strstr(r->said, "CO-RE relocation") ? strrchr(r->said, '.') : NULL;
	struct ti_line l, found = { 0 };
	char field[64];

	snprintf(field, sizeof(field), "%.*s", dot ? (int)strcspn(dot + 1, " [:") : 0, dot ? dot + 1 : "");
	for (size_t i = 0; field[0] && i < ti_source_insns(r->source); i++) {
		if (ti_source_at(r->source, i, &l) < 0 || !strstr(l.text, field) ||
		    !ti_line_is_own(&l))
			continue;
		if (found.line && found.line != l.line)
			return false;
		found = l;
	}
	if (found.line)
		*out = found;
	return found.line;
}

/* The author's own line, and what the instruction itself comes from if that is another. */
static void say_where(const struct reading *r, struct ti_verdict *v)
{
	struct ti_line at = { 0 }, own;
	bool known = r->insn >= 0 && ti_source_at(r->source, r->insn, &at) == 0, has_own = true;

	if (names_field(r, &own))
		known = false;
	else if (known && ti_line_is_own(&at))
		own = at;
	else
		has_own = r->last < r->n && way_there(r, r->last, &own);
	if (has_own) {
		add(v->reason, sizeof(v->reason), " (at %s:%u)", short_path(own.file), own.line);
		add(v->detail, sizeof(v->detail), "%s:%u: %s\n", short_path(own.file), own.line, own.text);
	}
	if (known && (!has_own || strcmp(at.file, own.file) || at.line != own.line))
		add(v->detail, sizeof(v->detail), "%s%s:%u: %s\n", has_own ? "then " : "", short_path(at.file),
		    at.line, at.text);
}

/* "Unreleased reference id=2 alloc_insn=862" */
static void say_held(const struct reading *r, struct ti_verdict *v)
{
	const char *at = strstr(r->said, "alloc_insn=");
	struct ti_line own;
	size_t i = r->n;
	long insn;

	if (!at)
		return;
	insn = strtol(at + strlen("alloc_insn="), NULL, 10);
	while (i-- > 0 && insn_of(&r->lines[i]) != insn)
		;
	if (i < r->n && way_there(r, i, &own))
		add(v->detail, sizeof(v->detail), "held since %s:%u: %s\n", short_path(own.file), own.line, own.text);
}

/* The instruction, and what the verifier knew of the registers that it speaks of. */
static void say_insn(const struct reading *r, struct ti_verdict *v)
{
	const struct line *l = &r->lines[r->last];
	const char *comment = memchr(l->text, ';', l->len);
	int len = comment ? (int)(comment - l->text) : (int)l->len;
	const char *before = ", last known: ";

	while (len > 0 && l->text[len - 1] == ' ')
		len--;
	add(v->detail, sizeof(v->detail), "instruction %.*s", len, l->text);
	for (char reg = '0'; reg <= '9'; reg++) {
		const char *state = strstr(r->said, (char[]){ 'R', reg, ' ', 0 }) ? state_of(r, r->last, reg, &len)
									       : NULL;

		if (!state)
			continue;
		add(v->detail, sizeof(v->detail), "%s%.*s", before, len, state);
		before = ", ";
	}
	add(v->detail, sizeof(v->detail), "\n");
}

static const char *advice(const struct ti_hint *hints, size_t n, const char *said)
{
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < TI_ARRAY_SIZE(hints[i].says) && hints[i].says[k]; k++)
			if (strstr(said, hints[i].says[k]))
				return hints[i].advice;
	return NULL;
}

void ti_verdict_read(struct ti_verdict *v, const char *log, const struct ti_source *source)
{
	struct reading r = { .source = source, .insn = -1 };
	const char *todo;

	v->reason[0] = v->detail[0] = 0;
	if (split(&r, log) == 0)
		find_reason(&r);
	if (r.n_reasons) {
		add(v->reason, sizeof(v->reason), "%.300s", r.said);
		if (source)
			say_where(&r, v);
		if (source)
			say_held(&r, v);
		if (r.last < r.n)
			say_insn(&r, v);
		todo = advice(ti_verifier_hints, ti_n_verifier_hints, r.said);
		if (todo)
			add(v->detail, sizeof(v->detail), "=> %s\n", todo);
	}
	free(r.lines);
}

const char *ti_verdict_object(const char *line)
{
	return advice(ti_object_hints, ti_n_object_hints, line);
}

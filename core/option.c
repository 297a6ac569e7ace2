/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * option.c - values of options.
 *
 * Every type is one row of types[]; numbers of all kinds are digits and a unit.
 * strtoul & co. are not used: they take signs, blanks, hexadecimal and junk, and
 * wrap. Strings that were stored belong to the config struct until
 * ti_option_free or until another value replaces them.
 */
#include "option.h"
#include "filter.h"
#include "hook.h"
#include "log.h"
#include "nearest.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

struct unit {
	const char *name;
	uint64_t factor;
};

/* The largest first: values are printed in the first that divides them. */
static const struct unit plain[] = {{"", 1}, {NULL, 0}};
static const struct unit percents[] = {{"", 1}, {"%", 1}, {NULL, 0}};
static const struct unit sizes[] = {
	{"TiB", 1ull << 40}, {"GiB", 1ull << 30}, {"MiB", 1ull << 20}, {"KiB", 1ull << 10}, {"", 1},
	{NULL, 0},
};
static const struct unit durations[] = {
	{"d", 86400000000000ull},
	{"h", 3600000000000ull},
	{"m", 60000000000ull},
	{"s", 1000000000},
	{"ms", 1000000},
	{"us", 1000},
	{"ns", 1},
	{NULL, 0},
};

static const char *const bool_words[] = {"no", "yes", "false", "true", "off", "on", "0", "1", NULL};

struct type {
	const char *name;
	const char *noun; /* "'x' is not ..." */
	size_t width; /* bytes stored; 0: a pointer to text */
	const struct unit *units; /* NULL: one word of a list */
	unsigned int base;
	uint64_t max;
};

static const struct type types[] = {
	[TI_OPT_BOOL] = {"boolean", "yes or no", sizeof(bool), NULL, 0, 1},
	[TI_OPT_U32] = {"number", "a number", 4, plain, 10, UINT32_MAX},
	[TI_OPT_U64] = {"number", "a number", 8, plain, 10, UINT64_MAX},
	[TI_OPT_DURATION] = {"duration", "a duration (10s, 500ms, 5m)", 8, durations, 10,
			     UINT64_MAX},
	[TI_OPT_SIZE] = {"size", "a size (4096, 64KiB, 8MiB)", 8, sizes, 10, UINT64_MAX},
	[TI_OPT_PERCENT] = {"percentage", "a percentage", 4, percents, 10, 100},
	[TI_OPT_ENUM] = {"choice", "one of", 4, NULL, 0, UINT32_MAX},
	[TI_OPT_STRING] = {"text", "text", 0, NULL, 0, INT64_MAX},
	[TI_OPT_LIST] = {"list", "a list", 0, NULL, 0, INT64_MAX},
	[TI_OPT_MODE] = {"file mode", "an octal file mode (0640)", 4, plain, 8, 07777},
	[TI_OPT_PREFIXES] = {"prefixes", "a list of prefixes", 0, NULL, 0, INT64_MAX},
};
_Static_assert(TI_ARRAY_SIZE(types) == TI_OPT_PREFIXES + 1, "each option type has its row");

static bool type_known(const struct ti_option *o)
{
	return (size_t)o->type < TI_ARRAY_SIZE(types);
}

/* Text for a message: long ones are cut, not inside a UTF-8 character. */
struct shown {
	char text[52];
};

static struct shown show(const char *text)
{
	struct shown s;
	size_t n = strlen(text);

	if (n < sizeof(s.text)) {
		memcpy(s.text, text, n + 1);
		return s;
	}
	n = sizeof(s.text) - sizeof("...");
	while (n && ((unsigned char)text[n] & 0xc0) == 0x80)
		n--;
	memcpy(s.text, text, n);
	memcpy(s.text + n, "...", sizeof("..."));
	return s;
}

/*
 * Digits only: no sign, no blanks, no locale. -EINVAL: there are none, -ERANGE:
 * more than 64 bits. *rest is what follows them.
 */
static int parse_digits(const char *text, unsigned int base, uint64_t *v, const char **rest)
{
	const char *p = text;
	uint64_t n = 0;
	bool over = false;

	for (; *p >= '0' && (unsigned int)(*p - '0') < base; p++) {
		over |= __builtin_mul_overflow(n, base, &n);
		over |= __builtin_add_overflow(n, (uint64_t)(*p - '0'), &n);
	}
	*rest = p;
	if (p == text)
		return -EINVAL;
	if (over)
		return -ERANGE;
	*v = n;
	return 0;
}

static int parse_number(const struct type *t, const char *text, uint64_t *v, const char **rest)
{
	const struct unit *u = t->units;
	uint64_t n = 0;
	int r = parse_digits(text, t->base, &n, rest);

	if (r == -EINVAL)
		return r;
	while (u->name && strcmp(u->name, *rest) != 0)
		u++;
	if (!u->name && (**rest || n || r))
		return -EINVAL;
	if (r || (u->name && __builtin_mul_overflow(n, u->factor, &n)))
		return -ERANGE;
	*v = n;
	return 0;
}

static int print_number(const struct type *t, uint64_t v, char *out, size_t size)
{
	const struct unit *u = t->units;

	if (t->base == 8)
		return snprintf(out, size, "%#" PRIo64, v);
	if (!v)
		return snprintf(out, size, "0");
	while (v % u->factor)
		u++;
	return snprintf(out, size, "%" PRIu64 "%s", v / u->factor, u->name);
}

/* What the row allows in `width` bytes. */
static void limits(const struct ti_option *o, size_t width, uint64_t *lo, uint64_t *hi)
{
	*lo = 0;
	*hi = types[o->type].max;
	if (width && width < 8 && *hi >> (8 * width))
		*hi = (1ull << (8 * width)) - 1;
	if (!o->min && !o->max)
		return;
	if (o->min > 0)
		*lo = (uint64_t)o->min;
	if (o->max < 0)
		*hi = 0;
	else if ((uint64_t)o->max < *hi)
		*hi = (uint64_t)o->max;
}

static const char *print_limits(const struct type *t, uint64_t lo, uint64_t hi, char *out,
				size_t size)
{
	char a[32], b[32];

	if (t->units) {
		print_number(t, lo, a, sizeof(a));
		print_number(t, hi, b, sizeof(b));
		snprintf(out, size, "%s to %s", a, b);
	} else {
		snprintf(out, size, "%" PRIu64 " to %" PRIu64 " bytes", lo, hi);
	}
	return out;
}

static const char *join_words(const char *const *words, char *out, size_t size)
{
	size_t n = 0;

	if (size)
		*out = '\0';
	for (size_t i = 0; words && words[i] && n < size; i++)
		n += (size_t)snprintf(out + n, size - n, "%s%s", i ? ", " : "", words[i]);
	return out;
}

static int bad_number(const struct ti_option *o, const char *text, const char *rest,
		      const char *range, char *why, size_t size)
{
	const struct type *t = &types[o->type];
	bool limited = o->min || o->max;

	return snprintf(why, size, "'%s' is not %s%s%s%s%s%s", show(text).text, t->noun,
			limited ? " from " : "", limited ? range : "",
			rest == text ? "" : (*rest ? ": '" : ": its unit is missing"),
			rest == text ? "" : show(rest).text,
			rest == text || !*rest ? "" : "' follows the number");
}

static int number_value(const struct ti_option *o, const char *text, size_t width, uint64_t *v,
			char *why, size_t size)
{
	const struct type *t = &types[o->type];
	const char *rest = text;
	uint64_t n = 0, lo, hi;
	char range[80];
	int r = parse_number(t, text, &n, &rest);

	limits(o, width, &lo, &hi);
	print_limits(t, lo, hi, range, sizeof(range));
	if (r == -EINVAL) {
		bad_number(o, text, rest, range, why, size);
		return r;
	}
	if (r == -ERANGE || n < lo || n > hi) {
		snprintf(why, size, "'%s' is out of range: %s", show(text).text, range);
		return -ERANGE;
	}
	*v = n;
	return 0;
}

static int word_value(const struct ti_option *o, const char *text, uint64_t *v, char *why,
		      size_t size)
{
	bool is_bool = o->type == TI_OPT_BOOL;
	const char *const *words = is_bool ? bool_words : o->choices;
	const char *noun = types[o->type].noun, *near;
	char choices[160] = "";
	size_t n = 0;

	for (; words && words[n]; n++) {
		if (strcmp(words[n], text) == 0) {
			*v = is_bool ? n & 1 : n;
			return 0;
		}
	}
	near = ti_nearest(text, words, n, sizeof(*words));
	if (!is_bool)
		join_words(words, choices, sizeof(choices));
	snprintf(why, size, "'%s' is not %s%s%s%s%s%s", show(text).text, noun, is_bool ? "" : " ",
		 choices, near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
	return -EINVAL;
}

static void store(void *to, size_t width, uint64_t v)
{
	switch (width) {
	case 1:
		memcpy(to, &(uint8_t){(uint8_t)v}, 1);
		break;
	case 2:
		memcpy(to, &(uint16_t){(uint16_t)v}, 2);
		break;
	case 4:
		memcpy(to, &(uint32_t){(uint32_t)v}, 4);
		break;
	case 8:
		memcpy(to, &v, 8);
		break;
	}
}

int ti_option_parse_at(const struct ti_option *o, const char *text, void *to, size_t width,
		       char *why, size_t why_size)
{
	uint64_t v;
	int r;

	if (!type_known(o) || !types[o->type].width ||
	    (width != 1 && width != 2 && width != 4 && width != 8)) {
		snprintf(why, why_size, "an option of type %s can't be stored in %zu bytes",
			 ti_option_type_name(o->type), width);
		return -EINVAL;
	}
	if (types[o->type].units)
		r = number_value(o, text, width, &v, why, why_size);
	else
		r = word_value(o, text, &v, why, why_size);
	if (r < 0)
		return r;
	store(to, width, v);
	return 0;
}

/* "a , b" -> "a,b" in out[], which has room for all of text. */
static int join_list(const char *text, char *out)
{
	const char *item = text + strspn(text, " \t"), *comma, *end;

	*out = '\0';
	if (!*item)
		return 0;
	for (;; item = comma + 1) {
		item += strspn(item, " \t");
		comma = item + strcspn(item, ",");
		for (end = comma; end > item && (end[-1] == ' ' || end[-1] == '\t'); end--)
			;
		if (end == item)
			return -EINVAL;
		memcpy(out, item, (size_t)(end - item));
		out += end - item;
		*out = *comma;
		if (!*comma)
			return 0;
		out++;
	}
}

struct prefixes {
	size_t n;
	int r;
	char *why;
	size_t size;
};

static void check_prefix(void *arg, const char *item)
{
	struct prefixes *p = arg;
	struct ti_filter_item unused;

	if (p->r == 0)
		p->r = ti_filter_prefix(item, &unused, p->why, p->size);
	if (p->r == 0 && ++p->n > TI_FILTER_PREFIXES)
		p->r = ti_hook_why(p->why, p->size, -ERANGE, "more than %d prefixes", TI_FILTER_PREFIXES);
}

/* `value` in stored form. */
static int check_prefixes(const char *value, char *why, size_t why_size)
{
	struct prefixes p = {.why = why, .size = why_size};

	ti_list_each(value, check_prefix, &p);
	return p.r;
}

static int parse_text(const struct ti_option *o, const char *text, void *base, char *why,
		      size_t why_size)
{
	ti_cleanup(ti_freep) char *value = strdup(text);
	char **slot = (void *)((char *)base + o->offset);
	uint64_t len, lo, hi;
	char range[80];

	if (!value) {
		snprintf(why, why_size, "out of memory");
		return -ENOMEM;
	}
	if (o->type != TI_OPT_STRING && join_list(text, value) < 0) {
		snprintf(why, why_size, "'%s' has an empty item: write a, b, c", show(text).text);
		return -EINVAL;
	}
	if (o->type == TI_OPT_PREFIXES) {
		int r = check_prefixes(value, why, why_size);

		if (r < 0)
			return r;
	}
	len = strlen(value);
	limits(o, 0, &lo, &hi);
	if (len < lo || len > hi) {
		snprintf(why, why_size, "'%s' is %" PRIu64 " bytes long: %s are allowed",
			 show(value).text, len,
			 print_limits(&types[o->type], lo, hi, range, sizeof(range)));
		return -ERANGE;
	}
	free(*slot);
	*slot = TI_TAKE(value);
	return 0;
}

int ti_option_parse(const struct ti_option *o, const char *text, void *base, char *why,
		    size_t why_size)
{
	if (type_known(o) && !types[o->type].width)
		return parse_text(o, text, base, why, why_size);
	return ti_option_parse_at(o, text, (char *)base + o->offset,
				  type_known(o) ? types[o->type].width : 0, why, why_size);
}

int ti_option_defaults(const struct ti_option *table, size_t n, void *base, char *why,
		       size_t why_size)
{
	char reason[256];

	for (size_t i = 0; i < n; i++) {
		if (!table[i].def)
			continue;
		if (ti_option_parse(&table[i], table[i].def, base, reason, sizeof(reason)) == 0)
			continue;
		snprintf(why, why_size, "default of %s: %s", table[i].key, reason);
		return -EINVAL;
	}
	return 0;
}

void ti_option_free(const struct ti_option *table, size_t n, void *base)
{
	for (size_t i = 0; i < n; i++) {
		char **slot = (void *)((char *)base + table[i].offset);

		if (!type_known(&table[i]) || types[table[i].type].width)
			continue;
		free(*slot);
		*slot = NULL;
	}
}

const char *ti_option_type_name(enum ti_option_type type)
{
	return (size_t)type < TI_ARRAY_SIZE(types) ? types[type].name : "unknown";
}

const char *ti_option_range(const struct ti_option *o, char *out, size_t size)
{
	uint64_t lo, hi;

	if (size)
		*out = '\0';
	if (!type_known(o))
		return out;
	if (o->type == TI_OPT_BOOL)
		snprintf(out, size, "yes, no");
	else if (o->type == TI_OPT_ENUM)
		join_words(o->choices, out, size);
	else if (o->min || o->max || o->type == TI_OPT_PERCENT) {
		limits(o, types[o->type].width, &lo, &hi);
		print_limits(&types[o->type], lo, hi, out, size);
	}
	return out;
}

void ti_list_each(const char *list, void (*fn)(void *arg, const char *item), void *arg)
{
	ti_cleanup(ti_freep) char *copy = list && *list ? strdup(list) : NULL;
	char *rest = copy, *item;

	if (list && *list && !copy)
		ti_log(TI_LOG_ERROR, "out of memory");
	while ((item = strsep(&rest, ",")))
		fn(arg, item);
}

bool ti_list_has(const char *list, const char *item)
{
	size_t len = strlen(item), n;

	for (; list && *list; list += n + (list[n] == ',')) {
		n = strcspn(list, ",");
		if (n == len && memcmp(list, item, len) == 0)
			return true;
	}
	return false;
}

int ti_duration_parse(const char *text, uint64_t *ns)
{
	const char *rest;

	return parse_number(&types[TI_OPT_DURATION], text, ns, &rest) < 0 ? -EINVAL : 0;
}

size_t ti_option_size(enum ti_option_type type)
{
	if ((size_t)type >= TI_ARRAY_SIZE(types))
		return 0;
	return types[type].width ? types[type].width : sizeof(char *);
}

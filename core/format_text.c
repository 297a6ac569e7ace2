/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * format_text.c - one aligned line an event, for people:
 *
 *	14:03:22.123  warning   synflood.flood_start      dst_ip=192.0.2.1 rate=4821
 *
 * Strings come from the network, so nothing in them may drive the terminal or
 * forge a line: control characters, C1 ones too, and bytes that are no UTF-8 are
 * written as \xNN, characters that reorder the text around them as \uNNNN.
 * Numbers and names are those of the JSON format; durations are rounded down.
 */
#include "format_plan.h"
#include "log.h"

#define RESET "\033[0m"
#define DIM   "\033[2m"
#define BOLD  "\033[1m"

#define SEVERITY_WIDTH 8
#define EVENT_WIDTH    24

static const char *const severity_colours[] = {
	[TI_INFO] = "\033[32m",	 [TI_NOTICE] = "\033[36m",     [TI_WARNING] = "\033[33m",
	[TI_ERROR] = "\033[31m", [TI_CRITICAL] = "\033[1;31m",
};

/* Line and paragraph separators, marks and overrides of direction, invisible
 * characters. */
static bool is_disguise(uint32_t code)
{
	return (code >= 0x200b && code <= 0x200f) || (code >= 0x2028 && code <= 0x202e) ||
	       (code >= 0x2060 && code <= 0x2069) || code == 0x061c || code == 0xfeff;
}

static char *put_hex(char *o, uint32_t v, int digits)
{
	while (digits--)
		*o++ = "0123456789abcdef"[v >> 4 * digits & 15];
	return o;
}

/* One character, escaped if it must; how many bytes it was. */
static size_t put_char(char **o, const unsigned char *s, size_t n)
{
	uint32_t code = 0;
	size_t len = ti_utf8(s, n, &code);

	if (!len || code < ' ' || code == 0x7f) {
		*o = put_hex(mempcpy(*o, "\\x", 2), *s, 2);
		return 1;
	}
	if ((code >= 0x80 && code <= 0x9f) || is_disguise(code))
		*o = put_hex(mempcpy(*o, "\\u", 2), code, 4);
	else if (code == '"' || code == '\\')
		*o = mempcpy(*o, (char[]){'\\', (char)code}, 2);
	else
		*o = mempcpy(*o, s, len);
	return len;
}

static bool is_bare(unsigned char c)
{
	return c > ' ' && c < 0x7f && !strchr("\"\\=,[]{}", c);
}

/* As it is when all of it is_bare, else in quotes. At most 4 * n + 2 bytes: \uNNNN
 * stands for two at least. */
static char *text_str(char *o, const char *text, size_t n)
{
	const unsigned char *s = (const unsigned char *)text;
	size_t bare = 0;

	while (bare < n && is_bare(s[bare]))
		bare++;
	if (n && bare == n)
		return mempcpy(o, s, n);
	*o++ = '"';
	for (size_t i = 0; i < n;)
		i += put_char(&o, s + i, n - i);
	*o++ = '"';
	return o;
}

/* 850ns, 12.3us, 1.5ms, 2.1s, 3m20s, 2h05m, 3d04h */
static char *put_duration(char *o, uint64_t ns)
{
	static const struct {
		uint64_t below, unit;
		const char *name;
	} fine[] = {
		{1000, 1, "ns"},
		{1000000, 1000, "us"},
		{1000000000, 1000000, "ms"},
		{60000000000, 1000000000, "s"},
	};
	static const struct {
		uint64_t below, unit; /* s */
		unsigned parts;
		char name, part;
	} coarse[] = {
		{3600, 60, 60, 'm', 's'},
		{86400, 3600, 60, 'h', 'm'},
		{UINT64_MAX, 86400, 24, 'd', 'h'},
	};
	size_t i = 0;

	for (i = 0; i < sizeof(fine) / sizeof(fine[0]); i++) {
		uint64_t tenths;

		if (ns >= fine[i].below)
			continue;
		tenths = ns % fine[i].unit * 10 / fine[i].unit;
		o = ti_put_uint(o, ns / fine[i].unit);
		if (tenths) {
			*o++ = '.';
			*o++ = (char)('0' + tenths);
		}
		return stpcpy(o, ns ? fine[i].name : "s");
	}
	ns /= 1000000000;
	for (i = 0; ns >= coarse[i].below; i++)
		;
	o = ti_put_uint(o, ns / coarse[i].unit);
	*o++ = coarse[i].name;
	o = ti_put_pair(o, (unsigned)(ns % coarse[i].unit * coarse[i].parts / coarse[i].unit));
	*o++ = coarse[i].part;
	return o;
}

/* The separator is a blank; between the scalars of a list a comma. */
static bool text_key(struct ti_plan *plan, struct ti_op *op, const char *name)
{
	for (int colour = 0; colour < 2; colour++) {
		char *s = ti_plan_alloc_text(plan, strlen(name) + strlen(" " DIM "=" RESET));
		char *o = s;

		if (!s)
			return false;
		*o++ = *name ? ' ' : ',';
		if (*name) {
			o = stpcpy(o, colour ? DIM : "");
			o = stpcpy(stpcpy(o, name), "=");
			o = stpcpy(o, colour ? RESET : "");
		}
		op->key[colour] = (struct ti_text){s, (size_t)(o - s)};
	}
	return true;
}

static char *put_ifname(const struct ti_plan *plan, char *o, uint32_t ifindex)
{
	char buf[TI_IFNAME_ROOM];
	size_t len;
	const char *name = ti_plan_ifname(plan, ifindex, buf, &len);

	return text_str(o, name, len);
}

static char *text_fields(const struct ti_plan *plan, char *o, const struct ti_op *op, size_t n,
			 const unsigned char *data, int colour)
{
	for (; n; n--, op++) {
		const unsigned char *p = data + op->offset;

		if (ti_op_absent(op, p))
			continue;
		o = ti_put_text(o, &op->key[colour]);
		switch (op->kind) {
		case TI_FIELD_UINT:
		case TI_FIELD_PORT:
		case TI_FIELD_VLAN:
			o = ti_put_uint(o, ti_load_uint(p, op->size));
			break;
		case TI_FIELD_NS:
			o = put_duration(o, ti_load_uint(p, op->size));
			break;
		case TI_FIELD_INT:
			o = ti_put_int(o, ti_load_int(p, op->size));
			break;
		case TI_FIELD_BOOL:
			o = ti_put_bool(o, ti_load_uint(p, op->size));
			break;
		case TI_FIELD_ENUM:
			o = ti_put_enum(o, op, p);
			break;
		case TI_FIELD_ADDR:
			o = ti_put_addr(o, p);
			break;
		case TI_FIELD_PREFIX:
			o = ti_put_prefix(o, p, ti_load_uint(p + 16, 8));
			break;
		case TI_FIELD_IFINDEX:
			o = put_ifname(plan, o, (uint32_t)ti_load_uint(p, op->size));
			break;
		case TI_FIELD_STR:
			o = text_str(o, (const char *)p + 2, ti_op_str_len(op, p));
			break;
		case TI_FIELD_LIST:
			o = ti_put_list(plan, o, op, p, colour);
			break;
		}
	}
	return o;
}

/* A word in a column: coloured as `on` says unless that is "". */
static char *put_column(char *o, const char *on, const char *word, size_t width)
{
	size_t len = strlen(word);

	o = stpcpy(stpcpy(stpcpy(o, on), word), *on ? RESET : "");
	if (len >= width)
		return o;
	memset(o, ' ', width - len);
	return o + width - len;
}

static bool text_head(struct ti_plan *plan, const struct ti_event_type *type)
{
	const char *severity = ti_severity_name(type->severity);
	const char *severity_on = (size_t)type->severity < TI_ARRAY_SIZE(severity_colours)
					  ? severity_colours[type->severity]
					  : RESET;
	size_t names = strlen(type->plugin) + 1 + strlen(type->name);
	char *event = ti_plan_alloc(plan, names + 1);

	if (!event)
		return false;
	stpcpy(stpcpy(stpcpy(event, type->plugin), "."), type->name);
	for (int colour = 0; colour < 2; colour++) {
		char *s = ti_plan_alloc_text(plan, names + EVENT_WIDTH + 100), *o = s;

		if (!s)
			return false;
		plan->clock_at[colour] = colour ? strlen(DIM) : 0;
		o = put_column(o, colour ? DIM : "", "00:00:00.000", 0);
		o = put_column(stpcpy(o, "  "), colour ? severity_on : "", severity,
			       SEVERITY_WIDTH);
		o = put_column(stpcpy(o, "  "), colour ? BOLD : "", event, EVENT_WIDTH);
		*o++ = ' ';
		plan->head[colour] = s;
		plan->head_len[colour] = (size_t)(o - s);
	}
	return true;
}

static void text_second(struct ti_plan *plan, time_t second)
{
	struct tm tm = {0};

	localtime_r(&second, &tm);
	for (int i = 0; i < 2; i++)
		ti_put_clock(plan->head[i] + plan->clock_at[i], &tm);
}

static void text_fraction(char *clock, uint32_t ns)
{
	uint32_t ms = ns / 1000000;

	clock[9] = (char)('0' + ms / 100);
	ti_put_pair(clock + 10, ms % 100);
}

const struct ti_style ti_style_text = {
	.head = text_head,
	.key = text_key,
	.str = text_str,
	.str_factor = 4,
	.fields = text_fields,
	.second = text_second,
	.fraction = text_fraction,
	.end = {'\n'},
	.end_len = 1,
};

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * format_json.c - one JSON object a line.
 *
 * RFC 8259 whatever bytes an event holds: control characters, quotes and
 * backslashes are escaped, each byte that is not part of valid UTF-8 becomes
 * \ufffd. Numbers are written in full, 64-bit ones too: a reader that keeps
 * numbers as doubles loses their last digits.
 */
#include "format_plan.h"

/* What a byte becomes: itself (0), \x, \u00XX ('u'), or it begins UTF-8 ('+'). */
static const char escapes[256] = {
	[0 ... 7] = 'u', ['\b'] = 'b',	['\t'] = 't',	     ['\n'] = 'n',
	[11] = 'u',	 ['\f'] = 'f',	['\r'] = 'r',	     [14 ... 31] = 'u',
	['"'] = '"',	 ['\\'] = '\\', [128 ... 255] = '+',
};

static char *put_escape(char *o, char escape, unsigned char c)
{
	*o++ = '\\';
	*o++ = escape;
	if (escape != 'u')
		return o;
	o = mempcpy(o, c < 16 ? "000" : "001", 3);
	*o++ = "0123456789abcdef"[c & 15];
	return o;
}

/* Without the quotes around it: at most 6 * n bytes. */
static char *put_escaped(char *o, const char *text, size_t n)
{
	const unsigned char *s = (const unsigned char *)text, *end = s + n;
	uint32_t code;

	while (s < end) {
		char e = escapes[*s];
		size_t len;

		if (!e) {
			*o++ = (char)*s++;
		} else if (e != '+') {
			o = put_escape(o, e, *s++);
		} else if ((len = ti_utf8(s, (size_t)(end - s), &code))) {
			o = mempcpy(o, s, len);
			s += len;
		} else {
			o = mempcpy(o, "\\ufffd", 6);
			s++;
		}
	}
	return o;
}

static char *put_str(char *o, const char *s, size_t n)
{
	*o++ = '"';
	o = put_escaped(o, s, n);
	*o++ = '"';
	return o;
}

static bool is_quoted(enum ti_field_kind kind)
{
	return kind == TI_FIELD_ADDR || kind == TI_FIELD_PREFIX || kind == TI_FIELD_IFINDEX ||
	       kind == TI_FIELD_STR;
}

/* The key ends in the opening quote of a value that is_quoted(). */
static bool json_key(struct ti_plan *plan, struct ti_op *op, const char *name)
{
	char *s = ti_plan_alloc_text(plan, 6 * strlen(name) + strlen(",\"\":\"")), *o = s;

	if (!s)
		return false;
	*o++ = ',';
	if (*name) {
		o = put_str(o, name, strlen(name));
		*o++ = ':';
	}
	if (is_quoted(op->kind))
		*o++ = '"';
	op->key[0] = op->key[1] = (struct ti_text){s, (size_t)(o - s)};
	return true;
}

static char *put_ifname(const struct ti_plan *plan, char *o, uint32_t ifindex)
{
	char buf[TI_IFNAME_ROOM];
	size_t len;
	const char *name = ti_plan_ifname(plan, ifindex, buf, &len);

	return put_escaped(o, name, len);
}

static char *json_fields(const struct ti_plan *plan, char *o, const struct ti_op *op, size_t n,
			 const unsigned char *data, int colour)
{
	for (; n; n--, op++) {
		const unsigned char *p = data + op->offset;

		if (ti_op_absent(op, p))
			continue;
		o = ti_put_text(o, &op->key[0]);
		switch (op->kind) {
		case TI_FIELD_UINT:
		case TI_FIELD_PORT:
		case TI_FIELD_VLAN:
		case TI_FIELD_NS:
			o = ti_put_uint(o, ti_load_uint(p, op->size));
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
			o = put_escaped(o, (const char *)p + 2, ti_op_str_len(op, p));
			break;
		case TI_FIELD_LIST:
			o = ti_put_list(plan, o, op, p, colour);
			break;
		}
		if (is_quoted(op->kind))
			*o++ = '"';
	}
	return o;
}

static char *put_pair(char *o, const char *key, const char *value)
{
	*o++ = ',';
	o = put_str(o, key, strlen(key));
	*o++ = ':';
	return put_str(o, value, strlen(value));
}

static bool json_head(struct ti_plan *plan, const struct ti_event_type *type)
{
	static const char time[] = "{\"time\":\"1970-01-01T00:00:00.000000000Z\"";
	const char *host = plan->env->host;
	size_t names = strlen(type->plugin) + strlen(type->name) + (host ? strlen(host) : 0);
	char *s = ti_plan_alloc_text(plan, sizeof(time) + 6 * names + 100), *o = s;

	if (!s)
		return false;
	o = stpcpy(o, time);
	if (host)
		o = put_pair(o, "host", host);
	o = put_pair(o, "plugin", type->plugin);
	o = put_pair(o, "event", type->name);
	o = put_pair(o, "severity", ti_severity_name(type->severity));
	for (int i = 0; i < 2; i++) {
		plan->head[i] = s;
		plan->head_len[i] = (size_t)(o - s);
		plan->clock_at[i] = strlen("{\"time\":\"");
	}
	return true;
}

static void json_second(struct ti_plan *plan, time_t second)
{
	struct tm tm = {0};
	char *o = plan->head[0] + plan->clock_at[0];

	gmtime_r(&second, &tm);
	o = ti_put_pair(o, (unsigned)(tm.tm_year + 1900) / 100);
	o = ti_put_pair(o, (unsigned)(tm.tm_year + 1900) % 100);
	*o++ = '-';
	o = ti_put_pair(o, (unsigned)tm.tm_mon + 1);
	*o++ = '-';
	o = ti_put_pair(o, (unsigned)tm.tm_mday);
	*o++ = 'T';
	ti_put_clock(o, &tm);
}

static void json_fraction(char *clock, uint32_t ns)
{
	char *o = clock + strlen("1970-01-01T00:00:00.");

	*o = (char)('0' + ns / 100000000);
	ti_put_8_digits(o + 1, ns % 100000000);
}

const struct ti_style ti_style_json = {
	.head = json_head,
	.key = json_key,
	.str = put_str,
	.str_factor = 6,
	.fields = json_fields,
	.second = json_second,
	.fraction = json_fraction,
	.end = {'}', '\n'},
	.end_len = 2,
};

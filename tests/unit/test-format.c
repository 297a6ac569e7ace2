/* SPDX-License-Identifier: GPL-2.0-or-later */
/* format.c, format_json.c, format_text.c. Lines are made in memory of exactly
 * ti_plan_max bytes, so that a sanitizer sees one byte too many. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "format.h"
#include "log.h"
#include "put.h"

enum level { LEVEL_LOW = -1, LEVEL_ZERO, LEVEL_HIGH = 7 };

struct target {
	ti_addr ip;
	ti_port port;
};

struct sample {
	ti_addr src_ip;
	ti_prefix net;
	ti_port src_port;
	ti_vlan vlan;
	ti_ifindex ifname;
	__u8 u8;
	__s8 s8;
	__u16 u16;
	__s32 s32;
	__u64 u64;
	__s64 s64;
	__u32 rare; /* optional */
	ti_bool yes;
	__u8 state;
	__s32 level;
	ti_ns rtt;
	ti_str(8) name;
	ti_list(ti_port, 4) ports;
	ti_list(struct target, 2) targets;
};

static const struct ti_enum_name states[] = {{0, "new"}, {1, "closed"}, {9, "a b\""}};
static const struct ti_enum_name levels[] = {{LEVEL_LOW, "low"}, {LEVEL_HIGH, "high"}};

#define AT(type, name_, kind_, ...)                                                           \
	{                                                                                     \
		.name = #name_, .kind = (kind_), .help = "", .offset = offsetof(type, name_), \
		.size = sizeof(((type *)0)->name_), __VA_ARGS__                               \
	}
#define FIELD(name_, kind_, ...) AT(struct sample, name_, kind_, __VA_ARGS__)

static const struct ti_field port_item = {
	.name = "",
	.kind = TI_FIELD_PORT,
	.size = sizeof(ti_port),
	.help = "",
};
static const struct ti_field target_items[] = {
	AT(struct target, ip, TI_FIELD_ADDR),
	AT(struct target, port, TI_FIELD_PORT),
};

static const struct ti_field fields[] = {
	FIELD(src_ip, TI_FIELD_ADDR),
	FIELD(net, TI_FIELD_PREFIX),
	FIELD(src_port, TI_FIELD_PORT),
	FIELD(vlan, TI_FIELD_VLAN),
	FIELD(ifname, TI_FIELD_IFINDEX),
	FIELD(u8, TI_FIELD_UINT),
	FIELD(s8, TI_FIELD_INT),
	FIELD(u16, TI_FIELD_UINT),
	FIELD(s32, TI_FIELD_INT),
	FIELD(u64, TI_FIELD_UINT),
	FIELD(s64, TI_FIELD_INT),
	FIELD(rare, TI_FIELD_UINT, .optional = 1),
	FIELD(yes, TI_FIELD_BOOL),
	FIELD(state, TI_FIELD_ENUM, .names = states, .n_names = 3),
	FIELD(level, TI_FIELD_ENUM, .names = levels, .n_names = 2),
	FIELD(rtt, TI_FIELD_NS),
	FIELD(name, TI_FIELD_STR, .capacity = 8),
	{.name = "ports",
	 .kind = TI_FIELD_LIST,
	 .offset = offsetof(struct sample, ports),
	 .size = sizeof(ti_port),
	 .capacity = 4,
	 .items = &port_item,
	 .n_items = 1,
	 .help = ""},
	{.name = "targets",
	 .kind = TI_FIELD_LIST,
	 .offset = offsetof(struct sample, targets),
	 .size = sizeof(struct target),
	 .capacity = 2,
	 .items = target_items,
	 .n_items = 2,
	 .help = ""},
};

static const struct ti_event_type sample_type = {
	.plugin = "test",
	.name = "sample",
	.severity = TI_WARNING,
	.help = "",
	.size = sizeof(struct sample),
	.fields = fields,
	.n_fields = TI_ARRAY_SIZE(fields),
};

static const char *ifname(void *arg, uint32_t ifindex)
{
	(void)arg;
	return ifindex == 2 ? "eth0" : ifindex == 3 ? "a\"b\n" : NULL;
}

/* 2025-01-01T00:00:00Z */
static struct ti_format_env env = {
	.host = "h1", .utc_offset = 1735689600000000000ull, .ifname = ifname};

static ti_addr addr(const char *text)
{
	ti_addr a;

	assert_int_equal(inet_pton(AF_INET6, text, &a), 1);
	return a;
}

static struct sample full_sample(void)
{
	return (struct sample){
		.src_ip = addr("::ffff:192.0.2.1"),
		.net = {addr("2001:db8::"), 32},
		.src_port = 443,
		.vlan = 12,
		.ifname = 2,
		.u8 = 255,
		.s8 = -128,
		.s32 = -1,
		.u64 = UINT64_MAX,
		.s64 = INT64_MIN,
		.rare = 5,
		.yes = 1,
		.state = 1,
		.level = LEVEL_LOW,
		.rtt = 12345678,
		.name = {4, "nginx"},
		.ports = {2, {22, 80}},
		.targets = {2, {{addr("::1"), 22}, {addr("::ffff:10.0.0.1"), 80}}},
	};
}

/* One line, without its newline. The caller's until the next call. */
static const char *format_as(const struct ti_event_type *type, enum ti_format format,
			     uint64_t boot_ns, const void *data, int colour)
{
	static char line[16384];
	struct ti_record rec = {.len = (__u16)type->size, .boot_ns = boot_ns};
	struct ti_plan *plan = ti_plan_new(type, format, &env);
	char *out = malloc(ti_plan_max(plan));
	size_t n = ti_plan_format(plan, &rec, data, out, colour);

	assert_true(n <= ti_plan_max(plan) && n < sizeof(line));
	assert_int_equal(out[n - 1], '\n');
	assert_ptr_equal(memchr(out, '\n', n), out + n - 1);
	memcpy(line, out, n - 1);
	line[n - 1] = '\0';
	free(out);
	ti_plan_free(plan);
	return line;
}

static const char *json(const struct sample *s)
{
	return format_as(&sample_type, TI_FORMAT_JSON, 0, s, 0);
}

static const char *text(const struct sample *s)
{
	return format_as(&sample_type, TI_FORMAT_TEXT, 0, s, 0);
}

/* An event of nothing but a string. */
struct string {
	ti_str(256) s;
};
static const struct ti_field string_fields[] = {
	AT(struct string, s, TI_FIELD_STR, .capacity = 256)};
static const struct ti_event_type string_type = {
	.plugin = "test",
	.name = "string",
	.help = "",
	.size = sizeof(struct string),
	.fields = string_fields,
	.n_fields = 1,
};

static const char *string_as(enum ti_format format, const char *bytes, size_t n)
{
	struct string s = {.s.len = (__u16)n};
	const char *key = format == TI_FORMAT_JSON ? ",\"s\":" : " s=";
	const char *line;

	memcpy(s.s.str, bytes, n);
	line = format_as(&string_type, format, 0, &s, 0);
	assert_non_null(strstr(line, key));
	return strstr(line, key) + strlen(key);
}

/* A strict reader of RFC 8259, to judge lines by. */

static const char *json_value(const char *p);

static const char *json_string(const char *p)
{
	if (*p++ != '"')
		return NULL;
	while (*p != '"') {
		uint32_t code;
		size_t n;

		if (*p == '\\') {
			n = p[1] == 'u' ? 6 : 2;
			if (!p[1] || !strchr("\"\\/bfnrtu", p[1]) ||
			    (n == 6 && strspn(p + 2, "0123456789abcdefABCDEF") < 4))
				return NULL;
		} else {
			n = (unsigned char)*p < ' '
				    ? 0
				    : ti_utf8((const unsigned char *)p, strlen(p), &code);
		}
		if (!n)
			return NULL;
		p += n;
	}
	return p + 1;
}

static const char *json_number(const char *p)
{
	size_t n;

	p += *p == '-';
	n = strspn(p, "0123456789");
	return n && (n == 1 || *p != '0') ? p + n : NULL;
}

static const char *json_many(const char *p, char close, int keys)
{
	if (*p == close)
		return p + 1;
	for (;; p++) {
		if (keys) {
			p = json_string(p);
			if (!p || *p++ != ':')
				return NULL;
		}
		p = json_value(p);
		if (p && *p == close)
			return p + 1;
		if (!p || *p != ',')
			return NULL;
	}
}

static const char *json_value(const char *p)
{
	if (*p == '{')
		return json_many(p + 1, '}', 1);
	if (*p == '[')
		return json_many(p + 1, ']', 0);
	if (*p == '"')
		return json_string(p);
	if (strncmp(p, "true", 4) == 0)
		return p + 4;
	if (strncmp(p, "false", 5) == 0)
		return p + 5;
	return json_number(p);
}

static int is_json_object(const char *line)
{
	const char *end = *line == '{' ? json_value(line) : NULL;

	return end && !*end;
}

/* JSON */

#define HEAD                                                                                \
	"{\"time\":\"2025-01-01T00:00:00.000000000Z\",\"host\":\"h1\",\"plugin\":\"test\"," \
	"\"event\":\"sample\",\"severity\":\"warning\""

static void json_of_every_kind(void **state)
{
	struct sample s = full_sample();

	(void)state;
	assert_string_equal(
		json(&s), HEAD
		",\"src_ip\":\"192.0.2.1\",\"net\":\"2001:db8::/32\",\"src_port\":443,\"vlan\":12"
		",\"ifname\":\"eth0\",\"u8\":255,\"s8\":-128,\"u16\":0,\"s32\":-1"
		",\"u64\":18446744073709551615,\"s64\":-9223372036854775808,\"rare\":5"
		",\"yes\":true,\"state\":\"closed\",\"level\":\"low\",\"rtt\":12345678"
		",\"name\":\"ngin\",\"ports\":[22,80]"
		",\"targets\":[{\"ip\":\"::1\",\"port\":22},{\"ip\":\"10.0.0.1\",\"port\":80}]}");
}

static void json_leaves_out_what_is_unknown(void **state)
{
	struct sample s = {0};

	(void)state;
	assert_string_equal(
		json(&s),
		HEAD ",\"u8\":0,\"s8\":0,\"u16\":0,\"s32\":0,\"u64\":0,\"s64\":0,\"yes\":false"
		     ",\"state\":\"new\",\"level\":0,\"rtt\":0}");
	s.targets.len = 2;
	s.targets.item[1].port = 7;
	s.ports.len = 3;
	s.ports.item[1] = 9;
	assert_non_null(strstr(json(&s), ",\"ports\":[9],\"targets\":[{},{\"port\":7}]}"));
	s.ports.item[1] = 0;
	assert_non_null(strstr(json(&s), ",\"ports\":[],"));
}

static void json_enums_without_a_name_are_numbers(void **state)
{
	struct sample s = {.state = 200, .level = -5};

	(void)state;
	assert_non_null(strstr(json(&s), ",\"state\":200,\"level\":-5,"));
	s.state = 9;
	s.level = LEVEL_HIGH;
	assert_non_null(strstr(json(&s), ",\"state\":\"a b\\\"\",\"level\":\"high\","));
}

static void lengths_beyond_capacity_are_clamped(void **state)
{
	struct sample s = full_sample();

	(void)state;
	s.name.len = 65535;
	memcpy(s.name.str, "12345678", 8);
	s.ports.len = UINT64_MAX;
	memcpy(s.ports.item, (ti_port[]){1, 2, 3, 4}, 8);
	s.targets.len = 3;
	s.net.len = UINT64_MAX;
	assert_non_null(strstr(json(&s), ",\"name\":\"12345678\",\"ports\":[1,2,3,4],\"targets\":["
					 "{\"ip\":\"::1\",\"port\":22},"
					 "{\"ip\":\"10.0.0.1\",\"port\":80}]}"));
	assert_non_null(strstr(json(&s), "\"2001:db8::/128\""));
	assert_non_null(strstr(text(&s), " name=12345678 ports=[1,2,3,4] "));
}

static void interfaces_without_a_name(void **state)
{
	struct sample s = {.ifname = 4294967295u};

	(void)state;
	assert_non_null(strstr(json(&s), ",\"ifname\":\"if4294967295\","));
	s.ifname = 3;
	assert_non_null(strstr(json(&s), ",\"ifname\":\"a\\\"b\\n\","));
	assert_non_null(strstr(text(&s), " ifname=\"a\\\"b\\x0a\" "));
	env.ifname = NULL;
	assert_non_null(strstr(json(&s), ",\"ifname\":\"if3\","));
	env.ifname = ifname;
}

static void json_escapes_every_byte_that_must_be(void **state)
{
	char expect[16];

	(void)state;
	for (int c = 0; c < 256; c++) {
		char byte = (char)c;

		if (c == '"' || c == '\\')
			snprintf(expect, sizeof(expect), "\"\\%c\"}", c);
		else if (strchr("\b\f\n\r\t", c) && c)
			snprintf(expect, sizeof(expect), "\"\\%c\"}", "btn-fr"[c - '\b']);
		else if (c < 32)
			snprintf(expect, sizeof(expect), "\"\\u%04x\"}", (unsigned)c);
		else if (c < 128)
			snprintf(expect, sizeof(expect), "\"%c\"}", c);
		else
			snprintf(expect, sizeof(expect), "\"\\ufffd\"}");
		assert_string_equal(string_as(TI_FORMAT_JSON, &byte, 1), expect);
	}
}

static void json_keeps_valid_utf8(void **state)
{
	(void)state;
	assert_string_equal(string_as(TI_FORMAT_JSON, "gr\xc3\xbc\xc3\x9f \xf0\x9f\x98\x80", 11),
			    "\"gr\xc3\xbc\xc3\x9f \xf0\x9f\x98\x80\"}");
	/* Cut within a character, and a byte of none before one. */
	assert_string_equal(string_as(TI_FORMAT_JSON, "a\xe2\x82", 3), "\"a\\ufffd\\ufffd\"}");
	assert_string_equal(string_as(TI_FORMAT_JSON, "\xff\xc3\xbc", 3), "\"\\ufffd\xc3\xbc\"}");
}

static void host_is_escaped_or_left_out(void **state)
{
	struct sample s = {0};

	(void)state;
	env.host = "a\"b";
	assert_non_null(strstr(json(&s), "Z\",\"host\":\"a\\\"b\",\"plugin\""));
	env.host = NULL;
	assert_non_null(strstr(json(&s), "Z\",\"plugin\""));
	env.host = "h1";
}

/* Time */

static void time_in_utc_with_nine_digits(void **state)
{
	static const struct {
		uint64_t boot_ns;
		const char *expect;
	} rows[] = {
		{1, "2025-01-01T00:00:00.000000001Z"},
		{999999999, "2025-01-01T00:00:00.999999999Z"},
		{1000000000, "2025-01-01T00:00:01.000000000Z"},
		{999999998, "2025-01-01T00:00:00.999999998Z"}, /* from another CPU */
		{86400000000000ull * 59 - 1, "2025-02-28T23:59:59.999999999Z"},
		{12345678, "2025-01-01T00:00:00.012345678Z"},
	};
	struct ti_plan *plan = ti_plan_new(&string_type, TI_FORMAT_JSON, &env);
	struct ti_record rec = {.len = sizeof(struct string)};
	struct string s = {0};
	char *out = malloc(ti_plan_max(plan));

	(void)state;
	for (size_t i = 0; i < TI_ARRAY_SIZE(rows); i++) {
		rec.boot_ns = rows[i].boot_ns;
		ti_plan_format(plan, &rec, &s, out, 0);
		assert_memory_equal(out + strlen("{\"time\":\""), rows[i].expect,
				    strlen(rows[i].expect));
	}
	/* The offset may change at any time: a leap of the clock. */
	env.utc_offset -= 86400000000000ull;
	ti_plan_format(plan, &rec, &s, out, 0);
	assert_memory_equal(out + strlen("{\"time\":\""), "2024-12-31T00:00:00.012345678Z", 30);
	env.utc_offset = 0;
	rec.boot_ns = UINT64_MAX;
	ti_plan_format(plan, &rec, &s, out, 0);
	assert_memory_equal(out + strlen("{\"time\":\""), "2554-07-21T23:34:33.709551615Z", 30);
	env.utc_offset = 1735689600000000000ull;
	free(out);
	ti_plan_free(plan);
}

/* Text */

static void text_of_every_kind(void **state)
{
	struct sample s = full_sample();

	(void)state;
	assert_string_equal(
		text(&s),
		"05:30:00.000  warning   test.sample              "
		" src_ip=192.0.2.1 net=2001:db8::/32 src_port=443 vlan=12 ifname=eth0"
		" u8=255 s8=-128 u16=0 s32=-1 u64=18446744073709551615"
		" s64=-9223372036854775808 rare=5 yes=true state=closed level=low rtt=12.3ms"
		" name=ngin ports=[22,80] targets=[{ip=::1 port=22},{ip=10.0.0.1 port=80}]");
	s.targets.len = 1;
	s.targets.item[0] = (struct target){0};
	assert_non_null(strstr(text(&s), " targets=[{}]"));
}

static void text_time_is_local_in_ms(void **state)
{
	struct sample s = {0};
	const char *line = format_as(&sample_type, TI_FORMAT_TEXT, 86399999999999ull, &s, 0);

	(void)state;
	assert_memory_equal(line, "05:29:59.999 ", 13);
}

static void text_columns_and_colours(void **state)
{
	struct ti_event_type type = string_type;
	struct string s = {.s = {1, "x"}};

	(void)state;
	type.severity = TI_CRITICAL;
	assert_string_equal(format_as(&type, TI_FORMAT_TEXT, 0, &s, 0),
			    "05:30:00.000  critical  test.string               s=x");
	assert_string_equal(format_as(&type, TI_FORMAT_TEXT, 0, &s, 1),
			    "\033[2m05:30:00.000\033[0m  \033[1;31mcritical\033[0m  "
			    "\033[1mtest.string\033[0m               \033[2ms=\033[0mx");
	/* A name longer than its column pushes the rest, and is not cut. */
	type.name = "a_name_longer_than_its_column";
	assert_non_null(strstr(format_as(&type, TI_FORMAT_TEXT, 0, &s, 0),
			       "  test.a_name_longer_than_its_column  s=x"));
}

static void text_quotes_what_needs_it(void **state)
{
	static const struct {
		const char *s, *expect;
	} rows[] = {
		{"/index.html?a", "/index.html?a"},
		{"a b", "\"a b\""},
		{"a=b", "\"a=b\""},
		{"a,b", "\"a,b\""},
		{"say \"hi\"\\", "\"say \\\"hi\\\"\\\\\""},
		{"a\r\nb\t", "\"a\\x0d\\x0ab\\x09\""},
		{"\033[2J\a", "\"\\x1b[2J\\x07\""},
		{"\x7f", "\"\\x7f\""},
		{"gr\xc3\xbcn", "\"gr\xc3\xbcn\""},
		{"\xc2\x9b;2J", "\"\\u009b;2J\""}, /* C1: CSI in one character */
		{"\x9b;2J", "\"\\x9b;2J\""}, /* and in one byte */
		{"\xff\xfe", "\"\\xff\\xfe\""},
		{"a\xe2\x80\xaetxt.exe", "\"a\\u202etxt.exe\""}, /* right to left */
		{"\xe2\x80\xa8", "\"\\u2028\""},
	};

	(void)state;
	for (size_t i = 0; i < TI_ARRAY_SIZE(rows); i++)
		assert_string_equal(string_as(TI_FORMAT_TEXT, rows[i].s, strlen(rows[i].s)),
				    rows[i].expect);
	assert_string_equal(string_as(TI_FORMAT_TEXT, "a\0b", 3), "\"a\\x00b\"");
}

static void text_durations(void **state)
{
	static const struct {
		uint64_t ns;
		const char *expect;
	} rows[] = {
		{0, "0s"},
		{850, "850ns"},
		{999, "999ns"},
		{1000, "1us"},
		{12345, "12.3us"},
		{999999, "999.9us"},
		{1500000, "1.5ms"},
		{12000000, "12ms"},
		{2149999999, "2.1s"},
		{59999999999, "59.9s"},
		{60000000000, "1m00s"},
		{200000000000, "3m20s"},
		{3599999999999, "59m59s"},
		{7500000000000, "2h05m"},
		{86400000000000, "1d00h"},
		{273600000000000, "3d04h"},
		{UINT64_MAX, "213503d23h"},
	};
	char expect[32];

	(void)state;
	for (size_t i = 0; i < TI_ARRAY_SIZE(rows); i++) {
		struct sample s = {.rtt = rows[i].ns};

		snprintf(expect, sizeof(expect), " rtt=%s", rows[i].expect);
		assert_non_null(strstr(text(&s), expect));
		assert_int_equal(strlen(strstr(text(&s), " rtt=")), strlen(expect));
	}
}

/* Whatever is in the ring */

static void random_bytes(void *to, size_t n)
{
	unsigned char *p = to;

	for (size_t i = 0; i < n; i++)
		p[i] = (unsigned char)mrand48();
}

static int is_printable(const char *line)
{
	for (uint32_t code; *line;) {
		size_t n = ti_utf8((const unsigned char *)line, strlen(line), &code);

		if (!n || code < ' ' || (code >= 0x7f && code < 0xa0))
			return 0;
		line += n;
	}
	return 1;
}

static void hostile_events_make_good_lines(void **state)
{
	struct ti_record rec = {.len = sizeof(struct sample)};
	struct ti_plan *plans[2] = {
		ti_plan_new(&sample_type, TI_FORMAT_JSON, &env),
		ti_plan_new(&sample_type, TI_FORMAT_TEXT, &env),
	};
	/* Events need no alignment. */
	char *event = malloc(sizeof(struct sample) + 1);

	(void)state;
	for (int i = 0; i < 20000; i++) {
		random_bytes(event + 1, sizeof(struct sample));
		random_bytes(&rec.boot_ns, sizeof(rec.boot_ns));
		for (int f = 0; f < 2; f++) {
			char *out = malloc(ti_plan_max(plans[f]) + 1);
			size_t n = ti_plan_format(plans[f], &rec, event + 1, out, 0);

			assert_true(n <= ti_plan_max(plans[f]));
			assert_int_equal(out[n - 1], '\n');
			out[n - 1] = '\0';
			assert_int_equal(strlen(out), n - 1);
			assert_true(f ? is_printable(out) : is_json_object(out));
			free(out);
		}
	}
	ti_plan_free(plans[0]);
	ti_plan_free(plans[1]);
	free(event);
}

/* The longest that each kind can become fits. */
static void longest_lines_fit(void **state)
{
	struct sample s;

	(void)state;
	memset(&s, 0xff, sizeof(s));
	memset(s.name.str, 1, sizeof(s.name.str));
	s.state = 255;
	assert_true(is_json_object(json(&s)));
	assert_true(is_printable(text(&s)));
	format_as(&sample_type, TI_FORMAT_TEXT, 0, &s, 1);
	for (int i = 0; i < 8; i += 2)
		memcpy(s.name.str + i, "\xc2\x80", 2);
	assert_non_null(strstr(text(&s), " name=\"\\u0080\\u0080\\u0080\\u0080\""));
}

static void severities_have_names(void **state)
{
	(void)state;
	assert_string_equal(ti_severity_name(TI_INFO), "info");
	assert_string_equal(ti_severity_name(TI_NOTICE), "notice");
	assert_string_equal(ti_severity_name(TI_WARNING), "warning");
	assert_string_equal(ti_severity_name(TI_ERROR), "error");
	assert_string_equal(ti_severity_name(TI_CRITICAL), "critical");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(json_of_every_kind),
		cmocka_unit_test(json_leaves_out_what_is_unknown),
		cmocka_unit_test(json_enums_without_a_name_are_numbers),
		cmocka_unit_test(lengths_beyond_capacity_are_clamped),
		cmocka_unit_test(interfaces_without_a_name),
		cmocka_unit_test(json_escapes_every_byte_that_must_be),
		cmocka_unit_test(json_keeps_valid_utf8),
		cmocka_unit_test(host_is_escaped_or_left_out),
		cmocka_unit_test(time_in_utc_with_nine_digits),
		cmocka_unit_test(text_of_every_kind),
		cmocka_unit_test(text_time_is_local_in_ms),
		cmocka_unit_test(text_columns_and_colours),
		cmocka_unit_test(text_quotes_what_needs_it),
		cmocka_unit_test(text_durations),
		cmocka_unit_test(hostile_events_make_good_lines),
		cmocka_unit_test(longest_lines_fit),
		cmocka_unit_test(severities_have_names),
	};

	setenv("TZ", "XXX-5:30", 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

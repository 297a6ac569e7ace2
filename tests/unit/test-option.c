/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test-option.c - values as operators write them: what is taken, what is stored,
 * what is refused and with which words.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "nearest.h"
#include "option.h"

struct config {
	bool enabled;
	uint32_t rate;
	uint64_t bytes;
	uint64_t window;
	uint64_t queue;
	uint32_t share;
	uint32_t policy;
	char *path;
	char *hosts;
	uint32_t mode;
	uint64_t any;
	char *nets;
};

static const char *const policies[] = {"off", "limit", "drop", NULL};

#define AT(field) offsetof(struct config, field)
enum { ENABLED, RATE, BYTES, WINDOW, QUEUE, SHARE, POLICY, PATH, HOSTS, MODE, ANY, NETS };
static const struct ti_option table[] = {
	[ENABLED] = {"enabled", TI_OPT_BOOL, AT(enabled), "no", 0, 0, "", NULL},
	[RATE] = {"rate", TI_OPT_U32, AT(rate), "100", 1, 65535, "", NULL},
	[BYTES] = {"bytes", TI_OPT_U64, AT(bytes), NULL, 0, 0, "", NULL},
	[WINDOW] = {"window", TI_OPT_DURATION, AT(window), "10s", 100000000, 3600000000000, "",
		    NULL},
	[QUEUE] = {"queue", TI_OPT_SIZE, AT(queue), "8MiB", 4096, 1 << 30, "", NULL},
	[SHARE] = {"share", TI_OPT_PERCENT, AT(share), "50%", 0, 0, "", NULL},
	[POLICY] = {"policy", TI_OPT_ENUM, AT(policy), "off", 0, 0, "", policies},
	[PATH] = {"path", TI_OPT_STRING, AT(path), "/var/log/x", 1, 16, "", NULL},
	[HOSTS] = {"hosts", TI_OPT_LIST, AT(hosts), NULL, 0, 0, "", NULL},
	[MODE] = {"mode", TI_OPT_MODE, AT(mode), "0640", 0, 0, "", NULL},
	[ANY] = {"any", TI_OPT_DURATION, AT(any), NULL, 0, 0, "", NULL},
	[NETS] = {"nets", TI_OPT_PREFIXES, AT(nets), NULL, 0, 0, "", NULL},
};
static const size_t n_rows = TI_ARRAY_SIZE(table);

/* What is stored, numbers as text. */
static const char *stored(int row, const struct config *c, char *out, size_t size)
{
	const void *at = (const char *)c + table[row].offset;

	switch (table[row].type) {
	case TI_OPT_BOOL:
		return *(const bool *)at ? "yes" : "no";
	case TI_OPT_U32:
	case TI_OPT_PERCENT:
	case TI_OPT_ENUM:
	case TI_OPT_MODE:
		snprintf(out, size, "%" PRIu32, *(const uint32_t *)at);
		return out;
	case TI_OPT_STRING:
	case TI_OPT_LIST:
	case TI_OPT_PREFIXES:
		return *(char *const *)at;
	default:
		snprintf(out, size, "%" PRIu64, *(const uint64_t *)at);
		return out;
	}
}

static void test_good(void **state)
{
	static const struct {
		int row;
		const char *text, *stored;
	} rows[] = {
		{ENABLED, "yes", "yes"},
		{ENABLED, "true", "yes"},
		{ENABLED, "on", "yes"},
		{ENABLED, "1", "yes"},
		{ENABLED, "no", "no"},
		{ENABLED, "false", "no"},
		{ENABLED, "off", "no"},
		{ENABLED, "0", "no"},
		{RATE, "1", "1"},
		{RATE, "65535", "65535"},
		{RATE, "0070", "70"},
		{BYTES, "0", "0"},
		{BYTES, "18446744073709551615", "18446744073709551615"},
		{WINDOW, "100ms", "100000000"},
		{WINDOW, "1h", "3600000000000"},
		{WINDOW, "5m", "300000000000"},
		{WINDOW, "200000us", "200000000"},
		{ANY, "0", "0"},
		{ANY, "5ns", "5"},
		{ANY, "2d", "172800000000000"},
		{ANY, "18446744073709551615ns", "18446744073709551615"},
		{QUEUE, "4096", "4096"},
		{QUEUE, "64KiB", "65536"},
		{QUEUE, "8MiB", "8388608"},
		{QUEUE, "1GiB", "1073741824"},
		{SHARE, "0", "0"},
		{SHARE, "100", "100"},
		{SHARE, "33%", "33"},
		{POLICY, "off", "0"},
		{POLICY, "drop", "2"},
		{PATH, "x", "x"},
		{PATH, "a;b #c \"d\" e=f", "a;b #c \"d\" e=f"},
		{HOSTS, " a ,b,\tc  d ", "a,b,c  d"},
		{HOSTS, "alone", "alone"},
		{HOSTS, "", ""},
		{HOSTS, "  ", ""},
		{MODE, "0640", "416"},
		{MODE, "7777", "4095"},
		{NETS, "192.0.2.0/24 , ::/0", "192.0.2.0/24,::/0"},
	};
	struct config c = {0};
	char why[256], out[32];

	(void)state;
	for (size_t i = 0; i < TI_ARRAY_SIZE(rows); i++) {
		strcpy(why, "");
		if (ti_option_parse(&table[rows[i].row], rows[i].text, &c, why, sizeof(why)) < 0)
			fail_msg("'%s': %s", rows[i].text, why);
		assert_string_equal(stored(rows[i].row, &c, out, sizeof(out)), rows[i].stored);
	}
	ti_option_free(table, n_rows, &c);
}

static void test_bad(void **state)
{
	static const struct {
		int row;
		const char *text;
		int r;
		const char *why;
	} rows[] = {
		{ENABLED, "maybe", -EINVAL, "'maybe' is not yes or no"},
		{ENABLED, "Yes", -EINVAL, "'Yes' is not yes or no; did you mean 'yes'?"},
		{ENABLED, "", -EINVAL, "'' is not yes or no"},
		{RATE, "abc", -EINVAL, "'abc' is not a number from 1 to 65535"},
		{RATE, "", -EINVAL, "'' is not a number from 1 to 65535"},
		{RATE, "-1", -EINVAL, "'-1' is not a number from 1 to 65535"},
		{RATE, "+1", -EINVAL, "'+1' is not a number from 1 to 65535"},
		{RATE, " 1", -EINVAL, "' 1' is not a number from 1 to 65535"},
		{RATE, "12x", -EINVAL,
		 "'12x' is not a number from 1 to 65535: 'x' follows the number"},
		{RATE, "0x10", -EINVAL,
		 "'0x10' is not a number from 1 to 65535: 'x10' follows the number"},
		{RATE, "1.5", -EINVAL,
		 "'1.5' is not a number from 1 to 65535: '.5' follows the number"},
		{RATE, "0", -ERANGE, "'0' is out of range: 1 to 65535"},
		{RATE, "65536", -ERANGE, "'65536' is out of range: 1 to 65535"},
		{RATE, "4294967297", -ERANGE, "'4294967297' is out of range: 1 to 65535"},
		{BYTES, "18446744073709551616", -ERANGE,
		 "'18446744073709551616' is out of range: 0 to 18446744073709551615"},
		{BYTES, "99999999999999999999999", -ERANGE, NULL},
		{BYTES, "1e3", -EINVAL, "'1e3' is not a number: 'e3' follows the number"},
		{WINDOW, "10", -EINVAL,
		 "'10' is not a duration (10s, 500ms, 5m) from 100ms to 1h: its unit is missing"},
		{WINDOW, "10 s", -EINVAL, NULL},
		{WINDOW, "10S", -EINVAL, NULL},
		{WINDOW, "s", -EINVAL, NULL},
		{WINDOW, "1s2", -EINVAL, NULL},
		{WINDOW, "0", -ERANGE, "'0' is out of range: 100ms to 1h"},
		{WINDOW, "61m", -ERANGE, "'61m' is out of range: 100ms to 1h"},
		{ANY, "18446744073709551616ns", -ERANGE, NULL},
		{ANY, "18446744074s", -ERANGE, NULL},
		{ANY, "213504d", -ERANGE, NULL},
		{ANY, "99999999999999999999", -EINVAL, NULL},
		{QUEUE, "8MB", -EINVAL,
		 "'8MB' is not a size (4096, 64KiB, 8MiB) from 4KiB to 1GiB: 'MB' follows the "
		 "number"},
		{QUEUE, "1025MiB", -ERANGE, "'1025MiB' is out of range: 4KiB to 1GiB"},
		{QUEUE, "18014398509481985KiB", -ERANGE, NULL},
		{SHARE, "101%", -ERANGE, "'101%' is out of range: 0 to 100"},
		{SHARE, "5%%", -EINVAL, NULL},
		{POLICY, "lmit", -EINVAL,
		 "'lmit' is not one of off, limit, drop; did you mean 'limit'?"},
		{POLICY, "1", -EINVAL, "'1' is not one of off, limit, drop"},
		{PATH, "", -ERANGE, "'' is 0 bytes long: 1 to 16 bytes are allowed"},
		{PATH, "12345678901234567", -ERANGE,
		 "'12345678901234567' is 17 bytes long: 1 to 16 bytes are allowed"},
		{HOSTS, "a,,b", -EINVAL, "'a,,b' has an empty item: write a, b, c"},
		{HOSTS, "a,", -EINVAL, NULL},
		{HOSTS, ",a", -EINVAL, NULL},
		{HOSTS, " , ", -EINVAL, NULL},
		{NETS, "a", -EINVAL, NULL},
		{NETS, "::1, 192.0.2.1/24", -EINVAL, NULL},
		{NETS, "192.0.2.0/24,", -EINVAL, NULL},
		{MODE, "0648", -EINVAL,
		 "'0648' is not an octal file mode (0640): '8' follows the number"},
		{MODE, "10000", -ERANGE, "'10000' is out of range: 0 to 07777"},
	};
	char why[256];

	(void)state;
	for (size_t i = 0; i < TI_ARRAY_SIZE(rows); i++) {
		struct config c, same;

		memset(&c, 0x5a, sizeof(c));
		same = c;
		strcpy(why, "");
		if (ti_option_parse(&table[rows[i].row], rows[i].text, &c, why, sizeof(why)) !=
		    rows[i].r)
			fail_msg("'%s': %s", rows[i].text, why);
		if (rows[i].why)
			assert_string_equal(why, rows[i].why);
		assert_true(*why);
		assert_memory_equal(&c, &same, sizeof(c));
	}
}

static void test_long_text_in_messages(void **state)
{
	char text[4096], why[256], tiny[8];
	struct config c;

	(void)state;
	text[0] = 'x';
	for (size_t i = 1; i + 2 < sizeof(text); i += 2)
		memcpy(text + i, "\xc3\xa9", 3);
	assert_int_equal(ti_option_parse(&table[RATE], text, &c, why, sizeof(why)), -EINVAL);
	assert_non_null(strstr(why, "\xc3\xa9...' is not a number from 1 to 65535"));
	assert_true(strlen(why) < 100);
	assert_int_equal(ti_option_parse(&table[RATE], text, &c, tiny, sizeof(tiny)), -EINVAL);
	assert_int_equal(strlen(tiny), sizeof(tiny) - 1);
}

static void test_text_is_replaced(void **state)
{
	struct config c = {0};
	char why[256];

	(void)state;
	assert_int_equal(ti_option_parse(&table[PATH], "first", &c, why, sizeof(why)), 0);
	assert_int_equal(ti_option_parse(&table[PATH], "second", &c, why, sizeof(why)), 0);
	assert_string_equal(c.path, "second");
	assert_int_equal(ti_option_parse(&table[PATH], "", &c, why, sizeof(why)), -ERANGE);
	assert_string_equal(c.path, "second");
	ti_option_free(table, n_rows, &c);
	assert_null(c.path);
	ti_option_free(table, n_rows, &c);
}

/* Values of BPF programs have the width of their variable. */
static void test_width(void **state)
{
	static const struct ti_option any32 = {"n", TI_OPT_U32, 0, NULL, 0, 0, "", NULL};
	uint8_t to[10];
	uint16_t v16;
	uint64_t v64;
	char why[256];

	(void)state;
	memset(to, 0xee, sizeof(to));
	assert_int_equal(ti_option_parse_at(&any32, "255", to + 1, 1, why, sizeof(why)), 0);
	assert_int_equal(to[0], 0xee);
	assert_int_equal(to[1], 255);
	assert_int_equal(to[2], 0xee);
	assert_int_equal(ti_option_parse_at(&any32, "256", to + 1, 1, why, sizeof(why)), -ERANGE);
	assert_string_equal(why, "'256' is out of range: 0 to 255");
	assert_int_equal(ti_option_parse_at(&any32, "65535", to + 1, 2, why, sizeof(why)), 0);
	memcpy(&v16, to + 1, sizeof(v16));
	assert_int_equal(v16, 65535);
	assert_int_equal(to[3], 0xee);
	assert_int_equal(ti_option_parse_at(&table[POLICY], "drop", to + 1, 8, why, sizeof(why)),
			 0);
	memcpy(&v64, to + 1, sizeof(v64));
	assert_int_equal(v64, 2);
	assert_int_equal(to[9], 0xee);
	assert_int_equal(ti_option_parse_at(&table[ENABLED], "on", to, 4, why, sizeof(why)), 0);
	assert_memory_equal(to, &(uint32_t){1}, 4);
	assert_int_equal(ti_option_parse_at(&any32, "4294967296", to, 8, why, sizeof(why)),
			 -ERANGE);
	assert_int_equal(ti_option_parse_at(&any32, "1", to, 3, why, sizeof(why)), -EINVAL);
	assert_int_equal(ti_option_parse_at(&table[PATH], "x", to, 8, why, sizeof(why)), -EINVAL);
	assert_string_equal(why, "an option of type text can't be stored in 8 bytes");
}

static void test_defaults(void **state)
{
	static const struct ti_option broken[] = {
		{"path", TI_OPT_STRING, AT(path), "kept", 0, 0, "", NULL},
		{"rate", TI_OPT_U32, AT(rate), "0", 1, 9, "", NULL},
	};
	struct config c = {0};
	char why[256];

	(void)state;
	assert_int_equal(ti_option_defaults(table, n_rows, &c, why, sizeof(why)), 0);
	assert_false(c.enabled);
	assert_int_equal(c.rate, 100);
	assert_int_equal(c.window, 10000000000);
	assert_int_equal(c.queue, 8 << 20);
	assert_int_equal(c.share, 50);
	assert_int_equal(c.mode, 0640);
	assert_string_equal(c.path, "/var/log/x");
	assert_null(c.hosts);
	ti_option_free(table, n_rows, &c);

	assert_int_equal(ti_option_defaults(broken, 2, &c, why, sizeof(why)), -EINVAL);
	assert_string_equal(why, "default of rate: '0' is out of range: 1 to 9");
	ti_option_free(broken, 2, &c);
}

static void test_names_and_ranges(void **state)
{
	static const struct {
		int row;
		const char *type, *range;
	} rows[] = {
		{ENABLED, "boolean", "yes, no"},
		{RATE, "number", "1 to 65535"},
		{BYTES, "number", ""},
		{WINDOW, "duration", "100ms to 1h"},
		{ANY, "duration", ""},
		{QUEUE, "size", "4KiB to 1GiB"},
		{SHARE, "percentage", "0 to 100"},
		{POLICY, "choice", "off, limit, drop"},
		{PATH, "text", "1 to 16 bytes"},
		{HOSTS, "list", ""},
		{MODE, "file mode", ""},
	};
	static const struct ti_option odd = {"d",	  TI_OPT_DURATION,  0,	NULL,
					     90000000000, 1500000000000001, "", NULL};
	char out[64], tiny[9];

	(void)state;
	for (size_t i = 0; i < TI_ARRAY_SIZE(rows); i++) {
		assert_string_equal(ti_option_type_name(table[rows[i].row].type), rows[i].type);
		assert_string_equal(ti_option_range(&table[rows[i].row], out, sizeof(out)),
				    rows[i].range);
	}
	assert_string_equal(ti_option_range(&odd, out, sizeof(out)), "90s to 1500000000000001ns");
	assert_string_equal(ti_option_range(&table[POLICY], tiny, sizeof(tiny)), "off, lim");
	assert_string_equal(ti_option_type_name((enum ti_option_type)99), "unknown");
}

static void test_unknown_type(void **state)
{
	static const struct ti_option later = {"x", (enum ti_option_type)99, 0, NULL, 0, 0, "",
					       NULL};
	char why[256], out[8] = "?";
	void *base = NULL;

	(void)state;
	assert_int_equal(ti_option_parse(&later, "1", &base, why, sizeof(why)), -EINVAL);
	assert_string_equal(ti_option_range(&later, out, sizeof(out)), "");
	ti_option_free(&later, 1, &base);
}

static void test_nearest(void **state)
{
	static const char *const names[] = {"alarm_rate", "interval", "hook", "xdp",
					    "tc",	  "min_syns", NULL};
	static const struct {
		const char *wrong, *near;
	} rows[] = {
		{"alrm_rate", "alarm_rate"},
		{"alarm-rate", "alarm_rate"},
		{"ALARM_RATE", "alarm_rate"},
		{"alarmrates", "alarm_rate"},
		{"interavl", "interval"},
		{"inetrvla", "interval"},
		{"hoko", "hook"},
		{"hok", "hook"},
		{"xpd", "xdp"},
		{"tx", "tc"},
		{"ab", NULL},
		{"x", NULL},
		{"", NULL},
		{"foo", NULL},
		{"kprobe", NULL},
		{"a_name_longer_than_any_that_a_table_could_hold_so_that_none_is_near_it", NULL},
	};

	(void)state;
	for (size_t i = 0; i < TI_ARRAY_SIZE(rows); i++) {
		const char *near =
			ti_nearest(rows[i].wrong, names, TI_ARRAY_SIZE(names), sizeof(*names));

		if (!near != !rows[i].near || (near && strcmp(near, rows[i].near) != 0))
			fail_msg("'%s' is near '%s'", rows[i].wrong, near ? near : "nothing");
	}
	/* The names may stand in a table's rows. */
	assert_string_equal(ti_nearest("windwo", table, n_rows, sizeof(*table)), "window");
	assert_null(ti_nearest("window", NULL, 0, sizeof(*table)));
}

static void append(void *arg, const char *item)
{
	strcat(strcat(arg, item), "|");
}

static void test_lists(void **state)
{
	char out[64] = "";

	(void)state;
	ti_list_each("a,bc,d e", append, out);
	assert_string_equal(out, "a|bc|d e|");
	ti_list_each("", append, out);
	ti_list_each(NULL, append, out);
	assert_string_equal(out, "a|bc|d e|");

	assert_true(ti_list_has("a,bc,d", "a"));
	assert_true(ti_list_has("a,bc,d", "bc"));
	assert_true(ti_list_has("a,bc,d", "d"));
	assert_false(ti_list_has("a,bc,d", "b"));
	assert_false(ti_list_has("a,bc,d", "c,d"));
	assert_false(ti_list_has("a,bc,d", ""));
	assert_false(ti_list_has("", "a"));
	assert_false(ti_list_has(NULL, "a"));
}

static void test_duration(void **state)
{
	uint64_t ns = 7;

	(void)state;
	assert_int_equal(ti_duration_parse("30", &ns), -EINVAL);
	assert_int_equal(ti_duration_parse("999999999d", &ns), -EINVAL);
	assert_int_equal(ti_duration_parse("-1s", &ns), -EINVAL);
	assert_int_equal(ns, 7);
	assert_int_equal(ti_duration_parse("30s", &ns), 0);
	assert_int_equal(ns, 30000000000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_long_text_in_messages),
		cmocka_unit_test(test_text_is_replaced),
		cmocka_unit_test(test_width),
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_names_and_ranges),
		cmocka_unit_test(test_unknown_type),
		cmocka_unit_test(test_nearest),
		cmocka_unit_test(test_lists),
		cmocka_unit_test(test_duration),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

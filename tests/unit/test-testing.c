/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The test kit, with tests/plugins/kit.so: without a kernel, and fed. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <tcpinspect/testing.h>
#include "../plugins/kit.h"

#define SECOND 1000000000ull
#define START  (1000 * SECOND)

static char path[4096];

/* A failure that is wanted goes here, with its text. */
static jmp_buf back;
static char failure[16384];
static int failed_line;

static void on_failure(const char *file, int line, const char *text)
{
	assert_non_null(strstr(file, "test-testing.c"));
	failed_line = line;
	snprintf(failure, sizeof(failure), "%s", text);
	longjmp(back, 1);
}

#define assert_fails(statement, words)                                         \
	do {                                                                   \
		unsigned before_ = ti_test_failures();                         \
		ti_test_on_failure(on_failure);                                \
		if (!setjmp(back)) {                                           \
			statement;                                             \
			ti_test_on_failure(ti_test_fail_cmocka);               \
			fail_msg("this should fail: " #statement);             \
		}                                                              \
		ti_test_on_failure(ti_test_fail_cmocka);                       \
		assert_int_equal(failed_line, __LINE__);                       \
		assert_int_equal(ti_test_failures(), before_ + 1);             \
		if (!strstr(failure, words))                                   \
			fail_msg("'%s' is not in '%s'", words, failure);       \
	} while (0)

static struct ti_test *opened(struct ti_test *t)
{
	if (!t)
		fail_msg("%s", ti_test_error());
	return t;
}

#define user(...)  opened(ti_test_new_user(path, ##__VA_ARGS__))
#define whole(...) opened(ti_test_new(path, ##__VA_ARGS__))

static int set(struct ti_test *t, const char *map, uint32_t key, uint32_t value)
{
	return ti_test_map_set(t, map, &key, &value);
}

static int64_t get(struct ti_test *t, const char *map, uint32_t key)
{
	uint32_t value;
	int r = ti_test_map_get(t, map, &key, &value);

	return r < 0 ? r : (int64_t)value;
}

/* --- errors of opening ------------------------------------------------------- */

static void test_refused(void **state)
{
	static const struct {
		const char *path, *option, *words;
	} cases[] = {
		{ "./nowhere/kit.so", NULL, "./nowhere/kit.so: No such file" },
		{ "/dev/null", NULL, "is not called NAME.so" },
		{ path, "least=70000", "kit: least: '70000' is out of range: 0 to 65535" },
		{ path, "lest=1", "kit: unknown key 'lest' in [plugin kit], did you mean 'least'?" },
		{ path, "every=5", "kit: every: " },
		{ path, "least", "'least' is no option: write key=value" },
		{ path, "le ast=1", "'le ast' is not a key" },
		{ path, "hook=kprobe", "kit has no 'kprobe'" },
		{ path, "word=refuse", "it could not start: " },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		assert_null(ti_test_new_user(cases[i].path, cases[i].option));
		if (!strstr(ti_test_error(), cases[i].words))
			fail_msg("'%s' is not in '%s'", cases[i].words, ti_test_error());
	}
	ti_test_free(NULL);
}

/* What a test has left open is no hindrance to the next. */
static void test_left_open(void **state)
{
	(void)state;
	user();
	ti_test_free(user());
}

static void test_restart(void **state)
{
	struct ti_test *t = user("every=1s");

	(void)state;
	assert_int_equal(set(t, "sized", 1, 1), 0);
	*(uint32_t *)ti_test_memory(t, "seven", NULL) = 8;
	ti_test_advance(t, SECOND);
	ti_test_socket(t, &(struct ti_socket){ .state = 1 });
	assert_int_equal(ti_test_restart(t), 0);
	ti_test_expect_none(t);
	ti_test_expect_quiet(t);
	assert_int_equal(get(t, "sized", 1), -ENOENT);
	assert_int_equal(*(uint32_t *)ti_test_memory(t, "seven", NULL), 7);
	ti_test_advance(t, SECOND);
	ti_test_expect(t, "summary", "sockets", "1", "ticks", "1", "time", "2020-01-01T00:00:02.000000000Z");
	ti_test_free(t);
}

/* --- without a kernel -------------------------------------------------------- */

static void test_clock(void **state)
{
	struct ti_test *t = user("every=1s");

	(void)state;
	assert_int_equal(ti_test_now(t), START);
	ti_test_advance(t, SECOND - 1);
	ti_test_expect_none(t);
	ti_test_advance(t, 1);
	ti_test_expect(t, "summary", "ticks", "2", "time", "2020-01-01T00:00:01.000000000Z");
	ti_test_advance(t, 5 * SECOND + 7);
	assert_int_equal(ti_test_now(t), START + 6 * SECOND + 7);
	for (int i = 2; i <= 6; i++) {
		char time[64];

		snprintf(time, sizeof(time), "2020-01-01T00:00:%02d.000000000Z", i);
		ti_test_expect(t, "summary", "time", time);
	}
	ti_test_expect_none(t);
	ti_test_stop(t);
	ti_test_expect_none(t);
	ti_test_expect_log(t, TI_LOG_WARNING, "kit: stopping after 13 ticks");
	assert_int_equal(ti_test_now(t), START + 6 * SECOND + SECOND / 2);
	ti_test_stop(t);
	ti_test_advance(t, 10 * SECOND);
	ti_test_expect_none(t);
	ti_test_free(t);
}

static void test_fields(void **state)
{
	struct ti_test *t = user("word=hello");
	const struct ti_test_event *e;
	const struct summary *s;
	size_t size;

	(void)state;
	ti_test_interface(t, 2, "eth0");
	ti_test_advance(t, 2 * SECOND);
	e = ti_test_expect(t, "summary", "severity", "notice", "plugin", "kit", "event", "summary", "balance", "-5",
			   "word", "hello", "ifname", "eth0", "items[0].host", "192.0.2.1", "items[0].name", "a\"b\n",
			   "items[1].host", "", "items[1].name", "z", "items[2].name", "", "numbers", "[3,0,65535]",
			   "numbers[2]", "65535", "numbers[3]", "", "large", "18446744073709551615");
	assert_string_equal(ti_test_name(e), "summary");
	assert_string_equal(ti_test_field(e, "items[1]"), "{\"name\":\"z\"}");
	assert_null(ti_test_field(e, "items[2]"));
	assert_null(ti_test_field(e, "nothing"));
	assert_int_equal(ti_test_number(e, "balance"), -5);
	assert_int_equal(ti_test_number(e, "large"), -1);
	assert_int_equal(ti_test_number(e, "items[2].name"), 0);
	assert_non_null(strstr(ti_test_json(e), "{\"time\":\"2020-01-01T00:00:02.000000000Z\",\"plugin\":\"kit\","));
	s = ti_test_struct(e, &size);
	assert_int_equal(size, sizeof(*s));
	assert_int_equal(s->ticks, 4);
	ti_test_check(e, "ticks", "4");
	ti_test_free(t);
}

static void test_failures(void **state)
{
	struct ti_test *t = user("word=hello");
	const struct ti_test_event *e;

	(void)state;
	assert_fails(ti_test_expect(t, "summary"), "expected event summary, there is none");
	ti_test_advance(t, 2 * SECOND);
	assert_fails(ti_test_expect_none(t), "expected no event, got summary\n  {\"time\":");
	assert_fails(ti_test_expect(t, "seen"), "expected event seen, got summary\n  {\"time\":");
	ti_test_advance(t, 2 * SECOND);
	assert_fails(ti_test_expect(t, "summary", "word", "bye", "ticks", "8", "balance", ""),
		     "event summary is not as expected\n"
		     "  word: expected \"bye\", is \"hello\"\n"
		     "  balance: expected absent, is \"-5\"\n"
		     "  in {\"time\":");
	ti_test_advance(t, 2 * SECOND);
	e = ti_test_find(t, "summary");
	assert_fails(ti_test_check(e, "wrd", "hello"), "it has no field 'wrd'; did you mean 'word'?");
	assert_fails(ti_test_check(e, "items[0].nam", "a"), "it has no field 'nam'; did you mean 'name'?");
	assert_fails(ti_test_check(e, "items[2].name", "a"), "items[2].name: expected \"a\", is absent");
	assert_fails(ti_test_check(e, "word"), "word has no text beside it");
	assert_fails(ti_test_check(NULL, "word", "hello"), "there is no event to check");
	assert_fails(ti_test_expect_log(t, TI_LOG_INFO, "nonsense"), "no such line with 'nonsense'; it has\n  kit: at nothing");
	assert_fails(ti_test_record(t, "nix", "", 0), "kit has no event or TI_INTERNAL 'nix'");
	assert_fails(ti_test_record(t, "seen", "", 1), "a record seen of 1 bytes: the struct has");
	assert_fails(ti_test_record(t, "note", failure, 9), "a record note of 9 bytes: the struct has 8");
	assert_fails(ti_test_packet(t, .flags = TI_SYN), "no packets can be fed with ti_test_new_user");
	assert_fails(ti_test_memory(t, "nix", NULL), "no variable or TI_CPU_ARRAY 'nix'");
	ti_test_expect_quiet(t);
	ti_test_stop(t);
	assert_fails(ti_test_expect_quiet(t), "it has\n  kit: at nothing, by tc\n  kit: stopping");
	assert_null(ti_test_next(t));
	ti_test_free(t);
}

static void test_find(void **state)
{
	struct ti_test *t = user();
	struct seen seen = { .dst_port = 80 };

	(void)state;
	ti_test_record(t, "seen", &seen, sizeof(seen));
	ti_test_advance(t, 2 * SECOND);
	assert_null(ti_test_find(t, "nix"));
	assert_string_equal(ti_test_field(ti_test_find(t, "summary"), "ticks"), "4");
	assert_null(ti_test_next(t));
	ti_test_free(t);
}

static void test_records(void **state)
{
	struct ti_test *t = user("room=2");
	struct seen seen = { .dst_port = 80, .way = KIT_WAY_OUT, .payload = { 3, "GET" } };
	uint32_t n;

	(void)state;
	ti_test_advance(t, SECOND / 4);
	ti_test_record(t, "seen", &seen, sizeof(seen));
	ti_test_expect(t, "seen", "way", "out", "payload", "GET", "time", "2020-01-01T00:00:00.250000000Z", "src_ip", "");
	seen.dst_port = 666;
	ti_test_record(t, "seen", &seen, sizeof(seen));
	ti_test_expect_none(t);
	ti_test_record(t, "note", (&(struct note){ 5, 55 }), sizeof(struct note));
	assert_int_equal(ti_test_map_get(t, "sized", &(uint32_t){ 5 }, &n), 0);
	assert_int_equal(n, 55);
	ti_test_advance(t, 2 * SECOND);
	ti_test_expect(t, "summary", "notes", "1");
	ti_test_free(t);
}

static void test_host(void **state)
{
	struct ti_test *t = user();

	(void)state;
	ti_test_expect_log(t, TI_LOG_INFO, "at nothing, by tc");
	assert_string_equal(ti_test_log(t, 0), "kit: at nothing, by tc");
	ti_test_interface(t, 2, "wan0");
	ti_test_expect_log(t, TI_LOG_INFO, "at wan0, by tc");
	ti_test_hook(t, "packets", "xdp");
	ti_test_expect_log(t, TI_LOG_INFO, "at wan0, by xdp");
	ti_test_hook(t, "packets", NULL);
	ti_test_interface(t, 2, NULL);
	ti_test_expect_log(t, TI_LOG_INFO, "at nothing, by nothing");
	ti_test_socket(t, &(struct ti_socket){ .cookie = 1, .state = 1 });
	ti_test_socket(t, &(struct ti_socket){ .cookie = 2, .state = 10 });
	ti_test_socket(t, &(struct ti_socket){ .state = 1 });
	ti_test_socket(t, &(struct ti_socket){ .state = 1 });
	ti_test_advance(t, 2 * SECOND);
	ti_test_expect(t, "summary", "sockets", "3", "ifname", "if2");
	ti_test_socket(t, &(struct ti_socket){ .cookie = 1, .state = 8 });
	ti_test_advance(t, 2 * SECOND);
	ti_test_expect(t, "summary", "sockets", "2");
	ti_test_no_sockets(t);
	ti_test_advance(t, 2 * SECOND);
	ti_test_expect(t, "summary", "sockets", "0");
	ti_test_expect_quiet(t);
	ti_test_sockets_fail(t, -EIO);
	ti_test_advance(t, 2 * SECOND);
	ti_test_expect_log(t, TI_LOG_WARNING, "no sockets today");
	ti_test_free(t);
}

static void test_memory(void **state)
{
	struct ti_test *t = user();
	struct counts *counts;
	uint64_t *counters;
	size_t size;

	(void)state;
	assert_int_equal(*(uint32_t *)ti_test_memory(t, "zero", &size), 0);
	assert_int_equal(size, 4);
	assert_int_equal(*(uint32_t *)ti_test_memory(t, "seven", NULL), 7);
	*(uint32_t *)ti_test_memory(t, "seven", NULL) = 8;
	assert_int_equal(*(uint32_t *)ti_test_memory(t, "seven", NULL), 8);
	counts = ti_test_memory(t, "counts", &size);
	assert_int_equal(size, sizeof(*counts));
	assert_int_equal(counts[0].packets + counts[1].packets, 0);
	counters = ti_test_memory(t, "ti_counters", &size);
	counters[TI_COUNT_SEEN] = 3;
	counters[size / sizeof(*counters) + TI_COUNT_SEEN] = 4;
	assert_int_equal(ti_test_counter(t, TI_COUNT_SEEN), 7);
	ti_test_stop(t);
	assert_int_equal(ti_test_counter(t, TI_COUNT_SEEN), 7);
	ti_test_free(t);
}

/* --- maps: the same without a kernel and in it --------------------------------- */

static int set_prefix(struct ti_test *t, uint32_t len, uint32_t addr, uint32_t value)
{
	return ti_test_map_set(t, "trie", (uint32_t[]){ len, __builtin_bswap32(addr) }, &value);
}

static int64_t get_prefix(struct ti_test *t, uint32_t addr)
{
	uint32_t value;
	int r = ti_test_map_get(t, "trie", (uint32_t[]){ 32, __builtin_bswap32(addr) }, &value);

	return r < 0 ? r : (int64_t)value;
}

static void check_maps(struct ti_test *t)
{
	assert_int_equal(get(t, "nix", 1), -ENOENT);
	assert_int_equal(get(t, "extra_map", 1), -ENOENT);
	assert_int_equal(set(t, "extra_map", 1, 1), -ENOENT);

	for (uint32_t i = 0; i < 4; i++)
		assert_int_equal(set(t, "sized", i, 10 * i), 0);
	assert_int_equal(set(t, "sized", 4, 40), -E2BIG);
	assert_int_equal(set(t, "sized", 3, 33), 0);
	assert_int_equal(get(t, "sized", 3), 33);
	assert_int_equal(ti_test_map_delete(t, "sized", &(uint32_t){ 0 }), 0);
	assert_int_equal(ti_test_map_delete(t, "sized", &(uint32_t){ 0 }), -ENOENT);
	assert_int_equal(get(t, "sized", 0), -ENOENT);
	assert_int_equal(set(t, "sized", 4, 40), 0);

	assert_int_equal(get(t, "array", 2), 0);
	assert_int_equal(set(t, "array", 2, 5), 0);
	assert_int_equal(get(t, "array", 2), 5);
	assert_int_equal(get(t, "array", 3), -ENOENT);
	assert_int_equal(set(t, "array", 3, 5), -E2BIG);
	assert_int_equal(ti_test_map_delete(t, "array", &(uint32_t){ 2 }), -EINVAL);

	assert_int_equal(set_prefix(t, 0, 0, 1), 0);
	assert_int_equal(set_prefix(t, 8, 0x0a000000, 2), 0);
	assert_int_equal(set_prefix(t, 12, 0x0a100000, 3), 0);
	assert_int_equal(set_prefix(t, 32, 0x0a100001, 4), 0);
	assert_int_equal(set_prefix(t, 31, 0x0a100001, 5), -ENOSPC);
	assert_int_equal(get_prefix(t, 0x0b000000), 1);
	assert_int_equal(get_prefix(t, 0x0a010000), 2);
	assert_int_equal(get_prefix(t, 0x0a1f0000), 3);
	assert_int_equal(get_prefix(t, 0x0a200000), 2);
	assert_int_equal(get_prefix(t, 0x0a100001), 4);
}

static void test_maps(void **state)
{
	struct ti_test *t = user();

	(void)state;
	check_maps(t);
	for (uint32_t i = 0; i < 3; i++)
		assert_int_equal(set(t, "recent", i, i), 0);
	assert_int_equal(get(t, "recent", 0), 0); /* and so it is used */
	assert_int_equal(set(t, "recent", 3, 3), 0);
	assert_int_equal(get(t, "recent", 1), -ENOENT);
	assert_int_equal(get(t, "recent", 0), 0);
	assert_int_equal(set(t, "percpu", 1, 1), -EINVAL);
	ti_test_expect_log(t, TI_LOG_ERROR, "map percpu is of a kind that isn't emulated");
	ti_test_free(t);
	t = user("extra=yes", "room=1");
	assert_int_equal(set(t, "extra_map", 1, 1), 0);
	assert_int_equal(set(t, "sized", 1, 1), 0);
	assert_int_equal(set(t, "sized", 2, 1), -E2BIG);
	ti_test_free(t);
}

/* --- packets ------------------------------------------------------------------- */

static uint16_t checksum(const uint8_t *at, size_t n, uint32_t sum)
{
	for (size_t i = 0; i < n; i++)
		sum += i % 2 ? at[i] : at[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

/* Over header, pseudo header and segment: all ones. */
static void test_make(void **state)
{
	uint8_t f[200];
	size_t n = ti_test_make(&(struct ti_test_packet){ .flags = TI_SYN, .mss = 536, .payload = "odd" }, f, sizeof(f));

	(void)state;
	assert_int_equal(n, 14 + 20 + 24 + 3);
	assert_memory_equal(f + 12, "\x08\x00\x45", 3);
	assert_int_equal(checksum(f + 14, 20, 0), 0xffff);
	assert_int_equal(checksum(f + 26, 8 + 27, 6 + 27), 0xffff);
	assert_memory_equal(f + 54, "\x02\x04\x02\x18odd", 7);

	n = ti_test_make(&(struct ti_test_packet){ .src = "fd00::1", .vlan = { 7, 8 }, .options = "\x01\x01\x03\x03\x07", .options_len = 5 },
			 f, sizeof(f));
	assert_int_equal(n, 14 + 8 + 40 + 28);
	assert_memory_equal(f + 12, "\x88\xa8\x00\x07\x81\x00\x00\x08\x86\xdd\x60", 11);
	assert_int_equal(checksum(f + 30, 32 + 28, 6 + 28), 0xffff);
	assert_memory_equal(f + 82, "\x01\x01\x03\x03\x07\x00\x00\x00", 8);
	assert_int_equal(f[14 + 8 + 40 + 12], 0x70);

	memset(f, 0xee, sizeof(f));
	assert_int_equal(ti_test_make(&(struct ti_test_packet){ .flags = TI_SYN }, f, 20), 54);
	assert_int_equal(f[20], 0xee);
	assert_int_equal(ti_test_make(&(struct ti_test_packet){ .src = "nobody" }, f, 20), 0);
}

static void skip_unfed(void)
{
	const char *why;

	if (ti_test_can_feed(&why))
		return;
	print_message("skipped: %s\n", why);
	skip();
}

static void test_fed(void **state)
{
	struct ti_test *t;

	(void)state;
	skip_unfed();
	t = whole("least=10");
	ti_test_packet(t);
	ti_test_expect(t, "seen", "src_ip", "192.0.2.1", "dst_ip", "198.51.100.1", "src_port", "40000", "dst_port", "80",
		       "seq", "0", "ack", "0", "window", "64240", "ttl", "64", "flags", "0", "len", "54", "captured", "54",
		       "vlan", "", "payload", "", "way", "in", "family", "4", "time", "2020-01-01T00:00:00.000000000Z");
	ti_test_advance(t, 5);
	ti_test_packet(t, .dst = "2001:db8::9", .src_port = TI_TEST_ZERO, .window = TI_TEST_ZERO, .ttl = 3,
		       .seq = 0xfffffff0, .ack = 9, .flags = TI_ACK | TI_PSH, .payload = "GET /", .vlan = { 5, 6, 7, 8 },
		       .egress = 1);
	ti_test_expect(t, "seen", "src_ip", "2001:db8::1", "dst_ip", "2001:db8::9", "src_port", "", "seq", "4294967280",
		       "ack", "9", "window", "0", "ttl", "3", "flags", "24", "vlan", "5", "payload", "GET /",
		       "payload_len", "5", "way", "out", "family", "6", "time", "2020-01-01T00:00:00.000000005Z");
	ti_test_packet(t, .dst_port = 9);
	ti_test_packet(t, .dst_port = 666);
	ti_test_packet(t, .captured = 50);
	ti_test_expect_none(t);
	assert_int_equal(ti_test_counter(t, TI_COUNT_SEEN), 5);
	assert_int_equal(ti_test_counter(t, TI_COUNT_EMITTED), 3);
	assert_int_equal(ti_test_counter(t, TI_COUNT_TRUNCATED), 1);
	assert_int_equal(((struct counts *)ti_test_memory(t, "counts", NULL))->packets, 3);
	ti_test_advance(t, 2 * SECOND);
	ti_test_expect(t, "summary", "ticks", "4");
	ti_test_expect_quiet(t);
	ti_test_stop(t);
	ti_test_expect_log(t, TI_LOG_WARNING, "stopping after 5 ticks");
	assert_fails(ti_test_packet(t), "no packets can be fed after ti_test_stop");
	assert_int_equal(ti_test_counter(t, TI_COUNT_SEEN), 5);
	ti_test_free(t);
}

/* A packet in three pieces, of which the first has the ports. */
static void test_fragments(void **state)
{
	static const char *const src[] = { "192.0.2.1", "2001:db8::1" };

	(void)state;
	skip_unfed();
	for (size_t i = 0; i < 2; i++) {
		struct ti_test *t = whole();

		ti_test_packet(t, .src = src[i], .id = 7, .fragment_len = 8, .payload = "0123456789", .flags = TI_SYN);
		ti_test_expect(t, "seen", "fragment", "true", "dst_port", "80", "flags", "0");
		ti_test_packet(t, .src = src[i], .id = 7, .fragment_at = 8, .fragment_len = 16, .payload = "0123456789");
		ti_test_packet(t, .src = src[i], .id = 7, .fragment_at = 24, .payload = "0123456789");
		ti_test_expect_none(t);
		assert_int_equal(ti_test_counter(t, TI_COUNT_FRAGMENT), 3);
		ti_test_packet(t, .src = src[i], .fragment_len = 24, .payload = "0123456789", .flags = TI_SYN);
		ti_test_expect(t, "seen", "fragment", "false", "flags", "2", "payload", "0123");
		ti_test_free(t);
	}
}

static void test_no_such_packet(void **state)
{
	struct ti_test *t;

	(void)state;
	skip_unfed();
	t = whole();
	assert_fails(ti_test_packet(t, .src = "192.0.2.1."), "'192.0.2.1.' is no address");
	assert_fails(ti_test_packet(t, .src = "192.0.2.1", .dst = "::1"), "one is IPv4 and one IPv6");
	assert_fails(ti_test_packet(t, .mss = 1, .options = "", .options_len = 37), "41 bytes of TCP options");
	assert_fails(ti_test_packet(t, .fragment_at = 4), "give a multiple of 8");
	assert_fails(ti_test_packet(t, .fragment_len = 12), "give a multiple of 8");
	assert_fails(ti_test_packet(t, .payload = "", .payload_len = 65500), "more than an IP packet takes");
	assert_fails(ti_test_packet(t, .captured = 14), "ends within its headers");
	assert_fails(ti_test_frame(t, "", 1, 0), "a frame of 1 bytes ends within its headers");
	ti_test_free(t);
}

/* More than the kernel's test interface takes: what is there is seen, with its length. */
static void test_large(void **state)
{
	static char payload[60000];
	struct ti_test *t;

	(void)state;
	skip_unfed();
	t = whole();
	ti_test_packet(t, .payload = payload, .payload_len = sizeof(payload));
	ti_test_expect(t, "seen", "len", "60054", "payload_len", "60000");
	ti_test_free(t);
}

static void test_frame(void **state)
{
	uint8_t f[54];
	struct ti_test *t;

	(void)state;
	skip_unfed();
	t = whole();
	assert_int_equal(ti_test_make(&(struct ti_test_packet){ .flags = TI_SYN }, f, sizeof(f)), sizeof(f));
	f[14 + 20 + 13] = TI_RST;
	ti_test_frame(t, f, sizeof(f), 0);
	ti_test_expect(t, "seen", "flags", "4", "way", "in");
	ti_test_frame(t, f, sizeof(f), 1);
	ti_test_expect(t, "seen", "flags", "4", "way", "out");
	ti_test_free(t);
}

static void test_whole_maps(void **state)
{
	struct ti_test *t;

	(void)state;
	skip_unfed();
	t = whole();
	check_maps(t);
	ti_test_record(t, "note", (&(struct note){ 9, 1 }), sizeof(struct note));
	ti_test_socket(t, &(struct ti_socket){ .state = 1 });
	ti_test_advance(t, 2 * SECOND);
	ti_test_expect(t, "summary", "notes", "1", "sockets", "1");
	ti_test_free(t);
}

static void note(struct ti_test *t, uint32_t key, uint32_t n)
{
	ti_test_record(t, "note", (&(struct note){ key, n }), sizeof(struct note));
}

static void check_kept(struct ti_test *t)
{
	note(t, 1, 11);
	note(t, 2, 22);
	note(t, 3, 33); /* no room */
	ti_test_expect_metric(t, "kit_held{key=\"1\"}", "11");
	ti_test_expect_metric(t, "kit_held{key=\"3\"}", "");
	note(t, 1, 0);
	note(t, 3, 33);
	ti_test_expect_metric(t, "kit_held{key=\"1\"}", "");
	ti_test_expect_metric(t, "kit_held{key=\"2\"}", "22");
	ti_test_expect_metric(t, "kit_held{key=\"3\"}", "33");
	assert_null(ti_test_metric(t, "kit_held"));
	assert_fails(ti_test_expect_metric(t, "kit_held{key=\"2\"}", "23"), "is 22, expected 23\n");
}

static void test_metrics(void **state)
{
	struct ti_test *t = user("room=1000");

	(void)state;
	check_kept(t);
	ti_test_stop(t);
	ti_test_expect_log(t, TI_LOG_WARNING, "stopping");
	ti_test_expect_quiet(t);
	ti_test_expect_metric(t, "kit_held{key=\"2\"}", "22");
	ti_test_free(t);
}

static void test_whole_metrics(void **state)
{
	struct ti_test *t;

	(void)state;
	skip_unfed();
	t = whole("room=1000");
	check_kept(t);
	for (int i = 0; i < 6; i++)
		ti_test_packet(t, .dst_port = 80 + i / 2);
	ti_test_expect_metric(t, "kit_packets_total{port=\"80\"}", "2");
	ti_test_expect_metric(t, "kit_packets_total{port=\"81\"}", "2");
	ti_test_expect_metric(t, "kit_packets_total{overflow=\"true\"}", "2");
	ti_test_stop(t);
	ti_test_expect_metric(t, "kit_packets_total{port=\"80\"}", "2");
	ti_test_free(t);
}

static void test_whole_restart(void **state)
{
	struct ti_test *t;

	(void)state;
	skip_unfed();
	t = whole();
	ti_test_packet(t);
	ti_test_advance(t, SECOND);
	assert_int_equal(ti_test_restart(t), 0);
	ti_test_expect_none(t);
	assert_int_equal(ti_test_counter(t, TI_COUNT_SEEN), 0);
	ti_test_packet(t);
	ti_test_expect(t, "seen", "time", "2020-01-01T00:00:01.500000000Z");
	assert_int_equal(ti_test_counter(t, TI_COUNT_SEEN), 1);
	ti_test_free(t);
}

static void test_connection(void **state)
{
	struct ti_test_conn c = { .client_port = 1234, .mss = 4, .gap = SECOND / 10, .client_seq = UINT32_MAX, .server_seq = 500 };
	struct ti_test *t;

	(void)state;
	skip_unfed();
	t = whole();
	ti_test_handshake(t, &c);
	ti_test_expect(t, "seen", "way", "in", "flags", "2", "seq", "4294967295", "src_port", "1234", "dst_port", "80",
		       "src_ip", "192.0.2.1", "time", "2020-01-01T00:00:00.100000000Z");
	ti_test_expect(t, "seen", "way", "out", "flags", "18", "seq", "500", "ack", "0", "src_port", "80", "dst_port", "1234",
		       "src_ip", "198.51.100.1", "dst_ip", "192.0.2.1");
	ti_test_expect(t, "seen", "way", "in", "flags", "16", "seq", "0", "ack", "501");
	ti_test_from_client(t, &c, "request", 7);
	ti_test_expect(t, "seen", "way", "in", "flags", "16", "seq", "0", "payload", "requ");
	ti_test_expect(t, "seen", "way", "in", "flags", "24", "seq", "4", "payload", "est");
	ti_test_from_server(t, &c, "ok", 2);
	ti_test_expect(t, "seen", "way", "out", "flags", "24", "seq", "501", "ack", "7", "payload", "ok");
	ti_test_close(t, &c);
	ti_test_expect(t, "seen", "way", "in", "flags", "17", "seq", "7", "ack", "503");
	ti_test_expect(t, "seen", "way", "out", "flags", "17", "seq", "503", "ack", "8");
	ti_test_expect(t, "seen", "way", "in", "flags", "16", "seq", "8", "ack", "504", "time", "2020-01-01T00:00:00.900000000Z");
	ti_test_expect_none(t);
	c = (struct ti_test_conn){ .outgoing = 1, .server = "2001:db8::9" };
	ti_test_handshake(t, &c);
	ti_test_expect(t, "seen", "way", "out", "src_ip", "2001:db8::1", "dst_ip", "2001:db8::9", "dst_port", "80");
	ti_test_expect(t, "seen", "way", "in", "src_ip", "2001:db8::9", "dst_ip", "2001:db8::1", "src_port", "80");
	ti_test_expect(t, "seen", "way", "out", "ack", "1");
	ti_test_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refused),	   cmocka_unit_test(test_left_open),
		cmocka_unit_test(test_restart),	   cmocka_unit_test(test_whole_restart),
		cmocka_unit_test(test_metrics),	   cmocka_unit_test(test_whole_metrics),
		cmocka_unit_test(test_clock),	   cmocka_unit_test(test_fields),
		cmocka_unit_test(test_failures),   cmocka_unit_test(test_find),
		cmocka_unit_test(test_records),	   cmocka_unit_test(test_host),
		cmocka_unit_test(test_memory),	   cmocka_unit_test(test_maps),
		cmocka_unit_test(test_make),	   cmocka_unit_test(test_fed),
		cmocka_unit_test(test_fragments),  cmocka_unit_test(test_no_such_packet),
		cmocka_unit_test(test_large),	   cmocka_unit_test(test_frame),
		cmocka_unit_test(test_whole_maps), cmocka_unit_test(test_connection),
	};
	const char *dir = getenv("TI_TEST_PLUGINS");

	snprintf(path, sizeof(path), "%s/kit.so", dir ? dir : "tests/plugins");
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* put.c against the C library's slower ways. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "put.h"

static const char *uint_text(uint64_t v)
{
	static char buf[TI_PUT_NUMBER_MAX + 1];

	*ti_put_uint(buf, v) = '\0';
	return buf;
}

static const char *addr_text(const void *addr)
{
	static char buf[TI_PUT_ADDR_MAX + 1];

	*ti_put_addr(buf, addr) = '\0';
	return buf;
}

static void numbers_of_every_length(void **state)
{
	char expect[32], buf[32];
	uint64_t v = 1;

	(void)state;
	for (int digits = 1; digits <= 20; digits++, v *= 10) {
		for (int64_t around = -2; around <= 2; around++) {
			snprintf(expect, sizeof(expect), "%" PRIu64, v + (uint64_t)around);
			assert_string_equal(uint_text(v + (uint64_t)around), expect);
		}
	}
	for (int i = 0; i < 200000; i++) {
		v = (uint64_t)mrand48() << 32 ^ (uint64_t)mrand48();
		v >>= mrand48() & 63;
		snprintf(expect, sizeof(expect), "%" PRIu64, v);
		assert_string_equal(uint_text(v), expect);
		snprintf(expect, sizeof(expect), "%08" PRIu64, v % 100000000);
		*ti_put_8_digits(buf, (uint32_t)(v % 100000000)) = '\0';
		assert_string_equal(buf, expect);
	}
	assert_string_equal(uint_text(UINT64_MAX), "18446744073709551615");
}

static void signed_numbers(void **state)
{
	char buf[32];

	(void)state;
	*ti_put_int(buf, INT64_MIN) = '\0';
	assert_string_equal(buf, "-9223372036854775808");
	*ti_put_int(buf, -1) = '\0';
	assert_string_equal(buf, "-1");
	*ti_put_int(buf, INT64_MAX) = '\0';
	assert_string_equal(buf, "9223372036854775807");
}

static void ipv4_is_dotted(void **state)
{
	unsigned char a[16] = {[10] = 0xff, [11] = 0xff};
	char expect[INET_ADDRSTRLEN];

	(void)state;
	for (int i = 0; i < 256; i++) {
		a[12] = (unsigned char)i;
		a[13] = (unsigned char)(255 - i);
		a[14] = (unsigned char)(i / 2);
		a[15] = (unsigned char)(i * 7);
		inet_ntop(AF_INET, a + 12, expect, sizeof(expect));
		assert_string_equal(addr_text(a), expect);
	}
}

static void ipv6_as_rfc_5952(void **state)
{
	/* The RFC's own examples, and runs at either end. */
	static const char *const canonical[] = {
		"2001:db8::1",
		"2001:db8:0:1:1:1:1:1",
		"2001:0:0:1::1",
		"2001:db8::1:0:0:1",
		"2001:db8:aaaa:bbbb:cccc:dddd:eeee:1",
		"::",
		"::1",
		"1::",
		"fe80::1:2:3:4",
		"0:1:2:3:4:5:6:7",
		"1:2:3:4:5:6:7:0",
		"64:ff9b::c000:201",
	};
	unsigned char a[16];
	char expect[INET6_ADDRSTRLEN];

	(void)state;
	for (size_t i = 0; i < sizeof(canonical) / sizeof(canonical[0]); i++) {
		assert_int_equal(inet_pton(AF_INET6, canonical[i], a), 1);
		assert_string_equal(addr_text(a), canonical[i]);
	}
	for (int i = 0; i < 100000; i++) {
		long zeros = mrand48();

		for (int g = 0; g < 8; g++) {
			a[2 * g] = zeros >> g & 1 ? 0 : (unsigned char)(mrand48() & mrand48());
			a[2 * g + 1] = zeros >> g & 1 ? 0 : (unsigned char)mrand48();
		}
		a[0] |= 0x10; /* the library prints ::a.b.c.d for some */
		inet_ntop(AF_INET6, a, expect, sizeof(expect));
		assert_string_equal(addr_text(a), expect);
	}
}

static void prefix_lengths_are_clamped(void **state)
{
	static const struct {
		const char *addr;
		uint64_t len;
		const char *expect;
	} rows[] = {
		{"::ffff:10.0.0.0", 8, "10.0.0.0/8"},	      {"::ffff:0.0.0.0", 0, "0.0.0.0/0"},
		{"::ffff:10.0.0.0", 33, "10.0.0.0/32"},	      {"2001:db8::", 48, "2001:db8::/48"},
		{"2001:db8::", UINT64_MAX, "2001:db8::/128"},
	};
	char buf[TI_PUT_PREFIX_MAX + 1];
	unsigned char a[16];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(inet_pton(AF_INET6, rows[i].addr, a), 1);
		*ti_put_prefix(buf, a, rows[i].len) = '\0';
		assert_string_equal(buf, rows[i].expect);
	}
}

static void utf8_is_strict(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
		uint32_t code;
	} rows[] = {
		{"a", 1, 'a'},
		{"\xc2\x80", 2, 0x80},
		{"\xdf\xbf", 2, 0x7ff},
		{"\xe0\xa0\x80", 3, 0x800},
		{"\xef\xbf\xbf", 3, 0xffff},
		{"\xf0\x90\x80\x80", 4, 0x10000},
		{"\xf4\x8f\xbf\xbf", 4, 0x10ffff},
		{"\x80", 0, 0}, /* a continuation alone */
		{"\xc0\x80", 0, 0}, /* overlong */
		{"\xc1\xbf", 0, 0},
		{"\xe0\x9f\xbf", 0, 0},
		{"\xf0\x8f\xbf\xbf", 0, 0},
		{"\xed\xa0\x80", 0, 0}, /* a surrogate */
		{"\xf4\x90\x80\x80", 0, 0}, /* beyond the last */
		{"\xf8\x88\x80\x80", 0, 0},
		{"\xff", 0, 0},
		{"\xe2\x82", 0, 0}, /* cut */
		{"\xe2\x28\xa1", 0, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint32_t code = 0;

		assert_int_equal(
			ti_utf8((const unsigned char *)rows[i].bytes, strlen(rows[i].bytes), &code),
			rows[i].len);
		if (rows[i].len)
			assert_int_equal(code, rows[i].code);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_of_every_length),
		cmocka_unit_test(signed_numbers),
		cmocka_unit_test(ipv4_is_dotted),
		cmocka_unit_test(ipv6_as_rfc_5952),
		cmocka_unit_test(prefix_lengths_are_clamped),
		cmocka_unit_test(utf8_is_strict),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

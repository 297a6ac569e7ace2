/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test-tls.c - hellos that are built here, split in all ways; JA4 by its
 * specification's own examples; SHA-256 by NIST's.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* after those it needs */
#include <cmocka.h>

#include "../../plugins/httpsniff/ja4.h"
#include "../../plugins/httpsniff/sha256.h"
#include "../../plugins/httpsniff/tls.h"
#include "../fuzz/trace.h"

#define N(a) (sizeof(a) / sizeof((a)[0]))

/* --- SHA-256 --------------------------------------------------------------- */

static void assert_digest(const void *data, size_t len, size_t piece, const char *hex)
{
	uint8_t digest[SHA256_SIZE];
	char said[2 * SHA256_SIZE + 1];
	struct sha256 s;
	size_t i, n;

	sha256_init(&s);
	for (i = 0; i < len; i += n) {
		n = len - i < piece ? len - i : piece;
		sha256_add(&s, (const char *)data + i, n);
	}
	sha256_end(&s, digest);
	for (i = 0; i < SHA256_SIZE; i++)
		sprintf(said + 2 * i, "%02x", digest[i]);
	assert_string_equal(said, hex);
}

/* FIPS 180-2, appendix B, and the empty message. */
static void test_sha256(void **state)
{
	static const char two[] = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
	char *million = malloc(1000000);

	(void)state;
	assert_digest("", 0, 1, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	assert_digest("abc", 3, 3,
		      "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	assert_digest(two, 56, 56,
		      "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
	assert_digest(two, 56, 1,
		      "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
	assert_non_null(million);
	memset(million, 'a', 1000000);
	assert_digest(million, 1000000, 1000000,
		      "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
	assert_digest(million, 1000000, 77,
		      "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
	free(million);
}

/* Every length around one and two blocks, by sha256sum. */
static void test_sha256sum(void **state)
{
	char command[256], hex[65];
	uint8_t data[130];
	FILE *from;
	size_t n;

	(void)state;
	memset(data, 'x', sizeof(data));
	for (n = 50; n <= sizeof(data); n++) {
		snprintf(command, sizeof(command), "printf %%%zus '' | tr ' ' x | sha256sum", n);
		from = popen(command, "r");
		assert_non_null(from);
		assert_int_equal(fscanf(from, "%64s", hex), 1);
		pclose(from);
		assert_digest(data, n, 64, hex);
	}
}

/* --- JA4 ------------------------------------------------------------------- */

#define LIST(...)                                                                \
	{                                                                        \
		(uint16_t[]){__VA_ARGS__}, sizeof((uint16_t[]){__VA_ARGS__}) / 2 \
	}

/* What the specification says step by step. */
static void test_ja4(void **state)
{
	struct ja4 hello = {
		.version = 0x0304,
		.sni = true,
		.alpn = "h2",
		.alpn_len = 2,
		.ciphers = LIST(0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9,
				0xcca8, 0xc013, 0xc014, 0x009c, 0x009d, 0x002f, 0x0035),
		.extensions = LIST(0x001b, 0x0000, 0x0033, 0x0010, 0x4469, 0x0017, 0x002d, 0x000d,
				   0x0005, 0x0023, 0x0012, 0x002b, 0xff01, 0x000b, 0x000a, 0x0015),
		.algorithms = LIST(0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601),
	};
	char ja4[JA4_SIZE];

	(void)state;
	ja4_print(&hello, ja4);
	assert_string_equal(ja4, "t13d1516h2_8daaf6152771_e5627efa2ab1");
	hello.algorithms.count = 0;
	hello.extensions = (struct ja4_list)LIST(0x0000, 0x0005, 0x000a, 0x000b, 0x000d, 0x0010);
	ja4_print(&hello, ja4);
	/* printf 0005,000a,000b,000d | sha256sum */
	assert_string_equal(ja4, "t13d1506h2_8daaf6152771_23bd319281cc");
}

static void test_ja4_of_little(void **state)
{
	struct ja4 hello = {.version = 0x0303};
	char ja4[JA4_SIZE];

	(void)state;
	ja4_print(&hello, ja4);
	assert_string_equal(ja4, "t12i000000_000000000000_000000000000");
	/* those that the hash leaves out count, and without it algorithms are nothing */
	hello.sni = true;
	hello.extensions = (struct ja4_list)LIST(0x0010, 0x0000);
	hello.algorithms = (struct ja4_list)LIST(0x0403);
	ja4_print(&hello, ja4);
	assert_string_equal(ja4, "t12d000200_000000000000_000000000000");
}

static void test_ja4_of_much(void **state)
{
	static uint16_t values[300];
	struct ja4 hello = {.ciphers = {values, 300}, .extensions = {values, 99}};
	char ja4[JA4_SIZE];
	int i;

	(void)state;
	for (i = 0; i < 300; i++)
		values[i] = (uint16_t)(1000 - i);
	ja4_print(&hello, ja4);
	assert_memory_equal(ja4, "t00i999900_", 11);
	assert_int_equal(strlen(ja4), JA4_SIZE - 1);
	assert_int_equal(values[0], 701);
}

static void test_ja4_names(void **state)
{
	static const struct {
		uint16_t version;
		const char *alpn;
		const char *said;
	} rows[] = {
		{0x0304, "", "t13i000000_"},
		{0x0303, "h2", "t12i0000h2_"},
		{0x0302, "http/1.1", "t11i0000h1_"},
		{0x0301, "x", "t10i0000xx_"},
		{0x0300, "\xab", "ts3i0000ab_"},
		{0x0002, "\x20", "ts2i000020_"},
		{0x0305, "\xab\xcd", "t00i0000ad_"},
		{0x7f1c, "\x20\x61", "t00i000021_"},
		{0xfefd, "\x30\xab", "td2i00003b_"},
		{0x0304, "\x61\x20", "t13i000060_"},
		{0x0304, "\x30\x31\xab\xcd", "t13i00003d_"},
		{0x0304, "\x30\xab\xcd\x31", "t13i000001_"},
		{0x0304, "/Z", "t13i00002a_"},
		{0x0304, "Z:", "t13i00005a_"},
		{0x0304, "A@", "t13i000040_"},
		{0x0304, "z[", "t13i00007b_"},
	};
	char ja4[JA4_SIZE];
	size_t i;

	(void)state;
	for (i = 0; i < N(rows); i++) {
		struct ja4 hello = {.version = rows[i].version,
				    .alpn = rows[i].alpn,
				    .alpn_len = strlen(rows[i].alpn)};

		ja4_print(&hello, ja4);
		ja4[strlen(rows[i].said)] = 0;
		assert_string_equal(ja4, rows[i].said);
	}
}

/* --- hellos ---------------------------------------------------------------- */

/* Bytes that grow. */
struct bytes {
	uint8_t at[70000];
	size_t len;
};

static void put(struct bytes *b, const void *data, size_t len)
{
	assert_true(b->len + len <= sizeof(b->at));
	memcpy(b->at + b->len, data, len);
	b->len += len;
}

static void put_number(struct bytes *b, size_t n, size_t bytes)
{
	while (bytes--)
		put(b, &(uint8_t){(uint8_t)(n >> 8 * bytes)}, 1);
}

/* A length in so many bytes for what comes until length_end. */
static size_t length_begin(struct bytes *b, size_t bytes)
{
	put_number(b, 0, bytes);
	return b->len;
}

static void length_end(struct bytes *b, size_t at, size_t bytes)
{
	struct bytes *n = calloc(1, sizeof(*n));

	put_number(n, b->len - at, bytes);
	memcpy(b->at + at - bytes, n->at, bytes);
	free(n);
}

static void put_vector(struct bytes *b, size_t bytes, const void *data, size_t len)
{
	put_number(b, len, bytes);
	put(b, data, len);
}

static void extension(struct bytes *b, uint16_t type, const void *data, size_t len)
{
	put_number(b, type, 2);
	put_vector(b, 2, data, len);
}

/* A handshake message; extensions are whole, with their type and length each. */
static void hello(struct bytes *b, uint16_t version, const void *ciphers, size_t ciphers_len,
		  const struct bytes *extensions)
{
	size_t at;

	b->len = 0;
	put_number(b, 1, 1);
	at = length_begin(b, 3);
	put_number(b, version, 2);
	put(b, "0123456789abcdef0123456789ABCDEF", 32);
	put_vector(b, 1, "session", 7);
	put_vector(b, 2, ciphers, ciphers_len);
	put_vector(b, 1, "", 1);
	if (extensions)
		put_vector(b, 2, extensions->at, extensions->len);
	length_end(b, at, 3);
}

/* The message in records of at most so many bytes. */
static void records(struct bytes *to, const struct bytes *message, size_t most)
{
	size_t at, n;

	to->len = 0;
	for (at = 0; at < message->len; at += n) {
		n = message->len - at < most ? message->len - at : most;
		put(to, "\x16\x03\x01", 3);
		put_vector(to, 2, message->at + at, n);
	}
}

static void same(char *trace, const char *said, const char *how, size_t n)
{
	if (strcmp(trace, said))
		fail_msg("%s (%zu):\n%s\nnot:\n%s", how, n, trace, said);
	free(trace);
}

/* Of a client's bytes, however they come. */
static void check_bytes(const struct bytes *b, const char *said)
{
	static const size_t sizes[] = {1, 2, 5, 1400};
	struct pieces p;
	size_t i;

	p = (struct pieces){pieces_whole};
	same(tls_trace(b->at, b->len, p), said, "whole", b->len);
	for (i = 0; i < N(sizes); i++) {
		p = (struct pieces){pieces_sized, sizes[i]};
		same(tls_trace(b->at, b->len, p), said, "pieces of", sizes[i]);
	}
	for (i = 1; i < b->len; i += 1 + i / 100) {
		p = (struct pieces){pieces_cut, i};
		same(tls_trace(b->at, b->len, p), said, "cut at", i);
	}
}

static void check(const struct bytes *message, const char *said)
{
	static const size_t sizes[] = {16384, 1000, 100, 4, 1};
	struct bytes *b = calloc(1, sizeof(*b));
	size_t i;

	for (i = 0; i < N(sizes); i++) {
		if (message->len / sizes[i] * 6 > sizeof(b->at))
			break;
		records(b, message, sizes[i]);
		check_bytes(b, said);
	}
	free(b);
}

/* What the next tests build in. */
static struct bytes e, m;

static void test_hello(void **state)
{
	(void)state;
	e.len = 0;
	extension(&e, 0x2a2a, "", 0);
	extension(&e, 0,
		  "\0\x0c\0\0\x09"
		  "a.example",
		  14);
	extension(&e, 16, "\0\x0c\x02h2\x08http/1.1", 14);
	extension(&e, 43, "\x06\x1a\x1a\x03\x04\x03\x03", 7);
	extension(&e, 13, "\0\x06\x04\x03\x08\x04\x04\x01", 8);
	extension(&e, 0xfe0d, "\0\0\x01\0\x01", 5);
	hello(&m, 0x0303, "\xfa\xfa\x13\x01\x13\x02\xc0\x2b", 8, &e);
	/* printf 1301,1302,c02b | sha256sum; printf 000d,002b,fe0d_0403,0804,0401 | sha256sum */
	check(&m, "0303 0303-0304 3 ciphers 5 extensions sni=a.example alpn=h2,http/1.1 ech grease "
		  "t13d0305h2_5559582ccdc4_73bcfd689a74 (132)");
}

/* As they were before there were extensions. */
static void test_old_hello(void **state)
{
	(void)state;
	hello(&m, 0x0300, "\0\x0a\0\x05", 4, NULL);
	/* printf 0005,000a | sha256sum */
	check(&m,
	      "0300 0300-0300 2 ciphers 0 extensions ts3i020000_ecbe99380d04_000000000000 (54)");
}

static void test_order_counts_for_algorithms_only(void **state)
{
	(void)state;
	e.len = 0;
	extension(&e, 43, "\x02\x03\x04", 3);
	extension(&e, 13, "\0\x04\x08\x04\x04\x03", 6);
	hello(&m, 0x0303, "\x13\x02\x13\x01", 4, &e);
	/* printf 1301,1302 | sha256sum; printf 000d,002b_0804,0403 | sha256sum */
	check(&m,
	      "0303 0304-0304 2 ciphers 2 extensions t13i020200_62ed6f6ca7ad_9cb16391150f (73)");
}

/* An SNI may be empty, or not there for its extension to count. */
static void test_sni(void **state)
{
	static const struct {
		const char *data;
		size_t len;
		const char *said; /* behind the counts */
	} rows[] = {
		{"\0\x06\0\0\x03"
		 "a\0b",
		 8, " sni=a\\x00b "},
		{"\0\x08\0\0\x01"
		 "a\0\0\x01"
		 "b",
		 10, " sni=a "}, /* the first */
		{"\0\x08\x07\0\x01"
		 "a\0\0\x01"
		 "b",
		 10, " sni=b "}, /* of the host names */
		{"\0\0", 2, " "},
		{"\0\x03\0\0\0", 5, " "},
		{"", 0, " truncated "},
		{"\0\x04\0\0\x03"
		 "abc",
		 8, " truncated "},
		{"\0\x06\0\0\x03"
		 "abcd",
		 9, " sni=abc truncated "},
	};
	char said[128], *trace;
	struct bytes *b = calloc(1, sizeof(*b));
	size_t i;

	(void)state;
	for (i = 0; i < N(rows); i++) {
		e.len = 0;
		extension(&e, 0, rows[i].data, rows[i].len);
		hello(&m, 0x0303, "\0\x0a", 2, &e);
		records(b, &m, 16384);
		trace = tls_trace(b->at, b->len, (struct pieces){pieces_whole});
		sprintf(said, "0303 0303-0303 1 ciphers 1 extensions%s", rows[i].said);
		assert_memory_equal(trace, said, strlen(said));
		assert_true(!!strstr(said, "truncated") == !strstr(trace, "t12d0101"));
		free(trace);
	}
	free(b);
}

static void test_alpn(void **state)
{
	char said[256] = "0303 0303-0303 1 ciphers 1 extensions alpn=", *trace;
	struct bytes *b = calloc(1, sizeof(*b));
	uint8_t many[2 + 40];
	int i;

	(void)state;
	many[0] = 0;
	many[1] = 40;
	for (i = 0; i < 20; i++) {
		many[2 + 2 * i] = 1;
		many[3 + 2 * i] = (uint8_t)('a' + i);
	}
	for (i = 0; i < TLS_ALPN_MAX; i++)
		sprintf(said + strlen(said), "%s%c", i ? "," : "", 'a' + i);
	strcat(said, " t12i0101aa_");
	e.len = 0;
	extension(&e, 16, many, sizeof(many));
	hello(&m, 0x0303, "\0\x0a", 2, &e);
	records(b, &m, 16384);
	trace = tls_trace(b->at, b->len, (struct pieces){pieces_whole});
	assert_memory_equal(trace, said, strlen(said));
	free(trace);
	free(b);
}

/* Post-quantum key shares: over a segment, up to as long as is read at all. */
static void test_long_hellos(void **state)
{
	static const size_t lens[] = {1184, 5000, TLS_HELLO_MAX - 54};
	static uint8_t share[TLS_HELLO_MAX];
	char said[128];
	size_t i;

	(void)state;
	for (i = 0; i < N(lens); i++) {
		e.len = 0;
		extension(&e, 51, share, lens[i]);
		hello(&m, 0x0303, "\x13\x01", 2, &e);
		/* printf 1301 | sha256sum; printf 0033 | sha256sum */
		sprintf(said,
			"0303 0303-0303 1 ciphers 1 extensions "
			"t12i010100_0f2cb44170f4_052bfcbedb83 (%zu)",
			m.len);
		check(&m, said);
	}
	assert_int_equal(m.len, TLS_HELLO_MAX + 4);
	/* one more */
	e.len = 0;
	extension(&e, 0,
		  "\0\x0c\0\0\x09"
		  "a.example",
		  14);
	extension(&e, 51, share, lens[2] - 18 + 1);
	hello(&m, 0x0303, "\x13\x01", 2, &e);
	assert_int_equal(m.len, TLS_HELLO_MAX + 5);
	check(&m, "0303 0303-0303 1 ciphers 1 extensions sni=a.example truncated  (16389)");
}

/* Everything is truncated but what is whole. */
static void test_end(void **state)
{
	struct bytes *b = calloc(1, sizeof(*b));
	char *trace;
	size_t n;

	(void)state;
	e.len = 0;
	extension(&e, 0,
		  "\0\x0c\0\0\x09"
		  "a.example",
		  14);
	extension(&e, 43, "\x02\x03\x04", 3);
	hello(&m, 0x0303, "\x13\x01", 2, &e);
	records(b, &m, 16384);
	for (n = 0; n <= b->len; n++) {
		trace = tls_trace(b->at, n, (struct pieces){pieces_whole});
		if (n < 5 + 4 + 2)
			assert_string_equal(trace, "");
		else if (n < b->len)
			assert_non_null(strstr(trace, " truncated  ("));
		else
			assert_null(strstr(trace, "truncated"));
		assert_int_equal(!!strstr(trace, "sni=a.example"), n >= b->len - 7);
		free(trace);
	}
	free(b);
}

static void check_bad(const void *data, size_t len)
{
	struct bytes *b = calloc(1, sizeof(*b));

	put(b, data, len);
	check_bytes(b, "bad");
	free(b);
}

static void test_no_tls(void **state)
{
	(void)state;
	check_bad("GET / HTTP/1.1\r\n\r\n", 18);
	check_bad("\x80\x2e\x01\x03\x01\0\x15\0\0\0\x10", 11); /* SSL 2 */
	check_bad("\x15\x03\x01\0\x02\x02\x28", 7); /* an alert */
	check_bad("\x16\x02\x01\0\x04\x01\0\0\0", 9);
	check_bad("\x16\x03\x01\0\x04\x02\0\0\0", 9); /* a ServerHello */
	check_bad("\x16\x03\x01\0\0\x16\x03\x01\0\x04\x01\0\0\0", 14); /* nothing in a record */
	check_bad("\x16\x03\x01\x40\x01\x01\0\x02\0\x03\x03", 11); /* too much */
	check_bad("\x16\x03\x01\0\x04\x01\0\x02\0\x15\x03\x01\0\x02\0\0", 16); /* not all records */
	check_bad("\x16\x03\x01\0\x04\x01\0\0\0", 9); /* nothing in a hello */
	check_bad("\x16\x03\x01\0\x05\x01\0\0\x01\x03", 10);
}

static void test_once(void **state)
{
	struct bytes *b = calloc(1, sizeof(*b));
	struct tls_hello said;
	struct tls t = {};

	(void)state;
	hello(&m, 0x0303, "\0\x0a", 2, NULL);
	records(b, &m, 10);
	assert_int_equal(tls_feed(&t, b->at, 20, &said), TLS_MORE);
	assert_int_equal(tls_feed(&t, "", 0, &said), TLS_MORE);
	assert_int_equal(tls_feed(&t, b->at + 20, b->len - 20, &said), TLS_HELLO);
	assert_int_equal(said.segments, 2);
	assert_non_null(t.hello);
	tls_release(&t);
	assert_null(t.hello);
	assert_int_equal(tls_feed(&t, b->at, b->len, &said), TLS_DONE);
	assert_int_equal(tls_end(&t, &said), TLS_MORE);
	tls_free(&t);
	tls_free(&t);
	assert_int_equal(tls_feed(&t, b->at, b->len, &said), TLS_HELLO);
	tls_free(&t);
	free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sha256),
		cmocka_unit_test(test_sha256sum),
		cmocka_unit_test(test_ja4),
		cmocka_unit_test(test_ja4_of_little),
		cmocka_unit_test(test_ja4_of_much),
		cmocka_unit_test(test_ja4_names),
		cmocka_unit_test(test_hello),
		cmocka_unit_test(test_old_hello),
		cmocka_unit_test(test_order_counts_for_algorithms_only),
		cmocka_unit_test(test_sni),
		cmocka_unit_test(test_alpn),
		cmocka_unit_test(test_long_hellos),
		cmocka_unit_test(test_end),
		cmocka_unit_test(test_no_tls),
		cmocka_unit_test(test_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

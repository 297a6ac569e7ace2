/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ja4.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "sha256.h"

#define SNI	  0x0000
#define ALPN	  0x0010
#define HASH_SIZE 13 /* 12 hex digits */

static const struct {
	uint16_t version;
	char name[3];
} versions[] = {
	{0x0304, "13"}, {0x0303, "12"}, {0x0302, "11"}, {0x0301, "10"}, {0x0300, "s3"},
	{0x0002, "s2"}, {0xfeff, "d1"}, {0xfefd, "d2"}, {0xfefc, "d3"},
};

static const char *version_name(uint16_t version)
{
	size_t i;

	for (i = 0; i < sizeof(versions) / sizeof(versions[0]); i++)
		if (versions[i].version == version)
			return versions[i].name;
	return "00";
}

static bool is_alphanumeric(char c)
{
	return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
}

/* The first and the last character, of the protocol or of its hex digits. */
static void print_alpn(const struct ja4 *hello, char to[3])
{
	static const char digits[] = "0123456789abcdef";
	char first, last;

	if (!hello->alpn_len) {
		memcpy(to, "00", 3);
		return;
	}
	first = hello->alpn[0];
	last = hello->alpn[hello->alpn_len - 1];
	if (!is_alphanumeric(first) || !is_alphanumeric(last)) {
		first = digits[(uint8_t)first >> 4];
		last = digits[last & 0xf];
	}
	to[0] = first;
	to[1] = last;
	to[2] = 0;
}

/* Those but SNI and ALPN, where they are left out, separated by commas. */
static size_t add_list(struct sha256 *s, const struct ja4_list *list, const char *before,
		       bool extensions)
{
	size_t i, n = 0;
	char hex[8];
	int len;

	for (i = 0; i < list->count; i++) {
		if (extensions && (list->value[i] == SNI || list->value[i] == ALPN))
			continue;
		len = snprintf(hex, sizeof(hex), "%s%04x", n++ ? "," : before, list->value[i]);
		sha256_add(s, hex, (size_t)len);
	}
	return n;
}

/* Of nothing it is zeros. */
static void print_hash(struct sha256 *s, size_t values, char to[HASH_SIZE])
{
	uint8_t digest[SHA256_SIZE] = {};
	size_t i;

	if (values)
		sha256_end(s, digest);
	for (i = 0; i < HASH_SIZE / 2; i++)
		snprintf(to + 2 * i, 3, "%02x", digest[i]);
}

static int by_value(const void *a, const void *b)
{
	return *(const uint16_t *)a - *(const uint16_t *)b;
}

static void sort(struct ja4_list *list)
{
	if (list->count)
		qsort(list->value, list->count, sizeof(*list->value), by_value);
}

static int two_digits(size_t n)
{
	return n < 99 ? (int)n : 99;
}

void ja4_print(struct ja4 *hello, char to[JA4_SIZE])
{
	char alpn[3], ciphers[HASH_SIZE], extensions[HASH_SIZE];
	struct sha256 s;
	size_t n;

	sort(&hello->ciphers);
	sort(&hello->extensions);
	print_alpn(hello, alpn);
	sha256_init(&s);
	n = add_list(&s, &hello->ciphers, "", false);
	print_hash(&s, n, ciphers);
	sha256_init(&s);
	n = add_list(&s, &hello->extensions, "", true);
	if (n)
		add_list(&s, &hello->algorithms, "_", false);
	print_hash(&s, n, extensions);
	snprintf(to, JA4_SIZE, "t%s%c%02d%02d%s_%s_%s", version_name(hello->version),
		 hello->sni ? 'd' : 'i', two_digits(hello->ciphers.count),
		 two_digits(hello->extensions.count), alpn, ciphers, extensions);
}

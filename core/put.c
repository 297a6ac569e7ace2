/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * put.c - values as text. Branches that depend on the data are what such code
 * costs, so widths come from tables and comparisons.
 */
#include "put.h"

#include <arpa/inet.h>
#include <endian.h>

#define TEN_PAIRS(t) t "0" t "1" t "2" t "3" t "4" t "5" t "6" t "7" t "8" t "9"
const char ti_digit_pairs[200] __attribute__((aligned(64))) =
	TEN_PAIRS("0") TEN_PAIRS("1") TEN_PAIRS("2") TEN_PAIRS("3") TEN_PAIRS("4") TEN_PAIRS("5")
		TEN_PAIRS("6") TEN_PAIRS("7") TEN_PAIRS("8") TEN_PAIRS("9");

#define E8 100000000ull

/* The eight digits of v < 10^8, the first in the lowest byte: halved in place to
 * lanes of four, two and one digit. x * 10486 >> 20 is x / 100, x * 103 >> 10 is
 * x / 10, for what a lane holds. */
static inline uint64_t eight_digits(uint64_t v)
{
	uint64_t fours = v / 10000 | v % 10000 << 32;
	uint64_t hundreds = fours * 10486 >> 20 & 0x7f0000007full;
	uint64_t twos = hundreds | (fours - hundreds * 100) << 16;
	uint64_t tens = twos * 103 >> 10 & 0xf000f000f000full;

	return tens | (twos - tens * 10) << 8;
}

static char *put_bytes(char *o, uint64_t first_lowest)
{
	first_lowest = htole64(first_lowest);
	memcpy(o, &first_lowest, 8);
	return o + 8;
}

char *ti_put_8_digits(char *o, uint32_t v)
{
	return put_bytes(o, eight_digits(v) | 0x3030303030303030ull);
}

/* Without leading zeros. */
static inline char *put_few(char *o, uint64_t v)
{
	uint64_t d = eight_digits(v);
	unsigned zeros = (unsigned)__builtin_ctzll(d | 1ull << 56) & ~7u;

	return put_bytes(o, (d | 0x3030303030303030ull) >> zeros) - zeros / 8;
}

char *ti_put_uint(char *o, uint64_t v)
{
	if (__builtin_expect(v < E8, 1))
		return put_few(o, v);
	if (v < E8 * E8)
		return ti_put_8_digits(put_few(o, v / E8), (uint32_t)(v % E8));
	o = put_few(o, v / (E8 * E8));
	v %= E8 * E8;
	return ti_put_8_digits(ti_put_8_digits(o, (uint32_t)(v / E8)), (uint32_t)(v % E8));
}

char *ti_put_int(char *o, int64_t v)
{
	if (v >= 0)
		return ti_put_uint(o, (uint64_t)v);
	*o++ = '-';
	return ti_put_uint(o, -(uint64_t)v);
}

/* An octet and the dot behind it. */
#define TEN_OCTETS(t) t "0.", t "1.", t "2.", t "3.", t "4.", t "5.", t "6.", t "7.", t "8.", t "9."
static const char octets[256][4] __attribute__((aligned(64))) = {
	TEN_OCTETS(""),	  TEN_OCTETS("1"),  TEN_OCTETS("2"),  TEN_OCTETS("3"),	TEN_OCTETS("4"),
	TEN_OCTETS("5"),  TEN_OCTETS("6"),  TEN_OCTETS("7"),  TEN_OCTETS("8"),	TEN_OCTETS("9"),
	TEN_OCTETS("10"), TEN_OCTETS("11"), TEN_OCTETS("12"), TEN_OCTETS("13"), TEN_OCTETS("14"),
	TEN_OCTETS("15"), TEN_OCTETS("16"), TEN_OCTETS("17"), TEN_OCTETS("18"), TEN_OCTETS("19"),
	TEN_OCTETS("20"), TEN_OCTETS("21"), TEN_OCTETS("22"), TEN_OCTETS("23"), TEN_OCTETS("24"),
	"250.",		  "251.",	    "252.",	      "253.",		"254.",
	"255.",
};

static char *put_ipv4(char *o, const unsigned char *octet)
{
	for (int i = 0; i < 4; i++) {
		memcpy(o, octets[octet[i]], 4);
		o += 2 + (octet[i] > 9) + (octet[i] > 99);
	}
	return o - 1;
}

static char *put_group(char *o, unsigned v)
{
	static const char hex[16] = "0123456789abcdef";

	for (int shift = v > 0xfff ? 12 : v > 0xff ? 8 : v > 0xf ? 4 : 0; shift >= 0; shift -= 4)
		*o++ = hex[v >> shift & 15];
	return o;
}

/* RFC 5952: "::" stands for the longest run of zeros, the first of equals,
 * never for one group alone. */
static char *put_ipv6(char *o, const unsigned char *addr)
{
	unsigned group[8];
	int best = -1, best_len = 1;

	for (int i = 0; i < 8; i++)
		group[i] = (unsigned)addr[2 * i] << 8 | addr[2 * i + 1];
	for (int i = 0, len = 0; i < 8; i++) {
		len = group[i] ? 0 : len + 1;
		if (len > best_len) {
			best_len = len;
			best = i - len + 1;
		}
	}
	for (int i = 0; i < 8; i++) {
		if (i == best) {
			*o++ = ':';
			i += best_len - 1;
			if (i == 7)
				*o++ = ':';
			continue;
		}
		if (i)
			*o++ = ':';
		o = put_group(o, group[i]);
	}
	return o;
}

static bool is_mapped(const unsigned char *addr)
{
	uint64_t hi;
	uint32_t mid;

	memcpy(&hi, addr, 8);
	memcpy(&mid, addr + 8, 4);
	return hi == 0 && mid == htonl(0xffff);
}

char *ti_put_addr(char *o, const unsigned char *addr)
{
	return is_mapped(addr) ? put_ipv4(o, addr + 12) : put_ipv6(o, addr);
}

char *ti_put_prefix(char *o, const unsigned char *addr, uint64_t len)
{
	uint64_t most = is_mapped(addr) ? 32 : 128;

	o = ti_put_addr(o, addr);
	*o++ = '/';
	return ti_put_uint(o, len < most ? len : most);
}

size_t ti_utf8(const unsigned char *s, size_t n, uint32_t *code)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	size_t len = s[0] < 0x80   ? 1
		     : s[0] < 0xc0 ? 0
		     : s[0] < 0xe0 ? 2
		     : s[0] < 0xf0 ? 3
		     : s[0] < 0xf8 ? 4
				   : 0;
	uint32_t c = len < 2 ? s[0] : s[0] & (0x7fu >> len);

	if (!len || len > n)
		return 0;
	for (size_t i = 1; i < len; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (s[i] & 0x3f);
	}
	if (c < least[len] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return 0;
	*code = c;
	return len;
}

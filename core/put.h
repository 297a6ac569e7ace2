/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * put.h - values as text, written straight to where the line is made: numbers,
 * addresses, UTF-8. What snprintf and inet_ntop do, at the price of a few
 * nanoseconds each.
 *
 * Every ti_put_* writes at `o`, ends nothing with NUL and returns the new end.
 * The caller has the room: TI_PUT_*_MAX bytes.
 */
#ifndef TI_PUT_H
#define TI_PUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define TI_PUT_NUMBER_MAX 24 /* 18446744073709551615, and some to spare */
#define TI_PUT_ADDR_MAX   40 /* ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff, and one to spare */
#define TI_PUT_PREFIX_MAX (TI_PUT_ADDR_MAX + 4)

/* 00 to 99, two digits each. */
extern const char ti_digit_pairs[200];

static inline char *ti_put_pair(char *o, unsigned v)
{
	memcpy(o, ti_digit_pairs + 2 * v, 2);
	return o + 2;
}

/* v < 10^8, with leading zeros. */
char *ti_put_8_digits(char *o, uint32_t v);
char *ti_put_uint(char *o, uint64_t v);
char *ti_put_int(char *o, int64_t v);

/* `addr` as ti_addr, unaligned: dotted when mapped IPv4, else RFC 5952. */
char *ti_put_addr(char *o, const unsigned char *addr);
/* A length beyond the family's is printed as the longest there is. */
char *ti_put_prefix(char *o, const unsigned char *addr, uint64_t len);

/* Bytes of the UTF-8 sequence (RFC 3629) that begins at s, of at most n > 0, and
 * its code point; 0: it is none. */
size_t ti_utf8(const unsigned char *s, size_t n, uint32_t *code);

#endif

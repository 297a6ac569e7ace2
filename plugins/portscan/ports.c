/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/* ports.c - see ports.h. */
#include "ports.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

enum port_state ports_get(const struct ports *p, uint16_t port)
{
	return p->state[port / 4] >> (port % 4 * 2) & 3;
}

void ports_set(struct ports *p, uint16_t port, enum port_state state)
{
	enum port_state was = ports_get(p, port);

	if (state > was)
		p->state[port / 4] ^= (was ^ state) << (port % 4 * 2);
}

void ports_count(const struct ports *p, uint32_t count[4])
{
	memset(count, 0, 4 * sizeof(*count));
	for (uint32_t port = 0; port < 65536; port++)
		count[ports_get(p, port)]++;
}

size_t ports_ranges(const struct ports *p, char *to, size_t size)
{
	static const char more[] = ",...";
	char range[16];
	size_t len = 0, fits = 0; /* what leaves room for `more` */

	for (uint32_t port = 0; port < 65536; port++) {
		uint32_t first = port;
		size_t n;

		if (!ports_get(p, port))
			continue;
		while (port < 65535 && ports_get(p, port + 1))
			port++;
		n = snprintf(range, sizeof(range), port > first ? "%s%u-%u" : "%s%u", len ? "," : "", first, port);
		if (len + n > size) {
			memcpy(to + fits, more, sizeof(more) - 1);
			return fits + sizeof(more) - 1;
		}
		memcpy(to + len, range, n);
		len += n;
		if (len + sizeof(more) - 1 <= size)
			fits = len;
	}
	return len;
}

void sketch_add(uint64_t *sketch, size_t bits, uint64_t value)
{
	uint64_t at;

	value *= 0x9e3779b97f4a7c15;
	value = (value ^ value >> 32) * 0xff51afd7ed558ccd;
	at = (value ^ value >> 32) & (bits - 1);
	sketch[at / 64] |= 1ull << (at % 64);
}

uint32_t sketch_estimate(const uint64_t *sketch, size_t bits)
{
	size_t set = 0;

	for (size_t i = 0; i < bits / 64; i++)
		set += __builtin_popcountll(sketch[i]);
	if (set == bits)
		set--;
	return lround(-(double)bits * log((double)(bits - set) / bits));
}

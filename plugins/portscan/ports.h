/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * ports.h - which ports a scan has tried and what came of each: exactly, in 16 KiB,
 * or estimated, in 128 bytes.
 */
#ifndef PORTSCAN_PORTS_H
#define PORTSCAN_PORTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum port_state {
	PORT_NONE,
	PORT_UNKNOWN,
	PORT_CLOSED,
	PORT_OPEN,
};

struct ports {
	uint8_t state[65536 / 4]; /* two bits each */
};

enum port_state ports_get(const struct ports *p, uint16_t port);

/* It only goes up: what was open once is. */
void ports_set(struct ports *p, uint16_t port, enum port_state state);

/* count[state]: how many of each. */
void ports_count(const struct ports *p, uint32_t count[4]);

/* "1-3,8080": at most `size` bytes, without a NUL. The length; where it isn't
 * all of them it ends in ",...". */
size_t ports_ranges(const struct ports *p, char *to, size_t size);

/* Distinct values in a bitmap by linear counting (Whang et al. 1990). `bits`: a
 * power of two, at least 64. */
void sketch_add(uint64_t *sketch, size_t bits, uint64_t value);
uint32_t sketch_estimate(const uint64_t *sketch, size_t bits);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tables.h - reading what all CPUs have counted: sums, estimates, heavy hitters.
 */
#ifndef SYNFLOOD_TABLES_H
#define SYNFLOOD_TABLES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "synflood.h"

/* The memory of all CPUs: `n` structs, `stride` bytes apart. */
struct cpus {
	char *at;
	size_t stride;
	int n;
};
struct synflood *cpu_at(const struct cpus *c, int cpu);

uint64_t per_second(uint64_t count, uint64_t ns);

/* Counters of a slot, summed; address and so on of the CPU that saw most SYNs, of
 * those if any that saw one in this second. */
struct counted counted_sum(const struct cpus *c, uint32_t slot, uint32_t epoch);

/* Distinct values of one second, from one `struct distinct[2]` a CPU: `offset`
 * bytes into struct synflood. */
uint64_t distinct_estimate(const struct cpus *c, size_t offset, uint32_t epoch);

/* Distinct values that have set one bit each; full is "266 or more". */
uint64_t bits_estimate(uint64_t bits);

/* What is known of a heavy hitter: |true count - count| <= error and
 * true count >= sure. */
struct prefix_count {
	ti_prefix prefix;
	uint64_t count, error, sure;
};
/* The prefixes of a slot with most SYNs in a second, at most n; by their sure
 * count, then by their count, most first. */
size_t prefixes_top(const struct cpus *c, uint32_t slot, uint32_t epoch, struct prefix_count *top, size_t n);

struct source_count {
	ti_addr addr;
	uint64_t count, error, sure;
};
/* Sources with most SYNs in a period, ordered likewise. *total and *exact are of
 * all of them. */
size_t sources_top(const struct cpus *c, uint32_t epoch, struct source_count *top, size_t n,
		   uint64_t *total, bool *exact);

/* Forget what a second or a period has counted, before its memory is used anew. */
void prefixes_clear(const struct cpus *c, uint32_t epoch);
void candidates_clear(const struct cpus *c, uint32_t epoch);
void sources_clear(const struct cpus *c, uint32_t epoch);

#endif

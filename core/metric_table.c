/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * metric_table.c - a hash with chains over an array of fixed size, of which only what is
 * used is ever touched. Labels may be strangers' words, so the hash is seeded.
 */
#include "metric_table.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/param.h>
#include <sys/random.h>

struct ti_metric_table {
	uint32_t labels_size, size, most, mask;
	uint32_t used;     /* entries that were ever used; behind them all are free */
	uint32_t free;     /* 1 + the first that is free again; 0: none */
	uint32_t *head;    /* of chains: 1 + entry; mask + 1 of them */
	uint32_t *next;    /* of an entry in its chain, or among the free */
	bool *live;        /* of an entry */
	char *entries;     /* values, then labels, of each */
	char *overflow;
	uint64_t times, seed;
};

static size_t entry_size(const struct ti_metric_table *t)
{
	return roundup(t->size, 8) + roundup(t->labels_size, 8);
}

static char *values_of(const struct ti_metric_table *t, uint32_t i)
{
	return t->entries + i * entry_size(t);
}

static char *labels_of(const struct ti_metric_table *t, uint32_t i)
{
	return values_of(t, i) + roundup(t->size, 8);
}

struct ti_metric_table *ti_metric_table_new(uint32_t labels_size, uint32_t size, uint32_t most)
{
	struct ti_metric_table *t = calloc(1, sizeof(*t));
	uint32_t heads = 16;

	if (!t)
		return NULL;
	while (heads < most && heads < 1u << 31)
		heads *= 2;
	t->labels_size = labels_size;
	t->size = size;
	t->most = most;
	t->mask = heads - 1;
	t->head = calloc(heads, sizeof(*t->head));
	t->next = calloc(most + 1, sizeof(*t->next));
	t->live = calloc(most + 1, sizeof(*t->live));
	t->entries = calloc(most + 1, entry_size(t));
	t->overflow = calloc(1, size);
	if (!t->head || !t->next || !t->live || !t->entries || !t->overflow) {
		ti_metric_table_free(t);
		return NULL;
	}
	if (getrandom(&t->seed, sizeof(t->seed), 0) < 0)
		t->seed = (uintptr_t)t;
	return t;
}

void ti_metric_table_free(struct ti_metric_table *t)
{
	if (!t)
		return;
	free(t->head);
	free(t->next);
	free(t->live);
	free(t->entries);
	free(t->overflow);
	free(t);
}

static uint32_t *chain_of(struct ti_metric_table *t, const char *labels)
{
	uint64_t h = t->seed;

	for (uint32_t i = 0; i < t->labels_size; i += sizeof(uint64_t)) {
		uint64_t word = 0;

		memcpy(&word, labels + i, MIN(t->labels_size - i, sizeof(word)));
		h = (h ^ word) * 0x9e3779b97f4a7c15;
		h ^= h >> 32;
	}
	return &t->head[h & t->mask];
}

/* Where it says 1 + the entry of a set; 0 stands there where the set isn't. */
static uint32_t *find(struct ti_metric_table *t, const void *labels)
{
	uint32_t *at = chain_of(t, labels);

	while (*at && memcmp(labels_of(t, *at - 1), labels, t->labels_size))
		at = &t->next[*at - 1];
	return at;
}

static uint32_t take_entry(struct ti_metric_table *t)
{
	uint32_t entry = t->free;

	if (entry)
		t->free = t->next[entry - 1];
	else if (t->used < t->most)
		entry = ++t->used;
	return entry;
}

void *ti_metric_table_get(struct ti_metric_table *t, const void *labels)
{
	uint32_t *at = find(t, labels);

	if (*at)
		return values_of(t, *at - 1);
	*at = take_entry(t);
	if (!*at) {
		t->times++;
		return t->overflow;
	}
	t->next[*at - 1] = 0;
	t->live[*at - 1] = true;
	memset(values_of(t, *at - 1), 0, t->size);
	memcpy(labels_of(t, *at - 1), labels, t->labels_size);
	return values_of(t, *at - 1);
}

int ti_metric_table_remove(struct ti_metric_table *t, const void *labels)
{
	uint32_t *at = find(t, labels), entry = *at;

	if (!entry)
		return -ENOENT;
	*at = t->next[entry - 1];
	t->live[entry - 1] = false;
	t->next[entry - 1] = t->free;
	t->free = entry;
	return 0;
}

int ti_metric_table_each(const struct ti_metric_table *t,
			 int (*fn)(void *arg, const void *labels, const void *values), void *arg)
{
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < t->used; i++)
		if (t->live[i])
			r = fn(arg, labels_of(t, i), values_of(t, i));
	return r;
}

const void *ti_metric_table_overflow(const struct ti_metric_table *t, uint64_t *times)
{
	*times = t->times;
	return t->overflow;
}

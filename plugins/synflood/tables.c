/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tables.h"

#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct synflood *cpu_at(const struct cpus *c, int cpu)
{
	return (struct synflood *)(c->at + cpu * c->stride);
}

uint64_t per_second(uint64_t count, uint64_t ns)
{
	return ns ? (count * 1000000000 + ns / 2) / ns : 0;
}

struct counted counted_sum(const struct cpus *c, uint32_t slot, uint32_t epoch)
{
	struct counted sum = {0};
	bool fresh = false;
	uint64_t most = 0;

	for (int i = 0; i < c->n; i++) {
		const struct counted *x = &cpu_at(c, i)->counted[slot];
		uint64_t syns = __atomic_load_n(&x->syns, __ATOMIC_RELAXED);
		bool now = x->sources[epoch & 1].epoch == epoch;

		sum.syns += syns;
		sum.completed += __atomic_load_n(&x->completed, __ATOMIC_RELAXED);
		sum.remembered += x->remembered;
		sum.acked += x->acked;
		sum.rsts += x->rsts;
		for (int d = 0; d < FLOOD_DROPS; d++)
			sum.dropped[d] += x->dropped[d];
		if (now < fresh || (now == fresh && syns <= most))
			continue;
		fresh = now;
		most = syns;
		sum.dst = x->dst;
		sum.src = x->src;
		sum.port = x->port;
		sum.vlan = x->vlan;
		sum.ifindex = x->ifindex;
	}
	return sum;
}

/* HyperLogLog with its correction for small numbers; Flajolet et al. 2007, fig. 3. */
uint64_t distinct_estimate(const struct cpus *c, size_t offset, uint32_t epoch)
{
	const double m = REGISTERS, alpha = 0.7213 / (1 + 1.079 / m);
	unsigned char most[REGISTERS] = {0};
	double sum = 0, zeros = 0, e;

	for (int i = 0; i < c->n; i++) {
		const struct distinct *d =
			(struct distinct *)((char *)cpu_at(c, i) + offset) + (epoch & 1);

		for (int r = 0; d->epoch == epoch && r < REGISTERS; r++)
			if (d->reg[r] > most[r])
				most[r] = d->reg[r];
	}
	for (int r = 0; r < REGISTERS; r++) {
		sum += ldexp(1, -most[r]);
		zeros += most[r] == 0;
	}
	e = alpha * m * m / sum;
	if (e <= 2.5 * m && zeros > 0)
		e = m * log(m / zeros);
	return e + 0.5;
}

/* Linear counting; Whang et al. 1990. */
uint64_t bits_estimate(uint64_t bits)
{
	int zeros = 64 - __builtin_popcountll(bits);

	return 64 * log(64.0 / (zeros ? zeros : 1)) + 0.5;
}

/* --- heavy hitters --------------------------------------------------------- */

/* A key of one bucket over all CPUs, or of the top. */
struct heavy {
	uint64_t hi, lo;
	uint64_t count; /* on the CPUs that have it */
	uint64_t error; /* of that, what was counted for others */
	uint64_t least; /* in their buckets; in the top: in those of all other CPUs */
};

/*
 * One bucket of all CPUs at a time: its keys, found through a small hash table,
 * so that the work is one step an entry, however many CPUs there are. A table may
 * be read while it is written; differences are held at 0 or above for that.
 */
struct merge {
	struct heavy *key; /* n of them */
	size_t n;
	uint32_t *slot; /* 1 + index in key[]; 0: free */
	uint32_t mask;
	uint64_t least; /* summed over all CPUs */
};

static int merge_init(struct merge *m, const struct cpus *c, size_t ways)
{
	size_t most = c->n * ways, slots = 4;

	while (slots < 2 * most)
		slots *= 2;
	*m = (struct merge){
		.key = calloc(most, sizeof(*m->key)),
		.slot = calloc(slots, sizeof(*m->slot)),
		.mask = slots - 1,
	};
	return m->key && m->slot ? 0 : -ENOMEM;
}

static void merge_free(struct merge *m)
{
	free(m->key);
	free(m->slot);
}

static void merge_begin(struct merge *m)
{
	if (m->n)
		memset(m->slot, 0, (m->mask + 1) * sizeof(*m->slot));
	m->n = 0;
	m->least = 0;
}

/* One CPU's entry of the bucket. `hash` is of the key. */
static void merge_add(struct merge *m, const struct heavy *x, uint32_t hash)
{
	uint32_t at = hash & m->mask;
	struct heavy *key;

	for (; m->slot[at]; at = (at + 1) & m->mask) {
		key = &m->key[m->slot[at] - 1];
		if (key->lo == x->lo && key->hi == x->hi)
			break;
	}
	if (!m->slot[at]) {
		key = &m->key[m->n];
		m->slot[at] = ++m->n;
		*key = (struct heavy){.hi = x->hi, .lo = x->lo};
	}
	key->count += x->count;
	key->error += x->error < x->count ? x->error : x->count;
	key->least += x->least;
}

static bool heavier(const struct heavy *a, const struct heavy *b)
{
	uint64_t sure_a = a->count - a->error, sure_b = b->count - b->error;

	return sure_a != sure_b ? sure_a > sure_b : a->count > b->count;
}

struct top {
	struct heavy *at;
	size_t have, room;
};

/* Put x in its place, heaviest first; the last falls out. */
static void top_add(struct top *top, const struct heavy *x)
{
	size_t at = top->have;

	if (top->have < top->room)
		top->have++;
	else if (!top->room || !heavier(x, &top->at[--at]))
		return;
	for (; at > 0 && heavier(x, &top->at[at - 1]); at--)
		top->at[at] = top->at[at - 1];
	top->at[at] = *x;
}

static void merge_end(struct merge *m, struct top *top)
{
	for (size_t i = 0; i < m->n; i++) {
		struct heavy *key = &m->key[i];

		key->least = m->least > key->least ? m->least - key->least : 0;
		top_add(top, key);
	}
}

/* Either way: too many counted where it is, or some where it isn't. */
static uint64_t error_of(const struct heavy *x)
{
	return x->error > x->least ? x->error : x->least;
}

static uint32_t least_of(const uint32_t *count, int ways)
{
	uint32_t least = count[0];

	for (int way = 1; way < ways; way++)
		least = count[way] < least ? count[way] : least;
	return least;
}

static ti_prefix prefix_of(uint64_t key)
{
	if (key & PREFIX_V6)
		return (ti_prefix){.addr.hi = htobe64(PREFIX_BITS(key) << 16), .len = 48};
	return (ti_prefix){.addr.lo = htonl(0xffff) | (uint64_t)htonl(PREFIX_BITS(key) << 8) << 32,
			   .len = 24};
}

static void add_prefixes(struct merge *m, const struct prefix_bucket *b, uint32_t slot)
{
	uint32_t least = least_of(b->count, PREFIX_WAYS);

	m->least += least;
	for (int way = 0; way < PREFIX_WAYS; way++) {
		struct heavy x = {.lo = b->key[way],
				  .count = b->count[way],
				  .error = b->error[way],
				  .least = least};

		if (x.lo && PREFIX_SLOT(x.lo) == slot)
			merge_add(m, &x, x.lo * 0x9e3779b97f4a7c15 >> 32);
	}
}

size_t prefixes_top(const struct cpus *c, uint32_t slot, uint32_t epoch, struct prefix_count *top,
		    size_t n)
{
	struct heavy found[n + 1];
	struct top best = {.at = found, .room = n};
	struct merge m;
	int r = merge_init(&m, c, PREFIX_WAYS);

	for (uint32_t b = 0; r == 0 && b < PREFIX_BUCKETS; b++) {
		merge_begin(&m);
		for (int i = 0; i < c->n; i++)
			add_prefixes(&m, &cpu_at(c, i)->prefixes[epoch & 1].bucket[b], slot);
		merge_end(&m, &best);
	}
	merge_free(&m);
	for (size_t i = 0; i < best.have; i++)
		top[i] =
			(struct prefix_count){prefix_of(found[i].lo), found[i].count,
					      error_of(&found[i]), found[i].count - found[i].error};
	return best.have;
}

/* False: something has been evicted. */
static bool add_sources(struct merge *m, const struct source_bucket *b)
{
	uint64_t head[SOURCE_WAYS];
	uint32_t least = UINT32_MAX;
	bool exact = true;

	for (int way = 0; way < SOURCE_WAYS; way++) {
		head[way] = __atomic_load_n(&b->head[way], __ATOMIC_RELAXED);
		if (head[way] >> 32 < least)
			least = head[way] >> 32;
	}
	m->least += least;
	for (int way = 0; way < SOURCE_WAYS && head[way]; way++) { /* ways fill in order */
		struct heavy x = {.hi = b->entry[way].addr.hi,
				  .lo = b->entry[way].addr.lo,
				  .count = head[way] >> 32,
				  .error = b->entry[way].error,
				  .least = least};

		exact &= !x.error;
		merge_add(m, &x, (uint32_t)head[way] >> 3);
	}
	return exact;
}

size_t sources_top(const struct cpus *c, uint32_t epoch, struct source_count *top, size_t n,
		   uint64_t *total, bool *exact)
{
	struct heavy found[n + 1];
	struct top best = {.at = found, .room = n};
	struct merge m;
	int r = merge_init(&m, c, SOURCE_WAYS);

	*total = 0;
	*exact = r == 0;
	for (int i = 0; i < c->n; i++)
		*total += cpu_at(c, i)->sources[epoch & 1].syns;
	for (uint32_t b = 0; r == 0 && *total && b < SOURCE_BUCKETS; b++) {
		merge_begin(&m);
		for (int i = 0; i < c->n; i++)
			*exact &= add_sources(&m, &cpu_at(c, i)->sources[epoch & 1].bucket[b]);
		merge_end(&m, &best);
	}
	merge_free(&m);
	for (size_t i = 0; i < best.have; i++)
		top[i] = (struct source_count){{found[i].hi, found[i].lo},
					       found[i].count,
					       error_of(&found[i]),
					       found[i].count - found[i].error};
	return best.have;
}

void prefixes_clear(const struct cpus *c, uint32_t epoch)
{
	for (int i = 0; i < c->n; i++) {
		struct prefixes *p = &cpu_at(c, i)->prefixes[epoch & 1];

		if (p->syns)
			memset(p, 0, sizeof(*p));
	}
}

void candidates_clear(const struct cpus *c, uint32_t epoch)
{
	for (int i = 0; i < c->n; i++)
		memset(&cpu_at(c, i)->candidates[epoch & 1], 0, sizeof(struct candidates));
}

void sources_clear(const struct cpus *c, uint32_t epoch)
{
	for (int i = 0; i < c->n; i++) {
		struct sources *s = &cpu_at(c, i)->sources[epoch & 1];

		if (s->syns)
			memset(s, 0, sizeof(*s));
	}
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tables.h"

#include <arpa/inet.h>
#include <endian.h>
#include <math.h>
#include <string.h>

struct synflood *cpu_at(const struct cpus *c, int cpu)
{
	return (struct synflood *)(c->at + cpu * c->stride);
}

struct counted counted_sum(const struct cpus *c, uint32_t slot)
{
	struct counted sum = { 0 };
	uint64_t most = 0;

	for (int i = 0; i < c->n; i++) {
		const struct counted *x = &cpu_at(c, i)->counted[slot];
		uint64_t syns = __atomic_load_n(&x->syns, __ATOMIC_RELAXED);

		sum.syns += syns;
		sum.completed += __atomic_load_n(&x->completed, __ATOMIC_RELAXED);
		sum.rsts += x->rsts;
		if (syns <= most)
			continue;
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
	unsigned char most[REGISTERS] = { 0 };
	double sum = 0, zeros = 0, e;

	for (int i = 0; i < c->n; i++) {
		const struct distinct *d = (struct distinct *)((char *)cpu_at(c, i) + offset) + (epoch & 1);

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

/* Put x in its place in top[], most first; the last falls out. */
#define TOP_INSERT(top, have, n, x)                                                     \
	do {                                                                            \
		size_t at_ = (have) < (n) ? (have)++ : (n);                             \
		while (at_ > 0 && (top)[at_ - 1].count < (x).count) {                   \
			if (at_ < (n))                                                  \
				(top)[at_] = (top)[at_ - 1];                            \
			at_--;                                                          \
		}                                                                       \
		if (at_ < (n))                                                          \
			(top)[at_] = (x);                                               \
	} while (0)

static ti_prefix prefix_of(uint64_t key)
{
	if (key & PREFIX_V6)
		return (ti_prefix){ .addr.hi = htobe64(PREFIX_BITS(key) << 16), .len = 48 };
	return (ti_prefix){ .addr.lo = htonl(0xffff) | (uint64_t)htonl(PREFIX_BITS(key) << 8) << 32, .len = 24 };
}

/* A key's count over all CPUs; on one that has evicted it, at most the least. */
static void prefix_sum(const struct cpus *c, uint32_t bucket, uint32_t epoch, uint64_t key,
		       struct prefix_count *out)
{
	for (int i = 0; i < c->n; i++) {
		const struct prefix_bucket *b = &cpu_at(c, i)->prefixes[epoch & 1].bucket[bucket];
		uint32_t least = b->count[0], way = 0;

		while (way < PREFIX_WAYS && b->key[way] != key) {
			least = b->count[way] < least ? b->count[way] : least;
			way++;
		}
		out->count += way < PREFIX_WAYS ? b->count[way] : 0;
		out->error += way < PREFIX_WAYS ? b->error[way] : least;
	}
}

/* Is it the first CPU that has this key in this bucket? So each counts once. */
static bool prefix_first(const struct cpus *c, int cpu, uint32_t bucket, uint32_t epoch, uint64_t key)
{
	for (int i = 0; i < cpu; i++)
		for (int way = 0; way < PREFIX_WAYS; way++)
			if (cpu_at(c, i)->prefixes[epoch & 1].bucket[bucket].key[way] == key)
				return false;
	return true;
}

size_t prefixes_top(const struct cpus *c, uint32_t slot, uint32_t epoch, struct prefix_count *top, size_t n)
{
	size_t have = 0;

	for (int i = 0; i < c->n; i++)
		for (uint32_t b = 0; b < PREFIX_BUCKETS; b++)
			for (int way = 0; way < PREFIX_WAYS; way++) {
				uint64_t key = cpu_at(c, i)->prefixes[epoch & 1].bucket[b].key[way];
				struct prefix_count x = { .prefix = prefix_of(key) };

				if (!key || PREFIX_SLOT(key & ~(PREFIX_USED | PREFIX_V6)) != slot ||
				    !prefix_first(c, i, b, epoch, key))
					continue;
				prefix_sum(c, b, epoch, key, &x);
				TOP_INSERT(top, have, n, x);
			}
	return have;
}

static int way_of(const struct source_bucket *b, const ti_addr *addr)
{
	for (int way = 0; way < SOURCE_WAYS; way++)
		if (b->tag[way] && b->addr[way].lo == addr->lo && b->addr[way].hi == addr->hi)
			return way;
	return -1;
}

static uint32_t least_of(const struct source_bucket *b)
{
	uint32_t least = b->count[0];

	for (int way = 1; way < SOURCE_WAYS; way++)
		least = b->count[way] < least ? b->count[way] : least;
	return least;
}

/* A source's count over all CPUs; false: an earlier CPU has it, too. */
static bool source_sum(const struct cpus *c, int cpu, uint32_t bucket, uint32_t epoch, struct source_count *x)
{
	for (int i = 0; i < c->n; i++) {
		const struct source_bucket *b = &cpu_at(c, i)->sources[epoch & 1].bucket[bucket];
		int way = way_of(b, &x->addr);

		if (way >= 0 && i < cpu)
			return false;
		x->count += way >= 0 ? b->count[way] : 0;
		x->error += way >= 0 ? b->error[way] : least_of(b);
	}
	return true;
}

size_t sources_top(const struct cpus *c, uint32_t epoch, struct source_count *top, size_t n,
		   uint64_t *total, bool *exact)
{
	size_t have = 0;

	*total = 0;
	*exact = true;
	for (int i = 0; i < c->n; i++) {
		const struct sources *s = &cpu_at(c, i)->sources[epoch & 1];

		*total += s->syns;
		for (uint32_t b = 0; s->syns && b < SOURCE_BUCKETS; b++)
			for (int way = 0; way < SOURCE_WAYS; way++) {
				struct source_count x = { .addr = s->bucket[b].addr[way] };

				if (!s->bucket[b].tag[way])
					break; /* ways fill in order */
				*exact &= !s->bucket[b].error[way];
				if (source_sum(c, i, b, epoch, &x))
					TOP_INSERT(top, have, n, x);
			}
	}
	return have;
}

void prefixes_clear(const struct cpus *c, uint32_t epoch)
{
	for (int i = 0; i < c->n; i++) {
		struct prefixes *p = &cpu_at(c, i)->prefixes[epoch & 1];

		if (p->syns)
			memset(p, 0, sizeof(*p));
	}
}

void sources_clear(const struct cpus *c, uint32_t epoch)
{
	for (int i = 0; i < c->n; i++) {
		struct sources *s = &cpu_at(c, i)->sources[epoch & 1];

		if (s->syns)
			memset(s, 0, sizeof(*s));
	}
}

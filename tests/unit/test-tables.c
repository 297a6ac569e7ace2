/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test-tables.c - what synflood reads out of the memory of several CPUs. That is
 * filled here as synflood.bpf.c fills it, with streams whose truth is known.
 */
#include <arpa/inet.h>
#include <endian.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
/* after those it needs */
#include <cmocka.h>

/* For its ti_hash; what is clang's for BPF means nothing here. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wattributes"
#pragma GCC diagnostic ignored "-Wunknown-pragmas"
#include <tcpinspect/bpf.h>
#include "../../plugins/synflood/tables.h"
#pragma GCC diagnostic pop

#define N(a) (sizeof(a) / sizeof((a)[0]))
#define SLOT 7
#define CPUS 4

/* --- as the BPF program counts --------------------------------------------- */

static uint64_t seed; /* in place of ti_seed, which is constant */

static uint64_t hash_of(uint64_t a, uint64_t b)
{
	return ti_hash(a ^ seed, b);
}

static void add_distinct(struct distinct *two, uint64_t hash, uint32_t epoch)
{
	struct distinct *d = &two[epoch & 1];
	uint8_t rank = __builtin_ctzll(hash >> 7 | 1ull << 56) + 1;
	uint8_t *reg = &d->reg[hash % REGISTERS];

	if (d->epoch != epoch) {
		memset(d->reg, 0, sizeof(d->reg));
		d->epoch = epoch;
	}
	if (*reg < rank)
		*reg = rank;
}

static int least_way(const uint32_t *count, int ways)
{
	int at = 0;

	for (int i = 1; i < ways; i++)
		if (count[i] < count[at])
			at = i;
	return at;
}

static void add_source(struct sources *s, ti_addr addr)
{
	uint64_t hash = hash_of(addr.hi, addr.lo);
	struct source_bucket *b = &s->bucket[(hash >> 32) % SOURCE_BUCKETS];
	uint32_t count[SOURCE_WAYS];
	int at;

	s->syns++;
	for (int i = 0; i < SOURCE_WAYS; i++) {
		count[i] = b->head[i] >> 32;
		if ((uint32_t)b->head[i] == SOURCE_TAG(hash, i) && b->entry[i].addr.lo == addr.lo &&
		    b->entry[i].addr.hi == addr.hi) {
			b->head[i] += SOURCE_ONE;
			return;
		}
	}
	at = least_way(count, SOURCE_WAYS);
	b->entry[at].addr = addr;
	b->entry[at].error = count[at];
	b->head[at] = (count[at] + 1) * SOURCE_ONE | SOURCE_TAG(hash, at);
}

static void add_prefix(struct prefixes *p, uint64_t key)
{
	struct prefix_bucket *b = &p->bucket[hash_of(key, 0) % PREFIX_BUCKETS];
	int at;

	p->syns++;
	for (int i = 0; i < PREFIX_WAYS; i++)
		if (b->key[i] == key) {
			b->count[i]++;
			return;
		}
	at = least_way(b->count, PREFIX_WAYS);
	b->key[at] = key;
	b->error[at] = b->count[at]++;
}

static uint64_t key_v4(uint32_t slot, uint32_t addr)
{
	return PREFIX_KEY(slot, 0) | addr >> 8;
}

static ti_addr addr_v4(uint32_t addr)
{
	return (ti_addr){.lo = htonl(0xffff) | (uint64_t)htonl(addr) << 32};
}

/* --- fixture ---------------------------------------------------------------- */

/* Of the memory only what is touched exists. */
static struct cpus cpus_new(int n)
{
	struct cpus c = {.stride = sizeof(struct synflood), .n = n};

	c.at = mmap(NULL, n * c.stride, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	assert_true(c.at != MAP_FAILED);
	return c;
}

static void cpus_free(struct cpus *c)
{
	munmap(c->at, c->n * c->stride);
}

static uint64_t random64(void)
{
	static uint64_t at = 88172645463325252; /* xorshift, Marsaglia 2003 */

	at ^= at << 13;
	at ^= at >> 7;
	at ^= at << 17;
	return at;
}

/* 0 is most frequent, and so on, with a long tail. */
static uint32_t skewed(uint32_t n)
{
	double u = (random64() >> 11) * 0x1p-53;

	return pow(n + 1, u) - 1;
}

/* --- sums --------------------------------------------------------------------- */

static void test_sum(void **state)
{
	struct cpus c = cpus_new(3);
	struct counted *most = &cpu_at(&c, 1)->counted[SLOT], sum;

	(void)state;
	for (int i = 0; i < 3; i++)
		cpu_at(&c, i)->counted[SLOT] = (struct counted){
			.syns = 10 + i,
			.completed = 1,
			.rsts = 2,
			.port = 1,
			.vlan = 1,
			.ifindex = 1,
		};
	*most = (struct counted){
		.syns = 1000,
		.completed = 100,
		.rsts = 10,
		.port = 80,
		.vlan = 5,
		.ifindex = 3,
		.dst = addr_v4(0x7f000001),
		.src = addr_v4(0x7f000002),
	};
	sum = counted_sum(&c, SLOT, 7);
	assert_int_equal(sum.syns, 1022);
	assert_int_equal(sum.completed, 102);
	assert_int_equal(sum.rsts, 14);
	assert_int_equal(sum.port, 80);
	assert_int_equal(sum.vlan, 5);
	assert_int_equal(sum.ifindex, 3);
	assert_memory_equal(&sum.dst, &most->dst, sizeof(sum.dst));
	assert_memory_equal(&sum.src, &most->src, sizeof(sum.src));
	assert_int_equal(counted_sum(&c, SLOT + 1, 7).syns, 0);
	cpus_free(&c);
}

/* What most SYNs went to long ago isn't what they go to now. */
static void test_sum_of_this_second(void **state)
{
	struct cpus c = cpus_new(3);
	struct counted sum;

	(void)state;
	for (int i = 0; i < 3; i++) {
		struct counted *x = &cpu_at(&c, i)->counted[SLOT];

		*x = (struct counted){ .syns = 1000 >> i, .ifindex = 1 + i };
		x->sources[1].epoch = i ? 7 : 5;
	}
	sum = counted_sum(&c, SLOT, 7);
	assert_int_equal(sum.syns, 1750);
	assert_int_equal(sum.ifindex, 2);
	assert_int_equal(counted_sum(&c, SLOT, 8).ifindex, 1);
	cpus_free(&c);
}

/* --- distinct values ---------------------------------------------------------- */

static const size_t at_slot = offsetof(struct synflood, counted[SLOT].sources);

/* n sources, `step` apart, each seen by some CPU, some by several. */
static uint64_t estimate(struct cpus *c, uint32_t n, uint32_t step, uint32_t epoch)
{
	for (uint32_t i = 0; i < n; i++)
		for (uint32_t k = 0; k <= i % 2; k++) {
			ti_addr a = addr_v4(0x0a000000 + i * step);

			add_distinct(cpu_at(c, (i + k) % c->n)->counted[SLOT].sources,
				     hash_of(a.hi, a.lo), epoch);
		}
	return distinct_estimate(c, at_slot, epoch);
}

/* A whole /24 is as random as scattered ones. */
static void within_3_errors(uint32_t step)
{
	static const uint32_t numbers[] = {1,	2,   3,	   10,	 30,	100,   200,    254,    320,
					   400, 600, 1000, 5000, 20000, 65000, 300000, 1000000};
	const double error = 1.04 / sqrt(REGISTERS);
	struct cpus c = cpus_new(CPUS);
	uint32_t epoch = 1;
	int beyond = 0;

	for (size_t i = 0; i < N(numbers); i++) {
		double n = numbers[i], squares = 0;

		for (int k = 0; k < 8; k++) {
			double off;

			seed = random64();
			off = estimate(&c, numbers[i], step, epoch++) - n;
			beyond += fabs(off) > 3 * error * n && fabs(off) > 1;
			squares += off * off;
		}
		if (sqrt(squares / 8) > 2 * error * n + 0.5)
			fail_msg("off by %.0f for %.0f", sqrt(squares / 8), n);
	}
	assert_in_range(beyond, 0, 3); /* of 136; they are skewed to the right */
	cpus_free(&c);
}

static void test_distinct_within_3_errors(void **state)
{
	(void)state;
	within_3_errors(1);
	within_3_errors(256);
	within_3_errors(2654435761);
}

static void test_distinct_repeated(void **state)
{
	struct cpus c = cpus_new(CPUS);

	(void)state;
	seed = 4;
	for (int i = 0; i < 1000; i++)
		assert_int_equal(estimate(&c, 5, 1, 1), 5);
	cpus_free(&c);
}

/* Each second begins anew; one that a CPU saw nothing in takes nothing of it. */
static void test_distinct_by_second(void **state)
{
	struct cpus c = cpus_new(CPUS);

	(void)state;
	assert_int_equal(distinct_estimate(&c, at_slot, 1), 0);
	seed = 4;
	assert_in_range(estimate(&c, 100, 1, 8), 73, 127);
	assert_int_equal(distinct_estimate(&c, at_slot, 9), 0);
	assert_int_equal(distinct_estimate(&c, at_slot, 10), 0);
	/* Three of the CPUs still have what second 8 left. */
	assert_int_equal(estimate(&c, 1, 1, 10), 1);
	cpus_free(&c);
}

/* Most that 57 bits can say. */
static void test_distinct_full(void **state)
{
	struct cpus c = cpus_new(1);
	struct distinct *d = cpu_at(&c, 0)->counted[SLOT].sources;

	(void)state;
	memset(d[0].reg, 57, sizeof(d[0].reg));
	assert_true(distinct_estimate(&c, at_slot, 0) > 1ull << 60);
	cpus_free(&c);
}

/* --- sources --------------------------------------------------------------------- */

#define MANY 100000

static int by_count(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;

	return *x < *y ? 1 : *x > *y ? -1 : 0;
}

static void assert_ordered(uint64_t sure_a, uint64_t count_a, uint64_t sure_b, uint64_t count_b)
{
	assert_true(sure_a > sure_b || (sure_a == sure_b && count_a >= count_b));
}

static void assert_bounds(uint64_t truth, uint64_t count, uint64_t error, uint64_t sure)
{
	assert_true(truth <= count + error);
	assert_true(truth + error >= count);
	assert_true(truth >= sure);
	assert_true(sure <= count);
}

/* A stream of `n` SYNs from `sources` sources, i from 10.0.0.0 + i. */
static void stream_sources(struct cpus *c, uint32_t *truth, uint32_t sources, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		uint32_t who = skewed(sources);

		truth[who]++;
		add_source(&cpu_at(c, random64() % c->n)->sources[1], addr_v4(0x0a000000 + who));
	}
}

static uint32_t who_is(const ti_addr *a)
{
	return ntohl(a->lo >> 32) - 0x0a000000;
}

static void test_sources_that_fit(void **state)
{
	struct cpus c = cpus_new(CPUS);
	static uint32_t truth[200];
	struct source_count top[400];
	uint64_t total;
	bool exact;
	size_t n;

	(void)state;
	seed = 1;
	stream_sources(&c, truth, N(truth), 50000);
	for (size_t i = 0; i < N(truth); i++)
		assert_int_not_equal(truth[i], 0);
	n = sources_top(&c, 1, top, N(top), &total, &exact);
	assert_int_equal(n, N(truth));
	assert_int_equal(total, 50000);
	assert_true(exact);
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(top[i].count, truth[who_is(&top[i].addr)]);
		assert_int_equal(top[i].error, 0);
		assert_int_equal(top[i].sure, top[i].count);
	}
	qsort(truth, N(truth), sizeof(truth[0]), by_count);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(top[i].count, truth[i]);
	/* A shorter list is the longer one's beginning. */
	assert_int_equal(sources_top(&c, 1, top, 3, &total, &exact), 3);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(top[i].count, truth[i]);
	assert_int_equal(sources_top(&c, 1, top, 0, &total, &exact), 0);
	assert_int_equal(total, 50000);
	cpus_free(&c);
}

static void test_sources_bounds(void **state)
{
	static uint32_t truth[MANY];
	static struct source_count top[1000];
	uint64_t total;
	bool exact;

	(void)state;
	for (int k = 0; k < 3; k++) {
		struct cpus c = cpus_new(CPUS);
		size_t n;

		seed = random64();
		memset(truth, 0, sizeof(truth));
		stream_sources(&c, truth, MANY, 300000);
		n = sources_top(&c, 1, top, N(top), &total, &exact);
		assert_int_equal(n, N(top));
		assert_int_equal(total, 300000);
		assert_false(exact);
		for (size_t i = 0; i < n; i++) {
			assert_bounds(truth[who_is(&top[i].addr)], top[i].count, top[i].error,
				      top[i].sure);
			if (i)
				assert_ordered(top[i - 1].sure, top[i - 1].count, top[i].sure,
					       top[i].count);
		}
		/* Far apart, so in their true order. */
		for (uint32_t i = 0; i < 4; i++)
			assert_int_equal(who_is(&top[i].addr), i);
		cpus_free(&c);
	}
}

/* One that is there once a million times, among a million that are there once. */
static void test_source_in_a_spoofed_flood(void **state)
{
	struct cpus c = cpus_new(CPUS);
	struct source_count top[5];
	const ti_addr one = {.hi = htobe64(0x20010db800000000), .lo = htobe64(1)};
	uint64_t total;
	bool exact;

	(void)state;
	seed = 2;
	for (int i = 0; i < 200000; i++) {
		add_source(&cpu_at(&c, i % CPUS)->sources[0],
			   (ti_addr){.hi = random64(), .lo = random64()});
		if (i % 4 == 0)
			add_source(&cpu_at(&c, 2)->sources[0], one);
	}
	assert_int_equal(sources_top(&c, 0, top, 5, &total, &exact), 5);
	assert_memory_equal(&top[0].addr, &one, sizeof(one));
	assert_bounds(50000, top[0].count, top[0].error, top[0].sure);
	assert_true(top[0].sure > 49000);
	assert_true(top[1].sure < 10);
	assert_false(exact);
	assert_int_equal(total, 250000);
	cpus_free(&c);
}

/* --- one bucket by hand ------------------------------------------------------------ */

static void put(struct cpus *c, int cpu, int way, uint32_t addr, uint32_t count, uint32_t error)
{
	struct sources *s = &cpu_at(c, cpu)->sources[0];
	struct source_bucket *b = &s->bucket[5];

	b->head[way] = count * SOURCE_ONE | SOURCE_TAG(addr, way);
	b->entry[way].addr = addr_v4(addr);
	b->entry[way].error = error;
	s->syns += count;
}

static void test_sure_before_many(void **state)
{
	struct cpus c = cpus_new(1);
	struct source_count top[4];
	uint64_t total;
	bool exact;

	(void)state;
	put(&c, 0, 0, 0x0a000002, 1000, 999);
	put(&c, 0, 1, 0x0a000004, 50, 0);
	put(&c, 0, 2, 0x0a000006, 51, 0);
	put(&c, 0, 3, 0x0a000008, 60, 10);
	assert_int_equal(sources_top(&c, 0, top, 4, &total, &exact), 4);
	assert_int_equal(who_is(&top[0].addr), 6); /* 51 for sure */
	assert_int_equal(who_is(&top[1].addr), 8); /* 50, perhaps 60 */
	assert_int_equal(who_is(&top[2].addr), 4); /* 50 */
	assert_int_equal(who_is(&top[3].addr), 2); /* 1 */
	cpus_free(&c);
}

/* CPU 0 has it, CPU 1 may have had it up to its least, CPU 2 has free ways. */
static void test_source_that_a_cpu_has_lost(void **state)
{
	struct cpus c = cpus_new(3);
	struct source_count top[1];
	uint64_t total;
	bool exact;

	(void)state;
	put(&c, 0, 0, 0x0a000002, 100, 3);
	for (int way = 0; way < SOURCE_WAYS; way++)
		put(&c, 1, way, 0x0b000000 + 2 * way, 7 + way, 0);
	put(&c, 2, 0, 0x0a000002, 10, 1);
	assert_int_equal(sources_top(&c, 0, top, 1, &total, &exact), 1);
	assert_int_equal(who_is(&top[0].addr), 2);
	assert_int_equal(top[0].count, 110);
	assert_int_equal(top[0].sure, 106);
	assert_int_equal(top[0].error, 7);
	assert_false(exact);
	cpus_free(&c);
}

/* Read between two writes of the BPF program: a count that is older than its
 * error, and a source that stands there twice. */
static void test_torn(void **state)
{
	struct cpus c = cpus_new(1);
	struct source_count top[SOURCE_WAYS];
	uint64_t total;
	bool exact;

	(void)state;
	for (int way = 0; way < SOURCE_WAYS; way++)
		put(&c, 0, way, 0x0a000000 + 2 * way, 20, 0);
	put(&c, 0, 3, 0x0a000006, 20, 25);
	put(&c, 0, 4, 0x0a000002, 20, 0);
	assert_int_equal(sources_top(&c, 0, top, N(top), &total, &exact), SOURCE_WAYS - 1);
	assert_int_equal(who_is(&top[0].addr), 2);
	assert_int_equal(top[0].count, 40);
	assert_int_equal(top[0].error, 0);
	assert_int_equal(who_is(&top[SOURCE_WAYS - 2].addr), 6);
	assert_int_equal(top[SOURCE_WAYS - 2].sure, 0);
	cpus_free(&c);
}

/* As many keys in one bucket as there can be, none twice, and one everywhere. */
static void test_many_cpus(void **state)
{
	struct cpus c = cpus_new(64);
	struct source_count top[64 * SOURCE_WAYS];
	uint64_t total;
	bool exact;
	size_t n;

	(void)state;
	for (int cpu = 0; cpu < c.n; cpu++)
		for (int way = 0; way < SOURCE_WAYS; way++)
			put(&c, cpu, way,
			    way ? 0x0a000000 + 2 * (cpu * SOURCE_WAYS + way) : 0x0a000000, 2, 0);
	n = sources_top(&c, 0, top, N(top), &total, &exact);
	assert_int_equal(n, 64 * (SOURCE_WAYS - 1) + 1);
	assert_int_equal(who_is(&top[0].addr), 0);
	assert_int_equal(top[0].count, 128);
	assert_int_equal(top[0].error, 0);
	for (size_t i = 1; i < n; i++) {
		assert_int_equal(top[i].count, 2);
		assert_int_equal(top[i].error, 63 * 2);
	}
	cpus_free(&c);
}

/* --- prefixes ------------------------------------------------------------------------ */

static uint32_t net_of(const ti_prefix *p)
{
	return ntohl(p->addr.lo >> 32) >> 8;
}

static void test_prefixes_bounds(void **state)
{
	static uint32_t truth[MANY];
	static struct prefix_count top[500];

	(void)state;
	for (int k = 0; k < 3; k++) {
		struct cpus c = cpus_new(CPUS);
		size_t n;

		seed = random64();
		memset(truth, 0, sizeof(truth));
		for (int i = 0; i < 200000; i++) {
			uint32_t net = skewed(MANY);

			truth[net]++;
			add_prefix(&cpu_at(&c, random64() % CPUS)->prefixes[0],
				   key_v4(SLOT, net << 8 | i % 256));
			/* to another listener, in the same buckets */
			if (i % 3 == 0)
				add_prefix(&cpu_at(&c, i % CPUS)->prefixes[0],
					   key_v4(SLOT + 1, net << 8));
		}
		n = prefixes_top(&c, SLOT, 2, top, N(top));
		assert_int_equal(n, N(top));
		for (size_t i = 0; i < n; i++) {
			assert_int_equal(top[i].prefix.len, 24);
			assert_bounds(truth[net_of(&top[i].prefix)], top[i].count, top[i].error,
				      top[i].sure);
			if (i)
				assert_ordered(top[i - 1].sure, top[i - 1].count, top[i].sure,
					       top[i].count);
		}
		for (uint32_t i = 0; i < 4; i++)
			assert_int_equal(net_of(&top[i].prefix), i);
		assert_int_equal(prefixes_top(&c, SLOT + 2, 2, top, N(top)), 0);
		cpus_free(&c);
	}
}

static void test_prefixes_of_both_families(void **state)
{
	struct cpus c = cpus_new(2);
	struct prefix_count top[3];

	(void)state;
	seed = 3;
	for (int i = 0; i < 30; i++)
		add_prefix(&cpu_at(&c, i % 2)->prefixes[1], PREFIX_KEY(SLOT, 1) | 0x20010db800ff);
	for (int i = 0; i < 20; i++)
		add_prefix(&cpu_at(&c, 0)->prefixes[1], key_v4(SLOT, 0xc0000201));
	/* The highest slot has all bits that a slot can. */
	add_prefix(&cpu_at(&c, 0)->prefixes[1], PREFIX_KEY(BACKSCATTER, 1));
	assert_int_equal(prefixes_top(&c, SLOT, 3, top, N(top)), 2);
	assert_int_equal(top[0].prefix.len, 48);
	assert_true(top[0].prefix.addr.hi == htobe64(0x20010db800ff0000) && !top[0].prefix.addr.lo);
	assert_int_equal(top[0].count, 30);
	assert_int_equal(top[0].error, 0);
	assert_int_equal(top[1].prefix.len, 24);
	assert_true(!top[1].prefix.addr.hi && top[1].prefix.addr.lo == addr_v4(0xc0000200).lo);
	assert_int_equal(top[1].count, 20);
	assert_int_equal(prefixes_top(&c, BACKSCATTER, 3, top, N(top)), 1);
	cpus_free(&c);
}

static void test_clear(void **state)
{
	struct cpus c = cpus_new(CPUS);
	struct prefix_count prefix;
	struct source_count source;
	uint64_t total;
	bool exact;

	(void)state;
	for (int i = 0; i < CPUS; i++)
		for (int epoch = 0; epoch < 2; epoch++) {
			add_prefix(&cpu_at(&c, i)->prefixes[epoch], key_v4(SLOT, 0x0a000000));
			add_source(&cpu_at(&c, i)->sources[epoch], addr_v4(0x0a000000));
		}
	prefixes_clear(&c, 6);
	sources_clear(&c, 7);
	assert_int_equal(prefixes_top(&c, SLOT, 6, &prefix, 1), 0);
	assert_int_equal(prefixes_top(&c, SLOT, 7, &prefix, 1), 1);
	assert_int_equal(prefix.count, CPUS);
	assert_int_equal(sources_top(&c, 7, &source, 1, &total, &exact), 0);
	assert_int_equal(total, 0);
	assert_true(exact);
	assert_int_equal(sources_top(&c, 6, &source, 1, &total, &exact), 1);
	assert_int_equal(source.count, CPUS);
	assert_int_equal(total, CPUS);
	cpus_free(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sum),
		cmocka_unit_test(test_sum_of_this_second),
		cmocka_unit_test(test_distinct_within_3_errors),
		cmocka_unit_test(test_distinct_repeated),
		cmocka_unit_test(test_distinct_by_second),
		cmocka_unit_test(test_distinct_full),
		cmocka_unit_test(test_sources_that_fit),
		cmocka_unit_test(test_sources_bounds),
		cmocka_unit_test(test_source_in_a_spoofed_flood),
		cmocka_unit_test(test_sure_before_many),
		cmocka_unit_test(test_source_that_a_cpu_has_lost),
		cmocka_unit_test(test_torn),
		cmocka_unit_test(test_many_cpus),
		cmocka_unit_test(test_prefixes_bounds),
		cmocka_unit_test(test_prefixes_of_both_families),
		cmocka_unit_test(test_clear),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

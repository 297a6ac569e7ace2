/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test-senders.c - of what class a flood is, from tables filled as a second of it
 * fills them.
 */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
/* after those it needs */
#include <cmocka.h>

#include "../../plugins/synflood/senders.h"

#define SLOT   7
#define SECOND 1000000000ull

static struct cpus cpus = {.stride = sizeof(struct synflood), .n = 1};
static struct senders senders;
static struct flood_start event;

static int set_up(void **state)
{
	(void)state;
	cpus.at = calloc(1, cpus.stride);
	senders = (struct senders){.cpus = &cpus};
	return cpus.at ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	free(cpus.at);
	return 0;
}

/* A source sends to a slot; only its last two numbers differ from another's. */
static void send_syns(uint32_t slot, uint8_t net, uint8_t host, uint32_t n)
{
	uint32_t addr = 192u << 24 | 2 << 16 | net << 8 | host;
	struct prefixes *all = &cpu_at(&cpus, 0)->prefixes[senders.epoch & 1];
	struct prefix_bucket *p = &all->bucket[net];
	struct sources *s = &cpu_at(&cpus, 0)->sources[senders.epoch & 1];
	struct source_bucket *b = &s->bucket[net * 4 + host % 4];
	int way = slot % PREFIX_WAYS;

	p->key[way] = PREFIX_KEY(slot, 0) | addr >> 8;
	p->count[way] += n;
	all->syns += n;
	way = host / 4 % SOURCE_WAYS;
	b->entry[way].addr = (ti_addr){.lo = htonl(0xffff) | (uint64_t)htonl(addr) << 32};
	b->head[way] = ((b->head[way] / SOURCE_ONE) + n) * SOURCE_ONE | SOURCE_TAG(1, way);
	s->syns += n;
}

static void next_second(uint64_t arrived)
{
	senders_end(&senders, arrived, 0);
	prefixes_clear(&cpus, senders.epoch);
	senders_begin(&senders, senders.epoch, SECOND);
}

static enum flood_class classify(uint64_t syns_per_s)
{
	memset(&event, 0, sizeof(event));
	return senders_classify(&senders, SLOT, senders.epoch, syns_per_s, &event);
}

static void test_single(void **state)
{
	(void)state;
	senders_begin(&senders, 0, SECOND);
	send_syns(SLOT, 1, 1, 900);
	send_syns(SLOT, 2, 1, 100);
	assert_int_equal(classify(1000), FLOOD_CLASS_SINGLE);
	assert_int_equal(event.top.len, 2);
	assert_int_equal(event.top.item[0].prefix.len, 32);
	assert_int_equal(event.top.item[0].syns_per_s, 900);
	assert_int_equal(event.top.item[1].syns_per_s, 100);
}

static void test_subnet(void **state)
{
	(void)state;
	senders_begin(&senders, 0, SECOND);
	for (int host = 0; host < 16; host++)
		send_syns(SLOT, 1, host, 60);
	assert_int_equal(classify(960), FLOOD_CLASS_SUBNET);
	assert_int_equal(event.top.len, 1);
	assert_int_equal(event.top.item[0].prefix.len, 24);
	assert_int_equal(event.top.item[0].syns_per_s, 960);
}

/* One of many is not worth a word. */
static void test_spoofed(void **state)
{
	(void)state;
	senders_begin(&senders, 0, SECOND);
	for (int net = 0; net < 200; net++)
		send_syns(SLOT, net, 1, 5);
	send_syns(SLOT, 200, 1, 20);
	assert_int_equal(classify(1020), FLOOD_CLASS_SPOOFED);
	assert_int_equal(event.top.len, 1);
	assert_int_equal(event.top.item[0].syns_per_s, 20);
}

/* Sources are counted for longer than a second. */
static void test_earlier_seconds(void **state)
{
	(void)state;
	senders_begin(&senders, 0, SECOND);
	send_syns(SLOT, 1, 0, 100000);
	next_second(100000);
	for (int host = 0; host < 8; host++)
		send_syns(SLOT, 1, host, 100);
	assert_int_equal(classify(800), FLOOD_CLASS_SUBNET);
	next_second(800);
	send_syns(SLOT, 1, 3, 800);
	assert_int_equal(classify(800), FLOOD_CLASS_SINGLE);
	assert_int_equal(event.top.item[0].syns_per_s, 800);
}

/* SYNs that were too few to look who sent them are nobody's for sure. */
static void not_looked_at(bool known)
{
	senders_begin(&senders, 0, SECOND);
	if (known) {
		send_syns(SLOT, 1, 0, 1);
		next_second(1);
	}
	for (int i = 0; i < 10; i++) {
		send_syns(SLOT, 1, 0, 100);
		senders_end(&senders, 100, 1000);
		prefixes_clear(&cpus, 0);
		senders_begin(&senders, 0, SECOND);
	}
	for (int host = 0; host < 8; host++)
		send_syns(SLOT, 1, host, 100);
	assert_int_equal(classify(800), FLOOD_CLASS_SUBNET);
}

static void test_seconds_not_looked_at(void **state)
{
	(void)state;
	not_looked_at(false);
}

static void test_seconds_not_looked_at_since(void **state)
{
	(void)state;
	not_looked_at(true);
}

/* Nor is it this flood's what a source sends to others. */
static void test_floods_others_too(void **state)
{
	(void)state;
	senders_begin(&senders, 0, SECOND);
	send_syns(SLOT, 1, 1, 500);
	send_syns(SLOT + 1, 1, 1, 9500);
	assert_int_equal(classify(500), FLOOD_CLASS_SINGLE);
	assert_int_equal(event.top.item[0].syns_per_s, 500);
}

/* Sources are counted anew, in another table. */
static void test_next_period(void **state)
{
	(void)state;
	senders_begin(&senders, 0, SECOND);
	send_syns(SLOT, 1, 1, 10000);
	senders_end(&senders, 10000, 0);
	senders_begin(&senders, 1, SECOND);
	send_syns(SLOT, 1, 1, 1000);
	assert_int_equal(classify(1000), FLOOD_CLASS_SINGLE);
}

int main(void)
{
#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(test_single),
		TEST(test_subnet),
		TEST(test_spoofed),
		TEST(test_earlier_seconds),
		TEST(test_seconds_not_looked_at),
		TEST(test_seconds_not_looked_at_since),
		TEST(test_floods_others_too),
		TEST(test_next_period),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

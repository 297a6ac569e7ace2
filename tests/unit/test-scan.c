/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test-scan.c - probes and answers in, scans out: each limit exactly where it stands,
 * within its window and not beyond; many sources as one; what is kept of them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
/* after those it needs */
#include <cmocka.h>

#include "../../plugins/portscan/scan.h"

#define SEC 10

static const struct limits limits = {
	.closed_weight = 21, .privileged_weight = 3, .any_ports = 25, .slow_ports = 10, .odd_ports = 3,
	.ack_ports = 10, .sweep_hosts = 25, .distributed_ports = 15, .distributed_sources = 5,
	.closed_window = 60 * SEC, .any_window = 300 * SEC, .slow_window = 3600 * SEC,
	.odd_window = 60 * SEC, .sweep_window = 300 * SEC, .distributed_window = 60 * SEC,
	.answer_wait = 2 * SEC, .end_after = 60 * SEC, .update_period = 60 * SEC,
};

static struct scans s;
static uint32_t now;
static int said[SCAN_ENDS + 1];
static struct scan last;
static char ranges[100];

static void say(void *arg, enum scan_news news, const struct scan *scan, uint32_t at)
{
	assert_null(arg);
	assert_int_equal(at, now);
	said[news]++;
	last = *scan;
	ranges[scan->ports ? ports_ranges(scan->ports, ranges, sizeof(ranges) - 1) : 0] = '\0';
}

static int setup(void **state)
{
	(void)state;
	now = 1000;
	memset(said, 0, sizeof(said));
	return scans_init(&s, &limits, 42, say, NULL);
}

static int teardown(void **state)
{
	(void)state;
	scans_free(&s);
	return 0;
}

static ti_addr v4(uint32_t a)
{
	return (ti_addr){ 0, __builtin_bswap32(0xffff) | (uint64_t)__builtin_bswap32(a) << 32 };
}

#define SRC   0x0a000001
#define DST   0xc0a80001
#define OTHER 0xc0a80002

static void probe_at(uint32_t src, uint32_t dst, ti_port port, int kind, int answer)
{
	struct record r = { .src = v4(src), .dst = v4(dst), .port = port, .probe = kind, .answer = answer };

	scans_add(&s, &r, now);
}

static void probe(ti_port port, int kind, int answer)
{
	probe_at(SRC, DST, port, kind, answer);
}

static void judge(void)
{
	scans_judge(&s, now, 2);
}

static void starts(int n)
{
	judge();
	assert_int_equal(said[SCAN_STARTS], n);
}

/* --- rules: one less than the limit is nothing ------------------------------------- */

static void test_closed(void **state)
{
	(void)state;
	for (int i = 0; i < 6; i++)
		probe(20 + i, SCAN_KIND_SYN, ANSWER_CLOSED);
	probe(2000, SCAN_KIND_SYN, ANSWER_CLOSED);
	probe(2001, SCAN_KIND_SYN, ANSWER_CLOSED);
	starts(0);
	for (int i = 0; i < 30; i++) /* again, or elsewhere: the same ports */
		probe_at(SRC, i % 2 ? DST : OTHER, 20 + i % 6, SCAN_KIND_SYN, ANSWER_CLOSED);
	starts(0);
	probe(2002, SCAN_KIND_SYN, ANSWER_CLOSED);
	starts(1);
	assert_int_equal(last.rule, SCAN_RULE_CLOSED);
	assert_string_equal(ranges, "20-25,2000-2002");
	for (int i = 0; i < 1000; i++)
		probe(3000 + i, SCAN_KIND_SYN, ANSWER_CLOSED);
	starts(1);
	now += 60 * SEC;
	judge();
	assert_int_equal(said[SCAN_ENDS], 0);
	now++;
	judge();
	assert_int_equal(said[SCAN_ENDS], 1);
	assert_string_equal(ranges, "20-25,2000-2002,3000-3999");
}

static void test_closed_window(void **state)
{
	(void)state;
	for (int i = 0; i < 30; i++) {
		if (i % 2)
			probe(20 + i % 9, SCAN_KIND_SYN, ANSWER_CLOSED);
		now += 10 * SEC; /* six in a minute */
		starts(0);
	}
}

static void test_any(void **state)
{
	(void)state;
	for (int i = 0; i < 24; i++)
		probe(20 + i, SCAN_KIND_SYN, ANSWER_NONE);
	for (int i = 0; i < 60; i++)
		probe(1000 + i, SCAN_KIND_CONNECT, ANSWER_OPEN);
	now += 2 * SEC;
	starts(0);
	probe(100, SCAN_KIND_SYN, ANSWER_NONE);
	starts(0); /* it may answer yet */
	now += 2 * SEC;
	starts(1);
	assert_int_equal(last.rule, SCAN_RULE_PORTS);
}

static void test_served(void **state)
{
	(void)state;
	for (int i = 0; i < 200; i++) {
		probe(1000 + i, SCAN_KIND_CONNECT, ANSWER_NONE);
		probe(1000 + i, NO_PROBE, i % 2 ? ANSWER_OPEN : ANSWER_COMPLETED);
		if (i % 2 == 0)
			probe(1000 + i, NO_PROBE, ANSWER_ABANDONED);
		probe(1000 + i, SCAN_KIND_ACK, ANSWER_CLOSED); /* its end */
		now++;
		starts(0);
	}
	now += 10 * SEC;
	starts(0);
}

static void test_abandoned(void **state)
{
	(void)state;
	for (int i = 0; i < 25; i++) {
		starts(0);
		probe(1000 + i, SCAN_KIND_SYN, ANSWER_OPEN);
		probe(1000 + i, NO_PROBE, ANSWER_ABANDONED);
	}
	starts(1);
}

static void test_slow(void **state)
{
	(void)state;
	for (int i = 0; i < 10; i++) {
		starts(0);
		probe(1000 + i, SCAN_KIND_SYN, ANSWER_CLOSED);
		now += 300 * SEC;
		i == 9 ? (void)0 : judge();
	}
	now -= 300 * SEC;
	starts(1);
	assert_int_equal(last.rule, SCAN_RULE_SLOW);
	for (int i = 0; i < 10; i++) { /* it goes on: the same scan */
		now += 300 * SEC;
		judge();
		probe(2000 + i, SCAN_KIND_SYN, ANSWER_CLOSED);
		starts(1);
	}
	assert_int_equal(said[SCAN_ENDS], 0);
	now += 1200 * SEC + 1;
	starts(1);
	assert_int_equal(said[SCAN_ENDS], 1);
	assert_string_equal(ranges, "1000-1009,2000-2009");
}

static void test_slower_than_slow(void **state)
{
	(void)state;
	for (int i = 0; i < 100; i++) {
		probe(1000 + i, SCAN_KIND_SYN, ANSWER_CLOSED);
		now += 401 * SEC;
		starts(0);
	}
}

static void test_flags(void **state)
{
	static const int odd[] = {SCAN_KIND_FIN, SCAN_KIND_NULL, SCAN_KIND_XMAS, SCAN_KIND_SYNFIN,
				  SCAN_KIND_MAIMON};

	(void)state;
	for (uint32_t i = 0; i < 5; i++) {
		for (int port = 1; port <= 2; port++)
			probe_at(SRC + i, DST + i, 5000 + 100 * i + port, odd[i], ANSWER_NONE);
		starts(i);
		probe_at(SRC + i, DST + i, 5000 + 100 * i + 3, odd[i], ANSWER_NONE);
		starts(i + 1);
		assert_int_equal(last.rule, SCAN_RULE_FLAGS);
		assert_int_equal(scan_probe(&last), odd[i]);
	}
}

static void test_acks(void **state)
{
	(void)state;
	for (int i = 0; i < 10; i++) {
		starts(0);
		probe(20 + i, SCAN_KIND_ACK, ANSWER_CLOSED);
	}
	starts(1);
	assert_int_equal(last.rule, SCAN_RULE_RESETS);
}

static void test_sweep(void **state)
{
	(void)state;
	for (int i = 0; i < 60; i++) /* what clients of many servers do */
		probe_at(SRC + 1, DST + i, 443, SCAN_KIND_CONNECT, ANSWER_OPEN);
	for (int i = 0; i < 25; i++) {
		starts(0);
		probe_at(SRC, DST + i, 443, SCAN_KIND_SYN, ANSWER_CLOSED);
	}
	starts(1);
	assert_int_equal(last.kind, SCAN_KIND_SWEEP);
	assert_int_equal(last.sweep_port, 443);
}

/* Of one source at one victim, at the same time. An answer is to the last probe. */
static void test_each_kind(void **state)
{
	static const int kinds[] = {SCAN_KIND_SYN, SCAN_KIND_FIN, SCAN_KIND_NULL, SCAN_KIND_XMAS,
				    SCAN_KIND_MAIMON, SCAN_KIND_ACK};

	(void)state;
	for (int i = 0; i < 6; i++) {
		for (int port = 1; port <= 100; port++) {
			probe(port, kinds[i], kinds[i] >= SCAN_KIND_MAIMON ? ANSWER_CLOSED : ANSWER_NONE);
			if (kinds[i] < SCAN_KIND_MAIMON)
				probe(port, NO_PROBE, ANSWER_CLOSED);
			now++;
		}
		starts(i + 1);
		assert_int_equal(scan_probe(&last), kinds[i]);
		assert_int_equal(last.sources, 1);
		assert_int_equal(last.closed, last.probes);
	}
	probe(101, SCAN_KIND_CONNECT, ANSWER_CLOSED); /* a SYN, too */
	starts(6);
	scans_end(&s, now);
	assert_int_equal(said[SCAN_ENDS], 6);
}

/* --- several sources ------------------------------------------------------------------ */

static void test_decoys(void **state)
{
	(void)state;
	for (int port = 1; port <= 100; port++)
		for (int i = 0; i < 5; i++) {
			/* Some of whom don't exist: their answers never go out. */
			probe_at(SRC + i, DST, port, SCAN_KIND_SYN, i < 2 ? ANSWER_CLOSED : ANSWER_NONE);
			judge();
		}
	now += 10 * SEC;
	starts(1);
	assert_int_equal(last.kind, SCAN_KIND_DISTRIBUTED);
	assert_int_equal(last.sources, 5);
	scans_end(&s, now);
	assert_int_equal(said[SCAN_ENDS], 1);
	assert_string_equal(ranges, "1-100");
}

static void test_shares(void **state)
{
	(void)state;
	for (int i = 0; i < 5; i++)
		for (int port = 0; port < 3; port++) {
			starts(0);
			probe_at(SRC + i, DST, 2000 + 3 * i + port, SCAN_KIND_SYN, ANSWER_CLOSED);
		}
	starts(1);
	assert_int_equal(last.rule, SCAN_RULE_SOURCES);
}

static void test_too_few_sources(void **state)
{
	(void)state;
	for (int port = 1; port <= 30; port++)
		for (int i = 0; i < 4; i++)
			probe_at(SRC + i, DST, port, SCAN_KIND_SYN, ANSWER_CLOSED);
	starts(4);
	assert_int_equal(last.kind, SCAN_KIND_SYN);
}

static void test_absorbed(void **state)
{
	(void)state;
	for (int port = 1; port <= 30; port++)
		probe(port, SCAN_KIND_SYN, ANSWER_CLOSED);
	starts(1);
	for (int port = 1; port <= 30; port++)
		for (int i = 1; i < 6; i++)
			probe_at(SRC + i, DST, port, SCAN_KIND_SYN, ANSWER_CLOSED);
	starts(1);
	assert_int_equal(said[SCAN_GOES_ON], 1);
	assert_int_equal(last.kind, SCAN_KIND_DISTRIBUTED);
	assert_int_equal(last.sources, 6);
}

static void test_flood(void **state)
{
	(void)state;
	for (int i = 0; i < 2000; i++) /* pairs of one random source are chance */
		probe_at(SRC + i / 2, DST, 1 + i * 7, SCAN_KIND_SYN, ANSWER_CLOSED);
	scans_judge(&s, now, 3);
	assert_int_equal(said[SCAN_STARTS], 0);
}

/* --- what is kept ------------------------------------------------------------------------ */

static void test_memory(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < 2 * SOURCES; i++)
		probe_at(i, DST, i, SCAN_KIND_CONNECT, ANSWER_OPEN);
	assert_int_equal(s.sources.n, SOURCES);
	assert_int_equal(s.sources.evicted, SOURCES);
	for (uint32_t i = 0; i < 10000; i++)
		for (int port = 0; port < 64; port++)
			probe_at(i, DST, port, SCAN_KIND_CONNECT, ANSWER_OPEN);
	assert_true(s.sources.probes <= PROBES);
	for (int port = 2000; port < 2021; port++)
		probe(port, SCAN_KIND_SYN, ANSWER_CLOSED);
	starts(1);
}

static void test_many_scans(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < SCANS + 10; i++) {
		for (int port = 1; port <= 60; port++)
			probe_at(SRC + i, DST + i, port, SCAN_KIND_SYN, ANSWER_CLOSED);
		starts(i + 1);
		assert_int_equal(last.ports != NULL, i < EXACT || i >= SCANS);
	}
	assert_int_equal(said[SCAN_ENDS], 10);
	assert_in_range(sketch_estimate(last.sketch, SKETCH_BITS), 54, 66);
}

static void test_silent(void **state)
{
	(void)state;
	for (int port = 1; port <= 5000; port++) { /* 1,000 a second, and no answer ever */
		probe(port, SCAN_KIND_SYN, ANSWER_NONE);
		if (port % 100)
			continue;
		now++;
		judge();
	}
	now += 2 * SEC;
	starts(1);
	scans_end(&s, now);
	assert_string_equal(ranges, "1-5000");
	assert_false(last.inexact);
}

static void test_ipv6(void **state)
{
	struct record r = { .dst = { 1, 2 }, .probe = SCAN_KIND_SYN, .answer = ANSWER_CLOSED };

	(void)state;
	for (int i = 0; i < 21; i++) { /* each from another address of a /64 */
		starts(0);
		r.src = (ti_addr){ 0xb80d0120, 1000 + i };
		r.port = 2000 + i;
		scans_add(&s, &r, now);
	}
	starts(1);
	assert_int_equal(last.sources, 1);
}

static void test_ranges(void **state)
{
	static struct ports p;
	char text[20];
	uint32_t count[4];

	(void)state;
	ports_set(&p, 65535, PORT_OPEN);
	ports_set(&p, 65535, PORT_CLOSED);
	ports_set(&p, 0, PORT_UNKNOWN);
	ports_set(&p, 1, PORT_CLOSED);
	ports_set(&p, 3, PORT_CLOSED);
	ports_count(&p, count);
	assert_int_equal(count[PORT_OPEN], 1);
	assert_int_equal(count[PORT_CLOSED], 2);
	assert_int_equal(count[PORT_UNKNOWN], 1);
	assert_int_equal(ports_ranges(&p, text, 11), 11);
	assert_memory_equal(text, "0-1,3,65535", 11);
	assert_int_equal(ports_ranges(&p, text, 10), 9);
	assert_memory_equal(text, "0-1,3,...", 9);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_closed),	   TEST(test_closed_window), TEST(test_any),
		TEST(test_served),	   TEST(test_abandoned),     TEST(test_slow),
		TEST(test_slower_than_slow), TEST(test_flags),	     TEST(test_acks),
		TEST(test_sweep),	   TEST(test_each_kind),     TEST(test_decoys),	     TEST(test_shares),
		TEST(test_too_few_sources), TEST(test_absorbed),     TEST(test_flood),
		TEST(test_memory),	   TEST(test_many_scans),    TEST(test_silent),
		TEST(test_ipv6),	   TEST(test_ranges),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

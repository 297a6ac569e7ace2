/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The parts of plugin retrans that know no kernel: causes, windows, the top, histograms;
 * and what it does in user space as a whole, by the test kit. */
#define _GNU_SOURCE 1
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "kit.h"
#include "../../plugins/retrans/cause.h"
#include "../../plugins/retrans/rtt.h"
#include "../../plugins/retrans/top.h"
#include "../../plugins/retrans/window.h"

/* icsk_pending: 0 none, 1 RETRANS, 5 LOSS_PROBE, 6 REO_TIMEOUT; ca_state: 0 Open,
 * 1 Disorder, 2 CWR, 3 Recovery, 4 Loss; sacked: 4 LOST, 0x80 EVER_RETRANS. */
static void test_causes(void **state)
{
	static const struct {
		unsigned pending, ca_state, sacked, flags;
		enum retrans_cause cause;
	} rows[] = {
		{5, 0, 0, 0x18, RETRANS_CAUSE_TAIL_LOSS_PROBE},
		{5, 2, 0x80, 0x10, RETRANS_CAUSE_TAIL_LOSS_PROBE},
		{5, 1, 0, 0x11, RETRANS_CAUSE_TAIL_LOSS_PROBE}, /* a FIN */
		{1, 3, 4, 0x10, RETRANS_CAUSE_FAST},
		{5, 3, 4, 0x10, RETRANS_CAUSE_FAST}, /* the probe's timer is armed still */
		{6, 3, 4, 0x10, RETRANS_CAUSE_FAST}, /* the reordering timer fired */
		{1, 4, 4, 0x10, RETRANS_CAUSE_SLOW_START},
		{6, 4, 0x84, 0x10, RETRANS_CAUSE_SLOW_START},
		{5, 4, 4, 0x10, RETRANS_CAUSE_SLOW_START}, /* ICMP: fragmentation needed */
		{0, 4, 4, 0x18, RETRANS_CAUSE_TIMEOUT},
		{0, 4, 4, 0x02, RETRANS_CAUSE_SYN},
		{0, 4, 4, 0xc2, RETRANS_CAUSE_SYN}, /* with ECN */
		{0, 4, 4, 0x12, RETRANS_CAUSE_SYNACK},
		{1, 0, 0, 0x18, RETRANS_CAUSE_UNKNOWN},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(cause_of(rows[i].pending, rows[i].ca_state, rows[i].sacked, rows[i].flags),
				 rows[i].cause);
}

static void test_window_fires_once_and_not_below(void **state)
{
	struct window w = {0};
	uint64_t now = 1000 * SECOND;

	(void)state;
	for (int i = 0; i < 10; i++)
		assert_int_equal(window_add(&w, now += SECOND / 10, 8 * SECOND, 10, 1), 0);
	assert_int_equal(window_add(&w, now, 8 * SECOND, 10, 1), 11);
	for (int i = 0; i < 70; i++)
		assert_int_equal(window_add(&w, now += SECOND / 10, 8 * SECOND, 10, 1), 0);
	now += SECOND + SECOND / 10;
	assert_true(window_add(&w, now, 8 * SECOND, 10, 1) > 10);
	assert_int_equal(window_add(&w, now, 8 * SECOND, 10, 1), 0);
}

static void test_window_forgets(void **state)
{
	struct window w = {0};
	uint64_t now = 0; /* the host has just booted */

	(void)state;
	assert_int_equal(window_add(&w, now, 8 * SECOND, 10, 10), 0);
	now += 8 * SECOND; /* those are out of it */
	assert_int_equal(window_add(&w, now, 8 * SECOND, 10, 10), 0);
	now += 7 * SECOND - 1; /* and those not */
	assert_int_equal(window_add(&w, now, 8 * SECOND, 10, 1), 11);
	assert_int_equal(window_add(&w, now + 3600 * SECOND, 8 * SECOND, 10, 10), 0);
	assert_int_equal(window_add(&w, now + 3600 * SECOND, 8 * SECOND, 0, 100), 0); /* no limit */
}

/* Against a list of everything that was added. */
static void test_window_counts_what_is_in_it(void **state)
{
	static uint64_t at[5000];
	struct window w = {0};
	uint64_t now = 77 * SECOND, step = 12345;

	(void)state;
	for (int i = 0; i < 5000; i++) {
		uint32_t sum, whole = 0, seven = 0;

		step = step * 6364136223846793005ull + 1442695040888963407ull;
		now += (step >> 33) % SECOND;
		at[i] = now;
		w.alarmed_until = 0;
		sum = window_add(&w, now, 8 * SECOND, 1, 1);
		for (int k = 0; k <= i; k++) {
			whole += at[k] + 8 * SECOND > now;
			seven += at[k] + 7 * SECOND > now;
		}
		assert_true(sum <= whole);
		assert_true(sum >= seven || seven < 2);
	}
}

static struct retrans_summary with(uint16_t port, uint32_t segs)
{
	struct retrans_summary s = {.src_port = port, .period_segs = segs, .comm = {3, "top"}};

	return s;
}

static void test_top(void **state)
{
	static const uint32_t segs[] = {5, 1, 9, 5, 7, 2, 9};
	static const uint16_t order[] = {2, 6, 4, 0};
	struct retrans_top top = {0}, none = {0};

	(void)state;
	for (uint16_t i = 0; i < 7; i++) {
		struct retrans_summary s = with(i, segs[i]);

		top_add(&top, 4, &s);
		top_add(&none, 0, &s);
	}
	assert_int_equal(top.segs, 38);
	assert_int_equal(top.connections, 7);
	assert_int_equal(top.top.len, 4);
	for (int i = 0; i < 4; i++) {
		assert_int_equal(top.top.item[i].src_port, order[i]);
		assert_int_equal(top.top.item[i].segs, segs[order[i]]);
		assert_memory_equal(top.top.item[i].comm.str, "top", 3);
	}
	assert_int_equal(none.top.len, 0);
	assert_int_equal(none.connections, 7);
}

static void test_histogram(void **state)
{
	struct group_key key = {.port = 80, .netns = 7};
	struct rtt_counts c = {.srtt = {[0] = 1, [9] = 2, [31] = 3}, .min_rtt = {[4] = 6}};
	struct rtt_histogram e = rtt_event(&key, &c);

	(void)state;
	assert_int_equal(e.src_port, 80);
	assert_int_equal(e.netns, 7);
	assert_int_equal(e.samples, 6);
	assert_int_equal(e.srtt.len, 3);
	assert_int_equal(e.srtt.item[0].below, 2000); /* up to 2 us */
	assert_int_equal(e.srtt.item[1].below, 1024000);
	assert_int_equal(e.srtt.item[1].count, 2);
	assert_int_equal(e.srtt.item[2].below, 1000ull << 32);
	assert_int_equal(e.min_rtt.len, 1);
	assert_int_equal(e.min_rtt.item[0].below, 32000);
}

static void test_histograms_with_most(void **state)
{
	static const uint64_t samples[] = {3, 0, 8, 5, 9, 1}, want[] = {9, 8, 5};
	struct rtt_top t;

	(void)state;
	assert_int_equal(rtt_top_init(&t, 3), 0);
	for (size_t i = 0; i < 6; i++) {
		struct rtt_histogram e = {.samples = samples[i]};

		rtt_top_add(&t, &e);
	}
	assert_int_equal(t.n, 3);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(t.at[i].samples, want[i]);
	rtt_top_free(&t);
	assert_int_equal(rtt_top_init(&t, 0), 0);
	rtt_top_add(&t, &(struct rtt_histogram){.samples = 1});
	assert_int_equal(t.n, 0);
	rtt_top_free(&t);
}

/* --- periods, of the whole plugin ------------------------------------------- */

static void put_conn(struct ti_test *t, uint64_t key, uint32_t port, uint32_t epoch, uint32_t even, uint32_t odd)
{
	struct conn c = {.s = {.src_port = port, .segs = even + odd}, .epoch = epoch, .in_period = {even, odd}};

	assert_int_equal(ti_test_map_set(t, "conns", &key, &c), 0);
}

/* A period is the one that has ended, while the programs count in the next. */
static void test_periods(void **state)
{
	struct ti_test *t = kit_user("retrans", "period=60s", "top=2");
	uint32_t *epoch = ti_test_memory(t, "epoch", NULL);

	(void)state;
	assert_int_equal(*epoch, 1);
	put_conn(t, 1, 81, 1, 0, 3); /* three in period 1 */
	put_conn(t, 2, 82, 2, 9, 4); /* it counts period 2 already */
	put_conn(t, 3, 83, 0, 7, 0); /* before */
	put_conn(t, 4, 84, 1, 0, 1);
	ti_test_advance(t, 59 * SECOND);
	ti_test_expect_none(t);
	ti_test_advance(t, SECOND);
	assert_int_equal(*epoch, 2);
	ti_test_expect(t, "retrans_summary", "src_port", "81", "period_segs", "3", "closed", "false",
		       "time", "2020-01-01T00:01:00.000000000Z");
	ti_test_expect(t, "retrans_summary", "src_port", "82", "period_segs", "4");
	ti_test_expect(t, "retrans_summary", "src_port", "84", "period_segs", "1");
	ti_test_expect(t, "retrans_top", "segs", "8", "connections", "3", "window", "60000000000", "top[0].src_port", "82",
		       "top[0].segs", "4", "top[1].src_port", "81", "top[2].src_port", "");
	ti_test_expect_none(t);
	ti_test_stop(t);
	ti_test_expect(t, "retrans_summary", "src_port", "82", "period_segs", "9");
	ti_test_expect(t, "retrans_top", "connections", "1", "window", "1000000000");
	ti_test_expect_none(t);
	ti_test_free(t);
}

/* One that closes before the period ends is of it, too. */
static void test_closed_in_period(void **state)
{
	struct ti_test *t = kit_user("retrans", "period=10s", "top=10");
	struct retrans_summary closed = {.src_port = 80, .closed = 1, .segs = 5, .period_segs = 5};

	(void)state;
	ti_test_record(t, "retrans_summary", &closed, sizeof(closed));
	ti_test_expect(t, "retrans_summary", "closed", "true", "segs", "5");
	closed.period_segs = 0;
	ti_test_record(t, "retrans_summary", &closed, sizeof(closed));
	ti_test_expect(t, "retrans_summary", "period_segs", "0");
	ti_test_advance(t, 10 * SECOND);
	ti_test_expect(t, "retrans_top", "segs", "5", "connections", "1", "top[0].src_port", "80");
	ti_test_advance(t, 10 * SECOND);
	ti_test_expect_none(t);
	ti_test_free(t);
}

static void test_no_periods(void **state)
{
	struct ti_test *t = kit_user("retrans", "period=0");

	(void)state;
	put_conn(t, 1, 81, 1, 0, 3);
	ti_test_advance(t, 600 * SECOND);
	ti_test_stop(t);
	ti_test_expect_none(t);
	ti_test_free(t);
}

/* What was made and is neither there nor was deleted, on whatever CPU, was pushed out. */
static void test_evicted(void **state)
{
	struct ti_test *t = kit_user("retrans", "period=10s", "connections=1024");
	struct conns_moved *cpu0, *cpu1;
	size_t stride;

	(void)state;
	cpu0 = ti_test_memory(t, "conns_moved", &stride);
	cpu1 = (void *)((char *)cpu0 + stride);
	cpu0->created = 1000;
	cpu1->created = 27;
	cpu1->deleted = 1;
	for (uint64_t i = 0; i < 1026; i++) /* of which the last 1024 find room */
		put_conn(t, i, 80 + i, 1, 0, 1);
	ti_test_advance(t, 10 * SECOND);
	for (uint64_t i = 2; i < 1026; i++)
		assert_int_equal(ti_test_number(ti_test_expect(t, "retrans_summary"), "src_port"), 80 + i);
	ti_test_expect(t, "retrans_top", "connections", "1024");
	assert_int_equal(ti_test_counter(t, TI_COUNT_EVICTED), 2);
	ti_test_advance(t, 10 * SECOND);
	assert_int_equal(ti_test_counter(t, TI_COUNT_EVICTED), 2);
	ti_test_free(t);
}

static void test_groups(void **state)
{
	struct ti_test *t = kit_user("retrans", "period=10s", "histograms=1");
	struct group_key key = {.netns = 5, .port = 80};
	struct group g = {.rtt[1] = {.epoch = 1, .srtt[3] = 2}};

	(void)state;
	assert_int_equal(ti_test_map_set(t, "groups", &key, &g), 0);
	key.port = 81;
	g.rtt[1].srtt[3] = 7;
	assert_int_equal(ti_test_map_set(t, "groups", &key, &g), 0);
	ti_test_advance(t, 10 * SECOND);
	ti_test_expect(t, "rtt_histogram", "src_port", "81", "netns", "5", "samples", "7", "srtt[0].count", "7",
		       "window", "10000000000");
	ti_test_expect_none(t);
	ti_test_advance(t, 10 * SECOND); /* of another period */
	ti_test_expect_none(t);
	ti_test_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_causes),
		cmocka_unit_test(test_window_fires_once_and_not_below),
		cmocka_unit_test(test_window_forgets),
		cmocka_unit_test(test_window_counts_what_is_in_it),
		cmocka_unit_test(test_top),
		cmocka_unit_test(test_histogram),
		cmocka_unit_test(test_histograms_with_most),
		cmocka_unit_test(test_periods),
		cmocka_unit_test(test_closed_in_period),
		cmocka_unit_test(test_no_periods),
		cmocka_unit_test(test_evicted),
		cmocka_unit_test(test_groups),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

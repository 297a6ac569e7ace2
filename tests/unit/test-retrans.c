/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The parts of plugin retrans that know no kernel: causes, windows, the top,
 * histograms. */
#define _GNU_SOURCE 1
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "../../plugins/retrans/cause.h"
#include "../../plugins/retrans/rtt.h"
#include "../../plugins/retrans/top.h"
#include "../../plugins/retrans/window.h"

#define SECOND 1000000000ull

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
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test-detect.c - seconds of traffic in, alarms out: each limit exactly where it
 * stands, and the courses that a flood, a busy server and a scan take.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
/* after those it needs */
#include <cmocka.h>

#include "../../plugins/synflood/detect.h"

#define N(a) (sizeof(a) / sizeof((a)[0]))

static const struct limits limits = {
	.alarm_rate = 100,
	.unlistened_rate = 1000,
	.completion = 50,
	.clear_after = 10,
};

/* Of a listener whose handshakes are seen. */
static struct second seen(uint64_t syns, uint64_t completed)
{
	return (struct second){
		.syns = syns,
		.completed = completed,
		.targets = 1,
		.listening = true,
		.completion_known = true,
	};
}

static struct second unseen(uint64_t syns)
{
	struct second s = seen(syns, 0);

	s.completion_known = false;
	return s;
}

static struct second unlistened(uint64_t syns, uint64_t targets)
{
	struct second s = seen(syns, 0);

	s.listening = false;
	s.targets = targets;
	return s;
}

static struct second queue_full(uint64_t syns, uint64_t completed)
{
	struct second s = seen(syns, completed);

	s.queue_full = true;
	return s;
}

static enum outcome next(struct detector *d, struct second s)
{
	enum outcome outcome = detect(d, &s, &limits);

	assert_true(d->why[0]);
	assert_int_equal(d->alarmed, outcome == OUTCOME_START || outcome == OUTCOME_GOES_ON);
	return outcome;
}

/* The same second again and again, up to `most` times: when the outcome is not
 * the one before any more; 0: never. */
static int when_not(struct detector *d, struct second s, enum outcome before, int most)
{
	for (int i = 1; i <= most; i++)
		if (next(d, s) != before)
			return i;
	return 0;
}

static void test_first_second_of_a_listener(void **state)
{
	static const struct {
		uint64_t syns, completed;
		enum outcome outcome;
		const char *why;
	} rows[] = {
		{0, 0, OUTCOME_QUIET, "0 SYNs/s uncompleted (< 100)"},
		{99, 0, OUTCOME_QUIET, "99 SYNs/s uncompleted (< 100)"},
		{100, 0, OUTCOME_START, "100 SYNs/s uncompleted (>= 100), 0 % complete (< 50 %)"},
		{199, 99, OUTCOME_START, "100 SYNs/s uncompleted"},
		{199, 100, OUTCOME_QUIET, "50 % of 199"},
		{200, 100, OUTCOME_QUIET, "50 % of 200 SYNs/s complete, at least 50 %"},
		{201, 100, OUTCOME_START, "101 SYNs/s uncompleted (>= 100), 49 % complete"},
		{100000, 50000, OUTCOME_QUIET, "50 % of 100000"},
		{100000, 100000, OUTCOME_QUIET, "100 % of 100000"},
		/* of connections that began a second earlier */
		{100, 5000, OUTCOME_QUIET, "% of 100"},
		{1000000000000, 1, OUTCOME_START, "999999999999 SYNs/s uncompleted"},
	};

	(void)state;
	for (size_t i = 0; i < N(rows); i++) {
		struct detector d = {0};

		assert_int_equal(next(&d, seen(rows[i].syns, rows[i].completed)), rows[i].outcome);
		if (!strstr(d.why, rows[i].why))
			fail_msg("row %zu: '%s' is not in '%s'", i, rows[i].why, d.why);
	}
}

/* A second without any SYN makes a slow flood slower, and doesn't hide it. */
static void test_pulses_add_up(void **state)
{
	struct detector d = {0};
	int seconds = 0;

	(void)state;
	while (seconds < 120 && next(&d, seen(seconds % 3 == 2 ? 0 : 90, 0)) != OUTCOME_START)
		seconds++;
	assert_in_range(seconds, 30, 60);
}

static void test_completion_of_100_percent(void **state)
{
	static const struct limits strict = {
		.alarm_rate = 1,
		.unlistened_rate = 1,
		.completion = 100,
		.clear_after = 1,
	};
	struct detector d = {0};
	struct second s = seen(1, 0);

	(void)state;
	assert_int_equal(detect(&d, &s, &strict), OUTCOME_START);
	s = seen(1, 1);
	assert_int_equal(detect(&d, &s, &strict), OUTCOME_END);
	s = seen(2, 1);
	assert_int_equal(detect(&d, &s, &strict), OUTCOME_START);
}

/* 60 a second never reach 100, but what exceeds 50 sums to 500 in 50 seconds. */
static void test_slow_and_steady(void **state)
{
	struct detector d = {0};

	(void)state;
	assert_int_equal(when_not(&d, seen(60, 0), OUTCOME_QUIET, 100), 50);
	assert_true(d.alarmed);
	assert_non_null(strstr(d.why, "60 SYNs/s uncompleted for long: sum 500"));
	assert_int_equal(when_not(&d, seen(60, 0), OUTCOME_GOES_ON, 1000), 0);
	/* However long it was, it ends as soon as any. */
	assert_int_equal(when_not(&d, seen(50, 0), OUTCOME_GOES_ON, 100), 10);
	assert_false(d.alarmed);
}

static void test_below_half_for_ever(void **state)
{
	struct detector d = {0};

	(void)state;
	assert_int_equal(when_not(&d, seen(50, 0), OUTCOME_QUIET, 10000), 0);
	assert_int_equal(when_not(&d, seen(80, 40), OUTCOME_QUIET, 10000), 0);
}

/* From 0, one more each second: seen before it has come to 100. */
static void test_ramp(void **state)
{
	struct detector d = {0};
	uint64_t rate = 0;

	(void)state;
	while (next(&d, seen(rate, 0)) == OUTCOME_QUIET)
		rate++;
	assert_in_range(rate, 51, 99);
	assert_int_equal(rate, 50 + 32); /* 1 + 2 + ... + 32 = 528 >= 500 */
}

static void test_sum_is_forgotten(void **state)
{
	struct detector d = {0};

	(void)state;
	assert_int_equal(when_not(&d, seen(90, 0), OUTCOME_QUIET, 12), 0); /* 480 */
	assert_int_equal(next(&d, seen(90, 45)), OUTCOME_QUIET);
	assert_int_equal(when_not(&d, seen(90, 0), OUTCOME_QUIET, 20), 13);
	/* Quieter seconds take away from it as much as they are below the half. */
	d = (struct detector){0};
	assert_int_equal(when_not(&d, seen(90, 0), OUTCOME_QUIET, 12), 0);
	assert_int_equal(next(&d, seen(10, 0)), OUTCOME_QUIET); /* 440 */
	assert_int_equal(when_not(&d, seen(90, 0), OUTCOME_QUIET, 20), 2);
}

static void test_course_of_a_flood(void **state)
{
	struct detector d = {0};

	(void)state;
	assert_int_equal(next(&d, seen(10, 10)), OUTCOME_QUIET);
	assert_int_equal(next(&d, seen(50000, 10)), OUTCOME_START);
	assert_int_equal(when_not(&d, seen(50000, 10), OUTCOME_GOES_ON, 100), 0);
	/* One bad second in between, and the quiet ones count from there. */
	assert_int_equal(when_not(&d, seen(10, 10), OUTCOME_GOES_ON, 9), 0);
	assert_non_null(strstr(d.why, "quiet for 9 of 10 s"));
	assert_int_equal(next(&d, seen(50000, 10)), OUTCOME_GOES_ON);
	assert_int_equal(when_not(&d, seen(10, 10), OUTCOME_GOES_ON, 100), 10);
	assert_false(d.alarmed);
	assert_string_equal(d.why, "quiet for 10 s");
	/* Over is over: the next one is another. */
	assert_int_equal(next(&d, seen(0, 0)), OUTCOME_QUIET);
	assert_int_equal(next(&d, seen(50000, 0)), OUTCOME_START);
}

static void test_clear_after_one_second(void **state)
{
	static const struct limits quick = {
		.alarm_rate = 100,
		.unlistened_rate = 1000,
		.completion = 50,
		.clear_after = 1,
	};
	struct detector d = {0};
	struct second s = seen(100, 0);

	(void)state;
	assert_int_equal(detect(&d, &s, &quick), OUTCOME_START);
	s = seen(99, 0);
	assert_int_equal(detect(&d, &s, &quick), OUTCOME_END);
	assert_int_equal(detect(&d, &s, &quick), OUTCOME_QUIET);
}

/* Few SYNs, as clients that are turned away send them again. */
static void test_overload(void **state)
{
	struct detector d = {0};

	(void)state;
	assert_int_equal(next(&d, queue_full(2, 2)), OUTCOME_QUIET);
	assert_int_equal(next(&d, queue_full(5, 2)), OUTCOME_START);
	assert_true(d.overload);
	assert_non_null(strstr(d.why, "the accept queue is full: 3 SYNs unanswered in 2 s"));
	assert_int_equal(when_not(&d, queue_full(0, 0), OUTCOME_GOES_ON, 100), 0);
	assert_int_equal(when_not(&d, seen(5, 5), OUTCOME_GOES_ON, 100), 10);
	assert_false(d.overload);
}

static void test_full_queue_that_turns_nobody_away(void **state)
{
	struct detector d = {0};

	(void)state;
	/* One second is nothing yet, whatever comes in it below the rate. */
	assert_int_equal(next(&d, queue_full(50, 0)), OUTCOME_QUIET);
	assert_int_equal(next(&d, seen(0, 0)), OUTCOME_QUIET);
	/* Full for long, but what comes is served, but for one. */
	assert_int_equal(next(&d, queue_full(10, 9)), OUTCOME_QUIET);
	assert_int_equal(when_not(&d, queue_full(10, 10), OUTCOME_QUIET, 100), 0);
	assert_int_equal(next(&d, queue_full(10, 9)), OUTCOME_START);
	assert_true(d.overload);
}

/* A flood that fills no accept queue is none of overload, also after one. */
static void test_flood_is_no_overload(void **state)
{
	struct detector d = {0};

	(void)state;
	assert_int_equal(next(&d, seen(5000, 0)), OUTCOME_START);
	assert_false(d.overload);
	assert_int_equal(when_not(&d, seen(0, 0), OUTCOME_GOES_ON, 100), 10);
	assert_int_equal(next(&d, queue_full(3, 0)), OUTCOME_QUIET);
	assert_int_equal(next(&d, queue_full(3, 0)), OUTCOME_START);
	assert_true(d.overload);
	assert_int_equal(when_not(&d, seen(0, 0), OUTCOME_GOES_ON, 100), 10);
	assert_int_equal(next(&d, seen(5000, 0)), OUTCOME_START);
	assert_false(d.overload);
}

static void test_unknown_completion(void **state)
{
	struct detector d = {0};

	(void)state;
	/* What it begins with is taken for the usual. */
	assert_int_equal(when_not(&d, unseen(1000), OUTCOME_QUIET, 1000), 0);
	assert_int_equal(next(&d, unseen(4000)), OUTCOME_QUIET);
	d = (struct detector){0};
	assert_int_equal(when_not(&d, unseen(1000), OUTCOME_QUIET, 100), 0);
	assert_int_equal(next(&d, unseen(4001)), OUTCOME_START);
	assert_non_null(strstr(d.why, "4001 SYNs/s, usual 1000"));
	assert_non_null(strstr(d.why, "completion unknown"));
	/* The flood itself does not become the usual. */
	assert_int_equal(when_not(&d, unseen(4001), OUTCOME_GOES_ON, 10000), 0);
	assert_int_equal(when_not(&d, unseen(1000), OUTCOME_GOES_ON, 100), 10);
	assert_int_equal(next(&d, unseen(4001)), OUTCOME_START);
}

static void test_unknown_completion_of_an_idle_listener(void **state)
{
	struct detector d = {0};

	(void)state;
	assert_int_equal(next(&d, unseen(0)), OUTCOME_QUIET);
	assert_int_equal(next(&d, unseen(99)), OUTCOME_QUIET);
	assert_int_equal(next(&d, unseen(100)), OUTCOME_START);
}

static void test_to_nobody(void **state)
{
	static const struct {
		uint64_t syns, targets;
		enum outcome outcome;
		const char *why;
	} rows[] = {
		{999, 1, OUTCOME_QUIET, "999 SYNs/s to no listener (< 1000)"},
		{1000, 1, OUTCOME_START, "1000 SYNs/s to no listener (>= 1000), to 1 targets"},
		{1000, 0, OUTCOME_START, "to 1 targets"}, /* an estimate may be 0 */
		/* 8 SYNs a target and more are no scan */
		{1000, 125, OUTCOME_START, "to 125 targets"},
		{1000, 126, OUTCOME_QUIET, "to 126 targets: a scan"},
		{50000, 50000, OUTCOME_QUIET, "a scan"},
		{50000, 6250, OUTCOME_START, ">= 1000"},
		{50000, 6251, OUTCOME_QUIET, "a scan"},
		/* so many that it does not matter */
		{99999, 99999, OUTCOME_QUIET, "a scan"},
		{100000, 100000, OUTCOME_START, ">= 1000"},
	};

	(void)state;
	for (size_t i = 0; i < N(rows); i++) {
		struct detector d = {0};

		assert_int_equal(next(&d, unlistened(rows[i].syns, rows[i].targets)),
				 rows[i].outcome);
		if (!strstr(d.why, rows[i].why))
			fail_msg("row %zu: '%s' is not in '%s'", i, rows[i].why, d.why);
	}
}

/* Slow ones to nobody don't add up: everybody's address gets those. */
static void test_to_nobody_for_long(void **state)
{
	struct detector d = {0};

	(void)state;
	assert_int_equal(when_not(&d, unlistened(999, 1), OUTCOME_QUIET, 10000), 0);
	assert_int_equal(next(&d, unlistened(2000, 3)), OUTCOME_START);
	assert_int_equal(when_not(&d, unlistened(2000, 2000), OUTCOME_GOES_ON, 100), 10);
}

/* What DNAT sends elsewhere completes, as packets show. */
static void test_to_nobody_but_completed(void **state)
{
	struct second s = unlistened(50000, 1);
	struct detector d = {0};

	(void)state;
	s.completed = 49001;
	assert_int_equal(next(&d, s), OUTCOME_QUIET);
	assert_non_null(strstr(d.why, "999 SYNs/s to no listener"));
	s.completed = 25000;
	assert_int_equal(next(&d, s), OUTCOME_QUIET);
	assert_non_null(strstr(d.why, "50 % complete"));
	s.completed = 24999;
	assert_int_equal(next(&d, s), OUTCOME_START);
}

/* No alarm before it is known what completes; but one goes on. */
static void test_unsure(void **state)
{
	struct second s = seen(5000, 0);
	struct detector d = {0};

	(void)state;
	s.unsure = true;
	assert_int_equal(next(&d, s), OUTCOME_QUIET);
	assert_true(d.waits);
	assert_non_null(strstr(d.why, "not known yet what completes"));
	s.unsure = false;
	assert_int_equal(next(&d, s), OUTCOME_START);
	assert_false(d.waits);
	s.unsure = true;
	assert_int_equal(next(&d, s), OUTCOME_GOES_ON);
	assert_false(d.waits);
	/* A full accept queue is known. */
	d = (struct detector){0};
	s.queue_full = true;
	assert_int_equal(next(&d, s), OUTCOME_START);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_first_second_of_a_listener),
		cmocka_unit_test(test_pulses_add_up),
		cmocka_unit_test(test_completion_of_100_percent),
		cmocka_unit_test(test_slow_and_steady),
		cmocka_unit_test(test_below_half_for_ever),
		cmocka_unit_test(test_ramp),
		cmocka_unit_test(test_sum_is_forgotten),
		cmocka_unit_test(test_course_of_a_flood),
		cmocka_unit_test(test_clear_after_one_second),
		cmocka_unit_test(test_overload),
		cmocka_unit_test(test_full_queue_that_turns_nobody_away),
		cmocka_unit_test(test_flood_is_no_overload),
		cmocka_unit_test(test_unknown_completion),
		cmocka_unit_test(test_unknown_completion_of_an_idle_listener),
		cmocka_unit_test(test_to_nobody),
		cmocka_unit_test(test_to_nobody_for_long),
		cmocka_unit_test(test_to_nobody_but_completed),
		cmocka_unit_test(test_unsure),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

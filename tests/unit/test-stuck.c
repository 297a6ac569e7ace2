/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which of a table's connections are stuck, and that each is said once. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "../../plugins/conn/stuck.h"

#define SECOND 1000000000ull

static struct conn table[2];
static struct ti_socket requests[3], there[1];
static int n_there, n_forgotten, n_requests, n_stuck, n_established, deleted;
static struct stuck last;

static int event_number(struct ti_handle *h, const char *name)
{
	(void)h;
	return !strcmp(name, "stuck");
}

static int emit(struct ti_handle *h, int event, const void *data, size_t len, uint64_t now)
{
	(void)h;
	(void)now;
	if (event == 0) {
		n_established++;
		return 0;
	}
	assert_int_equal(len, sizeof(last));
	memcpy(&last, data, len);
	n_stuck++;
	return 0;
}

static int map(struct ti_handle *h, const char *name)
{
	(void)h;
	return !strcmp(name, "conns") ? 1 : 2;
}

static int map_each(struct ti_handle *h, int fd, int (*fn)(void *, const void *, const void *), void *arg)
{
	(void)h;
	assert_int_equal(fd, 1);
	for (uint64_t key = 0; key < 2; key++)
		assert_int_equal(fn(arg, &key, &table[key]), 0);
	return 0;
}

static int map_delete(struct ti_handle *h, int fd, const void *key)
{
	(void)h;
	if (fd == 1) {
		n_forgotten++;
		memset(&table[*(const uint64_t *)key], 0, sizeof(*table));
		return 0;
	}
	assert_int_equal(fd, 2);
	return deleted++ ? -ENOENT : 0;
}

static int sockets(struct ti_handle *h, uint32_t states, int (*fn)(void *, const struct ti_socket *), void *arg)
{
	(void)h;
	for (int i = 0; states == 1 << 3 && i < n_requests; i++)
		fn(arg, &requests[i]);
	for (int i = 0; states != 1 << 3 && i < n_there; i++)
		fn(arg, &there[i]);
	return 0;
}

static void say(struct ti_handle *h, enum ti_log_level level, const char *fmt, ...)
{
	(void)h;
	assert_int_equal(level, TI_LOG_WARNING);
	assert_non_null(strstr(fmt, "ended unseen"));
}

static uint64_t now(struct ti_handle *h)
{
	(void)h;
	return 0;
}

static const struct ti_host host = {
	.size = sizeof(host), .event = event_number, .emit = emit, .map = map, .map_each = map_each,
	.map_delete = map_delete, .log = say, .now = now, .sockets = sockets,
};

static void test_retransmits_after(void **state)
{
	(void)state;
	assert_int_equal(retransmits_after(SECOND), 1);
	assert_int_equal(retransmits_after(SECOND + 1), 2);
	assert_int_equal(retransmits_after(3 * SECOND), 2);
	assert_int_equal(retransmits_after(10 * SECOND), 4);
	assert_int_equal(retransmits_after(86400 * SECOND), 16);
}

static struct stucks fresh(void)
{
	struct stucks s = {.limit[CONN_STATE_CLOSE_WAIT] = 60 * SECOND};

	memset(table, 0, sizeof(table));
	n_stuck = n_established = n_requests = n_there = n_forgotten = deleted = 0;
	assert_int_equal(stucks_init(&s, &host, NULL), 0);
	return s;
}

static void test_said_once(void **state)
{
	struct stucks s = fresh();

	(void)state;
	table[0] = (struct conn){.since = SECOND, .state = CONN_STATE_CLOSE_WAIT};
	table[1] = (struct conn){.since = SECOND, .state = CONN_STATE_ESTABLISHED};
	stucks_look(&s, 60 * SECOND);
	assert_int_equal(n_stuck, 0);
	for (int i = 61; i < 70; i++)
		stucks_look(&s, i * SECOND);
	assert_int_equal(n_stuck, 1);
	assert_int_equal(last.state, CONN_STATE_CLOSE_WAIT);
	assert_int_equal(last.held, 60 * SECOND);
	table[0].since = 70 * SECOND; /* another connection in its place */
	stucks_look(&s, 131 * SECOND);
	assert_int_equal(n_stuck, 2);
	table[0].flags = CONN_UNWANTED;
	table[0].since = 131 * SECOND;
	stucks_look(&s, 300 * SECOND);
	assert_int_equal(n_stuck, 2);
	stucks_free(&s);
}

/* The kernel has it no more: its end was missed. */
static void test_gone(void **state)
{
	struct stucks s = fresh();

	(void)state;
	s.netns = 7;
	for (int i = 0; i < 2; i++)
		table[i] = (struct conn){.since = SECOND, .state = CONN_STATE_CLOSE_WAIT, .netns = 7, .cookie = 100 + i};
	there[0] = (struct ti_socket){.cookie = 101, .state = 8};
	n_there = 1;
	stucks_look(&s, 61 * SECOND);
	assert_int_equal(n_stuck, 1);
	assert_int_equal(last.cookie, 101);
	assert_int_equal(n_forgotten, 1);
	table[0] = (struct conn){.since = SECOND, .state = CONN_STATE_CLOSE_WAIT, .netns = 8, .cookie = 102};
	stucks_look(&s, 62 * SECOND); /* of another namespace nothing can be asked */
	assert_int_equal(n_stuck, 2);
	assert_int_equal(n_forgotten, 1);
	stucks_free(&s);
}

static void test_queued_for_long(void **state)
{
	struct stucks s = fresh();

	(void)state;
	table[0] = (struct conn){.born = SECOND, .since = 2 * SECOND, .state = CONN_STATE_ESTABLISHED,
				 .direction = CONN_DIRECTION_IN, .flags = CONN_ASKED,
				 .in_state[CONN_STATE_SYN_RECV] = SECOND};
	stucks_look(&s, 11 * SECOND);
	assert_int_equal(n_established, 0);
	stucks_look(&s, 12 * SECOND);
	stucks_look(&s, 13 * SECOND);
	assert_int_equal(n_established, 1);
	table[0].accepted = 1;
	deleted = 0;
	stucks_look(&s, 14 * SECOND);
	assert_int_equal(deleted, 0);
	stucks_free(&s);
}

static void test_requests_of_a_listener_are_one(void **state)
{
	struct stucks s = fresh();

	(void)state;
	s.limit[CONN_STATE_SYN_RECV] = 3 * SECOND;
	n_requests = 3;
	for (int i = 0; i < 3; i++)
		requests[i] = (struct ti_socket){.local_port = 80, .peer_port = 1000 + i, .retransmits = i + 1};
	stucks_look(&s, SECOND);
	stucks_look(&s, 2 * SECOND);
	assert_int_equal(n_stuck, 1);
	assert_int_equal(last.sockets, 2);
	assert_int_equal(last.dst_port, 80);
	assert_int_equal(last.held, 7 * SECOND);
	n_requests = 0;
	stucks_look(&s, 3 * SECOND);
	n_requests = 3;
	stucks_look(&s, 4 * SECOND);
	assert_int_equal(n_stuck, 2);
	stucks_free(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_retransmits_after),
		cmocka_unit_test(test_said_once),
		cmocka_unit_test(test_gone),
		cmocka_unit_test(test_queued_for_long),
		cmocka_unit_test(test_requests_of_a_listener_are_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

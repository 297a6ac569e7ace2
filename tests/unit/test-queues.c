/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Overflows as a host with given listeners and counters would report them. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "../../plugins/conn/queues.h"

static const char netstat[] = "TcpExt: SyncookiesSent ListenOverflows ListenDrops\n"
			      "TcpExt: 7 21 43\n"
			      "IpExt: InNoRoutes InOctets\n"
			      "IpExt: 1 99\n";

static void test_netstat_counter(void **state)
{
	(void)state;
	assert_int_equal(netstat_counter(netstat, "SyncookiesSent"), 7);
	assert_int_equal(netstat_counter(netstat, "ListenOverflows"), 21);
	assert_int_equal(netstat_counter(netstat, "ListenDrops"), 43);
	assert_int_equal(netstat_counter(netstat, "InOctets"), 99);
	assert_int_equal(netstat_counter(netstat, "Listen"), 0);
	assert_int_equal(netstat_counter("", "ListenDrops"), 0);
	assert_int_equal(netstat_counter("TcpExt: ListenDrops", "ListenDrops"), 0);
	assert_int_equal(netstat_counter("TcpExt: A ListenDrops\nTcpExt: 1", "ListenDrops"), 0);
}

/* --- a host with two listeners -------------------------------------------- */

static struct ti_socket listed[2];
static int n_listed, n_emitted;
static struct listener last;
static uint64_t ports[65536 / 64];
static struct listening known;

static int emit(struct ti_handle *h, int event, const void *data, size_t len, uint64_t now)
{
	(void)h;
	(void)now;
	assert_int_equal(event, 1);
	assert_int_equal(len, sizeof(struct listener));
	memcpy(&last, data, len);
	n_emitted++;
	return 0;
}

static int event_number(struct ti_handle *h, const char *name)
{
	(void)h;
	return !strcmp(name, "listener");
}

static void *memory(struct ti_handle *h, const char *name, size_t *size)
{
	(void)h;
	(void)name;
	*size = sizeof(ports);
	return ports;
}

static int map(struct ti_handle *h, const char *name)
{
	(void)h;
	(void)name;
	return 3;
}

static uint64_t now(struct ti_handle *h)
{
	(void)h;
	return 1000;
}

static int map_each(struct ti_handle *h, int fd, int (*fn)(void *, const void *, const void *), void *arg)
{
	uint64_t key = 1;

	(void)h;
	(void)fd;
	return fn(arg, &key, &known);
}

static int sockets(struct ti_handle *h, uint32_t states, int (*fn)(void *, const struct ti_socket *), void *arg)
{
	(void)h;
	for (int i = 0; (states & 1 << 10) && i < n_listed; i++)
		fn(arg, &listed[i]);
	if (states & 1 << 8) {
		struct ti_socket s = {.local_port = 80, .state = 8, .local.lo = 5};

		fn(arg, &s);
	}
	return 0;
}

static struct listener_totals totals[2]; /* of ports 80 and 81 */
static struct listener_states close_wait;
static int n_removed;

static void *metrics(struct ti_handle *h, const char *name, const void *labels)
{
	const struct by_listener *by = labels;

	(void)h;
	if (!strcmp(name, "listener_totals"))
		return by->port == 80 || by->port == 81 ? &totals[by->port - 80] : NULL;
	return ((const struct by_listener_state *)labels)->state == LISTENER_STATE_CLOSE_WAIT ? &close_wait : NULL;
}

static int metrics_remove(struct ti_handle *h, const char *name, const void *labels)
{
	(void)h;
	(void)name;
	assert_int_equal(((const struct by_listener *)labels)->port, 80);
	n_removed++;
	return 0;
}

static const struct ti_host host = {
	.size = sizeof(host), .event = event_number, .emit = emit, .memory = memory, .map = map,
	.map_each = map_each, .now = now, .sockets = sockets, .metrics = metrics, .metrics_remove = metrics_remove,
};

static void test_periods(void **state)
{
	struct queues q = {0};

	(void)state;
	n_listed = 1;
	listed[0] = (struct ti_socket){.cookie = 9, .local_port = 80, .drops = 40, .rqueue = 2, .wqueue = 8};
	known = (struct listening){.cookie = 9, .connections = 10, .accepted = 8, .owner = {.pid = 77, .uid = 33}};
	assert_int_equal(queues_init(&q, &host, NULL), 0);
	assert_true(ports[1] & 1 << 16);
	listed[0].drops = 45;
	queues_look(&q, 2000);
	queues_report(&q, 3000);
	assert_int_equal(n_emitted, 1);
	assert_int_equal(last.drops, 5); /* what was dropped before the start isn't ours */
	assert_int_equal(last.connections, 10);
	assert_int_equal(last.accepted, 8);
	assert_int_equal(last.window, 2000);
	assert_int_equal(last.pid, 77);
	assert_int_equal(last.close_wait, 1);
	assert_int_equal(close_wait.listener_sockets, 1);
	known.connections = 13;
	queues_look(&q, 4000);
	queues_report(&q, 5000);
	assert_int_equal(last.drops, 0);
	assert_int_equal(last.connections, 3);
	assert_int_equal(last.accepted, 0);
	assert_int_equal(totals[0].listener_connections, 13);
	assert_int_equal(totals[0].listener_accepted, 8);
	assert_int_equal(totals[0].listener_drops, 5);
	assert_int_equal(totals[0].listener_queue, 2);
	assert_int_equal(totals[0].listener_backlog, 8);
	assert_int_equal(n_removed, 0);
	/* Gone, and another in its place. */
	listed[0].cookie = 10;
	listed[0].drops = 2;
	listed[0].local_port = 81;
	queues_look(&q, 6000);
	queues_report(&q, 7000);
	assert_int_equal(last.drops, 2);
	assert_int_equal(last.pid, 0);
	assert_false(ports[1] & 1 << 16);
	assert_int_equal(n_removed, 1 + LISTENER_STATES);
	assert_int_equal(totals[1].listener_drops, 2);
	assert_int_equal(totals[1].listener_connections, 0);
	queues_free(&q);
}

/* Two at one address and port are one for metrics, also when one of them goes. */
static void test_shared_port(void **state)
{
	struct queues q = {0};

	(void)state;
	memset(totals, 0, sizeof(totals));
	n_removed = 0;
	n_listed = 2;
	listed[0] = (struct ti_socket){.cookie = 9, .local_port = 80, .rqueue = 2, .wqueue = 8};
	listed[1] = (struct ti_socket){.cookie = 11, .local_port = 80, .rqueue = 3, .wqueue = 8};
	known = (struct listening){.cookie = 11, .connections = 4, .accepted = 1};
	assert_int_equal(queues_init(&q, &host, NULL), 0);
	listed[0].drops = 6;
	listed[1].drops = 1;
	queues_look(&q, 2000);
	assert_int_equal(totals[0].listener_queue, 5);
	assert_int_equal(totals[0].listener_backlog, 16);
	assert_int_equal(totals[0].listener_drops, 7);
	assert_int_equal(totals[0].listener_connections, 4);
	n_listed = 1; /* the other is gone */
	queues_look(&q, 3000);
	assert_int_equal(n_removed, 0);
	assert_int_equal(totals[0].listener_queue, 2);
	assert_int_equal(totals[0].listener_drops, 7);
	assert_int_equal(totals[0].listener_connections, 4);
	queues_free(&q);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_netstat_counter),
		cmocka_unit_test(test_periods),
		cmocka_unit_test(test_shared_port),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

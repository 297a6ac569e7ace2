/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What plugins/conn does in user space, by the test kit: its tables and the host's
 * sockets are given, what it reports is looked at. And the small parts of it.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <cmocka.h>
#include "../../plugins/conn/queues.h"
#include "../../plugins/conn/stuck.h"
#include "kit.h"

enum { ESTABLISHED = 1, SYN_RECV = 3, TIME_WAIT = 6, CLOSE_WAIT = 8, LISTEN = 10 };

#define ADDR(a, b, c, d) ((ti_addr){ 0, 0xffff0000ull | (uint64_t)(a) << 32 | (uint64_t)(b) << 40 | \
					      (uint64_t)(c) << 48 | (uint64_t)(d) << 56 })

/* --- parts ----------------------------------------------------------------- */

static void test_retransmits_after(void **state)
{
	(void)state;
	assert_int_equal(retransmits_after(SECOND), 1);
	assert_int_equal(retransmits_after(SECOND + 1), 2);
	assert_int_equal(retransmits_after(3 * SECOND), 2);
	assert_int_equal(retransmits_after(10 * SECOND), 4);
	assert_int_equal(retransmits_after(86400 * SECOND), 16);
}

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

/* --- stuck ------------------------------------------------------------------- */

static uint32_t own_netns(void)
{
	struct stat st = { 0 };

	stat("/proc/self/ns/net", &st);
	return st.st_ino;
}

static void put_conn(struct ti_test *t, uint64_t key, struct conn c)
{
	assert_int_equal(ti_test_map_set(t, "conns", &key, &c), 0);
}

static int get_conn(struct ti_test *t, uint64_t key)
{
	struct conn c;

	return ti_test_map_get(t, "conns", &key, &c);
}

static void test_said_once(void **state)
{
	struct ti_test *t = kit_user("conn", "stuck_close_wait=60s");
	struct conn c = { .since = ti_test_now(t), .state = CONN_STATE_CLOSE_WAIT, .direction = CONN_DIRECTION_IN,
			  .local = ADDR(192, 0, 2, 1), .local_port = 80, .peer = ADDR(192, 0, 2, 2), .peer_port = 1024,
			  .owner = { .pid = 77, .uid = 33, .comm_len = 5, .comm = "httpd" } };

	(void)state;
	put_conn(t, 1, c);
	put_conn(t, 2, (struct conn){ .since = ti_test_now(t), .state = CONN_STATE_ESTABLISHED });
	ti_test_advance(t, 59 * SECOND);
	ti_test_expect_none(t);
	ti_test_advance(t, SECOND);
	ti_test_expect(t, "stuck", "state", "close_wait", "held", "60000000000", "sockets", "1", "preexisting", "false",
		       "direction", "in", "src_ip", "192.0.2.2", "src_port", "1024", "dst_ip", "192.0.2.1",
		       "dst_port", "80", "pid", "77", "uid", "33", "comm", "httpd", "time", "2020-01-01T00:01:00.000000000Z");
	ti_test_advance(t, 60 * SECOND);
	ti_test_expect_none(t);

	/* Another connection in its place. */
	c.since = ti_test_now(t);
	put_conn(t, 1, c);
	ti_test_advance(t, 60 * SECOND);
	ti_test_expect(t, "stuck", "state", "close_wait");

	/* One that the options leave out. */
	c.since = ti_test_now(t);
	c.flags = CONN_UNWANTED;
	put_conn(t, 1, c);
	ti_test_advance(t, 120 * SECOND);
	ti_test_expect_none(t);
	ti_test_free(t);
}

/* The kernel has it no more: its end was missed. */
static void test_gone(void **state)
{
	struct ti_test *t = kit_user("conn", "stuck_close_wait=60s");
	struct conn c = { .since = ti_test_now(t), .state = CONN_STATE_CLOSE_WAIT, .netns = own_netns(), .cookie = 100 };

	(void)state;
	put_conn(t, 1, c);
	c.cookie = 101;
	put_conn(t, 2, c);
	ti_test_socket(t, &(struct ti_socket){ .cookie = 101, .state = CLOSE_WAIT });
	/* Of another namespace nothing can be asked. */
	c.cookie = 102;
	c.netns++;
	put_conn(t, 3, c);
	ti_test_advance(t, 60 * SECOND);
	ti_test_expect(t, "stuck", "cookie", "101");
	ti_test_expect(t, "stuck", "cookie", "102");
	ti_test_expect_none(t);
	assert_int_equal(get_conn(t, 1), -ENOENT);
	assert_int_equal(get_conn(t, 2), 0);
	ti_test_expect_log(t, TI_LOG_WARNING, "1 connections have ended unseen");
	ti_test_expect_quiet(t);
	ti_test_free(t);
}

/* Nobody can say what sockets there are: none is taken for gone. */
static void test_gone_unknown(void **state)
{
	struct ti_test *t = kit_user("conn", "stuck_close_wait=60s");
	struct conn c = { .since = ti_test_now(t), .state = CONN_STATE_CLOSE_WAIT, .netns = own_netns(), .cookie = 100 };

	(void)state;
	put_conn(t, 1, c);
	ti_test_sockets_fail(t, -EIO);
	ti_test_advance(t, 60 * SECOND);
	ti_test_expect(t, "stuck", "cookie", "100");
	assert_int_equal(get_conn(t, 1), 0);
	ti_test_expect_log(t, TI_LOG_ERROR, "cannot list the listening sockets: Input/output error");
	ti_test_expect_quiet(t); /* said once */
	ti_test_free(t);
}

static void test_queued_for_long(void **state)
{
	struct ti_test *t = kit_user("conn");
	uint64_t key = 1;
	struct conn c = { .born = ti_test_now(t), .since = ti_test_now(t) + SECOND, .state = CONN_STATE_ESTABLISHED,
			  .direction = CONN_DIRECTION_IN, .flags = CONN_ASKED, .in_state[CONN_STATE_SYN_RECV] = SECOND };
	uint8_t one = 1;

	(void)state;
	put_conn(t, key, c);
	assert_int_equal(ti_test_map_set(t, "pending", &key, &one), 0);
	ti_test_advance(t, 10 * SECOND);
	ti_test_expect_none(t);
	ti_test_advance(t, 5 * SECOND);
	ti_test_expect(t, "established", "handshake", "1000000000", "accept_delay", "");
	assert_int_equal(ti_test_map_get(t, "pending", &key, &one), -ENOENT);
	ti_test_advance(t, 20 * SECOND);
	ti_test_expect_none(t);

	/* Not one that has been accepted. */
	c.accepted = 1;
	put_conn(t, key, c);
	assert_int_equal(ti_test_map_set(t, "pending", &key, &one), 0);
	ti_test_advance(t, 20 * SECOND);
	ti_test_expect_none(t);
	assert_int_equal(ti_test_map_get(t, "pending", &key, &one), 0);
	ti_test_free(t);
}

static void test_requests_of_a_listener_are_one(void **state)
{
	struct ti_test *t = kit_user("conn", "stuck_syn_recv=3s");

	(void)state;
	for (int i = 0; i < 3; i++)
		ti_test_socket(t, &(struct ti_socket){ .state = SYN_RECV, .local_port = 80, .peer_port = 1000 + i,
						       .retransmits = i + 1 });
	ti_test_advance(t, 10 * SECOND);
	ti_test_expect(t, "stuck", "state", "syn_recv", "sockets", "2", "dst_port", "80", "src_port", "",
		       "held", "7000000000");
	ti_test_expect_none(t);
	ti_test_no_sockets(t);
	ti_test_advance(t, 5 * SECOND);
	ti_test_socket(t, &(struct ti_socket){ .state = SYN_RECV, .local_port = 80, .retransmits = 2 });
	ti_test_advance(t, 5 * SECOND);
	ti_test_expect(t, "stuck", "state", "syn_recv", "sockets", "1");
	ti_test_free(t);
}

/* Those that were in such a state before the start are known by the kernel's list only. */
static void test_older(void **state)
{
	struct ti_test *t = kit_user("conn", "stuck_close_wait=60s");

	(void)state;
	ti_test_socket(t, &(struct ti_socket){ .cookie = 7, .state = CLOSE_WAIT, .local_port = 801, .uid = 5 });
	ti_test_socket(t, &(struct ti_socket){ .cookie = 8, .state = CLOSE_WAIT, .local_port = 802 });
	assert_int_equal(ti_test_restart(t), 0);
	ti_test_socket(t, &(struct ti_socket){ .cookie = 8, .state = ESTABLISHED });
	ti_test_socket(t, &(struct ti_socket){ .cookie = 9, .state = CLOSE_WAIT, .local_port = 803 });
	ti_test_advance(t, 300 * SECOND);
	ti_test_expect(t, "stuck", "cookie", "7", "src_port", "801", "uid", "5", "preexisting", "true",
		       "state", "close_wait", "held", "60000000000");
	ti_test_expect_none(t);
	ti_test_free(t);
}

/* --- listeners --------------------------------------------------------------- */

static void put_listening(struct ti_test *t, uint64_t connections, uint64_t accepted)
{
	struct listening l = { .cookie = 9, .connections = connections, .accepted = accepted,
			       .owner = { .pid = 77, .uid = 33 } };
	uint64_t key = 1;

	assert_int_equal(ti_test_map_set(t, "listeners", &key, &l), 0);
}

static int is_listening(struct ti_test *t, unsigned port)
{
	const uint64_t *ports = ti_test_memory(t, "listening", NULL);

	return ports[port / 64] >> port % 64 & 1;
}

static void test_periods(void **state)
{
	struct ti_socket l = { .cookie = 9, .state = LISTEN, .local_port = 80, .drops = 40, .rqueue = 2, .wqueue = 8 };
	struct ti_test *t = kit_user("conn", "listener_period=10s");

	(void)state;
	ti_test_socket(t, &l);
	ti_test_socket(t, &(struct ti_socket){ .state = CLOSE_WAIT, .local_port = 80, .local = ADDR(192, 0, 2, 1) });
	ti_test_socket(t, &(struct ti_socket){ .state = TIME_WAIT, .local_port = 80 });
	ti_test_socket(t, &(struct ti_socket){ .state = TIME_WAIT, .local_port = 81 });
	assert_int_equal(ti_test_restart(t), 0);
	assert_true(is_listening(t, 80));
	put_listening(t, 10, 8);
	l.drops = 45;
	ti_test_socket(t, &l);
	ti_test_advance(t, 10 * SECOND);
	/* What was dropped before the start isn't ours. */
	ti_test_expect(t, "listener", "drops", "5", "connections", "10", "accepted", "8", "window", "10000000000",
		       "pid", "77", "uid", "33", "queue", "2", "backlog", "8", "close_wait", "1", "time_wait", "1",
		       "established", "0", "dst_ip", "");
	put_listening(t, 13, 8);
	ti_test_advance(t, 10 * SECOND);
	ti_test_expect(t, "listener", "drops", "0", "connections", "3", "accepted", "0");

	/* Gone, and another in its place. */
	ti_test_no_sockets(t);
	l = (struct ti_socket){ .cookie = 10, .state = LISTEN, .local_port = 81, .drops = 2 };
	ti_test_socket(t, &l);
	ti_test_advance(t, 10 * SECOND);
	ti_test_expect(t, "listener", "drops", "2", "dst_port", "81", "pid", "", "connections", "0");
	assert_false(is_listening(t, 80));
	assert_true(is_listening(t, 81));
	ti_test_stop(t);
	ti_test_expect(t, "listener");
	ti_test_expect_none(t);
	ti_test_free(t);
}

/* Two at one address and port are one for metrics, also when one of them goes. */
static void test_metrics(void **state)
{
	struct ti_socket a = { .cookie = 9, .state = LISTEN, .local_port = 80, .rqueue = 2, .wqueue = 8 };
	struct ti_socket b = { .cookie = 11, .state = LISTEN, .local_port = 80, .rqueue = 3, .wqueue = 8 };
	struct ti_test *t = kit_user("conn");

	(void)state;
	ti_test_socket(t, &a);
	ti_test_socket(t, &b);
	assert_int_equal(ti_test_restart(t), 0);
	put_listening(t, 4, 1);
	a.drops = 6;
	b.drops = 1;
	ti_test_socket(t, &a);
	ti_test_socket(t, &b);
	ti_test_advance(t, 2 * SECOND);
	ti_test_expect_metric(t, "conn_listener_queue{port=\"80\"}", "5");
	ti_test_expect_metric(t, "conn_listener_backlog{port=\"80\"}", "16");
	ti_test_expect_metric(t, "conn_listener_drops_total{port=\"80\"}", "7");
	ti_test_expect_metric(t, "conn_listener_connections_total{port=\"80\"}", "4");
	ti_test_expect_metric(t, "conn_listener_accepted_total{port=\"80\"}", "1");
	ti_test_no_sockets(t);
	ti_test_socket(t, &a);
	ti_test_advance(t, 2 * SECOND);
	ti_test_expect_metric(t, "conn_listener_queue{port=\"80\"}", "2");
	ti_test_expect_metric(t, "conn_listener_drops_total{port=\"80\"}", "7");
	ti_test_no_sockets(t);
	ti_test_advance(t, 2 * SECOND);
	ti_test_expect_metric(t, "conn_listener_queue{port=\"80\"}", "");
	ti_test_expect_metric(t, "conn_listener_drops_total{port=\"80\"}", "");
	ti_test_free(t);
}

/* Where nothing is at the accept hook, the programs are told so. */
static void test_accepts(void **state)
{
	struct ti_test *t = kit_user("conn");
	const uint32_t *seen = ti_test_memory(t, "accepts_seen", NULL);

	(void)state;
	assert_int_equal(*seen, 1);
	ti_test_hook(t, "accepts", NULL);
	assert_int_equal(*seen, 0);
	ti_test_hook(t, "accepts", "fexit");
	assert_int_equal(*seen, 1);
	ti_test_free(t);
}

static void test_untracked(void **state)
{
	struct ti_test *t = kit_user("conn");
	uint64_t *untracked = ti_test_memory(t, "untracked", NULL);

	(void)state;
	*untracked = 3;
	ti_test_advance(t, SECOND);
	ti_test_expect_log(t, TI_LOG_WARNING, "no room for 3 connections");
	*untracked = 7;
	ti_test_advance(t, 58 * SECOND);
	ti_test_expect_quiet(t); /* once a minute */
	ti_test_advance(t, 3 * SECOND);
	ti_test_expect_log(t, TI_LOG_WARNING, "no room for 4 connections");
	ti_test_expect_quiet(t);
	ti_test_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_retransmits_after),
		cmocka_unit_test(test_netstat_counter),
		cmocka_unit_test(test_said_once),
		cmocka_unit_test(test_gone),
		cmocka_unit_test(test_gone_unknown),
		cmocka_unit_test(test_queued_for_long),
		cmocka_unit_test(test_requests_of_a_listener_are_one),
		cmocka_unit_test(test_older),
		cmocka_unit_test(test_periods),
		cmocka_unit_test(test_metrics),
		cmocka_unit_test(test_accepts),
		cmocka_unit_test(test_untracked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Floods, and what is none, at given rates through the programs of plugins/synflood,
 * under a clock of the test's: to the packet and the second. What sockets tell of
 * handshakes is for tests/netns/synflood-*.sh.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "kit.h"

/* SYNs that come evenly. */
struct syns {
	int per_s, seconds;
	const char *src;  /* a format for the number of the source; NULL: one source */
	unsigned sources; /* taken in turn */
	int port;
	uint8_t flags;    /* beside SYN */
	uint16_t vlan[4];
};

/* After the i-th of so many packets a second: these make whole seconds. */
static void wait(struct ti_test *t, int per_s, int i)
{
	uint64_t gap = SECOND / per_s;

	ti_test_advance(t, (i + 1) % per_s ? gap : SECOND - gap * (per_s - 1));
}

static void send_syns(struct ti_test *t, const struct syns *s)
{
	static unsigned n;

	for (int i = 0; i < s->per_s * s->seconds; i++, n++) {
		struct ti_test_packet p = { .dst_port = s->port, .flags = TI_SYN | s->flags, .src_port = 1024 + n % 60000,
					    .seq = n };
		char src[64];

		if (s->src) {
			snprintf(src, sizeof(src), s->src, n % s->sources / 250, n % s->sources % 250 + 1);
			p.src = src;
		}
		memcpy(p.vlan, s->vlan, sizeof(p.vlan));
		ti_test_feed(t, &p, __FILE__, __LINE__);
		wait(t, s->per_s, i);
	}
}

#define syns(t, ...) send_syns(t, &(struct syns){ __VA_ARGS__ })

static struct ti_test *begin(const char *option)
{
	return kit_whole("synflood", "sources_period=0", option);
}

/* Found after the first bad second, told on each update_period, over after clear_after. */
static void test_flood(void **state)
{
	struct ti_test *t = begin("clear_after=5s");

	(void)state;
	syns(t, .per_s = 500, .seconds = 1);
	ti_test_expect(t, "flood_start", "time", "2020-01-01T00:00:01.000000000Z", "severity", "warning",
		       "dst_ip", "198.51.100.1", "dst_port", "80", "class", "single", "syns_per_s", "500", "syns", "500",
		       "completed_per_s", "0", "sources", "1", "peak_syns_per_s", "500", "top[0].prefix", "192.0.2.1/32",
		       "top[0].syns_per_s", "500", "top[1].prefix", "", "duration", "1000000000", "vlan", "");
	syns(t, .per_s = 1000, .seconds = 1);
	syns(t, .per_s = 500, .seconds = 9);
	ti_test_expect(t, "flood_update", "time", "2020-01-01T00:00:11.000000000Z", "syns", "6000",
		       "peak_syns_per_s", "1000", "duration", "11000000000");
	ti_test_advance(t, 4 * SECOND);
	ti_test_expect_none(t);
	ti_test_advance(t, SECOND);
	ti_test_expect(t, "flood_end", "time", "2020-01-01T00:00:16.000000000Z", "syns", "6000", "duration", "11000000000",
		       "syns_per_s", "0", "dropped", "");
	ti_test_advance(t, 60 * SECOND);
	ti_test_expect_none(t);
	ti_test_expect_quiet(t);
	ti_test_free(t);
}

static void test_alarm_rate(void **state)
{
	struct ti_test *t = begin("alarm_rate=200");

	(void)state;
	syns(t, .per_s = 99, .seconds = 120); /* nor for long: half the rate is nothing */
	syns(t, .per_s = 199, .seconds = 2);
	ti_test_expect_none(t);
	syns(t, .per_s = 200, .seconds = 1);
	ti_test_expect(t, "flood_start", "syns_per_s", "200");
	ti_test_free(t);
}

/* Floods that never reach alarm_rate, by the sum of what is over half of it. */
static void test_slow(void **state)
{
	struct ti_test *t = begin("alarm_rate=100");

	(void)state;
	syns(t, .per_s = 50, .seconds = 120);
	ti_test_expect_none(t);
	syns(t, .per_s = 90, .seconds = 12, .port = 81);
	ti_test_expect_none(t);
	syns(t, .per_s = 90, .seconds = 1, .port = 81);
	ti_test_expect(t, "flood_start", "dst_port", "81", "syns", "1170", "peak_syns_per_s", "90", "duration", "13000000000",
		       "explain", "90 SYNs/s uncompleted for long: sum 520 (>= 500), 0 % complete (< 50 %)");
	syns(t, .per_s = 90, .seconds = 20, .port = 81);
	ti_test_expect(t, "flood_update", "syns", "2070");
	ti_test_expect(t, "flood_update", "syns", "2970");
	ti_test_free(t);

	/* Growing. */
	t = begin("alarm_rate=100");
	for (int per_s = 40; per_s <= 85; per_s += 15)
		syns(t, .per_s = per_s, .seconds = 2);
	ti_test_expect_none(t);
	syns(t, .per_s = 90, .seconds = 20);
	ti_test_expect(t, "flood_start", "dst_port", "80", "peak_syns_per_s", "90");
	ti_test_free(t);
}

static void test_classes(void **state)
{
	static const struct {
		struct syns syns;
		const char *class, *dst_ip, *top, *vlan;
	} cases[] = {
		{ { .src = "10.%d.0.%d", .sources = 5000 }, "spoofed", "198.51.100.1", NULL, "" },
		{ { .src = "203.0.113.%2$d", .sources = 8 }, "subnet", "198.51.100.1", "203.0.113.0/24", "" },
		{ { .src = "2001:db8:7::%x:%x", .sources = 8 }, "subnet", "2001:db8::2", "2001:db8:7::/48", "" },
		{ { .src = "2001:db8:7::1" }, "single", "2001:db8::2", "2001:db8:7::1/128", "" },
		{ { .flags = TI_ECE | TI_CWR }, "single", "198.51.100.1", "192.0.2.1/32", "" },
		{ { .vlan = { 100 } }, "single", "198.51.100.1", "192.0.2.1/32", "100" },
		{ { .vlan = { 300, 7, 8, 9 } }, "single", "198.51.100.1", "192.0.2.1/32", "300" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct ti_test *t = begin("update_period=1s");
		const struct ti_test_event *e;
		struct syns s = cases[i].syns;

		s.per_s = 1000;
		s.seconds = 2;
		s.sources = s.sources ? s.sources : 1;
		send_syns(t, &s);
		e = ti_test_next(t);
		ti_test_check(e, "event", "flood_start", "class", cases[i].class, "dst_ip", cases[i].dst_ip);
		if (cases[i].top)
			ti_test_check(e, "top[0].prefix", cases[i].top);
		ti_test_check(ti_test_next(t), "event", "flood_update", "class", cases[i].class, "vlan", cases[i].vlan);
		ti_test_free(t);
	}
}

/* Clients that go on, at any rate; then one in three doesn't. */
static void test_completed(void **state)
{
	struct ti_test *t = begin("completion=50");
	struct ti_test_conn c = { 0 };

	(void)state;
	for (int i = 0; i < 3000; i++) {
		c = (struct ti_test_conn){ .client_port = 1024 + i };
		ti_test_handshake(t, &c);
		ti_test_from_client(t, &c, "x", 1);
		ti_test_close(t, &c);
		ti_test_advance(t, SECOND / 1000);
	}
	for (int i = 0; i < 3000; i++) {
		c = (struct ti_test_conn){ .client_port = 10000 + i };
		if (i % 3)
			ti_test_handshake(t, &c);
		else
			ti_test_packet(t, .src_port = 10000 + i, .flags = TI_SYN);
		ti_test_advance(t, SECOND / 1000);
	}
	ti_test_expect_none(t);
	syns(t, .per_s = 3000, .seconds = 3);
	ti_test_expect(t, "flood_start", "class", "single");
	ti_test_free(t);
}

/* A sweep over many addresses is portscan's. */
static void test_sweep(void **state)
{
	struct ti_test *t = begin("unlistened_rate=1000");

	(void)state;
	for (int i = 0; i < 10000; i++) {
		char dst[64];

		snprintf(dst, sizeof(dst), "10.1.%d.%d", i / 250, i % 250 + 1);
		ti_test_packet(t, .dst = dst, .flags = TI_SYN);
		ti_test_advance(t, SECOND / 2000);
	}
	ti_test_expect_none(t);
	ti_test_free(t);
}

static void test_backscatter(void **state)
{
	struct ti_test *t = begin("backscatter_rate=100");

	(void)state;
	for (int i = 0; i < 99 * 3; i++) {
		ti_test_packet(t, .src_port = 443, .dst_port = 1024 + i, .flags = TI_SYN | TI_ACK);
		wait(t, 99, i);
	}
	ti_test_expect_none(t);
	ti_test_advance(t, SECOND);
	for (int i = 0; i < 1000; i++) {
		ti_test_packet(t, .src = i % 2 ? "192.0.2.8" : "192.0.2.9", .src_port = 443, .dst_port = 1024 + i,
			       .flags = TI_SYN | TI_ACK);
		wait(t, 500, i);
	}
	ti_test_expect(t, "backscatter", "dst_ip", "198.51.100.1", "src_port", "443", "sources", "2");
	ti_test_expect_none(t);
	ti_test_free(t);
}

/* SYN-ACKs are none whose sender goes on. */
static void test_no_backscatter(void **state)
{
	struct ti_test *t = begin("backscatter_rate=100");

	(void)state;
	for (int i = 0; i < 2000; i++) {
		struct ti_test_conn c = { .client_port = 1024 + i, .outgoing = 1 };

		ti_test_handshake(t, &c);
		ti_test_close(t, &c);
		wait(t, 500, i);
	}
	ti_test_expect_none(t);
	ti_test_free(t);
}

static void test_sources(void **state)
{
	struct ti_test *t;

	(void)state;
	t = kit_whole("synflood", "sources_period=10s", "sources_top=2", "alarm_rate=1000");
	syns(t, .per_s = 10, .seconds = 5, .src = "192.0.%d.7", .sources = 1);
	syns(t, .per_s = 20, .seconds = 5, .src = "192.0.%d.8", .sources = 1);
	syns(t, .per_s = 1, .seconds = 1);
	ti_test_expect(t, "syn_sources", "time", "2020-01-01T00:00:10.000000000Z", "window", "10000000000", "syns", "150",
		       "exact", "true", "top[0].src_ip", "192.0.0.8", "top[0].syns", "100", "top[1].src_ip", "192.0.0.7",
		       "top[1].syns", "50", "top[2].src_ip", "");
	ti_test_stop(t);
	ti_test_expect(t, "syn_sources", "syns", "1", "top[0].src_ip", "192.0.2.1");
	ti_test_expect_none(t);
	ti_test_free(t);
}

/* Nothing is dropped unless asked to. */
static void test_watch(void **state)
{
	struct ti_test *t = begin("hook=xdp");

	(void)state;
	syns(t, .per_s = 1000, .seconds = 5);
	ti_test_expect(t, "flood_start");
	assert_int_equal(ti_test_counter(t, TI_COUNT_DROPPED), 0);
	ti_test_free(t);
}

/* limit_rate SYNs a second are left to one who floods; to others, all. */
static void test_limit(void **state)
{
	struct ti_test *t;
	uint64_t dropped;

	(void)state;
	t = kit_whole("synflood", "sources_period=0", "hook=xdp", "mode=limit", "limit_rate=100", "clear_after=2s",
		      "allow=198.51.100.7", "deny=203.0.113.0/24, 2001:db8:bad::/48");
	syns(t, .per_s = 1000, .seconds = 1);
	ti_test_expect(t, "flood_start", "class", "single");
	assert_int_equal(ti_test_counter(t, TI_COUNT_DROPPED), 0);
	syns(t, .per_s = 1000, .seconds = 10);
	dropped = ti_test_counter(t, TI_COUNT_DROPPED);
	assert_in_range(dropped, 10 * 900 - 110, 10 * 900 + 110);
	ti_test_expect(t, "flood_update");

	/* Who sends a SYN again, and who may send any. */
	ti_test_packet(t, .src = "192.0.2.99", .flags = TI_SYN);
	ti_test_packet(t, .src = "192.0.2.99", .flags = TI_SYN);
	syns(t, .per_s = 1000, .seconds = 1, .src = "198.51.100.7", .sources = 1);
	assert_in_range(ti_test_counter(t, TI_COUNT_DROPPED), dropped, dropped + 2);
	ti_test_advance(t, 3 * SECOND);
	ti_test_check(ti_test_find(t, "flood_end"), "class", "single");

	/* After it nothing is dropped but what is denied. */
	dropped = ti_test_counter(t, TI_COUNT_DROPPED);
	syns(t, .per_s = 50, .seconds = 10);
	assert_int_equal(ti_test_counter(t, TI_COUNT_DROPPED), dropped);
	ti_test_packet(t, .src = "203.0.113.5", .flags = TI_SYN);
	ti_test_packet(t, .src = "2001:db8:bad:1::1", .flags = TI_SYN);
	ti_test_packet(t, .src = "2001:db8:bac::1", .flags = TI_SYN);
	ti_test_packet(t, .src = "203.0.113.5", .flags = TI_ACK);
	assert_int_equal(ti_test_counter(t, TI_COUNT_DROPPED), dropped + 2);
	ti_test_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_flood),	    cmocka_unit_test(test_alarm_rate),
		cmocka_unit_test(test_slow),	    cmocka_unit_test(test_classes),
		cmocka_unit_test(test_completed),   cmocka_unit_test(test_sweep),
		cmocka_unit_test(test_backscatter), cmocka_unit_test(test_no_backscatter),
		cmocka_unit_test(test_sources),	    cmocka_unit_test(test_watch),
		cmocka_unit_test(test_limit),
	};

	if (kit_skips())
		return 77;
	return cmocka_run_group_tests(tests, NULL, NULL);
}

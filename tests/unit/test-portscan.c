/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Each rule of plugins/portscan at its limit, through its programs, under a clock of the
 * test's: one probe less is no scan. Scanners as they are: tests/netns/portscan-*.sh.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "kit.h"

/* As connect() sends it: MSS, SACK permitted, timestamps, window scale. */
static const uint8_t usual[] = { 2, 4, 5, 0xb4, 4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0, 1, 3, 3, 7 };

enum answer { NOTHING, RESET };

struct probe {
	const char *src, *dst;
	int port;
	uint8_t flags;
	enum answer answer;
	int connect; /* 1: with the usual options */
};

#define probe(t, ...) send_probe(t, &(struct probe){ __VA_ARGS__ })
static void send_probe(struct ti_test *t, const struct probe *p)
{
	const char *src = p->src ? p->src : "192.0.2.1", *dst = p->dst ? p->dst : "198.51.100.1";

	ti_test_packet(t, .src = src, .dst = dst, .dst_port = p->port, .flags = p->flags, .seq = 100,
		       .ack = p->flags & TI_ACK ? 500 : 0,
		       .options = p->connect ? usual : NULL, .options_len = p->connect ? sizeof(usual) : 0);
	/* RFC 9293, 3.10.7.1 */
	if (p->answer == RESET && p->flags & TI_ACK)
		ti_test_packet(t, .src = dst, .dst = src, .src_port = p->port, .dst_port = 40000, .seq = 500, .flags = TI_RST,
			       .egress = 1);
	else if (p->answer == RESET)
		ti_test_packet(t, .src = dst, .dst = src, .src_port = p->port, .dst_port = 40000, .ack = 101,
			       .flags = TI_RST | TI_ACK, .egress = 1);
	ti_test_advance(t, SECOND / 50);
}

static struct ti_test *begin(const char *option)
{
	return kit_whole("portscan", "update_period=0", option);
}

/* Until everything that was sent has been looked at. */
static void settle(struct ti_test *t)
{
	ti_test_advance(t, 3 * SECOND);
}

static void test_closed(void **state)
{
	struct ti_test *t = begin("end_after=10s");

	(void)state;
	/* One below 1024 weighs 3. */
	for (int i = 0; i < 20; i++)
		probe(t, .src = "192.0.2.1", .port = 2000 + i, .flags = TI_SYN, .answer = RESET);
	for (int i = 0; i < 6; i++)
		probe(t, .src = "192.0.2.2", .port = 10 + i, .flags = TI_SYN, .answer = RESET);
	settle(t);
	ti_test_expect_none(t);
	probe(t, .src = "192.0.2.1", .port = 2020, .flags = TI_SYN, .answer = RESET);
	settle(t);
	ti_test_expect(t, "scan_start", "src_ip", "192.0.2.1", "kind", "syn", "rule", "closed", "ports", "21",
		       "closed", "21", "hosts", "1", "sources", "1", "lowest", "2000", "highest", "2020", "fragmented", "false",
		       "spoofable", "true", "sample[0]", "2000", "severity", "warning");
	probe(t, .src = "192.0.2.2", .port = 16, .flags = TI_SYN, .answer = RESET);
	settle(t);
	ti_test_expect(t, "scan_start", "src_ip", "192.0.2.2", "ports", "7");
	ti_test_advance(t, 10 * SECOND);
	ti_test_expect(t, "scan_end", "src_ip", "192.0.2.1", "ranges", "2000-2020", "ports", "21", "closed", "21", "open", "0",
		       "unknown", "0", "exact", "true", "probes", "21");
	ti_test_expect(t, "scan_end", "src_ip", "192.0.2.2", "ranges", "10-16");
	ti_test_expect_none(t);
	ti_test_expect_quiet(t);
	ti_test_free(t);
}

/* Two in a minute are too few, ten in an hour aren't. */
static void test_slow(void **state)
{
	struct ti_test *t = begin(NULL);

	(void)state;
	for (int i = 0; i < 9; i++) {
		probe(t, .port = 2001 + i, .flags = TI_SYN, .answer = RESET);
		ti_test_advance(t, 300 * SECOND);
	}
	ti_test_expect_none(t);
	probe(t, .port = 2010, .flags = TI_SYN, .answer = RESET);
	settle(t);
	ti_test_expect(t, "scan_start", "rule", "slow", "ports", "10", "closed", "10", "kind", "syn");
	for (int i = 0; i < 10; i++) {
		probe(t, .port = 2011 + i, .flags = TI_SYN, .answer = RESET);
		ti_test_advance(t, 300 * SECOND);
	}
	ti_test_expect_none(t);
	ti_test_advance(t, 3600 * SECOND);
	ti_test_expect(t, "scan_end", "ranges", "2001-2020", "closed", "20", "rule", "slow");
	ti_test_expect_none(t);
	ti_test_free(t);

	/* What came more than an hour ago isn't counted. */
	t = begin(NULL);
	for (int i = 0; i < 20; i++) {
		probe(t, .port = 2001 + i, .flags = TI_SYN, .answer = RESET);
		ti_test_advance(t, 500 * SECOND);
	}
	ti_test_expect_none(t);
	ti_test_free(t);
}

/* Ports that don't answer: they won't when two seconds have gone by. */
static void test_silent(void **state)
{
	struct ti_test *t = begin("answer_wait=2s");

	(void)state;
	for (int i = 0; i < 24; i++)
		probe(t, .port = 2000 + i, .flags = TI_SYN);
	ti_test_advance(t, 60 * SECOND);
	ti_test_expect_none(t);
	probe(t, .port = 2024, .flags = TI_SYN);
	ti_test_advance(t, SECOND);
	ti_test_expect_none(t);
	ti_test_advance(t, 2 * SECOND);
	ti_test_expect(t, "scan_start", "rule", "ports", "ports", "25", "unknown", "25", "closed", "0");
	ti_test_free(t);
}

static void test_odd(void **state)
{
	static const struct {
		uint8_t flags;
		const char *kind;
	} cases[] = {
		{ TI_FIN, "fin" },
		{ 0, "null" },
		{ TI_FIN | TI_PSH | TI_URG, "xmas" },
		{ TI_FIN | TI_ACK, "maimon" },
		{ TI_SYN | TI_FIN, "synfin" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct ti_test *t = begin(NULL);

		probe(t, .port = 11, .flags = cases[i].flags, .answer = RESET);
		probe(t, .port = 12, .flags = cases[i].flags, .answer = RESET);
		probe(t, .port = 12, .flags = cases[i].flags, .answer = RESET);
		settle(t);
		ti_test_expect_none(t);
		probe(t, .port = 13, .flags = cases[i].flags, .answer = RESET);
		settle(t);
		ti_test_expect(t, "scan_start", "rule", "flags", "kind", cases[i].kind, "ports", "3", "confidence", "99");
		ti_test_free(t);
	}
}

static void test_acks(void **state)
{
	struct ti_test *t = begin(NULL);

	(void)state;
	for (int i = 0; i < 9; i++)
		probe(t, .port = 100 + i, .flags = TI_ACK, .answer = RESET);
	settle(t);
	ti_test_expect_none(t);
	probe(t, .port = 109, .flags = TI_ACK, .answer = RESET);
	settle(t);
	ti_test_expect(t, "scan_start", "rule", "resets", "kind", "ack", "ports", "10");
	ti_test_free(t);
}

static void test_sweep(void **state)
{
	struct ti_test *t = begin(NULL);
	char dst[64];

	(void)state;
	for (int i = 1; i <= 25; i++) {
		settle(t);
		ti_test_expect_none(t);
		snprintf(dst, sizeof(dst), "198.51.100.%d", i);
		probe(t, .dst = dst, .port = 22, .flags = TI_SYN, .answer = i % 2 ? RESET : NOTHING, .connect = 1);
	}
	settle(t);
	ti_test_expect(t, "scan_start", "rule", "hosts", "kind", "sweep", "probe", "connect", "dst_port", "22", "hosts", "25",
		       "ports", "1", "victims[0]", "198.51.100.1");
	ti_test_free(t);
}

static void test_distributed(void **state)
{
	struct ti_test *t = begin(NULL);
	char src[64];

	(void)state;
	/* Four sources are no conspiracy. */
	for (int i = 0; i < 16; i++) {
		snprintf(src, sizeof(src), "192.0.2.%d", 1 + i % 4);
		probe(t, .src = src, .dst = "198.51.100.7", .port = 3000 + i, .flags = TI_SYN, .answer = RESET);
	}
	settle(t);
	ti_test_expect_none(t);
	for (int i = 0; i < 15; i++) {
		snprintf(src, sizeof(src), "203.0.%d.1", i % 5);
		probe(t, .src = src, .dst = "198.51.100.8", .port = 3000 + i, .flags = TI_SYN, .answer = RESET);
	}
	settle(t);
	ti_test_expect(t, "scan_start", "kind", "distributed", "rule", "sources", "sources", "5", "ports", "15",
		       "dst_ip", "198.51.100.8", "closed", "15");
	ti_test_expect_none(t);
	ti_test_free(t);
}

/* The header of nmap -f is in pieces of 8 bytes: of the first the ports are known. */
static void test_fragments(void **state)
{
	struct ti_test *t = begin("hook=xdp");

	(void)state;
	for (int i = 0; i < 21; i++) {
		ti_test_packet(t, .dst_port = 2000 + i, .flags = TI_SYN, .fragment_len = 8);
		ti_test_packet(t, .dst_port = 2000 + i, .flags = TI_SYN, .fragment_at = 8, .fragment_len = 8);
		ti_test_packet(t, .dst_port = 2000 + i, .flags = TI_SYN, .fragment_at = 16);
		ti_test_packet(t, .src = "198.51.100.1", .dst = "192.0.2.1", .src_port = 2000 + i, .dst_port = 40000,
			       .flags = TI_RST | TI_ACK, .egress = 1);
	}
	settle(t);
	ti_test_expect(t, "scan_start", "fragmented", "true", "ports", "21", "kind", "syn");
	ti_test_free(t);
}

/* Connections to many open ports, and what is repeated of one. */
static void test_clients(void **state)
{
	struct ti_test *t = begin(NULL);

	(void)state;
	for (int i = 0; i < 100; i++) {
		struct ti_test_conn c = { .client_port = 1024 + i, .server_port = 5000 + i, .gap = 1000000 };

		ti_test_handshake(t, &c);
		ti_test_from_server(t, &c, "220 ready\r\n", 11);
		ti_test_from_client(t, &c, "QUIT\r\n", 6);
		ti_test_close(t, &c);
	}
	for (int i = 0; i < 100; i++)
		probe(t, .port = 8007, .flags = TI_SYN, .answer = RESET, .connect = 1);
	ti_test_advance(t, 60 * SECOND);
	ti_test_expect_none(t);
	ti_test_free(t);
}

static void test_updates(void **state)
{
	struct ti_test *t = kit_whole("portscan", "update_period=10s", "end_after=20s");

	(void)state;
	for (int i = 0; i < 45; i++) {
		probe(t, .port = 2000 + i, .flags = TI_SYN, .answer = RESET);
		ti_test_advance(t, SECOND / 2);
	}
	ti_test_expect(t, "scan_start", "ports", "21");
	ti_test_expect(t, "scan_update");
	ti_test_stop(t);
	ti_test_check(ti_test_find(t, "scan_end"), "ranges", "2000-2044", "closed", "45");
	ti_test_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_closed),	    cmocka_unit_test(test_slow),
		cmocka_unit_test(test_silent),	    cmocka_unit_test(test_odd),
		cmocka_unit_test(test_acks),	    cmocka_unit_test(test_sweep),
		cmocka_unit_test(test_distributed), cmocka_unit_test(test_fragments),
		cmocka_unit_test(test_clients),	    cmocka_unit_test(test_updates),
	};

	if (kit_skips())
		return 77;
	return cmocka_run_group_tests(tests, NULL, NULL);
}

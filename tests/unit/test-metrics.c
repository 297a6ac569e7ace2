/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Metrics out of a loaded object's maps: summed over CPUs, in their order, with their
 * labels as text, in Prometheus' format; and histograms at the edges of their buckets.
 */
#define _GNU_SOURCE 1
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include <tcpinspect/metrics.h>
#include <tcpinspect/plugin.h>
#include "metrics.h"
#include "metric_table.h"
#include "metrics_read.h"
#include "probe.h"
#include "test-metrics.h"

TI_BPF_OBJECT(test_metrics_bpf, "test-metrics.bpf.o");

static struct ti_probe *p;
static struct ti_metric_table *tables[4]; /* of `listeners`, the last */
static const uint32_t only;

static int load(void **state)
{
	(void)state;
	if (ti_probe_open(&p, "m", test_metrics_bpf, test_metrics_bpf_end - test_metrics_bpf) < 0)
		return -1;
	ti_probe_survey(p);
	return ti_probe_load(p, 4096);
}

static int unload(void **state)
{
	(void)state;
	ti_metric_table_free(tables[3]);
	ti_probe_free(p);
	return 0;
}

/* --- what there is ------------------------------------------------------------- */

static const char *ifname(void *arg, uint32_t ifindex)
{
	(void)arg;
	return ifindex == 7 ? "eth\"7" : NULL;
}

/* All that the probe has, or only those whose name begins so; valid until the next call. */
static const char *text(const char *begin)
{
	static char *all, *some;
	struct ti_format_env env = { .ifname = ifname };
	struct ti_metric_sets *sets = ti_metric_sets_read(p, tables);
	struct ti_metrics_text t = { 0 };
	struct ti_metrics_out out;
	size_t size;
	FILE *f;

	free(all);
	free(some);
	t.f = open_memstream(&all, &size);
	out = ti_metrics_text_out(&t);
	assert_non_null(sets);
	for (size_t i = 0; i < p->schema->n_metrics; i++)
		ti_metrics_struct(&p->schema->metrics[i], &sets[i], &env, &out);
	fclose(t.f);
	ti_metric_sets_free(sets, p->schema->n_metrics);
	f = open_memstream(&some, &size);
	for (char *line = all; *line; line += strcspn(line, "\n") + 1)
		if (!strncmp(line, begin, strlen(begin)))
			fprintf(f, "%.*s", (int)strcspn(line, "\n") + 1, line);
	fclose(f);
	return some;
}

/* The same on every CPU but the first, which has `first`. */
static void set(const char *map, const void *key, const void *first, const void *others, size_t size)
{
	int cpus = libbpf_num_possible_cpus();
	char *values = malloc(cpus * size);

	for (int i = 0; i < cpus; i++)
		memcpy(values + i * size, i ? others : first, size);
	assert_int_equal(bpf_map_update_elem(ti_probe_map(p, map), key, values, BPF_ANY), 0);
	free(values);
}

static void test_declared(void **state)
{
	static const struct {
		const char *name, *printed;
		enum ti_metric_kind kind;
		unsigned digits, n_buckets;
		uint64_t first;
	} rows[] = {
		{ "syns", "m_syns_total", TI_METRIC_COUNTER, 0, 0, 0 },
		{ "bytes_total", "m_bytes_total", TI_METRIC_COUNTER, 0, 0, 0 },
		{ "busy_ns", "m_busy_seconds_total", TI_METRIC_COUNTER, 9, 0, 0 },
		{ "open", "m_open", TI_METRIC_GAUGE, 0, 0, 0 },
		{ "lag_ms", "m_lag_seconds", TI_METRIC_GAUGE, 3, 0, 0 },
		{ "tries", "m_tries", TI_METRIC_HISTOGRAM, 0, 4, 1 },
		{ "rtt_ns", "m_rtt_seconds", TI_METRIC_HISTOGRAM, 9, 5, 1000000 },
	};
	const struct ti_bpf_metrics *m = p->schema->metrics;

	(void)state;
	assert_int_equal(p->schema->n_metrics, 4);
	assert_string_equal(m[0].name, "totals");
	assert_true(m[0].by_cpu && m[1].by_cpu && m[2].by_cpu && !m[3].by_cpu);
	assert_int_equal(m[0].n_labels, 0);
	assert_int_equal(m[1].n_labels, 10);
	assert_string_equal(m[2].overflow, "ports_overflow");
	assert_null(m[3].overflow);
	assert_int_equal(m[0].n_metrics, sizeof(rows) / sizeof(rows[0]));
	for (size_t i = 0; i < m[0].n_metrics; i++) {
		assert_string_equal(m[0].metrics[i].name, rows[i].name);
		assert_string_equal(m[0].metrics[i].printed, rows[i].printed);
		assert_int_equal(m[0].metrics[i].kind, rows[i].kind);
		assert_int_equal(m[0].metrics[i].digits, rows[i].digits);
		assert_int_equal(m[0].metrics[i].n_buckets, rows[i].n_buckets);
		assert_int_equal(m[0].metrics[i].first, rows[i].first);
	}
}

/* --- numbers ------------------------------------------------------------------- */

static void test_sums(void **state)
{
	struct totals first = { .syns = 5, .bytes_total = UINT64_MAX, .busy_ns = 1, .open = -3 }, others = { .syns = 10 };
	char want[64];

	(void)state;
	set("totals", &only, &first, &others, sizeof(first));
	snprintf(want, sizeof(want), "m_syns_total %d\n", 5 + 10 * (libbpf_num_possible_cpus() - 1));
	assert_string_equal(text("m_syns"), want);
	assert_string_equal(text("m_bytes"), "m_bytes_total 18446744073709551615\n");
	assert_string_equal(text("m_busy"), "m_busy_seconds_total 0.000000001\n");
	assert_string_equal(text("m_open"), "m_open -3\n");
	others = (struct totals){ 0 };
	first.busy_ns = 61500000000;
	first.open = INT64_MIN;
	first.lag_ms = -20;
	set("totals", &only, &first, &others, sizeof(first));
	assert_string_equal(text("m_busy"), "m_busy_seconds_total 61.5\n");
	assert_string_equal(text("m_open"), "m_open -9223372036854775808\n");
	assert_string_equal(text("m_lag"), "m_lag_seconds -0.02\n");
	first.busy_ns = 2000000000;
	set("totals", &only, &first, &others, sizeof(first));
	assert_string_equal(text("m_busy"), "m_busy_seconds_total 2\n");
	assert_string_equal(text("# HELP m_syns"), "# HELP m_syns_total with \\\\ and\\nline\n");
	assert_string_equal(text("# TYPE m_"), "# TYPE m_syns_total counter\n# TYPE m_bytes_total counter\n"
					       "# TYPE m_busy_seconds_total counter\n# TYPE m_open gauge\n"
					       "# TYPE m_lag_seconds gauge\n# TYPE m_tries histogram\n"
					       "# TYPE m_rtt_seconds histogram\n");
}

static void test_edges(void **state)
{
	static const struct {
		uint64_t value;
		unsigned tries, rtt;
	} rows[] = {
		{ 0, 0, 0 }, { 1, 0, 0 }, { 2, 1, 0 }, { 3, 2, 0 }, { 4, 2, 0 }, { 5, 3, 0 }, { 8, 3, 0 }, { 9, 3, 0 },
		{ 999999, 3, 0 }, { 1000000, 3, 0 }, { 1000001, 3, 1 }, { 2000000, 3, 1 }, { 2000001, 3, 2 },
		{ 4000000, 3, 2 }, { 4000001, 3, 3 }, { 8000000, 3, 3 }, { 8000001, 3, 4 }, { UINT64_MAX, 3, 4 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct totals t = { 0 };

		TI_OBSERVE(t.tries, rows[i].value);
		TI_OBSERVE(t.rtt_ns, rows[i].value);
		assert_true(t.tries.sum == rows[i].value && t.rtt_ns.sum == rows[i].value);
		for (unsigned k = 0; k < 5; k++) {
			assert_int_equal(t.rtt_ns.bucket[k], k == rows[i].rtt);
			if (k < 4)
				assert_int_equal(t.tries.bucket[k], k == rows[i].tries);
		}
	}
}

static void test_histogram(void **state)
{
	struct totals first = { 0 }, others = { 0 };

	(void)state;
	TI_OBSERVE(first.rtt_ns, 1000000);
	TI_OBSERVE(first.rtt_ns, 1500000);
	TI_OBSERVE(first.rtt_ns, 9000000000);
	set("totals", &only, &first, &others, sizeof(first));
	assert_string_equal(text("m_rtt"), "m_rtt_seconds_bucket{le=\"0.001\"} 1\n"
					   "m_rtt_seconds_bucket{le=\"0.002\"} 2\n"
					   "m_rtt_seconds_bucket{le=\"0.004\"} 2\n"
					   "m_rtt_seconds_bucket{le=\"0.008\"} 2\n"
					   "m_rtt_seconds_bucket{le=\"+Inf\"} 3\n"
					   "m_rtt_seconds_sum 9.0025\n"
					   "m_rtt_seconds_count 3\n");
}

/* --- labels -------------------------------------------------------------------- */

static ti_addr ipv4(const char *dotted)
{
	struct in6_addr a = { .s6_addr = { [10] = 0xff, [11] = 0xff } };
	ti_addr out;

	inet_pton(AF_INET, dotted, &a.s6_addr[12]);
	memcpy(&out, &a, sizeof(out));
	return out;
}

static void test_labels(void **state)
{
	struct labels all = { .ip = ipv4("192.0.2.1"), .net = { ipv4("10.0.0.0"), 8 }, .port = 80, .vlan = 5,
			      .ifname = 7, .kind = KIND_BELOW, .left = -2, .flag = 1, .small = 200,
			      .word = { 12, "a\\\"\n\0\xff" "b\xc3\xa4" "cde" } };
	struct labels none = { 0 };
	struct by_all one = { 1 };

	(void)state;
	set("by_all", &all, &one, &(struct by_all){ 0 }, sizeof(one));
	assert_string_equal(text("m_seen"),
			    "m_seen_total{ip=\"192.0.2.1\",net=\"10.0.0.0/8\",port=\"80\",vlan=\"5\",ifname=\"eth\\\"7\","
			    "kind=\"below\",left=\"-2\",flag=\"true\",small=\"200\","
			    "word=\"a\\\\\\\"\\n\xef\xbf\xbd\xef\xbf\xbd" "b\xc3\xa4" "cde\"} 1\n");
	assert_int_equal(bpf_map_delete_elem(ti_probe_map(p, "by_all"), &all), 0);
	set("by_all", &none, &one, &(struct by_all){ 0 }, sizeof(one));
	assert_string_equal(text("m_seen"),
			    "m_seen_total{kind=\"open\",left=\"0\",flag=\"false\",small=\"0\"} 1\n");
	assert_int_equal(bpf_map_delete_elem(ti_probe_map(p, "by_all"), &none), 0);
	none.ifname = 9;
	none.kind = 77;
	set("by_all", &none, &one, &(struct by_all){ 0 }, sizeof(one));
	assert_string_equal(text("m_seen"),
			    "m_seen_total{ifname=\"if9\",kind=\"77\",left=\"0\",flag=\"false\",small=\"0\"} 1\n");
	assert_int_equal(bpf_map_delete_elem(ti_probe_map(p, "by_all"), &none), 0);
}

/* By their numbers, whatever the order in the hash. */
static void test_order(void **state)
{
	static const uint16_t ports[] = { 443, 65535, 8 };

	(void)state;
	for (size_t i = 0; i < 3; i++)
		set("ports", &(struct by_port){ ports[i] }, &(struct ports){ .port_syns = i },
		    &(struct ports){ 0 }, sizeof(struct ports));
	assert_string_equal(text("m_port_syns"), "m_port_syns_total{port=\"8\"} 2\n"
						 "m_port_syns_total{port=\"443\"} 0\n"
						 "m_port_syns_total{port=\"65535\"} 1\n");
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(bpf_map_delete_elem(ti_probe_map(p, "ports"), &ports[i]), 0);
	assert_string_equal(text("m_port_syns"), "");
}

/* --- programs ------------------------------------------------------------------ */

static void feed(uint16_t port, int n)
{
	unsigned char frame[14 + 20 + 20] = { [12] = 8, [14] = 0x45, [17] = 40, [22] = 64, [23] = 6, [26] = 10,
					      [30] = 10, [36] = port >> 8, [37] = port, [46] = 0x50, [47] = 2 };
	LIBBPF_OPTS(bpf_test_run_opts, o, .data_in = frame, .data_size_in = sizeof(frame), .repeat = n);

	assert_int_equal(bpf_prog_test_run_opts(bpf_program__fd(p->programs[0].prog), &o), 0);
}

/* Room for three ports: the rest is counted together, and nothing twice. */
static void test_crowd(void **state)
{
	struct totals none = { 0 };

	(void)state;
	set("totals", &only, &none, &none, sizeof(none));
	for (int round = 0; round < 2; round++)
		for (uint16_t port = 1; port <= 7; port++)
			feed(port, port);
	assert_string_equal(text("m_port_syns"), "m_port_syns_total{port=\"1\"} 2\n"
						 "m_port_syns_total{port=\"2\"} 4\n"
						 "m_port_syns_total{port=\"3\"} 6\n"
						 "m_port_syns_total{overflow=\"true\"} 44\n");
	assert_string_equal(text("m_port_length_bucket{overflow"),
			    "m_port_length_bucket{overflow=\"true\",le=\"10\"} 44\n"
			    "m_port_length_bucket{overflow=\"true\",le=\"+Inf\"} 44\n");
	assert_int_equal(ti_probe_counter(p, TI_COUNT_CROWDED), 44);
	assert_string_equal(text("m_open"), "m_open -56\n");
	assert_string_equal(text("m_tries"), "m_tries_bucket{le=\"1\"} 2\n"
					     "m_tries_bucket{le=\"2\"} 6\n"
					     "m_tries_bucket{le=\"4\"} 20\n"
					     "m_tries_bucket{le=\"+Inf\"} 56\n"
					     "m_tries_sum 280\n"
					     "m_tries_count 56\n");
	assert_string_equal(text("m_seen_total{port"),
			    "m_seen_total{port=\"1\",kind=\"open\",left=\"0\",flag=\"false\",small=\"0\"} 112\n");
}

/* --- user space ---------------------------------------------------------------- */

static struct listeners *listener(uint16_t port)
{
	return ti_metric_table_get(tables[3], &(struct by_port){ port });
}

static void test_user(void **state)
{
	const struct ti_bpf_metrics *m = &p->schema->metrics[3];
	struct listeners *eighty;
	uint64_t times;

	(void)state;
	assert_int_equal(m->most, 2);
	assert_int_equal(ti_probe_map(p, "listeners"), -ENOENT); /* it isn't made */
	assert_string_equal(text("m_waiting"), "");
	tables[3] = ti_metric_table_new(m->labels_size, m->size, m->most);
	assert_non_null(tables[3]);
	eighty = listener(80);
	eighty->waiting = 5;
	eighty->accepted += 7;
	listener(22)->accepted++;
	assert_ptr_equal(listener(80), eighty);
	assert_string_equal(text("m_waiting"), "m_waiting{port=\"22\"} 0\nm_waiting{port=\"80\"} 5\n");
	/* No room: counters are added up, gauges are nobody's. */
	listener(25)->accepted += 2;
	listener(26)->accepted += 3;
	listener(26)->waiting = 1;
	assert_string_equal(text("m_waiting"), "m_waiting{port=\"22\"} 0\nm_waiting{port=\"80\"} 5\n");
	assert_string_equal(text("m_accepted"), "m_accepted_total{port=\"22\"} 1\nm_accepted_total{port=\"80\"} 7\n"
						"m_accepted_total{overflow=\"true\"} 5\n");
	ti_metric_table_overflow(tables[3], &times);
	assert_int_equal(times, 3);
	/* What is gone makes room, and begins anew. */
	assert_int_equal(ti_metric_table_remove(tables[3], &(struct by_port){ 25 }), -ENOENT);
	assert_int_equal(ti_metric_table_remove(tables[3], &(struct by_port){ 80 }), 0);
	assert_int_equal(ti_metric_table_remove(tables[3], &(struct by_port){ 80 }), -ENOENT);
	listener(25)->accepted++;
	assert_string_equal(text("m_accepted_total{port"),
			    "m_accepted_total{port=\"22\"} 1\nm_accepted_total{port=\"25\"} 1\n");
}

/* Against arrays: sets come and go, those that are there are found. */
static void test_table(void **state)
{
	enum { MOST = 100, KEYS = 300 };
	struct ti_metric_table *t = ti_metric_table_new(sizeof(uint32_t), sizeof(uint64_t), MOST);
	uint64_t count[KEYS] = { 0 }, times;
	bool is_in[KEYS] = { false };
	uint32_t in = 0, random = 1;

	(void)state;
	for (int i = 0; i < 20000; i++) {
		uint32_t key = (random = random * 1103515245 + 12345) >> 8;

		key %= KEYS;
		if (i % 3) {
			uint64_t *v = ti_metric_table_get(t, &key);

			if (v != ti_metric_table_overflow(t, &times)) {
				assert_true(is_in[key] || (*v == 0 && in < MOST));
				in += !is_in[key];
				is_in[key] = true;
				assert_int_equal((*v)++, count[key]++);
			} else {
				assert_true(!is_in[key] && in == MOST);
			}
		} else {
			assert_int_equal(ti_metric_table_remove(t, &key), is_in[key] ? 0 : -ENOENT);
			in -= is_in[key];
			is_in[key] = false;
			count[key] = 0;
		}
	}
	assert_true(times > 100);
	ti_metric_table_free(t);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_declared), cmocka_unit_test(test_sums),	cmocka_unit_test(test_edges),
		cmocka_unit_test(test_histogram), cmocka_unit_test(test_labels), cmocka_unit_test(test_order),
		cmocka_unit_test(test_crowd),	cmocka_unit_test(test_user),	cmocka_unit_test(test_table),
	};

	if (geteuid() != 0) {
		fprintf(stderr, "skipped: loading BPF programs needs root\n");
		return 77;
	}
	ti_probe_libbpf_log();
	return cmocka_run_group_tests_name("metrics", tests, load, unload);
}

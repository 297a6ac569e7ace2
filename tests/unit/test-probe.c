/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Probes of older SDKs, which a newer daemon loads and reads all the same. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include <tcpinspect/plugin.h>
#include "probe.h"

TI_BPF_OBJECT(test_probe_bpf, "test-probe.bpf.o");

#define OLD_COUNTERS 8 /* of ABI 1.0: up to TI_COUNT_LOST */

static struct ti_probe *load(void)
{
	struct ti_probe *p = NULL;

	assert_int_equal(
		ti_probe_open(&p, "old", test_probe_bpf, test_probe_bpf_end - test_probe_bpf), 0);
	ti_probe_survey(p);
	assert_int_equal(ti_probe_load(p, 4096), 0);
	return p;
}

/* Behind a CPU's last counter stands the next CPU's first one. */
static void test_counters_of_old(void **state)
{
	struct ti_probe *p = load();
	size_t stride;
	uint64_t *n = ti_probe_memory(p, "ti_counters", &stride);
	int cpus = ti_probe_cpus(p);

	(void)state;
	assert_non_null(n);
	assert_int_equal(stride, OLD_COUNTERS * sizeof(*n));
	assert_int_equal(ti_probe_counter(p, TI_COUNT_SEEN), 0);
	for (int k = 0; k < cpus * OLD_COUNTERS; k++)
		n[k] = 1 + k % OLD_COUNTERS;
	for (int which = 0; which < OLD_COUNTERS; which++)
		assert_int_equal(ti_probe_counter(p, which), cpus * (1 + which));
	for (int which = OLD_COUNTERS; which < TI_COUNT_MAX; which++)
		assert_int_equal(ti_probe_counter(p, which), 0);
	ti_probe_free(p);
}

/* Its XDP program has no array of who comes next. */
static void test_nothing_follows(void **state)
{
	struct ti_probe *p = load();

	(void)state;
	assert_int_equal(ti_probe_map(p, "packets_xdp_next"), -ENOENT);
	ti_probe_free(p);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_counters_of_old),
		cmocka_unit_test(test_nothing_follows),
	};

	if (geteuid() != 0) {
		fprintf(stderr, "skipped: loading BPF programs needs root\n");
		return 77;
	}
	ti_probe_libbpf_log();
	return cmocka_run_group_tests_name("probe", tests, NULL, NULL);
}

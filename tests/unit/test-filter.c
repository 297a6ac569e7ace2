/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test-filter.c - values of the common in-kernel options and what is said of bad
 * ones, who is offered which, and that what isn't set costs nothing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "filter.h"
#include "ini.h"
#include "log.h"
#include "option.h"
#include "probe.h"

TI_BPF_OBJECT(test_filter, "test-filter.bpf.o");

/* --- values -------------------------------------------------------------- */

static void prefixes(void **state)
{
	static const struct {
		const char *item, *address; /* the latter as IPv6 */
		uint32_t len;
	} good[] = {
		{"0.0.0.0/0", "::ffff:0.0.0.0", 96},
		{"10.0.0.0/8", "::ffff:10.0.0.0", 104},
		{"10.1.2.3", "::ffff:10.1.2.3", 128},
		{"10.1.2.3/32", "::ffff:10.1.2.3", 128},
		{"192.0.2.128/25", "::ffff:192.0.2.128", 121},
		{"::/0", "::", 0},
		{"2001:db8::/33", "2001:db8::", 33},
		{"fd00::1", "fd00::1", 128},
		{"::1/128", "::1", 128},
	};

	(void)state;
	for (size_t i = 0; i < TI_ARRAY_SIZE(good); i++) {
		struct ti_filter_item item;
		struct in6_addr want;
		char why[256];

		assert_int_equal(inet_pton(AF_INET6, good[i].address, &want), 1);
		assert_int_equal(ti_filter_prefix(good[i].item, &item, why, sizeof(why)), 0);
		assert_int_equal(item.key.len, good[i].len);
		assert_memory_equal(item.key.addr, &want, sizeof(want));
	}
}

static void ranges(void **state)
{
	static const struct {
		const char *item;
		uint64_t first, last;
	} good[] = {
		{"1", 1, 1}, {"443", 443, 443}, {"8000-8100", 8000, 8100}, {"1-65535", 1, 65535},
		{"all", 1, 65535}};

	(void)state;
	for (size_t i = 0; i < TI_ARRAY_SIZE(good); i++) {
		struct ti_filter_item item;
		char why[256];

		assert_int_equal(ti_filter_port(good[i].item, &item, why, sizeof(why)), 0);
		assert_int_equal(item.first, good[i].first);
		assert_int_equal(item.last, good[i].last);
	}
}

static void bad_values(void **state)
{
	static const struct {
		ti_filter_reader read;
		const char *item, *why; /* a part of it */
	} bad[] = {
		{ti_filter_prefix, "10.0.0.0/33", "is 0 to 32 for IPv4"},
		{ti_filter_prefix, "10.0.0.0/", "is 0 to 32 for IPv4"},
		{ti_filter_prefix, "10.0.0.0/-1", "is 0 to 32 for IPv4"},
		{ti_filter_prefix, "10.0.0.0/8/8", "is 0 to 32 for IPv4"},
		{ti_filter_prefix, "fd00::/129", "is 0 to 128 for IPv6"},
		{ti_filter_prefix, "10.0.0.1/8", "write 10.0.0.0/8, or the address"},
		{ti_filter_prefix, "10.0.0.1/0", "write 0.0.0.0/0, or the address"},
		{ti_filter_prefix, "fd00::1/16", "write fd00::/16, or the address"},
		{ti_filter_prefix, "::ffff:10.0.0.0/104", "is IPv4: write 10.0.0.0/8"},
		{ti_filter_prefix, "10.0.0", "is no prefix: write 192.0.2.0/24"},
		{ti_filter_prefix, "example.org", "is no prefix: write 192.0.2.0/24"},
		{ti_filter_port, "0", "is no port: write numbers from 1 to 65535"},
		{ti_filter_port, "65536", "is no port"},
		{ti_filter_port, "70000-80000", "is no port"},
		{ti_filter_port, "80-", "is no port"},
		{ti_filter_port, "-80", "is no port"},
		{ti_filter_port, "1-2-3", "is no port"},
		{ti_filter_port, "http", "ranges like 8000-8100, or all"},
		{ti_filter_port, "8100-8000", "the wrong way round: write 8000-8100"},
		{ti_filter_cgroup, "nginx.service",
		 "write its path, as /system.slice/nginx.service"},
		{ti_filter_cgroup, "/a/../b", "is no cgroup"},
		{ti_filter_cgroup, "0", "is no cgroup"},
		{ti_filter_netns, "no-such-netns",
		 "there is no network namespace 'no-such-netns' in /run/netns"},
		{ti_filter_netns, "/proc/self/status", "is no network namespace"},
		{ti_filter_netns, "/proc/0/ns/net", "is no network namespace"},
		{ti_filter_netns, "4294967296", "there is no network namespace"},
		{ti_filter_pid, "0", "is no process: write numbers from 1"},
		{ti_filter_pid, "nginx", "is no process"},
		{ti_filter_pid, "4194305", "is no process"},
	};

	(void)state;
	for (size_t i = 0; i < TI_ARRAY_SIZE(bad); i++) {
		struct ti_filter_item item;
		char why[512] = "";

		if (bad[i].read(bad[i].item, &item, why, sizeof(why)) != -EINVAL ||
		    !strstr(why, bad[i].why) || !strstr(why, bad[i].item))
			fail_msg("%s: '%s' instead of '%s'", bad[i].item, why, bad[i].why);
	}
}

static void namespaces(void **state)
{
	struct ti_filter_item item;
	char why[512], path[64];
	struct stat st;

	(void)state;
	assert_int_equal(stat("/proc/self/ns/net", &st), 0);
	assert_int_equal(ti_filter_netns("self", &item, why, sizeof(why)), 0);
	assert_int_equal(item.first, st.st_ino);
	snprintf(path, sizeof(path), "/proc/%d/ns/net", getpid());
	assert_int_equal(ti_filter_netns(path, &item, why, sizeof(why)), 0);
	assert_int_equal(item.first, st.st_ino);
	assert_int_equal(ti_filter_netns("4026531840", &item, why, sizeof(why)), 0);
	assert_int_equal(item.first, 4026531840);
	assert_int_equal(ti_filter_cgroup("7", &item, why, sizeof(why)), 0);
	assert_int_equal(item.first, 7);
}

/* --- options ------------------------------------------------------------- */

static struct ti_probe *opened(void)
{
	struct ti_probe *p;

	assert_int_equal(ti_probe_open(&p, "test", test_filter, test_filter_end - test_filter), 0);
	return p;
}

/* Read --set assignments, separated by blanks; how many mistakes. */
static int read_into(struct ti_probe *p, const char *sets, const char *prefer)
{
	ti_cleanup(ti_freep) char *copy = strdup(sets);
	struct ti_ini ini = {0};
	char *rest = copy, *set;
	int errors;

	while ((set = strsep(&rest, " "))) {
		char text[256];

		snprintf(text, sizeof(text), "plugin.test.%s", set);
		assert_int_equal(ti_ini_set(&ini, text), 0);
	}
	ti_filter_read(p, NULL, 0, &ini, ti_ini_find(&ini, "plugin", "test"), prefer);
	errors = ini.errors;
	ti_ini_free(&ini);
	return errors;
}

static void offered(void **state)
{
	static const char *const keys[] = {"src", "ports", "allow", "cgroup", "netns", "pid"};
	struct ti_probe *p = opened();
	struct ti_option rows[TI_FILTERS];

	(void)state;
	/* `dst` is the plugin's own. */
	assert_int_equal(ti_filter_offered(p->schema, NULL, 0, rows), TI_ARRAY_SIZE(keys));
	for (size_t i = 0; i < TI_ARRAY_SIZE(keys); i++)
		assert_string_equal(rows[i].key, keys[i]);
	assert_int_equal(ti_filter_offered(p->schema, &ti_filter_options[2], 2, rows),
			 TI_ARRAY_SIZE(keys) - 2);
	assert_string_equal(rows[1].key, "cgroup");
	ti_probe_free(p);
}

static bool excluded(struct ti_probe *p, const char *prog, char *why, size_t size)
{
	for (size_t i = 0; i < p->n_programs; i++)
		if (!strcmp(p->programs[i].says->prog, prog))
			return ti_filter_excludes(p, &p->programs[i], why, size);
	fail_msg("no program %s", prog);
	return false;
}

static void alternatives(void **state)
{
	struct ti_probe *p = opened();
	char why[256];

	(void)state;
	assert_int_equal(read_into(p, "netns=self", "auto"), 0);
	assert_false(excluded(p, "asks", why, sizeof(why)));
	assert_true(excluded(p, "plain", why, sizeof(why)));
	assert_string_equal(why, "doesn't know the socket, which 'netns' needs");
	assert_false(excluded(p, "split_sock", why, sizeof(why)));
	assert_true(excluded(p, "split_pid", why, sizeof(why)));
	assert_false(excluded(p, "unconcerned_raw_tp", why, sizeof(why)));
	ti_probe_free(p);

	p = opened();
	assert_int_equal(read_into(p, "dst=70000", "auto"), 0); /* not the common one */
	assert_null(p->filter.list[1]);
	assert_false(excluded(p, "plain", why, sizeof(why)));
	ti_probe_free(p);
}

static void mistakes(void **state)
{
	static const struct {
		const char *sets, *prefer;
		int errors;
	} table[] = {
		{"src=10.0.0.0/8 ports=80,8000-8100 pid=1", "auto", 0},
		{"netns=self", "raw_tp", 0},
		{"pid=1", "tp", 0},
		{"pid=1", "raw_tp", 1}, /* split_sock */
		{"netns=self", "tp", 1}, /* split_pid */
		{"pid=1 netns=self", "auto", 1}, /* nothing of `split` knows both */
		{"src=10.0.0.1/8,10.0.0.0/33,::1", "auto", 2},
		{"src=", "auto", 1},
		{"cgroup=1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16", "auto", 0},
		{"cgroup=1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17", "auto", 1},
	};

	(void)state;
	for (size_t i = 0; i < TI_ARRAY_SIZE(table); i++) {
		struct ti_probe *p = opened();

		if (read_into(p, table[i].sets, table[i].prefer) != table[i].errors)
			fail_msg("%s", table[i].sets);
		ti_probe_free(p);
	}
}

/* A uprobe goes into one process only where one is named. */
static void one_process(void **state)
{
	struct ti_probe *p = opened();

	(void)state;
	assert_int_equal(read_into(p, "pid=42", "auto"), 0);
	assert_int_equal(p->pid, 42);
	ti_probe_free(p);
	p = opened();
	assert_int_equal(read_into(p, "pid=42,43", "auto"), 0);
	assert_int_equal(p->pid, 0);
	ti_probe_free(p);
}

/* --- cost ---------------------------------------------------------------- */

/* Instructions of a program after the verifier, 0: not loaded. */
static unsigned instructions(struct ti_probe *p, const char *prog)
{
	for (size_t i = 0; i < p->n_programs; i++) {
		struct bpf_prog_info info = {0};
		__u32 len = sizeof(info);

		if (strcmp(p->programs[i].says->prog, prog) || !p->programs[i].prog)
			continue;
		assert_int_equal(
			bpf_obj_get_info_by_fd(bpf_program__fd(p->programs[i].prog), &info, &len),
			0);
		return info.xlated_prog_len / 8;
	}
	return 0;
}

static bool has_map(struct ti_probe *p, const char *name)
{
	return ti_probe_map(p, name) >= 0;
}

/* Three asks of nothing: a load and a test of a constant each. */
static void unset_costs_nothing(void **state)
{
	struct ti_probe *p = opened();
	unsigned asks, set;

	(void)state;
	if (geteuid() != 0) {
		ti_probe_free(p);
		skip();
	}
	ti_probe_survey(p);
	assert_int_equal(ti_probe_load(p, 4096), 0);
	asks = instructions(p, "asks");
	print_message("three checks, unset: %u instructions instead of %u\n", asks,
		      instructions(p, "plain"));
	assert_in_range(asks, 1, instructions(p, "plain") + 14);
	assert_false(has_map(p, "ti_filter_src") || has_map(p, "ti_filter_dst") ||
		     has_map(p, "ti_filter_allow") || has_map(p, "ti_filter_lists"));
	ti_probe_free(p);

	p = opened();
	assert_int_equal(read_into(p, "src=10.0.0.0/8 ports=80 netns=self", "auto"), 0);
	ti_probe_survey(p);
	assert_int_equal(ti_probe_load(p, 4096), 0);
	set = instructions(p, "asks");
	print_message("and with src, ports, netns set: %u\n", set);
	assert_in_range(set, asks + 40, 4096);
	assert_true(has_map(p, "ti_filter_src") && has_map(p, "ti_filter_lists"));
	assert_false(has_map(p, "ti_filter_dst") || has_map(p, "ti_filter_allow"));
	assert_int_equal(instructions(p, "plain"), 0);
	ti_probe_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(prefixes),   cmocka_unit_test(ranges),
		cmocka_unit_test(bad_values), cmocka_unit_test(namespaces),
		cmocka_unit_test(offered),    cmocka_unit_test(alternatives),
		cmocka_unit_test(mistakes),
		cmocka_unit_test(one_process),
		cmocka_unit_test(unset_costs_nothing),
	};

	ti_probe_libbpf_log();
	return cmocka_run_group_tests(tests, NULL, NULL);
}

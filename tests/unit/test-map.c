/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Real maps of every kind that goes another way: each entry once, whatever fn
 * does to the map. */
#define _GNU_SOURCE 1
#include <bpf/bpf.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include "map.h"

#define ENTRIES 5000

/* As an LPM trie has it; hashes and arrays take the same. */
struct key {
	uint32_t len;
	uint32_t number;
};

struct seen {
	int fd;
	int delete;       /* each entry as it comes */
	int end_at;       /* 0: never */
	int n;
	unsigned char of[ENTRIES];
};

static int see(void *arg, const void *key, const void *value)
{
	struct seen *s = arg;
	uint32_t number = *(const uint64_t *)value / 3;

	assert_int_equal(*(const uint64_t *)value % 3, 0);
	assert_true(number < ENTRIES);
	s->of[number]++;
	if (s->delete)
		assert_int_equal(bpf_map_delete_elem(s->fd, key), 0);
	return ++s->n == s->end_at ? 77 : 0;
}

static int map_of(enum bpf_map_type type, uint32_t entries)
{
	LIBBPF_OPTS(bpf_map_create_opts, o,
		    .map_flags = type == BPF_MAP_TYPE_LPM_TRIE ? BPF_F_NO_PREALLOC : 0);
	uint32_t key_size = type == BPF_MAP_TYPE_ARRAY ? sizeof(uint32_t) : sizeof(struct key);
	/* An LRU hash evicts before it is full. */
	uint32_t room = type == BPF_MAP_TYPE_LRU_HASH ? 4 * entries : entries;
	int fd = bpf_map_create(type, "test", key_size, sizeof(uint64_t), room, &o);

	assert_true(fd >= 0);
	for (uint32_t i = 0; i < entries; i++) {
		struct key key = {32, i};
		uint64_t value = i * 3;

		assert_int_equal(bpf_map_update_elem(fd, key_size == 4 ? (void *)&i : &key, &value, BPF_ANY), 0);
	}
	return fd;
}

static void all_once(enum bpf_map_type type, int delete)
{
	static struct seen s;

	s = (struct seen){.fd = map_of(type, ENTRIES), .delete = delete};
	assert_int_equal(ti_map_each(s.fd, see, &s), 0);
	assert_int_equal(s.n, ENTRIES);
	for (int i = 0; i < ENTRIES; i++)
		assert_int_equal(s.of[i], 1);
	if (delete) {
		s.n = 0;
		assert_int_equal(ti_map_each(s.fd, see, &s), 0);
		assert_int_equal(s.n, 0);
	}
	close(s.fd);
}

static void test_each_entry_once(void **state)
{
	(void)state;
	all_once(BPF_MAP_TYPE_HASH, 0);
	all_once(BPF_MAP_TYPE_ARRAY, 0);
	all_once(BPF_MAP_TYPE_LPM_TRIE, 0); /* not in batches before 5.14 */
}

static void test_fn_may_delete(void **state)
{
	(void)state;
	all_once(BPF_MAP_TYPE_HASH, 1);
	all_once(BPF_MAP_TYPE_LRU_HASH, 0);
	all_once(BPF_MAP_TYPE_LPM_TRIE, 1);
}

static void test_fn_ends_it(void **state)
{
	static struct seen s;

	(void)state;
	s = (struct seen){.fd = map_of(BPF_MAP_TYPE_HASH, ENTRIES), .end_at = 300};
	assert_int_equal(ti_map_each(s.fd, see, &s), 77);
	assert_int_equal(s.n, 300);
	close(s.fd);
}

static void test_maps_that_cannot(void **state)
{
	int fd = bpf_map_create(BPF_MAP_TYPE_PERCPU_HASH, "test", 8, 8, 4, NULL);

	(void)state;
	assert_int_equal(ti_map_each(fd, see, NULL), -EINVAL);
	close(fd);
	assert_true(ti_map_each(-1, see, NULL) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_entry_once),
		cmocka_unit_test(test_fn_may_delete),
		cmocka_unit_test(test_fn_ends_it),
		cmocka_unit_test(test_maps_that_cannot),
	};

	if (geteuid() != 0) {
		print_message("skipped: maps are made by root\n");
		return 77;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * map.c - entries of a BPF map, a batch a system call where the kind of map has
 * that (hashes and arrays since 5.6), else one by one. fn gets copies, so it may
 * change the map.
 */
#include "map.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/param.h>
#include "log.h"

#define BATCH 256 /* entries; a bucket of a hash must fit, so it may have to grow */

struct walk {
	int fd;
	struct bpf_map_info info;
	int (*fn)(void *arg, const void *key, const void *value);
	void *arg;
};

static bool has_value_per_cpu(uint32_t type)
{
	return type == BPF_MAP_TYPE_PERCPU_HASH || type == BPF_MAP_TYPE_PERCPU_ARRAY ||
	       type == BPF_MAP_TYPE_LRU_PERCPU_HASH || type == BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE;
}

static int one_by_one(const struct walk *w)
{
	ti_cleanup(ti_freep) char *key = malloc(w->info.key_size);
	ti_cleanup(ti_freep) char *next = malloc(w->info.key_size);
	ti_cleanup(ti_freep) char *value = malloc(w->info.value_size);
	int r = key && next && value ? 0 : -ENOMEM;
	bool more = r == 0 && bpf_map_get_next_key(w->fd, NULL, key) == 0;

	/* The next before this one goes to fn, which may delete it. */
	while (r == 0 && more) {
		more = bpf_map_get_next_key(w->fd, key, next) == 0;
		if (bpf_map_lookup_elem(w->fd, key, value) == 0)
			r = w->fn(w->arg, key, value);
		memcpy(key, next, w->info.key_size);
	}
	return r;
}

/* *room doubles where a bucket is larger. 1: that was the last batch. */
static int read_batch(const struct walk *w, void *from, void *to, char **keys, char **values,
		      uint32_t *room, uint32_t *n)
{
	for (;; *room *= 2) {
		char *k = realloc(*keys, (size_t)*room * w->info.key_size), *v;

		*keys = k ? k : *keys;
		v = realloc(*values, (size_t)*room * w->info.value_size);
		*values = v ? v : *values;
		if (!k || !v)
			return -ENOMEM;
		*n = *room;
		if (bpf_map_lookup_batch(w->fd, from, to, *keys, *values, n, NULL) == 0)
			return 0;
		if (errno == ENOENT)
			return 1;
		if (errno != ENOSPC || *room >= w->info.max_entries)
			return -errno;
	}
}

static int in_batches(const struct walk *w)
{
	size_t token = MAX(w->info.key_size, sizeof(uint32_t)); /* a bucket's number or a key */
	ti_cleanup(ti_freep) char *at = malloc(token);
	ti_cleanup(ti_freep) char *next = malloc(token);
	ti_cleanup(ti_freep) char *keys = NULL, *values = NULL;
	uint32_t room = BATCH, n;
	void *from = NULL;
	int last = 0, r = 0;

	if (!at || !next)
		return -ENOMEM;
	while (!last) {
		last = read_batch(w, from, next, &keys, &values, &room, &n);
		if (last < 0)
			return last;
		for (uint32_t i = 0; r == 0 && i < n; i++)
			r = w->fn(w->arg, keys + (size_t)i * w->info.key_size,
				  values + (size_t)i * w->info.value_size);
		if (r != 0)
			return r;
		from = memcpy(at, next, token);
	}
	return 0;
}

static int each(struct walk *w, bool cpus)
{
	uint32_t size = sizeof(w->info);
	int r;

	if (bpf_obj_get_info_by_fd(w->fd, &w->info, &size) < 0)
		return -errno;
	if (!w->info.key_size || (!cpus && has_value_per_cpu(w->info.type)))
		return -EINVAL;
	if (has_value_per_cpu(w->info.type))
		w->info.value_size = roundup(w->info.value_size, 8) * libbpf_num_possible_cpus();
	r = in_batches(w);
	return r == -EINVAL || r == -EOPNOTSUPP || r == -524 /* ENOTSUPP */ ? one_by_one(w) : r;
}

int ti_map_each(int fd, int (*fn)(void *arg, const void *key, const void *value), void *arg)
{
	struct walk w = {.fd = fd, .fn = fn, .arg = arg};

	return each(&w, false);
}

int ti_map_each_cpus(int fd, int (*fn)(void *arg, const void *key, const void *value), void *arg)
{
	struct walk w = {.fd = fd, .fn = fn, .arg = arg};

	return each(&w, true);
}

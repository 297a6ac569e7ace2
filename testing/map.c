/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * map.c - maps of the BPF object in memory of this process, for ti_test_new_user: hashes
 * (LRU or not), arrays, and tries of prefixes. What a map_... of the host would say of
 * the kernel's, these say.
 */
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include "log.h"
#include "test.h"

#define FIRST	1000000 /* what the plugin is given for the first: no file descriptor */
#define BUCKETS 4096

struct entry {
	TAILQ_ENTRY(entry) used;    /* the least recently used first */
	LIST_ENTRY(entry) bucket;
	char *value;
	char key[];
};

struct test_map {
	char *name; /* the object goes before its maps */
	uint32_t key_size, value_size, max, n;
	enum bpf_map_type type;
	char *array; /* BPF_MAP_TYPE_ARRAY: its values */
	TAILQ_HEAD(, entry) used;
	LIST_HEAD(, entry) buckets[BUCKETS];
};

static bool is_emulated(enum bpf_map_type type)
{
	return type == BPF_MAP_TYPE_HASH || type == BPF_MAP_TYPE_LRU_HASH || type == BPF_MAP_TYPE_ARRAY ||
	       type == BPF_MAP_TYPE_LPM_TRIE;
}

/* --- to have them ---------------------------------------------------------- */

static int make(struct ti_test *t, const struct bpf_map *map)
{
	struct test_map *m = calloc(1, sizeof(*m));

	if (!m)
		abort();
	m->name = strdup(bpf_map__name(map));
	m->type = bpf_map__type(map);
	m->key_size = bpf_map__key_size(map);
	m->value_size = bpf_map__value_size(map);
	m->max = bpf_map__max_entries(map);
	TAILQ_INIT(&m->used);
	if (m->type == BPF_MAP_TYPE_ARRAY)
		m->array = calloc(m->max, m->value_size);
	*LIST_ADD(t->maps) = m;
	return FIRST + t->maps.n - 1;
}

int test_map(struct ti_handle *h, const char *name)
{
	struct ti_test *t = test_of(h);
	struct bpf_object *obj = ti_plugin_probe(t->plugin)->obj;
	const struct bpf_map *map;

	for (size_t i = 0; i < t->maps.n; i++)
		if (!strcmp(t->maps.at[i]->name, name))
			return FIRST + i;
	map = obj ? bpf_object__find_map_by_name(obj, name) : NULL;
	return map && bpf_map__autocreate(map) ? make(t, map) : -ENOENT;
}

/* NULL: it isn't one that can be used here. */
static struct test_map *map_of(struct ti_handle *h, int fd)
{
	struct ti_test *t = test_of(h);
	struct test_map *m = fd < FIRST || (size_t)(fd - FIRST) >= t->maps.n ? NULL : t->maps.at[fd - FIRST];

	if (!m || is_emulated(m->type))
		return m;
	ti_err(0, "map %s is of a kind that isn't emulated: see ti_test_new_user", m->name);
	return NULL;
}

void test_maps_free(struct ti_test *t)
{
	for (size_t i = 0; i < t->maps.n; i++) {
		struct test_map *m = t->maps.at[i];
		struct entry *e;

		while ((e = TAILQ_FIRST(&m->used))) {
			TAILQ_REMOVE(&m->used, e, used);
			free(e->value);
			free(e);
		}
		free(m->array);
		free(m->name);
		free(m);
	}
	free(t->maps.at);
	t->maps.at = NULL;
	t->maps.n = 0;
}

/* --- one entry ------------------------------------------------------------- */

static size_t bucket_of(const struct test_map *m, const void *key)
{
	const unsigned char *k = key;
	uint32_t h = 2166136261; /* FNV-1a */

	for (uint32_t i = 0; i < m->key_size; i++)
		h = (h ^ k[i]) * 16777619;
	return h % BUCKETS;
}

static struct entry *find(struct test_map *m, const void *key)
{
	struct entry *e;

	LIST_FOREACH(e, &m->buckets[bucket_of(m, key)], bucket)
		if (!memcmp(e->key, key, m->key_size))
			return e;
	return NULL;
}

/* Of a trie: the longest prefix that the key, a length in bits and then its bytes, is in. */
static struct entry *longest(struct test_map *m, const void *key)
{
	struct entry *e, *best = NULL;
	uint32_t want, have, most = 0;

	memcpy(&want, key, sizeof(want));
	TAILQ_FOREACH(e, &m->used, used) {
		const unsigned char *a = (const unsigned char *)e->key + 4, *b = (const unsigned char *)key + 4;

		memcpy(&have, e->key, sizeof(have));
		if (have > want || (best && have <= most) || memcmp(a, b, have / 8) ||
		    (have % 8 && (a[have / 8] ^ b[have / 8]) >> (8 - have % 8)))
			continue;
		best = e;
		most = have;
	}
	return best;
}

static void touch(struct test_map *m, struct entry *e)
{
	TAILQ_REMOVE(&m->used, e, used);
	TAILQ_INSERT_TAIL(&m->used, e, used);
}

static void drop(struct test_map *m, struct entry *e)
{
	TAILQ_REMOVE(&m->used, e, used);
	LIST_REMOVE(e, bucket);
	free(e->value);
	free(e);
	m->n--;
}

static char *array_at(const struct test_map *m, const void *key)
{
	uint32_t i;

	memcpy(&i, key, sizeof(i));
	return i < m->max ? m->array + (size_t)i * m->value_size : NULL;
}

int test_map_get(struct ti_handle *h, int fd, const void *key, void *value)
{
	struct test_map *m = map_of(h, fd);
	struct entry *e;
	const char *from;

	if (!m)
		return -EINVAL;
	if (m->array) {
		from = array_at(m, key);
	} else {
		e = m->type == BPF_MAP_TYPE_LPM_TRIE ? longest(m, key) : find(m, key);
		from = e ? e->value : NULL;
		if (e)
			touch(m, e);
	}
	if (!from)
		return -ENOENT;
	memcpy(value, from, m->value_size);
	return 0;
}

static struct entry *add(struct test_map *m, const void *key)
{
	struct entry *e;

	if (m->n == m->max && m->type == BPF_MAP_TYPE_LRU_HASH)
		drop(m, TAILQ_FIRST(&m->used));
	if (m->n == m->max)
		return NULL;
	e = calloc(1, sizeof(*e) + m->key_size);
	if (!e || !(e->value = malloc(m->value_size)))
		abort();
	memcpy(e->key, key, m->key_size);
	LIST_INSERT_HEAD(&m->buckets[bucket_of(m, key)], e, bucket);
	TAILQ_INSERT_TAIL(&m->used, e, used);
	m->n++;
	return e;
}

int test_map_set(struct ti_handle *h, int fd, const void *key, const void *value)
{
	struct test_map *m = map_of(h, fd);
	struct entry *e;
	char *to;

	if (!m)
		return -EINVAL;
	if (m->array) {
		to = array_at(m, key);
	} else {
		e = find(m, key);
		if (e)
			touch(m, e);
		else
			e = add(m, key);
		to = e ? e->value : NULL;
	}
	if (!to)
		return m->type == BPF_MAP_TYPE_LPM_TRIE ? -ENOSPC : -E2BIG;
	memcpy(to, value, m->value_size);
	return 0;
}

int test_map_delete(struct ti_handle *h, int fd, const void *key)
{
	struct test_map *m = map_of(h, fd);
	struct entry *e;

	if (!m || m->array)
		return -EINVAL;
	e = find(m, key);
	if (!e)
		return -ENOENT;
	drop(m, e);
	return 0;
}

/* --- all of them ----------------------------------------------------------- */

static int each_of_array(const struct test_map *m, int (*fn)(void *arg, const void *key, const void *value),
			 void *arg)
{
	ti_cleanup(ti_freep) char *value = malloc(m->value_size);
	int r = value ? 0 : -ENOMEM;

	for (uint32_t i = 0; r == 0 && i < m->max; i++)
		r = fn(arg, &i, memcpy(value, array_at(m, &i), m->value_size));
	return r;
}

/* fn may change the map: what it gets is copied, and it goes by a list of keys. */
static int each_of_hash(struct test_map *m, int (*fn)(void *arg, const void *key, const void *value), void *arg)
{
	ti_cleanup(ti_freep) char *keys = malloc((size_t)m->n * m->key_size + 1);
	ti_cleanup(ti_freep) char *value = malloc(m->value_size);
	char *key = keys, *end = keys;
	struct entry *e;
	int r = keys && value ? 0 : -ENOMEM;

	TAILQ_FOREACH(e, &m->used, used)
		if (r == 0)
			end = mempcpy(end, e->key, m->key_size);
	for (; r == 0 && key < end; key += m->key_size) {
		e = find(m, key);
		if (e)
			r = fn(arg, key, memcpy(value, e->value, m->value_size));
	}
	return r;
}

int test_map_each(struct ti_handle *h, int fd, int (*fn)(void *arg, const void *key, const void *value),
		  void *arg)
{
	struct test_map *m = map_of(h, fd);

	if (!m)
		return -EINVAL;
	return m->array ? each_of_array(m, fn, arg) : each_of_hash(m, fn, arg);
}

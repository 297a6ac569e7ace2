/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * probe_memory.c - what user space sees of a loaded probe: its variables and arrays
 * as live memory, its maps, its counters. Owns the mappings.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "log.h"
#include "probe.h"

struct ti_memory {
	const struct bpf_map *map; /* owned by the object */
	void *at;
	size_t length;
};

void ti_probe_unmap(struct ti_probe *p)
{
	for (size_t i = 0; i < p->n_memory; i++)
		munmap(p->memory[i].at, p->memory[i].length);
	p->n_memory = 0;
}

/* Bytes from one value of an array map to the next. */
static size_t stride_of(const struct bpf_map *map)
{
	return (bpf_map__value_size(map) + 7) & ~7u;
}

/* Of a map that the kernel hasn't got: with what it would have at first. */
static void *emulate(const struct bpf_map *map, size_t length)
{
	void *at = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	size_t size = 0;
	const void *initial = bpf_map__initial_value((struct bpf_map *)map, &size);

	if (at != MAP_FAILED && initial)
		memcpy(at, initial, size < length ? size : length);
	return at;
}

/* An array map as live memory, mapped once. (The image that libbpf hands out for
 * .bss and .data is live only under skeletons.) */
static char *mapped(struct ti_probe *p, const struct bpf_map *map)
{
	size_t page = getpagesize();
	size_t length = (size_t)stride_of(map) * bpf_map__max_entries(map);
	struct ti_memory *grown;
	void *at;

	for (size_t i = 0; i < p->n_memory; i++)
		if (p->memory[i].map == map)
			return p->memory[i].at;
	grown = realloc(p->memory, (p->n_memory + 1) * sizeof(*grown));
	if (!grown)
		return NULL;
	p->memory = grown;
	length = (length + page - 1) / page * page;
	at = p->emulated ? emulate(map, length) :
			   mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_SHARED, bpf_map__fd(map), 0);
	if (at == MAP_FAILED)
		return NULL;
	p->memory[p->n_memory++] = (struct ti_memory){ map, at, length };
	return at;
}

void *ti_probe_memory(struct ti_probe *p, const char *name, size_t *size)
{
	static const char *const sections[] = { ".bss", ".data", ".data.ti_fed" };
	const struct bpf_map *map;

	if (!p->obj)
		return NULL;
	for (size_t i = 0; i < p->schema->n_maps; i++)
		if (p->schema->maps[i].cpus && !strcmp(p->schema->maps[i].name, name)) {
			map = bpf_object__find_map_by_name(p->obj, name);
			*size = stride_of(map);
			return mapped(p, map);
		}
	for (size_t i = 0; i < TI_ARRAY_SIZE(sections); i++) {
		int64_t at = ti_schema_var(p->schema, sections[i], name, size);
		char *memory;

		map = at < 0 ? NULL : bpf_object__find_map_by_name(p->obj, sections[i]);
		memory = map ? mapped(p, map) : NULL;
		if (memory)
			return memory + at;
	}
	return NULL;
}

int ti_probe_map(struct ti_probe *p, const char *name)
{
	int fd = p->obj && !p->emulated ? bpf_object__find_map_fd_by_name(p->obj, name) : -ENOENT;

	return fd < 0 ? -ENOENT : fd;
}

void ti_probe_refresh(struct ti_probe *p)
{
	if (p->obj && p->filter.lists && ti_filter_refresh(&p->filter, p->obj) < 0)
		ti_debug("%s: cgroups and network namespaces could not be looked up anew", p->plugin);
}

uint64_t ti_probe_counter(struct ti_probe *p, enum ti_count which)
{
	size_t stride = 0;
	char *at = ti_probe_memory(p, "ti_counters", &stride);
	uint64_t sum = 0;

	if (stride < (which + 1) * sizeof(uint64_t))
		return 0;
	for (int cpu = 0; at && cpu < ti_probe_cpus(p); cpu++)
		sum += __atomic_load_n((uint64_t *)(at + cpu * stride) + which, __ATOMIC_RELAXED);
	return sum;
}

void ti_probe_say_missed(const struct ti_probe *p)
{
	for (size_t i = 0; i < p->n_programs; i++) {
		const struct ti_program *g = &p->programs[i];
		struct bpf_prog_info info = { 0 };
		__u32 len = sizeof(info);

		if (g->prog && !g->says->twin && bpf_obj_get_info_by_fd(bpf_program__fd(g->prog), &info, &len) == 0 &&
		    info.recursion_misses)
			ti_warn("%s: %s missed %llu events, which came while it was running on their CPU",
				p->plugin, g->says->prog, (unsigned long long)info.recursion_misses);
	}
}

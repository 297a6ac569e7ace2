/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * probe.h - a plugin's BPF object: opened to learn what it says of itself, given
 * its options, loaded with those of its programs that this kernel takes.
 */
#ifndef TI_PROBE_H
#define TI_PROBE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "filter.h"
#include "hook.h"
#include "schema.h"

struct bpf_object;
struct bpf_map;

/* One program: an alternative of a hook group. */
struct ti_program {
	const struct ti_bpf_hook *says; /* group, order, name */
	const struct ti_hook *hook;
	char target[128];         /* what follows the hook's prefix in the section name */
	bool usable;              /* by available(), and it has not failed to load */
	char why[512];            /* why not */
	struct bpf_program *prog; /* NULL until loaded */
};

struct ti_probe {
	const char *plugin;         /* borrowed */
	const void *bytes;          /* the ELF object, borrowed */
	size_t size;
	struct ti_schema *schema;
	void *rodata;               /* as it will be loaded: options are parsed into it */
	size_t rodata_size;
	struct ti_program *programs; /* in the order of schema->hooks */
	size_t n_programs;
	struct ti_filter filter;    /* set by ti_filter_read; the probe's to free */

	struct bpf_object *obj;     /* NULL until loaded */
	struct ti_memory *memory;   /* mapped TI_CPU_ARRAYs */
	size_t n_memory;
};

/* Send libbpf's prints to the log; call once. */
void ti_probe_libbpf_log(void);

/* Read the object; needs no privilege. `plugin` and `bytes` must outlive it. */
int ti_probe_open(struct ti_probe **out, const char *plugin, const void *bytes, size_t size);
void ti_probe_free(struct ti_probe *p);
void ti_probe_freep(struct ti_probe **p);

/* Ask each program's hook whether this kernel has it, and the common options whether
 * it knows what they need; fills usable and why. */
void ti_probe_survey(struct ti_probe *p);

/*
 * Load the programs that are usable. One that the kernel refuses becomes
 * unusable (why says so) and the rest is tried again, as long as every group
 * that isn't optional has one left: else the verifier's words are logged and
 * -errno returned. ring_size 0: as the object has it.
 */
int ti_probe_load(struct ti_probe *p, uint64_t ring_size);
void ti_probe_unload(struct ti_probe *p); /* programs and maps go; safe when not loaded */

/* As ti_host.cpus: values in a TI_CPU_ARRAY. */
int ti_probe_cpus(void);

/* As ti_host.memory and ti_host.map. */
void *ti_probe_memory(struct ti_probe *p, const char *name, size_t *size);
int ti_probe_map(struct ti_probe *p, const char *name);

/* Names in the common options may have come to stand for another thing: tell the
 * programs. To be called from time to time while loaded. */
void ti_probe_refresh(struct ti_probe *p);

/* Sum over CPUs of a counter every probe has; 0 before load. */
uint64_t ti_probe_counter(struct ti_probe *p, enum ti_counter which);

#endif

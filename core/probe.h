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

/* One program of an alternative of a hook group. */
struct ti_program {
	const struct ti_bpf_hook *says; /* group, order, name */
	const struct ti_hook *hook;
	char target[512];         /* what follows the hook's prefix in the section name */
	bool usable;              /* by available(), and it has not failed to load; and
				     so have those of its alternative */
	bool unwanted;            /* not usable, since an option says so (TI_ONLY_IF) */
	char why[512];            /* why not */
	char *detail;             /* more lines of it, for the author; NULL */
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
	int pid;                     /* uprobes in this process only; 0: in all */
	bool offline;                /* set before the survey: packets are fed to it, on one CPU */
	bool emulated;               /* set by ti_probe_emulate: obj is open, not loaded */
	uint64_t seed;               /* drawn at load; when offline always the same */

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

/* Is it at a function of a library or executable? */
bool ti_program_in_binary(const struct ti_program *g);
/* Put uprobes at another library or executable than the object names; -ENOENT: it
 * has none. */
int ti_probe_binary(struct ti_probe *p, const char *path);

/* Do they make up one alternative? Then they are attached together, all or none,
 * and stand side by side in programs[]. */
bool ti_program_together(const struct ti_program *a, const struct ti_program *b);
/* The alternative of program g is not usable, after all, because of g (one of
 * p->programs). */
void ti_probe_leave_out(struct ti_probe *p, const struct ti_program *g, const char *why);

/* Ask each program's hook whether this kernel has it, and the options whether it is
 * wanted and knows what they need; fills usable, unwanted and why. */
void ti_probe_survey(struct ti_probe *p);

/* Has the operator set an option to anything but 0? */
bool ti_probe_is_set(const struct ti_probe *p, const struct ti_bpf_option *o);

/* Is anything of a group wanted? */
bool ti_probe_wants(const struct ti_probe *p, const char *group);

/*
 * Load the programs that are usable. One that the kernel refuses becomes
 * unusable (why says so), with its alternative, and the rest is tried again. A
 * group that isn't optional and has none left: the verifier's words are logged
 * and -errno returned. ring_size 0: as the object has it.
 */
int ti_probe_load(struct ti_probe *p, uint64_t ring_size);
/*
 * Instead of ti_probe_load, for tests of callbacks without a kernel: maps are made as
 * options and object say, in memory of this process (ti_probe_memory) or not at all;
 * ti_probe_map finds none, no program runs.
 */
int ti_probe_emulate(struct ti_probe *p);
void ti_probe_unload(struct ti_probe *p); /* programs and maps go; safe when not loaded */

/* As ti_host.cpus: values in a TI_CPU_ARRAY. */
int ti_probe_cpus(const struct ti_probe *p);
/* As ti_host.seed. */
uint64_t ti_probe_seed(const struct ti_probe *p);

void ti_probe_unmap(struct ti_probe *p); /* as unloading does */

/* As ti_host.memory, ti_host.map and ti_host.program. */
void *ti_probe_memory(struct ti_probe *p, const char *name, size_t *size);
int ti_probe_map(struct ti_probe *p, const char *name);
int ti_probe_program(const struct ti_probe *p, const char *name);

/* Names in the common options may have come to stand for another thing: tell the
 * programs. To be called from time to time while loaded. */
void ti_probe_refresh(struct ti_probe *p);

/* Sum over CPUs of a counter every probe has; 0 before load, and for a counter that
 * is younger than the SDK that the object was built with. */
uint64_t ti_probe_counter(struct ti_probe *p, enum ti_count which);

/* Warn of each program that the kernel has not run for an event, since the event came
 * out of that very program's run or interrupted it. Kernels before 5.12 don't tell. */
void ti_probe_say_missed(const struct ti_probe *p);

#endif

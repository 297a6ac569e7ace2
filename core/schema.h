/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * schema.h - what a BPF object says of itself in BTF: event types, options,
 * hook groups. Everything is read here once, at load; nothing looks at BTF
 * afterwards.
 */
#ifndef TI_SCHEMA_H
#define TI_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <tcpinspect/event.h>
#include <tcpinspect/option.h>

struct btf;

/* An option that the program reads from .rodata. row.offset is the variable's
 * offset there. */
struct ti_bpf_option {
	struct ti_option row;
	uint32_t width; /* bytes of the variable */
};

/* What a program knows of what it sees (TI_KNOWS_FLOW and so on). */
enum ti_knows {
	TI_KNOW_FLOW = 1 << 0,
	TI_KNOW_SOCK = 1 << 1,
	TI_KNOW_PID = 1 << 2,
};

/* A program that is an alternative of a hook group. */
struct ti_bpf_hook {
	const char *group;
	const char *prog; /* function name */
	unsigned order;
	bool optional; /* the group: one of its programs says so */
	unsigned knows; /* enum ti_knows */
	const struct ti_bpf_option *only_if, *unless; /* that is set; NULL: always */
	bool twin; /* what it misses another program sees, or the other way round */
	bool by_hand; /* the plugin attaches it, nobody else; alone in a group by its name */
};

/* A record that only its plugin sees (TI_INTERNAL). */
struct ti_bpf_internal {
	const char *name;
	uint32_t size;   /* bytes of the struct; a record may have fewer */
	uint32_t offset; /* in .rodata, of its number: n_types and up */
};

/* A map about which the object says something. */
struct ti_bpf_map {
	const char *name;
	bool cpus; /* a TI_CPU_ARRAY: an entry for each CPU */
	const struct ti_bpf_option *sized_by; /* so many entries, a __u32; NULL: as written */
	const struct ti_bpf_option *only_if;  /* made while that is set; NULL: always */
};

enum ti_metric_kind {
	TI_METRIC_COUNTER,
	TI_METRIC_GAUGE,
	TI_METRIC_HISTOGRAM,
};

/* A member of a struct of metrics. */
struct ti_bpf_metric {
	const char *name;    /* as declared */
	const char *printed; /* PLUGIN_NAME[_seconds][_total] */
	const char *help;    /* "": none was given */
	enum ti_metric_kind kind;
	unsigned digits;     /* it is printed divided by 10 to this */
	uint32_t offset;     /* all are 64 bits; a histogram's sum, then its buckets */
	uint32_t n_buckets;
	uint64_t first;      /* bound of the first bucket */
};

/* A struct of metrics and the map that has it (TI_METRICS and so on). */
struct ti_bpf_metrics {
	const char *name;             /* of the map */
	const char *overflow;         /* of the map for what finds no room in it, or NULL */
	bool by_cpu;                  /* a value for each possible CPU; else user space counts,
					 and there is no such map */
	uint32_t most;                /* sets of labels */
	const struct ti_field *labels;
	uint32_t n_labels;            /* 0: the map is an array of one */
	uint32_t labels_size, size;   /* bytes of the key and of the struct */
	struct ti_bpf_metric *metrics;
	size_t n_metrics;
};

/* A __u32 of .rodata that is told how many parameters a kernel function has. */
struct ti_bpf_params {
	const char *function;
	uint32_t offset;
};

struct ti_schema {
	struct ti_event_type *types; /* types[i].number == i */
	uint32_t *type_vars;         /* offset in .rodata of each type's number */
	size_t n_types;
	struct ti_bpf_internal *internals;
	size_t n_internals;
	struct ti_bpf_option *options;
	size_t n_options;
	struct ti_bpf_hook *hooks;   /* by name of the group, order, prog */
	size_t n_hooks;
	struct ti_bpf_params *params;
	size_t n_params;
	struct ti_bpf_map *maps;
	size_t n_maps;
	struct ti_bpf_metrics *metrics;
	size_t n_metrics;

	struct btf *btf;  /* owned: the names above point into it ... */
	void **owned;     /* ... or are among these */
	size_t n_owned;
};

/*
 * Read an object's BTF (as bpf_object__btf gives it: offsets filled in) and the
 * initial bytes of its .rodata (NULL, 0: it has none). `plugin` is borrowed.
 * What can't be expressed is logged with the plugin's, event's and field's name
 * and what to write instead: -EINVAL.
 */
int ti_schema_new(struct ti_schema **out, const char *plugin, const struct btf *btf,
		  const void *rodata, size_t rodata_size);
void ti_schema_free(struct ti_schema *s);
void ti_schema_freep(struct ti_schema **s);

/* "counter", "gauge", "histogram". */
const char *ti_metric_kind_name(enum ti_metric_kind kind);

/* Type of a field as people name it ("u32", "address"), in out[]. Returns out. */
const char *ti_field_type_name(const struct ti_field *f, char *out, size_t size);

/* Offset of a variable in a DATASEC (".bss", ".rodata"); -ENOENT. *size in bytes. */
int64_t ti_schema_var(const struct ti_schema *s, const char *section, const char *name,
		      size_t *size);

#endif

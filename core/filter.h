/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * filter.h - the in-kernel options that all plugins have in common (src dst ports
 * allow cgroup netns pid): who is offered them, what their values mean, and the
 * maps that the checks of <tcpinspect/filter.h> read.
 */
#ifndef TI_FILTER_H
#define TI_FILTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <tcpinspect/filter.h>
#include <tcpinspect/option.h>

struct bpf_object;
struct ti_ini;
struct ti_ini_section;
struct ti_probe;
struct ti_program;
struct ti_schema;

#define TI_FILTERS 7

/* Values of one plugin's options. Zeroed: none is set. */
struct ti_filter {
	char *list[TI_FILTERS];         /* as stored by TI_OPT_LIST, bit 1 << i of
					   enum ti_filter_bit; NULL: unset */
	struct ti_filter_lists *lists;  /* as in the map, while loaded */
};

/* The rows, bit 1 << i of enum ti_filter_bit each. */
extern const struct ti_option ti_filter_options[TI_FILTERS];

/*
 * The rows that a plugin is offered: those that one of its programs knows what they
 * need, without those whose key it has an option of its own by. `own` is its
 * user-side table. Returns how many.
 */
size_t ti_filter_offered(const struct ti_schema *s, const struct ti_option *own, size_t n_own,
			 struct ti_option out[TI_FILTERS]);

/*
 * Read the options of a section (NULL: there is none) into p->filter and check
 * them, `prefer` being the hook that the operator names or "auto"; mistakes are
 * counted in ini->errors. Needs no privilege.
 */
void ti_filter_read(struct ti_probe *p, const struct ti_option *own, size_t n_own,
		    struct ti_ini *ini, struct ti_ini_section *s, const char *prefer);

/*
 * Why a program can't be used with what is set: something in its group knows what
 * an option needs and this one doesn't. A group in which nothing does has nothing
 * to do with the option. False: it can.
 */
bool ti_filter_excludes(const struct ti_probe *p, const struct ti_program *g, char *why,
			size_t size);

/* For the probe stage: before load (an object's maps, the struct in its .rodata),
 * after it, and from time to time, since names may come to stand for another
 * cgroup or namespace. -errno. */
int ti_filter_maps(const struct ti_filter *f, struct bpf_object *obj);
void ti_filter_set(const struct ti_filter *f, struct ti_filter_set *out);
int ti_filter_fill(struct ti_filter *f, const struct bpf_object *obj);
int ti_filter_refresh(struct ti_filter *f, const struct bpf_object *obj);

void ti_filter_free(struct ti_filter *f);

/* --- values (filter_value.c) --------------------------------------------- */

/* One item of a list: a prefix, or numbers from first to last. */
struct ti_filter_item {
	struct ti_filter_key key;
	uint64_t first, last;
};

/*
 * Read one item. 0; -EINVAL: why[] says what is wrong and what to write; -ENOENT: a
 * name that may come to be but at present names nothing, first is 0 then.
 */
typedef int (*ti_filter_reader)(const char *item, struct ti_filter_item *out, char *why,
				size_t size);
int ti_filter_prefix(const char *item, struct ti_filter_item *out, char *why, size_t size);
int ti_filter_port(const char *item, struct ti_filter_item *out, char *why, size_t size);
int ti_filter_cgroup(const char *item, struct ti_filter_item *out, char *why, size_t size);
int ti_filter_netns(const char *item, struct ti_filter_item *out, char *why, size_t size);
int ti_filter_pid(const char *item, struct ti_filter_item *out, char *why, size_t size);

#endif

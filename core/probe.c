/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * probe.c - a plugin's BPF object.
 *
 * All alternatives of a hook group are loaded, not only the first: which one is
 * used can differ by interface, and interfaces come later. What one kernel lacks
 * shows at load, and libbpf gives up the whole object for it; so the program
 * that failed is left out and the object opened and loaded again.
 */
#include "probe.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include "log.h"
#include "source.h"
#include "verdict.h"

#define OFFLINE_SEED  0x7469 /* any that is always the same */
#define EMULATED_CPUS 2	     /* more than one, for there are sums to be made */

/* What libbpf said last: which program failed, and the line that says why. */
static struct {
	char prog[128];
	char line[1024];
} said;

/* The verifier's log of a program of a million instructions is some 100 MiB. Newer
 * kernels (6.4) keep the end of what is longer, which is the part that matters; libbpf,
 * left to itself, would have the program verified again with twice the room each time. */
#define VERIFIER_LOG (16 << 20)

/* One line each: a log line has a limit. */
static void debug_lines(const char *text)
{
	while (*text) {
		size_t len = strcspn(text, "\n");

		ti_debug("%.*s", (int)len, text);
		text += len + (text[len] == '\n');
	}
}

static int libbpf_print(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	char *text;
	int skip, e = errno;

	if (level == LIBBPF_DEBUG && ti_log_level_now() < TI_LOG_DEBUG)
		return 0;
	if (vasprintf(&text, fmt, ap) < 0)
		return 0;
	debug_lines(text);
	skip = strncmp(text, "libbpf: ", 8) ? 0 : 8;
	if (level == LIBBPF_WARN) {
		sscanf(text, "libbpf: prog '%127[^']'", said.prog);
		if (!strstr(text, "failed to load object") && !strstr(text, "failed to load '"))
			snprintf(said.line, sizeof(said.line), "%.*s", (int)strcspn(text, "\n") - skip, text + skip);
	}
	free(text);
	errno = e;
	return 0;
}

void ti_probe_libbpf_log(void)
{
	libbpf_set_print(libbpf_print);
}

/* --- open ---------------------------------------------------------------- */

static struct bpf_object *open_object(const struct ti_probe *p)
{
	LIBBPF_OPTS(bpf_object_open_opts, opts, .object_name = p->plugin);
	struct bpf_object *obj = bpf_object__open_mem(p->bytes, p->size, &opts);
	struct bpf_program *prog;
	const char *target;

	if (!obj)
		return NULL;
	bpf_object__for_each_program(prog, obj) {
		const struct ti_hook *h = ti_hook_by_section(bpf_program__section_name(prog), &target);

		if (h && h->prog_type)
			bpf_program__set_type(prog, h->prog_type);
	}
	return obj;
}

static int add_program(struct ti_probe *p, struct bpf_object *obj, const struct ti_bpf_hook *says)
{
	struct ti_program *g = &p->programs[p->n_programs];
	struct bpf_program *prog = bpf_object__find_program_by_name(obj, says->prog);
	const char *sec = prog ? bpf_program__section_name(prog) : "", *target;

	g->says = says;
	if (says->by_hand) {
		g->hook = &ti_hook_by_hand;
		target = sec;
	} else {
		g->hook = ti_hook_by_section(sec, &target);
	}
	if (!g->hook)
		return ti_err(-EINVAL, "%s: program %s has section '%s', which is no hook of this tcpinspect",
			      p->plugin, says->prog, sec);
	snprintf(g->target, sizeof(g->target), "%s", target);
	if (p->n_programs++ && ti_program_together(g - 1, g) && g[-1].hook->per_interface != g->hook->per_interface)
		return ti_err(-EINVAL, "%s: programs %s and %s are one alternative, but one goes to interfaces; give them different order numbers",
			      p->plugin, g[-1].says->prog, says->prog);
	return 0;
}

static int read_object(struct ti_probe *p, struct bpf_object *obj)
{
	struct bpf_map *map = bpf_object__find_map_by_name(obj, ".rodata");
	const void *rodata = NULL;
	int r;

	if (map)
		rodata = bpf_map__initial_value(map, &p->rodata_size);
	p->rodata = malloc(p->rodata_size + 1);
	if (!p->rodata)
		return -ENOMEM;
	if (rodata)
		memcpy(p->rodata, rodata, p->rodata_size);
	r = ti_schema_new(&p->schema, p->plugin, bpf_object__btf(obj), p->rodata, p->rodata_size);
	if (r < 0)
		return r;
	p->programs = calloc(p->schema->n_hooks, sizeof(*p->programs));
	if (!p->programs)
		return -ENOMEM;
	for (size_t i = 0; i < p->schema->n_hooks; i++) {
		r = add_program(p, obj, &p->schema->hooks[i]);
		if (r < 0)
			return r;
	}
	return 0;
}

int ti_probe_open(struct ti_probe **out, const char *plugin, const void *bytes, size_t size)
{
	ti_cleanup(ti_probe_freep) struct ti_probe *p = calloc(1, sizeof(*p));
	struct bpf_object *obj;
	int r;

	if (!p)
		return -ENOMEM;
	p->plugin = plugin;
	p->bytes = bytes;
	p->size = size;
	memset(&said, 0, sizeof(said));
	obj = open_object(p);
	if (!obj)
		return ti_err(-errno, "%s: its BPF object can't be read: %s", plugin,
			      said.line[0] ? said.line : strerror(errno));
	r = read_object(p, obj);
	bpf_object__close(obj);
	if (r < 0)
		return r;
	*out = TI_TAKE(p);
	return 0;
}

void ti_probe_unload(struct ti_probe *p)
{
	ti_probe_unmap(p);
	for (size_t i = 0; i < p->n_programs; i++)
		p->programs[i].prog = NULL;
	bpf_object__close(p->obj);
	p->obj = NULL;
	p->emulated = false;
}

void ti_probe_free(struct ti_probe *p)
{
	if (!p)
		return;
	ti_probe_unload(p);
	free(p->memory);
	ti_filter_free(&p->filter);
	ti_schema_free(p->schema);
	for (size_t i = 0; p->programs && i < p->n_programs; i++)
		free(p->programs[i].detail);
	free(p->programs);
	free(p->rodata);
	free(p);
}

void ti_probe_freep(struct ti_probe **p)
{
	ti_probe_free(*p);
}

/* Up to the last CPU that is online: "possible" ones can be hundreds on a small
 * virtual machine, and each would cost memory. */
static int online_cpus(void)
{
	static int cpus;
	ti_cleanup(ti_fclosep) FILE *f = NULL;
	int first, last;
	char sep;

	if (cpus)
		return cpus;
	f = fopen("/sys/devices/system/cpu/online", "re");
	cpus = 1;
	while (f && fscanf(f, "%d", &first) == 1) { /* 0-3,8,10-11 */
		last = first;
		if (fscanf(f, "-%d", &last) < 0 || last < first)
			last = first;
		cpus = last + 1;
		if (fscanf(f, "%c", &sep) != 1 || sep != ',')
			break;
	}
	return cpus;
}

int ti_probe_cpus(const struct ti_probe *p)
{
	if (p->emulated)
		return EMULATED_CPUS;
	return p->offline ? 1 : online_cpus();
}

uint64_t ti_probe_seed(const struct ti_probe *p)
{
	return p->seed;
}

/* --- load ---------------------------------------------------------------- */

/* The first group that needs a program and has none left, NULL: there is none. */
static const char *bare_group(const struct ti_probe *p)
{
	for (size_t i = 0; i < p->n_programs; i++) {
		const char *group = p->programs[i].says->group;
		bool optional = false, has = false;

		for (size_t j = 0; j < p->n_programs; j++) {
			if (strcmp(p->programs[j].says->group, group))
				continue;
			optional |= p->programs[j].says->optional;
			has |= p->programs[j].usable;
		}
		if (!has && !optional && ti_probe_wants(p, group))
			return group;
	}
	return NULL;
}

static struct ti_program *program_by_name(struct ti_probe *p, const char *name)
{
	for (size_t i = 0; i < p->n_programs; i++)
		if (!strcmp(p->programs[i].says->prog, name))
			return &p->programs[i];
	return NULL;
}

static uint32_t ring_bytes(uint64_t want)
{
	uint64_t size = getpagesize();

	while (size < want && size < 1u << 30)
		size *= 2;
	return size;
}

/* Its number of entries, and whether it is made at all. */
static int prepare_map(const struct ti_probe *p, const struct ti_bpf_map *says, struct bpf_map *map)
{
	uint32_t entries = ti_probe_cpus(p);
	int r = 0;

	if (!map)
		return -ENOENT;
	if (says->sized_by)
		memcpy(&entries, (char *)p->rodata + says->sized_by->row.offset, sizeof(entries));
	if (says->cpus || says->sized_by)
		r = bpf_map__set_max_entries(map, entries);
	if (r >= 0 && says->only_if)
		r = bpf_map__set_autocreate(map, ti_probe_is_set(p, says->only_if));
	return r;
}

static int prepare_maps(struct ti_probe *p, struct bpf_object *obj, uint64_t ring_size)
{
	struct bpf_map *map = bpf_object__find_map_by_name(obj, "ti_ring");
	int r = map && ring_size ? bpf_map__set_max_entries(map, ring_bytes(ring_size)) : 0;

	for (size_t i = 0; r >= 0 && i < p->schema->n_maps; i++)
		r = prepare_map(p, &p->schema->maps[i],
				bpf_object__find_map_by_name(obj, p->schema->maps[i].name));
	for (size_t i = 0; r >= 0 && i < p->schema->n_metrics; i++)
		if (!p->schema->metrics[i].by_cpu)
			r = bpf_map__set_autocreate(
				bpf_object__find_map_by_name(obj, p->schema->metrics[i].name), false);
	map = bpf_object__find_map_by_name(obj, ".rodata");
	if (r >= 0)
		r = ti_filter_maps(&p->filter, obj);
	if (r >= 0 && map)
		r = bpf_map__set_initial_value(map, p->rodata, p->rodata_size);
	return r;
}

static void fill(struct ti_probe *p, const char *var, uint64_t value)
{
	size_t size;
	int64_t at = ti_schema_var(p->schema, ".rodata", var, &size);
	uint32_t small = value;

	if (at >= 0)
		memcpy((char *)p->rodata + at, size == sizeof(small) ? (void *)&small : &value, size);
}

/* An object built with an older SDK has none, or the beginning of it. */
static void fill_filter(struct ti_probe *p)
{
	struct ti_filter_set set;
	size_t size;
	int64_t at = ti_schema_var(p->schema, ".rodata", "ti_filter", &size);

	ti_filter_set(&p->filter, &set);
	if (at >= 0)
		memcpy((char *)p->rodata + at, &set, size < sizeof(set) ? size : sizeof(set));
}

/* What the daemon tells the programs: bpf.h. */
static void fill_rodata(struct ti_probe *p)
{
	struct stat st = { 0 };
	uint64_t seed;

	for (size_t i = 0; i < p->schema->n_types; i++) {
		uint64_t number = p->schema->types[i].number;

		memcpy((char *)p->rodata + p->schema->type_vars[i], &number, sizeof(number));
	}
	for (size_t i = 0; i < p->schema->n_internals; i++) {
		uint64_t number = p->schema->n_types + i;

		memcpy((char *)p->rodata + p->schema->internals[i].offset, &number, sizeof(number));
	}
	for (size_t i = 0; i < p->schema->n_params; i++) {
		int n = ti_kernel_params(p->schema->params[i].function);
		uint32_t params = n < 0 ? 0 : n;

		memcpy((char *)p->rodata + p->schema->params[i].offset, &params, sizeof(params));
	}
	stat("/proc/self/ns/net", &st);
	fill(p, "ti_netns", st.st_ino);
	fill(p, "ti_cpus", ti_probe_cpus(p));
	fill(p, "ti_offline", p->offline);
	fill_filter(p);
	p->seed = OFFLINE_SEED;
	if (!p->offline && !p->emulated && getrandom(&seed, sizeof(seed), 0) == sizeof(seed))
		p->seed = seed;
	fill(p, "ti_seed", p->seed);
}

/* What the verifier has said of a program of `obj`, while that is still open. */
static void read_verdict(struct ti_probe *p, const struct bpf_object *obj, const char *log)
{
	ti_cleanup(ti_source_freep) struct ti_source *source = NULL;
	struct bpf_program *prog = bpf_object__find_program_by_name(obj, said.prog);
	struct ti_program *g = program_by_name(p, said.prog);
	struct ti_verdict v;

	if (!log[0] || !prog || !g)
		return;
	debug_lines(log);
	ti_source_new(&source, p->bytes, p->size, obj, prog); /* without it goes, too */
	ti_verdict_read(&v, log, source);
	if (v.reason[0])
		snprintf(said.line, sizeof(said.line), "%s", v.reason);
	free(g->detail);
	g->detail = v.detail[0] ? strdup(v.detail) : NULL;
}

static int load_once(struct ti_probe *p, uint64_t ring_size)
{
	ti_cleanup(ti_freep) char *log = malloc(VERIFIER_LOG); /* untouched unless needed */
	struct bpf_object *obj = log ? open_object(p) : NULL;
	struct bpf_program *prog;
	int r;

	if (!obj)
		return -errno;
	log[0] = '\0';
	bpf_object__for_each_program(prog, obj) {
		struct ti_program *g = program_by_name(p, bpf_program__name(prog));

		bpf_program__set_autoload(prog, g && g->usable);
		bpf_program__set_log_buf(prog, log, VERIFIER_LOG);
	}
	r = prepare_maps(p, obj, ring_size);
	if (r >= 0)
		r = bpf_object__load(obj);
	if (r < 0) {
		read_verdict(p, obj, log);
		bpf_object__close(obj);
		return r;
	}
	p->obj = obj;
	for (size_t i = 0; i < p->n_programs; i++)
		if (p->programs[i].usable)
			p->programs[i].prog = bpf_object__find_program_by_name(obj, p->programs[i].says->prog);
	return 0;
}

static int loaded(struct ti_probe *p)
{
	int r = ti_filter_fill(&p->filter, p->obj);

	if (r >= 0)
		return 0;
	ti_probe_unload(p);
	return ti_err(r, "%s: cannot tell the kernel its src, dst, ports and the like: %s", p->plugin,
		      strerror(-r));
}

static void refused(struct ti_probe *p, const struct ti_program *g, int r)
{
	char why[sizeof(p->programs->why)];

	snprintf(why, sizeof(why), "%.*s", (int)sizeof(why) - 1, said.line);
	if (r == -EPERM)
		snprintf(why, sizeof(why), "this kernel refuses %s to root, too (EPERM): it is locked down, or built without",
			 g->hook->name);
	ti_debug("%s: %s", p->plugin, why);
	ti_probe_leave_out(p, g, why);
}

/* For the author: what stands behind ti_program.why. */
static void say_detail(const struct ti_program *g)
{
	for (const char *at = g->detail; at && *at; at += strcspn(at, "\n") + 1)
		ti_err(0, "  %.*s", (int)strcspn(at, "\n"), at);
}

/* Nothing of a group that is needed can be had. */
static void say_bare(const struct ti_probe *p, const char *group)
{
	bool more = false;

	for (size_t i = 0; i < p->n_programs; i++) {
		const struct ti_program *g = &p->programs[i];

		if (strcmp(g->says->group, group))
			continue;
		ti_err(0, "%s: %s at %s: %s%s%s", p->plugin, group, g->hook->name, g->detail ? g->says->prog : "",
		       g->detail ? "(): " : "", g->why);
		say_detail(g);
		more |= g->detail != NULL;
	}
	if (more && ti_log_level_now() < TI_LOG_DEBUG)
		ti_err(0, "  (-v shows all that the verifier said)");
}

static int object_refused(const struct ti_probe *p, int r)
{
	const char *todo = ti_verdict_object(said.line);

	return ti_err(r, "%s: the kernel refuses its BPF object: %s%s%s%s%s", p->plugin,
		      said.line[0] ? said.line : strerror(-r),
		      r == -EPERM ? "; lockdown=integrity or locked memory (ulimit -l) may be why" : "",
		      todo ? "; " : "", todo ? todo : "", ti_log_level_now() < TI_LOG_DEBUG ? " (-v shows all)" : "");
}

int ti_probe_load(struct ti_probe *p, uint64_t ring_size)
{
	struct rlimit unlimited = { RLIM_INFINITY, RLIM_INFINITY };
	const char *group;
	int r;

	setrlimit(RLIMIT_MEMLOCK, &unlimited); /* needed before 5.11; refused elsewhere, no matter */
	fill_rodata(p);
	group = bare_group(p);
	while (!group && !p->obj) {
		struct ti_program *failed;

		memset(&said, 0, sizeof(said));
		r = load_once(p, ring_size);
		if (r == 0) {
			r = loaded(p);
			if (r < 0)
				return r;
			group = bare_group(p);
			continue;
		}
		failed = program_by_name(p, said.prog);
		if (r == -EPERM && geteuid() != 0)
			return ti_err(r, "%s: not permitted to load BPF programs: run as root, or with CAP_BPF, CAP_PERFMON and CAP_NET_ADMIN",
				      p->plugin);
		if (!failed || !failed->usable)
			return object_refused(p, r);
		refused(p, failed, r);
	}
	if (!group)
		return 0;
	ti_probe_unload(p);
	say_bare(p, group);
	return -EOPNOTSUPP;
}

int ti_probe_emulate(struct ti_probe *p)
{
	int r;

	p->obj = open_object(p);
	if (!p->obj)
		return ti_err(-errno, "%s: its BPF object can't be read: %s", p->plugin, strerror(errno));
	p->emulated = true;
	fill_rodata(p);
	r = prepare_maps(p, p->obj, 0);
	if (r < 0)
		return ti_err(r, "%s: its maps can't be emulated: %s", p->plugin, strerror(-r));
	return 0;
}

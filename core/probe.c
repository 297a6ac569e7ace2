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

#define OFFLINE_SEED  0x7469 /* any that is always the same */
#define EMULATED_CPUS 2	     /* more than one, for there are sums to be made */

/* What libbpf said last: which program failed, and the line that says why. */
static struct {
	char prog[128];
	char line[1024];
	char verifier[65536];
} said;

static int libbpf_print(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	static char text[65536];
	size_t n;

	if (level == LIBBPF_DEBUG && ti_log_level_now() < TI_LOG_DEBUG)
		return 0;
	vsnprintf(text, sizeof(text), fmt, ap);
	n = strlen(text);
	if (n && text[n - 1] == '\n')
		text[n - 1] = 0;
	if (level == LIBBPF_WARN) {
		sscanf(text, "libbpf: prog '%127[^']'", said.prog);
		if (strstr(text, "BEGIN PROG LOAD LOG"))
			snprintf(said.verifier, sizeof(said.verifier), "%s", text);
		else if (!strstr(text, "failed to load object") && !strstr(text, "failed to load '"))
			snprintf(said.line, sizeof(said.line), "%.1023s", text + (strncmp(text, "libbpf: ", 8) ? 0 : 8));
	}
	ti_debug("%s", text);
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
	said.line[0] = 0;
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

static int load_once(struct ti_probe *p, uint64_t ring_size)
{
	struct bpf_object *obj = open_object(p);
	struct bpf_program *prog;
	int r;

	if (!obj)
		return -errno;
	bpf_object__for_each_program(prog, obj) {
		struct ti_program *g = program_by_name(p, bpf_program__name(prog));

		bpf_program__set_autoload(prog, g && g->usable);
	}
	r = prepare_maps(p, obj, ring_size);
	if (r >= 0)
		r = bpf_object__load(obj);
	if (r < 0) {
		bpf_object__close(obj);
		return r;
	}
	p->obj = obj;
	for (size_t i = 0; i < p->n_programs; i++)
		if (p->programs[i].usable)
			p->programs[i].prog = bpf_object__find_program_by_name(obj, p->programs[i].says->prog);
	return 0;
}

/* Why the verifier said no, and the source line it was at, out of its log: the
 * line before the sums, and the last that begins with ';'. */
static void verifier_words(char *out, size_t size)
{
	char *end = strstr(said.verifier, "\nprocessed "), *reason, *source = NULL, *at;

	snprintf(out, size, "%s", said.line);
	if (!end)
		return;
	*end = 0;
	reason = strrchr(said.verifier, '\n');
	for (at = said.verifier; (at = strstr(at, "\n; ")); at++)
		source = at + 3;
	if (source)
		source[strcspn(source, "\n")] = 0;
	snprintf(out, size, "%.200s%s%.200s%s", reason ? reason + 1 : said.verifier, source ? " (at: " : "",
		 source ? source : "", source ? ")" : "");
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

	verifier_words(why, sizeof(why));
	if (r == -EPERM)
		snprintf(why, sizeof(why), "this kernel refuses %s to root, too (EPERM): it is locked down, or built without",
			 g->hook->name);
	ti_debug("%s: %s", p->plugin, why);
	ti_probe_leave_out(p, g, why);
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
			return ti_err(r, "%s: the kernel refuses its BPF object: %s%s%s", p->plugin,
				      said.line[0] ? said.line : strerror(-r),
				      r == -EPERM ? "; lockdown=integrity or locked memory (ulimit -l) may be why" : "",
				      ti_log_level_now() < TI_LOG_DEBUG ? " (-v shows all)" : "");
		refused(p, failed, r);
	}
	if (!group)
		return 0;
	ti_probe_unload(p);
	for (size_t i = 0; i < p->n_programs; i++)
		if (!strcmp(p->programs[i].says->group, group))
			ti_err(0, "%s: %s at %s: %s", p->plugin, group, p->programs[i].hook->name,
			       p->programs[i].why);
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

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * filter.c - the in-kernel options that all plugins have in common: one table of
 * them, who is offered which, and the maps they become. A probe owns its
 * ti_filter, so that whoever loads the probe loads it filtered.
 */
#include "filter.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "ini.h"
#include "log.h"
#include "option.h"
#include "probe.h"

enum { SRC, DST, PORTS, ALLOW, CGROUP, NETNS, PID };

#define ROW(i, key_, help_)                                   \
	[i] = {.key = key_,                                   \
	       .type = TI_OPT_LIST,                           \
	       .offset = offsetof(struct ti_filter, list[i]), \
	       .help = help_}
const struct ti_option ti_filter_options[TI_FILTERS] = {
	ROW(SRC, "src",
	    "only what is sent, or opened, by these addresses or prefixes; 0.0.0.0/0 is all IPv4, "
	    "::/0 all IPv6"),
	ROW(DST, "dst", "only what is sent, or opened, to these addresses or prefixes"),
	ROW(PORTS, "ports",
	    "only what has one of these as either port: numbers, ranges like 8000-8100, or all"),
	ROW(ALLOW, "allow",
	    "never what is sent, or opened, by these addresses or prefixes: own scanners, health "
	    "checks"),
	ROW(CGROUP, "cgroup",
	    "only sockets in or below these cgroups: paths like /system.slice/nginx.service, or "
	    "ids"),
	ROW(NETNS, "netns",
	    "only sockets in these network namespaces: names of ip netns, /proc/PID/ns/net, inode "
	    "numbers, self"),
	ROW(PID, "pid",
	    "only sockets known to be of these processes, by their numbers on the host"),
};
#undef ROW

/* What else there is to each row. */
static const struct {
	unsigned needs; /* enum ti_knows */
	size_t max; /* items */
	ti_filter_reader read;
	const char *map;
} rows[TI_FILTERS] = {
	[SRC] = {TI_KNOW_FLOW, TI_FILTER_PREFIXES, ti_filter_prefix, "ti_filter_src"},
	[DST] = {TI_KNOW_FLOW, TI_FILTER_PREFIXES, ti_filter_prefix, "ti_filter_dst"},
	[PORTS] = {TI_KNOW_FLOW, 65535, ti_filter_port, "ti_filter_lists"},
	[ALLOW] = {TI_KNOW_FLOW, TI_FILTER_PREFIXES, ti_filter_prefix, "ti_filter_allow"},
	[CGROUP] = {TI_KNOW_SOCK, TI_FILTER_CGROUPS, ti_filter_cgroup, "ti_filter_lists"},
	[NETNS] = {TI_KNOW_SOCK, TI_FILTER_NETNSES, ti_filter_netns, "ti_filter_lists"},
	[PID] = {TI_KNOW_PID, TI_FILTER_PIDS, ti_filter_pid, "ti_filter_lists"},
};

static const char *words_of(unsigned knows)
{
	return knows == TI_KNOW_FLOW   ? "the addresses and ports"
	       : knows == TI_KNOW_SOCK ? "the socket"
				       : "the process";
}

/* --- who is offered what ------------------------------------------------- */

static bool has_own(const struct ti_schema *s, const struct ti_option *own, size_t n_own,
		    const char *key)
{
	for (size_t i = 0; i < n_own; i++)
		if (!strcmp(own[i].key, key))
			return true;
	for (size_t i = 0; i < s->n_options; i++)
		if (!strcmp(s->options[i].row.key, key))
			return true;
	return false;
}

static bool any_knows(const struct ti_schema *s, unsigned needs)
{
	for (size_t i = 0; i < s->n_hooks; i++)
		if (s->hooks[i].knows & needs)
			return true;
	return false;
}

size_t ti_filter_offered(const struct ti_schema *s, const struct ti_option *own, size_t n_own,
			 struct ti_option out[TI_FILTERS])
{
	size_t n = 0;

	for (size_t i = 0; i < TI_FILTERS; i++)
		if (any_knows(s, rows[i].needs) &&
		    !has_own(s, own, n_own, ti_filter_options[i].key))
			out[n++] = ti_filter_options[i];
	return n;
}

/* What the alternatives of a program's group know, all together. */
static unsigned group_knows(const struct ti_probe *p, const char *group)
{
	unsigned knows = 0;

	for (size_t i = 0; i < p->n_programs; i++)
		if (!strcmp(p->programs[i].says->group, group))
			knows |= p->programs[i].says->knows;
	return knows;
}

/* The first option set that a program can't honour though its group can;
 * TI_FILTERS: none. */
static size_t lacks(const struct ti_probe *p, const struct ti_program *g)
{
	unsigned missing = group_knows(p, g->says->group) & ~g->says->knows;
	size_t i = 0;

	while (i < TI_FILTERS && !(p->filter.list[i] && (rows[i].needs & missing)))
		i++;
	return i;
}

bool ti_filter_excludes(const struct ti_probe *p, const struct ti_program *g, char *why,
			size_t size)
{
	size_t i = lacks(p, g);

	if (i == TI_FILTERS)
		return false;
	snprintf(why, size, "doesn't know %s, which '%s' needs", words_of(rows[i].needs),
		 ti_filter_options[i].key);
	return true;
}

/* --- the ini ------------------------------------------------------------- */

static struct ti_ini_key *key_of(struct ti_ini_section *s, const char *name)
{
	for (size_t i = 0; s && i < s->n_keys; i++)
		if (!strcmp(s->keys[i].key, name))
			return &s->keys[i];
	return NULL;
}

/* Options that make no sense for this plugin. */
static void refuse_unknown(const struct ti_probe *p, const struct ti_option *own, size_t n_own,
			   struct ti_ini *ini, struct ti_ini_section *s)
{
	for (size_t i = 0; i < TI_FILTERS; i++) {
		const char *name = ti_filter_options[i].key;
		struct ti_ini_key *k = key_of(s, name);

		if (!k || any_knows(p->schema, rows[i].needs) ||
		    has_own(p->schema, own, n_own, name))
			continue;
		k->used = true;
		ti_ini_error(
			ini, s, k,
			"%s: %s can't tell %s of what it sees, at none of its hooks; '%s' is for "
			"plugins that can (tcpinspect list -v)",
			name, p->plugin, words_of(rows[i].needs), name);
	}
}

struct check {
	struct ti_probe *p;
	struct ti_ini *ini;
	struct ti_ini_section *s;
	size_t option, n;
};

static void check_item(void *arg, const char *item)
{
	struct check *c = arg;
	const char *name = ti_filter_options[c->option].key;
	struct ti_filter_item out;
	char why[512];
	int r = rows[c->option].read(item, &out, why, sizeof(why));

	c->n++;
	if (r == -ENOENT)
		ti_warn("%s: %s: %s", c->p->plugin, name, why);
	else if (r < 0)
		ti_ini_error(c->ini, c->s, key_of(c->s, name), "%s: %s", name, why);
}

static void check_values(struct check *c)
{
	for (c->option = 0; c->option < TI_FILTERS; c->option++) {
		const char *name = ti_filter_options[c->option].key;

		if (c->p->filter.list[c->option] && !*c->p->filter.list[c->option])
			ti_ini_error(c->ini, c->s, key_of(c->s, name),
				     "%s: an empty list would leave nothing: leave out the key",
				     name);
		c->n = 0;
		ti_list_each(c->p->filter.list[c->option], check_item, c);
		if (c->n > rows[c->option].max)
			ti_ini_error(c->ini, c->s, key_of(c->s, name),
				     "%s: %zu items are more than the %zu "
				     "there is room for",
				     name, c->n, rows[c->option].max);
	}
}

/* Is one of a group's alternatives left, at a hook (NULL: at any)? */
static bool left(const struct ti_probe *p, const char *group, const char *hook)
{
	for (size_t i = 0; i < p->n_programs; i++) {
		const struct ti_program *g = &p->programs[i];

		if (!strcmp(g->says->group, group) && (!hook || !strcmp(g->hook->name, hook)) &&
		    lacks(p, g) == TI_FILTERS)
			return true;
	}
	return false;
}

/* A hook that the operator names must know what the options need, and a group must
 * have one that knows it all. */
static void check_hooks(struct check *c, const char *prefer)
{
	for (size_t i = 0; i < c->p->n_programs; i++) {
		const struct ti_program *g = &c->p->programs[i];
		size_t option = lacks(c->p, g);
		const char *name = option < TI_FILTERS ? ti_filter_options[option].key : "";
		bool any = left(c->p, g->says->group, NULL) || g->says->optional;
		bool named = !strcmp(g->hook->name, prefer) && !left(c->p, g->says->group, prefer);

		if (option == TI_FILTERS || (any && !named))
			continue;
		ti_ini_error(
			c->ini, c->s, key_of(c->s, name), "%s: %s doesn't know %s%s", name,
			g->hook->name, words_of(rows[option].needs),
			any ? "; say hook = auto, or leave this out"
			    : ", and no other hook knows all that the options need; leave one out");
		return;
	}
}

void ti_filter_read(struct ti_probe *p, const struct ti_option *own, size_t n_own,
		    struct ti_ini *ini, struct ti_ini_section *s, const char *prefer)
{
	struct check c = {.p = p, .ini = ini, .s = s};
	struct ti_option offered[TI_FILTERS];
	size_t n = ti_filter_offered(p->schema, own, n_own, offered);

	refuse_unknown(p, own, n_own, ini, s);
	ti_ini_apply(ini, s, offered, n, &p->filter);
	check_values(&c);
	check_hooks(&c, prefer);
	/* A uprobe of one process isn't put into others. */
	if (p->filter.list[PID] && !strchr(p->filter.list[PID], ','))
		p->pid = atoi(p->filter.list[PID]);
}

/* --- the kernel's side --------------------------------------------------- */

static unsigned options_of(const struct ti_filter *f)
{
	unsigned set = 0;

	for (size_t i = 0; i < TI_FILTERS; i++)
		set |= f->list[i] ? 1u << i : 0;
	return set;
}

static uint32_t items(const char *list)
{
	uint32_t n = list && *list;

	for (; list && *list; list++)
		n += *list == ',';
	return n;
}

void ti_filter_set(const struct ti_filter *f, struct ti_filter_set *out)
{
	*out = (struct ti_filter_set){.options = options_of(f),
				      .n_cgroup = items(f->list[CGROUP]),
				      .n_netns = items(f->list[NETNS]),
				      .n_pid = items(f->list[PID])};
}

/* Is one of the options set that a map is for? */
static bool map_needed(const struct ti_filter *f, const char *map)
{
	for (size_t i = 0; i < TI_FILTERS; i++)
		if (f->list[i] && !strcmp(rows[i].map, map))
			return true;
	return false;
}

int ti_filter_maps(const struct ti_filter *f, struct bpf_object *obj)
{
	int r = 0;

	for (size_t i = 0; r >= 0 && i < TI_FILTERS; i++) {
		struct bpf_map *map = bpf_object__find_map_by_name(obj, rows[i].map);

		if (map)
			r = bpf_map__set_autocreate(map, map_needed(f, rows[i].map));
	}
	return r;
}

struct trie {
	int fd, r;
};

static void add_prefix(void *arg, const char *item)
{
	struct ti_filter_item p;
	struct trie *t = arg;
	uint32_t in = 1;
	char why[512];

	if (ti_filter_prefix(item, &p, why, sizeof(why)) == 0 &&
	    bpf_map_update_elem(t->fd, &p.key, &in, BPF_ANY) < 0)
		t->r = -errno;
}

/* IPv4 is cut out first, so that ::/0 and other short IPv6 prefixes don't have it. */
static int fill_trie(const struct bpf_object *obj, const char *map, const char *list)
{
	struct ti_filter_key v4 = {.len = 96, .addr = {0, 0, htonl(0xffff), 0}};
	struct trie t = {.fd = bpf_object__find_map_fd_by_name(obj, map)};
	uint32_t out = 0;

	if (t.fd < 0)
		return -ENOENT;
	if (bpf_map_update_elem(t.fd, &v4, &out, BPF_ANY) < 0)
		return -errno;
	ti_list_each(list, add_prefix, &t);
	return t.r;
}

struct filling {
	ti_filter_reader read;
	uint64_t *to;
};

static void add_ports(void *arg, const char *item)
{
	struct ti_filter_lists *l = arg;
	struct ti_filter_item p;
	char why[512];

	if (ti_filter_port(item, &p, why, sizeof(why)) == 0)
		for (uint64_t port = p.first; port <= p.last; port++)
			l->ports[port / 64] |= 1ull << port % 64;
}

static void add_id(void *arg, const char *item)
{
	struct ti_filter_item id = {0};
	struct filling *f = arg;
	char why[512];

	*f->to++ = f->read(item, &id, why, sizeof(why)) == 0 ? id.first : 0;
}

static void read_lists(const struct ti_filter *f, struct ti_filter_lists *l)
{
	struct {
		size_t option;
		uint64_t *to;
	} ids[] = {{CGROUP, (uint64_t *)l->cgroup},
		   {NETNS, (uint64_t *)l->netns},
		   {PID, (uint64_t *)l->pid}};

	ti_list_each(f->list[PORTS], add_ports, l);
	for (size_t i = 0; i < TI_ARRAY_SIZE(ids); i++) {
		struct filling to = {rows[ids[i].option].read, ids[i].to};

		ti_list_each(f->list[ids[i].option], add_id, &to);
	}
}

int ti_filter_refresh(struct ti_filter *f, const struct bpf_object *obj)
{
	ti_cleanup(ti_freep) struct ti_filter_lists *now = NULL;
	uint32_t zero = 0;
	int fd;

	if (!f->list[CGROUP] && !f->list[NETNS] && f->lists)
		return 0;
	now = calloc(1, sizeof(*now));
	if (!now)
		return -ENOMEM;
	read_lists(f, now);
	if (f->lists && !memcmp(now, f->lists, sizeof(*now)))
		return 0;
	fd = bpf_object__find_map_fd_by_name(obj, "ti_filter_lists");
	if (fd < 0)
		return -ENOENT;
	if (bpf_map_update_elem(fd, &zero, now, BPF_ANY) < 0)
		return -errno;
	free(f->lists);
	f->lists = TI_TAKE(now);
	return 0;
}

int ti_filter_fill(struct ti_filter *f, const struct bpf_object *obj)
{
	static const size_t tries[] = {SRC, DST, ALLOW};
	int r = 0;

	for (size_t i = 0; r >= 0 && i < TI_ARRAY_SIZE(tries); i++)
		if (f->list[tries[i]])
			r = fill_trie(obj, rows[tries[i]].map, f->list[tries[i]]);
	if (r >= 0 && map_needed(f, "ti_filter_lists")) {
		free(f->lists);
		f->lists = NULL;
		r = ti_filter_refresh(f, obj);
	}
	return r;
}

void ti_filter_free(struct ti_filter *f)
{
	ti_option_free(ti_filter_options, TI_FILTERS, f);
	free(f->lists);
	*f = (struct ti_filter){0};
}

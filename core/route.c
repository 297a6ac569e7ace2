/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * route.c - which event goes to which sink, and the accounts.
 *
 * Routes are resolved once to a mask of sinks for each event type, so an event
 * that nobody wants is not formatted. The router owns the accounts and the plans;
 * names of plugins and events are copied, so a plugin may fail and be freed later.
 */
#include "route.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "format.h"
#include "ini.h"
#include "log.h"
#include "nearest.h"
#include "option.h"
#include "sink.h"

#define SINKS_MOST 64 /* bits of a mask */

struct type {
	char *name; /* first: ti_nearest walks over it */
	uint32_t size;
	uint64_t wanted; /* bit i: by sinks[i] */
	struct ti_plan *plans[2]; /* by enum ti_format; NULL: no sink uses it */
};

struct plugin {
	char *name;
	struct type *types;
	size_t n_types;
	struct ti_account *accounts; /* one a sink */
	struct ti_log_limit bad;
};

struct ti_router {
	struct ti_sink_run **sinks;
	size_t n_sinks;
	const struct ti_format_env *env;
	struct plugin **plugins;
	size_t n_plugins;
};

struct route {
	char *events, *sinks;
};

const struct ti_option ti_route_options[] = {
	{
		.key = "events",
		.type = TI_OPT_LIST,
		.offset = offsetof(struct route, events),
		.def = "*",
		.min = 1,
		.max = 65535,
		.help = "plugins (synflood) or single events (synflood.flood_start); *: all",
	},
	{
		.key = "sinks",
		.type = TI_OPT_LIST,
		.offset = offsetof(struct route, sinks),
		.def = "*",
		.min = 1,
		.max = 65535,
		.help = "names of the sinks that get them; *: all",
	},
};
const size_t ti_route_n_options = TI_ARRAY_SIZE(ti_route_options);

/* Life */

static uint64_t all_sinks(const struct ti_router *r)
{
	return r->n_sinks == SINKS_MOST ? UINT64_MAX : (1ull << r->n_sinks) - 1;
}

int ti_router_new(struct ti_router **out, struct ti_sink_run **sinks, size_t n,
		  const struct ti_format_env *env)
{
	struct ti_router *r;

	if (n > SINKS_MOST)
		return ti_err(-E2BIG, "%zu sinks: at most %d are possible", n, SINKS_MOST);
	r = calloc(1, sizeof(*r));
	if (!r)
		return -ENOMEM;
	r->sinks = sinks;
	r->n_sinks = n;
	r->env = env;
	*out = r;
	return 0;
}

static void free_plugin(struct plugin *p)
{
	for (size_t i = 0; i < p->n_types; i++) {
		ti_plan_free(p->types[i].plans[TI_FORMAT_JSON]);
		ti_plan_free(p->types[i].plans[TI_FORMAT_TEXT]);
		free(p->types[i].name);
	}
	free(p->types);
	free(p->accounts);
	free(p->name);
	free(p);
}

static void free_pluginp(struct plugin **p)
{
	if (*p)
		free_plugin(*p);
}

void ti_router_free(struct ti_router *r)
{
	if (!r)
		return;
	/* What still waited would refer to the accounts. */
	ti_router_drain(r);
	for (size_t i = 0; i < r->n_plugins; i++)
		free_plugin(r->plugins[i]);
	free(r->plugins);
	free(r);
}

static int add_type(struct ti_router *r, struct type *t, const struct ti_event_type *type)
{
	t->name = strdup(type->name);
	if (!t->name)
		return -ENOMEM;
	t->size = type->size;
	t->wanted = all_sinks(r);
	for (size_t i = 0; i < r->n_sinks; i++) {
		enum ti_format format = ti_sink_format(r->sinks[i]);

		if (!t->plans[format])
			t->plans[format] = ti_plan_new(type, format, r->env);
		if (!t->plans[format])
			return -ENOMEM;
	}
	return 0;
}

int ti_router_add_plugin(struct ti_router *r, const char *plugin, const struct ti_event_type *types,
			 size_t n, size_t *index)
{
	ti_cleanup(free_pluginp) struct plugin *p = calloc(1, sizeof(*p));
	struct plugin **grown = realloc(r->plugins, (r->n_plugins + 1) * sizeof(*grown));

	if (grown)
		r->plugins = grown;
	if (!p || !grown)
		return -ENOMEM;
	p->name = strdup(plugin);
	p->types = calloc(n + 1, sizeof(*p->types));
	p->accounts = calloc(r->n_sinks + 1, sizeof(*p->accounts));
	if (!p->name || !p->types || !p->accounts)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		p->n_types = i + 1;
		if (add_type(r, &p->types[i], &types[i]) < 0)
			return -ENOMEM;
	}
	*index = r->n_plugins;
	r->plugins[r->n_plugins++] = TI_TAKE(p);
	return 0;
}

/* Routes */

/* One [route NAME] while it is read. */
struct reading {
	struct ti_router *router;
	struct ti_ini *ini;
	struct ti_ini_section *section;
	const char *const *known;
	size_t n_known;
	uint64_t sinks;
};

static void mistake(struct reading *w, const char *key, const char *what, const char *item,
		    const char *near)
{
	const struct ti_ini_key *k = NULL;

	for (size_t i = 0; i < w->section->n_keys; i++) {
		if (strcmp(w->section->keys[i].key, key) == 0)
			k = &w->section->keys[i];
	}
	ti_ini_error(w->ini, w->section, k, "%s: there is no %s '%s'%s%s%s", key, what, item,
		     near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
}

static void read_sink(void *arg, const char *item)
{
	struct reading *w = arg;
	struct ti_router *r = w->router;
	const char *names[SINKS_MOST];

	if (strcmp(item, "*") == 0) {
		w->sinks = all_sinks(r);
		return;
	}
	for (size_t i = 0; i < r->n_sinks; i++) {
		names[i] = ti_sink_name(r->sinks[i]);
		if (strcmp(names[i], item) == 0) {
			w->sinks |= 1ull << i;
			return;
		}
	}
	mistake(w, "sinks", "sink", item, ti_nearest(item, names, r->n_sinks, sizeof(names[0])));
}

static void want(struct reading *w, struct plugin *p, const char *event, const char *item)
{
	bool any = strcmp(event, "*") == 0, found = any;
	char whole[160];
	const char *near;

	for (size_t i = 0; i < p->n_types; i++) {
		if (!any && strcmp(p->types[i].name, event) != 0)
			continue;
		p->types[i].wanted |= w->sinks;
		found = true;
	}
	if (found)
		return;
	near = ti_nearest(event, p->types, p->n_types, sizeof(p->types[0]));
	if (near)
		snprintf(whole, sizeof(whole), "%s.%s", p->name, near);
	mistake(w, "events", "event", item, near ? whole : NULL);
}

static void unknown_plugin(struct reading *w, const char *name)
{
	size_t n = 0;
	ti_cleanup(ti_freep) const char **names =
		calloc(w->n_known + w->router->n_plugins + 1, sizeof(*names));

	for (size_t i = 0; i < w->n_known; i++) {
		if (strcmp(w->known[i], name) == 0)
			return; /* installed, not running here */
		if (names)
			names[n++] = w->known[i];
	}
	for (size_t i = 0; names && i < w->router->n_plugins; i++)
		names[n++] = w->router->plugins[i]->name;
	mistake(w, "events", "plugin", name, ti_nearest(name, names, n, sizeof(*names)));
}

static void read_event(void *arg, const char *item)
{
	struct reading *w = arg;
	const char *dot = strchrnul(item, '.');
	ti_cleanup(ti_freep) char *name = strndup(item, (size_t)(dot - item));
	bool any = strcmp(item, "*") == 0, found = any;

	for (size_t i = 0; name && i < w->router->n_plugins; i++) {
		struct plugin *p = w->router->plugins[i];

		if (!any && strcmp(p->name, name) != 0)
			continue;
		want(w, p, *dot ? dot + 1 : "*", item);
		found = true;
	}
	if (!found && name)
		unknown_plugin(w, name);
}

static void read_route(struct reading *w)
{
	const struct ti_option *tables[] = {ti_route_options};
	size_t n[] = {ti_route_n_options};
	struct route route = {NULL, NULL};
	char why[128];

	if (ti_option_defaults(ti_route_options, ti_route_n_options, &route, why, sizeof(why)) < 0)
		ti_err(-EINVAL, "%s", why);
	ti_ini_apply(w->ini, w->section, ti_route_options, ti_route_n_options, &route);
	ti_ini_unused(w->ini, w->section, tables, n, 1);
	w->sinks = 0;
	ti_list_each(route.sinks, read_sink, w);
	ti_list_each(route.events, read_event, w);
	ti_option_free(ti_route_options, ti_route_n_options, &route);
}

static void set_all(struct ti_router *r, uint64_t mask, bool add)
{
	for (size_t i = 0; i < r->n_plugins; i++) {
		struct plugin *p = r->plugins[i];

		for (size_t t = 0; t < p->n_types; t++)
			p->types[t].wanted = mask | (add ? p->types[t].wanted : 0);
	}
}

void ti_router_routes(struct ti_router *r, struct ti_ini *ini, const char *const *known,
		      size_t n_known, const char *all_to)
{
	struct reading w = {.router = r, .ini = ini, .known = known, .n_known = n_known};
	bool any = false;

	set_all(r, 0, false);
	for (size_t i = 0; i < ini->n_sections; i++) {
		if (strcmp(ini->sections[i].kind, "route") != 0)
			continue;
		any = true;
		w.section = &ini->sections[i];
		read_route(&w);
	}
	if (!any)
		set_all(r, all_sinks(r), false);
	for (size_t i = 0; all_to && i < r->n_sinks; i++) {
		if (strcmp(ti_sink_name(r->sinks[i]), all_to) == 0)
			set_all(r, 1ull << i, true);
	}
}

/* Events */

static void to_sink(struct ti_sink_run *s, struct type *t, struct ti_account *a,
		    const struct ti_record *rec, const void *data)
{
	struct ti_plan *plan = t->plans[ti_sink_format(s)];
	char *line = ti_sink_reserve(s, ti_plan_max(plan));

	if (!line) {
		a->lost_queue++;
		return;
	}
	ti_sink_commit(s, ti_plan_format(plan, rec, data, line, ti_sink_colour(s)), a);
}

void ti_router_event(struct ti_router *r, size_t plugin, const struct ti_record *rec,
		     const void *data)
{
	struct plugin *p = r->plugins[plugin];
	struct type *t = rec->event < p->n_types ? &p->types[rec->event] : NULL;

	if (!t || rec->len < t->size) {
		ti_log_limited(
			&p->bad, TI_LOG_ERROR,
			"plugin %s: a record of event %u with %u bytes is none of its events",
			p->name, rec->event, rec->len);
		ti_router_swallowed(r, plugin);
		return;
	}
	for (size_t i = 0; i < r->n_sinks; i++) {
		struct ti_account *a = &p->accounts[i];

		a->emitted++;
		if (t->wanted >> i & 1)
			to_sink(r->sinks[i], t, a, rec, data);
		else
			a->filtered++;
	}
}

void ti_router_swallowed(struct ti_router *r, size_t plugin)
{
	for (size_t i = 0; i < r->n_sinks; i++) {
		r->plugins[plugin]->accounts[i].emitted++;
		r->plugins[plugin]->accounts[i].filtered++;
	}
}

void ti_router_lost(struct ti_router *r, size_t plugin, uint64_t n)
{
	for (size_t i = 0; i < r->n_sinks; i++) {
		r->plugins[plugin]->accounts[i].emitted += n;
		r->plugins[plugin]->accounts[i].lost_ring += n;
	}
}

void ti_router_flush(struct ti_router *r)
{
	for (size_t i = 0; i < r->n_sinks; i++)
		ti_sink_flush(r->sinks[i]);
}

void ti_router_drain(struct ti_router *r)
{
	for (size_t i = 0; i < r->n_sinks; i++)
		ti_sink_drain(r->sinks[i]);
}

const struct ti_account *ti_router_account(const struct ti_router *r, size_t plugin, size_t sink)
{
	return &r->plugins[plugin]->accounts[sink];
}

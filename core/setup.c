/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * setup.c - from words to things: modules in folders, plugins and sinks that
 * the configuration enables, the routes between them.
 */
#include "setup.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "log.h"
#include "nearest.h"
#include "option.h"

static const char *const levels[] = { "error", "warning", "info", "debug", NULL };

#define OPT(field, ...) { .offset = offsetof(struct ti_core_options, field), __VA_ARGS__ }
const struct ti_option ti_core_options[] = {
	OPT(interfaces, .key = "interfaces", .type = TI_OPT_LIST, .def = "*", .min = 1, .max = 65535,
	    .help = "interfaces to attach to: names or shell patterns, also of ones that come later; !PATTERN leaves out"),
	OPT(host, .key = "host", .type = TI_OPT_STRING, .max = 255,
	    .help = "name of this host in events; default: its host name"),
	OPT(log_level, .key = "log_level", .type = TI_OPT_ENUM, .def = "info", .choices = levels,
	    .help = "least serious messages that go to standard error"),
};
#undef OPT
const size_t ti_core_n_options = TI_ARRAY_SIZE(ti_core_options);

/* A file or folder that was named and can't be used: said already. */
static int mistake(int r)
{
	return r == -ENOMEM ? r : -EINVAL;
}

/* --- modules ------------------------------------------------------------- */

static struct ti_module *module_by_name(struct ti_module *m, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(m[i].prefix.name, name))
			return &m[i];
	return NULL;
}

/* The files named with -P or -S; one takes the place of an installed module of
 * its name. */
static int named_modules(struct ti_module **all, size_t *n, const struct ti_words *files,
			 enum ti_module_kind kind)
{
	for (size_t i = 0; i < files->n; i++) {
		struct ti_module m, *same, *grown;
		int r = ti_module_read(&m, files->word[i], kind, true);

		if (r < 0)
			return mistake(r);
		m.named = i + 1;
		same = module_by_name(*all, *n, m.prefix.name);
		if (same && same->named)
			return ti_err(-EINVAL, "%s and %s both call themselves '%s'; name one of them",
				      same->path, m.path, m.prefix.name);
		if (same) {
			ti_info("%s is used instead of %s", m.path, same->path);
			*same = m;
			continue;
		}
		grown = realloc(*all, (*n + 1) * sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		*all = grown;
		grown[(*n)++] = m;
	}
	return 0;
}

static int find_modules(struct ti_module **all, size_t *n, const char *dir, const char *given,
			const struct ti_words *files, enum ti_module_kind kind)
{
	int r = ti_module_scan(all, n, given ? given : dir, kind);

	if (r == -ENOENT && given)
		return ti_err(-EINVAL, "%s: no such folder", given);
	if (r < 0 && r != -ENOENT)
		return mistake(r);
	return named_modules(all, n, files, kind);
}

int ti_setup_modules(struct ti_setup *s, const struct ti_args *a)
{
	int r = find_modules(&s->plugin_modules, &s->n_plugin_modules, TI_PLUGINDIR, a->plugin_dir,
			     &a->plugin_files, TI_MODULE_PLUGIN);

	if (r < 0)
		return r;
	return find_modules(&s->sink_modules, &s->n_sink_modules, TI_SINKDIR, a->sink_dir,
			    &a->sink_files, TI_MODULE_SINK);
}

/* "no plugin 'synflod' ...; did you mean ...": to `out`. */
static const char *unknown_module(char *out, size_t size, const char *what, const char *name,
				  const struct ti_module *m, size_t n, const char *dir)
{
	const char *names[n + 1], *near = NULL;
	size_t len;

	for (size_t i = 0; i < n; i++)
		names[i] = m[i].prefix.name;
	if (n)
		near = ti_nearest(name, names, n, sizeof(*names));
	len = snprintf(out, size, "no %s '%s' in %s", what, name, dir);
	if (near && len < size)
		snprintf(out + len, size - len, "; did you mean '%s'?", near);
	else if (n && len < size) {
		len += snprintf(out + len, size - len, "; there is");
		for (size_t i = 0; i < n && len < size; i++)
			len += snprintf(out + len, size - len, "%s %s", i ? "," : "", names[i]);
	}
	return out;
}

/* --- plugins ------------------------------------------------------------- */

struct wanted {
	struct ti_setup *s;
	const struct ti_args *a;
	int errors;
};

static const char *plugin_dir(const struct ti_args *a)
{
	return a->plugin_dir ? a->plugin_dir : TI_PLUGINDIR;
}

static void check_named_plugin(void *arg, const char *name)
{
	struct wanted *w = arg;
	char why[512];

	if (module_by_name(w->s->plugin_modules, w->s->n_plugin_modules, name))
		return;
	w->errors++;
	ti_err(0, "-p: %s", unknown_module(why, sizeof(why), "plugin", name, w->s->plugin_modules,
					   w->s->n_plugin_modules, plugin_dir(w->a)));
}

/* Is it to be run: by -p, by -P, else by its section. */
static bool plugin_wanted(const struct wanted *w, const struct ti_module *m)
{
	struct ti_ini_section *sec = ti_ini_find(&w->s->ini, "plugin", m->prefix.name);
	struct ti_plugin_common common = { 0 };
	const char *value;
	char why[128];
	bool yes;

	if (m->named || (w->a->plugins && ti_list_has(w->a->plugins, m->prefix.name)))
		return true;
	if (w->a->plugins || !sec)
		return false;
	value = ti_ini_get(sec, "enabled");
	/* A bad value is an error, which opening the plugin will find. */
	yes = value && (ti_option_parse(&ti_plugin_options[0], value, &common, why, sizeof(why)) < 0 ||
			common.enabled);
	return yes;
}

static int open_plugin(struct wanted *w, struct ti_module *m)
{
	struct ti_setup *s = w->s;
	struct ti_plugin_run **grown = realloc(s->plugins, (s->n_plugins + 1) * sizeof(*grown));
	int r = grown ? 0 : -ENOMEM;

	if (grown)
		s->plugins = grown;
	if (r >= 0)
		r = ti_module_open(m);
	if (r >= 0)
		r = ti_plugin_new(&s->plugins[s->n_plugins], m, s->router, &s->ini,
				  ti_ini_find(&s->ini, "plugin", m->prefix.name),
				  s->core.interfaces, w->a->interfaces);
	if (r >= 0)
		s->n_plugins++;
	return r;
}

/* Where a name stands in a list. */
struct position {
	const char *name;
	unsigned at;
	bool found;
};

static void look_at(void *arg, const char *item)
{
	struct position *p = arg;

	p->found |= !strcmp(item, p->name);
	p->at += !p->found;
}

/* The order in which plugins are declared, in which they start and stand in chains:
 * that of -p, then that of -P, then that of the files' sections. */
static unsigned rank_of(const struct wanted *w, const struct ti_module *m)
{
	const struct ti_ini_section *sec = ti_ini_find(&w->s->ini, "plugin", m->prefix.name);
	struct position p = { .name = m->prefix.name };

	if (w->a->plugins)
		ti_list_each(w->a->plugins, look_at, &p);
	if (p.found)
		return p.at;
	if (m->named)
		return p.at + m->named;
	return sec ? p.at + w->a->plugin_files.n + 1 + (sec - w->s->ini.sections) : UINT_MAX;
}

static int by_rank(const void *a, const void *b)
{
	const struct ti_module *x = a, *y = b;

	return x->rank == y->rank ? strcmp(x->prefix.name, y->prefix.name) : x->rank < y->rank ? -1 : 1;
}

static void put_in_order(const struct wanted *w)
{
	struct ti_setup *s = w->s;

	for (size_t i = 0; i < s->n_plugin_modules; i++)
		s->plugin_modules[i].rank = rank_of(w, &s->plugin_modules[i]);
	if (s->n_plugin_modules)
		qsort(s->plugin_modules, s->n_plugin_modules, sizeof(*s->plugin_modules), by_rank);
}

static int open_plugins(struct ti_setup *s, const struct ti_args *a)
{
	struct wanted w = { s, a, 0 };
	char why[512];

	if (a->plugins)
		ti_list_each(a->plugins, check_named_plugin, &w);
	if (w.errors)
		return -EINVAL;
	for (size_t i = 0; i < s->ini.n_sections; i++) {
		struct ti_ini_section *sec = &s->ini.sections[i];

		if (!strcmp(sec->kind, "plugin") &&
		    !module_by_name(s->plugin_modules, s->n_plugin_modules, sec->name))
			ti_ini_error(&s->ini, sec, NULL, "%s",
				     unknown_module(why, sizeof(why), "plugin", sec->name, s->plugin_modules,
						    s->n_plugin_modules, plugin_dir(a)));
	}
	put_in_order(&w);
	for (size_t i = 0; i < s->n_plugin_modules; i++)
		if (plugin_wanted(&w, &s->plugin_modules[i]) && open_plugin(&w, &s->plugin_modules[i]) < 0)
			s->n_failed++;
	return 0;
}

/* --- sinks --------------------------------------------------------------- */

static int add_sink(struct ti_setup *s, const struct ti_args *a, const char *name,
		    struct ti_ini_section *sec)
{
	struct ti_sink_run **grown = realloc(s->sinks, (s->n_sinks + 1) * sizeof(*grown));
	const char *type = sec ? ti_ini_get(sec, "type") : NULL;
	bool console;
	struct ti_module *m;
	char why[512];
	int r;

	if (!grown)
		return -ENOMEM;
	s->sinks = grown;
	type = type ? type : name;
	console = !strcmp(type, "console");
	if (console && !s->console)
		s->console = name;
	m = module_by_name(s->sink_modules, s->n_sink_modules, type);
	if (!m) {
		unknown_module(why, sizeof(why), "sink type", type, s->sink_modules, s->n_sink_modules,
			       a->sink_dir ? a->sink_dir : TI_SINKDIR);
		if (!sec)
			return ti_err(-EINVAL, "%s", why);
		ti_ini_error(&s->ini, sec, NULL, "%s", why);
		return 0;
	}
	r = m->dl ? 0 : ti_module_open(m);
	if (r >= 0)
		r = ti_sink_new(&s->sinks[s->n_sinks], name, m, &s->ini, sec, console ? a->output : NULL);
	if (r >= 0)
		s->n_sinks++;
	return r;
}

/* The sinks of the files, and a console where there is none or -o asks for it. */
static int open_sinks(struct ti_setup *s, const struct ti_args *a)
{
	bool any = false;
	int r = 0;

	if (a->no_sinks)
		return 0;
	for (size_t i = 0; r >= 0 && i < s->ini.n_sections; i++)
		if (!strcmp(s->ini.sections[i].kind, "sink")) {
			any = true;
			r = add_sink(s, a, s->ini.sections[i].name, &s->ini.sections[i]);
		}
	if (r >= 0 && (!any || (a->output && !s->console)))
		r = add_sink(s, a, "console", NULL);
	return r;
}

/* --- all of it ----------------------------------------------------------- */

static int read_files(struct ti_setup *s, const struct ti_args *a)
{
	const char *path = a->config ? a->config : TI_SYSCONFDIR "/tcpinspect.ini";
	int r = ti_ini_read(&s->ini, path);

	if (r == -ENOENT && a->config)
		return ti_err(-EINVAL, "%s: no such file", path);
	if (r < 0 && r != -ENOENT)
		return mistake(r);
	for (size_t i = 0; i < a->set.n; i++)
		ti_ini_set(&s->ini, a->set.word[i]);
	return 0;
}

static int read_core_options(struct ti_setup *s, const struct ti_args *a)
{
	struct ti_ini_section *sec = ti_ini_find(&s->ini, "tcpinspect", "");
	char text[256] = "";
	int r = ti_option_defaults(ti_core_options, ti_core_n_options, &s->core, text, sizeof(text));

	if (r < 0)
		return ti_err(r, "core options: %s", text);
	ti_ini_apply(&s->ini, sec, ti_core_options, ti_core_n_options, &s->core);
	ti_ini_unused(&s->ini, sec, (const struct ti_option *const[]){ ti_core_options },
		      &ti_core_n_options, 1);
	if (!s->core.host) {
		gethostname(text, sizeof(text) - 1);
		s->core.host = strdup(text);
	}
	s->env.host = a->no_host ? NULL : s->core.host;
	return s->core.host ? 0 : -ENOMEM;
}

/* Lists on the command line are brought into stored form like those of the ini. */
static int stored_list(const char **list, const char *what, const struct ti_option *row)
{
	char *copy = NULL, why[256];
	struct ti_option o = *row;

	if (!*list)
		return 0;
	o.offset = 0;
	if (ti_option_parse(&o, *list, &copy, why, sizeof(why)) < 0)
		return ti_err(-EINVAL, "%s: %s", what, why);
	*list = copy;
	return 0;
}

static void add_routes(struct ti_setup *s, const struct ti_args *a)
{
	const char *known[s->n_plugin_modules + 1];

	for (size_t i = 0; i < s->n_plugin_modules; i++)
		known[i] = s->plugin_modules[i].prefix.name;
	ti_router_routes(s->router, &s->ini, known, s->n_plugin_modules, a->output ? s->console : NULL);
}

static int load(struct ti_setup *s, const struct ti_args *a)
{
	int r = read_files(s, a);

	if (r >= 0)
		r = read_core_options(s, a);
	if (r >= 0)
		r = ti_setup_modules(s, a);
	if (r >= 0)
		r = open_sinks(s, a);
	if (r >= 0)
		r = ti_router_new(&s->router, s->sinks, s->n_sinks, &s->env);
	if (r >= 0)
		r = open_plugins(s, a);
	if (r < 0)
		return r;
	if (!a->no_sinks)
		add_routes(s, a);
	if (s->ini.errors)
		return -EINVAL;
	if (!s->n_plugins && !s->n_failed)
		return ti_err(-EINVAL, "no plugin is enabled: name one with -p (tcpinspect list shows them) or say 'enabled = yes' in its section");
	return 0;
}

int ti_setup_load(struct ti_setup *s, const struct ti_args *given)
{
	struct ti_args a = *given;
	int r = stored_list(&a.plugins, "-p", &ti_core_options[0]);

	if (r >= 0)
		r = stored_list(&a.interfaces, "-i", &ti_core_options[0]);
	if (r >= 0)
		r = load(s, &a);
	if (a.plugins != given->plugins)
		free((char *)a.plugins);
	if (a.interfaces != given->interfaces)
		free((char *)a.interfaces);
	return r;
}

void ti_setup_free(struct ti_setup *s)
{
	for (size_t i = 0; i < s->n_plugins; i++)
		ti_plugin_free(s->plugins[i]);
	if (s->router)
		ti_router_free(s->router);
	for (size_t i = 0; i < s->n_sinks; i++)
		ti_sink_free(s->sinks[i]);
	for (size_t i = 0; i < s->n_plugin_modules; i++)
		ti_module_close(&s->plugin_modules[i]);
	for (size_t i = 0; i < s->n_sink_modules; i++)
		ti_module_close(&s->sink_modules[i]);
	free(s->plugins);
	free(s->sinks);
	free(s->plugin_modules);
	free(s->sink_modules);
	ti_option_free(ti_core_options, ti_core_n_options, &s->core);
	ti_ini_free(&s->ini);
	memset(s, 0, sizeof(*s));
}

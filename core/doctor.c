/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * doctor.c - `tcpinspect doctor`: what this host gives, and for each plugin
 * which hook would be used here and what is missing for the others. As root the
 * programs are really loaded, so the kernel itself answers; nothing is attached.
 */
#include "doctor.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "attach.h"
#include "iface.h"
#include "json.h"
#include "log.h"
#include "option.h"
#include "preflight.h"
#include "setup.h"

struct doctor {
	const struct ti_args *args;
	bool json, may_load;
	const char *comma;
	int runnable, plugins;
};

/* One alternative of a group: is it the choice, can it be, why not. */
static void say_program(struct doctor *d, const struct ti_program *g, const struct ti_program *choice)
{
	bool chosen = choice && ti_program_together(g, choice);
	char what[sizeof(g->target) + 32];

	if (d->json) {
		printf("%s{\"group\":\"%s\",\"hook\":\"%s\",\"target\":", d->comma, g->says->group, g->hook->name);
		ti_json_string(stdout, g->target);
		printf(",\"chosen\":%s,\"possible\":%s,\"sees\":", chosen ? "true" : "false",
		       g->usable ? "true" : "false");
		ti_json_string(stdout, ti_hook_sees(g->hook, g->target));
		printf(",\"why\":");
		ti_json_string(stdout, g->usable ? NULL : g->why);
		putchar('}');
		d->comma = ",";
		return;
	}
	snprintf(what, sizeof(what), "%s %s", g->hook->name, g->target);
	printf("    %-28s %-10s %s%s\n", what,
	       chosen	     ? "used" :
	       g->usable     ? "possible" :
	       g->unwanted   ? "not asked" :
			       "missing",
	       g->usable ? "sees " : "", g->usable ? ti_hook_sees(g->hook, g->target) : g->why);
}

/* True: every group that must have a hook has one. */
static bool say_groups(struct doctor *d, const struct ti_probe *p, const char *prefer)
{
	const char *group = "";
	bool all = true;

	for (size_t i = 0; i < p->n_programs; i++) {
		const struct ti_program *g = &p->programs[i];
		const struct ti_program *choice = ti_probe_choice(p, g->says->group, prefer);

		if (strcmp(group, g->says->group) && !d->json)
			printf("  %s%s\n", g->says->group, g->says->optional ? " (optional)" : "");
		group = g->says->group;
		all &= choice || g->says->optional || !ti_probe_wants(p, g->says->group);
		say_program(d, g, choice);
	}
	return all;
}

static void say_plugin(struct doctor *d, struct ti_plugin_run *run)
{
	struct ti_probe *p = ti_plugin_probe(run);
	const struct ti_plugin_common *common = ti_plugin_common(run);
	bool good;

	ti_probe_survey(p);
	if (d->may_load && ti_probe_load(p, common->ring_size) < 0)
		ti_debug("%s does not load", p->plugin);
	if (d->json)
		printf("%s{\"plugin\":\"%s\",\"hooks\":[", d->plugins ? "," : "", p->plugin);
	else
		printf("%s\n", p->plugin);
	d->comma = "";
	good = say_groups(d, p, common->hook) && (!d->may_load || p->obj);
	ti_probe_unload(p);
	if (d->json)
		printf("],\"runnable\":%s}", good ? "true" : "false");
	else
		printf("  %s\n\n", !good ? "cannot run here" : d->may_load ? "can run here" :
		       "can run here, as far as can be told without the privileges to load it");
	d->runnable += good;
	d->plugins++;
}

static enum ti_exit say_host(struct doctor *d)
{
	struct ti_check checks[TI_CHECKS];
	enum ti_exit code = TI_EXIT_DONE;
	size_t n = ti_preflight(checks);

	printf(d->json ? "{\"host\":[" : "Host\n");
	for (size_t i = 0; i < n; i++) {
		struct ti_check *c = &checks[i];

		if (d->json) {
			printf("%s{\"check\":\"%s\",\"ok\":%s,\"text\":", i ? "," : "", c->name, c->ok ? "true" : "false");
			ti_json_string(stdout, c->text);
			putchar('}');
		} else {
			printf("  %-14s %-8s %s\n", c->name, c->ok ? "ok" : "missing", c->text);
		}
		if (!c->ok && code == TI_EXIT_DONE)
			code = c->exit;
	}
	printf(d->json ? "],\"plugins\":[" : "\n");
	return code;
}

/* Every installed plugin unless -p or -P names some. */
static int load_all(struct ti_setup *s, const struct ti_args *a)
{
	struct ti_args all = *a;
	char names[4096] = "";
	size_t len = 0;
	int r;

	all.no_sinks = true;
	if (!a->plugins && !a->plugin_files.n) {
		r = ti_setup_modules(s, a);
		for (size_t i = 0; r >= 0 && i < s->n_plugin_modules && len < sizeof(names); i++)
			len += snprintf(names + len, sizeof(names) - len, "%s%s", i ? "," : "",
					s->plugin_modules[i].prefix.name);
		ti_setup_free(s);
		if (r < 0)
			return r;
		if (!names[0])
			return ti_err(-EINVAL, "no plugin is installed in %s", a->plugin_dir ? a->plugin_dir : TI_PLUGINDIR);
		all.plugins = names;
	}
	return ti_setup_load(s, &all);
}

/* Needs nothing but the names of the plugins: it must work whatever the ini says. */
static int clean(const struct ti_args *a)
{
	ti_cleanup(ti_ifaces_freep) struct ti_ifaces *ifaces = NULL;
	enum ti_exit code = ti_preflight_log();
	struct ti_setup s = { 0 };
	int removed = 0;

	if (code == TI_EXIT_DONE && ti_setup_modules(&s, a) < 0)
		code = TI_EXIT_USAGE;
	if (code == TI_EXIT_DONE && ti_ifaces_new(&ifaces, NULL, NULL, NULL) < 0)
		code = TI_EXIT_FAILED;
	for (size_t i = 0; code == TI_EXIT_DONE && i < s.n_plugin_modules; i++)
		removed += ti_hooks_sweep(s.plugin_modules[i].prefix.name, ifaces);
	ti_setup_free(&s);
	if (code == TI_EXIT_DONE)
		printf("%d stale attachment%s removed\n", removed, removed == 1 ? "" : "s");
	return code;
}

int ti_cmd_doctor(const struct ti_args *a)
{
	struct doctor d = { .args = a, .json = a->json };
	struct ti_setup s = { 0 };
	enum ti_exit code;
	int r;

	if (!a->verbose)
		ti_log_level(TI_LOG_ERROR);
	if (a->clean)
		return clean(a);
	r = load_all(&s, a);
	if (r < 0) {
		ti_setup_free(&s);
		return r == -EINVAL ? TI_EXIT_USAGE : TI_EXIT_FAILED;
	}
	code = say_host(&d);
	d.may_load = code == TI_EXIT_DONE;
	for (size_t i = 0; i < s.n_plugins; i++)
		say_plugin(&d, s.plugins[i]);
	if (d.json)
		printf("]}\n");
	ti_setup_free(&s);
	if (code == TI_EXIT_DONE && !d.runnable)
		code = TI_EXIT_UNSUPPORTED;
	return code;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * plugin_run.h - the plugin stage's own struct, shared by plugin.c (start, stop, the
 * ring's events), plugin_options.c, plugin_metrics.c and plugin_host.c (the services a
 * plugin is given).
 */
#ifndef TI_PLUGIN_RUN_H
#define TI_PLUGIN_RUN_H

#include "callback.h"
#include "log.h"
#include "plugin.h"

struct event;

struct ti_plugin_run {
	struct ti_module *module;
	const struct ti_plugin *d; /* its descriptor; called with TI_CALLING */
	struct ti_calls calls;
	struct ti_plugin_common common;
	void *config;              /* values of d->options */
	struct ti_probe *probe;
	struct ti_router *router;  /* borrowed */
	size_t index;              /* in it */

	/* From start to stop. */
	const struct ti_plugin_env *env;
	struct ti_places *places;
	struct ti_ring *ring;
	struct event *tick;
	void *self;
	bool running, started, ran;
	uint64_t lost_seen;        /* of TI_COUNT_LOST, told to the router */
	uint64_t counted[TI_COUNT_MAX]; /* when it stopped */
	struct ti_metric_sets *metrics; /* as read last */
	struct ti_metric_table **tables; /* by metrics of the schema, those of its callbacks;
					    NULL, and each: not used yet */
	uint64_t last_utc;         /* of the last event: time never goes back */
	char *scratch;             /* a copy for event() to change */
	struct ti_log_limit odd;
};

extern const struct ti_host ti_plugin_host;

/* Does it go to interfaces at all? */
bool ti_plugin_at_interfaces(const struct ti_probe *p);
/* Defaults, then what the section (NULL: none) says; mistakes in it are counted in
 * ini->errors. -errno: the plugin's own, logged. */
int ti_plugin_read_options(struct ti_plugin_run *p, struct ti_ini *ini, struct ti_ini_section *s);

/* Metrics of that name which callbacks count; NULL: there are none, or none with labels (or
 * without: *labels is set then). */
struct ti_metric_table *ti_plugin_table(struct ti_plugin_run *p, const char *name, const void **labels);
void ti_plugin_read_metrics(struct ti_plugin_run *p);
void ti_plugin_free_metrics(struct ti_plugin_run *p);

/* CLOCK_BOOTTIME in ns, or of what is fed. */
uint64_t ti_plugin_now(const struct ti_plugin_run *p);
/* An event to the router, its time held monotonic within the plugin. */
void ti_plugin_route(struct ti_plugin_run *p, struct ti_record *rec, const void *data);

#endif

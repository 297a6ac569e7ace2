/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * plugin.h - a running plugin: its module, options, probe, places and ring, and
 * the services it is given (ti_host). What fails here takes only this plugin
 * down.
 */
#ifndef TI_PLUGIN_H
#define TI_PLUGIN_H

#include <stdbool.h>
#include <stdint.h>
#include "iface.h"
#include "metrics_read.h"
#include "module.h"
#include "probe.h"
#include "route.h"

struct event_base;
struct ti_ini;
struct ti_ini_section;
struct ti_plugin_run;

/* Rows that every [plugin NAME] has. */
struct ti_plugin_common {
	bool enabled;
	char *hook;
	char *interfaces;
	char *binary;
	uint64_t ring_size; /* 0: the plugin's own */
};
#define TI_PLUGIN_OPTIONS 5
extern const struct ti_option ti_plugin_options[TI_PLUGIN_OPTIONS];
/* Of these, without `enabled`, those that make sense for a probe: copied to out[],
 * TI_PLUGIN_OPTIONS rows at most; how many. */
size_t ti_plugin_offered(const struct ti_probe *p, struct ti_option *out);

/*
 * A plugin of module `m` (opened, borrowed) with its options from section `s`
 * (NULL: defaults); bad ones are counted in ini->errors. Its BPF object is read
 * but nothing is loaded: needs no privilege. Its event types are made known to
 * the router. `interfaces` is what applies when the section names none, `instead`
 * (NULL: nothing) what applies whatever it names. -errno: logged.
 */
int ti_plugin_new(struct ti_plugin_run **out, struct ti_module *m, struct ti_router *router,
		  struct ti_ini *ini, struct ti_ini_section *s, const char *interfaces,
		  const char *instead);
void ti_plugin_free(struct ti_plugin_run *p);

const char *ti_plugin_name(const struct ti_plugin_run *p);
const struct ti_module *ti_plugin_module(const struct ti_plugin_run *p);
struct ti_probe *ti_plugin_probe(struct ti_plugin_run *p);
const struct ti_plugin_common *ti_plugin_common(const struct ti_plugin_run *p);

/* What a running plugin needs of the daemon; must outlive it. */
struct ti_plugin_env {
	struct event_base *base; /* NULL, with `clock`: the caller reads and ticks */
	struct ti_ifaces *ifaces;
	uint64_t *utc_offset; /* ns from CLOCK_BOOTTIME to UTC, sampled anew each tick */
	/* NULL: this host's. Else that of packets which are fed (offline.h): there are no
	 * interfaces, and utc_offset is its owner's to set. */
	const uint64_t *clock;
	/* NULL: what the daemon gives a plugin. Else what it is given in a test; ti_handle
	 * is its ti_plugin_run. */
	const struct ti_host *host;
	/* NULL, or told each event before it is routed. */
	void (*seen)(void *arg, const struct ti_event_type *type, const struct ti_record *rec,
		     const void *data);
	/* May the next event go on? Asked once an event (--count). */
	bool (*admit)(void *arg);
	/* After a batch of events, or a tick: hand them to the sinks. */
	void (*flush)(void *arg);
	void *arg;
};

/*
 * Load its programs, which takes the kernel up to a second; then start and attach it. All
 * plugins are loaded before the first is attached: its events would wait for the others.
 * -errno: logged, nothing is left loaded or attached.
 */
int ti_plugin_load(struct ti_plugin_run *p, const struct ti_plugin_env *env);
/* Instead of that, without a kernel: its callbacks only (ti_probe_emulate). */
int ti_plugin_emulate(struct ti_plugin_run *p, const struct ti_plugin_env *env);
bool ti_plugin_loaded(struct ti_plugin_run *p);
int ti_plugin_start(struct ti_plugin_run *p);
/* For who moves the clock: what the loop does at each tick, nanoseconds between these,
 * and what it does when there is something in the ring. */
void ti_plugin_tick(struct ti_plugin_run *p);
uint64_t ti_plugin_period(const struct ti_plugin_run *p);
void ti_plugin_read(struct ti_plugin_run *p);
/* As if its programs had put this into the ring. */
void ti_plugin_record(struct ti_plugin_run *p, const struct ti_record *rec, const void *data);
/* Tell it that something was attached or is no more. */
void ti_plugin_attached(struct ti_plugin_run *p);
/* An interface is gone. */
void ti_plugin_iface_gone(struct ti_plugin_run *p, unsigned ifindex);
/* Interfaces have changed: attach to those that are to be, leave those that
 * aren't any more. All are looked at, since each stands on others. */
void ti_plugin_ifaces(struct ti_plugin_run *p);
/* Detach, drain the ring, let the plugin say its last. Safe when not started. */
void ti_plugin_stop(struct ti_plugin_run *p);
/* A counter every probe has (enum ti_count), now or as it was when the plugin stopped. */
uint64_t ti_plugin_counted(const struct ti_plugin_run *p, enum ti_count which);
/* Its metrics, one for each of its schema's, now or as they were when it stopped; NULL:
 * it hasn't run, or out of memory. The plugin's; valid until the next call. */
const struct ti_metric_sets *ti_plugin_metrics(struct ti_plugin_run *p);
/* How often ti_host.metrics found no room for labels. */
uint64_t ti_plugin_crowded(const struct ti_plugin_run *p);
/* Bytes in its ring, and its room; 0: it has none, or has stopped. */
void ti_plugin_ring(const struct ti_plugin_run *p, size_t *used, size_t *room);
/* Callbacks that held the loop up for longer than they may. */
uint64_t ti_plugin_slow_calls(const struct ti_plugin_run *p);
uint64_t ti_utc_offset(void);
bool ti_plugin_running(const struct ti_plugin_run *p);
bool ti_plugin_ran(const struct ti_plugin_run *p); /* it was started, whether it still runs */
/* In the router, and in the order of declaration. */
size_t ti_plugin_index(const struct ti_plugin_run *p);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * route.h - which event goes to which sink, and the accounts.
 *
 * For each (plugin, sink), at every reading:
 *	emitted = delivered + filtered + sampled + lost_ring + lost_queue + in_flight
 * and in_flight is 0 after a drain.
 */
#ifndef TI_ROUTE_H
#define TI_ROUTE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <tcpinspect/event.h>
#include <tcpinspect/option.h>

struct ti_ini;
struct ti_sink_run;
struct ti_format_env;
struct ti_router;

/* The account of one (plugin, sink). */
struct ti_account {
	uint64_t emitted;   /* asked for by the plugin, in BPF or user space */
	uint64_t delivered; /* taken by the sink's module */
	uint64_t filtered;  /* no route wanted it here, or the plugin swallowed it */
	uint64_t sampled;   /* left out by `sample` (later) */
	uint64_t lost_ring; /* the plugin's ring was full */
	uint64_t lost_queue;/* the sink's queue was full, or it never took it */
	uint64_t in_flight; /* in the sink's queue */
};

/* Rows of [route NAME]: events, sinks. */
extern const struct ti_option ti_route_options[];
extern const size_t ti_route_n_options;

/* A router over `n` sinks (borrowed, with env). */
int ti_router_new(struct ti_router **out, struct ti_sink_run **sinks, size_t n,
		  const struct ti_format_env *env);
void ti_router_free(struct ti_router *r); /* before the sinks are freed */

/*
 * Make a plugin known with its event types (borrowed; types[i].number == i);
 * plans for the formats in use are compiled. `plugin` is its index from now on,
 * returned through *index.
 */
int ti_router_add_plugin(struct ti_router *r, const char *plugin,
			 const struct ti_event_type *types, size_t n, size_t *index);

/*
 * After all plugins are added: read the [route NAME] sections. `events` lists
 * "plugin" or "plugin.event" ("*" is every one), `sinks` names of sinks. Unknown
 * names are errors with file, line and "did you mean" - a plugin that is
 * installed but not running here (`known`, n_known names) is none. Without any
 * route everything goes to every sink. `all_to`: NULL, or the name of a sink
 * that gets everything whatever the routes say (-o on the command line).
 */
void ti_router_routes(struct ti_router *r, struct ti_ini *ini, const char *const *known,
		      size_t n_known, const char *all_to);

/* One event of a plugin to the sinks that want it; counts it emitted once for
 * each sink of the account. */
void ti_router_event(struct ti_router *r, size_t plugin, const struct ti_record *rec,
		     const void *data);
/* The plugin swallowed one; `n` did not fit in its ring. */
void ti_router_swallowed(struct ti_router *r, size_t plugin);
void ti_router_lost(struct ti_router *r, size_t plugin, uint64_t n);

/* Flush / drain all sinks. */
void ti_router_flush(struct ti_router *r);
void ti_router_drain(struct ti_router *r);

const struct ti_account *ti_router_account(const struct ti_router *r, size_t plugin, size_t sink);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * plugin.c - one plugin at run time. Owns everything between the module and the
 * router: config struct, probe, places, ring, tick. ti_handle, which plugins
 * hold, is this struct.
 */
#include "plugin.h"

#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "attach.h"
#include "ini.h"
#include "log.h"
#include "option.h"
#include "plugin_run.h"
#include "ring.h"

int ti_plugin_new(struct ti_plugin_run **out, struct ti_module *m, struct ti_router *router,
		  struct ti_ini *ini, struct ti_ini_section *s, const char *interfaces,
		  const char *instead)
{
	struct ti_plugin_run *p = calloc(1, sizeof(*p));
	int r = -ENOMEM;

	if (!p)
		return r;
	p->module = m;
	p->d = &m->plugin;
	ti_calls_init(&p->calls, m, m->prefix.name);
	p->router = router;
	p->config = calloc(1, p->d->config_size + 1);
	if (p->config)
		r = ti_probe_open(&p->probe, m->prefix.name, p->d->bpf,
				  (const char *)p->d->bpf_end - (const char *)p->d->bpf);
	if (r >= 0)
		r = ti_plugin_read_options(p, ini, s);
	if (r >= 0 && instead && !ti_plugin_at_interfaces(p->probe))
		ti_warn("%s: -i is not for it: its hooks see the whole host", m->prefix.name);
	if (r >= 0 && (instead || !p->common.interfaces)) {
		free(p->common.interfaces);
		p->common.interfaces = strdup(instead ? instead : interfaces);
		r = p->common.interfaces ? 0 : -ENOMEM;
	}
	if (r >= 0)
		r = ti_router_add_plugin(router, m->prefix.name, p->probe->schema->types,
					 p->probe->schema->n_types, &p->index);
	if (r < 0) {
		ti_plugin_free(p);
		return r;
	}
	*out = p;
	return 0;
}

void ti_plugin_free(struct ti_plugin_run *p)
{
	if (!p)
		return;
	ti_plugin_stop(p);
	ti_plugin_free_metrics(p);
	ti_probe_free(p->probe);
	if (p->config)
		ti_option_free(p->d->options, p->d->n_options, p->config);
	free(p->config);
	ti_option_free(ti_plugin_options, TI_PLUGIN_OPTIONS, &p->common);
	ti_calls_done(&p->calls);
	free(p);
}

const char *ti_plugin_name(const struct ti_plugin_run *p)
{
	return p->module->prefix.name;
}

const struct ti_module *ti_plugin_module(const struct ti_plugin_run *p)
{
	return p->module;
}

struct ti_probe *ti_plugin_probe(struct ti_plugin_run *p)
{
	return p->probe;
}

const struct ti_plugin_common *ti_plugin_common(const struct ti_plugin_run *p)
{
	return &p->common;
}

bool ti_plugin_running(const struct ti_plugin_run *p)
{
	return p->running;
}

bool ti_plugin_ran(const struct ti_plugin_run *p)
{
	return p->ran;
}

uint64_t ti_plugin_counted(const struct ti_plugin_run *p, enum ti_count which)
{
	return p->running ? ti_probe_counter(p->probe, which) : p->counted[which];
}

void ti_plugin_ring(const struct ti_plugin_run *p, size_t *used, size_t *room)
{
	*used = *room = 0;
	if (p->ring)
		ti_ring_fill(p->ring, used, room);
}

uint64_t ti_plugin_slow_calls(const struct ti_plugin_run *p)
{
	return p->calls.slow;
}

size_t ti_plugin_index(const struct ti_plugin_run *p)
{
	return p->index;
}

/* --- events -------------------------------------------------------------- */

static void count_lost(struct ti_plugin_run *p)
{
	uint64_t lost = ti_probe_counter(p->probe, TI_COUNT_LOST);

	if (lost > p->lost_seen)
		ti_router_lost(p->router, p->index, lost - p->lost_seen);
	p->lost_seen = lost;
}

/* A record that is the plugin's own business. */
static bool is_internal(const struct ti_schema *s, const struct ti_record *rec)
{
	size_t i = rec->event - s->n_types;

	return rec->event >= s->n_types && i < s->n_internals && rec->len <= s->internals[i].size;
}

static void on_record(void *arg, const struct ti_record *in, const void *data)
{
	struct ti_plugin_run *p = arg;
	const struct ti_schema *s = p->probe->schema;
	struct ti_record rec = *in;
	int swallowed = 0;

	if (p->d->event && is_internal(s, in)) {
		TI_CALLING_EVENT(&p->calls, TI_CALL_EVENT, s->internals[rec.event - s->n_types].name)
			p->d->event(p->self, in, (void *)data); /* in the ring: read-only */
		return;
	}
	if (rec.event >= s->n_types || rec.len != s->types[rec.event].size || rec.len > TI_EVENT_MAX) {
		ti_log_limited(&p->odd, TI_LOG_WARNING, "%s: a record of no known event (number %u, %u bytes)",
			       ti_plugin_name(p), rec.event, rec.len);
		ti_router_swallowed(p->router, p->index);
		return;
	}
	if (p->scratch) {
		data = memcpy(p->scratch, data, rec.len);
		TI_CALLING_EVENT(&p->calls, TI_CALL_EVENT, s->types[rec.event].name)
			swallowed = p->d->event(p->self, &rec, p->scratch);
		if (swallowed) {
			ti_router_swallowed(p->router, p->index);
			return;
		}
	}
	ti_plugin_route(p, &rec, data);
}

void ti_plugin_record(struct ti_plugin_run *p, const struct ti_record *rec, const void *data)
{
	on_record(p, rec, data);
	p->env->flush(p->env->arg);
}

static void on_batch(void *arg)
{
	struct ti_plugin_run *p = arg;

	ti_calls_batch_end();
	p->env->flush(p->env->arg);
}

uint64_t ti_plugin_period(const struct ti_plugin_run *p)
{
	return (p->d->tick_ms ? p->d->tick_ms : 1000) * 1000000ull;
}

void ti_plugin_tick(struct ti_plugin_run *p)
{
	count_lost(p);
	ti_probe_refresh(p->probe);
	if (p->d->tick)
		TI_CALLING(&p->calls, TI_CALL_TICK)
			p->d->tick(p->self, ti_plugin_now(p));
	p->env->flush(p->env->arg);
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct ti_plugin_run *p = arg;

	(void)fd;
	(void)what;
	*p->env->utc_offset = ti_utc_offset();
	ti_plugin_tick(p);
}

void ti_plugin_read(struct ti_plugin_run *p)
{
	if (p->ring)
		ti_ring_drain(p->ring);
}

/* --- start and stop ------------------------------------------------------ */

static int attach_all(struct ti_plugin_run *p)
{
	size_t chosen = 0, failed = 0;
	char why[256];
	int r = ti_places_host(p->places);

	if (r < 0)
		return r;
	if (!ti_places_wants_ifaces(p->places))
		return 0;
	for (size_t i = 0; i < ti_ifaces_count(p->env->ifaces); i++) {
		const struct ti_iface *iface = ti_ifaces_at(p->env->ifaces, i);

		if (!ti_ifaces_chosen(p->env->ifaces, iface, p->common.interfaces, why, sizeof(why))) {
			ti_debug("%s: not on %s: %s", ti_plugin_name(p), iface->name, why);
			continue;
		}
		chosen++;
		r = ti_places_iface(p->places, iface);
		failed += r < 0;
	}
	if (chosen && failed == chosen)
		return r;
	if (!chosen)
		ti_warn("%s: no interface matches '%s' yet; waiting for one", ti_plugin_name(p),
			p->common.interfaces);
	return 0;
}

static int start_ring_and_tick(struct ti_plugin_run *p)
{
	uint64_t us = ti_plugin_period(p) / 1000;
	struct timeval period = { us / 1000000, us % 1000000 };
	int fd = ti_probe_map(p->probe, "ti_ring");
	int r = fd < 0 ? 0 : ti_ring_new(&p->ring, fd, p->env->base, on_record, on_batch, p);

	if (r < 0)
		return ti_err(r, "%s: cannot map its ring buffer", ti_plugin_name(p));
	if (!p->env->base)
		return 0;
	p->tick = event_new(p->env->base, -1, EV_PERSIST, on_tick, p);
	return p->tick && event_add(p->tick, &period) == 0 ? 0 : -ENOMEM;
}

static int start(struct ti_plugin_run *p)
{
	int r = 0;

	if (p->d->event) {
		p->scratch = malloc(TI_EVENT_MAX);
		if (!p->scratch)
			return -ENOMEM;
	}
	if (!p->env->clock)
		r = ti_places_new(&p->places, p->probe, p->common.hook, p->index);
	if (r >= 0)
		r = start_ring_and_tick(p);
	if (r >= 0 && p->d->start) {
		TI_CALLING(&p->calls, TI_CALL_START)
			r = p->d->start(&p->self, p->env->host ? p->env->host : &ti_plugin_host,
					(struct ti_handle *)p, p->config);
		if (r < 0)
			return ti_err(r, "%s: it could not start: %s", ti_plugin_name(p), strerror(-r));
	}
	p->started = r >= 0;
	return r < 0 || p->env->clock ? r : attach_all(p);
}

int ti_plugin_load(struct ti_plugin_run *p, const struct ti_plugin_env *env)
{
	int r;

	p->env = env;
	p->probe->offline = env->clock != NULL;
	ti_probe_survey(p->probe);
	r = ti_probe_load(p->probe, p->common.ring_size);
	if (r < 0)
		ti_probe_unload(p->probe);
	return r;
}

int ti_plugin_emulate(struct ti_plugin_run *p, const struct ti_plugin_env *env)
{
	int r;

	p->env = env;
	r = ti_probe_emulate(p->probe);
	ti_probe_survey(p->probe);
	if (r < 0)
		ti_probe_unload(p->probe);
	return r;
}

bool ti_plugin_loaded(struct ti_plugin_run *p)
{
	return p->probe->obj != NULL;
}

/* Where it is attached has changed. */
void ti_plugin_attached(struct ti_plugin_run *p)
{
	if (p->d->attached)
		TI_CALLING(&p->calls, TI_CALL_ATTACHED)
			p->d->attached(p->self);
}

int ti_plugin_start(struct ti_plugin_run *p)
{
	int r;

	ti_plugin_free_metrics(p); /* it may have run before */
	p->running = true;
	r = start(p);
	if (r < 0) {
		ti_plugin_stop(p);
		return r;
	}
	p->ran = true;
	ti_plugin_attached(p);
	return 0;
}

void ti_plugin_iface_gone(struct ti_plugin_run *p, unsigned ifindex)
{
	if (!p->running)
		return;
	ti_places_iface_gone(p->places, ifindex);
	ti_plugin_attached(p);
}

void ti_plugin_ifaces(struct ti_plugin_run *p)
{
	char why[256];

	if (!p->running || !ti_places_wants_ifaces(p->places))
		return;
	for (size_t k = 0; k < ti_ifaces_count(p->env->ifaces); k++) {
		const struct ti_iface *i = ti_ifaces_at(p->env->ifaces, k);

		if (ti_ifaces_chosen(p->env->ifaces, i, p->common.interfaces, why, sizeof(why)))
			ti_places_iface(p->places, i);
		else
			ti_places_iface_gone(p->places, i->index);
	}
	ti_plugin_attached(p);
}

void ti_plugin_stop(struct ti_plugin_run *p)
{
	if (!p->running)
		return;
	p->running = false;
	if (p->places)
		ti_places_detach(p->places);
	if (p->ring)
		ti_ring_drain(p->ring);
	count_lost(p);
	ti_probe_say_missed(p->probe);
	if (p->started && p->d->stop)
		TI_CALLING(&p->calls, TI_CALL_STOP)
			p->d->stop(p->self);
	p->started = false;
	ti_router_flush(p->router);
	if (p->tick)
		event_free(p->tick);
	ti_ring_free(p->ring);
	ti_places_free(p->places);
	free(p->scratch);
	for (size_t i = 0; i < TI_COUNT_MAX; i++)
		p->counted[i] = ti_probe_counter(p->probe, i);
	ti_plugin_read_metrics(p);
	ti_probe_unload(p->probe);
	p->tick = NULL;
	p->ring = NULL;
	p->places = NULL;
	p->scratch = NULL;
}

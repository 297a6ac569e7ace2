/* SPDX-License-Identifier: GPL-2.0-or-later */
/* plugin_host.c - struct ti_host of a running plugin; ti_handle is its
 * ti_plugin_run. */
#include "plugin_run.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include "attach.h"
#include "map.h"
#include "metric_table.h"
#include "sockets.h"

#define CLOCK_STEP 5000000000ull /* ns; less is held monotonic, more is somebody's will */

static struct ti_plugin_run *of(struct ti_handle *h)
{
	return (struct ti_plugin_run *)h;
}

static uint64_t boot_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return t.tv_sec * 1000000000ull + t.tv_nsec;
}

uint64_t ti_utc_offset(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return t.tv_sec * 1000000000ull + t.tv_nsec - boot_now();
}

uint64_t ti_plugin_now(const struct ti_plugin_run *p)
{
	return p->env->clock ? *p->env->clock : boot_now();
}

void ti_plugin_route(struct ti_plugin_run *p, struct ti_record *rec, const void *data)
{
	uint64_t utc = rec->boot_ns + *p->env->utc_offset;

	if (!p->env->admit(p->env->arg)) {
		ti_router_swallowed(p->router, p->index);
		return;
	}
	if (utc + CLOCK_STEP < p->last_utc) {
		ti_log_limited(&p->odd, TI_LOG_WARNING, "%s: the clock was set back: so are the times of events",
			       ti_plugin_name(p));
		p->last_utc = utc;
	} else if (utc < p->last_utc)
		rec->boot_ns = p->last_utc - *p->env->utc_offset;
	else
		p->last_utc = utc;
	if (p->env->seen)
		p->env->seen(p->env->arg, &p->probe->schema->types[rec->event], rec, data);
	ti_router_event(p->router, p->index, rec, data);
}

static int host_event(struct ti_handle *h, const char *name)
{
	const struct ti_schema *s = of(h)->probe->schema;

	for (size_t i = 0; i < s->n_types; i++)
		if (!strcmp(s->types[i].name, name))
			return i;
	for (size_t i = 0; i < s->n_internals; i++)
		if (!strcmp(s->internals[i].name, name))
			return s->n_types + i;
	return -ENOENT;
}

static int host_emit(struct ti_handle *h, int event, const void *data, size_t len, uint64_t boot_ns)
{
	struct ti_plugin_run *p = of(h);
	const struct ti_schema *s = p->probe->schema;
	struct ti_record rec = { .event = event, .len = len, .boot_ns = boot_ns };

	if (event < 0 || (size_t)event >= s->n_types || len != s->types[event].size)
		return -EINVAL;
	if (!rec.boot_ns)
		rec.boot_ns = ti_plugin_now(p);
	ti_plugin_route(p, &rec, data);
	return 0;
}

static void *host_memory(struct ti_handle *h, const char *name, size_t *size)
{
	return ti_probe_memory(of(h)->probe, name, size);
}

static int host_map(struct ti_handle *h, const char *name)
{
	return ti_probe_map(of(h)->probe, name);
}

static int host_map_get(struct ti_handle *h, int map, const void *key, void *value)
{
	(void)h;
	return bpf_map_lookup_elem(map, key, value) < 0 ? -errno : 0;
}

static int host_map_set(struct ti_handle *h, int map, const void *key, const void *value)
{
	(void)h;
	return bpf_map_update_elem(map, key, value, BPF_ANY) < 0 ? -errno : 0;
}

static int host_map_delete(struct ti_handle *h, int map, const void *key)
{
	(void)h;
	return bpf_map_delete_elem(map, key) < 0 ? -errno : 0;
}

static int host_cpus(struct ti_handle *h)
{
	return ti_probe_cpus(of(h)->probe);
}

static uint64_t host_now(struct ti_handle *h)
{
	return ti_plugin_now(of(h));
}

static const char *host_ifname(struct ti_handle *h, uint32_t ifindex)
{
	const struct ti_ifaces *ifaces = of(h)->env->ifaces;
	const struct ti_iface *i = ifaces ? ti_ifaces_by_index(ifaces, ifindex) : NULL;

	return i ? i->name : NULL;
}

static const char *host_hook(struct ti_handle *h, const char *group)
{
	const struct ti_program *g;

	if (of(h)->places)
		return ti_places_hook(of(h)->places, group);
	g = ti_probe_choice(of(h)->probe, group, of(h)->common.hook);
	return g ? g->hook->name : NULL;
}

static void host_log(struct ti_handle *h, enum ti_log_level level, const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	ti_log(level > TI_LOG_DEBUG ? TI_LOG_DEBUG : level, "%s: %s", ti_plugin_name(of(h)), text);
}

static int host_map_each(struct ti_handle *h, int map,
			 int (*fn)(void *arg, const void *key, const void *value), void *arg)
{
	(void)h;
	return ti_map_each(map, fn, arg);
}

static int host_sockets(struct ti_handle *h, uint32_t states,
			int (*fn)(void *arg, const struct ti_socket *s), void *arg)
{
	return of(h)->env->clock ? 0 : ti_sockets_each(states, fn, arg);
}

static int host_offline(struct ti_handle *h)
{
	return of(h)->env->clock != NULL;
}

static uint64_t host_seed(struct ti_handle *h)
{
	return ti_probe_seed(of(h)->probe);
}

static void *host_metrics(struct ti_handle *h, const char *name, const void *labels)
{
	struct ti_metric_table *t = ti_plugin_table(of(h), name, &labels);

	return t ? ti_metric_table_get(t, labels) : NULL;
}

static int host_metrics_remove(struct ti_handle *h, const char *name, const void *labels)
{
	struct ti_metric_table *t = ti_plugin_table(of(h), name, &labels);

	return t ? ti_metric_table_remove(t, labels) : -ENOENT;
}

static int host_program(struct ti_handle *h, const char *name)
{
	return ti_probe_program(of(h)->probe, name);
}

const struct ti_host ti_plugin_host = {
	.size = sizeof(ti_plugin_host),
	.event = host_event,
	.emit = host_emit,
	.memory = host_memory,
	.map = host_map,
	.map_get = host_map_get,
	.map_set = host_map_set,
	.map_delete = host_map_delete,
	.cpus = host_cpus,
	.now = host_now,
	.ifname = host_ifname,
	.hook = host_hook,
	.log = host_log,
	.map_each = host_map_each,
	.sockets = host_sockets,
	.offline = host_offline,
	.seed = host_seed,
	.metrics = host_metrics,
	.metrics_remove = host_metrics_remove,
	.program = host_program,
};

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* metrics_own.c - the daemon's own metrics: a table of what they are and who counts them. */
#include "metrics.h"

#include <string.h>
#include "log.h"

struct own;

/* All samples of one. */
typedef void own_fn(const struct ti_setup *s, const struct own *o, const struct ti_metrics_out *out,
		    const struct ti_metric *m);

enum { USED, SIZE };

struct own {
	const char *name, *help;
	enum ti_metric_kind kind;
	own_fn *samples;
	unsigned which; /* enum ti_count, or what of a ring or queue: */
};

static void emit(const struct ti_metrics_out *out, const struct ti_metric *m, uint64_t value, size_t n,
		 const struct ti_label *labels)
{
	out->sample(out->arg, m, &(struct ti_sample){ .labels = labels, .n_labels = n, .value = value });
}

#define EMIT(value, ...)                                                       \
	emit(out, m, value, sizeof((struct ti_label[]){ __VA_ARGS__ }) / sizeof(struct ti_label), \
	     (struct ti_label[]){ __VA_ARGS__ })

/* --- who counts ----------------------------------------------------------- */

static void build_info(const struct ti_setup *s, const struct own *o, const struct ti_metrics_out *out,
		       const struct ti_metric *m)
{
	char abi[32];

	(void)s;
	(void)o;
	snprintf(abi, sizeof(abi), "%d.%d", TI_ABI_MAJOR, TI_ABI_MINOR);
	EMIT(1, { "version", TI_VERSION }, { "abi", abi });
}

static void running(const struct ti_setup *s, const struct own *o, const struct ti_metrics_out *out,
		    const struct ti_metric *m)
{
	(void)o;
	for (size_t i = 0; i < s->n_plugins; i++)
		EMIT(ti_plugin_running(s->plugins[i]), { "plugin", ti_plugin_name(s->plugins[i]) });
}

static void events(const struct ti_setup *s, const struct own *o, const struct ti_metrics_out *out,
		   const struct ti_metric *m)
{
	(void)o;
	for (size_t i = 0; i < s->n_plugins; i++)
		for (size_t k = 0; ti_plugin_ran(s->plugins[i]) && k < s->n_sinks; k++) {
			const struct ti_account *a =
				ti_router_account(s->router, ti_plugin_index(s->plugins[i]), k);
			const struct {
				const char *outcome;
				uint64_t n;
			} rows[] = { { "delivered", a->delivered }, { "filtered", a->filtered },
				     { "sampled", a->sampled }, { "lost_ring", a->lost_ring },
				     { "lost_queue", a->lost_queue } };

			for (size_t j = 0; j < TI_ARRAY_SIZE(rows); j++)
				EMIT(rows[j].n, { "plugin", ti_plugin_name(s->plugins[i]) },
				     { "sink", ti_sink_name(s->sinks[k]) }, { "outcome", rows[j].outcome });
		}
}

static void in_flight(const struct ti_setup *s, const struct own *o, const struct ti_metrics_out *out,
		      const struct ti_metric *m)
{
	(void)o;
	for (size_t i = 0; i < s->n_plugins; i++)
		for (size_t k = 0; ti_plugin_ran(s->plugins[i]) && k < s->n_sinks; k++)
			EMIT(ti_router_account(s->router, ti_plugin_index(s->plugins[i]), k)->in_flight,
			     { "plugin", ti_plugin_name(s->plugins[i]) }, { "sink", ti_sink_name(s->sinks[k]) });
}

static void queues(const struct ti_setup *s, const struct own *o, const struct ti_metrics_out *out,
		   const struct ti_metric *m)
{
	for (size_t k = 0; k < s->n_sinks; k++) {
		size_t limit, waiting = ti_sink_waiting(s->sinks[k], &limit);

		EMIT(o->which == SIZE ? limit : waiting, { "sink", ti_sink_name(s->sinks[k]) });
	}
}

/* o->which of each plugin. */
static void counted(const struct ti_setup *s, const struct own *o, const struct ti_metrics_out *out,
		    const struct ti_metric *m)
{
	for (size_t i = 0; i < s->n_plugins; i++)
		if (ti_plugin_ran(s->plugins[i]))
			EMIT(ti_plugin_counted(s->plugins[i], o->which), { "plugin", ti_plugin_name(s->plugins[i]) });
}

static void skipped(const struct ti_setup *s, const struct own *o, const struct ti_metrics_out *out,
		    const struct ti_metric *m)
{
	static const struct {
		enum ti_count which;
		const char *reason;
	} rows[] = { { TI_COUNT_FILTERED, "filtered" }, { TI_COUNT_FRAGMENT, "fragment" },
		     { TI_COUNT_TRUNCATED, "truncated" }, { TI_COUNT_UNSUPPORTED, "unsupported" } };

	(void)o;
	for (size_t i = 0; i < s->n_plugins; i++)
		for (size_t k = 0; ti_plugin_ran(s->plugins[i]) && k < TI_ARRAY_SIZE(rows); k++)
			EMIT(ti_plugin_counted(s->plugins[i], rows[k].which),
			     { "plugin", ti_plugin_name(s->plugins[i]) }, { "reason", rows[k].reason });
}

static void rings(const struct ti_setup *s, const struct own *o, const struct ti_metrics_out *out,
		  const struct ti_metric *m)
{
	for (size_t i = 0; i < s->n_plugins; i++) {
		size_t used, room;

		ti_plugin_ring(s->plugins[i], &used, &room);
		if (room)
			EMIT(o->which == SIZE ? room : used, { "plugin", ti_plugin_name(s->plugins[i]) });
	}
}

static void crowded(const struct ti_setup *s, const struct own *o, const struct ti_metrics_out *out,
		    const struct ti_metric *m)
{
	for (size_t i = 0; i < s->n_plugins; i++)
		if (ti_plugin_ran(s->plugins[i]))
			EMIT(ti_plugin_counted(s->plugins[i], o->which) + ti_plugin_crowded(s->plugins[i]),
			     { "plugin", ti_plugin_name(s->plugins[i]) });
}

static void slow(const struct ti_setup *s, const struct own *o, const struct ti_metrics_out *out,
		 const struct ti_metric *m)
{
	(void)o;
	for (size_t i = 0; i < s->n_plugins; i++)
		EMIT(ti_plugin_slow_calls(s->plugins[i]), { "plugin", ti_plugin_name(s->plugins[i]) });
	for (size_t k = 0; k < s->n_sinks; k++)
		EMIT(ti_sink_slow_calls(s->sinks[k]), { "sink", ti_sink_name(s->sinks[k]) });
}

/* --- the table ------------------------------------------------------------ */

static const struct own table[] = {
	{ "tcpinspect_build_info", "Version of tcpinspect and of its plugin ABI", TI_METRIC_GAUGE, build_info, 0 },
	{ "tcpinspect_plugin_running", "1: the plugin is running", TI_METRIC_GAUGE, running, 0 },
	{ "tcpinspect_events_total", "Events of each plugin for each sink, by what became of them", TI_METRIC_COUNTER, events, 0 },
	{ "tcpinspect_events_in_flight", "Events in a sink's queue", TI_METRIC_GAUGE, in_flight, 0 },
	{ "tcpinspect_packets_total", "Packets that a plugin's programs saw", TI_METRIC_COUNTER, counted, TI_COUNT_SEEN },
	{ "tcpinspect_packets_skipped_total", "Of these, packets that its code did not get, by why", TI_METRIC_COUNTER, skipped, 0 },
	{ "tcpinspect_packets_dropped_total", "Of these, packets that it dropped", TI_METRIC_COUNTER, counted, TI_COUNT_DROPPED },
	{ "tcpinspect_evicted_total", "State that a plugin dropped to make room", TI_METRIC_COUNTER, counted, TI_COUNT_EVICTED },
	{ "tcpinspect_ring_events_total", "Events that a plugin's programs reported, whether they fitted in its ring or not", TI_METRIC_COUNTER, counted, TI_COUNT_EMITTED },
	{ "tcpinspect_ring_lost_total", "Of these, events that found the ring full", TI_METRIC_COUNTER, counted, TI_COUNT_LOST },
	{ "tcpinspect_ring_used_bytes", "What waits in a plugin's ring", TI_METRIC_GAUGE, rings, USED },
	{ "tcpinspect_ring_size_bytes", "Size of a plugin's ring", TI_METRIC_GAUGE, rings, SIZE },
	{ "tcpinspect_queue_used_bytes", "What waits in a sink's queue", TI_METRIC_GAUGE, queues, USED },
	{ "tcpinspect_queue_size_bytes", "The most that may wait in a sink's queue", TI_METRIC_GAUGE, queues, SIZE },
	{ "tcpinspect_slow_callbacks_total", "Callbacks that held everything up for longer than they may", TI_METRIC_COUNTER, slow, 0 },
	{ "tcpinspect_label_overflow_total", "Updates of a plugin's metrics whose labels found no room", TI_METRIC_COUNTER, crowded, TI_COUNT_CROWDED },
};

void ti_metrics_own(const struct ti_setup *s, const struct ti_metrics_out *out)
{
	for (size_t i = 0; i < TI_ARRAY_SIZE(table); i++) {
		struct ti_metric m = { .name = table[i].name, .help = table[i].help, .kind = table[i].kind };

		out->metric(out->arg, &m);
		table[i].samples(s, &table[i], out, &m);
	}
}

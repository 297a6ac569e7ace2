/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "summary.h"

#include <stdio.h>
#include "log.h"

static void say_account(const struct ti_setup *s, size_t plugin, size_t sink)
{
	const struct ti_plugin_run *p = s->plugins[plugin];
	const struct ti_account *a = ti_router_account(s->router, ti_plugin_index(p), sink);
	enum ti_log_level level = a->lost_ring || a->lost_queue ? TI_LOG_WARNING : TI_LOG_INFO;

	ti_log(level, "%s to %s: %llu events, %llu delivered, %llu filtered, %llu lost (%llu ring, %llu queue)",
	       ti_plugin_name(p), ti_sink_name(s->sinks[sink]), (unsigned long long)a->emitted,
	       (unsigned long long)a->delivered, (unsigned long long)a->filtered,
	       (unsigned long long)(a->lost_ring + a->lost_queue), (unsigned long long)a->lost_ring,
	       (unsigned long long)a->lost_queue);
}

/* What the probe's own counters say, where there is something to say. */
static void say_counters(const struct ti_plugin_run *p)
{
	static const struct {
		enum ti_count which;
		const char *name;
	} table[] = { { TI_COUNT_SEEN, "packets seen" }, { TI_COUNT_FILTERED, "filtered" },
		      { TI_COUNT_DROPPED, "dropped at XDP" },
		      { TI_COUNT_TRUNCATED, "truncated" }, { TI_COUNT_FRAGMENT, "fragments" },
		      { TI_COUNT_UNSUPPORTED, "unsupported" }, { TI_COUNT_EVICTED, "evicted" } };
	char text[256] = "";
	size_t len = 0;

	for (size_t i = 0; i < TI_ARRAY_SIZE(table); i++) {
		unsigned long long n = ti_plugin_counted(p, table[i].which);

		if (n)
			len += snprintf(text + len, sizeof(text) - len, "%s%llu %s", len ? ", " : "", n,
					table[i].name);
	}
	if (len)
		ti_info("%s: %s", ti_plugin_name(p), text);
}

static void say_slow(const char *what, const char *name, uint64_t calls)
{
	if (calls)
		ti_warn("%s%s: %llu callbacks were slow", what, name, (unsigned long long)calls);
}

void ti_summary(const struct ti_setup *s)
{
	for (size_t i = 0; i < s->n_plugins; i++) {
		if (!ti_plugin_ran(s->plugins[i]))
			continue;
		say_counters(s->plugins[i]);
		say_slow("", ti_plugin_name(s->plugins[i]), ti_plugin_slow_calls(s->plugins[i]));
		for (size_t k = 0; k < s->n_sinks; k++)
			say_account(s, i, k);
	}
	for (size_t k = 0; k < s->n_sinks; k++)
		say_slow("sink ", ti_sink_name(s->sinks[k]), ti_sink_slow_calls(s->sinks[k]));
}

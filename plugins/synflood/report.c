/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * report.c - events and lines of the log.
 */
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include "watch.h"

static void set_text(char *to, __u16 *len, size_t size, const char *text)
{
	*len = strnlen(text, size);
	memcpy(to, text, *len);
}

void locate(struct self *s, uint32_t slot)
{
	struct watched *w = &s->watched[slot];
	uint32_t votes = 0;

	w->vlan = w->last.vlan;
	w->ifindex = w->last.ifindex;
	w->dst = w->last.dst;
	if (is_listener(slot))
		w->port = s->listeners.slot[slot].port;
	if (is_served(slot)) {
		w->port = s->served.one[slot - SERVED].port;
		w->dst = s->served.one[slot - SERVED].addr;
	}
	for (int i = 0; is_bucket(slot) && i < s->cpus.n; i++) {
		const struct targets *t = &cpu_at(&s->cpus, i)->targets[slot - SLOTS];

		if (t->votes <= votes)
			continue;
		votes = t->votes;
		w->dst = t->dst;
		w->port = t->port;
	}
}

static enum flood_completion completion_of(uint32_t slot, const struct watched *w)
{
	if (!is_listener(slot) || w->by_packets)
		return FLOOD_COMPLETION_PACKETS;
	return w->second.completion_known ? FLOOD_COMPLETION_SOCKETS : FLOOD_COMPLETION_UNKNOWN;
}

void emit_flood(struct self *s, uint32_t slot, uint32_t epoch, int event)
{
	struct watched *w = &s->watched[slot];
	struct flood_start e = {0};

	if (event != s->flood_end)
		w->class = senders_classify(&s->senders, w->fresh ? 0 : slot, epoch, w->second.syns, &e);
	if (w->detector.overload)
		w->class = FLOOD_CLASS_OVERLOAD;
	e.dst_ip = w->dst;
	e.dst_port = w->port;
	e.vlan = w->vlan;
	e.ifname = w->ifindex;
	e.class = w->class;
	e.completion = completion_of(slot, w);
	e.listening = is_listener(slot);
	e.syns_per_s = w->second.syns;
	e.completed_per_s = w->second.completed;
	e.rsts_per_s = w->second.rsts;
	e.sources = event == s->flood_end ? w->sources_peak : w->second.sources;
	e.syns = w->total.syns;
	e.peak_syns_per_s = w->peak;
	e.dropped_denied = w->total.dropped[FLOOD_DROP_DENIED];
	e.dropped_heavy = w->total.dropped[FLOOD_DROP_HEAVY];
	e.dropped_unknown = w->total.dropped[FLOOD_DROP_UNKNOWN];
	e.dropped = e.dropped_denied + e.dropped_heavy + e.dropped_unknown;
	e.duration = w->bad - w->started;
	set_text(e.explain.str, &e.explain.len, sizeof(e.explain.str), w->detector.why);
	s->host->emit(s->h, event, &e, sizeof(e), s->now);
	w->said = s->now;
}

void emit_backscatter(struct self *s)
{
	struct watched *w = &s->watched[BACKSCATTER];
	struct backscatter e = {
		.dst_ip = w->last.dst,
		.src_ip = w->last.src,
		.src_port = w->last.port,
		.vlan = w->last.vlan,
		.ifname = w->last.ifindex,
		.synacks_per_s = w->second.syns - w->second.completed,
		.sources = w->second.sources,
	};

	s->host->emit(s->h, s->backscatter, &e, sizeof(e), s->now);
	w->said = s->now;
}

void emit_sources(struct self *s, uint32_t epoch)
{
	struct source_count top[SYN_SOURCES_TOP];
	struct syn_sources e = {.window = s->now - s->sources_since};
	bool exact;
	size_t n =
		sources_top(&s->cpus, epoch, top, s->o->sources_top, (uint64_t *)&e.syns, &exact);

	e.exact = exact;
	for (size_t i = 0; i < n; i++) {
		if (!exact && top[i].sure * 1000 < e.syns) /* one of many */
			continue;
		e.top.item[e.top.len++] = (struct syn_source){ top[i].addr, top[i].count, top[i].error };
	}
	if (e.syns)
		s->host->emit(s->h, s->syn_sources, &e, sizeof(e), s->now);
}

/* "; dropped 1 denied, 2 heavy, 3 unknown", or nothing. Returns text. */
static const char *dropped_words(char *text, size_t size, const uint64_t dropped[FLOOD_DROPS])
{
	static const char *const why[FLOOD_DROPS] = {
		[FLOOD_DROP_DENIED] = "denied",
		[FLOOD_DROP_HEAVY] = "heavy",
		[FLOOD_DROP_UNKNOWN] = "unknown",
		[FLOOD_DROP_FLAGS] = "with impossible flags",
	};
	size_t len = 0;

	text[0] = '\0';
	for (int i = 0; i < FLOOD_DROPS && len < size; i++)
		if (dropped[i])
			len += snprintf(text + len, size - len, "%s %llu %s", len ? "," : "; dropped",
					(unsigned long long)dropped[i], why[i]);
	return text;
}

void explain(struct self *s, uint32_t slot, enum outcome outcome)
{
	static const char *const says[] = {
		[OUTCOME_QUIET] = "no alarm",
		[OUTCOME_START] = "alarm",
		[OUTCOME_GOES_ON] = "alarm goes on",
		[OUTCOME_END] = "alarm over",
	};
	const struct watched *w = &s->watched[slot];
	char where[IF_NAMESIZE], dropped[128];

	if (!w->second.syns && outcome == OUTCOME_QUIET)
		return;
	if (is_listener(slot))
		snprintf(where, sizeof(where), "port %u", s->listeners.slot[slot].port);
	else if (is_served(slot))
		snprintf(where, sizeof(where), "port %u", s->served.one[slot - SERVED].port);
	else if (!if_indextoname(w->last.ifindex, where))
		snprintf(where, sizeof(where), "interface %u", w->last.ifindex);
	s->host->log(s->h, TI_LOG_INFO, "%s%s: %s: %s%s", where, is_served(slot) ? " behind" : "",
		     says[outcome], w->detector.why,
		     dropped_words(dropped, sizeof(dropped), w->arrived.dropped));
}

static void sum_dropped(const struct self *s, uint64_t dropped[FLOOD_DROPS])
{
	for (uint32_t slot = 0; slot < COUNTED; slot++) {
		struct counted c = counted_sum(&s->cpus, slot, 0);

		for (int i = 0; i < FLOOD_DROPS; i++)
			dropped[i] += c.dropped[i];
	}
}

void count_totals(struct self *s)
{
	struct totals *m = s->host->metrics(s->h, "totals", NULL);
	uint64_t dropped[FLOOD_DROPS] = {0};

	if (!m)
		return;
	m->syns = m->floods = 0;
	for (int cpu = 0; cpu < s->cpus.n; cpu++)
		m->syns += cpu_at(&s->cpus, cpu)->syns;
	for (uint32_t slot = 1; slot < COUNTED; slot++)
		m->floods += slot != BACKSCATTER && s->watched[slot].detector.alarmed;
	if (!s->limit.on)
		return;
	sum_dropped(s, dropped);
	for (uint32_t i = 0; i < FLOOD_DROPS; i++) {
		struct drops *d = s->host->metrics(s->h, "drops", &(struct by_reason){i});

		if (d)
			d->dropped = dropped[i];
	}
}

void say_dropped(struct self *s)
{
	uint64_t dropped[FLOOD_DROPS] = {0};
	char text[128];

	sum_dropped(s, dropped);
	if (*dropped_words(text, sizeof(text), dropped))
		s->host->log(s->h, TI_LOG_INFO, "%s", text + 2);
}

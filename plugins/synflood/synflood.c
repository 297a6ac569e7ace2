/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * synflood.c - once a second: what have listeners, and interfaces for what
 * nobody listens on, counted; is one of them being flooded; say so.
 */
#include "synflood.h"

#include <errno.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tcpinspect/plugin.h>
#include "detect.h"
#include "listeners.h"
#include "senders.h"
#include "tables.h"

#define SECOND 1000000000ull
#define RESCAN 30 /* seconds; against a LISTEN transition that was missed */

struct options {
	uint64_t alarm_rate, unlistened_rate, backscatter_rate;
	uint32_t completion, sources_top;
	uint64_t clear_after, update_period, sources_period;
	bool explain;
};

/* One destination over time. */
struct watched {
	struct detector detector;
	struct counted last; /* at the previous tick */
	struct second second; /* of it */
	uint64_t arrived; /* SYNs in it */
	uint64_t started, bad, said; /* boot ns: the flood, its last bad second, its last event */
	uint64_t syns, after; /* from its start to the second after the last bad one; since then */
	uint64_t peak, sources_peak;
	/* What its last bad second said. */
	enum flood_class class;
	ti_addr dst;
	ti_port port;
	ti_vlan vlan;
	ti_ifindex ifindex;
};

struct self {
	const struct ti_host *host;
	struct ti_handle *h;
	const struct options *o;
	struct limits limits;
	struct cpus cpus;
	uint32_t *epoch, *sources_epoch, *listeners_changed; /* in the BPF object */
	int flood_start, flood_update, flood_end, backscatter, syn_sources; /* event numbers */

	uint64_t now, last; /* boot ns of this tick and the one before */
	uint64_t scanned; /* listeners, last */
	uint64_t sources_since; /* boot ns */
	uint64_t arrived; /* SYNs since the last tick, wherever to */
	struct senders senders;
	struct listeners listeners;
	struct watched watched[COUNTED];
};

#define OPT(field, ...)                                                               \
	{                                                                             \
		.key = #field, .offset = offsetof(struct options, field), __VA_ARGS__ \
	}
static const struct ti_option options[] = {
	OPT(alarm_rate, .type = TI_OPT_U64, .def = "100", .min = 1, .max = 1000000000,
	    .help = "SYNs a second to one listener that complete no handshake: an alarm from here "
		    "on"),
	OPT(completion, .type = TI_OPT_PERCENT, .def = "50", .min = 1, .max = 100,
	    .help = "no alarm while at least this share of handshakes completes"),
	OPT(unlistened_rate, .type = TI_OPT_U64, .def = "1000", .min = 1, .max = 1000000000,
	    .help = "the same for SYNs that no socket listens for, by interface, unless they go to "
		    "many targets as a scan's do"),
	OPT(clear_after, .type = TI_OPT_DURATION, .def = "10s", .min = 1000000000,
	    .max = 3600000000000, .help = "a flood is over after this long without a bad second"),
	OPT(update_period, .type = TI_OPT_DURATION, .def = "10s", .min = 0, .max = 3600000000000,
	    .help = "flood_update this often while one lasts; 0: never"),
	OPT(sources_period, .type = TI_OPT_DURATION, .def = "60s", .min = 0, .max = 3600000000000,
	    .help = "syn_sources this often, and at the end; 0: never"),
	OPT(sources_top, .type = TI_OPT_U32, .def = "10", .min = 1, .max = SYN_SOURCES_TOP,
	    .help = "sources that syn_sources names"),
	OPT(backscatter_rate, .type = TI_OPT_U64, .def = "100", .min = 1, .max = 1000000000,
	    .help = "SYN-ACKs a second that answer nothing: backscatter is reported from here on"),
	OPT(explain, .type = TI_OPT_BOOL, .def = "no",
	    .help = "log each second why there is an alarm or none, for every destination with "
		    "SYNs"),
};
#undef OPT

/* --- numbers of this tick -------------------------------------------------- */

/* Ticks come a second apart, more or less. */
static bool is_due(const struct self *s, uint64_t since, uint64_t period)
{
	return period && s->now - since + SECOND / 2 >= period;
}

static bool is_listener(uint32_t slot)
{
	return slot < SLOTS;
}

/* Of SYNs to no listener. */
static bool is_bucket(uint32_t slot)
{
	return slot >= SLOTS && slot < BACKSCATTER;
}

/* What a slot has counted since the last tick. `epoch` is the one that ended. */
static void read_second(struct self *s, uint32_t slot, uint32_t epoch)
{
	struct watched *w = &s->watched[slot];
	struct counted now = counted_sum(&s->cpus, slot, epoch);
	size_t distinct = offsetof(struct synflood, counted[slot].sources);
	uint64_t ns = s->now - s->last;

	w->second = (struct second){
		.syns = per_second(now.syns - w->last.syns, ns),
		.completed = per_second(now.completed - w->last.completed, ns),
		.rsts = per_second(now.rsts - w->last.rsts, ns),
		.targets = 1,
		.listening = is_listener(slot),
		.completion_known = s->host->hook(s->h, "completions") != NULL,
	};
	if (now.syns != w->last.syns) {
		w->second.sources = distinct_estimate(&s->cpus, distinct, epoch);
		if (is_bucket(slot))
			w->second.targets = distinct_estimate(
				&s->cpus, offsetof(struct synflood, targets[slot - SLOTS].distinct),
				epoch);
	}
	w->arrived = now.syns - w->last.syns;
	w->last = now;
	if (slot != BACKSCATTER)
		s->arrived += w->arrived;
}

/* --- events ---------------------------------------------------------------- */

static void set_text(char *to, __u16 *len, size_t size, const char *text)
{
	*len = strnlen(text, size);
	memcpy(to, text, *len);
}

/* Where: a listener's own port, else the one that most SYNs went to. */
static void locate(struct self *s, uint32_t slot)
{
	struct watched *w = &s->watched[slot];
	uint32_t votes = 0;

	w->vlan = w->last.vlan;
	w->ifindex = w->last.ifindex;
	if (is_listener(slot)) {
		w->dst = w->last.dst;
		w->port = s->listeners.slot[slot].port;
		return;
	}
	for (int i = 0; i < s->cpus.n; i++) {
		const struct targets *t = &cpu_at(&s->cpus, i)->targets[slot - SLOTS];

		if (t->votes <= votes)
			continue;
		votes = t->votes;
		w->dst = t->dst;
		w->port = t->port;
	}
}

/* Else what had most of them once would outvote all that comes later. */
static void forget_votes(struct self *s, uint32_t slot)
{
	for (int i = 0; i < s->cpus.n; i++)
		cpu_at(&s->cpus, i)->targets[slot - SLOTS].votes = 0;
}

static void emit_flood(struct self *s, uint32_t slot, uint32_t epoch, int event)
{
	struct watched *w = &s->watched[slot];
	struct flood_start e = {0};

	if (event != s->flood_end)
		w->class = senders_classify(&s->senders, slot, epoch, w->second.syns, &e);
	if (w->detector.overload)
		w->class = FLOOD_CLASS_OVERLOAD;
	e.dst_ip = w->dst;
	e.dst_port = w->port;
	e.vlan = w->vlan;
	e.ifname = w->ifindex;
	e.class = w->class;
	e.completion =
		w->second.completion_known ? FLOOD_COMPLETION_SOCKETS : FLOOD_COMPLETION_UNKNOWN;
	e.listening = is_listener(slot);
	e.syns_per_s = w->second.syns;
	e.completed_per_s = w->second.completed;
	e.rsts_per_s = w->second.rsts;
	e.sources = event == s->flood_end ? w->sources_peak : w->second.sources;
	e.syns = w->syns;
	e.peak_syns_per_s = w->peak;
	e.duration = w->bad - w->started;
	set_text(e.explain.str, &e.explain.len, sizeof(e.explain.str), w->detector.why);
	s->host->emit(s->h, event, &e, sizeof(e), s->now);
	w->said = s->now;
}

/* Before an alarm: a flood has begun within a second, or slowly. The second
 * before the alarm may be its, and all in which the sum of a slow one has grown. */
static void add_up_before(struct self *s, struct watched *w)
{
	bool few = completes_too_few(&w->second, &s->limits);

	if (!few || w->detector.cusum <= 0)
		w->syns = 0;
	if (!w->syns)
		w->started = s->last;
	w->syns += few ? w->arrived : 0;
	w->after = w->peak = w->sources_peak = 0;
}

/* From the alarm on. A flood ends within a second, too: the one after the last
 * bad one is its. */
static void add_up(struct self *s, struct watched *w, bool bad)
{
	if (!w->syns)
		w->started = s->last;
	w->after += w->arrived;
	if (bad || w->bad == s->last) {
		w->syns += w->after;
		w->after = 0;
	}
	if (!bad)
		return;
	if (w->second.syns > w->peak)
		w->peak = w->second.syns;
	if (w->second.sources > w->sources_peak)
		w->sources_peak = w->second.sources;
}

static void explain(struct self *s, uint32_t slot, enum outcome outcome)
{
	static const char *const says[] = {
		[OUTCOME_QUIET] = "no alarm",
		[OUTCOME_START] = "alarm",
		[OUTCOME_GOES_ON] = "alarm goes on",
		[OUTCOME_END] = "alarm over",
	};
	const struct watched *w = &s->watched[slot];
	char where[IF_NAMESIZE];

	if (!w->second.syns && outcome == OUTCOME_QUIET)
		return;
	if (is_listener(slot))
		snprintf(where, sizeof(where), "port %u", s->listeners.slot[slot].port);
	else if (!if_indextoname(w->last.ifindex, where))
		snprintf(where, sizeof(where), "interface %u", w->last.ifindex);
	s->host->log(s->h, TI_LOG_INFO, "%s: %s: %s", where, says[outcome], w->detector.why);
}

static void judge(struct self *s, uint32_t slot, uint32_t epoch)
{
	struct watched *w = &s->watched[slot];
	enum outcome outcome;

	w->second.queue_full = is_listener(slot) && s->listeners.slot[slot].queue_full;
	outcome = detect(&w->detector, &w->second, &s->limits);
	bool bad;

	if (s->o->explain)
		explain(s, slot, outcome);
	if (outcome == OUTCOME_QUIET) {
		add_up_before(s, w);
		return;
	}
	bad = outcome != OUTCOME_END && !w->detector.quiet;
	add_up(s, w, bad);
	if (outcome == OUTCOME_END) {
		emit_flood(s, slot, epoch, s->flood_end);
		w->syns = w->after = w->peak = w->sources_peak = 0;
		return;
	}
	if (!bad) /* it may be over */
		return;
	w->bad = s->now;
	locate(s, slot);
	if (outcome == OUTCOME_START)
		emit_flood(s, slot, epoch, s->flood_start);
	else if (is_due(s, w->said, s->o->update_period))
		emit_flood(s, slot, epoch, s->flood_update);
}

/* Said at once, then every update_period for as long as it lasts. */
static void judge_backscatter(struct self *s)
{
	struct watched *w = &s->watched[BACKSCATTER];
	struct backscatter e = {
		.dst_ip = w->last.dst,
		.src_ip = w->last.src,
		.src_port = w->last.port,
		.vlan = w->last.vlan,
		.ifname = w->last.ifindex,
		.synacks_per_s = w->second.syns,
		.sources = w->second.sources,
	};

	if (w->second.syns < s->o->backscatter_rate)
		return;
	if (w->said && !is_due(s, w->said, s->o->update_period ? s->o->update_period : 10 * SECOND))
		return;
	s->host->emit(s->h, s->backscatter, &e, sizeof(e), s->now);
	w->said = s->now;
}

static void emit_sources(struct self *s, uint32_t epoch)
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

/* --- callbacks --------------------------------------------------------------- */

static void tick_sources(struct self *s)
{
	uint32_t ended = *s->sources_epoch;

	/* Also when nobody wants to hear of it: counts have 31 bits. */
	if (!is_due(s, s->sources_since, s->o->sources_period ? s->o->sources_period : 3600 * SECOND))
		return;
	sources_clear(&s->cpus, ended + 1);
	__atomic_store_n(s->sources_epoch, ended + 1, __ATOMIC_RELEASE);
	if (s->o->sources_period)
		emit_sources(s, ended);
	s->sources_since = s->now;
}

static void tick_listeners(struct self *s, bool waiting)
{
	bool changed = __atomic_exchange_n(s->listeners_changed, 0, __ATOMIC_ACQ_REL);
	bool blind = !s->host->hook(s->h, "completions");

	if (!changed && !waiting && !blind && s->now - s->scanned < RESCAN * SECOND)
		return;
	listeners_scan(&s->listeners);
	s->scanned = s->now;
}

static bool is_watched(const struct self *s, uint32_t slot)
{
	return !is_listener(slot) || s->listeners.slot[slot].used || s->watched[slot].detector.alarmed;
}

static void tick(void *self, uint64_t boot_ns)
{
	struct self *s = self;
	uint32_t ended = *s->epoch;
	bool waiting = false;

	s->now = boot_ns;
	s->arrived = 0;
	senders_begin(&s->senders, *s->sources_epoch, boot_ns - s->last);
	__atomic_store_n(s->epoch, ended + 1, __ATOMIC_RELEASE);
	for (uint32_t slot = 1; slot < COUNTED; slot++) {
		if (!is_watched(s, slot))
			continue;
		read_second(s, slot, ended);
		waiting |= s->watched[slot].second.syns > s->watched[slot].second.completed ||
			   s->watched[slot].detector.alarmed;
	}
	tick_listeners(s, waiting); /* also says whose accept queue is full */
	for (uint32_t slot = 1; slot < BACKSCATTER; slot++) {
		if (!is_watched(s, slot))
			continue;
		judge(s, slot, ended);
		if (is_bucket(slot) && s->watched[slot].arrived)
			forget_votes(s, slot);
	}
	judge_backscatter(s);
	prefixes_clear(&s->cpus, ended);
	senders_end(&s->senders, s->arrived, s->o->alarm_rate / 4);
	tick_sources(s);
	s->last = boot_ns;
}

/* A slot's counters only grow; a listener that is new in it starts from here. */
static void start_counting(struct self *s)
{
	s->last = s->sources_since = s->scanned = s->host->now(s->h);
	for (uint32_t slot = 0; slot < COUNTED; slot++)
		s->watched[slot].last = counted_sum(&s->cpus, slot, *s->epoch);
}

static int find_memory(struct self *s)
{
	size_t size;

	s->cpus.at = s->host->memory(s->h, "synflood", &s->cpus.stride);
	s->cpus.n = s->host->cpus(s->h);
	s->senders.cpus = &s->cpus;
	s->epoch = s->host->memory(s->h, "synflood_epoch", &size);
	s->sources_epoch = s->host->memory(s->h, "sources_epoch", &size);
	s->listeners_changed = s->host->memory(s->h, "listeners_changed", &size);
	s->flood_start = s->host->event(s->h, "flood_start");
	s->flood_update = s->host->event(s->h, "flood_update");
	s->flood_end = s->host->event(s->h, "flood_end");
	s->backscatter = s->host->event(s->h, "backscatter");
	s->syn_sources = s->host->event(s->h, "syn_sources");
	return s->cpus.at && s->epoch && s->sources_epoch && s->listeners_changed ? 0 : -ENOENT;
}

static int start(void **self, const struct ti_host *host, struct ti_handle *h, const void *config)
{
	struct self *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return -ENOMEM;
	s->host = host;
	s->h = h;
	s->o = config;
	s->limits = (struct limits){s->o->alarm_rate, s->o->unlistened_rate, s->o->completion,
				    (s->o->clear_after + SECOND - 1) / SECOND};
	r = find_memory(s);
	if (r == 0)
		r = listeners_init(&s->listeners, host, h);
	if (r < 0) {
		free(s);
		return r;
	}
	*s->epoch = 1;
	start_counting(s);
	*self = s;
	return 0;
}

static void stop(void *self)
{
	struct self *s = self;

	s->now = s->host->now(s->h);
	for (uint32_t slot = 1; slot < COUNTED; slot++)
		if (s->watched[slot].detector.alarmed) {
			snprintf(s->watched[slot].detector.why, sizeof(s->watched[slot].detector.why),
				 "it may go on: tcpinspect stops");
			emit_flood(s, slot, 0, s->flood_end);
		}
	if (s->o->sources_period)
		emit_sources(s, *s->sources_epoch);
	free(s);
}

TI_BPF_OBJECT(synflood_bpf, "synflood.bpf.o");
TI_PLUGIN(
	synflood, .version = "1.0",
	.summary =
		"SYN floods by listener, their sources and class; backscatter; top sources of SYNs",
	TI_PLUGIN_BPF(synflood_bpf), .options = options,
	.n_options = sizeof(options) / sizeof(options[0]), .config_size = sizeof(struct options),
	.start = start, .tick = tick, .stop = stop, );

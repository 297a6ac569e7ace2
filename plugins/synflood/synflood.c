/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * synflood.c - once a second: what have listeners, and interfaces for what
 * nobody listens on, counted; is one of them being flooded; say so.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "watch.h"

#define RESCAN 30 /* seconds; against a LISTEN transition that was missed */
#define TRACK  60 /* seconds; then it may cost nothing again */

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
	OPT(limit_rate, .type = TI_OPT_U64, .def = "100", .min = 1, .max = 1000000,
	    .help = "with mode = limit: SYNs a second that are left to a source or prefix which "
		    "sends more to what is flooded"),
	OPT(deny, .type = TI_OPT_PREFIXES,
	    .help = "with mode = limit: drop all SYNs of these prefixes, 192.0.2.0/24 or 2001:db8::/32"),
	OPT(explain, .type = TI_OPT_BOOL, .def = "no",
	    .help = "log each second why there is an alarm or none, for every destination with "
		    "SYNs"),
};
#undef OPT

/* --- numbers of this tick -------------------------------------------------- */

/* So many SYNs of which nothing is known make it worth a look at all packets. */
static uint64_t few(const struct self *s, uint32_t slot)
{
	uint64_t rate = slot == BACKSCATTER ? s->o->backscatter_rate : s->o->alarm_rate;

	return rate / 12;
}

static uint64_t dropped_of(const struct tally *t)
{
	uint64_t sum = 0;

	for (int i = 0; i < FLOOD_DROPS; i++)
		sum += t->dropped[i];
	return sum;
}

/* How many handshakes packets show to complete. Those that came before it was tracked
 * are taken to complete as those after it. */
static uint64_t completed_by_packets(const struct self *s, uint32_t slot, const struct counted *now)
{
	const struct watched *w = &s->watched[slot];
	uint64_t acked = now->acked - w->last.acked, remembered = now->remembered - w->last.remembered,
		 passed = w->arrived.syns - dropped_of(&w->arrived);

	/* With SYN cookies the kernel answers and has no socket, whoever goes on. */
	if (is_listener(slot) && s->cookies_sent)
		return 0;
	return remembered && passed > remembered ? acked * passed / remembered : acked;
}

/* What a slot has counted since the last tick. `epoch` is the one that ended. */
static void read_second(struct self *s, uint32_t slot, uint32_t epoch)
{
	struct watched *w = &s->watched[slot];
	struct counted now = counted_sum(&s->cpus, slot, epoch);
	size_t distinct = offsetof(struct synflood, counted[slot].sources);
	uint64_t ns = s->now - s->last, completed = now.completed - w->last.completed,
		 remembered = now.remembered - w->last.remembered, acked;

	w->arrived.syns = now.syns - w->last.syns;
	for (int i = 0; i < FLOOD_DROPS; i++)
		w->arrived.dropped[i] = now.dropped[i] - w->last.dropped[i];
	acked = completed_by_packets(s, slot, &now);
	w->by_packets = acked > completed;
	w->second = (struct second){
		.syns = per_second(now.syns - w->last.syns, ns),
		.completed = per_second(completed + acked, ns),
		.rsts = per_second(now.rsts - w->last.rsts, ns),
		.targets = 1,
		.listening = !is_bucket(slot),
		.completion_known = !is_listener(slot) || s->host->hook(s->h, "completions"),
		.unsure = !s->tracked && !remembered,
	};
	if (now.syns != w->last.syns) {
		w->second.sources = distinct_estimate(&s->cpus, distinct, epoch);
		if (is_bucket(slot))
			w->second.targets = distinct_estimate(
				&s->cpus, offsetof(struct synflood, targets[slot - SLOTS].distinct),
				epoch);
	}
	w->fresh = w->sources_before;
	w->second.sources += w->sources_before;
	w->sources_before = 0;
	if (w->arrived.syns > completed + few(s, slot))
		s->unexplained = true;
	w->last = now;
	if (slot != BACKSCATTER)
		s->arrived += w->arrived.syns;
}

/* --- floods ---------------------------------------------------------------- */

/* Else what had most of them once would outvote all that comes later. */
static void forget_votes(struct self *s, uint32_t slot)
{
	for (int i = 0; i < s->cpus.n; i++)
		cpu_at(&s->cpus, i)->targets[slot - SLOTS].votes = 0;
}

static void tally_add(struct tally *to, const struct tally *x)
{
	to->syns += x->syns;
	for (int i = 0; i < FLOOD_DROPS; i++)
		to->dropped[i] += x->dropped[i];
}

/* Before an alarm: a flood has begun within a second, or slowly. The second
 * before the alarm may be its, and all in which the sum of a slow one has grown. */
static void add_up_before(struct self *s, struct watched *w)
{
	bool too_few = completes_too_few(&w->second, &s->limits);

	if (!too_few || (w->detector.cusum <= 0 && !w->detector.waits))
		w->total = (struct tally){0};
	if (!w->total.syns)
		w->started = s->last;
	if (too_few)
		tally_add(&w->total, &w->arrived);
	w->after = (struct tally){0};
	w->peak = w->sources_peak = 0;
}

/* From the alarm on. A flood ends within a second, too: the one after the last
 * bad one is its. */
static void add_up(struct self *s, struct watched *w, bool bad)
{
	if (!w->total.syns)
		w->started = s->last;
	tally_add(&w->after, &w->arrived);
	if (bad || w->bad == s->last) {
		tally_add(&w->total, &w->after);
		w->after = (struct tally){0};
	}
	if (!bad)
		return;
	if (w->second.syns > w->peak)
		w->peak = w->second.syns;
	if (w->second.sources > w->sources_peak)
		w->sources_peak = w->second.sources;
}

/* Drop what floods, or nothing any more. Clients that overload a server are not dropped. */
static void limit(struct self *s, uint32_t slot, uint32_t epoch, bool alarmed)
{
	const struct watched *w = &s->watched[slot];
	const struct second *x = &w->second;
	struct flood_start e = {0};

	if (!s->limit.on)
		return;
	if (!alarmed || w->detector.overload) {
		limit_none(&s->limit, slot);
		return;
	}
	senders_classify(&s->senders, slot, epoch, x->syns, &e);
	limit_flood(&s->limit, slot, &e, x->syns > x->completed ? x->syns - x->completed : 0,
		    s->o->alarm_rate, s->now);
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
	if (bad || outcome == OUTCOME_END)
		limit(s, slot, epoch, bad);
	if (outcome == OUTCOME_END) {
		emit_flood(s, slot, epoch, s->flood_end);
		w->total = w->after = (struct tally){0};
		w->peak = w->sources_peak = 0;
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
	const struct watched *w = &s->watched[BACKSCATTER];
	const struct second *x = &w->second;

	if (x->unsure || x->syns < x->completed + s->o->backscatter_rate)
		return;
	if (!w->said || is_due(s, w->said, s->o->update_period ? s->o->update_period : 10 * SECOND))
		emit_backscatter(s);
}

/* --- callbacks --------------------------------------------------------------- */

/* SYN cookies that this network namespace has sent, ever. */
static uint64_t cookies_sent(const struct self *s)
{
	unsigned long long n = 0;
	FILE *f = s->host->offline(s->h) ? NULL : fopen("/proc/thread-self/net/netstat", "re");
	char line[4096];

	/* Names, then values of the same order; it is the first: since Linux 2.6. */
	while (f && fgets(line, sizeof(line), f) && sscanf(line, "TcpExt: %llu", &n) != 1)
		;
	if (f)
		fclose(f);
	return n;
}

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
	if (s->watched[slot].detector.alarmed)
		return true;
	if (is_served(slot))
		return s->served.one[slot - SERVED].used;
	return !is_listener(slot) || s->listeners.slot[slot].used;
}

/* Slots for what has many SYNs behind this host. */
/* In a capture the second that is over counts, too: a burst may be all there is. */
static void start_watching(struct self *s, uint32_t slot, const struct candidate *was, uint32_t epoch)
{
	struct watched *w = &s->watched[slot];

	*w = (struct watched){ .last = counted_sum(&s->cpus, slot, epoch) };
	if (!s->host->offline(s->h))
		return;
	w->last.syns -= was->count - was->error;
	w->last.acked -= was->acked;
	w->last.remembered -= was->count - was->error;
	w->sources_before = bits_estimate(was->sources);
}

static void tick_served(struct self *s, uint32_t epoch)
{
	bool fresh[SERVED_MAX];
	uint64_t elsewhere;

	for (uint32_t i = 0; i < SERVED_MAX; i++) {
		const struct watched *w = &s->watched[SERVED + i];

		s->served.one[i].syns = w->second.syns;
		s->served.one[i].busy = s->served.one[i].used &&
					(w->detector.alarmed || w->arrived.syns > few(s, SERVED));
	}
	served_tick(&s->served, &s->cpus, epoch, few(s, SERVED) + 1, fresh, &elsewhere);
	for (uint32_t i = 0; i < SERVED_MAX; i++)
		if (fresh[i])
			start_watching(s, SERVED + i, &s->served.one[i].was, epoch);
	s->unexplained |= elsewhere > few(s, SERVED);
	if (s->now - s->looked >= RESCAN * SECOND) {
		served_scan(&s->served);
		s->looked = s->now;
	}
}

/* SYN cookies since the last tick? While they are sent, no socket need stand behind a
 * handshake that packets complete at a listener of ours. */
static void tick_cookies(struct self *s)
{
	uint64_t n = cookies_sent(s);

	s->cookies_sent = n != s->cookies;
	s->cookies = n;
}

/* Look at all packets while sockets don't tell enough. */
static void tick_tracking(struct self *s)
{
	if (s->unexplained)
		s->track_until = s->now + TRACK * SECOND;
	s->tracked = s->now < s->track_until;
	__atomic_store_n(s->tracking, s->tracked, __ATOMIC_RELEASE);
}

static void tick(void *self, uint64_t boot_ns)
{
	struct self *s = self;
	uint32_t ended = *s->epoch;
	bool waiting = false;

	s->now = boot_ns;
	s->arrived = 0;
	s->unexplained = false;
	senders_begin(&s->senders, *s->sources_epoch, boot_ns - s->last);
	__atomic_store_n(s->epoch, ended + 1, __ATOMIC_RELEASE);
	tick_cookies(s);
	if (s->host->offline(s->h))
		tick_served(s, ended);
	for (uint32_t slot = 1; slot < COUNTED; slot++) {
		if (!is_watched(s, slot))
			continue;
		read_second(s, slot, ended);
		waiting |= s->watched[slot].second.syns > s->watched[slot].second.completed ||
			   s->watched[slot].detector.alarmed;
	}
	tick_listeners(s, waiting); /* also says whose accept queue is full */
	for (uint32_t slot = 1; slot < COUNTED; slot++) {
		if (slot == BACKSCATTER || !is_watched(s, slot))
			continue;
		judge(s, slot, ended);
		if (is_bucket(slot) && s->watched[slot].arrived.syns)
			forget_votes(s, slot);
	}
	judge_backscatter(s);
	if (!s->host->offline(s->h))
		tick_served(s, ended);
	tick_tracking(s);
	prefixes_clear(&s->cpus, ended);
	limit_expire(&s->limit, s->now, s->o->clear_after);
	senders_end(&s->senders, s->arrived, s->o->alarm_rate / 4);
	tick_sources(s);
	count_totals(s);
	s->last = boot_ns;
}

static void attached(void *self)
{
	struct self *s = self;

	served_scan(&s->served);
}

/* A slot's counters only grow; a listener that is new in it starts from here. */
static void start_counting(struct self *s)
{
	s->last = s->sources_since = s->scanned = s->looked = s->host->now(s->h);
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
	s->tracking = s->host->memory(s->h, "tracking", &size);
	s->track_from = s->host->memory(s->h, "track_from", &size);
	s->flood_start = s->host->event(s->h, "flood_start");
	s->flood_update = s->host->event(s->h, "flood_update");
	s->flood_end = s->host->event(s->h, "flood_end");
	s->backscatter = s->host->event(s->h, "backscatter");
	s->syn_sources = s->host->event(s->h, "syn_sources");
	return s->cpus.at && s->epoch && s->sources_epoch && s->listeners_changed && s->tracking && s->track_from ? 0 : -ENOENT;
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
	if (r == 0)
		r = served_init(&s->served, host, h);
	if (r == 0)
		r = limit_init(&s->limit, host, h, s->o->limit_rate, s->o->deny);
	if (r < 0) {
		free(s);
		return r;
	}
	*s->epoch = 1;
	*s->track_from = few(s, 0);
	s->cookies = cookies_sent(s);
	start_counting(s);
	if (host->offline(h)) { /* no socket tells what completes */
		s->track_until = UINT64_MAX;
		tick_tracking(s);
	}
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
	count_totals(s);
	say_dropped(s);
	free(s);
}

TI_BPF_OBJECT(synflood_bpf, "synflood.bpf.o");
TI_PLUGIN(
	synflood, .version = "1.0",
	.summary =
		"SYN floods by listener, their sources and class; backscatter; top sources of SYNs",
	TI_PLUGIN_BPF(synflood_bpf), .options = options,
	.n_options = sizeof(options) / sizeof(options[0]), .config_size = sizeof(struct options),
	.offline = "every address is taken for a server behind this host, and ACKs tell whose handshakes complete",
	.start = start, .attached = attached, .tick = tick, .stop = stop, );

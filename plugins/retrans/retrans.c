/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * retrans.c - once a period: summaries of the connections that have retransmitted
 * in it, those that did most, and histograms of round-trip times. What happens at
 * once, retransmissions, alarms, a connection's last summary, comes from the BPF
 * program.
 */
#include "retrans.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <time.h>
#include <tcpinspect/plugin.h>
#include "rtt.h"
#include "top.h"

#define SECOND 1000000000ull

struct options {
	uint64_t period;
	uint32_t top, histograms;
};

struct self {
	const struct ti_host *host;
	struct ti_handle *h;
	const struct options *o;
	uint32_t *epoch; /* in the BPF object */
	uint64_t *evicted; /* this plugin's counter; the BPF program leaves it alone */
	int conns, groups; /* maps */
	int retrans_summary, retrans_top, rtt_histogram; /* event numbers */

	uint64_t since; /* boot ns: the current period */
	struct retrans_top top; /* of it: those that have closed so far */
	/* While a period ends. */
	uint64_t now, live;
	uint32_t ended;
	struct rtt_top histograms;
};

#define OPT(field, ...)                                                               \
	{                                                                             \
		.key = #field, .offset = offsetof(struct options, field), __VA_ARGS__ \
	}
static const struct ti_option options[] = {
	OPT(period, .type = TI_OPT_DURATION, .def = "60s", .min = 0, .max = 3600000000000,
	    .help = "retrans_summary, retrans_top and rtt_histogram this often, and at the end; 0: "
		    "summaries only when connections close"),
	OPT(top, .type = TI_OPT_U32, .def = "10", .min = 0, .max = RETRANS_TOP,
	    .help = "connections that retrans_top names; 0: no retrans_top"),
	OPT(histograms, .type = TI_OPT_U32, .def = "32", .min = 0, .max = GROUPS,
	    .help = "rtt_histogram for so many ports and prefixes, of those with most samples"),
};
#undef OPT

/* --- the end of a period ----------------------------------------------------- */

static int on_conn(void *arg, const void *key, const void *value)
{
	struct self *s = arg;
	const struct conn *c = value;
	struct retrans_summary e = c->s;

	(void)key;
	s->live++;
	if (c->epoch - s->ended > 1) /* it may have begun to count the next one */
		return 0;
	e.period_segs = c->in_period[s->ended & 1];
	if (!e.period_segs)
		return 0;
	s->host->emit(s->h, s->retrans_summary, &e, sizeof(e), s->now);
	top_add(&s->top, s->o->top, &e);
	return 0;
}

static int on_group(void *arg, const void *key, const void *value)
{
	struct self *s = arg;
	const struct rtt_counts *c = &((const struct group *)value)->rtt[s->ended & 1];
	struct rtt_histogram e;

	if (c->epoch != s->ended)
		return 0;
	e = rtt_event(key, c);
	e.window = s->now - s->since;
	rtt_top_add(&s->histograms, &e);
	return 0;
}

/* Created before those that live are counted, deleted after: never too many. */
static uint64_t moved(struct self *s, size_t offset)
{
	size_t stride;
	char *at = s->host->memory(s->h, "conns_moved", &stride);
	uint64_t sum = 0;

	for (int cpu = 0; at && cpu < s->host->cpus(s->h); cpu++)
		sum += __atomic_load_n((uint64_t *)(at + cpu * stride + offset), __ATOMIC_RELAXED);
	return sum;
}

static void end_conns(struct self *s)
{
	uint64_t created = moved(s, offsetof(struct conns_moved, created)), gone;

	s->live = 0;
	s->host->map_each(s->h, s->conns, on_conn, s);
	gone = moved(s, offsetof(struct conns_moved, deleted)) + s->live;
	if (created > gone + *s->evicted)
		__atomic_store_n(s->evicted, created - gone, __ATOMIC_RELAXED);
	s->top.window = s->now - s->since;
	if (s->o->top && s->top.connections)
		s->host->emit(s->h, s->retrans_top, &s->top, sizeof(s->top), s->now);
	s->top = (struct retrans_top){0};
}

static void end_groups(struct self *s)
{
	s->histograms.n = 0;
	s->host->map_each(s->h, s->groups, on_group, s);
	for (size_t i = 0; i < s->histograms.n; i++)
		s->host->emit(s->h, s->rtt_histogram, &s->histograms.at[i],
			      sizeof(s->histograms.at[i]), s->now);
}

static void end_period(struct self *s, uint64_t now)
{
	s->now = now;
	s->ended = *s->epoch;
	__atomic_store_n(s->epoch, s->ended + 1, __ATOMIC_RELEASE);
	end_conns(s);
	if (s->o->histograms)
		end_groups(s);
	s->since = now;
}

/* --- callbacks --------------------------------------------------------------- */

/* Ticks come a second apart, more or less. */
static void tick(void *self, uint64_t boot_ns)
{
	struct self *s = self;

	if (s->o->period && boot_ns - s->since + SECOND / 2 >= s->o->period)
		end_period(s, boot_ns);
}

/* Those that close are no more when the period ends. */
static int event(void *self, const struct ti_record *rec, void *data)
{
	struct self *s = self;
	const struct retrans_summary *e = data;

	if (rec->event == s->retrans_summary && e->period_segs)
		top_add(&s->top, s->o->top, e);
	return 0;
}

static int find(struct self *s)
{
	struct timespec jiffy;
	size_t size;
	uint64_t *jiffy_ns = s->host->memory(s->h, "jiffy_ns", &size);
	uint64_t *counters = s->host->memory(s->h, "ti_counters", &size);

	s->epoch = s->host->memory(s->h, "epoch", &size);
	s->conns = s->host->map(s->h, "conns");
	s->groups = s->host->map(s->h, "groups");
	s->retrans_summary = s->host->event(s->h, "retrans_summary");
	s->retrans_top = s->host->event(s->h, "retrans_top");
	s->rtt_histogram = s->host->event(s->h, "rtt_histogram");
	if (!s->epoch || !jiffy_ns || !counters || s->conns < 0 || s->groups < 0)
		return -ENOENT;
	s->evicted = counters + TI_COUNT_EVICTED;
	clock_getres(CLOCK_MONOTONIC_COARSE, &jiffy);
	*jiffy_ns = jiffy.tv_nsec;
	*s->epoch = 1;
	return rtt_top_init(&s->histograms, s->o->histograms);
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
	r = find(s);
	if (r < 0) {
		free(s);
		return r;
	}
	s->since = host->now(h);
	*self = s;
	return 0;
}

static void stop(void *self)
{
	struct self *s = self;

	if (s->o->period)
		end_period(s, s->host->now(s->h));
	rtt_top_free(&s->histograms);
	free(s);
}

TI_BPF_OBJECT(retrans_bpf, "retrans.bpf.o");
TI_PLUGIN(
	retrans, .version = "1.0",
	.summary = "retransmissions by cause, connections that have many, round-trip times",
	TI_PLUGIN_BPF(retrans_bpf), .options = options,
	.n_options = sizeof(options) / sizeof(options[0]), .config_size = sizeof(struct options),
	.start = start, .event = event, .tick = tick, .stop = stop, );

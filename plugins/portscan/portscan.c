/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * portscan.c - ten times a second: what the kernel has told goes to scan.c, what that
 * finds goes out.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <tcpinspect/plugin.h>
#include "scan.h"

#define TICK_MS	   100
#define TENTH	   (TICK_MS * 1000000ull) /* the unit of scan.h's times */
#define SECOND	   10
#define TELL_AGAIN (16 * SECOND)  /* at most once in that time user space is told the same */
#define CONTACTS   (300 * SECOND) /* connections made from here are remembered once or twice as long */

/* Unknown sources a second, and how many ports one has to try then to be one of several:
 * of a million random ones a second some hundred come twice in a minute, a dozen three times. */
static const struct {
	uint32_t sources, repeat;
} floods[] = { { 0, 2 }, { 100, 3 }, { 20000, 8 } };

struct options {
	uint32_t closed_weight, privileged_weight, any_ports, slow_ports, odd_ports, ack_ports, sweep_hosts;
	uint32_t distributed_ports, distributed_sources;
	uint64_t closed_window, any_window, slow_window, odd_window, sweep_window, distributed_window;
	uint64_t answer_wait, end_after, update_period;
};

struct cpu_queue {
	struct queue *queue;
	uint64_t head;    /* at the last tick */
	uint64_t probes;  /* probes before this record have been read */
	uint64_t answers; /* what follows on probes may be, before this one, when they all have been */
};

struct self {
	const struct ti_host *host;
	struct ti_handle *h;
	struct limits limits;
	struct scans scans;
	struct cpu_queue *cpu;
	int cpus;
	uint32_t *told_epoch, *contacts_epoch, *seconds; /* in the BPF object */
	uint64_t (*contacts)[CONTACT_WORDS];
	int event[SCAN_ENDS + 1];

	uint32_t told, contacted, counted; /* when last */
	uint64_t newcomers, full;
	uint32_t flood, flooded; /* entry of floods[], and when it last came to that */
};

#define OPT(field, ...)                                                               \
	{                                                                             \
		.key = #field, .offset = offsetof(struct options, field), __VA_ARGS__ \
	}
#define NUMBER(field, default, most, text)                                            \
	OPT(field, .type = TI_OPT_U32, .def = default, .min = 1, .max = most, .help = text)
#define TIME(field, default, least, text)                                             \
	OPT(field, .type = TI_OPT_DURATION, .def = default, .min = least, .max = 86400000000000, .help = text)
static const struct ti_option options[] = {
	NUMBER(closed_weight, "21", PROBES_MAX, "a source has scanned when its distinct closed ports weigh this much"),
	NUMBER(privileged_weight, "3", 64, "weight of a port below 1024; others weigh 1"),
	TIME(closed_window, "60s", TENTH, "within this time"),
	NUMBER(any_ports, "25", PROBES_MAX,
	       "or when it has tried this many ports, whatever came of it but a service's answer"),
	TIME(any_window, "300s", TENTH, "within this time"),
	NUMBER(slow_ports, "10", PROBES_MAX, "or this many closed ports, slowly"),
	TIME(slow_window, "1h", TENTH, "within this time"),
	NUMBER(odd_ports, "3", PROBES_MAX,
	       "or this many with flags that no connection has: FIN, NULL, XMAS, Maimon, SYN with FIN"),
	NUMBER(ack_ports, "10", PROBES_MAX, "or this many with ACKs that belong to no connection"),
	TIME(odd_window, "60s", TENTH, "within this time, both"),
	NUMBER(sweep_hosts, "25", PROBES_MAX, "or one port of this many hosts, a service's answer apart"),
	TIME(sweep_window, "300s", TENTH, "within this time"),
	NUMBER(distributed_ports, "15", 65536, "a victim is scanned when this many of its closed ports are tried"),
	NUMBER(distributed_sources, "5", 65536, "by this many sources, two or more by each"),
	TIME(distributed_window, "60s", TENTH, "within this time"),
	TIME(answer_wait, "2s", TENTH, "a port that has not answered by then will not"),
	TIME(end_after, "60s", TENTH,
	     "a scan is over after this long without a probe; a slow one after four times its pace"),
	TIME(update_period, "60s", 0, "scan_update this often while one lasts; 0: never"),
};
#undef OPT

/* --- events ------------------------------------------------------------------------ */

static uint8_t confidence(const struct scan *scan)
{
	static const uint8_t percent[] = {
		[SCAN_RULE_CLOSED] = 95, [SCAN_RULE_PORTS] = 80,   [SCAN_RULE_SLOW] = 70,
		[SCAN_RULE_FLAGS] = 99,  [SCAN_RULE_RESETS] = 80,  [SCAN_RULE_HOSTS] = 85,
		[SCAN_RULE_SOURCES] = 85,
	};

	return percent[scan->rule];
}

static void fill_counts(const struct scan *scan, struct scan_end *e)
{
	uint32_t count[4];

	e->exact = scan->ports && !scan->inexact;
	e->hosts = scan->n_victims < SCAN_VICTIMS ? scan->n_victims : sketch_estimate(scan->hosts, HOST_BITS);
	if (!scan->ports) {
		e->ports = sketch_estimate(scan->sketch, SKETCH_BITS);
		e->closed = scan->closed < e->ports ? scan->closed : e->ports;
		e->open = scan->open < e->ports - e->closed ? scan->open : e->ports - e->closed;
		e->unknown = e->ports - e->closed - e->open;
		return;
	}
	ports_count(scan->ports, count);
	e->unknown = count[PORT_UNKNOWN];
	e->closed = count[PORT_CLOSED];
	e->open = count[PORT_OPEN];
	e->ports = e->unknown + e->closed + e->open;
}

static void fill(const struct scan *scan, struct scan_end *e)
{
	uint32_t tenths = scan->last - scan->first;

	fill_counts(scan, e);
	e->src_ip = scan->source[0];
	e->dst_ip = scan->victim[0];
	e->dst_port = e->ports == 1 ? scan->lowest : scan->sweep_port;
	e->vlan = scan->vlan;
	e->ifname = scan->ifindex;
	e->probe = scan_probe(scan);
	e->kind = scan->kind ? scan->kind : e->probe;
	e->rule = scan->rule;
	e->fragmented = scan->fragmented;
	e->spoofable = !scan->proven;
	e->confidence = confidence(scan);
	e->sources = scan->sources;
	e->lowest = scan->lowest;
	e->highest = scan->highest;
	e->probes = scan->probes;
	e->probes_per_s = scan->probes * SECOND / (tenths ? tenths : 1);
	e->duration = tenths * TENTH;
	e->sample.len = scan->n_sample;
	memcpy(e->sample.item, scan->sample, sizeof(scan->sample));
	if (scan->n_victims > 1) {
		e->victims.len = scan->n_victims;
		memcpy(e->victims.item, scan->victim, sizeof(scan->victim));
	}
	if (scan->n_sources > 1) {
		e->scanners.len = scan->n_sources;
		memcpy(e->scanners.item, scan->source, sizeof(scan->source));
	}
}

static void count_scan(struct self *s, enum scan_kind kind)
{
	struct kinds *m = s->host->metrics(s->h, "kinds", &(struct by_kind){kind});

	if (m)
		m->scans++;
}

static void say(void *arg, enum scan_news news, const struct scan *scan, uint32_t now)
{
	struct self *s = arg;
	struct scan_end e = {0};

	fill(scan, &e);
	if (news == SCAN_STARTS)
		count_scan(s, e.kind);
	if (news == SCAN_ENDS)
		s->told = now - TELL_AGAIN; /* what its sources did is forgotten here */
	if (news == SCAN_ENDS && scan->ports)
		e.ranges.len = ports_ranges(scan->ports, e.ranges.str, sizeof(e.ranges.str));
	s->host->emit(s->h, s->event[news], &e, news == SCAN_ENDS ? sizeof(e) : sizeof(struct scan_start), 0);
}

/* --- callbacks --------------------------------------------------------------------- */

/* Is this an answer, or a RST that a connection's end may have drawn? */
static bool follows(const struct record *r)
{
	return r->probe == NO_PROBE || is_stray(r->probe);
}

/* The newest record may get an answer yet, unless a tick has gone by. */
static void read_probes(struct self *s, struct cpu_queue *c, uint32_t now)
{
	uint64_t head = __atomic_load_n(&c->queue->head, __ATOMIC_ACQUIRE);
	uint64_t upto = head == c->head ? head : head - 1;

	for (; c->probes < upto; c->probes++) {
		const struct record *r = &c->queue->record[c->probes % RECORDS];

		if (!follows(r))
			scans_add(&s->scans, r, now);
	}
	__atomic_store_n(&c->queue->read, upto, __ATOMIC_RELEASE);
	c->head = head;
}

static void read_answers(struct self *s, struct cpu_queue *c, uint32_t now)
{
	uint64_t at = c->queue->tail;

	for (; at < c->answers; at++) {
		const struct record *r = &c->queue->record[at % RECORDS];

		if (follows(r))
			scans_add(&s->scans, r, now);
	}
	__atomic_store_n(&c->queue->tail, at, __ATOMIC_RELEASE);
	c->answers = c->probes;
}

/* An answer may have been told by another CPU than its probe: it waits for one tick. */
static void read_queues(struct self *s, uint32_t now)
{
	for (int i = 0; i < s->cpus; i++)
		read_probes(s, &s->cpu[i], now);
	for (int i = 0; i < s->cpus; i++)
		read_answers(s, &s->cpu[i], now);
}

/* Once a second: do new sources come as only a flood's do, and did records get lost? */
static void count_sources(struct self *s, uint32_t now)
{
	uint64_t newcomers = 0, full = 0, rate;
	uint32_t flood = 0;
	struct probes *m;

	if (now - s->counted < SECOND)
		return;
	for (int i = 0; i < s->cpus; i++) {
		newcomers += s->cpu[i].queue->newcomers;
		full += s->cpu[i].queue->full;
	}
	rate = (newcomers - s->newcomers) * SECOND / (now - s->counted);
	while (flood + 1 < sizeof(floods) / sizeof(floods[0]) && rate >= floods[flood + 1].sources)
		flood++;
	if (flood >= s->flood || now - s->flooded > s->limits.distributed_window) {
		s->flood = flood;
		s->flooded = now;
	}
	if (full != s->full) {
		for (struct scan *scan = s->scans.newest; scan; scan = scan->older)
			scan->inexact = true;
		s->host->log(s->h, TI_LOG_WARNING,
			     "%llu probes came too fast to be looked at: counts of scans are too low",
			     (unsigned long long)(full - s->full));
		m = s->host->metrics(s->h, "probes", NULL);
		if (m)
			m->unseen_probes += full - s->full;
	}
	s->newcomers = newcomers;
	s->full = full;
	s->counted = now;
}

static void forget(struct self *s, uint32_t now)
{
	if (now - s->told >= TELL_AGAIN) {
		__atomic_store_n(s->told_epoch, *s->told_epoch + 1, __ATOMIC_RELEASE);
		s->told = now;
	}
	if (now - s->contacted >= CONTACTS) {
		memset(s->contacts[(*s->contacts_epoch + 1) & 1], 0, sizeof(*s->contacts));
		__atomic_store_n(s->contacts_epoch, *s->contacts_epoch + 1, __ATOMIC_RELEASE);
		s->contacted = now;
	}
}

static void tick(void *self, uint64_t boot_ns)
{
	struct self *s = self;
	uint32_t now = boot_ns / TENTH;

	*s->seconds = boot_ns / 1000000000;
	read_queues(s, now);
	count_sources(s, now);
	scans_judge(&s->scans, now, floods[s->flood].repeat);
	forget(s, now);
}

static int find_memory(struct self *s)
{
	size_t size;
	char *queue = s->host->memory(s->h, "queue", &size);

	s->cpus = s->host->cpus(s->h);
	s->told_epoch = s->host->memory(s->h, "told_epoch", &(size_t){0});
	s->contacts_epoch = s->host->memory(s->h, "contacts_epoch", &(size_t){0});
	s->contacts = s->host->memory(s->h, "contacts", &(size_t){0});
	s->seconds = s->host->memory(s->h, "seconds", &(size_t){0});
	s->event[SCAN_STARTS] = s->host->event(s->h, "scan_start");
	s->event[SCAN_GOES_ON] = s->host->event(s->h, "scan_update");
	s->event[SCAN_ENDS] = s->host->event(s->h, "scan_end");
	if (!queue || !s->told_epoch || !s->contacts_epoch || !s->contacts || !s->seconds)
		return -ENOENT;
	s->cpu = calloc(s->cpus, sizeof(*s->cpu));
	if (!s->cpu)
		return -ENOMEM;
	for (int i = 0; i < s->cpus; i++)
		s->cpu[i].queue = (struct queue *)(queue + i * size);
	return 0;
}

static struct limits limits_of(const struct options *o)
{
	return (struct limits){
		.closed_weight = o->closed_weight,
		.privileged_weight = o->privileged_weight,
		.any_ports = o->any_ports,
		.slow_ports = o->slow_ports,
		.odd_ports = o->odd_ports,
		.ack_ports = o->ack_ports,
		.sweep_hosts = o->sweep_hosts,
		.distributed_ports = o->distributed_ports,
		.distributed_sources = o->distributed_sources,
		.closed_window = o->closed_window / TENTH,
		.any_window = o->any_window / TENTH,
		.slow_window = o->slow_window / TENTH,
		.odd_window = o->odd_window / TENTH,
		.sweep_window = o->sweep_window / TENTH,
		.distributed_window = o->distributed_window / TENTH,
		.answer_wait = o->answer_wait / TENTH,
		.end_after = o->end_after / TENTH,
		.update_period = o->update_period / TENTH,
	};
}

static void release(struct self *s)
{
	scans_free(&s->scans);
	free(s->cpu);
	free(s);
}

static int start(void **self, const struct ti_host *host, struct ti_handle *h, const void *config)
{
	struct self *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return -ENOMEM;
	s->host = host;
	s->h = h;
	s->limits = limits_of(config);
	s->told = s->contacted = s->counted = host->now(h) / TENTH;
	r = find_memory(s);
	if (r == 0)
		r = scans_init(&s->scans, &s->limits, host->seed(h), say, s);
	if (r < 0) {
		release(s);
		return r;
	}
	*s->seconds = s->counted / SECOND;
	*self = s;
	return 0;
}

static void stop(void *self)
{
	struct self *s = self;
	uint32_t now = s->host->now(s->h) / TENTH;

	for (int i = 0; i < 3; i++) /* all that is there */
		read_queues(s, now);
	/* What hasn't answered by now won't. */
	now += s->limits.answer_wait;
	scans_judge(&s->scans, now, floods[s->flood].repeat);
	scans_end(&s->scans, now);
	release(s);
}

TI_BPF_OBJECT(portscan_bpf, "portscan.bpf.o");
TI_PLUGIN(
	portscan, .version = "1.0",
	.summary = "port scans and sweeps: fast, slow, stealthy, distributed or behind decoys",
	TI_PLUGIN_BPF(portscan_bpf), .options = options,
	.n_options = sizeof(options) / sizeof(options[0]), .config_size = sizeof(struct options),
	.tick_ms = TICK_MS, .offline = "the RSTs and SYN-ACKs in the capture tell what came of a probe, not sockets",
	.start = start, .tick = tick, .stop = stop, );

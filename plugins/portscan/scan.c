/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/* scan.c - scans from their begin to their end; see scan.h. */
#include "scan.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SECOND 10

int scans_init(struct scans *s, const struct limits *limits, uint64_t seed,
	       void (*say)(void *arg, enum scan_news news, const struct scan *scan, uint32_t now), void *arg)
{
	*s = (struct scans){ .limits = limits, .say = say, .arg = arg };
	return sources_init(&s->sources, seed, limits->answer_wait);
}

/* --- one scan --------------------------------------------------------------------- */

enum scan_kind scan_probe(const struct scan *scan)
{
	int most = 0;

	for (int i = 1; i < SCAN_KIND_SWEEP; i++)
		if (scan->of_kind[i] > scan->of_kind[most])
			most = i;
	return most;
}

static void add_victim(struct scan *scan, const ti_addr *victim)
{
	sketch_add(scan->hosts, HOST_BITS, victim->hi * 31 + victim->lo);
	for (uint32_t i = 0; i < scan->n_victims; i++)
		if (same_addr(&scan->victim[i], victim))
			return;
	if (scan->n_victims < SCAN_VICTIMS)
		scan->victim[scan->n_victims++] = *victim;
}

static void add_sample(struct scan *scan, ti_port port)
{
	for (int i = 0; i < scan->n_sample; i++)
		if (scan->sample[i] == port)
			return;
	if (scan->n_sample < SCAN_SAMPLE)
		scan->sample[scan->n_sample++] = port;
}

static void add_probe(struct scan *scan, const ti_addr *dst, ti_port port, uint8_t kind)
{
	scan->probes++;
	scan->of_kind[kind]++;
	scan->lowest = port < scan->lowest ? port : scan->lowest;
	scan->highest = port > scan->highest ? port : scan->highest;
	add_victim(scan, dst);
	add_sample(scan, port);
	if (scan->ports)
		ports_set(scan->ports, port, PORT_UNKNOWN);
	sketch_add(scan->sketch, SKETCH_BITS, port);
}

/* Answers to what wasn't seen to be asked are none. */
static void add_answer(struct scan *scan, ti_port port, uint8_t answer)
{
	if (answer == ANSWER_NONE)
		return;
	if (scan->ports && ports_get(scan->ports, port))
		ports_set(scan->ports, port, answer == ANSWER_CLOSED ? PORT_CLOSED : PORT_OPEN);
	scan->closed += answer == ANSWER_CLOSED;
	scan->open += answer == ANSWER_OPEN;
}

/* A source takes part from now on, with what it has done already. Services that it used
 * before it tried anything else are no part of it. */
static void join(struct scan *scan, struct source *from)
{
	uint32_t first = from->last;

	for (const struct probe *p = from->probe; p < from->probe + from->n; p++)
		if (!is_served(p) && p->first < first)
			first = p->first;
	scan->first = first < scan->first ? first : scan->first;
	for (const struct probe *p = from->probe; p < from->probe + from->n; p++) {
		if (p->last + SECOND < first)
			continue;
		add_probe(scan, &p->dst, p->port, p->kind);
		add_answer(scan, p->port, p->answer);
	}
	from->scan = scan;
	if (scan->sources++ < SCAN_SOURCES)
		scan->source[scan->n_sources++] = from->addr;
	if (from->last > scan->last)
		scan->last = from->last;
	scan->vlan = from->vlan;
	scan->ifindex = from->ifindex;
	scan->proven |= from->proven;
	scan->fragmented |= from->fragmented;
	scan->inexact |= from->inexact;
}

/* What was held of one of several sources. */
static void merge(struct scan *scan, const struct scan *held)
{
	scan->probes += held->probes;
	for (int i = 0; i < SCAN_KIND_SWEEP; i++)
		scan->of_kind[i] += held->of_kind[i];
	scan->lowest = held->lowest < scan->lowest ? held->lowest : scan->lowest;
	scan->highest = held->highest > scan->highest ? held->highest : scan->highest;
	for (size_t i = 0; i < HOST_BITS / 64; i++)
		scan->hosts[i] |= held->hosts[i];
	for (size_t i = 0; i < SKETCH_BITS / 64; i++)
		scan->sketch[i] |= held->sketch[i];
	for (uint32_t port = 0; port < 65536 && scan->ports && held->ports; port++)
		ports_set(scan->ports, port, ports_get(held->ports, port));
}

/* --- the list of them ---------------------------------------------------------------- */

static void unlink_scan(struct scans *s, struct scan *scan)
{
	*(scan->newer ? &scan->newer->older : &s->newest) = scan->older;
	*(scan->older ? &scan->older->newer : &s->oldest) = scan->newer;
}

static void link_scan(struct scans *s, struct scan *scan)
{
	scan->newer = NULL;
	scan->older = s->newest;
	*(s->newest ? &s->newest->newer : &s->oldest) = scan;
	s->newest = scan;
}

static struct scan *make_scan(struct scans *s, uint32_t now)
{
	struct scan *scan = calloc(1, sizeof(*scan));

	if (!scan)
		return NULL;
	scan->first = scan->said = now;
	scan->lowest = 65535;
	if (s->exact < EXACT)
		scan->ports = calloc(1, sizeof(*scan->ports));
	s->exact += scan->ports != NULL;
	return scan;
}

static void free_scan(struct scans *s, struct scan *scan)
{
	s->exact -= scan->ports != NULL;
	free(scan->ports);
	free(scan);
}

/* Let go of those that are over. What their sources did is past. */
static void sweep_over(struct scans *s)
{
	struct scan *next;

	for (struct source *from = s->sources.newest; from; from = from->older)
		if (from->scan && from->scan->over)
			source_clear(&s->sources, from);
	for (struct scan *scan = s->newest; scan; scan = next) {
		next = scan->older;
		if (!scan->over)
			continue;
		unlink_scan(s, scan);
		s->n--;
		free_scan(s, scan);
	}
}

static void end_scan(struct scans *s, struct scan *scan, uint32_t now)
{
	s->say(s->arg, SCAN_ENDS, scan, now);
	scan->over = true;
}

static struct held *held_of(struct scans *s, const struct source *from)
{
	for (int i = 0; i < HELD; i++)
		if (s->held[i].scan && s->held[i].class == from->class && same_source(&s->held[i].source, &from->addr))
			return &s->held[i];
	return NULL;
}

/* Keep what has no room, in case its source turns out to be scanning. */
static void hold(struct scans *s, struct source *from, const struct record *r, uint32_t now)
{
	struct held *h = held_of(s, from);

	for (int i = 0; i < HELD && !h && r->probe != NO_PROBE; i++) {
		if (s->held[i].scan)
			continue;
		h = &s->held[i];
		h->source = from->addr;
		h->class = from->class;
		h->scan = make_scan(s, now);
	}
	if (!h || !h->scan) {
		from->inexact |= r->probe != NO_PROBE;
		return;
	}
	if (r->probe != NO_PROBE)
		add_probe(h->scan, &r->dst, r->port, r->probe);
	add_answer(h->scan, r->port, r->answer);
}

/* Its list has been judged: not guilty. */
static void let_go(struct scans *s, uint32_t now)
{
	for (int i = 0; i < HELD; i++) {
		struct held *h = &s->held[i];

		if (!h->scan || now - h->scan->said <= s->limits->answer_wait + SECOND)
			continue;
		free_scan(s, h->scan);
		h->scan = NULL;
	}
}

/* A scan that begins, with what was held of its source. */
static struct scan *new_scan(struct scans *s, enum scan_rule rule, const struct source *from, uint32_t now)
{
	struct held *h = held_of(s, from);
	struct scan *scan = h ? h->scan : NULL;

	if (s->n >= SCANS) {
		end_scan(s, s->oldest, now);
		sweep_over(s);
	}
	if (scan)
		h->scan = NULL;
	else
		scan = make_scan(s, now);
	if (!scan)
		return NULL;
	scan->rule = rule;
	scan->class = from->class;
	scan->said = now;
	s->n++;
	link_scan(s, scan);
	return scan;
}

/* --- begin and end ---------------------------------------------------------------------- */

static struct scan *distributed_at(const struct scans *s, const ti_addr *victim, uint8_t class)
{
	for (struct scan *scan = s->newest; scan; scan = scan->older)
		if (scan->kind == SCAN_KIND_DISTRIBUTED && scan->class == class && !scan->over)
			for (uint32_t i = 0; i < scan->n_victims; i++)
				if (same_addr(&scan->victim[i], victim))
					return scan;
	return NULL;
}

/* The scan that several sources' become: one that is known already, if there is one. */
static struct scan *one_of(const struct scans *s, const ti_addr *victim, struct source **from, size_t n)
{
	struct scan *scan = distributed_at(s, victim, from[0]->class);

	for (size_t i = 0; i < n && (!scan || scan->kind != SCAN_KIND_DISTRIBUTED); i++)
		if (from[i]->scan && !from[i]->scan->over && (!scan || from[i]->scan->kind == SCAN_KIND_DISTRIBUTED))
			scan = from[i]->scan;
	return scan;
}

static void join_held(struct scans *s, struct scan *scan, struct source *from)
{
	struct held *h = held_of(s, from);

	join(scan, from);
	if (!h)
		return;
	merge(scan, h->scan);
	free_scan(s, h->scan);
	h->scan = NULL;
}

/* They absorb what their sources have begun alone: that ends, all but one, which
 * becomes the whole's. */
static void begin_distributed(struct scans *s, const ti_addr *victim, struct source **from, size_t n,
			      uint32_t now)
{
	struct scan *scan = one_of(s, victim, from, n);
	enum scan_news news = scan ? SCAN_GOES_ON : SCAN_STARTS;
	bool was = scan && scan->kind == SCAN_KIND_DISTRIBUTED;

	if (!scan)
		scan = new_scan(s, SCAN_RULE_SOURCES, from[0], now);
	if (!scan)
		return;
	scan->kind = SCAN_KIND_DISTRIBUTED;
	scan->rule = SCAN_RULE_SOURCES;
	for (size_t i = 0; i < n; i++) {
		if (from[i]->scan == scan || (from[i]->scan && from[i]->scan->kind == SCAN_KIND_DISTRIBUTED))
			continue;
		if (from[i]->scan && !from[i]->scan->over)
			end_scan(s, from[i]->scan, now);
		join_held(s, scan, from[i]);
	}
	if (was)
		return;
	scan->said = now;
	s->say(s->arg, news, scan, now);
}

/* The port that most of its suspect probes were for. */
static ti_port sweep_port(const struct limits *l, const struct source *from, uint32_t now)
{
	uint32_t most = 0;
	ti_port port = 0;

	for (int i = 0; i < from->n; i++) {
		uint32_t n = 0;

		for (int j = 0; j < from->n; j++)
			n += from->probe[j].port == from->probe[i].port && is_suspect(l, &from->probe[j], now);
		if (n > most) {
			most = n;
			port = from->probe[i].port;
		}
	}
	return port;
}

static void begin(struct scans *s, struct source *from, enum scan_rule rule, uint32_t now)
{
	struct scan *scan = NULL;

	for (int i = 0; i < from->n && !scan; i++)
		if (is_suspect(s->limits, &from->probe[i], now))
			scan = distributed_at(s, &from->probe[i].dst, from->class);
	if (scan) {
		join_held(s, scan, from);
		return;
	}
	scan = new_scan(s, rule, from, now);
	if (!scan)
		return;
	if (rule == SCAN_RULE_HOSTS) {
		scan->kind = SCAN_KIND_SWEEP;
		scan->sweep_port = sweep_port(s->limits, from, now);
	}
	join(scan, from);
	s->say(s->arg, SCAN_STARTS, scan, now);
}

/* A slow one is over when four of its probes have stayed away. */
static bool is_over(const struct limits *l, const struct scan *scan, uint32_t now)
{
	uint64_t wait = scan->probes > 1 ? 4 * (uint64_t)(scan->last - scan->first) / (scan->probes - 1) : 0;

	if (wait > l->slow_window)
		wait = l->slow_window;
	if (wait < l->end_after)
		wait = l->end_after;
	return now - scan->last > wait;
}

static void go_on(struct scans *s, uint32_t now)
{
	bool over = false;

	for (struct scan *scan = s->newest; scan; scan = scan->older) {
		if (is_over(s->limits, scan, now)) {
			end_scan(s, scan, now);
			over = true;
		} else if (s->limits->update_period && now - scan->said >= s->limits->update_period &&
			   scan->last > scan->said) {
			scan->said = now;
			s->say(s->arg, SCAN_GOES_ON, scan, now);
		}
	}
	if (over)
		sweep_over(s);
}

/* --- records in, judgement out ---------------------------------------------------------- */

void scans_add(struct scans *s, const struct record *r, uint32_t now)
{
	struct source *from;
	struct scan *scan;
	struct probe *p;
	enum taken taken = sources_add(&s->sources, r, now, &from, &p);

	if (taken == TAKEN_NOTHING)
		return;
	if (p && is_refused(p))
		s->refused = true;
	scan = from->scan;
	if (!scan) {
		if (taken == TAKEN_NOT_IN)
			hold(s, from, r, now);
		return;
	}
	scan->proven |= from->proven;
	if (r->probe != NO_PROBE) {
		add_probe(scan, &r->dst, r->port, r->probe);
		scan->last = now;
		scan->ifindex = r->ifindex;
		scan->vlan = r->vlan;
		scan->fragmented |= r->fragmented;
		unlink_scan(s, scan);
		link_scan(s, scan);
	}
	add_answer(scan, r->port, r->answer);
}

void scans_judge(struct scans *s, uint32_t now, uint32_t repeat)
{
	uint32_t recent = s->limits->answer_wait + SECOND;
	bool crossing = false;

	go_on(s, now);
	let_go(s, now);
	for (struct source *from = s->sources.newest; from && now - from->last <= recent; from = from->older) {
		from->crossing = !from->scan && judge_source(s->limits, from, now) != SCAN_RULE_NONE;
		crossing |= from->crossing;
	}
	if (crossing || s->refused)
		find_distributed(s, now, repeat, crossing, begin_distributed);
	s->refused = false;
	if (!crossing)
		return;
	for (struct source *from = s->sources.newest; from && now - from->last <= recent; from = from->older) {
		if (from->crossing && !from->scan)
			begin(s, from, judge_source(s->limits, from, now), now);
		from->crossing = false;
	}
	sweep_over(s);
}

void scans_end(struct scans *s, uint32_t now)
{
	for (struct scan *scan = s->newest; scan; scan = scan->older)
		end_scan(s, scan, now);
	sweep_over(s);
}

void scans_free(struct scans *s)
{
	for (struct scan *scan = s->newest; scan; scan = scan->older)
		scan->over = true;
	if (s->sources.bucket)
		sweep_over(s);
	for (int i = 0; i < HELD; i++)
		if (s->held[i].scan)
			free_scan(s, s->held[i].scan);
	sources_free(&s->sources);
}

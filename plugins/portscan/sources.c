/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/* sources.c - see sources.h. */
#include "sources.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static bool is_v4(const ti_addr *a)
{
	return a->hi == 0 && (uint32_t)a->lo == __builtin_bswap32(0xffff);
}

bool same_source(const ti_addr *a, const ti_addr *b)
{
	return a->hi == b->hi && (a->lo == b->lo || (!is_v4(a) && !is_v4(b)));
}

static struct source **bucket_of(const struct sources *s, const ti_addr *a)
{
	uint64_t h = (a->hi ^ s->seed) * 0x9e3779b97f4a7c15;

	h = (h ^ h >> 32 ^ (is_v4(a) ? a->lo : 0)) * 0xff51afd7ed558ccd;
	return &s->bucket[(h ^ h >> 32) % SOURCES];
}

int sources_init(struct sources *s, uint64_t seed, uint32_t wait)
{
	*s = (struct sources){ .seed = seed, .wait = wait };
	s->bucket = calloc(SOURCES, sizeof(*s->bucket));
	return s->bucket ? 0 : -ENOMEM;
}

static void unlink_age(struct sources *s, struct source *from)
{
	*(from->newer ? &from->newer->older : &s->newest) = from->older;
	*(from->older ? &from->older->newer : &s->oldest) = from->newer;
}

static void link_newest(struct sources *s, struct source *from)
{
	from->newer = NULL;
	from->older = s->newest;
	*(s->newest ? &s->newest->newer : &s->oldest) = from;
	s->newest = from;
}

void source_clear(struct sources *s, struct source *from)
{
	s->probes -= from->cap;
	free(from->probe);
	from->probe = NULL;
	from->n = from->cap = 0;
	from->scan = NULL;
	from->fragmented = from->inexact = false;
}

static void drop(struct sources *s, struct source *from)
{
	struct source **at = bucket_of(s, &from->addr);

	while (*at != from)
		at = &(*at)->chain;
	*at = from->chain;
	unlink_age(s, from);
	source_clear(s, from);
	free(from);
	s->n--;
}

void sources_free(struct sources *s)
{
	while (s->oldest)
		drop(s, s->oldest);
	free(s->bucket);
	*s = (struct sources){0};
}

static struct source *find(const struct sources *s, const ti_addr *addr, uint8_t class)
{
	struct source *from = *bucket_of(s, addr);

	while (from && !(same_source(&from->addr, addr) && from->class == class))
		from = from->chain;
	return from;
}

static struct source *find_or_make(struct sources *s, const ti_addr *addr, uint8_t class)
{
	struct source *from = find(s, addr, class), **at;

	if (from) {
		unlink_age(s, from);
		link_newest(s, from);
		return from;
	}
	if (s->n >= SOURCES) {
		s->evicted++;
		drop(s, s->oldest);
	}
	from = calloc(1, sizeof(*from));
	if (!from)
		return NULL;
	from->addr = *addr;
	from->class = class;
	at = bucket_of(s, addr);
	from->chain = *at;
	*at = from;
	link_newest(s, from);
	s->n++;
	return from;
}

/* A larger array, which others may have to make room for. */
static bool grow(struct sources *s, struct source *from)
{
	int cap = from->cap ? from->cap * 2 : 2;
	struct probe *more;

	if (cap > PROBES_MAX)
		return false;
	while (s->probes + cap > PROBES && s->oldest != from) {
		s->evicted++;
		drop(s, s->oldest);
	}
	more = realloc(from->probe, cap * sizeof(*more));
	if (!more)
		return false;
	s->probes += cap - from->cap;
	from->probe = more;
	from->cap = cap;
	return true;
}

/* Room for one more, if need be that of the oldest: of the ports found open, which
 * matter only while something may still come of them, then of all. A source that has filled
 * half of its list since the last judgement keeps what led up to that. */
static struct probe *room(struct sources *s, struct source *from, uint32_t now)
{
	struct probe *least = from->probe;
	int young = 0;

	if (from->n < from->cap || grow(s, from))
		return &from->probe[from->n++];
	for (struct probe *p = from->probe; p < from->probe + from->n; p++) {
		bool served = is_served(p);

		young += now - p->first < s->wait + !served;
		if (served > is_served(least) || (served == is_served(least) && p->last < least->last))
			least = p;
	}
	if (young >= from->n / 2)
		return NULL;
	return now - least->first >= s->wait + !is_served(least) ? least : NULL;
}

static struct probe *find_probe(const struct source *from, const ti_addr *dst, ti_port port)
{
	for (int i = 0; i < from->n; i++)
		if (from->probe[i].port == port && same_addr(&from->probe[i].dst, dst))
			return &from->probe[i];
	return NULL;
}

/* Whose probe an answer is to, and which (NULL: not in): of several to that port the
 * last. NULL: of no source here. */
static struct source *asked(const struct sources *s, const struct record *r, struct probe **in)
{
	struct source *best = NULL;

	*in = NULL;
	for (struct source *from = *bucket_of(s, &r->src); from; from = from->chain) {
		struct probe *p;

		if (!same_source(&from->addr, &r->src))
			continue;
		from->proven |= r->answer == ANSWER_COMPLETED;
		p = find_probe(from, &r->dst, r->port);
		if (p ? !*in || p->last > (*in)->last : !*in && (!best || from->last > best->last)) {
			best = from;
			*in = p;
		}
	}
	return best;
}

/* Is a packet that drew a RST what is left of a connection that was, or whose answer is on
 * its way here? */
static bool is_left_over(const struct sources *s, const struct record *r, uint32_t now)
{
	const struct source *from = find(s, &r->src, SCAN_KIND_CONNECT);
	const struct probe *p = from && is_stray(r->probe) ? find_probe(from, &r->dst, r->port) : NULL;

	return p && (is_served(p) || (p->answer == ANSWER_NONE && now - p->first <= s->wait));
}

static void take_answer(struct probe *p, uint8_t answer)
{
	if (answer > p->answer)
		p->answer = answer;
}

enum taken sources_add(struct sources *s, const struct record *r, uint32_t now, struct source **out,
		       struct probe **in)
{
	struct source *from;
	struct probe *p;

	if (r->probe == NO_PROBE) {
		*out = from = asked(s, r, in);
		if (*in)
			take_answer(*in, r->answer);
		return !from ? TAKEN_NOTHING : *in ? TAKEN_ANSWER : TAKEN_NOT_IN;
	}
	from = is_left_over(s, r, now) ? NULL : find_or_make(s, &r->src, class_of(r->probe));
	if (!from)
		return TAKEN_NOTHING;
	*out = from;
	from->proven |= r->answer == ANSWER_COMPLETED;
	*in = p = find_probe(from, &r->dst, r->port);
	from->last = now;
	from->addr.lo = r->src.lo;
	from->ifindex = r->ifindex;
	from->vlan = r->vlan;
	from->fragmented |= r->fragmented;
	if (!p) {
		*in = p = room(s, from, now);
		if (!p)
			return TAKEN_NOT_IN;
		*p = (struct probe){ .dst = r->dst, .port = r->port, .first = now };
	}
	p->kind = r->probe;
	p->last = now;
	take_answer(p, r->answer);
	return TAKEN_PROBE;
}

/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * distributed.c - several sources at one victim; see scan.h. A decoy scan's sources
 * try the same ports at the same time, those of others share them out. Random
 * sources of a flood don't come again and again.
 */
#include "scan.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A probe of which nothing came, or has yet. */
struct touch {
	ti_addr dst;
	struct source *from;
	ti_port port;
	bool suspect, refused, recent;
};

/* Of one source or of one victim: touch[0..n). */
struct touches {
	struct touch *touch;
	size_t n;
};

static int by_victim(const void *a, const void *b)
{
	const struct touch *x = a, *y = b;
	int r = memcmp(&x->dst, &y->dst, sizeof(x->dst));

	if (r == 0)
		r = (x->from > y->from) - (x->from < y->from);
	return r ? r : x->port - y->port;
}

/* -ENOMEM. Sources are in order of their last probe. */
static int collect(const struct scans *s, uint32_t now, uint32_t window, struct touches *all)
{
	const struct limits *l = s->limits;
	size_t room = 0;

	for (struct source *from = s->sources.newest; from && now - from->last <= window; from = from->older) {
		if (from->n < 2)
			continue;
		if (all->n + from->n > room) {
			struct touch *more = realloc(all->touch, (room = (room + from->n) * 2) * sizeof(*more));

			if (!more)
				return -ENOMEM;
			all->touch = more;
		}
		for (const struct probe *p = from->probe; p < from->probe + from->n; p++)
			if (now - p->last <= window && (is_suspect(l, p, now) || !is_served(p)))
				all->touch[all->n++] = (struct touch){
					p->dst, from, p->port, is_suspect(l, p, now), is_refused(p),
					now - p->last <= l->distributed_window
				};
	}
	return 0;
}

/* The part of `all` from `at` on that is of one victim, or of one source as well. */
static struct touches part(const struct touches *all, size_t at, bool one_source)
{
	struct touches t = { all->touch + at, 0 };

	while (at + t.n < all->n && same_addr(&t.touch[t.n].dst, &t.touch->dst) &&
	       (!one_source || t.touch[t.n].from == t.touch->from))
		t.n++;
	return t;
}

static size_t refused(const struct touches *t)
{
	size_t n = 0;

	for (size_t i = 0; i < t->n; i++)
		n += t->touch[i].refused && t->touch[i].recent;
	return n;
}

/*
 * A port that is closed to one is to all: answers to decoys that don't exist never go
 * out, or nothing is known of them yet. Other probes without an answer are let go.
 */
static void know_closed(struct touches *victim)
{
	static uint64_t closed[65536 / 64];
	size_t n = 0;

	memset(closed, 0, sizeof(closed));
	for (size_t i = 0; i < victim->n; i++)
		if (victim->touch[i].refused)
			closed[victim->touch[i].port / 64] |= 1ull << (victim->touch[i].port % 64);
	for (size_t i = 0; i < victim->n; i++) {
		struct touch t = victim->touch[i];

		t.refused = closed[t.port / 64] >> (t.port % 64) & 1;
		if (t.refused || t.suspect)
			victim->touch[n++] = t;
	}
	victim->n = n;
}

/* Ports that both have tried. */
static size_t shared(const struct touches *a, const struct touches *b)
{
	size_t n = 0;

	for (size_t i = 0, j = 0; i < a->n && j < b->n;) {
		int order = a->touch[i].port - b->touch[j].port;

		n += order == 0;
		i += order <= 0;
		j += order >= 0;
	}
	return n;
}

/* Enough closed ports by enough sources? */
static bool many_closed(const struct scans *s, const struct touches *victim, uint32_t repeat)
{
	static uint64_t seen[65536 / 64];
	uint32_t sources = 0, ports = 0;

	memset(seen, 0, sizeof(seen));
	for (size_t at = 0; at < victim->n;) {
		struct touches t = part(victim, at, true);

		at += t.n;
		if (refused(&t) < repeat)
			continue;
		sources++;
		for (size_t i = 0; i < t.n; i++) {
			uint64_t bit = 1ull << (t.touch[i].port % 64), *word = &seen[t.touch[i].port / 64];

			if (!t.touch[i].refused || !t.touch[i].recent || (*word & bit))
				continue;
			*word |= bit;
			ports++;
		}
	}
	return sources >= s->limits->distributed_sources && ports >= s->limits->distributed_ports;
}

/* Is somebody crossing a limit whose ports enough others try? */
static bool same_ports(const struct scans *s, const struct touches *victim, uint32_t repeat)
{
	for (size_t at = 0; at < victim->n;) {
		struct touches one = part(victim, at, true);
		uint32_t sources = 1;

		at += one.n;
		if (!one.touch->from->crossing)
			continue;
		for (size_t i = 0; i < victim->n;) {
			struct touches other = part(victim, i, true);

			i += other.n;
			sources += other.touch->from != one.touch->from && shared(&one, &other) >= repeat;
		}
		if (sources >= s->limits->distributed_sources)
			return true;
		if (victim->n > 10000) /* of sources without number one is enough */
			return false;
	}
	return false;
}

int find_distributed(struct scans *s, uint32_t now, uint32_t repeat, bool crossing,
		     void (*found)(struct scans *s, const ti_addr *victim, struct source **from, size_t n,
				   uint32_t now))
{
	struct touches all = {0};
	struct source **from;
	int r = collect(s, now, crossing ? s->limits->slow_window : s->limits->distributed_window, &all);

	from = calloc(all.n + 1, sizeof(*from));
	if (r < 0 || !from) {
		free(all.touch);
		free(from);
		return -ENOMEM;
	}
	if (all.n)
		qsort(all.touch, all.n, sizeof(*all.touch), by_victim);
	for (size_t at = 0; at < all.n;) {
		struct touches victim = part(&all, at, false);
		size_t n = 0;

		at += victim.n;
		know_closed(&victim);
		if (!many_closed(s, &victim, repeat) && !same_ports(s, &victim, repeat))
			continue;
		for (size_t i = 0; i < victim.n;) {
			struct touches one = part(&victim, i, true);

			i += one.n;
			if (one.n >= repeat)
				from[n++] = one.touch->from;
		}
		found(s, &victim.touch->dst, from, n, now);
	}
	free(all.touch);
	free(from);
	return 0;
}

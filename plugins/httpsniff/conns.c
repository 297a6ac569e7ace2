/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * conns.c - a table of connections that is as large as it gets from the start, and
 * two lists by age through it: those that hold memory beside it, and the others.
 */
#include "conns.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* --- lists by age --------------------------------------------------------- */

static void unlink_conn(struct conn *c)
{
	c->older->newer = c->newer;
	c->newer->older = c->older;
}

/* As the newest. */
static void link_conn(struct conns *cs, struct conn *c)
{
	struct conn *head = &cs->lists[c->list];

	c->newer = head;
	c->older = head->older;
	head->older->newer = c;
	head->older = c;
}

static struct conn *oldest(struct conns *cs, int list)
{
	struct conn *c = cs->lists[list].newer;

	return c == &cs->lists[list] ? NULL : c;
}

struct conn *conns_costly(struct conns *cs, struct conn *c)
{
	c = c ? c->newer : cs->lists[1].newer;
	return c == &cs->lists[1] ? NULL : c;
}

/* --- streams -------------------------------------------------------------- */

bool stream_hold(struct stream *s, const struct held *meta, const void *data)
{
	struct held **at = &s->held, *h;

	while (*at && (int32_t)((*at)->seq - meta->seq) < 0)
		at = &(*at)->next;
	if (*at && (*at)->seq == meta->seq && (*at)->len >= meta->len)
		return true; /* it came twice */
	h = malloc(sizeof(*h) + meta->len);
	if (!h)
		return false;
	*h = *meta;
	memcpy(h->data, data, meta->len);
	h->next = *at;
	*at = h;
	s->held_bytes += sizeof(*h) + meta->len;
	return true;
}

void stream_unhold(struct stream *s)
{
	struct held *h = s->held;

	s->held = h->next;
	s->held_bytes -= sizeof(*h) + h->len;
	free(h);
}

void stream_close(struct stream *s)
{
	while (s->held)
		stream_unhold(s);
	if (s->kind == STREAM_HTTP)
		http_free(&s->http);
	else if (s->kind == STREAM_TLS)
		tls_free(&s->tls);
	s->kind = STREAM_NOTHING;
}

static uint32_t stream_cost(const struct stream *s)
{
	uint32_t cost = s->held_bytes;

	if (s->kind == STREAM_HTTP && s->http.pending)
		cost += http_pending_size;
	else if (s->kind == STREAM_TLS && s->tls.hello)
		cost += s->tls.room;
	return cost;
}

/* --- the table ------------------------------------------------------------ */

int conns_init(struct conns *cs, uint32_t n, size_t most, void (*ends)(void *arg, struct conn *c), void *arg)
{
	*cs = (struct conns){ .most = most, .ends = ends, .arg = arg, .n_buckets = 1 };
	while (cs->n_buckets < n)
		cs->n_buckets *= 2;
	cs->all = calloc(n, sizeof(*cs->all));
	cs->buckets = calloc(cs->n_buckets, sizeof(*cs->buckets));
	if (!cs->all || !cs->buckets) {
		conns_free(cs);
		return -ENOMEM;
	}
	for (uint32_t i = n; i--;) {
		cs->all[i].chain = cs->free;
		cs->free = &cs->all[i];
	}
	for (int i = 0; i < 2; i++)
		cs->lists[i].older = cs->lists[i].newer = &cs->lists[i];
	return 0;
}

static struct conn **bucket_of(struct conns *cs, uint64_t hash)
{
	return &cs->buckets[hash >> 32 & (cs->n_buckets - 1)];
}

static void clear(struct conns *cs, struct conn *c)
{
	for (int i = 0; i < 2; i++) {
		stream_close(&c->streams[i]);
		c->streams[i] = (struct stream){ 0 };
	}
	free(c->asked);
	c->asked = NULL;
	c->asked_first = c->asked_n = c->asked_room = 0;
	c->client = -1;
	c->depth = 0;
	cs->used -= c->cost;
	c->cost = 0;
}

void conns_reset(struct conns *cs, struct conn *c)
{
	cs->ends(cs->arg, c);
	clear(cs, c);
}

static void put_out(struct conns *cs, struct conn *c)
{
	struct conn **at = bucket_of(cs, c->hash);

	conns_reset(cs, c);
	while (*at != c)
		at = &(*at)->chain;
	*at = c->chain;
	unlink_conn(c);
	c->chain = cs->free;
	cs->free = c;
}

void conns_free(struct conns *cs)
{
	for (int i = 0; i < 2; i++)
		while (cs->lists[i].newer && oldest(cs, i))
			put_out(cs, oldest(cs, i));
	free(cs->all);
	free(cs->buckets);
	*cs = (struct conns){ 0 };
}

static bool is_addr(const ti_addr *a, const ti_addr *b)
{
	return a->lo == b->lo && a->hi == b->hi;
}

static bool is_of(const struct conn *c, const struct piece *p, int from)
{
	return c->port[from] == p->src_port && c->port[!from] == p->dst_port &&
	       is_addr(&c->addr[from], &p->src) && is_addr(&c->addr[!from], &p->dst);
}

struct conn *conns_get(struct conns *cs, const struct piece *p)
{
	uint64_t hash = p->hash & ~1ull;
	struct conn **bucket = bucket_of(cs, hash), *c = *bucket;
	int from = p->hash & 1;

	while (c && !(c->hash == hash && is_of(c, p, from)))
		c = c->chain;
	if (c) {
		unlink_conn(c);
		link_conn(cs, c);
		return c;
	}
	if (!cs->free)
		put_out(cs, oldest(cs, 0) ? oldest(cs, 0) : oldest(cs, 1));
	c = cs->free;
	cs->free = c->chain;
	*c = (struct conn){ .hash = hash, .client = -1 };
	c->addr[from] = p->src;
	c->addr[!from] = p->dst;
	c->port[from] = p->src_port;
	c->port[!from] = p->dst_port;
	bucket = bucket_of(cs, hash);
	c->chain = *bucket;
	*bucket = c;
	link_conn(cs, c);
	return c;
}

unsigned conns_settle(struct conns *cs, struct conn *c)
{
	uint32_t cost = stream_cost(&c->streams[0]) + stream_cost(&c->streams[1]) +
			c->asked_room * sizeof(*c->asked);
	unsigned ended = 0;

	if (cost == c->cost && c->list == (cost > 0))
		return 0;
	cs->used = cs->used - c->cost + cost;
	c->cost = cost;
	if (c->list != (cost > 0)) {
		unlink_conn(c);
		c->list = cost > 0;
		link_conn(cs, c);
	}
	for (; cs->used > cs->most && oldest(cs, 1); ended++)
		put_out(cs, oldest(cs, 1));
	return ended;
}

/* --- requests without response --------------------------------------------- */

bool conn_asks(struct conn *c, const struct asked *a)
{
	uint32_t room = c->asked_room ? 2 * c->asked_room : 8;
	struct asked *grown;

	if (c->asked_n == c->asked_room) {
		grown = room > ASKED_MOST ? NULL : malloc(room * sizeof(*grown));
		if (!grown) {
			c->asked_n = 0;
			return false;
		}
		for (uint32_t i = 0; i < c->asked_n; i++)
			grown[i] = c->asked[(c->asked_first + i) & (c->asked_room - 1)];
		free(c->asked);
		c->asked = grown;
		c->asked_first = 0;
		c->asked_room = room;
	}
	c->asked[(c->asked_first + c->asked_n++) & (c->asked_room - 1)] = *a;
	return true;
}

struct asked *conn_asked(struct conn *c)
{
	return c->asked_n ? &c->asked[c->asked_first & (c->asked_room - 1)] : NULL;
}

void conn_answered(struct conn *c)
{
	c->asked_first++;
	c->asked_n--;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * listeners.c - the list of sockets is the truth: LISTEN transitions only
 * say when to take it. Slots stay with their listener from dump to dump.
 */
#include "listeners.h"

#include <errno.h>
#include <string.h>

#define LISTEN 10 /* TCP_LISTEN */

int listeners_init(struct listeners *l, const struct ti_host *host, struct ti_handle *h)
{
	size_t size;

	l->host = host;
	l->h = h;
	l->ports = host->memory(h, "ports", &size);
	l->map = host->map(h, "listeners");
	if (!l->ports || l->map < 0) {
		host->log(h, TI_LOG_ERROR, "its BPF object lacks the tables of listeners");
		return -ENOENT;
	}
	return listeners_scan(l);
}

static uint32_t find(const struct listeners *l, const struct listener *x)
{
	for (uint32_t i = 1; i < SLOTS; i++) {
		const struct listener *y = &l->slot[i];

		if (y->used && y->port == x->port && y->addr.lo == x->addr.lo &&
		    y->addr.hi == x->addr.hi && y->v4 == x->v4 && y->v6 == x->v6)
			return i;
	}
	return 0;
}

static uint32_t free_slot(struct listeners *l)
{
	for (uint32_t i = 1; i < SLOTS; i++)
		if (!l->slot[i].used)
			return i;
	if (!l->full)
		l->host->log(l->h, TI_LOG_WARNING,
			     "more than %d listening sockets: SYNs to the others count as for no listener", SLOTS - 1);
	l->full = true;
	return 0;
}

static void set_any(struct listeners *l, ti_port port, uint32_t slot, bool v4, bool v6)
{
	struct port_slots *p = &l->ports[port];

	if (v4)
		p->any4 = (p->any4 & SLOT_EXACT) | slot;
	if (v6)
		p->any6 = slot;
}

static void add(struct listeners *l, const struct listener *x)
{
	struct listener_key key = { .addr = x->addr, .port = x->port };
	uint32_t slot = free_slot(l);

	if (!slot)
		return;
	l->slot[slot] = *x;
	l->slot[slot].used = l->slot[slot].seen = true;
	if (!x->addr.hi && !x->addr.lo) {
		set_any(l, x->port, slot, x->v4, x->v6);
		return;
	}
	l->host->map_set(l->h, l->map, &key, &slot);
	l->ports[x->port].any4 |= SLOT_EXACT;
}

/* Is another listener on a single address of this port left? */
static bool exact_left(const struct listeners *l, ti_port port)
{
	for (uint32_t i = 1; i < SLOTS; i++)
		if (l->slot[i].used && l->slot[i].port == port && (l->slot[i].addr.hi || l->slot[i].addr.lo))
			return true;
	return false;
}

static void drop(struct listeners *l, uint32_t slot)
{
	struct listener x = l->slot[slot];
	struct listener_key key = { .addr = x.addr, .port = x.port };

	l->slot[slot] = (struct listener){ 0 };
	l->full = false;
	if (!x.addr.hi && !x.addr.lo) {
		if ((l->ports[x.port].any4 & ~SLOT_EXACT) == slot)
			set_any(l, x.port, 0, true, false);
		if (l->ports[x.port].any6 == slot)
			set_any(l, x.port, 0, false, true);
		return;
	}
	l->host->map_delete(l->h, l->map, &key);
	if (!exact_left(l, x.port))
		l->ports[x.port].any4 &= ~SLOT_EXACT;
}

static int saw(void *arg, const struct ti_socket *s)
{
	struct listeners *l = arg;
	struct listener x = {.addr = s->local, .port = s->local_port};
	uint32_t slot;

	if (!x.addr.hi && !x.addr.lo) {
		x.v6 = s->family == 6;
		x.v4 = !x.v6 || !s->v6only;
	}
	slot = find(l, &x);
	if (!slot) {
		add(l, &x);
		slot = find(l, &x);
	}
	if (!slot)
		return 0;
	l->slot[slot].seen = true;
	l->slot[slot].queue_full |= s->rqueue > s->wqueue;
	return 0;
}

int listeners_scan(struct listeners *l)
{
	int r;

	for (uint32_t i = 1; i < SLOTS; i++)
		l->slot[i].seen = l->slot[i].queue_full = false;
	r = l->host->sockets(l->h, 1 << LISTEN, saw, l);
	if (r < 0) {
		if (!l->blind)
			l->host->log(l->h, TI_LOG_ERROR, "cannot list the listening sockets: %s; tried again each second",
				     strerror(-r));
		l->blind = true;
		return r;
	}
	l->blind = false;
	for (uint32_t i = 1; i < SLOTS; i++)
		if (l->slot[i].used && !l->slot[i].seen)
			drop(l, i);
	return 0;
}

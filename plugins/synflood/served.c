/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "served.h"

#include <errno.h>
#include <ifaddrs.h>
#include <netpacket/packet.h>
#include <string.h>
#include <sys/socket.h>

#define IDLE 60 /* ticks until a slot is taken back */

int served_init(struct served *x, const struct ti_host *host, struct ti_handle *h)
{
	size_t size;

	x->host = host;
	x->h = h;
	x->ports = host->memory(h, "ports", &size);
	x->macs_known = host->memory(h, "macs_known", &size);
	x->map = host->map(h, "listeners");
	x->macs = host->map(h, "own_macs");
	if (!x->ports || !x->macs_known || x->map < 0 || x->macs < 0) {
		host->log(h, TI_LOG_ERROR, "its BPF object lacks the tables of gateways");
		return -ENOENT;
	}
	served_scan(x);
	return 0;
}

static int forget_mac(void *arg, const void *key, const void *scan)
{
	struct served *x = arg;

	if (memcmp(scan, &x->scan, sizeof(x->scan)))
		x->host->map_delete(x->h, x->macs, key);
	return 0;
}

void served_scan(struct served *x)
{
	struct ifaddrs *all;
	bool full = false;

	if (x->host->offline(x->h) || getifaddrs(&all) < 0)
		return;
	x->scan++;
	for (struct ifaddrs *i = all; i; i = i->ifa_next) {
		const struct sockaddr_ll *ll = (struct sockaddr_ll *)i->ifa_addr;
		uint64_t mac = 0;

		if (!ll || ll->sll_family != AF_PACKET || ll->sll_halen != 6)
			continue;
		memcpy(&mac, ll->sll_addr, 6);
		full |= x->host->map_set(x->h, x->macs, &mac, &x->scan) < 0;
	}
	freeifaddrs(all);
	x->host->map_each(x->h, x->macs, forget_mac, x);
	__atomic_store_n(x->macs_known, !full, __ATOMIC_RELEASE);
}

static void release(struct served *x, uint32_t i)
{
	struct served_one *one = &x->one[i];
	struct listener_key key = {.addr = one->addr, .port = one->port};
	uint32_t slot;
	bool left = false;

	/* A listener that has come meanwhile has its own slot there. */
	if (x->host->map_get(x->h, x->map, &key, &slot) == 0 && slot == SERVED + i)
		x->host->map_delete(x->h, x->map, &key);
	one->used = false;
	for (uint32_t j = 0; j < SERVED_MAX; j++)
		left |= x->one[j].used && x->one[j].port == one->port;
	if (!left)
		x->ports[one->port].any6 &= ~SLOT_SERVED;
}

/* A free slot, or that of the one with fewest SYNs, if they are fewer; -1: none. */
static int find_slot(const struct served *x, uint64_t syns)
{
	int least = -1;

	for (int i = 0; i < SERVED_MAX; i++) {
		const struct served_one *one = &x->one[i];

		if (!one->used)
			return i;
		if (!one->busy && one->syns < syns && (least < 0 || one->syns < x->one[least].syns))
			least = i;
	}
	return least;
}

static bool has_slot(const struct served *x, const struct candidate *c)
{
	for (int i = 0; i < SERVED_MAX; i++)
		if (x->one[i].used && x->one[i].port == c->port && x->one[i].addr.lo == c->addr.lo &&
		    x->one[i].addr.hi == c->addr.hi)
			return true;
	return false;
}

static void give_slot(struct served *x, const struct candidate *c, uint64_t syns, bool *fresh)
{
	struct listener_key key = {.addr = c->addr, .port = c->port};
	int i = has_slot(x, c) ? -1 : find_slot(x, syns);
	uint32_t slot = SERVED + i;

	if (i < 0)
		return;
	if (x->one[i].used)
		release(x, i);
	if (x->host->map_set(x->h, x->map, &key, &slot) < 0)
		return;
	x->one[i] = (struct served_one){.addr = c->addr, .port = c->port, .used = true, .syns = syns, .was = *c};
	x->ports[c->port].any6 |= SLOT_SERVED;
	fresh[i] = true;
}

void served_tick(struct served *x, const struct cpus *c, uint32_t epoch, uint64_t enough,
		 bool fresh[SERVED_MAX], uint64_t *elsewhere)
{
	/* What has enough in all has its share on one CPU at least. */
	uint64_t share = enough / c->n ? enough / c->n : 1;

	*elsewhere = 0;
	for (uint32_t i = 0; i < SERVED_MAX; i++) {
		struct served_one *one = &x->one[i];

		fresh[i] = false;
		one->idle = one->busy ? 0 : one->idle + 1;
		if (one->used && one->idle > IDLE)
			release(x, i);
	}
	for (int cpu = 0; cpu < c->n; cpu++) {
		const struct candidates *all = &cpu_at(c, cpu)->candidates[epoch & 1];
		const struct candidate *at = all->at[0];

		*elsewhere += all->syns;
		for (int i = 0; i < CANDIDATE_BUCKETS * CANDIDATE_WAYS; i++, at++)
			if (at->count >= at->error + share && (at->elsewhere || at->acked))
				give_slot(x, at, (at->count - at->error) * c->n, fresh);
	}
	candidates_clear(c, epoch);
}

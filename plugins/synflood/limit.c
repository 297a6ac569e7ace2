/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "limit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tcpinspect/filter.h>

/* A prefix as TI_OPT_PREFIXES has let it pass. */
static struct ti_filter_key key_of(const char *text)
{
	struct ti_filter_key key = {.len = 128, .addr = {0, 0, htonl(0xffff), 0}};
	const char *slash = strchrnul(text, '/');
	char address[INET6_ADDRSTRLEN];

	snprintf(address, sizeof(address), "%.*s", (int)(slash - text), text);
	if (inet_pton(AF_INET, address, &key.addr[3]) == 1)
		key.len = *slash ? 96 + atoi(slash + 1) : 128;
	else if (inet_pton(AF_INET6, address, key.addr) == 1)
		key.len = *slash ? atoi(slash + 1) : 128;
	return key;
}

/* Items are joined by single commas. IPv4 is cut out first, for ::/0 doesn't mean it. */
static int fill_denied(struct limit *x, const char *deny)
{
	const struct ti_filter_key v4 = {.len = 96, .addr = {0, 0, htonl(0xffff), 0}};
	const uint32_t in = 1, out = 0;
	int map = x->host->map(x->h, "denied"), r = x->host->map_set(x->h, map, &v4, &out);
	char item[64];

	while (r == 0 && *deny) {
		size_t len = strcspn(deny, ",");
		struct ti_filter_key key;

		snprintf(item, sizeof(item), "%.*s", (int)len, deny);
		key = key_of(item);
		r = x->host->map_set(x->h, map, &key, &in);
		deny += len + (deny[len] == ',');
	}
	return r;
}

int limit_init(struct limit *x, const struct ti_host *host, struct ti_handle *h, uint64_t rate,
	       const char *deny)
{
	uint32_t *denying;
	uint64_t *interval;
	size_t size;
	int r = 0;

	x->host = host;
	x->h = h;
	x->rate = rate;
	x->heavy = host->map(h, "heavy"); /* made with mode = limit only */
	x->on = x->heavy >= 0;
	if (!x->on) {
		if (deny)
			host->log(h, TI_LOG_WARNING, "deny is for mode = limit: nothing is dropped");
		return 0;
	}
	x->limiting = host->memory(h, "limiting", &size);
	denying = host->memory(h, "denying", &size);
	x->heavies = host->memory(h, "heavies", &size);
	interval = host->memory(h, "limit_interval", &size);
	if (!x->limiting || !x->heavies || !denying || !interval)
		return -ENOENT;
	*interval = 1000000000 / rate;
	if (deny)
		r = fill_denied(x, deny);
	*denying = deny && *deny;
	return r;
}

/* Sends more than it may: for now, and until limit_expire(). */
static void add(struct limit *x, const ti_prefix *p, uint64_t now)
{
	struct limited *free = NULL;
	const uint64_t next = 0;

	for (int i = 0; i < LIMITED; i++) {
		struct limited *l = &x->limited[i];

		if (l->proven && !memcmp(&l->prefix, p, sizeof(*p))) {
			l->proven = now;
			return;
		}
		if (!l->proven)
			free = l;
	}
	if (free && x->host->map_set(x->h, x->heavy, p, &next) == 0) {
		*free = (struct limited){*p, now};
		__atomic_store_n(x->heavies, *x->heavies + 1, __ATOMIC_RELEASE);
		return;
	}
	if (!x->full)
		x->host->log(x->h, TI_LOG_WARNING, "more than %d sources and prefixes to limit: the others only have to send a SYN twice", LIMITED);
	x->full = true;
}

void limit_flood(struct limit *x, uint32_t slot, const struct flood_start *top, uint64_t open,
		 uint64_t alarm_rate, uint64_t now)
{
	uint8_t limits = LIMIT_HEAVY;

	for (size_t i = 0; i < top->top.len; i++) {
		const struct flood_prefix *f = &top->top.item[i];
		uint64_t sure = f->syns_per_s > f->error ? f->syns_per_s - f->error : 0;

		if (sure <= x->rate)
			continue;
		add(x, &f->prefix, now);
		open -= open < sure ? open : sure;
	}
	if (open >= alarm_rate)
		limits |= LIMIT_UNKNOWN;
	__atomic_store_n(&x->limiting[slot], limits, __ATOMIC_RELAXED);
}

void limit_none(struct limit *x, uint32_t slot)
{
	if (x->on)
		__atomic_store_n(&x->limiting[slot], 0, __ATOMIC_RELAXED);
}

void limit_expire(struct limit *x, uint64_t now, uint64_t after)
{
	for (int i = 0; i < LIMITED; i++) {
		struct limited *l = &x->limited[i];

		if (!l->proven || now - l->proven < after)
			continue;
		x->host->map_delete(x->h, x->heavy, &l->prefix);
		l->proven = 0;
		__atomic_store_n(x->heavies, *x->heavies - 1, __ATOMIC_RELEASE);
		x->full = false;
	}
}

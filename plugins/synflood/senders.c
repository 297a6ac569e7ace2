/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "senders.h"

#include <endian.h>
#include <string.h>

static uint64_t at_least(uint64_t count, uint64_t others)
{
	return count > others ? count - others : 0;
}

void senders_begin(struct senders *x, uint32_t sources_epoch, uint64_t ns)
{
	if (x->epoch != sources_epoch) /* counts began anew */
		x->n_then = x->unseen = 0;
	x->epoch = sources_epoch;
	x->ns = ns;
	x->looked = false;
}

static void look(struct senders *x)
{
	uint64_t total;
	bool exact;

	if (!x->looked)
		x->n_top = sources_top(x->cpus, x->epoch, x->top, SENDERS, &total, &exact);
	x->looked = true;
}

void senders_end(struct senders *x, uint64_t arrived, uint64_t few)
{
	x->unseen += arrived;
	if (x->unseen > few)
		look(x);
	if (!x->looked)
		return;
	memcpy(x->then, x->top, sizeof(x->then));
	x->n_then = x->n_top;
	x->unseen = 0;
}

/* What a source has surely sent in this second. */
static uint64_t sent(const struct senders *x, const struct source_count *source)
{
	uint64_t others = x->unseen;

	for (size_t i = 0; i < x->n_then; i++)
		if (x->then[i].addr.hi == source->addr.hi && x->then[i].addr.lo == source->addr.lo)
			return at_least(source->count, x->then[i].count + x->unseen);
	if (x->n_then == SENDERS) /* it may have been the next */
		others += x->then[SENDERS - 1].count;
	return at_least(source->sure, others);
}

static bool in_prefix(const ti_addr *a, const ti_prefix *p)
{
	if (p->len == 24)
		return a->hi == 0 && !((a->lo ^ p->addr.lo) & ~((uint64_t)htobe32(0xff) << 32));
	return !((a->hi ^ p->addr.hi) & htobe64(~0xffffull));
}

/* The one source that sends most of what comes from a prefix; false: none. */
static bool sole_source(struct senders *x, const struct prefix_count *p, struct flood_prefix *out)
{
	look(x);
	for (size_t i = 0; i < x->n_top; i++) {
		uint64_t n = sent(x, &x->top[i]);

		if (!in_prefix(&x->top[i].addr, &p->prefix) || n * 2 <= p->count)
			continue;
		out->prefix.addr = x->top[i].addr;
		out->prefix.len = p->prefix.len == 24 ? 32 : 128;
		/* It may flood others, too. */
		out->syns_per_s = per_second(n < p->count ? n : p->count, x->ns);
		out->error = 0;
		return true;
	}
	return false;
}

enum flood_class senders_classify(struct senders *x, uint32_t slot, uint32_t epoch,
				  uint64_t syns_per_s, struct flood_start *e)
{
	struct prefix_count top[FLOOD_TOP];
	enum flood_class class = FLOOD_CLASS_SPOOFED;
	size_t n = prefixes_top(x->cpus, slot, epoch, top, FLOOD_TOP);

	for (size_t i = 0; i < n; i++) {
		struct flood_prefix *f = &e->top.item[e->top.len];
		uint64_t sure = per_second(top[i].sure, x->ns);
		bool sole;

		if (!sure || sure * 100 < syns_per_s) /* one of many */
			continue;
		e->top.len++;
		f->prefix = top[i].prefix;
		f->syns_per_s = per_second(top[i].count, x->ns);
		f->error = per_second(top[i].error, x->ns);
		sole = sole_source(x, &top[i], f);
		if (i == 0 && sure * 2 > syns_per_s)
			class = sole ? FLOOD_CLASS_SINGLE : FLOOD_CLASS_SUBNET;
	}
	return class;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "top.h"

#include <string.h>

static struct retrans_top_item item_of(const struct retrans_summary *s)
{
	struct retrans_top_item item = {
		.src_ip = s->src_ip,
		.dst_ip = s->dst_ip,
		.src_port = s->src_port,
		.dst_port = s->dst_port,
		.segs = s->period_segs,
		.spurious = s->spurious,
		.rate_permille = s->rate_permille,
		.pid = s->pid,
		.netns = s->netns,
	};

	memcpy(&item.comm, &s->comm, sizeof(item.comm));
	return item;
}

void top_add(struct retrans_top *top, size_t n, const struct retrans_summary *s)
{
	struct retrans_top_item *item = top->top.item;
	size_t at = top->top.len;

	top->segs += s->period_segs;
	top->connections++;
	if (at < n)
		top->top.len++;
	else if (!n || item[--at].segs >= s->period_segs)
		return;
	for (; at > 0 && item[at - 1].segs < s->period_segs; at--)
		item[at] = item[at - 1];
	item[at] = item_of(s);
}

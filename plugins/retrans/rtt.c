/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "rtt.h"

#include <errno.h>
#include <stdlib.h>

#define MICROSECOND 1000ull

/* Bucket i counts from 2^i us to below twice that; the first from 0. */
#define FILL(list, counts)                                                                    \
	for (int i_ = 0; i_ < RTT_BUCKETS; i_++)                                              \
		if ((counts)[i_])                                                             \
			(list).item[(list).len++] =                                           \
				(struct rtt_bucket){MICROSECOND << (i_ + 1), (counts)[i_]}

struct rtt_histogram rtt_event(const struct group_key *key, const struct rtt_counts *c)
{
	struct rtt_histogram e = {
		.src_port = key->port,
		.netns = key->netns,
		.prefix = key->prefix,
	};

	for (int i = 0; i < RTT_BUCKETS; i++)
		e.samples += c->srtt[i];
	FILL(e.srtt, c->srtt);
	FILL(e.min_rtt, c->min_rtt);
	return e;
}

int rtt_top_init(struct rtt_top *t, size_t room)
{
	*t = (struct rtt_top){.at = calloc(room + 1, sizeof(*t->at)), .room = room};
	return t->at ? 0 : -ENOMEM;
}

void rtt_top_free(struct rtt_top *t)
{
	free(t->at);
	*t = (struct rtt_top){0};
}

void rtt_top_add(struct rtt_top *t, const struct rtt_histogram *e)
{
	size_t at = t->n;

	if (!e->samples)
		return;
	if (t->n < t->room)
		t->n++;
	else if (!at || t->at[--at].samples >= e->samples)
		return;
	for (; at > 0 && t->at[at - 1].samples < e->samples; at--)
		t->at[at] = t->at[at - 1];
	t->at[at] = *e;
}

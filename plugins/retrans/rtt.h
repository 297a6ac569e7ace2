/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rtt.h - histograms of round-trip times as events. */
#ifndef RETRANS_RTT_H
#define RETRANS_RTT_H

#include <stddef.h>
#include <stdint.h>
#include "retrans.h"

/* The event of a group for one period, without its window. 0 samples: no event. */
struct rtt_histogram rtt_event(const struct group_key *key, const struct rtt_counts *c);

/* The n histograms with most samples, most first. */
struct rtt_top {
	struct rtt_histogram *at; /* owned */
	size_t n, room;
};
int rtt_top_init(struct rtt_top *t, size_t room); /* -ENOMEM */
void rtt_top_free(struct rtt_top *t);             /* safe on a zeroed one */
void rtt_top_add(struct rtt_top *t, const struct rtt_histogram *e);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * senders.h - who sends a flood: the prefixes and single sources that sent most
 * in a second, and the class that makes it.
 *
 * Prefixes are counted by second and destination. Sources are counted by period
 * of syn_sources, so what one has sent in a second is a difference.
 */
#ifndef SYNFLOOD_SENDERS_H
#define SYNFLOOD_SENDERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "tables.h"

#define SENDERS 32

/* Zeroed but for cpus is "nothing seen yet". */
struct senders {
	const struct cpus *cpus;
	uint32_t epoch; /* of sources */
	uint64_t ns; /* how long the second was */
	struct source_count top[SENDERS]; /* now, if looked at in this second */
	struct source_count then[SENDERS]; /* when last looked at before */
	size_t n_top, n_then;
	uint64_t unseen; /* SYNs from then to the last second's end */
	bool looked;
};

/* A second of `ns` has ended. */
void senders_begin(struct senders *x, uint32_t sources_epoch, uint64_t ns);

/* Fill in e->top for a slot's flood of so many SYNs/s in that second. Never
 * FLOOD_CLASS_OVERLOAD. */
enum flood_class senders_classify(struct senders *x, uint32_t slot, uint32_t epoch,
				  uint64_t syns_per_s, struct flood_start *e);

/* All slots are classified. So many SYNs arrived in that second; a look reads
 * much memory and is spared until there were more than `few`. */
void senders_end(struct senders *x, uint64_t arrived, uint64_t few);

#endif

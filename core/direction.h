/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * direction.h - a capture doesn't say which packets came to the host and which left it.
 * Here who is connected to is the host: packets of who sent the first SYN are incoming,
 * the other side's outgoing, and those of connections whose SYN isn't there incoming.
 */
#ifndef TI_DIRECTION_H
#define TI_DIRECTION_H

#include <stdbool.h>
#include "offline.h"

struct ti_directions;

struct ti_directions *ti_directions_new(void); /* NULL: no memory */
void ti_directions_free(struct ti_directions *d);

/* Does it leave the host? Remembers it, if it is a SYN. */
bool ti_directions_egress(struct ti_directions *d, const struct ti_frame *f);

#endif

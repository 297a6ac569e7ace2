/* SPDX-License-Identifier: GPL-2.0-or-later */
/* top.h - the connections that retransmitted most in a period. */
#ifndef RETRANS_TOP_H
#define RETRANS_TOP_H

#include <stddef.h>
#include "retrans.h"

/* Count a connection, with s->period_segs, and put it in its place among the first
 * n of top; each connection at most once a period. n at most RETRANS_TOP. */
void top_add(struct retrans_top *top, size_t n, const struct retrans_summary *s);

#endif

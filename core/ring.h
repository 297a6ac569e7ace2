/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ring.h - one plugin's ring buffer in the loop.
 *
 * Idle, the ring wakes the loop by its file descriptor. While data flows it is
 * polled on a short timer instead, since programs don't wake it for every record
 * (bpf.h, ti_wake). A batch is bounded, so a plugin in a flood starves neither
 * the signals nor another plugin.
 */
#ifndef TI_RING_H
#define TI_RING_H

#include <stddef.h>
#include <tcpinspect/types.h>

struct event_base;
struct ti_ring;

/* `rec` and `data` are in the ring: read-only, valid during the call. */
typedef void (*ti_ring_fn)(void *arg, const struct ti_record *rec, const void *data);
/* After each batch that held something. */
typedef void (*ti_ring_done_fn)(void *arg);

/* base NULL: read by ti_ring_drain alone. */
int ti_ring_new(struct ti_ring **out, int map_fd, struct event_base *base, ti_ring_fn fn,
		ti_ring_done_fn done, void *arg);
void ti_ring_free(struct ti_ring *r);
void ti_ring_freep(struct ti_ring **r);

/* Bytes that wait to be read, and that it has room for. */
void ti_ring_fill(const struct ti_ring *r, size_t *used, size_t *room);

/* Everything that is in it now, when nothing writes any more. */
void ti_ring_drain(struct ti_ring *r);

#endif

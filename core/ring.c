/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ring.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <event2/event.h>
#include <stdbool.h>
#include <stdlib.h>
#include "log.h"

#define BATCH	4096  /* records before the loop may look at something else */
#define POLL_US 10000 /* between polls while data flows */

struct ti_ring {
	struct ring_buffer *rb;
	struct event *readable, *poll;
	ti_ring_fn fn;
	ti_ring_done_fn done;
	void *arg;
	size_t batch;
};

/* libbpf 1.1 returns from consume only when the ring is empty, which under a
 * flood is never; a negative return ends the batch behind the record. */
static int on_record(void *ctx, void *data, size_t size)
{
	struct ti_ring *r = ctx;
	const struct ti_record *rec = data;

	if (size >= sizeof(*rec) && size - sizeof(*rec) >= rec->len)
		r->fn(r->arg, rec, rec + 1);
	return ++r->batch >= BATCH ? -EAGAIN : 0;
}

/* True: there is more. */
static bool consume(struct ti_ring *r)
{
	r->batch = 0;
	ring_buffer__consume(r->rb);
	if (r->batch && r->done)
		r->done(r->arg);
	return r->batch >= BATCH;
}

static void on_event(evutil_socket_t fd, short what, void *arg)
{
	static const struct timeval now = { 0, 0 }, soon = { 0, POLL_US };
	struct ti_ring *r = arg;
	bool more = consume(r);

	(void)fd;
	(void)what;
	if (r->batch)
		event_add(r->poll, more ? &now : &soon);
	else
		event_add(r->readable, NULL);
}

int ti_ring_new(struct ti_ring **out, int map_fd, struct event_base *base, ti_ring_fn fn,
		ti_ring_done_fn done, void *arg)
{
	struct ti_ring *r = calloc(1, sizeof(*r));

	if (!r)
		return -ENOMEM;
	r->fn = fn;
	r->done = done;
	r->arg = arg;
	r->rb = ring_buffer__new(map_fd, on_record, r, NULL);
	if (r->rb) {
		r->readable = event_new(base, ring_buffer__epoll_fd(r->rb), EV_READ, on_event, r);
		r->poll = event_new(base, -1, 0, on_event, r);
	}
	if (!r->readable || !r->poll || event_add(r->readable, NULL) < 0) {
		ti_ring_free(r);
		return -ENOMEM;
	}
	*out = r;
	return 0;
}

void ti_ring_free(struct ti_ring *r)
{
	if (!r)
		return;
	if (r->readable)
		event_free(r->readable);
	if (r->poll)
		event_free(r->poll);
	ring_buffer__free(r->rb);
	free(r);
}

void ti_ring_drain(struct ti_ring *r)
{
	while (consume(r))
		;
}

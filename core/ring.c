/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ring.c - reads a BPF ring buffer by the kernel's rules for it (kernel/bpf/ringbuf.c):
 * the kernel's page with the producer's position and the records, of which it maps all
 * twice in a row, are ours to read; the page with the consumer's position to write.
 *
 * libbpf does that, too, but maps all of the second image, and the daemon's resident
 * memory has each page twice then. Records are at most 64 KiB, so that much of it will do.
 */
#include "ring.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <event2/event.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/param.h>
#include <unistd.h>
#include "log.h"

#define BATCH	4096  /* records before the loop may look at something else */
#define POLL_US 10000 /* between polls while data flows */
#define LARGEST (BPF_RINGBUF_HDR_SZ + sizeof(struct ti_record) + UINT16_MAX)

struct ti_ring {
	unsigned long *consumed; /* bytes since the ring was made; a page */
	unsigned long *produced; /* the same; records begin a page behind it */
	size_t page, size, image; /* bytes: of the ring; of it that are mapped again */
	struct event *readable, *poll;
	ti_ring_fn fn;
	ti_ring_done_fn done;
	void *arg;
};

static const char *record_at(const struct ti_ring *r, unsigned long at)
{
	return (const char *)r->produced + r->page + (at & (r->size - 1));
}

/* True: there is more. */
static bool consume(struct ti_ring *r, size_t *n)
{
	unsigned long at = *r->consumed;

	for (*n = 0; *n < BATCH && at != __atomic_load_n(r->produced, __ATOMIC_ACQUIRE); (*n)++) {
		const char *record = record_at(r, at);
		uint32_t head = __atomic_load_n((const uint32_t *)record, __ATOMIC_ACQUIRE);
		uint32_t size = head & ~(BPF_RINGBUF_BUSY_BIT | BPF_RINGBUF_DISCARD_BIT);
		const struct ti_record *rec = (const void *)(record + BPF_RINGBUF_HDR_SZ);

		if (head & BPF_RINGBUF_BUSY_BIT)
			break;
		if (!(head & BPF_RINGBUF_DISCARD_BIT) && size >= sizeof(*rec) && size - sizeof(*rec) >= rec->len)
			r->fn(r->arg, rec, rec + 1);
		at += roundup(size + BPF_RINGBUF_HDR_SZ, 8);
		__atomic_store_n(r->consumed, at, __ATOMIC_RELEASE);
	}
	if (*n && r->done)
		r->done(r->arg);
	return *n == BATCH;
}

static void on_event(evutil_socket_t fd, short what, void *arg)
{
	static const struct timeval now = { 0, 0 }, soon = { 0, POLL_US };
	struct ti_ring *r = arg;
	size_t n;
	bool more = consume(r, &n);

	(void)fd;
	(void)what;
	if (n)
		event_add(r->poll, more ? &now : &soon);
	else
		event_add(r->readable, NULL);
}

static int map_pages(struct ti_ring *r, int map_fd)
{
	struct bpf_map_info info = { 0 };
	uint32_t len = sizeof(info);
	void *at;

	if (bpf_obj_get_info_by_fd(map_fd, &info, &len) < 0)
		return -errno;
	r->page = getpagesize();
	r->size = info.max_entries;
	r->image = MIN(r->size, roundup(LARGEST, r->page));
	at = mmap(NULL, r->page, PROT_READ | PROT_WRITE, MAP_SHARED, map_fd, 0);
	if (at == MAP_FAILED)
		return -errno;
	r->consumed = at;
	at = mmap(NULL, r->page + r->size + r->image, PROT_READ, MAP_SHARED, map_fd, r->page);
	if (at == MAP_FAILED)
		return -errno;
	r->produced = at;
	return 0;
}

int ti_ring_new(struct ti_ring **out, int map_fd, struct event_base *base, ti_ring_fn fn,
		ti_ring_done_fn done, void *arg)
{
	ti_cleanup(ti_ring_freep) struct ti_ring *r = calloc(1, sizeof(*r));
	int err;

	if (!r)
		return -ENOMEM;
	r->fn = fn;
	r->done = done;
	r->arg = arg;
	err = map_pages(r, map_fd);
	if (err < 0)
		return err;
	if (!base) {
		*out = TI_TAKE(r);
		return 0;
	}
	r->readable = event_new(base, map_fd, EV_READ, on_event, r);
	r->poll = event_new(base, -1, 0, on_event, r);
	if (!r->readable || !r->poll || event_add(r->readable, NULL) < 0)
		return -ENOMEM;
	*out = TI_TAKE(r);
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
	if (r->consumed)
		munmap(r->consumed, r->page);
	if (r->produced)
		munmap(r->produced, r->page + r->size + r->image);
	free(r);
}

void ti_ring_freep(struct ti_ring **r)
{
	ti_ring_free(*r);
}

void ti_ring_drain(struct ti_ring *r)
{
	size_t n;

	while (consume(r, &n))
		;
}

void ti_ring_fill(const struct ti_ring *r, size_t *used, size_t *room)
{
	*used = __atomic_load_n(r->produced, __ATOMIC_ACQUIRE) - *r->consumed;
	*room = r->size;
}

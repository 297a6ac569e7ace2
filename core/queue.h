/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * queue.h - the bounded queue of lines before a sink, and whose lines they are.
 *
 * It is one piece of address space, twice as long as what may wait, of which only
 * touched pages cost memory. Lines are appended at the tail and taken at the head;
 * an empty queue begins at the start again, so a sink that keeps up stays within
 * the same few pages. Only when the tail comes to the end is what is left moved
 * to the front: once for as many bytes as may wait, at most.
 *
 * Accounts are kept as runs of (account, lines). When everything is taken the
 * runs are settled and nothing looks at single lines; when a part is taken, the
 * newlines in that part are counted.
 */
#ifndef TI_QUEUE_H
#define TI_QUEUE_H

#include <stddef.h>
#include <stdint.h>
#include "route.h"

struct ti_run {
	struct ti_account *account;
	uint64_t lines;
};

/* Zeroed: an empty one that takes nothing. */
struct ti_queue {
	char *buf;
	size_t room;    /* bytes of address space at buf */
	size_t limit;   /* bytes that may wait */
	size_t head, tail;
	size_t touched; /* the furthest tail since memory was given back */
	struct ti_run *runs;
	size_t run_head, run_tail, run_room;
};

/* -ENOMEM: no address space. */
int ti_queue_init(struct ti_queue *q, size_t limit);
void ti_queue_free(struct ti_queue *q); /* touches no account */

static inline size_t ti_queue_len(const struct ti_queue *q)
{
	return q->tail - q->head;
}

char *ti_queue_make_room(struct ti_queue *q, size_t max);

/* Room for one more line of at most `max` bytes, or NULL. An empty queue takes a
 * line longer than its limit, up to 1 MiB. */
static inline char *ti_queue_reserve(struct ti_queue *q, size_t max)
{
	size_t end = q->tail + max;

	if (__builtin_expect(end - q->head <= q->limit && end <= q->room &&
			     q->run_tail < q->run_room, 1))
		return q->buf + q->tail;
	return ti_queue_make_room(q, max);
}

/* The line became `len` bytes with its newline, and is in flight for `a`. */
static inline void ti_queue_commit(struct ti_queue *q, size_t len, struct ti_account *a)
{
	if (q->run_tail > q->run_head && q->runs[q->run_tail - 1].account == a)
		q->runs[q->run_tail - 1].lines++;
	else
		q->runs[q->run_tail++] = (struct ti_run){ a, 1 };
	a->in_flight++;
	q->tail += len;
}

/* The first n bytes are gone: lines whose last byte is among them are delivered. */
void ti_queue_taken(struct ti_queue *q, size_t n);
/* All lines, also one taken in part, are lost: how many there were. */
uint64_t ti_queue_drop(struct ti_queue *q);

#endif

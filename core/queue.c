/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "queue.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define KEEP	  (256 * 1024) /* memory that an empty queue may keep */
#define LINE_MOST (1024 * 1024) /* of any limit, an empty queue takes such a line */
#define RUNS	  256

int ti_queue_init(struct ti_queue *q, size_t limit)
{
	size_t room = 2 * limit + LINE_MOST;
	void *buf = mmap(NULL, room, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (buf == MAP_FAILED)
		return -ENOMEM;
	*q = (struct ti_queue){.buf = buf, .room = room, .limit = limit};
	return 0;
}

void ti_queue_free(struct ti_queue *q)
{
	if (q->buf)
		munmap(q->buf, q->room);
	free(q->runs);
	*q = (struct ti_queue){0};
}

/* What a full queue has used goes back to the system. */
static void give_back(struct ti_queue *q)
{
	madvise(q->buf + KEEP, q->touched - KEEP, MADV_DONTNEED);
	q->touched = 0;
	free(q->runs);
	q->runs = NULL;
	q->run_room = 0;
}

static void begin_again(struct ti_queue *q)
{
	if (q->tail > q->touched)
		q->touched = q->tail;
	q->head = q->tail = 0;
	q->run_head = q->run_tail = 0;
	if (q->touched > KEEP)
		give_back(q);
}

/* The fate of the oldest lines; how many they are. */
static uint64_t settle(struct ti_queue *q, uint64_t most, bool delivered)
{
	uint64_t lines = 0;

	while (lines < most && q->run_head < q->run_tail) {
		struct ti_run *run = &q->runs[q->run_head];
		uint64_t n = run->lines < most - lines ? run->lines : most - lines;

		run->account->in_flight -= n;
		*(delivered ? &run->account->delivered : &run->account->lost_queue) += n;
		lines += n;
		run->lines -= n;
		if (!run->lines)
			q->run_head++;
	}
	return lines;
}

static uint64_t count_lines(const char *p, size_t n)
{
	const char *end = p + n;
	uint64_t lines = 0;

	while ((p = memchr(p, '\n', (size_t)(end - p)))) {
		lines++;
		p++;
	}
	return lines;
}

void ti_queue_taken(struct ti_queue *q, size_t n)
{
	if (n < ti_queue_len(q)) {
		settle(q, count_lines(q->buf + q->head, n), true);
		q->head += n;
		return;
	}
	settle(q, UINT64_MAX, true);
	begin_again(q);
}

uint64_t ti_queue_drop(struct ti_queue *q)
{
	uint64_t lines = settle(q, UINT64_MAX, false);

	begin_again(q);
	return lines;
}

static bool fits(const struct ti_queue *q, size_t max)
{
	size_t waiting = ti_queue_len(q);

	return (waiting + max <= q->limit || !waiting) && max <= q->room - q->tail;
}

static bool move_to_front(struct ti_queue *q, size_t max)
{
	size_t waiting = ti_queue_len(q);

	if (waiting + max > q->limit)
		return false;
	if (q->tail > q->touched)
		q->touched = q->tail;
	memmove(q->buf, q->buf + q->head, waiting);
	q->head = 0;
	q->tail = waiting;
	return fits(q, max);
}

static bool make_run(struct ti_queue *q)
{
	size_t live = q->run_tail - q->run_head, room = q->run_room ? 2 * q->run_room : RUNS;
	struct ti_run *runs;

	if (q->run_head > live) {
		memcpy(q->runs, q->runs + q->run_head, live * sizeof(*runs));
		q->run_head = 0;
		q->run_tail = live;
		return true;
	}
	runs = realloc(q->runs, room * sizeof(*runs));
	if (!runs)
		return false;
	q->runs = runs;
	q->run_room = room;
	return true;
}

/* The rare part of ti_queue_reserve. */
char *ti_queue_make_room(struct ti_queue *q, size_t max)
{
	if (!fits(q, max) && !move_to_front(q, max))
		return NULL;
	if (q->run_tail == q->run_room && !make_run(q))
		return NULL;
	return q->buf + q->tail;
}

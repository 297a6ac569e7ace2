/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sink.h - a running sink: its module, its options and its bounded queue.
 *
 * Lines are formatted straight into the queue; ti_sink_flush hands the queue to
 * the module and never waits. What doesn't fit in the queue is dropped, newest
 * first, and counted. A module that fails is tried again with growing pauses.
 */
#ifndef TI_CORE_SINK_H
#define TI_CORE_SINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "module.h"

struct event_base;
struct ti_sink_run;
struct ti_ini;
struct ti_ini_section;

/* Rows that every [sink NAME] has: type, format, queue. */
extern const struct ti_option ti_sink_options[];
extern const size_t ti_sink_n_options;

/*
 * A sink called `name` of module `m` (opened, borrowed), options from section
 * `s` (NULL: defaults); bad ones are counted in ini->errors. Nothing is opened
 * yet. format_override: NULL or "json"/"text" from the command line.
 */
int ti_sink_new(struct ti_sink_run **out, const char *name, struct ti_module *m,
		struct ti_ini *ini, struct ti_ini_section *s, const char *format_override);
/* Opens the destination. base NULL: no retry timer (tests). */
int ti_sink_start(struct ti_sink_run *s, struct event_base *base);
void ti_sink_free(struct ti_sink_run *s); /* stops; NULL is fine */

const char *ti_sink_name(const struct ti_sink_run *s);
enum ti_format ti_sink_format(const struct ti_sink_run *s);
int ti_sink_colour(const struct ti_sink_run *s);
/* Bytes that wait, and how many may. */
size_t ti_sink_waiting(const struct ti_sink_run *s, size_t *limit);
/* 0, or -errno of the failure it is in; -EPIPE: nobody reads any more, for good. */
int ti_sink_error(const struct ti_sink_run *s);
/* Callbacks that held the loop up for longer than they may. */
uint64_t ti_sink_slow_calls(const struct ti_sink_run *s);

/*
 * Room for one line of at most `max` bytes at the queue's tail, or NULL: the
 * queue is full and the line is the caller's to count lost. Then say how long the
 * line became, newline included (its only one), and whose it is: `a` is bumped
 * when the line's fate is known, and lives until the queue is drained.
 */
char *ti_sink_reserve(struct ti_sink_run *s, size_t max);
struct ti_account;
void ti_sink_commit(struct ti_sink_run *s, size_t len, struct ti_account *a);

/* Hand what is queued to the module unless it is in a pause. */
void ti_sink_flush(struct ti_sink_run *s);
/* The last flush: without regard to pauses, and a sink that is only slow (-EAGAIN)
 * is waited for, 2 s at most. What the module still refuses is counted lost. */
void ti_sink_drain(struct ti_sink_run *s);
void ti_sink_reopen(struct ti_sink_run *s);

#endif

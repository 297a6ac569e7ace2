/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * callback.h - the one way into a module's code: who is called, with what, since
 * when. One that takes long is named in the log and counted, since nothing else
 * runs meanwhile; one that crashes or exits is named before the process ends.
 *
 *	TI_CALLING(&p->calls, TI_CALL_TICK)
 *		p->d->tick(p->self, now);
 *
 * Calls nest (a plugin's tick emits, for which a sink writes): each is charged
 * with its own time only, and not with that for which others had the processor.
 */
#ifndef TI_CALLBACK_H
#define TI_CALLBACK_H

#include <stdbool.h>
#include <stdint.h>
#include "log.h"

struct ti_module;

enum ti_callback {
	TI_CALL_LOAD,   /* constructors, by dlopen */
	TI_CALL_UNLOAD, /* destructors */
	TI_CALL_START,
	TI_CALL_ATTACHED,
	TI_CALL_EVENT,
	TI_CALL_TICK,
	TI_CALL_WRITE,
	TI_CALL_REOPEN,
	TI_CALL_STOP,
	TI_CALL_MAX,
};

/* Of one running plugin or sink. Zeroed: nobody's, and safe for ti_calls_done. */
struct ti_calls {
	const struct ti_module *module;
	const char *name;
	uint64_t slow;            /* calls that took longer than they may */
	struct ti_log_limit limits[TI_CALL_MAX];
	uintptr_t base, from, to; /* where its code is; 0: not known */
	struct ti_calls *next;    /* of all */
};

/* `name` is the plugin's, or what the sink is called; both are borrowed until
 * ti_calls_done. */
void ti_calls_init(struct ti_calls *c, const struct ti_module *m, const char *name);
void ti_calls_done(struct ti_calls *c);

/* One call. */
struct ti_call {
	struct ti_calls *calls;
	enum ti_callback which;
	const char *event;     /* name of the event's type, for TI_CALL_EVENT */
	uint64_t since;        /* ns, less what other calls took in it */
	uint64_t waited;       /* ns that the thread had waited for a processor until then */
	struct ti_call *outer; /* that it was made in */
};
struct ti_call *ti_call_begin(struct ti_call *c);
void ti_call_end(struct ti_call *c);

/* For the statement that follows, which may return from the function. */
#define TI_CALLING_EVENT(calls_, which_, event_)                               \
	for (struct ti_call call_ __attribute__((cleanup(ti_call_end))) =      \
		     { .calls = (calls_), .which = (which_), .event = (event_) },\
		     *once_ = ti_call_begin(&call_); once_; once_ = NULL)
#define TI_CALLING(calls_, which_) TI_CALLING_EVENT(calls_, which_, NULL)

/* Events come in batches, in which the clock is read once an event: its end is the
 * beginning of the next. To be called when a batch ends. */
void ti_calls_batch_end(void);

/* Name the callback when the process crashes or exits in one; call once, at start.
 * It ends by the same signal as it would have without. timed: and take the time of
 * calls, which otherwise nobody does; not where nothing is to depend on this machine's
 * time (a replay). */
void ti_calls_watch(bool timed);

#endif

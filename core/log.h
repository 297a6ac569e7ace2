/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * log.h - the one log path: lines to stderr, errors once, where the context is
 * known. Not for events: those go to sinks.
 */
#ifndef TI_LOG_H
#define TI_LOG_H

#include <stdarg.h>
#include <stdlib.h>
#include <tcpinspect/plugin.h>

/* Most verbose level that is printed; TI_LOG_INFO at start. */
void ti_log_level(enum ti_log_level most);
enum ti_log_level ti_log_level_now(void);

/* Lines of all levels go to fn, without "tcpinspect: " and newline, instead of standard
 * error; NULL: as before. */
void ti_log_to(void (*fn)(void *arg, enum ti_log_level level, const char *text), void *arg);

void ti_logv(enum ti_log_level level, const char *fmt, va_list ap);
void ti_log(enum ti_log_level level, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* Log an error and return r, so that `return ti_err(r, "...")` is one line. */
int ti_err(int r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#define ti_warn(...)  ti_log(TI_LOG_WARNING, __VA_ARGS__)
#define ti_info(...)  ti_log(TI_LOG_INFO, __VA_ARGS__)
#define ti_debug(...) ti_log(TI_LOG_DEBUG, __VA_ARGS__)

/*
 * A line that may repeat: printed at most once a minute for one ti_log_limit,
 * with the number of times it was held back. Zero-initialised; one thread.
 */
struct ti_log_limit {
	unsigned long long last_s;
	unsigned long held;
};
void ti_log_limited(struct ti_log_limit *l, enum ti_log_level level,
		    const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Owning locals: ti_cleanup(freep) and a visible hand-over, TI_TAKE. */
#define ti_cleanup(fn) __attribute__((cleanup(fn)))
#define TI_TAKE(p)                                                             \
	({                                                                     \
		__typeof__(p) take_ = (p);                                     \
		(p) = NULL;                                                    \
		take_;                                                         \
	})

static inline void ti_freep(void *p)
{
	free(*(void **)p);
}
void ti_closep(int *fd); /* closes unless negative; keeps errno */
void ti_fclosep(void *f); /* FILE **; fcloses unless NULL */

#define TI_ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sink.c - a running sink: hands its queue to the module, and what happens when
 * the module takes less than all of it. What waits is in queue.c.
 *
 * Any write that doesn't take everything begins an outage, which ends when the
 * queue is empty. It is logged once for each errno, and at its end; a sink that is
 * merely slow (-EAGAIN) only when events have been lost by it.
 */
#include "sink.h"

#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include "callback.h"
#include "ini.h"
#include "log.h"
#include "option.h"
#include "queue.h"

#define BATCH	   (64 * 1024) /* bytes that are handed over without waiting for a flush */
#define FAIL_LEAST 100 /* ms */
#define FAIL_MOST  5000
#define BUSY_LEAST 1
#define BUSY_MOST  100
#define DRAIN_MOST 2000
#define NS_PER_MS  1000000ull

struct common {
	char *type; /* read by who chooses the module */
	uint32_t format;
	uint64_t queue;
};

/* From the first write that didn't take everything until the queue is empty. */
struct outage {
	int error; /* errno, 0: none */
	bool told; /* it is in the log */
	uint64_t since; /* ns, monotonic */
	uint64_t lost; /* lines that found the queue full */
	unsigned pause_ms;
	uint64_t until; /* no write before; 0: now */
	struct event *retry;
};

struct ti_sink_run {
	char *name;
	const struct ti_module *module; /* called with TI_CALLING */
	struct ti_calls calls;
	struct common common;
	void *config;
	struct ti_sink_host host;
	void *self;
	bool started;
	bool draining;
	int colour;

	struct ti_queue queue;
	size_t flush_at; /* bytes waiting that start a flush */
	struct outage outage;
	struct ti_log_limit too_long;
};

static const char *const formats[] = {
	[TI_FORMAT_JSON] = "json",
	[TI_FORMAT_TEXT] = "text",
	NULL,
};

const struct ti_option ti_sink_options[] = {
	{
		.key = "type",
		.type = TI_OPT_STRING,
		.offset = offsetof(struct common, type),
		.help = "which kind of sink this is; the section's name when not given",
	},
	{
		.key = "format",
		.type = TI_OPT_ENUM,
		.offset = offsetof(struct common, format),
		.help = "how events are written; each kind of sink has its own default",
		.choices = formats,
	},
	{
		.key = "queue",
		.type = TI_OPT_SIZE,
		.offset = offsetof(struct common, queue),
		.def = "4MiB",
		.min = 64 * 1024,
		.max = 1024 * 1024 * 1024,
		.help = "how much may wait while the sink takes nothing; more is dropped and "
			"counted",
	},
};
const size_t ti_sink_n_options = TI_ARRAY_SIZE(ti_sink_options);

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* Services for the module */

static struct ti_sink_run *sink_of(struct ti_handle *h)
{
	return (struct ti_sink_run *)h;
}

static void host_log(struct ti_handle *h, enum ti_log_level level, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static void host_log(struct ti_handle *h, enum ti_log_level level, const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	ti_log(level, "sink %s: %s", sink_of(h)->name, text);
}

static void host_colour(struct ti_handle *h, int on)
{
	sink_of(h)->colour = on;
}

/* Life */

static int apply_options(struct ti_sink_run *s, struct ti_ini *ini, struct ti_ini_section *sec)
{
	const struct ti_sink *sink = &s->module->sink;
	const struct ti_option *tables[] = {ti_sink_options, sink->options};
	size_t n[] = {ti_sink_n_options, sink->n_options};
	void *bases[] = {&s->common, s->config};
	char why[256];

	for (size_t i = 0; i < TI_ARRAY_SIZE(tables); i++) {
		if (ti_option_defaults(tables[i], n[i], bases[i], why, sizeof(why)) < 0)
			return ti_err(-EINVAL, "sink %s: %s: %s", s->name, s->module->path, why);
	}
	s->common.format = sink->format;
	for (size_t i = 0; i < TI_ARRAY_SIZE(tables); i++)
		ti_ini_apply(ini, sec, tables[i], n[i], bases[i]);
	ti_ini_unused(ini, sec, tables, n, TI_ARRAY_SIZE(tables));
	ti_ini_required(ini, sec, s->name, sink->options, sink->n_options, s->config);
	return 0;
}

static void free_sink(struct ti_sink_run **s)
{
	ti_sink_free(*s);
}

int ti_sink_new(struct ti_sink_run **out, const char *name, struct ti_module *m, struct ti_ini *ini,
		struct ti_ini_section *sec, const char *format_override)
{
	ti_cleanup(free_sink) struct ti_sink_run *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return -ENOMEM;
	s->module = m;
	s->name = strdup(name);
	s->config = calloc(1, m->sink.config_size + 1);
	if (!s->name || !s->config)
		return -ENOMEM;
	ti_calls_init(&s->calls, m, s->name);
	if (!m->sink.start || !m->sink.write || !m->sink.stop || m->sink.format > TI_FORMAT_TEXT)
		return ti_err(-EBADMSG,
			      "sink %s: %s: it has no start, write or stop, or an unknown format",
			      name, m->path);
	r = apply_options(s, ini, sec);
	if (r < 0)
		return r;
	for (uint32_t i = 0; format_override && formats[i]; i++) {
		if (strcmp(formats[i], format_override) == 0)
			s->common.format = i;
	}
	*out = TI_TAKE(s);
	return 0;
}

static void on_retry(evutil_socket_t fd, short what, void *arg)
{
	struct ti_sink_run *s = arg;

	(void)fd;
	(void)what;
	s->outage.until = 0;
	ti_sink_flush(s);
}

int ti_sink_start(struct ti_sink_run *s, struct event_base *base)
{
	int r = ti_queue_init(&s->queue, s->common.queue);

	if (r < 0)
		return ti_err(r, "sink %s: no memory for a queue of %zu KiB: make it smaller",
			      s->name, (size_t)s->common.queue / 1024);
	s->flush_at = BATCH;
	if (base) {
		s->outage.retry = evtimer_new(base, on_retry, s);
		if (!s->outage.retry)
			return -ENOMEM;
	}
	s->host = (struct ti_sink_host){
		.size = sizeof(s->host), .log = host_log, .colour = host_colour};
	TI_CALLING(&s->calls, TI_CALL_START)
		r = s->module->sink.start(&s->self, &s->host, (struct ti_handle *)s, s->config);
	s->started = r >= 0;
	return r < 0 ? r : 0;
}

void ti_sink_free(struct ti_sink_run *s)
{
	if (!s)
		return;
	if (s->started)
		TI_CALLING(&s->calls, TI_CALL_STOP)
			s->module->sink.stop(s->self);
	if (s->outage.retry)
		event_free(s->outage.retry);
	ti_queue_free(&s->queue);
	if (s->config)
		ti_option_free(s->module->sink.options, s->module->sink.n_options, s->config);
	ti_option_free(ti_sink_options, ti_sink_n_options, &s->common);
	ti_calls_done(&s->calls);
	free(s->config);
	free(s->name);
	free(s);
}

const char *ti_sink_name(const struct ti_sink_run *s)
{
	return s->name;
}

enum ti_format ti_sink_format(const struct ti_sink_run *s)
{
	return s->common.format;
}

int ti_sink_colour(const struct ti_sink_run *s)
{
	return s->colour;
}

uint64_t ti_sink_slow_calls(const struct ti_sink_run *s)
{
	return s->calls.slow;
}

size_t ti_sink_waiting(const struct ti_sink_run *s, size_t *limit)
{
	*limit = s->queue.limit;
	return ti_queue_len(&s->queue);
}

int ti_sink_error(const struct ti_sink_run *s)
{
	return -s->outage.error;
}

/* Outages: what is said of them, and when the next write is due */

static void tell_failure(struct ti_sink_run *s)
{
	struct outage *o = &s->outage;

	o->told = true;
	if (o->error == EPIPE || s->draining)
		return; /* who ends says so */
	if (o->error == EAGAIN)
		ti_warn("sink %s: it takes less than there is, the queue of %zu KiB is full: "
			"events are dropped",
			s->name, s->queue.limit / 1024);
	else
		ti_log(TI_LOG_ERROR,
		       "sink %s: cannot write: %s; tried again, meanwhile up to "
		       "%zu KiB of events wait, more are dropped",
		       s->name, strerror(o->error), s->queue.limit / 1024);
}

static void pause_writes(struct ti_sink_run *s, int error)
{
	struct outage *o = &s->outage;
	unsigned least = error == EAGAIN ? BUSY_LEAST : FAIL_LEAST;
	unsigned most = error == EAGAIN ? BUSY_MOST : FAIL_MOST;
	struct timeval tv;
	uint64_t now = now_ns();

	if (!o->error)
		o->since = now;
	if (o->error != error) {
		o->error = error;
		o->told = false;
		o->pause_ms = 0;
	}
	if (!o->told && error != EAGAIN)
		tell_failure(s);
	o->pause_ms = o->pause_ms ? 2 * o->pause_ms : least;
	if (o->pause_ms > most)
		o->pause_ms = most;
	o->until = now + o->pause_ms * NS_PER_MS;
	s->flush_at = SIZE_MAX;
	tv.tv_sec = o->pause_ms / 1000;
	tv.tv_usec = o->pause_ms % 1000 * 1000;
	if (o->retry)
		event_add(o->retry, &tv);
}

static void end_outage(struct ti_sink_run *s)
{
	struct outage *o = &s->outage;

	if (o->told && o->error != EPIPE)
		ti_info("sink %s: writes again after %.1f s, events lost meanwhile: %llu", s->name,
			(double)(now_ns() - o->since) / 1e9, (unsigned long long)o->lost);
	if (o->retry)
		event_del(o->retry);
	*o = (struct outage){.retry = o->retry};
	s->flush_at = BATCH;
}

/* Until the module takes no more: 0 when the queue is empty, or -errno. */
static int push(struct ti_sink_run *s)
{
	struct ti_queue *q = &s->queue;

	while (ti_queue_len(q)) {
		size_t len = ti_queue_len(q);
		ssize_t r = 0;

		TI_CALLING(&s->calls, TI_CALL_WRITE)
			r = s->module->sink.write(s->self, q->buf + q->head, len);
		if (r <= 0) {
			r = r ? r : -EAGAIN;
			pause_writes(s, (int)-r);
			return (int)r;
		}
		ti_queue_taken(q, (size_t)r < len ? (size_t)r : len);
		s->outage.pause_ms = 0;
	}
	if (s->outage.error)
		end_outage(s);
	return 0;
}

void ti_sink_flush(struct ti_sink_run *s)
{
	if (!ti_queue_len(&s->queue))
		return;
	if (s->outage.until && now_ns() < s->outage.until)
		return;
	push(s);
}

static char *lose(struct ti_sink_run *s, size_t max)
{
	if (!s->outage.error) {
		ti_log_limited(&s->too_long, TI_LOG_WARNING,
			       "sink %s: no room for a line that may take %zu KiB: it is dropped",
			       s->name, max / 1024 + 1);
		return NULL;
	}
	s->outage.lost++;
	if (!s->outage.told)
		tell_failure(s);
	return NULL;
}

char *ti_sink_reserve(struct ti_sink_run *s, size_t max)
{
	char *line = ti_queue_reserve(&s->queue, max);

	if (__builtin_expect(line != NULL, 1))
		return line;
	ti_sink_flush(s);
	line = ti_queue_reserve(&s->queue, max);
	return line ? line : lose(s, max);
}

void ti_sink_commit(struct ti_sink_run *s, size_t len, struct ti_account *a)
{
	ti_queue_commit(&s->queue, len, a);
	if (ti_queue_len(&s->queue) >= s->flush_at)
		ti_sink_flush(s);
}

void ti_sink_drain(struct ti_sink_run *s)
{
	static const struct timespec nap = {.tv_nsec = 5 * NS_PER_MS};
	uint64_t end = now_ns() + DRAIN_MOST * NS_PER_MS, lost;
	int r;

	s->draining = true;
	while ((r = push(s)) == -EAGAIN && now_ns() < end)
		nanosleep(&nap, NULL);
	s->draining = false;
	if (!r)
		return;
	lost = ti_queue_drop(&s->queue);
	if (r != -EPIPE)
		ti_log(TI_LOG_ERROR, "sink %s: events lost that waited: %llu: %s", s->name,
		       (unsigned long long)lost,
		       r == -EAGAIN ? "it takes them too slowly" : strerror(-r));
	s->outage.told = false;
	end_outage(s);
}

void ti_sink_reopen(struct ti_sink_run *s)
{
	int r = 0;

	if (!s->started || !s->module->sink.reopen)
		return;
	ti_sink_flush(s);
	TI_CALLING(&s->calls, TI_CALL_REOPEN)
		r = s->module->sink.reopen(s->self);
	if (r < 0) {
		ti_err(r, "sink %s: cannot open its destination anew: %s; the old one stays in use",
		       s->name, strerror(-r));
		return;
	}
	s->outage.until = 0;
	ti_sink_flush(s);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sink-fixture.h - for the tests of route.c, sink.c and of the sinks themselves:
 * one plugin whose events carry a number, a way to a sink through a router, and
 * what was logged meanwhile.
 */
#ifndef SINK_FIXTURE_H
#define SINK_FIXTURE_H

#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <cmocka.h>

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "format.h"
#include "ini.h"
#include "log.h"
#include "route.h"
#include "sink.h"

struct numbered {
	uint64_t n;
};

static const struct ti_field numbered_fields[] = {
	{ .name = "n", .kind = TI_FIELD_UINT, .size = 8, .help = "" },
};

#define NUMBERED(name_, number_)                                               \
	{                                                                      \
		.plugin = "test", .name = name_, .number = number_,            \
		.help = "", .size = sizeof(struct numbered),                   \
		.fields = numbered_fields, .n_fields = 1,                      \
	}
static const struct ti_event_type numbered_types[] = { NUMBERED("odd", 0), NUMBERED("even", 1) };

static const struct ti_format_env no_env;

static inline void send_event(struct ti_router *r, size_t plugin, uint16_t event, uint64_t n)
{
	struct ti_record rec = { .event = event, .len = sizeof(struct numbered) };

	ti_router_event(r, plugin, &rec, &(struct numbered){ n });
}

static inline bool is_balanced(const struct ti_account *a)
{
	return a->emitted == a->delivered + a->filtered + a->sampled + a->lost_ring +
				     a->lost_queue + a->in_flight;
}

/* A sink called "out" behind a router with one plugin. */
struct way {
	struct ti_ini ini;
	struct ti_module module;
	struct ti_sink_run *sink;
	struct ti_router *router;
	size_t plugin;
	const struct ti_account *account;
};

/* options: "key=value" ..., NULL. Returns what starting the sink returned. */
static inline int open_way(struct way *w, const struct ti_sink *sink, struct event_base *base,
			   const char *const *options)
{
	char assignment[4200];
	int r;

	*w = (struct way){ .module = { .path = "under test", .sink = *sink } };
	for (; options && *options; options++) {
		snprintf(assignment, sizeof(assignment), "sink.out.%s", *options);
		assert_int_equal(ti_ini_set(&w->ini, assignment), 0);
	}
	assert_int_equal(ti_sink_new(&w->sink, "out", &w->module, &w->ini,
				     ti_ini_find(&w->ini, "sink", "out"), "json"), 0);
	assert_int_equal(w->ini.errors, 0);
	r = ti_sink_start(w->sink, base);
	assert_int_equal(ti_router_new(&w->router, &w->sink, 1, &no_env), 0);
	assert_int_equal(ti_router_add_plugin(w->router, "test", numbered_types, 2, &w->plugin), 0);
	w->account = ti_router_account(w->router, w->plugin, 0);
	return r;
}

static inline void close_way(struct way *w)
{
	ti_router_free(w->router);
	ti_sink_free(w->sink);
	ti_ini_free(&w->ini);
}

static inline void send_on(struct way *w, uint64_t n)
{
	send_event(w->router, w->plugin, 0, n);
}

/* The number in a line, which must be whole: -1. *p moves behind it. */
static inline int64_t next_number(const char **p, const char *end)
{
	static const char start[] = "{\"time\":\"1970-01-01T00:00:00.000000000Z\",\"plugin\":\"test\"";
	const char *newline = *p < end ? memchr(*p, '\n', (size_t)(end - *p)) : NULL, *n;

	if (!newline || newline[-1] != '}' || strncmp(*p, start, strlen(start)) != 0)
		return -1;
	n = memmem(*p, (size_t)(newline - *p), "\"n\":", 4);
	*p = newline + 1;
	return n ? strtoll(n + 4, NULL, 10) : -1;
}

/* What is logged between start_log() and take_log(), which is the caller's to free. */
static int log_fd = -1, saved_stderr = -1;

static inline void start_log(void)
{
	log_fd = memfd_create("log", MFD_CLOEXEC);
	saved_stderr = dup(STDERR_FILENO);
	dup2(log_fd, STDERR_FILENO);
}

static inline char *take_log(void)
{
	off_t size = lseek(log_fd, 0, SEEK_END);
	char *text = calloc(1, (size_t)size + 1);

	dup2(saved_stderr, STDERR_FILENO);
	close(saved_stderr);
	assert_int_equal(pread(log_fd, text, (size_t)size, 0), size);
	close(log_fd);
	log_fd = -1;
	return text;
}

/* For tear-downs: a test that failed before take_log() wrote its reason there. */
static inline void end_log(void)
{
	char *text;

	if (log_fd < 0)
		return;
	text = take_log();
	fputs(text, stderr);
	free(text);
}

static inline int count_text(const char *in, const char *what)
{
	int n = 0;

	for (; (in = strstr(in, what)); in++)
		n++;
	return n;
}

#endif

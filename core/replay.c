/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * replay.c - tcpinspect-replay: a capture file through the plugins' own programs, as
 * fast as that goes or as fast as it was captured. What they report goes where the
 * configuration says, with the capture's times.
 *
 * Nothing is lost: when a sink takes less than there is, reading waits.
 */
#include "replay.h"

#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include "args.h"
#include "callback.h"
#include "capture.h"
#include "direction.h"
#include "log.h"
#include "metrics.h"
#include "offline.h"
#include "option.h"
#include "preflight.h"
#include "setup.h"
#include "summary.h"

#define BOOT	   (3600 * 1000000000ull) /* CLOCK_BOOTTIME of the first packet */
#define TEXT_(x)   #x
#define TEXT(x)	   TEXT_(x)
#define LOOK_AFTER 1024 /* packets, at the loop's signals and timers */

struct replay {
	const struct ti_args *args;
	struct ti_setup setup;
	struct event_base *base;
	struct event *signals[2], *wake;
	struct ti_plugin_env env;
	struct ti_offline *offline;
	struct ti_directions *directions;
	uint64_t began;    /* CLOCK_MONOTONIC at the first packet, for --realtime */
	uint64_t admitted; /* events, against --count */
	uint64_t stats;    /* boot ns of the last --stats */
	bool stopped;      /* by a signal, --count, or since nobody reads */
	uint64_t packets, cut, brief, earlier;
};

static uint64_t monotonic(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ull + t.tv_nsec;
}

/* --- events out ---------------------------------------------------------------- */

static void on_stop(evutil_socket_t sig, short what, void *arg)
{
	struct replay *r = arg;

	(void)what;
	ti_info("%s: stopping", strsignal(sig));
	r->stopped = true;
}

static void on_wake(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
}

/* Let the loop do what it has, for at most so long. */
static void wait_for(struct replay *r, uint64_t ns)
{
	struct timeval tv = { ns / 1000000000, ns % 1000000000 / 1000 };

	evtimer_add(r->wake, &tv);
	event_base_loop(r->base, EVLOOP_ONCE);
}

/* Is a sink only slow, and has it more than this part of its queue to do? */
static bool is_behind(const struct replay *r, size_t part)
{
	for (size_t i = 0; i < r->setup.n_sinks; i++) {
		size_t limit, waiting = ti_sink_waiting(r->setup.sinks[i], &limit);

		if (ti_sink_error(r->setup.sinks[i]) == -EAGAIN && waiting > limit / part)
			return true;
	}
	return false;
}

static void flush(void *arg)
{
	struct replay *r = arg;
	size_t unread = 0;

	ti_router_flush(r->setup.router);
	while (!r->stopped && is_behind(r, 2))
		wait_for(r, 10000000);
	for (size_t i = 0; i < r->setup.n_sinks; i++)
		unread += ti_sink_error(r->setup.sinks[i]) == -EPIPE;
	r->stopped |= unread && unread == r->setup.n_sinks;
}

static bool admit(void *arg)
{
	struct replay *r = arg;

	if (r->args->count && r->admitted >= r->args->count)
		return false;
	r->admitted++;
	r->stopped |= r->admitted == r->args->count;
	return true;
}

static const char *no_ifname(void *arg, uint32_t ifindex)
{
	(void)arg;
	(void)ifindex;
	return NULL;
}

/* --- start --------------------------------------------------------------------- */

static int start_loop(struct replay *r)
{
	static const int numbers[] = { SIGINT, SIGTERM };

	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	r->base = event_base_new();
	r->wake = r->base ? evtimer_new(r->base, on_wake, NULL) : NULL;
	for (size_t i = 0; r->wake && i < TI_ARRAY_SIZE(numbers); i++) {
		r->signals[i] = evsignal_new(r->base, numbers[i], on_stop, r);
		if (!r->signals[i] || event_add(r->signals[i], NULL) < 0)
			return -ENOMEM;
	}
	return r->wake ? 0 : -ENOMEM;
}

/* What a capture doesn't show, and what the plugin does without it. */
static void say_blind(struct ti_plugin_run *p, const struct ti_module *m)
{
	char groups[256];

	ti_offline_blind(p, groups, sizeof(groups));
	if (groups[0])
		ti_info("%s: a capture doesn't show its %s%s%s", ti_plugin_name(p), groups,
			m->plugin.offline ? "; instead: " : "", m->plugin.offline ? m->plugin.offline : "");
}

static int start_plugins(struct replay *r, uint64_t utc_ns)
{
	int err;

	r->setup.env.utc_offset = utc_ns - BOOT;
	r->setup.env.ifname = no_ifname;
	r->env = (struct ti_plugin_env){ .utc_offset = &r->setup.env.utc_offset, .admit = admit,
					 .flush = flush, .arg = r };
	r->began = monotonic();
	r->stats = BOOT;
	err = ti_offline_new(&r->offline, r->setup.plugins, r->setup.n_plugins, &r->env, BOOT);
	for (size_t i = 0; err >= 0 && i < r->setup.n_plugins; i++)
		if (ti_plugin_ran(r->setup.plugins[i]))
			say_blind(r->setup.plugins[i], ti_plugin_module(r->setup.plugins[i]));
	return err;
}

static enum ti_exit exit_of(int err)
{
	switch (err) {
	case -ENOTSUP:
	case -EPROTO:
	case -EINVAL:
		return TI_EXIT_USAGE;
	case -EPERM:
	case -EACCES:
		return TI_EXIT_PERMISSION;
	}
	return TI_EXIT_FAILED;
}

/* --- packets in ---------------------------------------------------------------- */

/* Until it is time for what was captured `offset` ns after the first packet. */
static void wait_until(struct replay *r, uint64_t offset)
{
	uint64_t now = monotonic();

	while (!r->stopped && now < r->began + offset) {
		uint64_t left = r->began + offset - now;

		wait_for(r, left < 100000000 ? left : 100000000);
		now = monotonic();
		/* Ticks come when they are due, not with the next packet. */
		ti_offline_advance(r->offline, BOOT + (now < r->began + offset ? now - r->began : offset));
	}
}

/* As often as was asked for, by the capture's clock. */
static void print_stats(struct replay *r)
{
	if (!r->args->stats || r->args->stats == TI_STATS_AT_END ||
	    ti_offline_now(r->offline) < r->stats + r->args->stats)
		return;
	r->stats = ti_offline_now(r->offline);
	ti_metrics_print(&r->setup);
}

static int feed(struct replay *r, const struct ti_captured *c)
{
	struct ti_frame frame = { c->bytes, c->captured, c->len, false };
	uint64_t boot = c->utc_ns - r->setup.env.utc_offset;
	int what;

	if ((int64_t)(boot - ti_offline_now(r->offline)) < 0 && r->packets) {
		r->earlier++;
		boot = ti_offline_now(r->offline);
	}
	if (r->args->realtime)
		wait_until(r, boot - BOOT);
	ti_offline_advance(r->offline, boot);
	print_stats(r);
	if (r->stopped)
		return 0;
	frame.egress = ti_directions_egress(r->directions, &frame);
	what = ti_offline_feed(r->offline, &frame);
	r->packets++;
	r->cut += what == TI_FED_CUT;
	r->brief += what == TI_FED_SHORT;
	return what < 0 ? what : 0;
}

static int feed_all(struct replay *r, struct ti_capture *c)
{
	struct ti_captured frame;
	int err = ti_capture_next(c, &frame);

	if (err == 1) {
		int failed = start_plugins(r, frame.utc_ns);

		if (failed < 0)
			return failed;
	} else if (err == 0)
		ti_warn("%s: there is no packet in it", r->args->rest.word[0]);
	while (err == 1 && !r->stopped) {
		err = feed(r, &frame);
		if (err == 0)
			err = ti_capture_next(c, &frame);
		if (r->packets % LOOK_AFTER == 0)
			event_base_loop(r->base, EVLOOP_NONBLOCK);
	}
	return err < 0 ? err : 0;
}

static void say_packets(const struct replay *r)
{
	char text[256] = "";
	size_t len = 0;
	const struct {
		uint64_t n;
		const char *what;
	} odd[] = {
		{ r->brief, "too short to be looked at" },
		{ r->cut, "cut to the first " TEXT(TI_FED_MAX) " bytes" },
		{ r->earlier, "earlier than the one before, taken for as late" },
	};

	for (size_t i = 0; i < TI_ARRAY_SIZE(odd); i++)
		if (odd[i].n)
			len += snprintf(text + len, sizeof(text) - len, ", %llu %s",
					(unsigned long long)odd[i].n, odd[i].what);
	ti_info("%s: %llu packets%s", r->args->rest.word[0], (unsigned long long)r->packets, text);
}

static int start_sinks(struct replay *r)
{
	int err = 0;

	for (size_t i = 0; err >= 0 && i < r->setup.n_sinks; i++)
		err = ti_sink_start(r->setup.sinks[i], r->base);
	return err < 0 ? -EIO : 0;
}

static enum ti_exit finish(struct replay *r, int err)
{
	bool unwritten = false;

	ti_offline_stop(r->offline);
	r->stopped = false; /* what has been reported is delivered, however slowly */
	while (!r->stopped && is_behind(r, SIZE_MAX))
		wait_for(r, 10000000);
	for (size_t i = 0; i < r->setup.n_sinks; i++)
		unwritten |= ti_sink_error(r->setup.sinks[i]) < 0 && ti_sink_error(r->setup.sinks[i]) != -EPIPE;
	ti_router_drain(r->setup.router);
	if (r->offline) {
		say_packets(r);
		ti_summary(&r->setup);
		if (r->args->stats)
			ti_metrics_print(&r->setup);
	}
	return err < 0 ? exit_of(err) : unwritten ? TI_EXIT_FAILED : TI_EXIT_DONE;
}

static enum ti_exit replay(struct replay *r, struct ti_capture *c)
{
	int err = start_loop(r);

	r->directions = ti_directions_new();
	if (err >= 0)
		err = r->directions ? start_sinks(r) : -ENOMEM;
	if (err >= 0)
		err = feed_all(r, c);
	return finish(r, err);
}

static void release(struct replay *r)
{
	ti_setup_free(&r->setup);
	ti_directions_free(r->directions);
	for (size_t i = 0; i < TI_ARRAY_SIZE(r->signals); i++)
		if (r->signals[i])
			event_free(r->signals[i]);
	if (r->wake)
		event_free(r->wake);
	if (r->base)
		event_base_free(r->base);
}

static int cmd_replay(const struct ti_args *given)
{
	ti_cleanup(ti_capture_freep) struct ti_capture *c = NULL;
	struct ti_args a = *given;
	struct replay r = { .args = &a };
	enum ti_exit code;
	int err;

	if (a.rest.n != 1)
		return ti_err(TI_EXIT_USAGE, "replay: name one capture file, - for standard input");
	/* The host's own configuration is for what the host sees. */
	if (!a.config)
		a.config = "/dev/null";
	a.no_host = true;
	err = ti_setup_load(&r.setup, &a);
	code = err >= 0 ? ti_preflight_log() : err == -EINVAL ? TI_EXIT_USAGE : TI_EXIT_FAILED;
	if (code == TI_EXIT_DONE) {
		err = ti_capture_open(&c, a.rest.word[0]);
		code = err < 0 ? TI_EXIT_FAILED : replay(&r, c);
	}
	release(&r);
	return code;
}

const struct ti_command ti_commands[] = { TI_COMMAND_REPLAY(cmd_replay), { 0 } };

int main(int argc, char **argv)
{
	struct ti_args a;
	int code;

	ti_calls_watch(false);
	setvbuf(stdout, NULL, _IOLBF, 0);
	ti_probe_libbpf_log();
	if (ti_args_parse(&a, ti_commands, argc, argv) < 0) {
		ti_args_free(&a);
		return TI_EXIT_USAGE;
	}
	ti_log_level(a.verbose ? TI_LOG_DEBUG : a.quiet ? TI_LOG_WARNING : TI_LOG_INFO);
	code = cmd_replay(&a);
	ti_args_free(&a);
	return code;
}

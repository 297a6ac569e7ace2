/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * daemon.c - the loop around the way of the data: set up, start sinks, start
 * plugins, run until told to stop, then the same backwards: detach, drain the
 * rings, drain the sinks.
 */
#include "daemon.h"

#include <errno.h>
#include <event2/event.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "log.h"
#include "metrics.h"
#include "option.h"
#include "preflight.h"
#include "setup.h"
#include "summary.h"

struct ti_daemon {
	const struct ti_args *args;
	struct ti_setup setup;
	struct event_base *base;
	struct event *signals[4], *deadline, *ifaces_changed, *stats;
	struct ti_ifaces *ifaces;
	struct ti_plugin_env env;
	uint64_t admitted; /* events, against --count */
	bool unread;       /* the sinks' readers have gone */
	enum ti_exit code;
};

/* --- events of the loop -------------------------------------------------- */

static void on_stop(evutil_socket_t sig, short what, void *arg)
{
	struct ti_daemon *d = arg;

	(void)what;
	if (sig > 0)
		ti_info("%s: stopping", strsignal(sig));
	event_base_loopbreak(d->base);
}

static void on_reopen(evutil_socket_t sig, short what, void *arg)
{
	struct ti_daemon *d = arg;

	(void)what;
	ti_info("%s: reopening sinks", strsignal(sig));
	for (size_t i = 0; i < d->setup.n_sinks; i++)
		ti_sink_reopen(d->setup.sinks[i]);
}

/* Changes come in bunches, and one may concern interfaces above and below it. */
static void on_iface(void *arg, enum ti_iface_change what, const struct ti_iface *i)
{
	static const struct timeval soon = { 0, 20000 };
	struct ti_daemon *d = arg;

	for (size_t k = 0; what == TI_IFACE_GONE && k < d->setup.n_plugins; k++)
		ti_plugin_iface_gone(d->setup.plugins[k], i->index);
	if (!evtimer_pending(d->ifaces_changed, NULL))
		evtimer_add(d->ifaces_changed, &soon);
}

static void on_ifaces_changed(evutil_socket_t fd, short what, void *arg)
{
	struct ti_daemon *d = arg;

	(void)fd;
	(void)what;
	for (size_t k = 0; k < d->setup.n_plugins; k++)
		ti_plugin_ifaces(d->setup.plugins[k]);
}

static void on_stats(evutil_socket_t fd, short what, void *arg)
{
	struct ti_daemon *d = arg;

	(void)fd;
	(void)what;
	ti_metrics_print(&d->setup);
}

static bool admit(void *arg)
{
	struct ti_daemon *d = arg;

	if (d->args->count && d->admitted >= d->args->count)
		return false;
	d->admitted++;
	if (d->admitted == d->args->count)
		event_base_loopbreak(d->base);
	return true;
}

/* When the readers of all sinks went away, as under `| head`, that is the end, not
 * a failure. */
static void flush(void *arg)
{
	struct ti_daemon *d = arg;
	size_t unread = 0;

	ti_router_flush(d->setup.router);
	for (size_t i = 0; i < d->setup.n_sinks; i++)
		unread += ti_sink_error(d->setup.sinks[i]) == -EPIPE;
	if (unread < d->setup.n_sinks || d->unread)
		return;
	d->unread = true;
	ti_info("nobody reads any more: stopping");
	event_base_loopbreak(d->base);
}

static const char *ifname_of(void *arg, uint32_t ifindex)
{
	struct ti_daemon *d = arg;
	const struct ti_iface *i = ti_ifaces_by_index(d->ifaces, ifindex);

	return i ? i->name : NULL;
}

/* --- start --------------------------------------------------------------- */

static int add_signals(struct ti_daemon *d)
{
	static const struct {
		int number;
		event_callback_fn fn;
	} table[] = { { SIGINT, on_stop }, { SIGTERM, on_stop }, { SIGHUP, on_reopen }, { SIGUSR1, on_reopen } };

	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN); /* a limit on files is EFBIG to their sink */
	for (size_t i = 0; i < TI_ARRAY_SIZE(table); i++) {
		d->signals[i] = evsignal_new(d->base, table[i].number, table[i].fn, d);
		if (!d->signals[i] || event_add(d->signals[i], NULL) < 0)
			return -ENOMEM;
	}
	return 0;
}

static int add_deadline(struct ti_daemon *d)
{
	struct timeval after = { d->args->duration / 1000000000, d->args->duration % 1000000000 / 1000 };

	if (!d->args->duration)
		return 0;
	d->deadline = evtimer_new(d->base, on_stop, d);
	return d->deadline && evtimer_add(d->deadline, &after) == 0 ? 0 : -ENOMEM;
}

static int add_stats(struct ti_daemon *d)
{
	struct timeval period = { d->args->stats / 1000000000, d->args->stats % 1000000000 / 1000 };

	if (!d->args->stats || d->args->stats == TI_STATS_AT_END)
		return 0;
	d->stats = event_new(d->base, -1, EV_PERSIST, on_stats, d);
	return d->stats && event_add(d->stats, &period) == 0 ? 0 : -ENOMEM;
}

static int start_sinks(struct ti_daemon *d)
{
	for (size_t i = 0; i < d->setup.n_sinks; i++) {
		int r = ti_sink_start(d->setup.sinks[i], d->base);

		if (r < 0)
			return r;
	}
	return 0;
}

/* Those named on the command line must be there; those of the ini may come. */
static int check_interfaces(struct ti_daemon *d)
{
	char name[IFNAMSIZ];

	for (size_t i = 0; i < d->setup.n_plugins; i++) {
		const char *patterns = ti_plugin_common(d->setup.plugins[i])->interfaces;

		if (!ti_ifaces_missing(d->ifaces, patterns, name))
			continue;
		if (d->args->interfaces)
			return ti_err(-EINVAL, "-i: no such interface: %s (ip link shows them)", name);
		ti_warn("%s: no interface %s yet; waiting for it", ti_plugin_name(d->setup.plugins[i]), name);
	}
	return 0;
}

/* What a plugin's failure means when no plugin is left. */
static enum ti_exit exit_of(int r)
{
	if (r == -EPERM || r == -EACCES)
		return TI_EXIT_PERMISSION;
	return r == -EOPNOTSUPP ? TI_EXIT_UNSUPPORTED : TI_EXIT_FAILED;
}

static void note_failure(enum ti_exit *worst, int r)
{
	if (r < 0 && (*worst == TI_EXIT_DONE || *worst == TI_EXIT_UNSUPPORTED))
		*worst = exit_of(r);
}

static enum ti_exit start_plugins(struct ti_daemon *d)
{
	enum ti_exit worst = d->setup.n_failed ? TI_EXIT_FAILED : TI_EXIT_DONE;
	size_t running = 0;

	d->env = (struct ti_plugin_env){ .base = d->base, .ifaces = d->ifaces,
					 .utc_offset = &d->setup.env.utc_offset, 
					 .admit = admit, .flush = flush, .arg = d };
	d->setup.env.utc_offset = ti_utc_offset();
	d->setup.env.ifname = ifname_of;
	d->setup.env.arg = d;
	for (size_t i = 0; i < d->setup.n_plugins; i++)
		note_failure(&worst, ti_plugin_load(d->setup.plugins[i], &d->env));
	for (size_t i = 0; i < d->setup.n_plugins; i++) {
		int r = ti_plugin_loaded(d->setup.plugins[i]) ? ti_plugin_start(d->setup.plugins[i]) : 1;

		running += r == 0;
		note_failure(&worst, r);
	}
	if (running && worst != TI_EXIT_DONE)
		ti_warn("%zu of %zu plugins could not run; the others do",
			d->setup.n_plugins + d->setup.n_failed - running, d->setup.n_plugins + d->setup.n_failed);
	return running ? TI_EXIT_DONE : worst;
}

static enum ti_exit start(struct ti_daemon *d)
{
	d->ifaces_changed = evtimer_new(d->base, on_ifaces_changed, d);
	if (!d->ifaces_changed || add_signals(d) < 0 || ti_ifaces_new(&d->ifaces, d->base, on_iface, d) < 0)
		return TI_EXIT_FAILED;
	if (check_interfaces(d) < 0)
		return TI_EXIT_USAGE;
	if (start_sinks(d) < 0)
		return TI_EXIT_FAILED;
	for (size_t i = 0; i < d->setup.n_plugin_modules; i++)
		ti_hooks_sweep(d->setup.plugin_modules[i].prefix.name, d->ifaces);
	d->code = start_plugins(d);
	malloc_trim(0); /* the kernel's BTF, which libbpf has read, was 10 MB */
	return d->code == TI_EXIT_DONE && (add_deadline(d) < 0 || add_stats(d) < 0) ? TI_EXIT_FAILED : d->code;
}

/* --- stop ---------------------------------------------------------------- */

static void stop(struct ti_daemon *d)
{
	/* Backwards: who is behind the others at XDP leaves without waiting for packets. */
	for (size_t i = d->setup.n_plugins; i-- > 0;)
		ti_plugin_stop(d->setup.plugins[i]);
	if (d->setup.router)
		ti_router_drain(d->setup.router);
	if (d->code == TI_EXIT_DONE && d->ifaces)
		ti_summary(&d->setup);
	if (d->args->stats && d->code == TI_EXIT_DONE && d->ifaces)
		ti_metrics_print(&d->setup);
	ti_setup_free(&d->setup);
	ti_ifaces_free(d->ifaces);
	for (size_t i = 0; i < TI_ARRAY_SIZE(d->signals); i++)
		if (d->signals[i])
			event_free(d->signals[i]);
	if (d->deadline)
		event_free(d->deadline);
	if (d->stats)
		event_free(d->stats);
	if (d->ifaces_changed)
		event_free(d->ifaces_changed);
	event_base_free(d->base);
}

/* One thread, so no locks; ticks to the microsecond. */
static struct event_base *new_base(void)
{
	struct event_config *c = event_config_new();
	struct event_base *base = NULL;

	if (c) {
		event_config_set_flag(c, EVENT_BASE_FLAG_NOLOCK | EVENT_BASE_FLAG_PRECISE_TIMER);
		base = event_base_new_with_config(c);
		event_config_free(c);
	}
	return base;
}

int ti_cmd_run(const struct ti_args *a)
{
	struct ti_daemon d = { .args = a };
	int r = ti_setup_load(&d.setup, a);

	if (r < 0) {
		ti_setup_free(&d.setup);
		return r == -EINVAL ? TI_EXIT_USAGE : TI_EXIT_FAILED;
	}
	if (!a->verbose && !a->quiet)
		ti_log_level(d.setup.core.log_level);
	d.code = ti_preflight_log();
	d.base = d.code == TI_EXIT_DONE ? new_base() : NULL;
	if (!d.base) {
		ti_setup_free(&d.setup);
		return d.code == TI_EXIT_DONE ? TI_EXIT_FAILED : d.code;
	}
	d.code = start(&d);
	if (d.code == TI_EXIT_DONE && !(a->count && d.admitted >= a->count))
		event_base_dispatch(d.base);
	r = d.code;
	stop(&d);
	return r;
}

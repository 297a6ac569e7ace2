/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test.c - a plugin under test, from its file to its end, and its clock. The stages
 * are the daemon's own (core/): module, options, probe, plugin; what comes behind the
 * plugin is this test instead of sinks.
 */
#include "test.h"
#include "trust.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "ini_read.h"
#include "log.h"

#define START_NS 1000000000000ull	/* boot time: 1,000 s */
#define START_UTC 1577836800000000000ull /* 2020-01-01T00:00:00Z */

static char error[8192];
static struct ti_test *opened; /* those that are, by ->next */

const char *ti_test_error(void)
{
	return error;
}

void *test_grow(void *at, size_t n, size_t size)
{
	/* Doubled when n is a power of two. */
	void *grown = n & (n - 1) ? at : reallocarray(at, n ? 2 * n : 1, size);

	if (!grown)
		abort();
	return grown;
}

const char *test_keep(struct ti_test *t, char *text)
{
	*LIST_ADD(t->texts) = text;
	return text;
}

/* --- begin ----------------------------------------------------------------- */

static bool admit(void *arg)
{
	(void)arg;
	return true;
}

static void flush(void *arg)
{
	(void)arg;
}

static int set_option(struct ti_test *t, const char *option)
{
	const struct ti_ini_key here = { .file = t->module.prefix.name };
	ti_cleanup(ti_freep) char *key = strdup(option);
	struct ti_ini_section *s;
	char *value, why[256];

	if (!key)
		return -ENOMEM;
	value = strchr(key, '=');
	if (!value)
		return ti_err(-EINVAL, "%s: '%s' is no option: write key=value", here.file, option);
	*value++ = '\0';
	if (ti_ini_check_key(key, why, sizeof(why)) < 0)
		return ti_err(-EINVAL, "%s: %s", here.file, why);
	s = ti_ini_open_section(&t->ini, "plugin", here.file, &here);
	return s ? ti_ini_set_key(&t->ini, s, key, value, &here) : -ENOMEM;
}

static int open_plugin(struct ti_test *t)
{
	int r = ti_module_open(&t->module);

	if (r == 0)
		r = ti_router_new(&t->router, NULL, 0, &t->format);
	if (r == 0)
		r = ti_plugin_new(&t->plugin, &t->module, t->router, &t->ini,
				  ti_ini_find(&t->ini, "plugin", t->module.prefix.name), "*", NULL);
	return r == 0 && t->ini.errors ? -EINVAL : r;
}

static void init(struct ti_test *t)
{
	t->clock = START_NS;
	t->format = (struct ti_format_env){ .utc_offset = START_UTC - START_NS, .ifname = test_ifname, .arg = t };
	t->env = (struct ti_plugin_env){ .utc_offset = &t->format.utc_offset, .host = &t->host,
					 .seen = test_seen, .admit = admit, .flush = flush, .arg = t };
	test_host_init(t);
}

static int start(struct ti_test *t)
{
	int r;

	t->started = t->clock;
	if (t->whole)
		return ti_offline_new(&t->offline, &t->plugin, 1, &t->env, t->clock);
	t->env.clock = &t->clock;
	r = ti_plugin_emulate(t->plugin, &t->env);
	if (r == 0)
		r = ti_plugin_start(t->plugin);
	return r;
}

/* Left open by a test that has failed: its plugin can't be opened twice. */
static void free_other(const struct ti_test *t)
{
	struct ti_test *o = opened;

	while (o && (o == t || strcmp(o->module.prefix.name, t->module.prefix.name)))
		o = o->next;
	if (o)
		ti_test_free(o);
}

static int failed(const struct ti_test *t, int r)
{
	test_errors(t, error, sizeof(error));
	if (!error[0])
		snprintf(error, sizeof(error), "%s", strerror(-r));
	return r;
}

struct ti_test *ti_test_open(int whole, const char *path, ...)
{
	struct ti_test *t = calloc(1, sizeof(*t));
	const char *option;
	va_list ap;
	int r;

	if (!t)
		abort();
	t->whole = whole;
	t->next = opened;
	opened = t;
	init(t);
	test_enter(t);
	ti_probe_libbpf_log();
	ti_trust_all();
	r = ti_module_read(&t->module, path, TI_MODULE_PLUGIN, true);
	va_start(ap, path);
	while (r == 0 && (option = va_arg(ap, const char *)))
		r = set_option(t, option);
	va_end(ap);
	if (r == 0) {
		free_other(t);
		test_enter(t);
		r = open_plugin(t);
	}
	if (r == 0)
		r = start(t);
	if (r == 0)
		return t;
	failed(t, r);
	t->stopped = true;
	ti_test_free(t);
	return NULL;
}

int ti_test_restart(struct ti_test *t)
{
	int r;

	ti_test_stop(t);
	test_enter(t);
	test_maps_free(t);
	t->taken = t->events.n;
	t->lines_taken = t->lines.n;
	r = start(t);
	t->stopped = r < 0;
	return r < 0 ? failed(t, r) : 0;
}

/* --- clock ----------------------------------------------------------------- */

uint64_t ti_test_now(const struct ti_test *t)
{
	return t->offline ? ti_offline_now(t->offline) : t->clock;
}

static uint64_t next_tick(const struct ti_test *t)
{
	uint64_t period = ti_plugin_period(t->plugin), now = ti_test_now(t);

	return now + period - (now - t->started) % period;
}

void ti_test_advance(struct ti_test *t, uint64_t ns)
{
	uint64_t until = ti_test_now(t) + ns;

	test_enter(t);
	if (t->offline) {
		ti_offline_advance(t->offline, until);
		return;
	}
	while (!t->stopped && next_tick(t) <= until) {
		t->clock = next_tick(t);
		ti_plugin_tick(t->plugin);
	}
	t->clock = until;
}

/* --- end ------------------------------------------------------------------- */

void ti_test_stop(struct ti_test *t)
{
	if (t->stopped)
		return;
	test_enter(t);
	if (t->offline) {
		t->clock = next_tick(t);
		ti_offline_stop(TI_TAKE(t->offline));
	} else {
		ti_test_advance(t, next_tick(t) - t->clock);
		ti_plugin_stop(t->plugin);
	}
	t->stopped = true;
}

void ti_test_free(struct ti_test *t)
{
	struct ti_test **at = &opened;

	if (!t)
		return;
	while (*at != t)
		at = &(*at)->next;
	*at = t->next;
	ti_test_stop(t);
	test_enter(t);
	ti_plugin_free(t->plugin);
	ti_router_free(t->router);
	ti_module_close(&t->module);
	ti_ini_free(&t->ini);
	ti_log_to(NULL, NULL);
	test_host_free(t);
	test_maps_free(t);
	test_events_free(t);
	for (size_t i = 0; i < t->texts.n; i++)
		free(t->texts.at[i]);
	free(t->texts.at);
	for (size_t i = 0; i < t->lines.n; i++)
		free(t->lines.at[i].text);
	free(t->lines.at);
	free(t);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * setup.h - everything that the command line and the configuration name, found,
 * opened and checked, and nothing of it started: what `check` ends with and
 * `run` begins with. Needs no privilege.
 */
#ifndef TI_SETUP_H
#define TI_SETUP_H

#include <stdbool.h>
#include "args.h"
#include "format.h"
#include "ini.h"
#include "module.h"
#include "plugin.h"
#include "route.h"
#include "sink.h"

/* [tcpinspect] */
struct ti_core_options {
	char *interfaces;
	char *host;
	uint32_t log_level;
};
extern const struct ti_option ti_core_options[];
extern const size_t ti_core_n_options;

struct ti_setup {
	struct ti_ini ini;
	struct ti_core_options core;
	struct ti_module *plugin_modules, *sink_modules; /* found, not all opened; once loaded,
							    plugins are as declared */
	size_t n_plugin_modules, n_sink_modules;
	struct ti_plugin_run **plugins; /* in the order of declaration */
	size_t n_plugins;
	size_t n_failed;  /* plugins that were wanted and can't be opened; logged */
	struct ti_sink_run **sinks;
	size_t n_sinks;
	const char *console; /* name of the first sink of that type */
	struct ti_router *router;
	struct ti_format_env env;
};

/* Find the modules in their folders and those named by -P and -S. Errors are
 * logged; -errno when a named file is refused. */
int ti_setup_modules(struct ti_setup *s, const struct ti_args *a);

/*
 * All of it. Returns 0, -EINVAL for mistakes in the command line or the files
 * (each logged), or another -errno (logged).
 */
int ti_setup_load(struct ti_setup *s, const struct ti_args *a);
void ti_setup_free(struct ti_setup *s); /* safe on a zeroed struct */

#endif

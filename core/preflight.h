/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * preflight.h - what this host must give before any plugin can run: asked by
 * `run` before it starts and shown by `doctor`.
 */
#ifndef TI_PREFLIGHT_H
#define TI_PREFLIGHT_H

#include <stdbool.h>
#include <stddef.h>
#include "args.h"

struct ti_check {
	const char *name; /* "kernel", "btf", ... */
	bool ok;
	enum ti_exit exit; /* what `run` ends with when not ok; TI_EXIT_DONE: it goes on */
	char text[256];   /* what was found, and when not ok what to do */
};

#define TI_CHECKS 6

/* Fills checks[] and returns their number. */
size_t ti_preflight(struct ti_check checks[TI_CHECKS]);

/* Log those that stop `run`; the exit code of the first, or TI_EXIT_DONE. */
enum ti_exit ti_preflight_log(void);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * format.h - events to lines. Each (event type, format) is compiled once into a
 * plan; formatting an event walks the plan and looks nothing up by name.
 */
#ifndef TI_FORMAT_H
#define TI_FORMAT_H

#include <stddef.h>
#include <stdint.h>
#include <tcpinspect/event.h>
#include <tcpinspect/sink.h>

/* What a plan needs of its surroundings. */
struct ti_format_env {
	const char *host;   /* NULL: no host key */
	uint64_t utc_offset; /* ns to add to boot_ns for CLOCK_REALTIME; may be changed any time */
	/* Name of an interface, or NULL when not known. */
	const char *(*ifname)(void *arg, uint32_t ifindex);
	void *arg;
};

/* "info" ... "critical". */
const char *ti_severity_name(enum ti_severity severity);

struct ti_plan;

/* Compile. `type` and `env` must outlive the plan. NULL: out of memory. */
struct ti_plan *ti_plan_new(const struct ti_event_type *type, enum ti_format format,
			    const struct ti_format_env *env);
void ti_plan_free(struct ti_plan *plan);
void ti_plan_freep(struct ti_plan **plan);

/* The most bytes that one line of this plan may take, newline included. */
size_t ti_plan_max(const struct ti_plan *plan);

/*
 * Format one event to out[], which has room for ti_plan_max bytes, newline
 * included, no NUL. Returns the length. rec->len must be at least the type's
 * size; `data` needs no alignment. `colour` is for TI_FORMAT_TEXT.
 */
size_t ti_plan_format(struct ti_plan *plan, const struct ti_record *rec,
		      const void *data, char *out, int colour);

#endif

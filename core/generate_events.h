/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * generate_events.h - events and metrics of a plugin as man(7) and as Markdown, and text made
 * harmless for either. All is printed to stdout.
 */
#ifndef TI_GENERATE_EVENTS_H
#define TI_GENERATE_EVENTS_H

#include "schema.h"

void ti_roff(const char *text);     /* backslashes, leading dots and quotes, dashes */
void ti_markdown(const char *text); /* for a table's cell */

/* A section (.SS) for events with the same fields, with these. */
void ti_events_man(const struct ti_schema *s);

/* "## Events": a table of the events, with the names of their fields, and one of
 * what these are, each said once. */
void ti_events_readme(const struct ti_schema *s);

/* The same for its metrics; nothing where there are none. */
void ti_metrics_man(const struct ti_schema *s);
void ti_metrics_readme(const struct ti_schema *s);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * json.h - the little JSON that subcommands print for scripts (--json). Events
 * have format.c, which is about speed.
 */
#ifndef TI_JSON_H
#define TI_JSON_H

#include <stdio.h>

/* "text" with quotes, escaped; invalid UTF-8 becomes U+FFFD. NULL: null. */
void ti_json_string(FILE *f, const char *text);

#endif

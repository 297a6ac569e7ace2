/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * verdict.h - why a BPF object was refused, for its author: of what the verifier or
 * libbpf said the few lines that matter, where that is in the source, and what to
 * change where that is sure.
 */
#ifndef TI_VERDICT_H
#define TI_VERDICT_H

#include <stddef.h>

struct ti_source;

struct ti_verdict {
	char reason[512];  /* one line: what and where */
	char detail[4096]; /* more lines, each ending in a newline; "" */
};

/* Of the log of a program's load, as libbpf prints it. source NULL: not known. */
void ti_verdict_read(struct ti_verdict *v, const char *log, const struct ti_source *source);

/* What to do about an object that libbpf refused with this line; NULL: no advice. */
const char *ti_verdict_object(const char *line);

#endif

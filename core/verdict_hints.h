/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * verdict_hints.h - what to change, by what the verifier or libbpf says. The first
 * row of which a text occurs is used, so the special stand before the general.
 */
#ifndef TI_VERDICT_HINTS_H
#define TI_VERDICT_HINTS_H

#include <stddef.h>

struct ti_hint {
	const char *says[6]; /* any of these */
	const char *advice;
};

extern const struct ti_hint ti_verifier_hints[], ti_object_hints[];
extern const size_t ti_n_verifier_hints, ti_n_object_hints;

#endif

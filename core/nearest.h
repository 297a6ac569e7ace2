/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nearest.h - the name that somebody may have meant. */
#ifndef TI_NEAREST_H
#define TI_NEAREST_H

#include <stddef.h>

/* The name of `n` that `wrong` is most likely a slip of (edit distance, case
 * aside, at most 2 or a third of its length, and never over a half), or NULL. `stride`
 * bytes lie between the `const char *`s. */
const char *ti_nearest(const char *wrong, const void *names, size_t n, size_t stride);

#endif

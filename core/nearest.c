/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nearest.c - "did you mean": names compared letter by letter. */
#include "nearest.h"

#include <string.h>

enum { NEAREST_MAX = 64 };

static int lower(char c)
{
	return c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c;
}

static size_t min3(size_t a, size_t b, size_t c)
{
	a = a < b ? a : b;
	return a < c ? a : c;
}

/* Letters to insert, drop, replace or swap with their neighbour (Damerau-
 * Levenshtein, optimal string alignment), case aside. */
static size_t distance(const char *a, size_t n, const char *b, size_t m)
{
	size_t rows[3][NEAREST_MAX + 1];
	size_t *before = rows[0], *last = rows[1], *now = rows[2], *spare;

	for (size_t j = 0; j <= m; j++)
		last[j] = j;
	for (size_t i = 1; i <= n; i++) {
		now[0] = i;
		for (size_t j = 1; j <= m; j++) {
			size_t differ = lower(a[i - 1]) != lower(b[j - 1]);

			now[j] = min3(last[j] + 1, now[j - 1] + 1, last[j - 1] + differ);
			if (i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) &&
			    lower(a[i - 2]) == lower(b[j - 1]))
				now[j] = min3(now[j], before[j - 2] + 1, now[j]);
		}
		spare = before;
		before = last;
		last = now;
		now = spare;
	}
	return last[m];
}

const char *ti_nearest(const char *wrong, const void *names, size_t n, size_t stride)
{
	size_t len = strlen(wrong), best = len / 3 > 2 ? len / 3 : 2;
	const char *nearest = NULL;

	if (len > NEAREST_MAX)
		return NULL;
	if (best > len / 2) /* too little of it would be left */
		best = len / 2;
	best++;
	for (size_t i = 0; i < n; i++) {
		const char *name = *(const char *const *)((const char *)names + i * stride);
		size_t d;

		if (!name || strlen(name) > NEAREST_MAX)
			continue;
		d = distance(wrong, len, name, strlen(name));
		if (d < best) {
			best = d;
			nearest = name;
		}
	}
	return nearest;
}

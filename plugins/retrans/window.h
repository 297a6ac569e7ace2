/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * window.h - "more than N within a window", at the moment it happens. In the
 * kernel, against the rule that windows are user space's: there may be as many
 * connections as the map has entries, and walking through them each second would
 * cost more than this.
 */
#ifndef RETRANS_WINDOW_H
#define RETRANS_WINDOW_H

#include "retrans.h"

/*
 * Count n at `now`, ns. The sum of the window if that is over the limit and was not
 * said to be within the last window, else 0. limit 0: none.
 */
static __always_inline __u32 window_add(struct window *w, __u64 now, __u64 window, __u32 limit, __u32 n)
{
	__u64 slice = now / (window / WINDOW_SLICES);
	__u32 sum = 0;

	if (!limit)
		return 0;
	for (__u32 i = 0; i < WINDOW_SLICES; i++) {
		/* Number of the slice that place i is for now. */
		__u64 at = slice - ((slice - i) & (WINDOW_SLICES - 1));

		if (at > w->slice)
			w->n[i] = 0;
		if (at == slice)
			w->n[i] += n;
		sum += w->n[i];
	}
	w->slice = slice > w->slice ? slice : w->slice;
	if (sum <= limit || now < w->alarmed_until)
		return 0;
	w->alarmed_until = now + window;
	return sum;
}

#endif

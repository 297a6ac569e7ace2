/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/* least.bpf.h - the least of some words. */
#ifndef SYNFLOOD_LEAST_H
#define SYNFLOOD_LEAST_H

/* The smaller of two words below 2^63, without a branch to predict: which way of
 * a bucket is least is random under attack, and a miss costs more than all this. */
static __always_inline __s64 min_of(__s64 a, __s64 b)
{
	__s64 less = a - b, mask = less;

	asm volatile("%0 s>>= 63" : "+r"(mask));
	return b + (less & mask);
}

static __always_inline __s64 least_of(__s64 *words, int n)
{
#pragma unroll
	for (int half = n / 2; half; half /= 2) /* a tree: its steps overlap */
#pragma unroll
		for (int i = 0; i < half; i++)
			words[i] = min_of(words[i], words[i + half]);
	return words[0];
}

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tsc.c - this machine's TSC rate in kHz: a guest that is told it needs no
 * calibration, which under emulation sometimes never ends. */
#include <stdio.h>
#include <time.h>
#include <x86intrin.h>

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC_RAW, &t);
	return t.tv_sec * 1e9 + t.tv_nsec;
}

int main(void)
{
	double start = now(), end;
	unsigned long long tsc = __rdtsc();

	do
		end = now();
	while (end - start < 2e8);
	printf("%.0f\n", (__rdtsc() - tsc) / (end - start) * 1e6);
	return 0;
}

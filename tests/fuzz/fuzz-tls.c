/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fuzz-tls.c - any bytes as a client's first, split in any way: the same hello. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "trace.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct pieces ways[] = {{pieces_sized, 1}, {pieces_random, 64, fuzz_hash(data, len)}};
	char *whole = tls_trace(data, len, (struct pieces){pieces_whole}), *split;
	size_t i;

	for (i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		split = tls_trace(data, len, ways[i]);
		if (strcmp(whole, split)) {
			fprintf(stderr, "whole: %s\nsplit: %s\n", whole, split);
			abort();
		}
		free(split);
	}
	free(whole);
	return 0;
}

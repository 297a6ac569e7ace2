/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fuzz-http.c - any bytes, split in any way: the same heads, also while bodies
 * go by unseen; and whatever else is lost, no more than heads are.
 *
 * Input is what one direction sent. What begins with HTTP/ is responses.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "trace.h"

static void same(const char *whole, char *split, const char *how)
{
	if (strcmp(whole, split)) {
		fprintf(stderr, "whole:\n%s\n%s:\n%s\n", whole, how, split);
		abort();
	}
	free(split);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static const char *const asked[] = {"GET", "HEAD", "CONNECT"};
	bool response = len >= 5 && !memcmp(data, "HTTP/", 5);
	enum http_side side = response ? HTTP_RESPONSES : HTTP_REQUESTS;
	uint64_t seed = fuzz_hash(data, len);
	const char *a = asked[seed % 3];
	char *whole;

	whole = http_trace(side, a, data, len, (struct pieces){pieces_whole});
	same(whole, http_trace(side, a, data, len, (struct pieces){pieces_sized, 1}), "bytes");
	same(whole, http_trace(side, a, data, len, (struct pieces){pieces_random, 64, seed}),
	     "random");
	same(whole,
	     http_trace(side, a, data, len, (struct pieces){pieces_random, 64, seed, SKIP_BODIES}),
	     "bodies unseen");
	free(whole);
	free(http_trace(side, a, data, len, (struct pieces){pieces_random, 64, seed, LOSE}));
	return 0;
}

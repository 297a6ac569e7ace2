/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * trace.h - what a parser says of some bytes, as text, so that ways of feeding
 * them can be compared. Each piece is fed from a block of its own size, where
 * ASan sees a byte too many being read.
 */
#ifndef TESTS_FUZZ_TRACE_H
#define TESTS_FUZZ_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../../plugins/httpsniff/http.h"

/* How to cut: how long the piece at `at` is, of at most `left` bytes. */
struct pieces {
	size_t (*next)(struct pieces *p, size_t at, size_t left);
	size_t n; /* for next: a size or a place */
	uint64_t seed;
	enum {
		FEED_ALL,
		SKIP_BODIES, /* what http_skippable allows goes by unseen, in parts */
		LOSE, /* some pieces do, wherever they are */
	} gaps;
};

size_t pieces_whole(struct pieces *p, size_t at, size_t left);
size_t pieces_sized(struct pieces *p, size_t at, size_t left); /* of n bytes */
size_t pieces_cut(struct pieces *p, size_t at, size_t left); /* two, cut at n */
size_t pieces_random(struct pieces *p, size_t at, size_t left); /* of 1 to n */

/* A line for each head; then `tunnel`, `bad`, or a truncated head of the end. The
 * caller frees it. Responses answer GET unless asked is "HEAD" or "CONNECT". */
char *http_trace(enum http_side side, const char *asked, const void *data, size_t len,
		 struct pieces p);

/* The same of a ClientHello: one line. */
char *tls_trace(const void *data, size_t len, struct pieces p);

#endif

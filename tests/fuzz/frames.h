/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * frames.h - frames to feed packet programs with, well formed and not, and what the
 * SDK's parser must say of each: read off its documentation (tcpinspect/packet.h) and
 * written without it, so that the two can be held against each other.
 */
#ifndef FRAMES_H
#define FRAMES_H

#include <stddef.h>
#include <stdint.h>
#include "parsed.h"

#define FRAME_MAX 3000 /* BPF_PROG_TEST_RUN takes no more everywhere */

struct frame {
	uint8_t at[FRAME_MAX];
	size_t len;
};

/* xorshift64*: the same seed gives the same frames on every machine. */
struct draws {
	uint64_t state; /* not 0 */
};

/* Make the next one. */
void frame_draw(struct draws *d, struct frame *f);

enum outcome {
	OUTCOME_TCP, /* all of *out but egress and hook is filled */
	OUTCOME_NOT_TCP,
	OUTCOME_TRUNCATED,
	OUTCOME_FRAGMENT, /* out->fragment: with ports, which are filled, and addresses */
	OUTCOME_UNSUPPORTED,
};
#define OUTCOMES (OUTCOME_UNSUPPORTED + 1)

/* *out is zeroed, and filled as far as it is said above. */
enum outcome frame_expect(const struct frame *f, struct parsed *out);

#endif

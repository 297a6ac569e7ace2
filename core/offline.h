/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * offline.h - plugins that are fed packets instead of being attached: their own
 * programs run by BPF_PROG_TEST_RUN, one call a packet, on one CPU, under a clock
 * that the caller moves, with the same seed each time. The same packets at the same
 * times make the same events.
 *
 * Of each hook group the program runs that `hook =` chooses of XDP, tc and socket
 * filters; else the first of these that it has. Other hooks see nothing.
 */
#ifndef TI_OFFLINE_H
#define TI_OFFLINE_H

#include "plugin.h"

/* An Ethernet frame. Owned by the caller. */
struct ti_frame {
	const void *bytes;
	uint32_t captured; /* bytes that are there */
	uint32_t len;      /* bytes of the whole frame */
	bool egress;       /* for programs of outgoing packets, else for those of incoming ones */
};

/* What the kernel's test interface takes at most; more of a frame is not looked at. */
#define TI_FED_MAX 3456

struct ti_offline;

/*
 * Load and start them with their clock at boot_ns, which is not 0. Of `env` the caller
 * gives utc_offset, admit, flush and arg; it must outlive the result. The thread stays
 * on one CPU. A plugin that has no program that can be fed (-ENOTSUP), was built with
 * too old an SDK (-EPROTO), or can't be loaded, is logged and left out: of it
 * ti_plugin_ran() is false. -errno: none is left.
 */
int ti_offline_new(struct ti_offline **out, struct ti_plugin_run **plugins, size_t n,
		   struct ti_plugin_env *env, uint64_t boot_ns);

/*
 * Move the clock, through the ticks that are due until then, each at its own time. It
 * never goes back: less than now is now. A step of more than 25 hours has ticks in the
 * first 25, and one at its end.
 */
void ti_offline_advance(struct ti_offline *o, uint64_t boot_ns);
uint64_t ti_offline_now(const struct ti_offline *o);

/* The outcome of one frame. */
enum ti_fed {
	TI_FED_DONE,
	TI_FED_CUT,   /* done, with TI_FED_MAX bytes of it */
	TI_FED_SHORT, /* not done: the kernel wants a whole Ethernet and IP header */
};

/* Run the programs on a frame at the clock's time, and read their rings: an enum ti_fed,
 * or -errno (logged). */
int ti_offline_feed(struct ti_offline *o, const struct ti_frame *f);

/* One more tick each, then stop them. Frees it; NULL is fine. */
void ti_offline_stop(struct ti_offline *o);

/* Names of a plugin's hooks that see nothing, "a, b": to out[], "" for none. Returns out. */
const char *ti_offline_blind(struct ti_plugin_run *p, char *out, size_t size);

#endif

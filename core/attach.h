/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * attach.h - where a loaded probe is attached: for each hook group the first
 * alternative that the kernel takes, all of its programs, once for the host or
 * once an interface. A group that has both kinds goes to interfaces if that can be
 * had, unless the operator names a hook of the host.
 */
#ifndef TI_ATTACH_H
#define TI_ATTACH_H

#include <stdbool.h>
#include <stddef.h>
#include "probe.h"

struct ti_iface;
struct ti_places;

/*
 * `prefer` is what the operator named ("xdp"), or "auto": the group's own order.
 * A named hook is tried first; the others stand in for it where it can't be had,
 * with a warning. `order`: of the plugin among all, as declared; where programs
 * share a place they run in it. The probe is borrowed.
 */
int ti_places_new(struct ti_places **out, struct ti_probe *p, const char *prefer, size_t order);
void ti_places_free(struct ti_places *pl); /* detaches */
void ti_places_freep(struct ti_places **pl);

/* Does any group offer this hook? For checking `hook =`. */
bool ti_probe_offers(const struct ti_probe *p, const char *hook);
/* The alternative that a group would use, with `prefer` as above, by its first
 * program; NULL: none is usable. For doctor. */
const struct ti_program *ti_probe_choice(const struct ti_probe *p, const char *group,
					 const char *prefer);

/* Attach the groups that go to the host; to be called first. -errno when a group
 * that isn't optional found no place; logged. */
int ti_places_host(struct ti_places *pl);

/* Attach the groups that go to interfaces to this one, unless they are already.
 * 0, or -errno when one found no place there; logged. */
int ti_places_iface(struct ti_places *pl, const struct ti_iface *i);
void ti_places_iface_gone(struct ti_places *pl, unsigned ifindex);

void ti_places_detach(struct ti_places *pl);

bool ti_places_wants_ifaces(const struct ti_places *pl);
/* The hook in use for a group (that of its first place; NULL: none). */
const char *ti_places_hook(const struct ti_places *pl, const char *group);

#endif

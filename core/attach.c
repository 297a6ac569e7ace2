/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * attach.c - a probe's places. Owns every attachment of one plugin; freeing it
 * detaches them all.
 */
#include "attach.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "iface.h"
#include "log.h"

struct place {
	const struct ti_program *program;
	bool failed; /* not attached, and not tried again until the interface is gone */
	struct ti_attachment at;
};

struct ti_places {
	struct ti_probe *probe;
	char prefer[32];
	size_t order;
	struct place **places; /* pointers: attachments must not move */
	size_t n;
};

int ti_places_new(struct ti_places **out, struct ti_probe *p, const char *prefer, size_t order)
{
	struct ti_places *pl = calloc(1, sizeof(*pl));

	if (!pl)
		return -ENOMEM;
	pl->probe = p;
	pl->order = order;
	snprintf(pl->prefer, sizeof(pl->prefer), "%s", prefer);
	*out = pl;
	return 0;
}

void ti_places_detach(struct ti_places *pl)
{
	for (size_t i = 0; i < pl->n; i++) {
		ti_detach(&pl->places[i]->at);
		free(pl->places[i]);
	}
	pl->n = 0;
}

void ti_places_free(struct ti_places *pl)
{
	if (!pl)
		return;
	ti_places_detach(pl);
	free(pl->places);
	free(pl);
}

void ti_places_freep(struct ti_places **pl)
{
	ti_places_free(*pl);
}

/* --- groups -------------------------------------------------------------- */

bool ti_probe_offers(const struct ti_probe *p, const char *hook)
{
	for (size_t i = 0; i < p->n_programs; i++)
		if (!strcmp(p->programs[i].hook->name, hook))
			return true;
	return false;
}

/* A program of a group that has the hook that the operator named, a usable one if
 * there is one; NULL: none has. */
static const struct ti_program *preferred(const struct ti_probe *p, const char *group,
					  const char *prefer)
{
	const struct ti_program *found = NULL;

	for (size_t i = 0; i < p->n_programs; i++) {
		const struct ti_program *g = &p->programs[i];

		if (!strcmp(g->says->group, group) && !strcmp(g->hook->name, prefer) &&
		    (!found || (g->usable && !found->usable)))
			found = g;
	}
	return found;
}

/*
 * Is a group attached once an interface, or once for the host? As the preferred
 * hook says where that can be had, else at interfaces if it can be at all.
 */
static bool group_per_interface(const struct ti_probe *p, const char *group, const char *prefer)
{
	const struct ti_program *g = preferred(p, group, prefer);

	if (g && g->usable)
		return g->hook->per_interface;
	for (size_t i = 0; i < p->n_programs; i++) {
		g = &p->programs[i];
		if (!strcmp(g->says->group, group) && g->usable && g->hook->per_interface)
			return true;
	}
	return false;
}

/* The first program of an alternative that can be tried in this scope. */
static bool is_candidate(const struct ti_probe *p, size_t i, const char *group, bool per_interface)
{
	const struct ti_program *g = &p->programs[i];

	return !strcmp(g->says->group, group) && g->usable &&
	       g->hook->per_interface == per_interface && (!i || !ti_program_together(g - 1, g));
}

/* The alternatives of a group one after the other, the preferred one first; each
 * is told by its first program. */
static const struct ti_program *alternative(const struct ti_probe *p, const char *group,
					    const char *prefer, bool per_interface, size_t nth)
{
	const struct ti_program *wanted = preferred(p, group, prefer);

	for (size_t i = 0; wanted && i < p->n_programs; i++)
		if (is_candidate(p, i, group, per_interface) &&
		    ti_program_together(&p->programs[i], wanted) && nth-- == 0)
			return &p->programs[i];
	for (size_t i = 0; i < p->n_programs; i++)
		if (is_candidate(p, i, group, per_interface) &&
		    !(wanted && ti_program_together(&p->programs[i], wanted)) && nth-- == 0)
			return &p->programs[i];
	return NULL;
}

const struct ti_program *ti_probe_choice(const struct ti_probe *p, const char *group,
					 const char *prefer)
{
	return alternative(p, group, prefer, group_per_interface(p, group, prefer), 0);
}

/* First program of the next group from *i on that is wanted, and ours to attach; NULL at
 * the end. */
static const struct ti_program *next_group(const struct ti_probe *p, size_t *i)
{
	while (*i < p->n_programs) {
		const struct ti_program *g = &p->programs[*i];

		while (*i < p->n_programs && !strcmp(p->programs[*i].says->group, g->says->group))
			(*i)++;
		if (!g->says->by_hand && ti_probe_wants(p, g->says->group))
			return g;
	}
	return NULL;
}

/* --- places -------------------------------------------------------------- */

static struct place *place_new(struct ti_places *pl, const struct ti_program *g,
			       const struct ti_iface *i)
{
	struct place **grown = realloc(pl->places, (pl->n + 1) * sizeof(*grown));
	struct place *p = grown ? calloc(1, sizeof(*p)) : NULL;
	char next[128];

	if (grown)
		pl->places = grown;
	if (!p)
		return NULL;
	p->program = g;
	ti_attachment_init(&p->at);
	p->at.hook = g->hook;
	p->at.prog = g->prog;
	p->at.plugin = pl->probe->plugin;
	p->at.target = g->target;
	p->at.pid = pl->probe->pid;
	p->at.order = pl->order << 16 | (g - pl->probe->programs);
	snprintf(next, sizeof(next), "%s_next", g->says->prog); /* TI_XDP_NEXT */
	p->at.next = ti_probe_map(pl->probe, next);
	p->at.egress = g->hook->sees_out && !strcmp(g->target, "egress");
	if (i) {
		p->at.ifindex = i->index;
		snprintf(p->at.ifname, sizeof(p->at.ifname), "%s", i->name);
	}
	pl->places[pl->n++] = p;
	return p;
}

static void place_drop(struct ti_places *pl, size_t i)
{
	ti_detach(&pl->places[i]->at);
	free(pl->places[i]);
	memmove(pl->places + i, pl->places + i + 1, (--pl->n - i) * sizeof(*pl->places));
}

static const char *place_name(const struct ti_hook *hook, const char *target, const char *ifname)
{
	return ifname ? ifname : hook->place ? hook->place : target;
}

static void say_attached(const struct ti_places *pl, const struct place *p)
{
	const struct ti_attachment *a = &p->at;
	const char *where = place_name(a->hook, a->target, a->ifindex ? a->ifname : NULL);
	const char *prefer = pl->prefer;
	const struct ti_program *wanted = preferred(pl->probe, p->program->says->group, prefer);

	if (wanted && wanted->hook != a->hook && !ti_program_together(wanted, p->program))
		ti_warn("%s: %s: %s stands in for %s%s%s (sees %s)", a->plugin, where, a->hook->name,
			prefer, wanted->unwanted ? ": " : "", wanted->unwanted ? wanted->why : "",
			ti_hook_sees(a->hook, a->target));
	ti_info("%s: attached %s to %s%s%s%s", a->plugin, a->hook->name, where,
		a->mode[0] ? " (" : "", a->mode, a->mode[0] ? ")" : "");
}

/* All programs of the alternative that begins with g, or none. What the host
 * refuses is not asked for again. */
static int attach_alternative(struct ti_places *pl, const struct ti_program *g,
			      const struct ti_iface *i)
{
	const struct ti_program *end = pl->probe->programs + pl->probe->n_programs, *first = g;
	size_t before = pl->n;

	for (; g < end && ti_program_together(g, first); g++) {
		struct place *p = place_new(pl, g, i);
		int r = p ? ti_attach(&p->at) : -ENOMEM;

		if (r == 0)
			continue;
		ti_warn("%s: %s: cannot attach %s: %s", pl->probe->plugin,
			place_name(g->hook, g->target, i ? i->name : NULL), g->hook->name,
			p ? p->at.why : "no memory");
		if (p && !i)
			ti_probe_leave_out(pl->probe, g, p->at.why);
		while (pl->n > before)
			place_drop(pl, pl->n - 1);
		return r;
	}
	for (size_t k = before; k < pl->n; k++)
		say_attached(pl, pl->places[k]);
	return 0;
}

/* Of a group that has no hook: what the first alternative lacks. */
static const char *why_none(const struct ti_probe *p, const char *group)
{
	for (size_t i = 0; i < p->n_programs; i++)
		if (!strcmp(p->programs[i].says->group, group) && p->programs[i].why[0])
			return p->programs[i].why;
	return "no hook for it here";
}

static void say_impossible(const struct ti_probe *p, const char *group)
{
	for (size_t i = 0; i < p->n_programs; i++)
		if (!strcmp(p->programs[i].says->group, group) && !p->programs[i].usable)
			ti_debug("%s: %s at %s %s is not possible: %s", p->plugin, group,
				 p->programs[i].hook->name, p->programs[i].target,
				 p->programs[i].why);
}

/* One group, of which `first` is a program, at one interface (NULL: the host). */
static int attach_group(struct ti_places *pl, const struct ti_program *first,
			const struct ti_iface *i)
{
	const char *group = first->says->group;
	const struct ti_program *g;
	int r = -EOPNOTSUPP;
	size_t n = 0;

	say_impossible(pl->probe, group);
	while ((g = alternative(pl->probe, group, pl->prefer, i != NULL, n))) {
		r = attach_alternative(pl, g, i);
		if (r == 0)
			return 0;
		if (r == -EALREADY) /* at another hook it would report everything twice */
			break;
		n += g->usable;
	}
	if (!i && r != -EALREADY && group_per_interface(pl->probe, group, pl->prefer))
		return 0; /* these come next */
	if (i && place_new(pl, first, i))
		pl->places[pl->n - 1]->failed = true;
	if (first->says->optional) {
		ti_warn("%s: runs without %s: %s", pl->probe->plugin, group,
			why_none(pl->probe, group));
		return 0;
	}
	return ti_err(r, "%s: no hook left for %s%s%s", pl->probe->plugin, group, i ? " on " : "",
		      i ? i->name : "");
}

int ti_places_host(struct ti_places *pl)
{
	const struct ti_program *g;
	size_t i = 0;

	while ((g = next_group(pl->probe, &i))) {
		int r = 0;

		if (!group_per_interface(pl->probe, g->says->group, pl->prefer))
			r = attach_group(pl, g, NULL);
		if (r < 0)
			return r;
	}
	return 0;
}

static bool placed(const struct ti_places *pl, const char *group, unsigned ifindex)
{
	for (size_t i = 0; i < pl->n; i++)
		if (pl->places[i]->at.ifindex == ifindex &&
		    !strcmp(pl->places[i]->program->says->group, group))
			return true;
	return false;
}

int ti_places_iface(struct ti_places *pl, const struct ti_iface *iface)
{
	const struct ti_program *g;
	size_t i = 0;
	int r = 0;

	while ((g = next_group(pl->probe, &i))) {
		if (!group_per_interface(pl->probe, g->says->group, pl->prefer) ||
		    placed(pl, g->says->group, iface->index))
			continue;
		r = attach_group(pl, g, iface);
		if (r < 0)
			break;
	}
	return r;
}

void ti_places_iface_gone(struct ti_places *pl, unsigned ifindex)
{
	for (size_t i = pl->n; i-- > 0;)
		if (pl->places[i]->at.ifindex == ifindex) {
			if (!pl->places[i]->failed)
				ti_info("%s: detached from %s", pl->probe->plugin,
					pl->places[i]->at.ifname);
			place_drop(pl, i);
		}
}

/* --- questions ----------------------------------------------------------- */

bool ti_places_wants_ifaces(const struct ti_places *pl)
{
	const struct ti_program *g;
	size_t i = 0;

	while ((g = next_group(pl->probe, &i)))
		if (group_per_interface(pl->probe, g->says->group, pl->prefer))
			return true;
	return false;
}

const char *ti_places_hook(const struct ti_places *pl, const char *group)
{
	for (size_t i = 0; i < pl->n; i++)
		if (!strcmp(pl->places[i]->program->says->group, group) && !pl->places[i]->failed)
			return pl->places[i]->at.hook->name;
	return NULL;
}

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
	const char *group;
	bool failed; /* not attached, and not tried again until the interface is gone */
	struct ti_attachment at;
};

struct ti_places {
	struct ti_probe *probe;
	char prefer[32];
	struct place **places; /* pointers: attachments must not move */
	size_t n;
};

int ti_places_new(struct ti_places **out, struct ti_probe *p, const char *prefer)
{
	struct ti_places *pl = calloc(1, sizeof(*pl));

	if (!pl)
		return -ENOMEM;
	pl->probe = p;
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

/* The alternatives of a group one after the other, the preferred one first.
 * Programs of a group stand together, in order. */
static const struct ti_program *alternative(const struct ti_probe *p, const char *group,
					    const char *prefer, size_t nth)
{
	const struct ti_program *preferred = NULL;

	for (size_t i = 0; i < p->n_programs; i++)
		if (!strcmp(p->programs[i].says->group, group) &&
		    !strcmp(p->programs[i].hook->name, prefer))
			preferred = &p->programs[i];
	if (preferred && nth-- == 0)
		return preferred;
	for (size_t i = 0; i < p->n_programs; i++) {
		const struct ti_program *g = &p->programs[i];

		if (g != preferred && !strcmp(g->says->group, group) && nth-- == 0)
			return g;
	}
	return NULL;
}

const struct ti_program *ti_probe_choice(const struct ti_probe *p, const char *group,
					 const char *prefer)
{
	const struct ti_program *g;

	for (size_t n = 0; (g = alternative(p, group, prefer, n)); n++)
		if (g->usable)
			return g;
	return NULL;
}

/* First program of the group that follows the one at *i; NULL at the end. */
static const struct ti_program *next_group(const struct ti_probe *p, size_t *i)
{
	const struct ti_program *g = *i < p->n_programs ? &p->programs[*i] : NULL;

	while (g && *i < p->n_programs && !strcmp(p->programs[*i].says->group, g->says->group))
		(*i)++;
	return g;
}

/* --- places -------------------------------------------------------------- */

static struct place *place_new(struct ti_places *pl, const struct ti_program *g,
			       const struct ti_iface *i)
{
	struct place **grown = realloc(pl->places, (pl->n + 1) * sizeof(*grown));
	struct place *p = grown ? calloc(1, sizeof(*p)) : NULL;

	if (grown)
		pl->places = grown;
	if (!p)
		return NULL;
	p->group = g->says->group;
	ti_attachment_init(&p->at);
	p->at.hook = g->hook;
	p->at.prog = g->prog;
	p->at.plugin = pl->probe->plugin;
	p->at.target = g->target;
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
	const struct ti_program *first = alternative(pl->probe, p->group, prefer, 0);

	if (!strcmp(first->hook->name, prefer) && first->hook != a->hook)
		ti_warn("%s: %s: %s stands in for %s (sees %s)", a->plugin, where, a->hook->name,
			prefer, ti_hook_sees(a->hook, a->target));
	ti_info("%s: attached %s to %s%s%s%s", a->plugin, a->hook->name, where,
		a->mode[0] ? " (" : "", a->mode, a->mode[0] ? ")" : "");
}

/* One group at one interface (NULL: the host). */
static int attach_group(struct ti_places *pl, const char *group, const struct ti_iface *i)
{
	const struct ti_program *g;
	bool optional = false;
	int r = -EOPNOTSUPP;

	for (size_t n = 0; (g = alternative(pl->probe, group, pl->prefer, n)); n++) {
		struct place *p;

		optional |= g->says->optional;
		if (!g->usable) {
			ti_debug("%s: %s at %s is not possible: %s", pl->probe->plugin, group,
				 g->hook->name, g->why);
			continue;
		}
		p = place_new(pl, g, i);
		if (!p)
			return -ENOMEM;
		r = ti_attach(&p->at);
		if (r == 0) {
			say_attached(pl, p);
			return 0;
		}
		ti_warn("%s: %s: cannot attach %s: %s", pl->probe->plugin,
			place_name(g->hook, g->target, i ? i->name : NULL), g->hook->name, p->at.why);
		place_drop(pl, pl->n - 1);
		if (r == -EALREADY) /* at another hook it would report everything twice */
			break;
	}
	if (i && place_new(pl, alternative(pl->probe, group, pl->prefer, 0), i))
		pl->places[pl->n - 1]->failed = true;
	if (optional) {
		ti_warn("%s: runs without %s: no hook for it here", pl->probe->plugin, group);
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
		int r = g->hook->per_interface ? 0 : attach_group(pl, g->says->group, NULL);

		if (r < 0)
			return r;
	}
	return 0;
}

static bool placed(const struct ti_places *pl, const char *group, unsigned ifindex)
{
	for (size_t i = 0; i < pl->n; i++)
		if (pl->places[i]->at.ifindex == ifindex && !strcmp(pl->places[i]->group, group))
			return true;
	return false;
}

int ti_places_iface(struct ti_places *pl, const struct ti_iface *iface)
{
	const struct ti_program *g;
	size_t i = 0;
	int r = 0;

	while ((g = next_group(pl->probe, &i))) {
		if (!g->hook->per_interface || placed(pl, g->says->group, iface->index))
			continue;
		r = attach_group(pl, g->says->group, iface);
		if (r < 0)
			break;
	}
	return r;
}

void ti_places_iface_gone(struct ti_places *pl, unsigned ifindex)
{
	for (size_t i = pl->n; i-- > 0;)
		if (pl->places[i]->at.ifindex == ifindex && pl->places[i]->at.hook->per_interface) {
			if (!pl->places[i]->failed)
				ti_info("%s: detached from %s", pl->probe->plugin, pl->places[i]->at.ifname);
			place_drop(pl, i);
		}
}

/* --- questions ----------------------------------------------------------- */

bool ti_places_wants_ifaces(const struct ti_places *pl)
{
	for (size_t i = 0; i < pl->probe->n_programs; i++)
		if (pl->probe->programs[i].hook->per_interface)
			return true;
	return false;
}

const char *ti_places_hook(const struct ti_places *pl, const char *group)
{
	for (size_t i = 0; i < pl->n; i++)
		if (!strcmp(pl->places[i]->group, group) && !pl->places[i]->failed)
			return pl->places[i]->at.hook->name;
	return NULL;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * probe_program.c - which of a probe's programs can be had. Those of one
 * alternative are usable together or not at all, so that who asks needs to look
 * at one of them only.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "probe.h"

bool ti_program_in_binary(const struct ti_program *g)
{
	return g->hook == &ti_hook_uprobe || g->hook == &ti_hook_uretprobe;
}

int ti_probe_binary(struct ti_probe *p, const char *path)
{
	int r = -ENOENT;

	for (size_t i = 0; i < p->n_programs; i++) {
		struct ti_program *g = &p->programs[i];
		const char *function = strrchr(g->target, ':');
		char target[sizeof(g->target)];

		if (!function || !ti_program_in_binary(g))
			continue;
		snprintf(target, sizeof(target), "%s%s", path, function);
		memcpy(g->target, target, sizeof(target));
		r = 0;
	}
	return r;
}

bool ti_program_together(const struct ti_program *a, const struct ti_program *b)
{
	return a->says->order == b->says->order && !strcmp(a->says->group, b->says->group);
}

void ti_probe_leave_out(struct ti_probe *p, const struct ti_program *g, const char *why)
{
	for (size_t i = 0; i < p->n_programs; i++) {
		struct ti_program *o = &p->programs[i];

		if (!ti_program_together(o, g))
			continue;
		o->usable = false;
		if (o == g)
			snprintf(o->why, sizeof(o->why), "%s", why);
		else if (!o->why[0])
			snprintf(o->why, sizeof(o->why), "goes with %s %s: %s", g->hook->name,
				 g->target, why);
	}
}

void ti_probe_survey(struct ti_probe *p)
{
	char why[sizeof(p->programs->why)];

	for (size_t i = 0; i < p->n_programs; i++) {
		p->programs[i].usable = true;
		p->programs[i].why[0] = '\0';
	}
	for (size_t i = 0; i < p->n_programs; i++)
		if (ti_filter_excludes(p, &p->programs[i], why, sizeof(why)) ||
		    p->programs[i].hook->available(p->programs[i].target, why, sizeof(why)) < 0)
			ti_probe_leave_out(p, &p->programs[i], why);
}

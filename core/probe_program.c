/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * probe_program.c - which of a probe's programs can be had. Those of one
 * alternative are usable together or not at all, so that who asks needs to look
 * at one of them only.
 */
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "probe.h"

int ti_probe_program(const struct ti_probe *p, const char *name)
{
	for (size_t i = 0; i < p->n_programs; i++)
		if (p->programs[i].prog && !strcmp(p->programs[i].says->prog, name))
			return bpf_program__fd(p->programs[i].prog);
	return -ENOENT;
}

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

bool ti_probe_is_set(const struct ti_probe *p, const struct ti_bpf_option *o)
{
	const char *value = (const char *)p->rodata + o->row.offset;

	for (uint32_t i = 0; i < o->width; i++)
		if (value[i])
			return true;
	return false;
}

static bool is_unwanted(const struct ti_probe *p, const struct ti_program *g, char *why,
			size_t size)
{
	const struct ti_bpf_hook *says = g->says;

	if (says->only_if && !ti_probe_is_set(p, says->only_if))
		snprintf(why, size, "it is for '%s', which is not set", says->only_if->row.key);
	else if (says->unless && ti_probe_is_set(p, says->unless))
		snprintf(why, size, "%s can't do what '%s' asks for", g->hook->name,
			 says->unless->row.key);
	else
		return false;
	return true;
}

bool ti_probe_wants(const struct ti_probe *p, const char *group)
{
	for (size_t i = 0; i < p->n_programs; i++)
		if (!strcmp(p->programs[i].says->group, group) && !p->programs[i].unwanted)
			return true;
	return false;
}

/* Of packets that are fed a hook sees what it can be given. */
static bool is_unseen(const struct ti_probe *p, const struct ti_program *g, char *why, size_t size)
{
	bool sent = !strcmp(g->target, "egress");

	if (!p->offline || (g->hook->feedable && !(sent && g->hook == &ti_hook_socket)))
		return false;
	snprintf(why, size, "a capture doesn't show what %s sees", g->hook->name);
	return true;
}

void ti_probe_survey(struct ti_probe *p)
{
	char why[sizeof(p->programs->why)];

	for (size_t i = 0; i < p->n_programs; i++) {
		p->programs[i].usable = true;
		p->programs[i].why[0] = '\0';
		free(p->programs[i].detail);
		p->programs[i].detail = NULL;
	}
	for (size_t i = 0; i < p->n_programs; i++) {
		struct ti_program *g = &p->programs[i];

		g->unwanted = is_unwanted(p, g, why, sizeof(why)) ||
			      is_unseen(p, g, why, sizeof(why));
		if (g->unwanted ||
		    (!p->emulated && (ti_filter_excludes(p, g, why, sizeof(why)) ||
				      g->hook->available(g->target, why, sizeof(why)) < 0)))
			ti_probe_leave_out(p, g, why);
	}
}

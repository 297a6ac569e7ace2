/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * probe_program.c - which of a probe's programs can be had. Those of one
 * alternative are usable together or not at all, so that who asks needs to look
 * at one of them only.
 */
#include <bpf/libbpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "log.h"
#include "probe.h"

int ti_probe_program(const struct ti_probe *p, const char *name)
{
	for (size_t i = 0; i < p->n_programs; i++)
		if (p->programs[i].prog && !strcmp(p->programs[i].says->prog, name))
			return bpf_program__fd(p->programs[i].prog);
	return -ENOENT;
}

static int no_hook(const struct ti_probe *p, const char *prog, const char *section)
{
	const char *near = ti_hook_near_section(section);
	char all[256];

	return ti_err(-EINVAL, "%s: program %s has section '%s', which is no hook of this tcpinspect%s%s%s %s",
		      p->plugin, prog, section, near ? "; did you mean '" : "", near ? near : "",
		      near ? "'? It has" : "; it has",
		      ti_hook_sections(all, sizeof(all)));
}

static int add_program(struct ti_probe *p, struct bpf_object *obj, const struct ti_bpf_hook *says)
{
	struct ti_program *g = &p->programs[p->n_programs];
	struct bpf_program *prog = bpf_object__find_program_by_name(obj, says->prog);
	const char *sec = prog ? bpf_program__section_name(prog) : "", *target;

	g->says = says;
	if (says->by_hand) {
		g->hook = &ti_hook_by_hand;
		target = sec;
	} else {
		g->hook = ti_hook_by_section(sec, &target);
	}
	if (!g->hook)
		return no_hook(p, says->prog, sec);
	snprintf(g->target, sizeof(g->target), "%s", target);
	if (p->n_programs++ && ti_program_together(g - 1, g) && g[-1].hook->per_interface != g->hook->per_interface)
		return ti_err(-EINVAL, "%s: programs %s and %s are one alternative, but one goes to interfaces; give them different order numbers",
			      p->plugin, g[-1].says->prog, says->prog);
	return 0;
}

/* One that no hook runs, which its author may not have noticed. */
static void warn_of_unused(const struct ti_probe *p, struct bpf_object *obj)
{
	struct bpf_program *prog;

	bpf_object__for_each_program(prog, obj) {
		bool used = false;

		for (size_t i = 0; i < p->n_programs; i++)
			used |= !strcmp(p->programs[i].says->prog, bpf_program__name(prog));
		if (!used)
			ti_warn("%s: its program %s (section '%s') is never run: it has neither TI_HOOK nor TI_BY_HAND",
				p->plugin, bpf_program__name(prog), bpf_program__section_name(prog));
	}
}

int ti_probe_add_programs(struct ti_probe *p, struct bpf_object *obj)
{
	int r = 0;

	p->programs = calloc(p->schema->n_hooks, sizeof(*p->programs));
	if (!p->programs)
		return -ENOMEM;
	for (size_t i = 0; r >= 0 && i < p->schema->n_hooks; i++)
		r = add_program(p, obj, &p->schema->hooks[i]);
	if (r >= 0)
		warn_of_unused(p, obj);
	return r;
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

/* For the author: what stands behind ti_program.why. */
static void say_detail(const struct ti_program *g)
{
	for (const char *at = g->detail; at && *at; at += strcspn(at, "\n") + 1)
		ti_err(0, "  %.*s", (int)strcspn(at, "\n"), at);
}

void ti_probe_say_bare(const struct ti_probe *p, const char *group)
{
	bool more = false;

	for (size_t i = 0; i < p->n_programs; i++) {
		const struct ti_program *g = &p->programs[i];

		if (strcmp(g->says->group, group))
			continue;
		ti_err(0, "%s: %s at %s: %s%s%s", p->plugin, group, g->hook->name, g->detail ? g->says->prog : "",
		       g->detail ? "(): " : "", g->why);
		say_detail(g);
		more |= g->detail != NULL;
	}
	if (more && ti_log_level_now() < TI_LOG_DEBUG)
		ti_err(0, "  (-v shows all that the verifier said)");
}

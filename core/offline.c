/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * offline.c - owns which programs are fed and when the next tick is due; the rest of
 * a plugin is as it always is.
 */
#include "offline.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "attach.h"
#include "log.h"

#define GROUPS_MAX 16
#define GAP_MAX	   (25 * 3600 * 1000000000ull) /* an hour over the longest window of options */

/* A socket filter is given what follows the Ethernet header: it gets this one besides. */
static const uint8_t outer[14] = { [12] = 0x88, [13] = 0xb5 };

/* bpf.h, ti_fed. */
struct fed {
	uint64_t boot_ns;
	uint32_t len, captured;
};

struct feeder {
	struct ti_plugin_run *plugin;
	struct fed *fed;
	struct program {
		int fd;
		const struct ti_hook *hook;
		bool egress;
	} programs[GROUPS_MAX];
	size_t n_programs;
	uint64_t due; /* the next tick */
};

struct ti_offline {
	struct feeder *feeders;
	size_t n;
	uint64_t clock;
	cpu_set_t cpus; /* of the thread, before */
	uint8_t frame[sizeof(outer) + TI_FED_MAX];
};

/* --- start ----------------------------------------------------------------- */

static int add_program(struct feeder *f, const struct ti_program *g)
{
	if (f->n_programs == GROUPS_MAX)
		return ti_err(-E2BIG, "%s: more than %d hook groups can't be fed", ti_plugin_name(f->plugin),
			      GROUPS_MAX);
	f->programs[f->n_programs++] = (struct program){
		.fd = bpf_program__fd(g->prog),
		.hook = g->hook,
		.egress = !strcmp(g->target, "egress"),
	};
	return 0;
}

/* The one program of each group. */
static int choose_programs(struct feeder *f)
{
	const struct ti_probe *p = ti_plugin_probe(f->plugin);
	const char *prefer = ti_plugin_common(f->plugin)->hook;

	if (!strcmp(prefer, "auto"))
		prefer = "xdp"; /* half the time of the others */
	for (size_t i = 0; i < p->n_programs; i++) {
		const struct ti_program *g = &p->programs[i];
		bool first = !i || strcmp(g[-1].says->group, g->says->group);
		int r;

		g = first ? ti_probe_choice(p, g->says->group, prefer) : NULL;
		r = g ? add_program(f, g) : 0;
		if (r < 0)
			return r;
	}
	return 0;
}

static int start_one(struct feeder *f, const struct ti_plugin_env *env)
{
	const char *name = ti_plugin_name(f->plugin);
	size_t size = 0;
	int r = ti_plugin_load(f->plugin, env);

	if (r < 0)
		return r;
	r = choose_programs(f);
	if (r < 0)
		return r;
	if (!f->n_programs)
		return ti_err(-ENOTSUP, "%s: it has no packet hook (xdp, tc or socket): a capture doesn't show what it looks at",
			      name);
	f->fed = ti_probe_memory(ti_plugin_probe(f->plugin), "ti_fed", &size);
	if (!f->fed || size < sizeof(*f->fed))
		return ti_err(-EPROTO, "%s: it was built with an SDK before 1.3, which can't be fed packets: build it again",
			      name);
	r = ti_plugin_start(f->plugin);
	f->due = *env->clock + ti_plugin_period(f->plugin);
	return r;
}

/* To whichever CPU it is on now. */
static void stay_on_cpu(struct ti_offline *o)
{
	int cpu = sched_getcpu();
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(cpu < 0 ? 0 : cpu, &one);
	sched_getaffinity(0, sizeof(o->cpus), &o->cpus);
	sched_setaffinity(0, sizeof(one), &one);
}

static void give_up(struct ti_offline *o)
{
	for (size_t i = 0; i < o->n; i++)
		ti_plugin_stop(o->feeders[i].plugin);
	sched_setaffinity(0, sizeof(o->cpus), &o->cpus);
	free(o->feeders);
	free(o);
}

int ti_offline_new(struct ti_offline **out, struct ti_plugin_run **plugins, size_t n,
		   struct ti_plugin_env *env, uint64_t boot_ns)
{
	struct ti_offline *o = calloc(1, sizeof(*o));
	int r = 0;

	if (o)
		o->feeders = calloc(n, sizeof(*o->feeders));
	if (!o || !o->feeders) {
		free(o);
		return -ENOMEM;
	}
	memcpy(o->frame, outer, sizeof(outer));
	o->clock = boot_ns;
	env->clock = &o->clock;
	stay_on_cpu(o);
	for (size_t i = 0; i < n; i++) {
		struct feeder *f = &o->feeders[o->n];
		int failed;

		*f = (struct feeder){ .plugin = plugins[i] };
		failed = start_one(f, env);
		o->n += failed >= 0;
		if (failed >= 0)
			continue;
		r = failed;
		ti_plugin_stop(f->plugin);
		ti_probe_unload(ti_plugin_probe(f->plugin));
	}
	if (!o->n) {
		give_up(o);
		return r;
	}
	*out = o;
	return 0;
}

const char *ti_offline_blind(struct ti_plugin_run *p, char *out, size_t size)
{
	const struct ti_probe *probe = ti_plugin_probe(p);
	size_t len = 0;

	out[0] = 0;
	for (size_t i = 0; i < probe->n_programs && len < size; i++) {
		const char *group = probe->programs[i].says->group;
		bool first = !i || strcmp(probe->programs[i - 1].says->group, group);

		if (first && !ti_probe_choice(probe, group, "auto"))
			len += snprintf(out + len, size - len, "%s%s", len ? ", " : "", group);
	}
	return out;
}

/* --- packets and ticks ------------------------------------------------------- */

uint64_t ti_offline_now(const struct ti_offline *o)
{
	return o->clock;
}

/* Whose tick comes first, of those due until then; of several the first declared. */
static struct feeder *next_due(struct ti_offline *o, uint64_t until)
{
	struct feeder *next = NULL;

	for (size_t i = 0; i < o->n; i++)
		if (o->feeders[i].due <= (next ? next->due - 1 : until))
			next = &o->feeders[i];
	return next;
}

static void tick(struct ti_offline *o, struct feeder *f)
{
	f->fed->boot_ns = o->clock;
	ti_plugin_tick(f->plugin);
}

static void tick_until(struct ti_offline *o, uint64_t boot_ns)
{
	struct feeder *f;

	while ((f = next_due(o, boot_ns))) {
		o->clock = f->due;
		f->due += ti_plugin_period(f->plugin);
		tick(o, f);
	}
}

void ti_offline_advance(struct ti_offline *o, uint64_t boot_ns)
{
	if (boot_ns > o->clock + GAP_MAX) {
		tick_until(o, o->clock + GAP_MAX);
		for (size_t i = 0; i < o->n; i++)
			o->feeders[i].due = boot_ns;
	}
	tick_until(o, boot_ns);
	if (boot_ns > o->clock)
		o->clock = boot_ns;
}

/* BPF_PROG_TEST_RUN wants an Ethernet header and something behind it and, for tc, the
 * whole IP header that the EtherType promises. */
static bool is_short(const uint8_t *frame, uint32_t captured)
{
	uint32_t type = captured < sizeof(outer) ? 0 : frame[12] << 8 | frame[13];

	return captured <= sizeof(outer) || (type == 0x0800 && captured < 34) ||
	       (type == 0x86dd && captured < 54);
}

static int run(struct ti_offline *o, const struct feeder *f, const struct program *p, uint32_t captured)
{
	uint32_t skip = p->hook == &ti_hook_socket ? 0 : sizeof(outer);
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = o->frame + skip,
		    .data_size_in = captured + sizeof(outer) - skip, .repeat = 1);
	int r = bpf_prog_test_run_opts(p->fd, &opts);

	if (r < 0)
		return ti_err(r, "%s: this kernel doesn't run its %s program on a packet of %u bytes: %s",
			      ti_plugin_name(f->plugin), p->hook->name, captured, strerror(-r));
	return 0;
}

int ti_offline_feed(struct ti_offline *o, const struct ti_frame *frame)
{
	uint32_t captured = frame->captured < TI_FED_MAX ? frame->captured : TI_FED_MAX;

	if (is_short(frame->bytes, captured))
		return TI_FED_SHORT;
	memcpy(o->frame + sizeof(outer), frame->bytes, captured);
	for (size_t i = 0; i < o->n; i++) {
		struct feeder *f = &o->feeders[i];

		*f->fed = (struct fed){ o->clock, frame->len, captured };
		for (size_t k = 0; k < f->n_programs; k++) {
			int r = f->programs[k].egress == frame->egress ?
					run(o, f, &f->programs[k], captured) : 0;

			if (r < 0)
				return r;
		}
		ti_plugin_read(f->plugin);
	}
	return captured < frame->captured ? TI_FED_CUT : TI_FED_DONE;
}

void ti_offline_stop(struct ti_offline *o)
{
	uint64_t last = 0;

	if (!o)
		return;
	for (size_t i = 0; i < o->n; i++)
		if (o->feeders[i].due > last)
			last = o->feeders[i].due;
	ti_offline_advance(o, last);
	give_up(o);
}

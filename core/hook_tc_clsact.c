/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A direct-action filter on the clsact qdisc. The one attachment whose traces
 * outlive the process, so everything here is about finding them again: a
 * plugin's filter has a fixed priority and a handle made of the plugin's name.
 * The caller holds the plugin's lock of that interface (hook_tc.c), which the
 * kernel frees with the process: so what stands at our place is a dead one's.
 *
 * The qdisc is removed with its last filter, if it was made here or found with
 * a dead process's filter; never while it holds anybody's filter.
 */
#include "hook_tc.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "hook.h"
#include "log.h"
#include "rtnl.h"

/* Early, but behind whoever counts from 1. */
#define TC_PRIORITY 7

/* By direction: incoming, outgoing. */
static const enum bpf_tc_attach_point points[] = {BPF_TC_INGRESS, BPF_TC_EGRESS};
#define POINTS TI_ARRAY_SIZE(points)

/* The filter at a plugin's place; id 0: none. */
struct filter {
	__u32 id; /* of its program */
	char name[64]; /* "program:[id]", as libbpf writes it, or another loader's words */
};

/* What is at one interface. */
struct clsact {
	__u32 handle; /* the plugin's, to look for */
	char qdisc[16]; /* "clsact", "ingress" (its older half), "" */
	bool shared; /* with blocks that other interfaces use */
	unsigned filters; /* anybody's */
	struct filter ours[POINTS];
	size_t point; /* being listed */
};

/* --- what is there ------------------------------------------------------- */

/* FNV-1a. The upper half: the kernel numbers nameless filters from 1. */
static __u32 handle_of(const char *plugin)
{
	__u32 h = 2166136261u;

	for (; *plugin; plugin++)
		h = (h ^ (unsigned char)*plugin) * 16777619u;
	return h | 1u << 31;
}

static int on_qdisc(void *arg, const struct nlmsghdr *h)
{
	const struct rtattr *tb[TCA_MAX + 1];
	const struct tcmsg *m = ti_rtnl_parse(h, sizeof(*m), tb, TCA_MAX);
	struct clsact *c = arg;

	if (!m || h->nlmsg_type != RTM_NEWQDISC)
		return 0;
	ti_rtnl_str(tb[TCA_KIND], c->qdisc, sizeof(c->qdisc));
	c->shared = tb[TCA_INGRESS_BLOCK] || tb[TCA_EGRESS_BLOCK];
	return 0;
}

static int on_filter(void *arg, const struct nlmsghdr *h)
{
	const struct rtattr *tb[TCA_MAX + 1], *bpf[TCA_BPF_MAX + 1];
	const struct tcmsg *m = ti_rtnl_parse(h, sizeof(*m), tb, TCA_MAX);
	struct clsact *c = arg;
	struct filter *f = &c->ours[c->point];
	char kind[16];

	if (!m || h->nlmsg_type != RTM_NEWTFILTER)
		return 0;
	c->filters++;
	ti_rtnl_str(tb[TCA_KIND], kind, sizeof(kind));
	if (strcmp(kind, "bpf") || m->tcm_handle != c->handle ||
	    TC_H_MAJ(m->tcm_info) != TC_PRIORITY << 16)
		return 0;
	ti_rtnl_nested(tb[TCA_OPTIONS], bpf, TCA_BPF_MAX);
	f->id = ti_rtnl_u32(bpf[TCA_BPF_ID]);
	ti_rtnl_str(bpf[TCA_BPF_NAME], f->name, sizeof(f->name));
	return 0;
}

/* Fill *c, for the place of a plugin's handle. */
static int look(struct clsact *c, unsigned ifindex, __u32 handle)
{
	struct {
		struct nlmsghdr h;
		struct tcmsg m;
	} ask = {.h = {.nlmsg_len = sizeof(ask),
		       .nlmsg_type = RTM_GETQDISC,
		       .nlmsg_flags = NLM_F_ACK | NLM_F_ECHO},
		 .m = {.tcm_ifindex = ifindex, .tcm_parent = TC_H_CLSACT}};
	int r;

	*c = (struct clsact){.handle = handle};
	/* Without NLM_F_ECHO the answer goes to monitors only. */
	r = ti_rtnl_ask(&ask.h, on_qdisc, c);
	if (r == -ENOENT || r == -EINVAL) /* none; none any more */
		return 0;
	if (r < 0)
		return r;
	ask.h.nlmsg_type = RTM_GETTFILTER;
	ask.h.nlmsg_flags = NLM_F_DUMP;
	for (c->point = 0; c->point < POINTS; c->point++) {
		/* An ingress qdisc gives its filters for either. */
		if (points[c->point] == BPF_TC_EGRESS && strcmp(c->qdisc, "clsact"))
			break;
		ask.m.tcm_parent = TC_H_MAKE(TC_H_CLSACT, points[c->point] == BPF_TC_INGRESS
								  ? TC_H_MIN_INGRESS
								  : TC_H_MIN_EGRESS);
		r = ti_rtnl_ask(&ask.h, on_filter, c);
		if (r < 0)
			return r;
	}
	return 0;
}

/* --- filters and qdiscs -------------------------------------------------- */

static int filter_remove(unsigned ifindex, size_t point, __u32 handle)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = ifindex, .attach_point = points[point]);
	LIBBPF_OPTS(bpf_tc_opts, opts, .handle = handle, .priority = TC_PRIORITY);

	return bpf_tc_detach(&hook, &opts);
}

/*
 * Interfaces that this process is at: several plugins share a clsact, and
 * whichever leaves last removes it if the first of them has made it.
 */
struct use {
	unsigned ifindex;
	unsigned attachments;
	bool made;
};
static struct use *uses;
static size_t n_uses;

static struct use *use_of(unsigned ifindex)
{
	for (size_t k = 0; k < n_uses; k++)
		if (uses[k].ifindex == ifindex)
			return &uses[k];
	return NULL;
}

static int use_begin(unsigned ifindex)
{
	struct use *u = use_of(ifindex);

	if (!u) {
		struct use *v = reallocarray(uses, n_uses + 1, sizeof(*v));

		if (!v)
			return -ENOMEM;
		uses = v;
		u = &uses[n_uses++];
		*u = (struct use){.ifindex = ifindex};
	}
	u->attachments++;
	return 0;
}

/* True: it was the last one and the qdisc is of our making. */
static bool use_end(unsigned ifindex)
{
	struct use *u = use_of(ifindex);
	bool made = u && u->made;

	if (!u)
		return false;
	if (--u->attachments)
		return false;
	*u = uses[--n_uses];
	if (n_uses == 0) {
		free(uses);
		uses = NULL;
	}
	return made;
}

static int qdisc_make(struct ti_attachment *a)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = a->ifindex,
		    .attach_point = BPF_TC_INGRESS | BPF_TC_EGRESS);
	int r = bpf_tc_hook_create(&hook);

	if (r == -EEXIST) /* since we looked */
		return 0;
	if (r < 0)
		return ti_hook_why(a->why, sizeof(a->why), r, "%s: cannot add a clsact qdisc: %s",
				   a->ifname, ti_hook_strerror(r));
	use_of(a->ifindex)->made = true;
	return 0;
}

/* Remove the qdisc unless somebody's filter is there. A filter that is added
 * in this very moment goes with it: the kernel has no "remove if empty". */
static void qdisc_remove_empty(unsigned ifindex)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = ifindex,
		    .attach_point = BPF_TC_INGRESS | BPF_TC_EGRESS);
	struct clsact c;

	if (look(&c, ifindex, 0) == 0 && !strcmp(c.qdisc, "clsact") && !c.filters && !c.shared)
		bpf_tc_hook_destroy(&hook);
}

/* --- a filter of ours ------------------------------------------------------------ */

/* Is it a filter that an attachment of this program, in whatever process, made? */
static bool is_of_program(const struct filter *f, const struct bpf_program *prog)
{
	char name[64];

	/* The kernel keeps 15 characters of a program's name. */
	snprintf(name, sizeof(name), "%.*s:[%u]", BPF_OBJ_NAME_LEN - 1, bpf_program__name(prog),
		 f->id);
	return !strcmp(f->name, name);
}

/* What stands at our place is either stale or not ours. */
static int clear_place(struct ti_attachment *a, const struct clsact *c)
{
	const struct filter *f = &c->ours[a->egress];
	int r;

	if (!f->id)
		return 0;
	if (!is_of_program(f, a->prog))
		return ti_hook_why(a->why, sizeof(a->why), -EBUSY,
				   "%s: another program, %s, is at priority %u handle %#x; "
				   "remove it with tc filter del",
				   a->ifname, f->name, TC_PRIORITY, c->handle);
	r = filter_remove(a->ifindex, a->egress, c->handle);
	if (r < 0)
		return ti_hook_why(a->why, sizeof(a->why), r,
				   "%s: cannot remove the stale filter %s: %s", a->ifname, f->name,
				   ti_hook_strerror(r));
	ti_info("%s: %s: removed the %s tc filter that a killed tcpinspect left", a->plugin,
		a->ifname, a->egress ? "egress" : "ingress");
	use_of(a->ifindex)->made = true;
	return 0;
}

static int filter_add(struct ti_attachment *a)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = a->ifindex, .attach_point = points[a->egress]);
	LIBBPF_OPTS(bpf_tc_opts, opts, .prog_fd = bpf_program__fd(a->prog),
		    .handle = handle_of(a->plugin), .priority = TC_PRIORITY);
	int r = bpf_tc_attach(&hook, &opts);

	if (r < 0)
		return ti_hook_why(a->why, sizeof(a->why), r,
				   "%s: cannot add a tc filter at priority %u: %s", a->ifname,
				   TC_PRIORITY, ti_hook_strerror(r));
	return 0;
}

int ti_clsact_attach(struct ti_attachment *a)
{
	struct clsact c;
	int r;

	if (use_begin(a->ifindex) < 0)
		return ti_hook_why(a->why, sizeof(a->why), -ENOMEM, "out of memory");
	r = look(&c, a->ifindex, handle_of(a->plugin));
	if (r < 0)
		return ti_hook_why(a->why, sizeof(a->why), r, "%s: cannot list its tc filters: %s",
				   a->ifname, ti_hook_strerror(r));
	if (a->egress && !strcmp(c.qdisc, "ingress"))
		return ti_hook_why(a->why, sizeof(a->why), -EBUSY,
				   "%s has an ingress qdisc where clsact is needed to see outgoing "
				   "packets: tc qdisc del dev %s ingress",
				   a->ifname, a->ifname);
	r = clear_place(a, &c);
	if (r == 0 && !c.qdisc[0])
		r = qdisc_make(a);
	return r < 0 ? r : filter_add(a);
}

/* Only a filter with this very program is ours to remove. */
void ti_clsact_detach(struct ti_attachment *a)
{
	struct bpf_prog_info info = {0};
	__u32 len = sizeof(info);
	struct clsact c;

	if (bpf_obj_get_info_by_fd(bpf_program__fd(a->prog), &info, &len) == 0 &&
	    look(&c, a->ifindex, handle_of(a->plugin)) == 0 && c.ours[a->egress].id &&
	    c.ours[a->egress].id == info.id)
		filter_remove(a->ifindex, a->egress, c.handle);
	if (use_end(a->ifindex))
		qdisc_remove_empty(a->ifindex);
}

int ti_clsact_sweep(const char *plugin, unsigned ifindex, bool egress)
{
	struct clsact c;
	int r = look(&c, ifindex, handle_of(plugin));

	if (r == -ENODEV || (r == 0 && !c.ours[egress].id))
		return 0;
	if (r == 0)
		r = filter_remove(ifindex, egress, c.handle);
	if (r < 0)
		return r;
	qdisc_remove_empty(ifindex);
	return 1;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The table of hooks, and what all of them have in common: an attachment's life.
 * What an attachment holds is closed here; a hook's own detach() only undoes
 * what outlives the file descriptors.
 */
#include "hook.h"
#include "iface.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "log.h"
#include "nearest.h"
#include "option.h"

const struct ti_hook *const ti_hooks[] = {
	&ti_hook_xdp,	 &ti_hook_tc,	  &ti_hook_socket, &ti_hook_tp,
	&ti_hook_raw_tp, &ti_hook_tp_btf, &ti_hook_kprobe, &ti_hook_kretprobe,
	&ti_hook_fentry, &ti_hook_fexit,  &ti_hook_uprobe, &ti_hook_uretprobe,
	&ti_hook_sock_ops, &ti_hook_cgroup_skb,
	NULL,
};

static int by_hand_available(const char *target, char *why, size_t why_size)
{
	(void)target;
	(void)why;
	(void)why_size;
	return 0; /* loading tells */
}

const struct ti_hook ti_hook_by_hand = {
	.name = "by_hand",
	.sees_text = "what the plugin attaches it to",
	.available = by_hand_available,
};

const struct ti_hook *ti_hook_by_name(const char *name)
{
	for (size_t k = 0; ti_hooks[k]; k++)
		if (!strcmp(ti_hooks[k]->name, name))
			return ti_hooks[k];
	return NULL;
}

/* "tp/" wants a target behind it; "tc" is the whole name, or it is "tc/egress". */
static const char *target_of(const struct ti_hook *h, const char *section)
{
	size_t n = strlen(h->section);

	if (strncmp(section, h->section, n) != 0)
		return NULL;
	section += n;
	if (h->section[n - 1] == '/')
		return *section ? section : NULL;
	if (h->sees_out && !strcmp(section, "/egress"))
		return section + 1;
	return *section ? NULL : section;
}

const struct ti_hook *ti_hook_by_section(const char *section, const char **target)
{
	for (size_t k = 0; ti_hooks[k]; k++) {
		const char *t = target_of(ti_hooks[k], section);

		if (!t)
			continue;
		*target = t;
		return ti_hooks[k];
	}
	return NULL;
}

const char *ti_hook_near_section(const char *section)
{
	/* What libbpf takes besides, and other frameworks have. */
	static const struct {
		const char *section, *ours;
	} others[] = {
		{ "raw_tracepoint", "raw_tp/" }, { "tracepoint", "tp/" },	 { "classifier", "tc" },
		{ "tcx", "tc" },		 { "action", "tc" },		 { "xdp", "xdp" },
		{ "socket", "socket" },		 { "kprobe.multi", "kprobe/" },	 { "ksyscall", "tp/" },
		{ "btf_trace", "tp_btf/" },	 { "cgroup_skb", "cgroup_skb/ingress" },
	};
	const char *names[32];
	char word[32];
	size_t n = 0;

	snprintf(word, sizeof(word), "%.*s", (int)strcspn(section, "/."), section);
	for (size_t i = 0; i < TI_ARRAY_SIZE(others); i++)
		if (!strcmp(word, others[i].section))
			return others[i].ours;
	for (size_t k = 0; ti_hooks[k] && n < TI_ARRAY_SIZE(names); k++)
		names[n++] = ti_hooks[k]->name;
	names[0] = ti_nearest(word, names, n, sizeof(*names));
	return names[0] ? ti_hook_by_name(names[0])->section : NULL;
}

const char *ti_hook_sections(char *out, size_t size)
{
	size_t len = 0;

	for (size_t k = 0; ti_hooks[k] && len < size; k++)
		len += snprintf(out + len, size - len, "%s%s", k ? ", " : "", ti_hooks[k]->section);
	return out;
}

const char *ti_hook_sees(const struct ti_hook *h, const char *target)
{
	return h->sees_out && !strcmp(target, "egress") ? h->sees_out : h->sees_text;
}

int ti_hook_why(char *why, size_t size, int r, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, size, fmt, ap);
	va_end(ap);
	return r;
}

const char *ti_hook_strerror(int r)
{
	switch (r) {
	case -EPERM:
	case -EACCES:
		return "not permitted (needs root, or CAP_BPF, CAP_PERFMON, CAP_NET_ADMIN and "
		       "CAP_NET_RAW)";
	case -ENODEV:
		return "no such interface";
	default:
		return strerror(-r);
	}
}

int ti_hook_attach_program(struct ti_attachment *a)
{
	int r;

	a->link = bpf_program__attach(a->prog);
	if (a->link)
		return 0;
	r = -errno;
	/* available() knows the cure; it is silent where that isn't the cause. */
	if (a->hook->available(a->target, a->why, sizeof(a->why)) < 0)
		return r;
	return ti_hook_why(a->why, sizeof(a->why), r, "%s %s: %s", a->hook->name, a->target,
			   ti_hook_strerror(r));
}

void ti_attachment_init(struct ti_attachment *a)
{
	*a = (struct ti_attachment){.next = -1, .fd = -1, .lock_fd = -1};
}

/* Safe on whatever an attach() that failed has left. */
static void release(struct ti_attachment *a)
{
	if (a->hook && a->hook->detach)
		a->hook->detach(a);
	bpf_link__destroy(a->link);
	a->link = NULL;
	ti_closep(&a->fd);
	a->fd = -1;
	ti_closep(&a->lock_fd);
	a->lock_fd = -1;
	a->attached = false;
}

int ti_attach(struct ti_attachment *a)
{
	int r;

	if (a->attached)
		return ti_hook_why(a->why, sizeof(a->why), -EALREADY, "attached already");
	a->mode[0] = a->why[0] = '\0';
	r = a->hook->attach(a);
	if (r < 0) {
		release(a);
		return r;
	}
	a->attached = true;
	return 0;
}

void ti_detach(struct ti_attachment *a)
{
	release(a);
}

int ti_hooks_sweep(const char *plugin, const struct ti_ifaces *ifaces)
{
	int removed = 0;

	for (size_t i = 0; i < ti_ifaces_count(ifaces); i++) {
		const struct ti_iface *iface = ti_ifaces_at(ifaces, i);

		for (size_t h = 0; !iface->gone && ti_hooks[h]; h++) {
			int n = ti_hooks[h]->sweep ? ti_hooks[h]->sweep(plugin, iface->index) : 0;

			if (n > 0)
				ti_info("%s: %s: removed what a killed tcpinspect left at %s", plugin,
					iface->name, ti_hooks[h]->name);
			removed += n > 0 ? n : 0;
		}
	}
	return removed;
}

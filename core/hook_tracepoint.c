/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tracepoints three ways: classic (the event's record, through tracefs and
 * perf), raw (the arguments) and raw with the arguments' types (tp_btf). All of
 * them see the whole host, not one interface or network namespace, and are held
 * by links that die with the process.
 */
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "hook.h"
#include "log.h"

/* libbpf looks at these two, too, and goes by the first that exists. */
static const char *tracefs(void)
{
	static const char debugfs[] = "/sys/kernel/debug/tracing";

	return faccessat(AT_FDCWD, debugfs, F_OK, AT_EACCESS) == 0 ? debugfs
								   : "/sys/kernel/tracing";
}

/* Classic: `target` is CATEGORY/NAME. */
static int tp_available(const char *target, char *why, size_t why_size)
{
	const char *dir = tracefs();
	char path[256];
	int r;

	if (!strchr(target, '/'))
		return ti_hook_why(why, why_size, -EINVAL,
				   "'%s' is not a tracepoint: write tp/CATEGORY/NAME", target);
	snprintf(path, sizeof(path), "%s/events", dir);
	r = faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) < 0 ? -errno : 0;
	if (r == -ENOENT)
		return ti_hook_why(why, why_size, r,
				   "tracefs is not mounted: mount -t tracefs tracefs "
				   "/sys/kernel/tracing");
	snprintf(path, sizeof(path), "%s/events/%s/id", dir, target);
	if (r == 0)
		r = faccessat(AT_FDCWD, path, R_OK, AT_EACCESS) < 0 ? -errno : 0;
	if (r == -ENOENT)
		return ti_hook_why(why, why_size, r, "this kernel has no tracepoint %s", target);
	if (r < 0)
		return ti_hook_why(
			why, why_size, r,
			"%s cannot be read: %s; run as root (or the kernel is locked down)", path,
			strerror(-r));
	return 0;
}

/*
 * Raw and typed: each of the kernel's own tracepoints has a typedef in its BTF.
 * Read anew each time, in some 3 ms: it takes 6 MB.
 */
static int raw_available(const char *target, char *why, size_t why_size)
{
	struct btf *btf = btf__load_vmlinux_btf();
	char type[128];
	int id;

	if (!btf)
		return ti_hook_why(
			why, why_size, -ENOENT,
			"this kernel has no BTF (/sys/kernel/btf/vmlinux); boot one built "
			"with CONFIG_DEBUG_INFO_BTF");
	snprintf(type, sizeof(type), "btf_trace_%s", target);
	id = btf__find_by_name_kind(btf, type, BTF_KIND_TYPEDEF);
	btf__free(btf);
	if (id < 0)
		return ti_hook_why(why, why_size, -ENOENT, "this kernel has no tracepoint %s",
				   target);
	return 0;
}

const struct ti_hook ti_hook_tp = {
	.name = "tp",
	.section = "tp/",
	.sees_text = "the tracepoint's events on the whole host",
	.available = tp_available,
	.attach = ti_hook_attach_program,
};

const struct ti_hook ti_hook_raw_tp = {
	.name = "raw_tp",
	.section = "raw_tp/",
	.sees_text = "the tracepoint's events on the whole host",
	.available = raw_available,
	.attach = ti_hook_attach_program,
};

const struct ti_hook ti_hook_tp_btf = {
	.name = "tp_btf",
	.section = "tp_btf/",
	.sees_text = "the tracepoint's events on the whole host",
	.available = raw_available,
	.attach = ti_hook_attach_program,
};

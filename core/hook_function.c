/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A function of the kernel, when it is called or returns: fentry and fexit jump
 * there by a trampoline and know the arguments' types (BTF), kprobe and kretprobe
 * by a breakpoint or ftrace. All see the whole host, and their links die with the
 * process.
 */
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "hook.h"
#include "log.h"

#define NO_BTF                                                                   \
	"this kernel has no BTF (/sys/kernel/btf/vmlinux); boot one built with " \
	"CONFIG_DEBUG_INFO_BTF"

/* Not kept: it takes some 3 ms and 6 MB. -ESRCH: the kernel has no BTF. */
int ti_kernel_params(const char *function)
{
	struct btf *btf = btf__load_vmlinux_btf();
	const struct btf_type *t;
	int r;

	if (!btf)
		return -ESRCH;
	r = btf__find_by_name_kind(btf, function, BTF_KIND_FUNC);
	if (r >= 0) {
		t = btf__type_by_id(btf, btf__type_by_id(btf, r)->type);
		r = btf_vlen(t);
	}
	btf__free(btf);
	return r < 0 ? -ENOENT : r;
}

/* A function by this name, or (*variant) one that the compiler has made of it,
 * "tcp_ack.isra.0": its arguments are not those of the source. */
static bool in_kallsyms(const char *function, char *variant, size_t size)
{
	ti_cleanup(ti_fclosep) FILE *f = fopen("/proc/kallsyms", "re");
	size_t n = strlen(function);
	char line[512], name[256], type;

	variant[0] = '\0';
	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%*s %c %255s", &type, name) != 2 || !strchr("tTwW", type) ||
		    strncmp(name, function, n))
			continue;
		if (!name[n])
			return true;
		if (name[n] == '.')
			snprintf(variant, size, "%s", name);
	}
	return false;
}

static int no_function(const char *function, char *why, size_t why_size)
{
	char variant[256];

	if (in_kallsyms(function, variant, sizeof(variant)))
		return 0;
	if (variant[0])
		return ti_hook_why(why, why_size, -ENOENT,
				   "this kernel has %s only as %s, with other arguments", function,
				   variant);
	return ti_hook_why(why, why_size, -ENOENT,
			   "this kernel has no function %s (or its module is not loaded, or the "
			   "compiler has inlined it)",
			   function);
}

/* BTF is asked first: it is read in a twentieth of the time. */
static int kprobe_available(const char *target, char *why, size_t why_size)
{
	if (access("/sys/bus/event_source/devices/kprobe", F_OK) < 0)
		return ti_hook_why(why, why_size, -EOPNOTSUPP,
				   "this kernel has no kprobes; boot one built with "
				   "CONFIG_KPROBE_EVENTS");
	return ti_kernel_params(target) >= 0 ? 0 : no_function(target, why, why_size);
}

static int fentry_available(const char *target, char *why, size_t why_size)
{
	int r = ti_kernel_params(target);

	if (r >= 0)
		return 0;
	if (r == -ESRCH)
		return ti_hook_why(why, why_size, -ENOENT, NO_BTF);
	if (no_function(target, why, why_size) < 0)
		return -ENOENT;
	return ti_hook_why(why, why_size, -ENOENT, "this kernel's BTF doesn't describe %s", target);
}

#define WHOLE_HOST "the function's calls on the whole host"

const struct ti_hook ti_hook_kprobe = {
	.name = "kprobe",
	.section = "kprobe/",
	.sees_text = WHOLE_HOST,
	.sees = TI_SEES_INGRESS | TI_SEES_MERGED, /* at tcp_v4_rcv, tcp_v6_rcv */
	.available = kprobe_available,
	.attach = ti_hook_attach_program,
};

const struct ti_hook ti_hook_kretprobe = {
	.name = "kretprobe",
	.section = "kretprobe/",
	.sees_text = WHOLE_HOST,
	.available = kprobe_available,
	.attach = ti_hook_attach_program,
};

const struct ti_hook ti_hook_fentry = {
	.name = "fentry",
	.section = "fentry/",
	.sees_text = WHOLE_HOST,
	.available = fentry_available,
	.attach = ti_hook_attach_program,
};

const struct ti_hook ti_hook_fexit = {
	.name = "fexit",
	.section = "fexit/",
	.sees_text = WHOLE_HOST,
	.available = fentry_available,
	.attach = ti_hook_attach_program,
};

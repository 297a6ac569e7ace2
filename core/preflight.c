/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "preflight.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>
#include "cgroup.h"
#include "log.h"

#define KERNEL_MIN_MAJOR 5
#define KERNEL_MIN_MINOR 10

/* linux/capability.h; libcap would be a dependency for four numbers. */
#define CAP_NET_ADMIN 12
#define CAP_SYS_ADMIN 21
#define CAP_PERFMON   38
#define CAP_BPF	      39

static bool kernel_at_least(int major, int minor)
{
	struct utsname u;
	int x = 0, y = 0;

	uname(&u);
	sscanf(u.release, "%d.%d", &x, &y);
	return x > major || (x == major && y >= minor);
}

static void check_kernel(struct ti_check *c)
{
	struct utsname u;

	uname(&u);
	c->ok = kernel_at_least(KERNEL_MIN_MAJOR, KERNEL_MIN_MINOR);
	snprintf(c->text, sizeof(c->text), c->ok ? "%.64s" : "%.64s is older than the 5.10 that is needed",
		 u.release);
}

static void check_btf(struct ti_check *c)
{
	c->ok = access("/sys/kernel/btf/vmlinux", R_OK) == 0;
	snprintf(c->text, sizeof(c->text), "%s", c->ok ? "/sys/kernel/btf/vmlinux" :
		 "/sys/kernel/btf/vmlinux is missing: this needs a kernel built with CONFIG_DEBUG_INFO_BTF=y");
}

static uint64_t effective_caps(void)
{
	ti_cleanup(ti_fclosep) FILE *f = fopen("/proc/self/status", "re");
	unsigned long long caps = 0;
	char line[256];

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "CapEff: %llx", &caps) == 1)
			break;
	return caps;
}

static void check_caps(struct ti_check *c)
{
	static const struct {
		int bit;
		const char *name;
	} needed[] = { { CAP_BPF, "CAP_BPF" }, { CAP_PERFMON, "CAP_PERFMON" }, { CAP_NET_ADMIN, "CAP_NET_ADMIN" } };
	uint64_t caps = effective_caps();
	char missing[64] = "";

	for (size_t i = 0; i < TI_ARRAY_SIZE(needed); i++) {
		bool by_admin = needed[i].bit != CAP_NET_ADMIN && (caps >> CAP_SYS_ADMIN & 1);

		if (!(caps >> needed[i].bit & 1) && !by_admin)
			snprintf(missing + strlen(missing), sizeof(missing) - strlen(missing), " %s", needed[i].name);
	}
	c->ok = !missing[0];
	if (c->ok)
		snprintf(c->text, sizeof(c->text), "CAP_BPF, CAP_PERFMON and CAP_NET_ADMIN");
	else
		snprintf(c->text, sizeof(c->text), "missing%s: run it as root (sudo)", missing);
}

static void check_lockdown(struct ti_check *c)
{
	ti_cleanup(ti_fclosep) FILE *f = fopen("/sys/kernel/security/lockdown", "re");
	char line[128] = "";

	if (f && !fgets(line, sizeof(line), f))
		line[0] = 0;
	line[strcspn(line, "\n")] = 0;
	c->ok = !strstr(line, "[confidentiality]");
	snprintf(c->text, sizeof(c->text), "%s", c->ok ? (line[0] ? line : "none") :
		 "confidentiality: the kernel lets no BPF program read kernel memory; boot with lockdown=integrity or none");
}

/* Kernels before 5.11 charge maps to RLIMIT_MEMLOCK. */
static void check_memlock(struct ti_check *c)
{
	struct rlimit l, unlimited = { RLIM_INFINITY, RLIM_INFINITY };

	getrlimit(RLIMIT_MEMLOCK, &l);
	c->ok = kernel_at_least(5, 11) || l.rlim_cur == RLIM_INFINITY ||
		setrlimit(RLIMIT_MEMLOCK, &unlimited) == 0;
	if (kernel_at_least(5, 11))
		snprintf(c->text, sizeof(c->text), "not used by this kernel for BPF");
	else if (c->ok)
		snprintf(c->text, sizeof(c->text), "unlimited");
	else
		snprintf(c->text, sizeof(c->text), "limited to %llu KiB and can't be raised: ulimit -l unlimited (LimitMEMLOCK=infinity)",
			 (unsigned long long)l.rlim_cur / 1024);
}

/* Only hooks on cgroups need it. */
static void check_cgroup2(struct ti_check *c)
{
	char path[160];
	bool whole;

	c->ok = ti_cgroup2(path, sizeof(path), &whole) == 0;
	if (c->ok)
		snprintf(c->text, sizeof(c->text), "%s%s", path,
			 whole ? "" : ": not the host's root, so hooks on cgroups see a part of its sockets");
	else
		snprintf(c->text, sizeof(c->text), "not mounted: hooks on cgroups (sock_ops, cgroup_skb) can't be used; "
			 TI_CGROUP2_CURE);
}

size_t ti_preflight(struct ti_check checks[TI_CHECKS])
{
	static const struct {
		const char *name;
		void (*fill)(struct ti_check *c);
		enum ti_exit exit;
	} table[TI_CHECKS] = {
		{ "kernel", check_kernel, TI_EXIT_UNSUPPORTED },
		{ "btf", check_btf, TI_EXIT_UNSUPPORTED },
		{ "capabilities", check_caps, TI_EXIT_PERMISSION },
		{ "lockdown", check_lockdown, TI_EXIT_PERMISSION },
		{ "locked_memory", check_memlock, TI_EXIT_PERMISSION },
		{ "cgroup2", check_cgroup2, TI_EXIT_DONE },
	};

	memset(checks, 0, TI_CHECKS * sizeof(*checks));
	for (size_t i = 0; i < TI_CHECKS; i++) {
		checks[i].name = table[i].name;
		checks[i].exit = table[i].exit;
		table[i].fill(&checks[i]);
	}
	return TI_CHECKS;
}

enum ti_exit ti_preflight_log(void)
{
	struct ti_check checks[TI_CHECKS];
	enum ti_exit code = TI_EXIT_DONE;
	size_t n = ti_preflight(checks);

	for (size_t i = 0; i < n; i++) {
		if (checks[i].ok || checks[i].exit == TI_EXIT_DONE)
			continue;
		ti_err(0, "%s: %s", checks[i].name, checks[i].text);
		if (code == TI_EXIT_DONE)
			code = checks[i].exit;
	}
	return code;
}

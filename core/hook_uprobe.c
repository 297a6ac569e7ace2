/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A function of a library or an executable, when it is called (uprobe) or returns
 * (uretprobe): in every process that runs it, or in one. A target is FILE:FUNCTION,
 * the file an absolute path or a name to be searched where the loader and the
 * shell would. Links die with the process.
 */
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "hook.h"
#include "log.h"

#if defined(__aarch64__)
#define MULTIARCH "aarch64-linux-gnu"
#else
#define MULTIARCH "x86_64-linux-gnu"
#endif

static const char *const library_dirs[] = {"/usr/local/lib",
					   "/lib/" MULTIARCH,
					   "/usr/lib/" MULTIARCH,
					   "/lib64",
					   "/usr/lib64",
					   "/lib",
					   "/usr/lib",
					   NULL};
static const char *const program_dirs[] = {
	"/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin", NULL};

/* The file's path, out[PATH_MAX]; -ENOENT. */
static int find_file(const char *name, char *out)
{
	const char *const *dirs = strstr(name, ".so") ? library_dirs : program_dirs;

	if (strchr(name, '/')) {
		snprintf(out, PATH_MAX, "%s", name);
		return access(out, R_OK) < 0 ? -errno : 0;
	}
	for (size_t k = 0; dirs[k]; k++) {
		snprintf(out, PATH_MAX, "%s/%s", dirs[k], name);
		if (access(out, R_OK) == 0)
			return 0;
	}
	return -ENOENT;
}

static bool section_has(Elf *elf, Elf_Scn *scn, const char *function)
{
	GElf_Shdr head;
	Elf_Data *data;
	GElf_Sym sym;

	if (!gelf_getshdr(scn, &head) || (head.sh_type != SHT_SYMTAB && head.sh_type != SHT_DYNSYM))
		return false;
	data = elf_getdata(scn, NULL);
	for (int i = 0; data && gelf_getsym(data, i, &sym); i++) {
		const char *name = elf_strptr(elf, head.sh_link, sym.st_name);

		if (GELF_ST_TYPE(sym.st_info) == STT_FUNC && sym.st_shndx != SHN_UNDEF && name &&
		    !strcmp(name, function))
			return true;
	}
	return false;
}

/* 1: it has the function; 0: not; -ENOEXEC: it is no ELF file. */
static int file_has(const char *path, const char *function)
{
	ti_cleanup(ti_closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
	Elf *elf = fd < 0 || elf_version(EV_CURRENT) == EV_NONE
			   ? NULL
			   : elf_begin(fd, ELF_C_READ_MMAP, NULL);
	int r = elf && elf_kind(elf) == ELF_K_ELF ? 0 : -ENOEXEC;

	for (Elf_Scn *scn = NULL; r == 0 && (scn = elf_nextscn(elf, scn));)
		r = section_has(elf, scn, function);
	elf_end(elf);
	return r;
}

/* Take a target apart; *function points into it. Fills path[PATH_MAX]. */
static int resolve(const char *target, char *path, const char **function, char *why,
		   size_t why_size)
{
	const char *colon = strrchr(target, ':');
	char name[PATH_MAX];
	int r;

	if (!colon || colon == target || !colon[1])
		return ti_hook_why(why, why_size, -EINVAL,
				   "'%s' is no function: write FILE:FUNCTION", target);
	snprintf(name, sizeof(name), "%.*s", (int)(colon - target), target);
	*function = colon + 1;
	r = find_file(name, path);
	if (r < 0)
		return ti_hook_why(why, why_size, r,
				   "%s: %s; install it, or say where it is by binary = PATH", name,
				   r == -ENOENT ? "no such file" : strerror(-r));
	r = file_has(path, *function);
	if (r < 0)
		return ti_hook_why(why, why_size, r,
				   "%s is no ELF file; say which is by binary = PATH", path);
	if (r == 0)
		return ti_hook_why(why, why_size, -ENOENT,
				   "%s has no function %s (or it is stripped of its name); say "
				   "which file has it by binary = PATH",
				   path, *function);
	return 0;
}

static int uprobe_available(const char *target, char *why, size_t why_size)
{
	const char *function;
	char path[PATH_MAX];

	if (access("/sys/bus/event_source/devices/uprobe", F_OK) < 0)
		return ti_hook_why(why, why_size, -EOPNOTSUPP,
				   "this kernel has no uprobes; boot one built with "
				   "CONFIG_UPROBE_EVENTS");
	return resolve(target, path, &function, why, why_size);
}

static int uprobe_attach(struct ti_attachment *a)
{
	LIBBPF_OPTS(bpf_uprobe_opts, opts, .retprobe = a->hook == &ti_hook_uretprobe);
	char path[PATH_MAX];
	int r = resolve(a->target, path, &opts.func_name, a->why, sizeof(a->why));

	if (r < 0)
		return r;
	a->link = bpf_program__attach_uprobe_opts(a->prog, a->pid ?: -1, path, 0, &opts);
	if (a->link)
		return 0;
	r = -errno;
	if (r == -ESRCH)
		return ti_hook_why(a->why, sizeof(a->why), r, "there is no process %d", a->pid);
	return ti_hook_why(a->why, sizeof(a->why), r, "%s %s: %s", a->hook->name, a->target,
			   ti_hook_strerror(r));
}

const struct ti_hook ti_hook_uprobe = {
	.name = "uprobe",
	.section = "uprobe/",
	.sees_text = "calls of the library's or executable's function",
	.sees = TI_SEES_PID,
	.available = uprobe_available,
	.attach = uprobe_attach,
};

const struct ti_hook ti_hook_uretprobe = {
	.name = "uretprobe",
	.section = "uretprobe/",
	.sees_text = "calls of the library's or executable's function",
	.sees = TI_SEES_PID,
	.available = uprobe_available,
	.attach = uprobe_attach,
};

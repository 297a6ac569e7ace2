/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * new.c - write a folder with a plugin that builds, runs and has a test.
 *
 * The files are templates in sdk/new/, carried in the daemon so that they are there
 * wherever it is. In their texts and names @name@ and the like are replaced; the
 * results belong to who asked, under sudo too, and to no licence of ours.
 */
#include "new.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "log.h"
#include "module.h"
#include "nearest.h"
#include "option.h"
#include "trust.h"

/* --- the templates --------------------------------------------------------- */

/* What the macro carries are the bytes of any file. */
#define TEMPLATE(sym, file) TI_BPF_OBJECT(new_##sym, "sdk/new/" file)
TEMPLATE(packet_bpf, "packet.bpf.c");
TEMPLATE(packet_pcap, "packet.pcap");
TEMPLATE(packet_expected, "packet.expected");
TEMPLATE(tracepoint_bpf, "tracepoint.bpf.c");
TEMPLATE(tracepoint_sh, "tracepoint.sh");
TEMPLATE(tracepoint_expected, "tracepoint.expected");
TEMPLATE(kprobe_bpf, "kprobe.bpf.c");
TEMPLATE(kprobe_expected, "kprobe.expected");
TEMPLATE(sockops_bpf, "sockops.bpf.c");
TEMPLATE(sockops_sh, "sockops.sh");
TEMPLATE(sockops_expected, "sockops.expected");
TEMPLATE(plugin_c, "plugin.c");
TEMPLATE(plugin_ini, "plugin.ini");
TEMPLATE(readme, "README.md");
TEMPLATE(makefile, "Makefile.plain");
TEMPLATE(makefile_am, "Makefile.automake");
TEMPLATE(configure_ac, "configure.ac");

#define BY_CAPTURE "the capture that is fed in, and the events that come out"
#define BY_TRAFFIC "what is done while the plugin runs, and what then stands in its events"

static const struct hook {
	const char *name, *summary; /* "reports SUMMARY" */
	const char *tested, *extension; /* how it is, and what kind of file says so */
} hooks[] = {
	{ "packet", "SYNs that have come a long way", BY_CAPTURE, "pcap" },
	{ "tracepoint", "connections that could not be made", BY_TRAFFIC, "sh" },
	{ "kprobe", "which process connects where", BY_TRAFFIC, "sh" },
	{ "sockops", "round-trip times of new connections", BY_TRAFFIC, "sh" },
};

enum build { ANY, PLAIN, AUTOTOOLS };
static const struct {
	const char *make, *files;
} builds[] = {
	[PLAIN] = { "make", "`Makefile`" },
	[AUTOTOOLS] = { "ACLOCAL_PATH=$(pkg-config --variable=aclocaldir tcpinspect) autoreconf -i && ./configure && make",
			"`configure.ac`, `Makefile.am`" },
};

/* In their order; those of a `hook` are for that one only. */
static const struct file {
	const char *name, *hook;
	enum build build;
	const char *text, *end;
} files[] = {
#define FILE_(name, hook, build, sym) { name, hook, build, new_##sym, new_##sym##_end }
	FILE_("@name@.bpf.c", "packet", ANY, packet_bpf),
	FILE_("@name@.bpf.c", "tracepoint", ANY, tracepoint_bpf),
	FILE_("@name@.bpf.c", "kprobe", ANY, kprobe_bpf),
	FILE_("@name@.bpf.c", "sockops", ANY, sockops_bpf),
	FILE_("@name@.c", NULL, ANY, plugin_c),
	FILE_("@name@.pcap", "packet", ANY, packet_pcap),
	FILE_("@name@.sh", "tracepoint", ANY, tracepoint_sh),
	FILE_("@name@.sh", "kprobe", ANY, tracepoint_sh), /* the same connection */
	FILE_("@name@.sh", "sockops", ANY, sockops_sh),
	FILE_("@name@.expected", "packet", ANY, packet_expected),
	FILE_("@name@.expected", "tracepoint", ANY, tracepoint_expected),
	FILE_("@name@.expected", "kprobe", ANY, kprobe_expected),
	FILE_("@name@.expected", "sockops", ANY, sockops_expected),
	FILE_("@name@.ini", NULL, ANY, plugin_ini),
	FILE_("README.md", NULL, ANY, readme),
	FILE_("Makefile", NULL, PLAIN, makefile),
	FILE_("Makefile.am", NULL, AUTOTOOLS, makefile_am),
	FILE_("configure.ac", NULL, AUTOTOOLS, configure_ac),
};

/* --- what was asked for ---------------------------------------------------- */

struct plan {
	const char *name;
	const struct hook *hook;
	enum build build;
	char test[TI_NAME_MAX + 8]; /* name of the file with the test */
	struct word {
		const char *key, *value; /* what stands for @key@; ends with key NULL */
	} words[8];
};

/* C's own, which no struct could be called by, and two that compilers define as 1. */
static const char reserved[] =
	" asm auto bool break case char const continue default do double else enum extern false float for goto"
	" if inline int linux long register restrict return short signed sizeof static struct switch true"
	" typedef typeof union unix unsigned void volatile while ";

static int judge_name(const char *name)
{
	size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_");
	char word[TI_NAME_MAX + 2], path[PATH_MAX];

	if (name[len] || *name < 'a' || *name > 'z')
		return ti_err(-EINVAL, "'%s' can't be a plugin's name: a letter from a to z comes first, then these, digits and _", name);
	if (len >= TI_NAME_MAX)
		return ti_err(-EINVAL, "'%s' can't be a plugin's name: it has %zu letters, %d are the most", name, len, TI_NAME_MAX - 1);
	snprintf(word, sizeof(word), " %s ", name);
	if (strstr(reserved, word))
		return ti_err(-EINVAL, "'%s' can't be a plugin's name: C has another use for it", name);
	snprintf(path, sizeof(path), TI_PLUGINDIR "/%s.so", name);
	if (!access(path, F_OK))
		ti_warn("%s is installed: -P ./%s.so will take its place", path, name);
	return 0;
}

static int find_hook(const struct hook **out, const char *name)
{
	const char *near;

	for (size_t i = 0; i < TI_ARRAY_SIZE(hooks); i++)
		if (!strcmp(hooks[i].name, name)) {
			*out = &hooks[i];
			return 0;
		}
	near = ti_nearest(name, hooks, TI_ARRAY_SIZE(hooks), sizeof(*hooks));
	return ti_err(-EINVAL, "--hook: '%s' is none of packet, tracepoint, kprobe, sockops%s%s%s", name,
		      near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
}

static int make_plan(struct plan *p, const struct ti_args *a)
{
	int r;

	if (a->rest.n != 1)
		return ti_err(-EINVAL, "new: give one name, which the plugin and its folder will have");
	*p = (struct plan){ .name = a->rest.word[0], .build = a->autotools ? AUTOTOOLS : PLAIN };
	r = judge_name(p->name);
	if (r >= 0)
		r = find_hook(&p->hook, a->hook ? a->hook : hooks[0].name);
	if (r < 0)
		return r;
	snprintf(p->test, sizeof(p->test), "%s.%s", p->name, p->hook->extension);
	memcpy(p->words, (struct word[]){
		{ "@name@", p->name },
		{ "@summary@", p->hook->summary },
		{ "@test@", p->test },
		{ "@tested@", p->hook->tested },
		{ "@make@", builds[p->build].make },
		{ "@makefiles@", builds[p->build].files },
	}, 6 * sizeof(struct word));
	return 0;
}

/* --- writing it ------------------------------------------------------------ */

/* The word that text begins with, NULL: none. */
static const struct word *word_at(const struct plan *p, const char *text, size_t len)
{
	for (const struct word *w = p->words; w->key; w++)
		if (strlen(w->key) <= len && !memcmp(text, w->key, strlen(w->key)))
			return w;
	return NULL;
}

static void put_text(const struct plan *p, FILE *f, const char *text, const char *end)
{
	while (text < end) {
		const struct word *w = *text == '@' ? word_at(p, text, end - text) : NULL;

		if (w)
			fputs(w->value, f);
		else
			putc(*text, f);
		text += w ? strlen(w->key) : 1;
	}
}

static bool belongs(const struct file *file, const struct plan *p)
{
	return (!file->hook || !strcmp(file->hook, p->hook->name)) &&
	       (file->build == ANY || file->build == p->build);
}

/* Name of a file in its folder, to be freed; NULL: no memory. */
static char *name_of(const struct file *file, const struct plan *p)
{
	size_t size;
	char *name = NULL;
	FILE *f = open_memstream(&name, &size);

	if (!f)
		return NULL;
	put_text(p, f, file->name, file->name + strlen(file->name));
	return fclose(f) ? NULL : name;
}

static int write_file(const struct plan *p, const struct file *file, int dir)
{
	ti_cleanup(ti_freep) char *name = name_of(file, p);
	ti_cleanup(ti_fclosep) FILE *f = NULL;
	int fd;

	if (!name)
		return -ENOMEM;
	fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	f = fd < 0 ? NULL : fdopen(fd, "w");
	if (!f)
		return ti_err(-errno, "%s/%s: %s", p->name, name, strerror(errno));
	put_text(p, f, file->text, file->end);
	if (fflush(f) || ferror(f))
		return ti_err(-errno, "%s/%s: %s", p->name, name, strerror(errno));
	return 0;
}

/* All or nothing: what was written is taken away again. */
static int write_folder(const struct plan *p)
{
	ti_cleanup(ti_closep) int dir = -1;
	size_t i = 0;
	int r = 0;

	if (mkdir(p->name, 0777) < 0)
		return ti_err(-errno, errno == EEXIST ? "%s is there already: nothing is written" : "%s: %m", p->name);
	dir = open(p->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dir < 0)
		r = ti_err(-errno, "%s: %s", p->name, strerror(errno));
	for (; r == 0 && i < TI_ARRAY_SIZE(files); i++)
		if (belongs(&files[i], p))
			r = write_file(p, &files[i], dir);
	if (r == 0)
		return 0;
	while (i--) {
		ti_cleanup(ti_freep) char *name = belongs(&files[i], p) ? name_of(&files[i], p) : NULL;

		if (name)
			unlinkat(dir, name, 0);
	}
	rmdir(p->name);
	return r;
}

/* With sudo, the files are to be the caller's, and no more is written than they could. */
static int become_caller(void)
{
	const struct passwd *pw;
	uid_t uid;

	if (geteuid() || !ti_sudo_uid(&uid) || !uid)
		return 0;
	pw = getpwuid(uid);
	if (!pw || initgroups(pw->pw_name, pw->pw_gid) < 0 || setgid(pw->pw_gid) < 0 || setuid(uid) < 0)
		return ti_err(-EPERM, "can't write as uid %u, who called sudo: call it without", uid);
	return 0;
}

int ti_cmd_new(const struct ti_args *a)
{
	struct plan p;

	if (make_plan(&p, a) < 0)
		return TI_EXIT_USAGE;
	if (become_caller() < 0 || write_folder(&p) < 0)
		return TI_EXIT_FAILED;
	if (!a->quiet)
		printf("%s/ has a plugin that reports %s. To see it work:\n"
		       "  cd %s\n  %s\n  sudo make check\n  sudo tcpinspect run -P ./%s.so\n",
		       p.name, p.hook->summary, p.name, builds[p.build].make, p.name);
	return TI_EXIT_DONE;
}

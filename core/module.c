/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * module.c - find, judge and open the .so files of plugins and sinks.
 *
 * dlopen() runs what it opens, as root. So a file is judged first, by reading
 * alone: whose it is and who else could write it, whether it is a whole shared
 * object of this machine, and what its .note.tcpinspect says about the ABI.
 * Everything from "/" down to the file belongs to people who are trusted, so
 * what was judged is still what dlopen() finds under that path.
 *
 * A refusal is a text with its cure; the caller of judge() decides whether it
 * is an error (a file somebody named) or a warning (one of a folder).
 */
#define _GNU_SOURCE 1 /* dlinfo */
#include "module.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <link.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "callback.h"
#include "log.h"
#include "note.h"
#include "option.h"
#include "trust.h"

#define END_OF(type, member) (offsetof(type, member) + sizeof(((type *)0)->member))

/* `least` ends with the last member that ABI 1.0 had and never grows. */
static const struct kind {
	const char *name, *symbol;
	size_t least, size;
} kinds[] = {
	[TI_MODULE_PLUGIN] = {"plugin", "ti_plugin", END_OF(struct ti_plugin, stop),
			      sizeof(struct ti_plugin)},
	[TI_MODULE_SINK] = {"sink", "ti_sink", END_OF(struct ti_sink, stop),
			    sizeof(struct ti_sink)},
};

/* The modules that are open, to notice when dlopen() gives one of them again. */
struct opened {
	struct opened *next;
	void *dl;
	const void *descriptor;
};
static struct opened *opened;

/* A name fills its 32 bytes up with zeros. */
static bool is_name(const char name[TI_NAME_MAX])
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyz0123456789_";
	size_t len = 0;

	while (len < TI_NAME_MAX && name[len] && strchr(allowed, name[len]))
		len++;
	if (name[0] < 'a' || name[0] > 'z')
		return false;
	for (size_t i = len; i < TI_NAME_MAX; i++)
		if (name[i])
			return false;
	return len < TI_NAME_MAX;
}

static int judge_abi(const struct ti_prefix_v1 *p, struct ti_refusal *why)
{
	if (p->abi_major == TI_ABI_MAJOR && p->abi_minor <= TI_ABI_MINOR)
		return 0;
	return ti_refuse(why, -EPROTONOSUPPORT,
			 "is built for ABI %u.%u and this tcpinspect has %d.%d: "
			 "%srebuild it against tcpinspect-dev %d.%d",
			 p->abi_major, p->abi_minor, TI_ABI_MAJOR, TI_ABI_MINOR,
			 p->abi_major >= TI_ABI_MAJOR ? "install a newer tcpinspect, or " : "",
			 TI_ABI_MAJOR, TI_ABI_MINOR);
}

static int judge_prefix(const struct ti_prefix_v1 *p, enum ti_module_kind kind,
			struct ti_refusal *why)
{
	const struct kind *want = &kinds[kind];
	int r;

	if (p->magic != TI_MAGIC)
		return ti_refuse(why, -EBADMSG,
				 "has a damaged " TI_NOTE_SECTION " (wrong magic): rebuild it");
	r = judge_abi(p, why);
	if (r < 0)
		return r;
	if (p->kind != kind && p->kind > 0 && p->kind < TI_ARRAY_SIZE(kinds))
		return ti_refuse(why, -EINVAL, "is a %s, not a %s: move it to the folder of those",
				 kinds[p->kind].name, want->name);
	if (p->kind != kind)
		return ti_refuse(why, -EINVAL, "is a module of unknown kind %u, not a %s", p->kind,
				 want->name);
	if (p->size < (p->abi_minor == TI_ABI_MINOR ? want->size : want->least))
		return ti_refuse(why, -EBADMSG,
				 "has a descriptor of %u bytes, less than its ABI %d.%d has: "
				 "rebuild it against tcpinspect-dev %d.x",
				 p->size, p->abi_major, p->abi_minor, TI_ABI_MAJOR);
	if (!is_name(p->name))
		return ti_refuse(why, -EINVAL,
				 "has no valid name: make it [a-z][a-z0-9_]* of at most %d bytes",
				 TI_NAME_MAX - 1);
	return 0;
}

static int judge_file_name(const char *real, const char *name, struct ti_refusal *why)
{
	const char *file = strrchr(real, '/') + 1;
	size_t len = strlen(name);

	if (strncmp(file, name, len) || strcmp(file + len, ".so"))
		return ti_refuse(why, -EINVAL, "holds '%s': call the file %s.so", name, name);
	return 0;
}

static bool is_so(const char *path)
{
	size_t len = strlen(path);

	return len > 3 && !strcmp(path + len - 3, ".so") && path[len - 4] != '/';
}

/* Everything that is asked of a file before it may be opened. */
static int judge(struct ti_module *m, const char *path, enum ti_module_kind kind, bool named,
		 struct ti_refusal *why)
{
	ti_cleanup(ti_closep) int fd = -1;
	struct ti_prefix_v1 prefix;
	char real[PATH_MAX];
	struct stat st;
	off_t size = 0;
	int r;

	if (!named && lstat(path, &st) == 0 && S_ISLNK(st.st_mode))
		return ti_refuse(why, -ELOOP, "is a symbolic link: put the file itself there");
	if (!realpath(path, real))
		return ti_refuse(why, -errno, "%s", strerror(errno));
	if (!is_so(real))
		return ti_refuse(why, -EINVAL, "is not called NAME.so");
	if (strchr(real, '$'))
		return ti_refuse(why, -EINVAL,
				 "has a '$' in its path, which the loader would expand");
	r = ti_trust_open(&fd, &size, real, named, why);
	if (r < 0)
		return r;
	r = ti_note_read(fd, size, &prefix, why);
	if (r < 0)
		return r;
	r = judge_prefix(&prefix, kind, why);
	if (r == 0 && !named)
		r = judge_file_name(real, prefix.name, why);
	if (r == 0)
		r = ti_note_descriptor(fd, kinds[kind].symbol, &prefix, why);
	if (r < 0)
		return r;
	*m = (struct ti_module){.prefix = prefix, .named = named};
	strcpy(m->path, real);
	return 0;
}

int ti_module_read(struct ti_module *m, const char *path, enum ti_module_kind kind, bool named)
{
	struct ti_refusal why;
	int r = judge(m, path, kind, named, &why);

	return r < 0 ? ti_err(r, "%s: %s", path, why.text) : 0;
}

struct listing {
	struct dirent **entries;
	int n;
};

static void listing_free(struct listing *l)
{
	for (int i = 0; i < l->n; i++)
		free(l->entries[i]);
	free(l->entries);
}

/* Hidden files are what package managers and editors are at work on. */
static int is_candidate(const struct dirent *entry)
{
	return entry->d_name[0] != '.' && is_so(entry->d_name);
}

/* Not alphasort(): that order depends on the locale. */
static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

int ti_module_scan(struct ti_module **out, size_t *n, const char *dir, enum ti_module_kind kind)
{
	ti_cleanup(listing_free) struct listing l = {0};
	ti_cleanup(ti_freep) struct ti_module *list = NULL;
	char real[PATH_MAX], path[PATH_MAX + sizeof(l.entries[0]->d_name)];
	struct ti_refusal why;
	size_t found = 0;
	int r;

	if (!realpath(dir, real))
		return errno == ENOENT ? -ENOENT : ti_err(-errno, "%s: %s", dir, strerror(errno));
	/* Once for the folder, so that its own fault is one message. */
	snprintf(path, sizeof(path), "%s/", real);
	r = ti_trust_folders(path, false, &why);
	if (r < 0)
		return ti_err(r, "%s: nothing in it is used: %s", dir, why.text);
	l.n = scandir(real, &l.entries, is_candidate, by_name);
	if (l.n < 0) {
		l.n = 0;
		return ti_err(-errno, "%s: %s", dir, strerror(errno));
	}
	list = calloc(l.n + 1, sizeof(*list));
	if (!list)
		return -ENOMEM;
	for (int i = 0; i < l.n; i++) {
		snprintf(path, sizeof(path), "%s/%s", real, l.entries[i]->d_name);
		if (judge(&list[found], path, kind, false, &why) < 0)
			ti_warn("%s: %s", path, why.text);
		else
			found++;
	}
	*out = TI_TAKE(list);
	*n = found;
	return 0;
}

static void dlclosep(void **dl)
{
	if (*dl)
		dlclose(*dl);
}

/* dlerror() mostly, but not always, starts with the path. */
static int load_failed(const struct ti_module *m)
{
	const char *text = dlerror();
	size_t len = strlen(m->path);

	if (!strncmp(text, m->path, len) && text[len] == ':')
		text += len + strspn(text + len, ": ");
	return ti_err(-ENOEXEC, "%s: cannot be loaded: %s", m->path, text);
}

/* The loader goes by name as well as by file, and so may give a module that is
 * open already (a hard link, or another's DT_SONAME). */
static int judge_new(const struct ti_module *m, void *dl, const void *descriptor)
{
	const struct link_map *map;

	for (const struct opened *o = opened; o; o = o->next)
		if (o->descriptor == descriptor)
			return ti_err(-EEXIST, "%s: is the same library as %s, which is open",
				      m->path,
				      dlinfo(dl, RTLD_DI_LINKMAP, &map) ? "another" : map->l_name);
	return 0;
}

/* Values are written where the rows say: they must lie in the config struct. */
static int judge_options(const struct ti_module *m)
{
	const bool sink = m->prefix.kind == TI_MODULE_SINK;
	const struct ti_option *o = sink ? m->sink.options : m->plugin.options;
	size_t n = sink ? m->sink.n_options : m->plugin.n_options;
	size_t size = sink ? m->sink.config_size : m->plugin.config_size;

	for (; n; n--, o++)
		if (!o->key || !ti_option_size(o->type) || ti_option_size(o->type) > size ||
		    o->offset > size - ti_option_size(o->type))
			return ti_err(-EINVAL, "%s: its option '%s' has no place in a config of %zu bytes: set .config_size and .offset and rebuild",
				      m->path, o->key ? o->key : "", size);
	return 0;
}

/* What a descriptor of either kind must have. */
static int judge_descriptor(const struct ti_module *m)
{
	const bool sink = m->prefix.kind == TI_MODULE_SINK;
	const struct {
		const char *member;
		bool missing;
	} needs[] = {
		{"version", sink ? !m->sink.version : !m->plugin.version},
		{"summary", sink ? !m->sink.summary : !m->plugin.summary},
		{"options", sink ? m->sink.n_options && !m->sink.options
				 : m->plugin.n_options && !m->plugin.options},
		{"bpf", !sink && (!m->plugin.bpf || m->plugin.bpf_end <= m->plugin.bpf)},
		{"start", sink && !m->sink.start},
		{"write", sink && !m->sink.write},
		{"stop", sink && !m->sink.stop},
	};

	for (size_t i = 0; i < TI_ARRAY_SIZE(needs); i++)
		if (needs[i].missing)
			return ti_err(-EINVAL, "%s: its %s leaves .%s empty: set it and rebuild",
				      m->path, kinds[m->prefix.kind].symbol, needs[i].member);
	return judge_options(m);
}

static int take_descriptor(struct ti_module *m, const void *descriptor)
{
	const struct kind *kind = &kinds[m->prefix.kind];
	struct ti_module copy = {.prefix = m->prefix};
	size_t size = m->prefix.size < kind->size ? m->prefix.size : kind->size;
	void *to = m->prefix.kind == TI_MODULE_SINK ? (void *)&copy.sink : (void *)&copy.plugin;
	int r;

	if (memcmp(descriptor, &m->prefix, sizeof(m->prefix)))
		return ti_err(-EBADMSG, "%s: its " TI_NOTE_SECTION " and its %s differ: rebuild it",
			      m->path, kind->symbol);
	memcpy(to, descriptor, size);
	strcpy(copy.path, m->path);
	r = judge_descriptor(&copy);
	if (r < 0)
		return r;
	copy.named = m->named;
	*m = copy;
	return 0;
}

int ti_module_open(struct ti_module *m)
{
	ti_cleanup(ti_freep) struct opened *entry = calloc(1, sizeof(*entry));
	ti_cleanup(dlclosep) void *dl = NULL;
	struct ti_calls calls = {.module = m, .name = m->prefix.name};
	const void *descriptor;
	int r;

	if (!entry)
		return -ENOMEM;
	TI_CALLING(&calls, TI_CALL_LOAD)
		dl = dlopen(m->path, RTLD_NOW | RTLD_LOCAL);
	if (!dl)
		return load_failed(m);
	descriptor = dlsym(dl, kinds[m->prefix.kind].symbol);
	if (!descriptor)
		return load_failed(m);
	r = judge_new(m, dl, descriptor);
	if (r < 0)
		return r;
	r = take_descriptor(m, descriptor);
	if (r < 0)
		return r;
	*entry = (struct opened){.next = opened, .dl = dl, .descriptor = descriptor};
	opened = TI_TAKE(entry);
	m->dl = TI_TAKE(dl);
	return 0;
}

void ti_module_close(struct ti_module *m)
{
	struct ti_calls calls = {.module = m, .name = m->prefix.name};

	if (!m->dl)
		return;
	for (struct opened **o = &opened; *o; o = &(*o)->next) {
		struct opened *entry = *o;

		if (entry->dl != m->dl)
			continue;
		*o = entry->next;
		free(entry);
		break;
	}
	TI_CALLING(&calls, TI_CALL_UNLOAD)
		dlclose(m->dl);
	memset(&m->plugin, 0, sizeof(m->plugin));
	memset(&m->sink, 0, sizeof(m->sink));
	m->dl = NULL;
}

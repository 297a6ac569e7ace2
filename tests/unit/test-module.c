/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test-module.c - real modules, compiled here from tests/modules/, then damaged,
 * renamed, given away and loaded. What would be refused by its message is
 * checked by its message: the cure in it is half of the feature.
 */
#define _GNU_SOURCE 1
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
/* after those it needs */
#include <cmocka.h>

#include "log.h"
#include "module-files.h"
#include "module.h"

#define NOBODY	    65534
#define MARK	    "TI_TEST_MODULE_RAN"
#define NAME_OFFSET offsetof(struct ti_prefix_v1, name)
#define SIZE_OFFSET offsetof(struct ti_prefix_v1, size)

static char said[16384]; /* what the last call logged */
static int old_stderr = -1, heard = -1;

static void hush(void)
{
	heard = memfd_create("log", MFD_CLOEXEC);
	assert_true(heard >= 0);
	old_stderr = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
	dup2(heard, STDERR_FILENO);
}

static void unhush(void)
{
	ssize_t n = pread(heard, said, sizeof(said) - 1, 0);

	said[n > 0 ? n : 0] = '\0';
	dup2(old_stderr, STDERR_FILENO);
	close(old_stderr);
	close(heard);
}

static int judge(struct ti_module *m, const char *path, enum ti_module_kind kind, bool named)
{
	int r;

	hush();
	r = ti_module_read(m, path, kind, named);
	unhush();
	return r;
}

static int load(struct ti_module *m)
{
	int r;

	hush();
	r = ti_module_open(m);
	unhush();
	return r;
}

static int scan(struct ti_module **list, size_t *n, const char *dir)
{
	int r;

	hush();
	r = ti_module_scan(list, n, dir, TI_MODULE_PLUGIN);
	unhush();
	return r;
}

static void assert_said(const char *text)
{
	if (!strstr(said, text))
		fail_msg("'%s' is not in: %s", text, said);
}

static void assert_refused(const char *path, bool named, int r, const char *text)
{
	struct ti_module m, before;

	memset(&m, 0x5a, sizeof(m));
	before = m;
	assert_int_equal(judge(&m, path, TI_MODULE_PLUGIN, named), r);
	assert_said(text);
	assert_said(path);
	assert_memory_equal(&m, &before, sizeof(m));
}

static void assert_accepted(const char *path, bool named)
{
	struct ti_module m;

	if (judge(&m, path, TI_MODULE_PLUGIN, named))
		fail_msg("refused: %s", said);
}

static void test_read_runs_nothing(void **state)
{
	struct ti_module m;

	(void)state;
	unsetenv(MARK);
	assert_int_equal(judge(&m, in_work("good.so"), TI_MODULE_PLUGIN, false), 0);
	assert_string_equal(said, "");
	assert_string_equal(m.prefix.name, "good");
	assert_int_equal(m.prefix.abi_major, TI_ABI_MAJOR);
	assert_int_equal(m.prefix.kind, TI_MODULE_PLUGIN);
	assert_int_equal(m.prefix.size, sizeof(struct ti_plugin));
	assert_string_equal(m.path, in_work("good.so"));
	assert_false(m.named);
	assert_null(m.dl);
	assert_null(getenv(MARK));
}

#define TEXT_(x) #x
#define TEXT(x)	 TEXT_(x)
#define MINOR	 "." TEXT(TI_ABI_MINOR)
#define OURS	 TEXT(TI_ABI_MAJOR) MINOR

static void test_prefix_refused(void **state)
{
	static const struct {
		size_t offset; /* in struct ti_prefix_v1 */
		uint32_t value;
		size_t width;
		int r;
		const char *text;
	} rows[] = {
		{0, 0x12345678, 4, -EBADMSG, "wrong magic"},
		{4, TI_ABI_MAJOR + 1, 2, -EPROTONOSUPPORT,
		 "is built for ABI 2" MINOR " and this tcpinspect has " OURS
		 ": install a newer tcpinspect, or rebuild it against tcpinspect-dev " OURS},
		{4, 0, 2, -EPROTONOSUPPORT,
		 "is built for ABI 0" MINOR " and this tcpinspect has " OURS ": rebuild it against"},
		{6, 999, 2, -EPROTONOSUPPORT,
		 "is built for ABI 1.999 and this tcpinspect has " OURS ": install a newer"},
		{8, TI_MODULE_SINK, 4, -EINVAL, "is a sink, not a plugin"},
		{8, 77, 4, -EINVAL, "unknown kind 77"},
		{8, 0, 4, -EINVAL, "unknown kind 0"},
		{12, 48, 4, -EBADMSG, "descriptor of 48 bytes"},
		{12, 0, 4, -EBADMSG, "descriptor of 0 bytes"},
		{16, '9', 1, -EINVAL, "no valid name"},
		{16, 0, 1, -EINVAL, "no valid name"},
		{17, 'O', 1, -EINVAL, "no valid name"},
		{17, '/', 1, -EINVAL, "no valid name"},
		{20, 's', 1, -EINVAL, "holds 'goods': call the file goods.so"},
	};
	ti_cleanup(bytes_free) struct bytes good = read_bytes(in_work("good.so"));
	const char *path = in_work("note/good.so");

	(void)state;
	folder("note");
	for (size_t i = 0; i < TI_ARRAY_SIZE(rows); i++) {
		unsigned char *at = note_prefix(&good) + rows[i].offset, saved[4];

		memcpy(saved, at, rows[i].width);
		memcpy(at, &rows[i].value, rows[i].width); /* little-endian */
		write_bytes(path, good.data, good.len);
		memcpy(at, saved, rows[i].width);
		assert_refused(path, false, rows[i].r, rows[i].text);
	}
}

static void test_name_without_end(void **state)
{
	ti_cleanup(bytes_free) struct bytes good = read_bytes(in_work("good.so"));

	(void)state;
	memset(note_prefix(&good) + NAME_OFFSET, 'a', TI_NAME_MAX);
	write_bytes(in_work("endless.so"), good.data, good.len);
	assert_refused(in_work("endless.so"), true, -EINVAL, "no valid name");
}

static void test_sink_is_no_plugin(void **state)
{
	struct ti_module m;

	(void)state;
	assert_refused(in_work("drain.so"), false, -EINVAL, "is a sink, not a plugin");
	assert_int_equal(judge(&m, in_work("good.so"), TI_MODULE_SINK, false), -EINVAL);
	assert_said("is a plugin, not a sink");
}

static void test_file_names(void **state)
{
	(void)state;
	shell("cd %s && cp good.so other.so && cp good.so good.so.1 && cp good.so .so && "
	      "mkdir '$LIB' && cp good.so '$LIB'",
	      work);
	assert_refused(in_work("other.so"), false, -EINVAL, "holds 'good': call the file good.so");
	assert_accepted(in_work("other.so"), true);
	assert_refused(in_work("good.so.1"), true, -EINVAL, "is not called NAME.so");
	assert_refused(in_work(".so"), true, -EINVAL, "is not called NAME.so");
	assert_refused(in_work("$LIB/good.so"), true, -EINVAL, "loader would expand");
	assert_refused(in_work("absent.so"), true, -ENOENT, "No such file");
}

/* Only a larger size or an earlier minor can be meant. */
static void test_one_bit_of_the_prefix_flipped(void **state)
{
	ti_cleanup(bytes_free) struct bytes good = read_bytes(in_work("good.so"));
	unsigned char *prefix = note_prefix(&good);
	const char *path = in_work("flip/good.so");

	(void)state;
	folder("flip");
	for (unsigned bit = 0; bit < 8 * sizeof(struct ti_prefix_v1); bit++) {
		struct ti_module m;
		int r;

		prefix[bit / 8] ^= 1 << bit % 8;
		write_bytes(path, good.data, good.len);
		r = judge(&m, path, TI_MODULE_PLUGIN, false);
		if (r == 0 && m.prefix.size <= sizeof(struct ti_plugin) &&
		    m.prefix.abi_minor >= TI_ABI_MINOR)
			fail_msg("accepted with bit %u flipped", bit);
		prefix[bit / 8] ^= 1 << bit % 8;
	}
}

static void test_kinds_of_file(void **state)
{
	(void)state;
	folder("links");
	assert_int_equal(symlink("../good.so", in_work("links/good.so")), 0);
	assert_refused(in_work("links/good.so"), false, -ELOOP, "is a symbolic link");
	assert_accepted(in_work("links/good.so"), true);
	folder("links/dir.so");
	assert_refused(in_work("links/dir.so"), true, -EINVAL, "is not a regular file");
	assert_int_equal(mkfifo(in_work("links/fifo.so"), 0644), 0);
	assert_refused(in_work("links/fifo.so"), true, -EINVAL, "is not a regular file");
	assert_int_equal(symlink("loop.so", in_work("links/loop.so")), 0);
	assert_refused(in_work("links/loop.so"), true, -ELOOP, "symbolic links");
}

static void test_writable_by_everyone(void **state)
{
	const char *path = in_work("open/good.so"), *dir = in_work("open");

	(void)state;
	folder("open");
	shell("cp %s %s", in_work("good.so"), path);
	assert_accepted(path, false);

	assert_int_equal(chmod(path, 0666), 0);
	assert_refused(path, false, -EPERM, "is writable by everyone (mode 0666): chmod go-w ");
	assert_refused(path, true, -EPERM, "is writable by everyone");
	assert_int_equal(chmod(path, 0644), 0);

	assert_int_equal(chmod(dir, 0777), 0);
	assert_refused(path, false, -EPERM, "open is writable by everyone (mode 0777): chmod go-w");
	assert_refused(path, true, -EPERM, "open is writable by everyone");
	assert_int_equal(chmod(dir, 01777), 0);
	assert_accepted(path, true);
	if (geteuid() == 0)
		assert_refused(path, false, -EPERM,
			       "(mode 1777): move the module to a folder of root's");
	/* sticky says nothing about a file */
	assert_int_equal(chmod(path, 01666), 0);
	assert_refused(path, true, -EPERM, "is writable by everyone");
}

static void test_writable_by_group(void **state)
{
	const char *path = in_work("group/good.so");

	(void)state;
	if (geteuid() != 0)
		skip();
	folder("group");
	shell("cp %s %s && chmod 0664 %s", in_work("good.so"), path, path);
	/* root:root is called like its owner and has nobody else in it */
	assert_refused(path, false, -EPERM, "is writable by its group (mode 0664): chmod go-w");
	assert_accepted(path, true);
	assert_int_equal(chown(path, 0, 1), 0);
	assert_refused(path, true, -EPERM, "is writable by its group");
}

static void test_owner(void **state)
{
	const char *path = in_work("owner/good.so"), *dir = in_work("owner");

	(void)state;
	if (geteuid() != 0)
		skip();
	folder("owner");
	shell("cp %s %s", in_work("good.so"), path);
	assert_int_equal(chown(path, NOBODY, NOBODY), 0);
	assert_refused(path, false, -EPERM,
		       "belongs to uid 65534 and only root is trusted: chown root ");
	assert_refused(path, true, -EPERM, "belongs to uid 65534");

	setenv("SUDO_UID", "65534", 1);
	assert_accepted(path, true);
	assert_refused(path, false, -EPERM, "belongs to uid 65534");
	setenv("SUDO_UID", "65534x", 1);
	assert_refused(path, true, -EPERM, "belongs to uid 65534");
	setenv("SUDO_UID", "4294967295", 1);
	assert_refused(path, true, -EPERM, "belongs to uid 65534");
	setenv("SUDO_UID", "1", 1);
	assert_refused(path, true, -EPERM, "only root and its caller are trusted");
	unsetenv("SUDO_UID");

	assert_int_equal(chown(path, 0, 0), 0);
	assert_int_equal(chown(dir, NOBODY, NOBODY), 0);
	assert_refused(path, true, -EPERM,
		       "owner belongs to uid 65534 and only root is trusted: move the module");
}

/* As a user without rights: own files, and nobody else's. */
static int child_as_nobody(const char *own, const char *foreign)
{
	struct ti_module m, *list = NULL;
	size_t n = 0;
	int bad = 0;

	if (setgroups(0, NULL) || setresgid(NOBODY, NOBODY, NOBODY) ||
	    setresuid(NOBODY, NOBODY, NOBODY))
		return 100;
	hush();
	bad |= ti_module_read(&m, own, TI_MODULE_PLUGIN, true) != 0;
	bad |= (ti_module_read(&m, own, TI_MODULE_PLUGIN, false) != 0) << 1;
	bad |= (ti_module_read(&m, foreign, TI_MODULE_PLUGIN, true) != -EPERM) << 2;
	*strrchr(own, '/') = '\0';
	bad |= (ti_module_scan(&list, &n, own, TI_MODULE_PLUGIN) != 0 || n != 1) << 3;
	unhush();
	free(list);
	return bad;
}

static void test_own_files_without_root(void **state)
{
	char dir[] = "/tmp/test-module.XXXXXX", own[64], foreign[64];
	int status;
	pid_t pid;

	(void)state;
	if (geteuid() != 0)
		skip();
	assert_non_null(mkdtemp(dir));
	snprintf(own, sizeof(own), "%s/own/good.so", dir);
	snprintf(foreign, sizeof(foreign), "%s/foreign.so", dir);
	shell("cd %s && mkdir own && cp %s own/good.so && cp own/good.so foreign.so && "
	      "chown -R %d:%d . && chmod 0755 . && chown 1 foreign.so",
	      dir, in_work("good.so"), NOBODY, NOBODY);
	fflush(NULL);
	pid = fork();
	if (pid == 0)
		_exit(child_as_nobody(own, foreign));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	shell("rm -rf %s", dir);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void test_scan(void **state)
{
	ti_cleanup(ti_freep) struct ti_module *list = NULL;
	size_t n = 0;

	(void)state;
	folder("scan");
	build("scan/zz.so", "plugin.c", "-DNAME=zz");
	build("scan/a_b.so", "plugin.c", "-DNAME=a_b");
	build("scan/a.so", "plugin.c", "-DNAME=a");
	shell("cd %s/scan && cp a.so twin.so && cp ../drain.so . && echo x >bad.so && echo x >a.la "
	      "&& "
	      "cp a.so .hidden.so && cp a.so a.so.dpkg-new && mkdir d.so && ln -s zz.so link.so",
	      work);
	assert_int_equal(scan(&list, &n, in_work("scan")), 0);
	assert_int_equal(n, 3);
	assert_string_equal(list[0].prefix.name, "a");
	assert_string_equal(list[1].prefix.name, "a_b");
	assert_string_equal(list[2].prefix.name, "zz");
	assert_string_equal(list[2].path, in_work("scan/zz.so"));
	assert_said("warning: ");
	assert_said("scan/twin.so: holds 'a'");
	assert_said("scan/drain.so: is a sink");
	assert_said("scan/bad.so: is not an ELF file");
	assert_said("scan/d.so: is not a regular file");
	assert_said("scan/link.so: is a symbolic link");
	assert_null(strstr(said, "hidden"));
	assert_null(strstr(said, ".la"));
	assert_null(strstr(said, "dpkg"));
	assert_null(strstr(said, "error: "));
}

static void test_scan_folders(void **state)
{
	ti_cleanup(ti_freep) struct ti_module *list = NULL;
	size_t n = 7;

	(void)state;
	assert_int_equal(scan(&list, &n, in_work("nowhere")), -ENOENT);
	assert_string_equal(said, "");
	assert_int_equal(scan(&list, &n, in_work("good.so")), -EPERM);
	folder("wide");
	assert_int_equal(chmod(in_work("wide"), 0777), 0);
	assert_int_equal(scan(&list, &n, in_work("wide")), -EPERM);
	assert_said("nothing in it is used: the folder ");
	assert_int_equal(n, 7);
	assert_null(list);
	assert_int_equal(chmod(in_work("wide"), 0755), 0);
	assert_int_equal(scan(&list, &n, in_work("wide")), 0);
	assert_int_equal(n, 0);
}

static void test_open_plugin(void **state)
{
	struct ti_module m;

	(void)state;
	unsetenv(MARK);
	assert_int_equal(judge(&m, in_work("good.so"), TI_MODULE_PLUGIN, true), 0);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(load(&m), 0);
		assert_non_null(m.dl);
		assert_non_null(getenv(MARK));
		assert_true(m.named);
		assert_string_equal(m.path, in_work("good.so"));
		assert_string_equal(m.plugin.version, "1.2");
		assert_string_equal(m.plugin.summary, "a plugin under test");
		assert_int_equal(m.plugin.tick_ms, 250);
		assert_ptr_not_equal(m.plugin.bpf, NULL);
		ti_module_close(&m);
		assert_null(m.dl);
		assert_null(m.plugin.version);
		ti_module_close(&m);
	}
}

static void test_open_sink(void **state)
{
	struct ti_module m;

	(void)state;
	assert_int_equal(judge(&m, in_work("drain.so"), TI_MODULE_SINK, false), 0);
	assert_int_equal(load(&m), 0);
	assert_string_equal(m.sink.version, "2.0");
	assert_int_equal(m.sink.format, TI_FORMAT_TEXT);
	assert_int_equal(m.sink.write(NULL, "x\n", 2), 2);
	ti_module_close(&m);
}

static void test_open_refused(void **state)
{
	static const struct {
		const char *file, *source, *flags;
		enum ti_module_kind kind;
		int r;
		const char *text;
	} rows[] = {
		{"undefined.so", "plugin.c", "-DNAME=undefined -DUNDEFINED", TI_MODULE_PLUGIN,
		 -ENOEXEC, "cannot be loaded: undefined symbol: defined_nowhere"},
		{"noversion.so", "plugin.c", "-DNAME=noversion -DVERSION=NULL", TI_MODULE_PLUGIN,
		 -EINVAL, "its ti_plugin leaves .version empty"},
		{"nosummary.so", "plugin.c", "-DNAME=nosummary -DSUMMARY=NULL", TI_MODULE_PLUGIN,
		 -EINVAL, "its ti_plugin leaves .summary empty"},
		{"nobpf.so", "plugin.c", "-DNAME=nobpf -DWITHOUT_BPF", TI_MODULE_PLUGIN, -EINVAL,
		 "its ti_plugin leaves .bpf empty"},
		{"nowrite.so", "sink.c", "-DNAME=nowrite -DWRITE=NULL -Wno-unused-function",
		 TI_MODULE_SINK, -EINVAL, "its ti_sink leaves .write empty"},
	};

	(void)state;
	for (size_t i = 0; i < TI_ARRAY_SIZE(rows); i++) {
		struct ti_module m;

		build(rows[i].file, rows[i].source, rows[i].flags);
		assert_int_equal(judge(&m, in_work(rows[i].file), rows[i].kind, false), 0);
		assert_int_equal(load(&m), rows[i].r);
		assert_said(rows[i].text);
		assert_said(in_work(rows[i].file));
		assert_null(m.dl);
	}
}

/* What the descriptor in the file says, before anything of it runs. */
static void test_descriptor_refused(void **state)
{
	ti_cleanup(bytes_free) struct bytes good = read_bytes(in_work("good.so"));
	const uint32_t more = sizeof(struct ti_plugin) + 1;
	unsigned char *at = good.data;
	struct ti_prefix_v1 prefix;
	int n = 0;

	(void)state;
	unsetenv(MARK);
	build("bare.so", "plugin.c", "-DNAME=bare -DONLY_NOTE");
	assert_refused(in_work("bare.so"), false, -EBADMSG, "exports no ti_plugin");
	memcpy(note_prefix(&good) + NAME_OFFSET, "fake", 4);
	write_bytes(in_work("fake.so"), good.data, good.len);
	assert_refused(in_work("fake.so"), false, -EBADMSG, "its .note.tcpinspect and its ti_plugin differ");
	memcpy(note_prefix(&good) + NAME_OFFSET, "good", 4);

	memcpy(&prefix, note_prefix(&good), sizeof(prefix));
	while ((at = memmem(at, good.data + good.len - at, &prefix, sizeof(prefix)))) {
		memcpy(at + SIZE_OFFSET, &more, sizeof(more));
		n++;
	}
	assert_int_equal(n, 2);
	write_bytes(in_work("short.so"), good.data, good.len);
	assert_refused(in_work("short.so"), true, -EBADMSG, "bytes that says it has");
	assert_null(getenv(MARK));
}

/* Of a module of this ABI whose descriptor is longer than ours what we know is taken. */
static void test_longer_descriptor(void **state)
{
	struct ti_module m;

	(void)state;
	build("longer.so", "plugin.c", "-DNAME=longer -DLONGER");
	assert_int_equal(judge(&m, in_work("longer.so"), TI_MODULE_PLUGIN, true), 0);
	assert_int_equal(m.prefix.size, sizeof(struct ti_plugin) + 64);
	assert_int_equal(load(&m), 0);
	assert_string_equal(m.plugin.version, "1.2");
	assert_null(m.plugin.stop);
	ti_module_close(&m);
}

static void test_same_library_twice(void **state)
{
	struct ti_module first, again, linked;

	(void)state;
	assert_int_equal(link(in_work("good.so"), in_work("hard.so")), 0);
	assert_int_equal(judge(&first, in_work("good.so"), TI_MODULE_PLUGIN, true), 0);
	assert_int_equal(judge(&again, in_work("good.so"), TI_MODULE_PLUGIN, true), 0);
	assert_int_equal(judge(&linked, in_work("hard.so"), TI_MODULE_PLUGIN, true), 0);
	assert_int_equal(load(&first), 0);
	assert_int_equal(load(&again), -EEXIST);
	assert_int_equal(load(&linked), -EEXIST);
	assert_said("hard.so: is the same library as ");
	assert_said("good.so, which is open");
	assert_null(linked.dl);
	ti_module_close(&linked);
	assert_string_equal(first.plugin.version, "1.2");
	ti_module_close(&first);
	assert_int_equal(load(&linked), 0);
	ti_module_close(&linked);
}

/* The loader matches a wanted path with the DT_SONAMEs of what it has loaded. */
static void test_same_soname(void **state)
{
	struct ti_module first, second;
	char flags[4096];

	(void)state;
	build("second.so", "plugin.c", "-DNAME=second");
	snprintf(flags, sizeof(flags), "-DNAME=first -Wl,-soname,%s", in_work("second.so"));
	build("first.so", "plugin.c", flags);
	assert_int_equal(judge(&first, in_work("first.so"), TI_MODULE_PLUGIN, false), 0);
	assert_int_equal(judge(&second, in_work("second.so"), TI_MODULE_PLUGIN, false), 0);
	assert_int_equal(load(&first), 0);
	assert_int_equal(load(&second), -EEXIST);
	assert_said("second.so: is the same library as ");
	assert_said("first.so, which is open");
	ti_module_close(&first);
	assert_int_equal(load(&second), 0);
	ti_module_close(&second);
}

/* One that the loader keeps after dlclose() can still be used again. */
static void test_reopen_kept(void **state)
{
	struct ti_module m;

	(void)state;
	build("kept.so", "plugin.c", "-DNAME=kept -Wl,-z,nodelete");
	assert_int_equal(judge(&m, in_work("kept.so"), TI_MODULE_PLUGIN, false), 0);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(load(&m), 0);
		assert_string_equal(m.plugin.version, "1.2");
		ti_module_close(&m);
	}
}

static int remove_work(void **state)
{
	(void)state;
	shell("rm -rf %s", work);
	return 0;
}

/* A scan trusts no sticky folder when it is root's, so /tmp may not do. */
static int make_work(void **state)
{
	static const char *const places[] = {".", "/tmp", "/var/lib"};

	(void)state;
	unsetenv("SUDO_UID");
	umask(022);
	for (size_t i = 0; i < TI_ARRAY_SIZE(places); i++) {
		ti_cleanup(ti_freep) struct ti_module *list = NULL;
		ti_cleanup(ti_freep) char *place = realpath(places[i], NULL);
		size_t n;

		snprintf(work, sizeof(work), "%s/test-module.XXXXXX", place ? place : "");
		if (!mkdtemp(work))
			continue;
		assert_int_equal(chmod(work, 0755), 0);
		if (scan(&list, &n, work) == 0) {
			build("good.so", "plugin.c", "-DNAME=good");
			build("drain.so", "sink.c", "-DNAME=drain");
			return 0;
		}
		remove_work(state);
	}
	print_error("no folder here that only %s can write\n", geteuid() ? "this user" : "root");
	return -1;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_read_runs_nothing),
		cmocka_unit_test(test_prefix_refused),
		cmocka_unit_test(test_name_without_end),
		cmocka_unit_test(test_one_bit_of_the_prefix_flipped),
		cmocka_unit_test(test_sink_is_no_plugin),
		cmocka_unit_test(test_file_names),
		cmocka_unit_test(test_kinds_of_file),
		cmocka_unit_test(test_writable_by_everyone),
		cmocka_unit_test(test_writable_by_group),
		cmocka_unit_test(test_owner),
		cmocka_unit_test(test_own_files_without_root),
		cmocka_unit_test(test_scan),
		cmocka_unit_test(test_scan_folders),
		cmocka_unit_test(test_open_plugin),
		cmocka_unit_test(test_open_sink),
		cmocka_unit_test(test_open_refused),
		cmocka_unit_test(test_descriptor_refused),
		cmocka_unit_test(test_longer_descriptor),
		cmocka_unit_test(test_same_library_twice),
		cmocka_unit_test(test_same_soname),
		cmocka_unit_test(test_reopen_kept),
	};

	return cmocka_run_group_tests(tests, make_work, remove_work);
}

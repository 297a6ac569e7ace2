/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test-note.c - a real module's file, damaged in every place that the note is
 * found by.
 */
#define _GNU_SOURCE 1
#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
/* after those it needs */
#include <cmocka.h>

#include "log.h"
#include "module-files.h"
#include "note.h"

static struct bytes good; /* of a module called good */

/* A file in memory that holds these bytes. */
static int file_of(const void *data, size_t len)
{
	int fd = memfd_create("module", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, data, len), len);
	return fd;
}

static void assert_refused(const void *data, size_t len, int r, const char *text)
{
	ti_cleanup(ti_closep) int fd = file_of(data, len);
	struct ti_prefix_v1 p, before;
	struct ti_refusal why;

	memset(&p, 0x5a, sizeof(p));
	before = p;
	assert_int_equal(ti_note_read(fd, len, &p, &why), r);
	if (!strstr(why.text, text))
		fail_msg("'%s' is not in: %s", text, why.text);
	assert_memory_equal(&p, &before, sizeof(p));
}

static void assert_file_refused(const char *path, int r, const char *text)
{
	ti_cleanup(bytes_free) struct bytes b = read_bytes(path);

	assert_refused(b.data, b.len, r, text);
}

static void test_good(void **state)
{
	ti_cleanup(ti_closep) int fd = file_of(good.data, good.len);
	struct ti_prefix_v1 p;
	struct ti_refusal why;

	(void)state;
	assert_int_equal(ti_note_read(fd, good.len, &p, &why), 0);
	assert_int_equal(p.magic, TI_MAGIC);
	assert_int_equal(p.abi_major, TI_ABI_MAJOR);
	assert_int_equal(p.abi_minor, TI_ABI_MINOR);
	assert_int_equal(p.kind, TI_MODULE_PLUGIN);
	assert_int_equal(p.size, sizeof(struct ti_plugin));
	assert_string_equal(p.name, "good");
}

static void test_stripped(void **state)
{
	const char *path = in_work("stripped.so");
	struct ti_prefix_v1 p;
	struct ti_refusal why;

	(void)state;
	write_bytes(path, good.data, good.len);
	shell("strip %s", path);
	ti_cleanup(bytes_free) struct bytes b = read_bytes(path);
	ti_cleanup(ti_closep) int fd = file_of(b.data, b.len);

	assert_true(b.len < good.len);
	assert_int_equal(ti_note_read(fd, b.len, &p, &why), 0);
	assert_string_equal(p.name, "good");
}

static void test_foreign(void **state)
{
	static const struct {
		size_t offset;
		unsigned char value;
		const char *text;
	} rows[] = {
		{0, 'x', "is not an ELF file"},
		{EI_CLASS, ELFCLASS32, "is for another machine"},
		{EI_CLASS, 9, "is not an ELF file"},
		{EI_DATA, ELFDATA2MSB, "is for another machine"},
		{offsetof(Elf64_Ehdr, e_machine), EM_S390, "is for another machine: s390, 64 bits"},
		{offsetof(Elf64_Ehdr, e_machine), EM_BPF, "is for another machine: bpf"},
		{offsetof(Elf64_Ehdr, e_machine), 1, "is for another machine: ELF machine 1"},
		{offsetof(Elf64_Ehdr, e_type), ET_EXEC, "link it with -shared"},
		{offsetof(Elf64_Ehdr, e_type), ET_REL, "link it with -shared"},
		{offsetof(Elf64_Ehdr, e_type), ET_CORE, "link it with -shared"},
		{offsetof(Elf64_Ehdr, e_shoff) + 6, 1, "is truncated: install it again"},
		{offsetof(Elf64_Ehdr, e_phoff) + 6, 1, "is truncated: install it again"},
	};

	(void)state;
	for (size_t i = 0; i < TI_ARRAY_SIZE(rows); i++) {
		unsigned char *at = good.data + rows[i].offset, saved = *at, after = at[1];

		*at = rows[i].value;
		if (rows[i].offset == offsetof(Elf64_Ehdr, e_machine))
			at[1] = 0;
		assert_refused(good.data, good.len, -ENOEXEC, rows[i].text);
		*at = saved;
		at[1] = after;
	}
}

static void test_no_elf(void **state)
{
	(void)state;
	assert_refused("", 0, -ENOEXEC, "is empty");
	assert_refused("# a plugin\n", 11, -ENOEXEC, "is not an ELF file");
	assert_refused("!<arch>\n", 8, -ENOEXEC, "is not an ELF file");
	assert_refused("\x7f"
		       "ELF",
		       4, -ENOEXEC, "is not an ELF file");
}

/* The loader would die of a segment that isn't in the file. */
static void test_segment_beyond_the_end(void **state)
{
	Elf64_Phdr *ph = (Elf64_Phdr *)(good.data + ((Elf64_Ehdr *)good.data)->e_phoff);
	const Elf64_Phdr saved = *ph;

	(void)state;
	ph->p_filesz = good.len;
	ph->p_offset = 1;
	assert_refused(good.data, good.len, -ENOEXEC, "is truncated");
	ph->p_filesz = UINT64_MAX;
	ph->p_offset = 4096;
	assert_refused(good.data, good.len, -ENOEXEC, "is truncated");
	*ph = saved;
}

static void test_no_module(void **state)
{
	(void)state;
	shell("echo 'int x;' | %s -shared -fPIC -x c - -o %s", compiler(), in_work("plain.so"));
	assert_file_refused(in_work("plain.so"), -EBADMSG, "is no module of tcpinspect");
}

static void test_two_modules(void **state)
{
	(void)state;
	build("a.o", "plugin.c", "-DNAME=first -c");
	build("b.o", "sink.c", "-DNAME=second -c");
	shell("%s -shared -o %s %s %s", compiler(), in_work("both.so"), in_work("a.o"),
	      in_work("b.o"));
	assert_file_refused(in_work("both.so"), -EBADMSG, "holds two modules: one TI_PLUGIN or TI_SINK makes one file");
}

/* Its namesz, descsz, type and owner stand 24 bytes before the prefix. */
static void test_damaged_note(void **state)
{
	static const struct {
		size_t offset;
		uint32_t value;
		const char *text;
	} rows[] = {
		{0, 10, "it holds no note of ours"},
		{0, 0xffffffff, "it ends inside a note"},
		{0, 61, "it ends inside a note"},
		{4, 0, "has the wrong size"},
		{4, 47, "has the wrong size"},
		{4, 49, "it ends inside a note"},
		{4, 0xfffffff0, "it ends inside a note"},
		{8, 2, "it holds no note of ours"},
		{12, 0x31706374, "it holds no note of ours"},
	};

	(void)state;
	for (size_t i = 0; i < TI_ARRAY_SIZE(rows); i++) {
		unsigned char *at = note_prefix(&good) - 24 + rows[i].offset;
		uint32_t saved;

		memcpy(&saved, at, 4);
		memcpy(at, &rows[i].value, 4);
		assert_refused(good.data, good.len, -EBADMSG, rows[i].text);
		memcpy(at, &saved, 4);
	}
}

/* The section header of .note.tcpinspect. */
static Elf64_Shdr *note_header(void)
{
	const Elf64_Ehdr *eh = (const Elf64_Ehdr *)good.data;
	Elf64_Shdr *sh = (Elf64_Shdr *)(good.data + eh->e_shoff);
	size_t offset = note_prefix(&good) - 24 - good.data;

	while (sh->sh_offset != offset)
		sh++;
	return sh;
}

static void test_damaged_section(void **state)
{
	Elf64_Shdr *sh = note_header();
	const Elf64_Shdr saved = *sh;

	(void)state;
	sh->sh_type = SHT_NOBITS;
	assert_refused(good.data, good.len, -EBADMSG, "no note section");
	*sh = saved;
	sh->sh_size = 0;
	assert_refused(good.data, good.len, -EBADMSG, "of an odd size");
	sh->sh_size = 1 << 20;
	assert_refused(good.data, good.len, -EBADMSG, "of an odd size");
	sh->sh_size = saved.sh_size - 4;
	assert_refused(good.data, good.len, -EBADMSG, "it ends inside a note");
	sh->sh_size = saved.sh_size + 4;
	assert_refused(good.data, good.len, -EBADMSG, "it ");
	*sh = saved;
	sh->sh_offset = good.len - 8;
	assert_refused(good.data, good.len, -EBADMSG, "it cannot be read");
	*sh = saved;
	sh->sh_name = 0x7fffffff;
	assert_refused(good.data, good.len, -EBADMSG, "is no module of tcpinspect");
	*sh = saved;
}

static void test_truncated_anywhere(void **state)
{
	ti_cleanup(ti_closep) int fd = file_of(good.data, good.len);
	struct ti_prefix_v1 p;
	struct ti_refusal why;

	(void)state;
	for (size_t len = good.len - 1; len > 0; len--) {
		assert_int_equal(ftruncate(fd, len), 0);
		assert_int_equal(ti_note_read(fd, len, &p, &why), -ENOEXEC);
	}
}

/* Whatever else is damaged: what is given out is what stands at the note. */
static void assert_none_invented(int fd, const unsigned char *note)
{
	struct ti_prefix_v1 p;
	struct ti_refusal why;

	if (ti_note_read(fd, good.len, &p, &why) == 0)
		assert_memory_equal(&p, note, sizeof(p));
}

static void test_one_byte_changed(void **state)
{
	static const unsigned char masks[] = {0x01, 0x04, 0x80, 0xff};
	ti_cleanup(ti_closep) int fd = file_of(good.data, good.len);
	const unsigned char *note = note_prefix(&good);

	(void)state;
	for (size_t at = 0; at < good.len; at++) {
		const unsigned char right = good.data[at];

		for (size_t i = 0; i < sizeof(masks); i++) {
			good.data[at] = right ^ masks[i];
			assert_int_equal(pwrite(fd, &good.data[at], 1, at), 1);
			assert_none_invented(fd, note);
		}
		good.data[at] = right;
		assert_int_equal(pwrite(fd, &right, 1, at), 1);
	}
}

/* Where the headers, the section names and the section table are. */
static void test_many_bytes_changed(void **state)
{
	ti_cleanup(bytes_free) struct bytes bad = {malloc(good.len), good.len};
	const size_t table = ((Elf64_Ehdr *)good.data)->e_shoff - 256;
	ti_cleanup(ti_closep) int fd = file_of(good.data, good.len);
	const unsigned char *note = bad.data + (note_prefix(&good) - good.data);

	(void)state;
	srandom(1);
	for (int round = 0; round < 20000; round++) {
		memcpy(bad.data, good.data, good.len);
		for (int n = 1 + random() % 8; n; n--) {
			size_t near = random() % 1024, far = table + random() % (good.len - table);

			bad.data[random() % 2 ? near : far] = random();
		}
		assert_int_equal(pwrite(fd, bad.data, bad.len, 0), bad.len);
		assert_none_invented(fd, note);
	}
}

static int make_work(void **state)
{
	(void)state;
	snprintf(work, sizeof(work), "%s/test-note.XXXXXX",
		 getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
	if (!mkdtemp(work))
		return -1;
	good = read_bytes(build("good.so", "plugin.c", "-DNAME=good"));
	return 0;
}

static int remove_work(void **state)
{
	(void)state;
	bytes_free(&good);
	shell("rm -rf %s", work);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_stripped),
		cmocka_unit_test(test_foreign),
		cmocka_unit_test(test_no_elf),
		cmocka_unit_test(test_segment_beyond_the_end),
		cmocka_unit_test(test_no_module),
		cmocka_unit_test(test_two_modules),
		cmocka_unit_test(test_damaged_note),
		cmocka_unit_test(test_damaged_section),
		cmocka_unit_test(test_truncated_anywhere),
		cmocka_unit_test(test_one_byte_changed),
		cmocka_unit_test(test_many_bytes_changed),
	};

	return cmocka_run_group_tests(tests, make_work, remove_work);
}

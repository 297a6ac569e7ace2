/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test-ini.c - real files in a folder of their own, read through libinih: what
 * is understood, and what is said about what isn't.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ini.h"
#include "log.h"
#include "option.h"

#define LOG	"log"
#define MAIN	"main.ini"
#define DROPINS "tcpinspect.d"

static int real_stderr = -1;

static void write_bytes(const char *path, const char *bytes, size_t len)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_int_equal(fwrite(bytes, 1, len, f), len);
	assert_int_equal(fclose(f), 0);
}

static void write_text(const char *path, const char *text)
{
	write_bytes(path, text, strlen(text));
}

/* What is logged between these two; the lines come without "tcpinspect: error: ". */
static void catch_log(void)
{
	int fd = open(LOG, O_CREAT | O_TRUNC | O_WRONLY | O_APPEND | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	real_stderr = dup(STDERR_FILENO);
	assert_true(dup2(fd, STDERR_FILENO) >= 0);
	close(fd);
}

static void release_log(void)
{
	if (real_stderr < 0)
		return;
	dup2(real_stderr, STDERR_FILENO);
	close(real_stderr);
	real_stderr = -1;
}

static const char *logged(void)
{
	static const char prefix[] = "tcpinspect: error: ";
	static char lines[1 << 16];
	char line[4096];
	FILE *f = fopen(LOG, "r");

	release_log();
	assert_non_null(f);
	*lines = '\0';
	while (fgets(line, sizeof(line), f)) {
		assert_memory_equal(line, prefix, sizeof(prefix) - 1);
		strcat(lines, line + sizeof(prefix) - 1);
	}
	fclose(f);
	return lines;
}

static int setup(void **state)
{
	char dir[] = "/tmp/test-ini.XXXXXX";

	if (!mkdtemp(dir) || chdir(dir) < 0)
		return -1;
	*state = strdup(dir);
	return 0;
}

static int teardown(void **state)
{
	char command[64];

	release_log(); /* a test may have failed between the two */
	snprintf(command, sizeof(command), "rm -rf %s", (char *)*state);
	free(*state);
	return chdir("/") < 0 || system(command) != 0 ? -1 : 0;
}

static const char *value(struct ti_ini *ini, const char *kind, const char *name, const char *key)
{
	return ti_ini_get(ti_ini_find(ini, kind, name), key);
}

/* Read a file that nothing is wrong with. */
static void read_good(struct ti_ini *ini, const char *bytes, size_t len)
{
	const char *log;
	int r;

	memset(ini, 0, sizeof(*ini));
	write_bytes(MAIN, bytes, len);
	catch_log();
	r = ti_ini_read(ini, MAIN);
	log = logged();
	assert_string_equal(log, "");
	assert_int_equal(r, 0);
	assert_int_equal(ini->errors, 0);
}

static void test_sections_and_keys(void **state)
{
	static const char text[] = "; a comment\n"
				   "# another = one\n"
				   "\n"
				   "[tcpinspect]\n"
				   "interfaces = eth*, en*\n"
				   "[plugin conn]\n"
				   "\t[ plugin \t synflood ]  \n"
				   "  enabled=yes\n"
				   "\thook\t= xdp \t\n"
				   "empty =\n"
				   "[sink siem-1]\n"
				   "type = http";
	struct ti_ini_section *s;
	struct ti_ini ini;

	(void)state;
	read_good(&ini, text, sizeof(text) - 1);
	assert_int_equal(ini.n_sections, 4);
	assert_string_equal(value(&ini, "tcpinspect", "", "interfaces"), "eth*, en*");
	assert_non_null(ti_ini_find(&ini, "plugin", "conn"));
	s = ti_ini_find(&ini, "plugin", "synflood");
	assert_non_null(s);
	assert_string_equal(s->file, MAIN);
	assert_int_equal(s->line, 7);
	assert_int_equal(s->n_keys, 3);
	assert_false(s->keys[1].used);
	assert_string_equal(ti_ini_get(s, "hook"), "xdp");
	assert_true(s->keys[1].used);
	assert_int_equal(s->keys[1].line, 9);
	assert_string_equal(s->keys[1].file, MAIN);
	assert_string_equal(ti_ini_get(s, "enabled"), "yes");
	assert_string_equal(ti_ini_get(s, "empty"), "");
	assert_null(ti_ini_get(s, "Hook"));
	assert_null(ti_ini_get(NULL, "hook"));
	assert_null(ti_ini_find(&ini, "sink", "conn"));
	assert_string_equal(value(&ini, "sink", "siem-1", "type"), "http");
	ti_ini_free(&ini);
	ti_ini_free(&ini);
}

/* What inih would cut, fold or read as something else. */
static void test_values_are_whole(void **state)
{
	static const char *const values[] = {
		"https://u:p@host/x?a=b;c ; not a comment # nor this",
		"\"quoted\" 'text' \\n",
		"[x]",
		"= : =",
		"caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x90\xa7",
	};
	struct ti_ini ini;
	char text[512];

	(void)state;
	for (size_t i = 0; i < TI_ARRAY_SIZE(values); i++) {
		snprintf(text, sizeof(text), "[sink a]\nurl = %s\nlast = 1\n", values[i]);
		read_good(&ini, text, strlen(text));
		assert_string_equal(value(&ini, "sink", "a", "url"), values[i]);
		assert_string_equal(value(&ini, "sink", "a", "last"), "1");
		ti_ini_free(&ini);
	}
}

static void test_long_lines(void **state)
{
	static const size_t lengths[] = {150, 190, 198, 199, 200, 201, 400, 5000, 500000};
	struct ti_ini_section *s;
	struct ti_ini ini;

	(void)state;
	for (size_t i = 0; i < TI_ARRAY_SIZE(lengths); i++) {
		char *text = malloc(2 * lengths[i] + 64), *at = text;

		/* The rest of a line would read as key and section. */
		at += sprintf(at, "# ");
		memset(at, 'x', lengths[i]);
		at += lengths[i];
		at += sprintf(at, "[x] y = z\n[sink a]\nurl = ");
		for (size_t j = 0; j < lengths[i]; j++)
			*at++ = "a=b[c] "[j % 7];
		at += sprintf(at, ".\nlast = 1\n");
		read_good(&ini, text, (size_t)(at - text));
		assert_int_equal(ini.n_sections, 1);
		s = ti_ini_find(&ini, "sink", "a");
		assert_int_equal(s->n_keys, 2);
		assert_int_equal(strlen(ti_ini_get(s, "url")), lengths[i] + 1);
		assert_int_equal(s->keys[1].line, 4);
		ti_ini_free(&ini);
		free(text);
	}
}

static void test_line_endings_and_bom(void **state)
{
	static const char text[] = "\xef\xbb\xbf[sink a]\r\nx = 1 \r\n\r\ny = 2\r\n";
	struct ti_ini ini;

	(void)state;
	read_good(&ini, text, sizeof(text) - 1);
	assert_string_equal(value(&ini, "sink", "a", "x"), "1");
	assert_string_equal(value(&ini, "sink", "a", "y"), "2");
	ti_ini_free(&ini);
	read_good(&ini, "", 0);
	read_good(&ini, "\xef\xbb\xbf", 3);
	read_good(&ini, "[sink a]", 8);
	assert_non_null(ti_ini_find(&ini, "sink", "a"));
	ti_ini_free(&ini);
	read_good(&ini, "# \xff\x00 in a comment", 18);
}

#define BYTES(text) text, sizeof(text) - 1

static void test_mistakes(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
		const char *log;
	} rows[] = {
		{BYTES("key = 1\n"), "main.ini:1: 'key' stands before the first [section]\n"},
		{BYTES("[sink a]\nkey\n"), "main.ini:2: no '=': a line is 'key = value', "
					   "'[section]' or a comment after ; or #\n"},
		{BYTES("[sink a]\nx = 1\n  and more\n"),
		 "main.ini:3: no '=': a value can't go on in a second line\n"},
		{BYTES("[sink a]\nkey: value\n"),
		 "main.ini:2: no '=': write 'key = value', not 'key: value'\n"},
		{BYTES("[sink a]\nurl: http://x?a=b\n"),
		 "main.ini:2: write 'key = value', not 'key: value'\n"},
		{BYTES("[sink a]\n= 1\n"), "main.ini:2: there is no key before '='\n"},
		{BYTES("[sink a]\na b = 1\n"),
		 "main.ini:2: 'a b' is not a key: letters, digits and _\n"},
		{BYTES("[sink a]\nk234567890123456789012345678901234567890123456789 = 1\n"
		       "k2345678901234567890123456789012345678901234567890 = 1\n"),
		 "main.ini:3: key 'k2345678901234567890...' is longer than 49 bytes\n"},
		{BYTES("[sink a]\nx = 1\ny = 2\nx = 3\n"),
		 "main.ini:4: 'x' is given already at line 2\n"},
		{BYTES("[sink a]\n[sink b]\n[sink a]\n"),
		 "main.ini:3: [sink a] stands already at line 1\n"},
		{BYTES("[]\n"),
		 "main.ini:1: unknown section []: write [tcpinspect], [plugin|sink|route NAME]\n"},
		{BYTES("[synflood]\nx = 1\n"), "main.ini:1: unknown section [synflood]: write "
					       "[tcpinspect], [plugin|sink|route NAME]\n"},
		{BYTES("[plugn x]\nx = 1\n"),
		 "main.ini:1: unknown section [plugn], did you mean 'plugin'?\n"},
		{BYTES("[plugin]\nx = 1\n"),
		 "main.ini:1: [plugin] needs a name, as in [plugin synflood]\n"},
		{BYTES("[plugin x y]\n"),
		 "main.ini:1: [plugin x y]: one name only, as in [plugin synflood]\n"},
		{BYTES("[plugin x.name]\n"), "main.ini:1: [plugin x.name]: names with a dot are "
					     "reserved for a later version\n"},
		{BYTES("[plugin x/y]\n"),
		 "main.ini:1: [plugin x/y]: a name has letters, digits, _ and -, at most 31\n"},
		{BYTES("[sink a23456789012345678901234567890]\n"
		       "[sink a2345678901234567890123456789012]\n"),
		 "main.ini:2: [sink a2345678901234567890123456789012]: a name has letters, digits, "
		 "_ "
		 "and -, at most 31\n"},
		{BYTES("[sink a23456789012345678901234567890123456789012345]\n"),
		 "main.ini:1: too long for a section's heading\n"},
		{BYTES("[tcpinspect x]\n"), "main.ini:1: [tcpinspect] takes no name\n"},
		{BYTES("[sink a\nx = 1\n"), "main.ini:1: a section's heading ends in ']'\n"},
		{BYTES("[sink a ;b]\n"), "main.ini:1: a section's heading ends in ']'\n"},
		{BYTES("[sink a] # b\n"),
		 "main.ini:1: nothing may follow ']': comments have their own lines\n"},
		{BYTES("[sink a]\nx = \0y\n"),
		 "main.ini:2: byte 0x00 in column 5 is not text in UTF-8\n"},
		{BYTES("\0\0\0"), "main.ini:1: byte 0x00 in column 1 is not text in UTF-8\n"},
		{BYTES("[sink a]\nx = 1\ry = 2\n"),
		 "main.ini:2: byte 0x0d in column 6 is not text in UTF-8\n"},
		{BYTES("[sink a]\nx = \x1b[31m\n"),
		 "main.ini:2: byte 0x1b in column 5 is not text in UTF-8\n"},
		{BYTES("[sink a]\nx = \xc2\x9b\n"),
		 "main.ini:2: byte 0xc2 in column 5 is not text in UTF-8\n"},
		{BYTES("[sink a]\nx = \xc3\n"),
		 "main.ini:2: byte 0xc3 in column 5 is not text in UTF-8\n"},
		{BYTES("[sink a]\nx = caf\xe9s\n"),
		 "main.ini:2: byte 0xe9 in column 8 is not text in UTF-8\n"},
		{BYTES("\xff\xfe[\0s\0"),
		 "main.ini:1: byte 0xff in column 1 is not text in UTF-8\n"},
		{BYTES("one\n[two]\n[sink three]\nfour\n"),
		 "main.ini:1: no '=': a line is 'key = value', '[section]' or a comment after ; or "
		 "#\n"
		 "main.ini:2: unknown section [two]: write [tcpinspect], [plugin|sink|route NAME]\n"
		 "main.ini:4: no '=': a line is 'key = value', '[section]' or a comment after ; or "
		 "#\n"},
	};

	(void)state;
	for (size_t i = 0; i < TI_ARRAY_SIZE(rows); i++) {
		struct ti_ini ini = {0};
		int lines = 0;

		write_bytes(MAIN, rows[i].bytes, rows[i].len);
		catch_log();
		assert_int_equal(ti_ini_read(&ini, MAIN), 0);
		assert_string_equal(logged(), rows[i].log);
		for (const char *c = rows[i].log; *c; c++)
			lines += *c == '\n';
		assert_int_equal(ini.errors, lines);
		ti_ini_free(&ini);
	}
}

static void test_many_mistakes(void **state)
{
	struct ti_ini ini = {0};
	const char *log;
	FILE *f = fopen(MAIN, "w");
	int lines = 0;

	(void)state;
	for (int i = 0; i < 300000; i++)
		fputs("x\n", f);
	fclose(f);
	catch_log();
	assert_int_equal(ti_ini_read(&ini, MAIN), 0);
	log = logged();
	assert_int_equal(ini.errors, 300000);
	for (const char *c = log; *c; c++)
		lines += *c == '\n';
	assert_int_equal(lines, 101);
	assert_non_null(strstr(log, "100 mistakes are shown, further ones only counted\n"));
	ti_ini_free(&ini);
}

static void test_too_much(void **state)
{
	struct ti_ini ini = {0};
	FILE *f = fopen(MAIN, "w");

	(void)state;
	for (int i = 0; i <= 1024; i++)
		fprintf(f, "[sink s%d]\n", i);
	fputs("[sink s7b]\n[sink s7]\nx = 1\n", f);
	fclose(f);
	catch_log();
	assert_int_equal(ti_ini_read(&ini, MAIN), 0);
	assert_string_equal(logged(),
			    "main.ini:1025: no room for [sink s1024] after 1024 sections\n"
			    "main.ini:1026: no room for [sink s7b] after 1024 sections\n"
			    "main.ini:1027: [sink s7] stands already at line 8\n");
	assert_int_equal(ini.n_sections, 1024);
	ti_ini_free(&ini);

	f = fopen(MAIN, "w");
	fputs("[sink a]\n", f);
	for (int i = 0; i <= 1024; i++)
		fprintf(f, "k%d = 1\n", i);
	fclose(f);
	catch_log();
	assert_int_equal(ti_ini_read(&ini, MAIN), 0);
	assert_string_equal(logged(), "main.ini:1026: no room for 'k1024' after 1024 keys\n");
	ti_ini_free(&ini);
}

static void test_file_size(void **state)
{
	struct ti_ini ini = {0};
	char *text = malloc((1 << 20) + 1);

	(void)state;
	memset(text, '\n', (1 << 20) + 1);
	memcpy(text + (1 << 20) - 8, "[sink a]", 8);
	write_bytes(MAIN, text, 1 << 20);
	assert_int_equal(ti_ini_read(&ini, MAIN), 0);
	assert_int_equal(ti_ini_find(&ini, "sink", "a")->line, (1 << 20) - 7);
	ti_ini_free(&ini);
	write_bytes(MAIN, text, (1 << 20) + 1);
	free(text);
	catch_log();
	assert_int_equal(ti_ini_read(&ini, MAIN), -EFBIG);
	assert_string_equal(logged(), "main.ini: it is larger than 1 MiB\n");
	catch_log();
	assert_int_equal(ti_ini_read(&ini, "/dev/zero"), -EFBIG);
	assert_string_equal(logged(), "/dev/zero: it is larger than 1 MiB\n");
	assert_int_equal(ini.n_sections, 0);
	ti_ini_free(&ini);
}

static void test_no_file(void **state)
{
	struct ti_ini ini = {0};

	(void)state;
	catch_log();
	assert_int_equal(ti_ini_read(&ini, "nowhere.ini"), -ENOENT);
	assert_int_equal(ti_ini_read(&ini, "no/where.ini"), -ENOENT);
	assert_string_equal(logged(), "");
	assert_int_equal(ini.errors, 0);
	catch_log();
	assert_int_equal(ti_ini_read(&ini, "."), -EISDIR);
	assert_string_equal(logged(), ".: Is a directory\n");
	assert_int_equal(symlink("loop.ini", "loop.ini"), 0);
	catch_log();
	assert_int_equal(ti_ini_read(&ini, "loop.ini"), -ELOOP);
	assert_string_equal(logged(), "loop.ini: Too many levels of symbolic links\n");
	ti_ini_free(&ini);
}

static void test_unreadable_file(void **state)
{
	struct ti_ini ini = {0};
	bool root = geteuid() == 0;
	const char *log;
	int r;

	(void)state;
	write_text(MAIN, "[tcpinspect]\n");
	assert_int_equal(chmod(MAIN, 0), 0);
	assert_int_equal(chmod(".", 0755), 0);
	catch_log();
	assert_true(!root || seteuid(65534) == 0); /* root may read it */
	r = ti_ini_read(&ini, MAIN);
	assert_true(!root || seteuid(0) == 0);
	log = logged();
	assert_int_equal(r, -EACCES);
	assert_string_equal(log, "main.ini: Permission denied\n");
	assert_int_equal(chmod(MAIN, 0600), 0);
	ti_ini_free(&ini);
}

/* A pipe will do for the main file: `-c <(generate)`. */
static void test_pipe(void **state)
{
	struct ti_ini ini = {0};
	char path[32];
	int fd[2];

	(void)state;
	assert_int_equal(pipe(fd), 0);
	assert_int_equal(write(fd[1], "[sink a]\nx = 1\n", 15), 15);
	close(fd[1]);
	snprintf(path, sizeof(path), "/dev/fd/%d", fd[0]);
	assert_int_equal(ti_ini_read(&ini, path), 0);
	close(fd[0]);
	assert_string_equal(value(&ini, "sink", "a", "x"), "1");
	ti_ini_free(&ini);
}

static void test_drop_ins(void **state)
{
	struct ti_ini_section *s;
	struct ti_ini ini = {0};
	char path[128];

	assert_int_equal(mkdir(DROPINS, 0700), 0);
	write_text(MAIN, "[sink a]\nx = main\ny = main\nz = main\n");
	write_text(DROPINS "/20-b.ini", "[sink a]\ny = 20\n");
	write_text(DROPINS "/10-a.ini", "[sink b]\nn = 10\n[sink a]\ny = 10\nz = 10\n");
	write_text(DROPINS "/30.conf", "[sink a]\nconf = 1\n");
	write_text(DROPINS "/.40.ini", "[sink a]\nhidden = 1\n");
	write_text(DROPINS "/50.ini~", "[sink a]\nbackup = 1\n");
	catch_log();
	assert_int_equal(ti_ini_read(&ini, MAIN), 0);
	assert_string_equal(logged(), "");
	s = ti_ini_find(&ini, "sink", "a");
	assert_int_equal(s->n_keys, 3);
	assert_string_equal(ti_ini_get(s, "x"), "main");
	assert_string_equal(ti_ini_get(s, "y"), "20");
	assert_string_equal(ti_ini_get(s, "z"), "10");
	assert_string_equal(s->file, MAIN);
	assert_string_equal(s->keys[1].file, "tcpinspect.d/20-b.ini");
	assert_int_equal(s->keys[1].line, 2);
	assert_string_equal(value(&ini, "sink", "b", "n"), "10");
	ti_ini_free(&ini);

	/* Beside the file, wherever we are; and when the file is missing. */
	snprintf(path, sizeof(path), "%s/missing.ini", (const char *)*state);
	assert_int_equal(ti_ini_read(&ini, path), -ENOENT);
	assert_string_equal(value(&ini, "sink", "a", "y"), "20");
	snprintf(path, sizeof(path), "%s/tcpinspect.d/20-b.ini", (const char *)*state);
	assert_string_equal(ti_ini_find(&ini, "sink", "a")->keys[0].file, path);
	ti_ini_free(&ini);
}

static void test_bad_drop_ins(void **state)
{
	struct ti_ini ini = {0};

	(void)state;
	assert_int_equal(mkdir(DROPINS, 0700), 0);
	write_text(MAIN, "[sink a]\nx = main\n");
	assert_int_equal(mkfifo(DROPINS "/1-fifo.ini", 0600), 0);
	assert_int_equal(mkdir(DROPINS "/2-dir.ini", 0700), 0);
	assert_int_equal(symlink("/nowhere", DROPINS "/3-link.ini"), 0);
	write_text(DROPINS "/4-twice.ini", "[sink a]\ny = 1\n[sink a]\ny = 2\nx\n");
	write_text(DROPINS "/5-good.ini", "[sink a]\nx = good\n");
	catch_log();
	assert_int_equal(ti_ini_read(&ini, MAIN), 0);
	assert_string_equal(logged(),
			    "tcpinspect.d/1-fifo.ini: it is not a regular file\n"
			    "tcpinspect.d/2-dir.ini: it is not a regular file\n"
			    "tcpinspect.d/3-link.ini: No such file or directory\n"
			    "tcpinspect.d/4-twice.ini:3: [sink a] stands already at line 1\n"
			    "tcpinspect.d/4-twice.ini:4: 'y' is given already at line 2\n"
			    "tcpinspect.d/4-twice.ini:5: no '=': a line is 'key = value', "
			    "'[section]' or a comment "
			    "after ; or #\n");
	assert_int_equal(ini.errors, 6);
	assert_string_equal(value(&ini, "sink", "a", "x"), "good");
	ti_ini_free(&ini);
}

static void test_drop_ins_no_folder(void **state)
{
	struct ti_ini ini = {0};

	(void)state;
	write_text(MAIN, "[sink a]\n");
	write_text(DROPINS, "");
	catch_log();
	assert_int_equal(ti_ini_read(&ini, MAIN), 0);
	assert_string_equal(logged(), "tcpinspect.d: Not a directory\n");
	assert_int_equal(ini.errors, 1);
	ti_ini_free(&ini);
}

static void test_set(void **state)
{
	struct ti_ini_section *s;
	struct ti_ini ini;

	(void)state;
	read_good(&ini, "[plugin synflood]\nalarm_rate = 5\n", 33);
	assert_int_equal(ti_ini_set(&ini, "plugin.synflood.alarm_rate=200"), 0);
	assert_int_equal(ti_ini_set(&ini, "plugin.synflood.hook= a = b.c "), 0);
	assert_int_equal(ti_ini_set(&ini, "tcpinspect.interfaces=eth0"), 0);
	assert_int_equal(ti_ini_set(&ini, "tcpinspect.interfaces=eth1"), 0);
	assert_int_equal(ti_ini_set(&ini, "sink.x.empty="), 0);
	s = ti_ini_find(&ini, "plugin", "synflood");
	assert_string_equal(ti_ini_get(s, "alarm_rate"), "200");
	assert_string_equal(s->keys[0].file, "--set");
	assert_int_equal(s->keys[0].line, 0);
	assert_string_equal(s->file, MAIN);
	assert_string_equal(ti_ini_get(s, "hook"), "a = b.c");
	assert_string_equal(value(&ini, "tcpinspect", "", "interfaces"), "eth1");
	assert_string_equal(value(&ini, "sink", "x", "empty"), "");
	assert_string_equal(ti_ini_find(&ini, "sink", "x")->file, "--set");
	assert_int_equal(ini.errors, 0);
	ti_ini_free(&ini);
}

static void test_set_mistakes(void **state)
{
	static const struct {
		const char *text, *why;
	} rows[] = {
		{"", "is not KIND.NAME.KEY=VALUE"},
		{"alarm_rate=5", "is not KIND.NAME.KEY=VALUE"},
		{"plugin.synflood.alarm_rate", "is not KIND.NAME.KEY=VALUE"},
		{"synflood.alarm_rate=5",
		 "unknown section [synflood]: write [tcpinspect], [plugin|sink|route NAME]"},
		{"plugins.synflood.x=5", "unknown section [plugins], did you mean 'plugin'?"},
		{"plugin.alarm_rate=5", "[plugin] needs a name, as in [plugin synflood]"},
		{"plugin..alarm_rate=5", "[plugin] needs a name, as in [plugin synflood]"},
		{"plugin.synflood.=5", "there is no key before '='"},
		{"tcpinspect.a.b=5", "[tcpinspect] takes no name"},
		{"plugin.synflood.second.rate=5",
		 "[plugin synflood.second]: names with a dot are reserved for a later version"},
		{"plugin.synflood.a b=5", "'a b' is not a key: letters, digits and _"},
	};
	struct ti_ini ini = {0};
	char expected[512];

	(void)state;
	for (size_t i = 0; i < TI_ARRAY_SIZE(rows); i++) {
		snprintf(expected, sizeof(expected),
			 "--set: %s: %s; an example: plugin.synflood.alarm_rate=200\n",
			 rows[i].text, rows[i].why);
		catch_log();
		assert_int_equal(ti_ini_set(&ini, rows[i].text), -EINVAL);
		assert_string_equal(logged(), expected);
		assert_int_equal(ini.errors, i + 1);
	}
	catch_log();
	assert_int_equal(ti_ini_set(&ini, "sink.a.x=\x1b"), -EINVAL);
	assert_string_equal(logged(), "--set: byte 0x1b in column 10 is not text in UTF-8\n");
	assert_int_equal(ini.n_sections, 0);
	ti_ini_free(&ini);
}

struct config {
	uint32_t rate;
	bool enabled;
	char *path;
};

static const struct ti_option common[] = {
	{"enabled", TI_OPT_BOOL, offsetof(struct config, enabled), "no", 0, 0, "", NULL},
};
static const struct ti_option own[] = {
	{"alarm_rate", TI_OPT_U32, offsetof(struct config, rate), "7", 1, 1000000000, "", NULL},
	{"path", TI_OPT_STRING, offsetof(struct config, path), NULL, 0, 0, "", NULL},
};

static void test_apply(void **state)
{
	static const char text[] = "[sink a]\n"
				   "alarm_rate = 0\n"
				   "enabled = yes ; of course\n"
				   "path = /x ; y\n"
				   "alrm_rate = 3\n"
				   "paht = 4\n"
				   "enabel = yes\n"
				   "nonsense = 4\n"
				   "[sink b]\n"
				   "alarm_rate = 12\n";
	const struct ti_option *const tables[] = {common, own};
	const size_t rows[] = {TI_ARRAY_SIZE(common), TI_ARRAY_SIZE(own)};
	struct config c = {.rate = 7};
	struct ti_ini_section *s;
	struct ti_ini ini;

	(void)state;
	read_good(&ini, text, sizeof(text) - 1);
	s = ti_ini_find(&ini, "sink", "a");
	assert_int_equal(ti_ini_set(&ini, "sink.b.enabled=perhaps"), 0);
	catch_log();
	ti_ini_apply(&ini, s, common, rows[0], &c);
	ti_ini_apply(&ini, s, own, rows[1], &c);
	ti_ini_apply(&ini, NULL, own, rows[1], &c);
	ti_ini_apply(&ini, ti_ini_find(&ini, "sink", "b"), common, rows[0], &c);
	ti_ini_unused(&ini, s, tables, rows, 2);
	ti_ini_unused(&ini, NULL, tables, rows, 2);
	assert_string_equal(
		logged(),
		"main.ini:3: enabled: 'yes ; of course' is not yes or no; comments have their own "
		"lines\n"
		"main.ini:2: alarm_rate: '0' is out of range: 1 to 1000000000\n"
		"--set: enabled: 'perhaps' is not yes or no\n"
		"main.ini:5: unknown key 'alrm_rate' in [sink a], did you mean 'alarm_rate'?\n"
		"main.ini:6: unknown key 'paht' in [sink a], did you mean 'path'?\n"
		"main.ini:7: unknown key 'enabel' in [sink a], did you mean 'enabled'?\n"
		"main.ini:8: unknown key 'nonsense' in [sink a]\n");
	assert_int_equal(ini.errors, 7);
	assert_int_equal(c.rate, 7);
	assert_false(c.enabled);
	assert_string_equal(c.path, "/x ; y");

	ti_ini_apply(&ini, ti_ini_find(&ini, "sink", "b"), own, rows[1], &c);
	assert_int_equal(c.rate, 12);
	ti_option_free(own, rows[1], &c);
	ti_ini_free(&ini);
}

static void test_error_places(void **state)
{
	struct ti_ini_section *s;
	struct ti_ini ini;

	(void)state;
	read_good(&ini, "[tcpinspect]\n\nx = 1\n", 20);
	s = ti_ini_find(&ini, "tcpinspect", "");
	catch_log();
	ti_ini_error(&ini, s, &s->keys[0], "of a %s", "key");
	ti_ini_error(&ini, s, NULL, "of a section");
	ti_ini_error(&ini, NULL, NULL, "of nothing");
	assert_string_equal(logged(), "main.ini:3: of a key\n"
				      "main.ini:1: of a section\n"
				      "of nothing\n");
	assert_int_equal(ini.errors, 3);
	ti_ini_free(&ini);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_sections_and_keys, setup, teardown),
		cmocka_unit_test_setup_teardown(test_values_are_whole, setup, teardown),
		cmocka_unit_test_setup_teardown(test_long_lines, setup, teardown),
		cmocka_unit_test_setup_teardown(test_line_endings_and_bom, setup, teardown),
		cmocka_unit_test_setup_teardown(test_mistakes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_many_mistakes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_too_much, setup, teardown),
		cmocka_unit_test_setup_teardown(test_file_size, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_file, setup, teardown),
		cmocka_unit_test_setup_teardown(test_unreadable_file, setup, teardown),
		cmocka_unit_test_setup_teardown(test_pipe, setup, teardown),
		cmocka_unit_test_setup_teardown(test_drop_ins, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bad_drop_ins, setup, teardown),
		cmocka_unit_test_setup_teardown(test_drop_ins_no_folder, setup, teardown),
		cmocka_unit_test_setup_teardown(test_set, setup, teardown),
		cmocka_unit_test_setup_teardown(test_set_mistakes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_apply, setup, teardown),
		cmocka_unit_test_setup_teardown(test_error_places, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

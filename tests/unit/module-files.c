/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * module-files.c - what test-module and test-note do with files.
 */
#define _GNU_SOURCE 1
#include "module-files.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
/* after those it needs */
#include <cmocka.h>

char work[2048];

void bytes_free(struct bytes *b)
{
	free(b->data);
}

struct bytes read_bytes(const char *path)
{
	struct bytes b = {0};
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	b.len = st.st_size;
	b.data = malloc(b.len);
	assert_non_null(b.data);
	assert_int_equal(read(fd, b.data, b.len), b.len);
	close(fd);
	return b;
}

void write_bytes(const char *path, const void *data, size_t len)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, data, len), len);
	close(fd);
}

unsigned char *note_prefix(const struct bytes *b)
{
	static const char owner[] = "\x0b\0\0\0\x30\0\0\0\x01\0\0\0tcpinspect\0";
	unsigned char *at = memmem(b->data, b->len, owner, sizeof(owner));

	assert_non_null(at);
	return at + sizeof(owner);
}

const char *in_work(const char *name)
{
	static char paths[4][4096];
	static unsigned next;
	char *path = paths[next++ % 4];

	snprintf(path, sizeof(paths[0]), "%s/%s", work, name);
	return path;
}

const char *folder(const char *name)
{
	const char *path = in_work(name);

	assert_int_equal(mkdir(path, 0755), 0);
	return path;
}

void shell(const char *fmt, ...)
{
	char command[16384];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(command, sizeof(command), fmt, ap);
	va_end(ap);
	if (system(command))
		fail_msg("failed: %s", command);
}

static const char *env_or(const char *name, const char *otherwise)
{
	const char *value = getenv(name);

	return value && *value ? value : otherwise;
}

const char *compiler(void)
{
	return env_or("CC", "cc");
}

const char *build(const char *file, const char *source, const char *flags)
{
	const char *top = env_or("srcdir", ".");
	char include[4096];

	snprintf(include, sizeof(include), "%s/sdk/include", top);
	shell("%s -shared -fPIC -Wall -Werror -I%s %s -o %s %s/tests/modules/%s", compiler(),
	      env_or("TI_INCLUDE", include), flags, in_work(file), top, source);
	return in_work(file);
}

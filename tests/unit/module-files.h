/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * module-files.h - modules as files for test-module and test-note: compiled
 * from tests/modules/ into a work folder, then changed byte by byte. What goes
 * wrong here fails the test that asked for it.
 */
#ifndef TI_MODULE_FILES_H
#define TI_MODULE_FILES_H

#include <stddef.h>
#include <tcpinspect/plugin.h>

extern char work[2048]; /* the work folder */

struct bytes {
	unsigned char *data;
	size_t len;
};
struct bytes read_bytes(const char *path);
void write_bytes(const char *path, const void *data, size_t len);
void bytes_free(struct bytes *b);

/* The first byte of the prefix in the note of a good module. */
unsigned char *note_prefix(const struct bytes *b);

/* A path in the work folder; four may be in use at once. */
const char *in_work(const char *name);
/* Makes a folder there. */
const char *folder(const char *name);
void shell(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* Compiles tests/modules/`source` to `file` in the work folder: its path. */
const char *build(const char *file, const char *source, const char *flags);
/* $CC, or cc. */
const char *compiler(void);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * module.h - find, judge and open the .so files of plugins and sinks. Nothing
 * of a file is executed before its note, its ABI and its owner are accepted.
 */
#ifndef TI_MODULE_H
#define TI_MODULE_H

#include <stdbool.h>
#include <tcpinspect/sink.h>

/* A file in a module folder, or one named by its path. `path` is resolved. */
struct ti_module {
	char path[4096];
	struct ti_prefix_v1 prefix; /* as the note says */
	unsigned named;             /* given with -P or -S, as number 1, 2, ...: the caller's
				       own files may be opened; 0: found in a folder */
	unsigned rank;              /* plugins: in the order of declaration; set by setup.c */
	void *dl;                   /* NULL until opened */
	union {                     /* host-sized copies; fields unknown to the module are 0 */
		struct ti_plugin plugin;
		struct ti_sink sink;
	};
};

/*
 * Read the note of one file, without running any of it. Refused, with a message
 * that names path and cure: not a regular file or a symlink that leads out of
 * trusted folders, not an ELF shared object of this machine's class and
 * architecture, truncated, no note, wrong magic, other ABI major or newer minor
 * (both versions named), wrong kind, bad name, untrusted owner or mode (module
 * or any folder above it writable by group or others, or not root's).
 * Returns 0 or -errno; `m` untouched on error.
 */
int ti_module_read(struct ti_module *m, const char *path, enum ti_module_kind kind, bool named);

/* Read all *.so in a folder, sorted by name; each must be called NAME.so, so no
 * two have one name. Files that are refused are logged as warnings and left
 * out. A missing folder is -ENOENT, not logged; one that isn't trusted is
 * -EPERM. The caller frees *out. */
int ti_module_scan(struct ti_module **out, size_t *n, const char *dir, enum ti_module_kind kind);

/*
 * dlopen and take the descriptor. -EEXIST: dlopen gave a library that is loaded
 * already (the same file under another path); -EBADMSG: note and descriptor
 * differ. Logged. On success m->plugin or m->sink is filled.
 */
int ti_module_open(struct ti_module *m);
void ti_module_close(struct ti_module *m); /* safe when not open */

#endif

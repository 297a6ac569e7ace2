/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * note.h - the ELF note that a module's ABI and name are read from before any
 * code of it runs. The half of module.h that knows ELF.
 */
#ifndef TI_CORE_NOTE_H
#define TI_CORE_NOTE_H

#include <stddef.h>
#include <stdint.h>
#include <tcpinspect/plugin.h>

#define TI_NOTE_SECTION ".note.tcpinspect"

/* Why a file is refused and what cures it, to be read after its path: whether
 * that is an error or a warning is the caller's to say. */
struct ti_refusal {
	char text[1024];
};

/* Writes the text and returns r. */
int ti_refuse(struct ti_refusal *why, int r, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* "x86-64", of an ELF header's e_machine, in out[]. Returns out. */
const char *ti_machine_name(unsigned machine, char *out, size_t size);

/*
 * The prefix in the note of an open file of `size` bytes. -ENOEXEC: no whole
 * shared object of this machine; -EBADMSG: no note of ours, or a damaged one.
 * What the prefix says is not judged here. *out untouched on error.
 */
int ti_note_read(int fd, uint64_t size, struct ti_prefix_v1 *out, struct ti_refusal *why);

/*
 * Is the descriptor that the file exports as `symbol` as its note says? What is loaded is
 * what stands in the file, since a prefix has nothing to relocate. -EBADMSG: it isn't
 * there, begins with another prefix, or has fewer bytes than that says. To be asked
 * once ti_note_read has accepted the file.
 */
int ti_note_descriptor(int fd, const char *symbol, const struct ti_prefix_v1 *prefix,
		       struct ti_refusal *why);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * source.h - which line of its author's source an instruction of a BPF program
 * comes from, by the object's .BTF.ext, which `llvm-strip -g` leaves in it.
 */
#ifndef TI_SOURCE_H
#define TI_SOURCE_H

#include <stdbool.h>
#include <stddef.h>

struct bpf_object;
struct bpf_program;
struct ti_source;

struct ti_line {
	const char *file; /* as the compiler was given it; of inlined code, its own */
	const char *text; /* without the blanks before it; "" when the compiler couldn't read it */
	unsigned line;
};

/*
 * Of `prog`, of `obj`, which was opened from `bytes`, and as it is given to the kernel:
 * with the functions that it calls behind it, so once it has been loaded or refused.
 * All three must outlive *out. -errno: it has no such information; nothing is logged.
 */
int ti_source_new(struct ti_source **out, const void *bytes, size_t size,
		  const struct bpf_object *obj, const struct bpf_program *prog);
void ti_source_freep(struct ti_source **s);

/* The line of instruction number `insn`; 0, or -ENOENT. Strings are the object's. */
int ti_source_at(const struct ti_source *s, size_t insn, struct ti_line *out);

/* How many instructions there are. */
size_t ti_source_insns(const struct ti_source *s);

/* Is it the author's own: in no header of the SDK's or libbpf's, and not a TI_PACKET or
 * the like, which stands for all that it makes? */
bool ti_line_is_own(const struct ti_line *l);

#endif

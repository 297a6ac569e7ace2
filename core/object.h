/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * object.h - is it a BPF object, whole and with all that is needed in it? What libbpf
 * says of one that isn't helps nobody who hasn't read libbpf.
 */
#ifndef TI_OBJECT_H
#define TI_OBJECT_H

#include <stddef.h>
#include "note.h"

/* 0, or -EBADMSG with what is wrong and what to do in why. */
int ti_object_judge(const void *bytes, size_t size, struct ti_refusal *why);

#endif

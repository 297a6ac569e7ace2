/* SPDX-License-Identifier: GPL-2.0-or-later */
/* trust.h - may a module's file be opened at all: whose it is, and who else could write it. */
#ifndef TI_TRUST_H
#define TI_TRUST_H

#include <stdbool.h>
#include <sys/types.h>
#include "note.h"

/*
 * Open a regular file by its resolved path. `named`: by the caller, whose own files are
 * fine then, too. *fd and *size untouched on error, which is -errno with the cure in *why.
 */
int ti_trust_open(int *fd, off_t *size, const char *real, bool named, struct ti_refusal *why);

/* The folders of a resolved path, which ends in / or in a file that isn't looked at. */
int ti_trust_folders(const char *real, bool named, struct ti_refusal *why);

/* From now on whose a file is and who can write it isn't asked: for a process that does
 * nothing but its caller's own tests. */
void ti_trust_all(void);

/* The user who called sudo; false, *uid untouched, when there is none. */
bool ti_sudo_uid(uid_t *uid);

#endif

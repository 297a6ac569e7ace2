/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ini_read.h - what ini_read.c needs of ini.c: adding a section or key, and what
 * is wrong with a name.
 */
#ifndef TI_INI_READ_H
#define TI_INI_READ_H

#include "ini.h"

#define TI_INI_SECTIONS_MAX 1024
#define TI_INI_SPLIT_MAX    49 /* bytes of a heading or key that inih keeps whole */
#define TI_INI_BLANKS	    " \t"

/* Is it UTF-8 without control characters, which messages would bring to terminals?
 * Complains. */
bool ti_ini_check_text(struct ti_ini *ini, const struct ti_ini_key *here, const char *text,
		       size_t len);
/* Cut blanks off both ends of text[len], which may be written at len. */
char *ti_ini_trim(char *text, size_t len);

/* Is there a [kind name]? May a key have this name? -EINVAL says in why[] what is
 * wrong with it. */
int ti_ini_check_section(const char *kind, const char *name, char *why, size_t size);
int ti_ini_check_key(const char *key, char *why, size_t size);

struct ti_ini_key *ti_ini_find_key(struct ti_ini_section *s, const char *key);
/* The section of this kind and name, made when there is none; valid until the
 * next one is made. NULL: out of memory or too many, complained about. */
struct ti_ini_section *ti_ini_open_section(struct ti_ini *ini, const char *kind, const char *name,
					   const struct ti_ini_key *here);
/* Add a key or override it. -ENOMEM: logged. */
int ti_ini_set_key(struct ti_ini *ini, struct ti_ini_section *s, const char *key, const char *value,
		   const struct ti_ini_key *here);

#endif

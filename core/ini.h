/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ini.h - tcpinspect.ini as it stands: sections and their keys with file and
 * line, syntax checked, meaning not yet. What the keys mean is in tables of
 * options (option.h): the daemon's own, each plugin's and each sink's.
 */
#ifndef TI_INI_H
#define TI_INI_H

#include <stdbool.h>
#include <stddef.h>
#include <tcpinspect/option.h>

struct ti_ini_key {
	char *key, *value;
	char *file; /* "--set" for the command line, with line 0 */
	int line;
	bool used;  /* some table knew it */
};

struct ti_ini_section {
	char *kind; /* "tcpinspect", "plugin", "sink", "route" */
	char *name; /* "" for [tcpinspect] */
	char *file; /* where it was first opened */
	int line;
	struct ti_ini_key *keys;
	size_t n_keys;
};

struct ti_ini {
	struct ti_ini_section *sections; /* in the order of the files */
	size_t n_sections;
	int errors; /* lines complained about so far, by ti_ini_error too */
};

/*
 * Read `path`, then the *.ini files of tcpinspect.d beside it in the order of
 * their names. Every mistake is logged as "file:line: message" and counted;
 * reading goes on. A section or key given twice in one file is a mistake, in a
 * later file it adds to the section and overrides the key. Returns 0 (see
 * errors), -ENOENT when `path` is missing (not logged; the drop-ins are read all
 * the same), or -errno (logged and counted; they are not).
 */
int ti_ini_read(struct ti_ini *ini, const char *path);

/* Add one "kind.name.key=value" or "tcpinspect.key=value", as --set gives it;
 * overrides the files. -EINVAL or -ENOMEM: logged and counted. */
int ti_ini_set(struct ti_ini *ini, const char *assignment);

void ti_ini_free(struct ti_ini *ini); /* safe on a zeroed struct, and twice */

/* The section of this kind and name, NULL when there is none. */
struct ti_ini_section *ti_ini_find(struct ti_ini *ini, const char *kind, const char *name);
/* Value of a key, NULL when it isn't there; marks it used. */
const char *ti_ini_get(struct ti_ini_section *s, const char *key);

/*
 * Give the keys of a section that a table knows to it: parsed and stored at
 * base, marked used. A bad value is logged with file and line and counted in
 * ini->errors. s may be NULL.
 */
void ti_ini_apply(struct ti_ini *ini, struct ti_ini_section *s,
		  const struct ti_option *table, size_t n, void *base);

/* Complain about what a table requires and was not given. */
void ti_ini_required(struct ti_ini *ini, const struct ti_ini_section *s, const char *who,
		     const struct ti_option *table, size_t n, const void *base);

/* Complain about the keys of a section that no table has used, suggesting the
 * nearest of the tables' keys. `tables` of `n_tables` with `n[i]` rows. */
void ti_ini_unused(struct ti_ini *ini, struct ti_ini_section *s,
		   const struct ti_option *const *tables, const size_t *n, size_t n_tables);

/* Log "file:line: message" for a key or section (either may be NULL) and
 * count it. */
void ti_ini_error(struct ti_ini *ini, const struct ti_ini_section *s,
		  const struct ti_ini_key *k, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

#endif

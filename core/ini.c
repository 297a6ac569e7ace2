/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ini.c - sections and keys, wherever they come from: who adds one, who asks for
 * one, what is wrong with one. Files are read by ini_read.c.
 */
#include "ini_read.h"
#include "log.h"
#include "nearest.h"
#include "option.h"
#include "put.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum {
	KEYS_MAX = 1024, /* of a section */
	MISTAKES_SHOWN = 100,
};

static const char key_chars[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";

/* Kinds of sections, and a name to show how one is written. */
static const struct kind {
	const char *kind;
	const char *example; /* NULL: has no name */
} kinds[] = {
	{"tcpinspect", NULL},
	{"plugin", "synflood"},
	{"sink", "console"},
	{"route", "security"},
};

void ti_ini_error(struct ti_ini *ini, const struct ti_ini_section *s, const struct ti_ini_key *k,
		  const char *fmt, ...)
{
	const char *file = k ? k->file : s ? s->file : NULL;
	int line = k ? k->line : s ? s->line : 0;
	char text[1024];
	va_list ap;

	if (++ini->errors > MISTAKES_SHOWN)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (file && line)
		ti_log(TI_LOG_ERROR, "%s:%d: %s", file, line, text);
	else
		ti_log(TI_LOG_ERROR, "%s%s%s", file ? file : "", file ? ": " : "", text);
	if (ini->errors == MISTAKES_SHOWN)
		ti_log(TI_LOG_ERROR, "%d mistakes are shown, further ones only counted",
		       MISTAKES_SHOWN);
}

bool ti_ini_check_text(struct ti_ini *ini, const struct ti_ini_key *here, const char *text,
		       size_t len)
{
	const unsigned char *c = (const unsigned char *)text;
	uint32_t code;
	size_t n;

	for (size_t i = 0; i < len; i += n) {
		n = ti_utf8(c + i, len - i, &code);
		if (n && (code >= 0xa0 || code == '\t' || (code >= ' ' && code < 0x7f)))
			continue;
		ti_ini_error(ini, NULL, here, "byte 0x%02x in column %zu is not text in UTF-8",
			     c[i], i + 1);
		return false;
	}
	return true;
}

char *ti_ini_trim(char *text, size_t len)
{
	while (len && strchr(TI_INI_BLANKS, text[len - 1]) && text[len - 1])
		len--;
	text[len] = '\0';
	return text + strspn(text, TI_INI_BLANKS);
}

int ti_ini_check_section(const char *kind, const char *name, char *why, size_t size)
{
	const char *near = ti_nearest(kind, kinds, TI_ARRAY_SIZE(kinds), sizeof(*kinds));
	const struct kind *k = kinds;

	while (k < kinds + TI_ARRAY_SIZE(kinds) && strcmp(k->kind, kind) != 0)
		k++;
	if (k == kinds + TI_ARRAY_SIZE(kinds) && near)
		snprintf(why, size, "unknown section [%s], did you mean '%s'?", kind, near);
	else if (k == kinds + TI_ARRAY_SIZE(kinds))
		snprintf(why, size,
			 "unknown section [%s]: write [tcpinspect], [plugin|sink|route NAME]",
			 kind);
	else if (!k->example && *name)
		snprintf(why, size, "[%s] takes no name", kind);
	else if (!k->example)
		return 0;
	else if (!*name)
		snprintf(why, size, "[%s] needs a name, as in [%s %s]", kind, kind, k->example);
	else if (strpbrk(name, TI_INI_BLANKS))
		snprintf(why, size, "[%s %s]: one name only, as in [%s %s]", kind, name, kind,
			 k->example);
	else if (strchr(name, '.'))
		snprintf(why, size, "[%s %s]: names with a dot are reserved for a later version",
			 kind, name);
	else if (name[strspn(name, key_chars)] || strlen(name) >= TI_NAME_MAX)
		snprintf(why, size, "[%s %s]: a name has letters, digits, _ and -, at most %d",
			 kind, name, TI_NAME_MAX - 1);
	else
		return 0;
	return -EINVAL;
}

struct ti_ini_section *ti_ini_find(struct ti_ini *ini, const char *kind, const char *name)
{
	for (size_t i = 0; i < ini->n_sections; i++) {
		struct ti_ini_section *s = &ini->sections[i];

		if (strcmp(s->kind, kind) == 0 && strcmp(s->name, name) == 0)
			return s;
	}
	return NULL;
}

struct ti_ini_key *ti_ini_find_key(struct ti_ini_section *s, const char *key)
{
	for (size_t i = 0; s && i < s->n_keys; i++)
		if (strcmp(s->keys[i].key, key) == 0)
			return &s->keys[i];
	return NULL;
}

struct ti_ini_section *ti_ini_open_section(struct ti_ini *ini, const char *kind, const char *name,
					   const struct ti_ini_key *here)
{
	ti_cleanup(ti_freep) char *new_kind = strdup(kind), *new_name = strdup(name),
				  *new_file = strdup(here->file);
	struct ti_ini_section *s = ti_ini_find(ini, kind, name), *all;

	if (s)
		return s;
	all = reallocarray(ini->sections, ini->n_sections + 1, sizeof(*all));
	if (all)
		ini->sections = all;
	if (!all || !new_kind || !new_name || !new_file || ini->n_sections == TI_INI_SECTIONS_MAX) {
		ti_ini_error(ini, NULL, here, "no room for [%s %s] after %zu sections", kind, name,
			     ini->n_sections);
		return NULL;
	}
	s = &all[ini->n_sections++];
	*s = (struct ti_ini_section){.kind = TI_TAKE(new_kind), .name = TI_TAKE(new_name)};
	s->file = TI_TAKE(new_file);
	s->line = here->line;
	return s;
}

int ti_ini_set_key(struct ti_ini *ini, struct ti_ini_section *s, const char *key, const char *value,
		   const struct ti_ini_key *here)
{
	ti_cleanup(ti_freep) char *new_key = strdup(key), *new_value = strdup(value),
				  *new_file = strdup(here->file);
	struct ti_ini_key *k = ti_ini_find_key(s, key), *all = s->keys;
	bool room = k || s->n_keys < KEYS_MAX;

	if (!k && room) {
		all = reallocarray(s->keys, s->n_keys + 1, sizeof(*all));
		if (all)
			s->keys = all;
	}
	if (!all || !room || !new_key || !new_value || !new_file) {
		ti_ini_error(ini, NULL, here, "no room for '%s' after %zu keys", key, s->n_keys);
		return -ENOMEM;
	}
	if (!k) {
		k = &all[s->n_keys++];
		*k = (struct ti_ini_key){.key = TI_TAKE(new_key)};
	}
	free(k->value);
	free(k->file);
	k->value = TI_TAKE(new_value);
	k->file = TI_TAKE(new_file);
	k->line = here->line;
	k->used = false;
	return 0;
}

int ti_ini_check_key(const char *key, char *why, size_t size)
{
	if (!*key)
		snprintf(why, size, "there is no key before '='");
	else if (strchr(key, ':'))
		snprintf(why, size, "write 'key = value', not 'key: value'");
	else if (key[strspn(key, key_chars)])
		snprintf(why, size, "'%.60s' is not a key: letters, digits and _", key);
	else if (strlen(key) > TI_INI_SPLIT_MAX)
		snprintf(why, size, "key '%.20s...' is longer than %d bytes", key, TI_INI_SPLIT_MAX);
	else
		return 0;
	return -EINVAL;
}

/* Cut "kind.name.key=value" or "kind.key=value" apart. */
static int split_assignment(char *text, const char **name, const char **key, const char **value)
{
	char *equals = strchr(text, '='), *dot;

	if (!equals)
		return -EINVAL;
	*equals = '\0';
	*value = ti_ini_trim(equals + 1, strlen(equals + 1));
	dot = strrchr(text, '.');
	if (!dot)
		return -EINVAL;
	*dot = '\0';
	*key = dot + 1;
	dot = strchr(text, '.');
	if (dot)
		*dot = '\0';
	*name = dot ? dot + 1 : "";
	return 0;
}

int ti_ini_set(struct ti_ini *ini, const char *assignment)
{
	static const struct ti_ini_key here = {.file = "--set"};
	ti_cleanup(ti_freep) char *text = strdup(assignment);
	const char *name, *key, *value;
	char why[256] = "is not KIND.NAME.KEY=VALUE";
	struct ti_ini_section *s;

	if (!text) {
		ti_ini_error(ini, NULL, &here, "%s", strerror(ENOMEM));
		return -ENOMEM;
	}
	if (!ti_ini_check_text(ini, &here, text, strlen(text)))
		return -EINVAL;
	if (split_assignment(text, &name, &key, &value) < 0 ||
	    ti_ini_check_section(text, name, why, sizeof(why)) < 0 ||
	    ti_ini_check_key(key, why, sizeof(why)) < 0) {
		ti_ini_error(ini, NULL, &here, "%.100s: %s; an example: %s", assignment, why,
			     "plugin.synflood.alarm_rate=200");
		return -EINVAL;
	}
	s = ti_ini_open_section(ini, text, name, &here);
	return s ? ti_ini_set_key(ini, s, key, value, &here) : -ENOMEM;
}

static void free_section(struct ti_ini_section *s)
{
	for (size_t i = 0; i < s->n_keys; i++) {
		free(s->keys[i].key);
		free(s->keys[i].value);
		free(s->keys[i].file);
	}
	free(s->keys);
	free(s->kind);
	free(s->name);
	free(s->file);
}

void ti_ini_free(struct ti_ini *ini)
{
	for (size_t i = 0; i < ini->n_sections; i++)
		free_section(&ini->sections[i]);
	free(ini->sections);
	*ini = (struct ti_ini){0};
}

const char *ti_ini_get(struct ti_ini_section *s, const char *key)
{
	struct ti_ini_key *k = ti_ini_find_key(s, key);

	if (!k)
		return NULL;
	k->used = true;
	return k->value;
}

void ti_ini_apply(struct ti_ini *ini, struct ti_ini_section *s, const struct ti_option *table,
		  size_t n, void *base)
{
	char why[384];

	for (size_t i = 0; i < n; i++) {
		struct ti_ini_key *k = ti_ini_find_key(s, table[i].key);
		bool comment;

		if (!k)
			continue;
		k->used = true;
		if (ti_option_parse(&table[i], k->value, base, why, sizeof(why)) == 0)
			continue;
		comment = strstr(k->value, " ;") || strstr(k->value, " #");
		ti_ini_error(ini, s, k, "%s: %s%s", k->key, why,
			     comment ? "; comments have their own lines" : "");
	}
}

void ti_ini_unused(struct ti_ini *ini, struct ti_ini_section *s,
		   const struct ti_option *const *tables, const size_t *n, size_t n_tables)
{
	ti_cleanup(ti_freep) const char **known = NULL;
	size_t rows = 0, at = 0;

	for (size_t t = 0; t < n_tables; t++)
		rows += n[t];
	known = calloc(rows + 1, sizeof(*known));
	for (size_t t = 0; known && t < n_tables; t++)
		for (size_t i = 0; i < n[t]; i++)
			known[at++] = tables[t][i].key;
	for (size_t i = 0; s && i < s->n_keys; i++) {
		const struct ti_ini_key *k = &s->keys[i];
		const char *near = k->used ? NULL : ti_nearest(k->key, known, at, sizeof(*known));

		if (!k->used)
			ti_ini_error(ini, s, k, "unknown key '%s' in [%s%s%s]%s%s%s", k->key,
				     s->kind, *s->name ? " " : "", s->name,
				     near ? ", did you mean '" : "", near ? near : "",
				     near ? "'?" : "");
	}
}

void ti_ini_required(struct ti_ini *ini, const struct ti_ini_section *s, const char *who,
		     const struct ti_option *table, size_t n, const void *base)
{
	for (size_t i = 0; i < n; i++) {
		const struct ti_option *o = &table[i];

		if ((o->flags & TI_OPT_REQUIRED) && !*(char *const *)((const char *)base + o->offset))
			ti_ini_error(ini, s, NULL, "%s: %s must be given: %s", who, o->key, o->help);
	}
}

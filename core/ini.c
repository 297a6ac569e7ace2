/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ini.c - read tcpinspect.ini and its drop-ins.
 *
 * libinih splits headings and keys. As distributions build it, it cuts lines at
 * 200 bytes and takes the rest for a line of its own, cuts values at " ;" and
 * headings at 50 bytes, takes "key: value", folds indented lines into the value
 * above, forgets empty sections and knows no line numbers. So it reads through
 * read_line(), which counts lines, refuses what would be misread and hands over
 * only "[heading]" or "key ="; the value stays in our buffer, whole.
 *
 * The rules that follow from it: one line a key; a comment is a line that starts
 * with ; or #, within a value both are text, and so are quotes; blanks around
 * names and values don't count; the file is UTF-8.
 */
#include "ini.h"
#include "log.h"
#include "option.h"
#include "put.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* From inih's header, which can't be included: it is called ini.h as ours. */
int ini_parse_stream(char *(*reader)(char *line, int size, void *stream), void *stream,
		     int (*handler)(void *user, const char *section, const char *name,
				    const char *value),
		     void *user);

enum {
	BYTES_MAX = 1 << 20, /* of a file */
	SECTIONS_MAX = 1024,
	KEYS_MAX = 1024, /* of a section */
	SPLIT_MAX = 49, /* bytes of a heading or key that inih keeps whole */
	MISTAKES_SHOWN = 100,
};

static const char key_chars[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
static const char blanks[] = " \t";

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

/* One file on its way through inih. */
struct reader {
	struct ti_ini *ini;
	struct ti_ini_key here; /* its file and the line that inih works on */
	char *at, *end; /* what is left of it; *end may be written */
	char *value; /* of a "key =" line */
	bool heading; /* inih has got a heading: let it call take() for it */
	enum { OUTSIDE, REFUSED, INSIDE } state;
	size_t section; /* INSIDE: index of the open section */
	int opened[SECTIONS_MAX]; /* lines at which this file opened them */
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

/* Is it UTF-8 without control characters, which messages would bring to terminals? */
static bool check_text(struct ti_ini *ini, const struct ti_ini_key *here, const char *text,
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

/* Cut blanks off both ends of text[len], which may be written at len. */
static char *trim(char *text, size_t len)
{
	while (len && strchr(blanks, text[len - 1]) && text[len - 1])
		len--;
	text[len] = '\0';
	return text + strspn(text, blanks);
}

/* Is there a [kind name]? -EINVAL says in why[] what is wrong with it. */
static int check_section(const char *kind, const char *name, char *why, size_t size)
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
	else if (strpbrk(name, blanks))
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

static struct ti_ini_key *find_key(struct ti_ini_section *s, const char *key)
{
	for (size_t i = 0; s && i < s->n_keys; i++)
		if (strcmp(s->keys[i].key, key) == 0)
			return &s->keys[i];
	return NULL;
}

/* The section of this kind and name, made when there is none; valid until the
 * next one is made. NULL: logged. */
static struct ti_ini_section *open_section(struct ti_ini *ini, const char *kind, const char *name,
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
	if (!all || !new_kind || !new_name || !new_file || ini->n_sections == SECTIONS_MAX) {
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

/* Add a key or override it. -ENOMEM: logged. */
static int set_key(struct ti_ini *ini, struct ti_ini_section *s, const char *key, const char *value,
		   const struct ti_ini_key *here)
{
	ti_cleanup(ti_freep) char *new_key = strdup(key), *new_value = strdup(value),
				  *new_file = strdup(here->file);
	struct ti_ini_key *k = find_key(s, key), *all = s->keys;
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

/* -EINVAL says in why[] what is wrong with it. */
static int check_key(const char *key, char *why, size_t size)
{
	if (!*key)
		snprintf(why, size, "there is no key before '='");
	else if (strchr(key, ':'))
		snprintf(why, size, "write 'key = value', not 'key: value'");
	else if (key[strspn(key, key_chars)])
		snprintf(why, size, "'%.60s' is not a key: letters, digits and _", key);
	else if (strlen(key) > SPLIT_MAX)
		snprintf(why, size, "key '%.20s...' is longer than %d bytes", key, SPLIT_MAX);
	else
		return 0;
	return -EINVAL;
}

/* inih has read "[heading]". */
static void take_heading(struct reader *r, const char *heading)
{
	char text[SPLIT_MAX + 1], why[256], *kind, *name;
	struct ti_ini_section *s;
	int *opened;

	snprintf(text, sizeof(text), "%s", heading);
	kind = trim(text, strlen(text));
	name = kind + strcspn(kind, blanks);
	if (*name)
		*name++ = '\0';
	name += strspn(name, blanks);
	if (check_section(kind, name, why, sizeof(why)) < 0) {
		ti_ini_error(r->ini, NULL, &r->here, "%s", why);
		return;
	}
	s = open_section(r->ini, kind, name, &r->here);
	if (!s)
		return;
	r->state = INSIDE;
	r->section = (size_t)(s - r->ini->sections);
	opened = &r->opened[r->section];
	if (*opened)
		ti_ini_error(r->ini, NULL, &r->here, "[%s] stands already at line %d", heading,
			     *opened);
	else
		*opened = r->here.line;
}

/* inih has read "key =". */
static void take_key(struct reader *r, const char *key)
{
	struct ti_ini_section *s = r->state == INSIDE ? &r->ini->sections[r->section] : NULL;
	struct ti_ini_key *k = find_key(s, key);

	if (r->state == OUTSIDE)
		ti_ini_error(r->ini, NULL, &r->here, "'%s' stands before the first [section]", key);
	else if (k && strcmp(k->file, r->here.file) == 0)
		ti_ini_error(r->ini, NULL, &r->here, "'%s' is given already at line %d", key,
			     k->line);
	else if (s)
		set_key(r->ini, s, key, r->value, &r->here);
}

/* inih's handler. Only some builds of inih call it for a heading (without name),
 * so read_line() lets a line "=" follow each one: an empty name. */
static int take(void *arg, const char *section, const char *name, const char *value)
{
	struct reader *r = arg;

	(void)value;
	if (name && *name)
		take_key(r, name);
	else if (name)
		take_heading(r, section);
	return 1;
}

/* The next line, without its ending. NULL: there is none. */
static char *next_line(struct reader *r, size_t *len)
{
	char *line = r->at, *end;

	if (line == r->end)
		return NULL;
	end = memchr(line, '\n', (size_t)(r->end - line));
	r->at = end ? end + 1 : r->end;
	if (!end)
		end = r->end;
	if (end > line && end[-1] == '\r')
		end--;
	*end = '\0';
	*len = (size_t)(end - line);
	r->here.line++;
	return line;
}

static bool split_heading(struct reader *r, const char *text)
{
	const char *end = strpbrk(text, "];");
	const char *wrong = NULL;

	r->state = REFUSED; /* until take_heading() likes it */
	if (!end || *end != ']')
		wrong = "a section's heading ends in ']'";
	else if (end[1])
		wrong = "nothing may follow ']': comments have their own lines";
	else if (end - text - 1 > SPLIT_MAX)
		wrong = "too long for a section's heading";
	if (wrong)
		ti_ini_error(r->ini, NULL, &r->here, "%s", wrong);
	else
		r->heading = true;
	return !wrong;
}

/* Cut text after its key and keep the value. */
static bool split_key(struct reader *r, char *text, bool indented)
{
	char *equals = strchr(text, '=');
	char why[128] = "no '=': a line is 'key = value', '[section]' or a comment after ; or #";
	bool good = false;

	if (equals) {
		r->value = equals + 1 + strspn(equals + 1, blanks);
		trim(text, (size_t)(equals - text));
		good = check_key(text, why, sizeof(why)) == 0;
	} else if (indented) {
		snprintf(why, sizeof(why), "no '=': a value can't go on in a second line");
	} else if (strchr(text, ':')) {
		snprintf(why, sizeof(why), "no '=': write 'key = value', not 'key: value'");
	}
	if (!good)
		ti_ini_error(r->ini, NULL, &r->here, "%s", why);
	return good;
}

/* inih's fgets: the next line that it is to see. */
static char *read_line(char *out, int size, void *arg)
{
	struct reader *r = arg;
	char *line, *text;
	size_t len;

	if (r->heading) {
		r->heading = false;
		snprintf(out, (size_t)size, "=\n");
		return out;
	}
	while ((line = next_line(r, &len))) {
		text = line + strspn(line, blanks);
		if (*text == ';' || *text == '#' || !check_text(r->ini, &r->here, line, len))
			continue;
		text = trim(line, len);
		if (*text == '[' ? !split_heading(r, text)
				 : !*text || !split_key(r, text, text > line))
			continue;
		snprintf(out, (size_t)size, *text == '[' ? "%s\n" : "%s =\n", text);
		return out;
	}
	return NULL;
}

static int refuse(struct ti_ini *ini, const char *path, int error, const char *why)
{
	ti_ini_error(ini, NULL, &(struct ti_ini_key){.file = (char *)path}, "%s", why);
	return error;
}

static int parse(struct ti_ini *ini, const char *path, char *text, size_t len)
{
	struct reader r = {.ini = ini, .here.file = (char *)path, .at = text, .end = text + len};
	int n;

	if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
		r.at += 3;
	n = ini_parse_stream(read_line, &r, take, &r);
	if (n == 0)
		return 0;
	/* Out of memory, or read_line() let through what inih doesn't take. */
	return refuse(ini, path, n < 0 ? -ENOMEM : -EINVAL, "libinih gave up");
}

/* Errors are logged, but for -ENOENT. */
static int read_file(struct ti_ini *ini, const char *path, bool drop_in)
{
	int flags = O_RDONLY | O_CLOEXEC | O_NOCTTY | (drop_in ? O_NONBLOCK : 0);
	ti_cleanup(ti_freep) char *text = malloc(BYTES_MAX + 1);
	ti_cleanup(ti_closep) int fd = open(path, flags);
	struct stat st;
	size_t len = 0;
	ssize_t r;

	if (fd < 0 && errno == ENOENT)
		return -ENOENT;
	if (fd < 0 || fstat(fd, &st) < 0)
		return refuse(ini, path, -errno, strerror(errno));
	if (drop_in && !S_ISREG(st.st_mode))
		return refuse(ini, path, -EINVAL, "it is not a regular file");
	if (!text)
		return refuse(ini, path, -ENOMEM, strerror(ENOMEM));
	do {
		r = read(fd, text + len, BYTES_MAX + 1 - len);
		if (r < 0 && errno != EINTR)
			return refuse(ini, path, -errno, strerror(errno));
		len += r > 0 ? (size_t)r : 0;
	} while (r != 0 && len <= BYTES_MAX);
	if (len > BYTES_MAX)
		return refuse(ini, path, -EFBIG, "it is larger than 1 MiB");
	return parse(ini, path, text, len);
}

static int is_drop_in(const struct dirent *e)
{
	size_t n = strlen(e->d_name);

	return e->d_name[0] != '.' && n > 4 && strcmp(e->d_name + n - 4, ".ini") == 0;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static void read_drop_ins(struct ti_ini *ini, const char *path)
{
	ti_cleanup(ti_freep) struct dirent **list = NULL;
	const char *slash = strrchr(path, '/');
	char dir[PATH_MAX], file[PATH_MAX + NAME_MAX + 2];
	int n;

	n = snprintf(dir, sizeof(dir), "%.*stcpinspect.d", slash ? (int)(slash + 1 - path) : 0,
		     path);
	if (n >= (int)sizeof(dir))
		return;
	n = scandir(dir, &list, is_drop_in, by_name);
	if (n < 0 && errno != ENOENT)
		refuse(ini, dir, -errno, strerror(errno));
	for (int i = 0; i < n; i++) {
		snprintf(file, sizeof(file), "%s/%s", dir, list[i]->d_name);
		free(list[i]);
		if (read_file(ini, file, true) == -ENOENT)
			refuse(ini, file, -ENOENT, strerror(ENOENT));
	}
}

int ti_ini_read(struct ti_ini *ini, const char *path)
{
	int r = read_file(ini, path, false);

	if (r == 0 || r == -ENOENT)
		read_drop_ins(ini, path);
	return r;
}

/* Cut "kind.name.key=value" or "kind.key=value" apart. */
static int split_assignment(char *text, const char **name, const char **key, const char **value)
{
	char *equals = strchr(text, '='), *dot;

	if (!equals)
		return -EINVAL;
	*equals = '\0';
	*value = trim(equals + 1, strlen(equals + 1));
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

	if (!text)
		return refuse(ini, here.file, -ENOMEM, strerror(ENOMEM));
	if (!check_text(ini, &here, text, strlen(text)))
		return -EINVAL;
	if (split_assignment(text, &name, &key, &value) < 0 ||
	    check_section(text, name, why, sizeof(why)) < 0 ||
	    check_key(key, why, sizeof(why)) < 0) {
		ti_ini_error(ini, NULL, &here, "%.100s: %s; an example: %s", assignment, why,
			     "plugin.synflood.alarm_rate=200");
		return -EINVAL;
	}
	s = open_section(ini, text, name, &here);
	return s ? set_key(ini, s, key, value, &here) : -ENOMEM;
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
	struct ti_ini_key *k = find_key(s, key);

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
		struct ti_ini_key *k = find_key(s, table[i].key);
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

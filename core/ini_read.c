/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ini_read.c - read tcpinspect.ini and its drop-ins.
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
#include "ini_read.h"
#include "log.h"
#include "option.h"

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

#define BYTES_MAX (1 << 20) /* of a file */

/* One file on its way through inih. */
struct reader {
	struct ti_ini *ini;
	struct ti_ini_key here; /* its file and the line that inih works on */
	char *at, *end; /* what is left of it; *end may be written */
	char *value; /* of a "key =" line */
	bool heading; /* inih has got a heading: let it call take() for it */
	enum { OUTSIDE, REFUSED, INSIDE } state;
	size_t section; /* INSIDE: index of the open section */
	int opened[TI_INI_SECTIONS_MAX]; /* lines at which this file opened them */
};

/* inih has read "[heading]". */
static void take_heading(struct reader *r, const char *heading)
{
	char text[TI_INI_SPLIT_MAX + 1], why[256], *kind, *name;
	struct ti_ini_section *s;
	int *opened;

	snprintf(text, sizeof(text), "%s", heading);
	kind = ti_ini_trim(text, strlen(text));
	name = kind + strcspn(kind, TI_INI_BLANKS);
	if (*name)
		*name++ = '\0';
	name += strspn(name, TI_INI_BLANKS);
	if (ti_ini_check_section(kind, name, why, sizeof(why)) < 0) {
		ti_ini_error(r->ini, NULL, &r->here, "%s", why);
		return;
	}
	s = ti_ini_open_section(r->ini, kind, name, &r->here);
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
	struct ti_ini_key *k = ti_ini_find_key(s, key);

	if (r->state == OUTSIDE)
		ti_ini_error(r->ini, NULL, &r->here, "'%s' stands before the first [section]", key);
	else if (k && strcmp(k->file, r->here.file) == 0)
		ti_ini_error(r->ini, NULL, &r->here, "'%s' is given already at line %d", key,
			     k->line);
	else if (s)
		ti_ini_set_key(r->ini, s, key, r->value, &r->here);
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
	else if (end - text - 1 > TI_INI_SPLIT_MAX)
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
		r->value = equals + 1 + strspn(equals + 1, TI_INI_BLANKS);
		ti_ini_trim(text, (size_t)(equals - text));
		good = ti_ini_check_key(text, why, sizeof(why)) == 0;
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
		text = line + strspn(line, TI_INI_BLANKS);
		if (*text == ';' || *text == '#' || !ti_ini_check_text(r->ini, &r->here, line, len))
			continue;
		text = ti_ini_trim(line, len);
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

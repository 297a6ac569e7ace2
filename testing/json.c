/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * json.c - a value in a line of JSON that this process has made itself (core/format_json.c):
 * without blanks, and never malformed.
 */
#include <stdlib.h>
#include <string.h>
#include "test.h"

static const char *skip_string(const char *s)
{
	for (s++; *s != '"'; s++)
		if (*s == '\\')
			s++;
	return s + 1;
}

static const char *skip_value(const char *s)
{
	int depth = 0;

	if (*s == '"')
		return skip_string(s);
	while (*s && (depth || !strchr(",]}", *s))) {
		depth += (*s == '[' || *s == '{') - (*s == ']' || *s == '}');
		s = *s == '"' ? skip_string(s) : s + 1;
	}
	return s;
}

/* Of the object at s; NULL: it has no such member. */
static const char *member(const char *s, const char *name, size_t len)
{
	if (*s != '{')
		return NULL;
	for (s++; *s == '"'; s += *s == ',') {
		const char *key = s + 1;

		s = skip_string(s) + 1;
		if (!strncmp(key, name, len) && key[len] == '"')
			return s;
		s = skip_value(s);
	}
	return NULL;
}

/* Of the array at s. */
static const char *item(const char *s, unsigned long n)
{
	if (*s != '[' || s[1] == ']')
		return NULL;
	for (s++; n; n--) {
		s = skip_value(s);
		if (*s++ != ',')
			return NULL;
	}
	return s;
}

static const char *find(const char *s, const char *path)
{
	while (s && *path) {
		size_t len = strcspn(path, ".[");
		char *end;

		s = member(s, path, len);
		for (path += len; s && *path == '['; path = end + (*end == ']'))
			s = item(s, strtoul(path + 1, &end, 10));
		path += *path == '.';
	}
	return s;
}

/* A byte that was escaped, or U+FFFD, which stands for what was no text. */
static char *put_unescaped(char *o, const char **s)
{
	static const char from[] = "bfnrt", to[] = "\b\f\n\r\t";
	const char *known = strchr(from, **s);
	unsigned code;
	char hex[5];

	if (**s != 'u') {
		*o = known ? to[known - from] : **s;
		(*s)++;
		return o + 1;
	}
	memcpy(hex, *s + 1, 4);
	hex[4] = '\0';
	code = strtoul(hex, NULL, 16);
	*s += 5;
	if (code > 0x7f)
		return mempcpy(o, "\xef\xbf\xbd", 3);
	*o = code;
	return o + 1;
}

char *test_json_value(const char *json, const char *path)
{
	const char *s = find(json, path), *end;
	char *text, *o;

	if (!s)
		return NULL;
	end = skip_value(s);
	text = o = calloc(1, end - s + 1);
	if (!text)
		abort();
	if (*s != '"') {
		memcpy(o, s, end - s);
		return text;
	}
	for (s++; s < end - 1;) {
		if (*s == '\\') {
			s++;
			o = put_unescaped(o, &s);
		} else {
			*o++ = *s++;
		}
	}
	return text;
}

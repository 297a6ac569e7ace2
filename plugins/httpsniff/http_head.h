/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * http_head.h - one line of a head at a time: what a start line and a field say.
 */
#ifndef HTTPSNIFF_HTTP_HEAD_H
#define HTTPSNIFF_HTTP_HEAD_H

#include "http.h"

#define HTTP_METHOD_MAX 64

/* A head that is being read. */
struct http_reading {
	struct http_head head;
	bool started; /* the start line was read */
	bool absolute; /* the host is the target's */
	bool coded, chunked; /* a Transfer-Encoding; its last coding is chunked */
	bool bad_length;
};

/* A line without its line end. Of one that was too long, the first bytes; then
 * `tail` is its last ones, else NULL. */
struct http_line {
	const char *at;
	size_t len;
	const char *tail;
	size_t tail_len;
};

/* Of `len` bytes with a line end what is before it. */
struct http_line http_without_end(struct http_reading *r, const char *at, size_t len);

bool http_is_space(char c);
bool http_text_is(struct http_text text, const char *s);

/* May these first bytes of a start line be one? */
bool http_may_start(enum http_side side, const char *line, size_t len);

/* False if it isn't a start line. The line's bytes are the head's texts. */
bool http_start_line(struct http_reading *r, enum http_side side, const struct http_line *line);

/* A start line whose end wasn't seen: false if it doesn't say enough. */
bool http_part_of_start_line(struct http_reading *r, enum http_side side,
			     const struct http_line *line);

/* In the midst of who knows what: does a message begin here? Text in a body should
 * not do, nor the end of a method. */
bool http_starts_here(enum http_side side, const char *data, size_t len);

/* By its method, if its fields weren't seen. */
bool http_may_have_body(const struct http_head *request);

/* False if it has no colon. The line's bytes may become the head's texts. */
bool http_field(struct http_reading *r, const struct http_line *line);

/* After the last line. */
void http_head_end(struct http_reading *r);

#endif

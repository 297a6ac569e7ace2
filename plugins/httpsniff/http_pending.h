/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * http_pending.h - a head that doesn't end where it began. Its lines are gathered
 * in a buffer, where a line that is read and isn't needed makes room for the next:
 * so a head of any length is read to its end, and loses no more than what
 * would not fit.
 */
#ifndef HTTPSNIFF_HTTP_PENDING_H
#define HTTPSNIFF_HTTP_PENDING_H

#include "http_head.h"

#define HTTP_KEEP_MAX (HTTP_HEAD_MAX + 512) /* bytes that texts are in */
#define HTTP_ROOM     (HTTP_HEAD_MAX + 1024) /* a line that frames the body fits behind them */

struct http_pending {
	struct http_reading reading;
	uint16_t kept, line; /* bytes of texts, and of the line behind them */
	bool cut; /* the line was longer than there was room */
	bool ended; /* the line is complete; if the next begins with a space it isn't */
	bool lost; /* bytes of the line are missing */
	bool gap; /* bytes of the head are missing */
	bool over; /* so many that it can't go on */
	char bytes[HTTP_ROOM];
};

/* The next bytes of a line. */
void http_pending_add(struct http_pending *p, const char *at, size_t len);

/* The line that has ended. */
struct http_line http_pending_line(struct http_pending *p);

/* It has been read: it is kept if a text is in it. */
void http_pending_next(struct http_pending *p);

/* It goes on in the next one. */
void http_pending_unfold(struct http_pending *p);

/* It ends the head. */
bool http_pending_is_empty(const struct http_pending *p);

#endif

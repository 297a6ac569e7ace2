/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "http_pending.h"

#include <string.h>

#define TAIL 16 /* of a start line that is cut: the version */

const size_t http_pending_size = sizeof(struct http_pending);

/* Of what doesn't fit the last bytes stay at the buffer's end. */
void http_pending_add(struct http_pending *p, const char *at, size_t len)
{
	size_t room = p->reading.started ? HTTP_ROOM : HTTP_HEAD_MAX, n;
	char *tail = p->bytes + HTTP_HEAD_MAX - TAIL;

	room -= (size_t)p->kept + p->line;
	n = len < room ? len : room;
	memcpy(p->bytes + p->kept + p->line, at, n);
	p->line = (uint16_t)(p->line + n);
	p->reading.head.length += len;
	at += n;
	len -= n;
	if (!len)
		return;
	p->cut = true;
	if (p->reading.started)
		return;
	n = len < TAIL ? len : TAIL;
	memmove(tail, tail + n, TAIL - n);
	memcpy(tail + TAIL - n, at + len - n, n);
}

struct http_line http_pending_line(struct http_pending *p)
{
	struct http_line line = {.at = p->bytes + p->kept, .len = p->line};

	if (!p->cut)
		return http_without_end(&p->reading, line.at, line.len);
	line.tail = line.at + line.len;
	if (p->reading.started)
		return line;
	line.tail -= TAIL;
	line.len -= TAIL;
	line.tail_len = http_without_end(&p->reading, line.tail, TAIL).len;
	return line;
}

void http_pending_next(struct http_pending *p)
{
	struct http_head *head = &p->reading.head;
	struct http_text *texts[] = {&head->method, &head->target, &head->host, &head->user_agent,
				     &head->traceparent};
	const char *end = p->bytes + HTTP_KEEP_MAX;
	size_t i, kept = p->kept, last;

	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		if (!texts[i]->at)
			continue;
		if (texts[i]->at > end)
			*texts[i] = (struct http_text){};
		else if (texts[i]->at + texts[i]->len > end)
			texts[i]->len = (uint16_t)(end - texts[i]->at);
		last = texts[i]->at ? (size_t)(texts[i]->at + texts[i]->len - p->bytes) : 0;
		kept = last > kept ? last : kept;
	}
	p->kept = (uint16_t)kept;
	p->line = 0;
	p->cut = p->ended = p->lost = false;
}

void http_pending_unfold(struct http_pending *p)
{
	struct http_line line = http_pending_line(p);

	p->ended = false;
	p->reading.head.flags |= HTTP_FOLDED;
	if (!p->cut)
		memset(p->bytes + p->kept + line.len, ' ', p->line - line.len);
}

bool http_pending_is_empty(const struct http_pending *p)
{
	const char *at = p->bytes + p->kept;

	return !p->lost &&
	       ((p->line == 1 && *at == '\n') || (p->line == 2 && !memcmp(at, "\r\n", 2)));
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * http.c - where heads begin and end in a direction's bytes.
 *
 * A head that is whole in one piece of data is read in place, others line by line
 * in a buffer of their own (http_pending.h).
 */
#include "http.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "http_pending.h"

#define GAP_MAX 65536 /* a head doesn't go on behind a longer one */

enum state {
	START, /* between messages */
	HEAD, /* in one: pending */
	BODY,
	CHUNK_SIZE,
	CHUNK,
	CHUNK_END,
	TRAILER,
	REST, /* a body to the connection's end */
	LOST, /* anywhere */
	LOST_CHUNKED, /* in a chunked body */
	TUNNEL,
	BAD,
};

enum http_last { LAST_OTHER, LAST_CONNECT, LAST_UPGRADE, LAST_2XX };

/* In http.line. */
enum chunk_line { CHUNK_NO_DIGIT, CHUNK_DIGITS, CHUNK_EXTENSION };
enum trailer_line { TRAILER_EMPTY, TRAILER_CR, TRAILER_FIELD };

void http_init(struct http *h, enum http_side side)
{
	*h = (struct http){.side = (uint8_t)side};
}

void http_init_midway(struct http *h, enum http_side side)
{
	*h = (struct http){.side = (uint8_t)side, .state = LOST, .unsure = true};
}

static void drop_pending(struct http *h)
{
	free(h->pending);
	h->pending = NULL;
}

void http_free(struct http *h)
{
	drop_pending(h);
	http_init(h, h->side);
}

void http_release(struct http *h)
{
	if (h->state != HEAD)
		drop_pending(h);
}

/* --- what comes behind a head ---------------------------------------------- */

static enum state framed(const struct http *h, const struct http_reading *r, bool gap)
{
	const struct http_head *head = &r->head;
	bool response = h->side == HTTP_RESPONSES;

	if (head->flags & HTTP_H2_PREFACE || head->status == 101)
		return TUNNEL;
	if (response && (head->status < 200 || head->status == 204 || head->status == 304))
		return START;
	if (r->chunked)
		return CHUNK_SIZE;
	if (r->bad_length || (r->coded && !response))
		return BAD;
	if (r->coded)
		return REST;
	if (head->flags & HTTP_HAS_LENGTH)
		return head->content_length ? BODY : START;
	if (gap && (response || http_may_have_body(head)))
		return LOST;
	return response || (!head->major && head->minor) ? REST : START;
}

static int report(struct http *h, struct http_reading *r, bool gap, struct http_head *head)
{
	http_head_end(r);
	if (gap)
		r->head.flags |= HTTP_TRUNCATED;
	else
		h->unsure = false;
	h->state = (uint8_t)framed(h, r, gap);
	h->left = h->state == BODY ? r->head.content_length : 0;
	h->line = 0;
	h->last = LAST_OTHER;
	if (r->head.status / 100 == 2)
		h->last = LAST_2XX;
	else if (http_text_is(r->head.method, "CONNECT"))
		h->last = LAST_CONNECT;
	else if (h->side == HTTP_REQUESTS && r->head.flags & HTTP_UPGRADE)
		h->last = LAST_UPGRADE;
	*head = r->head;
	return HTTP_HEAD;
}

/* Behind a gap: its end can't be found. */
static int report_lost(struct http *h, struct http_head *head)
{
	int r = report(h, &h->pending->reading, true, head);

	h->state = LOST;
	return r;
}

/* What should be a start line is none. */
static int not_http(struct http *h)
{
	drop_pending(h);
	if (h->unsure) {
		h->state = LOST;
		return HTTP_MORE;
	}
	h->state = h->last == LAST_CONNECT || h->last == LAST_UPGRADE ? TUNNEL : BAD;
	return h->state == TUNNEL ? HTTP_TUNNEL : HTTP_BAD;
}

/* --- heads ----------------------------------------------------------------- */

static bool may_start(const struct http *h, const char *at, size_t len)
{
	static const char connect[] = "CONNECT ";
	size_t n = sizeof(connect) - 1;

	if (h->last == LAST_CONNECT && memcmp(at, connect, len < n ? len : n))
		return false;
	return http_may_start(h->side, at, len);
}

static bool start_line(const struct http *h, struct http_reading *r, const struct http_line *line)
{
	return may_start(h, line->at, line->len) && http_start_line(r, h->side, line);
}

/* HTTP/0.9 has nothing behind its start line. */
static bool is_whole(const struct http_reading *r)
{
	return !r->head.major && r->head.minor;
}

/* HTTP_MORE if it isn't whole there, or needs the buffer. */
static int head_in_place(struct http *h, const char *data, size_t len, size_t *used,
			 struct http_head *head)
{
	size_t limit = len < HTTP_HEAD_MAX ? len : HTTP_HEAD_MAX, at = 0, n;
	struct http_reading r = {};
	struct http_line line;
	const char *lf;

	for (;;) {
		lf = memchr(data + at, '\n', limit - at);
		if (!lf || (at && http_is_space(data[at])))
			return HTTP_MORE;
		n = (size_t)(lf + 1 - data) - at;
		line = http_without_end(&r, data + at, n);
		at += n;
		if (!r.started) {
			if (!start_line(h, &r, &line))
				return not_http(h);
			if (is_whole(&r))
				break;
		} else if (!line.len) {
			break;
		} else {
			http_field(&r, &line);
		}
	}
	*used = at;
	r.head.length = at;
	r.head.segments = 1;
	return report(h, &r, false, head);
}

/* Reads the line that has ended. False if it is no start line, or if behind a gap
 * it is no field. */
static bool read_line(struct http *h, struct http_pending *p)
{
	struct http_line line = http_pending_line(p);
	bool ok = true;

	if (p->lost)
		ok = true;
	else if (!p->reading.started)
		ok = start_line(h, &p->reading, &line);
	else
		ok = http_field(&p->reading, &line) || !p->gap;
	http_pending_next(p);
	return ok;
}

/* Up to the end of a line: HTTP_MORE to go on. */
static int head_piece(struct http *h, const char *data, size_t len, size_t *used,
		      struct http_head *head)
{
	struct http_pending *p = h->pending;
	struct http_reading *r = &p->reading;
	const char *lf;
	size_t n;

	*used = 0;
	if (p->ended && r->started) {
		if (http_is_space(*data))
			http_pending_unfold(p);
		else if (!read_line(h, p))
			return report_lost(h, head);
	}
	lf = memchr(data, '\n', len);
	n = lf ? (size_t)(lf + 1 - data) : len;
	http_pending_add(p, data, n);
	*used = n;
	if (!r->started && !may_start(h, p->bytes, p->line))
		return not_http(h);
	if (!lf)
		return HTTP_MORE;
	if (r->started) {
		if (!http_pending_is_empty(p)) {
			p->ended = true;
			return HTTP_MORE;
		}
		if (p->line == 1)
			r->head.flags |= HTTP_BARE_LF;
		return report(h, r, p->gap, head);
	}
	if (!read_line(h, p))
		return not_http(h);
	return is_whole(r) ? report(h, r, false, head) : HTTP_MORE;
}

static int head_feed(struct http *h, const char *data, size_t len, size_t *used,
		     struct http_head *head)
{
	size_t n;
	int r;

	*used = 0;
	if (!h->pending) {
		r = head_in_place(h, data, len, used, head);
		if (r != HTTP_MORE || h->state == LOST)
			return r;
		h->pending = calloc(1, sizeof(*h->pending));
		if (!h->pending)
			return -ENOMEM;
		h->state = HEAD;
	} else if (h->pending->gap && (h->pending->over || http_starts_here(h->side, data, len))) {
		return report_lost(h, head);
	}
	h->pending->reading.head.segments++;
	for (; *used < len; *used += n) {
		r = head_piece(h, data + *used, len - *used, &n, head);
		if (r != HTTP_MORE || h->state != HEAD) {
			*used += n;
			return r;
		}
	}
	return HTTP_MORE;
}

/* --- between and in bodies -------------------------------------------------- */

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* chunk-size [ extension ] and a line end. */
static void chunk_size(struct http *h, char c)
{
	int digit = hex(c);

	if (c == '\n' && h->line != CHUNK_NO_DIGIT) {
		h->state = h->left ? CHUNK : TRAILER;
		h->line = 0;
	} else if (h->line == CHUNK_EXTENSION) {
		return;
	} else if (digit >= 0 && h->left < UINT64_MAX >> 5) {
		h->left = h->left << 4 | (uint64_t)digit;
		h->line = CHUNK_DIGITS;
	} else if (h->line == CHUNK_DIGITS && (c == ';' || c == '\r' || http_is_space(c))) {
		h->line = CHUNK_EXTENSION;
	} else {
		h->state = BAD;
	}
}

static void chunk_end(struct http *h, char c)
{
	if (c == '\r' && !h->line) {
		h->line = 1;
		return;
	}
	h->state = c == '\n' ? CHUNK_SIZE : BAD;
	h->line = CHUNK_NO_DIGIT;
}

/* Fields up to an empty line. */
static void trailer(struct http *h, char c)
{
	if (c == '\n') {
		h->state = h->line == TRAILER_FIELD ? TRAILER : START;
		h->line = TRAILER_EMPTY;
	} else {
		h->line = c == '\r' && h->line == TRAILER_EMPTY ? TRAILER_CR : TRAILER_FIELD;
	}
}

static void (*const by_byte[BAD + 1])(struct http *h, char c) = {
	[CHUNK_SIZE] = chunk_size,
	[CHUNK_END] = chunk_end,
	[TRAILER] = trailer,
};

static size_t skip_body(struct http *h, uint64_t len)
{
	uint64_t n = len < h->left ? len : h->left;

	h->left -= n;
	if (!h->left) {
		h->state = h->state == CHUNK ? CHUNK_END : START;
		h->line = 0;
	}
	return n;
}

/* Bytes that no head is in: how many, 0 if one begins here. */
static size_t between(struct http *h, const char *data, size_t len)
{
	size_t n;

	switch ((enum state)h->state) {
	case START: /* RFC 9112, 2.2: empty lines before a request are nothing */
		for (n = 0; n < len && (data[n] == '\r' || data[n] == '\n'); n++)
			;
		return n;
	case BODY:
	case CHUNK:
		return skip_body(h, len);
	case CHUNK_SIZE:
	case CHUNK_END:
	case TRAILER:
		by_byte[h->state](h, *data);
		return 1;
	case HEAD:
		return 0;
	default:
		return len;
	}
}

/*
 * In a chunked body of which bytes were lost: where its chunks are isn't known any more, and
 * its text may look like requests. It is taken to be over behind what chunked bodies end
 * in, where the piece ends or a start line follows. How many bytes that is.
 */
static size_t find_last_chunk(struct http *h, const char *data, size_t len)
{
	static const char last[] = "\n0\r\n\r\n";
	static const uint8_t otherwise[] = {0, 0, 0, 0, 1, 0, 1}; /* what else has been matched */

	for (size_t i = 0; i < len; i++) {
		while (h->line && data[i] != last[h->line])
			h->line = otherwise[h->line];
		h->line += data[i] == last[h->line];
		if (h->line < sizeof(last) - 1)
			continue;
		if (i + 1 < len && !http_starts_here(h->side, data + i + 1, len - i - 1))
			continue;
		h->state = i + 1 < len ? START : LOST;
		h->left = h->line = 0;
		return i + 1;
	}
	return len;
}

/* At the begin of a piece; what is left of the one before is none. How many
 * bytes that is. */
static size_t find_start(struct http *h, const char *data, size_t len)
{
	size_t n = h->left < len ? h->left : len;

	h->left -= n;
	if (n < len && http_starts_here(h->side, data + n, len - n))
		h->state = START;
	return n;
}

int http_feed(struct http *h, const void *data, size_t len, size_t *used, struct http_head *head)
{
	const char *at = data;
	size_t n, done = 0;
	int r = HTTP_MORE;

	http_release(h);
	if (h->state == LOST_CHUNKED)
		done = find_last_chunk(h, at, len);
	else if (h->state == LOST)
		done = find_start(h, at, len);
	while (r == HTTP_MORE && done < len) {
		n = between(h, at + done, len - done);
		done += n;
		if (n)
			continue;
		r = head_feed(h, at + done, len - done, &n, head);
		done += r == HTTP_HEAD || r == HTTP_MORE ? n : 0;
	}
	if (r < 0)
		h->state = BAD;
	if (r == HTTP_MORE && h->state == TUNNEL)
		r = HTTP_TUNNEL;
	else if (r == HTTP_MORE && h->state == BAD)
		r = HTTP_BAD;
	*used = r == HTTP_HEAD ? done : len;
	if (h->state == LOST)
		h->left = done ? len - *used : 0;
	return r;
}

int http_end(struct http *h, struct http_head *head)
{
	struct http_pending *p = h->pending;
	struct http_line line;
	int r;

	if (h->state != HEAD)
		return HTTP_MORE;
	if (!p->reading.started) {
		line = (struct http_line){.at = p->bytes, .len = p->line};
		if (!http_part_of_start_line(&p->reading, h->side, &line))
			return HTTP_MORE;
	} else if (p->ended) {
		read_line(h, p);
	}
	r = report(h, &p->reading, true, head);
	h->state = BAD;
	return r;
}

/* --- gaps ------------------------------------------------------------------ */

uint64_t http_skippable(const struct http *h)
{
	switch ((enum state)h->state) {
	case BODY:
	case CHUNK:
		return h->left;
	case REST:
	case TUNNEL:
	case BAD:
		return UINT64_MAX;
	default:
		return 0;
	}
}

bool http_wants_end(const struct http *h)
{
	return h->state == LOST_CHUNKED;
}

/* The line the gap is in is lost, but for the begin of a start line. */
static void gap_in_head(struct http *h, uint64_t n)
{
	struct http_pending *p = h->pending;
	struct http_line line = {.at = p->bytes, .len = p->line};

	if (p->ended)
		read_line(h, p);
	if (!p->reading.started) {
		if (!http_part_of_start_line(&p->reading, h->side, &line)) {
			not_http(h);
			return;
		}
	}
	http_pending_next(p);
	p->reading.head.length += n;
	p->gap = p->lost = true;
	p->over = p->over || n > GAP_MAX;
}

static bool in_chunks(const struct http *h)
{
	return (h->state >= CHUNK_SIZE && h->state <= TRAILER) || h->state == LOST_CHUNKED;
}

void http_skip(struct http *h, uint64_t n)
{
	uint64_t body = http_skippable(h);

	http_release(h);
	if (!n || body == UINT64_MAX)
		return;
	if (body) {
		n -= skip_body(h, n);
		if (!n)
			return;
	}
	h->unsure = true;
	h->left = 0;
	if (h->state == HEAD)
		gap_in_head(h, n);
	else
		h->state = in_chunks(h) ? LOST_CHUNKED : LOST;
	h->line = 1; /* its line end may be among the lost */
}

/* --- the other direction ---------------------------------------------------- */

void http_answers(struct http *h, enum http_asked asked)
{
	if (h->state == TUNNEL || h->state == BAD)
		return;
	if (asked == HTTP_ASKED_HEAD)
		h->state = START;
	else if (asked == HTTP_ASKED_CONNECT && h->last == LAST_2XX)
		h->state = TUNNEL;
}

void http_answered(struct http *h, uint16_t status)
{
	if (status == 101 || (h->last == LAST_CONNECT && status / 100 == 2)) {
		drop_pending(h);
		h->state = TUNNEL;
	} else if (status >= 200) {
		h->last = LAST_OTHER;
	}
}

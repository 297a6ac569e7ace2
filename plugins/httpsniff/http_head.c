/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * http_head.c - lines of heads as servers read them rather than as they ought to
 * be: whom a line is for decides what it means, we say what was sent.
 */
#include "http_head.h"

#include <string.h>
#include <strings.h>

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

bool http_is_space(char c)
{
	return c == ' ' || c == '\t';
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
	return (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
}

static bool is_one_of(char c, const char *set)
{
	return c && strchr(set, c);
}

/* tchar of RFC 9110. */
static bool is_token(char c)
{
	return is_digit(c) || is_letter(c) || is_one_of(c, "!#$%&'*+-.^_`|~");
}

/* CRs before a line's end are as good as spaces (nginx). */
static struct http_text trim(const char *at, const char *end)
{
	while (at < end && http_is_space(*at))
		at++;
	while (end > at && (http_is_space(end[-1]) || end[-1] == '\r'))
		end--;
	return (struct http_text){.at = at, .len = (uint16_t)(end - at)};
}

/* Names of fields and codings have no case, methods do. */
static bool is_named(struct http_text text, const char *s)
{
	return text.len == strlen(s) && !strncasecmp(text.at, s, text.len);
}

bool http_text_is(struct http_text text, const char *s)
{
	return text.len == strlen(s) && !memcmp(text.at, s, text.len);
}

/* Whichever is shorter begins the other. */
static bool agrees(const char *at, size_t len, const char *with)
{
	size_t n = strlen(with);

	return !memcmp(at, with, len < n ? len : n);
}

struct http_line http_without_end(struct http_reading *r, const char *at, size_t len)
{
	len--;
	if (len && at[len - 1] == '\r')
		len--;
	else
		r->head.flags |= HTTP_BARE_LF;
	return (struct http_line){.at = at, .len = len};
}

/* --- start lines ----------------------------------------------------------- */

bool http_may_start(enum http_side side, const char *line, size_t len)
{
	size_t n;

	if (side == HTTP_RESPONSES)
		return agrees(line, len, "HTTP/");
	for (n = 0; n < len && n <= HTTP_METHOD_MAX && is_token(line[n]); n++)
		;
	if (n == len)
		return n <= HTTP_METHOD_MAX;
	return n && n <= HTTP_METHOD_MAX && http_is_space(line[n]);
}

/* HTTP/1.1. Servers take, and we flag, small letters and more digits behind the dot,
 * which count as 1 where they are no small number. */
static bool set_version(struct http_head *head, struct http_text text)
{
	unsigned int minor = 0;
	uint16_t i;

	if (text.len < 8 || text.len > 10 || strncasecmp(text.at, "HTTP/", 5) ||
	    !is_digit(text.at[5]) || text.at[5] == '0' || text.at[6] != '.')
		return false;
	for (i = 7; i < text.len; i++) {
		if (!is_digit(text.at[i]))
			return false;
		minor = minor * 10 + (unsigned int)(text.at[i] - '0');
	}
	if (text.len > 8 || memcmp(text.at, "HTTP", 4))
		head->flags |= HTTP_ODD;
	head->major = (uint8_t)(text.at[5] - '0');
	head->minor = (uint8_t)(minor > 9 ? 1 : minor);
	return true;
}

/* scheme "://" [userinfo "@"] host[:port]: the last of them. */
static struct http_text authority(struct http_text target)
{
	const char *end = target.at + target.len, *at = target.at, *p;

	while (at < end && (is_letter(*at) || is_digit(*at) || is_one_of(*at, "+-.")))
		at++;
	if (at == target.at || end - at < 3 || memcmp(at, "://", 3))
		return (struct http_text){};
	at += 3;
	for (p = at; p < end && !is_one_of(*p, "/?#"); p++)
		if (*p == '@')
			at = p + 1;
	return (struct http_text){p > at ? at : NULL, (uint16_t)(p - at)};
}

static void set_target(struct http_reading *r, struct http_text target)
{
	struct http_head *head = &r->head;
	uint16_t i;

	head->target = target;
	for (i = 0; i < target.len; i++)
		if ((unsigned char)target.at[i] <= ' ' || target.at[i] == 0x7f)
			head->flags |= HTTP_ODD;
	head->host = authority(target);
	r->absolute = head->host.at != NULL;
}

/* The rest of the line behind the method, which is set. */
static struct http_text set_method(struct http_reading *r, const struct http_line *line)
{
	const char *at = line->at, *end = line->at + line->len;

	while (at < end && !http_is_space(*at))
		at++;
	r->head.method = (struct http_text){line->at, (uint16_t)(at - line->at)};
	if (end - at < 2 || *at != ' ' || http_is_space(at[1]))
		r->head.flags |= HTTP_ODD;
	return trim(at, end);
}

/* The target is all between the method and the version, whatever it is made of. */
static bool request_line(struct http_reading *r, const struct http_line *line)
{
	struct http_text rest = set_method(r, line), version;
	const char *end = line->tail ? line->tail + line->tail_len : rest.at + rest.len, *at;
	const char *begin = line->tail ? line->tail : rest.at;

	version = trim(begin, end);
	for (at = version.at + version.len; at > version.at && !http_is_space(at[-1]); at--)
		;
	end = version.at + version.len;
	version = (struct http_text){at, (uint16_t)(end - at)};
	if (!set_version(&r->head, version)) {
		/* HTTP/0.9: a GET is all, and the answer comes without a head. */
		if (line->tail || at != rest.at || !http_text_is(r->head.method, "GET") ||
		    !rest.len || (*rest.at != '/' && !authority(rest).at))
			return false;
		r->head.minor = 9;
		set_target(r, rest);
		return true;
	}
	if (!line->tail) {
		rest = trim(rest.at, at);
		if (rest.at + rest.len + 1 != at || at[-1] != ' ' || end != line->at + line->len)
			r->head.flags |= HTTP_ODD;
	}
	set_target(r, rest);
	if (r->head.major == 2 && http_text_is(r->head.method, "PRI") && http_text_is(rest, "*"))
		r->head.flags |= HTTP_H2_PREFACE;
	return rest.len;
}

/* The reason may be missing, and the space before it. */
static bool status_line(struct http_reading *r, const struct http_line *line)
{
	const char *end = line->at + line->len, *space = memchr(line->at, ' ', line->len), *at;

	if (!space || space > line->at + 10 ||
	    !set_version(&r->head, (struct http_text){line->at, (uint16_t)(space - line->at)}))
		return false;
	for (at = space; at < end && *at == ' '; at++)
		;
	if (end - at < 3 || !is_digit(at[0]) || at[0] == '0' || !is_digit(at[1]) ||
	    !is_digit(at[2]) || (end - at > 3 && !http_is_space(at[3]) && at[3] != '\r'))
		return false;
	if (at != space + 1)
		r->head.flags |= HTTP_ODD;
	r->head.status = (uint16_t)((at[0] - '0') * 100 + (at[1] - '0') * 10 + (at[2] - '0'));
	return true;
}

bool http_start_line(struct http_reading *r, enum http_side side, const struct http_line *line)
{
	if (!http_may_start(side, line->at, line->len))
		return false;
	r->started = side == HTTP_REQUESTS ? request_line(r, line) : status_line(r, line);
	return r->started;
}

bool http_part_of_start_line(struct http_reading *r, enum http_side side,
			     const struct http_line *line)
{
	struct http_text rest;

	if (!http_may_start(side, line->at, line->len))
		return false;
	r->head.flags |= HTTP_TRUNCATED;
	if (side == HTTP_RESPONSES)
		return r->started = status_line(r, line);
	rest = set_method(r, line);
	set_target(r, rest);
	r->started = rest.len;
	return r->started;
}

/* IANA's registry of methods. */
static const char *const registered[] = {
	"GET",
	"POST",
	"HEAD",
	"PUT",
	"OPTIONS",
	"DELETE",
	"PATCH",
	"CONNECT",
	"TRACE",
	"QUERY",
	"PROPFIND",
	"REPORT",
	"ACL",
	"BASELINE-CONTROL",
	"BIND",
	"CHECKIN",
	"CHECKOUT",
	"COPY",
	"LABEL",
	"LINK",
	"LOCK",
	"MERGE",
	"MKACTIVITY",
	"MKCALENDAR",
	"MKCOL",
	"MKREDIRECTREF",
	"MKWORKSPACE",
	"MOVE",
	"ORDERPATCH",
	"PRI",
	"PROPPATCH",
	"REBIND",
	"SEARCH",
	"UNBIND",
	"UNCHECKOUT",
	"UNLINK",
	"UNLOCK",
	"UPDATE",
	"UPDATEREDIRECTREF",
	"VERSION-CONTROL",
};

static bool is_registered(struct http_text method)
{
	size_t i;

	for (i = 0; i < LENGTH(registered); i++)
		if (http_text_is(method, registered[i]))
			return true;
	return false;
}

bool http_starts_here(enum http_side side, const char *data, size_t len)
{
	const char *lf = memchr(data, '\n', len);
	struct http_line line = {.at = data, .len = lf ? (size_t)(lf - data) : len};
	struct http_reading r = {};
	struct http_text target;

	if (lf && line.len && data[line.len - 1] == '\r')
		line.len--;
	if (lf && (!http_start_line(&r, side, &line) || !r.head.major))
		return false;
	if (!lf && !http_part_of_start_line(&r, side, &line))
		return false;
	target = r.head.target;
	return side == HTTP_RESPONSES ||
	       (is_registered(r.head.method) &&
		(lf || *target.at == '/' || r.absolute || http_text_is(r.head.method, "CONNECT")));
}

bool http_may_have_body(const struct http_head *request)
{
	static const char *const without[] = {"GET", "HEAD", "OPTIONS", "CONNECT"};
	size_t i;

	for (i = 0; i < LENGTH(without); i++)
		if (http_text_is(request->method, without[i]))
			return false;
	return true;
}

/* --- fields ---------------------------------------------------------------- */

/* The first of a kind counts, and a Host no more than an absolute target. */
static void set_text(struct http_text *text, struct http_text value)
{
	if (!text->at)
		*text = value;
}

static void host(struct http_reading *r, struct http_text value)
{
	if (r->absolute)
		return;
	if (r->head.host.at)
		r->head.flags |= HTTP_ODD;
	set_text(&r->head.host, value);
}

static void user_agent(struct http_reading *r, struct http_text value)
{
	set_text(&r->head.user_agent, value);
}

static void traceparent(struct http_reading *r, struct http_text value)
{
	set_text(&r->head.traceparent, value);
}

static void upgrade(struct http_reading *r, struct http_text value)
{
	(void)value;
	r->head.flags |= HTTP_UPGRADE;
}

static bool number(struct http_text text, uint64_t *to)
{
	uint64_t n = 0, digit;
	uint16_t i;

	for (i = 0; i < text.len; i++) {
		digit = (uint64_t)(text.at[i] - '0');
		if (!is_digit(text.at[i]) || n > (INT64_MAX - digit) / 10)
			return false;
		n = n * 10 + digit;
	}
	*to = n;
	return text.len;
}

/* A list of one number said again and again is that number. */
static void content_length(struct http_reading *r, struct http_text value)
{
	const char *at = value.at, *end = value.at + value.len, *comma;
	uint64_t n;

	for (;; at = comma + 1) {
		comma = memchr(at, ',', (size_t)(end - at));
		if (!number(trim(at, comma ? comma : end), &n) ||
		    ((r->head.flags & HTTP_HAS_LENGTH) && n != r->head.content_length)) {
			r->bad_length = true;
			return;
		}
		r->head.flags |= HTTP_HAS_LENGTH;
		r->head.content_length = n;
		if (!comma)
			return;
	}
}

/* The last coding of the last field is the one that frames the body. */
static void transfer_encoding(struct http_reading *r, struct http_text value)
{
	const char *end = value.at + value.len, *at = end;

	while (at > value.at && at[-1] != ',')
		at--;
	r->coded = true;
	r->chunked = is_named(trim(at, end), "chunked");
}

static const struct {
	const char *name;
	bool framing; /* must not be cut */
	void (*read)(struct http_reading *r, struct http_text value);
} fields[] = {
	{"Host", false, host},
	{"User-Agent", false, user_agent},
	{"Content-Length", true, content_length},
	{"Transfer-Encoding", true, transfer_encoding},
	{"Upgrade", false, upgrade},
	{"traceparent", false, traceparent},
};

bool http_field(struct http_reading *r, const struct http_line *line)
{
	const char *colon = memchr(line->at, ':', line->len), *end = line->at + line->len;
	struct http_text name, value;
	size_t i;

	if (line->tail)
		r->head.flags |= HTTP_TRUNCATED;
	if (!colon || colon == line->at) {
		r->head.flags |= HTTP_ODD;
		return false;
	}
	name = trim(line->at, colon);
	if (name.at + name.len != colon || name.at != line->at || memchr(line->at, '\r', line->len))
		r->head.flags |= HTTP_ODD;
	value = trim(colon + 1, end);
	for (i = 0; i < LENGTH(fields); i++) {
		if (!is_named(name, fields[i].name))
			continue;
		if (fields[i].framing && line->tail)
			r->bad_length = true;
		else
			fields[i].read(r, value);
		break;
	}
	return true;
}

void http_head_end(struct http_reading *r)
{
	struct http_head *head = &r->head;

	if (http_text_is(head->method, "CONNECT"))
		set_text(&head->host, head->target);
	if (r->chunked)
		head->flags |= HTTP_CHUNKED;
	if (r->bad_length || (r->coded && (!r->chunked || (head->flags & HTTP_HAS_LENGTH) ||
					   !(head->major == 1 && head->minor))))
		head->flags |= HTTP_AMBIGUOUS;
	if (head->length > HTTP_HEAD_MAX)
		head->flags |= HTTP_TRUNCATED;
}

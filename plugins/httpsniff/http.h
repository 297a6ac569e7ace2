/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * http.h - the heads of HTTP/1 messages (RFC 9112) in one direction of a connection.
 *
 * Bytes go in as they come, in pieces of any size; heads come out, and the
 * same ones however the bytes were split. Bodies are followed by their framing
 * and never looked into, and what the framing says of them may stay unseen
 * (http_skippable), so that who copies packets need not copy bodies.
 *
 * A connection's whole state is struct http. A head that doesn't end where it
 * began stands in a buffer, and only until it is reported.
 */
#ifndef HTTPSNIFF_HTTP_H
#define HTTPSNIFF_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A longer head is truncated: its framing is still read and its end found, but a
 * text may be cut or missing. */
#define HTTP_HEAD_MAX 4096

enum http_side { HTTP_REQUESTS, HTTP_RESPONSES };

enum http_result {
	HTTP_MORE, /* all used, no head is complete */
	HTTP_HEAD, /* *head is filled; more may follow in the data that wasn't used */
	HTTP_TUNNEL, /* from here on it isn't HTTP/1; nothing more comes of this direction */
	HTTP_BAD, /* not HTTP, or framed as no two servers would read it; likewise */
};

enum http_flags {
	HTTP_TRUNCATED = 1 << 0, /* over HTTP_HEAD_MAX, or bytes of it weren't seen */
	HTTP_BARE_LF = 1 << 1, /* a line ended without CR */
	HTTP_FOLDED = 1 << 2, /* obs-fold; texts have spaces where the fold was */
	HTTP_ODD = 1 << 3, /* not as RFC 9112 has it, though readable: spaces in the target or
			    * before a colon, lines without a colon, two Hosts, ... */
	HTTP_HAS_LENGTH = 1 << 4, /* content_length is known */
	HTTP_CHUNKED = 1 << 5,
	HTTP_AMBIGUOUS = 1 << 6, /* Content-Length beside Transfer-Encoding, lengths that differ or
				  * are no number, an unknown last coding: request smuggling
				  * looks like this */
	HTTP_UPGRADE = 1 << 7, /* an Upgrade field */
	HTTP_H2_PREFACE = 1 << 8, /* PRI * HTTP/2.0: the client speaks HTTP/2 from here on */
};

/* Bytes as sent, not terminated; at is NULL where the head has no such text. */
struct http_text {
	const char *at;
	uint16_t len;
};

struct http_head {
	struct http_text method, target; /* requests */
	struct http_text host; /* of an absolute target, else the Host field */
	struct http_text user_agent, traceparent;
	uint8_t major, minor; /* 0.9: a GET without a version, which has no fields; 0.0: not seen */
	uint16_t status; /* responses */
	uint32_t flags;
	uint64_t content_length; /* with HTTP_HAS_LENGTH; says nothing beside HTTP_CHUNKED */
	uint64_t length; /* bytes from the first of the start line to the empty line's end */
	uint16_t segments; /* calls of http_feed that brought some of it */
};

/* What a response answers, where that changes how it ends. */
enum http_asked { HTTP_ASKED_OTHER, HTTP_ASKED_HEAD, HTTP_ASKED_CONNECT };

struct http_pending;

/* One direction. Zeroed is a valid state: requests, at the connection's first byte. */
struct http {
	struct http_pending *pending; /* of a head that spans calls, NULL otherwise */
	uint64_t left; /* bytes of the body or chunk; after a gap, of a piece not to look into */
	uint8_t side, state;
	uint8_t last; /* the last head's enum http_last */
	uint8_t line; /* of a chunked body: what this line had so far */
	bool unsure; /* bytes were lost and no whole head seen since */
};

/* What http.pending takes: for who has a budget. */
extern const size_t http_pending_size;

/* A direction at the connection's start. Nothing to free until bytes are fed. */
void http_init(struct http *h, enum http_side side);

/* A connection that is seen from its middle: nothing is HTTP before a piece of
 * data that begins with a start line. */
void http_init_midway(struct http *h, enum http_side side);

/* Frees what it holds; h is as after http_init. Safe on a zeroed one, and twice. */
void http_free(struct http *h);

/* Reads up to len bytes, the next of the direction. An enum http_result, or
 * -ENOMEM (then as HTTP_BAD from here on). *used is how many bytes were read:
 * all but with HTTP_HEAD, which stops at the head's end: call again with the
 * rest. It may be 0 there (a head that a gap has cut). *head is written with
 * HTTP_HEAD only; its texts stand in data or in h and live until either goes
 * or h is used again. */
int http_feed(struct http *h, const void *data, size_t len, size_t *used, struct http_head *head);

/* No more bytes will come: HTTP_HEAD for one whose end wasn't seen (truncated), if
 * at least a method and the begin of a target, or a status, were; else HTTP_MORE. */
int http_end(struct http *h, struct http_head *head);

/* Frees what the head last reported stood in. For who keeps idle connections. */
void http_release(struct http *h);

/* Bytes from here on that may go by unseen, as they are a body's. UINT64_MAX:
 * all that come. 0 in heads, and between chunks. */
uint64_t http_skippable(const struct http *h);

/* Within a chunked body of which bytes were lost: its end is to be seen. */
bool http_wants_end(const struct http *h);

/* n bytes went by unseen. Within a body that is as good as having seen them.
 * Elsewhere: the head is reported truncated by the next call, and the parser
 * finds its place again at the next piece of data that begins with a start line (after a
 * chunked body: behind its last chunk), or, where the gap was small and the head goes on behind it, at the head's end. */
void http_skip(struct http *h, uint64_t n);

/* Of responses, after HTTP_HEAD with a final status (not 1xx but 101): what the
 * request was. Not needed with HTTP_ASKED_OTHER. */
void http_answers(struct http *h, enum http_asked asked);

/* Of requests: the one last reported, with HTTP_UPGRADE or the method CONNECT,
 * was answered so. Who doesn't see responses needn't call: after CONNECT
 * only another CONNECT is a request, and what isn't HTTP after an upgrade is
 * HTTP_TUNNEL. */
void http_answered(struct http *h, uint16_t status);

#endif

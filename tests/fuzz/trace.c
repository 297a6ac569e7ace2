/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "trace.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "../../plugins/httpsniff/tls.h"

static uint64_t next_random(struct pieces *p)
{
	p->seed = p->seed * 6364136223846793005 + 1442695040888963407;
	return p->seed >> 33;
}

size_t pieces_whole(struct pieces *p, size_t at, size_t left)
{
	(void)p, (void)at;
	return left;
}

size_t pieces_sized(struct pieces *p, size_t at, size_t left)
{
	(void)at;
	return p->n < left ? p->n : left;
}

size_t pieces_cut(struct pieces *p, size_t at, size_t left)
{
	return at < p->n && p->n - at < left ? p->n - at : left;
}

size_t pieces_random(struct pieces *p, size_t at, size_t left)
{
	size_t n = 1 + next_random(p) % p->n;

	(void)at;
	return n < left ? n : left;
}

/* --- HTTP ------------------------------------------------------------------ */

static void print_text(FILE *to, const char *name, struct http_text text)
{
	size_t i;

	if (!text.at)
		return;
	fprintf(to, "%s", name);
	for (i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.at[i];

		if (c > ' ' && c < 0x7f && c != '\\')
			putc(c, to);
		else
			fprintf(to, "\\x%02x", c);
	}
}

static void print_flags(FILE *to, uint32_t flags)
{
	static const char *const names[] = {"truncated", "bare-lf",   "folded",	 "odd",	      NULL,
					    "chunked",	 "ambiguous", "upgrade", "h2-preface"};
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (names[i] && flags & 1u << i)
			fprintf(to, " %s", names[i]);
}

static void print_head(FILE *to, const struct http_head *head)
{
	print_text(to, "", head->method);
	print_text(to, " ", head->target);
	if (head->status)
		fprintf(to, "%u", head->status);
	fprintf(to, " %u.%u", head->major, head->minor);
	print_text(to, " host=", head->host);
	print_text(to, " ua=", head->user_agent);
	print_text(to, " tp=", head->traceparent);
	if (head->flags & HTTP_HAS_LENGTH)
		fprintf(to, " body=%" PRIu64, head->content_length);
	print_flags(to, head->flags);
	fprintf(to, " (%" PRIu64 ")\n", head->length);
}

static void answers(struct http *h, const char *asked, const struct http_head *head)
{
	if (!head->status || (head->status < 200 && head->status != 101))
		return;
	if (!strcmp(asked, "HEAD"))
		http_answers(h, HTTP_ASKED_HEAD);
	else if (!strcmp(asked, "CONNECT"))
		http_answers(h, HTTP_ASKED_CONNECT);
}

/* Some bytes go by unseen: how many of `left`. */
static size_t skip(struct http *h, struct pieces *p, size_t left)
{
	uint64_t n = http_skippable(h), most = left;

	if (p->gaps == FEED_ALL || (next_random(p) & 3))
		return 0;
	if (p->gaps == SKIP_BODIES && n == UINT64_MAX)
		return 0; /* what comes at its end may be told */
	if (p->gaps == SKIP_BODIES)
		most = n < left ? n : left;
	n = most ? 1 + next_random(p) % most : 0;
	http_skip(h, n);
	return n;
}

/* A piece, to its end. False if no more need be fed. */
static bool feed(FILE *to, struct http *h, const char *asked, const char *at, size_t len)
{
	struct http_head head;
	size_t used, stuck = 0;
	int r;

	do {
		r = http_feed(h, at, len, &used, &head);
		if (r < 0 || used > len || (r != HTTP_HEAD && used != len) ||
		    (r == HTTP_HEAD && !used && stuck++))
			abort();
		at += used;
		len -= used;
		if (r == HTTP_HEAD) {
			print_head(to, &head);
			answers(h, asked, &head);
		}
	} while (len && (r == HTTP_HEAD || r == HTTP_MORE));
	if (r == HTTP_HEAD || r == HTTP_MORE)
		return true;
	if (http_skippable(h) != UINT64_MAX || h->pending)
		abort();
	fputs(r == HTTP_TUNNEL ? "tunnel\n" : "bad\n", to);
	return false;
}

char *http_trace(enum http_side side, const char *asked, const void *data, size_t len,
		 struct pieces p)
{
	const char *from = data;
	struct http_head head;
	char *text = NULL, *piece;
	size_t size, at, n;
	bool more = true;
	struct http h;
	FILE *to;

	http_init(&h, side);
	to = open_memstream(&text, &size);
	if (!to)
		abort();
	for (at = 0; at < len && more; at += n) {
		n = skip(&h, &p, len - at);
		if (n)
			continue;
		n = p.next(&p, at, len - at);
		piece = malloc(n);
		if (!piece)
			abort();
		memcpy(piece, from + at, n);
		more = feed(to, &h, asked, piece, n);
		free(piece);
	}
	if (more && http_end(&h, &head) == HTTP_HEAD)
		print_head(to, &head);
	http_free(&h);
	fclose(to);
	return text;
}

/* --- TLS ------------------------------------------------------------------- */

static void print_hello(FILE *to, const struct tls_hello *hello)
{
	uint16_t i;

	fprintf(to, "%04x %04x-%04x %u ciphers %u extensions", hello->legacy_version, hello->lowest,
		hello->version, hello->ciphers, hello->extensions);
	print_text(to, " sni=", (struct http_text){hello->sni.at, hello->sni.len});
	for (i = 0; i < hello->alpn_count; i++)
		print_text(to, i ? "," : " alpn=",
			   (struct http_text){hello->alpn[i].at, hello->alpn[i].len});
	fprintf(to, "%s%s%s %s (%u)", hello->ech ? " ech" : "", hello->grease ? " grease" : "",
		hello->truncated ? " truncated" : "", hello->ja4, hello->length);
}

char *tls_trace(const void *data, size_t len, struct pieces p)
{
	const char *from = data;
	char *text = NULL, *piece;
	struct tls_hello hello;
	struct tls t = {};
	int r = TLS_MORE;
	size_t size, at, n;
	FILE *to;

	to = open_memstream(&text, &size);
	if (!to)
		abort();
	for (at = 0; at < len && r == TLS_MORE; at += n) {
		n = p.next(&p, at, len - at);
		piece = malloc(n);
		if (!piece)
			abort();
		memcpy(piece, from + at, n);
		r = tls_feed(&t, piece, n, &hello);
		if (r == TLS_HELLO)
			print_hello(to, &hello);
		free(piece);
	}
	if (r == TLS_MORE && tls_end(&t, &hello) == TLS_HELLO)
		print_hello(to, &hello);
	if (r < 0)
		abort();
	if (r == TLS_BAD)
		fputs("bad", to);
	tls_free(&t);
	fclose(to);
	return text;
}

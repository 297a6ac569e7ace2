/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test-http.c - bytes of one direction in, heads out: whole, cut at every place,
 * byte by byte, in random pieces and with bodies unseen, which is all the same.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* after those it needs */
#include <cmocka.h>

#include "../../plugins/httpsniff/http.h"
#include "../fuzz/trace.h"

#define N(a) (sizeof(a) / sizeof((a)[0]))

struct row {
	const char *sent, *said; /* as trace.h has it */
	const char *asked; /* responses: what they answer */
};

static void same(const char *sent, const char *said, char *trace, const char *how, size_t n)
{
	if (strcmp(trace, said))
		fail_msg("%s (%zu):\n%s\nsaid:\n%s\nnot:\n%s", how, n, sent, trace, said);
	free(trace);
}

static void check(enum http_side side, const char *asked, const char *sent, size_t len,
		  const char *said)
{
	static const size_t sizes[] = {1, 2, 3, 7, 100, 4096};
	struct pieces p;
	size_t i;

	p = (struct pieces){pieces_whole};
	same(sent, said, http_trace(side, asked, sent, len, p), "whole", len);
	for (i = 0; i < N(sizes); i++) {
		p = (struct pieces){pieces_sized, sizes[i]};
		same(sent, said, http_trace(side, asked, sent, len, p), "pieces of", sizes[i]);
	}
	for (i = 1; i < len && i < 10000; i += 1 + i / 500) {
		p = (struct pieces){pieces_cut, i};
		same(sent, said, http_trace(side, asked, sent, len, p), "cut at", i);
	}
	for (i = 0; i < 50; i++) {
		p = (struct pieces){pieces_random, 40, i};
		same(sent, said, http_trace(side, asked, sent, len, p), "random", i);
		p.gaps = SKIP_BODIES;
		same(sent, said, http_trace(side, asked, sent, len, p), "bodies unseen", i);
	}
}

static void check_all(enum http_side side, const struct row *rows, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		check(side, rows[i].asked ? rows[i].asked : "GET", rows[i].sent,
		      strlen(rows[i].sent), rows[i].said);
}

/* --- requests -------------------------------------------------------------- */

static void test_requests(void **state)
{
	static const struct row rows[] = {
		{"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n", "GET / 1.1 host=a.example (35)\n"},
		{"GET / HTTP/1.0\r\n\r\n", "GET / 1.0 (18)\n"},
		{"GET /a?b=c HTTP/1.1\r\nhOsT:a\r\nUSER-AGENT: \t me too \t \r\n"
		 "traceparent: 00-1\r\n\r\n",
		 "GET /a?b=c 1.1 host=a ua=me\\x20too tp=00-1 (75)\n"},
		/* any token, and all forms of targets */
		{"PROPFIND /d HTTP/1.1\r\n\r\nQUERY /q HTTP/1.1\r\n\r\n"
		 "M-SEARCH * HTTP/1.1\r\n\r\n!#$%&'*+-.^_`|~09azAZ / HTTP/1.1\r\n\r\n",
		 "PROPFIND /d 1.1 (24)\nQUERY /q 1.1 (21)\nM-SEARCH * 1.1 (23)\n"
		 "!#$%&'*+-.^_`|~09azAZ / 1.1 (36)\n"},
		{"get / HTTP/1.1\r\n\r\n", "get / 1.1 (18)\n"},
		{"GET http://u:p@h.example:8080/p?q@r HTTP/1.1\r\nHost: other\r\n\r\n",
		 "GET http://u:p@h.example:8080/p?q@r 1.1 host=h.example:8080 (61)\n"},
		{"GET http://[::1]:80?q HTTP/1.1\r\n\r\nGET ftp://h HTTP/1.1\r\n\r\n",
		 "GET http://[::1]:80?q 1.1 host=[::1]:80 (34)\nGET ftp://h 1.1 host=h (24)\n"},
		{"GET http:///p HTTP/1.1\r\nHost: h\r\n\r\n", "GET http:///p 1.1 host=h (35)\n"},
		{"GET /?u=http://x/ HTTP/1.1\r\nHost: h\r\n\r\n",
		 "GET /?u=http://x/ 1.1 host=h (39)\n"},
		{"OPTIONS * HTTP/1.1\r\nHost:\r\n\r\n", "OPTIONS * 1.1 host= (29)\n"},
		/* 0.9 is a line */
		{"GET /old\r\nHost: x\r\n\r\nGET / HTTP/1.1\r\n\r\n", "GET /old 0.9 (10)\n"},
		{"PUT /old\r\n", "bad\n"},
		{"GET x\r\n", "bad\n"},
		/* empty lines before a request */
		{"\r\n\n\r\nGET / HTTP/1.1\r\n\r\n\r\nGET /2 HTTP/1.1\r\n\r\n",
		 "GET / 1.1 (18)\nGET /2 1.1 (19)\n"},
		{"\r\n\r\n", ""},
		{"", ""},
		/* line ends */
		{"GET / HTTP/1.1\nHost: a\n\n", "GET / 1.1 host=a bare-lf (24)\n"},
		{"GET / HTTP/1.1\r\nHost: a\n\r\n", "GET / 1.1 host=a bare-lf (26)\n"},
		{"GET / HTTP/1.1\r\nHost: a\r\n\n", "GET / 1.1 host=a bare-lf (26)\n"},
		{"GET / HTTP/1.1\r\nHost: a\rb: c\r\n\r\n",
		 "GET / 1.1 host=a\\x0db:\\x20c odd (32)\n"},
		/* folds */
		{"GET / HTTP/1.1\r\nUser-Agent: a\r\n\tb\n c\r\nHost: h\r\n \r\n\r\n",
		 "GET / 1.1 host=h ua=a\\x20\\x20\\x09b\\x20\\x20c bare-lf folded (52)\n"},
		{"GET / HTTP/1.1\r\n Host: a\r\nHost: b\r\n\r\n", "GET / 1.1 host=a odd (37)\n"},
		{"POST / HTTP/1.1\r\nTransfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\nGET / "
		 "HTTP/1.1\r\n\r\n",
		 "POST / 1.1 folded chunked (49)\nGET / 1.1 (18)\n"},
		/* as they should not be */
		{"GET  /a  HTTP/1.1 \r\n\r\n", "GET /a 1.1 odd (22)\n"},
		{"GET\t/a\tHTTP/1.1\r\n\r\n", "GET /a 1.1 odd (19)\n"},
		{"GET /a b HTTP/1.1\r\n\r\n", "GET /a\\x20b 1.1 odd (21)\n"},
		{"GET /\x01\xc3\xa4 HTTP/1.1\r\n\r\n", "GET /\\x01\\xc3\\xa4 1.1 odd (21)\n"},
		{"GET / HTTP/1.1\r\nHost : a\r\nHost: b\r\nno colon\r\n: none\r\n\r\n",
		 "GET / 1.1 host=a odd (55)\n"},
		{"GET / http/1.1\r\n\r\nGET / HTTP/1.10\r\n\r\nGET / HTTP/1.00\r\n\r\n",
		 "GET / 1.1 odd (18)\nGET / 1.1 odd (19)\nGET / 1.0 odd (19)\n"},
		{"GET / HTTP/1.1\r\r\nHost: h\r\r\n\r\nPOST / HTTP/1.1\r\nContent-Length: "
		 "19\r\r\n\r\n"
		 "GET /b HTTP/1.1\r\n\r\n",
		 "GET / 1.1 host=h odd (29)\nPOST / 1.1 body=19 odd (40)\n"},
		{"GET / HTTP/3.7\r\n\r\n", "GET / 3.7 (18)\n"},
		/* no HTTP */
		{" GET / HTTP/1.1\r\n\r\n", "bad\n"},
		{"GET / HTTP/0.9\r\n\r\n", "bad\n"},
		{"GET / HTTP/1.1000\r\n\r\n", "bad\n"},
		{"GET / HTTP/1.1x\r\n\r\n", "bad\n"},
		{"GET / HTTP/1.\r\n\r\n", "bad\n"},
		{"GET / HTTP/11.1\r\n\r\n", "bad\n"},
		{"GET HTTP/1.1\r\n\r\n", "bad\n"},
		{"GET\r\n\r\n", "bad\n"},
		{"GET / RTSP/1.0\r\n\r\n", "bad\n"},
		{"SSH-2.0-OpenSSH_9.2\r\n", "bad\n"},
		{"EHLO mail.example\r\n", "bad\n"},
		{"\x16\x03\x01\x02\x05GET / HTTP/1.1\r\n\r\n", "bad\n"},
		{"G\x80T / HTTP/1.1\r\n\r\n", "bad\n"},
		{"HTTP/1.1 200 OK\r\n\r\n", "bad\n"},
		{"GET / HTTP/1.1\r\n\r\nGARBAGE\r\nGET / HTTP/1.1\r\n\r\n",
		 "GET / 1.1 (18)\nbad\n"},
	};

	(void)state;
	check_all(HTTP_REQUESTS, rows, N(rows));
}

static void test_methods_end(void **state)
{
	char sent[128];

	(void)state;
	snprintf(sent, sizeof(sent), "%064d / HTTP/1.1\r\n\r\n", 0);
	check(HTTP_REQUESTS, "", sent, strlen(sent),
	      "0000000000000000000000000000000000000000000000000000000000000000 / 1.1 (79)\n");
	snprintf(sent, sizeof(sent), "%065d / HTTP/1.1\r\n\r\n", 0);
	check(HTTP_REQUESTS, "", sent, strlen(sent), "bad\n");
}

/* Text of a body is never a request. */
static void test_bodies(void **state)
{
#define REQUEST "GET /b HTTP/1.1\r\n\r\n" /* 19 bytes */
#define POST	"POST / HTTP/1.1\r\n" /* 17 */
	static const struct row rows[] = {
		{POST "Content-Length: 19\r\n\r\n" REQUEST REQUEST,
		 "POST / 1.1 body=19 (39)\nGET /b 1.1 (19)\n"},
		{POST "Content-Length: 0\r\n\r\n" REQUEST,
		 "POST / 1.1 body=0 (38)\nGET /b 1.1 (19)\n"},
		{"GET /a HTTP/1.1\r\ncontent-length:\t19\r\n\r\n" REQUEST REQUEST,
		 "GET /a 1.1 body=19 (39)\nGET /b 1.1 (19)\n"},
		{POST "Content-Length: 0019, 19\r\nContent-Length: 19\r\n\r\n" REQUEST REQUEST,
		 "POST / 1.1 body=19 (65)\nGET /b 1.1 (19)\n"},
		{POST "Content-Length: 100\r\n\r\n" REQUEST, "POST / 1.1 body=100 (40)\n"},
		{POST "Content-Length: 9223372036854775807\r\n\r\n" REQUEST,
		 "POST / 1.1 body=9223372036854775807 (56)\n"},
		/* what two servers would read differently */
		{POST "Content-Length: 19\r\nContent-Length: 18\r\n\r\n" REQUEST REQUEST,
		 "POST / 1.1 body=19 ambiguous (59)\nbad\n"},
		{POST "Content-Length: 19, 18\r\n\r\n" REQUEST,
		 "POST / 1.1 body=19 ambiguous (43)\nbad\n"},
		{POST "Content-Length: 9223372036854775808\r\n\r\n" REQUEST,
		 "POST / 1.1 ambiguous (56)\nbad\n"},
		{POST "Content-Length: 18446744073709551635\r\n\r\n" REQUEST,
		 "POST / 1.1 ambiguous (57)\nbad\n"},
		{POST "Content-Length: +19\r\n\r\n" REQUEST, "POST / 1.1 ambiguous (40)\nbad\n"},
		{POST "Content-Length: 0x13\r\n\r\n" REQUEST, "POST / 1.1 ambiguous (41)\nbad\n"},
		{POST "Content-Length: 1 9\r\n\r\n" REQUEST, "POST / 1.1 ambiguous (40)\nbad\n"},
		{POST "Content-Length:\r\n\r\n" REQUEST, "POST / 1.1 ambiguous (36)\nbad\n"},
		{POST "Content-Length: 19,\r\n\r\n" REQUEST,
		 "POST / 1.1 body=19 ambiguous (40)\nbad\n"},
		{POST "Transfer-Encoding: gzip\r\n\r\n" REQUEST,
		 "POST / 1.1 ambiguous (44)\nbad\n"},
		{POST "Transfer-Encoding: chunked, gzip\r\n\r\n" REQUEST,
		 "POST / 1.1 ambiguous (53)\nbad\n"},
		{POST "Transfer-Encoding: xchunked\r\n\r\n" REQUEST,
		 "POST / 1.1 ambiguous (48)\nbad\n"},
		/* the coding counts, whatever the length says */
		{POST "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" REQUEST,
		 "POST / 1.1 body=3 chunked ambiguous (66)\nGET /b 1.1 (19)\n"},
		{POST "Content-Length: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" REQUEST,
		 "POST / 1.1 chunked ambiguous (66)\nGET /b 1.1 (19)\n"},
		{"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" REQUEST,
		 "POST / 1.0 chunked ambiguous (47)\nGET /b 1.1 (19)\n"},
		{POST "Transfer-Encoding: gzip\r\nTransfer-Encoding: , "
		      "CHUNKED\t\r\n\r\n0\r\n\r\n" REQUEST,
		 "POST / 1.1 chunked (75)\nGET /b 1.1 (19)\n"},
		/* 100-continue: the body comes, later */
		{POST "Expect: 100-continue\r\nContent-Length: 19\r\n\r\n" REQUEST REQUEST,
		 "POST / 1.1 body=19 (61)\nGET /b 1.1 (19)\n"},
	};

	(void)state;
	check_all(HTTP_REQUESTS, rows, N(rows));
}

static void test_chunks(void **state)
{
#define CHUNKED POST "Transfer-Encoding: chunked\r\n\r\n"
#define SAID	"POST / 1.1 chunked (47)\n"
#define NEXT	"GET /b 1.1 (19)\n"
	static const struct row rows[] = {
		{CHUNKED "13\r\n" REQUEST "\r\n0\r\n\r\n" REQUEST, SAID NEXT},
		{CHUNKED "00013;a=\"GET / HTTP/1.1\";b\r\n" REQUEST
			 "\r\n1 ; x\r\ny\r\n000\r\n\r\n" REQUEST,
		 SAID NEXT},
		{CHUNKED "a\n0123456789\nA\r\n0123456789\n0\n\n" REQUEST, SAID NEXT},
		/* trailers are no requests either */
		{CHUNKED "0\r\nHost: x\r\nGET /c HTTP/1.1\r\n\r\n" REQUEST, SAID NEXT},
		{CHUNKED "0;x\r\na: b\n\n" REQUEST, SAID NEXT},
		{CHUNKED "7ffffffffffffff\r\n" REQUEST, SAID},
		{CHUNKED "10000000000000000\r\n" REQUEST, SAID "bad\n"},
		{CHUNKED "fffffffffffffffff\r\n" REQUEST, SAID "bad\n"},
		{CHUNKED "-1\r\n" REQUEST, SAID "bad\n"},
		{CHUNKED "0x13\r\n" REQUEST, SAID "bad\n"},
		{CHUNKED "\r\n" REQUEST, SAID "bad\n"},
		{CHUNKED ";x\r\n" REQUEST, SAID "bad\n"},
		{CHUNKED "3\r\nabcd\r\n0\r\n\r\n" REQUEST, SAID "bad\n"},
		{CHUNKED REQUEST, SAID "bad\n"},
	};

	(void)state;
	check_all(HTTP_REQUESTS, rows, N(rows));
}

static void test_tunnels(void **state)
{
#define CONNECT "CONNECT h.example:443 HTTP/1.1\r\n"
	static const struct row rows[] = {
		{CONNECT "\r\n\x16\x03\x01...",
		 "CONNECT h.example:443 1.1 host=h.example:443 (34)\ntunnel\n"},
		{CONNECT "Host: h\r\n\r\nGET / HTTP/1.1\r\n\r\n",
		 "CONNECT h.example:443 1.1 host=h (43)\ntunnel\n"},
		/* refused with 407: once more */
		{CONNECT "\r\n" CONNECT "Proxy-Authorization: x\r\n\r\nSSH-2.0-x\r\n",
		 "CONNECT h.example:443 1.1 host=h.example:443 (34)\n"
		 "CONNECT h.example:443 1.1 host=h.example:443 (58)\ntunnel\n"},
		{"GET /chat HTTP/1.1\r\nUpgrade: websocket\r\n\r\n\x81\x85....",
		 "GET /chat 1.1 upgrade (42)\ntunnel\n"},
		{"GET /chat HTTP/1.1\r\nUpgrade: h2c\r\n\r\nGET / HTTP/1.1\r\n\r\n\x01",
		 "GET /chat 1.1 upgrade (36)\nGET / 1.1 (18)\nbad\n"},
		{"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "PRI * 2.0 h2-preface (18)\ntunnel\n"},
		{"GET / HTTP/1.1\r\nUpgrade: h2c\r\n\r\nPRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
		 "GET / 1.1 upgrade (32)\nPRI * 2.0 h2-preface (18)\ntunnel\n"},
	};

	(void)state;
	check_all(HTTP_REQUESTS, rows, N(rows));
}

/* --- responses ------------------------------------------------------------- */

static void test_responses(void **state)
{
#define OK  "HTTP/1.1 200 OK\r\n" /* 17 bytes */
#define END "HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n" /* 38 */
	static const struct row rows[] = {
		{OK "Content-Length: 17\r\n\r\n" OK END,
		 "200 1.1 body=17 (39)\n500 1.1 body=0 (38)\n"},
		{"HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n" END,
		 "200 1.1 body=0 (35)\n500 1.1 body=0 (38)\n"},
		{"HTTP/1.0  404  Not Found\r\nContent-Length: 0\r\n\r\n",
		 "404 1.0 body=0 odd (47)\n"},
		{OK "Transfer-Encoding: chunked\r\n\r\n11\r\n" OK "\r\n0\r\n\r\n" END,
		 "200 1.1 chunked (47)\n500 1.1 body=0 (38)\n"},
		/* to the connection's end */
		{OK "\r\n" END, "200 1.1 (19)\n"},
		{OK "Transfer-Encoding: gzip\r\n\r\n" END, "200 1.1 ambiguous (44)\n"},
		/* without a body */
		{"HTTP/1.1 204 No Content\r\n\r\n" END, "204 1.1 (27)\n500 1.1 body=0 (38)\n"},
		{"HTTP/1.1 304 Not Modified\r\nContent-Length: 99\r\n\r\n" END,
		 "304 1.1 body=99 (49)\n500 1.1 body=0 (38)\n"},
		{"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" END,
		 "100 1.1 (25)\n103 1.1 (37)\n500 1.1 body=0 (38)\n"},
		{OK "Content-Length: 99\r\n\r\n" END, "200 1.1 body=99 (39)\n500 1.1 body=0 (38)\n",
		 "HEAD"},
		{OK "Transfer-Encoding: chunked\r\n\r\n" END,
		 "200 1.1 chunked (47)\n500 1.1 body=0 (38)\n", "HEAD"},
		{"HTTP/1.1 100 Continue\r\n\r\n" OK "\r\n" END,
		 "100 1.1 (25)\n200 1.1 (19)\n500 1.1 body=0 (38)\n", "HEAD"},
		/* not HTTP any more */
		{OK "\r\n" END, "200 1.1 (19)\ntunnel\n", "CONNECT"},
		{"HTTP/1.1 407 No\r\nContent-Length: 3\r\n\r\nabc" OK "\r\n\x16",
		 "407 1.1 body=3 (38)\n200 1.1 (19)\ntunnel\n", "CONNECT"},
		{"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n\x81" END,
		 "101 1.1 upgrade (56)\ntunnel\n"},
		/* no response */
		{"HTTP/1.1 200\r\r\nContent-Length: 0\r\n\r\nHTTP/1.10 204 x\r\n\r\n",
		 "200 1.1 body=0 (36)\n204 1.1 odd (19)\n"},
		{"HTTP/1.1 20 OK\r\n\r\n", "bad\n"},
		{"HTTP/1.1 2000 OK\r\n\r\n", "bad\n"},
		{"HTTP/1.1 099 OK\r\n\r\n", "bad\n"},
		{"HTTP/1 200 OK\r\n\r\n", "bad\n"},
		{"ICY 200 OK\r\n\r\n", "bad\n"},
		{"<html>", "bad\n"},
		{OK "Content-Length: 5, 6\r\n\r\n" END, "200 1.1 body=5 ambiguous (41)\nbad\n"},
	};

	(void)state;
	check_all(HTTP_RESPONSES, rows, N(rows));
}

/* What the server's answers make of the client's bytes. */
static void test_answered(void **state)
{
	static const struct {
		const char *first;
		uint16_t status;
		const char *then;
		int result;
	} rows[] = {
		{CONNECT "\r\n", 200, CONNECT "\r\n", HTTP_TUNNEL},
		{CONNECT "\r\n", 407, REQUEST, HTTP_HEAD},
		{CONNECT "\r\n", 100, REQUEST, HTTP_TUNNEL},
		{"GET / HTTP/1.1\r\nUpgrade: x\r\n\r\n", 101, REQUEST, HTTP_TUNNEL},
		{"GET / HTTP/1.1\r\nUpgrade: x\r\n\r\n", 200, REQUEST, HTTP_HEAD},
		{"GET / HTTP/1.1\r\nUpgrade: x\r\n\r\n", 200, "\x81", HTTP_BAD},
		{"GET / HTTP/1.1\r\nUpgrade: x\r\n\r\n", 100, "\x81", HTTP_TUNNEL},
	};
	struct http_head head;
	struct http h;
	size_t i, used;

	(void)state;
	for (i = 0; i < N(rows); i++) {
		http_init(&h, HTTP_REQUESTS);
		assert_int_equal(http_feed(&h, rows[i].first, strlen(rows[i].first), &used, &head),
				 HTTP_HEAD);
		http_answered(&h, rows[i].status);
		assert_int_equal(http_feed(&h, rows[i].then, strlen(rows[i].then), &used, &head),
				 rows[i].result);
		http_free(&h);
	}
}

/* --- long ones ------------------------------------------------------------- */

/* before, n times c, after */
static char *filled(const char *before, char c, size_t n, const char *after)
{
	char *s = malloc(strlen(before) + n + strlen(after) + 1);

	assert_non_null(s);
	sprintf(s, "%s%*s%s", before, (int)n, "", after);
	memset(s + strlen(before), c, n);
	return s;
}

static void check_filled(const char *before, char c, size_t n, const char *after, const char *said)
{
	char *sent = filled(before, c, n, after);

	check(HTTP_REQUESTS, "GET", sent, strlen(sent), said);
	free(sent);
}

static void test_long_heads(void **state)
{
	char said[8192], text[8192];

	(void)state;
	/* what is over is a field nobody asks for: all texts are there */
	check_filled("GET / HTTP/1.1\r\nCookie: ", 'c', 4097 - 37, "\r\nHost: h\r\n\r\n" REQUEST,
		     "GET / 1.1 host=h truncated (4097)\nGET /b 1.1 (19)\n");
	check_filled("GET / HTTP/1.1\r\nCookie: ", 'c', 100000,
		     "\r\nContent-Length: 19\r\nHost: h\r\n\r\n" REQUEST REQUEST,
		     "GET / 1.1 host=h body=19 truncated (100057)\nGET /b 1.1 (19)\n");
	/* just not over */
	check_filled("GET / HTTP/1.1\r\nHost: ", 'h', 4096 - 26, "\r\n\r\n",
		     (memset(text, 'h', 4096),
		      sprintf(said, "GET / 1.1 host=%.4070s (4096)\n", text), said));
	/* fields after fields */
	check_filled("GET / HTTP/1.1\r\nHost: h\r\n", ':', 0, "",
		     "GET / 1.1 host=h truncated (25)\n");
	/* a target that is cut leaves the version and what follows */
	memset(text, 't', sizeof(text));
	sprintf(said, "GET /%.4075s 1.1 host=h truncated (6027)\nGET /b 1.1 (19)\n", text);
	check_filled("GET /", 't', 6000, " HTTP/1.1\r\nHost: h\r\n\r\n" REQUEST, said);
	sprintf(said, "GET /%.4079s 1.1 truncated (4097)\n", text);
	check_filled("GET /", 't', 4097 - 18, " HTTP/1.1\r\n\r\n", said);
	check_filled(
		"GET /", 't', 6000, " HTTP/1.1 \r\nHost: h\r\n\r\n" REQUEST,
		(sprintf(said, "GET /%.4075s 1.1 host=h truncated (6028)\nGET /b 1.1 (19)\n", text),
		 said));
	check_filled("GET /", 't', 6000, "\r\nHost: h\r\n\r\n" REQUEST, "bad\n");
	/* a length that is cut might have been any */
	check_filled("POST / HTTP/1.1\r\nContent-Length: ", '0', 6000, "5\r\n\r\n" REQUEST,
		     "POST / 1.1 truncated ambiguous (6038)\nbad\n");
	/* texts fill the buffer: what frames the body still is read */
	memset(text, 'u', sizeof(text));
	sprintf(said, "POST / 1.1 ua=%.4590s body=19 truncated (6054)\nGET /b 1.1 (19)\n", text);
	check_filled("POST / HTTP/1.1\r\nUser-Agent: ", 'u', 6000 - 16,
		     "\r\nHost: h.example\r\nContent-Length: 19\r\n\r\n" REQUEST REQUEST, said);
}

static void test_many_fields(void **state)
{
	char sent[20000] = "GET / HTTP/1.1\r\n";
	size_t len = strlen(sent);
	char said[64];
	int i;

	(void)state;
	for (i = 0; i < 500; i++)
		len += (size_t)sprintf(sent + len, "X-%d: %d\r\n", i, i * i);
	len += (size_t)sprintf(sent + len, "Host: last\r\n\r\n");
	sprintf(said, "GET / 1.1 host=last truncated (%zu)\n", len);
	check(HTTP_REQUESTS, "GET", sent, len, said);
}

/* --- what isn't there ------------------------------------------------------ */

static void test_end(void **state)
{
	static const struct row rows[] = {
		{"GET /a HTTP/1.1\r\nHost: h\r\nUser-Ag", "GET /a 1.1 host=h truncated (33)\n"},
		{"GET /a HTTP/1.1\r\nHost: h\r\n", "GET /a 1.1 host=h truncated (26)\n"},
		{"GET /a HTTP/1.1\r\nHost: h", "GET /a 1.1 truncated (24)\n"},
		{"GET /a HTT", "GET /a\\x20HTT 0.0 truncated odd (10)\n"},
		{"GET /a", "GET /a 0.0 truncated (6)\n"},
		{"GET ", ""},
		{"GE", ""},
	};

	(void)state;
	check_all(HTTP_REQUESTS, rows, N(rows));
	check(HTTP_RESPONSES, "GET", "HTTP/1.1 200 O", 14, "200 1.1 truncated (14)\n");
	check(HTTP_RESPONSES, "GET", "HTTP/1.1 20", 11, "");
}

/* A step: bytes that come, or how many do not. */
struct step {
	const char *fed;
	uint64_t lost;
};

static char *trace_steps(struct http *h, const struct step *steps)
{
	static char said[1024];
	struct http_head head;
	size_t used, len, at;
	int r, n = 0;

	said[0] = 0;
	for (; steps->fed || steps->lost; steps++) {
		if (!steps->fed) {
			http_skip(h, steps->lost);
			continue;
		}
		len = strlen(steps->fed);
		for (at = 0, r = HTTP_MORE; at < len; at += used) {
			char *piece = strndup(steps->fed + at, len - at);

			r = http_feed(h, piece, len - at, &used, &head);
			if (r == HTTP_HEAD)
				n += sprintf(said + n, "%.*s %.*s%s\n", head.method.len,
					     head.method.at ? head.method.at : "", head.target.len,
					     head.target.at ? head.target.at : "",
					     head.flags & HTTP_TRUNCATED ? " truncated" : "");
			else if (r != HTTP_MORE)
				n += sprintf(said + n, r == HTTP_BAD ? "bad\n" : "tunnel\n");
			free(piece);
		}
	}
	if (http_end(h, &head) == HTTP_HEAD)
		sprintf(said + n, "end %.*s %.*s\n", head.method.len, head.method.at,
			head.target.len, head.target.at);
	http_free(h);
	return said;
}

static void test_gaps(void **state)
{
#define LOST(n)         \
	{               \
		NULL, n \
	}
	static const struct {
		struct step steps[8];
		const char *said;
	} rows[] = {
		/* in a body it is nothing */
		{{{POST "Content-Length: 100\r\n\r\n"}, LOST(100), {REQUEST}}, "POST /\nGET /b\n"},
		{{{POST "Content-Length: 100\r\n\r\n"},
		  LOST(80),
		  {"GET / HTTP/1.1\r\n\r\n  " REQUEST}},
		 "POST /\nGET /b\n"},
		/* past its end: somewhere in a head; data that begins with a start line is the next */
		{{{POST "Content-Length: 100\r\n\r\n"},
		  LOST(101),
		  {"ET /b HTTP/1.1\r\n\r\n"},
		  {REQUEST}},
		 "POST /\nGET /b\n"},
		/* a head is lost, or more than one */
		{{LOST(500), {"Cookie: x\r\n\r\n"}, {REQUEST}}, "GET /b\n"},
		{{LOST(500), {"GET / HTTP/1.1 is text\r\n"}, {REQUEST}}, "GET /b\n"},
		{{LOST(500), {"the quick brown fox"}, {REQUEST}}, "GET /b\n"},
		{{LOST(500), {REQUEST}, {"\x01"}, {REQUEST}}, "GET /b\nbad\nbad\n"},
		/* within a head: it goes on, its end is found, and so is the next */
		{{{"GET /a HTTP/1.1\r\nCoo"}, LOST(30), {"xy\r\nHost: h\r\n\r\n" REQUEST}},
		 "GET /a truncated\nGET /b\n"},
		{{{"GET /a HTTP/1.1\r\nCoo"},
		  LOST(100000),
		  {"xy\r\nHost: h\r\n\r\n" REQUEST},
		  {REQUEST}},
		 "GET /a truncated\nGET /b\n"},
		/* or a start line tells that it doesn't */
		{{{"GET /a HTTP/1.1\r\nCoo"}, LOST(30), {REQUEST}}, "GET /a truncated\nGET /b\n"},
		{{{"GET /a HTTP/1.1\r\nCoo"}, LOST(30), {"xy\r\nno field\r\n"}, {REQUEST}},
		 "GET /a truncated\nGET /b\n"},
		/* within a start line */
		{{{"GET /aaa"}, LOST(30), {"a HTTP/1.1\r\nHost: h\r\n\r\n" REQUEST}},
		 "GET /aaa truncated\nGET /b\n"},
		{{{"GE"}, LOST(30), {"a HTTP/1.1\r\nHost: h\r\n\r\n"}, {REQUEST}}, "GET /b\n"},
		/* a body may follow, of unknown length: only where data begins is a request */
		{{{"POST /a HTTP/1.1\r\nCoo"}, LOST(30), {"xy\r\n\r\n" REQUEST}, {REQUEST}},
		 "POST /a truncated\nGET /b\n"},
		/* the length was seen */
		{{{"POST /a HTTP/1.1\r\nContent-Length: 19\r\nCoo"},
		  LOST(30),
		  {"xy\r\n\r\n" REQUEST REQUEST}},
		 "POST /a truncated\nGET /b\n"},
		{{{"GET /a HTTP/1.1\r\nCoo"}, LOST(30)}, "end GET /a\n"},
		/* among chunks */
		{{{CHUNKED "5\r\nab"}, LOST(3), {"\r\n0\r\n\r\n" REQUEST}}, "POST /\nGET /b\n"},
		{{{CHUNKED "5\r\nab"}, LOST(7), {"0\r\n\r\n" REQUEST}, {REQUEST}},
		 "POST /\nGET /b\nGET /b\n"},
		{{{CHUNKED}, LOST(7), {"0\r\n\r\n" REQUEST}, {REQUEST}}, "POST /\nGET /b\nGET /b\n"},
		{{{CHUNKED}, LOST(7), {REQUEST REQUEST}, {REQUEST "\r\n0\r\n"}, {"\r\n"}, {REQUEST}},
		 "POST /\nGET /b\n"},
		{{{CHUNKED}, LOST(7), {"\n0\r\n0\r\n\r\n"}, LOST(9), {REQUEST}}, "POST /\nGET /b\n"},
		/* of a tunnel all may be lost */
		{{{"PRI * HTTP/2.0\r\n\r\n"}, LOST(7), {REQUEST}}, "PRI *\ntunnel\n"},
	};
	struct http h;
	size_t i;

	(void)state;
	for (i = 0; i < N(rows); i++) {
		http_init(&h, HTTP_REQUESTS);
		assert_string_equal(trace_steps(&h, rows[i].steps), rows[i].said);
	}
}

static void test_midway(void **state)
{
	static const struct step requests[] = {
		{"some body"}, {"\r\n\r\n" REQUEST}, {REQUEST REQUEST}, {}};
	static const struct step responses[] = {
		{"<html>HTTP/1.1"}, {OK "Content-Length: 0\r\n\r\n"}, {}};
	struct http h;

	(void)state;
	http_init_midway(&h, HTTP_REQUESTS);
	assert_string_equal(trace_steps(&h, requests), "GET /b\nGET /b\n");
	http_init_midway(&h, HTTP_RESPONSES);
	assert_string_equal(trace_steps(&h, responses), " \n");
}

static void test_skippable(void **state)
{
	static const struct {
		enum http_side side;
		const char *fed;
		uint64_t skippable;
	} rows[] = {
		{HTTP_REQUESTS, "", 0},
		{HTTP_REQUESTS, "GET / HTTP/1.1\r\n", 0},
		{HTTP_REQUESTS, REQUEST, 0},
		{HTTP_REQUESTS, POST "Content-Length: 100\r\n\r\n", 100},
		{HTTP_REQUESTS, CHUNKED, 0},
		{HTTP_REQUESTS, CHUNKED "ff", 0},
		{HTTP_REQUESTS, CHUNKED "ff\r\n", 255},
		{HTTP_REQUESTS, "PRI * HTTP/2.0\r\n\r\n", UINT64_MAX},
		{HTTP_REQUESTS, "GET /old\r\n", UINT64_MAX},
		{HTTP_RESPONSES, OK "\r\n", UINT64_MAX},
		{HTTP_RESPONSES, "no", UINT64_MAX},
	};
	struct http_head head;
	struct http h;
	size_t i, used;

	(void)state;
	for (i = 0; i < N(rows); i++) {
		size_t len = strlen(rows[i].fed), at;

		http_init(&h, rows[i].side);
		for (at = 0; at < len; at += used)
			http_feed(&h, rows[i].fed + at, len - at, &used, &head);
		assert_int_equal(http_skippable(&h), rows[i].skippable);
		http_free(&h);
	}
}

/* A buffer is there only while a head is in it. */
static void test_memory(void **state)
{
	struct http_head head;
	struct http h;
	size_t used;

	(void)state;
	assert_true(http_pending_size <= 6144);
	http_init(&h, HTTP_REQUESTS);
	assert_int_equal(http_feed(&h, REQUEST, 19, &used, &head), HTTP_HEAD);
	assert_null(h.pending);
	assert_int_equal(head.segments, 1);
	assert_int_equal(http_feed(&h, REQUEST, 10, &used, &head), HTTP_MORE);
	assert_non_null(h.pending);
	assert_int_equal(http_feed(&h, "", 0, &used, &head), HTTP_MORE);
	assert_int_equal(http_feed(&h, REQUEST + 10, 9, &used, &head), HTTP_HEAD);
	assert_int_equal(head.segments, 2);
	assert_memory_equal(head.target.at, "/b", 2);
	http_release(&h);
	assert_null(h.pending);
	assert_int_equal(http_feed(&h, "G", 1, &used, &head), HTTP_MORE);
	http_release(&h); /* nothing was reported */
	assert_int_equal(http_feed(&h, "ET / HTTP/1.1\r\n\r\n", 17, &used, &head), HTTP_HEAD);
	http_free(&h);
	http_free(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_requests),    cmocka_unit_test(test_methods_end),
		cmocka_unit_test(test_bodies),	    cmocka_unit_test(test_chunks),
		cmocka_unit_test(test_tunnels),	    cmocka_unit_test(test_responses),
		cmocka_unit_test(test_answered),    cmocka_unit_test(test_long_heads),
		cmocka_unit_test(test_many_fields), cmocka_unit_test(test_end),
		cmocka_unit_test(test_gaps),	    cmocka_unit_test(test_midway),
		cmocka_unit_test(test_skippable),   cmocka_unit_test(test_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

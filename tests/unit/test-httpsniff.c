/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Requests and responses in packets of any shape, through the programs of
 * plugins/httpsniff: what the parser makes of bytes is in test-http.c, real servers and
 * clients are in tests/netns/httpsniff-*.sh.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "kit.h"

#define GET "GET /a HTTP/1.1\r\nHost: example.org\r\nUser-Agent: test/1\r\n\r\n"

static struct ti_test *begin(const char *option)
{
	return kit_whole("httpsniff", option);
}

static struct ti_test_conn connect_(struct ti_test *t)
{
	static int port = 1024;
	struct ti_test_conn c = { .client_port = port++, .client_seq = 0xfffffff0 };

	ti_test_handshake(t, &c);
	return c;
}

static void from_client(struct ti_test *t, struct ti_test_conn *c, const char *text)
{
	ti_test_from_client(t, c, text, strlen(text));
}

static void from_server(struct ti_test *t, struct ti_test_conn *c, const char *text)
{
	ti_test_from_server(t, c, text, strlen(text));
}

static void test_request(void **state)
{
	static const char *const hooks[] = { "hook=tc", "hook=xdp", "hook=socket" };

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct ti_test *t = begin(hooks[i]);
		struct ti_test_conn c = connect_(t);
		char length[16];

		ti_test_expect_none(t);
		from_client(t, &c, GET);
		snprintf(length, sizeof(length), "%zu", strlen(GET));
		ti_test_expect(t, "http_request", "src_ip", "192.0.2.1", "dst_ip", "198.51.100.1", "dst_port", "80",
			       "method", "GET", "target", "/a", "http_host", "example.org", "user_agent", "test/1",
			       "version", "1.1", "depth", "1", "segments", "1", "length", length, "flags", "",
			       "content_length", "", "vlan", "");
		from_client(t, &c, GET);
		ti_test_expect(t, "http_request", "depth", "2");
		ti_test_close(t, &c);
		ti_test_expect_none(t);
		ti_test_expect_quiet(t);
		ti_test_free(t);
	}
}

/* Cut at each byte, and at all of them. */
static void test_split(void **state)
{
	static const char next[] = "HEAD /b HTTP/1.0\r\n\r\n";
	struct ti_test *t = begin(NULL);
	struct ti_test_conn c;

	(void)state;
	for (size_t cut = 1; cut < strlen(GET); cut++) {
		c = connect_(t);
		ti_test_from_client(t, &c, GET, cut);
		ti_test_expect_none(t);
		ti_test_from_client(t, &c, GET + cut, strlen(GET) - cut);
		ti_test_expect(t, "http_request", "target", "/a", "http_host", "example.org", "user_agent", "test/1",
			       "segments", "2", "flags", "");
		from_client(t, &c, next);
		ti_test_expect(t, "http_request", "method", "HEAD", "depth", "2", "segments", "1", "flags", "");
	}
	c = connect_(t);
	for (size_t i = 0; i < strlen(GET); i++)
		ti_test_from_client(t, &c, &GET[i], 1);
	ti_test_expect(t, "http_request", "target", "/a", "http_host", "example.org", "flags", "");
	ti_test_expect_none(t);
	ti_test_free(t);
}

/* The second half before the first, at each byte; and what was seen comes again. */
static void test_disordered(void **state)
{
	struct ti_test *t = begin(NULL);

	(void)state;
	for (size_t cut = 1; cut < strlen(GET); cut++) {
		struct ti_test_conn late, c = connect_(t);

		late = c;
		c.client_seq += cut;
		ti_test_from_client(t, &c, GET + cut, strlen(GET) - cut);
		ti_test_expect_none(t);
		ti_test_from_client(t, &late, GET, cut);
		ti_test_expect(t, "http_request", "target", "/a", "http_host", "example.org", "segments", "2", "flags", "");
		late.client_seq = c.client_seq - strlen(GET);
		from_client(t, &late, GET);
		ti_test_expect_none(t);
		from_client(t, &c, GET);
		ti_test_expect(t, "http_request", "depth", "2");
	}
	ti_test_free(t);
}

static void test_pipelined(void **state)
{
	struct ti_test *t = begin(NULL);
	struct ti_test_conn c = connect_(t);

	(void)state;
	from_client(t, &c, "GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: b\r\n\r\nPOST /3 HTTP/1.1\r\n"
			   "Host: c\r\nContent-Length: 22\r\n\r\nGET /trap HTTP/1.1\r\n\r\nGET /4 HTTP/1.1\r\nHo");
	from_client(t, &c, "st: d\r\n\r\n");
	ti_test_expect(t, "http_request", "target", "/1", "depth", "1");
	ti_test_expect(t, "http_request", "target", "/2", "depth", "2");
	ti_test_expect(t, "http_request", "target", "/3", "depth", "3", "content_length", "22");
	ti_test_expect(t, "http_request", "target", "/4", "depth", "4", "http_host", "d");
	ti_test_expect_none(t);
	ti_test_free(t);
}

static void test_redacted(void **state)
{
	static const struct {
		const char *redact, *target, *flag;
	} cases[] = {
		{ "redact=query", "/login", "query" },
		{ "redact=none", "/login?password=secret", "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct ti_test *t = begin(cases[i].redact);
		struct ti_test_conn c = connect_(t);

		from_client(t, &c, "GET /login?password=secret HTTP/1.1\r\nHost: a\r\n\r\n");
		ti_test_expect(t, "http_request", "target", cases[i].target, "flags[0]", cases[i].flag);
		ti_test_free(t);
	}
}

/* From the end of a request's head to that of its response's, to the nanosecond. */
static void test_latency(void **state)
{
	struct ti_test *t = begin("responses=yes");
	struct ti_test_conn c = connect_(t);

	(void)state;
	from_client(t, &c, "GET /1 HTTP/1.1\r\nHost:");
	ti_test_advance(t, 5000000);
	from_client(t, &c, " a\r\n\r\n");
	ti_test_expect(t, "http_request", "target", "/1");
	ti_test_advance(t, 30000000);
	from_server(t, &c, "HTTP/1.1 200 OK\r\nContent-Le");
	ti_test_expect_none(t);
	ti_test_advance(t, 1);
	from_server(t, &c, "ngth: 5\r\n\r\nhello");
	ti_test_expect(t, "http_response", "status", "200", "latency", "30000001", "depth", "1", "content_length", "5",
		       "src_ip", "192.0.2.1", "dst_port", "80");

	/* Two wait for their answers. */
	from_client(t, &c, "GET /2 HTTP/1.1\r\nHost: a\r\n\r\n");
	ti_test_advance(t, 1000);
	from_client(t, &c, "GET /3 HTTP/1.1\r\nHost: a\r\n\r\n");
	ti_test_advance(t, 1000);
	from_server(t, &c, "HTTP/1.1 204 No\r\n\r\nHTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n");
	ti_test_expect(t, "http_request", "target", "/2");
	ti_test_expect(t, "http_request", "target", "/3");
	ti_test_expect(t, "http_response", "status", "204", "latency", "2000", "depth", "2");
	ti_test_expect(t, "http_response", "status", "404", "latency", "1000", "depth", "3");
	ti_test_expect_none(t);
	ti_test_free(t);
}

/* What was lost on the way is told, and the next request is one again. */
static void test_hole(void **state)
{
	struct ti_test *t = begin(NULL);
	struct ti_test_conn c = connect_(t);

	(void)state;
	from_client(t, &c, "GET /1 HTTP/1.1\r\nHost: a\r\n");
	c.client_seq += 100;
	from_client(t, &c, "X: y\r\n\r\n");
	c.client_seq += 50;
	from_client(t, &c, "GET /2 HTTP/1.1\r\nHost: b\r\n\r\n");
	ti_test_advance(t, 60 * SECOND);
	ti_test_check(ti_test_next(t), "target", "/1", "flags[0]", "truncated");
	ti_test_expect(t, "http_request", "target", "/2", "http_host", "b");
	ti_test_expect_none(t);
	ti_test_free(t);
}

static void test_frames(void **state)
{
	static const char *const text = "GET /a HTTP/1.1\r\nHost: a\r\n\r\n";
	struct ti_test *t = begin("hook=xdp");

	(void)state;
	ti_test_packet(t, .src = "2001:db8::7", .flags = TI_SYN, .seq = 9, .vlan = { 42, 7 });
	ti_test_packet(t, .src = "2001:db8::7", .flags = TI_ACK | TI_PSH, .seq = 10, .vlan = { 42, 7 }, .payload = text,
		       .options = "\1\1\1\1", .options_len = 4);
	ti_test_expect(t, "http_request", "src_ip", "2001:db8::7", "vlan", "42", "target", "/a");

	/* With the SYN (TCP Fast Open), to another port. */
	ti_test_packet(t, .dst_port = 8080, .flags = TI_SYN, .seq = 9, .mss = 1460, .payload = text);
	ti_test_expect(t, "http_request", "dst_port", "8080", "target", "/a");

	/* Not in an answer to nobody, nor in what is no HTTP. */
	ti_test_packet(t, .dst_port = 8081, .flags = TI_ACK, .payload = "SSH-2.0-test\r\n");
	ti_test_expect_none(t);
	ti_test_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_request),	   cmocka_unit_test(test_split),
		cmocka_unit_test(test_disordered), cmocka_unit_test(test_pipelined),
		cmocka_unit_test(test_redacted),   cmocka_unit_test(test_latency),
		cmocka_unit_test(test_hole),	   cmocka_unit_test(test_frames),
	};

	if (kit_skips())
		return 77;
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* report.c - see report.h. */
#include "report.h"

#include <errno.h>
#include <string.h>
#include <tcpinspect/metrics.h>

int report_init(struct report *r, const struct ti_host *host, struct ti_handle *handle,
		enum redact redact)
{
	*r = (struct report){.host = host, .handle = handle, .redact = redact};
	r->request = host->event(handle, "http_request");
	r->response = host->event(handle, "http_response");
	r->hello = host->event(handle, "tls_hello");
	return r->request < 0 || r->response < 0 || r->hello < 0 ? -ENOENT : 0;
}

/* A text into a ti_str; false: not all of it. */
#define PUT(to, at, n) put(&(to).len, (to).str, sizeof((to).str), at, n)
static bool put(uint16_t *len, char *str, size_t room, const char *at, size_t n)
{
	*len = n < room ? n : room;
	if (*len)
		memcpy(str, at, *len);
	return n <= room;
}

#define PUT_FROM(e, c)                                   \
	do {                                             \
		(e)->src_ip = (c)->addr[(c)->client];    \
		(e)->dst_ip = (c)->addr[!(c)->client];   \
		(e)->src_port = (c)->port[(c)->client];  \
		(e)->dst_port = (c)->port[!(c)->client]; \
	} while (0)

/* --- metrics ---------------------------------------------------------------- */

enum http_method method_of(const char *at, size_t n)
{
	static const char *const names[] = {
		[HTTP_METHOD_GET] = "GET",	   [HTTP_METHOD_HEAD] = "HEAD",	      [HTTP_METHOD_POST] = "POST",
		[HTTP_METHOD_PUT] = "PUT",	   [HTTP_METHOD_DELETE] = "DELETE",   [HTTP_METHOD_CONNECT] = "CONNECT",
		[HTTP_METHOD_OPTIONS] = "OPTIONS", [HTTP_METHOD_TRACE] = "TRACE",     [HTTP_METHOD_PATCH] = "PATCH",
	};

	for (size_t i = HTTP_METHOD_GET; i < sizeof(names) / sizeof(names[0]); i++)
		if (strlen(names[i]) == n && !memcmp(names[i], at, n))
			return i;
	return HTTP_METHOD_OTHER;
}

static void count_request(const struct report *r, enum http_method method)
{
	struct method_totals *m = r->host->metrics(r->handle, "method_totals", &(struct by_method){method});

	if (m)
		m->requests++;
}

static void count_response(const struct report *r, const struct http_response *e)
{
	uint16_t hundreds = e->status / 100;
	struct by_status by = {hundreds <= 5 ? hundreds : HTTP_CLASS_OTHER};
	struct status_totals *m = r->host->metrics(r->handle, "status_totals", &by);

	if (!m)
		return;
	m->responses++;
	if (e->latency)
		TI_OBSERVE(m->latency_ns, e->latency);
}

static void count_hello(const struct report *r)
{
	struct hello_totals *m = r->host->metrics(r->handle, "hello_totals", NULL);

	if (m)
		m->tls_hellos++;
}

/* --- requests --------------------------------------------------------------- */

static void add_flag(struct http_request *e, enum request_flag flag)
{
	e->flags.item[e->flags.len++] = flag;
}

static const char *find_any(const char *at, const char *end, const char *any)
{
	while (at < end && !memchr(any, *at, strlen(any)))
		at++;
	return at;
}

/* Where the authority of a target begins: absolute ones have one, those of CONNECT are one.
 * NULL: it is but a path. */
static const char *authority_of(const char *at, const char *end)
{
	const char *colon = find_any(at, end, ":/?");

	if (end - colon >= 3 && !memcmp(colon, "://", 3))
		return colon + 3;
	if (end - at >= 2 && !memcmp(at, "//", 2))
		return at + 2;
	return *at == '/' ? NULL : at;
}

/*
 * Host and port of an authority, without user and password. Nothing where it isn't of that
 * form: it may be a part of those.
 */
static struct http_text host_of(const char *at, const char *end)
{
	const char *user, *port;

	end = find_any(at, end, "/?# ");
	user = memrchr(at, '@', end - at);
	at = user ? user + 1 : at;
	port = find_any(at < end && *at == '[' ? find_any(at, end, "]") : at, end, ":");
	for (const char *digit = port + 1; digit < end; digit++)
		if (*digit < '0' || *digit > '9')
			return (struct http_text){.at = at};
	return (struct http_text){.at = at, .len = end - at};
}

static bool put_host(struct http_request *e, const struct http_text *host, enum redact redact)
{
	struct http_text text = *host;

	if (redact != REDACT_NONE)
		text = host_of(host->at, host->at + host->len);
	return PUT(e->http_host, text.at, text.len);
}

/* The target, less what may not leave the host. false: something was cut for want of room. */
static bool put_target(struct http_request *e, const struct http_text *target, enum redact redact,
		       bool truncated)
{
	const char *at = target->at, *end = at + target->len, *authority, *path, *sign;
	size_t room = sizeof(e->target.str), n, scheme;
	struct http_text host = {0};

	if (redact == REDACT_NONE || !target->len)
		return PUT(e->target, at, target->len);
	authority = authority_of(at, end);
	path = authority ? find_any(authority, end, "/?#") : at;
	if (authority && !(truncated && path == end))
		host = host_of(authority, path);
	sign = find_any(at, end, "?");
	if (sign != end)
		add_flag(e, REQUEST_FLAG_QUERY);
	end = authority && path > authority && !host.len ? path : find_any(path, end, "?#");
	if (redact == REDACT_PATH && path < end && *path == '/')
		end = path + 1;
	scheme = authority ? authority - at : 0;
	n = end - path;
	if (scheme + host.len > room)
		return false;
	if (n > room - scheme - host.len)
		n = room - scheme - host.len;
	memcpy(mempcpy(mempcpy(e->target.str, at, scheme), host.at, host.len), path, n);
	e->target.len = scheme + host.len + n;
	return path + n == end;
}

/* Not what stands on folded lines, which may be anything: folds are two blanks or more. */
static bool put_agent(struct http_request *e, const struct http_text *agent, bool folded)
{
	const char *fold = folded ? memmem(agent->at, agent->len, "  ", 2) : NULL;

	return PUT(e->user_agent, agent->at, fold ? (size_t)(fold - agent->at) : agent->len);
}

static void put_flags(struct http_request *e, uint32_t flags)
{
	static const struct {
		uint32_t flag;
		enum request_flag as;
	} rows[] = {
		{HTTP_TRUNCATED, REQUEST_FLAG_TRUNCATED}, {HTTP_BARE_LF, REQUEST_FLAG_BARE_LF},
		{HTTP_FOLDED, REQUEST_FLAG_FOLDED},	  {HTTP_ODD, REQUEST_FLAG_ODD},
		{HTTP_AMBIGUOUS, REQUEST_FLAG_AMBIGUOUS}, {HTTP_CHUNKED, REQUEST_FLAG_CHUNKED},
		{HTTP_UPGRADE, REQUEST_FLAG_UPGRADE},	  {HTTP_H2_PREFACE, REQUEST_FLAG_H2},
	};

	if (flags)
		for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
			if (flags & rows[i].flag)
				add_flag(e, rows[i].as);
}

void report_request(struct report *r, const struct conn *c, const struct http_head *head,
		    const struct seen *at)
{
	struct http_request *e = &r->http_request;
	uint32_t flags = head->flags;
	char version[3] = {'0' + head->major, '.', '0' + head->minor};

	PUT_FROM(e, c);
	e->vlan = at->vlan;
	e->ifname = at->ifindex;
	e->flags.len = 0;
	if (!PUT(e->method, head->method.at, head->method.len) |
	    !put_target(e, &head->target, r->redact, flags & HTTP_TRUNCATED) |
	    !put_host(e, &head->host, r->redact) |
	    !put_agent(e, &head->user_agent, r->redact != REDACT_NONE && (flags & HTTP_FOLDED)))
		flags |= HTTP_TRUNCATED;
	PUT(e->traceparent, head->traceparent.at,
	    r->redact == REDACT_NONE ? head->traceparent.len : 0);
	PUT(e->version, version, head->major || head->minor ? sizeof(version) : 0);
	e->depth = c->depth;
	e->segments = at->segments;
	e->length = head->length;
	e->content_length = head->flags & HTTP_HAS_LENGTH ? head->content_length : 0;
	put_flags(e, flags);
	count_request(r, method_of(head->method.at, head->method.len));
	r->host->emit(r->handle, r->request, e, sizeof(*e), at->boot_ns);
}

void report_response(struct report *r, const struct conn *c, const struct http_head *head,
		     const struct asked *asked, const struct seen *at)
{
	struct http_response *e = &r->http_response;

	PUT_FROM(e, c);
	e->vlan = at->vlan;
	e->ifname = at->ifindex;
	e->status = head->status;
	e->depth = asked ? asked->depth : 0;
	e->latency = !asked			    ? 0
		     : at->boot_ns > asked->boot_ns ? at->boot_ns - asked->boot_ns
						    : 1; /* coarse clocks */
	e->content_length = head->flags & HTTP_HAS_LENGTH ? head->content_length : 0;
	count_response(r, e);
	r->host->emit(r->handle, r->response, e, sizeof(*e), at->boot_ns);
}

/* --- hellos ------------------------------------------------------------------ */

static void put_version(struct tls_hello_event *e, uint16_t version)
{
	static const char *const names[] = {"SSL 3.0", "TLS 1.0", "TLS 1.1", "TLS 1.2", "TLS 1.3"};
	const char *name = version >= 0x0300 && version <= 0x0304 ? names[version & 7] : "";

	PUT(e->version, name, strlen(name));
}

void report_hello(struct report *r, const struct conn *c, const struct tls_hello *hello,
		  const struct seen *at)
{
	struct tls_hello_event *e = &r->tls_hello;

	PUT_FROM(e, c);
	e->vlan = at->vlan;
	e->ifname = at->ifindex;
	PUT(e->sni, hello->sni.at, hello->sni.len);
	put_version(e, hello->version);
	PUT(e->ja4, hello->ja4, strnlen(hello->ja4, sizeof(hello->ja4)));
	e->ech = hello->ech;
	e->truncated = hello->truncated;
	e->ciphers = hello->ciphers;
	e->extensions = hello->extensions;
	e->length = hello->length;
	e->segments = at->segments;
	e->alpn.len = hello->alpn_count < TLS_ALPN ? hello->alpn_count : TLS_ALPN;
	for (uint64_t i = 0; i < e->alpn.len; i++)
		PUT(e->alpn.item[i], hello->alpn[i].at, hello->alpn[i].len);
	count_hello(r);
	r->host->emit(r->handle, r->hello, e, sizeof(*e), at->boot_ns);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* report.c - see report.h. */
#include "report.h"

#include <errno.h>
#include <string.h>

int report_init(struct report *r, const struct ti_host *host, struct ti_handle *handle, enum redact redact)
{
	*r = (struct report){ .host = host, .handle = handle, .redact = redact };
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

#define PUT_FROM(e, c)                                                                            \
	do {                                                                                      \
		(e)->src_ip = (c)->addr[(c)->client];                                             \
		(e)->dst_ip = (c)->addr[!(c)->client];                                            \
		(e)->src_port = (c)->port[(c)->client];                                           \
		(e)->dst_port = (c)->port[!(c)->client];                                          \
	} while (0)

/* --- requests --------------------------------------------------------------- */

static void add_flag(struct http_request *e, enum request_flag flag)
{
	e->flags.item[e->flags.len++] = flag;
}

static const char *find(const char *at, const char *end, char c)
{
	const char *found = at < end ? memchr(at, c, end - at) : NULL;

	return found ? found : end;
}

/* Where the authority of an absolute target begins; NULL: it isn't one. */
static const char *authority_of(const char *at, const char *end)
{
	const char *colon = find(at, end, ':');

	return *at != '/' && end - colon > 3 && !memcmp(colon, "://", 3) ? colon + 3 : NULL;
}

/* The target, less what may not leave the host. false: something was cut for want of room. */
static bool put_target(struct http_request *e, const struct http_text *target, enum redact redact)
{
	const char *at = target->at, *end = at + target->len, *authority, *path, *sign;
	char *to = e->target.str;
	ptrdiff_t room, n;

	if (redact == REDACT_NONE || !target->len)
		return PUT(e->target, at, target->len);
	authority = authority_of(at, end);
	path = authority ? find(authority, end, '/') : at;
	sign = find(at, end, '?');
	if (sign != end)
		add_flag(e, REQUEST_FLAG_QUERY);
	end = find(at, sign, '#');
	if (path > end)
		path = end;
	e->target.len = 0;
	if (authority) { /* scheme://user:password@host */
		const char *host = memrchr(authority, '@', path - authority);

		if (authority - at + path - authority > HTTP_TARGET)
			return false;
		to = mempcpy(to, at, authority - at);
		host = host ? host + 1 : authority;
		to = mempcpy(to, host, path - host);
		e->target.len = to - e->target.str;
	}
	if (redact == REDACT_PATH && path < end && *path == '/')
		end = path + 1;
	room = HTTP_TARGET - e->target.len;
	n = end - path < room ? end - path : room;
	memcpy(to, path, n);
	e->target.len += n;
	return n == end - path;
}

static void put_flags(struct http_request *e, uint32_t flags)
{
	static const struct {
		uint32_t flag;
		enum request_flag as;
	} rows[] = {
		{ HTTP_TRUNCATED, REQUEST_FLAG_TRUNCATED }, { HTTP_BARE_LF, REQUEST_FLAG_BARE_LF },
		{ HTTP_FOLDED, REQUEST_FLAG_FOLDED },	    { HTTP_ODD, REQUEST_FLAG_ODD },
		{ HTTP_AMBIGUOUS, REQUEST_FLAG_AMBIGUOUS }, { HTTP_CHUNKED, REQUEST_FLAG_CHUNKED },
		{ HTTP_UPGRADE, REQUEST_FLAG_UPGRADE },	    { HTTP_H2_PREFACE, REQUEST_FLAG_H2 },
	};

	if (flags)
		for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
			if (flags & rows[i].flag)
				add_flag(e, rows[i].as);
}

void report_request(struct report *r, const struct conn *c, const struct http_head *head, const struct seen *at)
{
	struct http_request *e = &r->http_request;
	uint32_t flags = head->flags;
	char version[3] = { '0' + head->major, '.', '0' + head->minor };

	PUT_FROM(e, c);
	e->vlan = at->vlan;
	e->ifname = at->ifindex;
	e->flags.len = 0;
	if (!PUT(e->method, head->method.at, head->method.len) | !put_target(e, &head->target, r->redact) |
	    !PUT(e->http_host, head->host.at, head->host.len) |
	    !PUT(e->user_agent, head->user_agent.at, head->user_agent.len))
		flags |= HTTP_TRUNCATED;
	PUT(e->traceparent, head->traceparent.at, r->redact == REDACT_NONE ? head->traceparent.len : 0);
	PUT(e->version, version, head->major || head->minor ? sizeof(version) : 0);
	e->depth = c->depth;
	e->segments = at->segments;
	e->length = head->length;
	e->content_length = head->flags & HTTP_HAS_LENGTH ? head->content_length : 0;
	put_flags(e, flags);
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
	e->latency = asked && at->boot_ns > asked->boot_ns ? at->boot_ns - asked->boot_ns : 0;
	e->content_length = head->flags & HTTP_HAS_LENGTH ? head->content_length : 0;
	r->host->emit(r->handle, r->response, e, sizeof(*e), at->boot_ns);
}

/* --- hellos ------------------------------------------------------------------ */

static void put_version(struct tls_hello_event *e, uint16_t version)
{
	static const char *const names[] = { "SSL 3.0", "TLS 1.0", "TLS 1.1", "TLS 1.2", "TLS 1.3" };
	const char *name = version >= 0x0300 && version <= 0x0304 ? names[version & 7] : "";

	PUT(e->version, name, strlen(name));
}

void report_hello(struct report *r, const struct conn *c, const struct tls_hello *hello, const struct seen *at)
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
	r->host->emit(r->handle, r->hello, e, sizeof(*e), at->boot_ns);
}

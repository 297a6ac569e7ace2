/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * report.h - what heads and hellos say, as events; what of them may leave the host.
 */
#ifndef HTTPSNIFF_REPORT_H
#define HTTPSNIFF_REPORT_H

#include <tcpinspect/plugin.h>
#include "conns.h"

enum redact {
	REDACT_NONE,
	REDACT_QUERY, /* no query, no credentials */
	REDACT_PATH, /* nor a path */
};

/* The ones that have a name in RFC 9110 and 5789. */
enum http_method method_of(const char *at, size_t n);

struct report {
	const struct ti_host *host;
	struct ti_handle *handle;
	enum redact redact;
	int request, response, hello; /* numbers of the event types */
	union { /* the one that is being written */
		struct http_request http_request;
		struct http_response http_response;
		struct tls_hello_event tls_hello;
	};
};

/* Where and when: the packet that brought the end of what is reported. */
struct seen {
	uint64_t boot_ns;
	ti_ifindex ifindex;
	ti_vlan vlan;
	uint32_t segments;
};

/* -ENOENT: the BPF object has other events. */
int report_init(struct report *r, const struct ti_host *host, struct ti_handle *handle,
		enum redact redact);

/* Each is of the connection's client, c->client. */
void report_request(struct report *r, const struct conn *c, const struct http_head *head,
		    const struct seen *at);
/* asked: NULL where the request wasn't seen. */
void report_response(struct report *r, const struct conn *c, const struct http_head *head,
		     const struct asked *asked, const struct seen *at);
void report_hello(struct report *r, const struct conn *c, const struct tls_hello *hello,
		  const struct seen *at);

#endif

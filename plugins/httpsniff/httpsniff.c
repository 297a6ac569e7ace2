/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * httpsniff.c - pieces of packets in, requests, responses and hellos out.
 *
 * piece -> its connection -> in order (here) -> http.c or tls.c -> report.c
 *
 * Back to the kernel goes, in the flow's slot, from which byte on more is wanted.
 * That is advice, which may get lost; what comes unasked is read all the same.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "conns.h"
#include "report.h"

#define HELD_MOST  (128u << 10) /* bytes that wait behind a hole, by direction */
#define FAR	   (16 << 20) /* farther apart than that two bytes aren't of one connection */
#define HOLE_WAITS 2000000000ull /* ns that a hole may be filled later */
#define HEAD_WAITS 10000000000ull /* ns that a head may go on later */
#define TOLD_MOST  0x7fff0000u /* bytes ahead: sequence numbers are compared modulo 2^32 */
#define TOLD_AGAIN 16384 /* bytes, where nothing else is new */

enum telling { TELL_UNTIL, TELL_START, TELL_NOTHING };

struct config {
	uint32_t redact; /* enum redact */
	uint32_t flows;
	uint64_t memory;
};

struct httpsniff {
	const struct ti_host *host;
	struct ti_handle *handle;
	int piece; /* the record's number */
	struct slot *slots;
	struct conns conns;
	struct report report;
	struct {
		uint64_t incomplete; /* connections put out with a head or hello in progress */
		uint64_t bytes; /* not seen, and no body's */
	} lost, said;
};

/* --- to the kernel ------------------------------------------------------------ */

static enum telling to_tell(const struct stream *s, uint32_t *ahead)
{
	uint64_t skip;

	*ahead = 0;
	if (s->kind == STREAM_NOTHING)
		return TELL_NOTHING;
	if (s->kind != STREAM_HTTP)
		return s->midway ? TELL_START : TELL_UNTIL;
	if (s->http.unsure && !s->http.pending && !http_wants_end(&s->http))
		return TELL_START;
	skip = http_skippable(&s->http);
	*ahead = skip < TOLD_MOST ? skip : TOLD_MOST;
	return TELL_UNTIL;
}

/* NULL: it has none any more. */
static struct slot *slot_of(struct httpsniff *self, const struct stream *s)
{
	struct slot *set = &self->slots[SET_OF(s->hash)];

	for (int i = 0; i < WAYS; i++)
		if (__atomic_load_n(&set[i].syn, __ATOMIC_RELAXED) >> 32 == s->hash >> 32)
			return &set[i];
	return NULL;
}

static void tell(struct httpsniff *self, struct stream *s)
{
	static const uint64_t bits[] = {[TELL_START] = TOLD_START, [TELL_NOTHING] = TOLD_NOTHING};
	uint32_t ahead;
	enum telling what = to_tell(s, &ahead);
	struct slot *slot;

	if (!ahead && what == s->told_what && s->next - s->told < TOLD_AGAIN)
		return;
	s->told = s->next + ahead;
	s->told_what = what;
	slot = slot_of(self, s);
	if (slot)
		__atomic_store_n(&slot->told,
				 (uint64_t)flow_id(s->hash, s->start) << 34 | bits[what] | s->told,
				 __ATOMIC_RELAXED);
}

/* --- what a stream says ---------------------------------------------------------- */

/* Packets among its last n pieces. */
static uint32_t packets_of(const struct stream *s, uint32_t n)
{
	uint64_t last = n > 64 ? ~0ull : n > 1 ? (1ull << (n - 1)) - 1 : 0;

	return n - __builtin_popcountll(s->goes_on & last);
}

static void on_request(struct httpsniff *self, struct conn *c, const struct http_head *head,
		       const struct seen *at, bool responses)
{
	struct asked a = {.boot_ns = at->boot_ns,
			  .depth = ++c->depth,
			  .upgrade = (head->flags & HTTP_UPGRADE) != 0};

	report_request(&self->report, c, head, at);
	if (!responses)
		return;
	if (head->method.len == 4 && !memcmp(head->method.at, "HEAD", 4))
		a.kind = HTTP_ASKED_HEAD;
	else if (head->method.len == 7 && !memcmp(head->method.at, "CONNECT", 7))
		a.kind = HTTP_ASKED_CONNECT;
	conn_asks(c, &a);
}

static void on_response(struct httpsniff *self, struct conn *c, struct stream *s,
			const struct http_head *head, const struct seen *at)
{
	struct stream *requests = &c->streams[c->client];
	struct asked *a = conn_asked(c);

	if (head->status < 200 && head->status != 101)
		return;
	report_response(&self->report, c, head, a, at);
	if (!a)
		return;
	http_answers(&s->http, a->kind);
	if ((a->kind == HTTP_ASKED_CONNECT || a->upgrade) && requests->kind == STREAM_HTTP &&
	    c->asked_n == 1)
		http_answered(&requests->http, head->status);
	conn_answered(c);
}

static void on_head(struct httpsniff *self, struct conn *c, struct stream *s,
		    const struct http_head *head, struct seen *at, bool responses)
{
	at->segments = packets_of(s, head->segments);
	if (s == &c->streams[c->client])
		on_request(self, c, head, at, responses);
	else
		on_response(self, c, s, head, at);
}

static void feed_http(struct httpsniff *self, struct conn *c, struct stream *s, const uint8_t *data,
		      size_t len, struct seen *at, bool responses)
{
	struct http_head head;
	size_t used = 0;
	int r = HTTP_HEAD;

	for (; r == HTTP_HEAD && (len || !used); data += used, len -= used) {
		r = http_feed(&s->http, data, len, &used, &head);
		if (r == HTTP_HEAD)
			on_head(self, c, s, &head, at, responses);
	}
	if (r != HTTP_HEAD && r != HTTP_MORE)
		stream_close(s);
	else if (s->http.pending)
		http_release(&s->http);
}

static void feed_tls(struct httpsniff *self, struct conn *c, struct stream *s, const uint8_t *data,
		     size_t len, struct seen *at)
{
	struct tls_hello hello;
	int r = tls_feed(&s->tls, data, len, &hello);

	if (r == TLS_HELLO) {
		at->segments = packets_of(s, hello.segments);
		report_hello(&self->report, c, &hello, at);
	}
	if (r != TLS_MORE)
		stream_close(s);
}

/* What a stream is shows in its first bytes, and who the client is: with `ports = all`
 * either end's is watched. */
static void begin(struct conn *c, struct stream *s, const uint8_t *data, size_t len, uint16_t flags)
{
	int i = s - c->streams;
	bool tls = data[0] == 0x16, answer = len >= 5 && !memcmp(data, "HTTP/", 5);

	if (c->client < 0)
		c->client = !answer && (flags & PIECE_TO_PORT) ? i : !i;
	s->kind = tls ? STREAM_TLS : STREAM_HTTP;
	if (i != c->client && (tls || !(flags & PIECE_RESPONSES)))
		s->kind = STREAM_NOTHING;
	else if (tls)
		s->tls = (struct tls){0};
	else if (s->midway)
		http_init_midway(&s->http, i == c->client ? HTTP_REQUESTS : HTTP_RESPONSES);
	else
		http_init(&s->http, i == c->client ? HTTP_REQUESTS : HTTP_RESPONSES);
}

/* The stream's next bytes. */
static void feed(struct httpsniff *self, struct conn *c, struct stream *s, const struct held *h,
		 const uint8_t *data, size_t len)
{
	struct seen at = {.boot_ns = h->boot_ns, .ifindex = h->ifindex, .vlan = h->vlan};

	s->next += len;
	s->heard = h->boot_ns;
	s->ifindex = h->ifindex;
	s->vlan = h->vlan;
	s->goes_on = s->goes_on << 1 | !!(h->flags & PIECE_GOES_ON);
	if (s->kind == STREAM_NEW)
		begin(c, s, data, len, h->flags);
	if (s->kind == STREAM_TLS)
		feed_tls(self, c, s, data, len, &at);
	else if (s->kind == STREAM_HTTP)
		feed_http(self, c, s, data, len, &at, h->flags & PIECE_RESPONSES);
}

/* --- in order ---------------------------------------------------------------------- */

/* Bytes that don't come, or needn't. */
static void skip(struct httpsniff *self, struct conn *c, struct stream *s, uint32_t n)
{
	struct seen at = {.ifindex = s->ifindex, .vlan = s->vlan}; /* now: long after the packet */
	struct tls_hello hello;

	if (s->kind == STREAM_HTTP) {
		if (http_skippable(&s->http) < n && !http_wants_end(&s->http))
			self->lost.bytes += n;
		http_skip(&s->http, n);
	} else if (s->kind == STREAM_TLS) {
		self->lost.bytes += n;
		if (tls_end(&s->tls, &hello) == TLS_HELLO)
			report_hello(&self->report, c, &hello, &at);
		stream_close(s);
	} else {
		s->midway = true;
	}
	s->next += n;
}

/* May the bytes up to seq go by unseen? */
static bool is_skippable(const struct stream *s, uint32_t seq)
{
	return s->kind == STREAM_HTTP && http_skippable(&s->http) >= seq - s->next;
}

/* What is held and has its turn. `force`: the first of it has. */
static void unhold(struct httpsniff *self, struct conn *c, struct stream *s, bool force)
{
	while (s->held) {
		struct held *h = s->held;
		int32_t ahead = h->seq - s->next;

		if (ahead > 0 && !force && !is_skippable(s, h->seq))
			return;
		force = false;
		if (ahead > 0)
			skip(self, c, s, ahead);
		ahead = h->seq - s->next; /* skip() may have closed it: then held is gone */
		if (s->held != h)
			return;
		if (ahead + (int32_t)h->len > 0) {
			s->held = h->next; /* feed() may close the stream */
			s->held_bytes -= sizeof(*h) + h->len;
			feed(self, c, s, h, h->data - ahead, h->len + ahead);
			free(h);
		} else {
			stream_unhold(s);
		}
	}
}

static void take(struct httpsniff *self, struct conn *c, struct stream *s, struct held *h,
		 const uint8_t *data)
{
	int32_t ahead = h->seq - s->next;

	if (ahead + (int32_t)h->len <= 0)
		return; /* seen before */
	if (ahead > 0 && is_skippable(s, h->seq)) {
		skip(self, c, s, ahead);
		ahead = 0;
	}
	if (ahead > 0) {
		if (!s->held)
			s->waits = h->boot_ns;
		if (!stream_hold(s, h, data) || s->held_bytes > HELD_MOST)
			unhold(self, c, s, true);
		return;
	}
	feed(self, c, s, h, data - ahead, h->len + ahead);
	if (s->held)
		unhold(self, c, s, false);
}

/* Is it another connection with the same addresses, or one that has become another's? */
static bool is_other(const struct stream *s, const struct piece *p)
{
	int32_t ahead = p->seq - s->next;

	if ((p->flags & PIECE_KNOWS_START) && !(p->flags & PIECE_MIDWAY))
		return p->start != s->start;
	return s->kind != STREAM_NOTHING &&
	       (ahead < -FAR || (ahead > FAR && !is_skippable(s, p->seq)));
}

static void first(struct stream *s, const struct piece *p)
{
	*s = (struct stream){.hash = p->hash, .kind = STREAM_NEW, .told_what = UINT8_MAX};
	s->start = p->start;
	s->midway = !(p->flags & PIECE_KNOWS_START) || (p->flags & PIECE_MIDWAY) ||
		    p->seq - p->start > HELD_MOST;
	s->next = s->midway ? p->seq : p->start;
}

static int on_record(void *arg, const struct ti_record *rec, void *data)
{
	struct httpsniff *self = arg;
	const struct piece *p = data;
	struct held h;
	struct stream *s;
	struct conn *c;

	if (rec->event != self->piece || rec->len < PIECE_HEADER ||
	    p->len + PIECE_HEADER > rec->len)
		return 0;
	c = conns_get(&self->conns, p);
	s = &c->streams[p->hash & 1];
	if (s->kind && is_other(s, p))
		conns_reset(&self->conns, c);
	if (!s->kind)
		first(s, p);
	if (p->flags & PIECE_MIDWAY && s->start != p->start) {
		s->start = p->start; /* the kernel has forgotten more of it */
		s->told_what = UINT8_MAX;
	}
	h = (struct held){.boot_ns = rec->boot_ns,
			  .seq = p->seq,
			  .len = p->len,
			  .ifindex = p->ifindex,
			  .vlan = p->vlan,
			  .flags = p->flags};
	if (s->kind == STREAM_NOTHING)
		s->next = p->seq + p->len;
	else
		take(self, c, s, &h, p->data);
	tell(self, s);
	self->lost.incomplete += conns_settle(&self->conns, c);
	return 1;
}

/* --- ends ------------------------------------------------------------------------- */

/* A head or hello that doesn't go on is reported as far as it came. */
static void end_stream(struct httpsniff *self, struct conn *c, struct stream *s)
{
	struct seen at = {.ifindex = s->ifindex, .vlan = s->vlan}; /* now: long after the packet */
	struct http_head head;
	struct tls_hello hello;

	if (s->kind == STREAM_HTTP && http_end(&s->http, &head) == HTTP_HEAD)
		on_head(self, c, s, &head, &at, false);
	else if (s->kind == STREAM_TLS && tls_end(&s->tls, &hello) == TLS_HELLO)
		report_hello(&self->report, c, &hello, &at);
}

static void on_end(void *arg, struct conn *c)
{
	struct httpsniff *self = arg;

	for (int i = 0; i < 2; i++) {
		unhold(self, c, &c->streams[i], true);
		end_stream(self, c, &c->streams[i]);
	}
}

static bool is_in_head(const struct stream *s)
{
	return (s->kind == STREAM_HTTP && s->http.pending) ||
	       (s->kind == STREAM_TLS && s->tls.hello);
}

static void end_waiting(struct httpsniff *self, struct conn *c, uint64_t now)
{
	for (int i = 0; i < 2; i++) {
		struct stream *s = &c->streams[i];

		if (s->held && now > s->waits + HOLE_WAITS) {
			s->waits = now;
			unhold(self, c, s, true);
		}
		if (is_in_head(s) && now > s->heard + HEAD_WAITS) {
			end_stream(self, c, s);
			stream_close(s);
		}
		if (s->kind)
			tell(self, s);
	}
}

static void say_lost(struct httpsniff *self)
{
	if (self->lost.bytes != self->said.bytes)
		self->host->log(self->handle, TI_LOG_WARNING,
				"%llu bytes of heads or bodies were not seen, more in all than the ring "
				"can take (ring_size)"
				" or lost before they came here: some are missing or truncated",
				(unsigned long long)(self->lost.bytes - self->said.bytes));
	if (self->lost.incomplete != self->said.incomplete)
		self->host->log(
			self->handle, TI_LOG_WARNING,
			"%llu connections were given up amidst a head to make room (memory)",
			(unsigned long long)(self->lost.incomplete - self->said.incomplete));
	self->said.bytes = self->lost.bytes;
	self->said.incomplete = self->lost.incomplete;
}

static void on_tick(void *arg, uint64_t now)
{
	struct httpsniff *self = arg;
	struct conn *c = conns_costly(&self->conns, NULL), *next;

	for (; c; c = next) {
		next = conns_costly(&self->conns, c);
		end_waiting(self, c, now);
		if (conns_settle(&self->conns, c))
			break; /* `next` may be gone */
	}
	say_lost(self);
}

/* --- start and stop ---------------------------------------------------------------- */

static int on_start(void **out, const struct ti_host *host, struct ti_handle *handle,
		    const void *options)
{
	const struct config *config = options;
	struct httpsniff *self = calloc(1, sizeof(*self));
	size_t size = 0;
	int r = -ENOENT;

	if (!self)
		return -ENOMEM;
	self->host = host;
	self->handle = handle;
	self->piece = host->event(handle, "piece");
	self->slots = host->memory(handle, "slots", &size);
	if (self->piece >= 0 && size == SLOTS * sizeof(*self->slots))
		r = report_init(&self->report, host, handle, config->redact);
	if (r >= 0)
		r = conns_init(&self->conns, config->flows, config->memory, on_end, self);
	if (r < 0) {
		free(self);
		return r;
	}
	*out = self;
	return 0;
}

static void on_stop(void *arg)
{
	struct httpsniff *self = arg;

	conns_free(&self->conns);
	say_lost(self);
	free(self);
}

static const char *const redactions[] = {
	[REDACT_NONE] = "none", [REDACT_QUERY] = "query", [REDACT_PATH] = "path", NULL};

#define OPT(field, ...)                                                              \
	{                                                                            \
		.offset = offsetof(struct config, field), .key = #field, __VA_ARGS__ \
	}
static const struct ti_option options[] = {
	OPT(redact, .type = TI_OPT_ENUM, .def = "query", .choices = redactions,
	    .help = "what is left out of targets: query: what is behind a ?, and credentials; "
		    "path: all of the "
		    "path, too; none: nothing, and traceparent is reported"),
	OPT(flows, .type = TI_OPT_U32, .def = "4096", .min = 16, .max = 1 << 20,
	    .help = "connections that are known at a time; the one that was heard of longest ago "
		    "goes first"),
	OPT(memory, .type = TI_OPT_SIZE, .def = "2MiB", .min = 64 << 10, .max = 1ll << 32,
	    .help = "for heads that are in more than one packet, and packets that came before "
		    "others"),
};

TI_BPF_OBJECT(httpsniff_bpf, "httpsniff.bpf.o");
TI_PLUGIN(httpsniff, .version = "1.0", .summary = "HTTP requests and TLS hellos, from packets",
	  TI_PLUGIN_BPF(httpsniff_bpf), .options = options,
	  .n_options = sizeof(options) / sizeof(options[0]), .config_size = sizeof(struct config),
	  .start = on_start, .event = on_record, .tick = on_tick, .stop = on_stop);

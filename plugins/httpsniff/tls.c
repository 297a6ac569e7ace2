/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tls.c - records, the ClientHello in them, and what the extensions say that
 * tls.h names. All other extensions are no more than a number.
 */
#include "tls.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "ja4.h"

#define RECORD_HEADER	 5
#define RECORD_MAX	 16384
#define HANDSHAKE	 22
#define HANDSHAKE_HEADER 4
#define CLIENT_HELLO	 1
#define MESSAGE_MAX	 (HANDSHAKE_HEADER + TLS_HELLO_MAX)
#define RANDOM_SIZE	 32

_Static_assert(TLS_JA4_SIZE == JA4_SIZE, "tls.h says how long a JA4 is");

enum state { HELLO, DONE, BAD };

enum extension {
	SERVER_NAME = 0,
	SIGNATURE_ALGORITHMS = 13,
	ALPN = 16,
	SUPPORTED_VERSIONS = 43,
	ENCRYPTED_CLIENT_HELLO = 0xfe0d,
};

/* Bytes to read; once they don't reach, all reads give 0. */
struct cursor {
	const uint8_t *at, *end;
	bool failed;
};

/* A hello that is being read. Every number of its lists takes at least two bytes of
 * it, so that there is room for all. */
struct reading {
	struct tls_hello *hello;
	struct ja4 ja4;
	struct cursor algorithms;
	uint16_t *next; /* of the values: where the next list may be */
	uint16_t values[TLS_HELLO_MAX / 2];
};

/* --- bytes ----------------------------------------------------------------- */

/* The next n of them, as far as there are any. */
static struct cursor take(struct cursor *c, size_t n)
{
	size_t left = (size_t)(c->end - c->at);
	struct cursor taken = {.at = c->at, .failed = c->failed || n > left};

	taken.end = c->at + (n > left ? left : n);
	c->failed = taken.failed;
	c->at = taken.end;
	return taken;
}

static uint32_t number(struct cursor *c, unsigned int bytes)
{
	struct cursor taken = take(c, bytes);
	uint32_t n = 0;

	while (!taken.failed && taken.at < taken.end)
		n = n << 8 | *taken.at++;
	return n;
}

/* A vector, which begins with its length in so many bytes. */
static struct cursor vector(struct cursor *c, unsigned int bytes)
{
	return take(c, number(c, bytes));
}

static struct tls_text text(struct cursor c)
{
	return (struct tls_text){(const char *)c.at, (uint16_t)(c.end - c.at)};
}

/* RFC 8701. */
static bool is_grease(uint32_t n)
{
	return (n & 0x0f0f) == 0x0a0a && n >> 8 == (n & 0xff);
}

/* --- the hello ------------------------------------------------------------- */

static void add(struct reading *r, struct ja4_list *list, uint32_t n)
{
	if (is_grease(n)) {
		r->hello->grease = true;
		return;
	}
	list->value[list->count++] = (uint16_t)n;
	r->next = list->value + list->count;
}

/* All of a list of numbers. */
static void read_list(struct reading *r, struct ja4_list *list, struct cursor c)
{
	*list = (struct ja4_list){.value = r->next};
	while (c.end - c.at >= 2)
		add(r, list, number(&c, 2));
}

static bool server_name(struct reading *r, struct cursor c)
{
	struct cursor list = vector(&c, 2), name;

	r->ja4.sni = true;
	while (list.at < list.end && !list.failed) {
		if (number(&list, 1) != 0) { /* host_name, and there are no others */
			vector(&list, 2);
			continue;
		}
		name = vector(&list, 2);
		if (!r->hello->sni.at && name.at < name.end && !name.failed)
			r->hello->sni = text(name);
	}
	return !list.failed && !c.failed && c.at == c.end;
}

static bool alpn(struct reading *r, struct cursor c)
{
	struct cursor list = vector(&c, 2), name;
	struct tls_hello *hello = r->hello;

	while (list.at < list.end && !list.failed) {
		name = vector(&list, 1);
		if (hello->alpn_count < TLS_ALPN_MAX && !name.failed)
			hello->alpn[hello->alpn_count++] = text(name);
	}
	return !list.failed && !c.failed && c.at == c.end;
}

static bool supported_versions(struct reading *r, struct cursor c)
{
	struct cursor list = vector(&c, 1);
	struct tls_hello *hello = r->hello;
	uint32_t version;

	hello->version = 0;
	while (list.end - list.at >= 2) {
		version = number(&list, 2);
		if (is_grease(version)) {
			hello->grease = true;
			continue;
		}
		if (version > hello->version)
			hello->version = (uint16_t)version;
		if (version < hello->lowest || !hello->lowest)
			hello->lowest = (uint16_t)version;
	}
	return !list.failed && list.at == list.end && c.at == c.end;
}

static bool signature_algorithms(struct reading *r, struct cursor c)
{
	struct cursor list = vector(&c, 2);

	if (!r->algorithms.at)
		r->algorithms = list;
	return !list.failed && (list.end - list.at) % 2 == 0 && c.at == c.end;
}

static bool encrypted_client_hello(struct reading *r, struct cursor c)
{
	(void)c;
	r->hello->ech = true;
	return true;
}

static const struct {
	uint16_t type;
	bool (*read)(struct reading *r, struct cursor c);
} extensions[] = {
	{SERVER_NAME, server_name},
	{ALPN, alpn},
	{SIGNATURE_ALGORITHMS, signature_algorithms},
	{SUPPORTED_VERSIONS, supported_versions},
	{ENCRYPTED_CLIENT_HELLO, encrypted_client_hello},
};

static bool read_extensions(struct reading *r, struct cursor c)
{
	bool ok = !c.failed;
	struct cursor data;
	uint32_t type;
	size_t i;

	c.failed = false; /* there may be some before the end of what there is */
	r->ja4.extensions.value = r->next;
	while (c.at < c.end) {
		type = number(&c, 2);
		data = vector(&c, 2);
		if (data.failed)
			return false;
		add(r, &r->ja4.extensions, type);
		for (i = 0; i < sizeof(extensions) / sizeof(extensions[0]); i++)
			if (extensions[i].type == type && !extensions[i].read(r, data))
				ok = false;
	}
	read_list(r, &r->ja4.algorithms, r->algorithms);
	return ok;
}

/* The message, or what there is of it: no more. False if that is too little to say
 * anything. */
static bool read_hello(const uint8_t *message, size_t have, struct tls_hello *hello)
{
	struct cursor c = {.at = message, .end = message + have}, ciphers;
	struct reading r = {.hello = hello};
	bool whole = true;

	*hello = (struct tls_hello){};
	r.next = r.values;
	number(&c, 1);
	hello->length = number(&c, 3) + HANDSHAKE_HEADER;
	hello->legacy_version = (uint16_t)number(&c, 2);
	if (c.failed)
		return false;
	take(&c, RANDOM_SIZE);
	vector(&c, 1);
	ciphers = vector(&c, 2);
	read_list(&r, &r.ja4.ciphers, ciphers);
	vector(&c, 1);
	if (c.at < c.end)
		whole = read_extensions(&r, vector(&c, 2));
	hello->truncated = !whole || c.failed || c.at != c.end || (ciphers.end - ciphers.at) % 2 ||
			   hello->length > have;
	if (!hello->version)
		hello->version = hello->legacy_version;
	if (!hello->lowest)
		hello->lowest = hello->version;
	hello->ciphers = (uint16_t)r.ja4.ciphers.count;
	hello->extensions = (uint16_t)r.ja4.extensions.count;
	if (hello->truncated)
		return true;
	r.ja4.version = hello->version;
	r.ja4.alpn = hello->alpn[0].at;
	r.ja4.alpn_len = hello->alpn[0].len;
	ja4_print(&r.ja4, hello->ja4);
	return true;
}

/* --- records --------------------------------------------------------------- */

void tls_free(struct tls *t)
{
	free(t->hello);
	*t = (struct tls){};
}

void tls_release(struct tls *t)
{
	if (t->state == HELLO)
		return;
	free(t->hello);
	t->hello = NULL;
}

static int give_up(struct tls *t, int r)
{
	tls_free(t);
	t->state = BAD;
	return r;
}

/* May a record's header begin so? */
static bool is_handshake(const uint8_t *header, size_t len)
{
	size_t record = len >= RECORD_HEADER ? (size_t)header[3] << 8 | header[4] : 1;

	return header[0] == HANDSHAKE && (len < 2 || header[1] == 3) && record &&
	       record <= RECORD_MAX;
}

/* Bytes of the message, as far as they are read. */
static size_t message_size(const uint8_t *message)
{
	size_t size = (size_t)message[1] << 16 | (size_t)message[2] << 8 | message[3];

	return size < TLS_HELLO_MAX ? HANDSHAKE_HEADER + size : MESSAGE_MAX;
}

static int report(struct tls *t, const uint8_t *message, size_t have, struct tls_hello *hello)
{
	if (!read_hello(message, have, hello))
		return give_up(t, TLS_BAD);
	hello->segments = t->segments;
	t->state = DONE;
	return TLS_HELLO;
}

/* One that is whole in one record in one piece of data. */
static bool is_in_place(const uint8_t *data, size_t len)
{
	size_t record;

	if (len < RECORD_HEADER + HANDSHAKE_HEADER || !is_handshake(data, len))
		return false;
	record = (size_t)data[3] << 8 | data[4];
	return record <= len - RECORD_HEADER && record >= HANDSHAKE_HEADER &&
	       data[RECORD_HEADER] == CLIENT_HELLO && message_size(data + RECORD_HEADER) <= record;
}

static int grow(struct tls *t, size_t size)
{
	size_t room = t->room ? t->room : 1024;
	uint8_t *hello;

	if (size <= t->room)
		return 0;
	while (room < size)
		room = room * 2 < MESSAGE_MAX ? room * 2 : MESSAGE_MAX;
	hello = realloc(t->hello, room);
	if (!hello)
		return -ENOMEM;
	t->hello = hello;
	t->room = (uint32_t)room;
	return 0;
}

/* Bytes of a record's header or of what is in it, and how many. 0: no TLS. */
static int gather(struct tls *t, const uint8_t *data, size_t len)
{
	size_t n = t->record < len ? t->record : len;

	if (!n) {
		t->header[t->header_len++] = *data;
		if (!is_handshake(t->header, t->header_len))
			return 0;
		if (t->header_len == RECORD_HEADER) {
			t->record = (uint32_t)t->header[3] << 8 | t->header[4];
			t->header_len = 0;
		}
		return 1;
	}
	if (n > MESSAGE_MAX - t->have)
		n = MESSAGE_MAX - t->have;
	if (grow(t, t->have + n) < 0)
		return -ENOMEM;
	memcpy(t->hello + t->have, data, n);
	t->have += (uint32_t)n;
	t->record -= (uint32_t)n;
	return t->hello[0] == CLIENT_HELLO ? (int)n : 0;
}

int tls_feed(struct tls *t, const void *data, size_t len, struct tls_hello *hello)
{
	const uint8_t *at = data, *end = at + len;
	int n;

	if (t->state != HELLO) {
		tls_release(t);
		return t->state == DONE ? TLS_DONE : TLS_BAD;
	}
	if (len)
		t->segments++;
	if (!t->have && !t->header_len && !t->record && is_in_place(at, len))
		return report(t, at + RECORD_HEADER, message_size(at + RECORD_HEADER), hello);
	for (; at < end; at += n) {
		n = gather(t, at, (size_t)(end - at));
		if (n <= 0)
			return give_up(t, n < 0 ? n : TLS_BAD);
		if (t->have >= HANDSHAKE_HEADER && t->have >= message_size(t->hello))
			return report(t, t->hello, message_size(t->hello), hello);
	}
	return TLS_MORE;
}

int tls_end(struct tls *t, struct tls_hello *hello)
{
	if (t->state != HELLO || t->have < HANDSHAKE_HEADER)
		return TLS_MORE;
	return report(t, t->hello, t->have, hello) == TLS_HELLO ? TLS_HELLO : TLS_MORE;
}

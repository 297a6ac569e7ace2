/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tls.h - the ClientHello at the begin of a TLS connection (RFC 8446, RFC 5246),
 * which is not encrypted.
 *
 * Bytes go in as they come; the hello may be split over records, and records
 * over pieces. A hello that doesn't end where it began stands in a buffer
 * that grows with it.
 */
#ifndef HTTPSNIFF_TLS_H
#define HTTPSNIFF_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A longer hello is truncated: it is reported as far as that, and without JA4. */
#define TLS_HELLO_MAX 16384
#define TLS_ALPN_MAX  16
#define TLS_JA4_SIZE  37 /* with the terminating zero */

enum tls_result {
	TLS_MORE, /* not yet complete */
	TLS_HELLO, /* *hello is filled */
	TLS_BAD, /* no TLS client speaks here; SSL 2's hello is one of these */
	TLS_DONE, /* the hello was reported before */
};

/* Bytes as sent, not terminated; at is NULL where the hello has no such text. */
struct tls_text {
	const char *at;
	uint16_t len;
};

struct tls_hello {
	struct tls_text sni; /* the first host name, whatever its bytes are */
	struct tls_text alpn[TLS_ALPN_MAX]; /* in the client's order; the first of them */
	uint16_t alpn_count; /* in the array */
	uint16_t legacy_version; /* of the hello: 0x0303 in TLS 1.2 and 1.3 */
	uint16_t version; /* the highest it offers, which is what JA4 has */
	uint16_t lowest; /* the lowest it offers in supported_versions; version without them */
	uint16_t ciphers, extensions; /* without GREASE */
	uint32_t length; /* of the handshake message, with its 4 bytes of header */
	uint16_t segments; /* calls of tls_feed that brought some of it */
	bool ech; /* encrypted_client_hello: sni is the outer one */
	bool grease;
	bool truncated; /* its end wasn't seen, or it isn't well formed: ja4 is empty */
	char ja4[TLS_JA4_SIZE];
};

/* One connection's client. Zeroed is a valid state: at its first byte. */
struct tls {
	uint8_t *hello; /* of one that spans calls or records, NULL otherwise */
	uint32_t have, room; /* bytes in it, and allocated */
	uint32_t record; /* bytes of the record that are to come */
	uint16_t segments;
	uint8_t header[5], header_len; /* of a record, in part */
	uint8_t state;
};

/* Frees what it holds; t is as zeroed. */
void tls_free(struct tls *t);

/* Reads the client's next len bytes: an enum tls_result or -ENOMEM. *hello is
 * written with TLS_HELLO only; its texts stand in data or in t and live until
 * either goes or t is used again. Nothing need be fed after TLS_HELLO or TLS_BAD. */
int tls_feed(struct tls *t, const void *data, size_t len, struct tls_hello *hello);

/* No more bytes will come, or some were lost: TLS_HELLO (truncated) if at least
 * the version was seen, else TLS_MORE. */
int tls_end(struct tls *t, struct tls_hello *hello);

/* Frees what the hello that was reported stood in. */
void tls_release(struct tls *t);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ja4.h - JA4, FoxIO's fingerprint of TLS clients over TCP:
 * https://github.com/FoxIO-LLC/ja4/blob/main/technical_details/JA4.md
 */
#ifndef HTTPSNIFF_JA4_H
#define HTTPSNIFF_JA4_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define JA4_SIZE 37 /* with the terminating zero */

struct ja4_list {
	uint16_t *value;
	size_t count;
};

/* A hello, without its GREASE. */
struct ja4 {
	uint16_t version; /* the highest offered */
	bool sni; /* has the extension, whatever is in it */
	const char *alpn; /* the first protocol */
	size_t alpn_len;
	struct ja4_list ciphers, extensions, algorithms; /* in the client's order */
};

/* Sorts the ciphers and the extensions. */
void ja4_print(struct ja4 *hello, char to[JA4_SIZE]);

#endif

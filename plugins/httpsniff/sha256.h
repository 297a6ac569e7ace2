/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sha256.h - SHA-256 (FIPS 180-4), for JA4, which cuts it to 12 hex digits.
 *
 * Why our own: nothing secret is hashed, some hundred bytes a hello are, and what
 * there is costs more than these lines do. libcrypto adds 3 MiB to every daemon
 * that loads the plugin; AF_ALG needs a kernel option and a module that may not
 * be loadable once the daemon has dropped its privileges. The test has NIST's
 * vectors and asks sha256sum.
 */
#ifndef HTTPSNIFF_SHA256_H
#define HTTPSNIFF_SHA256_H

#include <stddef.h>
#include <stdint.h>

#define SHA256_SIZE 32

struct sha256 {
	uint32_t state[8];
	uint64_t length; /* bytes so far */
	uint8_t block[64]; /* the last length % 64 of them */
};

void sha256_init(struct sha256 *s);
void sha256_add(struct sha256 *s, const void *data, size_t len);
/* s is not usable afterwards but by sha256_init. */
void sha256_end(struct sha256 *s, uint8_t digest[SHA256_SIZE]);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * capture.h - frames of a capture file, by libpcap: pcap (micro- and nanoseconds, either
 * byte order) and pcapng, also through gzip. Whatever the link type, what comes out
 * begins with an Ethernet header.
 */
#ifndef TI_CAPTURE_H
#define TI_CAPTURE_H

#include <stdbool.h>
#include <stdint.h>

struct ti_capture;

struct ti_captured {
	const uint8_t *bytes; /* valid until the next one */
	uint32_t captured, len;
	uint64_t utc_ns;
};

/* "-" is standard input. -errno: logged with what to do. */
int ti_capture_open(struct ti_capture **out, const char *path);
void ti_capture_free(struct ti_capture *c);
void ti_capture_freep(struct ti_capture **c);

/* 1: there is one; 0: the end of the file; -errno, logged: the file is cut or damaged
 * here. */
int ti_capture_next(struct ti_capture *c, struct ti_captured *out);

#endif

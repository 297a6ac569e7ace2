/* SPDX-License-Identifier: GPL-2.0-or-later */
/* packet.h - frames of packets that a test describes. */
#ifndef TI_TESTING_PACKET_H
#define TI_TESTING_PACKET_H

#include <tcpinspect/testing.h>

#define FRAME_MAX (14 + 4 * 4 + 40 + 8 + 65535)

/* The default of what is NULL. */
void packet_addresses(const char **src, const char **dst);

/* The frame of a packet, of *len bytes, at most FRAME_MAX: to out[]. -EINVAL: there can
 * be no such packet, and why[] says why. */
int packet_make(const struct ti_test_packet *p, uint8_t *out, size_t *len, char *why, size_t size);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * direction.c - one table of fixed size whatever the capture holds. An entry is a tag of
 * the flow that answers the last SYN that fell there; a later SYN takes its place.
 */
#include "direction.h"

#include <stdlib.h>
#include <string.h>

#define ENTRIES (1 << 20)
#define VLANS	4
#define HEADERS 6 /* of IPv6, before TCP's */

struct ti_directions {
	uint32_t answers[ENTRIES];
};

/* One way of a connection, as bytes on the wire. */
struct flow {
	uint8_t src[16], dst[16];
	uint8_t ports[4];
	uint8_t flags;
};

struct ti_directions *ti_directions_new(void)
{
	return calloc(1, sizeof(struct ti_directions));
}

void ti_directions_free(struct ti_directions *d)
{
	free(d);
}

/* --- where TCP begins ---------------------------------------------------------- */

static uint32_t be16(const uint8_t *at)
{
	return at[0] << 8 | at[1];
}

/* Of an IPv4 packet at `at`, which ends at `end`; NULL: there is none. */
static const uint8_t *tcp_of_v4(const uint8_t *at, const uint8_t *end, struct flow *f)
{
	const uint8_t *tcp = at + (*at & 15) * 4;

	if (end - at < 20 || at[9] != 6 || be16(at + 6) & 0x1fff)
		return NULL;
	memcpy(f->src, at + 12, 4);
	memcpy(f->dst, at + 16, 4);
	return tcp;
}

static const uint8_t *tcp_of_v6(const uint8_t *at, const uint8_t *end, struct flow *f)
{
	uint8_t next;

	if (end - at < 40)
		return NULL;
	memcpy(f->src, at + 8, 16);
	memcpy(f->dst, at + 24, 16);
	next = at[6];
	at += 40;
	for (int i = 0; next != 6 && i < HEADERS && end - at >= 8; i++) {
		const uint8_t *header = at;

		if (next == 44 && be16(at + 2) & 0xfff8)
			return NULL;
		if (next != 0 && next != 43 && next != 44 && next != 51 && next != 60)
			return NULL;
		at += next == 44 ? 8 : next == 51 ? (at[1] + 2) * 4 : (at[1] + 1) * 8;
		next = header[0];
	}
	return next == 6 ? at : NULL;
}

static bool parse(const struct ti_frame *frame, struct flow *f)
{
	const uint8_t *at = frame->bytes, *end = at + frame->captured, *tcp;
	uint32_t type;

	if (frame->captured < 14)
		return false;
	type = be16(at + 12);
	at += 14;
	for (int i = 0; (type == 0x8100 || type == 0x88a8) && i < VLANS && end - at >= 4; i++) {
		type = be16(at + 2);
		at += 4;
	}
	if (at >= end)
		return false;
	tcp = type == 0x0800 ? tcp_of_v4(at, end, f) : type == 0x86dd ? tcp_of_v6(at, end, f) : NULL;
	if (!tcp || end - tcp < 14)
		return false;
	memcpy(f->ports, tcp, sizeof(f->ports));
	f->flags = tcp[13];
	return true;
}

/* --- flows --------------------------------------------------------------------- */

static uint64_t mix(uint64_t h, const void *bytes, size_t n)
{
	uint64_t word = 0;

	memcpy(&word, bytes, n);
	h = (h ^ word) * 0x9e3779b97f4a7c15;
	return h ^ h >> 32;
}

static uint64_t hash(const uint8_t *src, const uint8_t *dst, const uint8_t *sport, const uint8_t *dport)
{
	uint64_t h = mix(mix(mix(mix(1, src, 8), src + 8, 8), dst, 8), dst + 8, 8);

	return mix(mix(h, sport, 2), dport, 2);
}

bool ti_directions_egress(struct ti_directions *d, const struct ti_frame *frame)
{
	struct flow f = { 0 };
	uint64_t here, back;

	if (!parse(frame, &f))
		return false;
	here = hash(f.src, f.dst, f.ports, f.ports + 2);
	if ((f.flags & 0x17) == 0x02) { /* SYN, without FIN, RST and ACK */
		back = hash(f.dst, f.src, f.ports + 2, f.ports);
		d->answers[back % ENTRIES] = back >> 32 | 1;
		if (d->answers[here % ENTRIES] == (here >> 32 | 1))
			d->answers[here % ENTRIES] = 0;
		return false;
	}
	return d->answers[here % ENTRIES] == (here >> 32 | 1);
}

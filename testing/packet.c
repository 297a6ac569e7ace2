/* SPDX-License-Identifier: GPL-2.0-or-later */
/* packet.c - from what a test says of a packet to the bytes of a frame. */
#include "packet.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "log.h"

#define TCP_HEADER   20
#define TCP_OPTIONS  40 /* at most */
#define IPPROTO_FRAG 44

/* A packet with its defaults filled in. */
struct craft {
	const struct ti_test_packet *p;
	int family;
	uint8_t src[16], dst[16];
	uint8_t options[TCP_OPTIONS];
	size_t options_len, payload_len;
	size_t segment; /* bytes of the TCP segment */
	size_t at, len; /* of it in this fragment */
	char *why;
	size_t why_size;
};

static int refuse(struct craft *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static int refuse(struct craft *c, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(c->why, c->why_size, fmt, ap);
	va_end(ap);
	return -EINVAL;
}

/* --- what it says -------------------------------------------------------- */

static int family_of(const char *text, uint8_t addr[16])
{
	if (inet_pton(AF_INET, text, addr) == 1)
		return AF_INET;
	return inet_pton(AF_INET6, text, addr) == 1 ? AF_INET6 : 0;
}

void packet_addresses(const char **src, const char **dst)
{
	const char *named = *src ? *src : *dst;
	bool six = named && strchr(named, ':');

	if (!*src)
		*src = six ? "2001:db8::1" : "192.0.2.1";
	if (!*dst)
		*dst = six ? "2001:db8::2" : "198.51.100.1";
}

static int read_addresses(struct craft *c)
{
	const char *src = c->p->src, *dst = c->p->dst;

	packet_addresses(&src, &dst);
	c->family = family_of(src, c->src);
	if (!c->family)
		return refuse(c, "'%s' is no address", src);
	if (!family_of(dst, c->dst))
		return refuse(c, "'%s' is no address", dst);
	if (family_of(dst, c->dst) != c->family)
		return refuse(c, "of %s and %s one is IPv4 and one IPv6", src, dst);
	return 0;
}

static int read_options(struct craft *c)
{
	const struct ti_test_packet *p = c->p;
	size_t n = p->mss ? 4 : 0;

	if (p->options_len > TCP_OPTIONS - n)
		return refuse(c, "%zu bytes of TCP options: there is room for %d", p->options_len + n,
			      TCP_OPTIONS);
	if (p->mss)
		memcpy(c->options, (uint8_t[]){ 2, 4, p->mss >> 8, p->mss }, 4);
	if (p->options_len)
		memcpy(c->options + n, p->options, p->options_len);
	c->options_len = (n + p->options_len + 3) / 4 * 4;
	return 0;
}

static int read_fragment(struct craft *c)
{
	const struct ti_test_packet *p = c->p;
	size_t overhead = c->family == AF_INET ? 20 : p->fragment_at || p->fragment_len ? 8 : 0;

	c->payload_len = p->payload && !p->payload_len ? strlen(p->payload) : p->payload_len;
	c->segment = TCP_HEADER + c->options_len + c->payload_len;
	c->at = p->fragment_at;
	if (c->at % 8 || c->at >= c->segment)
		return refuse(c, "a fragment at %zu of a TCP segment of %zu bytes: give a multiple of 8 within it",
			      c->at, c->segment);
	c->len = p->fragment_len ? p->fragment_len : c->segment - c->at;
	if (c->at + c->len > c->segment || (c->at + c->len < c->segment && c->len % 8))
		return refuse(c, "a fragment of %zu bytes at %zu of a TCP segment of %zu: give a multiple of 8 within it",
			      c->len, c->at, c->segment);
	if (c->len + overhead > 65535)
		return refuse(c, "%zu bytes of payload: that is more than an IP packet takes", c->payload_len);
	return 0;
}

/* --- bytes --------------------------------------------------------------- */

static uint8_t *put16(uint8_t *o, uint32_t v)
{
	*o++ = v >> 8;
	*o++ = v;
	return o;
}

static uint8_t *put32(uint8_t *o, uint32_t v)
{
	return put16(put16(o, v >> 16), v);
}

static uint8_t *put(uint8_t *o, const void *bytes, size_t n)
{
	return n ? mempcpy(o, bytes, n) : o;
}

/* RFC 1071, over what came before, too. */
static uint64_t sum(uint64_t before, const uint8_t *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		before += i % 2 ? bytes[i] : bytes[i] << 8;
	return before;
}

static uint16_t folded(uint64_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return ~sum;
}

static unsigned or_default(int given, unsigned def)
{
	return given == TI_TEST_ZERO ? 0 : given ? (unsigned)given : def;
}

static void put_segment(const struct craft *c, uint8_t *o)
{
	const struct ti_test_packet *p = c->p;
	size_t addr = c->family == AF_INET ? 4 : 16;
	uint8_t *start = o;
	uint64_t check;

	o = put16(o, or_default(p->src_port, 40000));
	o = put16(o, or_default(p->dst_port, 80));
	o = put32(o, p->seq);
	o = put32(o, p->ack);
	*o++ = (TCP_HEADER + c->options_len) / 4 << 4;
	*o++ = p->flags;
	o = put16(o, or_default(p->window, 64240));
	o = put32(o, 0); /* checksum, urgent pointer */
	o = put(o, c->options, c->options_len);
	put(o, p->payload, c->payload_len);
	/* The pseudo header's words, in no order. */
	check = sum(sum(sum(0, c->src, addr), c->dst, addr), start, c->segment);
	put16(start + 16, folded(check + IPPROTO_TCP + (c->segment >> 16) + (c->segment & 0xffff)));
}

static uint8_t *put_ipv4(const struct craft *c, uint8_t *o)
{
	const struct ti_test_packet *p = c->p;
	bool more = c->at + c->len < c->segment;
	uint8_t *start = o;

	*o++ = 0x45;
	*o++ = p->tos;
	o = put16(o, 20 + c->len);
	o = put16(o, p->id);
	o = put16(o, more << 13 | c->at / 8);
	*o++ = or_default(p->ttl, 64);
	*o++ = IPPROTO_TCP;
	o = put16(o, 0);
	o = put(put(o, c->src, 4), c->dst, 4);
	put16(start + 10, folded(sum(0, start, 20)));
	return o;
}

static uint8_t *put_ipv6(const struct craft *c, uint8_t *o)
{
	const struct ti_test_packet *p = c->p;
	bool more = c->at + c->len < c->segment, fragment = c->at || more;

	o = put32(o, 6u << 28 | p->tos << 20);
	o = put16(o, c->len + (fragment ? 8 : 0));
	*o++ = fragment ? IPPROTO_FRAG : IPPROTO_TCP;
	*o++ = or_default(p->ttl, 64);
	o = put(put(o, c->src, 16), c->dst, 16);
	if (!fragment)
		return o;
	o = put16(o, IPPROTO_TCP << 8);
	o = put16(o, c->at | more);
	return put32(o, p->id);
}

static uint8_t *put_ethernet(const struct craft *c, uint8_t *o)
{
	static const uint8_t macs[] = { 2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1 };
	const uint16_t *vlan = c->p->vlan;

	o = put(o, macs, sizeof(macs));
	for (size_t i = 0; i < 4 && vlan[i]; i++) {
		o = put16(o, i < 3 && vlan[i + 1] ? 0x88a8 : 0x8100);
		o = put16(o, vlan[i]);
	}
	return put16(o, c->family == AF_INET ? 0x0800 : 0x86dd);
}

int packet_make(const struct ti_test_packet *p, uint8_t *out, size_t *len, char *why, size_t size)
{
	struct craft c = { .p = p, .why = why, .why_size = size };
	ti_cleanup(ti_freep) uint8_t *segment = NULL;
	uint8_t *o = out;
	int r = read_addresses(&c);

	if (r == 0)
		r = read_options(&c);
	if (r == 0)
		r = read_fragment(&c);
	if (r < 0)
		return r;
	segment = malloc(c.segment);
	if (!segment)
		return refuse(&c, "out of memory");
	put_segment(&c, segment);
	o = put_ethernet(&c, o);
	o = c.family == AF_INET ? put_ipv4(&c, o) : put_ipv6(&c, o);
	o = put(o, segment + c.at, c.len);
	*len = o - out;
	return 0;
}

size_t ti_test_make(const struct ti_test_packet *p, void *out, size_t size)
{
	ti_cleanup(ti_freep) uint8_t *frame = malloc(FRAME_MAX);
	char why[256];
	size_t len;

	if (!frame || packet_make(p, frame, &len, why, sizeof(why)) < 0)
		return 0;
	memcpy(out, frame, len < size ? len : size);
	return len;
}

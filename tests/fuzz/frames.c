/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "frames.h"

#include <arpa/inet.h>
#include <stdbool.h>
#include <string.h>

/* --- draws --------------------------------------------------------------- */

static uint32_t draw(struct draws *d)
{
	d->state ^= d->state >> 12;
	d->state ^= d->state << 25;
	d->state ^= d->state >> 27;
	return d->state * 0x2545f4914f6cdd1d >> 32;
}

static uint32_t below(struct draws *d, uint32_t n)
{
	return (uint64_t)draw(d) * n >> 32;
}

static bool one_in(struct draws *d, uint32_t n)
{
	return below(d, n) == 0;
}

#define ONE_OF(d, ...)                                       \
	({                                                   \
		static const uint16_t of_[] = {__VA_ARGS__}; \
		of_[below(d, sizeof(of_) / sizeof(*of_))];   \
	})

/* --- well formed frames ----------------------------------------------------- */

static void put8(struct frame *f, uint8_t v)
{
	f->at[f->len++] = v;
}

static void put16(struct frame *f, uint16_t v)
{
	put8(f, v >> 8);
	put8(f, v);
}

static void put32(struct frame *f, uint32_t v)
{
	put16(f, v >> 16);
	put16(f, v);
}

static void put_zero(struct frame *f, size_t n)
{
	memset(f->at + f->len, 0, n);
	f->len += n;
}

static void put_text(struct frame *f, const char *text)
{
	memcpy(f->at + f->len, text, strlen(text));
	f->len += strlen(text);
}

static void set16(struct frame *f, size_t at, uint16_t v)
{
	f->at[at] = v >> 8;
	f->at[at + 1] = v;
}

static void put_http(struct draws *d, struct frame *f)
{
	static const char *const heads[] = {
		"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n",
		"POST /x?y=z HTTP/1.1\r\nHost: b.example\r\nContent-Length: 5\r\n\r\nhello",
		"PROPFIND /dav HTTP/1.0\n\n",
		"CONNECT c.example:443 HTTP/1.1\r\nHost: c.example:443\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
		"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
		"GE",
		"T /later HTTP/1.1\r\nHost: d.exam",
	};

	for (uint32_t i = 0; i <= below(d, 3); i++)
		put_text(f, heads[below(d, sizeof(heads) / sizeof(*heads))]);
}

/* A ClientHello with a server name; lengths are right unless mutated later. */
static void put_hello(struct draws *d, struct frame *f)
{
	size_t record = f->len, handshake, extensions;

	put8(f, 22);
	put16(f, 0x0301);
	put16(f, 0);
	handshake = f->len;
	put32(f, 1u << 24);
	put16(f, 0x0303);
	put_zero(f, 32);
	put8(f, 0); /* no session */
	put16(f, 4);
	put32(f, 0x13011302);
	put16(f, 0x0100); /* no compression */
	extensions = f->len;
	put16(f, 0);
	put16(f, 0); /* server_name */
	put16(f, 14);
	put16(f, 12);
	put8(f, 0);
	put16(f, 9);
	put_text(f, "a.example");
	put16(f, 16); /* ALPN */
	put16(f, 5);
	put16(f, 3);
	put8(f, 2);
	put_text(f, "h2");
	if (one_in(d, 2)) { /* as large as a post-quantum key share */
		put16(f, 51);
		put16(f, 1200);
		put_zero(f, 1200);
	}
	set16(f, extensions, f->len - extensions - 2);
	set16(f, handshake + 2, f->len - handshake - 4);
	set16(f, record + 3, f->len - record - 5);
}

static void put_payload(struct draws *d, struct frame *f)
{
	switch (below(d, 6)) {
	case 0:
		put_http(d, f);
		break;
	case 1:
		put_hello(d, f);
		break;
	case 2:
		for (uint32_t n = below(d, 600); n; n--)
			put8(f, draw(d));
		break;
	}
}

/* Some hosts and ports come again and again, so that there are connections. */
static void put_tcp(struct draws *d, struct frame *f)
{
	uint8_t options = one_in(d, 2) ? below(d, 11) : 0;
	size_t begins = f->len;

	put16(f, one_in(d, 4) ? draw(d) : 40000 + below(d, 8));
	put16(f, one_in(d, 4) ? draw(d) : ONE_OF(d, 22, 80, 443, 3128, 8080, 8443));
	if (one_in(d, 2)) { /* an answer */
		uint32_t ports;

		memcpy(&ports, f->at + begins, sizeof(ports));
		ports = ports << 16 | ports >> 16;
		memcpy(f->at + begins, &ports, sizeof(ports));
	}
	put32(f, one_in(d, 4) ? draw(d) : 1000 + below(d, 3));
	put32(f, draw(d));
	put8(f, (5 + options) << 4);
	put8(f, ONE_OF(d, 0x02, 0xc2, 0x12, 0x10, 0x18, 0x11, 0x04, 0x14, 0x00, 0x01, 0x29, 0x03,
		       0xff));
	put16(f, draw(d));
	put32(f, 0);
	for (uint32_t i = 0; i < options; i++)
		put32(f, 0x01010101);
	put_payload(d, f);
}

static void put_protocol(struct draws *d, struct frame *f, bool tcp)
{
	if (tcp)
		put_tcp(d, f);
	else
		put_zero(f, 8 + below(d, 64));
}

static void put_ipv4(struct draws *d, struct frame *f)
{
	uint8_t options = one_in(d, 4) ? below(d, 11) : 0;
	bool tcp = !one_in(d, 8);
	size_t begins = f->len;

	put8(f, 0x45 + options);
	put8(f, draw(d));
	put16(f, 0);
	put16(f, draw(d));
	put16(f, one_in(d, 8) ? ONE_OF(d, 0x2000, 0x2001, 0x0001, 0x1fff, 0x4000, 0x8000) : 0x4000);
	put8(f, 64);
	put8(f, tcp ? 6 : ONE_OF(d, 1, 17, 47, 4, 0));
	put16(f, 0);
	put32(f, 0x0a000000 + (one_in(d, 4) ? draw(d) >> 8 : below(d, 16)));
	put32(f, 0x0a000000 + below(d, 16));
	for (uint32_t i = 0; i < options; i++)
		put32(f, 0x01010101);
	put_protocol(d, f, tcp);
	set16(f, begins + 2,
	      one_in(d, 32)   ? 0
	      : one_in(d, 32) ? 20 + 4 * options + below(d, 24)
			      : f->len - begins);
}

static void put_ipv6(struct draws *d, struct frame *f)
{
	uint32_t headers = one_in(d, 2) ? 0 : below(d, 8);
	bool tcp = !one_in(d, 8);
	size_t begins = f->len, next = begins + 6;

	put32(f, 0x60000000);
	put16(f, 0);
	put8(f, 0);
	put8(f, 64);
	for (uint32_t i = 0; i < 8; i++)
		put32(f, i % 4 == 0 ? 0xfd000000 : i % 4 == 3 ? below(d, 16) : 0);
	for (; headers; headers--) {
		uint8_t kind = ONE_OF(d, 0, 43, 60, 51, 44), more = one_in(d, 4) ? below(d, 4) : 0;

		f->at[next] = kind;
		next = f->len;
		put8(f, 0);
		if (kind == 44) {
			put8(f, 0);
			put16(f, one_in(d, 3) ? ONE_OF(d, 0x0008, 0xfff8, 0x0009) : below(d, 8));
			put32(f, draw(d));
		} else {
			put8(f, kind == 51 ? 2 * more : more);
			put_zero(f, 6 + more * 8);
		}
	}
	f->at[next] = tcp ? 6 : ONE_OF(d, 17, 58, 59, 50, 135);
	put_protocol(d, f, tcp);
	set16(f, begins + 4,
	      one_in(d, 32)   ? 0
	      : one_in(d, 32) ? below(d, 64)
			      : f->len - begins - 40);
}

static void put_frame(struct draws *d, struct frame *f)
{
	uint32_t tags = one_in(d, 4) ? below(d, 6) : 0;

	f->len = 0;
	put_zero(f, 12);
	while (tags--) {
		put16(f, one_in(d, 2) ? 0x8100 : 0x88a8);
		put16(f, draw(d));
	}
	switch (below(d, 16)) {
	case 0:
		put16(f, ONE_OF(d, 0x0806, 0x88cc, 0x0026, 0x9100));
		put_zero(f, 46);
		break;
	case 1 ... 6:
		put16(f, 0x86dd);
		put_ipv6(d, f);
		break;
	default:
		put16(f, 0x0800);
		put_ipv4(d, f);
	}
	if (f->len < 60 && one_in(d, 2)) /* padded, as Ethernet has it */
		put_zero(f, 60 - f->len);
}

/* --- and others ----------------------------------------------------------------- */

static void mutate(struct draws *d, struct frame *f)
{
	size_t near = f->len < 160 ? f->len : 160; /* where the headers are */
	size_t at = below(d, near);

	switch (below(d, 6)) {
	case 0:
		f->len = 1 + below(d, one_in(d, 2) ? near : f->len);
		break;
	case 1:
		f->at[at] ^= 1 << below(d, 8);
		break;
	case 2:
		f->at[at] = draw(d);
		break;
	case 3:
		f->at[at] = ONE_OF(d, 0x00, 0xff, 0x7f, 0x80, 0x45, 0x4f, 0x60, 6, 44);
		break;
	case 4: /* some bytes less */
		memmove(f->at + at, f->at + at + 1, f->len - at - 1);
		f->len--;
		break;
	case 5: /* some twice */
		if (f->len + near - at > FRAME_MAX)
			break;
		memmove(f->at + near, f->at + at, f->len - at);
		f->len += near - at;
		break;
	}
	if (f->len == 0)
		f->len = 1;
}

void frame_draw(struct draws *d, struct frame *f)
{
	put_frame(d, f);
	if (one_in(d, 2))
		for (uint32_t n = 1 + below(d, 4); n; n--)
			mutate(d, f);
}

/* --- what is to be made of them ---------------------------------------------------- */

struct reader {
	const struct frame *f;
	size_t at;
};

static bool has(const struct reader *r, size_t n)
{
	return r->at + n <= r->f->len;
}

static uint32_t get(const struct reader *r, size_t offset, size_t bytes)
{
	uint32_t v = 0;

	for (size_t i = 0; i < bytes; i++)
		v = v << 8 | r->f->at[r->at + offset + i];
	return v;
}

static ti_addr get_v4(const struct reader *r, size_t offset)
{
	uint8_t bytes[16] = {[10] = 0xff, [11] = 0xff};
	ti_addr addr;

	memcpy(bytes + 12, r->f->at + r->at + offset, 4);
	memcpy(&addr, bytes, sizeof(addr));
	return addr;
}

/* A first fragment: does it have the ports? `end` by the IP header. */
static enum outcome expect_piece(const struct reader *r, size_t end, struct parsed *out)
{
	if (!has(r, 4) || r->at + 4 > end)
		return OUTCOME_FRAGMENT;
	out->fragment = 1;
	out->l4 = r->at;
	out->src_port = get(r, 0, 2);
	out->dst_port = get(r, 2, 2);
	return OUTCOME_FRAGMENT;
}

static enum outcome expect_tcp(const struct reader *r, size_t end, bool fragment,
			       struct parsed *out)
{
	size_t header;

	if (!has(r, 20))
		return OUTCOME_TRUNCATED;
	header = get(r, 12, 1) / 16 * 4;
	if (header < 20)
		return OUTCOME_TRUNCATED;
	if (r->at + header > end && !fragment)
		return OUTCOME_TRUNCATED;
	out->l4 = r->at;
	out->payload = r->at + header;
	out->payload_len = r->at + header > end ? 0 : end - r->at - header;
	out->src_port = get(r, 0, 2);
	out->dst_port = get(r, 2, 2);
	out->seq = get(r, 4, 4);
	out->ack = get(r, 8, 4);
	out->flags = get(r, 13, 1);
	out->window = get(r, 14, 2);
	return OUTCOME_TCP;
}

static enum outcome expect_ipv4(struct reader *r, struct parsed *out)
{
	size_t header, total, end;
	uint32_t fragment;

	if (!has(r, 20))
		return OUTCOME_TRUNCATED;
	if (get(r, 0, 1) / 16 != 4)
		return OUTCOME_UNSUPPORTED;
	if (get(r, 9, 1) != IPPROTO_TCP)
		return OUTCOME_NOT_TCP;
	header = get(r, 0, 1) % 16 * 4;
	if (header < 20)
		return OUTCOME_TRUNCATED;
	total = get(r, 2, 2);
	fragment = get(r, 6, 2);
	out->family = 4;
	out->ttl = get(r, 8, 1);
	out->src = get_v4(r, 12);
	out->dst = get_v4(r, 16);
	if (fragment & 0x1fff)
		return OUTCOME_FRAGMENT;
	end = total ? r->at + total : r->f->len;
	r->at += header;
	if ((fragment & 0x2000) && total < header + 20)
		return expect_piece(r, r->at - header + total, out);
	return expect_tcp(r, end, fragment & 0x2000, out);
}

static bool is_extension(uint8_t header)
{
	static const uint8_t known[] = {IPPROTO_HOPOPTS, IPPROTO_ROUTING, IPPROTO_FRAGMENT,
					IPPROTO_AH, IPPROTO_DSTOPTS};

	return memchr(known, header, sizeof(known));
}

static enum outcome expect_ipv6(struct reader *r, struct parsed *out)
{
	bool fragment = false;
	uint8_t next;
	size_t end;

	if (!has(r, 40))
		return OUTCOME_TRUNCATED;
	if (get(r, 0, 1) / 16 != 6)
		return OUTCOME_UNSUPPORTED;
	out->family = 6;
	out->ttl = get(r, 7, 1);
	memcpy(&out->src, r->f->at + r->at + 8, 16);
	memcpy(&out->dst, r->f->at + r->at + 24, 16);
	end = get(r, 4, 2) ? r->at + 40 + get(r, 4, 2) : r->f->len;
	next = get(r, 6, 1);
	r->at += 40;
	for (int n = 0; is_extension(next); n++) {
		size_t length;

		if (n == 6)
			return OUTCOME_UNSUPPORTED;
		if (!has(r, 4))
			return OUTCOME_TRUNCATED;
		length = 8 + get(r, 1, 1) * 8; /* RFC 8200 */
		if (next == IPPROTO_AH)
			length = 8 + get(r, 1, 1) * 4; /* RFC 4302: in 4 bytes, less 2 */
		if (next == IPPROTO_FRAGMENT) {
			if (get(r, 2, 2) / 8)
				return OUTCOME_FRAGMENT;
			fragment = true;
			length = 8;
		}
		next = get(r, 0, 1);
		r->at += length;
	}
	if (next != IPPROTO_TCP)
		return OUTCOME_NOT_TCP;
	if (fragment && r->at + 20 > end)
		return expect_piece(r, end, out);
	return expect_tcp(r, end, fragment, out);
}

enum outcome frame_expect(const struct frame *f, struct parsed *out)
{
	struct reader r = {f, 12};
	uint32_t type;

	memset(out, 0, sizeof(*out));
	out->len = f->len;
	if (!has(&r, 2))
		return OUTCOME_TRUNCATED;
	type = get(&r, 0, 2);
	r.at = 14;
	for (int tags = 0; type == 0x8100 || type == 0x88a8; tags++) {
		if (tags == 4)
			return OUTCOME_UNSUPPORTED;
		if (!has(&r, 4))
			return OUTCOME_TRUNCATED;
		if (!out->vlan)
			out->vlan = get(&r, 0, 2) & 0xfff;
		type = get(&r, 2, 2);
		r.at += 4;
	}
	out->l3 = r.at;
	if (type == 0x0800)
		return expect_ipv4(&r, out);
	if (type == 0x86dd)
		return expect_ipv6(&r, out);
	return OUTCOME_NOT_TCP;
}

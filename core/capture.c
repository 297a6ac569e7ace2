/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * capture.c - libpcap knows the formats, zlib the compression (and passes on what is
 * not compressed). Other link types' headers are taken off and an Ethernet header is
 * put there, whose addresses are zero.
 */
#include "capture.h"

#include <errno.h>
#include <fcntl.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>
#include "log.h"

#define ETHERNET 14
#define FRAME	 262144 /* libpcap's own limit for most link types */

/* Bytes of the link header, and where in it the EtherType stands. */
struct link {
	int type; /* DLT_... */
	uint32_t header;
	int proto; /* offset; -1: none, the IP version tells */
};

static const struct link links[] = {
	{ DLT_EN10MB, 0, 0 }, /* as it is */
	{ DLT_LINUX_SLL, 16, 14 },
	{ DLT_LINUX_SLL2, 20, 0 },
	{ DLT_RAW, 0, -1 },
	{ DLT_IPV4, 0, -1 },
	{ DLT_IPV6, 0, -1 },
	{ DLT_NULL, 4, -1 },
	{ DLT_LOOP, 4, -1 },
};

struct ti_capture {
	const char *path; /* borrowed */
	pcap_t *pcap;
	gzFile gz;
	const struct link *link;
	uint64_t read; /* frames */
	uint8_t frame[ETHERNET + FRAME];
};

/* --- the file as a stream ------------------------------------------------------ */

static ssize_t gz_read(void *cookie, char *to, size_t n)
{
	struct ti_capture *c = cookie;

	return gzread(c->gz, to, n);
}

static int gz_close(void *cookie)
{
	struct ti_capture *c = cookie;

	gzclose_r(c->gz);
	c->gz = NULL;
	return 0;
}

/* What zlib has against the bytes; NULL: nothing. */
static const char *gz_complaint(const struct ti_capture *c)
{
	int code = Z_OK;
	const char *text = c->gz ? gzerror(c->gz, &code) : NULL;

	if (code == Z_OK || code == Z_STREAM_END)
		return NULL;
	if (code == Z_ERRNO)
		return strerror(errno);
	return strncmp(text, "<fd:", 4) ? text : strchr(text, ' ') + 1; /* its name for the file */
}

static FILE *open_stream(struct ti_capture *c)
{
	static const cookie_io_functions_t functions = { .read = gz_read, .close = gz_close };
	int fd = strcmp(c->path, "-") ? open(c->path, O_RDONLY | O_CLOEXEC) : dup(STDIN_FILENO);
	FILE *f;

	if (fd < 0)
		return NULL;
	c->gz = gzdopen(fd, "r");
	if (!c->gz) {
		close(fd);
		errno = ENOMEM;
		return NULL;
	}
	gzbuffer(c->gz, 1 << 17);
	f = fopencookie(c, "r", functions);
	if (f)
		setvbuf(f, NULL, _IOFBF, 1 << 16);
	return f;
}

/* --- open ---------------------------------------------------------------------- */

static const struct link *link_of(int type)
{
	for (size_t i = 0; i < TI_ARRAY_SIZE(links); i++)
		if (links[i].type == type)
			return &links[i];
	return NULL;
}

static int open_capture(struct ti_capture *c)
{
	char why[PCAP_ERRBUF_SIZE] = "";
	FILE *f = open_stream(c);
	const char *complaint, *name;
	int first, type;

	if (!f)
		return ti_err(-errno, "%s: cannot open: %s", c->path, strerror(errno));
	first = getc(f);
	complaint = gz_complaint(c);
	if (first == EOF && ferror(f))
		ti_err(0, "%s: cannot read: %s", c->path, complaint ? complaint : strerror(errno));
	else if (first == EOF)
		ti_err(0, "%s: the file is empty", c->path);
	else
		ungetc(first, f);
	c->pcap = first == EOF ? NULL :
		  pcap_fopen_offline_with_tstamp_precision(f, PCAP_TSTAMP_PRECISION_NANO, why);
	if (!c->pcap) {
		complaint = gz_complaint(c);
		if (first != EOF)
			ti_err(0, "%s: no capture that can be read (pcap or pcapng, or these gzipped): %s", c->path,
			       complaint ? complaint : why);
		fclose(f);
		return -EINVAL;
	}
	type = pcap_datalink(c->pcap);
	c->link = link_of(type);
	name = pcap_datalink_val_to_name(type);
	if (!c->link)
		return ti_err(-EINVAL, "%s: link type %d (%s) is none of Ethernet, Linux cooked (1 and 2), raw IP and loopback",
			      c->path, type, name ? name : "unknown");
	return 0;
}

int ti_capture_open(struct ti_capture **out, const char *path)
{
	ti_cleanup(ti_capture_freep) struct ti_capture *c = calloc(1, sizeof(*c));
	int r;

	if (!c)
		return -ENOMEM;
	c->path = path;
	r = open_capture(c);
	if (r < 0)
		return r;
	*out = TI_TAKE(c);
	return 0;
}

void ti_capture_free(struct ti_capture *c)
{
	if (!c)
		return;
	if (c->pcap)
		pcap_close(c->pcap);
	free(c);
}

void ti_capture_freep(struct ti_capture **c)
{
	ti_capture_free(*c);
}

/* --- frames -------------------------------------------------------------------- */

/* EtherType in wire order; 0: neither IPv4 nor IPv6. */
static uint16_t proto_of(const struct link *l, const uint8_t *at, uint32_t captured)
{
	uint8_t version = captured > l->header ? at[l->header] >> 4 : 0;
	uint16_t proto;

	if (l->proto >= 0) {
		memcpy(&proto, at + l->proto, sizeof(proto));
		return proto;
	}
	return version == 4 ? 0x0008 : version == 6 ? 0xdd86 : 0;
}

static void with_ethernet(struct ti_capture *c, struct ti_captured *out)
{
	uint32_t header = c->link->header;
	uint16_t proto;

	if (out->captured < header) { /* nothing of it is a packet */
		out->captured = 0;
		return;
	}
	proto = proto_of(c->link, out->bytes, out->captured);
	out->captured -= header;
	out->len -= out->len < header ? out->len : header;
	if (out->captured > FRAME)
		out->captured = FRAME;
	memset(c->frame, 0, ETHERNET);
	memcpy(c->frame + 12, &proto, sizeof(proto));
	memcpy(c->frame + ETHERNET, out->bytes + header, out->captured);
	out->bytes = c->frame;
	out->captured += ETHERNET;
	out->len += ETHERNET;
}

int ti_capture_next(struct ti_capture *c, struct ti_captured *out)
{
	struct pcap_pkthdr *h;
	const char *complaint;
	const u_char *bytes;
	int r = pcap_next_ex(c->pcap, &h, &bytes);

	if (r == PCAP_ERROR_BREAK)
		return 0;
	if (r != 1) {
		complaint = gz_complaint(c);
		return ti_err(-EIO, "%s: cut short or damaged after %llu packets: %s", c->path,
			      (unsigned long long)c->read, complaint ? complaint : pcap_geterr(c->pcap));
	}
	c->read++;
	*out = (struct ti_captured){
		.bytes = bytes,
		.captured = h->caplen,
		.len = h->len < h->caplen ? h->caplen : h->len,
		/* The precision is nanoseconds, whatever the field is called. */
		.utc_ns = h->ts.tv_sec * 1000000000ull + h->ts.tv_usec,
	};
	if (c->link->type != DLT_EN10MB)
		with_ethernet(c, out);
	return 1;
}

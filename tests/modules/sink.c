/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sink.c - what test-module makes its sinks of. -DNAME=x names it.
 */
#include <tcpinspect/sink.h>

#ifndef WRITE
#define WRITE sink_write
#endif

static int sink_start(void **self, const struct ti_sink_host *host, struct ti_handle *h,
		      const void *config)
{
	(void)self, (void)host, (void)h, (void)config;
	return 0;
}

static ssize_t sink_write(void *self, const char *data, size_t len)
{
	(void)self, (void)data;
	return len;
}

static void sink_stop(void *self)
{
	(void)self;
}

TI_SINK(NAME, .version = "2.0", .summary = "a sink under test", .format = TI_FORMAT_TEXT,
	.start = sink_start, .write = WRITE, .stop = sink_stop);

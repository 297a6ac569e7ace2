/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A sink of ABI 1.MINOR, to standard error. */
#include "old.h"

#include <unistd.h>

static int start(void **self, const struct old_sink_host *host, struct ti_handle *h, const void *config)
{
	(void)config;
	*self = (void *)host;
	host->log(h, 2, "sink start: host %d", host->size >= sizeof(*host));
	return 0;
}

static ssize_t put(void *self, const char *data, size_t len)
{
	(void)self;
	return write(STDERR_FILENO, data, len);
}

static void stop(void *self)
{
	(void)self;
	(void)!write(STDERR_FILENO, "sink stop\n", 10);
}

NOTE(2, struct old_sink)
extern __attribute__((visibility("default"))) const struct old_sink ti_sink;
const struct old_sink ti_sink = {
	.prefix = PREFIX(2, MINOR, struct old_sink),
	.version = "1.0", .summary = "a sink of an older ABI",
	.start = start, .write = put, .stop = stop,
};

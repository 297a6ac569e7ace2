/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * conn.c - the descriptor and its callbacks. Connections are followed and reported
 * by the BPF program; what user space does is look for what goes on too long.
 */
#include "conn.h"

#include <errno.h>
#include <stdlib.h>
#include <tcpinspect/plugin.h>

struct self {
	const struct ti_host *host;
	struct ti_handle *h;
	uint32_t *accepts_seen; /* in the BPF object */
};

static int start(void **self, const struct ti_host *host, struct ti_handle *h, const void *config)
{
	struct self *s = calloc(1, sizeof(*s));
	size_t size;

	(void)config;
	if (!s)
		return -ENOMEM;
	s->host = host;
	s->h = h;
	s->accepts_seen = host->memory(h, "accepts_seen", &size);
	*self = s;
	return 0;
}

static void attached(void *self)
{
	struct self *s = self;
	*s->accepts_seen = s->host->hook(s->h, "accepts") != NULL;
}

static void stop(void *self)
{
	free(self);
}

TI_BPF_OBJECT(conn_bpf, "conn.bpf.o");
TI_PLUGIN(conn, .version = "1.0", .summary = "connections: established, closed, stuck, accept queues that overflow",
	  TI_PLUGIN_BPF(conn_bpf), .start = start, .attached = attached, .stop = stop);

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * queues.h - the accept queues of this network namespace's listeners: which of them
 * overflow, and what each has done in a period.
 */
#ifndef CONN_QUEUES_H
#define CONN_QUEUES_H

#include <stdbool.h>
#include <tcpinspect/plugin.h>
#include "conn.h"

struct queue {
	uint64_t cookie;
	ti_addr addr;
	ti_port port;
	uint32_t uid, queue, backlog;
	uint32_t drops;     /* the socket's counter */
	uint64_t new_drops; /* since the look before */
	uint64_t told_connections, told_accepted; /* that its metrics have */
	uint64_t period_drops, period_connections, period_accepted; /* since the last period began */
	/* Out of the BPF program's map. */
	struct owner owner;
	uint64_t connections, accepted;
	/* Sockets of its port by state, while a period is reported. */
	uint32_t in_state[12];
};

struct queues {
	const struct ti_host *host;
	struct ti_handle *h;
	int map;                   /* listeners, in the BPF object */
	uint64_t *listening;       /* in the BPF object */
	int accept_overflow, listener; /* event numbers */
	uint64_t overflows;        /* of the namespace, at the look before */
	uint64_t period_began;     /* boot ns */
	bool blind;                /* the last look failed, and it was said */
	struct queue *at;          /* by cookie */
	size_t n;
};

/* The caller zeroes *q. Takes the first look. -errno: logged. */
int queues_init(struct queues *q, const struct ti_host *host, struct ti_handle *h);
void queues_free(struct queues *q); /* safe when zeroed */

/* Once a second: look, and report overflows. */
void queues_look(struct queues *q, uint64_t now);
/* Report every listener, for the time since the last call. */
void queues_report(struct queues *q, uint64_t now);

/* Metrics, as they are now; queues_look does so, too. */
void queues_count(struct queues *q);

/* A counter of /proc/net/netstat, 0: none of that name. `text` is the file's. */
uint64_t netstat_counter(const char *text, const char *name);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * listeners.h - the sockets that listen in this network namespace, each with a
 * slot in which the BPF program counts.
 */
#ifndef SYNFLOOD_LISTENERS_H
#define SYNFLOOD_LISTENERS_H

#include <stdbool.h>
#include <tcpinspect/plugin.h>
#include "synflood.h"

struct listener {
	ti_addr addr;    /* all zero: any */
	ti_port port;
	bool v4, v6;     /* families it takes; addr of all zero only */
	bool used, seen;
	bool queue_full; /* more wait to be accepted than may */
};

struct listeners {
	const struct ti_host *host;
	struct ti_handle *h;
	struct port_slots *ports; /* in the BPF object */
	int map;                  /* exact ones, in the BPF object */
	bool blind;               /* the last scan failed, and it was said */
	bool full;                /* said that there are more than slots */
	struct listener slot[SLOTS];
};

/* The caller zeroes *l. -errno: logged. */
int listeners_init(struct listeners *l, const struct ti_host *host, struct ti_handle *h);

/* Ask the kernel (sock_diag) and tell the BPF program what changed. -errno:
 * logged; what was known stays. */
int listeners_scan(struct listeners *l);

#endif

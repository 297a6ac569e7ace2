/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * stuck.h - connections that are held in a state for too long, and those that wait in
 * an accept queue.
 */
#ifndef CONN_STUCK_H
#define CONN_STUCK_H

#include <stdbool.h>
#include <tcpinspect/plugin.h>
#include "conn.h"

/* What was reported, or is watched: a socket in a state. */
struct held {
	uint64_t key;   /* in `conns`; the cookie of one that isn't there */
	uint64_t since; /* boot ns */
	uint8_t state;  /* enum conn_state */
	bool said, there;
};

struct held_list {
	struct held *at;
	size_t n, room;
};

/* Handshakes of one listener that wait for too long. */
struct requests {
	size_t n;
	struct request {
		ti_addr addr;
		ti_port port;
		uint64_t sockets, held;
		uint32_t uid;
	} at[256];
};

struct stucks {
	const struct ti_host *host;
	struct ti_handle *h;
	int conns, pending;             /* maps of the BPF object */
	int stuck, established;         /* event numbers */
	uint64_t limit[CONN_STATES];    /* ns; 0: none */
	uint64_t now;
	struct held_list said, saying;  /* of `conns`: at the walk before, at this one */
	struct held_list there;         /* sockets in such states, by cookie, if asked > 0 */
	int asked;                      /* at this look; -1: in vain */
	size_t unseen;                  /* ends that were missed, at this look */
	struct held_list old;           /* sockets that were in such a state at the start */
	struct requests requests, requests_before; /* at this look, at the one before */
	uint32_t netns;
};

/* The caller zeroes *s and sets limit[]. -errno: logged. */
int stucks_init(struct stucks *s, const struct ti_host *host, struct ti_handle *h);
void stucks_free(struct stucks *s);
/* Every few seconds: report what is new. */
void stucks_look(struct stucks *s, uint64_t now);

/* SYN-ACKs are sent again after 1, 3, 7, 15, ... s: how many times for one that has
 * waited as long as a limit. */
unsigned retransmits_after(uint64_t ns);

#endif

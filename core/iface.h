/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * iface.h - the interfaces of this network namespace: a table kept up to date
 * by rtnetlink, patterns that choose among them, and which of a stack of
 * devices to attach to so that each packet counts once.
 */
#ifndef TI_IFACE_H
#define TI_IFACE_H

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>

struct event_base;

struct ti_iface {
	unsigned index;
	char name[IFNAMSIZ];
	unsigned short type;  /* ARPHRD_* */
	unsigned flags;       /* IFF_* */
	unsigned master;      /* bridge or bond it is a port of; 0: none */
	unsigned lower;       /* device below a vlan, macvlan or ipvlan, where its packets
				 pass as TCP too; 0: none (not a tunnel's, not a
				 veth's peer, not in another namespace) */
	char kind[16];        /* "veth", "bridge", ...; "" for plain devices */
	bool gone;            /* vanished; the name is kept for late events */
};

struct ti_ifaces;
enum ti_iface_change { TI_IFACE_ADDED, TI_IFACE_CHANGED, TI_IFACE_GONE };
typedef void (*ti_iface_fn)(void *arg, enum ti_iface_change what, const struct ti_iface *i);

/* Dump the links now. With a base, follow RTNLGRP_LINK and call fn from the
 * loop (also after ENOBUFS, by a new dump and the differences). What is chosen
 * depends on the other interfaces too: look at all of them after each change. */
int ti_ifaces_new(struct ti_ifaces **out, struct event_base *base, ti_iface_fn fn, void *arg);
void ti_ifaces_free(struct ti_ifaces *t);
void ti_ifaces_freep(struct ti_ifaces **t);

size_t ti_ifaces_count(const struct ti_ifaces *t);
const struct ti_iface *ti_ifaces_at(const struct ti_ifaces *t, size_t i);
/* By index, also when gone; NULL when it never was. The struct stays in its place
 * while the interface is there and until 1,024 others have vanished after it. */
const struct ti_iface *ti_ifaces_by_index(const struct ti_ifaces *t, unsigned ifindex);

/*
 * Should a probe be attached to this interface? `patterns` is a list in stored
 * form (option.h) of fnmatch(3) patterns; "!pattern" excludes. Yes when it is
 * there, is of a type with Ethernet headers (ARPHRD_ETHER, ARPHRD_LOOPBACK),
 * matches, and no device below it (port of this bridge/bond, lower device of
 * this vlan) is chosen by the same patterns. why[] says why not.
 */
bool ti_ifaces_chosen(const struct ti_ifaces *t, const struct ti_iface *i,
		      const char *patterns, char *why, size_t why_size);

/* A pattern without wildcards that matches no interface, copied to name[]; false:
 * none. For "no such interface". */
bool ti_ifaces_missing(const struct ti_ifaces *t, const char *patterns, char name[IFNAMSIZ]);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hook-fixture.h - what the tests of hook.c and hook_*.c share: real programs attached
 * to real interfaces in a network namespace of this process; packets are frames of an
 * EtherType of their own, so that counts are exact. A killed tcpinspect is a killed
 * child.
 */
#ifndef HOOK_FIXTURE_H
#define HOOK_FIXTURE_H

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <stdbool.h>
#include <sys/types.h>
#include "hook.h"
#include "hook-counts.h"

#define TC_PROGRAM "count_tc_with_a_long_name"

/* One program of the object, loaded, and what it counts. */
struct loaded {
	struct bpf_object *obj;
	struct bpf_program *prog;
	volatile struct counts *counts;
};
struct loaded load(const char *name);
void unload(struct loaded *l);
__u32 program_id(const struct bpf_program *prog);
/* Does the kernel still hold the program? It lets go of one a moment later. */
bool program_lives(__u32 id);

/* The attachment of a packet program to an interface. */
struct ti_attachment at(const struct loaded *l, const char *plugin, const char *ifname);
void attach(struct ti_attachment *a);
void refused(struct ti_attachment *a, int r, const char *why);

/* Another tcpinspect: attaches a program, stays until it is killed. */
struct other {
	pid_t pid;
	__u32 prog_id;
	int r; /* of its ti_attach */
};
struct other start_other(const char *program, const char *plugin, const char *ifname, const char *target);
void kill_other(struct other *o);

int run(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* Send frames out of an interface. They arrive before this returns, or soon after. */
void transmit(const char *ifname, int n);
/* Wait until *what is n, and then whether it stays. */
void assert_counted(volatile __u64 *what, __u64 n);
__u32 xdp_id(const char *ifname);
bool has_qdisc(const char *ifname, const char *kind);
/* Filters of anybody, by tc's own count. */
int filters(const char *ifname, const char *where);

/* For cmocka: a pair v0, v1 in a fresh namespace. */
int setup(void **state);
/* Of a main(): run the tests in a namespace of their own, or say why not. */
int hook_tests(int (*tests)(void));

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hook.h - the places in the kernel where a program can be attached. One file
 * hook_*.c each, one row each in the table of hook.c.
 */
#ifndef TI_HOOK_H
#define TI_HOOK_H

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>

struct bpf_program;
struct bpf_link;
struct ti_attachment;

/* What a hook sees of the traffic. */
enum ti_sees {
	TI_SEES_INGRESS = 1 << 0,
	TI_SEES_EGRESS = 1 << 1,
	TI_SEES_DROPPED = 1 << 2,  /* before netfilter: also what a firewall will drop */
	TI_SEES_MERGED = 1 << 3,   /* packets merged by GRO */
	TI_SEES_SOCKET = 1 << 4,   /* the socket it belongs to */
	TI_SEES_PID = 1 << 5,      /* the process, where it runs in its context */
	TI_CAN_DROP = 1 << 6,
};

struct ti_hook {
	const char *name;     /* as in the ini: "xdp" */
	const char *section;  /* prefix of the program's ELF section: "xdp", "tp_btf/" */
	const char *place;    /* where it is, for hooks without interface and target */
	const char *sees_text;/* for doctor: "ingress, before the firewall" */
	const char *sees_out; /* of outgoing packets, where the section's target is
				 "egress"; NULL: the hook has none of these */
	int prog_type;        /* of a section that libbpf doesn't know; 0: it does */
	unsigned sees;        /* enum ti_sees */
	bool per_interface;
	bool feedable;        /* BPF_PROG_TEST_RUN gives its programs a packet (offline.h) */
	/* Can this kernel do it at all? 0, or -errno with the reason and the
	 * cure in why[]. `target` is what follows the prefix in the section name
	 * ("inet_sock_set_state"); "" for packet hooks. */
	int (*available)(const char *target, char *why, size_t why_size);
	/* Attach a->prog (loaded); fills mode, link/fds. -errno with a->why;
	 * -EALREADY: this plugin runs there, so no other hook is to be tried. */
	int (*attach)(struct ti_attachment *a);
	/* Undo what closing link and fds doesn't; the interface may be gone. Safe
	 * after an attach() that failed. NULL: closing them is enough. */
	void (*detach)(struct ti_attachment *a);
	/* Remove what a killed instance left on an interface for this plugin:
	 * number of things removed, or -errno. NULL: nothing outlives us. */
	int (*sweep)(const char *plugin, unsigned ifindex);
};

/* One program at one place. Zero-initialise, set the first block, attach. */
struct ti_attachment {
	const struct ti_hook *hook;
	struct bpf_program *prog; /* borrowed */
	const char *plugin;       /* borrowed; lives as long as the attachment */
	const char *target;       /* borrowed, as for available() */
	int pid;                  /* of this process only, where the hook can; 0: all */
	bool egress;              /* outgoing packets, not incoming ones (a socket
				     hears both then) */
	unsigned order;           /* of the plugin as declared, then of its program: no
				     two at one place have the same */
	int next;                 /* XDP: the program's TI_XDP_NEXT, borrowed; -1: none */
	unsigned ifindex;         /* 0 for hooks that know no interface */
	char ifname[IFNAMSIZ];

	bool attached;
	struct bpf_link *link;
	int fd;                   /* raw link or socket of the hook; -1: none */
	int lock_fd;              /* held while something is there that outlives us */
	char mode[64];            /* "native", "generic, after synflood", "" */
	char why[192];            /* why attach failed, what to do; of a success, why
				     a better mode was refused; or "" */
};

const struct ti_hook *ti_hook_by_name(const char *name);
/* *target is what follows the hook's name, "" or "egress" or what have you. */
const struct ti_hook *ti_hook_by_section(const char *section, const char **target);
/* For a section that is none of them: the one that was most likely meant, or NULL; and
 * all of them, "xdp, tc, tp/, ...", in out[], which is returned. */
const char *ti_hook_near_section(const char *section);
const char *ti_hook_sections(char *out, size_t size);
/* What a program sees there, for people. */
const char *ti_hook_sees(const struct ti_hook *h, const char *target);
/* All of them, NULL-terminated, for lists and messages. */
extern const struct ti_hook *const ti_hooks[];

void ti_attachment_init(struct ti_attachment *a); /* the empty state: fds -1 */
int ti_attach(struct ti_attachment *a);
void ti_detach(struct ti_attachment *a); /* safe in the empty state and twice */

struct ti_ifaces;
/* Remove what killed instances have left anywhere for a plugin; how many things. */
int ti_hooks_sweep(const char *plugin, const struct ti_ifaces *ifaces);

/* For the hook_*.c files: fill why[] and return r; an errno with its cure. */
int ti_hook_why(char *why, size_t size, int r, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
const char *ti_hook_strerror(int r);
/* An attach(): where the section name says. */
int ti_hook_attach_program(struct ti_attachment *a);

/* Number of parameters of a kernel function; -ENOENT: the kernel's BTF has none
 * by that name, -ESRCH: it has no BTF. */
int ti_kernel_params(const char *function);

extern const struct ti_hook ti_hook_xdp, ti_hook_tc, ti_hook_socket, ti_hook_tp,
	ti_hook_raw_tp, ti_hook_tp_btf, ti_hook_kprobe, ti_hook_kretprobe, ti_hook_fentry,
	ti_hook_fexit, ti_hook_uprobe, ti_hook_uretprobe, ti_hook_sock_ops, ti_hook_cgroup_skb;
/* Stands for the want of one: of TI_BY_HAND, whose target is the whole section name. Not
 * in ti_hooks[], and never to be attached. */
extern const struct ti_hook ti_hook_by_hand;

#endif

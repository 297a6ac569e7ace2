/* SPDX-License-Identifier: BSD-2-Clause OR LGPL-2.1 */
/*
 * tcpinspect/plugin.h - what a plugin's shared object exports.
 *
 * A plugin is data: a name, a version and the bytes of its BPF object, which is
 * the one source of truth for its events, in-kernel options and hooks. The
 * callbacks are optional. A probe without any needs this much C:
 *
 *	#include <tcpinspect/plugin.h>
 *	TI_BPF_OBJECT(synmss_bpf, "synmss.bpf.o");
 *	TI_PLUGIN(synmss, .version = "1.0", .summary = "SYNs with a small MSS",
 *		  TI_PLUGIN_BPF(synmss_bpf));
 *
 * ABI. A module built against major.minor loads in every daemon of the same
 * major and the same or a later minor. Structs grow at their end only; the
 * daemon copies min(theirs, its own) bytes into a zeroed struct, so fields that
 * an older module doesn't know read as 0.
 *
 * Threads. All callbacks run on the daemon's one loop thread and must not
 * block: a callback that waits stops every plugin and sink. One that takes over
 * 10 ms (start() and stop(): 100 ms, since nothing else is under way) is named in
 * the log, once a minute, and counted. One that crashes takes the daemon with it,
 * which names module, version and callback before it ends by that signal; its BPF
 * links go with it.
 */
#ifndef TCPINSPECT_PLUGIN_H
#define TCPINSPECT_PLUGIN_H

#include <stddef.h>
#include <stdint.h>
#include <tcpinspect/option.h>
#include <tcpinspect/types.h>

#define TI_ABI_MAJOR 1
#define TI_ABI_MINOR 3 /* 1: map_each, sockets; 2: TI_INTERNAL, hooks and maps by option; 3: replay, metrics */
#define TI_MAGIC     0x50534e49u /* "INSP" in little-endian memory */
#define TI_NAME_MAX  32          /* with the NUL; [a-z][a-z0-9_]* */

enum ti_module_kind {
	TI_MODULE_PLUGIN = 1,
	TI_MODULE_SINK = 2,
};

/*
 * First in every descriptor, and planted a second time as the ELF note
 * .note.tcpinspect, which the daemon reads before any code of the module runs.
 * Frozen for ever. 48 bytes, no pointers (a note with relocations would have to
 * be writable).
 */
struct ti_prefix_v1 {
	uint32_t magic;      /* TI_MAGIC */
	uint16_t abi_major;
	uint16_t abi_minor;
	uint32_t kind;       /* enum ti_module_kind */
	uint32_t size;       /* sizeof the whole descriptor */
	char name[TI_NAME_MAX];
};

struct ti_handle; /* the daemon's view of one running plugin or sink */

enum ti_log_level {
	TI_LOG_ERROR,
	TI_LOG_WARNING,
	TI_LOG_INFO,
	TI_LOG_DEBUG,
};

/* A TCP socket, for ti_host.sockets. Grows at its end. */
struct ti_socket {
	ti_addr local, peer;  /* all zero: any address, or no peer */
	ti_port local_port, peer_port;
	uint8_t family;       /* 4 or 6; a dual-stack one is 6 */
	uint8_t state;        /* enum ti_tcp_state */
	uint8_t v6only;       /* of listeners */
	uint8_t retransmits;  /* of the segment, SYN-ACK or probe that waits now */
	uint32_t ifindex;     /* bound to; 0: none */
	uint32_t uid;
	uint64_t cookie;
	uint32_t inode;       /* 0: no process has it (not accepted yet, or closed) */
	uint32_t rqueue;      /* bytes unread; of a listener: waiting to be accepted */
	uint32_t wqueue;      /* bytes unacknowledged; of a listener: how many may wait */
	uint32_t drops;       /* since it was made; of a listener: SYNs and handshakes */
};

/*
 * Services of the daemon, valid from start() until stop() has returned. A
 * member beyond `size` bytes does not exist: ask TI_HOST_HAS(host, member)
 * before using one that came after ABI 1.0. All return 0 or a positive result,
 * or -errno.
 */
struct ti_host {
	uint32_t size;
	uint32_t reserved;

	/* Number of an event type, or TI_INTERNAL, of this plugin by name; -ENOENT. */
	int (*event)(struct ti_handle *h, const char *name);

	/* Report an event from user space, as TI_EMIT does from BPF. `data` is
	 * the event's struct, `len` its size; copied before the call returns.
	 * boot_ns 0: now. -EINVAL: unknown number or another size. */
	int (*emit)(struct ti_handle *h, int event, const void *data,
		    size_t len, uint64_t boot_ns);

	/* A global variable of the BPF object (.data, .bss) as live memory,
	 * or the memory of a TI_CPU_ARRAY map (*size is that of one CPU's
	 * value, values follow each other at that distance). NULL: no such
	 * name, or the object isn't loaded. Owned by the daemon. */
	void *(*memory)(struct ti_handle *h, const char *name, size_t *size);

	/* File descriptor of a map of the BPF object by name, owned by the
	 * daemon; -ENOENT. */
	int (*map)(struct ti_handle *h, const char *name);

	/* One entry of such a map, key and value of the map's sizes. -ENOENT: no
	 * such key; -E2BIG: full. */
	int (*map_get)(struct ti_handle *h, int map, const void *key, void *value);
	int (*map_set)(struct ti_handle *h, int map, const void *key, const void *value);
	int (*map_delete)(struct ti_handle *h, int map, const void *key);

	/* Values in a TI_CPU_ARRAY: up to the last CPU online at load. */
	int (*cpus)(struct ti_handle *h);

	/* CLOCK_BOOTTIME in ns, the clock of ti_record.boot_ns. */
	uint64_t (*now)(struct ti_handle *h);

	/* Name of an interface; NULL when it never was attached. Valid until
	 * the callback returns. */
	const char *(*ifname)(struct ti_handle *h, uint32_t ifindex);

	/* Hook in use for a group of the BPF object ("tc"), NULL: none. */
	const char *(*hook)(struct ti_handle *h, const char *group);

	/* One line to the daemon's log; a newline is added. */
	void (*log)(struct ti_handle *h, enum ti_log_level level,
		    const char *fmt, ...) __attribute__((format(printf, 3, 4)));

	/* --- since ABI 1.1 --- */

	/*
	 * Call fn for each entry of a map of the BPF object, in no order, with
	 * copies of key and value that are valid until it returns. It may change
	 * the map. Entries that come or go meanwhile may be missed or, in a hash,
	 * come twice. Ends early when fn returns other than 0, with what it
	 * returned. -EINVAL: a map with a value per CPU, or none at all.
	 * A system call for some hundred entries of a hash or an array.
	 */
	int (*map_each)(struct ti_handle *h, int map,
			int (*fn)(void *arg, const void *key, const void *value),
			void *arg);

	/*
	 * Go through the TCP sockets of the daemon's own network namespace that
	 * are in one of `states` (bits 1 << n of enum ti_tcp_state, kernel.h:
	 * 1 << 10 for listeners; 1 << 3 also has handshakes that have no socket
	 * yet, 1 << 6 TIME_WAIT). They come and go meanwhile: each is as it was
	 * when fn got it. A result of fn that isn't 0 ends it and is returned.
	 * It takes about a microsecond a socket, with the loop waiting: ask for
	 * few states, and seldom for those that have many sockets. -errno: the
	 * kernel can't (no module tcp_diag), or was too slow. Since ABI 1.1.
	 */
	int (*sockets)(struct ti_handle *h, uint32_t states,
		       int (*fn)(void *arg, const struct ti_socket *s), void *arg);

	/* --- since ABI 1.3 --- */

	/* 1: packets come from a capture or a test. now() is their clock, there are no
	 * interfaces, sockets() finds none, and what is read from this host (/proc) would be
	 * another's. */
	int (*offline)(struct ti_handle *h);

	/* For hashes, so that what strangers send can't be made to collide: random for
	 * each run of the daemon, the same in each replay. */
	uint64_t (*seed)(struct ti_handle *h);

	/*
	 * The values of a TI_METRICS_USER (labels NULL), or of a TI_METRICS_USER_BY for one
	 * set of labels: of the structs that it was given, zeroed when new. To be added
	 * to, or set, by callbacks; they stay where they are until removed or until
	 * stop() has returned. Where there is no room for another set of labels, which
	 * is counted: values that all of those share, of which gauges mean nothing.
	 * NULL: no such name, labels missing or too many, or out of memory.
	 *	struct requests *m = host->metrics(h, "requests", &(struct by_method){ GET });
	 *	if (m)
	 *		m->requests++;
	 */
	void *(*metrics)(struct ti_handle *h, const char *name, const void *labels);

	/* Forget a set of labels: it isn't printed any more, and begins at 0 should it
	 * come again. -ENOENT: no such name or set. */
	int (*metrics_remove)(struct ti_handle *h, const char *name, const void *labels);

	/* File descriptor of a program of the BPF object by name (a function marked
	 * TI_BY_HAND), loaded, for the plugin to attach; owned by the daemon. What it
	 * attaches it must detach in stop(), where the kernel doesn't when the process ends.
	 * -ENOENT: no such program, or it isn't loaded: TI_ONLY_IF, TI_IF_POSSIBLE. */
	int (*program)(struct ti_handle *h, const char *name);
};

#define TI_HOST_HAS(host, member)                                              \
	((host)->size >= offsetof(struct ti_host, member) +                    \
				 sizeof((host)->member))

/*
 * The descriptor: exported as `ti_plugin`, constant. Everything it points to is
 * the module's and must live as long as it is loaded.
 */
struct ti_plugin {
	struct ti_prefix_v1 prefix;

	const char *version; /* the plugin's own, free text */
	const char *summary; /* one line for `tcpinspect list` */

	const void *bpf;     /* ELF bytes of the BPF object (TI_BPF_OBJECT) */
	const void *bpf_end; /* one past them */

	/* User-side options; values are written to a zeroed struct of
	 * config_size bytes that start() gets. May be NULL, 0, 0. */
	const struct ti_option *options;
	uint32_t n_options;
	uint32_t config_size;

	uint32_t tick_ms;    /* period of tick(); 0: 1000 */
	uint32_t reserved;

	/* After the BPF object is loaded, before it is attached. Stores what
	 * the other callbacks get as `self`. `config` is valid until stop()
	 * has returned. -errno: the plugin is not run; stop() is not called. */
	int (*start)(void **self, const struct ti_host *host,
		     struct ti_handle *h, const void *config);

	/* After everything is attached, and again when that changed: an
	 * interface came or went. */
	void (*attached)(void *self);

	/* Each event from the ring before it is routed; may change it in place.
	 * 0: goes on; 1: swallowed, counts as filtered. And each TI_INTERNAL
	 * record, which goes nowhere else: its data may only be read, rec->len
	 * bytes of it, and the result means nothing. */
	int (*event)(void *self, const struct ti_record *rec, void *data);

	/* Every tick_ms. `boot_ns` is now. */
	void (*tick)(void *self, uint64_t boot_ns);

	/* Detached, ring drained; a last chance to emit. Frees self. */
	void (*stop)(void *self);

	/* --- since ABI 1.3 --- */

	/* What the plugin does in a replay instead of what a capture can't show (sockets,
	 * hooks that aren't packets'), one sentence for `tcpinspect replay` to print.
	 * NULL: nothing. */
	const char *offline;
};

/* For the macros below. */
#define TI_PREFIX(name_, kind_, type_)                                         \
	{                                                                      \
		.magic = TI_MAGIC, .abi_major = TI_ABI_MAJOR,                  \
		.abi_minor = TI_ABI_MINOR, .kind = (kind_),                    \
		.size = sizeof(type_), .name = #name_,                         \
	}

/* The note of 1 type, owner "tcpinspect". */
#define TI_NOTE(name_, kind_, type_)                                           \
	__attribute__((section(".note.tcpinspect"), used, aligned(4)))         \
	static const struct {                                                  \
		uint32_t namesz, descsz, type;                                 \
		char owner[12];                                                \
		struct ti_prefix_v1 prefix;                                    \
	} ti_note_ = { 11, sizeof(struct ti_prefix_v1), 1, "tcpinspect",       \
		       TI_PREFIX(name_, kind_, type_) }

/* Define the descriptor: TI_PLUGIN(name, .version = ..., ...). One per .so; the
 * file is NAME.so. */
#define TI_PLUGIN(name_, ...)                                                  \
	TI_NOTE(name_, TI_MODULE_PLUGIN, struct ti_plugin);                    \
	extern __attribute__((visibility("default")))                          \
	const struct ti_plugin ti_plugin;                                      \
	const struct ti_plugin ti_plugin = {                                   \
		.prefix = TI_PREFIX(name_, TI_MODULE_PLUGIN, struct ti_plugin),\
		__VA_ARGS__                                                    \
	}

/* Carry a BPF object file in the plugin. The path is relative to the
 * assembler's include path (-Wa,-I). */
#define TI_BPF_OBJECT(sym, path)                                               \
	__asm__(".pushsection .rodata." #sym ",\"a\",%progbits\n"              \
		".balign 16\n" #sym ":\n.incbin \"" path "\"\n"                \
		#sym "_end:\n.byte 0\n.popsection\n");                         \
	extern __attribute__((visibility("hidden")))                           \
	const char sym[], sym##_end[]

#define TI_PLUGIN_BPF(sym) .bpf = sym, .bpf_end = sym##_end

TI_STATIC_ASSERT(sizeof(struct ti_prefix_v1) == 48, "the prefix is frozen");

#endif

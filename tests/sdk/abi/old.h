/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * old.h - plugin.h and sink.h as a module of ABI 1.MINOR was built with: what a binary
 * of that time has in it. Frozen: nothing here ever changes, a new minor is added
 * when it has come out. The types of types.h and option.h are fixed for 1.x.
 */
#ifndef OLD_H
#define OLD_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <tcpinspect/option.h>
#include <tcpinspect/types.h>

struct old_prefix {
	uint32_t magic;
	uint16_t abi_major, abi_minor;
	uint32_t kind, size;
	char name[32];
};

struct ti_handle;

struct old_host {
	uint32_t size, reserved;
	int (*event)(struct ti_handle *h, const char *name);
	int (*emit)(struct ti_handle *h, int event, const void *data, size_t len, uint64_t boot_ns);
	void *(*memory)(struct ti_handle *h, const char *name, size_t *size);
	int (*map)(struct ti_handle *h, const char *name);
	int (*map_get)(struct ti_handle *h, int map, const void *key, void *value);
	int (*map_set)(struct ti_handle *h, int map, const void *key, const void *value);
	int (*map_delete)(struct ti_handle *h, int map, const void *key);
	int (*cpus)(struct ti_handle *h);
	uint64_t (*now)(struct ti_handle *h);
	const char *(*ifname)(struct ti_handle *h, uint32_t ifindex);
	const char *(*hook)(struct ti_handle *h, const char *group);
	void (*log)(struct ti_handle *h, int level, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
#if MINOR >= 1
	int (*map_each)(struct ti_handle *h, int map, int (*fn)(void *arg, const void *key, const void *value),
			void *arg);
	int (*sockets)(struct ti_handle *h, uint32_t states, int (*fn)(void *arg, const void *socket), void *arg);
#endif
};

struct old_plugin {
	struct old_prefix prefix;
	const char *version, *summary;
	const void *bpf, *bpf_end;
	const struct ti_option *options;
	uint32_t n_options, config_size, tick_ms, reserved;
	int (*start)(void **self, const struct old_host *host, struct ti_handle *h, const void *config);
	void (*attached)(void *self);
	int (*event)(void *self, const struct ti_record *rec, void *data);
	void (*tick)(void *self, uint64_t boot_ns);
	void (*stop)(void *self);
};

struct old_sink_host {
	uint32_t size, reserved;
	void (*log)(struct ti_handle *h, int level, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
	void (*colour)(struct ti_handle *h, int on);
};

struct old_sink {
	struct old_prefix prefix;
	const char *version, *summary;
	const struct ti_option *options;
	uint32_t n_options, config_size, format, reserved;
	int (*start)(void **self, const struct old_sink_host *host, struct ti_handle *h, const void *config);
	ssize_t (*write)(void *self, const char *data, size_t len);
	int (*reopen)(void *self);
	void (*stop)(void *self);
};

/* What the test breaks, one at a time. */
#ifndef MAJOR
#define MAJOR 1
#endif
#ifndef MAGIC
#define MAGIC 0x50534e49u
#endif
#ifndef NAME
#define NAME "old"
#endif
#ifndef NOTE_MINOR
#define NOTE_MINOR MINOR
#endif
#ifndef SIZE
#define SIZE(type) sizeof(type)
#endif
#define PREFIX(kind_, minor_, type_)                                           \
	{                                                                      \
		.magic = MAGIC, .abi_major = MAJOR, .abi_minor = (minor_),     \
		.kind = (kind_), .size = SIZE(type_), .name = NAME,            \
	}

#ifdef WITHOUT_NOTE
#define NOTE(kind, type)
#else
#define NOTE(kind, type)                                                       \
	__attribute__((section(".note.tcpinspect"), used, aligned(4)))         \
	static const struct {                                                  \
		uint32_t namesz, descsz, type_;                                \
		char owner[12];                                                \
		struct old_prefix prefix;                                      \
	} note = { 11, sizeof(struct old_prefix), 1, "tcpinspect", PREFIX(kind, NOTE_MINOR, type) };
#endif

#endif

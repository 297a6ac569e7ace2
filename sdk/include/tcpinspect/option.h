/* SPDX-License-Identifier: BSD-2-Clause OR LGPL-2.1 */
/*
 * tcpinspect/option.h - one option is one row of a table.
 *
 * From the row come the parser, the messages with file and line, "did you
 * mean", the commented default ini and the man page. The daemon, its plugins
 * and its sinks all describe their options with it. Options that a BPF program
 * reads are declared there (TI_OPTION in bpf.h) and become such rows at load.
 */
#ifndef TCPINSPECT_OPTION_H
#define TCPINSPECT_OPTION_H

#include <stddef.h>
#include <stdint.h>

/* Type, how it is written in the ini file, and what is stored at `offset`. */
enum ti_option_type {
	TI_OPT_BOOL,     /* yes|no|true|false|on|off|1|0      bool */
	TI_OPT_U32,      /* 100                               uint32_t */
	TI_OPT_U64,      /* 100                               uint64_t */
	TI_OPT_DURATION, /* 10s, 500ms, 5m, 1h, 100us, 5ns    uint64_t, nanoseconds;
			    a number without a unit but 0 is an error */
	TI_OPT_SIZE,     /* 64KiB, 8MiB, 1GiB, 4096           uint64_t, bytes */
	TI_OPT_PERCENT,  /* 50 or 50%                         uint32_t, 0..100 */
	TI_OPT_ENUM,     /* one of `choices`                  uint32_t, its index */
	TI_OPT_STRING,   /* text                              char *, see below */
	TI_OPT_LIST,     /* a, b, c                           char *, see below */
	TI_OPT_MODE,     /* 0640, octal                       uint32_t */
	TI_OPT_PREFIXES, /* 192.0.2.0/24, 2001:db8::1         char *, a list; since ABI 1.2 */
};

/*
 * One option. Frozen for 1.x, since modules hold arrays of it. Everything pointed to must live as long as the plugin or sink.
 *
 * TI_OPT_STRING, TI_OPT_LIST and TI_OPT_PREFIXES store a pointer to a NUL-terminated string that
 * the daemon owns and that stays valid until the module's stop() has returned;
 * NULL when the option is unset and has no default. A list is stored as its
 * items joined by single commas, blanks around items removed, empty items
 * refused. Prefixes are at most TI_FILTER_PREFIXES (filter.h), with no bits set beyond their
 * length; ::/0 is all IPv6.
 */
struct ti_option {
	const char *key;    /* [a-z][a-z0-9_]* */
	enum ti_option_type type;
	size_t offset;      /* where the value goes in the module's config struct */
	const char *def;    /* default as it would be written; NULL: none */
	int64_t min, max;   /* numbers, in the unit stored, inclusive;
			       both 0: any. Strings: length in bytes */
	const char *help;   /* one sentence, no full stop */
	const char *const *choices; /* TI_OPT_ENUM: NULL-terminated */
	uint64_t flags;     /* TI_OPT_REQUIRED */
	uint64_t reserved;  /* 0 */
};

/* A string or list that must be given: without it the configuration is refused. */
#define TI_OPT_REQUIRED 1

#endif

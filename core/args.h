/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * args.h - the command line: one table of options, one of subcommands. Parsing,
 * `help` and the man page come from them.
 */
#ifndef TI_ARGS_H
#define TI_ARGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Exit codes (DESIGN: "Names that scripts rely on"). */
enum ti_exit {
	TI_EXIT_DONE = 0,
	TI_EXIT_FAILED = 1,      /* at run time */
	TI_EXIT_USAGE = 2,       /* command line or configuration */
	TI_EXIT_PERMISSION = 3,
	TI_EXIT_UNSUPPORTED = 4, /* no plugin can run on this kernel */
};

#define TI_STATS_AT_END UINT64_MAX

struct ti_words {
	const char **word; /* into argv */
	size_t n;
};

/* What was given; NULL, 0 and false when it was not. Strings point into argv. */
struct ti_args {
	const char *config;         /* -c */
	const char *plugins;        /* -p */
	const char *interfaces;     /* -i */
	const char *output;         /* -o: "json" or "text" */
	struct ti_words plugin_files; /* -P */
	struct ti_words sink_files; /* -S */
	struct ti_words set;        /* --set */
	const char *plugin_dir, *sink_dir;
	const char *hook;           /* --hook */
	bool autotools;
	uint64_t duration;          /* ns */
	uint64_t count;
	uint64_t stats;             /* --stats: ns from one print to the next; TI_STATS_AT_END */
	bool json, clean, realtime;
	bool no_sinks;              /* set by commands that send no event */
	bool no_host;               /* set where events are another host's */
	unsigned verbose, quiet;
	struct ti_words rest;       /* what follows the options */
};

struct ti_command {
	const char *name;
	const char *rest;    /* its further arguments, for the usage line; "" */
	const char *options; /* letters of the options it takes (see args.c) */
	const char *help;
	int (*run)(const struct ti_args *a); /* an enum ti_exit */
};
extern const struct ti_command ti_commands[]; /* main.c; ends with name NULL */

/* Parse argv[1..] for a command: 0, or -EINVAL (said on stderr). */
int ti_args_parse(struct ti_args *a, const struct ti_command *c, int argc, char **argv);
void ti_args_free(struct ti_args *a);

void ti_args_usage(FILE *f);                                    /* all commands */
void ti_args_help(FILE *f, const struct ti_command *c);         /* one */
void ti_args_man(FILE *f);                                      /* both, as man(7) source */

#endif

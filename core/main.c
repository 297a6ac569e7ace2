/* SPDX-License-Identifier: GPL-2.0-or-later */
/* main.c - the table of subcommands. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "args.h"
#include "callback.h"
#include "daemon.h"
#include "doctor.h"
#include "generate.h"
#include "json.h"
#include "list.h"
#include "log.h"
#include "nearest.h"
#include "new.h"
#include "option.h"
#include "probe.h"
#include "replay.h"
#include "setup.h"

static int cmd_check(const struct ti_args *a)
{
	struct ti_setup s = { 0 };
	int r = ti_setup_load(&s, a);
	size_t plugins = s.n_plugins, sinks = s.n_sinks;
	bool good = r == 0 && !s.n_failed;

	ti_setup_free(&s);
	if (a->json)
		printf("{\"ok\":%s,\"plugins\":%zu,\"sinks\":%zu}\n", good ? "true" : "false", plugins, sinks);
	else if (good)
		printf("The configuration is good: %zu plugin%s, %zu sink%s.\n", plugins,
		       plugins == 1 ? "" : "s", sinks, sinks == 1 ? "" : "s");
	return good ? TI_EXIT_DONE : TI_EXIT_USAGE;
}

static int cmd_version(const struct ti_args *a)
{
	if (a->json)
		printf("{\"version\":\"%s\",\"abi\":\"%d.%d\"}\n", TI_VERSION, TI_ABI_MAJOR, TI_ABI_MINOR);
	else
		printf("tcpinspect %s (plugin ABI %d.%d)\n", TI_VERSION, TI_ABI_MAJOR, TI_ABI_MINOR);
	return TI_EXIT_DONE;
}

static char **arguments;

/* An executable of its own, beside this one: it links what this one doesn't. */
static int cmd_replay(const struct ti_args *a)
{
	char path[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - sizeof("-replay"));

	(void)a;
	if (n < 0)
		return ti_err(TI_EXIT_FAILED, "/proc/self/exe: %s", strerror(errno));
	strcpy(path + n, "-replay");
	execv(path, arguments);
	ti_err(0, "%s: %s%s", path, strerror(errno),
	       errno == ENOENT ? ": this tcpinspect was built without it, since libpcap or zlib was missing" : "");
	return TI_EXIT_FAILED;
}

static const struct ti_command *command_of(const char *name)
{
	for (const struct ti_command *c = ti_commands; c->name; c++)
		if (!strcmp(c->name, name))
			return c;
	return NULL;
}

static int unknown_command(const char *name)
{
	const char *near;
	size_t n = 0;

	while (ti_commands[n].name)
		n++;
	near = ti_nearest(name, ti_commands, n, sizeof(*ti_commands));
	fprintf(stderr, "tcpinspect: no command '%s'%s%s%s\n\n", name, near ? "; did you mean '" : "",
		near ? near : "", near ? "'?" : "");
	ti_args_usage(stderr);
	return TI_EXIT_USAGE;
}

static int cmd_help(const struct ti_args *a)
{
	const struct ti_command *c;

	if (!a->rest.n) {
		ti_args_usage(stdout);
		return TI_EXIT_DONE;
	}
	c = command_of(a->rest.word[0]);
	if (!c)
		return unknown_command(a->rest.word[0]);
	ti_args_help(stdout, c);
	return TI_EXIT_DONE;
}

#define DIRS "\200\201" /* --plugin-dir, --sink-dir */
const struct ti_command ti_commands[] = {
	{ "run", "", "cpiosdn\204PS" DIRS "vq", "Run the enabled plugins until Ctrl-C", ti_cmd_run },
	{ "check", "", "cpisPS" DIRS "jvq", "Check the configuration and start nothing", cmd_check },
	{ "list", "", "PS" DIRS "jv", "List the plugins and sinks that are installed", ti_cmd_list },
	TI_COMMAND_REPLAY(cmd_replay),
	{ "doctor", "", "cpiPS" DIRS "j\202v", "Tell for each plugin whether this host can run it, and at which hook", ti_cmd_doctor },
	{ "new", "NAME", "\214\215q", "Write a folder with a plugin to begin with: source, test, Makefile", ti_cmd_new },
	{ "version", "", "j", "Print the version and the plugin ABI", cmd_version },
	{ "help", "[COMMAND]", "", "Show this, or a command's options", cmd_help },
	{ "generate", "ini|man-ini|man-options|man-events|readme", "PS" DIRS "v", NULL, ti_cmd_generate },
	{ 0 },
};

/* Else a socket or map could become number 1, and be printed to. */
static void open_standard_fds(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
}

int main(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : "";
	const struct ti_command *c;
	struct ti_args a;
	int code;

	if (!strcmp(name, "--help") || !strcmp(name, "-h"))
		name = "help";
	if (!strcmp(name, "--version") || !strcmp(name, "-V"))
		name = "version";
	if (!name[0]) {
		ti_args_usage(stderr);
		return TI_EXIT_USAGE;
	}
	c = command_of(name);
	if (!c)
		return unknown_command(name);
	arguments = argv + 1;
	open_standard_fds();
	ti_calls_watch(true);
	setvbuf(stdout, NULL, _IOLBF, 0);
	ti_probe_libbpf_log();
	if (ti_args_parse(&a, c, argc - 1, argv + 1) < 0) {
		ti_args_free(&a);
		return TI_EXIT_USAGE;
	}
	if (a.verbose)
		ti_log_level(TI_LOG_DEBUG);
	else if (a.quiet)
		ti_log_level(TI_LOG_WARNING);
	code = c->run(&a);
	ti_args_free(&a);
	return code;
}

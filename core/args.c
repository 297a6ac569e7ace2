/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "args.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include "log.h"
#include "option.h"

/* How an option's value is stored. */
enum how { FLAG, COUNT, TEXT, WORDS, DURATION, PERIOD, NUMBER, FORMAT };

#define AT(field) offsetof(struct ti_args, field)
/* Letters above 127 have no short form. */
static const struct arg {
	unsigned char letter;
	const char *name, *value;
	enum how how;
	size_t offset;
	const char *help;
} table[] = {
	{ 'c', "config", "FILE", TEXT, AT(config), "configuration to use instead of the installed one" },
	{ 'p', "plugins", "PLUGIN,...", TEXT, AT(plugins), "run these plugins, in this order, and no others" },
	{ 'P', "plugin-file", "FILE", WORDS, AT(plugin_files), "run the plugin in this .so as well; may be repeated" },
	{ 'S', "sink-file", "FILE", WORDS, AT(sink_files), "make the sink in this .so known as well; may be repeated" },
	{ 'i', "interfaces", "IFACE,...", TEXT, AT(interfaces), "interfaces to attach to; patterns as in the shell, !PATTERN leaves out" },
	{ 'o', "output", "json|text", FORMAT, AT(output), "print every event on standard output in this form" },
	{ 's', "set", "KEY=VALUE", WORDS, AT(set), "set an option over the files: plugin.synflood.alarm_rate=200; may be repeated" },
	{ 'd', "duration", "TIME", DURATION, AT(duration), "end after this time (30s, 5m)" },
	{ 'n', "count", "N", NUMBER, AT(count), "end after N events" },
	{ 'v', "verbose", NULL, COUNT, AT(verbose), "say more" },
	{ 'q', "quiet", NULL, COUNT, AT(quiet), "say only warnings and errors" },
	{ 'j', "json", NULL, FLAG, AT(json), "print JSON, for scripts" },
	{ 128, "plugin-dir", "DIR", TEXT, AT(plugin_dir), "folder of the plugins instead of the installed one" },
	{ 129, "sink-dir", "DIR", TEXT, AT(sink_dir), "folder of the sinks instead of the installed one" },
	{ 132, "stats", "TIME", PERIOD, AT(stats), "print all metrics on standard error at the end, with a time also that often, as Prometheus reads them" },
	{ 131, "realtime", NULL, FLAG, AT(realtime), "as fast as it was captured, not as fast as it goes" },
	{ 130, "clean", NULL, FLAG, AT(clean), "remove what a killed tcpinspect left attached" },
	{ 140, "hook", "HOOK", TEXT, AT(hook), "where the plugin is to run: packet (unless said), tracepoint, kprobe, sockops" },
	{ 141, "autotools", NULL, FLAG, AT(autotools), "with configure.ac and Makefile.am in the place of a Makefile" },
};

static const struct arg *arg_of(int letter)
{
	for (size_t i = 0; i < TI_ARRAY_SIZE(table); i++)
		if (table[i].letter == letter)
			return &table[i];
	return NULL;
}

static int add_word(struct ti_words *w, const char *word)
{
	const char **grown = realloc(w->word, (w->n + 1) * sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	w->word = grown;
	w->word[w->n++] = word;
	return 0;
}

static int store(struct ti_args *a, const struct arg *o, const char *value)
{
	void *at = (char *)a + o->offset;
	char *end;

	switch (o->how) {
	case FLAG:
		*(bool *)at = true;
		return 0;
	case COUNT:
		++*(unsigned *)at;
		return 0;
	case WORDS:
		return add_word(at, value);
	case FORMAT:
		if (strcmp(value, "json") && strcmp(value, "text"))
			return ti_err(-EINVAL, "--%s: '%s' is neither json nor text", o->name, value);
		/* fall through */
	case TEXT:
		if (*(const char **)at)
			return ti_err(-EINVAL, "--%s is given twice; a list is written with commas", o->name);
		*(const char **)at = value;
		return 0;
	case PERIOD:
		*(uint64_t *)at = TI_STATS_AT_END;
		if (!value)
			return 0;
		/* fall through */
	case DURATION:
		if (ti_duration_parse(value, at) < 0 || !*(uint64_t *)at)
			return ti_err(-EINVAL, "--%s: '%s' is no time; write 30s, 5m or 500ms", o->name, value);
		return 0;
	case NUMBER:
		errno = 0;
		*(uint64_t *)at = strtoull(value, &end, 10);
		if (errno || *end || end == value || value[0] == '-' || !*(uint64_t *)at)
			return ti_err(-EINVAL, "--%s: '%s' is no number above 0", o->name, value);
		return 0;
	}
	return -EINVAL;
}

/* The getopt tables of one command. */
static void getopt_tables(const struct ti_command *c, struct option *longs, char *shorts)
{
	for (const char *l = c->options; *l; l++) {
		const struct arg *o = arg_of((unsigned char)*l);

		*longs++ = (struct option){ o->name, !o->value ? no_argument : o->how == PERIOD ? optional_argument : required_argument, NULL, o->letter };
		if (o->letter < 128) {
			*shorts++ = o->letter;
			if (o->value)
				*shorts++ = ':';
		}
	}
	*longs++ = (struct option){ "help", no_argument, NULL, 'h' };
	*longs = (struct option){ 0 };
	strcpy(shorts, "h");
}

int ti_args_parse(struct ti_args *a, const struct ti_command *c, int argc, char **argv)
{
	struct option longs[TI_ARRAY_SIZE(table) + 2];
	char shorts[2 * TI_ARRAY_SIZE(table) + 2];
	int letter, r = 0;

	memset(a, 0, sizeof(*a));
	getopt_tables(c, longs, shorts);
	optind = 1;
	while (r == 0 && (letter = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
		if (letter == 'h') {
			ti_args_help(stdout, c);
			exit(TI_EXIT_DONE);
		}
		r = letter == '?' ? -EINVAL : store(a, arg_of(letter), optarg);
	}
	for (; r == 0 && optind < argc; optind++)
		r = add_word(&a->rest, argv[optind]);
	if (r == 0 && a->rest.n && !c->rest[0])
		r = ti_err(-EINVAL, "%s: unexpected '%s'", c->name, a->rest.word[0]);
	if (r < 0)
		fprintf(stderr, "Try 'tcpinspect help %s'.\n", c->name);
	return r;
}

void ti_args_free(struct ti_args *a)
{
	free(a->plugin_files.word);
	free(a->sink_files.word);
	free(a->set.word);
	free(a->rest.word);
}

void ti_args_usage(FILE *f)
{
	fprintf(f, "Usage: tcpinspect COMMAND [OPTION...]\n\n");
	for (const struct ti_command *c = ti_commands; c->name; c++)
		if (c->help)
			fprintf(f, "  %-9s %s\n", c->name, c->help);
	fprintf(f, "\n'tcpinspect help COMMAND' tells a command's options. To begin with:\n"
		   "  sudo tcpinspect run -p synflood -i eth0\n");
}

void ti_args_help(FILE *f, const struct ti_command *c)
{
	fprintf(f, "Usage: tcpinspect %s%s%s%s\n\n%s.\n\n", c->name, c->options[0] ? " [OPTION...]" : "",
		c->rest[0] ? " " : "", c->rest, c->help ? c->help : "");
	for (const char *l = c->options; *l; l++) {
		const struct arg *o = arg_of((unsigned char)*l);
		char left[64], shortform[8] = "    ";

		if (o->letter < 128)
			snprintf(shortform, sizeof(shortform), "-%c, ", o->letter);
		snprintf(left, sizeof(left), "%s--%s%s%s%s", shortform, o->name,
			 o->how == PERIOD ? "[=" : o->value ? " " : "", o->value ? o->value : "",
			 o->how == PERIOD ? "]" : "");
		fprintf(f, "  %-30s %s\n", left, o->help);
	}
}

void ti_args_man(FILE *f)
{
	for (const struct ti_command *c = ti_commands; c->name; c++) {
		if (!c->help)
			continue;
		fprintf(f, ".SS \"%s%s%s\"\n%s.\n", c->name, c->rest[0] ? " " : "", c->rest, c->help);
		for (const char *l = c->options; *l; l++) {
			const struct arg *o = arg_of((unsigned char)*l);

			fprintf(f, ".TP\n");
			if (o->letter < 128)
				fprintf(f, "\\fB\\-%c\\fR, ", o->letter);
			fprintf(f, "\\fB\\-\\-%s\\fR", o->name);
			if (o->value)
				fprintf(f, o->how == PERIOD ? "[=\\fI%s\\fR]" : " \\fI%s\\fR", o->value);
			fprintf(f, "\n%s\n", o->help);
		}
	}
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * generate.c - `tcpinspect generate`: the commented default ini and the option
 * parts of the man pages, out of the tables that the parser uses. Called by the
 * build; not shown in `help`.
 */
#include "generate.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include "log.h"
#include "option.h"
#include "setup.h"

struct section {
	const char *title; /* "plugin synflood" */
	const char *about;
	const struct ti_option *tables[3];
	size_t n[3];
	const struct ti_bpf_option *bpf;
	size_t n_bpf;
	const struct ti_option *filters; /* options that plugins have in common */
	size_t n_filters;
};

typedef void (*option_fn)(const struct ti_option *o);

static void each_option(const struct section *s, option_fn fn)
{
	for (size_t t = 0; t < TI_ARRAY_SIZE(s->tables); t++)
		for (size_t i = 0; i < s->n[t]; i++)
			fn(&s->tables[t][i]);
	for (size_t i = 0; i < s->n_bpf; i++)
		fn(&s->bpf[i].row);
	for (size_t i = 0; i < s->n_filters; i++)
		fn(&s->filters[i]);
}

/* --- ini ----------------------------------------------------------------- */

static void option_ini(const struct ti_option *o)
{
	char range[256];

	ti_option_range(o, range, sizeof(range));
	printf("# %s%s%s%s\n#%s = %s\n", o->help ? o->help : "", range[0] ? " (" : "", range,
	       range[0] ? ")" : "", o->key, o->def ? o->def : "");
}

static void section_ini(const struct section *s)
{
	bool comment = !strncmp(s->title, "sink ", 5) || !strncmp(s->title, "route ", 6);

	printf("\n# %s\n%s[%s]\n", s->about, comment ? "#" : "", s->title);
	if (!strncmp(s->title, "plugin ", 7))
		printf("enabled = yes\n");
	each_option(s, option_ini);
}

static void head_ini(void)
{
	printf("# tcpinspect.ini - see tcpinspect.ini(5). `tcpinspect check` tells what is wrong with\n"
	       "# file and line. What stands here behind '#' is the default. Files *.ini in\n"
	       "# tcpinspect.d/ beside this one are read after it, in the order of their names,\n"
	       "# and override it. Without any sink events go to the console; without any route\n"
	       "# every event goes to every sink.\n");
}

/* --- man ----------------------------------------------------------------- */

/* Text for man(7): backslashes and leading dots and quotes are markup. */
static void roff(const char *text)
{
	if (*text == '.' || *text == '\'')
		fputs("\\&", stdout);
	for (; *text; text++)
		if (*text == '\\')
			fputs("\\e", stdout);
		else if (*text == '-')
			fputs("\\-", stdout);
		else
			putchar(*text);
}

static void option_man(const struct ti_option *o)
{
	char range[256];

	printf(".TP\n\\fB%s\\fR = \\fI%s\\fR\n", o->key, ti_option_type_name(o->type));
	roff(o->help ? o->help : "");
	ti_option_range(o, range, sizeof(range));
	if (range[0]) {
		fputs(" (", stdout);
		roff(range);
		putchar(')');
	}
	fputs(o->flags & TI_OPT_REQUIRED ? ". Must be given" : ". Default: ", stdout);
	roff(o->flags & TI_OPT_REQUIRED ? "" : o->def ? o->def : "none");
	fputs(".\n", stdout);
}

static void section_man(const struct section *s)
{
	printf(".SS \"[%s]\"\n", s->title);
	roff(s->about);
	fputs(".\n", stdout);
	each_option(s, option_man);
}

/* --- sections ------------------------------------------------------------ */

typedef void (*section_fn)(const struct section *s);

static int plugin_section(struct ti_module *m, section_fn fn)
{
	ti_cleanup(ti_probe_freep) struct ti_probe *p = NULL;
	struct ti_option filters[TI_FILTERS];
	char title[64];
	size_t n;
	int r = ti_module_open(m);

	if (r >= 0)
		r = ti_probe_open(&p, m->prefix.name, m->plugin.bpf,
				  (const char *)m->plugin.bpf_end - (const char *)m->plugin.bpf);
	if (r < 0)
		return r;
	snprintf(title, sizeof(title), "plugin %s", m->prefix.name);
	n = ti_filter_offered(p->schema, m->plugin.options, m->plugin.n_options, filters);
	fn(&(struct section){ .title = title, .about = m->plugin.summary,
			      .tables = { m->plugin.options, ti_plugin_options + 1 },
			      .n = { m->plugin.n_options, ti_plugin_n_options - 1 },
			      .bpf = p->schema->options, .n_bpf = p->schema->n_options,
			      .filters = filters, .n_filters = n });
	return 0;
}

static int sink_section(struct ti_module *m, section_fn fn)
{
	char title[64];
	int r = ti_module_open(m);

	if (r < 0)
		return r;
	snprintf(title, sizeof(title), "sink %s", m->prefix.name);
	fn(&(struct section){ .title = title, .about = m->sink.summary,
			      .tables = { m->sink.options, ti_sink_options },
			      .n = { m->sink.n_options, ti_sink_n_options } });
	return 0;
}

static int each_section(struct ti_setup *s, section_fn fn)
{
	int r = 0;

	fn(&(struct section){ .title = "tcpinspect", .about = "The daemon", .tables = { ti_core_options },
			      .n = { ti_core_n_options } });
	for (size_t i = 0; r >= 0 && i < s->n_plugin_modules; i++)
		r = plugin_section(&s->plugin_modules[i], fn);
	for (size_t i = 0; r >= 0 && i < s->n_sink_modules; i++)
		r = sink_section(&s->sink_modules[i], fn);
	fn(&(struct section){ .title = "route NAME", .about = "Which events go to which sinks",
			      .tables = { ti_route_options }, .n = { ti_route_n_options } });
	return r;
}

int ti_cmd_generate(const struct ti_args *a)
{
	const char *what = a->rest.n == 1 ? a->rest.word[0] : "";
	struct ti_setup s = { 0 };
	int r = 0;

	if (!strcmp(what, "man-options")) {
		ti_args_man(stdout);
		return TI_EXIT_DONE;
	}
	if (strcmp(what, "ini") && strcmp(what, "man-ini")) {
		ti_err(0, "generate: say ini, man-ini or man-options");
		return TI_EXIT_USAGE;
	}
	r = ti_setup_modules(&s, a);
	if (r >= 0 && !strcmp(what, "ini"))
		head_ini();
	if (r >= 0)
		r = each_section(&s, !strcmp(what, "ini") ? section_ini : section_man);
	ti_setup_free(&s);
	return r < 0 ? TI_EXIT_FAILED : TI_EXIT_DONE;
}

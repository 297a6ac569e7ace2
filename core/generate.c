/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * generate.c - `tcpinspect generate`: the commented default ini, parts of the man
 * pages and of the plugins' README.md, out of the tables that the parser uses and
 * what BPF objects say of their events. Called by the build; not shown in `help`.
 */
#include "generate.h"

#include <stdio.h>
#include <string.h>
#include "generate_events.h"
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
	const struct ti_schema *schema; /* of a plugin, else NULL */
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

static void option_man(const struct ti_option *o)
{
	char range[256];

	printf(".TP\n\\fB%s\\fR = \\fI%s\\fR\n", o->key, ti_option_type_name(o->type));
	ti_roff(o->help ? o->help : "");
	ti_option_range(o, range, sizeof(range));
	if (range[0]) {
		fputs(" (", stdout);
		ti_roff(range);
		putchar(')');
	}
	fputs(o->flags & TI_OPT_REQUIRED ? ". Must be given" : ". Default: ", stdout);
	ti_roff(o->flags & TI_OPT_REQUIRED ? "" : o->def ? o->def : "none");
	fputs(".\n", stdout);
}

static void section_man(const struct section *s)
{
	printf(".SS \"[%s]\"\n", s->title);
	ti_roff(s->about);
	fputs(".\n", stdout);
	each_option(s, option_man);
}

static void section_man_events(const struct section *s)
{
	if (!s->schema)
		return;
	printf(".SH \"EVENTS OF %s\"\n", s->title + strlen("plugin "));
	ti_roff(s->about);
	fputs(".\n", stdout);
	ti_events_man(s->schema);
	ti_metrics_man(s->schema);
}

/* --- README.md ----------------------------------------------------------- */

static void option_readme(const struct ti_option *o)
{
	char range[256];

	printf("| `%s` | ", o->key);
	ti_markdown(o->flags & TI_OPT_REQUIRED ? "must be given" : o->def ? o->def : "none");
	fputs(" | ", stdout);
	ti_markdown(ti_option_range(o, range, sizeof(range)));
	fputs(" | ", stdout);
	ti_markdown(o->help ? o->help : "");
	fputs(" |\n", stdout);
}

/* The plugin's own in a table; what others have, too, by its name. */
static void section_readme(const struct section *s)
{
	const char *comma = "";

	if (!s->schema)
		return;
	ti_events_readme(s->schema);
	ti_metrics_readme(s->schema);
	printf("\n## Options\n\n");
	if (s->n[0] || s->n_bpf)
		printf("| option | default | range | |\n|---|---|---|---|\n");
	for (size_t i = 0; i < s->n[0]; i++)
		option_readme(&s->tables[0][i]);
	for (size_t i = 0; i < s->n_bpf; i++)
		option_readme(&s->bpf[i].row);
	printf("%sOf those that plugins have in common: ", s->n[0] || s->n_bpf ? "\n" : "");
	for (size_t t = 1; t < TI_ARRAY_SIZE(s->tables); t++)
		for (size_t i = 0; i < s->n[t]; i++, comma = ", ")
			printf("%s`%s`", comma, s->tables[t][i].key);
	for (size_t i = 0; i < s->n_filters; i++, comma = ", ")
		printf("%s`%s`", comma, s->filters[i].key);
	printf("; see tcpinspect.ini(5).\n");
}

/* --- sections ------------------------------------------------------------ */

typedef void (*section_fn)(const struct section *s);

static int plugin_section(struct ti_module *m, section_fn fn)
{
	ti_cleanup(ti_probe_freep) struct ti_probe *p = NULL;
	struct ti_option filters[TI_FILTERS], common[TI_PLUGIN_OPTIONS];
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
			      .tables = { m->plugin.options, common },
			      .n = { m->plugin.n_options, ti_plugin_offered(p, common) },
			      .bpf = p->schema->options, .n_bpf = p->schema->n_options,
			      .filters = filters, .n_filters = n, .schema = p->schema });
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

static const struct {
	const char *name;
	void (*head)(void);
	section_fn section;
} whats[] = {
	{ "ini", head_ini, section_ini },
	{ "man-ini", NULL, section_man },
	{ "man-events", NULL, section_man_events },
	{ "readme", NULL, section_readme },
};

static int generate(const struct ti_args *a, size_t what)
{
	struct ti_setup s = { 0 };
	int r = ti_setup_modules(&s, a);

	if (r >= 0 && whats[what].head)
		whats[what].head();
	if (r >= 0)
		r = each_section(&s, whats[what].section);
	ti_setup_free(&s);
	return r < 0 ? TI_EXIT_FAILED : TI_EXIT_DONE;
}

int ti_cmd_generate(const struct ti_args *a)
{
	const char *name = a->rest.n == 1 ? a->rest.word[0] : "";

	if (!strcmp(name, "man-options")) {
		ti_args_man(stdout);
		return TI_EXIT_DONE;
	}
	for (size_t i = 0; i < TI_ARRAY_SIZE(whats); i++)
		if (!strcmp(name, whats[i].name))
			return generate(a, i);
	ti_err(0, "generate: say ini, man-ini, man-options, man-events or readme");
	return TI_EXIT_USAGE;
}

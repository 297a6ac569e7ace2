/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * list.c - `tcpinspect list`: the modules found and what they say of
 * themselves. Opens them, runs none of their callbacks.
 */
#include "list.h"

#include <stdio.h>
#include <string.h>
#include "json.h"
#include "log.h"
#include "option.h"
#include "setup.h"

/* --- text ---------------------------------------------------------------- */

static void option_text(const struct ti_option *o)
{
	char range[256];

	ti_option_range(o, range, sizeof(range));
	printf("      %-18s %s%s%s%s; %s%s\n", o->key, o->help ? o->help : "", range[0] ? " (" : "", range,
	       range[0] ? ")" : "", o->flags & TI_OPT_REQUIRED ? "must be given" : "default ",
	       o->flags & TI_OPT_REQUIRED ? "" : o->def ? o->def : "none");
}

static void event_text(const struct ti_event_type *t)
{
	printf("    event %s (%s): %s\n", t->name, ti_severity_name(t->severity), t->help ? t->help : "");
	for (uint32_t i = 0; i < t->n_fields; i++) {
		const struct ti_field *f = &t->fields[i];
		char type[32];

		printf("      %-18s %-9s %s", f->name, ti_field_type_name(f, type, sizeof(type)), f->help);
		for (uint32_t k = 0; k < f->n_names; k++)
			printf("%s%s", k ? ", " : f->help[0] ? ": " : "", f->names[k].name);
		for (uint32_t k = 0; k < f->n_items && f->items[k].name[0]; k++)
			printf("%s%s", k ? ", " : f->help[0] ? "; each " : "each ", f->items[k].name);
		putchar('\n');
	}
}

static void metrics_text(const struct ti_bpf_metrics *m)
{
	for (size_t i = 0; i < m->n_metrics; i++) {
		printf("    metric %s (%s", m->metrics[i].printed, ti_metric_kind_name(m->metrics[i].kind));
		for (uint32_t k = 0; k < m->n_labels; k++)
			printf("%s%s", k ? ", " : " by ", m->labels[k].name);
		printf("): %s\n", m->metrics[i].help);
	}
}

static void hooks_text(const struct ti_probe *p)
{
	for (size_t i = 0; i < p->n_programs; i++) {
		const struct ti_program *g = &p->programs[i];
		bool together = i && ti_program_together(g - 1, g);

		if (!i || strcmp(g[-1].says->group, g->says->group))
			printf("%s    hooks for %s%s: ", i ? "\n" : "", g->says->group,
			       g->says->optional ? " (optional)" : "");
		else
			printf(together ? " + " : ", ");
		printf("%s%s%s", g->hook->name, g->target[0] ? " " : "", g->target);
	}
	putchar('\n');
}

static void plugin_text(const struct ti_module *m, const struct ti_probe *p)
{
	struct ti_option filters[TI_FILTERS];
	size_t n = ti_filter_offered(p->schema, m->plugin.options, m->plugin.n_options, filters);

	hooks_text(p);
	if (m->plugin.n_options || p->schema->n_options || n)
		printf("    options\n");
	for (uint32_t i = 0; i < m->plugin.n_options; i++)
		option_text(&m->plugin.options[i]);
	for (size_t i = 0; i < p->schema->n_options; i++)
		option_text(&p->schema->options[i].row);
	for (size_t i = 0; i < n; i++)
		option_text(&filters[i]);
	for (size_t i = 0; i < p->schema->n_types; i++)
		event_text(&p->schema->types[i]);
	for (size_t i = 0; i < p->schema->n_metrics; i++)
		metrics_text(&p->schema->metrics[i]);
}

static void module_text(struct ti_module *m, bool verbose)
{
	bool sink = m->prefix.kind == TI_MODULE_SINK;
	ti_cleanup(ti_probe_freep) struct ti_probe *p = NULL;

	if (ti_module_open(m) < 0)
		return;
	printf("  %-12s %-8s ABI %u.%u  %s\n", m->prefix.name, sink ? m->sink.version : m->plugin.version,
	       m->prefix.abi_major, m->prefix.abi_minor, sink ? m->sink.summary : m->plugin.summary);
	if (!verbose)
		return;
	printf("    file %s\n", m->path);
	if (sink) {
		printf("    options\n");
		for (uint32_t i = 0; i < m->sink.n_options; i++)
			option_text(&m->sink.options[i]);
	} else if (ti_probe_open(&p, m->prefix.name, m->plugin.bpf,
				 (const char *)m->plugin.bpf_end - (const char *)m->plugin.bpf) == 0) {
		plugin_text(m, p);
	}
	putchar('\n');
}

/* --- JSON ---------------------------------------------------------------- */

static void option_json(const struct ti_option *o, const char *comma)
{
	char range[256];

	printf("%s{\"key\":\"%s\",\"type\":\"%s\",\"default\":", comma, o->key, ti_option_type_name(o->type));
	ti_json_string(stdout, o->def);
	printf(",\"required\":%s,\"range\":", o->flags & TI_OPT_REQUIRED ? "true" : "false");
	ti_json_string(stdout, ti_option_range(o, range, sizeof(range)));
	printf(",\"help\":");
	ti_json_string(stdout, o->help);
	putchar('}');
}

static void fields_json(const struct ti_field *fields, uint32_t n)
{
	char type[32];

	putchar('[');
	for (uint32_t i = 0; i < n; i++) {
		const struct ti_field *f = &fields[i];

		printf("%s{\"name\":\"%s\",\"type\":\"%s\",\"help\":", i ? "," : "", f->name,
		       ti_field_type_name(f, type, sizeof(type)));
		ti_json_string(stdout, f->help);
		if (f->n_names)
			printf(",\"values\":[");
		for (uint32_t k = 0; k < f->n_names; k++)
			printf("%s\"%s\"", k ? "," : "", f->names[k].name);
		if (f->n_names)
			putchar(']');
		if (f->kind == TI_FIELD_LIST) {
			printf(",\"items\":");
			fields_json(f->items, f->n_items);
		}
		putchar('}');
	}
	putchar(']');
}

static void metrics_json(const struct ti_schema *s)
{
	const char *comma = "";

	printf(",\"metrics\":[");
	for (size_t i = 0; i < s->n_metrics; i++)
		for (size_t k = 0; k < s->metrics[i].n_metrics; k++, comma = ",") {
			const struct ti_bpf_metric *m = &s->metrics[i].metrics[k];

			printf("%s{\"name\":\"%s\",\"type\":\"%s\",\"help\":", comma, m->printed,
			       ti_metric_kind_name(m->kind));
			ti_json_string(stdout, m->help);
			printf(",\"labels\":");
			fields_json(s->metrics[i].labels, s->metrics[i].n_labels);
			putchar('}');
		}
	putchar(']');
}

static void probe_json(const struct ti_probe *p)
{
	printf(",\"hooks\":[");
	for (size_t i = 0; i < p->n_programs; i++)
		printf("%s{\"group\":\"%s\",\"order\":%u,\"hook\":\"%s\",\"target\":\"%s\",\"optional\":%s}", i ? "," : "",
		       p->programs[i].says->group, p->programs[i].says->order, p->programs[i].hook->name,
		       p->programs[i].target, p->programs[i].says->optional ? "true" : "false");
	printf("],\"events\":[");
	for (size_t i = 0; i < p->schema->n_types; i++) {
		const struct ti_event_type *t = &p->schema->types[i];

		printf("%s{\"name\":\"%s\",\"severity\":\"%s\",\"help\":", i ? "," : "", t->name,
		       ti_severity_name(t->severity));
		ti_json_string(stdout, t->help);
		printf(",\"fields\":");
		fields_json(t->fields, t->n_fields);
		putchar('}');
	}
	putchar(']');
	metrics_json(p->schema);
}

/* A probe's options, those that all have in common last. */
static void probe_options_json(const struct ti_module *m, const struct ti_probe *p, const char *comma)
{
	struct ti_option filters[TI_FILTERS];
	size_t n = ti_filter_offered(p->schema, m->plugin.options, m->plugin.n_options, filters);

	for (size_t i = 0; i < p->schema->n_options; i++, comma = ",")
		option_json(&p->schema->options[i].row, comma);
	for (size_t i = 0; i < n; i++, comma = ",")
		option_json(&filters[i], comma);
}

static void module_json(struct ti_module *m, const char *comma)
{
	bool sink = m->prefix.kind == TI_MODULE_SINK;
	const struct ti_option *options = sink ? m->sink.options : m->plugin.options;
	uint32_t n = sink ? m->sink.n_options : m->plugin.n_options;
	ti_cleanup(ti_probe_freep) struct ti_probe *p = NULL;

	printf("%s{\"kind\":\"%s\",\"name\":\"%s\",\"version\":", comma, sink ? "sink" : "plugin", m->prefix.name);
	ti_json_string(stdout, sink ? m->sink.version : m->plugin.version);
	printf(",\"abi\":\"%u.%u\",\"path\":", m->prefix.abi_major, m->prefix.abi_minor);
	ti_json_string(stdout, m->path);
	printf(",\"summary\":");
	ti_json_string(stdout, sink ? m->sink.summary : m->plugin.summary);
	if (!sink)
		ti_probe_open(&p, m->prefix.name, m->plugin.bpf,
			      (const char *)m->plugin.bpf_end - (const char *)m->plugin.bpf);
	printf(",\"options\":[");
	for (uint32_t i = 0; i < n; i++)
		option_json(&options[i], i ? "," : "");
	if (p)
		probe_options_json(m, p, n ? "," : "");
	putchar(']');
	if (p)
		probe_json(p);
	putchar('}');
}

static void all_json(struct ti_setup *s)
{
	const char *comma = "";

	putchar('[');
	for (size_t i = 0; i < s->n_plugin_modules + s->n_sink_modules; i++) {
		struct ti_module *m = i < s->n_plugin_modules ? &s->plugin_modules[i] :
								&s->sink_modules[i - s->n_plugin_modules];

		if (ti_module_open(m) < 0)
			continue;
		module_json(m, comma);
		comma = ",";
	}
	printf("]\n");
}

int ti_cmd_list(const struct ti_args *a)
{
	struct ti_setup s = { 0 };
	int r = ti_setup_modules(&s, a);

	ti_log_level(TI_LOG_WARNING); /* here -v asks for more to be listed */
	if (r >= 0 && a->json) {
		all_json(&s);
	} else if (r >= 0) {
		printf("Plugins%s\n", s.n_plugin_modules ? "" : ": none installed");
		for (size_t i = 0; i < s.n_plugin_modules; i++)
			module_text(&s.plugin_modules[i], a->verbose);
		printf("Sinks%s\n", s.n_sink_modules ? "" : ": none installed");
		for (size_t i = 0; i < s.n_sink_modules; i++)
			module_text(&s.sink_modules[i], a->verbose);
	}
	ti_setup_free(&s);
	return r < 0 ? TI_EXIT_USAGE : TI_EXIT_DONE;
}

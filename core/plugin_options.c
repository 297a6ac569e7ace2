/* SPDX-License-Identifier: GPL-2.0-or-later */
/* plugin_options.c - what the ini says of a plugin: into its config struct, its probe's copy
 * of .rodata and the rows that all plugins have. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "attach.h"
#include "ini.h"
#include "option.h"
#include "plugin_run.h"

#define OPT(field, ...) { .offset = offsetof(struct ti_plugin_common, field), __VA_ARGS__ }
const struct ti_option ti_plugin_options[TI_PLUGIN_OPTIONS] = {
	OPT(enabled, .key = "enabled", .type = TI_OPT_BOOL, .def = "no", .help = "run this plugin"),
	OPT(hook, .key = "hook", .type = TI_OPT_STRING, .def = "auto", .max = 31,
	    .help = "kernel hook to prefer; auto: the plugin's own order"),
	OPT(interfaces, .key = "interfaces", .type = TI_OPT_LIST, .min = 1, .max = 65535,
	    .help = "interfaces to attach to, as in [tcpinspect]; default: those"),
	OPT(binary, .key = "binary", .type = TI_OPT_STRING, .min = 1, .max = 255,
	    .help = "uprobes: library or executable to use instead of the one that the plugin names, a path or a name"),
	OPT(ring_size, .key = "ring_size", .type = TI_OPT_SIZE, .min = 4096, .max = 1 << 30,
	    .help = "ring buffer for events, rounded up to a power of two; default: the plugin's own, "
		    "mostly 1MiB"),
};
#undef OPT

bool ti_plugin_at_interfaces(const struct ti_probe *p)
{
	for (size_t i = 0; i < p->n_programs; i++)
		if (p->programs[i].hook->per_interface)
			return true;
	return false;
}

size_t ti_plugin_offered(const struct ti_probe *p, struct ti_option *out)
{
	bool at_binaries = false;
	size_t n = 0;

	for (size_t i = 0; i < p->n_programs; i++)
		at_binaries |= ti_program_in_binary(&p->programs[i]);
	for (size_t i = 1; i < TI_PLUGIN_OPTIONS; i++) {
		size_t field = ti_plugin_options[i].offset;

		if ((field != offsetof(struct ti_plugin_common, interfaces) || ti_plugin_at_interfaces(p)) &&
		    (field != offsetof(struct ti_plugin_common, binary) || at_binaries))
			out[n++] = ti_plugin_options[i];
	}
	return n;
}

/* Options that the BPF program reads: into the probe's copy of .rodata. */
static void apply_bpf_options(struct ti_plugin_run *p, struct ti_ini *ini, struct ti_ini_section *s)
{
	const struct ti_schema *schema = p->probe->schema;

	for (size_t i = 0; i < schema->n_options; i++) {
		const struct ti_bpf_option *o = &schema->options[i];
		char why[256];

		for (size_t k = 0; s && k < s->n_keys; k++) {
			if (strcmp(s->keys[k].key, o->row.key))
				continue;
			s->keys[k].used = true;
			if (ti_option_parse_at(&o->row, s->keys[k].value,
					       (char *)p->probe->rodata + o->row.offset, o->width,
					       why, sizeof(why)) < 0)
				ti_ini_error(ini, s, &s->keys[k], "%s: %s", o->row.key, why);
		}
	}
}

static const char *key_at(const struct ti_plugin_run *p, size_t i)
{
	if (i < TI_PLUGIN_OPTIONS)
		return ti_plugin_options[i].key;
	i -= TI_PLUGIN_OPTIONS;
	return i < p->d->n_options ? p->d->options[i].key : p->probe->schema->options[i - p->d->n_options].row.key;
}

/* Each key has one meaning: a row that all plugins have, or the plugin's own. */
static int check_keys(const struct ti_plugin_run *p)
{
	size_t n = TI_PLUGIN_OPTIONS + p->d->n_options + p->probe->schema->n_options;

	for (size_t i = TI_PLUGIN_OPTIONS; i < n; i++)
		for (size_t k = 0; k < i; k++)
			if (!strcmp(key_at(p, i), key_at(p, k)))
				return ti_err(-EINVAL, "%s: its option '%s' is %s; choose another name", ti_plugin_name(p),
					      key_at(p, i), k < TI_PLUGIN_OPTIONS ? "one that every plugin has" :
					      "there twice, in TI_OPTION or in the .options of TI_PLUGIN");
	return 0;
}

static int complain_unused(struct ti_plugin_run *p, struct ti_ini *ini, struct ti_ini_section *s)
{
	const struct ti_schema *schema = p->probe->schema;
	struct ti_option *rows = calloc(schema->n_options + 1, sizeof(*rows));
	struct ti_option filters[TI_FILTERS];
	size_t n_filters = ti_filter_offered(schema, p->d->options, p->d->n_options, filters);

	if (!rows)
		return -ENOMEM;
	for (size_t i = 0; i < schema->n_options; i++)
		rows[i] = schema->options[i].row;
	ti_ini_unused(ini, s,
		      (const struct ti_option *const[]){ ti_plugin_options, p->d->options, rows, filters },
		      (const size_t[]){ TI_PLUGIN_OPTIONS, p->d->n_options, schema->n_options, n_filters }, 4);
	free(rows);
	return 0;
}

/* An option that this plugin can't have. */
static void error_at(struct ti_ini *ini, struct ti_ini_section *s, const char *key, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
static void error_at(struct ti_ini *ini, struct ti_ini_section *s, const char *key, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	for (size_t k = 0; s && k < s->n_keys; k++)
		if (!strcmp(s->keys[k].key, key))
			ti_ini_error(ini, s, &s->keys[k], "%s: %s", key, text);
}

static void check_hook(struct ti_plugin_run *p, struct ti_ini *ini, struct ti_ini_section *s)
{
	char have[256] = "";
	size_t n = 0;

	if (!strcmp(p->common.hook, "auto") || ti_probe_offers(p->probe, p->common.hook))
		return;
	for (size_t i = 0; ti_hooks[i] && n < sizeof(have); i++)
		if (ti_probe_offers(p->probe, ti_hooks[i]->name))
			n += snprintf(have + n, sizeof(have) - n, ", %s", ti_hooks[i]->name);
	error_at(ini, s, "hook", "%s has no '%s'; it has auto%s", ti_plugin_name(p), p->common.hook, have);
}

static void apply_binary(struct ti_plugin_run *p, struct ti_ini *ini, struct ti_ini_section *s)
{
	if (p->common.binary && ti_probe_binary(p->probe, p->common.binary) < 0)
		error_at(ini, s, "binary", "%s has no uprobe", ti_plugin_name(p));
}

int ti_plugin_read_options(struct ti_plugin_run *p, struct ti_ini *ini, struct ti_ini_section *s)
{
	char why[256];
	int r = check_keys(p);

	if (r < 0)
		return r;
	if (ti_option_defaults(p->d->options, p->d->n_options, p->config, why, sizeof(why)) < 0)
		return ti_err(-EINVAL, "%s: a default of its own doesn't parse: %s", ti_plugin_name(p), why);
	if (ti_option_defaults(ti_plugin_options, TI_PLUGIN_OPTIONS, &p->common, why, sizeof(why)) < 0)
		return ti_err(-EINVAL, "plugin options: %s", why);
	ti_ini_apply(ini, s, ti_plugin_options, TI_PLUGIN_OPTIONS, &p->common);
	ti_ini_apply(ini, s, p->d->options, p->d->n_options, p->config);
	ti_ini_required(ini, s, ti_plugin_name(p), p->d->options, p->d->n_options, p->config);
	apply_bpf_options(p, ini, s);
	check_hook(p, ini, s);
	ti_filter_read(p->probe, p->d->options, p->d->n_options, ini, s, p->common.hook);
	apply_binary(p, ini, s);
	if (p->common.interfaces && !ti_plugin_at_interfaces(p->probe))
		error_at(ini, s, "interfaces", "%s is not at interfaces: its hooks see the whole host",
			 ti_plugin_name(p));
	return complain_unused(p, ini, s);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* generate_metrics.c - a plugin's metrics as man(7) and as Markdown. */
#include <stdio.h>
#include "generate_events.h"

void ti_metrics_man(const struct ti_schema *s)
{
	if (s->n_metrics)
		printf(".SS \"Metrics\"\n");
	for (size_t i = 0; i < s->n_metrics; i++)
		for (size_t k = 0; k < s->metrics[i].n_metrics; k++) {
			const struct ti_bpf_metrics *m = &s->metrics[i];

			printf(".TP\n\\fB%s\\fR %s", m->metrics[k].printed, ti_metric_kind_name(m->metrics[k].kind));
			for (uint32_t l = 0; l < m->n_labels; l++)
				printf("%s\\fB%s\\fR", l ? ", " : " by ", m->labels[l].name);
			putchar('\n');
			ti_roff(m->metrics[k].help);
			printf("%s\n", m->metrics[k].help[0] ? "" : "\\&");
		}
}

void ti_metrics_readme(const struct ti_schema *s)
{
	if (s->n_metrics)
		printf("\n## Metrics\n\n| metric (`run --stats`) | type | labels | |\n|---|---|---|---|\n");
	for (size_t i = 0; i < s->n_metrics; i++)
		for (size_t k = 0; k < s->metrics[i].n_metrics; k++) {
			const struct ti_bpf_metrics *m = &s->metrics[i];

			printf("| `%s` | %s |", m->metrics[k].printed, ti_metric_kind_name(m->metrics[k].kind));
			for (uint32_t l = 0; l < m->n_labels; l++)
				printf(" `%s`", m->labels[l].name);
			printf(" | ");
			ti_markdown(m->metrics[k].help);
			printf(" |\n");
		}
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * metrics.h - all metrics there are, in a stable order: the daemon's own, then those of
 * its plugins as they declare them. Whatever prints or sends metrics asks here.
 */
#ifndef TI_METRICS_H
#define TI_METRICS_H

#include <stdio.h>
#include "schema.h"
#include "setup.h"

/* One metric, of which samples follow. Valid until the next. */
struct ti_metric {
	const char *name;   /* whole: "tcpinspect_events_total" */
	const char *help;   /* "": none */
	enum ti_metric_kind kind;
	unsigned digits;    /* numbers are to be divided by 10 to this: 9 when ns are printed as s */
	uint32_t n_buckets; /* of a histogram; all but the last have a bound: */
	uint64_t first;     /* first << i, inclusive; to be divided as well */
};

struct ti_label {
	const char *name, *value; /* UTF-8 */
};

/* One value of it, for one set of labels. Valid until the callback returns. */
struct ti_sample {
	const struct ti_label *labels;
	size_t n_labels;
	uint64_t value;          /* a counter's; a gauge's as int64_t; a histogram's sum */
	const uint64_t *buckets; /* a histogram's, each without those before it */
};

struct ti_metrics_out {
	void (*metric)(void *arg, const struct ti_metric *m);
	void (*sample)(void *arg, const struct ti_metric *m, const struct ti_sample *s);
	void *arg;
};

/* All of it, as it is now. */
void ti_metrics_each(const struct ti_setup *s, const struct ti_metrics_out *out);
/* Of that, the daemon's own; and those of one struct of a plugin. */
void ti_metrics_own(const struct ti_setup *s, const struct ti_metrics_out *out);
void ti_metrics_struct(const struct ti_bpf_metrics *says, const struct ti_metric_sets *sets,
		       const struct ti_format_env *env, const struct ti_metrics_out *out);

/* Where they go in Prometheus' text format, version 0.0.4. Starts zeroed but for `f`. */
struct ti_metrics_text {
	FILE *f;
	bool begun; /* of the metric something is printed */
};
struct ti_metrics_out ti_metrics_text_out(struct ti_metrics_text *t);
/* All in that format to standard error, between "# tcpinspect metrics" and "# EOF". */
void ti_metrics_print(const struct ti_setup *s);

#endif

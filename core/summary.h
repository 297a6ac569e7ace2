/* SPDX-License-Identifier: GPL-2.0-or-later */
/* summary.h - what is said at the end of a run: where events went, what was counted. */
#ifndef TI_SUMMARY_H
#define TI_SUMMARY_H

#include "setup.h"

/* Of the plugins that have run, once they are stopped and the router is drained. */
void ti_summary(const struct ti_setup *s);

#endif

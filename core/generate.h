/* SPDX-License-Identifier: GPL-2.0-or-later */
/* generate.h - see generate.c. */
#ifndef TI_GENERATE_H
#define TI_GENERATE_H

#include "args.h"

int ti_cmd_generate(const struct ti_args *a);

#endif

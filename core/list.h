/* SPDX-License-Identifier: GPL-2.0-or-later */
/* list.h - see list.c. */
#ifndef TI_LIST_H
#define TI_LIST_H

#include "args.h"

int ti_cmd_list(const struct ti_args *a);

#endif

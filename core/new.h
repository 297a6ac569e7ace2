/* SPDX-License-Identifier: GPL-2.0-or-later */
/* new.h - `tcpinspect new`: a folder to begin a plugin with. */
#ifndef TI_NEW_H
#define TI_NEW_H

#include "args.h"

int ti_cmd_new(const struct ti_args *a);

#endif

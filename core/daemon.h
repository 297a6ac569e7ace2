/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * daemon.h - `tcpinspect run`: the loop, its signals, start and shutdown.
 */
#ifndef TI_DAEMON_H
#define TI_DAEMON_H

#include "args.h"

int ti_cmd_run(const struct ti_args *a);

#endif

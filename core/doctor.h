/* SPDX-License-Identifier: GPL-2.0-or-later */
/* doctor.h - see doctor.c. */
#ifndef TI_DOCTOR_H
#define TI_DOCTOR_H

#include "args.h"

int ti_cmd_doctor(const struct ti_args *a);

#endif

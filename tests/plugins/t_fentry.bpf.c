/* SPDX-License-Identifier: GPL-2.0-or-later */
#define ENTRY
#include "functions.h"

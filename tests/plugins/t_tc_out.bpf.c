/* SPDX-License-Identifier: GPL-2.0-or-later */
#define HOOK	 TC
#define HOOK_OUT TC_OUT
#include "packets.h"

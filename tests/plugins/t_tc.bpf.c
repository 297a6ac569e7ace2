/* SPDX-License-Identifier: GPL-2.0-or-later */
#define HOOK TC
#include "packets.h"

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* t_xdp under another name: two of them can be at one interface. */
#define HOOK XDP, TC
#include "packets.h"

/* SPDX-License-Identifier: GPL-2.0-or-later */
#define HOOK SOCKET, KPROBE
#include "packets.h"

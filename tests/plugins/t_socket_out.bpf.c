/* SPDX-License-Identifier: GPL-2.0-or-later */
#define HOOK	 SOCKET
#define HOOK_OUT SOCKET_OUT
#include "packets.h"

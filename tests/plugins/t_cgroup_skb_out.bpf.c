/* SPDX-License-Identifier: GPL-2.0-or-later */
#define HOOK	 CGROUP
#define HOOK_OUT CGROUP_OUT
#include "packets.h"
